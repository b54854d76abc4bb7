# Routes and what they point at.
resource "aws_vpc" "v" {
  cidr_block      = "10.0.0.0/16"
  ipv6_cidr_block = "2600:1f18:1::/56"
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_internet_gateway" "igw" {
  vpc_id = aws_vpc.v.id
}

resource "aws_internet_gateway" "loose" {}

resource "aws_egress_only_internet_gateway" "eigw" {
  vpc_id = aws_vpc.v.id
}

resource "aws_eip" "nat" {}

resource "aws_nat_gateway" "nat" {
  subnet_id     = aws_subnet.s.id
  allocation_id = aws_eip.nat.id
}

resource "aws_nat_gateway" "inner" {
  subnet_id         = aws_subnet.s.id
  connectivity_type = "private"
}

resource "aws_vpc" "peer" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc_peering_connection" "p" {
  vpc_id      = aws_vpc.v.id
  peer_vpc_id = aws_vpc.peer.id
}

resource "aws_vpc_peering_connection_accepter" "p" {
  vpc_peering_connection_id = aws_vpc_peering_connection.p.id
  auto_accept               = true
}

resource "aws_vpc_peering_connection" "far" {
  vpc_id        = aws_vpc.v.id
  peer_vpc_id   = "vpc-0999"
  peer_owner_id = "123456789012"
  peer_region   = "us-east-1"
}

resource "aws_instance" "router" {
  subnet_id         = aws_subnet.s.id
  source_dest_check = false
}

resource "aws_route_table" "t" {
  vpc_id           = aws_vpc.v.id
  propagating_vgws = ["vgw-0123"]
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.igw.id
  }
  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.eigw.id
  }
  route {
    cidr_block                = "10.1.0.0/16"
    vpc_peering_connection_id = aws_vpc_peering_connection.p.id
  }
  route {
    cidr_block = "10.0.0.0/16"
    gateway_id = "local"
  }
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.t.id
  destination_cidr_block = "192.168.0.0/16"
  nat_gateway_id         = aws_nat_gateway.nat.id
}

resource "aws_route" "twice" {
  route_table_id         = aws_route_table.t.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.nat.id
}

resource "aws_route" "router" {
  route_table_id         = aws_route_table.t.id
  destination_cidr_block = "172.16.0.0/12"
  network_interface_id   = aws_instance.router.primary_network_interface_id
}

resource "aws_route" "list" {
  route_table_id             = aws_route_table.t.id
  destination_prefix_list_id = "pl-0123"
  transit_gateway_id         = "tgw-0123"
}

resource "aws_route" "unknown" {
  route_table_id         = aws_route_table.t.id
  destination_cidr_block = var.destination
  gateway_id             = var.gateway
}

variable "destination" {}
variable "gateway" {}

resource "aws_route_table" "literal" {
  vpc_id = aws_vpc.v.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = "igw-0123"
  }
}

resource "aws_route_table_association" "edge" {
  gateway_id     = aws_internet_gateway.igw.id
  route_table_id = aws_route_table.literal.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.v.id
  service_name    = "com.amazonaws.eu-west-1.s3"
  route_table_ids = [aws_route_table.t.id]
}
