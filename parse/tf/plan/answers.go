package plan

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
)

// A data source that waits for something which does not exist yet is read at
// apply, so a plan shows nothing of what it finds. What other inputs tell about
// it is filled in where the plan knows nothing, before references are followed:
// an id that one of them finds is then as good as one that is written out.

// maxRounds bounds how often answers are looked up: what one data source asks
// for may be what another finds.
const maxRounds = 4

// answered is what is known of data sources, by address and attribute.
type answered map[string]map[string]cty.Value

// learn adds answers, and reports whether there were any.
func (a answered) learn(more map[string]*tf.Answer) bool {
	new := false
	for address, answer := range more {
		for name, v := range answer.Values {
			if _, ok := a[address][name]; ok {
				continue
			}
			if a[address] == nil {
				a[address] = map[string]cty.Value{}
			}
			a[address][name], new = v, true
		}
	}
	return new
}

// fill gives a data source the values that are known of it and that the
// document lacks. Nodes are shared, so the object gets its own.
func (a answered) fill(o *object) {
	values := a[o.address]
	if !o.data || len(values) == 0 {
		return
	}
	after, unknown := o.after.copied(o.at), o.unknown.copied(o.at)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !o.lacks(name) && o.after.get(name) != nil {
			continue
		}
		v, u := nodeOf(values[name], o.at)
		after.set(name, v)
		unknown.set(name, u)
	}
	o.after, o.unknown = after, unknown
}

// copied is an object with the same members; what is no object has none.
func (n *node) copied(at *node) *node {
	out := &node{kind: kindObject}
	if at != nil {
		out.start, out.end = at.start, at.end
	}
	for _, name := range n.members() {
		out.set(name, n.get(name))
	}
	return out
}

// nodeOf writes a value as a document does: what it is, and what of it is not
// known. The place is that of what asks for it.
func nodeOf(v cty.Value, at *node) (after, unknown *node) {
	after, unknown = &node{kind: kindNull}, &node{kind: kindBool}
	if at != nil {
		after.start, after.end = at.start, at.end
	}
	v, _ = v.Unmark()
	t := v.Type()
	switch {
	case v.IsNull():
	case !v.IsKnown():
		unknown.truth = true
	case t == cty.String && tf.HasSymbol(v.AsString()): // an id that another root will make
		unknown.truth = true
	case t == cty.String:
		after.kind, after.text = kindString, v.AsString()
	case t == cty.Number:
		after.kind, after.text = kindNumber, v.AsBigFloat().Text('f', -1)
	case t == cty.Bool:
		after.kind, after.truth = kindBool, v.True()
	case t.IsObjectType() || t.IsMapType():
		after.kind, unknown.kind = kindObject, kindObject
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			x, u := nodeOf(e, at)
			after.set(k.AsString(), x)
			unknown.set(k.AsString(), u)
		}
	case v.CanIterateElements():
		after.kind, unknown.kind = kindArray, kindArray
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			x, u := nodeOf(e, at)
			after.items, unknown.items = append(after.items, x), append(unknown.items, u)
		}
	}
	return after, unknown
}
