package ir

// GatewayKind is what a gateway does.
type GatewayKind uint8

// The kinds of gateways.
const (
	GatewayInvalid GatewayKind = iota
	InternetGateway
	EgressOnlyGateway
	NATGateway
	VirtualPrivateGateway
	VPCEndpoint          // a gateway endpoint: addresses of one service of AWS
	LoadBalancerEndpoint // a Gateway Load Balancer endpoint: appliances behind it decide
	OtherGateway
)

// Gateway is what a route may point at besides links and interfaces.
type Gateway struct {
	ID, Name string
	Home     Home
	Kind     GatewayKind
	// VPC it is attached to, for an internet gateway; without candidates and
	// not open: detached.
	VPC Choice[*VPC]
	// Subnet of a NAT gateway, or of a Gateway Load Balancer endpoint; without
	// candidates and not open: a regional NAT gateway, which stands in no subnet.
	Subnet Choice[*Subnet]
	// RouteTable is the gateway's own: of an internet or virtual private gateway
	// the one that routes what comes in by it (edge association), of a regional
	// NAT gateway the one that routes what leaves it. Without candidates and not
	// open there is none, and what comes in is delivered locally.
	RouteTable Choice[*RouteTable]
	// Addresses of a NAT gateway.
	Addresses []Address
	Private   bool // NAT gateway without a public address
	Origin    Origin
}

// Peering connects two VPCs.
type Peering struct {
	ID                 string
	Requester          Choice[*VPC]
	Accepter           Choice[*VPC]
	Active, SameRegion Value[bool]
	Origin             Origin
}

// TransitGateway connects the VPCs attached to it.
type TransitGateway struct {
	ID   string
	Home Home
	// GroupReferences: security group referencing is on at the gateway.
	GroupReferences Value[bool]
	Attachments     []*Attachment
	// Tables are its route tables. None: every attachment reaches every other
	// (the default table with default association and propagation).
	Tables []*TransitTable
	// Open: there may be attachments that the input does not show.
	Open   *Unknown
	Origin Origin
}

// Attachment is what is attached to a transit gateway: a VPC, or a network
// outside the input.
type Attachment struct {
	ID string
	// Outside: beyond it lies a network that is not in the input, by VPN, Direct
	// Connect, Connect or a peering with another transit gateway. It has no VPC.
	Outside         bool
	VPC             Choice[*VPC]
	Subnets         Many[*Subnet]
	GroupReferences Value[bool]
	Origin          Origin
}

// TransitTable is a route table of a transit gateway.
type TransitTable struct {
	ID         string
	Associated []*Attachment
	Propagated []*Attachment
	Routes     []TransitRoute
	Open       *Unknown
	Origin     Origin
}

// TransitRoute is a static route of a transit gateway's table.
type TransitRoute struct {
	Destination Peer
	Attachment  Choice[*Attachment] // none and not open: blackhole
	Origin      Origin
}

// RouteTable is a list of routes; the longest prefix wins.
type RouteTable struct {
	ID, Name string
	Home     Home
	VPC      Choice[*VPC]
	Main     bool
	Routes   []Route // the local routes included
	Open     *Unknown
	Tags     map[string]string
	Origin   Origin
}

// Route is one route.
type Route struct {
	Destination Peer // a CIDR, a prefix list, or unknown
	Target      Choice[Target]
	Blackhole   Value[bool]
	Propagated  bool
	Maybe       *Unknown
	Origin      Origin
}

// TargetKind is what a route points at.
type TargetKind uint8

// The kinds of route targets.
const (
	TargetInvalid TargetKind = iota
	TargetLocal
	TargetGateway
	TargetPeering
	TargetTransitGateway
	TargetInterface
	TargetOther // named by ID, of a kind that is not modelled
)

// Target is what a route points at; the field that fits the kind is set.
// Targets are comparable.
type Target struct {
	Kind           TargetKind
	Gateway        *Gateway
	Peering        *Peering
	TransitGateway *TransitGateway
	Interface      *Interface
	ID             string
}
