package hcl

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
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
	backend *tf.Backend // nil when it does not say
}

// HasTerraform reports whether a directory holds Terraform files.
func (f *Files) HasTerraform(dir string) bool {
	main, override := f.list(path.Clean(dir))
	return len(main)+len(override) > 0
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
	t := f.take(s)
	d.diags = append(d.diags, t.diags...)
	f.nativeIgnores(d, s, t.tokens, t.body)
	if t.body == nil {
		return nil
	}
	out := make([]*block, 0, len(t.body.Blocks))
	for _, b := range t.body.Blocks {
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
	c.dir = localModule(d.path, s)
}

// localModule is the directory that a source means when it is a path, "" when it
// is not, or leads out of the boundary.
func localModule(from, source string) string {
	if source != "." && source != ".." && !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
		return ""
	}
	p, ok := inside(path.Join(from, source))
	if !ok {
		return ""
	}
	return p
}
