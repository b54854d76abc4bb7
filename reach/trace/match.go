package trace

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// mode says who walks. Every function below that takes wide answers twice: what
// surely matches (false) and what possibly does (true). Which of the two a
// walker asks for depends on whether a match helps the packet.
type mode bool

const (
	pessimist mode = false
	optimist  mode = true
)

// segment is the header on one segment of a path. It differs from
// packet.Header in what a gateway or a load balancer on the way has put there
// and the input does not tell: an address is then the zero one, and the
// destination port may be any.
type segment struct {
	src, dst netip.Addr
	// srcIn and dstIn bound the address where it is the zero one: the CIDR of
	// the subnet that it is from. nil: it may be any.
	srcIn, dstIn *netip.Prefix
	family       packet.Family
	kind         packet.Kind
	protocol     uint8
	anyPort      bool // dport is not known
	sport, dport uint16
}

func segmentOf(h packet.Header) segment {
	return segment{src: h.Src, dst: h.Dst, family: h.Family(), kind: h.Kind(), protocol: h.Protocol, sport: h.SrcPort, dport: h.DstPort}
}

// spot is an address, or a bound on one that is not known.
type spot struct {
	netip.Addr
	in *netip.Prefix
}

// header is the segment as it is shown. For an address of which only a bound is
// known stands the first that AWS gives out there; one of which nothing is known
// is left out.
func (s *segment) header() packet.Header {
	return packet.Header{Src: shown(s.src, s.srcIn), Dst: shown(s.dst, s.dstIn), Protocol: s.protocol, SrcPort: s.sport, DstPort: s.dport}
}

func shown(a netip.Addr, in *netip.Prefix) netip.Addr {
	if a.IsValid() || in == nil {
		return a
	}
	return firstOf(*in)
}

// bounds are the CIDRs that the header's addresses stand for, where they stand
// for any of one.
func (s *segment) bounds() (src, dst netip.Prefix) {
	if !s.src.IsValid() && s.srcIn != nil {
		src = *s.srcIn
	}
	if !s.dst.IsValid() && s.dstIn != nil {
		dst = *s.dstIn
	}
	return src, dst
}

// peer is the address that filters of a direction compare with: the other end.
func (s *segment) peer(egress bool) spot {
	if egress {
		return s.to()
	}
	return spot{s.src, s.srcIn}
}

func (s *segment) to() spot { return spot{s.dst, s.dstIn} }

// back is the segment with its addresses exchanged: what routes are asked for
// the way back.
func (s *segment) back() segment {
	b := *s
	b.src, b.dst, b.srcIn, b.dstIn = s.dst, s.src, s.dstIn, s.srcIn
	return b
}

// far is the interface at the other end of a segment, and whether security
// group references see it. Its zero value is an end that no reference matches.
type far struct {
	iface *ir.Interface
	identity
}

// matches reports whether a rule's or an entry's match takes the segment.
func matches(m *ir.Match, s *segment, egress bool, f far, wide bool) bool {
	return matchesService(m, s, wide) && matchesPeer(&m.Peer, s.peer(egress), s.family, f, wide)
}

// matchesService compares protocol and ports. Ports are ignored for protocol
// -1 and for headers without ports. [botocore ec2 IpPermission, CreateNetworkAclEntryRequest]
func matchesService(m *ir.Match, s *segment, wide bool) bool {
	switch {
	case !m.Protocol.Known():
		return wide
	case m.Protocol.V == -1:
		return true
	case m.Protocol.V != int16(s.protocol):
		return false
	case s.kind == packet.Plain:
		return true
	case s.anyPort:
		return wide || m.Ports.Known() && m.Ports.V == ir.AllPorts
	case m.Ports.Known():
		return m.Ports.V.Contains(s.dport)
	default:
		return wide && (m.Ports.V == ir.Ports{} || m.Ports.V.Contains(s.dport))
	}
}

// matchesPeer compares the other end's address, or its membership.
func matchesPeer(p *ir.Peer, a spot, family packet.Family, f far, wide bool) bool {
	switch {
	case p.Unknown != nil:
		return wide && (p.Family == packet.FamilyInvalid || p.Family == family)
	case p.Group != nil:
		if wide {
			return f.maybe && f.iface != nil && member(f.iface, p.Group, true)
		}
		return f.sure && f.iface != nil && member(f.iface, p.Group, false)
	case p.PrefixList != nil:
		return inList(p.PrefixList, a, family, wide)
	default:
		return inPrefix(p.CIDR, a, family, wide)
	}
}

// inPrefix reports whether an address lies in a CIDR. One that is not known
// surely lies in what holds its bound; without one, in the CIDR of everything.
func inPrefix(c netip.Prefix, a spot, family packet.Family, wide bool) bool {
	switch {
	case a.IsValid():
		return c.Contains(a.Addr)
	case !c.IsValid() || packet.FamilyOfPrefix(c) != family:
		return false
	case a.in == nil:
		return wide || c.Bits() == 0
	case wide:
		return c.Overlaps(*a.in)
	default:
		return c.Bits() <= a.in.Bits() && c.Contains(a.in.Addr())
	}
}

func inList(l *ir.PrefixList, a spot, family packet.Family, wide bool) bool {
	for _, c := range l.CIDRs {
		if inPrefix(c, a, family, wide) {
			return true
		}
	}
	return wide && l.MayHoldMore(a.Addr, family)
}

// member reports whether an interface carries a group. A group of which only a
// term is known may be the same as any other.
func member(i *ir.Interface, g *ir.SecurityGroup, wide bool) bool {
	if slices.Contains(i.Groups.Sure, g) {
		return true
	}
	if !wide {
		return false
	}
	if i.Groups.Open != nil {
		return true
	}
	for _, o := range i.Groups.Sure {
		if o.Term != nil || g.Term != nil {
			return true
		}
	}
	for _, o := range i.Groups.Maybe {
		if o.V == g || o.V.Term != nil || g.Term != nil {
			return true
		}
	}
	return false
}
