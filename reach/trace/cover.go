package trace

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Claim says that every header of a family that Target may match is surely
// matched by one of Rules, whose filter has the direction Egress.
//
// A claim is about matches alone. That the rules exist, and that entries stand
// before the target, is for the caller to look at.
type Claim struct {
	Family packet.Family
	Egress bool
	Target *ir.Match
	Rules  []*ir.Match // the leaves of a cover name them by index
}

// CheckCover checks a claim by its cover, with comparisons of integers: each
// leaf's headers must lie inside the match of the rule that it names, or
// outside the target. The error says which leaf does not hold; references to
// groups cannot be checked, since a header does not tell who carries a group.
func CheckCover(c *Claim, cover *packet.Cover) error {
	k := coverCheck{family: c.Family, peer: packet.FieldSrc - 1}
	k.ranges = make([]valueRange, 0, len(c.Rules)+1)
	k.rules = make([]flatMatch, 0, len(c.Rules))
	var err error
	if k.target, err = k.flatten(c.Target, true); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	if c.Egress {
		k.peer = packet.FieldDst - 1
	}
	for i, r := range c.Rules {
		f, err := k.flatten(r, false)
		if err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
		k.rules = append(k.rules, f)
	}
	all := packet.Value{Lo: 1<<32 - 1}
	if c.Family == packet.IPv6 {
		all = packet.Value{Hi: ^uint64(0), Lo: ^uint64(0)}
	}
	for f, hi := range [...]packet.Value{{Lo: 255}, all, all, {Lo: 65535}, {Lo: 65535}} {
		k.box[f].hi = hi
	}
	return k.check(cover, 0)
}

// flatMatch is a match as integers.
type flatMatch struct {
	protocol int16 // -1: all
	ports    ir.Ports
	everyone bool
	from, to int // its CIDRs in coverCheck.ranges
}

type valueRange struct{ lo, hi packet.Value }

// flatten spells a match out: what it may take (wide), or what it surely takes.
func (k *coverCheck) flatten(m *ir.Match, wide bool) (flatMatch, error) {
	out := flatMatch{protocol: -1, ports: ir.AllPorts}
	switch {
	case m.Protocol.Known():
		out.protocol = m.Protocol.V
	case !wide:
		return out, fmt.Errorf("its protocol is not known")
	}
	switch {
	case m.Ports.Known(), m.Ports.V != ir.Ports{} && wide:
		out.ports = m.Ports.V
	case !wide:
		return out, fmt.Errorf("its ports are not known")
	}
	out.from = len(k.ranges)
	switch p := &m.Peer; {
	case p.CIDR.IsValid():
		k.add(p.CIDR)
	case p.PrefixList != nil:
		for _, c := range p.PrefixList.CIDRs {
			k.add(c)
		}
		out.everyone = wide && p.PrefixList.Open != nil
	case p.Group != nil:
		return out, fmt.Errorf("a header does not tell who is in %s", p.Group.Name)
	default:
		if !wide {
			return out, fmt.Errorf("its peer is not known")
		}
		out.everyone = true
	}
	out.to = len(k.ranges)
	return out, nil
}

// add notes a CIDR of the family.
func (k *coverCheck) add(c netip.Prefix) {
	if packet.FamilyOfPrefix(c) == k.family {
		k.ranges = append(k.ranges, rangeOf(c))
	}
}

// rangeOf returns the first and the last address of a CIDR.
func rangeOf(c netip.Prefix) valueRange {
	lo := packet.ValueOf(c.Masked().Addr())
	host := uint(c.Addr().BitLen() - c.Bits())
	hi := lo
	if host > 64 {
		hi.Hi |= 1<<(host-64) - 1
		host = 64
	}
	hi.Lo |= 1<<host - 1 // all ones for 64
	return valueRange{lo, hi}
}

// coverCheck walks a cover, with the box of the headers that get to where it
// stands.
type coverCheck struct {
	target flatMatch
	rules  []flatMatch
	ranges []valueRange
	family packet.Family
	peer   packet.Field // its index in box
	box    [packet.FieldDstPort]valueRange
}

// deepestCover bounds the depth of a cover: no honest one is deeper than it has
// leaves.
const deepestCover = packet.MaxCoverLeaves

func (k *coverCheck) check(c *packet.Cover, depth int) error {
	switch {
	case c == nil:
		return fmt.Errorf("the cover has an end without a leaf")
	case depth > deepestCover:
		return fmt.Errorf("the cover is too deep")
	case c.Field == packet.FieldInvalid:
		return k.leaf(c)
	case c.Field > packet.FieldDstPort:
		return fmt.Errorf("the cover splits %v", c.Field)
	}
	r := &k.box[c.Field-1]
	whole := *r
	if c.At.Compare(whole.lo) > 0 {
		if c.At.Compare(whole.hi) <= 0 {
			r.hi = c.At.Prev()
		}
		if err := k.check(c.Below, depth+1); err != nil {
			return err
		}
	}
	if c.At.Compare(whole.hi) <= 0 {
		r.lo, r.hi = c.At, whole.hi
		if whole.lo.Compare(c.At) > 0 {
			r.lo = whole.lo
		}
		if err := k.check(c.Above, depth+1); err != nil {
			return err
		}
	}
	*r = whole
	return nil
}

func (k *coverCheck) leaf(c *packet.Cover) error {
	switch {
	case c.By == packet.Outside:
		if !k.outside() {
			return fmt.Errorf("the target has headers in %v, which is said to lie outside of it", k.box)
		}
		return nil
	case c.By < 0 || c.By >= len(k.rules):
		return fmt.Errorf("a leaf names rule %d of %d", c.By, len(k.rules))
	case !k.inside(&k.rules[c.By]):
		return fmt.Errorf("rule %d does not match all of %v", c.By, k.box)
	}
	return nil
}

// The indexes of the fields of a box.
const (
	coverProtocol = packet.FieldProtocol - 1
	coverSource   = packet.FieldSrcPort - 1
	coverPorts    = packet.FieldDstPort - 1
)

// inside reports whether a match takes every header of the box.
func (k *coverCheck) inside(m *flatMatch) bool {
	if m.protocol != -1 {
		p := &k.box[coverProtocol]
		if p.lo.Lo != uint64(m.protocol) || p.hi.Lo != p.lo.Lo {
			return false
		}
		ports := &k.box[coverPorts]
		if packet.KindOf(k.family, uint8(m.protocol)) != packet.Plain &&
			(ports.lo.Lo < uint64(m.ports.Lo) || ports.hi.Lo > uint64(m.ports.Hi)) {
			return false
		}
	}
	// The CIDRs may be needed together: each is looked for that goes on where
	// the one before ended.
	peer := k.box[k.peer]
	cidrs := k.ranges[m.from:m.to]
	for {
		next := -1
		for i := range cidrs {
			if c := &cidrs[i]; c.lo.Compare(peer.lo) <= 0 && peer.lo.Compare(c.hi) <= 0 {
				next = i
				break
			}
		}
		switch {
		case next < 0:
			return false
		case cidrs[next].hi.Compare(peer.hi) >= 0:
			return true
		}
		peer.lo = cidrs[next].hi.Next()
	}
}

// outside reports whether the target takes no header of the box.
func (k *coverCheck) outside() bool {
	t := &k.target
	peer := &k.box[k.peer]
	meets := t.everyone
	for _, c := range k.ranges[t.from:t.to] {
		meets = meets || c.lo.Compare(peer.hi) <= 0 && peer.lo.Compare(c.hi) <= 0
	}
	if !meets {
		return true
	}
	lo, hi := int(k.box[coverProtocol].lo.Lo), int(k.box[coverProtocol].hi.Lo)
	if t.protocol != -1 {
		if int(t.protocol) < lo || int(t.protocol) > hi {
			return true
		}
		lo, hi = int(t.protocol), int(t.protocol)
	}
	for p := lo; p <= hi; p++ {
		if k.reached(uint8(p)) {
			return false
		}
	}
	return true
}

// reached reports whether the target takes a header of one protocol in the box,
// as far as ports tell.
func (k *coverCheck) reached(p uint8) bool {
	source, ports := &k.box[coverSource], &k.box[coverPorts]
	kind := packet.KindOf(k.family, p)
	if kind != packet.Ported && source.lo.Lo > 0 {
		return false // the box holds no such header
	}
	if kind == packet.Plain {
		return ports.lo.Lo == 0
	}
	return k.target.protocol == -1 || ports.lo.Lo <= uint64(k.target.ports.Hi) && uint64(k.target.ports.Lo) <= ports.hi.Lo
}
