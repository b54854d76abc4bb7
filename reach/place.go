package reach

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// place is where an interface may stand. A nil subnet or VPC is one that the
// input does not show; why says so.
type place struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
	why    *ir.Unknown
	// Where there is no subnet on purpose: a regional NAT gateway stands in none,
	// and what comes in by a gateway has not reached one.
	regional, edge *ir.Gateway
}

// places lists where an interface may stand: every candidate subnet in every
// candidate VPC.
func places(i *ir.Interface) []place { return placesOf(i.Subnet) }

func placesOf(c ir.Choice[*ir.Subnet]) []place {
	var ps []place
	for _, s := range c.Of {
		for _, v := range s.VPC.Of {
			ps = append(ps, place{subnet: s, vpc: v, why: c.Why})
		}
		if s.VPC.Open != nil {
			ps = append(ps, place{subnet: s, why: s.VPC.Open})
		}
	}
	if c.Open != nil {
		ps = append(ps, place{why: c.Open})
	}
	return ps
}

// truth is a three-valued answer about one fact of the network.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

// known turns a value into a truth.
func known(v ir.Value[bool]) truth {
	switch {
	case !v.Known():
		return maybe
	case v.V:
		return yes
	default:
		return no
	}
}

func and(ts ...truth) truth {
	t := yes
	for _, u := range ts {
		t = min(t, u)
	}
	return t
}

// sameVPC tells whether two VPCs are one. Two that are seen, or two literal
// ids, differ; one that is only named by an unknown value may be any.
func sameVPC(a, b *ir.VPC) truth {
	switch {
	case a == nil || b == nil:
		return maybe
	case a == b:
		return yes
	case a.Seen && b.Seen, a.ID != "" && b.ID != "" && a.ID != b.ID:
		return no
	case a.ID != "" && a.ID == b.ID:
		return yes
	}
	return maybe
}

// isVPC tells whether a choice is a given VPC.
func isVPC(c ir.Choice[*ir.VPC], v *ir.VPC) truth {
	if len(c.Of) == 0 && c.Open == nil {
		return no
	}
	all, some := true, c.Open != nil
	for _, o := range c.Of {
		switch sameVPC(o, v) {
		case yes:
			some = true
		case maybe:
			some, all = true, false
		case no:
			all = false
		}
	}
	switch {
	case !some:
		return no
	case all && c.Open == nil:
		return yes
	}
	return maybe
}

// sameGroup tells whether two groups are one; see ir.SecurityGroup.Term.
func sameGroup(a, b *ir.SecurityGroup) truth {
	switch {
	case a == b:
		return yes
	case a.Term == nil && b.Term == nil:
		return no
	case a.Term != nil && b.Term != nil && a.Term.Term != "" && a.Term.Term == b.Term.Term:
		return yes
	}
	return maybe
}

// member tells whether an interface carries a group; evidence reports whether
// the input itself names the group as a possible one.
func member(i *ir.Interface, g *ir.SecurityGroup) (t truth, evidence bool) {
	for _, o := range i.Groups.Sure {
		s := sameGroup(o, g)
		t, evidence = max(t, s), evidence || s == yes
	}
	for _, p := range i.Groups.Maybe {
		s := sameGroup(p.V, g)
		t, evidence = max(t, min(s, maybe)), evidence || s == yes
	}
	if i.Groups.Open != nil {
		t = max(t, maybe)
	}
	return t, evidence
}

// holding is which private addresses of one family an interface has at a place.
type holding struct {
	sure *netipx.IPSet // it has one of them, or all when fixed
	may  *netipx.IPSet // sure, and those of addresses that may not be there
	// fixed reports that all are known: the interface has every one of them.
	// Otherwise it has one of them, and AWS picks which.
	fixed bool
	why   *ir.Unknown // why an address may not be there
}

// addresses returns the private addresses of an interface at a place.
func (e *engine) addresses(i *ir.Interface, p place) holding {
	var sure, may netipx.IPSetBuilder
	h := holding{fixed: true}
	for _, a := range i.Addresses {
		b := &sure
		if a.Maybe != nil {
			b, h.why = &may, a.Maybe
		}
		switch {
		case a.Private.Known():
			if packet.FamilyOf(a.Private.V) == e.Family() {
				b.Add(a.Private.V)
			}
		case a.Family == e.Family() || a.Family == packet.FamilyInvalid:
			h.fixed = false
			b.AddSet(e.picks(i, p))
		}
	}
	for _, c := range i.Prefixes {
		if packet.FamilyOfPrefix(c) == e.Family() {
			sure.AddPrefix(c)
		}
	}
	h.sure = build(&sure)
	may.AddSet(h.sure)
	h.may = build(&may)
	return h
}

// picks returns the private addresses that AWS may pick for an interface. Where
// the subnet's CIDR is not known, an internet address is taken for the public
// one that it may have as well: that a VPC uses internet addresses as private
// ones is not assumed.
func (e *engine) picks(i *ir.Interface, p place) *netipx.IPSet {
	free := e.free(p)
	if e.Family() != packet.IPv4 || p.subnet != nil && p.subnet.IPv4.Known() {
		return free
	}
	public, _, fixed := e.publics(i, p)
	if fixed {
		return free
	}
	var b netipx.IPSetBuilder
	b.AddSet(free)
	b.RemoveSet(public)
	return build(&b)
}

// free returns the addresses that AWS may pick at a place: the subnet's, less
// the first four and the last, and less those that are taken.
// [VPC subnet-sizing.md]
func (e *engine) free(p place) *netipx.IPSet {
	var b netipx.IPSetBuilder
	if p.subnet == nil {
		for _, r := range e.within(p.vpc) {
			b.AddRange(r)
		}
		return build(&b)
	}
	c := p.subnet.IPv4
	if e.Family() == packet.IPv6 {
		c = p.subnet.IPv6
	}
	switch {
	case !c.Known():
		for _, r := range e.within(p.vpc) {
			b.AddRange(r)
		}
		return build(&b)
	case !c.V.IsValid():
		return build(&b)
	}
	b.AddPrefix(c.V)
	r := netipx.RangeOfPrefix(c.V)
	a := r.From()
	for range 4 {
		b.Remove(a)
		a = a.Next()
	}
	b.Remove(r.To())
	for _, held := range []*netipx.IPSet{e.held[p.vpc], e.heldIn[p.subnet]} {
		if held != nil {
			b.RemoveSet(held)
		}
	}
	return build(&b)
}

// within returns the addresses that exist in a VPC: its CIDRs when they are all
// known, any address otherwise.
func (e *engine) within(v *ir.VPC) []netipx.IPRange {
	if v == nil || !v.Seen || v.More != nil {
		return everyone(e.Family())
	}
	var b netipx.IPSetBuilder
	for _, c := range cidrs(v, e.Family()) {
		if !c.Known() {
			return everyone(e.Family())
		}
		if c.V.IsValid() {
			b.AddPrefix(c.V)
		}
	}
	return build(&b).Ranges()
}

// publics returns the public addresses of an interface, and whether it surely,
// possibly or never has one. An address that AWS will pick may be any of the
// internet that nobody else here holds. IPv6 addresses are their own.
func (e *engine) publics(i *ir.Interface, p place) (set *netipx.IPSet, has truth, fixed bool) {
	if e.Family() == packet.IPv6 {
		h := e.addresses(i, p)
		switch {
		case len(h.sure.Ranges()) > 0:
			return h.sure, yes, h.fixed
		case len(h.may.Ranges()) > 0:
			return h.may, maybe, false
		}
		return h.sure, no, true
	}
	var b netipx.IPSetBuilder
	fixed = true
	for _, a := range i.Addresses {
		t := known(a.Public.Exists)
		if t == no || a.Family == packet.IPv6 || a.Private.Known() && a.Private.V.Is6() {
			continue
		}
		has = max(has, t)
		if a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
			b.Add(a.Public.Addr.V)
			continue
		}
		fixed = false
		b.AddSet(e.internet)
		b.RemoveSet(e.public)
	}
	return build(&b), has, fixed
}

// exempt returns the addresses of services that neither groups nor ACLs filter,
// as an interface at a place reaches them. [VPC VPC_Security.md, subnet-sizing.md]
func (e *engine) exempt(p place) *netipx.IPSet {
	var b netipx.IPSetBuilder
	add := func(s string) { b.Add(netip.MustParseAddr(s)) }
	if e.Family() == packet.IPv6 {
		for _, s := range [...]string{"fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::123", "fd00:ec2::250"} {
			add(s)
		}
		b.AddPrefix(netip.MustParsePrefix("fe80::/10")) // the VPC router's
	} else {
		for _, s := range [...]string{"169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.169.250", "169.254.169.251", "169.254.169.123"} {
			add(s)
		}
	}
	if p.vpc != nil && e.Family() == packet.IPv4 && len(p.vpc.IPv4) > 0 && p.vpc.IPv4[0].Known() && p.vpc.IPv4[0].V.IsValid() {
		b.Add(p.vpc.IPv4[0].V.Masked().Addr().Next().Next()) // Amazon DNS
	}
	if p.subnet != nil {
		c := p.subnet.IPv4
		if e.Family() == packet.IPv6 {
			c = p.subnet.IPv6
		}
		if c.Known() && c.V.IsValid() {
			b.Add(c.V.Masked().Addr().Next()) // the VPC router
		}
	}
	return build(&b)
}
