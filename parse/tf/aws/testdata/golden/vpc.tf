# The objects that come with a VPC, with and without IPv6.
resource "aws_vpc" "plain" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "plain" }
}

resource "aws_vpc" "dual" {
  cidr_block                       = "10.1.0.0/16"
  assign_generated_ipv6_cidr_block = true
}

resource "aws_vpc" "perhaps" {
  cidr_block                       = "10.2.0.0/16"
  assign_generated_ipv6_cidr_block = var.ipv6
}

variable "ipv6" {
  type = bool
}

resource "aws_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = aws_vpc.plain.id
  cidr_block = "100.64.0.0/16"
}

resource "aws_vpc" "late" {
  cidr_block = "10.3.0.0/16"
}

resource "aws_vpc_ipv6_cidr_block_association" "late" {
  vpc_id            = aws_vpc.late.id
  ipv6_ipam_pool_id = "ipam-pool-1"
}

resource "aws_vpc" "adopted" {
  cidr_block = "10.4.0.0/16"
}

resource "aws_default_security_group" "adopted" {
  vpc_id = aws_vpc.adopted.id
  ingress {
    protocol  = -1
    self      = true
    from_port = 0
    to_port   = 0
  }
}

resource "aws_default_network_acl" "adopted" {
  default_network_acl_id = aws_vpc.adopted.default_network_acl_id
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "10.0.0.0/8"
  }
}

resource "aws_default_route_table" "adopted" {
  default_route_table_id = aws_vpc.adopted.default_route_table_id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.adopted.id
  }
}

resource "aws_internet_gateway" "adopted" {
  vpc_id = aws_vpc.adopted.id
}

resource "aws_default_vpc" "this" {}

resource "aws_vpc_block_public_access_options" "all" {
  internet_gateway_block_mode = "block-ingress"
}

resource "aws_vpc_block_public_access_exclusion" "dual" {
  vpc_id                          = aws_vpc.dual.id
  internet_gateway_exclusion_mode = "allow-bidirectional"
}
