package smt

import (
	"context"
	"testing"
	"time"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
)

// BenchmarkShadowed1k finds the shadowed rules of a list of 1,000, and all that
// could be left out besides; the solver in the same run finds the shadowed ones.
// Both must find the same.
func BenchmarkShadowed1k(b *testing.B) {
	rules := listgen.List(listgen.ACL, packet.IPv4, 3, 1000)
	var entries []rulelist.Entry
	for _, r := range rules {
		entries = append(entries, rulelist.Known(r.Decision, r.Box))
	}
	var all []rulelist.Analysis
	best := time.Duration(1 << 62)
	for b.Loop() {
		start := time.Now()
		var err error
		if all, err = rulelist.NewIndex(packet.IPv4, entries, solver.Deny).Analyse(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	if !Installed("z3") {
		b.Log("NOT COMPARED: z3 is not installed; make z3 installs it")
		return
	}
	script, err := listScript(rules, false)
	if err != nil {
		b.Fatal(err)
	}
	took := time.Duration(1 << 62)
	var answers []string
	for range 3 { // the best run of either
		start := time.Now()
		if answers, err = answersOf(script, "z3", "-in"); err != nil || len(answers) != len(rules) {
			b.Fatalf("%d answers, %v", len(answers), err)
		}
		took = min(took, time.Since(start))
	}
	for i, answer := range answers {
		if (answer == "sat") != (all[i].Shadowed.State == rulelist.Alive) {
			b.Errorf("rule %d is %v, and the solver says %s", i, all[i].Shadowed.State, answer)
		}
	}
	b.ReportMetric(float64(best), "ns/op")
	b.ReportMetric(float64(took)/float64(best), "z3/this")
}
