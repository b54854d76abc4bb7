package plan

import (
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
)

// readOutputs finds what leaves the root. Of an output that is not known yet,
// everything that it may hold is taken to leave.
func (d *document) readOutputs() {
	if d.root.has("version") && !d.root.has("format_version") {
		d.stateOutputs()
		return
	}
	values := d.root.at("planned_values", "outputs")
	if d.root.has("values") {
		values = d.root.at("values", "outputs")
	}
	changes, written := d.root.get("output_changes"), d.config.modules[""].get("outputs")
	names := slices.Concat(values.members(), changes.members(), written.members())
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		v := values.at(name, "value")
		var elems []cty.Value
		if v != nil {
			elems = append(elems, plainValue(v))
		}
		if refs := (exprs{nodes: expressions(written.at(name, "expression"))}).references(); len(refs) > 0 && (v == nil || changes.at(name, "after_unknown").holdsTrue()) {
			for _, id := range d.resolver.ask(scope{}, refs, idGroup).of {
				elems = append(elems, cty.StringVal(id))
			}
		}
		d.output(name, first(v, written.get(name), changes.get(name)), elems)
	}
}

func expressions(n *node) []*node {
	if n == nil {
		return nil
	}
	return []*node{n}
}

func (d *document) output(name string, at *node, elems []cty.Value) {
	if len(elems) == 0 {
		return
	}
	out := tf.Output{Name: "output." + name, Value: tf.MarkSensitive(cty.TupleVal(elems)), Range: d.at.of(at)}
	if at == nil {
		out.Range = diag.Range{File: d.at.file}
	}
	d.out.Outputs = append(d.out.Outputs, out)
}

// plainValue turns a value of which everything is known into cty.
func plainValue(n *node) cty.Value {
	switch {
	case n.is(kindString):
		return cty.StringVal(clean(n.text))
	case n.is(kindArray), n.is(kindObject):
		elems := make([]cty.Value, len(n.items))
		for i, e := range n.items {
			elems[i] = plainValue(e)
		}
		return cty.TupleVal(elems)
	}
	return cty.NullVal(cty.String)
}
