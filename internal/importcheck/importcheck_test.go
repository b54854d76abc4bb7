package importcheck

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDirections reads the imports of every file that is not a test, whatever
// its build tags.
func TestDirections(t *testing.T) {
	packages := readModule(t, filepath.Join("..", ".."))
	if len(packages) < 5 {
		t.Fatalf("found only %d packages", len(packages))
	}
	for _, w := range Check(packages) {
		t.Error(w)
	}
}

func readModule(t *testing.T, top string) []Package {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := e.Name()
		if e.IsDir() {
			if base == "testdata" || name != top && strings.HasPrefix(base, ".") && base != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(top, filepath.Dir(name))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		p := path.Join(Module, filepath.ToSlash(rel))
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			imports[p] = append(imports[p], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var packages []Package
	for _, p := range slices.Sorted(maps.Keys(imports)) {
		packages = append(packages, Package{p, slices.Compact(slices.Sorted(slices.Values(imports[p])))})
	}
	return packages
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
		{"no processes", "parse", "os/exec", "parse imports os/exec: only solver/smt may"},
		{"the solver process", "solver/smt", "os/exec", ""},
		{"verdicts come from the judge", "eval", "reach/trace", ""},
		{"verdicts come from the judge alone", "eval", "reach", "eval imports reach: eval may import eval/record, reach/trace, ir, diag, packet of the project"},
		{"records know no networks", "eval/record", "ir", "eval/record imports ir: eval/record may import packet of the project"},
		{"parquet in its reader", "eval/record", "github.com/parquet-go/parquet-go", ""},
		{"parquet elsewhere", "eval", "github.com/parquet-go/parquet-go", "eval imports github.com/parquet-go/parquet-go: only eval/record may"},
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
