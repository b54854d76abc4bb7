package rulelist

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Relation says how two entries contradict each other: both match some
// headers, and do different things with them.
type Relation uint8

// The relations.
const (
	RelationInvalid Relation = iota
	// Generalisation: the later entry matches all that the earlier one does,
	// which is an exception of it. Lists are written that way.
	Generalisation
	// Correlation: each matches headers that the other does not. What becomes
	// of those that both match depends on the order.
	Correlation
	// Contradiction: the earlier entry matches all that the later one does,
	// which has no effect.
	Contradiction
)

func (r Relation) String() string {
	switch r {
	case Generalisation:
		return "generalisation"
	case Correlation:
		return "correlation"
	case Contradiction:
		return "contradiction"
	case RelationInvalid:
	}
	return fmt.Sprintf("relation(%d)", uint8(r))
}

// Conflict is a pair of entries with different known actions that surely match
// a common header.
type Conflict struct {
	Relation       Relation
	Earlier, Later int
	Witness        packet.Header // both match it
}

// Conflicts yields the conflicts of a list, by the later entry, then the
// earlier one. There may be as many as there are pairs. Where the subtraction
// that tells the relations apart runs out of steps, it is a Correlation.
func (x *Index) Conflicts() iter.Seq[Conflict] {
	return func(yield func(Conflict) bool) {
		s := newSearch(x)
		for i := range x.actions {
			if !x.conflictsOf(s, i, yield) {
				return
			}
		}
	}
}

// conflictsOf yields the conflicts of entry i with those before it.
func (x *Index) conflictsOf(s *search, i int, yield func(Conflict) bool) bool {
	var found []Conflict
	for k := x.start[i]; k < x.start[i+1]; k++ {
		if !x.sure[k] {
			break
		}
		t := &x.pieces[k]
		x.meeting(t, 0, int(x.start[i]), func(o int) bool {
			j := int(x.of[o])
			if x.sure[o] && x.opposite(i, j) {
				common := x.pieces[o].clip(t)
				p := common.corner()
				found = append(found, Conflict{Earlier: j, Later: i, Witness: x.header(&p)})
			}
			return true
		})
	}
	slices.SortStableFunc(found, func(a, b Conflict) int { return cmp.Compare(a.Earlier, b.Earlier) })
	for n, c := range found {
		if n > 0 && found[n-1].Earlier == c.Earlier {
			continue
		}
		switch {
		case x.contains(s, c.Earlier, i):
			c.Relation = Contradiction
		case x.contains(s, i, c.Earlier):
			c.Relation = Generalisation
		default:
			c.Relation = Correlation
		}
		if !yield(c) {
			return false
		}
	}
	return true
}

func (x *Index) opposite(i, j int) bool {
	a, b := x.actions[i], x.actions[j]
	return a != b && a != solver.DecisionInvalid && b != solver.DecisionInvalid
}

// contains reports whether entry i surely matches all that entry j surely does.
func (x *Index) contains(s *search, i, j int) bool {
	for k := x.start[j]; k < x.start[j+1] && x.sure[k]; k++ {
		t := &x.pieces[k]
		s.cands = x.surely(s.cands[:0], i, t)
		s.steps, s.open, s.build = maxSteps, false, false
		if s.prove(t, s.cands) == nil {
			return false
		}
	}
	return true
}
