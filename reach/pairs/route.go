package pairs

import (
	"net/netip"

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
