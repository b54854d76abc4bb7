package hcl

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/postern-dev/postern/parse/tf"
)

var (
	// length counts elements, attributes or characters.
	length = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			t := args[0].Type()
			if t == cty.String || t == cty.DynamicPseudoType || t.IsTupleType() || t.IsObjectType() || t.IsCollectionType() {
				return cty.Number, nil
			}
			return cty.Number, errors.New("the argument must be a string, a list, a set or a map")
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			bare, ms := args[0].Unmark()
			t := bare.Type()
			switch {
			case t == cty.DynamicPseudoType:
				return cty.UnknownVal(cty.Number).WithMarks(ms), nil
			case t == cty.String:
				n, err := stdlib.Strlen(bare)
				return n.WithMarks(ms), err
			case t.IsTupleType():
				return cty.NumberIntVal(int64(len(t.TupleElementTypes()))).WithMarks(ms), nil
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))).WithMarks(ms), nil
			}
			return bare.Length().WithMarks(ms), nil
		},
	})

	// lookup is an element of a map or object, or a default.
	lookup = function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "inputMap", Type: cty.DynamicPseudoType, AllowMarked: true},
			{Name: "key", Type: cty.String, AllowMarked: true},
		},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true, AllowNull: true, AllowMarked: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) > 3 {
				return cty.NilType, fmt.Errorf("it takes 2 or 3 arguments, not %d", len(args))
			}
			t := args[0].Type()
			key, _ := args[1].Unmark()
			switch {
			case t.IsObjectType() && !key.IsKnown():
				return cty.DynamicPseudoType, nil
			case t.IsObjectType() && t.HasAttribute(key.AsString()):
				return t.AttributeType(key.AsString()), nil
			case t.IsObjectType() && len(args) == 3:
				return args[2].Type(), nil
			case t.IsObjectType():
				return cty.NilType, fmt.Errorf("the given object has no attribute %q", key.AsString())
			case t.IsMapType() && len(args) == 3:
				if _, err := convert.Convert(args[2], t.ElementType()); err != nil {
					return cty.NilType, errors.New("the default value must have the same type as the map elements")
				}
				return t.ElementType(), nil
			case t.IsMapType():
				return t.ElementType(), nil
			}
			return cty.NilType, errors.New("the first argument must be a map or an object")
		},
		Impl: lookupImpl,
	})

	// indexOf is the place of a value in a list.
	indexOf = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			t := args[0].Type()
			switch {
			case !t.IsListType() && !t.IsTupleType():
				return cty.UnknownVal(cty.Number), errors.New("the first argument must be a list")
			case args[0].LengthInt() == 0:
				return cty.UnknownVal(cty.Number), errors.New("cannot search an empty list")
			}
			for it := args[0].ElementIterator(); it.Next(); {
				i, v := it.Element()
				eq, err := stdlib.Equal(v, args[1])
				if err != nil {
					return cty.UnknownVal(cty.Number), err
				}
				if !eq.IsKnown() {
					return cty.UnknownVal(cty.Number), nil
				}
				if eq.True() {
					return i, nil
				}
			}
			return cty.UnknownVal(cty.Number), errors.New("item not found")
		},
	})

	// one is the only element of a collection, or null when it is empty.
	one = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			t := args[0].Type()
			switch {
			case t.IsListType() || t.IsSetType():
				return t.ElementType(), nil
			case t.IsTupleType() && t.Length() == 0:
				return cty.DynamicPseudoType, nil
			case t.IsTupleType() && t.Length() == 1:
				return t.TupleElementType(0), nil
			case t.IsTupleType():
				return cty.NilType, errors.New("must be a list, set, or tuple value with either zero or one elements")
			}
			return cty.NilType, errors.New("the argument must be a list, a set or a tuple")
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			bare, ms := args[0].Unmark()
			if !bare.IsKnown() {
				return cty.UnknownVal(ret).WithMarks(ms), nil
			}
			n := bare.Length()
			switch {
			case !n.IsKnown():
				return cty.UnknownVal(ret).WithMarks(ms), nil
			case bare.LengthInt() == 0:
				return cty.NullVal(ret).WithMarks(ms), nil
			case bare.LengthInt() > 1:
				return cty.UnknownVal(ret), errors.New("must be a list, set, or tuple value with either zero or one elements")
			}
			it := bare.ElementIterator()
			it.Next()
			_, v := it.Element()
			return v.WithMarks(ms), nil
		},
	})

	allTrue = overBools(true)
	anyTrue = overBools(false)

	// sum adds up numbers.
	sum = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].CanIterateElements() || args[0].Type().IsMapType() || args[0].Type().IsObjectType() {
				return cty.UnknownVal(cty.Number), errors.New("the argument must be a list, a set or a tuple of numbers")
			}
			if args[0].LengthInt() == 0 {
				return cty.UnknownVal(cty.Number), errors.New("cannot sum an empty list")
			}
			total := cty.NumberIntVal(0)
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				n, err := convert.Convert(v, cty.Number)
				if err != nil || n.IsNull() {
					return cty.UnknownVal(cty.Number), errors.New("the argument must be a list, a set or a tuple of numbers")
				}
				if !n.IsKnown() {
					return cty.UnknownVal(cty.Number), nil
				}
				if total, err = stdlib.Add(total, n); err != nil {
					return cty.UnknownVal(cty.Number), err
				}
			}
			return total, nil
		},
	})

	// matchKeys picks the values whose keys are among those searched for.
	matchKeys = function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "values", Type: cty.List(cty.DynamicPseudoType)},
			{Name: "keys", Type: cty.List(cty.DynamicPseudoType)},
			{Name: "searchset", Type: cty.List(cty.DynamicPseudoType)},
		},
		Type: func(args []cty.Value) (cty.Type, error) {
			if t, _ := convert.UnifyUnsafe([]cty.Type{args[1].Type(), args[2].Type()}); t == cty.NilType {
				return cty.NilType, errors.New("keys and searchset must be of the same type")
			}
			return args[0].Type(), nil
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() || !args[1].IsWhollyKnown() || !args[2].IsWhollyKnown() {
				return cty.UnknownVal(ret), nil
			}
			if args[0].LengthInt() != args[1].LengthInt() {
				return cty.UnknownVal(ret), errors.New("length of keys and values should be equal")
			}
			keys, want := args[1].AsValueSlice(), args[2].AsValueSlice()
			var out []cty.Value
			for i, v := range args[0].AsValueSlice() {
				if slices.ContainsFunc(want, func(w cty.Value) bool {
					eq, err := stdlib.Equal(keys[i], w)
					return err == nil && eq.IsKnown() && eq.True()
				}) {
					out = append(out, v)
				}
			}
			if len(out) == 0 {
				return cty.ListValEmpty(ret.ElementType()), nil
			}
			return cty.ListVal(out), nil
		},
	})

	// transpose swaps keys and values of a map of lists of strings.
	transpose = function.New(&function.Spec{
		Params: []function.Parameter{{Name: "values", Type: cty.Map(cty.List(cty.String))}},
		Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			if !args[0].IsWhollyKnown() {
				return cty.UnknownVal(ret), nil
			}
			lists := map[string][]cty.Value{}
			for it := args[0].ElementIterator(); it.Next(); {
				k, vs := it.Element()
				for _, v := range vs.AsValueSlice() {
					if v.IsNull() {
						return cty.UnknownVal(ret), errors.New("input must not contain null string")
					}
					lists[v.AsString()] = append(lists[v.AsString()], k)
				}
			}
			if len(lists) == 0 {
				return cty.MapValEmpty(ret.ElementType()), nil
			}
			out := map[string]cty.Value{}
			for k, l := range lists {
				out[k] = cty.ListVal(l)
			}
			return cty.MapVal(out), nil
		},
	})
)

func lookupImpl(args []cty.Value, ret cty.Type) (cty.Value, error) {
	m, ms := args[0].Unmark()
	key, ks := args[1].Unmark()
	if !m.IsKnown() || !key.IsKnown() {
		return cty.UnknownVal(ret).WithMarks(ms, ks), nil
	}
	k := key.AsString()
	switch {
	case m.Type().IsObjectType() && m.Type().HasAttribute(k):
		return m.GetAttr(k).WithMarks(ms, ks), nil
	case m.Type().IsMapType() && m.HasIndex(key).True():
		return m.Index(key).WithMarks(ms, ks), nil
	case len(args) < 3:
		return cty.UnknownVal(ret), fmt.Errorf("the map has no element %q", tf.Readable(k))
	}
	v, err := convert.Convert(args[2], ret)
	if err != nil {
		return cty.UnknownVal(ret), err
	}
	return v.WithMarks(ms, ks), nil
}

// overBools makes alltrue (zero is true) and anytrue.
func overBools(all bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			unknown := false
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				switch {
				case !v.IsKnown():
					unknown = true
				case v.IsNull() && all:
					return cty.False, nil
				case v.IsNull():
				case v.True() != all:
					return cty.BoolVal(!all), nil
				}
			}
			if unknown {
				return cty.UnknownVal(cty.Bool).RefineNotNull(), nil
			}
			return cty.BoolVal(all), nil
		},
	})
}

// maxSliced bounds the lists that are made of parts of an unknown one.
const maxSliced = 1_000

// slice is a part of a list. A part of an unknown list has a known length all
// the same, and elements that can be named: availability zones are counted so.
func slice(s *scope, args []cty.Value) (cty.Value, error) {
	list, own, others := splitMarks(args[0])
	from, fromErr := wholeNumber(args[1])
	to, toErr := wholeNumber(args[2])
	term := oneTerm(own)
	t := list.Type()
	if list.IsKnown() || term == "" || fromErr != nil || toErr != nil || from < 0 || to < from || to-from > maxSliced ||
		!(t == cty.DynamicPseudoType || t.IsListType()) {
		conv := make([]cty.Value, 2)
		for i := range conv {
			v, err := convert.Convert(args[i+1], cty.Number)
			if err != nil {
				return cty.NilVal, err
			}
			conv[i] = v
		}
		return stdlib.SliceFunc.Call([]cty.Value{args[0], conv[0], conv[1]})
	}
	s.uncertain++
	e := cty.DynamicPseudoType
	if t.IsListType() {
		e = t.ElementType()
	}
	vs := make([]cty.Value, 0, to-from)
	for i := from; i < to; i++ {
		key := cty.NumberIntVal(int64(i))
		v, ok := s.element(term, hcl.TraverseIndex{Key: key})
		if !ok {
			v = mark(cty.UnknownVal(e), term+renderKey(key), own)
		}
		vs = append(vs, v)
	}
	return cty.TupleVal(vs).WithMarks(others), nil
}

func wholeNumber(v cty.Value) (int, error) {
	bare, _ := v.Unmark()
	if !bare.IsKnown() || bare.IsNull() {
		return 0, errors.New("not known")
	}
	n, err := convert.Convert(bare, cty.Number)
	if err != nil {
		return 0, err
	}
	return whole(n)
}

func sensitive(s *scope, args []cty.Value) (cty.Value, error) { return s.ev.hide(args[0]), nil }

func nonsensitive(_ *scope, args []cty.Value) (cty.Value, error) {
	return without(args[0], tf.SensitiveMark{}), nil
}

func isSensitive(_ *scope, args []cty.Value) (cty.Value, error) {
	return cty.BoolVal(args[0].HasMark(tf.SensitiveMark{})), nil
}

func identity(_ *scope, args []cty.Value) (cty.Value, error) { return args[0], nil }
