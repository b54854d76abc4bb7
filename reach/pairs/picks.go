package pairs

import (
	"context"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// picks are addresses that AWS picks among several classes: the interface has
// one of them, so that what must flow is what flows whichever it is.
type picks struct {
	in    []bool // by class: some interface may or may not be in it
	units []unit
	of    [][]int32 // by class: its units
}

// unit is alternatives that the same interfaces have; classes that are no
// alternatives are units by themselves.
type unit struct {
	classes []int32
	members []member
}

// either reports whether a pair is one of several alternatives. A nil picks has
// none.
func (p *picks) either(from, to int) bool { return p != nil && (p.in[from] || p.in[to]) }

// findPicks returns nil where no address has alternatives.
func (t *Table) findPicks(of map[*ir.Interface][]int32, ms [][]member) *picks {
	type slot struct {
		i *ir.Interface
		n int
	}
	classes := map[slot][]int32{}
	var order []slot
	for k := range t.Vertices {
		v := &t.Vertices[k]
		if !v.Picked {
			continue
		}
		s := slot{v.Interface, v.Slot}
		if classes[s] == nil {
			order = append(order, s)
		}
		classes[s] = append(classes[s], t.ofVertex[k])
	}
	p := &picks{in: make([]bool, len(t.Classes)), of: make([][]int32, len(t.Classes))}
	known := map[string]int{}
	for _, s := range order {
		cs := classes[s]
		slices.Sort(cs)
		if cs = slices.Compact(cs); len(cs) < 2 {
			continue
		}
		key := bytesOf(cs)
		at, ok := known[key]
		if !ok {
			at = len(p.units)
			known[key] = at
			p.units = append(p.units, unit{classes: cs})
		}
		p.units[at].members = addMember(p.units[at].members, s.i, of[s.i])
		for _, c := range cs {
			p.in[c] = true
		}
	}
	if len(p.units) == 0 {
		return nil
	}
	for k := range t.Classes {
		if !p.in[k] && len(ms[k]) > 0 {
			p.units = append(p.units, unit{classes: []int32{int32(k)}, members: ms[k]})
		}
	}
	for k := range p.units {
		for _, c := range p.units[k].classes {
			p.of[c] = append(p.of[c], int32(k))
		}
	}
	return p
}

// joinPicks adds what must flow between units whatever AWS picks.
func (t *Table) joinPicks(ctx context.Context, g *grid, ms [][]member, p *picks) error {
	w := newWorker(t)
	j := newJoiner(g, ms, nil)
	rows := map[int32]*unitRow{}
	for block := 0; block*tileTo < len(t.Classes); block++ {
		err := w.block(ctx, block, func(tile *Tile) error {
			for to := tile.To; to < tile.ToEnd; to++ {
				for _, u := range p.of[to] {
					if rows[u] == nil {
						rows[u] = newUnitRow(t)
					}
					rows[u].and(j, tile, to)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		last := int32(min((block+1)*tileTo, len(t.Classes)))
		for u := range p.units {
			if r := rows[int32(u)]; r != nil && p.units[u].classes[len(p.units[u].classes)-1] < last {
				r.reduce(g, p, &p.units[u])
				delete(rows, int32(u))
			}
		}
	}
	return nil
}

// unitRow is what surely reaches every class of a unit, by class of the source.
type unitRow struct {
	forward, whole []uint64
	met            []int32 // by class of the source: how many classes of the unit were met
}

func newUnitRow(t *Table) *unitRow {
	n := len(t.Classes) * t.Universe.Words
	r := &unitRow{make([]uint64, n), make([]uint64, n), make([]int32, len(t.Classes))}
	for k := range r.forward {
		r.forward[k], r.whole[k] = ^uint64(0), ^uint64(0)
	}
	return r
}

// and cuts the row by one class of the unit.
func (r *unitRow) and(j *joiner, tile *Tile, to int) {
	words := j.t.Universe.Words
	for from := tile.From; from < tile.FromEnd; from++ {
		at := from * words
		r.met[from]++
		if !j.read(tile, &tile.Must, to, from) {
			clear(r.forward[at : at+words])
			clear(r.whole[at : at+words])
			continue
		}
		j.finish()
		for k := range words {
			r.forward[at+k] &= j.pair.Must.Forward[k]
			r.whole[at+k] &= j.complete[k]
		}
	}
}

// reduce joins the row by units of the source.
func (r *unitRow) reduce(g *grid, p *picks, to *unit) {
	words := g.t.Universe.Words
	forward, whole := make([]uint64, words), make([]uint64, words)
	for u := range p.units {
		from := &p.units[u]
		if len(from.classes) == 1 && len(to.classes) == 1 {
			continue // joined already
		}
		for k := range words {
			forward[k], whole[k] = ^uint64(0), ^uint64(0)
			for _, c := range from.classes {
				if int(r.met[c]) < len(to.classes) { // a tile that was left out
					forward[k], whole[k] = 0, 0
				}
				forward[k] &= r.forward[int(c)*words+k]
				whole[k] &= r.whole[int(c)*words+k]
			}
		}
		for _, a := range from.members {
			for _, b := range to.members {
				if a.only == nil || a.only != b.only {
					g.add(mustSide, int(a.part), int(b.part), forward, whole)
				}
			}
		}
	}
}
