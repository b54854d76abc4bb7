package trace

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// walk is one walker's journey over all alternatives of one question.
type walk struct {
	n *ir.Network
	q Query
	m mode
	// complete: the reply has to pass as well.
	complete bool
	// bare: filters of the request are not asked. It shows what the reply meets
	// by itself.
	bare bool

	record      bool // keep hops, of the leg that recordReply says
	recordReply bool
	hops        []Hop
	why         []*ir.Unknown // what divides the way
	// picks are the options that the walk has taken; only, where it is not
	// empty, are those that it may take.
	picks, only []int
	steps       int
}

// flow walks the query.
func (w *walk) flow() bool {
	q := &w.q
	var e ends
	if w.ends(&e); e.message != "" {
		return w.refuseEnds(e.message, e.code)
	}
	if !w.exists(q.From) || !w.held(q.From, e.from) || !w.sends(&e) {
		return false
	}
	if len(e.through) > 0 {
		return w.balanced(&e)
	}
	if !w.exists(q.To) || !w.held(q.To, e.to) {
		return false
	}
	return w.places(q.From, e.from, q.Header.Src, func(a place) bool {
		return w.places(q.To, e.to, e.dst, func(b place) bool {
			return w.start(&e, node{iface: q.From, at: a, slot: e.from}, node{iface: q.To, at: b, slot: e.to}, nil)
		})
	})
}

// exists asks whether an interface is there at all. A flow of one that is not
// passes nothing.
func (w *walk) exists(i *ir.Interface) bool {
	if i == nil || i.Maybe == nil || w.bare {
		return true
	}
	return w.doubt(i, "not known to exist", placeOf(&i.Origin, ir.FieldExists), i.Maybe)
}

// held asks whether the interface's address is there at all.
func (w *walk) held(i *ir.Interface, s slot) bool {
	if i == nil || s.maybe == nil || w.bare {
		return true
	}
	what, p := "not known to have this address", placeOf(&i.Origin, ir.FieldInvalid)
	if s.public {
		what, p = "not known to have a public address", cmpPlace(s.addr.Public.Place, p)
	}
	return w.doubt(i, what, p, s.maybe)
}

// doubt is a condition on an end that only the optimist takes for granted.
func (w *walk) doubt(i *ir.Interface, message string, p diag.Place, why *ir.Unknown) bool {
	if w.record && !w.recordReply && w.m == optimist {
		w.hops = append(w.hops, Hop{
			Stage: StageEndpoint, Component: interfaceName(i), Verdict: Unknown, Header: w.q.Header,
			Message: message, Place: p, Because: []*ir.Unknown{why},
		})
	}
	return w.m == optimist
}

// start walks from one place to another.
func (w *walk) start(e *ends, from, to node, through *passage) bool {
	t := trip{s: segmentOf(w.q.Header), src: from, goal: to, fresh: true, known: plain(), kept: e.kept, through: through}
	switch {
	case from.outside():
		return w.fromOutside(&t)
	case !to.outside():
	case exempt(from.at, t.s.dst, bool(w.m)):
		w.noteExempt(&t)
		return true
	case isLattice(t.s.dst):
		return w.toLattice(&t, from.at)
	case isReserved(t.s.dst):
		return w.refuse(&t, StageRoute, placeName(from.at), "no route applies to the reserved address "+t.s.dst.String(), "NO_ROUTE_TO_DESTINATION")
	}
	return w.depart(&t, from.at)
}

// depart sends the packet out of the subnet that it stands in.
func (w *walk) depart(t *trip, at place) bool {
	if w.steps++; w.steps > maxSteps {
		return w.opaque(t, at, tooMany())
	}
	if t.reply && t.kept {
		return w.straightBack(t, at)
	}
	g := &t.goal
	if !g.outside() && !g.slot.public && !nat64.Contains(t.s.dst) {
		if at.subnet != nil && at.subnet == g.at.subnet {
			// Inside one subnet there are neither ACLs nor routes, and a transit
			// gateway's attachment there hands over unfiltered.
			// [VPC vpc-network-acls.md; tgw-nacls]
			return w.groupsOut(t, plain()) && (!t.classic || t.reply || w.acl(t, at, true, "ELB_ACL_RESTRICTION")) && w.deliver(t)
		}
		if g.at.subnet == nil && g.at.edge == nil {
			return w.opaqueAs(t, at, g.at.why, "UNKNOWN_DESTINATION")
		}
	}
	tables, ok := tablesOf(at)
	if !ok {
		return w.opaque(t, at, at.why)
	}
	if slices.Contains(t.left8[:t.departs], at.subnet) {
		return w.refuse(t, StageRoute, placeName(at), circle, "NO_PATH")
	}
	if t.departs == maxDeparts {
		return w.opaque(t, at, tooMany())
	}
	t.left8[t.departs] = at.subnet
	t.departs++
	if table, ok := tables.Known(); ok {
		return w.routes(t, at, table)
	}
	return choose(w, tables, func(table *ir.RouteTable) bool {
		u := *t
		return w.routes(&u, at, table)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

// tablesOf are the route tables that may decide at a place.
func tablesOf(at place) (*ir.Choice[*ir.RouteTable], bool) {
	switch {
	case at.edge != nil:
		return &at.edge.RouteTable, true
	case at.subnet != nil:
		return &at.subnet.RouteTable, true
	default:
		return nil, false
	}
}

// straightBack is the reply to a source that was preserved, or to VPC Lattice:
// the ACLs judge it, and no route.
func (w *walk) straightBack(t *trip, at place) bool {
	g := &t.goal
	if !w.groupsOut(t, plain()) {
		return false
	}
	if g.outside() || at.subnet == nil || at.subnet != g.at.subnet {
		if !w.aclOut(t, at) || !g.outside() && !w.aclIn(t, g.at) {
			return false
		}
	}
	return w.deliver(t)
}

// routes tries what the table may do with the packet.
func (w *walk) routes(t *trip, at place, table *ir.RouteTable) bool {
	f := find(table, &t.s)
	if c, ok := f.settled(table); ok {
		return w.take(t, at, c)
	}
	b := w.branches()
	lookup(table, &t.s, func(c choice) bool {
		u := *t
		return b.try(w.take(&u, at, c))
	})
	return b.end()
}

// take does one thing that the table may do.
func (w *walk) take(t *trip, at place, c choice) bool {
	switch {
	case c.open != nil:
		return w.opaque(t, at, c.open)
	case c.route == nil:
		return w.groupsOut(t, plain()) && w.aclOut(t, at) && w.noRoute(t, at, c)
	}
	r := c.route
	if r.Blackhole.Known() && r.Blackhole.V {
		return w.groupsOut(t, plain()) && w.aclOut(t, at) && w.blackhole(t, at, c)
	}
	if !r.Blackhole.Known() && w.m == pessimist {
		return false
	}
	if target, ok := r.Target.Known(); ok {
		return w.follow(t, at, c, target)
	}
	return choose(w, &r.Target, func(target ir.Target) bool {
		u := *t
		return w.follow(&u, at, c, target)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

// follow asks the filters on the way out and goes where the route points.
func (w *walk) follow(t *trip, at place, c choice, target ir.Target) bool {
	if !w.groupsOut(t, egressIdentity(target)) || !w.aclOut(t, at) {
		return false
	}
	w.noteRoute(t, at, c, target)
	if t.home && !mayLeadHome(target) {
		return w.refuse(t, StageRoute, placeName(at),
			"the reply has to leave by the internet gateway that the request came through", "NO_ROUTE_TO_DESTINATION")
	}
	if t.kept && target.Kind != ir.TargetLocal {
		if ok, done := w.keeps(t, at, c, target); done {
			return ok
		}
	}
	switch target.Kind {
	case ir.TargetLocal:
		return w.local(t, at)
	case ir.TargetGateway:
		return w.gateway(t, at, c, target.Gateway)
	case ir.TargetPeering:
		return w.peering(t, at, target.Peering)
	case ir.TargetTransitGateway:
		return w.transit(t, at, target.TransitGateway)
	case ir.TargetInterface:
		return w.appliance(t, at, target.Interface)
	case ir.TargetOther, ir.TargetInvalid:
	}
	return w.opaque(t, at, notModelled(&c.route.Origin, "where "+targetName(target)+" leads is not modelled"))
}

// mayLeadHome reports whether a target is, or may hand on to, the internet
// gateway of the VPC.
func mayLeadHome(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetGateway:
		return t.Gateway != nil && (t.Gateway.Kind == ir.InternetGateway || t.Gateway.Kind == ir.LoadBalancerEndpoint)
	case ir.TargetInterface, ir.TargetTransitGateway:
		return true
	case ir.TargetLocal, ir.TargetPeering, ir.TargetOther, ir.TargetInvalid:
	}
	return false
}

// egressIdentity says whether the sender's own groups may name the receiver's
// by reference, given where the first route points. Transit gateways support
// references in inbound rules only.
// [vpc/peering vpc-peering-security-groups; tgw security group referencing]
func egressIdentity(target ir.Target) identity {
	switch target.Kind {
	case ir.TargetLocal:
		return plain()
	case ir.TargetPeering:
		return peeringIdentity(target.Peering)
	case ir.TargetOther, ir.TargetInvalid:
		return identity{maybe: true}
	case ir.TargetGateway, ir.TargetTransitGateway, ir.TargetInterface:
	}
	return identity{}
}

// local delivers inside the VPC.
func (w *walk) local(t *trip, at place) bool {
	g := &t.goal
	if g.outside() || g.slot.public || nat64.Contains(t.s.dst) {
		return w.refuse(t, StageEndpoint, vpcName(at.vpc), t.s.dst.String()+" is inside the VPC, and the other end is not", "NO_POSSIBLE_DESTINATION")
	}
	if !w.sameVPC(at.vpc, g.at.vpc) {
		return w.refuse(t, StageEndpoint, vpcName(at.vpc), nodeName(g)+" is in another VPC", "NO_POSSIBLE_DESTINATION")
	}
	return w.aclIn(t, g.at) && w.deliver(t)
}

// sameVPC compares VPCs; one that the input does not tell may be any.
func (w *walk) sameVPC(a, b *ir.VPC) bool {
	if a == nil || b == nil {
		return w.m == optimist
	}
	return a == b
}

// opaque is a stretch of the way that the input does not show or that is not
// modelled: nothing surely passes; what the ends' groups let pass possibly does.
func (w *walk) opaque(t *trip, at place, why *ir.Unknown) bool { return w.opaqueAs(t, at, why, "") }

func (w *walk) opaqueAs(t *trip, at place, why *ir.Unknown, code string) bool {
	if w.m == pessimist {
		return false
	}
	if !w.groupsOut(t, identity{maybe: true}) {
		return false
	}
	w.noteOpaque(t, at, why, code)
	if nat64.Contains(t.s.dst) && !t.goal.outside() {
		if !carries(&t.s) {
			return w.refuse(t, StageGateway, nodeName(&t.goal), carriedOnly, "PROTOCOL_RESTRICTION")
		}
		to4(&t.s) // only a NAT gateway leads there
	}
	t.opaque, t.known = true, identity{maybe: true}
	return w.deliver(t)
}

// deliver hands the packet over to its goal.
func (w *walk) deliver(t *trip) bool {
	if t.reply {
		return w.returned(t)
	}
	if i := t.goal.iface; i != nil {
		// What comes to an Instance Connect endpoint is not asked of its groups:
		// nothing answers there. [eice-security-groups]
		if i.Kind != ir.InterfaceConnectEndpoint && !w.groupsIn(t, i) || !w.service(t, i) {
			return false
		}
	}
	if t.through != nil && t.first == nil {
		return w.forward(t)
	}
	return !w.complete || w.answer(t)
}
