package pairs

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Vertex is an interface by one of its private addresses.
type Vertex struct {
	Interface *ir.Interface
	// Addr is the address. Where AWS picks it, it stands for all those that no
	// CIDR of the network tells apart from it; where not even the subnet's CIDR
	// is known it is the zero address. An interface that stands in one of several
	// subnets has alternatives in each of them.
	Addr netip.Addr
	// Slot numbers what the interface has of addresses: vertices of one slot are
	// alternatives, of which the interface has one (Picked), or the addresses of
	// a delegated prefix, all of which it has.
	Slot   int
	Picked bool

	subnet *ir.Subnet
	vpc    *ir.VPC
	maybe  bool // the interface or its address may not be there
	odd    bool // no formula of this package fits it: Flow is asked
	vague  bool // nothing is computed for it but what groups let pass; see narrow
	key    key
}

// key is an address as a number.
type key struct{ hi, lo uint64 }

func keyOf(a netip.Addr) key {
	if a.Is4() {
		b := a.As4()
		return key{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (k key) addr(f packet.Family) netip.Addr {
	if f == packet.IPv4 {
		return netip.AddrFrom4([4]byte{byte(k.lo >> 24), byte(k.lo >> 16), byte(k.lo >> 8), byte(k.lo)})
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.AddrFrom16(b)
}

func (k key) compare(o key) int { return cmp.Or(cmp.Compare(k.hi, o.hi), cmp.Compare(k.lo, o.lo)) }

func (k key) less(o key) bool { return k.hi < o.hi || k.hi == o.hi && k.lo < o.lo }

// next is the following address.
func (k key) next() key {
	k.lo++
	if k.lo == 0 {
		k.hi++
	}
	return k
}

// span returns the first address of a CIDR and the last.
func span(p netip.Prefix) (first, last key) {
	first = keyOf(p.Addr())
	host := p.Addr().BitLen() - p.Bits()
	last = first
	switch {
	case host >= 128:
		last = key{^uint64(0), ^uint64(0)}
	case host > 64:
		last.lo, last.hi = ^uint64(0), last.hi|(1<<(host-64)-1)
	case host == 64:
		last.lo = ^uint64(0)
	default:
		last.lo |= 1<<host - 1
	}
	return first, last
}

// maxPicked bounds the alternatives of one address that AWS picks; beyond it
// the interface is asked about as a whole.
const maxPicked = 512

// vertices lists the interfaces by their addresses of one family. Where some
// stand for several addresses, cuts is where CIDRs tell addresses apart.
func vertices(n *ir.Network, f packet.Family, most int) (vs []Vertex, cuts []key) {
	a := &assigner{family: f, net: n}
	for _, i := range n.Interfaces {
		a.interfaceVertices(i)
	}
	return narrow(a.vs, most), a.cuts
}

// assigner makes the vertices of one family.
type assigner struct {
	family packet.Family
	net    *ir.Network
	vs     []Vertex
	cuts   []key // where any CIDR begins, and behind where it ends; nil before it is asked for
	held   map[*ir.VPC][]key
}

// stand is a subnet that an interface may stand in.
type stand struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
}

// stands lists the subnets that an interface may stand in; nil where they, or
// their VPCs, are not all known.
func stands(i *ir.Interface) []stand {
	if i.Subnet.Open != nil {
		return nil
	}
	var all []stand
	for _, s := range i.Subnet.Of {
		vpc, ok := s.VPC.Known()
		if !ok {
			return nil
		}
		if one := (stand{s, vpc}); !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

func (a *assigner) interfaceVertices(i *ir.Interface) {
	at := stands(i)
	v := Vertex{Interface: i, odd: true}
	if len(at) > 0 {
		v.odd = len(i.Groups.Sure) == 0 && (len(i.Groups.Maybe) > 0 || i.Groups.Open != nil)
	} else {
		at = []stand{{}}
	}
	// An Instance Connect endpoint may send with the addresses of its users.
	v.odd = v.odd || i.Kind == ir.InterfaceConnectEndpoint && !(i.PreserveClient.Known() && !i.PreserveClient.V)
	for k := range i.Addresses {
		d := &i.Addresses[k]
		v.Slot, v.maybe = k, i.Maybe != nil || d.Maybe != nil
		switch {
		case d.Private.Known():
			if packet.FamilyOf(d.Private.V) != a.family {
				continue
			}
			v.Picked = len(at) > 1
			for _, s := range at {
				a.add(v.in(s), d.Private.V.Unmap())
			}
		case d.Family == a.family || d.Family == packet.FamilyInvalid:
			v.Picked = true
			a.picked(v, at)
		}
	}
	v.Picked, v.maybe = false, i.Maybe != nil
	if len(at) == 1 {
		v = v.in(at[0])
	} else {
		v.odd = true
	}
	for k, p := range i.Prefixes {
		if packet.FamilyOfPrefix(p) != a.family {
			continue
		}
		v.Slot = len(i.Addresses) + k
		first, last := span(p.Masked())
		if parts := a.spread(v, first, last, nil); len(parts) <= maxPicked {
			a.vs = append(a.vs, parts...)
		} else {
			a.add(v, netip.Addr{})
		}
	}
}

// in is the vertex in a subnet.
func (v Vertex) in(s stand) Vertex {
	v.subnet, v.vpc = s.subnet, s.vpc
	return v
}

func (a *assigner) add(v Vertex, addr netip.Addr) {
	v.Addr = addr
	if addr.IsValid() {
		v.key = keyOf(addr)
	} else {
		v.odd = true
	}
	a.vs = append(a.vs, v)
}

// picked adds an address that AWS picks in the subnet, or in one of several: a
// vertex for all that no CIDR tells apart. A subnet without addresses of the
// family is none that an interface with one stands in. [VPC subnet-sizing.md]
func (a *assigner) picked(v Vertex, at []stand) {
	var all []Vertex
	for _, s := range at {
		var c ir.Value[netip.Prefix]
		switch {
		case s.subnet == nil:
			a.add(v, netip.Addr{})
			return
		case a.family == packet.IPv6:
			c = s.subnet.IPv6
		default:
			c = s.subnet.IPv4
		}
		if c.Known() && !c.V.IsValid() {
			continue
		}
		if c.Known() {
			first, last := span(c.V.Masked())
			for range 4 {
				if first.less(last) {
					first = first.next()
				}
			}
			if first.less(last) {
				all = append(all, a.spread(v.in(s), first, last, a.taken(s.vpc))...)
			}
		}
		if !c.Known() || len(all) > maxPicked {
			if len(at) == 1 {
				v = v.in(s)
			}
			a.add(v, netip.Addr{})
			return
		}
	}
	a.vs = append(a.vs, all...)
}

// spread makes one vertex for each part between two CIDRs' ends of a range of
// addresses: as many as there are, or one more than maxPicked. Where AWS picks,
// the last of the range is reserved too.
func (a *assigner) spread(v Vertex, first, last key, taken []key) []Vertex {
	a.gather()
	cuts := []key{first}
	from, _ := slices.BinarySearchFunc(a.cuts, first, key.compare)
	for _, c := range a.cuts[from:] {
		if last.less(c) {
			break
		}
		cuts = append(cuts, c)
	}
	var parts []Vertex
	for k, c := range cuts {
		end := last
		if k+1 < len(cuts) {
			end = cuts[k+1]
		}
		if c, ok := free(c, end, k+1 < len(cuts) || v.Picked, taken); ok {
			if v.key, v.Addr = c, c.addr(a.family); len(parts) > maxPicked {
				break
			}
			parts = append(parts, v)
		}
	}
	return parts
}

// free finds the first address of a range that is not taken. open: the end
// itself is not in the range.
func free(from, end key, open bool, taken []key) (key, bool) {
	at, _ := slices.BinarySearchFunc(taken, from, key.compare)
	for ; at < len(taken) && taken[at] == from; at++ {
		from = from.next()
	}
	return from, from.less(end) || !open && from == end
}

// taken lists the addresses that interfaces of a VPC surely hold.
func (a *assigner) taken(v *ir.VPC) []key {
	if a.held == nil {
		a.held = map[*ir.VPC][]key{}
		for _, i := range a.net.Interfaces {
			s, ok := i.Subnet.Known()
			if !ok || i.Maybe != nil {
				continue
			}
			vpc, ok := s.VPC.Known()
			if !ok {
				continue
			}
			for k := range i.Addresses {
				d := &i.Addresses[k]
				if d.Maybe == nil && d.Private.Known() && packet.FamilyOf(d.Private.V) == a.family {
					a.held[vpc] = append(a.held[vpc], keyOf(d.Private.V.Unmap()))
				}
			}
		}
		for v, ks := range a.held {
			slices.SortFunc(ks, key.compare)
			a.held[v] = slices.Compact(ks)
		}
	}
	return a.held[v]
}

// gather collects where CIDRs of anything that decides about packets begin, and
// behind where they end.
func (a *assigner) gather() {
	if a.cuts != nil {
		return
	}
	seen := map[netip.Prefix]bool{}
	a.cuts = []key{}
	everyCIDR(a.net, a.family, func(p netip.Prefix) {
		if seen[p] {
			return
		}
		seen[p] = true
		first, last := span(p)
		a.cuts = append(a.cuts, first)
		if next := last.next(); last.less(next) {
			a.cuts = append(a.cuts, next)
		}
	})
	slices.SortFunc(a.cuts, key.compare)
	a.cuts = slices.Compact(a.cuts)
}

// everyCIDR visits the CIDRs of one family of rules, entries, routes, prefix
// lists and VPCs, some more than once.
func everyCIDR(n *ir.Network, f packet.Family, visit func(netip.Prefix)) {
	one := func(p netip.Prefix) {
		if p.IsValid() && packet.FamilyOfPrefix(p) == f {
			visit(p.Masked())
		}
	}
	for _, g := range n.SecurityGroups {
		for _, rules := range [...][]ir.Rule{g.Ingress, g.Egress} {
			for k := range rules {
				one(rules[k].Peer.CIDR)
			}
		}
	}
	for _, l := range n.NetworkACLs {
		for k := range l.Entries {
			one(l.Entries[k].Peer.CIDR)
		}
	}
	routeCIDRs(n, f, one)
	for _, l := range n.PrefixLists {
		for _, p := range l.CIDRs {
			one(p)
		}
	}
	for _, p := range ir.Documentation() {
		one(p)
	}
}

// routeCIDRs visits the destinations of routes, and the CIDRs of VPCs, which
// transit gateways route by.
func routeCIDRs(n *ir.Network, f packet.Family, one func(netip.Prefix)) {
	peer := func(p *ir.Peer) {
		if p.PrefixList != nil {
			for _, c := range p.PrefixList.CIDRs {
				one(c)
			}
		}
		one(p.CIDR)
	}
	for _, t := range n.RouteTables {
		for k := range t.Routes {
			peer(&t.Routes[k].Destination)
		}
	}
	for _, g := range n.TransitGateways {
		for _, t := range g.Tables {
			for k := range t.Routes {
				peer(&t.Routes[k].Destination)
			}
		}
	}
	for _, v := range n.VPCs {
		for _, c := range append(slices.Clone(v.IPv4), v.IPv6...) {
			if c.Known() {
				one(c.V)
			}
		}
	}
}
