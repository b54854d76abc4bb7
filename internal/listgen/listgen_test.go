package listgen

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

func TestLists(t *testing.T) {
	for _, k := range Kinds {
		for _, f := range packet.Families {
			a, b := List(k, f, 1, 50), List(k, f, 1, 50)
			if diff := cmp.Diff(text(a), text(b)); diff != "" {
				t.Errorf("%v: the same seed gives other lists:\n%s", k, diff)
			}
			if cmp.Equal(text(a), text(List(k, f, 2, 50))) {
				t.Errorf("%v: two seeds give the same list", k)
			}
			g := New(k, f, 3)
			met := 0
			scan := NewScan(a)
			for range 500 {
				h := g.Header(a)
				if got, want := scan.First(h), First(a, h); got != want {
					t.Fatalf("%v %v: %v meets rule %d, want %d", k, f, h, got, want)
				}
				if !h.Valid() || h.Family() != f {
					t.Fatalf("%v: header %v", k, h)
				}
				if First(a, h) >= 0 {
					met++
				}
			}
			if met < 30 {
				t.Errorf("%v %v: only %d of 500 headers meet a rule", k, f, met)
			}
		}
	}
}

func text(rules []Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.Decision.String()+" "+r.Box.String())
	}
	return out
}

// TestUniverse checks that each tiny box which holds a header holds one of the
// universe, and that the plain scan agrees with packet sets.
func TestUniverse(t *testing.T) {
	for _, f := range packet.Families {
		s := solver.New(f, solver.Options{})
		for _, r := range List(Tiny, f, 4, 300) {
			box := s.Of(r.Box)
			held := 0
			for _, h := range Universe(f) {
				in, err := s.Contains(box, h)
				if err != nil || in != Holds(&r.Box, h) {
					t.Fatalf("%v in %v: %v %v", h, r.Box, in, err)
				}
				if in {
					held++
				}
			}
			if (held > 0) != (box != solver.Empty) {
				t.Errorf("%v holds %d headers of the universe", r.Box, held)
			}
		}
	}
}
