package hcl

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
)

// JSON configurations become the same blocks as native ones: their expressions
// are turned into native syntax trees, so that only one kind is evaluated.

var jsonSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "output", LabelNames: []string{"name"}},
	{Type: "module", LabelNames: []string{"name"}},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "locals"},
	{Type: "terraform"},
}}

func (f *Files) parseJSON(s *source, names map[string]bool) ([]*block, diag.List) {
	if at, deep := tooDeepJSON(s.data, f.limits.Nesting); deep {
		return nil, diag.List{f.deepProblem(s.span(at, at+1))}
	}
	file, ds := json.Parse(s.data, s.path)
	list := f.diagnose(ds, true)
	if file == nil || file.Body == nil {
		return nil, list
	}
	content, _, ds := file.Body.PartialContent(jsonSchema)
	list = append(list, f.diagnose(ds, true)...)
	if content == nil {
		return nil, list
	}
	j := jsonReader{limit: f.limits.Nesting, names: names}
	out := make([]*block, 0, len(content.Blocks))
	for _, b := range content.Blocks {
		attrs, ds := b.Body.JustAttributes()
		list = append(list, f.diagnose(ds, true)...)
		out = append(out, j.block(b, attrs))
	}
	return out, append(list, f.diagnose(j.ds, true)...)
}

// parseJSONVariables reads a variable file in JSON: plain values, no templates.
func (f *Files) parseJSONVariables(s *source) (map[string]*attribute, diag.List) {
	out := map[string]*attribute{}
	if at, deep := tooDeepJSON(s.data, f.limits.Nesting); deep {
		return out, diag.List{f.deepProblem(s.span(at, at+1))}
	}
	file, ds := json.Parse(s.data, s.path)
	if file == nil || file.Body == nil {
		return out, f.diagnose(ds, true)
	}
	attrs, more := file.Body.JustAttributes()
	for name, a := range attrs {
		v, _ := a.Expr.Value(nil) // no context: strings are taken as they are
		out[name] = &attribute{name: name, expr: &hclsyntax.LiteralValueExpr{Val: v, SrcRange: a.Expr.Range()}, rng: a.Range}
	}
	return out, f.diagnose(append(ds, more...), true)
}

type jsonReader struct {
	limit int
	names map[string]bool
	ds    hcl.Diagnostics
}

func (j *jsonReader) block(b *hcl.Block, attrs hcl.Attributes) *block {
	out := &block{typ: b.Type, labels: b.Labels, attrs: map[string]*attribute{}, header: b.DefRange, rng: b.DefRange}
	if b.Type == "terraform" {
		out.blocks = j.settings(attrs)
		return out
	}
	for name, a := range attrs {
		out.rng = hcl.RangeOver(out.rng, a.Range)
		if name == "dynamic" && (b.Type == "resource" || b.Type == "data") {
			out.blocks = append(out.blocks, j.dynamics(a.Expr)...)
			continue
		}
		if b.Type == "lifecycle" || name == "lifecycle" || name == "provisioner" || name == "connection" {
			continue
		}
		if b.Type == "variable" && name == "validation" {
			for _, v := range j.objects(a.Expr) {
				out.blocks = append(out.blocks, j.nested("validation", v))
			}
			continue
		}
		at := &attribute{name: name, raw: a.Expr, rng: a.Range}
		if b.Type == "variable" && name == "type" && j.deepType(a.Expr) {
			continue
		}
		at.expr = j.expr(a.Expr)
		if !unevaluated(b.Type, name) {
			at.expr = instrument(at.expr, j.names)
		}
		out.attrs[name] = at
	}
	return out
}

// settings reads the blocks of a terraform block that say where the state is
// kept: {"backend": {"s3": {...}}}, {"cloud": {...}}. The others are not read.
func (j *jsonReader) settings(attrs hcl.Attributes) []*block {
	var out []*block
	if a := attrs["backend"]; a != nil {
		for _, byType := range j.objects(a.Expr) {
			for _, kv := range byType {
				for _, body := range j.objects(kv.Value) {
					b := j.nested("backend", body)
					b.labels = []string{jsonKey(kv.Key)}
					out = append(out, b)
				}
			}
		}
	}
	if a := attrs["cloud"]; a != nil {
		for _, body := range j.objects(a.Expr) {
			out = append(out, j.nested("cloud", body))
		}
	}
	return out
}

// deepType reports a type that nests too deep. Its text is an expression, not
// a template.
func (j *jsonReader) deepType(e hcl.Expression) bool {
	v, _ := e.Value(nil)
	text, ok := knownText(v)
	if !ok {
		return false
	}
	tokens, _ := hclsyntax.LexExpression([]byte(text), "", hcl.InitialPos)
	_, deep := tooDeep(tokens, j.limit)
	if deep {
		j.ds = append(j.ds, failed(e.Range(), "this type nests deeper than %d levels, more than postern follows", j.limit)...)
	}
	return deep
}

// objects returns the items of an object that may be wrapped in an array.
func (j *jsonReader) objects(e hcl.Expression) [][]hcl.KeyValuePair {
	if kvs, ds := hcl.ExprMap(e); !ds.HasErrors() {
		return [][]hcl.KeyValuePair{kvs}
	}
	es, ds := hcl.ExprList(e)
	if ds.HasErrors() {
		j.ds = append(j.ds, failed(e.Range(), "an object or a list of objects is needed here")...)
		return nil
	}
	var out [][]hcl.KeyValuePair
	for _, x := range es {
		kvs, ds := hcl.ExprMap(x)
		if ds.HasErrors() {
			j.ds = append(j.ds, failed(x.Range(), "an object is needed here")...)
			continue
		}
		out = append(out, kvs)
	}
	return out
}

// dynamics reads {"ingress": {"for_each": ..., "content": {...}}}.
func (j *jsonReader) dynamics(e hcl.Expression) []*block {
	var out []*block
	for _, byName := range j.objects(e) {
		for _, kv := range byName {
			for _, body := range j.objects(kv.Value) {
				b := j.nested("dynamic", body)
				b.labels = []string{jsonKey(kv.Key)}
				b.header, b.rng = kv.Key.Range(), hcl.RangeBetween(kv.Key.Range(), kv.Value.Range())
				out = append(out, b)
			}
		}
	}
	return out
}

// nested reads the body of a block inside another one.
func (j *jsonReader) nested(typ string, kvs []hcl.KeyValuePair) *block {
	b := &block{typ: typ, attrs: map[string]*attribute{}}
	for _, kv := range kvs {
		name := jsonKey(kv.Key)
		r := hcl.RangeBetween(kv.Key.Range(), kv.Value.Range())
		if b.rng == (hcl.Range{}) {
			b.rng = r
		}
		b.rng = hcl.RangeOver(b.rng, r)
		switch {
		case name == "//":
		case typ == "dynamic" && name == "content":
			for _, c := range j.objects(kv.Value) {
				b.blocks = append(b.blocks, j.nested("content", c))
			}
		case typ == "content" && name == "dynamic":
			b.blocks = append(b.blocks, j.dynamics(kv.Value)...)
		default:
			b.attrs[name] = &attribute{name: name, raw: kv.Value, rng: r, expr: instrument(j.expr(kv.Value), j.names)}
		}
	}
	b.header = b.rng
	return b
}

func jsonKey(e hcl.Expression) string {
	v, _ := e.Value(nil)
	if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		return v.AsString()
	}
	return ""
}

// expr turns a JSON value into a native expression: strings are templates.
func (j *jsonReader) expr(e hcl.Expression) hclsyntax.Expression {
	if kvs, ds := hcl.ExprMap(e); !ds.HasErrors() {
		out := &hclsyntax.ObjectConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
		for _, kv := range kvs {
			if jsonKey(kv.Key) == "//" {
				continue
			}
			out.Items = append(out.Items, hclsyntax.ObjectConsItem{KeyExpr: j.expr(kv.Key), ValueExpr: j.expr(kv.Value)})
		}
		return out
	}
	if es, ds := hcl.ExprList(e); !ds.HasErrors() {
		out := &hclsyntax.TupleConsExpr{SrcRange: e.Range(), OpenRange: e.StartRange()}
		for _, x := range es {
			out.Exprs = append(out.Exprs, j.expr(x))
		}
		return out
	}
	v, _ := e.Value(nil)
	if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		return j.template(v.AsString(), e.Range())
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()}
}

func (j *jsonReader) template(text string, r hcl.Range) hclsyntax.Expression {
	if tooDeepTemplate([]byte(text), j.limit) {
		j.ds = append(j.ds, failed(r, "this text nests deeper than %d levels, more than postern follows", j.limit)...)
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: r}
	}
	start := r.Start
	start.Byte++ // the quote
	start.Column++
	e, ds := hclsyntax.ParseTemplate([]byte(text), r.Filename, start)
	if ds.HasErrors() {
		j.ds = append(j.ds, ds...)
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: r}
	}
	return e
}
