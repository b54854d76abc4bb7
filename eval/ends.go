package eval

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// holder is one thing that may have an address.
type holder struct {
	kind  holderKind
	iface *ir.Interface
	addr  *ir.Address // of iface, nil for an address of a delegated prefix
	// subnet of an interface that the input does not show, nil when not known
	subnet *ir.Subnet
	vpc    *ir.VPC
}

// holderKind is how an address is held.
type holderKind uint8

const (
	outside   holderKind = iota // by a host outside every VPC
	privately                   // by an interface, as a private address
	publicly                    // by an interface, behind an internet gateway
	unseen                      // by an interface that the input does not show
	nobody                      // the address is inside a VPC whose interfaces are all seen, and none has it
	natted                      // by a NAT gateway that is no interface of the input
)

// ends finds who has an address. Its answers depend on the address's class
// only.
type ends struct {
	n        *ir.Network
	known    map[netip.Addr][]holder
	prefixes []holder // with delegated prefixes
	open     []*ir.Interface
	names    map[string][]*ir.Interface
	ids      map[string]uint32 // ids of interfaces, to an index + 1
	vpcs     map[string]bool   // ids of VPCs
	nats     map[netip.Addr]bool
	mayMore  bool // a VPC may have CIDRs that are not known
	balanced bool // a network load balancer may keep its clients' addresses
}

func newEnds(n *ir.Network) *ends {
	e := &ends{
		n: n, known: map[netip.Addr][]holder{}, names: map[string][]*ir.Interface{}, ids: map[string]uint32{}, vpcs: map[string]bool{},
		nats: map[netip.Addr]bool{},
	}
	for k, i := range n.Interfaces {
		e.index(uint32(k), i)
	}
	for _, v := range n.VPCs {
		if v.ID != "" {
			e.vpcs[v.ID] = true
		}
		unknown := func(p ir.Value[netip.Prefix]) bool { return !p.Known() }
		e.mayMore = e.mayMore || v.More != nil || slices.ContainsFunc(v.IPv4, unknown) || slices.ContainsFunc(v.IPv6, unknown) ||
			!v.Seen && len(v.IPv4)+len(v.IPv6) == 0
	}
	for _, g := range n.Gateways {
		if g.Kind != ir.NATGateway {
			continue
		}
		for k := range g.Addresses {
			for _, a := range []ir.Value[netip.Addr]{g.Addresses[k].Private, g.Addresses[k].Public.Addr} {
				if a.Known() && a.V.IsValid() {
					e.nats[a.V] = true
				}
			}
		}
	}
	return e
}

func (e *ends) index(k uint32, i *ir.Interface) {
	if i.ID != "" {
		e.ids[i.ID] = k + 1
	}
	names := append([]string{i.ID, i.Resource, i.Origin.Address}, i.Aliases...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != "" {
			e.names[name] = append(e.names[name], i)
		}
	}
	e.balanced = e.balanced || i.Kind == ir.InterfaceNetworkLoadBalancer
	open := false
	for d := range i.Addresses {
		a := &i.Addresses[d]
		if a.Private.Known() {
			e.known[a.Private.V] = append(e.known[a.Private.V], holder{kind: privately, iface: i, addr: a})
		}
		open = open || !a.Private.Known()
		if p := &a.Public; p.Exists.Known() && p.Exists.V && p.Addr.Known() && p.Addr.V.IsValid() {
			e.known[p.Addr.V] = append(e.known[p.Addr.V], holder{kind: publicly, iface: i, addr: a})
		}
	}
	if open {
		e.open = append(e.open, i)
	}
	if len(i.Prefixes) > 0 {
		e.prefixes = append(e.prefixes, holder{kind: privately, iface: i})
	}
}

// of lists everything that may have an address; one thing when that is sure.
// That an internet address which the input does not mention is the unknown
// public address of an interface is not assumed: it is a host outside.
func (e *ends) of(a netip.Addr) []holder {
	a = behind64(a)
	var hs []holder
	sure := false
	add := func(h holder) {
		hs = append(hs, h)
		sure = sure || h.iface.Maybe == nil && (h.addr == nil || h.addr.Maybe == nil)
	}
	for _, h := range e.known[a] {
		add(h)
	}
	for _, h := range e.prefixes {
		if slices.ContainsFunc(h.iface.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			add(h)
		}
	}
	if e.nats[a] && len(hs) == 0 {
		return []holder{{kind: natted}}
	}
	for _, i := range e.open {
		if d := e.mayGet(i, a); d != nil {
			hs = append(hs, holder{kind: privately, iface: i, addr: d})
		}
	}
	inside := false
	for _, v := range e.n.VPCs {
		if !slices.ContainsFunc(slices.Concat(v.IPv4, v.IPv6), func(p ir.Value[netip.Prefix]) bool { return p.Known() && p.V.Contains(a) }) {
			continue
		}
		inside = true
		if !surelyIn(hs, v) {
			hs = append(hs, e.unheld(v, a))
		}
	}
	if sure || inside {
		return hs
	}
	hs = append(hs, holder{kind: outside})
	if e.mayMore && !onInternet(a) {
		hs = append(hs, holder{kind: unseen})
	}
	return hs
}

// nat64 is the range by which IPv6 hosts reach IPv4 ones. [RFC 6052]
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// behind64 is the address that a NAT64 one stands for, and any other itself.
func behind64(a netip.Addr) netip.Addr {
	if !nat64.Contains(a) {
		return a
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// mayGet finds an address of an interface that AWS picks, and that may turn out
// to be a.
func (e *ends) mayGet(i *ir.Interface, a netip.Addr) *ir.Address {
	may, named := i.Subnet.Open != nil, false
	for _, s := range i.Subnet.Of {
		c := s.IPv4
		if !a.Is4() {
			c = s.IPv6
		}
		may = may || !c.Known() || c.V.Contains(a)
		named = named || c.Known() && c.V.IsValid() && c.V.Contains(a)
	}
	if !may || onInternet(a) && !named {
		return nil
	}
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if !d.Private.Known() && d.Family == packet.FamilyOf(a) && trace.Holds(e.n, i, a) != trace.Deny {
			return d
		}
	}
	return nil
}

// surelyIn reports whether one of the holders surely is in a VPC and surely
// there.
func surelyIn(hs []holder, v *ir.VPC) bool {
	return slices.ContainsFunc(hs, func(h holder) bool {
		return h.kind == privately && h.iface.Maybe == nil && (h.addr == nil || h.addr.Maybe == nil && h.addr.Private.Known()) && vpcOf(h) == v
	})
}

// vpcOf is the VPC that a holder surely is in, nil when it may be in several or
// in none.
func vpcOf(h holder) *ir.VPC {
	if h.iface == nil {
		return h.vpc
	}
	s, ok := h.iface.Subnet.Known()
	if !ok {
		return nil
	}
	v, ok := s.VPC.Known()
	if !ok {
		return nil
	}
	return v
}

// unheld is what has an address inside a VPC that no interface is known to
// have.
func (e *ends) unheld(v *ir.VPC, a netip.Addr) holder {
	if e.n.IsClosed(ir.KindInterface, v.Home) {
		return holder{kind: nobody, vpc: v}
	}
	h := holder{kind: unseen, vpc: v}
	for _, s := range e.n.Subnets {
		of, ok := s.VPC.Known()
		if !ok || of != v {
			continue
		}
		for _, p := range []ir.Value[netip.Prefix]{s.IPv4, s.IPv6} {
			if p.Known() && p.V.IsValid() && p.V.Contains(a) {
				h.subnet = s
			}
		}
	}
	return h
}

// named lists what a name means: an id, a Terraform address or another name of
// interfaces, or "internet" and "outside" for a host outside.
func (e *ends) named(name string) ([]holder, bool) {
	if name == "internet" || name == "outside" {
		return []holder{{kind: outside}}, true
	}
	var hs []holder
	for _, i := range e.names[name] {
		hs = append(hs, holder{kind: privately, iface: i})
	}
	return hs, len(hs) > 0
}

// end is the interface to ask trace about: an unseen one may carry any groups.
func (h holder) end(a netip.Addr) *ir.Interface {
	if h.kind != unseen {
		return h.iface
	}
	why := &ir.Unknown{Term: "interface in " + h.label(), Cause: diag.Cause{
		Code: diag.NotInInput, Message: "which interface has this address is not in the input", Address: h.label(),
	}}
	a = behind64(a)
	i := &ir.Interface{
		Resource: h.label(), Kind: ir.InterfaceOther, Hypothetical: true, SourceDestCheck: ir.Known(true),
		Subnet: ir.Another[*ir.Subnet](why), Groups: ir.Many[*ir.SecurityGroup]{Open: why},
		Addresses: []ir.Address{{
			Private: ir.Known(a), Family: packet.FamilyOf(a),
			Public: ir.Public{Exists: ir.NotKnown[bool](why), Addr: ir.NotKnown[netip.Addr](why)},
		}},
	}
	if h.vpc != nil {
		i.Home = h.vpc.Home
	}
	if h.subnet != nil {
		i.Subnet = ir.One(h.subnet)
	}
	return i
}

// label is what a holder is called.
func (h holder) label() string {
	switch h.kind {
	case outside:
		return "outside"
	case privately, publicly:
		return cmp.Or(h.iface.Resource, h.iface.Origin.Address, h.iface.ID, "an interface")
	case natted:
		return "a NAT gateway"
	case unseen, nobody:
	}
	where := "an unseen VPC"
	switch {
	case h.subnet != nil:
		where = cmp.Or(h.subnet.Origin.Address, h.subnet.ID, "a subnet")
	case h.vpc != nil:
		where = cmp.Or(h.vpc.Origin.Address, h.vpc.ID, "a VPC")
	}
	if h.kind == nobody {
		return "nothing in " + where
	}
	return "something in " + where
}

var notInternet = func() []netip.Prefix {
	var ps []netip.Prefix
	for _, p := range law[:9] {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}()

// onInternet reports whether the internet routes to an address.
func onInternet(a netip.Addr) bool {
	if !a.Is4() {
		return a.As16()[0]>>5 == 1
	}
	return !slices.ContainsFunc(notInternet, func(p netip.Prefix) bool { return p.Contains(a) })
}
