package pairs

import (
	"context"
	"net/netip"
	"runtime"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// compiler is the scratch of newTable.
type compiler struct {
	t       *Table
	o       options
	all     []*ir.SecurityGroup
	readers []*reader
	by      []int // by group: which reader read it
	rules   [2][]ruleParts
	ids     [][]int32 // by reader: its services as masks

	acls     []*ir.NetworkACL
	entries  [2][][]entryParts
	choices  []aclChoice
	carriers map[*ir.Interface]*carrier
	depth    []int32
}

// collectGroups numbers the groups: those that the network lists, then those
// that only interfaces carry.
func (c *compiler) collectGroups() {
	add := func(g *ir.SecurityGroup) {
		if _, ok := c.t.groups[g]; !ok {
			c.t.groups[g] = int32(len(c.all))
			c.all = append(c.all, g)
		}
	}
	for _, g := range c.t.net.SecurityGroups {
		add(g)
	}
	for k := range c.t.Vertices {
		i := c.t.Vertices[k].Interface
		for _, g := range i.Groups.Sure {
			add(g)
		}
		for _, g := range i.Groups.Maybe {
			add(g.V)
		}
	}
}

// read turns all rules and entries into parts.
func (c *compiler) read(ctx context.Context) error {
	for range runtime.GOMAXPROCS(0) {
		c.readers = append(c.readers, newReader(&c.t.order))
	}
	c.by = make([]int, len(c.all))
	for d := range c.rules {
		c.rules[d] = make([]ruleParts, len(c.all))
	}
	err := parallel(ctx, len(c.all), func(w, k int) error {
		c.by[k] = w
		c.rules[ingress][k] = c.readers[w].rules(c.all[k].Ingress)
		c.rules[egress][k] = c.readers[w].rules(c.all[k].Egress)
		return nil
	})
	if err != nil {
		return err
	}
	r := c.readers[0]
	seen := map[*ir.NetworkACL]bool{}
	for k := range c.t.Vertices {
		if s := c.t.Vertices[k].subnet; s != nil {
			for _, a := range s.ACL.Of {
				if !seen[a] {
					seen[a] = true
					c.acls = append(c.acls, a)
				}
			}
		}
	}
	for _, g := range c.t.net.TransitGateways {
		for _, at := range g.Attachments {
			for _, s := range at.Subnets.Sure {
				for _, a := range s.ACL.Of {
					if !seen[a] {
						seen[a] = true
						c.acls = append(c.acls, a)
					}
				}
			}
		}
	}
	for d := range c.entries {
		for _, a := range c.acls {
			c.entries[d] = append(c.entries[d], r.entries(a, d == egress))
		}
	}
	routeCIDRs(c.t.net, c.t.family, func(p netip.Prefix) { r.cidr(p) })
	return nil
}

// universe finds the atoms and gives every service its mask.
func (c *compiler) universe() {
	named := map[service]bool{}
	for _, r := range c.readers {
		for _, s := range r.named {
			named[s] = true
		}
	}
	for _, i := range c.t.net.Interfaces {
		for _, s := range listeners(c.t.family, i) {
			named[s] = true
		}
	}
	u := newUniverse(c.t.family, named)
	c.t.Universe, c.t.masks, c.t.sets = u, newMaskTable(u), newInterner(u)
	ids := map[service]int32{everyService: allServices}
	c.t.services = ids
	for _, r := range c.readers {
		own := make([]int32, len(r.named))
		for k, s := range r.named {
			id, ok := ids[s]
			if !ok {
				id = c.t.masks.add(u.masks[s])
				ids[s] = id
			}
			own[k] = id
		}
		c.ids = append(c.ids, own)
	}
	for k := range c.all {
		own := c.ids[c.by[k]]
		for d := range c.rules {
			p := &c.rules[d][k]
			for i := range p.parts {
				p.parts[i].mask = own[p.parts[i].mask]
			}
			for i := range p.refs {
				p.refs[i].mask = own[p.refs[i].mask]
			}
			for i := range p.any {
				p.any[i] = own[p.any[i]]
			}
		}
		for d := range c.rules {
			any := u.empty()
			for _, id := range c.rules[d][k].any {
				for w, m := range c.t.masks.of(id) {
					any[w] |= m
				}
			}
			c.t.any[d] = append(c.t.any[d], any)
		}
	}
}

// listeners are the services that an interface answers, when it does not
// answer all.
func listeners(f packet.Family, i *ir.Interface) []service {
	if i.Services == nil {
		return nil
	}
	ss := []service{}
	for _, p := range i.Services.Ports {
		s := service{protocol: int16(p.Protocol)}
		switch packet.KindOf(f, p.Protocol) {
		case packet.Ported:
			s.ports = p.Ports
		case packet.Typed:
			s.ports = ir.AllPorts
		case packet.Plain, packet.KindInvalid:
		}
		if s.ports.Lo <= s.ports.Hi {
			ss = append(ss, s)
		}
	}
	return ss
}

func (c *compiler) bounds() []*bound {
	if c.t.Exact() {
		return []*bound{c.t.lo}
	}
	return []*bound{c.t.lo, c.t.hi}
}

// exact reports whether both bounds are one.
func (c *compiler) exact() bool {
	for k, g := range c.all {
		if g.Open != nil || g.Term != nil || c.rules[ingress][k].open || c.rules[egress][k].open {
			return false
		}
	}
	for k := range c.t.Vertices {
		v := &c.t.Vertices[k]
		i := v.Interface
		if v.maybe || len(i.Groups.Maybe) > 0 || i.Groups.Open != nil || i.Services != nil && i.Services.Open != nil {
			return false
		}
		if v.subnet != nil {
			if _, ok := v.subnet.ACL.Known(); !ok {
				return false
			}
		}
	}
	for k, a := range c.acls {
		if a.Open != nil {
			return false
		}
		for d := range c.entries {
			if slices.ContainsFunc(c.entries[d][k], func(e entryParts) bool { return !e.sure || !e.allow.Known() || !e.number }) {
				return false
			}
		}
	}
	return !c.openTransit()
}

// openTransit reports whether a transit gateway's own subnets or its support of
// references are not known.
func (c *compiler) openTransit() bool {
	for _, g := range c.t.net.TransitGateways {
		if !g.GroupReferences.Known() {
			return true
		}
		for _, a := range g.Attachments {
			if !a.GroupReferences.Known() {
				return true
			}
			for _, s := range a.Subnets.Sure {
				if _, ok := s.ACL.Known(); !ok {
					return true
				}
			}
		}
	}
	return slices.ContainsFunc(c.t.net.Peerings, func(p *ir.Peering) bool { return !p.Active.Known() || !p.SameRegion.Known() })
}
