package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// How the parts of a network are called: by Terraform address where there is
// one, by AWS id otherwise.

func groupName(g *ir.SecurityGroup) string   { return cmp.Or(g.Origin.Address, g.ID, g.Name) }
func aclName(a *ir.NetworkACL) string        { return cmp.Or(a.Origin.Address, a.ID, a.Name) }
func subnetName(s *ir.Subnet) string         { return cmp.Or(s.Origin.Address, s.ID, s.Name) }
func vpcName(v *ir.VPC) string               { return cmp.Or(v.Origin.Address, v.ID, v.Name) }
func routeTableName(t *ir.RouteTable) string { return cmp.Or(t.Origin.Address, t.ID, t.Name) }
func nicName(i *ir.Interface) string         { return cmp.Or(i.Resource, i.Origin.Address, i.ID) }

// How text calls what nobody gave a name: what AWS makes with a VPC.

func shownACL(a *ir.NetworkACL) string {
	return cmp.Or(a.Origin.Address, a.ID, "the default ACL")
}

func shownTable(t *ir.RouteTable) string {
	return cmp.Or(routeTableName(t), "the main route table")
}

func listName(l *ir.PrefixList) string { return cmp.Or(l.Origin.Address, l.ID, l.Name) }

// choiceName names what a choice is known to be, or what it may be.
func choiceName[T any](c ir.Choice[T], name func(T) string) string {
	var names []string
	for _, v := range c.Of {
		names = append(names, name(v))
	}
	text := strings.Join(names, " or ")
	switch {
	case c.Open == nil && text == "":
		return "none"
	case c.Open == nil:
		return text
	case text == "":
		return "? (" + c.Open.Cause.Message + ")"
	}
	return text + " or another (" + c.Open.Cause.Message + ")"
}

// subnetsOf lists the subnets that surely or possibly use an ACL.
func subnetsOf(n *ir.Network, a *ir.NetworkACL) []*ir.Subnet {
	var ss []*ir.Subnet
	for _, s := range n.Subnets {
		for _, of := range s.ACL.Of {
			if of == a {
				ss = append(ss, s)
			}
		}
	}
	return ss
}

// peerName says who the other end of a rule is.
func peerName(p ir.Peer) string {
	switch {
	case p.CIDR.IsValid():
		return p.CIDR.String()
	case p.Group != nil:
		return groupName(p.Group)
	case p.PrefixList != nil:
		return listName(p.PrefixList)
	case p.Unknown != nil:
		return "? (" + p.Unknown.Cause.Message + ")"
	}
	return "nobody"
}

// serviceName prints the protocol and ports of a match: tcp/443, icmp/8, all.
func serviceName(m ir.Match) string {
	switch {
	case !m.Protocol.Known():
		return "?"
	case !hasPorts(m.Protocol.V):
		return packet.ProtocolName(m.Protocol.V)
	case !m.Ports.Known():
		return packet.ProtocolName(m.Protocol.V) + "/?"
	}
	return portsName(m.Protocol.V, m.Ports.V)
}

// hasPorts reports whether ports, or type and code, narrow a protocol.
func hasPorts(protocol int16) bool {
	switch protocol {
	case packet.TCP, packet.UDP, packet.ICMP, packet.ICMPv6:
		return true
	}
	return false
}

func portsName(protocol int16, ports ir.Ports) string {
	name := packet.ProtocolName(protocol)
	switch {
	case !hasPorts(protocol):
		return name
	case protocol == packet.ICMP || protocol == packet.ICMPv6:
		t, c, ok := icmp(ports)
		switch {
		case !ok:
			return fmt.Sprintf("%s/%d-%d", name, ports.Lo, ports.Hi)
		case t < 0:
			return name
		case c < 0:
			return fmt.Sprintf("%s/%d", name, t)
		}
		return fmt.Sprintf("%s/%d/%d", name, t, c)
	case ports == ir.AllPorts:
		return name
	case ports.Lo == ports.Hi:
		return fmt.Sprintf("%s/%d", name, ports.Lo)
	}
	return fmt.Sprintf("%s/%d-%d", name, ports.Lo, ports.Hi)
}

// icmp is the inverse of ir.ICMPPorts: type and code, -1 for any. ok is false
// for an interval that no type and code stand for.
func icmp(p ir.Ports) (icmpType, code int, ok bool) {
	switch {
	case p == ir.AllPorts:
		return -1, -1, true
	case p.Lo == p.Hi:
		return int(p.Lo >> 8), int(p.Lo & 255), true
	case p.Lo>>8 == p.Hi>>8 && p.Lo&255 == 0 && p.Hi&255 == 255:
		return int(p.Lo >> 8), -1, true
	}
	return 0, 0, false
}

// lineOf is the place of a thing: file:line, or what made it.
func lineOf(o ir.Origin) string {
	if at := o.Range.Line(); at != "" {
		return at
	}
	if o.Implicit {
		return "(made by AWS)"
	}
	return o.Address
}

// marked adds to a text that the thing may not exist.
func marked(text string, maybe *ir.Unknown) string {
	if maybe == nil {
		return text
	}
	return strings.TrimSpace(text + " (0 or more: " + maybe.Cause.Message + ")")
}

// routeTarget names what a route points at.
func routeTarget(r ir.Route) string {
	name := choiceName(r.Target, targetName)
	switch {
	case !r.Blackhole.Known():
		return name + ", perhaps a blackhole"
	case r.Blackhole.V:
		return name + ", a blackhole"
	}
	return name
}

func targetName(t ir.Target) string {
	switch t.Kind {
	case ir.TargetLocal:
		return "local"
	case ir.TargetGateway:
		if t.Gateway != nil {
			return cmp.Or(t.Gateway.Origin.Address, t.Gateway.ID, t.Gateway.Name)
		}
	case ir.TargetPeering:
		if t.Peering != nil {
			return cmp.Or(t.Peering.Origin.Address, t.Peering.ID)
		}
	case ir.TargetTransitGateway:
		if t.TransitGateway != nil {
			return cmp.Or(t.TransitGateway.Origin.Address, t.TransitGateway.ID)
		}
	case ir.TargetInterface:
		if t.Interface != nil {
			return nicName(t.Interface)
		}
	case ir.TargetOther, ir.TargetInvalid:
	}
	return cmp.Or(t.ID, "?")
}
