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

// BenchmarkAllPairsSizes measures other accounts: smaller and larger ones,
// those that collapse into classes and those that do not, many ports, both
// families.
func BenchmarkAllPairsSizes(b *testing.B) {
	dual := account(3_000, 300_000, 40)
	dual.IPv6 = true
	for _, c := range []struct {
		name string
		o    acctgen.Options
	}{
		{"1k", account(1_000, 100_000, 40)},
		{"1kServices", services(1_000, 100_000, 40)},
		{"3kDual", dual},
		{"10kServices", services(10_000, 1_000_000, 40)},
		{"10kServices256", services(10_000, 1_000_000, 245)},
		{"10kPorts256", account(10_000, 1_000_000, 245)},
		{"100kServices", services(100_000, 1_000_000, 40)},
		{"100k", account(100_000, 2_000_000, 40)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.o) })
	}
}
