package query

import (
	"context"
	"slices"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// Step is one flow of a chain.
type Step struct {
	From, To *ir.Interface // From is nil for hosts outside
	// Must surely flows and is answered, from some client port; May does perhaps.
	Must, May []Row
	// Header is a packet of it, and Result what the concrete evaluator says.
	Header packet.Header
	Result trace.Result
}

// Sure reports whether the flow surely passes.
func (s Step) Sure() bool { return len(s.Must) > 0 }

// Chain leads from one end to another by flows, each opened from where the one
// before leads to.
type Chain struct {
	Steps []Step
	// Cuts are the interfaces on the way without which there is no chain at all.
	Cuts []*ir.Interface
}

// Sure reports whether every flow of the chain surely passes.
func (c Chain) Sure() bool {
	return !slices.ContainsFunc(c.Steps, func(s Step) bool { return !s.Sure() })
}

// Chains finds, for every interface of the goal that the start leads to, a
// shortest chain: one of sure flows if there is any. Chains are in the order of
// their length, then in that of the network.
func Chains(ctx context.Context, m *reach.Model, from, to []endpoint.End) ([]Chain, error) {
	g, err := NewGraph(ctx, m, nil)
	if err != nil {
		return nil, err
	}
	var found []Chain
	done := map[int]bool{}
	for _, which := range []flows{sure, possible} {
		s := &search{Graph: g, ctx: ctx, which: which}
		if err := s.start(from); err != nil {
			return nil, err
		}
		if err := s.run(-1); err != nil {
			return nil, err
		}
		for _, e := range to {
			i, ok := g.number[e.Interface]
			if e.Interface == nil || !ok || done[i] || !s.seen[i] || s.depth[i] == 0 {
				continue
			}
			done[i] = true
			c, err := s.chain(i)
			if err != nil {
				return nil, err
			}
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b Chain) int { return len(a.Steps) - len(b.Steps) })
	return found, nil
}

// search is a walk over the graph, breadth first.
type search struct {
	*Graph
	ctx   context.Context
	which flows

	first []int          // interfaces that it starts on
	entry []int          // interfaces that the hosts outside open flows to
	by    []endpoint.End // of entry: by which host

	seen   map[int]bool
	depth  map[int]int // flows before; 0 for where the walk starts
	parent map[int]int // -1: a host outside
}

// start finds where the walk begins.
func (s *search) start(from []endpoint.End) error {
	for _, e := range from {
		if e.Interface != nil {
			if i, ok := s.number[e.Interface]; ok {
				s.first = append(s.first, i)
			}
			continue
		}
		for i, nic := range s.nodes {
			p, err := pair(s.ctx, s.model, Question{}, e, endpoint.End{Interface: nic})
			if err != nil {
				return err
			}
			if s.which == possible && p.Verdict != trace.Deny || p.opens(s.model) {
				s.entry, s.by = append(s.entry, i), append(s.by, e)
			}
		}
	}
	return nil
}

// run walks on until nothing new is met; without one interface, when it is not
// -1: as if nobody could go on from there.
func (s *search) run(without int) error {
	s.seen, s.depth, s.parent = map[int]bool{}, map[int]int{}, map[int]int{}
	var queue []int
	meet := func(i, depth, parent int) {
		if !s.seen[i] && i != without {
			s.seen[i], s.depth[i], s.parent[i] = true, depth, parent
			queue = append(queue, i)
		}
	}
	for _, i := range s.first {
		meet(i, 0, -1)
	}
	for _, i := range s.entry {
		meet(i, 1, -1)
	}
	done := s.fresh()
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if err := s.ctx.Err(); err != nil {
			return err
		}
		switch {
		case carries(s.nodes[i]) || s.depth[i] == 0:
			s.next(i, s.which, done, func(to int) { meet(to, s.depth[i]+1, i) })
		default:
			to, err := s.forwards(s.ctx, s.nodes[i], s.which)
			if err != nil {
				return err
			}
			for _, j := range to {
				meet(j, s.depth[i]+1, i)
			}
		}
	}
	return nil
}

// chain follows the walk back from an interface.
func (s *search) chain(to int) (Chain, error) {
	path := []int{to}
	for s.parent[path[0]] >= 0 {
		path = slices.Insert(path, 0, s.parent[path[0]])
	}
	var c Chain
	if s.depth[path[0]] == 1 {
		step, err := s.step(s.by[slices.Index(s.entry, path[0])], path[0])
		if err != nil {
			return c, err
		}
		c.Steps = append(c.Steps, step)
	}
	for k, i := range path[1:] {
		step, err := s.step(endpoint.End{Interface: s.nodes[path[k]]}, i)
		if err != nil {
			return c, err
		}
		c.Steps = append(c.Steps, step)
	}
	for _, i := range path[:len(path)-1] {
		if s.depth[i] == 0 {
			continue
		}
		t := *s
		if err := t.run(i); err != nil {
			return c, err
		}
		if !t.seen[to] {
			c.Cuts = append(c.Cuts, s.nodes[i])
		}
	}
	return c, nil
}

// step says what flows to an interface.
func (s *search) step(from endpoint.End, to int) (Step, error) {
	through := from.Interface != nil && !carries(from.Interface) && s.depth[to] > 1
	return s.Graph.step(s.ctx, from, s.nodes[to], through)
}

// step says what flows between two ends; through: only what a load balancer
// sends on.
func (g *Graph) step(ctx context.Context, from endpoint.End, to *ir.Interface, through bool) (Step, error) {
	step := Step{From: from.Interface, To: to}
	p, err := pair(ctx, g.model, Question{}, from, endpoint.End{Interface: to})
	if err != nil {
		return step, err
	}
	for _, x := range p.tried {
		space := g.model.Space(x.family)
		must := serviceSet(space, surely(space, x.flow, x.flow.Complete.Must, x.asked))
		may := serviceSet(space, space.Intersect(x.flow.Complete.May, x.asked))
		if through {
			sent := space.Of(sentTo(space, from.Interface, to)...)
			must, may = space.Intersect(must, sent), space.Intersect(may, sent)
		}
		step.Must, step.May = append(step.Must, rows(space, must)...), append(step.May, rows(space, space.Difference(may, must))...)
	}
	if shown := p.witness(g.model, Question{}); shown != nil {
		step.Header, step.Result = shown.Header, shown.Result
	}
	return step, nil
}

// opens reports whether something surely flows, and is answered.
func (p Pair) opens(m *reach.Model) bool {
	return slices.ContainsFunc(p.tried, func(x tried) bool {
		return surely(m.Space(x.family), x.flow, x.flow.Complete.Must, x.asked) != solver.Empty
	})
}

// sentTo are the services that a load balancer sends to a target.
func sentTo(s *solver.Space, lb, target *ir.Interface) []solver.Box {
	var boxes []solver.Box
	if lb.Services == nil {
		return nil
	}
	for _, v := range lb.Services.Ports {
		if v.Forward == nil {
			continue
		}
		for _, t := range v.Forward.Targets {
			if t.Interface != target {
				continue
			}
			b := solver.Everything(s.Family())
			b.Protocol = solver.Port(uint16(v.Protocol))
			if t.Port.Known() {
				b.DstPort = solver.Port(t.Port.V)
			}
			boxes = append(boxes, b)
		}
	}
	return boxes
}
