# Blocks written as an attribute need every argument, and stand alone.
resource "aws_vpc" "a" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "whole" {
  vpc_id = aws_vpc.a.id
  ingress = [{
    from_port        = 443
    to_port          = 443
    protocol         = "tcp"
    cidr_blocks      = ["10.0.0.0/8"]
    description      = null
    ipv6_cidr_blocks = null
    prefix_list_ids  = null
    security_groups  = null
    self             = null
  }]
}

resource "aws_security_group" "short" {
  vpc_id = aws_vpc.a.id
  ingress = [{
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }]
  egress = []
}

resource "aws_network_acl" "mixed" {
  vpc_id = aws_vpc.a.id
  ingress = [{
    rule_no         = 100
    action          = "allow"
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    cidr_block      = "10.0.0.0/8"
    ipv6_cidr_block = null
    icmp_type       = null
    icmp_code       = null
  }]
  ingress {
    rule_no    = 110
    action     = "allow"
    from_port  = 80
    to_port    = 80
    protocol   = "tcp"
    cidr_block = "10.0.0.0/8"
  }
}

resource "aws_route_table" "short" {
  vpc_id = aws_vpc.a.id
  route = [{
    cidr_block = "0.0.0.0/0"
    gateway_id = "igw-1"
  }]
}
