package aws

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

func (v view) newGateway(kind ir.GatewayKind) *ir.Gateway {
	o := &ir.Gateway{ID: v.id(), Name: v.tags()["Name"], Home: v.home(), Kind: kind, Origin: v.origin(v.at(), nil)}
	register(v, v.b.gateways, o, "id")
	v.b.net.Gateways = append(v.b.net.Gateways, o)
	return o
}

func makeInternetGateway(v view)   { v.newGateway(ir.InternetGateway) }
func makeEgressOnlyGateway(v view) { v.newGateway(ir.EgressOnlyGateway) }
func makeVPNGateway(v view)        { v.newGateway(ir.VirtualPrivateGateway) }

// linkGatewayVPC reads what a gateway is attached to; without vpc_id it is
// detached unless an attachment says otherwise.
func linkGatewayVPC(v view) {
	o := v.b.gateways[tf.Symbol(v.in.Address, "id")]
	if len(v.single("vpc_id")) > 0 {
		o.VPC = v.vpcChoice("vpc_id")
	}
}

func linkGatewayAttachment(v view) {
	attr, kind := "internet_gateway_id", ir.InternetGateway
	if v.in.Type == "aws_vpn_gateway_attachment" {
		attr, kind = "vpn_gateway_id", ir.VirtualPrivateGateway
	}
	gws, vpcs := v.single(attr), v.single("vpc_id")
	if len(gws) == 0 || len(vpcs) == 0 {
		v.invalid(v.at(), attr+" and vpc_id are required", "name both")
		return
	}
	o := v.b.gateway(v, gws[0], kind)
	if u := v.maybe(); u != nil {
		o.VPC = ir.Choice[*ir.VPC]{Of: []*ir.VPC{v.b.vpc(v, vpcs[0])}, Open: u}
		return
	}
	o.VPC = v.vpcChoice("vpc_id")
}

// edgeTable gives a gateway a route table of its own, which routes what comes in
// by it. [VPC VPC_Route_Tables.md, gateway route tables]
func (v view) edgeTable(o *ir.RouteTable, e elem) {
	if e.unknown() == nil {
		g := v.b.gateway(v, e, v.gatewayKind(e))
		v.giveTable(g, o, v.maybe())
		v.b.later(func() { placeGateway(g, o) })
		return
	}
	some := standIns(v, e, v.b.gateways, v.b.net.Gateways)
	for _, g := range some {
		if g.Kind == ir.InternetGateway || g.Kind == ir.VirtualPrivateGateway {
			v.giveTable(g, o, e.unknown())
		}
	}
	if len(some) == 0 {
		v.omit(e.at, "which gateway follows this route table is not known: what enters by it is taken to go straight to its subnet")
	}
}

func (v view) giveTable(g *ir.Gateway, o *ir.RouteTable, maybe *ir.Unknown) {
	c := &g.RouteTable
	switch {
	case contains(c.Of, o):
		return
	case maybe != nil:
		c.Open = maybe // or none
	case len(c.Of) > 0:
		message := g.Origin.Address + " is given two route tables, " + c.Of[0].Origin.Address + " and " + o.Origin.Address + ": it has one, and the last one applied wins"
		v.problem(ruleInvalid, v.at("gateway_id"), message, "keep one of them")
		c.Why = &ir.Unknown{Term: g.Origin.Address + " route tables", Cause: diag.Cause{
			Code: diag.NotValid, Message: message, Address: v.in.Address, Range: v.at("gateway_id"),
		}}
	}
	if c.Of = append(c.Of, o); len(c.Of) > 1 && c.Why == nil {
		c.Why = c.Open
	}
}

func makeNATGateway(v view) {
	o := v.newGateway(ir.NATGateway)
	typ, set := v.str("connectivity_type")
	o.Private = set && typ.Known() && typ.V == "private"
	o.Addresses = []ir.Address{v.natAddress(o, 0, elem{}, elem{})}
	if set && !typ.Known() {
		o.Addresses[0].Public.Exists = ir.NotKnown[bool](typ.Why)
	}
	for _, e := range v.single("private_ip") {
		o.Addresses[0].Private = v.addr(e, packet.IPv4)
	}
	for _, e := range v.single("public_ip") {
		o.Addresses[0].Public.Addr = v.addr(e, packet.IPv4)
	}
	if v.text("availability_mode") == "regional" {
		v.makeRegionalTable(o)
	}
}

// natAddress is address n of a NAT gateway: the private and the elastic one that
// are given, else ones that AWS picks.
func (v view) natAddress(o *ir.Gateway, n int, private, allocation elem) ir.Address {
	inside, outside := v.computed("private_ip", "is picked by AWS"), v.computed("public_ip", "is the elastic IP's")
	if n > 0 {
		inside.Term, outside.Term = fmt.Sprintf("%s %d", inside.Term, n), fmt.Sprintf("%s %d", outside.Term, n)
	}
	a := ir.Address{Family: packet.IPv4, Private: ir.NotKnown[netip.Addr](inside)}
	if private != (elem{}) {
		a.Private = v.addr(private, packet.IPv4)
	}
	a.Public = ir.Public{
		Exists: ir.Known(!o.Private), Addr: ir.NotKnown[netip.Addr](outside), Place: o.Origin.Place(""),
	}
	if addr, ok := v.b.eipAddrs[refOf(allocation).key]; ok && allocation != (elem{}) {
		a.Public.Addr = addr
	}
	return a
}

// makeRegionalTable makes the route table that comes with a regional NAT
// gateway. It leads to the internet gateway of the VPC.
// [VPC nat-gateways-regional]
func (v view) makeRegionalTable(o *ir.Gateway) {
	t := &ir.RouteTable{Name: "regional NAT gateway", Home: v.home(), Origin: ir.Origin{
		Address: v.in.Address + ".route_table", Range: v.at("availability_mode"), Implicit: true,
	}}
	if s, set := v.str("route_table_id"); set && s.Known() && !tf.HasSymbol(s.V) {
		t.ID = s.V
	}
	if v.in.Existing {
		t.Open = notInInput(t.Origin.Address, "changes", v.at())
	}
	register(v, v.b.tables, t, "route_table_id")
	v.b.net.RouteTables = append(v.b.net.RouteTables, t)
	o.RouteTable = ir.One(t)
}

func linkNATGateway(v view) {
	o := v.b.gateways[tf.Symbol(v.in.Address, "id")]
	if t, ok := o.RouteTable.Known(); ok {
		v.linkRegional(o, t)
		return
	}
	if a, ok := v.first("allocation_id"); ok && !o.Addresses[0].Public.Addr.Known() {
		o.Addresses[0].Public.Addr = v.natAddress(o, 0, elem{}, a).Public.Addr
	}
	v.secondaryAddresses(o)
	es := v.single("subnet_id")
	if mode, set := v.str("availability_mode"); set && !mode.Known() {
		o.Subnet, o.RouteTable = ir.Another[*ir.Subnet](mode.Why), ir.Another[*ir.RouteTable](mode.Why)
		if o.VPC = ir.Another[*ir.VPC](mode.Why); v.has("vpc_id") {
			o.VPC = v.vpcChoice("vpc_id")
		}
	}
	switch {
	case len(es) > 0:
		s := v.b.subnet(v, es[0])
		o.Subnet = choice(v.b, s)
		v.b.later(func() { o.VPC = s.VPC })
	case o.Subnet.Open == nil:
		o.Subnet = ir.Another[*ir.Subnet](v.invalid(v.at(), "subnet_id is required", "name the subnet of the NAT gateway"))
		o.VPC = ir.Another[*ir.VPC](o.Subnet.Open)
	}
}

// secondaryAddresses reads the addresses that a NAT gateway has beside its
// first one.
func (v view) secondaryAddresses(o *ir.Gateway) {
	privates, _ := v.list("secondary_private_ip_addresses")
	allocations, _ := v.list("secondary_allocation_ids")
	for i := range min(max(len(privates), len(allocations)), maxAddresses) {
		var private, allocation elem
		if i < len(privates) {
			private = privates[i]
		}
		if i < len(allocations) {
			allocation = allocations[i]
		}
		a := v.natAddress(o, i+1, private, allocation)
		if a.Maybe = private.many; a.Maybe == nil {
			a.Maybe = allocation.many
		}
		o.Addresses = append(o.Addresses, a)
	}
}

// linkRegional reads a NAT gateway that works in all zones of its VPC, and
// stands in no subnet. [botocore ec2 NatGateway.AvailabilityMode]
func (v view) linkRegional(o *ir.Gateway, t *ir.RouteTable) {
	o.VPC = v.vpcChoice("vpc_id")
	t.VPC = o.VPC
	var given []ir.Address
	zones, _ := v.nested("availability_zone_address")
	for _, z := range zones {
		es, _ := z.list("allocation_ids")
		for _, e := range es {
			a := v.natAddress(o, len(given), elem{}, e)
			if a.Maybe = z.maybeBlock(); a.Maybe == nil {
				a.Maybe = e.many
			}
			given = append(given, a)
		}
	}
	seen, _ := v.nested("regional_nat_gateway_address")
	for _, z := range seen {
		if es := z.single("public_ip"); len(es) > 0 && len(zones) == 0 {
			a := v.natAddress(o, len(given), elem{}, elem{})
			a.Public.Addr = v.addr(es[0], packet.IPv4)
			given = append(given, a)
		}
	}
	if len(given) > 0 {
		o.Addresses = given[:min(len(given), maxAddresses)]
	}
	if !o.Private { // once the routes that are written are in
		v.b.later(func() { v.b.later(func() { v.leadOut(t) }) })
	}
}

// leadOut adds the route that a regional NAT gateway's table comes with, unless
// another one takes its place.
func (v view) leadOut(t *ir.RouteTable) {
	for _, r := range t.Routes {
		if r.Destination.CIDR == anyIPv4 && r.Maybe == nil {
			return
		}
	}
	var target ir.Choice[ir.Target]
	for _, g := range v.b.net.Gateways {
		if g.Kind == ir.InternetGateway && v.b.shareVPC(g.VPC, t.VPC) {
			target.Of = append(target.Of, ir.Target{Kind: ir.TargetGateway, Gateway: g})
		}
	}
	if len(target.Of) != 1 {
		target.Open = notInInput(v.in.Address, "internet gateway", v.at("vpc_id"))
	}
	if len(target.Of) > 1 {
		target.Why = target.Open
	}
	t.Routes = append(t.Routes, ir.Route{
		Destination: ir.Peer{CIDR: anyIPv4}, Target: target, Blackhole: ir.Known(false), Origin: ir.Origin{Address: t.Origin.Address, Range: t.Origin.Range, Implicit: true},
	})
}
