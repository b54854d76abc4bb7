package rulelist

import (
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
	table             // all pieces: entry by entry those of Lo, then those of Hi when they differ
	hi        []int32 // the first piece of Hi of each entry; its last is the entry's last

	// What subtraction and the diagram of one box may cost: maxSteps and
	// maxDiagram; tests ask for less.
	mostSteps, mostEdges int

	rowsOnce   sync.Once // the table's rows are made for the first question that looks pieces up
	once       sync.Once
	classifier classifier // made for the first Classify
}

// NewIndex makes the index of the entries of a list in one family. otherwise is
// what becomes of headers that no entry matches; it matters to Redundant alone.
func NewIndex(f packet.Family, entries []Entry, otherwise solver.Decision) *Index {
	x := &Index{family: f, otherwise: otherwise, mostSteps: maxSteps, mostEdges: maxDiagram}
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
	eachField(len(boxes), func(f int) {
		x.axes[f] = compress(x.family, f, boxes, x.pieces)
	})
	return x
}

// lookups returns the table of all pieces, ready for lookups.
func (x *Index) lookups() *table {
	x.rowsOnce.Do(func() {
		eachField(len(x.pieces), func(f int) { x.addRows(f, x.axes[f].ranks()) })
	})
	return &x.table
}

// eachField does something for each field; all at once for many pieces.
func eachField(pieces int, do func(f int)) {
	const many = 1000
	var wg sync.WaitGroup
	for f := range fields {
		if pieces >= many {
			wg.Go(func() { do(f) })
		} else {
			do(f)
		}
	}
	wg.Wait()
}

// Len returns the number of entries.
func (x *Index) Len() int { return len(x.actions) }

// Family returns the family of the headers.
func (x *Index) Family() packet.Family { return x.family }

// targets returns the pieces that entry i may match.
func (x *Index) targets(i int) []piece { return x.pieces[x.hi[i]:x.start[i+1]] }
