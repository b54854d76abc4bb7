package rulelist

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// mostRules bounds the entries among which an irreducible cover is looked for:
// each costs a proof.
const mostRules = 64

// mostParts bounds the boxes that what is left of a target may fall into.
const mostParts = 1 << 13

// certify fills in the rules and the cover of a Covered verdict.
func (v *Verdict) certify(s *search, i int, after bool) {
	targets := s.x.targets(i)
	if !after {
		slices.Sort(v.Rules)
		v.Rules = slices.Compact(v.Rules)
		if v.Tier == TierPair && len(v.Rules) == 1 {
			v.Irreducible = true
			v.Cover = s.tree(targets, v.Rules, i, after)
			return
		}
	}
	v.Rules = nil
	if v.Tier > TierSubtraction {
		return
	}
	cover := v.Cover
	if cover == nil {
		cover = s.tree(targets, nil, i, after)
	}
	if v.Cover = nil; cover == nil || cover.Leaves() > packet.MaxCoverLeaves {
		return
	}
	v.Rules, v.Cover = named(cover), cover
	if after {
		return
	}
	if len(v.Rules) > mostRules {
		v.Rules = s.x.Deciding(i)
		return
	}
	rules, ok := s.irreducible(targets, v.Rules, i)
	if !ok {
		return
	}
	if slices.Equal(rules, v.Rules) {
		v.Irreducible = true
	} else if cover = s.tree(targets, rules, i, after); cover != nil {
		v.Rules, v.Cover, v.Irreducible = rules, cover, true
	}
}

// named lists the entries that the leaves of a cover name.
func named(c *packet.Cover) []int {
	found := map[int]bool{}
	var visit func(c *packet.Cover)
	visit = func(c *packet.Cover) {
		if c.Field == packet.FieldInvalid {
			if c.By >= 0 {
				found[c.By] = true
			}
			return
		}
		visit(c.Below)
		visit(c.Above)
	}
	visit(c)
	var rules []int
	for k := range found {
		rules = append(rules, k)
	}
	slices.Sort(rules)
	return rules
}

// tree makes the cover of the targets of an entry, nil when it would have too
// many leaves. Only the given rules before the entry are used; nil stands for
// all.
func (s *search) tree(targets []piece, rules []int, i int, after bool) *packet.Cover {
	s.build = true
	clear(s.leaf)
	s.steps = maxSteps * len(targets)
	var whole piece
	for f := range whole {
		whole[f] = span{0, uint32(s.x.axes[f].ranks() - 1)}
	}
	s.open = after && s.x.actions[i] == s.x.otherwise
	c := s.plan(&whole, targets, func(t *piece) { s.gather(t, i, rules, after) })
	s.build = false
	if c == nil || c.Leaves() > packet.MaxCoverLeaves {
		return nil
	}
	return c
}

// gather makes the candidates for a box anew.
func (s *search) gather(t *piece, i int, rules []int, after bool) {
	s.cands = s.cands[:0]
	if rules == nil {
		s.before(t, i)
	}
	for _, r := range rules {
		s.cands = s.x.surely(s.cands, r, t)
	}
	if after {
		s.behind(t, i)
	}
}

// surely adds the pieces that entry r surely matches and that meet a box.
func (x *Index) surely(cands []candidate, r int, t *piece) []candidate {
	for k := x.start[r]; k < x.start[r+1]; k++ {
		if x.sure[k] && x.pieces[k].meets(t) {
			cands = append(cands, candidate{x.pieces[k], int32(r), settles})
		}
	}
	return cands
}

// plan divides all headers of a box into those of each target, which are
// proved, and those outside.
func (s *search) plan(b *piece, targets []piece, gather func(*piece)) *packet.Cover {
	best, most := -1, -1.0
	for k := range targets {
		t := &targets[k]
		if !t.meets(b) {
			continue
		}
		if b.within(t) {
			gather(b)
			return s.prove(b, s.cands)
		}
		if v := share(b, t); v > most {
			best, most = k, v
		}
	}
	if best < 0 {
		return s.leafOf(packet.Outside)
	}
	if len(targets) == 1 {
		gather(&targets[0])
		inside := s.prove(&targets[0], s.cands)
		if inside == nil {
			return nil
		}
		return s.around(&targets[0], inside, s.leafOf(packet.Outside))
	}
	return s.carve(b, &targets[best], targets, gather)
}

// carve is subtract for targets.
func (s *search) carve(b, t *piece, targets []piece, gather func(*piece)) *packet.Cover {
	for f := range fields {
		at := t[f].lo
		if t[f].lo <= b[f].lo {
			if t[f].hi >= b[f].hi {
				continue
			}
			at = t[f].hi + 1
		}
		low, high := *b, *b
		low[f].hi, high[f].lo = at-1, at
		below := s.plan(&low, targets, gather)
		if below == nil {
			return nil
		}
		above := s.plan(&high, targets, gather)
		if above == nil {
			return nil
		}
		return s.node(packet.Cover{Field: packet.Field(f + 1), At: s.x.axes[f].bounds[at], Below: below, Above: above})
	}
	return nil
}

// irreducible leaves out rules until none can be left out any more, later ones
// first. What the rules that stay cover is cut out of the targets as they are
// found, so that each proof is only about the rest.
func (s *search) irreducible(targets []piece, rules []int, i int) ([]int, bool) {
	rest := slices.Clone(targets)
	var kept []int
	for k := len(rules) - 1; k >= 0; k-- {
		enough := s.suffice(rest, append([]int{}, rules[:k]...), i)
		switch {
		case s.over():
			return nil, false
		case enough:
			continue
		}
		kept = append(kept, rules[k])
		if rest = s.x.without(rest, rules[k]); len(rest) > mostParts {
			return nil, false
		}
	}
	slices.Reverse(kept)
	return kept, true
}

// suffice reports whether entries surely match all of some boxes; it may run out
// of steps, which over tells.
func (s *search) suffice(boxes []piece, rules []int, i int) bool {
	s.open, s.steps = false, maxSteps
	for t := range boxes {
		s.gather(&boxes[t], i, rules, false)
		s.steps = maxSteps
		if s.prove(&boxes[t], s.cands) == nil {
			return false
		}
	}
	return true
}

// without cuts what an entry surely matches out of boxes.
func (x *Index) without(boxes []piece, r int) []piece {
	for k := x.start[r]; k < x.start[r+1]; k++ {
		if x.sure[k] {
			boxes = cutOut(boxes, &x.pieces[k])
		}
	}
	return boxes
}

// cutOut returns boxes that hold what is in some box and not in c.
func cutOut(boxes []piece, c *piece) []piece {
	var out []piece
	for _, b := range boxes {
		if b.meets(c) {
			out = cutOne(out, b, c)
		} else {
			out = append(out, b)
		}
	}
	return out
}

// cutOne adds the parts of a box that stick out of c, protocols first.
func cutOne(out []piece, b piece, c *piece) []piece {
	for f := range fields {
		if c[f].lo > b[f].lo {
			part := b
			part[f].hi = c[f].lo - 1
			out = append(out, part)
			b[f].lo = c[f].lo
		}
		if c[f].hi < b[f].hi {
			part := b
			part[f].lo = c[f].hi + 1
			out = append(out, part)
			b[f].hi = c[f].hi
		}
	}
	return out
}

// Deciding returns the entries before entry i that are the first to surely
// match some header of it, in order: what decides about its headers in its
// place. It returns nil when what they leave of the entry falls into too many
// parts.
func (x *Index) Deciding(i int) []int {
	before := make([]int, i)
	for r := range before {
		before[r] = r
	}
	return x.deciding(i, before)
}

// deciding is Deciding among some entries, in the order given.
func (x *Index) deciding(i int, by []int) []int {
	rest := slices.Clone(x.targets(i))
	var rules []int
	for _, r := range by {
		if len(rest) == 0 {
			break
		}
		for k := x.start[r]; k < x.start[r+1]; k++ {
			c := &x.pieces[k]
			if !x.sure[k] || !slices.ContainsFunc(rest, func(b piece) bool { return b.meets(c) }) {
				continue
			}
			if len(rules) == 0 || rules[len(rules)-1] != r {
				rules = append(rules, r)
			}
			if rest = cutOut(rest, c); len(rest) > mostParts {
				return nil
			}
		}
	}
	return rules
}
