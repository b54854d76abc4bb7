package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

var notAnalysed = &Rule{
	ID: "not-analysed", Title: "A part of the input was left out", Severity: diag.Low, Local: true,
	Doc: Doc{
		What: "A part of the input that did not become part of the network: a module that is not installed, an export that was cut, a resource that holds a security group and that postern does not know.",
		Why:  "What is in there can open or close anything that it touches. Nothing is claimed to be absent or unreachable on account of what was not read.",
		Fix:  "Run terraform init so that the modules are on disk, export all pages, or check the plan, which needs no modules.",
		Bad: `module "network" {
  source  = "example-corp/network/aws"
  version = "2.0.0"
}
`,
		Good: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
	},
	Run: omissions,
}

// omitted are the causes for which parts of the input were left out.
type omitted map[diag.Cause]bool

func omissionsOf(n *ir.Network) omitted {
	left := omitted{}
	for _, o := range n.NotAnalysed {
		c := o.Cause
		c.Range = diag.Range{}
		left[c] = true
	}
	return left
}

// has reports whether a cause is told as a part that was not analysed,
// wherever it is met.
func (o omitted) has(c diag.Cause) bool {
	c.Range = diag.Range{}
	return o[c]
}

// omissions reports one finding for each reason to leave something out.
func omissions(p *Pass) error {
	var causes []diag.Cause
	parts := map[diag.Cause][]ir.Omission{}
	for _, o := range p.Net.NotAnalysed {
		if !slices.Contains(causes, o.Cause) {
			causes = append(causes, o.Cause)
		}
		parts[o.Cause] = append(parts[o.Cause], o)
	}
	for _, c := range causes {
		os := parts[c]
		f := diag.Finding{
			Message: fmt.Sprintf("%s was not analysed: %s", os[0].Address, c.Message),
			Why:     "what is in there can open or close anything that it touches",
			Fix:     diag.Fix{Text: remedy(c, "")},
			Place:   diag.Place{Address: os[0].Address, Message: c.Message, Range: c.Range},
			Because: []diag.Cause{c},
			Key:     firstOf(c.Address, os[0].Address, c.Message),
		}
		if c.Code == diag.NotModelled {
			f.Fix.Text = "nothing to do: look at it yourself"
		}
		if len(os) > 1 {
			f.Message = fmt.Sprintf("%s and %d more were not analysed: %s", os[0].Address, len(os)-1, c.Message)
			for _, o := range os[:min(len(os), mostRelated)] {
				f.Related = append(f.Related, diag.Place{Address: o.Address, Range: o.Cause.Range})
			}
		}
		p.Report(f)
	}
	return nil
}
