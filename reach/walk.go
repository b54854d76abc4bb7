package reach

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// outcome is what passes from some point of the way on, in the headers of the
// segment: the request, and the request with its reply. A walk of a reply has
// only the first.
type outcome struct{ forward, complete Band }

func nothing() outcome { return outcome{exactly(solver.Empty), exactly(solver.Empty)} }

// The bounds of a walk. What lies beyond is unknown.
const (
	maxSteps  = 2000 // routes followed
	maxLeft   = 12   // subnets that one packet leaves
	maxWays   = 256
	maxRelays = 3 // load balancers in a row
	// maxRelayed bounds the targets of load balancers that are followed.
	maxRelayed = 256
)

// walker follows every way between two ends.
type walker struct {
	e *engine
	q Question
	// asked is what the ways are wanted for: everything, or with hope a part.
	asked solver.Set
	// hope: ways are followed beyond what stops them, and where no route leads
	// the obvious one is taken: this shows everything that stands in the way.
	hope  bool
	ways  []Way
	steps int
	// relayed counts the targets of load balancers that were followed.
	relayed int
	backs   []*step // the reply paths found by the walk of a reply
}

// push adds a stage to a path; false when it lets nothing through.
func (w *walker) push(t *trip, s Stage) bool {
	s.Reply = t.reply
	t.path = &step{s, t.path}
	return w.hope || s.taken().May != solver.Empty
}

// ask is push for a fact about the network.
func (w *walker) ask(t *trip, ok truth, s Stage) bool {
	s.Band = t.s.e.truthBand(ok)
	return w.push(t, s)
}

// stop ends a path: nothing passes. With hope the goal's own filters are asked
// all the same.
func (w *walker) stop(t trip, s Stage) outcome {
	s.Band = exactly(solver.Empty)
	w.push(&t, s)
	switch {
	case !w.hope:
	case t.reply:
		w.backs = append(w.backs, t.path)
	case t.goal().iface != nil && t.s.next == nil:
		w.deliver(t)
	default:
		w.found(t, nothing(), nil)
	}
	return nothing()
}

// all intersects the stages of a path.
func (w *walker) all(e *engine, p *step) Band {
	var bands []Band
	everything := exactly(e.All())
	for ; p != nil; p = p.prev {
		if b := p.taken(); b != everything {
			bands = append(bands, b)
		}
	}
	return all(e.Space, bands...)
}

func (w *walker) union(e *engine, os ...outcome) outcome {
	switch len(os) {
	case 0:
		return nothing()
	case 1:
		return os[0]
	}
	f, c := make([]Band, len(os)), make([]Band, len(os))
	for k, o := range os {
		f[k], c[k] = o.forward, o.complete
	}
	return outcome{anyOf(e.Space, f...), anyOf(e.Space, c...)}
}

// either is the outcome where the world makes one of several true, or, when
// open, something else.
func (w *walker) either(e *engine, os ...outcome) outcome {
	f, c := make([]Band, len(os)), make([]Band, len(os))
	for k, o := range os {
		f[k], c[k] = o.forward, o.complete
	}
	return outcome{oneOf(e.Space, f...), oneOf(e.Space, c...)}
}

// depart sends a packet out of the subnet, or the gateway, that it stands in.
func (w *walker) depart(t trip, at place) outcome {
	g := t.goal()
	inside := !g.outside() && !g.away()
	if inside && at.subnet != nil && at.subnet == g.at.subnet {
		// Neither ACLs nor routes stand inside a subnet. [VPC vpc-network-acls.md]
		if !w.sender(&t, yes) {
			return nothing()
		}
		if t.s.classic && !t.reply {
			// A classic load balancer's ACL judges even what stays in its subnet.
			// [reachability explanation-codes ELB_ACL_RESTRICTION]
			s := t.s.e.aclStage(at.subnet, true, false)
			s.Code = "ELB_ACL_RESTRICTION"
			if !w.push(&t, s) {
				return nothing()
			}
		}
		return w.deliver(t)
	}
	if at.regional != nil {
		return w.route(t, at, at.regional.RouteTable)
	}
	if at.subnet == nil || at.vpc == nil {
		return w.opaque(t, at.why)
	}
	if inside && (g.at.vpc == nil || g.at.subnet == nil && g.at.regional == nil) {
		return w.opaque(t, g.at.why)
	}
	if slices.Contains(t.left, at.subnet) {
		return w.stop(t, Stage{
			Kind: KindRoute, Component: at.subnet.Origin.Address, Code: "NO_PATH", Place: at.subnet.Origin.Place(""),
			Message: "the routes of " + at.subnet.Origin.Address + " lead in a circle",
		})
	}
	if len(t.left) == maxLeft {
		return w.opaque(t, tooFar())
	}
	t.left = append(slices.Clip(t.left), at.subnet)
	return w.route(t, at, at.subnet.RouteTable)
}

func tooFar() *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Limit, Message: "the ways are too long or too many to be followed"}}
}

// sender asks the groups of the interface that begins the segment.
func (w *walker) sender(t *trip, known truth) bool {
	if !t.fresh {
		return true
	}
	t.fresh = false
	i := t.origin().iface
	if i == nil {
		return true
	}
	if i.Maybe != nil && !w.push(t, t.s.e.exists(i)) {
		return false
	}
	var other *ir.Interface
	if !t.goal().away() {
		other = t.goal().iface
	}
	return w.push(t, t.s.e.groupStage(i, true, requestOut, other, known))
}

// border asks the ACL of a subnet.
func (w *walker) border(t *trip, at place, egress bool) bool {
	return at.subnet == nil || w.push(t, t.s.e.aclStage(at.subnet, egress, t.reply))
}

// opaque is a stretch of the way that the input does not show or that is not
// modelled: nothing surely passes, what the ends' groups let pass possibly does.
func (w *walker) opaque(t trip, why *ir.Unknown) outcome {
	if !w.sender(&t, maybe) {
		return nothing()
	}
	s := Stage{Kind: KindOutside, Band: perhaps(t.s.e.Space)}
	s.because(why)
	if why != nil {
		s.Component, s.Place = why.Cause.Address, diag.Place{Address: why.Cause.Address, Range: why.Cause.Range}
	}
	w.push(&t, s)
	t.opaque, t.known = true, min(t.known, maybe)
	if t.goal().embedded && !t.reply {
		// A NAT gateway on the part that is not shown may make it a packet of IPv4:
		// the filters beyond see that one.
		o := outcome{forward: w.all(t.s.e, t.path)}
		o.forward.Must, o.forward.Ground = solver.Empty, solver.Empty
		o.complete = o.forward
		if o.forward.May != solver.Empty {
			w.found(t, o, nil)
		}
		return o
	}
	if t.door.kind == doorNone && t.goal().outside() {
		t.door.kind = doorUnknown
	}
	return w.deliver(t)
}

// inside delivers within a VPC: into the subnet of the goal.
func (w *walker) inside(t trip) outcome {
	if !w.border(&t, t.goal().at, false) {
		return nothing()
	}
	return w.deliver(t)
}

// deliver hands a packet over to its goal.
func (w *walker) deliver(t trip) outcome {
	e := t.s.e
	if t.reply {
		f := w.all(e, t.path)
		if f.May == solver.Empty && !w.hope {
			return nothing()
		}
		w.backs = append(w.backs, t.path)
		return outcome{f, exactly(solver.Empty)}
	}
	if i := t.goal().iface; i != nil {
		if i.Maybe != nil && !w.push(&t, e.exists(i)) {
			return nothing()
		}
		groups := e.groupStage(i, false, requestIn, t.s.from.iface, t.known)
		if w.hope && t.known == no && t.lost != "" && refersTo(i, t.s.from.iface) {
			groups.Code = t.lost
		}
		b := &groups.Band
		switch {
		case t.opaque && (t.s.anchored || t.goal().public && !t.s.from.outside()): // nor is it known whose address it sees
			*b = Band{solver.Empty, e.Project(b.Ground, packet.FieldSrc), e.Project(b.May, packet.FieldSrc)}
		case t.opaque && e.Family() == packet.IPv4: // a gateway on the part that is not shown may have changed the source
			b.May = e.Project(b.May, packet.FieldSrc)
		}
		if !w.push(&t, groups) {
			return nothing()
		}
		if t.s.next == nil && !w.push(&t, e.serviceStage(i)) {
			return nothing()
		}
	}
	if t.s.next != nil {
		return w.sendOn(t)
	}
	return w.arrived(t)
}

// arrived is a request at its goal: the reply has to find its way back.
func (w *walker) arrived(t trip) outcome {
	e := t.s.e
	o := nothing()
	if !w.hope {
		if o.forward = w.all(e, t.path); o.forward.May == solver.Empty {
			return nothing()
		}
	}
	reply, backs := w.answer(t)
	if !w.hope {
		o.complete = all(e.Space, o.forward, anyOf(e.Space, reply, exactly(e.noReply)))
	}
	w.found(t, o, backs)
	return o
}

// answer walks the reply from the end of a segment to its beginning.
func (w *walker) answer(t trip) (Band, []*step) {
	r := trip{s: t.s, reply: true, live: t.live, known: no, door: t.door, via: t.via, through: t.through, crossed: t.crossed}
	g := t.s.to
	return w.walked(func() outcome {
		switch {
		case t.opaque:
			s := Stage{Kind: KindOutside, Band: perhaps(t.s.e.Space)}
			w.push(&r, s)
			return w.deliver(r)
		case t.s.anchored:
			return w.anchoredBack(r)
		case !g.outside():
			return w.depart(r, g.at)
		}
		switch t.door.kind {
		case doorInternet, doorEgressOnly:
			return w.enter(r)
		case doorPrivate:
			return w.enterPrivate(r, t.door.gateway)
		case doorTransit:
			return w.transitNext(r, t.door.transit, t.door.from, nil)
		case doorNone, doorService, doorUnknown:
		}
		return w.inside(r)
	})
}

// walked runs the walk of a reply and gathers its paths.
func (w *walker) walked(walk func() outcome) (Band, []*step) {
	saved := w.backs
	w.backs = nil
	o := walk()
	paths := w.backs
	w.backs = saved
	return o.forward, paths
}

// anchoredBack is the way of an answer to the interface that sent in somebody
// else's name: it goes there whatever the routes say.
func (w *walker) anchoredBack(r trip) outcome {
	a, b := r.s.from.at, r.s.to.at
	if a.subnet != b.subnet && !(w.border(&r, b, true) && w.border(&r, a, false)) {
		return nothing()
	}
	return w.deliver(r)
}

// translate goes through a translator: the way goes on in another segment, from
// where begin says. The reply comes back to the translator there and goes on as
// back says.
func (w *walker) translate(t trip, inner *segment, back func(trip) outcome, begin func(trip) outcome) outcome {
	e := t.s.e
	reply, backs := exactly(e.All()), []*step{nil}
	if back != nil {
		r := trip{s: t.s, reply: true, live: t.live, known: no, via: t.via, door: t.door, crossed: t.crossed}
		reply, backs = w.walked(func() outcome { return back(r) })
		if w.hope && len(backs) == 0 {
			backs = []*step{nil}
		}
	}
	inner.outer, inner.path, inner.back = t.s, t.path, backs
	if !w.hope {
		inner.met = w.all(e, t.path)
	}
	t.s, t.path, t.via, t.forwarded = inner, nil, nil, false
	t.live = inner.lens.push(t.live)
	o := begin(t)
	if w.hope || o.forward.May == solver.Empty {
		return nothing()
	}
	return outcome{
		forward:  all(e.Space, inner.met, inner.lens.pull(o.forward)),
		complete: all(e.Space, inner.met, inner.lens.pull(o.complete), anyOf(e.Space, reply, exactly(e.noReply))),
	}
}
