package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const output = `goos: linux
pkg: github.com/postern-dev/postern/solver
BenchmarkFast-2     	  100	      8000 ns/op	     321.5 fold/merge	     576 B/op	      12 allocs/op
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
		{"A", "fast", "solver.BenchmarkFast", 20 * time.Microsecond, false},
		{"B", "slow", "solver.BenchmarkSlow", 100 * time.Millisecond, false},
		{"C", "tiny", "solver.BenchmarkTiny", 20 * time.Nanosecond, true},
		{"D", "greedy", "solver.BenchmarkGreedy/a-b", 20 * time.Nanosecond, true},
		{"E", "elsewhere", "reach.BenchmarkFast", time.Second, false},
		{"F", "nobody", "", time.Second, false},
	}
	if err := table(&got, goals, results); err != nil {
		t.Fatal(err)
	}
	want := `
goal  what       at most  measured  
A     fast       20µs     8µs       reached
B     slow       100ms    250ms     missed, 2.5 times as long
C     tiny       20ns     12.5ns    reached
D     greedy     20ns     12.5ns    missed, 1 allocations where none are wanted
E     elsewhere  1s       -         not measured
F     nobody     1s       -         not measured
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
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
