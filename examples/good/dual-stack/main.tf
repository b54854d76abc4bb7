# Workers with IPv6 addresses that may call out and that nobody can call: the
# gateway is egress-only, whatever the group says.
module "network" {
  source = "./network"
  cidr   = "10.60.0.0/16"
}

resource "aws_security_group" "worker" {
  name   = "worker"
  vpc_id = module.network.vpc_id

  egress {
    description      = "https"
    from_port        = 443
    to_port          = 443
    protocol         = "tcp"
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_instance" "worker" {
  count                  = 2
  ami                    = "ami-0f00d0f00d0f00d00"
  instance_type          = "t3.small"
  subnet_id              = module.network.subnet_ids[count.index]
  ipv6_address_count     = 1
  vpc_security_group_ids = [aws_security_group.worker.id]
}
