package hcl

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/internal/nearest"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// maxSeen bounds how many referred values a scope remembers for causes.
const maxSeen = 32

// resolve evaluates a reference to something that the module declares.
func (s *scope) resolve(t hcl.Traversal, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	if s.closed != "" {
		return cty.DynamicVal, failed(r, "%s cannot refer to %s", s.closed, t.RootName())
	}
	v, rest, ds := s.lookup(t, r)
	if ds.HasErrors() {
		s.ev.steps -= errorSteps
		return cty.DynamicVal, ds
	}
	part, ds := s.steps(v, rest)
	if !ds.HasErrors() {
		v = part
	}
	if len(s.seen) < maxSeen && s.refersToUnknown(t, rest, v) {
		s.seen = append(s.seen, v)
	}
	return part, ds
}

// refersToUnknown is holdsUnknown of what a reference means. A whole local or
// variable is walked over once, however often a loop refers to it.
func (s *scope) refersToUnknown(t, rest hcl.Traversal, v cty.Value) bool {
	name, _ := attrName(t, 1)
	key := t.RootName() + "." + name
	if len(rest) > 0 || t.RootName() != "local" && t.RootName() != "var" {
		return s.holdsUnknown(v)
	}
	holds, ok := s.mod.holds[key]
	if !ok {
		holds = s.holdsUnknown(v)
		s.mod.holds[key] = holds
	}
	return holds
}

// holdsUnknown walks over a value up to the first unknown in it, and charges
// for that.
func (s *scope) holdsUnknown(v cty.Value) bool {
	seen := 0
	holds := holdsUnknown(v, &seen)
	s.ev.steps -= seen / 4
	return holds
}

func holdsUnknown(v cty.Value, seen *int) bool {
	*seen++
	switch {
	case !v.IsKnown():
		return true
	case v.Type().IsPrimitiveType() || v.IsNull():
		return false
	case v.IsMarked():
		v, _ = v.Unmark()
	}
	if !v.CanIterateElements() {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); holdsUnknown(e, seen) {
			return true
		}
	}
	return false
}

// attrName returns the name that a step of a traversal looks up.
func attrName(t hcl.Traversal, i int) (string, bool) {
	if i >= len(t) {
		return "", false
	}
	switch st := t[i].(type) {
	case hcl.TraverseAttr:
		return st.Name, true
	case hcl.TraverseIndex:
		if st.Key.Type() == cty.String && st.Key.IsKnown() && !st.Key.IsNull() {
			return st.Key.AsString(), true
		}
	}
	return "", false
}

// lookup finds the term that a reference begins with, and the rest of its path.
func (s *scope) lookup(t hcl.Traversal, r hcl.Range) (cty.Value, hcl.Traversal, hcl.Diagnostics) {
	root := t.RootName()
	name, named := attrName(t, 1)
	if !named {
		return cty.DynamicVal, nil, failed(r, "%s needs an attribute after it, as in %s.NAME", root, root)
	}
	switch root {
	case "var":
		v, ds := s.mod.variable(name, r)
		return v, t[2:], ds
	case "local":
		v, ds := s.mod.local(name, r)
		return v, t[2:], ds
	case "each", "count":
		v, ds := s.repetition(root, name, r)
		return v, t[2:], ds
	case "self":
		if s.inst == nil {
			return cty.DynamicVal, nil, failed(r, "self has no meaning outside a resource")
		}
		return s.inst.refer(name), t[2:], nil
	case "path":
		v, ds := s.path(name, r)
		return v, t[2:], ds
	case "terraform", "tofu":
		v, ds := s.terraform(name, r)
		return v, t[2:], ds
	case "module":
		return s.moduleRef(name, t, r)
	case "data":
		typ := name
		if name, named = attrName(t, 2); !named {
			return cty.DynamicVal, nil, failed(r, "data.%s needs a name after it", typ)
		}
		return s.resourceRef("data."+typ+"."+name, t[3:], r)
	case "ephemeral":
		return unknownOf(&ir.Unknown{Term: s.mod.prefix(root + renderPath(t[1:])), Cause: diag.Cause{
			Code: diag.Computed, Message: root + renderPath(t[1:]) + " exists only while terraform runs", Address: root + "." + name, Range: s.ev.files.place(r),
		}}), nil, nil
	case "resource":
		typ := name
		if name, named = attrName(t, 2); !named {
			return cty.DynamicVal, nil, failed(r, "resource.%s needs a name after it", typ)
		}
		return s.resourceRef(typ+"."+name, t[3:], r)
	}
	return s.resourceRef(root+"."+name, t[2:], r)
}

// resourceRef looks into a resource: the one attribute that is asked for, when
// the path names one.
func (s *scope) resourceRef(address string, rest hcl.Traversal, r hcl.Range) (cty.Value, hcl.Traversal, hcl.Diagnostics) {
	m := s.mod
	res := m.dir.resources[address]
	if res == nil {
		v, ds := m.undeclared(address, r)
		return v, rest, ds
	}
	x := m.expand(res.block, address)
	key := cty.NilVal
	if x.by != single && len(rest) > 0 {
		if i, ok := rest[0].(hcl.TraverseIndex); ok && i.Key.IsKnown() && !i.Key.IsNull() {
			key, rest = i.Key, rest[1:]
		}
	}
	var k instanceKey
	switch {
	case x.by == single && x.open == nil:
		k = x.keys[0]
	case key == cty.NilVal:
		return m.collection(res), rest, nil
	default:
		found := x.demand(s.ev, key)
		switch {
		case found != nil:
			k = *found
		case x.hidden() != nil:
			s.uncertain++
			return s.fresh(cty.DynamicVal, []*ir.Unknown{x.hidden()}), nil, nil
		default:
			return cty.DynamicVal, nil, failed(r, "%s%s does not exist", address, renderKey(key))
		}
	}
	if k.maybe != nil {
		s.uncertain++
	}
	inst := m.instance(res, k)
	name, named := attrName(rest, 0)
	if !named {
		return inst.object(), rest, nil
	}
	v := inst.refer(name)
	if inst.writes(name) && len(rest) > 1 {
		// A block has attributes of the provider's making besides those written.
		w, ds := s.steps(v, rest[1:])
		if ds.HasErrors() {
			return inst.computed(name + renderPath(rest[1:])), nil, nil
		}
		return w, nil, nil
	}
	return v, rest[1:], nil
}

// moduleRef looks into a module call: the one output that is asked for, when
// the path names one.
func (s *scope) moduleRef(name string, t hcl.Traversal, r hcl.Range) (cty.Value, hcl.Traversal, hcl.Diagnostics) {
	m := s.mod
	c := m.dir.calls[name]
	if c == nil {
		v, ds := m.undeclared("module."+name, r)
		return v, t[2:], ds
	}
	x := m.expand(c.block, "module."+name)
	rest := t[2:]
	var k instanceKey
	switch {
	case x.by == single && x.open == nil:
		k = x.keys[0]
	default:
		i, ok := step(rest).(hcl.TraverseIndex)
		if !ok || !i.Key.IsKnown() || i.Key.IsNull() || x.by == single {
			all := m.gather(x, "module."+name, c.header, func(k instanceKey) cty.Value { return m.child(c, k, k.maybe).outputs() })
			return all, rest, nil
		}
		found := x.demand(s.ev, i.Key)
		switch {
		case found != nil:
			k, rest = *found, rest[1:]
		case x.hidden() != nil:
			s.uncertain++
			return s.fresh(cty.DynamicVal, []*ir.Unknown{x.hidden()}), nil, nil
		default:
			return cty.DynamicVal, nil, failed(r, "module.%s%s does not exist", name, renderKey(i.Key))
		}
	}
	if k.maybe != nil {
		s.uncertain++
	}
	child := m.child(c, k, k.maybe)
	out, named := attrName(rest, 0)
	if !named {
		return child.outputs(), rest, nil
	}
	v, ok := child.output(out)
	if !ok {
		v, ds := child.undeclared(out, r)
		return v, rest[1:], ds
	}
	return v, rest[1:], nil
}

func step(t hcl.Traversal) hcl.Traverser {
	if len(t) == 0 {
		return nil
	}
	return t[0]
}

// undeclared says that a name is not declared. When a file could not be
// parsed, it may have been declared there.
func (m *module) undeclared(name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	if m.dir.broken != nil {
		cause := *m.dir.broken
		cause.Address = m.prefix(name)
		return unknownOf(&ir.Unknown{Term: cause.Address, Cause: cause}), nil
	}
	where, hint := "this module", ""
	if m.path != "" {
		where = m.path
	}
	if near := m.nearest(name); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return cty.DynamicVal, failed(r, "%s is not declared in %s%s", name, where, hint)
}

// nearest is what somebody who wrote an address that is not declared probably
// meant: of the same kind, or an output of the module.
func (m *module) nearest(name string) string {
	kind, rest, ok := strings.Cut(name, ".")
	switch {
	case !ok:
		return nearestOf(m.ev, name, m.dir.outputs)
	case kind == "var":
		return dotted(kind, nearestOf(m.ev, rest, m.dir.variables))
	case kind == "local":
		return dotted(kind, nearestOf(m.ev, rest, m.dir.locals))
	case kind == "module":
		return dotted(kind, nearestOf(m.ev, rest, m.dir.calls))
	}
	address := strings.TrimPrefix(name, "data.")
	typ := strings.TrimSuffix(name, address) + address[:strings.IndexByte(address, '.')+1]
	same := map[string]*resource{} // of the type, by name
	for a, r := range m.dir.resources {
		if rest, ok := strings.CutPrefix(a, typ); ok {
			same[rest] = r
		}
	}
	if len(same) == 0 {
		return nearestOf(m.ev, name, m.dir.resources)
	}
	return dotted(strings.TrimSuffix(typ, "."), nearestOf(m.ev, strings.TrimPrefix(name, typ), same))
}

// Bounds on the names that are compared: nobody mistypes more than a few.
const (
	maxHints    = 100
	maxDeclared = 2_000
)

// nearestOf compares a name with what is declared.
func nearestOf[T any](ev *evaluator, name string, declared map[string]T) string {
	if ev.hints++; ev.hints > maxHints || len(declared) > maxDeclared {
		return ""
	}
	return nearest.One(name, sortedKeys(declared))
}

func dotted(kind, name string) string {
	if name == "" {
		return ""
	}
	return kind + "." + name
}

func (m *module) local(name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	a := m.dir.locals[name]
	if a == nil {
		return m.undeclared("local."+name, r)
	}
	return m.value("local:"+name, m.prefix("local."+name), m.ev.files.place(a.rng), func(s *scope) cty.Value {
		return s.eval(a.expr)
	}), nil
}

// repetition is each.key, each.value or count.index.
func (s *scope) repetition(root, name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	switch {
	case root == "count" && name == "index" && s.key.by == byCount:
		return s.key.key, nil
	case root == "each" && name == "key" && s.key.by == byKey:
		return s.key.key, nil
	case root == "each" && name == "value" && s.key.by == byKey:
		return s.key.each, nil
	case root == "count":
		return cty.DynamicVal, failed(r, "count.%s has no meaning in a block without count", name)
	}
	return cty.DynamicVal, failed(r, "each.%s has no meaning in a block without for_each", name)
}

// path is path.module, path.root or path.cwd, relative to the root's
// directory: that is where file functions look.
func (s *scope) path(name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	switch name {
	case "root":
		return cty.StringVal("."), nil
	case "cwd":
		return s.ev.symbol("path", "cwd", diag.Range{}), nil
	case "module":
		return cty.StringVal(relative(s.ev.root.dir.path, s.mod.dir.path)), nil
	}
	return cty.DynamicVal, failed(r, "there is no path.%s; there are module, root and cwd", name)
}

// relative writes a path as seen from a directory of the same file system.
func relative(from, to string) string {
	if from == "." {
		return to
	}
	f, t := strings.Split(from, "/"), strings.Split(to, "/")
	if to == "." {
		t = nil
	}
	i := 0
	for i < len(f) && i < len(t) && f[i] == t[i] {
		i++
	}
	return path.Join(strings.Repeat("../", len(f)-i), path.Join(t[i:]...), ".")
}

func (s *scope) terraform(name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	switch name {
	case "workspace":
		return cty.StringVal(s.ev.workspace(s.ev.files.place(r))), nil
	case "applying":
		return cty.False, nil
	}
	return cty.DynamicVal, failed(r, "there is no terraform.%s; there is terraform.workspace", name)
}

// workspace is the workspace that is given, or else the one that Terraform
// would take: what a cloud block names, what terraform workspace select has
// left, or default. at is where it is asked for.
// [developer.hashicorp.com/terraform/cli/config/environment-variables#tf_workspace]
func (ev *evaluator) workspace(at diag.Range) string {
	if ev.opts.Workspace != "" {
		return ev.opts.Workspace
	}
	for _, e := range ev.opts.Environ {
		if name, ok := strings.CutPrefix(e, "TF_WORKSPACE="); ok && name != "" {
			return name
		}
	}
	if name, ok := ev.root.dir.backend.Workspace(); ok {
		return name
	}
	if s, err := ev.files.read(path.Join(ev.root.dir.path, ".terraform/environment")); err == nil {
		if name := strings.TrimSpace(string(s.data)); name != "" {
			return name
		}
	}
	return ev.assume(at)
}

func sortedKeys[T any](m map[string]T) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// pathCwd takes path.cwd off a file name: it is the root's directory.
func pathCwd(p string) string {
	return strings.ReplaceAll(p, tf.Symbol("path", "cwd"), ".")
}
