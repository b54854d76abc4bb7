package smt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/packet"
)

// Term is a Boolean or a bit vector of one Builder. The zero Term is none; an
// operation on it gives none, and the builder's formulas an error.
type Term uint32

// MaxWidth is the widest bit vector: an IPv6 address.
const MaxWidth = 128

type op uint8

const (
	opNone op = iota
	opTrue
	opFalse
	opVar
	opNumber
	opNot
	opAnd
	opOr
	opIte
	opEq
	opUle
	opExtract
	opConcat
)

type node struct {
	op     op
	width  int // 0: Boolean
	args   []Term
	value  Value
	hi, lo int // of opExtract
	name   string
	note   string
	named  bool // has a name of its own in the text
}

// Builder makes terms. Equal terms are one. It is not safe for concurrent use.
type Builder struct {
	nodes []node
	index map[string]Term
	vars  map[string]Term
	err   error
}

// NewBuilder returns an empty builder.
func NewBuilder() *Builder {
	b := &Builder{nodes: make([]node, 1), index: map[string]Term{}, vars: map[string]Term{}}
	b.intern(node{op: opTrue})
	b.intern(node{op: opFalse})
	return b
}

// Constants of every builder.
const (
	True  Term = 1
	False Term = 2
)

// Of returns a constant truth.
func Of(b bool) Term {
	if b {
		return True
	}
	return False
}

var errTerm = errors.New("smt: a term of the wrong kind")

func (b *Builder) fail(format string, args ...any) Term {
	if b.err == nil {
		b.err = fmt.Errorf("%w: %s", errTerm, fmt.Sprintf(format, args...))
	}
	return 0
}

func (b *Builder) intern(n node) Term {
	key := []byte{byte(n.op)}
	key = binary.AppendUvarint(key, uint64(n.width))
	key = binary.AppendUvarint(key, n.value.Hi)
	key = binary.AppendUvarint(key, n.value.Lo)
	key = binary.AppendUvarint(key, uint64(n.hi))
	key = binary.AppendUvarint(key, uint64(n.lo))
	for _, a := range n.args {
		key = binary.BigEndian.AppendUint32(key, uint32(a))
	}
	if t, ok := b.index[string(key)]; ok {
		return t
	}
	t := Term(len(b.nodes))
	b.nodes = append(b.nodes, n)
	b.index[string(key)] = t
	return t
}

// variable returns the variable of a name, and makes it if it is new.
func (b *Builder) variable(name, note string, width int) Term {
	if t, ok := b.vars[name]; ok {
		if b.nodes[t].width != width {
			return b.fail("variable %s has %d bits, not %d", name, b.nodes[t].width, width)
		}
		return t
	}
	if !isSymbol(name) {
		return b.fail("%q is no name", name)
	}
	t := Term(len(b.nodes))
	b.nodes = append(b.nodes, node{op: opVar, width: width, name: name, note: note})
	b.vars[name] = t
	return t
}

// isSymbol reports whether a name is one that needs no quotes and cannot be
// mistaken for one of Define's.
func isSymbol(s string) bool {
	if s == "" || len(s) > 64 || s[0] >= '0' && s[0] <= '9' || s[0] == 'd' && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return false
	}
	return !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.'
	})
}

// Bool returns the Boolean variable of a name: letters, digits, dots and
// underscores. The note is a comment for those who read the text.
func (b *Builder) Bool(name, note string) Term { return b.variable(name, note, 0) }

// Vector returns the bit-vector variable of a name, of 1 to MaxWidth bits.
func (b *Builder) Vector(name, note string, width int) Term {
	if width < 1 || width > MaxWidth {
		return b.fail("a vector of %d bits", width)
	}
	return b.variable(name, note, width)
}

// Constant is a number of a width.
func (b *Builder) Constant(v Value, width int) Term {
	if width < 1 || width > MaxWidth || !v.fits(width) {
		return b.fail("a number that %d bits do not hold", width)
	}
	return b.intern(node{op: opNumber, width: width, value: v})
}

// Width returns the bits of a vector, 0 for Booleans.
func (b *Builder) Width(t Term) int {
	if int(t) >= len(b.nodes) {
		return 0
	}
	return b.nodes[t].width
}

// has checks arguments: each exists and has the width.
func (b *Builder) has(width int, ts ...Term) bool {
	for _, t := range ts {
		if t == 0 || int(t) >= len(b.nodes) || b.nodes[t].width != width {
			b.fail("term %d does not have %d bits", t, width)
			return false
		}
	}
	return true
}

// Not is true where t is not.
func (b *Builder) Not(t Term) Term {
	switch {
	case !b.has(0, t):
		return 0
	case t == True:
		return False
	case t == False:
		return True
	case b.nodes[t].op == opNot:
		return b.nodes[t].args[0]
	}
	return b.intern(node{op: opNot, args: []Term{t}})
}

// And is true where all are; True without any.
func (b *Builder) And(ts ...Term) Term { return b.join(opAnd, True, False, ts) }

// Or is true where any is; False without any.
func (b *Builder) Or(ts ...Term) Term { return b.join(opOr, False, True, ts) }

func (b *Builder) join(o op, neutral, absorbing Term, ts []Term) Term {
	if !b.has(0, ts...) {
		return 0
	}
	var args []Term
	for _, t := range ts {
		switch {
		case t == neutral:
		case t == absorbing:
			return absorbing
		case b.nodes[t].op == o && !b.nodes[t].named:
			args = append(args, b.nodes[t].args...)
		default:
			args = append(args, t)
		}
	}
	slices.Sort(args)
	args = slices.Compact(args)
	for _, t := range args {
		if b.nodes[t].op == opNot && slices.Contains(args, b.nodes[t].args[0]) {
			return absorbing
		}
	}
	switch len(args) {
	case 0:
		return neutral
	case 1:
		return args[0]
	}
	return b.intern(node{op: o, args: args})
}

// Implies is true where p is not or q is.
func (b *Builder) Implies(p, q Term) Term { return b.Or(b.Not(p), q) }

// Xor is true where two Booleans differ.
func (b *Builder) Xor(p, q Term) Term { return b.Not(b.Eq(p, q)) }

// Ite is yes where p is true and no elsewhere.
func (b *Builder) Ite(p, yes, no Term) Term {
	if !b.has(0, p) || !b.has(b.Width(yes), yes, no) {
		return 0
	}
	switch {
	case p == True || yes == no:
		return yes
	case p == False:
		return no
	case yes == True && no == False:
		return p
	case yes == True:
		return b.Or(p, no)
	case yes == False:
		return b.And(b.Not(p), no)
	case no == False:
		return b.And(p, yes)
	case no == True:
		return b.Or(b.Not(p), yes)
	}
	return b.intern(node{op: opIte, width: b.Width(yes), args: []Term{p, yes, no}})
}

// Eq is true where two terms of one width are equal.
func (b *Builder) Eq(x, y Term) Term {
	if !b.has(b.Width(x), x, y) {
		return 0
	}
	switch {
	case x == y:
		return True
	case x > y:
		x, y = y, x
	}
	switch {
	case x == True:
		return y
	case x == False:
		return b.Not(y)
	case b.nodes[x].op == opNumber && b.nodes[y].op == opNumber:
		return False
	}
	return b.intern(node{op: opEq, args: []Term{x, y}})
}

// Ule is true where x is at most y, as unsigned numbers.
func (b *Builder) Ule(x, y Term) Term {
	if b.Width(x) == 0 || !b.has(b.Width(x), x, y) {
		return b.fail("comparison of Booleans")
	}
	n, m := &b.nodes[x], &b.nodes[y]
	switch {
	case x == y, n.op == opNumber && n.value == Value{}, m.op == opNumber && m.value == b.largest(n.width):
		return True
	case n.op == opNumber && m.op == opNumber:
		return Of(n.value.Compare(m.value) <= 0)
	}
	return b.intern(node{op: opUle, args: []Term{x, y}})
}

func (b *Builder) largest(width int) Value {
	return Value{^uint64(0), ^uint64(0)}.slice(width-1, 0)
}

// Between is true where x lies in an interval.
func (b *Builder) Between(x Term, lo, hi Value) Term {
	w := b.Width(x)
	if lo == hi {
		return b.Eq(x, b.Constant(lo, w))
	}
	return b.And(b.Ule(b.Constant(lo, w), x), b.Ule(x, b.Constant(hi, w)))
}

// Extract is the bits hi to lo of a vector.
func (b *Builder) Extract(hi, lo int, t Term) Term {
	w := b.Width(t)
	switch {
	case t == 0 || lo < 0 || hi < lo || hi >= w:
		return b.fail("bits %d to %d of %d", hi, lo, w)
	case lo == 0 && hi == w-1:
		return t
	case b.nodes[t].op == opNumber:
		return b.Constant(b.nodes[t].value.slice(hi, lo), hi-lo+1)
	}
	return b.intern(node{op: opExtract, width: hi - lo + 1, args: []Term{t}, hi: hi, lo: lo})
}

// Concat puts the bits of two vectors in a row.
func (b *Builder) Concat(high, low Term) Term {
	w := b.Width(high) + b.Width(low)
	if b.Width(high) == 0 || b.Width(low) == 0 || w > MaxWidth {
		return b.fail("%d bits in a row", w)
	}
	return b.intern(node{op: opConcat, width: w, args: []Term{high, low}})
}

// Inside is true where an address, a vector of 32 or 128 bits, lies in a CIDR.
// It never does in one of the other family.
func (b *Builder) Inside(a Term, p netip.Prefix) Term {
	w := b.Width(a)
	switch {
	case w != 32 && w != 128:
		return b.fail("an address of %d bits", w)
	case !p.IsValid() || p.Addr().BitLen() != w:
		return False
	case p.Bits() == 0:
		return True
	}
	n := p.Bits()
	return b.Eq(b.Extract(w-1, w-n, a), b.Constant(AddressValue(p.Addr()).slice(w-1, w-n), n))
}

// Define gives a term a name of its own in the text, so that what is built on
// it stays short.
func (b *Builder) Define(t Term, note string) Term {
	if t == 0 || int(t) >= len(b.nodes) {
		return 0
	}
	if n := &b.nodes[t]; len(n.args) > 0 {
		n.named = true
		if n.note == "" {
			n.note = note
		}
	}
	return t
}

// Header is the five variables of a header.
type Header struct {
	Family                               packet.Family
	Src, Dst, Protocol, SrcPort, DstPort Term
}

// AddressWidth is the bits of a family's addresses.
func AddressWidth(f packet.Family) int {
	if f == packet.IPv6 {
		return 128
	}
	return 32
}

// Header returns the header variables: src, dst, protocol, sport, dport.
func (b *Builder) Header(f packet.Family) Header {
	w := AddressWidth(f)
	return Header{
		Family: f, Src: b.Vector("src", "source address", w), Dst: b.Vector("dst", "destination address", w),
		Protocol: b.Vector("protocol", "", 8), SrcPort: b.Vector("sport", "source port", 16),
		DstPort: b.Vector("dport", "destination port; ICMP: type*256+code", 16),
	}
}
