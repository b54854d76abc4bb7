package solver

import (
	"math/bits"

	"github.com/postern-dev/postern/packet"
)

// key is the type of the values of a level. Diagrams of IPv4 use uint32: an
// edge is then 8 bytes, and five levels are enough.
type key interface{ uint32 | uint64 }

// id names a node of one diagram. The first ones are no nodes: they are where
// the diagram ends.
type id uint32

const (
	invalid id = iota // the budget was spent
	none              // no header below; in FirstMatch: no entry matched
	permit            // every header below
	deny              // only inside FirstMatch
	ends              // the first node has this id
)

// edge is one interval of a node: it begins after the previous edge's end, the
// first one at 0.
type edge[K key] struct {
	hi K // last value
	to id
}

// node is a stretch of n edges of a chunk. Its last edge ends at the level's
// largest value, neighbours lead to different places, and there are at least
// two.
type node struct {
	first uint32 // index of the chunk << chunkBits, and the index in it
	n     uint32
	hash  uint32
	level uint8
}

// level describes one level of the diagrams of a family.
type level struct {
	field uint8
	bits  uint8
	upper bool // the upper half of an address; the lower one is the next level
}

func levelsOf(f packet.Family) []level {
	if f == packet.IPv4 {
		return []level{
			{field: protocol, bits: 8},
			{field: src, bits: 32},
			{field: dst, bits: 32},
			{field: srcPort, bits: 16},
			{field: dstPort, bits: 16},
		}
	}
	return []level{
		{field: protocol, bits: 8},
		{field: src, bits: 64, upper: true},
		{field: src, bits: 64},
		{field: dst, bits: 64, upper: true},
		{field: dst, bits: 64},
		{field: srcPort, bits: 16},
		{field: dstPort, bits: 16},
	}
}

// maxLevels is the number of levels of the deepest family.
const maxLevels = 7

// diagram is the arena of one space with everything that works on it.
type diagram[K key] struct {
	family packet.Family
	levels []level
	max    [maxLevels]K      // largest value of each level
	start  [fields + 1]uint8 // first level of each field

	nodes  []node
	chunks [][]edge[K] // the edges of all nodes; chunks never move
	used   int         // edges in the chunks
	table  []id        // open addressing, by node.hash; 0 is a free place
	cache  []memo      // direct-mapped

	stack []edge[K] // edges of the nodes under construction
	ids   []id      // tuples and lists under construction

	maxEdges int
	litter   int // see someLitter
	// Of the operation that runs: where it began, how many edges there were
	// after the last collection, how far it has walked, whether it must stop.
	began mark
	clean int
	steps int
	over  bool

	taste  *taste[K]           // made for the first witness
	choice [maxLevels]K        // the header that a search has built so far
	prefer bool                // whether the search looks for recognisable values
	dead   map[string]struct{} // tuples of three and more sets that do not meet
}

const (
	firstTable   = 1 << 9
	firstCache   = 1 << 9
	largestCache = 1 << 16
	firstChunk   = 1 << 9
	chunkBits    = 16
	// someLitter is how many edges an operation builds before it looks for
	// those that are not needed any more.
	someLitter = 1 << 20
	// stepsPerEdge bounds the time of one operation: an operation that only
	// meets nodes which exist is stopped as well, when the cache cannot keep up.
	stepsPerEdge = 16
)

func newDiagram[K key](f packet.Family, maxEdges int) *diagram[K] {
	d := &diagram[K]{
		family:   f,
		levels:   levelsOf(f),
		table:    make([]id, firstTable),
		cache:    make([]memo, firstCache),
		chunks:   [][]edge[K]{make([]edge[K], 0, firstChunk)},
		maxEdges: maxEdges,
		litter:   someLitter,
	}
	for i, l := range d.levels {
		d.max[i] = ^K(0)
		if int(l.bits) < bits.Len64(uint64(^K(0))) {
			d.max[i] = K(1)<<l.bits - 1
		}
	}
	for i := len(d.levels) - 1; i >= 0; i-- {
		d.start[d.levels[i].field] = uint8(i)
	}
	d.start[fields] = uint8(len(d.levels))
	d.nodes = make([]node, ends, firstTable/2)
	for i := range d.nodes {
		d.nodes[i].level = uint8(len(d.levels))
	}
	return d
}

func (d *diagram[K]) level(a id) int { return int(d.nodes[a].level) }

// out lists the edges of a node. The slice stays good while the arena grows.
func (d *diagram[K]) out(a id) []edge[K] {
	return d.outOf(&d.nodes[a])
}

func (d *diagram[K]) outOf(n *node) []edge[K] {
	at := n.first & (1<<chunkBits - 1)
	return d.chunks[n.first>>chunkBits][at : at+n.n]
}

// store copies the edges of a new node into the arena. A node lies in one
// chunk; one that is larger than chunks are gets its own.
func (d *diagram[K]) store(es []edge[K]) (first uint32) {
	i := len(d.chunks) - 1
	last := d.chunks[i]
	if len(last)+len(es) > cap(last) {
		size := min(4*cap(last), 1<<chunkBits)
		last = make([]edge[K], 0, max(size, len(es)))
		d.chunks = append(d.chunks, last)
		i++
	}
	first = uint32(i)<<chunkBits | uint32(len(last))
	d.chunks[i] = append(last, es...)
	d.used += len(es)
	return first
}

// seek returns the index of the edge that holds a value.
func seek[K key](es []edge[K], v K) int {
	lo, hi := 0, len(es)-1
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if es[m].hi < v {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// push adds an edge to the node whose edges began at base on the stack.
func (d *diagram[K]) push(base int, hi K, to id) {
	if n := len(d.stack); n > base && d.stack[n-1].to == to {
		d.stack[n-1].hi = hi
		return
	}
	d.stack = append(d.stack, edge[K]{hi, to})
}

// make turns the edges above base into a node, finding the one that exists.
func (d *diagram[K]) make(level int, base int) id {
	es := d.stack[base:]
	d.stack = d.stack[:base]
	if len(es) == 1 {
		return es[0].to
	}
	hash := hashOf(level, es)
	mask := uint32(len(d.table) - 1)
	i := hash & mask
	for ; d.table[i] != invalid; i = (i + 1) & mask {
		a := d.table[i]
		n := &d.nodes[a]
		if n.hash == hash && int(n.level) == level && int(n.n) == len(es) && equal(d.outOf(n), es) {
			return a
		}
	}
	if d.used+len(es) > d.maxEdges {
		d.over = true
		return invalid
	}
	a := id(len(d.nodes))
	d.nodes = append(d.nodes, node{d.store(es), uint32(len(es)), hash, uint8(level)})
	d.table[i] = a
	if len(d.nodes) > len(d.table)/2 {
		d.rehash(2 * len(d.table))
	}
	if len(d.nodes) > len(d.cache) && len(d.cache) < largestCache {
		d.growCache()
	}
	return a
}

func hashOf[K key](level int, es []edge[K]) uint32 {
	h := uint64(level) + 0x9e3779b97f4a7c15
	for _, e := range es {
		both := uint64(e.hi)*0xff51afd7ed558ccd + uint64(e.to)
		h = (bits.RotateLeft64(h, 29) ^ both) * 0xc4ceb9fe1a85ec53
	}
	return uint32(h >> 32)
}

func equal[K key](a, b []edge[K]) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// rehash rebuilds the table of nodes.
func (d *diagram[K]) rehash(size int) {
	if size == len(d.table) {
		clear(d.table)
	} else {
		d.table = make([]id, size)
	}
	mask := uint32(size - 1)
	for a := ends; int(a) < len(d.nodes); a++ {
		i := d.nodes[a].hash & mask
		for d.table[i] != invalid {
			i = (i + 1) & mask
		}
		d.table[i] = a
	}
}

// step counts work; it reports whether the operation must stop.
func (d *diagram[K]) step(n int) bool {
	d.steps += n
	if d.steps > stepsPerEdge*d.maxEdges {
		d.over = true
	}
	return d.over
}

func (d *diagram[K]) exceeded() bool { return d.over }
func (d *diagram[K]) size() int      { return d.used }
func (d *diagram[K]) knows(a id) bool {
	return a != invalid && a != deny && int(a) < len(d.nodes)
}
