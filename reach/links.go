package reach

import (
	"github.com/postern-dev/postern/ir"
)

// link is one thing that joins two VPCs: a peering or a transit gateway.
type link struct {
	peering *ir.Peering
	transit *ir.TransitGateway
	from    *ir.Attachment
	to      *ir.Attachment
	ok      truth
}

func (e *engine) links(a, b *ir.VPC) []link {
	var ls []link
	for _, p := range e.net.Peerings {
		if ok := joins(p, a, b); ok != no {
			ls = append(ls, link{peering: p, ok: ok})
		}
	}
	for _, g := range e.net.TransitGateways {
		from, okFrom := attachment(g, a)
		to, okTo := attachment(g, b)
		if ok := and(okFrom, okTo); ok != no {
			ls = append(ls, link{transit: g, from: from, to: to, ok: ok})
		}
	}
	return ls
}

// joins tells whether a peering connects two VPCs, in either direction.
func joins(p *ir.Peering, a, b *ir.VPC) truth {
	return max(
		and(isVPC(p.Requester, a), isVPC(p.Accepter, b)),
		and(isVPC(p.Requester, b), isVPC(p.Accepter, a)),
	)
}

// attachment finds a VPC's attachment to a transit gateway. The gateway may
// have attachments that are not seen.
func attachment(g *ir.TransitGateway, v *ir.VPC) (*ir.Attachment, truth) {
	var found *ir.Attachment
	best := no
	for _, a := range g.Attachments {
		if t := isVPC(a.VPC, v); t > best {
			found, best = a, t
		}
	}
	if best == no && g.Open != nil {
		best = maybe
	}
	return found, best
}

// identity tells whether references to groups work across the link, in rules
// of the given direction. [VPC peering vpc-peering-security-groups; TGW security
// group referencing]
func (l link) identity(egress bool) truth {
	switch {
	case l.peering != nil:
		return and(l.ok, known(l.peering.Active), known(l.peering.SameRegion))
	case egress:
		return no
	}
	t := and(l.ok, known(l.transit.GroupReferences))
	for _, a := range []*ir.Attachment{l.from, l.to} {
		if a == nil {
			return min(t, maybe)
		}
		t = and(t, known(a.GroupReferences))
	}
	return t
}

func (l link) name() string {
	if l.peering != nil {
		return l.peering.Origin.Address
	}
	return l.transit.Origin.Address
}
