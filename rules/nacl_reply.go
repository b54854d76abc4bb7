package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var naclReplyBlocked = &Rule{
	ID: "nacl-reply-blocked", Title: "Replies to an allowed flow are dropped", Severity: diag.High,
	Doc: Doc{
		What: "A flow that groups and ACLs specifically allow, of which no client port gets a reply, because no entry of an ACL on the way back lets it through.",
		Why:  "Network ACLs keep no state: a reply is a packet of its own, to the client's port. Without an entry for it, connections hang.",
		Fix:  "Add an entry for the client ports in the direction of the reply: 1024-65535 covers Linux, Windows, NAT gateways, load balancers and functions.",
		Bad:  blockedReplyExample("443", "443"),
		Good: blockedReplyExample("1024", "65535"),
	},
	Run: replyBlocked,
}

// clientPorts are the ports from which ordinary clients of a kind send.
// [VPC vpc-network-acls.md, ephemeral ports; kernel ip_local_port_range]
func clientPorts(i *ir.Interface) solver.Interval {
	switch {
	case i == nil:
		return solver.Interval{Lo: 1024, Hi: 65535}
	case i.Windows:
		return solver.Interval{Lo: 49152, Hi: 65535}
	}
	switch i.Kind {
	case ir.InterfaceInstance, ir.InterfaceContainer:
		return solver.Interval{Lo: 32768, Hi: 60999}
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer, ir.InterfaceFunction, ir.InterfaceNATGateway,
		ir.InterfaceDatabase, ir.InterfaceCache, ir.InterfaceTransitGateway, ir.InterfaceEndpoint, ir.InterfaceConnectEndpoint, ir.InterfaceOther, ir.InterfaceInvalid:
	}
	return solver.Interval{Lo: 1024, Hi: 65535}
}

// clients returns the headers that ordinary clients of a kind send.
func clients(s *solver.Space, i *ir.Interface) solver.Set {
	var boxes []solver.Box
	for _, v := range []service{tcp(0, 65535, ""), udp(0, 65535, "")} {
		b := v.box(s.Family())
		boxes = append(boxes, b)
	}
	ported := s.Of(boxes...)
	for k := range boxes {
		boxes[k].SrcPort = clientPorts(i)
	}
	return s.Union(s.Of(boxes...), s.Difference(s.All(), ported))
}

// broken is a flow whose replies an ACL drops.
type broken struct {
	acl      *ir.NetworkACL
	egress   bool // the reply leaves through the ACL; else it comes in
	from, to *ir.Interface
	header   packet.Header
	certain  diag.Certainty
	more     int
}

// replyBlocked asks, for every ACL that filters, whether flows across its
// border get their replies: one finding an ACL, direction and protocol.
func replyBlocked(p *Pass) error {
	ends := representatives(p.Net)
	asked := meanings{}
	for _, acl := range p.Net.NetworkACLs {
		if acl.Open != nil {
			continue
		}
		families := filters(p, acl)
		var found []*broken
		sides := map[side]replySide{}
		for _, f := range families {
			for _, egress := range []bool{false, true} {
				sides[side{f, egress}] = sideOf(p, f, acl, egress)
			}
		}
		for _, here := range ends {
			if len(families) == 0 || !behind(here, acl) {
				continue
			}
			for _, there := range append([]*ir.Interface{nil}, ends...) {
				if there == here || there != nil && sameSubnet(here, there) {
					continue
				}
				for _, f := range families {
					if err := addBroken(p, acl, sides[side{f, true}], asked, there, here, &found); err != nil {
						return err
					}
					if err := addBroken(p, acl, sides[side{f, false}], asked, here, there, &found); err != nil {
						return err
					}
				}
			}
		}
		for _, b := range found {
			reportBroken(p, b)
		}
	}
	return nil
}

// behind reports whether an interface may stand in a subnet of an ACL.
func behind(i *ir.Interface, acl *ir.NetworkACL) bool {
	return slices.ContainsFunc(i.Subnet.Of, func(s *ir.Subnet) bool {
		a, ok := s.ACL.Known()
		return ok && a == acl
	})
}

// filters returns the families in which an ACL lets some packets pass and drops
// others, in one direction or the other. Where it drops all, no request passes
// that a reply would belong to.
func filters(p *Pass, acl *ir.NetworkACL) []packet.Family {
	var out []packet.Family
	for _, f := range packet.Families {
		s := p.Model.Space(f)
		in := reach.ACLBand(s, reach.RequestView(false), acl, false).May
		eg := reach.ACLBand(s, reach.RequestView(true), acl, true).May
		if (in != s.All() || eg != s.All()) && (in != solver.Empty || eg != solver.Empty) {
			out = append(out, f)
		}
	}
	return out
}

// representatives picks one interface of every class that filters cannot tell
// apart: same subnet, groups, kind and services.
func representatives(n *ir.Network) []*ir.Interface {
	type class struct {
		subnets  string
		groups   string
		kind     ir.InterfaceKind
		public   bool
		services *ir.Services
	}
	seen := map[class]bool{}
	var reps []*ir.Interface
	for _, i := range n.Interfaces {
		subnets, groups := "", ""
		for _, s := range i.Subnet.Of {
			subnets += fmt.Sprintf("%p ", s)
		}
		for _, g := range i.Groups.Sure {
			groups += fmt.Sprintf("%p ", g)
		}
		c := class{subnets, groups, i.Kind, slices.ContainsFunc(i.Addresses, func(a ir.Address) bool { return a.Public.Exists.V }), i.Services}
		if !seen[c] {
			seen[c] = true
			reps = append(reps, i)
		}
	}
	return reps
}

func sameSubnet(a, b *ir.Interface) bool {
	x, okX := a.Subnet.Known()
	y, okY := b.Subnet.Known()
	return okX && okY && x == y
}

// side is a family and the direction in which a reply meets an ACL.
type side struct {
	family packet.Family
	egress bool
}

// replySide is what one side of an ACL does with replies, in flows as their
// initiators send them.
type replySide struct {
	side
	// lets are the flows whose reply it lets pass or denies on purpose.
	lets solver.Set
	// named are the requests to hosts outside that its other direction names.
	named solver.Set
}

func sideOf(p *Pass, f packet.Family, acl *ir.NetworkACL, egress bool) replySide {
	s := p.Model.Space(f)
	r := replySide{side: side{f, egress}}
	r.lets = s.Union(denied(s, acl, egress), reach.ACLBand(s, reach.ReplyView(egress), acl, egress).May)
	var sets []solver.Set
	for _, e := range reach.Entries(acl, !egress) {
		if e.Allow.Known() && e.Allow.V && named(e.Match) {
			sets = append(sets, reach.EntryBand(s, reach.RequestView(!egress), e).Must)
		}
	}
	r.named = s.Union(sets...)
	return r
}

// addBroken looks at one flow.
func addBroken(p *Pass, acl *ir.NetworkACL, r replySide, asked meanings, from, to *ir.Interface, found *[]*broken) error {
	f := r.family
	s := p.Model.Space(f)
	// What a load balancer sends on is a flow of its own: from it to its target.
	flow, err := p.Model.Ask(p.Context, reach.Question{From: from, To: to, Family: f, Direct: true})
	if err != nil {
		return err
	}
	ordinary, meant := clients(s, from), r.named
	if to != nil {
		meant = asked.of(s, to)
	}
	for _, try := range []struct {
		forward solver.Set
		certain diag.Certainty
	}{{flow.Forward.Must, diag.Definite}, {flow.Forward.Ground, diag.Possible}} {
		sent := s.Difference(s.Intersect(try.forward, ordinary, meant), r.lets)
		answered := s.Intersect(try.forward, ordinary, flow.Complete.May)
		lost := s.Difference(sent, anyClient(s, answered))
		for _, protocol := range []uint8{packet.TCP, packet.UDP, packet.ICMP, packet.ICMPv6} {
			b := solver.Everything(f)
			b.Protocol = solver.Interval{Lo: uint16(protocol), Hi: uint16(protocol)}
			header, ok, err := s.Witness(lost, s.Of(b))
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			k := slices.IndexFunc(*found, func(o *broken) bool { return o.egress == r.egress && o.header.Protocol == protocol })
			if k >= 0 {
				(*found)[k].more++
				continue
			}
			*found = append(*found, &broken{acl: acl, egress: r.egress, from: from, to: to, header: header, certain: try.certain})
		}
		if lost != solver.Empty {
			break
		}
	}
	return s.Err()
}

// anyClient forgets the client's port: a service that answers one ordinary
// client works.
func anyClient(s *solver.Space, a solver.Set) solver.Set {
	return s.Project(a, packet.FieldSrcPort)
}

// denied returns the flows whose reply a deny entry of the ACL names: somebody
// meant that.
func denied(s *solver.Space, acl *ir.NetworkACL, egress bool) solver.Set {
	var sets []solver.Set
	for _, e := range reach.Entries(acl, egress) {
		if !e.Allow.Known() || !e.Allow.V {
			sets = append(sets, reach.EntryBand(s, reach.ReplyView(egress), e).May)
		}
	}
	return s.Union(sets...)
}

// meanings keeps what specific says of each receiver: it is asked once for
// every sender.
type meanings map[meaning]solver.Set

type meaning struct {
	family packet.Family
	to     *ir.Interface
}

func (m meanings) of(s *solver.Space, to *ir.Interface) solver.Set {
	k := meaning{s.Family(), to}
	set, ok := m[k]
	if !ok {
		set = specific(s, to)
		m[k] = set
	}
	return set
}

// specific returns the requests that somebody meant to allow: named by a rule
// of the receiver's groups that says more than "everything".
func specific(s *solver.Space, to *ir.Interface) solver.Set {
	var sets []solver.Set
	for _, g := range to.Groups.Sure {
		for k := range g.Ingress {
			if r := &g.Ingress[k]; named(r.Match) && r.Maybe == nil {
				m := r.Match
				m.Peer = ir.Peer{Unknown: &ir.Unknown{}} // whoever it is: the flow already says
				sets = append(sets, s.Of(reach.Boxes(s.Family(), reach.RequestView(false), m, reach.Hi, nil)...))
			}
		}
	}
	return s.Union(sets...)
}

// named reports whether a match says what it is about: a protocol, and of TCP
// and UDP not every port.
func named(m ir.Match) bool {
	if !m.Protocol.Known() || m.Protocol.V == -1 || !m.Ports.Known() {
		return false
	}
	return m.Ports.V != ir.AllPorts || m.Protocol.V == packet.ICMP || m.Protocol.V == packet.ICMPv6
}

func reportBroken(p *Pass, b *broken) {
	way, word := "in", "let them in"
	if b.egress {
		way, word = "out", "let them out"
	}
	from, to := endName(b.from), endName(b.to)
	place := b.acl.Origin.Place("no entry lets the reply " + way)
	if es := reach.Entries(b.acl, b.egress); len(es) == 1 && !es[0].Origin.Range.IsZero() {
		place = diag.Place{Address: b.acl.Origin.Address, Range: es[0].Origin.At(ir.FieldPorts), Message: "the only way " + way + " of the subnet is " + serviceWords(&es[0].Match)}
	}
	f := diag.Finding{
		Certainty: b.certain, Family: b.header.Family(), Place: place,
		Message: fmt.Sprintf("replies to %s from %s to %s are dropped: no entry of %s would %s", serviceOf(b.header), from, to, b.acl.Origin.Address, word),
		Why:     "ACLs keep no state: a reply is a packet of its own, to the client's port. " + noneAnswered(b),
		Fix:     diag.Fix{Text: fmt.Sprintf("add to %s: %s", b.acl.Origin.Address, missingEntry(b))},
		Account: b.acl.Home.Account, Region: b.acl.Home.Region,
		Witness: &diag.Witness{Header: b.header, SrcOf: from, DstOf: to, Representative: true},
		Key:     fmt.Sprintf("%s %s", way, packet.ProtocolName(int16(b.header.Protocol))),
	}
	if b.more > 0 {
		f.Message += fmt.Sprintf(", and those of %s", count(b.more, "other flow", "other flows"))
	}
	p.Prove(f, Proof{
		Query: trace.Query{From: b.from, To: b.to, Header: b.header},
		Expect: func(r trace.Result) bool {
			if b.certain == diag.Possible {
				return r.Forward.Verdict != trace.Deny && r.Verdict != trace.Allow
			}
			return r.Forward.Verdict == trace.Allow && r.Reply.Verdict == trace.Deny
		},
	})
}

func endName(i *ir.Interface) string {
	if i == nil {
		return "the internet"
	}
	return i.Resource
}

func noneAnswered(b *broken) string {
	if b.header.Kind() != packet.Ported {
		return "The answer to this packet meets no entry that allows it"
	}
	r := clientPorts(b.from)
	return fmt.Sprintf("Of the client ports %d-%d of %s none gets a reply", r.Lo, r.Hi, endName(b.from))
}

// missingEntry spells the entry that would let the replies through.
func missingEntry(b *broken) string {
	direction, peer := "ingress", b.header.Dst
	if b.egress {
		direction, peer = "egress", b.header.Src
	}
	cidr := peer.String() + "/32"
	if peer.Is6() {
		cidr = peer.String() + "/128"
	}
	for _, i := range []*ir.Interface{b.from, b.to} {
		if i == nil {
			continue
		}
		if s, ok := i.Subnet.Known(); ok && s.IPv4.Known() && s.IPv4.V.IsValid() && s.IPv4.V.Contains(peer) {
			cidr = s.IPv4.V.String()
		}
	}
	ports := ""
	if b.header.Kind() == packet.Ported {
		ports = " 1024-65535"
	}
	return fmt.Sprintf("%s, rule_no %d, allow %s%s, %s", direction, freeNumber(b.acl, b.egress), packet.ProtocolName(int16(b.header.Protocol)), ports, cidr)
}

// freeNumber picks a number after the last entry.
func freeNumber(acl *ir.NetworkACL, egress bool) int {
	last := 0
	for _, e := range reach.Entries(acl, egress) {
		if e.Number.Known() && e.Number.V < 32767 {
			last = max(last, int(e.Number.V))
		}
	}
	return min((last/10+1)*10, 32766)
}
