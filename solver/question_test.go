package solver

import (
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

func TestWitnessIsRecognisable(t *testing.T) {
	for _, c := range []struct {
		name   string
		family packet.Family
		box    string
		want   string
	}{
		{"anything", packet.IPv4, "all 0.0.0.0/0 0.0.0.0/0 0-65535 0-65535", "tcp 203.0.113.10:32768 > 10.0.0.10:22"},
		{"anything", packet.IPv6, "all ::/0 ::/0 0-65535 0-65535", "tcp [2001:db8:ffff::10]:32768 > [2001:db8::10]:22"},
		{"a network", packet.IPv4, "tcp 0.0.0.0/0 10.0.30.0/24 0-65535 5432-5432", "tcp 203.0.113.10:32768 > 10.0.30.10:5432"},
		{"a small network", packet.IPv4, "tcp 0.0.0.0/0 10.0.30.0/30 0-65535 5432-5432", "tcp 203.0.113.10:32768 > 10.0.30.1:5432"},
		{"half the internet", packet.IPv4, "tcp 0.0.0.0/1 10.0.30.7/32 0-65535 0-65535", "tcp 8.8.8.8:32768 > 10.0.30.7:22"},
		{"high ports", packet.IPv4, "tcp 192.168.4.0/22 10.0.30.7/32 0-1023 8000-9000", "tcp 192.168.4.10:0 > 10.0.30.7:8080"},
		{"udp", packet.IPv4, "udp 0.0.0.0/0 10.0.0.2/32 0-65535 0-65535", "udp 203.0.113.10:32768 > 10.0.0.2:53"},
		{"echo", packet.IPv4, "icmp 0.0.0.0/0 10.0.0.2/32 0-65535 0-65535", "icmp 203.0.113.10 > 10.0.0.2 type 8 code 0"},
		{"echo", packet.IPv6, "icmpv6 ::/0 fd00::2/128 0-65535 0-65535", "icmpv6 2001:db8:ffff::10 > fd00::2 type 128 code 0"},
		{"no echo", packet.IPv4, "icmp 0.0.0.0/0 10.0.0.2/32 0-0 768-1023", "icmp 203.0.113.10 > 10.0.0.2 type 3 code 0"},
		{"no kind", packet.IPv4, "50 10.1.0.0/16 10.2.0.0/16 0-65535 0-65535", "50 10.1.0.10 > 10.2.0.10"},
	} {
		t.Run(c.name+" "+c.family.String(), func(t *testing.T) {
			s := New(c.family, Options{})
			h, ok, err := s.Witness(s.Of(parseBox(t, c.box)))
			if err != nil || !ok || h.String() != c.want {
				t.Errorf("got %v, %v, %v, want %s", h, ok, err, c.want)
			}
		})
	}
}

func TestWitnessOfMany(t *testing.T) {
	s := New(packet.IPv4, Options{})
	var sets []Set
	for i := range 12 { // each lacks one sixteenth of the sources
		b := Everything(packet.IPv4)
		b.Src = netipx.IPRangeFrom(word64(uint64(i)<<28).addr(packet.IPv4), word64(uint64(i+1)<<28-1).addr(packet.IPv4))
		sets = append(sets, s.Complement(s.Of(b)))
	}
	before := s.Edges()
	h, ok, err := s.Witness(sets...)
	if err != nil || !ok || h.Src != netip.MustParseAddr("203.0.113.10") {
		t.Errorf("got %v, %v, %v", h, ok, err)
	}
	none := s.Of(parseBox(t, "all 0.0.0.0-191.255.255.255 0.0.0.0/0 0-65535 0-65535"))
	grown := s.Edges()
	if h, ok, err := s.Witness(append(sets, none)...); ok || err != nil {
		t.Errorf("got %v, %v, want nothing", h, err)
	}
	if apart, err := s.Disjoint(append(sets, none)...); !apart || err != nil {
		t.Errorf("disjoint: %v, %v", apart, err)
	}
	if s.Edges() != grown || before == 0 {
		t.Errorf("questions built %d edges", s.Edges()-grown)
	}
	if apart, err := s.Disjoint(); apart || err != nil {
		t.Errorf("disjoint of no sets: %v, %v", apart, err)
	}
}

// TestHardQuestion asks for what sixteen sets have in common, each of which
// ties one bit of the source to one of the destination.
func TestHardQuestion(t *testing.T) {
	s := New(packet.IPv4, Options{})
	var sets []Set
	bit := func(field packet.Field, n int, one bool) Set {
		var boxes []Box
		for v := range uint64(1 << 8) {
			if v>>n&1 == 1 == one {
				b := Everything(packet.IPv4)
				if field == packet.FieldSrc {
					b.Src = Address(word64(v).addr(packet.IPv4))
				} else {
					b.Dst = Address(word64(v).addr(packet.IPv4))
				}
				boxes = append(boxes, b)
			}
		}
		return s.Of(boxes...)
	}
	for n := range 8 {
		for _, one := range []bool{true, false} {
			// not (source has the bit and destination has it not)
			sets = append(sets, s.Complement(s.Intersect(bit(packet.FieldSrc, n, one), bit(packet.FieldDst, n, !one))))
		}
	}
	low := Everything(packet.IPv4)
	low.Src = netipx.MustParseIPRange("0.0.0.0-0.0.0.255")
	low.Dst = low.Src
	equal := s.Intersect(append(sets, s.Of(low))...)
	for i := range 256 {
		in := packet.Header{Src: word64(uint64(i)).addr(packet.IPv4), Dst: word64(uint64(i)).addr(packet.IPv4), Protocol: 50}
		if ok, err := s.Contains(equal, in); !ok || err != nil {
			t.Fatalf("%v: %v, %v", in, ok, err)
		}
	}
	apart, err := s.Disjoint(append(sets, s.Of(low), s.Complement(equal))...)
	if err != nil || !apart {
		t.Errorf("disjoint: %v, %v", apart, err)
	}
}

func TestContainsDoesNotAllocate(t *testing.T) {
	for _, f := range packet.Families {
		s := New(f, Options{})
		b := Everything(f)
		b.DstPort = Port(443)
		a := s.Of(b)
		h, _, _ := s.Witness(a)
		if n := testing.AllocsPerRun(100, func() {
			if in, err := s.Contains(a, h); !in || err != nil {
				t.Fatal(in, err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", f, n)
		}
	}
}

func TestContainsRefusesIllFormed(t *testing.T) {
	s := New(packet.IPv4, Options{})
	ok := packet.Header{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), Protocol: 47}
	for _, c := range []struct {
		name string
		edit func(*packet.Header)
		want bool
	}{
		{"well-formed", func(*packet.Header) {}, true},
		{"GRE with a port", func(h *packet.Header) { h.DstPort = 1 }, false},
		{"ICMP with a source port", func(h *packet.Header) { h.Protocol, h.SrcPort = packet.ICMP, 1 }, false},
		{"ICMPv6 with a type", func(h *packet.Header) { h.Protocol, h.DstPort = packet.ICMPv6, 0x8000 }, false},
		{"other family", func(h *packet.Header) { h.Src, h.Dst = netip.MustParseAddr("::1"), netip.MustParseAddr("::2") }, false},
		{"mixed families", func(h *packet.Header) { h.Dst = netip.MustParseAddr("::2") }, false},
		{"mapped", func(h *packet.Header) { h.Dst = netip.MustParseAddr("::ffff:10.0.0.2") }, false},
		{"no addresses", func(h *packet.Header) { *h = packet.Header{Protocol: 47} }, false},
	} {
		h := ok
		c.edit(&h)
		if got, err := s.Contains(s.All(), h); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}
