package microcase

import (
	"net/netip"
	"strconv"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// targets lists the targets, written as one or as several.
func (l *rawBalancer) targets() []rawTarget {
	if len(l.Targets) > 0 {
		return l.Targets
	}
	return []rawTarget{l.Target}
}

// balancer makes an interface that of a load balancer. Listeners of one
// interface are written as several load balancers.
func (b *builder) balancer(id string) {
	raw := b.raw.LBs[id]
	i := b.interfaces[raw.ENI]
	p, err := parseProtocol(raw.Listener.Proto)
	if i == nil || err != nil {
		b.fail("load balancer %q lacks an interface or a protocol", id)
		return
	}
	i.Kind, i.Resource = ir.InterfaceLoadBalancer, id
	f := &ir.Forward{Ends: raw.Type != "network", Classic: raw.Type == "classic", PreserveClient: b.boolean(raw.Preserve, false)}
	for _, t := range raw.targets() {
		if t.ENI == "none" {
			continue
		}
		f.Targets = append(f.Targets, b.forwardTarget(id, &t))
	}
	if raw.Type == "network" {
		i.Kind = ir.InterfaceNetworkLoadBalancer
	}
	if i.Services == nil {
		i.Services = &ir.Services{}
	}
	port := ir.Ports{Lo: raw.Listener.Port, Hi: raw.Listener.Port}
	i.Services.Ports = append(i.Services.Ports, ir.Service{Protocol: uint8(p), Ports: port, Forward: f})
}

func (b *builder) forwardTarget(id string, raw *rawTarget) ir.ForwardTarget {
	t := ir.ForwardTarget{Interface: b.interfaces[raw.ENI], Maybe: unknown(raw.Exists)}
	if t.Interface == nil {
		b.fail("load balancer %q has no target %q", id, raw.ENI)
	}
	if raw.IP != "" {
		a, err := netip.ParseAddr(raw.IP)
		if err != nil {
			b.fail("%v", err)
		}
		t.Address = a
	}
	t.Port = value(b, string(raw.Port), func(s string) (uint16, error) {
		n, err := strconv.ParseUint(s, 10, 16)
		return uint16(n), err
	})
	return t
}

// special makes a gateway of the kinds that have no key of their own.
func (b *builder) special(id string) {
	raw := b.raw.Gateways[id]
	g := &ir.Gateway{ID: id, VPC: choice(raw.VPC, b.vpcOf), Subnet: choice(raw.Subnet, b.subnetOf), Origin: origin(id)}
	switch raw.Type {
	case "vgw":
		g.Kind = ir.VirtualPrivateGateway
	case "gwlbe":
		g.Kind = ir.LoadBalancerEndpoint
	case "other":
		g.Kind = ir.OtherGateway
	default:
		b.fail("gateway %q is of no kind", id)
	}
	b.gateway(id, g)
}

// edges gives gateways the route tables of their own, and VPCs their service
// networks: their parts are all there by now.
func (b *builder) edges() {
	for _, id := range sortedKeys(b.raw.VPCs) {
		raw := b.raw.VPCs[id]
		if raw.IGWRoutes != nil {
			b.targets["igw@"+id].Gateway.RouteTable = ir.One(b.tableIn("rtb of igw of "+id, raw.IGWRoutes, ir.One(b.vpcs[id])))
		}
		if raw.Lattice != nil {
			l := &ir.Lattice{Origin: origin("service network of " + id)}
			for _, g := range raw.Lattice.SGs {
				l.Groups.Sure = append(l.Groups.Sure, b.groupOf(g))
			}
			b.vpcs[id].Lattice = l
		}
	}
	for _, id := range sortedKeys(b.raw.Gateways) {
		if raw := b.raw.Gateways[id]; raw.Routes != nil {
			g := b.targets[id].Gateway
			g.RouteTable = ir.One(b.tableIn("rtb of "+id, raw.Routes, g.VPC))
		}
	}
	for _, id := range sortedKeys(b.raw.NATs) {
		if raw := b.raw.NATs[id]; raw.Routes != nil {
			g := b.targets[id].Gateway
			g.RouteTable = ir.One(b.tableIn("rtb of "+id, raw.Routes, g.VPC))
		}
	}
	for _, name := range b.raw.Indirect {
		b.n.Indirect = append(b.n.Indirect, diag.Place{Address: name})
	}
}
