package trace

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Run walks the query's header and, when the request may arrive, its reply.
func Run(n *ir.Network, q Query) Result {
	r := Result{Header: q.Header}
	verdict, only := decide(n, q)
	var why []*ir.Unknown
	r.Forward, only, why = leg(n, q, false, only)
	if r.Forward.Verdict == Deny {
		r.Verdict = Deny
		return r
	}
	reply, needed := ReplyHeader(q.Header)
	if needed {
		var more []*ir.Unknown
		r.Reply, _, more = leg(n, q, true, only)
		r.Reply.Header = replyFirst(&r.Reply, reply)
		why = append(why, more...)
	} else {
		r.Reply = Leg{Verdict: Allow, NotNeeded: true}
	}
	// Both legs may pass, each for values of its own that the unknowns have:
	// the verdict is about both at once.
	r.Verdict = verdict
	if r.Verdict == Unknown {
		r.Because = because(&r, why)
	}
	return r
}

// Decide is Run's verdict alone, without hops: what certificates and samples
// are checked with.
func Decide(n *ir.Network, q Query) Verdict {
	v, _ := decide(n, q)
	return v
}

// decide walks the complete flow. It also returns the options by which it
// passes, where it does.
func decide(n *ir.Network, q Query) (Verdict, []int) {
	w := walk{n: n, q: q, m: pessimist, complete: true}
	if w.flow() {
		return Allow, w.picks
	}
	w = walk{n: n, q: q, m: optimist, complete: true}
	if w.flow() {
		return Unknown, w.picks
	}
	return Deny, nil
}

// leg judges one direction, by the options of only where it has some, and
// returns those that it took. That of the reply does not ask the request's
// filters: it says what the reply meets by itself.
func leg(n *ir.Network, q Query, reply bool, only []int) (Leg, []int, []*ir.Unknown) {
	w := walk{n: n, q: q, m: pessimist, complete: reply, bare: reply, record: true, recordReply: reply, only: only}
	l := Leg{Header: q.Header}
	if w.flow() {
		l.Verdict, l.Hops = Allow, w.hops
		return l, w.picks, nil
	}
	w = walk{n: n, q: q, m: optimist, complete: reply, bare: reply, record: true, recordReply: reply, only: only}
	l.Verdict = Deny
	if w.flow() {
		l.Verdict = Unknown
	}
	l.Hops = w.hops
	return l, w.picks, w.why
}

// replyFirst is the reply's header on its first segment.
func replyFirst(l *Leg, otherwise packet.Header) packet.Header {
	if len(l.Hops) > 0 {
		return l.Hops[0].Header
	}
	return otherwise
}

// because collects what the verdict waits for: of the hops that are unknown,
// and of what divides the way. Repetitions are dropped; the order is by place.
func because(r *Result, why []*ir.Unknown) []*ir.Unknown {
	for _, l := range []*Leg{&r.Forward, &r.Reply} {
		for k := range l.Hops {
			why = append(why, l.Hops[k].Because...)
		}
	}
	if len(why) == 0 {
		why = append(why, undecided())
	}
	slices.SortStableFunc(why, func(a, b *ir.Unknown) int {
		return cmp.Or(
			a.Cause.Range.Compare(b.Cause.Range), cmp.Compare(a.Term, b.Term),
			cmp.Compare(a.Cause.Address, b.Cause.Address), cmp.Compare(a.Cause.Message, b.Cause.Message), cmp.Compare(a.Cause.Code, b.Cause.Code),
		)
	})
	return slices.CompactFunc(why, func(a, b *ir.Unknown) bool { return a == b || *a == *b })
}

// Groups asks the security groups of one interface about the first packet of a
// flow. peer is the interface at the other end when it may be seen by
// references: reached by its private address, not through an appliance; nil for
// any other. Whether the link between the two carries references is found from
// their VPCs and the connections between them.
func Groups(n *ir.Network, i *ir.Interface, egress bool, h packet.Header, peer *ir.Interface) Verdict {
	s := segmentOf(h)
	f := far{}
	if peer != nil {
		f = connection(n, i, peer, egress)
	}
	return ofModes(func(m mode) bool {
		if egress && someExempt(i, s.dst, bool(m)) {
			return true
		}
		pass, _ := groupsPass(m, i, egress, &s, f)
		return pass
	})
}

// ACL asks one network ACL about one packet that leaves (egress) or enters a
// subnet.
func ACL(a *ir.NetworkACL, egress bool, h packet.Header) Verdict {
	s := segmentOf(h)
	return ofModes(func(m mode) bool {
		pass, _ := aclPasses(m, a, egress, &s)
		return pass
	})
}

func ofModes(pass func(mode) bool) Verdict {
	switch {
	case pass(pessimist):
		return Allow
	case pass(optimist):
		return Unknown
	default:
		return Deny
	}
}

// someExempt reports whether an interface's packets to an address are never
// filtered, in all (or, wide, in some) of the places it may be in.
func someExempt(i *ir.Interface, a netip.Addr, wide bool) bool {
	if i.Subnet.Open != nil {
		return exempt(place{}, a, wide)
	}
	for _, s := range i.Subnet.Of {
		v, _ := s.VPC.Known()
		if exempt(place{subnet: s, vpc: v}, a, wide) == wide {
			return wide
		}
	}
	return !wide && len(i.Subnet.Of) > 0
}

// connection says what references see between two interfaces.
func connection(n *ir.Network, i, peer *ir.Interface, egress bool) far {
	v, ok := vpcOf(i)
	w, also := vpcOf(peer)
	if !ok || !also {
		return far{peer, identity{maybe: true}}
	}
	if v == w {
		return far{peer, plain()}
	}
	f := far{iface: peer}
	for _, p := range n.Peerings {
		id := peeringIdentity(p)
		f.sure = f.sure || id.sure && connects(pessimist, p, v, w)
		f.maybe = f.maybe || id.maybe && connects(optimist, p, v, w)
	}
	for _, g := range n.TransitGateways {
		if egress {
			break
		}
		for _, a := range g.Attachments {
			for _, b := range g.Attachments {
				id := transitIdentity(g, a, b)
				f.sure = f.sure || id.sure && ofVPC(pessimist, a, v) && ofVPC(pessimist, b, w)
				f.maybe = f.maybe || id.maybe && ofVPC(optimist, a, v) && ofVPC(optimist, b, w)
			}
		}
	}
	return f
}
