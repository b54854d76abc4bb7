package reach

import (
	"cmp"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// leads tells whether a route target takes a packet where the question wants it.
type leads func(ir.Target) truth

// hop is one destination of one route, ready to be ordered.
type hop struct {
	cidr     netip.Prefix   // invalid: unknown
	list     *ir.PrefixList // bounds an unknown one
	sure     bool           // the destination surely is in the table
	answer   truth
	rank     int // among equal prefixes: static, prefix list, propagated
	position int
}

// routeBand returns the headers whose destination (or, on the way back, whose
// source) a route table sends where the question wants it. The longest prefix
// wins: that is first match by descending length. [VPC VPC_Route_Tables.md]
func (e *engine) routeBand(t *ir.RouteTable, field packet.Field, to leads) Band {
	if t.Open != nil && len(t.Routes) == 0 {
		return perhaps(e.Space)
	}
	var hops []hop
	for i := range t.Routes {
		hops = append(hops, e.hops(&t.Routes[i], i, to)...)
	}
	slices.SortStableFunc(hops, func(a, b hop) int {
		return cmp.Or(cmp.Compare(b.cidr.Bits(), a.cidr.Bits()), cmp.Compare(a.rank, b.rank), cmp.Compare(a.position, b.position))
	})
	everything := e.All()
	exact := true
	var pess, opt []solver.Entry
	var firstPess, firstOpt, lastPess, lastOpt []solver.Entry
	for _, h := range hops {
		hi := everything
		switch {
		case h.cidr.IsValid():
			hi = e.from(field, prefixSet(h.cidr))
		case h.list != nil:
			hi = e.from(field, rangeSet(listMay(e.Family(), h.list)))
		}
		lo := hi
		if !h.sure || !h.cidr.IsValid() {
			lo = solver.Empty
		}
		exact = exact && h.answer != maybe && lo == hi
		p := solver.Entry{Match: hi, Decision: solver.Deny}
		if h.answer == yes {
			p = solver.Entry{Match: lo, Decision: solver.Permit}
		}
		o := solver.Entry{Match: hi, Decision: solver.Permit}
		if h.answer == no {
			o = solver.Entry{Match: lo, Decision: solver.Deny}
		}
		switch {
		case h.cidr.IsValid():
			pess, opt = append(pess, p), append(opt, o)
		default: // its length is unknown: it stands where it helps least, or most
			if h.answer == yes {
				lastPess = append(lastPess, p)
			} else {
				firstPess = append(firstPess, p)
			}
			if h.answer == no {
				lastOpt = append(lastOpt, o)
			} else {
				firstOpt = append(firstOpt, o)
			}
		}
	}
	must := e.FirstMatch(slices.Concat(firstPess, pess, lastPess), solver.Deny)
	if t.Open != nil {
		// A longer prefix that is not seen may take any of it.
		return Band{Must: solver.Empty, Ground: everything, May: everything}
	}
	if exact {
		return exactly(must)
	}
	may := e.FirstMatch(slices.Concat(firstOpt, opt, lastOpt), solver.Deny)
	return Band{Must: must, Ground: may, May: may}
}

// hops lists the destinations of a route in the engine's family.
func (e *engine) hops(r *ir.Route, position int, to leads) []hop {
	f := e.Family()
	answer := target(r, to)
	base := hop{sure: r.Maybe == nil, answer: answer, position: position}
	if r.Propagated {
		base.rank = 2
	}
	with := func(c netip.Prefix, rank int) hop {
		h := base
		h.cidr, h.rank = c, max(h.rank, rank)
		return h
	}
	switch d := r.Destination; {
	case d.CIDR.IsValid():
		if packet.FamilyOfPrefix(d.CIDR) != f {
			return nil
		}
		return []hop{with(d.CIDR, 0)}
	case d.PrefixList != nil:
		var hs []hop
		for _, c := range d.PrefixList.CIDRs {
			if packet.FamilyOfPrefix(c) == f {
				hs = append(hs, with(c, 1))
			}
		}
		if l := d.PrefixList; l.Open != nil && !(l.AWS && e.ignoreLists) && (l.Family == f || l.Family == packet.FamilyInvalid) {
			h := with(netip.Prefix{}, 1)
			h.list = l
			hs = append(hs, h)
		}
		return hs
	case d.Unknown != nil && (d.Family == packet.FamilyInvalid || d.Family == f):
		return []hop{with(netip.Prefix{}, 0)}
	}
	return nil
}

// target asks a route's target, all candidates of it.
func target(r *ir.Route, to leads) truth {
	hole := known(r.Blackhole)
	if hole == yes {
		return no
	}
	all, some := true, r.Target.Open != nil
	for _, t := range r.Target.Of {
		switch to(t) {
		case yes:
			some = true
		case maybe:
			some, all = true, false
		case no:
			all = false
		}
	}
	switch {
	case !some:
		return no
	case all && r.Target.Open == nil && hole == no:
		return yes
	}
	return maybe
}

func rangeSet(rs []netipx.IPRange) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, r := range rs {
		b.AddRange(r)
	}
	return build(&b)
}

func prefixSet(p netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	b.AddPrefix(p)
	return build(&b)
}

// routeStage is the route decision of a subnet.
func (e *engine) routeStage(s *ir.Subnet, reply bool, code, message string, to leads) Stage {
	field := packet.FieldDst
	if reply {
		field = packet.FieldSrc
	}
	bands := make([]Band, 0, len(s.RouteTable.Of)+1)
	st := Stage{Kind: KindRoute, Reply: reply, Component: s.Origin.Address, Code: code, Message: message, Place: s.Origin.Place("")}
	for _, t := range s.RouteTable.Of {
		b := e.routeBand(t, field, to)
		bands = append(bands, b)
		st.Component, st.Place = t.Origin.Address, t.Origin.Place("")
		if !b.Exact() {
			st.because(routeUnknowns(t)...)
		}
	}
	if s.RouteTable.Open != nil {
		bands = append(bands, perhaps(e.Space))
	}
	st.Band = oneOf(e.Space, bands...)
	st.because(s.RouteTable.Unknowns()...)
	return st
}

// routeUnknowns lists what is not known about a table.
func routeUnknowns(t *ir.RouteTable) []*ir.Unknown {
	us := []*ir.Unknown{t.Open}
	for i := range t.Routes {
		r := &t.Routes[i]
		us = append(us, r.Maybe, r.Destination.Unknown, r.Blackhole.Why)
		us = append(us, r.Target.Unknowns()...)
		if r.Destination.PrefixList != nil {
			us = append(us, r.Destination.PrefixList.Open)
		}
		for _, o := range r.Target.Of {
			us = append(us, unmodelled(o, r))
		}
	}
	return us
}
