package trace

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// transit crosses a transit gateway: from the subnet into the attachment of its
// VPC, by the gateway's tables to another attachment, and out of that one's
// subnet by the routes there. [vpc/tgw; tgw-nacls; tgw-vpc-attachments]
func (w *walk) transit(t *trip, at place, g *ir.TransitGateway) bool {
	m := optimist
	if slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool { return ofVPC(pessimist, a, at.vpc) }) {
		m = pessimist // a VPC has one attachment to a gateway: the sure one is it
	}
	b := w.branches()
	for _, a := range g.Attachments {
		if !ofVPC(m, a, at.vpc) {
			continue
		}
		if m == optimist {
			w.divided(append(a.VPC.Unknowns(), at.why)...)
		}
		u := *t
		if b.try((m == pessimist || w.m == optimist) && w.transitIn(&u, at, g, a)) {
			return b.end()
		}
	}
	switch {
	case m == optimist && g.Open != nil:
		u := *t
		b.try(w.opaque(&u, at, g.Open))
	case b.count == 0:
		return w.refuse(t, StageTransitGateway, transitName(g), "has no attachment in "+vpcName(at.vpc), "BAD_STATE_ATTACHMENT")
	}
	return b.end()
}

// ofVPC reports whether an attachment is a VPC's.
func ofVPC(m mode, a *ir.Attachment, v *ir.VPC) bool {
	if m == optimist {
		return v == nil || possible(&a.VPC, v)
	}
	known, ok := a.VPC.Known()
	return ok && known == v
}

// transitIn enters the attachment: the ACL of its subnet sees the packet come
// in, even when that is the sender's own subnet.
func (w *walk) transitIn(t *trip, at place, g *ir.TransitGateway, a *ir.Attachment) bool {
	return w.attachmentSubnets(t, at.subnet, g, a, func(s *ir.Subnet) bool {
		u := *t
		return (s == nil || w.aclIn(&u, place{subnet: s, vpc: at.vpc})) && w.transitNext(&u, at, g, a)
	})
}

// attachmentSubnets tries the subnets by which a packet may pass an attachment:
// the one in the other subnet's zone, or any where zones are not known. An
// attachment whose subnets the input does not list at all is tried without.
func (w *walk) attachmentSubnets(t *trip, near *ir.Subnet, g *ir.TransitGateway, a *ir.Attachment, f func(*ir.Subnet) bool) bool {
	all := &a.Subnets
	if len(all.Sure) == 0 && len(all.Maybe) == 0 && all.Open == nil {
		return f(nil)
	}
	b := w.branches()
	for _, s := range all.Sure {
		if sameZone(near, s) && b.try(f(s)) {
			return b.end()
		}
	}
	for _, s := range all.Maybe {
		w.divided(s.Why)
		if sameZone(near, s.V) && b.try(f(s.V)) {
			return b.end()
		}
	}
	switch {
	case all.Open != nil:
		u := *t
		b.try(w.opaque(&u, place{}, all.Open))
	case b.count == 0:
		return w.refuse(t, StageTransitGateway, transitName(g), "its attachment has no subnet in the zone of "+subnetName(near), "TGW_ROUTE_AZ_RESTRICTION")
	}
	return b.end()
}

func sameZone(a, b *ir.Subnet) bool {
	return a == nil || a == b || a.Zone == "" || b.Zone == "" || a.Zone == b.Zone
}

// transitNext finds the attachment that the gateway sends the packet to.
func (w *walk) transitNext(t *trip, at place, g *ir.TransitGateway, from *ir.Attachment) bool {
	if len(g.Tables) == 0 {
		return w.transitMesh(t, at, g, from)
	}
	b := w.branches()
	for _, table := range g.Tables {
		if slices.Contains(table.Associated, from) {
			u := *t
			if b.try(w.transitTable(&u, at, g, from, table)) {
				return b.end()
			}
		}
	}
	if b.count == 0 {
		return w.refuse(t, StageTransitGateway, transitName(g), "no route table is associated with "+attachmentName(from), "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION")
	}
	return b.end()
}

// transitMesh is the gateway's default: one table that every attachment is
// associated with and propagates its VPC's CIDRs to.
func (w *walk) transitMesh(t *trip, at place, g *ir.TransitGateway, from *ir.Attachment) bool {
	r := transitRoutes{}
	for _, a := range g.Attachments {
		r.propagated(g, a, &t.s)
	}
	r.open, r.to = g.Open, g.Attachments
	return w.transitTake(t, at, g, from, &r)
}

func (w *walk) transitTable(t *trip, at place, g *ir.TransitGateway, from *ir.Attachment, table *ir.TransitTable) bool {
	r := transitRoutes{open: table.Open}
	for k := range table.Routes {
		d := &table.Routes[k]
		sure, maybe := ranks(&d.Destination, t.s.to(), t.s.family, false)
		r.add(transitChoice{route: d, sure: sure, maybe: maybe})
		if w.record {
			r.to = append(r.to, d.Attachment.Of...)
		}
	}
	if w.record {
		r.to = append(r.to, table.Propagated...)
	}
	for _, a := range table.Propagated {
		r.propagated(g, a, &t.s)
	}
	return w.transitTake(t, at, g, from, &r)
}

// transitRoutes collects the routes of a table that match a packet.
type transitRoutes struct {
	all  []transitChoice
	best int // 1 + the highest sure rank
	open *ir.Unknown
	to   []*ir.Attachment // that any route of the table leads to
}

// missing explains that no route of the table matches a packet for a VPC.
func (r *transitRoutes) missing(v *ir.VPC) string {
	if v != nil && slices.ContainsFunc(r.to, func(a *ir.Attachment) bool { return ofVPC(optimist, a, v) }) {
		return "TGW_RTB_CANNOT_ROUTE"
	}
	return "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"
}

// transitChoice is a static route, or a VPC's CIDR that its attachment
// propagates.
type transitChoice struct {
	route       *ir.TransitRoute
	to          *ir.Attachment
	sure, maybe int
}

func (r *transitRoutes) add(c transitChoice) {
	if c.maybe != rankNoRoute {
		r.all = append(r.all, c)
		r.best = max(r.best, c.sure+1)
	}
}

// propagated adds the best of an attachment's CIDRs.
func (r *transitRoutes) propagated(g *ir.TransitGateway, a *ir.Attachment, s *segment) {
	c := transitChoice{to: a, sure: rankNoRoute, maybe: rankNoRoute}
	if a.Outside {
		// What comes from outside is not in the input, and takes nothing from the
		// VPCs that are attached.
		if !inAttached(g, s) {
			c.maybe = rankLongest
		}
		r.add(c)
		return
	}
	for _, v := range a.VPC.Of {
		sure, maybe := vpcRanks(v, s.to(), s.family)
		if _, known := a.VPC.Known(); known {
			c.sure = sure
		}
		c.maybe = max(c.maybe, maybe)
	}
	if a.VPC.Open != nil {
		c.maybe = rankLongest
	}
	r.add(c)
}

// inAttached reports whether a packet is surely for a VPC that is attached.
func inAttached(g *ir.TransitGateway, s *segment) bool {
	return slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool {
		v, ok := a.VPC.Known()
		if !ok {
			return false
		}
		sure, _ := vpcRanks(v, s.to(), s.family)
		return sure != rankNoRoute
	})
}

// vpcRanks ranks the routes that a VPC's CIDRs make.
func vpcRanks(v *ir.VPC, a spot, family packet.Family) (sure, maybe int) {
	sure, maybe = rankNoRoute, rankNoRoute
	cidrs := v.IPv4
	if family == packet.IPv6 {
		cidrs = v.IPv6
	}
	for k := range cidrs {
		c := &cidrs[k]
		if !c.Known() {
			maybe = rankLongest
			continue
		}
		s, m := prefixRanks(c.V, a, family, rankPropagated)
		sure, maybe = max(sure, s), max(maybe, m)
	}
	if v.More != nil || !v.Seen && len(cidrs) == 0 {
		maybe = rankLongest
	}
	return sure, maybe
}

// transitTake tries what the routes may do.
func (w *walk) transitTake(t *trip, at place, g *ir.TransitGateway, from *ir.Attachment, r *transitRoutes) bool {
	b := w.branches()
	for k := range r.all {
		c := &r.all[k]
		if c.maybe < r.best-1 {
			continue
		}
		w.dividedRoutes(c, len(r.all))
		u := *t
		if b.try(w.transitRoute(&u, at, g, from, r, c)) {
			return b.end()
		}
	}
	if r.open != nil {
		u := *t
		if b.try(w.opaqueAs(&u, at, r.open, "TGW_RTB_ROUTES_ARE_UNKNOWN")) {
			return b.end()
		}
	}
	if r.best == 0 {
		u := *t
		b.try(w.refuse(&u, StageTransitGateway, transitName(g), "no route to "+dstName(&u.s), r.missing(t.goal.at.vpc)))
	}
	return b.end()
}

// dividedRoutes notes why a route is not sure to be taken.
func (w *walk) dividedRoutes(c *transitChoice, count int) {
	if count < 2 && c.sure == c.maybe {
		return
	}
	w.divided(c.unknowns()...)
}

// unknowns lists why a route is not sure to be taken.
func (c *transitChoice) unknowns() []*ir.Unknown {
	switch {
	case c.route != nil:
		return append(peerUnknowns(&c.route.Destination), c.route.Attachment.Unknowns()...)
	case c.to.Outside:
		return []*ir.Unknown{{Cause: diag.Cause{
			Code: diag.NotInInput, Message: "what " + attachmentName(c.to) + " propagates is not in the input", Address: c.to.Origin.Address, Range: c.to.Origin.Range,
		}}}
	default:
		return c.to.VPC.Unknowns()
	}
}

func (w *walk) transitRoute(t *trip, at place, g *ir.TransitGateway, from *ir.Attachment, r *transitRoutes, c *transitChoice) bool {
	if c.to != nil {
		w.noteTransit(t, g, r, c, c.to)
		return w.transitTo(t, at, g, from, c.to)
	}
	to := &c.route.Attachment
	if len(to.Of) == 0 && to.Open == nil {
		return w.refuse(t, StageTransitGateway, transitName(g), "a route for "+peerText(&c.route.Destination)+" drops it", "TGW_RTB_BAD_STATE_ROUTE")
	}
	return choose(w, to, func(a *ir.Attachment) bool {
		u := *t
		w.noteTransit(&u, g, r, c, a)
		return w.transitTo(&u, at, g, from, a)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

// transitTo leaves by an attachment: the packet stands in its subnet, whose
// routes lead on.
func (w *walk) transitTo(t *trip, at place, g *ir.TransitGateway, from, to *ir.Attachment) bool {
	if to.Outside {
		return w.transitAway(t, at, g, to)
	}
	if len(to.VPC.Of) == 0 && to.VPC.Open == nil {
		return w.opaque(t, at, notModelled(&to.Origin, "what is behind "+attachmentName(to)+" is not modelled"))
	}
	t.known = t.known.and(transitIdentity(g, from, to))
	return choose(w, &to.VPC, func(v *ir.VPC) bool {
		u := *t
		return w.transitOut(&u, at, g, to, v)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

// transitAway leaves by an attachment for a network outside.
func (w *walk) transitAway(t *trip, at place, g *ir.TransitGateway, to *ir.Attachment) bool {
	switch {
	case !t.goal.outside():
		return w.opaque(t, at, notModelled(&to.Origin, "how networks beyond "+attachmentName(to)+" lead back to "+nodeName(&t.goal)+" is not in the input"))
	case t.reply && t.exit.transit != g:
		return w.refuse(t, StageTransitGateway, transitName(g), "the request came by another gateway: its reply has to leave there", "NO_ROUTE_TO_DESTINATION")
	case !t.reply:
		t.exit = exit{transit: g, outside: to}
	}
	return w.deliver(t)
}

// transitIdentity: references hold when they are enabled on the gateway and on
// both attachments. [tgw security group referencing]
func transitIdentity(g *ir.TransitGateway, from, to *ir.Attachment) identity {
	holds := func(m mode) bool {
		return holdsTrue(m, &g.GroupReferences) && holdsTrue(m, &from.GroupReferences) && holdsTrue(m, &to.GroupReferences)
	}
	return identity{
		holds(pessimist), holds(optimist), unknowns(g.GroupReferences.Why, from.GroupReferences.Why, to.GroupReferences.Why), "SG_REFERENCING_SUPPORT",
	}
}

func (w *walk) transitOut(t *trip, at place, g *ir.TransitGateway, to *ir.Attachment, v *ir.VPC) bool {
	return w.attachmentSubnets(t, nil, g, to, func(s *ir.Subnet) bool {
		u := *t
		if s != nil {
			return w.depart(&u, place{subnet: s, vpc: v})
		}
		if goal := &u.goal; goal.outside() || goal.slot.public {
			return w.opaque(&u, at, notModelled(&to.Origin, "the subnets of "+attachmentName(to)+" are not in the input"))
		}
		return w.local(&u, place{vpc: v})
	})
}
