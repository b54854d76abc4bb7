package packet

// Range is an interval of values of a field, both ends included.
type Range struct{ Lo, Hi Value }

// Contains reports whether a value lies in the interval.
func (r Range) Contains(v Value) bool { return r.Lo.Compare(v) <= 0 && v.Compare(r.Hi) <= 0 }

// Region is the headers each field of which lies in the field's interval, at
// index Field less one. It stands for the well-formed headers in it: which
// values of fields that a header lacks it holds besides does not matter.
//
// It is what those who ask whether headers are covered, and those who answer,
// have in common; neither imports the other.
type Region [FieldDstPort]Range

// Contains reports whether a header lies in the region.
func (r *Region) Contains(h Header) bool {
	return r[FieldProtocol-1].Contains(Value{Lo: uint64(h.Protocol)}) &&
		r[FieldSrc-1].Contains(ValueOf(h.Src)) && r[FieldDst-1].Contains(ValueOf(h.Dst)) &&
		r[FieldSrcPort-1].Contains(Value{Lo: uint64(h.SrcPort)}) && r[FieldDstPort-1].Contains(Value{Lo: uint64(h.DstPort)})
}
