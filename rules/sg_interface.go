package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

var sgRuleRedundantOnInterface = &Rule{
	ID: "sg-rule-redundant-on-interface", Title: "A rule that another group of the same interfaces makes needless", Severity: diag.Info, Off: true,
	Doc: Doc{
		What: "A security group rule all of whose packets are let through by other groups on every interface that carries the group.",
		Why:  "Groups add up. Removing the rule changes nothing today; whoever narrows it believes to have closed something.",
		Fix:  "Remove the rule, or keep it and narrow the one in the other group.",
		Bad:  twoGroups("10.0.0.0/8"),
		Good: twoGroups("192.168.0.0/16"),
	},
	Run: redundantOnInterfaces,
}

// twoGroups is an instance with two groups of which one admits https from
// 10.0.1.0/24 and the other from the CIDR.
func twoGroups(cidr string) string {
	return `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "app" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_security_group" "app" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.1.0/24"]
  }
}

resource "aws_security_group" "company" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["` + cidr + `"]
  }
}

resource "aws_instance" "app" {
  subnet_id              = aws_subnet.app.id
  vpc_security_group_ids = [aws_security_group.app.id, aws_security_group.company.id]
}
`
}

func redundantOnInterfaces(p *Pass) error {
	// Of rules that cover each other, one stays.
	gone := map[*ir.Rule]bool{}
	for _, g := range p.Net.SecurityGroups {
		carriers := p.Model.Carriers(g)
		if g.Origin.Implicit || len(carriers) == 0 || carriedAway(p, g) != nil {
			continue
		}
		if !slices.ContainsFunc(carriers, func(i *ir.Interface) bool { return len(i.Groups.Sure) > 1 }) {
			continue
		}
		for _, egress := range []bool{false, true} {
			rs := g.Rules(egress)
			for k := range rs {
				if by := p.coveredEverywhere(g, &rs[k], egress, carriers, gone); len(by) > 0 {
					gone[&rs[k]] = true
					reportCoveredEverywhere(p, g, &rs[k], egress, carriers, by)
				}
			}
		}
	}
	return nil
}

// coveredEverywhere returns the rules of other groups that let through all that
// a rule may, on every interface that carries its group; none when one does not.
// Rules that are gone count for nothing.
func (p *Pass) coveredEverywhere(g *ir.SecurityGroup, r *ir.Rule, egress bool, carriers []*ir.Interface, gone map[*ir.Rule]bool) []groupRule {
	if r.Peer.Group != nil {
		return nil // who carries the groups decides; no address covers that
	}
	var all []groupRule
	for _, f := range packet.Families {
		s := p.Model.Space(f)
		mine := reach.RuleBand(s, reach.RequestView(egress), r, nil).May
		if mine == solver.Empty {
			continue
		}
		for _, i := range carriers {
			var sets []solver.Set
			var by []groupRule
			for _, o := range i.Groups.Sure {
				if o == g || o.Term != nil {
					continue
				}
				os := o.Rules(egress)
				for k := range os {
					if gone[&os[k]] {
						continue
					}
					band := reach.RuleBand(s, reach.RequestView(egress), &os[k], nil).Must
					if apart, err := s.Disjoint(band, mine); err != nil || apart {
						continue
					}
					sets, by = append(sets, band), append(by, groupRule{o, &os[k]})
				}
			}
			if in, err := s.Subset(mine, s.Union(sets...)); err != nil || !in || len(by) == 0 {
				return nil
			}
			for _, b := range by {
				if !slices.Contains(all, b) {
					all = append(all, b)
				}
			}
		}
	}
	return all
}

func reportCoveredEverywhere(p *Pass, g *ir.SecurityGroup, r *ir.Rule, egress bool, carriers []*ir.Interface, by []groupRule) {
	var names []string
	f := diag.Finding{
		Place: r.Origin.Place("needless on every interface that carries " + groupName(g)),
		Why:   "the groups of an interface add up; " + count(len(carriers), "interface carries", "interfaces carry") + " this one, and each carries the others too",
		Fix:   diag.Fix{Text: "remove the rule, or narrow the one in the other group if that is the one that is too wide"},
		Key:   "on interfaces " + direction(egress) + " " + matchWords(&r.Match, egress),
	}
	for _, b := range by {
		if n := groupName(b.group); !slices.Contains(names, n) {
			names = append(names, n)
		}
		f.Cover = append(f.Cover, b.rule.Origin.Place(matchWords(&b.rule.Match, egress)))
	}
	f.Message = fmt.Sprintf("%s is let through by %s as well, wherever %s is carried", matchWords(&r.Match, egress), listWords(names, 3), groupName(g))
	homeOf(&f, g.Home, g.VPCs)
	p.Report(f)
}
