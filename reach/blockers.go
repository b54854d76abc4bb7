package reach

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Blockers lists the stages that let nothing of a set through: each would have
// to change. They are those of every way that there is or would be with one more
// route, without repetitions: the most promising way first, the one with the
// fewest of them.
func (m *Model) Blockers(f packet.Family, flow Flow, asked solver.Set) []Stage {
	var stages []Stage
	seen := map[string]bool{}
	for _, r := range m.repairs(f, flow, asked, false) {
		for _, s := range r.Alone {
			if !seen[s.Message] {
				seen[s.Message] = true
				stages = append(stages, s)
			}
		}
	}
	return stages
}

// Repairs lists what stands in the way of a set, way by way: the one with the
// fewest changes first. The ways are those that there are, and those that there
// would be if a route led where the second end is. Where the set names some
// destinations, only ways to these count, and those to load balancers of theirs
// that do not send on to the second end.
func (m *Model) Repairs(f packet.Family, flow Flow, asked solver.Set) []Repair {
	return m.repairs(f, flow, asked, true)
}

// repairs is Repairs, on demand without what each change would have to let
// through.
func (m *Model) repairs(f packet.Family, flow Flow, asked solver.Set, spelled bool) []Repair {
	e := m.engines[f]
	w := &walker{e: e, q: flow.Question, hope: true, asked: asked}
	for _, a := range endPlaces(flow.From) {
		for _, b := range endPlaces(flow.To) {
			w.between(flow.From, flow.To, a, b)
		}
	}
	if !flow.Direct && flow.To != nil {
		w.through(m, flow.From, flow.To)
	}
	ways := w.ways
	if e.Project(asked, packet.FieldDst) != asked {
		if !flow.Direct && flow.To != nil {
			w.unregistered(m, flow, asked)
		}
		ways = slices.DeleteFunc(slices.Clone(w.ways), func(way Way) bool { return !e.namedBy(way, asked) })
		if len(ways) == 0 {
			ways = w.ways // no way goes to what was asked for: all of them say so
		}
	}
	var rs []Repair
	for _, way := range ways {
		if r := e.repair(way, asked, spelled); len(r.Changes) > 0 {
			rs = append(rs, r)
		}
	}
	slices.SortStableFunc(rs, func(a, b Repair) int {
		return cmp.Or(cmp.Compare(len(a.Changes), len(b.Changes)), cmp.Compare(len(a.Way.Stages), len(b.Way.Stages)))
	})
	return rs
}

// namedBy reports whether some header of a set names the ends as a way asks for.
func (e *engine) namedBy(way Way, asked solver.Set) bool {
	for _, s := range way.Stages {
		if !s.names {
			continue
		}
		if asked = e.Intersect(asked, s.Band.May); asked == solver.Empty {
			return false
		}
	}
	return true
}

// unregistered adds the ways to load balancers that do not send on to the far
// end, for headers that name them.
func (w *walker) unregistered(m *Model, flow Flow, asked solver.Set) {
	e := w.e
	for _, i := range e.net.Interfaces {
		if i == flow.From || i == flow.To || i.Services == nil || listenerCode(i) == "" ||
			slices.ContainsFunc(m.relays[flow.To], func(r *relay) bool { return r.balancer == i }) {
			continue
		}
		before := len(w.ways)
		for _, b := range endPlaces(i) {
			st := e.stands(i, b)
			if apart, err := e.Disjoint(e.Union(st.dst.May, st.dstPublic), asked); err != nil || apart {
				continue
			}
			for _, a := range endPlaces(flow.From) {
				w.between(flow.From, i, a, b)
			}
		}
		s := Stage{
			Kind: KindTranslate, Component: i.Resource, Place: i.Origin.Place(""), Code: "TARGET_ADDRESS_RESTRICTION",
			Message: i.Resource + " does not send on to " + flow.To.Resource, Band: exactly(solver.Empty),
		}
		if !slices.ContainsFunc(i.Services.Ports, func(p ir.Service) bool {
			return p.Forward != nil && (len(p.Forward.Targets) > 0 || p.Forward.Open != nil)
		}) {
			s.Code, s.Message = "ELBV2_LISTENER_HAS_NO_TG", i.Resource+" has nothing to send on to"
		}
		for k := before; k < len(w.ways); k++ {
			w.ways[k].Stages = append(slices.Clip(w.ways[k].Stages), s)
			w.ways[k].Through = []*ir.Interface{i}
		}
	}
}
