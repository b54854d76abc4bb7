package ir

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/packet"
)

// SiteKind says what is not known at a site, and so how Substitute reads a
// value for it.
type SiteKind uint8

// The kinds of sites, each with the values that Substitute takes for it. Lists
// are separated by commas; the empty string is the empty list. Objects are
// named by their id, or by the address of their origin.
const (
	SiteInvalid   SiteKind = iota
	SitePeer               // CIDRs, groups and prefix lists: as many rules as there are elements
	SiteProtocol           // "6"; "-1" for all
	SitePorts              // "22-80", "22"
	SiteNumber             // "100"
	SiteBool               // "true", "false"; whether an entry allows, a peering is active, ...
	SiteExists             // how many there are: "0", "1", "2"
	SiteChoice             // the index of the candidate; of an open choice also the name of an object
	SiteGroups             // the further groups that an interface carries
	SiteRules              // groups whose rules the group has as well
	SiteEntries            // network ACLs whose entries the ACL has as well
	SiteRoutes             // route tables whose routes the table has as well
	SiteCIDRs              // further CIDRs of a VPC or a prefix list
	SiteCIDR               // one CIDR; "" for none
	SiteAddress            // one address
	SiteBPA                // "off", "ingress", "bidirectional"
	SiteExclusion          // "none", "bidirectional", "egress"
	SiteServices           // what else listens: "6/443", "17/8000-8100"
	SiteIdentity           // the group that a term stands for
	SiteOther              // further subnets, attachments and transit routes: only ""
)

// Site is a place in the model where something is not known.
type Site struct {
	Unknown *Unknown
	Kind    SiteKind
	Owner   string     // address or id of the thing that it belongs to
	Field   Field      // the attribute, where there is a word for it
	Range   diag.Range // of the attribute

	Candidates int           // of a choice
	Object     Kind          // what another candidate of an open choice is, where there is a word for it
	Ports      Ports         // the widest interval of unknown ports
	Family     packet.Family // that an unknown peer or address is bound to
}

// Terms lists every unknown of a network with where it stands, by place. An
// unknown that stands in several places is listed for each.
func Terms(n *Network) []Site {
	c := newCopier(nil)
	c.collect = true
	c.network(n)
	slices.SortStableFunc(c.sites, func(a, b Site) int {
		return cmp.Or(
			a.Range.Compare(b.Range), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Unknown.Term, b.Unknown.Term),
		)
	})
	return c.sites
}
