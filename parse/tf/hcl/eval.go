package hcl

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// evaluator evaluates one root. It is used by one goroutine.
type evaluator struct {
	ctx    context.Context
	files  *Files
	limits Limits
	opts   Options

	steps     int // left to spend
	looked    int // steps that were left when the time was looked at
	stopped   *diag.Cause
	instances int
	modules   int

	stack     []*node // terms that wait for each other
	depth     int     // of nested expressions and terms under evaluation
	cycles    map[string]bool
	diags     diag.List
	seen      map[string]bool // diagnostics and omissions that were reported
	omitted   []ir.Omission
	symbols   map[string]diag.Range // where the resource of a symbol is written
	names     []string              // attribute names that are looked up anywhere in the root
	written   map[string][]string   // attribute names that are written, by resource type
	terms     map[string]int        // made so far, by the address they are made for
	anonymous int                   // terms made for placeholders
	demanded  int                   // instances of unknown collections that something refers to
	library   bool
	// undeclared are the values of flags that no variable takes, strays those of
	// each variable file that is read without a flag.
	undeclared []tf.Undeclared
	strays     [][]tf.Undeclared
	// assumptions counts how often a value was looked up that rests on the
	// workspace being default, which nobody said: what has no value then is
	// likely made for other workspaces.
	assumptions int
	workspaceAt diag.Range // the first reference to the workspace
	sites       []site     // that look for what the assumed workspace lacks
	inversions  int        // steps from keys back to the workspace
	// inversionsUpTo bounds those for the key at hand.
	inversionsUpTo int
	root           *module
	manifest       *manifest
	answers        map[string]*tf.Answer // what data sources find, by address
	lists          map[string]listing    // of data sources, by term
	made           map[string]*instance  // of resources, by address
	askers         map[string]asker      // who has asked first what a data source asks, by its address
	asked          map[string]asker      // the same, by what is asked
	computed       map[string]bool       // directories of modules whose source is computed
	oversize       map[*forExpr]bool     // loops that were too large
	hints          int                   // names that were compared with what is declared
	secrets        []string              // the texts of sensitive values
}

// node is a term of the graph.
type node struct {
	address string
	place   diag.Range
	value   any
	done    bool
	assumed bool // it rests on an assumption, see evaluator.assumptions
}

// scope is what an expression sees: its module, the instance it belongs to,
// and the node that it is evaluated for.
type scope struct {
	ev    *evaluator
	mod   *module
	inst  *instance // of a resource; nil elsewhere
	key   instanceKey
	name  string // the node's address, for terms
	place diag.Range
	seen  []cty.Value // unknown values that were referred to
	// causes are those of the first causedBy values of seen.
	causes   []*ir.Unknown
	causedBy int
	// closed names what is evaluated when it may refer to nothing but its own
	// variables: a template file, the default of a variable.
	closed    string
	kept      int // elements that the loop which is being evaluated has made
	templates int // templates inside templates
	// uncertain counts the operations that may still fail or differ once
	// unknown values are known.
	uncertain int
	trying    int // errors are somebody's to judge, not to report
	// foreign: it is about a resource that is none of AWS's. What is wrong
	// there matters to nobody but what refers to it.
	foreign bool
}

var scopeType = cty.Capsule("scope", reflect.TypeFor[scope]())

const scopeName = "\x00scope" // no identifier

// context makes the evaluation context of a scope.
func (s *scope) context() *hcl.EvalContext {
	return &hcl.EvalContext{Variables: map[string]cty.Value{scopeName: cty.CapsuleVal(scopeType, s)}}
}

func scopeOf(ctx *hcl.EvalContext) *scope {
	v, _ := localVariable(ctx, scopeName)
	s, _ := v.EncapsulatedValue().(*scope)
	return s
}

// scope makes the scope of a node.
func (m *module) scope(name string, place diag.Range) *scope {
	return &scope{ev: m.ev, mod: m, name: name, place: place}
}

// spend charges n steps to the root's account. When it is empty, or time is
// up, it returns the unknown value that stands in for everything further.
func (s *scope) spend(n int) (cty.Value, bool) {
	ev := s.ev
	if ev.stopped == nil {
		ev.steps -= n
		late := false
		if ev.looked-ev.steps >= 1<<12 {
			ev.looked, late = ev.steps, ev.ctx.Err() != nil
		}
		switch {
		case ev.steps < 0:
			ev.stop("the evaluation of this root takes more steps than postern gives it")
		case late:
			ev.stop("time is up")
		default:
			return cty.NilVal, true
		}
	}
	s.uncertain++
	return s.fresh(cty.DynamicVal, []*ir.Unknown{{Cause: *ev.stopped}}), false
}

// A step is a tenth of a microsecond, or so many elements or bytes of values that
// are walked over or made.
const (
	exprSteps    = 8 // to evaluate an expression, and for each turn of a loop
	stepElements = 2
	stepBytes    = 16
	freshSteps   = 16 // to make an unknown value; it takes space more than time
	blockSteps   = 64 // to make a nested block; so does it
	errorSteps   = 64 // to keep an error, which a loop repeats; it takes space as well
)

// work is what it takes to walk over a value, in steps.
func (f facts) work() int { return f.size/stepElements + f.sorted + f.bytes/stepBytes }

func (ev *evaluator) stop(why string) {
	ev.stopped = &diag.Cause{Code: diag.Limit, Message: why, Range: diag.Range{File: ev.files.name(ev.root.dir.path)}}
	ev.diags = append(ev.diags, diag.Diagnostic{
		Rule: "not-analysed", Message: why + "; what it did not come to is unknown", Range: ev.stopped.Range, Cause: *ev.stopped,
		Fix: "check the modules of this root one by one, or check its plan",
	})
}

// report adds a diagnostic once.
func (ev *evaluator) report(d diag.Diagnostic) {
	d.Message = ev.discreet(d.Message)
	key := d.Range.String() + "\x00" + d.Message
	if !ev.seen[key] {
		ev.seen[key] = true
		ev.diags = append(ev.diags, d)
	}
}

// reportAll adds what went wrong in an expression.
func (ev *evaluator) reportAll(ds hcl.Diagnostics, address string) {
	for _, d := range ev.files.diagnose(ds, false) {
		d.Rule, d.Address = "not-analysed", address
		d.Label = "has no value"
		d.Fix = "correct the expression; terraform validate or terraform plan refuse it as well"
		d.Note = "what depends on it is unknown"
		ev.report(d)
	}
}

func (ev *evaluator) omit(address string, c diag.Cause) {
	key := "omitted " + address
	if !ev.seen[key] {
		ev.seen[key] = true
		ev.omitted = append(ev.omitted, ir.Omission{Address: address, Cause: c})
	}
}

// symbol makes the symbol of an attribute that AWS will assign.
func (ev *evaluator) symbol(address, attr string, place diag.Range) cty.Value {
	t := tf.Symbol(address, attr)
	ev.symbols[tf.Readable(t)] = place
	return cty.StringVal(t)
}

// symbolCause is why the text of a string with a symbol in it is not known.
func (ev *evaluator) symbolCause(text string) *ir.Unknown {
	name := tf.Readable(text)
	cause := diag.Cause{Code: diag.Computed, Message: name + " is known after apply", Address: name, Range: ev.symbols[name]}
	if list, ok := tf.IsElement(text); ok {
		cause = ev.elementCause(list)
	}
	if strings.Contains(text, tf.Symbol("path", "cwd")) {
		cause = diag.Cause{Code: diag.Function, Message: "path.cwd depends on the machine that runs terraform", Address: "path.cwd"}
	}
	if _, _, pure := tf.ParseSymbol(text); !pure && cause.Code == diag.Computed {
		cause.Message = "a part of it is known after apply"
		for s := range strings.SplitSeq(text, symbolStart) {
			if i := strings.Index(s, symbolEnd); i >= 0 {
				name = tf.Readable(symbolStart + s[:i+len(symbolEnd)])
				cause = diag.Cause{Code: diag.Computed, Message: name + " is known after apply", Address: name, Range: ev.symbols[name]}
				break
			}
		}
	}
	return &ir.Unknown{Term: tf.Readable(text), Cause: cause}
}

// The characters that package tf writes around symbols.
const (
	symbolStart = "\uE000"
	symbolEnd   = "\uE002"
)

// memo evaluates a term once. bad is its value when it depends on itself, or
// lies deeper than the limit.
func memo[T any](m *module, key, address string, place diag.Range, bad func(*ir.Unknown) T, f func() T) T {
	ev := m.ev
	n := m.nodes[key]
	switch {
	case n != nil && n.done:
		if n.assumed {
			ev.assumptions++
		}
		return n.value.(T)
	case n != nil:
		return bad(ev.cycle(n))
	case ev.depth >= ev.limits.Depth:
		return bad(&ir.Unknown{Term: address, Cause: diag.Cause{
			Code: diag.Limit, Message: address + " depends on too long a chain of other values", Address: address, Range: place,
		}})
	}
	n = &node{address: address, place: place}
	m.nodes[key] = n
	ev.stack = append(ev.stack, n)
	before := ev.assumptions
	v := f()
	ev.stack = ev.stack[:len(ev.stack)-1]
	n.value, n.done, n.assumed = v, true, ev.assumptions != before
	return v
}

// cycle reports that a term depends on itself.
func (ev *evaluator) cycle(n *node) *ir.Unknown {
	i := slices.Index(ev.stack, n)
	members := slices.Clone(ev.stack[i:])
	first := 0 // the cycle is told from its first member, wherever it was entered
	for j, m := range members {
		if m.address < members[first].address {
			first = j
		}
	}
	members = append(slices.Clone(members[first:]), members[:first]...)
	var names []string
	for _, m := range members {
		names = append(names, m.address)
	}
	text := strings.Join(append(names, names[0]), " -> ")
	cause := diag.Cause{Code: diag.NotValid, Message: "values depend on each other: " + text, Address: members[0].address, Range: members[0].place}
	if !ev.cycles[text] {
		ev.cycles[text] = true
		ev.report(diag.Diagnostic{
			Error: true, Message: cause.Message, Label: "asks for itself", Range: cause.Range, Address: cause.Address, Cause: cause,
			Fix: "break the circle; terraform refuses it as well", Note: "these values are unknown",
		})
	}
	return &ir.Unknown{Term: n.address, Cause: cause}
}

// unknownOf is the bad value of terms that are values.
func unknownOf(u *ir.Unknown) cty.Value { return tf.Mark(cty.DynamicVal, u) }

// value evaluates a term that is an expression.
func (m *module) value(key, address string, place diag.Range, f func(s *scope) cty.Value) cty.Value {
	return memo(m, key, address, place, unknownOf, func() cty.Value {
		s := m.scope(address, place)
		return s.seal(f(s))
	})
}

// eval evaluates an expression; where it fails, the value is unknown and the
// reason reported.
func (s *scope) eval(e hclsyntax.Expression) cty.Value { return s.evalIn(e, s.context()) }

func (s *scope) evalIn(e hclsyntax.Expression, ctx *hcl.EvalContext) cty.Value {
	before := s.ev.assumptions
	v, ds := e.Value(ctx)
	if ds.HasErrors() {
		return s.refused(ds, e.Range(), before)
	}
	return v
}

// refused is invalid, unless the expression has looked up an assumption since
// there were before of them: then it may have a value in truth.
func (s *scope) refused(ds hcl.Diagnostics, r hcl.Range, before int) cty.Value {
	if s.ev.assumptions == before || s.maybeThere() != nil {
		return s.invalid(ds, r)
	}
	return s.fresh(cty.DynamicVal, []*ir.Unknown{{Cause: diag.Cause{
		Code: diag.NoValue, Address: "terraform.workspace", Range: s.ev.workspaceAt,
		Message: "terraform.workspace is not given, and some values are not made for the workspace " + s.ev.assumed(),
	}}})
}

// maybeThere is why it is not sure that what the scope belongs to exists.
func (s *scope) maybeThere() *ir.Unknown {
	if s.key.maybe != nil {
		return s.key.maybe
	}
	return s.mod.maybe
}

// invalid reports errors and returns the unknown value that stands for the
// result.
func (s *scope) invalid(ds hcl.Diagnostics, r hcl.Range) cty.Value {
	if why := s.maybeThere(); why != nil {
		// Where it does exist, the expression may well have a value.
		return s.fresh(cty.DynamicVal, []*ir.Unknown{why})
	}
	if !s.foreign {
		s.ev.reportAll(ds, s.name)
	}
	place := s.ev.files.place(r)
	msg := "this has no value"
	for _, d := range ds {
		if d.Severity == hcl.DiagError {
			msg = s.ev.discreet(message(d))
			break
		}
	}
	return s.fresh(cty.DynamicVal, []*ir.Unknown{{Cause: diag.Cause{Code: diag.NotValid, Message: msg, Address: s.name, Range: place}}})
}
