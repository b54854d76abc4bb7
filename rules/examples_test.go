package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/rules"
)

// check analyses one Terraform file.
func check(t *testing.T, text string, s rules.Settings) rules.Answer {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := parse.Load(t.Context(), []string{"."}, parse.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range in.Diagnostics {
		if d.Error {
			t.Errorf("the example cannot be read: %s: %s", d.Range, d.Message)
		}
	}
	a, err := rules.Check(t.Context(), in.Networks, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range a.Disagreements {
		t.Errorf("disagreement: %v", d)
	}
	return a
}

// Every rule reports its bad example, and is silent about its good one.
func TestExamples(t *testing.T) {
	for _, r := range rules.All() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			ours := func(f diag.Finding) bool { return f.Rule == r.ID }
			s := rules.Settings{Enable: []string{r.ID}}
			bad := check(t, r.Doc.Bad, s)
			if !slices.ContainsFunc(bad.Findings, ours) {
				t.Errorf("the bad example is not reported; found %d other things", len(bad.Findings))
			}
			for _, f := range bad.Findings {
				if ours(f) && f.Place.Range.Start.Line == 0 {
					t.Errorf("a finding without a place: %s", f.Message)
				}
			}
			for _, f := range check(t, r.Doc.Good, s).Findings {
				if ours(f) {
					t.Errorf("the good example is reported: %s: %s", f.Place.Range, f.Message)
				}
			}
		})
	}
}
