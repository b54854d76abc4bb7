package pairs

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// carrier is what the groups of an interface come to.
type carrier struct {
	number int32    // equal carriers have one
	sets   [2]int32 // what surely, and what possibly, lets pass: a set of groups, noGroups or unfiltered
	member [2][]int32
	may    []int32 // the groups that it may carry
	wild   bool    // it may be a member of any
}

// carried finds the sets of groups that interfaces carry, and the groups that
// they are members of as rules see it.
func (c *compiler) carried() {
	c.nameReferenced()
	referred, terms := c.referred()
	c.carriers = map[*ir.Interface]*carrier{}
	known := map[string]*carrier{}
	sets := map[string]int32{}
	var all [][]int32
	number := func(set []int32) int32 {
		key := bytesOf(set)
		id, ok := sets[key]
		if !ok {
			id = int32(len(all))
			sets[key] = id
			all = append(all, set)
		}
		return id
	}
	for k := range c.t.Vertices {
		i := c.t.Vertices[k].Interface
		if c.carriers[i] != nil {
			continue
		}
		sure, may, open := c.groupsOf(i)
		key := bytesOf(sure) + "|" + bytesOf(may)
		if i.Groups.Open != nil {
			key += "|open"
		}
		x := known[key]
		if x == nil {
			x = &carrier{number: int32(len(known)), may: may}
			known[key] = x
			x.sets[0], x.sets[1] = number(sure), number(may)
			if len(may) == 0 && i.Groups.Open == nil {
				x.sets = [2]int32{unfiltered, unfiltered}
			} else if open {
				x.sets[1] = unfiltered
			}
			x.wild = i.Groups.Open != nil || slices.ContainsFunc(may, func(g int32) bool { return c.all[g].Term != nil })
			x.member[0], x.member[1] = c.memberships(x.wild, sure, may, referred, terms)
		}
		c.carriers[i] = x
	}
	c.t.lo.sets, c.t.hi.sets = all, all
}

// nameReferenced numbers the groups that rules refer to and nothing carries or
// lists.
func (c *compiler) nameReferenced() {
	for d := range c.rules {
		for k := range c.rules[d] {
			for _, r := range c.rules[d][k].refs {
				if _, ok := c.t.groups[r.group]; !ok {
					c.t.groups[r.group] = int32(len(c.all))
					c.all = append(c.all, r.group)
				}
			}
		}
	}
	for d := range c.rules {
		c.rules[d] = append(c.rules[d], make([]ruleParts, len(c.all)-len(c.rules[d]))...)
	}
	for len(c.by) < len(c.all) {
		c.by = append(c.by, 0)
		c.t.anyIn = append(c.t.anyIn, c.t.Universe.empty())
	}
}

// referred lists which groups rules refer to, and those of them that are only
// known by a term.
func (c *compiler) referred() (is []bool, terms []int32) {
	is = make([]bool, len(c.all))
	for d := range c.rules {
		for k := range c.rules[d] {
			for _, r := range c.rules[d][k].refs {
				is[c.t.groups[r.group]] = true
			}
		}
	}
	for k, g := range c.all {
		if is[k] && g.Term != nil {
			terms = append(terms, int32(k))
		}
	}
	return is, terms
}

// groupsOf returns the groups that an interface surely carries, and those that
// it may carry, in order; open reports that others may let anything pass.
func (c *compiler) groupsOf(i *ir.Interface) (sure, may []int32, open bool) {
	open = i.Groups.Open != nil
	for _, g := range i.Groups.Sure {
		sure = append(sure, c.t.groups[g])
		open = open || g.Open != nil
	}
	may = slices.Clone(sure)
	for _, g := range i.Groups.Maybe {
		may = append(may, c.t.groups[g.V])
		open = open || g.V.Open != nil
	}
	slices.Sort(sure)
	slices.Sort(may)
	return slices.Compact(sure), slices.Compact(may), open
}

// memberships returns the groups of which an interface surely, and possibly, is
// a member, given those that it carries. A group of which only a term is known may be any other; equal terms
// are one group.
func (c *compiler) memberships(wild bool, sure, may []int32, referred []bool, terms []int32) (lo, hi []int32) {
	for _, g := range may {
		if referred[g] {
			hi = append(hi, g)
		}
	}
	for _, g := range sure {
		if referred[g] {
			lo = append(lo, g)
		}
		if t := c.all[g].Term; t != nil && t.Term != "" {
			for _, o := range terms {
				if c.all[o].Term.Term == t.Term && o != g {
					lo = append(lo, o)
				}
			}
		}
	}
	switch {
	case wild:
		hi = nil
		for g, is := range referred {
			if is {
				hi = append(hi, int32(g))
			}
		}
	case len(may) > 0:
		hi = append(hi, terms...)
	}
	slices.Sort(lo)
	slices.Sort(hi)
	return slices.Compact(lo), slices.Compact(hi)
}

func bytesOf(ids []int32) string {
	b := make([]byte, 0, 4*len(ids))
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return string(b)
}

// classKey is all that formulas read of a vertex.
type classKey struct {
	subnet   *ir.Subnet
	carrier  int32
	depth    int32
	services [2]int32
	maybe    bool
	picked   bool
	deny     bool
}

// classes groups the vertices.
func (c *compiler) classes() {
	t := c.t
	runs := map[run]struct{}{}
	for _, r := range c.readers {
		for at := range r.runs {
			runs[at] = struct{}{}
		}
	}
	c.depth = deepest(len(t.Vertices), runs)
	t.runs, t.rules, t.carriers = runs, c.rules, make([][]int32, len(c.all))
	targets := routeTargets(t.net)
	classOf := map[classKey]int32{}
	t.before, t.ofVertex = make([]uint32, len(t.Vertices)+1), make([]int32, len(t.Vertices))
	listens := map[*ir.Interface][2]int32{}
	for k := range t.Vertices {
		v := &t.Vertices[k]
		t.before[k] = uint32(len(t.Classes))
		services, ok := listens[v.Interface]
		if !ok {
			services = c.listens(v.Interface)
			listens[v.Interface] = services
		}
		key := classKey{
			subnet: v.subnet, carrier: c.carriers[v.Interface].number, depth: c.depth[k],
			services: services, maybe: v.maybe, picked: v.Picked, deny: v.Interface.DenyIGW,
		}
		at, ok := classOf[key]
		if !ok || v.odd || v.oddTo || targets[v.Interface] || c.o.noClasses {
			at = int32(len(t.Classes))
			if !(v.odd || v.oddTo || targets[v.Interface]) {
				classOf[key] = at
			}
			t.Classes = append(t.Classes, Class{})
			c.describe(v, services)
		}
		t.ofVertex[k] = at
		t.Classes[at].add(int32(k), v.Interface)
	}
	t.before[len(t.Vertices)] = uint32(len(t.Classes))
	for k := range t.Classes {
		t.Classes[k].count(t.Vertices)
	}
}

func (c *Class) add(v int32, i *ir.Interface) {
	c.Vertices = append(c.Vertices, v)
	c.One = i
}

func (c *Class) count(vs []Vertex) {
	if len(c.Vertices) == 1 {
		c.Interfaces = 1
		return
	}
	seen := make(map[*ir.Interface]bool, len(c.Vertices))
	for _, v := range c.Vertices {
		seen[vs[v].Interface] = true
	}
	if c.Interfaces = len(seen); c.Interfaces > 1 {
		c.One = nil
	}
}

// routeTargets are the interfaces that routes point at.
func routeTargets(n *ir.Network) map[*ir.Interface]bool {
	is := map[*ir.Interface]bool{}
	for _, t := range n.RouteTables {
		for k := range t.Routes {
			for _, o := range t.Routes[k].Target.Of {
				if o.Interface != nil {
					is[o.Interface] = true
				}
			}
		}
	}
	return is
}

// listens returns what an interface surely, and possibly, answers.
func (c *compiler) listens(i *ir.Interface) [2]int32 {
	switch {
	case i.NoInbound, i.Kind == ir.InterfaceConnectEndpoint:
		return [2]int32{noServices, noServices}
	case i.Services == nil:
		return [2]int32{allServices, allServices}
	}
	m := c.t.Universe.empty()
	for _, s := range listeners(c.t.family, i) {
		for k, w := range c.t.Universe.masks[s] {
			m[k] |= w
		}
	}
	id := c.t.masks.add(m)
	if i.Services.Open != nil {
		return [2]int32{id, allServices}
	}
	return [2]int32{id, id}
}

// describe notes what the bounds know of a new class, given its first vertex.
func (c *compiler) describe(v *Vertex, services [2]int32) {
	x := c.carriers[v.Interface]
	c.t.wild = c.t.wild || x.wild
	for _, g := range x.may {
		c.t.carriers[g] = append(c.t.carriers[g], int32(len(c.t.Classes))-1)
	}
	for k, b := range c.bounds() {
		set := x.sets[k]
		if k == 0 && v.maybe {
			set = noGroups
		}
		b.setOf = append(b.setOf, set)
		b.service = append(b.service, services[k])
		b.member = append(b.member, x.member[k])
	}
}

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
