package hcl

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postern-dev/postern/diag"
)

// attribute is one argument of a block.
type attribute struct {
	name string
	expr hclsyntax.Expression // instrumented
	raw  hcl.Expression       // as parsed; only for arguments that are not evaluated
	rng  hcl.Range            // name and value
}

// block is a block of a configuration, wherever it stands.
type block struct {
	typ    string
	labels []string
	attrs  map[string]*attribute
	blocks []*block
	header hcl.Range
	rng    hcl.Range // from the header to the closing brace
}

// sorted returns the attributes in the order they are written.
func (b *block) sorted() []*attribute {
	as := make([]*attribute, 0, len(b.attrs))
	for _, a := range b.attrs {
		as = append(as, a)
	}
	slices.SortFunc(as, func(x, y *attribute) int {
		if c := strings.Compare(x.rng.Filename, y.rng.Filename); c != 0 {
			return c
		}
		if x.rng.Start.Byte != y.rng.Start.Byte {
			return x.rng.Start.Byte - y.rng.Start.Byte
		}
		return strings.Compare(x.name, y.name)
	})
	return as
}

func (b *block) expr(name string) hclsyntax.Expression {
	if a := b.attrs[name]; a != nil {
		return a.expr
	}
	return nil
}

// resource is a resource or data block.
type resource struct {
	*block
	data      bool
	typ, name string
	order     int
}

// local returns the address within the module: data.aws_vpc.main.
func (r *resource) local() string {
	if r.data {
		return "data." + r.typ + "." + r.name
	}
	return r.typ + "." + r.name
}

// call is a module block.
type call struct {
	*block
	name   string
	source string // "" when it is missing or computed
	dir    string // of a local module, in the file system; "" for others
}

// directory is the configuration of one module directory.
type directory struct {
	path      string
	exists    bool // it holds Terraform files
	variables map[string]*block
	locals    map[string]*attribute
	outputs   map[string]*block
	resources map[string]*resource // by local address
	calls     map[string]*call
	providers []*block
	// in order of files and lines
	resourceOrder []*resource
	callOrder     []*call
	outputOrder   []*block
	variableOrder []*block
	// names are the attribute names that are looked up anywhere in the
	// directory, and those of the object types of its variables.
	names map[string]bool
	// broken is why declarations may be missing: a file could not be parsed.
	broken  *diag.Cause
	ignores []ignore
	diags   diag.List
}

// HasTerraform reports whether a directory holds Terraform files.
func (f *Files) HasTerraform(dir string) bool {
	main, override := f.list(path.Clean(dir))
	return len(main)+len(override) > 0
}

// Calls returns the directories of the local modules that a directory calls.
func (f *Files) Calls(dir string) []string {
	var dirs []string
	for _, c := range f.directory(dir).callOrder {
		if c.dir != "" && !slices.Contains(dirs, c.dir) {
			dirs = append(dirs, c.dir)
		}
	}
	return dirs
}

var configSuffixes = []string{".tofu.json", ".tofu", ".tf.json", ".tf"}

// list returns the configuration files of a directory in the order they are
// read: those that override others last. name.tofu stands in for name.tf.
func (f *Files) list(dir string) (main, override []string) {
	dir, ok := inside(dir)
	if !ok {
		return nil, nil
	}
	entries, err := fs.ReadDir(f.fsys, dir)
	if err != nil {
		return nil, nil
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = !e.IsDir()
	}
	for _, e := range entries { // sorted by name
		name := e.Name()
		i := slices.IndexFunc(configSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
		if e.IsDir() || i < 0 || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		suffix := configSuffixes[i]
		stem := strings.TrimSuffix(name, suffix)
		if rest, ok := strings.CutPrefix(suffix, ".tf"); ok && names[stem+".tofu"+rest] {
			continue
		}
		if stem == "override" || strings.HasSuffix(stem, "_override") {
			override = append(override, path.Join(dir, name))
		} else {
			main = append(main, path.Join(dir, name))
		}
	}
	return main, override
}

// directory decodes a module directory once.
func (f *Files) directory(dir string) *directory {
	dir, _ = inside(dir)
	l := entry(f, f.dirs, dir)
	l.once.Do(func() { l.v = f.decode(dir) })
	return l.v
}

func (f *Files) decode(dir string) *directory {
	d := &directory{
		path: dir, variables: map[string]*block{}, locals: map[string]*attribute{}, outputs: map[string]*block{},
		resources: map[string]*resource{}, calls: map[string]*call{}, names: map[string]bool{},
	}
	main, override := f.list(dir)
	d.exists = len(main)+len(override) > 0
	for i, p := range append(main, override...) {
		s, err := f.read(p)
		if err != nil {
			d.diags = append(d.diags, diag.Diagnostic{
				Error: true, Message: "this file cannot be read: " + err.Error(), Range: diag.Range{File: f.name(p)},
				Fix: "make it readable; what it declares is missing from the analysis",
			})
			d.broken = &diag.Cause{Code: diag.NotInInput, Message: f.name(p) + " could not be read", Range: diag.Range{File: f.name(p)}}
			continue
		}
		known := len(d.diags)
		blocks := f.blocks(d, s)
		if errs := d.diags[known:]; errs.Errors() && d.broken == nil {
			d.broken = &diag.Cause{Code: diag.NotInInput, Message: "a part of " + s.shown + " could not be parsed", Range: errs[0].Range}
		}
		for _, b := range blocks {
			d.add(f, b, i >= len(main))
		}
	}
	for _, c := range d.calls {
		f.source(d, c)
	}
	for i, r := range d.resourceOrder {
		r.order = i
	}
	return d
}

// blocks parses one file.
func (f *Files) blocks(d *directory, s *source) []*block {
	if strings.HasSuffix(s.path, ".json") {
		bs, ds := f.parseJSON(s, d.names)
		d.diags = append(d.diags, ds...)
		f.jsonIgnores(d, s)
		return bs
	}
	body, tokens, ds := f.parseHCL(s)
	d.diags = append(d.diags, ds...)
	f.nativeIgnores(d, s, tokens, body)
	if body == nil {
		return nil
	}
	out := make([]*block, 0, len(body.Blocks))
	for _, b := range body.Blocks {
		out = append(out, nativeBlock(b, d.names))
	}
	return out
}

// unevaluated are the arguments that name things or types.
func unevaluated(typ, name string) bool {
	return typ == "variable" && name == "type" || name == "depends_on" || name == "ignore_changes" || name == "replace_triggered_by"
}

func nativeBlock(b *hclsyntax.Block, names map[string]bool) *block {
	out := &block{typ: b.Type, labels: b.Labels, attrs: map[string]*attribute{}, header: b.DefRange(), rng: b.Range()}
	out.rng = hcl.RangeBetween(b.TypeRange, b.CloseBraceRange)
	for name, a := range b.Body.Attributes {
		at := &attribute{name: name, expr: a.Expr, raw: a.Expr, rng: a.SrcRange}
		if !unevaluated(b.Type, name) {
			at.expr = instrument(a.Expr, names)
		}
		if b.Type == "variable" && name == "type" {
			typeNames(a.Expr, names)
		}
		out.attrs[name] = at
	}
	for _, n := range b.Body.Blocks {
		if b.Type == "lifecycle" || n.Type == "provisioner" || n.Type == "connection" {
			continue
		}
		out.blocks = append(out.blocks, nativeBlock(n, names))
	}
	return out
}

// typeNames collects the attribute names of object types.
func typeNames(e hclsyntax.Expression, names map[string]bool) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if o, ok := n.(*hclsyntax.ObjectConsExpr); ok {
			for _, i := range o.Items {
				if k := hcl.ExprAsKeyword(i.KeyExpr); k != "" {
					names[k] = true
				}
			}
		}
		return nil
	})
}

// ignoredBlocks change nothing about what is planned.
var ignoredBlocks = []string{"terraform", "moved", "import", "removed", "check", "ephemeral", "action", "list", "provider_meta", "required_providers"}

func (d *directory) add(f *Files, b *block, override bool) {
	want := map[string]int{"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1, "locals": 0}
	n, ok := want[b.typ]
	switch {
	case slices.Contains(ignoredBlocks, b.typ):
		return
	case !ok:
		d.diags = append(d.diags, diag.Diagnostic{
			Error: true, Message: "a " + b.typ + " block cannot stand here", Label: "not a block of Terraform's", Range: f.place(b.header),
			Fix: "use one of resource, data, variable, locals, output, module, provider",
		})
		return
	case len(b.labels) != n:
		d.diags = append(d.diags, diag.Diagnostic{
			Error: true, Message: "this " + b.typ + " block has the wrong number of names", Range: f.place(b.header),
			Fix: "write " + map[int]string{0: b.typ + " {", 1: b.typ + ` "NAME" {`, 2: b.typ + ` "TYPE" "NAME" {`}[n],
		})
		return
	}
	switch b.typ {
	case "resource", "data":
		d.addResource(f, b, override)
	case "variable":
		if put(d, f, d.variables, b.labels[0], b, override) {
			d.variableOrder = append(d.variableOrder, b)
		}
	case "output":
		if put(d, f, d.outputs, b.labels[0], b, override) {
			d.outputOrder = append(d.outputOrder, b)
		}
	case "module":
		d.addCall(f, b, override)
	case "provider":
		d.addProvider(b, override)
	case "locals":
		d.addLocals(f, b, override)
	}
}

// put adds a block under its name, or merges it into the one it overrides.
func put(d *directory, f *Files, m map[string]*block, name string, b *block, override bool) (added bool) {
	old := m[name]
	switch {
	case old == nil:
		m[name] = b
		return true
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old)
	}
	return false
}

func (d *directory) duplicate(f *Files, b, old *block) {
	first := f.place(old.header)
	d.diags = append(d.diags, diag.Diagnostic{
		Error: true, Message: strings.TrimSpace(b.typ+" "+strings.Join(b.labels, ".")) + " is declared twice; the first is at " + first.Line(),
		Label: "declared again", Fix: "rename or remove one of them", Note: "the first one was analysed", Range: f.place(b.header),
	})
}

// merge applies an override file: arguments one by one, nested blocks by type.
func (b *block) merge(o *block) {
	for name, a := range o.attrs {
		b.attrs[name] = a
	}
	kept := slices.Clone(b.blocks)
	for _, n := range o.blocks {
		kept = slices.DeleteFunc(kept, func(k *block) bool { return k.blockType() == n.blockType() && !slices.Contains(o.blocks, k) })
	}
	b.blocks = append(kept, o.blocks...)
}

// blockType is the type of block that a block makes, through dynamic or not.
func (b *block) blockType() string {
	if b.typ == "dynamic" && len(b.labels) == 1 {
		return b.labels[0]
	}
	return b.typ
}

func (d *directory) addResource(f *Files, b *block, override bool) {
	r := &resource{block: b, data: b.typ == "data", typ: b.labels[0], name: b.labels[1]}
	old := d.resources[r.local()]
	switch {
	case old == nil:
		d.resources[r.local()] = r
		d.resourceOrder = append(d.resourceOrder, r)
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old.block)
	}
}

func (d *directory) addCall(f *Files, b *block, override bool) {
	c := &call{block: b, name: b.labels[0]}
	old := d.calls[c.name]
	switch {
	case old == nil:
		d.calls[c.name] = c
		d.callOrder = append(d.callOrder, c)
	case override:
		old.merge(b)
	default:
		d.duplicate(f, b, old.block)
	}
}

func (d *directory) addProvider(b *block, override bool) {
	if override {
		for _, p := range d.providers {
			if p.labels[0] == b.labels[0] && alias(p) == alias(b) {
				p.merge(b)
				return
			}
		}
	}
	d.providers = append(d.providers, b)
}

func alias(p *block) string {
	if e := p.expr("alias"); e != nil {
		s, _ := literal(e)
		return s
	}
	return ""
}

func (d *directory) addLocals(f *Files, b *block, override bool) {
	for _, a := range b.sorted() {
		if old := d.locals[a.name]; old != nil && !override {
			d.diags = append(d.diags, diag.Diagnostic{
				Error: true, Message: "local." + a.name + " is declared twice; the first is at " + f.place(old.rng).Line(),
				Label: "declared again", Fix: "rename or remove one of them", Note: "the first one was analysed", Range: f.place(a.rng),
			})
			continue
		}
		d.locals[a.name] = a
	}
}

// source reads where a module call leads.
func (f *Files) source(d *directory, c *call) {
	e := c.expr("source")
	if e == nil {
		return
	}
	s, ok := literal(e)
	if !ok {
		return
	}
	c.source = s
	if s == "." || s == ".." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		p := path.Join(d.path, s)
		if p, ok := inside(p); ok {
			c.dir = p
		}
	}
}
