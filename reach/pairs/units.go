package pairs

import (
	"context"
	"slices"
	"sync"

	"github.com/postern-dev/postern/ir"
)

// Unit is interfaces by one of their addresses each. Where AWS picks the
// address, or the subnet, the unit has several classes: every interface of it is
// in one of them, nobody knows which.
type Unit struct {
	Classes    []int32
	Interfaces []*ir.Interface
}

// units are the units of a table. Those that share a class with one of several
// classes come first.
type units struct {
	all   []Unit
	of    [][]int32 // by class: its units
	in    []bool    // by class: some unit has it as one of several
	mixed int       // how many come first
}

// plain reports whether a unit is one class, all of whose interfaces it has.
func (us *units) plain(u int32) bool { return int(u) >= us.mixed }

// either reports whether what must flow between two classes is not that between
// their units.
func (us *units) either(from, to int) bool { return us.in[from] || us.in[to] }

// slot is one address of an interface.
type slot struct {
	i *ir.Interface
	n int
}

// findUnits finds the units of all classes.
func (t *Table) findUnits() *units {
	us := &units{of: make([][]int32, len(t.Classes)), in: make([]bool, len(t.Classes))}
	classes, order := t.slots()
	for _, s := range order {
		if cs := classes[s]; len(cs) > 1 {
			for _, c := range cs {
				us.in[c] = true
			}
		}
	}
	known := map[string]int{}
	for _, s := range order {
		if cs := classes[s]; us.in[cs[0]] {
			us.add(known, cs, s.i)
		}
	}
	us.mixed = len(us.all)
	for k := range t.Classes {
		if !us.in[k] {
			us.all = append(us.all, Unit{[]int32{int32(k)}, t.interfacesOf(k)})
		}
	}
	for u := range us.all {
		for _, c := range us.all[u].Classes {
			us.of[c] = append(us.of[c], int32(u))
		}
	}
	return us
}

// add adds an interface to the unit of some classes. Its addresses come one
// after the other.
func (us *units) add(known map[string]int, cs []int32, i *ir.Interface) {
	key := bytesOf(cs)
	at, ok := known[key]
	if !ok {
		at = len(us.all)
		known[key] = at
		us.all = append(us.all, Unit{Classes: cs})
	}
	if u := &us.all[at]; len(u.Interfaces) == 0 || u.Interfaces[len(u.Interfaces)-1] != i {
		u.Interfaces = append(u.Interfaces, i)
	}
}

// slots lists the classes of every address that AWS picks, interface by
// interface.
func (t *Table) slots() (classes map[slot][]int32, order []slot) {
	classes = map[slot][]int32{}
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
	for _, s := range order {
		slices.Sort(classes[s])
		classes[s] = slices.Compact(classes[s])
	}
	first := map[*ir.Interface]int{}
	for k, s := range order {
		if _, ok := first[s.i]; !ok {
			first[s.i] = k
		}
	}
	slices.SortStableFunc(order, func(a, b slot) int { return first[a.i] - first[b.i] })
	return classes, order
}

// interfacesOf lists the interfaces of a class.
func (t *Table) interfacesOf(class int) []*ir.Interface {
	c := &t.Classes[class]
	if c.One != nil {
		return []*ir.Interface{c.One}
	}
	is := make([]*ir.Interface, 0, c.Interfaces)
	seen := make(map[*ir.Interface]bool, c.Interfaces)
	for _, v := range c.Vertices {
		if i := t.Vertices[v].Interface; !seen[i] {
			seen[i] = true
			is = append(is, i)
		}
	}
	return is
}

// join calls tile for all tiles, as Tiles does, and pair for what surely flows
// between units that are not both plain, whichever of their classes their
// interfaces are in. It calls from many goroutines; what pair is given is used
// again. The search is that of tiles.
func (t *Table) join(ctx context.Context, us *units, search *Search, tile func(worker int, tile *Tile) error, pair func(worker int, from, to int32, sure *Sets)) error {
	j := &unitJoiner{t: t, us: us, rows: make([]*unitRow, len(us.all)), left: make([]int, len(us.all))}
	for u := range us.all {
		j.left[u] = len(us.all[u].Classes)
	}
	visit := func(worker int, x *Tile) error {
		if us.mixed > 0 {
			j.tile(x)
		}
		return tile(worker, x)
	}
	done := func(worker, block int) {
		if us.mixed == 0 {
			return
		}
		for to := block * tileTo; to < min((block+1)*tileTo, len(t.Classes)); to++ {
			for _, u := range us.of[to] {
				if row := j.passed(u); row != nil {
					j.reduce(row, u, func(from int32, sure *Sets) { pair(worker, from, u, sure) })
				}
			}
		}
	}
	return t.tiles(ctx, search, visit, done)
}

// unitJoiner cuts what flows surely to units by all of their classes.
type unitJoiner struct {
	t    *Table
	us   *units
	mu   sync.Mutex
	rows []*unitRow // by unit of the destination; nil before its first tile and after its last
	left []int      // likewise: how many of its classes have not been passed
}

// unitRow is what surely flows to a unit, by unit of the source. Of a plain
// unit, only from those that are not.
type unitRow struct {
	mu             sync.Mutex
	forward, reply []uint64
	met            []int32 // how many pairs of classes were met
}

func (j *unitJoiner) row(u int32) *unitRow {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rows[u] == nil {
		n := len(j.us.all)
		if j.us.plain(u) {
			n = j.us.mixed
		}
		words := n * j.t.Universe.Words
		r := &unitRow{forward: make([]uint64, words), reply: make([]uint64, words), met: make([]int32, n)}
		for k := range r.forward {
			r.forward[k], r.reply[k] = ^uint64(0), ^uint64(0)
		}
		j.rows[u] = r
	}
	return j.rows[u]
}

// passed notes that a class of a unit has been passed, and returns the unit's
// row when it was the last; nil when nothing flows there.
func (j *unitJoiner) passed(u int32) *unitRow {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.left[u]--; j.left[u] > 0 {
		return nil
	}
	row := j.rows[u]
	j.rows[u] = nil
	return row
}

// tile cuts the rows of a tile's destinations.
func (j *unitJoiner) tile(tile *Tile) {
	for to := tile.To; to < tile.ToEnd; to++ {
		for _, u := range j.us.of[to] {
			if j.us.plain(u) && !slices.Contains(j.us.in[tile.From:tile.FromEnd], true) {
				continue
			}
			row := j.row(u)
			row.mu.Lock()
			j.and(row, tile, to, j.us.plain(u))
			row.mu.Unlock()
		}
	}
}

// and cuts a row by one class of its unit.
func (j *unitJoiner) and(row *unitRow, tile *Tile, to int, plain bool) {
	words := j.t.Universe.Words
	for from := tile.From; from < tile.FromEnd; from++ {
		if plain && !j.us.in[from] {
			continue
		}
		for _, u := range j.us.of[from] {
			row.met[u]++
			for k := range words {
				at := (k*tileTo+to-tile.To)*tileFrom + from - tile.From
				row.forward[int(u)*words+k] &= tile.Must.forward[at]
				row.reply[int(u)*words+k] &= tile.Must.reply[at]
			}
		}
	}
}

// reduce hands out a row, but for what was met in too few tiles: the others
// were left out, because nothing flows there.
func (j *unitJoiner) reduce(row *unitRow, to int32, visit func(from int32, sure *Sets)) {
	words := j.t.Universe.Words
	for u := range row.met {
		if int(row.met[u]) < len(j.us.all[u].Classes)*len(j.us.all[to].Classes) {
			continue
		}
		if sure := (Sets{row.forward[u*words : (u+1)*words], row.reply[u*words : (u+1)*words]}); !zero(sure.Forward) {
			visit(int32(u), &sure)
		}
	}
}

func zero(mask []uint64) bool {
	return !slices.ContainsFunc(mask, func(w uint64) bool { return w != 0 })
}
