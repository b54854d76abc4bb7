package rules

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver"
)

// mostCovers bounds the entries among which a smallest cover is looked for.
const mostCovers = 64

// cover chooses entries among lines that together surely match a set, such
// that none of them can be left out. One entry alone is best; those of which
// first holds are used before others. The set must be covered by the lines.
func (l *aclList) cover(target solver.Set, lines []aclLine, first func(*aclLine) bool) ([]*ir.Entry, error) {
	s := l.space
	var deciding []*aclLine
	rest := target
	for _, turn := range []bool{true, false} {
		for k := range lines {
			o := &lines[k]
			if o.must == solver.Empty || first(o) != turn {
				continue
			}
			alone, err := s.Subset(target, o.must)
			if err != nil {
				return nil, err
			}
			if alone {
				return []*ir.Entry{o.entry}, nil
			}
			if next := s.Difference(rest, o.must); next != rest {
				deciding, rest = append(deciding, o), next
			}
		}
		if rest == solver.Empty {
			break
		}
	}
	if rest == solver.Invalid {
		return nil, solver.ErrBudget
	}
	if len(deciding) <= mostCovers {
		var err error
		if deciding, err = irreducible(s, target, deciding); err != nil {
			return nil, err
		}
	}
	var es []*ir.Entry
	for _, o := range deciding {
		es = append(es, o.entry)
	}
	slices.SortStableFunc(es, func(a, b *ir.Entry) int { return int(a.Number.V) - int(b.Number.V) })
	return es, nil
}

// irreducible drops lines without which the rest still covers the target.
func irreducible(s *solver.Space, target solver.Set, lines []*aclLine) ([]*aclLine, error) {
	for k := len(lines) - 1; k >= 0; k-- {
		var others []solver.Set
		for j, o := range lines {
			if j != k {
				others = append(others, o.must)
			}
		}
		enough, err := s.Subset(target, s.Union(others...))
		if err != nil {
			return nil, err
		}
		if enough {
			lines = slices.Delete(lines, k, k+1)
		}
	}
	return lines, nil
}
