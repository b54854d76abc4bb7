package hcl

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Expressions are evaluated by hclsyntax, with some nodes of the syntax tree
// replaced by our own: references, which ask the evaluator for the one value
// they name; function calls, conditionals and templates, which differ where
// values are unknown; and a shell around every other operation, which gives an
// unknown result its own term. Each shell embeds the node it replaces, so that
// it still is a hclsyntax.Expression. A tree is changed once, when its file is
// loaded, and only read afterwards.

type (
	// refExpr is a reference: root.a.b[0].c, or root.a[key].c with a computed key.
	refExpr struct {
		hclsyntax.Expression
		root hcl.Traversal
		key  hclsyntax.Expression // may be nil
		rest hcl.Traversal
		// depth is how deep in its argument the reference stands: the stack
		// that its evaluation finds in use.
		depth int
	}
	// pathExpr takes a path into the value of any expression.
	pathExpr struct {
		hclsyntax.Expression
		source hclsyntax.Expression
		path   hcl.Traversal
	}
	indexExpr struct {
		hclsyntax.Expression
		coll, key hclsyntax.Expression
		bracket   hcl.Range
	}
	condExpr struct {
		hclsyntax.Expression
		cond, yes, no hclsyntax.Expression
	}
	templateExpr struct {
		hclsyntax.Expression
		parts []hclsyntax.Expression
	}
	joinExpr struct {
		hclsyntax.Expression
		tuple hclsyntax.Expression
	}
	callExpr struct {
		hclsyntax.Expression
		call *hclsyntax.FunctionCallExpr
		// constant: it refers to variables and locals only, so that its value is
		// the same wherever it stands in a loop of the module.
		constant bool
	}
	// equalExpr is == and !=.
	equalExpr struct {
		hclsyntax.Expression
		left, right hclsyntax.Expression
		negate      bool
	}
	// elementExpr is an element of a list or object that is written out: when
	// it has no value, the others still have theirs.
	elementExpr struct{ hclsyntax.Expression }
	// hugeExpr is a number beyond the limits.
	hugeExpr struct{ hclsyntax.Expression }
	// derivedExpr is any other operation.
	derivedExpr struct{ hclsyntax.Expression }
	// attrSplatExpr is root.name[*].attr. Of a resource's instances only that
	// attribute is evaluated.
	attrSplatExpr struct {
		hclsyntax.Expression
		ref  *refExpr
		path hcl.Traversal
	}
	// opaqueExpr hides symbols from an operation that looks into strings.
	opaqueExpr struct{ hclsyntax.Expression }
	// countedExpr is the collection of a for or splat expression: its length
	// is charged to the root's account before the iteration begins.
	countedExpr struct {
		hclsyntax.Expression
		indexed bool // what is made of an element depends on its place
	}
	forExpr struct {
		hclsyntax.Expression
		object, group bool
	}
	// keptExpr is what a for expression makes of an element: it is weighed, so
	// that a loop ends once all of it together is too large to be kept.
	keptExpr struct{ hclsyntax.Expression }
)

// instrument replaces nodes below an expression, and the expression itself.
// names collects the attribute names that are looked up anywhere.
func instrument(e hclsyntax.Expression, names map[string]bool) hclsyntax.Expression {
	return (&instrumenter{names: names}).expr(e)
}

type instrumenter struct {
	names map[string]bool
	depth int // of the expression within its argument
}

func (i *instrumenter) in(p *hclsyntax.Expression) {
	if *p != nil {
		*p = i.expr(*p)
	}
}

func (i *instrumenter) expr(e hclsyntax.Expression) hclsyntax.Expression {
	i.depth++
	defer func() { i.depth-- }()
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() == cty.Number && !e.Val.IsNull() && (!e.Val.IsKnown() || hugeNumber(e.Val.AsBigFloat())) {
			return &hugeExpr{e}
		}
		return e
	case *hclsyntax.ScopeTraversalExpr:
		collectNames(e.Traversal, i.names)
		return &refExpr{Expression: e, depth: i.depth, root: e.Traversal}
	case *hclsyntax.RelativeTraversalExpr:
		return i.path(e)
	case *hclsyntax.IndexExpr:
		root, ok := e.Collection.(*hclsyntax.ScopeTraversalExpr)
		i.in(&e.Collection)
		i.in(&e.Key)
		if ok {
			return &refExpr{Expression: e, depth: i.depth, root: root.Traversal, key: e.Key}
		}
		return &indexExpr{Expression: e, coll: e.Collection, key: e.Key, bracket: e.BracketRange}
	case *hclsyntax.ParenthesesExpr:
		i.in(&e.Expression)
		return e
	case *hclsyntax.TemplateWrapExpr:
		i.in(&e.Wrapped)
		return e
	case *hclsyntax.TupleConsExpr:
		for j := range e.Exprs {
			e.Exprs[j] = i.element(e.Exprs[j])
		}
		return e
	case *hclsyntax.ObjectConsExpr:
		return i.object(e)
	case *hclsyntax.TemplateExpr:
		return i.template(e)
	case *hclsyntax.TemplateJoinExpr:
		i.in(&e.Tuple)
		return &joinExpr{Expression: e, tuple: e.Tuple}
	case *hclsyntax.FunctionCallExpr:
		constant := refersToModule(e)
		for j := range e.Args {
			i.in(&e.Args[j])
		}
		return &callExpr{Expression: e, call: e, constant: constant}
	case *hclsyntax.ConditionalExpr:
		i.in(&e.Condition)
		i.in(&e.TrueResult)
		i.in(&e.FalseResult)
		return &condExpr{Expression: e, cond: e.Condition, yes: e.TrueResult, no: e.FalseResult}
	case *hclsyntax.ForExpr:
		return i.loop(e)
	case *hclsyntax.SplatExpr:
		return i.splat(e)
	case *hclsyntax.BinaryOpExpr:
		return i.binary(e)
	case *hclsyntax.UnaryOpExpr:
		i.in(&e.Val)
		e.Val = &opaqueExpr{e.Val}
		return &derivedExpr{e}
	}
	return e // anonymous symbols of splats, syntax errors
}

// refersToModule reports whether a call is of references to variables and locals,
// as they are written.
func refersToModule(e *hclsyntax.FunctionCallExpr) bool {
	for _, a := range e.Args {
		t, ok := a.(*hclsyntax.ScopeTraversalExpr)
		if !ok || t.Traversal.RootName() != "var" && t.Traversal.RootName() != "local" {
			return false
		}
	}
	return len(e.Args) > 0
}

func (i *instrumenter) template(e *hclsyntax.TemplateExpr) hclsyntax.Expression {
	for j := range e.Parts {
		i.in(&e.Parts[j])
	}
	if e.IsStringLiteral() {
		return e
	}
	return &templateExpr{Expression: e, parts: e.Parts}
}

func (i *instrumenter) loop(e *hclsyntax.ForExpr) hclsyntax.Expression {
	i.in(&e.CollExpr)
	i.in(&e.KeyExpr)
	i.in(&e.ValExpr)
	i.in(&e.CondExpr)
	e.CollExpr = &countedExpr{Expression: e.CollExpr, indexed: e.KeyVar != ""}
	e.ValExpr = &keptExpr{e.ValExpr}
	return &forExpr{Expression: e, object: e.KeyExpr != nil, group: e.Group}
}

func (i *instrumenter) splat(e *hclsyntax.SplatExpr) hclsyntax.Expression {
	i.in(&e.Source)
	i.in(&e.Each)
	source, each := e.Source, e.Each
	e.Source = &countedExpr{Expression: e.Source}
	if r, ok := source.(*refExpr); ok && r.key == nil {
		if p, ok := each.(*pathExpr); ok && p.source == hclsyntax.Expression(e.Item) {
			return &attrSplatExpr{Expression: &derivedExpr{e}, ref: r, path: p.path}
		}
	}
	return &derivedExpr{e}
}

// path joins root.a[key].b into one reference.
func (i *instrumenter) path(e *hclsyntax.RelativeTraversalExpr) hclsyntax.Expression {
	collectSteps(e.Traversal, i.names)
	if x, ok := e.Source.(*hclsyntax.IndexExpr); ok {
		if root, ok := x.Collection.(*hclsyntax.ScopeTraversalExpr); ok {
			collectNames(root.Traversal, i.names)
			return &refExpr{Expression: e, depth: i.depth, root: root.Traversal, key: i.expr(x.Key), rest: e.Traversal}
		}
	}
	e.Source = i.expr(e.Source)
	return &pathExpr{Expression: e, source: e.Source, path: e.Traversal}
}

func (i *instrumenter) object(e *hclsyntax.ObjectConsExpr) hclsyntax.Expression {
	computed := false
	for j := range e.Items {
		item := &e.Items[j]
		if k, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok {
			if k.ForceNonLiteral || hcl.ExprAsKeyword(k.Wrapped) == "" {
				k.Wrapped = i.expr(k.Wrapped)
				computed = true
			}
		} else {
			item.KeyExpr = i.expr(item.KeyExpr)
			computed = true
		}
		item.ValueExpr = i.element(item.ValueExpr)
	}
	if !computed {
		return e
	}
	return &derivedExpr{e}
}

func (i *instrumenter) element(e hclsyntax.Expression) hclsyntax.Expression {
	e = i.expr(e)
	switch e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr: // cannot fail
		return e
	}
	return &elementExpr{e}
}

func (i *instrumenter) binary(e *hclsyntax.BinaryOpExpr) hclsyntax.Expression {
	e.LHS, e.RHS = i.expr(e.LHS), i.expr(e.RHS)
	switch e.Op {
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		return &equalExpr{Expression: e, left: e.LHS, right: e.RHS, negate: e.Op == hclsyntax.OpNotEqual}
	}
	e.LHS, e.RHS = &opaqueExpr{e.LHS}, &opaqueExpr{e.RHS}
	return &derivedExpr{e}
}

// collectNames notes the attribute names that a reference may look up in a
// resource object: those of direct references to resources need no object.
func collectNames(t hcl.Traversal, names map[string]bool) {
	skip := 1
	switch t.RootName() {
	case "var", "local":
		skip = 2
	case "module":
		skip = 3
	case "data", "path", "terraform", "count":
		return
	}
	if len(t) > skip {
		collectSteps(t[skip:], names)
	}
}

func collectSteps(t hcl.Traversal, names map[string]bool) {
	for _, s := range t {
		switch s := s.(type) {
		case hcl.TraverseAttr:
			names[s.Name] = true
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
				names[s.Key.AsString()] = true
			}
		}
	}
}

// traversalOf returns the reference that an expression is, for the arguments
// that name things without evaluating them: provider, providers.
func traversalOf(e hclsyntax.Expression) hcl.Traversal {
	switch e := written(e).(type) {
	case *refExpr:
		if e.key == nil {
			return e.root
		}
	case *hclsyntax.ScopeTraversalExpr:
		return e.Traversal
	case *hclsyntax.TemplateWrapExpr:
		return traversalOf(e.Wrapped)
	case *hclsyntax.ObjectConsKeyExpr:
		return traversalOf(e.Wrapped)
	case *hclsyntax.TemplateExpr:
		if s, ok := literal(e); ok {
			t, ds := hclsyntax.ParseTraversalAbs([]byte(s), "", hcl.InitialPos)
			if !ds.HasErrors() {
				return t
			}
		}
	}
	return nil
}

// literal returns the text of a quoted string without interpolations.
func literal(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, _ := t.Value(nil)
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	return v.AsString(), true
}
