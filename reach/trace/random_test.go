package trace_test

import (
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/trace"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func query(q netgen.Question) trace.Query {
	return trace.Query{From: q.From, To: q.To, Header: q.Header, NATPort: q.NATPort}
}

// A network without unknowns has no unknown verdicts, and Decide agrees with
// Run.
func TestKnownNetworksAreDecided(t *testing.T) {
	counts := map[trace.Verdict]int{}
	for seed := range uint64(2000) {
		r := rng(seed)
		o := netgen.All
		if seed%2 == 1 {
			o = netgen.Whole
			o.Lenient = seed%4 < 2
		}
		n := netgen.New(r, o)
		for _, q := range netgen.Questions(n, r, 20) {
			got := trace.Run(n, query(q))
			counts[got.Verdict]++
			if got.Verdict != trace.Allow && got.Verdict != trace.Deny && !throughUnmodelled(got) {
				t.Fatalf("seed %d: %v\n%s", seed, q.Header, dump(got))
			}
			if d := trace.Decide(n, query(q)); d != got.Verdict {
				t.Fatalf("seed %d: %v: Decide says %v\n%s", seed, q.Header, d, dump(got))
			}
			checkShape(t, got)
		}
	}
	t.Log(counts)
	if counts[trace.Allow] < 1000 {
		t.Errorf("the networks let too little pass to test anything: %v", counts)
	}
}

// throughUnmodelled: part of the way is not in the model, which is said.
func throughUnmodelled(r trace.Result) bool {
	for _, u := range r.Because {
		if u.Term == "" && u.Cause.Code != "" {
			return true
		}
	}
	return false
}

// checkShape checks what every result promises.
func checkShape(t *testing.T, r trace.Result) {
	t.Helper()
	legs := []trace.Leg{r.Forward, r.Reply}
	for _, l := range legs {
		for k, h := range l.Hops {
			if (h.Verdict == trace.Deny) != (l.Verdict == trace.Deny && k == len(l.Hops)-1) {
				t.Fatalf("hop %d of a leg that says %v\n%s", k, l.Verdict, dump(r))
			}
			if h.Message == "" || h.Stage == trace.StageInvalid {
				t.Fatalf("hop %d says nothing\n%s", k, dump(r))
			}
		}
		if l.Verdict == trace.Deny && len(l.Hops) == 0 {
			t.Fatalf("denied by nothing\n%s", dump(r))
		}
	}
	if (r.Verdict == trace.Unknown) != (len(r.Because) > 0) {
		t.Fatalf("%v because of %d unknowns\n%s", r.Verdict, len(r.Because), dump(r))
	}
}

// Whatever the unknowns turn out to be, what is allowed stays allowed and what
// is denied stays denied.
func TestSound(t *testing.T) {
	networks := 1500
	if testing.Short() {
		networks = 200
	}
	counts, settled, compared := map[trace.Verdict]int{}, 0, 0
	for seed := range uint64(networks) {
		r := rng(seed)
		o := netgen.All
		if seed%3 > 0 {
			o = netgen.Whole
			o.Lenient = seed%4 < 2
		}
		o.Unknowns = []int{2, 5, 10, 25}[seed%4]
		o.Zones = seed%5 == 0
		n := netgen.New(r, o)
		qs := netgen.Questions(n, r, 20)
		before := make([]trace.Result, len(qs))
		seen := make([]map[trace.Verdict]bool, len(qs))
		for k, q := range qs {
			before[k], seen[k] = trace.Run(n, query(q)), map[trace.Verdict]bool{}
			counts[before[k].Verdict]++
			checkShape(t, before[k])
		}
		for draw := range 12 {
			values := netgen.Values(n, r)
			if draw%4 == 3 { // to learn some of the values changes no answer either
				for _, term := range slices.Sorted(maps.Keys(values)) {
					if r.IntN(2) == 0 {
						delete(values, term)
					}
				}
			}
			m, to := ir.SubstituteMapped(n, values)
			for k, q := range qs {
				if draw%4 == 3 && (unsure(n, q.From, q.Header.Src) || unsure(n, q.To, q.Header.Dst)) {
					continue // which of the end's addresses it is may change with what is learnt
				}
				after, ok := ask(n, m, to, q)
				if !ok {
					continue
				}
				compared++
				seen[k][after.Verdict] = true
				if v := before[k].Verdict; v != trace.Unknown && v != after.Verdict {
					t.Fatalf("seed %d, %v: %v before the unknowns are known, %v after\nvalues %v\n%s\n%s",
						seed, q.Header, v, after.Verdict, values, dump(before[k]), dump(after))
				}
			}
		}
		for k := range qs {
			if before[k].Verdict == trace.Unknown && len(seen[k]) == 1 && !seen[k][trace.Unknown] {
				settled++
			}
		}
	}
	t.Logf("%v; %d comparisons; of the unknown, %d had one verdict for all values drawn", counts, compared, settled)
}

// ask puts the question to the network with values, unless its ends turn out
// not to hold the header's addresses. An interface that does not exist passes
// nothing.
func ask(n, m *ir.Network, to map[*ir.Interface]*ir.Interface, q netgen.Question) (trace.Result, bool) {
	p := trace.Query{From: to[q.From], To: to[q.To], Header: q.Header, NATPort: q.NATPort}
	if q.From != nil && p.From == nil || q.To != nil && p.To == nil {
		return trace.Result{Verdict: trace.Deny}, true
	}
	if p.From != nil && trace.Holds(m, p.From, q.Header.Src) == trace.Deny && mayMove(q.From) {
		return trace.Result{}, false
	}
	if p.To != nil && trace.Holds(m, p.To, q.Header.Dst) == trace.Deny && mayMove(q.To) {
		return trace.Result{}, false
	}
	if !placed(p.From, q.Header.Src) || !placed(p.To, q.Header.Dst) {
		return trace.Result{}, false
	}
	if p.To != nil && trace.Holds(m, p.To, q.Header.Dst) == trace.Deny {
		for i, j := range to { // as above, of a load balancer on the way
			if i != nil && trace.Holds(n, i, q.Header.Dst) != trace.Deny && trace.Holds(m, j, q.Header.Dst) == trace.Deny && mayMove(i) {
				return trace.Result{}, false
			}
		}
		for _, i := range m.Interfaces { // one of them may be a load balancer on the way, or what it sends to
			for _, d := range i.Addresses {
				if d.Private.Known() && !placed(i, d.Private.V) {
					return trace.Result{}, false
				}
			}
		}
	}
	return trace.Run(m, p), true
}

// unsure: whether an end has the address is not known.
func unsure(n *ir.Network, i *ir.Interface, a netip.Addr) bool {
	return i != nil && (trace.Holds(n, i, a) != trace.Allow || mayMove(i))
}

// placed: AWS gives no interface an address outside its subnet.
func placed(i *ir.Interface, a netip.Addr) bool {
	if i == nil {
		return true
	}
	s, ok := i.Subnet.Known()
	for _, d := range i.Addresses {
		if ok && d.Private.Known() && d.Private.V == a {
			c := s.IPv4
			if !a.Is4() {
				c = s.IPv6
			}
			return !c.Known() || c.V.Contains(a)
		}
	}
	return true
}

// mayMove: which addresses the interface has is itself unknown.
func mayMove(i *ir.Interface) bool {
	_, known := i.Subnet.Known()
	if !known || !i.Subnet.Of[0].IPv4.Known() || !i.Subnet.Of[0].IPv6.Known() {
		return true
	}
	for _, a := range i.Addresses {
		if !a.Private.Known() || !a.Public.Addr.Known() {
			return true
		}
	}
	return false
}

// The same question has the same answer, to the last hop.
func FuzzRun(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint8(seed*7))
	}
	f.Fuzz(func(t *testing.T, seed uint64, unknowns uint8) {
		o := netgen.Whole
		o.Unknowns, o.Zones, o.Lenient = int(unknowns)%60, seed%2 == 0, seed%3 > 0
		n := netgen.New(rng(seed), o)
		for _, q := range netgen.Questions(n, rng(seed+1), 8) {
			a, b := trace.Run(n, query(q)), trace.Run(n, query(q))
			checkShape(t, a)
			if dump(a) != dump(b) || !reflect.DeepEqual(a.Forward.Verdict, b.Forward.Verdict) {
				t.Fatalf("two answers\n%s\n%s", dump(a), dump(b))
			}
		}
	})
}
