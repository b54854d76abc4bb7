package reach

import (
	"fmt"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// internet goes out by an internet gateway, which exchanges the sender's private
// IPv4 address for its public one. [VPC VPC_Internet_Gateway.md]
func (w *walker) internet(t trip, at place, g *ir.Gateway) outcome {
	e, n, goal := t.s.e, t.origin(), t.goal()
	if t.reply && goal.outside() && t.door.kind != doorInternet {
		return w.stop(t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Message: "the request did not come in by " + nameOf(g)})
	}
	if n.outside() || goal.embedded {
		return w.stop(t, Stage{
			Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "GATEWAY_REJECTS_SPOOFED_TRAFFIC",
			Message: nameOf(g) + " takes what is sent from its own VPC to the internet only",
		})
	}
	if !w.push(&t, e.gatewayAt(g, at)) || !w.own(&t, at, nameOf(g), g) {
		return nothing()
	}
	alone := at.subnet != nil && at.subnet == n.at.subnet && !t.forwarded
	if alone && (len(g.RouteTable.Of) > 0 || g.RouteTable.Open != nil) && !w.push(&t, e.notRedirected(&t, at, g)) {
		return nothing()
	}
	if !t.reply && !w.push(&t, e.sourceStage(n)) {
		return nothing()
	}
	if e.Family() == packet.IPv6 && !w.push(&t, e.advertisedStage(at, t.reply, false)) {
		return nothing()
	}
	if t.asPacket() && !w.push(&t, e.bpaStage(excluded(&t, at), false, n.nat != nil)) {
		return nothing()
	}
	if !w.carried(&t, g) {
		return nothing()
	}
	t.crossed = t.crossed || !t.reply
	switch {
	case goal.outside():
		if !t.reply {
			t.door = door{kind: doorInternet}
		}
		return w.deliver(t)
	case t.reply && goal.public:
		return w.deliver(t) // the next gateway is beyond the translator
	case e.Family() == packet.IPv6:
		return w.enter(t)
	case !goal.public:
		return w.stop(t, Stage{
			Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "NO_POSSIBLE_DESTINATION",
			Message: "the internet does not route to the private address of " + goal.name(),
		})
	}
	return w.exchanged(t)
}

// exchanged goes on beyond an internet gateway to the public address of another
// interface: both addresses change.
func (w *walker) exchanged(t trip) outcome {
	e, n, goal := t.s.e, t.origin(), t.goal()
	var of any = n.iface
	if n.iface == nil {
		of = n.nat
	}
	l := e.through(lensKey{kind: "internet", of: of, at: n.at, to: goal.iface, toAt: goal.at}, func() *lens {
		l := &lens{src: e.sources(n), dst: e.destinations(goal.iface, goal.at)}
		if l.src == nil {
			l.src = []pair{}
		}
		return l
	})
	from, to := n, goal
	from.public, to.public = true, false
	t.known, t.left = no, nil
	return w.translate(t, &segment{e: e, from: from, to: to, next: t.s.next, lens: l}, w.enter, w.enter)
}

// enter comes in by the internet gateway of the goal's VPC.
func (w *walker) enter(t trip) outcome {
	e, n := t.s.e, t.goal()
	stateful := t.reply && t.door.kind == doorEgressOnly
	if n.iface != nil && n.iface.DenyIGW && !stateful && !w.refused(&t, n.iface) {
		return nothing()
	}
	if n.at.vpc == nil {
		return w.opaque(t, n.at.why)
	}
	g, _ := e.gatewayOf(n.at.vpc)
	if !stateful {
		if !w.push(&t, e.gatewayStage(n.at)) || e.Family() == packet.IPv6 && !w.push(&t, e.advertisedStage(n.at, t.reply, true)) {
			return nothing()
		}
		if t.asPacket() && !w.push(&t, e.bpaStage(n.at, true, n.nat != nil)) {
			return nothing()
		}
		if !t.reply && n.at.subnet != nil && !w.push(&t, e.admits(n.at.subnet)) {
			return nothing()
		}
	}
	t.known, t.crossed = no, t.crossed || !t.reply
	if !t.reply && t.s.from.outside() {
		t.door = door{kind: doorInternet}
	}
	if stateful || g == nil {
		return w.inside(t)
	}
	return w.edge(t, g)
}

// edge is a gateway's own route table, if it has one: it leads what comes in.
// [VPC VPC_Route_Tables.md "Gateway route tables"]
func (w *walker) edge(t trip, g *ir.Gateway) outcome {
	if len(g.RouteTable.Of) == 0 && g.RouteTable.Open == nil {
		return w.inside(t)
	}
	return w.route(t, place{vpc: t.goal().at.vpc, edge: g}, g.RouteTable)
}

// refused is an interface that drops whatever an internet gateway hands it:
// requests from outside, and the replies to its own.
// [botocore ec2 NetworkInterface DenyAllIgwTraffic]
func (w *walker) refused(t *trip, i *ir.Interface) bool {
	return w.push(t, Stage{
		Kind: KindAddress, Component: i.Resource, Place: i.Origin.Place(""), Band: exactly(solver.Empty),
		Message: i.Resource + " refuses packets from internet gateways",
	})
}

// own: a gateway takes what is sent from its own VPC only.
func (w *walker) own(t *trip, at place, name string, g *ir.Gateway) bool {
	ok := sameVPC(t.origin().at.vpc, at.vpc)
	if t.origin().outside() {
		ok = no
	}
	if ok == yes {
		return true
	}
	code := "GATEWAY_REJECTS_SPOOFED_TRAFFIC"
	if g.Kind == ir.VirtualPrivateGateway {
		code = "VGW_PRIVATE_IP_ASSOCIATION_FOR_EGRESS"
	}
	return w.ask(t, ok, Stage{
		Kind: KindGateway, Component: name, Place: g.Origin.Place(""), Code: code,
		Message: "what comes from another VPC does not pass " + name,
	})
}

func nameOf(g *ir.Gateway) string {
	if g.Origin.Address != "" {
		return g.Origin.Address
	}
	return g.ID
}

// egressOnly goes out by an egress-only gateway: IPv6, and only what is begun
// inside. [VPC egress-only-internet-gateway.md]
func (w *walker) egressOnly(t trip, at place, g *ir.Gateway) outcome {
	e, n := t.s.e, t.origin()
	stop := Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place("")}
	switch {
	case e.Family() != packet.IPv6:
		stop.Message = nameOf(g) + " carries IPv6 only"
		return w.stop(t, stop)
	case t.reply || n.outside() || t.goal().embedded:
		stop.Message = nameOf(g) + " carries what is begun inside, and answers to it, only"
		return w.stop(t, stop)
	}
	s := e.gatewayAt(g, at)
	if !w.push(&t, s) || !w.own(&t, at, nameOf(g), g) || !w.push(&t, e.sourceStage(n)) ||
		!w.push(&t, e.advertisedStage(at, false, false)) || !w.push(&t, e.bpaStage(at, false, true)) || !w.carried(&t, g) {
		return nothing()
	}
	t.door, t.crossed = door{kind: doorEgressOnly}, true
	if t.goal().outside() {
		return w.deliver(t)
	}
	return w.enter(t)
}

// serviceEndpoint leaves by a gateway endpoint for the service behind it, which
// keeps its public addresses and answers into the sender's subnet. It carries
// TCP and ICMP echo. [VPC route-table-options.md]
func (w *walker) serviceEndpoint(t trip, at place, g *ir.Gateway) outcome {
	e := t.s.e
	if t.reply || !t.goal().outside() {
		return w.stop(t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Message: nameOf(g) + " leads to its service only"})
	}
	if !w.own(&t, at, nameOf(g), g) {
		return nothing()
	}
	tcp, echo := solver.Everything(e.Family()), solver.Everything(e.Family())
	tcp.Protocol, echo.Protocol = protocol(packet.TCP), protocol(packet.ICMP)
	kind := uint8(8)
	if e.Family() == packet.IPv6 {
		kind, echo.Protocol = 128, protocol(packet.ICMPv6)
	}
	echo.DstPort = solver.Interval{Lo: packet.TypeCode(kind, 0), Hi: packet.TypeCode(kind, 255)}
	if !w.push(&t, Stage{
		Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "VPCE_GATEWAY_PROTOCOL_RESTRICTION",
		Message: nameOf(g) + " carries TCP and ICMP echo only", Band: exactly(e.Of(tcp, echo)), via: nameOf(g),
	}) {
		return nothing()
	}
	t.door = door{kind: doorService}
	return w.deliver(t)
}

// virtualPrivate goes out by a virtual private gateway to hosts outside, or back
// to them. What is in another VPC may lie behind it.
func (w *walker) virtualPrivate(t trip, at place, g *ir.Gateway) outcome {
	stop := Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place("")}
	goal := t.goal()
	switch {
	case t.reply && goal.outside() && t.door != (door{kind: doorPrivate, gateway: g}):
		stop.Message = "the request did not come in by " + nameOf(g)
		return w.stop(t, stop)
	case !goal.outside():
		return w.opaque(t, behind(g.Origin, "a virtual private gateway"))
	}
	s := t.s.e.gatewayAt(g, at)
	s.via = nameOf(g)
	if !w.push(&t, s) || !w.own(&t, at, nameOf(g), g) {
		return nothing()
	}
	t.door = door{kind: doorPrivate, gateway: g}
	return w.deliver(t)
}

// enterPrivate comes in by a virtual private gateway.
func (w *walker) enterPrivate(t trip, g *ir.Gateway) outcome {
	return w.edge(t, g)
}

func behind(o ir.Origin, what string) *ir.Unknown {
	return &ir.Unknown{Cause: diag.Cause{
		Code: diag.NotModelled, Message: fmt.Sprintf("what lies behind %s is not modelled", what), Address: o.Address, Range: o.Range,
	}}
}

// carried asks that an internet gateway carries the far address of a packet
// that goes out: it drops what goes to private addresses.
func (w *walker) carried(t *trip, g *ir.Gateway) bool {
	field := packet.FieldDst
	if t.reply {
		field = packet.FieldSrc
	}
	for _, s := range t.s.e.carriedStages(field, nameOf(g), [2]string{"IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS"}) {
		s.Place = g.Origin.Place("")
		if !w.push(t, s) {
			return false
		}
	}
	return true
}
