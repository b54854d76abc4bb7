# Resources without a decoder that hold groups, and what reaches private ones.
resource "aws_vpc" "v" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "s" {
  vpc_id     = aws_vpc.v.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_security_group" "g" {
  vpc_id = aws_vpc.v.id
}

resource "aws_glue_connection" "c" {
  physical_connection_requirements {
    security_group_id_list = [aws_security_group.g.id, "sg-0123"]
    subnet_id              = aws_subnet.s.id
  }
}

resource "aws_synthetics_canary" "c" {
  vpc_config {
    security_group_ids = [aws_security_group.g.id]
  }
}

resource "vendor_appliance" "a" {
  network = { securityGroupIds = [aws_security_group.g.id] }
}

resource "aws_emr_cluster" "e" {
  ec2_attributes {
    subnet_id = aws_subnet.s.id
  }
}

resource "aws_flow_log" "f" {
  subnet_id = aws_subnet.s.id
}

resource "aws_cloudformation_stack" "s" {
  parameters = { Group = aws_security_group.g.id }
}

resource "aws_iam_policy" "p" {
  policy = jsonencode({ Resource = "arn:aws:ec2:*:*:security-group/${aws_security_group.g.id}" })
}

resource "aws_globalaccelerator_accelerator" "a" {
  name = "a"
}

resource "aws_cloudfront_vpc_origin" "o" {}
