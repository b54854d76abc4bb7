package reach

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver"
)

// option is one target that a packet may be sent to.
type option struct {
	target ir.Target
	why    *ir.Unknown // of a target that is not known
	band   Band        // of all tables together
	may    Band        // the same, with every doubt about the table in its favour
	routed bool        // a table leads there; otherwise it would have to
}

// route sends a packet where the route tables say that a subnet, or a gateway,
// may have.
func (w *walker) route(t trip, at place, tables ir.Choice[*ir.RouteTable]) outcome {
	e := t.s.e
	var parts []*partition
	for _, table := range tables.Of {
		parts = append(parts, e.partition(table, t.reply))
	}
	certain := len(parts) == 1 && parts[0].exact && tables.Open == nil
	options := e.options(parts, tables, certain, t.live)
	if w.hope {
		options = w.hoped(&t, at, options)
	}
	outs := make([]outcome, len(options))
	for k := range options {
		o := &options[k]
		outs[k] = nothing()
		if w.steps++; w.steps > maxSteps {
			outs[k] = w.opaque(t, tooFar())
			continue
		}
		u := t
		if o.routed {
			u.live = e.Intersect(t.live, o.may.May)
		}
		s := e.routeStage(at, tables, o, &t)
		if !certain && o.routed {
			s.followed = &Band{o.may.May, o.may.Ground, o.may.May}
		}
		outs[k] = w.follow(u, at, o, s)
	}
	if certain || w.hope {
		return w.union(e, outs...)
	}
	return w.weigh(e, parts, tables, options, outs)
}

// options lists the targets that headers of a set may be sent to.
func (e *engine) options(parts []*partition, tables ir.Choice[*ir.RouteTable], certain bool, live solver.Set) []option {
	var options []option
	at := func(t ir.Target) int {
		return slices.IndexFunc(options, func(o option) bool { return o.target == t })
	}
	for _, p := range parts {
		for _, x := range p.toward {
			if apart, err := e.Disjoint(x.band.May, live); err == nil && apart || at(x.target) >= 0 {
				continue
			}
			options = append(options, option{target: x.target, why: x.why, routed: true, band: x.band, may: x.band})
		}
	}
	if tables.Open != nil {
		if k := at(ir.Target{}); k >= 0 {
			options = slices.Delete(options, k, k+1)
		}
		options = append(options, option{why: tables.Open, routed: true, band: perhaps(e.Space), may: perhaps(e.Space)})
	}
	if certain {
		return options
	}
	for k := range options {
		o := &options[k]
		var bands []Band
		for _, p := range parts {
			bands = append(bands, p.to(o.target))
		}
		if tables.Open != nil {
			bands = append(bands, perhaps(e.Space))
		}
		o.band, o.may = oneOf(e.Space, bands...), anyOf(e.Space, bands...)
	}
	return options
}

// to is what a table sends to a target.
func (p *partition) to(t ir.Target) Band {
	for _, x := range p.toward {
		if x.target == t {
			return x.band
		}
	}
	return exactly(solver.Empty)
}

// weigh joins the ways on from a table about which not everything is known: what
// passes surely is what passes wherever the table may send it.
func (w *walker) weigh(e *engine, parts []*partition, tables ir.Choice[*ir.RouteTable], options []option, outs []outcome) outcome {
	o := w.union(e, outs...)
	o.forward.Must = w.surely(e, parts, tables, options, outs, func(o outcome) solver.Set { return o.forward.Must })
	o.complete.Must = w.surely(e, parts, tables, options, outs, func(o outcome) solver.Set { return o.complete.Must })
	return o
}

func (w *walker) surely(e *engine, parts []*partition, tables ir.Choice[*ir.RouteTable], options []option, outs []outcome, of func(outcome) solver.Set) solver.Set {
	if tables.Open != nil || len(parts) == 0 {
		return solver.Empty
	}
	must := solver.Empty
	for _, o := range outs {
		must = e.Union(must, of(o))
	}
	for _, p := range parts {
		if must == solver.Empty {
			break
		}
		must = e.Difference(must, p.dropped.May)
		for _, x := range p.toward {
			k := slices.IndexFunc(options, func(o option) bool { return o.target == x.target })
			if k < 0 {
				continue // none of the headers goes there
			}
			must = e.Difference(must, e.Difference(x.band.May, of(outs[k])))
		}
	}
	return must
}

// hoped adds the targets that a packet would have to be sent to.
func (w *walker) hoped(t *trip, at place, options []option) []option {
	add := func(target ir.Target) {
		if !slices.ContainsFunc(options, func(o option) bool { return o.target == target }) {
			none := exactly(solver.Empty)
			options = append(options, option{target: target, band: none, may: none})
		}
	}
	g := t.goal()
	switch {
	case at.edge != nil:
		if !slices.ContainsFunc(options, func(o option) bool { return o.routed }) {
			add(ir.Target{Kind: ir.TargetLocal})
		}
	case at.vpc == nil:
	case !g.outside() && !g.away() && sameVPC(at.vpc, g.at.vpc) != no:
		add(ir.Target{Kind: ir.TargetLocal})
	case !g.outside() && !g.away():
		for _, l := range t.s.e.links(at.vpc, g.at.vpc) {
			if l.peering != nil {
				add(ir.Target{Kind: ir.TargetPeering, Peering: l.peering})
			} else {
				add(ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: l.transit})
			}
		}
	case t.door.kind == doorPrivate:
		add(ir.Target{Kind: ir.TargetGateway, Gateway: t.door.gateway})
	case t.door.kind == doorTransit:
		add(ir.Target{Kind: ir.TargetTransitGateway, TransitGateway: t.door.transit})
	case g.embedded:
	default:
		if slices.ContainsFunc(options, func(o option) bool {
			return o.target.Kind == ir.TargetGateway && o.target.Gateway.Kind == ir.InternetGateway
		}) {
			return options
		}
		gw, _ := t.s.e.gatewayOf(at.vpc)
		if gw == nil {
			gw = w.noGateway(at.vpc)
		}
		add(ir.Target{Kind: ir.TargetGateway, Gateway: gw})
	}
	if len(options) == 0 && !g.outside() && !g.away() {
		options = append(options, option{target: ir.Target{Kind: ir.TargetOther, ID: "nothing"}, band: exactly(solver.Empty)})
	}
	return options
}

// noGateway stands for the internet gateway that a VPC lacks.
func (w *walker) noGateway(v *ir.VPC) *ir.Gateway {
	return &ir.Gateway{Kind: ir.InternetGateway, Origin: v.Origin}
}

// routeStage is the decision of the tables for one target.
func (e *engine) routeStage(at place, tables ir.Choice[*ir.RouteTable], o *option, t *trip) Stage {
	s := Stage{Kind: KindRoute, Code: "NO_ROUTE_TO_DESTINATION", Band: o.band, Routes: tables.Of}
	name := "the route table"
	switch {
	case at.subnet != nil:
		s.Component, s.Place, name = at.subnet.Origin.Address, at.subnet.Origin.Place(""), tableName(at.subnet)
	case at.edge != nil:
		s.Component, s.Place, name = nameOf(at.edge), at.edge.Origin.Place(""), "the route table of "+nameOf(at.edge)
	case at.regional != nil:
		s.Component, s.Place, name = nameOf(at.regional), at.regional.Origin.Place(""), "the route table of "+nameOf(at.regional)
	}
	for _, table := range tables.Of {
		s.Component, s.Place = table.Origin.Address, table.Origin.Place("")
		if !o.band.Exact() {
			s.because(routeUnknowns(table)...)
		}
	}
	s.because(tables.Unknowns()...)
	s.Message = e.routeMessage(at, name, o, t)
	switch {
	case o.routed:
	case o.target.Kind == ir.TargetOther:
		s.Code = "DISCONNECTED_VPCS"
	case e.blackhole(tables.Of, t):
		s.Code, s.Message = "BAD_STATE_ROUTE", "a route of "+name+" drops it"
	}
	return s
}

// blackhole reports whether a route of some tables may drop what is on its way.
func (e *engine) blackhole(tables []*ir.RouteTable, t *trip) bool {
	for _, table := range tables {
		if apart, err := e.Disjoint(e.partition(table, t.reply).holes, t.live); err == nil && !apart {
			return true
		}
	}
	return false
}

func (e *engine) routeMessage(at place, name string, o *option, t *trip) string {
	from := name
	if at.subnet != nil {
		from = at.subnet.Origin.Address
	}
	back := ""
	if t.reply {
		back = "back "
	}
	switch o.target.Kind {
	case ir.TargetLocal:
		if t.reply {
			return "no local route back in the table of " + from
		}
		return "no local route in the table of " + from
	case ir.TargetPeering, ir.TargetTransitGateway:
		link := link{peering: o.target.Peering, transit: o.target.TransitGateway}
		if v := t.goal().at.vpc; v != nil {
			return fmt.Sprintf("no route %sfrom %s to %s through %s", back, from, v.Origin.Address, link.name())
		}
		return fmt.Sprintf("no route %sfrom %s to %s", back, from, link.name())
	case ir.TargetGateway:
		switch o.target.Gateway.Kind {
		case ir.InternetGateway:
			if t.reply && t.goal().iface != nil {
				return "no route back to an internet gateway in " + name
			}
			return "no route to an internet gateway in " + name
		case ir.EgressOnlyGateway:
			return "no route to an egress-only internet gateway in " + name
		case ir.GatewayInvalid, ir.NATGateway, ir.VirtualPrivateGateway, ir.VPCEndpoint, ir.LoadBalancerEndpoint, ir.OtherGateway:
		}
		return fmt.Sprintf("no route %sto %s in %s", back, nameOf(o.target.Gateway), name)
	case ir.TargetInterface:
		return fmt.Sprintf("no route %sto %s in %s", back, o.target.Interface.Resource, name)
	case ir.TargetInvalid, ir.TargetOther:
	}
	to := "there"
	if g := t.goal(); g.at.subnet != nil {
		to = g.at.subnet.Origin.Address
	}
	return fmt.Sprintf("no route %sfrom %s to %s", back, from, to)
}

func tableName(s *ir.Subnet) string {
	if t, ok := s.RouteTable.Known(); ok {
		return t.Origin.Address
	}
	return "the route table of " + s.Origin.Address
}
