package reach_test

import (
	"context"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// one is the set of a single header.
func one(s *solver.Space, h packet.Header) solver.Set {
	b := solver.Box{
		Protocol: solver.Port(uint16(h.Protocol)), Src: solver.Address(h.Src), Dst: solver.Address(h.Dst),
		SrcPort: solver.Port(h.SrcPort), DstPort: solver.Port(h.DstPort),
	}
	return s.Of(b)
}

// TestBlockerCodes asks what stands in the way of each case that AWS has an
// explanation code for: the code is among the blockers.
func TestBlockerCodes(t *testing.T) {
	for _, c := range cases(t, "codes.json") {
		if c.Code == "" || c.Passed || c.Expect != "deny" || c.Check != microcase.Flow && c.Check != microcase.Packet {
			continue
		}
		t.Run(c.Code, func(t *testing.T) {
			m, err := reach.Compile(context.Background(), c.Network)
			if err != nil {
				t.Fatal(err)
			}
			f := c.Header.Family()
			flow, err := m.Ask(context.Background(), reach.Question{From: c.From, To: c.To, Family: f, NATPort: c.NATPort})
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, s := range m.Blockers(f, flow, one(m.Space(f), c.Header)) {
				codes = append(codes, s.Code+" ("+s.Message+")")
			}
			if !slices.ContainsFunc(codes, func(s string) bool { return len(s) >= len(c.Code) && s[:len(c.Code)] == c.Code }) {
				t.Errorf("%s %s, expect %s: %s\n%q", c.ID, c.Title, c.Expect, c.Because, codes)
			}
		})
	}
}
