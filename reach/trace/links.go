package trace

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// fromLinks enters by a link to premises, or by a service that brings traffic to
// private addresses. Which link a host is behind is the world's choice.
func (w *walk) fromLinks(t *trip) bool {
	g := &t.goal
	switch {
	case g.at.subnet == nil:
		return w.opaque(t, g.at, g.at.why)
	case g.slot.public || onInternet(t.s.src):
		return w.fromAfar(t)
	}
	o := w.options()
	for _, gw := range w.n.Gateways {
		if gw.Kind == ir.VirtualPrivateGateway && attachedTo(optimist, gw, g.at.vpc) {
			u := *t
			u.exit = exit{kind: ir.VirtualPrivateGateway, gateway: gw}
			if o.open() && o.try(w.fromVPN(&u, gw)) {
				return o.end()
			}
		}
	}
	for _, tgw := range w.n.TransitGateways {
		for _, a := range tgw.Attachments {
			if a.Outside {
				u := *t
				u.exit = exit{transit: tgw, outside: a}
				if o.open() && o.try(w.fromTransit(&u, tgw, a)) {
					return o.end()
				}
			}
		}
	}
	if u := *t; o.open() {
		o.try(w.fromAfar(&u))
	}
	return o.end()
}

// fromVPN comes in by a virtual private gateway. [VPC_Route_Tables.md; botocore
// ec2 RouteTable.PropagatingVgws]
func (w *walk) fromVPN(t *trip, g *ir.Gateway) bool {
	if !w.attached(t, t.goal.at, g) {
		return false
	}
	t.known = identity{}
	w.noteGateway(t, g, &t.s, "in from premises")
	return w.inbound(t, g)
}

// fromTransit comes in by an attachment that leads outside.
func (w *walk) fromTransit(t *trip, g *ir.TransitGateway, a *ir.Attachment) bool {
	t.known = identity{}
	w.noteTransitIn(t, g, a)
	return w.transitNext(t, place{vpc: t.goal.at.vpc}, g, a)
}

// fromAfar enters by something that is not modelled: possible where such a
// service is in the input, or where the subnet's own routes lead back to such a
// link.
func (w *walk) fromAfar(t *trip) bool {
	g := &t.goal
	if len(w.n.Indirect) > 0 {
		p := &w.n.Indirect[0]
		return w.opaque(t, g.at, indirect(p))
	}
	if why := w.link(t, g.at); why != nil {
		return w.opaque(t, g.at, why)
	}
	if t.s.family == packet.IPv6 || !onInternet(t.s.src) {
		code := "NO_PATH"
		if slices.ContainsFunc(w.n.Gateways, func(o *ir.Gateway) bool { return o.Kind == ir.VirtualPrivateGateway }) {
			code = "VGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
		}
		return w.refuse(t, StageGateway, nodeName(g), "no private link leads here from "+t.s.src.String(), code)
	}
	return w.refuse(t, StageGateway, nodeName(g),
		"no public IPv4 address: the internet does not route to "+t.s.dst.String(), "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS")
}

// link looks for a route of the subnet that leads the source to something
// outside the model.
func (w *walk) link(t *trip, at place) *ir.Unknown {
	back := t.s.back()
	if at.subnet.RouteTable.Open != nil {
		return at.subnet.RouteTable.Open
	}
	var why *ir.Unknown
	for _, table := range at.subnet.RouteTable.Of {
		known := !onInternet(t.s.src)
		lookup(table, &back, func(c choice) bool {
			why = linkOf(c, known)
			return why != nil
		})
		if why != nil {
			return why
		}
	}
	return nil
}

// known leaves out the links that fromLinks has tried.
func linkOf(c choice, known bool) *ir.Unknown {
	switch {
	case c.open != nil:
		return c.open
	case c.route == nil || c.route.Blackhole.Known() && c.route.Blackhole.V:
		return nil
	case c.route.Target.Open != nil:
		return c.route.Target.Open
	}
	for _, target := range c.route.Target.Of {
		if leadsOutside(target, known) {
			return notModelled(&c.route.Origin, "what comes in through "+targetName(target)+" is not in the input")
		}
	}
	return nil
}

// leadsOutside reports whether hosts outside the network may be behind a
// target, other than on the internet.
func leadsOutside(t ir.Target, known bool) bool {
	switch t.Kind {
	case ir.TargetGateway:
		switch t.Gateway.Kind {
		case ir.VirtualPrivateGateway:
			return !known
		case ir.OtherGateway, ir.LoadBalancerEndpoint, ir.GatewayInvalid:
			return true
		case ir.InternetGateway, ir.EgressOnlyGateway, ir.NATGateway, ir.VPCEndpoint:
		}
	case ir.TargetTransitGateway:
		return transitOutside(t.TransitGateway, known)
	case ir.TargetOther, ir.TargetInvalid, ir.TargetInterface:
		return true
	case ir.TargetLocal, ir.TargetPeering:
	}
	return false
}

// transitOutside reports whether something other than VPCs of the network may
// be attached to a transit gateway.
func transitOutside(g *ir.TransitGateway, known bool) bool {
	if g == nil || g.Open != nil {
		return true
	}
	return slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool {
		if a.Outside {
			return !known
		}
		return len(a.VPC.Of) == 0 || a.VPC.Open != nil
	})
}
