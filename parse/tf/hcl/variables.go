package hcl

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// given is a value for a variable of the root, and where it comes from. The
// value is made when the variable asks for it: the text of a -var flag is read
// by the variable's type.
type given struct {
	expr  hclsyntax.Expression // in a variable file
	text  string               // on the command line or in the environment
	from  string               // how to name it: "-var office_cidr", "TF_VAR_office_cidr"
	place diag.Range
}

// variableType is what a variable's declaration says about its values.
type variableType struct {
	typ      cty.Type
	defaults *typeexpr.Defaults
	declared bool
	nullable bool
}

// variableType reads the declaration of a variable.
func (m *module) variableType(b *block) variableType {
	name := b.labels[0]
	if t, ok := m.types[name]; ok {
		return t
	}
	t := variableType{typ: cty.DynamicPseudoType, nullable: true}
	s := m.scope(m.prefix("var."+name), m.ev.files.place(b.header))
	if a := b.attrs["type"]; a != nil {
		t.declared = true
		typ, defaults, ds := typeexpr.TypeConstraintWithDefaults(a.raw)
		if ds.HasErrors() {
			old, ok := legacyType(a)
			if !ok {
				m.ev.reportAll(ds, s.name)
			}
			typ, defaults = old, nil
		}
		t.typ, t.defaults = typ, defaults
	}
	if b.attrs["nullable"] != nil && !s.flag(b, "nullable") {
		t.nullable = false
	}
	m.types[name] = t
	return t
}

// legacyType reads the types of Terraform 0.11: "string", "list", "map".
func legacyType(a *attribute) (cty.Type, bool) {
	v, _ := a.raw.Value(nil)
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return cty.DynamicPseudoType, false
	}
	switch v.AsString() {
	case "string":
		return cty.String, true
	case "list":
		return cty.List(cty.DynamicPseudoType), true
	case "map":
		return cty.Map(cty.DynamicPseudoType), true
	}
	return cty.DynamicPseudoType, false
}

// variable evaluates a variable of the module.
func (m *module) variable(name string, r hcl.Range) (cty.Value, hcl.Diagnostics) {
	b := m.dir.variables[name]
	if b == nil {
		return m.undeclared("var."+name, r)
	}
	address := m.prefix("var." + name)
	place := m.ev.files.place(b.header)
	return m.value("var:"+name, address, place, func(s *scope) cty.Value {
		t := m.variableType(b)
		v, from, ok := m.passed(s, b, t)
		if !ok {
			v, from = m.fallback(s, b, t)
		}
		v = s.convert(v, t, from, ok)
		if bare, _ := v.Unmark(); bare.IsNull() && !t.nullable && bare.IsKnown() {
			v, from = m.fallback(s, b, t)
			v = s.convert(v, t, from, false)
		}
		if s.flag(b, "sensitive") || s.flag(b, "ephemeral") {
			v = s.ev.hide(v)
		}
		return v
	}), nil
}

// passed is the value that a variable is given from outside the module.
func (m *module) passed(s *scope, b *block, t variableType) (v cty.Value, from hcl.Range, ok bool) {
	name := b.labels[0]
	if m.call != nil {
		if v, ok := m.argument(name); ok {
			return v, m.call.attrs[name].expr.Range(), true
		}
		return cty.NilVal, hcl.Range{}, false
	}
	g, ok := m.given[name]
	if !ok {
		return cty.NilVal, hcl.Range{}, false
	}
	if g.expr != nil {
		v, ds := g.expr.Value(s.constant())
		if ds.HasErrors() {
			return s.invalid(ds, g.expr.Range()), g.expr.Range(), true
		}
		return v, g.expr.Range(), true
	}
	if !t.declared || t.typ.IsPrimitiveType() {
		return cty.StringVal(g.text), b.header, true
	}
	e, err := m.ev.files.textExpr(g.text)
	if err == nil {
		var ds hcl.Diagnostics
		if v, ds = e.Value(s.constant()); !ds.HasErrors() {
			return v, b.header, true
		}
		err = ds
	}
	m.ev.report(diag.Diagnostic{
		Error: true, Message: fmt.Sprintf("the value of %s is not a Terraform expression of type %s", g.from, t.typ.FriendlyName()),
		Range: m.ev.files.place(b.header), Address: s.name,
		Fix: `quote it for the shell, as in '["10.0.0.0/8"]'`, Note: "the variable is unknown",
	})
	return m.noValue(s, b, "has a value that cannot be read"), b.header, true
}

// textExpr parses the text of a flag.
func (f *Files) textExpr(text string) (hclsyntax.Expression, error) {
	tokens, _ := hclsyntax.LexExpression([]byte(text), "", hcl.InitialPos)
	if _, deep := tooDeep(tokens, f.limits.Nesting); deep {
		return nil, fmt.Errorf("it nests deeper than %d levels", f.limits.Nesting)
	}
	e, ds := hclsyntax.ParseExpression([]byte(text), "", hcl.InitialPos)
	if ds.HasErrors() {
		return nil, ds
	}
	return instrument(e, map[string]bool{}), nil
}

// constant is the context of expressions that may refer to nothing.
func (s *scope) constant() *hcl.EvalContext {
	c := *s
	c.closed = "a value for a variable"
	return c.context()
}

// fallback is the default of a variable, or unknown when it has none.
func (m *module) fallback(s *scope, b *block, t variableType) (cty.Value, hcl.Range) {
	if e := b.expr("default"); e != nil {
		return s.evalIn(e, s.constant()), e.Range()
	}
	if m.call != nil {
		place := m.ev.files.place(m.call.header)
		m.ev.report(diag.Diagnostic{
			Rule: "not-analysed", Message: fmt.Sprintf("%s does not pass %s, which has no default", m.path, b.labels[0]), Label: "an argument is missing",
			Range: place, Address: m.path, Fix: "add " + b.labels[0] + " = ... to the call", Note: "the variable is unknown",
		})
		return m.noValue(s, b, "has no value"), b.header
	}
	m.ev.library = true
	return m.noValue(s, b, "has no value"), b.header
}

func (m *module) noValue(s *scope, b *block, what string) cty.Value {
	t := m.variableType(b).typ.WithoutOptionalAttributesDeep()
	return mark(cty.UnknownVal(t), s.name, []*ir.Unknown{{Cause: diag.Cause{
		Code: diag.NoValue, Message: s.name + " " + what, Address: s.name, Range: s.place,
	}}})
}

// maxDefaulted bounds the elements of values that defaults are put into: the
// types of all are compared with each other.
const maxDefaulted = 20_000

// convert gives a variable's value its declared type.
func (s *scope) convert(v cty.Value, t variableType, from hcl.Range, passed bool) cty.Value {
	if inspect(v, s.ev.limits).huge {
		return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("its value is too large")})
	}
	bare, _ := v.Unmark()
	if t.defaults != nil && bare.IsKnown() && !bare.IsNull() {
		if inspect(v, s.ev.limits).size > maxDefaulted {
			return s.fresh(cty.DynamicVal, []*ir.Unknown{s.limit("its value is too large for a type with optional attributes")})
		}
		v = t.defaults.Apply(v)
	}
	list := t.typ.IsListType() && bare.IsKnown() && !bare.IsNull() && bare.Type().IsSetType() && orderUnknown(bare)
	w, err := convertTo(v, t.typ)
	if err != nil {
		if x, again := convertTo(s.opaque(v), t.typ); again == nil {
			w, err = x, nil // the text is not known yet
		}
	}
	if err != nil {
		place := s.ev.files.place(from)
		msg := fmt.Sprintf("the value of %s is not of its type: %s", s.name, redact(errorText(err), v))
		s.ev.report(diag.Diagnostic{
			Rule: "not-analysed", Message: msg, Label: "not of the declared type", Range: place, Address: s.name,
			Fix: "pass a value of the type that " + s.place.Line() + " declares", Note: "the variable is unknown",
		})
		return mark(cty.UnknownVal(t.typ.WithoutOptionalAttributesDeep()), s.name, []*ir.Unknown{{Cause: diag.Cause{
			Code: diag.NotValid, Message: msg, Address: s.name, Range: place,
		}}})
	}
	if list {
		w = w.Mark(unordered{})
	}
	if bare, own, _ := splitMarks(w); passed && !bare.IsWhollyKnown() {
		switch {
		case t.defaults != nil || !t.nullable:
			return s.settled(w)
		case !bare.IsKnown() && reorders(v.Type(), bare.Type()) && len(own) > 0:
			return s.derive(w)
		}
	}
	return w
}

// settled gives a new term to every unknown that may turn out null: a default
// then takes its place.
func (s *scope) settled(v cty.Value) cty.Value {
	bare, own, others := splitMarks(v)
	switch {
	case bare.IsNull():
		return v
	case !bare.IsKnown():
		if len(own) == 0 || bare.Range().DefinitelyNotNull() && !bare.Type().IsObjectType() && !bare.Type().IsCollectionType() {
			return v
		}
		return s.fresh(bare, own).WithMarks(others)
	case !bare.CanIterateElements() || bare.Type().IsSetType():
		return v
	}
	return rebuild(bare, s.settled).WithMarks(mergeMarks(own, others))
}

func mergeMarks(us []*ir.Unknown, others cty.ValueMarks) cty.ValueMarks {
	_, ms := mark2(cty.True, us).WithMarks(others).Unmark()
	return ms
}

// errorText is an error of cty's, with the path to the part that is wrong.
func errorText(err error) string {
	pe, ok := err.(cty.PathError)
	if !ok || len(pe.Path) == 0 {
		return err.Error()
	}
	var b strings.Builder
	for _, s := range pe.Path {
		switch s := s.(type) {
		case cty.GetAttrStep:
			b.WriteString("." + s.Name)
		case cty.IndexStep:
			b.WriteString(renderKey(s.Key))
		}
	}
	return strings.TrimPrefix(b.String(), ".") + ": " + err.Error()
}

// validate checks the validation rules of a variable.
func (m *module) validate(b *block) {
	for _, v := range b.blocks {
		cond := v.expr("condition")
		if v.typ != "validation" || cond == nil {
			continue
		}
		s := m.scope(m.prefix("var."+b.labels[0]), m.ev.files.place(b.header))
		c, ds := cond.Value(s.context())
		if ds.HasErrors() {
			continue // a value that fails for another reason is reported there
		}
		bare, _ := s.opaque(c).Unmark()
		ok, err := convert.Convert(bare, cty.Bool)
		if err != nil || !ok.IsKnown() || ok.IsNull() || ok.True() {
			continue
		}
		msg := "the value is refused by the variable's validation"
		if e := v.expr("error_message"); e != nil {
			if t, ok := literal(e); ok { // others may quote values
				msg += ": " + strings.Join(strings.Fields(t), " ")
			}
		}
		m.ev.report(diag.Diagnostic{
			Error: true, Message: s.name + ": " + strings.TrimSuffix(msg, "."), Label: "is not true", Range: m.ev.files.place(cond.Range()),
			Address: s.name, Fix: "pass another value; terraform refuses this one as well", Note: "the value was used all the same",
		})
	}
}

// collect gathers the values for the root's variables, later ones winning: the
// environment, terraform.tfvars, *.auto.tfvars, -var-file, -var.
func (ev *evaluator) collect(m *module) {
	m.given = map[string]given{}
	for _, e := range ev.opts.Environ {
		name, text, ok := strings.Cut(e, "=")
		if name, found := strings.CutPrefix(name, "TF_VAR_"); ok && found && m.dir.variables[name] != nil {
			m.given[name] = given{text: text, from: "TF_VAR_" + name}
		}
	}
	for _, p := range ev.files.variableFiles(m.dir.path) {
		ev.readVariables(m, p, false)
	}
	for _, p := range ev.opts.VarFiles {
		ev.readVariables(m, p, true)
	}
	for _, name := range sortedKeys(ev.opts.Vars) {
		if m.dir.variables[name] == nil {
			ev.undeclared = append(ev.undeclared, tf.Undeclared{Name: name})
			continue
		}
		m.given[name] = given{text: ev.opts.Vars[name], from: "-var " + name}
	}
	ev.reportStrays(m)
}

// variableFiles lists the variable files that Terraform reads by itself.
func (f *Files) variableFiles(dir string) []string {
	var auto, first []string
	for _, name := range f.names(dir) {
		switch {
		case name == "terraform.tfvars" || name == "terraform.tfvars.json":
			first = append(first, path.Join(dir, name))
		case strings.HasSuffix(name, ".auto.tfvars") || strings.HasSuffix(name, ".auto.tfvars.json"):
			auto = append(auto, path.Join(dir, name))
		}
	}
	slices.Sort(first)
	return append(first, auto...)
}

func (ev *evaluator) readVariables(m *module, p string, asked bool) {
	s, err := ev.files.read(p)
	if err != nil {
		ev.report(diag.Diagnostic{
			Error: true, Message: "this variable file cannot be read: " + err.Error(), Range: diag.Range{File: ev.files.name(p)},
			Fix: "check the path; the variables in it have no value",
		})
		return
	}
	attrs, ds := ev.files.parseVariables(s)
	for _, d := range ds {
		ev.report(d)
	}
	var undeclared []tf.Undeclared
	for _, name := range sortedKeys(attrs) {
		place := ev.files.place(attrs[name].rng)
		if m.dir.variables[name] == nil {
			undeclared = append(undeclared, tf.Undeclared{Name: name, Range: place})
			continue
		}
		m.given[name] = given{expr: attrs[name].expr, from: s.shown, place: place}
	}
	if asked {
		ev.undeclared = append(ev.undeclared, undeclared...)
	} else if m.dir.broken == nil {
		ev.strays = append(ev.strays, undeclared)
	}
}

// reportStrays says which values of a root's own variable files no variable
// takes, once it is known which variables have none. Terraform warns as well.
func (ev *evaluator) reportStrays(m *module) {
	wanting := map[string]*block{} // variables without a value
	for name, b := range m.dir.variables {
		if _, ok := m.given[name]; !ok {
			wanting[name] = b
		}
	}
	for _, file := range ev.strays {
		var rest []tf.Undeclared
		slices.SortFunc(file, func(a, b tf.Undeclared) int { return a.Range.Compare(b.Range) })
		for _, u := range file {
			near := nearestOf(ev, u.Name, wanting)
			if near == "" {
				near = nearestOf(ev, u.Name, m.dir.variables)
			}
			if near != "" {
				ev.report(diag.Diagnostic{
					Message: "this root declares no variable " + u.Name + "; did you mean " + near + "?", Label: "not used", Range: u.Range,
					Address: "var." + near, Fix: "write " + near + ", or declare " + u.Name,
				})
				continue
			}
			rest = append(rest, u)
		}
		if len(rest) == 0 {
			continue
		}
		var names []string
		for _, u := range rest[:min(len(rest), 3)] {
			names = append(names, u.Name)
		}
		text := "this root declares no variable " + names[0]
		if len(rest) > 1 {
			text = fmt.Sprintf("this root declares none of %d variables that this file gives values to: %s", len(rest), strings.Join(names, ", "))
			if len(rest) > len(names) {
				text += " and others"
			}
		}
		ev.report(diag.Diagnostic{
			Message: text, Label: "not used", Range: rest[0].Range, Fix: "remove what is not used; terraform warns of it as well",
		})
	}
}

// parseVariables reads a variable file.
func (f *Files) parseVariables(s *source) (map[string]*attribute, diag.List) {
	out := map[string]*attribute{}
	if strings.HasSuffix(s.path, ".json") {
		return f.parseJSONVariables(s)
	}
	body, _, ds := f.parseHCL(s)
	if body == nil {
		return out, ds
	}
	for name, a := range body.Attributes {
		out[name] = &attribute{name: name, expr: instrument(a.Expr, map[string]bool{}), rng: a.SrcRange}
	}
	for _, b := range body.Blocks {
		ds = append(ds, diag.Diagnostic{
			Error: true, Message: "a variable file holds values, not blocks", Label: "a block", Range: f.place(b.DefRange()),
			Fix: "write " + b.Type + " = { ... }, with an equals sign",
		})
	}
	return out, ds
}
