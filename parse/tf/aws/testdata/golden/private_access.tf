# Ways into and out of VPCs beside routes: Instance Connect, Lattice, endpoint
# services, accelerators, origins of distributions.
variable "wide" {
  type = bool
}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_vpc" "w" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc" "x" {
  cidr_block = "10.2.0.0/16"
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_security_group" "g" {
  vpc_id = aws_vpc.v.id
}

resource "aws_ec2_instance_connect_endpoint" "on" {
  subnet_id          = aws_subnet.s.id
  security_group_ids = [aws_security_group.g.id]
  preserve_client_ip = true
}

resource "aws_ec2_instance_connect_endpoint" "off" {
  subnet_id          = aws_subnet.s.id
  preserve_client_ip = false
}

resource "aws_ec2_instance_connect_endpoint" "unsaid" {
  subnet_id = aws_subnet.s.id
}

resource "aws_vpclattice_service_network" "n" {
  name = "n"
}

resource "aws_vpclattice_service_network_vpc_association" "v" {
  vpc_identifier             = aws_vpc.v.id
  service_network_identifier = aws_vpclattice_service_network.n.id
  security_group_ids         = [aws_security_group.g.id]
}

resource "aws_vpclattice_service_network_vpc_association" "w" {
  vpc_identifier             = aws_vpc.w.id
  service_network_identifier = aws_vpclattice_service_network.n.id
}

resource "aws_vpclattice_service_network_vpc_association" "x" {
  count                      = var.wide ? 1 : 0
  vpc_identifier             = aws_vpc.x.id
  service_network_identifier = aws_vpclattice_service_network.n.id
}

resource "aws_vpclattice_service" "s" {
  name = "s"
}

resource "aws_lb" "net" {
  load_balancer_type = "network"
  internal           = true
  subnets            = [aws_subnet.s.id]
}

resource "aws_vpc_endpoint_service" "net" {
  acceptance_required        = false
  network_load_balancer_arns = [aws_lb.net.arn]
}

resource "aws_globalaccelerator_listener" "l" {
  accelerator_arn = "arn:aws:globalaccelerator::111122223333:accelerator/a"
  protocol        = "TCP"
}

resource "aws_cloudfront_distribution" "private" {
  enabled = true
  origin {
    domain_name = "internal.example.com"
    origin_id   = "a"
    vpc_origin_config {
      vpc_origin_id = "vo_1"
    }
  }
}

resource "aws_cloudfront_distribution" "public" {
  enabled = true
  origin {
    domain_name = "bucket.s3.amazonaws.com"
    origin_id   = "a"
  }
}
