package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// Advise says what to look at and what to change when a traced packet does not
// pass. It claims nothing that the concrete evaluator does not confirm.
func Advise(n *ir.Network, q trace.Query, r trace.Result) Advice {
	leg, reply := r.Forward, false
	if r.Forward.Verdict != r.Verdict {
		leg, reply = r.Reply, true
	}
	h, ok := Deciding(leg)
	if !ok || r.Verdict == trace.Allow {
		return Advice{}
	}
	a := Advice{Place: h.Place, Sentence: h.Message}
	if h.Verdict == trace.Unknown {
		if len(h.Because) > 0 && !h.Because[0].Cause.Range.IsZero() {
			c := h.Because[0].Cause
			a = Advice{Place: diag.Place{Address: c.Address, Range: c.Range}, Sentence: c.Message}
			if name, ok := strings.CutPrefix(c.Address, "var."); ok && c.Code == diag.NoValue {
				a.Fix = []string{"give it one: -var " + name + "=VALUE, or --var-file FILE"}
			}
			return a
		}
		return Advice{}
	}
	switch h.Stage {
	case trace.StageNACLEgress, trace.StageNACLIngress:
		a = adviseACL(n, q, h, reply)
	case trace.StageSGEgress, trace.StageSGIngress:
		a.Fix = groupFix(n, q, h)
	case trace.StageInvalid, trace.StageEndpoint, trace.StageRoute, trace.StageService, trace.StageGateway, trace.StagePeering,
		trace.StageTransitGateway, trace.StageBPA, trace.StageExempt, trace.StageLoadBalancer:
	}
	if a.Place.Range.IsZero() && len(a.Fix) == 0 && a.Why == "" {
		return Advice{}
	}
	return a
}

// adviseACL explains a drop by a network ACL. h.Header is the packet at it.
func adviseACL(n *ir.Network, q trace.Query, h trace.Hop, reply bool) Advice {
	a := Advice{Place: h.Place, Sentence: h.Message}
	egress := h.Stage == trace.StageNACLEgress
	acl := aclOfHop(n, h)
	if acl == nil {
		return a
	}
	if reply {
		a.Why = "ACLs keep no state: a reply is a packet of its own, to the client's port."
		if h.Header.Kind() == packet.Ported {
			a.Why += "\n" + clientPorts(acl, egress, h.Header)
		}
	}
	if h.Entry != nil {
		return a // somebody denies it on purpose; there is nothing to propose
	}
	var allows []ir.Entry
	for _, e := range inOrder(acl, egress) {
		if !e.Allow.Known() || e.Allow.V {
			allows = append(allows, e)
		}
	}
	way := "into"
	if egress {
		way = "out of"
	}
	switch len(allows) {
	case 0:
		a.Sentence = fmt.Sprintf("there is no way %s the subnet: no entry allows any", way)
	case 1:
		e := allows[0]
		a.Sentence = fmt.Sprintf("the only way %s the subnet is %s", way, serviceName(e.Match))
		if e.Peer.CIDR.IsValid() && e.Peer.CIDR.Bits() > 0 {
			a.Sentence += map[bool]string{true: " to ", false: " from "}[egress] + e.Peer.CIDR.String()
		}
		a.Place = diag.Place{Address: e.Origin.Address, Range: e.Origin.At(ir.FieldPorts)}
	default:
		a.Sentence = fmt.Sprintf("none of the %d entries that let packets %s the subnet takes this one", len(allows), way)
	}
	a.Fix = aclFix(n, q, acl, h, egress, reply)
	return a
}

// aclOfHop finds the ACL that a hop asked.
func aclOfHop(n *ir.Network, h trace.Hop) *ir.NetworkACL {
	name := owner(h)
	for _, a := range n.NetworkACLs {
		if name != "" && (a.Origin.Address == name || a.ID == name) {
			return a
		}
	}
	for _, s := range n.Subnets {
		if subnetName(s) == h.Component {
			if a, ok := s.ACL.Known(); ok {
				return a
			}
		}
	}
	return nil
}

// clientRange is the ports that a kind of client sends from.
type clientRange struct {
	who    string
	lo, hi uint16
}

// clientRanges are the ports of ordinary clients.
// [VPC vpc-network-acls.md; Linux ip-sysctl]
func clientRanges() []clientRange {
	return []clientRange{{"Linux", 32768, 60999}, {"Windows", 49152, 65535}, {"NAT, load balancers", 1024, 65535}}
}

// clientPorts says which client ports the ACL lets answers through to. It asks
// the evaluator once between every two ports at which an entry's answer may
// change, so it is exact for this ACL.
func clientPorts(acl *ir.NetworkACL, egress bool, h packet.Header) string {
	at := []int{0}
	for _, e := range acl.Entries {
		if e.Egress == egress && e.Ports.Known() {
			at = append(at, int(e.Ports.V.Lo), int(e.Ports.V.Hi)+1)
		}
	}
	for _, c := range clientRanges() {
		at = append(at, int(c.lo), int(c.hi)+1)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	var words []string
	total, passed, dropped := 0, 0, 0
	for _, c := range clientRanges() {
		words = append(words, fmt.Sprintf("%d-%d (%s)", c.lo, c.hi, c.who))
		for _, from := range at {
			if from < int(c.lo) || from > int(c.hi) {
				continue
			}
			h.DstPort = uint16(from)
			total++
			switch trace.ACL(acl, egress, h) {
			case trace.Allow:
				passed++
			case trace.Deny:
				dropped++
			case trace.Unknown, trace.VerdictInvalid:
			}
		}
	}
	all := words[0] + ", " + words[1] + " and " + words[2]
	switch total {
	case dropped:
		return "Of client ports " + all + ": none gets a reply"
	case passed:
		return "Client ports " + all + " do get a reply"
	}
	return "Of client ports " + all + ": only some get a reply"
}

// aclFix proposes the entry that is missing.
func aclFix(n *ir.Network, q trace.Query, acl *ir.NetworkACL, h trace.Hop, egress, reply bool) []string {
	number := freeNumber(acl, egress)
	if number == 0 || acl.Open != nil {
		return nil
	}
	peer, nic := h.Header.Src, q.From
	if egress {
		peer = h.Header.Dst
	}
	if egress != reply {
		nic = q.To
	}
	cidr, family := surroundings(n, nic, peer)
	protocol := packet.ProtocolName(int16(h.Header.Protocol))
	from, to := int(h.Header.DstPort), int(h.Header.DstPort)
	switch h.Header.Kind() {
	case packet.Ported:
		if reply {
			from, to = 1024, 65535
		}
	case packet.Typed, packet.Plain, packet.KindInvalid:
		from, to = 0, 0
	}
	lines := [][2]string{{"rule_no", fmt.Sprint(number)}, {"action", `"allow"`}, {"protocol", quote(protocol)}, {"from_port", fmt.Sprint(from)}, {"to_port", fmt.Sprint(to)}}
	if h.Header.Kind() == packet.Typed {
		lines = append(lines, [2]string{"icmp_type", fmt.Sprint(h.Header.Type())}, [2]string{"icmp_code", fmt.Sprint(h.Header.Code())})
	}
	lines = append(lines, [2]string{map[packet.Family]string{packet.IPv4: "cidr_block", packet.IPv6: "ipv6_cidr_block"}[family], quote(cidr)})
	name := aclName(acl)
	switch {
	case acl.Origin.Address == "" || !strings.Contains(acl.Origin.Address, "."):
		direction := map[bool]string{false: "inbound", true: "outbound"}[egress]
		return []string{fmt.Sprintf("add an %s entry to %s: number %d, allow %s", direction, name, number, service(protocol, from, to)+" "+cidr)}
	case inline(acl):
		return append([]string{"add to " + name + ":"}, block("  ", map[bool]string{false: "ingress", true: "egress"}[egress], lines)...)
	}
	lines[0][0], lines[1][0] = "rule_number", "rule_action"
	lines = append([][2]string{{"network_acl_id", name + ".id"}, {"egress", fmt.Sprint(egress)}}, lines...)
	return append([]string{"add:"}, block("", `resource "aws_network_acl_rule" "replies"`, lines)...)
}

func service(protocol string, from, to int) string {
	if from == to {
		return fmt.Sprintf("%s/%d", protocol, from)
	}
	return fmt.Sprintf("%s/%d-%d", protocol, from, to)
}

// freeNumber returns a number after all entries of a direction, or 0.
func freeNumber(acl *ir.NetworkACL, egress bool) int {
	last := 90
	for _, e := range acl.Entries {
		if e.Egress != egress {
			continue
		}
		if !e.Number.Known() {
			return 0
		}
		if e.Number.V <= 32766 {
			last = max(last, int(e.Number.V))
		}
	}
	if last+10 > 32766 {
		return 0
	}
	return last + 10
}

// inline reports whether entries of an ACL are written inside it.
func inline(acl *ir.NetworkACL) bool {
	return len(acl.Entries) == 0 || slices.ContainsFunc(acl.Entries, func(e ir.Entry) bool {
		return strings.HasPrefix(e.Origin.Address, acl.Origin.Address)
	})
}

// surroundings is the CIDR to name for an address: its interface's subnet, or
// the address alone.
func surroundings(n *ir.Network, nic *ir.Interface, a netip.Addr) (string, packet.Family) {
	family := packet.FamilyOf(a)
	if nic != nil {
		if s, ok := nic.Subnet.Known(); ok {
			if c := cidrWith(s, a); c.IsValid() {
				return c.String(), family
			}
		}
	}
	// A load balancer or a NAT gateway on the way has it, if it is in a subnet at
	// all; where VPCs overlap it may be in several.
	var found []netip.Prefix
	for _, s := range n.Subnets {
		if c := cidrWith(s, a); c.IsValid() {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0].String(), family
	}
	return netip.PrefixFrom(a, a.BitLen()).String(), family
}

// cidrWith is the subnet's CIDR that holds an address; the zero one when none
// does.
func cidrWith(s *ir.Subnet, a netip.Addr) netip.Prefix {
	for _, c := range []ir.Value[netip.Prefix]{s.IPv4, s.IPv6} {
		if c.Known() && c.V.IsValid() && c.V.Contains(a) {
			return c.V
		}
	}
	return netip.Prefix{}
}

// groupFix proposes the security group rule that is missing.
func groupFix(n *ir.Network, q trace.Query, h trace.Hop) []string {
	egress := h.Stage == trace.StageSGEgress
	nic, far, end := h.Interface, h.Far, q.From
	if egress {
		end = q.To
	}
	if nic == nil || len(nic.Groups.Sure) == 0 {
		return nil
	}
	g := nic.Groups.Sure[0]
	if g.Open != nil || !strings.Contains(g.Origin.Address, ".") {
		return nil
	}
	protocol := packet.ProtocolName(int16(h.Header.Protocol))
	from, to := int(h.Header.DstPort), int(h.Header.DstPort)
	switch h.Header.Kind() {
	case packet.Typed:
		from, to = int(h.Header.Type()), int(h.Header.Code())
	case packet.Plain, packet.KindInvalid:
		from, to = 0, 0
	case packet.Ported:
	}
	lines := [][2]string{{"from_port", fmt.Sprint(from)}, {"to_port", fmt.Sprint(to)}, {"protocol", quote(protocol)}}
	peer := h.Header.Src
	if egress {
		peer = h.Header.Dst
	}
	if far != nil && len(far.Groups.Sure) > 0 && sameModule(far.Groups.Sure[0], g) && far.Groups.Sure[0] != g {
		lines = append(lines, [2]string{"security_groups", "[" + localName(far.Groups.Sure[0].Origin.Address) + ".id]"})
	} else {
		cidr, family := surroundings(n, end, peer)
		lines = append(lines, [2]string{map[packet.Family]string{packet.IPv4: "cidr_blocks", packet.IPv6: "ipv6_cidr_blocks"}[family], "[" + quote(cidr) + "]"})
	}
	return append([]string{"if it should pass, add to " + groupName(g) + ":"}, block("  ", map[bool]string{false: "ingress", true: "egress"}[egress], lines)...)
}

// sameModule reports whether one group's code can name the other, and AWS
// accepts that: they are in one VPC.
func sameModule(a, b *ir.SecurityGroup) bool {
	module := func(address string) string { return strings.TrimSuffix(address, localName(address)) }
	v, ok := a.VPCs.Known()
	w, also := b.VPCs.Known()
	return a.Origin.Address != "" && module(a.Origin.Address) == module(b.Origin.Address) && ok && also && v == w
}

// localName is an address as its own module writes it.
func localName(address string) string {
	if i := strings.LastIndex(address, "aws_security_group."); i >= 0 {
		return address[i:]
	}
	return cmp.Or(address, "?")
}

func quote(s string) string { return `"` + s + `"` }

// block writes a block of Terraform as lines to add.
func block(indent, head string, attributes [][2]string) []string {
	width := 0
	for _, a := range attributes {
		width = max(width, len(a[0]))
	}
	lines := []string{"+ " + indent + head + " {"}
	for _, a := range attributes {
		lines = append(lines, fmt.Sprintf("+ %s  %-*s = %s", indent, width, a[0], a[1]))
	}
	return append(lines, "+ "+indent+"}")
}
