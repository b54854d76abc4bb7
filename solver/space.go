package solver

import (
	"errors"
	"iter"
	"math/big"
	"slices"

	"github.com/postern-dev/postern/packet"
)

// Set is a set of headers of one Space. Within a space, equal sets have equal
// values. A Set means nothing in another space; see Import.
type Set uint32

// The sets that every space has.
const (
	// Invalid is what an operation over budget returns, and every operation
	// that is given it.
	Invalid Set = Set(invalid)
	// Empty is the set without headers.
	Empty Set = Set(none)
)

// ErrBudget says that a set, or the search for an answer, needs more edges than
// Options.MaxEdges allows.
var ErrBudget = errors.New("solver: the packet sets are too complex for the edge budget")

// Options bounds a space.
type Options struct {
	// MaxEdges bounds the intervals of all nodes of the space, of intermediate
	// results too; an edge takes 8 bytes in IPv4 and 16 in IPv6. An operation
	// walks at most 16 times as many. 0 means DefaultMaxEdges.
	MaxEdges int
}

// DefaultMaxEdges is the budget when none is given: 128 MiB of edges in IPv4.
const DefaultMaxEdges = 1 << 24

// largestMaxEdges keeps edge indexes within 32 bits.
const largestMaxEdges = 1 << 30

// engine is a diagram of either key width.
type engine interface {
	begin() mark
	rollback(mark)
	exceeded() bool
	size() int
	knows(id) bool

	of([]cell) id
	sweep(w *sweeper, field int, ordered, otherwise bool) id
	ofKinds(...packet.Kind) id
	node(field int, spans []piece, to id) id
	apply(o op, a, b id) id
	merge(o op, list []id, tidy bool) id
	mapEnds(o op, a id) id
	exists(a id, field int) id
	test(o op, a, b id) bool
	witness(sets []id, prefer bool) bool
	chosen() packet.Header
	contains(a id, h packet.Header) bool
	count(a id) *big.Int
	cells(a id, yield func(*cell) bool)
	importFrom(from engine, a id) id
}

// Space holds packet sets of one family. It is not safe for use by several
// goroutines at once, questions included: give each its own, and Import.
type Space struct {
	family packet.Family
	engine engine
	all    Set
	// having are the headers that have each field, by index.
	having [fields]Set
	fresh  mark   // where the arena stood when the space was new
	list   []id   // arguments of the operation that runs
	cells  []cell // likewise
	sweep  sweeper
	err    error
}

// New makes an empty space. It is cheap: tables grow as they fill. A space of
// an invalid family has no budget, and so no sets.
func New(f packet.Family, o Options) *Space {
	if o.MaxEdges <= 0 {
		o.MaxEdges = DefaultMaxEdges
	}
	o.MaxEdges = min(o.MaxEdges, largestMaxEdges)
	s := &Space{family: f}
	switch f {
	case packet.IPv4:
		s.engine = newDiagram[uint32](f, o.MaxEdges)
	case packet.IPv6:
		s.engine = newDiagram[uint64](f, o.MaxEdges)
	case packet.FamilyInvalid:
		s.engine = newDiagram[uint32](packet.IPv4, 0)
		s.err = ErrBudget
		return s
	}
	s.wellFormed()
	return s
}

// wellFormed builds All and the headers that have each port.
func (s *Space) wellFormed() {
	m := s.engine.begin()
	s.having[srcPort] = s.end(m, s.engine.ofKinds(packet.Ported))
	s.having[dstPort] = s.end(m, s.engine.ofKinds(packet.Ported, packet.Typed))
	s.all = s.end(m, s.engine.ofKinds(packet.Ported, packet.Typed, packet.Plain))
	for f := protocol; f < srcPort; f++ {
		s.having[f] = s.all
	}
	s.fresh = s.engine.begin()
}

// Reset forgets every set but Empty and All, and that the budget was exceeded.
// It costs less than a new space: tables stay as large as they have grown.
func (s *Space) Reset() {
	if s.all != Invalid {
		s.engine.rollback(s.fresh)
		s.err = nil
	}
}

// end finishes an operation that began at m.
func (s *Space) end(m mark, r id) Set {
	if r == invalid {
		s.engine.rollback(m)
		s.err = ErrBudget
	}
	return Set(r)
}

// args copies sets into the space's own list; false when one is Invalid or was
// never handed out.
func (s *Space) args(sets []Set) ([]id, bool) {
	s.list = s.list[:0]
	for _, a := range sets {
		if !s.engine.knows(id(a)) {
			return nil, false
		}
		s.list = append(s.list, id(a))
	}
	return s.list, true
}

// Family returns the family of the headers.
func (s *Space) Family() packet.Family { return s.family }

// Err returns ErrBudget once an operation has gone over the budget.
func (s *Space) Err() error { return s.err }

// Edges returns how much of Options.MaxEdges is in use.
func (s *Space) Edges() int { return s.engine.size() }

// All returns the set of all well-formed headers.
func (s *Space) All() Set { return s.all }

// Of returns the well-formed headers of a union of boxes. A box is taken as it
// is written: with DstPort 22..22 and all protocols it holds no GRE header,
// whose destination port is 0. Without boxes the set is empty.
func (s *Space) Of(boxes ...Box) Set {
	if s.all == Invalid {
		return Invalid
	}
	s.cells = slices.Grow(s.cells[:0], len(boxes))
	for i := range boxes {
		if c, ok := cellOf(s.family, &boxes[i]); ok {
			s.cells = append(s.cells, c)
		}
	}
	m := s.engine.begin()
	if len(s.cells) > 1 {
		if field, ok := s.sweep.stripsOf(s.family, s.cells); ok {
			return s.end(m, s.engine.sweep(&s.sweep, field, false, false))
		}
	}
	r := s.engine.of(s.cells)
	if r != invalid {
		r = s.engine.apply(intersect, r, id(s.all))
	}
	return s.end(m, r)
}

// Union returns the headers that are in any of the sets; Empty without sets.
func (s *Space) Union(sets ...Set) Set {
	list, ok := s.args(sets)
	if !ok {
		return Invalid
	}
	slices.Sort(list)
	return s.end(s.engine.begin(), s.engine.merge(union, slices.Compact(list), true))
}

// Intersect returns the headers that are in all sets; All without sets.
func (s *Space) Intersect(sets ...Set) Set {
	list, ok := s.args(sets)
	switch {
	case !ok:
		return Invalid
	case len(list) == 0:
		return s.all
	}
	slices.Sort(list)
	return s.end(s.engine.begin(), s.engine.merge(intersect, slices.Compact(list), true))
}

// Difference returns the headers that are in a and not in b.
func (s *Space) Difference(a, b Set) Set { return s.binary(difference, a, b) }

// SymmetricDifference returns the headers that are in one of the sets only.
func (s *Space) SymmetricDifference(a, b Set) Set { return s.binary(symmetric, a, b) }

// Complement returns the well-formed headers that are not in a.
func (s *Space) Complement(a Set) Set { return s.binary(difference, s.all, a) }

func (s *Space) binary(o op, a, b Set) Set {
	if !s.engine.knows(id(a)) || !s.engine.knows(id(b)) {
		return Invalid
	}
	return s.end(s.engine.begin(), s.engine.apply(o, id(a), id(b)))
}

// Subset reports whether every header of a is in b. It builds nothing.
func (s *Space) Subset(a, b Set) (bool, error) {
	if !s.engine.knows(id(a)) || !s.engine.knows(id(b)) {
		return false, ErrBudget
	}
	s.engine.begin()
	return s.answer(s.engine.test(subset, id(a), id(b)))
}

// Disjoint reports whether no header is in all of the sets. It builds nothing.
func (s *Space) Disjoint(sets ...Set) (bool, error) {
	list, ok := s.args(sets)
	if !ok {
		return false, ErrBudget
	}
	if len(list) == 0 {
		list = append(list, id(s.all))
	}
	met, err := s.answer(s.engine.witness(list, false))
	return err == nil && !met, err
}

// answer refuses the answer of a question that went over the budget.
func (s *Space) answer(yes bool) (bool, error) {
	if s.engine.exceeded() {
		s.err = ErrBudget
		return false, ErrBudget
	}
	return yes, nil
}

// Contains reports whether a header is in a set. One of another family, or not
// well-formed, is in none. (An IPv4-mapped IPv6 address, which no header of
// packet.Header.Valid has, is an IPv6 address like any other here.)
func (s *Space) Contains(a Set, h packet.Header) (bool, error) {
	if !s.engine.knows(id(a)) {
		return false, ErrBudget
	}
	return s.engine.contains(id(a), h), nil
}

// Witness returns a header that all of the sets hold, false when there is none;
// without sets, any header. It builds nothing.
//
// Among the headers it prefers those that people recognise: tcp before udp
// before icmp before others; a source of the documentation blocks, then public,
// then private; a private destination; an ephemeral source port; ssh, https,
// http and other well-known services; echo requests. The same sets give the
// same header.
func (s *Space) Witness(sets ...Set) (packet.Header, bool, error) {
	list, ok := s.args(sets)
	if !ok || s.all == Invalid {
		return packet.Header{}, false, ErrBudget
	}
	list = append(list, id(s.all))
	found, err := s.answer(s.engine.witness(list, true))
	if !found {
		return packet.Header{}, false, err
	}
	return s.engine.chosen(), true, nil
}

// Count returns the number of headers in a set, nil for Invalid.
func (s *Space) Count(a Set) *big.Int {
	if !s.engine.knows(id(a)) {
		return nil
	}
	return s.engine.count(id(a))
}

// Boxes yields disjoint boxes that make up a set, in the order of their fields.
// No two of them could be written as one, except in sets of more than some ten
// thousand boxes, which are yielded as they are found. Invalid yields none:
// look at it first.
func (s *Space) Boxes(a Set) iter.Seq[Box] {
	return func(yield func(Box) bool) {
		if s.engine.knows(id(a)) {
			s.engine.cells(id(a), func(c *cell) bool { return yield(c.box(s.family)) })
		}
	}
}

// Import copies a set of another space of the same family into this one. It is
// Invalid when the families differ.
func (s *Space) Import(from *Space, a Set) Set {
	switch {
	case s.family != from.family || !from.engine.knows(id(a)):
		return Invalid
	case s == from:
		return a
	}
	return s.end(s.engine.begin(), s.engine.importFrom(from.engine, id(a)))
}
