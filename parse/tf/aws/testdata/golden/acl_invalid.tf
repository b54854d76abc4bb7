# What network ACLs refuse, and what is not known of them.
variable "entries" {
  type = list(any)
}
variable "number" {
  type = number
}
variable "action" {}
variable "cidr" {}
variable "egress" {
  type = bool
}

resource "aws_network_acl" "n" {
  vpc_id = "vpc-1"
  ingress {
    rule_no    = 40000
    action     = "permit"
    protocol   = "TCP"
    from_port  = 1
    to_port    = 2
    cidr_block = "10.0.0.0/8"
  }
  ingress {
    rule_no    = 40000
    action     = "permit"
    protocol   = "tcp"
    from_port  = 2
    to_port    = 1
    cidr_block = "10.0.0.1/8"
  }
  ingress {
    rule_no   = 1
    action    = "allow"
    protocol  = "udp"
    from_port = 1
    to_port   = 2
  }
  ingress {
    rule_no         = 2
    action          = "allow"
    protocol        = "-1"
    from_port       = 1
    to_port         = 2
    cidr_block      = "10.0.0.0/8"
    ipv6_cidr_block = "::/0"
  }
  ingress {
    rule_no    = 3
    action     = "allow"
    protocol   = "57"
    from_port  = 0
    to_port    = 0
    cidr_block = "10.0.0.0/8"
  }
  ingress {
    rule_no    = var.number
    action     = var.action
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = var.cidr
  }
  egress = var.entries
}

resource "aws_network_acl_rule" "upper" {
  network_acl_id = aws_network_acl.n.id
  rule_number    = 300
  protocol       = "tcp"
  rule_action    = "ALLOW"
  cidr_block     = "10.0.0.0/8"
  from_port      = 80
}

resource "aws_network_acl_rule" "either" {
  network_acl_id = aws_network_acl.n.id
  egress         = var.egress
  rule_number    = 310
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/8"
  from_port      = 80
  to_port        = 80
}
