package solver

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-dev/postern/packet"
)

// ratio reports how many times longer a baseline takes than the loop did.
func ratio(b *testing.B, baseline func()) {
	b.Helper()
	per := float64(b.Elapsed()) / float64(b.N)
	best := time.Duration(1 << 62)
	for range 3 {
		start := time.Now()
		baseline()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best)/per, "fold/this")
}

func BenchmarkNACL40(b *testing.B) {
	g := newGenerator(1, .3)
	rules := g.list(40, g.three)
	b.ReportAllocs()
	for b.Loop() {
		s := New(packet.IPv4, Options{})
		s.FirstMatch(entries(s, rules), Deny)
	}
	ratio(b, func() {
		s := New(packet.IPv4, Options{})
		fold(s, entries(s, rules))
	})
}

// BenchmarkNACL40Again compiles in a scratch space that has been used before.
func BenchmarkNACL40Again(b *testing.B) {
	g := newGenerator(1, .3)
	rules := g.list(40, g.three)
	s := New(packet.IPv4, Options{})
	var lines []Line
	for _, r := range rules {
		lines = append(lines, Line{r.box, r.decision})
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.FirstMatchBoxes(lines, Deny)
	}
	ratio(b, func() {
		s.Reset()
		fold(s, entries(s, rules))
	})
}

// BenchmarkGroup1000 is the union of 1,000 security group rules.
func BenchmarkGroup1000(b *testing.B) {
	g := newGenerator(2, .02)
	var boxes []Box
	for _, r := range g.list(1000, g.three) {
		boxes = append(boxes, r.box)
	}
	b.ReportAllocs()
	scratch := New(packet.IPv4, Options{})
	for b.Loop() {
		scratch.Reset()
		scratch.Of(boxes...)
	}
	ratio(b, func() {
		s := New(packet.IPv4, Options{})
		sum := Empty
		for _, x := range boxes {
			sum = s.Union(sum, s.Of(x))
		}
	})
}

// BenchmarkRegion compiles the rules of 2,500 groups, and keeps all sets: an
// engine for each processor.
func BenchmarkRegion(b *testing.B) {
	var groups [][]Box
	for seed := range uint64(2500) {
		g := newGenerator(seed, .02)
		var boxes []Box
		for _, r := range g.list(120, g.three) {
			boxes = append(boxes, r.box)
		}
		groups = append(groups, boxes)
	}
	b.ReportAllocs()
	for b.Loop() {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				s := New(packet.IPv4, Options{})
				for i := int(next.Add(1)) - 1; i < len(groups); i = int(next.Add(1)) - 1 {
					if s.Of(groups[i]...) == Invalid {
						b.Error(s.Err())
					}
				}
			})
		}
		wg.Wait()
	}
	ratio(b, func() {
		s := New(packet.IPv4, Options{})
		for _, boxes := range groups {
			s.Reset()
			sum := Empty
			for _, x := range boxes {
				sum = s.Union(sum, s.Of(x))
			}
		}
	})
}

func benchmarkList(b *testing.B, n int, wild float64) {
	g := newGenerator(3, wild)
	rules := g.list(n, g.five)
	b.ReportAllocs()
	edges := 0
	for b.Loop() {
		s := New(packet.IPv4, Options{})
		if s.FirstMatch(entries(s, rules), Deny) == Invalid {
			b.Fatal(s.Err())
		}
		edges = s.Edges()
	}
	b.ReportMetric(float64(edges), "edges")
	ratio(b, func() {
		s := New(packet.IPv4, Options{})
		fold(s, entries(s, rules))
	})
}

func BenchmarkACL1k(b *testing.B) { benchmarkList(b, 1000, .05) }
func BenchmarkFW1k(b *testing.B)  { benchmarkList(b, 1000, .3) }

// BenchmarkQuestions asks about the permit sets of two ACLs of 40.
func BenchmarkQuestions(b *testing.B) {
	s := New(packet.IPv4, Options{})
	g := newGenerator(4, .3)
	x := s.FirstMatch(entries(s, g.list(40, g.three)), Deny)
	y := s.FirstMatch(entries(s, g.list(40, g.three)), Deny)
	z := s.Complement(s.Of(g.three().box))
	h, _, _ := s.Witness(x)
	for _, q := range []struct {
		name string
		ask  func()
	}{
		{"Contains", func() { _, _ = s.Contains(x, h) }},
		{"Subset", func() { _, _ = s.Subset(x, y) }},
		{"Disjoint", func() { _, _ = s.Disjoint(x, y, z) }},
		{"Witness", func() { _, _, _ = s.Witness(x, y, z) }},
		{"Intersect", func() { s.Intersect(x, y) }},
		{"Count", func() { s.Count(x) }},
		{"Boxes", func() {
			for range s.Boxes(x) {
				continue
			}
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.ask()
			}
		})
	}
}
