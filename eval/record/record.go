// Package record reads packets and flow-log rows: JSON Lines, CSV, VPC flow
// logs as text or Parquet, each plain or compressed with gzip. What a file is, is found
// from its first bytes.
//
// The plan. A Source cuts its input into chunks at line ends; chunks can be
// parsed side by side, since a line says everything about its packet. A Layout
// knows what the columns mean and parses one line into a Record without
// allocating: a record's names point into the line. Parquet, which has columns
// and no lines, is written out as lines of the columns that count, so that
// everything behind it is the same.
//
// A line that makes no sense is a Fault: data, not an error. Errors are about
// the input as a whole.
package record

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/packet"
)

// Field is what a column or a key holds.
type Field uint8

// The fields. Ignored stands for every column that says nothing about the
// packet.
const (
	FieldInvalid Field = iota
	Ignored
	Src
	Dst
	Protocol
	SrcPort
	DstPort
	ICMPType
	ICMPCode
	From
	To
	PacketSrc // of flow logs: the packet's own address, where Src is the interface's
	PacketDst
	Interface
	VPC
	Action
	TCPFlags
	Direction
	Status
)

// String is the field as a person would call it.
func (f Field) String() string {
	switch f {
	case Ignored:
		return "column"
	case Src:
		return "source address"
	case Dst:
		return "destination address"
	case Protocol:
		return "protocol"
	case SrcPort:
		return "source port"
	case DstPort:
		return "destination port"
	case ICMPType:
		return "ICMP type"
	case ICMPCode:
		return "ICMP code"
	case From:
		return "from"
	case To:
		return "to"
	case PacketSrc:
		return "packet's source address"
	case PacketDst:
		return "packet's destination address"
	case Interface:
		return "interface"
	case VPC:
		return "VPC"
	case Action:
		return "action"
	case TCPFlags:
		return "TCP flags"
	case Direction:
		return "flow direction"
	case Status:
		return "status"
	case FieldInvalid:
	}
	return fmt.Sprintf("field(%d)", uint8(f))
}

// fieldOf finds what a column or key means. flow: it is a name that only flow
// logs use. Names of flow logs are taken with hyphens, as in headers, and with
// underscores, as in Parquet and Athena.
// [VPC flow-log-records.md]
func fieldOf(name []byte) (f Field, flow bool) {
	switch string(name) {
	case "src", "source":
		return Src, false
	case "dst", "destination":
		return Dst, false
	case "protocol":
		return Protocol, false
	case "sport", "src_port", "source_port":
		return SrcPort, false
	case "dport", "dst_port", "destination_port":
		return DstPort, false
	case "icmp_type", "type":
		return ICMPType, false
	case "icmp_code", "code":
		return ICMPCode, false
	case "from":
		return From, false
	case "to":
		return To, false
	case "srcaddr":
		return Src, true
	case "dstaddr":
		return Dst, true
	case "srcport":
		return SrcPort, true
	case "dstport":
		return DstPort, true
	case "pkt-srcaddr", "pkt_srcaddr":
		return PacketSrc, true
	case "pkt-dstaddr", "pkt_dstaddr":
		return PacketDst, true
	case "interface-id", "interface_id":
		return Interface, true
	case "vpc-id", "vpc_id":
		return VPC, true
	case "action":
		return Action, true
	case "tcp-flags", "tcp_flags":
		return TCPFlags, true
	case "flow-direction", "flow_direction":
		return Direction, true
	case "log-status", "log_status":
		return Status, true
	}
	return Ignored, false
}

// Outcome is what was observed to happen to a row's packets.
type Outcome uint8

// The outcomes. The zero value stands for packets of which nobody says.
const (
	NotObserved Outcome = iota
	Accepted
	Rejected
)

// Side is the end of a row's packets at which they were observed.
type Side uint8

// The sides. The zero value: the row does not tell.
const (
	SideUnknown Side = iota
	AtSender
	AtReceiver
)

// Record is one packet, or one row of a flow log.
type Record struct {
	Src, Dst netip.Addr
	Protocol uint8
	SrcPort  uint16
	DstPort  uint16 // ICMP: type*256+code
	// AnyType: an ICMP packet whose type is not told. Flow logs never tell it.
	AnyType bool
	// From and To name the ends; empty where the addresses have to do.
	From, To []byte

	// Flow: it is a row of a flow log. The fields below are of such.
	Flow      bool
	Observed  Outcome
	Interface []byte // eni-..., empty when the row does not tell
	VPC       []byte
	Side      Side
	// Own: Src and Dst are the packets' own addresses, whatever stands between
	// the ends.
	Own      bool
	TCPFlags uint16
	HasFlags bool // the row tells the flags

	has                uint32 // bits of the Fields that the line gave
	icmpType, icmpCode uint8
	pktSrc, pktDst     netip.Addr
	scratch            []byte
}

// Kind is what a line turned out to be.
type Kind uint8

// The kinds of lines.
const (
	KindInvalid Kind = iota
	Packet           // a record
	Nothing          // an empty line, or a header
	NoData           // a flow-log row about an interval without traffic
	SkipData         // a flow-log row about records that AWS lost
	Faulty
)

// What is wrong with a line.
type What uint8

// The faults. The zero value is none.
const (
	NoFault What = iota
	Missing
	NotAddress
	NotNumber
	NotProtocol
	NotAction
	NotDirection
	NotStatus
	NotJSON
	NotQuoted
	Columns
	Families
	Unnamed // the line names an end that is not in the network
)

// Fault says what is wrong with a line.
type Fault struct {
	Field Field
	What  What
}

func (f Fault) String() string {
	switch f.What {
	case Missing:
		return "the " + f.Field.String() + " is missing"
	case NotAddress:
		return "the " + f.Field.String() + " is no IPv4 or IPv6 address"
	case NotNumber:
		return "the " + f.Field.String() + " is no number in its range"
	case NotProtocol:
		return "the protocol is neither a number up to 255 nor a name that is known"
	case NotAction:
		return "the action is neither ACCEPT nor REJECT"
	case NotDirection:
		return "the flow direction is neither ingress nor egress"
	case NotStatus:
		return "the status is none of OK, NODATA and SKIPDATA"
	case NotJSON:
		return "it is no JSON object on one line"
	case NotQuoted:
		return "a quoted field does not end"
	case Columns:
		return "it has not as many fields as the header"
	case Families:
		return "its addresses are of two families"
	case Unnamed:
		return "the end that \"" + f.Field.String() + "\" names is not in the network"
	case NoFault:
	}
	return "nothing is wrong"
}

// reset forgets the last line.
func (r *Record) reset() { *r = Record{scratch: r.scratch[:0]} }

func (r *Record) given(f Field) bool { return r.has&(1<<f) != 0 }

// set takes one field's text. A hyphen alone is a flow log's word for nothing.
func (r *Record) set(f Field, text []byte) Fault {
	if f == Ignored || len(text) == 0 || len(text) == 1 && text[0] == '-' {
		return Fault{}
	}
	ok, what := true, NotNumber
	switch f {
	case Src:
		r.Src, ok = address(text)
		what = NotAddress
	case Dst:
		r.Dst, ok = address(text)
		what = NotAddress
	case PacketSrc:
		r.pktSrc, ok = address(text)
		what = NotAddress
	case PacketDst:
		r.pktDst, ok = address(text)
		what = NotAddress
	case Protocol:
		r.Protocol, ok = protocol(text)
		what = NotProtocol
	case SrcPort:
		r.SrcPort, ok = number16(text)
	case DstPort:
		r.DstPort, ok = number16(text)
	case ICMPType:
		r.icmpType, ok = number8(text)
	case ICMPCode:
		r.icmpCode, ok = number8(text)
	case TCPFlags:
		r.TCPFlags, ok = number16(text)
	case From:
		r.From = text
	case To:
		r.To = text
	case Interface:
		r.Interface = text
	case VPC:
		r.VPC = text
	case Action:
		what = NotAction
		switch string(text) {
		case "ACCEPT":
			r.Observed = Accepted
		case "REJECT":
			r.Observed = Rejected
		default:
			ok = false
		}
	case Direction:
		what = NotDirection
		switch string(text) {
		case "ingress":
			r.Side = AtReceiver
		case "egress":
			r.Side = AtSender
		default:
			ok = false
		}
	case Status:
		return Fault{} // the layout looks at it
	case Ignored, FieldInvalid:
	}
	if !ok {
		return Fault{f, what}
	}
	r.has |= 1 << f
	return Fault{}
}

// DefaultSourcePort stands for the client's port of a packet that tells none:
// the first that Linux clients use, as everywhere in postern.
const DefaultSourcePort = 32768

// finish checks that the fields make a packet.
func (r *Record) finish() Fault {
	if r.given(PacketSrc) && r.given(PacketDst) {
		r.Src, r.Dst, r.Own = r.pktSrc, r.pktDst, true
		r.has |= 1<<Src | 1<<Dst
	}
	switch {
	case !r.given(Src):
		return Fault{Src, Missing}
	case !r.given(Dst):
		return Fault{Dst, Missing}
	case !r.given(Protocol):
		return Fault{Protocol, Missing}
	}
	family := packet.FamilyOf(r.Src)
	if family != packet.FamilyOf(r.Dst) {
		return Fault{Dst, Families}
	}
	switch packet.KindOf(family, r.Protocol) {
	case packet.Ported:
		if !r.given(DstPort) {
			return Fault{DstPort, Missing}
		}
		if !r.given(SrcPort) {
			r.SrcPort = DefaultSourcePort
		}
		r.HasFlags = r.given(TCPFlags) && r.Protocol == packet.TCP
	case packet.Typed:
		r.SrcPort, r.DstPort = 0, packet.TypeCode(r.icmpType, r.icmpCode)
		r.AnyType = !r.given(ICMPType)
	case packet.Plain, packet.KindInvalid:
		r.SrcPort, r.DstPort = 0, 0
	}
	return Fault{}
}

// Header is the record as a header.
func (r *Record) Header() packet.Header {
	return packet.Header{Src: r.Src, Dst: r.Dst, Protocol: r.Protocol, SrcPort: r.SrcPort, DstPort: r.DstPort}
}
