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

// groupPorts reads the ports of a rule, or its ICMP type and code.
func (v view) groupPorts(p ir.Value[int16], style ruleStyle) ir.Value[ir.Ports] {
	from, fromSet := v.integer("from_port")
	to, toSet := v.integer("to_port")
	ends := portEnds{from, to, fromSet, toSet}
	switch {
	case !p.Known():
		return v.interval(ends, portsMayBeAnything)
	case p.V == -1:
		v.checkIgnored(ends, style)
		return ir.Known(ir.AllPorts)
	case p.V == packet.TCP || p.V == packet.UDP:
		return v.interval(ends, portsOfGroup)
	case p.V == packet.ICMP || p.V == packet.ICMPv6:
		return v.typeAndCode(ends, p.V == packet.ICMPv6 && style == vpcRuleStyle)
	default:
		v.checkIgnored(ends, style)
		return ir.Known(ir.AllPorts)
	}
}

// portEnds are the two ends of a port range, or a type and a code.
type portEnds struct {
	from, to       ir.Value[int]
	fromSet, toSet bool
}

func (e portEnds) known() bool { return e.from.Known() && e.to.Known() }

// why is the first of the unknown ends.
func (e portEnds) why() *ir.Unknown {
	if e.from.Why != nil {
		return e.from.Why
	}
	return e.to.Why
}

// checkIgnored reports ports that were written where none count. 0-0, -1 and
// 0-65535 are how people write "all".
func (v view) checkIgnored(e portEnds, style ruleStyle) {
	if !e.known() || !e.fromSet && !e.toSet {
		return
	}
	from, to := e.from.V, e.to.V
	all, _ := v.str(protocolAttr(style))
	isAll := all.Known() && (strings.EqualFold(all.V, "-1") || strings.EqualFold(all.V, "all"))
	if style == inlineStyle && isAll && (from != 0 || to != 0) {
		v.invalid(v.at("from_port", "to_port"), "from_port and to_port must both be 0 with protocol -1: the apply fails", "write 0 for both")
		return
	}
	idiom := from == 0 && to == 0 || from == -1 && to == -1 || from == 0 && to == 65535
	if !idiom {
		v.problem(rulePortsIgnored, v.at("from_port", "to_port"), "these ports narrow nothing: AWS ignores ports with this protocol, the rule opens all of them",
			"name tcp or udp, or leave the ports out")
	}
}

func protocolAttr(style ruleStyle) string {
	if style == vpcRuleStyle {
		return "ip_protocol"
	}
	return "protocol"
}

// portUse says what a port range belongs to.
type portUse uint8

const (
	portsOfGroup       portUse = iota // tcp or udp of a group: -1 and nothing mean all
	portsOfACL                        // tcp or udp of an ACL
	portsMayBeAnything                // the protocol is not known
)

// interval reads a range of ports. When an end is not known the value holds the
// widest range that it can be.
func (v view) interval(e portEnds, use portUse) ir.Value[ir.Ports] {
	wide := func(why *ir.Unknown) ir.Value[ir.Ports] { return ir.Value[ir.Ports]{V: ir.AllPorts, Why: why} }
	at := v.at("from_port", "to_port")
	none := !e.fromSet && !e.toSet || e.known() && e.from.V == -1 && e.to.V == -1
	switch {
	case none && use != portsOfACL:
		if use == portsOfGroup {
			v.problem(ruleInvalid, at, "a tcp or udp rule without ports is taken as all ports", "write from_port and to_port")
		}
		return ir.Known(ir.AllPorts)
	case !e.fromSet:
		return wide(v.invalid(at, "from_port is required", "write from_port"))
	case !e.toSet:
		return wide(v.invalid(at, "to_port is required", "write to_port"))
	}
	ports, ok := ir.AllPorts, true
	for _, x := range []struct {
		val   ir.Value[int]
		bound *uint16
		attr  string
	}{{e.from, &ports.Lo, "from_port"}, {e.to, &ports.Hi, "to_port"}} {
		switch {
		case !x.val.Known():
		case x.val.V < 0 || x.val.V > 65535:
			if use != portsMayBeAnything {
				return wide(v.invalid(v.at(x.attr), x.attr+" must be from 0 to 65535", "write a port number"))
			}
			ok = false
		default:
			*x.bound = uint16(x.val.V)
		}
	}
	switch {
	case !ok:
		return ir.Known(ir.AllPorts)
	case !e.known():
		return ir.Value[ir.Ports]{V: ports, Why: e.why()}
	case ports.Lo > ports.Hi && use == portsMayBeAnything:
		return ir.Known(ir.AllPorts)
	case ports.Lo > ports.Hi:
		return wide(v.invalid(at, fmt.Sprintf("from_port %d is above to_port %d", ports.Lo, ports.Hi), "swap them"))
	}
	return ir.Known(ports)
}

// typeAndCode reads the ICMP type and code of a group's rule. [BC IpPermission]
func (v view) typeAndCode(e portEnds, optional bool) ir.Value[ir.Ports] {
	at := v.at("from_port", "to_port")
	if !e.fromSet && !e.toSet {
		if !optional {
			v.problem(ruleInvalid, at, "an icmp rule without a type is taken as all types", "write from_port and to_port: the type and the code, -1 for any")
		}
		return ir.Known(ir.AllPorts)
	}
	wide := ir.Value[ir.Ports]{V: ir.AllPorts}
	for _, x := range []struct {
		val  ir.Value[int]
		attr string
	}{{e.from, "from_port"}, {e.to, "to_port"}} {
		if x.val.Known() && (x.val.V < -1 || x.val.V > 255) {
			wide.Why = v.invalid(v.at(x.attr), x.attr+" is an ICMP type or code here: from -1 to 255", "write -1 for any")
			return wide
		}
	}
	switch {
	case !e.fromSet || !e.toSet:
		wide.Why = v.invalid(at, "from_port and to_port are the ICMP type and code: both are required", "write -1 for any")
		return wide
	case !e.from.Known():
		wide.Why = e.from.Why
		return wide
	case !e.to.Known():
		return ir.Value[ir.Ports]{V: ir.ICMPPorts(e.from.V, -1), Why: e.to.Why}
	case e.from.V == -1 && e.to.V != -1:
		wide.Why = v.invalid(v.at("to_port"), "any type (-1) goes with any code: to_port must be -1", "write -1")
		return wide
	}
	return ir.Known(ir.ICMPPorts(e.from.V, e.to.V))
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
		rules = append(rules, s.rule(e.at, s.v.listPeer(e), e.many))
	}
	groups, _ := s.v.list("security_groups")
	for _, e := range groups {
		rules = append(rules, s.rule(e.at, s.v.groupPeer(e), e.many))
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
