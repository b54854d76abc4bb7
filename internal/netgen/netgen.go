// Package netgen makes small random networks, headers at the corners of their
// rules, and values for their unknowns. The concrete evaluator, the symbolic
// engine and the SMT encoder are tested against each other on them.
//
// Everything is drawn from small pools, so that rules, routes and addresses
// meet: the interesting networks are those where two things overlap by one
// port or one address. The same source of randomness gives the same network.
package netgen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Options says what a network may hold. The zero value is IPv4, fully known,
// with internet gateways and peering.
type Options struct {
	// Unknowns is how often, of 100 places that can be unknown, one is.
	Unknowns int
	// VPCs and Interfaces bound the sizes; 0 stands for 3 and 6.
	VPCs, Interfaces int
	IPv6             bool
	Transit          bool // transit gateways
	NAT              bool // NAT gateways
	Appliances       bool // interfaces as route targets
	BPA              bool // VPC Block Public Access
	Services         bool // what listens
	Zones            bool // several attachment subnets of a VPC, in zones

	// What follows is in Whole and not in All.

	Balancers bool // load balancers of three kinds, with targets
	Regional  bool // regional NAT gateways; with IPv6 also NAT64
	Endpoints bool // gateway endpoints
	Edges     bool // route tables of internet and virtual private gateways, Gateway Load Balancer endpoints
	VPN       bool // virtual private gateways; with Transit also attachments that lead outside
	Tables    bool // transit gateways with two route tables, blackholes among the routes
	Connect   bool // Instance Connect endpoints
	Lattice   bool // VPC Lattice

	// Lenient: groups and ACLs let most packets pass, so that what lies behind
	// them is tested. It is in neither.
	Lenient bool
}

// All is every option of the first kind but unknowns and zones.
var All = Options{IPv6: true, Transit: true, NAT: true, Appliances: true, BPA: true, Services: true}

// Whole is every option but unknowns and zones.
var Whole = Options{
	IPv6: true, Transit: true, NAT: true, Appliances: true, BPA: true, Services: true,
	Balancers: true, Regional: true, Endpoints: true, Edges: true, VPN: true, Tables: true, Connect: true, Lattice: true,
}

type gen struct {
	*rand.Rand
	o     Options
	n     *ir.Network
	terms int

	igws, eigws []ir.Target // by VPC
	nats        []ir.Target
	links       []ir.Target

	vgws, inspections []ir.Target    // virtual private gateways by VPC; Gateway Load Balancer endpoints
	services          []ir.Target    // gateway endpoints by VPC
	behind            *ir.PrefixList // what is behind gateway endpoints
	regional          map[*ir.VPC]ir.Target
}

// New makes a network.
func New(rng *rand.Rand, o Options) *ir.Network {
	if o.VPCs == 0 {
		o.VPCs = 3
	}
	if o.Interfaces == 0 {
		o.Interfaces = 6
	}
	g := &gen{Rand: rng, o: o, n: &ir.Network{Closed: map[ir.Scope]bool{}}}
	for k := range 1 + g.IntN(o.VPCs) {
		g.vpc(k)
	}
	g.prefixLists()
	for k := range 2 + g.IntN(3) {
		g.group(k)
	}
	for _, sg := range g.n.SecurityGroups {
		sg.Ingress, sg.Egress = g.rules(sg, "ingress"), g.rules(sg, "egress")
	}
	for k := range 1 + g.IntN(3) {
		g.acl(k)
	}
	for v := range g.n.VPCs {
		for k := range 1 + g.IntN(2) {
			g.subnet(v, k)
		}
	}
	g.interfaces()
	g.gateways()
	g.more()
	for _, s := range g.n.Subnets {
		g.tables(s)
	}
	g.edges()
	return g.n
}

// often is a chance that lenient networks take more often.
func (g *gen) often(p, lenient int) bool {
	if g.o.Lenient {
		p = lenient
	}
	return g.chance(p)
}

// chance is true in p of 100 draws.
func (g *gen) chance(p int) bool { return g.IntN(100) < p }

// maybe returns a fresh unknown where one falls, nil elsewhere.
func (g *gen) maybe() *ir.Unknown {
	if !g.chance(g.o.Unknowns) {
		return nil
	}
	return g.unknown()
}

func (g *gen) unknown() *ir.Unknown {
	g.terms++
	t := fmt.Sprintf("var.t%d", g.terms)
	return &ir.Unknown{Term: t, Cause: diag.Cause{Code: diag.NoValue, Message: t + " has no value", Address: t}}
}

func value[T any](g *gen, v T) ir.Value[T] {
	return ir.Value[T]{V: v, Why: g.maybe()}
}

// choice is a candidate of all, or where unknowns fall several or an open one.
func choice[T any](g *gen, v T, all []T) ir.Choice[T] {
	switch why := g.maybe(); {
	case why == nil:
		return ir.One(v)
	case g.chance(25):
		return ir.Another[T](why)
	case g.chance(25):
		return ir.Choice[T]{Of: []T{v}, Open: why}
	default:
		return ir.Choice[T]{Of: []T{v, all[g.IntN(len(all))]}, Why: why}
	}
}

func pick[T any](g *gen, of ...T) T { return of[g.IntN(len(of))] }

func origin(format string, args ...any) ir.Origin {
	return ir.Origin{Address: fmt.Sprintf(format, args...)}
}

func (g *gen) vpc(k int) {
	v := &ir.VPC{
		ID: fmt.Sprintf("vpc-%d", k), Seen: !g.chance(g.o.Unknowns / 2), Origin: origin("vpc-%d", k),
		IPv4: []ir.Value[netip.Prefix]{value(g, cidr4(k))}, BPA: ir.Known(ir.BPAOff), Exclusion: ir.Known(ir.ExclusionNone),
	}
	if g.o.IPv6 {
		v.IPv6 = []ir.Value[netip.Prefix]{value(g, cidr6(k))}
		if g.chance(10) {
			v.PrivateIPv6 = []netip.Prefix{cidr6(k)}
		}
	}
	if g.o.BPA && g.chance(30) {
		v.BPA = value(g, pick(g, ir.BPAOff, ir.BPAIngress, ir.BPABidirectional))
		v.Exclusion = value(g, pick(g, ir.ExclusionNone, ir.ExclusionBidirectional, ir.ExclusionEgress))
	}
	v.More = g.maybe()
	g.n.VPCs = append(g.n.VPCs, v)
}

// VPC k is 10.k.0.0/16 and 2001:db8:k::/56; its subnet j is 10.k.j.0/24 and
// 2001:db8:k:j::/64; host h in it ends in 10+h.
func cidr4(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(k)}), 16)
}

func cidr6(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: byte(k)}), 56)
}

func subnet4(k, j int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(k), byte(j)}), 24)
}

func subnet6(k, j int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: byte(k), 7: byte(j)}), 64)
}

// host is the h-th address of a subnet.
func host(p netip.Prefix, h int) netip.Addr {
	b := p.Addr().AsSlice()
	b[len(b)-1] = byte(10 + h)
	a, _ := netip.AddrFromSlice(b)
	return a
}

// public is the k-th public address.
func public(k int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(k)}) }

// everything is the CIDR of a whole family.
func everything(f packet.Family) netip.Prefix {
	if f == packet.IPv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func (g *gen) prefixLists() {
	for k := range 2 {
		l := &ir.PrefixList{ID: fmt.Sprintf("pl-%d", k), Family: packet.IPv4, Open: g.maybe(), Origin: origin("pl-%d", k)}
		for range g.IntN(3) {
			l.CIDRs = append(l.CIDRs, g.cidr(packet.IPv4))
		}
		g.n.PrefixLists = append(g.n.PrefixLists, l)
	}
}

// cidr draws a CIDR that something in the network may lie in, or just outside
// of.
func (g *gen) cidr(f packet.Family) netip.Prefix {
	k, j := g.IntN(g.o.VPCs), g.IntN(3)
	if f == packet.IPv6 {
		return pick(
			g, everything(f), everything(f), cidr6(k), subnet6(k, j),
			netip.PrefixFrom(host(subnet6(k, j), g.IntN(3)), 128), netip.MustParsePrefix("2001:db8:ffff::/48"), netip.MustParsePrefix("2000::/3"),
		)
	}
	return pick(
		g, everything(f), everything(f), netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("128.0.0.0/1"), cidr4(k), subnet4(k, j), netip.PrefixFrom(subnet4(k, j).Addr(), 28),
		netip.PrefixFrom(host(subnet4(k, j), g.IntN(3)), 32), netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("198.51.100.0/24"), netip.PrefixFrom(public(g.IntN(6)), 32),
	)
}

func (g *gen) family() packet.Family {
	if g.o.IPv6 && g.chance(30) {
		return packet.IPv6
	}
	return packet.IPv4
}

// service draws protocol and ports.
func (g *gen) service(f packet.Family) (ir.Value[int16], ir.Value[ir.Ports]) {
	icmp := int16(packet.ICMP)
	if f == packet.IPv6 {
		icmp = packet.ICMPv6
	}
	protocol := pick[int16](g, -1, -1, packet.TCP, packet.TCP, packet.TCP, packet.UDP, icmp, 50)
	ports := pick(
		g, ir.AllPorts, ir.Ports{Lo: 443, Hi: 443}, ir.Ports{Lo: 22, Hi: 443}, ir.Ports{Lo: 1024, Hi: 65535},
		ir.Ports{Lo: 32768, Hi: 60999}, ir.Ports{Lo: 0, Hi: 1023},
	)
	if protocol == icmp {
		ports = ir.ICMPPorts(pick(g, -1, 0, 8, 128, 129, 3), pick(g, -1, 0, 4))
	}
	p := value(g, ports)
	if p.Why != nil {
		p.V = pick(g, ir.AllPorts, ir.Ports{Lo: ports.Lo, Hi: 65535})
	}
	return value(g, protocol), p
}
