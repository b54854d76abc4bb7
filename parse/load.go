package parse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/awsapi"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

// load finds and reads what the paths name. A time limit that runs out leaves
// a part unread and says so; a context that was cancelled ends everything.
func (l *loader) load(ctx context.Context) (*Result, error) {
	w, err := l.find(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if err != nil {
		l.out.Diagnostics = append(l.out.Diagnostics, outOfTime("", "not every directory was searched"))
	}
	exports, documents := l.loadDocuments(ctx, w.documents)
	if l.lent, err = l.lend(ctx); err != nil {
		return nil, err
	}
	states, planned, err := l.loadPlanned(ctx, documents)
	if err != nil {
		return nil, err
	}
	roots, err := l.loadRoots(ctx, w.roots)
	if err != nil {
		return nil, err
	}
	l.out.Diagnostics = append(l.out.Diagnostics, l.lent.unused()...)
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if exports != nil {
		states = slices.Insert(states, 0, described{"exports", exports, true})
	}
	if len(states) > 0 {
		net := joined(states)
		l.out.Networks = append(l.out.Networks, net)
		l.out.Diagnostics = slices.DeleteFunc(l.out.Diagnostics, func(d diag.Diagnostic) bool {
			return d.Label == awsapi.RulesUnknown && describes(net, d.Address)
		})
	}
	l.out.Networks = append(l.out.Networks, planned...)
	l.out.Networks = append(l.out.Networks, roots...)
	l.out.Diagnostics = append(l.out.Diagnostics, l.undeclared()...)
	slices.SortFunc(l.out.Inputs, func(a, b Input) int { return strings.Compare(a.Path, b.Path) })
	l.out.Diagnostics = l.out.Diagnostics.Sort()
	return l.out, nil
}

// outOfTime reports a part that the time limit left unread.
func outOfTime(shown, what string) diag.Diagnostic {
	at := diag.Range{File: shown}
	message := "the time is up: " + what
	return diag.Diagnostic{
		Rule: notAnalysed, Error: true, Message: message, Fix: "give it more time, or fewer paths", Address: shown, Range: at,
		Cause: diag.Cause{Code: diag.Limit, Message: message, Address: shown, Range: at},
	}
}

// evaluated is what came of one root.
type evaluated struct {
	network *ir.Network
	library bool
	assumed bool // it asks for the workspace, which nobody chose
	variant variant
	ds      diag.List
	flags   flags
	calls   []string // modules whose source is computed
}

// loadRoots evaluates the roots in parallel and gives them back in order. When
// the time is up, what a root still lacks becomes unknown.
func (l *loader) loadRoots(ctx context.Context, roots []module) ([]*ir.Network, error) {
	options, err := l.values()
	if err != nil {
		return nil, err
	}
	files, err := l.variableFiles(roots)
	if err != nil {
		return nil, err
	}
	done := make([]evaluated, len(roots))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range roots {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil // reported below, as a root that was not begun
			}
			o := options
			o.VarFiles = files[m.tree]
			o.Answers = l.lent.answersFor(m.shown())
			done[i] = evaluate(ctx, m, o)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	called := l.lateCalls(roots, done)
	var networks []*ir.Network
	var libraries, assumed []string
	var variants []variant
	for i, e := range done {
		if called[roots[i]] {
			continue
		}
		if e.network == nil {
			l.out.Diagnostics = append(l.out.Diagnostics, outOfTime(roots[i].shown(), "this root module was not begun"))
			continue
		}
		l.out.Diagnostics = append(l.out.Diagnostics, e.ds...)
		l.flags.add(e.flags)
		if e.library {
			libraries = append(libraries, roots[i].shown())
		}
		if e.assumed {
			assumed = append(assumed, roots[i].shown())
		}
		if len(e.variant.workspaces) > 0 {
			variants = append(variants, e.variant)
		}
		networks = append(networks, e.network)
	}
	l.out.Libraries = len(libraries)
	l.out.Roots = len(networks) - len(libraries)
	l.reportLibraries(libraries)
	l.reportAssumed(assumed)
	l.reportVariants(variants)
	l.keepSources(append(slices.Clone(roots), l.lenders...))
	return networks, nil
}

// lateCalls finds the modules that turned out not to be roots: a root reaches
// them by a call with a computed source, and nobody named them.
func (l *loader) lateCalls(roots []module, done []evaluated) map[module]bool {
	changed := map[*tree]bool{}
	for i, e := range done {
		if g := roots[i].tree.graph; g != nil && len(e.calls) > 0 {
			g.add(roots[i].dir, e.calls)
			changed[roots[i].tree] = true
		}
	}
	called := map[module]bool{}
	for t := range changed {
		reached := map[string]bool{}
		for _, dir := range t.graph.modules {
			if t.graph.isRoot(dir) {
				t.graph.reach(dir, reached)
			}
		}
		for _, m := range roots {
			named := slices.ContainsFunc(l.args, func(a *argument) bool {
				return a.tree == t && (a.name == m.dir || !a.isDir && parent(a.name) == m.dir)
			})
			called[m] = called[m] || m.tree == t && !named && reached[m.dir] && !t.graph.isRoot(m.dir)
		}
	}
	return called
}

func evaluate(ctx context.Context, m module, o hcl.Options) evaluated {
	root := hcl.Evaluate(ctx, m.tree.files, m.dir, o)
	if g := m.tree.graph; g != nil && g.isRoot(m.dir) {
		m.tree.files.Forget(m.dir)
	}
	return evaluated{
		network: aws.Build(root), library: root.Library && !m.standsAlone(), assumed: root.DefaultWorkspace, ds: root.Diagnostics, flags: flagsOf(root),
		calls: root.Computed, variant: variant{m.shown(), root.Workspaces, root.WorkspacesAt},
	}
}

// reportLibraries says in one line which modules are libraries. Of a module
// that is checked alone its unknown values tell enough.
func (l *loader) reportLibraries(shown []string) {
	if len(shown) == 0 || l.out.Roots+l.out.Libraries == 1 {
		return
	}
	message := shown[0] + " is a library, checked as far as it is known: nothing here calls it, and a variable that it requires has no value"
	if len(shown) > 1 {
		message = fmt.Sprintf("%d modules are libraries, checked as far as they are known: nothing here calls them, and variables that they require have no value: %s", len(shown), some(shown))
	}
	d := diag.Diagnostic{Message: message, Address: shown[0], Range: diag.Range{File: shown[0]}}
	l.out.Diagnostics = append(l.out.Diagnostics, d)
}

// reportAssumed says in one line which roots were taken to be in the workspace
// default: what they make in another one may be something else altogether.
func (l *loader) reportAssumed(shown []string) {
	if len(shown) == 0 {
		return
	}
	message := "the workspace is taken to be default, since none is given; " + shown[0] + " asks for it"
	if len(shown) > 1 {
		message = fmt.Sprintf("the workspace is taken to be default, since none is given; %d root modules ask for it: %s", len(shown), some(shown))
	}
	l.out.Diagnostics = append(l.out.Diagnostics, diag.Diagnostic{
		Message: message, Fix: "postern check --workspace NAME, for each set of root modules that share one",
		Address: shown[0], Range: diag.Range{File: shown[0]},
	})
}

// variant is a root that is not for the workspace default, with the workspaces
// that it is for: it was checked in the first.
type variant struct {
	root       string
	workspaces []string
	at         diag.Range // where one of them is asked for
}

// reportVariants says which roots were checked in a workspace that nobody
// chose, and from where its name is.
func (l *loader) reportVariants(variants []variant) {
	if len(variants) == 0 {
		return
	}
	var names []string
	for _, v := range variants {
		names = append(names, fmt.Sprintf("%s in %s (%s)", v.root, v.workspaces[0], v.at.Line()))
	}
	first := variants[0]
	message := fmt.Sprintf("%d root modules cannot be in the workspace default, since they look up keys that it lacks; each was checked in a workspace that the keys name: %s", len(names), some(names))
	if len(names) == 1 {
		message = fmt.Sprintf("%s cannot be in the workspace default, since it looks up keys that it lacks; it was checked in %s, which the keys name", first.root, first.workspaces[0])
		if len(first.workspaces) > 1 {
			message += ", as they do " + some(first.workspaces[1:])
		}
	}
	l.out.Diagnostics = append(l.out.Diagnostics, diag.Diagnostic{
		Message: message, Fix: "postern check --workspace NAME, for another one", Address: first.root, Range: first.at,
	})
}

// some lists the first few names.
func some(names []string) string {
	const most = 4
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// values are the options that all roots share.
func (l *loader) values() (hcl.Options, error) {
	o := hcl.Options{
		Vars: map[string]string{}, Environ: l.o.Environ, Workspace: l.o.Workspace, Schemas: aws.Schemas, Data: aws.DataSchemas, Question: aws.Question,
	}
	for _, v := range l.o.Vars {
		name, value, ok := strings.Cut(v, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return o, &UsageError{Path: "--var " + v, Message: "expected NAME=VALUE"}
		}
		o.Vars[name] = value
	}
	return o, nil
}

// variableFiles finds the --var-file files in the tree of every root.
func (l *loader) variableFiles(roots []module) (map[*tree][]string, error) {
	files := map[*tree][]string{}
	for _, m := range roots {
		if _, ok := files[m.tree]; ok {
			continue
		}
		files[m.tree] = []string{}
		for _, given := range l.o.VarFiles {
			abs, err := resolve(l.join(given))
			if err != nil {
				return nil, l.missing(given, err)
			}
			if !within(m.tree.dir, abs) {
				return nil, &UsageError{
					Path: given, Message: "lies outside the boundary " + l.shown(m.tree.dir),
					Hint: "nothing outside the boundary is read; name a wider one with --boundary",
				}
			}
			name, err := filepath.Rel(m.tree.dir, abs)
			if err != nil {
				return nil, err
			}
			files[m.tree] = append(files[m.tree], filepath.ToSlash(name))
		}
	}
	return files, nil
}

// keepSources takes the texts that the roots were made of into the result.
// What was looked at only to see who calls whom is no input.
func (l *loader) keepSources(roots []module) {
	for _, t := range l.trees {
		used := map[string]bool{} // directories, as shown
		for _, m := range roots {
			if m.tree == t {
				t.graph.reach(m.dir, used)
			}
		}
		dirs := map[string]bool{}
		for dir := range used {
			dirs[t.show(dir)] = true
		}
		sources := t.files.Sources()
		for _, name := range slices.Sorted(maps.Keys(sources)) {
			if !t.surveyed[name] || dirs[path.Dir(name)] {
				l.keep(name, KindTerraform, sources[name])
			}
		}
	}
}

// keep notes that a file was read.
func (l *loader) keep(shown, kind string, text []byte) {
	if _, ok := l.out.Sources[shown]; ok {
		return
	}
	l.out.Sources[shown] = text
	l.note(shown, kind, text)
}

// note notes that a file was read without keeping its text. Snippets are made
// of texts, and the lines of plans and states hold whatever stands beside what
// a finding points at.
func (l *loader) note(shown, kind string, text []byte) {
	sum := sha256.Sum256(text)
	l.out.Inputs = append(l.out.Inputs, Input{Path: shown, Kind: kind, SHA256: hex.EncodeToString(sum[:])})
}
