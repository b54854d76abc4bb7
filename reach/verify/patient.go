package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-dev/postern/solver/smt"
)

// patient is a solver that has a time for each question. One that takes longer
// is ended and started anew, and the question counts as undecided. One that has
// answered nothing, or is late too often, is lost.
type patient struct {
	start    func(context.Context) (smt.Solver, error)
	solver   smt.Solver
	limit    time.Duration
	answered bool
	late     int
}

// mostLate is how often a solver may be late.
const mostLate = 5

// Patient starts a solver that is asked each question for a limited time.
func Patient(ctx context.Context, limit time.Duration, start func(context.Context) (smt.Solver, error)) (smt.Solver, error) {
	s, err := start(ctx)
	if err != nil {
		return nil, err
	}
	return &patient{start: start, solver: s, limit: limit}, nil
}

// Solve asks about one formula. See smt.Solver.
func (p *patient) Solve(ctx context.Context, f smt.Formula) (*smt.Model, error) {
	asking, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	m, err := p.solver.Solve(asking, f)
	if err == nil || errors.Is(err, smt.ErrUndecided) {
		p.answered = true
		return m, err
	}
	if ctx.Err() != nil || asking.Err() == nil {
		return nil, err
	}
	if p.late++; !p.answered || p.late == mostLate {
		return nil, fmt.Errorf("smt: the solver gave no answer within %s", p.limit)
	}
	if err := p.solver.Close(); err != nil {
		return nil, err
	}
	next, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	p.solver = next
	return nil, smt.ErrUndecided
}

// Close ends the solver.
func (p *patient) Close() error { return p.solver.Close() }
