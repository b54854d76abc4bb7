package rules

import (
	"fmt"
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

var almostInternet = &Rule{
	ID: "almost-internet", Title: "Open to most of the internet", Severity: diag.High, Exposure: true,
	Doc: Doc{
		What:       "A service other than http and https is open to more than half of the internet, though no rule names all of it.",
		Why:        "Half of the internet holds as many attackers as all of it. A list of large blocks often was 0.0.0.0/0 once, and was cut up to please a checker.",
		Fix:        "Name the addresses that need the service.",
		Bad:        publicInstance(rule{"tcp", "22", "22", "0.0.0.0/1"}, rule{"tcp", "22", "22", "128.0.0.0/2"}),
		Good:       publicInstance(rule{"tcp", "22", "22", "198.51.100.0/24"}),
		References: []string{"CIS AWS Foundations v5 5.3", "Security Hub EC2.13"},
	},
	Run: almostOpen,
}

// mostOfInternet is the share above which a service counts as open to most of
// the internet.
const mostOfInternet = 0.5

func almostOpen(p *Pass) error {
	for _, f := range packet.Families {
		s := p.Model.Space(f)
		var said []*ir.SecurityGroup
		for _, i := range targets(p) {
			rules := narrowRules(s, f, i)
			if len(rules) < 1 {
				continue
			}
			x, err := p.Model.Exposure(p.Context, i, f)
			if err != nil {
				return err
			}
			for _, try := range []struct {
				open    solver.Set
				certain diag.Certainty
			}{{x.Open.Must, diag.Definite}, {x.Open.Ground, diag.Possible}} {
				found, err := almostOn(p, f, i, rules, x, try.open, try.certain, &said)
				if err != nil {
					return err
				}
				if found {
					break
				}
			}
		}
	}
	return nil
}

// narrowRules are the ingress rules of an interface's sure groups that name
// addresses of the internet, none of which names all of it.
func narrowRules(s *solver.Space, f packet.Family, i *ir.Interface) []groupRule {
	var rs []groupRule
	for _, r := range groupRules(i, false) {
		if reach.CoversInternet(f, r.rule.Peer) {
			continue
		}
		if reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Must != solver.Empty {
			rs = append(rs, r)
		}
	}
	return rs
}

// almostOn reports the services of an interface that are open to most of the
// internet by rules that name a part of it. One finding a group is enough.
func almostOn(p *Pass, f packet.Family, i *ir.Interface, rules []groupRule, x *reach.Exposure, open solver.Set, certain diag.Certainty, said *[]*ir.SecurityGroup) (bool, error) {
	s, inet := p.Model.Space(f), p.Model.Internet(f)
	var narrow []solver.Set
	for _, r := range rules {
		narrow = append(narrow, reach.RuleBand(s, reach.RequestView(false), r.rule, nil).Must)
	}
	open = s.Intersect(open, inet, s.Union(narrow...))
	open = s.Difference(open, s.Union(p.Model.Everyone(f, x.Open.May), webServices(s)))
	services := s.Project(s.Project(s.Project(open, packet.FieldSrc), packet.FieldDst), packet.FieldSrcPort)
	for b := range s.Boxes(services) {
		b.Protocol.Hi, b.DstPort.Hi = b.Protocol.Lo, b.DstPort.Lo
		share := p.Model.Share(f, open, b)
		if share <= mostOfInternet {
			continue
		}
		var by []groupRule
		for k, r := range rules {
			if apart, err := s.Disjoint(narrow[k], s.Of(b), inet); err == nil && !apart {
				by = append(by, r)
			}
		}
		h, ok, err := s.Witness(open, s.Of(b))
		if err != nil || !ok || slices.Contains(*said, by[0].group) {
			return ok, err
		}
		*said = append(*said, by[0].group)
		reportAlmost(p, f, i, by, h, share, certain, x)
		return true, s.Err()
	}
	return false, s.Err()
}

// webServices are the services that are meant to be public.
func webServices(s *solver.Space) solver.Set {
	return s.Of(tcp(80, 80, "").box(s.Family()), tcp(443, 443, "").box(s.Family()), icmpBox(s.Family()))
}

// icmpBox is every ICMP packet of a family: internet-icmp is about those.
func icmpBox(f packet.Family) solver.Box {
	protocol := packet.ICMP
	if f == packet.IPv6 {
		protocol = packet.ICMPv6
	}
	b := solver.Everything(f)
	b.Protocol = solver.Port(uint16(protocol))
	return b
}

func reportAlmost(p *Pass, f packet.Family, i *ir.Interface, by []groupRule, h packet.Header, share float64, certain diag.Certainty, x *reach.Exposure) {
	var cidrs []string
	first := by[0]
	finding := diag.Finding{
		Certainty: certain, Family: f,
		Place: first.rule.Origin.Place(fmt.Sprintf("%s of the internet may send %s to %s", percent(share), serviceOf(h), i.Resource)),
		Fix:   diag.Fix{Text: "name the addresses that need it"},
		Path: []diag.Hop{{
			From: "internet", To: i.Resource, Protocol: packet.ProtocolName(int16(h.Protocol)), Port: portOf(h),
			Places: []diag.Place{first.rule.Origin.Place("")},
		}},
		Witness: &diag.Witness{Header: h, SrcOf: "internet", DstOf: i.Resource, Representative: !addressKnown(i, h)},
		Key:     "most of the internet " + serviceWords(&first.rule.Match),
	}
	for k, r := range by {
		if n := peerWords(&r.rule.Peer); !slices.Contains(cidrs, n) {
			cidrs = append(cidrs, n)
		}
		if k > 0 {
			finding.Related = append(finding.Related, r.rule.Origin.Place("and these addresses"))
		}
	}
	finding.Message = fmt.Sprintf("%s of the internet may reach %s on %s: %s", percent(share), i.Resource, serviceOf(h), listWords(cidrs, 4))
	finding.Why = "no rule names the whole internet, and together they name most of it"
	if certain == diag.Possible {
		finding.Because = causes(p.Model, &opening{family: f}, exposed{exposure: x, services: p.Model.Space(f).All()})
	}
	homeOf(&finding, first.group.Home, first.group.VPCs)
	p.Prove(finding, Proof{
		Query: trace.Query{To: i, Header: h},
		Expect: func(r trace.Result) bool {
			v := r.Verdict
			if h.Protocol != packet.TCP {
				v = r.Forward.Verdict
			}
			return v == trace.Allow || certain == diag.Possible && v == trace.Unknown
		},
	})
}

// percent says a share of the internet without more precision than it has.
func percent(share float64) string {
	if share > 0.99 {
		return "nearly all"
	}
	return fmt.Sprintf("%.0f %%", share*100)
}
