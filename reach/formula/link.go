package formula

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver/smt"
)

// peering crosses a VPC peering connection: it is not transitive, and leads to
// what is in the other VPC only. [whitepapers vpc-peering; vpc/peering]
func (w *walk) peering(t trip, at place, p *ir.Peering) {
	g := &t.goal
	if g.outside() || g.public || t.to64 || !w.and(&t, w.truth(p.Active), w.ownPlace(&t, at), w.connects(p, at.vpc, g.at.vpc)) {
		return
	}
	t.known = w.And(t.known, w.overPeering(p))
	if w.acl(&t, g.at, false) {
		w.deliver(t)
	}
}

// connects is whether a peering connection joins two VPCs.
func (e *Encoder) connects(p *ir.Peering, a, b *ir.VPC) smt.Term {
	if a == nil || b == nil {
		return e.free(key{kind: "connects", of: p, with: [2]*ir.VPC{a, b}}, p.Origin.Address+" leads to a VPC that is not shown")
	}
	both := func(x, y *ir.VPC) smt.Term {
		return e.And(e.isVPC(p.Requester, x, p), e.isVPC(p.Accepter, y, &p.Accepter))
	}
	return e.Or(both(a, b), both(b, a))
}

// overPeering: references hold over active connections within a Region.
// [VPC peering vpc-peering-security-groups]
func (e *Encoder) overPeering(p *ir.Peering) smt.Term {
	return e.And(e.truth(p.Active), e.truth(p.SameRegion))
}

// overTransit: references hold when they are enabled on the gateway and on both
// attachments. [TGW security group referencing]
func (e *Encoder) overTransit(g *ir.TransitGateway, from, to *ir.Attachment) smt.Term {
	return e.And(e.truth(g.GroupReferences), e.truth(from.GroupReferences), e.truth(to.GroupReferences))
}

// recognised is whether references work between two VPCs by any link, in rules of
// a direction: over transit gateways in inbound rules only.
func (e *Encoder) recognised(a, b *ir.VPC, egress bool) smt.Term {
	same := e.sameVPC(a, b)
	if same != smt.False {
		return same
	}
	var by []smt.Term
	for _, p := range e.net.Peerings {
		by = append(by, e.And(e.connects(p, a, b), e.overPeering(p)))
	}
	for _, g := range e.net.TransitGateways {
		for _, from := range e.attachments(g, a) {
			for _, to := range e.attachments(g, b) {
				switch {
				case egress:
				case from.attachment == nil || to.attachment == nil:
					by = append(by, e.And(from.is, to.is, e.free(key{kind: "attachment references", of: g}, "references work on an attachment that is not shown")))
				default:
					by = append(by, e.And(from.is, to.is, e.overTransit(g, from.attachment, to.attachment)))
				}
			}
		}
	}
	return e.Or(by...)
}

// appliance passes an interface that a route points at, and that forwards what it
// gets. References to groups do not hold through it. What it sends to a public
// address it may translate, which is not in the input.
// [VPC security-group-rules.md; route-table-options.md]
func (w *walk) appliance(t trip, at place, i *ir.Interface) {
	switch {
	case t.goal.iface == i && !t.goal.public && !t.to64:
		if w.acl(&t, t.goal.at, false) {
			w.deliver(t)
		}
		return
	case t.src.iface == i, !w.and(&t, w.exists(i.Maybe), w.Not(w.truth(i.SourceDestCheck))):
		return
	case (t.goal.outside() || t.goal.public) && !(t.reply && slices.Contains(t.via, i)):
		w.opaque(t, at, i)
		return
	}
	t.known = smt.False
	for _, p := range w.places(i) {
		if u, ok := w.under(&t, p.is); ok {
			w.applianceAt(u, at, i, p)
		}
	}
}

func (w *walk) applianceAt(t trip, at place, i *ir.Interface, p place) {
	if (at.edge != nil || p.subnet != at.subnet) && !w.acl(&t, p, false) {
		return
	}
	if !slices.Contains(t.via, i) { // else its groups know the flow
		if !w.and(&t, w.groups(i, false, t.s, nobody()), w.groups(i, true, t.s, nobody())) {
			return
		}
		if !t.reply {
			t.via = append(slices.Clip(t.via), i)
		}
	}
	w.depart(t, p)
}

// fromOutside enters from a host outside: by the internet gateway to a public
// address, by private links to a private one.
func (w *walk) fromOutside(t trip) {
	g := &t.goal
	if lattice := w.insideAny(t.s.src, lattices[:]...); !g.public && w.usesLattice() {
		if u, ok := w.under(&t, lattice); ok {
			u.kept, u.known = true, smt.False
			if w.acl(&u, g.at, false) {
				w.deliver(u)
			}
		}
		if !w.and(&t, w.Not(lattice)) {
			return
		}
	}
	if w.family4(t.s) {
		if g.public {
			w.enter(t)
		} else {
			w.fromLinks(t)
		}
		return
	}
	if u, ok := w.under(&t, w.onInternet(t.s.src)); ok {
		w.enter(u)
	}
	w.fromLinks(t)
}

func (w *walk) usesLattice() bool {
	return slices.ContainsFunc(w.net.VPCs, func(v *ir.VPC) bool { return v.Lattice != nil })
}

// fromLinks enters by a link to premises, or by a service that brings traffic to
// private addresses. Which link a host is behind is the world's choice.
func (w *walk) fromLinks(t trip) {
	g := &t.goal
	if g.at.subnet == nil {
		w.opaque(t, g.at, g.iface)
		return
	}
	internet := w.onInternet(t.s.src)
	strange := w.behind(key{kind: "strange", of: g.iface, at: t.s.src}, "a private link brings in an internet address")
	// An internet address comes that way only where the routes lead back to it.
	by := func(is func(ir.Target) bool, x exit) (trip, bool) {
		u, ok := w.under(&t, w.Or(w.Not(internet), w.And(w.leadsBack(&t, is), strange)))
		u.known, u.exit = smt.False, x
		return u, ok && !g.public
	}
	for _, gw := range w.net.Gateways {
		if gw.Kind == ir.VirtualPrivateGateway {
			if u, ok := by(func(l ir.Target) bool { return l.Gateway == gw }, exit{kind: gw.Kind, gateway: gw}); ok {
				w.fromVPN(u, gw)
			}
		}
	}
	for _, tgw := range w.net.TransitGateways {
		for _, a := range tgw.Attachments {
			if a.Outside {
				if u, ok := by(func(l ir.Target) bool { return l.TransitGateway == tgw }, exit{transit: tgw, by: a}); ok {
					w.fromTransit(u, tgw, a)
				}
			}
		}
	}
	afar := w.Or(w.leadsBack(&t, hidesAny), w.And(w.Not(internet), w.leadsBack(&t, hidesPrivate)))
	if u, ok := w.under(&t, w.Or(afar, smt.Of(len(w.net.Indirect) > 0))); ok {
		w.opaque(u, g.at, w.net)
	}
}

// leadsBack is whether the routes of the goal's subnet lead the source to one of
// the targets of a kind.
func (w *walk) leadsBack(t *trip, kind func(ir.Target) bool) smt.Term {
	s := t.goal.at.subnet
	return w.leading(s.RouteTable, s, t.s.src, func(l lead) bool { return kind(l.target) }, func() smt.Term { return smt.True })
}

// fromVPN comes in by a virtual private gateway.
func (w *walk) fromVPN(t trip, g *ir.Gateway) {
	if w.and(&t, w.attached(g, t.goal.at.vpc)) {
		t.known = smt.False
		w.inbound(t, g)
	}
}

// fromTransit comes in by an attachment that leads outside.
func (w *walk) fromTransit(t trip, g *ir.TransitGateway, a *ir.Attachment) {
	t.known = smt.False
	w.transitNext(t, place{vpc: t.goal.at.vpc}, g, a)
}

// hidesAny reports whether hosts outside may come in by a target of which the
// input does not show what is behind it.
func hidesAny(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		return t.Gateway.Kind == ir.OtherGateway || t.Gateway.Kind == ir.GatewayInvalid
	case ir.TargetTransitGateway:
		g := t.TransitGateway
		return g == nil || g.Open != nil || slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool {
			return !a.Outside && (len(a.VPC.Of) == 0 || a.VPC.Open != nil)
		})
	case ir.TargetOther, ir.TargetInvalid:
		return true
	case ir.TargetLocal, ir.TargetPeering, ir.TargetInterface:
	}
	return false
}

// hidesPrivate: to appliances premises may be connected, but not the internet.
func hidesPrivate(t ir.Target) bool {
	return t.Kind == ir.TargetInterface || t.Kind == ir.TargetGateway && t.Gateway.Kind == ir.LoadBalancerEndpoint
}
