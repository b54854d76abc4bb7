package trace

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// gateway goes through the gateway that a route points at.
func (w *walk) gateway(t *trip, at place, c choice, g *ir.Gateway) bool {
	switch g.Kind {
	case ir.InternetGateway:
		return w.internet(t, at, g)
	case ir.EgressOnlyGateway:
		return w.egressOnly(t, at, g)
	case ir.NATGateway:
		return w.nat(t, at, g)
	case ir.VPCEndpoint:
		if c.route.Destination.PrefixList != nil {
			return w.endpoint(t, at, g)
		}
	case ir.VirtualPrivateGateway:
		return w.vpn(t, at, g)
	case ir.LoadBalancerEndpoint:
		return w.inspect(t, at, g)
	case ir.OtherGateway, ir.GatewayInvalid:
	}
	return w.opaque(t, at, notModelled(&g.Origin, "what "+gatewayName(g)+" does with packets is not modelled"))
}

// internet leaves the VPC by an internet gateway, which exchanges the sender's
// private IPv4 address for its public one. [VPC VPC_Internet_Gateway.md]
func (w *walk) internet(t *trip, at place, g *ir.Gateway) bool {
	if !w.attached(t, at, g) || !w.ownSource(t, at, g) || !w.routable(t, g) || !w.redirected(t, at, g) {
		return false
	}
	if t.reply && t.exit.private() {
		return w.refuseOtherWay(t, g)
	}
	was := t.s
	if t.s.family == packet.IPv4 && !w.translateOut(t, g) {
		return false
	}
	if !w.advertised(t, at.vpc, t.s.src, g) || !w.bpa(t, at, t.src.nat != nil, !t.reply || !t.came) {
		return false
	}
	w.noteGateway(t, g, &was, "out to the internet")
	return w.beyond(t, ir.InternetGateway, g)
}

// egressOnly leaves the VPC by an egress-only gateway: IPv6, and only what was
// begun inside. [VPC egress-only-internet-gateway.md]
func (w *walk) egressOnly(t *trip, at place, g *ir.Gateway) bool {
	switch {
	case t.s.family != packet.IPv6:
		return w.refuse(t, StageGateway, gatewayName(g), "an egress-only gateway carries IPv6 only", "")
	case t.reply:
		return w.refuse(t, StageGateway, gatewayName(g), "the flow was not begun inside", "")
	}
	if !w.attached(t, at, g) || !w.ownSource(t, at, g) || !w.routable(t, g) || !w.advertised(t, at.vpc, t.s.src, g) || !w.bpa(t, at, true, true) {
		return false
	}
	w.noteGateway(t, g, &t.s, "out to the internet")
	return w.beyond(t, ir.EgressOnlyGateway, g)
}

// beyond is the internet behind a gateway: the goal, or the way to the goal's
// own internet gateway.
func (w *walk) beyond(t *trip, kind ir.GatewayKind, g *ir.Gateway) bool {
	if !t.reply {
		t.exit = exit{kind: kind}
		if kind == ir.EgressOnlyGateway {
			t.exit.gateway = g
		}
	}
	if t.goal.outside() {
		return w.deliver(t)
	}
	if t.s.family == packet.IPv4 && !t.goal.slot.public {
		return w.refuse(t, StageGateway, gatewayName(g), "the internet does not route to the private address "+t.s.dst.String(), "NO_POSSIBLE_DESTINATION")
	}
	return w.enter(t)
}

// endpoint leaves by a gateway endpoint for the service behind it, which keeps
// its public addresses. [VPC route-table-options.md]
func (w *walk) endpoint(t *trip, at place, g *ir.Gateway) bool {
	if t.s.protocol != packet.TCP && (t.s.protocol != packet.ICMP || t.s.dport>>8 != 8) {
		return w.refuse(t, StageGateway, gatewayName(g), "a gateway endpoint carries TCP and ICMP echo only", "VPCE_GATEWAY_PROTOCOL_RESTRICTION")
	}
	if !t.goal.outside() || t.reply || !w.ownPlace(t, at) {
		return w.refuse(t, StageGateway, gatewayName(g), "a gateway endpoint leads to its service only, and only from its VPC", "")
	}
	w.noteGateway(t, g, &t.s, "to the service")
	t.exit = exit{kind: ir.VPCEndpoint}
	return w.deliver(t)
}

// ownPlace: gateways serve what is in their own VPC, not what comes through a
// peering connection or a transit gateway.
func (w *walk) ownPlace(t *trip, at place) bool {
	return w.sameVPC(t.src.at.vpc, at.vpc)
}

func (w *walk) ownSource(t *trip, at place, g *ir.Gateway) bool {
	return w.ownPlace(t, at) ||
		w.refuse(t, StageGateway, gatewayName(g), "the sender is not in the gateway's VPC", "GATEWAY_REJECTS_SPOOFED_TRAFFIC")
}

// routable: an internet gateway sends nothing to private or shared addresses,
// nor to those of NAT64. [reachability explanation-codes
// IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS]
func (w *walk) routable(t *trip, g *ir.Gateway) bool {
	switch rangeOf(t.s.dst) {
	case private:
		return w.refuse(t, StageGateway, gatewayName(g), "drops what is for the private address "+t.s.dst.String(), "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS")
	case shared:
		return w.refuse(t, StageGateway, gatewayName(g), "drops what is for the shared address "+t.s.dst.String(), "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS")
	case ordinary:
	}
	return !nat64.Contains(t.s.dst) ||
		w.refuse(t, StageGateway, gatewayName(g), "the internet does not route to "+nat64.String(), "NO_POSSIBLE_DESTINATION")
}

// vpn leaves by a virtual private gateway for premises, untranslated.
func (w *walk) vpn(t *trip, at place, g *ir.Gateway) bool {
	if !w.attached(t, at, g) {
		return false
	}
	switch {
	case !w.ownPlace(t, at):
		return w.refuse(t, StageGateway, gatewayName(g), "the sender is not in the gateway's VPC", "VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS")
	case t.reply && t.exit.gateway != g:
		return w.refuseOtherWay(t, g)
	case !t.goal.outside():
		return w.opaque(t, at, notModelled(&g.Origin, "how networks beyond "+gatewayName(g)+" lead back to "+nodeName(&t.goal)+" is not in the input"))
	}
	if !t.reply {
		t.exit = exit{kind: ir.VirtualPrivateGateway, gateway: g}
	}
	w.noteGateway(t, g, &t.s, "out to premises")
	return w.deliver(t)
}

// refuseOtherWay: a reply that leaves by another gateway than its request came
// by goes to somebody else.
func (w *walk) refuseOtherWay(t *trip, g *ir.Gateway) bool {
	return w.refuse(t, StageGateway, gatewayName(g), "the request came by another gateway: its reply has to leave there", "NO_ROUTE_TO_DESTINATION")
}

func (w *walk) attached(t *trip, at place, g *ir.Gateway) bool {
	return w.check(t, StageGateway, func(m mode) bool { return attachedTo(m, g, at.vpc) }, func(h *Hop) {
		h.Component, h.Place, h.Because = gatewayName(g), g.Origin.Place(""), g.VPC.Unknowns()
		h.Message, h.Code = "attached to "+vpcName(at.vpc), "BAD_STATE_ATTACHMENT"
		if h.Verdict == Deny {
			h.Message = "not attached to " + vpcName(at.vpc)
		}
	})
}

// attachedTo reports whether a gateway is attached to a VPC.
func attachedTo(m mode, g *ir.Gateway, v *ir.VPC) bool {
	if m == optimist {
		return v == nil || possible(&g.VPC, v)
	}
	known, ok := g.VPC.Known()
	return ok && known == v
}

func possible[T comparable](c *ir.Choice[T], v T) bool {
	return c.Open != nil || slices.Contains(c.Of, v)
}

// translateOut exchanges the sender's private address for its public one. A
// reply gets back the address that the initiator asked for.
func (w *walk) translateOut(t *trip, g *ir.Gateway) bool {
	t.s.srcIn = nil // whatever the private address was
	if t.reply {
		if !t.public {
			return w.refuse(t, StageGateway, gatewayName(g), "the request did not come to the public address", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS")
		}
		t.s.src, t.left = w.q.Header.Dst, true
		return true
	}
	p := publicOf(&t.src)
	ok := w.check(t, StageGateway, func(m mode) bool {
		return p != nil && (p.Exists.Known() && p.Exists.V || !p.Exists.Known() && m == optimist)
	}, func(h *Hop) {
		h.Component, h.Place = nodeName(&t.src), nodePlace(&t.src)
		h.Message, h.Code = "has a public address", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
		if h.Verdict == Deny {
			h.Message = "no public IPv4 address: an internet gateway drops what it sends"
		}
		if p != nil {
			h.Because = unknowns(p.Exists.Why)
			h.Place = cmpPlace(p.Place, h.Place)
		}
	})
	if !ok {
		return false
	}
	t.s.src, t.left = netip.Addr{}, true
	if told(p) && oneAddress(&t.src) {
		t.s.src = p.Addr.V
	}
	return true
}

// publicOf is the public address that goes with the one that the sender uses.
func publicOf(n *node) *ir.Public {
	switch {
	case n.nat != nil && n.nat.Private:
		return nil
	case n.nat != nil && n.slot.addr == nil:
		return &ir.Public{Exists: ir.Known(true)}
	case n.nat != nil:
		return &ir.Public{Exists: ir.Known(true), Addr: n.slot.addr.Public.Addr}
	case n.slot.addr != nil:
		return &n.slot.addr.Public
	default:
		return nil
	}
}

// oneAddress: a NAT gateway with several addresses picks one of them.
func oneAddress(n *node) bool { return n.nat == nil || len(n.nat.Addresses) == 1 }

// advertised: addresses of private IPv6 CIDRs pass no internet gateway.
// [botocore ec2 VpcIpv6CidrBlockAssociation]
func (w *walk) advertised(t *trip, v *ir.VPC, a netip.Addr, g *ir.Gateway) bool {
	if v == nil || t.s.family != packet.IPv6 {
		return true
	}
	for _, p := range v.PrivateIPv6 {
		if p.Contains(a) {
			return w.refuse(t, StageGateway, gatewayName(g), a.String()+" is in "+p.String()+", which is not advertised to the internet", "")
		}
	}
	return true
}
