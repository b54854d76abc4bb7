package aws

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// endpoint is a VPC endpoint: routes to a service (gateway), or interfaces.
type endpoint struct {
	v       view
	gateway *ir.Gateway
	typ     ir.Value[string]
	tables  []endpointTable
	subnets []elem
	groups  ir.Many[*ir.SecurityGroup]
	named   bool
}

type endpointTable struct {
	v view
	e elem
}

// endpointType is the type of an endpoint, Gateway unless written.
func (v view) endpointType() ir.Value[string] {
	t, set := v.str("vpc_endpoint_type")
	if !set {
		return ir.Known("Gateway")
	}
	return t
}

func makeEndpoint(v view) {
	x := &endpoint{v: v, typ: v.endpointType()}
	for _, k := range v.keys("id") {
		v.b.endpoints[k] = x
	}
	switch {
	case !x.typ.Known() || x.typ.V == "Gateway":
		x.gateway = v.newGateway(ir.VPCEndpoint)
	case x.typ.V == "GatewayLoadBalancer":
		x.gateway = v.newGateway(ir.LoadBalancerEndpoint)
	}
}

func linkEndpoint(v view) {
	x := v.b.endpoints[tf.Symbol(v.in.Address, "id")]
	if x.gateway != nil {
		x.gateway.VPC = v.vpcChoice("vpc_id")
		tables, _ := v.list("route_table_ids")
		for _, e := range tables {
			x.tables = append(x.tables, endpointTable{v, e})
		}
	}
	x.subnets, _ = v.list("subnet_ids")
	x.groups, x.named = v.groupSet("security_group_ids")
	v.b.later(func() { x.finish() })
}

// endpointOf finds the endpoint that an association belongs to.
func (v view) endpointOf() *endpoint {
	for _, e := range v.single("vpc_endpoint_id") {
		if x := v.b.endpoints[refOf(e).key]; x != nil {
			return x
		}
	}
	return nil
}

func linkEndpointRouteTable(v view) {
	x, tables := v.endpointOf(), v.single("route_table_id")
	if x == nil || len(tables) == 0 {
		v.omit(v.at("vpc_endpoint_id"), "the endpoint is not in the input: its route is left out")
		return
	}
	x.tables = append(x.tables, endpointTable{v, tables[0]})
}

func linkEndpointGroup(v view) {
	x, groups := v.endpointOf(), v.single("security_group_id")
	if x == nil || len(groups) == 0 {
		v.linkOther()
		return
	}
	x.named = true
	v.addToSet(&x.groups, groups[0], v.maybe())
}

func linkEndpointSubnet(v view) {
	if x := v.endpointOf(); x != nil {
		x.subnets = append(x.subnets, v.single("subnet_id")...)
	}
}

func (x *endpoint) finish() {
	switch {
	case !x.typ.Known():
		x.routes()
		x.interfaces(x.typ.Why)
	case x.typ.V == "Gateway":
		x.routes()
	case x.typ.V == "GatewayLoadBalancer":
		x.gateway.Subnet = ir.Another[*ir.Subnet](notInInput(x.v.in.Address, "subnet", x.v.at()))
		if len(x.subnets) == 1 {
			x.gateway.Subnet = x.v.subnetChoice(x.subnets[0])
		}
		x.interfaces(nil)
	case x.typ.V == "Interface", len(x.subnets) > 0:
		x.interfaces(nil)
	}
}

// interfaces makes one interface in each subnet. Those of Gateway Load Balancer
// endpoints have no groups and filter nothing.
func (x *endpoint) interfaces(maybe *ir.Unknown) {
	n := nic{kind: ir.InterfaceEndpoint, groups: x.groups, named: x.named, fields: x.v.fields(map[string]ir.Field{
		"security_group_ids": ir.FieldGroups, "subnet_ids": ir.FieldSubnet,
	})}
	n.bare = x.typ.Known() && x.typ.V == "GatewayLoadBalancer"
	n.dual = x.v.isDual("ip_address_type")
	if len(x.subnets) == 0 {
		x.subnets = []elem{{many: notInInput(x.v.in.Address, "subnets", x.v.at()), at: x.v.at()}}
	}
	for _, o := range x.v.spread(n, x.subnets, true) {
		if maybe != nil {
			o.Maybe = maybe
		}
	}
}

// routes adds the route of a gateway endpoint to its tables: the addresses of
// the service, which only AWS knows.
func (x *endpoint) routes() {
	list := x.v.b.serviceList(x.v)
	for _, t := range x.tables {
		if t.e.many != nil {
			x.anyTable(list, t)
			continue
		}
		x.addRoute(t.v.b.table(t.v, t.e), list, t, t.v.maybe())
	}
}

// anyTable adds the route to every table of the VPC that may be meant.
func (x *endpoint) anyTable(list *ir.PrefixList, t endpointTable) {
	for _, o := range x.v.b.net.RouteTables {
		if x.v.b.shareVPC(o.VPC, x.gateway.VPC) {
			x.addRoute(o, list, t, t.e.many)
		}
	}
}

func (x *endpoint) addRoute(o *ir.RouteTable, list *ir.PrefixList, t endpointTable, maybe *ir.Unknown) {
	o.Routes = append(o.Routes, ir.Route{
		Destination: ir.Peer{PrefixList: list}, Target: ir.One(ir.Target{Kind: ir.TargetGateway, Gateway: x.gateway}),
		Blackhole: ir.Known(false), Maybe: maybe, Origin: t.v.origin(t.e.at, nil),
	})
}

// serviceList is the list of the addresses of a service, shared by all
// endpoints of it.
func (b *builder) serviceList(v view) *ir.PrefixList {
	name := v.text("service_name")
	if name == "" {
		name = "service of " + v.in.Address
	}
	for _, e := range v.single("prefix_list_id") {
		if e.why == nil {
			return b.prefixList(v, e)
		}
	}
	key := "service " + name
	if o := b.lists[key]; o != nil {
		return o
	}
	o := &ir.PrefixList{
		Name: name, Home: v.home(), Family: packet.IPv4, AWS: true, Origin: v.origin(v.at("service_name"), nil),
		Open: &ir.Unknown{
			Term: key,
			Cause: diag.Cause{
				Code: diag.NotInInput, Message: fmt.Sprintf("the addresses of %s are AWS's", strings.TrimPrefix(name, "service of ")),
				Address: name, Range: v.at("service_name"),
			},
		},
	}
	o.Origin.Address = name
	b.lists[key] = o
	b.lists[tf.Symbol(v.in.Address, "prefix_list_id")] = o
	b.net.PrefixLists = append(b.net.PrefixLists, o)
	return o
}
