package hcl

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// listing is a list of a data source of which only the elements' names are
// known: see tf.Schema.Lists.
type listing struct {
	address, attr string
	cause         diag.Cause
}

// read is an attribute that a data source finds.
func (i *instance) read(name string) cty.Value {
	ev := i.mod.ev
	by := i.asker()
	if a := cmp.Or(ev.answers[i.address()], ev.answers[by.address]); a != nil {
		if a.Values[name] != cty.NilVal {
			return a.Values[name]
		}
		if a.Object != "" {
			if v, ok := ev.objectAttr(a.Object, name); ok {
				return v
			}
		}
	}
	if ev.opts.Data != nil {
		sch := ev.opts.Data(i.res.typ, i.region(nil))
		if sch != nil && sch.Defaults[name] != cty.NilVal {
			return sch.Defaults[name]
		}
		for _, list := range schemaLists(sch) {
			if list == name {
				return i.list(by, name)
			}
		}
	}
	return i.possibly(unknownOf(i.unread(by, name)))
}

func schemaLists(sch *tf.Schema) []string {
	if sch == nil {
		return nil
	}
	return sch.Lists
}

// unread is why an attribute of a data source is not known.
func (i *instance) unread(by asker, name string) *ir.Unknown {
	where := "when terraform runs"
	if strings.HasPrefix(i.res.typ, "aws_") {
		where = "from AWS"
	}
	address := by.address + "." + name
	return &ir.Unknown{Term: address, Cause: diag.Cause{
		Code: diag.DataSource, Message: address + " is read " + where, Address: address, Range: by.place,
	}}
}

// asker is a data source.
type asker struct {
	address string
	place   diag.Range
}

// asker is the first data source to be read of those that ask the same: they
// find the same. What one asks does not depend on what it finds.
func (i *instance) asker() asker {
	ev, address := i.mod.ev, i.address()
	if by, ok := ev.askers[address]; ok {
		return by
	}
	by := asker{address, ev.files.place(i.res.header)}
	ev.askers[address] = by
	if ev.opts.Question == nil || !i.res.data || i.maybe() != nil {
		return by
	}
	in := i.written()
	in.Region = i.region(in.Body)
	if q := ev.opts.Question(in); q != "" {
		if first, ok := ev.asked[q]; ok {
			by = first
		} else {
			ev.asked[q] = by
		}
		ev.askers[address] = by
	}
	return by
}

// list is a list of names that only AWS knows. Its elements have symbols when
// the instance is one, and not a placeholder.
func (i *instance) list(by asker, name string) cty.Value {
	u := i.unread(by, name)
	v := tf.Mark(cty.UnknownVal(cty.List(cty.String)).RefineNotNull(), u)
	if !i.key.known() || !i.mod.known() {
		return i.possibly(v)
	}
	i.mod.ev.lists[u.Term] = listing{address: by.address, attr: name, cause: u.Cause}
	return v
}

// element is the element of an unknown list that a step of a path takes, when
// the list is one whose elements have symbols.
func (s *scope) element(term string, step hcl.Traverser) (cty.Value, bool) {
	l, ok := s.ev.lists[term]
	i, isIndex := step.(hcl.TraverseIndex)
	if !ok || !isIndex {
		return cty.NilVal, false
	}
	n, err := wholeNumber(i.Key)
	if err != nil || n < 0 || n > maxSliced {
		return cty.NilVal, false
	}
	return cty.StringVal(tf.ElementSymbol(l.address, l.attr, n)), true
}

// objectAttr is an attribute of a managed instance, unless that is what is
// being evaluated.
func (ev *evaluator) objectAttr(address, name string) (cty.Value, bool) {
	x := ev.instanceAt(address)
	if x == nil {
		return cty.NilVal, false
	}
	if n := x.mod.nodes["attr:"+x.id+"."+name]; n != nil && !n.done {
		return cty.NilVal, false
	}
	return x.refer(name), true
}

// instanceAt finds a managed instance, making the modules on the way to it.
func (ev *evaluator) instanceAt(address string) *instance {
	if x, ok := ev.made[address]; ok {
		return x
	}
	x := ev.root.find(address)
	ev.made[address] = x
	return x
}

func (m *module) find(address string) *instance {
	for _, c := range m.dir.callOrder {
		rest, ok := strings.CutPrefix(address, m.prefix("module."+c.name))
		if !ok || !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "[") {
			continue
		}
		for _, k := range m.expand(c.block, "module."+c.name).keys {
			ch := m.child(c, k, k.maybe)
			if ch.missing == nil && strings.HasPrefix(address, ch.path+".") {
				return ch.find(address)
			}
		}
	}
	for _, r := range m.dir.resourceOrder {
		rest, ok := strings.CutPrefix(address, m.prefix(r.local()))
		if r.data || !ok || rest != "" && rest[0] != '[' {
			continue
		}
		for _, k := range m.expand(r.block, r.local()).keys {
			if x := m.instance(r, k); k.maybe == nil && x.address() == address {
				return x
			}
		}
	}
	return nil
}

// answered adds what a data source finds to what is written about it, for
// whatever makes an object of it.
func (i *instance) answered(b *tf.Block) {
	if !i.res.data {
		return
	}
	by := i.asker()
	a := cmp.Or(i.mod.ev.answers[i.address()], i.mod.ev.answers[by.address], &tf.Answer{})
	place := i.mod.ev.files.place(i.res.header)
	for _, name := range sortedKeys(a.Values) {
		b.Attrs[name] = tf.Attr{Value: a.Values[name], Range: place}
	}
	if _, ok := b.Attrs["id"]; !ok && (a.Object != "" || by.address != i.address()) {
		b.Attrs["id"] = tf.Attr{Value: i.read("id"), Range: place}
	}
}

// elementOf is element(list, n) of a list whose length is not known: which of
// its elements that is depends on the length, but it is the same one each time.
func (s *scope) elementOf(args []cty.Value) (cty.Value, bool) {
	if len(args) != 2 {
		return cty.NilVal, false
	}
	bare, own, _ := splitMarks(args[0])
	n, err := wholeNumber(args[1])
	t := oneTerm(own)
	if _, ok := s.ev.lists[t]; !ok || bare.IsKnown() || err != nil || n < 0 {
		return cty.NilVal, false
	}
	if n == 0 {
		return s.element(t, hcl.TraverseIndex{Key: cty.Zero})
	}
	s.uncertain++
	return mark(cty.UnknownVal(cty.String).RefineNotNull(), "element("+t+", "+strconv.Itoa(n)+")", own), true
}

// mixed reports whether strings of values may be equal although they differ:
// names of a list that only AWS knows beside names from elsewhere.
func mixed(vs ...cty.Value) bool {
	lists := map[string]bool{}
	for _, v := range vs {
		bare, _ := v.UnmarkDeep()
		_ = cty.Walk(bare, func(_ cty.Path, x cty.Value) (bool, error) {
			if x.Type() == cty.String && x.IsKnown() && !x.IsNull() {
				list, _ := tf.IsElement(x.AsString())
				lists[list] = true
			}
			return true, nil
		})
	}
	return len(lists) > 1
}

// addBackend notes where the state is kept.
func (d *directory) addBackend(b *block) {
	for _, n := range b.blocks {
		if n.typ != "backend" && n.typ != "cloud" {
			continue
		}
		d.backend = &tf.Backend{Type: n.typ, Config: map[string]string{}}
		if len(n.labels) == 1 {
			d.backend.Type = n.labels[0]
		}
		note(d.backend, "", n)
	}
}

// note keeps the arguments that are written out, those of nested blocks and
// objects with the name in front. JSON writes blocks as objects, or as lists of
// them.
func note(b *tf.Backend, prefix string, from *block) {
	for _, a := range from.sorted() {
		noteValue(b, prefix+a.name, a.expr)
	}
	for _, n := range from.blocks {
		note(b, prefix+n.typ+".", n)
	}
}

func noteValue(b *tf.Backend, name string, e hclsyntax.Expression) {
	if text, ok := literal(e); ok {
		b.Config[name] = text
		return
	}
	if l, ok := written(e).(*hclsyntax.TupleConsExpr); ok && len(l.Exprs) == 1 {
		e = l.Exprs[0]
	}
	for key, value := range objectItems(e) {
		if k := keyName(key); k != "" {
			noteValue(b, name+"."+k, value)
		}
	}
}

// elementCause is why the text of an element of a list is not known.
func (ev *evaluator) elementCause(list string) diag.Cause {
	if l, ok := ev.lists[list]; ok {
		return l.cause
	}
	return diag.Cause{Code: diag.DataSource, Message: list + " is read from AWS", Address: list}
}
