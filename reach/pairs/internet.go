package pairs

import (
	"context"
	"encoding/binary"
	"errors"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// edge is interfaces that are alike for the internet.
type edge struct {
	i     *ir.Interface
	odd   bool
	parts map[int32]bool
}

// internet fills the row and the column of the internet, which package reach
// answers for: once for all interfaces that it cannot tell apart.
func (t *Table) internet(ctx context.Context, g *grid, parts []Part) error {
	of := partsOf(parts)
	var edges []*edge
	known := map[string]*edge{}
	for k := range t.Vertices {
		v := &t.Vertices[k]
		if len(of[v.Interface]) == 0 {
			continue
		}
		key := t.edgeKey(int32(k))
		e, ok := known[key]
		if !ok {
			e = &edge{v.Interface, v.odd, map[int32]bool{}}
			known[key] = e
			edges = append(edges, e)
		}
		for _, p := range of[v.Interface] {
			e.parts[p] = true
		}
	}
	askers := make([]*asker, Workers())
	return parallel(ctx, len(edges), func(w, k int) error {
		if askers[w] == nil {
			askers[w] = newAsker(t)
		}
		return askers[w].edge(ctx, g, edges[k])
	})
}

// edgeKey is what flows from and to the internet depend on. Rules and ACLs look
// at the other end only, so that the address itself does not matter, but that
// there is a public one does.
func (t *Table) edgeKey(v int32) string {
	x := &t.Vertices[v]
	c := t.ofVertex[v]
	if x.odd || t.family == packet.IPv6 || len(x.Interface.Prefixes) > 0 {
		return string(binary.AppendVarint([]byte("class"), int64(c)))
	}
	b := binary.AppendVarint(nil, int64(t.cellOf[c]))
	for _, o := range []*bound{t.lo, t.hi} {
		b = binary.AppendVarint(b, int64(o.setOf[c]))
		b = binary.AppendVarint(b, int64(o.service[c]))
	}
	for k := range x.Interface.Addresses {
		p := &x.Interface.Addresses[k].Public
		b = append(b, byte(truthOf(&p.Exists)))
		if p.Addr.Known() && p.Addr.V.IsValid() {
			b = append(b, 1)
		}
	}
	if x.Interface.DenyIGW {
		b = append(b, 'd')
	}
	return string(b)
}

// edge asks what the internet reaches at an interface, and the other way round.
func (a *asker) edge(ctx context.Context, g *grid, e *edge) error {
	n := g.n - 1
	for _, in := range []bool{true, false} {
		from, to := e.i, (*ir.Interface)(nil)
		if in {
			from, to = nil, e.i
		}
		out, whole := newAnswer(a.t.Universe.Words), newAnswer(a.t.Universe.Words)
		flow, space, err := a.ask(ctx, reach.Question{From: from, To: to, Family: a.t.family})
		switch {
		case errors.Is(err, solver.ErrBudget):
			copy(out.May.Forward, a.t.Universe.all)
			copy(whole.May.Forward, a.t.Universe.all)
		case err != nil:
			return err
		default:
			if err := a.abroad(space, &flow, in, e.odd, out, whole); err != nil {
				return err
			}
		}
		for p := range e.parts {
			row, column := int(p), n
			if in {
				row, column = n, int(p)
			}
			g.add(mustSide, row, column, out.Must.Forward, whole.Must.Forward)
			g.add(maySide, row, column, out.May.Forward, whole.May.Forward)
		}
	}
	return nil
}

// abroad reads the services that some host of the internet can use, or that
// can be used at one. Where it is not known in which subnet an interface stands,
// a header that surely passes is about one of them only.
func (a *asker) abroad(s *solver.Space, flow *reach.Flow, in, odd bool, out, whole *Answer) error {
	hosts := a.hosts(s, in)
	fixed := flow.FixedFrom && flow.FixedTo || !odd
	q := asking{a: a, s: s, u: &Vertex{}, v: &Vertex{}}
	for k, to := range []*Answer{out, whole} {
		from := flow.Forward
		if k > 0 {
			from = flow.Complete
		}
		must, may := s.Intersect(from.Must, hosts), s.Intersect(from.May, hosts)
		for k := range a.t.Universe.Atoms {
			boxes := q.boxes(k)
			if fixed && q.some(boxes, must) {
				set(to.Must.Forward, k)
			}
			if q.some(boxes, may) {
				set(to.May.Forward, k)
			}
		}
	}
	return q.err
}

// hosts are the headers whose source, or destination, is on the internet.
func (a *asker) hosts(s *solver.Space, source bool) solver.Set {
	f := a.t.family
	of := func(r netipx.IPRange) solver.Box {
		b := solver.Everything(f)
		if source {
			b.Src = r
		} else {
			b.Dst = r
		}
		return b
	}
	var hosts, own []solver.Box
	for _, r := range reach.Internet(f).Ranges() {
		hosts = append(hosts, of(r))
	}
	for _, v := range a.t.net.VPCs {
		for _, c := range v.IPv6 {
			if f == packet.IPv6 && c.Known() && c.V.IsValid() {
				own = append(own, of(netipx.RangeOfPrefix(c.V)))
			}
		}
	}
	return s.Difference(s.Of(hosts...), s.Of(own...))
}
