package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const output = `goos: linux
pkg: github.com/postern-dev/postern/solver
BenchmarkFast-2     	  100	      8000 ns/op	     321.5 fold/this	     576 B/op	      12 allocs/op
BenchmarkFast-2     	  100	      9000 ns/op
BenchmarkSlow-2     	    1	 250000000 ns/op
BenchmarkTiny       	 9999	        12.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkGreedy/a-b 	 9999	        12.5 ns/op	       8 B/op	       1 allocs/op
ok  	github.com/postern-dev/postern/solver	1.2s
`

func TestTable(t *testing.T) {
	var passed, got strings.Builder
	results, err := read(strings.NewReader(output), &passed)
	if err != nil {
		t.Fatal(err)
	}
	if passed.String() != output {
		t.Errorf("the output is not passed on: %q", passed.String())
	}
	goals := []goal{
		{"A", "fast", "solver.BenchmarkFast", 20 * micro, "ns/op"},
		{"B", "slow", "solver.BenchmarkSlow", 100 * milli, "ns/op"},
		{"C", "tiny", "solver.BenchmarkTiny", 20, "ns/op"},
		{"D", "greedy", "solver.BenchmarkGreedy/a-b", 0, "allocs/op"},
		{"E", "heavy", "solver.BenchmarkFast", mega, "B/op"},
		{"F", "elsewhere", "reach.BenchmarkFast", second, "ns/op"},
		{"G", "nobody", "", second, "ns/op"},
		{"H", "many times", "solver.BenchmarkFast", 300, "fold/this"},
		{"I", "too few times", "solver.BenchmarkFast", 500, "fold/this"},
	}
	if err := table(&got, goals, results); err != nil {
		t.Fatal(err)
	}
	want := `
goal  what           bound         measured                                beside it
A     fast           <= 20µs       8µs          reached                    fold 2.57ms, 322 times
B     slow           <= 100ms      250ms        missed, 2.5 times as much
C     tiny           <= 20ns       12.5ns       reached
D     greedy         <= 0          1            missed
E     heavy          <= 1MB        0.000576MB   reached
F     elsewhere      <= 1s         -            not measured
G     nobody         <= 1s         -            not measured
H     many times     >= 300 times  321.5 times  reached
I     too few times  >= 500 times  321.5 times  missed
`
	if diff := cmp.Diff(want, trimmed(got.String())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// trimmed drops the spaces that fill up the last column.
func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestFailure(t *testing.T) {
	if _, err := read(strings.NewReader("FAIL\tgithub.com/postern-dev/postern/solver [build failed]\n"), &strings.Builder{}); err == nil {
		t.Error("a failed run gives a table")
	}
}

// TestBenchmarksExist checks that a renamed benchmark does not turn a goal into
// one that nobody measures.
func TestBenchmarksExist(t *testing.T) {
	for _, g := range goals {
		if g.benchmark == "" {
			continue
		}
		pkg, name, _ := strings.Cut(g.benchmark, ".")
		name, _, _ = strings.Cut(name, "/")
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "\nfunc "+name+"(b *testing.B)")
		}
		if !found {
			t.Errorf("%s: there is no %s", g.id, g.benchmark)
		}
	}
}
