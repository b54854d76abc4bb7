package trace

import "github.com/postern-dev/postern/packet"

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
		answer, ok := answerType(h)
		if !ok {
			return packet.Header{}, false
		}
		r.DstPort = packet.TypeCode(answer, h.Code())
	case packet.Plain, packet.KindInvalid:
	}
	return r, true
}

// answerType is the ICMP type that answers the header's.
// [RFC 792, RFC 950, RFC 4443]
func answerType(h packet.Header) (uint8, bool) {
	if h.Protocol == packet.ICMPv6 {
		return 129, h.Type() == 128
	}
	switch h.Type() {
	case 8:
		return 0, true
	case 13, 15, 17:
		return h.Type() + 1, true
	default:
		return 0, false
	}
}
