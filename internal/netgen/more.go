package netgen

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// The parts that Whole has and All has not. Each draws nothing where its option
// is off, so that the networks of All stay what they are.

// serviceList names what a gateway endpoint leads to.
const serviceList = "pl-service"

// service4 is what it holds.
var service4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{52, 216}), 15)

// more adds gateways and what stands in front of interfaces.
func (g *gen) more() {
	if g.o.Balancers {
		for k := range 1 + g.IntN(2) {
			g.balancer(k)
		}
	}
	if g.o.Connect && g.chance(70) {
		g.connectEndpoint()
	}
	if g.o.Lattice {
		for k, v := range g.n.VPCs {
			if g.chance(60) {
				v.Lattice = &ir.Lattice{Origin: origin("lattice-%d", k)}
				v.Lattice.Groups.Open = g.maybe()
				if g.chance(70) {
					v.Lattice.Groups.Sure = []*ir.SecurityGroup{pick(g, g.n.SecurityGroups...)}
				}
			}
		}
	}
	g.regional = map[*ir.VPC]ir.Target{}
	for k, v := range g.n.VPCs {
		g.moreGateways(k, v)
	}
	if g.o.Edges {
		for k, s := range g.n.Subnets {
			if g.chance(30) {
				e := &ir.Gateway{ID: fmt.Sprintf("gwlbe-%d", k), Kind: ir.LoadBalancerEndpoint, Subnet: ir.One(s), Origin: origin("gwlbe-%d", k)}
				g.n.Gateways, g.inspections = append(g.n.Gateways, e), append(g.inspections, to(e))
			}
		}
	}
}

func (g *gen) moreGateways(k int, v *ir.VPC) {
	if g.o.VPN {
		w := &ir.Gateway{ID: fmt.Sprintf("vgw-%d", k), Kind: ir.VirtualPrivateGateway, VPC: choice(g, v, g.n.VPCs), Origin: origin("vgw-%d", k)}
		if g.chance(40) {
			w.VPC = ir.Choice[*ir.VPC]{}
		}
		g.n.Gateways, g.vgws = append(g.n.Gateways, w), append(g.vgws, to(w))
	}
	if g.o.Endpoints {
		if g.behind == nil {
			g.behind = &ir.PrefixList{ID: serviceList, AWS: true, Family: packet.IPv4, CIDRs: []netip.Prefix{service4}, Open: g.maybe(), Origin: origin(serviceList)}
			g.n.PrefixLists = append(g.n.PrefixLists, g.behind)
		}
		e := &ir.Gateway{ID: fmt.Sprintf("vpce-%d", k), Kind: ir.VPCEndpoint, VPC: ir.One(v), Origin: origin("vpce-%d", k)}
		g.n.Gateways, g.services = append(g.n.Gateways, e), append(g.services, to(e))
	}
	if g.o.Regional && g.chance(40) {
		nat := &ir.Gateway{ID: fmt.Sprintf("rnat-%d", k), Kind: ir.NATGateway, VPC: ir.One(v), Private: g.chance(15), Origin: origin("rnat-%d", k)}
		a := ir.Address{Private: value(g, host(subnet4(k, 9), 100)), Family: packet.IPv4, Public: ir.Public{Exists: ir.Known(!nat.Private)}}
		if !nat.Private {
			a.Public.Addr = value(g, public(120+k))
		}
		nat.Addresses = []ir.Address{a}
		t := g.locals(v, "rtb-"+nat.ID)
		all := pick(g, g.igws[k], g.igws[k], pick(g, append(slices.Clone(g.links), g.igws[k])...))
		t.Routes = append(t.Routes, plainRoute(t, everything(packet.IPv4), all))
		nat.RouteTable = choice(g, t, []*ir.RouteTable{t})
		g.n.Gateways, g.regional[v] = append(g.n.Gateways, nat), to(nat)
	}
}

// locals makes a table with the routes that every table has.
func (g *gen) locals(v *ir.VPC, id string) *ir.RouteTable {
	t := &ir.RouteTable{ID: id, VPC: ir.One(v), Origin: origin("%s", id)}
	k := slices.Index(g.n.VPCs, v)
	t.Routes = []ir.Route{plainRoute(t, cidr4(k), ir.Target{Kind: ir.TargetLocal})}
	if g.o.IPv6 {
		t.Routes = append(t.Routes, plainRoute(t, cidr6(k), ir.Target{Kind: ir.TargetLocal}))
	}
	g.n.RouteTables = append(g.n.RouteTables, t)
	return t
}

func plainRoute(t *ir.RouteTable, p netip.Prefix, target ir.Target) ir.Route {
	return ir.Route{Destination: ir.Peer{CIDR: p}, Target: ir.One(target), Blackhole: ir.Known(false), Origin: t.Origin}
}

// moreRoutes adds the routes to what more made.
func (g *gen) moreRoutes(t *ir.RouteTable, add func(ir.Peer, ir.Target)) {
	v, _ := t.VPC.Known()
	k := slices.Index(g.n.VPCs, v)
	if r, ok := g.regional[v]; ok && g.chance(40) {
		add(ir.Peer{CIDR: netip.MustParsePrefix("128.0.0.0/1")}, r)
	}
	if g.o.Regional && g.o.IPv6 && g.chance(40) {
		targets := slices.Clone(g.nats)
		if r, ok := g.regional[v]; ok {
			targets = append(targets, r)
		}
		if len(targets) > 0 {
			add(ir.Peer{CIDR: nat64}, pick(g, targets...))
		}
	}
	if g.o.Endpoints && g.chance(40) {
		add(ir.Peer{PrefixList: g.behind}, g.services[k])
	}
	if g.o.VPN && g.chance(60) {
		add(ir.Peer{CIDR: netip.MustParsePrefix("192.168.0.0/16")}, pick(g, append(slices.Clone(g.links), g.vgws[k], g.vgws[k])...))
		t.Routes[len(t.Routes)-1].Propagated = g.chance(50)
	}
	if in := g.inspectors(v); len(in) > 0 && g.chance(20) {
		add(ir.Peer{CIDR: everything(packet.IPv4)}, pick(g, in...))
	}
}

// inspectors are the Gateway Load Balancer endpoints that routes of a VPC may
// point at: those in it.
func (g *gen) inspectors(v *ir.VPC) []ir.Target {
	var in []ir.Target
	for _, t := range g.inspections {
		if t.Gateway.Subnet.Of[0].VPC.Of[0] == v {
			in = append(in, t)
		}
	}
	return in
}

// edges gives internet and virtual private gateways route tables of their own.
func (g *gen) edges() {
	if !g.o.Edges {
		return
	}
	for _, w := range slices.Clone(g.n.Gateways) {
		v, ok := w.VPC.Known()
		if !ok || w.Kind != ir.InternetGateway && w.Kind != ir.VirtualPrivateGateway || !g.chance(40) {
			continue
		}
		t := g.locals(v, "rtb-"+w.ID)
		for _, s := range g.n.Subnets {
			if s.VPC.Of[0] != v || !g.chance(50) {
				continue
			}
			target := ir.Target{Kind: ir.TargetInterface, Interface: pick(g, g.n.Interfaces...)}
			if in := g.inspectors(v); w.Kind == ir.InternetGateway && len(in) > 0 && g.chance(30) {
				target = pick(g, in...)
			}
			p := s.IPv4.V
			if g.o.IPv6 && g.chance(30) {
				p = s.IPv6.V
			}
			t.Routes = append(t.Routes, plainRoute(t, p, target))
		}
		w.RouteTable = choice(g, t, []*ir.RouteTable{t})
	}
}

// twoTables gives a transit gateway two route tables; each attachment is
// associated with at most one.
func (g *gen) twoTables(t *ir.TransitGateway) {
	for k := range 2 {
		t.Tables = append(t.Tables, &ir.TransitTable{ID: fmt.Sprintf("tgw-rtb-%d", k), Origin: origin("tgw-rtb-%d", k), Open: g.maybe()})
	}
	for _, a := range t.Attachments {
		if g.chance(90) {
			in := pick(g, t.Tables...)
			in.Associated = append(in.Associated, a)
		}
		for _, table := range t.Tables {
			if g.chance(65) {
				table.Propagated = append(table.Propagated, a)
			}
		}
	}
	for _, table := range t.Tables {
		used := map[netip.Prefix]bool{} // a table has one static route for a CIDR
		for range g.IntN(4) {
			p := pick(g, g.cidr(packet.IPv4), everything(packet.IPv4), netip.MustParsePrefix("192.168.0.0/16"))
			if used[p] {
				continue
			}
			used[p] = true
			r := ir.TransitRoute{Destination: ir.Peer{CIDR: p}, Origin: table.Origin}
			if g.chance(80) {
				r.Attachment = choice(g, pick(g, t.Attachments...), t.Attachments)
			}
			table.Routes = append(table.Routes, r)
		}
	}
}
