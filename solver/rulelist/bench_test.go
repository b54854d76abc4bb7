package rulelist_test

import (
	"fmt"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

func benchmarkAnalyse(b *testing.B, k listgen.Kind, n int) {
	for seed := range uint64(3) {
		entries := known(listgen.List(k, packet.IPv4, seed, n))
		b.Run(fmt.Sprint("seed", seed), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				analyse(b, rulelist.NewIndex(packet.IPv4, entries, solver.Deny))
			}
		})
	}
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
}

func BenchmarkClassifyNACL40(b *testing.B)  { benchmarkClassify(b, listgen.AWS, 40) }
func BenchmarkClassifyAWS1000(b *testing.B) { benchmarkClassify(b, listgen.AWS, 1000) }
func BenchmarkClassifyACL1k(b *testing.B)   { benchmarkClassify(b, listgen.ACL, 1000) }
func BenchmarkClassifyACL10k(b *testing.B)  { benchmarkClassify(b, listgen.ACL, 10000) }
func BenchmarkClassifyFW10k(b *testing.B)   { benchmarkClassify(b, listgen.FW, 10000) }
