package solver

import (
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

// threeFields draws a list that is swept: the address is the source or the
// destination, with CIDRs, ranges that overlap, and boxes of all protocols.
func threeFields(seed uint64, n int) []rule {
	g := newGenerator(seed, .1)
	g.sites = g.sites[:1+seed%3]
	rules := g.list(n, g.three)
	for i := range rules {
		b := &rules[i].box
		switch g.r.IntN(6) {
		case 0:
			b.Protocol = Interval{uint16(g.r.IntN(8)), uint16(8 + g.r.IntN(300))}
		case 1:
			b.DstPort = Interval{0, uint16(g.r.IntN(500))}
		case 2:
			b.Src = Everything(packet.IPv4).Src
		case 3:
			b.Src = netipx.IPRangeFrom(word64(uint64(g.sites[0]+g.r.Uint32N(8))).addr(packet.IPv4), word64(uint64(g.sites[0]+8+g.r.Uint32N(8))).addr(packet.IPv4))
		}
		if seed%2 == 1 {
			b.Src, b.Dst = b.Dst, b.Src
		}
	}
	return rules
}

// inIPv6 puts the addresses of a list into IPv6, so that bounds lie in the upper
// and in the lower half.
func inIPv6(rules []rule) []rule {
	all := Everything(packet.IPv4)
	wide := func(r netipx.IPRange) netipx.IPRange {
		if r == all.Src {
			return Everything(packet.IPv6).Src
		}
		at := func(a netip.Addr, rest uint64) netip.Addr {
			v := wordOf(a).lo
			return word{0x2001<<48 | v>>8, v<<56 | rest}.addr(packet.IPv6)
		}
		return netipx.IPRangeFrom(at(r.From(), 0), at(r.To(), 1<<56-1))
	}
	for i := range rules {
		b := &rules[i].box
		b.Src, b.Dst = wide(b.Src), wide(b.Dst)
		if b.Protocol == Port(packet.ICMP) && i%2 == 0 {
			b.Protocol = Port(packet.ICMPv6)
		}
	}
	return rules
}

// TestSweep compares sweeping with merging: equal sets are equal numbers.
func TestSweep(t *testing.T) {
	for n := range uint64(600) {
		seed, family := n/2, packet.Families[n%2]
		rules := threeFields(seed, int(seed%70))
		if family == packet.IPv6 {
			rules = inIPv6(rules)
		}
		s := New(family, Options{})
		var boxes []Box
		var lines []Line
		each := Empty
		for _, r := range rules {
			boxes = append(boxes, r.box)
			lines = append(lines, Line{r.box, r.decision})
			each = s.Union(each, s.Of(r.box))
		}
		if got := s.Of(boxes...); got != each {
			t.Fatalf("seed %d: the union differs: %v", seed, rules)
		}
		for _, otherwise := range []Decision{Permit, Deny} {
			want := s.FirstMatch(entries(s, rules), otherwise)
			if got := s.FirstMatchBoxes(lines, otherwise); got != want {
				t.Fatalf("seed %d, otherwise %v: the list differs: %v", seed, otherwise, rules)
			}
		}
	}
}

// TestFirstMatchBoxes compares lists that are not swept with FirstMatch.
func TestFirstMatchBoxes(t *testing.T) {
	for seed := range uint64(20) {
		g := newGenerator(seed, .2)
		rules := g.list(int(seed)*5, g.five)
		var lines []Line
		for _, r := range rules {
			lines = append(lines, Line{r.box, r.decision})
		}
		s := New(packet.IPv4, Options{})
		for _, otherwise := range []Decision{Permit, Deny} {
			if got, want := s.FirstMatchBoxes(lines, otherwise), s.FirstMatch(entries(s, rules), otherwise); got != want {
				t.Fatalf("seed %d, otherwise %v: the list differs", seed, otherwise)
			}
		}
		if s.FirstMatchBoxes(lines, DecisionInvalid) != Invalid {
			t.Error("a list without a default has a set")
		}
		lines = append(lines, Line{g.five().box, DecisionInvalid})
		if s.FirstMatchBoxes(lines, Deny) != Invalid {
			t.Error("a list with an unknown decision has a set")
		}
	}
}

// TestSweepBudget checks that a sweep keeps to the budget, and leaves nothing.
func TestSweepBudget(t *testing.T) {
	for _, family := range packet.Families {
		rules := threeFields(3, 500)
		if family == packet.IPv6 {
			rules = inIPv6(rules)
		}
		var boxes []Box
		for _, r := range rules {
			boxes = append(boxes, r.box)
		}
		s := New(family, Options{MaxEdges: 300})
		edges := s.Edges()
		if got := s.Of(boxes...); got != Invalid || s.Err() == nil {
			t.Errorf("%v: a set of %d boxes fits 300 edges", family, len(boxes))
		}
		if s.Edges() != edges {
			t.Errorf("%v: %d edges are left over", family, s.Edges()-edges)
		}
		if s.Of(boxes[0]) == Invalid {
			t.Errorf("%v: the space is of no use any more", family)
		}
	}
}
