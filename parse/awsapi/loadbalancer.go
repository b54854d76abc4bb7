package awsapi

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

var (
	balancerService        = serviceKind{kind: ir.InterfaceLoadBalancer, prefix: "ELB "}
	networkBalancerService = serviceKind{kind: ir.InterfaceNetworkLoadBalancer, prefix: "ELB "}
	gatewayBalancerService = serviceKind{kind: ir.InterfaceOther, prefix: "ELB "}
	endpointService        = serviceKind{kind: ir.InterfaceEndpoint, prefix: "VPC Endpoint Interface "}
)

// loadBalancer reads a load balancer of any type.
// [botocore elbv2 LoadBalancer, elb LoadBalancerDescription]
func (b *builder) loadBalancer(o *object) {
	if o.get("State").get("Code").peek() == "failed" {
		return
	}
	c := carrier{object: o, service: &balancerService, resource: balancerName(o), groups: groupRefs(o.main()), unfiltered: true}
	switch o.get("Type").peek() {
	case "network":
		c.service = &networkBalancerService
	case "gateway":
		c.service = &gatewayBalancerService
	}
	c.kind = c.service.kind
	for z := range o.get("AvailabilityZones").items() {
		if ref := z.get("SubnetId"); ref.str() != "" {
			c.subnets = append(c.subnets, ref)
		}
	}
	for s := range o.get("Subnets").items() {
		c.subnets = append(c.subnets, s)
	}
	c.subnets = c.subnets[:min(len(c.subnets), maxRefs)]
	scheme := o.get("Scheme")
	c.public, c.why = ir.Known(scheme.peek() == "internet-facing"), scheme
	if !scheme.ok() {
		c.public, c.why = ir.NotKnown[bool](notSaid(o, "its scheme")), o.main()
	}
	c.dual = strings.HasPrefix(o.get("IpAddressType").peek(), "dualstack")
	c.services = b.listeners(o, c.service)
	nics := b.place(c)
	b.balancerNICs.add(o.id, o.home, nics)
}

// balancerName is how interfaces name a load balancer: "app/edge/0123", or the
// plain name of a classic one.
func balancerName(o *object) string {
	if _, name, ok := strings.Cut(o.get("LoadBalancerArn").str(), ":loadbalancer/"); ok {
		return name
	}
	if n := o.get("LoadBalancerName").str(); n != "" {
		return n
	}
	return o.id
}

// listeners are the ports that a load balancer answers on, and the forwards that
// wait for their targets.
func (b *builder) listeners(o *object, kind *serviceKind) *ir.Services {
	s := &ir.Services{Place: o.origin().Place("its listeners")}
	add := func(protocol, port value, f forwarding) {
		n, ok := port.int()
		if !ok || n < 1 || n > 65535 {
			s.Open = b.invalid(valueOf(port, protocol), o.id, port.text()+" is no listener port", "what answers is unknown", "")
			return
		}
		f.to = &ir.Forward{Ends: kind != &networkBalancerService || protocol.peek() == "TLS", Place: f.object.origin().Place("its listener")}
		b.forwards = append(b.forwards, f)
		place := diag.Place{Address: o.id, Message: "listener", Range: port.place()}
		for _, p := range listenerProtocols(protocol.peek()) {
			s.Ports = append(s.Ports, ir.Service{Protocol: p, Ports: ir.Ports{Lo: uint16(n), Hi: uint16(n)}, Place: place, Forward: f.to})
		}
	}
	if ls := o.get("ListenerDescriptions"); ls.isArray() {
		for l := range ls.items() {
			add(l.at("Listener", "Protocol"), l.at("Listener", "LoadBalancerPort"), forwarding{object: o, classic: l.get("Listener")})
		}
		return s
	}
	ls := b.listenersFor(o)
	if kind == &gatewayBalancerService {
		// What it is handed by its endpoints it hands on in GENEVE.
		s = fixedService(packet.UDP, genevePort, s.Place)
		s.Ports[0].Forward = &ir.Forward{Ends: true, Place: s.Place}
		if len(ls) == 0 {
			s.Ports[0].Forward.Open = notSaid(o, "its listeners")
			return s
		}
		b.forwards = append(b.forwards, forwarding{object: ls[0], to: s.Ports[0].Forward, service: kind})
		return s
	}
	for _, l := range ls {
		add(l.get("Protocol"), l.get("Port"), forwarding{object: l, service: kind})
	}
	// describe-listeners is about one load balancer: no listener of this one
	// may just mean that nobody asked.
	if len(ls) == 0 {
		s.Open = notSaid(o, "its listeners")
	}
	return s
}

// listenersFor finds the listeners of a load balancer.
func (b *builder) listenersFor(o *object) []*object {
	if b.listenersOf == nil {
		b.listenersOf = map[string][]*object{}
		for _, l := range b.objects[recordListener] {
			if arn := l.get("LoadBalancerArn").str(); arn != "" {
				b.listenersOf[arn] = append(b.listenersOf[arn], l)
			}
		}
	}
	return b.listenersOf[o.get("LoadBalancerArn").str()]
}

func listenerProtocols(name string) []uint8 {
	switch name {
	case "UDP", "QUIC":
		return []uint8{packet.UDP}
	case "TCP_UDP", "TCP_QUIC":
		return []uint8{packet.TCP, packet.UDP}
	}
	return []uint8{packet.TCP}
}

// buildEndpoints reads VPC endpoints: gateway ones are targets of routes,
// the others are interfaces. [botocore ec2 VpcEndpoint]
func (b *builder) buildEndpoints() {
	for _, o := range b.objects[recordEndpoint] {
		if ended(o.get("State").peek()) {
			continue
		}
		typ := o.get("VpcEndpointType").peek()
		if typ == "Gateway" || typ == "" && !hasItems(o.get("SubnetIds")) && !hasItems(o.get("NetworkInterfaceIds")) {
			b.endpointGateway(o, ir.VPCEndpoint)
			continue
		}
		if typ == "GatewayLoadBalancer" {
			g := b.endpointGateway(o, ir.LoadBalancerEndpoint)
			g.Subnet = ir.Another[*ir.Subnet](notSaid(o, "its subnet"))
			for s := range o.get("SubnetIds").items() {
				g.Subnet = ir.One(b.subnet(s, o.get("VpcId"), o.home))
			}
		}
		c := carrier{
			object: o, service: &endpointService, kind: ir.InterfaceEndpoint, resource: o.id, groups: groupRefs(o.main()), public: ir.Known(false), why: o.main(),
			unfiltered: typ == "GatewayLoadBalancer", dual: o.get("IpAddressType").peek() == "dualstack",
		}
		for s := range o.get("SubnetIds").items() {
			c.subnets = append(c.subnets, s)
		}
		c.subnets = c.subnets[:min(len(c.subnets), maxRefs)]
		b.place(c)
	}
}

func (b *builder) endpointGateway(o *object, kind ir.GatewayKind) *ir.Gateway {
	g := b.gateway(o, kind)
	g.Name, g.VPC = o.get("ServiceName").str(), b.vpcOf(o)
	return g
}

func hasItems(v value) bool { return v.isArray() && v.len() > 0 }
