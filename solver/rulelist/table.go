package rulelist

import (
	"math/bits"

	"github.com/postern-dev/postern/solver"
)

// table is pieces that can be looked up by what they meet.
type table struct {
	pieces []piece
	of     []int32 // the entry of each piece
	sure   []bool  // whether each piece is one of Lo
	start  []int32 // the first piece of each entry, and the end
	rows   [fields]rows
}

// bitset is a set of pieces.
type bitset []uint64

func (b bitset) add(i int) { b[i/64] |= 1 << (i % 64) }

// rows are the bitsets of a field, one for each block of 1<<shift ranks:
// begun[k] are the pieces that begin in block k or before, done[k] those that
// end before block k.
type rows struct {
	shift       uint8
	last        uint32 // rank
	begun, done []bitset
}

// mostRows bounds the rows of a field, and with them the memory: more rows
// would leave out a few candidates more, at the price of cache misses.
const mostRows = 256

// addRows makes the rows of a field with n ranks.
func (t *table) addRows(f, n int) {
	words := (len(t.pieces) + 63) / 64
	r := rows{last: uint32(n - 1)}
	for (n-1)>>r.shift >= mostRows {
		r.shift++
	}
	blocks := (n-1)>>r.shift + 1
	all := make(bitset, 2*blocks*words)
	for k := range blocks {
		r.begun = append(r.begun, all[(2*k)*words:(2*k+1)*words])
		r.done = append(r.done, all[(2*k+1)*words:(2*k+2)*words])
	}
	for i := range t.pieces {
		r.begun[t.pieces[i][f].lo>>r.shift].add(i)
		if k := int(t.pieces[i][f].hi>>r.shift) + 1; k < blocks {
			r.done[k].add(i)
		}
	}
	for k := 1; k < blocks; k++ {
		for w := range words {
			r.begun[k][w] |= r.begun[k-1][w]
			r.done[k][w] |= r.done[k-1][w]
		}
	}
	t.rows[f] = r
}

// lookup is the rows that a question needs, those that leave out most first.
type lookup struct {
	n           int
	begun, done [fields]bitset
}

// likely is the fields in the order of how much they tell in most lists.
var likely = [fields]int{src, dst, dstPort, protocol, srcPort}

// meets prepares the lookup of the pieces that meet a box.
func (t *table) meets(b *piece) (l lookup) {
	for _, f := range likely {
		if r := &t.rows[f]; b[f].lo > 0 || b[f].hi < r.last {
			l.begun[l.n], l.done[l.n] = r.begun[b[f].hi>>r.shift], r.done[b[f].lo>>r.shift]
			l.n++
		}
	}
	return l
}

// holds prepares the lookup of the pieces that contain a box.
func (t *table) holds(b *piece) (l lookup) {
	for _, f := range likely {
		r := &t.rows[f]
		l.begun[l.n], l.done[l.n] = r.begun[b[f].lo>>r.shift], r.done[b[f].hi>>r.shift]
		l.n++
	}
	return l
}

// at prepares the lookup of the pieces that hold a point.
func (t *table) at(p *point) (l lookup) {
	l.n = fields
	for k, f := range likely {
		r := &t.rows[f]
		row := p[f] >> (r.shift & 31)
		l.begun[k], l.done[k] = r.begun[row], r.done[row]
	}
	return l
}

// word returns 64 pieces at once.
func (l *lookup) word(w int) uint64 {
	m := ^uint64(0)
	for k := range l.n {
		if m &= l.begun[k][w] &^ l.done[k][w]; m == 0 {
			break
		}
	}
	return m
}

// ends cuts what does not lie in from..to-1 out of a word.
func ends(m uint64, w, from, to int) uint64 {
	if w == from/64 {
		m &= ^uint64(0) << (from % 64)
	}
	if w == to/64 {
		m &= 1<<(to%64) - 1
	}
	return m
}

// meeting calls visit with the pieces from..to-1 that meet a box, in order,
// until it returns false.
func (t *table) meeting(b *piece, from, to int, visit func(k int) bool) {
	if from >= to {
		return
	}
	l := t.meets(b)
	for w := from / 64; w <= (to-1)/64; w++ {
		for m := ends(l.word(w), w, from, to); m != 0; m &= m - 1 {
			k := w*64 + bits.TrailingZeros64(m)
			if t.pieces[k].meets(b) && !visit(k) {
				return
			}
		}
	}
}

// container returns the first piece before to that surely holds a whole box, -1
// if there is none.
func (t *table) container(b *piece, to int) int {
	if to == 0 {
		return -1
	}
	l := t.holds(b)
	for w := 0; w <= (to-1)/64; w++ {
		for m := ends(l.word(w), w, 0, to); m != 0; m &= m - 1 {
			k := w*64 + bits.TrailingZeros64(m)
			if t.sure[k] && b.within(&t.pieces[k]) {
				return k
			}
		}
	}
	return -1
}

// first returns the first piece from..to-1 that takes a point, -1 if none does:
// one that surely holds it, or, when actions are given, that may hold it and does
// something else than act.
func (t *table) first(p *point, from, to int, actions []solver.Decision, act solver.Decision) int {
	if from >= to {
		return -1
	}
	l := t.at(p)
	for w := from / 64; w <= (to-1)/64; w++ {
		for m := ends(l.word(w), w, from, to); m != 0; m &= m - 1 {
			k := w*64 + bits.TrailingZeros64(m)
			if (t.sure[k] || actions != nil && actions[t.of[k]] != act) && t.pieces[k].holds(p) {
				return k
			}
		}
	}
	return -1
}
