package netgen

import (
	"fmt"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func (g *gen) group(k int) {
	sg := &ir.SecurityGroup{
		ID: fmt.Sprintf("sg-%d", k), Name: fmt.Sprintf("group-%d", k), VPCs: ir.One(pick(g, g.n.VPCs...)), Origin: origin("sg-%d", k),
	}
	if g.chance(g.o.Unknowns / 3) {
		sg.Open = g.unknown()
	}
	if k > 1 && g.chance(g.o.Unknowns/2) {
		sg.ID, sg.Origin.Address, sg.Term, sg.Open = "", "", g.unknown(), g.unknown()
	}
	g.n.SecurityGroups = append(g.n.SecurityGroups, sg)
}

// rules draws the rules of a direction; half of the time one lets all pass, so
// that what comes behind the groups is tested too.
func (g *gen) rules(sg *ir.SecurityGroup, side string) []ir.Rule {
	var rs []ir.Rule
	if sg.Term != nil {
		return nil // of such a group the input holds its name only
	}
	count := g.IntN(4)
	if g.o.Lenient {
		count += len(packet.Families)
	}
	for k := range count {
		f := g.family()
		if g.o.Lenient && k < len(packet.Families) {
			f = packet.Families[k]
		}
		if (k == 0 || g.o.Lenient && k < len(packet.Families)) && g.often(50, 90) {
			r := ir.Rule{Maybe: g.maybe(), Origin: origin("%s/%s/0", sg.Name, side)}
			r.Protocol, r.Ports, r.Peer.CIDR = ir.Known[int16](-1), ir.Known(ir.AllPorts), everything(f)
			rs = append(rs, r)
			continue
		}
		r := ir.Rule{Maybe: g.maybe(), Origin: origin("%s/%s/%d", sg.Name, side, k)}
		r.Protocol, r.Ports = g.service(f)
		why := g.maybe()
		switch {
		case why != nil:
			r.Peer = ir.Peer{Unknown: why, Family: pick(g, packet.FamilyInvalid, f)}
		case g.chance(30):
			r.Peer.Group = pick(g, g.n.SecurityGroups...)
		case g.chance(15):
			r.Peer.PrefixList = pick(g, g.n.PrefixLists...)
		default:
			r.Peer.CIDR = g.cidr(f)
		}
		rs = append(rs, r)
	}
	return rs
}

func (g *gen) acl(k int) {
	a := &ir.NetworkACL{ID: fmt.Sprintf("acl-%d", k), Origin: origin("acl-%d", k)}
	if g.chance(g.o.Unknowns / 3) {
		a.Open = g.unknown()
	}
	for _, egress := range []bool{false, true} {
		count := g.IntN(4)
		if g.o.Lenient {
			count /= 3
		}
		for e := range count {
			a.Entries = append(a.Entries, g.entry(a.ID, egress, 10+10*e))
		}
		if !g.often(60, 95) {
			continue
		}
		for _, f := range packet.Families {
			e := ir.Entry{Egress: egress, Number: ir.Known(uint16(90)), Allow: ir.Known(true), Origin: origin("%s/90", a.ID)}
			e.Protocol, e.Ports, e.Peer.CIDR = ir.Known[int16](-1), ir.Known(ir.AllPorts), everything(f)
			a.Entries = append(a.Entries, e)
		}
	}
	g.Shuffle(len(a.Entries), func(i, j int) { a.Entries[i], a.Entries[j] = a.Entries[j], a.Entries[i] })
	g.n.NetworkACLs = append(g.n.NetworkACLs, a)
}

func (g *gen) entry(id string, egress bool, number int) ir.Entry {
	f := g.family()
	e := ir.Entry{
		Egress: egress, Number: value(g, uint16(number)), Allow: value(g, g.chance(60)), Maybe: g.maybe(),
		Origin: origin("%s/%d", id, number),
	}
	e.Protocol, e.Ports = g.service(f)
	if why := g.maybe(); why != nil {
		e.Peer = ir.Peer{Unknown: why, Family: f}
	} else {
		e.Peer.CIDR = g.cidr(f)
	}
	return e
}

func (g *gen) subnet(k, j int) {
	s := &ir.Subnet{
		ID: fmt.Sprintf("subnet-%d-%d", k, j), Origin: origin("subnet-%d-%d", k, j),
		VPC: ir.One(g.n.VPCs[k]), IPv4: value(g, subnet4(k, j)), ACL: choice(g, pick(g, g.n.NetworkACLs...), g.n.NetworkACLs),
		Exclusion: ir.Known(ir.ExclusionNone),
	}
	if why := g.maybe(); why != nil {
		s.VPC = ir.Choice[*ir.VPC]{Of: []*ir.VPC{g.n.VPCs[k]}, Open: why}
	}
	if g.o.IPv6 {
		s.IPv6 = value(g, subnet6(k, j))
	}
	if g.o.BPA && g.chance(15) {
		s.Exclusion = value(g, pick(g, ir.ExclusionNone, ir.ExclusionBidirectional, ir.ExclusionEgress))
	}
	if g.o.Zones {
		s.Zone = pick(g, "", "a", "b")
	}
	g.n.Subnets = append(g.n.Subnets, s)
}

func (g *gen) interfaces() {
	for h := range 2 + g.IntN(g.o.Interfaces) {
		at := g.IntN(len(g.n.Subnets))
		s := g.n.Subnets[at]
		i := &ir.Interface{
			ID: fmt.Sprintf("eni-%d", h), Resource: fmt.Sprintf("instance-%d", h), Kind: ir.InterfaceInstance, Origin: origin("eni-%d", h),
			Subnet: choice(g, s, g.n.Subnets), SourceDestCheck: value(g, g.chance(50)), Maybe: g.maybe(),
		}
		g.carried(i)
		a := ir.Address{Private: value(g, host(s.IPv4.V, h)), Family: packet.IPv4}
		a.Public.Exists = value(g, g.chance(50))
		if a.Public.Exists.V || !a.Public.Exists.Known() {
			a.Public.Addr = value(g, public(h))
		}
		i.Addresses = []ir.Address{a}
		if g.o.IPv6 && g.chance(70) {
			i.Addresses = append(i.Addresses, ir.Address{Private: value(g, host(s.IPv6.V, h)), Family: packet.IPv6, Maybe: g.maybe()})
		}
		i.DenyIGW = g.chance(5)
		if g.o.Services && g.chance(25) {
			i.Services = &ir.Services{Ports: []ir.Service{{Protocol: packet.TCP, Ports: ir.Ports{Lo: 443, Hi: 443}}}, Open: g.maybe()}
		}
		g.n.Interfaces = append(g.n.Interfaces, i)
	}
}

// carried draws the groups of an interface: at least one is sure, or the
// interface is of a kind that can do without.
func (g *gen) carried(i *ir.Interface) {
	sgs := g.n.SecurityGroups
	i.Groups.Sure = []*ir.SecurityGroup{pick(g, sgs...)}
	if g.chance(30) {
		if more := pick(g, sgs...); more != i.Groups.Sure[0] {
			i.Groups.Sure = append(i.Groups.Sure, more)
		}
	}
	if why := g.maybe(); why != nil {
		i.Groups.Maybe = []ir.Possible[*ir.SecurityGroup]{{V: pick(g, sgs...), Why: why}}
	}
	i.Groups.Open = g.maybe()
	if g.chance(8) {
		i.Kind, i.Groups.Sure = ir.InterfaceOther, nil
	}
}

func (g *gen) gateways() {
	for k, v := range g.n.VPCs {
		igw := &ir.Gateway{ID: fmt.Sprintf("igw-%d", k), Kind: ir.InternetGateway, VPC: choice(g, v, g.n.VPCs), Origin: origin("igw-%d", k)}
		if g.chance(15) {
			igw.VPC = ir.Choice[*ir.VPC]{}
		}
		eigw := &ir.Gateway{ID: fmt.Sprintf("eigw-%d", k), Kind: ir.EgressOnlyGateway, VPC: ir.One(v), Origin: origin("eigw-%d", k)}
		g.igws, g.eigws = append(g.igws, to(igw)), append(g.eigws, to(eigw))
		g.n.Gateways = append(g.n.Gateways, igw, eigw)
	}
	if g.o.NAT {
		g.natGateways()
	}
	if len(g.n.VPCs) < 2 {
		return
	}
	for k := range 1 + g.IntN(2) {
		a := g.IntN(len(g.n.VPCs))
		p := &ir.Peering{
			ID: fmt.Sprintf("pcx-%d", k), Requester: choice(g, g.n.VPCs[a], g.n.VPCs), Accepter: ir.One(g.n.VPCs[(a+1)%len(g.n.VPCs)]),
			Active: value(g, g.chance(85)), SameRegion: value(g, g.chance(80)), Origin: origin("pcx-%d", k),
		}
		g.n.Peerings = append(g.n.Peerings, p)
		g.links = append(g.links, ir.Target{Kind: ir.TargetPeering, Peering: p})
	}
	if g.o.Transit {
		g.transit()
	}
}

func to(v *ir.Gateway) ir.Target { return ir.Target{Kind: ir.TargetGateway, Gateway: v} }

func (g *gen) natGateways() {
	for k, s := range g.n.Subnets {
		if !g.chance(40) {
			continue
		}
		private := g.chance(20)
		a := ir.Address{Private: value(g, host(s.IPv4.V, 100)), Family: packet.IPv4, Public: ir.Public{Exists: ir.Known(!private)}}
		if !private {
			a.Public.Addr = value(g, public(100+k))
		}
		nat := &ir.Gateway{
			ID: fmt.Sprintf("nat-%d", k), Kind: ir.NATGateway, Subnet: choice(g, s, g.n.Subnets), Addresses: []ir.Address{a},
			Private: private, Origin: origin("nat-%d", k),
		}
		g.n.Gateways, g.nats = append(g.n.Gateways, nat), append(g.nats, to(nat))
	}
}

func (g *gen) transit() {
	t := &ir.TransitGateway{ID: "tgw-0", GroupReferences: value(g, g.chance(60)), Origin: origin("tgw-0"), Open: g.maybe()}
	for k, v := range g.n.VPCs {
		if g.chance(15) {
			continue
		}
		// A VPC has one attachment to a gateway, so which one is never in doubt.
		a := &ir.Attachment{ID: fmt.Sprintf("attach-%d", k), VPC: ir.One(v), GroupReferences: value(g, g.chance(90)), Origin: origin("attach-%d", k)}
		for _, s := range g.n.Subnets {
			if s.VPC.Of[0] == v && (len(a.Subnets.Sure) == 0 || g.o.Zones) {
				a.Subnets.Sure = append(a.Subnets.Sure, s)
			}
		}
		t.Attachments = append(t.Attachments, a)
	}
	if g.o.VPN && g.chance(60) {
		t.Attachments = append(t.Attachments, &ir.Attachment{ID: "attach-vpn", Outside: true, GroupReferences: ir.Known(false), Origin: origin("attach-vpn")})
	}
	switch {
	case len(t.Attachments) == 0:
	case g.o.Tables && g.chance(70):
		g.twoTables(t)
	case g.chance(50):
		g.transitTables(t)
	}
	g.n.TransitGateways = append(g.n.TransitGateways, t)
	g.links = append(g.links, ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: t})
}

func (g *gen) transitTables(t *ir.TransitGateway) {
	table := &ir.TransitTable{ID: "tgw-rtb-0", Origin: origin("tgw-rtb-0"), Open: g.maybe()}
	for _, a := range t.Attachments {
		if g.chance(85) {
			table.Associated = append(table.Associated, a)
		}
		if g.chance(70) {
			table.Propagated = append(table.Propagated, a)
		}
	}
	for range g.IntN(3) {
		r := ir.TransitRoute{Destination: ir.Peer{CIDR: g.cidr(packet.IPv4)}, Origin: origin("tgw-rtb-0")}
		if g.chance(80) {
			r.Attachment = choice(g, pick(g, t.Attachments...), t.Attachments)
		}
		table.Routes = append(table.Routes, r)
	}
	t.Tables = []*ir.TransitTable{table}
}

func (g *gen) tables(s *ir.Subnet) {
	first := g.table(s, "a")
	s.RouteTable = ir.One(first)
	switch why := g.maybe(); {
	case why == nil:
	case g.chance(50):
		s.RouteTable = ir.Choice[*ir.RouteTable]{Of: []*ir.RouteTable{first, g.table(s, "b")}, Why: why}
	default:
		s.RouteTable.Open = why
	}
}

func (g *gen) table(s *ir.Subnet, suffix string) *ir.RouteTable {
	v := s.VPC.Of[0]
	t := &ir.RouteTable{ID: "rtb-" + s.ID + suffix, VPC: ir.One(v), Origin: origin("rtb-%s%s", s.ID, suffix)}
	if g.chance(g.o.Unknowns / 3) {
		t.Open = g.unknown()
	}
	add := func(p ir.Peer, target ir.Target) {
		r := ir.Route{Destination: p, Target: ir.One(target), Blackhole: ir.Known(g.chance(4)), Origin: t.Origin}
		t.Routes = append(t.Routes, r)
	}
	for k, w := range g.n.VPCs {
		if w == v {
			add(ir.Peer{CIDR: cidr4(k)}, ir.Target{Kind: ir.TargetLocal})
			if g.o.IPv6 {
				add(ir.Peer{CIDR: cidr6(k)}, ir.Target{Kind: ir.TargetLocal})
			}
			g.defaults(add, k)
		} else if len(g.links) > 0 && g.chance(75) {
			add(ir.Peer{CIDR: cidr4(k)}, pick(g, g.links...))
			if g.o.IPv6 {
				add(ir.Peer{CIDR: cidr6(k)}, pick(g, g.links...))
			}
		}
	}
	g.moreRoutes(t, add)
	for range g.IntN(2) {
		t.Routes = append(t.Routes, g.route(t))
	}
	g.n.RouteTables = append(g.n.RouteTables, t)
	return t
}

// defaults adds the ways to the internet.
func (g *gen) defaults(add func(ir.Peer, ir.Target), k int) {
	all := ir.Peer{CIDR: everything(packet.IPv4)}
	switch {
	case len(g.nats) > 0 && g.chance(35):
		add(all, pick(g, g.nats...))
	case g.chance(70):
		add(all, g.igws[k])
	case len(g.links) > 0 && g.chance(50):
		add(all, pick(g, g.links...))
	}
	if g.o.IPv6 && g.chance(80) {
		add(ir.Peer{CIDR: everything(packet.IPv6)}, pick(g, g.igws[k], g.igws[k], g.eigws[k]))
	}
}

// route draws any route, unknown ones included.
func (g *gen) route(t *ir.RouteTable) ir.Route {
	targets := append([]ir.Target{}, g.igws...)
	targets = append(append(append(targets, g.links...), g.nats...), ir.Target{Kind: ir.TargetLocal})
	if g.o.Appliances {
		targets = append(targets, ir.Target{Kind: ir.TargetInterface, Interface: pick(g, g.n.Interfaces...)})
	}
	targets = append(targets, g.vgws...)
	if v, ok := t.VPC.Known(); ok {
		targets = append(targets, g.inspectors(v)...)
	}
	r := ir.Route{Target: choice(g, pick(g, targets...), targets), Blackhole: value(g, g.chance(10)), Maybe: g.maybe(), Propagated: g.chance(20), Origin: t.Origin}
	switch why := g.maybe(); {
	case why != nil:
		r.Destination.Unknown = why
	case g.chance(20):
		r.Destination.PrefixList = pick(g, g.n.PrefixLists...)
	default:
		r.Destination.CIDR = g.cidr(g.family())
	}
	return r
}
