package acctgen

import (
	"net/netip"
	"testing"
)

// TestNew checks that an account has the sizes that were asked for, that its
// addresses are different and lie in their subnets, and that the same options
// make the same account.
func TestNew(t *testing.T) {
	for _, services := range []bool{false, true} {
		o := Options{Seed: 3, Interfaces: 700, Groups: 40, Rules: 8000, ACLs: 7, VPCs: 5, Ports: 20, Services: services, IPv6: true}
		n, again := New(o), New(o)
		rules := 0
		for _, g := range n.SecurityGroups {
			rules += len(g.Ingress) + len(g.Egress)
		}
		if len(n.Interfaces) != o.Interfaces || len(n.SecurityGroups) != o.Groups || rules != o.Rules || len(n.NetworkACLs) != o.ACLs || len(n.VPCs) != o.VPCs {
			t.Errorf("%d interfaces, %d groups, %d rules, %d ACLs, %d VPCs", len(n.Interfaces), len(n.SecurityGroups), rules, len(n.NetworkACLs), len(n.VPCs))
		}
		seen := map[netip.Addr]bool{}
		for k, i := range n.Interfaces {
			s := i.Subnet.Of[0]
			for j, a := range i.Addresses {
				if seen[a.Private.V] || !s.IPv4.V.Contains(a.Private.V) && !s.IPv6.V.Contains(a.Private.V) {
					t.Errorf("%s has %s in %s", i.ID, a.Private.V, s.ID)
				}
				seen[a.Private.V] = true
				if again.Interfaces[k].Addresses[j].Private.V != a.Private.V {
					t.Errorf("%s has another address the second time", i.ID)
				}
			}
		}
		for k, g := range n.SecurityGroups {
			for j := range g.Ingress {
				if g.Ingress[j].Peer.CIDR != again.SecurityGroups[k].Ingress[j].Peer.CIDR {
					t.Fatalf("rule %d of %s is another one the second time", j, g.ID)
				}
			}
		}
		if len(n.Peerings) == 0 || len(n.TransitGateways[0].Attachments) < 2 || len(n.PrefixLists) == 0 {
			t.Error("nothing joins the VPCs, or there are no prefix lists")
		}
	}
}
