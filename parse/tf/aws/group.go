package aws

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// ruleStyles notes how the rules of a group are written.
type ruleStyles struct {
	inline     bool
	inlineAt   diag.Range
	what       string // "inline rules" or what else manages the whole group
	standalone []standaloneRule
	exclusive  []exclusive
}

type standaloneRule struct {
	v      view
	egress bool
	at     diag.Range
}

func (b *builder) stylesOf(g *ir.SecurityGroup) *ruleStyles {
	s := b.groupsOf[g]
	if s == nil {
		s = &ruleStyles{}
		b.groupsOf[g] = s
	}
	return s
}

func makeGroup(v view) {
	g := v.newGroup()
	v.addGroup(g)
	for _, k := range v.keys("name") {
		if v.b.groupNames[k] == nil {
			v.b.groupNames[k] = g
		}
	}
}

func (v view) newGroup() *ir.SecurityGroup {
	name := v.text("name")
	if name == "" {
		name = v.tags()["Name"]
	}
	return &ir.SecurityGroup{
		ID: v.id(), Name: name, Home: v.home(), Tags: v.tags(),
		Origin: ir.Origin{Address: v.in.Address, Range: v.at(), Block: v.blk.Range, Description: v.text("description")},
	}
}

func (v view) addGroup(g *ir.SecurityGroup) {
	register(v, v.b.groups, g, "id")
	v.b.net.SecurityGroups = append(v.b.net.SecurityGroups, g)
}

// makeDefaultGroup adopts the default group of a VPC: all its rules are removed
// first. [TP vpc_default_security_group.go]
func makeDefaultGroup(v view) {
	g := v.newGroup()
	g.Default = true
	g.VPCs = v.vpcChoice("vpc_id")
	v.addGroup(g)
	for _, vpc := range g.VPCs.Of {
		if d := v.b.defaultsOf(vpc); d.group == nil {
			d.group = g
		}
	}
}

// linkGroup reads the VPC and the inline rules. Left out, a direction has no
// rules on a group that is created (the provider revokes what AWS gives it) and
// unmanaged ones on a group that was there before. [TP vpc_security_group.go]
func linkGroup(v view) {
	g := v.b.groups[tf.Symbol(v.in.Address, "id")]
	if !g.Default {
		g.VPCs = v.vpcChoice("vpc_id")
	}
	var left []bool
	for _, egress := range []bool{false, true} {
		blocks, set := v.nested(direction(egress))
		if !set {
			left = append(left, egress)
			continue
		}
		styles := v.b.stylesOf(g)
		if !styles.inline {
			styles.inline, styles.inlineAt, styles.what = true, v.at(direction(egress)), "inline rules"
			if len(blocks) > 0 {
				styles.inlineAt = blocks[0].blk.Range
			}
		}
		rules := inlineRules(blocks, g, egress)
		if egress {
			g.Egress = append(g.Egress, rules...)
		} else {
			g.Ingress = append(g.Ingress, rules...)
		}
	}
	if g.Default {
		if styles := v.b.stylesOf(g); !styles.inline {
			styles.inline, styles.inlineAt, styles.what = true, v.blk.Range, "aws_default_security_group, which removes what it does not name,"
		}
	}
	if v.in.Existing {
		v.unmanaged(g, left)
	}
}

// unmanaged marks the directions whose rules nobody here manages.
func (v view) unmanaged(g *ir.SecurityGroup, left []bool) {
	switch len(left) {
	case 2:
		g.Open = notInInput(v.in.Address, "rules", v.at())
	case 1:
		why := notInInput(v.in.Address, direction(left[0])+" rules", v.at())
		r := ir.Rule{
			Match:  ir.Match{Protocol: ir.NotKnown[int16](why), Ports: ir.Value[ir.Ports]{V: ir.AllPorts, Why: why}, Peer: ir.Peer{Unknown: why}},
			Maybe:  why,
			Origin: ir.Origin{Address: v.in.Address, Range: v.at(), Block: v.blk.Range, Implicit: true},
		}
		if left[0] {
			g.Egress = append(g.Egress, r)
		} else {
			g.Ingress = append(g.Ingress, r)
		}
	}
}

func direction(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

// inlineRules reads the rule blocks of a direction. The provider keeps them as
// a set: blocks that are equal once protocols are normalised are one.
func inlineRules(blocks []view, g *ir.SecurityGroup, egress bool) []ir.Rule {
	var out []ir.Rule
	seen := map[string]bool{}
	for _, n := range blocks {
		rules := n.blockRules(g, egress)
		if k := blockKey(rules); k != "" {
			if seen[k] {
				continue
			}
			seen[k] = true
		}
		out = append(out, rules...)
	}
	return out
}

// blockKey is equal for blocks that are one element of the provider's set; it
// is empty when a part of the block is not known.
func blockKey(rules []ir.Rule) string {
	var sb strings.Builder
	for _, r := range rules {
		if r.Maybe != nil || !r.Protocol.Known() || !r.Ports.Known() || r.Peer.Unknown != nil {
			return ""
		}
		fmt.Fprintf(&sb, "%s %q\n", ruleKey(r), r.Origin.Description)
	}
	return sb.String()
}

// ruleKey is equal for rules that match the same.
func ruleKey(r ir.Rule) string {
	return fmt.Sprintf("%d %v %v %p %p", r.Protocol.V, r.Ports.V, r.Peer.CIDR, r.Peer.Group, r.Peer.PrefixList)
}

func linkRule(v view) {
	typ, set := v.str("type")
	switch {
	case set && typ.Known() && typ.V == "ingress":
		v.addStandalone(false, nil, standaloneStyle)
	case set && typ.Known() && typ.V == "egress":
		v.addStandalone(true, nil, standaloneStyle)
	default:
		why := typ.Why
		if why == nil {
			why = v.invalid(v.at("type"), "type must be ingress or egress", `write "ingress" or "egress"`)
		}
		v.addStandalone(false, why, standaloneStyle)
		v.addStandalone(true, why, standaloneStyle)
	}
}

func linkIngressRule(v view) { v.addStandalone(false, nil, vpcRuleStyle) }
func linkEgressRule(v view)  { v.addStandalone(true, nil, vpcRuleStyle) }

// addStandalone adds the rules of a rule resource to its group. unsure says why
// the direction is not known, if it is not.
func (v view) addStandalone(egress bool, unsure *ir.Unknown, style ruleStyle) {
	es := v.single("security_group_id")
	if len(es) == 0 {
		why := v.invalid(v.at("security_group_id"), "security_group_id is required", "name the group that the rule belongs to")
		v.b.net.NotAnalysed = append(v.b.net.NotAnalysed, ir.Omission{Address: v.in.Address, Cause: why.Cause})
		return
	}
	g := v.b.group(v, es[0])
	if len(candidates(v.b, es[0], v.b.groups)) > 0 {
		v.b.nameless[g] = es[0].why
	}
	for _, other := range standIns(v, es[0], v.b.groups, v.b.net.SecurityGroups) {
		v.addRules(other, egress, es[0].why, style, true)
	}
	v.addRules(g, egress, unsure, style, false)
	styles := v.b.stylesOf(g)
	styles.standalone = append(styles.standalone, standaloneRule{v, egress, v.blk.Range})
}

// addRules adds the rules of a rule resource to one group. aside: it is one
// that the rules may belong to.
func (v view) addRules(g *ir.SecurityGroup, egress bool, unsure *ir.Unknown, style ruleStyle, aside bool) {
	rules := v.standaloneRules(g, egress, style)
	for i := range rules {
		if u := v.b.nameless[g]; u != nil && rules[i].Peer.Group == g {
			rules[i].Peer = ir.Peer{Unknown: u}
		}
		rules[i].Origin.Aside = rules[i].Origin.Aside || aside
		if unsure != nil {
			rules[i].Maybe = unsure
		}
		if u := v.b.maybe[g]; u != nil && rules[i].Maybe == nil {
			rules[i].Maybe = u
		}
	}
	list := &g.Ingress
	if egress {
		list = &g.Egress
	}
	for _, r := range rules {
		if i := v.b.repeated(g, *list, r); i >= 0 {
			(*list)[i].Origin = r.Origin
			continue
		}
		*list = append(*list, r)
	}
}

// repeated finds the rule that a state shows both in its group and as a
// resource of its own.
func (b *builder) repeated(g *ir.SecurityGroup, rules []ir.Rule, r ir.Rule) int {
	if !b.existing[g] || r.Maybe != nil {
		return -1
	}
	for i, x := range rules {
		if x.Match == r.Match && x.Origin.Address == g.Origin.Address && x.Maybe == nil {
			return i
		}
	}
	return -1
}

// linkGroupVPC lets a group sit in a further VPC.
func linkGroupVPC(v view) {
	gs, vpcs := v.single("security_group_id"), v.single("vpc_id")
	if len(gs) == 0 || len(vpcs) == 0 {
		v.invalid(v.at(), "security_group_id and vpc_id are required", "name both")
		return
	}
	g, vpc := v.b.group(v, gs[0]), v.b.vpc(v, vpcs[0])
	if !contains(g.Associated, vpc) {
		g.Associated = append(g.Associated, vpc)
	}
}

// exclusive is the list of the only rules that a group may keep.
type exclusive struct {
	v        view
	ingress  map[string]bool
	egress   map[string]bool
	complete bool
}

// linkExclusive reads the list of rules that are not removed.
// [TP aws_vpc_security_group_rules_exclusive]
func linkExclusive(v view) {
	es := v.single("security_group_id")
	if len(es) == 0 {
		v.invalid(v.at(), "security_group_id is required", "name the group")
		return
	}
	x := exclusive{v: v, ingress: map[string]bool{}, egress: map[string]bool{}, complete: v.maybe() == nil}
	for attr, m := range map[string]map[string]bool{"ingress_rule_ids": x.ingress, "egress_rule_ids": x.egress} {
		list, _ := v.list(attr)
		for _, e := range list {
			if e.unknown() != nil {
				x.complete = false
			}
			m[refOf(e).address] = true
			m[refOf(e).id] = true
		}
	}
	styles := v.b.stylesOf(v.b.group(v, es[0]))
	styles.exclusive = append(styles.exclusive, x)
}

// finishGroups says what conflicts: rules inside a group and beside it, rules
// that an exclusive list removes.
func (b *builder) finishGroups() {
	for _, g := range b.net.SecurityGroups {
		styles := b.groupsOf[g]
		if styles == nil {
			continue
		}
		b.reportStyles(g, styles)
		for _, x := range styles.exclusive {
			if x.complete {
				g.Open = nil
				b.applyExclusive(g.Ingress, x, x.ingress)
				b.applyExclusive(g.Egress, x, x.egress)
			}
		}
	}
}

func (b *builder) reportStyles(g *ir.SecurityGroup, styles *ruleStyles) {
	if !styles.inline || len(styles.standalone) == 0 || b.existing[g] {
		return
	}
	first := styles.standalone[0]
	more := ""
	if n := len(styles.standalone); n > 1 {
		more = fmt.Sprintf(" and %s more", plural(n-1, "resource"))
	}
	message := fmt.Sprintf("%s has %s (%s) and %s%s beside them: every apply revokes one or the other",
		g.Origin.Address, styles.what, styles.inlineAt.Line(), first.v.in.Address, more)
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: ruleBothStyles, Message: message, Label: "revoked by the group's own rules",
		Fix: "write all rules of the group in one style", Address: first.v.in.Address, Range: first.at,
		Note: "both are taken to be live, which they are in turns",
	})
}

// applyExclusive marks the rules that the list does not name: whether they are
// there depends on what was applied last.
func (b *builder) applyExclusive(rules []ir.Rule, x exclusive, keep map[string]bool) {
	for i := range rules {
		r := &rules[i]
		if keep[r.Origin.Address] || r.Maybe != nil {
			continue
		}
		message := fmt.Sprintf("%s removes %s: it is not on its list", x.v.in.Address, r.Origin.Address)
		r.Maybe = &ir.Unknown{
			Term:  x.v.in.Address + " removes " + r.Origin.Address,
			Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: x.v.in.Address, Range: x.v.at()},
		}
		x.v.problem(ruleBothStyles, r.Origin.Range, message, "add the rule to the list, or remove it")
	}
}
