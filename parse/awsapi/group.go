package awsapi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// nameGroups makes the groups, without rules, so that everything can refer to
// them. A group of which only flat rules are seen is a group as well.
func (b *builder) nameGroups() {
	for _, o := range b.objects[recordGroup] {
		t := tags(o)
		g := &ir.SecurityGroup{ID: o.id, Name: o.get("GroupName").str(), Home: o.home, Tags: t, Origin: o.origin()}
		g.Origin.Description = o.get("Description", "GroupDescription").str()
		g.Default = g.Name == "default"
		if ref := o.get("VpcId"); ref.str() != "" {
			g.VPCs = ir.One(b.vpc(ref, o.home))
		} else {
			g.VPCs = ir.Another[*ir.VPC](classic(o))
			b.note(diag.Diagnostic{
				Message: o.id + " has no VPC: an EC2-Classic group, which AWS no longer runs", Label: "a VpcId is missing in this group",
				Note: "its rules are read; the VPC that it filters in is unknown", Address: o.id, Range: g.Origin.Range,
			})
		}
		b.groups.add(g.ID, g.Home, g)
		b.net.SecurityGroups = append(b.net.SecurityGroups, g)
	}
	for _, o := range b.objects[recordGroupRule] {
		ref := o.get("GroupId")
		if ref.str() == "" {
			continue
		}
		if _, ok := b.groups.find(ref.str(), o.home); ok {
			continue
		}
		why := b.missing(ir.KindSecurityGroup, "the description of "+ref.str(), o.home, ref)
		g := &ir.SecurityGroup{
			ID: ref.str(), Home: o.home, VPCs: ir.Another[*ir.VPC](why),
			Origin: ir.Origin{Address: ref.str(), Range: ref.place(), Block: o.main().place()},
		}
		b.groups.add(g.ID, g.Home, g)
		b.net.SecurityGroups = append(b.net.SecurityGroups, g)
	}
}

func classic(o *object) *ir.Unknown {
	return &ir.Unknown{Term: "VPC of " + o.id, Cause: diag.Cause{
		Code: diag.NotInInput, Message: o.id + " has no VpcId", Address: o.id, Range: o.main().place(),
	}}
}

// RulesUnknown labels the diagnostic about a group that is carried and that no
// list shows. Its address is the group's id.
const RulesUnknown = "its rules are unknown"

// carriedGroup returns the group of an id that something carries. The group
// exists: when it is not in the input its rules are unknown, even if the list
// of groups claims to be whole.
func (b *builder) carriedGroup(ref value, home ir.Home) *ir.SecurityGroup {
	id := groupID(ref)
	if g, ok := b.groups.find(id, home); ok {
		return g
	}
	why := b.missing(ir.KindSecurityGroup, id, home, ref)
	if b.net.IsClosed(ir.KindSecurityGroup, home) {
		b.note(diag.Diagnostic{
			Message: id + " is carried here and is not in the list of security groups", Label: RulesUnknown, Address: id, Range: ref.place(),
			Fix: "export the groups and the interfaces together, without filters",
		})
	}
	return b.openGroup(id, home, ir.Another[*ir.VPC](why), why, ref)
}

func (b *builder) openGroup(id string, home ir.Home, vpcs ir.Choice[*ir.VPC], why *ir.Unknown, ref value) *ir.SecurityGroup {
	g := &ir.SecurityGroup{
		ID: id, Home: home, VPCs: vpcs, Open: &ir.Unknown{Term: "rules of " + id, Cause: why.Cause},
		Origin: ir.Origin{Address: id, Range: ref.place()},
	}
	b.groups.add(id, home, g)
	b.net.SecurityGroups = append(b.net.SecurityGroups, g)
	return g
}

// groupID reads "sg-1" and "111122223333/sg-1".
func groupID(ref value) string {
	id := ref.str()
	return id[strings.LastIndexByte(id, '/')+1:]
}

// peerGroup returns the group that a rule refers to. pair is the JSON object
// around the id: {GroupId, UserId, VpcId, VpcPeeringConnectionId}.
func (b *builder) peerGroup(pair value, home ir.Home, address string) ir.Peer {
	ref := pair.get("GroupId")
	id := groupID(ref)
	if id == "" {
		return b.peerByName(pair, home, address)
	}
	if g, ok := b.groups.find(id, home); ok {
		return ir.Peer{Group: g}
	}
	owner := pair.get("UserId").str()
	elsewhere := home
	if owner != "" {
		elsewhere.Account = owner
	}
	foreign := owner != "" && owner != home.Account || pair.get("VpcPeeringConnectionId").ok()
	vpcs := ir.Choice[*ir.VPC]{}
	if v := pair.get("VpcId"); v.str() != "" {
		vpcs = ir.One(b.vpc(v, elsewhere))
	}
	if !foreign && b.net.IsClosed(ir.KindSecurityGroup, home) && !b.carried[id] {
		// Every group of the account is in the input, and this one is not: the
		// rule outlived it and matches nothing. [BC DescribeStaleSecurityGroups]
		g := &ir.SecurityGroup{ID: id, Home: home, Origin: ir.Origin{Address: id, Range: ref.place()}}
		b.groups.add(id, home, g)
		b.net.SecurityGroups = append(b.net.SecurityGroups, g)
		return ir.Peer{Group: g}
	}
	why := b.missing(ir.KindSecurityGroup, id, elsewhere, ref)
	if len(vpcs.Of) == 0 {
		vpcs = ir.Another[*ir.VPC](why)
	}
	return ir.Peer{Group: b.openGroup(id, elsewhere, vpcs, why, ref)}
}

// peerByName finds a group by the name that old exports use.
func (b *builder) peerByName(pair value, home ir.Home, address string) ir.Peer {
	name := pair.get("GroupName")
	if name.str() == "" {
		return ir.Peer{Unknown: b.invalid(pair, address, "a reference without a GroupId", "whom the rule is for is unknown", "")}
	}
	if b.byName == nil {
		b.byName = map[string][]*ir.SecurityGroup{}
		for _, g := range b.net.SecurityGroups {
			b.byName[g.Name] = append(b.byName[g.Name], g)
		}
	}
	if found := b.byName[name.str()]; len(found) == 1 && compatible(found[0].Home, home) {
		return ir.Peer{Group: found[0]}
	}
	id := name.str()
	if o := pair.get("UserId").str(); o != "" {
		id = o + "/" + id
	}
	if g, ok := b.groups.find(id, home); ok {
		return ir.Peer{Group: g}
	}
	why := b.missing(ir.KindSecurityGroup, id, home, name)
	return ir.Peer{Group: b.openGroup(id, home, ir.Another[*ir.VPC](why), why, name)}
}

// buildGroups reads the rules.
func (b *builder) buildGroups() {
	flat := map[*ir.SecurityGroup][]*object{}
	for _, o := range b.objects[recordGroupRule] {
		g, ok := b.groups.find(o.get("GroupId").str(), o.home)
		if !ok {
			b.noID(record{list: &list{name: o.list.name, noun: o.list.noun, id: "GroupId"}, value: o.main()})
			continue
		}
		flat[g] = append(flat[g], o)
	}
	seen := map[*ir.SecurityGroup]bool{}
	for _, o := range b.objects[recordGroup] {
		g, _ := b.groups.find(o.id, o.home)
		seen[g] = true
		first := b.rulesOf(g, o.parts[0].value)
		for _, p := range o.parts[1:] {
			first = b.mergeRules(g, first, b.rulesOf(g, p.value), "the two descriptions of "+g.ID+" differ")
		}
		if o.more > 0 {
			g.Open = b.tooMany(o)
		}
		first = b.mergeFlat(g, first, flat[g])
		first.store(g)
	}
	for _, g := range b.net.SecurityGroups {
		if objects, ok := flat[g]; ok && !seen[g] {
			b.mergeFlat(g, ruleSet{}, objects).store(g)
		}
	}
	b.associateGroups()
	b.buildStale()
}

// ruleSet holds the rules of a group with what tells them apart.
type ruleSet struct {
	rules  []ir.Rule
	egress []bool
}

func (s *ruleSet) add(r ir.Rule, egress bool) {
	s.rules = append(s.rules, r)
	s.egress = append(s.egress, egress)
}

// keys are the meanings of the rules.
func (s ruleSet) keys() []string {
	keys := make([]string, len(s.rules))
	for i, r := range s.rules {
		keys[i] = ruleKey(r.Match, s.egress[i])
	}
	return keys
}

func (s ruleSet) store(g *ir.SecurityGroup) {
	g.Ingress, g.Egress = nil, nil
	for i, r := range s.rules {
		if s.egress[i] {
			g.Egress = append(g.Egress, r)
		} else {
			g.Ingress = append(g.Ingress, r)
		}
	}
}

// ruleKey is the meaning of a rule in words.
func ruleKey(m ir.Match, egress bool) string {
	peer := ""
	switch {
	case m.Peer.Group != nil:
		peer = m.Peer.Group.ID
	case m.Peer.PrefixList != nil:
		peer = m.Peer.PrefixList.ID
	case m.Peer.CIDR.IsValid():
		peer = m.Peer.CIDR.String()
	case m.Peer.Unknown != nil:
		peer = "?" + m.Peer.Unknown.Term
	}
	protocol := strconv.Itoa(int(m.Protocol.V))
	if !m.Protocol.Known() {
		protocol = "?"
	}
	return fmt.Sprintf("%t %s %d-%d %t %s", egress, protocol, m.Ports.V.Lo, m.Ports.V.Hi, m.Ports.Known(), peer)
}

// rulesOf reads both directions of one description of a group.
func (b *builder) rulesOf(g *ir.SecurityGroup, v value) ruleSet {
	var s ruleSet
	for _, d := range []struct {
		member, word string
		egress       bool
	}{{"IpPermissions", "ingress", false}, {"IpPermissionsEgress", "egress", true}} {
		n := 0
		list := v.get(d.member)
		if list.ok() && !list.isArray() {
			b.invalid(list, g.ID, d.member+" is not a list", "the rules of the group are unknown", "export it again")
			g.Open = &ir.Unknown{Term: "rules of " + g.ID, Cause: diag.Cause{Code: diag.NotValid, Message: d.member + " is not a list", Address: g.ID, Range: list.place()}}
		}
		for p := range list.items() {
			for _, r := range b.permission(g, p, g.ID+"/"+d.word+"/", &n) {
				s.add(r, d.egress)
			}
		}
	}
	return s
}

// permission reads one IpPermission: a rule for each of its sources. n counts
// the rules of the direction.
func (b *builder) permission(g *ir.SecurityGroup, p value, prefix string, n *int) []ir.Rule {
	protocol, from, to := p.get("IpProtocol"), p.get("FromPort"), p.get("ToPort")
	first := prefix + strconv.Itoa(*n+1)
	m := ir.Match{Protocol: b.protocol(protocol, p, first)}
	m.Ports = b.ports(m.Protocol, from, to, p, first)
	block, places := p.place(), fields(at{ir.FieldProtocol, protocol}, at{ir.FieldPorts, from}, at{ir.FieldToPort, to})
	var rules []ir.Rule
	add := func(around, at value, read func(address string) ir.Peer) {
		*n++
		address := prefix + strconv.Itoa(*n)
		m := m
		m.Peer = read(address)
		rules = append(rules, ir.Rule{Match: m, Origin: ir.Origin{
			Address: address, Range: valueOf(at, around).place(), Block: block, Fields: places, Description: around.get("Description").str(),
		}})
	}
	for _, r := range permissionCIDRs(p) {
		add(r.around, r.cidr, func(address string) ir.Peer { return b.cidr(valueOf(r.cidr, r.around), r.family, address) })
	}
	for l := range p.get("PrefixListIds").items() {
		id := valueOf(l.get("PrefixListId"), l)
		add(l, id, func(address string) ir.Peer { return b.prefixList(id, g.Home, address) })
	}
	for pair := range p.first("UserIdGroupPairs", "Groups").items() {
		add(pair, pair.get("GroupId"), func(address string) ir.Peer { return b.peerGroup(pair, g.Home, address) })
	}
	if len(rules) == 0 {
		b.note(diag.Diagnostic{
			Message: "a rule of " + g.ID + " has no source", Label: "matches nothing", Address: g.ID, Range: block,
			Note: "AWS does not return such rules",
		})
	}
	return rules
}

type permissionCIDR struct {
	around, cidr value
	family       packet.Family
}

// permissionCIDRs are the CIDRs of an IpPermission. AWS Config writes IPv4 ones
// twice: as objects under ipv4Ranges and as plain strings under ipRanges.
func permissionCIDRs(p value) []permissionCIDR {
	var out []permissionCIDR
	objects := map[string]bool{}
	for r := range p.get("Ipv4Ranges").items() {
		c := r.get("CidrIp")
		objects[c.peek()] = true
		out = append(out, permissionCIDR{r, c, packet.IPv4})
	}
	for r := range p.get("IpRanges").items() {
		switch {
		case r.isObject():
			out = append(out, permissionCIDR{r, r.get("CidrIp"), packet.IPv4})
		case !objects[r.peek()]:
			out = append(out, permissionCIDR{r, r, packet.IPv4})
		}
	}
	for r := range p.get("Ipv6Ranges").items() {
		out = append(out, permissionCIDR{r, valueOf(r.get("CidrIpv6"), r), packet.IPv6})
	}
	return out
}

// mergeRules joins two descriptions of one group: what only one of them has may
// or may not be there.
func (b *builder) mergeRules(g *ir.SecurityGroup, x, y ruleSet, message string) ruleSet {
	if joined, same := x.join(y, g.ID, message); !same {
		b.note(diag.Diagnostic{
			Message: g.ID + " is described twice, with different rules", Label: "not what " + x.placeOr(g) + " says", Address: g.ID, Range: y.rangeOr(g),
			Fix: "give exports of one point in time", Note: "rules that only one of them has are unknown",
		})
		return joined
	}
	return x
}

func (s ruleSet) rangeOr(g *ir.SecurityGroup) diag.Range {
	if len(s.rules) > 0 {
		return s.rules[0].Origin.Block
	}
	return g.Origin.Range
}

func (s ruleSet) placeOr(g *ir.SecurityGroup) string { return s.rangeOr(g).Line() }

// join reports whether two sets are the same; the joined set marks as possible
// what only one of them has.
func (s ruleSet) join(o ruleSet, id, message string) (ruleSet, bool) {
	theirs, mine := map[string]bool{}, map[string]bool{}
	myKeys, theirKeys := s.keys(), o.keys()
	for _, k := range theirKeys {
		theirs[k] = true
	}
	same := true
	var out ruleSet
	maybe := func(r ir.Rule) ir.Rule {
		same = false
		r.Maybe = &ir.Unknown{Term: r.Origin.Address + " at " + r.Origin.Range.String(), Cause: diag.Cause{
			Code: diag.NotInInput, Message: message, Address: id, Range: r.Origin.Range,
		}}
		return r
	}
	for i, r := range s.rules {
		mine[myKeys[i]] = true
		if !theirs[myKeys[i]] {
			r = maybe(r)
		}
		out.add(r, s.egress[i])
	}
	for i, r := range o.rules {
		if !mine[theirKeys[i]] {
			out.add(maybe(r), o.egress[i])
		}
	}
	return out, same
}
