package reach

import (
	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// between walks all ways between two ends at given places.
func (w *walker) between(from, to *ir.Interface, a, b place) outcome {
	switch {
	case from == nil:
		return w.inbound(to, b, nil)
	case to == nil:
		return w.outbound(from, a)
	}
	return w.within(from, to, a, b, nil)
}

// begin makes the trip of a request that an interface sends.
func (w *walker) begin(from *ir.Interface, a place, to end, next *relay) trip {
	return trip{s: &segment{e: w.e, from: end{iface: from, at: a}, to: to, next: next}, fresh: true, known: yes, live: w.asked}
}

// sends walks on from an interface, for each address that it may send from: an
// EC2 Instance Connect endpoint may send in the name of the person that uses it.
// [eice-security-groups]
func (w *walker) sends(t trip, walk func(trip) outcome) outcome {
	e, i, p := w.e, t.s.from.iface, t.s.from.at
	own := e.addressStage(i, p, packet.FieldSrc)
	if i.Kind == ir.InterfaceEndpoint {
		return w.stop(t, Stage{
			Kind: KindAddress, Component: i.Resource, Place: i.Origin.Place(""), Code: "VPCE_INTRA_VPC_TRAFFIC",
			Message: "the endpoint " + i.Resource + " answers and begins no flows",
		})
	}
	if i.Kind != ir.InterfaceConnectEndpoint {
		if !w.push(&t, own) {
			return nothing()
		}
		t.live = e.Intersect(t.live, own.Band.May)
		return walk(t)
	}
	other := own
	other.Message = i.Resource + " sends from the addresses of those that use it, never from its own"
	other.Band = Band{Must: e.Complement(own.Band.May), Ground: e.Complement(own.Band.Must), May: e.Complement(own.Band.Must)}
	if !e.stands(i, p).fixed { // it may turn out to be any other than the header's
		other.Band.Ground, other.Band.May = e.All(), e.All()
	}
	keeps := known(i.PreserveClient)
	var outs []outcome
	for k, s := range []Stage{own, other} {
		u := t
		ok := keeps
		if k == 0 {
			ok = map[truth]truth{yes: no, no: yes, maybe: maybe}[keeps]
		} else {
			x := *u.s
			x.anchored = true
			u.s = &x
		}
		fact := Stage{Kind: KindOutside, Component: i.Resource, Place: i.Origin.Place("")}
		fact.because(i.PreserveClient.Why)
		if ok == no || !w.push(&u, s) || ok == maybe && !w.ask(&u, ok, fact) {
			continue
		}
		u.live = e.Intersect(u.live, s.Band.May)
		outs = append(outs, walk(u))
	}
	return w.union(e, outs...)
}

// within walks the ways between two interfaces: to the private addresses of the
// second, and by the internet to its public ones.
func (w *walker) within(from, to *ir.Interface, a, b place, next *relay) outcome {
	e := w.e
	if a.subnet == nil || b.subnet == nil || a.vpc == nil || b.vpc == nil || sameVPC(a.vpc, b.vpc) == maybe {
		return w.unseen(from, to, a, b, next)
	}
	private := w.begin(from, a, end{iface: to, at: b}, next)
	outs := []outcome{w.sends(private, func(t trip) outcome {
		s := e.addressStage(to, b, packet.FieldDst)
		if !w.push(&t, s) {
			return nothing()
		}
		t.live = e.Intersect(t.live, s.Band.May)
		return w.depart(t, a)
	})}
	if e.Family() == packet.IPv6 {
		if e.nats && !w.hope {
			outs = append(outs, w.embedded(from, to, a, b, next)...)
		}
		return w.union(e, outs...)
	}
	if st := e.stands(to, b); st.hasPublic != no {
		public := w.begin(from, a, end{iface: to, at: b, public: true}, next)
		outs = append(outs, w.sends(public, func(t trip) outcome {
			if !w.push(&t, e.publicStage(to, b, packet.FieldDst)) {
				return nothing()
			}
			t.live = e.Intersect(t.live, st.dstPublic)
			return w.depart(t, a)
		}))
		return w.named(to, b, outs[0], outs[1])
	}
	return outs[0]
}

// named joins what flows to the private and to the public addresses of an
// interface. An address that may be either must get there as both.
func (w *walker) named(to *ir.Interface, b place, private, public outcome) outcome {
	e := w.e
	o := w.union(e, private, public)
	st := e.stands(to, b)
	both := e.Intersect(st.dst.May, st.dstPublic)
	if e.Family() == packet.IPv6 || both == solver.Empty {
		return o
	}
	join := func(must, x, y solver.Set) solver.Set {
		return e.Union(e.Difference(must, both), e.Intersect(x, y))
	}
	o.forward.Must = join(o.forward.Must, private.forward.Must, public.forward.Must)
	o.complete.Must = join(o.complete.Must, private.complete.Must, public.complete.Must)
	return o
}

// embedded are the ways to the IPv4 addresses of an interface through a NAT
// gateway: NAT64. [VPC vpc-nat-gateway.md]
func (w *walker) embedded(from, to *ir.Interface, a, b place, next *relay) []outcome {
	e := w.e
	private, public := e.embeddedDst(to, b)
	var outs []outcome
	for k, dst := range []solver.Set{private, public} {
		if dst == solver.Empty {
			continue
		}
		t := w.begin(from, a, end{iface: to, at: b, public: k == 1, embedded: true}, next)
		outs = append(outs, w.sends(t, func(t trip) outcome {
			w.push(&t, Stage{Kind: KindAddress, Component: to.Resource, Place: to.Origin.Place(""), Band: Band{solver.Empty, dst, dst}.sure(e.other.stands(to, b), k == 1)})
			t.live = e.Intersect(t.live, dst)
			return w.depart(t, a)
		}))
	}
	return outs
}

// sure is the band of addresses that are there for certain.
func (b Band) sure(s *standing, public bool) Band {
	if public && s.hasPublic == yes || !public && s.why == nil {
		b.Must = b.May
	}
	return b
}

// embeddedDst returns the headers to IPv6 addresses that hold the private, and
// the public, IPv4 addresses of an interface.
func (e *engine) embeddedDst(i *ir.Interface, p place) (private, public solver.Set) {
	st := e.other.stands(i, p)
	return e.from(packet.FieldDst, embeddedSet(st.may)), e.from(packet.FieldDst, embeddedSet(st.public))
}

func embeddedSet(four *netipx.IPSet) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, r := range four.Ranges() {
		b.AddRange(netipx.IPRangeFrom(embedded(r.From()), embedded(r.To())))
	}
	return build(&b)
}

// unseen is the way between ends of which one stands outside the input: groups
// and services still decide, everything between them may let it pass.
func (w *walker) unseen(from, to *ir.Interface, a, b place, next *relay) outcome {
	why := a.why
	if b.subnet == nil || b.vpc == nil || why == nil {
		why = b.why
	}
	if why == nil {
		why = &ir.Unknown{Cause: diag.Cause{Code: diag.NotInInput, Message: "whether " + from.Resource + " and " + to.Resource + " are in one VPC is not in the input", Address: to.Origin.Address, Range: to.Origin.Range}}
	}
	by := func(n end, s Stage) outcome {
		return w.sends(w.begin(from, a, n, next), func(t trip) outcome {
			if !w.push(&t, s) {
				return nothing()
			}
			return w.opaque(t, why)
		})
	}
	private := by(end{iface: to, at: b}, w.e.addressStage(to, b, packet.FieldDst))
	if w.e.Family() == packet.IPv6 && w.e.nats && !w.hope {
		local, public := w.e.embeddedDst(to, b)
		dst := w.e.Union(local, public)
		if dst == solver.Empty {
			return private
		}
		return w.union(w.e, private, by(end{iface: to, at: b, embedded: true}, Stage{
			Kind: KindAddress, Component: to.Resource, Place: to.Origin.Place(""), Band: Band{solver.Empty, dst, dst},
		}))
	}
	if w.e.Family() == packet.IPv6 || w.e.stands(to, b).hasPublic == no {
		return private
	}
	return w.union(w.e, private, by(end{iface: to, at: b, public: true}, w.e.publicStage(to, b, packet.FieldDst)))
}

// outbound walks the ways from an interface to hosts outside.
func (w *walker) outbound(from *ir.Interface, a place) outcome {
	e := w.e
	t := w.begin(from, a, end{}, nil)
	return w.sends(t, func(t trip) outcome {
		exempt := w.exemptWay(t, a)
		lattice := w.toLattice(t, a)
		s := e.outside(packet.FieldDst)
		if !w.push(&t, s) {
			return nothing()
		}
		t.live = e.Intersect(t.live, s.Band.May)
		if a.subnet == nil || a.vpc == nil {
			return w.union(e, w.opaque(t, a.why), exempt)
		}
		reserved := Stage{
			Kind: KindRoute, Component: a.subnet.Origin.Address, Place: a.subnet.Origin.Place(""), Code: "NO_ROUTE_TO_DESTINATION",
			Message: "no route applies to reserved addresses", Band: exactly(e.Complement(e.reservedDst)),
		}
		w.push(&t, reserved)
		t.live = e.Intersect(t.live, reserved.Band.May)
		return w.union(e, w.depart(t, a), exempt, lattice)
	})
}

// inbound walks the ways from hosts outside to an interface: by the internet
// gateway of its VPC, and by private links.
func (w *walker) inbound(to *ir.Interface, b place, next *relay) outcome {
	public := w.fromInternet(to, b, next)
	var outs []outcome
	if b.subnet == nil || b.vpc == nil {
		outs = append(outs, w.fromSomewhere(to, b, next))
	} else {
		outs = append(outs, w.fromLinks(to, b, next)...)
		outs = append(outs, w.fromAfar(to, b, next), w.fromLattice(to, b, next))
	}
	outs = append(outs, w.indirect(to, b))
	return w.named(to, b, w.union(w.e, outs...), public)
}

// arriving makes the trip of a request that a host outside sends.
func (w *walker) arriving(to *ir.Interface, b place, public bool, next *relay) trip {
	t := trip{s: &segment{e: w.e, to: end{iface: to, at: b, public: public}, next: next}, known: no}
	s := w.e.outside(packet.FieldSrc)
	w.push(&t, s)
	t.live = w.e.Intersect(w.asked, s.Band.May)
	return t
}

func (w *walker) fromInternet(to *ir.Interface, b place, next *relay) outcome {
	e := w.e
	v4 := e.Family() == packet.IPv4
	t := w.arriving(to, b, v4, next)
	carried := e.carriedStages(packet.FieldSrc, "the internet", [2]string{"IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS", "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS"})
	if !v4 {
		carried = []Stage{{Kind: KindAddress, Component: "the internet", Message: "the internet does not carry the address", Band: exactly(e.globalSrc)}}
	}
	for _, s := range carried {
		s.names = true
		w.push(&t, s)
		t.live = e.Intersect(t.live, s.Band.May)
	}
	public := e.publicStage(to, b, packet.FieldDst)
	if !w.push(&t, public) {
		return nothing()
	}
	t.live = e.Intersect(t.live, public.Band.May)
	t.door = door{kind: doorInternet}
	if b.subnet == nil || b.vpc == nil {
		if to.DenyIGW && !w.refused(&t, to) {
			return nothing()
		}
		t.door = door{}
		t.known = no
		return w.opaque(t, b.why)
	}
	if !v4 {
		return w.enter(t)
	}
	l := e.through(lensKey{kind: "enter", of: to, at: b}, func() *lens {
		l := &lens{dst: e.destinations(to, b)}
		if len(l.dst) == 0 { // what would be asked if it had one
			l.dst = []pair{{rangeSet(everyone(e.Family())), e.stands(to, b).may, true}}
		}
		return l
	})
	return w.translate(t, &segment{e: e, to: end{iface: to, at: b}, next: next, lens: l}, nil, w.enter)
}
