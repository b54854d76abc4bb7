package solver

import (
	"slices"
)

// listed is the number of paths up to which a set's boxes are collected and
// merged; larger sets are streamed path by path.
const listed = 1 << 14

// lister enumerates the cells of sets of one diagram.
type lister[K key] struct {
	d     *diagram[K]
	lists map[place][]cell
	paths map[id]int
}

// place is a set seen from a field: fields between it and the set's node are
// not restricted.
type place struct {
	a     id
	field int
}

// cells yields disjoint cells that make up a set, in the order of their fields.
func (d *diagram[K]) cells(a id, yield func(*cell) bool) {
	l := &lister[K]{d, map[place][]cell{}, map[id]int{none: 0, permit: 1}}
	var c cell
	l.stream(a, protocol, &c, yield)
}

// stream yields the cells of a set below a prefix of spans.
func (l *lister[K]) stream(a id, field int, prefix *cell, yield func(*cell) bool) bool {
	if l.count(a) <= listed {
		for _, c := range l.list(a, field) {
			copy(c[:field], prefix[:field])
			if !yield(&c) {
				return false
			}
		}
		return true
	}
	for s, to := range l.d.split(a, field) {
		prefix[field] = s
		if to != none && !l.stream(to, field+1, prefix, yield) {
			return false
		}
	}
	return true
}

// count returns the number of paths through a set, or listed+1.
func (l *lister[K]) count(a id) int {
	if n, ok := l.paths[a]; ok {
		return n
	}
	d := l.d
	n := 0
	var lo K
	for _, e := range d.out(a) {
		below := l.count(e.to)
		if level := d.level(a); d.levels[level].upper && d.level(e.to) == level+1 && below > 0 {
			// Each upper half is a range of its own.
			if w := uint64(e.hi - lo); w > listed {
				below = listed + 1
			} else {
				below *= int(w) + 1
			}
		}
		lo = e.hi + 1
		if n += below; n > listed {
			n = listed + 1
			break
		}
	}
	l.paths[a] = n
	return n
}

// list returns the cells of a set from a field on. No two of them could be one:
// a cell of a value that the value before has as well is extended, not begun.
//
//	field   |--10--|--20--|--30--|
//	below      A      A      B       gives  10..20 x A,  20..30 x B
//	                  B
func (l *lister[K]) list(a id, field int) []cell {
	switch {
	case a == none:
		return nil
	case field == fields:
		return make([]cell, 1)
	}
	if cs, ok := l.lists[place{a, field}]; ok {
		return cs
	}
	var out []cell
	var last []cell // what the span before leads to, with where each began
	var end word
	for s, to := range l.d.split(a, field) {
		below := slices.Clone(l.list(to, field+1))
		for i := range below {
			below[i][field].lo = s.lo
		}
		out, last = extend(out, last, below, field, end), below
		end = s.hi
	}
	out = extend(out, last, nil, field, end)
	slices.SortFunc(out, func(a, b cell) int { return a.compare(&b) })
	l.lists[place{a, field}] = out
	return out
}

// extend carries the cells of last that next has as well on, and adds those
// that end to out. Both lists are sorted by the fields after the given one.
func extend(out, last, next []cell, field int, end word) []cell {
	j := 0
	for i := range last {
		c := &last[i]
		for j < len(next) && compareAfter(&next[j], c, field) < 0 {
			j++
		}
		if j < len(next) && compareAfter(&next[j], c, field) == 0 {
			next[j][field].lo = c[field].lo
			continue
		}
		done := *c
		done[field].hi = end
		out = append(out, done)
	}
	return out
}

func compareAfter(a, b *cell, field int) int {
	for f := field + 1; f < fields; f++ {
		if o := a[f].compare(b[f]); o != 0 {
			return o
		}
	}
	return 0
}

// split yields the spans of a field that a set leads to different places from,
// in order. The two levels of an IPv6 address come out as one field.
func (d *diagram[K]) split(a id, field int) func(yield func(span, id) bool) {
	first := int(d.start[field])
	return func(yield func(span, id) bool) {
		s := splitter{yield: yield}
		if !d.levels[first].upper {
			d.each(a, first, func(lo, hi K, to id) bool {
				return s.add(span{word{lo: uint64(lo)}, word{lo: uint64(hi)}}, to)
			})
			s.flush()
			return
		}
		d.each(a, first, func(lo, hi K, to id) bool {
			if d.level(to) != first+1 {
				return s.add(span{word{hi: uint64(lo)}, word{uint64(hi), ^uint64(0)}}, to)
			}
			for upper := lo; ; upper++ {
				if !d.each(to, first+1, func(lo, hi K, to id) bool {
					return s.add(span{word{uint64(upper), uint64(lo)}, word{uint64(upper), uint64(hi)}}, to)
				}) {
					return false
				}
				if upper == hi {
					return true
				}
			}
		})
		s.flush()
	}
}

// each visits the intervals of a set at a level; false when it was stopped.
func (d *diagram[K]) each(a id, level int, visit func(lo, hi K, to id) bool) bool {
	if d.level(a) != level {
		return visit(0, d.max[level], a)
	}
	var lo K
	for _, e := range d.out(a) {
		if !visit(lo, e.hi, e.to) {
			return false
		}
		lo = e.hi + 1
	}
	return true
}

// splitter joins neighbours that lead to the same place.
type splitter struct {
	yield   func(span, id) bool
	last    span
	to      id // invalid: nothing yet
	stopped bool
}

func (s *splitter) add(next span, to id) bool {
	if s.to == to {
		s.last.hi = next.hi
		return true
	}
	s.flush()
	s.last, s.to = next, to
	return !s.stopped
}

func (s *splitter) flush() {
	if s.to != invalid && !s.stopped {
		s.stopped = !s.yield(s.last, s.to)
	}
}
