package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
)

// fold joins what one cause makes many findings of, within one network.
// Suppressed findings stay as they are.
//
// An exposure whose rule is the first door of a longer path is told by the
// path. Findings of one rule that come from one place in the source (count,
// for_each, a list of CIDRs) are told once, with their number.
func fold(catalogue []*Rule, findings []diag.Finding) []diag.Finding {
	exposure := map[string]bool{}
	for _, r := range catalogue {
		exposure[r.ID] = r.Exposure
	}
	doors := map[diag.Range]diag.Severity{}
	for _, f := range findings {
		if f.Suppressed != nil || len(f.Path) < 2 {
			continue
		}
		for _, p := range f.Path[0].Places {
			doors[p.Range] = max(doors[p.Range], f.Severity)
		}
	}
	var kept []diag.Finding
	for _, f := range findings {
		door, ok := doors[f.Place.Range]
		if ok && f.Suppressed == nil && exposure[f.Rule] && len(f.Path) < 2 && f.Severity <= door && !f.Place.Range.IsZero() {
			continue
		}
		kept = append(kept, f)
	}
	kept = foldExposures(catalogue, kept)
	diag.SortFindings(kept)
	return foldPlaces(kept)
}

// foldExposures keeps the worst exposure of each line: a rule that opens
// everything opens ssh as well, and is mended once. The catalogue lists the
// worst first.
func foldExposures(catalogue []*Rule, findings []diag.Finding) []diag.Finding {
	rank := map[string]int{}
	for i, r := range catalogue {
		if r.Exposure {
			rank[r.ID] = i + 1
		}
	}
	type line struct {
		place   diag.Range
		address string
	}
	worst := map[line]int{}
	for i, f := range findings {
		l := line{f.Place.Range, f.Place.Address}
		if f.Suppressed != nil || rank[f.Rule] == 0 || len(f.Path) > 1 {
			continue
		}
		if w, ok := worst[l]; !ok || rank[f.Rule] < rank[findings[w].Rule] {
			worst[l] = i
		}
	}
	also := map[int][]string{}
	var kept []diag.Finding
	at := map[int]int{}
	for i, f := range findings {
		w, ok := worst[line{f.Place.Range, f.Place.Address}]
		if ok && w != i && f.Suppressed == nil && rank[f.Rule] > 0 && len(f.Path) < 2 {
			if f.Rule != findings[w].Rule && !slices.Contains(also[w], f.Rule) {
				also[w] = append(also[w], f.Rule)
			}
			if f.Rule != findings[w].Rule {
				continue
			}
		}
		at[i] = len(kept)
		kept = append(kept, f)
	}
	for w, rules := range also {
		slices.SortFunc(rules, func(a, b string) int { return rank[a] - rank[b] })
		kept[at[w]].Why += "; the same line is also " + listWords(rules, 4)
	}
	return kept
}

// cause is what findings that are folded have in common.
type cause struct {
	rule      string
	place     diag.Range
	certainty diag.Certainty
}

// mostRelated bounds the places that a folded finding names.
const mostRelated = 20

func foldPlaces(findings []diag.Finding) []diag.Finding {
	first := map[cause]int{}
	count := map[int]int{}
	var kept []diag.Finding
	for _, f := range findings {
		if f.Suppressed != nil || f.Place.Range.Start.Line == 0 {
			kept = append(kept, f)
			continue
		}
		c := cause{f.Rule, f.Place.Range, f.Certainty}
		at, ok := first[c]
		if !ok {
			first[c] = len(kept)
			kept = append(kept, f)
			continue
		}
		count[at]++
		k := &kept[at]
		if count[at] == 1 {
			k.Related = slices.Clone(k.Related)
		}
		if count[at] <= mostRelated {
			also := f.Place.Address
			if also == k.Place.Address || also == "" {
				also = f.Place.Message
			}
			k.Related = append(k.Related, diag.Place{Address: f.Place.Address, Message: "also " + also, Range: f.Place.Range})
		}
	}
	for at, n := range count {
		kept[at].Message += fmt.Sprintf(" (and %d more from this line)", n)
	}
	return kept
}
