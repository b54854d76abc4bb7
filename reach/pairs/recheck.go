package pairs

import (
	"context"
	"errors"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// Change is another rule in one direction of a group.
type Change struct {
	Group  *ir.SecurityGroup
	Egress bool
	Old    *ir.Rule // one of the group's rules, which goes; nil: none does
	New    *ir.Rule // the rule that comes; nil: none does
}

// Touched is a pair that a change may concern, and its answer after it.
type Touched struct {
	From, To int32 // classes
	// Peers are those vertices of the class at the other end of the rule that the
	// answer is about; nil stands for all of them.
	Peers  []int32
	Answer *Answer // used again for the next pair
}

// ErrAnew says that a change cannot be checked by itself: it concerns pairs
// that package reach was asked about, or it tells addresses apart that AWS has
// yet to pick.
var ErrAnew = errors.New("pairs: the change takes compiling the network anew")

// Rechecker answers again for the pairs that a changed rule touches. One
// goroutine uses it; a table can have several.
type Rechecker struct {
	point *point
	// Memory that is used again.
	out   *Answer
	parts []part
	refs  []reference
	steps [2]steps
	peers []peer
}

// NewRechecker prepares a table for changes.
func NewRechecker(t *Table) *Rechecker {
	return &Rechecker{point: newPoint(t)}
}

// change is a Change as masks.
type change struct {
	group    int32
	dir      int
	rules    [2]steps // without the old rule: surely, possibly
	refs     [2][]ref
	mask     []uint64 // the new rule's services, in the universe below
	universe *Universe
	split    [][2]int // atoms of the universe of which the second was cut from the first
	refers   bool     // the new rule's peer is a group
}

// peer is a class at the other end of a changed rule.
type peer struct {
	class int32
	only  []int32 // some of its vertices; nil: all
	// lo and hi: the new rule surely, or possibly, takes it.
	lo, hi bool
}

// Recheck calls visit for every pair that the old or the new rule names, in
// order of the carriers of the group, and returns the universe of the answers:
// the table's, or one in which the new rule's ports are told apart. It changes
// nothing: each call is about the network as it was compiled.
func (r *Rechecker) Recheck(ctx context.Context, c Change, visit func(*Touched) error) (*Universe, error) {
	t := r.point.t
	g, ok := t.groups[c.Group]
	if !ok || len(t.carriers[g]) == 0 {
		return t.Universe, ctx.Err() // nothing carries it
	}
	x := &change{group: g, dir: direction(c.Egress), universe: t.Universe}
	peers, err := r.read(x, c)
	if err != nil {
		return nil, err
	}
	if r.out == nil || len(r.out.Must.Forward) != x.universe.Words {
		r.out = newAnswer(x.universe.Words)
	}
	touched := Touched{Answer: r.out}
	for _, class := range t.carriers[g] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for k := range peers {
			touched.From, touched.To, touched.Peers = class, peers[k].class, peers[k].only
			if !c.Egress {
				touched.From, touched.To = touched.To, touched.From
			}
			if err := r.pair(x, &touched, &peers[k]); err != nil {
				return nil, err
			}
			if err := visit(&touched); err != nil {
				return nil, err
			}
		}
	}
	return x.universe, nil
}

// pair answers for one pair after a change.
func (r *Rechecker) pair(x *change, to *Touched, p *peer) error {
	t := r.point.t
	if slices.Contains(t.selves(int(to.To)), to.From) {
		clear(r.out.Must.Forward)
		clear(r.out.May.Forward)
		return nil
	}
	plan := r.point.plans.of(t.cellOf[to.From], t.cellOf[to.To])
	if plan.asked {
		return ErrAnew
	}
	r.bound(x, t.lo, &r.out.Must, plan, to, p.lo)
	if t.Exact() && p.lo == p.hi {
		copy(r.out.May.Forward, r.out.Must.Forward)
		copy(r.out.May.Reply, r.out.Must.Reply)
		return nil
	}
	r.bound(x, t.hi, &r.out.May, plan, to, p.hi)
	return nil
}

// bound is point.bound with the changed rules.
func (r *Rechecker) bound(x *change, b *bound, out *Sets, plan *plan, to *Touched, added bool) {
	p := r.point
	words := p.t.Universe.Words
	refsOut, refsIn := plan.refs(b.hi)
	mine, other, refs, otherRefs := to.From, to.To, refsOut, refsIn
	if x.dir == ingress {
		mine, other, refs, otherRefs = to.To, to.From, refsIn, refsOut
	}
	if x.refers {
		added = added && refs
	}
	side := 0 // an exact table has one bound, which is neither
	if b.hi {
		side = 1
	}
	clear(out.Forward[words:])
	clear(out.Reply[words:])
	var rest [8]uint64
	spare := rest[:0]
	for k := range words {
		f, reply := p.filters(b, plan, to.From, to.To, k)
		if f != 0 {
			f &= p.groups(b, 1-x.dir, other, mine, otherRefs, k)
		}
		spare = append(spare, f)
		if f != 0 {
			f &= r.groups(x, b, side, mine, other, refs, k)
		}
		out.Forward[k], out.Reply[k] = f, reply
	}
	x.spread(out.Forward)
	x.spread(out.Reply)
	if set := b.setOf[mine]; !added || set == noGroups || set >= 0 && !slices.Contains(b.sets[set], x.group) {
		return
	}
	for len(spare) < len(x.mask) {
		spare = append(spare, 0)
	}
	x.spread(spare)
	for k, m := range x.mask {
		out.Forward[k] |= spare[k] & m
	}
}

// groups is point.groups with the changed rules.
func (r *Rechecker) groups(x *change, b *bound, side int, class, peer int32, refs bool, k int) uint64 {
	p := r.point
	set := b.setOf[class]
	switch set {
	case noGroups:
		return 0
	case unfiltered:
		return p.t.Universe.all[k]
	}
	m := uint64(0)
	for _, g := range b.sets[set] {
		rules, referred := &b.dir[x.dir].rules[g], b.dir[x.dir].refs[g]
		if g == x.group {
			rules, referred = &x.rules[side], x.refs[side]
		}
		m |= rules.word(uint32(peer), p.t.Universe.Words, k)
		if refs {
			m |= p.referred(b, referred, peer, k)
		}
	}
	return m
}

// spread gives atoms that were cut from others the bits of those.
func (x *change) spread(m []uint64) {
	for _, s := range x.split {
		if has(m, s[0]) {
			set(m, s[1])
		}
	}
}
