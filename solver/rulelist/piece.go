package rulelist

import (
	"net/netip"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"go4.org/netipx"
)

// The fields by index: packet.Field less one.
const (
	protocol = iota
	src
	dst
	srcPort
	dstPort
	fields
)

// interval is a range of values of a field, both ends included.
type interval struct{ lo, hi packet.Value }

// box is a solver.Box in terms of values, widened to headers that do not exist.
type box [fields]interval

func small(i solver.Interval) interval {
	return interval{packet.Value{Lo: uint64(i.Lo)}, packet.Value{Lo: uint64(i.Hi)}}
}

func addresses(r netipx.IPRange) interval {
	return interval{packet.ValueOf(r.From()), packet.ValueOf(r.To())}
}

var anyPort = solver.Interval{Lo: 0, Hi: 65535}

// widen appends the boxes that hold the same well-formed headers as b and that
// do not look at fields which a header lacks; none when b holds nothing.
func widen(out []box, f packet.Family, b *solver.Box) []box {
	p := solver.Interval{Lo: b.Protocol.Lo, Hi: min(b.Protocol.Hi, 255)}
	if p.Lo > p.Hi || !fits(f, b.Src) || !fits(f, b.Dst) || b.SrcPort.Lo > b.SrcPort.Hi || b.DstPort.Lo > b.DstPort.Hi {
		return out
	}
	whole := box{small(p), addresses(b.Src), addresses(b.Dst), small(b.SrcPort), small(b.DstPort)}
	if b.SrcPort == anyPort && b.DstPort == anyPort {
		return append(out, whole)
	}
	for p.Lo <= p.Hi {
		kind := packet.KindOf(f, uint8(p.Lo))
		same := p.Lo
		for kind == packet.Plain && same < p.Hi && packet.KindOf(f, uint8(same+1)) == packet.Plain {
			same++
		}
		part := whole
		part[protocol] = small(solver.Interval{Lo: p.Lo, Hi: same})
		p.Lo = same + 1
		switch kind {
		case packet.Ported:
		case packet.Typed:
			if b.SrcPort.Lo > 0 {
				continue
			}
			part[srcPort] = small(anyPort)
		case packet.Plain, packet.KindInvalid:
			if b.SrcPort.Lo > 0 || b.DstPort.Lo > 0 {
				continue
			}
			part[srcPort], part[dstPort] = small(anyPort), small(anyPort)
		}
		out = append(out, part)
	}
	return out
}

func fits(f packet.Family, r netipx.IPRange) bool {
	return r.IsValid() && r.From().Is4() == (f == packet.IPv4)
}

// span is a range of ranks along an axis, both ends included.
type span struct{ lo, hi uint32 }

// piece is a box in terms of ranks.
type piece [fields]span

func (a *piece) meets(b *piece) bool {
	return a[src].lo <= b[src].hi && b[src].lo <= a[src].hi &&
		a[dst].lo <= b[dst].hi && b[dst].lo <= a[dst].hi &&
		a[dstPort].lo <= b[dstPort].hi && b[dstPort].lo <= a[dstPort].hi &&
		a[protocol].lo <= b[protocol].hi && b[protocol].lo <= a[protocol].hi &&
		a[srcPort].lo <= b[srcPort].hi && b[srcPort].lo <= a[srcPort].hi
}

// within reports whether a lies in b.
func (a *piece) within(b *piece) bool {
	return b[src].lo <= a[src].lo && a[src].hi <= b[src].hi &&
		b[dst].lo <= a[dst].lo && a[dst].hi <= b[dst].hi &&
		b[dstPort].lo <= a[dstPort].lo && a[dstPort].hi <= b[dstPort].hi &&
		b[protocol].lo <= a[protocol].lo && a[protocol].hi <= b[protocol].hi &&
		b[srcPort].lo <= a[srcPort].lo && a[srcPort].hi <= b[srcPort].hi
}

// clip returns the common part of two pieces that meet.
func (a *piece) clip(b *piece) piece {
	var c piece
	for f := range c {
		c[f] = span{max(a[f].lo, b[f].lo), min(a[f].hi, b[f].hi)}
	}
	return c
}

// point is a rank for each field.
type point [fields]uint32

func (a *piece) holds(p *point) bool {
	for f := range a {
		if p[f] < a[f].lo || p[f] > a[f].hi {
			return false
		}
	}
	return true
}

func (a *piece) corner() point {
	var p point
	for f := range a {
		p[f] = a[f].lo
	}
	return p
}

// header returns the well-formed header that a point stands for.
func (x *Index) header(p *point) packet.Header {
	at := func(f int) packet.Value { return x.axes[f].bounds[p[f]] }
	h := packet.Header{
		Protocol: uint8(at(protocol).Lo),
		Src:      at(src).Addr(x.family), Dst: at(dst).Addr(x.family),
		SrcPort: uint16(at(srcPort).Lo), DstPort: uint16(at(dstPort).Lo),
	}
	switch packet.KindOf(x.family, h.Protocol) {
	case packet.Ported:
	case packet.Typed:
		h.SrcPort = 0
	case packet.Plain, packet.KindInvalid:
		h.SrcPort, h.DstPort = 0, 0
	}
	return h
}

// region translates a piece back.
func (x *Index) region(a *piece) packet.Region {
	var r packet.Region
	for f := range a {
		r[f] = packet.Range{Lo: x.first(a, f), Hi: x.last(a, f)}
	}
	return r
}

// solverBox is region for package solver.
func (x *Index) solverBox(a *piece) solver.Box {
	ports := func(f int) solver.Interval {
		return solver.Interval{Lo: uint16(x.first(a, f).Lo), Hi: uint16(x.last(a, f).Lo)}
	}
	addrs := func(f int) netipx.IPRange {
		from, to := x.first(a, f).Addr(x.family), x.last(a, f).Addr(x.family)
		return netipx.IPRangeFrom(from, to)
	}
	return solver.Box{Protocol: ports(protocol), Src: addrs(src), Dst: addrs(dst), SrcPort: ports(srcPort), DstPort: ports(dstPort)}
}

// first and last are the ends of a piece along a field.
func (x *Index) first(a *piece, f int) packet.Value { return x.axes[f].bounds[a[f].lo] }
func (x *Index) last(a *piece, f int) packet.Value  { return x.axes[f].bounds[a[f].hi+1].Prev() }

// largest is the largest value of a field.
func largest(f packet.Family, field int) packet.Value {
	switch field {
	case protocol:
		return packet.Value{Lo: 255}
	case srcPort, dstPort:
		return packet.Value{Lo: 65535}
	}
	if f == packet.IPv4 {
		return packet.Value{Lo: 1<<32 - 1}
	}
	return packet.ValueOf(netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
}
