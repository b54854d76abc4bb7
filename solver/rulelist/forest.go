package rulelist

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/postern-dev/postern/packet"
)

// forest classifies IPv4 headers with decision trees. Each inner node compares
// one field with a value; a leaf lists the few lines that are left, in order.
// The upper halves of both addresses choose the tree to climb. Where that would
// take too much memory, lines that look at no address, then those that look at
// the destination only, have a tree of their own: a line that looks at any
// source stands in every leaf that was reached by sources.
type forest struct {
	nodes  []node
	lines  []line
	groves []grove
}

// grove is the trees of some lines, by the districts of two fields.
type grove struct {
	by    [2]districts
	roots []int32
}

// districts are classes of the upper bits of a field. Blocks of values that the
// same pieces hold as a whole are one.
type districts struct {
	field, shift uint8
	of           []uint8 // by the bits above shift
	spans        []span  // ranks of some block of each
}

// The bits that districts look at, and how many of them there may be. The trees
// of two addresses are the square of that.
const (
	districtBits  = 16 // of an address
	districtPorts = 8
	mostDistricts = 64
	mostPorts     = 1 << districtPorts
)

// wholeField is one district.
func wholeField(x *Index) districts {
	return districts{field: srcPort, shift: 16, of: []uint8{0}, spans: []span{x.everything()[srcPort]}}
}

// newDistricts divides the values of a field for some pieces, one district when
// there would be too many of them; false tells.
func newDistricts(x *Index, field int, pieces []int32) (districts, bool) {
	a := &x.axes[field]
	d := districts{field: uint8(field), shift: 32 - districtBits, of: make([]uint8, 1<<districtBits)}
	most := mostDistricts
	if field == dstPort {
		d.shift, d.of, most = 16-districtPorts, make([]uint8, 1<<districtPorts), mostPorts
	}
	known := map[string]uint8{}
	var spelled []byte
	at := span{}
	for block := range d.of {
		before := at
		for a.bounds[at.hi+1].Lo <= uint64(block)<<d.shift {
			at.hi++
		}
		at.lo = at.hi
		for a.bounds[at.hi+1].Lo < uint64(block+1)<<d.shift {
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
			if len(d.spans) == most {
				return wholeField(x), false
			}
			c = uint8(len(d.spans))
			known[string(spelled)] = c
			d.spans = append(d.spans, at)
		}
		d.of[block] = c
	}
	return d, true
}

// addGrove makes a tree for each pair of districts; false when they get too
// large.
func (t *forest) addGrove(x *Index, by [2]districts, pieces []int32) bool {
	g := grove{by: by}
	b := x.everything()
	first, second := by[0].field, by[1].field
	for _, b[first] = range by[0].spans {
		b[second] = x.everything()[second]
		row := x.meetingOf(pieces, &b)
		for _, b[second] = range by[1].spans {
			root := int32(len(t.nodes))
			g.roots = append(g.roots, root)
			t.nodes = append(t.nodes, node{})
			if !t.grow(x, root, &b, x.meetingOf(row, &b)) {
				return false
			}
		}
	}
	t.groves = append(t.groves, g)
	return true
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

// node is an inner node: its field, and the number of the node below shifted
// by fieldBits; the one above comes after that. With leafField it is a leaf, of
// so many lines from at on. Nodes are small so that both are in one cache line.
type node struct {
	at uint32
	to uint32
}

const fieldBits = 3

const (
	leafField = fields
	fewLines  = 16
)

// newForest makes the trees of a list, nil when they get too large. The fewer
// groups of pieces have trees of their own, the fewer trees are climbed and the
// larger they are.
func newForest(x *Index) *forest {
	for apart := range 3 {
		t := &forest{}
		if t.plant(x, apart) {
			return t
		}
	}
	return nil
}

// plant makes the trees; false when they get too large. With apart 2, pieces
// that look at the destination only have trees of their own; from 1 on, those
// that look at no address have.
func (t *forest) plant(x *Index, apart int) bool {
	var groups [3][]int32
	all := x.everything()
	for k := range x.pieces {
		if !x.sure[k] {
			continue
		}
		g := 0
		if p := &x.pieces[k]; p[src] == all[src] && p[dst] == all[dst] && apart > 0 {
			g = 2
		} else if p[src] == all[src] && apart > 1 {
			g = 1
		}
		groups[g] = append(groups[g], int32(k))
	}
	for g, group := range groups {
		if len(group) == 0 {
			continue
		}
		by := [2]districts{wholeField(x), wholeField(x)}
		fine := true
		switch g {
		case 0:
			both := false
			by[0], fine = newDistricts(x, src, group)
			by[1], both = newDistricts(x, dst, group)
			fine = fine && both
		case 1:
			by[0], _ = newDistricts(x, dst, group)
		case 2:
			by[0], _ = newDistricts(x, dstPort, group)
		}
		// Where all stands in one tree, pieces for any source are better apart.
		if !fine && apart < 2 || !t.addGrove(x, by, group) {
			return false
		}
	}
	return true
}

func (t *forest) size() int { return 8*len(t.nodes) + 28*len(t.lines) }

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
		t.nodes[at] = node{uint32(len(t.lines)), uint32(len(pieces))<<fieldBits | leafField}
		for _, k := range pieces {
			t.lines = append(t.lines, x.lineOf(int(k)))
		}
		return true
	}
	below := len(t.nodes)
	t.nodes = append(t.nodes, node{}, node{})
	t.nodes[at] = node{uint32(x.axes[field].bounds[rank].Lo), uint32(below)<<fieldBits | uint32(field)}
	low, high := *b, *b
	low[field].hi, high[field].lo = rank-1, rank
	for k, half := range []*piece{&low, &high} {
		if !t.grow(x, int32(below+k), half, x.meetingOf(pieces, half)) {
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
	for i := range t.groves {
		g := &t.groves[i]
		a, b := &g.by[0], &g.by[1]
		root := int(a.of[values[a.field&7]>>(a.shift&31)])*len(b.spans) + int(b.of[values[b.field&7]>>(b.shift&31)])
		first = t.find(g.roots[root], &k, &values, first)
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
	for n.to&(1<<fieldBits-1) != leafField {
		next := n.to >> fieldBits
		if values[n.to&(1<<fieldBits-1)] >= n.at {
			next++
		}
		n = &t.nodes[next]
	}
	lines := t.lines[n.at : n.at+n.to>>fieldBits]
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
