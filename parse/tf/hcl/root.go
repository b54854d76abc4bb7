package hcl

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// Evaluate evaluates the root module in dir. It always returns a root: what
// cannot be read or evaluated is unknown, and its Diagnostics say why.
//
// A root that nobody chose a workspace for, and that is not for the one that
// Terraform would take, is evaluated in one of its own.
func Evaluate(ctx context.Context, f *Files, dir string, o Options) *tf.Root {
	root, whole := evaluate(ctx, f, dir, o, nil)
	names, at := root.Workspaces, root.WorkspacesAt
	if len(names) == 0 || !whole {
		return settle(ctx, f, dir, o, root, whole)
	}
	o.assumed, root = names[0], nil
	root, whole = evaluate(ctx, f, dir, o, nil)
	root = settle(ctx, f, dir, o, root, whole)
	root.Variant = "workspace " + names[0]
	root.DefaultWorkspace, root.Workspaces, root.WorkspacesAt = false, names, at
	return root
}

// settle evaluates a root again and again as long as that tells more of what
// its data sources find: that may depend on other values of the root.
func settle(ctx context.Context, f *Files, dir string, o Options, root *tf.Root, whole bool) *tf.Root {
	answers := map[string]*tf.Answer{}
	for round := 1; o.Answers != nil && whole && round < maxRounds; round++ {
		if !learn(answers, o.Answers(root.Instances)) {
			break
		}
		root, whole = evaluate(ctx, f, dir, o, answers)
	}
	return root
}

// learn adds answers, and reports whether there were any.
func learn(answers, more map[string]*tf.Answer) bool {
	before := len(answers)
	for _, address := range sortedKeys(more) {
		if answers[address] == nil {
			answers[address] = more[address]
		}
	}
	return len(answers) > before
}

// evaluate evaluates the root once; whole is false when a limit cut it short.
func evaluate(ctx context.Context, f *Files, dir string, o Options, answers map[string]*tf.Answer) (root *tf.Root, whole bool) {
	dir = path.Clean(dir)
	ev := &evaluator{
		ctx: ctx, files: f, limits: f.limits, opts: o, steps: f.limits.Steps, looked: f.limits.Steps, answers: answers,
		cycles: map[string]bool{}, seen: map[string]bool{}, symbols: map[string]diag.Range{}, terms: map[string]int{},
		lists: map[string]listing{}, made: map[string]*instance{}, askers: map[string]asker{}, asked: map[string]asker{}, oversize: map[*forExpr]bool{}, computed: map[string]bool{},
	}
	m := &module{
		ev: ev, dir: f.directory(dir), key: instanceKey{key: cty.NilVal, each: cty.NilVal},
		nodes: map[string]*node{}, constants: map[*callExpr]cty.Value{}, children: map[string]*module{}, types: map[string]variableType{}, holds: map[string]bool{},
	}
	ev.root = m
	surveyed := map[string]bool{}
	ev.survey(m.dir, surveyed)
	for _, d := range o.computed {
		ev.survey(f.directory(d), surveyed)
	}
	ev.collect(m)
	for _, b := range m.dir.variableOrder {
		_, _ = m.variable(b.labels[0], b.header)
	}
	// References may name instances of a collection that is not known; each
	// round makes those that the one before has asked for.
	for {
		before := ev.demanded
		ev.instances = 0
		ev.build(m)
		if ev.demanded == before {
			break
		}
	}
	root = &tf.Root{Dir: f.name(dir), Library: ev.library, Backend: m.dir.backend, Declared: sortedKeys(m.dir.variables), Undeclared: ev.undeclared}
	ev.instances = 0
	root.Instances = ev.build(m)
	root.Outputs = ev.outputs(m)
	root.Ignores = ev.ignores(m, nil)
	root.Omissions = ev.omitted
	root.Diagnostics = ev.diags.Sort()
	root.DefaultWorkspace = ev.assumptions > 0
	root.Workspaces, root.WorkspacesAt = ev.workspaces()
	if root.Computed = sortedKeys(ev.computed); ev.stopped == nil && o.computed == nil && len(root.Computed) > 0 {
		o.computed = root.Computed // what is written there tells what objects have
		return evaluate(ctx, f, dir, o, answers)
	}
	return root, ev.stopped == nil
}

// survey visits the directories of the module tree without evaluating: it
// collects the attribute names that resource objects need, and what is wrong
// with the files.
func (ev *evaluator) survey(d *directory, visited map[string]bool) {
	if ev.written == nil {
		ev.written = map[string][]string{}
	}
	if visited[d.path] {
		return
	}
	visited[d.path] = true
	for _, x := range d.diags {
		ev.report(x)
	}
	add := func(to []string, name string) []string {
		if i, ok := slices.BinarySearch(to, name); !ok {
			return slices.Insert(to, i, name)
		}
		return to
	}
	for _, n := range sortedKeys(d.names) {
		if len(ev.names) < maxNames {
			ev.names = add(ev.names, n)
		}
	}
	for _, r := range d.resourceOrder {
		for _, n := range sortedKeys(r.attrs) {
			if !slices.Contains(metaArguments, n) {
				ev.written[r.kind()] = add(ev.written[r.kind()], n)
			}
		}
		for _, b := range r.block.blocks {
			if b.typ != "lifecycle" {
				ev.written[r.kind()] = add(ev.written[r.kind()], b.blockType())
			}
		}
	}
	for _, c := range d.callOrder {
		if c.dir != "" && ev.files.HasTerraform(c.dir) {
			ev.survey(ev.files.directory(c.dir), visited)
		}
	}
	if d.path == ev.root.dir.path {
		for _, e := range ev.readManifest().Modules {
			if dir, ok := inside(path.Join(d.path, e.Dir)); ok && e.Dir != "" && ev.files.HasTerraform(dir) {
				ev.survey(ev.files.directory(dir), visited)
			}
		}
	}
}

// maxNames bounds the attributes of an object of a whole resource.
const maxNames = 2_000

// build makes the instances of a module and of those it calls, in the order
// they are written.
func (ev *evaluator) build(m *module) []*tf.Instance {
	var out []*tf.Instance
	for _, b := range m.dir.variableOrder {
		m.validate(b)
	}
	for _, r := range m.dir.resourceOrder {
		x := m.expand(r.block, r.local())
		for _, k := range x.all(m.prefix(r.local())) {
			if ev.instances >= ev.limits.Instances {
				ev.omit(m.prefix(r.local()), diag.Cause{Code: diag.Limit, Message: "this root has more instances than postern follows", Address: m.prefix(r.local()), Range: ev.files.place(r.header)})
				break
			}
			ev.instances++
			out = append(out, m.instance(r, k).build())
		}
	}
	for _, c := range m.dir.callOrder {
		x := m.expand(c.block, "module."+c.name)
		for _, k := range x.all(m.prefix("module." + c.name)) {
			if k.maybe != nil && m.maybe != nil {
				k.maybe = m.maybe
			}
			if ch := m.child(c, k, k.maybe); ch.missing == nil {
				out = append(out, ev.build(ch)...)
			}
		}
	}
	return out
}

// build evaluates everything that is known of an instance.
func (i *instance) build() *tf.Instance {
	out := i.written()
	i.answered(out.Body)
	i.objects(out.Body, i.schema())
	out.Region = i.region(out.Body)
	return out
}

// written evaluates everything that is written about an instance.
func (i *instance) written() *tf.Instance {
	out := &tf.Instance{
		Address: i.address(), Module: i.mod.path, Data: i.res.data, Type: i.res.typ, Name: i.res.name, Maybe: i.maybe(),
		Provider: i.mod.provider(i.providerRef()),
		Body:     &tf.Block{Range: i.mod.ev.files.place(i.res.rng), Attrs: map[string]tf.Attr{}},
	}
	for _, a := range i.res.sorted() {
		if v, ok := i.attr(a.name); ok {
			out.Body.Attrs[a.name] = v
		}
	}
	out.Body.Blocks = i.blocks()
	return out
}

// maybe is why it is not sure that the instance exists.
func (i *instance) maybe() *ir.Unknown {
	if i.key.maybe != nil {
		return i.key.maybe
	}
	return i.mod.maybe
}

// objects makes lists of the nested blocks that JSON writes as single objects.
func (i *instance) objects(b *tf.Block, sch *tf.Schema) {
	if sch == nil {
		return
	}
	for _, typ := range sch.Blocks {
		a, ok := b.Attrs[typ]
		if !ok {
			continue
		}
		bare, _ := a.Value.Unmark()
		if bare.IsNull() || !bare.IsKnown() || !(bare.Type().IsObjectType() || bare.Type().IsMapType()) {
			continue
		}
		fields := map[string]diag.Range{}
		for key, value := range objectItems(i.res.attrs[typ].expr) {
			fields[keyName(key)] = i.mod.ev.files.place(value.Range())
		}
		a.Value = cty.TupleVal([]cty.Value{a.Value})
		a.Elems = []diag.Range{a.Range}
		a.Fields = []map[string]diag.Range{fields}
		b.Attrs[typ] = a
	}
}

// outputs are the values that leave the root.
func (ev *evaluator) outputs(m *module) []tf.Output {
	var out []tf.Output
	for _, b := range m.dir.outputOrder {
		v, _ := m.output(b.labels[0])
		place := ev.files.place(b.header)
		if e := b.expr("value"); e != nil {
			place = ev.files.place(e.Range())
		}
		s := m.scope("output."+b.labels[0], place)
		out = append(out, tf.Output{Name: "output." + b.labels[0], Value: s.spread(v), Range: place})
	}
	return out
}

// ignores collects the comments that silence rules: those of each file once,
// those above a module call for each instance of the module that holds it.
func (ev *evaluator) ignores(m *module, visited map[*directory]bool) []diag.Ignore {
	if visited == nil {
		visited = map[*directory]bool{}
	}
	var out []diag.Ignore
	for _, g := range m.dir.ignores {
		if g.call != "" {
			ig := g.Ignore
			ig.Module = m.prefix("module." + g.call)
			out = append(out, ig)
		} else if !visited[m.dir] {
			out = append(out, g.Ignore)
		}
	}
	visited[m.dir] = true
	for _, id := range sortedKeys(m.children) {
		out = append(out, ev.ignores(m.children[id], visited)...)
	}
	return out
}

// region is the Region of an instance: its own argument, else its provider's.
func (i *instance) region(b *tf.Block) string {
	if b == nil {
		b = &tf.Block{}
	}
	if a, ok := b.Attrs["region"]; ok {
		if s, ok := knownText(a.Value); ok {
			return s
		}
	}
	return i.mod.providerRegion(i.providerRef())
}

// providerRef is the provider that an instance names, or that its type implies.
func (i *instance) providerRef() string {
	if e := i.res.expr("provider"); e != nil {
		if t := traversalOf(e); t != nil {
			return t.RootName() + renderPath(t[1:])
		}
	}
	return strings.SplitN(i.res.typ, "_", 2)[0]
}

// provider names the provider configuration that a reference within a module
// leads to.
func (m *module) provider(ref string) string {
	if m.call == nil {
		return ref
	}
	if passed, ok := m.passedProvider(ref); ok {
		return m.parent.provider(passed)
	}
	for _, p := range m.dir.providers {
		name := p.labels[0]
		if a := alias(p); a != "" {
			name += "." + a
		}
		if name == ref && len(p.attrs) > 0 {
			return m.prefix(ref)
		}
	}
	if strings.Contains(ref, ".") {
		return m.prefix(ref)
	}
	return m.parent.provider(ref)
}

func knownText(v cty.Value) (string, bool) {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String && !tf.HasSymbol(v.AsString()) {
		return v.AsString(), true
	}
	return "", false
}

// providerRegion is the Region of the provider that a reference names within
// a module: declared there, passed by the call, or inherited from the caller.
func (m *module) providerRegion(ref string) string {
	if m.call != nil {
		if passed, ok := m.passedProvider(ref); ok {
			return m.parent.providerRegion(passed)
		}
	}
	for _, p := range m.dir.providers {
		name := p.labels[0]
		if a := alias(p); a != "" {
			name += "." + a
		}
		if name != ref {
			continue
		}
		e := p.expr("region")
		if e == nil {
			if m.call != nil && alias(p) == "" {
				break // an empty block in a module stands for what is inherited
			}
			return m.ev.opts.Region
		}
		v := m.value("region:"+ref, m.prefix("provider."+ref+".region"), m.ev.files.place(e.Range()), func(s *scope) cty.Value { return s.eval(e) })
		if s, ok := knownText(v); ok {
			return s
		}
		return ""
	}
	if m.call != nil && !strings.Contains(ref, ".") {
		return m.parent.providerRegion(ref)
	}
	return m.ev.opts.Region
}

// passedProvider looks into providers = { aws = aws.west } of the call.
func (m *module) passedProvider(ref string) (string, bool) {
	e := m.call.expr("providers")
	if e == nil {
		return "", false
	}
	for key, value := range objectItems(e) {
		k := keyName(key)
		if t := traversalOf(key); k == "" && t != nil {
			k = t.RootName() + renderPath(t[1:])
		}
		if t := traversalOf(value); k == ref && t != nil {
			return t.RootName() + renderPath(t[1:]), true
		}
	}
	return "", false
}
