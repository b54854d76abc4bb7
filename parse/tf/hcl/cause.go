package hcl

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// causesOf returns the distinct reasons that a value and what is in it carry,
// maxCauses at most. It is asked of large values, and often: it makes no copy
// of them, as UnmarkDeep does, and stops where it has enough.
func causesOf(vs ...cty.Value) []*ir.Unknown {
	var us []*ir.Unknown
	for _, v := range vs {
		if v != cty.NilVal {
			us = appendCauses(us, v)
		}
	}
	return us
}

func appendCauses(us []*ir.Unknown, v cty.Value) []*ir.Unknown {
	if len(us) == maxCauses {
		return us
	}
	if v.IsMarked() {
		bare, ms := v.Unmark()
		us = distinctCauses(append(us, tf.Marks(ms)...))
		v = bare
	}
	// The elements of a set carry no marks: the set has them all.
	if t := v.Type(); t.IsPrimitiveType() || t.IsSetType() || v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return us
	}
	for it := v.ElementIterator(); it.Next() && len(us) < maxCauses; {
		_, e := it.Element()
		us = appendCauses(us, e)
	}
	return us
}

func distinctCauses(us []*ir.Unknown) []*ir.Unknown {
	var out []*ir.Unknown
	for _, u := range us {
		if !slices.ContainsFunc(out, func(o *ir.Unknown) bool { return o.Cause == u.Cause }) {
			if out = append(out, u); len(out) == maxCauses {
				break
			}
		}
	}
	return out
}

// oneTerm returns the unknowns' common term, or "" when they have several.
func oneTerm(us []*ir.Unknown) string {
	if len(us) == 0 {
		return ""
	}
	for _, u := range us[1:] {
		if u.Term != us[0].Term {
			return ""
		}
	}
	return us[0].Term
}

// splitMarks takes the marks of the outermost value apart. others are the
// marks that are not causes and stay whatever happens to the value.
func splitMarks(v cty.Value) (bare cty.Value, causes []*ir.Unknown, others cty.ValueMarks) {
	if !v.IsMarked() {
		return v, nil, nil
	}
	bare, ms := v.Unmark()
	causes = tf.Marks(ms)
	if len(causes) == len(ms) {
		return bare, causes, nil
	}
	others = cty.ValueMarks{}
	for m := range ms {
		if m == (unordered{}) || m == (tf.SensitiveMark{}) {
			others[m] = struct{}{}
		}
	}
	return bare, causes, others
}

// mark marks an unknown value with a new term and the causes it has.
func mark(v cty.Value, term string, causes []*ir.Unknown) cty.Value {
	for _, c := range causes {
		v = tf.Mark(v, &ir.Unknown{Term: term, Cause: c.Cause})
	}
	return v
}
