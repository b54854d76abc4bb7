package rulelist

import (
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// classifier finds the first entry that surely matches a header. There is one
// for every size and shape of list, and one of the fields is set:
//
//	one address is looked at  a cross product: address class × service class
//	few pieces, IPv4          a scan of a compact table
//	two addresses, IPv4       decision trees
//	everything else           none is set: the bitsets of the index
//
// A load that misses the caches costs more than any of the rest, so a table
// that would take too many bytes is not used. (An interface in place of the
// fields would move every header to the heap.)
type classifier struct {
	scan   scan
	grid   *grid
	forest *forest
}

const (
	fewPieces = 64
	maxTable  = 1 << 20
)

// Classify returns the first entry that surely matches a header, -1 when none
// does, or when the header is of another family or not well-formed. The first
// call makes tables; after that none allocates.
func (x *Index) Classify(h packet.Header) int {
	x.once.Do(func() {
		x.lookups()
		x.classifier = x.newClassifier()
	})
	if !fitsFamily(&h, x.family) {
		return -1
	}
	switch t := &x.classifier; {
	case t.grid != nil:
		return t.grid.classify(&h)
	case t.forest != nil:
		return t.forest.classify(&h)
	case t.scan != nil:
		return t.scan.classify(&h)
	}
	return x.scanBits(&h)
}

// fitsFamily is Header.Valid without its detours.
func fitsFamily(h *packet.Header, f packet.Family) bool {
	if f == packet.IPv4 {
		if !h.Src.Is4() || !h.Dst.Is4() {
			return false
		}
	} else if !h.Src.Is6() || !h.Dst.Is6() || h.Src.Is4In6() || h.Dst.Is4In6() {
		return false
	}
	switch packet.KindOf(f, h.Protocol) {
	case packet.Ported:
		return true
	case packet.Typed:
		return h.SrcPort == 0
	default:
		return h.SrcPort == 0 && h.DstPort == 0
	}
}

func (x *Index) newClassifier() classifier {
	n := 0
	for _, sure := range x.sure {
		if sure {
			n++
		}
	}
	if g := newGrid(x); g != nil {
		return classifier{grid: g}
	}
	if x.family == packet.IPv4 && n > 0 && n <= fewPieces {
		return classifier{scan: newScan(x)}
	}
	if x.family == packet.IPv4 {
		return classifier{forest: newForest(x)}
	}
	return classifier{}
}

// scanBits classifies with the bitsets of the index.
func (x *Index) scanBits(h *packet.Header) int {
	values := [fields]packet.Value{
		{Lo: uint64(h.Protocol)}, packet.ValueOf(h.Src), packet.ValueOf(h.Dst), {Lo: uint64(h.SrcPort)}, {Lo: uint64(h.DstPort)},
	}
	var p point
	for f := range fields {
		p[f] = x.axes[f].rank(values[f])
	}
	if k := x.table.first(&p, 0, len(x.pieces), nil, solver.DecisionInvalid); k >= 0 {
		return int(x.of[k])
	}
	return -1
}

// line is a piece of an IPv4 list with its values instead of ranks. A header
// lies in a field iff value-lo <= wide, as unsigned numbers.
type line struct {
	src, srcWide         uint32
	dst, dstWide         uint32
	srcPort, srcPortWide uint16
	dstPort, dstPortWide uint16
	protocol, protoWide  uint8
	entry                int32
}

func (x *Index) lineOf(k int) line {
	p := &x.pieces[k]
	lo := func(f int) uint64 { return x.first(p, f).Lo }
	wide := func(f int) uint64 { return x.last(p, f).Lo - lo(f) }
	return line{
		uint32(lo(src)), uint32(wide(src)), uint32(lo(dst)), uint32(wide(dst)),
		uint16(lo(srcPort)), uint16(wide(srcPort)), uint16(lo(dstPort)), uint16(wide(dstPort)),
		uint8(lo(protocol)), uint8(wide(protocol)), x.of[k],
	}
}

// key is an IPv4 header as numbers.
type key struct {
	src, dst         uint32
	srcPort, dstPort uint16
	protocol         uint8
}

func keyOf(h *packet.Header) key {
	return key{uint32(packet.ValueOf(h.Src).Lo), uint32(packet.ValueOf(h.Dst).Lo), h.SrcPort, h.DstPort, h.Protocol}
}

// holds compares all fields before it decides anything: a branch for each would
// be guessed wrong too often. A difference is negative where a value is outside.
func (l *line) holds(k *key) bool {
	return int64((uint64(l.srcWide)-uint64(k.src-l.src))|(uint64(l.dstWide)-uint64(k.dst-l.dst))|
		(uint64(l.dstPortWide)-uint64(k.dstPort-l.dstPort))|(uint64(l.srcPortWide)-uint64(k.srcPort-l.srcPort))|
		(uint64(l.protoWide)-uint64(k.protocol-l.protocol))) >= 0
}

// scan looks at line after line.
type scan []line

func newScan(x *Index) scan {
	var s scan
	for k := range x.pieces {
		if x.sure[k] {
			s = append(s, x.lineOf(k))
		}
	}
	return s
}

func (s scan) classify(h *packet.Header) int {
	k := keyOf(h)
	for i := range s {
		if s[i].holds(&k) {
			return int(s[i].entry)
		}
	}
	return -1
}
