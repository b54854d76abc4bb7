package aws

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

func (v view) newTable() *ir.RouteTable {
	return &ir.RouteTable{ID: v.id(), Name: v.tags()["Name"], Home: v.home(), Tags: v.tags(), Origin: v.origin(v.at(), nil)}
}

func makeRouteTable(v view) {
	o := v.newTable()
	register(v, v.b.tables, o, "id")
	v.b.net.RouteTables = append(v.b.net.RouteTables, o)
}

// makeDefaultRouteTable adopts the main route table that a VPC came with: its
// routes are removed first. [TP default_route_table]
func makeDefaultRouteTable(v view) {
	o := v.newTable()
	o.Main = true
	vpc, key := v.adoptedVPC("default_route_table_id")
	o.VPC = vpc
	register(v, v.b.tables, o, "id")
	if key != "" && v.b.tables[key] == nil {
		v.b.tables[key] = o
	}
	for _, x := range vpc.Of {
		if d := v.b.defaultsOf(x); d.table == nil {
			d.table = o
		}
	}
	v.b.net.RouteTables = append(v.b.net.RouteTables, o)
}

func linkRouteTable(v view) {
	o := v.b.tables[tf.Symbol(v.in.Address, "id")]
	if !o.Main {
		o.VPC = v.vpcChoice("vpc_id")
	}
	routes, set := v.nested("route")
	if !set && v.in.Existing {
		o.Open = notInInput(v.in.Address, "routes", v.at())
	}
	vgws, _ := v.list("propagating_vgws")
	v.b.later(func() {
		for _, e := range vgws {
			v.b.later(func() { v.announce(o, e) })
		}
		for _, n := range routes {
			n.addRoute(o)
		}
	})
}

// linkRoute waits until every interface is known: routes may name instances.
func linkRoute(v view) {
	es := v.single("route_table_id")
	if len(es) == 0 {
		v.invalid(v.at(), "route_table_id is required", "name the route table")
		return
	}
	o := v.b.table(v, es[0])
	v.b.later(func() {
		v.addRoute(o)
		for _, other := range standIns(v, es[0], v.b.tables, v.b.net.RouteTables) {
			n := len(other.Routes)
			v.addRoute(other)
			for i := n; i < len(other.Routes) && es[0].among != nil; i++ {
				other.Routes[i].Maybe, other.Routes[i].Origin.Aside = es[0].why, true
			}
		}
	})
}

func linkPropagation(v view) {
	tables, vgws := v.single("route_table_id"), v.single("vpn_gateway_id")
	if len(tables) == 0 || len(vgws) == 0 {
		v.invalid(v.at(), "route_table_id and vpn_gateway_id are required", "name both")
		return
	}
	o := v.b.table(v, tables[0])
	v.b.later(func() { v.b.later(func() { v.announce(o, vgws[0]) }) }) // once static routes are in
}

// destinations are the attributes that name where a route leads, in a route
// block and in aws_route.
var destinations = []struct {
	attr   string
	family packet.Family
}{
	{"cidr_block", packet.IPv4},
	{"ipv6_cidr_block", packet.IPv6},
	{"destination_cidr_block", packet.IPv4},
	{"destination_ipv6_cidr_block", packet.IPv6},
	{"destination_prefix_list_id", packet.FamilyInvalid},
}

// addRoute reads a route block or an aws_route.
func (v view) addRoute(o *ir.RouteTable) {
	r := ir.Route{Maybe: v.maybe(), Blackhole: ir.Known(false)}
	if v.blk.Maybe != nil && len(v.blk.Attrs) == 0 {
		r.Destination = ir.Peer{Unknown: part(v.blk.Maybe, "destination")}
		r.Target = ir.Another[ir.Target](part(v.blk.Maybe, "target"))
		r.Origin = v.origin(v.blk.Range, nil)
		o.Routes = append(o.Routes, r)
		return
	}
	if u := v.b.maybe[o]; u != nil && r.Maybe == nil {
		r.Maybe = u
	}
	var at diag.Range
	r.Destination, at = v.destination()
	var targetAt diag.Range
	r.Target, targetAt = v.target(o)
	r.Origin = v.origin(at, map[ir.Field]diag.Range{ir.FieldPeer: at, ir.FieldTarget: targetAt})
	if v.text("state") == "blackhole" {
		r.Blackhole = ir.Known(true)
	}
	if i := v.b.repeatedRoute(o, r); i >= 0 {
		o.Routes[i].Origin = r.Origin
		return
	}
	o.Routes = append(o.Routes, r)
}

// destination reads where a route leads. An unknown attribute beside a known
// one must be null.
func (v view) destination() (ir.Peer, diag.Range) {
	var unknown []elem
	var family packet.Family
	for _, d := range destinations {
		for _, e := range v.single(d.attr) {
			switch {
			case e.why != nil:
				unknown, family = append(unknown, e), d.family
			case d.family == packet.FamilyInvalid:
				return ir.Peer{PrefixList: v.b.prefixList(v, e)}, e.at
			default:
				p := v.cidr(e, d.family, hostBitsRefused)
				if !p.Known() {
					return ir.Peer{Unknown: p.Why, Family: d.family}, e.at
				}
				return ir.Peer{CIDR: p.V}, e.at
			}
		}
	}
	switch len(unknown) {
	case 0:
		return ir.Peer{Unknown: v.invalid(v.at(), "this route has no destination", "add a CIDR or a prefix list")}, v.at()
	case 1:
		return ir.Peer{Unknown: unknown[0].why, Family: family}, unknown[0].at
	}
	return ir.Peer{Unknown: unknown[0].why}, unknown[0].at
}

// repeatedRoute finds the route that a state shows both in its table and as a
// resource of its own.
func (b *builder) repeatedRoute(o *ir.RouteTable, r ir.Route) int {
	if !b.existing[o] || r.Destination.Unknown != nil {
		return -1
	}
	for i, x := range o.Routes {
		if x.Destination == r.Destination && x.Origin.Address == o.Origin.Address {
			return i
		}
	}
	return -1
}

func linkRouteTableAssociation(v view) {
	es := v.single("route_table_id")
	if len(es) == 0 {
		v.invalid(v.at(), "route_table_id is required", "name the route table")
		return
	}
	o := v.b.table(v, es[0])
	subnets := v.single("subnet_id")
	switch {
	case len(subnets) > 0:
		v.b.tableOf.add(v, subnets[0], o)
	case v.has("gateway_id"):
		for _, e := range v.single("gateway_id") {
			v.edgeTable(o, e)
		}
	default:
		v.invalid(v.at(), "subnet_id is required", "name the subnet")
	}
}

func linkMainRouteTable(v view) {
	vpcs, tables := v.single("vpc_id"), v.single("route_table_id")
	if len(vpcs) == 0 || len(tables) == 0 {
		v.invalid(v.at(), "vpc_id and route_table_id are required", "name both")
		return
	}
	o := v.b.table(v, tables[0])
	d := v.b.defaultsOf(v.b.vpc(v, vpcs[0]))
	d.mains = append(d.mains, assigned[*ir.RouteTable]{to: o, maybe: v.maybe(), address: v.in.Address, at: tables[0].at})
}

// mainTables are the candidates for a VPC's main route table; open says that
// there may be another.
func (b *builder) mainTables(vpc *ir.VPC) (c ir.Choice[*ir.RouteTable], open bool) {
	d := b.defaults[vpc]
	if d == nil {
		return c, true
	}
	for _, m := range d.mains {
		if m.maybe == nil {
			return ir.One(m.to), false
		}
		c.Of, c.Why = append(c.Of, m.to), m.maybe
	}
	if d.table == nil {
		return c, true
	}
	c.Of = append(c.Of, d.table)
	return c, false
}

// finishRoutes marks the main tables and gives every table its local routes.
func (b *builder) finishRoutes() {
	for _, vpc := range b.net.VPCs {
		mains, open := b.mainTables(vpc)
		if t, ok := mains.Known(); ok && !open {
			if d := b.defaults[vpc]; d.table != nil && d.table != t {
				d.table.Main = false
			}
			t.Main = true
		}
	}
	for _, o := range b.net.RouteTables {
		b.reportMixed(o, o.Origin.Address, len(o.Routes), func(i int) ir.Origin { return writtenOrigin(o.Routes[i]) })
		b.mergeRoutes(o)
		b.addLocalRoutes(o)
	}
}

// writtenOrigin is a route's origin; routes that gateways announce and those of
// endpoints are nobody's blocks.
func writtenOrigin(r ir.Route) ir.Origin {
	for _, t := range r.Target.Of {
		if t.Gateway != nil && t.Gateway.Kind == ir.VPCEndpoint {
			return ir.Origin{Implicit: true}
		}
	}
	if r.Propagated {
		return ir.Origin{Implicit: true}
	}
	return r.Origin
}

// mergeRoutes finds routes of one destination: AWS has one of them.
func (b *builder) mergeRoutes(o *ir.RouteTable) {
	first := map[ir.Peer]int{}
	var kept []ir.Route
	for _, r := range o.Routes {
		if r.Maybe != nil || r.Destination.Unknown != nil {
			kept = append(kept, r)
			continue
		}
		i, taken := first[r.Destination]
		if !taken {
			first[r.Destination] = len(kept)
			kept = append(kept, r)
			continue
		}
		b.routeClash(o, &kept[i], r)
	}
	o.Routes = kept
}

func (b *builder) routeClash(o *ir.RouteTable, first *ir.Route, second ir.Route) {
	message := fmt.Sprintf("%s has two routes for one destination (the other: %s): AWS takes one of them", o.Origin.Address, first.Origin.Range.Line())
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: ruleInvalid, Error: true, Message: message, Fix: "keep one of them", Address: second.Origin.Address, Range: second.Origin.Range,
	})
	why := &ir.Unknown{
		Term:  o.Origin.Address + " route at " + second.Origin.Range.String(),
		Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: second.Origin.Address, Range: second.Origin.Range},
	}
	for _, t := range second.Target.Of {
		if !contains(first.Target.Of, t) {
			first.Target.Of = append(append([]ir.Target(nil), first.Target.Of...), t)
		}
	}
	if first.Target.Open == nil {
		first.Target.Open = second.Target.Open
	}
	if first.Target.Why == nil {
		first.Target.Why = why
	}
}

// addLocalRoutes adds the route that AWS keeps for each CIDR of the VPC, unless
// a route of the table took its place. In a VPC that is not known, or that may
// have further CIDRs, there may be local routes of unknown destination.
func (b *builder) addLocalRoutes(o *ir.RouteTable) {
	origin := ir.Origin{Address: o.Origin.Address, Implicit: true}
	local := ir.One(ir.Target{Kind: ir.TargetLocal})
	add := func(p ir.Peer, maybe *ir.Unknown) {
		o.Routes = append(o.Routes, ir.Route{Destination: p, Target: local, Blackhole: ir.Known(false), Maybe: maybe, Origin: origin})
	}
	vpc, ok := o.VPC.Known()
	if !ok {
		us := o.VPC.Unknowns()
		if len(us) > 0 {
			add(ir.Peer{Unknown: part(us[0], "cidr_block")}, us[0])
		}
		return
	}
	written := map[netip.Prefix]bool{}
	for _, r := range o.Routes {
		if r.Destination.CIDR.IsValid() && r.Maybe == nil {
			written[r.Destination.CIDR] = true
		}
	}
	for i, f := range packet.Families {
		for _, c := range [][]ir.Value[netip.Prefix]{vpc.IPv4, vpc.IPv6}[i] {
			switch {
			case !c.Known():
				add(ir.Peer{Unknown: c.Why, Family: f}, nil)
			case !written[c.V]:
				add(ir.Peer{CIDR: c.V}, nil)
			}
		}
	}
	if vpc.More != nil {
		add(ir.Peer{Unknown: part(vpc.More, "cidr_block")}, vpc.More)
	}
}
