package rules

import (
	"encoding/binary"
	"math"
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// Rules that refer to groups, without any interface.
//
// Who is a member of a group is not known, and must not matter: a rule covers
// another one only if it does so whoever carries which group. A sender in
// several groups is matched by more rules, never by fewer, so the senders that
// decide are those in one group or in none. A CIDR is therefore covered when
// CIDRs cover it, for those in none; and a reference to a group when CIDRs and
// the references to the same group do, for the addresses that members can have.

// sgList is one direction of a security group.
type sgList struct {
	group  *ir.SecurityGroup
	egress bool
	rules  []sgRule
	// in are the rules' matches by family, with the addresses of members in
	// place of groups. After them comes what nobody sends.
	in [len(packet.Families)]matches
}

// sgRule is a rule with the packets that it surely and possibly lets through,
// by index of the family.
type sgRule struct {
	rule      *ir.Rule
	must, may [len(packet.Families)][]solver.Box
	// size orders rules by how much they let through: the share of all
	// packets, summed over the families.
	size float64
}

func newSGList(g *ir.SecurityGroup, egress bool) *sgList {
	l := &sgList{group: g, egress: egress}
	rules := g.Rules(egress)
	homes := map[*ir.SecurityGroup][len(packet.Families)][]netipx.IPRange{}
	for k := range rules {
		ref := rules[k].Peer.Group
		if _, ok := homes[ref]; ok || ref == nil {
			continue
		}
		var of [len(packet.Families)][]netipx.IPRange
		for fi, f := range packet.Families {
			of[fi] = memberAddresses(ref, f)
		}
		homes[ref] = of
	}
	for k := range rules {
		r := sgRule{rule: &rules[k]}
		for fi, f := range packet.Families {
			members := func(ref *ir.SecurityGroup, _ reach.Bound) []netipx.IPRange { return homes[ref][fi] }
			v := reach.RequestView(egress)
			r.may[fi] = reach.Boxes(f, v, r.rule.Match, reach.Hi, members)
			if r.rule.Maybe == nil {
				r.must[fi] = reach.Boxes(f, v, r.rule.Match, reach.Lo, members)
			}
			for _, b := range r.may[fi] {
				r.size += l.share(f, b)
			}
			l.in[fi].add(withMembers(&r.rule.Match, homes[r.rule.Peer.Group][fi]), r.must[fi], r.may[fi], solver.Permit)
		}
		l.rules = append(l.rules, r)
	}
	for fi, f := range packet.Families {
		l.in[fi].family, l.in[fi].egress = f, egress
		nobody := everyPacket(f)
		nobody.Protocol = ir.Known(int16(foreignICMP(f).Lo))
		box := reach.Boxes(f, reach.RequestView(egress), *nobody, reach.Lo, nil)
		l.in[fi].add(nobody, box, box, solver.Permit)
	}
	return l
}

// withMembers returns a match with the addresses of members in place of a group.
func withMembers(m *ir.Match, members []netipx.IPRange) *ir.Match {
	if m.Peer.Group == nil {
		return m
	}
	out := *m
	list := &ir.PrefixList{}
	for _, r := range members {
		list.CIDRs = append(list.CIDRs, r.Prefixes()...)
	}
	out.Peer = ir.Peer{PrefixList: list}
	return &out
}

// memberAddresses returns every address that an interface carrying the group
// can have: those of the VPCs that the group may be in; all of a family when
// such a VPC, or its addresses, are not wholly known. A reference sees private
// addresses only. [VPC security-group-rules.md]
func memberAddresses(g *ir.SecurityGroup, f packet.Family) []netipx.IPRange {
	all := []netipx.IPRange{solver.Everything(f).Src}
	if g.VPCs.Open != nil || g.Term != nil || len(g.VPCs.Of) == 0 {
		return all
	}
	var set netipx.IPSetBuilder
	for _, vpcs := range [][]*ir.VPC{g.VPCs.Of, g.Associated} {
		for _, v := range vpcs {
			if v == nil || !v.Seen || v.More != nil {
				return all
			}
			cidrs := v.IPv4
			if f == packet.IPv6 {
				cidrs = v.IPv6
			}
			for _, c := range cidrs {
				if !c.Known() {
					return all
				}
				if packet.FamilyOfPrefix(c.V) == f {
					set.AddPrefix(c.V)
				}
			}
		}
	}
	addresses, err := set.IPSet()
	if err != nil {
		return all
	}
	return addresses.Ranges()
}

// share is the part of a family's packets that a box takes up, tags aside.
func (l *sgList) share(f packet.Family, b solver.Box) float64 {
	peer, bits := b.Src, 32.0
	if l.egress {
		peer = b.Dst
	}
	if f == packet.IPv6 {
		bits = 128
	}
	return float64(b.Protocol.Hi-b.Protocol.Lo+1) / 256 *
		(float64(b.DstPort.Hi-b.DstPort.Lo) + 1) / 65536 *
		addresses(peer) / math.Exp2(bits)
}

// addresses is the number of addresses of a range, as exactly as a float is.
func addresses(r netipx.IPRange) float64 {
	number := func(a netip.Addr) float64 {
		b := a.As16()
		return float64(binary.BigEndian.Uint64(b[:8]))*math.Exp2(64) + float64(binary.BigEndian.Uint64(b[8:]))
	}
	return number(r.To()) - number(r.From()) + 1
}

// empty reports whether a rule can match nothing at all.
func (r *sgRule) empty() bool {
	for _, boxes := range r.may {
		if len(boxes) > 0 {
			return false
		}
	}
	return true
}

// neverSent reports whether a rule matches only packets that nobody sends.
func (r *sgRule) neverSent() bool {
	for k, f := range packet.Families {
		for _, b := range r.may[k] {
			if b.Protocol != foreignICMP(f) {
				return false
			}
		}
	}
	return !r.empty()
}

// foreignICMP is the protocol that nobody sends in a family: ICMP belongs to
// IPv4 and ICMPv6 to IPv6.
func foreignICMP(f packet.Family) solver.Interval {
	if f == packet.IPv6 {
		return solver.Port(packet.ICMP)
	}
	return solver.Port(packet.ICMPv6)
}

// overlaps reports whether the sure part of a rule has a packet in common with
// the possible part of another.
func (r *sgRule) overlaps(o *sgRule) bool {
	for k := range r.must {
		for i := range r.must[k] {
			for j := range o.may[k] {
				if boxesMeet(&r.must[k][i], &o.may[k][j]) {
					return true
				}
			}
		}
	}
	return false
}

func boxesMeet(a, b *solver.Box) bool {
	return a.Protocol.Lo <= b.Protocol.Hi && b.Protocol.Lo <= a.Protocol.Hi &&
		a.DstPort.Lo <= b.DstPort.Hi && b.DstPort.Lo <= a.DstPort.Hi &&
		a.Src.Overlaps(b.Src) && a.Dst.Overlaps(b.Dst)
}
