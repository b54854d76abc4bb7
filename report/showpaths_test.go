package report

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// paths is a network with all that leads from one thing to another.
func paths() *ir.Network {
	from := func(address string, line int) ir.Origin {
		return ir.Origin{Address: address, Range: diag.Range{File: "main.tf", Start: diag.Pos{Line: line, Column: 1}, End: diag.Pos{Line: line, Column: 9}}}
	}
	place := func(o ir.Origin) diag.Place { return o.Place("") }
	why := &ir.Unknown{Term: "var.x", Cause: diag.Cause{Code: diag.NoValue, Message: "var.x has no value", Address: "var.x"}}
	group := &ir.SecurityGroup{Origin: from("aws_security_group.g", 1)}
	vpc := &ir.VPC{ID: "vpc-1", IPv4: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("10.0.0.0/16")), ir.NotKnown[netip.Prefix](why)}, Origin: from("aws_vpc.v", 2)}
	vpc.Lattice = &ir.Lattice{Groups: ir.All(group), Origin: from("aws_vpclattice_service_network_vpc_association.v", 3)}
	subnet := &ir.Subnet{VPC: ir.One(vpc), IPv4: ir.Known(netip.MustParsePrefix("10.0.0.0/24")), Origin: from("aws_subnet.s", 4)}
	table := &ir.RouteTable{VPC: ir.One(vpc), Origin: from("aws_route_table.edge", 5)}
	igw := &ir.Gateway{Kind: ir.InternetGateway, VPC: ir.One(vpc), RouteTable: ir.One(table), Origin: from("aws_internet_gateway.igw", 6)}
	nat := &ir.Gateway{Kind: ir.NATGateway, VPC: ir.One(vpc), Subnet: ir.One(subnet), Origin: from("aws_nat_gateway.n", 7), Addresses: []ir.Address{{
		Family: packet.IPv4, Private: ir.Known(netip.MustParseAddr("10.0.0.9")), Public: ir.Public{Exists: ir.Known(true), Addr: ir.Known(netip.MustParseAddr("198.51.100.2"))},
	}}}
	web := &ir.Interface{Resource: "aws_instance.web", Kind: ir.InterfaceInstance, Subnet: ir.One(subnet), Origin: from("aws_instance.web", 8)}
	open := &ir.Forward{PreserveClient: ir.Known(true), Open: why, Place: place(from("aws_lb_target_group.t", 9)), Targets: []ir.ForwardTarget{
		{Interface: web, Port: ir.Known[uint16](8080), Place: place(from("aws_lb_target_group_attachment.a", 10))},
		{Interface: web, Port: ir.Known[uint16](8080), Place: place(from("aws_lb_target_group_attachment.b", 11))},
		{Address: netip.MustParseAddr("192.168.0.7"), Port: ir.NotKnown[uint16](why), Maybe: why, Place: place(from("aws_lb_target_group_attachment.c", 12))},
	}}
	for range 9 {
		open.Targets = append(open.Targets, ir.ForwardTarget{Address: netip.MustParseAddr("192.168.0.8"), Port: ir.Known(uint16(1000 + len(open.Targets)))})
	}
	service := func(port uint16, f *ir.Forward) ir.Service {
		return ir.Service{Protocol: packet.TCP, Ports: ir.Ports{Lo: port, Hi: port}, Forward: f}
	}
	lb := &ir.Interface{
		Resource: "aws_lb.l", Kind: ir.InterfaceNetworkLoadBalancer, Subnet: ir.One(subnet), Origin: from("aws_lb.l", 13), Services: &ir.Services{Ports: []ir.Service{
			service(443, open), service(80, &ir.Forward{Ends: true}), service(81, &ir.Forward{PreserveClient: ir.NotKnown[bool](why), Open: why}), service(82, nil),
		}},
	}
	connect := &ir.Interface{Resource: "aws_ec2_instance_connect_endpoint.e", Kind: ir.InterfaceConnectEndpoint, Subnet: ir.One(subnet), PreserveClient: ir.NotKnown[bool](why), Origin: from("aws_ec2_instance_connect_endpoint.e", 14)}
	inside := &ir.Attachment{VPC: ir.One(vpc), Subnets: ir.All(subnet), Origin: from("aws_ec2_transit_gateway_vpc_attachment.v", 15)}
	vpn := &ir.Attachment{ID: "tgw-attach-2", Outside: true, Origin: from("aws_vpn_connection.v", 16)}
	return &ir.Network{
		VPCs: []*ir.VPC{vpc}, Subnets: []*ir.Subnet{subnet}, SecurityGroups: []*ir.SecurityGroup{group}, RouteTables: []*ir.RouteTable{table},
		Gateways: []*ir.Gateway{igw, nat}, Interfaces: []*ir.Interface{web, lb, connect},
		TransitGateways: []*ir.TransitGateway{{Open: why, Attachments: []*ir.Attachment{inside, vpn}, Origin: from("aws_ec2_transit_gateway.t", 17), Tables: []*ir.TransitTable{{
			Associated: []*ir.Attachment{inside}, Propagated: []*ir.Attachment{vpn}, Origin: from("aws_ec2_transit_gateway_route_table.t", 18), Routes: []ir.TransitRoute{
				{Destination: ir.Peer{CIDR: netip.MustParsePrefix("192.168.0.0/16")}, Attachment: ir.One(vpn)},
				{Destination: ir.Peer{CIDR: netip.MustParsePrefix("10.9.0.0/16")}},
				{Destination: ir.Peer{CIDR: netip.MustParsePrefix("10.8.0.0/16")}, Attachment: ir.Another[*ir.Attachment](why)},
			},
		}}}},
	}
}

func TestShowPaths(t *testing.T) {
	nets := []*ir.Network{paths()}
	c := Cover(nets, []Input{{Path: "main.tf", Kind: "configuration"}}, 1)
	golden(t, "show-paths.txt", Show(nets, c, Options{}))
	text, err := ShowJSON(nets, c, true)
	if err != nil || !json.Valid([]byte(text)) {
		t.Fatal(err)
	}
	golden(t, "show-paths.json", text)
}
