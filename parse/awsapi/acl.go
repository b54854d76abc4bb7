package awsapi

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// The numbers of the entries that end every ACL and that the model leaves
// implicit. [VPC amazon-vpc-limits.md]
const (
	lastEntry4 = 32767
	lastEntry6 = 32768
)

func (b *builder) buildACLs() {
	for _, o := range b.objects[recordACL] {
		t := tags(o)
		a := &ir.NetworkACL{
			ID: o.id, Name: t["Name"], Home: o.home, VPC: b.vpcOf(o), Default: o.get("IsDefault").yes(), Tags: t, Origin: o.origin(),
		}
		a.Origin.Fields = fields(at{ir.FieldSubnets, o.get("Associations")})
		a.Entries = b.entries(a, o.parts[0].value)
		for _, p := range o.parts[1:] {
			b.mergeEntries(a, b.entries(a, p.value), p.value)
		}
		if o.more > 0 {
			a.Open = b.tooMany(o)
		}
		b.acls.add(a.ID, a.Home, a)
		b.net.NetworkACLs = append(b.net.NetworkACLs, a)
	}
}

func (b *builder) entries(a *ir.NetworkACL, v value) []ir.Entry {
	list := v.get("Entries")
	if !list.isArray() {
		c := diag.Cause{Code: diag.NotInInput, Message: "its entries are not in the input", Address: a.ID, Range: v.place()}
		a.Open = &ir.Unknown{Term: "entries of " + a.ID, Cause: c}
	}
	var out []ir.Entry
	for e := range list.items() {
		if entry, ok := b.entry(a, e); ok {
			out = append(out, entry)
		}
	}
	return out
}

// entry reads one entry; ok is false for the implicit ones.
// [botocore ec2 NetworkAclEntry]
func (b *builder) entry(a *ir.NetworkACL, e value) (ir.Entry, bool) {
	number, action, v4, v6 := e.get("RuleNumber"), e.get("RuleAction"), e.get("CidrBlock"), e.get("Ipv6CidrBlock")
	n, ok := number.int()
	egress := e.get("Egress").yes()
	address := a.ID + "/ingress/" + number.text()
	if egress {
		address = a.ID + "/egress/" + number.text()
	}
	if ok && implicitEntry(n, e) {
		return ir.Entry{}, false
	}
	entry := ir.Entry{Egress: egress, Number: ir.Known(uint16(0))}
	if !ok || n < 1 || n > 65535 {
		entry.Number = ir.NotKnown[uint16](b.invalid(valueOf(number, e), address, number.text()+" is no rule number", "where the entry stands in the list is unknown", "rule numbers are 1 to 32766"))
	} else {
		entry.Number.V = uint16(n)
	}
	switch strings.ToLower(action.peek()) {
	case "allow":
		entry.Allow = ir.Known(true)
	case "deny":
		entry.Allow = ir.Known(false)
	default:
		entry.Allow = ir.NotKnown[bool](b.invalid(valueOf(action, e), address, strconv.Quote(action.text())+" is neither allow nor deny", "what the entry does is unknown", ""))
	}
	family, peer := packet.IPv4, v4
	switch {
	case v4.str() != "" && v6.str() != "":
		entry.Peer = ir.Peer{Unknown: b.invalid(v6, address, "an IPv4 and an IPv6 CIDR in one entry", "whom the entry is for is unknown", "")}
	case v6.str() != "":
		family, peer = packet.IPv6, v6
		entry.Peer = b.cidr(v6, packet.IPv6, address)
	case v4.ok():
		entry.Peer = b.cidr(v4, packet.IPv4, address)
	default:
		peer = e
		entry.Peer = ir.Peer{Unknown: b.invalid(e, address, "an entry without a CIDR", "whom the entry is for is unknown", "")}
	}
	protocol, ports, icmp := e.get("Protocol"), e.get("PortRange"), e.get("IcmpTypeCode")
	entry.Protocol = b.protocol(protocol, e, address)
	entry.Ports = b.entryPorts(entry.Protocol, family, ports, icmp, e, address)
	where := ports
	if !where.ok() {
		where = icmp
	}
	entry.Origin = ir.Origin{
		Address: address, Range: valueOf(action, e).place(), Block: e.place(),
		Fields: fields(at{ir.FieldPeer, peer}, at{ir.FieldProtocol, protocol}, at{ir.FieldPorts, where}, at{ir.FieldNumber, number}, at{ir.FieldAction, action}),
	}
	return entry, true
}

// implicitEntry recognises the two entries that end every ACL.
func implicitEntry(n int, e value) bool {
	return (n == lastEntry4 || n == lastEntry6) && strings.EqualFold(e.get("RuleAction").peek(), "deny")
}

// entryPorts reads the ports of an entry. ICMPv6 in an entry for IPv4 means all
// types; an ICMP entry without a type and code is for all.
// [botocore ec2 CreateNetworkAclEntryRequest]
func (b *builder) entryPorts(p ir.Value[int16], f packet.Family, ports, icmp, block value, address string) ir.Value[ir.Ports] {
	switch {
	case !p.Known():
		return ir.Known(ir.AllPorts)
	case p.V == packet.TCP || p.V == packet.UDP:
		return b.portRange(ports.get("From"), ports.get("To"), block, address)
	case p.V == packet.ICMP || p.V == packet.ICMPv6 && f == packet.IPv6:
		if !icmp.ok() {
			b.noteOnce("icmp "+address, diag.Diagnostic{
				Message: address + " is for ICMP and has no type", Label: "taken as all types", Address: address, Range: block.place(),
			})
		}
		return b.typeCode(icmp.get("Type"), icmp.get("Code"), address)
	}
	return ir.Known(ir.AllPorts)
}

// mergeEntries joins a second description of an ACL.
func (b *builder) mergeEntries(a *ir.NetworkACL, more []ir.Entry, v value) {
	key := func(e ir.Entry) string {
		return fmt.Sprintf("%d %t %t %s", e.Number.V, e.Number.Known(), e.Allow.V, ruleKey(e.Match, e.Egress))
	}
	maybe := func(e ir.Entry) ir.Entry {
		e.Maybe = &ir.Unknown{Term: e.Origin.Address + " at " + e.Origin.Range.String(), Cause: diag.Cause{
			Code: diag.NotInInput, Message: "the two descriptions of " + a.ID + " differ", Address: a.ID, Range: e.Origin.Range,
		}}
		return e
	}
	theirs, mine := map[string]bool{}, map[string]bool{}
	for _, e := range more {
		theirs[key(e)] = true
	}
	same := true
	for i, e := range a.Entries {
		mine[key(e)] = true
		if !theirs[key(e)] {
			a.Entries[i], same = maybe(e), false
		}
	}
	for _, e := range more {
		if !mine[key(e)] {
			a.Entries, same = append(a.Entries, maybe(e)), false
		}
	}
	if !same {
		b.note(diag.Diagnostic{
			Message: a.ID + " is described twice, with different entries", Label: "not what " + a.Origin.Range.Line() + " says", Address: a.ID, Range: v.place(),
			Fix: "give exports of one point in time", Note: "entries that only one of them has are unknown",
		})
	}
}

// aclAssociations finds the ACL of each subnet that one names. Associations
// belong to the ACL they stand in, whatever id they repeat.
func (b *builder) aclAssociations() map[*ir.Subnet]*ir.NetworkACL {
	out := map[*ir.Subnet]*ir.NetworkACL{}
	for _, o := range b.objects[recordACL] {
		a, _ := b.acls.find(o.id, o.home)
		vpc := o.get("VpcId")
		for s := range o.get("Associations").items() {
			ref := s.get("SubnetId")
			if ref.str() == "" {
				continue
			}
			subnet := b.subnet(ref, vpc, o.home)
			if other, ok := out[subnet]; ok && other != a {
				b.net.Problems = append(b.net.Problems, diag.Diagnostic{
					Rule: "nacl-subnet-conflict", Message: subnet.ID + " is in two network ACLs, " + other.ID + " and " + a.ID, Label: "the first one counts",
					Fix: "give exports of one point in time", Address: a.ID, Range: ref.place(),
				})
				continue
			}
			out[subnet] = a
		}
	}
	return out
}
