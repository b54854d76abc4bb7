package pairs

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// transit is the way through a transit gateway. Where an attachment has several
// subnets that a packet may pass, all must be alike. [vpc/tgw; tgw-nacls]
func (r *router) transit(from, to *end, g *ir.TransitGateway) leg {
	in, f := r.attachment(g, from.vpc)
	if f != passes {
		return leg{fate: f}
	}
	l := leg{fate: passes, entry: -1, exit: -1, in: true}
	if f := r.enter(&l, in, from.subnet); f != passes {
		return leg{fate: f}
	}
	out, f := r.next(g, in, to.addr)
	if f != passes {
		return leg{fate: f}
	}
	switch isVPC(&out.VPC, to.vpc) {
	case no:
		if r.deadBehind(out, to.addr) {
			return leg{fate: dropped}
		}
		return leg{fate: other}
	case maybe:
		return leg{fate: other}
	case yes:
	}
	l.refsIn = min(truthOf(&g.GroupReferences), truthOf(&in.GroupReferences), truthOf(&out.GroupReferences))
	if f := r.leave(&l, out, to); f != passes {
		return leg{fate: f}
	}
	return l
}

// attachment finds the VPC's one attachment to a gateway.
func (r *router) attachment(g *ir.TransitGateway, v *ir.VPC) (*ir.Attachment, fate) {
	var found *ir.Attachment
	possible := g.Open != nil
	for _, a := range g.Attachments {
		switch isVPC(&a.VPC, v) {
		case yes:
			if found != nil {
				return nil, other
			}
			found = a
		case maybe:
			possible = true
		case no:
		}
	}
	switch {
	case found != nil:
		return found, passes
	case possible:
		return nil, other
	}
	return nil, dropped
}

// enter notes the ACL of the attachment's subnet in the sender's zone.
func (r *router) enter(l *leg, a *ir.Attachment, near *ir.Subnet) fate {
	if len(a.Subnets.Maybe) > 0 || a.Subnets.Open != nil {
		return other
	}
	if len(a.Subnets.Sure) == 0 {
		return passes
	}
	found := false
	for _, s := range a.Subnets.Sure {
		if s != near && s.Zone != "" && near.Zone != "" && s.Zone != near.Zone {
			continue
		}
		acl := r.acl[s]
		if found && acl != l.entry {
			return other
		}
		found, l.entry = true, acl
	}
	if !found {
		return other
	}
	return passes
}

// leave notes the ACL of the attachment's subnet on the other side. A packet
// that comes out in its goal's own subnet meets no ACL at all.
func (r *router) leave(l *leg, a *ir.Attachment, to *end) fate {
	if len(a.Subnets.Maybe) > 0 || a.Subnets.Open != nil {
		return other
	}
	for k, s := range a.Subnets.Sure {
		exit, in := int32(-1), false
		if s != to.subnet {
			route, f := r.lookup(s, to.addr)
			if f != passes {
				return other
			}
			if t, _ := route.Target.Known(); t.Kind != ir.TargetLocal {
				return other
			}
			exit, in = r.acl[s], true
		}
		if k > 0 && (exit != l.exit || in != l.in) {
			return other
		}
		l.exit, l.in = exit, in
	}
	return passes
}

// deadBehind reports whether an attachment's subnets, in a VPC that is not the
// goal's, surely drop what is sent to an address.
func (r *router) deadBehind(a *ir.Attachment, to netip.Addr) bool {
	if len(a.Subnets.Maybe) > 0 || a.Subnets.Open != nil || len(a.Subnets.Sure) == 0 {
		return false
	}
	return !slices.ContainsFunc(a.Subnets.Sure, func(s *ir.Subnet) bool { return !r.dead(s, to) })
}

// next finds the attachment that a gateway sends a packet to.
func (r *router) next(g *ir.TransitGateway, in *ir.Attachment, to netip.Addr) (*ir.Attachment, fate) {
	table := &ir.TransitTable{Propagated: g.Attachments, Open: g.Open}
	if len(g.Tables) > 0 {
		table = nil
		for _, t := range g.Tables {
			if !slices.Contains(t.Associated, in) {
				continue
			}
			if table != nil {
				return nil, other
			}
			table = t
		}
		if table == nil {
			return nil, dropped
		}
	}
	if table.Open != nil {
		return nil, other
	}
	var best candidates
	for k := range table.Routes {
		sure, may := rankOf(&table.Routes[k].Destination, to, false)
		best.add(k, sure, may)
	}
	for k, a := range table.Propagated {
		sure, may := r.propagated(a, to)
		best.add(len(table.Routes)+k, sure, may)
	}
	k, f := best.settled()
	if f != passes {
		return nil, f
	}
	if k >= len(table.Routes) {
		return table.Propagated[k-len(table.Routes)], passes
	}
	to2 := &table.Routes[k].Attachment
	if a, ok := to2.Known(); ok {
		return a, passes
	}
	if len(to2.Of) == 0 && to2.Open == nil {
		return nil, dropped
	}
	return nil, other
}

// propagated ranks the CIDRs of an attachment's VPC.
func (r *router) propagated(a *ir.Attachment, to netip.Addr) (sure, may int) {
	v, ok := a.VPC.Known()
	if !ok {
		if len(a.VPC.Of) == 0 && a.VPC.Open == nil {
			return -1, -1
		}
		return -1, rankLongest
	}
	cidrs := v.IPv4
	if r.family == packet.IPv6 {
		cidrs = v.IPv6
	}
	if v.More != nil || !v.Seen && len(cidrs) == 0 || slices.ContainsFunc(cidrs, func(c ir.Value[netip.Prefix]) bool { return !c.Known() }) {
		return -1, rankLongest
	}
	best := -1
	for _, c := range cidrs {
		best = max(best, rankOfCIDR(c.V, to, 0))
	}
	return best, best
}
