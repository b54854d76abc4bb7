package plan

import (
	"slices"
	"strings"

	"github.com/postern-dev/postern/parse/tf"
)

// sources are the ids that a value which is not known yet may turn out to be.
type sources struct {
	of []string // symbols, ids that are known, "?" and the term of an unknown one
	// open: it may be something else too.
	open bool
	// mixed: some of what the expression refers to holds no such id.
	mixed bool
	// loose: which of them, and how many, is not known even if they are several
	// references to one thing each.
	loose bool
	// chosen: something that is not known either, and holds no id, may choose
	// among them or leave them out. Of a local nothing tells whether it does.
	chosen bool
}

func (s *sources) add(id string) {
	if !slices.Contains(s.of, id) {
		s.of = append(s.of, id)
	}
}

func (s *sources) join(o sources) {
	for _, id := range o.of {
		s.add(id)
	}
	s.open, s.mixed, s.loose, s.chosen = s.open || o.open, s.mixed || o.mixed, s.loose || o.loose, s.chosen || o.chosen
}

// only is the one thing that a single value can be.
func (s sources) only() (string, bool) {
	if len(s.of) == 1 && !s.open && !s.chosen {
		return s.of[0], true
	}
	return "", false
}

// scope is where an expression stands.
type scope struct {
	module  string // address of the module instance
	forEach *node  // what each.value is an element of
}

// Bounds on following references, for one value and for all of a document.
// What lies beyond is open.
const (
	maxHops  = 60
	maxSteps = 3_000_000
)

// resolver follows references to the objects whose ids they stand for.
type resolver struct {
	d     *document
	steps int
	done  map[query]sources
	// seen are the modules, variables and outputs that the query at hand has
	// looked at. Each adds what it holds once: all that is found is joined in
	// the end.
	seen map[string]bool
}

// query is a question whose answer is the same for all who ask it.
type query struct {
	module, refs string
	forEach      *node
	kind         idKind
}

// ask resolves the references of one expression.
func (r *resolver) ask(at scope, refs []string, k idKind) sources {
	q := query{at.module, strings.Join(refs, "\n"), at.forEach, k}
	if s, ok := r.done[q]; ok {
		return s
	}
	r.seen = map[string]bool{}
	s := r.resolve(at, refs, k, 0)
	r.done[q] = s
	return s
}

// resolve follows the references of an expression.
func (r *resolver) resolve(at scope, refs []string, k idKind, hops int) sources {
	var out sources
	if len(refs) == 0 {
		out.open = true // a function without arguments, or a dynamic block
	}
	for _, ref := range refs {
		if r.steps++; hops > maxHops || r.steps > maxSteps {
			out.open = true
			return out
		}
		out.join(r.one(at, steps(ref), k, hops+1))
	}
	return out
}

func (r *resolver) one(at scope, ss []step, k idKind, hops int) sources {
	switch ss[0].name {
	case "count", "path", "terraform":
		return sources{mixed: true, loose: true}
	case "each":
		if at.forEach == nil {
			return sources{open: true}
		}
		out := r.resolve(at, references(at.forEach), k, hops)
		out.loose = true
		return out
	case "var":
		return r.variable(at, ss, k, hops)
	case "local":
		out := r.scan(at.module, k, hops)
		out.loose = true
		return out
	case "module":
		return r.output(at, ss, k, hops)
	case "data":
		if len(ss) < 3 {
			return sources{open: true}
		}
		return r.data(at, ss, k, hops)
	}
	if len(ss) < 2 || ss[0].key != "" {
		return sources{open: true}
	}
	return r.resource(at, ss[0].name+"."+ss[1].name, ss[1].key, ss[2:], k, hops)
}

// variable follows a variable to the call of the module. Variables of the root
// are known in a plan.
func (r *resolver) variable(at scope, ss []step, k idKind, hops int) sources {
	if at.module == "" || len(ss) < 2 {
		return sources{mixed: true, loose: true}
	}
	if r.again(at.module + " var." + ss[1].name) {
		return sources{loose: len(ss) > 2 || ss[1].key != ""}
	}
	outer, _, _ := parent(at.module)
	call := r.d.config.calls[callNames(steps(at.module))]
	out := r.expression(scope{outer, call.get("for_each_expression")}, call.at("expressions", ss[1].name), k, hops)
	out.loose = out.loose || len(ss) > 2 || ss[1].key != ""
	return out
}

// again reports whether the query at hand has been somewhere.
func (r *resolver) again(where string) bool {
	before := r.seen[where]
	r.seen[where] = true
	return before
}

// expression follows one that may be absent or constant, or an object of them.
func (r *resolver) expression(at scope, e *node, k idKind, hops int) sources {
	switch {
	case e == nil, e.has("constant_value"):
		return sources{mixed: true, loose: true}
	case isLeaf(e):
		return r.resolve(at, references(e), k, hops)
	}
	return sources{open: true}
}

// output follows the output of a module.
func (r *resolver) output(at scope, ss []step, k idKind, hops int) sources {
	if len(ss) < 2 {
		return sources{open: true}
	}
	prefix := join(at.module, "module."+ss[1].name)
	var inner []string
	for _, m := range r.d.children[at.module] {
		if m == prefix+ss[1].key || ss[1].key == "" && strings.HasPrefix(m, prefix+"[") {
			inner = append(inner, m)
		}
	}
	if len(inner) == 0 {
		inner = []string{prefix + ss[1].key} // a module without resources
	}
	var out sources
	for _, m := range inner {
		if len(ss) == 2 {
			out.join(r.scan(m, k, hops))
			continue
		}
		if r.again(m + " output." + ss[2].name) {
			continue
		}
		e := r.d.config.modules[callNames(steps(m))].at("outputs", ss[2].name, "expression")
		if e == nil {
			out.open = true
			continue
		}
		out.join(r.expression(scope{module: m}, e, k, hops))
	}
	out.loose = out.loose || len(ss) != 3 || len(inner) > 1
	return out
}

// resource follows a reference to a resource, or to an attribute of it.
func (r *resolver) resource(at scope, local, key string, attrs []step, k idKind, hops int) sources {
	address := join(at.module, local)
	var objects []*object
	if o := r.d.byAddress[address+key]; o != nil {
		objects = []*object{o}
	} else if key == "" {
		objects = r.d.byResource[address]
	}
	if len(objects) == 0 {
		// None is planned: the reference stands in a branch that is not taken.
		// Data sources of older plans may have been left out.
		return sources{mixed: true, loose: true, open: strings.HasPrefix(local, "data.")}
	}
	var out sources
	for _, o := range objects {
		out.join(r.attribute(o, attrs, k, hops))
	}
	out.loose = out.loose || len(objects) > 1
	return out
}

// data follows a reference to a data source. What one finds that is read only
// at apply is unknown, and named by the reference where it is one id.
func (r *resolver) data(at scope, ss []step, k idKind, hops int) sources {
	out := r.resource(at, "data."+ss[1].name+"."+ss[2].name, ss[2].key, ss[3:], k, hops)
	last := ss[len(ss)-1].name
	if len(out.of) == 0 && out.open && len(ss) > 3 && k != idOther && idKindOf(last) == k && !manyIDs(last) {
		return sources{of: []string{"?" + join(at.module, path(ss))}}
	}
	return out
}

func (r *resolver) attribute(o *object, attrs []step, k idKind, hops int) sources {
	switch {
	case len(attrs) == 1 && attrs[0].key == "":
		return r.value(o, attrs[0].name, k, hops)
	case len(attrs) == 0:
		out := sources{loose: o.key != ""}
		for _, a := range makers[k][o.typ] {
			out.join(r.value(o, a, k, hops))
		}
		if len(out.of) == 0 && k == idOther {
			out.open = true
		} else if len(out.of) == 0 {
			out.join(r.foreign(o, ""))
		}
		return out
	case o.data && k != idOther && o.inside(attrs).str() != "":
		if idKindOf(attrs[len(attrs)-1].name) != k {
			return sources{mixed: true}
		}
		return sources{of: []string{clean(o.inside(attrs).str())}}
	case o.typ == "aws_eks_cluster" && attrs[len(attrs)-1].name == "cluster_security_group_id":
		if k != idGroup {
			return sources{mixed: true}
		}
		return sources{of: []string{"?" + o.address + ".vpc_config[0].cluster_security_group_id"}}
	}
	return r.foreign(o, attrs[0].name)
}

// inside follows a path into the known values of an object.
func (o *object) inside(attrs []step) *node {
	n := o.after
	for _, a := range attrs {
		if n = n.get(a.name); a.key != "" {
			return nil
		}
	}
	return n
}

// value follows an attribute of a resource instance to where its value is from.
func (r *resolver) value(o *object, attr string, k idKind, hops int) sources {
	switch v := o.after.get(attr); {
	case v.is(kindString) && v.text != "" && !o.lacks(attr):
		if k != idOther && idKindOf(attr) != k && !makes(k, o.typ, attr) {
			return sources{mixed: true}
		}
		return sources{of: []string{clean(v.text)}}
	case v.is(kindArray) && o.data && k != idOther && listedBy[o.typ] == k && !o.lacks(attr):
		out := sources{mixed: len(v.items) == 0}
		for _, e := range v.items {
			out.add(clean(e.str()))
		}
		return out
	case !o.lacks(attr):
		return sources{mixed: true, loose: true}
	}
	if o.data && makes(k, o.typ, attr) {
		return sources{of: []string{r.d.symbol(o, attr)}}
	}
	if x := o.exprs.child(attr); o.exprs.there && len(x.nodes) > 0 {
		return r.resolve(o.scope(), x.references(), k, hops)
	}
	switch {
	case makes(k, o.typ, attr), k == idOther && r.d.assigned(o.typ, attr):
		return sources{of: []string{r.d.symbol(o, attr)}}
	case k != idOther && idKindOf(attr) == k && !manyIDs(attr):
		return sources{of: []string{r.d.symbol(o, attr)}}
	}
	return r.foreign(o, attr)
}

// foreign is what an attribute adds that makes no id of the kind.
func (r *resolver) foreign(o *object, attr string) sources {
	if makesOther(idOther, o.typ, attr) || holdsNoID(o.typ, o.data) {
		return sources{mixed: true, chosen: true}
	}
	return sources{open: true}
}

// scan finds everything of a kind that an expression of a module can get at: a
// local says nothing about what it is made of. It can be made of what the
// module has, what the modules that it calls have, and what it is given.
func (r *resolver) scan(module string, k idKind, hops int) sources {
	if k == idOther || hops > maxHops {
		return sources{open: true}
	}
	if r.again(module) {
		return sources{}
	}
	var out sources
	for _, o := range r.d.byModule[module] {
		if r.steps++; r.steps > maxSteps {
			out.open = true
			break
		}
		for _, a := range makers[k][o.typ] {
			out.join(r.value(o, a, k, hops))
		}
		switch {
		case len(makers[k][o.typ]) > 0 || holdsNoID(o.typ, o.data) || !o.bare && !o.unknown.holdsTrue():
		case o.typ == "aws_eks_cluster" && k == idGroup:
			out.add("?" + o.address + ".vpc_config[0].cluster_security_group_id")
		case o.typ == "aws_eks_cluster":
		default:
			out.open = true
		}
	}
	for _, m := range r.d.children[module] {
		out.join(r.scan(m, k, hops+1))
	}
	outer, _, _ := parent(module)
	call := r.d.config.calls[callNames(steps(module))]
	given := call.get("expressions")
	for _, name := range given.members() {
		out.join(r.expression(scope{outer, call.get("for_each_expression")}, given.get(name), k, hops+1))
	}
	out.chosen = false // most of what was found has nothing to do with the value
	return out
}

// symbol is what stands for an attribute that AWS decides.
func (d *document) symbol(o *object, attr string) string {
	if s := d.schema(o.typ); s != nil && !o.data {
		if same, ok := s.Same[attr]; ok {
			attr = same
		}
	}
	return tf.Symbol(o.address, attr)
}

// assigned reports whether an attribute is an id that AWS makes up.
func (d *document) assigned(typ, attr string) bool {
	s := d.schema(typ)
	if s == nil {
		return false
	}
	if same, ok := s.Same[attr]; ok {
		attr = same
	}
	return slices.Contains(s.IDs, attr)
}
