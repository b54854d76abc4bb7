package trace

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Hops that judge nothing, or whose judgement the walk has made already.

func (w *walk) note(t *trip, h Hop) {
	if w.recording(t) {
		h.Header = t.s.header()
		h.SrcIn, h.DstIn = t.s.bounds()
		settle(&h)
		w.hops = append(w.hops, h)
	}
}

func (w *walk) noteStateful(t *trip, i *ir.Interface, stage Stage) {
	if w.recording(t) {
		w.note(t, Hop{Stage: stage, Component: interfaceName(i), Verdict: Allow, Message: "answers an allowed request"})
	}
}

func (w *walk) noteReturned(t *trip) {
	if i := t.goal.iface; i != nil && !t.opaque {
		w.noteStateful(t, i, StageSGIngress)
	}
}

func (w *walk) noteExempt(t *trip) {
	if !w.record {
		return
	}
	h := Hop{
		Stage: StageExempt, Component: interfaceName(t.src.iface), Verdict: Allow, Header: t.s.header(),
		Message: "groups and ACLs do not filter packets to " + t.s.dst.String(),
	}
	if w.recordReply {
		h.Header, _ = ReplyHeader(h.Header)
		h.Message = "groups and ACLs do not filter what " + t.s.dst.String() + " answers"
	}
	if !exempt(t.src.at, t.s.dst, false) {
		h.Verdict, h.Because = Unknown, unknowns(t.src.at.why)
	}
	w.hops = append(w.hops, h)
}

func (w *walk) noteRoute(t *trip, at place, c choice, target ir.Target) {
	if !w.recording(t) {
		return
	}
	r := c.route
	h := w.routeHop(t, at, c)
	h.Message = peerText(&r.Destination) + " > " + targetName(target)
	if c.among || len(r.Target.Of) > 1 || r.Target.Open != nil || !r.Blackhole.Known() {
		h.Verdict = Unknown
	}
	w.note(t, h)
}

func (w *walk) routeHop(t *trip, at place, c choice) Hop {
	h := Hop{Stage: StageRoute, Component: placeName(at), Verdict: Allow, Header: t.s.header(), Route: c.route}
	h.Because = routeUnknowns(at, c)
	if r := c.route; r != nil {
		h.Rule, h.Place = r.Origin.Address, placeOf(&r.Origin, ir.FieldPeer)
	}
	if table, ok := decides(at).Known(); ok {
		h.Over = w.routesOver(t, table, c.route)
		if c.route == nil {
			h.Place = placeOf(&table.Origin, ir.FieldInvalid)
		} else if table.Main && c.route.Origin.Implicit {
			h.Place.Message = "main route table"
		}
	}
	return h
}

// routeUnknowns lists what decides whether a route is taken, and where it
// leads.
func routeUnknowns(at place, c choice) []*ir.Unknown {
	us := decides(at).Unknowns()
	for _, table := range decides(at).Of {
		if !c.among {
			break
		}
		us = append(us, tableUnknowns(table)...)
	}
	if r := c.route; r != nil {
		us = append(append(us, r.Target.Unknowns()...), unknowns(r.Blackhole.Why)...)
	}
	return us
}

// decides are the route tables of a place; none where the place is not known.
func decides(at place) *ir.Choice[*ir.RouteTable] {
	if tables, ok := tablesOf(at); ok {
		return tables
	}
	return &ir.Choice[*ir.RouteTable]{}
}

func tableUnknowns(table *ir.RouteTable) []*ir.Unknown {
	us := unknowns(table.Open)
	for k := range table.Routes {
		r := &table.Routes[k]
		us = append(append(us, unknowns(r.Maybe)...), peerUnknowns(&r.Destination)...)
	}
	return us
}

func (w *walk) noRoute(t *trip, at place, c choice) bool {
	if w.recording(t) {
		h := w.routeHop(t, at, c)
		h.Verdict, h.Message, h.Code = Deny, "no route to "+dstName(&t.s), "NO_ROUTE_TO_DESTINATION"
		if v := t.goal.at.vpc; v != nil && at.vpc != nil && v != at.vpc && !w.connected(at.vpc, v) {
			h.Message += ": nothing connects " + vpcName(at.vpc) + " with " + vpcName(v)
			h.Code = "DISCONNECTED_VPCS"
		}
		w.note(t, h)
	}
	return false
}

// connected reports whether a peering connection or a transit gateway may join
// two VPCs.
func (w *walk) connected(a, b *ir.VPC) bool {
	if slices.ContainsFunc(w.n.Peerings, func(p *ir.Peering) bool { return connects(optimist, p, a, b) }) {
		return true
	}
	return slices.ContainsFunc(w.n.TransitGateways, func(g *ir.TransitGateway) bool {
		has := func(v *ir.VPC) bool {
			return g.Open != nil || slices.ContainsFunc(g.Attachments, func(x *ir.Attachment) bool { return ofVPC(optimist, x, v) })
		}
		return has(a) && has(b)
	})
}

func (w *walk) blackhole(t *trip, at place, c choice) bool {
	if w.recording(t) {
		h := w.routeHop(t, at, c)
		h.Verdict, h.Message, h.Code = Deny, peerText(&c.route.Destination)+" > blackhole", "BAD_STATE_ROUTE"
		w.note(t, h)
	}
	return false
}

func (w *walk) noteOpaque(t *trip, at place, why *ir.Unknown, code string) {
	if !w.recording(t) {
		return
	}
	h := Hop{Stage: StageRoute, Component: placeName(at), Verdict: Unknown, Message: "the way on is not known", Because: unknowns(why)}
	if at.subnet == nil && at.edge == nil {
		h.Component = nodeName(&t.src)
	}
	if why != nil && why.Cause.Message != "" {
		h.Message += ": " + why.Cause.Message
		h.Place = diag.Place{Address: why.Cause.Address, Range: why.Cause.Range}
	}
	w.note(t, h)
	w.hops[len(w.hops)-1].Code = code
}

// noteGateway tells of a gateway that a packet passes; was is the packet as it
// came to it.
func (w *walk) noteGateway(t *trip, g *ir.Gateway, was *segment, message string) {
	if !w.recording(t) {
		return
	}
	if t.s.family == packet.IPv4 && g.Kind == ir.InternetGateway {
		message += " as " + addressText(t.s.src)
	}
	h := Hop{Stage: StageGateway, Component: gatewayName(g), Verdict: Allow, Message: message, Place: placeOf(&g.Origin, ir.FieldInvalid)}
	w.noteChange(t, was, h)
}

// noteChange notes a hop that may have changed the packet.
func (w *walk) noteChange(t *trip, was *segment, h Hop) {
	if before := was.header(); before != t.s.header() {
		h.Was = before
	}
	w.note(t, h)
}

func (w *walk) noteNAT(t *trip, g *ir.Gateway, was *segment) {
	if w.recording(t) {
		w.noteChange(t, was, Hop{
			Stage: StageGateway, Component: gatewayName(g), Verdict: Allow, Place: placeOf(&g.Origin, ir.FieldInvalid),
			Message: fmt.Sprintf("sends on as %s", natText(t)),
		})
	}
}

// noteRestored tells that a NAT gateway hands an answer on to whom it is for.
func (w *walk) noteRestored(t *trip, g *ir.Gateway, was *segment) {
	if w.recording(t) {
		w.noteChange(t, was, Hop{
			Stage: StageGateway, Component: gatewayName(g), Verdict: Allow, Place: placeOf(&g.Origin, ir.FieldInvalid),
			Message: "hands the answer on to " + addressText(t.s.dst),
		})
	}
}

func natText(t *trip) string {
	if !t.s.src.IsValid() {
		return "its own address"
	}
	if t.s.kind == packet.Ported {
		return fmt.Sprintf("%s:%d", t.s.src, t.s.sport)
	}
	return t.s.src.String()
}

func (w *walk) noteEntered(t *trip, g *ir.Gateway, was *segment) {
	if !w.recording(t) {
		return
	}
	h := Hop{Stage: StageGateway, Component: gatewayName(g), Verdict: Allow, Message: "in from the internet"}
	if g != nil {
		h.Place = placeOf(&g.Origin, ir.FieldInvalid)
	}
	if t.s.family == packet.IPv4 {
		h.Message += " to " + addressText(t.s.dst)
	}
	w.noteChange(t, was, h)
}

// noteInspected: the appliances behind an endpoint decide.
func (w *walk) noteInspected(t *trip, g *ir.Gateway) {
	if w.recording(t) {
		w.note(t, Hop{
			Stage: StageGateway, Component: gatewayName(g), Verdict: Unknown, Message: "the appliances behind it decide",
			Place: placeOf(&g.Origin, ir.FieldInvalid), Because: []*ir.Unknown{behind(g)},
		})
	}
}

func (w *walk) noteTransitIn(t *trip, g *ir.TransitGateway, from *ir.Attachment) {
	if w.recording(t) {
		w.note(t, Hop{
			Stage: StageTransitGateway, Component: transitName(g), Verdict: Allow,
			Message: "in by " + attachmentName(from), Place: placeOf(&from.Origin, ir.FieldInvalid),
		})
	}
}

func (w *walk) noteTransit(t *trip, g *ir.TransitGateway, r *transitRoutes, c *transitChoice, to *ir.Attachment) {
	if !w.recording(t) {
		return
	}
	h := Hop{
		Stage: StageTransitGateway, Component: transitName(g), Verdict: Allow, Over: w.transitOver(r, c),
		Message: "propagated > " + attachmentName(to), Place: placeOf(&to.Origin, ir.FieldInvalid),
	}
	if c.route != nil {
		h.Message, h.Rule = peerText(&c.route.Destination)+" > "+attachmentName(to), c.route.Origin.Address
		h.Place = placeOf(&c.route.Origin, ir.FieldPeer)
	}
	if c.sure != c.maybe && w.m == optimist {
		h.Verdict, h.Because = Unknown, c.unknowns()
	}
	w.note(t, h)
}
