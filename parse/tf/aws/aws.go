// Package aws turns evaluated Terraform resource instances into the network
// model. It serves configurations, plans and states alike: it sees attributes,
// not where they come from.
//
// The work is done in passes over the instances, in their order, so that the
// same input gives the same model:
//
//	make    every decoder makes the objects of its resource and registers them
//	        under the ids that expressions can name them by (VPCs first: the
//	        objects that AWS makes with a VPC belong to it)
//	link    every decoder follows the ids in its attributes: rules go to their
//	        groups, routes to their tables, associations to their subnets
//	finish  what depends on all of it: which ACL and table a subnet has, default
//	        groups, public addresses
//
// Adding a resource is one decoder, one line in the table of decoders, one line
// in the table of schemas and one golden file.
//
// An attribute that is unknown because of itself (its cause names the attribute
// of this very resource, as plans have it) counts as not written.
//
// An id that is not known still makes an object: a group that a variable names
// is a group of its own, called after the variable, of which nothing else is
// known. So is an id that is written out and that no resource of the input has.
// Ids that come from outside the root are taken to be different from the ones
// that the root makes, except where objects of the root may not be there: an
// unknown id may name one of those.
package aws

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// decoder reads one resource type. Either half may be nil.
type decoder struct {
	make func(view)
	link func(view)
}

// decoders lists the resource types that have a decoder of their own. A type
// that is in neither this table nor in shapes is searched for groups: see
// other.go.
var decoders = map[string]decoder{
	"aws_vpc":                               {makeVPC, nil},
	"aws_default_vpc":                       {makeDefaultVPC, nil},
	"aws_vpc_ipv4_cidr_block_association":   {nil, linkVPCCIDR},
	"aws_vpc_ipv6_cidr_block_association":   {nil, linkVPCCIDR},
	"aws_vpc_block_public_access_options":   {nil, linkBPAOptions},
	"aws_vpc_block_public_access_exclusion": {nil, linkBPAExclusion},

	"aws_subnet":         {makeSubnet, linkSubnet},
	"aws_default_subnet": {makeDefaultSubnet, linkSubnet},

	"aws_security_group":                     {makeGroup, linkGroup},
	"aws_default_security_group":             {makeDefaultGroup, linkGroup},
	"aws_security_group_rule":                {nil, linkRule},
	"aws_vpc_security_group_ingress_rule":    {nil, linkIngressRule},
	"aws_vpc_security_group_egress_rule":     {nil, linkEgressRule},
	"aws_vpc_security_group_vpc_association": {nil, linkGroupVPC},
	"aws_vpc_security_group_rules_exclusive": {nil, linkExclusive},

	"aws_ec2_managed_prefix_list":       {makePrefixList, nil},
	"aws_ec2_managed_prefix_list_entry": {nil, linkPrefixListEntry},

	"aws_network_acl":             {makeACL, linkACL},
	"aws_default_network_acl":     {makeDefaultACL, linkACL},
	"aws_network_acl_rule":        {nil, linkACLRule},
	"aws_network_acl_association": {nil, linkACLAssociation},

	"aws_route_table":                   {makeRouteTable, linkRouteTable},
	"aws_default_route_table":           {makeDefaultRouteTable, linkRouteTable},
	"aws_route":                         {nil, linkRoute},
	"aws_route_table_association":       {nil, linkRouteTableAssociation},
	"aws_main_route_table_association":  {nil, linkMainRouteTable},
	"aws_vpn_gateway_route_propagation": {nil, linkPropagation},

	"aws_internet_gateway":             {makeInternetGateway, linkGatewayVPC},
	"aws_internet_gateway_attachment":  {nil, linkGatewayAttachment},
	"aws_egress_only_internet_gateway": {makeEgressOnlyGateway, linkGatewayVPC},
	"aws_vpn_gateway":                  {makeVPNGateway, linkGatewayVPC},
	"aws_vpn_gateway_attachment":       {nil, linkGatewayAttachment},
	"aws_nat_gateway":                  {makeNATGateway, linkNATGateway},

	"aws_vpc_peering_connection":          {makePeering, linkPeering},
	"aws_vpc_peering_connection_accepter": {nil, linkPeeringAccepter},

	"aws_ec2_transit_gateway":                         {makeTransitGateway, nil},
	"aws_ec2_transit_gateway_vpc_attachment":          {makeAttachment, linkAttachment},
	"aws_ec2_transit_gateway_route_table":             {makeTransitTable, linkTransitTable},
	"aws_ec2_transit_gateway_route":                   {nil, linkTransitRoute},
	"aws_ec2_transit_gateway_route_table_association": {nil, linkTransitAssociation},
	"aws_ec2_transit_gateway_route_table_propagation": {nil, linkTransitPropagation},

	"aws_vpc_endpoint":                            {makeEndpoint, linkEndpoint},
	"aws_vpc_endpoint_route_table_association":    {nil, linkEndpointRouteTable},
	"aws_vpc_endpoint_security_group_association": {nil, linkEndpointGroup},
	"aws_vpc_endpoint_subnet_association":         {nil, linkEndpointSubnet},

	"aws_instance":                        {makeInstance, linkInstance},
	"aws_spot_instance_request":           {makeInstance, linkInstance},
	"aws_network_interface":               {makeNetworkInterface, linkNetworkInterface},
	"aws_network_interface_attachment":    {nil, linkInterfaceAttachment},
	"aws_network_interface_sg_attachment": {nil, linkGroupAttachment},
	"aws_eip":                             {makeEIP, linkEIP},
	"aws_eip_association":                 {nil, linkEIPAssociation},
	"aws_launch_template":                 {makeTemplate, nil},
	"aws_launch_configuration":            {makeTemplate, nil},
	"aws_autoscaling_group":               {nil, linkAutoscaling},

	"aws_lb":  {makeLoadBalancer, linkLoadBalancer},
	"aws_alb": {makeLoadBalancer, linkLoadBalancer},
	"aws_elb": {makeClassicLoadBalancer, linkClassicLoadBalancer},

	"aws_lb_listener":                           {makeListener, linkListener},
	"aws_alb_listener":                          {makeListener, linkListener},
	"aws_lb_listener_rule":                      {nil, linkListenerRule},
	"aws_alb_listener_rule":                     {nil, linkListenerRule},
	"aws_lb_target_group":                       {makeTargetGroup, nil},
	"aws_alb_target_group":                      {makeTargetGroup, nil},
	"aws_lb_target_group_attachment":            {nil, linkTargetAttachment},
	"aws_alb_target_group_attachment":           {nil, linkTargetAttachment},
	"aws_elb_attachment":                        {nil, linkClassicAttachment},
	"aws_autoscaling_attachment":                {nil, linkScalingAttachment},
	"aws_autoscaling_traffic_source_attachment": {nil, linkScalingAttachment},

	"aws_rds_cluster":              {makeCluster, nil},
	"aws_docdb_cluster":            {makeCluster, nil},
	"aws_neptune_cluster":          {makeCluster, nil},
	"aws_rds_cluster_instance":     {nil, linkClusterInstance},
	"aws_docdb_cluster_instance":   {nil, linkClusterInstance},
	"aws_neptune_cluster_instance": {nil, linkClusterInstance},

	"aws_eks_cluster": {makeEKSCluster, nil},

	"aws_db_subnet_group":              {makeSubnetGroup, nil},
	"aws_elasticache_subnet_group":     {makeSubnetGroup, nil},
	"aws_redshift_subnet_group":        {makeSubnetGroup, nil},
	"aws_memorydb_subnet_group":        {makeSubnetGroup, nil},
	"aws_neptune_subnet_group":         {makeSubnetGroup, nil},
	"aws_docdb_subnet_group":           {makeSubnetGroup, nil},
	"aws_dax_subnet_group":             {makeSubnetGroup, nil},
	"aws_dms_replication_subnet_group": {makeSubnetGroup, nil},

	"aws_globalaccelerator_accelerator":                   {nil, linkIndirect},
	"aws_globalaccelerator_custom_routing_accelerator":    {nil, linkIndirect},
	"aws_globalaccelerator_endpoint_group":                {nil, linkIndirect},
	"aws_globalaccelerator_custom_routing_endpoint_group": {nil, linkIndirect},
	"aws_cloudfront_vpc_origin":                           {nil, linkIndirect},
}

// builder is what the passes share.
type builder struct {
	root      *tf.Root
	net       *ir.Network
	instances []*tf.Instance // those with a body, each address once

	vpcs       map[string]*ir.VPC
	subnets    map[string]*ir.Subnet
	groups     map[string]*ir.SecurityGroup
	groupNames map[string]*ir.SecurityGroup
	acls       map[string]*ir.NetworkACL
	tables     map[string]*ir.RouteTable
	lists      map[string]*ir.PrefixList
	gateways   map[string]*ir.Gateway
	peerings   map[string]*ir.Peering
	transits   map[string]*ir.TransitGateway
	attached   map[string]*ir.Attachment
	transTable map[string]*ir.TransitTable
	interfaces map[string]*ir.Interface
	alias      map[string]string // of interfaces: the instance's id to its interface's

	terms int // made so far: see fresh

	// unsure holds the objects of instances that may not be there; maybe those
	// among them that stand for any number (aws_subnet.a[*]): a reference to one
	// of the others means that very object, which then is there.
	unsure, maybe map[any]*ir.Unknown
	// existing holds the objects that a plan or state shows as already there:
	// their lists then repeat what standalone resources manage.
	existing map[any]bool
	// nameless holds groups that stand for one of several of the root: they are
	// no peer of their own.
	nameless map[*ir.SecurityGroup]*ir.Unknown
	// moduleOf holds the modules of objects that resources make.
	moduleOf map[any]string

	defaults     map[*ir.VPC]*vpcDefaults
	vpcInstances map[*ir.VPC]*tf.Instance
	seenSubnets  map[*ir.Subnet]bool // those of resources
	defaultIDs   map[string]*ir.VPC  // ids that a state shows for a VPC's own objects

	aclOf    assignment[*ir.NetworkACL]
	tableOf  assignment[*ir.RouteTable]
	groupsOf map[*ir.SecurityGroup]*ruleStyles

	eips         []elasticIP
	eipAddrs     map[string]ir.Value[netip.Addr]
	attachments  []groupAttachment
	deferred     []func() // what a decoder leaves for the end of the link pass
	wanted       []wantedGroups
	templates    map[string]*template
	subnetGroups map[string]*subnetGroup
	clusters     map[string]*cluster
	eks          map[string]string // addresses of clusters, by name
	balancers    map[string]*balancer
	classic      []*classicBalancer
	listeners    map[string]*listener
	targetGroups map[string]*targetGroup
	// allListeners and groupsOfTargets are in the order of the input.
	allListeners    []*listener
	groupsOfTargets []*targetGroup
	scaled          map[string][]*ir.Interface // of autoscaling groups
	endpoints       map[string]*endpoint
	transitState    map[*ir.TransitGateway]*transitState
	associations    map[*ir.Attachment]bool // with a route table that is written
	ipv6Seen        map[*ir.VPC]*ir.Value[bool]
	bpa             []blockPublicAccess
}

// Build makes the network of a root. It never fails: what is wrong with single
// objects goes to Network.Problems, what could not be modelled to NotAnalysed.
// The root's own diagnostics are not repeated.
func Build(root *tf.Root) *ir.Network {
	b := newBuilder(root)
	b.checkLists()
	b.each(func(v view, d decoder, known bool) {
		if known && d.make != nil && isVPC(v.in.Type) {
			d.make(v)
		}
	})
	b.each(func(v view, d decoder, known bool) {
		if known && d.make != nil && !isVPC(v.in.Type) {
			d.make(v)
		}
	})
	b.eachData()
	b.makeImplicit()
	b.each(func(v view, d decoder, known bool) {
		switch {
		case known && d.link != nil:
			d.link(v)
		case !known || hasShape(v.in.Type):
			b.linkShapeOrOther(v)
		}
	})
	b.finish()
	return b.net
}

func newBuilder(root *tf.Root) *builder {
	b := &builder{
		root: root,
		net: &ir.Network{
			Root: root.Dir, Variant: root.Variant, Closed: map[ir.Scope]bool{},
			Ignores: root.Ignores, NotAnalysed: append([]ir.Omission(nil), root.Omissions...),
		},
		vpcs: map[string]*ir.VPC{}, subnets: map[string]*ir.Subnet{}, groups: map[string]*ir.SecurityGroup{},
		groupNames: map[string]*ir.SecurityGroup{}, acls: map[string]*ir.NetworkACL{}, tables: map[string]*ir.RouteTable{},
		lists: map[string]*ir.PrefixList{}, gateways: map[string]*ir.Gateway{}, peerings: map[string]*ir.Peering{},
		transits: map[string]*ir.TransitGateway{}, attached: map[string]*ir.Attachment{}, transTable: map[string]*ir.TransitTable{},
		interfaces: map[string]*ir.Interface{}, alias: map[string]string{},
		unsure: map[any]*ir.Unknown{}, maybe: map[any]*ir.Unknown{}, existing: map[any]bool{}, nameless: map[*ir.SecurityGroup]*ir.Unknown{}, moduleOf: map[any]string{},
		defaults: map[*ir.VPC]*vpcDefaults{}, vpcInstances: map[*ir.VPC]*tf.Instance{}, seenSubnets: map[*ir.Subnet]bool{}, defaultIDs: map[string]*ir.VPC{},
		aclOf:   assignment[*ir.NetworkACL]{of: map[*ir.Subnet][]assigned[*ir.NetworkACL]{}},
		tableOf: assignment[*ir.RouteTable]{of: map[*ir.Subnet][]assigned[*ir.RouteTable]{}}, groupsOf: map[*ir.SecurityGroup]*ruleStyles{},
		templates: map[string]*template{}, subnetGroups: map[string]*subnetGroup{}, clusters: map[string]*cluster{}, eks: map[string]string{},
		balancers: map[string]*balancer{}, listeners: map[string]*listener{}, targetGroups: map[string]*targetGroup{}, scaled: map[string][]*ir.Interface{},
		endpoints: map[string]*endpoint{}, transitState: map[*ir.TransitGateway]*transitState{},
		associations: map[*ir.Attachment]bool{},
		ipv6Seen:     map[*ir.VPC]*ir.Value[bool]{}, eipAddrs: map[string]ir.Value[netip.Addr]{},
	}
	seen := map[string]bool{}
	for _, in := range root.Instances {
		if in != nil && in.Body != nil && !seen[in.Address] {
			seen[in.Address] = true
			b.instances = append(b.instances, in)
		}
	}
	return b
}

// each calls f for the managed instances, in order.
func (b *builder) each(f func(v view, d decoder, known bool)) {
	for _, in := range b.instances {
		if !in.Data {
			d, ok := decoders[in.Type]
			f(view{b: b, in: in, blk: in.Body}, d, ok)
		}
	}
}

func isVPC(typ string) bool { return typ == "aws_vpc" || typ == "aws_default_vpc" }

// finish decides what depends on everything else.
func (b *builder) finish() {
	for i := 0; i < len(b.deferred); i++ {
		b.deferred[i]()
	}
	b.finishVPCs()
	b.finishGroups()
	b.finishACLs()
	b.finishRoutes()
	b.settleZones()
	b.finishSubnets()
	b.finishTransit()
	b.finishInterfaces()
	b.finishForwards()
	b.finishExports()
	b.net.Problems = b.net.Problems.Sort()
}

// later runs f after every instance was linked.
func (b *builder) later(f func()) { b.deferred = append(b.deferred, f) }

// problem notes what is wrong with an object.
func (v view) problem(rule string, at diag.Range, message, fix string) {
	v.b.net.Problems = append(v.b.net.Problems, diag.Diagnostic{
		Rule: rule, Error: rule == ruleInvalid, Message: message, Fix: fix, Address: v.in.Address, Range: at,
	})
}

// invalid notes a value that AWS or the provider would refuse, and returns the
// unknown that takes its place.
func (v view) invalid(at diag.Range, message, fix string) *ir.Unknown {
	v.problem(ruleInvalid, at, message, fix)
	return &ir.Unknown{
		Term:  v.fresh("invalid value of"),
		Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: v.in.Address, Range: at},
	}
}

// omit notes a part of the input that is not in the model.
func (v view) omit(at diag.Range, message string) {
	cause := diag.Cause{Code: diag.NotModelled, Message: message, Address: v.in.Address, Range: at}
	v.b.net.NotAnalysed = append(v.b.net.NotAnalysed, ir.Omission{Address: v.in.Address, Cause: cause})
	v.b.net.Problems = append(v.b.net.Problems, diag.Diagnostic{
		Rule: ruleNotAnalysed, Message: message, Address: v.in.Address, Range: at, Cause: cause,
	})
}

// The rules that report what this package finds.
const (
	ruleInvalid      = "invalid-value"
	ruleNotAnalysed  = "not-analysed"
	ruleBothStyles   = "sg-inline-and-standalone"
	ruleICMPZero     = "nacl-icmp-type-zero"
	rulePortZero     = "nacl-port-zero"
	ruleACLConflict  = "nacl-subnet-conflict"
	ruleNeverMatches = "sg-rule-never-matches"
	rulePortsIgnored = "sg-ports-ignored"
)

// plural writes "1 subnet", "2 subnets".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
