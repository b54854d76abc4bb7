resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  count      = 2
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.${count.index}.0/24"
}

resource "aws_security_group" "g" {
  vpc_id = aws_vpc.v.id
}

resource "aws_lb" "app" {
  subnets         = aws_subnet.s[*].id
  security_groups = [aws_security_group.g.id]
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.app.arn
  port              = 443
  protocol          = "HTTPS"
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.app.id
  port              = "80"
}

resource "aws_lb" "net" {
  load_balancer_type = "network"
  internal           = true
  ip_address_type    = "dualstack"
  subnet_mapping {
    subnet_id            = aws_subnet.s[0].id
    private_ipv4_address = "10.0.0.9"
  }
}

resource "aws_lb_listener" "dns" {
  load_balancer_arn = aws_lb.net.arn
  port              = 53
  protocol          = "TCP_UDP"
}

resource "aws_alb" "silent" {
  subnets = [aws_subnet.s[0].id]
}

resource "aws_elb" "classic" {
  subnets = [aws_subnet.s[1].id]
  listener {
    lb_port           = 25
    lb_protocol       = "tcp"
    instance_port     = 25
    instance_protocol = "tcp"
  }
}
