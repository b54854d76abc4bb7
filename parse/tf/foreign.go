package tf

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Foreign turns a value of one root into what another root sees of it. Both may
// have an aws_vpc.main, and they are not the same: symbols and terms get the
// name of the root they come from in front.
func Foreign(root string, v cty.Value) cty.Value {
	bare, ms := v.Unmark()
	out := cty.ValueMarks{}
	for m := range ms {
		if u, ok := m.(mark); ok {
			own := *u.Unknown
			if own.Term != "" {
				own.Term = root + ": " + own.Term
			}
			if own.Cause.Code == diag.NoValue { // and no flag gives it one here
				own.Cause.Code = diag.NotInInput
				own.Cause.Message += " in " + root
			}
			out[mark{&own}] = struct{}{}
			continue
		}
		if _, ok := m.(SensitiveMark); ok {
			out[m] = struct{}{}
		}
	}
	switch {
	case bare.IsNull() || !bare.IsKnown():
	case bare.Type() == cty.String:
		bare = cty.StringVal(foreignText(root, bare.AsString()))
	case bare.CanIterateElements() && bare.LengthInt() > 0:
		bare = foreignElements(root, bare)
	}
	if bare.IsKnown() || len(out) > 0 {
		return bare.WithMarks(out)
	}
	return Mark(bare, &ir.Unknown{Cause: Why(v).Cause})
}

func foreignText(root, s string) string {
	for _, symbol := range Symbols(s) {
		if address, attr, ok := ParseSymbol(symbol); ok {
			s = strings.ReplaceAll(s, symbol, Symbol(root+": "+address, attr))
		}
	}
	return s
}

// foreignElements keeps the kind of a collection where it can.
func foreignElements(root string, v cty.Value) cty.Value {
	t := v.Type()
	if t.IsObjectType() || t.IsMapType() {
		m := map[string]cty.Value{}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			m[foreignText(root, k.AsString())] = Foreign(root, e)
		}
		if t.IsMapType() && cty.CanMapVal(m) {
			return cty.MapVal(m)
		}
		return cty.ObjectVal(m)
	}
	var vs []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		vs = append(vs, Foreign(root, e))
	}
	switch {
	case t.IsSetType() && cty.CanSetVal(vs):
		return cty.SetVal(vs)
	case t.IsListType() && cty.CanListVal(vs):
		return cty.ListVal(vs)
	}
	return cty.TupleVal(vs)
}
