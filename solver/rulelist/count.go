package rulelist

import (
	"errors"
	"math/big"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Part is how much of an entry is taken by those before it.
type Part struct {
	// Taken headers of the entry are surely matched before it; Of it matches
	// that many in the family. Both are exact.
	Taken, Of *big.Int
}

// ErrBudget says that a question needs more steps than it may take.
var ErrBudget = errors.New("rulelist: what entries leave of each other falls into too many parts")

// PartiallyShadowed counts the headers that entry i may match, and those of
// them that are surely matched before it.
func (x *Index) PartiallyShadowed(i int) (Part, error) {
	s := newSearch(x)
	left, all := new(big.Int), new(big.Int)
	targets := x.targets(i)
	for k := range targets {
		t := &targets[k]
		// Headers of several targets count once.
		s.cands = s.cands[:0]
		for o := range targets[:k] {
			if targets[o].meets(t) {
				s.cands = append(s.cands, candidate{piece: targets[o], role: settles})
			}
		}
		s.steps = maxSteps
		if !s.measure(t, s.cands, all) {
			return x.countByDiagram(i)
		}
		if s.container(int(x.hi[i])+k) >= 0 {
			continue
		}
		s.before(t, i)
		s.steps = maxSteps
		if !s.measure(t, s.cands, left) {
			return x.countByDiagram(i)
		}
	}
	return Part{new(big.Int).Sub(all, left), all}, nil
}

// measure adds the number of headers of a box that no candidate holds; false
// when its steps are spent.
func (s *search) measure(b *piece, cands []candidate, sum *big.Int) bool {
	s.steps -= len(cands) + 1
	if s.steps < 0 {
		return false
	}
	cut, most := -1, -1.0
	for k := range cands {
		if v := share(b, &cands[k].piece); v > most {
			cut, most = k, v
		}
	}
	if cut < 0 {
		sum.Add(sum, s.x.count(b))
		return true
	}
	var room [2 * fields]piece
	base := len(s.cands)
	for _, part := range cutOne(room[:0], *b, &cands[cut].piece) {
		for k := range cands {
			if cands[k].meets(&part) {
				s.cands = append(s.cands, cands[k])
			}
		}
		ok := s.measure(&part, s.cands[base:], sum)
		s.cands = s.cands[:base]
		if !ok {
			return false
		}
	}
	return true
}

// count returns the number of well-formed headers of a piece. A piece that
// looks at a port has only protocols that have it; see widen and subtract.
func (x *Index) count(b *piece) *big.Int {
	width := func(f int) *big.Int {
		lo, hi := x.first(b, f), x.last(b, f)
		return new(big.Int).Add(new(big.Int).Sub(number(hi), number(lo)), big.NewInt(1))
	}
	ported, typed, plain := int64(0), int64(0), int64(0)
	for p := x.first(b, protocol).Lo; p <= x.last(b, protocol).Lo; p++ {
		switch packet.KindOf(x.family, uint8(p)) {
		case packet.Ported:
			ported++
		case packet.Typed:
			typed++
		case packet.Plain, packet.KindInvalid:
			plain++
		}
	}
	n := new(big.Int).Mul(big.NewInt(ported), width(srcPort))
	n.Add(n, big.NewInt(typed))
	n.Mul(n, width(dstPort))
	n.Add(n, big.NewInt(plain))
	n.Mul(n, width(src))
	return n.Mul(n, width(dst))
}

func number(v packet.Value) *big.Int {
	n := new(big.Int).SetUint64(v.Hi)
	return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(v.Lo))
}

// countByDiagram is PartiallyShadowed with packet sets.
func (x *Index) countByDiagram(i int) (Part, error) {
	s := newSearch(x)
	sp := solver.New(x.family, solver.Options{MaxEdges: maxDiagram})
	var own, before []solver.Box
	targets := x.targets(i)
	for k := range targets {
		t := &targets[k]
		own = append(own, x.solverBox(t))
		s.gather(t, i, nil, false)
		for c := range s.cands {
			common := s.cands[c].clip(t)
			before = append(before, x.solverBox(&common))
		}
	}
	all := sp.Of(own...)
	taken := sp.Intersect(all, sp.Of(before...))
	if taken == solver.Invalid {
		return Part{}, ErrBudget
	}
	return Part{sp.Count(taken), sp.Count(all)}, nil
}
