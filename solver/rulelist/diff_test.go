package rulelist_test

import (
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestCompare compares the difference with that of the lists' packet sets.
func TestCompare(t *testing.T) {
	for _, k := range listgen.Kinds {
		n := map[listgen.Kind]int{listgen.Adversarial: 15, listgen.Tiny: 12}[k]
		if n == 0 {
			n = 150
		}
		for _, f := range packet.Families {
			for seed := range uint64(6) {
				g := listgen.New(k, f, seed)
				before := g.List(n)
				after := edited(g, before, int(seed), seed)
				otherwise := solver.Deny
				if seed%2 == 0 {
					otherwise = solver.Permit
				}
				got, err := rulelist.Compare(f, before, after, otherwise)
				if err != nil {
					t.Fatal(err)
				}
				s := solver.New(f, solver.Options{})
				was, is := s.FirstMatchBoxes(before, otherwise), s.FirstMatchBoxes(after, otherwise)
				for name, side := range map[string]struct {
					want solver.Set
					got  rulelist.Side
				}{"opened": {s.Difference(is, was), got.Opened}, "closed": {s.Difference(was, is), got.Closed}} {
					if side.got.Count.Cmp(s.Count(side.want)) != 0 {
						t.Errorf("%v %v seed %d: %v %s headers, want %v", k, f, seed, side.got.Count, name, s.Count(side.want))
					}
					shown := s.Of(side.got.Boxes...)
					if all, err := s.Subset(shown, side.want); err != nil || !all || side.got.More == 0 && shown != side.want {
						t.Errorf("%v %v seed %d: the %s boxes are wrong (%v)", k, f, seed, name, err)
					}
					if len(side.got.Boxes) > rulelist.ShownBoxes {
						t.Errorf("%d boxes", len(side.got.Boxes))
					}
				}
			}
		}
	}
}
