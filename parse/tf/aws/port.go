package aws

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

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
