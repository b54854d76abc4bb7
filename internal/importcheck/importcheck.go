// Package importcheck holds the directions of imports that docs/architecture.md
// draws, and finds the imports that go against them. Its test runs it over the
// whole module.
package importcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Module is the path that every package of the project starts with.
const Module = "github.com/postern-dev/postern"

// Package is a package and what it imports.
type Package struct {
	ImportPath string
	Imports    []string // by files that are not tests
}

// layer is a part of the project and what it may import of the others. A name
// that ends in /... stands for a package and everything below it.
type layer struct {
	name string
	may  []string
}

// layers are tried in order; the first whose name fits a package decides.
var layers = [...]layer{
	{"cmd/...", []string{"..."}},
	{"packet", nil},
	{"diag", []string{"packet"}},
	{"ir", []string{"diag", "packet"}},
	{"parse/...", []string{"parse/...", "ir", "diag", "packet", "internal/nearest"}},
	// The second opinion shares no code with the first.
	{"solver/smt/...", []string{"solver/smt/...", "packet"}},
	{"solver/...", []string{"solver/...", "packet"}},
	// The second judge shares no code with the first.
	{"reach/trace", []string{"ir", "diag", "packet"}},
	// Nor does the third with either; its formulas are decided by a solver.
	{"reach/formula", []string{"solver/smt", "ir", "packet"}},
	// All pairs are masks of bits; packet sets are asked for what those leave open.
	{"reach/pairs", []string{"reach", "solver", "ir", "packet"}},
	{"reach/...", []string{"reach/...", "solver/...", "ir", "diag", "packet", "internal/endpoint"}},
	{"rules/...", []string{"rules/...", "reach/...", "solver/...", "ir", "diag", "packet"}},
	{"policy/...", []string{"policy/...", "reach/...", "solver/...", "ir", "diag", "packet", "internal/endpoint"}},
	// It prints the answers of reach and trace, and decides nothing.
	{"report/...", []string{"report/...", "reach/...", "ir", "diag", "packet"}},
	// Concrete verdicts by the million are trace's; what it reads is packets.
	{"eval/record", []string{"packet"}},
	{"eval", []string{"eval/record", "reach/trace", "ir", "diag", "packet"}},
	{"internal/endpoint", []string{"ir", "diag", "packet", "internal/nearest"}},
	{"internal/nearest", nil},
	{"internal/microcase", []string{"ir", "diag", "packet"}},
	{"internal/netgen", []string{"ir", "diag", "packet"}},
	{"internal/acctgen", []string{"ir", "packet"}},
	{"internal/listgen", []string{"solver", "packet"}},
	{"internal/...", []string{"internal/..."}},
	{"scripts/...", nil},
}

// restricted are packages from outside that only some parts may know.
var restricted = [...]layer{
	{"github.com/hashicorp/hcl/v2/...", []string{"parse/...", "policy/..."}},
	{"github.com/zclconf/...", []string{"parse/...", "policy/..."}},
	{"github.com/hashicorp/terraform-json", []string{"parse/..."}},
	{"github.com/urfave/cli/...", []string{"cmd/..."}},
	{"github.com/parquet-go/...", []string{"eval/record"}},
	{"github.com/klauspost/...", []string{"eval/record"}},
	// postern runs on the code of strangers: it opens no connection, and the
	// only process that it starts is the solver that the user asked for. What
	// Terraform's functions do with addresses is what package net does.
	{"net", []string{"parse/tf/hcl"}},
	{"net/http/...", nil},
	{"os/exec", []string{"solver/smt"}},
	{"plugin", nil},
	{"log/...", nil},
	// A test's helpers have no place in the program.
	{"testing/...", []string{"internal/..."}},
}

// Check lists the imports that go against the directions, one sentence each,
// in order.
func Check(packages []Package) []string {
	var wrong []string
	for _, p := range packages {
		from, ok := inside(p.ImportPath)
		if !ok {
			continue
		}
		for _, imported := range p.Imports {
			if why := refuse(from, imported); why != "" {
				wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", from, strings.TrimPrefix(imported, Module+"/"), why))
			}
		}
	}
	slices.SortFunc(wrong, cmp.Compare)
	return wrong
}

// refuse says why a package may not import another, or "".
func refuse(from, imported string) string {
	to, ours := inside(imported)
	if !ours {
		for _, r := range restricted {
			if fits(r.name, imported) && !anyFits(r.may, from) {
				if len(r.may) == 0 {
					return "no part of the project may"
				}
				return "only " + list(r.may) + " may"
			}
		}
		return ""
	}
	for _, l := range layers {
		if !fits(l.name, from) {
			continue
		}
		if anyFits(l.may, to) {
			return ""
		}
		return l.name + " may import " + list(l.may) + " of the project"
	}
	return "internal/importcheck does not know where " + from + " belongs; add it there"
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// inside is the path of a package within the module.
func inside(importPath string) (string, bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}

func anyFits(names []string, p string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return fits(name, p) })
}

func fits(name, p string) bool {
	if name == "..." || name == p {
		return true
	}
	base, ok := strings.CutSuffix(name, "/...")
	return ok && (p == base || strings.HasPrefix(p, base+"/"))
}
