package rulelist_test

import (
	"context"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

func known(rules []listgen.Rule) []rulelist.Entry {
	out := make([]rulelist.Entry, len(rules))
	for i := range rules {
		out[i] = rulelist.Known(rules[i].Decision, rules[i].Box)
	}
	return out
}

func analyse(t testing.TB, x *rulelist.Index) []rulelist.Analysis {
	t.Helper()
	all, err := x.Analyse(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// decision is what a list does with a header, without one of its rules.
func decision(rules []listgen.Rule, without int, otherwise solver.Decision, h packet.Header) solver.Decision {
	for i := range rules {
		if i != without && listgen.Holds(&rules[i].Box, h) {
			return rules[i].Decision
		}
	}
	return otherwise
}

// TestTinyExhaustive compares every verdict about lists of tiny universes with
// what trying out all headers says.
func TestTinyExhaustive(t *testing.T) {
	for _, f := range packet.Families {
		universe := listgen.Universe(f)
		counts := map[string]int{}
		for seed := range uint64(60) {
			n := 2 + int(seed%12)
			rules := listgen.List(listgen.Tiny, f, seed, n)
			otherwise := solver.Deny
			if seed%3 == 0 {
				otherwise = solver.Permit
			}
			x := rulelist.NewIndex(f, known(rules), otherwise)
			for i, a := range analyse(t, x) {
				var holds, reached, matters bool
				for _, h := range universe {
					if !listgen.Holds(&rules[i].Box, h) {
						continue
					}
					holds = true
					if listgen.First(rules, h) == i {
						reached = true
						matters = matters || decision(rules, i, otherwise, h) != rules[i].Decision
					}
				}
				want := func(alive bool) rulelist.State {
					switch {
					case !holds:
						return rulelist.Absent
					case alive:
						return rulelist.Alive
					}
					return rulelist.Covered
				}
				if a.Shadowed.State != want(reached) || a.Redundant.State != want(matters) {
					t.Fatalf("%v, seed %d, rule %d: shadowed %v, redundant %v; want %v, %v\n%v", f, seed, i,
						a.Shadowed.State, a.Redundant.State, want(reached), want(matters), rules)
				}
				checkVerdicts(t, rules, i, otherwise, a)
				counts[a.Shadowed.State.String()]++
				counts["redundant "+a.Redundant.State.String()]++
			}
		}
		t.Log(f, counts)
	}
}

// checkVerdicts checks what verdicts bring as proof.
func checkVerdicts(t testing.TB, rules []listgen.Rule, i int, otherwise solver.Decision, a rulelist.Analysis) {
	t.Helper()
	switch h := a.Shadowed.Witness; a.Shadowed.State {
	case rulelist.Alive:
		if listgen.First(rules, h) != i {
			t.Errorf("rule %d: the witness %v meets rule %d", i, h, listgen.First(rules, h))
		}
	case rulelist.Covered:
		checkCover(t, rules, i, a.Shadowed)
	case rulelist.Undecided:
		t.Errorf("rule %d is undecided", i)
	case rulelist.Absent, rulelist.StateInvalid:
	}
	if h := a.Redundant.Witness; a.Redundant.State == rulelist.Alive {
		if listgen.First(rules, h) != i || decision(rules, i, otherwise, h) == rules[i].Decision {
			t.Errorf("rule %d: %v does not show that it is needed", i, h)
		}
	}
	if a.Redundant.State == rulelist.Undecided {
		t.Errorf("rule %d: redundancy is undecided", i)
	}
}

// checkCover checks with the algebra that the rules of a verdict cover, and
// that none can be left out.
func checkCover(t testing.TB, rules []listgen.Rule, i int, v rulelist.Verdict) {
	t.Helper()
	f := packet.FamilyOf(rules[i].Box.Src.From())
	s := solver.New(f, solver.Options{})
	target := s.Of(rules[i].Box)
	covers := func(without int) bool {
		var boxes []solver.Box
		for _, r := range v.Rules {
			if r != without {
				boxes = append(boxes, rules[r].Box)
			}
		}
		ok, err := s.Subset(target, s.Of(boxes...))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if len(v.Rules) == 0 || slices.Max(v.Rules) >= i || !covers(-1) {
		t.Errorf("rule %d is not covered by %v (%v)", i, v.Rules, v.Tier)
	}
	if v.Cover == nil {
		t.Errorf("rule %d: no cover (%v)", i, v.Tier)
	}
	if !v.Irreducible {
		return
	}
	for _, r := range v.Rules {
		if covers(r) {
			t.Errorf("rule %d: %v cover it without %d", i, v.Rules, r)
		}
	}
}

// TestAlgebraAgrees compares the analysis of larger lists with packet sets.
func TestAlgebraAgrees(t *testing.T) {
	for _, k := range listgen.Kinds {
		n := map[listgen.Kind]int{listgen.Adversarial: 25, listgen.FW: 120}[k]
		if n == 0 {
			n = 200
		}
		for _, f := range packet.Families {
			for seed := range uint64(2) {
				rules := listgen.List(k, f, seed, n)
				x := rulelist.NewIndex(f, known(rules), solver.Deny)
				all := analyse(t, x)
				s := solver.New(f, solver.Options{})
				before := solver.Empty
				shadowed := 0
				for i, a := range all {
					checkVerdicts(t, rules, i, solver.Deny, a)
					m := s.Of(rules[i].Box)
					covered, err := s.Subset(m, before)
					if err != nil {
						t.Fatal(err)
					}
					if covered != (a.Shadowed.State == rulelist.Covered || a.Shadowed.State == rulelist.Absent) {
						t.Errorf("%v %v: rule %d: %v", k, f, i, a.Shadowed)
					}
					if covered {
						shadowed++
					}
					before = s.Union(before, m)
				}
				if (k == listgen.AWS || k == listgen.Tiny || k == listgen.ACL) && shadowed == 0 {
					t.Errorf("%v: nothing is shadowed", k)
				}
			}
		}
	}
}
