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
	left := omissionsOf(n)
	for _, d := range n.Problems {
		if d.Rule == "" {
			o.diagnostics = append(o.diagnostics, d)
			continue
		}
		if d.Rule == notAnalysed.ID && left.has(d.Cause) {
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

// troubles knows where the parsers found something wrong.
type troubles struct {
	addresses map[string]bool
	starts    map[string][]int // first bytes by file, ascending
}

func troublesOf(n *ir.Network) *troubles {
	t := &troubles{addresses: map[string]bool{}, starts: map[string][]int{}}
	for _, d := range n.Problems {
		if d.Rule == "" || d.Rule == notAnalysed.ID {
			continue
		}
		t.addresses[d.Address] = d.Address != ""
		if !d.Range.IsZero() {
			t.starts[d.Range.File] = append(t.starts[d.Range.File], d.Range.Start.Byte)
		}
	}
	for _, s := range t.starts {
		slices.Sort(s)
	}
	return t
}

// at reports whether something is wrong within the block that an origin comes
// from: what such a rule or entry matches is not what its author meant, so
// nothing is built upon it.
func (t *troubles) at(o *ir.Origin) bool {
	if o.Block.Start.Line == 0 {
		return t.addresses[o.Address]
	}
	starts := t.starts[o.Block.File]
	k, _ := slices.BinarySearch(starts, o.Block.Start.Byte)
	return k < len(starts) && starts[k] < max(o.Block.End.Byte, o.Block.Start.Byte+1)
}
