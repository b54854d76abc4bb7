package formula

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver/smt"
)

// link is one thing that joins two VPCs: a peering, or a transit gateway by two
// of its attachments, either of which may be one that is not shown (nil).
type link struct {
	peering  *ir.Peering
	transit  *ir.TransitGateway
	from, to *ir.Attachment
	joins    smt.Term // it connects the two
}

// links lists what may join two VPCs.
func (e *Encoder) links(a, b *ir.VPC) []link {
	var ls []link
	for _, p := range e.net.Peerings {
		both := func(x, y *ir.VPC) smt.Term {
			return e.And(e.isVPC(p.Requester, x, p), e.isVPC(p.Accepter, y, &p.Accepter))
		}
		if joins := e.Or(both(a, b), both(b, a)); joins != smt.False {
			ls = append(ls, link{peering: p, joins: joins})
		}
	}
	for _, g := range e.net.TransitGateways {
		for _, from := range e.attachments(g, a) {
			for _, to := range e.attachments(g, b) {
				ls = append(ls, link{transit: g, from: from.attachment, to: to.attachment, joins: e.And(from.is, to.is)})
			}
		}
	}
	return ls
}

type attached struct {
	attachment *ir.Attachment
	is         smt.Term
}

// attachments lists a VPC's attachments to a gateway: those that are shown, and
// one that may not be.
func (e *Encoder) attachments(g *ir.TransitGateway, v *ir.VPC) []attached {
	var as []attached
	var shown []smt.Term
	for _, t := range g.Attachments {
		if is := e.attachedTo(g, t, v); is != smt.False {
			as, shown = append(as, attached{t, is}), append(shown, is)
		}
	}
	if one := e.Or(shown...); g.Open != nil && one != smt.True {
		as = append(as, attached{nil, e.And(e.Not(one), e.free(key{kind: "attachment", of: g, with: v}, "an attachment that is not shown"))})
	}
	return as
}

// attachedTo is whether an attachment is a VPC's. A VPC has one attachment to a
// gateway: where one surely is it, no other can be. [vpc/tgw tgw-vpc-attachments]
func (e *Encoder) attachedTo(g *ir.TransitGateway, t *ir.Attachment, v *ir.VPC) smt.Term {
	is := e.isVPC(t.VPC, v, t)
	if is == smt.True {
		return is
	}
	for _, o := range g.Attachments {
		if o != t && e.isVPC(o.VPC, v, o) == smt.True {
			return smt.False
		}
	}
	return is
}

// recognises is whether references to groups work across a link, in rules of a
// direction. [VPC peering vpc-peering-security-groups; TGW security group
// referencing]
func (e *Encoder) recognises(l link, egress bool) smt.Term {
	switch {
	case l.peering != nil:
		return e.And(l.joins, e.truth(l.peering.Active), e.truth(l.peering.SameRegion))
	case egress:
		return smt.False
	}
	all := []smt.Term{l.joins, e.truth(l.transit.GroupReferences)}
	for _, t := range []*ir.Attachment{l.from, l.to} {
		if t == nil {
			all = append(all, e.free(key{kind: "attachment references", of: l.transit}, "references work on an attachment that is not shown"))
			continue
		}
		all = append(all, e.truth(t.GroupReferences))
	}
	return e.And(all...)
}

// recognised is whether references work between two VPCs by any link.
func (e *Encoder) recognised(a, b *ir.VPC, egress bool) smt.Term {
	by := []smt.Term{e.sameVPC(a, b)}
	if by[0] != smt.False {
		return by[0]
	}
	for _, l := range e.links(a, b) {
		by = append(by, e.recognises(l, egress))
	}
	return e.Or(by...)
}

// linked lists the ways between two VPCs that are not one. The reply goes as
// its own routes say, by the same link or by another.
func (e *Encoder) linked(from, to *ir.Interface, a, b place) []way {
	s := e.request()
	r := e.reply(s)
	returns := e.And(e.subnetACL(b.subnet, true, r), e.back(b, a, r))
	var ways []way
	for _, l := range e.links(a.vpc, b.vpc) {
		ways = append(ways, way{
			e.And(
				e.ends(from, to, a, b, e.recognises(l, false), e.recognises(l, true)),
				e.subnetACL(a.subnet, true, s), e.carries(l, a, b, s), e.enters(l, b, s),
			), returns,
		})
	}
	known := e.free(key{kind: "identity", of: from, with: to}, "references are recognised on the way")
	if relayed := e.relayed(a, s); relayed != smt.False {
		there := e.unmodelled(key{kind: "relay", of: from, with: to}, "a third VPC hands it on")
		back := e.unmodelled(key{kind: "relay back", of: from, with: to}, "the reply comes by a third VPC, or not")
		ways = append(ways, way{e.And(e.ends(from, to, a, b, known, known), e.subnetACL(a.subnet, true, s), relayed, there), back})
	}
	return append(ways, way{
		e.And(
			e.ends(from, to, a, b, known, known),
			e.subnetACL(a.subnet, true, s), e.subnetRoutes(a.subnet, s.dst, e.elsewhere()), e.subnetACL(b.subnet, false, s),
		),
		e.And(e.subnetACL(b.subnet, true, r), e.unmodelled(key{kind: "opaque back", of: from, with: to}, "the way back is not modelled"), e.subnetACL(a.subnet, false, r)),
	})
}

// relayed is whether the routes from a subnet lead over a transit gateway into a
// VPC whose own routes lead on by a transit gateway.
func (e *Encoder) relayed(a place, s segment) smt.Term {
	on := leads{"on", func(t ir.Target) smt.Term { return smt.Of(t.Kind == ir.TargetTransitGateway) }}
	var by []smt.Term
	for _, g := range e.net.TransitGateways {
		var relays []smt.Term
		for _, t := range g.Attachments {
			for _, n := range t.Subnets.Sure {
				relays = append(relays, e.subnetRoutes(n, s.dst, on))
			}
			for _, m := range t.Subnets.Maybe {
				relays = append(relays, e.subnetRoutes(m.V, s.dst, on))
			}
		}
		if relay := e.Or(relays...); relay != smt.False {
			first := leads{g, func(t ir.Target) smt.Term { return smt.Of(t.Kind == ir.TargetTransitGateway && t.TransitGateway == g) }}
			by = append(by, e.And(e.subnetRoutes(a.subnet, s.dst, first), relay))
		}
	}
	return e.Or(by...)
}

// elsewhere asks for a route to something that is not modelled and may lead
// anywhere.
func (e *Encoder) elsewhere() leads {
	return leads{"elsewhere", func(t ir.Target) smt.Term { return e.passesOpaque(t, "elsewhere") }}
}

// back is whether a reply finds its way from one VPC into a subnet of another.
func (e *Encoder) back(x, y place, r segment) smt.Term {
	by := []smt.Term{e.And(e.subnetRoutes(x.subnet, r.dst, e.elsewhere()), e.subnetACL(y.subnet, false, r))}
	for _, l := range e.links(x.vpc, y.vpc) {
		by = append(by, e.And(e.carries(l, x, y, r), e.enters(l, y, r)))
	}
	return e.Or(by...)
}

// carries is whether the routes from a subnet lead over a link to another VPC,
// and inside a transit gateway its tables and the ACLs of its own subnets agree.
func (e *Encoder) carries(l link, x, y place, s segment) smt.Term {
	if p := l.peering; p != nil {
		return e.subnetRoutes(x.subnet, s.dst, leads{p, func(t ir.Target) smt.Term {
			if t.Kind != ir.TargetPeering || t.Peering != p {
				return e.passesOpaque(t, p)
			}
			return e.And(e.truth(p.Active), l.joins)
		}})
	}
	g := l.transit
	return e.And(
		l.joins,
		e.subnetRoutes(x.subnet, s.dst, leads{g, func(t ir.Target) smt.Term {
			if t.Kind != ir.TargetTransitGateway || t.TransitGateway != g {
				return e.passesOpaque(t, g)
			}
			return smt.True
		}}),
		e.transitTable(g, l.from, l.to, s.dst),
		e.attachmentSubnet(l.from, x, func(n *ir.Subnet) smt.Term { return e.subnetACL(n, false, s) }),
		e.attachmentSubnet(l.to, y, func(n *ir.Subnet) smt.Term {
			if n == y.subnet {
				return smt.True
			}
			return e.And(e.subnetACL(n, true, s), e.subnetRoutes(n, s.dst, e.local()))
		}),
	)
}

// enters is whether a packet from a link enters the subnet that it goes to: what
// a transit gateway that is attached in that very subnet hands over crosses no
// border. [vpc/tgw tgw-nacls]
func (e *Encoder) enters(l link, p place, s segment) smt.Term {
	border := e.subnetACL(p.subnet, false, s)
	if l.transit == nil || l.to == nil {
		return border
	}
	if len(l.to.Subnets.Sure)+len(l.to.Subnets.Maybe) == 0 && l.to.Subnets.Open == nil {
		return border
	}
	at := e.attachmentSubnet(l.to, p, func(n *ir.Subnet) smt.Term { return smt.Of(n == p.subnet) })
	return e.Or(at, border)
}

// attachmentSubnet asks about the subnet by which a packet passes an attachment:
// the one in the zone of the place that it comes from or goes to; of zones that
// are not known, any. [vpc/tgw tgw-vpc-attachments]
func (e *Encoder) attachmentSubnet(t *ir.Attachment, p place, ask func(*ir.Subnet) smt.Term) smt.Term {
	unseen := func() smt.Term {
		return e.free(key{kind: "attachment subnet", of: t, with: p.subnet}, "the ACL of an attachment that is not shown lets it pass")
	}
	if t == nil {
		return unseen()
	}
	var in []*ir.Subnet
	for _, n := range t.Subnets.Sure {
		if p.subnet.Zone != "" && n.Zone == p.subnet.Zone {
			in = append(in, n)
		}
	}
	open := t.Subnets.Open
	if len(in) > 0 {
		open = nil
	} else {
		in = slices.Clone(t.Subnets.Sure)
		for _, m := range t.Subnets.Maybe {
			in, open = append(in, m.V), m.Why
		}
	}
	if len(in) == 0 && open == nil {
		return smt.True
	}
	each, other := e.alternatives(len(in), nil, open, attachmentAt{t, p.subnet}, "attachment subnet")
	ways := make([]smt.Term, 0, len(in)+1)
	for k, n := range in {
		ways = append(ways, e.And(each[k], ask(n)))
	}
	if other != smt.False {
		ways = append(ways, e.And(other, unseen()))
	}
	return e.Or(ways...)
}

// attachmentAt is an attachment as it is met from a subnet.
type attachmentAt struct {
	attachment *ir.Attachment
	subnet     *ir.Subnet
}

// transitTable is whether the table that the sender's attachment is associated
// with leads to another attachment. Without tables each reaches every other.
func (e *Encoder) transitTable(g *ir.TransitGateway, from, to *ir.Attachment, a smt.Term) smt.Term {
	if len(g.Tables) == 0 {
		return smt.True
	}
	if from == nil || to == nil {
		return e.free(key{kind: "transit table", of: g, at: a}, "a table for an attachment that is not shown")
	}
	k := slices.IndexFunc(g.Tables, func(t *ir.TransitTable) bool { return slices.Contains(t.Associated, from) })
	if k < 0 {
		return smt.False
	}
	t := g.Tables[k]
	open := t.Open
	var lines []line
	for i, r := range t.Routes {
		leads := choose(e, r.Attachment, &t.Routes[i], "attachment", func(o *ir.Attachment) smt.Term { return smt.Of(o == to) }, func() smt.Term {
			return e.free(key{kind: "hidden attachment", of: &t.Routes[i], with: to}, "an attachment that is not shown")
		})
		route := &ir.Route{Destination: r.Destination, Origin: r.Origin}
		lines = append(lines, e.lines(route, &t.Routes[i], i, a, leads)...)
	}
	for i, o := range t.Propagated {
		for _, v := range o.VPC.Of {
			is := e.attachedTo(g, o, v)
			for j, c := range append(slices.Clone(e.cidrs(v)), e.furtherCIDR(v)...) {
				takes, bits := smt.False, unknownBits
				if c.Known() {
					takes, bits = e.Inside(a, c.V), c.V.Bits()
				} else {
					takes = e.free(key{kind: "propagated", of: v, position: j, at: a}, "a CIDR of "+v.Origin.Address+" that is not known")
				}
				lines = append(lines, line{takes: e.And(is, takes), leads: smt.Of(o == to), bits: bits, class: 2, number: len(t.Routes) + i})
			}
		}
		if o.VPC.Open != nil {
			open = o.VPC.Open
		}
	}
	return e.longest(lines, e.hiddenRoutes(t, open, a, to))
}

// furtherCIDR is an unknown CIDR where a VPC may have some that are not shown.
func (e *Encoder) furtherCIDR(v *ir.VPC) []ir.Value[netip.Prefix] {
	switch {
	case v.More != nil:
		return []ir.Value[netip.Prefix]{{Why: v.More}}
	case !v.Seen && len(e.cidrs(v)) == 0:
		return []ir.Value[netip.Prefix]{{Why: &ir.Unknown{}}}
	}
	return nil
}
