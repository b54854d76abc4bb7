package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

var sgRuleNeverMatches = &Rule{
	ID: neverMatchesID, Title: "A security group rule that no packet matches", Severity: diag.Medium, Local: true,
	Doc: Doc{
		What: "A security group rule that can match no packet: protocol icmp with an IPv6 CIDR or icmpv6 with an IPv4 one, a block without any source, a reference to a group that does not exist (in exports that hold every group), a reference to a group in a VPC that nothing connects with this one, a rule that AWS calls stale.",
		Why:  "The rule reads as if something were allowed. Whoever relies on it finds out when the traffic does not arrive.",
		Fix:  "Use icmpv6 for IPv6 CIDRs and icmp for IPv4 ones, name a source, or remove the rule.",
		Bad: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port        = -1
    to_port          = -1
    protocol         = "icmp"
    ipv6_cidr_blocks = ["2001:db8::/32"]
  }
}
`,
		Good: `resource "aws_security_group" "web" {
  vpc_id = "vpc-0a1b2c3d4e5f60718"

  ingress {
    from_port        = -1
    to_port          = -1
    protocol         = "icmpv6"
    ipv6_cidr_blocks = ["2001:db8::/32"]
  }
}
`,
	},
	Run: neverMatching,
}

func neverMatching(p *Pass) error {
	troubles, world := troublesOf(p.Net), worldOf(p.Net)
	for _, g := range p.Net.SecurityGroups {
		for _, egress := range []bool{false, true} {
			if err := p.Context.Err(); err != nil {
				return err
			}
			l := newSGList(g, egress)
			for k := range l.rules {
				r := &l.rules[k]
				if troubles.at(&r.rule.Origin) {
					continue
				}
				f, ok := l.foreignProtocol(r)
				if !ok && r.rule.Peer.Group != nil {
					f, ok = l.strangeReference(world, r.rule)
				}
				if ok {
					p.Report(f)
				}
			}
		}
	}
	return nil
}

// world is what is known about the existence of groups.
type world struct {
	net     *ir.Network
	seen    map[*ir.SecurityGroup]bool
	carried map[*ir.SecurityGroup]bool
	stale   map[string]bool // ids of groups whose stale rules AWS itself lists
}

func worldOf(n *ir.Network) *world {
	w := &world{n, map[*ir.SecurityGroup]bool{}, map[*ir.SecurityGroup]bool{}, map[string]bool{}}
	for _, g := range n.SecurityGroups {
		w.seen[g] = true
	}
	for _, i := range n.Interfaces {
		for _, g := range i.Groups.Sure {
			w.carried[g] = true
		}
	}
	for _, d := range n.Problems {
		if d.Rule == neverMatchesID {
			w.stale[d.Address] = true
		}
	}
	return w
}

// neverMatchesID is the id of the rule; the export reader lists the rules that
// AWS calls stale under it.
const neverMatchesID = "sg-rule-never-matches"

// foreignProtocol: the rule is about ICMP of the other family than its
// addresses. References are left out: their VPC may get the other family.
func (l *sgList) foreignProtocol(r *sgRule) (diag.Finding, bool) {
	if r.rule.Peer.Group != nil || !r.neverSent() {
		return diag.Finding{}, false
	}
	f := l.neverFinding(r.rule, ir.FieldProtocol)
	peer := peerWords(&r.rule.Peer)
	if r.rule.Protocol.V == packet.ICMP {
		f.Message = fmt.Sprintf("no packet matches this rule: protocol icmp is ICMP for IPv4, and %s is IPv6", peer)
		f.Why = "ping and error messages in IPv6 are ICMPv6, another protocol; AWS takes the rule as it is written"
		f.Fix.Text = `write protocol = "icmpv6"`
	} else {
		f.Message = fmt.Sprintf("no packet matches this rule: protocol icmpv6 belongs to IPv6, and %s is IPv4", peer)
		f.Why = "ping and error messages in IPv4 are ICMP, another protocol; AWS takes the rule as it is written"
		f.Fix.Text = `write protocol = "icmp"`
	}
	return f, true
}

func (l *sgList) neverFinding(r *ir.Rule, field ir.Field) diag.Finding {
	own := matchWords(&r.Match, l.egress)
	f := diag.Finding{
		Certainty: diag.Definite,
		Place:     diag.Place{Address: r.Origin.Address, Message: own, Range: r.Origin.At(field)},
		Family:    matchedFamily(r),
		Key:       direction(l.egress) + " " + own,
	}
	homeOf(&f, l.group.Home, l.group.VPCs)
	return f
}

func matchedFamily(r *ir.Rule) packet.Family {
	if r.Peer.Group != nil {
		return packet.FamilyInvalid
	}
	return matchFamily(&r.Match)
}

// strangeReference: the rule refers to a group whose members never meet those
// of its own group.
func (l *sgList) strangeReference(w *world, r *ir.Rule) (diag.Finding, bool) {
	other := r.Peer.Group
	name := groupName(other)
	if w.missing(l.group, other) {
		if w.stale[l.group.ID] {
			return diag.Finding{}, false // told from AWS's own list
		}
		f := l.neverFinding(r, ir.FieldPeer)
		f.Message = fmt.Sprintf("no packet matches this rule: group %s does not exist", name)
		f.Why = "the export holds every security group of the account and Region, and this is not one of them; a rule outlives the group that it refers to"
		f.Fix.Text = "remove the rule"
		return f, true
	}
	own, ok := groupVPCs(l.group)
	if !ok {
		return diag.Finding{}, false
	}
	far, ok := groupVPCs(other)
	if !ok || slices.ContainsFunc(far, func(v *ir.VPC) bool { return slices.Contains(own, v) }) {
		return diag.Finding{}, false
	}
	connected := connectivity{w.net, l.egress}
	sure := true
	for _, a := range own {
		for _, b := range far {
			switch connected.between(a, b) {
			case linked:
				return diag.Finding{}, false
			case linkUnseen:
				sure = false
			case unlinked, linkInvalid:
			}
		}
	}
	f := l.neverFinding(r, ir.FieldPeer)
	if !sure {
		f.Certainty = diag.Possible
	}
	f.Message = fmt.Sprintf("no packet matches this rule: nothing connects %s, where %s is, with %s", vpcName(far[0]), name, vpcName(own[0]))
	f.Why = "a reference matches members in the same VPC, or across an active peering in the Region" + map[bool]string{
		false: " or a transit gateway that passes references on", true: "",
	}[l.egress]
	f.Fix.Text = "refer to a group of this VPC, or name addresses"
	f.Related = []diag.Place{other.Origin.Place("in " + vpcName(far[0]))}
	return f, true
}

// missing reports whether a group that is referred to surely does not exist:
// an export that holds every group does not hold it, and nothing carries it.
// A group that is gone is in no VPC.
func (w *world) missing(own, other *ir.SecurityGroup) bool {
	home := other.Home
	if home == (ir.Home{}) {
		home = own.Home
	}
	if other.Term != nil || w.carried[other] || home.Account != own.Home.Account || !w.net.IsClosed(ir.KindSecurityGroup, home) {
		return false
	}
	gone := other.Open == nil && other.VPCs.Open == nil && len(other.VPCs.Of) == 0
	return gone || !w.seen[other] || other.Open != nil && other.Open.Cause.Code == diag.NotInInput
}

// groupVPCs lists the VPCs whose interfaces may carry a group, when all of them
// are known and seen.
func groupVPCs(g *ir.SecurityGroup) ([]*ir.VPC, bool) {
	v, ok := g.VPCs.Known()
	if !ok || v == nil {
		return nil, false
	}
	vpcs := append([]*ir.VPC{v}, g.Associated...)
	return vpcs, !slices.ContainsFunc(vpcs, func(v *ir.VPC) bool { return !v.Seen })
}

// connectivity says what may carry a group reference from one VPC to another.
type connectivity struct {
	net    *ir.Network
	egress bool
}

// link is how two VPCs are connected as far as references go.
type link uint8

const (
	linkInvalid link = iota
	linked           // something seen may connect them
	linkUnseen       // nothing seen does; something may that the input does not hold
	unlinked         // nothing does
)

func (c connectivity) between(a, b *ir.VPC) link {
	for _, p := range c.net.Peerings {
		active := !p.Active.Known() || p.Active.V
		near := !p.SameRegion.Known() || p.SameRegion.V
		if active && near && (mayBe(p.Requester, a) && mayBe(p.Accepter, b) || mayBe(p.Requester, b) && mayBe(p.Accepter, a)) {
			return linked
		}
	}
	// [VPC peering guide; transit gateways pass inbound references only]
	for _, t := range c.net.TransitGateways {
		if !c.egress && attached(t, a) && attached(t, b) {
			return linked
		}
	}
	closed := c.net.IsClosed(ir.KindPeering, a.Home) && c.net.IsClosed(ir.KindTransitGateway, a.Home)
	if closed || c.egress && c.net.IsClosed(ir.KindPeering, a.Home) {
		return unlinked
	}
	return linkUnseen
}

func mayBe(c ir.Choice[*ir.VPC], v *ir.VPC) bool {
	return c.Open != nil || slices.Contains(c.Of, v)
}

func attached(t *ir.TransitGateway, v *ir.VPC) bool {
	return t.Open != nil || slices.ContainsFunc(t.Attachments, func(a *ir.Attachment) bool { return mayBe(a.VPC, v) })
}
