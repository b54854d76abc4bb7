package pairs

import (
	"context"
	"iter"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Index answers for all pairs of interfaces of one network. It does not change
// and may be used by many goroutines.
type Index struct {
	Net    *ir.Network
	tables map[packet.Family]*Table
}

// Compile prepares a network. The error is the context's.
func Compile(ctx context.Context, n *ir.Network) (*Index, error) {
	return compileWith(ctx, n, options{})
}

func compileWith(ctx context.Context, n *ir.Network, o options) (*Index, error) {
	x := &Index{Net: n, tables: map[packet.Family]*Table{}}
	for _, f := range packet.Families {
		t, err := newTable(ctx, n, f, o)
		if err != nil {
			return nil, err
		}
		if t != nil {
			x.tables[f] = t
		}
	}
	return x, nil
}

// Table returns the answers of one family; nil when no interface has an address
// of it.
func (x *Index) Table(f packet.Family) *Table { return x.tables[f] }

// Band is what surely flows and what possibly does.
type Band struct{ Must, May Services }

// Pair is what flows between the interfaces of two classes, from one address
// to another; see Class. A class and itself are a pair when it has several
// interfaces: what flows between two of them.
type Pair struct {
	Table    *Table
	From, To *Class
	// Forward holds the services whose requests arrive. Reply holds the ports at
	// which replies arrive: as client ports of TCP and UDP, as types and codes of
	// the answers of ICMP, as the protocols of all others.
	Forward, Reply Band
	// Complete holds those of Forward that a client can complete, from some
	// source port of its choice.
	Complete Band
}

// Pairs yields every pair of classes between which something may flow, IPv4
// first, by destination and then by source. The error is the context's, and
// comes last.
func (x *Index) Pairs(ctx context.Context) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for _, f := range packet.Families {
			if t := x.tables[f]; t != nil && !t.pairs(ctx, yield) {
				return
			}
		}
	}
}

func (t *Table) pairs(ctx context.Context, yield func(Pair, error) bool) bool {
	w := newWorker(t)
	known := map[[4]uint64]*bands{}
	for block := 0; block*tileTo < len(t.Classes); block++ {
		var found []Pair
		err := w.block(ctx, block, func(tile *Tile) error {
			for to := tile.To; to < tile.ToEnd; to++ {
				found = t.collect(found, known, tile, to)
			}
			return nil
		})
		slices.SortStableFunc(found, func(a, b Pair) int { return int(a.To.Vertices[0] - b.To.Vertices[0]) })
		for _, p := range found {
			if !yield(p, nil) {
				return false
			}
		}
		if err != nil {
			yield(Pair{}, err)
			return false
		}
	}
	return true
}

// Services makes a set of a mask of the table's universe.
func (t *Table) Services(mask []uint64) Services { return t.sets.of(mask) }

// collect adds the pairs of one destination in a tile that are not empty.
func (t *Table) collect(to []Pair, known map[[4]uint64]*bands, tile *Tile, dst int) []Pair {
	a := newAnswer(t.Universe.Words)
	for src := tile.From; src < tile.FromEnd; src++ {
		if !tile.read(a, dst, src, t.Universe.Words) {
			continue
		}
		b := t.bandsOf(known, a)
		to = append(to, Pair{
			Table: t, From: &t.Classes[src], To: &t.Classes[dst],
			Forward: b.forward, Reply: b.reply, Complete: b.complete,
		})
	}
	return to
}

// read copies a pair out of a tile, and reports whether anything may flow.
func (t *Tile) read(a *Answer, to, from, words int) bool {
	any := uint64(0)
	for k := range words {
		at := (k*tileTo+to-t.To)*tileFrom + from - t.From
		a.Must.Forward[k], a.Must.Reply[k] = t.Must.forward[at], t.Must.reply[at]
		a.May.Forward[k], a.May.Reply[k] = t.May.forward[at], t.May.reply[at]
		any |= t.May.forward[at]
	}
	return any != 0
}

// bands are the sets of a pair.
type bands struct{ forward, reply, complete Band }

// maxKnown bounds how many different answers are remembered.
const maxKnown = 1 << 20

// bandsOf makes sets of masks. It remembers those of universes of one word:
// many pairs have the same.
func (t *Table) bandsOf(known map[[4]uint64]*bands, a *Answer) *bands {
	var key [4]uint64
	if t.Universe.Words == 1 {
		key = [4]uint64{a.Must.Forward[0], a.Must.Reply[0], a.May.Forward[0], a.May.Reply[0]}
		if b, ok := known[key]; ok {
			return b
		}
	}
	b := &bands{
		forward: Band{t.sets.of(a.Must.Forward), t.sets.of(a.May.Forward)},
		reply:   Band{t.sets.of(a.Must.Reply), t.sets.of(a.May.Reply)},
	}
	c := t.Universe.empty()
	t.Universe.Complete(c, a.Must.Forward, a.Must.Reply)
	b.complete.Must = t.sets.of(c)
	t.Universe.Complete(c, a.May.Forward, a.May.Reply)
	b.complete.May = t.sets.of(c)
	if t.Universe.Words == 1 && len(known) < maxKnown {
		known[key] = b
	}
	return b
}
