package rulelist_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestCoveredBy compares the answers about some entries of a list, in any order,
// with packet sets: whether they cover, that one alone is preferred, that the
// first that decide are, and that none can be left out.
func TestCoveredBy(t *testing.T) {
	alone, together, alive := 0, 0, 0
	for _, k := range listgen.Kinds {
		for _, f := range packet.Families {
			for seed := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, 2))
				rules := listgen.List(k, f, seed, 30)
				entries := known(rules)
				for i := range entries[:10] { // more boxes than one
					entries[i] = rulelist.Known(solver.Permit, rules[i].Box, rules[29-i].Box)
				}
				x := rulelist.NewIndex(f, entries, solver.Deny)
				s := solver.New(f, solver.Options{})
				for i := range entries {
					by := slices.DeleteFunc(r.Perm(len(entries)), func(j int) bool { return j == i || r.IntN(4) == 0 })
					v, err := x.CoveredBy(context.Background(), i, by, nil)
					if err != nil {
						t.Fatal(err)
					}
					target := s.Of(entries[i].Hi...)
					covers := func(by []int) bool {
						var boxes []solver.Box
						for _, j := range by {
							boxes = append(boxes, entries[j].Lo...)
						}
						ok, err := s.Subset(target, s.Of(boxes...))
						if err != nil {
							t.Fatal(err)
						}
						return ok
					}
					switch {
					case target == solver.Empty:
						if v.State != rulelist.Absent {
							t.Errorf("%v %v entry %d: %v", k, f, i, v)
						}
						continue
					case !covers(by):
						if alive++; v.State != rulelist.Alive || !mayMatch(entries[i], v.Witness) {
							t.Errorf("%v %v entry %d: %v", k, f, i, v)
						}
						continue
					case v.State != rulelist.Covered || !v.Irreducible || v.Cover == nil || !covers(v.Rules):
						t.Errorf("%v %v entry %d: %v", k, f, i, v)
						continue
					}
					first := slices.IndexFunc(by, func(j int) bool { return covers([]int{j}) })
					if first >= 0 {
						if alone++; !slices.Equal(v.Rules, by[first:first+1]) {
							t.Errorf("%v %v entry %d: %v, and %d does so alone", k, f, i, v.Rules, by[first])
						}
						continue
					}
					together++
					for n := range v.Rules {
						if covers(slices.Delete(slices.Clone(v.Rules), n, n+1)) {
							t.Errorf("%v %v entry %d: %v without %d", k, f, i, v.Rules, v.Rules[n])
						}
					}
				}
			}
		}
	}
	if alone < 50 || together < 5 || alive < 50 {
		t.Errorf("%d alone, %d together, %d alive", alone, together, alive)
	}
}

// mayMatch reports whether an entry may match a header.
func mayMatch(e rulelist.Entry, h packet.Header) bool {
	return slices.ContainsFunc(e.Hi, func(b solver.Box) bool { return listgen.Holds(&b, h) })
}
