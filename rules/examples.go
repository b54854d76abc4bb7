package rules

// The networks that the examples of several rules are made of.

// publicNetwork is a VPC with a public subnet.
const publicNetwork = `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "public" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}
`

// publicHost is an instance with a public address whose group has some blocks.
func publicHost(blocks string) string {
	return publicNetwork + `
resource "aws_security_group" "host" {
  vpc_id = aws_vpc.main.id
` + blocks + `}

resource "aws_instance" "host" {
  subnet_id                   = aws_subnet.public.id
  vpc_security_group_ids      = [aws_security_group.host.id]
  associate_public_ip_address = true
}
`
}

// rule is a security group rule that an example differs by.
type rule struct{ protocol, from, to, cidr string }

// publicInstance is an instance with a public address behind an internet
// gateway, and some rules.
func publicInstance(rs ...rule) string {
	blocks := ""
	for _, r := range rs {
		blocks += `
  ingress {
    from_port   = ` + r.from + `
    to_port     = ` + r.to + `
    protocol    = "` + r.protocol + `"
    cidr_blocks = ["` + r.cidr + `"]
  }
`
	}
	return publicHost(blocks)
}

// routeBack leads from the service of peeredService to its client.
const routeBack = `
resource "aws_route" "service" {
  route_table_id            = aws_vpc.service.main_route_table_id
  destination_cidr_block    = "10.1.0.0/16"
  vpc_peering_connection_id = aws_vpc_peering_connection.both.id
}
`

// peeredService is a service with a rule for a CIDR, a client in a peered VPC
// with a route to it, and what else is given.
func peeredService(cidr, more string) string {
	return `resource "aws_vpc" "service" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_vpc" "client" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc_peering_connection" "both" {
  vpc_id      = aws_vpc.service.id
  peer_vpc_id = aws_vpc.client.id
  auto_accept = true
}

resource "aws_subnet" "service" {
  vpc_id     = aws_vpc.service.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_subnet" "client" {
  vpc_id     = aws_vpc.client.id
  cidr_block = "10.1.2.0/24"
}

resource "aws_route" "client" {
  route_table_id            = aws_vpc.client.main_route_table_id
  destination_cidr_block    = "10.0.0.0/16"
  vpc_peering_connection_id = aws_vpc_peering_connection.both.id
}
` + more + `
resource "aws_security_group" "service" {
  vpc_id = aws_vpc.service.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["` + cidr + `"]
  }
}

resource "aws_security_group" "client" {
  vpc_id = aws_vpc.client.id

  egress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
}

resource "aws_instance" "service" {
  subnet_id              = aws_subnet.service.id
  vpc_security_group_ids = [aws_security_group.service.id]
}

resource "aws_instance" "client" {
  subnet_id              = aws_subnet.client.id
  vpc_security_group_ids = [aws_security_group.client.id]
}
`
}
