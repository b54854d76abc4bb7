# NAT gateways that stand in no subnet, and further addresses of one that does.
variable "mode" {}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_internet_gateway" "igw" {
  vpc_id = aws_vpc.v.id
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.0.0/24"
}

resource "aws_eip" "nat" {
  count = 2
}

resource "aws_nat_gateway" "auto" {
  vpc_id            = aws_vpc.v.id
  availability_mode = "regional"
}

resource "aws_nat_gateway" "manual" {
  vpc_id            = aws_vpc.v.id
  availability_mode = "regional"
  availability_zone_address {
    availability_zone = "eu-west-1a"
    allocation_ids    = aws_eip.nat[*].id
  }
}

resource "aws_route" "manual" {
  route_table_id         = aws_nat_gateway.manual.route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.igw.id
}

resource "aws_route" "inspect" {
  route_table_id         = aws_nat_gateway.auto.route_table_id
  destination_cidr_block = "192.0.2.0/24"
  vpc_endpoint_id        = "vpce-0123456789abcdef0"
}

resource "aws_vpc" "closed" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_nat_gateway" "closed" {
  vpc_id            = aws_vpc.closed.id
  availability_mode = "regional"
}

resource "aws_nat_gateway" "unknown" {
  vpc_id            = aws_vpc.v.id
  availability_mode = var.mode
}

resource "aws_nat_gateway" "zonal" {
  subnet_id                      = aws_subnet.s.id
  allocation_id                  = aws_eip.nat[0].id
  secondary_allocation_ids       = [aws_eip.nat[1].id]
  secondary_private_ip_addresses = ["10.0.0.9"]
}
