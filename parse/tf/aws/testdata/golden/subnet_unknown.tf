# Associations that are not known: any subnet of the VPC may be meant.
variable "subnets" {
  type = list(string)
}

variable "create" {
  type = bool
}

resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_subnet" "sure" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.2.0/24"
}

resource "aws_network_acl" "listed" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = var.subnets
}

resource "aws_network_acl" "sure" {
  vpc_id     = aws_vpc.v.id
  subnet_ids = [aws_subnet.sure.id]
}

resource "aws_route_table" "perhaps" {
  vpc_id = aws_vpc.v.id
}

resource "aws_route_table_association" "perhaps" {
  count          = var.create ? 1 : 0
  subnet_id      = aws_subnet.s.id
  route_table_id = aws_route_table.perhaps.id
}

# The pattern of many modules: as many subnets as there are zones.
variable "zones" {
  type = list(string)
}

resource "aws_subnet" "zone" {
  count      = length(var.zones)
  vpc_id     = aws_vpc.v.id
  cidr_block = cidrsubnet(aws_vpc.v.cidr_block, 8, 100 + count.index)
}

resource "aws_route_table_association" "zone" {
  count          = length(var.zones)
  subnet_id      = element(aws_subnet.zone[*].id, count.index)
  route_table_id = aws_route_table.perhaps.id
}

resource "aws_instance" "zone" {
  count     = length(var.zones)
  subnet_id = aws_subnet.zone[count.index].id
}
