package microcase

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func (b *builder) acl(id string) {
	raw := b.raw.NACLs[id]
	a := &ir.NetworkACL{ID: id, Default: raw.Default, Open: unknown(raw.Open), Origin: origin(id)}
	for k := range raw.Entries {
		a.Entries = append(a.Entries, b.entry(id, &raw.Entries[k]))
	}
	b.acls[id], b.n.NetworkACLs = a, append(b.n.NetworkACLs, a)
}

func (b *builder) entry(id string, raw *rawEntry) ir.Entry {
	e := ir.Entry{
		Egress: raw.Egress, Maybe: unknown(raw.Exists),
		Number: value(b, string(raw.N), func(s string) (uint16, error) {
			n, err := strconv.ParseUint(s, 10, 16)
			return uint16(n), err
		}),
		Allow: value(b, raw.Action, func(s string) (bool, error) { return s == "allow", nil }),
	}
	e.Origin = origin(fmt.Sprintf("%s/%s", id, raw.N))
	e.Protocol = value(b, raw.Proto, parseProtocol)
	e.Ports = ir.Known(ir.AllPorts)
	switch {
	case raw.Ports != nil && raw.Ports.Term != "":
		e.Ports.Why = unknown(raw.Ports.Term)
	case raw.Ports != nil:
		e.Ports.V = ir.Ports{Lo: raw.Ports.Lo, Hi: raw.Ports.Hi}
	case len(raw.ICMP) == 2:
		e.Ports.V = ir.ICMPPorts(raw.ICMP[0], raw.ICMP[1])
	}
	if t, ok := term(raw.CIDR); ok {
		e.Peer = ir.Peer{Unknown: unknown(t), Family: packet.IPv4}
	} else {
		e.Peer.CIDR = b.prefix(raw.CIDR)
	}
	return e
}

// subnet makes a subnet, without its routes: their targets follow.
func (b *builder) subnet(id string) {
	raw := b.raw.Subnets[id]
	s := &ir.Subnet{
		ID: id, Zone: raw.Zone, VPC: choice(raw.VPC, b.vpcOf), Origin: origin(id),
		Exclusion: value(b, raw.BPAExclusion, parseExclusion),
	}
	if raw.CIDR != "" {
		s.IPv4 = value(b, raw.CIDR, netip.ParsePrefix)
	}
	if raw.CIDR6 != "" {
		s.IPv6 = value(b, raw.CIDR6, netip.ParsePrefix)
	}
	s.ACL = choice(raw.NACL, func(id string) *ir.NetworkACL {
		a := b.acls[id]
		if a == nil {
			b.fail("no network ACL %q", id)
		}
		return a
	})
	b.subnets[id], b.n.Subnets = s, append(b.n.Subnets, s)
}

func (b *builder) subnetOf(id string) *ir.Subnet {
	s := b.subnets[id]
	if s == nil {
		b.fail("no subnet %q", id)
	}
	return s
}

func (b *builder) tables(id string) {
	raw := b.raw.Subnets[id]
	s := b.subnets[id]
	if raw.Tables == nil {
		s.RouteTable = ir.One(b.table(id, "", raw.Routes, s))
		return
	}
	s.RouteTable.Why, s.RouteTable.Open = unknown(raw.Tables.Why), unknown(raw.Tables.Open)
	for k, routes := range raw.Tables.Of {
		s.RouteTable.Of = append(s.RouteTable.Of, b.table(id, strconv.Itoa(k), routes, s))
	}
}

func (b *builder) table(id, suffix string, raws []rawRoute, s *ir.Subnet) *ir.RouteTable {
	return b.tableIn("rtb of "+id+suffix, raws, s.VPC)
}

func (b *builder) tableIn(name string, raws []rawRoute, in ir.Choice[*ir.VPC]) *ir.RouteTable {
	t := &ir.RouteTable{ID: name, VPC: in, Origin: origin(name)}
	for _, raw := range raws {
		r := ir.Route{Maybe: unknown(raw.Exists), Propagated: raw.Propagated, Origin: origin(name)}
		if u, ok := term(raw.Dst); ok {
			r.Destination = ir.Peer{Unknown: unknown(u)}
		} else if len(raw.Dst) > 3 && raw.Dst[:3] == "pl-" {
			r.Destination.PrefixList = b.listOf(raw.Dst)
		} else {
			r.Destination.CIDR = b.prefix(raw.Dst)
		}
		r.Blackhole = value(b, raw.State, func(s string) (bool, error) { return s == "blackhole", nil })
		r.Target = choice(raw.Target, func(name string) ir.Target { return b.target(name, in) })
		t.Routes = append(t.Routes, r)
	}
	b.n.RouteTables = append(b.n.RouteTables, t)
	return t
}

// target finds what a route points at. "igw" and "eigw" are the ones of the
// table's VPC.
func (b *builder) target(name string, in ir.Choice[*ir.VPC]) ir.Target {
	if name == "igw" || name == "eigw" {
		v := in.Of[0]
		return b.targets[name+"@"+v.ID]
	}
	if i := b.interfaces[name]; i != nil {
		return ir.Target{Kind: ir.TargetInterface, Interface: i}
	}
	if t, ok := b.targets[name]; ok {
		return t
	}
	return ir.Target{Kind: ir.TargetOther, ID: name}
}

func (b *builder) iface(id string) {
	raw := b.raw.ENIs[id]
	i := &ir.Interface{
		ID: id, Kind: ir.InterfaceInstance, Maybe: unknown(raw.Exists), Origin: origin(id),
		Subnet: choice(raw.Subnet, b.subnetOf), SourceDestCheck: b.boolean(raw.SourceDestCheck, true),
	}
	for _, g := range raw.SGs {
		i.Groups.Sure = append(i.Groups.Sure, b.groupOf(g))
	}
	for _, g := range sortedKeys(raw.SGsMaybe) {
		i.Groups.Maybe = append(i.Groups.Maybe, ir.Possible[*ir.SecurityGroup]{V: b.groupOf(g), Why: unknown(raw.SGsMaybe[g])})
	}
	i.Groups.Open = unknown(raw.SGsOpen)
	for _, ip := range raw.IPs {
		i.Addresses = append(i.Addresses, b.address(ip))
	}
	if len(i.Addresses) > 0 {
		i.Addresses[0].Public = b.public(raw.PublicIP, raw.PublicExists)
	}
	for _, p := range raw.Prefixes {
		i.Prefixes = append(i.Prefixes, b.prefix(p))
	}
	b.services(i, &raw)
	switch raw.Type {
	case "connect_endpoint":
		i.Kind, i.PreserveClient = ir.InterfaceConnectEndpoint, b.boolean(raw.Preserve, false)
	case "vpc_endpoint":
		i.Kind = ir.InterfaceEndpoint
	}
	b.interfaces[id], b.n.Interfaces = i, append(b.n.Interfaces, i)
}

// address is a private address; "?ipv4" and "?ipv6" are ones that AWS picks.
func (b *builder) address(ip string) ir.Address {
	if t, ok := term(ip); ok {
		return ir.Address{Private: ir.NotKnown[netip.Addr](unknown("address " + t)), Family: family(t)}
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		b.fail("%v", err)
	}
	return ir.Address{Private: ir.Known(a), Family: packet.FamilyOf(a)}
}

func (b *builder) public(ip, exists string) ir.Public {
	p := ir.Public{Exists: ir.Known(ip != "")}
	if exists != "" {
		p.Exists = ir.NotKnown[bool](unknown(exists))
	}
	if ip != "" {
		p.Addr = value(b, ip, netip.ParseAddr)
	}
	return p
}

func (b *builder) services(i *ir.Interface, raw *rawInterface) {
	if raw.Listens == nil && raw.ListensOpen == "" {
		return
	}
	i.Services = &ir.Services{Open: unknown(raw.ListensOpen)}
	for _, s := range raw.Listens {
		p, err := parseProtocol(s.Proto)
		if err != nil {
			b.fail("%v", err)
		}
		i.Services.Ports = append(i.Services.Ports, ir.Service{Protocol: uint8(p), Ports: ir.Ports{Lo: s.Ports.Lo, Hi: s.Ports.Hi}})
	}
}

// nat makes a NAT gateway, and its interface, which accepts nothing by itself.
func (b *builder) nat(id string) {
	raw := b.raw.NATs[id]
	a := b.address(raw.IP)
	a.Public = b.public(raw.PublicIP, "")
	if raw.Subnet == "" {
		b.gateway(id, &ir.Gateway{
			ID: id, Kind: ir.NATGateway, VPC: ir.One(b.vpcOf(raw.VPC)), Addresses: []ir.Address{a},
			Private: raw.Connectivity == "private", Origin: origin(id),
		})
		return
	}
	s := b.subnetOf(raw.Subnet)
	b.gateway(id, &ir.Gateway{
		ID: id, Kind: ir.NATGateway, Subnet: ir.One(s), Addresses: []ir.Address{a},
		Private: raw.Connectivity == "private", Origin: origin(id),
	})
	b.n.Interfaces = append(b.n.Interfaces, &ir.Interface{
		ID: "eni of " + id, Kind: ir.InterfaceNATGateway, Subnet: ir.One(s), Addresses: []ir.Address{a},
		NoInbound: true, Origin: origin("eni of " + id),
	})
}

func (b *builder) link(raw *rawLink) {
	if raw.Type == "peering" {
		p := &ir.Peering{
			ID: raw.ID, Requester: ir.One(b.vpcOf(raw.VPCs[0])), Accepter: ir.One(b.vpcOf(raw.VPCs[1])), Origin: origin(raw.ID),
			Active:     value(b, raw.State, func(s string) (bool, error) { return s == "" || s == "active", nil }),
			SameRegion: b.boolean(raw.SameRegion, true),
		}
		b.n.Peerings = append(b.n.Peerings, p)
		b.targets[raw.ID] = ir.Target{Kind: ir.TargetPeering, Peering: p}
		return
	}
	g := &ir.TransitGateway{ID: raw.ID, GroupReferences: b.boolean(raw.SGRef, false), Open: unknown(raw.Open), Origin: origin(raw.ID)}
	byVPC := map[string]*ir.Attachment{}
	for _, v := range raw.VPCs {
		a := &ir.Attachment{ID: raw.ID + " in " + v, VPC: ir.One(b.vpcOf(v)), GroupReferences: ir.Known(true), Origin: origin(raw.ID + " in " + v)}
		c := raw.Attachments[v]
		for _, s := range c.Of {
			a.Subnets.Sure = append(a.Subnets.Sure, b.subnetOf(s))
		}
		a.Subnets.Open = unknown(c.Open)
		g.Attachments, byVPC[v] = append(g.Attachments, a), a
	}
	for _, name := range raw.Outside {
		a := &ir.Attachment{ID: name, Outside: true, GroupReferences: ir.Known(false), Origin: origin(name)}
		g.Attachments, byVPC[name] = append(g.Attachments, a), a
	}
	for k := range raw.Tables {
		g.Tables = append(g.Tables, b.transitTable(&raw.Tables[k], byVPC))
	}
	b.n.TransitGateways = append(b.n.TransitGateways, g)
	b.targets[raw.ID] = ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: g}
}

func (b *builder) transitTable(raw *rawTransitTable, byVPC map[string]*ir.Attachment) *ir.TransitTable {
	t := &ir.TransitTable{Open: unknown(raw.Open)}
	for _, v := range raw.Associated {
		t.Associated = append(t.Associated, byVPC[v])
	}
	for _, v := range raw.Propagated {
		t.Propagated = append(t.Propagated, byVPC[v])
	}
	for _, r := range raw.Routes {
		to := ir.Choice[*ir.Attachment]{}
		if a := byVPC[r.To]; a != nil {
			to = ir.One(a)
		}
		t.Routes = append(t.Routes, ir.TransitRoute{Destination: ir.Peer{CIDR: b.prefix(r.Dst)}, Attachment: to})
	}
	return t
}
