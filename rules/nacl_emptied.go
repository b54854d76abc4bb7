package rules

import (
	"fmt"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

var naclDefaultEmptied = &Rule{
	ID: "nacl-default-emptied", Title: "A network ACL without entries on subnets in use", Severity: diag.High, Local: true,
	Doc: Doc{
		What: "A network ACL without any entry that subnets use: an aws_default_network_acl that was adopted without rules, which deletes AWS's permissive ones, or a new aws_network_acl, which starts with nothing but the implicit deny.",
		Why:  "Nothing gets in or out of those subnets, the replies of what is already running included. The plan shows no more than one new resource.",
		Fix:  "Write the entries that the subnets need, or move the subnets to an ACL that has them.",
		Bad: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "app" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
}
`,
		Good: `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "app" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }
}
`,
	},
	Run: emptiedACLs,
}

func emptiedACLs(p *Pass) error {
	for _, acl := range p.Net.NetworkACLs {
		if acl.Open != nil || acl.Origin.Implicit || hasEntries(acl) {
			continue
		}
		var subnets []*ir.Subnet
		sure := false
		for _, s := range p.Net.Subnets {
			if only, ok := s.ACL.Known(); ok && only == acl {
				subnets, sure = append(subnets, s), true
			}
		}
		if !sure {
			continue
		}
		p.Report(emptiedFinding(p.Net, acl, subnets))
	}
	return nil
}

// hasEntries reports whether somebody may have written an entry.
func hasEntries(acl *ir.NetworkACL) bool {
	for k := range acl.Entries {
		if n := acl.Entries[k].Number; !n.Known() || n.V <= highestNumber {
			return true
		}
	}
	return false
}

func emptiedFinding(n *ir.Network, acl *ir.NetworkACL, subnets []*ir.Subnet) diag.Finding {
	const most = 3
	var names, inside []string
	var related []diag.Place
	for _, s := range subnets {
		names = append(names, subnetName(s))
		if len(related) < mostRelated {
			related = append(related, s.Origin.Place("uses this ACL"))
		}
	}
	for _, i := range n.Interfaces {
		s, ok := i.Subnet.Known()
		if acl2, known := aclOf(s, ok); known && acl2 == acl && i.Maybe == nil {
			inside = append(inside, interfaceName(i))
		}
	}
	f := diag.Finding{
		Message: fmt.Sprintf("nothing gets in or out of %s: %s has no entries", listWords(names, most), aclName(acl)),
		Why:     "an ACL without entries denies everything, replies included",
		Fix:     diag.Fix{Text: "write the entries that the subnets need, or move them to an ACL that has them"},
		Place:   acl.Origin.Place("only the implicit deny is left"),
		Related: related,
		Key:     "no entries",
	}
	if acl.Default {
		f.Why = "adopting the default ACL deletes the entries that AWS put there; " + f.Why
	}
	if len(inside) > 0 {
		f.Why += "; cut off are " + listWords(inside, most)
	}
	homeOf(&f, acl.Home, acl.VPC)
	return f
}

func aclOf(s *ir.Subnet, known bool) (*ir.NetworkACL, bool) {
	if !known || s == nil {
		return nil, false
	}
	return s.ACL.Known()
}
