package pairs

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// read turns a change into masks and finds the classes at the other end of the
// old rule and of the new one.
func (r *Rechecker) read(x *change, c Change) ([]peer, error) {
	t := r.point.t
	own := &t.rules[x.dir][x.group]
	r.parts, r.refs = append(r.parts[:0], own.parts...), append(r.refs[:0], own.refs...)
	parts, refs := r.parts, r.refs
	m := marker{t: t, list: r.peers[:0]}
	if c.Old != nil {
		old, _ := t.readRule(c.Old)
		for k := range old.parts {
			old.parts[k].mask = t.services[old.service(t.family, c.Old)]
			parts = removeOne(parts, old.parts[k])
			m.run(old.parts[k].run(), false, false)
		}
		for k := range old.refs {
			old.refs[k].mask = t.services[old.service(t.family, c.Old)]
			refs = removeOne(refs, old.refs[k])
			m.members(old.refs[k].group, false, false)
		}
	}
	for side, b := range []*bound{t.lo, t.hi} {
		if side > 0 && t.Exact() {
			break
		}
		t.masks.unite(&r.steps[side], parts, b.hi)
		x.rules[side] = r.steps[side]
		if len(t.Classes) < len(t.Vertices) {
			x.rules[side] = r.steps[side].thin(t.before, t.Universe.Words)
		}
		x.refs[side] = sortReferences(t, refs, b.hi)
	}
	if c.New != nil {
		if err := r.readNew(x, c.New, &m); err != nil {
			return nil, err
		}
	}
	r.peers = m.peers()
	return r.peers, nil
}

// readNew reads the rule that comes.
func (r *Rechecker) readNew(x *change, rule *ir.Rule, m *marker) error {
	t := r.point.t
	s, ok := serviceOf(t.family, &rule.Match)
	if !ok {
		return nil
	}
	if t.tellsApart(&rule.Peer) {
		return ErrAnew
	}
	x.universe, x.split = t.Universe.with(s)
	x.mask = x.universe.maskOf(s)
	added, known := t.readRule(rule)
	for _, p := range added.parts {
		if known {
			m.run(p.run(), !p.hi, true)
		} else {
			m.vertices(p.run(), !p.hi)
		}
	}
	for _, f := range added.refs {
		x.refers = true
		m.members(f.group, !f.hi, true)
	}
	return nil
}

// readRule reads one rule; known reports that its CIDRs cut no class.
func (t *Table) readRule(rule *ir.Rule) (p ruleParts, known bool) {
	one := newReader(&t.order)
	p = one.rules([]ir.Rule{*rule})
	known = true
	for at := range one.runs {
		_, is := t.runs[at]
		known = known && (is || len(t.Classes) == len(t.Vertices))
	}
	return p, known
}

// service is that of the one rule that was read.
func (p *ruleParts) service(f packet.Family, rule *ir.Rule) service {
	s, _ := serviceOf(f, &rule.Match)
	return s
}

func removeOne[T comparable](from []T, one T) []T {
	if k := slices.Index(from, one); k >= 0 {
		return slices.Delete(from, k, k+1)
	}
	return from
}

// tellsApart reports whether a peer cuts the addresses that a vertex stands
// for, where AWS picks.
func (t *Table) tellsApart(p *ir.Peer) bool {
	if t.cuts == nil || !p.CIDR.IsValid() || packet.FamilyOfPrefix(p.CIDR) != t.family {
		return false
	}
	first, last := span(p.CIDR)
	for _, c := range []key{first, last.next()} {
		if _, ok := slices.BinarySearchFunc(t.cuts, c, key.compare); !ok && c != (key{}) {
			return true
		}
	}
	return false
}

// with returns a universe in which a service is a union of atoms. New atoms are
// parts of old ones, and come last: split pairs each old one with its part.
func (u *Universe) with(s service) (*Universe, [][2]int) {
	if u.knows(s) {
		return u, nil
	}
	v := &Universe{Family: u.Family, Atoms: slices.Clone(u.Atoms), masks: map[service][]uint64{}}
	var split [][2]int
	cut := func(a int, inside, outside []ir.Ports) {
		if len(inside) == 0 || len(outside) == 0 {
			return
		}
		v.Atoms[a].Ports = outside
		split = append(split, [2]int{a, len(v.Atoms)})
		v.Atoms = append(v.Atoms, Atom{Protocol: v.Atoms[a].Protocol, Ports: inside})
	}
	typed := packet.KindOf(u.Family, uint8(s.protocol)) == packet.Typed
	for a := range u.Atoms {
		if atom := &u.Atoms[a]; atom.Ports != nil && atom.Protocol == s.protocol {
			inside, outside := cutPorts(atom.Ports, s.ports)
			cut(a, inside, outside)
		}
	}
	if typed {
		// A query is in one atom with those only whose answers are in one, too.
		for _, p := range answers(u.Family) {
			q, a := int(p[0])<<8, int(p[1])<<8
			lo, hi := max(int(s.ports.Lo), a)-a+q, min(int(s.ports.Hi), a+255)-a+q
			if lo > hi {
				continue
			}
			for k := range v.Atoms {
				if v.Atoms[k].Ports != nil && v.Atoms[k].Protocol == s.protocol {
					inside, outside := cutPorts(v.Atoms[k].Ports, ir.Ports{Lo: uint16(lo), Hi: uint16(hi)})
					cut(k, inside, outside)
				}
			}
		}
	}
	if packet.KindOf(u.Family, uint8(s.protocol)) == packet.Plain {
		for a := range u.Atoms {
			if u.Atoms[a].Protocol == -1 {
				split = append(split, [2]int{a, len(v.Atoms)})
			}
		}
		v.Atoms = append(v.Atoms, Atom{Protocol: s.protocol})
	}
	v.index()
	return v, split
}

// cutPorts divides intervals by another one.
func cutPorts(ps []ir.Ports, by ir.Ports) (inside, outside []ir.Ports) {
	for _, p := range ps {
		lo, hi := max(p.Lo, by.Lo), min(p.Hi, by.Hi)
		if lo > hi {
			outside = append(outside, p)
			continue
		}
		inside = append(inside, ir.Ports{Lo: lo, Hi: hi})
		if p.Lo < lo {
			outside = append(outside, ir.Ports{Lo: p.Lo, Hi: lo - 1})
		}
		if hi < p.Hi {
			outside = append(outside, ir.Ports{Lo: hi + 1, Hi: p.Hi})
		}
	}
	return inside, outside
}

// marker gathers the classes that rules name.
type marker struct {
	t    *Table
	list []peer
	some []uint32 // vertices that a new rule takes one by one, of classes that it cuts
	lo   []bool
}

// run marks the classes of a run that cuts none.
func (m *marker) run(r run, lo, hi bool) {
	for c := m.t.before[r.lo]; c < m.t.before[r.hi]; c++ {
		m.list = append(m.list, peer{class: int32(c), lo: lo && hi, hi: hi})
	}
}

// vertices marks those of a run that may cut classes.
func (m *marker) vertices(r run, lo bool) {
	for v := r.lo; v < r.hi; v++ {
		m.some, m.lo = append(m.some, v), append(m.lo, lo)
	}
}

// members marks the classes that carry a group.
func (m *marker) members(g *ir.SecurityGroup, lo, hi bool) {
	t := m.t
	at, ok := t.groups[g]
	if ok && !t.wild && g.Term == nil {
		for _, c := range t.carriers[at] {
			m.member(c, g, lo, hi)
		}
		return
	}
	for c := range t.Classes {
		m.member(int32(c), g, lo, hi)
	}
}

func (m *marker) member(class int32, g *ir.SecurityGroup, lo, hi bool) {
	is := carries(m.t.Vertices[m.t.Classes[class].Vertices[0]].Interface, g)
	if is != no {
		m.list = append(m.list, peer{class: class, lo: lo && hi && is == yes, hi: hi})
	}
}

// carries tells whether an interface is a member of a group; see memberships.
func carries(i *ir.Interface, g *ir.SecurityGroup) truth {
	is := no
	if i.Groups.Open != nil {
		is = maybe
	}
	one := func(o *ir.SecurityGroup, most truth) {
		switch {
		case o == g, o.Term != nil && g.Term != nil && o.Term.Term != "" && o.Term.Term == g.Term.Term:
			is = max(is, most)
		case o.Term != nil || g.Term != nil:
			is = max(is, maybe)
		}
	}
	for _, o := range i.Groups.Sure {
		one(o, yes)
	}
	for _, o := range i.Groups.Maybe {
		one(o.V, maybe)
	}
	return is
}

// peers joins what was marked, in order of classes.
func (m *marker) peers() []peer {
	m.cutClasses()
	slices.SortStableFunc(m.list, func(a, b peer) int { return int(a.class - b.class) })
	out := m.list[:0]
	for _, p := range m.list {
		if k := len(out) - 1; k >= 0 && out[k].class == p.class && p.only == nil {
			out[k].lo, out[k].hi = out[k].lo || p.lo, out[k].hi || p.hi
			continue
		}
		out = append(out, p)
	}
	return out
}

// cutClasses marks classes of which a new rule takes some vertices: those that
// it surely takes, those that it may, and the rest by itself.
func (m *marker) cutClasses() {
	taken := map[int32]map[int32]bool{} // by class and vertex: surely
	for k, v := range m.some {
		c := m.t.ofVertex[v]
		if taken[c] == nil {
			taken[c] = map[int32]bool{}
		}
		taken[c][int32(v)] = taken[c][int32(v)] || m.lo[k]
	}
	kept := m.list[:0]
	old := map[int32]bool{}
	for _, p := range m.list {
		if taken[p.class] == nil {
			kept = append(kept, p)
		} else {
			old[p.class] = true
		}
	}
	m.list = kept
	for c, vs := range taken {
		var parts [3][]int32 // surely, possibly, not
		for _, v := range m.t.Classes[c].Vertices {
			sure, is := vs[v]
			switch {
			case !is:
				parts[2] = append(parts[2], v)
			case sure:
				parts[0] = append(parts[0], v)
			default:
				parts[1] = append(parts[1], v)
			}
		}
		for k, part := range parts {
			if len(part) == 0 || k == 2 && !old[c] {
				continue
			}
			if len(part) == len(m.t.Classes[c].Vertices) {
				part = nil
			}
			m.list = append(m.list, peer{class: c, only: part, lo: k == 0, hi: k < 2})
		}
	}
}
