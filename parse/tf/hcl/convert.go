package hcl

import (
	"errors"
	"maps"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// maxUnified bounds the elements whose types are left to cty to unify: it
// compares every one with every other, and remembers each pair that differs.
const maxUnified = 200

// convertTo is convert.Convert, in a time that grows with the elements and not
// with their square.
func convertTo(v cty.Value, want cty.Type) (cty.Value, error) {
	bare, ms := v.Unmark()
	if !many(bare) {
		return convert.Convert(v, want)
	}
	have := bare.Type()
	var out cty.Value
	var err error
	switch {
	case have.IsObjectType() && want.IsMapType():
		out, err = toMap(bare, want.ElementType())
	case have.IsTupleType() && (want.IsListType() || want.IsSetType()):
		out, err = toList(bare, want)
	case have.IsObjectType() && want.IsObjectType():
		attrs := bare.AsValueMap()
		for name, t := range want.AttributeTypes() {
			if a, ok := attrs[name]; ok {
				if attrs[name], err = convertTo(a, t); err != nil {
					return cty.NilVal, cty.GetAttrPath(name).NewError(err)
				}
			}
		}
		out, err = convert.Convert(cty.ObjectVal(attrs), want)
	default:
		out, err = convert.Convert(bare, want)
	}
	if err != nil {
		return cty.NilVal, err
	}
	return out.WithMarks(ms), nil
}

// many reports whether a value, or something in it, is a tuple or object of
// many elements.
func many(v cty.Value) bool {
	v, _ = v.Unmark()
	t := v.Type()
	if v.IsNull() || !v.IsKnown() || !t.IsTupleType() && !t.IsObjectType() {
		return false
	}
	if v.LengthInt() > maxUnified {
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); many(e) {
			return true
		}
	}
	return false
}

func toList(v cty.Value, want cty.Type) (cty.Value, error) {
	es := v.AsValueSlice()
	if err := alike(es, want.ElementType()); err != nil {
		return cty.NilVal, err
	}
	switch {
	case len(es) == 0:
		return convert.Convert(v, want)
	case want.IsSetType():
		return cty.SetVal(es), nil
	}
	return cty.ListVal(es), nil
}

func toMap(v cty.Value, want cty.Type) (cty.Value, error) {
	m := v.AsValueMap()
	if len(m) == 0 {
		return convert.Convert(v, cty.Map(want))
	}
	names := sortedKeys(m)
	es := make([]cty.Value, 0, len(m))
	for _, name := range names {
		es = append(es, m[name])
	}
	if err := alike(es, want); err != nil {
		return cty.NilVal, err
	}
	out := maps.Clone(m)
	for i, name := range names {
		out[name] = es[i]
	}
	return cty.MapVal(out), nil
}

// alike converts elements, in their place, to one type that want allows.
func alike(es []cty.Value, want cty.Type) error {
	for range 2 {
		if want.HasDynamicTypes() {
			var distinct []cty.Type
			for _, e := range es {
				if distinct = addType(distinct, e.Type()); len(distinct) > maxUnified {
					return errors.New("its elements have too many different types")
				}
			}
			t, _ := convert.UnifyUnsafe(distinct)
			if t == cty.NilType {
				return errors.New("all elements must have the same type")
			}
			if want == cty.DynamicPseudoType {
				want = t
			}
		}
		for i, e := range es {
			c, err := convertTo(e, want)
			if err != nil {
				return cty.IndexIntPath(i).NewError(err)
			}
			es[i] = c
		}
		if same(es) {
			return nil
		}
		want = cty.DynamicPseudoType
	}
	return errors.New("all elements must have the same type")
}

func addType(ts []cty.Type, t cty.Type) []cty.Type {
	for i := len(ts) - 1; i >= 0; i-- {
		if ts[i].Equals(t) {
			return ts
		}
	}
	return append(ts, t)
}

func same(es []cty.Value) bool {
	for _, e := range es {
		if !e.Type().Equals(es[0].Type()) {
			return false
		}
	}
	return true
}
