package rulelist_test

import (
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestClassify compares the classifiers with a linear scan: lists of every kind,
// of lengths for each of the classifiers.
func TestClassify(t *testing.T) {
	for _, k := range listgen.Kinds {
		for _, f := range packet.Families {
			for _, n := range []int{0, 1, 20, 300, 3000} {
				if k == listgen.Adversarial && n > 300 {
					continue
				}
				g := listgen.New(k, f, uint64(n))
				rules := g.List(n)
				x := rulelist.NewIndex(f, known(rules), solver.Deny)
				near := rules
				if n == 0 {
					near = g.List(5)
				}
				for range 3000 {
					h := g.Header(near)
					if got, want := x.Classify(h), listgen.First(rules, h); got != want {
						t.Fatalf("%v %v, %d rules: %v meets rule %d, want %d", k, f, n, h, got, want)
					}
				}
			}
		}
	}
}

// TestClassifyTiny tries out every header of tiny universes.
func TestClassifyTiny(t *testing.T) {
	for _, f := range packet.Families {
		for seed := range uint64(20) {
			rules := listgen.List(listgen.Tiny, f, seed, int(seed*seed)/2)
			x := rulelist.NewIndex(f, known(rules), solver.Deny)
			for _, h := range listgen.Universe(f) {
				if got, want := x.Classify(h), listgen.First(rules, h); got != want {
					t.Fatalf("%v, seed %d: %v meets rule %d, want %d", f, seed, h, got, want)
				}
			}
		}
	}
}

func TestClassifyForeign(t *testing.T) {
	x := rulelist.NewIndex(packet.IPv4, []rulelist.Entry{rulelist.Known(solver.Permit, solver.Everything(packet.IPv4))}, solver.Deny)
	for _, h := range []packet.Header{
		{},
		listgen.Universe(packet.IPv6)[0],
		{Protocol: 47, Src: listgen.Universe(packet.IPv4)[0].Src, Dst: listgen.Universe(packet.IPv4)[0].Src, DstPort: 1},
	} {
		if got := x.Classify(h); got != -1 {
			t.Errorf("%v meets %d", h, got)
		}
	}
}

func TestClassifyAllocates(t *testing.T) {
	for _, k := range listgen.Kinds {
		for _, n := range []int{40, 300} {
			for _, f := range packet.Families {
				g := listgen.New(k, f, 1)
				rules := g.List(n)
				x := rulelist.NewIndex(f, known(rules), solver.Deny)
				h := g.Header(rules)
				if got := testing.AllocsPerRun(100, func() { x.Classify(h) }); got != 0 {
					t.Errorf("%v %v, %d rules: %v allocations", k, f, n, got)
				}
			}
		}
	}
}
