package awsapi

import (
	"net/netip"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// findCarried notes the groups that something carries: they exist.
func (b *builder) findCarried() {
	note := func(list value) {
		for g := range list.items() {
			b.carried[groupID(valueOf(g.first("GroupId", "SecurityGroupId", "VpcSecurityGroupId"), g))] = true
		}
	}
	for _, o := range b.objects[recordInterface] {
		note(o.get("Groups"))
	}
	for _, o := range b.objects[recordInstance] {
		note(o.get("SecurityGroups"))
	}
	for _, kind := range []recordKind{recordLoadBalancer, recordService, recordEndpoint, recordLattice} {
		for _, o := range b.objects[kind] {
			for _, p := range o.parts {
				for _, g := range groupRefs(p.value) {
					b.carried[groupID(g)] = true
				}
			}
		}
	}
}

// buildInterfaces reads network interfaces, and makes one for each instance
// that has none. An instance's own list of interfaces fills in what
// describe-network-interfaces does not say.
func (b *builder) buildInterfaces() {
	instances := index[*object]{}
	gone := map[*object]bool{}
	for _, o := range b.objects[recordInstance] {
		instances.add(o.id, o.home, o)
		switch o.get("State").get("Name").peek() {
		case "terminated", "shutting-down":
			gone[o] = true
		}
	}
	has := map[*object]bool{}
	for _, o := range b.objects[recordInterface] {
		inst, ok := b.instanceOf(o, instances)
		if ok && gone[inst] && !listed(o) {
			continue
		}
		i := b.networkInterface(o)
		if ok {
			has[inst] = true
			b.joinInstance(i, inst)
			if device, _ := o.get("Attachment").get("DeviceIndex").int(); device == 0 {
				b.interfaces.add(inst.id, inst.home, i)
			}
		}
	}
	for _, o := range b.objects[recordInstance] {
		if !gone[o] && !has[o] {
			b.instance(o)
		}
	}
}

// listed reports whether a list of interfaces holds the object.
func listed(o *object) bool { return !o.parts[0].partial }

func (b *builder) instanceOf(o *object, instances index[*object]) (*object, bool) {
	id := o.get("Attachment").get("InstanceId").str()
	for _, p := range o.parts {
		if id == "" && p.parent.ok() {
			id = p.parent.get("InstanceId").str()
		}
	}
	if id == "" {
		return nil, false
	}
	return instances.find(id, o.home)
}

func (b *builder) joinInstance(i *ir.Interface, inst *object) {
	i.Kind = ir.InterfaceInstance
	i.Resource = inst.id
	i.Windows = strings.EqualFold(inst.get("Platform").peek(), "windows")
	i.Aliases = appendNew(i.Aliases, inst.id)
	t := tags(inst)
	if i.Tags == nil {
		i.Tags = t
		return
	}
	merged := map[string]string{}
	for k, v := range t {
		merged[k] = v
	}
	for k, v := range i.Tags {
		merged[k] = v
	}
	i.Tags = merged
}

func appendNew(list []string, s string) []string {
	for _, l := range list {
		if l == s {
			return list
		}
	}
	if s == "" {
		return list
	}
	return append(list, s)
}

// networkInterface reads one interface. [botocore ec2 NetworkInterface]
func (b *builder) networkInterface(o *object) *ir.Interface {
	i := &ir.Interface{
		ID: o.id, Resource: o.id, Home: o.home, Tags: tags(o), Origin: o.origin(), DenyIGW: o.get("DenyAllIgwTraffic").yes(),
		SourceDestCheck: ir.Known(true),
	}
	groups, subnet := o.get("Groups"), o.get("SubnetId")
	i.Origin.Fields = fields(at{ir.FieldGroups, groups}, at{ir.FieldSubnet, subnet}, at{ir.FieldPublic, o.get("Association").get("PublicIp")})
	i.Origin.Description = o.get("Description").str()
	if c := o.get("SourceDestCheck"); c.ok() {
		i.SourceDestCheck = ir.Known(c.yes())
	}
	i.Subnet = b.subnetChoice(subnet, o.get("VpcId"), o)
	if !groups.isArray() {
		i.Groups.Open = notSaid(o, "its groups")
	}
	i.Groups.Sure = b.groupsOf(i, groups, o.home)
	b.addresses(i, o)
	b.recognise(i, o)
	b.addInterface(i)
	return i
}

func (b *builder) addInterface(i *ir.Interface) {
	if i.ID != "" {
		b.interfaces.add(i.ID, i.Home, i)
	}
	b.net.Interfaces = append(b.net.Interfaces, i)
}

func (b *builder) subnetChoice(subnet, vpc value, o *object) ir.Choice[*ir.Subnet] {
	if subnet.str() == "" {
		return ir.Another[*ir.Subnet](notSaid(o, "its subnet"))
	}
	return ir.One(b.subnet(subnet, vpc, o.home))
}

// groupsOf reads groups in any of their forms, and counts the interfaces that
// wait for a file that could not be read.
func (b *builder) groupsOf(i *ir.Interface, list value, home ir.Home) []*ir.SecurityGroup {
	var out []*ir.SecurityGroup
	for g := range list.items() {
		ref := valueOf(g.first("GroupId", "SecurityGroupId", "VpcSecurityGroupId"), g)
		if ref.str() == "" {
			i.Groups.Open = &ir.Unknown{Term: "groups at " + g.place().String(), Cause: diag.Cause{
				Code: diag.NotValid, Message: g.text() + " is no group id", Address: i.Resource, Range: g.place(),
			}}
			continue
		}
		out = append(out, b.carriedBy(i, ref, home))
	}
	return out
}

func (b *builder) carriedBy(i *ir.Interface, ref value, home ir.Home) *ir.SecurityGroup {
	g := b.carriedGroup(ref, home)
	if f := b.failed(ir.KindSecurityGroup, home); f >= 0 && g.Open != nil {
		if b.waiting[f] == nil {
			b.waiting[f] = map[*ir.Interface]bool{}
		}
		b.waiting[f][i] = true
	}
	return g
}

// addresses reads the private addresses, with their public ones, the IPv6
// addresses and the delegated prefixes.
func (b *builder) addresses(i *ir.Interface, o *object) {
	n := 0
	for a := range o.get("PrivateIpAddresses").items() {
		if private := a.get("PrivateIpAddress"); private.str() != "" {
			public := a.get("Association").get("PublicIp")
			if n == 0 && !public.ok() {
				public = o.get("Association").get("PublicIp")
			}
			i.Addresses = append(i.Addresses, b.address(private, public, i.Resource))
			n++
		}
	}
	if private := o.get("PrivateIpAddress"); n == 0 && private.str() != "" {
		i.Addresses = append(i.Addresses, b.address(private, o.get("Association").get("PublicIp"), i.Resource))
	}
	v6 := 0
	for a := range o.get("Ipv6Addresses").items() {
		if v := valueOf(a.get("Ipv6Address"), a); v.str() != "" {
			i.Addresses = append(i.Addresses, b.address(v, value{}, i.Resource))
			v6++
		}
	}
	if v := o.get("Ipv6Address"); v6 == 0 && v.str() != "" {
		i.Addresses = append(i.Addresses, b.address(v, value{}, i.Resource))
	}
	for _, p := range []struct{ list, member string }{{"Ipv4Prefixes", "Ipv4Prefix"}, {"Ipv6Prefixes", "Ipv6Prefix"}} {
		for a := range o.get(p.list).items() {
			v := valueOf(a.get(p.member), a)
			if c := b.prefix(v, guessFamily(v.peek()), i.Resource); c.Known() {
				i.Prefixes = append(i.Prefixes, c.V)
			}
		}
	}
}

// instance makes the interface of an instance that lists none.
func (b *builder) instance(o *object) {
	i := &ir.Interface{
		Resource: o.id, Kind: ir.InterfaceInstance, Home: o.home, Origin: o.origin(), Aliases: []string{o.id}, Tags: tags(o),
		SourceDestCheck: ir.Known(true), Windows: strings.EqualFold(o.get("Platform").peek(), "windows"),
	}
	groups := o.get("SecurityGroups")
	i.Origin.Fields = fields(at{ir.FieldGroups, groups}, at{ir.FieldSubnet, o.get("SubnetId")}, at{ir.FieldPublic, o.get("PublicIpAddress")})
	if c := o.get("SourceDestCheck"); c.ok() {
		i.SourceDestCheck = ir.Known(c.yes())
	}
	i.Subnet = b.subnetChoice(o.get("SubnetId"), o.get("VpcId"), o)
	if !groups.isArray() {
		i.Groups.Open = notSaid(o, "its groups")
	}
	i.Groups.Sure = b.groupsOf(i, groups, o.home)
	if private := o.get("PrivateIpAddress"); private.str() != "" {
		i.Addresses = append(i.Addresses, b.address(private, o.get("PublicIpAddress"), o.id))
	} else {
		why := notSaid(o, "its address")
		i.Addresses = append(i.Addresses, ir.Address{
			Private: ir.NotKnown[netip.Addr](why), Family: guessFamily(""), Public: publicAddress(b, o.get("PublicIpAddress"), o.main(), o.id),
		})
	}
	if v := o.get("Ipv6Address"); v.str() != "" {
		i.Addresses = append(i.Addresses, b.address(v, value{}, o.id))
	}
	b.interfaces.add(o.id, o.home, i)
	b.addInterface(i)
}

// buildAddresses applies elastic addresses to interfaces whose description
// does not show them. [botocore ec2 Address]
func (b *builder) buildAddresses() {
	for _, o := range b.objects[recordAddress] {
		public, private := o.get("PublicIp"), o.get("PrivateIpAddress")
		ref := o.get("NetworkInterfaceId", "InstanceId").str()
		if ref == "" || public.str() == "" {
			continue
		}
		i, ok := b.interfaces.find(ref, o.home)
		if !ok {
			if !b.isNATAddress(public.peek()) {
				b.omit(o.id, o.main(), "an address of "+ref+", which is not in the input")
			}
			continue
		}
		at, ok := b.addressAt(i, private.str())
		if ok && !i.Addresses[at].Public.Exists.V {
			i.Addresses[at].Public = publicAddress(b, public, public, i.Resource)
		}
	}
}

// addressAt finds a private address of an interface; without one, the primary.
func (b *builder) addressAt(i *ir.Interface, private string) (int, bool) {
	if private == "" {
		return 0, len(i.Addresses) > 0
	}
	places, ok := b.addressPlaces[i]
	if !ok {
		places = map[string]int{}
		for k, a := range i.Addresses {
			if a.Private.Known() {
				places[a.Private.V.String()] = k
			}
		}
		b.addressPlaces[i] = places
	}
	at, ok := places[private]
	return at, ok
}

// isNATAddress reports whether a NAT gateway holds a public address.
func (b *builder) isNATAddress(public string) bool {
	if b.natAddresses == nil {
		b.natAddresses = map[string]bool{}
		for _, g := range b.net.Gateways {
			for _, a := range g.Addresses {
				if a.Public.Exists.V && a.Public.Addr.Known() {
					b.natAddresses[a.Public.Addr.V.String()] = true
				}
			}
		}
	}
	return b.natAddresses[public]
}
