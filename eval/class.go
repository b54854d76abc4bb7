package eval

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Two headers between the same ends have the same verdict when no comparison in
// the network tells them apart. What it compares are addresses with CIDRs and
// single addresses, and ports with intervals. So an address is replaced by the
// deepest CIDR around it (CIDRs are laminar: the deepest one decides all), and a
// port by the stretch between two ends of intervals. Both are exact: nothing is
// sampled and nothing is guessed. More classes than needed cost time and never
// a wrong verdict.

// class is the number of an address class: the deepest CIDR, times three, plus
// the low kind.
type class uint32

// lowKinds: where a VPC's or subnet's CIDR is not known, any address that ends
// in .1 may be its router and any that ends in .2 its DNS server; CIDRs are at
// least /28, so the last four bits tell. [VPC subnet-sizing.md]
const lowKinds = 3

func lowKind(last byte) class {
	if k := last & 15; k < lowKinds {
		return class(k)
	}
	return 0
}

// addressClasses finds classes by the stretches that CIDRs cut the address space
// into; the class of a stretch is the deepest CIDR around it. IPv4 addresses find
// theirs by their bytes:
//
//	top: by the first 16 bits  ──►  by the third byte  ──►  by the last
//
// An element is a class where all addresses under it have the same, the number
// of the node to go on with, or, where a node would hold little, the first of a
// few stretches to look through.
type addressClasses struct {
	top     [1 << 16]uint32
	nodes   [][256]uint32
	starts4 []uint32
	of4     []class
	starts6 []netip.Addr
	of6     []class
	cidrs   int
}

// What elements are marked by that are no classes, and from how many stretches on
// there is a node.
const (
	isNode     = 1 << 31
	isStretch  = 1 << 30
	fewestNode = 8
)

func (c *addressClasses) of(a netip.Addr) class {
	if !a.Is4() {
		i, exact := slices.BinarySearchFunc(c.starts6, a, netip.Addr.Compare)
		if !exact {
			i--
		}
		b := a.As16()
		return c.of6[i]*lowKinds + lowKind(b[15])
	}
	b := a.As4()
	k := c.top[uint32(b[0])<<8|uint32(b[1])]
	if k&isNode != 0 {
		if k = c.nodes[k&^isNode][b[2]]; k&isNode != 0 {
			k = c.nodes[k&^isNode][b[3]]
		}
	}
	if k&isStretch != 0 {
		at, n := int(k&^isStretch), uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3])
		for at+1 < len(c.starts4) && c.starts4[at+1] <= n {
			at++
		}
		k = uint32(c.of4[at])
	}
	return class(k)*lowKinds + lowKind(b[3])
}

// index makes the nodes from the stretches.
func (c *addressClasses) index() {
	at := 0
	for half := range c.top {
		c.top[half], at = c.element(uint32(half)<<16, 16, at)
	}
}

// element makes the element for the addresses that share all but the last bits
// with a first one, of which stretch at or a later one is the first. It returns
// the stretch that the last address lies in.
func (c *addressClasses) element(first uint32, bits, at int) (element uint32, last int) {
	for at+1 < len(c.starts4) && c.starts4[at+1] <= first {
		at++
	}
	end := at
	for end+1 < len(c.starts4) && c.starts4[end+1] <= first+(1<<bits-1) {
		end++
	}
	switch {
	case end == at:
		return uint32(c.of4[at]), at
	case end-at < fewestNode:
		return isStretch | uint32(at), end
	}
	var node [256]uint32
	for k := range uint32(256) {
		node[k], at = c.element(first+k<<(bits-8), bits-8, at)
	}
	c.nodes = append(c.nodes, node)
	return isNode | uint32(len(c.nodes)-1), at
}

// count is one more than the greatest class.
func (c *addressClasses) count() int {
	return lowKinds * c.cidrs
}

// newAddressClasses cuts the address space at CIDRs, in any order and repeated
// or not.
func newAddressClasses(cidrs []netip.Prefix) *addressClasses {
	cidrs = append(cidrs, netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	slices.SortFunc(cidrs, func(a, b netip.Prefix) int {
		if d := a.Addr().Compare(b.Addr()); d != 0 {
			return d
		}
		return a.Bits() - b.Bits()
	})
	cidrs = slices.Compact(cidrs)
	c := &addressClasses{}
	var open []int // around the current place, the deepest last
	leave := func(k int) {
		open = open[:len(open)-1]
		if next := lastOf(cidrs[k]).Next(); next.IsValid() && len(open) > 0 {
			c.cut(next, class(open[len(open)-1]))
		}
	}
	for k, p := range cidrs {
		for len(open) > 0 && !cidrs[open[len(open)-1]].Contains(p.Addr()) {
			leave(open[len(open)-1])
		}
		c.cut(p.Addr(), class(k))
		open = append(open, k)
	}
	for len(open) > 0 {
		leave(open[len(open)-1])
	}
	c.cidrs = len(cidrs)
	c.index()
	return c
}

// cut begins a stretch; one that begins at the same place is replaced.
func (c *addressClasses) cut(at netip.Addr, k class) {
	if at.Is4() {
		b := at.As4()
		n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		if i := len(c.starts4) - 1; i >= 0 && c.starts4[i] == n {
			c.of4[i] = k
			return
		}
		c.starts4, c.of4 = append(c.starts4, n), append(c.of4, k)
		return
	}
	if i := len(c.starts6) - 1; i >= 0 && c.starts6[i] == at {
		c.of6[i] = k
		return
	}
	c.starts6, c.of6 = append(c.starts6, at), append(c.of6, k)
}

// lastOf returns the last address of a CIDR.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	from := p.Bits()
	if p.Addr().Is4() {
		from += 96
	}
	for k := from; k < 128; k++ {
		b[k/8] |= 1 << (7 - k%8)
	}
	last := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		return last.Unmap()
	}
	return last
}

// portClasses finds the class of a port by a table.
type portClasses struct {
	of [1 << 16]uint16
	// some holds one port of each class.
	some []uint16
}

// cuts are the ports at which a class begins.
type cuts [1<<16 + 1]bool

func (c *cuts) add(p ir.Ports) {
	c[p.Lo] = true
	c[uint32(p.Hi)+1] = true
}

func (c *cuts) classes() *portClasses {
	p := &portClasses{some: []uint16{0}}
	for port := range p.of {
		if port > 0 && c[port] {
			p.some = append(p.some, uint16(port))
		}
		p.of[port] = uint16(len(p.some) - 1)
	}
	return p
}

// typed makes the classes of ICMP closed under replies: a request's verdict
// depends on the type and code of its answer too, which has the request's code.
func (c *cuts) typed() *portClasses {
	types := []int{0, 8, 13, 14, 15, 16, 17, 18, 128, 129}
	var codes [256]bool
	for port, cut := range c[:1<<16] {
		if cut {
			codes[port&255] = true
		}
	}
	for _, t := range types {
		c[t<<8], c[(t+1)<<8] = true, true
		for code, cut := range codes {
			c[t<<8|code] = c[t<<8|code] || cut
		}
	}
	return c.classes()
}

// classes are those of one network.
type classes struct {
	*addressClasses
	tcp, udp service
	icmp     *portClasses // type and code
	icmp6    *portClasses
}

// service holds the classes of a protocol with ports: of the port that a
// request is for, of the port that it comes from, which only replies are
// filtered by, and of one that may be either.
type service struct{ server, client, either *portClasses }

func newService(server, client *cuts) service {
	either := *server
	for k, cut := range client {
		either[k] = either[k] || cut
	}
	return service{server.classes(), client.classes(), either.classes()}
}

func (s *service) of(b begun, src, dst uint16) (from, to uint16) {
	switch b {
	case bySource:
		return s.client.of[src], s.server.of[dst]
	case byDestination:
		return s.server.of[src], s.client.of[dst]
	case byEither:
	}
	return s.either.of[src], s.either.of[dst]
}

func (c *classes) ports(p uint8, ipv4 bool, b begun, src, dst uint16) (from, to uint16) {
	switch {
	case p == packet.TCP:
		return c.tcp.of(b, src, dst)
	case p == packet.UDP:
		return c.udp.of(b, src, dst)
	case p == packet.ICMP && ipv4:
		return 0, c.icmp.of[dst]
	case p == packet.ICMPv6 && !ipv4:
		return 0, c.icmp6.of[dst]
	default:
		return 0, 0
	}
}

// newClasses collects what a network compares headers with.
func newClasses(n *ir.Network) *classes {
	c := collector{tcp: new(cuts), udp: new(cuts), icmp: new(cuts), icmp6: new(cuts), client: new(cuts), seen: map[any]bool{}}
	c.constants()
	c.network(n)
	return &classes{
		addressClasses: newAddressClasses(c.cidrs), tcp: newService(c.tcp, c.client), udp: newService(c.udp, c.client),
		icmp: c.icmp.typed(), icmp6: c.icmp6.typed(),
	}
}
