package pairs

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/acctgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// account is one that does not collapse.
func account(interfaces, rules, ports int) acctgen.Options {
	return acctgen.Options{
		Seed: 1, Interfaces: interfaces, Rules: rules, Groups: max(interfaces/4, 4), ACLs: min(200, max(interfaces/10, 3)),
		VPCs: max(interfaces/1500, 2), Ports: ports,
	}
}

// benchmark measures all pairs of an account, from the model to the last tile,
// and holds samples against the concrete evaluator.
func benchmark(b *testing.B, o acctgen.Options) {
	n := acctgen.New(o)
	memory := watchMemory()
	var x *Index
	flows := make([]int, Workers())
	var compile time.Duration
	for b.Loop() {
		clear(flows)
		start := time.Now()
		var err error
		if x, err = Compile(context.Background(), n); err != nil {
			b.Fatal(err)
		}
		compile += time.Since(start)
		for _, f := range packet.Families {
			if t := x.Table(f); t != nil {
				count(b, t, flows)
			}
		}
	}
	b.ReportMetric(float64(compile)/float64(b.N), "compile-ns")
	b.ReportMetric(float64(memory()), "peak-B")
	t := x.Table(packet.IPv4)
	b.ReportMetric(float64(len(t.Classes)), "classes")
	b.ReportMetric(float64(len(t.Universe.Atoms)), "atoms")
	total := 0
	for _, f := range flows {
		total += f
	}
	b.ReportMetric(float64(total), "flows")
	samePoints(b, t)
	walks(b, n, t)
}

// samePoints holds one pair of every tile against the answer for it alone.
func samePoints(b *testing.B, t *Table) {
	points := make([]*point, Workers())
	err := t.Tiles(context.Background(), func(worker int, tile *Tile) error {
		if points[worker] == nil {
			points[worker] = newPoint(t)
		}
		rng := rand.New(rand.NewPCG(uint64(tile.To), uint64(tile.From)))
		to, from := tile.To+rng.IntN(tile.ToEnd-tile.To), tile.From+rng.IntN(tile.FromEnd-tile.From)
		want, err := points[worker].answer(context.Background(), int32(from), int32(to))
		got := newAnswer(t.Universe.Words)
		tile.read(got, to, from, t.Universe.Words)
		for k, m := range want.May.Forward {
			if got.May.Forward[k] != m || got.May.Reply[k] != want.May.Reply[k] && slices.Max(want.May.Forward) > 0 {
				b.Errorf("%d to %d: the tile says %x %x, the pair alone %x %x", from, to, got.May.Forward, got.May.Reply, want.May.Forward, want.May.Reply)
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// watchMemory returns a function that returns the most memory that was in use
// in the meantime, the account included.
func watchMemory() func() uint64 {
	debug.FreeOSMemory()
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	stop, peak := make(chan bool), make(chan uint64)
	go func() {
		most := uint64(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()-samples[1].Value.Uint64()-samples[2].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-peak
	}
}

func count(b *testing.B, t *Table, flows []int) {
	err := t.Tiles(context.Background(), func(worker int, tile *Tile) error {
		some := 0
		for to := tile.To; to < tile.ToEnd; to++ {
			forward, reply := tile.Row(&tile.May, to, 0)
			for k, f := range forward {
				if f&reply[k] != 0 {
					some++
				}
			}
		}
		flows[worker] += some
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// walks puts headers to the concrete evaluator, half of them between any two
// vertices, half where something flows, and reports how many times longer it
// would take to walk one header of every pair. An answer that differs fails.
func walks(b *testing.B, n *ir.Network, t *Table) {
	rng := rand.New(rand.NewPCG(7, 7))
	p := newPoint(t)
	took := b.Elapsed() / time.Duration(b.N)
	var spent time.Duration
	const headers = 20_000
	flows := 0
	for k := range headers {
		from, to, a := drawPair(b, p, rng, k%2 == 0)
		u, v := &t.Vertices[from], &t.Vertices[to]
		h, atom, client := drawHeader(t, u, v, rng)
		for k%2 == 0 && !has(a.May.Forward, atom) {
			h, atom, client = drawHeader(t, u, v, rng)
		}
		start := time.Now()
		r := trace.Decide(n, trace.Query{From: u.Interface, To: v.Interface, Header: h})
		spent += time.Since(start)
		if got := verdictOf(t.Universe.holds(&a.Must, atom, client), t.Universe.holds(&a.May, atom, client)); got != r {
			b.Errorf("%s: %v, where the evaluator says %v", h, got, r)
		}
		if r == trace.Allow {
			flows++
		}
	}
	b.Logf("%d headers, %d of them flow, as the evaluator says", headers, flows)
	if flows*10 < headers {
		b.Error("too few headers flow to prove anything")
	}
	pairs := float64(len(t.Vertices)) * float64(len(t.Vertices))
	b.ReportMetric(float64(spent)/headers*pairs/float64(took), "walks/this")
}

// drawPair draws two vertices, if asked for two between which something flows.
func drawPair(b *testing.B, p *point, rng *rand.Rand, flows bool) (from, to int, a *Answer) {
	t := p.t
	for {
		from, to = rng.IntN(len(t.Vertices)), rng.IntN(len(t.Vertices))
		if flows { // neighbours, mostly of one VPC
			from = min(max(to-500+rng.IntN(1000), 0), len(t.Vertices)-1)
		}
		if t.Vertices[from].Interface == t.Vertices[to].Interface {
			continue
		}
		a, err := p.answer(context.Background(), t.ofVertex[from], t.ofVertex[to])
		if err != nil {
			b.Fatal(err)
		}
		if !flows || slices.ContainsFunc(a.May.Forward, func(w uint64) bool { return w != 0 }) {
			return from, to, a
		}
	}
}

// BenchmarkAllPairs is the goal: 10,000 interfaces of which no two are alike,
// 1,000,000 rules, 200 ACLs.
func BenchmarkAllPairs(b *testing.B) { benchmark(b, account(10_000, 1_000_000, 40)) }

// BenchmarkRecheck changes one rule of that account at a time and asks for the
// pairs that the old or the new one names. The goal gives 0.5 µs for each of
// them; beyond-ns is what a change takes beyond that.
func BenchmarkRecheck(b *testing.B) {
	n := acctgen.New(account(10_000, 1_000_000, 40))
	x, err := Compile(context.Background(), n)
	if err != nil {
		b.Fatal(err)
	}
	t := x.Table(packet.IPv4)
	r := NewRechecker(t)
	rng := rand.New(rand.NewPCG(3, 3))
	const each = 500 // nanoseconds
	var beyond []float64
	pairs := 0
	for b.Loop() {
		g := n.SecurityGroups[rng.IntN(len(n.SecurityGroups))]
		c := Change{Group: g, Egress: rng.IntN(2) == 0}
		own := c.Group.Rules(c.Egress)
		o := n.SecurityGroups[rng.IntN(len(n.SecurityGroups))].Ingress
		c.Old, c.New = &own[rng.IntN(len(own))], &o[rng.IntN(len(o))]
		named := 0
		start := time.Now()
		if _, err := r.Recheck(context.Background(), c, func(*Touched) error { named++; return nil }); err != nil {
			b.Fatal(err)
		}
		beyond = append(beyond, float64(time.Since(start))-float64(each*named))
		pairs += named
	}
	took := b.Elapsed()
	slices.Sort(beyond)
	b.ReportMetric(beyond[len(beyond)/2], "p50-beyond-ns")
	b.ReportMetric(beyond[len(beyond)*99/100], "p99-beyond-ns")
	b.ReportMetric(float64(took)/float64(pairs), "pair-ns")
	b.ReportMetric(float64(pairs)/float64(b.N), "pairs/op")
	start := time.Now()
	if x, err = Compile(context.Background(), n); err != nil {
		b.Fatal(err)
	}
	count(b, x.Table(packet.IPv4), make([]int, Workers()))
	b.ReportMetric(float64(time.Since(start))*float64(b.N)/float64(took), "anew/this")
}

// BenchmarkMatrix joins all pairs of that account by subnets, without the
// internet and with it.
func BenchmarkMatrix(b *testing.B)         { benchmarkMatrix(b, account(10_000, 1_000_000, 40), false) }
func BenchmarkMatrixInternet(b *testing.B) { benchmarkMatrix(b, account(1_000, 100_000, 40), true) }

func benchmarkMatrix(b *testing.B, o acctgen.Options, internet bool) {
	n := acctgen.New(o)
	x, err := Compile(context.Background(), n)
	if err != nil {
		b.Fatal(err)
	}
	by := map[*ir.Subnet]int{}
	var parts []Part
	for _, i := range n.Interfaces {
		s := i.Subnet.Of[0]
		k, ok := by[s]
		if !ok {
			k = len(parts)
			by[s] = k
			parts = append(parts, Part{Name: s.ID})
		}
		parts[k].Interfaces = append(parts[k].Interfaces, i)
	}
	for b.Loop() {
		if _, err := x.Matrix(context.Background(), parts, internet); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(parts)), "parts")
}
