# A shop: a balancer in front, a server, a database and a queue behind. One
# listener too many leads to the server's shell.
variable "admin_cidr" {
  type = string
}

resource "aws_vpc" "shop" {
  cidr_block = "10.40.0.0/16"
}

resource "aws_internet_gateway" "shop" {
  vpc_id = aws_vpc.shop.id
}

resource "aws_subnet" "front" {
  vpc_id     = aws_vpc.shop.id
  cidr_block = "10.40.1.0/24"
}

resource "aws_subnet" "server" {
  vpc_id     = aws_vpc.shop.id
  cidr_block = "10.40.2.0/24"
}

resource "aws_subnet" "store" {
  for_each   = { a = 10, b = 11 }
  vpc_id     = aws_vpc.shop.id
  cidr_block = cidrsubnet(aws_vpc.shop.cidr_block, 8, each.value)
}

resource "aws_route_table" "front" {
  vpc_id = aws_vpc.shop.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.shop.id
  }
}

resource "aws_route_table_association" "front" {
  subnet_id      = aws_subnet.front.id
  route_table_id = aws_route_table.front.id
}

resource "aws_route_table" "store" {
  vpc_id = aws_vpc.shop.id
}

resource "aws_route_table_association" "store" {
  for_each       = aws_subnet.store
  subnet_id      = each.value.id
  route_table_id = aws_route_table.store.id
}

resource "aws_network_acl" "store" {
  vpc_id     = aws_vpc.shop.id
  subnet_ids = [for s in aws_subnet.store : s.id]

  ingress {
    rule_no    = 80
    action     = "allow"
    protocol   = "tcp"
    from_port  = 3306
    to_port    = 3306
    cidr_block = aws_subnet.server.cidr_block
  }
  ingress {
    rule_no    = 90
    action     = "allow"
    protocol   = "tcp"
    from_port  = 1024
    to_port    = 65535
    cidr_block = "0.0.0.0/0"
  }
  ingress {
    rule_no    = 100
    action     = "deny"
    protocol   = "tcp"
    from_port  = 3306
    to_port    = 3306
    cidr_block = "0.0.0.0/0"
  }
  egress {
    rule_no    = 90
    action     = "allow"
    protocol   = "tcp"
    from_port  = 1024
    to_port    = 65535
    cidr_block = "0.0.0.0/0"
  }
}

resource "aws_security_group" "front" {
  vpc_id = aws_vpc.shop.id
  dynamic "ingress" {
    for_each = { shop = 443, repair = 22 }
    content {
      description = ingress.key
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = [aws_vpc.shop.cidr_block]
  }
}

resource "aws_security_group" "server" {
  vpc_id = aws_vpc.shop.id
}

resource "aws_vpc_security_group_ingress_rule" "server" {
  for_each                     = { web = 8443, shell = 22 }
  security_group_id            = aws_security_group.server.id
  referenced_security_group_id = aws_security_group.front.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  security_group_id = aws_security_group.server.id
  cidr_ipv4         = var.admin_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "server" {
  security_group_id = aws_security_group.server.id
  cidr_ipv4         = "10.40.10.0/23"
  ip_protocol       = "tcp"
  from_port         = 3306
  to_port           = 3306
}

resource "aws_security_group" "books" {
  vpc_id = aws_vpc.shop.id
  ingress {
    from_port       = 3306
    to_port         = 3306
    protocol        = "tcp"
    security_groups = [aws_security_group.server.id]
  }
}

resource "aws_lb" "front" {
  load_balancer_type = "network"
  subnets            = [aws_subnet.front.id]
  security_groups    = [aws_security_group.front.id]
}

resource "aws_lb_listener" "front" {
  for_each          = toset(["443", "22"])
  load_balancer_arn = aws_lb.front.arn
  port              = each.key
  protocol          = "TCP"
}

resource "aws_instance" "server" {
  subnet_id              = aws_subnet.server.id
  vpc_security_group_ids = [aws_security_group.server.id]
}

resource "aws_db_subnet_group" "books" {
  subnet_ids = values(aws_subnet.store)[*].id
}

resource "aws_db_instance" "books" {
  engine                 = "mysql"
  db_subnet_group_name   = aws_db_subnet_group.books.id
  vpc_security_group_ids = [aws_security_group.books.id]
}
