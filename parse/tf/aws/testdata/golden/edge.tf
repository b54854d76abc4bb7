# Route tables of gateways, and the endpoints of appliances that they lead to.
variable "gateway" {}

variable "inspected" {
  type = bool
}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  count      = 2
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.${count.index}.0/24"
}

resource "aws_internet_gateway" "igw" {
  vpc_id = aws_vpc.v.id
}

resource "aws_vpn_gateway" "vgw" {
  vpc_id = aws_vpc.v.id
}

resource "aws_vpc_endpoint" "inspect" {
  vpc_id            = aws_vpc.v.id
  service_name      = "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"
  vpc_endpoint_type = "GatewayLoadBalancer"
  subnet_ids        = [aws_subnet.s[1].id]
}

resource "aws_instance" "appliance" {
  ami               = "ami-1"
  subnet_id         = aws_subnet.s[1].id
  source_dest_check = false
}

resource "aws_route_table" "edge" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block      = aws_subnet.s[0].cidr_block
    vpc_endpoint_id = aws_vpc_endpoint.inspect.id
  }
}

resource "aws_route_table" "vpn" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block           = "10.0.0.0/16"
    network_interface_id = aws_instance.appliance.primary_network_interface_id
  }
}

resource "aws_route_table" "spare" {
  vpc_id = aws_vpc.v.id
}

resource "aws_route_table" "subnet" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block      = "0.0.0.0/0"
    vpc_endpoint_id = "vpce-0123456789abcdef0"
  }
}

resource "aws_route_table_association" "edge" {
  gateway_id     = aws_internet_gateway.igw.id
  route_table_id = aws_route_table.edge.id
}

resource "aws_route_table_association" "vpn" {
  count          = var.inspected ? 1 : 0
  gateway_id     = aws_vpn_gateway.vgw.id
  route_table_id = aws_route_table.vpn.id
}

resource "aws_route_table_association" "literal" {
  gateway_id     = "igw-0123456789abcdef0"
  route_table_id = aws_route_table.spare.id
}

resource "aws_route_table_association" "twice" {
  gateway_id     = "igw-0123456789abcdef0"
  route_table_id = aws_route_table.edge.id
}

resource "aws_route_table_association" "unknown" {
  gateway_id     = var.gateway
  route_table_id = aws_route_table.spare.id
}
