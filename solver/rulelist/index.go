package rulelist

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Entry is one line of an ordered list. Lo are the headers that it surely
// matches, Hi those that it may match; Lo lies in Hi. Of an entry that is known
// they are the same. Boxes are taken as solver.Space.Of takes them.
type Entry struct {
	Lo, Hi []solver.Box
	// Action is what the entry does with what it matches; DecisionInvalid when
	// that is not known.
	Action solver.Decision
}

// Known returns an entry of which everything is known.
func Known(action solver.Decision, boxes ...solver.Box) Entry {
	return Entry{Lo: boxes, Hi: boxes, Action: action}
}

// Index is an ordered list that is ready for questions. It does not change, and
// may be asked by several goroutines at once.
type Index struct {
	family    packet.Family
	otherwise solver.Decision
	actions   []solver.Decision
	axes      [fields]axis
	// pieces are, entry by entry, those of Lo, then those of Hi when they
	// differ.
	pieces []piece
	of     []int32 // the entry of each piece
	sure   []bool  // whether each piece is one of Lo
	start  []int32 // the first piece of each entry, and the end
	hi     []int32 // the first piece of Hi of each entry; its last is the entry's last

	once  sync.Once
	table classifier // made for the first Classify
}

// NewIndex makes the index of the entries of a list in one family. otherwise is
// what becomes of headers that no entry matches; it matters to Redundant alone.
func NewIndex(f packet.Family, entries []Entry, otherwise solver.Decision) *Index {
	x := &Index{family: f, otherwise: otherwise}
	if f != packet.IPv6 {
		x.family = packet.IPv4 // of no family: its entries match nothing
	}
	n := len(entries)
	boxes := make([]box, 0, n)
	x.actions, x.start, x.hi = make([]solver.Decision, 0, n), make([]int32, 0, n+1), make([]int32, 0, n)
	x.of, x.sure = make([]int32, 0, n), make([]bool, 0, n)
	for i := range entries {
		e := &entries[i]
		x.actions = append(x.actions, e.Action)
		x.start = append(x.start, int32(len(boxes)))
		lo := len(boxes)
		if f != packet.FamilyInvalid {
			for k := range e.Lo {
				boxes = widen(boxes, f, &e.Lo[k])
			}
		}
		hi := len(boxes)
		if f != packet.FamilyInvalid && !slices.Equal(e.Lo, e.Hi) {
			for k := range e.Hi {
				boxes = widen(boxes, f, &e.Hi[k])
			}
		}
		for k := lo; k < len(boxes); k++ {
			x.of, x.sure = append(x.of, int32(i)), append(x.sure, k < hi)
		}
		if len(boxes) > hi {
			x.hi = append(x.hi, int32(hi))
		} else {
			x.hi = append(x.hi, int32(lo))
		}
	}
	x.start = append(x.start, int32(len(boxes)))
	x.pieces = make([]piece, len(boxes))
	for k := range fields {
		x.axes[k] = compress(x.family, k, boxes, x.pieces)
		x.axes[k].rows(k, x.pieces)
	}
	return x
}

// Len returns the number of entries.
func (x *Index) Len() int { return len(x.actions) }

// Family returns the family of the headers.
func (x *Index) Family() packet.Family { return x.family }

// targets returns the pieces that entry i may match.
func (x *Index) targets(i int) []piece { return x.pieces[x.hi[i]:x.start[i+1]] }

// meeting calls visit with the pieces from..to-1 that meet a box, in order,
// until it returns false.
func (x *Index) meeting(b *piece, from, to int, room *bitset, visit func(k int) bool) bool {
	w0, w1 := from/64, (to+63)/64
	if from >= to {
		return true
	}
	found := (*room)[:0]
	for w := w0; w < w1; w++ {
		found = append(found, ^uint64(0))
	}
	*room = found
	found[0] &= ^uint64(0) << (from % 64)
	if to%64 != 0 {
		found[len(found)-1] &= 1<<(to%64) - 1
	}
	for f := range fields {
		a := &x.axes[f]
		if b[f].lo == 0 && int(b[f].hi) == a.ranks()-1 {
			continue
		}
		begun, done := a.begun[b[f].hi/a.step][w0:w1], a.done[b[f].lo/a.step][w0:w1]
		for w := range found {
			found[w] &= begun[w] &^ done[w]
		}
	}
	for w, word := range found {
		for ; word != 0; word &= word - 1 {
			k := (w0+w)*64 + bits.TrailingZeros64(word)
			if x.pieces[k].meets(b) && !visit(k) {
				return false
			}
		}
	}
	return true
}
