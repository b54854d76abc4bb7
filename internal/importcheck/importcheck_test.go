package importcheck

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDirections reads the imports of the whole module as the go command sees
// them.
func TestDirections(t *testing.T) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", Module+"/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []Package
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Package
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, w := range Check(packages) {
		t.Error(w)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, from, imported, want string
	}{
		{"down the stack", "reach", "solver", ""},
		{"the judge stays apart", "reach/trace", "solver", "reach/trace imports solver: reach/trace may import ir, diag, packet of the project"},
		{"the judge stays apart from reach", "reach/trace", "reach", "reach/trace imports reach: reach/trace may import ir, diag, packet of the project"},
		{"the solver knows no networks", "solver/rulelist", "ir", "solver/rulelist imports ir: solver/... may import solver/..., packet of the project"},
		{"a leaf", "packet", "diag", "packet imports diag: packet may import nothing of the project"},
		{"reports decide nothing", "report", "rules", "report imports rules: report/... may import report/..., reach/..., ir, diag, packet of the project"},
		{"cmd may import everything", "cmd/postern", "rules", ""},
		{"hcl in parse", "parse/tf/hcl", "github.com/hashicorp/hcl/v2/hclsyntax", ""},
		{"hcl elsewhere", "rules", "github.com/hashicorp/hcl/v2", "rules imports github.com/hashicorp/hcl/v2: only parse/..., policy/... may"},
		{"no network", "parse", "net/http", "parse imports net/http: no part of the project may"},
		{"addresses are no network", "parse", "net/netip", ""},
		{"no processes", "parse", "os/exec", "parse imports os/exec: only solver/smt, internal/doccheck may"},
		{"the solver process", "solver/smt", "os/exec", ""},
		{"a new package", "shiny", "packet", "shiny imports packet: internal/importcheck does not know where shiny belongs; add it there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			imported := tt.imported
			if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") && !std[first] {
				imported = Module + "/" + imported
			}
			got := strings.Join(Check([]Package{{Module + "/" + tt.from, []string{imported}}}), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// std are the first elements of the standard packages that the cases name.
var std = map[string]bool{"net": true, "os": true}
