package netgen_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// The same seed gives the same network, questions and values.
func TestDeterministic(t *testing.T) {
	for seed := range uint64(40) {
		o := netgen.All
		if seed%2 == 1 {
			o = netgen.Whole
		}
		o.Unknowns = 20
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

// With everything on, networks hold each part that the options name, and
// questions go the special ways.
func TestWhole(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(200) {
		r := rng(seed)
		o := netgen.Whole
		o.Unknowns = 10
		n := netgen.New(r, o)
		for _, g := range n.Gateways {
			seen[fmt.Sprintf("gateway %d, own table %v, subnet %v", g.Kind, len(g.RouteTable.Of) > 0, len(g.Subnet.Of) > 0)]++
		}
		for _, i := range n.Interfaces {
			seen[fmt.Sprintf("interface %d", i.Kind)]++
			for k := range services(i) {
				f := i.Services.Ports[k].Forward
				seen[fmt.Sprintf("forward %v", f != nil)]++
				if f != nil {
					seen[fmt.Sprintf("ends %v, classic %v, keeps %v", f.Ends, f.Classic, f.PreserveClient.V)]++
				}
			}
		}
		for _, v := range n.VPCs {
			seen[fmt.Sprintf("lattice %v", v.Lattice != nil)]++
		}
		for _, g := range n.TransitGateways {
			seen[fmt.Sprintf("%d tables", len(g.Tables))]++
			for _, a := range g.Attachments {
				seen[fmt.Sprintf("outside %v", a.Outside)]++
			}
		}
		for _, q := range netgen.Questions(n, r, 40) {
			if !q.Header.Valid() {
				t.Fatalf("%v is no header", q.Header)
			}
			for name, p := range map[string]string{"lattice4": "169.254.171.0/24", "lattice6": "fd00:ec2:80::/64", "nat64": "64:ff9b::/96", "service": "52.216.0.0/15"} {
				if p := netip.MustParsePrefix(p); p.Contains(q.Header.Dst) || p.Contains(q.Header.Src) {
					seen[name]++
				}
			}
			if q.From != nil && q.From.Kind == ir.InterfaceConnectEndpoint {
				seen["from a connect endpoint"]++
			}
		}
	}
	for _, want := range []string{
		"gateway 1, own table true, subnet false", "gateway 1, own table false, subnet false", "gateway 3, own table true, subnet false",
		"gateway 3, own table false, subnet true", "gateway 4, own table true, subnet false", "gateway 4, own table false, subnet false",
		"gateway 5, own table false, subnet false", "gateway 6, own table false, subnet true", "interface 2", "interface 3", "interface 11",
		"forward true", "ends true, classic true, keeps false", "ends true, classic false, keeps false", "ends false, classic false, keeps true",
		"ends false, classic false, keeps false", "lattice true", "lattice false", "0 tables", "2 tables", "outside true",
		"lattice4", "lattice6", "nat64", "service", "from a connect endpoint",
	} {
		if seen[want] < 5 {
			t.Errorf("%s: %d times", want, seen[want])
		}
	}
}

func services(i *ir.Interface) []ir.Service {
	if i.Services == nil {
		return nil
	}
	return i.Services.Ports
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
	for _, o := range []netgen.Options{netgen.All, netgen.Whole} {
		if ts := ir.Terms(netgen.New(rng(1), o)); len(ts) != 0 {
			t.Errorf("%d unknowns in a network without", len(ts))
		}
	}
}
