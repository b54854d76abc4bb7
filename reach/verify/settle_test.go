package verify_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/reach/verify"
	"github.com/postern-dev/postern/solver/smt"
)

// walk traces a packet with values.
func walk(n *ir.Network, q trace.Query, values map[string]string) trace.Verdict {
	with, moved := ir.SubstituteMapped(n, values)
	from, to := q.From, q.To
	if from != nil {
		q.From = moved[from]
	}
	if to != nil {
		q.To = moved[to]
	}
	if from != nil && q.From == nil || to != nil && q.To == nil {
		return trace.Deny
	}
	return trace.Run(with, q).Verdict
}

// TestSettle: the values that are found decide, with and without a solver, and a
// solver never contradicts what was found without it.
func TestSettle(t *testing.T) {
	s := start(t)
	cs, err := microcase.Load(os.DirFS("../../testdata/semantics"), "unknown.json")
	if err != nil {
		t.Fatal(err)
	}
	asked, passes, stops, proved := 0, 0, 0, 0
	for _, c := range cs {
		q := trace.Query{From: c.From, To: c.To, Header: c.Header}
		if c.Check != microcase.Flow || trace.Run(c.Network, q).Verdict != trace.Unknown {
			continue
		}
		asked++
		for _, solver := range []smt.Solver{nil, s} {
			got, err := verify.Settle(t.Context(), c.Network, q, solver)
			if err != nil {
				t.Fatal(err)
			}
			if got.Allow != nil {
				passes++
				if v := walk(c.Network, q, got.Allow); v != trace.Allow || got.Never {
					t.Errorf("%s: with %v it is %v", c.ID, got.Allow, v)
				}
			}
			if got.Deny != nil {
				stops++
				if v := walk(c.Network, q, got.Deny); v != trace.Deny || got.Always {
					t.Errorf("%s: with %v it is %v", c.ID, got.Deny, v)
				}
			}
			if got.Never || got.Always {
				proved++
			}
		}
	}
	t.Logf("%d asked twice; %d times values pass, %d times they stop, %d times none do", asked, passes, stops, proved)
	if passes < asked/2 || stops < asked/2 {
		t.Errorf("of %d packets values for %d and %d were found", asked, passes, stops)
	}
}

// silent never answers.
type silent struct{ closed *int }

func (silent) Solve(ctx context.Context, _ smt.Formula) (*smt.Model, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s silent) Close() error { *s.closed++; return nil }

// once answers a few times, and is silent from then on.
type once struct {
	silent
	left int
}

func (o *once) Solve(ctx context.Context, f smt.Formula) (*smt.Model, error) {
	if o.left--; o.left >= 0 {
		return nil, nil
	}
	return o.silent.Solve(ctx, f)
}

// A solver that says nothing is lost after one question; one that has answered
// before is started anew a few times.
func TestPatient(t *testing.T) {
	closed, started := 0, 0
	s, err := verify.Patient(t.Context(), time.Millisecond, func(context.Context) (smt.Solver, error) { return silent{&closed}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Solve(t.Context(), smt.Formula{}); err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("a silent solver: %v", err)
	}
	s, err = verify.Patient(t.Context(), time.Millisecond, func(context.Context) (smt.Solver, error) {
		started++
		return &once{silent{&closed}, 1}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	answers, undecided := 0, 0
	for {
		_, err := s.Solve(t.Context(), smt.Formula{})
		if errors.Is(err, smt.ErrUndecided) {
			undecided++
			continue
		}
		if err != nil {
			break
		}
		answers++
	}
	if answers != 5 || undecided != 4 || started != 5 || closed != 4 {
		t.Errorf("%d answers, %d undecided, started %d times, closed %d times", answers, undecided, started, closed)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Solve(ended, smt.Formula{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
}
