package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

var dataInPublicSubnet = &Rule{
	ID: "data-in-public-subnet", Title: "A database or cache in a public subnet", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "A database or cache has an interface in a subnet whose route table leads to an internet gateway.",
		Why:  "Only the security group, and whether there is a public address, stands between it and the internet. In a private subnet a mistake in either opens nothing.",
		Fix:  "Put it into subnets without a route to an internet gateway.",
		Bad:  databaseIn("public"),
		Good: databaseIn("private"),
	},
	Run: dataInPublic,
}

// databaseIn is a database in a subnet that is public or private.
func databaseIn(where string) string {
	text := `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_subnet" "data" {
  count      = 2
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.${count.index}.0/24"
}

resource "aws_db_subnet_group" "data" {
  subnet_ids = aws_subnet.data[*].id
}

resource "aws_security_group" "db" {
  vpc_id = aws_vpc.main.id
}

resource "aws_db_instance" "main" {
  instance_class         = "db.t4g.micro"
  engine                 = "postgres"
  db_subnet_group_name   = aws_db_subnet_group.data.name
  vpc_security_group_ids = [aws_security_group.db.id]
}
`
	if where != "public" {
		return text
	}
	return text + `
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "data" {
  count          = 2
  subnet_id      = aws_subnet.data[count.index].id
  route_table_id = aws_route_table.public.id
}
`
}

func dataInPublic(p *Pass) error {
	var said []string
	for _, i := range p.Net.Interfaces {
		if !holdsData(i) || i.Hypothetical || slices.Contains(said, i.Resource) {
			continue
		}
		sure := i.Subnet.Open == nil
		var s *ir.Subnet
		var r *ir.Route
		for _, of := range i.Subnet.Of {
			found := publicRoute(of)
			if found != nil && r == nil {
				s, r = of, found
			}
			sure = sure && found != nil && found.Maybe == nil
		}
		if r == nil {
			continue
		}
		said = append(said, i.Resource)
		f := diag.Finding{
			Place:   i.Origin.Place("in " + subnetName(s) + ", which has a route to an internet gateway"),
			Message: fmt.Sprintf("%s stands in the public subnet %s", i.Resource, subnetName(s)),
			Why:     "nothing but its security group, and whether it has a public address, keeps the internet out",
			Fix:     diag.Fix{Text: "put it into subnets without a route to an internet gateway"},
			Related: []diag.Place{r.Origin.Place("the route to the internet gateway")},
			Key:     "data in " + subnetName(s),
		}
		if at := i.Origin.At(ir.FieldSubnet); !at.IsZero() {
			f.Place.Range = at
		}
		if !sure {
			f.Certainty = diag.Possible
			for _, u := range i.Subnet.Unknowns() {
				f.Because = append(f.Because, u.Cause)
			}
		}
		f.Account, f.Region = i.Home.Account, i.Home.Region
		if v, ok := s.VPC.Known(); ok {
			f.VPC = vpcName(v)
		}
		p.Report(f)
	}
	return nil
}

// holdsData reports whether a database or cache stands behind an interface.
func holdsData(i *ir.Interface) bool {
	return i.Kind == ir.InterfaceDatabase || i.Kind == ir.InterfaceCache
}

// publicRoute finds a route of a subnet's table that surely leads to an internet
// gateway; nil when there is none, or the table is not known.
func publicRoute(s *ir.Subnet) *ir.Route {
	t, ok := s.RouteTable.Known()
	if !ok {
		return nil
	}
	for k := range t.Routes {
		to, ok := t.Routes[k].Target.Known()
		if ok && to.Kind == ir.TargetGateway && to.Gateway.Kind == ir.InternetGateway && leadsNowhere(&t.Routes[k]) == "" {
			return &t.Routes[k]
		}
	}
	return nil
}
