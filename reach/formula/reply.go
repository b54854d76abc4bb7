package formula

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver/smt"
)

// complete is the condition under which a request that arrives is answered. What
// the reply meets depends on where the request arrived and on what it passed, not
// on the way as a whole: requests that are alike in that are answered once.
func (w *walk) complete() smt.Term {
	var order []string
	same := map[string]trip{}
	for _, t := range w.arrived {
		k := t.outcome()
		if o, ok := same[k]; ok {
			t.when = w.Or(o.when, t.when)
		} else {
			order = append(order, k)
		}
		same[k] = t
	}
	var all []smt.Term
	for _, k := range order {
		t := same[k]
		when := w.Define(t.when, "the request arrives")
		t.when, w.home = smt.True, nil
		w.answer(t)
		all = append(all, w.And(when, w.Or(w.home...)))
	}
	return w.Or(all...)
}

// outcome is what a reply depends on, as text.
func (t *trip) outcome() string {
	var b strings.Builder
	for u := t; u != nil; u = u.first {
		fmt.Fprintf(&b, "%v %v %v %v %v %v %v %v %v %v|", u.s, u.src, u.goal, u.opaque, u.entered, u.left, u.public, u.kept, u.exit, u.via)
		for _, n := range u.nats {
			fmt.Fprintf(&b, "%v,", n)
		}
	}
	return b.String()
}

// answer sends the reply back from where the request arrived.
func (w *walk) answer(t trip) {
	if t.opaque {
		if !w.and(&t, w.behind(key{kind: "opaque back", of: t.goal.iface, with: t.src.iface, at: t.s.src}, "what is not shown lets the reply pass")) {
			return
		}
		w.answered(t)
		return
	}
	if u, ok := w.under(&t, w.noReply(t.s)); ok {
		w.home = append(w.home, u.when)
	}
	s := w.reply(t.s)
	r := trip{
		when: t.when, s: s, src: t.goal, goal: t.src, reply: true, fresh: true, known: smt.False,
		nats: t.nats, via: t.via, exit: t.exit, kept: t.kept, first: t.first, through: t.through,
		came: t.entered, bound: t.entered && (w.family4(s) || t.src.outside()), public: t.public,
	}
	r.goal.public = t.left
	switch {
	case !r.src.outside():
		w.depart(r, r.src.at)
	case t.exit.kind == ir.VirtualPrivateGateway:
		w.fromVPN(r, t.exit.gateway)
	case t.exit.transit != nil:
		w.fromTransit(r, t.exit.transit, t.exit.by)
	case t.exit.kind == ir.VPCEndpoint:
		if w.acl(&r, r.goal.at, false) {
			w.returned(r)
		}
	default:
		w.enter(r)
	}
}

// answered goes on to the client of a load balancer, if the flow is the second leg
// of one.
func (w *walk) answered(t trip) {
	if t.first == nil {
		w.home = append(w.home, t.when)
		return
	}
	u := *t.first
	u.when = t.when
	w.answer(u)
}

// returned is a reply at its goal: the initiator, or the NAT gateway in front of
// it, which hands on.
func (w *walk) returned(t trip) {
	if t.opaque || len(t.nats) == 0 {
		w.answered(t)
		return
	}
	last := len(t.nats) - 1
	step := t.nats[last]
	t.nats, t.s, t.src, t.goal = t.nats[:last:last], w.reply(step.inner), t.goal, step.src
	t.been, t.bound, t.exit, t.inspected = nil, false, exit{}, false
	w.depart(t, step.at)
}
