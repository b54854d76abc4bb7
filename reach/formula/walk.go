package formula

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// walk enumerates the ways from one end to another. The places that a packet
// comes by are followed one by one; what its header has to be, and what is not
// known, gathers in the condition of each trip.
type walk struct {
	*Encoder
	to      *ir.Interface
	dst     smt.Term   // the address that the far end is asked for
	arrived []trip     // requests, at their far end
	served  []smt.Term // by services that nothing filters
	home    []smt.Term // replies, at the initiator
	steps   int
}

// trip is one packet on its way. It is copied where the way divides.
type trip struct {
	when      smt.Term // it comes this far
	s         segment
	src, goal node
	reply     bool
	fresh     bool     // the sender's groups have not been asked yet
	known     smt.Term // references to the sender's groups hold
	opaque    bool     // a part of the way is not in the input
	to64      bool     // the destination is a NAT64 address
	entered   bool     // it came in by an internet gateway
	left      bool     // an internet gateway has put a public address into the source
	public    bool     // the request was to a public address
	came      bool     // the request to this reply came in by an internet gateway
	bound     bool     // and this has to leave by it
	exit      exit
	nats      []natStep
	via       []*ir.Interface // appliances
	inspected bool            // it has passed a Gateway Load Balancer endpoint
	kept      bool            // the source is that of somebody behind the sender
	through   *ir.Interface   // the load balancer that the flow goes through
	first     *trip           // the flow to it, on the second leg
	classic   bool            // which is that of a classic load balancer
	been      []*ir.Subnet    // subnets left since the header last changed
}

// node is an end of a segment: an interface, a NAT gateway, or, when neither is
// set, a host outside every VPC.
type node struct {
	iface  *ir.Interface
	nat    *ir.Gateway
	at     place
	addr   *ir.Address // that the header names
	public bool        // by its public address
}

func (n *node) outside() bool { return n.iface == nil && n.nat == nil }

// exit is how a packet left for a host outside, or came from one: by what its
// reply has to return.
type exit struct {
	kind    ir.GatewayKind
	gateway *ir.Gateway
	transit *ir.TransitGateway
	by      *ir.Attachment // of transit, which leads outside
}

// private reports whether the exit is a link to premises.
func (x exit) private() bool { return x.kind == ir.VirtualPrivateGateway || x.transit != nil }

// natStep is a NAT gateway that the packet passed: what its reply restores.
type natStep struct {
	gateway *ir.Gateway
	at      place
	inner   segment
	src     node
}

// Bounds of a walk. What is beyond them is not modelled.
const (
	mostSteps = 3000
	mostLeft  = 8
)

// and narrows a trip and reports whether anything is left of it.
func (w *walk) and(t *trip, terms ...smt.Term) bool {
	t.when = w.And(append(terms, t.when)...)
	return t.when != smt.False
}

// under is a trip under a further condition.
func (w *walk) under(t *trip, when smt.Term) (trip, bool) {
	u := *t
	ok := w.and(&u, when)
	return u, ok
}

// depart sends the packet out of the place that it stands in.
func (w *walk) depart(t trip, at place) {
	if w.steps++; w.steps > mostSteps {
		w.beyond(t, at)
		return
	}
	if t.reply && t.kept {
		w.straightBack(t, at)
		return
	}
	g := &t.goal
	if !g.outside() && !g.public && !t.to64 {
		switch {
		case at.subnet != nil && at.subnet == g.at.subnet:
			// Inside one subnet there are neither ACLs nor routes, and the attachment of
			// a transit gateway there hands over unfiltered; a classic load balancer's
			// ACL judges all the same. [VPC vpc-network-acls.md; tgw-nacls; reachability
			// explanation-codes ELB_ACL_RESTRICTION]
			if w.groupsOut(&t, smt.True) && (!t.classic || t.reply || w.acl(&t, at, true)) {
				w.deliver(t)
			}
			return
		case g.at.subnet == nil && g.at.edge == nil:
			w.opaque(t, at, g.iface)
			return
		}
	}
	c, owner, ok := tables(at)
	switch {
	case !ok:
		w.opaque(t, at, t.src.iface)
		return
	case slices.Contains(t.been, at.subnet):
		return // in a circle
	case len(t.been) == mostLeft:
		w.beyond(t, at)
		return
	}
	t.been = append(slices.Clip(t.been), at.subnet)
	w.byTables(t, at, c, owner, func(u trip, l lead) { w.follow(u, at, l) })
}

// tables are the route tables that may decide at a place.
func tables(at place) (c ir.Choice[*ir.RouteTable], owner any, ok bool) {
	switch {
	case at.edge != nil:
		return at.edge.RouteTable, at.edge, true
	case at.subnet != nil:
		return at.subnet.RouteTable, at.subnet, true
	}
	return c, nil, false
}

// byTables does what each of the tables does with the packet.
func (w *walk) byTables(t trip, at place, c ir.Choice[*ir.RouteTable], owner any, follow func(trip, lead)) {
	is, other := w.alternatives(len(c.Of), c.Why, c.Open, owner, "route table")
	for k, table := range c.Of {
		ls, hidden := w.leads(table, t.s.dst)
		for _, l := range ls {
			if u, ok := w.under(&t, w.And(is[k], l.alive)); ok {
				follow(u, l)
			}
		}
		if u, ok := w.under(&t, w.And(is[k], hidden)); ok && w.acl(&u, at, true) {
			w.opaque(u, at, table)
		}
	}
	if u, ok := w.under(&t, other); ok && w.acl(&u, at, true) {
		w.opaque(u, at, owner)
	}
}

// follow asks the filters on the way out and goes where a route points.
func (w *walk) follow(t trip, at place, l lead) {
	if !w.groupsOut(&t, w.recognisedOut(l.target)) || !w.acl(&t, at, true) || t.bound && !mayLeadHome(l.target) {
		return
	}
	if t.kept && l.target.Kind != ir.TargetLocal {
		switch {
		case t.src.iface.Kind == ir.InterfaceConnectEndpoint:
			return // a preserved source reaches its own VPC only
		case l.target.Kind != ir.TargetPeering:
			w.opaque(t, at, l.target)
			return
		}
	}
	switch l.target.Kind {
	case ir.TargetLocal:
		w.local(t, at)
	case ir.TargetGateway:
		w.gateway(t, at, l)
	case ir.TargetPeering:
		w.peering(t, at, l.target.Peering)
	case ir.TargetTransitGateway:
		w.transit(t, at, l.target.TransitGateway)
	case ir.TargetInterface:
		w.appliance(t, at, l.target.Interface)
	case ir.TargetOther, ir.TargetInvalid:
		w.opaque(t, at, l.target)
	}
}

// mayLeadHome reports whether a target is, or may hand on to, the internet
// gateway of the VPC.
func mayLeadHome(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		return t.Gateway.Kind == ir.InternetGateway || t.Gateway.Kind == ir.LoadBalancerEndpoint
	case ir.TargetInterface, ir.TargetTransitGateway:
		return true
	case ir.TargetLocal, ir.TargetPeering, ir.TargetOther, ir.TargetInvalid:
	}
	return false
}

// recognisedOut is whether the sender's groups may name the receiver's by
// reference, given where the first route points.
func (w *walk) recognisedOut(t ir.Target) smt.Term {
	switch t.Kind {
	case ir.TargetLocal:
		return smt.True
	case ir.TargetPeering:
		return w.overPeering(t.Peering)
	case ir.TargetOther, ir.TargetInvalid:
		return w.free(key{kind: "identity", of: t}, "references are recognised on the way")
	case ir.TargetGateway, ir.TargetTransitGateway, ir.TargetInterface:
	}
	return smt.False
}

// local delivers inside the VPC.
func (w *walk) local(t trip, at place) {
	g := &t.goal
	if g.outside() || g.public || t.to64 {
		return
	}
	if w.and(&t, w.sameVPC(at.vpc, g.at.vpc)) && w.acl(&t, g.at, false) {
		w.deliver(t)
	}
}

// straightBack is the reply to a source that was preserved, or to VPC Lattice: the
// ACLs judge it, and no route.
func (w *walk) straightBack(t trip, at place) {
	g := &t.goal
	if g.outside() || at.subnet == nil || at.subnet != g.at.subnet {
		if !w.acl(&t, at, true) || !g.outside() && !w.acl(&t, g.at, false) {
			return
		}
	}
	w.deliver(t)
}

// opaque is a stretch of the way that the input does not show, because of some
// thing: it may let pass what the ends' groups let pass.
func (w *walk) opaque(t trip, at place, thing any) {
	w.dark(t, w.behind(key{kind: "opaque", of: thing, with: t.reply, at: t.s.dst, at2: t.s.dport, position: len(t.nats)}, "what is not shown lets it pass"))
}

// beyond is a way that is longer than a walk goes.
func (w *walk) beyond(t trip, at place) {
	w.dark(t, w.unmodelled(key{kind: "far", of: at.subnet, with: t.reply}, "a way that is too long to follow lets it pass"))
}

func (w *walk) dark(t trip, passes smt.Term) {
	known := w.free(key{kind: "identity", of: t.goal.iface, with: t.src.iface}, "references are recognised on the way")
	if !w.and(&t, passes) || !w.groupsOut(&t, known) {
		return
	}
	if t.to64 && !t.goal.outside() {
		if !w.and(&t, w.translatable(t.s)) {
			return
		}
		t.s, t.to64 = w.to4(t.s), false // only a NAT gateway leads there
		t.s.src = w.variable(key{kind: "source", of: t.goal.iface}, 32, "the source after what is not shown", nil)
	}
	t.opaque, t.known = true, known
	w.deliver(t)
}

// deliver hands the packet over to its goal.
func (w *walk) deliver(t trip) {
	if t.reply {
		w.returned(t)
		return
	}
	if i := t.goal.iface; i != nil {
		// What comes to an Instance Connect endpoint is not asked of its groups:
		// nothing answers there. [eice-security-groups]
		if i.Kind != ir.InterfaceConnectEndpoint && !w.groupsIn(&t, i) || !w.and(&t, w.listens(i, t.s)) {
			return
		}
	}
	if t.through != nil && t.first == nil {
		w.forward(t)
		return
	}
	w.arrived = append(w.arrived, t)
}

// groupsOut asks the sender's groups, once, about the first packet. Replies
// pass: groups keep state.
func (w *walk) groupsOut(t *trip, reach smt.Term) bool {
	if !t.fresh || t.reply || t.src.iface == nil {
		t.fresh = false
		return true
	}
	t.fresh = false
	return w.and(t, w.groups(t.src.iface, true, t.s, seen(&t.goal, w.And(t.known, reach))))
}

func (w *walk) groupsIn(t *trip, i *ir.Interface) bool {
	f := seen(&t.src, t.known)
	pass := w.groups(i, false, t.s, f)
	if t.opaque && w.family4(t.s) {
		// A gateway on the part that is not shown may have changed the source.
		other := t.s
		other.src = w.variable(key{kind: "source", of: i}, 32, "the source after what is not shown", nil)
		pass = w.Or(pass, w.groups(i, false, other, f))
	}
	return w.and(t, pass)
}

// seen is the interface that references of the other end's groups may see. An end
// behind a public address is none.
func seen(n *node, known smt.Term) far {
	if n.iface == nil || n.public {
		return nobody()
	}
	return far{n.iface, known}
}

// acl asks the ACL of a subnet whose boundary the packet crosses.
func (w *walk) acl(t *trip, at place, egress bool) bool {
	switch {
	case at.edge != nil:
		return true
	case at.subnet == nil:
		return w.and(t, w.free(key{kind: "ACL", of: at.vpc, with: egress, at: t.s.peer(egress), at2: t.s.dport}, "the ACL of a subnet that is not shown lets it pass"))
	}
	return w.and(t, w.subnetACL(at.subnet, egress, t.s))
}

// subnetACL is whether the ACL of a subnet lets a segment through.
func (e *Encoder) subnetACL(n *ir.Subnet, egress bool, s segment) smt.Term {
	if len(n.ACL.Of) == 0 && n.ACL.Open == nil {
		return e.free(key{kind: "hidden ACL", of: n, with: egress, at: s.peer(egress), at2: s.dport}, "an ACL of "+n.Origin.Address+" that is not shown lets it pass")
	}
	return choose(e, n.ACL, n, "network ACL", func(a *ir.NetworkACL) smt.Term { return e.acl(a, egress, s) }, func() smt.Term {
		return e.free(key{kind: "hidden ACL", of: n, with: egress, at: s.peer(egress), at2: s.dport}, "an ACL of "+n.Origin.Address+" that is not shown lets it pass")
	})
}

// listens is whether something behind an interface answers.
func (e *Encoder) listens(i *ir.Interface, s segment) smt.Term {
	switch {
	case i.NoInbound, i.Kind == ir.InterfaceConnectEndpoint:
		return smt.False
	case i.Services == nil:
		return smt.True
	}
	var on []smt.Term
	for k := range i.Services.Ports {
		on = append(on, e.serves(&i.Services.Ports[k], s))
	}
	if i.Services.Open != nil {
		on = append(on, e.free(key{kind: "service", of: i}, "something listens on "+i.Resource+": "+label(i.Services.Open)))
	}
	return e.Or(on...)
}

// serves is whether a service takes a segment.
func (e *Encoder) serves(v *ir.Service, s segment) smt.Term {
	port := smt.True
	if packet.KindOf(e.familyOf(s.src), v.Protocol) == packet.Ported {
		port = e.Between(s.dport, smt.Number(uint64(v.Ports.Lo)), smt.Number(uint64(v.Ports.Hi)))
	}
	return e.And(e.protocolIs(s, uint64(v.Protocol)), port)
}
