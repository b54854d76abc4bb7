// Package trace is the concrete evaluator: it walks one header through the
// network, rule by rule, and says what decided. It is the judge of every
// symbolic answer and shares no code with packages solver and reach.
//
// The plan. A flow is the first packet and its reply. Each is a list of
// segments with one header each; between two segments stands a translator (an
// internet gateway, a NAT gateway) that rewrites the header. The walk goes from
// subnet to subnet: it looks up the route, asks the filters at every boundary,
// and follows the route's target to the next segment until it stands at the
// other end. The reply is the same walk from the other end, with the groups
// silent (they keep state) and the translators undone.
//
// A flow through a load balancer is two such flows, one on each side of it: the
// first is answered when the second has been.
//
// What lies between two subnets is decided in docs/topology.md.
//
// What is not known is handled by walking twice, each time with plain Booleans:
// the pessimist assumes of every unknown what would stop the packet, the
// optimist what would let it pass. The verdict is allow iff the pessimist
// passes, deny iff the optimist does not, unknown otherwise.
//
// An address that the input does not fix is no such unknown: the header says
// which address the question is about, and the walk asks only whether the
// interface may hold it.
package trace

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Verdict is an answer about one header.
type Verdict uint8

// The verdicts. The zero value stands for a question that was not asked: the
// reply to a request that does not arrive.
const (
	VerdictInvalid Verdict = iota
	Allow
	Deny
	Unknown
)

func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Deny:
		return "deny"
	case Unknown:
		return "unknown"
	case VerdictInvalid:
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Query asks about one header between two ends.
type Query struct {
	// From and To are the interfaces at the two ends; nil is a host outside
	// every VPC of the network: on the internet, or on premises.
	From, To *ir.Interface
	// Header is as the initiator sends it: to the public address when it comes
	// through an internet gateway, to the load balancer's address and port when
	// it comes through one to To, its target.
	Header packet.Header
	// NATPort is the source port that a NAT gateway or a load balancer on the way
	// picks, one of 1024-65535; 0 stands for 1024.
	NATPort uint16
	// Verbose keeps with each hop what it passes over.
	Verbose bool
}

// Result is the answer to a Query.
type Result struct {
	// Verdict is about the complete flow: request and, when one is needed,
	// reply.
	Verdict Verdict
	Header  packet.Header
	Forward Leg
	// Reply is the way back. It has no hops when no reply is needed (NotNeeded,
	// verdict allow) and when the request cannot arrive (VerdictInvalid).
	Reply Leg
	// Because lists what an unknown verdict waits for, without repetitions, by
	// place.
	Because []*ir.Unknown
}

// Leg is one direction of a flow.
type Leg struct {
	Verdict   Verdict
	Header    packet.Header // of the first segment
	Hops      []Hop         // up to the first that denies
	NotNeeded bool
}

// Stage says what kind of thing judged a packet at a hop.
type Stage uint8

// The stages.
const (
	StageInvalid        Stage = iota
	StageEndpoint             // the ends themselves: who holds which address
	StageSGEgress             // security groups of the sender
	StageNACLEgress           // network ACL of the subnet that is left
	StageRoute                // route table of the subnet that is left
	StageNACLIngress          // network ACL of the subnet that is entered
	StageSGIngress            // security groups of the receiver
	StageService              // what listens behind the receiver
	StageGateway              // internet, egress-only or NAT gateway, endpoint
	StagePeering              // VPC peering connection
	StageTransitGateway       // transit gateway and its tables
	StageBPA                  // VPC Block Public Access
	StageExempt               // a destination that groups and ACLs never filter
	StageLoadBalancer         // what a load balancer does with what it takes
)

func (s Stage) String() string {
	switch s {
	case StageEndpoint:
		return "endpoint"
	case StageSGEgress:
		return "sg-egress"
	case StageNACLEgress:
		return "nacl-egress"
	case StageRoute:
		return "route"
	case StageNACLIngress:
		return "nacl-ingress"
	case StageSGIngress:
		return "sg-ingress"
	case StageService:
		return "service"
	case StageGateway:
		return "gateway"
	case StagePeering:
		return "peering"
	case StageTransitGateway:
		return "transit-gateway"
	case StageBPA:
		return "bpa"
	case StageExempt:
		return "exempt"
	case StageLoadBalancer:
		return "load-balancer"
	case StageInvalid:
	}
	return fmt.Sprintf("stage(%d)", uint8(s))
}

// Hop is one judgement on the way of a packet.
type Hop struct {
	Stage     Stage
	Component string // whose: "aws_instance.app", "aws_subnet.app"
	Verdict   Verdict
	Rule      string // address or id of the rule, entry or route that decided; "" when none did
	Message   string // "entry 100: 5432 from 10.0.10.0/24"
	// Code is the explanation code of AWS Reachability Analyzer for a denial, or
	// for what is not known, where one exists.
	// [https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html]
	Code   string
	Place  diag.Place
	Header packet.Header // of the segment the hop is on
	// SrcIn and DstIn are set where an address of the header stands for any of a
	// subnet's: of what the hop's gateway or load balancer has there and AWS
	// picks.
	SrcIn, DstIn netip.Prefix
	// Was is the header as it came to a hop that changes it, whose Header is
	// what leaves; elsewhere it is the zero one.
	Was packet.Header

	// Interface is the one whose groups were asked, and Far the one at the other
	// end that their references may see, if any does.
	Interface, Far *ir.Interface

	Entry  *ir.Entry // the ACL entry that decided
	SGRule *ir.Rule  // the group rule that decided
	Route  *ir.Route // the route that was taken
	// Passed lists the entries of the ACL that were looked at and did not match.
	Passed []*ir.Entry
	// Over lists what the packet passes over here: rules of the groups, entries
	// before the one that decided, routes of the table, listeners. Only with
	// Query.Verbose.
	Over    []Over
	Because []*ir.Unknown // what an unknown verdict waits for
}

// Over is a rule, an entry, a route or a listener that did not take a packet.
type Over struct {
	Message string // "22 from 10.0.0.0/8"
	Reason  string // "another port"
	Code    string // the same as AWS Reachability Analyzer says it, where it does
	Place   diag.Place
}
