# Entries of both styles.
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_network_acl" "n" {
  vpc_id = aws_vpc.v.id
  ingress {
    rule_no    = 100
    action     = "ALLOW"
    protocol   = "tcp"
    from_port  = 443
    to_port    = 443
    cidr_block = "0.0.0.0/0"
  }
  ingress {
    rule_no         = 110
    action          = "deny"
    protocol        = "58"
    from_port       = 0
    to_port         = 0
    icmp_type       = -1
    icmp_code       = -1
    ipv6_cidr_block = "::/0"
  }
  ingress {
    rule_no    = 120
    action     = "allow"
    protocol   = "ipv6-icmp"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
  egress = [{
    rule_no         = 100
    action          = "allow"
    protocol        = "-1"
    from_port       = 0
    to_port         = 0
    cidr_block      = "0.0.0.0/0"
    ipv6_cidr_block = ""
    icmp_type       = 0
    icmp_code       = 0
  }]
}

resource "aws_network_acl_rule" "masked" {
  network_acl_id = aws_network_acl.n.id
  rule_number    = 200
  protocol       = "-1"
  rule_action    = "allow"
  cidr_block     = "10.1.2.3/16"
  from_port      = 22
  to_port        = 22
}

resource "aws_network_acl_rule" "unreachable" {
  network_acl_id = aws_network_acl.n.id
  egress         = true
  rule_number    = 210
  protocol       = "icmp"
  rule_action    = "deny"
  cidr_block     = "10.0.0.0/8"
  icmp_type      = 3
  icmp_code      = -1
}

resource "aws_network_acl_rule" "twice" {
  network_acl_id  = aws_network_acl.n.id
  rule_number     = 100
  protocol        = "udp"
  rule_action     = "deny"
  ipv6_cidr_block = "::/0"
  from_port       = 53
  to_port         = 53
}
