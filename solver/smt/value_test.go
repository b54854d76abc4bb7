package smt

import (
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/packet"
)

// TestText writes values of every width and reads them back.
func TestText(t *testing.T) {
	for width := 1; width <= MaxWidth; width++ {
		for _, v := range []Value{{}, {Lo: 1}, {^uint64(0), ^uint64(0)}, {0x0123456789abcdef, 0xfedcba9876543210}, {Hi: 1 << 63}} {
			v = v.slice(width-1, 0)
			got, err := literal(Expr{Word: v.text(width)}, width)
			if err != nil || got != v {
				t.Errorf("%d bits: %x is written as %s, which is %x (%v)", width, v, v.text(width), got, err)
			}
		}
	}
}

// TestInsideLengths asks, for CIDRs of every length, for a header inside and one
// outside.
func TestInsideLengths(t *testing.T) {
	solvers(t, func(t *testing.T, s Solver) {
		for bits := range 129 {
			p := netip.PrefixFrom(netip.MustParseAddr("2001:db8:ffff:ffff:abcd:ef01:2345:6789"), bits).Masked()
			b := NewBuilder()
			h := b.Header(packet.IPv6)
			m := solve(t, s, Formula{Builder: b, Header: h, Assert: []Term{b.Inside(h.Src, p)}})
			if m == nil || !p.Contains(m.Header.Src) {
				t.Errorf("%v is said to hold %v", p, m)
			}
			m = solve(t, s, Formula{Builder: b, Header: h, Assert: []Term{b.Not(b.Inside(h.Src, p))}})
			if (m == nil) != (bits == 0) || m != nil && p.Contains(m.Header.Src) {
				t.Errorf("%v is said not to hold %v", p, m)
			}
		}
	})
}
