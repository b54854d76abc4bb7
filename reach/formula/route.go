package formula

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// line is one destination of something in a table, which has a number there.
type line struct {
	takes  smt.Term
	bits   int // of the prefix; more than any for one that is not known
	class  int // of equal prefixes: static, prefix list, propagated
	number int
	note   string
}

func (l line) rank(o line) int {
	return cmp.Or(cmp.Compare(o.bits, l.bits), cmp.Compare(l.class, o.class))
}

const unknownBits = 200

// longest says when each of n things in a table is the one that decides, and when
// none is: the longest prefix that takes the address. A destination that is not
// known wins whenever it takes it: with a shorter prefix it does not win, which
// is as if it did not take it. Which of equal ones wins is not known.
// [VPC VPC_Route_Tables.md]
func (e *Encoder) longest(table any, lines []line, n int) (each []smt.Term, none smt.Term) {
	slices.SortStableFunc(lines, func(x, y line) int { return cmp.Or(x.rank(y), cmp.Compare(x.number, y.number)) })
	lines = slices.DeleteFunc(lines, func(l line) bool { return l.takes == smt.False })
	each, none = make([]smt.Term, n), smt.True
	for k := range each {
		each[k] = smt.False
	}
	for k, l := range lines {
		if none == smt.False {
			break
		}
		var rivals []smt.Term
		for _, o := range lines[k+1:] {
			if l.rank(o) != 0 {
				break
			}
			if o.number != l.number {
				rivals = append(rivals, o.takes)
			}
		}
		takes := l.takes
		if rival := e.Or(rivals...); rival != smt.False {
			yields := e.free(key{kind: "yields", of: table, position: k, at: l.takes}, l.note+" yields to its equal")
			takes = e.And(takes, e.Not(e.And(rival, yields)))
		}
		each[l.number] = e.Or(each[l.number], e.And(none, takes))
		none = e.Define(e.And(none, e.Not(takes)), l.note)
	}
	return each, none
}

// lead is something that a table may do with a packet.
type lead struct {
	target ir.Target
	list   bool     // its destination is a prefix list
	taken  smt.Term // the packet takes such a route
	alive  smt.Term // which is not a blackhole
}

// leads lists where a table leads packets to an address, and when it does what
// the input does not show.
func (e *Encoder) leads(t *ir.RouteTable, a smt.Term) (ls []lead, hidden smt.Term) {
	hidden = smt.False
	if t.Open != nil {
		hidden = e.free(key{kind: "hidden route", of: t, at: a}, "a route that is not shown takes it: "+label(t.Open))
	}
	var lines []line
	for k := range t.Routes {
		r := &t.Routes[k]
		class := classStatic
		if r.Propagated {
			class = classPropagated
		}
		for _, l := range e.lines(&r.Destination, r, class, a) {
			l.takes, l.number, l.note = e.And(l.takes, e.exists(r.Maybe)), k, "route "+r.Origin.Address
			lines = append(lines, l)
		}
	}
	shown := e.Not(hidden)
	each, _ := e.longest(t, lines, len(t.Routes))
	for k := range t.Routes {
		r := &t.Routes[k]
		when := e.And(shown, each[k])
		if when == smt.False {
			continue
		}
		is, other := e.alternatives(len(r.Target.Of), r.Target.Why, r.Target.Open, r, "target")
		alive := e.Not(e.truth(r.Blackhole))
		for j, target := range r.Target.Of {
			ls = put(e, ls, lead{target: target, list: r.Destination.PrefixList != nil, taken: e.And(when, is[j]), alive: e.And(when, is[j], alive)})
		}
		hidden = e.Or(hidden, e.And(when, other, alive))
	}
	return ls, hidden
}

// put adds a lead to those of its target.
func put(e *Encoder, ls []lead, l lead) []lead {
	k := slices.IndexFunc(ls, func(o lead) bool { return o.target == l.target && o.list == l.list })
	if k < 0 {
		return append(ls, l)
	}
	ls[k].taken, ls[k].alive = e.Or(ls[k].taken, l.taken), e.Or(ls[k].alive, l.alive)
	return ls
}

// leading is whether a table that is one of several leads an address where the
// question wants it; hidden is what one that is not shown does.
func (e *Encoder) leading(c ir.Choice[*ir.RouteTable], owner any, a smt.Term, is func(lead) bool, hidden func() smt.Term) smt.Term {
	tables, other := e.alternatives(len(c.Of), c.Why, c.Open, owner, "route table")
	var by []smt.Term
	for k, t := range c.Of {
		ls, dark := e.leads(t, a)
		for _, l := range ls {
			if is(l) {
				by = append(by, e.And(tables[k], l.alive))
			}
		}
		if dark != smt.False {
			by = append(by, e.And(tables[k], dark, hidden()))
		}
	}
	if other != smt.False {
		by = append(by, e.And(other, hidden()))
	}
	return e.Or(by...)
}

// Of equal prefixes a static route comes before one of a prefix list, and that
// before a propagated one. [VPC VPC_Route_Tables.md]
const (
	classStatic = iota
	classList
	classPropagated
)

// lines are the destinations of a route that may hold an address. What is not
// known about them belongs to the owner.
func (e *Encoder) lines(d *ir.Peer, owner any, class int, a smt.Term) []line {
	f := e.familyOf(a)
	known := func(c netip.Prefix, class int) []line {
		if packet.FamilyOfPrefix(c) != f {
			return nil
		}
		return []line{{takes: e.Inside(a, c), bits: c.Bits(), class: class}}
	}
	switch {
	case d.CIDR.IsValid():
		return known(d.CIDR, class)
	case d.PrefixList != nil:
		var ls []line
		for _, c := range d.PrefixList.CIDRs {
			ls = append(ls, known(c, max(class, classList))...)
		}
		if p := d.PrefixList; p.Open != nil && (p.Family == packet.FamilyInvalid || p.Family == f) {
			// Whether a CIDR of the list that is not shown is longer than the other
			// routes' is not known either.
			more := e.free(key{kind: "list takes", of: p, with: owner, at: a}, "a CIDR of "+p.Origin.Address+" that is not shown takes it")
			if p.AWS {
				more = e.And(more, e.Not(e.insideAny(a, ir.Documentation()...)))
			}
			ls = append(ls, line{takes: more, bits: unknownBits})
		}
		return ls
	case d.Unknown != nil && (d.Family == packet.FamilyInvalid || d.Family == f):
		return []line{{takes: e.free(key{kind: "destination", of: of(d.Unknown), with: owner, at: a}, "takes it: "+label(d.Unknown)), bits: unknownBits}}
	}
	return nil
}

// publicAccess is whether VPC Block Public Access lets a packet pass at a place.
// An exclusion of the subnet comes before its VPC's, where subnets count at all.
// natted packets are those of NAT and egress-only gateways; outbound ones belong
// to what began inside. [botocore ec2 BlockPublicAccessStates; VPC
// security-vpc-bpa]
func (e *Encoder) publicAccess(p place, natted, outbound, subnets bool) smt.Term {
	if p.vpc == nil {
		return smt.True // who does not know the VPC has decided at its gateway
	}
	mode := e.enum(p.vpc.BPA.Known(), uint64(p.vpc.BPA.V), p.vpc.BPA.Why, siteBPA)
	exclusion := e.enum(p.vpc.Exclusion.Known(), uint64(p.vpc.Exclusion.V), p.vpc.Exclusion.Why, siteExclusion)
	switch {
	case !subnets:
	case p.subnet == nil:
		exclusion = e.variable(key{kind: "exclusion", of: p.vpc}, 2, "the exclusion of a subnet that is not shown", nil)
	default:
		x := p.subnet.Exclusion
		own := e.enum(x.Known(), uint64(x.V), x.Why, siteExclusion)
		exclusion = e.Ite(e.Eq(own, e.number(uint64(ir.ExclusionNone), 2)), exclusion, own)
	}
	is := func(t smt.Term, n uint64) smt.Term { return e.Eq(t, e.number(n, 2)) }
	return e.Or(
		is(mode, uint64(ir.BPAOff)),
		is(exclusion, uint64(ir.ExclusionBidirectional)),
		e.And(is(mode, uint64(ir.BPAIngress)), smt.Of(natted)),
		e.And(is(mode, uint64(ir.BPABidirectional)), is(exclusion, uint64(ir.ExclusionEgress)), smt.Of(outbound)),
	)
}

// enum is a value of one of three kinds.
func (e *Encoder) enum(known bool, v uint64, why *ir.Unknown, kind siteKind) smt.Term {
	if known {
		return e.number(v, 2)
	}
	t := e.variable(key{kind: "enum", of: of(why), with: kind}, 2, label(why), func(t smt.Term) smt.Term {
		return e.Ule(t, e.number(2, 2))
	})
	e.at(t, site{kind: kind, why: why})
	return t
}
