package aws

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// hostBits says what a resource does with a CIDR that has host bits.
type hostBits uint8

const (
	hostBitsRefused hostBits = iota // the provider's validation fails
	hostBitsMasked                  // AWS stores the network address
)

// cidr reads a CIDR of a family. AWS takes IPv4 only in dotted form; an IPv6
// CIDR may be written in any of its forms.
func (v view) cidr(e elem, f packet.Family, bits hostBits) ir.Value[netip.Prefix] {
	switch {
	case e.unknown() != nil:
		return ir.NotKnown[netip.Prefix](e.unknown())
	case tf.HasSymbol(e.s):
		return ir.NotKnown[netip.Prefix](afterApply(e))
	}
	p, err := netip.ParsePrefix(e.s)
	if err != nil || p.Addr().Is4In6() {
		return ir.NotKnown[netip.Prefix](v.invalid(e.at, "this is not a CIDR", `write an address and a prefix length, as in "10.0.0.0/8"`))
	}
	if f != packet.FamilyInvalid && packet.FamilyOfPrefix(p) != f {
		return ir.NotKnown[netip.Prefix](v.invalid(e.at, fmt.Sprintf("this is not an %s CIDR", familyName(f)), "use the attribute of the other family"))
	}
	if m := p.Masked(); m != p {
		if bits == hostBitsRefused {
			return ir.NotKnown[netip.Prefix](v.invalid(e.at, fmt.Sprintf("%s is not a network address: its network is %s", p, m), fmt.Sprintf("write %q", m)))
		}
		p = m
	}
	return ir.Known(p)
}

func familyName(f packet.Family) string {
	if f == packet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// afterApply is why a string with a symbol in it is not known.
func afterApply(e elem) *ir.Unknown {
	name := tf.Readable(e.s)
	return &ir.Unknown{Term: name, Cause: diag.Cause{Code: diag.Computed, Message: name + " is known after apply", Address: name, Range: e.at}}
}

// cidrAttr reads an attribute that holds one CIDR; set is false when it is not
// written or empty, which the provider treats alike.
func (v view) cidrAttr(name string, f packet.Family, bits hostBits) (p ir.Value[netip.Prefix], set bool) {
	es := v.single(name)
	if len(es) == 0 {
		return p, false
	}
	return v.cidr(es[0], f, bits), true
}

// addr reads an address.
func (v view) addr(e elem, f packet.Family) ir.Value[netip.Addr] {
	switch {
	case e.unknown() != nil:
		return ir.NotKnown[netip.Addr](e.unknown())
	case tf.HasSymbol(e.s):
		return ir.NotKnown[netip.Addr](afterApply(e))
	}
	a, err := netip.ParseAddr(e.s)
	if err != nil || a.Zone() != "" || packet.FamilyOf(a) != f || a.Is4In6() {
		return ir.NotKnown[netip.Addr](v.invalid(e.at, fmt.Sprintf("this is not an %s address", familyName(f)), "write one address, without a prefix length"))
	}
	return ir.Known(a)
}
