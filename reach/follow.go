package reach

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
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

// follow asks the filters on the way out and goes where a route points.
func (w *walker) follow(t trip, at place, o *option, s Stage) outcome {
	if !w.sender(&t, w.known(&t, o.target)) || !w.border(&t, at, true) || !w.push(&t, s) {
		return nothing()
	}
	if i := t.s.from.iface; t.s.anchored && i.Kind == ir.InterfaceConnectEndpoint {
		// [eice-security-groups]
		same := sameVPC(at.vpc, t.goal().at.vpc)
		if same != yes && !w.ask(&t, same, Stage{Kind: KindLink, Component: i.Resource, Place: i.Origin.Place(""),
			Message: i.Resource + " keeps its clients' addresses inside its own VPC only"}) {
			return nothing()
		}
	}
	if t.s.anchored && o.target.Kind != ir.TargetLocal && o.target.Kind != ir.TargetPeering {
		return w.opaque(t, behind(ir.Origin{}, "a load balancer that keeps its clients' addresses, in another VPC"))
	}
	switch o.target.Kind {
	case ir.TargetLocal:
		return w.local(t, at)
	case ir.TargetPeering:
		return w.peering(t, at, o.target.Peering)
	case ir.TargetTransitGateway:
		return w.transit(t, at, o.target.TransitGateway)
	case ir.TargetInterface:
		return w.appliance(t, at, o.target.Interface)
	case ir.TargetGateway:
		return w.gateway(t, at, o.target.Gateway)
	case ir.TargetOther:
		if !o.routed {
			return w.inside(t) // nothing connects the two: as if it did
		}
		return w.opaque(t, behind(at.origin(), "a route to "+o.target.ID))
	case ir.TargetInvalid:
	}
	why := o.why
	if why == nil {
		why = behind(at.origin(), "a route")
	}
	return w.opaque(t, why)
}

// origin is where a place is written.
func (p place) origin() ir.Origin {
	switch {
	case p.subnet != nil:
		if t, ok := p.subnet.RouteTable.Known(); ok {
			return t.Origin
		}
		return p.subnet.Origin
	case p.edge != nil:
		return p.edge.Origin
	case p.regional != nil:
		return p.regional.Origin
	}
	return ir.Origin{}
}

func (w *walker) gateway(t trip, at place, g *ir.Gateway) outcome {
	switch g.Kind {
	case ir.InternetGateway:
		return w.internet(t, at, g)
	case ir.EgressOnlyGateway:
		return w.egressOnly(t, at, g)
	case ir.NATGateway:
		return w.nat(t, at, g)
	case ir.VPCEndpoint:
		return w.serviceEndpoint(t, at, g)
	case ir.VirtualPrivateGateway:
		return w.virtualPrivate(t, at, g)
	case ir.LoadBalancerEndpoint:
		return w.inspect(t, at, g)
	case ir.OtherGateway, ir.GatewayInvalid:
	}
	return w.opaque(t, behind(g.Origin, "a route to "+nameOf(g)))
}

// known tells whether the sender's own rules may name the receiver by group,
// given where the first route points.
// [vpc/peering vpc-peering-security-groups; tgw security group referencing]
func (w *walker) known(t *trip, target ir.Target) truth {
	switch target.Kind {
	case ir.TargetLocal:
		return yes
	case ir.TargetPeering:
		return link{peering: target.Peering, ok: yes}.identity(true)
	case ir.TargetOther, ir.TargetInvalid:
		return maybe
	case ir.TargetGateway:
		if target.Gateway.Kind == ir.LoadBalancerEndpoint {
			return maybe
		}
	case ir.TargetTransitGateway, ir.TargetInterface:
	}
	return no
}

// local delivers inside the VPC.
func (w *walker) local(t trip, at place) outcome {
	g := t.goal()
	s := Stage{Kind: KindLink, Code: "NO_POSSIBLE_DESTINATION"}
	if at.vpc != nil {
		s.Component, s.Place = at.vpc.Origin.Address, at.vpc.Origin.Place("")
	}
	if g.outside() || g.away() {
		s.Message = "the other end is not in " + s.Component
		return w.stop(t, s)
	}
	if same := sameVPC(at.vpc, g.at.vpc); same != yes {
		s.Message = "the other end is in another VPC than " + s.Component
		if !w.ask(&t, same, s) {
			return nothing()
		}
	}
	return w.inside(t)
}

// peering crosses a peering connection. It is not transitive: it leads from what
// is in one of its VPCs to what is in the other. [whitepapers vpc-peering]
func (w *walker) peering(t trip, at place, p *ir.Peering) outcome {
	g := t.goal()
	s := Stage{Kind: KindLink, Component: p.Origin.Address, Place: p.Origin.Place(""), via: link{peering: p}.name()}
	active := s
	active.Code, active.Message = "BAD_STATE", p.Origin.Address+" is not active"
	active.because(p.Active.Why)
	if !w.ask(&t, known(p.Active), active) {
		return nothing()
	}
	s.via, s.Code = "", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
	s.Message = p.Origin.Address + " leads from one of its VPCs to the other, and no farther"
	ends := no
	if !g.outside() && !g.away() {
		ends = and(sameVPC(t.origin().at.vpc, at.vpc), joins(p, at.vpc, g.at.vpc))
	}
	s.because(p.Requester.Unknowns()...)
	s.because(p.Accepter.Unknowns()...)
	if !w.ask(&t, ends, s) {
		return nothing()
	}
	t.known = and(t.known, known(p.Active), known(p.SameRegion))
	return w.inside(t)
}

// appliance passes an interface that a route points at and that forwards what it
// gets. References to groups do not hold through it.
// [VPC security-group-rules.md; route-table-options.md]
func (w *walker) appliance(t trip, at place, i *ir.Interface) outcome {
	e, g := t.s.e, t.goal()
	if g.iface == i && !g.away() {
		return w.inside(t)
	}
	if t.origin().iface == i {
		return w.stop(t, Stage{Kind: KindRoute, Component: i.Resource, Code: "NO_PATH", Place: i.Origin.Place(""), Message: "the routes lead back to " + i.Resource})
	}
	if i.Maybe != nil && !w.push(&t, e.exists(i)) {
		return nothing()
	}
	check := Stage{Kind: KindAppliance, Component: i.Resource, Place: i.Origin.Place(""), Code: "ENI_SOURCE_DEST_CHECK_RESTRICTION", via: i.Resource,
		Message: "the source/destination check of " + i.Resource + " drops what is not its own"}
	check.because(i.SourceDestCheck.Why)
	forwards := map[truth]truth{yes: no, no: yes, maybe: maybe}[known(i.SourceDestCheck)]
	if !w.ask(&t, forwards, check) {
		return nothing()
	}
	again := t.reply && slices.Contains(t.via, i)
	if (g.outside() || g.away()) && !again {
		return w.opaque(t, behind(i.Origin, "whether "+i.Resource+" translates addresses, and what"))
	}
	var outs []outcome
	for _, p := range places(i) {
		u := t
		if p.subnet == nil || p.vpc == nil {
			outs = append(outs, w.opaque(u, p.why))
			continue
		}
		outs = append(outs, w.applianceAt(u, at, i, p, again))
	}
	return w.either(e, outs...)
}

func (w *walker) applianceAt(t trip, at place, i *ir.Interface, p place, again bool) outcome {
	e := t.s.e
	if edge := at.edge; edge != nil && edge.Kind == ir.InternetGateway && e.Family() == packet.IPv4 {
		// [VPC VPC_Route_Tables.md]
		if !w.ask(&t, e.stands(i, p).hasPublic, Stage{Kind: KindAddress, Component: i.Resource, Place: i.Origin.Place(""), Code: "INGRESS_RTB_NO_PUBLIC_IP", Message: "no public IPv4 address on " + i.Resource}) {
			return nothing()
		}
	}
	if p.subnet != at.subnet && !w.border(&t, p, false) {
		return nothing()
	}
	if !again { // else its groups know the flow
		in, out := viewOf(false, t.reply), viewOf(true, t.reply)
		if !w.push(&t, e.groupStage(i, false, in, nil, no)) || !w.push(&t, e.groupStage(i, true, out, nil, no)) {
			return nothing()
		}
		if !t.reply {
			t.via = append(slices.Clip(t.via), i)
		}
	}
	t.known, t.forwarded, t.lost = no, true, "SG_REFERENCES_NOT_PRESERVED"
	return w.depart(t, p)
}

// inspect passes a Gateway Load Balancer endpoint: the appliances behind it
// decide, and the way goes on from its subnet.
func (w *walker) inspect(t trip, at place, g *ir.Gateway) outcome {
	e := t.s.e
	var outs []outcome
	for _, p := range placesOf(g.Subnet) {
		u := t
		if p.subnet == nil || p.vpc == nil {
			outs = append(outs, w.opaque(u, p.why))
			continue
		}
		if p.subnet != at.subnet && !w.border(&u, p, false) {
			outs = append(outs, nothing())
			continue
		}
		s := Stage{Kind: KindAppliance, Component: nameOf(g), Place: g.Origin.Place(""), Band: perhaps(e.Space), via: nameOf(g)}
		s.because(behind(g.Origin, "the Gateway Load Balancer endpoint "+nameOf(g)))
		w.push(&u, s)
		u.known, u.inspected, u.forwarded = min(u.known, maybe), true, true
		if u.door.kind == doorInternet && !u.reply && !w.push(&u, e.bpaStage(excluded(&u, p), true, false)) {
			outs = append(outs, nothing())
			continue
		}
		outs = append(outs, w.depart(u, p))
	}
	if len(outs) == 0 {
		return w.opaque(t, behind(g.Origin, "the Gateway Load Balancer endpoint "+nameOf(g)))
	}
	return w.either(e, outs...)
}

func tableName(s *ir.Subnet) string {
	if t, ok := s.RouteTable.Known(); ok {
		return t.Origin.Address
	}
	return "the route table of " + s.Origin.Address
}
