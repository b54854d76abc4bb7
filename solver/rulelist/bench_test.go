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
