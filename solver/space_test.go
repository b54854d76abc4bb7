package solver

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

func TestAllCounts(t *testing.T) {
	// ported: two protocols, 32 bits of ports; typed: 16 bits; 253 others.
	perPair := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(2), 32), big.NewInt(1<<16+253))
	for f, addressBits := range map[packet.Family]uint{packet.IPv4: 64, packet.IPv6: 256} {
		s := New(f, Options{})
		want := new(big.Int).Lsh(perPair, addressBits)
		if got := s.Count(s.All()); got.Cmp(want) != 0 {
			t.Errorf("%v: |All| = %v, want %v", f, got, want)
		}
		if got := s.Of(Everything(f)); got != s.All() {
			t.Errorf("%v: everything is %d, not All", f, got)
		}
		if got := s.Count(Empty); got.Sign() != 0 {
			t.Errorf("%v: |Empty| = %v", f, got)
		}
	}
}

// TestTinyUniverse takes every subset of eight headers, and every pair of them.
func TestTinyUniverse(t *testing.T) {
	for _, f := range packet.Families {
		s := New(f, Options{})
		corner := Everything(f)
		var cells []Set
		for i := range 8 {
			b := corner
			b.Protocol = Port(packet.TCP + uint16(i&1)*(packet.UDP-packet.TCP))
			b.Dst = Address(word{hi: uint64(i >> 1 & 1), lo: uint64(i >> 1 & 1)}.addr(f))
			b.DstPort = Port(443 + uint16(i>>2))
			cells = append(cells, s.Of(b))
		}
		var sets [256]Set
		for m := range sets {
			var parts []Set
			for i, c := range cells {
				if m>>i&1 == 1 {
					parts = append(parts, c)
				}
			}
			sets[m] = s.Union(parts...)
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(sets[:])))); n != 256 {
			t.Fatalf("%v: %d different sets of 256", f, n)
		}
		for x := range sets {
			for y := range sets {
				a, b := sets[x], sets[y]
				sub, err1 := s.Subset(a, b)
				apart, err2 := s.Disjoint(a, b)
				if s.Union(a, b) != sets[x|y] || s.Intersect(a, b) != sets[x&y] ||
					s.Difference(a, b) != sets[x&^y] || s.SymmetricDifference(a, b) != sets[x^y] ||
					sub != (x&^y == 0) || apart != (x&y == 0) || err1 != nil || err2 != nil ||
					s.FirstMatch([]Entry{{a, Deny}, {b, Permit}}, Deny) != sets[y&^x] {
					t.Fatalf("%v: sets %08b and %08b", f, x, y)
				}
			}
		}
	}
}

func TestBoxesAreReadable(t *testing.T) {
	s := New(packet.IPv6, Options{})
	a := s.Of(
		parseBox(t, "tcp 2001:db8::/33 fd00::1-fd00::1 0-65535 443-443"),
		parseBox(t, "tcp 2001:db8:8000::/33 fd00::1-fd00::1 0-65535 443-443"),
		parseBox(t, "tcp 2001:db9::-2001:db9:0:1::5 fd00::1-fd00::1 0-65535 443-443"),
		parseBox(t, "udp 2001:db8::/32 fd00::/64 0-65535 53-53"),
	)
	want := []Box{
		parseBox(t, "tcp 2001:db8::-2001:db9:0:1::5 fd00::1-fd00::1 0-65535 443-443"),
		parseBox(t, "udp 2001:db8::/32 fd00::/64 0-65535 53-53"),
	}
	opt := cmp.Comparer(func(a, b netipx.IPRange) bool { return a == b })
	if diff := cmp.Diff(want, slices.Collect(s.Boxes(a)), opt); diff != "" {
		t.Errorf("boxes (-want +got):\n%s", diff)
	}
	for b := range s.Boxes(a) {
		if b != want[0] {
			t.Errorf("first box %v", b)
		}
		break
	}
}

// TestManyBoxes takes a set of more boxes than are merged.
func TestManyBoxes(t *testing.T) {
	s := New(packet.IPv4, Options{})
	var parts [3]Set
	for i, f := range []packet.Field{packet.FieldSrc, packet.FieldDst, packet.FieldDstPort} {
		var boxes []Box
		for v := range uint64(40) {
			b := Everything(packet.IPv4)
			b.Protocol = Port(packet.TCP)
			at := Address(word64(v << 9).addr(packet.IPv4))
			switch f {
			case packet.FieldSrc:
				b.Src = at
			case packet.FieldDst:
				b.Dst = at
			default:
				b.DstPort = Port(uint16(v << 9))
			}
			boxes = append(boxes, b)
		}
		parts[i] = s.Of(boxes...)
	}
	a := s.Intersect(parts[:]...)
	if n := len(slices.Collect(s.Boxes(a))); n != 40*40*40 {
		t.Errorf("%d boxes", n)
	}
	checkBoxes(t, s, a)
}

func TestTranslation(t *testing.T) {
	s := New(packet.IPv4, Options{})
	in := s.Of(
		parseBox(t, "tcp 10.0.0.0/24 0.0.0.0/0 40000-40000 443-443"),
		parseBox(t, "50 10.0.0.0/24 0.0.0.0/0 0-0 0-0"),
	)
	to := Everything(packet.IPv4)
	to.Src, to.SrcPort = Address(netip.MustParseAddr("192.0.2.1")), Interval{1024, 65535}
	out := s.Assign(s.Assign(in, packet.FieldSrc, to), packet.FieldSrcPort, to)
	want := s.Of(
		parseBox(t, "tcp 192.0.2.1/32 0.0.0.0/0 1024-65535 443-443"),
		parseBox(t, "50 192.0.2.1/32 0.0.0.0/0 0-0 0-0"),
	)
	if out != want {
		t.Errorf("translated: %v", slices.Collect(s.Boxes(out)))
	}
	// What passes afterwards whichever port is taken, seen from before.
	filter := s.Union(s.Of(parseBox(t, "tcp 192.0.2.0/24 0.0.0.0/0 1024-50000 443-443")), s.Of(parseBox(t, "tcp 192.0.2.0/24 8.8.8.8/32 50001-65535 443-443")), s.Of(parseBox(t, "50 192.0.2.0/24 0.0.0.0/0 0-0 0-0")))
	every := s.ProjectSome(s.ProjectAll(filter, packet.FieldSrcPort, to), packet.FieldSrc, to)
	want = s.Of(parseBox(t, "tcp 0.0.0.0/0 8.8.8.8/32 0-65535 443-443"), parseBox(t, "50 0.0.0.0/0 0.0.0.0/0 0-0 0-0"))
	if every != want {
		t.Errorf("every port: %v", slices.Collect(s.Boxes(every)))
	}
	if got := s.Assign(in, packet.FieldInvalid, to); got != Invalid {
		t.Errorf("no field: %d", got)
	}
}

func TestFirstMatchIsLinearScan(t *testing.T) {
	for _, wild := range []float64{.05, .3} {
		for seed := range uint64(4) {
			g := newGenerator(seed, wild)
			rules := g.list(150, g.five)
			s := New(packet.IPv4, Options{})
			list := entries(s, rules)
			for _, otherwise := range []Decision{Permit, Deny} {
				open := s.FirstMatch(list, otherwise)
				if otherwise == Deny && open != fold(s, list) {
					t.Errorf("seed %d: merge and fold differ", seed)
				}
				for range 2000 {
					h := g.header(rules)
					want := scan(rules, otherwise, h)
					if got, err := s.Contains(open, h); err != nil || got != want {
						t.Fatalf("seed %d: %v: got %v, %v, want %v", seed, h, got, err, want)
					}
				}
			}
		}
	}
}

// scan judges one header by one rule after the other.
func scan(rules []rule, otherwise Decision, h packet.Header) bool {
	for _, r := range rules {
		b := r.box
		if b.Protocol.has(uint16(h.Protocol)) && b.Src.Contains(h.Src) && b.Dst.Contains(h.Dst) &&
			b.SrcPort.has(h.SrcPort) && b.DstPort.has(h.DstPort) {
			return r.decision == Permit
		}
	}
	return otherwise == Permit
}

func (i Interval) has(v uint16) bool { return i.Lo <= v && v <= i.Hi }

func TestEmptyBoxes(t *testing.T) {
	v4, v6 := Everything(packet.IPv4), Everything(packet.IPv6)
	edit := func(f func(*Box)) Box {
		b := v4
		f(&b)
		return b
	}
	s := New(packet.IPv4, Options{})
	for name, b := range map[string]Box{
		"zero":         {},
		"other family": v6,
		"no family":    Everything(packet.FamilyInvalid),
		"backwards":    edit(func(b *Box) { b.SrcPort = Interval{2, 1} }),
		"no protocol":  edit(func(b *Box) { b.Protocol = Interval{256, 300} }),
		"mixed":        edit(func(b *Box) { b.Dst = v6.Dst }),
		"GRE, port 22": edit(func(b *Box) { b.Protocol, b.DstPort = Port(47), Port(22) }),
	} {
		if got := s.Of(b); got != Empty {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := s.Of(); got != Empty {
		t.Errorf("no boxes: %d", got)
	}
}

func TestCIDRs(t *testing.T) {
	got := CIDRs(netipx.MustParseIPRange("10.0.0.1-10.0.0.6"))
	var text []string
	for _, p := range got {
		text = append(text, p.String())
	}
	want := []string{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := CIDRs(netipx.IPRange{}); got != nil {
		t.Errorf("invalid range: %v", got)
	}
}
