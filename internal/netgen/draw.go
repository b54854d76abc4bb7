package netgen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Question is a header between two ends of a network; nil is a host outside.
type Question struct {
	From, To *ir.Interface
	Header   packet.Header
	NATPort  uint16
}

// Questions draws k questions: two ends, and a header between addresses that
// they may hold, at the corners of the network's rules.
func Questions(n *ir.Network, rng *rand.Rand, k int) []Question {
	g := &gen{Rand: rng, n: n, o: Options{VPCs: max(len(n.VPCs), 1)}}
	c := corners(n)
	p := passages(n)
	var qs []Question
	for range k {
		q := Question{NATPort: pick[uint16](g, 1024, 5000, 40000)}
		q.From, q.To = g.end(), g.end()
		if q.From == q.To && !g.chance(3) {
			q.To = n.Interfaces[g.IntN(len(n.Interfaces))]
		}
		f := packet.IPv4
		if hasIPv6(q.From) && hasIPv6(q.To) && g.chance(40) {
			f = packet.IPv6
		}
		byPublic := 30
		if q.From == nil {
			byPublic = 90
		}
		q.Header = g.header(c, f, g.addressOf(q.From, f, false), g.addressOf(q.To, f, g.chance(byPublic)))
		g.divert(&q, c, p)
		qs = append(qs, q)
	}
	return qs
}

// end draws an end; one in five is outside.
func (g *gen) end() *ir.Interface {
	if g.chance(20) {
		return nil
	}
	return pick(g, g.n.Interfaces...)
}

func hasIPv6(i *ir.Interface) bool {
	return i == nil || slices.ContainsFunc(i.Addresses, func(a ir.Address) bool { return a.Family == packet.IPv6 })
}

// Corners draws k headers whose addresses and ports are at, or just beside, the
// ends of what the network's rules, entries and routes match.
func Corners(n *ir.Network, rng *rand.Rand, k int) []packet.Header {
	g := &gen{Rand: rng, n: n, o: Options{VPCs: max(len(n.VPCs), 1)}}
	c := corners(n)
	var hs []packet.Header
	for range k {
		f := packet.IPv4
		if len(c.addrs[packet.IPv6]) > 0 && g.chance(25) {
			f = packet.IPv6
		}
		hs = append(hs, g.header(c, f, pick(g, c.addrs[f]...), pick(g, c.addrs[f]...)))
	}
	return hs
}

// corner holds the values at which something in a network changes.
type corner struct {
	addrs     map[packet.Family][]netip.Addr
	ports     []uint16
	protocols []uint8
}

func corners(n *ir.Network) *corner {
	c := &corner{
		addrs: map[packet.Family][]netip.Addr{
			packet.IPv4: {netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("9.9.9.9")},
			packet.IPv6: {netip.MustParseAddr("2001:db8:ffff::7"), netip.MustParseAddr("2600::1")},
		},
		ports:     []uint16{0, 22, 443, 1023, 1024, 32768, 40000, 65535},
		protocols: []uint8{packet.TCP, packet.TCP, packet.TCP, packet.UDP, packet.ICMP, packet.ICMPv6, 50},
	}
	for _, g := range n.SecurityGroups {
		for _, egress := range []bool{false, true} {
			for k := range g.Rules(egress) {
				c.match(&g.Rules(egress)[k].Match)
			}
		}
	}
	for _, a := range n.NetworkACLs {
		for k := range a.Entries {
			c.match(&a.Entries[k].Match)
		}
	}
	for _, t := range n.RouteTables {
		for k := range t.Routes {
			c.peer(&t.Routes[k].Destination)
		}
	}
	for _, i := range n.Interfaces {
		for _, a := range i.Addresses {
			c.addr(a.Private.V)
			c.addr(a.Public.Addr.V)
		}
	}
	return c
}

func (c *corner) match(m *ir.Match) {
	if m.Protocol.Known() && m.Protocol.V >= 0 {
		c.protocols = append(c.protocols, uint8(m.Protocol.V))
	}
	c.ports = append(c.ports, m.Ports.V.Lo, m.Ports.V.Hi, m.Ports.V.Lo-1, m.Ports.V.Hi+1)
	c.peer(&m.Peer)
}

func (c *corner) peer(p *ir.Peer) {
	cidrs := []netip.Prefix{p.CIDR}
	if p.PrefixList != nil {
		cidrs = p.PrefixList.CIDRs
	}
	for _, r := range cidrs {
		if r.IsValid() {
			c.addr(r.Addr())
			c.addr(last(r))
			c.addr(last(r).Next())
			c.addr(r.Addr().Prev())
		}
	}
}

func (c *corner) addr(a netip.Addr) {
	if a.IsValid() {
		f := packet.FamilyOf(a)
		c.addrs[f] = append(c.addrs[f], a)
	}
}

func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for k := p.Bits(); k < len(b)*8; k++ {
		b[k/8] |= 0x80 >> (k % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// header draws the service of a header between two addresses.
func (g *gen) header(c *corner, f packet.Family, src, dst netip.Addr) packet.Header {
	h := packet.Header{Src: src, Dst: dst, Protocol: pick(g, c.protocols...)}
	switch packet.KindOf(f, h.Protocol) {
	case packet.Ported:
		h.SrcPort, h.DstPort = pick(g, c.ports...), pick(g, c.ports...)
	case packet.Typed:
		h.DstPort = packet.TypeCode(pick[uint8](g, 0, 3, 8, 13, 128, 129), pick[uint8](g, 0, 4))
	case packet.Plain, packet.KindInvalid:
	}
	return h
}

// addressOf draws an address that an end may have, now and then one that it
// may not.
func (g *gen) addressOf(i *ir.Interface, f packet.Family, byPublic bool) netip.Addr {
	outside := netip.MustParseAddr(pick(g, "203.0.113.7", "9.9.9.9", "192.168.7.7", "203.0.113.0"))
	if f == packet.IPv6 {
		outside = netip.MustParseAddr("2001:db8:ffff::7")
	}
	if i == nil || g.chance(3) {
		return outside
	}
	for _, a := range i.Addresses {
		if packet.FamilyOf(a.Private.V) != f {
			continue
		}
		if p := &a.Public; byPublic && p.Addr.V.IsValid() {
			if p.Addr.Known() || g.chance(50) {
				return p.Addr.V
			}
			return public(50 + g.IntN(4))
		}
		if !a.Private.Known() && g.chance(50) {
			return a.Private.V.Next()
		}
		return a.Private.V
	}
	return outside
}

// Values draws a value for every term of a network, such that the network with
// these values is one that AWS could have: numbers and public addresses are not
// used twice, and an interface that may have any address keeps its freedom.
func Values(n *ir.Network, rng *rand.Rand) map[string]string {
	g := &gen{Rand: rng, n: n, o: Options{VPCs: max(len(n.VPCs), 1)}}
	values := map[string]string{}
	numbers := g.Perm(100)
	publics := g.Perm(8)
	for k, s := range ir.Terms(n) {
		t := s.Unknown.Term
		if _, drawn := values[t]; drawn || t == "" {
			continue
		}
		switch {
		case s.Kind == ir.SiteNumber:
			values[t] = fmt.Sprint(1 + numbers[k%len(numbers)]*10%1000 + 1 + k%8)
		case s.Kind == ir.SiteAddress && s.Field == ir.FieldPublic:
			if p := publics[0]; g.chance(50) && len(publics) > 1 {
				values[t], publics = public(50+p).String(), publics[1:]
			} else {
				values[t] = netip.AddrFrom4([4]byte{198, 18, byte(k >> 8), byte(k)}).String()
			}
		case s.Kind == ir.SiteAddress:
		default:
			values[t] = g.value(&s)
		}
	}
	return values
}

func (g *gen) value(s *ir.Site) string {
	switch s.Kind {
	case ir.SitePeer:
		return g.peers(s)
	case ir.SiteProtocol:
		return pick(g, "-1", "6", "17", "1", "58", "50")
	case ir.SitePorts:
		if s.Ports == (ir.Ports{}) {
			return pick(g, "22", "443", "8443") // of a target, which has one
		}
		lo := s.Ports.Lo + uint16(g.IntN(int(s.Ports.Hi-s.Ports.Lo)/2+1))
		hi := lo + uint16(g.IntN(int(s.Ports.Hi-lo)+1))
		return pick(g, fmt.Sprintf("%d-%d", lo, hi), fmt.Sprintf("%d-%d", s.Ports.Lo, s.Ports.Hi), fmt.Sprint(s.Ports.Lo))
	case ir.SiteBool:
		return pick(g, "true", "false")
	case ir.SiteExists:
		return pick(g, "0", "1", "2")
	case ir.SiteChoice:
		return g.candidate(s)
	case ir.SiteGroups, ir.SiteRules:
		return g.names(named(g.n.SecurityGroups, func(v *ir.SecurityGroup) string { return v.ID }))
	case ir.SiteEntries:
		return "" // the numbers of another list's entries would be taken
	case ir.SiteRoutes:
		return g.names(named(g.n.RouteTables, func(v *ir.RouteTable) string { return v.ID }))
	case ir.SiteCIDRs:
		if s.Owner == serviceList {
			return pick(g, "", "52.218.0.0/16") // no list of AWS's holds documentation networks
		}
		return pick(g, "", g.cidr(packet.IPv4).String())
	case ir.SiteCIDR:
		return g.block(s.Family).String()
	case ir.SiteBPA:
		return pick(g, "off", "ingress", "bidirectional")
	case ir.SiteExclusion:
		return pick(g, "none", "bidirectional", "egress")
	case ir.SiteServices:
		return pick(g, "", "6/22", "17/0-65535,6/0-65535")
	case ir.SiteIdentity:
		return pick(g, named(g.n.SecurityGroups, func(v *ir.SecurityGroup) string { return v.ID })...)
	case ir.SiteOther, ir.SiteInvalid, ir.SiteNumber, ir.SiteAddress:
	}
	return ""
}

// block draws a CIDR that a VPC or a subnet can have.
func (g *gen) block(f packet.Family) netip.Prefix {
	k, j := g.IntN(g.o.VPCs), g.IntN(3)
	if f == packet.IPv6 {
		return pick(g, cidr6(k), subnet6(k, j))
	}
	return pick(g, cidr4(k), subnet4(k, j), subnet4(k, j), netip.PrefixFrom(subnet4(k, j).Addr(), 28))
}

func (g *gen) peers(s *ir.Site) string {
	f := s.Family
	if f == packet.FamilyInvalid {
		f = pick(g, packet.IPv4, packet.IPv6)
		if g.chance(25) {
			return pick(g, named(g.n.SecurityGroups, func(v *ir.SecurityGroup) string { return v.ID })...)
		}
	}
	all := []string{}
	for range pick(g, 0, 1, 1, 2) {
		all = append(all, g.cidr(f).String())
	}
	return strings.Join(all, ",")
}

// candidate draws what a choice turns out to be.
func (g *gen) candidate(s *ir.Site) string {
	if k := g.IntN(s.Candidates + 1); k < s.Candidates {
		return fmt.Sprint(k)
	}
	if s.Object == ir.KindInvalid && s.Candidates > 0 {
		return "0"
	}
	switch s.Object {
	case ir.KindVPC:
		return pick(g, named(g.n.VPCs, func(v *ir.VPC) string { return v.ID })...)
	case ir.KindSubnet:
		return pick(g, named(g.n.Subnets, func(v *ir.Subnet) string { return v.ID })...)
	case ir.KindNetworkACL:
		return pick(g, named(g.n.NetworkACLs, func(v *ir.NetworkACL) string { return v.ID })...)
	case ir.KindRouteTable:
		return pick(g, named(g.n.RouteTables, func(v *ir.RouteTable) string { return v.ID })...)
	default:
		return "0"
	}
}

func named[T any](all []T, id func(T) string) []string {
	var names []string
	for _, v := range all {
		if name := id(v); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// names draws some of the names, possibly none.
func (g *gen) names(all []string) string {
	var some []string
	for _, name := range all {
		if g.chance(40) {
			some = append(some, name)
		}
	}
	return strings.Join(some, ",")
}
