package reach

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// lens is a translator, looked through from the initiator's side: it turns sets
// of headers behind it into sets of headers before it, and the other way round.
// What the world picks (a fresh port, one of several addresses) must pass
// whatever it is, and may pass for some.
type lens struct {
	before, behind *engine
	src, dst       []pair // nil: not changed
	// sport and dport are the ports that the translator may put in; nil: not
	// changed.
	sport, dport *solver.Interval
	// nat64: an IPv4 destination stands in the last bytes of the IPv6 one.
	nat64 bool
	memo  map[Band]Band
}

// pair is an address before a translator and what it may be behind it.
type pair struct {
	before, behind *netipx.IPSet
	sure           bool // one of behind surely is put in
}

type lensKey struct {
	kind   string
	of     any
	at     place
	to     any
	toAt   place
	number uint16
}

// through finds a translator, or makes it.
func (e *engine) through(key lensKey, make func() *lens) *lens {
	l := e.lenses[key]
	if l == nil {
		l = make()
		l.before, l.memo = e, map[Band]Band{}
		if l.behind == nil {
			l.behind = e
		}
		e.lenses[key] = l
	}
	return l
}

// pull returns the headers before the translator that are in the band behind it.
func (l *lens) pull(b Band) Band {
	if b == exactly(solver.Empty) {
		return b
	}
	if p, ok := l.memo[b]; ok {
		return p
	}
	e := l.behind
	p := e.translated(b, packet.FieldSrc, l.src)
	p = e.translated(p, packet.FieldDst, l.dst)
	p = e.ported(p, packet.FieldSrcPort, l.sport)
	p = e.ported(p, packet.FieldDstPort, l.dport)
	if l.behind != l.before {
		p = Band{l.convert(p.Must), l.convert(p.Ground), l.convert(p.May)}
	}
	l.memo[b] = p
	return p
}

// translated pulls a band back through the translation of an address. What does
// not read the address stays as it is.
func (e *engine) translated(b Band, f packet.Field, ps []pair) Band {
	if ps == nil {
		return b
	}
	if !e.reads(b.Must, f) && !e.reads(b.May, f) && !e.reads(b.Ground, f) {
		for _, p := range ps {
			if !p.sure {
				b.Must = e.Difference(b.Must, e.from(f, p.before))
			}
		}
		return b
	}
	if len(ps) == 1 {
		return e.picked(b, f, ps[0])
	}
	var spoiled, before, ground, may []solver.Set
	for _, p := range ps {
		at, one := e.from(f, p.before), e.picked(b, f, p)
		before = append(before, at)
		spoiled = append(spoiled, e.Difference(at, one.Must))
		ground, may = append(ground, e.Intersect(at, one.Ground)), append(may, e.Intersect(at, one.May))
	}
	return Band{
		Must:   e.Difference(e.Union(before...), e.Union(spoiled...)),
		Ground: e.Union(ground...), May: e.Union(may...),
	}
}

// reads reports whether a set depends on an address.
func (e *engine) reads(a solver.Set, f packet.Field) bool {
	if a == solver.Empty || a == e.All() {
		return false
	}
	key := reading{a, f}
	r, ok := e.readings[key]
	if !ok {
		r = e.Project(a, f) != a
		e.readings[key] = r
	}
	return r
}

type reading struct {
	set   solver.Set
	field packet.Field
}

// picked is the band whatever, or for some, address of a pair is put in.
func (e *engine) picked(b Band, f packet.Field, p pair) Band {
	must, ground, may := e.All(), []solver.Set{}, []solver.Set{}
	for _, r := range p.behind.Ranges() {
		box := solver.Everything(e.Family())
		if f == packet.FieldSrc {
			box.Src = r
		} else {
			box.Dst = r
		}
		must = e.Intersect(must, e.ProjectAll(b.Must, f, box))
		ground, may = append(ground, e.ProjectSome(b.Ground, f, box)), append(may, e.ProjectSome(b.May, f, box))
	}
	if !p.sure || len(may) == 0 {
		must = solver.Empty
	}
	return Band{must, e.Union(ground...), e.Union(may...)}
}

// ported pulls a band back through a port that is put in.
func (e *engine) ported(b Band, f packet.Field, ports *solver.Interval) Band {
	if ports == nil {
		return b
	}
	box := solver.Everything(e.Family())
	if f == packet.FieldSrcPort {
		box.SrcPort = *ports
	} else {
		box.DstPort = *ports
	}
	return Band{e.ProjectAll(b.Must, f, box), e.ProjectSome(b.Ground, f, box), e.ProjectSome(b.May, f, box)}
}

// push returns the headers behind the translator that come of a set: enough of
// them, since it is only asked where ways lead.
func (l *lens) push(a solver.Set) solver.Set {
	e := l.before
	if l.behind != l.before {
		return l.behind.reached(l.behind.reached(l.behind.All(), packet.FieldSrc, l.src), packet.FieldDst, l.dst)
	}
	return e.reached(e.reached(a, packet.FieldSrc, l.src), packet.FieldDst, l.dst)
}

func (e *engine) reached(a solver.Set, f packet.Field, ps []pair) solver.Set {
	if ps == nil {
		return a
	}
	var all []solver.Set
	for _, p := range ps {
		all = append(all, e.from(f, p.behind))
	}
	return e.Intersect(e.Project(a, f), e.Union(all...))
}

// nat64 is the range of IPv6 addresses that hold an IPv4 one. [RFC 6052]
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// embedded is the IPv6 address that holds an IPv4 one.
func embedded(a netip.Addr) netip.Addr {
	b := nat64.Addr().As16()
	four := a.As4()
	copy(b[12:], four[:])
	return netip.AddrFrom16(b)
}

// held is the IPv4 address that an IPv6 one holds.
func held(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// convert turns a set of one family into one of the other, for a translator
// between the two. The source is the translator's, and so forgotten; so is the
// destination, unless one holds the other. Of ICMP the echo passes.
func (l *lens) convert(a solver.Set) solver.Set {
	to := l.before
	var boxes []solver.Box
	for b := range l.behind.Boxes(a) {
		for _, p := range [...]uint8{packet.TCP, packet.UDP, packet.ICMP, packet.ICMPv6} {
			if uint16(p) < b.Protocol.Lo || uint16(p) > b.Protocol.Hi {
				continue
			}
			c := solver.Everything(to.Family())
			c.Protocol, c.SrcPort, c.DstPort = protocol(p), b.SrcPort, b.DstPort
			if p == packet.ICMP || p == packet.ICMPv6 {
				var ok bool
				if c, ok = l.echo(c, p); !ok {
					continue
				}
			}
			if l.nat64 {
				c.Dst = netipx.IPRangeFrom(embedded(b.Dst.From()), embedded(b.Dst.To()))
			}
			boxes = append(boxes, c)
		}
	}
	return to.Of(boxes...)
}

// echo translates an echo request, and its protocol.
func (l *lens) echo(c solver.Box, p uint8) (solver.Box, bool) {
	from, to, other := uint8(8), uint8(128), uint8(packet.ICMPv6)
	if l.before.Family() == packet.IPv4 {
		from, to, other = 128, 8, packet.ICMP
	}
	lo, hi := max(c.DstPort.Lo, packet.TypeCode(from, 0)), min(c.DstPort.Hi, packet.TypeCode(from, 255))
	if packet.KindOf(l.behind.Family(), p) != packet.Typed || lo > hi {
		return c, false
	}
	c.Protocol, c.SrcPort = protocol(other), solver.Port(0)
	c.DstPort = solver.Interval{Lo: packet.TypeCode(to, uint8(lo)), Hi: packet.TypeCode(to, uint8(hi))}
	return c, true
}

// freshPorts are those that NAT gateways and load balancers pick.
// [VPC vpc-nat-gateway.md]
var freshPorts = solver.Interval{Lo: 1024, Hi: 65535}

// freshPort is the port that a translator picks: the question's, or any.
func (w *walker) freshPort() *solver.Interval {
	if p := w.q.NATPort; p != 0 {
		return &solver.Interval{Lo: p, Hi: p}
	}
	return &freshPorts
}

// sources says as what an internet gateway shows what an end sends: each of its
// private addresses as the public one that goes with it.
func (e *engine) sources(n end) []pair {
	if n.iface == nil {
		return e.natPublics(n.nat)
	}
	var ps []pair
	for k := range n.iface.Addresses {
		a := &n.iface.Addresses[k]
		before, behind, t := e.publicPair(n.iface, n.at, a)
		if t != no {
			ps = append(ps, pair{before, behind, t == yes})
		}
	}
	return ps
}

// publicPair is a private IPv4 address, or those that it may be, with the public
// one that goes with it.
func (e *engine) publicPair(i *ir.Interface, p place, a *ir.Address) (private, public *netipx.IPSet, t truth) {
	t = known(a.Public.Exists)
	if t == no || a.Family == packet.IPv6 || a.Private.Known() && a.Private.V.Is6() {
		return nil, nil, no
	}
	if a.Maybe != nil {
		t = maybe
	}
	one := &ir.Interface{Addresses: []ir.Address{*a}}
	h := e.addresses(one, p)
	set, _, _ := e.publics(one, p)
	return h.may, set, t
}

// natPublics is the public address that a NAT gateway's private ones become.
func (e *engine) natPublics(g *ir.Gateway) []pair {
	var before, behind netipx.IPSetBuilder
	for _, r := range everyone(e.Family()) {
		before.AddRange(r)
	}
	told := false
	for _, a := range g.Addresses {
		if a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
			behind.Add(a.Public.Addr.V)
			told = true
			continue
		}
		behind.AddSet(e.internet)
	}
	if !told && len(g.Addresses) == 0 {
		behind.AddSet(e.internet)
	}
	return []pair{{build(&before), build(&behind), true}}
}

// destinations says which private address of an interface a public one is.
func (e *engine) destinations(i *ir.Interface, p place) []pair {
	ps := []pair{} // not nil: the destination does change
	for k := range i.Addresses {
		private, public, t := e.publicPair(i, p, &i.Addresses[k])
		if t != no {
			ps = append(ps, pair{public, private, true})
		}
	}
	return ps
}
