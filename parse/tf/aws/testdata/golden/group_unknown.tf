# What is not known stays, with its reason.
variable "cidr" {}
variable "cidrs" {
  type = list(string)
}
variable "rules" {
  type = list(object({ port = number, cidrs = list(string) }))
}
variable "sg" {}
variable "port" {
  type = number
}
variable "protocol" {}
variable "create" {
  type = bool
}
variable "self" {
  type = bool
}

resource "aws_security_group" "g" {
  vpc_id = "vpc-1"
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.cidr, "10.0.0.0/8"]
  }
  ingress {
    from_port       = 23
    to_port         = var.port
    protocol        = "tcp"
    cidr_blocks     = var.cidrs
    security_groups = [var.sg]
    self            = var.self
  }
  dynamic "ingress" {
    for_each = var.rules
    content {
      from_port   = ingress.value.port
      to_port     = ingress.value.port
      protocol    = "udp"
      cidr_blocks = ingress.value.cidrs
    }
  }
  egress {
    from_port   = 0
    to_port     = 65535
    protocol    = var.protocol
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group_rule" "perhaps" {
  count             = var.create ? 1 : 0
  security_group_id = aws_security_group.other.id
  type              = "ingress"
  from_port         = 80
  to_port           = 80
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_security_group" "other" {
  vpc_id = "vpc-1"
}

resource "aws_security_group_rule" "foreign" {
  security_group_id = var.sg
  type              = "ingress"
  from_port         = 80
  to_port           = 80
  protocol          = "tcp"
  self              = true
}

resource "aws_vpc_security_group_ingress_rule" "either" {
  security_group_id            = aws_security_group.other.id
  ip_protocol                  = "tcp"
  from_port                    = 81
  to_port                      = 81
  cidr_ipv4                    = var.cidr == "" ? null : var.cidr
  referenced_security_group_id = var.cidr == "" ? aws_security_group.g.id : null
}

resource "aws_security_group" "many" {
  count  = var.create ? 1 : 0
  vpc_id = "vpc-1"
}

resource "aws_security_group_rule" "from_many" {
  security_group_id        = aws_security_group.other.id
  type                     = "ingress"
  from_port                = 82
  to_port                  = 82
  protocol                 = "tcp"
  source_security_group_id = one(aws_security_group.many[*].id)
}

resource "aws_security_group_rule" "into_many" {
  security_group_id = one(aws_security_group.many[*].id)
  type              = "egress"
  from_port         = 83
  to_port           = 83
  protocol          = "tcp"
  cidr_blocks       = ["10.0.0.0/8"]
}

variable "names" {
  type = set(string)
}

resource "aws_security_group" "any" {
  for_each = var.names
  vpc_id   = "vpc-1"
  ingress {
    from_port   = 84
    to_port     = 84
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
    self        = true
  }
}

resource "aws_security_group_rule" "each" {
  for_each                 = var.names
  security_group_id        = aws_security_group.any[each.key].id
  type                     = "ingress"
  from_port                = 85
  to_port                  = 85
  protocol                 = "tcp"
  source_security_group_id = aws_security_group.any[each.key].id
}
