package hcl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
)

// Many roots have values for some workspaces only: maps by the name of the
// workspace, or by what is left of it without the application's name. In the
// workspace default, which is what Terraform takes when nobody chooses, such a
// root cannot be planned: a key is not found. Then default is none of its
// workspaces, and the keys that are there tell which are: read backwards, each
// is the name of one. The root is evaluated in one of these.

// Bounds of the search for workspaces: of the keys of one collection, of the
// places that look for one, of the steps in a row from a key back to the
// workspace, of all steps for one key, and for all keys.
const (
	maxWorkspaceKeys  = 64
	maxWorkspaceSites = 256
	maxInverted       = 16
	maxKeyInversions  = 100
	maxInversions     = 20_000
)

// site is a place that looks up a key that is made of the workspace, and does
// not find it in the workspace that is assumed.
type site struct {
	place diag.Range
	names []string // the workspaces that the collection's keys are for
}

// assume is the workspace when nobody chose one. at is where it is asked for.
func (ev *evaluator) assume(at diag.Range) string {
	if ev.assumptions == 0 {
		ev.workspaceAt = at
	}
	ev.assumptions++
	return ev.assumed()
}

func (ev *evaluator) assumed() string { return cmp.Or(ev.opts.assumed, "default") }

// workspaces are the workspaces that the root is for when it is not for the one
// that is assumed: those in which the most keys are found, of these the
// production one, by its name. at is where the first of them is asked for.
func (ev *evaluator) workspaces() (names []string, at diag.Range) {
	found := map[string]int{}
	for _, x := range ev.sites {
		for _, w := range x.names {
			found[w]++
		}
	}
	names = sortedKeys(found)
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(found[b], found[a]), cmp.Compare(rank(a), rank(b)))
	})
	for _, x := range ev.sites {
		if slices.Contains(x.names, names[0]) {
			return names, x.place
		}
	}
	return nil, diag.Range{}
}

// rank puts the names of production workspaces first.
func rank(name string) int {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '/' })
	for i, w := range words {
		if w == "production" || w == "prod" || w == "prd" || w == "live" {
			if i == 0 || words[i-1] != "non" && words[i-1] != "pre" {
				return 0
			}
		}
	}
	return 1
}

// missedIn notes a key that the value of a reference lacks.
func (s *scope) missedIn(e *refExpr, ctx *hcl.EvalContext) {
	if root := e.root.RootName(); s.ev.assumptions == 0 || s.trying > 0 || root != "local" && root != "var" {
		return
	}
	if coll, ds := s.resolve(e.root, e.Range()); !ds.HasErrors() {
		s.missed(coll, e.key, ctx)
	}
}

// missed notes a key that a collection lacks. Terraform refuses such a root:
// it is for other workspaces, and the keys that the collection has tell which.
func (s *scope) missed(coll cty.Value, key hclsyntax.Expression, ctx *hcl.EvalContext) {
	ev := s.ev
	bare, _ := coll.Unmark()
	t := bare.Type()
	if ev.assumptions == 0 || s.trying > 0 || len(ev.sites) >= maxWorkspaceSites || !t.IsObjectType() && !t.IsMapType() || bare.IsNull() || !bare.IsKnown() {
		return
	}
	at := ev.files.place(key.Range())
	if slices.ContainsFunc(ev.sites, func(x site) bool { return x.place == at }) {
		return
	}
	var names []string
	for i, k := range keysOf(bare) {
		if i == maxWorkspaceKeys {
			break
		}
		ev.inversionsUpTo = min(ev.inversions+maxKeyInversions, maxInversions)
		if w, ok := s.workspaceFor(key, ctx, k.AsString(), maxInverted); ok && w != "" && !tf.HasSymbol(w) && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	if len(names) > 0 {
		ev.sites = append(ev.sites, site{at, names})
	}
}

// workspaceFor finds the workspace in which an expression has a value, for the
// ways in which configurations take the name of one apart. ok is false when it
// is not made of the workspace, or in another way.
func (s *scope) workspaceFor(e hclsyntax.Expression, ctx *hcl.EvalContext, want string, depth int) (string, bool) {
	if depth == 0 || s.ev.inversions >= s.ev.inversionsUpTo {
		return "", false
	}
	s.ev.inversions++
	depth--
	switch e := written(e).(type) {
	case *hclsyntax.TemplateWrapExpr:
		return s.workspaceFor(e.Wrapped, ctx, want, depth)
	case *refExpr:
		return s.workspaceOfRef(e, ctx, want, depth)
	case *templateExpr:
		return s.workspaceOfTemplate(e, ctx, want, depth)
	case *callExpr:
		return s.workspaceOfCall(e, ctx, want, depth)
	}
	return "", false
}

func (s *scope) workspaceOfRef(e *refExpr, ctx *hcl.EvalContext, want string, depth int) (string, bool) {
	name, named := attrName(e.root, 1)
	if !named || len(e.root) != 2 || e.key != nil {
		return "", false
	}
	m := s.mod
	switch e.root.RootName() {
	case "terraform", "tofu":
		return want, name == "workspace"
	case "local":
		if a := m.dir.locals[name]; a != nil {
			in := m.scope(m.prefix("local."+name), m.ev.files.place(a.rng))
			return in.workspaceFor(a.expr, in.context(), want, depth)
		}
	case "var":
		if m.call == nil {
			return "", false
		}
		if a := m.call.expr(name); a != nil {
			in := m.parent.scope(m.prefix("var."+name), m.ev.files.place(a.Range()))
			in.key = m.key
			return in.workspaceFor(a, in.context(), want, depth)
		}
	}
	return "", false
}

// workspaceOfTemplate looks for the one part that is made of the workspace.
func (s *scope) workspaceOfTemplate(e *templateExpr, ctx *hcl.EvalContext, want string, depth int) (string, bool) {
	for i, p := range e.parts {
		before, known := s.texts(e.parts[:i], ctx)
		after, also := s.texts(e.parts[i+1:], ctx)
		if !known || !also || len(before)+len(after) >= len(want) || !strings.HasPrefix(want, before) || !strings.HasSuffix(want, after) {
			continue
		}
		if w, ok := s.workspaceFor(p, ctx, want[len(before):len(want)-len(after)], depth); ok {
			return w, true
		}
	}
	return "", false
}

// texts is the text that expressions make one after the other.
func (s *scope) texts(es []hclsyntax.Expression, ctx *hcl.EvalContext) (string, bool) {
	var b strings.Builder
	for _, e := range es {
		v, ds := s.maybe(ctx, e)
		t, ok := knownText(v)
		if ds.HasErrors() || !ok {
			return "", false
		}
		b.WriteString(t)
	}
	return b.String(), true
}

func (s *scope) workspaceOfCall(e *callExpr, ctx *hcl.EvalContext, want string, depth int) (string, bool) {
	args := e.call.Args
	switch e.call.Name {
	case "lower", "trimspace", "tostring":
		if len(args) == 1 {
			return s.workspaceFor(args[0], ctx, want, depth)
		}
	case "trimprefix", "trimsuffix", "replace":
		if len(args) < 2 {
			return "", false
		}
		affix, ok := s.texts(args[1:2], ctx)
		if !ok {
			return "", false
		}
		switch {
		case e.call.Name == "trimsuffix":
			return s.workspaceFor(args[0], ctx, want+affix, depth)
		case e.call.Name == "replace" && (len(args) != 3 || strings.HasPrefix(affix, "/")):
			return "", false
		}
		return s.workspaceFor(args[0], ctx, affix+want, depth)
	}
	return "", false
}
