package solver

import (
	"math/rand/v2"
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

// rule is a line of a generated list.
type rule struct {
	box      Box
	decision Decision
}

// generator makes lists in the manner of published rule sets: addresses come
// from a few sites, are wild with some probability, and ports are mostly
// single or any.
type generator struct {
	r     *rand.Rand
	sites []uint32
	wild  float64
}

func newGenerator(seed uint64, wild float64) *generator {
	g := &generator{r: rand.New(rand.NewPCG(seed, 99)), wild: wild}
	for range 24 {
		g.sites = append(g.sites, 1<<24+g.r.Uint32N(220<<24)&^0xffff)
	}
	return g
}

// cidr draws a CIDR of a site: hosts and subnets, seldom the whole site.
func (g *generator) cidr() netipx.IPRange {
	bits := []int{16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32, 32, 32}[g.r.IntN(13)]
	site := g.sites[g.r.IntN(len(g.sites))] | g.r.Uint32N(1<<16)
	a := word64(uint64(site)).addr(packet.IPv4)
	return netipx.RangeOfPrefix(netip.PrefixFrom(a, bits).Masked())
}

func (g *generator) port() Interval {
	services := []uint16{22, 25, 53, 80, 110, 123, 143, 389, 443, 445, 1433, 1521, 3306, 3389, 5432, 6379, 8080, 8443, 9200}
	switch x := g.r.IntN(10); {
	case x < 6:
		return Port(services[g.r.IntN(len(services))])
	case x < 7:
		return Interval{1024, 65535}
	case x < 8:
		lo := uint16(g.r.IntN(60000))
		return Interval{lo, lo + uint16(g.r.IntN(2000))}
	default:
		return Interval{0, 65535}
	}
}

// five is a line of a five-field list.
func (g *generator) five() rule {
	b := Everything(packet.IPv4)
	switch x := g.r.IntN(20); {
	case x < 13:
		b.Protocol = Port(packet.TCP)
	case x < 17:
		b.Protocol = Port(packet.UDP)
	case x < 18:
		b.Protocol = Port(packet.ICMP)
	}
	if g.r.Float64() >= g.wild {
		b.Src = g.cidr()
	}
	if g.r.Float64() >= g.wild {
		b.Dst = g.cidr()
	}
	if b.Protocol.Lo == packet.TCP || b.Protocol.Lo == packet.UDP {
		b.DstPort = g.port()
	}
	if all := Everything(packet.IPv4); b.Src == all.Src && b.Dst == all.Dst {
		b.Protocol, b.DstPort = Port(packet.TCP), Port(uint16(g.r.IntN(65536))) // or nothing after it would matter
	}
	if g.r.IntN(20) == 0 {
		b.SrcPort = Interval{1024, 65535}
	}
	return rule{b, g.decision()}
}

// three is a line of a list that AWS filters are made of: peer, protocol, port.
func (g *generator) three() rule {
	r := g.five()
	if r.box.Src == Everything(packet.IPv4).Src {
		r.box.Protocol, r.box.DstPort = Port(packet.TCP), Port(uint16(g.r.IntN(65536)))
	}
	r.box.Dst, r.box.SrcPort = Everything(packet.IPv4).Dst, Interval{0, 65535}
	return r
}

func (g *generator) decision() Decision {
	if g.r.IntN(3) == 0 {
		return Deny
	}
	return Permit
}

func (g *generator) list(n int, line func() rule) []rule {
	out := make([]rule, n)
	for i := range out {
		out[i] = line()
	}
	return out
}

// entries puts a list into a space.
func entries(s *Space, rules []rule) []Entry {
	out := make([]Entry, len(rules))
	for i, r := range rules {
		out[i] = Entry{s.Of(r.box), r.decision}
	}
	return out
}

// fold compiles an ordered list the plain way: from the last entry backwards,
// one union or difference each.
func fold(s *Space, entries []Entry) Set {
	open := Empty
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.Decision == Permit {
			open = s.Union(open, e.Match)
		} else {
			open = s.Difference(open, e.Match)
		}
	}
	return open
}

// header draws a header near the bounds of some box of a list.
func (g *generator) header(rules []rule) packet.Header {
	b := rules[g.r.IntN(len(rules))].box
	c, _ := cellOf(packet.IPv4, &b)
	pick := func(f int) uint64 {
		lo, hi := c[f].lo.lo, c[f].hi.lo
		switch g.r.IntN(5) {
		case 0:
			return lo
		case 1:
			return hi
		case 2:
			return lo - 1
		case 3:
			return hi + 1
		}
		return lo + g.r.Uint64N(hi-lo+1)
	}
	h := packet.Header{
		Protocol: uint8(pick(protocol)),
		Src:      word64(pick(src)).addr(packet.IPv4), Dst: word64(pick(dst)).addr(packet.IPv4),
		SrcPort: uint16(pick(srcPort)), DstPort: uint16(pick(dstPort)),
	}
	switch h.Kind() {
	case packet.Typed:
		h.SrcPort = 0
	case packet.Plain:
		h.SrcPort, h.DstPort = 0, 0
	case packet.Ported, packet.KindInvalid:
	}
	return h
}
