package rules

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// drawMatches draws a known list with the headers that tell its entries apart.
func drawMatches(t *testing.T, r *rand.Rand, n int) (*matches, []bool) {
	t.Helper()
	l := &aclList{space: solver.New(packet.IPv4, solver.Options{})}
	m := l.newMatches()
	var allows []bool
	for range n {
		e := parseEntry(t, "in 10 allow "+someTypes[r.IntN(len(someTypes))]+" "+someCIDRs[r.IntN(8)], 1)
		e.Allow = ir.Known(r.IntN(2) == 0)
		allows = append(allows, e.Allow.V)
		lo := l.boxes(&e, 0)
		action := solver.Deny
		if e.Allow.V {
			action = solver.Permit
		}
		m.add(&e.Match, lo, lo, action)
	}
	return m, allows
}

// TestNeedless compares what is needless with trying out headers, and checks
// that the proofs convince the evaluator, and would not if they were about
// another list.
func TestNeedless(t *testing.T) {
	headers := slices.DeleteFunc(corners(), func(h packet.Header) bool { return h.Family() != packet.IPv4 })
	needed, found, weaker, opposed := 0, 0, 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		m, allows := drawMatches(t, r, 6)
		decide := func(without int, h packet.Header) bool {
			for k := range m.of {
				e := ir.Entry{Match: *m.of[k]}
				if k != without && matchesKnown(&e, h) {
					return allows[k]
				}
			}
			return false
		}
		for i := range m.of {
			same := !slices.ContainsFunc(headers, func(h packet.Header) bool { return decide(-1, h) != decide(i, h) })
			proofs, err := m.needless(t.Context(), i)
			if err != nil && !errors.Is(err, errJudges) || (err == nil) != same {
				t.Fatalf("seed %d, entry %d: %v, by trying out %v", seed, i, err, same)
			}
			if err != nil {
				needed++
				continue
			}
			for n, p := range proofs {
				if err := trace.CheckCover(&p.Claim, p.Cover); err != nil {
					t.Errorf("seed %d, entry %d, claim %d: %v", seed, i, n, err)
				}
				// The same tree about a list of nothing else, or an entry that
				// opposes everywhere.
				p.Claim.Rules = make([]*ir.Match, len(p.Claim.Rules))
				for k := range p.Claim.Rules {
					p.Claim.Rules[k] = &ir.Match{Protocol: ir.Known(int16(250)), Ports: ir.Known(ir.AllPorts), Peer: m.of[i].Peer}
				}
				if n == 0 && trace.CheckCover(&p.Claim, p.Cover) != nil {
					weaker++
				}
				p = proofs[n]
				p.Claim.Target = everyPacket(packet.IPv4)
				if n > 0 && trace.CheckCover(&p.Claim, p.Cover) != nil {
					opposed++
				}
			}
			found++
		}
	}
	if needed < 200 || found < 200 || weaker < found*9/10 || opposed < 50 {
		t.Errorf("%d needed, %d not; %d proofs rest on rules, %d on what opposes", needed, found, weaker, opposed)
	}
}

// TestCoverRefused checks that a finding whose cover the evaluator does not
// believe, or that another engine contradicts, is no finding.
func TestCoverRefused(t *testing.T) {
	acl := parseACL(t, "in 100 allow tcp/22 10.0.0.0/8", "in 110 allow tcp/22 10.0.0.0/9")
	wide, narrow := &acl.Entries[0].Match, &acl.Entries[1].Match
	about := func(target, by *ir.Match) Proof {
		return Proof{Covers: []CoverProof{{trace.Claim{Family: packet.IPv4, Target: target, Rules: []*ir.Match{by}}, &packet.Cover{By: 0}}}}
	}
	for name, c := range map[string]struct {
		proof Proof
		ok    bool
	}{
		"too little":      {about(wide, wide), false}, // its leaf stands for all headers
		"everything":      {about(narrow, everyPacket(packet.IPv4)), true},
		"does not":        {about(wide, narrow), false},
		"no tree":         {Proof{Covers: []CoverProof{{Claim: trace.Claim{Family: packet.IPv4, Target: narrow}}}}, false},
		"judges disagree": {Proof{Against: errJudges}, false},
	} {
		rule := &Rule{ID: "one", Severity: diag.High, Local: true, Run: func(p *Pass) error {
			p.Prove(diag.Finding{Message: "claim"}, c.proof)
			return nil
		}}
		a, err := check(t.Context(), []*Rule{rule}, []*ir.Network{aclNetwork(acl)}, Settings{})
		if err != nil || (len(a.Findings) == 1) != c.ok || (len(a.Disagreements) == 0) != c.ok {
			t.Errorf("%s: %d findings, disagreements %v, %v", name, len(a.Findings), a.Disagreements, err)
		}
	}
}
