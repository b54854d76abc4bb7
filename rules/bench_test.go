package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// manyGroups is a network with as many rules as an estate has.
func manyGroups(groups, rules int) *ir.Network {
	r := rand.New(rand.NewPCG(1, 2))
	vpc := &ir.VPC{ID: "vpc-1", Seen: true, IPv4: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("10.0.0.0/8"))}}
	n := &ir.Network{VPCs: []*ir.VPC{vpc}}
	for k := range groups {
		n.SecurityGroups = append(n.SecurityGroups, &ir.SecurityGroup{ID: fmt.Sprint("sg-", k), VPCs: ir.One(vpc)})
	}
	for _, g := range n.SecurityGroups {
		for range rules {
			port := uint16(r.IntN(1000))
			m := ir.Match{Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: port, Hi: port + uint16(r.IntN(3))})}
			if r.IntN(3) == 0 {
				m.Peer.Group = n.SecurityGroups[r.IntN(groups)]
			} else {
				m.Peer.CIDR = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}), 8+r.IntN(25)).Masked()
			}
			g.Ingress = append(g.Ingress, ir.Rule{Match: m})
		}
	}
	return n
}

func BenchmarkRedundantRules(b *testing.B) {
	n := manyGroups(1000, 100)
	for b.Loop() {
		run(b, n, "sg-rule-redundant")
	}
}

func BenchmarkLongList(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	acl := &ir.NetworkACL{}
	for k := range 1000 {
		port := uint16(r.IntN(60000))
		acl.Entries = append(acl.Entries, ir.Entry{
			Match: ir.Match{
				Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: port, Hi: port + uint16(r.IntN(5000))}),
				Peer: ir.Peer{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256))}), r.IntN(17)).Masked()},
			},
			Number: ir.Known(uint16(k + 1)), Allow: ir.Known(r.IntN(2) == 0),
		})
	}
	n := aclNetwork(acl)
	for b.Loop() {
		run(b, n, entryRules...)
	}
}

// Every deny is dead: nothing is to be gained from repairing them one by one.
func BenchmarkDeadList(b *testing.B) {
	for _, size := range []int{200, 2000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			acl := parseACL(b, "in 9998 allow tcp 0.0.0.0/1", "in 9999 allow tcp 128.0.0.0/1")
			for k := range size {
				acl.Entries = append(acl.Entries, parseEntry(b, fmt.Sprintf("in %d deny tcp/%d 0.0.0.0/0", 10000+k, k), 10+k))
			}
			n := aclNetwork(acl)
			for b.Loop() {
				run(b, n, entryRules...)
			}
		})
	}
}
