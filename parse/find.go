package parse

import (
	"context"
	"path"
	"slices"
	"strings"
)

// work is what the paths come down to.
type work struct {
	roots     []module
	documents []document
}

// document is a file that may be an export, a plan or a state.
type document struct {
	tree *tree // nil for standard input
	name string
	// named: the user pointed at this very file, or at a directory without any
	// Terraform, so a file that cannot be used is worth a word.
	named bool
	// many: it comes from a directory, so a file that is fine but of no use
	// shares its word with the others.
	many bool
}

func (d document) shown() string {
	if d.tree == nil {
		return "-"
	}
	return d.tree.show(d.name)
}

// find turns the paths into roots and documents. With the error of ctx it
// returns what it had found until then.
func (l *loader) find(ctx context.Context) (*work, error) {
	w := &work{}
	var err error
	for _, a := range l.args {
		if err = l.findOne(ctx, a, w); err != nil {
			break
		}
	}
	slices.SortFunc(w.roots, byShown)
	w.roots = slices.CompactFunc(w.roots, func(a, b module) bool { return a == b })
	slices.SortStableFunc(w.documents, func(a, b document) int { return strings.Compare(a.shown(), b.shown()) })
	w.documents = slices.CompactFunc(w.documents, func(a, b document) bool { return a.tree == b.tree && a.name == b.name })
	return w, err
}

func (l *loader) findOne(ctx context.Context, a *argument, w *work) error {
	switch {
	case a.source, a.with, a.answers:
		return nil // read with each plan; before the roots
	case a.abs == "":
		w.documents = append(w.documents, document{named: true})
		return nil
	case a.isDir:
		return l.findBelow(ctx, a, w)
	case l.o.Changed:
		return l.findChanged(ctx, a, w)
	case isConfiguration(path.Base(a.name)):
		return l.choose(ctx, a, parent(a.name), w)
	case isVariables(path.Base(a.name)):
		return &UsageError{Path: a.given, Message: "this is a file of variables", Hint: "pass it with --var-file, and the directory as the path"}
	default:
		w.documents = append(w.documents, document{tree: a.tree, name: a.name, named: true})
		return nil
	}
}

// findBelow takes the roots and documents of a directory.
func (l *loader) findBelow(ctx context.Context, a *argument, w *work) error {
	f, err := a.tree.walk(ctx, a.name)
	if err != nil {
		return err
	}
	l.out.Diagnostics = append(l.out.Diagnostics, f.problems...)
	for _, name := range f.documents {
		w.documents = append(w.documents, document{tree: a.tree, name: name, named: len(f.modules) == 0, many: true})
	}
	if len(f.modules) == 0 {
		return nil
	}
	g, err := l.graph(ctx, a.tree)
	if err != nil {
		return err
	}
	chosen, ds := g.choose(a)
	l.out.Diagnostics = append(l.out.Diagnostics, ds...)
	for _, dir := range chosen {
		w.roots = append(w.roots, module{a.tree, dir})
	}
	return nil
}

// choose takes the module in a directory, as if the directory were the path.
func (l *loader) choose(ctx context.Context, a *argument, dir string, w *work) error {
	g, err := l.graph(ctx, a.tree)
	if err != nil {
		return err
	}
	own := *a
	own.name = dir
	_, ds := (&graph{modules: []string{dir}, callers: g.callers, calls: g.calls}).choose(&own)
	l.out.Diagnostics = append(l.out.Diagnostics, ds...)
	w.roots = append(w.roots, module{a.tree, dir})
	return nil
}

// findChanged takes the roots that a changed file belongs to.
func (l *loader) findChanged(ctx context.Context, a *argument, w *work) error {
	if slices.ContainsFunc(strings.Split(a.name, "/"), skipped) {
		return nil
	}
	if isDocument(path.Base(a.name)) {
		w.documents = append(w.documents, document{tree: a.tree, name: a.name, many: true})
	}
	g, err := l.graph(ctx, a.tree)
	if err != nil {
		return err
	}
	if dir, ok := g.belongsTo(a.name); ok {
		for _, root := range g.rootsOf(dir) {
			w.roots = append(w.roots, module{a.tree, root})
		}
	}
	return nil
}

// graph is the call graph of a whole tree: a module below a path may be called
// from outside it.
func (l *loader) graph(ctx context.Context, t *tree) (*graph, error) {
	if t.graph != nil {
		return t.graph, nil
	}
	f, err := t.walk(ctx, ".")
	if err != nil {
		return nil, err
	}
	t.graph, err = newGraph(ctx, t, f.modules, t.files.Calls)
	t.surveyed = map[string]bool{}
	for name := range t.files.Sources() {
		t.surveyed[name] = true
	}
	return t.graph, err
}

// isVariables reports whether a file holds values of variables.
func isVariables(base string) bool {
	return strings.HasSuffix(base, ".tfvars") || strings.HasSuffix(base, ".tfvars.json")
}
