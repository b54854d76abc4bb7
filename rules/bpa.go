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

var vpcBlockPublicAccess = &Rule{
	ID: "vpc-block-public-access", Title: "What Block Public Access keeps closed", Severity: diag.Info,
	Doc: Doc{
		What: "Interfaces that the internet would reach if VPC Block Public Access did not stop it.",
		Why:  "Block Public Access is a setting of the account and Region. Whoever turns it off, or excludes the VPC, opens them.",
		Fix:  "Close what does not have to be open, so that it stays closed without the setting.",
		Bad: publicInstance(rule{"tcp", "22", "22", "0.0.0.0/0"}) + `
resource "aws_vpc_block_public_access_options" "main" {
  internet_gateway_block_mode = "block-ingress"
}
`,
		Good: publicInstance(rule{"tcp", "22", "22", "10.0.0.0/8"}) + `
resource "aws_vpc_block_public_access_options" "main" {
  internet_gateway_block_mode = "block-ingress"
}
`,
		References: []string{"Security Hub EC2.172"},
	},
	Run: blockedPublicAccess,
}

func blockedPublicAccess(p *Pass) error {
	type closed struct {
		stage reach.Stage
		on    []string
	}
	var vpcs []*ir.VPC
	found := map[*ir.VPC]*closed{}
	for _, i := range p.Net.Interfaces {
		v := vpcOf(i)
		if v == nil || v.BPA.Known() && v.BPA.V == ir.BPAOff {
			continue
		}
		for _, f := range packet.Families {
			st, err := onlyBPA(p, i, f)
			if err != nil {
				return err
			}
			if st == nil {
				continue
			}
			if found[v] == nil {
				vpcs, found[v] = append(vpcs, v), &closed{stage: *st}
			}
			if c := found[v]; !slices.Contains(c.on, i.Resource) {
				c.on = append(c.on, i.Resource)
			}
		}
	}
	for _, v := range vpcs {
		c := found[v]
		f := diag.Finding{
			Place:   c.stage.Place,
			Message: fmt.Sprintf("only Block Public Access keeps the internet from %s", listWords(c.on, 3)),
			Why:     "groups, ACLs, routes and public addresses would let packets of the internet in",
			Fix:     diag.Fix{Text: "close what need not be open, so that it stays closed without the setting"},
			VPC:     vpcName(v), Account: v.Home.Account, Region: v.Home.Region,
			Key: "kept closed by BPA",
		}
		p.Report(f)
	}
	return nil
}

// onlyBPA returns the stage of Block Public Access when it alone keeps the
// internet from an interface, in one family; nil otherwise.
func onlyBPA(p *Pass, i *ir.Interface, f packet.Family) (*reach.Stage, error) {
	x, err := p.Model.Exposure(p.Context, i, f)
	if err != nil || x.Open.May != solver.Empty {
		return nil, err
	}
	s := p.Model.Space(f)
	for _, r := range p.Model.Repairs(f, x.Flow, p.Model.Internet(f)) {
		var bpa *reach.Stage
		open := p.Model.Internet(f)
		for k := range r.Way.Stages {
			st := &r.Way.Stages[k]
			switch {
			case st.Kind == reach.KindBPA:
				bpa = st
			case !st.Reply:
				open = s.Intersect(open, st.Band.Must)
			}
		}
		if bpa != nil && bpa.Band.May == solver.Empty && open != solver.Empty {
			return bpa, s.Err()
		}
	}
	return nil, s.Err()
}
