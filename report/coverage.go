package report

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Input is one file that was read.
type Input struct {
	Path, Kind, SHA256 string
}

// Coverage says how much of the input the answer rests on.
type Coverage struct {
	Rules      int // security group rules that somebody wrote, one a source
	Entries    int // network ACL entries that somebody wrote
	Interfaces int
	Routes     int // of route tables, the local ones not counted
	Resolved   int // rules and entries of which everything is known
	// Unknown is in the order of the networks; one line for each attribute.
	Unknown     []UnknownValue
	NotAnalysed []ir.Omission
	Inputs      []Input
	Roots       int
}

// UnknownValue is an attribute that is not known.
type UnknownValue struct {
	Address   string
	Attribute string
	Cause     diag.Cause
	// term names the value: equal terms are one value.
	term string
	// filter numbers the rule or entry that it belongs to; 0 for other things.
	filter int
	root   string // of the network; "" for exports
}

// Cover counts what the networks hold.
func Cover(nets []*ir.Network, inputs []Input, roots int) Coverage {
	c := Coverage{Inputs: inputs, Roots: roots}
	for _, n := range nets {
		known := len(c.Unknown)
		for _, g := range n.SecurityGroups {
			c.unknown(g.Origin.Address, "rules", 0, g.Open)
			for _, egress := range []bool{false, true} {
				for _, r := range g.Rules(egress) {
					if r.Origin.Implicit || r.Origin.Aside {
						continue
					}
					c.Rules++
					c.filter(r.Origin.Address, r.Match, r.Maybe)
				}
			}
		}
		for _, a := range n.NetworkACLs {
			c.unknown(a.Origin.Address, "entries", 0, a.Open)
			for _, e := range a.Entries {
				if e.Origin.Implicit || e.Origin.Aside {
					continue
				}
				c.Entries++
				c.filter(e.Origin.Address, e.Match, e.Maybe, attribute{"number", e.Number.Why}, attribute{"action", e.Allow.Why})
			}
		}
		for _, t := range n.RouteTables {
			c.routes(t)
		}
		for _, nic := range n.Interfaces {
			if nic.Hypothetical {
				continue
			}
			c.Interfaces++
			c.nic(nic)
		}
		c.NotAnalysed = append(c.NotAnalysed, n.NotAnalysed...)
		for i := known; i < len(c.Unknown); i++ {
			c.Unknown[i].root = n.Root
		}
	}
	slices.SortStableFunc(c.NotAnalysed, func(a, b ir.Omission) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), a.Cause.Range.Compare(b.Cause.Range), cmp.Compare(a.Cause.Message, b.Cause.Message))
	})
	c.NotAnalysed = slices.Compact(c.NotAnalysed)
	return c
}

// attribute is a part of a rule or entry and why it is not known.
type attribute struct {
	name string
	why  *ir.Unknown
}

// filter counts a rule or an entry.
func (c *Coverage) filter(address string, m ir.Match, maybe *ir.Unknown, more ...attribute) {
	attributes := append([]attribute{
		{"exists", maybe}, {"protocol", m.Protocol.Why}, {"ports", m.Ports.Why}, {"peer", m.Peer.Unknown},
	}, more...)
	if l := m.Peer.PrefixList; l != nil {
		attributes = append(attributes, attribute{"prefix list", l.Open})
	}
	known := true
	for _, a := range attributes {
		known = known && a.why == nil
		c.unknown(address, a.name, c.Rules+c.Entries, a.why)
	}
	if known {
		c.Resolved++
	}
}

func (c *Coverage) routes(t *ir.RouteTable) {
	c.unknown(t.Origin.Address, "routes", 0, t.Open)
	for _, r := range t.Routes {
		if r.Origin.Implicit || r.Origin.Aside {
			continue
		}
		c.Routes++
		address := cmp.Or(r.Origin.Address, t.Origin.Address)
		c.unknown(address, "exists", 0, r.Maybe)
		c.unknown(address, "destination", 0, r.Destination.Unknown)
		for _, why := range r.Target.Unknowns() {
			c.unknown(address, "target", 0, why)
		}
	}
}

// nic notes what is not known of an interface. Not noted are its address, which
// of several known subnets it stands in, and how many like it there are: plans
// never know them, and answers hold for all of them.
func (c *Coverage) nic(nic *ir.Interface) {
	address := cmp.Or(nic.Origin.Address, nic.Resource, nic.ID)
	c.unknown(address, "subnet", 0, nic.Subnet.Open)
	c.unknown(address, "security_groups", 0, nic.Groups.Open)
	for _, g := range nic.Groups.Maybe {
		c.unknown(address, "security_groups", 0, g.Why)
	}
}

func (c *Coverage) unknown(address, name string, filter int, why *ir.Unknown) {
	if why == nil {
		return
	}
	c.Unknown = append(c.Unknown, UnknownValue{Address: address, Attribute: name, Cause: why.Cause, term: why.Term, filter: filter})
}

// Complete reports whether nothing is unknown and nothing was left out.
func (c Coverage) Complete() bool { return len(c.Unknown) == 0 && len(c.NotAnalysed) == 0 }

// value is a value that is wanted, how many rules and entries wait for it, and
// in how many roots.
type value struct {
	Cause        diag.Cause
	rules, roots int
}

// wanted lists the values that rules and entries wait for, the most wanted
// first. A rule counts once for a value, whatever the number of its attributes
// that wait for it.
func (c Coverage) wanted() []value {
	type key struct{ term, code, message, address string }
	type use struct {
		value, filter int
		root          string
	}
	at := map[key]int{}
	seen := map[use]bool{}
	first := func(u use) bool { // whether it is
		had := seen[u]
		seen[u] = true
		return !had
	}
	var vs []value
	for _, u := range c.Unknown {
		if u.filter == 0 {
			continue
		}
		k := key{term: u.Cause.Address}
		if k.term == "" {
			k = key{u.term, string(u.Cause.Code), u.Cause.Message, ""}
		}
		i, ok := at[k]
		if !ok {
			i = len(vs)
			at[k] = i
			vs = append(vs, value{Cause: u.Cause})
		}
		if first(use{value: i, filter: u.filter}) {
			vs[i].rules++
		}
		if first(use{value: i, root: u.root}) {
			vs[i].roots++
		}
	}
	slices.SortStableFunc(vs, func(a, b value) int {
		return cmp.Or(cmp.Compare(b.rules, a.rules), cmp.Compare(a.Cause.Address, b.Cause.Address), cmp.Compare(a.Cause.Message, b.Cause.Message))
	})
	return vs
}
