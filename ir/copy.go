package ir

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/packet"
)

func (c *copier) network(n *Network) *Network {
	c.index(n)
	m := *n
	m.Closed = maps.Clone(n.Closed)
	m.VPCs = each(n.VPCs, c.vpc)
	m.PrefixLists = each(n.PrefixLists, c.list)
	m.SecurityGroups = each(n.SecurityGroups, c.group)
	m.SecurityGroups = slices.DeleteFunc(m.SecurityGroups, repeated[*SecurityGroup]())
	m.NetworkACLs = each(n.NetworkACLs, c.acl)
	m.Subnets = each(n.Subnets, c.subnet)
	m.RouteTables = each(n.RouteTables, c.table)
	m.Gateways = each(n.Gateways, c.gateway)
	m.Peerings = each(n.Peerings, c.peering)
	m.TransitGateways = each(n.TransitGateways, c.transit)
	m.Interfaces = nil
	for _, i := range n.Interfaces {
		if j := c.iface(i); !c.gone[i] {
			m.Interfaces = append(m.Interfaces, j)
		}
	}
	return &m
}

func each[T any](from []T, f func(T) T) []T {
	var to []T
	for _, v := range from {
		to = append(to, f(v))
	}
	return to
}

// repeated reports what it has seen before: two terms may be one group.
func repeated[T comparable]() func(T) bool {
	seen := map[T]bool{}
	return func(v T) bool {
		r := seen[v]
		seen[v] = true
		return r
	}
}

// index lists the objects that values may name. The first of a name wins.
func (c *copier) index(n *Network) {
	add := func(o any, names ...string) {
		for _, name := range names {
			if _, taken := c.named[name]; name != "" && !taken {
				c.named[name] = o
			}
		}
	}
	for _, v := range n.VPCs {
		add(v, v.ID, v.Origin.Address)
	}
	for _, v := range n.Subnets {
		add(v, v.ID, v.Origin.Address)
	}
	for _, v := range n.SecurityGroups {
		if v.Term == nil {
			add(v, v.ID, v.Origin.Address)
		}
	}
	for _, v := range n.NetworkACLs {
		add(v, v.ID, v.Origin.Address)
	}
	for _, v := range n.PrefixLists {
		add(v, v.ID, v.Origin.Address)
	}
	for _, v := range n.RouteTables {
		add(v, v.ID, v.Origin.Address)
	}
}

func (c *copier) vpc(v *VPC) *VPC {
	if v == nil || c.vpcs[v] != nil {
		return c.vpcs[v]
	}
	d := *v
	c.vpcs[v] = &d
	c.of(&v.Origin, v.ID)
	d.IPv4, d.IPv6 = c.cidrs(v.IPv4, packet.IPv4), c.cidrs(v.IPv6, packet.IPv6)
	if text, ok := c.value(v.More, SiteCIDRs, FieldInvalid); ok {
		if more, ok := readCIDRs(text); ok {
			d.More = nil
			for _, p := range more {
				if packet.FamilyOfPrefix(p) == packet.IPv4 {
					d.IPv4 = append(d.IPv4, Known(p))
				} else {
					d.IPv6 = append(d.IPv6, Known(p))
				}
			}
		}
	}
	d.BPA = fill(c, v.BPA, Site{Kind: SiteBPA}, readBPA)
	d.Exclusion = fill(c, v.Exclusion, Site{Kind: SiteExclusion}, readExclusion)
	if l := v.Lattice; l != nil {
		d.Lattice = &Lattice{Groups: c.carried(l.Groups, &l.Origin, ""), Origin: l.Origin}
	}
	return &d
}

// cidrs copies a VPC's CIDRs; one that turns out to be none is dropped.
func (c *copier) cidrs(from []Value[netip.Prefix], f packet.Family) []Value[netip.Prefix] {
	var to []Value[netip.Prefix]
	for _, v := range from {
		if v = c.cidr(v, f); !v.Known() || v.V.IsValid() {
			to = append(to, v)
		}
	}
	return to
}

func readCIDRs(text string) ([]netip.Prefix, bool) {
	var all []netip.Prefix
	for _, e := range elements(text) {
		p, ok := readCIDR(e)
		if !ok {
			return nil, false
		}
		all = append(all, p)
	}
	return all, true
}

func (c *copier) subnet(s *Subnet) *Subnet {
	if s == nil || c.subnets[s] != nil {
		return c.subnets[s]
	}
	d := *s
	c.subnets[s] = &d
	c.of(&s.Origin, s.ID)
	d.IPv4, d.IPv6 = c.cidr(s.IPv4, packet.IPv4), c.cidr(s.IPv6, packet.IPv6)
	d.PublicOnLaunch, d.IPv6OnLaunch = c.boolean(s.PublicOnLaunch, FieldPublic), c.boolean(s.IPv6OnLaunch, FieldInvalid)
	d.Exclusion = fill(c, s.Exclusion, Site{Kind: SiteExclusion}, readExclusion)
	d.VPC = pick(c, s.VPC, FieldInvalid, c.vpc)
	c.of(&s.Origin, s.ID)
	d.ACL = pick(c, s.ACL, FieldSubnets, c.acl)
	c.of(&s.Origin, s.ID)
	d.RouteTable = pick(c, s.RouteTable, FieldSubnets, c.table)
	return &d
}

// group copies a group. A term that has a value is the group that it names.
func (c *copier) group(g *SecurityGroup) *SecurityGroup {
	if g == nil || c.groups[g] != nil {
		return c.groups[g]
	}
	c.of(&g.Origin, g.ID)
	if text, ok := c.value(g.Term, SiteIdentity, FieldInvalid); ok {
		if o, ok := c.named[text].(*SecurityGroup); ok && o.Term == nil {
			c.groups[g] = c.group(o)
			return c.groups[g]
		}
	}
	d := *g
	c.groups[g] = &d
	d.VPCs = pick(c, g.VPCs, FieldInvalid, c.vpc)
	d.Associated = each(g.Associated, c.vpc)
	d.Ingress, d.Egress = c.rules(g.Ingress), c.rules(g.Egress)
	c.of(&g.Origin, g.ID)
	if text, ok := c.value(g.Open, SiteRules, FieldInvalid); ok {
		if others, ok := objects[*SecurityGroup](c, text); ok {
			d.Open = nil
			for _, o := range others {
				d.Ingress = append(d.Ingress, c.rules(o.Ingress)...)
				d.Egress = append(d.Egress, c.rules(o.Egress)...)
			}
		}
	}
	return &d
}

func (c *copier) rules(from []Rule) []Rule {
	var to []Rule
	for _, r := range from {
		c.of(&r.Origin, "")
		count, maybe := c.copiesOf(r.Maybe, &r.Peer)
		r.Maybe = maybe
		for _, m := range c.matches(r.Match) {
			r.Match = m
			for range count {
				to = append(to, r)
			}
		}
	}
	return to
}

func (c *copier) acl(a *NetworkACL) *NetworkACL {
	if a == nil || c.acls[a] != nil {
		return c.acls[a]
	}
	d := *a
	c.acls[a] = &d
	c.of(&a.Origin, a.ID)
	d.VPC = pick(c, a.VPC, FieldInvalid, c.vpc)
	d.Entries = c.entries(a.Entries)
	c.of(&a.Origin, a.ID)
	if text, ok := c.value(a.Open, SiteEntries, FieldInvalid); ok {
		if others, ok := objects[*NetworkACL](c, text); ok {
			d.Open = nil
			for _, o := range others {
				d.Entries = append(d.Entries, c.entries(o.Entries)...)
			}
		}
	}
	return &d
}

func (c *copier) entries(from []Entry) []Entry {
	var to []Entry
	for _, e := range from {
		c.of(&e.Origin, "")
		count, maybe := c.copiesOf(e.Maybe, &e.Peer)
		e.Maybe = maybe
		e.Number = fill(c, e.Number, Site{Kind: SiteNumber, Field: FieldNumber}, readNumber)
		e.Allow = c.boolean(e.Allow, FieldAction)
		for _, m := range c.matches(e.Match) {
			e.Match = m
			for range count {
				to = append(to, e)
			}
		}
	}
	return to
}

func (c *copier) list(l *PrefixList) *PrefixList {
	if l == nil || c.lists[l] != nil {
		return c.lists[l]
	}
	d := *l
	c.lists[l] = &d
	c.of(&l.Origin, l.ID)
	d.CIDRs = slices.Clone(l.CIDRs)
	if text, ok := c.valueAt(l.Open, Site{Kind: SiteCIDRs, Family: l.Family}); ok {
		if more, ok := readCIDRs(text); ok {
			d.Open, d.CIDRs = nil, append(d.CIDRs, more...)
		}
	}
	return &d
}

func (c *copier) table(t *RouteTable) *RouteTable {
	if t == nil || c.tables[t] != nil {
		return c.tables[t]
	}
	d := *t
	c.tables[t] = &d
	c.of(&t.Origin, t.ID)
	d.VPC = pick(c, t.VPC, FieldInvalid, c.vpc)
	d.Routes = c.routes(t.Routes)
	c.of(&t.Origin, t.ID)
	if text, ok := c.value(t.Open, SiteRoutes, FieldInvalid); ok {
		if others, ok := objects[*RouteTable](c, text); ok {
			d.Open = nil
			for _, o := range others {
				d.Routes = append(d.Routes, c.routes(o.Routes)...)
			}
		}
	}
	return &d
}

func (c *copier) routes(from []Route) []Route {
	var to []Route
	for _, r := range from {
		c.of(&r.Origin, "")
		count, maybe := c.copiesOf(r.Maybe, &r.Destination)
		r.Maybe = maybe
		r.Blackhole = c.boolean(r.Blackhole, FieldTarget)
		peers := c.peers(r.Destination)
		c.of(&r.Origin, "")
		r.Target = pick(c, r.Target, FieldTarget, c.target)
		if t, ok := r.Target.Known(); ok && t.Interface != nil && c.goes(r.Target.Of[0].Interface) {
			r.Blackhole = Known(true) // what it points at does not exist
		}
		for _, p := range peers {
			r.Destination = p
			for range count {
				to = append(to, r)
			}
		}
	}
	return to
}

// goes reports whether a copied interface is one that does not exist.
func (c *copier) goes(j *Interface) bool {
	for i := range c.gone {
		if c.interfaces[i] == j {
			return true
		}
	}
	return false
}

func (c *copier) target(t Target) Target {
	t.Gateway, t.Peering, t.TransitGateway, t.Interface = c.gateway(t.Gateway), c.peering(t.Peering), c.transit(t.TransitGateway), c.iface(t.Interface)
	return t
}
