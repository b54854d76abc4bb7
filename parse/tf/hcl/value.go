package hcl

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// unordered marks a list whose order depends on ids that AWS has yet to
// assign: tolist(toset([aws_vpc.a.id, aws_vpc.b.id])). It is a bag: its elements
// are these, their places are not known, and where one of them is unknown it
// may be equal to another one. A scalar that carries the mark was made from
// such an order, and is unknown.
type unordered struct{}

// maxExponent bounds numbers: 1e1000000000 is short to write and a gigabyte to
// print.
const maxExponent = 1 << 14

// maxDepth bounds how deep values lie inside each other; everything that walks
// values recurses.
const maxDepth = 1_000

// maxPrefix bounds how much is remembered of the text before what is not known.
const maxPrefix = 128

// maxCauses bounds how many causes one unknown value carries along.
const maxCauses = 8

// facts is what one walk over a value finds.
type facts struct {
	size      int  // elements at any depth
	sorted    int  // of them, those that a walk puts in order first
	bytes     int  // of all strings together
	unknown   bool // something in it is unknown
	symbol    bool // a string holds a symbol
	composed  bool // a string holds a symbol and more
	listed    bool // a symbol is an element of a list that AWS knows
	ambiguous bool // a set or map whose order depends on symbols
	unordered bool // carries the mark
	marked    bool // it or something in it carries marks
	huge      bool // beyond the limits; the walk stopped
	depth     int  // of where the walk is
}

// inspect walks a value, and stops where it gets larger than the limits.
func inspect(v cty.Value, l Limits) facts {
	var f facts
	f.walk(v, l)
	if f.huge { // where the walk stopped is chance
		return facts{size: l.Value, huge: true, unknown: true, symbol: true, composed: true, listed: true, ambiguous: true, marked: true}
	}
	return f
}

func (f *facts) walk(v cty.Value, l Limits) {
	if f.huge {
		return
	}
	f.size++
	f.depth++
	defer func() { f.depth-- }()
	if f.size > l.Value || f.depth > maxDepth {
		f.huge = true
		return
	}
	if v.IsMarked() {
		f.marked = true
		var ms cty.ValueMarks
		v, ms = v.Unmark()
		if _, ok := ms[unordered{}]; ok {
			f.unordered = true
		}
	}
	switch {
	case v.IsNull():
	case !v.IsKnown():
		f.unknown = true
	case v.Type() == cty.String:
		f.text(v.AsString(), l)
	case v.Type() == cty.Number:
		f.huge = f.huge || hugeNumber(v.AsBigFloat())
		f.bytes += max(0, v.AsBigFloat().MantExp(nil)) / 8
	case v.CanIterateElements():
		f.elements(v, l)
	}
}

func (f *facts) text(s string, l Limits) {
	f.bytes += len(s)
	if f.bytes > l.String {
		f.huge = true
	}
	if tf.HasSymbol(s) {
		f.symbol = true
		if _, _, ok := tf.ParseSymbol(s); !ok {
			f.composed = true
		}
		if _, ok := tf.IsElement(s); ok {
			f.listed = true
		}
	}
}

func (f *facts) elements(v cty.Value, l Limits) {
	t := v.Type()
	keyed := t.IsMapType() || t.IsObjectType()
	if t.IsListType() || t.IsTupleType() {
		for _, e := range v.AsValueSlice() { // the iterator would make keys
			if f.walk(e, l); f.huge {
				return
			}
		}
		return
	}
	if t.IsObjectType() {
		f.attributes(v, l)
		return
	}
	n, symbols := 0, false
	for it := v.ElementIterator(); it.Next() && !f.huge; n++ {
		k, e := it.Element()
		if keyed {
			f.sorted++
		}
		if keyed {
			had := f.symbol
			f.symbol = false
			f.text(k.AsString(), l)
			symbols = symbols || f.symbol
			f.symbol = f.symbol || had
		}
		had := f.symbol
		f.symbol = false
		f.walk(e, l)
		symbols = symbols || t.IsSetType() && (f.symbol || !e.IsWhollyKnown())
		f.symbol = f.symbol || had
	}
	if t.IsSetType() {
		l := bits.Len(uint(n))
		f.sorted += n * l * l / 8 // a stable sort in place
	}
	if n > 1 && symbols {
		f.ambiguous = true
	}
}

// attributes walks over an object in any order: the iterator would sort them.
func (f *facts) attributes(v cty.Value, l Limits) {
	names := v.Type().AttributeTypes()
	had := f.symbol
	f.symbol = false
	for name := range names {
		f.text(name, l)
	}
	if len(names) > 1 && f.symbol {
		f.ambiguous = true
	}
	f.symbol = f.symbol || had
	f.sorted += len(names)
	for name := range names {
		if f.walk(v.GetAttr(name), l); f.huge {
			return
		}
	}
}

// orderUnknown reports whether a set or map iterates in an order that depends
// on ids that AWS has yet to assign, or on values that are not known.
func orderUnknown(v cty.Value) bool {
	t := v.Type()
	if v.LengthInt() < 2 || !(t.IsSetType() || t.IsMapType() || t.IsObjectType()) {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		k, _ := it.Element() // the element itself, in a set
		if f := inspect(k, Limits{Value: math.MaxInt, String: math.MaxInt}); f.unknown || f.symbol {
			return true
		}
	}
	return false
}

func hugeNumber(n *big.Float) bool {
	e := n.MantExp(nil)
	return n.IsInf() || e > maxExponent || e < -maxExponent
}

// fresh gives an unknown value a term of its own: it derives from what the
// causes name, and is equal to nothing else.
func (s *scope) fresh(v cty.Value, causes []*ir.Unknown) cty.Value {
	s.ev.steps -= freshSteps
	s.ev.terms[s.name]++
	return mark(v, fmt.Sprintf("%s#%d", s.name, s.ev.terms[s.name]), distinctCauses(causes))
}

// derive is for results of operations: when the result is unknown it is not
// one of the operands, so it gets a term of its own. A known result needs no
// cause.
func (s *scope) derive(v cty.Value, operands ...cty.Value) cty.Value {
	bare, own, others := splitMarks(v)
	if bare.IsKnown() {
		if len(own) == 0 || !bare.IsWhollyKnown() {
			return v
		}
		return bare.WithMarks(others)
	}
	s.uncertain++
	causes := distinctCauses(append(own, causesOf(operands...)...))
	if len(causes) == 0 {
		return v
	}
	return s.fresh(bare, causes).WithMarks(others)
}

// seal ends the evaluation of a node. Afterwards every unknown leaf carries
// exactly one term with its causes, known values carry none, and the value is
// within the limits. What is in order already is not copied: large values pass
// through many nodes.
func (s *scope) seal(v cty.Value) cty.Value {
	f := inspect(v, s.ev.limits)
	if f.huge {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("its value is too large")})
	}
	if !f.unknown && !f.marked {
		return v
	}
	if f.unknown && s.ev.stopped != nil {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{{Cause: *s.ev.stopped}})
	}
	v, _ = s.sealed(v, nil)
	return v
}

// sealed also reports whether the value is another one now.
func (s *scope) sealed(v cty.Value, outer []*ir.Unknown) (cty.Value, bool) {
	bare, own, others := splitMarks(v)
	switch {
	case bare.IsNull():
		return bare.WithMarks(others), len(own) > 0
	case !bare.IsKnown():
		if oneTerm(own) != "" {
			return v, false
		}
		if len(own) == 0 {
			own = s.whyUnknown(outer)
		}
		return s.fresh(bare, own).WithMarks(others), true
	case !bare.CanIterateElements():
		if _, ok := others[unordered{}]; ok {
			delete(others, unordered{})
			return s.fresh(cty.UnknownVal(bare.Type()).RefineNotNull(), append(own, s.orderCause())).WithMarks(others), true
		}
		return bare.WithMarks(others), len(own) > 0
	case bare.Type().IsSetType():
		if bare.IsWhollyKnown() {
			return bare.WithMarks(others), len(own) > 0
		}
		if len(own) == 0 {
			return s.fresh(bare, s.whyUnknown(outer)).WithMarks(others), true
		}
		return v, false
	}
	if len(own) > 0 {
		outer = own
	}
	w, changed := rebuilt(bare, func(e cty.Value) (cty.Value, bool) { return s.sealed(e, outer) })
	if !changed && len(own) == 0 {
		return v, false
	}
	return w.WithMarks(others), true
}

func mark2(v cty.Value, us []*ir.Unknown) cty.Value {
	for _, u := range us {
		v = tf.Mark(v, u)
	}
	return v
}

// whyUnknown is the best guess at a cause that was lost on the way: what holds
// the value, else what its node has referred to.
func (s *scope) whyUnknown(outer []*ir.Unknown) []*ir.Unknown {
	if len(outer) > 0 {
		return outer
	}
	if s.causedBy != len(s.seen) { // a large value may ask once for each of its leaves
		s.causes, s.causedBy = causesOf(s.seen...), len(s.seen)
	}
	if len(s.causes) > 0 {
		return s.causes
	}
	return []*ir.Unknown{{Cause: diag.Cause{Code: diag.Computed, Message: s.name + " is known after apply", Address: s.name, Range: s.place}}}
}

// rebuild replaces the elements of a known list, tuple, map or object.
func rebuild(v cty.Value, f func(cty.Value) cty.Value) cty.Value {
	w, _ := rebuilt(v, func(e cty.Value) (cty.Value, bool) { return f(e), true })
	return w
}

// rebuilt does the same where f says that an element is another one now. It
// makes no copy when none is.
func rebuilt(v cty.Value, f func(cty.Value) (cty.Value, bool)) (cty.Value, bool) {
	n := v.LengthInt()
	if n == 0 {
		return v, false
	}
	var keys []string // of a map or an object
	es := make([]cty.Value, 0, n)
	t, changed := v.Type(), false
	keyed := t.IsObjectType() || t.IsMapType()
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		e, other := f(e)
		changed = changed || other
		es = append(es, e)
		if keyed {
			keys = append(keys, k.AsString())
		}
	}
	switch {
	case !changed:
		return v, false
	case keyed:
		m := make(map[string]cty.Value, n)
		for i, k := range keys {
			m[k] = es[i]
		}
		if t.IsMapType() && cty.CanMapVal(m) {
			return cty.MapVal(m), true
		}
		return cty.ObjectVal(m), true
	case t.IsListType() && cty.CanListVal(es):
		return cty.ListVal(es), true
	}
	return cty.TupleVal(es), true
}

// spread turns sets with unknown elements into tuples, so that every unknown
// element can carry its own cause. It is for values that leave the evaluator.
func (s *scope) spread(v cty.Value) cty.Value {
	bare, own, others := splitMarks(v)
	if bare.IsNull() || !bare.IsKnown() || !bare.CanIterateElements() {
		return v
	}
	if !bare.Type().IsSetType() {
		if !bare.ContainsMarked() {
			return bare.WithMarks(others)
		}
		return rebuild(bare, s.spread).WithMarks(others)
	}
	if bare.IsWhollyKnown() {
		return bare.WithMarks(others)
	}
	var es []cty.Value
	unknown := 0
	for it := bare.ElementIterator(); it.Next(); {
		_, e := it.Element()
		es = append(es, e)
		if !e.IsWhollyKnown() {
			unknown++
		}
	}
	for i, e := range es {
		switch {
		case e.IsWhollyKnown():
		case unknown == 1 && !e.IsKnown() && oneTerm(own) != "":
			es[i] = mark2(e, own)
		default:
			es[i], _ = s.sealed(e, own)
		}
	}
	return cty.TupleVal(es).WithMarks(others)
}

// opaque replaces the strings that hold symbols by unknown ones, for whatever
// looks into strings.
func (s *scope) opaque(v cty.Value) cty.Value {
	bare, ms := v.Unmark()
	switch {
	case bare.IsNull() || !bare.IsKnown():
		return v
	case bare.Type() == cty.String:
		if t := bare.AsString(); tf.HasSymbol(t) {
			hidden := cty.UnknownVal(cty.String).RefineNotNull()
			if i := strings.Index(t, symbolStart); i > 0 {
				hidden = hidden.Refine().StringPrefix(t[:min(i, maxPrefix)]).NewValue()
			}
			return tf.Mark(hidden, s.ev.symbolCause(t)).WithMarks(ms)
		}
		return v
	case !bare.CanIterateElements():
		return v
	}
	if f := inspect(bare, s.ev.limits); !f.symbol {
		return v
	}
	if !bare.Type().IsSetType() {
		return rebuild(bare, s.opaque).WithMarks(ms)
	}
	var es []cty.Value
	for it := bare.ElementIterator(); it.Next(); {
		_, e := it.Element()
		es = append(es, s.opaque(e))
	}
	return cty.SetVal(es).WithMarks(ms)
}
