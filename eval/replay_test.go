package eval

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// observe writes the rows that AWS would log of a flow: what each interface's
// own groups and ACL let pass, and what reached them.
func observe(n *ir.Network, q netgen.Question, r *rand.Rand) []record.Record {
	result := trace.Run(n, trace.Query{From: q.From, To: q.To, Header: q.Header})
	if result.Verdict == trace.Unknown {
		return nil // the way is partly outside the model; nobody knows the rows
	}
	h := q.Header
	if q.To != nil && q.From == nil && h.Dst.Is4() {
		for _, a := range q.To.Addresses {
			if a.Public.Exists.V && a.Public.Addr.V == h.Dst {
				h.Dst = a.Private.V // rows show the private address
			}
		}
	}
	var rs []record.Record
	row := func(i *ir.Interface, h packet.Header, side record.Side, flags uint16, accepted bool) {
		if i == nil {
			return
		}
		rec := record.Record{
			Src: h.Src, Dst: h.Dst, Protocol: h.Protocol, SrcPort: h.SrcPort, DstPort: h.DstPort, Flow: true, Interface: []byte(i.ID),
			Observed: record.Rejected, TCPFlags: flags, HasFlags: h.Protocol == packet.TCP && r.IntN(2) == 0, AnyType: h.Kind() == packet.Typed,
		}
		if accepted {
			rec.Observed = record.Accepted
		}
		switch r.IntN(3) {
		case 0:
			rec.Side = side
		case 1:
			rec.Interface, rec.Side = nil, side
		}
		rs = append(rs, rec)
	}
	depth := depthOf(&result)
	denied := result.Forward.Verdict == trace.Deny
	row(q.From, h, record.AtSender, 2, !denied || depth != bySender)
	if hops := result.Forward.Hops; denied && hops[len(hops)-1].Stage != trace.StageService {
		return rs
	}
	row(q.To, h, record.AtReceiver, 2, true)
	if denied || result.Reply.NotNeeded {
		return rs
	}
	back := reversed(h)
	row(q.To, back, record.AtSender, 18, result.Reply.Verdict == trace.Allow || depth != byResponder)
	if result.Reply.Verdict == trace.Allow {
		row(q.From, back, record.AtReceiver, 18, true)
	}
	return rs
}

// On the configuration under which they were observed, no accepted flow breaks
// and no rejected one opens.
func TestNothingChanged(t *testing.T) {
	counts := map[Replay]int{}
	networks := uint64(600)
	if testing.Short() {
		networks = 100
	}
	for seed := range networks {
		r := rng(seed)
		n := netgen.New(r, netgen.Options{IPv6: true, Transit: true, BPA: true, Services: true})
		j := NewJudge(n, Options{})
		corners := netgen.Corners(n, r, 20)
		for _, q := range slices.Concat(netgen.Questions(n, r, 30), netgen.Questions(n, r, 30)) {
			if r.IntN(2) == 0 {
				q.Header = nearby(r, corners, q.Header)
			}
			if !has(n, q.From, q.Header.Src) || q.From != nil && !hasPrivate(q.From, q.Header.Src) || !has(n, q.To, q.Header.Dst) {
				continue // no such packet
			}
			if q.From == nil && !onInternet(q.Header.Src) {
				continue // no such host sends to public addresses
			}
			if q.From == q.To || q.From != nil && q.To != nil && q.Header.Dst.Is4() && !hasPrivate(q.To, q.Header.Dst) {
				continue // one interface to another's public address: the rows of the receiver show the sender's
			}
			for _, rec := range observe(n, q, r) {
				a, fault := j.Answer(&rec)
				if fault.What != record.NoFault {
					t.Fatal(fault)
				}
				got := a.Replay(&rec)
				k, _ := j.key(&rec, j.began(&rec))
				if want := j.judge(k, &rec); a.Decision != want.Decision || a.From != want.From || a.To != want.To || a.Reply != want.Reply || got != want.Replay(&rec) {
					t.Fatalf("seed %d, %v: remembered %v, %+v; judged anew %v, %+v", seed, rec.Header(), got, a.Reason, want.Replay(&rec), want.Reason)
				}
				counts[got]++
				if got == Breaks || got == Opens {
					t.Fatalf("seed %d, %v of %v at %s, side %d, flags %d: %v, %+v", seed, rec.Header(), q.Header, rec.Interface, rec.Side, rec.TCPFlags, got, a.Reason)
				}
			}
		}
	}
	t.Log(counts)
	if counts[Holds] < 100 || counts[Stays] < 100 {
		t.Errorf("the flows test too little: %v", counts)
	}
}

// With the configuration under which rows were recorded, rows that do not tell
// which end began are replayed as those that do, or not at all.
func TestRecorded(t *testing.T) {
	networks := uint64(200)
	if testing.Short() {
		networks = 100
	}
	pairs, told := map[[2]Replay]int{}, 0
	for seed := range networks {
		r := rng(seed)
		was := netgen.New(r, netgen.Options{IPv6: true, Services: true})
		questions := slices.Concat(netgen.Questions(was, r, 40), netgen.Questions(was, r, 40))
		n, to := ir.SubstituteMapped(was, nil) // a copy
		for _, g := range n.SecurityGroups {
			if r.IntN(3) == 0 && len(g.Ingress) > 0 {
				g.Ingress = g.Ingress[:r.IntN(len(g.Ingress))]
			}
		}
		plain, with, alone := NewJudge(n, Options{}), NewJudge(n, Options{Was: was}), NewJudge(n, Options{})
		for _, q := range questions {
			if !has(was, q.From, q.Header.Src) || !has(was, q.To, q.Header.Dst) || q.From == q.To || q.From != nil && to[q.From] == nil {
				continue
			}
			if q.From == nil && !onInternet(q.Header.Src) || q.To != nil && q.From != nil && !hasPrivate(q.To, q.Header.Dst) || q.From != nil && !hasPrivate(q.From, q.Header.Src) {
				continue
			}
			for _, rec := range observe(was, q, r) {
				if rec.Protocol != packet.TCP {
					continue
				}
				rec.HasFlags = true
				bare := rec
				bare.HasFlags = false
				a, _ := plain.Answer(&rec)
				want := a.Replay(&rec)
				less, _ := alone.Answer(&bare)
				unaided := less.Replay(&bare)
				b, _ := with.Answer(&bare)
				got := b.Replay(&bare)
				pairs[[2]Replay{want, got}]++
				if unaided == Unclear && got != Unclear {
					told++
				}
				if got != want && got != Unclear && rec.Observed == record.Accepted {
					t.Fatalf("seed %d, %v, side %d: %v, and with flags %v: %+v, %+v", seed, rec.Header(), rec.Side, got, want, b.Reason, a.Reason)
				}
				if decision, before := with.before(&bare); decision == nil || before == Breaks {
					t.Fatalf("seed %d, %v: %v where it was recorded: %+v", seed, rec.Header(), before, decision)
				}
			}
		}
	}
	t.Log(pairs, told)
	if pairs[[2]Replay{Breaks, Breaks}] < 10 || pairs[[2]Replay{Holds, Holds}] < 80 || told < 60 {
		t.Errorf("the rows test too little: %v, %d told", pairs, told)
	}
}

func has(n *ir.Network, i *ir.Interface, a netip.Addr) bool {
	for _, o := range n.Interfaces {
		if (trace.Holds(n, o, a) != trace.Deny) != (o == i) {
			return false
		}
	}
	return true
}

func hasPrivate(i *ir.Interface, a netip.Addr) bool {
	return slices.ContainsFunc(i.Addresses, func(d ir.Address) bool { return d.Private.V == a })
}
