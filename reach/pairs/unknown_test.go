package pairs

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// TestUnknownNetworks draws values for everything that is unknown about a
// network and holds the answers against what the evaluator says of the network
// with those values: must is inside, may around it.
func TestUnknownNetworks(t *testing.T) {
	networks := 300
	if testing.Short() {
		networks = 60
	}
	var all tally
	vague := 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 37))
		o := drawOptions(rng)
		o.Unknowns = 1 + rng.IntN(6)
		n := netgen.New(rng, o)
		if seed%4 == 3 {
			hideAddresses(n, rng)
		}
		if seed%4 > 1 {
			hideSubnets(n, rng)
		}
		cidrs := map[string]string{}
		if seed%8 == 3 {
			cidrs = hideCIDRs(n, rng)
		}
		opt := options{noClasses: seed%2 == 0}
		if seed%8 == 7 {
			opt.alternatives = 1 + rng.IntN(8)
		}
		x, err := compileWith(context.Background(), n, opt)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			values := netgen.Values(n, rng)
			maps.Copy(values, cidrs)
			real := ir.Substitute(n, values)
			for _, f := range packet.Families {
				if table := x.Table(f); table != nil {
					for k := range table.Vertices {
						if table.Vertices[k].vague {
							vague++
						}
					}
					surround(t, n, real, table, rng, &all)
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	t.Logf("%+v, and %d vague addresses", all, vague)
	if vague == 0 {
		t.Error("no address has too many alternatives")
	}
	if all.definite*2 < all.headers {
		t.Errorf("only %d of %d answers are definite", all.definite, all.headers)
	}
	if all.asked == 0 {
		t.Error("nothing surely flows whatever the addresses are")
	}
}

// hideCIDRs leaves open which addresses some subnets have, and returns what they
// turn out to be.
func hideCIDRs(n *ir.Network, rng *rand.Rand) map[string]string {
	values := map[string]string{}
	for _, s := range n.Subnets {
		if term := s.ID + ".cidr"; rng.IntN(2) == 0 && s.IPv4.Known() && s.IPv4.V.IsValid() {
			values[term] = s.IPv4.V.String()
			s.IPv4.Why = &ir.Unknown{Term: term}
		}
	}
	return values
}

// surround draws headers between vertices, and asks what becomes of them in a
// network that the unknown one may turn out to be.
func surround(t *testing.T, n, real *ir.Network, table *Table, rng *rand.Rand, all *tally) {
	t.Helper()
	p := newPoint(table)
	for range 40 {
		from, to := rng.IntN(len(table.Vertices)), rng.IntN(len(table.Vertices))
		u, v := &table.Vertices[from], &table.Vertices[to]
		ru, rv := same(n, real, u.Interface), same(n, real, v.Interface)
		if u.Interface == v.Interface || ru == nil || rv == nil || !standsIn(n, real, u, ru) || !standsIn(n, real, v, rv) {
			continue
		}
		a, err := p.answer(context.Background(), table.ofVertex[from], table.ofVertex[to])
		if err != nil {
			t.Fatal(err)
		}
		h, atom, client := drawHeader(table, u, v, rng)
		some := addressOf(&h.Src, table.family, u, ru, rng)
		some = addressOf(&h.Dst, table.family, v, rv, rng) || some
		if !h.Src.IsValid() || !h.Dst.IsValid() {
			continue
		}
		r := trace.Run(real, trace.Query{From: ru, To: rv, Header: h})
		if notHeld(&r) {
			continue
		}
		un := table.Universe
		got := verdictOf(un.holds(&a.Must, atom, client), un.holds(&a.May, atom, client))
		forward := verdictOf(has(a.Must.Forward, atom), has(a.May.Forward, atom))
		all.headers++
		if some && got == trace.Allow {
			all.asked++
		}
		if got == trace.Unknown {
			all.unknown++
		} else {
			all.definite++
		}
		if r.Verdict == trace.Allow {
			all.flows++
		}
		if contradict(got, r.Verdict) || contradict(forward, r.Forward.Verdict) {
			t.Fatalf("%s from %s to %s\npairs: forward %v complete %v\ntrace: forward %v complete %v\n%s", h, ru.Resource, rv.Resource, forward, got, r.Forward.Verdict, r.Verdict, hops(r))
		}
	}
}

// same finds the interface that a network with values has for one without.
func same(n, real *ir.Network, i *ir.Interface) *ir.Interface {
	for k, o := range n.Interfaces {
		if o == i && k < len(real.Interfaces) && real.Interfaces[k].Resource == i.Resource {
			return real.Interfaces[k]
		}
	}
	for _, o := range real.Interfaces {
		if o.Resource == i.Resource && o.ID == i.ID {
			return o
		}
	}
	return nil
}

// addressOf takes an address that an interface may turn out to have, where the
// vertex stands for all of them.
func addressOf(a *netip.Addr, f packet.Family, v *Vertex, i *ir.Interface, rng *rand.Rand) bool {
	if v.Addr.IsValid() {
		return false
	}
	s, ok := i.Subnet.Known()
	if d := &i.Addresses[min(v.Slot, len(i.Addresses)-1)]; d.Private.Known() && packet.FamilyOf(d.Private.V) == f {
		*a = d.Private.V
	} else if ok && f == packet.IPv4 && s.IPv4.Known() && s.IPv4.V.IsValid() {
		*a = s.IPv4.V.Addr()
		for range 100 + rng.IntN(20) {
			*a = a.Next()
		}
	}
	return true
}

// standsIn reports whether an interface turned out to stand in a vertex's
// subnet.
func standsIn(n, real *ir.Network, v *Vertex, i *ir.Interface) bool {
	s, ok := i.Subnet.Known()
	return v.subnet == nil || ok && slices.Index(n.Subnets, v.subnet) == slices.Index(real.Subnets, s)
}

// notHeld reports whether an end turned out to have another address.
func notHeld(r *trace.Result) bool {
	h := r.Forward.Hops
	return r.Forward.Verdict == trace.Deny && len(h) > 0 && h[len(h)-1].Stage == trace.StageEndpoint
}
