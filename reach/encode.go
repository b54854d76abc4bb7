package reach

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// View says how a filter looks at a flow. Every set in this package is stated
// in headers as the initiator sends them; a filter that judges the reply reads
// the same header with its ends swapped.
type View struct {
	Peer  packet.Field // the address that the filter's CIDRs match
	Reply bool         // judges the reply
}

// The four views: an ingress filter reads the source of the packet that it
// judges, an egress filter the destination.
var (
	requestIn  = View{Peer: packet.FieldSrc}
	requestOut = View{Peer: packet.FieldDst}
	replyIn    = View{Peer: packet.FieldDst, Reply: true}
	replyOut   = View{Peer: packet.FieldSrc, Reply: true}
)

func viewOf(egress, reply bool) View {
	switch {
	case !egress && !reply:
		return requestIn
	case egress && !reply:
		return requestOut
	case !egress:
		return replyIn
	default:
		return replyOut
	}
}

// answers maps the ICMP types that are answered to the types of their
// answers, by family. Every other type needs no reply.
var answers = map[packet.Family][][2]uint8{
	packet.IPv4: {{8, 0}, {13, 14}, {15, 16}, {17, 18}},
	packet.IPv6: {{128, 129}},
}

// noReply is the set of headers that need no reply: ICMP types that nobody
// answers.
func noReply(s *solver.Space) solver.Set {
	f := s.Family()
	b := solver.Everything(f)
	b.Protocol = protocol(packet.ICMP)
	if f == packet.IPv6 {
		b.Protocol = protocol(packet.ICMPv6)
	}
	typed := s.Of(b)
	for _, a := range answers[f] {
		b.DstPort = solver.Interval{Lo: packet.TypeCode(a[0], 0), Hi: packet.TypeCode(a[0], 255)}
		typed = s.Difference(typed, s.Of(b))
	}
	return typed
}

func protocol(p uint8) solver.Interval { return solver.Interval{Lo: uint16(p), Hi: uint16(p)} }

// Bound chooses which side of what is unknown a set is compiled for.
type Bound uint8

// The bounds; see Band.
const (
	Lo Bound = iota
	Ground
	Hi
)

// Members tells which addresses a reference to a group stands for, as one
// bound sees it.
type Members func(g *ir.SecurityGroup, b Bound) []netipx.IPRange

// Boxes returns the headers that a match covers, as boxes of the given family.
// A match of which anything is unknown covers nothing for Lo, everything that
// it may for Hi. For Ground it covers nothing when its peer is wholly unknown.
func Boxes(f packet.Family, v View, m ir.Match, b Bound, members Members) []solver.Box {
	if b == Lo && !(m.Protocol.Known() && m.Ports.Known()) {
		return nil
	}
	peers := Peers(f, m.Peer, b, members)
	if len(peers) == 0 {
		return nil
	}
	var boxes []solver.Box
	for _, svc := range services(f, v, m) {
		for _, p := range peers {
			box := svc
			if v.Peer == packet.FieldSrc {
				box.Src = p
			} else {
				box.Dst = p
			}
			boxes = append(boxes, box)
		}
	}
	return boxes
}

// services returns the protocol and port part of a match: unknown protocols
// are all of them, unknown ports their widest interval.
func services(f packet.Family, v View, m ir.Match) []solver.Box {
	box := solver.Everything(f)
	if !m.Protocol.Known() || m.Protocol.V == -1 {
		return []solver.Box{box}
	}
	if m.Protocol.V < 0 || m.Protocol.V > 255 {
		return nil
	}
	p := uint8(m.Protocol.V)
	box.Protocol = protocol(p)
	ports := solver.Interval{Lo: m.Ports.V.Lo, Hi: m.Ports.V.Hi}
	switch packet.KindOf(f, p) {
	case packet.Plain:
		return []solver.Box{box}
	case packet.Ported:
		if v.Reply {
			box.SrcPort = ports
		} else {
			box.DstPort = ports
		}
		return []solver.Box{box}
	case packet.Typed, packet.KindInvalid:
	}
	if !v.Reply {
		box.DstPort = ports
		return []solver.Box{box}
	}
	var boxes []solver.Box
	for _, a := range answers[f] {
		lo := max(ports.Lo, packet.TypeCode(a[1], 0))
		hi := min(ports.Hi, packet.TypeCode(a[1], 255))
		if lo > hi {
			continue
		}
		box.DstPort = solver.Interval{Lo: packet.TypeCode(a[0], uint8(lo)), Hi: packet.TypeCode(a[0], uint8(hi))}
		boxes = append(boxes, box)
	}
	return boxes
}

// Peers returns the addresses of a family that a peer stands for.
func Peers(f packet.Family, p ir.Peer, b Bound, members Members) []netipx.IPRange {
	switch {
	case p.CIDR.IsValid():
		if packet.FamilyOfPrefix(p.CIDR) != f {
			return nil
		}
		return []netipx.IPRange{netipx.RangeOfPrefix(p.CIDR)}
	case p.Group != nil:
		if members == nil {
			return nil
		}
		return members(p.Group, b)
	case p.PrefixList != nil:
		l := p.PrefixList
		if b == Hi {
			return listMay(f, l)
		}
		return ranges(f, l.CIDRs)
	case p.Unknown != nil:
		if b != Hi || p.Family != packet.FamilyInvalid && p.Family != f {
			return nil
		}
		return everyone(f)
	}
	return nil
}

// listMay returns the addresses that a prefix list may hold.
func listMay(f packet.Family, l *ir.PrefixList) []netipx.IPRange {
	if l.Open == nil || l.Family != f && l.Family != packet.FamilyInvalid {
		return ranges(f, l.CIDRs)
	}
	if !l.AWS {
		return everyone(f)
	}
	var b netipx.IPSetBuilder
	for _, r := range everyone(f) {
		b.AddRange(r)
	}
	for _, p := range ir.Documentation() {
		b.RemovePrefix(p)
	}
	for _, p := range l.CIDRs {
		b.AddPrefix(p)
	}
	return slices.DeleteFunc(build(&b).Ranges(), func(r netipx.IPRange) bool { return packet.FamilyOf(r.From()) != f })
}

func everyone(f packet.Family) []netipx.IPRange {
	return []netipx.IPRange{solver.Everything(f).Src}
}

// ranges merges the CIDRs of one family into few ranges: a prefix list is one
// interval set, not a rule for each CIDR.
func ranges(f packet.Family, cidrs []netip.Prefix) []netipx.IPRange {
	var b netipx.IPSetBuilder
	for _, c := range cidrs {
		if packet.FamilyOfPrefix(c) == f {
			b.AddPrefix(c)
		}
	}
	set, err := b.IPSet()
	if err != nil {
		return nil
	}
	return slices.Clone(set.Ranges())
}

// EntryBand returns the headers that an ACL entry matches. Its Ground is what
// it matches when nothing that is unknown about it counts.
func EntryBand(s *solver.Space, v View, e *ir.Entry) Band {
	return matchBand(s, v, e.Match, e.Maybe, nil)
}

// RuleBand returns the headers that a security group rule lets through.
func RuleBand(s *solver.Space, v View, r *ir.Rule, members Members) Band {
	return matchBand(s, v, r.Match, r.Maybe, members)
}

func matchBand(s *solver.Space, v View, m ir.Match, maybe *ir.Unknown, members Members) Band {
	f := s.Family()
	hi := s.Of(Boxes(f, v, m, Hi, members)...)
	known := m.Protocol.Known() && m.Ports.Known() && maybe == nil
	if known && m.Peer.CIDR.IsValid() {
		return exactly(hi)
	}
	band := Band{Must: solver.Empty, Ground: solver.Empty, May: hi}
	if known {
		band.Must = s.Of(Boxes(f, v, m, Lo, members)...)
		band.Ground = s.Of(Boxes(f, v, m, Ground, members)...)
	}
	return band
}

// RequestView is the view of a filter of one direction on the first packet.
func RequestView(egress bool) View { return viewOf(egress, false) }

// ReplyView is the view of a filter of one direction on the reply.
func ReplyView(egress bool) View { return viewOf(egress, true) }
