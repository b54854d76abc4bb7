package trace

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Names of things, as people know them: the Terraform address, else the id.

func nameOf(o *ir.Origin, id, name, kind string) string {
	return cmp.Or(o.Address, id, name, kind)
}

func interfaceName(i *ir.Interface) string {
	return cmp.Or(i.Resource, nameOf(&i.Origin, i.ID, "", "an interface"))
}

func subnetName(s *ir.Subnet) string {
	if s == nil {
		return "a subnet that is not known"
	}
	return nameOf(&s.Origin, s.ID, s.Name, "a subnet")
}

// placeName is the subnet, or the gateway, that a packet stands at.
func placeName(at place) string {
	if at.edge != nil {
		return gatewayName(at.edge)
	}
	return subnetName(at.subnet)
}

func vpcName(v *ir.VPC) string {
	if v == nil {
		return "a VPC that is not known"
	}
	return nameOf(&v.Origin, v.ID, v.Name, "a VPC")
}

func gatewayName(g *ir.Gateway) string {
	if g == nil {
		return "the internet gateway"
	}
	return nameOf(&g.Origin, g.ID, g.Name, "a gateway")
}

func peeringName(p *ir.Peering) string {
	return nameOf(&p.Origin, p.ID, "", "a peering connection")
}

func transitName(g *ir.TransitGateway) string {
	return nameOf(&g.Origin, g.ID, "", "a transit gateway")
}

func attachmentName(a *ir.Attachment) string {
	return nameOf(&a.Origin, a.ID, "", "an attachment")
}

func nodeName(n *node) string {
	switch {
	case n.iface != nil:
		return interfaceName(n.iface)
	case n.nat != nil:
		return gatewayName(n.nat)
	default:
		return "outside"
	}
}

func nodePlace(n *node) diag.Place {
	switch {
	case n.iface != nil:
		return placeOf(&n.iface.Origin, ir.FieldPublic)
	case n.nat != nil:
		return n.nat.Origin.Place("")
	default:
		return diag.Place{}
	}
}

func endsName(q *Query) string {
	switch {
	case q.From != nil:
		return interfaceName(q.From)
	case q.To != nil:
		return interfaceName(q.To)
	default:
		return ""
	}
}

func targetName(t ir.Target) string {
	switch t.Kind {
	case ir.TargetLocal:
		return "local"
	case ir.TargetGateway:
		return gatewayName(t.Gateway)
	case ir.TargetPeering:
		return peeringName(t.Peering)
	case ir.TargetTransitGateway:
		return transitName(t.TransitGateway)
	case ir.TargetInterface:
		return interfaceName(t.Interface)
	case ir.TargetOther, ir.TargetInvalid:
	}
	return cmp.Or(t.ID, "a target that is not known")
}

// groupLabel is a group's name as rules show it: the name people gave it.
func groupLabel(g *ir.SecurityGroup) string {
	if g.Name != "" {
		return g.Name
	}
	a := g.Origin.Address
	if k := strings.LastIndexByte(a, '.'); k >= 0 && !strings.Contains(a[k:], "]") {
		return a[k+1:]
	}
	if g.Term != nil && a == "" && g.ID == "" {
		return cmp.Or(g.Term.Cause.Address, g.Term.Term)
	}
	return cmp.Or(a, g.ID, "of no name")
}

// peerText is the other end as a rule names it.
func peerText(p *ir.Peer) string {
	switch {
	case p.Unknown != nil:
		return "addresses that are not known"
	case p.Group != nil:
		return "group " + groupLabel(p.Group)
	case p.PrefixList != nil:
		return "prefix list " + nameOf(&p.PrefixList.Origin, p.PrefixList.ID, p.PrefixList.Name, "of no name")
	default:
		return p.CIDR.String()
	}
}

// serviceText is what a rule opens: "443", "8000-8100", "udp/53", "icmp/8",
// "all". TCP is the rule, and goes without saying.
func serviceText(m *ir.Match, family packet.Family) string {
	if !m.Protocol.Known() {
		return "a protocol that is not known"
	}
	name := packet.ProtocolName(m.Protocol.V)
	if m.Protocol.V < 0 {
		return name
	}
	kind := packet.KindOf(family, uint8(m.Protocol.V))
	switch {
	case kind == packet.Plain:
		return name
	case !m.Ports.Known():
		return name + ", ports that are not known"
	case m.Ports.V == ir.AllPorts:
		return name
	case kind == packet.Typed:
		return name + "/" + typeText(m.Ports.V)
	case m.Protocol.V == packet.TCP:
		return portText(m.Ports.V)
	default:
		return name + "/" + portText(m.Ports.V)
	}
}

func portText(p ir.Ports) string {
	if p.Lo == p.Hi {
		return fmt.Sprint(p.Lo)
	}
	return fmt.Sprintf("%d-%d", p.Lo, p.Hi)
}

func typeText(p ir.Ports) string {
	switch {
	case p.Lo == p.Hi:
		return fmt.Sprintf("%d/%d", p.Lo>>8, p.Lo&255)
	case p.Lo>>8 == p.Hi>>8:
		return fmt.Sprint(p.Lo >> 8)
	default:
		return fmt.Sprintf("%d-%d", p.Lo>>8, p.Hi>>8)
	}
}

// packetText is the service that a packet asks for, as HEADER words say it.
func packetText(s *segment) string {
	name := packet.ProtocolName(int16(s.protocol))
	switch s.kind {
	case packet.Ported:
		return fmt.Sprintf("%s/%d", name, s.dport)
	case packet.Typed:
		return fmt.Sprintf("%s/%d/%d", name, s.dport>>8, s.dport&255)
	case packet.Plain, packet.KindInvalid:
	}
	return name
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return "a public address that is not known"
	}
	return a.String()
}

func dstName(s *segment) string { return addressText(s.dst) }

func noPublicAddress(i *ir.Interface, a netip.Addr) string {
	for k := range i.Addresses {
		if p := &i.Addresses[k].Public; !p.Exists.Known() || p.Exists.V {
			return a.String() + " is no address of " + interfaceName(i)
		}
	}
	return interfaceName(i) + " has no public IPv4 address: the internet cannot reach it at " + a.String()
}

// Places and causes.

func placeOf(o *ir.Origin, f ir.Field) diag.Place {
	p := diag.Place{Address: o.Address, Range: o.At(f)}
	if o.Implicit {
		p.Message = "not in the configuration"
	}
	return p
}

func cmpPlace(p, otherwise diag.Place) diag.Place {
	if p == (diag.Place{}) {
		return otherwise
	}
	return p
}

func unknowns(us ...*ir.Unknown) []*ir.Unknown {
	var known []*ir.Unknown
	for _, u := range us {
		if u != nil {
			known = append(known, u)
		}
	}
	return known
}

func notModelled(o *ir.Origin, message string) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.NotModelled, Message: message, Address: o.Address, Range: o.Range}}
}

func indirect(p *diag.Place) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{
		Code: diag.NotModelled, Message: p.Address + " can bring internet traffic to private addresses", Address: p.Address, Range: p.Range,
	}}
}

func notSeen(v *ir.VPC) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{
		Code: diag.NotInInput, Message: "what is attached to " + vpcName(v) + " is not in the input", Address: v.Origin.Address, Range: v.Origin.Range,
	}}
}

func tooMany() *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.Limit, Message: "the ways between the two ends are too many to try"}}
}

// undecided stands in where AWS itself picks between ways that differ.
func undecided() *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{Code: diag.NotInInput, Message: "which of several ways AWS takes is not in the input"}}
}

func peerUnknowns(p *ir.Peer) []*ir.Unknown {
	var us []*ir.Unknown
	if p.PrefixList != nil {
		us = unknowns(p.PrefixList.Open)
	}
	if p.Group != nil {
		us = unknowns(p.Group.Term)
	}
	return append(us, unknowns(p.Unknown)...)
}
