package reach

import (
	"cmp"
	"fmt"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// transit crosses a transit gateway: into the attachment of its VPC, by the table
// of that one to another attachment, and out of that one's subnet by the routes
// there. [vpc/tgw; tgw-nacls; tgw-vpc-attachments]
func (w *walker) transit(t trip, at place, g *ir.TransitGateway) outcome {
	e := t.s.e
	a, ok := attachment(g, at.vpc)
	s := Stage{Kind: KindLink, Component: g.Origin.Address, Place: g.Origin.Place(""), Code: "BAD_STATE_ATTACHMENT", via: link{transit: g}.name()}
	if at.vpc != nil {
		s.Message = g.Origin.Address + " has no attachment in " + at.vpc.Origin.Address
	}
	if a == nil {
		if ok == no {
			return w.stop(t, s)
		}
		s.because(g.Open)
		if !w.ask(&t, ok, s) {
			return nothing()
		}
		return w.opaque(t, g.Open)
	}
	s.because(a.VPC.Unknowns()...)
	if !w.ask(&t, ok, s) {
		return nothing()
	}
	if enter, is := e.attachmentStage(a, at, t.reply); is && !w.push(&t, enter) {
		return nothing()
	}
	return w.transitNext(t, g, a, at.subnet)
}

// attachmentStage is the ACL of the subnet by which a packet enters an
// attachment: the one in the sender's zone, or any where zones are not known.
// It is asked even in the sender's own subnet. [tgw-nacls]
func (e *engine) attachmentStage(a *ir.Attachment, at place, reply bool) (Stage, bool) {
	if len(a.Subnets.Sure) == 0 && len(a.Subnets.Maybe) == 0 && a.Subnets.Open == nil {
		return Stage{}, false
	}
	st := Stage{Kind: KindACLIn, Reply: reply, Component: a.Origin.Address, Place: a.Origin.Place(""), Code: "TGW_ROUTE_AZ_RESTRICTION"}
	st.Message = a.Origin.Address + " has no subnet in the zone of " + subnetName(at.subnet)
	var bands []Band
	for _, s := range inZone(a, at.subnet) {
		one := e.aclStage(s, false, reply)
		bands = append(bands, one.Band)
		st.Component, st.Place, st.Message, st.ACL, st.Code = one.Component, one.Place, one.Message, one.ACL, one.Code
		st.because(one.Because...)
	}
	if open := openSubnets(a); open != nil {
		bands = append(bands, perhaps(e.Space))
		st.because(open)
	}
	st.Band = oneOf(e.Space, bands...)
	return st, true
}

func subnetName(s *ir.Subnet) string {
	if s == nil {
		return "the sender"
	}
	return s.Origin.Address
}

// inZone lists an attachment's subnets that may be in the zone of a subnet.
func inZone(a *ir.Attachment, near *ir.Subnet) []*ir.Subnet {
	var in []*ir.Subnet
	add := func(s *ir.Subnet) {
		if near == nil || s == near || near.Zone == "" || s.Zone == "" || near.Zone == s.Zone {
			in = append(in, s)
		}
	}
	for _, s := range a.Subnets.Sure {
		add(s)
	}
	for _, m := range a.Subnets.Maybe {
		add(m.V)
	}
	return in
}

// openSubnets says why an attachment may stand in other subnets, or not in all
// of those that inZone lists.
func openSubnets(a *ir.Attachment) *ir.Unknown {
	if len(a.Subnets.Maybe) > 0 {
		return cmp.Or(a.Subnets.Open, a.Subnets.Maybe[0].Why)
	}
	return a.Subnets.Open
}

// transitNext finds the attachment that the gateway sends a packet to, by the
// table that the one it came in by is associated with. Without tables all are
// associated with one, and propagate to it.
func (w *walker) transitNext(t trip, g *ir.TransitGateway, from *ir.Attachment, near *ir.Subnet) outcome {
	e := t.s.e
	table, targets := e.transitTable(g, from)
	s := Stage{
		Kind: KindLink, Component: g.Origin.Address, Place: g.Origin.Place(""), Code: "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION",
		Message: "no route table of " + g.Origin.Address + " is associated with " + from.Origin.Address,
	}
	if table == nil {
		return w.stop(t, s)
	}
	s.Code, s.Message = "TGW_RTB_CANNOT_ROUTE", "no route in "+g.Origin.Address
	p := e.partition(table, t.reply)
	tables := ir.One(table)
	options := e.options([]*partition{p}, tables, p.exact, t.live)
	var hoped *ir.Attachment
	if w.hope {
		leads := false // some route of the table leads to the VPC
		options, hoped = hopedAttachment(&t, g, options, targets)
		for _, a := range targets {
			leads = leads || a == hoped
		}
		if !leads {
			s.Code = "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"
		}
		if apart, err := e.Disjoint(p.holes, t.live); err == nil && !apart {
			s.Code, s.Message = "TGW_RTB_BAD_STATE_ROUTE", "a route of "+g.Origin.Address+" drops it"
		}
	}
	if len(options) == 0 {
		return w.stop(t, s)
	}
	outs := make([]outcome, len(options))
	for k := range options {
		o := &options[k]
		u, st := t, s
		outs[k] = nothing()
		st.Band = o.band
		if o.routed {
			u.live = e.Intersect(t.live, o.may.May)
			if !p.exact {
				st.because(routeUnknowns(table)...)
				st.followed = &Band{o.may.May, o.may.Ground, o.may.May}
			}
		}
		if w.steps++; w.steps > maxSteps {
			outs[k] = w.opaque(u, tooFar())
			continue
		}
		if !w.push(&u, st) {
			continue
		}
		switch a := targets[o.target]; {
		case a != nil:
			outs[k] = w.transitTo(u, g, from, a)
		case !o.routed:
			outs[k] = w.transitTo(u, g, from, hoped)
		default:
			outs[k] = w.opaque(u, cmp.Or(o.why, g.Open))
		}
	}
	if p.exact || w.hope {
		return w.union(e, outs...)
	}
	return w.weigh(e, []*partition{p}, tables, options, outs)
}

// hopedAttachment adds the attachment that a packet would have to be sent to.
func hopedAttachment(t *trip, g *ir.TransitGateway, options []option, targets map[ir.Target]*ir.Attachment) ([]option, *ir.Attachment) {
	v := t.goal().at.vpc
	if v == nil {
		return options, nil
	}
	a, _ := attachment(g, v)
	if a == nil || slices.ContainsFunc(options, func(o option) bool { return targets[o.target] == a }) {
		return options, nil
	}
	none := exactly(solver.Empty)
	return append(options, option{target: ir.Target{Kind: ir.TargetOther}, band: none, may: none}), a
}

// transitTable is the table for what comes in by an attachment, as a route table
// whose targets stand for attachments; nil when there is none.
func (e *engine) transitTable(g *ir.TransitGateway, from *ir.Attachment) (*ir.RouteTable, map[ir.Target]*ir.Attachment) {
	key := transitKey{g, from}
	if t, ok := e.transits[key]; ok {
		return t.table, t.targets
	}
	t := transitEntry{targets: map[ir.Target]*ir.Attachment{}}
	names := map[*ir.Attachment]ir.Target{}
	name := func(a *ir.Attachment) ir.Target {
		n, ok := names[a]
		if !ok {
			n = ir.Target{Kind: ir.TargetOther, ID: fmt.Sprintf("%04d", len(names))}
			names[a], t.targets[n] = n, a
		}
		return n
	}
	if len(g.Tables) == 0 {
		t.table = &ir.RouteTable{Open: g.Open, Origin: g.Origin}
		e.propagate(t.table, g, g.Attachments, name)
	}
	for _, table := range g.Tables {
		if !slices.Contains(table.Associated, from) {
			continue
		}
		t.table = &ir.RouteTable{Open: table.Open, Origin: table.Origin}
		for _, r := range table.Routes {
			route := ir.Route{Destination: r.Destination, Target: ir.Choice[ir.Target]{Why: r.Attachment.Why, Open: r.Attachment.Open}, Origin: r.Origin}
			for _, a := range r.Attachment.Of {
				route.Target.Of = append(route.Target.Of, name(a))
			}
			t.table.Routes = append(t.table.Routes, route)
		}
		e.propagate(t.table, g, table.Propagated, name)
		break
	}
	e.transits[key] = t
	return t.table, t.targets
}

type transitKey struct {
	g    *ir.TransitGateway
	from *ir.Attachment
}

type transitEntry struct {
	table   *ir.RouteTable
	targets map[ir.Target]*ir.Attachment
}

// propagate adds the routes that attachments give to a table: a VPC's CIDRs. What
// an outside one gives is not in the input; it overlaps no VPC attached here.
func (e *engine) propagate(table *ir.RouteTable, g *ir.TransitGateway, from []*ir.Attachment, name func(*ir.Attachment) ir.Target) {
	for _, a := range from {
		add := func(d ir.Peer, maybe *ir.Unknown) {
			table.Routes = append(table.Routes, ir.Route{Destination: d, Target: ir.One(name(a)), Propagated: true, Maybe: maybe, Origin: a.Origin})
		}
		if a.Outside {
			why := &ir.Unknown{Cause: diag.Cause{
				Code: diag.NotInInput, Message: "what " + a.Origin.Address + " propagates is not in the input", Address: a.Origin.Address, Range: a.Origin.Range,
			}}
			add(ir.Peer{Unknown: why, PrefixList: e.beside(g)}, why)
			continue
		}
		if v, ok := a.VPC.Known(); ok {
			for _, d := range propagated(v, e.Family()) {
				add(d, nil)
			}
			continue
		}
		table.Open = cmp.Or(table.Open, a.VPC.Open, a.VPC.Why)
	}
}

// beside lists what no VPC attached to a gateway holds.
func (e *engine) beside(g *ir.TransitGateway) *ir.PrefixList {
	var b netipx.IPSetBuilder
	for _, r := range everyone(e.Family()) {
		b.AddRange(r)
	}
	for _, a := range g.Attachments {
		for _, v := range a.VPC.Of {
			for _, c := range cidrs(v, e.Family()) {
				if c.Known() && c.V.IsValid() {
					b.RemovePrefix(c.V)
				}
			}
		}
	}
	return &ir.PrefixList{Family: e.Family(), CIDRs: build(&b).Prefixes()}
}

// propagated lists the destinations that a VPC's attachment gives to a table. Of
// those that are not known any may be among them.
func propagated(v *ir.VPC, f packet.Family) []ir.Peer {
	var ds []ir.Peer
	for _, c := range cidrs(v, f) {
		if c.Known() {
			ds = append(ds, ir.Peer{CIDR: c.V})
		} else {
			ds = append(ds, ir.Peer{Unknown: c.Why, Family: f})
		}
	}
	switch {
	case v.More != nil:
		ds = append(ds, ir.Peer{Unknown: v.More, Family: f})
	case !v.Seen && len(ds) == 0:
		ds = append(ds, ir.Peer{Unknown: &ir.Unknown{Cause: diag.Cause{
			Code: diag.NotInInput, Message: "the CIDRs of " + v.Origin.Address + " are not in the input", Address: v.Origin.Address, Range: v.Origin.Range,
		}}, Family: f})
	}
	return ds
}

// transitTo leaves by an attachment: the packet stands in its subnet, whose
// routes lead on.
func (w *walker) transitTo(t trip, g *ir.TransitGateway, from, to *ir.Attachment) outcome {
	e, goal := t.s.e, t.goal()
	if to.Outside {
		return w.transitOutside(t, g, to)
	}
	t.known = and(t.known, known(g.GroupReferences), known(from.GroupReferences), known(to.GroupReferences))
	if from.Outside {
		t.known = no
	}
	if t.known == no && t.lost == "" {
		t.lost = "SG_REFERENCING_SUPPORT"
	}
	var outs []outcome
	for _, v := range to.VPC.Of {
		u := t
		subnets, open := inZone(to, nil), openSubnets(to)
		if len(subnets) == 0 && open == nil {
			// The input does not list them: delivered as if from the goal's border.
			if goal.outside() || goal.away() {
				outs = append(outs, w.opaque(u, behind(to.Origin, "an attachment whose subnets are not in the input")))
			} else {
				outs = append(outs, w.local(u, place{vpc: v}))
			}
			continue
		}
		for _, s := range subnets {
			outs = append(outs, w.depart(u, place{subnet: s, vpc: v}))
		}
		if open != nil {
			outs = append(outs, w.opaque(u, open))
		}
	}
	if to.VPC.Open != nil {
		outs = append(outs, w.opaque(t, to.VPC.Open))
	}
	if len(outs) == 0 {
		return w.stop(t, Stage{Kind: KindLink, Component: to.Origin.Address, Place: to.Origin.Place(""), Code: "BAD_STATE_ATTACHMENT", Message: to.Origin.Address + " leads to no VPC"})
	}
	return w.either(e, outs...)
}

// transitOutside leaves to hosts outside, or goes back to them. An interface of
// the input may lie behind what is there.
func (w *walker) transitOutside(t trip, g *ir.TransitGateway, to *ir.Attachment) outcome {
	goal := t.goal()
	stop := Stage{Kind: KindLink, Component: to.Origin.Address, Place: to.Origin.Place(""), Message: "the request did not come in by " + g.Origin.Address}
	switch {
	case t.reply && goal.outside() && t.door.transit != g:
		return w.stop(t, stop)
	case !goal.outside():
		return w.opaque(t, behind(to.Origin, to.Origin.Address))
	}
	t.door = door{kind: doorTransit, transit: g, from: to}
	return w.deliver(t)
}
