package reach_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
)

// known are the networks of which everything is known and modelled.
func known(rng *rand.Rand) netgen.Options {
	some := func(of int) bool { return rng.IntN(of) == 0 }
	return netgen.Options{
		VPCs: 1 + rng.IntN(3), Interfaces: 2 + rng.IntN(4), IPv6: some(2),
		Transit: some(2), BPA: some(4), Services: some(2), Zones: some(2),
		NAT: some(2), Appliances: some(2), Balancers: some(2), Regional: some(3), Endpoints: some(3), Edges: some(3),
		VPN: some(3), Tables: some(2), Connect: some(4), Lattice: some(5),
	}
}

// TestRandomNetworks compares the packet sets of random networks with the
// concrete evaluator, every pair of ends, at the corners of every filter.
func TestRandomNetworks(t *testing.T) {
	networks := 1500
	if testing.Short() {
		networks = 150
	}
	compared, allowed := 0, 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		n := netgen.New(rng, known(rng))
		c, a := agree(t, n, rng, 12)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		compared, allowed = compared+c, allowed+a
	}
	if allowed*50 < compared {
		t.Errorf("only %d of %d headers flow: the networks prove too little", allowed, compared)
	}
	t.Logf("%d networks, %d headers compared, %d of them flow", networks, compared, allowed)
}

// TestRandomUnknowns draws values for everything that is unknown about a
// network and holds the bounds of the sets against what the evaluator says of
// the network with those values: must is inside, may around it.
func TestRandomUnknowns(t *testing.T) {
	networks := 400
	if testing.Short() {
		networks = 60
	}
	compared, exact := 0, 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		o := known(rng)
		o.Unknowns = 1 + rng.IntN(6)
		n := netgen.New(rng, o)
		m, err := reach.Compile(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			real := ir.Substitute(n, netgen.Values(n, rng))
			for _, q := range netgen.Questions(real, rng, 40) {
				from, to := same(n, real, q.From), same(n, real, q.To)
				if from == to || q.From != nil && from == nil || q.To != nil && to == nil {
					continue
				}
				flow, err := m.Ask(context.Background(), reach.Question{From: from, To: to, Family: q.Header.Family(), NATPort: q.NATPort})
				if err != nil {
					t.Fatal(err)
				}
				r := trace.Run(real, trace.Query{From: q.From, To: q.To, Header: q.Header, NATPort: q.NATPort})
				if notHeld(r) || q.To != nil && trace.Holds(real, q.To, q.Header.Dst) == trace.Deny && holds(t, m, flow, q.Header) {
					continue // a header says which addresses it is about; here they turned out to be others
				}
				s := m.Space(q.Header.Family())
				compared++
				complete := verdict(t, s, flow.Complete, q.Header)
				if complete != trace.Unknown {
					exact++
				}
				if contradict(complete, r.Verdict) || contradict(verdict(t, s, flow.Forward, q.Header), r.Forward.Verdict) {
					t.Fatalf("seed %d: %s\nfrom %s to %s\nsets:  forward %v complete %v\ntrace: forward %v complete %v\n%s", seed, q.Header, name(from), name(to),
						verdict(t, s, flow.Forward, q.Header), complete, r.Forward.Verdict, r.Verdict, hops(r))
				}
			}
		}
	}
	t.Logf("%d networks, %d headers compared, %d of them with a definite answer", networks, compared, exact)
}

// same finds the interface that another network's copy of it came from.
func same(n, other *ir.Network, i *ir.Interface) *ir.Interface {
	if i == nil {
		return nil
	}
	for k, o := range other.Interfaces {
		if o == i && k < len(n.Interfaces) && n.Interfaces[k].Resource == i.Resource {
			return n.Interfaces[k]
		}
	}
	for _, o := range n.Interfaces {
		if o.Resource == i.Resource && o.ID == i.ID {
			return o
		}
	}
	return nil
}

// notHeld reports whether an end of the flow has another address than the
// header says.
func notHeld(r trace.Result) bool {
	h := r.Forward.Hops
	return r.Forward.Verdict == trace.Deny && len(h) > 0 && h[len(h)-1].Stage == trace.StageEndpoint
}

// holds reports whether the ends may have a header's addresses: it then goes
// straight to the far end, whichever load balancer has the address as it turns
// out.
func holds(t *testing.T, m *reach.Model, flow reach.Flow, h packet.Header) bool {
	t.Helper()
	in, err := m.Space(h.Family()).Contains(flow.Addressed, h)
	if err != nil {
		t.Fatal(err)
	}
	return in
}
