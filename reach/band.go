package reach

import (
	"github.com/postern-dev/postern/solver"
)

// Band bounds a packet set from both sides. Must is inside what AWS lets
// through, which is inside May, whatever the unknown values turn out to be.
// Ground lies between: what may pass on the evidence of rules that are wholly
// known, with the parts of the path that lie outside the input taken as
// passable. Only Ground makes a finding; the rest of May is ignorance.
type Band struct{ Must, Ground, May solver.Set }

// exactly is the band of a set that is known.
func exactly(s solver.Set) Band { return Band{s, s, s} }

// Exact reports whether nothing about the set is unknown.
func (b Band) Exact() bool { return b.Must == b.May }

// map3 applies an operation to each of the three bounds.
func map3(f func(...solver.Set) solver.Set, bs ...Band) Band {
	if len(bs) == 1 {
		return bs[0]
	}
	must := make([]solver.Set, len(bs))
	ground := make([]solver.Set, len(bs))
	may := make([]solver.Set, len(bs))
	exact := true
	for i, b := range bs {
		must[i], ground[i], may[i] = b.Must, b.Ground, b.May
		exact = exact && b.Must == b.May && b.Ground == b.May
	}
	if exact {
		return exactly(f(must...))
	}
	return Band{f(must...), f(ground...), f(may...)}
}

// all is the intersection of bands: every one must let a packet through.
func all(s *solver.Space, bs ...Band) Band {
	if len(bs) == 0 {
		return exactly(s.All())
	}
	return map3(s.Intersect, bs...)
}

// any is the union of bands: one that lets a packet through is enough.
func anyOf(s *solver.Space, bs ...Band) Band {
	if len(bs) == 0 {
		return exactly(solver.Empty)
	}
	return map3(s.Union, bs...)
}

// oneOf is the band of a choice: what all candidates let through must pass,
// what any does may.
func oneOf(s *solver.Space, bs ...Band) Band {
	if len(bs) == 0 {
		return exactly(solver.Empty)
	}
	b := anyOf(s, bs...)
	must := make([]solver.Set, len(bs))
	for i := range bs {
		must[i] = bs[i].Must
	}
	b.Must = s.Intersect(must...)
	return b
}

// perhaps is the band of a set of which nothing is known.
func perhaps(s *solver.Space) Band { return Band{solver.Empty, s.All(), s.All()} }
