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
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var crossVPCExposure = &Rule{
	ID: "cross-vpc-exposure", Title: "Reachable from another VPC that no rule names", Severity: diag.Medium, Off: true,
	Doc: Doc{
		What: "An interface of a peered or transit VPC reaches another one by a rule that is wider than that VPC: it names neither the VPC, nor a part of it, nor one of its groups.",
		Why:  "A rule for 10.0.0.0/8 was written for the own network. Each VPC that is connected later is let in as well, and nobody decides it.",
		Fix:  "Name the addresses or groups of the other VPC that need it.",
		Bad:  peeredService("10.0.0.0/8", routeBack),
		Good: peeredService("10.1.2.0/24", routeBack),
	},
	Run: crossVPC,
}

// crossing is a rule by which another VPC gets in.
type crossing struct {
	rule *ir.Rule
	vpc  *ir.VPC
}

func crossVPC(p *Pass) error {
	var said []crossing
	for _, to := range p.Net.Interfaces {
		own := vpcOf(to)
		if own == nil {
			continue
		}
		for _, from := range p.Net.Interfaces {
			v := vpcOf(from)
			if v == nil || v == own || !connected(p.Net, v, own) {
				continue
			}
			for _, f := range packet.Families {
				c, h, err := crossesBy(p, f, from, to, v, own)
				if err != nil {
					return err
				}
				if c == nil || slices.ContainsFunc(said, func(o crossing) bool { return o.rule == c.rule && o.vpc == v }) {
					continue
				}
				said = append(said, crossing{rule: c.rule, vpc: v})
				reportCrossing(p, c, f, from, to, v, h)
			}
		}
	}
	return nil
}

// connected reports whether a peering or a transit gateway may join two VPCs.
func connected(n *ir.Network, a, b *ir.VPC) bool {
	has := func(c ir.Choice[*ir.VPC], v *ir.VPC) bool { return c.Open != nil || slices.Contains(c.Of, v) }
	for _, c := range n.Peerings {
		if has(c.Requester, a) && has(c.Accepter, b) || has(c.Requester, b) && has(c.Accepter, a) {
			return true
		}
	}
	for _, g := range n.TransitGateways {
		at := func(v *ir.VPC) bool {
			return slices.ContainsFunc(g.Attachments, func(t *ir.Attachment) bool { return has(t.VPC, v) })
		}
		if at(a) && at(b) {
			return true
		}
	}
	return false
}

// crossesBy finds a rule that lets an interface of another VPC in without naming
// that VPC, and the packet that shows it.
func crossesBy(p *Pass, f packet.Family, from, to *ir.Interface, v, own *ir.VPC) (*groupRule, packet.Header, error) {
	s := p.Model.Space(f)
	var wide, named []solver.Set
	var rules []groupRule
	for _, r := range groupRules(to, false) {
		band := reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Must
		if namesVPC(r.rule.Peer, v) || band == solver.Empty {
			named = append(named, band)
			continue
		}
		wide, rules = append(wide, band), append(rules, r)
	}
	if len(rules) == 0 {
		return nil, packet.Header{}, nil
	}
	flow, err := p.Model.Flow(p.Context, from, to, f)
	if err != nil {
		return nil, packet.Header{}, err
	}
	open := s.Difference(flow.Complete.Must, s.Union(named...))
	for k, w := range wide {
		if h, ok, err := s.Witness(open, w, cameFrom(s, v, f)); err == nil && ok {
			return &rules[k], h, nil
		}
	}
	return nil, packet.Header{}, s.Err()
}

// cameFrom is the set of headers that come from a VPC.
func cameFrom(s *solver.Space, v *ir.VPC, f packet.Family) solver.Set {
	var boxes []solver.Box
	for _, c := range vpcCIDRs(v, f) {
		b := solver.Everything(f)
		b.Src = netipx.RangeOfPrefix(c)
		boxes = append(boxes, b)
	}
	return s.Of(boxes...)
}

// vpcCIDRs are the known CIDRs of a VPC, of one family.
func vpcCIDRs(v *ir.VPC, f packet.Family) []netip.Prefix {
	var cs []netip.Prefix
	for _, c := range append(slices.Clone(v.IPv4), v.IPv6...) {
		if c.Known() && c.V.IsValid() && packet.FamilyOfPrefix(c.V) == f {
			cs = append(cs, c.V)
		}
	}
	return cs
}

// namesVPC reports whether a peer is meant for a VPC: a group of it, or
// addresses none of which lies outside.
func namesVPC(peer ir.Peer, v *ir.VPC) bool {
	inside := func(c netip.Prefix) bool {
		return slices.ContainsFunc(vpcCIDRs(v, packet.FamilyOfPrefix(c)), func(own netip.Prefix) bool {
			return own.Bits() <= c.Bits() && own.Contains(c.Addr())
		})
	}
	// A prefix list, and a group, were put together by name.
	return !peer.CIDR.IsValid() || inside(peer.CIDR)
}

func reportCrossing(p *Pass, r *groupRule, f packet.Family, from, to *ir.Interface, v *ir.VPC, h packet.Header) {
	finding := diag.Finding{
		Family:  f,
		Place:   r.rule.Origin.Place(fmt.Sprintf("takes in %s, and names nothing of it", vpcName(v))),
		Message: fmt.Sprintf("%s of %s may reach %s on %s: %s takes in that VPC too", from.Resource, vpcName(v), to.Resource, serviceOf(h), peerWords(&r.rule.Peer)),
		Why:     "the VPCs are connected, routes lead both ways, and the rule is wider than either",
		Fix:     diag.Fix{Text: "name the addresses or groups of " + vpcName(v) + " that need it"},
		Path: []diag.Hop{{
			From: from.Resource, To: to.Resource, Protocol: packet.ProtocolName(int16(h.Protocol)), Port: portOf(h), Places: []diag.Place{r.rule.Origin.Place("")},
		}},
		Witness: &diag.Witness{Header: h, SrcOf: from.Resource, DstOf: to.Resource, Representative: !addressKnown(to, h)},
		Key:     "from " + vpcName(v) + " " + matchWords(&r.rule.Match, false),
	}
	homeOf(&finding, r.group.Home, r.group.VPCs)
	p.Prove(finding, Proof{
		Query:  trace.Query{From: from, To: to, Header: h},
		Expect: func(r trace.Result) bool { return r.Verdict == trace.Allow },
	})
}
