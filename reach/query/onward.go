package query

import (
	"context"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
)

// Onward finds the shortest chain of sure flows from an interface to one of a
// goal, of which one flow is notable; with begun, that is the case already. The
// chain is empty when there is none. more counts the other interfaces of the
// goal that such chains lead to.
func (g *Graph) Onward(ctx context.Context, from *ir.Interface, begun bool, goal func(*ir.Interface) bool) (chain []Step, more int, err error) {
	type state struct {
		at      int
		notable bool
	}
	start := state{g.number[from], begun}
	parent := map[state]state{start: start}
	queue := []state{start}
	var reached *state
	seen := map[int]bool{}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		nic := g.nodes[s.at]
		if s.notable && s != start && goal(nic) && !seen[s.at] {
			seen[s.at] = true
			if reached == nil {
				reached = &s
			} else {
				more++
			}
		}
		meet := func(to int, notable bool) {
			n := state{to, notable}
			if _, ok := parent[n]; !ok {
				parent[n] = s
				queue = append(queue, n)
			}
		}
		if !carries(nic) {
			to, err := g.forwards(ctx, nic, sure)
			if err != nil {
				return nil, 0, err
			}
			for _, i := range to {
				meet(i, s.notable)
			}
			continue
		}
		g.next(s.at, notable, g.fresh(), func(to int) { meet(to, true) })
		g.next(s.at, sure, g.fresh(), func(to int) { meet(to, s.notable) })
	}
	if reached == nil {
		return nil, 0, nil
	}
	var path []int
	for s := *reached; ; s = parent[s] {
		path = append([]int{s.at}, path...)
		if s == start {
			break
		}
	}
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
