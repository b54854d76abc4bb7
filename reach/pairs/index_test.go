package pairs

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/acctgen"
	"github.com/postern-dev/postern/packet"
)

// TestPairs checks that every pair between which something may flow is yielded
// once, in order and with the tile's sets, and that a cancelled context ends it.
func TestPairs(t *testing.T) {
	n := acctgen.New(acctgen.Options{Seed: 2, Interfaces: 200, Groups: 20, Rules: 2000, ACLs: 9, VPCs: 4, Ports: 30, Services: true, IPv6: true})
	x, err := Compile(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ family, to, from int }
	var order []place
	for p, err := range x.Pairs(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		at := place{slices.Index(packet.Families[:], p.Table.Universe.Family), int(p.To.Vertices[0]), int(p.From.Vertices[0])}
		order = append(order, at)
		from, to := p.Table.ofVertex[at.from], p.Table.ofVertex[at.to]
		a, err := newPoint(p.Table).answer(context.Background(), from, to)
		if err != nil {
			t.Fatal(err)
		}
		whole := p.Table.Universe.empty()
		p.Table.Universe.Complete(whole, a.Must.Forward, a.Must.Reply)
		if p.Forward.May != p.Table.Services(a.May.Forward) || p.Reply.Must != p.Table.Services(a.Must.Reply) || p.Complete.Must != p.Table.Services(whole) {
			t.Fatalf("%d to %d: %s, replies %s, complete %s", at.from, at.to, p.Forward.May, p.Reply.Must, p.Complete.Must)
		}
	}
	if !slices.IsSortedFunc(order, func(a, b place) int {
		return slices.Compare([]int{a.family, a.to, a.from}, []int{b.family, b.to, b.from})
	}) {
		t.Error("the pairs are not in order")
	}
	some := 0
	for _, f := range packet.Families {
		for _, a := range gridOf(t, x.Table(f)) {
			if slices.Max(a.May.Forward) > 0 {
				some++
			}
		}
	}
	if some != len(order) || some == 0 {
		t.Errorf("%d pairs, %d of the tiles flow", len(order), some)
	}

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	var last error
	for _, err := range x.Pairs(cancelled) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the error is %v", last)
	}
	if _, err := Compile(cancelled, n); !errors.Is(err, context.Canceled) {
		t.Errorf("compiling: the error is %v", err)
	}
}
