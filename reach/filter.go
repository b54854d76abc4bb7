package reach

import (
	"cmp"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Entries returns the entries of one direction in the order in which AWS
// evaluates them. Entries whose number is unknown come last.
func Entries(acl *ir.NetworkACL, egress bool) []*ir.Entry {
	var es []*ir.Entry
	for i := range acl.Entries {
		if acl.Entries[i].Egress == egress {
			es = append(es, &acl.Entries[i])
		}
	}
	slices.SortStableFunc(es, func(a, b *ir.Entry) int {
		if a.Number.Known() != b.Number.Known() {
			if a.Number.Known() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Number.V, b.Number.V)
	})
	return es
}

// ACLBand returns what an ACL lets through in one direction. First match with
// unknown entries is two known lists, compiled by the one ordinary compiler:
// the pessimist takes an allow for what it surely covers and a deny for what it
// may cover, the optimist the other way round. An entry whose number is unknown
// stands where it helps least, or most.
func ACLBand(s *solver.Space, v View, acl *ir.NetworkACL, egress bool) Band {
	entries := Entries(acl, egress)
	var pessimist, evidence, optimist []solver.Entry
	var floatPess, floatOpt struct{ first, last []solver.Entry }
	exact := true
	for _, e := range entries {
		m := EntryBand(s, v, e)
		permit, deny := e.Allow.Known() && e.Allow.V, e.Allow.Known() && !e.Allow.V
		exact = exact && m.Exact() && e.Number.Known() && e.Allow.Known()

		pess := solver.Entry{Match: m.May, Decision: solver.Deny}
		if permit {
			pess = solver.Entry{Match: m.Must, Decision: solver.Permit}
		}
		opt := solver.Entry{Match: m.May, Decision: solver.Permit}
		ground := opt
		if deny {
			opt = solver.Entry{Match: m.Must, Decision: solver.Deny}
			ground = opt
		} else if e.Peer.Unknown != nil {
			ground.Match = solver.Empty
		}

		switch {
		case e.Number.Known():
			pessimist = append(pessimist, pess)
			optimist = append(optimist, opt)
			evidence = append(evidence, ground)
		case permit:
			floatPess.last = append(floatPess.last, pess)
			floatOpt.first = append(floatOpt.first, opt)
		case deny:
			floatPess.first = append(floatPess.first, pess)
			floatOpt.last = append(floatOpt.last, opt)
		default:
			floatPess.first = append(floatPess.first, pess)
			floatOpt.first = append(floatOpt.first, opt)
		}
	}
	must := s.FirstMatch(slices.Concat(floatPess.first, pessimist, floatPess.last), solver.Deny)
	if exact && acl.Open == nil {
		return exactly(must)
	}
	band := Band{
		Must:   must,
		Ground: s.FirstMatch(slices.Concat(floatOpt.first, evidence, floatOpt.last), solver.Deny),
		May:    s.FirstMatch(slices.Concat(floatOpt.first, optimist, floatOpt.last), solver.Deny),
	}
	if acl.Open != nil {
		// An entry that is not seen may stand before all others.
		band = Band{Must: solver.Empty, Ground: s.All(), May: s.All()}
	}
	band.Ground = s.Union(band.Ground, band.Must)
	return band
}

// GroupsBand returns what the groups of an interface let through in one
// direction, as a request: the union of all rules of all groups. Replies are
// let through by state and are not asked about. An interface without groups is
// not filtered.
func GroupsBand(s *solver.Space, i *ir.Interface, egress bool, members Members) Band {
	return groupsBand(s, i, egress, RequestView(egress), members)
}

func groupsBand(s *solver.Space, i *ir.Interface, egress bool, v View, members Members) Band {
	if Unfiltered(i) {
		return exactly(s.All())
	}
	open := i.Groups.Open != nil || len(i.Groups.Sure) == 0 && mayLackGroups(i.Kind)
	var bands []Band
	for _, g := range i.Groups.Sure {
		open = open || g.Open != nil
		bands = append(bands, groupBand(s, g, egress, v, members))
	}
	var lows []solver.Set
	for _, p := range i.Groups.Maybe {
		open = open || p.V.Open != nil
		b := groupBand(s, p.V, egress, v, members)
		lows = append(lows, b.Must)
		b.Must = solver.Empty
		bands = append(bands, b)
	}
	band := anyOf(s, bands...)
	if len(i.Groups.Sure) == 0 && i.Groups.Open == nil && !mayLackGroups(i.Kind) {
		// It carries one of the possible groups: what all of them allow passes.
		band.Must = s.Intersect(lows...)
	}
	if open {
		band.May = s.All()
	}
	return band
}

// groupBand is the union of a group's rules of one direction.
func groupBand(s *solver.Space, g *ir.SecurityGroup, egress bool, v View, members Members) Band {
	var lo, ground, hi []solver.Box
	for k := range g.Rules(egress) {
		r := &g.Rules(egress)[k]
		if r.Maybe == nil && r.Protocol.Known() && r.Ports.Known() {
			lo = append(lo, Boxes(s.Family(), v, r.Match, Lo, members)...)
			ground = append(ground, Boxes(s.Family(), v, r.Match, Ground, members)...)
		}
		hi = append(hi, Boxes(s.Family(), v, r.Match, Hi, members)...)
	}
	return Band{Must: s.Of(lo...), Ground: s.Of(ground...), May: s.Of(hi...)}
}

// mayLackGroups reports whether interfaces of a kind can be without groups: the
// others get their VPC's default group when they name none.
func mayLackGroups(k ir.InterfaceKind) bool {
	switch k {
	case ir.InterfaceInstance, ir.InterfaceLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache, ir.InterfaceFunction, ir.InterfaceContainer, ir.InterfaceConnectEndpoint:
		return false
	case ir.InterfaceNetworkLoadBalancer, ir.InterfaceNATGateway, ir.InterfaceTransitGateway, ir.InterfaceEndpoint, ir.InterfaceOther, ir.InterfaceInvalid:
	}
	return true
}

// Unfiltered reports whether an interface surely has no groups. AWS filters
// nothing there: NAT gateways, load balancers made without groups.
func Unfiltered(i *ir.Interface) bool {
	return len(i.Groups.Sure) == 0 && len(i.Groups.Maybe) == 0 && i.Groups.Open == nil
}

// servicesBand returns the requests that something behind the interface may
// answer.
func servicesBand(s *solver.Space, i *ir.Interface) Band {
	if i.NoInbound || i.Kind == ir.InterfaceConnectEndpoint {
		return exactly(solver.Empty)
	}
	if i.Services == nil {
		return exactly(s.All())
	}
	var boxes []solver.Box
	for _, p := range i.Services.Ports {
		b := solver.Everything(s.Family())
		b.Protocol = protocol(p.Protocol)
		if packet.KindOf(s.Family(), p.Protocol) == packet.Ported {
			b.DstPort = solver.Interval{Lo: p.Ports.Lo, Hi: p.Ports.Hi}
		}
		boxes = append(boxes, b)
	}
	known := s.Of(boxes...)
	if i.Services.Open != nil {
		return Band{Must: known, Ground: s.All(), May: s.All()}
	}
	return exactly(known)
}

// nobody is the Members of an end that is in no group: a host outside.
func nobody(*ir.SecurityGroup, Bound) []netipx.IPRange { return nil }

// Ingress returns what the known rules of an interface's groups cover, sure and
// possible groups alike: outside of it nothing is open on evidence.
func Ingress(f packet.Family, i *ir.Interface) []solver.Box {
	var boxes []solver.Box
	add := func(g *ir.SecurityGroup) {
		for _, r := range g.Ingress {
			boxes = append(boxes, Boxes(f, requestIn, r.Match, Lo, nil)...)
		}
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	for _, g := range i.Groups.Maybe {
		add(g.V)
	}
	return boxes
}
