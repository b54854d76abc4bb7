package aws

import (
	"net/netip"

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

func makeNATGateway(v view) {
	o := v.newGateway(ir.NATGateway)
	typ, set := v.str("connectivity_type")
	o.Private = set && typ.Known() && typ.V == "private"
	addr := ir.Address{Family: packet.IPv4, Private: ir.NotKnown[netip.Addr](v.computed("private_ip", "is picked by AWS"))}
	for _, e := range v.single("private_ip") {
		addr.Private = v.addr(e, packet.IPv4)
	}
	addr.Public = ir.Public{
		Exists: ir.Known(!o.Private), Addr: ir.NotKnown[netip.Addr](v.computed("public_ip", "is the elastic IP's")),
		Place: o.Origin.Place(""),
	}
	if set && !typ.Known() {
		addr.Public.Exists = ir.NotKnown[bool](typ.Why)
	}
	for _, e := range v.single("public_ip") {
		addr.Public.Addr = v.addr(e, packet.IPv4)
	}
	o.Addresses = []ir.Address{addr}
}

func linkNATGateway(v view) {
	o := v.b.gateways[tf.Symbol(v.in.Address, "id")]
	if a, ok := v.first("allocation_id"); ok && !o.Addresses[0].Public.Addr.Known() {
		if addr, ok := v.b.eipAddrs[refOf(a).key]; ok {
			o.Addresses[0].Public.Addr = addr
		}
	}
	es := v.single("subnet_id")
	switch {
	case len(es) > 0:
		s := v.b.subnet(v, es[0])
		o.Subnet = choice(v.b, s)
		v.b.later(func() { o.VPC = s.VPC })
	case len(v.single("vpc_id")) > 0: // a regional NAT gateway has no subnet
		o.VPC = v.vpcChoice("vpc_id")
		o.Subnet = ir.Another[*ir.Subnet](v.computed("subnet_id", "is left to AWS: a regional NAT gateway"))
	default:
		o.Subnet = ir.Another[*ir.Subnet](v.invalid(v.at(), "subnet_id is required", "name the subnet of the NAT gateway"))
		o.VPC = ir.Another[*ir.VPC](o.Subnet.Open)
	}
}
