package aws

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// Attachments of a transit gateway, and connections of a virtual private one,
// beyond which lies a network that is not in the input. Both ends of a peering
// between transit gateways are taken so, wherever the other one is.

// vpnConnection is a connection to a virtual private gateway.
type vpnConnection struct {
	v       view
	gateway *ir.Gateway
}

// announced is what a virtual private gateway announces to route tables.
type announced struct {
	routes []view // static routes of its connections
	// static counts connections that announce nothing else; other: there is one
	// that may announce anything.
	static int
	other  bool
}

func (b *builder) announcedBy(g *ir.Gateway) *announced {
	a := b.announced[g]
	if a == nil {
		a = &announced{}
		b.announced[g] = a
	}
	return a
}

// newOutside makes an attachment and files it under the attributes that name it.
func (v view) newOutside(attrs ...string) *ir.Attachment {
	o := &ir.Attachment{Outside: true, Origin: v.origin(v.at("transit_gateway_id"), nil)}
	for _, k := range v.keys(attrs...) {
		if v.b.attached[k] == nil {
			v.b.attached[k] = o
		}
		if !tf.HasSymbol(k) {
			o.ID = k
		}
	}
	v.noteMaybe(o)
	return o
}

// makeVPNConnection reads a connection of either kind of gateway.
func makeVPNConnection(v view) {
	if len(v.single("transit_gateway_id")) > 0 {
		o := v.newOutside("transit_gateway_attachment_id")
		for _, k := range v.keys("id") {
			v.b.attached["connection "+k] = o
		}
	}
	for _, k := range v.keys("id") {
		v.b.connections[k] = &vpnConnection{v: v}
	}
}

func linkVPNConnection(v view) {
	for _, e := range v.single("transit_gateway_id") {
		v.join(v.b.transit(v, e), v.b.attached[tf.Symbol(v.in.Address, "transit_gateway_attachment_id")], true)
	}
	for _, e := range v.single("vpn_gateway_id") {
		g := v.b.gateway(v, e, ir.VirtualPrivateGateway)
		for _, k := range v.keys("id") {
			v.b.connections[k].gateway = g
		}
		static, _ := v.boolean("static_routes_only", false)
		if a := v.b.announcedBy(g); static.Known() && static.V && v.maybe() == nil {
			a.static++
		} else {
			a.other = true
		}
	}
}

// linkVPNRoute adds a static route to what a connection's gateway announces.
func linkVPNRoute(v view) {
	connections := v.single("vpn_connection_id")
	if len(connections) == 0 || len(v.single("destination_cidr_block")) == 0 {
		v.invalid(v.at(), "vpn_connection_id and destination_cidr_block are required", "write both")
		return
	}
	v.b.later(func() {
		if c := v.b.connections[refOf(connections[0]).key]; c != nil && c.gateway != nil {
			a := v.b.announcedBy(c.gateway)
			a.routes = append(a.routes, v)
		}
	})
}

// announce adds the routes of a virtual private gateway to a table: static ones
// that are written, and others whose destinations nobody sees, unless all of
// its connections have static routes only.
func (v view) announce(o *ir.RouteTable, e elem) {
	why := notInInput(o.Origin.Address, "propagated routes", e.at)
	target := ir.Another[ir.Target](e.unknown())
	all := false
	if e.unknown() == nil {
		g := v.b.gateway(v, e, ir.VirtualPrivateGateway)
		placeGateway(g, o)
		target = ir.One(ir.Target{Kind: ir.TargetGateway, Gateway: g})
		a := v.b.announcedBy(g)
		for _, r := range a.routes {
			for _, d := range r.single("destination_cidr_block") {
				route := ir.Route{Target: target, Propagated: true, Blackhole: ir.Known(false), Maybe: r.maybe(), Origin: r.origin(d.at, map[ir.Field]diag.Range{ir.FieldPeer: d.at})}
				if p := r.cidr(d, packet.FamilyInvalid, hostBitsMasked); p.Known() {
					route.Destination.CIDR = p.V
				} else {
					route.Destination.Unknown = p.Why
				}
				o.Routes = append(o.Routes, route)
			}
		}
		_, made := v.b.moduleOf[g]
		all = made && a.static > 0 && !a.other
	}
	if !all {
		o.Routes = append(o.Routes, ir.Route{
			Destination: ir.Peer{Unknown: part(why, "destination")}, Target: target, Propagated: true, Maybe: why, Origin: v.origin(e.at, nil),
		})
	}
}

// makeDirectConnect reads the association of a Direct Connect gateway with a
// transit gateway, or a virtual private one.
func makeDirectConnect(v view) { v.newOutside("transit_gateway_attachment_id") }

func linkDirectConnect(v view) {
	for _, attr := range []string{"associated_gateway_id", "vpn_gateway_id"} {
		for _, e := range v.single(attr) {
			r := refOf(e)
			if v.b.transits[r.key] == nil && !strings.HasPrefix(r.id, "tgw-") && !strings.Contains(r.address, "aws_ec2_transit_gateway.") {
				if e.unknown() == nil {
					v.b.announcedBy(v.b.gateway(v, e, ir.VirtualPrivateGateway)).other = true
				}
				continue
			}
			o := v.b.attached[tf.Symbol(v.in.Address, "transit_gateway_attachment_id")]
			v.join(v.b.transit(v, e), o, true)
			for _, dx := range v.single("dx_gateway_id") {
				v.b.attached["direct connect "+refOf(dx).key+" "+r.key] = o
			}
		}
	}
}

func makeConnect(v view) { v.newOutside("id") }

func linkConnect(v view) {
	es := v.single("transit_gateway_id")
	if len(es) == 0 {
		v.invalid(v.at(), "transit_gateway_id is required", "name the transit gateway")
		return
	}
	v.join(v.b.transit(v, es[0]), v.b.attached[tf.Symbol(v.in.Address, "id")], true)
}

func makeTransitPeering(v view) { v.newOutside("id") }

// linkTransitPeering attaches both gateways, as far as the input has them.
func linkTransitPeering(v view) {
	near, far := v.single("transit_gateway_id"), v.single("peer_transit_gateway_id")
	if len(near) == 0 || len(far) == 0 {
		v.invalid(v.at(), "transit_gateway_id and peer_transit_gateway_id are required", "name both")
		return
	}
	o := v.b.attached[tf.Symbol(v.in.Address, "id")]
	v.join(v.b.transit(v, near[0]), o, false)
	if gw := v.b.transits[refOf(far[0]).key]; gw != nil {
		other := *o
		v.b.farEnds[o] = &other
		v.join(gw, &other, false)
	}
}

// linkAttachmentAccepter accepts an attachment of another account: it is the
// attachment, by another name.
func linkAttachmentAccepter(v view) {
	es := v.single("transit_gateway_attachment_id")
	if len(es) == 0 {
		v.invalid(v.at(), "transit_gateway_attachment_id is required", "name the attachment")
		return
	}
	o := v.b.attached[refOf(es[0]).key]
	if o == nil && v.in.Type == "aws_ec2_transit_gateway_peering_attachment_accepter" {
		o = &ir.Attachment{ID: refOf(es[0]).id, Outside: true, Origin: v.origin(es[0].at, nil)}
		v.b.attached[refOf(es[0]).key] = o
		if gws := v.single("transit_gateway_id"); len(gws) > 0 && gws[0].why == nil {
			v.join(v.b.transit(v, gws[0]), o, false)
		} else {
			v.b.adrift[o] = true
		}
	}
	if o != nil {
		for _, k := range v.keys("id") {
			v.b.attached[k] = o
		}
	}
}

// dataAttachment reads a data source that finds an attachment which leads
// outside: one that the root makes, or another.
func (v view) dataAttachment() {
	gws := v.single("transit_gateway_id")
	key := func(es []elem) string {
		if len(es) == 0 {
			return ""
		}
		return refOf(es[0]).key
	}
	v.b.later(func() {
		o := v.b.attached["connection "+key(v.single("vpn_connection_id"))]
		if o == nil {
			o = v.b.attached["direct connect "+key(v.single("dx_gateway_id"))+" "+key(gws)]
		}
		if id := v.id(); o == nil && id != "" {
			o = v.b.attached[id]
		}
		if o == nil {
			r := dataRef(v)
			o = &ir.Attachment{ID: r.id, Outside: true, Origin: r.named()}
			if len(gws) > 0 && gws[0].why == nil {
				v.join(v.b.transit(v, gws[0]), o, v.in.Type != "aws_ec2_transit_gateway_peering_attachment")
			} else {
				v.b.adrift[o] = true
			}
		}
		for _, k := range dataKeys(v) {
			if v.b.attached[k] == nil {
				v.b.attached[k] = o
			}
		}
	})
}
