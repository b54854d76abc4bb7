package pairs

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// TestRelation holds relations of random networks against their matrices by
// interface, and what a search finds against what there is.
func TestRelation(t *testing.T) {
	networks := 200
	if testing.Short() {
		networks = 40
	}
	counts := [3]int{}
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 53))
		o := drawOptions(rng)
		if seed%2 == 0 {
			o.Unknowns = 1 + rng.IntN(8)
		}
		n := netgen.New(rng, o)
		if seed%3 > 0 {
			hideSubnets(n, rng)
		}
		x, err := compileWith(context.Background(), n, options{noClasses: seed%3 == 0})
		if err != nil {
			t.Fatal(err)
		}
		var parts []Part
		for _, i := range n.Interfaces {
			parts = append(parts, Part{i.Resource, []*ir.Interface{i}})
		}
		m, err := x.Matrix(context.Background(), parts, false)
		if err != nil {
			t.Fatal(err)
		}
		search := &Search{
			From:   func(i *ir.Interface) bool { return i != n.Interfaces[0] },
			Marked: func(s Services) bool { return s.Has(packet.TCP, 22) },
		}
		for _, f := range packet.Families {
			table := x.Table(f)
			if table == nil {
				continue
			}
			all, found := bitsOf(t, table, nil), bitsOf(t, table, search)
			for a, i := range n.Interfaces {
				for b, j := range n.Interfaces {
					if i == j {
						continue
					}
					c, k := m.Cell(f, a, b).Complete, [2]*ir.Interface{i, j}
					want := [3]bool{!c.May.Empty(), !c.Must.Empty(), c.Must.Has(packet.TCP, 22)}
					if all[k][Possible] != want[Possible] || all[k][Sure] != want[Sure] {
						t.Errorf("seed %d, %v: %s to %s: %v, the cell says %v", seed, f, i.Resource, j.Resource, all[k], want)
					}
					if a > 0 && (found[k][Sure] != want[Sure] || found[k][Marked] != want[Marked]) {
						t.Errorf("seed %d, %v: %s to %s: a search finds %v, the cell says %v", seed, f, i.Resource, j.Resource, found[k], want)
					}
					for w := range want {
						if want[w] {
							counts[w]++
						}
					}
				}
			}
		}
	}
	t.Logf("%d possible, %d sure, %d marked", counts[Possible], counts[Sure], counts[Marked])
	if counts[Marked] == 0 || counts[Sure] == counts[Possible] {
		t.Error("the networks prove too little")
	}
}

// bitsOf reads a relation by interfaces.
func bitsOf(t *testing.T, table *Table, search *Search) map[[2]*ir.Interface][3]bool {
	t.Helper()
	r, err := table.Relation(context.Background(), search)
	if err != nil {
		t.Fatal(err)
	}
	out := map[[2]*ir.Interface][3]bool{}
	known := []Certainty{Possible, Sure}
	if search != nil {
		known = []Certainty{Sure, Marked}
	}
	for u := range r.Units {
		for _, c := range known {
			row := r.Row(c, u)
			for v := range r.Units {
				if !has(row, v) {
					continue
				}
				for _, i := range r.Units[u].Interfaces {
					for _, j := range r.Units[v].Interfaces {
						k := [2]*ir.Interface{i, j}
						is := out[k]
						is[c] = true
						out[k] = is
					}
				}
			}
		}
	}
	return out
}
