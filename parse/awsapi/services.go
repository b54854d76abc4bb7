package awsapi

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// serviceKind tells how to read resources that carry groups.
type serviceKind struct {
	kind      ir.InterfaceKind
	noInbound bool
	port      uint16 // where no member tells
	// one: the resource stands in one of its subnets rather than in each.
	one bool
	// prefix of the descriptions of its interfaces
	prefix string
}

var (
	databaseService  = serviceKind{kind: ir.InterfaceDatabase, one: true, prefix: "RDSNetworkInterface"}
	cacheService     = serviceKind{kind: ir.InterfaceCache, one: true, prefix: "ElastiCache "}
	functionService  = serviceKind{kind: ir.InterfaceFunction, noInbound: true, prefix: "AWS Lambda VPC ENI"}
	containerService = serviceKind{kind: ir.InterfaceContainer}
	clusterService   = serviceKind{kind: ir.InterfaceDatabase, one: true, prefix: "RedshiftNetworkInterface"}
	searchService    = serviceKind{kind: ir.InterfaceDatabase, port: 443, prefix: "ES "}
	mountService     = serviceKind{kind: ir.InterfaceOther, port: 2049, prefix: "EFS mount target for "}
	connectService   = serviceKind{kind: ir.InterfaceConnectEndpoint, noInbound: true, one: true}
	otherService     = serviceKind{kind: ir.InterfaceOther}
)

// unknownService is the list of objects that carry groups and are of a kind
// that postern does not know.
var unknownService = list{name: "objects that carry groups", kind: recordService, noun: "resource", id: "Arn", service: &otherService}

// serviceIDs are the members that name a resource, the best first.
var serviceIDs = []string{
	"Arn", "ResourceArn", "ClusterArn", "FunctionArn", "ServiceArn", "DBInstanceArn", "DBClusterArn", "DBInstanceIdentifier", "DBClusterIdentifier", "ClusterIdentifier",
	"CacheClusterId", "MountTargetId", "FileSystemId", "BrokerId", "DirectoryId", "Id", "Identifier", "Name", "ClusterName", "DomainName", "ServiceName",
	"ProjectName", "ServerId", "EnvironmentName", "ReplicationInstanceIdentifier", "NotebookInstanceName",
}

// groupMembers are the members that hold groups, and subnetMembers subnets, by
// the names that services use.
var (
	groupMembers = []string{
		"SecurityGroups", "SecurityGroupIds", "VpcSecurityGroups", "VpcSecurityGroupIds", "Groups", "SecurityGroupIdList", "SecurityGroup",
		"VpcSecurityGroupMemberships", "ClusterSecurityGroupId", "EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup",
		"SecurityGroupId",
	}
	subnetMembers = []string{"SubnetIds", "Subnets", "VpcSubnetIds", "ClientSubnets", "SubnetId", "Ec2SubnetId", "VpcSubnets"}
	// inside are the members that hold such members.
	inside = []string{
		"VpcConfig", "VpcConfiguration", "ResourcesVpcConfig", "VPCOptions", "BrokerNodeGroupInfo", "NetworkConfiguration",
		"AwsvpcConfiguration", "DBSubnetGroup", "VpcSettings", "Ec2InstanceAttributes", "EndpointDetails", "ComputeResources", "NetworkSettings",
		"VpcConnectionConfig", "VpcConfigResponse", "ReplicationSubnetGroup", "Provisioned", "ConnectSettings", "PhysicalConnectionRequirements",
	}
)

// groupRefs finds the group ids that an object carries.
func groupRefs(v value) []value { return refs(v, groupMembers, 0) }

func refs(v value, members []string, depth int) []value {
	var out []value
	for _, name := range members {
		m := v.get(name)
		if m.isArray() {
			for item := range m.items() {
				out = appendRef(out, valueOf(item.first("GroupId", "SecurityGroupId", "VpcSecurityGroupId", "SubnetIdentifier", "SubnetId"), item))
			}
		} else if m.kind() == stringValue {
			out = appendRef(out, m)
		}
	}
	if depth < 3 {
		for _, name := range inside {
			if m := v.get(name); m.isObject() {
				for _, r := range refs(m, members, depth+1) {
					out = appendRef(out, r)
				}
			}
		}
	}
	return out
}

func appendRef(out []value, v value) []value {
	s := v.peek()
	if s == "" || len(out) == maxRefs || slices.ContainsFunc(out, func(o value) bool { return o.peek() == s }) {
		return out
	}
	return append(out, v)
}

// carriesGroups reports whether an object of an unknown kind carries groups.
func carriesGroups(v value) bool {
	for _, g := range groupRefs(v) {
		if strings.HasPrefix(groupID(g), "sg-") {
			return true
		}
	}
	return false
}

// carrier is a resource and what it says about its interfaces.
type carrier struct {
	object   *object
	service  *serviceKind
	kind     ir.InterfaceKind
	resource string
	groups   []value
	subnets  []value
	services *ir.Services
	public   ir.Value[bool] // whether its IPv4 addresses are public
	why      value          // what says so
	dual     bool           // IPv6 addresses as well
	preserve ir.Value[bool] // see ir.Interface.PreserveClient
	// unfiltered: without groups nothing filters it; else they are unknown.
	unfiltered bool
}

// buildServices reads load balancers, databases, functions and whatever else
// carries groups. Where the input holds their interfaces those are named and
// told what answers; else each gets one that stands for them.
func (b *builder) buildServices() {
	for _, o := range b.objects[recordLoadBalancer] {
		b.loadBalancer(o)
	}
	for _, o := range b.objects[recordService] {
		b.service(o)
	}
	for _, i := range b.net.Interfaces {
		b.unnamedServices(i)
	}
}

func (b *builder) service(o *object) {
	c := carrier{object: o, service: o.list.service, kind: o.list.service.kind, resource: o.id, public: ir.Known(false), why: o.main()}
	for _, p := range o.parts {
		if len(c.groups) == 0 {
			c.groups = groupRefs(p.value)
		}
		if len(c.subnets) == 0 {
			c.subnets = refs(p.value, subnetMembers, 0)
		}
	}
	if len(c.subnets) == 0 {
		c.subnets = b.subnetGroup(o)
	}
	if len(c.groups) == 0 && len(c.subnets) == 0 || b.membersSeen(o) {
		return // not in a VPC, or its members are read on their own
	}
	if p := o.get("PubliclyAccessible"); p.ok() {
		c.public, c.why = ir.Known(p.yes()), p
	}
	if p := o.get("NetworkConfiguration").at("AwsvpcConfiguration", "AssignPublicIp"); p.ok() {
		c.public, c.why = ir.Known(p.peek() == "ENABLED"), p
	}
	c.services = b.servicePort(o, c.service)
	if c.kind == ir.InterfaceConnectEndpoint {
		if state := o.get("State").peek(); strings.HasPrefix(state, "delete-") || state == "create-failed" {
			return
		}
		c.preserve = ir.NotKnown[bool](notSaid(o, "whether it shows the addresses of clients"))
		if p := o.get("PreserveClientIp"); p.ok() {
			c.preserve = ir.Known(p.yes())
		}
	}
	b.place(c)
}

// servicePort is the port that a resource says it answers on.
func (b *builder) servicePort(o *object, s *serviceKind) *ir.Services {
	var port value
	for _, p := range []value{o.get("Endpoint").get("Port"), o.get("ConfigurationEndpoint").get("Port"), o.get("Port")} {
		if n, ok := p.int(); ok && n > 0 {
			port = p
			break
		}
	}
	for n := range o.get("CacheNodes").items() {
		if p := n.at("Endpoint", "Port"); p.ok() && !port.ok() {
			port = p
		}
	}
	n, ok := port.int()
	if !ok {
		n, port = int(s.port), o.main()
	}
	if n > 0 && n < 65536 {
		return fixedService(packet.TCP, uint16(n), diag.Place{Address: o.id, Message: o.list.noun + " port", Range: port.place()})
	}
	if s.kind == ir.InterfaceDatabase || s.kind == ir.InterfaceCache {
		return &ir.Services{Open: notSaid(o, "its port"), Place: o.origin().Place("")}
	}
	return nil
}

// membersSeen reports whether a cluster's instances are in the input: they have
// the interfaces.
func (b *builder) membersSeen(o *object) bool {
	if b.serviceIDs == nil {
		b.serviceIDs = map[string]bool{}
		for _, s := range b.objects[recordService] {
			b.serviceIDs[s.id] = true
		}
	}
	n := 0
	for m := range o.get("DBClusterMembers").items() {
		if !b.serviceIDs[m.get("DBInstanceIdentifier").str()] {
			return false
		}
		n++
	}
	return n > 0
}

// subnetGroup finds the subnets of a resource that only names a subnet group.
func (b *builder) subnetGroup(o *object) []value {
	ref := o.get("DBSubnetGroup", "ClusterSubnetGroupName", "CacheSubnetGroupName")
	if ref.isObject() {
		ref = ref.get("DBSubnetGroupName")
	}
	if b.subnetGroups == nil {
		b.subnetGroups = index[*object]{}
		for _, g := range b.objects[recordSubnetGroup] {
			b.subnetGroups.add(g.id, g.home, g)
		}
	}
	if g, ok := b.subnetGroups.find(ref.str(), o.home); ok {
		return refs(g.main(), subnetMembers, 0)
	}
	return nil
}

// place names the interfaces of a resource, or makes them.
func (b *builder) place(c carrier) []*ir.Interface {
	have := b.interfacesOf(c)
	if len(have) > 0 {
		for _, i := range have {
			b.adopt(i, c)
		}
		return have
	}
	o := c.object
	base := ir.Interface{
		Resource: c.resource, Kind: c.kind, Home: o.home, Tags: tags(o), Origin: o.origin(), NoInbound: c.service.noInbound, Services: c.services,
		SourceDestCheck: ir.Known(true), Aliases: arnAliases(o, c.resource), PreserveClient: c.preserve,
	}
	if len(c.groups) > 0 {
		base.Origin.Fields = fields(at{ir.FieldGroups, c.groups[0]}, at{ir.FieldPublic, c.why})
	}
	choices := b.subnetChoices(c)
	for _, s := range choices {
		i := base
		i.Subnet = s
		for _, g := range c.groups {
			i.Groups.Sure = append(i.Groups.Sure, b.carriedBy(&i, g, o.home))
		}
		if len(c.groups) == 0 && !c.unfiltered {
			i.Groups.Open = notSaid(o, "its groups")
		}
		why := &ir.Unknown{Term: "address of " + c.resource + " in " + subnetName(s), Cause: diag.Cause{
			Code: diag.NotInInput, Message: "the interfaces of " + c.resource + " are not in the input", Address: c.resource, Range: base.Origin.Range,
		}}
		public := ir.Public{Exists: c.public, Place: diag.Place{Address: c.resource, Range: c.why.place()}}
		public.Addr = ir.NotKnown[netip.Addr](why)
		i.Addresses = []ir.Address{{Private: ir.NotKnown[netip.Addr](why), Family: packet.IPv4, Public: public}}
		if c.dual {
			v6 := *why
			v6.Term += " (IPv6)"
			i.Addresses = append(i.Addresses, ir.Address{Private: ir.NotKnown[netip.Addr](&v6), Family: packet.IPv6, Public: ir.Public{Exists: ir.Known(false)}})
		}
		b.addInterface(&i)
		have = append(have, &i)
	}
	return have
}

func subnetName(c ir.Choice[*ir.Subnet]) string {
	if s, ok := c.Known(); ok {
		return s.ID
	}
	return "its subnet"
}

// arnAliases are the ARNs of a resource, and its id where that is not its name.
func arnAliases(o *object, resource string) []string {
	var out []string
	for name, m := range o.main().members() {
		if strings.HasSuffix(strings.ToLower(name), "arn") && strings.HasPrefix(m.peek(), "arn:") && strings.Contains(m.peek(), o.id) {
			out = appendNew(out, m.str())
		}
	}
	if o.id != resource {
		out = appendNew(out, o.id)
	}
	return out
}

// subnetChoices are the subnets of the interfaces to make: each of the
// resource's, or one of those in its zone.
func (b *builder) subnetChoices(c carrier) []ir.Choice[*ir.Subnet] {
	o := c.object
	vpc := o.get("VpcId", "VPCId")
	if !vpc.ok() {
		for _, name := range inside {
			if v := o.get(name).first("VpcId", "VPCId"); v.ok() {
				vpc = v
				break
			}
		}
	}
	var subnets []*ir.Subnet
	for _, ref := range c.subnets {
		subnets = append(subnets, b.subnet(ref, vpc, o.home))
	}
	if len(subnets) == 0 {
		return []ir.Choice[*ir.Subnet]{ir.Another[*ir.Subnet](notSaid(o, "its subnets"))}
	}
	if !c.service.one {
		var out []ir.Choice[*ir.Subnet]
		for _, s := range subnets {
			out = append(out, ir.One(s))
		}
		return out
	}
	zone := o.get("AvailabilityZone").str()
	zones := map[string]string{}
	for item := range o.get("DBSubnetGroup").get("Subnets").items() {
		zones[item.get("SubnetIdentifier").str()] = item.at("SubnetAvailabilityZone", "Name").str()
	}
	var inZone []*ir.Subnet
	for _, s := range subnets {
		if at := cmp.Or(s.Zone, zones[s.ID]); zone != "" && at == zone {
			inZone = append(inZone, s)
		}
	}
	if len(inZone) > 0 {
		subnets = inZone
	}
	choice := ir.Choice[*ir.Subnet]{Of: subnets}
	if len(subnets) > 1 {
		choice.Why = notSaid(o, "which of its subnets it is in")
	}
	return []ir.Choice[*ir.Subnet]{choice}
}
