package solver

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

// Interval is a range of protocols or ports, both ends included. It is empty
// when Lo is above Hi. In the Protocol of a Box, values above 255 do not exist.
type Interval struct{ Lo, Hi uint16 }

// Port is the interval of a single port or protocol.
func Port(p uint16) Interval { return Interval{p, p} }

// Address is the range of a single address.
func Address(a netip.Addr) netipx.IPRange { return netipx.IPRangeFrom(a, a) }

// Box is the set of headers each field of which lies in the field's range. It
// holds nothing in a space of another family than its addresses', or when any
// range is empty or not valid (netipx.IPRange.IsValid).
type Box struct {
	Protocol         Interval
	Src, Dst         netipx.IPRange
	SrcPort, DstPort Interval // DstPort: ICMP type*256+code for ICMP headers
}

// Everything is the box of every value of every field of a family. It is wider
// than Space.All: TCP headers are in both, a GRE header with a port is in
// neither. It is the zero Box when the family is invalid.
func Everything(f packet.Family) Box {
	var all netip.Prefix
	switch f {
	case packet.IPv4:
		all = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	case packet.IPv6:
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	case packet.FamilyInvalid:
		return Box{Protocol: Interval{1, 0}}
	}
	r := netipx.RangeOfPrefix(all)
	ports := Interval{0, 65535}
	return Box{Protocol: Interval{0, 255}, Src: r, Dst: r, SrcPort: ports, DstPort: ports}
}

// CIDRs returns the fewest CIDRs that an address range consists of, in order;
// none for an invalid range.
func CIDRs(r netipx.IPRange) []netip.Prefix { return r.Prefixes() }

// word is a value of any field: an IPv6 address uses both halves, everything
// else only the lower one.
type word struct{ hi, lo uint64 }

func (a word) compare(b word) int {
	if a.hi != b.hi {
		return cmp.Compare(a.hi, b.hi)
	}
	return cmp.Compare(a.lo, b.lo)
}

// next is the following value; it wraps at the largest.
func (a word) next() word {
	a.lo++
	if a.lo == 0 {
		a.hi++
	}
	return a
}

// span is a range of values of a field, both ends included.
type span struct{ lo, hi word }

func (a span) compare(b span) int {
	if a.lo != b.lo {
		return a.lo.compare(b.lo)
	}
	return a.hi.compare(b.hi)
}

// The fields of a header by index, in the order of the levels.
const (
	protocol = iota
	src
	dst
	srcPort
	dstPort
	fields
)

// cell is a box in terms of words: one span a field.
type cell [fields]span

func (c *cell) compare(d *cell) int {
	for f := range c {
		if o := c[f].compare(d[f]); o != 0 {
			return o
		}
	}
	return 0
}

// cellOf translates a box; false when it holds nothing in the family.
func cellOf(f packet.Family, b *Box) (c cell, ok bool) {
	for i := range c {
		if c[i], ok = spanOf(f, b, i); !ok {
			return c, false
		}
	}
	return c, true
}

// spanOf translates one field of a box; false when it holds nothing.
func spanOf(f packet.Family, b *Box, field int) (span, bool) {
	small := func(i Interval, most uint16) (span, bool) {
		return span{word{lo: uint64(i.Lo)}, word{lo: uint64(min(i.Hi, most))}}, i.Lo <= min(i.Hi, most)
	}
	switch field {
	case protocol:
		return small(b.Protocol, 255)
	case src:
		return spanOfRange(f, b.Src)
	case dst:
		return spanOfRange(f, b.Dst)
	case srcPort:
		return small(b.SrcPort, 65535)
	default:
		return small(b.DstPort, 65535)
	}
}

func spanOfRange(f packet.Family, r netipx.IPRange) (span, bool) {
	if !r.IsValid() || r.From().Is4() != (f == packet.IPv4) {
		return span{}, false
	}
	return span{wordOf(r.From()), wordOf(r.To())}, true
}

func wordOf(a netip.Addr) word {
	if a.Is4() {
		b := a.As4()
		return word{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return word{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a word) addr(f packet.Family) netip.Addr {
	if f == packet.IPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

// box translates back.
func (c *cell) box(f packet.Family) Box {
	small := func(s span) Interval { return Interval{uint16(s.lo.lo), uint16(s.hi.lo)} }
	addrs := func(s span) netipx.IPRange { return netipx.IPRangeFrom(s.lo.addr(f), s.hi.addr(f)) }
	return Box{
		Protocol: small(c[protocol]),
		Src:      addrs(c[src]),
		Dst:      addrs(c[dst]),
		SrcPort:  small(c[srcPort]),
		DstPort:  small(c[dstPort]),
	}
}
