package rules

import (
	"fmt"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

var routeBlackhole = &Rule{
	ID: "route-blackhole", Title: "A route that leads nowhere", Severity: diag.Low, Local: true,
	Doc: Doc{
		What: "A route whose target is gone or not in use: AWS shows it as a blackhole, it points at an internet gateway that no VPC has attached, or at a peering connection that is not active.",
		Why:  "Packets for its destination are dropped, and a less specific route is not tried.",
		Fix:  "Remove the route, or attach what it points at.",
		Bad: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_internet_gateway" "main" {
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}
`,
		Good: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}
`,
	},
	Run: blackholes,
}

func blackholes(p *Pass) error {
	for _, t := range p.Net.RouteTables {
		for k := range t.Routes {
			r := &t.Routes[k]
			why := leadsNowhere(r)
			if why == "" || r.Maybe != nil {
				continue
			}
			to := peerWords(&r.Destination)
			place := r.Origin.Place("")
			if at := r.Origin.At(ir.FieldTarget); !at.IsZero() {
				place.Range = at
			}
			place.Message = why
			f := diag.Finding{
				Place:   place,
				Message: fmt.Sprintf("packets to %s are dropped: %s", to, why),
				Why:     "the longest prefix decides, so that no other route of " + firstOf(t.Origin.Address, t.ID, "the table") + " takes them",
				Fix:     diag.Fix{Text: "remove the route, or attach what it points at"},
				Key:     "route to " + to,
			}
			homeOf(&f, t.Home, t.VPC)
			p.Report(f)
		}
	}
	return nil
}

// leadsNowhere says why a route surely drops what it takes, "" when it does not.
func leadsNowhere(r *ir.Route) string {
	if r.Blackhole.Known() && r.Blackhole.V {
		return "AWS reports the route as a blackhole"
	}
	t, ok := r.Target.Known()
	if !ok {
		return ""
	}
	switch {
	case t.Kind == ir.TargetGateway && (t.Gateway.Kind == ir.InternetGateway || t.Gateway.Kind == ir.EgressOnlyGateway):
		if v := t.Gateway.VPC; len(v.Of) == 0 && v.Open == nil {
			return firstOf(t.Gateway.Origin.Address, t.Gateway.ID) + " is attached to no VPC"
		}
	case t.Kind == ir.TargetPeering:
		if a := t.Peering.Active; a.Known() && !a.V {
			return firstOf(t.Peering.Origin.Address, t.Peering.ID) + " is not active"
		}
	}
	return ""
}
