package solver

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// Lists of AWS look at one address, the protocol and the destination port. Such
// a list needs no merging: a line is swept over the addresses, and at each
// bound the ports that the lines there let through become a node.
//
//	ports        sweep ->
//	443  |   |---A----------|
//	 80  |      |--B---|
//	 22  |   |--|------|-----C----|
//	     +-------------------------> addresses
//	         AC  ABC    AC    C
//
// Nothing is built that is not part of the result. An IPv6 address is swept by
// its rank among all bounds; see sweep6.go.

// strip is a box of which only the protocol, one address, or its rank, and the
// destination port matter.
type strip struct {
	protocol, ports Interval
	lo, hi          uint32
}

// sweeper is what sweeps need, kept from one to the next.
type sweeper struct {
	strips []strip
	most   uint32   // the last address, or rank
	bounds []word   // of IPv6: the first address of each rank
	flat   []flat   // of IPv6: what the ranks lead to
	events []uint64 // address<<32 | strip<<1 | 1 where a strip ends
	here   []int32  // strips of the protocol
	last   []int32  // the same of the last protocols without ports
	active []uint64 // ports and index of the strips at the address, sorted

	// First match, of at most 64 strips: which permit, the ports at which
	// anything changes, and the strips from each to the next.
	permits uint64
	cuts    []uint32
	masks   []uint64
}

// stripsOf translates boxes; false when they look at more than three fields.
func (w *sweeper) stripsOf(f packet.Family, boxes []cell) (field int, ok bool) {
	all := word{lo: 1<<32 - 1}
	if f == packet.IPv6 {
		all = word{^uint64(0), ^uint64(0)}
	}
	whole := func(s span) bool { return s.lo == word{} && s.hi == all }
	w.strips = slices.Grow(w.strips[:0], len(boxes))
	field = -1
	for i := range boxes {
		c := &boxes[i]
		if c[srcPort].lo.lo > 0 || c[srcPort].hi.lo < 65535 {
			return 0, false
		}
		f := src
		if whole(c[src]) {
			if f = dst; whole(c[dst]) {
				f = field
			}
		} else if !whole(c[dst]) {
			return 0, false
		}
		if f >= 0 {
			if field >= 0 && f != field {
				return 0, false
			}
			field = f
		}
	}
	if field < 0 {
		field = src
	}
	w.most = 1<<32 - 1
	if f == packet.IPv6 {
		w.rank(boxes, field, all)
	}
	for i := range boxes {
		c := &boxes[i]
		small := func(s span) Interval { return Interval{uint16(s.lo.lo), uint16(s.hi.lo)} }
		lo, hi := uint32(c[field].lo.lo), uint32(c[field].hi.lo)
		if f == packet.IPv6 {
			lo, hi = w.rankOf(c[field].lo), w.rankOf(c[field].hi)
		}
		w.strips = append(w.strips, strip{small(c[protocol]), small(c[dstPort]), lo, hi})
	}
	return field, true
}

// sweep builds the well-formed headers of the strips' union, or, with ordered,
// those that the first of at most 64 strips permits, where otherwise says what
// becomes of headers that none holds.
func (d *diagram[K]) sweep(w *sweeper, field int, ordered, otherwise bool) id {
	var cuts [257]bool
	for _, p := range []int{packet.ICMP, packet.TCP, packet.UDP, packet.ICMPv6} {
		cuts[p], cuts[p+1] = true, true
	}
	for i := range w.strips {
		cuts[w.strips[i].protocol.Lo], cuts[w.strips[i].protocol.Hi+1] = true, true
	}
	base := len(d.stack)
	plain := invalid
	w.last = w.last[:0]
	for lo := 0; lo < 256; {
		hi := lo
		for hi < 255 && !cuts[hi+1] {
			hi++
		}
		kind := packet.KindOf(d.family, uint8(lo))
		w.here = w.here[:0]
		for i := range w.strips {
			if s := &w.strips[i]; int(s.protocol.Lo) <= lo && lo <= int(s.protocol.Hi) && (kind != packet.Plain || s.ports.Lo == 0) {
				w.here = append(w.here, int32(i))
			}
		}
		var r id
		if kind == packet.Plain && plain != invalid && slices.Equal(w.here, w.last) {
			r = plain
		} else {
			r = d.sweepProtocol(w, kind, field, ordered, otherwise)
			if kind == packet.Plain {
				plain = r
				w.last = append(w.last[:0], w.here...)
			}
		}
		if r == invalid || d.step(len(w.events)+1) {
			d.stack = d.stack[:base]
			return invalid
		}
		d.push(base, K(hi), r)
		lo = hi + 1
	}
	return d.make(0, base)
}

// sweepProtocol builds the part of a protocol of one kind.
func (d *diagram[K]) sweepProtocol(w *sweeper, kind packet.Kind, field int, ordered, otherwise bool) id {
	w.events, w.active = slices.Grow(w.events[:0], 2*len(w.here)), w.active[:0]
	for _, i := range w.here {
		s := &w.strips[i]
		w.events = append(w.events, uint64(s.lo)<<32|uint64(i)<<1)
		if s.hi < w.most {
			w.events = append(w.events, uint64(s.hi+1)<<32|uint64(i)<<1|1)
		}
	}
	slices.Sort(w.events)
	if ordered {
		w.cutPorts(kind)
	}
	level := int(d.start[field])
	base := len(d.stack)
	var mask uint64 // of the strips at the address, when ordered
	for e := 0; ; {
		to := invalid
		switch {
		case ordered:
			to = d.firstPorts(w, kind, mask, otherwise)
		default:
			to = d.anyPorts(w, kind)
		}
		if to == invalid || d.step(len(w.active)+1) {
			d.stack = d.stack[:base]
			return invalid
		}
		if e == len(w.events) {
			if d.family == packet.IPv6 {
				d.push(base, K(w.most), to)
				return d.unrank(w, level, base)
			}
			d.push(base, d.max[level], to)
			return d.make(level, base)
		}
		at := w.events[e] >> 32
		if at > 0 {
			d.push(base, K(at-1), to)
		}
		for ; e < len(w.events) && w.events[e]>>32 == at; e++ {
			i := uint32(w.events[e]) >> 1
			if ordered {
				mask ^= 1 << i
			} else {
				w.toggle(i, w.events[e]&1 == 0)
			}
		}
	}
}

// toggle adds a strip to the active ones, or takes it away.
func (w *sweeper) toggle(i uint32, begins bool) {
	s := &w.strips[i]
	key := uint64(s.ports.Lo)<<48 | uint64(s.ports.Hi)<<32 | uint64(i)
	k, _ := slices.BinarySearch(w.active, key)
	if begins {
		w.active = slices.Insert(w.active, k, key)
	} else {
		w.active = slices.Delete(w.active, k, k+1)
	}
}

// anyPorts builds the ports that any active strip holds.
func (d *diagram[K]) anyPorts(w *sweeper, kind packet.Kind) id {
	switch {
	case len(w.active) == 0:
		return none
	case kind == packet.Plain:
		return d.portNode(kind, permit)
	}
	level := int(d.start[dstPort])
	base := len(d.stack)
	next := 0 // the first port after those that were looked at
	for _, key := range w.active {
		lo, hi := int(key>>48), int(key>>32&0xffff)
		if lo > next {
			d.push(base, K(lo-1), none)
		}
		if hi >= next {
			d.push(base, K(hi), permit)
			next = hi + 1
		}
	}
	if next <= 65535 {
		d.push(base, 65535, none)
	}
	return d.portNode(kind, d.make(level, base))
}

// portNode puts what the destination port leads to below the conditions that
// headers of a kind are well-formed under.
func (d *diagram[K]) portNode(kind packet.Kind, to id) id {
	if kind == packet.Ported || to == none || to == invalid {
		return to
	}
	zero := func(field int, to id) id {
		base := len(d.stack)
		d.push(base, 0, to)
		d.push(base, 65535, none)
		return d.make(int(d.start[field]), base)
	}
	if kind == packet.Plain {
		if to = zero(dstPort, to); to == invalid {
			return invalid
		}
	}
	return zero(srcPort, to)
}

// cutPorts finds the ports at which the strips of a protocol begin and end, and
// which strips hold the ports between.
func (w *sweeper) cutPorts(kind packet.Kind) {
	w.cuts, w.masks = append(w.cuts[:0], 0), w.masks[:0]
	for _, i := range w.here {
		if s := &w.strips[i]; kind != packet.Plain {
			w.cuts = append(w.cuts, uint32(s.ports.Lo), uint32(s.ports.Hi)+1)
		}
	}
	slices.Sort(w.cuts)
	w.cuts = slices.Compact(w.cuts)
	if w.cuts[len(w.cuts)-1] == 1<<16 {
		w.cuts = w.cuts[:len(w.cuts)-1]
	}
	w.masks = append(w.masks, make([]uint64, len(w.cuts))...)
	for _, i := range w.here {
		s := &w.strips[i]
		k, _ := slices.BinarySearch(w.cuts, uint32(s.ports.Lo))
		for ; k < len(w.cuts) && (w.cuts[k] <= uint32(s.ports.Hi) || kind == packet.Plain); k++ {
			w.masks[k] |= 1 << i
		}
	}
}

// firstPorts builds the ports that the first of the strips of a mask permits.
func (d *diagram[K]) firstPorts(w *sweeper, kind packet.Kind, mask uint64, otherwise bool) id {
	level := int(d.start[dstPort])
	base := len(d.stack)
	for k, m := range w.masks {
		m &= mask
		to := none
		if first := m & -m; first&w.permits != 0 || first == 0 && otherwise {
			to = permit
		}
		hi := K(65535)
		if k+1 < len(w.cuts) {
			hi = K(w.cuts[k+1] - 1)
		}
		d.push(base, hi, to)
	}
	return d.portNode(kind, d.make(level, base))
}

// mostOrdered is the number of strips that first match sweeps over: a mask has
// as many bits. AWS allows 40 entries of a family and direction.
const mostOrdered = 64

// Line is one entry of an ordered list as a box.
type Line struct {
	Box      Box
	Decision Decision
}

// FirstMatchBoxes is FirstMatch of entries that are boxes. Lists of the three
// fields that AWS's filters look at, of up to 64 lines, take a few
// microseconds. In others, runs of lines with the same decision become one
// entry before anything is merged.
func (s *Space) FirstMatchBoxes(lines []Line, otherwise Decision) Set {
	if s.all == Invalid || otherwise != Permit && otherwise != Deny {
		return Invalid
	}
	s.cells = slices.Grow(s.cells[:0], len(lines))
	s.sweep.permits = 0
	for i := range lines {
		switch lines[i].Decision {
		case Permit, Deny:
		default:
			return Invalid
		}
		if c, ok := cellOf(s.family, &lines[i].Box); ok {
			if lines[i].Decision == Permit {
				s.sweep.permits |= 1 << (len(s.cells) % mostOrdered)
			}
			s.cells = append(s.cells, c)
		}
	}
	if len(s.cells) <= mostOrdered {
		if field, ok := s.sweep.stripsOf(s.family, s.cells); ok {
			return s.end(s.engine.begin(), s.engine.sweep(&s.sweep, field, true, otherwise == Permit))
		}
	}
	return s.firstMatchRuns(lines, otherwise)
}

func (s *Space) firstMatchRuns(lines []Line, otherwise Decision) Set {
	var entries []Entry
	var boxes []Box
	for i := range lines {
		boxes = append(boxes, lines[i].Box)
		if i+1 == len(lines) || lines[i+1].Decision != lines[i].Decision {
			entries = append(entries, Entry{s.Of(boxes...), lines[i].Decision})
			boxes = boxes[:0]
		}
	}
	return s.FirstMatch(entries, otherwise)
}
