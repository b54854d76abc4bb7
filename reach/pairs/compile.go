package pairs

import (
	"cmp"
	"context"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// compile finishes a bound: the rules of groups as functions of classes, the
// references between groups, and the ACLs.
func (c *compiler) compile(ctx context.Context, b *bound) error {
	t := c.t
	words := t.Universe.Words
	used := make([]bool, len(c.all))
	for _, s := range b.sets {
		for _, g := range s {
			used[g] = true
		}
	}
	b.members = make([][]int32, len(c.all))
	for k, gs := range b.member {
		for _, g := range gs {
			b.members[g] = append(b.members[g], int32(k))
		}
	}
	for d := range b.dir {
		s := &b.dir[d]
		s.rules = make([]steps, len(c.all))
		err := parallel(ctx, len(c.all), func(_, k int) error {
			if !used[k] {
				s.rules[k] = constant(t.Universe.empty())
				return nil
			}
			s.rules[k] = t.masks.union(c.rules[d][k].parts, b.hi)
			if len(t.Classes) < len(t.Vertices) {
				s.rules[k] = s.rules[k].thin(t.before, words)
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.references(b, d, used)
	}
	c.compileACLs(b)
	return nil
}

// references joins the rules of each group that refer to one and the same
// group, and turns them round.
func (c *compiler) references(b *bound, d int, used []bool) {
	s := &b.dir[d]
	s.refs, s.referrers = make([][]ref, len(c.all)), make([][]ref, len(c.all))
	for k := range c.all {
		if !used[k] {
			continue
		}
		refs := joinReferences(c.t, sortReferences(c.t, c.rules[d][k].refs, b.hi))
		s.refs[k] = refs
		for _, r := range refs {
			s.any = true
			s.referrers[r.group] = append(s.referrers[r.group], ref{int32(k), r.mask})
		}
	}
}

// sortReferences lists references by group, without repetitions.
func sortReferences(t *Table, rs []reference, hi bool) []ref {
	var refs []ref
	for _, r := range rs {
		if !r.hi || hi {
			refs = append(refs, ref{t.groups[r.group], r.mask})
		}
	}
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.mask, b.mask)) })
	return slices.Compact(refs)
}

// joinReferences makes those to one group one.
func joinReferences(t *Table, refs []ref) []ref {
	joined := refs[:0]
	for _, r := range refs {
		k := len(joined) - 1
		if k < 0 || joined[k].group != r.group {
			joined = append(joined, r)
			continue
		}
		m := slices.Clone(t.masks.of(joined[k].mask))
		for w, x := range t.masks.of(r.mask) {
			m[w] |= x
		}
		joined[k].mask = t.masks.add(m)
	}
	return joined
}

// aclChoice is the ACL of a subnet, as far as it is known.
type aclChoice struct {
	of   []int32
	open bool
}

// compileACLs makes the functions of every choice of ACLs that a subnet has.
func (c *compiler) compileACLs(b *bound) {
	t := c.t
	words := t.Universe.Words
	own := c.ids[0]
	mask := func(id int32) []uint64 { return t.masks.of(own[id]) }
	one := make([][2]steps, len(c.acls))
	for k, a := range c.acls {
		for d := range one[k] {
			switch {
			case a.Open == nil:
				s := firstMatch(t.Universe, known(c.entries[d][k], b.hi, mask))
				one[k][d] = s.thin(t.before, words)
			case b.hi:
				one[k][d] = constant(t.Universe.all)
			default:
				one[k][d] = constant(t.Universe.empty())
			}
		}
	}
	c.numberChoices()
	for _, choice := range c.choices {
		var both [2]steps
		for d := range both {
			switch {
			case (choice.open || len(choice.of) == 0) && b.hi:
				both[d] = constant(t.Universe.all)
				continue
			case choice.open || len(choice.of) == 0:
				both[d] = constant(t.Universe.empty())
				continue
			}
			both[d] = one[choice.of[0]][d]
			for _, k := range choice.of[1:] {
				both[d] = combine(&both[d], &one[k][d], words, !b.hi)
			}
		}
		b.acl = append(b.acl, both)
	}
}

// numberChoices numbers the choices of all subnets that packets cross.
func (c *compiler) numberChoices() {
	t := c.t
	if t.aclOf != nil {
		return
	}
	t.aclOf = map[*ir.Subnet]int32{}
	number := map[*ir.NetworkACL]int32{}
	for k, a := range c.acls {
		number[a] = int32(k)
	}
	seen := map[string]int32{}
	add := func(s *ir.Subnet) {
		if _, ok := t.aclOf[s]; ok || s == nil {
			return
		}
		x := aclChoice{open: s.ACL.Open != nil}
		for _, a := range s.ACL.Of {
			x.of = append(x.of, number[a])
		}
		key := bytesOf(x.of)
		if x.open {
			key = "open"
		}
		id, ok := seen[key]
		if !ok {
			id = int32(len(c.choices))
			seen[key] = id
			c.choices = append(c.choices, x)
		}
		t.aclOf[s] = id
	}
	for k := range t.Vertices {
		add(t.Vertices[k].subnet)
	}
	for _, g := range t.net.TransitGateways {
		for _, a := range g.Attachments {
			for _, s := range a.Subnets.Sure {
				add(s)
			}
		}
	}
}
