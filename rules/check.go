package rules

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
)

// Settings choose the rules to run. The ids in them must exist; see Find.
type Settings struct {
	Only    []string // run these and no others, those that are off by default too
	Enable  []string // run these as well, though they are off by default
	Disable []string // do not run these, whatever else is said
	// Now is the time that an ignore's until= is compared with. Zero: ignores
	// never expire.
	Now time.Time
	// Partial: only a part of what belongs together was read, so that nothing
	// is said about ignores that suppress nothing.
	Partial bool
}

// Answer is what the rules have to say about all networks together.
type Answer struct {
	// Findings in the order of diag.SortFindings, suppressed ones among them.
	Findings []diag.Finding
	// Diagnostics are problems of the input that are no findings, and rules
	// that could not finish.
	Diagnostics diag.List
	// Disagreements are findings that the concrete evaluator does not confirm:
	// errors of postern's own. Such findings are not among Findings.
	Disagreements []error
}

// UnknownRuleError says that a setting names a rule that does not exist.
type UnknownRuleError struct{ ID string }

func (e *UnknownRuleError) Error() string { return "no rule is called " + e.ID }

// Check runs the rules over every network. Networks are looked at in parallel;
// the answer does not depend on it. The error is an *UnknownRuleError or the
// reason why ctx ended.
func Check(ctx context.Context, nets []*ir.Network, s Settings) (Answer, error) {
	return check(ctx, All(), nets, s)
}

func check(ctx context.Context, catalogue []*Rule, nets []*ir.Network, s Settings) (Answer, error) {
	chosen, err := s.choose(catalogue)
	if err != nil {
		return Answer{}, err
	}
	outcomes := make([]*outcome, len(nets))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, n := range nets {
		g.Go(func() (err error) {
			outcomes[i], err = checkNetwork(gctx, chosen, n)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return Answer{}, err
	}
	return gather(catalogue, chosen, nets, outcomes, s), nil
}

// choose returns the rules to run, in the order of the catalogue.
func (s Settings) choose(catalogue []*Rule) ([]*Rule, error) {
	for _, id := range slices.Concat(s.Only, s.Enable, s.Disable) {
		if !slices.ContainsFunc(catalogue, func(r *Rule) bool { return r.ID == id }) {
			return nil, &UnknownRuleError{id}
		}
	}
	var chosen []*Rule
	for _, r := range catalogue {
		on := !r.Off || slices.Contains(s.Enable, r.ID)
		if len(s.Only) > 0 {
			on = slices.Contains(s.Only, r.ID)
		}
		if on && !slices.Contains(s.Disable, r.ID) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

// outcome is what the rules found in one network.
type outcome struct {
	findings      []diag.Finding
	diagnostics   diag.List
	disagreements []error
	unfinished    []string // rules that gave up
}

// checkNetwork runs the rules over one network. The error is the context's.
func checkNetwork(ctx context.Context, chosen []*Rule, n *ir.Network) (*outcome, error) {
	o := &outcome{}
	model, err := reach.Compile(ctx, n)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		o.giveUp(n, "paths", err)
		model = nil
	}
	o.problems(chosen, n)
	for _, r := range chosen {
		switch {
		case r.Run == nil:
			continue
		case model == nil && !r.Local:
			o.unfinished = append(o.unfinished, r.ID)
			continue
		}
		err := r.Run(o.pass(ctx, r, n, model))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			o.giveUp(n, r.ID, err)
			o.unfinished = append(o.unfinished, r.ID)
		}
	}
	return o, nil
}

func (o *outcome) pass(ctx context.Context, r *Rule, n *ir.Network, m *reach.Model) *Pass {
	report := func(f diag.Finding) { o.findings = append(o.findings, complete(f, r, n)) }
	return &Pass{
		Context: ctx, Rule: r, Net: n, Model: m, Report: report,
		Prove: func(f diag.Finding, p Proof) {
			if err := p.check(n); err != nil {
				o.disagreements = append(o.disagreements, fmt.Errorf("%s at %s: %w", r.ID, f.Place.Range, err))
				return
			}
			report(f)
		},
	}
}

// complete fills in what every finding of a rule and network has in common.
func complete(f diag.Finding, r *Rule, n *ir.Network) diag.Finding {
	if f.Rule == "" {
		f.Rule = r.ID
	}
	if f.Severity == diag.SeverityInvalid {
		f.Severity = r.Severity
	}
	if f.Certainty == diag.CertaintyInvalid {
		f.Certainty = diag.Definite
	}
	if f.Root == "" && f.Variant == "" {
		f.Root, f.Variant = n.Root, n.Variant
	}
	return f
}

// check asks the concrete evaluator.
func (p Proof) check(n *ir.Network) error {
	if p.Against != nil {
		return p.Against
	}
	for k := range p.Covers {
		if err := trace.CheckCover(&p.Covers[k].Claim, p.Covers[k].Cover); err != nil {
			return fmt.Errorf("the evaluator does not confirm what covers it: %w", err)
		}
	}
	if a := p.ACL; a != nil {
		if verdict := trace.ACL(a.ACL, a.Egress, a.Header); verdict != a.Expect {
			return fmt.Errorf("the evaluator does not confirm it: %s is %s there", a.Header, verdict)
		}
	}
	if p.Expect == nil {
		return nil
	}
	if r := trace.Run(n, p.Query); !p.Expect(r) {
		return fmt.Errorf("the evaluator does not confirm it: %s is %s", p.Query.Header, r.Verdict)
	}
	return nil
}

// giveUp says that a rule, or the paths of a network, went over a bound.
func (o *outcome) giveUp(n *ir.Network, what string, err error) {
	name := n.Root
	if name == "" {
		name = "the exports"
	}
	o.diagnostics = append(o.diagnostics, diag.Diagnostic{
		Error:   true,
		Message: fmt.Sprintf("%s: %s not looked at to the end: %v", name, what, err),
		Note:    "findings may be missing; none of those shown is wrong",
		Fix:     "check parts of it on their own",
		Cause:   diag.Cause{Code: diag.Limit, Message: err.Error(), Address: what},
	})
}

// gather puts the outcomes of all networks together.
func gather(catalogue, chosen []*Rule, nets []*ir.Network, outcomes []*outcome, s Settings) Answer {
	var a Answer
	ignores := newIgnores(catalogue, s.Now)
	for i, o := range outcomes {
		ignores.apply(nets[i], o.findings)
		a.Findings = append(a.Findings, fold(catalogue, o.findings)...)
		a.Diagnostics = append(a.Diagnostics, o.diagnostics...)
		a.Disagreements = append(a.Disagreements, o.disagreements...)
	}
	if !s.Partial && slices.Contains(chosen, unusedIgnore) {
		ran := func(id string) bool {
			return slices.ContainsFunc(chosen, func(r *Rule) bool { return r.ID == id }) &&
				!slices.ContainsFunc(outcomes, func(o *outcome) bool { return slices.Contains(o.unfinished, id) })
		}
		a.Findings = append(a.Findings, ignores.unused(ran)...)
	}
	diag.SortFindings(a.Findings)
	a.Diagnostics = a.Diagnostics.Sort()
	return a
}
