package formula

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// place is where an end stands, under a condition. A nil subnet or VPC is one
// that the input does not show; an end outside has neither.
type place struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
	is     smt.Term
}

func (p place) shown() bool { return p.subnet != nil && p.vpc != nil }

// places lists where an interface may stand.
func (e *Encoder) places(i *ir.Interface) []place {
	if i == nil {
		return []place{{is: smt.True}}
	}
	var ps []place
	subnets, other := e.alternatives(len(i.Subnet.Of), i.Subnet.Why, i.Subnet.Open, i, "subnet")
	for k, s := range i.Subnet.Of {
		vpcs, hidden := e.alternatives(len(s.VPC.Of), s.VPC.Why, s.VPC.Open, s, "VPC")
		for j, v := range s.VPC.Of {
			ps = append(ps, place{s, v, e.And(subnets[k], vpcs[j])})
		}
		if hidden != smt.False {
			ps = append(ps, place{s, nil, e.And(subnets[k], hidden)})
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

// sameVPC is whether two VPCs are one: objects that are shown, or named by
// different literal ids, are not.
func (e *Encoder) sameVPC(a, b *ir.VPC) smt.Term {
	switch {
	case a == nil || b == nil:
		return e.free(key{kind: "same VPC", of: a, with: b}, "a VPC that is not shown")
	case a == b, a.ID != "" && a.ID == b.ID:
		return smt.True
	case a.Seen && b.Seen, a.ID != "" && b.ID != "":
		return smt.False
	}
	if slices.Index(e.net.VPCs, a) > slices.Index(e.net.VPCs, b) {
		a, b = b, a
	}
	return e.free(key{kind: "same VPC", of: a, with: b}, a.Origin.Address+" and "+b.Origin.Address+" are one")
}

func (e *Encoder) cidrs(v *ir.VPC) []ir.Value[netip.Prefix] {
	if e.family == packet.IPv6 {
		return v.IPv6
	}
	return v.IPv4
}

func (e *Encoder) cidr(s *ir.Subnet) ir.Value[netip.Prefix] {
	if e.family == packet.IPv6 {
		return s.IPv6
	}
	return s.IPv4
}

// holds is whether an interface has a private address at a place: fits says
// that the input leaves room for it, and there that it exists. An address that
// AWS picks is the one that the header names.
func (e *Encoder) holds(i *ir.Interface, p place, a smt.Term) (fits, there smt.Term) {
	var fit, is []smt.Term
	for k := range i.Addresses {
		d := &i.Addresses[k]
		f := e.slot(i, d, p, a)
		fit, is = append(fit, f), append(is, e.And(f, e.exists(d.Maybe)))
	}
	for _, c := range i.Prefixes {
		fit, is = append(fit, e.Inside(a, c)), append(is, e.Inside(a, c))
	}
	return e.Or(fit...), e.Or(is...)
}

// slot is whether an address may be the one of a slot of an interface.
func (e *Encoder) slot(i *ir.Interface, d *ir.Address, p place, a smt.Term) smt.Term {
	switch {
	case d.Private.Known():
		return e.is(a, d.Private.V)
	case d.Family == packet.FamilyInvalid || d.Family == e.family:
		return e.assignable(i, p, a)
	}
	return smt.False
}

// assignable is whether AWS may give out an address at a place: one of the
// subnet's, without the first four and the last, and held by nobody else.
// [VPC subnet-sizing.md]
func (e *Encoder) assignable(i *ir.Interface, p place, a smt.Term) smt.Term {
	if p.subnet == nil {
		return e.And(e.inVPC(p.vpc, a), e.Not(e.readPublic(i, a)))
	}
	c := e.cidr(p.subnet)
	switch {
	case !c.Known():
		return e.And(e.inVPC(p.vpc, a), e.Not(e.readPublic(i, a)))
	case !c.V.IsValid():
		return smt.False
	}
	free := []smt.Term{e.Inside(a, c.V)}
	r := c.V.Masked().Addr()
	for range 4 {
		free = append(free, e.Not(e.is(a, r)))
		r = r.Next()
	}
	last := e.address(c.V.Addr())
	host := c.V.Addr().BitLen() - c.V.Bits()
	if host > 0 {
		ones := smt.Value{Hi: ^uint64(0), Lo: ^uint64(0)}
		if host <= 64 {
			ones = smt.Number(^uint64(0) >> (64 - host))
		} else {
			ones.Hi >>= 128 - host
		}
		free = append(free, e.Not(e.Eq(e.Extract(host-1, 0, a), e.Constant(ones, host))))
	} else {
		free = append(free, e.Not(e.Eq(a, last)))
	}
	return e.And(append(free, e.Not(e.taken(i, p, a)))...)
}

// readPublic is whether an address is taken for a public one of an interface: that
// a subnet whose CIDR is not known holds internet addresses is not assumed.
func (e *Encoder) readPublic(i *ir.Interface, a smt.Term) smt.Term {
	if e.family == packet.IPv6 {
		return smt.False
	}
	var is []smt.Term
	for k := range i.Addresses {
		switch d := &i.Addresses[k]; {
		case !mayBePublic(d):
		case d.Public.Addr.Known() && d.Public.Addr.V.IsValid():
			is = append(is, e.is(a, d.Public.Addr.V))
		default:
			is = append(is, e.And(e.onInternet(a), e.Not(e.ours(a))))
		}
	}
	return e.Or(is...)
}

// taken is whether another interface of a place's VPC surely has an address.
func (e *Encoder) taken(i *ir.Interface, p place, a smt.Term) smt.Term {
	var by []smt.Term
	for _, o := range e.net.Interfaces {
		s, ok := o.Subnet.Known()
		if o == i || o.Maybe != nil || !ok {
			continue
		}
		if w, ok := s.VPC.Known(); s != p.subnet && (!ok || w != p.vpc) {
			continue
		}
		for _, d := range o.Addresses {
			if d.Private.Known() && d.Maybe == nil {
				by = append(by, e.is(a, d.Private.V))
			}
		}
		for _, c := range o.Prefixes {
			by = append(by, e.Inside(a, c))
		}
	}
	return e.Or(by...)
}

// inVPC is whether an address can be in a VPC, as far as its CIDRs are known.
func (e *Encoder) inVPC(v *ir.VPC, a smt.Term) smt.Term {
	if v == nil || !v.Seen || v.More != nil {
		return smt.True
	}
	var in []smt.Term
	for _, c := range e.cidrs(v) {
		if !c.Known() {
			return smt.True
		}
		in = append(in, e.Inside(a, c.V))
	}
	return e.Or(in...)
}

// public is whether an address is one by which an internet gateway reaches an
// interface. IPv6 addresses are their own, unless their CIDR is private.
func (e *Encoder) public(i *ir.Interface, p place, a smt.Term) (fits, there smt.Term) {
	if e.family == packet.IPv6 {
		fits, there = e.holds(i, p, a)
		return e.And(fits, e.advertised(p, a)), e.And(there, e.advertised(p, a))
	}
	var fit, is []smt.Term
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if !mayBePublic(d) {
			continue
		}
		f := smt.False
		if x := d.Public.Addr; x.Known() && x.V.IsValid() {
			f = e.is(a, x.V)
		} else {
			f = e.And(e.onInternet(a), e.Not(e.ours(a)))
		}
		fit = append(fit, f)
		is = append(is, e.And(f, e.hasPublic(d)))
	}
	return e.Or(fit...), e.Or(is...)
}

func mayBePublic(d *ir.Address) bool {
	if d.Family == packet.IPv6 || d.Private.Known() && d.Private.V.Is6() {
		return false
	}
	return !d.Public.Exists.Known() || d.Public.Exists.V
}

func (e *Encoder) hasPublic(d *ir.Address) smt.Term {
	return e.And(e.truth(d.Public.Exists), e.exists(d.Maybe))
}

// advertised: addresses of private IPv6 CIDRs pass no internet gateway.
// [botocore ec2 VpcIpv6CidrBlockAssociation]
func (e *Encoder) advertised(p place, a smt.Term) smt.Term {
	var private []smt.Term
	if p.vpc != nil && e.family == packet.IPv6 {
		for _, c := range p.vpc.PrivateIPv6 {
			private = append(private, e.Inside(a, c))
		}
	}
	return e.Not(e.Or(private...))
}

// seenAs is the address that hosts behind an internet gateway see a source as,
// and whether there is one: that of the very slot which sends.
func (e *Encoder) seenAs(i *ir.Interface, p place, a smt.Term) (seen, has smt.Term) {
	if e.family == packet.IPv6 {
		return a, e.advertised(p, a)
	}
	seen = a
	var of []smt.Term
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if !mayBePublic(d) {
			continue
		}
		sends := e.slot(i, d, p, a)
		of = append(of, e.And(sends, e.hasPublic(d)))
		var x smt.Term
		if v := d.Public.Addr; v.Known() && v.V.IsValid() {
			x = e.address(v.V)
		} else {
			x = e.variable(key{kind: "public address", of: d}, 32, "public address of "+i.Resource, func(t smt.Term) smt.Term {
				return e.And(e.onInternet(t), e.Not(e.ours(t)))
			})
		}
		seen = e.Ite(sends, x, seen)
	}
	return e.Define(seen, "the public source"), e.Or(of...)
}

// ours is whether an address is a known public one of the network.
func (e *Encoder) ours(a smt.Term) smt.Term {
	var is []smt.Term
	for _, i := range e.net.Interfaces {
		for _, d := range i.Addresses {
			if p := d.Public; p.Exists.Known() && p.Exists.V && p.Addr.Known() && p.Addr.V.IsValid() && i.Maybe == nil {
				is = append(is, e.is(a, p.Addr.V))
			}
		}
	}
	return e.Or(is...)
}

// notOurs is whether an address of a host outside turns out to be none that the
// network's interfaces may have; of what is known, the ways take care.
func (e *Encoder) notOurs(a smt.Term) smt.Term {
	var is []smt.Term
	for _, i := range e.net.Interfaces {
		for k := range i.Addresses {
			d := &i.Addresses[k]
			if p := d.Public; mayBePublic(d) && p.Addr.Known() && p.Addr.V.IsValid() && (!p.Exists.Known() || i.Maybe != nil) {
				is = append(is, e.And(e.hasPublic(d), e.exists(i.Maybe), e.is(a, p.Addr.V)))
			}
		}
	}
	return e.Not(e.Or(is...))
}

// outside is whether a host that no VPC of the network holds has an address.
func (e *Encoder) outside(a smt.Term) smt.Term {
	var in []smt.Term
	for _, v := range e.net.VPCs {
		for _, c := range e.cidrs(v) {
			if c.Known() {
				in = append(in, e.Inside(a, c.V))
			}
		}
	}
	return e.And(e.Not(e.Or(in...)), e.Not(e.ours(a)))
}

// Outside reports whether an end of a header, the destination or the source, is
// an address that no VPC of the network holds.
func (e *Encoder) Outside(h packet.Header, destination bool) bool {
	a := e.header.Src
	if destination {
		a = e.header.Dst
	}
	return e.Holds(e.outside(a), h)
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
	if e.family == packet.IPv6 {
		return e.Inside(a, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3))
	}
	var not []smt.Term
	for _, c := range private4 {
		not = append(not, e.Inside(a, c))
	}
	return e.Not(e.Or(not...))
}

// unfiltered are the services that neither groups nor ACLs filter.
// [VPC VPC_Security.md]
var unfiltered = [...]string{
	"169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.169.250", "169.254.169.251", "169.254.169.123",
	"fd00:ec2::253", "fd00:ec2::254", "fd00:ec2::123", "fd00:ec2::250",
}

// exempt is whether a destination is one of them, Amazon's DNS (the base of the
// VPC's primary CIDR plus two) or the VPC router (the base of the subnet plus
// one). [VPC VPC_Security.md, subnet-sizing.md]
func (e *Encoder) exempt(p place, a smt.Term) smt.Term {
	var is []smt.Term
	for _, s := range unfiltered {
		if x, err := netip.ParseAddr(s); err == nil {
			is = append(is, e.is(a, x))
		}
	}
	if p.vpc != nil && len(p.vpc.IPv4) > 0 && p.vpc.IPv4[0].Known() && p.vpc.IPv4[0].V.IsValid() {
		is = append(is, e.is(a, p.vpc.IPv4[0].V.Masked().Addr().Next().Next()))
	}
	if p.subnet != nil {
		if c := e.cidr(p.subnet); c.Known() && c.V.IsValid() {
			is = append(is, e.is(a, c.V.Masked().Addr().Next()))
		}
	}
	return e.Or(is...)
}
