package query

import (
	"context"
	"slices"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
)

// Onward finds the shortest chain of sure flows from an interface to one of a
// goal, of which one flow is notable; with begun, that is the case already. The
// chain is empty when there is none. more counts the other interfaces of the
// goal that such chains lead to.
func (g *Graph) Onward(ctx context.Context, from *ir.Interface, begun bool, goal func(*ir.Interface) bool) (chain []Step, more int, err error) {
	w := &onward{Graph: g, parent: make([]int32, 2*len(g.nodes)), done: [2][]bitset{g.fresh(), g.fresh()}, goal: goal}
	for k := range w.parent {
		w.parent[k] = -1
	}
	w.start = stateOf(g.number[from], begun)
	if err := w.walk(ctx); err != nil || len(w.reached) == 0 {
		return nil, 0, err
	}
	more = len(w.reached) - 1
	path := w.path(w.reached[0])
	for k, to := range path[1:] {
		nic := g.nodes[path[k]]
		step, err := g.step(ctx, endpoint.End{Interface: nic}, g.nodes[to], !carries(nic))
		if err != nil {
			return nil, 0, err
		}
		chain = append(chain, step)
	}
	return chain, more, nil
}

// onward is a walk over the interfaces, each of them twice: before and after a
// notable flow.
type onward struct {
	*Graph
	start   int32
	goal    func(*ir.Interface) bool
	parent  []int32 // by state; -1: not met
	done    [2][]bitset
	queue   []int32
	reached []int32 // states of the goal
}

func stateOf(i int, notable bool) int32 {
	s := int32(2 * i)
	if notable {
		s++
	}
	return s
}

func (w *onward) meet(to int, is bool, by int32) {
	if s := stateOf(to, is); w.parent[s] < 0 {
		w.parent[s] = by
		w.queue = append(w.queue, s)
	}
}

func (w *onward) walk(ctx context.Context) error {
	w.parent[w.start] = w.start
	w.queue = append(w.queue, w.start)
	for len(w.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := w.queue[0]
		w.queue = w.queue[1:]
		at, after := int(s/2), s%2 == 1
		nic := w.nodes[at]
		if after && s != w.start && w.goal(nic) {
			w.reached = append(w.reached, s)
		}
		if !carries(nic) {
			to, err := w.forwards(ctx, nic, sure)
			if err != nil {
				return err
			}
			for _, i := range to {
				w.meet(i, after, s)
			}
			continue
		}
		if after {
			w.next(at, sure, w.done[1], func(to int) { w.meet(to, true, s) })
			continue
		}
		w.next(at, notable, w.done[1], func(to int) { w.meet(to, true, s) })
		w.next(at, sure, w.done[0], func(to int) { w.meet(to, false, s) })
	}
	return nil
}

// path lists the interfaces on the way to a state.
func (w *onward) path(to int32) []int {
	path := []int{int(to / 2)}
	for to != w.start {
		to = w.parent[to]
		path = append(path, int(to/2))
	}
	slices.Reverse(path)
	return path
}
