package smt

import (
	"context"
	"math/bits"
	"sync"

	"github.com/postern-dev/postern/packet"
)

// Coverage asks a solver whether regions cover a region: the last step of
// package rulelist, which takes it as its Exact. It is safe for concurrent use;
// the questions queue up.
type Coverage struct {
	mu     sync.Mutex
	solver Solver
}

// NewCoverage returns a Coverage. The solver stays the caller's to close, and
// must not be asked by others at the same time.
func NewCoverage(s Solver) *Coverage { return &Coverage{solver: s} }

// Covered reports whether every well-formed header of a region is in one of
// others; when not, it returns a header that is in none. The errors are those of
// Solver.Solve.
func (c *Coverage) Covered(ctx context.Context, f packet.Family, target packet.Region, others []packet.Region) (bool, packet.Header, error) {
	b := NewBuilder()
	h := b.Header(f)
	assert := []Term{b.wellFormed(h), b.insideRegion(h, &target)}
	for k := range others {
		assert = append(assert, b.Not(b.insideRegion(h, &others[k])))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := c.solver.Solve(ctx, Formula{Builder: b, Header: h, Assert: assert})
	if err != nil {
		return false, packet.Header{}, err
	}
	if m == nil {
		return true, packet.Header{}, nil
	}
	return false, m.Header, nil
}

// insideRegion is true where a header lies in a region.
func (b *Builder) insideRegion(h Header, r *packet.Region) Term {
	var in []Term
	for f, t := range []Term{h.Protocol, h.Src, h.Dst, h.SrcPort, h.DstPort} {
		in = append(in, b.within(t, Value(r[f].Lo), Value(r[f].Hi)))
	}
	return b.And(in...)
}

// within is Between; an interval of all values with the same leading bits is
// their equality, which solvers decide sooner.
func (b *Builder) within(t Term, lo, hi Value) Term {
	w := b.Width(t)
	free := bits.Len64(lo.Lo ^ hi.Lo)
	if lo.Hi != hi.Hi {
		free = 64 + bits.Len64(lo.Hi^hi.Hi)
	}
	if free == 0 || lo.slice(free-1, 0) != (Value{}) || hi.slice(free-1, 0) != b.largest(free) {
		return b.Between(t, lo, hi)
	}
	if free == w {
		return True
	}
	return b.Eq(b.Extract(w-1, free, t), b.Constant(lo.slice(w-1, free), w-free))
}

// wellFormed: fields that the header's kind does not have are 0.
func (b *Builder) wellFormed(h Header) Term {
	typed := uint64(packet.ICMP)
	if h.Family == packet.IPv6 {
		typed = packet.ICMPv6
	}
	is := func(p uint64) Term { return b.Eq(h.Protocol, b.Constant(Number(p), 8)) }
	none := func(port Term) Term { return b.Eq(port, b.Constant(Number(0), 16)) }
	ported := b.Or(is(packet.TCP), is(packet.UDP))
	return b.And(b.Or(ported, none(h.SrcPort)), b.Or(ported, is(typed), none(h.DstPort)))
}
