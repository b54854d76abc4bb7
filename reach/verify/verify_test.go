package verify_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/verify"
	"github.com/postern-dev/postern/solver/smt"
)

func start(t *testing.T) smt.Solver {
	t.Helper()
	s, err := smt.InProcess()
	if errors.Is(err, smt.ErrNotBuilt) {
		if _, err := exec.LookPath("z3"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal("z3 is not installed; make z3 installs it")
			}
			t.Skip("NOT COMPARED: z3 is not installed; make z3 installs it")
		}
		s, err = smt.Start(context.Background(), "z3", "-in")
		if err != nil {
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func run(t *testing.T, n *ir.Network, s smt.Solver) verify.Report {
	t.Helper()
	var r verify.Report
	if _, err := verify.Network(context.Background(), n, nil, verify.Options{Solver: s, MaxFlows: 60}, &r); err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Disagreements {
		t.Errorf("%v, values %v", d.Error(), d.Values)
	}
	return r
}

// TestMicrocases: on the networks of all cases the judges agree about every
// filter and flow.
func TestMicrocases(t *testing.T) {
	s := start(t)
	var all verify.Report
	for _, file := range []string{"microcases.json", "unknown.json"} {
		cs, err := microcase.Load(os.DirFS("../../testdata/semantics"), file)
		if err != nil {
			t.Fatal(err)
		}
		for k, c := range cs {
			if k%5 > 0 && os.Getenv("POSTERN_SEEDS") == "" {
				continue
			}
			t.Run(c.ID, func(t *testing.T) { all = add(all, run(t, c.Network, s)) })
		}
	}
	t.Logf("%d ACL directions, %d groups, %d flows; %d queries, %d packets, %d with the solver's values, %d flows split", all.ACLs, all.Groups, all.Flows, all.Queries, all.Packets, all.Values, all.Split)
	if all.Queries == 0 || all.Values == 0 || all.Split == 0 {
		t.Error("the comparison proves too little")
	}
}

func add(a, b verify.Report) verify.Report {
	a.ACLs, a.Groups, a.Flows = a.ACLs+b.ACLs, a.Groups+b.Groups, a.Flows+b.Flows
	a.Queries, a.Packets, a.Values, a.Split = a.Queries+b.Queries, a.Packets+b.Packets, a.Values+b.Values, a.Split+b.Split
	return a
}

// TestRandom: and on random networks, those with unknowns among them.
func TestRandom(t *testing.T) {
	s := start(t)
	networks := 12
	if testing.Short() {
		networks = 3
	}
	var all verify.Report
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 41))
		n := netgen.New(rng, netgen.Options{
			VPCs: 2, Interfaces: 3, IPv6: rng.IntN(2) == 0, Transit: rng.IntN(2) == 0, NAT: rng.IntN(3) == 0,
			Appliances: rng.IntN(3) == 0, Services: rng.IntN(2) == 0, BPA: rng.IntN(4) == 0, Unknowns: rng.IntN(4),
		})
		all = add(all, run(t, n, s))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d ACL directions, %d groups, %d flows; %d queries, %d packets, %d with the solver's values, %d flows split", all.ACLs, all.Groups, all.Flows, all.Queries, all.Packets, all.Values, all.Split)
}

// TestLostSolver: when the solver dies in a query, the two other judges go on
// and the report says so.
func TestLostSolver(t *testing.T) {
	p, err := smt.Start(context.Background(), "sh", "-c", "echo unsat; kill $$")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	n := netgen.New(rand.New(rand.NewPCG(1, 2)), netgen.Options{})
	r := run(t, n, p)
	if !errors.Is(r.SolverErr, smt.ErrEnded) || r.Flows == 0 || r.Packets == 0 {
		t.Errorf("%v, %d flows, %d packets", r.SolverErr, r.Flows, r.Packets)
	}
}

// liar answers the opposite of what is so: a judge with a bug.
type liar struct{ smt.Solver }

func (l liar) Solve(ctx context.Context, f smt.Formula) (*smt.Model, error) {
	m, err := l.Solver.Solve(ctx, f)
	if m == nil && err == nil {
		return f.Header.Assume(microHeader), nil
	}
	return nil, err
}

var microHeader = netgen.Corners(netgen.New(rand.New(rand.NewPCG(1, 2)), netgen.Options{}), rand.New(rand.NewPCG(1, 2)), 1)[0]

func TestDisagreementIsReported(t *testing.T) {
	n := netgen.New(rand.New(rand.NewPCG(1, 2)), netgen.Options{})
	var r verify.Report
	if _, err := verify.Network(context.Background(), n, nil, verify.Options{Solver: liar{start(t)}, MaxFlows: 4}, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Disagreements) == 0 || !strings.Contains(r.Disagreements[0].Says, "formula") {
		t.Errorf("%v", r.Disagreements)
	}
}
