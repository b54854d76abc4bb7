package reach

import (
	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Repair is one way with what would have to change on it so that something of a
// set flows.
type Repair struct {
	Way Way
	// Alone are the stages each of which stops everything by itself.
	Alone []Stage
	// Changes are enough: those of Alone, and of stages that stop everything that
	// the ones before them would let through.
	Changes []Change
}

// Change is a stage that has to let more through.
type Change struct {
	Stage Stage
	// Let is a part of what was asked for that the stage stops, in headers as the
	// initiator sends them.
	Let solver.Box
	// Packet is the same as the stage sees it: behind translators, and for a stage
	// of the reply the packets that answer. It is the packet that a rule or an
	// entry would have to name.
	Packet solver.Box
	// Group is one of the interface's own to which a rule can be added, Peer one of
	// the other end's that the rule can name; nil where there is none.
	Group, Peer *ir.SecurityGroup
}

// repair goes along a way with what was asked for, and notes each stage that
// leaves nothing of it.
func (e *engine) repair(way Way, asked solver.Set, spelled bool) Repair {
	r := Repair{Way: way}
	left := asked
	for _, s := range way.Stages {
		band := s.Band.May
		if s.Reply {
			band = e.Union(band, e.noReply)
		}
		if alone, err := e.Disjoint(band, asked); err == nil && alone && s.Message != "" {
			r.Alone = append(r.Alone, s)
		}
		if stops, err := e.Disjoint(band, left); err != nil || !stops {
			left = e.Intersect(left, band)
			continue
		}
		switch {
		case s.Message == "":
		case spelled:
			r.Changes = append(r.Changes, e.change(s, left))
		default:
			r.Changes = append(r.Changes, Change{Stage: s})
		}
	}
	return r
}

func (e *engine) change(s Stage, left solver.Set) Change {
	c := Change{Stage: s}
	for b := range e.Boxes(left) {
		c.Let = b
		break
	}
	c.Packet = s.seen(c.Let)
	if s.Kind != KindGroupIn && s.Kind != KindGroupOut {
		return c
	}
	if i := s.Interface; i != nil && len(i.Groups.Sure) > 0 {
		c.Group = i.Groups.Sure[0]
	}
	if i := s.Peer; i != nil && len(i.Groups.Sure) > 0 {
		c.Peer = i.Groups.Sure[0]
	}
	return c
}

// seen is a box of headers as a stage sees them.
func (s *Stage) seen(b solver.Box) solver.Box {
	var lenses []*lens
	for x := s.at; x != nil && x.outer != nil; x = x.outer {
		lenses = append(lenses, x.lens)
	}
	for k := len(lenses) - 1; k >= 0; k-- {
		b = lenses[k].box(b)
	}
	if s.Reply {
		b = answer(b)
	}
	return b
}

// box is what a translator makes of a box: the first of what it may.
func (l *lens) box(b solver.Box) solver.Box {
	if l.nat64 {
		b.Dst = netipx.IPRangeFrom(held(b.Dst.From()), held(b.Dst.To()))
	}
	put := func(r netipx.IPRange, ps []pair) netipx.IPRange {
		for _, p := range ps {
			if rs := p.behind.Ranges(); len(rs) > 0 && (len(ps) == 1 || p.before.Contains(r.From())) {
				return rs[0]
			}
		}
		return r
	}
	b.Src, b.Dst = put(b.Src, l.src), put(b.Dst, l.dst)
	f := l.before.Family()
	if b.Protocol.Lo == b.Protocol.Hi && packet.KindOf(f, uint8(b.Protocol.Lo)) == packet.Ported {
		if l.sport != nil {
			b.SrcPort = *l.sport
		}
		if l.dport != nil {
			b.DstPort = *l.dport
		}
	}
	return b
}

// answer is the box of the packets that answer those of a box: ends and ports
// exchanged, an echo request's reply.
func answer(b solver.Box) solver.Box {
	b.Src, b.Dst = b.Dst, b.Src
	f := packet.FamilyOf(b.Src.From())
	switch {
	case b.Protocol.Lo != b.Protocol.Hi || packet.KindOf(f, uint8(b.Protocol.Lo)) == packet.Ported:
		b.SrcPort, b.DstPort = b.DstPort, b.SrcPort
	case packet.KindOf(f, uint8(b.Protocol.Lo)) == packet.Typed:
		for _, a := range answers[f] {
			if lo, hi := packet.TypeCode(a[0], 0), packet.TypeCode(a[0], 255); b.DstPort.Lo >= lo && b.DstPort.Hi <= hi {
				shift := packet.TypeCode(a[1], 0) - lo
				b.DstPort = solver.Interval{Lo: b.DstPort.Lo + shift, Hi: b.DstPort.Hi + shift}
				break
			}
		}
	}
	return b
}
