package formula

import (
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// segment is the header on one part of the way. Between two parts stands a
// translator, which may change its family as well.
type segment struct{ src, dst, protocol, sport, dport smt.Term }

func (e *Encoder) request() segment {
	h := e.header
	return segment{h.Src, h.Dst, h.Protocol, h.SrcPort, h.DstPort}
}

// peer is the address that a filter of a direction compares with.
func (s segment) peer(egress bool) smt.Term {
	if egress {
		return s.dst
	}
	return s.src
}

func (e *Encoder) family4(s segment) bool { return e.familyOf(s.src) == packet.IPv4 }

func (e *Encoder) protocolIs(s segment, p uint64) smt.Term {
	return e.Eq(s.protocol, e.number(p, 8))
}

// ported: TCP and UDP.
func (e *Encoder) ported(s segment) smt.Term {
	return e.Or(e.protocolIs(s, packet.TCP), e.protocolIs(s, packet.UDP))
}

// typed: ICMP in its own family.
func (e *Encoder) typed(s segment) smt.Term {
	if e.family4(s) {
		return e.protocolIs(s, packet.ICMP)
	}
	return e.protocolIs(s, packet.ICMPv6)
}

// wellFormed: fields that the header's kind does not have are 0.
func (e *Encoder) wellFormed() smt.Term {
	s := e.request()
	zero := e.number(0, 16)
	return e.And(
		e.Or(e.ported(s), e.Eq(s.sport, zero)),
		e.Or(e.ported(s), e.typed(s), e.Eq(s.dport, zero)),
	)
}

// The ICMP types that ask for an answer, each with the answer's.
// [RFC 792, RFC 950, RFC 4443]
var (
	queries4 = [...][2]uint64{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
	queries6 = [...][2]uint64{{128, 129}}
)

func (e *Encoder) queries(s segment) [][2]uint64 {
	if e.family4(s) {
		return queries4[:]
	}
	return queries6[:]
}

func (e *Encoder) icmpType(s segment, is uint64) smt.Term {
	return e.Eq(e.Extract(15, 8, s.dport), e.number(is, 8))
}

// noReply is true of segments that need no reply: ICMP types that ask nothing.
func (e *Encoder) noReply(s segment) smt.Term {
	asks := make([]smt.Term, 0, 4)
	for _, q := range e.queries(s) {
		asks = append(asks, e.icmpType(s, q[0]))
	}
	return e.And(e.typed(s), e.Not(e.Or(asks...)))
}

// reply is the segment that answers one.
func (e *Encoder) reply(s segment) segment {
	icmpType, code := e.Extract(15, 8, s.dport), e.Extract(7, 0, s.dport)
	answer := icmpType
	for _, q := range e.queries(s) {
		answer = e.Ite(e.Eq(icmpType, e.number(q[0], 8)), e.number(q[1], 8), answer)
	}
	zero := e.number(0, 16)
	return segment{
		src: s.dst, dst: s.src, protocol: s.protocol,
		sport: e.Define(e.Ite(e.ported(s), s.dport, zero), "the reply's source port"),
		dport: e.Define(e.Ite(e.ported(s), s.sport, e.Ite(e.typed(s), e.Concat(answer, code), zero)), "the reply's destination port"),
	}
}

// nat64 is where IPv6 hosts find IPv4 ones. [RFC 6052]
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// translatable is whether a NAT gateway takes a packet's protocol. Of ICMPv6 only the
// echo has a counterpart. [VPC vpc-nat-gateway.md; RFC 7915]
func (e *Encoder) translatable(s segment) smt.Term {
	icmp := e.typed(s)
	if !e.family4(s) {
		icmp = e.And(icmp, e.icmpType(s, 128))
	}
	return e.Or(e.ported(s), icmp)
}

// to4 is what NAT64 makes of a segment. The source, which it replaces, is zero.
func (e *Encoder) to4(s segment) segment {
	icmp := e.typed(s)
	return segment{
		src: e.number(0, 32), dst: e.embedded(s.dst), sport: s.sport,
		protocol: e.Ite(icmp, e.number(packet.ICMP, 8), s.protocol),
		dport:    e.Ite(icmp, e.Concat(e.number(8, 8), e.Extract(7, 0, s.dport)), s.dport),
	}
}

// embedded is the IPv4 address that a NAT64 address stands for.
func (e *Encoder) embedded(a smt.Term) smt.Term { return e.Extract(31, 0, a) }

// portPicked is the source port that NAT gateways and load balancers on the way
// pick, for a flow that has ports.
func (e *Encoder) portPicked(s segment) smt.Term {
	return e.Define(e.Ite(e.ported(s), e.Port(), s.sport), "the port that is picked")
}

// Port is the port that every NAT gateway and load balancer on the way picks:
// any of 1024-65535.
func (e *Encoder) Port() smt.Term {
	return e.variable(key{kind: "port"}, 16, "the port that is picked on the way", func(t smt.Term) smt.Term {
		return e.Ule(e.number(1024, 16), t)
	})
}
