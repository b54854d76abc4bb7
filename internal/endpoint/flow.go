package endpoint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Ask is a question about one packet between two ends.
type Ask struct {
	From, To Expr
	Service  Service
	// SourcePort is of TCP and UDP; without SourcePortSet it is 32768.
	SourcePort    uint16
	SourcePortSet bool
	Src, Dst      netip.Addr // as the initiator sends them; the zero address: pick one
}

// Flow is one packet between two concrete ends.
type Flow struct {
	// From and To are nil for a host outside every VPC.
	From, To *ir.Interface
	Header   packet.Header
	// Representative says which addresses the input does not fix, and what
	// they stand for.
	Representative []string
	// Nowhere is an address inside a VPC that surely no interface has: no
	// packet can be sent from it or to it.
	Nowhere netip.Addr
}

// AmbiguousError says that an end is several things, of which a question about
// one packet needs one.
type AmbiguousError struct {
	End   Expr
	Names []Name
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s is %s; say which one", e.End, count(len(e.Names), "thing"))
}

// EmptyError says that an end exists and has nothing in it.
type EmptyError struct{ End Expr }

func (e *EmptyError) Error() string {
	return e.End.String() + " has no interface in it"
}

// The addresses that stand for any: of the documentation ranges, so that nobody
// takes them for somebody's. [RFC 5737, RFC 3849]
var (
	someHost4   = netip.MustParseAddr("203.0.113.10")
	someHost6   = netip.MustParseAddr("2001:db8::10")
	somePublic4 = netip.MustParseAddr("198.51.100.1")
)

// defaultSourcePort is the first port that Linux clients use.
const defaultSourcePort = 32768

// Flows returns the packets that a question comes down to in a network: one,
// or one for each pair of interfaces where an end is one resource with several.
// Errors are *AmbiguousError, *EmptyError and *SyntaxError.
func Flows(n *ir.Network, a Ask) ([]Flow, error) {
	protocol, port, err := a.Service.One()
	if err != nil {
		return nil, err
	}
	from, err := ends(n, a.From, a.Src)
	if err != nil {
		return nil, err
	}
	to, err := ends(n, a.To, a.Dst)
	if err != nil {
		return nil, err
	}
	var flows []Flow
	for _, f := range from {
		for _, t := range to {
			if f.nic != nil && f.nic == t.nic && len(from)*len(to) > 1 {
				continue
			}
			flow, err := connect(n, a, f, t, protocol, port)
			if err != nil {
				return nil, err
			}
			flows = append(flows, flow)
		}
	}
	return flows, nil
}

// end is one end of a flow: an interface, or a host outside with the addresses
// that it may have.
type end struct {
	nic     *ir.Interface
	outside *netipx.IPSet
	text    string
	nowhere bool
}

// ends finds what an endpoint is: the interfaces of one resource, or a host.
func ends(n *ir.Network, e Expr, address netip.Addr) ([]end, error) {
	s := e.Select(n)
	if address.IsValid() {
		s = narrow(n, s, address)
	}
	var resources []string
	for _, nic := range s.Interfaces {
		if name := InterfaceName(nic); !slices.Contains(resources, name) {
			resources = append(resources, name)
		}
	}
	switch len(resources) {
	case 0:
		return outsideEnd(n, e, s)
	case 1:
	default:
		return nil, &AmbiguousError{e, named(n, resources)}
	}
	if len(s.Addresses.Prefixes()) > 0 && !single(s.Addresses) {
		return nil, &AmbiguousError{e, append(named(n, resources), Name{Name: "an address of it", Note: "that no interface has"})}
	}
	var es []end
	for _, nic := range s.Interfaces {
		es = append(es, end{nic: nic, text: e.String()})
	}
	return es, nil
}

// narrow keeps the interfaces that surely have an address, if any has.
func narrow(n *ir.Network, s Selection, a netip.Addr) Selection {
	p := netip.PrefixFrom(a, a.BitLen())
	var holders []*ir.Interface
	for _, nic := range s.Interfaces {
		if within(nic, p) {
			holders = append(holders, nic)
		}
	}
	if len(holders) > 0 {
		s.Interfaces = holders
	}
	if s.Addresses.Contains(a) {
		var b netipx.IPSetBuilder
		b.Add(a)
		s.Addresses = set(&b)
	}
	return s
}

func single(s *netipx.IPSet) bool {
	ps := s.Prefixes()
	return len(ps) == 1 && ps[0].IsSingleIP()
}

func named(n *ir.Network, resources []string) []Name {
	var names []Name
	for _, name := range interfaceNames(n) {
		if slices.Contains(resources, name.Name) {
			names = append(names, name)
		}
	}
	return names
}

// outsideEnd makes an end of addresses that no interface is known to have. One
// inside a VPC is an interface that the input does not show, where there may be
// such.
func outsideEnd(n *ir.Network, e Expr, s Selection) ([]end, error) {
	if s.Empty() {
		return nil, &EmptyError{e}
	}
	ps := s.Addresses.Prefixes()
	vpc, subnet := inside(n, ps[0].Addr())
	if len(ps) > 1 || vpc == nil {
		return []end{{outside: s.Addresses, text: e.String()}}, nil
	}
	if !ps[0].IsSingleIP() {
		return nil, &EmptyError{e}
	}
	if n.IsClosed(ir.KindInterface, vpc.Home) {
		return []end{{outside: s.Addresses, text: e.String(), nowhere: true}}, nil
	}
	why := &ir.Unknown{
		Term:  "interface " + ps[0].Addr().String(),
		Cause: diag.Cause{Code: diag.NotInInput, Message: "what has the address " + ps[0].Addr().String() + " is not in the input", Address: ps[0].Addr().String()},
	}
	nic := &ir.Interface{
		Resource: ps[0].Addr().String(), Kind: ir.InterfaceOther, Hypothetical: true, Home: vpc.Home, SourceDestCheck: ir.Known(true),
		Subnet: ir.Another[*ir.Subnet](why), Groups: ir.Many[*ir.SecurityGroup]{Open: why},
		Addresses: []ir.Address{{Private: ir.Known(ps[0].Addr()), Family: packet.FamilyOf(ps[0].Addr()), Public: ir.Public{Exists: ir.NotKnown[bool](why), Addr: ir.NotKnown[netip.Addr](why)}}},
	}
	if subnet != nil {
		nic.Subnet = ir.One(subnet)
	}
	return []end{{nic: nic, text: e.String()}}, nil
}

// inside finds the VPC that an address lies in, and its subnet.
func inside(n *ir.Network, a netip.Addr) (*ir.VPC, *ir.Subnet) {
	for _, v := range n.VPCs {
		for _, c := range slices.Concat(v.IPv4, v.IPv6) {
			if !c.Known() || !c.V.Contains(a) {
				continue
			}
			for _, s := range n.Subnets {
				if of, ok := s.VPC.Known(); !ok || of != v {
					continue
				}
				for _, p := range []ir.Value[netip.Prefix]{s.IPv4, s.IPv6} {
					if p.Known() && p.V.IsValid() && p.V.Contains(a) {
						return v, s
					}
				}
			}
			return v, nil
		}
	}
	return nil, nil
}

// connect picks the addresses of one packet.
func connect(n *ir.Network, a Ask, from, to end, protocol uint8, port uint16) (Flow, error) {
	flow := Flow{From: from.nic, To: to.nic}
	families := []packet.Family{packet.IPv4, packet.IPv6}
	switch {
	case a.Src.IsValid():
		families = []packet.Family{packet.FamilyOf(a.Src)}
	case a.Dst.IsValid():
		families = []packet.Family{packet.FamilyOf(a.Dst)}
	case protocol == packet.ICMPv6:
		families = []packet.Family{packet.IPv6}
	case protocol == packet.ICMP:
		families = []packet.Family{packet.IPv4}
	}
	for _, f := range families {
		src, srcNote := from.pick(n, f, a.Src, a.From, sender, netip.Addr{})
		// A host on the internet speaks to the public address.
		role := receiver
		if from.nic == nil && f == packet.IPv4 && src.IsValid() && Internet(n, f).Contains(src) {
			role = publicReceiver
		}
		other := src // two interfaces never share an address
		if from.nic == to.nic {
			other = netip.Addr{}
		}
		dst, dstNote := to.pick(n, f, a.Dst, a.To, role, other)
		if !src.IsValid() || !dst.IsValid() || packet.FamilyOf(src) != packet.FamilyOf(dst) {
			continue
		}
		source := uint16(defaultSourcePort)
		if a.SourcePortSet {
			source = a.SourcePort
		}
		flow.Header = header(f, src, dst, protocol, port, source)
		for _, note := range []string{srcNote, dstNote} {
			if note != "" {
				flow.Representative = append(flow.Representative, note)
			}
		}
		switch {
		case from.nowhere:
			flow.Nowhere = src
		case to.nowhere:
			flow.Nowhere = dst
		}
		if !flow.Header.Valid() {
			return Flow{}, &SyntaxError{Text: a.Service.Text, Why: "there is no such packet between these addresses"}
		}
		return flow, nil
	}
	return Flow{}, &SyntaxError{Text: a.From.String() + " and " + a.To.String(), Why: fmt.Sprintf("have no addresses of one family for %s", a.Service.Text)}
}

func header(f packet.Family, src, dst netip.Addr, protocol uint8, port, source uint16) packet.Header {
	h := packet.Header{Src: src, Dst: dst, Protocol: protocol}
	switch packet.KindOf(f, protocol) {
	case packet.Ported:
		h.SrcPort, h.DstPort = source, port
	case packet.Typed:
		h.DstPort = port
	case packet.Plain, packet.KindInvalid:
	}
	return h
}

// role is what an end does in a flow; it decides by which of its addresses an
// interface is known to the other end.
type role uint8

const (
	sender         role = iota // sends from a private address, whatever a gateway makes of it
	receiver                   // is sent to
	publicReceiver             // is sent to from the internet
)

// pick chooses the address of an end, and says what it stands for when the
// input does not fix it.
func (e end) pick(n *ir.Network, f packet.Family, asked netip.Addr, expr Expr, r role, other netip.Addr) (netip.Addr, string) {
	if asked.IsValid() {
		return asked, ""
	}
	if e.nic == nil {
		return e.pickOutside(f)
	}
	if a, ok := exact(expr, e.nic, f, r); ok {
		return a, ""
	}
	for _, ad := range e.nic.Addresses {
		if ad.Family != f && !(ad.Private.Known() && packet.FamilyOf(ad.Private.V) == f) {
			continue
		}
		if r == publicReceiver {
			return publicOf(ad, InterfaceName(e.nic))
		}
		if ad.Private.Known() {
			return ad.Private.V, ""
		}
		return free(n, e.nic, f, r, other)
	}
	for _, p := range e.nic.Prefixes {
		if packet.FamilyOfPrefix(p) == f {
			return p.Addr(), fmt.Sprintf("representative: %s stands for any address of %s", p.Addr(), p)
		}
	}
	return netip.Addr{}, ""
}

// exact is the address that the question itself names, when the interface has
// it.
func exact(expr Expr, nic *ir.Interface, f packet.Family, r role) (netip.Addr, bool) {
	for _, t := range expr.root.terms() {
		if t.kind != kindPrefix || !t.prefix.IsSingleIP() || packet.FamilyOfPrefix(t.prefix) != f || !within(nic, t.prefix) {
			continue
		}
		a := t.prefix.Addr()
		public := slices.ContainsFunc(nic.Addresses, func(ad ir.Address) bool { return ad.Public.Addr.Known() && ad.Public.Addr.V == a })
		if !public || r != sender {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func publicOf(a ir.Address, name string) (netip.Addr, string) {
	if a.Public.Exists.Known() && !a.Public.Exists.V {
		return somePublic4, fmt.Sprintf("representative: %s, since %s has no public address", somePublic4, name)
	}
	if a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
		return a.Public.Addr.V, ""
	}
	return somePublic4, fmt.Sprintf("representative: %s stands for the public address of %s", somePublic4, name)
}

// free picks the first address that the interface's subnet can still give out:
// AWS keeps the first four. It is never other. [VPC subnet-sizing.md]
func free(n *ir.Network, nic *ir.Interface, f packet.Family, r role, other netip.Addr) (netip.Addr, string) {
	hidden := nic.Subnet.Open != nil
	for _, s := range nic.Subnet.Of {
		p := s.IPv4
		if f == packet.IPv6 {
			p = s.IPv6
		}
		if !p.Known() {
			hidden = true
		}
		if !p.Known() || !p.V.IsValid() {
			continue
		}
		a := p.V.Addr()
		for range 4 {
			a = a.Next()
		}
		for p.V.Contains(a) && (a == other || taken(n, nic, a)) {
			a = a.Next()
		}
		if p.V.Contains(a) {
			return a, fmt.Sprintf("representative: %s stands for any address of %s in %s", a, p.V, InterfaceName(nic))
		}
	}
	if f == packet.IPv4 && hidden {
		a := netip.AddrFrom4([4]byte{10, 0, 0, 4 + byte(r)}) // two ends, two addresses
		for a == other || taken(n, nic, a) {
			a = a.Next()
		}
		return a, fmt.Sprintf("representative: %s stands for the address of %s, whose subnet is not known", a, InterfaceName(nic))
	}
	return netip.Addr{}, ""
}

// taken reports whether another interface is known to have an address.
func taken(n *ir.Network, nic *ir.Interface, a netip.Addr) bool {
	return slices.ContainsFunc(n.Interfaces, func(o *ir.Interface) bool {
		return o != nic && (slices.ContainsFunc(o.Addresses, func(ad ir.Address) bool { return ad.Private.Known() && ad.Private.V == a }) ||
			slices.ContainsFunc(o.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }))
	})
}

// pickOutside chooses an address of a host outside: a documentation address
// where the end has one, or else the first usable one.
func (e end) pickOutside(f packet.Family) (netip.Addr, string) {
	host := someHost4
	if f == packet.IPv6 {
		host = someHost6
	}
	if !single(e.outside) && e.outside.Contains(host) {
		return host, fmt.Sprintf("representative: %s stands for any address of %s", host, shortText(e.text))
	}
	for _, p := range e.outside.Prefixes() {
		if packet.FamilyOfPrefix(p) != f {
			continue
		}
		if p.IsSingleIP() {
			note := ""
			if !single(e.outside) {
				note = fmt.Sprintf("representative: %s stands for any address of %s", p.Addr(), shortText(e.text))
			}
			return p.Addr(), note
		}
		a := p.Addr().Next()
		return a, fmt.Sprintf("representative: %s stands for any address of %s", a, shortText(e.text))
	}
	return netip.Addr{}, ""
}

func shortText(s string) string {
	if strings.HasPrefix(s, "internet") {
		return "the internet"
	}
	return s
}
