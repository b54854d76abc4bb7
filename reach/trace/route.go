package trace

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// A route's rank: the longest prefix wins; of equal ones a static CIDR, then a
// static prefix list, then a propagated one. [VPC VPC_Route_Tables.md]
const (
	rankNoRoute    = -1
	rankPropagated = 0
	rankList       = 1
	rankStatic     = 2
	rankStep       = 4
	rankLongest    = 129 * rankStep
)

// ranks returns the rank that a destination surely has for an address and the
// highest it may have, rankNoRoute where it does not match.
func ranks(d *ir.Peer, a spot, family packet.Family, propagated bool) (sure, maybe int) {
	class := rankStatic
	if propagated {
		class = rankPropagated
	}
	switch {
	case d.Unknown != nil:
		if d.Family == packet.FamilyInvalid || d.Family == family {
			return rankNoRoute, rankLongest
		}
		return rankNoRoute, rankNoRoute
	case d.PrefixList != nil:
		return listRanks(d.PrefixList, a, family, min(class, rankList))
	case d.CIDR.IsValid():
		return prefixRanks(d.CIDR, a, family, class)
	default:
		return rankNoRoute, rankNoRoute
	}
}

func prefixRanks(c netip.Prefix, a spot, family packet.Family, class int) (sure, maybe int) {
	sure, maybe = rankNoRoute, rankNoRoute
	if inPrefix(c, a, family, true) {
		maybe = c.Bits()*rankStep + class
	}
	if inPrefix(c, a, family, false) {
		sure = maybe
	}
	return sure, maybe
}

func listRanks(l *ir.PrefixList, a spot, family packet.Family, class int) (sure, maybe int) {
	sure, maybe = rankNoRoute, rankNoRoute
	for _, c := range l.CIDRs {
		s, m := prefixRanks(c, a, family, class)
		sure, maybe = max(sure, s), max(maybe, m)
	}
	if l.MayHoldMore(a.Addr, family) {
		maybe = rankLongest
	}
	return sure, maybe
}

// choice is one thing that a table may do with a packet: take a route, find
// none (both nil), or do what an entry outside the input says (open).
type choice struct {
	route *ir.Route
	open  *ir.Unknown
	// among: the table may do something else instead.
	among bool
}

// found is what a table holds for an address: the highest rank that a route
// surely has, and the routes that may have as high a one.
type found struct {
	best, count int
	first       *ir.Route
}

func find(t *ir.RouteTable, s *segment) found {
	f := found{best: rankNoRoute}
	for k := range t.Routes {
		if sure, _ := routeRanks(&t.Routes[k], s); sure > f.best {
			f.best = sure
		}
	}
	for k := range t.Routes {
		if _, maybe := routeRanks(&t.Routes[k], s); maybe != rankNoRoute && maybe >= f.best {
			if f.count == 0 {
				f.first = &t.Routes[k]
			}
			f.count++
		}
	}
	return f
}

// settled returns the one thing that the table does, if there is just one.
func (f *found) settled(t *ir.RouteTable) (choice, bool) {
	one := f.count == 0 || f.count == 1 && f.best != rankNoRoute
	return choice{route: f.first}, one && t.Open == nil
}

// lookup calls visit for everything that the table may do with a packet to an
// address, until it returns true. With nothing unknown that is exactly one.
func lookup(t *ir.RouteTable, s *segment, visit func(choice) bool) {
	f := find(t, s)
	if c, ok := f.settled(t); ok {
		visit(c)
		return
	}
	for k := range t.Routes {
		_, maybe := routeRanks(&t.Routes[k], s)
		if maybe != rankNoRoute && maybe >= f.best && visit(choice{route: &t.Routes[k], among: true}) {
			return
		}
	}
	if f.best == rankNoRoute && visit(choice{among: true}) {
		return
	}
	if t.Open != nil {
		visit(choice{open: t.Open, among: true})
	}
}

func routeRanks(r *ir.Route, s *segment) (sure, maybe int) {
	if !s.dst.IsValid() && s.dstIn == nil && isLocal(r) {
		return rankNoRoute, rankNoRoute // no VPC holds a public address of a gateway
	}
	sure, maybe = ranks(&r.Destination, s.to(), s.family, r.Propagated)
	if r.Maybe != nil {
		sure = rankNoRoute
	}
	return sure, maybe
}

func isLocal(r *ir.Route) bool {
	t, ok := r.Target.Known()
	return ok && t.Kind == ir.TargetLocal
}
