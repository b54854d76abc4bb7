# What AWS or the provider refuses.
resource "aws_security_group" "g" {
  vpc_id = "vpc-1"
  ingress {
    from_port   = 22
    to_port     = 21
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.1/8", "not a cidr", "::/0"]
  }
  ingress {
    from_port        = 0
    to_port          = 300
    protocol         = "icmp"
    ipv6_cidr_blocks = ["10.0.0.0/8"]
  }
  ingress {
    from_port       = 70000
    to_port         = 70001
    protocol        = "ipv6-icmp"
    security_groups = ["web"]
    prefix_list_ids = ["web"]
  }
  ingress {
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  ingress {
    from_port   = "many"
    to_port     = 1.5
    protocol    = "tcp"
    cidr_blocks = 17
  }
  ingress {
    from_port   = -1
    to_port     = -1
    protocol    = "tcp"
    cidr_blocks = [null, {}]
  }
}

resource "aws_security_group_rule" "both" {
  security_group_id        = "sg-1"
  type                     = "ingress"
  from_port                = 1
  to_port                  = 2
  protocol                 = "tcp"
  cidr_blocks              = ["10.0.0.0/8"]
  source_security_group_id = "sg-2"
}

resource "aws_security_group_rule" "none" {
  security_group_id = "sg-1"
  type              = "sideways"
  from_port         = 1
  to_port           = 2
  protocol          = "tcp"
}

resource "aws_security_group_rule" "no_group" {
  type        = "ingress"
  from_port   = 1
  to_port     = 2
  protocol    = "tcp"
  cidr_blocks = ["10.0.0.0/8"]
}
