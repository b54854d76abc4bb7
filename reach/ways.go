package reach

import (
	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// somewhere is the way between ends of which one stands outside the input:
// groups and services still decide, everything between them may let it pass.
func (e *engine) somewhere(from, to *ir.Interface, a, b place) Way {
	w := e.base("unknown", from, to, a, b, maybe, maybe)
	s := Stage{Kind: KindOutside, Component: to.Resource, Place: to.Origin.Place(""), Band: perhaps(e.Space)}
	s.because(a.why, b.why)
	back := s
	back.Reply = true
	w.Stages = append(w.Stages, s, back)
	return w
}

// inside is the way within one VPC.
func (e *engine) inside(from, to *ir.Interface, a, b place) Way {
	w := e.base("local", from, to, a, b, yes, yes)
	if a.subnet == b.subnet {
		return w // ACLs and routes stand at a subnet's border
	}
	w.Stages = append(w.Stages,
		e.aclStage(a.subnet, true, false),
		e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", "no local route in the table of "+a.subnet.Origin.Address, toLocal),
		e.aclStage(b.subnet, false, false),
		e.aclStage(b.subnet, true, true),
		e.routeStage(b.subnet, true, "NO_ROUTE_TO_DESTINATION", "no local route back in the table of "+b.subnet.Origin.Address, toLocal),
		e.aclStage(a.subnet, false, true),
	)
	return w
}

// inbound is the way from a host outside to an interface through the internet
// gateway of its VPC, and, where a virtual private gateway may stand, from the
// network behind that.
func (e *engine) inbound(to *ir.Interface, b place) []Way {
	w := Way{Via: "internet gateway", ToVPC: b.vpc}
	w.Stages = append(w.Stages, e.outside(packet.FieldSrc), e.publicStage(to, b, packet.FieldDst))
	w.Stages = append(w.Stages, e.exists(to)...)
	w.Stages = append(w.Stages, e.refusal(to, false)...)
	if b.subnet == nil || b.vpc == nil {
		s := Stage{Kind: KindOutside, Component: to.Resource, Place: to.Origin.Place(""), Band: perhaps(e.Space)}
		s.because(b.why)
		w.Stages = append(w.Stages, s, e.groupStage(to, false, nobody), e.serviceStage(to))
		s.Reply = true
		w.Stages = append(w.Stages, s)
		return []Way{w}
	}
	w.Stages = append(w.Stages,
		e.gatewayStage(b),
		e.bpaStage(b, true, false),
		e.admits(b.subnet),
		e.aclStage(b.subnet, false, false),
		e.groupStage(to, false, nobody),
		e.serviceStage(to),
		e.aclStage(b.subnet, true, true),
		e.routeStage(b.subnet, true, "NO_ROUTE_TO_DESTINATION", "no route to an internet gateway in "+tableName(b.subnet), toInternet(b.vpc)),
	)
	return append([]Way{w}, e.behindVPN(to, b)...)
}

// admits asks that flows may begin outside: a subnet whose route to a host is an
// egress-only gateway only begins flows itself. [VPC egress-only-internet-gateway.md]
func (e *engine) admits(s *ir.Subnet) Stage {
	st := e.routeStage(s, true, "", s.Origin.Address+" leaves by an egress-only gateway: flows begin inside only", toAnyEgressOnly)
	st.Reply = false
	st.Band = Band{Must: e.Complement(st.Band.May), Ground: e.Complement(st.Band.Must), May: e.Complement(st.Band.Must)}
	return st
}

// behindVPN is the way from hosts behind a virtual private gateway: what is
// there and how it is routed is not in the input.
func (e *engine) behindVPN(to *ir.Interface, b place) []Way {
	for _, g := range e.net.Gateways {
		if g.Kind != ir.VirtualPrivateGateway || isVPC(g.VPC, b.vpc) == no {
			continue
		}
		s := Stage{Kind: KindLink, Component: g.Origin.Address, Place: g.Origin.Place(""), Band: perhaps(e.Space)}
		s.because(&ir.Unknown{Cause: diag.Cause{Code: diag.NotModelled, Message: "what lies behind a virtual private gateway is not modelled", Address: g.Origin.Address, Range: g.Origin.Range}})
		back := s
		back.Reply = true
		// A host of the internet may come that way too, but nothing says so.
		s.Band.Ground = e.Complement(e.inet)
		return []Way{{Via: g.Origin.Address, ToVPC: b.vpc, Stages: []Stage{
			e.outside(packet.FieldSrc), e.addressStage(to, b, packet.FieldDst), s,
			e.aclStage(b.subnet, false, false), e.groupStage(to, false, nobody), e.serviceStage(to),
			e.aclStage(b.subnet, true, true), back,
		}}}
	}
	return nil
}

// outbound is the way from an interface to a host outside.
func (e *engine) outbound(from *ir.Interface, a place) []Way {
	start := []Stage{e.addressStage(from, a, packet.FieldSrc), e.outside(packet.FieldDst), e.groupStage(from, true, nobody)}
	start = append(start, e.exists(from)...)
	if a.subnet == nil || a.vpc == nil {
		s := Stage{Kind: KindOutside, Component: from.Resource, Place: from.Origin.Place(""), Band: perhaps(e.Space)}
		s.because(a.why)
		back := s
		back.Reply = true
		return []Way{{Via: "unknown", FromVPC: a.vpc, Stages: append(start, s, back)}, e.toService(from, a)}
	}
	start = append(start, e.aclStage(a.subnet, true, false))
	end := e.aclStage(a.subnet, false, true)
	way := func(via string, stages ...Stage) Way {
		w := Way{Via: via, FromVPC: a.vpc}
		w.Stages = append(w.Stages, start...)
		w.Stages = append(append(w.Stages, stages...), end)
		return w
	}
	ways := []Way{way("internet gateway", append(e.refusal(from, true),
		e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", "no route to an internet gateway in "+tableName(a.subnet), toInternet(a.vpc)),
		e.gatewayStage(a),
		e.sourceStage(from, a),
		e.bpaStage(a, false, false),
	)...)}
	if e.Family() == packet.IPv6 {
		ways = append(ways, way("egress-only internet gateway",
			e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", "no route to an egress-only internet gateway in "+tableName(a.subnet), toEgressOnly(a.vpc)),
			e.sourceStage(from, a),
			e.bpaStage(a, false, true),
		))
	}
	unknown := e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", "no route out of "+a.subnet.Origin.Address, func(t ir.Target) truth {
		if t.Kind == ir.TargetPeering || t.Kind == ir.TargetTransitGateway && t.TransitGateway.Open == nil {
			return no
		}
		return max(opaque(t), toTransitOpen(t))
	})
	unknown.Band.Must = solver.Empty
	ways = append(ways, way("unknown", unknown))

	return append(ways, e.toService(from, a))
}

// toService is the way to the services of AWS that neither groups nor ACLs
// filter.
func (e *engine) toService(from *ir.Interface, a place) Way {
	return Way{Via: "AWS service", FromVPC: a.vpc, Stages: append([]Stage{
		e.addressStage(from, a, packet.FieldSrc),
		{Kind: KindOutside, Component: "AWS service", Band: exactly(e.from(packet.FieldDst, e.exempt(a)))},
	}, e.exists(from)...)}
}

func toTransitOpen(t ir.Target) truth {
	if t.Kind == ir.TargetTransitGateway {
		return maybe
	}
	return no
}

func tableName(s *ir.Subnet) string {
	if t, ok := s.RouteTable.Known(); ok {
		return t.Origin.Address
	}
	return "the route table of " + s.Origin.Address
}

// outside restricts an end to hosts that no VPC of the network holds.
func (e *engine) outside(field packet.Field) Stage {
	s := Stage{Kind: KindAddress, Component: "outside", Band: exactly(e.outsideSrc)}
	if field == packet.FieldDst {
		s.Band = exactly(e.outsideDst)
	}
	return s
}

// publicStage asks for an address that an internet gateway delivers to.
func (e *engine) publicStage(i *ir.Interface, p place, field packet.Field) Stage {
	set, has, _ := e.publics(i, p)
	s := Stage{
		Kind: KindAddress, Component: i.Resource, Code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS", Place: i.Origin.Place(""),
		Message: "no public " + familyName(e.Family()) + " address on " + i.Resource,
		Band:    exactly(e.from(field, set)),
	}
	for _, a := range i.Addresses {
		if a.Family == e.Family() || a.Family == packet.FamilyInvalid {
			s.because(a.Public.Exists.Why)
			if !a.Public.Place.Range.IsZero() {
				s.Place = a.Public.Place
			}
		}
	}
	if has == maybe {
		s.Band.Must = solver.Empty
	}
	if e.Family() == packet.IPv6 && p.vpc != nil {
		var private netipx.IPSetBuilder
		for _, c := range p.vpc.PrivateIPv6 {
			private.AddPrefix(c)
		}
		s.Band = s.Band.within(e.Space, e.Difference(e.All(), e.from(field, build(&private))))
	}
	return s
}

// sourceStage asks for an address with which an internet gateway lets an
// interface out.
func (e *engine) sourceStage(i *ir.Interface, p place) Stage {
	s := e.publicStage(i, p, packet.FieldSrc)
	s.Code = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
	if e.Family() == packet.IPv4 {
		_, has, _ := e.publics(i, p)
		s.Band = e.truthBand(has)
	}
	return s
}

func (e *engine) truthBand(t truth) Band {
	switch t {
	case yes:
		return exactly(e.All())
	case maybe:
		return perhaps(e.Space)
	default:
		return exactly(solver.Empty)
	}
}

// refusal is that of an interface that drops whatever an internet gateway hands
// it: requests from outside, and the replies to its own.
// [botocore ec2 NetworkInterface DenyAllIgwTraffic]
func (e *engine) refusal(i *ir.Interface, reply bool) []Stage {
	if !i.DenyIGW {
		return nil
	}
	return []Stage{{
		Kind: KindAddress, Reply: reply, Component: i.Resource, Place: i.Origin.Place(""), Band: exactly(solver.Empty),
		Message: i.Resource + " refuses packets from internet gateways",
	}}
}

// gatewayStage asks for an internet gateway attached to the VPC of a place.
func (e *engine) gatewayStage(p place) Stage {
	g, ok := e.gatewayOf(p.vpc)
	s := Stage{
		Kind: KindGateway, Component: p.vpc.Origin.Address, Code: "BAD_STATE_ATTACHMENT", Place: p.vpc.Origin.Place(""),
		Message: "no internet gateway is attached to " + p.vpc.Origin.Address,
	}
	if g != nil {
		s.Component, s.Place = g.Origin.Address, g.Origin.Place("")
	}
	s.Band = e.truthBand(ok)
	if ok == maybe {
		s.because(&ir.Unknown{Cause: diag.Cause{Code: diag.NotInInput, Message: "whether an internet gateway is attached to " + p.vpc.Origin.Address + " is not in the input", Address: p.vpc.Origin.Address, Range: p.vpc.Origin.Range}})
	}
	return s
}

func (e *engine) bpaStage(p place, inbound, egressOnly bool) Stage {
	s := Stage{
		Kind: KindBPA, Component: p.vpc.Origin.Address, Code: "VPC_BLOCK_PUBLIC_ACCESS_ENABLED", Place: p.vpc.Origin.Place(""),
		Message: "VPC Block Public Access stops it at " + p.vpc.Origin.Address,
		Band:    e.truthBand(passesBPA(p, inbound, egressOnly)),
	}
	s.because(p.vpc.BPA.Why, p.vpc.Exclusion.Why)
	return s
}

// aroundPublic is the way between two interfaces by the public address of the
// second: out through one internet gateway and in through another. The second
// sees the public address of the first, so that no reference to a group matches.
// Within one VPC an IPv6 address is local and never goes this way.
func (e *engine) aroundPublic(from, to *ir.Interface, a, b place) []Way {
	if e.Family() == packet.IPv6 && sameVPC(a.vpc, b.vpc) == yes {
		return nil
	}
	_, has, _ := e.publics(to, b)
	if has == no {
		return nil
	}
	seen, hasSource, _ := e.publics(from, a)
	w := Way{Via: "internet gateway", FromVPC: a.vpc, ToVPC: b.vpc}
	w.Stages = append(w.Stages, e.addressStage(from, a, packet.FieldSrc), e.publicStage(to, b, packet.FieldDst))
	w.Stages = append(w.Stages, e.exists(from)...)
	w.Stages = append(w.Stages, e.exists(to)...)
	w.Stages = append(w.Stages, e.refusal(to, false)...)
	w.Stages = append(w.Stages, e.refusal(from, true)...)
	translate := func(s Stage) Stage {
		if e.Family() == packet.IPv4 {
			s.Band = e.seenAs(s.Band, seen, hasSource)
		}
		return s
	}
	w.Stages = append(w.Stages,
		e.groupStage(from, true, nobody),
		e.aclStage(a.subnet, true, false),
		e.routeStage(a.subnet, false, "NO_ROUTE_TO_DESTINATION", "no route to an internet gateway in "+tableName(a.subnet), toInternet(a.vpc)),
		e.gatewayStage(a),
		e.sourceStage(from, a),
		e.bpaStage(a, false, false),
		e.gatewayStage(b),
		e.bpaStage(b, true, false),
		translate(e.aclStage(b.subnet, false, false)),
		translate(e.groupStage(to, false, nobody)),
		e.serviceStage(to),
		translate(e.aclStage(b.subnet, true, true)),
		translate(e.routeStage(b.subnet, true, "NO_ROUTE_TO_DESTINATION", "no route back to an internet gateway in "+tableName(b.subnet), toInternet(b.vpc))),
		e.aclStage(a.subnet, false, true),
	)
	return []Way{w}
}

// seenAs turns a band over the source that a filter sees into one over any
// source, given the addresses that it is seen as: surely passing is passing as
// every one of them.
func (e *engine) seenAs(b Band, as *netipx.IPSet, has truth) Band {
	among := e.from(packet.FieldSrc, as)
	band := Band{
		Must:   Every(e.Space, b.Must, packet.FieldSrc, among),
		Ground: e.Project(e.Intersect(b.Ground, among), packet.FieldSrc),
		May:    e.Project(e.Intersect(b.May, among), packet.FieldSrc),
	}
	if has != yes {
		band.Must = solver.Empty
	}
	return band
}
