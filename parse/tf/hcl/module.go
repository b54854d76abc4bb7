package hcl

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// module is an instance of a module.
type module struct {
	ev     *evaluator
	path   string // module.net["a"]; "" in the root
	dir    *directory
	parent *module
	call   *call // nil in the root
	key    instanceKey
	maybe  *ir.Unknown // the call's count or for_each is unknown
	// missing is why the module's files are not there.
	missing *diag.Cause

	nodes map[string]*node
	// constants are the values of calls that are the same each time.
	constants map[*callExpr]cty.Value
	children  map[string]*module // by call name and key
	given     map[string]given   // variables of the root
	types     map[string]variableType
	holds     map[string]bool // by local and variable, whether something in it is unknown
}

// prefix puts the module's path before an address within it.
func (m *module) prefix(address string) string {
	if m.path == "" {
		return address
	}
	return m.path + "." + address
}

// manifest is .terraform/modules/modules.json: where terraform init put what.
type manifest struct {
	Modules []struct{ Key, Dir, Source, Version string }
}

func (ev *evaluator) readManifest() *manifest {
	if ev.manifest != nil {
		return ev.manifest
	}
	ev.manifest = &manifest{}
	p := path.Join(ev.root.dir.path, ".terraform/modules/modules.json")
	s, err := ev.files.read(p)
	if err != nil {
		return ev.manifest
	}
	if err := json.Unmarshal(s.data, ev.manifest); err != nil {
		ev.report(diag.Diagnostic{
			Message: "this list of installed modules is not JSON: " + err.Error(), Range: diag.Range{File: s.shown},
			Fix: "run terraform init again", Note: "registry and git modules are not analysed",
		})
		ev.manifest = &manifest{}
	}
	return ev.manifest
}

// staticPath is the module's path without instance keys, as the manifest has it.
func (m *module) staticPath() string {
	if m.call == nil {
		return ""
	}
	if p := m.parent.staticPath(); p != "" {
		return p + "." + m.call.name
	}
	return m.call.name
}

// locate finds the directory of a call, or the cause why there is none.
func (m *module) locate(c *call) (string, *diag.Cause) {
	ev := m.ev
	address := m.prefix("module." + c.name)
	place := ev.files.place(c.header)
	if a := c.attrs["source"]; a != nil {
		place = ev.files.place(a.expr.Range())
	}
	cause := func(code diag.Code, format string, args ...any) *diag.Cause {
		return &diag.Cause{Code: code, Message: fmt.Sprintf(format, args...), Address: address, Range: place}
	}
	e := c.expr("source")
	if e == nil {
		return "", cause(diag.NotValid, "%s has no source", address)
	}
	source, dir := c.source, c.dir
	if _, written := literal(e); !written {
		v := m.value("source:"+c.name, address+".source", place, func(s *scope) cty.Value { return s.opaque(s.eval(e)) })
		text, known := knownText(v)
		bare, _ := v.Unmark()
		switch {
		case !known && bare.IsKnown():
			return "", cause(diag.NotValid, "the source of %s is not a string", address)
		case !known:
			why := tf.Why(v).Cause
			return "", cause(why.Code, "the source of %s is computed: %s", address, why.Message)
		}
		if source, dir = text, localModule(m.dir.path, text); dir != "" {
			ev.computed[dir] = true
		}
	}
	switch {
	case source == "":
		return "", cause(diag.NotValid, "the source of %s is empty", address)
	case dir != "":
		if !ev.files.HasTerraform(dir) {
			return "", cause(diag.NotInstalled, "there are no Terraform files in %s", ev.files.name(dir))
		}
		for a := m; a != nil; a = a.parent {
			if a.dir.path == dir {
				return "", cause(diag.NotValid, "%s calls a module that it is a part of", address)
			}
		}
		return dir, nil
	case strings.HasPrefix(source, "."):
		return "", cause(diag.NotInstalled, "the module %s lies outside the directories that postern may read", source)
	}
	key := c.name
	if p := m.staticPath(); p != "" {
		key = p + "." + c.name
	}
	for _, e := range ev.readManifest().Modules {
		if e.Key != key || e.Dir == "" {
			continue
		}
		if dir, ok := inside(path.Join(ev.root.dir.path, e.Dir)); ok && ev.files.HasTerraform(dir) {
			return dir, nil
		}
	}
	return "", cause(diag.NotInstalled, "the module %s is not installed", source)
}

// child returns an instance of a call.
func (m *module) child(c *call, k instanceKey, maybe *ir.Unknown) *module {
	id := c.name + renderKey(k.key)
	if ch := m.children[id]; ch != nil {
		return ch
	}
	ch := &module{
		ev: m.ev, path: m.prefix("module." + id), parent: m, call: c, key: k, maybe: maybe,
		nodes: map[string]*node{}, constants: map[*callExpr]cty.Value{}, children: map[string]*module{}, types: map[string]variableType{}, holds: map[string]bool{},
	}
	if ch.maybe == nil {
		ch.maybe = m.maybe
	}
	dir, missing := m.locate(c)
	m.ev.modules++
	if missing == nil && m.ev.modules > m.ev.limits.Modules {
		missing = &diag.Cause{Code: diag.Limit, Message: fmt.Sprintf("this root has more than %d modules", m.ev.limits.Modules), Address: ch.path, Range: m.ev.files.place(c.header)}
	}
	if missing != nil {
		ch.missing = missing
		ch.dir = &directory{}
		m.ev.omit(m.prefix("module."+c.name), *missing)
	} else {
		ch.dir = m.ev.files.directory(dir)
	}
	m.children[id] = ch
	return ch
}

// argument evaluates what the call passes for a variable.
func (m *module) argument(name string) (cty.Value, bool) {
	e := m.call.expr(name)
	if e == nil {
		return cty.NilVal, false
	}
	a := m.call.attrs[name]
	key := "argument:" + m.call.name + renderKey(m.key.key) + "." + name
	address := m.path + "." + name
	return m.parent.value(key, address, m.ev.files.place(a.rng), func(s *scope) cty.Value {
		s.key = m.key
		return s.eval(e)
	}), true
}

// output returns the value of an output of this instance.
func (m *module) output(name string) (cty.Value, bool) {
	address := m.prefix("output." + name)
	if m.call != nil {
		address = m.path + "." + name
	}
	if m.missing != nil {
		cause := *m.missing
		return unknownOf(&ir.Unknown{Term: m.path + "." + name, Cause: cause}), true
	}
	b := m.dir.outputs[name]
	if b == nil {
		return cty.NilVal, false
	}
	place := m.ev.files.place(b.header)
	return m.value("output:"+name, address, place, func(s *scope) cty.Value {
		e := b.expr("value")
		if e == nil {
			return s.invalid(failed(b.header, "this output has no value"), b.header)
		}
		v := s.eval(e)
		if s.flag(b, "sensitive") || s.flag(b, "ephemeral") {
			v = s.ev.hide(v)
		}
		return v
	}), true
}

// outputs is the object of all outputs of an instance.
func (m *module) outputs() cty.Value {
	if m.missing != nil {
		return unknownOf(&ir.Unknown{Term: m.path, Cause: *m.missing})
	}
	vs := map[string]cty.Value{}
	for _, b := range m.dir.outputOrder {
		vs[b.labels[0]], _ = m.output(b.labels[0])
	}
	return cty.ObjectVal(vs)
}

// flag reads a boolean argument that is written as a literal.
func (s *scope) flag(b *block, name string) bool {
	e := b.expr(name)
	if e == nil {
		return false
	}
	v, _ := s.eval(e).Unmark()
	return v.Type() == cty.Bool && v.IsKnown() && !v.IsNull() && v.True()
}
