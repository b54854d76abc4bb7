package pairs

import (
	"context"
	"slices"
)

// answer is the sets of one pair, as masks.
type answer struct{ must, may sets }

type sets struct{ forward, reply []uint64 }

func newAnswer(words int) *answer {
	return &answer{
		sets{make([]uint64, words), make([]uint64, words)},
		sets{make([]uint64, words), make([]uint64, words)},
	}
}

// point answers for single pairs; one goroutine uses it.
type point struct {
	t     *Table
	plans *planner
	asker *asker
	// changed is a group whose rules of one direction are others here than those
	// of the table; see Recheck.
	changed *change
}

func newPoint(t *Table) *point {
	return &point{t: t, plans: newPlanner(t), asker: newAsker(t)}
}

// groups returns one word of what the groups of a class allow in a direction
// with another class at the other end.
func (p *point) groups(b *bound, dir int, class, peer int32, refs bool, k int) uint64 {
	set := b.setOf[class]
	switch set {
	case noGroups:
		return 0
	case unfiltered:
		return p.t.Universe.all[k]
	}
	m := uint64(0)
	words := p.t.Universe.Words
	side := &b.dir[dir]
	for _, g := range b.sets[set] {
		rules, referred := &side.rules[g], side.refs[g]
		if c := p.changed; c != nil && c.group == g && c.dir == dir {
			rules, referred = c.rules(b.hi)
		}
		m |= rules.word(uint32(peer), words, k)
		if !refs || len(referred) == 0 {
			continue
		}
		for _, r := range referred {
			if _, is := slices.BinarySearch(b.member[peer], r.group); is {
				m |= p.t.masks.of(r.mask)[k]
			}
		}
	}
	return m
}

// acl returns one word of what an ACL choice lets pass from or to a class; all
// for none.
func (p *point) acl(b *bound, choice int32, dir int, class int32, k int) uint64 {
	if choice < 0 {
		return ^uint64(0)
	}
	return b.acl[choice][dir].word(uint32(class), p.t.Universe.Words, k)
}

// bound answers for one pair that plans decide.
func (p *point) bound(b *bound, out *sets, plan *plan, from, to int32) {
	t := p.t
	x, y := t.cells[t.cellOf[from]].acl, t.cells[t.cellOf[to]].acl
	for k := range t.Universe.Words {
		out.forward[k], out.reply[k] = 0, 0
		if !plan.same && plan.there.fate != passes {
			continue
		}
		f, r := t.masks.of(b.service[to])[k], t.Universe.all[k]
		refsOut, refsIn := true, true
		if !plan.same {
			refsOut, refsIn = holds(plan.there.refsOut, b.hi), holds(plan.there.refsIn, b.hi)
			f &= p.acl(b, x, egress, to, k) & p.acl(b, plan.there.exit, egress, to, k) & p.acl(b, plan.there.entry, ingress, from, k)
			if plan.there.in {
				f &= p.acl(b, y, ingress, from, k)
			}
			r &= p.acl(b, y, egress, from, k) & p.acl(b, plan.back.exit, egress, from, k) & p.acl(b, plan.back.entry, ingress, to, k)
			if plan.back.in {
				r &= p.acl(b, x, ingress, to, k)
			}
			if plan.back.fate != passes {
				r = 0
			}
		}
		if f != 0 {
			f &= p.groups(b, egress, from, to, refsOut, k)
		}
		if f != 0 {
			f &= p.groups(b, ingress, to, from, refsIn, k)
		}
		out.forward[k], out.reply[k] = f, r
	}
}

// answer computes the sets of one pair of classes.
func (p *point) answer(ctx context.Context, from, to int32) (*answer, error) {
	out := newAnswer(p.t.Universe.Words)
	return out, p.into(ctx, out, from, to)
}

// into is answer without an allocation.
func (p *point) into(ctx context.Context, out *answer, from, to int32) error {
	t := p.t
	if slices.Contains(t.selves(int(to)), from) {
		*out = *newAnswer(t.Universe.Words)
		return nil
	}
	plan := p.plans.of(t.cellOf[from], t.cellOf[to])
	if plan.asked {
		a, err := p.asker.pair(ctx, from, to)
		if err != nil {
			return err
		}
		if a == nil {
			a = newAnswer(t.Universe.Words)
		}
		*out = *a
		return nil
	}
	p.bound(t.lo, &out.must, plan, from, to)
	if t.Exact() {
		copy(out.may.forward, out.must.forward)
		copy(out.may.reply, out.must.reply)
		return nil
	}
	p.bound(t.hi, &out.may, plan, from, to)
	return nil
}
