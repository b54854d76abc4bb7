package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// opening is one line of the input that opens services of a category to the
// internet, with the interfaces on which it does.
type opening struct {
	rule   *ir.Rule
	group  *ir.SecurityGroup
	others []*ir.Rule // when only several lines together open it
	family packet.Family
	on     []exposed
}

// exposed is one interface that an opening exposes.
type exposed struct {
	iface    *ir.Interface
	certain  diag.Certainty
	exposure *reach.Exposure
	services solver.Set // the requests that the opening exposes
}

// exposures runs one internet-* rule.
func exposures(p *Pass) error {
	c := categoryOf(p.Rule.ID)
	for _, f := range packet.Families {
		var openings []*opening
		for _, i := range targets(p) {
			found, err := openingsOn(p, c, f, i)
			if err != nil {
				return err
			}
			openings = merge(openings, found)
		}
		for _, o := range openings {
			report(p, c, o)
		}
	}
	return nil
}

// targets lists what an internet packet may arrive at: the interfaces, and for
// each group that something outside the input may carry a hypothetical one.
func targets(p *Pass) []*ir.Interface {
	is := slices.Clone(p.Net.Interfaces)
	for _, g := range p.Net.SecurityGroups {
		if why := carriedAway(p, g); why != nil && len(p.Model.Carriers(g)) == 0 {
			is = append(is, reach.Hypothetical(g, why))
		}
	}
	return is
}

// carriedAway says why something that is not seen may carry a group: it was made
// elsewhere, its id leaves the root, or the input is an export without its
// interfaces. It is nil when nothing can.
func carriedAway(p *Pass, g *ir.SecurityGroup) *ir.Unknown {
	switch {
	case g.Origin.Implicit || len(g.Ingress) == 0:
		return nil
	case g.Term != nil:
		return g.Term // which group it is, the input does not say
	case g.Open != nil:
		return g.Open // it is only named here: it was made elsewhere
	}
	if len(g.Exported) > 0 {
		at := g.Exported[0]
		return &ir.Unknown{Term: "carriers of " + g.Origin.Address, Cause: diag.Cause{
			Code: diag.NotInInput, Address: at.Address, Range: at.Range,
			Message: fmt.Sprintf("%s carries the id of %s out of this root", at.Address, g.Origin.Address),
		}}
	}
	if len(p.Net.Closed) > 0 && !p.Net.IsClosed(ir.KindInterface, g.Home) {
		return &ir.Unknown{Term: "carriers of " + g.Origin.Address, Cause: diag.Cause{
			Code: diag.NotInInput, Address: g.Origin.Address, Range: g.Origin.Range,
			Message: "the network interfaces of this account and Region are not in the input",
		}}
	}
	return nil
}

// openingsOn lists the lines that open services of a category on an interface:
// definitely, or else on the evidence of known rules.
func openingsOn(p *Pass, c category, f packet.Family, i *ir.Interface) ([]*opening, error) {
	s := p.Model.Space(f)
	want := c.set(s)
	if all, err := s.Disjoint(want, s.Of(reach.Ingress(f, i)...)); err != nil || all {
		return nil, err // no group opens anything of it: the path does not matter
	}
	x, err := p.Model.Exposure(p.Context, i, f)
	if err != nil {
		return nil, err
	}
	for _, try := range []struct {
		open    solver.Set
		rules   []groupRule
		certain diag.Certainty
	}{{x.Mostly, groupRules(i, false), diag.Definite}, {x.Open.Ground, groupRules(i, true), diag.Possible}} {
		var found []*opening
		for _, o := range openedBy(p.Model, f, c, try.rules, s.Intersect(try.open, want)) {
			o.on[0].iface, o.on[0].certain, o.on[0].exposure = i, try.certain, x
			if _, ok := witness(p, o, o.on[0]); ok {
				found = append(found, o)
			}
		}
		if len(found) > 0 {
			return found, s.Err()
		}
	}
	return nil, s.Err()
}

// groupRule is a rule with the group that it stands in.
type groupRule struct {
	group *ir.SecurityGroup
	rule  *ir.Rule
}

// groupRules lists the ingress rules of an interface's groups, of those that it
// only may carry as well when asked.
func groupRules(i *ir.Interface, possible bool) []groupRule {
	var rs []groupRule
	add := func(g *ir.SecurityGroup) {
		for k := range g.Ingress {
			rs = append(rs, groupRule{g, &g.Ingress[k]})
		}
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	for _, g := range i.Groups.Maybe {
		if possible {
			add(g.V)
		}
	}
	return rs
}

// openedBy finds the rules through which an open set is open to the internet:
// every rule whose peer covers all of it, while more than half of it gets
// through; or, when no single one does, the rules that cover it together. Each
// opening has one entry in on, with only its services filled in.
func openedBy(m *reach.Model, f packet.Family, c category, rules []groupRule, open solver.Set) []*opening {
	if open == solver.Empty {
		return nil
	}
	s := m.Space(f)
	everyone := s.Intersect(m.Everyone(f, open), open)
	var wide []*opening
	var narrow []groupRule
	for _, r := range rules {
		match := reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Must
		through := s.Intersect(match, open)
		if through == solver.Empty {
			continue
		}
		if !reach.CoversInternet(f, r.rule.Peer) {
			narrow = append(narrow, r)
			continue
		}
		services := s.Intersect(match, everyone)
		if services == solver.Empty && mostly(m, f, through) {
			services = through
		}
		if services != solver.Empty && c.met(s, services) {
			wide = append(wide, &opening{rule: r.rule, group: r.group, family: f, on: []exposed{{services: services}}})
		}
	}
	if len(wide) > 0 || len(narrow) == 0 || everyone == solver.Empty || !c.met(s, everyone) {
		return wide
	}
	o := &opening{rule: narrow[0].rule, group: narrow[0].group, family: f, on: []exposed{{services: everyone}}}
	for _, r := range narrow[1:] {
		o.others = append(o.others, r.rule)
	}
	return []*opening{o}
}

// met reports whether the open services are enough for the category.
func (c category) met(s *solver.Space, services solver.Set) bool {
	if !c.whole {
		return true
	}
	ports := s.Project(s.Project(s.Project(services, packet.FieldSrc), packet.FieldDst), packet.FieldSrcPort)
	for _, v := range c.services {
		if in, err := s.Subset(s.Of(v.box(s.Family())), ports); err == nil && in {
			return true
		}
	}
	return false
}

// mostly reports whether some service of a set is open to more than half of
// the internet: an ACL that denies a few addresses hides no exposure.
func mostly(m *reach.Model, f packet.Family, a solver.Set) bool {
	s := m.Space(f)
	services := s.Project(s.Project(s.Project(a, packet.FieldSrc), packet.FieldDst), packet.FieldSrcPort)
	for b := range s.Boxes(services) {
		b.Protocol.Hi, b.DstPort.Hi = b.Protocol.Lo, b.DstPort.Lo
		if m.Share(f, a, b) > 0.5 {
			return true
		}
	}
	return false
}

// merge joins openings by the line that opens.
func merge(all, more []*opening) []*opening {
	for _, o := range more {
		k := slices.IndexFunc(all, func(a *opening) bool {
			return a.group == o.group && a.rule.Origin.Address == o.rule.Origin.Address && a.rule.Origin.Range == o.rule.Origin.Range
		})
		if k < 0 {
			all = append(all, o)
			continue
		}
		all[k].on = append(all[k].on, o.on...)
	}
	return all
}

// report makes one finding of an opening, for all interfaces that it exposes.
func report(p *Pass, c category, o *opening) {
	slices.SortStableFunc(o.on, func(a, b exposed) int { return int(a.certain) - int(b.certain) })
	first := o.on[0]
	header, ok := witness(p, o, first)
	if !ok {
		return
	}
	what := serviceOf(header)
	if c.whole {
		what = "every port"
	}
	f := diag.Finding{
		Certainty: first.certain, Family: o.family,
		Place:   o.rule.Origin.Place(fmt.Sprintf("anyone on %s may send %s to %s", familyWord(o.family), what, first.iface.Resource)),
		Message: sentence(c, o.rule, header, o.on),
		Fix:     diag.Fix{Text: fmt.Sprintf(c.fix, peerWords(&o.rule.Peer))},
		Account: o.group.Home.Account, Region: o.group.Home.Region,
		Path: []diag.Hop{{
			From: "internet", To: first.iface.Resource,
			Protocol: packet.ProtocolName(int16(header.Protocol)), Port: portOf(header), Places: pathPlaces(o, first),
		}},
		Witness: &diag.Witness{Header: header, SrcOf: "internet", DstOf: first.iface.Resource, Representative: !addressKnown(first.iface, header)},
		Key:     key(o.rule),
	}
	f.Why = why(o, first)
	for _, r := range o.others {
		f.Related = append(f.Related, r.Origin.Place("and these addresses: together they are the whole internet"))
	}
	if first.certain == diag.Possible {
		f.Because = causes(p.Model, o, first)
	}
	if v := vpcOf(first.iface); v != nil {
		f.VPC = v.Origin.Address
	}
	p.Prove(f, Proof{
		Query: trace.Query{To: first.iface, Header: header},
		Expect: func(r trace.Result) bool {
			v := r.Verdict
			if header.Protocol != packet.TCP {
				v = r.Forward.Verdict // an attacker needs no reply
			}
			return v == trace.Allow || first.certain == diag.Possible && v == trace.Unknown
		},
	})
}

// witness picks the packet that shows an exposure.
func witness(p *Pass, o *opening, x exposed) (packet.Header, bool) {
	s := p.Model.Space(o.family)
	forward, complete := x.exposure.Flow.Forward.Must, x.exposure.Flow.Complete.Must
	if x.certain == diag.Possible {
		forward, complete = x.exposure.Flow.Forward.Ground, x.exposure.Flow.Complete.Ground
	}
	for _, set := range []solver.Set{complete, forward} {
		if h, ok, err := s.Witness(set, x.services, p.Model.Internet(o.family)); err == nil && ok {
			return h, true
		}
	}
	return packet.Header{}, false
}

// sentence says what is open, to whom.
func sentence(c category, rule *ir.Rule, h packet.Header, on []exposed) string {
	may := "may"
	if on[0].certain == diag.Possible {
		may = "may be able to"
	}
	target := on[0].iface.Resource
	if more := resources(on) - 1; more > 0 {
		target += fmt.Sprintf(" and %d more", more)
	}
	verb := c.verb
	if c.whole && rule.Protocol.V != -1 {
		verb = fmt.Sprintf("reach every %s port of", strings.ToUpper(packet.ProtocolName(rule.Protocol.V)))
	}
	text := fmt.Sprintf("anyone on the internet %s %s %s", may, verb, target)
	if name := c.name(h); !c.whole && name != "" && !strings.Contains(c.verb, name) {
		text += fmt.Sprintf(" (%s, %s)", serviceOf(h), name)
	}
	return text
}

func resources(on []exposed) int {
	names := map[string]bool{}
	for _, x := range on {
		names[x.iface.Resource] = true
	}
	return len(names)
}

// why tells what makes the path: the address, the gateway, and that nothing on
// the way says no; or what of it is not in the input.
func why(o *opening, x exposed) string {
	if x.certain == diag.Possible {
		return "the rule is surely open; whether packets get there depends on what is not in the input"
	}
	var parts []string
	for _, s := range x.exposure.Flow.Ways[0].Stages {
		switch {
		case s.Kind == reach.KindGateway && !s.Reply:
			parts = append(parts, "the way in is "+s.Component+at(s.Place.Range))
		case s.Kind == reach.KindAddress && s.Component == x.iface.Resource && o.family == packet.IPv4:
			parts = append(parts, x.iface.Resource+" has a public address"+at(s.Place.Range))
		}
	}
	parts = append(parts, "no ACL or route on the way says no, in either direction")
	return strings.Join(parts, "; ")
}

// pathPlaces lists what lets the packet in: the rule, the gateway and the route.
func pathPlaces(o *opening, x exposed) []diag.Place {
	places := []diag.Place{{Address: o.rule.Origin.Address, Range: o.rule.Origin.Range}}
	for _, s := range x.exposure.Flow.Ways[0].Stages {
		p := diag.Place{Address: s.Component, Range: s.Place.Range}
		switch {
		case p.Range.IsZero():
			continue
		case s.Kind == reach.KindGateway && !s.Reply:
			p.Message = "gateway"
		case s.Kind == reach.KindRoute && s.Reply && s.Band.Exact():
			p.Message = "route"
		default:
			continue
		}
		places = append(places, p)
	}
	return places
}

// causes lists what keeps an exposure from being definite, on the ways that it
// may take.
func causes(m *reach.Model, o *opening, x exposed) []diag.Cause {
	s := m.Space(o.family)
	var cs []diag.Cause
	for _, w := range x.exposure.Flow.Ways {
		if apart, err := s.Disjoint(w.Forward.Ground, x.services, m.Internet(o.family)); err != nil || apart {
			continue
		}
		for _, st := range w.Stages {
			if st.Band.Exact() || st.Kind == reach.KindGroupIn {
				continue
			}
			for _, u := range st.Because {
				if !slices.Contains(cs, u.Cause) {
					cs = append(cs, u.Cause)
				}
			}
		}
	}
	return cs
}

func addressKnown(i *ir.Interface, h packet.Header) bool {
	return slices.ContainsFunc(i.Addresses, func(a ir.Address) bool {
		return a.Private.Known() && a.Private.V == h.Dst || a.Public.Addr.Known() && a.Public.Addr.V == h.Dst
	})
}

func vpcOf(i *ir.Interface) *ir.VPC {
	if s, ok := i.Subnet.Known(); ok {
		if v, ok := s.VPC.Known(); ok {
			return v
		}
	}
	return nil
}
