package pairs

import (
	"testing"

	"github.com/postern-dev/postern/internal/acctgen"
)

// services is an account that collapses into classes.
func services(interfaces, rules, ports int) acctgen.Options {
	o := account(interfaces, rules, ports)
	o.Services, o.Groups = true, max(interfaces/40, 4)
	return o
}

// The other accounts: smaller and larger ones, those that collapse into classes
// and those that do not, many ports, both families.
func BenchmarkAllPairsClasses(b *testing.B)    { benchmark(b, services(10_000, 1_000_000, 40)) }
func BenchmarkAllPairsClasses256(b *testing.B) { benchmark(b, services(10_000, 1_000_000, 245)) }
func BenchmarkAllPairs256(b *testing.B)        { benchmark(b, account(10_000, 1_000_000, 245)) }
func BenchmarkAllPairs1k(b *testing.B)         { benchmark(b, account(1_000, 100_000, 40)) }
func BenchmarkAllPairs1kClasses(b *testing.B)  { benchmark(b, services(1_000, 100_000, 40)) }
func BenchmarkAllPairs100k(b *testing.B)       { benchmark(b, account(100_000, 2_000_000, 40)) }
func BenchmarkAllPairs100kClasses(b *testing.B) {
	benchmark(b, services(100_000, 2_000_000, 40))
}

func BenchmarkAllPairsBothFamilies(b *testing.B) {
	o := account(3_000, 300_000, 40)
	o.IPv6 = true
	benchmark(b, o)
}
