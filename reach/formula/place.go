package formula

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// place is where something stands, under a condition. A nil subnet or VPC is one
// that the input does not show; an end outside has neither.
type place struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
	// edge is a gateway with a route table of its own, which stands in no subnet:
	// one that packets come in by, or a regional NAT gateway.
	edge *ir.Gateway
	is   smt.Term
}

// places lists where an interface may stand.
func (e *Encoder) places(i *ir.Interface) []place {
	if i == nil {
		return []place{{is: smt.True}}
	}
	return e.placesOf(i.Subnet, i)
}

// placesOf lists where a subnet that may be one of several is.
func (e *Encoder) placesOf(c ir.Choice[*ir.Subnet], owner any) []place {
	var ps []place
	subnets, other := e.alternatives(len(c.Of), c.Why, c.Open, owner, "subnet")
	for k, s := range c.Of {
		if len(s.VPC.Of) == 0 && s.VPC.Open == nil {
			ps = append(ps, place{subnet: s, is: subnets[k]})
			continue
		}
		vpcs, hidden := e.alternatives(len(s.VPC.Of), s.VPC.Why, s.VPC.Open, s, "VPC")
		for j, v := range s.VPC.Of {
			ps = append(ps, place{subnet: s, vpc: v, is: e.And(subnets[k], vpcs[j])})
		}
		if hidden != smt.False {
			ps = append(ps, place{subnet: s, is: e.And(subnets[k], hidden)})
		}
	}
	if other != smt.False {
		ps = append(ps, place{is: other})
	}
	return ps
}

// isVPC is whether a choice is a given VPC, or one that may be the same.
func (e *Encoder) isVPC(c ir.Choice[*ir.VPC], v *ir.VPC, owner any) smt.Term {
	return choose(e, c, owner, "VPC", func(o *ir.VPC) smt.Term { return e.sameVPC(o, v) }, func() smt.Term {
		return e.free(key{kind: "hidden VPC", of: owner, with: v}, "a VPC that is not shown")
	})
}

// sameVPC is whether two VPCs are one. Two that the input tells apart are not; one
// that it does not show may be any.
func (e *Encoder) sameVPC(a, b *ir.VPC) smt.Term {
	if a == nil || b == nil {
		return e.free(key{kind: "same VPC", of: a, with: b}, "a VPC that is not shown")
	}
	return smt.Of(a == b)
}

func (e *Encoder) cidrs(v *ir.VPC, f packet.Family) []ir.Value[netip.Prefix] {
	if f == packet.IPv6 {
		return v.IPv6
	}
	return v.IPv4
}

func cidr(s *ir.Subnet, f packet.Family) ir.Value[netip.Prefix] {
	if f == packet.IPv6 {
		return s.IPv6
	}
	return s.IPv4
}

func cidr4(a, b byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b}), bits)
}

// private4 are the blocks that the internet does not route; documentation
// networks are none of them.
var private4 = [...]netip.Prefix{
	cidr4(0, 0, 8), cidr4(10, 0, 8), cidr4(100, 64, 10), cidr4(127, 0, 8), cidr4(169, 254, 16),
	cidr4(172, 16, 12), cidr4(192, 168, 16), cidr4(224, 0, 4), cidr4(240, 0, 4),
}

func (e *Encoder) onInternet(a smt.Term) smt.Term {
	if e.familyOf(a) == packet.IPv6 {
		return e.Inside(a, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3))
	}
	return e.Not(e.insideAny(a, private4[:]...))
}

// unfiltered are the services that neither groups nor ACLs filter.
// [VPC VPC_Security.md]
var unfiltered = [...]string{
	"169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.169.250", "169.254.169.251", "169.254.169.123",
	"fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::123", "fd00:ec2::250",
}

// exempt is whether a destination is one of them, a link-local IPv6 address,
// Amazon's DNS (the base of the VPC's primary CIDR plus two) or the VPC router
// (the base of the subnet plus one). [VPC VPC_Security.md, subnet-sizing.md]
func (e *Encoder) exempt(p place, a smt.Term) smt.Term {
	is := []smt.Term{e.dns(p.vpc, a), e.router(p.subnet, a)}
	for _, s := range unfiltered {
		if x, err := netip.ParseAddr(s); err == nil {
			is = append(is, e.is(a, x))
		}
	}
	return e.Or(append(is, e.Inside(a, linkLocal6))...)
}

var linkLocal6 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 10)

func (e *Encoder) dns(v *ir.VPC, a smt.Term) smt.Term {
	switch {
	case e.familyOf(a) == packet.IPv6:
		return smt.False
	case v != nil && len(v.IPv4) > 0 && v.IPv4[0].Known():
		return e.is(a, v.IPv4[0].V.Masked().Addr().Next().Next())
	case v != nil && v.Seen && v.More == nil && len(v.IPv4) == 0:
		return smt.False
	}
	return e.ends16(a, 2, key{kind: "DNS", of: v, at: a}, "it is Amazon's DNS server of a VPC whose CIDR is not known")
}

func (e *Encoder) router(s *ir.Subnet, a smt.Term) smt.Term {
	if s != nil {
		if c := cidr(s, e.familyOf(a)); c.Known() {
			if !c.V.IsValid() {
				return smt.False
			}
			return e.is(a, c.V.Masked().Addr().Next())
		}
	}
	return e.ends16(a, 1, key{kind: "router", of: s, at: a}, "it is the router of a subnet whose CIDR is not known")
}

// ends16 is whether an address that ends so, in its last four bits, is the one
// that is asked about: CIDRs are at least /28.
func (e *Encoder) ends16(a smt.Term, low uint64, k key, note string) smt.Term {
	return e.And(e.Eq(e.Extract(3, 0, a), e.number(low, 4)), e.unmodelled(k, note))
}

// The link-local networks of VPC Lattice, and those that no route applies to.
// [vpc-lattice security-groups; VPC_Route_Tables.md]
var (
	lattices = [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 171}), 24), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2, 0, 0x80}), 64),
	}
	reserved = [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 168}), 22), netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 0, 0x0e, 0xc2}), 32),
	}
)

func (e *Encoder) insideAny(a smt.Term, of ...netip.Prefix) smt.Term {
	is := make([]smt.Term, len(of))
	for k, c := range of {
		is[k] = e.Inside(a, c)
	}
	return e.Or(is...)
}

// privateRange is whether an IPv4 address is one that internet gateways drop: RFC
// 1918, RFC 6598. [reachability explanation-codes
// IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS]
func (e *Encoder) privateRange(a smt.Term) smt.Term {
	return e.insideAny(a, cidr4(10, 0, 8), cidr4(172, 16, 12), cidr4(192, 168, 16), cidr4(100, 64, 10))
}
