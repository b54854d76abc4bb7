package rulelist

import (
	"context"
	"slices"
)

// CoveredBy reports whether some entries, which may stand anywhere, together
// surely match all that entry i may. Rules are one of them that does so alone,
// the first in the order given, or else those that are the first to match some
// header of entry i, less what can be left out, later ones first: so the order
// says which are preferred. last may be nil. The error is that of ctx.
func (x *Index) CoveredBy(ctx context.Context, i int, by []int, last Exact) (Verdict, error) {
	s, targets := &search{x: x}, x.targets(i)
	if len(targets) == 0 {
		return Verdict{State: Absent, Tier: TierPair}, ctx.Err()
	}
	meet := []int{} // never nil: that stands for all before
	for _, r := range by {
		if slices.ContainsFunc(targets, func(t piece) bool { s.cands = x.surely(s.cands[:0], r, &t); return len(s.cands) > 0 }) {
			meet = append(meet, r)
		}
	}
	v := Verdict{State: Covered, Tier: TierPair}
	for k := range targets {
		if err := ctx.Err(); err != nil {
			return Verdict{}, err
		}
		s.gather(&targets[k], i, meet, false)
		o, err := s.settle(ctx, &targets[k], last)
		if err != nil {
			return Verdict{}, err
		}
		if v.merge(o); v.State != Covered {
			return v, nil
		}
	}
	if v.Tier <= TierSubtraction {
		s.choose(&v, i, meet)
	}
	return v, nil
}

// choose fills in the rules and the cover of a verdict of CoveredBy.
func (s *search) choose(v *Verdict, i int, by []int) {
	targets := s.x.targets(i)
	for _, r := range by {
		if s.suffice(targets, []int{r}, i) {
			v.Rules, v.Irreducible, v.Cover = []int{r}, true, s.tree(targets, []int{r}, i, false)
			return
		}
	}
	if rules := s.x.deciding(i, by); rules != nil {
		by = rules
	}
	if len(by) <= mostRules {
		if rules, ok := s.irreducible(targets, by, i); ok {
			by, v.Irreducible = rules, true
		}
	}
	if v.Cover = s.tree(targets, by, i, false); v.Cover == nil {
		v.Irreducible = false
		return
	}
	if v.Rules = by; !v.Irreducible {
		v.Rules = named(v.Cover)
	}
}
