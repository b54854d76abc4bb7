package pairs

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// vaguely is what groups let pass between two classes, possibly. The answer
// holds until the next one.
func (a *asker) vaguely(from, to int32) *Answer {
	if a.vague == nil {
		a.vague = newAnswer(a.t.Universe.Words)
	}
	out := a.vague
	for k := range a.t.Universe.Words {
		out.May.Forward[k], out.May.Reply[k] = a.between(a.t.hi, from, to, k), a.t.Universe.all[k]
	}
	return out
}

// unwanted reports whether a search needs no answer for two classes: no sender
// is of interest, or nothing surely flows, because it is not known where an end
// stands, or its groups do not let it.
func (a *asker) unwanted(from, to int32) bool {
	t := a.t
	if !slices.ContainsFunc(t.Classes[from].Vertices, func(v int32) bool { return a.search.From(t.Vertices[v].Interface) }) {
		return true
	}
	for _, c := range [...]int32{from, to} {
		if i := t.Vertices[t.Classes[c].Vertices[0]].Interface; t.lo.setOf[c] == noGroups || stands(i) == nil {
			return true
		}
	}
	return a.stopped(t.lo, from, to)
}

// odd reports whether no formula of this package fits one of two classes.
func (a *asker) odd(from, to int32) bool {
	return a.t.cells[a.t.cellOf[from]].odd || a.t.cells[a.t.cellOf[to]].odd
}

// stopped reports whether groups stop all packets, as a bound sees them.
func (a *asker) stopped(b *bound, from, to int32) bool {
	for k := range a.t.Universe.Words {
		if a.between(b, from, to, k) != 0 {
			return false
		}
	}
	return true
}

// between returns one word of what groups let pass, whatever way a packet takes.
// In IPv4 the receiver may see another source than the sender, behind some
// gateway; where an address is not known, it may be any that a rule names.
func (a *asker) between(b *bound, from, to int32, k int) uint64 {
	t := a.t
	if a.point == nil {
		a.point = &point{t: t}
	}
	odd := a.odd(from, to)
	allowed := func(dir int, class, peer int32, named bool) uint64 {
		if g := &t.Vertices[t.Classes[class].Vertices[0]].Interface.Groups; b.hi && len(g.Sure) == 0 {
			return t.Universe.all[k] // it may turn out to have no groups, and so no filter
		}
		m := a.point.groups(b, dir, class, peer, true, k)
		if named {
			m |= t.named(b, dir, class, k)
		}
		return m
	}
	f := t.masks.of(b.service[to])[k]
	if f != 0 {
		f &= allowed(egress, from, to, odd)
	}
	if f != 0 {
		f &= allowed(ingress, to, from, odd || t.family == packet.IPv4)
	}
	return f
}

// named returns one word of what rules of a class that name addresses allow.
func (t *Table) named(b *bound, dir int, class int32, k int) uint64 {
	m := uint64(0)
	if set := b.setOf[class]; set >= 0 {
		for _, g := range b.sets[set] {
			m |= t.any[dir][g][k]
		}
	}
	return m
}
