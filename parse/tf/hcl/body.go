package hcl

import (
	"iter"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// attribute evaluates an argument of a resource. ctx is nil outside dynamic
// blocks.
func (s *scope) attribute(a *attribute, ctx *hcl.EvalContext) tf.Attr {
	if ctx == nil {
		ctx = s.context()
	}
	f := s.ev.files
	out := tf.Attr{Value: s.spread(s.seal(s.evalIn(a.expr, ctx))), Range: f.place(a.expr.Range())}
	list, ok := written(a.expr).(*hclsyntax.TupleConsExpr)
	if !ok {
		return out
	}
	for i, e := range list.Exprs {
		out.Elems = append(out.Elems, f.place(bareRange(e)))
		for key, value := range objectItems(e) {
			if out.Fields == nil {
				out.Fields = make([]map[string]diag.Range, len(list.Exprs))
			}
			if out.Fields[i] == nil {
				out.Fields[i] = map[string]diag.Range{}
			}
			if name := keyName(key); name != "" {
				out.Fields[i][name] = f.place(value.Range())
			}
		}
	}
	return out
}

// written takes off what does not change where a value is written.
func written(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch x := e.(type) {
		case *hclsyntax.ParenthesesExpr:
			e = x.Expression
		case *elementExpr:
			e = x.Expression
		default:
			return e
		}
	}
}

// objectItems lists the keys and values of an object that is written out.
func objectItems(e hclsyntax.Expression) iter.Seq2[hclsyntax.Expression, hclsyntax.Expression] {
	return func(yield func(k, v hclsyntax.Expression) bool) {
		e = written(e)
		if d, ok := e.(*derivedExpr); ok {
			e = d.Expression
		}
		o, ok := e.(*hclsyntax.ObjectConsExpr)
		if !ok {
			return
		}
		for _, it := range o.Items {
			if !yield(it.KeyExpr, it.ValueExpr) {
				return
			}
		}
	}
}

// keyName is the name of a written object key, or "".
func keyName(e hclsyntax.Expression) string {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		if s, ok := literal(k.Wrapped); ok {
			return s
		}
		if !k.ForceNonLiteral {
			return hcl.ExprAsKeyword(k.Wrapped)
		}
		return ""
	}
	s, _ := literal(e)
	return s
}

// bareRange is the place of an element: that of a quoted literal leaves out
// the quotes.
func bareRange(e hclsyntax.Expression) hcl.Range {
	if t, ok := e.(*hclsyntax.TemplateExpr); ok && t.IsStringLiteral() {
		return t.Parts[0].Range()
	}
	return e.Range()
}

// nested evaluates a block inside a resource. A dynamic one makes several.
func (s *scope) nested(b *block, ctx *hcl.EvalContext) []*tf.Block {
	if b.typ == "dynamic" && len(b.labels) == 1 {
		return s.dynamic(b, ctx)
	}
	return []*tf.Block{s.body(b, b.typ, ctx)}
}

func (s *scope) body(b *block, typ string, ctx *hcl.EvalContext) *tf.Block {
	out := &tf.Block{Type: typ, Range: s.ev.files.place(b.rng), Attrs: map[string]tf.Attr{}}
	if _, ok := s.spend(blockSteps); !ok {
		out.Maybe = &ir.Unknown{Term: s.name, Cause: *s.ev.stopped}
		return out
	}
	for _, a := range b.sorted() {
		out.Attrs[a.name] = s.attribute(a, ctx)
	}
	for _, n := range b.blocks {
		out.Blocks = append(out.Blocks, s.nested(n, ctx)...)
	}
	return out
}

// dynamic expands a dynamic block: one block an element, and one that may be
// any number of blocks where the collection is not known.
func (s *scope) dynamic(b *block, ctx *hcl.EvalContext) []*tf.Block {
	typ := b.labels[0]
	i := slices.IndexFunc(b.blocks, func(c *block) bool { return c.typ == "content" })
	each := b.expr("for_each")
	if i < 0 || each == nil {
		s.invalid(failed(b.header, "a dynamic block needs for_each and a content block"), b.header)
		return []*tf.Block{{Type: typ, Range: s.ev.files.place(b.rng), Maybe: s.whyUnknown(nil)[0]}}
	}
	content := b.blocks[i]
	iterator := typ
	if e := b.expr("iterator"); e != nil {
		if t := traversalOf(e); len(t) == 1 {
			iterator = t.RootName()
		}
	}
	bind := func(key, value cty.Value) *hcl.EvalContext {
		c := ctx.NewChild()
		c.Variables = map[string]cty.Value{iterator: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
		return c
	}
	var out []*tf.Block
	values, why := s.branches(each, ctx)
	for _, v := range values {
		bs := s.repeat(v, each, func(key, value cty.Value, maybe *ir.Unknown) *tf.Block {
			n := s.body(content, typ, bind(key, value))
			n.Maybe = maybe
			return n
		}, why)
		out = append(out, bs...)
	}
	return out
}

// repeat makes a block for each element of a collection.
func (s *scope) repeat(v cty.Value, each hclsyntax.Expression, one func(key, value cty.Value, maybe *ir.Unknown) *tf.Block, why *ir.Unknown) []*tf.Block {
	v = s.seal(v)
	bare, causes, others := splitMarks(v)
	_, shuffled := others[unordered{}]
	bad := func(msg string) []*tf.Block {
		u := s.invalid(failed(each.Range(), "%s", msg), each.Range())
		return []*tf.Block{one(u, u, causesOf(u)[0])}
	}
	switch {
	case bare.IsNull():
		return bad("for_each is null")
	case !bare.IsKnown():
		if len(causes) == 0 {
			causes = s.whyUnknown(nil)
		}
		return []*tf.Block{one(s.fresh(cty.DynamicVal, causes), s.fresh(cty.DynamicVal, causes), causes[0])}
	case !bare.CanIterateElements():
		return bad("for_each takes a list, a set or a map, not " + bare.Type().FriendlyName())
	}
	if _, ok := s.spend(bare.LengthInt() * exprSteps); !ok {
		u := &ir.Unknown{Term: s.name, Cause: *s.ev.stopped}
		return []*tf.Block{one(unknownOf(u), unknownOf(u), u)}
	}
	set := bare.Type().IsSetType()
	var out []*tf.Block
	for it := bare.ElementIterator(); it.Next(); {
		k, e := it.Element()
		maybe := why
		if set {
			if !e.IsWhollyKnown() {
				e, _ = s.sealed(e, causes)
			}
			k = e
		} else if shuffled && (bare.Type().IsListType() || bare.Type().IsTupleType()) {
			k = k.Mark(unordered{}) // the elements are these, their places are not known
		} else if shuffled {
			e = e.Mark(unordered{})
		}
		out = append(out, one(k, e, maybe))
	}
	return out
}
