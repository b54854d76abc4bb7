package trace

import (
	"fmt"

	"github.com/postern-dev/postern/ir"
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
		over = append(over, Over{
			Message: peerText(&r.Destination) + " > " + targetsText(&r.Target), Code: routeCode(rank, best, isLocal(r)), Place: placeOf(&r.Origin, ir.FieldPeer),
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
		over = append(over, Over{Message: fmt.Sprintf("the listener on %s", serviceText(&m, 0)), Code: code, Place: s.Place})
	}
	return over
}
