//go:build z3

package smt

import (
	"context"
	"errors"
	"math/big"

	"github.com/postern-dev/postern/solver/smt/z3"
)

// ErrNotBuilt is what InProcess returns without the build tag z3.
var ErrNotBuilt = errors.New("smt: built without the tag z3, so there is no solver in the process")

// InProcess returns the solver that is linked into the program.
func InProcess() (Solver, error) {
	x, err := z3.NewContext()
	if err != nil {
		return nil, err
	}
	return &linked{x: x}, nil
}

// linked is libz3 as a Solver.
type linked struct {
	x   *z3.Context
	err error
}

func (l *linked) Close() error {
	if l.err == nil {
		l.err = ErrEnded
	}
	l.x.Close()
	return nil
}

func (l *linked) Solve(ctx context.Context, f Formula) (*Model, error) {
	if l.err != nil {
		return nil, l.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := f.program()
	if err != nil {
		return nil, err
	}
	m, err := l.ask(ctx, &f, p)
	switch {
	case err == nil, errors.Is(err, ErrUndecided) && ctx.Err() == nil:
		return m, err
	case ctx.Err() != nil:
		err = ctx.Err()
	}
	l.err = err
	return nil, err
}

func (l *linked) ask(ctx context.Context, f *Formula, p *program) (*Model, error) {
	x := l.x
	defer x.Release(x.Mark())
	s := x.NewSolver()
	defer s.Close()
	made := map[Term]z3.Value{}
	for _, t := range p.vars {
		n := &p.nodes[t]
		if n.width == 0 {
			made[t] = x.BoolConst(n.name)
		} else {
			made[t] = x.BVConst(n.name, n.width)
		}
	}
	for _, t := range p.defined { // those are shallow; what is between them is built by recursion
		l.build(p, t, made)
	}
	for _, t := range p.assert {
		s.Assert(l.build(p, t, made))
	}
	if err := x.Err(); err != nil {
		return nil, &RefusedError{clip(err.Error())}
	}
	stop := context.AfterFunc(ctx, x.Interrupt)
	sat, err := s.Check()
	stop()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, z3.ErrUndecided):
		return nil, ErrUndecided
	case err != nil:
		return nil, &RefusedError{clip(err.Error())}
	case !sat:
		return nil, nil
	}
	return l.model(f, p, s, made)
}

func (l *linked) model(f *Formula, p *program, s *z3.Solver, made map[Term]z3.Value) (*Model, error) {
	vars := make([]z3.Value, len(p.vars))
	for k, t := range p.vars {
		vars[k] = made[t]
	}
	texts, err := s.Model(vars)
	if err != nil {
		return nil, unreadable("%v", err)
	}
	values := map[Term]Value{}
	for k, t := range p.vars {
		n, ok := new(big.Int).SetString(texts[k], 10)
		if !ok || n.Sign() < 0 || n.BitLen() > max(1, p.nodes[t].width) {
			return nil, unreadable("a value of %s", p.nodes[t].name)
		}
		var b [16]byte
		n.FillBytes(b[:])
		for _, c := range b {
			v := values[t]
			values[t] = Value{v.Hi<<8 | v.Lo>>56, v.Lo<<8 | uint64(c)}
		}
	}
	return f.read(values)
}

// build makes the value of a term, each once.
func (l *linked) build(p *program, t Term, made map[Term]z3.Value) z3.Value {
	if v, ok := made[t]; ok {
		return v
	}
	x, n := l.x, &p.nodes[t]
	args := make([]z3.Value, len(n.args))
	for k, a := range n.args {
		args[k] = l.build(p, a, made)
	}
	var v z3.Value
	switch n.op {
	case opTrue, opFalse:
		v = x.FromBool(n.op == opTrue)
	case opNumber:
		v = x.FromDecimal(decimal(n.value), n.width)
	case opNot:
		v = x.Not(args[0])
	case opAnd:
		v = x.And(args...)
	case opOr:
		v = x.Or(args...)
	case opIte:
		v = x.IfThenElse(args[0], args[1], args[2])
	case opEq:
		v = x.Eq(args[0], args[1])
	case opUle:
		v = x.ULE(args[0], args[1])
	case opExtract:
		v = x.Extract(args[0], n.hi, n.lo)
	case opConcat:
		v = x.Concat(args[0], args[1])
	case opVar, opNone:
	}
	made[t] = v
	return v
}

func decimal(v Value) string {
	n := new(big.Int).SetUint64(v.Hi)
	n.Lsh(n, 64)
	return n.Or(n, new(big.Int).SetUint64(v.Lo)).String()
}
