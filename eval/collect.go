package eval

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// collector gathers every CIDR, address and port interval of a network, and
// those that the law itself names. Objects are followed by pointers: an
// interface may stand in a subnet that the network does not list.
type collector struct {
	cidrs []netip.Prefix
	// of the destination port, by protocol, and of replies
	tcp, udp, icmp, icmp6, client *cuts
	seen                          map[any]bool
	// forwards: an interface forwards packets, so that its groups may see a
	// reply before they see the request.
	forwards bool
	rules    []ir.Ports
	// to64: a NAT gateway turns IPv6 packets into IPv4 ones.
	to64 bool
}

func (c *collector) cidr(p netip.Prefix) {
	if p.IsValid() {
		c.cidrs = append(c.cidrs, p.Masked())
	}
}

func (c *collector) addr(a netip.Addr) {
	if a.IsValid() {
		c.cidr(netip.PrefixFrom(a, a.BitLen()))
	}
}

// law lists the ranges that decide something by themselves.
// [IANA special-purpose address registries; VPC VPC_Security.md; RFC 6052]
var law = [...]string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"2000::/3", "fe80::/10", "64:ff9b::/96", "169.254.168.0/22", "169.254.171.0/24", "fd00:ec2::/32", "fd00:ec2:80::/64",
	"169.254.169.253/32", "169.254.169.254/32", "169.254.169.123/32", "169.254.170.2/32", "169.254.169.250/32", "169.254.169.251/32",
	"fd00:ec2::253/128", "fd00:ec2::254/128", "fd00:ec2::123/128", "fd00:ec2::250/128",
}

func (c *collector) constants() {
	for _, p := range law {
		c.cidr(netip.MustParsePrefix(p))
	}
	for _, p := range ir.Documentation() {
		c.cidr(p)
	}
}

// once reports whether an object is met for the first time.
func (c *collector) once(p any) bool {
	if c.seen[p] {
		return false
	}
	c.seen[p] = true
	return true
}

func (c *collector) network(n *ir.Network) {
	for _, v := range n.VPCs {
		c.vpc(v)
	}
	for _, s := range n.Subnets {
		c.subnet(s)
	}
	for _, t := range n.RouteTables {
		c.table(t)
	}
	for _, g := range n.SecurityGroups {
		c.group(g)
	}
	for _, a := range n.NetworkACLs {
		c.acl(a)
	}
	for _, l := range n.PrefixLists {
		c.list(l)
	}
	for _, i := range n.Interfaces {
		c.iface(i)
	}
	for _, g := range n.Gateways {
		c.gateway(g)
	}
	for _, g := range n.TransitGateways {
		c.transit(g)
	}
	if c.forwards {
		for _, p := range c.rules {
			c.client.add(p)
		}
	}
	if c.to64 {
		c.behind64()
	}
}

// behind64 cuts what NAT64 translates as its translation is cut: addresses by
// their last four bytes, the echo of ICMPv6 as that of ICMP.
func (c *collector) behind64() {
	for _, p := range c.cidrs {
		if !p.Addr().Is4() {
			continue
		}
		b, last := [16]byte{1: 0x64, 2: 0xff, 3: 0x9b}, p.Addr().As4()
		copy(b[12:], last[:])
		c.cidr(netip.PrefixFrom(netip.AddrFrom16(b), 96+p.Bits()))
	}
	for port, cut := range c.icmp[:1<<16] {
		if cut {
			c.icmp6[128<<8|port&255] = true
		}
	}
}

func (c *collector) vpc(v *ir.VPC) {
	if v == nil || !c.once(v) {
		return
	}
	for _, p := range v.IPv4 {
		c.cidr(p.V)
	}
	if len(v.IPv4) > 0 && v.IPv4[0].V.IsValid() {
		c.addr(v.IPv4[0].V.Masked().Addr().Next().Next()) // DNS
	}
	for _, p := range v.IPv6 {
		c.cidr(p.V)
	}
	for _, p := range v.PrivateIPv6 {
		c.cidr(p)
	}
	if v.Lattice != nil {
		for _, g := range v.Lattice.Groups.Sure {
			c.group(g)
		}
		for _, g := range v.Lattice.Groups.Maybe {
			c.group(g.V)
		}
	}
}

func (c *collector) subnet(s *ir.Subnet) {
	if s == nil || !c.once(s) {
		return
	}
	for _, p := range []netip.Prefix{s.IPv4.V, s.IPv6.V} {
		if !p.IsValid() {
			continue
		}
		c.cidr(p)
		a := p.Masked().Addr()
		for range 4 { // those that AWS keeps
			c.addr(a)
			a = a.Next()
		}
		c.addr(lastOf(p.Masked()))
	}
	for _, v := range s.VPC.Of {
		c.vpc(v)
	}
	for _, a := range s.ACL.Of {
		c.acl(a)
	}
	for _, t := range s.RouteTable.Of {
		c.table(t)
	}
}

func (c *collector) table(t *ir.RouteTable) {
	if t == nil || !c.once(t) {
		return
	}
	for k := range t.Routes {
		r := &t.Routes[k]
		c.peer(&r.Destination)
		for _, to := range r.Target.Of {
			switch to.Kind {
			case ir.TargetInterface:
				c.forwards = true
				c.iface(to.Interface)
			case ir.TargetGateway:
				c.gateway(to.Gateway)
				v4 := r.Destination.CIDR.IsValid() && r.Destination.CIDR.Addr().Is4()
				c.to64 = c.to64 || to.Gateway != nil && to.Gateway.Kind == ir.NATGateway && !v4
			case ir.TargetTransitGateway:
				c.transit(to.TransitGateway)
			case ir.TargetInvalid, ir.TargetLocal, ir.TargetPeering, ir.TargetOther:
			}
		}
	}
}

func (c *collector) peer(p *ir.Peer) {
	c.cidr(p.CIDR)
	c.group(p.Group)
	c.list(p.PrefixList)
}

func (c *collector) list(l *ir.PrefixList) {
	if l == nil || !c.once(l) {
		return
	}
	for _, p := range l.CIDRs {
		c.cidr(p)
	}
}

func (c *collector) group(g *ir.SecurityGroup) {
	if g == nil || !c.once(g) {
		return
	}
	for _, egress := range []bool{false, true} {
		for k := range g.Rules(egress) {
			m := &g.Rules(egress)[k].Match
			c.match(m, false)
			c.rules = append(c.rules, m.Ports.V)
		}
	}
}

func (c *collector) acl(a *ir.NetworkACL) {
	if a == nil || !c.once(a) {
		return
	}
	for k := range a.Entries {
		c.match(&a.Entries[k].Match, true)
	}
}

// match cuts at the ends of what a rule or an entry matches. Entries filter
// replies too.
func (c *collector) match(m *ir.Match, replies bool) {
	c.peer(&m.Peer)
	if !m.Protocol.Known() || m.Protocol.V == -1 {
		return // the ports of every protocol, and of one that is not known, do not count
	}
	switch uint8(m.Protocol.V) {
	case packet.TCP:
		c.tcp.add(m.Ports.V)
	case packet.UDP:
		c.udp.add(m.Ports.V)
	case packet.ICMP:
		c.icmp.add(m.Ports.V)
	case packet.ICMPv6:
		c.icmp6.add(m.Ports.V)
	}
	if replies {
		c.client.add(m.Ports.V)
	}
}

func (c *collector) iface(i *ir.Interface) {
	if i == nil || !c.once(i) {
		return
	}
	c.addresses(i.Addresses)
	for _, p := range i.Prefixes {
		c.cidr(p)
	}
	for _, s := range i.Subnet.Of {
		c.subnet(s)
	}
	for _, g := range i.Groups.Sure {
		c.group(g)
	}
	for _, g := range i.Groups.Maybe {
		c.group(g.V)
	}
	if i.Services == nil {
		return
	}
	for _, s := range i.Services.Ports {
		switch s.Protocol {
		case packet.TCP:
			c.tcp.add(s.Ports)
		case packet.UDP:
			c.udp.add(s.Ports)
		case packet.ICMP:
			c.icmp.add(s.Ports)
		case packet.ICMPv6:
			c.icmp6.add(s.Ports)
		}
	}
}

func (c *collector) addresses(as []ir.Address) {
	for k := range as {
		c.addr(as[k].Private.V)
		c.addr(as[k].Public.Addr.V)
	}
}

func (c *collector) gateway(g *ir.Gateway) {
	if g == nil || !c.once(g) {
		return
	}
	c.addresses(g.Addresses)
	for _, v := range g.VPC.Of {
		c.vpc(v)
	}
	for _, s := range g.Subnet.Of {
		c.subnet(s)
	}
	for _, t := range g.RouteTable.Of {
		c.table(t)
	}
}

func (c *collector) transit(g *ir.TransitGateway) {
	if g == nil || !c.once(g) {
		return
	}
	for _, a := range g.Attachments {
		for _, v := range a.VPC.Of {
			c.vpc(v)
		}
		for _, s := range a.Subnets.Sure {
			c.subnet(s)
		}
		for _, s := range a.Subnets.Maybe {
			c.subnet(s.V)
		}
	}
	for _, t := range g.Tables {
		for k := range t.Routes {
			c.peer(&t.Routes[k].Destination)
		}
	}
}
