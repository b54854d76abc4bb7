package pairs

// cut is what ACLs and services leave of one word of the pairs of two cells.
type cut struct {
	skip         bool
	start        int // the first source
	to, toBack   [tileTo]uint64
	from, back   []uint64
	froms, backs [tileFrom]uint64
	refsOut      int // which table holds: bare or full
	refsIn       int
}

// cut works out what stands between two cells.
func (s *sideWorker) cut(c *cut, from, to cellRun, p *plan, k int) {
	c.skip = p.asked || !p.same && p.there.fate != passes
	if c.skip {
		return
	}
	c.start, c.refsOut, c.refsIn = from.lo, full, full
	n, m := to.hi-to.lo, from.hi-from.lo
	at, sat := to.lo-s.to, from.lo-s.from
	copy(c.to[:n], s.listens[k*tileTo+at:])
	for i := range n {
		c.toBack[i] = s.t.Universe.all[k]
	}
	if p.same {
		c.from, c.back = s.ones[:m], s.ones[:m]
		return
	}
	if !holds(p.there.refsOut, s.b.hi) {
		c.refsOut = bare
	}
	if !holds(p.there.refsIn, s.b.hi) {
		c.refsIn = bare
	}
	a, b := s.t.cells[from.cell].acl, s.t.cells[to.cell].acl
	and(c.to[:n], s.toRow(a, egress, k)[at:])
	if p.there.exit >= 0 {
		and(c.to[:n], s.toRow(p.there.exit, egress, k)[at:])
	}
	c.from = s.sourceRow(&c.froms, p.there.in, b, p.there.entry, ingress, k, sat, m)
	if p.back.fate != passes {
		clear(c.toBack[:n])
		c.back = s.ones[:m]
		return
	}
	if p.back.in {
		and(c.toBack[:n], s.toRow(a, ingress, k)[at:])
	}
	if p.back.entry >= 0 {
		and(c.toBack[:n], s.toRow(p.back.entry, ingress, k)[at:])
	}
	c.back = s.sourceRow(&c.backs, true, b, p.back.exit, egress, k, sat, m)
}

// sourceRow joins the ACLs that look at sources: one of a subnet, and one of a
// transit gateway.
func (s *sideWorker) sourceRow(buffer *[tileFrom]uint64, own bool, acl, transit int32, dir, k, at, n int) []uint64 {
	switch {
	case own && transit < 0:
		return s.fromRow(acl, dir, k)[at : at+n]
	case transit >= 0 && !own:
		return s.fromRow(transit, dir, k)[at : at+n]
	case transit < 0:
		return s.ones[:n]
	}
	copy(buffer[:n], s.fromRow(acl, dir, k)[at:])
	and(buffer[:n], s.fromRow(transit, dir, k)[at:])
	return buffer[:n]
}

func holds(t truth, hi bool) bool { return t == yes || t == maybe && hi }

func and(to, by []uint64) {
	by = by[:len(to)]
	for k := range to {
		to[k] &= by[k]
	}
}
