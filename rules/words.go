package rules

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// matchWords says what a rule or entry matches: "tcp/1024-65535 from
// 0.0.0.0/0", "everything to ::/0", "icmp/8 from 10.0.0.0/8".
func matchWords(m *ir.Match, egress bool) string {
	way := "from"
	if egress {
		way = "to"
	}
	return serviceWords(m) + " " + way + " " + peerWords(&m.Peer)
}

// serviceWords says which protocol and ports a match takes: "tcp/443", "tcp",
// "icmp/3/4", "everything".
func serviceWords(m *ir.Match) string {
	switch {
	case !m.Protocol.Known():
		return "an unknown protocol"
	case m.Protocol.V == -1:
		return "everything"
	}
	name := packet.ProtocolName(m.Protocol.V)
	if m.Protocol.V < 0 || m.Protocol.V > 255 {
		return name
	}
	kind := packet.KindOf(matchFamily(m), uint8(m.Protocol.V))
	switch {
	case kind != packet.Ported && kind != packet.Typed:
		return name
	case !m.Ports.Known():
		return name + "/?"
	case m.Ports.V == ir.AllPorts:
		return name
	case kind == packet.Ported:
		return name + "/" + portWords(m.Ports.V)
	}
	lo, hi := m.Ports.V.Lo, m.Ports.V.Hi
	switch {
	case lo == hi:
		return fmt.Sprintf("%s/%d/%d", name, lo>>8, lo&255)
	case lo>>8 == hi>>8 && lo&255 == 0 && hi&255 == 255:
		return fmt.Sprintf("%s/%d", name, lo>>8)
	}
	return fmt.Sprintf("%s/%d/%d-%d/%d", name, lo>>8, lo&255, hi>>8, hi&255)
}

func portWords(p ir.Ports) string {
	if p.Lo == p.Hi {
		return fmt.Sprint(p.Lo)
	}
	return fmt.Sprintf("%d-%d", p.Lo, p.Hi)
}

// matchFamily is the family of the addresses that a match's peer can hold. For
// peers of both families it is the one in which the protocol has ports or
// types, so that these are named.
func matchFamily(m *ir.Match) packet.Family {
	p := &m.Peer
	switch {
	case p.CIDR.IsValid():
		return packet.FamilyOfPrefix(p.CIDR)
	case p.PrefixList != nil && p.PrefixList.Family != packet.FamilyInvalid:
		return p.PrefixList.Family
	case p.Unknown != nil && p.Family != packet.FamilyInvalid:
		return p.Family
	case m.Protocol.Known() && m.Protocol.V == packet.ICMPv6:
		return packet.IPv6
	}
	return packet.IPv4
}

func peerWords(p *ir.Peer) string {
	switch {
	case p.CIDR.IsValid():
		return p.CIDR.String()
	case p.Group != nil:
		return groupName(p.Group)
	case p.PrefixList != nil:
		return firstOf(p.PrefixList.Origin.Address, p.PrefixList.ID, p.PrefixList.Name, "a prefix list")
	case p.Unknown != nil:
		return firstOf(p.Unknown.Cause.Address, p.Unknown.Term, "an unknown peer")
	}
	return "nobody"
}

func groupName(g *ir.SecurityGroup) string {
	return firstOf(g.Origin.Address, g.ID, g.Name, "a group without a name")
}

func aclName(a *ir.NetworkACL) string {
	return firstOf(a.Origin.Address, a.ID, a.Name, "a network ACL")
}

func subnetName(s *ir.Subnet) string {
	return firstOf(s.Origin.Address, s.ID, s.Name, "a subnet")
}

func vpcName(v *ir.VPC) string {
	return firstOf(v.Origin.Address, v.ID, v.Name, "a VPC")
}

func interfaceName(i *ir.Interface) string {
	return firstOf(i.Resource, i.Origin.Address, i.ID, "an interface")
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

func direction(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

// listWords joins names as a sentence does, "a, b and c"; beyond most of them
// it gives their number: "a, b and 7 more".
func listWords(names []string, most int) string {
	switch {
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return names[0]
	case len(names) > most+1:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// count says how many: "1 rule", "12 rules".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// at names the place of something in passing: " (groups.tf:16)", or nothing
// when it has none.
func at(r diag.Range) string {
	if r.IsZero() {
		return ""
	}
	return " (" + r.Line() + ")"
}

// homeOf returns the account, Region and VPC to show with a finding.
func homeOf(f *diag.Finding, h ir.Home, vpcs ir.Choice[*ir.VPC]) {
	f.Account, f.Region = h.Account, h.Region
	if v, ok := vpcs.Known(); ok && v != nil {
		f.VPC = vpcName(v)
	}
}
