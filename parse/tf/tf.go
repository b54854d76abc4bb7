// Package tf holds one evaluated Terraform resource instance, wherever it came
// from: a configuration, a plan, a state. Package hcl makes instances, package
// aws turns them into the network model.
//
// Ids that AWS will assign are symbols: strings that name the resource and
// attribute they will come from. A symbol is a known string for everything that
// only moves or compares strings, so that compact([aws_security_group.a.id])
// keeps its element; functions that look into a string get an unknown one. See
// Symbol and ParseSymbol.
//
// What is not known is an unknown cty value marked with an *ir.Unknown; marks
// travel with values through expressions, so that the cause is at hand where the
// value is used. See Mark and Why.
package tf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Instance is one instance of a resource or data block.
type Instance struct {
	Address string // module.net["a"].aws_subnet.app[0]
	Module  string // module.net["a"]; "" in the root module
	Data    bool   // a data source
	Type    string // aws_subnet
	Name    string // app
	Body    *Block
	// Maybe: count or for_each is unknown; the instance stands for any finite
	// number of instances, none included.
	Maybe *ir.Unknown
	// Region is the provider's Region, or "" when it is not known.
	Region string
	// Provider tells provider configurations apart: "aws", "aws.west", with the
	// module in front of those that a module declares itself.
	Provider string
	// Existing: a plan or state shows the object as already there. Rules that
	// are left out of the configuration are then unmanaged, not absent.
	Existing bool
}

// Block is the body of an instance or one of its nested blocks.
type Block struct {
	Type   string // "" for an instance's own body
	Range  diag.Range
	Attrs  map[string]Attr
	Blocks []*Block // in order, dynamic ones expanded
	// Maybe: made by a dynamic block over an unknown collection; stands for
	// any finite number of blocks, none included.
	Maybe *ir.Unknown
}

// Attr is an evaluated attribute.
type Attr struct {
	// Value may hold unknown values at any depth, marked with their causes.
	Value cty.Value
	Range diag.Range // the expression
	// Elems are the places of the elements of a list that is written out, in
	// order; nil when element places are not known. A place of a quoted
	// literal leaves out the quotes.
	Elems []diag.Range
	// Fields are the places of the attributes of each object of a list of
	// objects that is written out (attribute-as-blocks syntax).
	Fields []map[string]diag.Range
	// More: the list may hold other elements beside those of Value. A plan
	// shows what a list refers to, and not what is written out beside it.
	More *ir.Unknown
}

// Elem returns the place of element i, or of the whole attribute.
func (a Attr) Elem(i int) diag.Range {
	if i >= 0 && i < len(a.Elems) {
		return a.Elems[i]
	}
	return a.Range
}

// Nested returns the blocks of a type, however they were written: as blocks,
// or as an attribute that holds a list or set of objects. set reports whether
// the configuration says anything about them at all: an empty list is set, an
// absent or null one is not. An unknown list gives one block with Maybe set
// and no attributes known.
func (b *Block) Nested(typ string) (blocks []*Block, set bool) {
	for _, n := range b.Blocks {
		if n.Type == typ {
			blocks, set = append(blocks, n), true
		}
	}
	a, ok := b.Attrs[typ]
	if !ok {
		return blocks, set
	}
	v, _ := a.Value.Unmark()
	switch {
	case v.IsNull():
		return blocks, set
	case !v.IsKnown():
		return append(blocks, &Block{Type: typ, Range: a.Range, Maybe: Why(a.Value)}), true
	case !v.CanIterateElements():
		return blocks, set
	}
	i := 0
	for it := v.ElementIterator(); it.Next(); i++ {
		_, ev := it.Element()
		blocks = append(blocks, objectBlock(typ, a, i, ev))
	}
	return blocks, true
}

func objectBlock(typ string, a Attr, i int, ev cty.Value) *Block {
	n := &Block{Type: typ, Range: a.Elem(i), Attrs: map[string]Attr{}}
	ov, marks := ev.Unmark()
	if !ov.IsKnown() || ov.IsNull() || !(ov.Type().IsObjectType() || ov.Type().IsMapType()) {
		n.Maybe = Why(ev)
		return n
	}
	for it := ov.ElementIterator(); it.Next(); {
		k, v := it.Element()
		name := k.AsString()
		r := a.Elem(i)
		if i < len(a.Fields) && a.Fields[i][name] != (diag.Range{}) {
			r = a.Fields[i][name]
		}
		n.Attrs[name] = Attr{Value: v.WithMarks(marks), Range: r}
	}
	return n
}

// Schema says what attributes a resource type has beyond those that its block
// writes, so that expressions can refer to them. Attributes that are named in
// none of the lists are unknown when they are not written.
type Schema struct {
	// IDs become symbols: values that AWS makes up, unique to the resource
	// (id, arn, default_security_group_id).
	IDs []string
	// Defaults are the values of optional attributes that are not written. A
	// null of the right type means the attribute is simply absent.
	Defaults map[string]cty.Value
	// Blocks are the names of nested block types, so that an absent one is an
	// empty list rather than unknown.
	Blocks []string
	// Same maps an attribute to another one that it equals
	// (aws_security_group.name and such are written ones; "id" of a route
	// table association is not). An entry {"security_group_id", "id"} makes
	// both the same symbol.
	Same map[string]string
	// Lists are lists of names, of unknown length, no two of them equal, which
	// depend on nothing but the question (the zones of a Region). An element is
	// a symbol.
	Lists []string
}

// Answer is what is known of the object that a data source finds.
type Answer struct {
	// Values are attributes, by name.
	Values map[string]cty.Value
	// Object is the address of a managed instance of the same root: the data
	// source finds what that one makes.
	Object string
}

// ElementSymbol is the symbol of an element of one of a data source's Lists.
func ElementSymbol(address, list string, i int) string {
	return Symbol(address, list+"["+strconv.Itoa(i)+"]")
}

// IsElement reports whether a symbol is one that ElementSymbol makes, and of
// which list. Elements of one list differ; those of two lists may be equal, and
// so may one and a name that is written out.
func IsElement(s string) (list string, ok bool) {
	address, attr, ok := ParseSymbol(s)
	name, index, found := strings.Cut(attr, "[")
	if !ok || !found || !strings.HasSuffix(index, "]") {
		return "", false
	}
	return address + "." + name, true
}

const (
	symbolStart = "\uE000" // private use: cannot stand in an AWS id
	symbolSplit = "\uE001"
	symbolEnd   = "\uE002"
)

// Symbol returns the string that stands for an attribute that AWS will assign.
func Symbol(address, attr string) string {
	return symbolStart + address + symbolSplit + attr + symbolEnd
}

// ParseSymbol takes a symbol apart; ok is false for every other string, a
// string that merely contains a symbol included.
func ParseSymbol(s string) (address, attr string, ok bool) {
	s, ok = strings.CutPrefix(s, symbolStart)
	if !ok {
		return "", "", false
	}
	s, ok = strings.CutSuffix(s, symbolEnd)
	if !ok || strings.Contains(s, symbolStart) {
		return "", "", false
	}
	return strings.Cut(s, symbolSplit)
}

// HasSymbol reports whether a string contains a symbol anywhere.
func HasSymbol(s string) bool { return strings.Contains(s, symbolStart) }

// Symbols returns the symbols that stand anywhere in a string, in order.
func Symbols(s string) []string {
	var out []string
	for {
		i := strings.Index(s, symbolStart)
		if i < 0 {
			return out
		}
		s = s[i:]
		j := strings.Index(s, symbolEnd)
		if j < 0 {
			return out
		}
		out = append(out, s[:j+len(symbolEnd)])
		s = s[j+len(symbolEnd):]
	}
}

// Readable replaces the symbols in a string by what people would write:
// aws_vpc.main.id.
func Readable(s string) string {
	if !HasSymbol(s) {
		return s
	}
	return strings.NewReplacer(symbolStart, "", symbolSplit, ".", symbolEnd, "").Replace(s)
}

type mark struct{ *ir.Unknown }

// Mark marks a value, usually an unknown one, with the reason for not knowing it.
func Mark(v cty.Value, why *ir.Unknown) cty.Value { return v.Mark(mark{why}) }

// Marks returns the reasons among a set of marks, in a fixed order.
func Marks(ms cty.ValueMarks) []*ir.Unknown {
	var us []*ir.Unknown
	for m := range ms {
		if m, ok := m.(mark); ok {
			us = append(us, m.Unknown)
		}
	}
	slices.SortFunc(us, func(a, b *ir.Unknown) int {
		return cmp.Or(cmp.Compare(a.Term, b.Term), a.Cause.Range.Compare(b.Cause.Range), cmp.Compare(a.Cause.Message, b.Cause.Message))
	})
	return us
}

// Why returns why a value is unknown: the first of its marks. It never returns
// nil; an unknown value that lost its cause says so.
func Why(v cty.Value) *ir.Unknown {
	_, ms := v.UnmarkDeep()
	if us := Marks(ms); len(us) > 0 {
		return us[0]
	}
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Computed, Message: "known after apply"}}
}

// Among says what an unknown id may turn out to be: symbols and ids of things
// that the input has, and, when Open, an id from outside.
type Among struct {
	Of   []string
	Open bool
}

type amongMark struct{ *Among }

// MarkAmong marks an unknown id, or an unknown list of ids, with what it may be.
func MarkAmong(v cty.Value, among *Among) cty.Value { return v.Mark(amongMark{among}) }

// AmongOf returns what an unknown value may be, nil when nothing says so.
func AmongOf(v cty.Value) *Among {
	_, ms := v.UnmarkDeep()
	for m := range ms {
		if m, ok := m.(amongMark); ok {
			return m.Among
		}
	}
	return nil
}

// SensitiveMark is the mark of values that must never be printed.
type SensitiveMark struct{}

// MarkSensitive marks a value that must never be printed. It is used like any
// other value: the mark only says what may be shown.
func MarkSensitive(v cty.Value) cty.Value { return v.Mark(SensitiveMark{}) }

// IsSensitive reports whether a value, or anything inside it, must never be
// printed.
func IsSensitive(v cty.Value) bool {
	_, ms := v.UnmarkDeep()
	_, ok := ms[SensitiveMark{}]
	return ok
}

// Root is an evaluated root module, a plan or a state.
type Root struct {
	Dir       string // as the user would type it; "" for plans and states
	Variant   string // workspace and variable files, where one root has several
	Instances []*Instance
	// Outputs are what leaves the root: the values of its outputs, and of
	// resources that publish values (parameters). A security group whose symbol
	// is in here may be carried by something that is not seen.
	Outputs     []Output
	Ignores     []diag.Ignore
	Omissions   []ir.Omission // modules that are not installed, and the like
	Diagnostics diag.List
	// Library: nothing calls it and it lacks required values.
	Library bool
	// DefaultWorkspace: it asks for the workspace, and nobody chose one.
	DefaultWorkspace bool
	// Workspaces are those that values of the root are made for, the one that it
	// was evaluated in first: nobody chose one, and the root is not for default.
	// They are the keys of what is looked up at WorkspacesAt and elsewhere.
	Workspaces   []string
	WorkspacesAt diag.Range
	// Backend is where the root keeps its state, nil when it does not say.
	Backend *Backend
	// Computed are the directories of modules whose source is computed, in the
	// file system of the configuration: nobody sees before that they are called.
	Computed []string
	// Declared are the names of the root module's variables, sorted. Undeclared
	// are the values of flags, and of files that flags name, for others: flags
	// are shared between roots, so whether one is wrong is not for a root to say.
	Declared   []string
	Undeclared []Undeclared
}

// Undeclared is a value for a variable that a root does not declare.
type Undeclared struct {
	Name  string
	Range diag.Range // in a variable file; none for a flag
}

// Backend is where a root keeps its state.
type Backend struct {
	Type   string            // s3, local, ...
	Config map[string]string // the arguments that are written out
}

// Workspace is the only workspace that a cloud block names: terraform.workspace
// is then called after it. b may be nil.
// [developer.hashicorp.com/terraform/cli/cloud/settings]
func (b *Backend) Workspace() (name string, ok bool) {
	if b == nil || b.Type != "cloud" {
		return "", false
	}
	name = b.Config["workspaces.name"]
	return name, name != ""
}

// Output is a value that leaves a root.
type Output struct {
	Name  string // output.db_group_id
	Value cty.Value
	Range diag.Range
}
