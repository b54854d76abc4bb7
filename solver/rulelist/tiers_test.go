package rulelist

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/smt"
	"go4.org/netipx"
)

// oracle is an Exact that answers with packet sets, or with an error.
type oracle struct{ err error }

func (o oracle) Covered(_ context.Context, f packet.Family, target packet.Region, others []packet.Region) (bool, packet.Header, error) {
	s := solver.New(f, solver.Options{})
	box := func(r packet.Region) solver.Box {
		small := func(k packet.Field) solver.Interval {
			return solver.Interval{Lo: uint16(r[k-1].Lo.Lo), Hi: uint16(r[k-1].Hi.Lo)}
		}
		addresses := func(k packet.Field) netipx.IPRange {
			return netipx.IPRangeFrom(r[k-1].Lo.Addr(f), r[k-1].Hi.Addr(f))
		}
		return solver.Box{
			Protocol: small(packet.FieldProtocol), Src: addresses(packet.FieldSrc), Dst: addresses(packet.FieldDst),
			SrcPort: small(packet.FieldSrcPort), DstPort: small(packet.FieldDstPort),
		}
	}
	var boxes []solver.Box
	for _, r := range others {
		boxes = append(boxes, box(r))
	}
	h, left, err := s.Witness(s.Difference(s.Of(box(target)), s.Of(boxes...)))
	if o.err != nil {
		err = o.err
	}
	return !left, h, err
}

// solvers are the other judges that are there: packet sets, z3, cvc5, and libz3
// where it is linked. Where a program is missing the test says so, and in CI it
// fails.
func solvers(t *testing.T) map[string]Exact {
	t.Helper()
	out := map[string]Exact{"packet sets": oracle{}}
	for _, argv := range [][]string{{"z3", "-in"}, {"cvc5", "--lang", "smt2", "--incremental", "--produce-models"}} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed; make z3 installs it", argv[0])
			}
			t.Logf("NOT COMPARED: %s is not installed; make z3 installs it", argv[0])
			continue
		}
		p, err := smt.Start(context.Background(), argv...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		out[argv[0]] = smt.NewCoverage(p)
	}
	if s, err := smt.InProcess(); err == nil {
		t.Cleanup(func() { _ = s.Close() })
		out["libz3"] = smt.NewCoverage(s)
	} else if !errors.Is(err, smt.ErrNotBuilt) {
		t.Fatal(err)
	}
	return out
}

func indexOf(f packet.Family, rules []listgen.Rule) *Index {
	var entries []Entry
	for _, r := range rules {
		entries = append(entries, Known(r.Decision, r.Box))
	}
	return NewIndex(f, entries, solver.Deny)
}

// TestTiers puts lists of every kind to every judge, each on its own:
// subtraction, diagrams, the SMT solvers, and, about the headers that are drawn,
// a linear scan. They must say the same about both questions.
func TestTiers(t *testing.T) {
	judges := solvers(t)
	states := map[State]int{}
	for _, k := range listgen.Kinds {
		for _, f := range packet.Families {
			for seed := range uint64(4) {
				g := listgen.New(k, f, seed)
				rules := g.List(14)
				x := indexOf(f, rules)
				asked := judges
				if seed > 0 {
					asked = map[string]Exact{"packet sets": oracle{}}
				}
				first := map[int]bool{}
				for range 400 {
					first[listgen.First(rules, g.Header(rules))] = true
				}
				for i := range rules {
					reached := false
					for n := range x.targets(i) {
						b := &x.targets(i)[n]
						state := tiersAgree(t, x, i, b, false, asked)
						reached = reached || state == Alive
						states[state]++
						states[tiersAgree(t, x, i, b, true, asked)]++
					}
					if first[i] && !reached {
						t.Errorf("%v %v seed %d: the scan stops at rule %d, which is covered", k, f, seed, i)
					}
				}
			}
		}
	}
	if states[Alive] < 20 || states[Covered] < 20 {
		t.Errorf("seen: %v", states)
	}
}

func tiersAgree(t *testing.T, x *Index, i int, b *piece, after bool, judges map[string]Exact) State {
	t.Helper()
	s := newSearch(x)
	s.gather(b, i, nil, after)
	s.open = after && x.actions[i] == x.otherwise
	s.steps = maxSteps
	cands := s.cands
	want := Alive
	if s.prove(b, cands) != nil {
		want = Covered
	}
	if s.over() {
		t.Fatal("out of steps")
	}
	if got := s.diagram(b, cands); got.State != want {
		t.Errorf("entry %d, after %v: the diagram says %v, subtraction %v", i, after, got.State, want)
	}
	for name, judge := range judges {
		got, err := s.ask(context.Background(), judge, b, cands)
		if err != nil || got.State != want {
			t.Errorf("entry %d, after %v: %s says %v (%v, %v), subtraction %v", i, after, name, got.State, got.Why, err, want)
		}
	}
	return want
}

// starved is an index whose steps before the last are out of budget at once.
func starved(f packet.Family, rules []listgen.Rule) *Index {
	x := indexOf(f, rules)
	x.mostSteps, x.mostEdges = 1, 1
	return x
}

// TestLastTier analyses lists whose budgets are spent at once: what walks do not
// find is decided by the solver, or by nobody.
func TestLastTier(t *testing.T) {
	ctx := context.Background()
	for name, judge := range solvers(t) {
		exact := 0
		for _, k := range listgen.Kinds {
			for _, f := range packet.Families {
				rules := listgen.List(k, f, 5, 25)
				want, err := indexOf(f, rules).Analyse(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := starved(f, rules).Analyse(ctx, judge)
				if err != nil {
					t.Fatal(err)
				}
				none, err := starved(f, rules).Analyse(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := range rules {
					for _, v := range [][3]Verdict{
						{want[i].Shadowed, got[i].Shadowed, none[i].Shadowed}, {want[i].Redundant, got[i].Redundant, none[i].Redundant},
					} {
						if v[0].State != v[1].State || v[2].State != Undecided && v[2].State != v[0].State {
							t.Errorf("%s: %v %v rule %d: %v, %v and %v", name, k, f, i, v[0], v[1], v[2])
						}
						if v[1].Tier == TierExact && v[2].State == Undecided {
							exact++
						}
					}
				}
			}
		}
		if exact < 5 {
			t.Errorf("%s was asked about %d entries", name, exact)
		}
	}
}

// TestLastTierLost checks what remains when the solver fails: each entry that
// only it could decide is undecided and says why, and all others are decided.
func TestLastTierLost(t *testing.T) {
	rules := listgen.List(listgen.Adversarial, packet.IPv4, 3, 60)
	want, err := indexOf(packet.IPv4, rules).Analyse(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		judge Exact
		why   error
	}{
		"an error":          {oracle{errors.New("broken")}, nil},
		"a process that is": {process(t, "exit 1"), smt.ErrEnded},
		"a kill":            {process(t, "cat >/dev/null & sleep .2; kill $$"), smt.ErrEnded},
		"a wrong header":    {witness{}, errWitness},
		"not decided":       {process(t, "while read line; do case $line in *check-sat*) echo unknown;; esac; done"), smt.ErrUndecided},
	} {
		got, err := starved(packet.IPv4, rules).Analyse(context.Background(), c.judge)
		if err != nil {
			t.Fatal(name, err)
		}
		lost := 0
		for i := range rules {
			for _, v := range [][2]Verdict{{want[i].Shadowed, got[i].Shadowed}, {want[i].Redundant, got[i].Redundant}} {
				switch {
				case v[1].State != Undecided:
					if v[1].State != v[0].State {
						t.Errorf("%s: rule %d: %v, want %v", name, i, v[1], v[0])
					}
				case v[1].Why == nil || c.why != nil && !errors.Is(v[1].Why, c.why):
					t.Errorf("%s: rule %d is undecided because of %v", name, i, v[1].Why)
				default:
					lost++
				}
			}
		}
		if lost == 0 || lost == 2*len(rules) {
			t.Errorf("%s: %d of %d verdicts are undecided", name, lost, 2*len(rules))
		}
	}
}

// witness is an Exact that says "no" to everything, with the same header.
type witness packet.Header

func (w witness) Covered(context.Context, packet.Family, packet.Region, []packet.Region) (bool, packet.Header, error) {
	return false, packet.Header(w), nil
}

func process(t *testing.T, script string) Exact {
	t.Helper()
	p, err := smt.Start(context.Background(), "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return smt.NewCoverage(p)
}

// TestLastTierEnds checks that the context ends a question to a solver that
// never answers.
func TestLastTierEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	rules := listgen.List(listgen.Adversarial, packet.IPv4, 3, 60)
	begin := time.Now()
	_, err := starved(packet.IPv4, rules).Analyse(ctx, process(t, "cat >/dev/null & sleep 60"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}
