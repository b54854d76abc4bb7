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
	// defaultTransit are gateways by the id of their default table; transitWith
	// those of tables.
	defaultTransit map[string]*ir.TransitGateway
	transitWith    map[*ir.TransitTable]*ir.TransitGateway
	farEnds        map[*ir.Attachment]*ir.Attachment // of peerings
	adrift         map[*ir.Attachment]bool           // with a gateway that is not known
	connections    map[string]*vpnConnection
	announced      map[*ir.Gateway]*announced
	ipv6Seen       map[*ir.VPC]*ir.Value[bool]
	bpa            []blockPublicAccess
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
		associations: map[*ir.Attachment]bool{}, defaultTransit: map[string]*ir.TransitGateway{}, transitWith: map[*ir.TransitTable]*ir.TransitGateway{},
		farEnds: map[*ir.Attachment]*ir.Attachment{}, adrift: map[*ir.Attachment]bool{}, connections: map[string]*vpnConnection{}, announced: map[*ir.Gateway]*announced{},
		ipv6Seen: map[*ir.VPC]*ir.Value[bool]{}, eipAddrs: map[string]ir.Value[netip.Addr]{},
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
