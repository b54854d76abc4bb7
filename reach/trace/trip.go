package trace

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// place is where a packet stands. A nil subnet or VPC is one that the input
// does not tell; why says what decides.
type place struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
	why    *ir.Unknown
	// edge is a gateway with a route table of its own, which stands in no
	// subnet: an internet or virtual private gateway that something comes in by,
	// a regional NAT gateway.
	edge *ir.Gateway
}

// node is an end of a segment: an interface, a NAT gateway, or, when neither is
// set, a host outside every VPC.
type node struct {
	iface *ir.Interface
	nat   *ir.Gateway
	at    place
	slot  slot // how the header names it
}

func (n *node) outside() bool { return n.iface == nil && n.nat == nil }

// identity says whether the receiver's groups still see who sent the packet, so
// that references to the sender's groups match: surely, possibly.
type identity struct {
	sure, maybe bool
	why         []*ir.Unknown // what decides, when it is not sure
	// lost is the explanation code for where it was lost.
	lost string
}

func (i identity) and(o identity) identity {
	return identity{i.sure && o.sure, i.maybe && o.maybe, slices.Concat(i.why, o.why), cmp.Or(i.lost, o.lost)}
}

// plain is the identity on a link inside a VPC.
func plain() identity { return identity{sure: true, maybe: true} }

// maxDeparts bounds how many subnets one packet may leave.
const maxDeparts = 8

// maxSteps bounds the walk over all alternatives that unknowns open.
const maxSteps = 1024

const circle = "the routes lead in a circle"

// trip is one packet on its way. It is copied where the way divides.
type trip struct {
	s         segment
	src, goal node
	reply     bool
	fresh     bool // the sender's groups have not been asked yet
	known     identity
	opaque    bool // a part of the way lies outside the model
	entered   bool // it came in through an internet gateway
	left      bool // an internet gateway has put a public address into the source
	// came: the request to this reply came in through an internet gateway; home:
	// the reply has to leave there. public: the request was to a public address.
	came, home, public bool
	exit               exit
	nats               []natStep
	via                []*ir.Interface // appliances
	inspected          bool            // it has passed a Gateway Load Balancer endpoint

	// kept: the source is that of somebody behind the sender, a load balancer or
	// an Instance Connect endpoint. The reply goes back to the sender whatever
	// the routes say.
	kept bool
	// through is the load balancer that the query goes through; first is the
	// flow to it, once the packet is on its second leg.
	through *passage
	first   *trip
	classic bool // the second leg is that of a classic load balancer

	departs int
	left8   [maxDeparts]*ir.Subnet // subnets left since the header last changed
}

// exit is how a packet left for a host outside, or came from one: by what the
// reply has to return.
type exit struct {
	kind    ir.GatewayKind
	gateway *ir.Gateway        // an egress-only or virtual private gateway
	transit *ir.TransitGateway // and its attachment that leads outside
	outside *ir.Attachment
}

// private reports whether the exit is a link to premises.
func (e *exit) private() bool { return e.kind == ir.VirtualPrivateGateway || e.transit != nil }

// natStep is a NAT gateway that the packet passed: what its reply restores.
type natStep struct {
	gateway *ir.Gateway
	at      place
	inner   segment
	src     node
}
