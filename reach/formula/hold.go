package formula

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// hold is one way in which an interface holds an address at a place.
type hold struct {
	addr   *ir.Address // nil: of a delegated prefix
	public bool        // by the public address of addr
	told   bool        // the input fixes the address
	value  smt.Term    // the address: a constant where the input fixes it
	fits   smt.Term    // the input leaves room for it
	there  smt.Term    // it exists
}

// holds lists how an interface may hold an address at a place. What is written
// down comes before what AWS picks, of which the first of a kind is the one
// that the header names; an internet address is taken for a public one unless
// the subnet is known to hold it.
func (e *Encoder) holds(i *ir.Interface, p place, a smt.Term, public bool) []hold {
	hs := e.told(i, p, a, public)
	taken := make([]smt.Term, len(hs))
	for k := range hs {
		taken[k] = hs[k].fits
	}
	left := e.Not(e.Or(taken...))
	if left == smt.False {
		return hs
	}
	inSubnet := e.assignable(i, p, a)
	known := p.subnet != nil && cidr(p.subnet, e.familyOf(a)).Known()
	private, free := smt.False, smt.False
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if !d.Private.Known() && d.Family == e.familyOf(a) {
			private = inSubnet
		}
		if free == smt.False && mayBePublic(d) && !told(&d.Public) {
			free = e.freePublic(i, a)
		}
	}
	// An address that is both: see above.
	if known {
		free = e.And(free, e.Not(private))
	} else {
		private = e.And(private, e.Not(free))
	}
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if fits := e.And(left, private); fits != smt.False && !d.Private.Known() && d.Family == e.familyOf(a) {
			hs = append(hs, hold{addr: d, value: a, fits: fits, there: e.exists(d.Maybe)})
			private = smt.False
		}
		if fits := e.And(left, free); public && fits != smt.False && mayBePublic(d) && !told(&d.Public) {
			hs = append(hs, hold{addr: d, public: true, value: a, fits: fits, there: e.hasPublic(d)})
			free = smt.False
		}
	}
	return hs
}

// told lists the addresses of an interface that the input fixes.
func (e *Encoder) told(i *ir.Interface, p place, a smt.Term, public bool) []hold {
	var hs []hold
	before := smt.False
	add := func(h hold, is smt.Term) {
		h.told, h.fits = true, e.And(is, e.Not(before))
		if h.fits != smt.False {
			hs, before = append(hs, h), e.Or(before, is)
		}
	}
	_, sure := i.Subnet.Known()
	for k := range i.Addresses {
		d := &i.Addresses[k]
		if v := d.Private; v.Known() && v.V.IsValid() && packet.FamilyOf(v.V) == e.familyOf(a) && (sure || mayBeIn(p.subnet, v.V)) {
			add(hold{addr: d, value: e.address(v.V), there: e.exists(d.Maybe)}, e.is(a, v.V))
		}
		if mayBePublic(d) && told(&d.Public) && e.familyOf(a) == packet.IPv4 {
			h := hold{addr: d, public: true, value: e.address(d.Public.Addr.V), there: e.hasPublic(d)}
			if is := e.is(a, d.Public.Addr.V); public {
				add(h, is)
			} else {
				before = e.Or(before, is)
			}
		}
	}
	for _, c := range i.Prefixes {
		add(hold{value: a, there: smt.True}, e.Inside(a, c))
	}
	return e.fewer(hs, a)
}

// mostHolds is how many addresses of an interface are followed one by one.
const mostHolds = 4

// fewer makes one of the addresses that are surely there and never public: what
// becomes of them does not depend on which it is.
func (e *Encoder) fewer(hs []hold, a smt.Term) []hold {
	if len(hs) <= mostHolds {
		return hs
	}
	var rest []hold
	one := hold{told: true, value: a, fits: smt.False, there: smt.True}
	for _, h := range hs {
		if h.public || h.there != smt.True || h.addr != nil && mayBePublic(h.addr) {
			rest = append(rest, h)
			continue
		}
		one.fits = e.Or(one.fits, h.fits)
	}
	return append(rest, one)
}

// mayBeIn reports whether a subnet can give out an address.
func mayBeIn(s *ir.Subnet, a netip.Addr) bool {
	if s == nil {
		return true
	}
	c := cidr(s, packet.FamilyOf(a))
	return !c.Known() || c.V.IsValid() && c.V.Contains(a)
}

// told reports whether the input tells which public address it is.
func told(p *ir.Public) bool { return p.Addr.Known() && p.Addr.V.IsValid() }

// assignable is whether AWS may give out an address at a place: one of the
// subnet's, without the first four and the last, and held by nobody else.
// [VPC subnet-sizing.md]
func (e *Encoder) assignable(i *ir.Interface, p place, a smt.Term) smt.Term {
	if p.subnet == nil {
		return e.And(e.inVPC(p.vpc, a), e.Not(e.taken(i, p, a)))
	}
	c := cidr(p.subnet, e.familyOf(a))
	switch {
	case !c.Known():
		return e.And(e.inVPC(p.vpc, a), e.Not(e.taken(i, p, a)))
	case !c.V.IsValid():
		return smt.False
	}
	return e.And(e.given(c.V, a), e.Not(e.taken(i, p, a)))
}

// given is whether an address of a subnet is one that AWS gives out.
func (e *Encoder) given(c netip.Prefix, a smt.Term) smt.Term {
	free := []smt.Term{e.Inside(a, c)}
	r := c.Masked().Addr()
	for range 4 {
		free = append(free, e.Not(e.is(a, r)))
		r = r.Next()
	}
	host := c.Addr().BitLen() - c.Bits()
	if host == 0 {
		return smt.False
	}
	ones := smt.Value{Hi: ^uint64(0), Lo: ^uint64(0)}
	if host <= 64 {
		ones = smt.Number(^uint64(0) >> (64 - host))
	} else {
		ones.Hi >>= 128 - host
	}
	return e.And(append(free, e.Not(e.Eq(e.Extract(host-1, 0, a), e.Constant(ones, host))))...)
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
		by = append(by, e.insideAny(a, o.Prefixes...))
	}
	return e.Or(by...)
}

// inVPC is whether an address can be in a VPC, as far as its CIDRs are known.
func (e *Encoder) inVPC(v *ir.VPC, a smt.Term) smt.Term {
	if v == nil || !v.Seen || v.More != nil {
		return smt.True
	}
	var in []smt.Term
	for _, c := range e.cidrs(v, e.familyOf(a)) {
		if !c.Known() {
			return smt.True
		}
		in = append(in, e.Inside(a, c.V))
	}
	return e.Or(in...)
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

// freePublic is whether AWS may give out an address as a public one of an
// interface: an internet address that no other interface surely has.
func (e *Encoder) freePublic(i *ir.Interface, a smt.Term) smt.Term {
	if e.familyOf(a) == packet.IPv6 {
		return smt.False
	}
	var has []smt.Term
	for _, o := range e.net.Interfaces {
		if o == i || o.Maybe != nil {
			continue
		}
		for k := range o.Addresses {
			d := &o.Addresses[k]
			if d.Maybe != nil {
				continue
			}
			if p := &d.Public; p.Exists.Known() && p.Exists.V && told(p) {
				has = append(has, e.is(a, p.Addr.V))
			}
			if d.Private.Known() {
				has = append(has, e.is(a, d.Private.V))
			}
		}
	}
	return e.And(e.onInternet(a), e.Not(e.Or(has...)))
}

// advertised: addresses of private IPv6 CIDRs pass no internet gateway.
// [botocore ec2 VpcIpv6CidrBlockAssociation]
func (e *Encoder) advertised(v *ir.VPC, a smt.Term) smt.Term {
	if v == nil {
		return smt.True
	}
	return e.Not(e.insideAny(a, v.PrivateIPv6...))
}

// drawn makes the variable of an address that AWS picks, once.
func (e *Encoder) drawn(k key, width int, note string, known func(smt.Term) smt.Term) smt.Term {
	t := e.variable(k, width, note, known)
	if !slices.Contains(e.draws, t) {
		e.draws = append(e.draws, t)
	}
	return t
}

// privateAddress is the private address of a slot at a place, as a term.
func (e *Encoder) privateAddress(d *ir.Address, p place, f packet.Family) smt.Term {
	if d != nil && d.Private.Known() && d.Private.V.IsValid() {
		return e.address(d.Private.V)
	}
	return e.drawn(key{kind: "private address", of: d, with: p.subnet, position: int(f)}, smt.AddressWidth(f), "a private address that AWS picks", func(t smt.Term) smt.Term {
		if p.subnet == nil {
			return smt.True
		}
		c := cidr(p.subnet, f)
		if !c.Known() || !c.V.IsValid() {
			return smt.True
		}
		return e.given(c.V, t)
	})
}

// publicAddress is the public address of a slot, or one that the input does not
// show at all.
func (e *Encoder) publicAddress(p *ir.Public, owner any) smt.Term {
	if p != nil && told(p) {
		return e.address(p.Addr.V)
	}
	return e.drawn(key{kind: "public address", of: owner}, 32, "a public address that AWS picks", func(t smt.Term) smt.Term {
		return e.And(e.onInternet(t), e.outside(t))
	})
}

// ours is whether an address is a known public one of the network.
func (e *Encoder) ours(a smt.Term) smt.Term {
	var is []smt.Term
	for _, i := range e.net.Interfaces {
		for k := range i.Addresses {
			if p := &i.Addresses[k].Public; p.Exists.Known() && p.Exists.V && told(p) && i.Maybe == nil {
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
			if p := &d.Public; mayBePublic(d) && told(p) && (!p.Exists.Known() || i.Maybe != nil) {
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
		for _, c := range e.cidrs(v, e.familyOf(a)) {
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
	return e.Evaluate(e.outside(a), e.header.Assume(h)) != smt.Value{}
}
