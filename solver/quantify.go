package solver

import "github.com/postern-dev/postern/packet"

// The operations below change or forget one field of the headers of a set. The
// protocol decides which fields there are: a port that a header does not have
// is not changed, so that translating a source port leaves GRE as it is. What
// would not be well-formed is left out: giving TCP headers the protocol GRE
// keeps those whose ports are both 0.

// Project forgets a field: the result holds every well-formed header that
// becomes one of a when the field is given some value.
func (s *Space) Project(a Set, f packet.Field) Set {
	return s.ProjectSome(a, f, Everything(s.family))
}

// ProjectSome is Project with the values of the field that over has: headers
// that become one of a when the field is given some value of over's.
func (s *Space) ProjectSome(a Set, f packet.Field, over Box) Set {
	has, values, ok := s.field(f, over)
	if !ok {
		return Invalid
	}
	return s.Union(s.some(a, f, has, values), s.Difference(a, has))
}

// ProjectAll is Project with "every" in place of "some": headers that become
// one of a whichever value of over's the field is given. Values that would not
// leave the header well-formed do not count, but there must be one that does.
func (s *Space) ProjectAll(a Set, f packet.Field, over Box) Set {
	has, values, ok := s.field(f, over)
	if !ok {
		return Invalid
	}
	possible := s.some(has, f, has, values)
	spoiled := s.some(s.Difference(has, a), f, has, values)
	return s.Union(s.Difference(possible, spoiled), s.Difference(a, has))
}

// Assign gives a field of every header of a the values that to has: a single
// one for a translation to an address or a port, every one of an interval when
// the world chooses among them.
func (s *Space) Assign(a Set, f packet.Field, to Box) Set {
	has, values, ok := s.field(f, to)
	if !ok {
		return Invalid
	}
	freed := s.some(a, f, has, s.all)
	return s.Union(s.Intersect(freed, values), s.Difference(a, has))
}

// some returns the headers of has that become one of a when the field is given
// some of the values.
func (s *Space) some(a Set, f packet.Field, has, values Set) Set {
	a = s.Intersect(a, has, values)
	if a == Invalid {
		return Invalid
	}
	forgotten := s.end(s.engine.begin(), s.engine.exists(id(a), int(f)-1))
	return s.Intersect(forgotten, has)
}

// field returns the headers that have a field, and those whose field has one of
// the values of a box.
func (s *Space) field(f packet.Field, b Box) (has, values Set, ok bool) {
	if f < packet.FieldProtocol || f > packet.FieldDstPort || s.all == Invalid {
		return Invalid, Invalid, false
	}
	index := int(f) - 1
	has = s.having[index]
	values = Empty
	if sp, ok := spanOf(s.family, &b, index); ok {
		m := s.engine.begin()
		values = s.end(m, s.engine.node(index, []piece{{span: sp}}, permit))
		values = s.Intersect(values, has)
	}
	return has, values, true
}
