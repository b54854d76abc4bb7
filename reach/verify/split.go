package verify

import (
	"context"
	"maps"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// maxSplit is how many unknown Booleans are tried case by case.
const maxSplit = 6

// booleanCases lists all values of the Booleans that a network leaves unknown,
// when there are few: whether something exists, whether an entry allows. One
// value for each term, so that what waits for one variable is decided together.
func booleanCases(n *ir.Network) []map[string]string {
	var terms []string
	values := map[string][2]string{}
	other := map[string]bool{} // terms that stand for more than a Boolean, such as a list that may be empty
	for _, s := range ir.Terms(n) {
		t := s.Unknown.Term
		if t == "" || s.Field == ir.FieldGroups { // "one of these groups" is one term for several Booleans
			continue
		}
		pair := [2]string{"false", "true"}
		switch s.Kind {
		case ir.SiteBool:
		case ir.SiteExists:
			pair = [2]string{"0", "1"}
		default:
			other[t] = true
			continue
		}
		if old, ok := values[t]; !ok {
			terms = append(terms, t)
		} else if old != pair {
			return nil // one term for two kinds of things
		}
		values[t] = pair
	}
	terms = slices.DeleteFunc(terms, func(t string) bool { return other[t] })
	if len(terms) == 0 || len(terms) > maxSplit {
		return nil
	}
	cases := []map[string]string{{}}
	for _, t := range terms {
		var more []map[string]string
		for _, c := range cases {
			for _, v := range values[t] {
				d := maps.Clone(c)
				d[t] = v
				more = append(more, d)
			}
		}
		cases = more
	}
	return cases
}

// split narrows the bounds of a flow by trying every case: what must pass in all
// of them must, what may in any may.
func (s *session) split(b reach.Band, from, to *ir.Interface, f packet.Family, complete bool) (reach.Band, error) {
	sp := s.model.Space(f)
	must, may := sp.All(), solver.Empty
	for _, values := range s.cases {
		one, err := caseBand(s.ctx, sp, s.n, values, from, to, f, complete)
		if err != nil {
			return b, err
		}
		must, may = sp.Intersect(must, one.Must), sp.Union(may, one.May)
	}
	s.r.Split++
	// The bounds from before hold as well.
	return reach.Band{Must: sp.Union(b.Must, must), Ground: b.Ground, May: sp.Intersect(b.May, may)}, sp.Err()
}

func caseBand(ctx context.Context, sp *solver.Space, n *ir.Network, values map[string]string, from, to *ir.Interface, f packet.Family, complete bool) (reach.Band, error) {
	with, moved := ir.SubstituteMapped(n, values)
	a, ok := mapping(moved).of(from)
	c, also := mapping(moved).of(to)
	if !ok || !also {
		return reach.Band{Must: solver.Empty, Ground: solver.Empty, May: solver.Empty}, nil // one of the ends is not there
	}
	m, err := reach.Compile(ctx, with)
	if err != nil {
		return reach.Band{}, err
	}
	flow, err := m.Flow(ctx, a, c, f)
	if err != nil {
		return reach.Band{}, err
	}
	band := flow.Forward
	if complete {
		band = flow.Complete
	}
	return reach.Band{Must: sp.Import(m.Space(f), band.Must), May: sp.Import(m.Space(f), band.May)}, nil
}
