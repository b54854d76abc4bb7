package rulelist

import (
	"slices"

	"github.com/postern-dev/postern/packet"
)

// axis is one field with the values that matter along it.
type axis struct {
	// bounds are the first values of the intervals that no piece cuts, in
	// order; rank k stands for bounds[k] up to bounds[k+1]-1. One more entry
	// stands at the end, the largest value's next; in IPv6 that is 0.
	bounds []packet.Value
}

// ranks returns how many ranks an axis has.
func (a *axis) ranks() int { return len(a.bounds) - 1 }

// bound is one end of a piece while an axis is made: the first value of an
// interval, or the one after its last.
type bound struct {
	at   packet.Value
	slot uint32 // 2*piece, or 2*piece+1 for the end
}

// compress makes the axis of a field, and puts its ranks into the pieces.
func compress(f packet.Family, field int, boxes []box, pieces []piece) axis {
	end := largest(f, field).Next()
	if field != protocol && f == packet.IPv4 || field == srcPort || field == dstPort || field == protocol {
		return compressSmall(field, end.Lo, boxes, pieces)
	}
	bs := make([]bound, 0, 2*len(boxes))
	for i := range boxes {
		bs = append(bs, bound{boxes[i][field].lo, uint32(2 * i)})
		if next := boxes[i][field].hi.Next(); next != end {
			bs = append(bs, bound{next, uint32(2*i + 1)})
		}
	}
	slices.SortFunc(bs, func(a, b bound) int { return a.at.Compare(b.at) })
	out := []packet.Value{{}}
	for i := range pieces {
		pieces[i][field].hi = endRank
	}
	for _, b := range bs {
		if b.at != out[len(out)-1] {
			out = append(out, b.at)
		}
		setRank(pieces, field, b.slot, uint32(len(out)-1))
	}
	return closeAxis(field, append(out, end), pieces)
}

// compressSmall is compress for fields whose values have at most 32 bits: value
// and slot are sorted as one number.
func compressSmall(field int, end uint64, boxes []box, pieces []piece) axis {
	keys := make([]uint64, 0, 2*len(boxes))
	for i := range boxes {
		keys = append(keys, boxes[i][field].lo.Lo<<32|uint64(2*i))
		if next := boxes[i][field].hi.Lo + 1; next != end {
			keys = append(keys, next<<32|uint64(2*i+1))
		}
	}
	slices.Sort(keys)
	out := []packet.Value{{}}
	for i := range pieces {
		pieces[i][field].hi = endRank
	}
	for _, k := range keys {
		if k>>32 != out[len(out)-1].Lo {
			out = append(out, packet.Value{Lo: k >> 32})
		}
		setRank(pieces, field, uint32(k), uint32(len(out)-1))
	}
	return closeAxis(field, append(out, packet.Value{Lo: end}), pieces)
}

// endRank stands for the rank of the last interval until it is known.
const endRank = ^uint32(0)

func setRank(pieces []piece, field int, slot, rank uint32) {
	if slot%2 == 0 {
		pieces[slot/2][field].lo = rank
	} else {
		pieces[slot/2][field].hi = rank - 1
	}
}

func closeAxis(field int, bounds []packet.Value, pieces []piece) axis {
	for i := range pieces {
		if pieces[i][field].hi == endRank {
			pieces[i][field].hi = uint32(len(bounds) - 2)
		}
	}
	return axis{bounds: bounds}
}

// rank returns the rank of a value.
func (a *axis) rank(v packet.Value) uint32 {
	lo, hi := 0, a.ranks()-1
	for lo < hi {
		m := (lo + hi + 1) / 2
		if a.bounds[m].Compare(v) <= 0 {
			lo = m
		} else {
			hi = m - 1
		}
	}
	return uint32(lo)
}
