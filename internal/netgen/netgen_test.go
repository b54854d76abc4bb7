package netgen_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// The same seed gives the same network, questions and values.
func TestDeterministic(t *testing.T) {
	o := netgen.All
	o.Unknowns = 20
	for seed := range uint64(20) {
		a, b := rng(seed), rng(seed)
		n, m := netgen.New(a, o), netgen.New(b, o)
		if d := cmp.Diff(ir.Terms(n), ir.Terms(m)); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(netgen.Values(n, a), netgen.Values(m, b)); d != "" {
			t.Fatal(d)
		}
		p, q := netgen.Questions(n, a, 20), netgen.Questions(m, b, 20)
		for k := range p {
			if p[k].Header != q[k].Header {
				t.Fatalf("%v and %v", p[k].Header, q[k].Header)
			}
		}
	}
}

// Headers are headers, of every kind, and networks hold what was asked for.
func TestRange(t *testing.T) {
	kinds := map[packet.Kind]int{}
	families := map[packet.Family]int{}
	sites := map[ir.SiteKind]int{}
	links := 0
	for seed := range uint64(300) {
		r := rng(seed)
		o := netgen.All
		o.Unknowns = 20
		n := netgen.New(r, o)
		links += len(n.Peerings) + len(n.TransitGateways)
		hs := netgen.Corners(n, r, 20)
		for _, q := range netgen.Questions(n, r, 20) {
			hs = append(hs, q.Header)
		}
		for _, h := range hs {
			if !h.Valid() {
				t.Fatalf("%v is no header", h)
			}
			kinds[h.Kind()]++
			families[h.Family()]++
		}
		for _, s := range ir.Terms(n) {
			sites[s.Kind]++
		}
	}
	if len(kinds) != 3 || len(families) != 2 || links == 0 {
		t.Errorf("kinds %v, families %v, %d links", kinds, families, links)
	}
	for k := ir.SitePeer; k <= ir.SiteOther; k++ {
		if sites[k] == 0 && k != ir.SiteEntries {
			t.Errorf("no unknown of kind %d", k)
		}
	}
	known := netgen.New(rng(1), netgen.All)
	if ts := ir.Terms(known); len(ts) != 0 {
		t.Errorf("%d unknowns in a network without", len(ts))
	}
}
