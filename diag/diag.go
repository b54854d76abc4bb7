// Package diag holds what postern says about its input: places in files,
// diagnostics (something is wrong with the input), and findings (something is
// wrong with the network).
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/postern-dev/postern/packet"
)

// Pos is a place in a file.
type Pos struct {
	Line   int // from 1
	Column int // from 1, in Unicode code points
	Byte   int // from 0
}

// Range is a stretch of a file. The zero Range means "no place in any file".
type Range struct {
	File  string // as the user would type it: relative to where postern runs, with slashes
	Start Pos
	End   Pos // exclusive
}

// IsZero reports whether the range names no file.
func (r Range) IsZero() bool { return r.File == "" }

// String prints file:line:column, what editors jump to.
func (r Range) String() string {
	if r.IsZero() {
		return "(not in a file)"
	}
	if r.Start.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column)
}

// Line prints file:line, what tables of places show.
func (r Range) Line() string {
	if r.IsZero() || r.Start.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d", r.File, r.Start.Line)
}

// Compare orders ranges by file, line and column.
func (r Range) Compare(o Range) int {
	return cmp.Or(
		cmp.Compare(r.File, o.File),
		cmp.Compare(r.Start.Line, o.Start.Line),
		cmp.Compare(r.Start.Column, o.Start.Column),
		cmp.Compare(r.End.Line, o.End.Line),
		cmp.Compare(r.End.Column, o.End.Column),
	)
}

// Severity is how bad a finding is.
type Severity uint8

// The severities, mildest first.
const (
	SeverityInvalid Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

// Severities lists the severities, worst first.
var Severities = [...]Severity{Critical, High, Medium, Low, Info}

func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	case Critical:
		return "critical"
	case SeverityInvalid:
	}
	return "invalid"
}

// Certainty says how sure a finding is. See docs/architecture.md.
type Certainty uint8

// The certainties.
const (
	CertaintyInvalid Certainty = iota
	// Definite findings hold whatever the unknown values turn out to be.
	Definite
	// Possible findings hold for the rules that are surely there; a part of
	// the path lies outside the input.
	Possible
)

func (c Certainty) String() string {
	switch c {
	case Definite:
		return "definite"
	case Possible:
		return "possible"
	case CertaintyInvalid:
	}
	return "invalid"
}

// Code says why something is not known.
type Code string

// The causes of ignorance, as the JSON output spells them.
const (
	NoValue      Code = "no-value"      // a variable without a value
	DataSource   Code = "data-source"   // only AWS knows
	Computed     Code = "computed"      // known after apply
	NotInstalled Code = "not-installed" // a module that is not on disk
	Sensitive    Code = "sensitive"     // known, and not to be shown
	Function     Code = "function"      // a function with effects, or one that postern lacks
	Truncated    Code = "truncated"     // an export that was cut
	Limit        Code = "limit"         // a bound of postern's own was reached
	NotInInput   Code = "not-in-input"  // lies outside what was read
	NotModelled  Code = "not-modelled"  // postern does not model this yet
	NotValid     Code = "not-valid"     // AWS or the provider would refuse the value
)

// Cause is a reason for not knowing, with the place that is to blame.
type Cause struct {
	Code    Code
	Message string // "var.office_cidr has no value"
	Address string // what lacks the value: "var.office_cidr"
	Range   Range
}

// Place is a thing in the input: its address, where it is written, and what to
// say when pointing at it.
type Place struct {
	Address string // Terraform address or AWS id
	Message string
	Range   Range
}

// Diagnostic is a problem of the input. It never stops the analysis of the rest.
type Diagnostic struct {
	// Rule is the id of the rule that reports it as a finding ("not-analysed",
	// "invalid-value", ...); empty for what only concerns the reading itself.
	Rule    string
	Error   bool   // the input cannot be used as it is: exit status 2
	Message string // what is wrong
	Label   string // what to write under the caret
	Fix     string // what to do
	Note    string // what follows from it
	Address string // of the resource or object, when there is one
	Range   Range
	Cause   Cause // when something is unknown because of it
}

// List is a list of diagnostics.
type List []Diagnostic

// Errors reports whether any diagnostic is an error.
func (l List) Errors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Error })
}

// Sort orders the list by place and text and drops exact repetitions.
func (l List) Sort() List {
	slices.SortFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(a.Range.Compare(b.Range), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Address, b.Address))
	})
	return slices.Compact(l)
}

// Finding is something wrong with the network.
type Finding struct {
	Rule      string
	Severity  Severity
	Certainty Certainty
	Message   string // one sentence: what is open, to whom
	Why       string // why it is so, and what it means
	Fix       Fix
	Place     Place // Message: what to write under the caret

	Root, Variant        string // the Terraform root, and its workspace and variables where one root has several
	Account, Region, VPC string
	Family               packet.Family // FamilyInvalid: both

	Related    []Place
	Path       []Hop
	Blockers   []Blocker
	Cover      []Place // the rules that prove a "no"
	Witness    *Witness
	Because    []Cause
	Suppressed *Ignore

	// Key tells findings of one rule on one resource apart: the rule's own
	// match, in words that do not change when lines move. It feeds the
	// fingerprint.
	Key string
}

// Witness is the packet that shows a finding, as its initiator sends it.
type Witness struct {
	Header       packet.Header
	SrcOf, DstOf string // whose addresses these are: "internet", "aws_instance.web"
	// Representative: the input does not fix an address; this one stands for
	// any that it may be.
	Representative bool
}

// Hop is one step of a path.
type Hop struct {
	From, To       string
	Protocol, Port string
	Places         []Place
}

// Blocker is one thing that stops a packet.
type Blocker struct {
	Code    string // the explanation code of AWS Reachability Analyzer, where one exists
	Message string
	Place   Place
}

// Fix is what to change.
type Fix struct {
	Text  string
	Edits []Edit
}

// Edit replaces a stretch of a file.
type Edit struct {
	Range   Range
	NewText string
}

// Ignore is a comment that silences rules: # postern:ignore RULE -- reason.
type Ignore struct {
	Rules  []string
	Until  time.Time // zero: for ever
	Reason string
	Range  Range  // the comment
	Scope  Range  // the lines it covers
	Module string // module path prefix it covers, when it stands above a module call
}

// SortFindings orders findings by file, line, column, rule, resource and key.
func SortFindings(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(
			a.Place.Range.Compare(b.Place.Range),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Place.Address, b.Place.Address),
			cmp.Compare(a.Root, b.Root),
			cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
