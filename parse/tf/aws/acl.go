package aws

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// firstReserved is the first entry number that AWS keeps to itself.
const firstReserved = 32767

func (v view) newACL() *ir.NetworkACL {
	return &ir.NetworkACL{
		ID: v.id(), Name: v.tags()["Name"], Home: v.home(), Tags: v.tags(),
		Origin: v.origin(v.at(), v.fields(map[string]ir.Field{"subnet_ids": ir.FieldSubnets})),
	}
}

func makeACL(v view) {
	o := v.newACL()
	register(v, v.b.acls, o, "id")
	v.b.net.NetworkACLs = append(v.b.net.NetworkACLs, o)
}

// makeDefaultACL adopts the default ACL of a VPC: every entry is removed first.
// [TP vpc_default_network_acl.go]
func makeDefaultACL(v view) {
	o := v.newACL()
	o.Default = true
	vpc, key := v.adoptedVPC("default_network_acl_id")
	o.VPC = vpc
	register(v, v.b.acls, o, "id")
	if key != "" && v.b.acls[key] == nil {
		v.b.acls[key] = o
	}
	for _, x := range vpc.Of {
		if d := v.b.defaultsOf(x); d.acl == nil {
			d.acl = o
		}
	}
	v.b.net.NetworkACLs = append(v.b.net.NetworkACLs, o)
}

func linkACL(v view) {
	o := v.b.acls[tf.Symbol(v.in.Address, "id")]
	if !o.Default {
		o.VPC = v.vpcChoice("vpc_id")
	}
	subnets, _ := v.list("subnet_ids")
	for _, e := range subnets {
		v.b.aclOf.add(v, e, o)
	}
	var left []bool
	for _, egress := range []bool{false, true} {
		blocks, set := v.nested(direction(egress))
		if !set {
			left = append(left, egress)
		}
		seen := map[string]bool{}
		for _, n := range blocks {
			e, ok := n.inlineEntry(egress)
			if k := entryKey(e); ok && (k == "" || !seen[k]) {
				seen[k] = true
				o.Entries = append(o.Entries, e)
			}
		}
	}
	// On the default ACL a direction that is left out has no entries even
	// when the ACL was there before.
	if v.in.Existing && !o.Default {
		v.unmanagedEntries(o, left)
	}
}

func (v view) unmanagedEntries(o *ir.NetworkACL, left []bool) {
	if len(left) == 2 {
		o.Open = notInInput(v.in.Address, "entries", v.at())
		return
	}
	for _, egress := range left {
		why := notInInput(v.in.Address, direction(egress)+" entries", v.at())
		e := unknownEntry(why, egress, ir.Origin{Address: v.in.Address, Range: v.at(), Block: v.blk.Range, Implicit: true})
		o.Entries = append(o.Entries, e)
	}
}

// unknownEntry stands for entries of which nothing is known.
func unknownEntry(why *ir.Unknown, egress bool, origin ir.Origin) ir.Entry {
	return ir.Entry{
		Match: ir.Match{
			Protocol: ir.NotKnown[int16](part(why, "protocol")),
			Ports:    ir.Value[ir.Ports]{V: ir.AllPorts, Why: part(why, "ports")},
			Peer:     ir.Peer{Unknown: part(why, "cidr_block")},
		},
		Egress: egress, Number: ir.NotKnown[uint16](part(why, "rule_no")), Allow: ir.NotKnown[bool](part(why, "action")),
		Maybe: why, Origin: origin,
	}
}

// entryKey is equal for inline entries that are one element of the provider's
// set; empty when a part is not known.
func entryKey(e ir.Entry) string {
	if e.Maybe != nil || !e.Protocol.Known() || !e.Ports.Known() || e.Peer.Unknown != nil || !e.Number.Known() || !e.Allow.Known() {
		return ""
	}
	return fmt.Sprintf("%d %v %v %v %v", e.Protocol.V, e.Ports.V, e.Peer.CIDR, e.Number.V, e.Allow.V)
}

// entryFields are the places of an entry's attributes. The ICMP type and code
// are what counts as ports where the protocol has them.
func (v view) entryFields(number, action string, protocol ir.Value[int16]) map[ir.Field]diag.Range {
	lo, hi := "from_port", "to_port"
	if protocol.Known() && (protocol.V == packet.ICMP || protocol.V == packet.ICMPv6) && v.has("icmp_type") {
		lo, hi = "icmp_type", "icmp_code"
	}
	fields := v.fields(map[string]ir.Field{
		number: ir.FieldNumber, action: ir.FieldAction, "protocol": ir.FieldProtocol, lo: ir.FieldPorts, hi: ir.FieldToPort,
	})
	for _, attr := range []string{"ipv6_cidr_block", "cidr_block"} {
		for _, e := range v.single(attr) {
			fields[ir.FieldPeer] = e.at
		}
	}
	return fields
}

// inlineEntry reads a block of aws_network_acl; ok is false when the provider
// refuses it so that there is no entry.
func (v view) inlineEntry(egress bool) (ir.Entry, bool) {
	if v.blk.Maybe != nil && len(v.blk.Attrs) == 0 {
		return unknownEntry(v.blk.Maybe, egress, v.origin(v.blk.Range, nil)), true
	}
	return v.entry("rule_no", "action", egress, true)
}

// entry reads an entry from the attributes that both styles share.
func (v view) entry(number, action string, egress, inline bool) (ir.Entry, bool) {
	protocol, ok := v.aclProtocol()
	if !ok {
		return ir.Entry{}, false
	}
	e := ir.Entry{
		Egress: egress, Number: v.entryNumber(number), Allow: v.entryAction(action, inline), Maybe: v.maybe(),
		Origin: v.origin(v.at(action), v.entryFields(number, action, protocol)),
	}
	e.Protocol = protocol
	bits := hostBitsMasked
	if inline {
		bits = hostBitsRefused
	}
	e.Peer = v.entryPeer(bits)
	e.Ports = v.entryPorts(e, inline)
	return e, true
}

func (v view) entryNumber(attr string) ir.Value[uint16] {
	n, set := v.integer(attr)
	switch {
	case !set:
		return ir.NotKnown[uint16](v.invalid(v.at(attr), attr+" is required", "write a number from 1 to 32766"))
	case !n.Known():
		return ir.NotKnown[uint16](n.Why)
	case n.V < 1 || n.V >= firstReserved:
		return ir.NotKnown[uint16](v.invalid(v.at(attr), "entry numbers go from 1 to 32766", "choose another number"))
	}
	return ir.Known(uint16(n.V))
}

// entryAction reads allow or deny; only inline blocks ignore case.
func (v view) entryAction(attr string, inline bool) ir.Value[bool] {
	s, set := v.str(attr)
	switch {
	case !set:
		return ir.NotKnown[bool](v.invalid(v.at(attr), attr+" is required", "write allow or deny"))
	case !s.Known():
		return ir.NotKnown[bool](s.Why)
	}
	word := s.V
	if inline {
		word = strings.ToLower(word)
	}
	switch word {
	case "allow":
		return ir.Known(true)
	case "deny":
		return ir.Known(false)
	}
	return ir.NotKnown[bool](v.invalid(v.at(attr), attr+" must be allow or deny", `write "allow" or "deny"`))
}

// entryPeer reads the CIDR of an entry: exactly one of the two families. An
// unknown one beside a known one must be null.
func (v view) entryPeer(bits hostBits) ir.Peer {
	v4, v6 := v.single("cidr_block"), v.single("ipv6_cidr_block")
	switch {
	case len(v4) == 0 && len(v6) == 0:
		return ir.Peer{Unknown: v.invalid(v.at(), "this entry has no CIDR", "add cidr_block or ipv6_cidr_block")}
	case known(v4) && known(v6):
		return ir.Peer{Unknown: v.invalid(v.at("ipv6_cidr_block"), "this entry has CIDRs of both families", "make an entry of its own for each")}
	case known(v4), len(v6) == 0:
		return v.entryCIDR(v4[0], packet.IPv4, bits)
	case known(v6), len(v4) == 0:
		return v.entryCIDR(v6[0], packet.IPv6, bits)
	}
	return ir.Peer{Unknown: v4[0].why}
}

func (v view) entryCIDR(e elem, f packet.Family, bits hostBits) ir.Peer {
	p := v.cidr(e, f, bits)
	if !p.Known() {
		return ir.Peer{Unknown: p.Why, Family: f}
	}
	return ir.Peer{CIDR: p.V}
}

// entryPorts reads what applies to the entry's protocol: ports, or an ICMP type
// and code. What is left out is sent as 0. [TP vpc_network_acl.go,
// vpc_network_acl_rule.go]
func (v view) entryPorts(e ir.Entry, inline bool) ir.Value[ir.Ports] {
	from, fromSet := v.integer("from_port")
	to, toSet := v.integer("to_port")
	ends := portEnds{from, to, fromSet, toSet}
	switch p := e.Protocol; {
	case !p.Known():
		return v.interval(ends, portsMayBeAnything)
	case p.V == packet.TCP || p.V == packet.UDP:
		if !inline {
			ends = v.zeroEnds(ends)
		}
		return v.interval(ends, portsOfACL)
	case p.V == -1:
		if inline && ends.known() && (from.V != 0 || to.V != 0) {
			v.invalid(v.at("from_port", "to_port"), "from_port and to_port must both be 0 with protocol -1: the apply fails", "write 0 for both")
		}
		return ir.Known(ir.AllPorts)
	case p.V == packet.ICMP && e.Peer.CIDR.IsValid() && e.Peer.CIDR.Addr().Is6(), p.V == packet.ICMPv6 && e.Peer.CIDR.IsValid() && e.Peer.CIDR.Addr().Is4():
		// ICMP of the other family has no types: the entry matches all of it.
		return ir.Known(ir.AllPorts)
	case p.V == packet.ICMP || p.V == packet.ICMPv6:
		return v.entryType()
	}
	return ir.Known(ir.AllPorts)
}

// zeroEnds fills in the ports that a rule resource sends when none are written.
func (v view) zeroEnds(e portEnds) portEnds {
	if !e.fromSet && !e.toSet {
		v.problem(rulePortZero, v.at("protocol"), "without from_port and to_port this entry is for port 0 only", "write from_port and to_port")
	}
	e.fromSet, e.toSet = true, true
	return e
}

func (v view) entryType() ir.Value[ir.Ports] {
	typ, typSet := v.integer("icmp_type")
	code, _ := v.integer("icmp_code")
	if !typSet {
		v.problem(ruleICMPZero, v.at("protocol"), "without icmp_type this entry matches type 0 code 0 only: echo replies",
			"write icmp_type and icmp_code, -1 for any")
	}
	wide := ir.Value[ir.Ports]{V: ir.AllPorts}
	for _, x := range []struct {
		val  ir.Value[int]
		attr string
	}{{typ, "icmp_type"}, {code, "icmp_code"}} {
		if x.val.Known() && (x.val.V < -1 || x.val.V > 255) {
			wide.Why = v.invalid(v.at(x.attr), x.attr+" must be from -1 to 255", "write -1 for any")
			return wide
		}
	}
	switch {
	case !typ.Known():
		wide.Why = typ.Why
		return wide
	case !code.Known():
		return ir.Value[ir.Ports]{V: ir.ICMPPorts(typ.V, -1), Why: code.Why}
	}
	return ir.Known(ir.ICMPPorts(typ.V, code.V))
}

func linkACLRule(v view) {
	es := v.single("network_acl_id")
	if len(es) == 0 {
		v.invalid(v.at(), "network_acl_id is required", "name the ACL that the entry belongs to")
		return
	}
	o := v.b.acl(v, es[0])
	egress, _ := v.boolean("egress", false)
	e, ok := v.entry("rule_number", "rule_action", egress.V, false)
	if !ok {
		return
	}
	for _, other := range standIns(v, es[0], v.b.acls, v.b.net.NetworkACLs) {
		e := e
		e.Maybe, e.Origin.Aside = es[0].why, true
		v.addEntry(other, e, egress)
	}
	v.addEntry(o, e, egress)
}

// addEntry adds the entry of a rule resource to an ACL, to both directions when
// it is not known which it is for.
func (v view) addEntry(o *ir.NetworkACL, e ir.Entry, egress ir.Value[bool]) {
	if u := v.b.maybe[o]; u != nil && e.Maybe == nil {
		e.Maybe = u
	}
	if i := v.b.repeatedEntry(o, e); i >= 0 {
		o.Entries[i].Origin = e.Origin
		return
	}
	if egress.Known() {
		o.Entries = append(o.Entries, e)
		return
	}
	for _, out := range []bool{false, true} {
		e.Egress, e.Maybe = out, egress.Why
		o.Entries = append(o.Entries, e)
	}
}

// repeatedEntry finds the entry that a state shows both in its ACL and as a
// resource of its own.
func (b *builder) repeatedEntry(o *ir.NetworkACL, e ir.Entry) int {
	if !b.existing[o] || e.Maybe != nil {
		return -1
	}
	for i, x := range o.Entries {
		same := x.Match == e.Match && x.Egress == e.Egress && x.Number == e.Number && x.Allow == e.Allow
		if same && x.Maybe == nil && x.Origin.Address == o.Origin.Address {
			return i
		}
	}
	return -1
}

func linkACLAssociation(v view) {
	acls, subnets := v.single("network_acl_id"), v.single("subnet_id")
	if len(acls) == 0 || len(subnets) == 0 {
		v.invalid(v.at(), "network_acl_id and subnet_id are required", "name both")
		return
	}
	v.b.aclOf.add(v, subnets[0], v.b.acl(v, acls[0]))
}

// finishACLs finds entries that share a number: AWS has one of them.
func (b *builder) finishACLs() {
	for _, o := range b.net.NetworkACLs {
		b.reportMixed(o, o.Origin.Address, len(o.Entries), func(i int) ir.Origin { return o.Entries[i].Origin })
		type slot struct {
			egress bool
			number uint16
		}
		first := map[slot]int{}
		for i := range o.Entries {
			e := &o.Entries[i]
			if !e.Number.Known() || e.Maybe != nil {
				continue
			}
			at := slot{e.Egress, e.Number.V}
			j, taken := first[at]
			if !taken {
				first[at] = i
				continue
			}
			b.numberClash(o, &o.Entries[j], e)
		}
	}
}

// reportMixed says when an object has its parts inside and beside it: every
// apply of the one removes the other.
func (b *builder) reportMixed(o any, address string, n int, origin func(int) ir.Origin) {
	inline, beside := false, ir.Origin{}
	for i := range n {
		switch x := origin(i); {
		case x.Implicit:
		case x.Address == address:
			inline = true
		case beside.Address == "":
			beside = x
		}
	}
	if !inline || beside.Address == "" || b.existing[o] {
		return
	}
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Message: fmt.Sprintf("%s has blocks of its own and %s beside them: every apply removes one or the other", address, beside.Address),
		Fix:     "write all of them in one style", Note: "both are taken to be live, which they are in turns", Address: beside.Address, Range: beside.Range,
	})
}

func (b *builder) numberClash(o *ir.NetworkACL, first, second *ir.Entry) {
	message := fmt.Sprintf("%s has two %s entries with number %d (the other: %s): AWS takes one of them",
		o.Origin.Address, direction(second.Egress), second.Number.V, first.Origin.At(ir.FieldNumber).Line())
	at := second.Origin.At(ir.FieldNumber)
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: ruleACLConflict, Message: message, Fix: "give each entry a number of its own", Address: second.Origin.Address, Range: at,
	})
	for _, e := range []*ir.Entry{first, second} {
		if e.Maybe != nil {
			continue
		}
		e.Maybe = &ir.Unknown{
			Term:  fmt.Sprintf("%s %s entry %d of %s at %s", o.Origin.Address, direction(e.Egress), e.Number.V, e.Origin.Address, e.Origin.At(ir.FieldNumber)),
			Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: e.Origin.Address, Range: at},
		}
	}
}
