package ir

import "slices"

func (c *copier) iface(i *Interface) *Interface {
	if i == nil || c.interfaces[i] != nil {
		return c.interfaces[i]
	}
	d := *i
	c.interfaces[i] = &d
	c.of(&i.Origin, i.ID)
	count, maybe := c.copies(i.Maybe)
	d.Maybe = maybe
	if count == 0 {
		c.gone[i] = true
	}
	d.SourceDestCheck = c.boolean(i.SourceDestCheck, FieldInvalid)
	d.PreserveClient = c.boolean(i.PreserveClient, FieldInvalid)
	d.Addresses = c.addresses(i.Addresses)
	d.Prefixes = slices.Clone(i.Prefixes)
	d.Services = c.services(i.Services)
	d.Subnet = pick(c, i.Subnet, FieldSubnet, c.subnet)
	d.Groups = c.carried(i.Groups, &i.Origin, i.ID)
	return &d
}

// carried copies the groups that something with an origin and an id carries.
func (c *copier) carried(from Many[*SecurityGroup], o *Origin, id string) Many[*SecurityGroup] {
	to := Many[*SecurityGroup]{Sure: each(from.Sure, c.group), Open: from.Open}
	for _, g := range from.Maybe {
		c.of(o, id)
		switch text, ok := c.value(g.Why, SiteExists, FieldGroups); {
		case !ok:
			to.Maybe = append(to.Maybe, Possible[*SecurityGroup]{c.group(g.V), g.Why})
		case text != "0":
			to.Sure = append(to.Sure, c.group(g.V))
		}
	}
	c.of(o, id)
	if text, ok := c.value(from.Open, SiteGroups, FieldGroups); ok {
		if more, ok := objects[*SecurityGroup](c, text); ok {
			to.Open = nil
			to.Sure = append(to.Sure, each(more, c.group)...)
		}
	}
	to.Sure = slices.DeleteFunc(to.Sure, repeated[*SecurityGroup]())
	return to
}

func (c *copier) addresses(from []Address) []Address {
	var to []Address
	for _, a := range from {
		count, maybe := c.copies(a.Maybe)
		if count == 0 {
			continue
		}
		a.Maybe = maybe
		a.Private = fill(c, a.Private, Site{Kind: SiteAddress, Family: a.Family}, readAddr)
		a.Public.Exists = c.boolean(a.Public.Exists, FieldPublic)
		a.Public.Addr = fill(c, a.Public.Addr, Site{Kind: SiteAddress, Field: FieldPublic}, readAddr)
		to = append(to, a)
	}
	return to
}

func (c *copier) services(s *Services) *Services {
	if s == nil {
		return nil
	}
	d := *s
	d.Ports = slices.Clone(s.Ports)
	for k := range d.Ports {
		d.Ports[k].Forward = c.forward(d.Ports[k].Forward)
	}
	if text, ok := c.value(s.Open, SiteServices, FieldInvalid); ok {
		if more, ok := readServices(text); ok {
			d.Open, d.Ports = nil, append(d.Ports, more...)
		}
	}
	return &d
}

func (c *copier) forward(f *Forward) *Forward {
	if f == nil {
		return nil
	}
	d := *f
	d.PreserveClient = c.boolean(f.PreserveClient, FieldInvalid)
	d.Open = c.closed(f.Open)
	d.Targets = nil
	for _, t := range f.Targets {
		count, maybe := c.copies(t.Maybe)
		owner, id := c.owner, c.id
		t.Maybe, t.Interface = maybe, c.iface(t.Interface)
		c.of(owner, id)
		t.Port = fill(c, t.Port, Site{Kind: SitePorts}, readPort)
		if count > 0 && (t.Interface == nil || !c.goes(t.Interface)) {
			d.Targets = append(d.Targets, t)
		}
	}
	return &d
}

func readPort(text string) (uint16, bool) {
	p, ok := readPorts(text)
	return p.Lo, ok && p.Lo == p.Hi
}

func (c *copier) gateway(g *Gateway) *Gateway {
	if g == nil || c.gateways[g] != nil {
		return c.gateways[g]
	}
	d := *g
	c.gateways[g] = &d
	c.of(&g.Origin, g.ID)
	d.Addresses = c.addresses(g.Addresses)
	d.VPC = pick(c, g.VPC, FieldInvalid, c.vpc)
	c.of(&g.Origin, g.ID)
	d.Subnet = pick(c, g.Subnet, FieldSubnet, c.subnet)
	c.of(&g.Origin, g.ID)
	d.RouteTable = pick(c, g.RouteTable, FieldSubnet, c.table)
	return &d
}

func (c *copier) peering(p *Peering) *Peering {
	if p == nil || c.peerings[p] != nil {
		return c.peerings[p]
	}
	d := *p
	c.peerings[p] = &d
	c.of(&p.Origin, p.ID)
	d.Active, d.SameRegion = c.boolean(p.Active, FieldInvalid), c.boolean(p.SameRegion, FieldInvalid)
	d.Requester = pick(c, p.Requester, FieldInvalid, c.vpc)
	c.of(&p.Origin, p.ID)
	d.Accepter = pick(c, p.Accepter, FieldInvalid, c.vpc)
	return &d
}

func (c *copier) transit(g *TransitGateway) *TransitGateway {
	if g == nil || c.transits[g] != nil {
		return c.transits[g]
	}
	d := *g
	c.transits[g] = &d
	c.of(&g.Origin, g.ID)
	d.GroupReferences = c.boolean(g.GroupReferences, FieldInvalid)
	d.Open = c.closed(g.Open)
	d.Attachments = each(g.Attachments, c.attachment)
	d.Tables = each(g.Tables, c.transitTable)
	return &d
}

// closed drops an openness that turns out to be nothing.
func (c *copier) closed(open *Unknown) *Unknown {
	if text, ok := c.value(open, SiteOther, FieldInvalid); ok && text == "" {
		return nil
	}
	return open
}

func (c *copier) attachment(a *Attachment) *Attachment {
	if a == nil || c.attached[a] != nil {
		return c.attached[a]
	}
	d := *a
	c.attached[a] = &d
	c.of(&a.Origin, a.ID)
	d.GroupReferences = c.boolean(a.GroupReferences, FieldInvalid)
	d.VPC = pick(c, a.VPC, FieldInvalid, c.vpc)
	d.Subnets = Many[*Subnet]{Sure: each(a.Subnets.Sure, c.subnet), Open: c.closed(a.Subnets.Open)}
	for _, s := range a.Subnets.Maybe {
		c.of(&a.Origin, a.ID)
		switch text, ok := c.value(s.Why, SiteExists, FieldSubnets); {
		case !ok:
			d.Subnets.Maybe = append(d.Subnets.Maybe, Possible[*Subnet]{c.subnet(s.V), s.Why})
		case text != "0":
			d.Subnets.Sure = append(d.Subnets.Sure, c.subnet(s.V))
		}
	}
	return &d
}

func (c *copier) transitTable(t *TransitTable) *TransitTable {
	d := *t
	c.of(&t.Origin, t.ID)
	d.Open = c.closed(t.Open)
	d.Associated, d.Propagated = each(t.Associated, c.attachment), each(t.Propagated, c.attachment)
	d.Routes = nil
	for _, r := range t.Routes {
		c.of(&r.Origin, "")
		peers := c.peers(r.Destination)
		c.of(&r.Origin, "")
		r.Attachment = pick(c, r.Attachment, FieldTarget, c.attachment)
		for _, p := range peers {
			r.Destination = p
			d.Routes = append(d.Routes, r)
		}
	}
	return &d
}
