package pairs

import (
	"context"
	"errors"
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// asker asks package reach about pairs that no plan of this package fits:
// routes through appliances and NAT gateways, ends of which too little is known.
// One goroutine uses it.
type asker struct {
	t      *Table
	model  *reach.Model
	boxes  []solver.Box // of atoms, one for each of their intervals
	first  []int        // by atom, its first box
	point  *point
	search *Search // what is wanted; nil: everything
	vague  *Answer // used again
}

func newAsker(t *Table) *asker {
	a := &asker{t: t}
	all := solver.Everything(t.family)
	for _, atom := range t.Universe.Atoms {
		a.first = append(a.first, len(a.boxes))
		if atom.Ports == nil {
			a.boxes = append(a.boxes, plainBoxes(t.Universe, atom.Protocol)...)
			continue
		}
		for _, p := range atom.Ports {
			b := all
			b.Protocol = solver.Port(uint16(atom.Protocol))
			b.DstPort = solver.Interval{Lo: p.Lo, Hi: p.Hi}
			a.boxes = append(a.boxes, b)
		}
	}
	a.first = append(a.first, len(a.boxes))
	return a
}

// plainBoxes are the headers of a protocol without ports; -1 is all of those
// that have no atom of their own.
func plainBoxes(u *Universe, protocol int16) []solver.Box {
	all := solver.Everything(u.Family)
	if protocol >= 0 {
		all.Protocol = solver.Port(uint16(protocol))
		return []solver.Box{all}
	}
	named := map[uint16]bool{}
	for _, a := range u.Atoms {
		if a.Protocol >= 0 {
			named[uint16(a.Protocol)] = true
		}
	}
	var boxes []solver.Box
	for p := uint16(0); p < 256; p++ {
		if named[p] {
			continue
		}
		if n := len(boxes); n > 0 && boxes[n-1].Protocol.Hi+1 == p {
			boxes[n-1].Protocol.Hi = p
			continue
		}
		b := all
		b.Protocol = solver.Port(p)
		boxes = append(boxes, b)
	}
	return boxes
}

// pair answers for a pair of classes. It returns nil where the groups of the
// two stop everything: groups judge whatever way a packet takes.
func (a *asker) pair(ctx context.Context, from, to int32) (*Answer, error) {
	if a.search != nil && a.unwanted(from, to) || !a.odd(from, to) && a.stopped(a.t.hi, from, to) {
		return nil, nil
	}
	u, v := &a.t.Vertices[a.t.Classes[from].Vertices[0]], a.other(from, to)
	if u.Interface == v.Interface {
		return nil, nil
	}
	if u.vague || v.vague {
		return a.vaguely(from, to), nil
	}
	flow, space, err := a.flow(ctx, u.Interface, v.Interface)
	if err != nil {
		if !errors.Is(err, solver.ErrBudget) {
			return nil, err
		}
		// Too complex for packet sets: anything may be.
		out := newAnswer(a.t.Universe.Words)
		copy(out.May.Forward, a.t.Universe.all)
		copy(out.May.Reply, a.t.Universe.all)
		return out, nil
	}
	return a.read(space, &flow, u, v)
}

// other is a vertex of the second class that is not the first one's
// interface, where there is one.
func (a *asker) other(from, to int32) *Vertex {
	u := &a.t.Vertices[a.t.Classes[from].Vertices[0]]
	for _, k := range a.t.Classes[to].Vertices {
		if v := &a.t.Vertices[k]; v.Interface != u.Interface {
			return v
		}
	}
	return &a.t.Vertices[a.t.Classes[to].Vertices[0]]
}

// maxEdges is how large a model's space may grow before it is made anew: it
// keeps what it computed.
const maxEdges = solver.DefaultMaxEdges / 4

// flow asks what flows between two interfaces, not through a load balancer.
func (a *asker) flow(ctx context.Context, from, to *ir.Interface) (reach.Flow, *solver.Space, error) {
	return a.ask(ctx, reach.Question{From: from, To: to, Family: a.t.family, Direct: true})
}

func (a *asker) ask(ctx context.Context, q reach.Question) (reach.Flow, *solver.Space, error) {
	for fresh := false; ; fresh = true {
		if a.model == nil {
			m, err := reach.Compile(ctx, a.t.net)
			if err != nil {
				return reach.Flow{}, nil, err
			}
			a.model, fresh = m, true
		}
		space := a.model.Space(a.t.family)
		flow, err := a.model.Ask(ctx, q)
		if err != nil {
			a.model = nil
			if errors.Is(err, solver.ErrBudget) && !fresh {
				continue
			}
			return reach.Flow{}, nil, err
		}
		if space.Edges() > maxEdges {
			a.model = nil
		}
		return flow, space, nil
	}
}

// read turns packet sets into sets of services: an atom surely flows when all
// of it does, possibly when some of it does. Where an address is not known, what
// surely flows does so for every one that the interface may have.
func (a *asker) read(s *solver.Space, flow *reach.Flow, u, v *Vertex) (*Answer, error) {
	t := a.t
	out := newAnswer(t.Universe.Words)
	ask := asking{a: a, s: s, u: u, v: v}
	if !u.Addr.IsValid() || !v.Addr.IsValid() {
		flow.Forward.Must = ask.every(flow, flow.Forward.Must)
		flow.Complete.Must = ask.every(flow, flow.Complete.Must)
	}
	for k := range t.Universe.Atoms {
		in := ask.boxes(k)
		if ask.some(in, flow.Forward.May) {
			set(out.May.Forward, k)
			if ask.all(in, flow.Forward.Must) {
				set(out.Must.Forward, k)
			}
		}
	}
	ask.replies(flow, out)
	return out, ask.err
}

// asking is one conversation with a space.
type asking struct {
	a    *asker
	s    *solver.Space
	u, v *Vertex
	err  error
}

// every keeps the headers that are in a set whichever addresses the ends have,
// of those that are not known. It does not read the fields of these.
func (q *asking) every(flow *reach.Flow, set solver.Set) solver.Set {
	among := q.s.Intersect(flow.Addressed, q.s.Of(q.own()...))
	bad := q.s.Difference(among, set)
	for _, end := range []struct {
		field packet.Field
		v     *Vertex
	}{{packet.FieldSrc, q.u}, {packet.FieldDst, q.v}} {
		if !end.v.Addr.IsValid() {
			among, bad = q.s.Project(among, end.field), q.s.Project(bad, end.field)
		}
	}
	return q.s.Difference(among, bad)
}

// own are the headers to the second interface's private addresses, as far as
// they are known: not to public ones.
func (q *asking) own() []solver.Box {
	all := solver.Everything(q.s.Family())
	var boxes []solver.Box
	add := func(c *ir.Value[netip.Prefix]) bool {
		if c.Known() && c.V.IsValid() && packet.FamilyOfPrefix(c.V) == q.s.Family() {
			b := all
			b.Dst = netipx.RangeOfPrefix(c.V.Masked())
			boxes = append(boxes, b)
		}
		return c.Known()
	}
	at := stands(q.v.Interface)
	for _, s := range at {
		known := s.vpc.Seen && s.vpc.More == nil
		for _, cs := range [...][]ir.Value[netip.Prefix]{s.vpc.IPv4, s.vpc.IPv6} {
			for k := range cs {
				known = add(&cs[k]) && known
			}
		}
		if !known {
			return []solver.Box{all}
		}
	}
	if len(at) == 0 {
		return []solver.Box{all}
	}
	for k := range q.v.Interface.Addresses {
		if d := &q.v.Interface.Addresses[k]; d.Private.Known() && packet.FamilyOf(d.Private.V) == q.s.Family() {
			b := all
			b.Dst = solver.Address(d.Private.V)
			boxes = append(boxes, b)
		}
	}
	return boxes
}

// boxes are the headers of an atom between the two vertices.
func (q *asking) boxes(atom int) []solver.Box {
	var out []solver.Box
	for _, b := range q.a.boxes[q.a.first[atom]:q.a.first[atom+1]] {
		b.Src, b.Dst = addressOr(b.Src, q.u.Addr), addressOr(b.Dst, q.v.Addr)
		out = append(out, b)
	}
	return out
}

func addressOr(r netipx.IPRange, a netip.Addr) netipx.IPRange {
	if a.IsValid() {
		return solver.Address(a)
	}
	return r
}

func (q *asking) some(boxes []solver.Box, in solver.Set) bool {
	disjoint, err := q.s.Disjoint(q.s.Of(boxes...), in)
	if err != nil {
		q.err = err
	}
	return !disjoint
}

func (q *asking) all(boxes []solver.Box, in solver.Set) bool {
	inside, err := q.s.Subset(q.s.Of(boxes...), in)
	if err != nil {
		q.err = err
	}
	return inside && err == nil
}

// replies finds the client ports at which replies arrive: surely when they do
// whatever the service, possibly when they do for some.
func (q *asking) replies(flow *reach.Flow, out *Answer) {
	u := q.a.t.Universe
	for _, p := range u.ported {
		q.ported(flow, out, &p)
	}
	refused := u.empty()
	for k := range u.Atoms {
		at := k
		if u.answer[k] >= 0 {
			at = int(u.answer[k])
		} else if !has(u.plain, k) {
			continue
		}
		boxes := q.boxes(k)
		if has(out.May.Forward, k) && q.some(boxes, flow.Complete.May) {
			set(out.May.Reply, at)
		}
		if !has(out.Must.Forward, k) {
			continue
		}
		if q.all(boxes, flow.Complete.Must) {
			set(out.Must.Reply, at)
		} else {
			set(refused, at)
		}
	}
	for k := range refused {
		out.Must.Reply[k] &^= refused[k]
	}
}

// ported finds the client ports of one protocol.
func (q *asking) ported(flow *reach.Flow, out *Answer, p *protocolMask) {
	u := q.a.t.Universe
	var sure, may []solver.Box
	for k := range u.Atoms {
		if !has(p.mask, k) {
			continue
		}
		if has(out.Must.Forward, k) {
			sure = append(sure, q.boxes(k)...)
		}
		if has(out.May.Forward, k) {
			may = append(may, q.boxes(k)...)
		}
	}
	if len(may) == 0 {
		return
	}
	refused := q.s.Difference(q.s.Of(sure...), flow.Complete.Must)
	answered := q.s.Intersect(q.s.Of(may...), flow.Complete.May)
	for c := range u.Atoms {
		if !has(p.mask, c) {
			continue
		}
		clients := q.clients(c)
		if q.some(clients, answered) {
			set(out.May.Reply, c)
		}
		if len(sure) > 0 && !q.some(clients, refused) {
			set(out.Must.Reply, c)
		}
	}
}

// clients are the headers with the client ports of an atom.
func (q *asking) clients(atom int) []solver.Box {
	boxes := q.boxes(atom)
	for k := range boxes {
		boxes[k].SrcPort, boxes[k].DstPort = boxes[k].DstPort, solver.Interval{Lo: 0, Hi: 65535}
	}
	return boxes
}
