package solver

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/packet"
)

// piece is a part of a node under construction: a span of a field and what it
// leads to.
type piece struct {
	span
	to id
}

// of builds the union of cells, ill-formed headers included. The cells are
// reordered.
//
// They are sorted once, so that those with the same protocol stand
// together, inside them those with the same source, and so on. Cells that share
// everything above a field become one node at it, and spans that lead to the
// same place become one interval set before anything is merged: a prefix list
// of a thousand CIDRs with one port is one node, not a thousand diagrams.
func (d *diagram[K]) of(cells []cell) id {
	if len(cells) > 1 {
		slices.SortFunc(cells, func(a, b cell) int { return a.compare(&b) })
	}
	return d.ofCells(cells, protocol)
}

// ofKinds builds the well-formed headers of some kinds.
func (d *diagram[K]) ofKinds(kinds ...packet.Kind) id {
	zero := []piece{{}} // the span of the value 0
	noPorts := d.node(dstPort, zero, permit)
	noPorts = d.node(srcPort, zero, noPorts)
	noSource := d.node(srcPort, zero, permit)
	base := len(d.stack)
	for p := range 256 {
		kind, to := packet.KindOf(d.family, uint8(p)), none
		if slices.Contains(kinds, kind) {
			switch kind {
			case packet.Ported:
				to = permit
			case packet.Typed:
				to = noSource
			case packet.Plain:
				to = noPorts
			case packet.KindInvalid:
			}
		}
		d.push(base, K(p), to)
	}
	if d.over {
		return invalid
	}
	return d.make(0, base)
}

// ofCells builds sorted cells that agree in every field above the given one.
func (d *diagram[K]) ofCells(cells []cell, field int) id {
	if field == fields {
		if len(cells) == 0 {
			return none
		}
		return permit
	}
	var one [1]piece
	pieces := one[:0]
	for len(cells) > 0 {
		n := 1
		for n < len(cells) && cells[n][field] == cells[0][field] {
			n++
		}
		to := d.ofCells(cells[:n], field+1)
		if to == invalid {
			return invalid
		}
		pieces = append(pieces, piece{cells[0][field], to})
		cells = cells[n:]
	}
	return d.ofPieces(field, pieces)
}

// ofPieces builds the union of pieces of one field. The pieces are reordered.
func (d *diagram[K]) ofPieces(field int, pieces []piece) id {
	if len(pieces) == 1 {
		return d.node(field, pieces, pieces[0].to)
	}
	slices.SortFunc(pieces, func(a, b piece) int {
		if a.to != b.to {
			return cmp.Compare(a.to, b.to)
		}
		return a.compare(b.span)
	})
	base := len(d.ids)
	for len(pieces) > 0 {
		n := 1
		for n < len(pieces) && pieces[n].to == pieces[0].to {
			n++
		}
		a := d.node(field, join(pieces[:n]), pieces[0].to)
		if a == invalid {
			return invalid
		}
		d.ids = append(d.ids, a)
		pieces = pieces[n:]
	}
	r := d.merge(union, d.ids[base:], false)
	d.ids = d.ids[:base]
	return r
}

// join merges sorted spans that overlap or touch, in place.
func join(ps []piece) []piece {
	n := 0
	for _, p := range ps[1:] {
		last := &ps[n]
		switch {
		case p.lo.compare(last.hi) <= 0, p.lo == last.hi.next():
			if p.hi.compare(last.hi) > 0 {
				last.hi = p.hi
			}
		default:
			n++
			ps[n] = p
		}
	}
	return ps[:n+1]
}

// node builds the set of headers whose field lies in one of several spans, in
// order and apart, and whose rest is in a set.
func (d *diagram[K]) node(field int, spans []piece, to id) id {
	l := int(d.start[field])
	base := len(d.stack)
	if !d.levels[l].upper {
		for _, s := range spans {
			d.interval(l, base, K(s.lo.lo), K(s.hi.lo), to)
		}
		return d.close(l, base)
	}
	for i := 0; i < len(spans); {
		i = d.halves(l, base, spans, i, to)
		if d.over {
			return invalid
		}
	}
	return d.close(l, base)
}

// halves adds to the upper node of a two-level address what the upper half that
// spans[i] begins in leads to, and the whole upper halves of the last span that
// begins in it. It returns the index of the first span left, having moved the
// beginning of a span that reaches into a later half:
//
//	upper      7            8            9
//	spans   |..[--]...[-----|------------|---]......|
//	adds    lower node       whole        (left for the next call)
func (d *diagram[K]) halves(l, base int, spans []piece, i int, to id) int {
	upper := spans[i].lo.hi
	all := ^uint64(0)
	lower := len(d.stack)
	// The lower node is built on the same stack, above the upper one.
	for ; i < len(spans) && spans[i].lo.hi == upper; i++ {
		s := &spans[i]
		if s.hi.hi == upper {
			d.interval(l+1, lower, K(s.lo.lo), K(s.hi.lo), to)
			continue
		}
		d.interval(l+1, lower, K(s.lo.lo), K(all), to)
		d.interval(l, base, K(upper), K(upper), d.close(l+1, lower))
		whole := s.hi.hi - 1
		if s.hi.lo == all {
			whole = s.hi.hi
		}
		if whole > upper {
			d.interval(l, base, K(upper+1), K(whole), to)
		}
		if whole == s.hi.hi {
			return i + 1
		}
		s.lo = word{hi: s.hi.hi}
		return i
	}
	d.interval(l, base, K(upper), K(upper), d.close(l+1, lower))
	return i
}

// interval adds an interval, and the gap before it, to the node that began at
// base on the stack.
func (d *diagram[K]) interval(l, base int, lo, hi K, to id) {
	if n := len(d.stack); n == base {
		if lo > 0 {
			d.push(base, lo-1, none)
		}
	} else if d.stack[n-1].hi < lo-1 {
		d.push(base, lo-1, none)
	}
	d.push(base, hi, to)
}

// close ends the node that began at base.
func (d *diagram[K]) close(l, base int) id {
	if n := len(d.stack); n == base || d.stack[n-1].hi < d.max[l] {
		d.push(base, d.max[l], none)
	}
	return d.make(l, base)
}
