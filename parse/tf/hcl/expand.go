package hcl

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// maxBounded is how many instances an unknown count may have and still be
// followed one by one, each of them possible.
const maxBounded = 16

// maxDemanded bounds the instances of one unknown collection that are made
// because something refers to them.
const maxDemanded = 256

// repetition is how a block is repeated.
type repetition uint8

const (
	single repetition = iota
	byCount
	byKey
)

// instanceKey tells the instances of a block apart.
type instanceKey struct {
	by    repetition
	key   cty.Value   // NilVal for a single one; unknown for "any other"
	each  cty.Value   // each.value; NilVal without for_each
	maybe *ir.Unknown // it is not sure that this one exists
}

// expansion is the instances of a block.
type expansion struct {
	by   repetition
	keys []instanceKey
	// open: there may be further instances, with keys that are not known.
	open *ir.Unknown
	// each is the unknown collection that open instances come from.
	each     cty.Value
	demanded []instanceKey // further instances that something refers to
	// veiled: the keys are names that only AWS knows, one for each instance.
	veiled *ir.Unknown
}

// hidden is why an instance that is not among the known ones may be there.
func (x *expansion) hidden() *ir.Unknown {
	if x.open != nil {
		return x.open
	}
	return x.veiled
}

// expand evaluates count or for_each of a block.
func (m *module) expand(b *block, address string) *expansion {
	return memo(m, "expand:"+address, m.prefix(address), m.ev.files.place(b.header),
		func(u *ir.Unknown) *expansion { return &expansion{by: repeats(b), open: u, each: unknownOf(u)} },
		func() *expansion {
			switch {
			case b.attrs["count"] != nil:
				return m.expandCount(b, address)
			case b.attrs["for_each"] != nil:
				return m.expandEach(b, address)
			}
			return &expansion{keys: []instanceKey{{key: cty.NilVal, each: cty.NilVal}}}
		})
}

func repeats(b *block) repetition {
	switch {
	case b.attrs["count"] != nil:
		return byCount
	case b.attrs["for_each"] != nil:
		return byKey
	}
	return single
}

// openFor is an expansion of which nothing is known.
func openFor(by repetition, v cty.Value, why *ir.Unknown) *expansion {
	return &expansion{by: by, open: why, each: v}
}

func (m *module) expandCount(b *block, address string) *expansion {
	a := b.attrs["count"]
	s := m.scope(m.prefix(address)+".count", m.ev.files.place(a.expr.Range()))
	s.foreign = foreign(b)
	v := s.seal(s.opaque(s.eval(a.expr)))
	bare, causes, _ := splitMarks(v)
	if bare.IsNull() {
		u := s.invalidCount(a, "count is null")
		return openFor(byCount, cty.NilVal, u)
	}
	n, err := convert.Convert(bare, cty.Number)
	if err != nil {
		return openFor(byCount, cty.NilVal, s.invalidCount(a, "count is not a number"))
	}
	if !n.IsKnown() {
		return m.countBetween(n, causes[0])
	}
	i, acc := n.AsBigFloat().Int64()
	switch {
	case acc != 0 || i < 0:
		return openFor(byCount, cty.NilVal, s.invalidCount(a, "count is not a whole number from 0 up"))
	case i > int64(m.ev.limits.Instances):
		return openFor(byCount, cty.NilVal, s.tooMany(fmt.Sprintf("a count of %d is more than postern follows", i)))
	}
	x := &expansion{by: byCount}
	for k := range i {
		x.keys = append(x.keys, instanceKey{by: byCount, key: cty.NumberIntVal(k)})
	}
	return x
}

// countBetween follows an unknown count with known bounds, as that of
// condition ? 1 : 0, one by one.
func (m *module) countBetween(n cty.Value, why *ir.Unknown) *expansion {
	r := n.Range()
	lo, _ := r.NumberLowerBound()
	hi, _ := r.NumberUpperBound()
	if !hi.IsKnown() || hi.AsBigFloat().IsInf() || hi.AsBigFloat().Sign() < 0 {
		return openFor(byCount, cty.NilVal, why)
	}
	top, _ := hi.AsBigFloat().Int64()
	if top > maxBounded {
		return openFor(byCount, cty.NilVal, why)
	}
	sure := int64(0)
	if lo.IsKnown() && !lo.AsBigFloat().IsInf() {
		sure, _ = lo.AsBigFloat().Int64()
	}
	x := &expansion{by: byCount}
	for k := range top {
		key := instanceKey{by: byCount, key: cty.NumberIntVal(k)}
		if k >= sure {
			key.maybe = why
		}
		x.keys = append(x.keys, key)
	}
	return x
}

func (s *scope) invalidCount(a *attribute, msg string) *ir.Unknown {
	v := s.invalid(failed(a.expr.Range(), "%s", msg), a.expr.Range())
	return causesOf(v)[0]
}

func (s *scope) tooMany(msg string) *ir.Unknown {
	u := s.limit(msg)
	u.Term = s.name
	s.ev.report(diag.Diagnostic{
		Rule: "not-analysed", Message: msg, Range: s.place, Address: s.name, Cause: u.Cause,
		Fix: "check the value; postern takes the number for unknown",
	})
	return u
}

func (m *module) expandEach(b *block, address string) *expansion {
	a := b.attrs["for_each"]
	s := m.scope(m.prefix(address)+".for_each", m.ev.files.place(a.expr.Range()))
	s.foreign = foreign(b)
	alternatives, why := s.branches(a.expr, s.context())
	x := &expansion{by: byKey}
	for i, v := range alternatives {
		one := s.expandOver(a, s.seal(v))
		if len(alternatives) == 1 {
			return one
		}
		if one.open != nil {
			x.open, x.each = one.open, one.each
		}
		if i == 0 {
			x.keys = one.keys
			continue
		}
		x.merge(s, one.keys, why)
	}
	return x
}

// merge adds the keys of the other branch of a conditional. What is in both is
// surely there.
func (x *expansion) merge(s *scope, keys []instanceKey, why *ir.Unknown) {
	first := len(x.keys)
	both := map[int]bool{}
	for _, k := range keys {
		i := x.find(k.key)
		if i < 0 {
			k.maybe = why
			x.keys = append(x.keys, k)
			continue
		}
		both[i] = true
		if old := &x.keys[i]; !old.each.RawEquals(k.each) {
			old.each = s.fresh(cty.DynamicVal, []*ir.Unknown{why})
		}
	}
	for i := range first {
		if !both[i] {
			x.keys[i].maybe = why
		}
	}
}

func (x *expansion) find(key cty.Value) int {
	for i := range x.keys {
		if x.keys[i].key != cty.NilVal && x.keys[i].key.RawEquals(key) {
			return i
		}
	}
	return -1
}

// branches evaluates the collection that something is repeated over. When it
// is a conditional whose condition is not known, these are its two branches,
// and why.
func (s *scope) branches(e hclsyntax.Expression, ctx *hcl.EvalContext) ([]cty.Value, *ir.Unknown) {
	if c, ok := written(e).(*condExpr); ok {
		v, ds := c.cond.Value(ctx)
		v = s.opaque(v)
		if bare, _ := v.Unmark(); !ds.HasErrors() && !bare.IsKnown() {
			yes, yds := c.yes.Value(ctx)
			no, nds := c.no.Value(ctx)
			if why := causesOf(v); len(why) > 0 && !yds.HasErrors() && !nds.HasErrors() {
				return []cty.Value{yes, no}, why[0]
			}
		}
	}
	return []cty.Value{s.evalIn(e, ctx)}, nil
}

func (s *scope) expandOver(a *attribute, v cty.Value) *expansion {
	bare, causes, others := splitMarks(v)
	t := bare.Type()
	switch {
	case bare.IsNull():
		return openFor(byKey, cty.NilVal, s.invalidCount(a, "for_each is null"))
	case !bare.IsKnown():
		if len(causes) == 0 {
			causes = s.whyUnknown(nil)
		}
		return openFor(byKey, v, causes[0])
	case !bare.CanIterateElements() || t.IsListType():
		return openFor(byKey, cty.NilVal, s.invalidCount(a, "for_each takes a map or a set of strings, not "+t.FriendlyName()))
	case bare.LengthInt() > s.ev.limits.Instances:
		return openFor(byKey, v, s.tooMany("for_each has more elements than postern follows"))
	}
	if _, ok := others[tf.SensitiveMark{}]; ok { // the addresses would tell
		return openFor(byKey, cty.NilVal, s.invalidCount(a, "for_each takes no sensitive value"))
	}
	if t.IsTupleType() && bare.LengthInt() > 0 {
		return openFor(byKey, cty.NilVal, s.invalidCount(a, "for_each takes a map or a set of strings, not a list; use toset"))
	}
	x := &expansion{by: byKey}
	names := keysOf(bare)
	blurred := mixed(names...)
	for it := bare.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if t.IsSetType() {
			k = e
		}
		k, _ = k.Unmark()
		if k.IsNull() || k.IsKnown() && k.Type() != cty.String {
			return openFor(byKey, cty.NilVal, s.invalidCount(a, "for_each over a set takes strings only"))
		}
		if k.IsKnown() && !blurred {
			if list, ok := tf.IsElement(k.AsString()); ok {
				x.veiled = &ir.Unknown{Term: s.name, Cause: s.ev.elementCause(list)}
			}
		}
		if !k.IsKnown() || x.veiled == nil && inspect(k, s.ev.limits).symbol {
			x.open, x.each = s.unknownKey(k, causes), cty.NilVal
			continue
		}
		if _, ok := others[unordered{}]; ok && !t.IsSetType() {
			e = e.Mark(unordered{})
		}
		x.keys = append(x.keys, instanceKey{by: byKey, key: k, each: e})
	}
	return x
}

// keysOf are the keys of a map, or the elements of a set.
func keysOf(v cty.Value) []cty.Value {
	var out []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if v.Type().IsSetType() {
			k = e
		}
		out = append(out, k)
	}
	return out
}

// unknownKey is why the key of an instance is not known; terraform refuses to
// plan such a for_each from nothing.
func (s *scope) unknownKey(k cty.Value, causes []*ir.Unknown) *ir.Unknown {
	if us := causesOf(s.opaque(k)); len(us) > 0 {
		causes = us
	}
	if len(causes) == 0 {
		causes = s.whyUnknown(nil)
	}
	return &ir.Unknown{Term: s.name, Cause: causes[0].Cause}
}

// demand returns the instance that a reference with a known key means, or nil
// when there is none.
func (x *expansion) demand(ev *evaluator, key cty.Value) *instanceKey {
	want := cty.String
	if x.by == byCount {
		want = cty.Number
	}
	key, err := convert.Convert(key, want)
	if err != nil || x.by == single {
		return nil
	}
	if i := x.find(key); i >= 0 {
		return &x.keys[i]
	}
	if x.open == nil {
		return nil
	}
	for i := range x.demanded {
		if x.demanded[i].key.RawEquals(key) {
			return &x.demanded[i]
		}
	}
	if x.by == byCount && (key.AsBigFloat().Sign() < 0 || !key.AsBigFloat().IsInt()) || len(x.demanded) >= maxDemanded {
		return nil
	}
	ev.demanded++
	x.demanded = append(x.demanded, instanceKey{by: x.by, key: key, each: x.eachOf(key), maybe: x.open})
	return &x.demanded[len(x.demanded)-1]
}

// eachOf is each.value of an instance of an unknown collection.
func (x *expansion) eachOf(key cty.Value) cty.Value {
	if x.by != byKey {
		return cty.NilVal
	}
	if x.each != cty.NilVal {
		if bare, own, _ := splitMarks(x.each); oneTerm(own) != "" && !bare.Type().IsSetType() {
			return mark(cty.DynamicVal, oneTerm(own)+renderKey(key), own)
		}
		return key
	}
	return mark(cty.DynamicVal, "", []*ir.Unknown{x.open})
}

// any is the key that stands for the instances that nothing refers to.
func (x *expansion) any(address string) instanceKey {
	t := cty.String
	if x.by == byCount {
		t = cty.Number
	}
	k := instanceKey{by: x.by, maybe: x.open, key: mark(cty.UnknownVal(t).RefineNotNull(), address+"[*].key", []*ir.Unknown{x.open})}
	if x.by == byKey {
		k.each = mark(cty.DynamicVal, address+"[*].value", []*ir.Unknown{x.open})
	}
	return k
}

// all lists the instances: the known ones, those that something refers to, and
// the one that stands for the rest.
func (x *expansion) all(address string) []instanceKey {
	keys := append([]instanceKey{}, x.keys...)
	if x.open == nil {
		return keys
	}
	return append(append(keys, x.demanded...), x.any(address))
}

// sure reports whether the instances are exactly the known ones.
func (x *expansion) sure() bool {
	if x.open != nil {
		return false
	}
	for _, k := range x.keys {
		if k.maybe != nil {
			return false
		}
	}
	return true
}

// why is why the number of instances is not known.
func (x *expansion) why() *ir.Unknown {
	if x.open != nil {
		return x.open
	}
	for _, k := range x.keys {
		if k.maybe != nil {
			return k.maybe
		}
	}
	return nil
}
