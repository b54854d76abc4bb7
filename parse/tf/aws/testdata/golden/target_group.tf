variable "backend" {}

variable "instances" {
  type = set(string)
}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  count      = 2
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.${count.index}.0/24"
}

resource "aws_instance" "web" {
  count     = 2
  ami       = "ami-1"
  subnet_id = aws_subnet.s[count.index].id
}

resource "aws_network_interface" "fixed" {
  subnet_id   = aws_subnet.s[0].id
  private_ips = ["10.0.0.50"]
}

resource "aws_launch_template" "app" {
  vpc_security_group_ids = []
}

# An application load balancer: default and rule actions, weights, functions.
resource "aws_lb" "app" {
  subnets = aws_subnet.s[*].id
}

resource "aws_lb_target_group" "web" {
  port     = 8080
  protocol = "HTTP"
  vpc_id   = aws_vpc.v.id
}

resource "aws_lb_target_group_attachment" "web" {
  count            = 2
  target_group_arn = aws_lb_target_group.web.arn
  target_id        = aws_instance.web[count.index].id
}

resource "aws_lb_target_group" "api" {
  port        = 8081
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = aws_vpc.v.id
}

resource "aws_ecs_service" "api" {
  name = "api"
  network_configuration {
    subnets = [aws_subnet.s[1].id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.api.arn
    container_name   = "api"
    container_port   = 3000
  }
}

resource "aws_lb_target_group" "host" {
  port     = 80
  protocol = "HTTP"
  vpc_id   = aws_vpc.v.id
}

resource "aws_ecs_service" "host" {
  name = "host"
  load_balancer {
    target_group_arn = aws_lb_target_group.host.arn
    container_name   = "host"
    container_port   = 80
  }
}

resource "aws_lb_target_group" "nobody" {
  port     = 81
  protocol = "HTTP"
  vpc_id   = aws_vpc.v.id
}

resource "aws_lb_target_group" "function" {
  target_type = "lambda"
}

resource "aws_lb_listener" "forward" {
  load_balancer_arn = aws_lb.app.arn
  port              = 443
  protocol          = "HTTPS"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.forward.arn
  action {
    type = "authenticate-oidc"
  }
  action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.api.arn
        weight = 9
      }
      target_group {
        arn    = aws_lb_target_group.host.arn
        weight = 0
      }
      target_group {
        arn = aws_lb_target_group.function.arn
      }
    }
  }
  condition {
    path_pattern {
      values = ["/api/*"]
    }
  }
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.app.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "containers" {
  load_balancer_arn = aws_lb.app.arn
  port              = 8000
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.host.arn
  }
}

resource "aws_lb_listener" "empty" {
  load_balancer_arn = aws_lb.app.arn
  port              = 8001
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.nobody.arn
  }
}

resource "aws_lb_listener" "unknown" {
  load_balancer_arn = aws_lb.app.arn
  port              = 8002
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = var.backend
  }
}

# A network load balancer: what targets see.
resource "aws_lb" "net" {
  load_balancer_type = "network"
  internal           = true
  subnets            = [aws_subnet.s[0].id]
}

resource "aws_lb_target_group" "instances" {
  port     = 22
  protocol = "TCP"
  vpc_id   = aws_vpc.v.id
}

resource "aws_autoscaling_group" "instances" {
  max_size            = 2
  min_size            = 1
  vpc_zone_identifier = aws_subnet.s[*].id
  target_group_arns   = [aws_lb_target_group.instances.arn]
  launch_template {
    id = aws_launch_template.app.id
  }
}

resource "aws_lb_target_group" "addresses" {
  port        = 443
  protocol    = "TLS"
  target_type = "ip"
  vpc_id      = aws_vpc.v.id
}

resource "aws_lb_target_group_attachment" "held" {
  target_group_arn = aws_lb_target_group.addresses.arn
  target_id        = "10.0.0.50"
  port             = 8443
}

resource "aws_lb_target_group_attachment" "instance" {
  target_group_arn = aws_lb_target_group.addresses.arn
  target_id        = aws_instance.web[0].private_ip
}

resource "aws_lb_target_group_attachment" "elsewhere" {
  target_group_arn  = aws_lb_target_group.addresses.arn
  target_id         = "192.168.7.7"
  availability_zone = "all"
}

resource "aws_lb_target_group" "names" {
  port               = 53
  protocol           = "TCP_UDP"
  target_type        = "ip"
  preserve_client_ip = false
  vpc_id             = aws_vpc.v.id
}

resource "aws_lb_target_group_attachment" "names" {
  for_each         = var.instances
  target_group_arn = aws_lb_target_group.names.arn
  target_id        = each.value
}

resource "aws_lb_target_group" "hidden" {
  port               = 25
  protocol           = "TCP"
  preserve_client_ip = "false"
  vpc_id             = aws_vpc.v.id
}

resource "aws_autoscaling_attachment" "hidden" {
  autoscaling_group_name = aws_autoscaling_group.instances.id
  lb_target_group_arn    = aws_lb_target_group.hidden.arn
}

resource "aws_lb_target_group" "balancer" {
  port        = 443
  protocol    = "TCP"
  target_type = "alb"
  vpc_id      = aws_vpc.v.id
}

resource "aws_lb_target_group_attachment" "balancer" {
  target_group_arn = aws_lb_target_group.balancer.arn
  target_id        = aws_lb.app.arn
}

resource "aws_lb_listener" "net" {
  for_each = {
    22  = ["TCP", aws_lb_target_group.instances.arn]
    25  = ["TCP", aws_lb_target_group.hidden.arn]
    53  = ["TCP_UDP", aws_lb_target_group.names.arn]
    443 = ["TCP", aws_lb_target_group.balancer.arn]
    636 = ["TLS", aws_lb_target_group.addresses.arn]
  }
  load_balancer_arn = aws_lb.net.arn
  port              = each.key
  protocol          = each.value[0]
  default_action {
    type             = "forward"
    target_group_arn = each.value[1]
  }
}

# A Gateway Load Balancer.
resource "aws_lb" "inspect" {
  load_balancer_type = "gateway"
  subnets            = [aws_subnet.s[1].id]
}

resource "aws_lb_target_group" "firewall" {
  port     = 6081
  protocol = "GENEVE"
  vpc_id   = aws_vpc.v.id
}

resource "aws_lb_target_group_attachment" "firewall" {
  target_group_arn = aws_lb_target_group.firewall.arn
  target_id        = aws_instance.web[1].id
}

resource "aws_lb_listener" "inspect" {
  load_balancer_arn = aws_lb.inspect.arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.firewall.arn
  }
}

# Classic ones.
resource "aws_elb" "classic" {
  subnets   = [aws_subnet.s[1].id]
  instances = [aws_instance.web[0].id]
  listener {
    lb_port           = 25
    lb_protocol       = "tcp"
    instance_port     = 2525
    instance_protocol = "tcp"
  }
}

resource "aws_elb_attachment" "classic" {
  elb      = aws_elb.classic.id
  instance = aws_instance.web[1].id
}

resource "aws_elb" "idle" {
  subnets = [aws_subnet.s[1].id]
  listener {
    lb_port           = 80
    lb_protocol       = "http"
    instance_port     = 8080
    instance_protocol = "http"
  }
}
