// Package packet describes one packet header as AWS filters see it: two
// addresses of one family, a protocol number and two ports.
//
// The kind of a header depends on its protocol and its family. TCP and UDP
// have ports. ICMP in IPv4 and ICMPv6 in IPv6 have a type and a code, kept
// together in the destination port as type*256+code. Everything else, ICMPv6
// in IPv4 and ICMP in IPv6 included, has neither: both port fields are 0.
package packet

import (
	"fmt"
	"net/netip"
)

// Family is the address family of a header. IPv4 and IPv6 are disjoint worlds
// in security groups, network ACLs and routes.
type Family uint8

// The families. The zero value is invalid, except where a comment says that it
// stands for both.
const (
	FamilyInvalid Family = iota
	IPv4
	IPv6
)

// Families lists both families in the order every loop and output uses.
var Families = [...]Family{IPv4, IPv6}

func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	case FamilyInvalid:
		return "both"
	}
	return fmt.Sprintf("family(%d)", uint8(f))
}

// FamilyOf returns the family of an address; an IPv4-mapped IPv6 address is
// IPv4. It returns FamilyInvalid for the zero address.
func FamilyOf(a netip.Addr) Family {
	switch {
	case !a.IsValid():
		return FamilyInvalid
	case a.Unmap().Is4():
		return IPv4
	default:
		return IPv6
	}
}

// FamilyOfPrefix returns the family of a CIDR, FamilyInvalid for the zero one.
func FamilyOfPrefix(p netip.Prefix) Family { return FamilyOf(p.Addr()) }

// The protocol numbers that AWS treats by name.
const (
	ICMP   = 1
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// Kind says which fields of a header carry meaning.
type Kind uint8

// The kinds of headers.
const (
	KindInvalid Kind = iota
	Ported           // source and destination port
	Typed            // ICMP: type*256+code in the destination port
	Plain            // neither
)

// KindOf returns the kind of a protocol in a family.
func KindOf(f Family, protocol uint8) Kind {
	switch {
	case protocol == TCP, protocol == UDP:
		return Ported
	case protocol == ICMP && f == IPv4, protocol == ICMPv6 && f == IPv6:
		return Typed
	default:
		return Plain
	}
}

// Header is one packet header. Fields that the kind does not have are 0.
type Header struct {
	Src, Dst netip.Addr
	Protocol uint8
	SrcPort  uint16
	DstPort  uint16 // ICMP: type*256+code
}

// Family returns the family of the header's source address.
func (h Header) Family() Family { return FamilyOf(h.Src) }

// Kind returns the header's kind.
func (h Header) Kind() Kind {
	f := h.Family()
	if f == FamilyInvalid {
		f = FamilyOf(h.Dst)
	}
	return KindOf(f, h.Protocol)
}

// Type and Code are the two halves of an ICMP header's destination port.
func (h Header) Type() uint8 { return uint8(h.DstPort >> 8) }

// Code is the ICMP code; see Type.
func (h Header) Code() uint8 { return uint8(h.DstPort) }

// TypeCode packs an ICMP type and code as the destination port holds them.
func TypeCode(icmpType, code uint8) uint16 { return uint16(icmpType)<<8 | uint16(code) }

// Valid reports whether both addresses are of one family and the fields that
// the kind does not have are 0.
func (h Header) Valid() bool {
	if h.Family() == FamilyInvalid || h.Family() != FamilyOf(h.Dst) || h.Src.Is4In6() || h.Dst.Is4In6() {
		return false
	}
	switch h.Kind() {
	case Ported:
		return true
	case Typed:
		return h.SrcPort == 0
	default:
		return h.SrcPort == 0 && h.DstPort == 0
	}
}

// String prints the header as answers show it:
// "tcp 10.0.10.10:32768 > 10.0.30.10:5432", "icmp 10.0.0.1 > 10.0.0.2 type 8 code 0".
// The zero address stands for one that is not known.
func (h Header) String() string {
	name := ProtocolName(int16(h.Protocol))
	switch h.Kind() {
	case Ported:
		return fmt.Sprintf("%s %s > %s", name, socket(h.Src, h.SrcPort), socket(h.Dst, h.DstPort))
	case Typed:
		return fmt.Sprintf("%s %s > %s type %d code %d", name, address(h.Src), address(h.Dst), h.Type(), h.Code())
	default:
		return fmt.Sprintf("%s %s > %s", name, address(h.Src), address(h.Dst))
	}
}

func socket(a netip.Addr, port uint16) string {
	if !a.IsValid() {
		return fmt.Sprintf("%s:%d", address(a), port)
	}
	return netip.AddrPortFrom(a, port).String()
}

// address prints an address; one that is not known, behind a translation, has
// no digits.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "(unknown)"
	}
	return a.String()
}

// ProtocolName prints a protocol number as postern writes it everywhere: tcp,
// udp, icmp, icmpv6, the number otherwise, and "all" for -1.
func ProtocolName(protocol int16) string {
	switch protocol {
	case -1:
		return "all"
	case ICMP:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMPv6:
		return "icmpv6"
	}
	return fmt.Sprintf("%d", protocol)
}

// Field names one field of a header, in the order in which packet sets are
// split: see package solver.
type Field uint8

// The fields of a header.
const (
	FieldInvalid Field = iota
	FieldProtocol
	FieldSrc
	FieldDst
	FieldSrcPort
	FieldDstPort
)

func (f Field) String() string {
	switch f {
	case FieldProtocol:
		return "protocol"
	case FieldSrc:
		return "source"
	case FieldDst:
		return "destination"
	case FieldSrcPort:
		return "source port"
	case FieldDstPort:
		return "destination port"
	case FieldInvalid:
	}
	return fmt.Sprintf("field(%d)", uint8(f))
}
