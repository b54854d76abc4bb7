// Package ir is the network as AWS sees it: plain data, with where each thing
// was written. It knows nothing of Terraform or of JSON, and decides nothing.
//
// Unknown is a value of the model. A peer, a port range, a protocol, the
// existence of a rule, the groups of an interface can each be unknown, with the
// cause; see Value, Choice and Many. Membership of a security group stays
// symbolic: a rule refers to the group, not to today's list of addresses.
//
// A Network is built once by package parse and not changed afterwards.
// Pointers are identities: two objects are the same iff their pointers are.
package ir

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/packet"
)

// Network is everything that is analysed together: one Terraform root with its
// variables and workspace, or all exports and states of one run.
type Network struct {
	Root    string // directory of the Terraform root; "" for exports
	Variant string // workspace and variable files, where one root has several

	VPCs            []*VPC
	Subnets         []*Subnet
	RouteTables     []*RouteTable
	SecurityGroups  []*SecurityGroup
	NetworkACLs     []*NetworkACL
	PrefixLists     []*PrefixList
	Interfaces      []*Interface
	Gateways        []*Gateway
	Peerings        []*Peering
	TransitGateways []*TransitGateway

	// Closed says of which kinds everything is seen: an untruncated export
	// closes its kind in its account and Region; Terraform never does.
	Closed map[Scope]bool

	// Indirect lists what can bring internet traffic to private interfaces
	// from outside the route tables: Global Accelerator, CloudFront VPC
	// origins. While it is not empty, nothing is proved unreachable.
	Indirect []diag.Place

	Problems    diag.List // what is wrong with single objects, and what was left out
	NotAnalysed []Omission
	Ignores     []diag.Ignore
}

// Omission is a part of the input that was not turned into the model.
type Omission struct {
	Address string
	Cause   diag.Cause
}

// Kind is a kind of object that an export lists.
type Kind uint8

// The kinds that worlds are closed by.
const (
	KindInvalid Kind = iota
	KindVPC
	KindSubnet
	KindRouteTable
	KindSecurityGroup
	KindNetworkACL
	KindPrefixList
	KindInterface
	KindInternetGateway
	KindNATGateway
	KindPeering
	KindTransitGateway
	KindLoadBalancer
	KindDatabase
	KindEndpoint
)

// Scope is a kind within an account and Region.
type Scope struct {
	Kind            Kind
	Account, Region string
}

// Home is the account and Region of an object; each may be empty when the
// input does not tell. Ids of different Regions never meet.
type Home struct{ Account, Region string }

// IsClosed reports whether everything of a kind is seen in a home.
func (n *Network) IsClosed(k Kind, h Home) bool {
	return n.Closed[Scope{k, h.Account, h.Region}]
}

// MayHideSome reports whether objects of a kind may exist beside those that the
// input shows: an export without the whole list of them. What a Terraform root
// configures is taken to be whole.
func (n *Network) MayHideSome(k Kind, h Home) bool {
	return len(n.Closed) > 0 && !n.IsClosed(k, h)
}

// VPC is a virtual network.
type VPC struct {
	ID, Name string
	Home     Home
	// IPv4 and IPv6 are the VPC's CIDRs; the first IPv4 one is the primary,
	// whose base + 2 is the Amazon DNS server. An unknown element is a CIDR
	// that surely exists (assign_generated_ipv6_cidr_block).
	IPv4, IPv6 []Value[netip.Prefix]
	// More: further CIDRs may exist that the input does not show.
	More    *Unknown
	Default bool
	// Lattice is the VPC's association with a VPC Lattice service network; nil
	// when there is none.
	Lattice *Lattice
	// PrivateIPv6 lists the IPv6 CIDRs that are not advertised to the internet.
	PrivateIPv6 []netip.Prefix
	BPA         Value[BPA]
	Exclusion   Value[Exclusion]
	Tags        map[string]string
	// Seen is false for a VPC that the input only names: a literal id, a data
	// source. What is attached to it elsewhere is then not seen either.
	Seen   bool
	Origin Origin
}

// Lattice is a VPC's association with a VPC Lattice service network. Its groups
// filter what clients of the VPC send to the link-local addresses of Lattice.
// [vpc-lattice security-groups]
type Lattice struct {
	Groups Many[*SecurityGroup]
	Origin Origin
}

// BPA is the mode of VPC Block Public Access.
// [VPC security-vpc-bpa; botocore ec2 BlockPublicAccessStates]
type BPA uint8

// The modes. The zero value, off, is AWS's default.
const (
	BPAOff           BPA = iota
	BPAIngress           // only traffic of NAT and egress-only gateways passes
	BPABidirectional     // no traffic of internet and egress-only gateways passes
)

// Exclusion exempts a VPC or a subnet from Block Public Access.
type Exclusion uint8

// The exclusions. A subnet's own beats its VPC's.
const (
	ExclusionNone Exclusion = iota
	ExclusionBidirectional
	ExclusionEgress
)

// Subnet is a subnet.
type Subnet struct {
	ID, Name   string
	VPC        Choice[*VPC]
	IPv4       Value[netip.Prefix] // invalid prefix: none (IPv6-only)
	IPv6       Value[netip.Prefix] // invalid prefix: none
	ACL        Choice[*NetworkACL]
	RouteTable Choice[*RouteTable]
	// PublicOnLaunch: interfaces get a public IPv4 address unless they say no.
	PublicOnLaunch Value[bool]
	IPv6OnLaunch   Value[bool]
	Exclusion      Value[Exclusion]
	Zone           string
	Tags           map[string]string
	Origin         Origin
}

// SecurityGroup is a set of allow rules.
type SecurityGroup struct {
	ID, Name        string
	Home            Home
	VPCs            Choice[*VPC] // the VPC it was made in
	Associated      []*VPC       // further VPCs, by security group VPC association
	Ingress, Egress []Rule
	// Open: other rules may exist (rules that nobody manages here, a group that
	// is only named). Both directions.
	Open    *Unknown
	Default bool
	// Exported: places where its id leaves the root (outputs, parameters), so
	// that something unseen may carry it. In a closed world this is empty.
	Exported []diag.Place
	// Term: the input holds only this term for the group's id. It may turn out
	// to be any group; the same term is the same group.
	Term   *Unknown
	Tags   map[string]string
	Origin Origin
}

// Rules returns the rules of a direction.
func (g *SecurityGroup) Rules(egress bool) []Rule {
	if egress {
		return g.Egress
	}
	return g.Ingress
}

// Rule is one source of a security group rule. One Terraform block with three
// CIDRs and a group is four rules.
type Rule struct {
	Match
	// Maybe: the rule stands for 0 to any finite number of rules like it.
	Maybe  *Unknown
	Origin Origin
}

// Match is what a rule or an entry matches.
type Match struct {
	Protocol Value[int16] // 0..255, or -1 for all
	// Ports applies to headers that have ports, and as type*256+code to typed
	// (ICMP) ones; it is ignored for the others. When unknown, V is the widest
	// interval it can be.
	Ports Value[Ports]
	Peer  Peer
}

// Ports is an interval of destination ports, or of ICMP type*256+code.
type Ports struct{ Lo, Hi uint16 }

// AllPorts is every port, and every ICMP type and code.
var AllPorts = Ports{0, 65535}

// ICMPPorts is the interval of an ICMP type and code, -1 meaning any. A type
// of -1 makes the code irrelevant (an entry "any type, code 3" is taken as
// any: AWS documents no other meaning).
func ICMPPorts(icmpType, code int) Ports {
	switch {
	case icmpType < 0:
		return AllPorts
	case code < 0:
		return Ports{uint16(icmpType) << 8, uint16(icmpType)<<8 | 255}
	default:
		p := uint16(icmpType)<<8 | uint16(code)
		return Ports{p, p}
	}
}

// Contains reports whether a port lies in the interval.
func (p Ports) Contains(port uint16) bool { return p.Lo <= port && port <= p.Hi }

// Peer is the other end of a rule: exactly one of the first four is set.
// Network ACL entries only have CIDRs.
type Peer struct {
	CIDR       netip.Prefix // canonical: no host bits
	Group      *SecurityGroup
	PrefixList *PrefixList
	Unknown    *Unknown
	// Family bounds an unknown peer: the family its attribute allows
	// (cidr_ipv4), FamilyInvalid when it may be either, or a group.
	Family packet.Family
}

// MatchesService reports whether a known rule's protocol and ports match a
// header's: ports count for headers that have them, type and code for ICMP in
// its own family, neither for any other header.
func (m Match) MatchesService(h packet.Header) bool {
	if p := m.Protocol.V; p != -1 {
		if p != int16(h.Protocol) {
			return false
		}
		return h.Kind() == packet.Plain || m.Ports.V.Contains(h.DstPort)
	}
	return true
}

// NetworkACL is an ordered list of entries for each direction. The implicit
// deny at the end is not among the entries.
type NetworkACL struct {
	ID, Name string
	Home     Home
	VPC      Choice[*VPC]
	Default  bool
	Entries  []Entry  // both directions, in any order
	Open     *Unknown // other entries may exist
	Tags     map[string]string
	Origin   Origin
}

// Entry is one numbered line of a network ACL.
type Entry struct {
	Match
	Egress bool
	Number Value[uint16]
	Allow  Value[bool]
	Maybe  *Unknown // stands for 0 to any finite number of entries like it
	Origin Origin
}

// PrefixList is a named list of CIDRs of one family.
type PrefixList struct {
	ID, Name string
	Home     Home
	Family   packet.Family
	CIDRs    []netip.Prefix
	Open     *Unknown // other CIDRs may be in it
	// AWS: the list is AWS's own, of one of its services. What it holds beside
	// CIDRs is never a documentation network: see Documentation.
	AWS    bool
	Max    int // MaxEntries, 0 when not known
	Origin Origin
}

// Documentation lists the networks that nobody uses (RFC 5737, RFC 3849): no
// list of AWS's holds them, and packets of examples come from them.
func Documentation() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8}), 32),
	}
}

// MayHoldMore reports whether a list may hold an address of a family beside
// those of its CIDRs. The zero address is one that is not known.
func (l *PrefixList) MayHoldMore(a netip.Addr, f packet.Family) bool {
	if l.Open == nil || l.Family != packet.FamilyInvalid && l.Family != f {
		return false
	}
	return !l.AWS || !slices.ContainsFunc(Documentation(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// InterfaceKind says what stands behind an interface.
type InterfaceKind uint8

// The kinds of interfaces.
const (
	InterfaceInvalid InterfaceKind = iota
	InterfaceInstance
	InterfaceLoadBalancer
	InterfaceNetworkLoadBalancer
	InterfaceDatabase
	InterfaceCache
	InterfaceFunction
	InterfaceContainer
	InterfaceNATGateway
	InterfaceTransitGateway
	InterfaceEndpoint
	InterfaceConnectEndpoint // EC2 Instance Connect endpoint
	InterfaceOther
)

// Interface is an elastic network interface, or several that the input cannot
// tell apart (the interfaces of an autoscaling group, of a database).
type Interface struct {
	ID string // eni-...; "" in Terraform
	// Resource is what the interface belongs to, as people name it:
	// "aws_instance.web", "i-0abc", "aws_lb.edge".
	Resource string
	// Aliases are further names: the instance id, the attachment, ARNs.
	Aliases   []string
	Kind      InterfaceKind
	Subnet    Choice[*Subnet]
	Groups    Many[*SecurityGroup]
	Addresses []Address
	// Prefixes are delegated to the interface: it holds all their addresses.
	Prefixes []netip.Prefix
	// Services says what answers here: nil means anything may.
	Services        *Services
	SourceDestCheck Value[bool]
	// DenyIGW: packets from an internet gateway are dropped.
	DenyIGW bool
	// NoInbound: it starts flows and accepts none (Lambda, NAT gateway).
	NoInbound bool
	// Windows: its client ports are 49152-65535.
	Windows bool
	// PreserveClient: what an EC2 Instance Connect endpoint sends carries the
	// address of the person that uses it, not its own. A reference to its groups
	// matches either way.
	PreserveClient Value[bool]
	// Maybe: the interface stands for 0 to any finite number.
	Maybe *Unknown
	// Hypothetical: made by the analysis for a group that something outside
	// the input may carry.
	Hypothetical bool
	Home         Home
	Tags         map[string]string
	Origin       Origin
}

// Services is what listens behind an interface that answers on certain ports
// only: a load balancer on its listeners, a database on its port.
type Services struct {
	Ports []Service
	// Open: there may be more, or it is not known which.
	Open *Unknown
	// Place is where the ports are decided.
	Place diag.Place
}

// Service is one protocol and port that answers.
type Service struct {
	Protocol uint8
	Ports    Ports
	Place    diag.Place
	// Forward is where a load balancer sends what arrives here; nil where the
	// interface answers by itself, or a load balancer's targets are not read.
	Forward *Forward
}

// Forward is what a listener of a load balancer does with the flows that it
// takes: it sends each to one of its targets.
type Forward struct {
	// Ends: the flow ends at the load balancer, which opens another one from
	// an address of its own (application and classic load balancers, TLS
	// listeners that end the session). False: a network load balancer, which
	// translates packets; see PreserveClient.
	Ends bool
	// Classic: the load balancer is of the first generation, whose packets the
	// ACL of its subnet judges even on the way to a target in that subnet.
	// [vpc/latest/reachability/explanation-codes.html ELB_ACL_RESTRICTION]
	Classic bool
	// PreserveClient: targets see the client's address and port. Otherwise they
	// see a private address of the load balancer and a port that it picks.
	// [ELB network edit-target-group-attributes]
	PreserveClient Value[bool]
	Targets        []ForwardTarget
	// Open: there are, or may be, other targets than those of the list.
	Open *Unknown
	// Place is where the target group is written.
	Place diag.Place
}

// ForwardTarget is one target of a load balancer.
type ForwardTarget struct {
	// Interface that receives; nil for an address that no interface of the
	// input holds.
	Interface *Interface
	// Address that is sent to. An invalid one is the first private address of
	// the interface.
	Address netip.Addr
	Port    Value[uint16]
	// Maybe: the target is not surely registered.
	Maybe *Unknown
	Place diag.Place
}

// Address is one private address of an interface, with its public one.
type Address struct {
	// Private is unknown when AWS picks it: it is then a free address of the
	// subnet, of family Family.
	Private Value[netip.Addr]
	Family  packet.Family
	Public  Public
	// Maybe: the address may not be there (an IPv6 address that a subnet which
	// is not seen may assign). It counts for what may be, not for what must.
	Maybe *Unknown
}

// Public is the public IPv4 address that an internet gateway translates to a
// private one. IPv6 addresses have none: they are public themselves.
type Public struct {
	Exists Value[bool]
	Addr   Value[netip.Addr] // meaningful when it exists
	Place  diag.Place        // what gives it or withholds it
}
