package pairs

import (
	"github.com/postern-dev/postern/ir"
)

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
		if !ok || v.odd || targets[v.Interface] || c.o.noClasses {
			at = int32(len(t.Classes))
			if !(v.odd || targets[v.Interface]) {
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
