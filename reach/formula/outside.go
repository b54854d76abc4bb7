package formula

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// inbound are the ways of a request from a host outside: by the internet gateway,
// by a link to a network outside the input, and by services that bring traffic
// to private addresses.
func (e *Encoder) inbound(to *ir.Interface, b place) []way {
	s := e.request()
	r := e.reply(s)
	_, public := e.public(to, b, s.dst)
	_, private := e.holds(to, b, s.dst)
	start := e.And(e.outside(s.src), e.exists(to.Maybe), e.groups(to, false, s, nobody()), e.listens(to, s))
	private = e.And(start, private)
	ways := append(e.brought(to, private), e.latticeIn(to, private)...)
	if !b.shown() {
		there := e.free(key{kind: "unseen", with: to}, "what lies between is not shown: there")
		back := e.free(key{kind: "unseen back", with: to}, "what lies between is not shown: back")
		return append(ways, way{e.And(start, public, smt.Of(!to.DenyIGW), there), back})
	}
	ways = append(ways, way{
		e.And(start, public, e.arrives(to, b, s.src, true), e.subnetACL(b.subnet, false, s)),
		e.And(e.subnetACL(b.subnet, true, r), e.leaves(b, r.dst, ir.InternetGateway)),
	})
	if linked := e.linkedOutside(b, s.src); linked != smt.False {
		there := e.unmodelled(key{kind: "link", of: to}, "a network behind a link sends it")
		back := e.unmodelled(key{kind: "link back", of: to}, "the link takes the reply")
		ways = append(ways, way{e.And(private, linked, there), back})
	}
	return ways
}

// linkedOutside is whether a link leads from a place to a network outside the
// input that may hold an address: a virtual private gateway, an attachment of a
// transit gateway, or what the subnet's routes lead the address to.
func (e *Encoder) linkedOutside(b place, a smt.Term) smt.Term {
	var by []smt.Term
	for _, g := range e.net.Gateways {
		if g.Kind == ir.VirtualPrivateGateway {
			by = append(by, e.isVPC(g.VPC, b.vpc, g))
		}
	}
	for _, g := range e.net.TransitGateways {
		if slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool { return a.Outside }) {
			by = append(by, smt.True)
		}
	}
	by = append(by, e.subnetRoutes(b.subnet, a, leads{"a link", func(t ir.Target) smt.Term { return smt.Of(leadsOutside(t)) }}))
	return e.Or(by...)
}

// brought are the ways by services outside the route tables, which may hand an
// interface what comes from the internet. Which do, and what their own filters
// and the subnet's let pass then, is not modelled. [global-accelerator
// about-endpoints; CloudFront private-content-vpc-origins]
func (e *Encoder) brought(to *ir.Interface, start smt.Term) []way {
	if len(e.net.Indirect) == 0 {
		return nil
	}
	by := e.net.Indirect[0].Address
	there := e.unmodelled(key{kind: "brought", of: to}, by+" brings it in")
	back := e.unmodelled(key{kind: "brought back", of: to}, by+" takes the reply")
	return []way{{e.And(start, there), back}}
}

// leadsOutside reports whether hosts outside the network, other than on the
// internet, may be behind a target.
func leadsOutside(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		switch t.Gateway.Kind {
		case ir.InternetGateway, ir.EgressOnlyGateway, ir.NATGateway, ir.VPCEndpoint:
			return false
		case ir.VirtualPrivateGateway, ir.LoadBalancerEndpoint, ir.OtherGateway, ir.GatewayInvalid:
		}
		return true
	case ir.TargetTransitGateway:
		return attachesOutside(t.TransitGateway)
	case ir.TargetOther, ir.TargetInvalid, ir.TargetInterface:
		return true
	case ir.TargetLocal, ir.TargetPeering:
	}
	return false
}

// attachesOutside reports whether something of a transit gateway may lead to a
// network that is not in the input.
func attachesOutside(g *ir.TransitGateway) bool {
	return g == nil || g.Open != nil || slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool { return len(a.VPC.Of) == 0 || a.VPC.Open != nil })
}

// proxies are the ways of flows that one thing takes and another continues: by a
// load balancer to its targets, from people behind an EC2 Instance Connect
// endpoint, to IPv4 hosts by NAT64. None of them is modelled, nor is who holds
// the addresses then.
func (e *Encoder) proxies(from, to *ir.Interface) []smt.Term {
	var by []smt.Term
	if from != nil && from.Kind == ir.InterfaceConnectEndpoint {
		by = append(by, e.unmodelled(key{kind: "connects", of: from}, from.Resource+" connects people"))
	}
	if to == nil {
		return by
	}
	if slices.ContainsFunc(e.net.Interfaces, func(i *ir.Interface) bool { return i != to && forwards(i) }) {
		by = append(by, e.unmodelled(key{kind: "forwards", of: to}, "a load balancer sends it to "+to.Resource))
	}
	if from != nil && e.family == packet.IPv6 {
		by = append(by, e.And(e.Inside(e.header.Dst, nat64), e.unmodelled(key{kind: "nat64", of: to}, "NAT64 leads to "+to.Resource)))
	}
	return by
}

func forwards(i *ir.Interface) bool {
	return i.Services != nil && slices.ContainsFunc(i.Services.Ports, func(v ir.Service) bool { return v.Forward != nil })
}

// nat64 is where IPv6 hosts find IPv4 ones. [RFC 6052]
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// The link-local networks of VPC Lattice, and those that no route applies to.
// [vpc-lattice security-groups; VPC_Route_Tables.md]
var (
	lattices = [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 171}), 24), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2, 0, 0x80}), 64),
	}
	reserved = [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 168}), 22), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2}), 32),
	}
)

func (e *Encoder) insideAny(a smt.Term, of ...netip.Prefix) smt.Term {
	is := make([]smt.Term, len(of))
	for k, c := range of {
		is[k] = e.Inside(a, c)
	}
	return e.Or(is...)
}

// latticeIn is the way of what a service network of VPC Lattice forwards.
func (e *Encoder) latticeIn(to *ir.Interface, start smt.Term) []way {
	if !slices.ContainsFunc(e.net.VPCs, func(v *ir.VPC) bool { return v.Lattice != nil }) {
		return nil
	}
	there := e.unmodelled(key{kind: "lattice", of: to}, "VPC Lattice brings it in")
	back := e.unmodelled(key{kind: "lattice back", of: to}, "VPC Lattice takes the reply")
	return []way{{e.And(start, e.insideAny(e.header.Src, lattices[:]...), there), back}}
}

// latticeOut is the way to a service of VPC Lattice, from a VPC that uses it or
// may.
func (e *Encoder) latticeOut(from *ir.Interface, a place, start smt.Term) []way {
	if a.vpc != nil && a.vpc.Seen && a.vpc.Lattice == nil {
		return nil
	}
	there := e.unmodelled(key{kind: "to lattice", of: from}, "VPC Lattice takes it")
	back := e.unmodelled(key{kind: "to lattice, back", of: from}, "VPC Lattice replies")
	return []way{{e.And(start, e.insideAny(e.header.Dst, lattices[:]...), there), back}}
}

// routable is whether an internet gateway carries packets with an address at their
// outer end: not a private or a shared one, nor one of NAT64. [reachability
// explanation-codes IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS]
func (e *Encoder) routable(a smt.Term) smt.Term {
	if e.family == packet.IPv6 {
		return e.Not(e.Inside(a, nat64))
	}
	return e.Not(e.insideAny(a, cidr4(10, 0, 8), cidr4(172, 16, 12), cidr4(192, 168, 16), cidr4(100, 64, 10)))
}

// arrives is whether an internet gateway hands what comes from an address to an
// interface. request: it begins a flow, which the internet does not where the
// way back is an egress-only gateway. [VPC egress-only-internet-gateway.md]
func (e *Encoder) arrives(to *ir.Interface, b place, from smt.Term, request bool) smt.Term {
	if to.DenyIGW { // [botocore ec2 NetworkInterface DenyAllIgwTraffic]
		return smt.False
	}
	lets := []smt.Term{e.hasInternet(b.vpc)}
	if e.family == packet.IPv4 {
		lets = append(lets, e.routable(from))
	}
	if request {
		lets = append(lets, e.publicAccess(b, true, false))
		if e.family == packet.IPv6 {
			lets = append(lets, e.onInternet(from))
			lets = append(lets, e.Not(e.subnetRoutes(b.subnet, from, e.gateway(ir.EgressOnlyGateway, nil))))
		}
	}
	return e.And(lets...)
}

// outbound is the way of a request to a host outside.
func (e *Encoder) outbound(from *ir.Interface, a place) []way {
	s := e.request()
	r := e.reply(s)
	_, src := e.holds(from, a, s.src)
	here := e.And(src, e.exists(from.Maybe))
	service := way{e.And(here, e.exempt(a, s.dst)), smt.True}
	start := e.And(here, e.outside(s.dst), e.groups(from, true, s, nobody()))
	lattice := e.latticeOut(from, a, start)
	start = e.And(start, e.Not(e.insideAny(s.dst, reserved[:]...)))
	if !a.shown() {
		there := e.free(key{kind: "unseen", of: from}, "what lies between is not shown: there")
		back := e.free(key{kind: "unseen back", of: from}, "what lies between is not shown: back")
		return append(lattice, way{e.And(start, there), back}, service)
	}
	start = e.And(start, e.subnetACL(a.subnet, true, s))
	end := e.subnetACL(a.subnet, false, r)
	_, has := e.seenAs(from, a, s.src)
	ways := []way{{
		e.And(start, e.leaves(a, s.dst, ir.InternetGateway), has, e.publicAccess(a, false, false)),
		e.And(end, e.arrives(from, a, r.src, false)),
	}}
	if e.family == packet.IPv6 {
		ways = append(ways, way{e.And(start, e.leaves(a, s.dst, ir.EgressOnlyGateway), has, e.publicAccess(a, false, true)), end})
	}
	unknown := leads{"outside", func(t ir.Target) smt.Term {
		if t.Kind == ir.TargetTransitGateway && attachesOutside(t.TransitGateway) {
			return e.unmodelled(key{kind: "opaque", of: t, with: "outside"}, "an attachment leads there")
		}
		return e.passesOpaque(t, "outside")
	}}
	// What takes it may also bring the reply by ways of its own.
	back := e.Or(end, e.unmodelled(key{kind: "outside, back", of: from}, "what is not modelled brings the reply"))
	return slices.Concat(ways, lattice, []way{{e.And(start, e.subnetRoutes(a.subnet, s.dst, unknown)), back}, service})
}

// leaves is whether a subnet's routes lead to a gateway of its VPC.
func (e *Encoder) leaves(a place, to smt.Term, kind ir.GatewayKind) smt.Term {
	return e.And(e.routable(to), e.subnetRoutes(a.subnet, to, e.gateway(kind, a.vpc)))
}
