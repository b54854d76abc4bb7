package endpoint

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Selection is what an endpoint means in one network.
type Selection struct {
	// Interfaces are in the network's order. Interfaces that may be members of
	// a group are selected with it.
	Interfaces []*ir.Interface
	// Addresses are the addresses that were named as such, those that an
	// interface of the network holds included.
	Addresses *netipx.IPSet
}

// Empty reports whether the endpoint means nothing here.
func (s Selection) Empty() bool {
	return len(s.Interfaces) == 0 && (s.Addresses == nil || len(s.Addresses.Ranges()) == 0)
}

// notInternet lists the IPv4 ranges that are not part of the internet: see
// docs/architecture.md. The documentation ranges are.
var notInternet = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
}

var (
	all4   = netip.MustParsePrefix("0.0.0.0/0")
	all6   = netip.MustParsePrefix("::/0")
	global = netip.MustParsePrefix("2000::/3") // IPv6 unicast that is routed
)

// Internet returns the addresses of a family that lie on the internet, as seen
// from a network: its own IPv6 CIDRs do not.
func Internet(n *ir.Network, f packet.Family) *netipx.IPSet {
	var b netipx.IPSetBuilder
	switch f {
	case packet.IPv4:
		b.AddPrefix(all4)
		for _, p := range notInternet {
			b.RemovePrefix(p)
		}
	case packet.IPv6:
		b.AddPrefix(global)
		for _, v := range n.VPCs {
			for _, c := range v.IPv6 {
				if c.Known() && c.V.IsValid() {
					b.RemovePrefix(c.V)
				}
			}
		}
	case packet.FamilyInvalid:
	}
	return set(&b)
}

// set finishes a builder. Its only errors are about invalid prefixes, which are
// kept out.
func set(b *netipx.IPSetBuilder) *netipx.IPSet {
	s, err := b.IPSet()
	if err != nil {
		return &netipx.IPSet{}
	}
	return s
}

// Select returns what the endpoint means in a network. A term that names
// nothing there selects nothing; Check tells.
func (e Expr) Select(n *ir.Network) Selection {
	m := meaning{interfaces: make([]bool, len(n.Interfaces)), addresses: &netipx.IPSet{}}
	if e.root.op != operatorInvalid {
		m = e.root.in(n)
	}
	s := Selection{Addresses: m.addresses}
	for i, in := range m.interfaces {
		if in {
			s.Interfaces = append(s.Interfaces, n.Interfaces[i])
		}
	}
	return s
}

// meaning is a selection while it is put together: a mark for each interface.
type meaning struct {
	interfaces []bool
	addresses  *netipx.IPSet
}

func (nd node) in(n *ir.Network) meaning {
	switch nd.op {
	case leaf:
		return nd.term.in(n)
	case not:
		m := nd.args[0].in(n)
		var b netipx.IPSetBuilder
		b.AddSet(m.addresses)
		b.Complement()
		m.addresses = set(&b)
		for i := range m.interfaces {
			m.interfaces[i] = !m.interfaces[i]
		}
		return m
	case and, or:
		m := nd.args[0].in(n)
		for _, arg := range nd.args[1:] {
			m = m.join(arg.in(n), nd.op == and)
		}
		return m
	case operatorInvalid:
	}
	return meaning{interfaces: make([]bool, len(n.Interfaces)), addresses: &netipx.IPSet{}}
}

func (m meaning) join(o meaning, both bool) meaning {
	var b netipx.IPSetBuilder
	b.AddSet(m.addresses)
	if both {
		b.Intersect(o.addresses)
	} else {
		b.AddSet(o.addresses)
	}
	for i, in := range o.interfaces {
		if both {
			m.interfaces[i] = m.interfaces[i] && in
		} else {
			m.interfaces[i] = m.interfaces[i] || in
		}
	}
	m.addresses = set(&b)
	return m
}

func (t term) in(n *ir.Network) meaning {
	m := meaning{interfaces: make([]bool, len(n.Interfaces)), addresses: t.addresses(n)}
	if t.kind == kindInternet {
		return m
	}
	named := t.objects(n)
	for i, nic := range n.Interfaces {
		m.interfaces[i] = t.selects(nic, named)
	}
	return m
}

func (t term) addresses(n *ir.Network) *netipx.IPSet {
	var b netipx.IPSetBuilder
	switch t.kind {
	case kindAny:
		b.AddPrefix(all4)
		b.AddPrefix(all6)
	case kindInternet:
		if t.v4 {
			b.AddSet(Internet(n, packet.IPv4))
		}
		if t.v6 {
			b.AddSet(Internet(n, packet.IPv6))
		}
	case kindPrefix:
		b.AddPrefix(t.prefix)
	case kindInvalid, kindName, kindGroup, kindSubnet, kindVPC, kindTag, kindType, kindGlob, kindAccount, kindRegion:
	}
	return set(&b)
}

// objects are the groups, subnets and VPCs that a term names.
type objects struct {
	groups  map[*ir.SecurityGroup]bool
	subnets map[*ir.Subnet]bool
	vpcs    map[*ir.VPC]bool
}

func (t term) objects(n *ir.Network) objects {
	o := objects{groups: map[*ir.SecurityGroup]bool{}, subnets: map[*ir.Subnet]bool{}, vpcs: map[*ir.VPC]bool{}}
	names := func(k kind, id, name, address string) bool {
		switch t.kind {
		case kindName:
			return id != "" && id == t.value || address != "" && matchAddress(t.value, address)
		case k:
			return id != "" && id == t.value || name != "" && Glob(t.value, name) ||
				Label(address) != "" && Glob(t.value, Label(address)) || address != "" && matchAddress(t.value, address)
		default:
			return false
		}
	}
	for _, g := range n.SecurityGroups {
		if names(kindGroup, g.ID, g.Name, g.Origin.Address) {
			o.groups[g] = true
		}
	}
	for _, s := range n.Subnets {
		if names(kindSubnet, s.ID, s.Name, s.Origin.Address) {
			o.subnets[s] = true
		}
	}
	for _, v := range n.VPCs {
		if names(kindVPC, v.ID, v.Name, v.Origin.Address) {
			o.vpcs[v] = true
		}
	}
	return o
}

func (o objects) empty() bool { return len(o.groups)+len(o.subnets)+len(o.vpcs) == 0 }

// holds reports whether an interface is in one of the objects, or may be.
func (o objects) holds(nic *ir.Interface) bool {
	for _, g := range nic.Groups.Sure {
		if o.groups[g] {
			return true
		}
	}
	for _, g := range nic.Groups.Maybe {
		if o.groups[g.V] {
			return true
		}
	}
	for _, s := range nic.Subnet.Of {
		if o.subnets[s] || slices.ContainsFunc(s.VPC.Of, func(v *ir.VPC) bool { return o.vpcs[v] }) {
			return true
		}
	}
	return false
}

func (t term) selects(nic *ir.Interface, named objects) bool {
	switch t.kind {
	case kindAny:
		return true
	case kindPrefix:
		return within(nic, t.prefix)
	case kindName:
		return t.names(nic) || named.holds(nic)
	case kindGroup, kindSubnet, kindVPC:
		return named.holds(nic)
	case kindTag:
		v, ok := nic.Tags[t.key]
		return ok && Glob(t.value, v)
	case kindType:
		return Glob(t.value, Type(nic))
	case kindGlob:
		return Glob(t.value, nic.Tags["Name"]) && nic.Tags["Name"] != "" || Glob(t.value, nic.Resource) ||
			Label(nic.Resource) != "" && Glob(t.value, Label(nic.Resource))
	case kindAccount:
		return nic.Home.Account == t.value
	case kindRegion:
		return Glob(t.value, nic.Home.Region) && nic.Home.Region != ""
	case kindInternet, kindInvalid:
	}
	return false
}

func (t term) names(nic *ir.Interface) bool {
	if nic.ID != "" && nic.ID == t.value || slices.Contains(nic.Aliases, t.value) {
		return true
	}
	for _, a := range append([]string{nic.Resource, nic.Origin.Address}, nic.Aliases...) {
		if a != "" && matchAddress(t.value, a) {
			return true
		}
	}
	return false
}

// within reports whether an interface surely has an address in a prefix, public
// addresses included.
func within(nic *ir.Interface, p netip.Prefix) bool {
	for _, a := range nic.Addresses {
		if a.Private.Known() && p.Contains(a.Private.V) {
			return true
		}
		if a.Public.Exists.Known() && a.Public.Exists.V && a.Public.Addr.Known() && p.Contains(a.Public.Addr.V) {
			return true
		}
		if !a.Private.Known() && covers(p, nic, a.Family) {
			return true
		}
	}
	return slices.ContainsFunc(nic.Prefixes, p.Overlaps)
}

// covers reports whether every address that a subnet could give the interface
// lies in the prefix.
func covers(p netip.Prefix, nic *ir.Interface, f packet.Family) bool {
	if nic.Subnet.Open != nil || len(nic.Subnet.Of) == 0 {
		return false
	}
	for _, s := range nic.Subnet.Of {
		of := s.IPv4
		if f == packet.IPv6 {
			of = s.IPv6
		}
		if !of.Known() || !of.V.IsValid() || of.V.Bits() < p.Bits() || !p.Contains(of.V.Addr()) {
			return false
		}
	}
	return true
}

// Type returns the Terraform type of what an interface belongs to. In exports,
// where there is none, it is the type that such a thing would have.
func Type(nic *ir.Interface) string {
	if t := typeOf(nic.Resource); t != "" {
		return t
	}
	switch nic.Kind {
	case ir.InterfaceInstance:
		return "aws_instance"
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer:
		return "aws_lb"
	case ir.InterfaceDatabase:
		return "aws_db_instance"
	case ir.InterfaceCache:
		return "aws_elasticache_cluster"
	case ir.InterfaceFunction:
		return "aws_lambda_function"
	case ir.InterfaceContainer:
		return "aws_ecs_service"
	case ir.InterfaceNATGateway:
		return "aws_nat_gateway"
	case ir.InterfaceTransitGateway:
		return "aws_ec2_transit_gateway_vpc_attachment"
	case ir.InterfaceEndpoint:
		return "aws_vpc_endpoint"
	case ir.InterfaceConnectEndpoint:
		return "aws_ec2_instance_connect_endpoint"
	case ir.InterfaceOther, ir.InterfaceInvalid:
	}
	return "aws_network_interface"
}
