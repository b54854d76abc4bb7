package rulelist

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// forest classifies IPv4 headers with decision trees. Each inner node compares
// one field with a value; a leaf lists the few lines that are left, in order.
// Lines that look at the source, lines that look at the destination only, and
// the others have a tree each: in a common one, a line that looks at any source
// would stand in every leaf that was reached by sources.
type forest struct {
	nodes []node
	lines []line
	roots []int32
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
	for _, group := range groups {
		if len(group) == 0 {
			continue
		}
		var all piece
		for f := range all {
			all[f] = span{0, uint32(x.axes[f].ranks() - 1)}
		}
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
		var meet []int32
		for _, p := range pieces {
			if x.pieces[p].meets(half) {
				meet = append(meet, p)
			}
		}
		if !t.grow(x, below+int32(k), half, meet) {
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
	first := int32(-1)
	for _, root := range t.roots {
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
			if l := &lines[i]; l.holds(&k) {
				if first < 0 || l.entry < first {
					first = l.entry
				}
				break
			}
		}
	}
	return int(first)
}
