package hcl

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// nodeDepth is the stack that a term takes, in units of nested expressions.
const nodeDepth = 10

// failed is an error at a place, as hcl reports it.
func failed(r hcl.Range, format string, args ...any) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: fmt.Sprintf(format, args...), Subject: &r}}
}

// localVariable finds a name that a for expression, a dynamic block or a
// template binds.
func localVariable(ctx *hcl.EvalContext, name string) (cty.Value, bool) {
	for ; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[name]; ok {
			return v, true
		}
	}
	return cty.NilVal, false
}

func (e *refExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	s.ev.depth += e.depth + nodeDepth
	defer func() { s.ev.depth -= e.depth + nodeDepth }()
	path, key := e.root, cty.NilVal
	if e.key != nil {
		k, ds := e.key.Value(ctx)
		if ds.HasErrors() {
			return cty.DynamicVal, ds
		}
		if bare, _ := k.Unmark(); bare.IsKnown() && !bare.IsNull() && !k.HasMark(unordered{}) {
			path = append(append(hcl.Traversal{}, e.root...), hcl.TraverseIndex{Key: bare, SrcRange: e.key.Range()})
			path = append(path, e.rest...)
		} else {
			key = k
		}
	}
	var v cty.Value
	var ds hcl.Diagnostics
	if l, ok := localVariable(ctx, path.RootName()); ok {
		v, ds = s.steps(l, path[1:])
	} else {
		v, ds = s.resolve(path, e.Range())
	}
	if ds.HasErrors() && e.key != nil && key == cty.NilVal {
		s.missedIn(e, ctx)
	}
	if key == cty.NilVal || ds.HasErrors() {
		return v, ds
	}
	v, ds = s.index(v, key, e.key.Range())
	if ds.HasErrors() {
		return cty.DynamicVal, ds
	}
	return s.steps(v, e.rest)
}

func (e *pathExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	v, ds := e.source.Value(ctx)
	if ds.HasErrors() {
		return cty.DynamicVal, ds
	}
	return s.steps(v, e.path)
}

func (e *indexExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	coll, ds := e.coll.Value(ctx)
	key, kds := e.key.Value(ctx)
	if ds = append(ds, kds...); ds.HasErrors() {
		return cty.DynamicVal, ds
	}
	v, ds := s.index(coll, key, e.bracket)
	if ds.HasErrors() {
		s.missed(coll, e.key, ctx)
	}
	return v, ds
}

func (s *scope) index(coll, key cty.Value, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	if bare, _ := key.Unmark(); bare.IsKnown() && !key.HasMark(unordered{}) {
		return s.steps(coll, hcl.Traversal{hcl.TraverseIndex{Key: key, SrcRange: r}})
	}
	bare, _ := key.Unmark()
	v, ds := hcl.Index(coll, mark2(cty.UnknownVal(bare.Type()), causesOf(key)), &r)
	return s.derive(v, coll, key), ds
}

// steps takes a path into a value. Beyond an unknown value the path names the
// part: equal paths into one unknown are equal values.
func (s *scope) steps(v cty.Value, path hcl.Traversal) (cty.Value, hcl.Diagnostics) {
	for i, step := range path {
		if bare, own, others := splitMarks(v); !bare.IsKnown() {
			s.uncertain++
			if e, ok := s.element(oneTerm(own), path[i]); ok {
				return s.steps(e.WithMarks(others), path[i+1:])
			}
			part, ds := path[i:].TraverseRel(bare)
			if ds.HasErrors() {
				return cty.DynamicVal, ds
			}
			part, _ = part.Unmark()
			if part.IsKnown() {
				return part.WithMarks(others), nil
			}
			if t := oneTerm(own); t != "" {
				return mark(part, t+renderPath(path[i:]), own).WithMarks(others), nil
			}
			return s.derive(mark2(part, own).WithMarks(others)), nil
		}
		if v.HasMark(unordered{}) {
			s.uncertain++
			if _, ds := step.TraversalStep(v); ds.HasErrors() {
				return cty.DynamicVal, ds
			}
			return s.fresh(cty.DynamicVal, append(causesOf(v), s.orderCause())), nil
		}
		part, ds := step.TraversalStep(v)
		if ds.HasErrors() {
			if u := s.keyUnknown(v, step); u != nil {
				s.uncertain++
				return s.fresh(cty.DynamicVal, []*ir.Unknown{u}), nil
			}
			return cty.DynamicVal, ds
		}
		v = part
	}
	return v, nil
}

// keyUnknown is why a key that is not found may be there all the same: it, or a
// key of the collection, is an id that AWS has yet to assign.
func (s *scope) keyUnknown(v cty.Value, step hcl.Traverser) *ir.Unknown {
	bare, _ := v.Unmark()
	i, ok := step.(hcl.TraverseIndex)
	if t := bare.Type(); !ok || bare.IsNull() || !t.IsMapType() && !t.IsObjectType() {
		return nil
	}
	if k, _ := i.Key.Unmark(); k.Type() == cty.String && k.IsKnown() && !k.IsNull() && tf.HasSymbol(k.AsString()) {
		return s.ev.symbolCause(k.AsString())
	}
	for it := bare.ElementIterator(); it.Next(); {
		if k, _ := it.Element(); tf.HasSymbol(k.AsString()) {
			return s.ev.symbolCause(k.AsString())
		}
	}
	return nil
}

// renderPath writes a path as an address continues: ["a"].id[0].
func renderPath(path hcl.Traversal) string {
	var b strings.Builder
	for _, s := range path {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			b.WriteString(renderKey(s.Key))
		case hcl.TraverseSplat:
			b.WriteString("[*]")
		}
	}
	return b.String()
}

// renderKey writes the key of an instance.
func renderKey(key cty.Value) string {
	if key == cty.NilVal {
		return ""
	}
	key, _ = key.Unmark()
	switch {
	case !key.IsKnown() || key.IsNull():
		return "[*]"
	case key.Type() == cty.Number:
		return "[" + key.AsBigFloat().Text('f', -1) + "]"
	case key.Type() == cty.String:
		return fmt.Sprintf("[%q]", tf.Readable(key.AsString()))
	}
	return "[*]"
}

func (e *derivedExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	v, ds := e.Expression.Value(ctx)
	if ds.HasErrors() {
		return v, ds
	}
	if bare, _ := v.Unmark(); bare.Type() == cty.Number && bare.IsKnown() && !bare.IsNull() && hugeNumber(bare.AsBigFloat()) {
		return s.fresh(cty.UnknownVal(cty.Number), []*ir.Unknown{s.limit("its number is too large")}), nil
	}
	return s.derive(v), ds
}

func (e *attrSplatExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	t := e.ref.root
	name, _ := attrName(e.path, 0)
	if _, ok := localVariable(ctx, t.RootName()); ok || len(t) != 2 || s.closed != "" {
		return e.Expression.Value(ctx)
	}
	typ, _ := attrName(t, 1)
	r := s.mod.dir.resources[t.RootName()+"."+typ]
	if r == nil || name == "" || r.attrs["count"] == nil {
		return e.Expression.Value(ctx)
	}
	x := s.mod.expand(r.block, r.local())
	if !x.sure() {
		return e.Expression.Value(ctx)
	}
	if v, ok := s.spend((len(x.keys) + 1) * exprSteps); !ok {
		return v, nil
	}
	s.ev.depth += e.ref.depth + nodeDepth
	defer func() { s.ev.depth -= e.ref.depth + nodeDepth }()
	vs := make([]cty.Value, 0, len(x.keys))
	for _, k := range x.keys {
		v, ds := s.steps(s.mod.instance(r, k).refer(name), e.path[1:])
		if ds.HasErrors() {
			return e.Expression.Value(ctx)
		}
		if len(s.seen) < maxSeen && s.holdsUnknown(v) {
			s.seen = append(s.seen, v)
		}
		vs = append(vs, v)
	}
	return cty.TupleVal(vs), nil
}

func (e *elementExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	before := s.ev.assumptions
	v, ds := e.Expression.Value(ctx)
	if ds.HasErrors() && s.trying == 0 {
		return s.refused(ds, e.Range(), before), nil
	}
	return v, ds
}

func (e *hugeExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	return s.fresh(cty.UnknownVal(cty.Number), []*ir.Unknown{s.limit("its number is too large")}), nil
}

func (e *opaqueExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, ds := e.Expression.Value(ctx)
	return scopeOf(ctx).opaque(v), ds
}

func (e *countedExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	v, ds := e.Expression.Value(ctx)
	bare, _ := v.Unmark()
	if ds.HasErrors() || bare.IsNull() || !bare.IsKnown() || !bare.CanIterateElements() {
		return v, ds
	}
	if w, ok := s.spend(bare.LengthInt() * exprSteps); !ok {
		return w, nil
	}
	t := bare.Type()
	list := t.IsListType() || t.IsTupleType()
	switch {
	case v.HasMark(unordered{}) && (!list || e.indexed):
		s.uncertain++ // which value goes with which key is not known
		return s.fresh(cty.DynamicVal, append(causesOf(v), s.orderCause())), ds
	case !list && orderUnknown(bare):
		return v.Mark(unordered{}), ds
	}
	return v, ds
}

// Value makes a list or an object. An object does not depend on the order that
// its elements came in; the lists of a grouping one do.
func (e *forExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if s.ev.oversize[e] { // it may stand in another loop
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("its value is too large")}), nil
	}
	before := s.kept
	s.kept = 0
	v, ds := (&derivedExpr{e.Expression}).Value(ctx)
	over := s.kept > s.ev.limits.Value
	s.kept = before
	if over {
		s.ev.oversize[e] = true
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("its value is too large")}), nil
	}
	if !e.object || !v.HasMark(unordered{}) {
		return v, ds
	}
	v = without(v, unordered{})
	if bare, ms := v.Unmark(); e.group && bare.IsKnown() {
		v = rebuild(bare, func(g cty.Value) cty.Value { return g.Mark(unordered{}) }).WithMarks(ms)
	}
	return v, ds
}

func (e *keptExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if s.kept > s.ev.limits.Value {
		return cty.DynamicVal, nil
	}
	before := s.kept
	v, ds := e.Expression.Value(ctx)
	s.kept = before + s.weigh(v)
	return v, ds
}

// weigh is how large a value is, in elements.
func (s *scope) weigh(v cty.Value) int {
	l := s.ev.limits
	f := inspect(v, l)
	s.ev.steps -= f.work()
	if f.huge {
		return l.Value + 1
	}
	return f.size + f.bytes/(1+l.String/l.Value)
}

// orderCause is why a place in a bag is not known.
func (s *scope) orderCause() *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Computed, Message: "the order of ids is known after apply", Address: s.name, Range: s.place}}
}

func (e *equalExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	l, ds := e.left.Value(ctx)
	r, rds := e.right.Value(ctx)
	if ds = append(ds, rds...); ds.HasErrors() {
		return cty.UnknownVal(cty.Bool), ds
	}
	lf, rf := inspect(l, s.ev.limits), inspect(r, s.ev.limits)
	if v, ok := s.spend(lf.work() + rf.work()); !ok {
		return v, nil
	}
	if lf.huge || rf.huge {
		return s.fresh(cty.UnknownVal(cty.Bool), []*ir.Unknown{s.limit("a value in it is too large")}), nil
	}
	v, err := stdlib.EqualFunc.Call([]cty.Value{l, r})
	if err != nil {
		return cty.UnknownVal(cty.Bool), failed(e.Range(), "these cannot be compared: %s", err)
	}
	bare, ms := v.Unmark()
	// Two different symbols are different ids; texts that contain symbols may
	// still turn out equal, and so may names of different lists.
	if (lf.composed || rf.composed || (lf.listed || rf.listed) && mixed(l, r)) && bare.IsKnown() && bare.False() {
		v, _ := stdlib.EqualFunc.Call([]cty.Value{s.opaque(l), s.opaque(r)})
		bare, ms = v.Unmark()
	}
	if lf.unordered || rf.unordered {
		ms = cty.NewValueMarks(unordered{}, ms)
	}
	if e.negate {
		bare = bare.Not()
	}
	return s.derive(bare.WithMarks(ms), l, r), nil
}

func (e *templateExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	var b strings.Builder
	var ds hcl.Diagnostics
	var vs []cty.Value
	marks := cty.ValueMarks{}
	known := true
	for _, p := range e.parts {
		v, pds := p.Value(ctx)
		if ds = append(ds, pds...); pds.HasErrors() {
			continue
		}
		bare, _, others := splitMarks(v)
		for m := range others {
			marks[m] = struct{}{}
		}
		if bare.IsNull() {
			ds = append(ds, failed(p.Range(), "null cannot stand in a string")...)
			continue
		}
		text, err := convert.Convert(bare, cty.String)
		switch {
		case err != nil:
			ds = append(ds, failed(p.Range(), "this value cannot stand in a string: %s", err)...)
		case !text.IsKnown():
			known = false
			vs = append(vs, v)
		case known:
			if b.WriteString(text.AsString()); b.Len() > s.ev.limits.String {
				return s.fresh(cty.UnknownVal(cty.String), []*ir.Unknown{s.limit("its text is too long")}).WithMarks(marks), nil
			}
		}
	}
	if ds.HasErrors() {
		return cty.UnknownVal(cty.String), ds
	}
	if v, ok := s.spend(b.Len() / stepBytes); !ok {
		return v, nil
	}
	if known {
		return cty.StringVal(b.String()).WithMarks(marks), ds
	}
	v := cty.UnknownVal(cty.String).RefineNotNull()
	if prefix := b.String(); prefix != "" && !tf.HasSymbol(prefix) {
		v = v.Refine().StringPrefix(prefix[:min(len(prefix), maxPrefix)]).NewValue()
	}
	return s.derive(v.WithMarks(marks), vs...), ds
}

func (e *joinExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	tuple, ds := e.tuple.Value(ctx)
	bare, _, others := splitMarks(tuple)
	if ds.HasErrors() || !bare.IsKnown() || bare.IsNull() || !bare.CanIterateElements() {
		return s.derive(cty.UnknownVal(cty.String).WithMarks(others), tuple), ds
	}
	parts := make([]hclsyntax.Expression, 0, bare.LengthInt())
	for it := bare.ElementIterator(); it.Next(); {
		_, v := it.Element()
		parts = append(parts, &hclsyntax.LiteralValueExpr{Val: v, SrcRange: e.Range()})
	}
	v, tds := (&templateExpr{Expression: e.Expression, parts: parts}).Value(ctx)
	return v.WithMarks(others), append(ds, tds...)
}

// limit is the cause of everything that postern's own bounds cut off.
func (s *scope) limit(what string) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Limit, Message: fmt.Sprintf("%s is not evaluated: %s", s.name, what), Address: s.name, Range: s.place}}
}
