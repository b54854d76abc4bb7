# Which ACL and route table a subnet has.
resource "aws_vpc" "v" {
  cidr_block      = "10.0.0.0/16"
  ipv6_cidr_block = "2600:1f18:1::/56"
}

resource "aws_subnet" "default" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.0.0/24"
}

resource "aws_subnet" "own" {
  count                   = 2
  vpc_id                  = aws_vpc.v.id
  cidr_block              = cidrsubnet(aws_vpc.v.cidr_block, 8, 1 + count.index)
  ipv6_cidr_block         = "2600:1f18:1:${count.index}::/64"
  map_public_ip_on_launch = true
}

resource "aws_network_acl" "own" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = aws_subnet.own[*].id
}

resource "aws_network_acl_association" "extra" {
  subnet_id      = aws_subnet.twice.id
  network_acl_id = aws_network_acl.own.id
}

resource "aws_subnet" "twice" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.9.0/24"
}

resource "aws_network_acl" "other" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = [aws_subnet.twice.id]
}

resource "aws_route_table" "own" {
  vpc_id = aws_vpc.v.id
}

resource "aws_route_table_association" "own" {
  count          = 2
  subnet_id      = aws_subnet.own[count.index].id
  route_table_id = aws_route_table.own.id
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.v.id
}

resource "aws_main_route_table_association" "main" {
  vpc_id         = aws_vpc.v.id
  route_table_id = aws_route_table.main.id
}

# A subnet of a VPC that is only named, one that is only named itself.
resource "aws_subnet" "elsewhere" {
  vpc_id     = var.vpc_id
  cidr_block = "172.20.0.0/24"
}

variable "vpc_id" {}

resource "aws_route_table_association" "literal" {
  subnet_id      = "subnet-0123"
  route_table_id = aws_route_table.own.id
}

resource "aws_subnet" "ipv6_only" {
  vpc_id          = aws_vpc.v.id
  ipv6_native     = true
  ipv6_cidr_block = "2600:1f18:1:ff::/64"
}

resource "aws_default_subnet" "a" {
  availability_zone = "eu-west-1a"
}
