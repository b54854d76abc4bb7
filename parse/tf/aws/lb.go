package aws

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// balancer is a load balancer: its listeners are resources of their own.
type balancer struct {
	address  string
	typ      ir.Value[string]
	services *ir.Services
	listened bool
}

func makeLoadBalancer(v view) {
	o := &balancer{
		address: v.in.Address, services: &ir.Services{Place: diag.Place{Address: v.in.Address, Message: "answers on its listeners", Range: v.at()}},
	}
	var set bool
	if o.typ, set = v.str("load_balancer_type"); !set {
		o.typ = ir.Known("application")
	}
	for _, k := range v.keys("id", "arn") {
		v.b.balancers[k] = o
	}
}

func linkLoadBalancer(v view) {
	o := v.b.balancers[tf.Symbol(v.in.Address, "id")]
	v.b.later(func() {
		if !o.listened {
			o.services.Open = notInInput(v.in.Address, "listeners", v.at())
		}
	})
	n := nic{kind: ir.InterfaceLoadBalancer, services: o.services, fields: v.fields(map[string]ir.Field{
		"security_groups": ir.FieldGroups, "subnets": ir.FieldSubnet, "internal": ir.FieldPublic,
	})}
	switch {
	case !o.typ.Known():
		n.groups.Open = part(o.typ.Why, "security_groups")
	case o.typ.V == "network":
		n.kind, n.bare = ir.InterfaceNetworkLoadBalancer, true
	case o.typ.V == "gateway":
		n.kind, n.bare = ir.InterfaceOther, true
	case o.typ.V != "application":
		n.groups.Open = v.invalid(v.at("load_balancer_type"), "there is no such type of load balancer", "use application, network or gateway")
	}
	groups, named := v.groupSet("security_groups")
	n.groups, n.named = union(n.groups, groups), named || n.groups.Open != nil
	v.balancerPublic(&n)
	n.dual = v.isDual("ip_address_type")
	subnets, _ := v.list("subnets")
	mappings, _ := v.nested("subnet_mapping")
	if len(mappings) == 0 {
		v.spread(n, subnets, true)
		return
	}
	for _, m := range mappings {
		if m.maybeBlock() != nil && len(m.blk.Attrs) == 0 {
			subnets = append(subnets, elem{many: m.blk.Maybe, at: m.blk.Range})
			continue
		}
		v.mappedInterface(n, m)
	}
	if len(subnets) > 0 {
		v.spread(n, subnets, true)
	}
}

// mappedInterface makes the interface of a subnet_mapping block.
func (v view) mappedInterface(n nic, m view) {
	for _, o := range v.spread(n, m.single("subnet_id"), true) {
		if u := m.maybeBlock(); u != nil && o.Maybe == nil {
			o.Maybe = u
		}
		a := primaryAddress(o, ir.Value[netip.Addr]{})
		if a == nil {
			continue
		}
		for _, e := range m.single("private_ipv4_address") {
			a.Private = v.addr(e, packet.IPv4)
		}
		for _, e := range m.single("allocation_id") {
			if addr, ok := v.b.eipAddrs[refOf(e).key]; ok {
				a.Public.Addr = addr
			}
		}
	}
}

// balancerPublic reads whether a load balancer faces the internet.
func (v view) balancerPublic(n *nic) {
	if v.text("load_balancer_type") == "gateway" { // it has no public addresses
		n.public, n.publicSet, n.publicAt = ir.Known(false), true, v.at("load_balancer_type")
		return
	}
	internal, _ := v.boolean("internal", false)
	n.public, n.publicSet, n.publicAt = ir.Value[bool]{V: !internal.V, Why: internal.Why}, true, v.at("internal")
}

// isDual reads whether addresses of both families are given.
func (v view) isDual(attr string) ir.Value[bool] {
	s, set := v.str(attr)
	switch {
	case !set:
		return ir.Known(false)
	case !s.Known():
		return ir.NotKnown[bool](s.Why)
	}
	return ir.Known(s.V != "ipv4" && s.V != "IPV4")
}

// linkListener adds a port to a load balancer.
func linkListener(v view) {
	es := v.single("load_balancer_arn")
	if len(es) == 0 {
		v.invalid(v.at(), "load_balancer_arn is required", "name the load balancer")
		return
	}
	o := v.b.balancers[refOf(es[0]).key]
	if o == nil { // one of those that it may name, or none of the input, where it opens nothing
		for _, o := range candidates(v.b, es[0], v.b.balancers) {
			o.listened, o.services.Open = true, es[0].unknown()
		}
		return
	}
	o.listened = true
	if u := v.maybe(); u != nil {
		o.services.Open = u
		return
	}
	l := v.b.listeners[tf.Symbol(v.in.Address, "id")]
	port, set := v.integer("port")
	protocol, protocolSet := v.str("protocol")
	var answers []ir.Service
	switch {
	case !set && o.typ.Known() && o.typ.V == "gateway": // it takes what its endpoints bring, whatever that is
		answers = v.listening(genevePort, "UDP", v.at())
	case !set:
		o.services.Open = notInInput(v.in.Address, "port", v.at())
	case !port.Known():
		o.services.Open = port.Why
	case protocolSet && !protocol.Known():
		o.services.Open = protocol.Why
	case port.V < 1 || port.V > 65535:
		o.services.Open = v.invalid(v.at("port"), "a port is from 1 to 65535", "write a port number")
	default:
		answers = v.listening(uint16(port.V), protocol.V, v.at("port"))
	}
	if len(answers) == 0 {
		return
	}
	web := !protocolSet || protocol.V == "HTTP" || protocol.V == "HTTPS"
	l.network = o.typ.Known() && o.typ.V == "network" || !o.typ.Known() && !web
	l.forward = &ir.Forward{Ends: !l.network || protocol.V == "TLS", Place: diag.Place{Address: v.in.Address, Message: "listener", Range: v.at()}}
	for _, s := range answers {
		s.Forward = l.forward
		o.services.Ports = append(o.services.Ports, s)
	}
}

// overUDP reports whether a listener's or target group's protocol is one that
// UDP carries, alone or beside TCP. [botocore elbv2 ProtocolEnum]
func overUDP(protocol string) bool {
	switch protocol {
	case "UDP", "TCP_UDP", "QUIC", "TCP_QUIC":
		return true
	}
	return false
}

// listening are the services of a listener's protocol.
func (v view) listening(port uint16, protocol string, at diag.Range) []ir.Service {
	protocols := []uint8{packet.TCP} // HTTP, HTTPS, TCP, TLS, SSL
	switch protocol {
	case "UDP", "QUIC":
		protocols = []uint8{packet.UDP}
	case "TCP_UDP", "TCP_QUIC":
		protocols = []uint8{packet.TCP, packet.UDP}
	}
	var out []ir.Service
	for _, p := range protocols {
		out = append(out, ir.Service{
			Protocol: p, Ports: ir.Ports{Lo: port, Hi: port}, Place: diag.Place{Address: v.in.Address, Message: "listener", Range: at},
		})
	}
	return out
}

// classicBalancer is a load balancer of the first generation: its listeners are
// blocks, and all of them send to the same instances.
type classicBalancer struct {
	instances *targetGroup
	ports     []classicPort
}

type classicPort struct {
	to      ir.Value[uint16]
	forward *ir.Forward
}

func makeClassicLoadBalancer(v view) {
	register(v, v.b.targetGroups, &targetGroup{v: v}, "id", "name", "arn")
}

func linkClassicLoadBalancer(v view) {
	services := &ir.Services{Place: diag.Place{Address: v.in.Address, Message: "answers on its listeners", Range: v.at()}}
	n := nic{kind: ir.InterfaceLoadBalancer, services: services, fields: v.fields(map[string]ir.Field{
		"security_groups": ir.FieldGroups, "subnets": ir.FieldSubnet, "internal": ir.FieldPublic,
	})}
	c := &classicBalancer{instances: v.b.targetGroups[tf.Symbol(v.in.Address, "id")]}
	v.b.classic = append(v.b.classic, c)
	instances, _ := v.list("instances")
	for _, e := range instances {
		c.instances.registrations = append(c.instances.registrations, registration{v: v, e: e, at: e.at})
	}
	listeners, _ := v.nested("listener")
	for _, l := range listeners {
		port, set := l.integer("lb_port")
		switch {
		case l.maybeBlock() != nil:
			services.Open = l.blk.Maybe
		case !set || !port.Known() || port.V < 1 || port.V > 65535:
			services.Open = port.Why
			if port.Why == nil {
				services.Open = l.invalid(l.at("lb_port"), "lb_port must be from 1 to 65535", "write a port number")
			}
		default:
			p := classicPort{l.port("instance_port"), &ir.Forward{Ends: true, Place: diag.Place{Address: v.in.Address, Message: "its instances", Range: l.at("instance_port")}}}
			c.ports = append(c.ports, p)
			for _, s := range l.listening(uint16(port.V), "TCP", l.at("lb_port")) {
				s.Forward = p.forward
				services.Ports = append(services.Ports, s)
			}
		}
	}
	n.groups, n.named = v.groupSet("security_groups")
	v.balancerPublic(&n)
	subnets, _ := v.list("subnets")
	if len(subnets) == 0 {
		v.addInterface(n, ir.One(v.b.defaultSubnet(v)))
		return
	}
	v.spread(n, subnets, true)
}

// settle fills in where the listeners of a classic load balancer send flows.
func (c *classicBalancer) settle(x *targetIndex) {
	for _, p := range c.ports {
		x.addTargets(p.forward, c.instances, func(t *ir.ForwardTarget) { t.Port = p.to })
	}
}
