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
	case ir.VirtualPrivateGateway, ir.LoadBalancerEndpoint, ir.OtherGateway, ir.GatewayInvalid:
	}
	return w.opaque(t, at, notModelled(&g.Origin, "what "+gatewayName(g)+" does with packets is not modelled"))
}

// internet leaves the VPC by an internet gateway, which exchanges the sender's
// private IPv4 address for its public one. [VPC VPC_Internet_Gateway.md]
func (w *walk) internet(t *trip, at place, g *ir.Gateway) bool {
	if !w.attached(t, at, g) || !w.ownSource(t, at, g) {
		return false
	}
	if t.s.family == packet.IPv4 && !w.translateOut(t, g) {
		return false
	}
	if !w.advertised(t, at.vpc, t.s.src, g) || !w.bpa(t, at, t.src.nat != nil, !t.reply) {
		return false
	}
	w.noteGateway(t, g, "out to the internet")
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
	if !w.attached(t, at, g) || !w.ownSource(t, at, g) || !w.advertised(t, at.vpc, t.s.src, g) || !w.bpa(t, at, true, true) {
		return false
	}
	w.noteGateway(t, g, "out to the internet")
	return w.beyond(t, ir.EgressOnlyGateway, g)
}

// beyond is the internet behind a gateway: the goal, or the way to the goal's
// own internet gateway.
func (w *walk) beyond(t *trip, exit ir.GatewayKind, g *ir.Gateway) bool {
	if !t.reply {
		t.exit = exit
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
	if !t.goal.outside() || t.reply || !w.ownPlace(t, at) {
		return w.refuse(t, StageGateway, gatewayName(g), "a gateway endpoint leads to its service only, and only from its VPC", "")
	}
	w.noteGateway(t, g, "to the service")
	t.exit = ir.VPCEndpoint
	return w.deliver(t)
}

// ownPlace: gateways serve what is in their own VPC, not what comes through a
// peering connection or a transit gateway.
func (w *walk) ownPlace(t *trip, at place) bool {
	return w.sameVPC(t.src.at.vpc, at.vpc)
}

func (w *walk) ownSource(t *trip, at place, g *ir.Gateway) bool {
	return w.ownPlace(t, at) ||
		w.refuse(t, StageGateway, gatewayName(g), "the sender is not in the gateway's VPC", "IGW_REJECTS_SPOOFED_TRAFFIC")
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
	if t.reply {
		if !t.src.slot.public {
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
