package aws

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// ruleStyle is one of the three ways to write a security group rule. They
// differ in what they refuse.
type ruleStyle uint8

const (
	inlineStyle     ruleStyle = iota // a block of aws_security_group
	standaloneStyle                  // aws_security_group_rule
	vpcRuleStyle                     // aws_vpc_security_group_ingress_rule, _egress_rule
)

// shape is what the sources of one block share.
type ruleShape struct {
	v        view
	protocol ir.Value[int16]
	ports    ir.Value[ir.Ports]
	fields   map[ir.Field]diag.Range
}

func (v view) ruleShape(style ruleStyle) ruleShape {
	attr := "protocol"
	if style == vpcRuleStyle {
		attr = "ip_protocol"
	}
	s := ruleShape{v: v, fields: v.fields(map[string]ir.Field{
		attr: ir.FieldProtocol, "from_port": ir.FieldPorts, "to_port": ir.FieldToPort,
	})}
	s.protocol = v.groupProtocol(attr)
	s.ports = v.groupPorts(s.protocol, style)
	return s
}

// rule is the rule of one source.
func (s ruleShape) rule(at diag.Range, peer ir.Peer, many *ir.Unknown) ir.Rule {
	r := ir.Rule{Match: ir.Match{Protocol: s.protocol, Ports: s.ports, Peer: peer}, Maybe: s.v.maybe(), Origin: s.v.origin(at, s.fields)}
	if many != nil {
		r.Maybe = many
	}
	r.Origin.Description = s.v.text("description")
	return r
}

// beside marks a rule that stands for what a list may hold too.
func (s ruleShape) beside(e elem, r ir.Rule) ir.Rule {
	r.Origin.Aside = e.beside
	return r
}

// groupProtocol reads a protocol as security group resources do: any case, a
// name that AWS knows or a number. [TP vpc_security_group.go protocolForValue]
func (v view) groupProtocol(attr string) ir.Value[int16] {
	p, set := v.str(attr)
	switch {
	case !set:
		return ir.NotKnown[int16](v.invalid(v.at(attr), attr+" is required", `write a protocol, or "-1" for all`))
	case !p.Known():
		return ir.NotKnown[int16](p.Why)
	case tf.HasSymbol(p.V):
		return ir.NotKnown[int16](afterApply(elem{s: p.V, at: v.at(attr)}))
	}
	switch name := strings.ToLower(p.V); name {
	case "-1", "all":
		return ir.Known[int16](-1)
	case "tcp":
		return ir.Known[int16](packet.TCP)
	case "udp":
		return ir.Known[int16](packet.UDP)
	case "icmp":
		return ir.Known[int16](packet.ICMP)
	case "icmpv6":
		return ir.Known[int16](packet.ICMPv6)
	default:
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n <= 255 {
			return ir.Known(int16(n))
		}
		fix := "use tcp, udp, icmp, icmpv6, -1 or a number from 0 to 255"
		if name == "ipv6-icmp" {
			fix = `write "icmpv6": security groups use that name, network ACLs the other`
		}
		return ir.NotKnown[int16](v.invalid(v.at(attr), "security groups know no such protocol", fix))
	}
}

// blockRules reads an inline rule block: one rule a source.
func (v view) blockRules(g *ir.SecurityGroup, egress bool) []ir.Rule {
	if v.blk.Maybe != nil && len(v.blk.Attrs) == 0 {
		return []ir.Rule{v.unknownRule()}
	}
	s := v.ruleShape(inlineStyle)
	rules := s.sources(g)
	if len(rules) == 0 {
		v.problem(ruleNeverMatches, v.blk.Range, "this rule has no source, so it makes no rule at all",
			"add cidr_blocks, security_groups, prefix_list_ids or self, or remove the block")
	}
	return rules
}

// unknownRule stands for the rules of a list that is not known.
func (v view) unknownRule() ir.Rule {
	why := v.blk.Maybe
	return ir.Rule{
		Match: ir.Match{
			Protocol: ir.NotKnown[int16](part(why, "protocol")),
			Ports:    ir.Value[ir.Ports]{V: ir.AllPorts, Why: part(why, "ports")},
			Peer:     ir.Peer{Unknown: part(why, "source")},
		},
		Maybe: why, Origin: v.origin(v.blk.Range, nil),
	}
}

// sources makes one rule for each source of a block. The lists are those of
// aws_security_group and aws_security_group_rule.
func (s ruleShape) sources(g *ir.SecurityGroup) []ir.Rule {
	var rules []ir.Rule
	for _, l := range []struct {
		attr   string
		family packet.Family
	}{{"cidr_blocks", packet.IPv4}, {"ipv6_cidr_blocks", packet.IPv6}} {
		list, _ := s.v.list(l.attr)
		for _, e := range list {
			rules = append(rules, s.rule(e.at, s.v.cidrPeer(e, l.family), e.many))
		}
	}
	lists, _ := s.v.list("prefix_list_ids")
	for _, e := range lists {
		rules = append(rules, s.beside(e, s.rule(e.at, s.v.listPeer(e), e.many)))
	}
	groups, _ := s.v.list("security_groups")
	for _, e := range groups {
		rules = append(rules, s.beside(e, s.rule(e.at, s.v.groupPeer(e), e.many)))
	}
	for _, e := range s.v.single("source_security_group_id") {
		// Next to another source an unknown group may turn out to be null.
		var maybe *ir.Unknown
		if len(rules) > 0 {
			maybe = e.why
		}
		rules = append(rules, s.rule(e.at, s.v.groupPeer(e), maybe))
	}
	if self, set := s.v.boolean("self", false); set && (self.V || !self.Known()) {
		rules = append(rules, s.rule(s.v.at("self"), ir.Peer{Group: g}, self.Why))
	}
	return rules
}

func (v view) cidrPeer(e elem, f packet.Family) ir.Peer {
	p := v.cidr(e, f, hostBitsRefused)
	if !p.Known() {
		return ir.Peer{Unknown: p.Why, Family: f}
	}
	return ir.Peer{CIDR: p.V}
}

func (v view) listPeer(e elem) ir.Peer {
	switch {
	case e.many != nil:
		return ir.Peer{Unknown: e.many}
	case e.why == nil && !tf.HasSymbol(e.s) && !strings.HasPrefix(e.s, "pl-"):
		return ir.Peer{Unknown: v.invalid(e.at, "this is not the id of a prefix list", "ids of prefix lists begin with pl-")}
	}
	return ir.Peer{PrefixList: v.b.prefixList(v, e)}
}

func (v view) groupPeer(e elem) ir.Peer {
	switch {
	case e.many != nil:
		return ir.Peer{Unknown: e.many}
	case e.why == nil && !tf.HasSymbol(e.s) && !isGroupID(e.s):
		return ir.Peer{Unknown: v.invalid(e.at, "this is not the id of a security group", "use the group's id, not its name: ids begin with sg-")}
	}
	return v.b.groupPeer(v, e)
}

// isGroupID reports whether a string is a group's id, an account in front of it
// allowed.
func isGroupID(s string) bool {
	if _, id, ok := strings.Cut(s, "/"); ok {
		s = id
	}
	return strings.HasPrefix(s, "sg-") && len(s) > len("sg-")
}

// standaloneRules reads a rule resource.
func (v view) standaloneRules(g *ir.SecurityGroup, egress bool, style ruleStyle) []ir.Rule {
	s := v.ruleShape(style)
	if style == vpcRuleStyle {
		return s.onlySource()
	}
	rules := s.sources(g)
	self, _ := v.boolean("self", false)
	switch {
	case len(rules) == 0:
		v.invalid(v.at(), "this rule has no source", "add one of cidr_blocks, ipv6_cidr_blocks, prefix_list_ids, source_security_group_id and self")
	case known(v.single("source_security_group_id")) && (v.has("cidr_blocks") || v.has("ipv6_cidr_blocks") || self.V):
		v.invalid(v.at("source_security_group_id"), "source_security_group_id conflicts with cidr_blocks, ipv6_cidr_blocks and self", "make a rule of its own for each")
	case self.V && (v.has("cidr_blocks") || v.has("ipv6_cidr_blocks")):
		v.invalid(v.at("self"), "self conflicts with cidr_blocks and ipv6_cidr_blocks", "make a rule of its own for each")
	}
	return rules
}

// known reports whether there is an element and it is known.
func known(es []elem) bool { return len(es) > 0 && es[0].unknown() == nil }

// onlySource reads the source of the rule resources that have exactly one.
// With none or several the provider refuses the rule, so there is none. One
// that is not known may be null.
func (s ruleShape) onlySource() []ir.Rule {
	v := s.v
	var known, unknown []ir.Rule
	for _, src := range []struct {
		attr string
		peer func(elem) ir.Peer
	}{
		{"cidr_ipv4", func(e elem) ir.Peer { return v.cidrPeer(e, packet.IPv4) }},
		{"cidr_ipv6", func(e elem) ir.Peer { return v.cidrPeer(e, packet.IPv6) }},
		{"prefix_list_id", v.listPeer},
		{"referenced_security_group_id", v.groupPeer},
	} {
		for _, e := range v.single(src.attr) {
			if e.why != nil {
				unknown = append(unknown, s.rule(e.at, ir.Peer{Unknown: e.why}, nil))
				if len(unknown) == 1 && len(known) == 0 {
					unknown[0].Peer = src.peer(e)
				}
				continue
			}
			known = append(known, s.rule(e.at, src.peer(e), nil))
		}
	}
	switch {
	case len(known) == 1:
		return known
	case len(known) == 0 && len(unknown) == 1:
		return unknown
	case len(known) == 0 && len(unknown) > 1:
		r := unknown[0]
		r.Peer = ir.Peer{Unknown: unknown[1].Peer.Unknown}
		return []ir.Rule{r}
	}
	at := v.at()
	if len(known) > 1 {
		at = known[1].Origin.Range
	}
	v.invalid(at, fmt.Sprintf("this rule needs exactly one source, and has %d: there is no such rule", len(known)),
		"keep one of cidr_ipv4, cidr_ipv6, prefix_list_id and referenced_security_group_id")
	return nil
}
