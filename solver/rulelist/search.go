package rulelist

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// role is what a piece means for the headers of a target.
type role uint8

const (
	settles role = iota + 1 // stands before the target: its headers are accounted for
	agrees                  // stands after it, and does the same
	opposes                 // stands after it, and does or may do something else
)

// candidate is a piece that meets the target.
type candidate struct {
	piece
	by   int32 // index of the entry
	role role
}

// search decides whether every header of a box is accounted for. One that none
// of the candidates takes is, when open is false, left over; with open it does
// not matter (nothing comes after, and that does the same).
//
// Candidates are in the order of the list. Those that settle come first, and
// their order is of no importance; of the others the first that takes a header
// decides.
type search struct {
	x *Index
	// in are the pieces that candidates are taken from: all of them, or those
	// that Analyse has not found to lie in one before them. The others are, by
	// the entry that holds them, in hidden: only without that entry do they
	// matter. holders are the pieces that hold each piece, if they are known.
	in      *table
	hidden  [][]int32
	holders []int32

	open  bool
	cands []candidate // of the target, then those of the parts under way
	steps int         // candidates that may still be looked at
	left  point       // a header that is left over, after a search that failed
	build bool        // whether a cover is wanted
	nodes []packet.Cover
	leaf  map[int32]*packet.Cover
}

func newSearch(x *Index) *search {
	return &search{x: x, in: x.lookups()}
}

// container returns a piece before a piece's entry that surely holds it, -1 if
// there is none.
func (s *search) container(k int) int {
	if s.holders != nil {
		return int(s.holders[k])
	}
	return s.x.container(&s.x.pieces[k], int(s.x.start[s.x.of[k]]))
}

// yes is what prove returns when no cover is wanted.
var yes packet.Cover

// over reports whether the last search stopped because its budget was spent.
func (s *search) over() bool { return s.steps < 0 }

// prove returns a cover of a box by candidates all of which meet it, or nil: it
// has found a header that is left over, or spent its steps; see over.
func (s *search) prove(b *piece, cands []candidate) *packet.Cover {
	s.steps -= len(cands) + 1
	if s.steps < 0 {
		return nil
	}
	cut := -1
	most := -1.0
	for k := range cands {
		c := &cands[k]
		if c.role != settles {
			if k == 0 || cands[k-1].role == settles { // the first that comes after
				if c.role == agrees && b.within(&c.piece) {
					return s.leafOf(c.by)
				}
				if cut < 0 {
					if c.role == opposes {
						common := c.clip(b)
						s.left = common.corner()
						return nil
					}
					cut = k
				}
			}
			break
		}
		if b.within(&c.piece) {
			return s.leafOf(c.by)
		}
		if v := share(b, &c.piece); v > most {
			cut, most = k, v
		}
	}
	if cut < 0 {
		if s.open {
			return s.leafOf(nobody)
		}
		s.left = b.corner()
		return nil
	}
	if len(cands) > manyCandidates && most < smallShare {
		if f, at := halve(b, cands); f >= 0 {
			return s.split(b, cands, f, at)
		}
	}
	return s.subtract(b, cands, cut)
}

// Where a box has many candidates none of which takes much of it, cutting it in
// halves leaves fewer for each part than cutting out one after the other.
const (
	manyCandidates = 24
	smallShare     = .2
)

// halve chooses a field, and a rank to cut a box at, such that both parts are
// met by few candidates; field -1 when no cut is of use. It looks at some of
// the candidates.
func halve(b *piece, cands []candidate) (field int, at uint32) {
	const most = 16
	step := (len(cands) + most - 1) / most
	field = -1
	best := 2 * most
	var room [2 * most]uint32
	for f := range fields {
		bounds := room[:0]
		for k := 0; k < len(cands); k += step {
			if c := cands[k].piece[f]; c.lo > b[f].lo {
				bounds = append(bounds, c.lo)
			}
			if c := cands[k].piece[f]; c.hi < b[f].hi {
				bounds = append(bounds, c.hi+1)
			}
		}
		if len(bounds) == 0 {
			continue
		}
		slices.Sort(bounds)
		m := bounds[len(bounds)/2]
		low, high, n := 0, 0, 0
		for k := 0; k < len(cands); k += step {
			n++
			if cands[k].piece[f].lo < m {
				low++
			}
			if cands[k].piece[f].hi >= m {
				high++
			}
		}
		if cost := low + high + max(low, high) - n; max(low, high) < n && cost < best {
			best, field, at = cost, f, m
		}
	}
	return field, at
}

// split proves the two parts of a box below and above a rank of a field.
func (s *search) split(b *piece, cands []candidate, f int, at uint32) *packet.Cover {
	low, high := *b, *b
	low[f].hi, high[f].lo = at-1, at
	below := s.part(&low, cands)
	if below == nil {
		return nil
	}
	above := s.part(&high, cands)
	if above == nil || !s.build {
		return above
	}
	return s.node(packet.Cover{Field: packet.Field(f + 1), At: s.x.axes[f].bounds[at], Below: below, Above: above})
}

// share is the part of a box that a piece takes, by ranks.
func share(b, c *piece) float64 {
	v := 1.0
	for f := range fields {
		lo, hi := max(b[f].lo, c[f].lo), min(b[f].hi, c[f].hi)
		v *= float64(hi-lo+1) / float64(b[f].hi-b[f].lo+1)
	}
	return v
}

// subtract proves the parts of a box that stick out of a candidate, side by
// side:
//
//	+-----------------+
//	|        2        |
//	+----+-------+----+
//	| 3  |   c   | 4  |
//	+----+-------+----+
//	|        1        |
//	+-----------------+
//
// The protocol comes first, so that no part looks at a port that its protocol
// lacks.
func (s *search) subtract(b *piece, cands []candidate, cut int) *packet.Cover {
	rest, c := *b, cands[cut].piece
	by := cands[cut].by
	top := &yes
	hole := &top // where what is proved next belongs
	for f := range fields {
		if c[f].lo > rest[f].lo {
			part := rest
			part[f].hi = c[f].lo - 1
			below := s.part(&part, cands)
			if below == nil {
				return nil
			}
			if s.build {
				*hole = s.node(packet.Cover{Field: packet.Field(f + 1), At: s.x.axes[f].bounds[c[f].lo], Below: below})
				hole = &(*hole).Above
			}
			rest[f].lo = c[f].lo
		}
		if c[f].hi < rest[f].hi {
			part := rest
			part[f].lo = c[f].hi + 1
			above := s.part(&part, cands)
			if above == nil {
				return nil
			}
			if s.build {
				*hole = s.node(packet.Cover{Field: packet.Field(f + 1), At: s.x.axes[f].bounds[c[f].hi+1], Above: above})
				hole = &(*hole).Below
			}
			rest[f].hi = c[f].hi
		}
	}
	*hole = s.leafOf(by)
	return top
}

// part proves a part of a box with those of its candidates that meet the part.
func (s *search) part(b *piece, cands []candidate) *packet.Cover {
	base := len(s.cands)
	s.steps -= len(cands)
	for k := range cands {
		if cands[k].meets(b) {
			s.cands = append(s.cands, cands[k])
		}
	}
	r := s.prove(b, s.cands[base:])
	s.cands = s.cands[:base]
	return r
}

// node keeps a node of a cover; they are allocated many at a time.
func (s *search) node(c packet.Cover) *packet.Cover {
	if len(s.nodes) == cap(s.nodes) {
		s.nodes = make([]packet.Cover, 0, min(max(16, 2*cap(s.nodes)), 1024))
	}
	s.nodes = append(s.nodes, c)
	return &s.nodes[len(s.nodes)-1]
}

// nobody stands for an entry where none takes what is left.
const nobody = packet.Otherwise

// leafOf returns the leaf that names an entry.
func (s *search) leafOf(by int32) *packet.Cover {
	if !s.build {
		return &yes
	}
	if l, ok := s.leaf[by]; ok {
		return l
	}
	l := s.node(packet.Cover{By: int(by)})
	if s.leaf == nil {
		s.leaf = map[int32]*packet.Cover{}
	}
	s.leaf[by] = l
	return l
}

// around makes a cover of a box one of all headers.
func (s *search) around(b *piece, inside, outside *packet.Cover) *packet.Cover {
	top := inside
	for f := fields - 1; f >= 0; f-- {
		a := &s.x.axes[f]
		if int(b[f].hi) < a.ranks()-1 {
			top = s.node(packet.Cover{Field: packet.Field(f + 1), At: a.bounds[b[f].hi+1], Below: top, Above: outside})
		}
		if b[f].lo > 0 {
			top = s.node(packet.Cover{Field: packet.Field(f + 1), At: a.bounds[b[f].lo], Below: outside, Above: top})
		}
	}
	return top
}
