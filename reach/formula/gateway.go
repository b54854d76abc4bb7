package formula

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// gateway goes through the gateway that a route points at.
func (w *walk) gateway(t trip, at place, l lead) {
	g := l.target.Gateway
	switch g.Kind {
	case ir.InternetGateway:
		w.internet(t, at, g)
		return
	case ir.EgressOnlyGateway:
		w.egressOnly(t, at, g)
		return
	case ir.NATGateway:
		w.nat(t, at, g)
		return
	case ir.VPCEndpoint:
		if l.list {
			w.endpoint(t, at)
			return
		}
	case ir.VirtualPrivateGateway:
		w.vpn(t, at, g)
		return
	case ir.LoadBalancerEndpoint:
		w.inspect(t, at, g)
		return
	case ir.OtherGateway, ir.GatewayInvalid:
	}
	w.opaque(t, at, g)
}

// attached is whether a gateway is attached to a VPC.
func (w *walk) attached(g *ir.Gateway, v *ir.VPC) smt.Term {
	if v == nil {
		return w.free(key{kind: "attached", of: g}, g.Origin.Address+" is attached to a VPC that is not shown")
	}
	return w.isVPC(g.VPC, v, g)
}

// ownPlace: gateways serve what is in their own VPC, not what comes through a
// peering connection or a transit gateway.
func (w *walk) ownPlace(t *trip, at place) smt.Term { return w.sameVPC(t.src.at.vpc, at.vpc) }

// routable is whether the internet routes to an address of a segment.
func (w *walk) routable(t *trip, a smt.Term) smt.Term {
	if w.family4(t.s) {
		return w.Not(w.privateRange(a))
	}
	return w.Not(w.Inside(a, nat64))
}

// internet leaves the VPC by an internet gateway, which exchanges the sender's
// private IPv4 address for its public one. [VPC VPC_Internet_Gateway.md]
func (w *walk) internet(t trip, at place, g *ir.Gateway) {
	if t.reply && t.exit.private() || !w.and(&t, w.attached(g, at.vpc), w.ownPlace(&t, at), w.routable(&t, t.s.dst), w.redirects(&t, at, g)) {
		return
	}
	if w.family4(t.s) && !w.translateOut(&t) {
		return
	}
	if !w.family4(t.s) && !w.and(&t, w.advertised(at.vpc, t.s.src)) {
		return
	}
	if w.and(&t, w.blocks(&t, at, t.src.nat != nil, !t.reply || !t.came)) {
		w.outThere(t, ir.InternetGateway, g)
	}
}

// translateOut exchanges the sender's private address for its public one. A reply
// gets back the address that the initiator asked for.
func (w *walk) translateOut(t *trip) bool {
	if t.reply {
		t.s.src, t.left = w.dst, true
		return t.public && w.Width(w.dst) == 32
	}
	t.left = true
	switch n := &t.src; {
	case n.nat != nil && n.nat.Private, n.nat == nil && n.addr == nil:
		return false
	case n.nat != nil && n.addr == nil:
		t.s.src = w.publicAddress(nil, n.nat)
	case n.nat != nil:
		t.s.src = w.publicAddress(&n.addr.Public, n.nat)
	default:
		t.s.src = w.publicAddress(&n.addr.Public, n.addr)
		return w.and(t, w.truth(n.addr.Public.Exists))
	}
	return true
}

// blocks asks VPC Block Public Access. Endpoints of Gateway Load Balancers are
// blocked though their subnet be excluded; a gateway has no subnet at all.
func (w *walk) blocks(t *trip, at place, natted, outbound bool) smt.Term {
	return w.publicAccess(at, natted, outbound, !t.inspected && at.edge == nil)
}

// egressOnly leaves the VPC by an egress-only gateway: IPv6, and only what was
// begun inside. [VPC egress-only-internet-gateway.md]
func (w *walk) egressOnly(t trip, at place, g *ir.Gateway) {
	if w.family4(t.s) || t.reply {
		return
	}
	if w.and(&t, w.attached(g, at.vpc), w.ownPlace(&t, at), w.routable(&t, t.s.dst), w.advertised(at.vpc, t.s.src), w.blocks(&t, at, true, true)) {
		w.outThere(t, ir.EgressOnlyGateway, g)
	}
}

// outThere is the internet behind a gateway: the goal, or the way to the goal's
// own internet gateway.
func (w *walk) outThere(t trip, kind ir.GatewayKind, g *ir.Gateway) {
	if !t.reply {
		t.exit = exit{kind: kind}
		if kind == ir.EgressOnlyGateway {
			t.exit.gateway = g
		}
	}
	switch {
	case t.goal.outside():
		w.deliver(t)
	case !w.family4(t.s), t.goal.public:
		w.enter(t)
	}
}

// endpoint leaves by a gateway endpoint for the service behind it.
// [VPC route-table-options.md]
func (w *walk) endpoint(t trip, at place) {
	echo := w.And(w.protocolIs(t.s, packet.ICMP), w.icmpType(t.s, 8))
	if t.reply || !t.goal.outside() || !w.and(&t, w.Or(w.protocolIs(t.s, packet.TCP), echo), w.ownPlace(&t, at)) {
		return
	}
	t.exit = exit{kind: ir.VPCEndpoint}
	w.deliver(t)
}

// vpn leaves by a virtual private gateway for premises, untranslated.
func (w *walk) vpn(t trip, at place, g *ir.Gateway) {
	switch {
	case t.reply && t.exit.gateway != g, !w.and(&t, w.attached(g, at.vpc), w.ownPlace(&t, at)):
	case !t.goal.outside():
		w.opaque(t, at, g)
	default:
		if !t.reply {
			t.exit = exit{kind: ir.VirtualPrivateGateway, gateway: g}
		}
		w.deliver(t)
	}
}

// nat passes a NAT gateway, which puts its own address and a port of its choice
// into the source. [VPC vpc-nat-gateway.md]
func (w *walk) nat(t trip, at place, g *ir.Gateway) {
	if t.reply || !w.family4(t.s) && !t.to64 || !w.and(&t, w.translatable(t.s)) {
		return
	}
	if len(g.Subnet.Of) == 0 && g.Subnet.Open == nil {
		w.regional(t, at, g)
		return
	}
	for _, p := range w.placesOf(g.Subnet, g) {
		u, ok := w.under(&t, p.is)
		switch {
		case !ok:
		case p.subnet == nil:
			w.opaque(u, at, g)
		default:
			w.natAt(u, at, g, p)
		}
	}
}

// regional passes a NAT gateway that stands in no subnet and has a route table
// of its own. [botocore ec2 NatGateway]
func (w *walk) regional(t trip, at place, g *ir.Gateway) {
	if !hasTable(g) {
		w.opaque(t, at, g)
		return
	}
	in := g.VPC
	if table, ok := g.RouteTable.Known(); ok && len(in.Of) == 0 && in.Open == nil {
		in = table.VPC
	}
	if len(in.Of) == 0 && in.Open == nil {
		in = ir.Choice[*ir.VPC]{Of: []*ir.VPC{at.vpc}} // a route leads to gateways of its VPC
	}
	is, other := w.alternatives(len(in.Of), in.Why, in.Open, g, "VPC")
	for k, v := range in.Of {
		if u, ok := w.under(&t, is[k]); ok {
			w.natAt(u, at, g, place{vpc: v, edge: g})
		}
	}
	if u, ok := w.under(&t, other); ok {
		w.natAt(u, at, g, place{edge: g})
	}
}

func (w *walk) natAt(t trip, at place, g *ir.Gateway, p place) {
	if slices.ContainsFunc(t.nats, func(s natStep) bool { return s.gateway == g }) || !w.and(&t, w.sameVPC(at.vpc, p.vpc)) {
		return
	}
	if p.edge == nil && p.subnet != at.subnet && !w.acl(&t, p, false) {
		return
	}
	t.nats = append(slices.Clip(t.nats), natStep{gateway: g, at: p, inner: t.s, src: t.src})
	t.src = node{nat: g, at: p}
	if t.to64 {
		t.s, t.to64 = w.to4(t.s), false
	}
	if len(g.Addresses) == 1 {
		t.src.addr = &g.Addresses[0]
	}
	t.s.src = w.natAddress(t.src, g)
	t.s.sport = w.portPicked(t.s)
	t.known, t.been = smt.False, nil
	w.depart(t, p)
}

// natAddress is the private address of a NAT gateway: one of several is picked.
func (w *walk) natAddress(n node, g *ir.Gateway) smt.Term {
	if n.addr != nil {
		return w.privateAddress(n.addr, n.at, packet.IPv4)
	}
	return w.variable(key{kind: "NAT address", of: g, with: n.at.subnet}, 32, "the private address of "+g.Origin.Address, func(t smt.Term) smt.Term {
		if s := n.at.subnet; s != nil && s.IPv4.Known() && s.IPv4.V.IsValid() {
			return w.given(s.IPv4.V, t)
		}
		return smt.True
	})
}

// enter comes in by the internet gateway of the goal's VPC.
func (w *walk) enter(t trip) {
	g := &t.goal
	four, vpc := w.family4(t.s), g.at.vpc
	if four && !w.and(&t, w.Not(w.privateRange(t.s.src))) {
		return
	}
	stateful := t.reply && t.exit.kind == ir.EgressOnlyGateway
	if !stateful && g.iface != nil && g.iface.DenyIGW { // [botocore ec2 NetworkInterface DenyAllIgwTraffic]
		return
	}
	if !four && !w.and(&t, w.advertised(vpc, t.s.dst)) {
		return
	}
	if !w.and(&t, w.publicAccess(g.at, g.nat != nil || stateful, t.reply && t.exit.kind != ir.GatewayInvalid, !t.inspected && g.at.edge == nil)) {
		return
	}
	if !four && !t.reply && !w.and(&t, w.publicSubnet(g.at.subnet, t.s.src)) {
		return
	}
	t.entered, t.known = true, smt.False
	if four {
		switch {
		case t.reply && g.nat == nil && w.family == packet.IPv4:
			t.s.dst = w.header.Src
		case g.nat != nil:
			t.s.dst = w.natAddress(*g, g.nat)
		default:
			t.s.dst = w.privateAddress(g.addr, g.at, packet.IPv4)
		}
		t.public, t.goal.public, t.been = !t.reply, false, nil
	}
	if stateful {
		w.inbound(t, nil)
		return
	}
	w.byInternetGateways(t, vpc)
}

// byInternetGateways comes in by the gateway that is attached to a VPC, or by any
// that may be.
func (w *walk) byInternetGateways(t trip, v *ir.VPC) {
	type door struct {
		g  *ir.Gateway
		is smt.Term
	}
	var doors []door
	var shown []smt.Term
	for _, g := range w.net.Gateways {
		if g.Kind != ir.InternetGateway {
			continue
		}
		is := w.attached(g, v)
		if is == smt.True && v != nil {
			doors, shown = []door{{g, is}}, nil
			break
		}
		doors, shown = append(doors, door{g, is}), append(shown, is)
	}
	if hides := v == nil || !v.Seen || w.net.MayHideSome(ir.KindInternetGateway, v.Home); hides && (len(doors) == 0 || len(shown) > 0) {
		doors = append(doors, door{nil, w.And(w.Not(w.Or(shown...)), w.free(key{kind: "hidden gateway", of: v}, "an internet gateway that is not shown"))})
	}
	for _, d := range doors {
		if u, ok := w.under(&t, d.is); ok {
			w.inbound(u, d.g)
		}
	}
}

// publicSubnet: the internet begins no IPv6 flow to a subnet whose own traffic to
// it leaves by an egress-only gateway. [VPC egress-only-internet-gateway.md]
func (w *walk) publicSubnet(s *ir.Subnet, from smt.Term) smt.Term {
	hidden := func() smt.Term {
		return w.free(key{kind: "egress only", of: s, at: from}, "a route that is not shown leads to an egress-only gateway")
	}
	if s == nil {
		return w.Not(hidden())
	}
	return w.Not(w.leading(s.RouteTable, s, from, func(l lead) bool {
		return l.target.Kind == ir.TargetGateway && l.target.Gateway.Kind == ir.EgressOnlyGateway
	}, hidden))
}

func hasTable(g *ir.Gateway) bool {
	return g != nil && (len(g.RouteTable.Of) > 0 || g.RouteTable.Open != nil)
}

// inbound routes what has come in by an internet or virtual private gateway: by
// the gateway's own table, if it has one, and else locally. nil is a gateway that
// the input does not show. [VPC_Route_Tables.md]
func (w *walk) inbound(t trip, g *ir.Gateway) {
	if !hasTable(g) {
		if w.acl(&t, t.goal.at, false) {
			w.deliver(t)
		}
		return
	}
	at := place{vpc: t.goal.at.vpc, edge: g}
	w.byTables(t, at, g.RouteTable, g, func(u trip, l lead) {
		switch target := l.target; {
		case target.Kind == ir.TargetLocal:
			if w.acl(&u, u.goal.at, false) {
				w.deliver(u)
			}
		case target.Kind == ir.TargetInterface:
			if w.mayInspect(&u, g, target.Interface) {
				w.appliance(u, at, target.Interface)
			}
		case target.Kind == ir.TargetGateway && target.Gateway.Kind == ir.LoadBalancerEndpoint:
			w.inspect(u, at, target.Gateway)
		default:
			w.opaque(u, at, target)
		}
	})
}

// mayInspect: an appliance that an internet gateway's table points at has to have
// a public address of its own. [reachability explanation-codes
// INGRESS_RTB_NO_PUBLIC_IP]
func (w *walk) mayInspect(t *trip, g *ir.Gateway, i *ir.Interface) bool {
	if g.Kind != ir.InternetGateway || !w.family4(t.s) || t.goal.iface == i {
		return true
	}
	var has []smt.Term
	for k := range i.Addresses {
		if d := &i.Addresses[k]; d.Family == packet.IPv4 {
			has = append(has, w.hasPublic(d))
		}
	}
	return w.and(t, w.Or(has...))
}

// redirects is whether a subnet may use the internet gateway directly: not where
// the gateway's table leads what is for the subnet to an appliance.
// [reachability explanation-codes INGRESS_RTB_TRAFFIC_REDIRECTION]
func (w *walk) redirects(t *trip, at place, g *ir.Gateway) smt.Term {
	if !hasTable(g) || at.subnet == nil || at.subnet != t.src.at.subnet || t.inspected {
		return smt.True
	}
	is, other := w.alternatives(len(g.RouteTable.Of), g.RouteTable.Why, g.RouteTable.Open, g, "route table")
	hidden := w.free(key{kind: "redirects", of: g, at: t.s.src}, "a route that is not shown leads to an appliance")
	away := []smt.Term{w.And(other, hidden)}
	for k, table := range g.RouteTable.Of {
		ls, dark := w.leads(table, t.s.src)
		away = append(away, w.And(is[k], dark, hidden))
		for _, l := range ls {
			if l.target.Kind != ir.TargetLocal {
				away = append(away, w.And(is[k], l.taken))
			}
		}
	}
	return w.Not(w.Or(away...))
}

// inspect passes a Gateway Load Balancer endpoint: the appliances behind it
// decide, and what they let pass goes on from the endpoint's subnet, unchanged.
// [elasticloadbalancing gateway; VPC_Route_Tables.md]
func (w *walk) inspect(t trip, at place, g *ir.Gateway) {
	for _, p := range w.placesOf(g.Subnet, g) {
		u, ok := w.under(&t, p.is)
		switch {
		case !ok:
		case p.subnet == nil:
			w.opaque(u, at, g)
		default:
			w.inspectAt(u, at, g, p)
		}
	}
}

func (w *walk) inspectAt(t trip, at place, g *ir.Gateway, p place) {
	if p.subnet != at.subnet && !w.acl(&t, p, false) {
		return
	}
	t.inspected = true
	if e := at.edge; e != nil && e.Kind == ir.InternetGateway && !w.and(&t, w.blocks(&t, at, false, t.reply)) {
		return
	}
	if !w.and(&t, w.behind(key{kind: "inspects", of: g, with: t.reply, at: t.s.dst, at2: t.s.dport}, "the appliances behind "+g.Origin.Address+" let it pass")) {
		return
	}
	t.known = w.And(t.known, w.free(key{kind: "identity", of: g}, "references hold beyond "+g.Origin.Address))
	w.depart(t, p)
}
