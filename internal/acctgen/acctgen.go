// Package acctgen makes large accounts: VPCs, subnets with network ACLs,
// groups with hundreds of rules, references between groups, prefix lists,
// peering connections and transit gateways. What answers for all pairs of
// interfaces is measured on them, and compared with the concrete evaluator.
//
// Two kinds are made, because everything that is computed about classes of
// equal interfaces depends on which it is. In an account of services the
// interfaces of a service carry the same groups and stand in three subnets, and
// rules name a few hundred CIDRs: it collapses into classes. In a scattered one
// every interface draws its groups by itself and rules name single addresses:
// it does not. The same options give the same account.
package acctgen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Options says how large an account is. All sizes must be set.
type Options struct {
	Seed       uint64
	Interfaces int
	Groups     int
	Rules      int // of all groups, both directions
	ACLs       int
	VPCs       int
	Ports      int // different ports that rules name
	// Services: interfaces come in services, and rules name subnets; otherwise
	// groups and CIDRs are drawn for each.
	Services bool
	IPv6     bool
}

// perSubnet is how many interfaces stand in a subnet on average, perService how
// many a service has.
const (
	perSubnet  = 24
	perService = 15
)

type gen struct {
	*rand.Rand
	o     Options
	n     *ir.Network
	ports []ir.Ports
	named []netip.Prefix // what rules of an account of services name
	table []*ir.RouteTable
}

// New makes an account.
func New(o Options) *ir.Network {
	g := &gen{Rand: rand.New(rand.NewPCG(o.Seed, 1)), o: o, n: &ir.Network{Closed: map[ir.Scope]bool{}}}
	g.drawPorts()
	for k := range o.VPCs {
		g.vpc(k)
	}
	g.links()
	g.acls()
	g.subnets()
	g.prefixLists()
	g.groups()
	g.interfaces()
	return g.n
}

func origin(format string, args ...any) ir.Origin {
	return ir.Origin{Address: fmt.Sprintf(format, args...)}
}

// drawPorts draws the ports that rules and entries name: single ones, and the
// ranges that everybody writes.
func (g *gen) drawPorts() {
	seen := map[uint16]bool{}
	for len(g.ports) < g.o.Ports {
		p := uint16(1 + g.IntN(32000))
		if !seen[p] {
			seen[p] = true
			g.ports = append(g.ports, ir.Ports{Lo: p, Hi: p})
		}
	}
}

// vpc k is 10.k.0.0/16 for k up to 255, and 2001:db8:k::/56.
func (g *gen) vpc(k int) {
	v := &ir.VPC{
		ID: fmt.Sprintf("vpc-%d", k), Seen: true, Origin: origin("vpc-%d", k),
		IPv4: []ir.Value[netip.Prefix]{ir.Known(cidr4(k))}, BPA: ir.Known(ir.BPAOff), Exclusion: ir.Known(ir.ExclusionNone),
	}
	if g.o.IPv6 {
		v.IPv6 = []ir.Value[netip.Prefix]{ir.Known(cidr6(k))}
	}
	t := &ir.RouteTable{ID: "rtb-" + v.ID, VPC: ir.One(v), Main: true, Origin: origin("rtb-%s", v.ID)}
	g.route(t, cidr4(k), ir.Target{Kind: ir.TargetLocal})
	if g.o.IPv6 {
		g.route(t, cidr6(k), ir.Target{Kind: ir.TargetLocal})
	}
	igw := &ir.Gateway{ID: fmt.Sprintf("igw-%d", k), Kind: ir.InternetGateway, VPC: ir.One(v), Origin: origin("igw-%d", k)}
	g.route(t, netip.PrefixFrom(netip.IPv4Unspecified(), 0), ir.Target{Kind: ir.TargetGateway, Gateway: igw})
	g.n.Gateways = append(g.n.Gateways, igw)
	g.n.VPCs, g.table = append(g.n.VPCs, v), append(g.table, t)
	g.n.RouteTables = append(g.n.RouteTables, t)
}

func (g *gen) route(t *ir.RouteTable, to netip.Prefix, target ir.Target) {
	t.Routes = append(t.Routes, ir.Route{Destination: ir.Peer{CIDR: to}, Target: ir.One(target), Blackhole: ir.Known(false), Origin: t.Origin})
}

func cidr4(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(10 + k>>8), byte(k)}), 16)
}

func cidr6(k int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 4: byte(k >> 8), 5: byte(k)}), 56)
}

// links joins every VPC with the next by peering, and every fourth with all
// others of its kind by a transit gateway.
func (g *gen) links() {
	tgw := &ir.TransitGateway{ID: "tgw-0", GroupReferences: ir.Known(true), Origin: origin("tgw-0")}
	for k, v := range g.n.VPCs {
		if k+1 < len(g.n.VPCs) {
			p := &ir.Peering{
				ID: fmt.Sprintf("pcx-%d", k), Requester: ir.One(v), Accepter: ir.One(g.n.VPCs[k+1]),
				Active: ir.Known(true), SameRegion: ir.Known(k%3 > 0), Origin: origin("pcx-%d", k),
			}
			g.n.Peerings = append(g.n.Peerings, p)
			t := ir.Target{Kind: ir.TargetPeering, Peering: p}
			g.both(k, k+1, t)
		}
		if k%4 == 0 {
			a := &ir.Attachment{ID: fmt.Sprintf("attach-%d", k), VPC: ir.One(v), GroupReferences: ir.Known(k%8 == 0), Origin: origin("attach-%d", k)}
			for o := 0; o < k; o += 4 {
				g.both(o, k, ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: tgw})
			}
			tgw.Attachments = append(tgw.Attachments, a)
		}
	}
	g.n.TransitGateways = append(g.n.TransitGateways, tgw)
}

// both routes between two VPCs in both directions.
func (g *gen) both(a, b int, t ir.Target) {
	for _, p := range [][2]int{{a, b}, {b, a}} {
		g.route(g.table[p[0]], cidr4(p[1]), t)
		if g.o.IPv6 {
			g.route(g.table[p[0]], cidr6(p[1]), t)
		}
	}
}

// acls draws ACLs of 20 entries a direction and family that first deny a little
// and then allow a lot, or the other way round.
func (g *gen) acls() {
	for k := range g.o.ACLs {
		a := &ir.NetworkACL{ID: fmt.Sprintf("acl-%d", k), Origin: origin("acl-%d", k)}
		for _, egress := range []bool{false, true} {
			for e := range 18 {
				a.Entries = append(a.Entries, g.entry(a.ID, egress, 10+10*e, g.IntN(100) < 60))
			}
			for f, number := range map[packet.Family]int{packet.IPv4: 900, packet.IPv6: 901} {
				if f == packet.IPv6 && !g.o.IPv6 {
					continue
				}
				e := ir.Entry{Egress: egress, Number: ir.Known(uint16(number)), Allow: ir.Known(true), Origin: origin("%s/%d", a.ID, number)}
				e.Match = ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: everything(f)}}
				if k%5 == 0 { // only ports that clients use
					e.Protocol, e.Ports = ir.Known[int16](packet.TCP), ir.Known(ir.Ports{Lo: 1024, Hi: 65535})
				}
				a.Entries = append(a.Entries, e)
			}
		}
		g.n.NetworkACLs = append(g.n.NetworkACLs, a)
	}
}

func everything(f packet.Family) netip.Prefix {
	if f == packet.IPv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func (g *gen) entry(id string, egress bool, number int, allow bool) ir.Entry {
	e := ir.Entry{Egress: egress, Number: ir.Known(uint16(number)), Allow: ir.Known(allow), Origin: origin("%s/%d", id, number)}
	e.Protocol, e.Ports = g.service()
	e.Peer.CIDR = g.block()
	return e
}

// block draws a subnet, or a part of a VPC.
func (g *gen) block() netip.Prefix {
	k := g.IntN(g.o.VPCs)
	bits := []int{16, 18, 20, 22, 24, 24, 24}[g.IntN(7)]
	if g.o.IPv6 && g.IntN(3) == 0 {
		b := cidr6(k).Addr().As16()
		b[7] = byte(g.IntN(8))
		return netip.PrefixFrom(netip.AddrFrom16(b), []int{56, 60, 64, 64}[g.IntN(4)]).Masked()
	}
	b := cidr4(k).Addr().As4()
	b[2] = byte(g.IntN(g.subnetsOfVPC()))
	return netip.PrefixFrom(netip.AddrFrom4(b), bits).Masked()
}

func (g *gen) subnetsOfVPC() int {
	return min(max(g.o.Interfaces/perSubnet/g.o.VPCs, 1), 250)
}

// service draws a protocol and ports.
func (g *gen) service() (ir.Value[int16], ir.Value[ir.Ports]) {
	switch g.IntN(40) {
	case 0:
		return ir.Known[int16](-1), ir.Known(ir.AllPorts)
	case 1:
		return ir.Known[int16](packet.ICMP), ir.Known(ir.ICMPPorts(8, -1))
	case 2:
		return ir.Known[int16](packet.TCP), ir.Known(ir.Ports{Lo: 1024, Hi: 65535})
	case 3:
		return ir.Known[int16](packet.TCP), ir.Known(ir.Ports{Lo: 32768, Hi: 60999})
	case 4:
		return ir.Known[int16](packet.UDP), ir.Known(ir.AllPorts)
	}
	p := g.ports[g.IntN(len(g.ports))]
	if p.Lo%4 == 0 {
		return ir.Known[int16](packet.UDP), ir.Known(p)
	}
	return ir.Known[int16](packet.TCP), ir.Known(p)
}

func (g *gen) subnets() {
	for k, v := range g.n.VPCs {
		for j := range g.subnetsOfVPC() {
			b := cidr4(k).Addr().As4()
			b[2] = byte(j)
			s := &ir.Subnet{
				ID: fmt.Sprintf("subnet-%d-%d", k, j), VPC: ir.One(v), IPv4: ir.Known(netip.PrefixFrom(netip.AddrFrom4(b), 24)),
				ACL: ir.One(g.n.NetworkACLs[g.IntN(len(g.n.NetworkACLs))]), RouteTable: ir.One(g.table[k]),
				Exclusion: ir.Known(ir.ExclusionNone), Zone: string(rune('a' + j%3)), Origin: origin("subnet-%d-%d", k, j),
			}
			if g.o.IPv6 {
				b := cidr6(k).Addr().As16()
				b[7] = byte(j)
				s.IPv6 = ir.Known(netip.PrefixFrom(netip.AddrFrom16(b), 64))
			}
			g.n.Subnets = append(g.n.Subnets, s)
		}
	}
	for _, t := range g.n.TransitGateways {
		for _, a := range t.Attachments {
			v, _ := a.VPC.Known()
			g.attach(a, v)
		}
	}
	for range 300 {
		g.named = append(g.named, g.block())
	}
}

// attach puts an attachment into a subnet of its own in each zone.
func (g *gen) attach(a *ir.Attachment, v *ir.VPC) {
	acl := g.n.NetworkACLs[g.IntN(len(g.n.NetworkACLs))]
	for z := range 3 {
		b := v.IPv4[0].V.Addr().As4()
		b[2], b[3] = 255, byte(16*z)
		a.Subnets.Sure = append(a.Subnets.Sure, &ir.Subnet{
			ID: fmt.Sprintf("%s-%d", a.ID, z), VPC: ir.One(v), IPv4: ir.Known(netip.PrefixFrom(netip.AddrFrom4(b), 28)),
			ACL: ir.One(acl), RouteTable: ir.One(g.tableOf(v)), Exclusion: ir.Known(ir.ExclusionNone),
			Zone: string(rune('a' + z)), Origin: origin("%s-%d", a.ID, z),
		})
	}
	g.n.Subnets = append(g.n.Subnets, a.Subnets.Sure...)
}

func (g *gen) tableOf(v *ir.VPC) *ir.RouteTable {
	for k, o := range g.n.VPCs {
		if o == v {
			return g.table[k]
		}
	}
	return nil
}

func (g *gen) prefixLists() {
	for k := range 20 {
		l := &ir.PrefixList{ID: fmt.Sprintf("pl-%d", k), Family: packet.IPv4, Origin: origin("pl-%d", k)}
		for len(l.CIDRs) < 8 {
			if p := g.block(); p.Addr().Is4() {
				l.CIDRs = append(l.CIDRs, p)
			}
		}
		g.n.PrefixLists = append(g.n.PrefixLists, l)
	}
}

func (g *gen) groups() {
	for k := range g.o.Groups {
		g.n.SecurityGroups = append(g.n.SecurityGroups, &ir.SecurityGroup{
			ID: fmt.Sprintf("sg-%d", k), Name: fmt.Sprintf("group-%d", k), VPCs: ir.One(g.n.VPCs[k%g.o.VPCs]), Origin: origin("sg-%d", k),
		})
	}
	each := g.o.Rules / g.o.Groups / 2
	for _, sg := range g.n.SecurityGroups {
		sg.Ingress = make([]ir.Rule, each)
		sg.Egress = make([]ir.Rule, each)
		for k := range each {
			g.rule(&sg.Ingress[k], sg.Origin)
			g.rule(&sg.Egress[k], sg.Origin)
		}
	}
}

func (g *gen) rule(r *ir.Rule, o ir.Origin) {
	r.Origin = o
	r.Protocol, r.Ports = g.service()
	switch k := g.IntN(100); {
	case k < 12:
		r.Peer.Group = g.n.SecurityGroups[g.IntN(len(g.n.SecurityGroups))]
	case k < 14:
		r.Peer.PrefixList = g.n.PrefixLists[g.IntN(len(g.n.PrefixLists))]
	case k < 15:
		r.Peer.CIDR = everything(packet.IPv4)
	case g.o.Services:
		r.Peer.CIDR = g.named[g.IntN(len(g.named))]
	case k < 35:
		r.Peer.CIDR = g.block()
	default:
		r.Peer.CIDR = g.host()
	}
}

// host draws a single address, or a few, of a subnet.
func (g *gen) host() netip.Prefix {
	b := cidr4(g.IntN(g.o.VPCs)).Addr().As4()
	b[2], b[3] = byte(g.IntN(g.subnetsOfVPC())), byte(4+g.IntN(2*perSubnet))
	return netip.PrefixFrom(netip.AddrFrom4(b), []int{28, 30, 32, 32, 32}[g.IntN(5)]).Masked()
}

func (g *gen) interfaces() {
	used := map[*ir.Subnet]int{}
	plain := g.o.VPCs * g.subnetsOfVPC()
	var subnets []*ir.Subnet
	var groups []*ir.SecurityGroup
	for k := range g.o.Interfaces {
		if !g.o.Services || k%perService == 0 {
			first := g.IntN(plain)
			subnets = g.n.Subnets[first:min(first+3, plain)]
			groups = g.some()
		}
		s := subnets[g.IntN(len(subnets))]
		at := used[s]
		used[s]++
		if at > 240 {
			s = g.n.Subnets[k%plain]
			at = used[s]
			used[s]++
		}
		i := &ir.Interface{
			ID: fmt.Sprintf("eni-%d", k), Resource: fmt.Sprintf("instance-%d", k), Kind: ir.InterfaceInstance,
			Subnet: ir.One(s), Groups: ir.All(groups...), SourceDestCheck: ir.Known(true), Origin: origin("eni-%d", k),
		}
		i.Addresses = append(i.Addresses, address(s.IPv4.V, at, packet.IPv4))
		if g.o.IPv6 {
			i.Addresses = append(i.Addresses, address(s.IPv6.V, at, packet.IPv6))
		}
		g.n.Interfaces = append(g.n.Interfaces, i)
	}
}

// some draws one group, or two or three.
func (g *gen) some() []*ir.SecurityGroup {
	var groups []*ir.SecurityGroup
	for range []int{1, 1, 2, 2, 3}[g.IntN(5)] {
		groups = append(groups, g.n.SecurityGroups[g.IntN(len(g.n.SecurityGroups))])
	}
	return groups
}

// address is that of the k-th interface of a subnet.
func address(p netip.Prefix, k int, f packet.Family) ir.Address {
	b := p.Addr().AsSlice()
	b[len(b)-1] = byte(4 + k)
	a, _ := netip.AddrFromSlice(b)
	return ir.Address{Private: ir.Known(a), Family: f, Public: ir.Public{Exists: ir.Known(false)}}
}
