package parse

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
	"github.com/postern-dev/postern/parse/tf/plan"
)

// lent is what --with and --data lend to the roots that are checked.
type lent struct {
	inventory *aws.Inventory
	answers   *hcl.Answers
	remotes   []*remote
	sources   []lender
	workspace string // of the run
}

// lender is one --with path.
type lender struct {
	argument *argument
	from     []string // the documents and roots that it leads to, as shown
}

// lentName is the NAME of --with NAME=PATH: that of a terraform_remote_state,
// or its address.
var lentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// lend reads what the --with and --data paths name.
func (l *loader) lend(ctx context.Context) (*lent, error) {
	out := &lent{inventory: aws.NewInventory(), answers: &hcl.Answers{}, workspace: l.workspace()}
	for _, a := range l.args {
		if a.answers {
			l.out.Diagnostics = append(l.out.Diagnostics, out.answers.Read(a.tree.files, a.name)...)
			continue
		}
		if !a.with {
			continue
		}
		before := len(l.out.Diagnostics)
		from, err := l.lendOne(ctx, a, out)
		if err != nil {
			return nil, err
		}
		if !l.out.Diagnostics[before:].Errors() { // what cannot be read has been said
			out.sources = append(out.sources, lender{a, from})
		}
	}
	return out, nil
}

// lendOne reads one --with path, as if it were to be checked.
func (l *loader) lendOne(ctx context.Context, a *argument, out *lent) ([]string, error) {
	own := *a
	own.with = false
	w := &work{}
	before := len(l.out.Diagnostics)
	if err := l.findOne(ctx, &own, w); err != nil {
		return nil, err
	}
	l.out.Diagnostics = l.out.Diagnostics[:before] // who calls whom is no matter here
	var from []string
	exports, planned := l.loadDocuments(ctx, w.documents)
	if exports != nil {
		shown := a.shown()
		out.inventory.AddExport(shown, exports)
		from = append(from, shown)
	}
	for _, p := range planned {
		root := p.document.Root(plan.Options{Schemas: aws.Schemas})
		out.inventory.AddRoot(p.shown, root)
		out.remotes = append(out.remotes, &remote{
			name: a.lends, shown: p.shown, file: p.shown, outputs: map[string]map[string]cty.Value{"": foreign(p.shown, p.document.Outputs())},
		})
		from = append(from, p.shown)
	}
	for _, m := range w.roots {
		r, err := l.evaluateLent(ctx, a, m)
		if err != nil {
			return nil, err
		}
		out.remotes = append(out.remotes, r)
		from = append(from, m.shown())
		l.lenders = append(l.lenders, m)
	}
	if a.lends != "" && len(from) > 1 {
		return nil, &UsageError{Path: a.given, Message: fmt.Sprintf("%d inputs are here, and %s names one", len(from), a.lends), Hint: "name the very root, state or plan"}
	}
	return from, nil
}

// evaluateLent evaluates a root for its outputs, with the values of its own
// variable files: at once in the workspace of the run, and in another one when a
// data source asks for that.
func (l *loader) evaluateLent(ctx context.Context, a *argument, m module) (*remote, error) {
	o, err := l.values()
	if err != nil {
		return nil, err
	}
	o.Vars = nil
	evaluate := func(workspace string) *tf.Root {
		o := o
		o.Workspace = workspace
		return hcl.Evaluate(ctx, m.tree.files, m.dir, o)
	}
	first := l.workspace()
	root := evaluate(first)
	return &remote{
		name: a.lends, shown: m.shown(), dir: m.shown(), root: true, backend: root.Backend,
		evaluate: func(workspace string) map[string]cty.Value { return outputsOf(m.shown(), evaluate(workspace)) },
		outputs:  map[string]map[string]cty.Value{first: outputsOf(m.shown(), root)},
	}, nil
}

// workspace is the workspace of the run.
func (l *loader) workspace() string {
	for _, e := range l.o.Environ {
		if name, ok := strings.CutPrefix(e, "TF_WORKSPACE="); ok && name != "" && l.o.Workspace == "" {
			return name
		}
	}
	return cmp.Or(l.o.Workspace, "default")
}

// outputsOf are the outputs of a root as another one sees them: its symbols
// and terms are not those of the other.
func outputsOf(shown string, root *tf.Root) map[string]cty.Value {
	out := map[string]cty.Value{}
	for _, o := range root.Outputs {
		if name, ok := strings.CutPrefix(o.Name, "output."); ok {
			out[name] = o.Value
		}
	}
	return foreign(shown, out)
}

func foreign(shown string, values map[string]cty.Value) map[string]cty.Value {
	for name, v := range values {
		values[name] = tf.Foreign(shown, v)
	}
	return values
}

// any reports whether anything was lent.
func (x *lent) any() bool { return len(x.sources) > 0 || len(x.answers.All()) > 0 }

// answersFor is what is known of the data sources of the root in a directory.
func (x *lent) answersFor(dir string) func([]*tf.Instance) map[string]*tf.Answer {
	return func(instances []*tf.Instance) map[string]*tf.Answer {
		out := aws.Find(instances, x.inventory)
		for _, in := range instances {
			if !in.Data {
				continue
			}
			values := map[string]cty.Value{}
			if in.Type == "terraform_remote_state" {
				if outputs, ok := x.remoteOf(dir, in); ok {
					values["outputs"] = cty.ObjectVal(outputs)
				}
			}
			for name, v := range x.answers.Find(in.Address, in.Type) {
				values[name] = v
			}
			if len(values) == 0 {
				continue
			}
			if out[in.Address] == nil {
				out[in.Address] = &tf.Answer{}
			}
			a := *out[in.Address]
			a.Values = merged(a.Values, values)
			out[in.Address] = &a
		}
		return out
	}
}

func merged(under, over map[string]cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{}
	for name, v := range under {
		out[name] = v
	}
	for name, v := range over {
		out[name] = v
	}
	return out
}

// unused says which of the things lent were of no use.
func (x *lent) unused() diag.List {
	var ds diag.List
	for _, g := range x.answers.All() {
		if !g.Used() {
			ds = append(ds, diag.Diagnostic{
				Message: "nothing asks for this answer: no data source has the address " + g.Pattern, Label: "not used", Range: g.Range, Address: g.Pattern,
				Fix: "check the address; postern show --format json lists the data sources that are not known",
			})
		}
	}
	for _, s := range x.sources {
		if slices.ContainsFunc(s.from, x.used) {
			continue
		}
		shown := s.argument.shown()
		message := "--with " + s.argument.given + " answers nothing: no data source here asks for what it holds"
		fix := "a terraform_remote_state is matched by its backend; --with NAME=PATH names it"
		if len(s.from) == 0 {
			message = "--with " + s.argument.given + " holds nothing that can be lent"
			fix = "name a root module, a state, a plan or an AWS export"
		}
		ds = append(ds, diag.Diagnostic{
			Rule: notAnalysed, Message: message, Fix: fix, Address: shown, Range: diag.Range{File: shown},
			Cause: diag.Cause{Code: diag.NotInInput, Message: message, Address: shown, Range: diag.Range{File: shown}},
		})
	}
	return ds
}

func (x *lent) used(from string) bool {
	return x.inventory.Used(from) || slices.ContainsFunc(x.remotes, func(r *remote) bool { return r.shown == from && r.used.Load() })
}

// shown is the argument as the user would type it.
func (a *argument) shown() string {
	if a.tree == nil {
		return "-"
	}
	return path.Clean(a.tree.show(a.name))
}
