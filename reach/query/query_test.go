package query_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// everyone is the hosts outside, as "any" names them.
func everyone() *netipx.IPSet {
	var b netipx.IPSetBuilder
	b.AddPrefix(netip.MustParsePrefix("0.0.0.0/0"))
	b.AddPrefix(netip.MustParsePrefix("::/0"))
	s, _ := b.IPSet()
	return s
}

func ends(is ...*ir.Interface) []endpoint.End {
	var es []endpoint.End
	for _, i := range is {
		if i == nil {
			es = append(es, endpoint.End{Addresses: everyone()})
			continue
		}
		es = append(es, endpoint.End{Interface: i})
	}
	return es
}

// What the sets say about a header, the concrete evaluator says too.
func TestRandom(t *testing.T) {
	const networks = 150
	checked := 0
	for seed := range uint64(networks) {
		rng := rand.New(rand.NewPCG(seed, 11))
		n := netgen.New(rng, netgen.Options{IPv6: true, Transit: true, NAT: true, Services: true, Balancers: true, Interfaces: 5})
		m, err := reach.Compile(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		all := append([]*ir.Interface{nil}, n.Interfaces...)
		a, err := query.Run(t.Context(), m, query.Question{From: ends(all...), To: ends(all...)})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range a.Disagreements {
			t.Errorf("seed %d: %s", seed, d)
		}
		if a.Shown != nil && a.Verdict != a.Shown.Result.Verdict && a.Verdict == trace.Allow {
			t.Errorf("seed %d: %s is shown by %s, which is %s", seed, a.Verdict, a.Shown.Header, a.Shown.Result.Verdict)
		}
		hs := netgen.Corners(n, rng, 40)
		for _, p := range a.Pairs {
			if p.From.Interface == nil && p.To.Interface == nil {
				continue
			}
			for _, h := range hs {
				if p.From.Interface == nil && ours(n, h.Src) || p.To.Interface == nil && ours(n, h.Dst) {
					continue // not a host outside
				}
				v := trace.Decide(n, trace.Query{From: p.From.Interface, To: p.To.Interface, Header: h})
				must, may := false, false
				for _, x := range p.Sets {
					if x.Family != h.Family() {
						continue
					}
					must = must || contains(t, m, x.Family, x.Complete.Must, h)
					may = may || contains(t, m, x.Family, x.Complete.May, h)
				}
				checked++
				if must && v != trace.Allow || !may && v == trace.Allow {
					t.Errorf("seed %d: %v > %v: %s: must %v, may %v, and the walk says %s", seed, name(p.From.Interface), name(p.To.Interface), h, must, may, v)
				}
			}
		}
		checkLists(t, m, a, hs)
	}
	t.Logf("%d headers of %d networks", checked, networks)
}

// ours reports whether an address is a public one of an interface.
func ours(n *ir.Network, a netip.Addr) bool {
	return slices.ContainsFunc(n.Interfaces, func(i *ir.Interface) bool {
		return slices.ContainsFunc(i.Addresses, func(d ir.Address) bool { return d.Public.Addr.V == a })
	})
}

func name(i *ir.Interface) string {
	if i == nil {
		return "outside"
	}
	return i.Resource
}

func contains(t *testing.T, m *reach.Model, f packet.Family, set solver.Set, h packet.Header) bool {
	t.Helper()
	in, err := m.Space(f).Contains(set, h)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// The lines of an answer hold the headers of its sets.
func checkLists(t *testing.T, m *reach.Model, a *query.Answer, hs []packet.Header) {
	t.Helper()
	l := a.Lists(m)
	for _, x := range a.Sets {
		s := m.Space(x.Family)
		for _, h := range hs {
			if h.Family() != x.Family {
				continue
			}
			in, err := s.Contains(x.Complete.Must, h)
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, r := range l.Complete.Must {
				if holds(r, h) {
					count++
				}
			}
			if in != (count == 1) {
				t.Errorf("%s is in the set: %v, and in %d lines", h, in, count)
			}
		}
	}
}

// holds reports whether a line holds a header.
func holds(r query.Row, h packet.Header) bool {
	has := func(ps []netip.Prefix, a netip.Addr) bool {
		return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if r.Family != h.Family() || !has(r.Src, h.Src) || !has(r.Dst, h.Dst) || !r.Protocols.Contains(uint16(h.Protocol)) {
		return false
	}
	switch h.Kind() {
	case packet.Ported:
		return r.Any || r.SrcPort.Contains(h.SrcPort) && r.DstPort.Contains(h.DstPort)
	case packet.Typed:
		return r.Any || r.DstPort.Contains(h.DstPort)
	case packet.Plain, packet.KindInvalid:
	}
	return true
}

// A chain is shortest, and each of its flows is one that a plain search over the
// pairs finds.
func TestChains(t *testing.T) {
	found := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 12))
		n := netgen.New(rng, netgen.Options{IPv6: true, Interfaces: 7})
		if seed%3 == 0 {
			hide(n, rng)
		}
		m, err := reach.Compile(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		flows := map[[2]*ir.Interface]bool{}
		for _, a := range append([]*ir.Interface{nil}, n.Interfaces...) {
			for _, b := range n.Interfaces {
				if a == b {
					continue
				}
				flows[[2]*ir.Interface{a, b}] = wherever(t, m, a, b)
			}
		}
		cs, err := query.Chains(t.Context(), m, ends(nil), ends(n.Interfaces...))
		if err != nil {
			t.Fatal(err)
		}
		want := plainSearch(n, flows)
		for _, c := range cs {
			last := c.Steps[len(c.Steps)-1].To
			if !c.Sure() {
				continue
			}
			found++
			if want[last] != len(c.Steps) {
				t.Errorf("seed %d: %s in %d hops, the shortest has %d", seed, last.Resource, len(c.Steps), want[last])
			}
			delete(want, last)
			for _, s := range c.Steps {
				if !flows[[2]*ir.Interface{s.From, s.To}] || s.Result.Verdict != trace.Allow {
					t.Errorf("seed %d: no flow from %s to %s", seed, name(s.From), name(s.To))
				}
			}
		}
		for i := range want {
			t.Errorf("seed %d: no chain to %s", seed, i.Resource)
		}
	}
	if found == 0 {
		t.Error("no chain was looked at")
	}
	t.Logf("%d chains", found)
}

// plainSearch is how many flows lead from outside to each interface.
func plainSearch(n *ir.Network, flows map[[2]*ir.Interface]bool) map[*ir.Interface]int {
	depth := map[*ir.Interface]int{}
	next := []*ir.Interface{nil}
	for d := 1; len(next) > 0; d++ {
		var found []*ir.Interface
		for _, a := range next {
			if a != nil && !goesOn(a) {
				continue
			}
			for _, b := range n.Interfaces {
				if flows[[2]*ir.Interface{a, b}] && depth[b] == 0 {
					depth[b] = d
					found = append(found, b)
				}
			}
		}
		next = found
	}
	return depth
}

func goesOn(i *ir.Interface) bool {
	switch i.Kind {
	case ir.InterfaceInstance, ir.InterfaceContainer, ir.InterfaceFunction, ir.InterfaceOther, ir.InterfaceInvalid, ir.InterfaceConnectEndpoint:
		return true
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache, ir.InterfaceNATGateway, ir.InterfaceTransitGateway, ir.InterfaceEndpoint:
	}
	return false
}

// The cells of a matrix are what the pairs of its blocks say.
func TestMatrix(t *testing.T) {
	sure, picked, outside := 0, 0, 0
	for seed := range uint64(90) {
		rng := rand.New(rand.NewPCG(seed, 13))
		n := netgen.New(rng, netgen.Options{IPv6: true, Transit: true, NAT: true, Interfaces: 6, Lenient: seed%2 == 0})
		if seed%3 > 0 {
			hide(n, rng)
		}
		m, err := reach.Compile(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		x, err := query.NewMatrix(t.Context(), m, "interface")
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for i, b := range x.Blocks {
			at[b.Name] = i
		}
		for _, b := range n.Interfaces {
			tcp := slices.ContainsFunc(x.Cells[0][at[endpoint.InterfaceName(b)]].Must, func(r query.Row) bool { return r.Any || r.Protocols.Contains(packet.TCP) })
			if tcp {
				outside++
			}
			if tcp && !wherever(t, m, nil, b) {
				t.Errorf("seed %d: the internet surely opens tcp to %s, and does not in every subnet", seed, b.Resource)
			}
		}
		for _, a := range n.Interfaces {
			for _, b := range n.Interfaces {
				if a == b {
					continue
				}
				c := x.Cells[at[endpoint.InterfaceName(a)]][at[endpoint.InterfaceName(b)]]
				if want := wherever(t, m, a, b); (len(c.Must) > 0) != want {
					t.Errorf("seed %d: %s to %s: the cell holds %s, and that something surely flows is %v", seed, a.Resource, b.Resource, fmt.Sprint(c.Must), want)
				}
				if len(c.Must) > 0 {
					sure++
					if len(a.Subnet.Of)+len(b.Subnet.Of) > 2 {
						picked++
					}
				}
			}
		}
	}
	if sure < 100 || picked < 20 || outside < 20 {
		t.Errorf("%d cells surely hold something, %d of them whichever subnet it is, %d of the internet's", sure, picked, outside)
	}
}

// wherever reports whether something flows between two interfaces, or from
// outside, in each of the subnets that they may stand in. In these networks some
// service then does in all of them.
func wherever(t *testing.T, known *reach.Model, a, b *ir.Interface) bool {
	t.Helper()
	from := &ir.Choice[*ir.Subnet]{Of: []*ir.Subnet{nil}}
	if a != nil {
		from = &a.Subnet
	}
	was := [2]ir.Choice[*ir.Subnet]{*from, b.Subnet}
	defer func() { *from, b.Subnet = was[0], was[1] }()
	for _, p := range was[0].Of {
		for _, q := range was[1].Of {
			*from, b.Subnet = ir.One(p), ir.One(q)
			m, err := known, error(nil)
			if len(was[0].Of)*len(was[1].Of) > 1 {
				m, err = reach.Compile(t.Context(), known.Net)
			}
			if err != nil {
				t.Fatal(err)
			}
			x, err := query.Run(t.Context(), m, query.Question{From: ends(a), To: ends(b)})
			if err != nil {
				t.Fatal(err)
			}
			if x.Verdict != trace.Allow {
				return false
			}
		}
	}
	return true
}

// hide leaves it to AWS to pick addresses of interfaces, and the subnets of some.
func hide(n *ir.Network, rng *rand.Rand) {
	for _, i := range n.Interfaces {
		own, ok := i.Subnet.Known()
		if !ok || rng.IntN(2) == 0 {
			continue
		}
		for k := range i.Addresses {
			i.Addresses[k].Private = ir.NotKnown[netip.Addr](&ir.Unknown{Term: fmt.Sprintf("%s.address[%d]", i.ID, k)})
		}
		vpc, _ := own.VPC.Known()
		i.Subnet.Why = &ir.Unknown{Term: i.ID + ".subnet"}
		for _, s := range n.Subnets {
			if v, ok := s.VPC.Known(); ok && v == vpc && s != own && rng.IntN(2) == 0 {
				i.Subnet.Of = append(i.Subnet.Of, s)
			}
		}
	}
}
