package reach

import (
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// relay is one listener of a load balancer with one of its targets.
type relay struct {
	balancer *ir.Interface
	service  *ir.Service
	forward  *ir.Forward
	target   *ir.ForwardTarget
	// at is where the target stands; next what it sends on, when it is a load
	// balancer itself.
	at   place
	next *relay
}

// relaysOf indexes the load balancers of a network by their targets.
func relaysOf(n *ir.Network) map[*ir.Interface][]*relay {
	rs := map[*ir.Interface][]*relay{}
	for _, i := range n.Interfaces {
		if i.Services == nil {
			continue
		}
		for k := range i.Services.Ports {
			s := &i.Services.Ports[k]
			if s.Forward == nil {
				continue
			}
			for j := range s.Forward.Targets {
				if t := &s.Forward.Targets[j]; t.Interface != nil && t.Interface != i {
					rs[t.Interface] = append(rs[t.Interface], &relay{balancer: i, service: s, forward: s.Forward, target: t})
				}
			}
		}
	}
	return rs
}

// through walks the ways to an interface that go through load balancers.
func (w *walker) through(m *Model, from, to *ir.Interface) outcome {
	var outs []outcome
	for _, b := range endPlaces(to) {
		outs = append(outs, w.union(w.e, w.throughTo(m, from, to, b, nil, 0)...))
	}
	return w.either(w.e, outs...)
}

func (w *walker) throughTo(m *Model, from, to *ir.Interface, b place, next *relay, depth int) []outcome {
	if depth == maxRelays {
		return nil
	}
	var outs []outcome
	if w.relayed += len(m.relays[to]); w.relayed > maxRelayed {
		o := outcome{Band{solver.Empty, solver.Empty, w.e.All()}, Band{solver.Empty, solver.Empty, w.e.All()}}
		s := Stage{Kind: KindOutside, Component: to.Resource, Place: to.Origin.Place(""), Band: o.forward}
		s.because(tooFar())
		w.ways = append(w.ways, Way{Via: "load balancers", Stages: []Stage{s}, Forward: o.forward, Complete: o.complete, Through: []*ir.Interface{m.relays[to][0].balancer}})
		return []outcome{o}
	}
	for _, r := range m.relays[to] {
		if r.balancer == from {
			continue
		}
		one := *r
		one.at, one.next = b, next
		var at []outcome
		for _, l := range endPlaces(r.balancer) {
			var each []outcome
			if from == nil {
				each = append(each, w.inbound(r.balancer, l, &one))
			} else {
				for _, a := range endPlaces(from) {
					each = append(each, w.within(from, r.balancer, a, l, &one))
				}
			}
			at = append(at, w.either(w.e, each...))
			outs = append(outs, w.throughTo(m, from, r.balancer, l, &one, depth+1)...)
		}
		outs = append(outs, w.either(w.e, at...))
	}
	return outs
}

// relayed is a request at a load balancer that sends it on to a target. The
// listener decides whether it takes it.
func (w *walker) sendOn(t trip) outcome {
	e, r := t.s.e, t.s.next
	if slices.Contains(t.through, r.balancer) {
		return nothing()
	}
	box := solver.Everything(e.Family())
	box.Protocol = protocol(r.service.Protocol)
	if packet.KindOf(e.Family(), r.service.Protocol) == packet.Ported {
		box.DstPort = solver.Interval{Lo: r.service.Ports.Lo, Hi: r.service.Ports.Hi}
	}
	listens := Stage{
		Kind: KindService, Component: r.balancer.Resource, Place: r.service.Place, Code: listenerCode(r.balancer),
		Message: "no listener of " + r.balancer.Resource + " takes it", Band: exactly(e.Of(box)), via: r.balancer.Resource,
	}
	registered := Stage{Kind: KindTranslate, Component: r.balancer.Resource, Place: r.target.Place, Code: "ELB_NOT_REGISTERED_TARGET"}
	registered.because(r.target.Maybe)
	sure := yes
	if r.target.Maybe != nil {
		sure = maybe
	}
	if !w.push(&t, listens) || !w.ask(&t, sure, registered) {
		return nothing()
	}
	keeps := no
	if !r.forward.Ends {
		keeps = known(r.forward.PreserveClient)
	}
	f := e.targetFamily(r)
	if f == packet.FamilyInvalid {
		return nothing()
	}
	to := e
	if f != e.Family() {
		to, keeps = e.other, no
	}
	if keeps != yes && len(to.firstAddress(r.balancer, t.s.to.at).Ranges()) == 0 {
		s := Stage{
			Kind: KindTranslate, Component: r.balancer.Resource, Place: r.balancer.Origin.Place(""), Code: "ELBV2_LISTENER_REQUIRES_TG_ACCEPT", Band: exactly(solver.Empty),
			Message: r.balancer.Resource + " has no " + familyName(f) + " address to send to " + r.target.Interface.Resource + " from",
		}
		if w.push(&t, s) {
			w.found(t, nothing(), nil)
		}
		return nothing()
	}
	switch keeps {
	case yes:
		return w.sentOn(t, r, true, to)
	case no:
		return w.sentOn(t, r, false, to)
	default:
		return w.either(e, w.sentOn(t, r, true, to), w.sentOn(t, r, false, to))
	}
}

// targetFamily is the family of the leg to a target.
func (e *engine) targetFamily(r *relay) packet.Family {
	if r.target.Address.IsValid() {
		return packet.FamilyOf(r.target.Address)
	}
	for _, a := range r.target.Interface.Addresses {
		switch {
		case a.Private.Known():
			return packet.FamilyOf(a.Private.V)
		case a.Family != packet.FamilyInvalid:
			return a.Family
		}
	}
	return packet.FamilyInvalid
}

// sentOn goes on from a load balancer to its target: from an address and a port
// of its own, or in the name of the client.
func (w *walker) sentOn(t trip, r *relay, keeps bool, to *engine) outcome {
	e := t.s.e
	at := t.s.to.at
	inner := &segment{e: to, from: end{iface: r.balancer, at: at}, to: end{iface: r.target.Interface, at: r.at}, anchored: keeps, classic: r.forward.Classic, next: r.next}
	kind := "relay"
	if keeps {
		kind = "relay for the client"
	}
	inner.lens = e.through(lensKey{kind: kind, of: r.target, at: at, to: r.balancer, toAt: r.at, number: w.q.NATPort}, func() *lens {
		l := &lens{behind: to, dst: []pair{to.targetPair(r)}}
		if !keeps {
			l.src, l.sport = []pair{to.balancerPair(r.balancer, at)}, w.freshPort()
		}
		l.dport = &solver.Interval{Lo: 0, Hi: 65535}
		if r.target.Port.Known() {
			l.dport = &solver.Interval{Lo: r.target.Port.V, Hi: r.target.Port.V}
		}
		return l
	})
	opaque := t.opaque
	t.fresh, t.known, t.left, t.nats, t.inspected, t.opaque = true, yes, nil, nil, false, false
	t.through = append(slices.Clip(t.through), r.balancer)
	outer := t
	t.crossed = false
	return w.translate(t, inner, func(reply trip) outcome {
		reply.door, reply.crossed = outer.door, outer.crossed
		if opaque {
			s := Stage{Kind: KindOutside, Band: perhaps(e.Space)}
			w.push(&reply, s)
			return w.deliver(reply)
		}
		return w.answerFrom(reply, at)
	}, func(u trip) outcome {
		u.door = door{}
		if r.at.subnet == nil || at.subnet == nil {
			return w.opaque(u, r.at.why)
		}
		return w.depart(u, at)
	})
}

// answerFrom walks the answer of a load balancer to its client.
func (w *walker) answerFrom(r trip, at place) outcome {
	if r.s.anchored {
		return w.anchoredBack(r)
	}
	return w.depart(r, at)
}

// targetPair is the address that a load balancer sends to.
func (e *engine) targetPair(r *relay) pair {
	p := pair{before: rangeSet(everyone(e.Family())), sure: true}
	switch a := r.target.Address; {
	case a.IsValid():
		p.behind = rangeSet([]netipx.IPRange{solver.Address(a)})
	default:
		p.behind = e.firstAddress(r.target.Interface, r.at)
	}
	return p
}

// balancerPair is the address that a load balancer sends from.
func (e *engine) balancerPair(i *ir.Interface, at place) pair {
	return pair{before: rangeSet(everyone(e.Family())), behind: e.firstAddress(i, at), sure: true}
}

// firstAddress is the first private address of an interface in the family.
func (e *engine) firstAddress(i *ir.Interface, at place) *netipx.IPSet {
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if a.Private.Known() && packet.FamilyOf(a.Private.V) == e.Family() || !a.Private.Known() && (a.Family == e.Family() || a.Family == packet.FamilyInvalid) {
			return e.addresses(&ir.Interface{Addresses: []ir.Address{*a}}, at).may
		}
	}
	return &netipx.IPSet{}
}
