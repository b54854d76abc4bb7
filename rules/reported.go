package rules

import "github.com/postern-dev/postern/diag"

// The rules whose findings are problems that the parsers see while they read
// one object. See outcome.problems.

var naclICMPTypeZero = &Rule{
	ID: "nacl-icmp-type-zero", Title: "A network ACL entry for ICMP without a type", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "A network ACL entry for ICMP that sets no icmp_type. Terraform sends type 0 and code 0 then.",
		Why:  "Type 0, code 0 is the echo reply and nothing else: the entry lets the answer to a ping through, but neither the ping nor the messages that path MTU discovery needs.",
		Fix:  "Write icmp_type = -1 and icmp_code = -1 for all of ICMP, or the type that is meant.",
		Bad: `resource "aws_network_acl" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "icmp"
    from_port  = 0
    to_port    = 0
    cidr_block = "10.0.0.0/8"
  }
}
`,
		Good: `resource "aws_network_acl" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "icmp"
    from_port  = 0
    to_port    = 0
    icmp_type  = -1
    icmp_code  = -1
    cidr_block = "10.0.0.0/8"
  }
}
`,
	},
}

var naclPortZero = &Rule{
	ID: "nacl-port-zero", Title: "A network ACL rule for TCP or UDP without ports", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "An aws_network_acl_rule for TCP or UDP that sets neither from_port nor to_port. Terraform sends port 0 then.",
		Why:  "The entry matches port 0 only, which nothing uses. It looks as if it matched every port.",
		Fix:  "Write from_port = 0 and to_port = 65535 for every port, or the ports that are meant.",
		Bad: `resource "aws_network_acl" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"
}

resource "aws_network_acl_rule" "out" {
  network_acl_id = aws_network_acl.web.id
  rule_number    = 100
  egress         = true
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/8"
}
`,
		Good: `resource "aws_network_acl" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"
}

resource "aws_network_acl_rule" "out" {
  network_acl_id = aws_network_acl.web.id
  rule_number    = 100
  egress         = true
  protocol       = "tcp"
  rule_action    = "allow"
  cidr_block     = "10.0.0.0/8"
  from_port      = 0
  to_port        = 65535
}
`,
	},
}

var naclSubnetConflict = &Rule{
	ID: "nacl-subnet-conflict", Title: "A subnet in two network ACLs, or a rule number used twice", Severity: diag.High, Local: true,
	Doc: Doc{
		What: "A subnet that two network ACLs claim, or two entries of one network ACL with the same direction and number.",
		Why:  "A subnet has one ACL: each apply moves it to the one that is written last, in no fixed order. Of two entries with one number AWS takes the first and refuses the other.",
		Fix:  "Name the subnet in one ACL only; give each entry a number of its own. IPv4 and IPv6 entries share the numbers.",
		Bad: `resource "aws_subnet" "app" {
  vpc_id     = "vpc-0a1b2c3d4e5f60718"
  cidr_block = "10.0.1.0/24"
}

resource "aws_network_acl" "one" {
  vpc_id     = "vpc-0a1b2c3d4e5f60718"
  subnet_ids = [aws_subnet.app.id]
}

resource "aws_network_acl" "two" {
  vpc_id     = "vpc-0a1b2c3d4e5f60718"
  subnet_ids = [aws_subnet.app.id]
}
`,
		Good: `resource "aws_subnet" "app" {
  vpc_id     = "vpc-0a1b2c3d4e5f60718"
  cidr_block = "10.0.1.0/24"
}

resource "aws_network_acl" "one" {
  vpc_id     = "vpc-0a1b2c3d4e5f60718"
  subnet_ids = [aws_subnet.app.id]
}
`,
	},
}

var sgInlineAndStandalone = &Rule{
	ID: "sg-inline-and-standalone", Title: "A security group with rules inside and beside it", Severity: diag.High, Local: true,
	Doc: Doc{
		What: "A security group that has ingress or egress blocks of its own while rule resources of the same direction add to it.",
		Why:  "The group's own blocks are the complete list for Terraform: every apply revokes the rules that the other resources made, and the next one makes them again. Which of the two holds depends on which ran last.",
		Fix:  "Use one style for a group: blocks inside it, or aws_vpc_security_group_ingress_rule and aws_vpc_security_group_egress_rule beside it.",
		Bad: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

resource "aws_security_group_rule" "https" {
  security_group_id = aws_security_group.web.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = ["10.0.0.0/8"]
}
`,
		Good: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.web.id
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = "10.0.0.0/8"
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  security_group_id = aws_security_group.web.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "10.0.0.0/8"
}
`,
	},
}

var sgPortsIgnored = &Rule{
	ID: "sg-ports-ignored", Title: "Ports on a rule for a protocol without ports", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "A security group rule that writes ports as if they narrowed it, on protocol -1 or on one that has no ports. 0-0, -1 and 0-65535 are the usual ways to write no ports at all, and are not reported.",
		Why:  "AWS ignores the ports: the rule opens every port of every protocol, or the whole protocol.",
		Fix:  "Write protocol tcp or udp if the ports are meant; leave the ports out if all traffic is.",
		Bad: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"
}

resource "aws_security_group_rule" "https" {
  security_group_id = aws_security_group.web.id
  type              = "ingress"
  protocol          = "-1"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = ["10.0.0.0/8"]
}
`,
		Good: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"
}

resource "aws_security_group_rule" "https" {
  security_group_id = aws_security_group.web.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_blocks       = ["10.0.0.0/8"]
}
`,
	},
}

var invalidValue = &Rule{
	ID: "invalid-value", Title: "A value that AWS or the provider refuses", Severity: diag.High, Local: true,
	Doc: Doc{
		What: "A value that the apply would stop at: a CIDR that is none or has host bits where they are refused, ports the wrong way round, a protocol name that the resource does not know (icmpv6 in a network ACL), protocol -1 with ports inside a security group, an entry number outside 1-32766.",
		Why:  "The rule will never exist as it is written, and everything that was to follow in the same apply does not happen either.",
		Fix:  "Correct the value; the message says what is accepted.",
		Bad: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port   = 443
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
`,
		Good: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port   = 80
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
`,
	},
}
