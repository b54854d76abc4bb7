package formula

import (
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// Flow is what is true of a header that goes from one end to another.
type Flow struct {
	// Fits: the ends stand where they can have the header's addresses. An address
	// that AWS picks is not unknown in this sense: the header says which it is.
	Fits smt.Term
	// Somewhere: there is a place for each end where the addresses fit, whichever
	// the ends turn out to stand at.
	Somewhere smt.Term
	Forward   smt.Term // the request arrives
	Complete  smt.Term // and so does the reply, where one is needed
}

// end is an end of a flow at one place, with one of its addresses.
type end struct {
	node
	value     smt.Term // the address
	fits      smt.Term
	there     smt.Term
	kept      bool          // it sends for somebody behind it
	to64      bool          // it is named by its NAT64 address
	through   *ir.Interface // a load balancer that stands before the far end
	somewhere smt.Term      // it fits, whoever has the address
}

// Flow encodes the flow between two ends; nil is a host outside every VPC of
// the network, and one end at least is an interface of it. A flow to an address
// of a load balancer that is none of the far end's is one through it.
func (e *Encoder) Flow(from, to *ir.Interface) Flow {
	w := &walk{Encoder: e, to: to}
	var fits, somewhere []smt.Term
	strangers := smt.True
	switch {
	case from == to:
		return Flow{smt.False, smt.False, smt.False, smt.False}
	case from == nil:
		strangers = e.notOurs(e.header.Src)
	case to == nil:
		strangers = e.notOurs(e.header.Dst)
	}
	var complete, forward []smt.Term
	for _, to64 := range []bool{false, true} {
		if to64 && (from == nil || e.family == packet.IPv4) {
			continue
		}
		w.dst = e.header.Dst
		if to64 {
			w.dst = e.embedded(w.dst)
		}
		w.arrived, w.served, w.steps = nil, nil, 0
		far := w.receivers(from, to, to64)
		for _, a := range w.senders(from) {
			for _, b := range far {
				fit := e.And(a.fits, b.fits)
				at := e.And(a.at.is, b.at.is, fit, strangers)
				fits, somewhere = append(fits, at), append(somewhere, e.And(a.fits, b.somewhere))
				w.start(a, b, at)
			}
		}
		for _, t := range w.arrived {
			forward = append(forward, t.when)
		}
		forward = append(forward, w.served...)
		complete = append(append(complete, w.served...), w.complete())
	}
	return Flow{e.Or(fits...), e.Or(somewhere...), e.Or(forward...), e.Or(complete...)}
}

// senders lists where, and with which address, the sender may stand.
func (w *walk) senders(i *ir.Interface) []end {
	a := w.header.Src
	if i == nil {
		return []end{{node: node{at: place{is: smt.True}}, value: a, fits: smt.True, there: smt.True}}
	}
	var es []end
	connects := i.Kind == ir.InterfaceConnectEndpoint
	for _, p := range w.places(i) {
		own := smt.False
		for _, h := range w.holds(i, p, a, false) {
			s := end{node: node{iface: i, at: p, addr: h.addr}, value: h.value, fits: h.fits, there: h.there}
			own = w.Or(own, h.fits)
			if connects {
				s.there = w.And(s.there, w.Not(w.truth(i.PreserveClient)))
			}
			es = append(es, s)
		}
		if connects {
			// [eice-security-groups]
			keeps := w.truth(i.PreserveClient)
			fits := w.Not(own)
			if keeps == smt.True {
				fits = w.Not(w.surely(i, a))
			}
			es = append(es, end{node: node{iface: i, at: p}, value: a, fits: fits, there: keeps, kept: true})
		}
	}
	return es
}

// surely is whether an address is one that an interface has for certain.
func (w *walk) surely(i *ir.Interface, a smt.Term) smt.Term {
	var is []smt.Term
	for k := range i.Addresses {
		if p := &i.Addresses[k].Private; p.Known() {
			is = append(is, w.is(a, p.V))
		}
	}
	return w.Or(is...)
}

// receivers lists where, and by which address, the far end may be reached: its
// own, or that of a load balancer before it.
func (w *walk) receivers(from, to *ir.Interface, to64 bool) []end {
	in64 := smt.True
	if from != nil && w.family == packet.IPv6 {
		in64 = w.Eq(w.Inside(w.header.Dst, nat64), smt.Of(to64))
	}
	if to == nil {
		return []end{{node: node{at: place{is: smt.True}}, value: w.header.Dst, fits: in64, there: smt.True, to64: to64, somewhere: in64}}
	}
	var es []end
	own := smt.False
	add := func(i *ir.Interface, p place, h hold, is smt.Term) end {
		return end{
			node:  node{iface: i, at: p, addr: h.addr, public: h.public},
			value: h.value, fits: w.And(is, in64), there: h.there, to64: to64, somewhere: w.And(h.fits, in64),
		}
	}
	for _, p := range w.places(to) {
		for _, h := range w.holds(to, p, w.dst, true) {
			es, own = append(es, add(to, p, h, h.fits)), w.Or(own, h.fits)
		}
	}
	for _, g := range w.passages(from, to, w.dst) {
		s := add(g.balancer, g.at, g.hold, w.And(g.is, w.Not(own)))
		s.through, s.there = g.balancer, w.And(s.there, w.exists(g.balancer.Maybe))
		es = append(es, s)
	}
	return es
}

// start walks from one end to another. at is where they are.
func (w *walk) start(a, b end, at smt.Term) {
	from := a.iface
	if from != nil && from.Kind == ir.InterfaceEndpoint {
		return // it answers flows and begins none
	}
	t := trip{
		s: w.request(), src: a.node, goal: b.node, fresh: true, known: smt.True,
		kept: a.kept, to64: b.to64, through: b.through,
	}
	t.s.src = a.value
	if !b.to64 {
		t.s.dst = b.value
	}
	t.when = w.And(at, a.there, b.there)
	for _, i := range []*ir.Interface{from, w.to} {
		if i != nil {
			t.when = w.And(t.when, w.exists(i.Maybe))
		}
	}
	switch {
	case t.when == smt.False:
	case from == nil:
		if w.and(&t, w.outside(t.s.src)) {
			w.fromOutside(t)
		}
	case w.to != nil:
		w.depart(t, a.at)
	default:
		w.toOutside(t, a.at)
	}
}

// toOutside begins the way to a host outside. Some services there are never
// filtered, and those of VPC Lattice are reached without a route.
func (w *walk) toOutside(t trip, at place) {
	exempt := w.exempt(at, t.s.dst)
	if u, ok := w.under(&t, exempt); ok {
		w.served = append(w.served, u.when)
	}
	if !w.and(&t, w.Not(exempt), w.outside(t.s.dst)) {
		return
	}
	lattice := w.insideAny(t.s.dst, lattices[:]...)
	if u, ok := w.under(&t, lattice); ok {
		w.toLattice(u, at)
	}
	if w.and(&t, w.Not(w.insideAny(t.s.dst, reserved[:]...)), w.Not(lattice)) {
		w.depart(t, at)
	}
}

// toLattice sends to a service of VPC Lattice: the sender's groups, its subnet's
// ACL and the groups of the VPC's association with the service network decide.
// [vpc-lattice security-groups]
func (w *walk) toLattice(t trip, at place) {
	if at.vpc == nil || at.vpc.Lattice == nil {
		if (at.vpc == nil || !at.vpc.Seen) && w.acl(&t, at, true) {
			w.opaque(t, at, at.vpc)
		}
		return
	}
	if !w.groupsOut(&t, smt.True) || !w.acl(&t, at, true) {
		return
	}
	if w.and(&t, w.groups(w.door(at.vpc), false, t.s, seen(&t.src, t.known))) {
		t.kept, t.exit = true, exit{kind: ir.VPCEndpoint}
		w.deliver(t)
	}
}

// door stands for the association of a VPC with a service network, which has
// groups like an interface.
func (e *Encoder) door(v *ir.VPC) *ir.Interface {
	if _, ok := e.doors[v]; !ok {
		e.doors[v] = &ir.Interface{Resource: v.Lattice.Origin.Address, Kind: ir.InterfaceOther, Groups: v.Lattice.Groups}
	}
	return e.doors[v]
}

// ACL is whether a network ACL lets the header through in one direction.
func (e *Encoder) ACL(a *ir.NetworkACL, egress bool) smt.Term { return e.acl(a, egress, e.request()) }

// Groups is whether the groups of an interface let the header through as a
// request, with another interface, or nobody, at the other end. Fits and
// Somewhere are true.
func (e *Encoder) Groups(i *ir.Interface, egress bool, other *ir.Interface) smt.Term {
	s := e.request()
	var passes []smt.Term
	for _, p := range e.places(i) {
		pass := smt.False
		if other == nil {
			pass = e.groups(i, egress, s, nobody())
		} else {
			var with []smt.Term
			for _, q := range e.places(other) {
				known := e.recognised(p.vpc, q.vpc, egress)
				there := smt.False
				for _, h := range e.holds(other, q, s.peer(egress), false) {
					there = e.Or(there, e.And(h.fits, h.there))
				}
				with = append(with, e.And(q.is, e.groups(i, egress, s, far{other, e.And(known, there)})))
			}
			pass = e.Or(with...)
		}
		if egress {
			pass = e.Or(pass, e.exempt(p, s.dst))
		}
		passes = append(passes, e.And(p.is, pass))
	}
	return e.Or(passes...)
}
