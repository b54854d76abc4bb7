resource "aws_security_group" "edge" {
  name   = "shop-edge"
  vpc_id = aws_vpc.shop.id

  ingress {
    description = "customers"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description = "to the application"
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = [var.vpc_cidr]
  }
}

resource "aws_security_group" "bastion" {
  name   = "shop-bastion"
  vpc_id = aws_vpc.shop.id

  # Opened for a supplier last winter.
  ingress {
    description = "ssh"
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "web" {
  name   = "shop-web"
  vpc_id = aws_vpc.shop.id

  ingress {
    description     = "from the load balancer"
    from_port       = 8080
    to_port         = 8080
    protocol        = "tcp"
    security_groups = [aws_security_group.edge.id]
  }
  ingress {
    description     = "operators, by way of the bastion"
    from_port       = 22
    to_port         = 22
    protocol        = "tcp"
    security_groups = [aws_security_group.bastion.id]
  }
  ingress {
    description = "deployments from the office"
    from_port   = 8443
    to_port     = 8443
    protocol    = "tcp"
    cidr_blocks = [var.office_cidr]
  }
  egress {
    description = "payment providers, packages"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    description = "orders"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.20.20.0/23"]
  }
  egress {
    description = "sessions"
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = ["10.20.20.0/23"]
  }
}

resource "aws_security_group" "orders" {
  name   = "shop-orders"
  vpc_id = aws_vpc.shop.id

  ingress {
    description = "postgres, anything of ours"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.20.0.0/16"]
  }
  # The first rule, from before the one above was added for reporting.
  ingress {
    description = "postgres from the application"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.20.10.0/24"]
  }
}

# Nobody can get here anyway, so why bother.
resource "aws_security_group" "cache" {
  name   = "shop-cache"
  vpc_id = aws_vpc.shop.id

  ingress {
    description = "redis"
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
