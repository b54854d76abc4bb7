package reach

import (
	"fmt"
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// internet goes out by an internet gateway, which exchanges the sender's private
// IPv4 address for its public one. [VPC VPC_Internet_Gateway.md]
func (w *walker) internet(t trip, at place, g *ir.Gateway) outcome {
	e, n, goal := t.s.e, t.origin(), t.goal()
	if t.reply && t.door.kind != doorNone && t.door.kind != doorInternet {
		return w.stop(t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Message: "the request did not come in by " + nameOf(g)})
	}
	if n.outside() || goal.embedded {
		return w.stop(t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "GATEWAY_REJECTS_SPOOFED_TRAFFIC",
			Message: nameOf(g) + " takes what is sent from its own VPC to the internet only"})
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
	if !t.reply && !w.push(&t, e.bpaStage(excluded(&t, at), false, n.nat != nil)) {
		return nothing()
	}
	if !w.carried(&t, g) {
		return nothing()
	}
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
		return w.stop(t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "NO_POSSIBLE_DESTINATION",
			Message: "the internet does not route to the private address of " + goal.name()})
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
		if !t.reply {
			if !w.push(&t, e.bpaStage(n.at, true, false)) || n.at.subnet != nil && !w.push(&t, e.admits(n.at.subnet)) {
				return nothing()
			}
		}
	}
	t.known = no
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
	return w.ask(t, ok, Stage{Kind: KindGateway, Component: name, Place: g.Origin.Place(""), Code: code,
		Message: "what comes from another VPC does not pass " + name})
}

func nameOf(g *ir.Gateway) string {
	if g.Origin.Address != "" {
		return g.Origin.Address
	}
	return g.ID
}

// notRedirected asks that a subnet may use an internet gateway itself: not where
// the gateway's own table leads what comes for it to an appliance.
// [VPC VPC_Route_Tables.md; reachability explanation codes]
func (e *engine) notRedirected(t *trip, at place, g *ir.Gateway) Stage {
	s := Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "INGRESS_RTB_TRAFFIC_REDIRECTION"}
	var bands []Band
	for _, table := range g.RouteTable.Of {
		away := exactly(solver.Empty)
		for _, x := range e.partition(table, !t.reply).toward { // as what comes for the sender is led
			if x.target.Kind != ir.TargetLocal {
				away = anyOf(e.Space, away, x.band)
			}
		}
		bands = append(bands, Band{Must: e.Complement(away.May), Ground: e.Complement(away.Must), May: e.Complement(away.Must)})
	}
	if g.RouteTable.Open != nil {
		bands = append(bands, perhaps(e.Space))
		s.because(g.RouteTable.Open)
	}
	s.Band = oneOf(e.Space, bands...)
	s.Message = nameOf(g) + " leads what comes for " + at.subnet.Origin.Address + " to an appliance, so that it cannot use the gateway itself"
	return s
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
	t.door = door{kind: doorEgressOnly}
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
	if !w.push(&t, Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "VPCE_GATEWAY_PROTOCOL_RESTRICTION",
		Message: nameOf(g) + " carries TCP and ICMP echo only", Band: exactly(e.Of(tcp, echo)), via: nameOf(g)}) {
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
	case goal.away() || t.reply && goal.outside() && t.door != (door{kind: doorPrivate, gateway: g}):
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

// gatewayStage asks for an internet gateway attached to the VPC of a place.
func (e *engine) gatewayStage(p place) Stage {
	g, ok := e.gatewayOf(p.vpc)
	s := Stage{
		Kind: KindGateway, Component: p.vpc.Origin.Address, Code: "BAD_STATE_ATTACHMENT", Place: p.vpc.Origin.Place(""),
		Message: "no internet gateway is attached to " + p.vpc.Origin.Address, via: "internet gateway",
	}
	if g != nil {
		s.Component, s.Place = g.Origin.Address, g.Origin.Place("")
	}
	s.Band = e.truthBand(ok)
	if ok == maybe {
		s.because(&ir.Unknown{Cause: diag.Cause{Code: diag.NotInInput, Message: "whether an internet gateway is attached to " + p.vpc.Origin.Address + " is not in the input", Address: p.vpc.Origin.Address, Range: p.vpc.Origin.Range}})
	}
	return s
}

// gatewayAt asks that a gateway is attached to the VPC of a place.
func (e *engine) gatewayAt(g *ir.Gateway, p place) Stage {
	s := Stage{Kind: KindGateway, Component: nameOf(g), Code: "BAD_STATE_ATTACHMENT", Place: g.Origin.Place("")}
	if g.Kind == ir.InternetGateway {
		s.via = "internet gateway"
	}
	if p.vpc != nil {
		s.Message = "no internet gateway is attached to " + p.vpc.Origin.Address
		if g.Kind != ir.InternetGateway {
			s.Message = nameOf(g) + " is not attached to " + p.vpc.Origin.Address
		}
	}
	s.Band = e.truthBand(isVPC(g.VPC, p.vpc))
	s.because(g.VPC.Unknowns()...)
	return s
}

// sourceStage asks for an address with which an internet gateway lets something
// out.
func (e *engine) sourceStage(n end) Stage {
	if n.nat != nil {
		s := Stage{Kind: KindAddress, Component: nameOf(n.nat), Code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", Place: n.nat.Origin.Place(""),
			Message: "an internet gateway drops what the private NAT gateway " + nameOf(n.nat) + " sends"}
		t := yes
		if n.nat.Private {
			t = no
		}
		s.Band = e.truthBand(t)
		return s
	}
	s := e.publicStage(n.iface, n.at, packet.FieldSrc)
	s.Code = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
	if e.Family() == packet.IPv4 {
		s.Band = e.hasPublic(n)
	}
	return s
}

// hasPublic is the headers from the private addresses that have a public one.
func (e *engine) hasPublic(n end) Band {
	st := e.stands(n.iface, n.at)
	if len(n.iface.Addresses) <= 1 && len(n.iface.Prefixes) == 0 {
		return e.truthBand(st.hasPublic)
	}
	var must, may []solver.Set
	for _, p := range e.sources(n) {
		set := e.from(packet.FieldSrc, p.before)
		may = append(may, set)
		if p.sure && len(p.before.Prefixes()) == 1 && p.before.Prefixes()[0].IsSingleIP() {
			must = append(must, set)
		}
	}
	u := e.Union(may...)
	return Band{Must: e.Union(must...), Ground: u, May: u}
}

// advertisedStage: addresses of private IPv6 CIDRs pass no internet gateway.
// [botocore ec2 VpcIpv6CidrBlockAssociation]
func (e *engine) advertisedStage(p place, reply, in bool) Stage {
	s := Stage{Kind: KindAddress, Component: "internet", Message: "", Band: exactly(e.All())}
	if p.vpc == nil || len(p.vpc.PrivateIPv6) == 0 {
		return s
	}
	s.Component, s.Place = p.vpc.Origin.Address, p.vpc.Origin.Place("")
	s.Message = "private IPv6 addresses of " + p.vpc.Origin.Address + " are not advertised to the internet"
	field := packet.FieldSrc
	if reply != in {
		field = packet.FieldDst
	}
	var private netipx.IPSetBuilder
	for _, c := range p.vpc.PrivateIPv6 {
		private.AddPrefix(c)
	}
	s.Band = exactly(e.Complement(e.from(field, build(&private))))
	return s
}

// privateBlocks are not carried by an internet gateway. [RFC 1918, RFC 6598]
var privateBlocks = [2][]string{{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}, {"100.64.0.0/10"}}

// uncarried returns the addresses that no packet on the internet comes from or
// goes to: private ones and shared ones.
func uncarried(f packet.Family) [2]*netipx.IPSet {
	var b [2]netipx.IPSetBuilder
	for k := range b {
		if f == packet.IPv6 {
			b[k].AddPrefix(nat64)
			continue
		}
		for _, p := range privateBlocks[k] {
			b[k].AddPrefix(netip.MustParsePrefix(p))
		}
	}
	return [2]*netipx.IPSet{build(&b[0]), build(&b[1])}
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

// carriedStages ask that an address is one that the internet carries: not a
// private one, nor a shared one. [RFC 1918, RFC 6598]
func (e *engine) carriedStages(field packet.Field, name string, codes [2]string) []Stage {
	set := e.carriedSrc
	if field == packet.FieldDst {
		set = e.carriedDst
	}
	if e.Family() == packet.IPv6 {
		return []Stage{{Kind: KindAddress, Component: name, Message: name + " carries no packets of NAT64", Band: exactly(set[0])}}
	}
	return []Stage{
		{Kind: KindAddress, Component: name, Code: codes[0], Message: name + " carries no packets of private addresses", Band: exactly(set[0])},
		{Kind: KindAddress, Component: name, Code: codes[1], Message: name + " carries no packets of shared addresses", Band: exactly(set[1])},
	}
}

// admits asks that flows may begin outside: a subnet whose route to a host is an
// egress-only gateway only begins flows itself. [VPC egress-only-internet-gateway.md]
func (e *engine) admits(s *ir.Subnet) Stage {
	st := Stage{Kind: KindRoute, Component: s.Origin.Address, Place: s.Origin.Place(""), Message: s.Origin.Address + " leaves by an egress-only gateway: flows begin inside only"}
	if e.Family() == packet.IPv4 {
		st.Message, st.Band = "", exactly(e.All())
		return st
	}
	var bands []Band
	for _, t := range s.RouteTable.Of {
		st.Component, st.Place = t.Origin.Address, t.Origin.Place("")
		p := e.partition(t, true)
		out := exactly(solver.Empty)
		for _, x := range p.toward {
			switch {
			case x.target.Kind == ir.TargetGateway && x.target.Gateway.Kind == ir.EgressOnlyGateway:
				out = anyOf(e.Space, out, x.band)
			case x.target.Kind == ir.TargetInvalid:
				out = anyOf(e.Space, out, Band{Must: solver.Empty, Ground: solver.Empty, May: x.band.May})
			}
		}
		bands = append(bands, Band{Must: e.Complement(out.May), Ground: e.Complement(out.Must), May: e.Complement(out.Must)})
		if !p.exact {
			st.because(routeUnknowns(t)...)
		}
	}
	if s.RouteTable.Open != nil {
		bands = append(bands, perhaps(e.Space))
		st.because(s.RouteTable.Open)
	}
	st.Band = oneOf(e.Space, bands...)
	return st
}

// excluded is the place whose exclusion frees a packet from Block Public Access:
// one that passed a Gateway Load Balancer endpoint is freed by the VPC's only.
// [VPC security-vpc-bpa-basics]
func excluded(t *trip, at place) place {
	if t.inspected {
		at.subnet = nil
	}
	return at
}

func (e *engine) truthBand(t truth) Band {
	switch t {
	case yes:
		return exactly(e.All())
	case maybe:
		return perhaps(e.Space)
	default:
		return exactly(solver.Empty)
	}
}

// outside restricts an end to hosts that no VPC of the network holds.
func (e *engine) outside(field packet.Field) Stage {
	s := Stage{Kind: KindAddress, Component: "outside", Band: exactly(e.outsideSrc), Message: "no host outside has an address of the network's", names: true}
	if field == packet.FieldDst {
		s.Band, s.Code, s.Message = exactly(e.outsideDst), "NO_POSSIBLE_DESTINATION", "the address is the network's, and no interface there has it"
	}
	return s
}

// publicStage asks for an address that an internet gateway delivers to.
func (e *engine) publicStage(i *ir.Interface, p place, field packet.Field) Stage {
	st := e.stands(i, p)
	may := e.from(field, st.public)
	s := Stage{
		Kind: KindAddress, Component: i.Resource, Code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", Place: i.Origin.Place(""),
		Message: "no public " + familyName(e.Family()) + " address on " + i.Resource, Band: Band{solver.Empty, may, may}, names: true,
	}
	if may != solver.Empty {
		s.Message = "not a public address of " + i.Resource
	}
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if a.Family == e.Family() || a.Family == packet.FamilyInvalid {
			s.because(a.Public.Exists.Why, a.Maybe)
			if !a.Public.Place.Range.IsZero() {
				s.Place = a.Public.Place
			}
		}
		if e.Family() == packet.IPv4 {
			if _, public, t := e.publicPair(i, p, a); t == yes {
				s.Band.Must = e.Union(s.Band.Must, e.from(field, public))
			}
		}
	}
	if e.Family() == packet.IPv6 {
		s.Band.Must = e.from(field, st.sure)
	}
	return s
}

func (e *engine) bpaStage(p place, inbound, egressOnly bool) Stage {
	s := Stage{
		Kind: KindBPA, Component: p.vpc.Origin.Address, Code: "VPC_BLOCK_PUBLIC_ACCESS_ENABLED", Place: p.vpc.Origin.Place(""),
		Message: "VPC Block Public Access stops it at " + p.vpc.Origin.Address,
		Band:    e.truthBand(passesBPA(p, inbound, egressOnly)),
	}
	s.because(p.vpc.BPA.Why, p.vpc.Exclusion.Why)
	return s
}

// passesBPA tells whether Block Public Access lets a new connection through a
// gateway of a place. Of an unknown mode or exclusion it asks every one.
// [botocore ec2 BlockPublicAccessStates; VPC security-vpc-bpa]
func passesBPA(p place, inbound, egressOnly bool) truth {
	if p.vpc == nil {
		return maybe
	}
	modes := []ir.BPA{p.vpc.BPA.V}
	if !p.vpc.BPA.Known() {
		modes = []ir.BPA{ir.BPAOff, ir.BPAIngress, ir.BPABidirectional}
	}
	exclusion := p.vpc.Exclusion
	if p.subnet != nil && (!p.subnet.Exclusion.Known() || p.subnet.Exclusion.V != ir.ExclusionNone) {
		exclusion = p.subnet.Exclusion
	}
	exclusions := []ir.Exclusion{exclusion.V}
	if !exclusion.Known() {
		exclusions = []ir.Exclusion{ir.ExclusionNone, ir.ExclusionBidirectional, ir.ExclusionEgress}
	}
	pass, stop := false, false
	for _, mode := range modes {
		for _, x := range exclusions {
			if bpaPasses(mode, x, inbound, egressOnly) {
				pass = true
			} else {
				stop = true
			}
		}
	}
	switch {
	case pass && stop:
		return maybe
	case pass:
		return yes
	}
	return no
}

func bpaPasses(mode ir.BPA, x ir.Exclusion, inbound, egressOnly bool) bool {
	switch {
	case mode == ir.BPAOff, mode == ir.BPAIngress && egressOnly, x == ir.ExclusionBidirectional:
		return true
	}
	return x == ir.ExclusionEgress && mode == ir.BPABidirectional && !inbound
}

// gatewayOf finds the internet gateway of a VPC. An export without the list of
// gateways does not prove that there is none.
func (e *engine) gatewayOf(v *ir.VPC) (*ir.Gateway, truth) {
	var found *ir.Gateway
	best := no
	for _, g := range e.net.Gateways {
		if g.Kind != ir.InternetGateway {
			continue
		}
		if t := isVPC(g.VPC, v); t > best {
			found, best = g, t
		}
	}
	if best == no && (v == nil || !v.Seen || e.net.MayHideSome(ir.KindInternetGateway, v.Home)) {
		best = maybe
	}
	return found, best
}
