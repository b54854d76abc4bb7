package aws

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// view reads the attributes of one instance, or of one of its nested blocks.
type view struct {
	b   *builder
	in  *tf.Instance
	blk *tf.Block
}

// elem is one element of a list of strings.
type elem struct {
	s   string
	why *ir.Unknown // the element is there and not known
	// many: the list itself is not known; the element stands for any finite
	// number of elements, none included.
	many *ir.Unknown
	// beside: the element stands for what a list that is known otherwise may
	// hold too.
	beside bool
	// among says what an element that is not known may be.
	among *tf.Among
	// secret: it must not be shown. What it names is called after its place.
	secret bool
	at     diag.Range
}

// unknown returns why the element is not known, or nil.
func (e elem) unknown() *ir.Unknown {
	if e.many != nil {
		return e.many
	}
	return e.why
}

// get returns an attribute that is written and not null.
func (v view) get(name string) (tf.Attr, bool) {
	if v.blk == nil {
		return tf.Attr{}, false
	}
	a, ok := v.blk.Attrs[name]
	if !ok || a.Value == cty.NilVal {
		return tf.Attr{}, false
	}
	raw, marks := a.Value.Unmark()
	return a, !raw.IsNull() && (raw.IsKnown() || !v.unwritten(marks))
}

// unwritten reports whether a value is unknown because of the resource itself:
// in a plan an attribute that nobody wrote is "known after apply".
func (v view) unwritten(marks cty.ValueMarks) bool {
	us := tf.Marks(marks)
	return len(us) == 1 && us[0].Cause.Code == diag.Computed && strings.HasPrefix(us[0].Cause.Address, v.in.Address+".")
}

// has reports whether an attribute is written and not null.
func (v view) has(name string) bool {
	_, ok := v.get(name)
	return ok
}

// at returns the place of the first attribute that is written, or of the block.
func (v view) at(names ...string) diag.Range {
	for _, n := range names {
		if a, ok := v.get(n); ok && !a.Range.IsZero() {
			return a.Range
		}
	}
	if v.blk != nil && !v.blk.Range.IsZero() {
		return v.blk.Range
	}
	return v.in.Body.Range
}

// fields maps fields to the places of the attributes that are written.
func (v view) fields(names map[string]ir.Field) map[ir.Field]diag.Range {
	m := map[ir.Field]diag.Range{}
	for name, f := range names {
		if a, ok := v.get(name); ok && !a.Range.IsZero() {
			m[f] = a.Range
		}
	}
	if u := v.maybe(); u != nil && !u.Cause.Range.IsZero() {
		m[ir.FieldExists] = u.Cause.Range
	}
	return m
}

// origin is where the view's object was written; at is what matters most.
func (v view) origin(at diag.Range, fields map[ir.Field]diag.Range) ir.Origin {
	return ir.Origin{Address: v.in.Address, Range: at, Block: v.blk.Range, Fields: fields}
}

// maybe says why what the view shows may not be there, or nil. A block inside a
// resource is there when the resource is, which may itself not be.
func (v view) maybe() *ir.Unknown {
	if v.blk != v.in.Body {
		return v.blk.Maybe
	}
	return v.in.Maybe
}

// nested returns the blocks of a type, and whether anything is said about them.
func (v view) nested(typ string) ([]view, bool) {
	if v.blk == nil {
		return nil, false
	}
	if a, ok := v.blk.Attrs[typ]; ok {
		if a.Value == cty.NilVal {
			return nil, false
		}
		if raw, marks := a.Value.Unmark(); !raw.IsKnown() && v.unwritten(marks) {
			return nil, false
		}
	}
	blocks, set := v.objectAsBlock(typ).Nested(typ)
	views := make([]view, 0, len(blocks))
	for _, n := range blocks {
		views = append(views, view{v.b, v.in, n})
	}
	if a, ok := v.get(typ); ok && len(blocks) == 0 {
		if raw, _ := a.Value.Unmark(); raw.IsKnown() && !raw.CanIterateElements() {
			v.invalid(a.Range, typ+" takes blocks", "write "+typ+" { ... }")
			return nil, true
		}
	}
	return views, set
}

// objectAsBlock lets one object stand for a list of one: JSON syntax writes
// single blocks so.
func (v view) objectAsBlock(typ string) *tf.Block {
	a, ok := v.blk.Attrs[typ]
	if !ok {
		return v.blk
	}
	raw, marks := a.Value.Unmark()
	if raw.IsNull() || !raw.IsKnown() || !raw.Type().IsObjectType() && !raw.Type().IsMapType() {
		return v.blk
	}
	a.Value, a.Elems = cty.TupleVal([]cty.Value{raw}).WithMarks(marks), []diag.Range{a.Range}
	return &tf.Block{Type: v.blk.Type, Range: v.blk.Range, Attrs: map[string]tf.Attr{typ: a}, Blocks: v.blk.Blocks, Maybe: v.blk.Maybe}
}

// one returns the single nested block of a type; ok is false when there is none.
func (v view) one(typ string) (view, bool) {
	vs, _ := v.nested(typ)
	if len(vs) == 0 {
		return view{v.b, v.in, &tf.Block{Range: v.blk.Range}}, false
	}
	return vs[0], true
}

// cause returns why a value is unknown. above are the marks of the collection
// that holds it, which may have taken the value's own. When several unknowns
// made the value it equals none of them, so it gets a term of its own.
func (v view) cause(val cty.Value, above cty.ValueMarks, at diag.Range) *ir.Unknown {
	_, own := val.UnmarkDeep()
	us := tf.Marks(own)
	if len(us) == 0 {
		us = tf.Marks(above)
	}
	if len(us) == 0 {
		return &ir.Unknown{
			Term:  v.fresh("unknown of"),
			Cause: diag.Cause{Code: diag.Computed, Message: "known after apply", Address: v.in.Address, Range: at},
		}
	}
	if sameTerm(us) && us[0].Term != "" {
		return us[0]
	}
	u := *us[0]
	u.Term = v.fresh("value of")
	return &u
}

// fresh makes a term that nothing else has.
func (v view) fresh(what string) string {
	v.b.terms++
	return fmt.Sprintf("%s %s, %d", what, v.in.Address, v.b.terms)
}

func sameTerm(us []*ir.Unknown) bool {
	for _, u := range us {
		if u.Term != us[0].Term {
			return false
		}
	}
	return true
}

// scalar converts an attribute to a primitive type.
func (v view) scalar(name string, want cty.Type) (cty.Value, *ir.Unknown, bool) {
	a, ok := v.get(name)
	if !ok {
		return cty.NilVal, nil, false
	}
	raw, marks := a.Value.UnmarkDeep()
	if !raw.IsKnown() {
		return cty.NilVal, v.cause(a.Value, marks, a.Range), true
	}
	c, err := convert.Convert(raw, want)
	if err != nil || c.IsNull() || !c.IsKnown() {
		return cty.NilVal, v.invalid(a.Range, fmt.Sprintf("%s must be a %s", name, want.FriendlyName()), "write a "+want.FriendlyName()), true
	}
	return c, nil, true
}

// str reads a string; set is false when it is not written.
func (v view) str(name string) (val ir.Value[string], set bool) {
	c, why, set := v.scalar(name, cty.String)
	if !set || why != nil {
		return ir.Value[string]{Why: why}, set
	}
	return ir.Known(c.AsString()), true
}

// text reads a string that only serves people: "" when it is not known or must
// not be printed.
func (v view) text(name string) string {
	a, ok := v.get(name)
	if !ok || tf.IsSensitive(a.Value) {
		return ""
	}
	raw, _ := a.Value.UnmarkDeep()
	if raw.Type() != cty.String || !raw.IsKnown() {
		return ""
	}
	return tf.Readable(raw.AsString())
}

// integer reads a whole number.
func (v view) integer(name string) (val ir.Value[int], set bool) {
	a, _ := v.get(name)
	c, why, set := v.scalar(name, cty.Number)
	if !set || why != nil {
		return ir.Value[int]{Why: why}, set
	}
	n, accuracy := c.AsBigFloat().Int64()
	if accuracy != big.Exact || n < -1<<31 || n > 1<<31 {
		return ir.NotKnown[int](v.invalid(a.Range, name+" must be a whole number", "write a whole number")), true
	}
	return ir.Known(int(n)), true
}

// boolean reads a bool that has a default.
func (v view) boolean(name string, unwritten bool) (val ir.Value[bool], set bool) {
	c, why, set := v.scalar(name, cty.Bool)
	switch {
	case !set:
		return ir.Known(unwritten), false
	case why != nil:
		return ir.NotKnown[bool](why), true
	}
	return ir.Known(c.True()), true
}

// list reads a list or set of strings. A list that is not written has no
// elements; one that is not known has one element that stands for any number.
func (v view) list(name string) (elems []elem, set bool) {
	a, ok := v.get(name)
	if !ok {
		return nil, false
	}
	raw, marks := a.Value.Unmark()
	switch {
	case !raw.IsKnown():
		return []elem{{many: v.cause(a.Value, marks, a.Range), among: tf.AmongOf(a.Value), at: a.Range}}, true
	case !isSequence(raw.Type()):
		return []elem{{many: v.invalid(a.Range, name+" must be a list of strings", "put the value in [ ]"), at: a.Range}}, true
	}
	i := 0
	for it := raw.ElementIterator(); it.Next(); i++ {
		_, ev := it.Element()
		elems = append(elems, v.element(name, ev, marks, a.Elem(i)))
	}
	if a.More != nil {
		elems = append(elems, elem{many: a.More, beside: true, at: a.Range})
	}
	return elems, true
}

func isSequence(t cty.Type) bool { return t.IsListType() || t.IsSetType() || t.IsTupleType() }

func (v view) element(name string, ev cty.Value, above cty.ValueMarks, at diag.Range) elem {
	raw, _ := ev.UnmarkDeep()
	if !raw.IsKnown() {
		return elem{why: v.cause(ev, above, at), among: tf.AmongOf(ev), at: at}
	}
	c, err := convert.Convert(raw, cty.String)
	if err != nil || c.IsNull() {
		return elem{why: v.invalid(at, "an element of "+name+" is not a string", "write strings, and leave null out with compact()"), at: at}
	}
	_, secret := above[tf.SensitiveMark{}]
	return elem{s: c.AsString(), secret: secret || tf.IsSensitive(ev), at: at}
}

// single reads an attribute that names one thing as a list of at most one.
func (v view) single(name string) []elem {
	val, set := v.str(name)
	switch {
	case !set, val.Known() && val.V == "":
		return nil
	}
	e := elem{s: val.V, why: val.Why, at: v.at(name)}
	if a, ok := v.get(name); ok {
		e.secret = tf.IsSensitive(a.Value)
		if e.why != nil {
			e.among = tf.AmongOf(a.Value)
		}
	}
	return []elem{e}
}

// first reads an attribute that names one thing.
func (v view) first(name string) (elem, bool) {
	es := v.single(name)
	if len(es) == 0 {
		return elem{}, false
	}
	return es[0], true
}

// tags reads the tags whose values are known.
func (v view) tags() map[string]string {
	var m map[string]string
	for _, name := range []string{"tags_all", "tags"} {
		a, ok := v.get(name)
		if !ok || tf.IsSensitive(a.Value) {
			continue
		}
		raw, _ := a.Value.UnmarkDeep()
		if !raw.IsKnown() || !(raw.Type().IsMapType() || raw.Type().IsObjectType()) {
			continue
		}
		for it := raw.ElementIterator(); it.Next(); {
			k, tv := it.Element()
			if tv.Type() != cty.String || !tv.IsKnown() || tv.IsNull() {
				continue
			}
			if m == nil {
				m = map[string]string{}
			}
			m[k.AsString()] = tf.Readable(tv.AsString())
		}
	}
	return m
}

// home is the account and Region of the view's resource.
func (v view) home() ir.Home {
	h := ir.Home{Region: v.in.Region}
	if r, set := v.str("region"); set && r.Known() && r.V != "" && !tf.HasSymbol(r.V) {
		h.Region = r.V
	}
	if o, set := v.str("owner_id"); set && o.Known() && !tf.HasSymbol(o.V) {
		h.Account = o.V
	}
	return h
}

// id is the id that a state or plan shows for the resource, or "".
func (v view) id() string {
	a, ok := v.get("id")
	if !ok {
		return ""
	}
	raw, _ := a.Value.UnmarkDeep()
	if raw.Type() != cty.String || !raw.IsKnown() || tf.HasSymbol(raw.AsString()) {
		return ""
	}
	return raw.AsString()
}

// part names a property of something whose id is not known.
func part(u *ir.Unknown, attr string) *ir.Unknown {
	if u == nil {
		return nil
	}
	p := *u
	if p.Term != "" {
		p.Term += "." + attr
	}
	return &p
}

// notInInput is why something that the input only names is not known.
func notInInput(name, what string, at diag.Range) *ir.Unknown {
	return &ir.Unknown{
		Term:  name + " " + what,
		Cause: diag.Cause{Code: diag.NotInInput, Message: what + " of " + name + " is not in the input", Address: name, Range: at},
	}
}
