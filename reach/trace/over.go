package trace

import (
	"fmt"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// What a packet passes over, for those who want to see it.

// routesOver lists the routes of a table that were not taken, and why.
func (w *walk) routesOver(t *trip, table *ir.RouteTable, taken *ir.Route) []Over {
	if !w.q.Verbose {
		return nil
	}
	best := rankNoRoute
	if taken != nil {
		_, best = routeRanks(taken, &t.s)
	}
	var over []Over
	for k := range table.Routes {
		r := &table.Routes[k]
		if r == taken {
			continue
		}
		_, rank := routeRanks(r, &t.s)
		code := routeCode(rank, best, isLocal(r))
		over = append(over, Over{
			Message: peerText(&r.Destination) + " > " + targetsText(&r.Target), Reason: routeReason(rank, best), Code: code, Place: placeOf(&r.Origin, ir.FieldPeer),
		})
	}
	return over
}

func routeCode(rank, best int, local bool) string {
	switch {
	case rank == rankNoRoute && local:
		return "VPC_LOCAL_ROUTE_CIDR_RESTRICTION"
	case rank == rankNoRoute:
		return "CANNOT_ROUTE"
	case rank/rankStep < best/rankStep:
		return "MORE_SPECIFIC_ROUTE"
	case rank < best:
		return "HIGHER_PRIORITY_ROUTE"
	default:
		return "" // it may be taken as well
	}
}

func routeReason(rank, best int) string {
	switch {
	case rank == rankNoRoute:
		return elsewhere
	case rank/rankStep < best/rankStep:
		return "the route taken is longer"
	case rank < best:
		return "the route taken has a higher priority"
	default:
		return mayMatch
	}
}

// Why something does not take a packet.
const (
	elsewhere = "other addresses"
	mayMatch  = "may take it as well"
)

func targetsText(c *ir.Choice[ir.Target]) string {
	if t, ok := c.Known(); ok {
		return targetName(t)
	}
	return "a target that is not known"
}

// transitOver lists the routes of a transit gateway's table that match and were
// not taken.
func (w *walk) transitOver(r *transitRoutes, taken *transitChoice) []Over {
	if !w.q.Verbose {
		return nil
	}
	var over []Over
	for k := range r.all {
		c := &r.all[k]
		if c == taken {
			continue
		}
		o := Over{Code: "TGW_RTB_" + routeCode(c.maybe, taken.maybe, false)}
		if c.maybe >= taken.maybe {
			o.Code = ""
		}
		o.Reason = routeReason(c.maybe, taken.maybe)
		if c.to != nil {
			o.Message, o.Place = "propagated by "+attachmentName(c.to), placeOf(&c.to.Origin, ir.FieldInvalid)
		} else {
			o.Message, o.Place = peerText(&c.route.Destination)+" > "+leadsTo(c.route), placeOf(&c.route.Origin, ir.FieldPeer)
		}
		over = append(over, o)
	}
	return over
}

func leadsTo(r *ir.TransitRoute) string {
	if a, ok := r.Attachment.Known(); ok {
		return attachmentName(a)
	}
	if len(r.Attachment.Of) == 0 && r.Attachment.Open == nil {
		return "blackhole"
	}
	return "an attachment that is not known"
}

func isClassic(i *ir.Interface) bool {
	if i.Services == nil {
		return false
	}
	for k := range i.Services.Ports {
		if f := i.Services.Ports[k].Forward; f != nil && f.Classic {
			return true
		}
	}
	return false
}

// listenersOver lists the listeners that a packet is not for.
func (w *walk) listenersOver(i *ir.Interface) []Over {
	if !w.q.Verbose {
		return nil
	}
	code := "ELBV2_LISTENER_PORT_RESTRICTION"
	if isClassic(i) {
		code = "ELB_LISTENER_PORT_RESTRICTION"
	}
	var over []Over
	for k := range i.Services.Ports {
		s := &i.Services.Ports[k]
		m := ir.Match{Protocol: ir.Known(int16(s.Protocol)), Ports: ir.Known(s.Ports)}
		over = append(over, Over{Message: "the listener on " + serviceText(&m, packet.IPv4), Reason: "another port or protocol", Code: code, Place: s.Place})
	}
	return over
}

// rulesOver lists the rules of an interface's groups that do not let a packet
// pass.
func (w *walk) rulesOver(i *ir.Interface, egress bool, s *segment, f far, taken *ir.Rule) []Over {
	if !w.q.Verbose {
		return nil
	}
	var over []Over
	add := func(g *ir.SecurityGroup) {
		for k := range g.Rules(egress) {
			if r := &g.Rules(egress)[k]; r != taken {
				over = append(over, Over{Message: ruleText(r, egress, s.family), Reason: mismatch(&r.Match, s, egress, f), Place: placeOf(&r.Origin, ir.FieldPeer)})
			}
		}
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	for _, g := range i.Groups.Maybe {
		add(g.V)
	}
	return over
}

// entriesOver tells why entries of an ACL do not match.
func (w *walk) entriesOver(passed []*ir.Entry, egress bool, s *segment) []Over {
	if !w.q.Verbose {
		return nil
	}
	var over []Over
	for _, e := range passed {
		action := "an action that is not known"
		if e.Allow.Known() {
			action = map[bool]string{true: "allow", false: "deny"}[e.Allow.V]
		}
		over = append(over, Over{
			Message: fmt.Sprintf("entry %s: %s %s %s %s", numberText(e), action, serviceText(&e.Match, s.family), direction(egress), peerText(&e.Peer)),
			Reason:  mismatch(&e.Match, s, egress, far{}), Place: placeOf(&e.Origin, ir.FieldNumber),
		})
	}
	return over
}

// mismatch says why a match does not take a packet.
func mismatch(m *ir.Match, s *segment, egress bool, f far) string {
	switch {
	case matchesPeer(&m.Peer, s.peer(egress), s.family, f, true) && matchesService(m, s, true):
		return mayMatch
	case m.Protocol.Known() && m.Protocol.V != -1 && m.Protocol.V != int16(s.protocol):
		return "another protocol"
	case !matchesService(m, s, true) && s.kind == packet.Typed:
		return "another type"
	case !matchesService(m, s, true):
		return "another port"
	case m.Peer.Group != nil:
		return notSeenAs(m.Peer.Group, f)
	case m.Peer.CIDR.IsValid() && packet.FamilyOfPrefix(m.Peer.CIDR) != s.family:
		return "the other address family"
	default:
		return elsewhere
	}
}

func notSeenAs(g *ir.SecurityGroup, f far) string {
	switch {
	case f.iface == nil:
		return "the other end is no interface that references see"
	case !member(f.iface, g, true):
		return interfaceName(f.iface) + " is not in it"
	default:
		return "references are not seen on this way"
	}
}
