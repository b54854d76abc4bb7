package smt

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// regionOf translates a box of package solver.
func regionOf(b *solver.Box) packet.Region {
	small := func(i solver.Interval) packet.Range {
		return packet.Range{Lo: packet.Value{Lo: uint64(i.Lo)}, Hi: packet.Value{Lo: uint64(i.Hi)}}
	}
	return packet.Region{
		small(b.Protocol),
		{Lo: packet.ValueOf(b.Src.From()), Hi: packet.ValueOf(b.Src.To())},
		{Lo: packet.ValueOf(b.Dst.From()), Hi: packet.ValueOf(b.Dst.To())},
		small(b.SrcPort), small(b.DstPort),
	}
}

// listScript asks, rule by rule, for a header that meets the rule first, and,
// with redundant, for one of those that the list without the rule would treat
// otherwise. Every step of the list has a name, and the solver keeps what it has
// learned from one question to the next: the best of the encodings that were
// tried.
func listScript(rules []listgen.Rule, redundant bool) (string, error) {
	b := NewBuilder()
	h := b.Header(packet.FamilyOf(rules[0].Box.Src.From()))
	matches, after := make([]Term, len(rules)), make([]Term, len(rules)+1)
	after[len(rules)] = False
	for i := len(rules) - 1; i >= 0; i-- {
		r := regionOf(&rules[i].Box)
		matches[i] = b.Define(b.insideRegion(h, &r), fmt.Sprintf("rule %d", i))
		after[i] = b.Define(b.Ite(matches[i], Of(rules[i].Decision == solver.Permit), after[i+1]), "what the list does from here on")
	}
	before, asked := False, []Term{}
	for i := range rules {
		first := b.Define(b.And(matches[i], b.Not(before)), "meets it first")
		if asked = append(asked, first); redundant {
			differs := b.Xor(Of(rules[i].Decision == solver.Permit), after[i+1])
			asked = append(asked, b.Define(b.And(first, differs), "and needs it"))
		}
		before = b.Define(b.Or(before, matches[i]), "meets a rule so far")
	}
	f := Formula{Builder: b, Header: h, Assert: append([]Term{b.wellFormed(h)}, asked...)}
	p, err := f.program()
	if err != nil {
		return "", err
	}
	p.assert = p.assert[:1] // the others are asked one by one
	var w strings.Builder
	w.WriteString("(set-logic QF_BV)\n")
	p.commands(&w)
	names := map[Term]string{True: "true", False: "false"}
	for k, t := range p.defined {
		names[t] = fmt.Sprintf("d%d", k+1)
	}
	for _, t := range asked {
		name, ok := names[t]
		if !ok { // a variable, or the negation of one: too small for a name
			var text strings.Builder
			p.write(&text, t, names)
			name = text.String()
		}
		fmt.Fprintf(&w, "(push)\n(assert %s)\n(check-sat)\n(pop)\n", name)
	}
	return w.String(), nil
}

// answersOf runs a solver on a script.
func answersOf(script string, argv ...string) ([]string, error) {
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdin = strings.NewReader(script)
	out, err := c.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %.200s", err, out)
	}
	return strings.Fields(string(out)), nil
}

// TestSoak puts every verdict about random lists of every kind and family, those
// that rules are shadowed and those that they could be left out, to an SMT
// solver. With the environment variable SOAK, which `make soak` sets, lists have
// up to 1,000 rules, and there is one for every ten million packets, 24 at
// least.
func TestSoak(t *testing.T) {
	lists, lengths := 2*len(listgen.Kinds), []int{12}
	if v := os.Getenv("SOAK"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("SOAK: %v", err)
		}
		lists, lengths = max(24, n/10_000_000), []int{40, 100, 200, 400, 1000}
	}
	for _, argv := range [][]string{{"z3", "-in"}, {"cvc5", "--lang", "smt2", "--incremental"}} {
		verdicts, covered, wrong := 0, 0, 0
		start(t, argv...) // skips, or fails in CI, when it is not there
		for seed := range lists {
			kind := listgen.Kinds[seed%len(listgen.Kinds)]
			family := packet.Families[seed/len(listgen.Kinds)%2]
			length := lengths[seed/len(listgen.Kinds)/2%len(lengths)]
			if kind == listgen.Adversarial {
				length = min(length, 40)
			}
			rules := listgen.List(kind, family, uint64(seed), length)
			var entries []rulelist.Entry
			for _, r := range rules {
				entries = append(entries, rulelist.Known(r.Decision, r.Box))
			}
			all, err := rulelist.NewIndex(family, entries, solver.Deny).Analyse(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			script, err := listScript(rules, true)
			if err != nil {
				t.Fatal(err)
			}
			answers, err := answersOf(script, argv...)
			if err != nil || len(answers) != 2*len(rules) {
				t.Fatalf("%v %v, seed %d: %d answers, %v", kind, family, seed, len(answers), err)
			}
			for i, a := range all {
				for k, v := range []rulelist.Verdict{a.Shadowed, a.Redundant} {
					verdicts++
					if v.State == rulelist.Covered {
						covered++
					}
					if (answers[2*i+k] == "sat") != (v.State == rulelist.Alive) || v.State == rulelist.Undecided {
						wrong++
						t.Errorf("%v %v, seed %d, rule %d: %v, and %s says %s", kind, family, seed, i, v, argv[0], answers[2*i+k])
					}
				}
			}
		}
		t.Logf("%s: %d lists, %d verdicts, %d of them covered, %d disagreements", argv[0], lists, verdicts, covered, wrong)
		if covered < verdicts/20 {
			t.Error("hardly any rule is covered")
		}
	}
}
