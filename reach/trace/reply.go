package trace

import (
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// ReplyHeader returns the header that answers h on the same segment, and
// whether an answer is needed at all. TCP and UDP answer with the ports
// exchanged. Of ICMP only the four queries (echo, timestamp, information,
// address mask) and the ICMPv6 echo have answers; errors, and answers that
// nobody asked for, need none. Every other protocol answers in kind.
func ReplyHeader(h packet.Header) (packet.Header, bool) {
	r := packet.Header{Src: h.Dst, Dst: h.Src, Protocol: h.Protocol}
	switch h.Kind() {
	case packet.Ported:
		r.SrcPort, r.DstPort = h.DstPort, h.SrcPort
	case packet.Typed:
		answer, ok := answerType(h.Protocol, h.Type())
		if !ok {
			return packet.Header{}, false
		}
		r.DstPort = packet.TypeCode(answer, h.Code())
	case packet.Plain, packet.KindInvalid:
	}
	return r, true
}

// answerType is the ICMP type that answers another.
// [RFC 792, RFC 950, RFC 4443]
func answerType(protocol, icmpType uint8) (uint8, bool) {
	if protocol == packet.ICMPv6 {
		return 129, icmpType == 128
	}
	switch icmpType {
	case 8:
		return 0, true
	case 13, 15, 17:
		return icmpType + 1, true
	default:
		return 0, false
	}
}

// answer sends the reply back from where the request arrived.
func (w *walk) answer(t *trip) bool {
	if t.opaque {
		return w.m == optimist && (t.first == nil || w.answer(t.first))
	}
	s, needed := replySegment(&t.s)
	if !needed {
		return true
	}
	r := trip{
		s: s, src: t.goal, goal: t.src, reply: true, fresh: true,
		nats: t.nats, via: t.via, exit: t.exit, kept: t.kept, first: t.first, through: t.through,
		came: t.entered, home: t.entered && (s.family == packet.IPv4 || t.src.outside()), public: t.public,
	}
	r.goal.slot.public = t.left
	switch {
	case !r.src.outside():
		return w.depart(&r, r.src.at)
	case t.exit.kind == ir.VirtualPrivateGateway:
		return w.fromVPN(&r, t.exit.gateway)
	case t.exit.transit != nil:
		return w.fromTransit(&r, t.exit.transit, t.exit.outside)
	case t.exit.kind == ir.VPCEndpoint:
		return w.aclIn(&r, r.goal.at) && w.returned(&r)
	}
	return w.enter(&r)
}

// returned is a reply at its goal: the initiator, or the NAT gateway in front
// of it, which hands on.
func (w *walk) returned(t *trip) bool {
	if t.opaque || len(t.nats) == 0 {
		w.noteReturned(t)
		return t.first == nil || w.handBack(t)
	}
	last := len(t.nats) - 1
	step := t.nats[last]
	s, _ := replySegment(&step.inner)
	was := t.s
	t.nats, t.s, t.src, t.goal = t.nats[:last:last], s, t.goal, step.src
	w.noteRestored(t, step.gateway, &was)
	t.departs, t.home, t.exit, t.inspected = 0, false, exit{}, false
	return w.depart(t, step.at)
}

// handBack is what a load balancer does with its target's answer: it answers the
// client.
func (w *walk) handBack(t *trip) bool {
	if w.recording(t) {
		s, _ := replySegment(&t.first.s)
		u := *t
		u.s = s
		w.noteChange(&u, &t.s, Hop{
			Stage: StageLoadBalancer, Component: interfaceName(t.first.goal.iface), Verdict: Allow, Place: t.first.goal.iface.Origin.Place(""),
			Message: "hands the answer on to the client",
		})
	}
	return w.answer(t.first)
}

// replySegment is the reply's segment; see ReplyHeader.
func replySegment(s *segment) (segment, bool) {
	b := s.back()
	b.anyPort = false
	switch s.kind {
	case packet.Ported:
		b.sport, b.dport = s.dport, s.sport
	case packet.Typed:
		answer, ok := answerType(s.protocol, uint8(s.dport>>8))
		if !ok {
			return segment{}, false
		}
		b.dport = packet.TypeCode(answer, uint8(s.dport))
	case packet.Plain, packet.KindInvalid:
	}
	return b, true
}
