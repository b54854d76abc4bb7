package pairs

import (
	"cmp"
	"slices"
)

// steps is a function from vertices to sets of services that changes at few
// vertices: val[k] holds from cut[k] up to the next cut. The first cut is 0.
type steps struct {
	cut []uint32
	val []uint64 // words of each set, one after another
}

// constant is the function with one value.
func constant(mask []uint64) steps { return steps{cut: []uint32{0}, val: mask} }

// at returns the place of the step that holds a vertex.
func (s *steps) at(v uint32) int {
	lo, n := 0, len(s.cut)
	for n > 1 {
		half := n >> 1
		if s.cut[lo+half] <= v {
			lo += half
		}
		n -= half
	}
	return lo
}

// word returns one word of a vertex's set.
func (s *steps) word(v uint32, words, k int) uint64 { return s.val[s.at(v)*words+k] }

// or adds one word of the sets of the vertices from lo on to a row of them.
func (s *steps) or(row []uint64, lo uint32, words, k int) {
	hi := lo + uint32(len(row))
	for at := s.at(lo); lo < hi; at++ {
		end := hi
		if at+1 < len(s.cut) {
			end = min(end, s.cut[at+1])
		}
		if m := s.val[at*words+k]; m != 0 {
			for i := range row[:end-lo] {
				row[i] |= m
			}
		}
		row, lo = row[end-lo:], end
	}
}

// append adds a step; one that changes nothing is left out.
func (s *steps) append(at uint32, mask []uint64) {
	w := len(mask)
	k := len(s.cut) - 1
	if k >= 0 && s.cut[k] == at {
		copy(s.val[k*w:], mask)
		if k > 0 && slices.Equal(s.val[(k-1)*w:k*w], mask) {
			s.cut, s.val = s.cut[:k], s.val[:k*w]
		}
		return
	}
	if k >= 0 && slices.Equal(s.val[k*w:], mask) {
		return
	}
	s.cut, s.val = append(s.cut, at), append(s.val, mask...)
}

// thin renumbers the vertices: before[v] of those that stay stand before v.
func (s *steps) thin(before []uint32, words int) steps {
	var t steps
	for k, c := range s.cut {
		if at := before[c]; k+1 == len(s.cut) || before[s.cut[k+1]] > at {
			t.append(at, s.val[k*words:(k+1)*words])
		}
	}
	return t
}

// part is a run of vertices and the services that a rule gives them.
type part struct {
	key  uint64 // the run's start, and below it the complement of its end
	mask int32  // in a table of masks
	hi   bool   // only possibly
}

func partOf(r run, mask int32, hi bool) part {
	return part{uint64(r.lo)<<32 | uint64(^r.hi), mask, hi}
}

func (p part) run() run { return run{uint32(p.key >> 32), ^uint32(p.key)} }

// maskTable holds sets of services by number. The first is empty, the second
// is all of them.
type maskTable struct {
	words int
	bits  []uint64
}

const (
	noServices  = 0
	allServices = 1
)

func newMaskTable(u *Universe) *maskTable {
	t := &maskTable{words: u.Words}
	t.add(u.empty())
	t.add(u.all)
	return t
}

func (t *maskTable) add(mask []uint64) int32 {
	t.bits = append(t.bits, mask...)
	return int32(len(t.bits)/t.words - 1)
}

func (t *maskTable) of(id int32) []uint64 { return t.bits[int(id)*t.words : int(id+1)*t.words] }

// union is the function that gives a vertex the services of all parts that hold
// it. Parts are sorted: of two that overlap, the outer one comes first.
func (t *maskTable) union(parts []part, hi bool) steps {
	var s steps
	t.unite(&s, parts, hi)
	return steps{cut: slices.Clip(s.cut), val: slices.Clip(s.val)}
}

// unite is union into a function whose memory is used again.
func (t *maskTable) unite(s *steps, parts []part, hi bool) {
	s.cut, s.val = s.cut[:0], s.val[:0]
	w := t.words
	stack := make([]uint64, w, 8*w)
	ends := []uint32{^uint32(0)}
	s.append(0, stack)
	pop := func(until uint32) {
		for len(ends) > 1 && ends[len(ends)-1] <= until {
			end := ends[len(ends)-1]
			ends, stack = ends[:len(ends)-1], stack[:len(stack)-w]
			s.append(end, stack[len(stack)-w:])
		}
	}
	for _, p := range parts {
		if p.hi && !hi {
			continue
		}
		r := p.run()
		if r.lo >= r.hi {
			continue
		}
		pop(r.lo)
		top := stack[len(stack)-w:]
		adds := false
		for k, m := range t.of(p.mask) {
			adds = adds || m&^top[k] != 0
		}
		if !adds {
			continue // what is around it gives as much
		}
		for _, m := range t.of(p.mask) {
			stack = append(stack, stack[len(stack)-w]|m) // a word of the set below
		}
		ends = append(ends, r.hi)
		s.append(r.lo, stack[len(stack)-w:])
	}
	pop(^uint32(0) - 1)
}

func sortParts(parts []part) {
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.key, b.key) })
}
