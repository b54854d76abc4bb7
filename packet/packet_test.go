package packet_test

import (
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/packet"
)

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		family   packet.Family
		protocol uint8
		want     packet.Kind
	}{
		{packet.IPv4, packet.TCP, packet.Ported},
		{packet.IPv6, packet.UDP, packet.Ported},
		{packet.IPv4, packet.ICMP, packet.Typed},
		{packet.IPv6, packet.ICMPv6, packet.Typed},
		{packet.IPv4, packet.ICMPv6, packet.Plain},
		{packet.IPv6, packet.ICMP, packet.Plain},
		{packet.IPv4, 50, packet.Plain},
		{packet.IPv6, 132, packet.Plain},
	} {
		if got := packet.KindOf(c.family, c.protocol); got != c.want {
			t.Errorf("protocol %d in %v: kind %d, want %d", c.protocol, c.family, got, c.want)
		}
	}
}

func TestHeader(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	six, mapped := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:10.0.0.1")
	for _, c := range []struct {
		header packet.Header
		valid  bool
		text   string
	}{
		{packet.Header{Src: a, Dst: b, Protocol: packet.TCP, SrcPort: 32768, DstPort: 443}, true, "tcp 10.0.0.1:32768 > 10.0.0.2:443"},
		{packet.Header{Src: six, Dst: six, Protocol: packet.UDP, DstPort: 53}, true, "udp [2001:db8::1]:0 > [2001:db8::1]:53"},
		{packet.Header{Src: a, Dst: b, Protocol: packet.ICMP, DstPort: packet.TypeCode(3, 4)}, true, "icmp 10.0.0.1 > 10.0.0.2 type 3 code 4"},
		{packet.Header{Src: a, Dst: b, Protocol: packet.ICMP, SrcPort: 1}, false, ""},
		{packet.Header{Src: a, Dst: b, Protocol: 50}, true, "50 10.0.0.1 > 10.0.0.2"},
		{packet.Header{Src: a, Dst: b, Protocol: packet.ICMPv6, DstPort: packet.TypeCode(128, 0)}, false, ""},
		{packet.Header{Src: a, Dst: six, Protocol: packet.TCP}, false, ""},
		{packet.Header{Src: mapped, Dst: b, Protocol: packet.TCP}, false, ""},
		{packet.Header{}, false, ""},
		{packet.Header{Dst: b, Protocol: packet.TCP, SrcPort: 443, DstPort: 32768}, false, "tcp (unknown):443 > 10.0.0.2:32768"},
	} {
		if got := c.header.Valid(); got != c.valid {
			t.Errorf("%+v: valid %v, want %v", c.header, got, c.valid)
		}
		if c.text != "" && c.header.String() != c.text {
			t.Errorf("%q, want %q", c.header, c.text)
		}
	}
}

func TestFamilyOf(t *testing.T) {
	for text, want := range map[string]packet.Family{"10.0.0.1": packet.IPv4, "::ffff:10.0.0.1": packet.IPv4, "2001:db8::1": packet.IPv6} {
		if got := packet.FamilyOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := packet.FamilyOf(netip.Addr{}); got != packet.FamilyInvalid {
		t.Errorf("the zero address: %v", got)
	}
}
