package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

var sgRuleRedundant = &Rule{
	ID: "sg-rule-redundant", Title: "A security group rule that adds nothing", Severity: diag.Low, Local: true,
	Doc: Doc{
		What: "A security group rule of which every packet is let through by other rules of the same group and direction, by one or by several together. All rules that are reported can be removed together: of two equal ones, one is reported. A reference to a group is covered by CIDRs only when they hold every address that a member of the group can have, and never covers a CIDR: what the group's members are today does not count.",
		Why:  "The rule looks like a limit that is not there: whoever narrows or removes it expects that something changes. When a CIDR makes a reference to a group pointless, the CIDR is probably wider than was meant.",
		Fix:  "Remove the rule, or narrow the one that covers it.",
		Bad: `resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.1.0/24"]
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
		Good: `resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id

  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["10.0.1.0/24"]
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
`,
	},
	Run: redundantRules,
}

func redundantRules(p *Pass) error {
	var tooMany error
	left := maxSGPairs
	troubles := troublesOf(p.Net)
	for _, g := range p.Net.SecurityGroups {
		for _, egress := range []bool{false, true} {
			if err := p.Context.Err(); err != nil {
				return err
			}
			l := newSGList(g, egress)
			pairs := len(l.rules) * len(l.rules)
			if len(l.rules) <= mostSGRules {
				pairs = 0
			}
			if pairs > left {
				tooMany = fmt.Errorf("%s has %d rules, more than can be compared with each other", groupName(g), len(l.rules))
				continue
			}
			left -= pairs
			found, err := l.redundant(p.Context, troubles)
			if err != nil {
				return err
			}
			for _, r := range found {
				p.Prove(l.finding(r), Proof{Covers: r.proofs})
			}
		}
	}
	return tooMany
}

// AWS lets an interface have 1,000 rules at most. In lists that are longer, so
// many pairs of rules are compared in one network: some seconds of work.
const (
	mostSGRules = 1_000
	maxSGPairs  = 200_000_000
)

// redundantRule is a rule that can go, and what covers it.
type redundantRule struct {
	rule   *ir.Rule
	cover  []*ir.Rule
	proofs []CoverProof
}

// redundant finds rules that can be removed together: narrowest first, each
// against what remains; of equal ones the later goes.
func (l *sgList) redundant(ctx context.Context, troubles *troubles) ([]redundantRule, error) {
	order := make([]int, len(l.rules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.rules[a].size, l.rules[b].size), cmp.Compare(b, a))
	})
	gone := make([]bool, len(l.rules))
	var found []redundantRule
	for _, i := range order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &l.rules[i]
		if r.empty() || r.neverSent() || troubles.at(&r.rule.Origin) {
			continue
		}
		cover, proofs, err := l.coverOf(ctx, i, gone)
		if err != nil {
			return nil, err
		}
		if len(cover) > 0 {
			gone[i] = true
			found = append(found, redundantRule{r.rule, cover, proofs})
		}
	}
	return found, nil
}

// coverOf returns rules that remain and together let through all that rule i
// may, such that none of them can be left out; none when they do not.
func (l *sgList) coverOf(ctx context.Context, i int, gone []bool) ([]*ir.Rule, []CoverProof, error) {
	r := &l.rules[i]
	nobody := len(l.rules)
	by := []int{nobody}
	for j := range l.rules {
		ref := l.rules[j].rule.Peer.Group
		if j != i && !gone[j] && (ref == nil || ref == r.rule.Peer.Group) && l.rules[j].overlaps(r) {
			by = append(by, j)
		}
	}
	if len(by) == 1 {
		return nil, nil, nil
	}
	var cover []int
	var proofs []CoverProof
	for family := range packet.Families {
		if len(r.may[family]) == 0 {
			continue
		}
		part, proof, err := l.in[family].cover(ctx, i, by)
		if err != nil || proof == nil {
			return nil, nil, err
		}
		cover, proofs = append(cover, part...), append(proofs, *proof)
	}
	slices.Sort(cover)
	var rules []*ir.Rule
	for _, j := range slices.Compact(cover) {
		if j != nobody {
			rules = append(rules, l.rules[j].rule)
		}
	}
	return rules, proofs, nil
}

func (l *sgList) finding(r redundantRule) diag.Finding {
	own := matchWords(&r.rule.Match, l.egress)
	f := diag.Finding{
		Place: diag.Place{Address: r.rule.Origin.Address, Message: own, Range: r.rule.Origin.At(ir.FieldPeer)},
		Key:   direction(l.egress) + " " + own,
	}
	var words []string
	for _, c := range r.cover {
		says := matchWords(&c.Match, l.egress)
		place := diag.Place{Address: c.Origin.Address, Message: "lets through " + says, Range: c.Origin.At(ir.FieldPeer)}
		f.Cover = append(f.Cover, place)
		f.Related = append(f.Related, place)
		words = append(words, says+at(place.Range))
	}
	cidrs := !slices.ContainsFunc(r.cover, func(c *ir.Rule) bool { return c.Peer.Group != nil })
	switch {
	case r.rule.Peer.Group != nil && cidrs:
		l.pointless(&f, r)
	case len(r.cover) == 1 && sameMatch(r.rule, r.cover[0]):
		f.Message = fmt.Sprintf("this rule is there twice: %s%s says the same", own, at(r.cover[0].Origin.At(ir.FieldPeer)))
		f.Why = "AWS keeps one of two equal rules; whoever removes one of the lines expects that something changes"
		f.Fix.Text = "remove one of them"
	default:
		together := ""
		if len(words) > 1 {
			together = " together"
		}
		verb := "covers"
		if len(words) > 1 {
			verb = "cover"
		}
		f.Message = fmt.Sprintf("this rule adds nothing: %s%s %s %s", listWords(words, 3), together, verb, own)
		f.Why = "the rules of a group are a union; this one lies inside the others"
		f.Fix.Text = "remove this rule: nothing closes (proved); or narrow what covers it"
	}
	homeOf(&f, l.group.Home, l.group.VPCs)
	return f
}

// pointless words the finding about a reference that CIDRs cover: the CIDR is
// the line to narrow.
func (l *sgList) pointless(f *diag.Finding, r redundantRule) {
	var peers []string
	for _, c := range r.cover {
		if name := peerWords(&c.Peer); !slices.Contains(peers, name) {
			peers = append(peers, name)
		}
	}
	subject, verb, own := "the CIDR", "makes", "it holds"
	if len(peers) > 1 {
		subject, verb, own = "the CIDRs", "make", "they hold"
	}
	group := groupName(r.rule.Peer.Group)
	f.Message = fmt.Sprintf("%s %s %s the reference to %s pointless", subject, listWords(peers, 3), verb, group)
	f.Why = fmt.Sprintf("%s every address that a member of %s can have, for all of %s", own, group, serviceWords(&r.rule.Match))
	f.Fix.Text = fmt.Sprintf("narrow %s%s, or remove this reference: nothing closes by that (proved)",
		listWords(peers, 3), at(r.cover[0].Origin.At(ir.FieldPeer)))
}

// sameMatch reports whether two rules match the same by being written the same.
func sameMatch(a, b *ir.Rule) bool {
	return a.Protocol == b.Protocol && a.Ports == b.Ports && a.Peer.CIDR == b.Peer.CIDR &&
		a.Peer.Group == b.Peer.Group && a.Peer.PrefixList == b.Peer.PrefixList && a.Peer.Unknown == b.Peer.Unknown
}
