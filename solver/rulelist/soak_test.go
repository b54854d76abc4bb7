package rulelist_test

import (
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestSoak asks the packet set of a list, its classifier and a linear scan about
// random packets, and the concrete evaluator about some of those that meet lists
// like AWS's, and counts the answers that differ. `make soak` runs a thousand
// million packets; the environment variable SOAK says how many. (The verdicts
// about whole lists are compared with a solver's by TestSoak of package smt.)
func TestSoak(t *testing.T) {
	total := 100_000
	if n := os.Getenv("SOAK"); n != "" {
		var err error
		if total, err = strconv.Atoi(n); err != nil {
			t.Fatalf("SOAK: %v", err)
		}
	}
	// Lists are drawn and compiled seldom enough for that not to matter.
	each := min(100_000, max(total/40, 1))
	lists := (total + each - 1) / each
	start := time.Now()
	var next atomic.Int64
	var mu sync.Mutex
	var sum soaked
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := int(next.Add(1)) - 1; seed < lists; seed = int(next.Add(1)) - 1 {
				s := soak(t, uint64(seed), min(each, total-seed*each))
				if s.wrong > 0 {
					t.Errorf("list %d: %d disagreements", seed, s.wrong)
				}
				mu.Lock()
				sum.add(s)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d packets, %d of them matched by a rule, %d walked by the evaluator, %d lists, %d disagreements; %.0f packets a second",
		sum.packets, sum.matched, sum.walked, lists, sum.wrong, float64(sum.packets)/time.Since(start).Seconds())
	if sum.matched < sum.packets/10 || sum.walked == 0 {
		t.Error("hardly any packet was matched by a rule, or walked")
	}
}

// soaked counts what was compared.
type soaked struct{ packets, matched, walked, wrong int }

func (s *soaked) add(o soaked) {
	s.packets, s.matched, s.walked, s.wrong = s.packets+o.packets, s.matched+o.matched, s.walked+o.walked, s.wrong+o.wrong
}

// soak draws a list and n packets.
func soak(t testing.TB, seed uint64, n int) soaked {
	kinds := uint64(len(listgen.Kinds))
	kind := listgen.Kinds[seed%kinds]
	family := packet.Families[seed/kinds%2]
	g := listgen.New(kind, family, seed)
	length := []int{3, 20, 40, 70, 120, 300}[seed/kinds/2%6]
	if kind == listgen.Adversarial {
		length = min(length, 20)
	}
	rules := g.List(length)
	x, scan := rulelist.NewIndex(family, known(rules), solver.Deny), listgen.NewScan(rules)
	s := solver.New(family, solver.Options{})
	open := s.FirstMatchBoxes(rules, solver.Deny)
	acl := aclOf(kind, rules)
	out := soaked{packets: n}
	for k := range n {
		h := g.Header(rules)
		first := scan.First(h)
		pass := first >= 0 && rules[first].Decision == solver.Permit
		if first >= 0 {
			out.matched++
		}
		in, err := s.Contains(open, h)
		if err != nil {
			t.Error(err)
			return out
		}
		if x.Classify(h) != first || in != pass {
			out.wrong++
		}
		if acl != nil && k%64 == 0 {
			out.walked++
			if (trace.ACL(acl, false, h) == trace.Allow) != pass {
				out.wrong++
			}
		}
	}
	return out
}

// aclOf is a list as the entries of a network ACL, nil when it is of another
// kind.
func aclOf(kind listgen.Kind, rules []listgen.Rule) *ir.NetworkACL {
	if kind != listgen.AWS && kind != listgen.NACL {
		return nil
	}
	acl := &ir.NetworkACL{}
	for i, r := range rules {
		e := ir.Entry{Number: ir.Known(uint16(i + 1)), Allow: ir.Known(r.Decision == solver.Permit)}
		e.Protocol = ir.Known(int16(-1))
		if r.Box.Protocol.Lo == r.Box.Protocol.Hi {
			e.Protocol.V = int16(r.Box.Protocol.Lo)
		}
		e.Ports = ir.Known(ir.Ports{Lo: r.Box.DstPort.Lo, Hi: r.Box.DstPort.Hi})
		var cidr netip.Prefix
		cidr, _ = r.Box.Src.Prefix()
		e.Peer.CIDR = cidr
		acl.Entries = append(acl.Entries, e)
	}
	return acl
}

// BenchmarkSoak runs a part of what `make soak` does; an operation is a packet.
func BenchmarkSoak(b *testing.B) {
	const each = 20_000
	var sum soaked
	for i := 0; i < b.N; i += each {
		sum.add(soak(b, uint64(i/each), each))
	}
	b.ReportMetric(float64(b.Elapsed())/float64(max(1, sum.packets)), "ns/op")
	b.ReportMetric(float64(sum.wrong), "disagreements")
	b.ReportMetric(float64(sum.packets), "packets")
}
