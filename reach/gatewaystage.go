package reach

import (
	"net/netip"

	"go4.org/netipx"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// notRedirected asks that a subnet may use an internet gateway itself: not where
// the gateway's own table leads what comes for it to an appliance.
// [VPC VPC_Route_Tables.md; reachability explanation codes]
func (e *engine) notRedirected(t *trip, at place, g *ir.Gateway) Stage {
	s := Stage{Kind: KindGateway, Component: nameOf(g), Place: g.Origin.Place(""), Code: "INGRESS_RTB_TRAFFIC_REDIRECTION"}
	var bands []Band
	for _, table := range g.RouteTable.Of {
		away := exactly(solver.Empty)
		for _, x := range e.partition(table, !t.reply).toward { // as what comes for the sender is led
			if x.target.Kind != ir.TargetLocal {
				away = anyOf(e.Space, away, x.band)
			}
		}
		bands = append(bands, Band{Must: e.Complement(away.May), Ground: e.Complement(away.Must), May: e.Complement(away.Must)})
	}
	if g.RouteTable.Open != nil {
		bands = append(bands, perhaps(e.Space))
		s.because(g.RouteTable.Open)
	}
	s.Band = oneOf(e.Space, bands...)
	s.Message = nameOf(g) + " leads what comes for " + at.subnet.Origin.Address + " to an appliance, so that it cannot use the gateway itself"
	return s
}

// gatewayStage asks for an internet gateway attached to the VPC of a place.
func (e *engine) gatewayStage(p place) Stage {
	g, ok := e.gatewayOf(p.vpc)
	s := Stage{
		Kind: KindGateway, Component: p.vpc.Origin.Address, Code: "BAD_STATE_ATTACHMENT", Place: p.vpc.Origin.Place(""),
		Message: "no internet gateway is attached to " + p.vpc.Origin.Address, via: "internet gateway",
	}
	if g != nil {
		s.Component, s.Place = g.Origin.Address, g.Origin.Place("")
	}
	s.Band = e.truthBand(ok)
	if ok == maybe {
		s.because(&ir.Unknown{Cause: diag.Cause{Code: diag.NotInInput, Message: "whether an internet gateway is attached to " + p.vpc.Origin.Address + " is not in the input", Address: p.vpc.Origin.Address, Range: p.vpc.Origin.Range}})
	}
	return s
}

// gatewayAt asks that a gateway is attached to the VPC of a place.
func (e *engine) gatewayAt(g *ir.Gateway, p place) Stage {
	s := Stage{Kind: KindGateway, Component: nameOf(g), Code: "BAD_STATE_ATTACHMENT", Place: g.Origin.Place("")}
	if g.Kind == ir.InternetGateway {
		s.via = "internet gateway"
	}
	if p.vpc != nil {
		s.Message = "no internet gateway is attached to " + p.vpc.Origin.Address
		if g.Kind != ir.InternetGateway {
			s.Message = nameOf(g) + " is not attached to " + p.vpc.Origin.Address
		}
	}
	s.Band = e.truthBand(isVPC(g.VPC, p.vpc))
	s.because(g.VPC.Unknowns()...)
	return s
}

// sourceStage asks for an address with which an internet gateway lets something
// out.
func (e *engine) sourceStage(n end) Stage {
	if n.nat != nil {
		s := Stage{
			Kind: KindAddress, Component: nameOf(n.nat), Code: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", Place: n.nat.Origin.Place(""),
			Message: "an internet gateway drops what the private NAT gateway " + nameOf(n.nat) + " sends",
		}
		t := yes
		if n.nat.Private {
			t = no
		}
		s.Band = e.truthBand(t)
		return s
	}
	s := e.publicStage(n.iface, n.at, packet.FieldSrc)
	s.Code = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
	if e.Family() == packet.IPv4 {
		s.Band = e.hasPublic(n)
	}
	return s
}

// hasPublic is the headers from the private addresses that have a public one.
func (e *engine) hasPublic(n end) Band {
	st := e.stands(n.iface, n.at)
	if len(n.iface.Addresses) <= 1 && len(n.iface.Prefixes) == 0 {
		return e.truthBand(st.hasPublic)
	}
	var must, may []solver.Set
	for _, p := range e.sources(n) {
		set := e.from(packet.FieldSrc, p.before)
		may = append(may, set)
		if p.sure && len(p.before.Prefixes()) == 1 && p.before.Prefixes()[0].IsSingleIP() {
			must = append(must, set)
		}
	}
	u := e.Union(may...)
	return Band{Must: e.Union(must...), Ground: u, May: u}
}

// advertisedStage: addresses of private IPv6 CIDRs pass no internet gateway.
// [botocore ec2 VpcIpv6CidrBlockAssociation]
func (e *engine) advertisedStage(p place, reply, in bool) Stage {
	s := Stage{Kind: KindAddress, Component: "internet", Message: "", Band: exactly(e.All())}
	if p.vpc == nil || len(p.vpc.PrivateIPv6) == 0 {
		return s
	}
	s.Component, s.Place = p.vpc.Origin.Address, p.vpc.Origin.Place("")
	s.Message = "private IPv6 addresses of " + p.vpc.Origin.Address + " are not advertised to the internet"
	field := packet.FieldSrc
	if reply != in {
		field = packet.FieldDst
	}
	var private netipx.IPSetBuilder
	for _, c := range p.vpc.PrivateIPv6 {
		private.AddPrefix(c)
	}
	s.Band = exactly(e.Complement(e.from(field, build(&private))))
	return s
}

// privateBlocks are not carried by an internet gateway. [RFC 1918, RFC 6598]
var privateBlocks = [2][]string{{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}, {"100.64.0.0/10"}}

// uncarried returns the addresses that no packet on the internet comes from or
// goes to: private ones and shared ones.
func uncarried(f packet.Family) [2]*netipx.IPSet {
	var b [2]netipx.IPSetBuilder
	for k := range b {
		if f == packet.IPv6 {
			b[k].AddPrefix(nat64)
			continue
		}
		for _, p := range privateBlocks[k] {
			b[k].AddPrefix(netip.MustParsePrefix(p))
		}
	}
	return [2]*netipx.IPSet{build(&b[0]), build(&b[1])}
}

// carriedStages ask that an address is one that the internet carries: not a
// private one, nor a shared one. [RFC 1918, RFC 6598]
func (e *engine) carriedStages(field packet.Field, name string, codes [2]string) []Stage {
	set := e.carriedSrc
	if field == packet.FieldDst {
		set = e.carriedDst
	}
	if e.Family() == packet.IPv6 {
		return []Stage{{Kind: KindAddress, Component: name, Message: name + " carries no packets of NAT64", Band: exactly(set[0])}}
	}
	return []Stage{
		{Kind: KindAddress, Component: name, Code: codes[0], Message: name + " carries no packets of private addresses", Band: exactly(set[0])},
		{Kind: KindAddress, Component: name, Code: codes[1], Message: name + " carries no packets of shared addresses", Band: exactly(set[1])},
	}
}

// admits asks that flows may begin outside: a subnet whose route to a host is an
// egress-only gateway only begins flows itself. [VPC egress-only-internet-gateway.md]
func (e *engine) admits(s *ir.Subnet) Stage {
	st := Stage{Kind: KindRoute, Component: s.Origin.Address, Place: s.Origin.Place(""), Message: s.Origin.Address + " leaves by an egress-only gateway: flows begin inside only"}
	if e.Family() == packet.IPv4 {
		st.Message, st.Band = "", exactly(e.All())
		return st
	}
	var bands []Band
	for _, t := range s.RouteTable.Of {
		st.Component, st.Place = t.Origin.Address, t.Origin.Place("")
		p := e.partition(t, true)
		out := exactly(solver.Empty)
		for _, x := range p.toward {
			switch {
			case x.target.Kind == ir.TargetGateway && x.target.Gateway.Kind == ir.EgressOnlyGateway:
				out = anyOf(e.Space, out, x.band)
			case x.target.Kind == ir.TargetInvalid:
				out = anyOf(e.Space, out, Band{Must: solver.Empty, Ground: solver.Empty, May: x.band.May})
			}
		}
		bands = append(bands, Band{Must: e.Complement(out.May), Ground: e.Complement(out.Must), May: e.Complement(out.Must)})
		if !p.exact {
			st.because(routeUnknowns(t)...)
		}
	}
	if s.RouteTable.Open != nil {
		bands = append(bands, perhaps(e.Space))
		st.because(s.RouteTable.Open)
	}
	st.Band = oneOf(e.Space, bands...)
	return st
}

// excluded is the place whose exclusion frees a packet from Block Public Access:
// one that passed a Gateway Load Balancer endpoint is freed by the VPC's only.
// [VPC security-vpc-bpa-basics]
func excluded(t *trip, at place) place {
	if t.inspected {
		at.subnet = nil
	}
	return at
}

func (e *engine) truthBand(t truth) Band {
	switch t {
	case yes:
		return exactly(e.All())
	case maybe:
		return perhaps(e.Space)
	default:
		return exactly(solver.Empty)
	}
}

// outside restricts an end to hosts that no VPC of the network holds.
func (e *engine) outside(field packet.Field) Stage {
	s := Stage{Kind: KindAddress, Component: "outside", Band: exactly(e.outsideSrc), Message: "no host outside has an address of the network's", names: true}
	if field == packet.FieldDst {
		s.Band, s.Code, s.Message = exactly(e.outsideDst), "NO_POSSIBLE_DESTINATION", "the address is the network's, and no interface there has it"
	}
	return s
}

// publicStage asks for an address that an internet gateway delivers to.
func (e *engine) publicStage(i *ir.Interface, p place, field packet.Field) Stage {
	st := e.stands(i, p)
	may := e.from(field, st.public)
	s := Stage{
		Kind: KindAddress, Component: i.Resource, Code: "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", Place: i.Origin.Place(""),
		Message: "no public " + familyName(e.Family()) + " address on " + i.Resource, Band: Band{solver.Empty, may, may}, names: true,
	}
	if may != solver.Empty {
		s.Message = "not a public address of " + i.Resource
	}
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if a.Family == e.Family() || a.Family == packet.FamilyInvalid {
			s.because(a.Public.Exists.Why, a.Maybe)
			if !a.Public.Place.Range.IsZero() {
				s.Place = a.Public.Place
			}
		}
		if e.Family() == packet.IPv4 {
			if _, public, t := e.publicPair(i, p, a); t == yes {
				s.Band.Must = e.Union(s.Band.Must, e.from(field, public))
			}
		}
	}
	if e.Family() == packet.IPv6 {
		s.Band.Must = e.from(field, st.sure)
	}
	return s
}

func (e *engine) bpaStage(p place, inbound, egressOnly bool) Stage {
	s := Stage{
		Kind: KindBPA, Component: p.vpc.Origin.Address, Code: "VPC_BLOCK_PUBLIC_ACCESS_ENABLED", Place: p.vpc.Origin.Place(""),
		Message: "VPC Block Public Access stops it at " + p.vpc.Origin.Address,
		Band:    e.truthBand(passesBPA(p, inbound, egressOnly)),
	}
	s.because(p.vpc.BPA.Why, p.vpc.Exclusion.Why)
	return s
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
