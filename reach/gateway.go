package reach

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// unmodelled names a route target whose working is not modelled: what it does
// with a packet is unknown, never "nothing".
func unmodelled(t ir.Target, r *ir.Route) *ir.Unknown {
	what := ""
	switch t.Kind {
	case ir.TargetInterface:
		what = "a network interface"
	case ir.TargetOther:
		what = t.ID
	case ir.TargetGateway:
		switch t.Gateway.Kind {
		case ir.NATGateway:
			what = "a NAT gateway"
		case ir.VirtualPrivateGateway:
			what = "a virtual private gateway"
		case ir.VPCEndpoint:
			what = "a VPC endpoint"
		case ir.LoadBalancerEndpoint:
			what = "a Gateway Load Balancer endpoint"
		case ir.OtherGateway, ir.GatewayInvalid:
			what = t.Gateway.ID
		case ir.InternetGateway, ir.EgressOnlyGateway:
			return nil
		}
	case ir.TargetLocal, ir.TargetPeering, ir.TargetTransitGateway, ir.TargetInvalid:
		return nil
	}
	return &ir.Unknown{Cause: diag.Cause{
		Code:    diag.NotModelled,
		Message: fmt.Sprintf("what lies behind a route to %s is not modelled", what),
		Address: r.Origin.Address,
		Range:   r.Origin.At(ir.FieldTarget),
	}}
}

// opaque is the answer for targets that are not modelled: they may lead there.
// A NAT gateway never leads to a private address or in from outside.
func opaque(t ir.Target) truth {
	if unmodelled(t, &ir.Route{}) != nil {
		return maybe
	}
	return no
}

// toLocal asks for delivery inside the VPC.
func toLocal(t ir.Target) truth {
	if t.Kind == ir.TargetLocal {
		return yes
	}
	return opaque(t)
}

// toInternet asks for an internet gateway of the VPC.
func toInternet(v *ir.VPC) leads {
	return func(t ir.Target) truth {
		if t.Kind != ir.TargetGateway || t.Gateway.Kind != ir.InternetGateway {
			return no
		}
		return isVPC(t.Gateway.VPC, v)
	}
}

// toEgressOnly asks for an egress-only gateway of the VPC.
func toEgressOnly(v *ir.VPC) leads {
	return func(t ir.Target) truth {
		if t.Kind != ir.TargetGateway || t.Gateway.Kind != ir.EgressOnlyGateway {
			return no
		}
		return isVPC(t.Gateway.VPC, v)
	}
}

// toAnyEgressOnly asks for an egress-only gateway, whosever it is.
func toAnyEgressOnly(t ir.Target) truth {
	if t.Kind == ir.TargetGateway && t.Gateway.Kind == ir.EgressOnlyGateway {
		return yes
	}
	return no
}

// toPeering asks for one peering connection.
func toPeering(p *ir.Peering, from, to *ir.VPC) leads {
	ok := and(known(p.Active), joins(p, from, to))
	return func(t ir.Target) truth {
		if t.Kind != ir.TargetPeering || t.Peering != p {
			return opaque(t)
		}
		return ok
	}
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

// toTransit asks for a transit gateway.
func toTransit(g *ir.TransitGateway, ok truth) leads {
	return func(t ir.Target) truth {
		if t.Kind != ir.TargetTransitGateway || t.TransitGateway != g {
			return opaque(t)
		}
		return ok
	}
}

// transitTables is the route decision inside a transit gateway: the table that
// the sender's attachment is associated with, longest prefix, static before
// propagated. Without tables every attachment reaches every other.
func (e *engine) transitTables(g *ir.TransitGateway, from, to *ir.Attachment, reply bool) (Band, []*ir.Unknown) {
	if len(g.Tables) == 0 {
		return exactly(e.All()), nil
	}
	if from == nil || to == nil {
		return perhaps(e.Space), []*ir.Unknown{g.Open}
	}
	field := packet.FieldDst
	if reply {
		field = packet.FieldSrc
	}
	for _, t := range g.Tables {
		if !slices.Contains(t.Associated, from) {
			continue
		}
		table := &ir.RouteTable{Open: t.Open, Origin: t.Origin}
		target := map[*ir.Attachment]ir.Target{}
		name := func(a *ir.Attachment) ir.Target {
			if _, ok := target[a]; !ok {
				target[a] = ir.Target{Kind: ir.TargetOther, ID: fmt.Sprint(len(target))}
			}
			return target[a]
		}
		for _, r := range t.Routes {
			route := ir.Route{Destination: r.Destination, Target: ir.Choice[ir.Target]{Why: r.Attachment.Why, Open: r.Attachment.Open}, Origin: r.Origin}
			for _, a := range r.Attachment.Of {
				route.Target.Of = append(route.Target.Of, name(a))
			}
			table.Routes = append(table.Routes, route)
		}
		for _, a := range t.Propagated {
			v, ok := a.VPC.Known()
			if !ok {
				table.Open = cmp.Or(a.VPC.Open, a.VPC.Why)
				continue
			}
			for _, d := range propagated(v, e.Family()) {
				table.Routes = append(table.Routes, ir.Route{Destination: d, Target: ir.One(name(a)), Propagated: true, Origin: a.Origin})
			}
		}
		want := name(to)
		return e.routeBand(table, field, func(t ir.Target) truth {
			if t == want {
				return yes
			}
			return no
		}), routeUnknowns(table)
	}
	return exactly(solver.Empty), nil
}

// propagated lists the destinations that a VPC's attachment gives to a table. Of
// those that are not known any may be among them.
func propagated(v *ir.VPC, f packet.Family) []ir.Peer {
	var ds []ir.Peer
	for _, c := range cidrs(v, f) {
		if c.Known() {
			ds = append(ds, ir.Peer{CIDR: c.V})
		} else {
			ds = append(ds, ir.Peer{Unknown: c.Why, Family: f})
		}
	}
	switch {
	case v.More != nil:
		ds = append(ds, ir.Peer{Unknown: v.More, Family: f})
	case !v.Seen && len(ds) == 0:
		ds = append(ds, ir.Peer{Unknown: &ir.Unknown{Cause: diag.Cause{
			Code: diag.NotInInput, Message: "the CIDRs of " + v.Origin.Address + " are not in the input", Address: v.Origin.Address, Range: v.Origin.Range,
		}}, Family: f})
	}
	return ds
}

// passesBPA tells whether Block Public Access lets a new connection through a
// gateway of a place. Of an unknown mode or exclusion it asks every one.
// [botocore ec2 BlockPublicAccessStates; VPC security-vpc-bpa]
func passesBPA(p place, inbound, egressOnly bool) truth {
	if p.vpc == nil {
		return maybe
	}
	modes := []ir.BPA{p.vpc.BPA.V}
	if !p.vpc.BPA.Known() {
		modes = []ir.BPA{ir.BPAOff, ir.BPAIngress, ir.BPABidirectional}
	}
	exclusion := p.vpc.Exclusion
	if p.subnet != nil && (!p.subnet.Exclusion.Known() || p.subnet.Exclusion.V != ir.ExclusionNone) {
		exclusion = p.subnet.Exclusion
	}
	exclusions := []ir.Exclusion{exclusion.V}
	if !exclusion.Known() {
		exclusions = []ir.Exclusion{ir.ExclusionNone, ir.ExclusionBidirectional, ir.ExclusionEgress}
	}
	pass, stop := false, false
	for _, mode := range modes {
		for _, x := range exclusions {
			if bpaPasses(mode, x, inbound, egressOnly) {
				pass = true
			} else {
				stop = true
			}
		}
	}
	switch {
	case pass && stop:
		return maybe
	case pass:
		return yes
	}
	return no
}

func bpaPasses(mode ir.BPA, x ir.Exclusion, inbound, egressOnly bool) bool {
	switch {
	case mode == ir.BPAOff, mode == ir.BPAIngress && egressOnly, x == ir.ExclusionBidirectional:
		return true
	}
	return x == ir.ExclusionEgress && mode == ir.BPABidirectional && !inbound
}

// gatewayOf finds the internet gateway of a VPC. An export without the list of
// gateways does not prove that there is none.
func (e *engine) gatewayOf(v *ir.VPC) (*ir.Gateway, truth) {
	var found *ir.Gateway
	best := no
	for _, g := range e.net.Gateways {
		if g.Kind != ir.InternetGateway {
			continue
		}
		if t := isVPC(g.VPC, v); t > best {
			found, best = g, t
		}
	}
	if best == no && (v == nil || !v.Seen || e.net.MayHideSome(ir.KindInternetGateway, v.Home)) {
		best = maybe
	}
	return found, best
}
