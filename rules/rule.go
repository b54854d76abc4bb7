// Package rules is the catalogue of findings: one file a rule, one slice
// literal that lists them.
//
// A rule is a value. It looks at one network through a Pass and reports
// findings; it keeps no state. Every finding with a witness is re-run by the
// concrete evaluator before it is reported: a packet that does not behave as
// the rule claims is an error of postern's own, never a finding.
package rules

import (
	"context"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
)

// Rule is one entry of the catalogue.
type Rule struct {
	ID       string // a readable slug, stable for ever
	Title    string // a few words, for lists
	Severity diag.Severity
	Off      bool // not run unless it is asked for
	Doc      Doc
	Run      func(*Pass) error
}

// Doc is a rule's documentation.
type Doc struct {
	What string // what it finds
	Why  string // why that matters
	Fix  string // what to do about it
	Bad  string // Terraform that it reports
	Good string // Terraform on which it is silent
	// References are identifiers in catalogues that people know:
	// "CIS AWS Foundations v5 5.2", "Security Hub EC2.13".
	References []string
}

// Pass is one network, looked at by one rule.
type Pass struct {
	Context context.Context
	Rule    *Rule
	Net     *ir.Network
	Model   *reach.Model
	// Report takes a finding. Rule, Severity, Root and Variant are filled in
	// when they are empty.
	Report func(diag.Finding)
	// Prove takes a finding together with the packet that shows it: the query
	// is run by the concrete evaluator, and the finding is reported when the
	// verdict is the expected one.
	Prove func(diag.Finding, Proof)
}

// Proof is what the concrete evaluator must answer for a finding to stand.
type Proof struct {
	Query  trace.Query
	Expect func(trace.Result) bool
}
