package trace

import (
	"github.com/postern-dev/postern/ir"
)

// groupsPass asks the groups of an interface about a first packet. It returns
// the rule that allows it; a pass without a rule is one that nothing filters,
// or one that an unknown rule may give.
func groupsPass(m mode, i *ir.Interface, egress bool, s *segment, f far) (bool, *ir.Rule) {
	g := &i.Groups
	if unfiltered(i) {
		return true, nil
	}
	for _, sg := range g.Sure {
		if ok, r := groupAllows(sg, egress, s, f, bool(m)); ok {
			return true, r
		}
	}
	if m == pessimist {
		return alwaysSomeGroup(i, egress, s, f), nil
	}
	for _, sg := range g.Maybe {
		if ok, r := groupAllows(sg.V, egress, s, f, true); ok {
			return true, r
		}
	}
	return g.Open != nil || len(g.Sure) == 0 && mayLackGroups(i.Kind), nil
}

// unfiltered: an interface that surely carries no group is not filtered at all.
// [elasticloadbalancing network/load-balancer-security-groups; VPC vpc-nat-gateway]
func unfiltered(i *ir.Interface) bool {
	return len(i.Groups.Sure) == 0 && len(i.Groups.Maybe) == 0 && i.Groups.Open == nil
}

// alwaysSomeGroup: an interface whose groups are all uncertain carries at least
// one of them, because its kind always does. It lets pass what each of them
// alone would.
func alwaysSomeGroup(i *ir.Interface, egress bool, s *segment, f far) bool {
	g := &i.Groups
	if len(g.Sure) > 0 || len(g.Maybe) == 0 || g.Open != nil || mayLackGroups(i.Kind) {
		return false
	}
	for _, sg := range g.Maybe {
		if ok, _ := groupAllows(sg.V, egress, s, f, false); !ok {
			return false
		}
	}
	return true
}

// mayLackGroups reports whether interfaces of a kind can be without groups.
// The others get their VPC's default group when they name none.
func mayLackGroups(k ir.InterfaceKind) bool {
	switch k {
	case ir.InterfaceNetworkLoadBalancer, ir.InterfaceNATGateway, ir.InterfaceTransitGateway,
		ir.InterfaceEndpoint, ir.InterfaceOther, ir.InterfaceInvalid:
		return true
	case ir.InterfaceInstance, ir.InterfaceLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache,
		ir.InterfaceFunction, ir.InterfaceContainer, ir.InterfaceConnectEndpoint:
	}
	return false
}

func groupAllows(g *ir.SecurityGroup, egress bool, s *segment, f far, wide bool) (bool, *ir.Rule) {
	rules := g.Ingress
	if egress {
		rules = g.Egress
	}
	for k := range rules {
		r := &rules[k]
		if (wide || r.Maybe == nil) && matches(&r.Match, s, egress, f, wide) {
			return true, r
		}
	}
	return wide && g.Open != nil, nil
}

// Ranks of entries, beyond the numbers that AWS allows (1-32766): what has no
// known number is as early or as late as hurts the walker.
const (
	rankFirst = -1
	rankLast  = 1 << 20
	rankNone  = 1 << 30
)

// aclPasses asks an ACL about one packet: the entry with the lowest number that
// matches decides, and nothing matching is a denial. The deciding entry is nil
// for the implicit one.
func aclPasses(m mode, a *ir.NetworkACL, egress bool, s *segment) (bool, *ir.Entry) {
	if a.Open != nil {
		return m == optimist, nil
	}
	best, rank, pass := (*ir.Entry)(nil), rankNone, false
	for k := range a.Entries {
		e := &a.Entries[k]
		if e.Egress != egress {
			continue
		}
		allow := entryAllows(m, e)
		r := entryRank(m, e, allow)
		if r > rank || r == rank && (pass == bool(m) || allow == pass) {
			continue // later than the best, or a tie that the walker already has its way in
		}
		if takes(m, e, egress, s, allow) {
			best, rank, pass = e, r, allow
		}
	}
	return pass, best
}

// entryAllows is the entry's action as the walker fears or hopes.
func entryAllows(m mode, e *ir.Entry) bool {
	if e.Allow.Known() {
		return e.Allow.V
	}
	return m == optimist
}

// entryRank is the entry's place in the list. Of an unknown number the walker
// who likes the action hopes for, or who dislikes it fears, the first place.
func entryRank(m mode, e *ir.Entry, allow bool) int {
	switch {
	case e.Number.Known():
		return int(e.Number.V)
	case allow == bool(m):
		return rankFirst
	default:
		return rankLast
	}
}

// takes reports whether the entry matches, as widely as the walker must assume:
// an action that he fears or hopes for matches whatever it may match.
func takes(m mode, e *ir.Entry, egress bool, s *segment, allow bool) bool {
	wide := allow == bool(m)
	return (wide || e.Maybe == nil) && matches(&e.Match, s, egress, far{}, wide)
}

// listens reports whether something answers the segment's protocol and port
// behind an interface.
func listens(m mode, i *ir.Interface, s *segment) bool {
	switch {
	case i.NoInbound, i.Kind == ir.InterfaceConnectEndpoint:
		return false
	case i.Services == nil:
		return true
	}
	for k := range i.Services.Ports {
		v := &i.Services.Ports[k]
		if v.Protocol != s.protocol {
			continue
		}
		if !s.anyPort && v.Ports.Contains(s.dport) || s.anyPort && (m == optimist || v.Ports == ir.AllPorts) {
			return true
		}
	}
	return m == optimist && i.Services.Open != nil
}
