// Package rules is the catalogue of findings: one file a rule, one slice
// literal that lists them.
//
// A rule is a value. It looks at one network through a Pass and reports
// findings; it keeps no state. Every finding with a witness is re-run by the
// concrete evaluator before it is reported: a packet that does not behave as
// the rule claims is an error of postern's own, never a finding.
//
// Check runs the rules over all networks. What they report then goes through
// three steps, in this order: findings that a comment in the source ignores are
// marked as suppressed, comments that ignore nothing become findings
// themselves, and what one cause makes many of is folded into one. Folding
// comes last so that an ignored finding never hides another one.
package rules

import (
	"context"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
)

// Rule is one entry of the catalogue.
type Rule struct {
	ID       string // a readable slug, stable for ever
	Title    string // a few words, for lists
	Severity diag.Severity
	Off      bool // not run unless it is asked for
	// Local: the rule looks at single filters and objects only. It needs no
	// Pass.Model, and runs where paths are too complex to be compiled.
	Local bool
	// Exposure: the rule reports a single open door. A path that leads through
	// the same door tells it better, and takes its place.
	Exposure bool
	Doc      Doc
	// Run looks for findings. It is nil for a rule whose findings are made
	// elsewhere: from the problems that parsers report in its name, or by Check.
	Run func(*Pass) error
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
	Model   *reach.Model // nil for Local rules where it could not be compiled
	// Report takes a finding. Rule, Severity, Certainty, Root and Variant are
	// filled in when they are empty.
	Report func(diag.Finding)
	// Prove takes a finding together with what shows it, a packet or covers: the
	// concrete evaluator looks at them, and the finding is reported when it
	// comes to the same.
	Prove func(diag.Finding, Proof)
}

// Proof is what the concrete evaluator must answer for a finding to stand:
// about a whole flow (Query, Expect), about one filter (ACL), and about covers.
// Those that are not set are not asked.
type Proof struct {
	Query  trace.Query
	Expect func(trace.Result) bool
	ACL    *ACLProof
	Covers []CoverProof
	// Against is what contradicts the finding already.
	Against error
}

// ACLProof asks one direction of one network ACL about one packet, and says
// what the answer must be.
type ACLProof struct {
	ACL    *ir.NetworkACL
	Egress bool
	Header packet.Header // of the packet that the ACL judges
	Expect trace.Verdict
}
