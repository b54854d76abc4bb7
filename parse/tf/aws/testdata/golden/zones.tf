# Zones that only AWS knows are told apart within one list.
data "aws_availability_zones" "available" {}

resource "aws_vpc" "a" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "a" {
  for_each          = { for i, az in slice(data.aws_availability_zones.available.names, 0, 2) : az => i }
  vpc_id            = aws_vpc.a.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.a.cidr_block, 8, each.value)
}
