package formula

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// passage is a load balancer that holds the destination in place of the far end.
type passage struct {
	balancer *ir.Interface
	at       place
	hold     hold
	is       smt.Term
}

// passages finds the load balancers that an address may be of, where the far end
// does not hold it: the first that surely does, or any of those that may and
// that send to the far end.
func (w *walk) passages(from, to *ir.Interface, a smt.Term) []passage {
	var sure, maybe []passage
	var before []smt.Term
	for _, i := range w.net.Interfaces {
		if i == from || i == to || !balances(i) {
			continue
		}
		for _, p := range w.places(i) {
			for _, h := range w.holds(i, p, a, true) {
				switch {
				case h.told && h.there == smt.True:
					is := w.And(h.fits, w.Not(w.Or(before...)))
					sure = append(sure, passage{i, p, h, is})
				case mayServe(i, to):
					// Which of several it is is not known.
					is := w.And(h.fits, w.free(key{kind: "balancer", of: i, at: a}, "the address is that of "+i.Resource))
					maybe = append(maybe, passage{i, p, h, is})
				}
			}
		}
		for _, p := range sure {
			if p.balancer == i {
				before = append(before, p.hold.fits)
			}
		}
	}
	for k := range maybe {
		maybe[k].is = w.And(maybe[k].is, w.Not(w.Or(before...)))
	}
	return append(sure, maybe...)
}

func balances(i *ir.Interface) bool {
	return i.Services != nil && slices.ContainsFunc(i.Services.Ports, func(v ir.Service) bool { return v.Forward != nil })
}

// mayServe reports whether a load balancer sends, or may send, to an interface.
func mayServe(i, to *ir.Interface) bool {
	return i.Services.Open != nil || slices.ContainsFunc(i.Services.Ports, func(v ir.Service) bool {
		return v.Forward != nil && (v.Forward.Open != nil || slices.ContainsFunc(v.Forward.Targets, func(t ir.ForwardTarget) bool { return t.Interface == to }))
	})
}

// forward is what a load balancer does with what has arrived: it sends it on to
// the far end, if that is a target of the listener.
func (w *walk) forward(t trip) {
	services := t.goal.iface.Services
	left := smt.True
	for k := range services.Ports {
		v := &services.Ports[k]
		takes := w.serves(v, t.s)
		if u, ok := w.under(&t, w.And(left, takes)); ok {
			w.listener(u, v)
		}
		left = w.And(left, w.Not(takes))
	}
	if u, ok := w.under(&t, left); ok && services.Open != nil {
		w.unread(u, services)
	}
}

func (w *walk) listener(t trip, v *ir.Service) {
	f := v.Forward
	if f == nil {
		w.unread(t, v)
		return
	}
	for k := range f.Targets {
		to := &f.Targets[k]
		if to.Interface != w.to {
			continue
		}
		preserves, there := w.truth(f.PreserveClient), w.exists(to.Maybe)
		if u, ok := w.under(&t, w.And(preserves, there)); ok {
			w.sendOn(u, f, to, true)
		}
		if u, ok := w.under(&t, w.And(w.Not(preserves), there)); ok {
			w.sendOn(u, f, to, false)
		}
	}
	if f.Open != nil {
		w.unread(t, f)
	}
}

// secondLeg begins the trip from the load balancer on.
func (w *walk) secondLeg(t trip) trip {
	first := t
	return trip{
		when: t.when, s: t.s, src: node{iface: t.goal.iface, at: t.goal.at}, goal: node{iface: w.to},
		fresh: true, known: smt.True, through: t.through, first: &first,
	}
}

// unread: whether the load balancer sends to the far end, and how, is not in the
// input. That is a marked variable: the far end could be any interface.
func (w *walk) unread(t trip, thing any) {
	u := w.secondLeg(t)
	width := w.Width(t.s.src)
	sent := func(kind string, width int) smt.Term {
		return w.variable(key{kind: kind, of: thing, with: w.to, position: width}, width, "of what a load balancer sends on", nil)
	}
	u.s.src, u.s.dst, u.s.dport = sent("sent from", width), sent("sent to", width), sent("sent to port", 16)
	w.dark(u, w.unmodelled(key{kind: "unread", of: thing, with: w.to}, "a load balancer whose targets are not all shown sends it on"))
}

// sendOn sends the packet to a target, with the client's address or with the load
// balancer's. [ELB network edit-target-group-attributes; load-balancer-security-groups]
func (w *walk) sendOn(t trip, f *ir.Forward, to *ir.ForwardTarget, keep bool) {
	u := w.secondLeg(t)
	u.classic = f.Classic
	a := addressAt(w.to, to)
	family := packet.FamilyOf(to.Address)
	if a != nil {
		u.goal.addr = a
		if !w.and(&u, w.exists(a.Maybe)) {
			return
		}
		if !to.Address.IsValid() {
			family = a.Family
		}
	}
	if family == packet.FamilyInvalid {
		return
	}
	u.s.dport = w.targetPort(to)
	for _, p := range w.places(w.to) {
		v, ok := w.under(&u, p.is)
		if !ok || to.Address.IsValid() && len(w.to.Subnet.Of) > 1 && !mayBeIn(p.subnet, to.Address) {
			continue
		}
		v.goal.at = p
		v.s.dst = w.privateAddress(a, p, family)
		if to.Address.IsValid() {
			v.s.dst = w.address(to.Address)
		}
		if v.kept = keep && family == w.familyOf(t.s.src); v.kept {
			w.depart(v, v.src.at)
			continue
		}
		w.asBalancer(v, family)
	}
}

func (w *walk) targetPort(to *ir.ForwardTarget) smt.Term {
	if to.Port.Known() {
		return w.number(uint64(to.Port.V), 16)
	}
	return w.variable(key{kind: "target port", of: of(to.Port.Why)}, 16, "target port: "+label(to.Port.Why), nil)
}

// addressAt is the address of an interface that a target names.
func addressAt(i *ir.Interface, to *ir.ForwardTarget) *ir.Address {
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if !to.Address.IsValid() || a.Private.Known() && a.Private.V == to.Address {
			return a
		}
	}
	return nil
}

// asBalancer sends from the load balancer's first address of a family.
func (w *walk) asBalancer(t trip, family packet.Family) {
	i := t.src.iface
	t.s.sport = w.portPicked(t.s)
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if a.Family != family {
			continue
		}
		if u, ok := w.under(&t, w.exists(a.Maybe)); ok {
			u.src.addr, u.s.src = a, w.privateAddress(a, u.src.at, family)
			w.depart(u, u.src.at)
		}
		if !w.and(&t, w.Not(w.exists(a.Maybe))) {
			return
		}
	}
}
