# All the ways to write rules.
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "inline" {
  name   = "inline"
  vpc_id = aws_vpc.v.id

  ingress {
    description     = "web"
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    cidr_blocks     = ["0.0.0.0/0", "10.0.0.0/8"]
    security_groups = [aws_security_group.rules.id, "123456789012/sg-0abc"]
    self            = true
  }
  # Equal to the next one once protocols are normalised.
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "6"
    cidr_blocks = ["10.0.0.0/8"]
  }
  egress = []
}

resource "aws_security_group" "list" {
  vpc_id = aws_vpc.v.id
  ingress = [{
    from_port        = 8
    to_port          = -1
    protocol         = "icmp"
    cidr_blocks      = ["10.0.0.0/8"]
    description      = null
    ipv6_cidr_blocks = null
    prefix_list_ids  = [aws_ec2_managed_prefix_list.office.id, "pl-0abc"]
    security_groups  = null
    self             = null
  }]
}

resource "aws_security_group" "rules" {
  vpc_id = aws_vpc.v.id
}

resource "aws_security_group_rule" "in" {
  security_group_id        = aws_security_group.rules.id
  type                     = "ingress"
  from_port                = 1024
  to_port                  = 2048
  protocol                 = "UDP"
  source_security_group_id = aws_security_group.inline.id
}

resource "aws_security_group_rule" "esp" {
  security_group_id = aws_security_group.rules.id
  type              = "egress"
  from_port         = 22
  to_port           = 22
  protocol          = "50"
  cidr_blocks       = ["0.0.0.0/0"]
  ipv6_cidr_blocks  = ["::/0"]
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  security_group_id            = aws_security_group.rules.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.inline.id
  description                  = "the application"
}

resource "aws_vpc_security_group_egress_rule" "ping" {
  security_group_id = aws_security_group.rules.id
  ip_protocol       = "icmpv6"
  cidr_ipv6         = "::/0"
}

resource "aws_ec2_managed_prefix_list" "office" {
  name           = "office"
  address_family = "IPv4"
  max_entries    = 5
  entry {
    cidr = "192.0.2.0/24"
  }
}

resource "aws_ec2_managed_prefix_list_entry" "more" {
  prefix_list_id = aws_ec2_managed_prefix_list.office.id
  cidr           = "198.51.100.0/24"
}

resource "aws_vpc_security_group_vpc_association" "shared" {
  security_group_id = aws_security_group.rules.id
  vpc_id            = "vpc-0123"
}

resource "aws_security_group" "nowhere" {}

output "group" {
  value = { id = aws_security_group.rules.id }
}

resource "aws_ssm_parameter" "group" {
  name  = "/group"
  type  = "String"
  value = aws_security_group.list.id
}
