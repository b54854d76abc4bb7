package rules_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/rules"
)

var update = flag.Bool("update", false, "write the findings that the cases want anew")

// Inputs with which other tools fail: each archive says how, holds the input,
// and the findings that are wanted instead.
func TestPeers(t *testing.T) { archives(t, "../testdata/peers/*.txtar") }

// TestInternet holds the exposures, latent ones included, against small
// configurations with the right answer.
func TestInternet(t *testing.T) { archives(t, "../testdata/internet/*.txtar") }

// archives compares the findings of every archive with its file "want".
func archives(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := findings(t, archive)
			want := &archive.Files[len(archive.Files)-1]
			if want.Name != "want" {
				t.Fatalf("the last file is %s, not want", want.Name)
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(want.Data), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// findings analyses the files of an archive and lists the findings.
func findings(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		if f.Name != "want" {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := parse.Load(t.Context(), []string{"."}, parse.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	a, err := rules.Check(t.Context(), in.Networks, rules.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range a.Disagreements {
		t.Errorf("disagreement: %v", d)
	}
	var b strings.Builder
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", f.Place.Range, f.Severity, f.Message, f.Rule)
	}
	return b.String()
}
