package solver

// Decision is what an entry of an ordered list does with what it matches.
type Decision uint8

// The decisions. The zero value is invalid.
const (
	DecisionInvalid Decision = iota
	Permit
	Deny
)

func (d Decision) String() string {
	switch d {
	case Permit:
		return "permit"
	case Deny:
		return "deny"
	case DecisionInvalid:
	}
	return "invalid"
}

// Entry is one line of an ordered list.
type Entry struct {
	Match    Set
	Decision Decision
}

// FirstMatch returns the headers that an ordered list lets through: those whose
// first matching entry permits, and, when otherwise is Permit, those that no
// entry matches. It is Invalid when a decision is.
//
// Every entry becomes a diagram with three ends: it permits or denies what it
// matches and says nothing about the rest. Laying an earlier one over a later
// one is associative, so the list is merged by halves.
func (s *Space) FirstMatch(entries []Entry, otherwise Decision) Set {
	m := s.engine.begin()
	finish := approve
	switch otherwise {
	case Permit:
		finish = approveNo
	case Deny:
	default:
		return Invalid
	}
	s.list = s.list[:0]
	for _, e := range entries {
		a := id(e.Match)
		if !s.engine.knows(a) {
			return Invalid
		}
		switch e.Decision {
		case Permit:
		case Deny:
			if a = s.engine.mapEnds(refuse, a); a == invalid {
				return s.end(m, invalid)
			}
		default:
			return Invalid
		}
		s.list = append(s.list, a)
	}
	r := s.engine.merge(earlier, s.list, true)
	if r != invalid {
		r = s.engine.mapEnds(finish, r)
	}
	if r != invalid && otherwise == Permit {
		r = s.engine.apply(intersect, r, id(s.all))
	}
	return s.end(m, r)
}
