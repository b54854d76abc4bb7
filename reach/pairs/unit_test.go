package pairs

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func tcp(lo, hi uint16) service { return service{packet.TCP, ir.Ports{Lo: lo, Hi: hi}} }

func universeOf(f packet.Family, ss ...service) *Universe {
	named := map[service]bool{}
	for _, s := range ss {
		named[s] = true
	}
	return newUniverse(f, named)
}

func TestServicesString(t *testing.T) {
	icmp := func(kind, code int) service { return service{packet.ICMP, ir.ICMPPorts(kind, code)} }
	u := universeOf(packet.IPv4, tcp(443, 443), tcp(22, 22), tcp(8000, 8100), tcp(8080, 9000), icmp(8, -1), icmp(3, 4), service{protocol: 50}, service{packet.UDP, ir.Ports{Lo: 53, Hi: 53}})
	n := newInterner(u)
	tests := []struct {
		name string
		of   []service
		want string
	}{
		{"none", nil, "none"},
		{"all", []service{everyService}, "all"},
		{"a port", []service{tcp(443, 443)}, "tcp/443"},
		{"ports that touch are one range", []service{tcp(8000, 8100), tcp(8080, 9000)}, "tcp/8000-9000"},
		{"in order", []service{{protocol: 50}, {packet.UDP, ir.Ports{Lo: 53, Hi: 53}}, icmp(8, -1), tcp(22, 22), tcp(443, 443)}, "icmp/8, tcp/22, tcp/443, udp/53, 50"},
		{"a type and code", []service{icmp(3, 4)}, "icmp/3/4"},
		{"a whole protocol", []service{{packet.TCP, ir.AllPorts}}, "tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := u.empty()
			for _, s := range tt.of {
				for k, w := range u.maskOf(s) {
					m[k] |= w
				}
			}
			if got := n.of(m).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if n.of(m) != n.of(slices.Clone(m)) {
				t.Error("equal sets are two values")
			}
		})
	}
}

// TestAtoms: services that no rule tells apart are one atom, queries and their
// answers apart from the rest.
func TestAtoms(t *testing.T) {
	u := universeOf(packet.IPv6, tcp(80, 80), tcp(443, 443), tcp(0, 1023))
	want := []Atom{
		{packet.TCP, []ir.Ports{{Lo: 0, Hi: 79}, {Lo: 81, Hi: 442}, {Lo: 444, Hi: 1023}}},
		{packet.TCP, []ir.Ports{{Lo: 80, Hi: 80}}},
		{packet.TCP, []ir.Ports{{Lo: 443, Hi: 443}}},
		{packet.TCP, []ir.Ports{{Lo: 1024, Hi: 65535}}},
		{packet.UDP, []ir.Ports{ir.AllPorts}},
		{packet.ICMPv6, []ir.Ports{{Lo: 0, Hi: 128<<8 - 1}, {Lo: 129 << 8, Hi: 65535}}},
		{packet.ICMPv6, []ir.Ports{{Lo: 128 << 8, Hi: 128<<8 | 255}}},
		{-1, nil},
	}
	if diff := cmp.Diff(want, u.Atoms); diff != "" {
		t.Error(diff)
	}
}

// TestUniverseWith adds services to random universes: those that were atoms
// keep their bits, and the new one is a union of atoms.
func TestUniverseWith(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() service {
		p := int16([]uint8{packet.TCP, packet.ICMP, packet.ICMP, 47, 50}[rng.IntN(5)])
		if p > packet.TCP {
			return service{protocol: p}
		}
		lo := uint16(rng.IntN(20)) << 7
		return service{p, ir.Ports{Lo: lo, Hi: lo + uint16(rng.IntN(600))}}
	}
	cut := 0
	for range 2000 {
		u := universeOf(packet.IPv4, random(), random(), random())
		s := random()
		v, split := u.with(s)
		cut += len(split)
		old := random()
		m := u.maskOf(old)
		if !u.knows(old) {
			continue
		}
		x := &change{split: split}
		wide := append(slices.Clone(m), make([]uint64, v.Words-u.Words)...)
		x.spread(wide)
		for protocol := range 60 {
			for port := range uint16(40) {
				a, b := u.atomOf(uint8(protocol), port<<7), v.atomOf(uint8(protocol), port<<7)
				if has(m, a) != has(wide, b) {
					t.Fatalf("%v with %v: protocol %d port %d changed", old, s, protocol, port<<7)
				}
			}
		}
		if !v.knows(s) {
			t.Fatalf("%v is no union of %v", s, v.Atoms)
		}
		for a := range v.Atoms {
			if r := v.answer[a]; r >= 0 {
				for _, p := range v.Atoms[a].Ports {
					for _, c := range []uint16{p.Lo, p.Hi} {
						if answer, _ := v.answerTo(c); v.atomOf(packet.ICMP, answer) != int(r) {
							t.Fatalf("%v with %v: the answers of one atom are in two", u.Atoms, s)
						}
					}
				}
			}
		}
	}
	if cut < 1000 {
		t.Errorf("only %d atoms were cut", cut)
	}
}

// TestSteps compares unions of nested runs with a plain loop.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	u := universeOf(packet.IPv4, tcp(1, 1), tcp(2, 2), tcp(3, 3))
	masks := newMaskTable(u)
	var ids []int32
	for p := range uint16(4) {
		ids = append(ids, masks.add(u.maskOf(tcp(p, p))))
	}
	for range 500 {
		const n = 64
		var parts []part
		plain := make([]uint64, n)
		for range rng.IntN(12) {
			size := uint32(1) << rng.IntN(7)
			r := run{lo: uint32(rng.IntN(n)) / size * size}
			r.hi = min(r.lo+size, n)
			id := ids[rng.IntN(len(ids))]
			parts = append(parts, partOf(r, id, false))
			for v := r.lo; v < r.hi; v++ {
				plain[v] |= masks.of(id)[0]
			}
		}
		sortParts(parts)
		s := masks.union(parts, false)
		lo := uint32(rng.IntN(n))
		row := make([]uint64, n-lo)
		s.or(row, lo, 1, 0)
		if diff := cmp.Diff(plain[lo:], row); diff != "" {
			t.Fatal(diff)
		}
		if v := uint32(rng.IntN(n)); s.word(v, 1, 0) != plain[v] {
			t.Fatalf("vertex %d: %x, want %x", v, s.word(v, 1, 0), plain[v])
		}
		// Every other vertex stays.
		before := make([]uint32, n+1)
		for v := range before {
			before[v] = uint32(v+1) / 2
		}
		thin := s.thin(before, 1)
		for v := 0; v < n; v += 2 {
			if got := thin.word(uint32(v/2), 1, 0); got != plain[v] {
				t.Fatalf("thinned, vertex %d: %x, want %x", v, got, plain[v])
			}
		}
	}
}

// TestSpan holds the ends of CIDRs against the addresses that they contain.
func TestSpan(t *testing.T) {
	for _, text := range []string{"10.1.2.0/24", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "2001:db8::/64", "2001:db8:0:1::/65", "::/0", "2001:db8::1/128"} {
		p := netip.MustParsePrefix(text)
		f := packet.FamilyOfPrefix(p)
		first, last := span(p)
		if a := first.addr(f); a != p.Masked().Addr() {
			t.Errorf("%s begins at %s", p, a)
		}
		if a := last.addr(f); !p.Contains(a) || a.Next().IsValid() && p.Contains(a.Next()) {
			t.Errorf("%s ends at %s", p, a)
		}
	}
}
