package reach

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// fromLinks are the ways from hosts outside by private links: virtual private
// gateways and transit gateways. A source that is no internet address comes that
// way; an internet address may where the routes lead back to such a link.
func (w *walker) fromLinks(to *ir.Interface, b place, next *relay) []outcome {
	e := w.e
	var outs []outcome
	back := e.linkedBack(b)
	come := Stage{Kind: KindLink, Component: "outside", Band: Band{
		Must: e.privateSrc, Ground: e.Union(e.privateSrc, e.Difference(back, e.inet)), May: e.Union(e.privateSrc, back, e.Complement(e.globalSrc)),
	}}
	start := func(component string, place diag.Place, why *ir.Unknown, ok truth) (trip, bool) {
		t := w.arriving(to, b, false, next)
		dst := e.addressStage(to, b, packet.FieldDst)
		s := come
		s.Component, s.Place, s.via = component, place, component
		s.because(why)
		if ok != yes {
			s.Band.Must = solver.Empty
		}
		s.names, s.Message = true, "no private link leads here from there"
		if !w.push(&t, dst) || !w.push(&t, s) {
			return t, false
		}
		t.live = e.Intersect(t.live, dst.Band.May, s.Band.May)
		return t, true
	}
	for _, g := range e.net.Gateways {
		ok := isVPC(g.VPC, b.vpc)
		if g.Kind != ir.VirtualPrivateGateway || ok == no && !w.hope {
			continue
		}
		if t, on := start(nameOf(g), g.Origin.Place(""), behind(g.Origin, "a virtual private gateway"), max(ok, maybe)); on {
			if ok == no {
				s := e.gatewayAt(g, b)
				s.Code = "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
				w.push(&t, s)
			}
			t.door = door{kind: doorPrivate, gateway: g}
			outs = append(outs, w.enterPrivate(t, g))
		}
	}
	for _, g := range e.net.TransitGateways {
		for _, a := range g.Attachments {
			if !a.Outside {
				continue
			}
			if t, on := start(g.Origin.Address, g.Origin.Place(""), behind(a.Origin, a.Origin.Address), yes); on {
				t.door = door{kind: doorTransit, transit: g, from: a}
				outs = append(outs, w.transitNext(t, g, a, nil))
			}
		}
		if _, ok := attachment(g, b.vpc); g.Open != nil && ok != no {
			if t, on := start(g.Origin.Address, g.Origin.Place(""), g.Open, maybe); on {
				home := come
				home.Band = Band{solver.Empty, e.backTo(b, g), e.backTo(b, g)}
				home.because(g.Open)
				if w.hope || w.push(&t, home) {
					outs = append(outs, w.opaque(t, g.Open))
				}
			}
		}
	}
	return outs
}

// fromAfar is the way by what is not modelled, where the routes lead back to it.
func (w *walker) fromAfar(to *ir.Interface, b place, next *relay) outcome {
	e := w.e
	back, why := e.unmodelledBack(b)
	if back == solver.Empty || w.hope {
		return nothing()
	}
	t := w.arriving(to, b, false, next)
	dst := e.addressStage(to, b, packet.FieldDst)
	come := Stage{Kind: KindLink, Component: "outside", Band: Band{Must: solver.Empty, Ground: e.Difference(back, e.inet), May: back}}
	come.because(why)
	if !w.push(&t, dst) || !w.push(&t, come) {
		return nothing()
	}
	return w.opaque(t, why)
}

// fromSomewhere is the way by private links to an interface that stands where the
// input does not show.
func (w *walker) fromSomewhere(to *ir.Interface, b place, next *relay) outcome {
	e := w.e
	t := w.arriving(to, b, false, next)
	come := Stage{Kind: KindLink, Component: "outside", Band: Band{solver.Empty, e.Complement(e.globalSrc), e.All()}}
	come.because(b.why)
	if w.hope || !w.push(&t, e.addressStage(to, b, packet.FieldDst)) || !w.push(&t, come) {
		return nothing()
	}
	return w.opaque(t, b.why)
}

// unmodelledBack returns the headers whose sources the routes of a place may lead
// to by something that is not modelled.
func (e *engine) unmodelledBack(b place) (set solver.Set, why *ir.Unknown) {
	if why = b.subnet.RouteTable.Open; why != nil {
		return e.All(), why
	}
	set = solver.Empty
	for _, t := range b.subnet.RouteTable.Of {
		for _, x := range e.partition(t, true).toward {
			may := x.band.May
			switch hides(x.target) {
			case no:
				continue
			case maybe: // an appliance that premises are connected to
				may = e.Difference(may, e.globalSrc)
			case yes:
			}
			if set = e.Union(set, may); x.why != nil {
				why = x.why
			} else if why == nil {
				why = behind(t.Origin, "a route of "+t.Origin.Address)
			}
		}
	}
	return set, why
}

// hides tells whether hosts outside may come in by a target that is not
// modelled: any, or only such as are not on the internet.
func hides(t ir.Target) truth {
	switch t.Kind {
	case ir.TargetOther, ir.TargetInvalid:
		return yes
	case ir.TargetInterface:
		return maybe
	case ir.TargetGateway:
		switch t.Gateway.Kind {
		case ir.OtherGateway, ir.GatewayInvalid:
			return yes
		case ir.LoadBalancerEndpoint:
			return maybe
		case ir.InternetGateway, ir.EgressOnlyGateway, ir.NATGateway, ir.VirtualPrivateGateway, ir.VPCEndpoint:
		}
	case ir.TargetLocal, ir.TargetPeering, ir.TargetTransitGateway:
	}
	return no
}

// linkedBack returns the headers whose sources the routes of a place may lead to
// by a private link.
func (e *engine) linkedBack(b place) solver.Set {
	if b.subnet.RouteTable.Open != nil {
		return e.All()
	}
	set := solver.Empty
	for _, t := range b.subnet.RouteTable.Of {
		for _, x := range e.partition(t, true).toward {
			if private(x.target) {
				set = e.Union(set, x.band.May)
			}
		}
	}
	return set
}

// backTo returns the headers whose sources the routes of a place may lead to by
// a transit gateway.
func (e *engine) backTo(b place, g *ir.TransitGateway) solver.Set {
	if b.subnet.RouteTable.Open != nil {
		return e.All()
	}
	set := solver.Empty
	for _, t := range b.subnet.RouteTable.Of {
		for _, x := range e.partition(t, true).toward {
			if x.target.TransitGateway == g || x.target.Kind == ir.TargetOther || x.target.Kind == ir.TargetInvalid || x.target.Kind == ir.TargetInterface {
				set = e.Union(set, x.band.May)
			}
		}
	}
	return set
}

// private reports whether hosts outside may be behind a target, other than on
// the internet.
func private(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		k := t.Gateway.Kind
		return k == ir.VirtualPrivateGateway || k == ir.OtherGateway || k == ir.GatewayInvalid
	case ir.TargetTransitGateway, ir.TargetOther, ir.TargetInvalid:
		return true
	case ir.TargetLocal, ir.TargetPeering, ir.TargetInterface:
	}
	return false
}

// privateSources are the addresses that hosts behind private links have: those
// that are not the internet's, and not link-local.
func privateSources(f packet.Family) *netipx.IPSet {
	var b netipx.IPSetBuilder
	if f == packet.IPv4 {
		for _, s := range uncarried(f) {
			b.AddSet(s)
		}
		return build(&b)
	}
	b.AddPrefix(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	b.RemovePrefix(netip.MustParsePrefix("2000::/3"))
	b.RemovePrefix(netip.MustParsePrefix("fe80::/10"))
	return build(&b)
}
