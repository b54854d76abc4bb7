package solver

import (
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

func TestBoxString(t *testing.T) {
	cidr := func(s string) netipx.IPRange { return netipx.RangeOfPrefix(netip.MustParsePrefix(s)) }
	type edit func(*Box)
	for _, c := range []struct {
		want string
		f    packet.Family
		edit edit
	}{
		{"everything", packet.IPv4, func(*Box) {}},
		{"tcp port 22", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(6), Port(22) }},
		{"udp 10.0.0.0/8 > 0.0.0.0/0 port 1024-65535", packet.IPv4, func(b *Box) {
			b.Protocol, b.Src, b.DstPort = Port(17), cidr("10.0.0.0/8"), Interval{1024, 65535}
		}},
		{"0.0.0.0/0 > 10.0.0.1-10.0.0.2", packet.IPv4, func(b *Box) {
			b.Dst = netipx.MustParseIPRange("10.0.0.1-10.0.0.2")
		}},
		{"protocols 0-5 10.0.0.1 > 0.0.0.0/0", packet.IPv4, func(b *Box) { b.Protocol, b.Src = Interval{0, 5}, cidr("10.0.0.1/32") }},
		{"icmp type 8", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(1), Interval{8 << 8, 8<<8 | 255} }},
		{"icmp type 3 code 4", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(1), Port(3<<8|4) }},
		{"icmp type 3 code 4-5", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(1), Interval{3<<8 | 4, 3<<8 | 5} }},
		{"icmp type 0-3", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(1), Interval{0, 3<<8 | 255} }},
		{"icmp type 0 code 1 up to type 3 code 2", packet.IPv4, func(b *Box) { b.Protocol, b.DstPort = Port(1), Interval{1, 3<<8 | 2} }},
		{"tcp ::/0 > 2001:db8::/32 source port 1-2", packet.IPv6, func(b *Box) {
			b.Protocol, b.Dst, b.SrcPort = Port(6), cidr("2001:db8::/32"), Interval{1, 2}
		}},
	} {
		b := Everything(c.f)
		c.edit(&b)
		if got := b.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
