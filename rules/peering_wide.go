package rules

import (
	"fmt"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
)

var peeringRouteTooWide = &Rule{
	ID: "peering-route-too-wide", Title: "A peering route for more than is used", Severity: diag.Low, Off: true,
	Doc: Doc{
		What: "A route to a peering connection takes in all of the other VPC, while the security groups behind it let through packets of a part of it only.",
		Why:  "A route is the wall that stays when a group is opened by mistake.",
		Fix:  "Route only the subnets that are talked to.",
		Bad:  peeredVPCs("10.1.0.0/16"),
		Good: peeredVPCs("10.1.2.0/24"),
		References: []string{
			"CIS AWS Foundations v5 5.6",
		},
	},
	Run: widePeeringRoutes,
}

// peeredVPCs is an instance that talks to 10.1.2.0/24 of another VPC, and the
// route that it does that by.
func peeredVPCs(route string) string {
	return `resource "aws_vpc" "app" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_vpc" "shared" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_vpc_peering_connection" "shared" {
  vpc_id      = aws_vpc.app.id
  peer_vpc_id = aws_vpc.shared.id
  auto_accept = true
}

resource "aws_subnet" "app" {
  vpc_id     = aws_vpc.app.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_route_table" "app" {
  vpc_id = aws_vpc.app.id

  route {
    cidr_block                = "` + route + `"
    vpc_peering_connection_id = aws_vpc_peering_connection.shared.id
  }
}

resource "aws_route_table_association" "app" {
  subnet_id      = aws_subnet.app.id
  route_table_id = aws_route_table.app.id
}

resource "aws_security_group" "app" {
  vpc_id = aws_vpc.app.id

  egress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.1.2.0/24"]
  }
}

resource "aws_instance" "app" {
  subnet_id              = aws_subnet.app.id
  vpc_security_group_ids = [aws_security_group.app.id]
}
`
}

func widePeeringRoutes(p *Pass) error {
	for _, t := range p.Net.RouteTables {
		users, sure := usersOf(p.Net, t)
		if !sure || len(users) == 0 {
			continue
		}
		for k := range t.Routes {
			r := &t.Routes[k]
			to, ok := r.Target.Known()
			if !ok || to.Kind != ir.TargetPeering || !r.Destination.CIDR.IsValid() || !wholeVPC(to.Peering, t, r.Destination.CIDR) {
				continue
			}
			used, sure := usedWithin(users, r.Destination.CIDR)
			if !sure || len(used.Ranges()) == 0 || used.ContainsPrefix(r.Destination.CIDR) {
				continue // unknown, or used as a whole; what nothing uses may be new
			}
			reportWide(p, t, r, used)
		}
	}
	return nil
}

// usersOf lists the interfaces of the subnets that a table routes; sure reports
// that they are all known.
func usersOf(n *ir.Network, t *ir.RouteTable) (users []*ir.Interface, sure bool) {
	for _, i := range n.Interfaces {
		if i.Subnet.Open != nil {
			return nil, false
		}
		for _, s := range i.Subnet.Of {
			if s.RouteTable.Open != nil || slices.Contains(s.RouteTable.Of, t) && (i.Groups.Open != nil || len(i.Groups.Maybe) > 0) {
				return nil, false
			}
			if slices.Contains(s.RouteTable.Of, t) {
				users = append(users, i)
			}
		}
	}
	return users, true
}

// wholeVPC reports whether a destination takes in a CIDR of the VPC at the other
// end of a peering connection.
func wholeVPC(c *ir.Peering, t *ir.RouteTable, d netip.Prefix) bool {
	own, ok := t.VPC.Known()
	if !ok {
		return false
	}
	for _, side := range []ir.Choice[*ir.VPC]{c.Requester, c.Accepter} {
		v, ok := side.Known()
		if !ok || v == own {
			continue
		}
		if slices.ContainsFunc(vpcCIDRs(v, packet.FamilyOfPrefix(d)), func(c netip.Prefix) bool { return d.Bits() <= c.Bits() && d.Contains(c.Addr()) }) {
			return true
		}
	}
	return false
}

// usedWithin returns the addresses of a CIDR that the groups of some interfaces
// send to or take packets from; sure is false where a rule is not known.
func usedWithin(users []*ir.Interface, d netip.Prefix) (used *netipx.IPSet, sure bool) {
	f := packet.FamilyOfPrefix(d)
	var b netipx.IPSetBuilder
	for _, i := range users {
		if len(i.Groups.Sure) == 0 {
			return nil, false // nothing filters it
		}
		for _, g := range i.Groups.Sure {
			if g.Open != nil {
				return nil, false
			}
			for _, r := range slices.Concat(g.Ingress, g.Egress) {
				if r.Maybe != nil || r.Peer.Unknown != nil || r.Peer.PrefixList != nil && r.Peer.PrefixList.Open != nil {
					return nil, false
				}
				members := func(g *ir.SecurityGroup, _ reach.Bound) []netipx.IPRange { return subnetsOf(g) }
				for _, rng := range reach.Peers(f, r.Peer, reach.Hi, members) {
					b.AddRange(rng)
				}
			}
		}
	}
	whole, err := b.IPSet()
	if err != nil {
		return nil, false
	}
	var in netipx.IPSetBuilder
	in.AddSet(whole)
	var limit netipx.IPSetBuilder
	limit.AddPrefix(d)
	l, err := limit.IPSet()
	if err != nil {
		return nil, false
	}
	in.Intersect(l)
	used, err = in.IPSet()
	return used, err == nil
}

// subnetsOf stands for the members of a group: the CIDRs of its VPCs.
func subnetsOf(g *ir.SecurityGroup) []netipx.IPRange {
	var rs []netipx.IPRange
	for _, v := range g.VPCs.Of {
		for _, f := range packet.Families {
			for _, c := range vpcCIDRs(v, f) {
				rs = append(rs, netipx.RangeOfPrefix(c))
			}
		}
	}
	return rs
}

func reportWide(p *Pass, t *ir.RouteTable, r *ir.Route, used *netipx.IPSet) {
	var cidrs []string
	for _, c := range used.Prefixes() {
		cidrs = append(cidrs, c.String())
	}
	f := diag.Finding{
		Place:   r.Origin.Place("the whole VPC"),
		Message: fmt.Sprintf("%s routes all of %s to the peer, and groups use %s of it", firstOf(t.Origin.Address, t.ID), r.Destination.CIDR, listWords(cidrs, 3)),
		Why:     "what the route leaves out stays closed even when a group is opened by mistake",
		Fix:     diag.Fix{Text: "route " + listWords(cidrs, 3) + " instead"},
		Key:     "route to " + r.Destination.CIDR.String(),
	}
	homeOf(&f, t.Home, t.VPC)
	p.Report(f)
}
