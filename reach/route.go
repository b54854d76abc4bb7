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

// partition is a route table as it divides headers among the targets of its
// routes.
type partition struct {
	table   *ir.RouteTable
	toward  []toward   // in the order of the table
	dropped Band       // what no route takes, or one that drops
	holes   solver.Set // what a route may take that drops
	// exact: nothing about it is unknown, so that each header has one target.
	exact bool
}

// toward is what a table sends to one target. The zero target is one that is
// not known.
type toward struct {
	target ir.Target
	band   Band
	why    *ir.Unknown // of an unknown target
}

type tableKey struct {
	table   *ir.RouteTable
	reply   bool
	noLists bool
}

// partition compiles a route table for requests, whose destination it reads, or
// for replies, whose destination is the request's source.
func (e *engine) partition(t *ir.RouteTable, reply bool) *partition {
	key := tableKey{t, reply, e.ignoreLists}
	p := e.tables[key]
	if p == nil {
		p = e.divide(t, reply)
		e.tables[key] = p
	}
	return p
}

func (e *engine) divide(t *ir.RouteTable, reply bool) *partition {
	field := packet.FieldDst
	if reply {
		field = packet.FieldSrc
	}
	p := &partition{table: t, exact: t.Open == nil}
	hops := e.hopsOf(t, field)
	for k := range hops {
		r := hops[k].route
		p.exact = p.exact && hops[k].lo == hops[k].hi && r.Blackhole.Known() && len(r.Target.Of) <= 1 && (r.Target.Open == nil || len(r.Target.Of) == 0) && !hops[k].tied()
		if known(r.Blackhole) == yes {
			continue
		}
		for _, target := range r.Target.Of {
			p.add(target, nil)
		}
		if r.Target.Open != nil {
			p.add(ir.Target{}, r.Target.Open)
		}
	}
	for k := range p.toward {
		w := &p.toward[k]
		w.band = e.firstMatch(hops, p.exact, solver.Deny, func(r *ir.Route) truth { return leadsTo(r, w.target) })
	}
	p.holes = e.firstMatch(hops, p.exact, solver.Deny, drops).May
	p.dropped = e.firstMatch(hops, p.exact, solver.Permit, drops)
	if t.Open != nil { // a longer prefix that is not seen may take any of it
		for k := range p.toward {
			p.toward[k].band.Must = solver.Empty
		}
		p.add(ir.Target{}, t.Open)
		for k := range p.toward {
			if p.toward[k].target == (ir.Target{}) {
				p.toward[k].band = perhaps(e.Space)
			}
		}
	}
	return p
}

func (p *partition) add(t ir.Target, why *ir.Unknown) {
	if !slices.ContainsFunc(p.toward, func(o toward) bool { return o.target == t }) {
		p.toward = append(p.toward, toward{target: t, why: why})
	}
}

// leadsTo tells whether a route leads to a target, given that it is taken.
func leadsTo(r *ir.Route, t ir.Target) truth {
	hole := known(r.Blackhole)
	listed := slices.Contains(r.Target.Of, t)
	candidates := len(r.Target.Of)
	if r.Target.Open != nil {
		candidates++
		listed = listed || t == ir.Target{}
	}
	switch {
	case hole == yes || !listed:
		return no
	case candidates == 1 && hole == no:
		return yes
	}
	return maybe
}

// drops tells whether a route drops what it takes.
func drops(r *ir.Route) truth {
	if len(r.Target.Of) == 0 && r.Target.Open == nil {
		return yes
	}
	return known(r.Blackhole)
}

// hop is one destination of one route, ready to be ordered.
type hop struct {
	route    *ir.Route
	cidr     netip.Prefix   // invalid: unknown
	list     *ir.PrefixList // bounds an unknown one
	within   []netip.Prefix // likewise
	rank     int            // among equal prefixes: static, prefix list, propagated
	position int
	lo, hi   solver.Set // what it surely, and possibly, takes
	// ties are routes of equal length and rank: which one AWS takes is arbitrary.
	ties []*ir.Route
}

// tied reports whether it matters which of several equal routes is taken.
func (h *hop) tied() bool {
	return slices.ContainsFunc(h.ties, func(r *ir.Route) bool {
		return drops(r) != drops(h.route) || !slices.Equal(r.Target.Of, h.route.Target.Of)
	})
}

// answer asks a hop's route, and those that may be taken in its place.
func (h *hop) answer(ask func(*ir.Route) truth) truth {
	a := ask(h.route)
	for _, r := range h.ties {
		if ask(r) != a {
			return maybe
		}
	}
	return a
}

// hopsOf lists the destinations of a table. The longest prefix wins: that is
// first match by descending length. [VPC VPC_Route_Tables.md]
func (e *engine) hopsOf(t *ir.RouteTable, field packet.Field) []hop {
	var hops []hop
	for i := range t.Routes {
		hops = append(hops, e.hops(&t.Routes[i], i)...)
	}
	slices.SortStableFunc(hops, func(a, b hop) int {
		return cmp.Or(cmp.Compare(b.cidr.Bits(), a.cidr.Bits()), cmp.Compare(a.rank, b.rank), cmp.Compare(a.position, b.position))
	})
	for k := range hops {
		h := &hops[k]
		for j := range hops {
			if o := &hops[j]; j != k && h.cidr.IsValid() && o.cidr == h.cidr && o.rank == h.rank {
				h.ties = append(h.ties, o.route)
			}
		}
		h.hi = e.All()
		switch {
		case h.cidr.IsValid():
			h.hi = e.from(field, prefixSet(h.cidr))
		case h.within != nil:
			h.hi = e.from(field, rangeSet(ranges(e.Family(), h.within)))
		case h.list != nil:
			h.hi = e.from(field, rangeSet(listMay(e.Family(), h.list)))
		}
		h.lo = h.hi
		if h.route.Maybe != nil || !h.cidr.IsValid() {
			h.lo = solver.Empty
		}
	}
	return hops
}

// firstMatch returns the headers for whose first route the answer is yes;
// otherwise is the answer for those without one. A destination that is not known
// stands where it helps least, or most: its length is not known either.
func (e *engine) firstMatch(hops []hop, exact bool, otherwise solver.Decision, answer func(*ir.Route) truth) Band {
	var pess, opt []solver.Entry
	var firstPess, firstOpt, lastPess, lastOpt []solver.Entry
	for k := range hops {
		h := &hops[k]
		a := h.answer(answer)
		p := solver.Entry{Match: h.hi, Decision: solver.Deny}
		if a == yes {
			p = solver.Entry{Match: h.lo, Decision: solver.Permit}
		}
		o := solver.Entry{Match: h.hi, Decision: solver.Permit}
		if a == no {
			o = solver.Entry{Match: h.lo, Decision: solver.Deny}
		}
		switch {
		case h.cidr.IsValid():
			pess, opt = append(pess, p), append(opt, o)
			continue
		case a == yes:
			lastPess = append(lastPess, p)
		default:
			firstPess = append(firstPess, p)
		}
		if a == no {
			lastOpt = append(lastOpt, o)
		} else {
			firstOpt = append(firstOpt, o)
		}
	}
	must := e.FirstMatch(slices.Concat(firstPess, pess, lastPess), otherwise)
	if exact {
		return exactly(must)
	}
	may := e.FirstMatch(slices.Concat(firstOpt, opt, lastOpt), otherwise)
	return Band{Must: must, Ground: may, May: may}
}

// hops lists the destinations of a route in the engine's family.
func (e *engine) hops(r *ir.Route, position int) []hop {
	f := e.Family()
	with := func(c netip.Prefix, rank int) hop {
		if r.Propagated {
			rank = 2
		}
		return hop{route: r, cidr: c, rank: rank, position: position}
	}
	switch d := r.Destination; {
	case d.Unknown != nil && d.PrefixList != nil: // any CIDR within the list's
		h := with(netip.Prefix{}, 0)
		h.within = d.PrefixList.CIDRs
		return []hop{h}
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
	}
	return us
}
