package trace

import (
	"fmt"
	"net/netip"
	"slices"

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
	if g := c.Target.Peer.Group; g != nil {
		return fmt.Errorf("the target: a header does not tell who is in %s", g.Name)
	}
	k := coverCheck{Claim: c, peer: packet.FieldSrc - 1}
	if c.Egress {
		k.peer = packet.FieldDst - 1
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

type valueRange struct{ lo, hi packet.Value }

// rangeOf returns the first and the last address of a CIDR of the family.
func (k *coverCheck) rangeOf(c netip.Prefix) (valueRange, bool) {
	a := c.Addr()
	if !c.IsValid() || a.Is4() != (k.Family == packet.IPv4) {
		return valueRange{}, false
	}
	host := uint(a.BitLen() - c.Bits())
	mask := packet.Value{Lo: 1<<host - 1} // all ones from 64 on
	if host > 64 {
		mask.Hi = 1<<(host-64) - 1
	}
	v := packet.ValueOf(a)
	return valueRange{
		packet.Value{Hi: v.Hi &^ mask.Hi, Lo: v.Lo &^ mask.Lo}, packet.Value{Hi: v.Hi | mask.Hi, Lo: v.Lo | mask.Lo},
	}, true
}

// coverCheck walks a cover, with the box of the headers that get to where it
// stands.
type coverCheck struct {
	*Claim
	peer packet.Field // its index in box
	box  [packet.FieldDstPort]valueRange
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
	lo, hi := r.lo, r.hi
	if less(lo, c.At) {
		if !less(hi, c.At) {
			r.hi = c.At.Prev()
		}
		if err := k.check(c.Below, depth+1); err != nil {
			return err
		}
		r.hi = hi
	}
	if !less(hi, c.At) {
		if less(lo, c.At) {
			r.lo = c.At
		}
		if err := k.check(c.Above, depth+1); err != nil {
			return err
		}
		r.lo = lo
	}
	return nil
}

// less is Compare for a place that is short of time.
func less(a, b packet.Value) bool { return a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo }

func (k *coverCheck) leaf(c *packet.Cover) error {
	switch {
	case c.By == packet.Outside:
		if !k.outside() {
			return fmt.Errorf("the target has headers in %v, which is said to lie outside of it", k.box)
		}
		return nil
	case c.By < 0 || c.By >= len(k.Rules):
		return fmt.Errorf("a leaf names rule %d of %d", c.By, len(k.Rules))
	case !k.inside(k.Rules[c.By]):
		return fmt.Errorf("rule %d does not surely match all of %v", c.By, k.box)
	}
	return nil
}

// The indexes of the fields of a box.
const (
	coverProtocol = packet.FieldProtocol - 1
	coverSource   = packet.FieldSrcPort - 1
	coverPorts    = packet.FieldDstPort - 1
)

// inside reports whether a match surely takes every header of the box. What is
// not known about it, and who is in a group, surely takes nothing.
func (k *coverCheck) inside(m *ir.Match) bool {
	if !m.Protocol.Known() || !m.Ports.Known() {
		return false
	}
	if m.Protocol.V != -1 {
		p := &k.box[coverProtocol]
		if p.lo.Lo != uint64(m.Protocol.V) || p.hi.Lo != p.lo.Lo {
			return false
		}
		ports := &k.box[coverPorts]
		if packet.KindOf(k.Family, uint8(m.Protocol.V)) != packet.Plain &&
			(ports.lo.Lo < uint64(m.Ports.V.Lo) || ports.hi.Lo > uint64(m.Ports.V.Hi)) {
			return false
		}
	}
	switch p := &m.Peer; {
	case p.CIDR.IsValid():
		r, ok := k.rangeOf(p.CIDR)
		box := &k.box[k.peer]
		return ok && !less(box.lo, r.lo) && !less(r.hi, box.hi)
	case p.PrefixList != nil:
		return k.insideList(p.PrefixList.CIDRs)
	default:
		return false
	}
}

// insideList reports whether CIDRs together hold the peers of the box: each is
// looked for that goes on where the one before ended.
func (k *coverCheck) insideList(cidrs []netip.Prefix) bool {
	peer := k.box[k.peer]
	for {
		var next valueRange
		found := false
		for _, c := range cidrs {
			r, ok := k.rangeOf(c)
			if ok && !less(peer.lo, r.lo) && !less(r.hi, peer.lo) {
				next, found = r, true
				break
			}
		}
		switch {
		case !found:
			return false
		case !less(next.hi, peer.hi):
			return true
		}
		peer.lo = next.hi.Next()
	}
}

// outside reports whether the target takes no header of the box.
func (k *coverCheck) outside() bool {
	t := k.Target
	if !k.meetsPeer(&t.Peer) {
		return true
	}
	lo, hi := int(k.box[coverProtocol].lo.Lo), int(k.box[coverProtocol].hi.Lo)
	if t.Protocol.Known() && t.Protocol.V != -1 {
		if int(t.Protocol.V) < lo || int(t.Protocol.V) > hi {
			return true
		}
		lo, hi = int(t.Protocol.V), int(t.Protocol.V)
	}
	for p := lo; p <= hi; p++ {
		if k.reached(uint8(p)) {
			return false
		}
	}
	return true
}

// meetsPeer reports whether some peer of the box may be the target's.
func (k *coverCheck) meetsPeer(p *ir.Peer) bool {
	meets := func(c netip.Prefix) bool {
		r, ok := k.rangeOf(c)
		return ok && !less(k.box[k.peer].hi, r.lo) && !less(r.hi, k.box[k.peer].lo)
	}
	switch {
	case p.CIDR.IsValid():
		return meets(p.CIDR)
	case p.PrefixList != nil:
		return slices.ContainsFunc(p.PrefixList.CIDRs, meets) || k.mayHoldMore(p.PrefixList)
	}
	return true
}

// mayHoldMore reports whether a list may hold a peer of the box beside its
// CIDRs: no list of AWS's holds documentation networks.
func (k *coverCheck) mayHoldMore(l *ir.PrefixList) bool {
	if !l.MayHoldMore(netip.Addr{}, k.Family) {
		return false
	}
	return !l.AWS || !slices.ContainsFunc(ir.Documentation(), func(c netip.Prefix) bool {
		r, ok := k.rangeOf(c)
		return ok && !less(k.box[k.peer].lo, r.lo) && !less(r.hi, k.box[k.peer].hi)
	})
}

// reached reports whether the target takes a header of one protocol in the box,
// as far as ports tell.
func (k *coverCheck) reached(p uint8) bool {
	source, ports := &k.box[coverSource], &k.box[coverPorts]
	kind := packet.KindOf(k.Family, p)
	if kind != packet.Ported && source.lo.Lo > 0 {
		return false // the box holds no such header
	}
	if kind == packet.Plain {
		return ports.lo.Lo == 0
	}
	t := k.Target
	if !t.Protocol.Known() || t.Protocol.V == -1 || !t.Ports.Known() && t.Ports.V == (ir.Ports{}) {
		return true
	}
	return ports.lo.Lo <= uint64(t.Ports.V.Hi) && uint64(t.Ports.V.Lo) <= ports.hi.Lo
}
