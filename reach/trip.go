package reach

import (
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver"
)

// end is one end of a segment: an interface, a NAT gateway, or, when neither is
// set, a host outside every VPC.
type end struct {
	iface *ir.Interface
	nat   *ir.Gateway
	at    place
	// public: it is named by its public IPv4 address, as the internet sees it.
	public bool
	// embedded: it is named by an IPv6 address that holds its IPv4 one.
	embedded bool
}

// name is what people call an end.
func (n end) name() string {
	switch {
	case n.iface != nil:
		return n.iface.Resource
	case n.nat != nil:
		return nameOf(n.nat)
	}
	return "a host outside"
}

// away: no route within a VPC leads to the name.
func (n end) away() bool { return n.public || n.embedded }

func (n end) outside() bool { return n.iface == nil && n.nat == nil }

// segment is a stretch of the way on which the header does not change: from its
// first end, or a translator, to the next one. Sets that belong to it are stated
// in its own headers, as requests; see lens.
type segment struct {
	e        *engine
	from, to end
	// anchored: the answer goes back to the interface of the first end whatever
	// the routes say, since the sender's address is not its own.
	anchored bool
	classic  bool // sent on by a classic load balancer
	// next: what arrives is sent on by a load balancer.
	next *relay

	outer *segment
	lens  *lens   // from this segment's headers to the outer one's
	path  *step   // what the request met on the outer one
	met   Band    // all of that
	back  []*step // how the reply goes on there; nil: it does not
}

// doorKind says by what a packet comes from, or goes to, a host outside.
type doorKind uint8

// The doors. The zero value is none: the other end is in the network.
const (
	doorNone doorKind = iota
	doorInternet
	doorEgressOnly
	doorService // the answer enters the sender's subnet directly
	doorPrivate
	doorTransit
	doorUnknown
)

type door struct {
	kind    doorKind
	gateway *ir.Gateway        // of a private one
	transit *ir.TransitGateway // of one behind a transit gateway
	from    *ir.Attachment
}

// step is a stage of a path, and the steps before it.
type step struct {
	Stage
	prev *step
}

// trip is a packet on its way through one segment, the request or the reply. It
// is copied where the way divides.
type trip struct {
	s     *segment
	reply bool
	live  solver.Set // the headers whose addresses lead here
	path  *step
	fresh bool   // the sender's groups have not been asked
	known truth  // references to the sender's groups hold
	lost  string // the explanation code of what makes them not to
	door  door
	// opaque: a part of the way is not known, so that nothing can be said about
	// how the reply goes.
	opaque  bool
	via     []*ir.Interface // appliances
	left    []*ir.Subnet    // subnets that it left
	nats    []*ir.Gateway
	through []*ir.Interface // load balancers
	// inspected: it passed a Gateway Load Balancer endpoint; forwarded: that, or
	// an appliance.
	inspected, forwarded bool
	// crossed: the request passed an internet or egress-only gateway.
	crossed bool
}

// goal is the end that the packet goes to, origin the one that it comes from.
func (t *trip) goal() end {
	if t.reply {
		return t.s.from
	}
	return t.s.to
}

func (t *trip) origin() end {
	if t.reply {
		return t.s.to
	}
	return t.s.from
}

// asPacket reports whether Block Public Access judges what passes an internet
// gateway by itself: a request, or an answer that takes a gateway which its
// request did not.
func (t *trip) asPacket() bool { return !t.reply || !t.crossed }
