package hcl_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

// expressions over variables that may have no value.
var expressions = []string{
	`var.s`, `"${var.s}"`, `"${var.s}/32"`, `[var.s, "a"]`, `[var.s, var.s, "${var.s}!"]`, `{a = var.s, b = [var.s]}`,
	`upper(var.s)`, `concat([var.s], ["a"])`, `concat(var.l, ["a"])`, `compact([var.s, "", "a"])`, `distinct([var.s, "a"])`,
	`flatten([[var.s], ["a"], var.l])`, `coalesce(var.s, "a")`, `coalesce("a", var.s)`, `coalescelist(var.l, ["a"])`,
	`try(var.s, "a")`, `try(var.d.x, "a")`, `try(tonumber(var.s), 1)`, `can(var.d.x)`, `can(tonumber(var.s))`, `try([var.s], [])`,
	`lookup({a = var.s}, "a", "z")`, `lookup({a = "a", b = "b"}, var.s, "z")`, `lookup(var.m, "a", "z")`, `lookup(var.m, var.s, var.s)`,
	`element([var.s, "a"], 1)`, `element([var.s, "a"], 0)`, `element(var.l, 0)`, `element(["a", "b"], var.n)`, `element(var.l, var.n)`,
	`var.l[0]`, `var.l[1]`, `[var.l[0], var.l[1], var.l[0]]`, `var.m["a"]`, `var.m.b`, `[var.m.a, var.m["a"], var.m.b]`, `["a", "b", "c"][var.n]`,
	`join(",", [var.s, "a"])`, `join(var.s, var.l)`, `split(",", var.s)`, `split(",", var.s)[0]`, `keys(var.m)`, `values(var.m)`, `values({a = var.s})`,
	`zipmap(["a"], [var.s])`, `zipmap([var.s], ["a"])`, `merge({a = var.s}, {b = 1})`, `merge(var.m, {b = "x"})`, `merge({a = var.s}, {a = "x"})`,
	`var.s == "a"`, `var.s != ""`, `var.s == var.s ? 1 : 2`, `var.b ? "x" : "y"`, `var.b ? var.s : var.l[0]`, `var.b ? "x" : "x"`, `var.b ? [1] : []`,
	`var.b ? {a = 1} : {a = 2}`, `true ? var.s : var.l[0]`, `var.b && false`, `var.b || true`, `!var.b`, `var.b ? null : "x"`,
	`var.n + 1`, `var.n * 0`, `-var.n`, `var.n > 0 ? var.n : 0`, `max(var.n, 3)`, `var.n == 1 ? 1 : 0`,
	`[for x in [var.s, "b"] : upper(x)]`, `[for x in var.l : x]`, `[for x in var.l : x if x != "a"]`, `[for i, x in [var.s, "q"] : "${i}${x}"]`,
	`{for x in ["a", "b"] : x => var.s}`, `{for k, v in var.m : k => "${v}!"}`, `[for x in [var.s, "b"] : x if x != "b"]`,
	`[for x in [var.s, var.l[0]] : [x, "${x}"]]`, `toset([var.s, "b"])`, `length(toset([var.s, "b"]))`, `length([var.s, "b"])`, `length(var.l)`,
	`[for x in toset([var.s, "b"]) : x]`, `[for x in toset([var.s]) : x][0]`, `one([var.s])`, `one(toset([var.s]))`, `var.l[*]`, `[var.s][*]`, `tolist(toset(var.l))[0]`,
	`slice([var.s, "b", "c"], 0, 2)`, `slice(var.l, 0, 2)`, `slice(var.l, 1, 2)[0]`, `reverse([var.s, "b"])`, `sort([var.s, "b"])`, `contains([var.s, "b"], "b")`, `contains(["b"], var.s)`,
	`setunion([var.s], ["b"])`, `setsubtract(["a", "b"], [var.s])`, `index(["a", "b"], "b")`, `matchkeys(["x", "y"], ["a", "b"], [var.s])`,
	`jsonencode({a = var.s})`, `jsondecode(jsonencode({a = var.s})).a`, `format("%s-%s", var.s, "x")`, `formatlist("%s!", [var.s, "b"])`, `replace(var.s, "a", "b")`,
	`tostring(var.n)`, `tonumber("${var.n}")`, `chunklist([var.s, "b"], 1)`, `setproduct([var.s], ["x", "y"])`, `transpose({a = [var.s]})`, `alltrue([var.b, false])`,
	`anytrue([var.b, true])`, `sum([var.n, 1])`, `substr(var.s, 0, 1)`, `startswith("x${var.s}", "x")`, `startswith("x${var.s}", "y")`, `cidrsubnet("10.0.0.0/8", 8, var.n)`,
	`<<-T
      %{for x in var.l~}
      ${x}
      %{endfor~}
    T`,
	`"%{if var.b}yes%{else}no%{endif}"`, `var.d`, `var.d.x`, `[var.d.x, var.d.x]`, `{a = var.d}.a.x`, `[for x in [var.d] : x.x]`, `local.s`, `[local.t, local.t, "${local.t}"]`,
}

// What is known without the variables' values is the same with them, and what
// has one term has one value.
func TestUnknownValuesAreSound(t *testing.T) {
	var b strings.Builder
	b.WriteString("variable \"s\" { type = string }\nvariable \"n\" { type = number }\nvariable \"b\" { type = bool }\nvariable \"l\" { type = list(string) }\nvariable \"m\" { type = map(string) }\nvariable \"d\" { type = any }\nlocals {\n  s = var.s\n  t = \"<${var.s}>\"\n}\n")
	for i, e := range expressions {
		fmt.Fprintf(&b, "output \"o%d\" {\n  value = %s\n}\n", i, e)
	}
	f := files(config(map[string]string{"main.tf": b.String()}))
	unknown := hcl.Evaluate(context.Background(), f, ".", hcl.Options{})
	for _, d := range unknown.Diagnostics {
		t.Errorf("%s: %s", d.Range, d.Message)
	}
	assignments := []map[string]string{
		{"s": "a", "n": "1", "b": "true", "l": `["a", "b", "c"]`, "m": `{a = "1", b = "2"}`, "d": `{x = "a"}`},
		{"s": "b", "n": "0", "b": "false", "l": `["b", "a", "a"]`, "m": `{b = "b", a = "a", c = "q"}`, "d": `{x = null}`},
		{"s": "zz,1", "n": "2", "b": "false", "l": `["q", "w"]`, "m": `{a = "", b = ""}`, "d": `{y = 1}`},
		{"s": "", "n": "1", "b": "true", "l": `["", "x"]`, "m": `{a = "x", b = "x"}`, "d": `{x = ["x"]}`},
		{"s": "7", "n": "2", "b": "true", "l": `["7", "7"]`, "m": `{a = "7", b = "8"}`, "d": `"text"`},
	}
	judged := 0
	for _, vars := range assignments {
		known := hcl.Evaluate(context.Background(), f, ".", hcl.Options{Vars: vars})
		terms := map[string]cty.Value{}
		for i, e := range expressions {
			j := judge{t: t, what: fmt.Sprintf("%s with %v", e, vars), terms: terms}
			j.compare(unknown.Outputs[i].Value, known.Outputs[i].Value)
			judged += j.n
		}
	}
	if judged < 3*len(assignments)*len(expressions)/4 {
		t.Errorf("only %d values were compared", judged)
	}
}

// expressions over two ids that AWS assigns.
var idExpressions = []string{
	`X`, `[X, Y]`, `[Y, X]`, `toset([X, Y])`, `tolist(toset([X, Y]))`, `tolist(toset([X, Y]))[0]`, `[for i in toset([X, Y]) : i]`, `[for i in toset([X, Y]) : i][1]`,
	`[for i, v in tolist(toset([X, Y])) : "${i}-${v}"]`, `{for i in toset([X, Y]) : i => "v"}`, `{for i, v in tolist(toset([X, Y])) : i => v}`, `{for i, v in tolist(toset([X, Y])) : i => v}[0]`,
	`[for k, v in {(X) = 1, (Y) = 2} : v]`, `[for k, v in {(X) = 1, (Y) = 2} : v][0]`, `keys({(X) = 1, (Y) = 2})`, `values({(X) = 1, (Y) = 2})`, `values({(X) = 1, (Y) = 2})[0]`,
	`{(X) = 1, (Y) = 2}[X]`, `lookup({(X) = 1, (Y) = 2}, Y, 3)`, `zipmap(tolist(toset([X, Y])), [1, 2])`, `zipmap(["a", "b"], tolist(toset([X, Y])))`, `zipmap(["a", "b"], [X, Y])`,
	`join(",", [X, Y])`, `join(",", toset([X, Y]))`, `sort([X, Y])`, `sort([X, Y])[0]`, `sort([X])[0]`, `distinct([X, Y, X])`, `length(toset([X, Y, X]))`, `length(X)`,
	`X == Y`, `X != Y`, `X == "sg-0"`, `X == "" ? 1 : 2`, `"${X}-a" == "${Y}-a"`, `"${X}" == X`, `contains([X], Y)`, `contains([X, Y], Y)`, `index([X, Y], Y)`, `index(tolist(toset([X, Y])), Y)`,
	`substr(X, 0, 2)`, `upper(X)`, `split("-", X)`, `startswith(X, "sg-")`, `startswith("a${X}", "a")`, `replace(X, "-", "_")`, `regex("[0-9]", X)`, `sha1(X)`, `can(regex("^sg", X))`,
	`element(toset([X, Y])[*], 0)`, `one(toset([X]))`, `slice(tolist(toset([X, Y])), 0, 1)`, `slice([X, Y], 0, 1)`, `chunklist(tolist(toset([X, Y])), 1)`, `reverse(tolist(toset([X, Y])))[0]`,
	`flatten([toset([X, Y]), ["a"]])`, `flatten([toset([X, Y]), ["a"]])[0]`, `concat(tolist(toset([X, Y])), ["a"])[2]`, `setproduct(toset([X, Y]), ["a"])`, `setproduct([X, Y], ["a"])[0][0]`,
	`formatlist("%s!", toset([X, Y]))`, `formatlist("%s%s", ["a", "b"], tolist(toset([X, Y])))`, `format("%s/%s", "1", X)`, `jsonencode([X])`, `jsonencode(toset([X, Y]))`, `jsondecode(jsonencode([X]))[0]`,
	`transpose({(X) = ["a"], (Y) = ["a"]})`, `matchkeys(["a", "b"], [X, Y], [Y])`, `matchkeys(tolist(toset([X, Y])), ["a", "b"], ["a"])`, `merge({(X) = 1}, {(Y) = 2})`, `setsubtract([X, Y], [X])`,
	`setintersection([X, "a"], [X, Y])`, `compact([X, "", Y])`, `coalesce(X, Y)`, `coalesce("", Y)`, `try(X, 1)`, `tonumber(try(X, 1)) == 1`, `tostring(X)`, `[for g in [X, Y] : g if g != X]`,
	`{for g in toset([X, Y]) : "k" => g...}`, `{for g in toset([X, Y]) : "k" => g...}["k"][0]`, `[X, Y][X == Y ? 0 : 1]`, `alltrue([for g in [X, Y] : g != ""])`, `max([for g in [X, Y] : length(g)]...)`,
	`tolist(toset([[X], [Y]]))[0]`, `[for o in tolist(toset([{i = X}, {i = Y}])) : o.i]`, `tolist(toset([{i = X}, {i = Y}]))[0].i`, `element(tolist(toset([X, Y])), 1) == X`, `toset([for g in toset([X, Y]) : "${g}/a"])`,
	`cidrhost("10.0.0.0/8", length(toset([X, Y])))`, `trimprefix(X, "sg-")`, `basename(X)`, `base64encode(X)`, `title(X)`, `X < Y ? 1 : 2`, `sum([for g in [X, Y] : 1])`, `"${X}${Y}" == "${Y}${X}"`,
}

// Whatever ids AWS assigns: what is known with symbols in their places is the
// same with the ids themselves.
func TestSymbolsAreSound(t *testing.T) {
	write := func(x, y string) *hcl.Files {
		var b strings.Builder
		b.WriteString("resource \"aws_security_group\" \"a\" {}\nresource \"aws_security_group\" \"b\" {}\nvariable \"x\" { type = string }\nvariable \"y\" { type = string }\n")
		r := strings.NewReplacer("X", x, "Y", y)
		for i, e := range idExpressions {
			fmt.Fprintf(&b, "output \"o%d\" {\n  value = %s\n}\n", i, r.Replace(e))
		}
		return files(config(map[string]string{"main.tf": b.String()}))
	}
	symbols := hcl.Evaluate(context.Background(), write("aws_security_group.a.id", "aws_security_group.b.id"), ".", hcl.Options{Vars: map[string]string{"x": "", "y": ""}, Schemas: schemas})
	judged := 0
	for _, ids := range [][2]string{{"sg-1", "sg-2"}, {"sg-2", "sg-1"}, {"sg-0abc", "sg-00"}} {
		known := hcl.Evaluate(context.Background(), write("var.x", "var.y"), ".", hcl.Options{Vars: map[string]string{"x": ids[0], "y": ids[1]}})
		r := strings.NewReplacer(tf.Symbol("aws_security_group.a", "id"), ids[0], tf.Symbol("aws_security_group.b", "id"), ids[1])
		for i, e := range idExpressions {
			j := judge{t: t, what: fmt.Sprintf("%s with %v", e, ids), terms: map[string]cty.Value{}, ids: r}
			j.compare(symbols.Outputs[i].Value, known.Outputs[i].Value)
			judged += j.n
		}
	}
	if judged < 3*len(idExpressions) {
		t.Errorf("only %d values were compared", judged)
	}
}

type judge struct {
	t     *testing.T
	what  string
	terms map[string]cty.Value
	n     int
	ids   *strings.Replacer // of symbols by ids
}

// real puts ids in the place of symbols.
func (j *judge) real(v cty.Value) cty.Value {
	if j.ids == nil {
		return v
	}
	w, err := cty.Transform(v, func(_ cty.Path, x cty.Value) (cty.Value, error) {
		bare, ms := x.Unmark()
		switch {
		case bare.IsNull() || !bare.IsKnown():
		case bare.Type() == cty.String:
			return cty.StringVal(j.ids.Replace(bare.AsString())).WithMarks(ms), nil
		case bare.CanIterateElements() && bare.LengthInt() > 0 && (bare.Type().IsMapType() || bare.Type().IsObjectType()):
			m := map[string]cty.Value{}
			for it := bare.ElementIterator(); it.Next(); {
				k, e := it.Element()
				m[j.ids.Replace(k.AsString())] = e
			}
			if bare.Type().IsMapType() {
				return cty.MapVal(m).WithMarks(ms), nil
			}
			return cty.ObjectVal(m).WithMarks(ms), nil
		}
		return x, nil
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return w
}

// bag reports whether a list is marked as one whose order is not known.
func bag(v cty.Value) bool {
	_, ms := v.Unmark()
	return len(ms) > len(tf.Marks(ms))
}

func (j *judge) compare(u, k cty.Value) {
	j.t.Helper()
	k, _ = k.UnmarkDeep()
	u = j.real(u)
	bare, _ := u.Unmark()
	if !k.IsWhollyKnown() {
		return // refused: these values do not fit the expression
	}
	j.n++
	if !bare.IsKnown() {
		term := tf.Why(u).Term
		if term == "" {
			j.t.Errorf("%s: an unknown without a term", j.what)
		}
		if old, ok := j.terms[term]; ok && strings.Trim(show(old), `"`) != strings.Trim(show(k), `"`) {
			j.t.Errorf("%s: %s stands for %#v and %#v", j.what, term, old, k)
		}
		j.terms[term] = k
		return
	}
	switch {
	case bare.IsNull() || k.IsNull():
		if bare.IsNull() != k.IsNull() {
			j.t.Errorf("%s: known as %#v, is %#v", j.what, bare, k)
		}
	case !bare.CanIterateElements():
		if !bare.RawEquals(k) && !(bare.Type() != k.Type() && show(bare) == show(k)) {
			j.t.Errorf("%s: known as %#v, is %#v", j.what, bare, k)
		}
	case k.Type().IsSetType() || bag(u):
		// Every known element is there, and there are no fewer of them.
		if bare.LengthInt() < k.LengthInt() {
			j.t.Errorf("%s: %d elements are %d", j.what, bare.LengthInt(), k.LengthInt())
		}
		for it := bare.ElementIterator(); it.Next(); {
			if _, e := it.Element(); e.IsWhollyKnown() && !e.IsMarked() && !slices.ContainsFunc(k.AsValueSlice(), e.RawEquals) {
				j.t.Errorf("%s: %#v is not in %#v", j.what, e, k)
			}
		}
	case bare.LengthInt() != k.LengthInt():
		j.t.Errorf("%s: %d elements are %d", j.what, bare.LengthInt(), k.LengthInt())
	default:
		keyed := k.Type().IsObjectType() || k.Type().IsMapType()
		other := k.ElementIterator()
		for it := bare.ElementIterator(); it.Next() && other.Next(); {
			key, e := it.Element()
			okey, oe := other.Element()
			if keyed && key.AsString() != okey.AsString() {
				j.t.Errorf("%s: the key %#v is %#v", j.what, key, okey)
			}
			j.compare(e, oe)
		}
	}
}

// A call of variables and locals is made once for a module, and a name that a
// loop binds is not the module's.
func TestConstantCalls(t *testing.T) {
	m := map[string]string{
		"main.tf": `
module "a" {
  source = "./m"
  v      = { x = 1, y = 2 }
}
module "b" {
  source = "./m"
  v      = { z = 3 }
}
locals {
  id = ["q", "r"]
}
output "o" {
  value = [module.a.o, module.b.o, [for i in range(2) : [for local in [["s"], ["t", "u"]] : length(local)]], [for i in range(2) : reverse(local.id)]]
}
`,
		"m/main.tf": "variable \"v\" {}\noutput \"o\" {\n  value = [for k in keys(var.v) : \"${k}${index(keys(var.v), k)}${length(var.v)}\"]\n}\n",
	}
	root := hcl.Evaluate(t.Context(), files(config(m)), ".", hcl.Options{})
	if got, want := show(root.Outputs[0].Value), `[["x02" "y12"] ["z01"] [[1 2] [1 2]] [["r" "q"] ["r" "q"]]]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
