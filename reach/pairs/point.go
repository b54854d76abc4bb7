package pairs

import (
	"context"
	"slices"
)

// Answer is what flows between two classes, as masks: surely, and possibly.
type Answer struct{ Must, May Sets }

// Sets is the services whose requests arrive, and the ports at which replies
// do: client ports of TCP and UDP, types and codes of ICMP, protocols of all
// others. What Reply says of protocols without requests is not meant.
type Sets struct{ Forward, Reply []uint64 }

func newAnswer(words int) *Answer {
	return &Answer{
		Sets{make([]uint64, words), make([]uint64, words)},
		Sets{make([]uint64, words), make([]uint64, words)},
	}
}

// point answers for single pairs; one goroutine uses it.
type point struct {
	t     *Table
	plans *planner
	asker *asker
}

func newPoint(t *Table) *point {
	return &point{t: t, plans: newPlanner(t), asker: newAsker(t)}
}

// answer computes the sets of one pair of classes.
func (p *point) answer(ctx context.Context, from, to int32) (*Answer, error) {
	t := p.t
	out := newAnswer(t.Universe.Words)
	if slices.Contains(t.selves(int(to)), from) {
		return out, nil
	}
	plan := p.plans.of(t.cellOf[from], t.cellOf[to])
	if plan.asked {
		a, err := p.asker.pair(ctx, from, to)
		if a == nil {
			a = out
		}
		return a, err
	}
	p.bound(t.lo, &out.Must, plan, from, to)
	if t.Exact() {
		out.May = out.Must
	} else {
		p.bound(t.hi, &out.May, plan, from, to)
	}
	return out, nil
}

// bound answers for one pair that a plan decides.
func (p *point) bound(b *bound, out *Sets, plan *plan, from, to int32) {
	refsOut, refsIn := plan.refs(b.hi)
	for k := range p.t.Universe.Words {
		f, r := p.filters(b, plan, from, to, k)
		if f != 0 {
			f &= p.groups(b, egress, from, to, refsOut, k)
		}
		if f != 0 {
			f &= p.groups(b, ingress, to, from, refsIn, k)
		}
		out.Forward[k], out.Reply[k] = f, r
	}
}

// refs tells whether references to groups hold in the rules of the sender and
// of the receiver.
func (p *plan) refs(hi bool) (out, in bool) {
	if p.same {
		return true, true
	}
	return holds(p.there.refsOut, hi), holds(p.there.refsIn, hi)
}

// filters returns one word of what everything but groups lets pass.
func (p *point) filters(b *bound, plan *plan, from, to int32, k int) (forward, reply uint64) {
	t := p.t
	if !plan.same && plan.there.fate != passes {
		return 0, 0
	}
	forward, reply = t.masks.of(b.service[to])[k], t.Universe.all[k]
	if plan.same {
		return forward, reply
	}
	x, y := t.cells[t.cellOf[from]].acl, t.cells[t.cellOf[to]].acl
	forward &= p.acl(b, x, egress, to, k) & p.acl(b, plan.there.exit, egress, to, k) & p.acl(b, plan.there.entry, ingress, from, k)
	if plan.there.in {
		forward &= p.acl(b, y, ingress, from, k)
	}
	if plan.back.fate != passes {
		return forward, 0
	}
	reply &= p.acl(b, y, egress, from, k) & p.acl(b, plan.back.exit, egress, from, k) & p.acl(b, plan.back.entry, ingress, to, k)
	if plan.back.in {
		reply &= p.acl(b, x, ingress, to, k)
	}
	return forward, reply
}

// acl returns one word of what an ACL choice lets pass from or to a class; all
// for none.
func (p *point) acl(b *bound, choice int32, dir int, class int32, k int) uint64 {
	if choice < 0 {
		return ^uint64(0)
	}
	return b.acl[choice][dir].word(uint32(class), p.t.Universe.Words, k)
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
	side := &b.dir[dir]
	m := uint64(0)
	for _, g := range b.sets[set] {
		m |= side.rules[g].word(uint32(peer), p.t.Universe.Words, k)
		if refs {
			m |= p.referred(b, side.refs[g], peer, k)
		}
	}
	return m
}

// referred returns one word of what references give to a class.
func (p *point) referred(b *bound, refs []ref, peer int32, k int) uint64 {
	m := uint64(0)
	if len(refs) == 0 {
		return 0
	}
	for _, g := range b.member[peer] {
		lo, n := 0, len(refs)
		for n > 0 { // the first reference to the group
			if half := n >> 1; refs[lo+half].group < g {
				lo, n = lo+half+1, n-half-1
			} else {
				n = half
			}
		}
		for ; lo < len(refs) && refs[lo].group == g; lo++ {
			m |= p.t.masks.of(refs[lo].mask)[k]
		}
	}
	return m
}
