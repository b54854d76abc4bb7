# What is attached to transit and virtual private gateways beside VPCs.
variable "wide" {
  type = bool
}

variable "prefix" {}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_ec2_transit_gateway" "hub" {}

resource "aws_ec2_transit_gateway" "far" {}

resource "aws_ec2_transit_gateway_vpc_attachment" "v" {
  transit_gateway_id = aws_ec2_transit_gateway.hub.id
  vpc_id             = aws_vpc.v.id
  subnet_ids         = [aws_subnet.s.id]
}

resource "aws_customer_gateway" "office" {
  bgp_asn    = 65000
  ip_address = "203.0.113.9"
  type       = "ipsec.1"
}

resource "aws_vpn_connection" "office" {
  transit_gateway_id  = aws_ec2_transit_gateway.hub.id
  customer_gateway_id = aws_customer_gateway.office.id
  type                = "ipsec.1"
}

resource "aws_dx_gateway" "dx" {
  name            = "dx"
  amazon_side_asn = 64512
}

resource "aws_dx_gateway_association" "dx" {
  dx_gateway_id         = aws_dx_gateway.dx.id
  associated_gateway_id = aws_ec2_transit_gateway.hub.id
}

resource "aws_ec2_transit_gateway_connect" "sdwan" {
  transport_attachment_id                         = aws_ec2_transit_gateway_vpc_attachment.v.id
  transit_gateway_id                              = aws_ec2_transit_gateway.hub.id
  transit_gateway_default_route_table_propagation = false
}

resource "aws_ec2_transit_gateway_peering_attachment" "far" {
  transit_gateway_id      = aws_ec2_transit_gateway.hub.id
  peer_transit_gateway_id = aws_ec2_transit_gateway.far.id
  peer_region             = "us-east-1"
}

resource "aws_ec2_transit_gateway_peering_attachment_accepter" "far" {
  transit_gateway_attachment_id = aws_ec2_transit_gateway_peering_attachment.far.id
}

resource "aws_ec2_transit_gateway_route_table" "hub" {
  transit_gateway_id = aws_ec2_transit_gateway.hub.id
}

resource "aws_ec2_transit_gateway_route_table_association" "office" {
  transit_gateway_attachment_id  = aws_vpn_connection.office.transit_gateway_attachment_id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.hub.id
}

resource "aws_ec2_transit_gateway_route_table_propagation" "dx" {
  transit_gateway_attachment_id  = aws_dx_gateway_association.dx.transit_gateway_attachment_id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.hub.id
}

resource "aws_ec2_transit_gateway_route" "far" {
  destination_cidr_block         = "10.9.0.0/16"
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_peering_attachment_accepter.far.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.hub.id
}

data "aws_ec2_transit_gateway_vpn_attachment" "office" {
  transit_gateway_id = aws_ec2_transit_gateway.hub.id
  vpn_connection_id  = aws_vpn_connection.office.id
}

resource "aws_ec2_transit_gateway_route" "office" {
  destination_cidr_block         = "192.168.0.0/16"
  transit_gateway_attachment_id  = data.aws_ec2_transit_gateway_vpn_attachment.office.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway.hub.association_default_route_table_id
}

data "aws_ec2_transit_gateway_peering_attachment" "other" {
  tags = {
    Name = "other"
  }
}

resource "aws_ec2_managed_prefix_list" "sites" {
  name           = "sites"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr = "172.16.0.0/12"
  }
}

resource "aws_ec2_transit_gateway_prefix_list_reference" "other" {
  prefix_list_id                 = aws_ec2_managed_prefix_list.sites.id
  transit_gateway_attachment_id  = data.aws_ec2_transit_gateway_peering_attachment.other.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.hub.id
}

resource "aws_ec2_transit_gateway_route_table" "far" {
  transit_gateway_id = aws_ec2_transit_gateway.far.id
}

resource "aws_ec2_transit_gateway_route" "back" {
  destination_cidr_block         = "10.0.0.0/16"
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_peering_attachment.far.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.far.id
}

resource "aws_ec2_transit_gateway" "moved" {}

resource "aws_ec2_transit_gateway_route_table" "moved" {
  transit_gateway_id = aws_ec2_transit_gateway.moved.id
}

resource "aws_ec2_transit_gateway_default_route_table_association" "moved" {
  transit_gateway_id             = aws_ec2_transit_gateway.moved.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.moved.id
}

resource "aws_vpn_connection" "moved" {
  transit_gateway_id  = aws_ec2_transit_gateway.moved.id
  customer_gateway_id = aws_customer_gateway.office.id
  type                = "ipsec.1"
}

# Virtual private gateways.
resource "aws_vpn_gateway" "static" {
  vpc_id = aws_vpc.v.id
}

resource "aws_vpn_connection" "static" {
  vpn_gateway_id      = aws_vpn_gateway.static.id
  customer_gateway_id = aws_customer_gateway.office.id
  type                = "ipsec.1"
  static_routes_only  = true
}

resource "aws_vpn_connection_route" "static" {
  for_each               = toset(["192.168.1.0/24", "192.168.2.0/24"])
  destination_cidr_block = each.key
  vpn_connection_id      = aws_vpn_connection.static.id
}

resource "aws_vpn_connection_route" "unknown" {
  count                  = var.wide ? 1 : 0
  destination_cidr_block = var.prefix
  vpn_connection_id      = aws_vpn_connection.static.id
}

resource "aws_vpn_gateway" "dynamic" {}

resource "aws_vpn_gateway_attachment" "dynamic" {
  vpc_id         = aws_vpc.v.id
  vpn_gateway_id = aws_vpn_gateway.dynamic.id
}

resource "aws_dx_gateway_association" "dynamic" {
  dx_gateway_id         = aws_dx_gateway.dx.id
  associated_gateway_id = aws_vpn_gateway.dynamic.id
}

resource "aws_route_table" "static" {
  vpc_id           = aws_vpc.v.id
  propagating_vgws = [aws_vpn_gateway.static.id]
}

resource "aws_route_table" "dynamic" {
  vpc_id = aws_vpc.v.id
}

resource "aws_vpn_gateway_route_propagation" "dynamic" {
  vpn_gateway_id = aws_vpn_gateway.dynamic.id
  route_table_id = aws_route_table.dynamic.id
}
