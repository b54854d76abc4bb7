package solver_test

import (
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// BenchmarkNACL40IPv6 and BenchmarkGroup1000IPv6 are what BenchmarkNACL40Again
// and BenchmarkGroup1000 are.
func BenchmarkNACL40IPv6(b *testing.B) {
	rules := listgen.List(listgen.NACL, packet.IPv6, 1, 40)
	s := solver.New(packet.IPv6, solver.Options{})
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		if s.FirstMatchBoxes(rules, solver.Deny) == solver.Invalid {
			b.Fatal(s.Err())
		}
	}
}

func BenchmarkGroup1000IPv6(b *testing.B) {
	var boxes []solver.Box
	for _, r := range listgen.List(listgen.AWS, packet.IPv6, 2, 1000) {
		boxes = append(boxes, r.Box)
	}
	s := solver.New(packet.IPv6, solver.Options{})
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		if s.Of(boxes...) == solver.Invalid {
			b.Fatal(s.Err())
		}
	}
}
