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
// another one only if it does so whoever carries which group. Let the groups
// that one list of rules refers to have the numbers 1 to K, and give every
// packet a tag: 0 when its sender carries none of them, k when it carries
// exactly group k. Then a CIDR matches its addresses under every tag, and a
// reference to group k matches tag k with the addresses that members of k can
// have. Coverage over these tags is the same as coverage over every possible
// membership: a sender in several groups is matched by more rules, never by
// fewer, so the senders that decide are those in one group or in none.
//
// The tag is kept in the address that the list does not look at: an ingress
// rule never reads the destination, an egress rule never the source.

// sgList is one direction of a security group.
type sgList struct {
	group  *ir.SecurityGroup
	egress bool
	rules  []sgRule
	tags   map[*ir.SecurityGroup]uint32
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
	l := &sgList{group: g, egress: egress, tags: map[*ir.SecurityGroup]uint32{}}
	rules := g.Rules(egress)
	for k := range rules {
		if ref := rules[k].Peer.Group; ref != nil && l.tags[ref] == 0 {
			l.tags[ref] = uint32(len(l.tags)) + 1
		}
	}
	homes := map[*ir.SecurityGroup][len(packet.Families)][]netipx.IPRange{}
	for ref := range l.tags {
		for k, f := range packet.Families {
			h := homes[ref]
			h[k] = memberAddresses(ref, f)
			homes[ref] = h
		}
	}
	for k := range rules {
		r := sgRule{rule: &rules[k]}
		for fi, f := range packet.Families {
			members := func(ref *ir.SecurityGroup, _ reach.Bound) []netipx.IPRange { return homes[ref][fi] }
			r.may[fi] = l.boxes(f, r.rule, reach.Hi, members)
			if r.rule.Maybe == nil {
				r.must[fi] = l.boxes(f, r.rule, reach.Lo, members)
			}
			for _, b := range r.may[fi] {
				r.size += l.share(f, b)
			}
		}
		l.rules = append(l.rules, r)
	}
	return l
}

// boxes returns what a rule matches, tags included.
func (l *sgList) boxes(f packet.Family, r *ir.Rule, b reach.Bound, members reach.Members) []solver.Box {
	boxes := reach.Boxes(f, reach.RequestView(l.egress), r.Match, b, members)
	lo, hi := uint32(0), uint32(len(l.tags))
	if r.Peer.Group != nil {
		lo = l.tags[r.Peer.Group]
		hi = lo
	}
	tags := netipx.IPRangeFrom(tagAddress(f, lo), tagAddress(f, hi))
	for k := range boxes {
		if l.egress {
			boxes[k].Src = tags
		} else {
			boxes[k].Dst = tags
		}
	}
	return boxes
}

func tagAddress(f packet.Family, tag uint32) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint32(b[12:], tag)
	if f == packet.IPv4 {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.AddrFrom16(b)
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
