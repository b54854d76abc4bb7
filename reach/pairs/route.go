package pairs

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// truth is an answer that may be unknown.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

func truthOf(v *ir.Value[bool]) truth {
	switch {
	case !v.Known():
		return maybe
	case v.V:
		return yes
	}
	return no
}

// sameVPC tells whether two VPCs are one; of one that is only named that is
// not always known.
func sameVPC(a, b *ir.VPC) truth {
	switch {
	case a == nil || b == nil:
		return maybe
	case a == b:
		return yes
	case a.Seen && b.Seen, a.ID != "" && b.ID != "" && a.ID != b.ID:
		return no
	}
	return maybe
}

func isVPC(c *ir.Choice[*ir.VPC], v *ir.VPC) truth {
	if o, ok := c.Known(); ok {
		return sameVPC(o, v)
	}
	for _, o := range c.Of {
		if sameVPC(o, v) != no {
			return maybe
		}
	}
	if c.Open != nil {
		return maybe
	}
	return no
}

// fate is what routes do with a packet.
type fate uint8

const (
	dropped fate = iota // nothing brings it to its goal
	passes              // it arrives, past the ACLs of the leg
	other               // not one of these, or not known: Flow is asked
)

// leg is one direction between two subnets. Beside the ACL of the subnet that
// is left, which always looks at the destination, a packet meets those of a
// transit gateway's subnets, and that of the subnet that it comes to.
type leg struct {
	fate  fate
	entry int32 // ACL choice that looks at the source on the way into a transit gateway; -1: none
	exit  int32 // likewise at the destination on the way out of it
	in    bool  // the ACL of the goal's subnet looks at the source
	// refsOut and refsIn tell whether references to groups hold in the rules of
	// the sender and of the receiver.
	refsOut, refsIn truth
}

// end is one end of a leg: where it stands, and an address of it.
type end struct {
	subnet *ir.Subnet
	vpc    *ir.VPC
	addr   netip.Addr
}

// router answers where routes lead.
type router struct {
	net    *ir.Network
	family packet.Family
	acl    map[*ir.Subnet]int32 // numbers of ACL choices
}

func newRouter(t *Table) *router { return &router{t.net, t.family, t.aclOf} }

// leg finds the way from one end to another in a different subnet.
func (r *router) leg(from, to *end) leg {
	drop, odd := leg{fate: dropped}, leg{fate: other}
	route, f := r.lookup(from.subnet, to.addr)
	if f != passes {
		return leg{fate: f}
	}
	target, _ := route.Target.Known()
	switch target.Kind {
	case ir.TargetLocal:
		switch sameVPC(from.vpc, to.vpc) {
		case yes:
			return leg{fate: passes, entry: -1, exit: -1, in: true, refsOut: yes, refsIn: yes}
		case no:
			return drop
		case maybe:
		}
		return odd
	case ir.TargetPeering:
		return r.peering(from, to, target.Peering)
	case ir.TargetTransitGateway:
		if target.TransitGateway == nil || sameVPC(from.vpc, to.vpc) != no {
			return odd
		}
		return r.transit(from, to, target.TransitGateway)
	case ir.TargetGateway:
		if target.Gateway != nil && r.leadsNowhere(route, target.Gateway, from, to) {
			return drop
		}
	case ir.TargetInterface, ir.TargetOther, ir.TargetInvalid:
	}
	return odd
}

// leadsNowhere reports whether a gateway surely brings no packet to a private
// address. The internet routes to none in IPv4. What a NAT gateway sends on
// goes where the routes of its own subnet lead; that the next hop drops it is
// all that is seen here. A gateway endpoint leads to its service only.
func (r *router) leadsNowhere(route *ir.Route, g *ir.Gateway, from, to *end) bool {
	switch g.Kind {
	case ir.InternetGateway, ir.EgressOnlyGateway:
		return r.family == packet.IPv4
	case ir.VPCEndpoint:
		return route.Destination.PrefixList != nil
	case ir.NATGateway:
		s, ok := g.Subnet.Known()
		return ok && r.family == packet.IPv4 && s != to.subnet && s != from.subnet && r.dead(s, to.addr)
	case ir.VirtualPrivateGateway, ir.LoadBalancerEndpoint, ir.OtherGateway, ir.GatewayInvalid:
	}
	return false
}

// dead reports whether a subnet's routes surely drop what is sent to an
// address, or send it to the internet, which drops it.
func (r *router) dead(s *ir.Subnet, to netip.Addr) bool {
	route, f := r.lookup(s, to)
	if f != passes {
		return f == dropped
	}
	t, _ := route.Target.Known()
	return r.family == packet.IPv4 && t.Kind == ir.TargetGateway && t.Gateway != nil &&
		(t.Gateway.Kind == ir.InternetGateway || t.Gateway.Kind == ir.EgressOnlyGateway)
}

func (r *router) peering(from, to *end, p *ir.Peering) leg {
	if p == nil {
		return leg{fate: other}
	}
	joins := max(
		min(isVPC(&p.Requester, from.vpc), isVPC(&p.Accepter, to.vpc)),
		min(isVPC(&p.Requester, to.vpc), isVPC(&p.Accepter, from.vpc)),
	)
	switch min(joins, truthOf(&p.Active)) {
	case no:
		return leg{fate: dropped}
	case yes:
		id := truthOf(&p.SameRegion)
		return leg{fate: passes, entry: -1, exit: -1, in: true, refsOut: id, refsIn: id}
	case maybe:
	}
	return leg{fate: other}
}

// lookup finds the route that a subnet's packets to an address take: dropped
// when there is none or it is a blackhole, other when that is not known.
func (r *router) lookup(s *ir.Subnet, a netip.Addr) (*ir.Route, fate) {
	table, ok := s.RouteTable.Known()
	if !ok || table.Open != nil {
		return nil, other
	}
	var best candidates
	for k := range table.Routes {
		route := &table.Routes[k]
		sure, may := rankOf(&route.Destination, a, route.Propagated)
		if route.Maybe != nil {
			sure = -1
		}
		best.add(k, sure, may)
	}
	k, f := best.settled()
	if f != passes {
		return nil, f
	}
	route := &table.Routes[k]
	if !route.Blackhole.Known() {
		return nil, other
	}
	if route.Blackhole.V {
		return nil, dropped
	}
	if _, ok := route.Target.Known(); !ok {
		return nil, other
	}
	return route, passes
}

// candidates are the routes that may match an address best.
type candidates struct {
	all []candidate
	top int // the highest rank that one surely has, and 1
}

type candidate struct{ k, may int }

func (c *candidates) add(k, sure, may int) {
	if may >= 0 {
		c.all = append(c.all, candidate{k, may})
		c.top = max(c.top, sure+1)
	}
}

// settled returns the one that surely is the best.
func (c *candidates) settled() (int, fate) {
	found := -1
	for _, o := range c.all {
		if o.may < c.top-1 {
			continue
		}
		if found >= 0 {
			return 0, other
		}
		found = o.k
	}
	switch {
	case found < 0:
		return 0, dropped
	case c.top == 0:
		return 0, other
	}
	return found, passes
}

// The ranks of destinations: the longest prefix wins; of equal ones a static
// CIDR, then a static prefix list, then a propagated one.
// [VPC VPC_Route_Tables.md]
const (
	rankStep    = 4
	rankList    = 1
	rankStatic  = 2
	rankLongest = 129 * rankStep
)

// rankOf returns the rank that a destination surely has for an address, and
// the highest that it may have; -1 where it does not match.
func rankOf(d *ir.Peer, a netip.Addr, propagated bool) (sure, may int) {
	class := rankStatic
	if propagated {
		class = 0
	}
	switch {
	case d.Unknown != nil:
		if d.Family == packet.FamilyInvalid || d.Family == packet.FamilyOf(a) {
			return -1, rankLongest
		}
	case d.PrefixList != nil:
		best := -1
		for _, c := range d.PrefixList.CIDRs {
			best = max(best, rankOfCIDR(c, a, min(class, rankList)))
		}
		if d.PrefixList.MayHoldMore(a, packet.FamilyOf(a)) {
			return best, rankLongest
		}
		return best, best
	case d.CIDR.IsValid():
		rank := rankOfCIDR(d.CIDR, a, class)
		return rank, rank
	}
	return -1, -1
}

func rankOfCIDR(c netip.Prefix, a netip.Addr, class int) int {
	if !c.Contains(a) {
		return -1
	}
	return c.Bits()*rankStep + class
}

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
