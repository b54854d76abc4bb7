package rulelist_test

import (
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestPartiallyShadowed compares the counts, and the entries that decide, with
// packet sets.
func TestPartiallyShadowed(t *testing.T) {
	for _, k := range listgen.Kinds {
		for _, f := range packet.Families {
			rules := listgen.List(k, f, 5, 30)
			entries := known(rules)
			entries[29].Lo = append(entries[29].Lo, rules[28].Box, rules[27].Box) // boxes that may overlap
			entries[29].Hi = entries[29].Lo
			x := rulelist.NewIndex(f, entries, solver.Deny)
			s := solver.New(f, solver.Options{})
			before := solver.Empty
			for i := range entries {
				m := s.Of(entries[i].Hi...)
				got, err := x.PartiallyShadowed(i)
				if err != nil {
					t.Fatal(err)
				}
				if want := s.Count(s.Intersect(m, before)); got.Taken.Cmp(want) != 0 || got.Of.Cmp(s.Count(m)) != 0 {
					t.Errorf("%v %v entry %d: %v of %v, want %v of %v", k, f, i, got.Taken, got.Of, want, s.Count(m))
				}
				deciding, earlier := x.Deciding(i), solver.Empty
				for j := range i {
					mj := s.Of(entries[j].Lo...)
					decides := s.Difference(s.Intersect(m, mj), earlier) != solver.Empty
					if len(deciding) > 0 && deciding[0] == j {
						if deciding = deciding[1:]; !decides {
							t.Errorf("%v %v: entry %d decides nothing of %d", k, f, j, i)
						}
					} else if decides {
						t.Errorf("%v %v: entry %d decides about some of %d", k, f, j, i)
					}
					earlier = s.Union(earlier, mj)
				}
				before = s.Union(before, m)
			}
		}
	}
}

// TestConflicts compares the pairs and their relations with packet sets.
func TestConflicts(t *testing.T) {
	seen := map[rulelist.Relation]int{}
	for _, k := range listgen.Kinds {
		rules := listgen.List(k, packet.IPv4, 6, 40)
		x := rulelist.NewIndex(packet.IPv4, known(rules), solver.Deny)
		got := map[[2]int]rulelist.Conflict{}
		for c := range x.Conflicts() {
			got[[2]int{c.Earlier, c.Later}] = c
		}
		s := solver.New(packet.IPv4, solver.Options{})
		for later := range rules {
			for earlier := range later {
				a, b := s.Of(rules[earlier].Box), s.Of(rules[later].Box)
				want := rulelist.RelationInvalid
				if both := s.Intersect(a, b); both != solver.Empty && rules[earlier].Decision != rules[later].Decision {
					switch both {
					case b:
						want = rulelist.Contradiction
					case a:
						want = rulelist.Generalisation
					default:
						want = rulelist.Correlation
					}
				}
				c := got[[2]int{earlier, later}]
				if c.Relation != want {
					t.Errorf("%v: %d and %d: %v, want %v", k, earlier, later, c.Relation, want)
				}
				if want == rulelist.RelationInvalid {
					continue
				}
				seen[want]++
				if !listgen.Holds(&rules[earlier].Box, c.Witness) || !listgen.Holds(&rules[later].Box, c.Witness) {
					t.Errorf("%v: %v is not in both %d and %d", k, c.Witness, earlier, later)
				}
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("only %v were seen", seen)
	}
}
