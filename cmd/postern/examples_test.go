package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found is what the tests look at in the JSON of a check.
type found struct {
	Findings []struct {
		Rule, Severity string
		Location       struct {
			File string
			Line int
		}
	}
	Diagnostics []struct{ Message string }
	Coverage    struct{ Complete bool }
}

func checkExample(t *testing.T, path string) found {
	t.Helper()
	var out, errs bytes.Buffer
	run(t.Context(), streams{in: strings.NewReader(""), out: &out, err: &errs}, []string{"postern", "check", "--format", "json", filepath.Join("..", "..", "examples", path)})
	var f found
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	return f
}

// TestGoodExamples holds postern to silence about healthy code: no finding of
// any severity, nothing unknown, nothing to say about the input.
func TestGoodExamples(t *testing.T) {
	for _, path := range []string{"three-tier-fixed", "good/private-service", "good/stateless-acl", "good/dual-stack", "good"} {
		t.Run(path, func(t *testing.T) {
			f := checkExample(t, path)
			for _, x := range f.Findings {
				t.Errorf("%s:%d: %s %s", x.Location.File, x.Location.Line, x.Severity, x.Rule)
			}
			for _, d := range f.Diagnostics {
				t.Errorf("says %s", d.Message)
			}
			if !f.Coverage.Complete {
				t.Error("something is unknown or left out")
			}
		})
	}
}

// TestBadExample checks that every mistake of the example is found, once.
func TestBadExample(t *testing.T) {
	var got []string
	for _, x := range checkExample(t, "three-tier").Findings {
		got = append(got, x.Severity+" "+x.Rule+" "+filepath.Base(x.Location.File))
	}
	slices.Sort(got)
	want := []string{
		"critical path-to-data groups.tf", "high nacl-reply-blocked acls.tf", "info unknown-value groups.tf", "low latent-exposure groups.tf",
		"low sg-rule-redundant groups.tf", "medium nacl-deny-ineffective acls.tf",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
