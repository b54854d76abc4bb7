package parse

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// maxEntries bounds how many directory entries one walk looks at, so that a
// PATH of / ends.
const maxEntries = 500_000

// found is what a walk of a directory yields; names in the tree, sorted.
type found struct {
	modules   []string // directories with configuration files
	documents []string // states, and JSON files that are not configuration
	problems  diag.List
}

// skipped are directories that hold copies or foreign things.
func skipped(base string) bool {
	return base == ".terraform" || base == ".git" || base == "node_modules"
}

// isConfiguration reports whether Terraform or OpenTofu would read a file as
// part of a module.
func isConfiguration(base string) bool {
	if strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") || strings.HasPrefix(base, "#") {
		return false
	}
	for _, s := range []string{".tf", ".tofu", ".tf.json", ".tofu.json"} {
		if strings.HasSuffix(base, s) {
			return true
		}
	}
	return false
}

// isDocument reports whether a file may be an export, a plan or a state.
func isDocument(base string) bool {
	if strings.HasSuffix(base, ".tfstate") {
		return true
	}
	return strings.HasSuffix(base, ".json") && !strings.HasSuffix(base, ".tfvars.json") && !strings.HasPrefix(base, ".")
}

// walker walks one directory of a tree, each directory once however many links
// lead to it.
type walker struct {
	tree    *tree
	seen    map[string]bool // directories
	entries int
	full    bool // maxEntries was reached
	found
}

// walk lists the modules and documents at and below a directory.
func (t *tree) walk(ctx context.Context, dir string) (found, error) {
	w := walker{tree: t, seen: map[string]bool{}}
	if err := w.visit(ctx, dir); err != nil {
		return found{}, err
	}
	slices.Sort(w.modules)
	slices.Sort(w.documents)
	w.documents = slices.Compact(w.documents)
	return w.found, nil
}

func (w *walker) visit(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.seen[dir] || w.full {
		return nil
	}
	w.seen[dir] = true
	entries, err := fs.ReadDir(w.tree.fsys, dir)
	if err != nil {
		w.problem(dir, "this directory cannot be read: "+reason(err), "give postern the right to read it, or name the directories to check")
	}
	module := false
	for _, e := range entries {
		if w.entries++; w.entries > maxEntries {
			w.full = true
			w.problem(dir, fmt.Sprintf("there are more than %d files here; the rest is left out", maxEntries), "name the directories to check")
			return nil
		}
		name, typ := path.Join(dir, e.Name()), e.Type()
		if typ&fs.ModeSymlink != 0 {
			name, typ = w.follow(name)
		}
		switch base := path.Base(name); {
		case typ.IsDir() && !skipped(base) && !skipped(e.Name()):
			if err := w.visit(ctx, name); err != nil {
				return err
			}
		case !typ.IsRegular():
		case isConfiguration(e.Name()):
			module = true
		case isDocument(e.Name()):
			w.documents = append(w.documents, name)
		}
	}
	if module {
		w.modules = append(w.modules, dir)
	}
	return nil
}

// follow resolves a link. One that leads outside the boundary is reported if
// it may matter; one that leads nowhere is none of postern's business.
func (w *walker) follow(name string) (string, fs.FileMode) {
	real, ok := w.tree.inside(name)
	if !ok {
		if base := path.Base(name); isConfiguration(base) || isDocument(base) {
			w.problem(name, "this link leads outside the boundary, or nowhere; it is not read",
				"copy the file, or name a wider boundary with --boundary")
		}
		return name, fs.ModeIrregular
	}
	info, err := fs.Stat(w.tree.fsys, real)
	if err != nil {
		return name, fs.ModeIrregular
	}
	return real, info.Mode().Type()
}

func (w *walker) problem(name, message, fix string) {
	shown := w.tree.show(name)
	w.problems = append(w.problems, diag.Diagnostic{
		Rule: notAnalysed, Message: message, Fix: fix, Address: shown,
		Range: diag.Range{File: shown},
		Cause: diag.Cause{Code: diag.NotInInput, Message: message, Address: shown, Range: diag.Range{File: shown}},
	})
}

// notAnalysed is the rule that reports what was left out.
const notAnalysed = "not-analysed"

// byShown orders names of trees as the user sees them.
func byShown(a, b module) int { return cmp.Compare(a.shown(), b.shown()) }
