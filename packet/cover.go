package packet

import (
	"cmp"
	"encoding/binary"
	"net/netip"
)

// Value is a value of any field of a header. An IPv6 address uses both halves,
// everything else only the lower one.
type Value struct{ Hi, Lo uint64 }

// ValueOf returns an address as a value, 0 for the zero address.
func ValueOf(a netip.Addr) Value {
	switch {
	case a.Is4():
		b := a.As4()
		return Value{Lo: uint64(binary.BigEndian.Uint32(b[:]))}
	case a.IsValid():
		b := a.As16()
		return Value{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	}
	return Value{}
}

// Addr returns the address of a family that a value stands for.
func (a Value) Addr(f Family) netip.Addr {
	if f == IPv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.Lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	return netip.AddrFrom16(b)
}

// Compare orders values by size.
func (a Value) Compare(b Value) int {
	if a.Hi != b.Hi {
		return cmp.Compare(a.Hi, b.Hi)
	}
	return cmp.Compare(a.Lo, b.Lo)
}

// Next is the following value; it wraps at the largest.
func (a Value) Next() Value {
	a.Lo++
	if a.Lo == 0 {
		a.Hi++
	}
	return a
}

// Prev is the value before; it wraps at 0.
func (a Value) Prev() Value {
	if a.Lo == 0 {
		a.Hi--
	}
	a.Lo--
	return a
}

// Cover proves that every header of a target is matched by some rule of a list,
// in a form that can be checked with comparisons of integers alone. It is a
// tree over all headers of a family: a node cuts the headers that get to it in
// two by the value of one field, and a leaf says why none of those that get to
// it is left over.
//
//	             destination port < 443 ?
//	             /                     \
//	     port < 22 ?                port < 444 ?
//	    /           \              /           \
//	Outside       rule 3        rule 7       Outside
//
// That the parts are disjoint and that nothing is missing is evident from the
// tree; what remains to be checked is that each leaf's headers lie inside the
// match of the rule that it names, or outside the target.
type Cover struct {
	// By is, at a leaf, the index of a rule that matches every header which
	// gets here, or Outside.
	By int
	// Field is what a node looks at; FieldInvalid at a leaf.
	Field Field
	// At is the first value that goes to Above; smaller ones go to Below.
	At           Value
	Below, Above *Cover
}

// What stands at leaves in place of a rule.
const (
	// Outside: the target has no header here.
	Outside = -1
	// Otherwise: no rule of the list takes the headers here, and what becomes
	// of those is what the target would do. Only covers that prove that a rule
	// can be left out have such leaves.
	Otherwise = -2
)

// MaxCoverLeaves bounds the leaves of covers that are made.
const MaxCoverLeaves = 4096

// Leaves returns the number of leaves of a cover.
func (c *Cover) Leaves() int {
	if c == nil {
		return 0
	}
	if c.Field == FieldInvalid {
		return 1
	}
	return c.Below.Leaves() + c.Above.Leaves()
}
