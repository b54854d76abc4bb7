package reach

import (
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// nat passes a NAT gateway, which puts an address of its own and a port of its
// choice into the source. [VPC vpc-nat-gateway.md]
func (w *walker) nat(t trip, at place, g *ir.Gateway) outcome {
	e := t.s.e
	s := Stage{Kind: KindTranslate, Component: nameOf(g), Place: g.Origin.Place(""), via: nameOf(g)}
	switch {
	case t.reply:
		s.Message = "a reply that leaves by " + nameOf(g) + " comes from another address than the request went to"
		return w.stop(t, s)
	case slices.Contains(t.nats, g):
		s.Code, s.Message = "NO_PATH", "the routes lead back to "+nameOf(g)
		return w.stop(t, s)
	}
	s.Code, s.Message = "PROTOCOL_RESTRICTION", nameOf(g)+" carries TCP, UDP and ICMP only"
	s.Band = exactly(e.natCarries())
	if e.Family() == packet.IPv6 {
		s.Message = nameOf(g) + " carries TCP, UDP and echo to IPv4 addresses only"
	}
	if !w.push(&t, s) {
		return nothing()
	}
	if len(g.Subnet.Of) == 0 && g.Subnet.Open == nil {
		return w.natRegional(t, at, g)
	}
	var outs []outcome
	for _, p := range placesOf(g.Subnet) {
		u := t
		if p.subnet == nil || p.vpc == nil {
			outs = append(outs, w.opaque(u, p.why))
			continue
		}
		outs = append(outs, w.natAt(u, at, g, p))
	}
	return w.either(e, outs...)
}

// natCarries is what a NAT gateway carries at all.
func (e *engine) natCarries() solver.Set {
	var boxes []solver.Box
	protocols := []uint8{packet.TCP, packet.UDP, packet.ICMP}
	if e.Family() == packet.IPv6 {
		protocols = []uint8{packet.TCP, packet.UDP, packet.ICMPv6}
	}
	for _, p := range protocols {
		b := solver.Everything(e.Family())
		b.Protocol = protocol(p)
		if e.Family() == packet.IPv6 {
			b.Dst = netipx.RangeOfPrefix(nat64)
			if p == packet.ICMPv6 {
				b.DstPort = solver.Interval{Lo: packet.TypeCode(128, 0), Hi: packet.TypeCode(128, 255)}
			}
		}
		boxes = append(boxes, b)
	}
	return e.Of(boxes...)
}

// natRegional: a regional gateway stands in no subnet; its own table leads on.
func (w *walker) natRegional(t trip, at place, g *ir.Gateway) outcome {
	if len(g.RouteTable.Of) == 0 {
		why := g.RouteTable.Open
		if why == nil {
			why = behind(g.Origin, "the regional NAT gateway "+nameOf(g)+", whose route table is not in the input,")
		}
		return w.opaque(t, why)
	}
	return w.natAt(t, at, g, place{vpc: at.vpc, regional: g})
}

func (w *walker) natAt(t trip, at place, g *ir.Gateway, p place) outcome {
	e := t.s.e
	if same := sameVPC(at.vpc, p.vpc); same != yes && !w.ask(&t, same, Stage{
		Kind: KindTranslate, Component: nameOf(g), Place: g.Origin.Place(""),
		Code: "NGW_REQUIRES_SOURCE_IN_VPC", Message: nameOf(g) + " is in another VPC",
	}) {
		return nothing()
	}
	if p.subnet != at.subnet && !w.border(&t, p, false) {
		return nothing()
	}
	inner := &segment{e: e, from: end{nat: g, at: p}, to: t.goal(), next: t.s.next}
	inner.to.embedded = false
	l := e.through(lensKey{kind: "nat", of: g, at: p, number: w.q.NATPort}, func() *lens {
		l := &lens{behind: e, sport: w.freshPort(), nat64: e.Family() == packet.IPv6}
		if l.nat64 {
			l.behind = e.other
		}
		l.src = l.behind.natPrivates(g, p)
		return l
	})
	inner.lens, inner.e = l, l.behind
	t.known, t.fresh, t.left, t.inspected = no, false, nil, false
	t.nats = append(slices.Clip(t.nats), g)
	return w.translate(t, inner, func(r trip) outcome { return w.depart(r, p) }, func(u trip) outcome { return w.depart(u, p) })
}

// natPrivates is what a NAT gateway puts into the source: one of its private
// addresses.
func (e *engine) natPrivates(g *ir.Gateway, p place) []pair {
	var before, behind netipx.IPSetBuilder
	for _, r := range everyone(e.Family()) {
		before.AddRange(r)
	}
	for _, a := range g.Addresses {
		if a.Private.Known() && a.Private.V.IsValid() {
			behind.Add(a.Private.V)
		} else {
			behind.AddSet(e.free(p))
		}
	}
	if len(g.Addresses) == 0 {
		behind.AddSet(e.free(p))
	}
	return []pair{{build(&before), build(&behind), true}}
}
