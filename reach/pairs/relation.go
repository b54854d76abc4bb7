package pairs

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/postern-dev/postern/ir"
)

// Relation says which units can open flows to which, two bits for each two.
type Relation struct {
	Units []Unit
	words int
	sets  [3][]uint64 // by Certainty: a row of bits for each unit
}

// Search narrows a relation to flows that surely are there.
type Search struct {
	// From chooses the interfaces that flows are looked for from. Of others some
	// may be left out.
	From func(*ir.Interface) bool
	// Marked chooses, of what surely flows, what makes a flow Marked. It is called
	// from many goroutines.
	Marked func(Services) bool
}

// Certainty chooses flows.
type Certainty uint8

// The flows of a relation.
const (
	Possible Certainty = iota // something may be completed; not known to a search
	Sure                      // something surely is, whatever AWS picks
	Marked                    // something that a search looks for surely is; only known to one
)

func newRelation(n int, searched bool) *Relation {
	r := &Relation{words: (n + 63) / 64}
	for _, c := range [...]Certainty{Possible, Sure, Marked} {
		if c == Sure || searched == (c == Marked) {
			r.sets[c] = make([]uint64, n*r.words)
		}
	}
	return r
}

// Row is the units that one can open flows to, as bits. It must not be changed.
func (r *Relation) Row(c Certainty, from int) []uint64 {
	return r.sets[c][from*r.words : (from+1)*r.words]
}

func (r *Relation) set(c Certainty, from, to int32) {
	if r.sets[c] == nil {
		return
	}
	at, bit := &r.sets[c][int(from)*r.words+int(to)/64], uint64(1)<<(to%64)
	if atomic.LoadUint64(at)&bit == 0 {
		atomic.OrUint64(at, bit)
	}
}

// Relation finds which units can open flows to which, surely and possibly; a
// search, when it is not nil, says what is looked for instead. The error is the
// context's.
func (t *Table) Relation(ctx context.Context, search *Search) (*Relation, error) {
	us := t.findUnits()
	r := newRelation(len(us.all), search != nil)
	r.Units = us.all
	workers := make([]*relater, Workers())
	of := func(k int) *relater {
		if workers[k] == nil {
			workers[k] = &relater{t: t, us: us, r: r, search: search, marks: map[uint64]bool{}, complete: t.Universe.empty(), pair: newAnswer(t.Universe.Words)}
		}
		return workers[k]
	}
	err := t.join(ctx, us, search, func(worker int, tile *Tile) error {
		of(worker).tile(tile)
		return nil
	}, func(worker int, from, to int32, sure *Sets) { of(worker).sure(from, to, sure) })
	return r, err
}

// relater fills a relation; each worker has one.
type relater struct {
	t        *Table
	us       *units
	r        *Relation
	search   *Search
	marks    map[uint64]bool // of universes of one word
	complete []uint64
	pair     *Answer
}

func (x *relater) tile(tile *Tile) {
	for to := tile.To; to < tile.ToEnd; to++ {
		for from := tile.From; from < tile.FromEnd; from++ {
			if !tile.read(x.pair, to, from, x.t.Universe.Words) {
				continue
			}
			if x.search == nil {
				x.possible(from, to)
			}
			if !x.us.either(from, to) {
				x.sure(x.us.of[from][0], x.us.of[to][0], &x.pair.Must)
			}
		}
	}
}

// possible notes that something may flow between the units of two classes.
func (x *relater) possible(from, to int) {
	x.t.Universe.Complete(x.complete, x.pair.May.Forward, x.pair.May.Reply)
	if zero(x.complete) {
		return
	}
	for _, u := range x.us.of[from] {
		for _, v := range x.us.of[to] {
			x.r.set(Possible, u, v)
		}
	}
}

// sure notes what surely flows between two units.
func (x *relater) sure(from, to int32, s *Sets) {
	if zero(s.Forward) {
		return
	}
	x.t.Universe.Complete(x.complete, s.Forward, s.Reply)
	if zero(x.complete) {
		return
	}
	x.r.set(Sure, from, to)
	if x.search != nil && x.isMarked() {
		x.r.set(Marked, from, to)
	}
}

func (x *relater) isMarked() bool {
	if len(x.complete) > 1 {
		return x.search.Marked(Services{&serviceSet{x.t.Universe, slices.Clone(x.complete)}})
	}
	is, ok := x.marks[x.complete[0]]
	if !ok {
		is = x.search.Marked(x.t.sets.of(x.complete))
		if len(x.marks) < maxKnown {
			x.marks[x.complete[0]] = is
		}
	}
	return is
}
