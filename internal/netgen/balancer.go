package netgen

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// nat64 is the range by which IPv6 hosts reach IPv4 ones.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// lattice is where VPC Lattice answers.
var (
	lattice4 = netip.MustParseAddr("169.254.171.5")
	lattice6 = netip.MustParseAddr("fd00:ec2:80::5")
)

// balancer makes the k-th load balancer: application, network or classic.
func (g *gen) balancer(k int) {
	s := pick(g, g.n.Subnets...)
	i := &ir.Interface{
		ID: fmt.Sprintf("eni-lb-%d", k), Resource: fmt.Sprintf("lb-%d", k), Origin: origin("lb-%d", k), Subnet: choice(g, s, g.n.Subnets),
		SourceDestCheck: ir.Known(true), Services: &ir.Services{Open: g.maybe()},
	}
	g.carried(i)
	i.Kind = pick(g, ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer, ir.InterfaceNetworkLoadBalancer)
	switch {
	case i.Kind == ir.InterfaceNetworkLoadBalancer && g.chance(40):
		i.Groups = ir.Many[*ir.SecurityGroup]{}
	case len(i.Groups.Sure) == 0:
		i.Groups.Sure = []*ir.SecurityGroup{pick(g, g.n.SecurityGroups...)}
	}
	a := ir.Address{Private: value(g, host(s.IPv4.V, 60+k)), Family: packet.IPv4, Public: ir.Public{Exists: value(g, g.chance(60))}}
	if a.Public.Exists.V || !a.Public.Exists.Known() {
		a.Public.Addr = value(g, public(60+k))
	}
	i.Addresses = []ir.Address{a}
	if g.o.IPv6 && g.chance(40) {
		i.Addresses = append(i.Addresses, ir.Address{Private: value(g, host(s.IPv6.V, 60+k)), Family: packet.IPv6})
	}
	classic := i.Kind == ir.InterfaceLoadBalancer && g.chance(30)
	port := pick[uint16](g, 443, 22)
	i.Services.Ports = []ir.Service{{Protocol: packet.TCP, Ports: ir.Ports{Lo: port, Hi: port}, Forward: g.forward(i.Kind, classic)}}
	if g.chance(40) {
		i.Services.Ports = append(i.Services.Ports, ir.Service{Protocol: packet.TCP, Ports: ir.Ports{Lo: 80, Hi: 80}, Forward: g.forward(i.Kind, classic)})
	}
	if i.Kind == ir.InterfaceNetworkLoadBalancer && g.chance(40) {
		i.Services.Ports = append(i.Services.Ports, ir.Service{Protocol: packet.UDP, Ports: ir.Ports{Lo: 53, Hi: 53}, Forward: g.forward(i.Kind, false)})
	}
	g.n.Interfaces = append(g.n.Interfaces, i)
}

func (g *gen) forward(kind ir.InterfaceKind, classic bool) *ir.Forward {
	f := &ir.Forward{Ends: kind == ir.InterfaceLoadBalancer, Classic: classic, PreserveClient: ir.Known(false), Open: g.maybe()}
	if !f.Ends {
		f.PreserveClient = value(g, g.chance(50))
	}
	for range 1 + g.IntN(2) {
		t := ir.ForwardTarget{Interface: pick(g, g.n.Interfaces...), Port: value(g, pick[uint16](g, 443, 22, 8443)), Maybe: g.maybe()}
		if t.Interface.Services != nil && t.Interface.Services.Ports[0].Forward != nil {
			continue // a chain of load balancers is two questions
		}
		if a := &t.Interface.Addresses[0]; a.Private.Known() && g.chance(40) {
			t.Address = a.Private.V
		}
		f.Targets = append(f.Targets, t)
	}
	return f
}

// connectEndpoint makes an Instance Connect endpoint.
func (g *gen) connectEndpoint() {
	s := pick(g, g.n.Subnets...)
	i := &ir.Interface{
		ID: "eni-eice", Resource: "eice-0", Kind: ir.InterfaceConnectEndpoint, Origin: origin("eice-0"), Subnet: choice(g, s, g.n.Subnets),
		SourceDestCheck: ir.Known(true), PreserveClient: value(g, g.chance(50)), Addresses: []ir.Address{{Private: value(g, host(s.IPv4.V, 70)), Family: packet.IPv4}},
	}
	kind := i.Kind
	g.carried(i)
	i.Kind = kind
	if len(i.Groups.Sure) == 0 {
		i.Groups.Sure = []*ir.SecurityGroup{pick(g, g.n.SecurityGroups...)}
	}
	g.n.Interfaces = append(g.n.Interfaces, i)
}

// passage is a way that a question may take which the addresses of its two ends
// alone do not lead to.
type passage struct {
	balancer *ir.Interface
	service  *ir.Service
	target   *ir.ForwardTarget
	connect  *ir.Interface
	address  netip.Addr // outside, of a service
}

// passages lists the special ways of a network.
func passages(n *ir.Network) []passage {
	var ps []passage
	for _, i := range n.Interfaces {
		if i.Kind == ir.InterfaceConnectEndpoint {
			ps = append(ps, passage{connect: i})
		}
		if i.Services == nil {
			continue
		}
		for k := range i.Services.Ports {
			s := &i.Services.Ports[k]
			if s.Forward == nil {
				continue
			}
			for j := range s.Forward.Targets {
				if s.Forward.Targets[j].Interface != nil {
					ps = append(ps, passage{balancer: i, service: s, target: &s.Forward.Targets[j]})
				}
			}
		}
	}
	for _, v := range n.VPCs {
		if v.Lattice != nil {
			ps = append(ps, passage{address: lattice4}, passage{address: lattice6})
			break
		}
	}
	for _, l := range n.PrefixLists {
		if l.AWS {
			ps = append(ps, passage{address: service4.Addr().Next()})
		}
	}
	for _, t := range n.RouteTables {
		for k := range t.Routes {
			if t.Routes[k].Destination.CIDR == nat64 {
				return append(ps, passage{address: nat64.Addr()})
			}
		}
	}
	return ps
}

// divert makes a question about one of the special ways of half of those of a
// network that has some.
func (g *gen) divert(q *Question, c *corner, ps []passage) {
	if len(ps) == 0 || g.chance(50) {
		return
	}
	switch p := pick(g, ps...); {
	case p.balancer != nil && q.From != p.target.Interface && q.From != p.balancer:
		f := packet.IPv4
		if hasIPv6(q.From) && hasIPv6(p.balancer) && g.chance(30) {
			f = packet.IPv6
		}
		q.To = p.target.Interface
		q.Header = packet.Header{Src: g.addressOf(q.From, f, false), Dst: g.addressOf(p.balancer, f, q.From == nil || g.chance(20)), Protocol: p.service.Protocol}
		q.Header.SrcPort, q.Header.DstPort = pick(g, c.ports...), p.service.Ports.Lo
		if g.chance(5) {
			q.Header.DstPort = pick(g, c.ports...)
		}
	case p.connect != nil && q.To != p.connect:
		q.From = p.connect
		src := g.addressOf(q.From, packet.IPv4, false)
		if w := &p.connect.PreserveClient; (!w.Known() || w.V) != g.chance(10) && g.chance(60) {
			src = netip.MustParseAddr("203.0.113.7")
		}
		q.Header = g.header(c, packet.IPv4, src, g.addressOf(q.To, packet.IPv4, false))
	case p.address == nat64.Addr():
		g.by64(q, c)
	case p.address.IsValid():
		g.atService(q, c, p.address)
	}
}

// by64 asks about the IPv6 address that stands for the IPv4 one of the far end.
func (g *gen) by64(q *Question, c *corner) {
	if q.From == nil || !hasIPv6(q.From) {
		return
	}
	b := nat64.Addr().As16()
	dst := g.addressOf(q.To, packet.IPv4, g.chance(50)).As4()
	copy(b[12:], dst[:])
	q.Header = g.header(c, packet.IPv6, g.addressOf(q.From, packet.IPv6, false), netip.AddrFrom16(b))
}

// atService asks about a service's address at the outside end, if there is one,
// else at the far one.
func (g *gen) atService(q *Question, c *corner, a netip.Addr) {
	f := packet.FamilyOf(a)
	switch {
	case q.From == nil && q.To != nil && hasIPv6(q.To):
		q.Header = g.header(c, f, a, g.addressOf(q.To, f, false))
	case q.From != nil && hasIPv6(q.From):
		q.To = nil
		q.Header = g.header(c, f, g.addressOf(q.From, f, false), a)
	}
}
