package ir

import (
	"github.com/postern-dev/postern/diag"
)

// Unknown says that something is not known, and why. Equal non-empty terms
// are equal values: two rules that wait for var.office_cidr wait for the same
// addresses. A term that stands for one occurrence only (each.value of a
// collection that is unknown) must be unique to it.
type Unknown struct {
	Term  string
	Cause diag.Cause
}

// Value is a value that may be unknown: known iff Why is nil. When it is
// unknown, V is the widest bound that is known, where the field's comment says
// so, and meaningless otherwise.
type Value[T any] struct {
	V   T
	Why *Unknown
}

// Known wraps a known value.
func Known[T any](v T) Value[T] { return Value[T]{V: v} }

// NotKnown wraps an unknown one.
func NotKnown[T any](why *Unknown) Value[T] { return Value[T]{Why: why} }

// Known reports whether the value is known.
func (v Value[T]) Known() bool { return v.Why == nil }

// Choice is exactly one of several things: one of Of, or, when Open, possibly
// another one that the input does not show. It is known iff Of has one element
// and Open is nil; Why says what decides when Of has several.
type Choice[T any] struct {
	Of   []T
	Why  *Unknown
	Open *Unknown
}

// One is the known choice.
func One[T any](v T) Choice[T] { return Choice[T]{Of: []T{v}} }

// Another is the choice of which nothing is known.
func Another[T any](why *Unknown) Choice[T] { return Choice[T]{Open: why} }

// Known returns the only candidate, if there is just one.
func (c Choice[T]) Known() (T, bool) {
	var zero T
	if len(c.Of) != 1 || c.Open != nil {
		return zero, false
	}
	return c.Of[0], true
}

// Unknowns lists what stands between the choice and an answer.
func (c Choice[T]) Unknowns() []*Unknown {
	var us []*Unknown
	if c.Open != nil {
		us = append(us, c.Open)
	}
	if c.Why != nil && len(c.Of) > 1 {
		us = append(us, c.Why)
	}
	return us
}

// Possible is a thing that may or may not be there.
type Possible[T any] struct {
	V   T
	Why *Unknown
}

// Many is a set of things: the sure ones, the possible ones, and, when Open,
// possibly others that the input does not show.
type Many[T any] struct {
	Sure  []T
	Maybe []Possible[T]
	Open  *Unknown
}

// All is the known set.
func All[T any](vs ...T) Many[T] { return Many[T]{Sure: vs} }

// Field names an attribute of a rule, entry, route or interface whose place in
// the source Origin knows.
type Field uint8

// The fields.
const (
	FieldInvalid Field = iota
	FieldPeer          // CIDR, group, prefix list; destination of a route
	FieldProtocol
	FieldPorts // from_port, or the range as a whole
	FieldToPort
	FieldNumber
	FieldAction
	FieldTarget  // of a route
	FieldGroups  // of an interface
	FieldSubnet  // of an interface
	FieldSubnets // of an ACL
	FieldPublic  // what gives or withholds a public address
	FieldExists  // count, for_each
)

// Origin says where a thing was written.
type Origin struct {
	// Address is the Terraform address or, in an export, the AWS id. A rule of
	// an export adds its place: "sg-1/ingress/sgr-9", "acl-1/ingress/100".
	Address string
	// Range is the attribute that matters most: the peer of a rule (the very
	// element of its list), the action of an entry.
	Range diag.Range
	// Block is the whole block, resource or JSON object.
	Block diag.Range
	// Fields holds the places of single attributes; it may be shared between
	// things that come from one block. Use At to read it.
	Fields map[Field]diag.Range
	// Description is what the author wrote about a rule: shown, never used.
	Description string
	// Implicit: nobody wrote it; AWS makes it (a default ACL, the local route).
	Implicit bool
	// Aside: it is here for what may be, beside what the source writes as a rule
	// or entry of its own: a copy in each object that an unknown id may name, or
	// what a list may hold that a plan does not show.
	Aside bool
}

// At returns the place of a field, or the origin's own place where the field's
// is not known.
func (o Origin) At(f Field) diag.Range {
	if r, ok := o.Fields[f]; ok {
		return r
	}
	return o.Range
}

// Place returns the origin as a place to point at.
func (o Origin) Place(message string) diag.Place {
	return diag.Place{Address: o.Address, Message: message, Range: o.Range}
}
