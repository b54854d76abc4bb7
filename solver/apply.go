package solver

import (
	"math/bits"
	"slices"
)

// op is an operation whose results the cache remembers.
type op uint8

const (
	union op = iota + 1
	intersect
	difference
	symmetric // symmetric difference
	earlier   // the first diagram where it decides, the second elsewhere
	refuse    // unary: permit becomes deny
	approve   // unary: permit stays, everything else becomes none
	approveNo // unary: deny becomes none, everything else permit
	subset    // question
	meets     // question: not disjoint
	forget    // unary; forget+f is the projection that drops field f
	_         = forget + fields
)

// memo is one line of the cache: op(a, b) = r.
type memo struct {
	a, b, r id
	op      op
}

func (d *diagram[K]) line(o op, a, b id) *memo {
	h := (uint64(a)<<32 | uint64(b)) + uint64(o)<<57
	h *= 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return &d.cache[(h>>32)&uint64(len(d.cache)-1)]
}

func (d *diagram[K]) recall(o op, a, b id) id {
	if m := d.line(o, a, b); m.a == a && m.b == b && m.op == o {
		return m.r
	}
	return invalid
}

func (d *diagram[K]) remember(o op, a, b, r id) {
	*d.line(o, a, b) = memo{a, b, r, o}
}

func (d *diagram[K]) growCache() {
	old := d.cache
	d.cache = make([]memo, 2*len(old))
	for _, m := range old {
		if m.op != 0 {
			d.remember(m.op, m.a, m.b, m.r)
		}
	}
}

// shortcut answers a binary operation without looking below, or returns invalid.
func shortcut(o op, a, b id) id {
	switch {
	case a == b:
		if o == difference || o == symmetric {
			return none
		}
		return a
	case a == none:
		if o == intersect || o == difference {
			return none
		}
		return b
	case b == none:
		if o == intersect {
			return none
		}
		return a
	case a == permit && o == union, a < ends && o == earlier:
		return a
	case a == permit && o == intersect, b == permit && o == union:
		return b
	case b == permit && o == intersect:
		return a
	case b == permit && o == difference:
		return none
	}
	return invalid
}

// apply computes a binary operation.
func (d *diagram[K]) apply(o op, a, b id) id {
	if r := shortcut(o, a, b); r != invalid {
		return r
	}
	if a > b && (o == union || o == intersect || o == symmetric) {
		a, b = b, a
	}
	if r := d.recall(o, a, b); r != invalid {
		return r
	}
	la, lb := d.level(a), d.level(b)
	base := len(d.stack)
	switch {
	case la < lb:
		es := d.out(a)
		if d.step(len(es)) {
			return invalid
		}
		for _, e := range es {
			r := d.apply(o, e.to, b)
			if r == invalid {
				return invalid
			}
			d.push(base, e.hi, r)
		}
	case lb < la:
		es := d.out(b)
		if d.step(len(es)) {
			return invalid
		}
		for _, e := range es {
			r := d.apply(o, a, e.to)
			if r == invalid {
				return invalid
			}
			d.push(base, e.hi, r)
		}
	default:
		if !d.overlay(o, d.out(a), d.out(b), base) {
			return invalid
		}
	}
	r := d.make(min(la, lb), base)
	if r != invalid {
		d.remember(o, a, b, r)
	}
	return r
}

// overlay applies an operation to two nodes of one level, interval by interval:
//
//	a   |-----x-----|---y---|
//	b   |--u--|---v---|--w--|
//	    |x u  |x v  |y|y w  |
func (d *diagram[K]) overlay(o op, as, bs []edge[K], base int) bool {
	if d.step(len(as) + len(bs)) {
		return false
	}
	for i, j := 0, 0; i < len(as); {
		x, y := as[i], bs[j]
		r := d.apply(o, x.to, y.to)
		if r == invalid {
			return false
		}
		hi := min(x.hi, y.hi)
		d.push(base, hi, r)
		if x.hi == hi {
			i++
		}
		if y.hi == hi {
			j++
		}
	}
	return true
}

// merge applies an associative operation to a list, in order, by halves: like a
// binary counter, it merges two neighbours when each stands for as many entries
// as the other. The list is overwritten.
//
// With tidy, it drops intermediate results when they have piled up; then
// nothing that was built since the operation began may be in use elsewhere.
func (d *diagram[K]) merge(o op, list []id, tidy bool) id {
	if len(list) == 0 {
		return none
	}
	top := 0 // list[:top] is merged, list[i+1:] is not
	for i := range list {
		list[top] = list[i]
		top++
		// As many merges as there are ones at the end of i in binary; at the
		// end of the list, all.
		n := bits.TrailingZeros(^uint(i))
		if i == len(list)-1 {
			n = top - 1
		}
		for ; n > 0; n-- {
			r := d.apply(o, list[top-2], list[top-1])
			if r == invalid && tidy && d.spent() {
				d.collect(list[:top], list[i+1:])
				r = d.apply(o, list[top-2], list[top-1])
			}
			if r == invalid {
				return invalid
			}
			top--
			list[top-1] = r
		}
		if tidy && d.littered() {
			d.collect(list[:top], list[i+1:])
		}
	}
	return list[0]
}

// mapEnds applies refuse, approve or approveNo: it replaces the ends.
func (d *diagram[K]) mapEnds(o op, a id) id {
	if a < ends {
		switch {
		case o == refuse && a == permit:
			return deny
		case o == approve && a == deny:
			return none
		case o == approveNo:
			if a == deny {
				return none
			}
			return permit
		}
		return a
	}
	if r := d.recall(o, a, none); r != invalid {
		return r
	}
	es := d.out(a)
	if d.step(len(es)) {
		return invalid
	}
	base := len(d.stack)
	for _, e := range es {
		r := d.mapEnds(o, e.to)
		if r == invalid {
			return invalid
		}
		d.push(base, e.hi, r)
	}
	r := d.make(d.level(a), base)
	if r != invalid {
		d.remember(o, a, none, r)
	}
	return r
}

// exists drops a field: the result holds every value of it for which the rest
// of the header is in the set with some value.
func (d *diagram[K]) exists(a id, field int) id {
	l := d.level(a)
	if l >= int(d.start[field+1]) {
		return a
	}
	o := forget + op(field)
	if r := d.recall(o, a, none); r != invalid {
		return r
	}
	es := d.out(a)
	if d.step(len(es)) {
		return invalid
	}
	var r id
	if l >= int(d.start[field]) {
		r = d.existsHere(es, field)
	} else {
		base := len(d.stack)
		for _, e := range es {
			to := d.exists(e.to, field)
			if to == invalid {
				return invalid
			}
			d.push(base, e.hi, to)
		}
		r = d.make(l, base)
	}
	if r != invalid {
		d.remember(o, a, none, r)
	}
	return r
}

func (d *diagram[K]) existsHere(es []edge[K], field int) id {
	base := len(d.ids)
	for _, e := range es {
		to := d.exists(e.to, field)
		if to == invalid {
			return invalid
		}
		d.ids = append(d.ids, to)
	}
	list := d.ids[base:]
	slices.Sort(list)
	r := d.merge(union, slices.Compact(list), false)
	d.ids = d.ids[:base]
	return r
}
