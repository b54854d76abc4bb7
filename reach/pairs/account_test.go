package pairs

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/postern-dev/postern/internal/acctgen"
	"github.com/postern-dev/postern/packet"
)

// TestAccounts compares small accounts of the kinds that are measured with the
// concrete evaluator: sets of several words, both families, with classes and
// without.
func TestAccounts(t *testing.T) {
	for _, c := range []struct {
		name string
		o    acctgen.Options
		// words a set takes, and how many vertices a class has at least
		words, collapse int
	}{
		{"scattered", acctgen.Options{Interfaces: 150, Groups: 20, Rules: 2000, ACLs: 12, VPCs: 9, Ports: 30}, 1, 1},
		{"services", acctgen.Options{Interfaces: 150, Groups: 20, Rules: 2000, ACLs: 12, VPCs: 3, Ports: 30, Services: true}, 1, 3},
		{"many ports", acctgen.Options{Interfaces: 100, Groups: 10, Rules: 4000, ACLs: 9, VPCs: 4, Ports: 300}, 3, 1},
		{"both families", acctgen.Options{Interfaces: 100, Groups: 10, Rules: 1000, ACLs: 9, VPCs: 4, Ports: 90, IPv6: true}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Seed = 5
			n := acctgen.New(c.o)
			x, err := Compile(context.Background(), n)
			if err != nil {
				t.Fatal(err)
			}
			table := x.Table(packet.IPv4)
			if table.Universe.Words < c.words || len(table.Vertices) < c.collapse*len(table.Classes) {
				t.Errorf("%d atoms, %d classes of %d vertices", len(table.Universe.Atoms), len(table.Classes), len(table.Vertices))
			}
			all := agree(t, n, x, rand.New(rand.NewPCG(1, 1)), true, 20)
			t.Logf("%+v", all)
			if all.flows*100 < all.headers || all.asked*2 > all.headers {
				t.Error("the account proves too little")
			}
		})
	}
}
