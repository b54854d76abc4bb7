package plan

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// Outputs are the values of the outputs of the root module, as a
// terraform_remote_state reads them. What a plan does not know yet is unknown.
func (d *Document) Outputs() map[string]cty.Value {
	outputs := d.root.get("outputs")
	for _, m := range d.root.get("modules").list() {
		if len(m.get("path").list()) == 1 {
			outputs = m.get("outputs")
		}
	}
	for _, path := range [][]string{{"planned_values", "outputs"}, {"values", "outputs"}} {
		if n := d.root.at(path...); n != nil {
			outputs = n
		}
	}
	changes := d.root.get("output_changes")
	names := slices.Concat(outputs.members(), changes.members())
	slices.Sort(names)
	r := outputReader{at: newPlaces(d.file, d.data)}
	out := map[string]cty.Value{}
	for _, name := range slices.Compact(names) {
		n, change := outputs.get(name), changes.get(name)
		if n == nil && isDeletion(change) {
			continue
		}
		v := r.value(values{after: n.get("value"), unknown: change.get("after_unknown")}, "output."+name, first(n, change))
		if n.get("value") == nil && change.get("after_unknown") == nil {
			v = r.unknown("output."+name, first(n, change))
		}
		if n.get("sensitive").isTrue() || change.get("after_sensitive").holdsTrue() {
			v = tf.MarkSensitive(v)
		}
		out[clean(name)] = v
	}
	return out
}

// isDeletion reports whether an output goes away.
func isDeletion(change *node) bool {
	actions := change.get("actions").list()
	return len(actions) == 1 && actions[0].str() == "delete"
}

type outputReader struct{ at *places }

func (r outputReader) unknown(address string, n *node) cty.Value {
	return tf.Mark(cty.DynamicVal, &ir.Unknown{Term: address, Cause: diag.Cause{
		Code: diag.Computed, Message: address + " is known after apply", Address: address, Range: r.at.of(n),
	}})
}

func (r outputReader) value(v values, address string, at *node) cty.Value {
	if v.unknown.isTrue() {
		return r.unknown(address, at)
	}
	switch n := first(v.after, v.unknown); {
	case n == nil, n.is(kindNull):
		return cty.NullVal(cty.DynamicPseudoType)
	case n.is(kindBool):
		return cty.BoolVal(n.truth)
	case n.is(kindString):
		return cty.StringVal(clean(n.text))
	case n.is(kindNumber):
		return number(n.text)
	case n.is(kindArray):
		var elems []cty.Value
		for i := range max(len(v.after.list()), len(v.unknown.list())) {
			elems = append(elems, r.value(v.elem(i), address+"["+itoa(i)+"]", at))
		}
		return cty.TupleVal(elems)
	case n.is(kindObject):
		attrs := map[string]cty.Value{}
		for _, k := range slices.Concat(v.after.members(), v.unknown.members()) {
			attrs[clean(k)] = r.value(v.get(k), address+"."+k, at)
		}
		return cty.ObjectVal(attrs)
	}
	return r.unknown(address, at) // nested too deep
}
