package hcl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// trait says how a function treats what is not plain about its arguments.
type trait uint16

const (
	// moves: it moves and compares whole strings without looking into them, so
	// that symbols are as good as any text. Every other function gets unknown
	// strings in place of symbols.
	moves trait = 1 << iota
	// compares: the answer depends on whether strings are equal; texts that
	// only contain symbols are then unknown.
	compares
	// keeps: elements of the result are elements of the arguments.
	keeps
	// picks: the result is one of the elements, or the argument converted.
	picks
	// anyOrder: the order of its arguments' elements does not matter.
	anyOrder
	// bags: of lists in any order it makes a list in any order.
	bags
	// converts: it may yet fail on an unknown value.
	converts
	// counts: it looks into a string, but not into those of a collection.
	counts
)

// builtin is a function of the language. Exactly one of fn, scoped, lazy and
// effect is set.
type builtin struct {
	traits trait
	fn     function.Function
	// scoped needs the place it is called from: files.
	scoped func(s *scope, args []cty.Value) (cty.Value, error)
	params int // of scoped
	// lazy evaluates its own arguments.
	lazy func(s *scope, ctx *hcl.EvalContext, e *callExpr) (cty.Value, hcl.Diagnostics)
	// effect is why the result differs from call to call.
	effect string
	typ    cty.Type // of the unknown result of effect
	// grows predicts the size of the result, in elements and bytes together,
	// where it can exceed that of the arguments.
	grows func(args []cty.Value) int
	// toil predicts the steps of a function that takes much longer than to walk
	// over its arguments.
	toil func(args []cty.Value) int
}

func (b builtin) has(t trait) bool { return b.traits&t != 0 }

func (e *callExpr) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	s := scopeOf(ctx)
	if v, ok := s.spend(exprSteps); !ok {
		return v, nil
	}
	name := strings.TrimPrefix(e.call.Name, "core::")
	b, ok := builtins[name]
	switch {
	case !ok && strings.HasPrefix(name, "provider::"):
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.functionCause(e, name+" is a function of a provider, which postern does not run")}), nil
	case !ok:
		return cty.DynamicVal, failed(e.call.NameRange, "there is no function %s", name)
	case b.lazy != nil:
		return b.lazy(s, ctx, e)
	case name == "templatestring" && len(e.call.Args) > 0 && isText(e.call.Args[0]):
		return cty.DynamicVal, failed(e.call.Args[0].Range(), "templatestring takes a reference to a template, not its text; a string is a template already")
	}
	if v, ok := s.mod.constants[e]; ok && s.isConstant(ctx, e) {
		return v, nil
	}
	before := s.ev.assumptions
	args, ds := e.arguments(ctx)
	if ds.HasErrors() {
		return cty.DynamicVal, ds
	}
	v, ds := s.call(e, name, b, args)
	if !ds.HasErrors() && b.fn != (function.Function{}) && s.ev.assumptions == before && s.isConstant(ctx, e) {
		if f := inspect(v, s.ev.limits); !f.unknown && !f.marked && !f.huge {
			s.mod.constants[e] = v
		}
	}
	return v, ds
}

// isConstant reports whether a call has one value in the module: nothing binds
// the names var and local.
func (s *scope) isConstant(ctx *hcl.EvalContext, e *callExpr) bool {
	if !e.constant || s.closed != "" {
		return false
	}
	_, v := localVariable(ctx, "var")
	_, l := localVariable(ctx, "local")
	return !v && !l
}

// isText reports whether an argument is a quoted string or a heredoc.
func isText(e hclsyntax.Expression) bool {
	switch written(e).(type) {
	case *hclsyntax.TemplateExpr, *templateExpr, *hclsyntax.TemplateWrapExpr:
		return true
	}
	return false
}

func (s *scope) functionCause(e *callExpr, msg string) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Function, Message: msg, Address: s.name, Range: s.ev.files.place(e.Range())}}
}

// arguments evaluates the arguments, the last one spread out when it is
// followed by an ellipsis.
func (e *callExpr) arguments(ctx *hcl.EvalContext) ([]cty.Value, hcl.Diagnostics) {
	var args []cty.Value
	var ds hcl.Diagnostics
	for i, a := range e.call.Args {
		v, ads := a.Value(ctx)
		if ds = append(ds, ads...); ads.HasErrors() {
			continue
		}
		if !e.call.ExpandFinal || i < len(e.call.Args)-1 {
			args = append(args, v)
			continue
		}
		bare, ms := v.Unmark()
		t := bare.Type()
		switch {
		case bare.IsNull():
			ds = append(ds, failed(a.Range(), "the value before ... is null")...)
		case !bare.IsKnown():
			args = append(args, expanded{}.mark(v))
		case !t.IsTupleType() && !t.IsListType() && !t.IsSetType():
			ds = append(ds, failed(a.Range(), "the value before ... must be a list, a set or a tuple")...)
		default:
			for it := bare.ElementIterator(); it.Next(); {
				_, x := it.Element()
				args = append(args, x.WithMarks(ms))
			}
		}
	}
	return args, ds
}

// expanded marks an argument that stands for an unknown number of arguments.
type expanded struct{}

func (x expanded) mark(v cty.Value) cty.Value { return v.Mark(x) }

// distinguishing are functions that leave out what is equal to something else.
var distinguishing = []string{"toset", "distinct", "setunion"}

func (s *scope) call(e *callExpr, name string, b builtin, args []cty.Value) (cty.Value, hcl.Diagnostics) {
	var all facts
	given := args
	args = append([]cty.Value{}, args...)
	if name == "element" {
		if v, ok := s.elementOf(args); ok {
			return v, nil
		}
	}
	shuffled, lists, work := false, 0, 0
	blurred := b.has(compares) || slices.Contains(distinguishing, name)
	for i, a := range args {
		if a.HasMark(expanded{}) {
			return s.derive(cty.DynamicVal, given...), nil
		}
		f := inspect(a, s.ev.limits)
		work += f.work()
		if f.huge {
			return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("an argument of " + name + " is too large")}), nil
		}
		if f.symbol && (!b.has(moves) || b.has(counts) && a.Type() == cty.String || f.composed && b.has(compares) || f.listed && blurred && mixed(given...)) {
			args[i] = s.opaque(a)
		}
		all.unknown = all.unknown || f.unknown
		if t := a.Type(); t.IsCollectionType() || t.IsTupleType() {
			lists++
		}
		if b.has(picks) {
			// What is picked from inside keeps the mark that it has itself.
			bare, _ := a.Unmark()
			set := b.has(bags) && !bare.IsNull() && bare.IsKnown() && bare.CanIterateElements() && orderUnknown(bare)
			shuffled = shuffled || a.HasMark(unordered{}) || set
		} else {
			shuffled = shuffled || f.unordered || f.ambiguous || name == "sort" && (f.symbol || f.unknown) && f.size > 2
		}
	}
	if v, ok := s.spend(work); !ok {
		return v, nil
	}
	if b.effect != "" {
		return s.fresh(cty.UnknownVal(b.typ), []*ir.Unknown{s.functionCause(e, name+"() "+b.effect)}), nil
	}
	if all.unknown && (!b.has(keeps) || b.has(converts)) {
		s.uncertain++
	}
	v, err := s.apply(b, args)
	if errors.Is(err, errToil) {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit(name + " would take too long")}), nil
	}
	if errors.Is(err, errGrows) {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("the result of " + name + " is too large")}), nil
	}
	if err != nil {
		return cty.DynamicVal, failed(e.Range(), "%s: %s", name, strings.TrimPrefix(redact(reasonOf(err), e.computed(given)...), name+": "))
	}
	f := inspect(v, s.ev.limits)
	if w, ok := s.spend(f.work()); !ok {
		return w, nil
	}
	if f.huge {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("the result of " + name + " is too large")}), nil
	}
	return s.ordered(b, v, given, shuffled, all.unknown, lists), nil
}

// ordered judges a result by what is known of the order of the arguments.
func (s *scope) ordered(b builtin, v cty.Value, given []cty.Value, shuffled, unknown bool, lists int) cty.Value {
	switch {
	case shuffled && (b.has(counts) && unknown || !b.has(anyOrder) && (!b.has(bags) || lists > 1 && !b.has(keeps))):
		bare, _ := v.Unmark()
		s.uncertain++
		return s.fresh(cty.UnknownVal(bare.Type()), append(causesOf(given...), s.orderCause()))
	case shuffled && b.has(bags) && !v.Type().IsSetType():
		v = v.Mark(unordered{})
	case v.HasMark(unordered{}):
		v = without(v, unordered{})
	}
	return s.result(b, v, given)
}

func without(v cty.Value, m any) cty.Value {
	bare, ms := v.Unmark()
	delete(ms, m)
	return bare.WithMarks(ms)
}

// result gives what is unknown in a result its terms.
func (s *scope) result(b builtin, v cty.Value, args []cty.Value) cty.Value {
	bare, own, _ := splitMarks(v)
	switch {
	case !bare.IsKnown():
		if b.has(picks) && oneTerm(own) != "" && chosenSurely(args) && !(b.has(converts) && reorders(args[0].Type(), bare.Type())) {
			return v
		}
		return s.derive(v, args...)
	case bare.IsWhollyKnown() || b.has(keeps):
		return v
	}
	causes := causesOf(append(args, v)...)
	if len(causes) == 0 || !bare.CanIterateElements() || bare.Type().IsSetType() {
		return v
	}
	return s.refresh(v, causes)
}

// reorders reports whether a conversion changes which element stands where:
// between sets and lists.
func reorders(from, to cty.Type) bool {
	return to.IsSetType() && !from.IsSetType() || from.IsSetType() && !to.IsSetType()
}

// chosenSurely reports whether it is known which element a function picks:
// nothing but elements is unknown.
func chosenSurely(args []cty.Value) bool {
	if len(args) == 1 {
		return true
	}
	for _, a := range args[:min(2, len(args))] {
		if bare, _ := a.Unmark(); !bare.IsKnown() {
			return false
		}
	}
	return true
}

// refresh gives every unknown in a value a term of its own.
func (s *scope) refresh(v cty.Value, causes []*ir.Unknown) cty.Value {
	bare, _, others := splitMarks(v)
	switch {
	case !bare.IsKnown():
		return s.fresh(bare, causes).WithMarks(others)
	case bare.IsNull() || !bare.CanIterateElements() || bare.IsWhollyKnown() || bare.Type().IsSetType():
		return v
	}
	return rebuild(bare, func(e cty.Value) cty.Value { return s.refresh(e, causes) }).WithMarks(others)
}

// reasonOf is an error of a function. That it panicked is no fault of whoever
// wrote the configuration, and the stack is nobody's business.
func reasonOf(err error) string {
	var panicked function.PanicError
	if errors.As(err, &panicked) {
		return "it has no result for these arguments"
	}
	return err.Error()
}

// computed returns the arguments that are not written out as literals.
func (e *callExpr) computed(args []cty.Value) []cty.Value {
	var out []cty.Value
	for i, a := range args {
		if i < len(e.call.Args) {
			if _, ok := literal(e.call.Args[i]); ok {
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

// redact takes the texts of values out of a message: they may be secrets.
func redact(msg string, vs ...cty.Value) string {
	for _, v := range vs {
		bare, _ := v.UnmarkDeep()
		_ = cty.Walk(bare, func(_ cty.Path, x cty.Value) (bool, error) {
			if x.Type() == cty.String && x.IsKnown() && !x.IsNull() && x.AsString() != "" {
				msg = strings.ReplaceAll(msg, strconv.Quote(x.AsString()), "(a value)")
				if len(x.AsString()) > 3 {
					msg = strings.ReplaceAll(msg, x.AsString(), "(a value)")
				}
			}
			return true, nil
		})
	}
	return msg
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

var (
	errGrows = errors.New("too large")
	errToil  = errors.New("too long")
)

// apply checks and converts the arguments and calls the function.
func (s *scope) apply(b builtin, args []cty.Value) (cty.Value, error) {
	n := len(args) * len(args) / comparisons // their types, to find one for all
	if b.toil != nil && wholly(args) {
		n += b.toil(args)
	}
	if n > 0 {
		if n > s.ev.steps {
			return cty.NilVal, errToil
		}
		s.ev.steps -= n
	}
	if b.scoped != nil {
		if len(args) != b.params {
			return cty.NilVal, fmt.Errorf("it takes %s, not %d", plural(b.params, "argument"), len(args))
		}
		return b.scoped(s, args)
	}
	params, rest := b.fn.Params(), b.fn.VarParam()
	switch {
	case len(args) < len(params):
		return cty.NilVal, fmt.Errorf("it needs %s, not %d", plural(len(params), "argument"), len(args))
	case len(args) > len(params) && rest == nil:
		return cty.NilVal, fmt.Errorf("it takes %s, not %d", plural(len(params), "argument"), len(args))
	}
	for i := range args {
		p := rest
		if i < len(params) {
			p = &params[i]
		}
		if p.Type.IsSetType() {
			s.ev.steps -= elements(args[i]) / 2
		}
		v, err := convertTo(args[i], p.Type)
		if err != nil {
			return cty.NilVal, fmt.Errorf("invalid value for %q: %s", p.Name, errorText(err))
		}
		args[i] = v
	}
	if b.grows != nil && wholly(args) && b.grows(args) > s.ev.limits.Value {
		return cty.NilVal, errGrows
	}
	return b.fn.Call(args)
}

// wholly reports whether arguments can be measured.
func wholly(args []cty.Value) bool {
	for _, a := range args {
		if !a.IsWhollyKnown() || a.IsNull() {
			return false
		}
	}
	return true
}

// try returns the first argument that can be evaluated. An argument with
// unknown values in it is that only if nothing in it can still fail.
func try(s *scope, ctx *hcl.EvalContext, e *callExpr) (cty.Value, hcl.Diagnostics) {
	if len(e.call.Args) == 0 {
		return cty.DynamicVal, failed(e.Range(), "try needs an argument")
	}
	var first hcl.Diagnostics
	for _, a := range e.call.Args {
		v, ds, sure := s.attempt(ctx, a)
		switch {
		case ds.HasErrors():
			if first == nil {
				first = ds
			}
		case sure:
			return v, nil
		default:
			return s.derive(cty.DynamicVal, v), nil
		}
	}
	return cty.DynamicVal, failed(e.Range(), "none of the arguments of try has a value; the first: %s", message(first[0]))
}

// attempt evaluates an expression and says whether it surely evaluates to that.
func (s *scope) attempt(ctx *hcl.EvalContext, a hclsyntax.Expression) (v cty.Value, ds hcl.Diagnostics, sure bool) {
	before := s.uncertain
	v, ds = s.maybe(ctx, a)
	if ds.HasErrors() {
		s.uncertain = before
		return v, ds, true
	}
	bare, _ := v.UnmarkDeep()
	return v, ds, s.uncertain == before || bare.IsWhollyKnown()
}

func can(s *scope, ctx *hcl.EvalContext, e *callExpr) (cty.Value, hcl.Diagnostics) {
	if len(e.call.Args) != 1 {
		return cty.DynamicVal, failed(e.Range(), "can takes one argument")
	}
	v, ds, sure := s.attempt(ctx, e.call.Args[0])
	switch {
	case ds.HasErrors():
		return cty.False, nil
	case sure:
		return cty.True, nil
	}
	return s.derive(cty.UnknownVal(cty.Bool), v), nil
}
