package pairs

import (
	"context"
	"slices"
	"sync"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Part is a named part of a network: a group, a subnet, what carries a tag. An
// interface may be in several parts, or in none.
type Part struct {
	Name       string
	Interfaces []*ir.Interface
}

// Matrix says which services each part reaches at each other, and at itself:
// those that some interface of the one reaches at some other interface of the
// other. It takes 32 bytes for each two parts and 64 atoms of a family; for
// thousands of parts, Index.Pairs is there.
type Matrix struct {
	Parts []Part
	// Internet is the number of the internet's row and column, len(Parts); -1
	// when it was not asked for.
	Internet int
	families [2]*grid // by packet.Families
}

// Cell is what one part reaches at another in one family. An address that AWS
// picks is any that it may pick: what must flow does from and to every one.
type Cell struct {
	// Forward holds the services whose requests arrive, Complete those that some
	// client can complete.
	Forward, Complete Band
}

// The sides of a grid.
const (
	mustSide = 0
	maySide  = 1
)

// grid is the cells of one family, as masks. Workers share it.
type grid struct {
	t       *Table
	n       int
	locks   []sync.Mutex // by destination
	forward [2][]uint64  // must and may: by destination, source and word
	whole   [2][]uint64  // likewise, of what can be completed
}

func newGrid(t *Table, n int) *grid {
	g := &grid{t: t, n: n, locks: make([]sync.Mutex, n)}
	for k := range g.forward {
		g.forward[k] = make([]uint64, n*n*t.Universe.Words)
		g.whole[k] = make([]uint64, n*n*t.Universe.Words)
	}
	return g
}

func (g *grid) at(from, to int) int { return (to*g.n + from) * g.t.Universe.Words }

// add joins sets to a cell.
func (g *grid) add(side, from, to int, forward, whole []uint64) {
	g.locks[to].Lock()
	defer g.locks[to].Unlock()
	at := g.at(from, to)
	for k, w := range forward {
		g.forward[side][at+k] |= w
		g.whole[side][at+k] |= whole[k]
	}
}

// Cell returns what one part reaches at another in a family.
func (m *Matrix) Cell(f packet.Family, from, to int) Cell {
	for k, x := range packet.Families {
		if g := m.families[k]; x == f && g != nil {
			at, w := g.at(from, to), g.t.Universe.Words
			of := func(b *[2][]uint64) Band {
				return Band{g.t.sets.of(b[0][at : at+w]), g.t.sets.of(b[1][at : at+w])}
			}
			return Cell{of(&g.forward), of(&g.whole)}
		}
	}
	return Cell{}
}

// Matrix computes what parts reach at each other, with the internet as one
// more row and column where that is asked for.
func (x *Index) Matrix(ctx context.Context, parts []Part, internet bool) (*Matrix, error) {
	m := &Matrix{Parts: parts, Internet: -1}
	n := len(parts)
	if internet {
		m.Internet = n
		n++
	}
	for k, f := range packet.Families {
		t := x.tables[f]
		if t == nil {
			continue
		}
		g, err := t.matrix(ctx, parts, n)
		if err != nil {
			return nil, err
		}
		if internet {
			if err := t.internet(ctx, g, parts); err != nil {
				return nil, err
			}
		}
		m.families[k] = g
	}
	return m, nil
}

// member is a part that a class has interfaces of; only is the interface when
// it is just one.
type member struct {
	part int32
	only *ir.Interface
}

// partsOf lists the parts of every interface.
func partsOf(parts []Part) map[*ir.Interface][]int32 {
	of := map[*ir.Interface][]int32{}
	for k, p := range parts {
		for _, i := range p.Interfaces {
			if ps := of[i]; len(ps) == 0 || ps[len(ps)-1] != int32(k) {
				of[i] = append(ps, int32(k))
			}
		}
	}
	return of
}

// members lists the parts of every class.
func (t *Table) members(of map[*ir.Interface][]int32) [][]member {
	out := make([][]member, len(t.Classes))
	for k := range t.Classes {
		for _, v := range t.Classes[k].Vertices {
			i := t.Vertices[v].Interface
			out[k] = addMember(out[k], i, of[i])
		}
	}
	return out
}

// addMember adds an interface's parts.
func addMember(ms []member, i *ir.Interface, parts []int32) []member {
	for _, p := range parts {
		at := slices.IndexFunc(ms, func(m member) bool { return m.part == p })
		switch {
		case at < 0:
			ms = append(ms, member{p, i})
		case ms[at].only != i:
			ms[at].only = nil
		}
	}
	return ms
}

// matrix joins all pairs of one family. Where addresses have alternatives,
// what must flow takes all of them: see units.
func (t *Table) matrix(ctx context.Context, parts []Part, n int) (*grid, error) {
	of := partsOf(parts)
	ms := t.members(of)
	us := t.findUnits()
	byUnit := make([][]member, len(us.all))
	for u := range us.all {
		for _, i := range us.all[u].Interfaces {
			byUnit[u] = addMember(byUnit[u], i, of[i])
		}
	}
	g := newGrid(t, n)
	joiners := make([]*joiner, Workers())
	joinerOf := func(worker int) *joiner {
		if joiners[worker] == nil {
			joiners[worker] = newJoiner(g, ms, us)
		}
		return joiners[worker]
	}
	err := t.join(ctx, us, nil, func(worker int, tile *Tile) error {
		joinerOf(worker).tile(tile)
		return nil
	}, func(worker int, from, to int32, sure *Sets) {
		joinerOf(worker).units(byUnit[from], byUnit[to], sure)
	})
	return g, err
}

// joiner joins the pairs of tiles by parts; each worker has one.
type joiner struct {
	t        *Table
	grid     *grid
	members  [][]member
	some     []bool // by class: it has several interfaces, and just one of some part
	us       *units
	touched  []int32  // parts of sources of one destination
	forward  []uint64 // by part and word, of one destination
	whole    []uint64
	stamp    []int32
	row      int32
	pair     Answer
	complete []uint64
}

func newJoiner(g *grid, ms [][]member, us *units) *joiner {
	t, n := g.t, g.n
	w := t.Universe.Words
	j := &joiner{t: t, grid: g, members: ms, us: us, some: make([]bool, len(ms))}
	for k := range ms {
		j.some[k] = t.Classes[k].Interfaces > 1 && slices.ContainsFunc(ms[k], func(m member) bool { return m.only != nil })
	}
	j.forward, j.whole, j.stamp = make([]uint64, n*w), make([]uint64, n*w), make([]int32, n)
	j.pair, j.complete = *newAnswer(w), make([]uint64, w)
	return j
}

// tile joins the pairs of a tile.
func (j *joiner) tile(tile *Tile) {
	one := j.us.mixed == 0 && &tile.Must.forward[0] == &tile.May.forward[0]
	for to := tile.To; to < tile.ToEnd; to++ {
		switch {
		case len(j.members[to]) == 0:
		case one:
			j.destination(tile, &tile.May, []int{mustSide, maySide}, to)
		default:
			j.destination(tile, &tile.Must, []int{mustSide}, to)
			j.destination(tile, &tile.May, []int{maySide}, to)
		}
	}
}

// destination joins the pairs of one destination.
func (j *joiner) destination(tile *Tile, p *Planes, sides []int, to int) {
	words := j.t.Universe.Words
	j.row++
	j.touched = j.touched[:0]
	for from := tile.From; from < tile.FromEnd; from++ {
		ms := j.members[from]
		if len(ms) == 0 || sides[0] == mustSide && j.us.either(from, to) || !j.read(tile, p, to, from) {
			continue
		}
		if j.some[to] || j.some[from] {
			j.finish()
			j.apart(sides, ms, j.members[to], j.pair.Must.Forward)
			continue
		}
		if j.joined(ms) {
			continue
		}
		j.finish()
		for _, m := range ms {
			at := int(m.part) * words
			for k := range words {
				j.forward[at+k] |= j.pair.Must.Forward[k]
				j.whole[at+k] |= j.complete[k]
			}
		}
	}
	for _, from := range j.touched {
		at := int(from) * words
		for _, m := range j.members[to] {
			for _, side := range sides {
				j.grid.add(side, int(from), int(m.part), j.forward[at:at+words], j.whole[at:at+words])
			}
		}
	}
}

// joined begins the rows of parts where they are new, and reports whether all
// of the pair is in them already: what can be completed is less.
func (j *joiner) joined(ms []member) bool {
	words := j.t.Universe.Words
	more := uint64(0)
	for _, m := range ms {
		at := int(m.part) * words
		if j.stamp[m.part] != j.row {
			j.stamp[m.part] = j.row
			j.touched = append(j.touched, m.part)
			clear(j.forward[at : at+words])
			clear(j.whole[at : at+words])
		}
		for k, f := range j.pair.Must.Forward {
			more |= f &^ j.whole[at+k]
		}
	}
	return more == 0
}

// finish finds what of the pair can be completed.
func (j *joiner) finish() {
	j.t.Universe.Complete(j.complete, j.pair.Must.Forward, j.pair.Must.Reply)
}

// read takes a pair out of a tile; false when nothing flows.
func (j *joiner) read(tile *Tile, p *Planes, to, from int) bool {
	words := j.t.Universe.Words
	any := uint64(0)
	for k := range words {
		at := (k*tileTo+to-tile.To)*tileFrom + from - tile.From
		j.pair.Must.Forward[k], j.pair.Must.Reply[k] = p.forward[at], p.reply[at]
		any |= p.forward[at]
	}
	return any != 0
}

// apart joins a pair whose parts may be one and the same interface.
func (j *joiner) apart(sides []int, from, to []member, forward []uint64) {
	for _, a := range from {
		for _, b := range to {
			if a.only != nil && a.only == b.only {
				continue
			}
			for _, side := range sides {
				j.grid.add(side, int(a.part), int(b.part), forward, j.complete)
			}
		}
	}
}

// units joins what surely flows between two units.
func (j *joiner) units(from, to []member, sure *Sets) {
	j.t.Universe.Complete(j.complete, sure.Forward, sure.Reply)
	j.apart([]int{mustSide}, from, to, sure.Forward)
}
