package pairs

import (
	"context"
	"runtime"

	"github.com/postern-dev/postern/ir"
)

// The sides of a tile: its destinations and sources. A row of sources for each
// destination stays within a core's cache.
const (
	tileTo   = 64
	tileFrom = 256
	strip    = 16 // sources that are worked on together
)

// Tile is the answers for some destinations and some sources, all of them
// classes. It is reused: what is to stay must be copied.
type Tile struct {
	To, ToEnd, From, FromEnd int
	// Must surely flows, May possibly. They share their memory where they are
	// equal.
	Must, May Planes
}

// Planes is two sets of services for each pair of a tile: those of requests
// that arrive, and those at whose ports, as clients, replies arrive. What
// Reply says beyond protocols of Forward is not meant.
type Planes struct {
	forward, reply []uint64 // by word, destination and source
}

// Row returns one word of the sets of one destination, by source: the first is
// that of Tile.From.
func (t *Tile) Row(p *Planes, to, word int) (forward, reply []uint64) {
	at := (word*tileTo + to - t.To) * tileFrom
	end := at + t.FromEnd - t.From
	return p.forward[at:end:end], p.reply[at:end:end]
}

// Tiles computes the answers for all pairs of classes and calls visit for them
// tile by tile, on all cores at once: worker is below Workers. Tiles in which
// routes let nothing flow are left out. Pairs within one interface are empty.
func (t *Table) Tiles(ctx context.Context, visit func(worker int, tile *Tile) error) error {
	return t.tiles(ctx, nil, visit, func(int, int) {})
}

// tiles is Tiles, and calls done after the last tile of each block of
// destinations. What a search does not look for may be left out.
func (t *Table) tiles(ctx context.Context, search *Search, visit func(worker int, tile *Tile) error, done func(worker, block int)) error {
	blocks := (len(t.Classes) + tileTo - 1) / tileTo
	workers := make([]*worker, Workers())
	return parallel(ctx, blocks, func(k, block int) error {
		if workers[k] == nil {
			workers[k] = newWorker(t)
			workers[k].asker.search = search
		}
		err := workers[k].block(ctx, block, func(tile *Tile) error { return visit(k, tile) })
		if err == nil {
			done(k, block)
		}
		return err
	})
}

// Workers is how many goroutines Tiles visits from, at most.
func Workers() int { return runtime.GOMAXPROCS(0) }

// worker computes tiles.
type worker struct {
	t      *Table
	plans  *planner
	sides  []*sideWorker // of lo and, when that differs, of hi
	tile   Tile
	second Planes // of May, when it differs
	asker  *asker
	asked  []rectangle
	at     []*plan // by cell of sources and cell of destinations
}

// rectangle is the pairs of two runs of classes.
type rectangle struct{ from, fromEnd, to, toEnd int }

func newWorker(t *Table) *worker {
	w := &worker{t: t, plans: newPlanner(t), asker: newAsker(t)}
	w.sides = append(w.sides, newSideWorker(t, t.lo))
	w.tile.Must = newPlanes(t.Universe.Words)
	w.second = newPlanes(t.Universe.Words)
	if !t.Exact() {
		w.sides = append(w.sides, newSideWorker(t, t.hi))
	}
	return w
}

func newPlanes(words int) Planes {
	n := words * tileTo * tileFrom
	return Planes{make([]uint64, n), make([]uint64, n)}
}

// block computes the tiles of one block of destinations.
func (w *worker) block(ctx context.Context, block int, visit func(*Tile) error) error {
	t := w.t
	w.tile.To = block * tileTo
	w.tile.ToEnd = min(w.tile.To+tileTo, len(t.Classes))
	runs := t.cellRuns(w.tile.To, w.tile.ToEnd)
	for _, s := range w.sides {
		s.destinations(w.tile.To, w.tile.ToEnd)
	}
	for from := 0; from < len(t.Classes); from += tileFrom {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.tile.From, w.tile.FromEnd = from, min(from+tileFrom, len(t.Classes))
		if !w.compute(runs) {
			continue
		}
		if err := w.finish(ctx); err != nil {
			return err
		}
		if err := visit(&w.tile); err != nil {
			return err
		}
	}
	return nil
}

// cellRun is the part of a cell that lies in a range of classes.
type cellRun struct {
	cell   int32
	lo, hi int
}

func (t *Table) cellRuns(lo, hi int) []cellRun {
	var rs []cellRun
	for lo < hi {
		c := t.cellOf[lo]
		end := min(hi, int(t.cells[c].hi))
		rs = append(rs, cellRun{c, lo, end})
		lo = end
	}
	return rs
}

// compute fills the tile but for the pairs that Flow is asked about. It reports
// whether anything may flow.
func (w *worker) compute(to []cellRun) bool {
	w.asked, w.at = w.asked[:0], w.at[:0]
	from := w.t.cellRuns(w.tile.From, w.tile.FromEnd)
	some := false
	for _, f := range from {
		for _, r := range to {
			p := w.plans.of(f.cell, r.cell)
			w.at = append(w.at, p)
			some = some || !p.drops()
			if p.asked {
				w.asked = append(w.asked, rectangle{f.lo, f.hi, r.lo, r.hi})
			}
		}
	}
	if !some {
		return false
	}
	for k, s := range w.sides {
		s.sources(w.tile.From, w.tile.FromEnd)
		planes := &w.tile.Must
		if k > 0 {
			planes = &w.second
		}
		for i, f := range from {
			s.strips(planes, f, to, w.at[i*len(to):(i+1)*len(to)])
		}
	}
	return true
}

// finish removes pairs within one interface, and asks Flow about what routes
// leave open.
func (w *worker) finish(ctx context.Context) error {
	w.tile.May = w.tile.Must
	if !w.t.Exact() {
		w.tile.May = w.second
	} else if len(w.asked) > 0 {
		copy(w.second.forward, w.tile.Must.forward)
		copy(w.second.reply, w.tile.Must.reply)
		w.tile.May = w.second
	}
	for _, r := range w.asked {
		for to := r.to; to < r.toEnd; to++ {
			for from := r.from; from < r.fromEnd; from++ {
				if err := w.ask(ctx, from, to); err != nil {
					return err
				}
			}
		}
	}
	for to := w.tile.To; to < w.tile.ToEnd; to++ {
		for _, from := range w.t.selves(to) {
			if int(from) >= w.tile.From && int(from) < w.tile.FromEnd {
				w.clear(int(from), to)
			}
		}
	}
	return nil
}

func (w *worker) clear(from, to int) {
	for k := range w.t.Universe.Words {
		for _, p := range []*Planes{&w.tile.Must, &w.tile.May} {
			f, r := w.tile.Row(p, to, k)
			f[from-w.tile.From], r[from-w.tile.From] = 0, 0
		}
	}
}

func (w *worker) ask(ctx context.Context, from, to int) error {
	a, err := w.asker.pair(ctx, int32(from), int32(to))
	if err != nil || a == nil {
		return err
	}
	for k := range w.t.Universe.Words {
		f, r := w.tile.Row(&w.tile.Must, to, k)
		f[from-w.tile.From], r[from-w.tile.From] = a.Must.Forward[k], a.Must.Reply[k]
		f, r = w.tile.Row(&w.tile.May, to, k)
		f[from-w.tile.From], r[from-w.tile.From] = a.May.Forward[k], a.May.Reply[k]
	}
	return nil
}

// selves are the classes whose pair with a class is one interface's with
// itself.
func (t *Table) selves(class int) []int32 { return t.self[class] }

// findSelves lists them for all classes.
func (t *Table) findSelves() {
	t.self = make([][]int32, len(t.Classes))
	of := map[*ir.Interface][]int32{}
	for k := range t.Classes {
		if one := t.Classes[k].One; one != nil {
			of[one] = append(of[one], int32(k))
		}
	}
	for k := range t.Classes {
		if one := t.Classes[k].One; one != nil {
			t.self[k] = of[one]
		}
	}
}
