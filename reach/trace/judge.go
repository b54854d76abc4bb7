package trace

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// recording reports whether hops of the trip's leg are kept.
func (w *walk) recording(t *trip) bool { return w.record && w.recordReply == t.reply }

// skips reports whether the trip's filters are not asked: see walk.bare.
func (w *walk) skips(t *trip) bool { return w.bare && !t.reply }

// check asks one judge. tell fills in the hop; it is only called when hops are
// kept, and finds the verdict there.
func (w *walk) check(t *trip, stage Stage, judge func(mode) bool, tell func(*Hop)) bool {
	pass := judge(w.m)
	if !w.recording(t) || pass && quiet(stage) && judge(pessimist) {
		return pass
	}
	h := t.hop(stage)
	switch {
	case !pass:
		h.Verdict = Deny
	case !judge(pessimist):
		h.Verdict = Unknown
	}
	tell(&h)
	settle(&h)
	w.hops = append(w.hops, h)
	return pass
}

// hop is a hop of the trip, as yet allowed.
func (t *trip) hop(stage Stage) Hop {
	h := Hop{Stage: stage, Header: t.s.header(), Verdict: Allow}
	h.SrcIn, h.DstIn = t.s.bounds()
	return h
}

// quiet stages are told only when they stop a packet or may: that a gateway is
// attached, a peering active, an address public goes without saying.
func quiet(s Stage) bool {
	switch s {
	case StageGateway, StagePeering, StageTransitGateway, StageEndpoint, StageService, StageBPA:
		return true
	case StageSGEgress, StageNACLEgress, StageRoute, StageNACLIngress, StageSGIngress, StageExempt, StageLoadBalancer, StageInvalid:
	}
	return false
}

// settle drops what does not belong to the hop's verdict.
func settle(h *Hop) {
	if h.Verdict != Deny {
		h.Code = ""
	}
	if h.Verdict != Unknown {
		h.Because = nil
	}
}

// refuse stops the packet whoever walks.
func (w *walk) refuse(t *trip, stage Stage, component, message, code string) bool {
	if w.recording(t) {
		h := t.hop(stage)
		h.Component, h.Verdict, h.Message, h.Code = component, Deny, message, code
		w.hops = append(w.hops, h)
	}
	return false
}

func (w *walk) refuseEnds(message, code string) bool {
	if w.record && !w.recordReply {
		w.hops = append(w.hops, Hop{Stage: StageEndpoint, Component: endsName(&w.q), Verdict: Deny, Message: message, Code: code, Header: w.q.Header})
	}
	return false
}

// groupsOut asks the sender's groups, once, about the first packet. Replies
// pass: groups keep state. reach says which references the first link carries.
func (w *walk) groupsOut(t *trip, reach identity) bool {
	if !t.fresh {
		return true
	}
	t.fresh = false
	i := t.src.iface
	if i == nil {
		return true
	}
	if t.reply {
		w.noteStateful(t, i, StageSGEgress)
		return true
	}
	return w.groups(t, i, true, t.farEnd(&t.goal, t.known.and(reach)))
}

func (w *walk) groupsIn(t *trip, i *ir.Interface) bool {
	return w.groups(t, i, false, t.farEnd(&t.src, t.known))
}

// farEnd is the interface that references of the other end's groups may see.
// An end behind a public address is none.
func (t *trip) farEnd(n *node, known identity) far {
	if n.iface == nil || n.slot.public {
		return far{}
	}
	return far{n.iface, known}
}

func (w *walk) groups(t *trip, i *ir.Interface, egress bool, f far) bool {
	if w.skips(t) {
		return true
	}
	stage := StageSGIngress
	if egress {
		stage = StageSGEgress
	}
	judge := func(m mode) bool {
		pass, _ := groupsPass(m, i, egress, &t.s, f)
		if !pass && m == optimist && t.opaque && !egress && t.s.family == packet.IPv4 {
			other := t.s // a gateway on the part that is not shown may have changed the source
			other.src, other.srcIn = netip.Addr{}, nil
			pass, _ = groupsPass(m, i, egress, &other, f)
		}
		return pass
	}
	return w.check(t, stage, judge, func(h *Hop) {
		if h.Interface = i; f.maybe {
			h.Far = f.iface
		}
		tellGroups(h, w.m, i, egress, &t.s, f)
		h.Over = w.rulesOver(i, egress, &t.s, f, h.SGRule)
	})
}

func (w *walk) aclOut(t *trip, at place) bool { return w.acl(t, at, true, aclCode) }
func (w *walk) aclIn(t *trip, at place) bool  { return w.acl(t, at, false, aclCode) }

// aclCode explains a denial by an ACL.
const aclCode = "SUBNET_ACL_RESTRICTION"

// acl asks the ACL of a subnet whose boundary the packet crosses; code explains
// a denial.
func (w *walk) acl(t *trip, at place, egress bool, code string) bool {
	if w.skips(t) || at.edge != nil {
		return true
	}
	stage := StageNACLIngress
	if egress {
		stage = StageNACLEgress
	}
	return w.check(t, stage, func(m mode) bool { return subnetPasses(m, at.subnet, egress, &t.s) }, func(h *Hop) {
		h.Code = code
		tellACL(h, w.m, at, egress, &t.s)
		h.Over = w.entriesOver(h.Passed, egress, &t.s)
	})
}

// subnetPasses asks every ACL that the subnet may have.
func subnetPasses(m mode, s *ir.Subnet, egress bool, seg *segment) bool {
	if s == nil || len(s.ACL.Of) == 0 || m == pessimist && s.ACL.Open != nil {
		return m == optimist
	}
	for _, a := range s.ACL.Of {
		if pass, _ := aclPasses(m, a, egress, seg); pass == bool(m) {
			return pass
		}
	}
	return m == pessimist || s.ACL.Open != nil
}

// service asks whether anything listens behind the receiver.
func (w *walk) service(t *trip, i *ir.Interface) bool {
	if w.skips(t) || i.Services == nil && !i.NoInbound && i.Kind != ir.InterfaceConnectEndpoint {
		return true
	}
	return w.check(t, StageService, func(m mode) bool { return listens(m, i, &t.s) }, func(h *Hop) { w.tellService(h, i, &t.s) })
}
