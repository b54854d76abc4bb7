package reach

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver"
)

// link is one thing that joins two VPCs: a peering or a transit gateway.
type link struct {
	peering *ir.Peering
	transit *ir.TransitGateway
	from    *ir.Attachment
	to      *ir.Attachment
	ok      truth
}

func (e *engine) links(a, b *ir.VPC) []link {
	var ls []link
	for _, p := range e.net.Peerings {
		if ok := joins(p, a, b); ok != no {
			ls = append(ls, link{peering: p, ok: ok})
		}
	}
	for _, g := range e.net.TransitGateways {
		from, okFrom := attachment(g, a)
		to, okTo := attachment(g, b)
		if ok := and(okFrom, okTo); ok != no {
			ls = append(ls, link{transit: g, from: from, to: to, ok: ok})
		}
	}
	return ls
}

// identity tells whether references to groups work across the link, in rules
// of the given direction. [VPC peering vpc-peering-security-groups; TGW security
// group referencing]
func (l link) identity(egress bool) truth {
	switch {
	case l.peering != nil:
		return and(l.ok, known(l.peering.Active), known(l.peering.SameRegion))
	case egress:
		return no
	}
	t := and(l.ok, known(l.transit.GroupReferences))
	for _, a := range []*ir.Attachment{l.from, l.to} {
		if a == nil {
			return min(t, maybe)
		}
		t = and(t, known(a.GroupReferences))
	}
	return t
}

func (l link) name() string {
	if l.peering != nil {
		return l.peering.Origin.Address
	}
	return l.transit.Origin.Address
}

// linked lists the ways between two VPCs. The reply may come back by any link.
func (e *engine) linked(from, to *ir.Interface, a, b place) []Way {
	links := e.links(a.vpc, b.vpc)
	var ways []Way
	for _, l := range links {
		w := e.base(l.name(), from, to, a, b, l.identity(false), l.identity(true))
		w.Stages = append(w.Stages, e.aclStage(a.subnet, true, false))
		w.Stages = append(w.Stages, e.carry(l, a, b, false)...)
		w.Stages = append(w.Stages,
			e.arrival(l, b, false),
			e.aclStage(b.subnet, true, true),
			e.back(e.links(b.vpc, a.vpc), b, a),
		)
		ways = append(ways, w)
	}
	// A route to something that is not modelled may lead there as well.
	w := e.base("unknown", from, to, a, b, maybe, maybe)
	unknown := e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", fmt.Sprintf("no route from %s to %s", a.subnet.Origin.Address, b.subnet.Origin.Address), opaque)
	unknown.Band.Must = solver.Empty
	w.Stages = append(w.Stages,
		e.aclStage(a.subnet, true, false), unknown, e.aclStage(b.subnet, false, false),
		e.aclStage(b.subnet, true, true), Stage{Kind: KindOutside, Reply: true, Band: perhaps(e.Space)}, e.aclStage(a.subnet, false, true),
	)
	return append(ways, w)
}

// carry is what stands between the subnets of two VPCs: the route to the link,
// and inside a transit gateway its tables and the ACLs of its own subnets.
func (e *engine) carry(l link, x, y place, reply bool) []Stage {
	if l.peering != nil {
		return []Stage{e.routeStage(x.subnet, reply, "NO_ROUTE_TO_DESTINATION",
			fmt.Sprintf("no route from %s to %s through %s", x.subnet.Origin.Address, y.vpc.Origin.Address, l.name()),
			toPeering(l.peering, x.vpc, y.vpc))}
	}
	stages := []Stage{e.routeStage(x.subnet, reply, "NO_ROUTE_TO_DESTINATION",
		fmt.Sprintf("no route from %s to %s", x.subnet.Origin.Address, l.name()),
		toTransit(l.transit, l.ok))}
	tables := Stage{Kind: KindLink, Reply: reply, Component: l.name(), Code: "TGW_RTB_CANNOT_ROUTE", Message: "no route in " + l.name(), Place: l.transit.Origin.Place("")}
	var us []*ir.Unknown
	tables.Band, us = e.transitTables(l.transit, l.from, l.to, reply)
	tables.because(us...)
	stages = append(stages, tables)
	stages = append(stages, e.attachmentACLs(l.from, x, true, reply)...)
	return append(stages, e.attachmentACLs(l.to, y, false, reply)...)
}

// arrival is the ACL of the subnet that a packet comes to from a link. A packet
// from a transit gateway that is attached in that very subnet crosses no border.
func (e *engine) arrival(l link, p place, reply bool) Stage {
	st := e.aclStage(p.subnet, false, reply)
	if l.transit == nil || l.to == nil {
		return st
	}
	subnets, open := attachmentSubnets(l.to, p)
	if !slices.Contains(subnets, p.subnet) {
		return st
	}
	passes := exactly(e.All())
	if len(subnets) == 1 && open == nil {
		st.Band = passes
	} else {
		st.Band = oneOf(e.Space, st.Band, passes)
	}
	return st
}

// attachmentACLs are the ACLs of the subnet in which a transit gateway is
// attached. Towards the gateway its ingress entries see the packet, even in the
// interface's own subnet; from the gateway its egress entries do, unless it is
// the interface's own subnet: see arrival. A packet from the gateway is routed
// by the table of the attachment's subnet. [TGW tgw-nacls, tgw-vpc-attachments]
func (e *engine) attachmentACLs(a *ir.Attachment, p place, towards, reply bool) []Stage {
	if a == nil {
		return []Stage{{Kind: KindOutside, Reply: reply, Band: perhaps(e.Space)}}
	}
	subnets, open := attachmentSubnets(a, p)
	if len(subnets) == 0 && open == nil {
		return nil
	}
	var bands []Band
	st := Stage{Kind: KindACLOut, Reply: reply, Code: "SUBNET_ACL_RESTRICTION"}
	if towards {
		st.Kind = KindACLIn
	}
	for _, s := range subnets {
		if s == p.subnet && !towards {
			bands = append(bands, exactly(e.All()))
			continue
		}
		one := e.aclStage(s, !towards, reply)
		if !towards {
			route := e.routeStage(s, reply, "", "", toLocal)
			one.Band = all(e.Space, one.Band, route.Band)
			one.because(route.Because...)
		}
		bands = append(bands, one.Band)
		st.Component, st.Place, st.Message, st.ACL = one.Component, one.Place, one.Message, one.ACL
		st.because(one.Because...)
	}
	if open != nil {
		bands = append(bands, perhaps(e.Space))
		st.because(open)
	}
	st.Band = oneOf(e.Space, bands...)
	return []Stage{st}
}

// attachmentSubnets picks the attachment's subnet in the zone of a place; where
// zones are not known it may be any of them.
func attachmentSubnets(a *ir.Attachment, p place) ([]*ir.Subnet, *ir.Unknown) {
	var same []*ir.Subnet
	for _, s := range a.Subnets.Sure {
		if p.subnet.Zone != "" && s.Zone == p.subnet.Zone {
			same = append(same, s)
		}
	}
	if len(same) > 0 {
		return same, nil
	}
	subnets := a.Subnets.Sure
	open := a.Subnets.Open
	for _, m := range a.Subnets.Maybe {
		subnets, open = append(subnets, m.V), m.Why
	}
	return subnets, open
}

// back is the way of the reply between two VPCs, by any link, into the subnet
// that it goes to.
func (e *engine) back(links []link, x, y place) Stage {
	st := Stage{
		Kind: KindRoute, Reply: true, Code: "NO_ROUTE_TO_DESTINATION", Component: x.subnet.Origin.Address, Place: x.subnet.Origin.Place(""),
		Message: fmt.Sprintf("no route back from %s to %s", x.subnet.Origin.Address, y.vpc.Origin.Address),
	}
	var bands []Band
	for _, l := range links {
		var one []Band
		for _, s := range append(e.carry(l, x, y, true), e.arrival(l, y, true)) {
			one = append(one, s.Band)
			st.because(s.Because...)
		}
		bands = append(bands, all(e.Space, one...))
	}
	other := e.routeStage(x.subnet, true, "", "", opaque)
	other.Band = all(e.Space, other.Band, e.aclStage(y.subnet, false, true).Band)
	other.Band.Must = solver.Empty
	st.because(other.Because...)
	st.Band = anyOf(e.Space, append(bands, other.Band)...)
	return st
}
