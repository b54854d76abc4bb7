package rulelist

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/postern-dev/postern/packet"
)

// forest classifies IPv4 headers with decision trees. Each inner node compares
// one field with a value; a leaf lists the few lines that are left, in order.
// Lines that look at the source, lines that look at the destination only, and
// the others have a tree each: in a common one, a line that looks at any source
// would stand in every leaf that was reached by sources.
//
// The first tree, mostly the largest by far, is many: the upper halves of both
// addresses choose the one to look at.
type forest struct {
	nodes    []node
	lines    []line
	roots    []int32
	src, dst districts
	cells    []int32 // roots by district of the source × districts of destinations
}

// districts are classes of the upper 16 bits of an address. Blocks of addresses
// that the same pieces hold as a whole are one.
type districts struct {
	of    []uint8 // by the upper 16 bits
	spans []span  // ranks of some block of each
}

// mostDistricts bounds the districts of an address: the cells are its square.
const mostDistricts = 64

// newDistricts divides the addresses of a field for some pieces; false when
// there would be too many districts.
func newDistricts(x *Index, field int, pieces []int32) (districts, bool) {
	a := &x.axes[field]
	d := districts{of: make([]uint8, 1<<16)}
	known := map[string]uint8{}
	var spelled []byte
	at := span{}
	for block := range d.of {
		before := at
		for a.bounds[at.hi+1].Lo <= uint64(block)<<16 {
			at.hi++
		}
		at.lo = at.hi
		for a.bounds[at.hi+1].Lo < uint64(block+1)<<16 {
			at.hi++
		}
		if block > 0 && at == before && at.lo == at.hi {
			d.of[block] = d.of[block-1]
			continue
		}
		spelled = spelled[:0]
		if at.lo != at.hi { // bounds inside: a district of its own
			spelled = binary.LittleEndian.AppendUint32(spelled, ^uint32(block))
		}
		for _, k := range pieces {
			if p := x.pieces[k][field]; p.lo <= at.hi && at.lo <= p.hi {
				spelled = binary.LittleEndian.AppendUint32(spelled, uint32(k))
			}
		}
		c, ok := known[string(spelled)]
		if !ok {
			if len(d.spans) == mostDistricts {
				return districts{}, false
			}
			c = uint8(len(d.spans))
			known[string(spelled)] = c
			d.spans = append(d.spans, at)
		}
		d.of[block] = c
	}
	return d, true
}

// addCells makes a tree for each pair of districts; false when they get too
// large.
func (t *forest) addCells(x *Index, pieces []int32) (done, ok bool) {
	var fine bool
	if t.src, fine = newDistricts(x, src, pieces); !fine {
		return false, true
	}
	if t.dst, fine = newDistricts(x, dst, pieces); !fine {
		return false, true
	}
	b := x.everything()
	for _, b[src] = range t.src.spans {
		b[dst] = x.everything()[dst]
		row := x.meetingOf(pieces, &b)
		for _, b[dst] = range t.dst.spans {
			root := int32(len(t.nodes))
			t.cells = append(t.cells, root)
			t.nodes = append(t.nodes, node{})
			if !t.grow(x, root, &b, x.meetingOf(row, &b)) {
				return false, false
			}
		}
	}
	return true, true
}

// meetingOf returns those of some pieces that meet a box.
func (x *Index) meetingOf(pieces []int32, b *piece) []int32 {
	var meet []int32
	for _, p := range pieces {
		if x.pieces[p].meets(b) {
			meet = append(meet, p)
		}
	}
	return meet
}

// everything is the box of all headers.
func (x *Index) everything() piece {
	var b piece
	for f := range b {
		b[f] = span{0, uint32(x.axes[f].ranks() - 1)}
	}
	return b
}

// node is an inner node, or, with leafField, a leaf: lines at..at+below-1.
type node struct {
	at    uint32
	below int32 // the next node; above is the one after it
	field uint8
}

const (
	leafField = fields
	fewLines  = 8
)

// newForest makes the trees of a list, nil when they get too large.
func newForest(x *Index) *forest {
	t := &forest{}
	var groups [3][]int32
	full := func(k, f int) bool { return x.pieces[k][f] == span{0, uint32(x.axes[f].ranks() - 1)} }
	for k := range x.pieces {
		if !x.sure[k] {
			continue
		}
		g := 0
		if full(k, src) {
			if g = 1; full(k, dst) {
				g = 2
			}
		}
		groups[g] = append(groups[g], int32(k))
	}
	for g, group := range groups {
		if len(group) == 0 {
			continue
		}
		if g == 0 {
			done, ok := t.addCells(x, group)
			if !ok {
				return nil
			}
			if done {
				continue
			}
		}
		all := x.everything()
		t.roots = append(t.roots, int32(len(t.nodes)))
		t.nodes = append(t.nodes, node{})
		if !t.grow(x, t.roots[len(t.roots)-1], &all, group) {
			return nil
		}
	}
	return t
}

func (t *forest) size() int { return 12*len(t.nodes) + 28*len(t.lines) }

// grow makes the node for the headers of a box, with the pieces that meet it.
func (t *forest) grow(x *Index, at int32, b *piece, pieces []int32) bool {
	if t.size() > maxForest {
		return false
	}
	// Nothing after a piece that holds the whole box counts.
	for n, k := range pieces {
		if b.within(&x.pieces[k]) {
			pieces = pieces[:n+1]
			break
		}
	}
	field, rank := -1, uint32(0)
	if len(pieces) > fewLines {
		field, rank = split(x, b, pieces)
	}
	if field < 0 {
		t.nodes[at] = node{uint32(len(t.lines)), int32(len(pieces)), leafField}
		for _, k := range pieces {
			t.lines = append(t.lines, x.lineOf(int(k)))
		}
		return true
	}
	below := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{}, node{})
	t.nodes[at] = node{uint32(x.axes[field].bounds[rank].Lo), below, uint8(field)}
	low, high := *b, *b
	low[field].hi, high[field].lo = rank-1, rank
	for k, half := range []*piece{&low, &high} {
		if !t.grow(x, below+int32(k), half, x.meetingOf(pieces, half)) {
			return false
		}
	}
	return true
}

// maxForest bounds the bytes of the trees.
const maxForest = 4 << 20

// split chooses where to cut a box: the median of the bounds of one field, and
// the field that leaves the fewest pieces; -1 when none helps.
func split(x *Index, b *piece, pieces []int32) (field int, rank uint32) {
	field = -1
	best := 2 * len(pieces)
	var bounds []uint32
	for f := range fields {
		bounds = bounds[:0]
		for _, k := range pieces {
			if p := &x.pieces[k][f]; p.lo > b[f].lo {
				bounds = append(bounds, p.lo)
			}
			if p := &x.pieces[k][f]; p.hi < b[f].hi {
				bounds = append(bounds, p.hi+1)
			}
		}
		if len(bounds) == 0 {
			continue
		}
		slices.Sort(bounds)
		m := bounds[len(bounds)/2]
		low, high := 0, 0
		for _, k := range pieces {
			if x.pieces[k][f].lo < m {
				low++
			}
			if x.pieces[k][f].hi >= m {
				high++
			}
		}
		if max(low, high) < len(pieces) && low+high+max(low, high)-len(pieces) < best {
			best, field, rank = low+high+max(low, high)-len(pieces), f, m
		}
	}
	return field, rank
}

func (t *forest) classify(h *packet.Header) int {
	k := keyOf(h)
	values := [8]uint32{uint32(k.protocol), k.src, k.dst, uint32(k.srcPort), uint32(k.dstPort)}
	first := int32(math.MaxInt32)
	if len(t.cells) > 0 {
		cell := int(t.src.of[k.src>>16])*len(t.dst.spans) + int(t.dst.of[k.dst>>16])
		first = t.find(t.cells[cell], &k, &values, first)
	}
	for _, root := range t.roots {
		first = t.find(root, &k, &values, first)
	}
	if first == math.MaxInt32 {
		return -1
	}
	return int(first)
}

// find returns the first entry of a tree that holds a header, or first if that
// comes before.
func (t *forest) find(root int32, k *key, values *[8]uint32, first int32) int32 {
	n := &t.nodes[root]
	for n.field != leafField {
		next := n.below
		if values[n.field&7] >= n.at {
			next++
		}
		n = &t.nodes[next]
	}
	lines := t.lines[n.at : n.at+uint32(n.below)]
	for i := range lines {
		l := &lines[i]
		if l.entry >= first {
			break
		}
		if l.holds(k) {
			return l.entry
		}
	}
	return first
}
