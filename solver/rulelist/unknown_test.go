package rulelist_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// TestUnknown draws lists of which parts are not known, then what they really
// are, and checks that verdicts hold whatever that is.
func TestUnknown(t *testing.T) {
	covered, redundant := 0, 0
	headers := listgen.Universe(packet.IPv4)
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 3))
		rules := listgen.List(listgen.Tiny, packet.IPv4, seed, 8)
		entries := known(rules)
		unknownAction := make([]bool, len(rules))
		for i := range entries {
			switch r.IntN(5) {
			case 0:
				entries[i].Lo = nil // perhaps it is not there
			case 1:
				wide := rules[i].Box
				wide.DstPort = solver.Interval{Lo: 0, Hi: 65535}
				entries[i].Hi = []solver.Box{wide}
			case 2:
				entries[i].Action = solver.DecisionInvalid
				unknownAction[i] = true
			}
		}
		all := analyse(t, rulelist.NewIndex(packet.IPv4, entries, solver.Deny))
		for range 12 {
			real := append([]listgen.Rule{}, rules...)
			gone := make([]bool, len(rules))
			for i := range real {
				if unknownAction[i] && r.IntN(2) == 0 {
					real[i].Decision = solver.Permit + solver.Deny - real[i].Decision
				}
				if r.IntN(2) == 0 {
					continue
				}
				if len(entries[i].Lo) == 0 {
					gone[i] = true
				} else {
					real[i].Box = entries[i].Hi[0]
				}
			}
			decide := func(without int, h packet.Header) (int, solver.Decision) {
				for i := range real {
					if i != without && !gone[i] && listgen.Holds(&real[i].Box, h) {
						return i, real[i].Decision
					}
				}
				return -1, solver.Deny
			}
			for _, h := range headers {
				first, does := decide(-1, h)
				if first < 0 {
					continue
				}
				if all[first].Shadowed.State == rulelist.Covered {
					t.Fatalf("seed %d: %v meets rule %d, which is covered", seed, h, first)
				}
				if _, without := decide(first, h); without != does && all[first].Redundant.State == rulelist.Covered {
					t.Fatalf("seed %d: %v needs rule %d, which is redundant", seed, h, first)
				}
			}
		}
		for _, a := range all {
			if a.Shadowed.State == rulelist.Covered {
				covered++
			} else if a.Redundant.State == rulelist.Covered {
				redundant++
			}
		}
	}
	if covered == 0 || redundant == 0 {
		t.Errorf("%d covered, %d redundant", covered, redundant)
	}
}

// TestCancel checks that the context ends the analysis.
func TestCancel(t *testing.T) {
	x := rulelist.NewIndex(packet.IPv4, known(listgen.List(listgen.ACL, packet.IPv4, 1, 50)), solver.Deny)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := x.Analyse(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Analyse: %v", err)
	}
	if _, err := x.Shadowed(ctx, 3, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Shadowed: %v", err)
	}
}
