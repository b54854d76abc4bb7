package parse

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
	"github.com/postern-dev/postern/parse/tf/plan"
)

// planned is a plan or a state. A plan is a network of its own: what it shows
// does not exist yet.
type planned struct {
	shown    string
	document *plan.Document
	state    bool
}

// terraform reads a plan or a state.
func (r *documents) terraform(shown, kind string, data []byte) {
	d, err := plan.Parse(shown, data)
	var broken *plan.Unreadable
	switch {
	case errors.As(err, &broken):
		message := fmt.Sprintf("this is a Terraform %s that cannot be read: %v", kind, err)
		r.l.out.Diagnostics = append(r.l.out.Diagnostics, diag.Diagnostic{
			Rule: notAnalysed, Error: true, Message: message, Fix: "write it again, whole, with: terraform show -json", Address: shown, Range: broken.Range,
			Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: shown, Range: broken.Range},
		})
		return
	case err != nil:
		r.l.refuse(shown, notAnalysed, fmt.Sprintf("this is a Terraform %s that cannot be read: %v", kind, err), "write it with: terraform show -json")
		return
	}
	r.planned = append(r.planned, planned{shown, d, kind == KindState})
}

// loadPlanned makes the networks of states, which are joined with that of the
// exports, and of plans.
func (l *loader) loadPlanned(ctx context.Context, all []planned) (states []described, plans []*ir.Network, err error) {
	if l.source != nil && len(all) == 0 {
		l.out.Diagnostics = append(l.out.Diagnostics, diag.Diagnostic{
			Message: "--source " + l.source.given + " is not used: there is no plan or state", Address: l.source.given,
			Fix: "it names the configuration of a plan that is checked; to check a configuration, name its directory as the path",
		})
	}
	for _, p := range all {
		if ctx.Err() != nil {
			l.out.Diagnostics = append(l.out.Diagnostics, outOfTime(p.shown, "this file was not analysed"))
			continue
		}
		source, err := l.evaluateSource(ctx, p.document)
		if err != nil {
			return nil, nil, err
		}
		root := p.document.Root(plan.Options{Schemas: aws.Schemas, Source: source, Answers: l.answersFor(p)})
		l.out.Diagnostics = append(l.out.Diagnostics, root.Diagnostics...)
		if net := aws.Build(root); p.state {
			states = append(states, described{p.shown, net, false})
		} else {
			plans = append(plans, net)
		}
	}
	return states, plans, nil
}

// answersFor is what is known of the data sources of a plan, nil when nothing was
// lent. A plan lies where Terraform ran, unless --source says where that was.
func (l *loader) answersFor(p planned) func([]*tf.Instance) map[string]*tf.Answer {
	if !l.lent.any() {
		return nil
	}
	if l.source != nil {
		return l.lent.answersFor(l.source.shown())
	}
	return l.lent.answersFor(path.Dir(p.shown))
}

// evaluateSource evaluates the configuration that --source names, with the
// variables that a plan was made with. What is wrong with it is no fault of the
// plan's; it serves only to tell more.
func (l *loader) evaluateSource(ctx context.Context, d *plan.Document) (*tf.Root, error) {
	if l.source == nil {
		return nil, nil
	}
	o, err := l.values()
	if err != nil {
		return nil, err
	}
	for name, value := range d.Variables() {
		if _, given := o.Vars[name]; !given {
			o.Vars[name] = value
		}
	}
	m := module{l.source.tree, l.source.name}
	files, err := l.variableFiles([]module{m})
	if err != nil {
		return nil, err
	}
	o.VarFiles = files[m.tree]
	o.Answers = l.lent.answersFor(m.shown())
	root := hcl.Evaluate(ctx, m.tree.files, m.dir, o)
	l.flags.add(flagsOf(root))
	for name, text := range m.tree.files.Sources() {
		l.keep(name, KindTerraform, text)
	}
	return root, nil
}
