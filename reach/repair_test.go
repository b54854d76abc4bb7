package reach_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/reach"
)

// repairs asks what would have to change for the packet of a case.
func repairs(t *testing.T, id string) []reach.Repair {
	t.Helper()
	for _, c := range cases(t, "codes.json") {
		if c.ID != id {
			continue
		}
		m, err := reach.Compile(context.Background(), c.Network)
		if err != nil {
			t.Fatal(err)
		}
		f := c.Header.Family()
		flow, err := m.Ask(context.Background(), reach.Question{From: c.From, To: c.To, Family: f, NATPort: c.NATPort})
		if err != nil {
			t.Fatal(err)
		}
		return m.Repairs(f, flow, one(m.Space(f), c.Header))
	}
	t.Fatalf("no case %s", id)
	return nil
}

// TestRepairs looks at what a change says: the packet as the stage sees it, and
// the groups that a rule can be about.
func TestRepairs(t *testing.T) {
	for id, want := range map[string]struct {
		kind   reach.Kind
		packet string
		group  bool
	}{
		"ENI_SG_RULES_MISMATCH":   {reach.KindGroupIn, "tcp 10.0.1.10 > 10.0.2.10 source port 40000 port 443", true},
		"SUBNET_ACL_RESTRICTION":  {reach.KindACLOut, "tcp 10.0.2.10 > 10.0.1.10 source port 443 port 40000", false},
		"NO_ROUTE_TO_DESTINATION": {reach.KindRoute, "tcp 10.0.1.10 > 9.9.9.9 source port 40000 port 443", false},
	} {
		t.Run(id, func(t *testing.T) {
			rs := repairs(t, id)
			if len(rs) == 0 || len(rs[0].Changes) != 1 {
				t.Fatalf("%d repairs, want a first one with one change", len(rs))
			}
			c := rs[0].Changes[0]
			if c.Stage.Kind != want.kind || c.Packet.String() != want.packet || (c.Group != nil) != want.group {
				t.Errorf("%s lets %s, group %v; want %s, %s", c.Stage.Kind, c.Packet, c.Group, want.kind, want.packet)
			}
		})
	}
}

// TestEverythingDeniedIsExplained: where no header of a question flows, some
// stage of some way says why, and every stage that does so alone is among what
// has to change.
func TestEverythingDeniedIsExplained(t *testing.T) {
	networks := 150
	if testing.Short() {
		networks = 40
	}
	denied := 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 13))
		n := netgen.New(rng, known(rng))
		m, err := reach.Compile(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range netgen.Questions(n, rng, 15) {
			if q.From == q.To {
				continue
			}
			f := q.Header.Family()
			flow, err := m.Ask(context.Background(), reach.Question{From: q.From, To: q.To, Family: f, NATPort: q.NATPort})
			if err != nil {
				t.Fatal(err)
			}
			s := m.Space(f)
			if in, err := s.Contains(flow.Complete.May, q.Header); err != nil || in {
				continue
			}
			denied++
			rs := m.Repairs(f, flow, one(s, q.Header))
			if len(rs) == 0 {
				t.Fatalf("seed %d: nothing says why %s does not flow from %s to %s", seed, q.Header, name(q.From), name(q.To))
			}
			for _, r := range rs {
				if len(r.Changes) < len(r.Alone) {
					t.Fatalf("seed %d: %s: %d stages stop it alone, %d changes", seed, q.Header, len(r.Alone), len(r.Changes))
				}
			}
		}
	}
	if denied < networks {
		t.Errorf("only %d denied", denied)
	}
}
