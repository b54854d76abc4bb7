package rulelist_test

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestSoak asks the packet set of a list, its classifier and a linear scan about
// random packets, and counts the answers that differ. `make soak` runs a
// thousand million packets; the environment variable SOAK says how many.
func TestSoak(t *testing.T) {
	total := 100_000
	if n := os.Getenv("SOAK"); n != "" {
		var err error
		if total, err = strconv.Atoi(n); err != nil {
			t.Fatalf("SOAK: %v", err)
		}
	}
	const each = 10_000 // packets a list
	lists := (total + each - 1) / each
	var next, packets, wrong, matched atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := int(next.Add(1)) - 1; seed < lists; seed = int(next.Add(1)) - 1 {
				n := min(each, total-seed*each)
				disagree, met := soak(t, uint64(seed), n)
				packets.Add(int64(n))
				matched.Add(int64(met))
				if disagree > 0 {
					wrong.Add(int64(disagree))
					t.Errorf("list %d: %d disagreements", seed, disagree)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d packets, %d of them matched by a rule, %d lists, %d disagreements", packets.Load(), matched.Load(), lists, wrong.Load())
	if matched.Load() < packets.Load()/10 {
		t.Error("hardly any packet was matched by a rule")
	}
}

// soak draws a list and packets, and returns how many answers differ, and how
// many packets some rule matches.
func soak(t *testing.T, seed uint64, n int) (wrong, matched int) {
	kind := listgen.Kinds[seed%uint64(len(listgen.Kinds))]
	family := packet.Families[seed/5%2]
	g := listgen.New(kind, family, seed)
	length := []int{3, 20, 40, 70, 120}[seed/10%5]
	if kind == listgen.Adversarial {
		length = min(length, 20)
	}
	rules := g.List(length)
	x := rulelist.NewIndex(family, known(rules), solver.Deny)
	s := solver.New(family, solver.Options{})
	open := s.FirstMatchBoxes(rules, solver.Deny)
	for range n {
		h := g.Header(rules)
		first := listgen.First(rules, h)
		if first >= 0 {
			matched++
		}
		in, err := s.Contains(open, h)
		if err != nil {
			t.Error(err)
			return n, matched
		}
		if x.Classify(h) != first || in != (first >= 0 && rules[first].Decision == solver.Permit) {
			wrong++
		}
	}
	return wrong, matched
}
