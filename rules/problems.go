package rules

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// problems turns what the parsers found wrong with single objects into
// findings of the rules in whose name they report it. A problem that no rule
// answers for stays a diagnostic; one whose rule does not run is dropped.
func (o *outcome) problems(chosen []*Rule, n *ir.Network) {
	for _, d := range n.Problems {
		if d.Rule == "" {
			o.diagnostics = append(o.diagnostics, d)
			continue
		}
		if d.Rule == notAnalysed.ID && omitted(n, d.Cause) {
			continue // the rule tells it from Network.NotAnalysed
		}
		k := slices.IndexFunc(chosen, func(r *Rule) bool { return r.ID == d.Rule })
		if k < 0 {
			continue
		}
		f := diag.Finding{
			Message: d.Message, Why: d.Note, Fix: diag.Fix{Text: d.Fix},
			Place: diag.Place{Address: d.Address, Message: d.Label, Range: d.Range},
			Key:   d.Message,
		}
		if d.Cause.Code != "" {
			f.Because = []diag.Cause{d.Cause}
		}
		o.findings = append(o.findings, complete(f, chosen[k], n))
	}
}

// troubled reports whether a parser found something wrong within the block
// that an origin comes from: what such a rule or entry matches is not what its
// author meant, so nothing is built upon it.
func troubled(n *ir.Network, o *ir.Origin) bool {
	return slices.ContainsFunc(n.Problems, func(d diag.Diagnostic) bool {
		if d.Rule == "" || d.Rule == notAnalysed.ID {
			return false
		}
		if o.Block.IsZero() || o.Block.Start.Line == 0 {
			return d.Address != "" && d.Address == o.Address
		}
		return d.Range.File == o.Block.File &&
			o.Block.Start.Byte <= d.Range.Start.Byte && d.Range.Start.Byte < max(o.Block.End.Byte, o.Block.Start.Byte+1)
	})
}
