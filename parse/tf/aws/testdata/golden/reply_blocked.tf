# A request that arrives, and a reply that no entry lets out.
resource "aws_vpc" "v" {
  cidr_block = "10.50.0.0/16"
}

resource "aws_subnet" "asks" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.50.1.0/24"
}

resource "aws_subnet" "answers" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.50.2.0/24"
}

resource "aws_network_acl" "answers" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = [aws_subnet.answers.id]
}

resource "aws_network_acl_rule" "in" {
  network_acl_id = aws_network_acl.answers.id
  rule_number    = 10
  rule_action    = "allow"
  protocol       = "tcp"
  from_port      = 6379
  to_port        = 6379
  cidr_block     = aws_subnet.asks.cidr_block
}

resource "aws_network_acl_rule" "out" {
  network_acl_id = aws_network_acl.answers.id
  egress         = true
  rule_number    = 10
  rule_action    = "allow"
  protocol       = "tcp"
  from_port      = 443
  to_port        = 443
  cidr_block     = "0.0.0.0/0"
}

resource "aws_security_group" "asks" {
  vpc_id = aws_vpc.v.id
  egress {
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = ["10.50.0.0/16"]
  }
}

resource "aws_security_group" "answers" {
  vpc_id = aws_vpc.v.id
  ingress {
    description     = "those who ask"
    from_port       = 6379
    to_port         = 6379
    protocol        = "tcp"
    security_groups = [aws_security_group.asks.id]
  }
}

resource "aws_instance" "asks" {
  subnet_id              = aws_subnet.asks.id
  private_ip             = "10.50.1.10"
  vpc_security_group_ids = [aws_security_group.asks.id]
}

resource "aws_instance" "answers" {
  subnet_id              = aws_subnet.answers.id
  private_ip             = "10.50.2.10"
  vpc_security_group_ids = [aws_security_group.answers.id]
}
