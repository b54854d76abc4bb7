package hcl

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/postern-dev/postern/ir"
)

func (e *condExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	c, ds := e.cond.Value(ctx)
	if ds.HasErrors() {
		return cty.DynamicVal, ds
	}
	bare, causes, others := splitMarks(s.opaque(c))
	if bare.IsNull() {
		return cty.DynamicVal, failed(e.cond.Range(), "the condition is null")
	}
	b, err := convert.Convert(bare, cty.Bool)
	if err != nil {
		return cty.DynamicVal, failed(e.cond.Range(), "the condition is not a boolean: %s", err)
	}
	if b.IsKnown() {
		taken, other := e.yes, e.no
		if b.False() {
			taken, other = other, taken
		}
		v, ds := taken.Value(ctx)
		o, ods := s.maybe(ctx, other)
		if w, ok := s.branchWork(v, o); !ok {
			return w, nil
		}
		v, ds = unify(v, o, ds, ods)
		return v.WithMarks(others), ds
	}
	yes, yds := s.maybe(ctx, e.yes)
	no, nds := s.maybe(ctx, e.no)
	if yds.HasErrors() || nds.HasErrors() {
		return s.fresh(cty.DynamicVal, causes).WithMarks(others), nil
	}
	if w, ok := s.branchWork(yes, no); !ok {
		return w, nil
	}
	return s.choice(yes, no, causes).WithMarks(others), nil
}

// branchWork charges for comparing the branches and their types.
func (s *scope) branchWork(yes, no cty.Value) (cty.Value, bool) {
	n := 0
	for _, v := range []cty.Value{yes, no} {
		if !v.Type().IsPrimitiveType() {
			n += inspect(v, s.ev.limits).work()
		}
	}
	return s.spend(n)
}

// maybe evaluates an expression whose errors count only if its value is taken.
func (s *scope) maybe(ctx *hcl.EvalContext, e hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	s.trying++
	defer func() { s.trying-- }()
	return e.Value(ctx)
}

// unify converts the taken branch to the type that both branches share, as
// conditionals do, whatever the other one's value.
func unify(taken, other cty.Value, ds, otherDs hcl.Diagnostics) (cty.Value, hcl.Diagnostics) {
	if ds.HasErrors() || otherDs.HasErrors() {
		return taken, ds
	}
	t, o := taken.Type(), other.Type()
	if t == cty.DynamicPseudoType && taken.IsNull() {
		return cty.NullVal(o).WithSameMarks(taken), ds
	}
	if t == cty.DynamicPseudoType || o == cty.DynamicPseudoType || t.Equals(o) {
		return taken, ds
	}
	if many(taken) || many(other) {
		return taken, ds // cty would take too long; a tuple does as well as a list
	}
	if _, convs := convert.UnifyUnsafe([]cty.Type{t, o}); convs != nil && convs[0] != nil {
		if v, err := convs[0](taken); err == nil {
			return v, ds
		}
	}
	return taken, ds
}

// choice is one of two values, which one is not known.
func (s *scope) choice(yes, no cty.Value, causes []*ir.Unknown) cty.Value {
	yes, _ = unify(yes, no, nil, nil)
	no, _ = unify(no, yes, nil, nil)
	y, yc, ym := splitMarks(yes)
	n, nc, nm := splitMarks(no)
	if y.IsWhollyKnown() && n.IsWhollyKnown() && y.RawEquals(n) {
		return y.WithMarks(ym, nm)
	}
	s.uncertain++
	t := cty.DynamicPseudoType
	if y.Type().Equals(n.Type()) {
		t = y.Type()
	}
	v := cty.UnknownVal(t)
	if t == cty.Number && y.IsKnown() && n.IsKnown() && !y.IsNull() && !n.IsNull() {
		lo, hi := y, n
		if lo.GreaterThan(hi).True() {
			lo, hi = hi, lo
		}
		v = v.Refine().NotNull().NumberRangeInclusive(lo, hi).NewValue()
	} else if t != cty.DynamicPseudoType && y.Range().DefinitelyNotNull() && n.Range().DefinitelyNotNull() {
		v = v.RefineNotNull()
	}
	if len(causes) == 0 {
		causes = append(append(causes, yc...), nc...)
	}
	if len(causes) > 0 {
		v = s.fresh(v, causes)
	}
	return v.WithMarks(ym, nm)
}
