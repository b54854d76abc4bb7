package rulelist_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// against reports how many times longer a baseline takes than an operation of
// the loop did; the baseline does n of them.
func against(b *testing.B, name string, n int, baseline func()) {
	b.Helper()
	per := float64(b.Elapsed()) / float64(b.N)
	start := time.Now()
	baseline()
	b.ReportMetric(float64(time.Since(start))/float64(n)/per, name+"/this")
}

// benchmarkAnalyse analyses lists of several seeds in turn, their index
// included. The time of an operation is the median of the seeds, each by its
// best run; the slowest seed's is reported as well.
func benchmarkAnalyse(b *testing.B, k listgen.Kind, n int) {
	const seeds = 9
	var lists [seeds][]rulelist.Entry
	var best [seeds]time.Duration
	for seed := range lists {
		lists[seed] = known(listgen.List(k, packet.IPv4, uint64(seed), n))
		best[seed] = 1 << 62
	}
	b.ReportAllocs()
	for b.Loop() {
		for seed := range lists {
			start := time.Now()
			analyse(b, rulelist.NewIndex(packet.IPv4, lists[seed], solver.Deny))
			best[seed] = min(best[seed], time.Since(start))
		}
	}
	slices.Sort(best[:])
	b.ReportMetric(float64(best[seeds/2]), "ns/op")
	b.ReportMetric(float64(best[seeds-1]), "worst-ns")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	analyse(b, rulelist.NewIndex(packet.IPv4, lists[0], solver.Deny))
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc), "B/list")
	b.ReportMetric(float64(foldShadowed(lists[0][:min(n, 1000)]))/float64(best[seeds/2])*float64(n)/float64(min(n, 1000)), "fold/this")
}

// foldShadowed is the plain way to find shadowed rules: the union of all rules
// before, as a packet set. It is measured on at most 1,000 rules: with more it
// does not end.
func foldShadowed(entries []rulelist.Entry) time.Duration {
	start := time.Now()
	s := solver.New(packet.IPv4, solver.Options{MaxEdges: 1 << 22})
	before := solver.Empty
	for _, e := range entries {
		m := s.Of(e.Hi...)
		if _, err := s.Subset(m, before); err != nil {
			break // over the budget: the time up to there
		}
		before = s.Union(before, m)
	}
	return time.Since(start)
}

func BenchmarkAnalyseACL10k(b *testing.B) { benchmarkAnalyse(b, listgen.ACL, 10000) }
func BenchmarkAnalyseFW10k(b *testing.B)  { benchmarkAnalyse(b, listgen.FW, 10000) }
func BenchmarkAnalyseAdv2k(b *testing.B)  { benchmarkAnalyse(b, listgen.Adversarial, 2000) }
func BenchmarkAnalyseACL1k(b *testing.B)  { benchmarkAnalyse(b, listgen.ACL, 1000) }
func BenchmarkAnalyseNACL40(b *testing.B) { benchmarkAnalyse(b, listgen.AWS, 40) }

func benchmarkClassify(b *testing.B, k listgen.Kind, n int) {
	g := listgen.New(k, packet.IPv4, 1)
	rules := g.List(n)
	x := rulelist.NewIndex(packet.IPv4, known(rules), solver.Deny)
	var headers [1024]packet.Header
	for i := range headers {
		headers[i] = g.Header(rules)
	}
	x.Classify(headers[0])
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		x.Classify(headers[i%len(headers)])
		i++
	}
	against(b, "linear", len(headers), func() {
		for _, h := range headers {
			listgen.First(rules, h)
		}
	})
}

func BenchmarkClassifyNACL40(b *testing.B)  { benchmarkClassify(b, listgen.AWS, 40) }
func BenchmarkClassifyAWS1000(b *testing.B) { benchmarkClassify(b, listgen.AWS, 1000) }
func BenchmarkClassifyACL1k(b *testing.B)   { benchmarkClassify(b, listgen.ACL, 1000) }
func BenchmarkClassifyACL10k(b *testing.B)  { benchmarkClassify(b, listgen.ACL, 10000) }
func BenchmarkClassifyFW10k(b *testing.B)   { benchmarkClassify(b, listgen.FW, 10000) }

// BenchmarkCompareACL10k compares two lists of which 1 % is changed.
func BenchmarkCompareACL10k(b *testing.B) {
	g := listgen.New(listgen.ACL, packet.IPv4, 3)
	before := g.List(10000)
	after := edited(g, before, 100, 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rulelist.Compare(packet.IPv4, before, after, solver.Deny); err != nil {
			b.Fatal(err)
		}
	}
	against(b, "sets", 1, func() {
		s := solver.New(packet.IPv4, solver.Options{})
		s.SymmetricDifference(s.FirstMatchBoxes(before, solver.Deny), s.FirstMatchBoxes(after, solver.Deny))
	})
}

// edited changes n lines of a list: some removed, added, moved, turned around.
func edited(g *listgen.Generator, lines []solver.Line, n int, seed uint64) []solver.Line {
	r := rand.New(rand.NewPCG(seed, 7))
	out := slices.Clone(lines)
	for range n {
		k := r.IntN(len(out))
		switch r.IntN(4) {
		case 0:
			out = slices.Delete(out, k, k+1)
		case 1:
			out = slices.Insert(out, k, g.Rule())
		case 2:
			l := out[k]
			out = slices.Delete(out, k, k+1)
			out = slices.Insert(out, r.IntN(len(out)+1), l)
		case 3:
			out[k].Decision = solver.Permit + solver.Deny - out[k].Decision
		}
	}
	return out
}
