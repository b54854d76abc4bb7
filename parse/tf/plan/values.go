package plan

import (
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// instance turns an object into what package aws reads.
func (d *document) instance(o *object) *tf.Instance {
	in := &tf.Instance{
		Address: o.address, Module: o.module, Data: o.data, Type: o.typ, Name: o.name, Region: o.region, Existing: o.existing,
	}
	b := &body{d: d, o: o}
	in.Body = b.block("", o.at, values{o.after, o.unknown, o.sensitive}, o.exprs, "")
	if s := d.source[o.address]; s != nil {
		in.Body = merge(in.Body, s.Body)
		if in.Region == "" {
			in.Region = s.Region
		}
	}
	return in
}

// body reads the values of one object.
type body struct {
	d *document
	o *object
}

// values are what a document says about one value. Two of the three mirror the
// first: true where it is unknown, or sensitive.
type values struct{ after, unknown, sensitive *node }

func (v values) get(key string) values {
	return values{v.after.get(key), v.unknown.get(key), v.sensitive.get(key)}
}

// elem is an element of a list. A mirror that is true is so for every element.
func (v values) elem(i int) values {
	return values{v.after.elem(i), v.unknown.elem(i), v.sensitive.elem(i)}
}

// block reads the body of a resource or nested block. path is where it is in
// the resource.
func (b *body) block(typ string, at *node, v values, x exprs, path string) *tf.Block {
	out := &tf.Block{Type: typ, Range: b.d.at.of(at), Attrs: map[string]tf.Attr{}}
	for _, name := range b.names(v, x, path) {
		if path == "" && b.notWritten(name, v) {
			continue
		}
		b.attribute(out, name, v.get(name), x, path)
	}
	return out
}

// names lists the attributes of a block, in order.
func (b *body) names(v values, x exprs, path string) []string {
	names := slices.Concat(v.after.members(), v.unknown.members())
	if b.o.bare && path == "" {
		for _, n := range x.nodes {
			names = append(names, n.members()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// notWritten tells attributes that are unknown because nobody wrote them. A
// plan shows source_security_group_id as unknown wherever it is not set; beside
// CIDRs or self it cannot be. [TP vpc_security_group_rule.go ConflictsWith]
func (b *body) notWritten(name string, v values) bool {
	if b.o.typ != "aws_security_group_rule" || name != "source_security_group_id" || !v.unknown.get(name).isTrue() {
		return false
	}
	return len(v.after.get("cidr_blocks").list()) > 0 || len(v.after.get("ipv6_cidr_blocks").list()) > 0 || v.after.get("self").isTrue()
}

// attribute adds an attribute, or the nested blocks that a list of objects is.
func (b *body) attribute(to *tf.Block, name string, v values, parent exprs, path string) {
	x := parent.child(name)
	full := strings.TrimPrefix(path+"."+name, ".")
	lacking := v.unknown.isTrue() || b.o.bare && v.after == nil
	if !lacking && v.unknown.is(kindObject) && v.after.isNull() && v.unknown.holdsTrue() {
		lacking = true // an object of which no part is known
	}
	if n := max(len(v.after.list()), len(v.unknown.list())); !lacking && n > 0 && b.isBlocks(v, n) {
		for i := range n {
			to.Blocks = append(to.Blocks, b.nested(name, v.elem(i), x, i, n, full))
		}
		return
	}
	if v.after.isNull() && !lacking && !v.unknown.holdsTrue() {
		return
	}
	a := tf.Attr{Range: b.d.at.of(first(v.after, v.unknown, b.o.at))}
	switch {
	case lacking && !b.mayBeWritten(name, x, path):
		return
	case lacking:
		a.Value, a.More = b.unknown(name, full, x, parent.flat() && path != "", a.Range)
	default:
		a.Value = b.known(v, name, full, x)
	}
	if v.sensitive.holdsTrue() {
		a.Value = tf.MarkSensitive(a.Value)
	}
	to.Attrs[name] = a
}

func first(ns ...*node) *node {
	for _, n := range ns {
		if n != nil {
			return n
		}
	}
	return nil
}

// computed lists attributes that are never written, for plans that do not show
// the configuration.
var computed = map[string]bool{"id": true, "arn": true, "owner_id": true, "tags_all": true, "ipv6_cidr_block": true, "security_group_rule_id": true}

// mayBeWritten reports whether an unknown attribute may be so because of what
// is written for it, rather than because nothing is.
func (b *body) mayBeWritten(name string, x exprs, path string) bool {
	switch {
	case path != "":
		return true // blocks that dynamic makes are not in the configuration
	case x.there:
		return len(x.nodes) > 0
	case b.o.data:
		return name == "id" || len(x.nodes) > 0
	}
	return !computed[name]
}

// isBlocks reports whether a list is one of objects.
func (b *body) isBlocks(v values, n int) bool {
	for i := range n {
		e := v.elem(i)
		if !e.after.is(kindObject) && !(e.after.isNull() && e.unknown.is(kindObject)) {
			return false
		}
	}
	return true
}

// nested reads one nested block.
func (b *body) nested(typ string, v values, x exprs, i, n int, path string) *tf.Block {
	at := first(v.after, v.unknown, b.o.at)
	if isPlaceholder(v) {
		why := b.why(path, nil, false, b.d.at.of(at))
		why.Cause.Message = path + " is made for each element of what is known after apply"
		return &tf.Block{Type: typ, Range: b.d.at.of(at), Maybe: why}
	}
	// Sets are not in the order in which they are written: only a single block
	// has its own expressions for certain.
	if len(x.nodes) == 1 && n > 1 && !isLeaf(x.nodes[0]) {
		x = exprs{there: false}
	}
	return b.block(typ, at, v, x, path+"["+itoa(i)+"]")
}

// isPlaceholder reports whether a block stands for the blocks of a dynamic one
// over a collection that is not known: nothing of it is, defaults apart.
func isPlaceholder(v values) bool {
	unknown := 0
	for _, name := range v.unknown.members() {
		if v.unknown.get(name).isTrue() {
			unknown++
		}
	}
	if unknown < 3 {
		return false
	}
	for _, name := range v.after.members() {
		switch n := v.after.get(name); n.kind {
		case kindNull:
		case kindBool:
			if n.truth {
				return false
			}
		case kindString:
			if n.text != "" {
				return false
			}
		case kindArray, kindObject:
			if len(n.items) > 0 {
				return false
			}
		case kindNumber, kindTooDeep, kindInvalid:
			return false
		}
	}
	return true
}

// why is the reason for not knowing an attribute: what the configuration refers
// to. Terms are of the attribute: it may be made of several things. flat: the
// references are those of whole blocks, so the first may be of another attribute.
func (b *body) why(path string, refs []string, flat bool, at diag.Range) *ir.Unknown {
	name := b.o.address + "." + path
	u := &ir.Unknown{Term: name, Cause: diag.Cause{Code: diag.Computed, Message: name + " is known after apply", Range: at}}
	if len(refs) == 0 {
		return u
	}
	var named []string
	for _, r := range refs {
		if r = join(b.o.module, r); !slices.Contains(named, r) {
			named = append(named, r)
		}
	}
	if len(named) == 1 || !flat {
		u.Cause.Address = named[0]
	}
	of := strings.Join(named[:min(len(named), 3)], ", ")
	if more := len(named) - 3; more > 0 {
		of += " and " + itoa(more) + " more"
	}
	u.Cause.Message = name + " is known after apply: it is made of " + of
	return u
}

// hidden is why a list may hold more than what it refers to. There is one cause
// for all lists of a plan.
func (b *body) hidden(path string, at diag.Range) *ir.Unknown {
	return &ir.Unknown{
		Term: b.o.address + "." + path + ", ids that are written out",
		Cause: diag.Cause{
			Code: diag.Computed, Address: "ids that the plan does not show", Range: at,
			Message: "a plan does not show ids that are written out beside a reference in a list; --source DIR names the configuration, which does",
		},
	}
}

// unknown is the value of an attribute that is not known yet. more is set for
// a list that may hold other things beside the value's elements.
func (b *body) unknown(name, path string, x exprs, flat bool, at diag.Range) (v cty.Value, more *ir.Unknown) {
	k, refs := idKindOf(name), x.references()
	if name == "arn" && strings.Contains(path, "target_group[") {
		k = idTargetGroup // of a forward action
	}
	many := manyIDs(name) && k != idOther
	src := sources{open: true}
	if k != idOther || namesOne(name) {
		src = b.d.resolver.ask(b.o.scope(), refs, k)
	}
	why := b.why(path, refs, flat, at)
	id, one := src.only()
	switch {
	case many && one && !(flat && src.mixed), many && !src.open && !src.chosen && !src.mixed && !src.loose && !flat && len(src.of) > 1:
		elems := make([]cty.Value, len(src.of))
		for i, id := range src.of {
			elems[i] = value(id, why)
		}
		return cty.TupleVal(elems), b.hidden(path, at)
	case !many && one && !(flat && src.mixed):
		return value(id, why), nil
	}
	v = cty.DynamicVal
	if many {
		v = cty.UnknownVal(cty.List(cty.String))
	}
	v = tf.Mark(v, why)
	if k != idOther && len(src.of) > 0 {
		v = tf.MarkAmong(v, &tf.Among{Of: src.of, Open: src.open || src.chosen})
	}
	return v, nil
}

// namesOne reports whether an attribute that holds none of the kinds of ids
// holds the name or id of something all the same, and so nothing but that.
func namesOne(attr string) bool {
	for _, suffix := range []string{"_id", "_arn", "_identifier", "_name"} {
		if strings.HasSuffix(attr, suffix) {
			return true
		}
	}
	return attr == "launch_template" || attr == "launch_configuration"
}

// value is the value of an id: see sources.of.
func value(id string, why *ir.Unknown) cty.Value {
	if term, ok := strings.CutPrefix(id, "?"); ok {
		u := *why
		u.Term, u.Cause.Address, u.Cause.Message = term, term, term+" is known after apply"
		if isData(term) {
			u.Cause.Code = diag.DataSource
		}
		return tf.Mark(cty.UnknownVal(cty.String), &u)
	}
	return cty.StringVal(id)
}

// known turns a value into cty. Parts of it may still be unknown.
func (b *body) known(v values, name, path string, x exprs) cty.Value {
	if v.unknown.isTrue() {
		val, _ := b.unknown(strings.TrimSuffix(name, "s"), path, x, false, b.d.at.of(first(v.after, b.o.at)))
		return val
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
			elems = append(elems, b.known(v.elem(i), name, path+"["+itoa(i)+"]", x))
		}
		return cty.TupleVal(elems)
	case n.is(kindObject):
		attrs := map[string]cty.Value{}
		for _, k := range slices.Concat(v.after.members(), v.unknown.members()) {
			attrs[clean(k)] = b.known(v.get(k), k, path+"."+k, x.child(k))
		}
		return cty.ObjectVal(attrs)
	}
	return tf.Mark(cty.DynamicVal, &ir.Unknown{
		Term:  b.o.address + "." + path,
		Cause: diag.Cause{Code: diag.Limit, Message: "this value is nested too deep", Address: b.o.address, Range: b.d.at.of(v.after)},
	})
}
