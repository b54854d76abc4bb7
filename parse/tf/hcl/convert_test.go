package hcl

import (
	"fmt"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// What is converted element by element comes out as cty has it.
func TestConversionsAreThoseOfCty(t *testing.T) {
	repeat := func(vs ...cty.Value) []cty.Value {
		var es []cty.Value
		for len(es) <= maxUnified {
			es = append(es, vs...)
		}
		return es
	}
	object := func(vs ...cty.Value) cty.Value {
		m := map[string]cty.Value{}
		for i, v := range repeat(vs...) {
			m[fmt.Sprint("k", i)] = v
		}
		return cty.ObjectVal(m)
	}
	text, number := cty.StringVal("a"), cty.NumberIntVal(1)
	small := cty.ObjectVal(map[string]cty.Value{"a": number})
	values := map[string]cty.Value{
		"texts": cty.TupleVal(repeat(text)), "mixed": cty.TupleVal(repeat(text, number)), "nulls": cty.TupleVal(repeat(cty.NullVal(cty.DynamicPseudoType), text)),
		"unknown": cty.TupleVal(repeat(text, cty.UnknownVal(cty.String))), "any": cty.TupleVal(repeat(text, cty.DynamicVal)), "objects": cty.TupleVal(repeat(small)),
		"clash": cty.TupleVal(repeat(small, text)), "tuples": cty.TupleVal(repeat(cty.TupleVal([]cty.Value{text}), cty.TupleVal([]cty.Value{number, number}))),
		"marked": cty.TupleVal(repeat(text, number.Mark("m"))).Mark("all"), "map": object(text, number), "map of objects": object(small),
		"inside": cty.ObjectVal(map[string]cty.Value{"a": cty.TupleVal(repeat(text, number)), "b": text}),
	}
	optional := cty.ObjectWithOptionalAttrs(map[string]cty.Type{"a": cty.String, "b": cty.String}, []string{"b"})
	types := []cty.Type{
		cty.List(cty.DynamicPseudoType), cty.Set(cty.DynamicPseudoType), cty.Map(cty.DynamicPseudoType), cty.List(cty.String), cty.Set(cty.String), cty.Map(cty.String),
		cty.List(cty.Number), cty.List(optional), cty.Map(optional), cty.List(cty.List(cty.DynamicPseudoType)), cty.DynamicPseudoType, cty.String,
		cty.Object(map[string]cty.Type{"a": cty.List(cty.DynamicPseudoType), "b": cty.String}), cty.Object(map[string]cty.Type{"c": cty.String}),
	}
	for name, v := range values {
		for _, want := range types {
			t.Run(name+" to "+want.FriendlyName(), func(t *testing.T) {
				w, werr := convert.Convert(v, want)
				g, gerr := convertTo(v, want)
				switch {
				case (werr == nil) != (gerr == nil):
					t.Errorf("cty says %v, this says %v", werr, gerr)
				case werr == nil && !w.RawEquals(g):
					t.Errorf("cty makes %#v, this %#v", w.Type(), g.Type())
				}
			})
		}
	}
}
