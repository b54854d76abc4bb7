package awsapi

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// mergeFlat joins the rules of describe-security-group-rules with those of
// describe-security-groups: one rule is one rule, under its own id.
func (b *builder) mergeFlat(g *ir.SecurityGroup, have ruleSet, objects []*object) ruleSet {
	if len(objects) == 0 {
		return have
	}
	described := have.rules != nil
	byKey := map[string][]int{}
	for i, k := range have.keys() {
		byKey[k] = append(byKey[k], i)
	}
	var extra ruleSet
	for _, o := range objects {
		r, egress := b.flatRule(g, o)
		k := ruleKey(r.Match, egress)
		if is := byKey[k]; len(is) > 0 {
			have.rules[is[0]].Origin.Address = r.Origin.Address
			byKey[k] = is[1:]
			continue
		}
		extra.add(r, egress)
	}
	if described && len(extra.rules) > 0 {
		b.note(diag.Diagnostic{
			Message: count(len(extra.rules), "rule") + " of " + g.ID + " in the list of rules, and not in the description of the group",
			Label:   "not in " + g.Origin.Range.Line(), Address: g.ID, Range: extra.rules[0].Origin.Range,
			Fix: "give exports of one point in time", Note: "whether they are there is unknown",
		})
		extra, _ = ruleSet{}.join(extra, g.ID, "only the list of rules has it")
	}
	for i, r := range extra.rules {
		have.add(r, extra.egress[i])
	}
	return have
}

// flatRule reads one element of SecurityGroupRules. Ports of protocols without
// ports come as -1. [botocore ec2 SecurityGroupRule]
func (b *builder) flatRule(g *ir.SecurityGroup, o *object) (ir.Rule, bool) {
	egress := o.get("IsEgress").yes()
	address := g.ID + "/ingress/" + o.id
	if egress {
		address = g.ID + "/egress/" + o.id
	}
	protocol, from, to := o.get("IpProtocol"), o.get("FromPort"), o.get("ToPort")
	r := ir.Rule{Match: ir.Match{Protocol: b.protocol(protocol, o.main(), address)}}
	r.Ports = b.ports(r.Protocol, from, to, o.main(), address)
	v4, v6, list, ref := o.get("CidrIpv4"), o.get("CidrIpv6"), o.get("PrefixListId"), o.get("ReferencedGroupInfo")
	place := o.main()
	switch {
	case v4.str() != "":
		r.Peer, place = b.cidr(v4, packet.IPv4, address), v4
	case v6.str() != "":
		r.Peer, place = b.cidr(v6, packet.IPv6, address), v6
	case list.str() != "":
		r.Peer, place = b.prefixList(list, g.Home, address), list
	case ref.ok():
		r.Peer, place = b.peerGroup(ref, g.Home, address), valueOf(ref.get("GroupId"), ref)
	default:
		r.Peer = ir.Peer{Unknown: b.invalid(o.main(), address, "a rule without a source", "whom the rule is for is unknown", "export it again")}
	}
	r.Origin = ir.Origin{
		Address: address, Range: place.place(), Block: o.main().place(), Description: o.get("Description").str(),
		Fields: fields(at{ir.FieldProtocol, protocol}, at{ir.FieldPorts, from}, at{ir.FieldToPort, to}),
	}
	return r, egress
}

// associateGroups widens the VPCs of groups. [BC AssociateSecurityGroupVpc]
func (b *builder) associateGroups() {
	for _, o := range b.objects[recordGroupVPC] {
		for _, p := range o.parts {
			if s := p.get("State").peek(); s != "" && s != "associated" {
				continue
			}
			g, ok := b.groups.find(o.id, o.home)
			if !ok || p.get("VpcId").str() == "" {
				b.omit(o.id, p.value, "an association of a group that is not in the input")
				continue
			}
			v := b.vpc(p.get("VpcId"), o.home)
			if own, ok := g.VPCs.Known(); !ok || own != v {
				g.Associated = append(g.Associated, v)
			}
		}
	}
}

// buildStale marks the rules that AWS says refer to groups that are gone.
func (b *builder) buildStale() {
	for _, o := range b.objects[recordStaleGroup] {
		for _, m := range []string{"StaleIpPermissions", "StaleIpPermissionsEgress"} {
			for p := range o.get(m).items() {
				for pair := range p.get("UserIdGroupPairs").items() {
					b.stale(o, pair)
				}
			}
		}
	}
}

// stale makes a group that a stale rule refers to one without members: it is
// in no VPC.
func (b *builder) stale(o *object, pair value) {
	ref := pair.get("GroupId")
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: "sg-rule-never-matches", Message: "a rule of " + o.id + " refers to " + groupID(ref) + ", which is gone: it matches nothing",
		Label: "AWS lists it as stale", Fix: "remove the rule", Address: o.id, Range: valueOf(ref, pair).place(),
	})
	g, ok := b.groups.find(groupID(ref), o.home)
	if ok && !b.carried[g.ID] && g.Open != nil {
		g.VPCs, g.Open = ir.Choice[*ir.VPC]{}, nil
	}
}
