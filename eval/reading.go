package eval

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// A record can mean several packets: a row may be a request or a reply, an
// address may be held by one interface or another, ICMP may be of any type. All
// of them are walked, and a verdict that they do not share is unknown.

// tally is what the walks of one reading say together.
type tally struct {
	any     bool
	verdict trace.Verdict
	reason  Reason
	// depth is how far the deepest denial lies behind the sender.
	depth int
	walks int
}

// maxWalks bounds the walks for one record.
const maxWalks = 4096

// add joins the answer of one more walk.
func (t *tally) add(r Reason, depth int) {
	switch {
	case !t.any:
		*t = tally{true, r.Verdict, r, depth, t.walks}
		return
	case t.verdict == trace.Unknown && t.reason.Cause != differ:
	case r.Verdict == trace.Unknown:
		t.verdict, t.reason = trace.Unknown, r
	case t.verdict != r.Verdict:
		t.verdict, t.reason = trace.Unknown, unknown(differ)
	}
	t.depth = max(t.depth, depth)
}

var (
	differ = diag.Cause{Code: diag.NotInInput, Message: "the record fits several packets, and their verdicts differ"}
	begins = diag.Cause{Code: diag.NotInInput, Message: "the row does not tell which end began the flow, and the verdicts differ"}
	absent = diag.Cause{Code: diag.NotInInput, Message: "neither address belongs to the network"}
	other  = diag.Cause{Code: diag.NotInInput, Message: "the row is of a VPC that is not in the network"}
	onWay  = diag.Cause{Code: diag.NotInInput, Message: "seen on its way, at an interface that is neither end: without pkt-srcaddr and pkt-dstaddr the ends are not told"}
	nat    = diag.Cause{Code: diag.NotInInput, Message: "seen at a NAT gateway: without pkt-srcaddr and pkt-dstaddr the ends are not told"}
	ofNAT  = diag.Cause{Code: diag.NotModelled, Message: "the address is a NAT gateway's, and whose packet it was is not told"}
	many   = diag.Cause{Code: diag.Limit, Message: "the record fits too many packets"}
	client = diag.Cause{Code: diag.NotModelled, Message: "a network load balancer may have kept the client's address"}
	hidden = diag.Cause{Code: diag.NotInInput, Message: "the private address behind the public one is not in the input"}
)

func unknown(c diag.Cause) Reason { return Reason{Verdict: trace.Unknown, Cause: c} }

// judge answers a record that has not been met before.
func (j *Judge) judge(k key, r *record.Record) Answer {
	from, to := j.who(r)
	var at *ir.Interface
	if i := k.scope(); r.Flow && i > 0 {
		at = j.n.Interfaces[i-1]
	}
	side := side(at, from, to)
	if at != nil {
		from, to = narrow(from, at, side == record.AtSender), narrow(to, at, side == record.AtReceiver)
	}
	a := Answer{From: j.label(labelOf(from)), To: j.label(labelOf(to))}
	if cause := j.unfit(r, at, from, to); cause != (diag.Cause{}) {
		a.Decision = j.decision(unknown(cause))
		return a
	}
	b := k.begun()
	a.Reply = b == byDestination
	var request, reply tally
	if b == byEither && !r.AnyType && !j.recorded {
		// Most rows are a request read one way and nonsense read the other.
		q := reading{j: j, r: r, quick: true}
		q.flow(&request, r.Header(), from, to)
		q.flow(&reply, reversed(r.Header()), to, from)
		if request.verdict != reply.verdict {
			a.Decision = j.decision(unknown(begins))
			return a
		}
		request, reply = tally{}, tally{}
	}
	q := reading{j: j, r: r}
	if b != byDestination {
		q.flow(&request, r.Header(), from, to)
	}
	if b != bySource {
		q.flow(&reply, reversed(r.Header()), to, from)
	}
	switch {
	case b == bySource:
		a.Decision = j.decision(request.reason)
	case b == byDestination:
		a.Decision = j.decision(reply.reason)
	case request.verdict == reply.verdict:
		a.Decision = j.decision(request.reason)
	default:
		a.Decision = j.decision(unknown(begins))
	}
	if j.recorded && b == byEither {
		a.fits = fitting(side, at != nil, &request, &reply)
	}
	if r.Flow && a.Verdict == trace.Deny {
		a.breaks = breaks(side, at != nil, b, &request, &reply)
	}
	return a
}

// reading walks what a record may mean.
type reading struct {
	j *Judge
	r *record.Record
	// quick: only the verdicts count, and the rules that let something pass.
	quick bool
}

// reversed is the request that a row answers, if it is a reply.
func reversed(h packet.Header) packet.Header {
	h.Src, h.Dst = h.Dst, h.Src
	if h.Kind() == packet.Ported {
		h.SrcPort, h.DstPort = h.DstPort, h.SrcPort
	}
	return h
}

// who finds the ends of a record.
func (j *Judge) who(r *record.Record) (from, to []holder) {
	from, to = j.holders(r.Src), j.holders(r.Dst)
	if r.Flow {
		return from, to
	}
	if len(r.From) > 0 {
		from, _ = j.ends.named(string(r.From))
	}
	if len(r.To) > 0 {
		to, _ = j.ends.named(string(r.To))
	}
	return from, to
}

// side finds on which side of its packets a row was observed: from its
// interface when that is given, else from which end has interfaces at all. Of
// what was observed on the way, that the sender's filters let it pass is sure.
func side(at *ir.Interface, from, to []holder) record.Side {
	switch {
	case at != nil && !holds(from, at) && holds(to, at), at == nil && allOutside(from) && !allOutside(to):
		return record.AtReceiver
	default:
		return record.AtSender
	}
}

// unfit says why a row cannot be judged.
func (j *Judge) unfit(r *record.Record, at *ir.Interface, from, to []holder) diag.Cause {
	switch {
	case !r.Flow:
	case len(r.VPC) > 0 && len(j.ends.vpcs) > 0 && !j.ends.vpcs[string(r.VPC)]:
		return other
	case r.Own:
	case ofGateway(from) || ofGateway(to):
		return nat
	case at != nil && !holds(from, at) && !holds(to, at):
		return onWay
	}
	return diag.Cause{}
}

func holds(hs []holder, i *ir.Interface) bool {
	return slices.ContainsFunc(hs, func(h holder) bool { return h.iface == i })
}

func ofGateway(hs []holder) bool {
	return slices.ContainsFunc(hs, func(h holder) bool {
		return h.kind == natted || h.iface != nil && h.iface.Kind == ir.InterfaceNATGateway
	})
}

func allOutside(hs []holder) bool {
	return !slices.ContainsFunc(hs, func(h holder) bool { return h.kind != outside })
}

// narrow keeps the interface that a row was observed at.
func narrow(hs []holder, i *ir.Interface, here bool) []holder {
	if !here || !holds(hs, i) {
		return hs
	}
	return slices.DeleteFunc(slices.Clone(hs), func(h holder) bool { return h.iface != i })
}

func labelOf(hs []holder) string {
	switch len(hs) {
	case 0:
		return "nothing"
	case 1:
		return hs[0].label()
	default:
		return "one of several"
	}
}

// flow walks every packet that a reading may mean.
func (q *reading) flow(t *tally, h packet.Header, from, to []holder) {
	for _, s := range from {
		for _, d := range beside(s, to) {
			if !q.r.AnyType {
				q.pair(t, h, s, d)
				continue
			}
			types := q.j.classes.icmp
			if !h.Src.Is4() {
				types = q.j.classes.icmp6
			}
			for _, typeCode := range types.some {
				h.DstPort = typeCode
				q.pair(t, h, s, d)
			}
		}
	}
}

// beside keeps the candidates in the sender's own VPC, if there are any: its
// local route leads nowhere else.
func beside(s holder, to []holder) []holder {
	v := vpcOf(s)
	if v == nil || len(to) < 2 {
		return to
	}
	var near []holder
	for _, d := range to {
		if d.kind != publicly && vpcOf(d) == v {
			near = append(near, d)
		}
	}
	if len(near) == 0 {
		return to
	}
	return near
}

// pair walks one packet between two ends, by every way that a row may have
// come.
func (q *reading) pair(t *tally, h packet.Header, s, d holder) {
	if t.walks++; t.walks > maxWalks {
		t.add(unknown(many), 0)
		return
	}
	switch {
	case s.kind == outside && d.kind == outside:
		t.add(unknown(absent), 0)
		return
	case s.kind == natted || d.kind == natted:
		t.add(unknown(ofNAT), 0)
		return
	case s.kind == nobody || d.kind == nobody:
		t.add(nowhere(s, d), onTheWay)
		return
	}
	viaInternet := h.Src.Is4() && onInternet(h.Src)
	if q.r.Flow && s.kind == publicly {
		if s.addr == nil || !s.addr.Private.Known() {
			t.add(unknown(hidden), 0)
			return
		}
		h.Src = s.addr.Private.V
	}
	if !q.r.Flow || d.kind != privately || !viaInternet {
		t.add(q.walk(h, s, d))
		return
	}
	q.fromInternet(t, h, s, d)
}

// nowhere is the answer about an address that no interface has.
func nowhere(s, d holder) Reason {
	r := Reason{Verdict: trace.Deny, Stage: trace.StageEndpoint, Code: "NO_POSSIBLE_DESTINATION", Component: d.label(), Message: "no interface has the destination"}
	if s.kind == nobody {
		r.Component, r.Message = s.label(), "no interface has the source"
	}
	return r
}

// fromInternet walks a row's packet from an internet address to an interface.
// Rows show the private address of the receiver, behind the internet gateway,
// where the sender wrote the public one. [VPC flow-log-records.md, dstaddr]
func (q *reading) fromInternet(t *tally, h packet.Header, s, d holder) {
	reason, depth := q.walk(h, s, d) // by a private link
	if d.addr != nil && (!d.addr.Public.Exists.Known() || d.addr.Public.Exists.V) {
		public, ok := q.j.publicOf(d)
		if !ok {
			t.add(unknown(hidden), 0)
			return
		}
		h.Dst = public
		byGateway, deep := q.walk(h, s, d)
		switch {
		case reason.Verdict == trace.Deny:
			reason, depth = byGateway, deep
		case byGateway.Verdict != reason.Verdict:
			reason, depth = unknown(differ), 0
		}
	}
	if reason.Verdict == trace.Deny && q.j.ends.balanced {
		reason, depth = unknown(client), 0
	}
	t.add(reason, depth)
}

// publicOf is the public address that goes with a private one, or one that it
// may be.
func (j *Judge) publicOf(d holder) (netip.Addr, bool) {
	p := &d.addr.Public
	if p.Addr.Known() && p.Addr.V.IsValid() {
		return p.Addr.V, true
	}
	for last := range byte(16) {
		a := netip.AddrFrom4([4]byte{198, 51, 100, 1 + last})
		if trace.Holds(j.n, d.iface, a) != trace.Deny {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// walk walks one header.
func (q *reading) walk(h packet.Header, s, d holder) (Reason, int) {
	question := trace.Query{From: s.end(h.Src), To: d.end(h.Dst), Header: h}
	if q.quick {
		if v := trace.Decide(q.j.n, question); v != trace.Allow {
			return Reason{Verdict: v}, 0
		}
	}
	result := trace.Run(q.j.n, question)
	q.j.mark(&result)
	return reasonOf(&result), depthOf(&result)
}

// How far behind its sender a flow is denied.
const (
	bySender    = iota // by the sender's own filters
	onTheWay           // farther on the request's way
	atService          // by what listens, or does not, behind the receiver
	byResponder        // by the responder's own ACL, on the way back
	onTheWayBack
)

func depthOf(r *trace.Result) int {
	l, own, beyond := &r.Forward, bySender, onTheWay
	if r.Forward.Verdict != trace.Deny {
		l, own, beyond = &r.Reply, byResponder, onTheWayBack
	}
	for k := range l.Hops {
		h := &l.Hops[k]
		if h.Verdict != trace.Deny && h.Stage == trace.StageSGEgress {
			continue
		}
		if h.Verdict == trace.Deny && (h.Stage == trace.StageSGEgress || h.Stage == trace.StageNACLEgress) {
			return own
		}
		break
	}
	if n := len(l.Hops); n > 0 && l.Hops[n-1].Stage == trace.StageService {
		return atService
	}
	return beyond
}

// proved is how deep the denial of a flow may lie for an accepted row to show
// that the flow passed there.
func proved(reply bool, at record.Side) int {
	switch {
	case reply && at == record.AtReceiver:
		return onTheWayBack
	case reply:
		return byResponder
	case at == record.AtReceiver:
		return onTheWay
	default:
		return bySender
	}
}

// breaks decides for each side of observation whether an accepted row shows that
// its flow passed what now denies it. A row shows less than it seems: one at its
// sender was accepted by the sender's filters, whatever the receiver does. So
// with an unchanged configuration nothing breaks. sure: found is the side, and
// else only where the row does not tell.
func breaks(found record.Side, sure bool, b begun, request, reply *tally) (out [3]bool) {
	for side := range out {
		at := record.Side(side)
		if sure || at == record.SideUnknown {
			at = found
		}
		out[side] = (b == byDestination || request.depth <= proved(false, at)) && (b == bySource || reply.depth <= proved(true, at))
	}
	return out
}
