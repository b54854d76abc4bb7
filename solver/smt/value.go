package smt

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// Value is the value of a term: an unsigned number of up to 128 bits, or of a
// Boolean 0 or 1.
type Value struct{ Hi, Lo uint64 }

// Number is a small value.
func Number(n uint64) Value { return Value{Lo: n} }

// AddressValue is an address as a bit vector of 32 or 128 bits.
func AddressValue(a netip.Addr) Value {
	if a.Is4() {
		b := a.As4()
		return Number(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return Value{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Address reads a value of 32 or 128 bits as an address.
func (v Value) Address(width int) netip.Addr {
	if width == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(v.Lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], v.Hi)
	binary.BigEndian.PutUint64(b[8:], v.Lo)
	return netip.AddrFrom16(b)
}

// Compare orders values as unsigned numbers.
func (v Value) Compare(w Value) int {
	switch {
	case v == w:
		return 0
	case v.Hi < w.Hi || v.Hi == w.Hi && v.Lo < w.Lo:
		return -1
	}
	return 1
}

// fits reports whether the value has no bits beyond a width.
func (v Value) fits(width int) bool {
	if width > 64 {
		return bits.Len64(v.Hi) <= width-64
	}
	return v.Hi == 0 && bits.Len64(v.Lo) <= width
}

// slice returns the bits hi to lo.
func (v Value) slice(hi, lo int) Value {
	w := v
	switch {
	case lo >= 64:
		w = Value{Lo: v.Hi >> (lo - 64)}
	case lo > 0:
		w = Value{Hi: v.Hi >> lo, Lo: v.Lo>>lo | v.Hi<<(64-lo)}
	}
	if width := hi - lo + 1; width <= 64 {
		w.Hi = 0
		if width < 64 {
			w.Lo &= 1<<width - 1
		}
	} else if width < 128 {
		w.Hi &= 1<<(width-64) - 1
	}
	return w
}

// text writes the value as SMT-LIB does: #x0a, or #b011 where the width is no
// multiple of four.
func (v Value) text(width int) string {
	switch {
	case width%4 != 0 && width > 64:
		return fmt.Sprintf("#b%0*b%064b", width-64, v.Hi, v.Lo)
	case width%4 != 0:
		return fmt.Sprintf("#b%0*b", width, v.Lo)
	case width > 64:
		return fmt.Sprintf("#x%0*x%016x", width/4-16, v.Hi, v.Lo)
	}
	return fmt.Sprintf("#x%0*x", width/4, v.Lo)
}
