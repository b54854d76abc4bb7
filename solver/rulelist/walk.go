package rulelist

import "github.com/postern-dev/postern/solver"

// walk looks for a header of a box that is not accounted for, without gathering
// candidates: it asks the table which piece takes a point, and leaves that piece
// by the side where most of the box is left. It starts at a corner, then at some
// points that depend on nothing but how many there were. False says nothing.
func (s *search) walk(b *piece, i int, after bool) bool {
	const (
		walks = 5
		most  = 12
	)
	p := b.corner()
	seed := uint64(1)
	for range walks {
		for range most {
			by, ok := s.taker(&p, i, after)
			if !ok {
				s.left = p
				return true
			}
			if by == nil || !leave(b, by, &p) {
				break
			}
		}
		for f := range p {
			seed = seed*6364136223846793005 + 1442695040888963407
			p[f] = b[f].lo + uint32((seed>>32)*(uint64(b[f].hi-b[f].lo)+1)>>32)
		}
	}
	return false
}

// walkOpposed is walk with what comes after entry i, in the parts of a box that
// pieces meet which oppose: there a header is more likely left over.
func (s *search) walkOpposed(b *piece, i int) bool {
	const most = 32
	in := s.in
	tried, found := 0, false
	try := func(p *piece, by int32) bool {
		if s.x.actions[by] == s.x.actions[i] {
			return true
		}
		tried++
		common := p.clip(b)
		found = s.walk(&common, i, true)
		return !found && tried < most
	}
	in.meeting(b, int(in.start[i+1]), len(in.pieces), func(k int) bool { return try(&in.pieces[k], in.of[k]) })
	for _, k := range s.hiddenOf(i) {
		if found || tried >= 2*most {
			break
		}
		if p := &s.x.pieces[k]; p.meets(b) {
			try(p, s.x.of[k])
		}
	}
	return found
}

// taker returns the piece that takes a point, other than those of entry i, and
// whether the point is accounted for.
func (s *search) taker(p *point, i int, after bool) (*piece, bool) {
	in, x := s.in, s.x
	if k := in.first(p, 0, int(in.start[i]), nil, solver.DecisionInvalid); k >= 0 {
		return &in.pieces[k], true
	}
	if !after {
		return nil, false
	}
	act := x.actions[i]
	by, taker := int32(x.Len()), (*piece)(nil)
	if k := in.first(p, int(in.start[i+1]), len(in.pieces), x.actions, act); k >= 0 {
		by, taker = in.of[k], &in.pieces[k]
	}
	for _, k := range s.hiddenOf(i) {
		if x.of[k] >= by {
			break
		}
		if x.pieces[k].holds(p) && (x.sure[k] || x.actions[x.of[k]] != act) {
			by, taker = x.of[k], &x.pieces[k]
			break
		}
	}
	if taker == nil {
		return nil, s.open
	}
	return taker, x.actions[by] == act
}

// hiddenOf returns the pieces that lie in entry i and are not in the table that
// candidates are taken from, in order.
func (s *search) hiddenOf(i int) []int32 {
	if s.hidden == nil {
		return nil
	}
	return s.hidden[i]
}

// leave moves a point out of a piece, within a box; false when the piece
// contains the box.
func leave(b, c *piece, p *point) bool {
	best, to := -1, uint32(0)
	most := 0.0
	for f := range fields {
		width := float64(b[f].hi-b[f].lo) + 1
		if c[f].hi < b[f].hi {
			if part := float64(b[f].hi-c[f].hi) / width; part > most {
				best, to, most = f, c[f].hi+1, part
			}
		}
		if c[f].lo > b[f].lo {
			if part := float64(c[f].lo-b[f].lo) / width; part > most {
				best, to, most = f, c[f].lo-1, part
			}
		}
	}
	if best < 0 {
		return false
	}
	p[best] = to
	return true
}
