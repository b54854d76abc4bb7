package trace

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// slot is how an interface holds an address.
type slot struct {
	addr   *ir.Address // nil for an address of a delegated prefix
	public bool        // by the public address of addr
	// maybe: whether the address exists at all is not known.
	maybe *ir.Unknown
}

// Holds reports whether an interface has an address: allow when it does or, the
// input not fixing its address, may be asked about as if it did; unknown when
// it is not known whether the address exists at all; deny otherwise.
func Holds(n *ir.Network, i *ir.Interface, a netip.Addr) Verdict {
	s, ok := holds(n, i, a)
	switch {
	case !ok:
		return Deny
	case s.maybe != nil:
		return Unknown
	default:
		return Allow
	}
}

// holds finds the slot by which an interface holds an address; what is written
// down comes before what AWS may still pick.
func holds(n *ir.Network, i *ir.Interface, a netip.Addr) (slot, bool) {
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if d.Private.Known() && d.Private.V == a {
			return slot{addr: d, maybe: d.Maybe}, true
		}
		if p := &d.Public; p.Exists.Known() && p.Exists.V && told(p) && p.Addr.V == a {
			return slot{addr: d, public: true, maybe: d.Maybe}, true
		}
	}
	for _, p := range i.Prefixes {
		if p.Contains(a) {
			return slot{}, true
		}
	}
	return mayHold(n, i, a)
}

// mayHold looks for a slot whose address the input does not fix. An internet
// address is taken for a public one, unless a subnet's CIDR is known to hold
// it: that a VPC uses internet addresses as private ones is not assumed.
func mayHold(n *ir.Network, i *ir.Interface, a netip.Addr) (slot, bool) {
	if s, ok := mayHoldPrivately(n, i, a, true); ok {
		return s, true
	}
	for k := range i.Addresses {
		d := &i.Addresses[k]
		p := &d.Public
		if p.Exists.Known() && (!p.Exists.V || told(p)) {
			continue
		}
		if told(p) && p.Addr.V == a || !told(p) && freeOnInternet(n, i, a) {
			return slot{addr: d, public: true, maybe: cmp.Or(p.Exists.Why, d.Maybe)}, true
		}
	}
	return mayHoldPrivately(n, i, a, false)
}

// mayHoldPrivately looks for a private address that AWS picks. known: of a
// subnet whose CIDR is known.
func mayHoldPrivately(n *ir.Network, i *ir.Interface, a netip.Addr, known bool) (slot, bool) {
	family := packet.FamilyOf(a)
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if !d.Private.Known() && d.Family == family && freeInSomeSubnet(n, i, a, known) {
			return slot{addr: d, maybe: d.Maybe}, true
		}
	}
	return slot{}, false
}

// told reports whether the input tells which public address it is.
func told(p *ir.Public) bool { return p.Addr.Known() && p.Addr.V.IsValid() }

// freeInSomeSubnet reports whether AWS can give an interface the address in one
// of the subnets that it may be in.
func freeInSomeSubnet(n *ir.Network, i *ir.Interface, a netip.Addr, known bool) bool {
	some := i.Subnet.Open != nil && !known
	for _, s := range i.Subnet.Of {
		some = some || assignable(s, a) && (!known || cidrOf(s, a).Known())
	}
	return some && !takenPrivately(n, i, a)
}

// assignable reports whether a subnet can give out the address: AWS keeps the
// first four and the last of each family. [VPC subnet-sizing.md]
func assignable(s *ir.Subnet, a netip.Addr) bool {
	v := cidrOf(s, a)
	switch {
	case !v.Known():
		return true
	case !v.V.IsValid() || !v.V.Contains(a):
		return false
	default:
		return !reserved(v.V, a)
	}
}

// cidrOf is the subnet's CIDR of the address's family.
func cidrOf(s *ir.Subnet, a netip.Addr) *ir.Value[netip.Prefix] {
	if a.Is4() {
		return &s.IPv4
	}
	return &s.IPv6
}

func reserved(p netip.Prefix, a netip.Addr) bool {
	first := p.Masked().Addr()
	for range 4 {
		if a == first {
			return true
		}
		first = first.Next()
	}
	return a == lastOf(p)
}

// lastOf returns the last address of a CIDR.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for k := p.Bits(); k < len(b)*8; k++ {
		b[k/8] |= 1 << (7 - k%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// takenPrivately reports whether another interface of a VPC that i may be in
// surely holds the address.
func takenPrivately(n *ir.Network, i *ir.Interface, a netip.Addr) bool {
	for _, o := range n.Interfaces {
		if o == i || o.Maybe != nil || !shareVPC(i, o) {
			continue
		}
		for k := range o.Addresses {
			if d := &o.Addresses[k]; d.Maybe == nil && d.Private.Known() && d.Private.V == a {
				return true
			}
		}
		if slices.ContainsFunc(o.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return true
		}
	}
	return false
}

// shareVPC reports whether two interfaces surely are in one VPC, as those of one
// subnet are: the same address can live in two.
func shareVPC(i, o *ir.Interface) bool {
	s, known := i.Subnet.Known()
	if r, ok := o.Subnet.Known(); known && ok && s == r {
		return true
	}
	v, ok := vpcOf(i)
	w, also := vpcOf(o)
	return ok && also && v == w
}

// vpcOf is the VPC that an interface surely is in.
func vpcOf(i *ir.Interface) (*ir.VPC, bool) {
	var v *ir.VPC
	for _, s := range i.Subnet.Of {
		w, ok := s.VPC.Known()
		if !ok || v != nil && v != w {
			return nil, false
		}
		v = w
	}
	return v, v != nil && i.Subnet.Open == nil
}

// freeOnInternet reports whether an address is one that AWS may give out as a
// public one: an internet address that no other interface surely has.
func freeOnInternet(n *ir.Network, i *ir.Interface, a netip.Addr) bool {
	if !a.Is4() || !onInternet(a) {
		return false
	}
	for _, o := range n.Interfaces {
		if o == i || o.Maybe != nil {
			continue
		}
		for k := range o.Addresses {
			d := &o.Addresses[k]
			if d.Maybe != nil {
				continue
			}
			if p := &d.Public; p.Exists.Known() && p.Exists.V && told(p) && p.Addr.V == a {
				return false
			}
			if d.Private.Known() && d.Private.V == a {
				return false // a VPC may use public addresses as private ones
			}
		}
	}
	return true
}

// notInternet lists what is never an address of an internet host. Networks for
// documentation count as internet: examples use them.
// [IANA special-purpose address registries; RFC 1918, RFC 6598, RFC 3927]
var notInternet = [...]netip.Prefix{
	prefix4(0, 0, 8), prefix4(10, 0, 8), prefix4(100, 64, 10), prefix4(127, 0, 8), prefix4(169, 254, 16),
	prefix4(172, 16, 12), prefix4(192, 168, 16), prefix4(224, 0, 4), prefix4(240, 0, 4),
}

func prefix4(a, b byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b}), bits)
}

// onInternet reports whether the internet routes to an address: 2000::/3, and
// IPv4 outside the ranges above.
func onInternet(a netip.Addr) bool {
	if !a.Is4() {
		return a.As16()[0]>>5 == 1
	}
	for _, p := range notInternet {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// kindOfRange says whether an internet gateway carries an IPv4 address.
type kindOfRange uint8

const (
	ordinary kindOfRange = iota
	private              // RFC 1918
	shared               // RFC 6598
)

func rangeOf(a netip.Addr) kindOfRange {
	switch {
	case !a.Is4():
		return ordinary
	case a.IsPrivate():
		return private
	case prefix4(100, 64, 10).Contains(a):
		return shared
	default:
		return ordinary
	}
}

// representative is an address that an interface of unknown address may have in
// a subnet: the lowest that AWS gives out there. It is for showing; no filter
// compares an interface's own address.
func representative(s *ir.Subnet, family packet.Family) netip.Addr {
	if s == nil {
		return netip.Addr{}
	}
	v := s.IPv4
	if family == packet.IPv6 {
		v = s.IPv6
	}
	if !v.Known() || !v.V.IsValid() {
		return netip.Addr{}
	}
	return firstOf(v.V)
}

// firstOf is the first address of a subnet that AWS gives out: it keeps the
// first four. [VPC subnet-sizing.md]
func firstOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr()
	for range 4 {
		a = a.Next()
	}
	return a
}

// exempt reports whether groups and ACLs never filter packets to an address:
// Amazon's DNS, metadata, time and activation services, and the VPC router's
// own addresses. The rest of the link-local range is filtered.
// [VPC VPC_Security.md, subnet-sizing.md]
func exempt(p place, a netip.Addr, wide bool) bool {
	for _, s := range exemptServices {
		if s == a {
			return true
		}
	}
	if !a.Is4() && a.IsLinkLocalUnicast() {
		return true
	}
	return isDNS(p.vpc, a, wide) || isRouter(p.subnet, a, wide)
}

var exemptServices = [...]netip.Addr{
	netip.AddrFrom4([4]byte{169, 254, 169, 253}), // DNS
	netip.AddrFrom4([4]byte{169, 254, 169, 254}), // instance metadata
	netip.AddrFrom4([4]byte{169, 254, 169, 123}), // time
	netip.AddrFrom4([4]byte{169, 254, 170, 2}),   // task metadata of ECS
	netip.AddrFrom4([4]byte{169, 254, 169, 250}), // Windows activation
	netip.AddrFrom4([4]byte{169, 254, 169, 251}),
	ec2v6(0x02, 0x53), ec2v6(0x02, 0x54), ec2v6(0x01, 0x23), ec2v6(0x02, 0x50),
}

// ec2v6 is fd00:ec2::HL.
func ec2v6(h, l byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: h, 15: l})
}

// isDNS: the base of the VPC's primary CIDR plus two. Where the CIDR is not
// known, any address that ends so may be it: CIDRs are at least /28.
func isDNS(v *ir.VPC, a netip.Addr, wide bool) bool {
	if !a.Is4() {
		return false
	}
	if v != nil && len(v.IPv4) > 0 && v.IPv4[0].Known() {
		return v.IPv4[0].V.Masked().Addr().Next().Next() == a
	}
	return wide && (v == nil || len(v.IPv4) > 0 || v.More != nil || !v.Seen) && a.As4()[3]&15 == 2
}

// isRouter: the base of the subnet plus one.
func isRouter(s *ir.Subnet, a netip.Addr, wide bool) bool {
	if s == nil {
		return wide && a.AsSlice()[len(a.AsSlice())-1]&15 == 1
	}
	v := cidrOf(s, a)
	if !v.Known() {
		return wide && a.AsSlice()[len(a.AsSlice())-1]&15 == 1
	}
	return v.V.IsValid() && v.V.Masked().Addr().Next() == a
}
