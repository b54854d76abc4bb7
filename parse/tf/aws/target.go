package aws

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// target reads what a route points at.
func (v view) target(o *ir.RouteTable) (ir.Choice[ir.Target], diag.Range) {
	var unknown []elem
	for _, t := range targets {
		for _, e := range v.single(t.attr) {
			if e.why != nil {
				unknown = append(unknown, e)
				continue
			}
			return ir.One(t.read(v, o, e)), e.at
		}
	}
	if len(unknown) == 0 {
		return ir.Another[ir.Target](v.invalid(v.at(), "this route has no target", "add gateway_id, nat_gateway_id or another target")), v.at()
	}
	return ir.Another[ir.Target](unknown[0].why), unknown[0].at
}

// targets are the attributes that name what a route points at.
var targets = []struct {
	attr string
	read func(view, *ir.RouteTable, elem) ir.Target
}{
	{"gateway_id", gatewayTarget},
	{"nat_gateway_id", kindTarget(ir.NATGateway)},
	{"egress_only_gateway_id", kindTarget(ir.EgressOnlyGateway)},
	{"vpc_endpoint_id", kindTarget(ir.LoadBalancerEndpoint)}, // those of gateway endpoints are made by AWS
	{"transit_gateway_id", func(v view, _ *ir.RouteTable, e elem) ir.Target {
		return ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: v.b.transit(v, e)}
	}},
	{"vpc_peering_connection_id", func(v view, _ *ir.RouteTable, e elem) ir.Target {
		return ir.Target{Kind: ir.TargetPeering, Peering: v.b.peering(e)}
	}},
	{"network_interface_id", interfaceTarget},
	{"instance_id", interfaceTarget},
	{"core_network_arn", otherTarget},
	{"carrier_gateway_id", otherTarget},
	{"local_gateway_id", otherTarget},
	{"odb_network_arn", otherTarget},
}

func kindTarget(k ir.GatewayKind) func(view, *ir.RouteTable, elem) ir.Target {
	return func(v view, o *ir.RouteTable, e elem) ir.Target {
		g := v.b.gateway(v, e, k)
		placeGateway(g, o)
		return ir.Target{Kind: ir.TargetGateway, Gateway: g}
	}
}

// placeGateway gives a gateway that the input only names the VPC of a table
// that goes with it: AWS refuses a route to a gateway of another VPC.
func placeGateway(g *ir.Gateway, o *ir.RouteTable) {
	if vpc, ok := o.VPC.Known(); ok && len(g.VPC.Of) == 0 && g.VPC.Open != nil {
		g.VPC = ir.One(vpc)
	}
}

// gatewayTarget reads an attribute that names gateways of several kinds.
func gatewayTarget(v view, o *ir.RouteTable, e elem) ir.Target {
	if e.s == "local" {
		return ir.Target{Kind: ir.TargetLocal}
	}
	return kindTarget(v.gatewayKind(e))(v, o, e)
}

// gatewayKind tells the gateways apart that share one attribute.
func (v view) gatewayKind(e elem) ir.GatewayKind {
	switch {
	case strings.HasPrefix(e.s, "vgw-"):
		return ir.VirtualPrivateGateway
	case strings.HasPrefix(e.s, "vpce-"):
		return ir.VPCEndpoint
	case strings.HasPrefix(e.s, "igw-"):
		return ir.InternetGateway
	case tf.HasSymbol(e.s):
		if r := refOf(e); v.b.gateways[r.key] == nil {
			return gatewayKindOf(r.address)
		}
		return ir.InternetGateway // it is registered, as what it is
	}
	return ir.OtherGateway
}

// gatewayKindOf guesses what a gateway is from the resource that a symbol
// names: a data source, or a resource of another kind.
func gatewayKindOf(address string) ir.GatewayKind {
	switch {
	case strings.Contains(address, "aws_internet_gateway."):
		return ir.InternetGateway
	case strings.Contains(address, "aws_vpn_gateway."):
		return ir.VirtualPrivateGateway
	case strings.Contains(address, "aws_vpc_endpoint."):
		return ir.VPCEndpoint
	case strings.Contains(address, "aws_egress_only_internet_gateway."):
		return ir.EgressOnlyGateway
	case strings.Contains(address, "aws_nat_gateway."):
		return ir.NATGateway
	}
	return ir.OtherGateway
}

func interfaceTarget(v view, _ *ir.RouteTable, e elem) ir.Target {
	return ir.Target{Kind: ir.TargetInterface, Interface: v.b.iface(v, e)}
}

func otherTarget(_ view, _ *ir.RouteTable, e elem) ir.Target {
	return ir.Target{Kind: ir.TargetOther, ID: tf.Readable(e.s)}
}
