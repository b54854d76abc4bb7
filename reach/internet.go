package reach

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/packet"
)

// notRouted are the IPv4 blocks that are not the internet: private, shared,
// link-local, multicast and reserved ones. Documentation networks are left in:
// examples use them.
var notRouted = [...]string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
}

// Internet returns the addresses of a family that count as the internet:
// IPv4 less what is not routed, and 2000::/3.
func Internet(f packet.Family) *netipx.IPSet {
	var b netipx.IPSetBuilder
	if f == packet.IPv6 {
		b.AddPrefix(netip.MustParsePrefix("2000::/3"))
		return build(&b)
	}
	b.AddPrefix(netip.MustParsePrefix("0.0.0.0/0"))
	for _, p := range notRouted {
		b.RemovePrefix(netip.MustParsePrefix(p))
	}
	return build(&b)
}
