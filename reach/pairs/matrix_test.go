package pairs

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// TestMatrix joins the answers of random networks by random parts, and compares
// with a plain loop over interfaces and their addresses.
func TestMatrix(t *testing.T) {
	networks := 300
	if testing.Short() {
		networks = 60
	}
	cells, picked := 0, 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 43))
		o := drawOptions(rng)
		if seed%2 == 0 {
			o.Unknowns = 1 + rng.IntN(12)
		}
		n := netgen.New(rng, o)
		if seed%4 < 2 {
			hideAddresses(n, rng)
		}
		if seed%3 == 1 {
			hideSubnets(n, rng)
		}
		x, err := compileWith(context.Background(), n, options{noClasses: seed%3 == 0})
		if err != nil {
			t.Fatal(err)
		}
		parts := drawParts(n, rng)
		m, err := x.Matrix(context.Background(), parts, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range packet.Families {
			table := x.Table(f)
			if table == nil {
				continue
			}
			if table.findUnits().mixed > 0 {
				picked++
			}
			want := plainMatrix(t, table, parts)
			for a := range parts {
				for b := range parts {
					cells++
					if got := m.Cell(f, a, b); got != want[[2]int{a, b}] {
						w := want[[2]int{a, b}]
						t.Errorf("%v, %s to %s:\n got %s | %s | %s | %s\nwant %s | %s | %s | %s", f, parts[a].Name, parts[b].Name,
							got.Forward.Must, got.Forward.May, got.Complete.Must, got.Complete.May, w.Forward.Must, w.Forward.May, w.Complete.Must, w.Complete.May)
					}
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d cells, %d tables with addresses that AWS picks among several", cells, picked)
	if picked*10 < networks {
		t.Error("no address has alternatives")
	}
}

// drawParts draws parts that overlap, and leave some interfaces out.
func drawParts(n *ir.Network, rng *rand.Rand) []Part {
	parts := make([]Part, 1+rng.IntN(4))
	for k := range parts {
		parts[k].Name = string(rune('A' + k))
		for _, i := range n.Interfaces {
			if rng.IntN(2) == 0 {
				parts[k].Interfaces = append(parts[k].Interfaces, i)
			}
		}
	}
	return parts
}

// plainMatrix is the definition: what flows between two interfaces is what
// flows between any of their addresses; of alternatives, what must flow does
// between all of them.
func plainMatrix(t *testing.T, table *Table, parts []Part) map[[2]int]Cell {
	t.Helper()
	p := newPoint(table)
	slots := map[*ir.Interface][][]int{}
	for k := range table.Vertices {
		v := &table.Vertices[k]
		of := slots[v.Interface]
		at := slices.IndexFunc(of, func(s []int) bool { o := table.Vertices[s[0]]; return v.Picked && o.Picked && o.Slot == v.Slot })
		if at < 0 {
			slots[v.Interface] = append(of, []int{k})
		} else {
			of[at] = append(of[at], k)
		}
	}
	words := table.Universe.Words
	want := map[[2]int]Cell{}
	for a := range parts {
		for b := range parts {
			sum := [4][]uint64{make([]uint64, words), make([]uint64, words), make([]uint64, words), make([]uint64, words)}
			for _, i := range parts[a].Interfaces {
				for _, j := range parts[b].Interfaces {
					for _, s := range slots[i] {
						for _, d := range slots[j] {
							if i != j {
								addSlots(t, p, s, d, &sum)
							}
						}
					}
				}
			}
			of := func(k int) Services { return table.sets.of(sum[k]) }
			want[[2]int{a, b}] = Cell{Forward: Band{of(0), of(1)}, Complete: Band{of(2), of(3)}}
		}
	}
	return want
}

// addSlots adds what flows between two addresses, each one of some.
func addSlots(t *testing.T, p *point, s, d []int, sum *[4][]uint64) {
	t.Helper()
	u := p.t.Universe
	forward, reply, whole := slices.Clone(u.all), slices.Clone(u.all), u.empty()
	c := u.empty()
	for _, from := range s {
		for _, to := range d {
			a, err := p.answer(context.Background(), p.t.ofVertex[from], p.t.ofVertex[to])
			if err != nil {
				t.Fatal(err)
			}
			for k := range c {
				forward[k] &= a.Must.Forward[k]
				reply[k] &= a.Must.Reply[k]
			}
			u.Complete(c, a.May.Forward, a.May.Reply)
			for k := range c {
				sum[1][k] |= a.May.Forward[k]
				sum[3][k] |= c[k]
			}
		}
	}
	u.Complete(whole, forward, reply)
	for k := range c {
		sum[0][k] |= forward[k]
		sum[2][k] |= whole[k]
	}
}

// TestMatrixInternet puts headers from and to hosts of the internet to the
// concrete evaluator: what it allows must be in the cell, and what it denies
// wherever it was asked must not be sure.
func TestMatrixInternet(t *testing.T) {
	networks := 200
	if testing.Short() {
		networks = 40
	}
	flows := 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 47))
		o := drawOptions(rng)
		n := netgen.New(rng, o)
		x, err := Compile(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		var parts []Part
		for _, i := range n.Interfaces {
			parts = append(parts, Part{i.Resource, []*ir.Interface{i}})
		}
		m, err := x.Matrix(context.Background(), parts, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range netgen.Questions(n, rng, 200) {
			h := q.Header
			table := x.Table(h.Family())
			if table == nil || (q.From == nil) == (q.To == nil) || !onInternet(n, q) {
				continue
			}
			from, to := slices.Index(n.Interfaces, q.From), slices.Index(n.Interfaces, q.To)
			if from < 0 {
				from = m.Internet
			} else {
				to = m.Internet
			}
			r := trace.Run(n, trace.Query{From: q.From, To: q.To, Header: h, NATPort: q.NATPort})
			c := m.Cell(h.Family(), from, to)
			if r.Verdict == trace.Allow {
				flows++
				if !c.Complete.May.Has(h.Protocol, h.DstPort) || !c.Forward.May.Has(h.Protocol, h.DstPort) {
					t.Fatalf("seed %d: %s is allowed, and the cell says %s", seed, h, c.Complete.May)
				}
			}
		}
	}
	t.Logf("%d headers flow", flows)
	if flows < networks {
		t.Error("too few headers flow")
	}
}

// onInternet reports whether the outer end of a question is an internet host.
func onInternet(n *ir.Network, q netgen.Question) bool {
	a := q.Header.Src
	if q.To == nil {
		a = q.Header.Dst
	}
	if a.IsPrivate() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, v := range n.VPCs {
		for _, c := range v.IPv6 {
			if c.V.Contains(a) {
				return false
			}
		}
	}
	return true
}
