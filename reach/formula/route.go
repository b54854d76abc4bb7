package formula

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// leads is whether a route's target takes a packet where the question wants it.
// purpose names the question: what is not modelled may lead to one and not to
// another.
type leads struct {
	purpose any
	to      func(ir.Target) smt.Term
}

// opaque reports whether a target's working is not modelled.
func opaque(t ir.Target) bool {
	switch t.Kind {
	case ir.TargetInterface, ir.TargetOther:
		return true
	case ir.TargetGateway:
		return t.Gateway.Kind != ir.InternetGateway && t.Gateway.Kind != ir.EgressOnlyGateway
	case ir.TargetLocal, ir.TargetPeering, ir.TargetTransitGateway, ir.TargetInvalid:
	}
	return false
}

// passesOpaque is whether what is not modelled happens to lead there.
func (e *Encoder) passesOpaque(t ir.Target, purpose any) smt.Term {
	if !opaque(t) {
		return smt.False
	}
	return e.unmodelled(key{kind: "opaque", of: t, with: purpose}, "what is not modelled leads there")
}

// subnetRoutes is whether the table of a subnet leads packets to an address
// where the question wants them.
func (e *Encoder) subnetRoutes(s *ir.Subnet, a smt.Term, l leads) smt.Term {
	return choose(e, s.RouteTable, s, "route table", func(t *ir.RouteTable) smt.Term { return e.table(t, a, l) }, func() smt.Term {
		return e.free(key{kind: "hidden table", of: s, with: l.purpose, at: a}, "a route table that is not shown leads there")
	})
}

// line is one destination of a route.
type line struct {
	takes  smt.Term
	leads  smt.Term
	bits   int // of the prefix; more than any for one that is not known
	class  int // of equal prefixes: static, prefix list, propagated
	number int
	note   string
}

const unknownBits = 200

// table is the longest prefix that takes an address. A destination that is not
// known wins whenever it takes it: with a shorter prefix it does not win, which
// is as if it did not take it. [VPC VPC_Route_Tables.md]
func (e *Encoder) table(t *ir.RouteTable, a smt.Term, l leads) smt.Term {
	var lines []line
	for k := range t.Routes {
		r := &t.Routes[k]
		to := e.And(e.Not(e.truth(r.Blackhole)), choose(e, r.Target, r, "target", l.to, func() smt.Term {
			return e.free(key{kind: "hidden target", of: r, with: l.purpose}, "a target that is not shown leads there")
		}))
		lines = append(lines, e.lines(r, r, k, a, to)...)
	}
	return e.longest(lines, e.hiddenRoutes(t, t.Open, a, l.purpose))
}

// hidden is a table's part that the input does not show: it may take an address
// from every route, and lead it anywhere.
type hidden struct{ takes, leads smt.Term }

func (e *Encoder) hiddenRoutes(of any, open *ir.Unknown, a smt.Term, purpose any) hidden {
	if open == nil {
		return hidden{smt.False, smt.False}
	}
	return hidden{
		e.free(key{kind: "hidden route", of: of, at: a}, "a route that is not shown takes it: "+label(open)),
		e.free(key{kind: "hidden route leads", of: of, with: purpose, at: a}, "a route that is not shown leads there"),
	}
}

func (e *Encoder) longest(lines []line, h hidden) smt.Term {
	slices.SortStableFunc(lines, func(x, y line) int {
		return cmp.Or(cmp.Compare(y.bits, x.bits), cmp.Compare(x.class, y.class), cmp.Compare(x.number, y.number))
	})
	arrives := smt.False
	for _, x := range slices.Backward(lines) {
		arrives = e.Define(e.Ite(x.takes, x.leads, arrives), x.note)
	}
	return e.Ite(h.takes, h.leads, arrives)
}

// lines are the destinations of a route in the encoder's family. What is not
// known about them belongs to the owner.
func (e *Encoder) lines(r *ir.Route, owner any, number int, a, to smt.Term) []line {
	class := 0
	if r.Propagated {
		class = 2
	}
	there := e.exists(r.Maybe)
	with := func(takes smt.Term, bits, class int) line {
		return line{takes: e.And(there, takes), leads: to, bits: bits, class: class, number: number, note: "route " + r.Origin.Address}
	}
	known := func(c netip.Prefix, class int) []line {
		if packet.FamilyOfPrefix(c) != e.family {
			return nil
		}
		return []line{with(e.Inside(a, c), c.Bits(), class)}
	}
	switch d := r.Destination; {
	case d.CIDR.IsValid():
		return known(d.CIDR, class)
	case d.PrefixList != nil:
		var ls []line
		class = max(class, 1)
		for _, c := range d.PrefixList.CIDRs {
			ls = append(ls, known(c, class)...)
		}
		if p := d.PrefixList; p.Open != nil && (p.Family == packet.FamilyInvalid || p.Family == e.family) {
			// Whether a CIDR of the list that is not shown is longer than the other
			// routes' is not known either.
			more := e.free(key{kind: "list takes", of: p, with: owner, at: a}, "a CIDR of "+p.Origin.Address+" that is not shown takes it")
			if p.AWS {
				for _, c := range ir.Documentation() {
					more = e.And(more, e.Not(e.Inside(a, c)))
				}
			}
			ls = append(ls, with(more, unknownBits, class))
		}
		return ls
	case d.Unknown != nil && (d.Family == packet.FamilyInvalid || d.Family == e.family):
		return []line{with(e.free(key{kind: "destination", of: of(d.Unknown), with: owner, at: a}, "takes it: "+label(d.Unknown)), unknownBits, class)}
	}
	return nil
}

// local asks for delivery within a VPC.
func (e *Encoder) local() leads {
	return leads{"local", func(t ir.Target) smt.Term {
		if t.Kind == ir.TargetLocal {
			return smt.True
		}
		return e.passesOpaque(t, "local")
	}}
}

// gateway asks for a gateway of a kind that is attached to a VPC.
func (e *Encoder) gateway(kind ir.GatewayKind, v *ir.VPC) leads {
	return leads{fmt.Sprintf("gateway %d", kind), func(t ir.Target) smt.Term {
		if t.Kind != ir.TargetGateway || t.Gateway.Kind != kind {
			return smt.False
		}
		if v == nil { // whosever it is
			return smt.True
		}
		return e.And(e.isVPC(t.Gateway.VPC, v, t.Gateway), e.direct(t.Gateway))
	}}
}

// direct is whether what passes a gateway goes straight on. With a route table of
// its own it may lead elsewhere first, which is not modelled.
// [VPC_Route_Tables.md, gateway route tables]
func (e *Encoder) direct(g *ir.Gateway) smt.Term {
	if len(g.RouteTable.Of) == 0 && g.RouteTable.Open == nil {
		return smt.True
	}
	return e.unmodelled(key{kind: "gateway's table", of: g}, "the route table of "+g.Origin.Address+" hands it on")
}

// hasInternet is whether an internet gateway is attached to a VPC. One of a VPC
// that is only named, or of a list that is not shown, may be.
func (e *Encoder) hasInternet(v *ir.VPC) smt.Term {
	var is []smt.Term
	for _, g := range e.net.Gateways {
		if g.Kind == ir.InternetGateway {
			is = append(is, e.And(e.isVPC(g.VPC, v, g), e.direct(g)))
		}
	}
	if !v.Seen || e.net.MayHideSome(ir.KindInternetGateway, v.Home) {
		is = append(is, e.free(key{kind: "hidden gateway", of: v}, "an internet gateway that is not shown"))
	}
	return e.Or(is...)
}

// publicAccess is whether VPC Block Public Access lets a flow pass at a place.
// An exclusion of the subnet comes before its VPC's.
// [botocore ec2 BlockPublicAccessStates; VPC security-vpc-bpa]
func (e *Encoder) publicAccess(p place, inbound, egressOnly bool) smt.Term {
	mode := e.enum(p.vpc.BPA.Known(), uint64(p.vpc.BPA.V), p.vpc.BPA.Why, siteBPA)
	exclusion := e.enum(p.vpc.Exclusion.Known(), uint64(p.vpc.Exclusion.V), p.vpc.Exclusion.Why, siteExclusion)
	x := p.subnet.Exclusion
	own := e.enum(x.Known(), uint64(x.V), x.Why, siteExclusion)
	exclusion = e.Ite(e.Eq(own, e.number(uint64(ir.ExclusionNone), 2)), exclusion, own)
	is := func(t smt.Term, n uint64) smt.Term { return e.Eq(t, e.number(n, 2)) }
	return e.Or(
		is(mode, uint64(ir.BPAOff)),
		is(exclusion, uint64(ir.ExclusionBidirectional)),
		e.And(is(mode, uint64(ir.BPAIngress)), smt.Of(egressOnly)),
		e.And(is(mode, uint64(ir.BPABidirectional)), is(exclusion, uint64(ir.ExclusionEgress)), smt.Of(!inbound)),
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
