package reach

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Kind says what a stage is. The words are those of trace's stages.
type Kind string

// The kinds of stages.
const (
	KindAddress  Kind = "address"
	KindGroupOut Kind = "sg-egress"
	KindACLOut   Kind = "nacl-egress"
	KindRoute    Kind = "route"
	KindGateway  Kind = "gateway"
	KindBPA      Kind = "bpa"
	KindLink     Kind = "link"
	// KindAppliance is an interface, or an endpoint, that forwards what is sent
	// through it; KindTranslate a NAT gateway or a load balancer.
	KindAppliance Kind = "appliance"
	KindTranslate Kind = "translate"
	KindACLIn     Kind = "nacl-ingress"
	KindGroupIn   Kind = "sg-ingress"
	KindService   Kind = "service"
	KindOutside   Kind = "outside-the-input"
)

// Stage is one thing on the way, with what it lets through.
type Stage struct {
	Kind      Kind
	Reply     bool   // it judges the reply
	Component string // aws_subnet.app
	Code      string // explanation code of AWS Reachability Analyzer, where one exists
	Message   string // what is said when it stops everything
	Place     diag.Place
	Band      Band
	Because   []*ir.Unknown // what the band's bounds differ by

	ACL *ir.NetworkACL // of an ACL stage
	// Interface whose groups a group stage asks, and Peer at the other end, which
	// a rule there may name by its groups; nil where no reference identifies it.
	Interface, Peer *ir.Interface
	// Routes are the tables that a route stage asks.
	Routes []*ir.RouteTable

	via string   // how Way.Via names it
	at  *segment // where it stands
	// names: it asks for the addresses by which the header names the ends.
	names bool
	// followed is the band under the assumption that the way is this one, where
	// unknown values decide: the walk weighs all ways afterwards.
	followed *Band
}

// taken is the band that a walk counts.
func (s *Stage) taken() Band {
	if s.followed != nil {
		return *s.followed
	}
	return s.Band
}

func (s *Stage) because(us ...*ir.Unknown) {
	for _, u := range us {
		if u != nil {
			s.Because = append(s.Because, u)
		}
	}
}

// addressStage asks that the header names an interface by a private address.
func (e *engine) addressStage(i *ir.Interface, p place, field packet.Field) Stage {
	h := e.stands(i, p)
	s := Stage{
		Kind: KindAddress, Component: i.Resource, Place: i.Origin.Place(""), Code: "ENI_ADDRESS_RESTRICTION",
		Message: "no " + familyName(e.Family()) + " address on " + i.Resource, Band: h.src, names: true,
	}
	if field == packet.FieldDst {
		s.Band, s.Code = h.dst, "NO_POSSIBLE_DESTINATION"
	}
	if s.Band.May != solver.Empty {
		s.Message = "not an address of " + i.Resource
	}
	s.because(h.why)
	return s
}

func familyName(f packet.Family) string {
	if f == packet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// exists is the doubt about an interface that may not be there at all.
func (e *engine) exists(i *ir.Interface) Stage {
	s := Stage{Kind: KindOutside, Component: i.Resource, Place: i.Origin.Place(""), Band: perhaps(e.Space)}
	s.because(i.Maybe)
	return s
}

// groupStage is what the groups of an interface let through, with an interface,
// or nobody, at the other end. ok tells whether references identify it.
func (e *engine) groupStage(i *ir.Interface, egress bool, v View, other *ir.Interface, ok truth) Stage {
	s := Stage{Kind: KindGroupIn, Component: i.Resource, Code: "ENI_SG_RULES_MISMATCH", Place: i.Origin.Place(""), Interface: i}
	dir := "in"
	if egress {
		s.Kind, dir = KindGroupOut, "out"
	}
	s.Message = "no security group rule of " + i.Resource + " lets it " + dir
	if withoutRules(i, egress) {
		s.Code = "SG_HAS_NO_RULES"
	}
	if len(i.Groups.Sure) > 0 {
		s.Place = i.Groups.Sure[0].Origin.Place("")
	}
	if ok == yes {
		s.Peer = other
	}
	s.Band = e.groups(i, egress, v, other, ok)
	if !s.Band.Exact() {
		s.because(groupUnknowns(i, egress)...)
	}
	return s
}

// withoutRules reports whether the groups of an interface have no rule in a
// direction.
func withoutRules(i *ir.Interface, egress bool) bool {
	for _, g := range i.Groups.Sure {
		if len(g.Rules(egress)) > 0 || g.Open != nil {
			return false
		}
	}
	return len(i.Groups.Sure) > 0 && len(i.Groups.Maybe) == 0 && i.Groups.Open == nil
}

// groupUnknowns lists what is not known about an interface's groups.
func groupUnknowns(i *ir.Interface, egress bool) []*ir.Unknown {
	us := []*ir.Unknown{i.Groups.Open}
	add := func(g *ir.SecurityGroup) {
		us = append(us, g.Open)
		for _, r := range g.Rules(egress) {
			us = append(us, r.Maybe)
			us = append(us, matchUnknowns(r.Match)...)
		}
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	for _, p := range i.Groups.Maybe {
		us = append(us, p.Why)
		add(p.V)
	}
	return us
}

func matchUnknowns(m ir.Match) []*ir.Unknown {
	us := []*ir.Unknown{m.Protocol.Why, m.Ports.Why, m.Peer.Unknown}
	if m.Peer.PrefixList != nil {
		us = append(us, m.Peer.PrefixList.Open)
	}
	if m.Peer.Group != nil {
		us = append(us, m.Peer.Group.Term)
	}
	return us
}

func (e *engine) serviceStage(i *ir.Interface) Stage {
	s := Stage{
		Kind: KindService, Component: i.Resource, Place: i.Origin.Place(""),
		Message: "nothing listens there on " + i.Resource, Band: servicesBand(e.Space, i), Code: listenerCode(i),
	}
	if i.Services != nil {
		s.because(i.Services.Open)
		if !i.Services.Place.Range.IsZero() {
			s.Place = i.Services.Place
		}
	}
	if i.NoInbound || i.Kind == ir.InterfaceConnectEndpoint {
		s.Message = i.Resource + " accepts no connections"
	}
	return s
}

// listenerCode is the explanation code for what no listener of a load balancer
// takes; none for other interfaces.
func listenerCode(i *ir.Interface) string {
	switch i.Kind {
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer:
	default:
		return ""
	}
	if i.Services != nil && slices.ContainsFunc(i.Services.Ports, func(s ir.Service) bool { return s.Forward != nil && s.Forward.Classic }) {
		return "ELB_LISTENERS_MISMATCH"
	}
	return "ELBV2_LISTENERS_MISMATCH"
}

// aclStage is an ACL of a subnet; nothing for a subnet that is not there.
func (e *engine) aclStage(s *ir.Subnet, egress, reply bool) Stage {
	st := Stage{Kind: KindACLIn, Reply: reply, Component: s.Origin.Address, Code: "SUBNET_ACL_RESTRICTION", Place: s.Origin.Place("")}
	dir, what := "in", "it"
	if egress {
		st.Kind, dir = KindACLOut, "out"
	}
	if reply {
		what = "the reply"
	}
	var bands []Band
	for _, acl := range s.ACL.Of {
		b := e.acl(acl, egress, reply)
		bands = append(bands, b)
		st.ACL, st.Place = acl, acl.Origin.Place("")
		st.Message = acl.Origin.Address + " does not let " + what + " " + dir
		if !b.Exact() {
			st.because(aclUnknowns(acl, egress)...)
		}
	}
	if s.ACL.Open != nil {
		bands = append(bands, perhaps(e.Space))
	}
	st.Band = oneOf(e.Space, bands...)
	st.because(s.ACL.Unknowns()...)
	return st
}

func (e *engine) acl(acl *ir.NetworkACL, egress, reply bool) Band {
	key := aclKey{acl, egress, reply}
	b, ok := e.acls[key]
	if !ok {
		b = ACLBand(e.Space, viewOf(egress, reply), acl, egress)
		e.acls[key] = b
	}
	return b
}

func aclUnknowns(acl *ir.NetworkACL, egress bool) []*ir.Unknown {
	us := []*ir.Unknown{acl.Open}
	for _, en := range Entries(acl, egress) {
		us = append(us, en.Maybe, en.Number.Why, en.Allow.Why)
		us = append(us, matchUnknowns(en.Match)...)
	}
	return us
}
