package trace

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// nat64 is the range by which IPv6 hosts reach IPv4 ones through a NAT gateway.
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// embedded is the IPv4 address that a NAT64 address stands for. [RFC 6052]
func embedded(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// nat passes a NAT gateway, which puts its own address and a port of its choice
// into the source. [VPC vpc-nat-gateway.md]
func (w *walk) nat(t *trip, at place, g *ir.Gateway) bool {
	to64 := nat64.Contains(t.s.dst)
	switch {
	case t.reply:
		return w.refuse(t, StageGateway, gatewayName(g), "a reply that leaves by a NAT gateway comes from another address than the request went to", "")
	case t.s.family != packet.IPv4 && !to64:
		return w.refuse(t, StageGateway, gatewayName(g), "of IPv6 a NAT gateway carries only what is for "+nat64.String(), "")
	case !carries(&t.s):
		return w.refuse(t, StageGateway, gatewayName(g), carriedOnly, "PROTOCOL_RESTRICTION")
	case len(g.Subnet.Of) == 0 && g.Subnet.Open == nil:
		return w.regional(t, at, g)
	}
	if subnet, ok := g.Subnet.Known(); ok {
		return w.natIn(t, at, g, subnet)
	}
	return choose(w, &g.Subnet, func(s *ir.Subnet) bool {
		u := *t
		return w.natIn(&u, at, g, s)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

const carriedOnly = "a NAT gateway carries TCP, UDP and ICMP only"

// carries reports whether a NAT gateway takes a packet's protocol. Of ICMPv6 only
// the echo has a counterpart. [VPC vpc-nat-gateway.md; RFC 7915]
func carries(s *segment) bool {
	switch {
	case s.protocol == packet.TCP, s.protocol == packet.UDP:
		return true
	case s.family == packet.IPv4:
		return s.protocol == packet.ICMP
	default:
		return s.protocol == packet.ICMPv6 && s.dport>>8 == 128
	}
}

// to4 is what NAT64 makes of a packet, the source apart, which it replaces.
func to4(s *segment) {
	s.dst, s.family = embedded(s.dst), packet.IPv4
	s.src, s.srcIn = netip.Addr{}, nil
	if s.protocol == packet.ICMPv6 {
		s.protocol, s.dport = packet.ICMP, packet.TypeCode(8, uint8(s.dport))
	}
}

// regional passes a NAT gateway that stands in no subnet and has a route table
// of its own. [botocore ec2 NatGateway]
func (w *walk) regional(t *trip, at place, g *ir.Gateway) bool {
	if noTable(&g.RouteTable) {
		return w.opaque(t, at, notModelled(&g.Origin, "the route table of "+gatewayName(g)+" is not in the input"))
	}
	in := &g.VPC
	if table, ok := g.RouteTable.Known(); ok && len(in.Of) == 0 && in.Open == nil {
		in = &table.VPC
	}
	if len(in.Of) == 0 && in.Open == nil {
		return w.natAt(t, at, g, place{vpc: at.vpc, why: at.why, edge: g}) // a route leads to gateways of its VPC
	}
	return choose(w, in, func(v *ir.VPC) bool {
		u := *t
		return w.natAt(&u, at, g, place{vpc: v, edge: g})
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.natAt(&u, at, g, place{why: why, edge: g})
	})
}

func (w *walk) natIn(t *trip, at place, g *ir.Gateway, s *ir.Subnet) bool {
	return w.placesIn(s, func(p place) bool {
		u := *t
		return w.natAt(&u, at, g, p)
	})
}

func (w *walk) natAt(t *trip, at place, g *ir.Gateway, p place) bool {
	if !w.sameVPC(at.vpc, p.vpc) {
		return w.refuse(t, StageGateway, gatewayName(g), "is in another VPC", "NGW_REQUIRES_SOURCE_IN_VPC")
	}
	if p.edge == nil && p.subnet != at.subnet && !w.aclIn(t, p) {
		return false
	}
	if slices.ContainsFunc(t.nats, func(s natStep) bool { return s.gateway == g }) {
		return w.refuse(t, StageRoute, gatewayName(g), circle, "NO_PATH")
	}
	t.nats = append(slices.Clip(t.nats), natStep{gateway: g, at: p, inner: t.s, src: t.src})
	t.src = node{nat: g, at: p}
	was := t.s
	if t.s.src, t.s.srcIn = (netip.Addr{}), nil; t.s.family == packet.IPv6 {
		to4(&t.s)
	}
	if len(g.Addresses) == 1 {
		t.src.slot.addr = &g.Addresses[0]
		if v := &g.Addresses[0].Private; v.Known() {
			t.s.src = v.V
		}
	}
	if !t.s.src.IsValid() {
		t.s.srcIn = boundOf(p.subnet, packet.IPv4)
	}
	if t.s.kind == packet.Ported {
		t.s.sport = max(w.q.NATPort, 1024)
	}
	w.noteNAT(t, g, &was)
	t.known, t.departs = identity{}, 0
	return w.depart(t, p)
}
