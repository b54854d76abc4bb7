package query

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// join makes the sets of all pairs one, family by family.
func (a *Answer) join(m *reach.Model) {
	for _, f := range packet.Families {
		s := m.Space(f)
		var forward, complete, blocked [3][]solver.Set
		for _, p := range a.Pairs {
			for _, x := range p.Sets {
				if x.Family == f {
					gather(&forward, x.Forward)
					gather(&complete, x.Complete)
					gather(&blocked, x.Blocked)
				}
			}
		}
		if len(forward[0]) > 0 {
			a.Sets = append(a.Sets, Sets{f, union(s, forward), union(s, complete), union(s, blocked)})
		}
	}
}

func gather(into *[3][]solver.Set, b reach.Band) {
	for i, set := range []solver.Set{b.Must, b.Ground, b.May} {
		into[i] = append(into[i], set)
	}
}

func union(s *solver.Space, of [3][]solver.Set) reach.Band {
	return reach.Band{Must: s.Union(of[0]...), Ground: s.Union(of[1]...), May: s.Union(of[2]...)}
}

// show picks the packet that the answer is shown by, and has it judged. A
// packet that surely flows is traced for every pair that says so.
func (a *Answer) show(m *reach.Model, q Question) {
	for i := range a.Pairs {
		p := &a.Pairs[i]
		if p.Verdict == trace.Unknown && a.Verdict != trace.Unknown {
			continue
		}
		shown := p.witness(m, q)
		if shown == nil {
			continue
		}
		if wrong := p.contradicts(q, shown); wrong != "" {
			a.Disagreements = append(a.Disagreements, wrong)
		}
		if a.Shown == nil && p.Verdict == a.Verdict {
			a.Shown = shown
		}
	}
}

// contradicts says what is wrong when the concrete evaluator sees a packet
// otherwise than the sets do.
func (p *Pair) contradicts(q Question, shown *Shown) string {
	got := shown.Result.Verdict
	sure := p.surely(q)
	if sure == trace.Allow && got != trace.Allow || sure == trace.Deny && got == trace.Allow {
		return fmt.Sprintf("%s: the sets of packets say %s, and the walk of one of them %s", shown.Header, sure, got)
	}
	return ""
}

// surely is what every packet that witness picks has to be.
func (p *Pair) surely(q Question) trace.Verdict {
	if q.All && p.Verdict == trace.Deny {
		return trace.Unknown // one that fails is shown, which may be for want of knowledge
	}
	return p.Verdict
}

// witness picks a packet of a pair that shows its verdict, and traces it.
func (p *Pair) witness(m *reach.Model, q Question) *Shown {
	for i := range p.tried {
		t := &p.tried[i]
		s := m.Space(t.family)
		complete, forward := reach.Band{}, reach.Band{}
		for _, x := range p.Sets {
			if x.Family == t.family {
				complete, forward = x.Complete, x.Forward
			}
		}
		fits := s.Union(addressed(s, t.flow, t.asked)...)
		var among []solver.Set
		switch p.Verdict {
		case trace.Allow:
			among = []solver.Set{complete.Must}
		case trace.Unknown:
			among = []solver.Set{s.Difference(complete.May, complete.Must)}
		case trace.Deny, trace.VerdictInvalid:
			among = []solver.Set{s.Difference(forward.Must, complete.May), s.Difference(fits, complete.May), s.Difference(t.asked, complete.May)}
		}
		for _, set := range among {
			h, ok, err := s.Witness(set)
			if err != nil || !ok {
				continue
			}
			query := trace.Query{From: p.From.Interface, To: p.To.Interface, Header: h}
			shown := &Shown{From: p.From, To: p.To, Header: h, Result: trace.Run(m.Net, query)}
			if !t.flow.FixedFrom {
				shown.Floating = append(shown.Floating, p.From.Interface.Resource)
			}
			if !t.flow.FixedTo {
				shown.Floating = append(shown.Floating, p.To.Interface.Resource)
			}
			return shown
		}
	}
	return nil
}

// Blocker is what stops everything between two ends.
type Blocker struct {
	reach.Stage
	// Like is how many more there are of the same place in the input: the
	// other interfaces that one block makes.
	Like int
}

// block gathers what stops everything, for the pairs that nothing flows
// between.
func (a *Answer) block(m *reach.Model, q Question) {
	if a.Verdict != trace.Deny || q.All {
		return
	}
	seen := map[string]bool{}
	for i := range a.Pairs {
		for _, t := range a.Pairs[i].tried {
			for _, st := range m.Blockers(t.family, t.flow, t.asked) {
				if key := fmt.Sprint(st.Kind, st.Reply, st.Component, st.Message); seen[key] {
					continue
				} else {
					seen[key] = true
				}
				if k := slices.IndexFunc(a.Blockers, func(b Blocker) bool { return b.like(st) }); k >= 0 {
					a.Blockers[k].Like++
					continue
				}
				a.Blockers = append(a.Blockers, Blocker{Stage: st})
			}
		}
	}
}

// like reports whether another stage is of the same line of the input.
func (b Blocker) like(s reach.Stage) bool {
	return b.Kind == s.Kind && b.Reply == s.Reply && b.Code == s.Code && !s.Place.Range.IsZero() && b.Place.Range == s.Place.Range
}
