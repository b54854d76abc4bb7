package rules

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// CoverProof is a claim that some matches cover another, with the tree that
// proves it. The concrete evaluator checks the tree with comparisons alone.
type CoverProof struct {
	Claim trace.Claim
	Cover *packet.Cover
}

// matches are the matches of a list in one family, ready to be asked which of
// them cover another.
type matches struct {
	family  packet.Family
	egress  bool
	of      []*ir.Match // as the evaluator is told about them
	entries []rulelist.Entry
	index   *rulelist.Index // made for the first question
}

// add adds a match, with the boxes that it surely and possibly matches.
func (m *matches) add(of *ir.Match, lo, hi []solver.Box, action solver.Decision) {
	m.of = append(m.of, of)
	m.entries = append(m.entries, rulelist.Entry{Lo: lo, Hi: hi, Action: action})
}

func (m *matches) ready() *rulelist.Index {
	if m.index == nil {
		m.index = rulelist.NewIndex(m.family, m.entries, solver.Deny)
	}
	return m.index
}

// cover chooses matches that together surely match all that match i may, none of
// which can be left out, and proves it. One alone is best; those that come first
// in by are used before others. It chooses none when they do not cover it.
func (m *matches) cover(ctx context.Context, i int, by []int) ([]int, *CoverProof, error) {
	v, err := m.ready().CoveredBy(ctx, i, by, nil)
	switch {
	case err != nil:
		return nil, nil, err
	case v.State == rulelist.Alive, v.State == rulelist.Absent:
		return nil, nil, nil
	case v.State != rulelist.Covered || v.Cover == nil:
		return nil, nil, solver.ErrBudget
	}
	return v.Rules, &CoverProof{m.claim(i), v.Cover}, nil
}

// claim is that all matches together cover match i.
func (m *matches) claim(i int) trace.Claim {
	return trace.Claim{Family: m.family, Egress: m.egress, Target: m.of[i], Rules: m.of}
}

// needless proves that without entry i of a list every packet is treated as
// before. A proof consists of claims that each hold on their own: the entry's
// packets are matched by others, or by none and treated the same then; and no
// entry that treats them otherwise gets one before the one that is named.
func (m *matches) needless(ctx context.Context, i int) ([]CoverProof, error) {
	v, err := m.ready().Redundant(ctx, i, nil)
	switch {
	case err != nil:
		return nil, err
	case v.State == rulelist.Alive:
		return nil, fmt.Errorf("%w: %s needs the entry", errJudges, v.Witness)
	case v.State != rulelist.Covered || v.Cover == nil:
		return nil, solver.ErrBudget
	}
	rest := *m // with a match that everything lies in
	anything := len(m.of)
	rest.of = append(m.of[:anything:anything], everyPacket(m.family))
	proofs := []CoverProof{{rest.claim(i), relabel(v.Cover, func(by int) int {
		if by == packet.Otherwise {
			return anything
		}
		return by
	})}}
	for k := i + 1; k < len(m.of); k++ {
		if m.entries[k].Action == m.entries[i].Action || len(m.entries[k].Hi) == 0 {
			continue
		}
		proofs = append(proofs, CoverProof{rest.claim(k), relabel(v.Cover, func(by int) int {
			if by == packet.Otherwise || by > k {
				return packet.Outside // entry k must have nothing there
			}
			return anything // not the entry's, or decided before k
		})})
	}
	return proofs, nil
}

// relabel copies a cover with other leaves.
func relabel(c *packet.Cover, name func(by int) int) *packet.Cover {
	if c == nil {
		return nil
	}
	if c.Field == packet.FieldInvalid {
		return &packet.Cover{By: name(c.By)}
	}
	return &packet.Cover{Field: c.Field, At: c.At, Below: relabel(c.Below, name), Above: relabel(c.Above, name)}
}

// everyPacket is the match of all packets of a family.
func everyPacket(f packet.Family) *ir.Match {
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if f == packet.IPv6 {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return &ir.Match{Protocol: ir.Known(int16(-1)), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: all}}
}

// errJudges says that two engines contradict each other: an error of postern's
// own.
var errJudges = errors.New("packet sets and the analysis of lists contradict each other")

// contradicted notes a contradiction about an entry as one; false when the error
// is another.
func (p *Pass) contradicted(e *ir.Entry, err error) bool {
	if !errors.Is(err, errJudges) {
		return false
	}
	p.Prove(diag.Finding{Place: diag.Place{Address: e.Origin.Address, Range: e.Origin.At(ir.FieldAction)}}, Proof{Against: err})
	return true
}
