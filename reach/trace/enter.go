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
	switch {
	case isLattice(t.s.src) && !g.slot.public && w.usesLattice():
		return w.fromLattice(t)
	case t.s.family == packet.IPv4 && g.slot.public:
		return w.enter(t)
	case t.s.family == packet.IPv4 || !onInternet(t.s.src):
		return w.fromLinks(t)
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

// enter comes in by the internet gateway of the goal's VPC.
func (w *walk) enter(t *trip) bool {
	g := &t.goal
	if !w.admits(t) {
		return false
	}
	stateful := t.reply && t.exit.kind == ir.EgressOnlyGateway
	if !stateful && !w.entrance(t) {
		return false
	}
	if !w.advertised(t, g.at.vpc, t.s.dst, nil) || !w.bpa(t, g.at, g.nat != nil || stateful, t.reply && t.exit.kind != ir.GatewayInvalid) {
		return false
	}
	if !t.reply && t.s.family == packet.IPv6 && !w.publicSubnet(t) {
		return false
	}
	t.entered, t.known = true, identity{}
	was := t.s
	if t.s.family == packet.IPv4 {
		t.s.dst, t.s.dstIn = w.privateOf(t), nil
		if !t.s.dst.IsValid() {
			t.s.dstIn = boundOf(g.at.subnet, packet.IPv4)
		}
		t.public, t.goal.slot.public, t.departs = !t.reply, false, 0
	}
	if stateful {
		w.noteEntered(t, t.exit.gateway, &was)
		return w.inbound(t, nil)
	}
	sure, maybe := w.internetGateways(g.at.vpc)
	if sure != nil || len(maybe) == 0 {
		w.noteEntered(t, sure, &was)
		return w.inbound(t, sure)
	}
	b := w.branches()
	for _, igw := range maybe {
		if igw != nil {
			w.divided(igw.VPC.Unknowns()...)
		}
		u := *t
		w.noteEntered(&u, igw, &was)
		if b.try(w.inbound(&u, igw)) {
			break
		}
	}
	return b.end()
}

// admits: an internet gateway takes nothing from private or shared addresses.
// [reachability explanation-codes IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS]
func (w *walk) admits(t *trip) bool {
	if t.s.family != packet.IPv4 {
		return true
	}
	switch rangeOf(t.s.src) {
	case private:
		return w.refuse(t, StageGateway, gatewayName(nil), "drops what comes from the private address "+t.s.src.String(), "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS")
	case shared:
		return w.refuse(t, StageGateway, gatewayName(nil), "drops what comes from the shared address "+t.s.src.String(), "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS")
	case ordinary:
	}
	return true
}

// internetGateways finds the internet gateway that is surely attached to a VPC,
// or those that may be.
func (w *walk) internetGateways(v *ir.VPC) (sure *ir.Gateway, maybe []*ir.Gateway) {
	for _, g := range w.n.Gateways {
		switch {
		case g.Kind != ir.InternetGateway:
		case attachedTo(pessimist, g, v):
			return g, nil
		case w.m == optimist && attachedTo(optimist, g, v):
			maybe = append(maybe, g)
		}
	}
	if len(maybe) > 0 && w.hidesInternet(v) {
		maybe = append(maybe, nil)
	}
	return nil, maybe
}

// hidesInternet: an internet gateway may be attached that the input does not
// show.
func (w *walk) hidesInternet(v *ir.VPC) bool {
	return v == nil || !v.Seen || w.n.MayHideSome(ir.KindInternetGateway, v.Home)
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
	if m == optimist && w.hidesInternet(v) {
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
	back := t.s.back()
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
