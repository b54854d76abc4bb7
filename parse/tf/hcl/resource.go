package hcl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// instance is an instance of a resource or data block.
type instance struct {
	mod *module
	res *resource
	key instanceKey
	id  string // address within the module: aws_subnet.app[0]
}

func (i *instance) address() string { return i.mod.prefix(i.id) }

func (m *module) instance(r *resource, k instanceKey) *instance {
	return &instance{mod: m, res: r, key: k, id: r.local() + renderKey(k.key)}
}

// scope is the scope of one of the instance's terms.
func (i *instance) scope(name string, place diag.Range) *scope {
	s := i.mod.scope(name, place)
	s.inst, s.key, s.foreign = i, i.key, foreign(i.res.block)
	return s
}

// foreign reports whether a block is a resource or data source of a provider
// other than AWS's.
func foreign(b *block) bool {
	return (b.typ == "resource" || b.typ == "data") && !strings.HasPrefix(b.labels[0], "aws_") && !strings.HasPrefix(b.labels[0], "awscc_")
}

func (i *instance) schema() *tf.Schema {
	if i.res.data || i.mod.ev.opts.Schemas == nil {
		return nil
	}
	return i.mod.ev.opts.Schemas(i.res.typ)
}

// metaArguments are arguments of Terraform's own.
var metaArguments = []string{"count", "for_each", "provider", "depends_on", "lifecycle"}

// attr evaluates an attribute as it is written.
func (i *instance) attr(name string) (tf.Attr, bool) {
	a := i.res.attrs[name]
	if a == nil || slices.Contains(metaArguments, name) {
		return tf.Attr{}, false
	}
	f := i.mod.ev.files
	address := i.address() + "." + name
	place := f.place(a.expr.Range())
	return memo(i.mod, "attr:"+i.id+"."+name, address, place,
		func(u *ir.Unknown) tf.Attr { return tf.Attr{Value: unknownOf(u), Range: place} },
		func() tf.Attr { return i.scope(address, place).attribute(a, nil) }), true
}

// blocks evaluates the nested blocks of an instance.
func (i *instance) blocks() []*tf.Block {
	address := i.address()
	return memo(i.mod, "blocks:"+i.id, address, i.mod.ev.files.place(i.res.header),
		func(u *ir.Unknown) []*tf.Block { return nil },
		func() []*tf.Block {
			s := i.scope(address, i.mod.ev.files.place(i.res.header))
			var out []*tf.Block
			for _, b := range i.res.block.blocks {
				if b.typ != "lifecycle" {
					out = append(out, s.nested(b, s.context())...)
				}
			}
			return out
		})
}

// refer is the value of an attribute as references see it: what is written,
// what the schema knows, or unknown.
func (i *instance) refer(name string) cty.Value {
	if a := i.mod.ev.answers[i.address()]; i.res.data && a != nil && a.Values[name] != cty.NilVal {
		return a.Values[name]
	}
	if a, ok := i.attr(name); ok {
		if bare, _ := a.Value.Unmark(); !bare.IsNull() {
			return a.Value
		}
	}
	if i.writes(name) {
		return i.blockList(name)
	}
	ev := i.mod.ev
	place := ev.files.place(i.res.header)
	if i.res.data {
		return i.read(name)
	}
	sch := i.schema()
	if sch == nil {
		sch = &tf.Schema{IDs: []string{"id", "arn"}}
	}
	if same, ok := sch.Same[name]; ok && same != name {
		return i.refer(same)
	}
	// A placeholder's id is a symbol too: only what stands beside it in the same
	// placeholder can refer to it, and each of the instances has its own.
	if slices.Contains(sch.IDs, name) {
		return ev.symbol(i.address(), name, place)
	}
	if v, ok := sch.Defaults[name]; ok {
		return v
	}
	if slices.Contains(sch.Blocks, name) {
		return cty.EmptyTupleVal
	}
	return i.computed(name)
}

// computed is an attribute that only AWS knows.
func (i *instance) computed(name string) cty.Value {
	address := i.address() + "." + name
	return i.possibly(unknownOf(&ir.Unknown{Term: address, Cause: diag.Cause{
		Code: diag.Computed, Message: address + " is known after apply", Address: address, Range: i.mod.ev.files.place(i.res.header),
	}}))
}

// possibly keeps the attributes of an instance that stands for any number of
// instances from having one term: they are not one value.
func (i *instance) possibly(v cty.Value) cty.Value {
	if i.key.known() && i.mod.known() {
		return v
	}
	i.mod.ev.anonymous++
	bare, own, _ := splitMarks(v)
	return mark(bare, own[0].Term+"#"+strconv.Itoa(i.mod.ev.anonymous), own)
}

// known reports whether the key stands for one instance.
func (k instanceKey) known() bool {
	if k.key == cty.NilVal {
		return true
	}
	bare, _ := k.key.Unmark()
	return bare.IsKnown()
}

// known reports whether the module stands for one instance.
func (m *module) known() bool {
	for ; m != nil; m = m.parent {
		if !m.key.known() {
			return false
		}
	}
	return true
}

// writes reports whether the resource has nested blocks of a type.
func (i *instance) writes(typ string) bool {
	return slices.ContainsFunc(i.res.block.blocks, func(b *block) bool { return b.blockType() == typ })
}

// blockList is a type of nested blocks as references see it: a list of objects.
func (i *instance) blockList(typ string) cty.Value {
	var vs []cty.Value
	for _, b := range i.blocks() {
		if b.Type != typ {
			continue
		}
		if b.Maybe != nil {
			return tf.Mark(cty.DynamicVal, &ir.Unknown{Term: i.address() + "." + typ, Cause: b.Maybe.Cause})
		}
		vs = append(vs, i.blockObject(b, i.address()+"."+typ))
	}
	return cty.TupleVal(vs)
}

func (i *instance) blockObject(b *tf.Block, address string) cty.Value {
	o := map[string]cty.Value{}
	for name, a := range b.Attrs {
		o[name] = a.Value
	}
	nested := map[string][]cty.Value{}
	for _, n := range b.Blocks {
		nested[n.Type] = append(nested[n.Type], i.blockObject(n, address+"."+n.Type))
	}
	for typ, vs := range nested {
		o[typ] = cty.TupleVal(vs)
	}
	return cty.ObjectVal(o)
}

// object is a whole instance. All instances of a type have the same
// attributes: those of the schema, those that are written anywhere in the root,
// and those that any expression of the root looks up.
func (i *instance) object() cty.Value {
	ev := i.mod.ev
	address := i.address()
	return memo(i.mod, "object:"+i.id, address, ev.files.place(i.res.header), unknownOf, func() cty.Value {
		o := map[string]cty.Value{}
		add := func(names []string) {
			for _, n := range names {
				if _, ok := o[n]; !ok {
					o[n] = i.refer(n)
				}
			}
		}
		sch := i.schema()
		if sch != nil {
			add(sch.IDs)
			add(sortedKeys(sch.Defaults))
			add(sortedKeys(sch.Same))
			add(sch.Blocks)
		}
		if a := ev.answers[address]; a != nil && i.res.data {
			add(sortedKeys(a.Values))
		}
		add([]string{"arn", "id"})
		add(ev.written[i.res.kind()])
		add(ev.names)
		return cty.ObjectVal(o)
	})
}

// kind names the resource's type among resources and data sources.
func (r *resource) kind() string {
	if r.data {
		return "data." + r.typ
	}
	return r.typ
}

// collection is what a reference to a resource without an instance key means:
// an object, a tuple of them, or an object of them by key.
func (m *module) collection(r *resource) cty.Value {
	x := m.expand(r.block, r.local())
	if x.by == single && x.open == nil {
		return m.instance(r, x.keys[0]).object()
	}
	return m.gather(x, r.local(), r.header, func(k instanceKey) cty.Value { return m.instance(r, k).object() })
}

// gather makes the value of all instances of a block.
func (m *module) gather(x *expansion, address string, header hcl.Range, of func(instanceKey) cty.Value) cty.Value {
	place := m.ev.files.place(header)
	return memo(m, "all:"+address, m.prefix(address), place, unknownOf, func() cty.Value {
		s := m.scope(m.prefix(address), place)
		if !x.sure() {
			t := cty.DynamicPseudoType
			return mark(cty.UnknownVal(t), m.prefix(address), []*ir.Unknown{x.why()})
		}
		if v, ok := s.spend(len(x.keys) * exprSteps); !ok {
			return v
		}
		if x.by == byCount {
			vs := make([]cty.Value, 0, len(x.keys))
			for _, k := range x.keys {
				vs = append(vs, of(k))
			}
			return cty.TupleVal(vs)
		}
		vs := map[string]cty.Value{}
		for _, k := range x.keys {
			vs[k.key.AsString()] = of(k)
		}
		return cty.ObjectVal(vs)
	})
}
