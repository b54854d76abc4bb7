# Instances, their interfaces and addresses.
resource "aws_vpc" "v" {
  cidr_block      = "10.0.0.0/16"
  ipv6_cidr_block = "2600:1f18:1::/56"
}

resource "aws_subnet" "public" {
  vpc_id                          = aws_vpc.v.id
  cidr_block                      = "10.0.1.0/24"
  ipv6_cidr_block                 = "2600:1f18:1:1::/64"
  map_public_ip_on_launch         = true
  assign_ipv6_address_on_creation = true
}

resource "aws_subnet" "private" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.2.0/24"
}

resource "aws_security_group" "g" {
  vpc_id = aws_vpc.v.id
}

resource "aws_instance" "public" {
  subnet_id              = aws_subnet.public.id
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_instance" "withheld" {
  subnet_id                   = aws_subnet.public.id
  private_ip                  = "10.0.1.10"
  secondary_private_ips       = ["10.0.1.11"]
  associate_public_ip_address = false
  ipv6_addresses              = ["2600:1f18:1:1::10"]
}

resource "aws_instance" "elastic" {
  subnet_id              = aws_subnet.private.id
  vpc_security_group_ids = [aws_security_group.g.id, var.more]
  get_password_data      = true
}

variable "more" {}

resource "aws_eip" "elastic" {
  instance = aws_instance.elastic.id
}

resource "aws_instance" "associated" {
  subnet_id              = aws_subnet.private.id
  vpc_security_group_ids = var.groups
}

variable "groups" {
  type = list(string)
}

resource "aws_eip" "associated" {}

resource "aws_eip_association" "associated" {
  instance_id   = aws_instance.associated.id
  allocation_id = aws_eip.associated.id
}

resource "aws_instance" "elsewhere" {
  subnet_id              = data.aws_subnet.found.id
  vpc_security_group_ids = [aws_security_group.g.id]
}

data "aws_subnet" "found" {
  tags = { tier = "web" }
}

resource "aws_instance" "nowhere" {}

resource "aws_network_interface" "own" {
  subnet_id       = aws_subnet.private.id
  private_ips     = ["10.0.2.20", "10.0.2.21"]
  security_groups = [aws_security_group.g.id]
  ipv6_prefixes   = ["2600:1f18:1:1:8000::/80"]
}

resource "aws_instance" "given" {
  network_interface {
    network_interface_id = aws_network_interface.own.id
    device_index         = 0
  }
}

resource "aws_eip" "given" {
  network_interface         = aws_network_interface.own.id
  associate_with_private_ip = "10.0.2.21"
}

resource "aws_network_interface" "second" {
  subnet_id = aws_subnet.private.id
  attachment {
    instance     = aws_instance.public.id
    device_index = 1
  }
}

resource "aws_network_interface_sg_attachment" "more" {
  security_group_id    = aws_security_group.g.id
  network_interface_id = aws_instance.withheld.primary_network_interface_id
}

resource "aws_launch_template" "lt" {
  network_interfaces {
    security_groups             = [aws_security_group.g.id]
    associate_public_ip_address = true
  }
}

resource "aws_launch_template" "unused" {
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_autoscaling_group" "asg" {
  vpc_zone_identifier = [aws_subnet.public.id, aws_subnet.private.id]
  launch_template {
    id = aws_launch_template.lt.id
  }
}

resource "aws_spot_instance_request" "cheap" {
  subnet_id              = aws_subnet.private.id
  vpc_security_group_ids = [aws_security_group.g.id]
}

resource "aws_eip" "cheap" {
  instance = aws_spot_instance_request.cheap.spot_instance_id
}
