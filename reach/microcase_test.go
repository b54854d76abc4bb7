package reach_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
)

func cases(t *testing.T, name string) []*microcase.Case {
	t.Helper()
	cs, err := microcase.Load(os.DirFS("../testdata/semantics"), name)
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

// answer puts a case to the packet sets.
func answer(t *testing.T, c *microcase.Case) trace.Verdict {
	t.Helper()
	m, err := reach.Compile(context.Background(), c.Network)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Header.Family()
	s := m.Space(f)
	switch c.Check {
	case microcase.Groups:
		return verdict(t, s, m.Groups(f, c.At, c.Egress, c.Peer), c.Header)
	case microcase.ACL:
		return verdict(t, s, reach.ACLBand(s, reach.RequestView(c.Egress), c.ACL, c.Egress), c.Header)
	case microcase.Packet, microcase.Flow:
		flow, err := m.Ask(context.Background(), reach.Question{From: c.From, To: c.To, Family: f, NATPort: c.NATPort})
		if err != nil {
			t.Fatal(err)
		}
		if c.Check == microcase.Packet {
			return verdict(t, s, flow.Forward, c.Header)
		}
		return verdict(t, s, flow.Complete, c.Header)
	}
	t.Fatalf("check %q", c.Check)
	return trace.VerdictInvalid
}

func TestMicrocases(t *testing.T) {
	exact := 0
	for _, c := range cases(t, "microcases.json") {
		t.Run(c.ID, func(t *testing.T) {
			if got := answer(t, c); got.String() != c.Expect {
				t.Errorf("%s\ngot %v, want %s: %s", c.Title, got, c.Expect, c.Because)
				return
			}
			exact++
		})
	}
	t.Logf("%d cases exact", exact)
}

// TestTopologyCases asks what docs/topology.md decides.
func TestTopologyCases(t *testing.T) {
	for _, name := range []string{"topology.json", "codes.json"} {
		for _, c := range cases(t, name) {
			t.Run(c.ID, func(t *testing.T) {
				if got := answer(t, c); got.String() != c.Expect {
					t.Errorf("%s\ngot %v, want %s: %s", c.Title, got, c.Expect, c.Because)
				}
			})
		}
	}
}

func TestUnknownCases(t *testing.T) {
	for _, c := range cases(t, "unknown.json") {
		t.Run(c.ID, func(t *testing.T) {
			if got := answer(t, c); got.String() != c.Expect {
				t.Errorf("%s\ngot %v, want %s: %s", c.Title, got, c.Expect, c.Because)
			}
		})
	}
}

// TestMicrocaseNetworks compares every pair of ends of every case's network
// with the concrete evaluator, at the corners of every filter.
func TestMicrocaseNetworks(t *testing.T) {
	compared, allowed := 0, 0
	for _, name := range []string{"microcases.json", "unknown.json", "topology.json"} {
		for _, c := range cases(t, name) {
			if c.Network == nil {
				continue
			}
			t.Run(c.ID, func(t *testing.T) {
				n, a := agree(t, c.Network, rand.New(rand.NewPCG(1, 2)), 60)
				compared, allowed = compared+n, allowed+a
			})
		}
	}
	t.Logf("%d headers compared, %d of them flow", compared, allowed)
}
