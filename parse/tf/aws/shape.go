package aws

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/zclconf/go-cty/cty"
)

// shape describes a resource whose interfaces follow from a few attributes.
// Attributes are paths: "vpc_config.subnet_ids".
type shape struct {
	kind        ir.InterfaceKind
	groups      string
	subnets     string // of a list or of one id
	subnetGroup string // names a subnet group instead
	// each: an interface in each subnet; without, one that is in any of them.
	each bool
	// block must be there for the resource to be in a VPC at all.
	block string
	// inherit: when this is written, what is left out comes from what it names.
	inherit string
	public  string // gives a public address
	// publicOld: unwritten, it depends on the version of the provider.
	publicOld bool
	dual      string // holds "dual" or the like
	noInbound bool
	preserve  string // shows what it reaches the address of the person behind it
	launch    bool   // the subnet decides about IPv6 addresses
	services  func(view) *ir.Services
}

// shapes lists such resources. Adding one is one line here, one golden file.
var shapes = map[string]shape{
	"aws_db_instance": {
		kind: ir.InterfaceDatabase, groups: "vpc_security_group_ids", subnetGroup: "db_subnet_group_name", inherit: "replicate_source_db",
		public: "publicly_accessible", dual: "network_type", services: port(0),
	},
	"aws_elasticache_cluster": {
		kind: ir.InterfaceCache, groups: "security_group_ids", subnetGroup: "subnet_group_name", inherit: "replication_group_id",
		dual: "network_type", services: port(6379),
	},
	"aws_elasticache_replication_group": {
		kind: ir.InterfaceCache, groups: "security_group_ids", subnetGroup: "subnet_group_name", inherit: "global_replication_group_id",
		dual: "network_type", services: port(6379),
	},
	"aws_elasticache_serverless_cache": {
		kind: ir.InterfaceCache, groups: "security_group_ids", subnets: "subnet_ids", each: true, services: ports(6379, 6380, 11211, 11212),
	},
	"aws_memorydb_cluster": {
		kind: ir.InterfaceCache, groups: "security_group_ids", subnetGroup: "subnet_group_name", services: port(6379),
	},
	"aws_dax_cluster": {
		kind: ir.InterfaceCache, groups: "security_group_ids", subnetGroup: "subnet_group_name", services: ports(8111, 9111),
	},
	"aws_redshift_cluster": {
		kind: ir.InterfaceDatabase, groups: "vpc_security_group_ids", subnetGroup: "cluster_subnet_group_name",
		public: "publicly_accessible", publicOld: true, services: port(5439),
	},
	"aws_redshiftserverless_workgroup": {
		kind: ir.InterfaceDatabase, groups: "security_group_ids", subnets: "subnet_ids", each: true, public: "publicly_accessible", services: port(5439),
	},
	"aws_opensearch_domain": {
		kind: ir.InterfaceDatabase, groups: "vpc_options.security_group_ids", subnets: "vpc_options.subnet_ids", each: true, block: "vpc_options",
		dual: "ip_address_type", services: ports(80, 443),
	},
	"aws_elasticsearch_domain": {
		kind: ir.InterfaceDatabase, groups: "vpc_options.security_group_ids", subnets: "vpc_options.subnet_ids", each: true, block: "vpc_options",
		services: ports(80, 443),
	},
	"aws_dms_replication_instance": {
		kind: ir.InterfaceOther, groups: "vpc_security_group_ids", subnetGroup: "replication_subnet_group_id", public: "publicly_accessible",
		dual: "network_type",
	},
	"aws_mq_broker": {
		kind: ir.InterfaceOther, groups: "security_groups", subnets: "subnet_ids", each: true, public: "publicly_accessible",
	},
	"aws_msk_cluster": {
		kind: ir.InterfaceOther, groups: "broker_node_group_info.security_groups", subnets: "broker_node_group_info.client_subnets", each: true,
	},
	"aws_lambda_function": {
		kind: ir.InterfaceFunction, groups: "vpc_config.security_group_ids", subnets: "vpc_config.subnet_ids", each: true, block: "vpc_config",
		noInbound: true,
	},
	"aws_codebuild_project": {
		kind: ir.InterfaceFunction, groups: "vpc_config.security_group_ids", subnets: "vpc_config.subnets", each: true, block: "vpc_config",
		noInbound: true,
	},
	"aws_ecs_service": {
		kind: ir.InterfaceContainer, groups: "network_configuration.security_groups", subnets: "network_configuration.subnets", each: true,
		block: "network_configuration", public: "network_configuration.assign_public_ip", launch: true,
	},
	"aws_ecs_task_set": {
		kind: ir.InterfaceContainer, groups: "network_configuration.security_groups", subnets: "network_configuration.subnets", each: true,
		block: "network_configuration", public: "network_configuration.assign_public_ip", launch: true,
	},
	"aws_efs_mount_target": {
		kind: ir.InterfaceOther, groups: "security_groups", subnets: "subnet_id", services: ports(2049), dual: "ip_address_type",
	},
	"aws_ec2_instance_connect_endpoint": {
		kind: ir.InterfaceConnectEndpoint, groups: "security_group_ids", subnets: "subnet_id", noInbound: true, preserve: "preserve_client_ip",
	},
	"aws_eks_cluster": {
		kind: ir.InterfaceOther, groups: "vpc_config.security_group_ids", subnets: "vpc_config.subnet_ids", each: true, services: ports(443),
	},
	"aws_eks_node_group": {
		kind: ir.InterfaceInstance, subnets: "subnet_ids", each: true, launch: true,
	},
}

// port is a service that has a port attribute and a usual port.
func port(usual uint16) func(view) *ir.Services {
	return func(v view) *ir.Services { return v.database(usual) }
}

// ports are services on fixed tcp ports.
func ports(ps ...uint16) func(view) *ir.Services {
	return func(v view) *ir.Services {
		s := &ir.Services{Place: diag.Place{Address: v.in.Address, Message: "answers on fixed ports", Range: v.at()}}
		for _, p := range ps {
			s.Ports = append(s.Ports, ir.Service{Protocol: packet.TCP, Ports: ir.Ports{Lo: p, Hi: p}, Place: s.Place})
		}
		return s
	}
}

func hasShape(typ string) bool {
	_, ok := shapes[typ]
	return ok
}

// inner follows a path to the block that holds its last attribute.
func (v view) inner(path string) (view, string) {
	for {
		block, rest, ok := strings.Cut(path, ".")
		if !ok {
			return v, path
		}
		v, _ = v.one(block)
		path = rest
	}
}

// any reads a list of strings, or one string as a list.
func (v view) any(name string) []elem {
	if a, ok := v.get(name); ok {
		if raw, _ := a.Value.Unmark(); raw.Type() == cty.String {
			return v.single(name)
		}
	}
	es, _ := v.list(name)
	return es
}

// linkShapeOrOther makes the interfaces of a resource without a decoder.
func (b *builder) linkShapeOrOther(v view) {
	s, ok := shapes[v.in.Type]
	if !ok {
		v.linkOther()
		return
	}
	if s.block != "" {
		if block, ok := v.one(s.block); !ok || block.maybe() == nil && s.empty(v) {
			if s.kind == ir.InterfaceContainer {
				v.registerContainers(nil)
			}
			return
		}
	}
	n := s.read(v)
	switch v.in.Type {
	case "aws_eks_cluster":
		own := v.clusterGroup(v.in.Address)
		for _, e := range s.subnetsOf(v) {
			if e.unknown() == nil {
				subnet := v.b.subnet(v, e)
				v.b.later(func() { own.Sure[0].VPCs = subnet.VPC })
				break
			}
		}
		n.groups, n.named = union(n.groups, own), true
	case "aws_eks_node_group":
		v.nodeGroup(&n)
	}
	subnets := s.subnetsOf(v)
	var made []*ir.Interface
	if len(subnets) == 0 && s.inherit != "" && v.has(s.inherit) {
		made = []*ir.Interface{v.addInterface(n, ir.Another[*ir.Subnet](notInInput(v.in.Address, "subnets", v.at(s.inherit))))}
	} else {
		made = v.placed(n, subnets, s.each)
	}
	if s.kind == ir.InterfaceContainer {
		v.registerContainers(made)
	}
	if s.block == "" {
		return
	}
	if block, _ := v.one(s.block); block.maybeBlock() != nil {
		for _, o := range made {
			o.Maybe = block.maybeBlock()
		}
	}
}

// empty reports whether neither groups nor subnets are named: a function
// outside any VPC may write the block and leave it empty.
func (s shape) empty(v view) bool {
	g, attr := v.inner(s.groups)
	return len(g.any(attr)) == 0 && len(s.subnetsOf(v)) == 0
}

func (s shape) subnetsOf(v view) []elem {
	if s.subnetGroup != "" {
		return v.groupSubnets(s.subnetGroup)
	}
	block, attr := v.inner(s.subnets)
	return block.any(attr)
}

// read reads what the shape says about the resource's interfaces.
func (s shape) read(v view) nic {
	n := nic{kind: s.kind, noInbound: s.noInbound, launch: s.launch, fields: map[ir.Field]diag.Range{}}
	note := func(path string, f ir.Field) {
		if path == "" {
			return
		}
		if block, attr := v.inner(path); block.has(attr) {
			n.fields[f] = block.at(attr)
		}
	}
	note(s.groups, ir.FieldGroups)
	note(s.subnets, ir.FieldSubnet)
	note(s.subnetGroup, ir.FieldSubnet)
	note(s.public, ir.FieldPublic)
	if s.groups != "" {
		block, attr := v.inner(s.groups)
		for _, e := range block.any(attr) {
			n.named = true
			v.addToSet(&n.groups, e, nil)
		}
	}
	if !n.named && s.inherit != "" && v.has(s.inherit) {
		n.named, n.groups.Open = true, notInInput(v.in.Address, "groups", v.at(s.inherit))
	}
	if s.preserve != "" {
		n.preserve = v.preserved(s.preserve)
	}
	s.readPublic(v, &n)
	if s.dual != "" {
		n.dual = v.isDual(s.dual)
	}
	if s.services != nil {
		n.services = s.services(v)
	}
	return n
}

// preserved reads a bool of which AWS's texts do not agree what it is unless
// written. [eice-security-groups]
func (v view) preserved(attr string) ir.Value[bool] {
	if on, set := v.boolean(attr, false); set {
		return on
	}
	return ir.NotKnown[bool](&ir.Unknown{Term: v.in.Address + "." + attr, Cause: diag.Cause{
		Code: diag.NoValue, Message: attr + " is not written, and AWS's documents differ about what it then is", Address: v.in.Address, Range: v.at(),
	}})
}

func (s shape) readPublic(v view, n *nic) {
	if s.public == "" {
		// A node or task whose subnet gives public addresses gets one; the
		// interfaces of managed services do not.
		return
	}
	block, attr := v.inner(s.public)
	n.public, n.publicSet = block.boolean(attr, false)
	n.publicAt = block.at(attr)
	if !n.publicSet && s.publicOld {
		n.public = ir.NotKnown[bool](&ir.Unknown{
			Term: v.in.Address + "." + s.public,
			Cause: diag.Cause{
				Code: diag.NoValue, Message: s.public + " is not written: what it then is depends on the version of the provider",
				Address: v.in.Address, Range: v.at(),
			},
		})
	}
	n.publicSet = true
}

func makeEKSCluster(v view) {
	for _, k := range v.keys("id", "name") {
		v.b.eks[k] = v.in.Address
	}
}

// clusterGroup is the security group that EKS makes for a cluster and gives to
// its control plane and nodes. Nothing in the configuration shows its rules.
func (v view) clusterGroup(address string) ir.Many[*ir.SecurityGroup] {
	name := address + ".vpc_config[0].cluster_security_group_id"
	why := &ir.Unknown{Term: name, Cause: diag.Cause{Code: diag.Computed, Message: name + " is known after apply", Address: name, Range: v.at()}}
	return ir.All(v.b.group(v, elem{why: why, at: v.at()}))
}

// nodeGroup gives nodes the groups of their launch template, or those of the
// cluster.
func (v view) nodeGroup(n *nic) {
	specs, _ := v.nested("launch_template")
	for _, lt := range specs {
		lt.fromTemplate(n, nil)
	}
	if n.named {
		return
	}
	n.named = true
	for _, e := range v.single("cluster_name") {
		r := refOf(e)
		if address, ok := v.b.eks[r.key]; ok {
			n.groups = v.clusterGroup(address)
			return
		}
	}
	n.groups.Open = notInInput(v.in.Address, "cluster's group", v.at("cluster_name"))
}
