package endpoint

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/packet"
)

// Service is the word that names packets by protocol and port: tcp/443,
// udp/53, tcp/8000-8100, icmp/8, icmp/3/4, icmpv6/128, esp, 50, all.
type Service struct {
	Text     string
	All      bool // every protocol
	Protocol uint8
	// Lo and Hi bound the destination port, or type*256+code for a typed
	// protocol. They are 0 and 65535 when the word has none.
	Lo, Hi uint16
	// Given: the word has ports, or a type.
	Given bool
	typed bool
}

// protocols are the names that people write; AWS itself takes the numbers of
// those after the first five.
var protocols = map[string]uint8{
	"tcp": packet.TCP, "udp": packet.UDP, "icmp": packet.ICMP, "icmpv6": packet.ICMPv6, "ipv6-icmp": packet.ICMPv6,
	"esp": 50, "ah": 51, "gre": 47, "sctp": 132, "igmp": 2, "ipip": 4, "ospf": 89, "vrrp": 112,
}

// ParseService reads such a word. Errors are *SyntaxError.
func ParseService(text string) (Service, error) {
	word := strings.ToLower(text)
	name, rest, given := strings.Cut(word, "/")
	s := Service{Text: text, Hi: 65535, Given: given}
	if word == "all" {
		s.All = true
		return s, nil
	}
	number, known := protocols[name]
	if !known {
		n, err := strconv.ParseUint(name, 10, 8)
		if err != nil {
			return Service{}, &SyntaxError{Text: text, Why: "names no packets; expected something like tcp/443, udp/53, icmp/8, esp or 50"}
		}
		number = uint8(n)
	}
	s.Protocol = number
	s.typed = number == packet.ICMP || number == packet.ICMPv6
	if !given {
		return s, nil
	}
	var err error
	switch {
	case s.typed:
		s.Lo, s.Hi, err = typeAndCode(rest)
	case number == packet.TCP || number == packet.UDP:
		s.Lo, s.Hi, err = portRange(rest)
	default:
		err = fmt.Errorf("protocol %d has no ports", number)
	}
	if err != nil {
		return Service{}, &SyntaxError{Text: text, Why: err.Error()}
	}
	return s, nil
}

func portRange(s string) (lo, hi uint16, err error) {
	from, to, isRange := strings.Cut(s, "-")
	lo, err = bounded(from, 65535, "a port")
	if err != nil || !isRange {
		return lo, lo, err
	}
	hi, err = bounded(to, 65535, "a port")
	if err == nil && hi < lo {
		err = fmt.Errorf("the range ends before it begins")
	}
	return lo, hi, err
}

func typeAndCode(s string) (lo, hi uint16, err error) {
	typ, code, hasCode := strings.Cut(s, "/")
	t, err := bounded(typ, 255, "an ICMP type")
	if err != nil || !hasCode {
		return t << 8, t<<8 | 255, err
	}
	c, err := bounded(code, 255, "an ICMP code")
	return t<<8 | c, t<<8 | c, err
}

func bounded(s string, most uint64, what string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > most {
		return 0, fmt.Errorf("%q is not %s: expected 0 to %d", s, what, most)
	}
	return uint16(n), nil
}

// One returns the protocol and the destination port field of the one packet
// that the word names. An ICMP type without a code stands for code 0. The error
// says what to add.
func (s Service) One() (protocol uint8, port uint16, err error) {
	switch {
	case s.All:
		return 0, 0, &SyntaxError{Text: s.Text, Why: "is every packet; say one, as tcp/443"}
	case s.typed && !s.Given:
		return 0, 0, &SyntaxError{Text: s.Text, Why: fmt.Sprintf("is every type; say one, as %s", map[bool]string{true: "icmp/8", false: "icmpv6/128"}[s.Protocol == packet.ICMP])}
	case s.typed:
		return s.Protocol, s.Lo, nil
	case s.Protocol != packet.TCP && s.Protocol != packet.UDP:
		return s.Protocol, 0, nil
	case s.Lo != s.Hi:
		return 0, 0, &SyntaxError{Text: s.Text, Why: fmt.Sprintf("is many packets; say one, as %s/%d", packet.ProtocolName(int16(s.Protocol)), max(s.Lo, 1))}
	}
	return s.Protocol, s.Lo, nil
}
