package record

import (
	"net/netip"

	"github.com/postern-dev/postern/packet"
)

// What netip and strconv do for strings, for bytes and without allocating.

// number reads a decimal number of at most limit, below 10^8.
func number(b []byte, limit uint32) (uint32, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	n := uint32(0)
	for _, c := range b {
		d := uint32(c) - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, n <= limit
}

func number8(b []byte) (uint8, bool) {
	n, ok := number(b, 255)
	return uint8(n), ok
}

func number16(b []byte) (uint16, bool) {
	n, ok := number(b, 65535)
	return uint16(n), ok
}

// protocol reads a protocol number, or one of the names that people use.
// [IANA protocol-numbers]
func protocol(b []byte) (uint8, bool) {
	if n, ok := number8(b); ok {
		return n, true
	}
	switch string(b) {
	case "tcp", "TCP":
		return packet.TCP, true
	case "udp", "UDP":
		return packet.UDP, true
	case "icmp", "ICMP":
		return packet.ICMP, true
	case "icmpv6", "ICMPv6", "icmp6":
		return packet.ICMPv6, true
	case "gre", "GRE":
		return 47, true
	case "esp", "ESP":
		return 50, true
	case "ah", "AH":
		return 51, true
	case "sctp", "SCTP":
		return 132, true
	}
	return 0, false
}

// address reads an IPv4 or IPv6 address, as netip.ParseAddr does; zones are
// refused, and IPv4 addresses written as IPv6 ones are IPv4.
func address(b []byte) (netip.Addr, bool) {
	if len(b) > 45 {
		return netip.Addr{}, false
	}
	for _, c := range b {
		switch c {
		case '.':
			a, ok := quad(b)
			return netip.AddrFrom4(a), ok
		case ':':
			a, ok := hextets(b)
			if !ok {
				return netip.Addr{}, false
			}
			return netip.AddrFrom16(a).Unmap(), true
		}
	}
	return netip.Addr{}, false
}

// quad reads four decimal numbers without leading zeros.
func quad(b []byte) (a [4]byte, ok bool) {
	k, n, digits := 0, 0, 0
	for _, c := range b {
		if c == '.' {
			if digits == 0 || k == 3 {
				return a, false
			}
			a[k], n, digits = byte(n), 0, 0
			k++
			continue
		}
		d := int(c) - '0'
		if d < 0 || d > 9 || digits > 0 && n == 0 {
			return a, false
		}
		digits++
		if n = n*10 + d; n > 255 {
			return a, false
		}
	}
	a[3] = byte(n)
	return a, k == 3 && digits > 0
}

// hextets reads eight groups of four hexadecimal digits, of which :: may leave
// out some, and the last two of which may be an IPv4 address. [RFC 4291 2.2]
func hextets(b []byte) (a [16]byte, ok bool) {
	gap, k := -1, 0
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 && k < 16 {
		n, digits := 0, 0
		for digits < len(b) {
			d := hexDigit(b[digits])
			if d < 0 {
				break
			}
			n = n<<4 | d
			if digits++; digits > 4 {
				return a, false
			}
		}
		if digits == 0 {
			return a, false
		}
		if digits < len(b) && b[digits] == '.' {
			q, fine := quad(b)
			if !fine || k > 12 || gap < 0 && k != 12 {
				return a, false
			}
			copy(a[k:], q[:])
			k, b = k+4, nil
			break
		}
		a[k], a[k+1] = byte(n>>8), byte(n)
		k, b = k+2, b[digits:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return a, false
		}
		b = b[1:]
		if b[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, b = k, b[1:]
		}
	}
	if len(b) > 0 || k < 16 && gap < 0 || k == 16 && gap >= 0 {
		return a, false
	}
	if k < 16 {
		tail := copy(a[16-(k-gap):], a[gap:k])
		clear(a[gap : 16-tail])
	}
	return a, true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
