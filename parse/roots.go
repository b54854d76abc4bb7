package parse

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/postern-dev/postern/diag"
)

// module is a directory with configuration files.
type module struct {
	tree *tree
	dir  string // in tree.fsys
}

func (m module) shown() string { return m.tree.show(m.dir) }

// alone matches what only a root module may hold: the configuration of a
// provider or of where the state is kept, at the start of a line.
var alone = regexp.MustCompile(`(?m)^\s*(provider\s+"[^"]+"\s*\{|backend\s+"[^"]+"\s*\{|cloud\s*\{)|"(provider|backend|cloud)"\s*:`)

// standsAlone reports whether a module is plainly meant to be a root. Modules
// for others to call configure no provider and keep no state.
// [developer.hashicorp.com/terraform/language/modules/develop/providers]
func (m module) standsAlone() bool {
	entries, err := fs.ReadDir(m.tree.fsys, m.dir)
	if err != nil {
		return false
	}
	sources := m.tree.files.Sources()
	for _, e := range entries {
		if isConfiguration(e.Name()) && alone.Match(sources[m.tree.show(path.Join(m.dir, e.Name()))]) {
			return true
		}
	}
	return false
}

// graph is who calls whom among the modules of one tree.
type graph struct {
	modules []string            // sorted
	callers map[string][]string // by the directory that is called
	calls   map[string][]string
}

// newGraph asks every module of a tree what it calls, which reads them all, so
// in parallel. A module that calls itself is not called by another.
func newGraph(ctx context.Context, t *tree, modules []string, calls func(dir string) []string) (*graph, error) {
	called := make([][]string, len(modules))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, dir := range modules {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			for _, to := range calls(dir) {
				if real, ok := t.inside(to); ok {
					to = real
				}
				if to != dir && !slices.Contains(called[i], to) {
					called[i] = append(called[i], to)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	g := &graph{modules: modules, callers: map[string][]string{}, calls: map[string][]string{}}
	for i, dir := range modules {
		g.calls[dir] = called[i]
		for _, to := range called[i] {
			g.callers[to] = append(g.callers[to], dir)
		}
	}
	return g, nil
}

// add notes calls that were found later.
func (g *graph) add(from string, to []string) {
	for _, dir := range to {
		if dir != from && !slices.Contains(g.calls[from], dir) {
			g.calls[from] = append(g.calls[from], dir)
			g.callers[dir] = append(g.callers[dir], from)
		}
	}
}

func (g *graph) isRoot(dir string) bool { return len(g.callers[dir]) == 0 }

// rootsOf lists the roots that reach a module by calls, the module itself when
// it is one.
func (g *graph) rootsOf(dir string) []string {
	var roots []string
	seen := map[string]bool{dir: true}
	for queue := []string{dir}; len(queue) > 0; queue = queue[1:] {
		if g.isRoot(queue[0]) {
			roots = append(roots, queue[0])
		}
		for _, c := range g.callers[queue[0]] {
			if !seen[c] {
				seen[c] = true
				queue = append(queue, c)
			}
		}
	}
	slices.Sort(roots)
	return roots
}

// belongsTo is the module that a file belongs to: the nearest directory at or
// above it that has configuration files; ok is false when there is none.
func (g *graph) belongsTo(name string) (dir string, ok bool) {
	for dir = path.Dir(name); ; dir = path.Dir(dir) {
		if _, ok := slices.BinarySearch(g.modules, dir); ok {
			return dir, true
		}
		if dir == "." {
			return "", false
		}
	}
}

// choose says which modules a directory PATH asks for: the roots at and below
// it, and itself, called or not.
func (g *graph) choose(a *argument) ([]string, diag.List) {
	var chosen, called []string
	for _, dir := range g.modules {
		switch {
		case !below(a.name, dir):
		case g.isRoot(dir) || dir == a.name:
			chosen = append(chosen, dir)
		default:
			called = append(called, dir)
		}
	}
	var ds diag.List
	if slices.Contains(chosen, a.name) && !g.isRoot(a.name) {
		by := a.tree.show(g.callers[a.name][0])
		ds = append(ds, diag.Diagnostic{
			Message: fmt.Sprintf("%s is a module that %s calls; it is checked here on its own", a.tree.show(a.name), by),
			Fix:     "check " + by + " to see it with the values that it is called with",
			Address: a.tree.show(a.name), Range: diag.Range{File: a.tree.show(a.name)},
		})
	}
	if len(chosen) == 0 && len(called) > 0 {
		ds = append(ds, g.orphans(a, called))
	}
	return chosen, append(ds, g.circles(a, called)...)
}

// orphans explains why a directory full of modules has nothing to check.
func (g *graph) orphans(a *argument, called []string) diag.Diagnostic {
	shown := a.tree.show(a.name)
	d := diag.Diagnostic{
		Rule:    notAnalysed,
		Message: fmt.Sprintf("%s holds no root module: other modules call everything in it", shown),
		Fix:     "name the directory of a root module, or the whole repository",
		Address: shown, Range: diag.Range{File: shown},
	}
	if roots := g.rootsOf(called[0]); len(roots) > 0 {
		d.Fix = "check " + a.tree.show(roots[0]) + ", which uses " + a.tree.show(called[0])
	}
	d.Cause = diag.Cause{Code: diag.NotInInput, Message: d.Message, Address: shown, Range: d.Range}
	return d
}

// circles reports modules that no root reaches because they call each other.
func (g *graph) circles(a *argument, called []string) diag.List {
	if len(called) == 0 {
		return nil
	}
	reached := map[string]bool{}
	for _, dir := range g.modules {
		if g.isRoot(dir) {
			g.reach(dir, reached)
		}
	}
	var lost []string
	for _, dir := range called {
		if !reached[dir] {
			lost = append(lost, a.tree.show(dir))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	message := "these modules call each other in a circle, so none of them can be used: " + strings.Join(lost, ", ")
	return diag.List{{
		Error: true, Rule: notAnalysed, Message: message, Fix: "break the circle: a module cannot contain itself",
		Address: lost[0], Range: diag.Range{File: lost[0]},
		Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: lost[0], Range: diag.Range{File: lost[0]}},
	}}
}

// reach marks what a module calls, directly or not.
func (g *graph) reach(dir string, reached map[string]bool) {
	for stack := []string{dir}; len(stack) > 0; {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !reached[top] {
			reached[top] = true
			stack = append(stack, g.calls[top]...)
		}
	}
}
