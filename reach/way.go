package reach

import (
	"slices"

	"github.com/postern-dev/postern/ir"
)

// Way is one way from end to end, there and back: what the request meets and
// what its reply does. Its stages all have to agree.
type Way struct {
	Via    string // what it goes through between the subnets of its ends
	Stages []Stage
	// Forward holds the headers that arrive this way, Complete those of them
	// whose reply comes back, by this way or another.
	Forward, Complete Band
	// Through lists the load balancers that send the flow on, in order. The
	// headers of such a way name the first one's address and listener.
	Through []*ir.Interface
	// FromVPC and ToVPC are where the ends stand; nil outside.
	FromVPC, ToVPC *ir.VPC
}

// found notes a way that a walk has found, one for each path of the reply.
func (w *walker) found(t trip, o outcome, backs []*step) {
	if len(backs) == 0 {
		backs = []*step{nil}
	}
	for _, b := range backs {
		w.waysOf(t, o, b)
	}
}

// waysOf spells a way out, with every path that the reply may take on the
// segments before the last translator.
func (w *walker) waysOf(t trip, o outcome, back *step) {
	type tail struct{ stages []Stage }
	tails := []tail{{stagesOf(t.s, back)}}
	forward := stagesOf(t.s, t.path)
	root := t.s
	for s := t.s; s.outer != nil; s = s.outer {
		root = s.outer
		forward = append(stagesOf(s.outer, s.path), forward...)
		if !w.hope {
			o.forward = all(s.outer.e.Space, s.met, s.lens.pull(o.forward))
			o.complete = all(s.outer.e.Space, s.met, s.lens.pull(o.complete))
		}
		var more []tail
		for _, b := range s.back {
			on := stagesOf(s.outer, b)
			for _, x := range tails {
				more = append(more, tail{slices.Concat(x.stages, on)})
			}
		}
		if len(more) > 0 {
			tails = more
		}
	}
	for _, x := range tails {
		if len(w.ways) >= maxWays {
			return
		}
		way := Way{
			Stages: slices.Concat(forward, x.stages), Forward: o.forward, Complete: o.complete, Through: t.through,
			FromVPC: root.from.at.vpc, ToVPC: t.s.to.at.vpc,
		}
		if uncertain(way.Stages) {
			for k := range way.Stages {
				if s := &way.Stages[k]; !s.Reply {
					way.Forward.Must = root.e.Intersect(way.Forward.Must, s.Band.Must)
				}
			}
			way.Complete.Must = root.e.Intersect(way.Complete.Must, way.Forward.Must)
		}
		way.Via = via(way.Stages)
		w.ways = append(w.ways, way)
	}
}

func uncertain(stages []Stage) bool {
	return slices.ContainsFunc(stages, func(s Stage) bool { return s.followed != nil })
}

// stagesOf lists the stages of a path in the order in which they are met, in the
// headers of the initiator.
func stagesOf(s *segment, p *step) []Stage {
	var stages []Stage
	for ; p != nil; p = p.prev {
		stages = append(stages, p.Stage)
	}
	slices.Reverse(stages)
	for k := range stages {
		stages[k].at = s
	}
	for x := s; x.outer != nil; x = x.outer {
		for k := range stages {
			st := &stages[k]
			st.Band = x.lens.pull(st.Band)
			if st.followed != nil {
				b := x.lens.pull(*st.followed)
				st.followed = &b
			}
		}
	}
	return stages
}

// via names the gateways and links of a request's way.
func via(stages []Stage) string {
	text := ""
	for _, s := range stages {
		if s.via == "" || s.Reply {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += s.via
	}
	if text == "" {
		return "local"
	}
	return text
}
