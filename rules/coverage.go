package rules

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Coverage says how much of the input the answer rests on.
type Coverage struct {
	// Complete: nothing is unknown, nothing was left out, and every rule came
	// to its end.
	Complete   bool
	Rules      int // security group rules that somebody wrote, one a source
	Resolved   int // those of Rules of which everything is known
	Entries    int // entries of network ACLs that somebody wrote
	Interfaces int
	// Unknown has one element an attribute, in the order of the networks.
	Unknown     []Gap
	NotAnalysed []ir.Omission
}

// Gap is an attribute that is not known.
type Gap struct {
	Address   string
	Attribute string // "peer", "ports", "protocol", "exists", "number", "action", "groups", ...
	Cause     diag.Cause
}

// add counts a network.
func (c *Coverage) add(n *ir.Network, unfinished bool) {
	c.Complete = c.Complete && !unfinished && len(n.NotAnalysed) == 0
	c.NotAnalysed = append(c.NotAnalysed, n.NotAnalysed...)
	c.Interfaces += len(n.Interfaces)
	open := map[*ir.Rule]bool{}
	for _, w := range gaps(n) {
		c.Complete = false
		c.Unknown = append(c.Unknown, Gap{w.address, w.attribute, w.why.Cause})
		if w.rule != nil {
			open[w.rule] = true
		}
	}
	for _, g := range n.SecurityGroups {
		for _, egress := range []bool{false, true} {
			rules := g.Rules(egress)
			for k := range rules {
				if rules[k].Origin.Implicit {
					continue
				}
				c.Rules++
				if !open[&rules[k]] {
					c.Resolved++
				}
			}
		}
	}
	for _, a := range n.NetworkACLs {
		for k := range a.Entries {
			if !a.Entries[k].Origin.Implicit {
				c.Entries++
			}
		}
	}
}
