package query

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// surely keeps the headers of a set that are in it whichever addresses the two
// ends turn out to have, and so wherever they turn out to stand: where an
// address is not known, the header stands for all of them. What goes to private
// addresses is one claim, what goes to public ones another, and what goes
// through load balancers a third.
func surely(s *solver.Space, flow reach.Flow, set, asked solver.Set) solver.Set {
	among := s.Intersect(flow.Addressed, asked)
	private, public := among, solver.Empty
	if flow.To != nil {
		private = s.Intersect(among, s.Of(privateOf(s.Family(), flow.To)...))
		public = s.Difference(among, private)
	}
	var sure []solver.Set
	claim := func(among solver.Set, fixedTo bool) {
		must := s.Intersect(set, among)
		if !flow.FixedFrom {
			must = every(s, must, packet.FieldSrc, among)
		}
		if !fixedTo {
			must = every(s, must, packet.FieldDst, among)
		}
		sure = append(sure, must)
	}
	claim(private, flow.FixedTo)
	claim(public, flow.To == nil || publicFixed(flow.To))
	for _, f := range addressed(s, flow, asked) {
		if len(f.through) > 0 {
			claim(s.Difference(f.set, flow.Addressed), flow.FixedTo)
		}
	}
	return s.Union(sure...)
}

// privateOf are the headers to addresses that an interface may have inside its
// VPC: all headers where its VPC is not known.
func privateOf(f packet.Family, i *ir.Interface) []solver.Box {
	all := solver.Everything(f)
	if i.Subnet.Open != nil {
		return []solver.Box{all}
	}
	var boxes []solver.Box
	to := func(p netip.Prefix) {
		if p.IsValid() && packet.FamilyOfPrefix(p) == f {
			b := all
			b.Dst = netipx.RangeOfPrefix(p.Masked())
			boxes = append(boxes, b)
		}
	}
	for _, sn := range i.Subnet.Of {
		if sn.VPC.Open != nil {
			return []solver.Box{all}
		}
		for _, v := range sn.VPC.Of {
			if !v.Seen || v.More != nil {
				return []solver.Box{all}
			}
			for _, c := range slices.Concat(v.IPv4, v.IPv6) {
				if !c.Known() {
					return []solver.Box{all}
				}
				to(c.V)
			}
		}
	}
	for k := range i.Addresses {
		if d := &i.Addresses[k]; d.Private.Known() && d.Private.V.IsValid() {
			to(netip.PrefixFrom(d.Private.V, d.Private.V.BitLen()))
		}
	}
	for _, p := range i.Prefixes {
		to(p)
	}
	return boxes
}

// publicFixed reports whether every public IPv4 address that an interface may
// have is known.
func publicFixed(i *ir.Interface) bool {
	return !slices.ContainsFunc(i.Addresses, func(d ir.Address) bool {
		return !(d.Public.Exists.Known() && !d.Public.Exists.V) && !d.Public.Addr.Known()
	})
}
