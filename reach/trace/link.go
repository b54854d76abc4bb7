package trace

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
)

// peering crosses a VPC peering connection: it is not transitive, and leads to
// what is in the other VPC only. [whitepapers vpc-peering; vpc/peering]
func (w *walk) peering(t *trip, at place, p *ir.Peering) bool {
	g := &t.goal
	if !w.check(t, StagePeering, func(m mode) bool { return holdsTrue(m, &p.Active) }, func(h *Hop) {
		h.Component, h.Place, h.Because = peeringName(p), p.Origin.Place(""), unknowns(p.Active.Why)
		h.Message, h.Code = "active", "BAD_STATE"
		if h.Verdict == Deny {
			h.Message = "not active"
		}
	}) {
		return false
	}
	if g.outside() || g.slot.public || nat64.Contains(t.s.dst) || !w.ownPlace(t, at) {
		return w.refuse(t, StagePeering, peeringName(p), "a peering connection leads from one of its VPCs to the other, and no farther", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR")
	}
	if !w.check(t, StagePeering, func(m mode) bool { return connects(m, p, at.vpc, g.at.vpc) }, func(h *Hop) {
		h.Component, h.Place = peeringName(p), p.Origin.Place("")
		h.Because = slices.Concat(p.Requester.Unknowns(), p.Accepter.Unknowns(), unknowns(at.why, g.at.why))
		h.Message, h.Code = vpcName(at.vpc)+" to "+vpcName(g.at.vpc), "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
		if h.Verdict == Deny {
			h.Message = "does not connect " + vpcName(at.vpc) + " with " + vpcName(g.at.vpc)
		}
	}) {
		return false
	}
	t.known = t.known.and(peeringIdentity(p))
	return w.aclIn(t, g.at) && w.deliver(t)
}

// peeringIdentity: references hold over active connections within a Region.
func peeringIdentity(p *ir.Peering) identity {
	return identity{
		holdsTrue(pessimist, &p.Active) && holdsTrue(pessimist, &p.SameRegion),
		holdsTrue(optimist, &p.Active) && holdsTrue(optimist, &p.SameRegion),
		unknowns(p.Active.Why, p.SameRegion.Why), "SG_REFERENCES_NOT_PRESERVED",
	}
}

func holdsTrue(m mode, v *ir.Value[bool]) bool {
	if v.Known() {
		return v.V
	}
	return m == optimist
}

// connects reports whether a peering connection joins two VPCs.
func connects(m mode, p *ir.Peering, a, b *ir.VPC) bool {
	if m == optimist {
		return mayBe(&p.Requester, a) && mayBe(&p.Accepter, b) || mayBe(&p.Requester, b) && mayBe(&p.Accepter, a)
	}
	r, ok := p.Requester.Known()
	c, also := p.Accepter.Known()
	return ok && also && a != nil && b != nil && (r == a && c == b || r == b && c == a)
}

func mayBe(c *ir.Choice[*ir.VPC], v *ir.VPC) bool {
	return v == nil || possible(c, v)
}

// appliance passes an interface that a route points at, and that forwards what
// it gets. References to groups do not hold through it.
// [VPC security-group-rules.md; route-table-options.md]
func (w *walk) appliance(t *trip, at place, i *ir.Interface) bool {
	if t.goal.iface == i && !t.goal.slot.public && !nat64.Contains(t.s.dst) {
		return w.aclIn(t, t.goal.at) && w.deliver(t)
	}
	if t.src.iface == i {
		return w.refuse(t, StageRoute, placeName(at), "the routes lead back to "+interfaceName(i), "NO_PATH")
	}
	if !w.check(t, StageEndpoint, func(m mode) bool { return forwards(m, i) }, func(h *Hop) {
		h.Component, h.Place, h.Because = interfaceName(i), i.Origin.Place(""), unknowns(i.SourceDestCheck.Why, i.Maybe)
		h.Message, h.Code = "forwards", "ENI_SOURCE_DEST_CHECK_RESTRICTION"
		if h.Verdict == Deny {
			h.Message = "its source/destination check drops what is not its own"
		}
	}) {
		return false
	}
	if (t.goal.outside() || t.goal.slot.public) && !(t.reply && slices.Contains(t.via, i)) {
		// What came through it unchanged goes back unchanged.
		return w.opaque(t, at, notModelled(&i.Origin, "whether "+interfaceName(i)+" translates addresses is not modelled"))
	}
	t.known = identity{}
	return w.places(i, slot{public: true}, netip.Addr{}, func(p place) bool {
		u := *t
		return w.applianceAt(&u, at, i, p)
	})
}

// forwards reports whether an interface takes packets that are not its own.
func forwards(m mode, i *ir.Interface) bool {
	if i.Maybe != nil && m == pessimist {
		return false
	}
	if i.SourceDestCheck.Known() {
		return !i.SourceDestCheck.V
	}
	return m == optimist
}

func (w *walk) applianceAt(t *trip, at place, i *ir.Interface, p place) bool {
	if (at.edge != nil || p.subnet != at.subnet) && !w.aclIn(t, p) {
		return false
	}
	if !slices.Contains(t.via, i) { // else its groups know the flow
		if !w.groups(t, i, false, far{}) || !w.groups(t, i, true, far{}) {
			return false
		}
		if !t.reply {
			t.via = append(slices.Clip(t.via), i)
		}
	}
	return w.depart(t, p)
}
