package trace

import (
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// inbound routes what has come in by an internet or virtual private gateway: by
// the gateway's own table, if one is associated with it, and else locally. nil
// is an internet gateway that the input does not show. [VPC_Route_Tables.md]
func (w *walk) inbound(t *trip, g *ir.Gateway) bool {
	if g == nil || noTable(&g.RouteTable) {
		return w.aclIn(t, t.goal.at) && w.deliver(t)
	}
	at := place{vpc: t.goal.at.vpc, why: t.goal.at.why, edge: g}
	return choose(w, &g.RouteTable, func(table *ir.RouteTable) bool {
		u := *t
		return w.edgeRoutes(&u, at, table)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

func noTable(c *ir.Choice[*ir.RouteTable]) bool { return len(c.Of) == 0 && c.Open == nil }

func (w *walk) edgeRoutes(t *trip, at place, table *ir.RouteTable) bool {
	b := w.branches()
	lookup(table, &t.s, func(c choice) bool {
		u := *t
		return b.try(w.edgeTakes(&u, at, c))
	})
	return b.end()
}

// edgeTakes does one thing that a gateway's table may do.
func (w *walk) edgeTakes(t *trip, at place, c choice) bool {
	switch {
	case c.open != nil:
		return w.opaque(t, at, c.open)
	case c.route == nil:
		return w.noRoute(t, at, c)
	case c.route.Blackhole.Known() && c.route.Blackhole.V:
		return w.blackhole(t, at, c)
	case !c.route.Blackhole.Known() && w.m == pessimist:
		return false
	}
	return choose(w, &c.route.Target, func(target ir.Target) bool {
		u := *t
		w.noteRoute(&u, at, c, target)
		return w.edgeLeads(&u, at, c, target)
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

func (w *walk) edgeLeads(t *trip, at place, c choice, target ir.Target) bool {
	switch target.Kind {
	case ir.TargetLocal:
		return w.aclIn(t, t.goal.at) && w.deliver(t)
	case ir.TargetInterface:
		return w.mayInspect(t, at.edge, target.Interface) && w.appliance(t, at, target.Interface)
	case ir.TargetGateway:
		if target.Gateway.Kind == ir.LoadBalancerEndpoint {
			return w.inspect(t, at, target.Gateway)
		}
	case ir.TargetPeering, ir.TargetTransitGateway, ir.TargetOther, ir.TargetInvalid:
	}
	return w.opaque(t, at, notModelled(&c.route.Origin, "what "+targetName(target)+" does with what comes in by "+gatewayName(at.edge)+" is not modelled"))
}

// mayInspect: an appliance that an internet gateway's table points at has to
// have a public address of its own.
// [reachability explanation-codes INGRESS_RTB_NO_PUBLIC_IP]
func (w *walk) mayInspect(t *trip, g *ir.Gateway, i *ir.Interface) bool {
	if g.Kind != ir.InternetGateway || t.s.family != packet.IPv4 || t.goal.iface == i {
		return true
	}
	return w.check(t, StageGateway, func(m mode) bool { return hasPublic(m, i) }, func(h *Hop) {
		h.Component, h.Place = interfaceName(i), placeOf(&i.Origin, ir.FieldPublic)
		h.Message, h.Code = "has a public address", "INGRESS_RTB_NO_PUBLIC_IP"
		if h.Verdict == Deny {
			h.Message = "no public IPv4 address: an internet gateway's route table hands it nothing"
		}
		for k := range i.Addresses {
			h.Because = append(h.Because, unknowns(i.Addresses[k].Public.Exists.Why, i.Addresses[k].Maybe)...)
		}
	})
}

func hasPublic(m mode, i *ir.Interface) bool {
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if (a.Maybe == nil || m == optimist) && a.Family == packet.IPv4 && holdsTrue(m, &a.Public.Exists) {
			return true
		}
	}
	return false
}

// redirected asks whether a subnet may use the internet gateway directly: not
// where the gateway's table leads what is for the subnet to an appliance.
// [reachability explanation-codes INGRESS_RTB_TRAFFIC_REDIRECTION]
func (w *walk) redirected(t *trip, at place, g *ir.Gateway) bool {
	if noTable(&g.RouteTable) || at.subnet == nil || at.subnet != t.src.at.subnet || t.inspected {
		return true
	}
	return w.check(t, StageGateway, func(m mode) bool { return direct(m, t, g) }, func(h *Hop) {
		h.Component, h.Place = gatewayName(g), placeOf(&g.Origin, ir.FieldInvalid)
		h.Message, h.Code = "takes packets of "+subnetName(at.subnet)+" directly", "INGRESS_RTB_TRAFFIC_REDIRECTION"
		h.Because = g.RouteTable.Unknowns()
		for _, table := range g.RouteTable.Of {
			h.Because = append(h.Because, tableUnknowns(table)...)
		}
		if h.Verdict == Deny {
			h.Message = "its route table leads what is for " + subnetName(at.subnet) + " to an appliance: packets from there have to pass it too"
		}
	})
}

// direct reports whether the gateway's table delivers locally what is for the
// sender.
func direct(m mode, t *trip, g *ir.Gateway) bool {
	if g.RouteTable.Open != nil {
		return m == optimist
	}
	back := t.s.back()
	some, all := false, true
	for _, table := range g.RouteTable.Of {
		lookup(table, &back, func(c choice) bool {
			may, must := leadsLocally(c)
			some, all = some || may, all && must
			return false
		})
	}
	if m == optimist {
		return some
	}
	return all
}

func leadsLocally(c choice) (may, must bool) {
	if c.route == nil {
		return true, c.open == nil // no route at all redirects nothing
	}
	must = c.route.Target.Open == nil
	may = c.route.Target.Open != nil
	for _, target := range c.route.Target.Of {
		is := target.Kind == ir.TargetLocal
		may, must = may || is, must && is
	}
	return may, must
}

// inspect passes a Gateway Load Balancer endpoint: the appliances behind it
// decide, and what they let pass goes on from the endpoint's subnet, unchanged.
// [elasticloadbalancing gateway; VPC_Route_Tables.md]
func (w *walk) inspect(t *trip, at place, g *ir.Gateway) bool {
	return choose(w, &g.Subnet, func(s *ir.Subnet) bool {
		return w.placesIn(s, func(p place) bool {
			u := *t
			return w.inspectAt(&u, at, g, p)
		})
	}, func(why *ir.Unknown) bool {
		u := *t
		return w.opaque(&u, at, why)
	})
}

func (w *walk) inspectAt(t *trip, at place, g *ir.Gateway, p place) bool {
	if p.subnet != at.subnet && !w.aclIn(t, p) {
		return false
	}
	t.inspected = true
	if at.edge != nil && at.edge.Kind == ir.InternetGateway && !w.bpa(t, at, false, t.reply) {
		return false
	}
	if w.m == pessimist {
		return false
	}
	w.noteInspected(t, g)
	t.known.sure = false
	t.known.why = append(t.known.why[:len(t.known.why):len(t.known.why)], behind(g))
	return w.depart(t, p)
}

// behind is the unknown that the appliances of an endpoint are.
func behind(g *ir.Gateway) *ir.Unknown {
	return notModelled(&g.Origin, "the appliances behind "+gatewayName(g)+" decide")
}
