package rules

import (
	"fmt"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// behind says what becomes of packets that a dead deny was to keep out: which
// rules of the groups behind the ACL let them in. It is empty when that is not
// known, or too much for a sentence.
func (l *aclList) behind(n *ir.Network, e *ir.Entry, wrong solver.Set) string {
	if l.egress || e.Allow.V || entryFamily(e) == packet.FamilyInvalid {
		return ""
	}
	admit, occupied, ok := l.admitted(n, wrong)
	switch {
	case !ok || !occupied || len(admit) > 2:
		return ""
	case len(admit) == 0:
		return "nothing is exposed by it today: no group behind it admits such a packet"
	}
	internet := false
	var words []string
	for _, a := range admit {
		peer := a.rule.Peer
		internet = internet || peer.Unknown != nil || peer.CIDR.IsValid() && isPublic(peer.CIDR)
		words = append(words, peerWords(&peer)+at(a.rule.Origin.At(ir.FieldPeer)))
	}
	if internet {
		return fmt.Sprintf("behind it %s admits %s", groupName(admit[0].group), listWords(words, 2))
	}
	return fmt.Sprintf("nothing is exposed by it today: %s admits only %s", groupName(admit[0].group), listWords(words, 2))
}

// isPublic reports whether a CIDR holds addresses of the internet.
func isPublic(c netip.Prefix) bool {
	return reach.Internet(packet.FamilyOfPrefix(c)).OverlapsPrefix(c)
}

// admission is a rule of a group that lets something in.
type admission struct {
	group *ir.SecurityGroup
	rule  *ir.Rule
}

// admitted lists the ingress rules behind the ACL that may let some of a set
// in. any reports whether interfaces are behind it at all, ok whether all their
// rules are known.
func (l *aclList) admitted(n *ir.Network, set solver.Set) (admit []admission, occupied, ok bool) {
	f, s := l.space.Family(), l.space
	members := func(g *ir.SecurityGroup, _ reach.Bound) []netipx.IPRange { return memberAddresses(g, f) }
	seen := map[*ir.SecurityGroup]bool{}
	for _, i := range n.Interfaces {
		if i.NoInbound || !mayBeBehind(i, l.acl) {
			continue
		}
		occupied = true
		if i.Groups.Open != nil || len(i.Groups.Maybe) > 0 || len(i.Groups.Sure) == 0 {
			return nil, occupied, false
		}
		for _, g := range i.Groups.Sure {
			if seen[g] {
				continue
			}
			seen[g] = true
			if g.Open != nil {
				return nil, occupied, false
			}
			for k := range g.Ingress {
				r := &g.Ingress[k]
				lets := s.Of(reach.Boxes(f, reach.RequestView(false), r.Match, reach.Hi, members)...)
				if apart, err := s.Disjoint(set, lets); err != nil {
					return nil, occupied, false
				} else if !apart {
					admit = append(admit, admission{g, r})
				}
			}
		}
	}
	oneGroup := !slices.ContainsFunc(admit, func(a admission) bool { return a.group != admit[0].group })
	return admit, occupied, oneGroup
}

// mayBeBehind reports whether an interface may be in a subnet of an ACL.
func mayBeBehind(i *ir.Interface, acl *ir.NetworkACL) bool {
	return i.Subnet.Open != nil || slices.ContainsFunc(i.Subnet.Of, func(s *ir.Subnet) bool {
		return s.ACL.Open != nil || slices.Contains(s.ACL.Of, acl)
	})
}
