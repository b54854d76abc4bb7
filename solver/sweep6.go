package solver

import "slices"

// An IPv6 address has two levels. It is swept as a whole, by its rank among the
// bounds of all strips, and what the ranks lead to is cut into two levels
// afterwards:
//
//	ranks       0        1     2         3
//	to          -        a     b         -
//	addresses   |--------|-----|---------|------------ ...
//	upper half  0 ....... 7 7 7 7 7 8 ... 9 ..........
//	upper level [- to 6] [7: lower level -, a, b] [b to 8] [9: b, -] [- to the end]

// flat is what the addresses up to one lead to.
type flat struct {
	hi word
	to id
}

// rank finds the ranks of addresses: the bounds of all boxes, in order.
func (w *sweeper) rank(boxes []cell, field int, last word) {
	w.bounds = append(w.bounds[:0], word{})
	for i := range boxes {
		s := boxes[i][field]
		w.bounds = append(w.bounds, s.lo)
		if s.hi != last {
			w.bounds = append(w.bounds, s.hi.next())
		}
	}
	slices.SortFunc(w.bounds, word.compare)
	w.bounds = slices.Compact(w.bounds)
	w.most = uint32(len(w.bounds) - 1)
}

// rankOf returns the rank that an address belongs to.
func (w *sweeper) rankOf(a word) uint32 {
	k, found := slices.BinarySearchFunc(w.bounds, a, word.compare)
	if !found {
		k--
	}
	return uint32(k)
}

// unrank makes the node of the upper level from edges whose ends are ranks.
func (d *diagram[K]) unrank(w *sweeper, level, base int) id {
	w.flat = w.flat[:0]
	for _, e := range d.stack[base:] {
		f := flat{word{^uint64(0), ^uint64(0)}, e.to}
		if uint32(e.hi) < w.most {
			f.hi = w.bounds[uint32(e.hi)+1]
			if f.hi.lo--; f.hi.lo == ^uint64(0) {
				f.hi.hi--
			}
		}
		w.flat = append(w.flat, f)
	}
	d.stack = d.stack[:base]
	lower := base // of the upper half that is under construction, above the edges of the upper level
	open, upper := false, uint64(0)
	for k := 0; k < len(w.flat); {
		f := w.flat[k]
		switch {
		case open && f.hi.hi == upper && f.hi.lo < ^uint64(0):
			d.push(lower, K(f.hi.lo), f.to)
			k++
		case open:
			d.push(lower, d.max[level+1], f.to)
			r := d.make(level+1, lower)
			if r == invalid {
				d.stack = d.stack[:base]
				return invalid
			}
			d.push(base, K(upper), r)
			open = false
			if f.hi == (word{upper, ^uint64(0)}) {
				k++
			}
		case f.hi.lo == ^uint64(0):
			d.push(base, K(f.hi.hi), f.to)
			k++
		default:
			if n := len(d.stack); f.hi.hi > 0 && (n == base || uint64(d.stack[n-1].hi) < f.hi.hi-1) {
				d.push(base, K(f.hi.hi-1), f.to)
			}
			open, upper, lower = true, f.hi.hi, len(d.stack)
			d.push(lower, K(f.hi.lo), f.to)
			k++
		}
	}
	return d.make(level, base)
}
