package trace

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// fromOutside enters the network from a host outside: by the internet gateway
// to a public address, by private links to a private one.
func (w *walk) fromOutside(t *trip) bool {
	g := &t.goal
	if t.s.family == packet.IPv6 || g.slot.public {
		if t.s.family == packet.IPv4 {
			return w.enter(t)
		}
		b := w.branches()
		u := *t
		if b.try(w.enter(&u)) || w.m == pessimist {
			return b.end()
		}
		u = *t
		b.try(w.fromLinks(&u))
		return b.end()
	}
	return w.fromLinks(t)
}

// fromLinks enters by a link to premises or by a service that brings traffic to
// private addresses. Neither is modelled: it is possible where the subnet's own
// routes lead to such a link.
func (w *walk) fromLinks(t *trip) bool {
	g := &t.goal
	if g.at.subnet == nil {
		return w.opaque(t, g.at, g.at.why)
	}
	if len(w.n.Indirect) > 0 {
		p := &w.n.Indirect[0]
		return w.opaque(t, g.at, indirect(p))
	}
	if why := w.link(t, g.at); why != nil {
		return w.opaque(t, g.at, why)
	}
	return w.refuse(t, StageGateway, nodeName(g),
		"no public IPv4 address: the internet does not route to "+t.s.dst.String(), "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS")
}

// link looks for a route of the subnet that leads the source to something
// outside the model.
func (w *walk) link(t *trip, at place) *ir.Unknown {
	back := t.s
	back.src, back.dst = t.s.dst, t.s.src
	if at.subnet.RouteTable.Open != nil {
		return at.subnet.RouteTable.Open
	}
	var why *ir.Unknown
	for _, table := range at.subnet.RouteTable.Of {
		lookup(table, &back, func(c choice) bool {
			why = linkOf(c)
			return why != nil
		})
		if why != nil {
			return why
		}
	}
	return nil
}

func linkOf(c choice) *ir.Unknown {
	switch {
	case c.open != nil:
		return c.open
	case c.route == nil || c.route.Blackhole.Known() && c.route.Blackhole.V:
		return nil
	case c.route.Target.Open != nil:
		return c.route.Target.Open
	}
	for _, target := range c.route.Target.Of {
		if leadsOutside(target) {
			return notModelled(&c.route.Origin, "what comes in through "+targetName(target)+" is not modelled")
		}
	}
	return nil
}

// leadsOutside reports whether hosts outside the network may be behind a
// target, other than on the internet.
func leadsOutside(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		k := t.Gateway.Kind
		return k == ir.VirtualPrivateGateway || k == ir.OtherGateway || k == ir.VPCEndpoint || k == ir.LoadBalancerEndpoint || k == ir.GatewayInvalid
	case ir.TargetTransitGateway:
		return transitOutside(t.TransitGateway)
	case ir.TargetOther, ir.TargetInvalid, ir.TargetInterface:
		return true
	case ir.TargetLocal, ir.TargetPeering:
	}
	return false
}

// enter comes in by the internet gateway of the goal's VPC.
func (w *walk) enter(t *trip) bool {
	g := &t.goal
	stateful := t.reply && t.exit == ir.EgressOnlyGateway
	if !stateful && !w.entrance(t) {
		return false
	}
	if !w.advertised(t, g.at.vpc, t.s.dst, nil) || !w.bpa(t, g.at, g.nat != nil || stateful, t.reply) {
		return false
	}
	if !t.reply && t.s.family == packet.IPv6 && !w.publicSubnet(t) {
		return false
	}
	if t.s.family == packet.IPv4 {
		t.s.dst = w.privateOf(t)
	}
	w.noteEntered(t)
	t.entered, t.known = true, identity{}
	return w.aclIn(t, g.at) && w.deliver(t)
}

// privateOf is the address behind the public one that the packet came to.
func (w *walk) privateOf(t *trip) netip.Addr {
	g := &t.goal
	switch {
	case t.reply && g.nat == nil:
		return w.q.Header.Src
	case g.slot.addr != nil && g.slot.addr.Private.Known():
		return g.slot.addr.Private.V
	default:
		return representative(g.at.subnet, packet.IPv4)
	}
}

// entrance checks that the goal's VPC has an internet gateway that hands
// packets to the goal.
func (w *walk) entrance(t *trip) bool {
	g := &t.goal
	if !w.check(t, StageGateway, func(m mode) bool { return w.hasInternet(m, g.at.vpc) }, func(h *Hop) {
		h.Component, h.Message, h.Code = vpcName(g.at.vpc), "has an internet gateway", "BAD_STATE_ATTACHMENT"
		h.Because = append(unknowns(g.at.why), w.internetUnknowns(g.at.vpc)...)
		if h.Verdict == Deny {
			h.Message = "no internet gateway is attached to it"
		}
	}) {
		return false
	}
	if g.iface != nil && g.iface.DenyIGW {
		return w.refuse(t, StageGateway, interfaceName(g.iface), "refuses everything from internet gateways", "")
	}
	return true
}

// hasInternet reports whether an internet gateway is attached to a VPC. One
// that the input only names may have one that the input does not show.
func (w *walk) hasInternet(m mode, v *ir.VPC) bool {
	if m == optimist && (v == nil || !v.Seen || w.n.MayHideSome(ir.KindInternetGateway, v.Home)) {
		return true
	}
	for _, g := range w.n.Gateways {
		if g.Kind == ir.InternetGateway && attachedTo(m, g, v) {
			return true
		}
	}
	return false
}

func (w *walk) internetUnknowns(v *ir.VPC) []*ir.Unknown {
	var us []*ir.Unknown
	for _, g := range w.n.Gateways {
		if g.Kind == ir.InternetGateway && !attachedTo(pessimist, g, v) && attachedTo(optimist, g, v) {
			us = append(us, g.VPC.Unknowns()...)
		}
	}
	switch {
	case len(us) > 0 || v == nil:
	case !v.Seen:
		us = append(us, notSeen(v))
	case w.n.MayHideSome(ir.KindInternetGateway, v.Home):
		us = append(us, &ir.Unknown{Term: "gateways of " + vpcName(v), Cause: diag.Cause{
			Code: diag.NotInInput, Message: "the list of internet gateways is not in the input", Address: vpcName(v), Range: v.Origin.Range,
		}})
	}
	return us
}

// publicSubnet: the internet begins no IPv6 flow to a subnet whose own traffic
// to it leaves by an egress-only gateway.
// [VPC egress-only-internet-gateway.md]
func (w *walk) publicSubnet(t *trip) bool {
	g := &t.goal
	return w.check(t, StageGateway, func(m mode) bool { return !onlyEgress(m, t, g.at.subnet) }, func(h *Hop) {
		h.Component, h.Message = subnetName(g.at.subnet), "its route to the internet admits flows from there"
		if g.at.subnet != nil {
			h.Because = g.at.subnet.RouteTable.Unknowns()
		}
		if h.Verdict == Deny {
			h.Message = "its route to the internet is an egress-only gateway: flows begin inside only"
		}
	})
}

// onlyEgress reports whether a subnet's traffic to the source leaves by an
// egress-only gateway: surely for the optimist, possibly for the pessimist.
func onlyEgress(m mode, t *trip, s *ir.Subnet) bool {
	if s == nil || s.RouteTable.Open != nil {
		return m == pessimist
	}
	back := t.s
	back.src, back.dst = t.s.dst, t.s.src
	some, all := false, len(s.RouteTable.Of) > 0
	for _, table := range s.RouteTable.Of {
		lookup(table, &back, func(c choice) bool {
			may, must := egressRoute(c)
			some, all = some || may, all && must
			return false
		})
	}
	if m == pessimist {
		return some
	}
	return all
}

func egressRoute(c choice) (may, must bool) {
	if c.open != nil {
		return true, false
	}
	if c.route == nil || c.route.Blackhole.Known() && c.route.Blackhole.V {
		return false, false
	}
	must = c.route.Blackhole.Known() && c.route.Target.Open == nil && len(c.route.Target.Of) > 0
	may = c.route.Target.Open != nil
	for _, t := range c.route.Target.Of {
		is := t.Kind == ir.TargetGateway && t.Gateway != nil && t.Gateway.Kind == ir.EgressOnlyGateway
		may, must = may || is, must && is
	}
	return may, must
}
