package reach

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// follow asks the filters on the way out and goes where a route points.
func (w *walker) follow(t trip, at place, o *option, s Stage) outcome {
	if !w.sender(&t, w.known(&t, o.target)) || !w.border(&t, at, true) || !w.push(&t, s) {
		return nothing()
	}
	if i := t.s.from.iface; t.s.anchored && i.Kind == ir.InterfaceConnectEndpoint {
		// [eice-security-groups]
		same := sameVPC(at.vpc, t.goal().at.vpc)
		if same != yes && !w.ask(&t, same, Stage{
			Kind: KindLink, Component: i.Resource, Place: i.Origin.Place(""),
			Message: i.Resource + " keeps its clients' addresses inside its own VPC only",
		}) {
			return nothing()
		}
	}
	if t.s.anchored && o.target.Kind != ir.TargetLocal && o.target.Kind != ir.TargetPeering {
		return w.opaque(t, behind(ir.Origin{}, "a load balancer that keeps its clients' addresses, in another VPC"))
	}
	switch o.target.Kind {
	case ir.TargetLocal:
		return w.local(t, at)
	case ir.TargetPeering:
		return w.peering(t, at, o.target.Peering)
	case ir.TargetTransitGateway:
		return w.transit(t, at, o.target.TransitGateway)
	case ir.TargetInterface:
		return w.appliance(t, at, o.target.Interface)
	case ir.TargetGateway:
		return w.gateway(t, at, o.target.Gateway)
	case ir.TargetOther:
		if !o.routed {
			return w.inside(t) // nothing connects the two: as if it did
		}
		return w.opaque(t, behind(at.origin(), "a route to "+o.target.ID))
	case ir.TargetInvalid:
	}
	why := o.why
	if why == nil {
		why = behind(at.origin(), "a route")
	}
	return w.opaque(t, why)
}

// origin is where a place is written.
func (p place) origin() ir.Origin {
	switch {
	case p.subnet != nil:
		if t, ok := p.subnet.RouteTable.Known(); ok {
			return t.Origin
		}
		return p.subnet.Origin
	case p.edge != nil:
		return p.edge.Origin
	case p.regional != nil:
		return p.regional.Origin
	}
	return ir.Origin{}
}

func (w *walker) gateway(t trip, at place, g *ir.Gateway) outcome {
	switch g.Kind {
	case ir.InternetGateway:
		return w.internet(t, at, g)
	case ir.EgressOnlyGateway:
		return w.egressOnly(t, at, g)
	case ir.NATGateway:
		return w.nat(t, at, g)
	case ir.VPCEndpoint:
		return w.serviceEndpoint(t, at, g)
	case ir.VirtualPrivateGateway:
		return w.virtualPrivate(t, at, g)
	case ir.LoadBalancerEndpoint:
		return w.inspect(t, at, g)
	case ir.OtherGateway, ir.GatewayInvalid:
	}
	return w.opaque(t, behind(g.Origin, "a route to "+nameOf(g)))
}

// known tells whether the sender's own rules may name the receiver by group,
// given where the first route points.
// [vpc/peering vpc-peering-security-groups; tgw security group referencing]
func (w *walker) known(t *trip, target ir.Target) truth {
	switch target.Kind {
	case ir.TargetLocal:
		return yes
	case ir.TargetPeering:
		return link{peering: target.Peering, ok: yes}.identity(true)
	case ir.TargetOther, ir.TargetInvalid:
		return maybe
	case ir.TargetGateway:
		if target.Gateway.Kind == ir.LoadBalancerEndpoint {
			return maybe
		}
	case ir.TargetTransitGateway, ir.TargetInterface:
	}
	return no
}

// local delivers inside the VPC.
func (w *walker) local(t trip, at place) outcome {
	g := t.goal()
	s := Stage{Kind: KindLink, Code: "NO_POSSIBLE_DESTINATION"}
	if at.vpc != nil {
		s.Component, s.Place = at.vpc.Origin.Address, at.vpc.Origin.Place("")
	}
	if g.outside() || g.away() {
		s.Message = "the other end is not in " + s.Component
		return w.stop(t, s)
	}
	if same := sameVPC(at.vpc, g.at.vpc); same != yes {
		s.Message = "the other end is in another VPC than " + s.Component
		if !w.ask(&t, same, s) {
			return nothing()
		}
	}
	return w.inside(t)
}

// peering crosses a peering connection. It is not transitive: it leads from what
// is in one of its VPCs to what is in the other. [whitepapers vpc-peering]
func (w *walker) peering(t trip, at place, p *ir.Peering) outcome {
	g := t.goal()
	s := Stage{Kind: KindLink, Component: p.Origin.Address, Place: p.Origin.Place(""), via: link{peering: p}.name()}
	active := s
	active.Code, active.Message = "BAD_STATE", p.Origin.Address+" is not active"
	active.because(p.Active.Why)
	if !w.ask(&t, known(p.Active), active) {
		return nothing()
	}
	s.via, s.Code = "", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
	s.Message = p.Origin.Address + " leads from one of its VPCs to the other, and no farther"
	ends := no
	if !g.outside() && !g.away() {
		ends = and(sameVPC(t.origin().at.vpc, at.vpc), joins(p, at.vpc, g.at.vpc))
	}
	s.because(p.Requester.Unknowns()...)
	s.because(p.Accepter.Unknowns()...)
	if !w.ask(&t, ends, s) {
		return nothing()
	}
	t.known = and(t.known, known(p.Active), known(p.SameRegion))
	return w.inside(t)
}

// appliance passes an interface that a route points at and that forwards what it
// gets. References to groups do not hold through it.
// [VPC security-group-rules.md; route-table-options.md]
func (w *walker) appliance(t trip, at place, i *ir.Interface) outcome {
	e, g := t.s.e, t.goal()
	if g.iface == i && !g.away() {
		return w.inside(t)
	}
	if t.origin().iface == i {
		return w.stop(t, Stage{Kind: KindRoute, Component: i.Resource, Code: "NO_PATH", Place: i.Origin.Place(""), Message: "the routes lead back to " + i.Resource})
	}
	if i.Maybe != nil && !w.push(&t, e.exists(i)) {
		return nothing()
	}
	check := Stage{
		Kind: KindAppliance, Component: i.Resource, Place: i.Origin.Place(""), Code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", via: i.Resource,
		Message: "the source/destination check of " + i.Resource + " drops what is not its own",
	}
	check.because(i.SourceDestCheck.Why)
	forwards := map[truth]truth{yes: no, no: yes, maybe: maybe}[known(i.SourceDestCheck)]
	if !w.ask(&t, forwards, check) {
		return nothing()
	}
	again := t.reply && slices.Contains(t.via, i)
	if (g.outside() || g.away()) && !again {
		return w.opaque(t, behind(i.Origin, "whether "+i.Resource+" translates addresses, and what"))
	}
	var outs []outcome
	for _, p := range places(i) {
		u := t
		if p.subnet == nil || p.vpc == nil {
			outs = append(outs, w.opaque(u, p.why))
			continue
		}
		outs = append(outs, w.applianceAt(u, at, i, p, again))
	}
	return w.either(e, outs...)
}

func (w *walker) applianceAt(t trip, at place, i *ir.Interface, p place, again bool) outcome {
	e := t.s.e
	if edge := at.edge; edge != nil && edge.Kind == ir.InternetGateway && e.Family() == packet.IPv4 {
		// [VPC VPC_Route_Tables.md]
		if !w.ask(&t, e.stands(i, p).hasPublic, Stage{Kind: KindAddress, Component: i.Resource, Place: i.Origin.Place(""), Code: "INGRESS_RTB_NO_PUBLIC_IP", Message: "no public IPv4 address on " + i.Resource}) {
			return nothing()
		}
	}
	if p.subnet != at.subnet && !w.border(&t, p, false) {
		return nothing()
	}
	if !again { // else its groups know the flow
		in, out := viewOf(false, t.reply), viewOf(true, t.reply)
		if !w.push(&t, e.groupStage(i, false, in, nil, no)) || !w.push(&t, e.groupStage(i, true, out, nil, no)) {
			return nothing()
		}
		if !t.reply {
			t.via = append(slices.Clip(t.via), i)
		}
	}
	t.known, t.forwarded, t.lost = no, true, "SG_REFERENCES_NOT_PRESERVED"
	return w.depart(t, p)
}

// inspect passes a Gateway Load Balancer endpoint: the appliances behind it
// decide, and the way goes on from its subnet.
func (w *walker) inspect(t trip, at place, g *ir.Gateway) outcome {
	e := t.s.e
	var outs []outcome
	for _, p := range placesOf(g.Subnet) {
		u := t
		if p.subnet == nil || p.vpc == nil {
			outs = append(outs, w.opaque(u, p.why))
			continue
		}
		if p.subnet != at.subnet && !w.border(&u, p, false) {
			outs = append(outs, nothing())
			continue
		}
		s := Stage{Kind: KindAppliance, Component: nameOf(g), Place: g.Origin.Place(""), Band: perhaps(e.Space), via: nameOf(g)}
		s.because(behind(g.Origin, "the Gateway Load Balancer endpoint "+nameOf(g)))
		w.push(&u, s)
		u.known, u.inspected, u.forwarded = min(u.known, maybe), true, true
		if u.door.kind == doorInternet && !u.reply && !w.push(&u, e.bpaStage(excluded(&u, p), true, false)) {
			outs = append(outs, nothing())
			continue
		}
		outs = append(outs, w.depart(u, p))
	}
	if len(outs) == 0 {
		return w.opaque(t, behind(g.Origin, "the Gateway Load Balancer endpoint "+nameOf(g)))
	}
	return w.either(e, outs...)
}
