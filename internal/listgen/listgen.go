// Package listgen makes ordered rule lists for tests and benchmarks, of the
// kinds that engines for packet filters are measured with. The same kind, seed
// and length give the same list.
package listgen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"go4.org/netipx"
)

// Kind is a manner of rule lists.
type Kind uint8

// The kinds. The zero value is invalid.
const (
	KindInvalid Kind = iota
	ACL              // five fields, addresses of a few sites, 5 % of them any
	FW               // the same with 30 %
	Adversarial      // random ranges in all five fields
	AWS              // peer, protocol and port, as the rules of groups have
	NACL             // the same with 30 % of the peers any, and types of ICMP
	Tiny             // five fields with few values each, so that lists can be tried out
)

// Kinds lists all kinds.
var Kinds = [...]Kind{ACL, FW, Adversarial, AWS, NACL, Tiny}

func (k Kind) String() string {
	switch k {
	case ACL:
		return "acl"
	case FW:
		return "fw"
	case Adversarial:
		return "adv"
	case AWS:
		return "aws"
	case NACL:
		return "nacl"
	case Tiny:
		return "tiny"
	case KindInvalid:
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Rule is a line of a list.
type Rule = solver.Line

// Generator draws rules and headers.
type Generator struct {
	r      *rand.Rand
	kind   Kind
	family packet.Family
	sites  []netip.Addr
}

// New makes a generator of lists of one kind.
func New(k Kind, f packet.Family, seed uint64) *Generator {
	g := &Generator{r: rand.New(rand.NewPCG(seed, uint64(k))), kind: k, family: f}
	for range 24 {
		if f == packet.IPv4 {
			g.sites = append(g.sites, packet.Value{Lo: uint64(1<<24 + g.r.Uint32N(220<<24)&^0xffff)}.Addr(f))
		} else {
			g.sites = append(g.sites, packet.Value{Hi: 0x2001<<48 | uint64(g.r.Uint32())<<16}.Addr(f))
		}
	}
	return g
}

// List draws a list.
func List(k Kind, f packet.Family, seed uint64, n int) []Rule { return New(k, f, seed).List(n) }

// List draws a list of n rules.
func (g *Generator) List(n int) []Rule {
	out := make([]Rule, n)
	for i := range out {
		out[i] = g.Rule()
	}
	return out
}

// Rule draws a rule.
func (g *Generator) Rule() Rule {
	r := Rule{Decision: solver.Permit}
	if g.r.IntN(3) == 0 {
		r.Decision = solver.Deny
	}
	switch g.kind {
	case ACL:
		r.Box = g.five(.05)
	case FW:
		r.Box = g.five(.3)
	case Adversarial:
		r.Box = g.ranges()
	case AWS:
		r.Box = g.three(.02)
	case NACL:
		r.Box = g.three(.3)
		g.icmp(&r.Box)
	case Tiny:
		r.Box = g.tiny()
	case KindInvalid:
	}
	return r
}

// cidr draws a CIDR of a site: hosts and subnets, seldom the whole site.
func (g *Generator) cidr() netipx.IPRange {
	a := packet.ValueOf(g.sites[g.r.IntN(len(g.sites))])
	bits := []int{16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32, 32, 32}[g.r.IntN(13)]
	if g.family == packet.IPv4 {
		a.Lo |= g.r.Uint64N(1 << 16)
	} else {
		a.Hi |= g.r.Uint64N(1 << 16)
		a.Lo = g.r.Uint64N(4)<<62 | g.r.Uint64N(1<<10)
		bits = []int{48, 52, 56, 64, 64, 64, 66, 96, 127, 128, 128, 128, 128}[g.r.IntN(13)]
	}
	p, err := a.Addr(g.family).Prefix(bits)
	if err != nil {
		return netipx.IPRange{}
	}
	return netipx.RangeOfPrefix(p)
}

var services = [...]uint16{22, 25, 53, 80, 110, 123, 143, 389, 443, 445, 1433, 1521, 3306, 3389, 5432, 6379, 8080, 8443, 9200}

func (g *Generator) port() solver.Interval {
	switch x := g.r.IntN(10); {
	case x < 6:
		return solver.Port(services[g.r.IntN(len(services))])
	case x < 7:
		return solver.Interval{Lo: 1024, Hi: 65535}
	case x < 8:
		lo := uint16(g.r.IntN(60000))
		return solver.Interval{Lo: lo, Hi: lo + uint16(g.r.IntN(2000))}
	default:
		return solver.Interval{Lo: 0, Hi: 65535}
	}
}

// five draws a line of a five-field list.
func (g *Generator) five(wild float64) solver.Box {
	all := solver.Everything(g.family)
	b := all
	switch x := g.r.IntN(20); {
	case x < 13:
		b.Protocol = solver.Port(packet.TCP)
	case x < 17:
		b.Protocol = solver.Port(packet.UDP)
	case x < 18:
		b.Protocol = solver.Port(packet.ICMP)
	}
	if g.r.Float64() >= wild {
		b.Src = g.cidr()
	}
	if g.r.Float64() >= wild {
		b.Dst = g.cidr()
	}
	if p := b.Protocol.Lo; p == packet.TCP || p == packet.UDP {
		b.DstPort = g.port()
	}
	if b.Src == all.Src && b.Dst == all.Dst {
		// Otherwise nothing after it would matter.
		b.Protocol, b.DstPort = solver.Port(packet.TCP), solver.Port(uint16(g.r.IntN(65536)))
	}
	if g.r.IntN(20) == 0 {
		b.SrcPort = solver.Interval{Lo: 1024, Hi: 65535}
	}
	return b
}

// three draws a line of a list that AWS filters are made of.
func (g *Generator) three(wild float64) solver.Box {
	all := solver.Everything(g.family)
	b := g.five(wild)
	if b.Src == all.Src {
		b.Protocol, b.DstPort = solver.Port(packet.TCP), solver.Port(uint16(g.r.IntN(65536)))
	}
	b.Dst, b.SrcPort = all.Dst, all.SrcPort
	return b
}

// icmp turns a line about IPv4's ICMP into one about the family's, half of
// them with a type, some with a code.
func (g *Generator) icmp(b *solver.Box) {
	if b.Protocol != solver.Port(packet.ICMP) {
		return
	}
	if g.family == packet.IPv6 {
		b.Protocol = solver.Port(packet.ICMPv6)
	}
	types := [...]uint8{0, 3, 8, 11, 128, 129}
	switch kind := types[g.r.IntN(len(types))]; g.r.IntN(4) {
	case 0:
		b.DstPort = solver.Port(packet.TypeCode(kind, uint8(g.r.IntN(5))))
	case 1:
		b.DstPort = solver.Interval{Lo: packet.TypeCode(kind, 0), Hi: packet.TypeCode(kind, 255)}
	}
}

// ranges draws a box of true ranges in all fields.
func (g *Generator) ranges() solver.Box {
	small := func(most uint32) solver.Interval {
		a, b := uint16(g.r.Uint32N(most)), uint16(g.r.Uint32N(most))
		return solver.Interval{Lo: min(a, b), Hi: max(a, b)}
	}
	addrs := func() netipx.IPRange {
		value := func() packet.Value {
			if g.family == packet.IPv4 {
				return packet.Value{Lo: uint64(g.r.Uint32())}
			}
			return packet.Value{Hi: g.r.Uint64(), Lo: g.r.Uint64()}
		}
		a, b := value(), value()
		if a.Compare(b) > 0 {
			a, b = b, a
		}
		return netipx.IPRangeFrom(a.Addr(g.family), b.Addr(g.family))
	}
	// Most protocols have no ports: ranges that leave tcp and udp out would hold
	// hardly any header.
	first := uint16(g.r.IntN(packet.UDP + 1))
	protocols := solver.Interval{Lo: first, Hi: packet.UDP + uint16(g.r.IntN(256-packet.UDP))}
	if g.r.IntN(4) == 0 {
		protocols.Hi = max(first, packet.TCP)
	}
	return solver.Box{Protocol: protocols, Src: addrs(), Dst: addrs(), SrcPort: small(65536), DstPort: small(65536)}
}

// The values that headers and boxes of tiny lists have.
var (
	tinyProtocols = [...]uint8{packet.ICMP, packet.TCP, 47}
	tinyValues    = [...]uint64{0, 1, 2}
)

// tiny draws a box that cuts the tiny universe; see Universe.
func (g *Generator) tiny() solver.Box {
	b := solver.Everything(g.family)
	cut := func() (lo, hi uint64) {
		switch g.r.IntN(4) {
		case 0:
			return 0, uint64(g.r.IntN(3))
		case 1:
			return uint64(g.r.IntN(3)), 1 << 15
		case 2:
			v := uint64(g.r.IntN(3))
			return v, v
		}
		return 0, 1 << 31
	}
	small := func(most uint64) solver.Interval {
		lo, hi := cut()
		return solver.Interval{Lo: uint16(lo), Hi: uint16(min(hi, most))}
	}
	addrs := func(all netipx.IPRange) netipx.IPRange {
		lo, hi := cut()
		if hi > 2 {
			return netipx.IPRangeFrom(packet.Value{Lo: lo}.Addr(g.family), all.To())
		}
		return netipx.IPRangeFrom(packet.Value{Lo: lo}.Addr(g.family), packet.Value{Lo: hi}.Addr(g.family))
	}
	b.Src, b.Dst, b.SrcPort, b.DstPort = addrs(b.Src), addrs(b.Dst), small(65535), small(65535)
	switch g.r.IntN(4) {
	case 0:
		b.Protocol = solver.Port(uint16(tinyProtocols[g.r.IntN(3)]))
	case 1:
		b.Protocol.Hi = packet.TCP
	case 2:
		b.Protocol.Lo = packet.TCP
	}
	return b
}

// Universe lists headers such that any box that Tiny draws which holds a header
// holds one of them, and any two differ in some box.
func Universe(f packet.Family) []packet.Header {
	var out []packet.Header
	at := func(v uint64) netip.Addr { return packet.Value{Lo: v}.Addr(f) }
	add := func(h packet.Header) {
		if h.Valid() {
			out = append(out, h)
		}
	}
	values := append(tinyValues[:], 3)
	for _, p := range []uint8{0, packet.ICMP, 5, packet.TCP, packet.UDP, 47, packet.ICMPv6} {
		for _, s := range values {
			for _, d := range values {
				for _, sp := range append(values, 40000) {
					for _, dp := range append(values, 40000) {
						add(packet.Header{Protocol: p, Src: at(s), Dst: at(d), SrcPort: uint16(sp), DstPort: uint16(dp)})
					}
				}
			}
		}
	}
	return out
}

// Header draws a header near the bounds of some rules of a list.
func (g *Generator) Header(rules []Rule) packet.Header {
	b := &rules[g.r.IntN(len(rules))].Box
	small := func(i solver.Interval) uint16 {
		switch g.r.IntN(5) {
		case 0:
			return i.Lo
		case 1:
			return i.Hi
		case 2:
			return i.Lo - 1
		case 3:
			return i.Hi + 1
		}
		return i.Lo + uint16(g.r.IntN(int(i.Hi-i.Lo)+1))
	}
	all := solver.Everything(g.family)
	addr := func(r, all netipx.IPRange) netip.Addr {
		lo, hi := packet.ValueOf(r.From()), packet.ValueOf(r.To())
		switch g.r.IntN(5) {
		case 0:
			return r.From()
		case 1:
			return r.To()
		case 2:
			if r.From() != all.From() {
				return lo.Prev().Addr(g.family)
			}
		case 3:
			if r.To() != all.To() {
				return hi.Next().Addr(g.family)
			}
		}
		if lo.Hi == hi.Hi && hi.Lo-lo.Lo+1 != 0 {
			lo.Lo += g.r.Uint64N(hi.Lo - lo.Lo + 1)
		}
		return lo.Addr(g.family)
	}
	h := packet.Header{
		Protocol: uint8(small(b.Protocol)),
		Src:      addr(b.Src, all.Src), Dst: addr(rules[g.r.IntN(len(rules))].Box.Dst, all.Dst),
		SrcPort: small(b.SrcPort), DstPort: small(b.DstPort),
	}
	if g.r.IntN(2) == 0 {
		h.Dst = addr(b.Dst, all.Dst)
	}
	if g.kind == Adversarial {
		h.Protocol = [...]uint8{packet.TCP, packet.UDP}[g.r.IntN(2)]
	}
	switch h.Kind() {
	case packet.Ported:
	case packet.Typed:
		h.SrcPort = 0
	case packet.Plain, packet.KindInvalid:
		h.SrcPort, h.DstPort = 0, 0
	}
	return h
}

// Holds reports whether a box holds a well-formed header: the plain way, which
// others are compared with.
func Holds(b *solver.Box, h packet.Header) bool {
	p := uint16(h.Protocol)
	return b.Protocol.Lo <= p && p <= b.Protocol.Hi && b.Src.Contains(h.Src) && b.Dst.Contains(h.Dst) &&
		b.SrcPort.Lo <= h.SrcPort && h.SrcPort <= b.SrcPort.Hi && b.DstPort.Lo <= h.DstPort && h.DstPort <= b.DstPort.Hi
}

// First is the linear scan: the index of the first rule that holds a header, -1
// if none does.
func First(rules []Rule, h packet.Header) int {
	for i := range rules {
		if Holds(&rules[i].Box, h) {
			return i
		}
	}
	return -1
}

// Scan is First in numbers: the same plain scan, fast enough for a thousand
// million headers.
type Scan []struct{ fields [5]packet.Range }

// NewScan prepares the scan of a list.
func NewScan(rules []Rule) Scan {
	small := func(i solver.Interval) packet.Range {
		return packet.Range{Lo: packet.Value{Lo: uint64(i.Lo)}, Hi: packet.Value{Lo: uint64(i.Hi)}}
	}
	addresses := func(r netipx.IPRange) packet.Range {
		return packet.Range{Lo: packet.ValueOf(r.From()), Hi: packet.ValueOf(r.To())}
	}
	s := make(Scan, len(rules))
	for i := range rules {
		b := &rules[i].Box
		s[i].fields = [5]packet.Range{small(b.DstPort), small(b.Protocol), addresses(b.Src), addresses(b.Dst), small(b.SrcPort)}
	}
	return s
}

// First is the index of the first rule that holds a header, -1 if none does.
func (s Scan) First(h packet.Header) int {
	values := [5]packet.Value{
		{Lo: uint64(h.DstPort)}, {Lo: uint64(h.Protocol)}, packet.ValueOf(h.Src), packet.ValueOf(h.Dst), {Lo: uint64(h.SrcPort)},
	}
next:
	for i := range s {
		for f := range values {
			r, v := &s[i].fields[f], &values[f]
			if v.Hi < r.Lo.Hi || v.Hi > r.Hi.Hi || v.Hi == r.Lo.Hi && v.Lo < r.Lo.Lo || v.Hi == r.Hi.Hi && v.Lo > r.Hi.Lo {
				continue next
			}
		}
		return i
	}
	return -1
}
