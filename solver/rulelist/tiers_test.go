package rulelist

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// oracle is an Exact that answers with packet sets.
type oracle struct{ err error }

func (o oracle) Covered(_ context.Context, target solver.Box, others []solver.Box) (bool, packet.Header, error) {
	s := solver.New(packet.IPv4, solver.Options{})
	h, left, err := s.Witness(s.Difference(s.Of(target), s.Of(others...)))
	if o.err != nil {
		err = o.err
	}
	return !left, h, err
}

// TestTiers checks that subtraction, diagrams and another solver say the same,
// each asked on its own, about both questions.
func TestTiers(t *testing.T) {
	states := map[State]int{}
	for _, k := range listgen.Kinds {
		for seed := range uint64(6) {
			rules := listgen.List(k, packet.IPv4, seed, 14)
			var entries []Entry
			for _, r := range rules {
				entries = append(entries, Known(r.Decision, r.Box))
			}
			x := NewIndex(packet.IPv4, entries, solver.Deny)
			for i := range rules {
				for _, after := range []bool{false, true} {
					for n := range x.targets(i) {
						states[tiersAgree(t, x, i, &x.targets(i)[n], after)]++
					}
				}
			}
		}
	}
	if states[Alive] < 20 || states[Covered] < 20 {
		t.Errorf("seen: %v", states)
	}
}

func tiersAgree(t *testing.T, x *Index, i int, b *piece, after bool) State {
	t.Helper()
	s := newSearch(x)
	s.gather(b, i, nil, after)
	s.open = after && x.actions[i] == x.otherwise
	s.steps = maxSteps
	cands := s.cands
	want := Alive
	if s.prove(b, cands) != nil {
		want = Covered
	}
	if s.over() {
		t.Fatal("out of steps")
	}
	if got := s.diagram(b, cands); got.State != want {
		t.Errorf("entry %d, after %v: the diagram says %v, subtraction %v", i, after, got.State, want)
	}
	got, err := s.ask(context.Background(), oracle{}, b, cands)
	if err != nil || got.State != want {
		t.Errorf("entry %d, after %v: the oracle says %v (%v), subtraction %v", i, after, got.State, err, want)
	}
	return want
}

// TestExactError checks that an error of another solver is passed on.
func TestExactError(t *testing.T) {
	box := solver.Everything(packet.IPv4)
	x := NewIndex(packet.IPv4, []Entry{Known(solver.Permit, box), Known(solver.Permit, box)}, solver.Deny)
	s := newSearch(x)
	s.gather(&x.targets(1)[0], 1, nil, false)
	broken := errors.New("broken")
	if _, err := s.ask(context.Background(), oracle{broken}, &x.targets(1)[0], s.cands); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
