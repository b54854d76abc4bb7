package awsapi

import (
	"net/netip"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func (b *builder) buildRouteTables() {
	for _, o := range b.objects[recordRouteTable] {
		t := tags(o)
		r := &ir.RouteTable{ID: o.id, Name: t["Name"], Home: o.home, VPC: b.vpcOf(o), Tags: t, Origin: o.origin()}
		for a := range o.get("Associations").items() {
			if a.get("Main").yes() && current(a) {
				r.Main = true
			}
		}
		routes := o.get("Routes")
		if !routes.isArray() {
			r.Open = notSaid(o, "its routes")
		}
		for v := range routes.items() {
			r.Routes = append(r.Routes, b.route(o, r, v))
		}
		b.localRoutes(r)
		b.tables.add(r.ID, r.Home, r)
		b.net.RouteTables = append(b.net.RouteTables, r)
	}
	b.edgeTables()
}

// current reports whether an association holds.
func current(a value) bool {
	switch a.at("AssociationState", "State").peek() {
	case "disassociated", "disassociating", "failed":
		return false
	}
	return true
}

// localRoutes adds the local route of each CIDR of the VPC that no route of the
// table stands for: every table has them. [VPC VPC_Route_Tables.md]
func (b *builder) localRoutes(t *ir.RouteTable) {
	v, ok := t.VPC.Known()
	if !ok {
		return
	}
	have := map[netip.Prefix]bool{}
	for _, r := range t.Routes {
		have[r.Destination.CIDR] = true
	}
	for _, c := range append(v.IPv4[:len(v.IPv4):len(v.IPv4)], v.IPv6...) {
		if !c.Known() || have[c.V] {
			continue
		}
		origin := ir.Origin{Address: t.ID + "/" + c.V.String(), Range: v.Origin.Range, Block: t.Origin.Block, Implicit: true}
		t.Routes = append(t.Routes, ir.Route{
			Destination: ir.Peer{CIDR: c.V}, Target: ir.One(ir.Target{Kind: ir.TargetLocal}), Blackhole: ir.Known(false), Origin: origin,
		})
	}
}

// route reads one route. [botocore ec2 Route]
func (b *builder) route(o *object, t *ir.RouteTable, v value) ir.Route {
	v4, v6, list := v.get("DestinationCidrBlock"), v.get("DestinationIpv6CidrBlock"), v.get("DestinationPrefixListId")
	r := ir.Route{Propagated: v.get("Origin").peek() == "EnableVgwRoutePropagation"}
	dst := v4
	address := t.ID + "/"
	switch {
	case v4.str() != "":
		address += v4.str()
		r.Destination = b.cidr(v4, packet.IPv4, address)
	case v6.str() != "":
		dst = v6
		address += v6.str()
		r.Destination = b.cidr(v6, packet.IPv6, address)
	case list.str() != "":
		dst = list
		address += list.str()
		r.Destination = b.prefixList(list, o.home, address)
	default:
		dst = v
		r.Destination = ir.Peer{Unknown: b.invalid(v, address, "a route without a destination", "where the route leads is unknown", "export it again")}
	}
	state := v.get("State")
	r.Blackhole = ir.Known(state.peek() == "blackhole")
	target, ref := b.target(o, t, v, state.peek() == "active")
	r.Target = target
	r.Origin = ir.Origin{
		Address: address, Range: dst.place(), Block: v.place(),
		Fields: fields(at{ir.FieldPeer, dst}, at{ir.FieldTarget, ref}), Implicit: v.get("Origin").peek() == "CreateRouteTable",
	}
	return r
}

// target reads what a route points at, and where that is written.
func (b *builder) target(o *object, t *ir.RouteTable, v value, active bool) (ir.Choice[ir.Target], value) {
	for _, name := range []string{
		"NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "EgressOnlyInternetGatewayId", "NetworkInterfaceId", "GatewayId",
		"InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "OdbNetworkArn", "IpAddress",
	} {
		ref := v.get(name)
		if ref.str() == "" {
			continue
		}
		return ir.One(b.targetOf(o, t, v, name, ref, active)), ref
	}
	if v.get("State").peek() == "blackhole" {
		return ir.One(ir.Target{Kind: ir.TargetOther, ID: "blackhole"}), value{}
	}
	for name, m := range v.members() {
		if (strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Arn")) && !strings.HasPrefix(name, "Destination") && name != "InstanceOwnerId" && m.str() != "" {
			return ir.One(ir.Target{Kind: ir.TargetOther, ID: m.str()}), m
		}
	}
	return ir.Another[ir.Target](&ir.Unknown{Term: "target of a route of " + t.ID + " at " + v.place().String(), Cause: diag.Cause{
		Code: diag.NotInInput, Message: "the route names no target", Address: t.ID, Range: v.place(),
	}}), value{}
}

func (b *builder) targetOf(o *object, t *ir.RouteTable, v value, name string, ref value, active bool) ir.Target {
	id := ref.str()
	switch name {
	case "GatewayId":
		if id == "local" {
			return ir.Target{Kind: ir.TargetLocal}
		}
		return b.gatewayTarget(t, ref, gatewayKind(id, v.get("DestinationPrefixListId").str() != ""), active)
	case "NatGatewayId":
		return b.gatewayTarget(t, ref, ir.NATGateway, active)
	case "EgressOnlyInternetGatewayId":
		return b.gatewayTarget(t, ref, ir.EgressOnlyGateway, active)
	case "LocalGatewayId", "CarrierGatewayId":
		if _, ok := b.gateways.find(id, o.home); ok {
			return b.gatewayTarget(t, ref, ir.OtherGateway, active)
		}
	case "TransitGatewayId":
		return ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: b.transit(ref, o.home), ID: id}
	case "VpcPeeringConnectionId":
		return ir.Target{Kind: ir.TargetPeering, Peering: b.peering(ref, o.home), ID: id}
	case "NetworkInterfaceId", "InstanceId":
		if i, ok := b.interfaces.find(id, o.home); ok {
			return ir.Target{Kind: ir.TargetInterface, Interface: i, ID: id}
		}
	}
	return ir.Target{Kind: ir.TargetOther, ID: id}
}

// gatewayKind tells gateways apart by their ids. The routes of gateway endpoints
// lead to prefix lists, those that people write to addresses.
func gatewayKind(id string, toList bool) ir.GatewayKind {
	switch prefix, _, _ := strings.Cut(id, "-"); prefix {
	case "igw":
		return ir.InternetGateway
	case "eigw":
		return ir.EgressOnlyGateway
	case "vgw":
		return ir.VirtualPrivateGateway
	case "vpce":
		if !toList {
			return ir.LoadBalancerEndpoint
		}
		return ir.VPCEndpoint
	case "nat":
		return ir.NATGateway
	}
	return ir.OtherGateway
}

// gatewayTarget returns the gateway that a route names. One that is not in the
// input, named by a route that is active, is attached to the table's VPC: a
// route to a gateway that is not is a blackhole. [botocore ec2 Route.State]
func (b *builder) gatewayTarget(t *ir.RouteTable, ref value, kind ir.GatewayKind, active bool) ir.Target {
	id := ref.str()
	g, ok := b.gateways.find(id, t.Home)
	if !ok {
		why := b.missing(listedKind(kind), id, t.Home, ref)
		g = &ir.Gateway{
			ID: id, Home: t.Home, Kind: kind, VPC: ir.Another[*ir.VPC](why), Subnet: ir.Another[*ir.Subnet](why),
			Origin: ir.Origin{Address: id, Range: ref.place()},
		}
		if active {
			g.VPC = t.VPC
		}
		b.gateways.add(id, t.Home, g)
		b.net.Gateways = append(b.net.Gateways, g)
	}
	return ir.Target{Kind: ir.TargetGateway, Gateway: g, ID: id}
}

func listedKind(k ir.GatewayKind) ir.Kind {
	switch k {
	case ir.InternetGateway:
		return ir.KindInternetGateway
	case ir.NATGateway:
		return ir.KindNATGateway
	case ir.VPCEndpoint, ir.LoadBalancerEndpoint:
		return ir.KindEndpoint
	case ir.GatewayInvalid, ir.EgressOnlyGateway, ir.VirtualPrivateGateway, ir.OtherGateway:
	}
	return ir.KindInvalid
}

func (b *builder) peering(ref value, home ir.Home) *ir.Peering {
	id := ref.str()
	if p, ok := b.peerings.find(id, home); ok {
		return p
	}
	why := b.missing(ir.KindPeering, id, home, ref)
	p := &ir.Peering{
		ID: id, Requester: ir.Another[*ir.VPC](why), Accepter: ir.Another[*ir.VPC](why), Active: ir.NotKnown[bool](why),
		SameRegion: ir.NotKnown[bool](why), Origin: ir.Origin{Address: id, Range: ref.place()},
	}
	b.peerings.add(id, home, p)
	b.net.Peerings = append(b.net.Peerings, p)
	return p
}

// edgeTables gives gateways the route tables of their own: of internet and
// virtual private gateways the ones that are associated with them, of regional
// NAT gateways the ones that they name. [botocore ec2 RouteTableAssociation,
// NatGateway.RouteTableId]
func (b *builder) edgeTables() {
	for _, o := range b.objects[recordRouteTable] {
		t, _ := b.tables.find(o.id, o.home)
		for a := range o.get("Associations").items() {
			ref := a.get("GatewayId")
			if ref.str() == "" || !current(a) {
				continue
			}
			g := b.gatewayTarget(t, ref, gatewayKind(ref.str(), false), true).Gateway
			if other, ok := g.RouteTable.Known(); ok && other != t {
				b.note(diag.Diagnostic{
					Message: g.ID + " has two route tables, " + other.ID + " and " + t.ID, Label: "the first one counts", Address: t.ID, Range: ref.place(),
					Fix: "give exports of one point in time",
				})
				continue
			}
			g.RouteTable = ir.One(t)
		}
	}
	for _, g := range b.net.Gateways {
		ref, regional := b.regional[g]
		switch {
		case regional && ref.str() == "":
			g.RouteTable = ir.Another[*ir.RouteTable](&ir.Unknown{Term: "route table of " + g.ID, Cause: diag.Cause{
				Code: diag.NotInInput, Message: g.ID + " does not say which route table is its own", Address: g.ID, Range: g.Origin.Range,
			}})
		case regional:
			if t, ok := b.tables.find(ref.str(), g.Home); ok {
				g.RouteTable = ir.One(t)
			} else {
				g.RouteTable = ir.Another[*ir.RouteTable](b.missing(ir.KindRouteTable, ref.str(), g.Home, ref))
			}
		case (g.Kind == ir.InternetGateway || g.Kind == ir.VirtualPrivateGateway) && len(g.RouteTable.Of) == 0 && !b.net.IsClosed(ir.KindRouteTable, g.Home):
			g.RouteTable = ir.Another[*ir.RouteTable](b.unseen(ir.KindRouteTable, g.Home, "a route table of "+g.ID, "route table of "+g.ID))
		}
	}
}

// tableAssociations finds the route table of each subnet that one names.
func (b *builder) tableAssociations() map[*ir.Subnet]*ir.RouteTable {
	out := map[*ir.Subnet]*ir.RouteTable{}
	for _, o := range b.objects[recordRouteTable] {
		t, _ := b.tables.find(o.id, o.home)
		vpc := o.get("VpcId")
		for a := range o.get("Associations").items() {
			ref := a.get("SubnetId")
			if ref.str() == "" || !current(a) {
				continue
			}
			s := b.subnet(ref, vpc, o.home)
			if other, ok := out[s]; ok && other != t {
				b.note(diag.Diagnostic{
					Message: s.ID + " is in two route tables, " + other.ID + " and " + t.ID, Label: "the first one counts", Address: t.ID, Range: ref.place(),
					Fix: "give exports of one point in time",
				})
				continue
			}
			out[s] = t
		}
	}
	return out
}
