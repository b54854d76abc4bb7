package query

import (
	"fmt"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// join makes the sets of all pairs one, family by family.
func (a *Answer) join(m *reach.Model) {
	for _, f := range packet.Families {
		s := m.Space(f)
		var forward, complete, blocked [3][]solver.Set
		for _, p := range a.Pairs {
			for _, x := range p.Sets {
				if x.Family == f {
					gather(&forward, x.Forward)
					gather(&complete, x.Complete)
					gather(&blocked, x.Blocked)
				}
			}
		}
		if len(forward[0]) > 0 {
			a.Sets = append(a.Sets, Sets{f, bandOf(s, forward), bandOf(s, complete), bandOf(s, blocked)})
		}
	}
}

func gather(into *[3][]solver.Set, b reach.Band) {
	for i, set := range []solver.Set{b.Must, b.Ground, b.May} {
		into[i] = append(into[i], set)
	}
}

func bandOf(s *solver.Space, of [3][]solver.Set) reach.Band {
	return reach.Band{Must: s.Union(of[0]...), Ground: s.Union(of[1]...), May: s.Union(of[2]...)}
}

// show picks the packet that the answer is shown by, and has it judged. A
// packet that surely flows is traced for every pair that says so.
func (a *Answer) show(m *reach.Model, q Question) {
	for i := range a.Pairs {
		p := &a.Pairs[i]
		if p.Verdict == trace.Unknown && a.Verdict != trace.Unknown {
			continue
		}
		shown := p.witness(m, q)
		if shown == nil {
			continue
		}
		if wrong := p.contradicts(q, shown); wrong != "" {
			a.Disagreements = append(a.Disagreements, wrong)
		}
		if p.Verdict == a.Verdict && (a.Shown == nil || shown.detour() < a.Shown.detour()) {
			a.Shown = shown
		}
	}
}

// detour is how far a packet is from one that says most: from a sender to a
// receiver, with filters on the way and nothing that sends on.
func (s *Shown) detour() int {
	n := 0
	for _, h := range s.Result.Forward.Hops {
		if h.Stage == trace.StageLoadBalancer {
			n = max(n, 1)
		} else if h.Stage == trace.StageExempt {
			n = max(n, 2)
		}
	}
	return n
}

// contradicts says what is wrong when the concrete evaluator sees a packet
// otherwise than the sets do.
func (p *Pair) contradicts(q Question, shown *Shown) string {
	got := shown.Result.Verdict
	sure := p.surely(q)
	if sure == trace.Allow && got != trace.Allow || sure == trace.Deny && got == trace.Allow {
		return fmt.Sprintf("%s: the sets of packets say %s, and the walk of one of them %s", shown.Header, sure, got)
	}
	return ""
}

// surely is what every packet that witness picks has to be.
func (p *Pair) surely(q Question) trace.Verdict {
	if q.All && p.Verdict == trace.Deny {
		return trace.Unknown // one that fails is shown, which may be for want of knowledge
	}
	return p.Verdict
}

// witness picks a packet of a pair that shows its verdict, and traces it.
func (p *Pair) witness(m *reach.Model, q Question) *Shown {
	for i := range p.tried {
		t := &p.tried[i]
		s := m.Space(t.family)
		complete, forward := reach.Band{}, reach.Band{}
		for _, x := range p.Sets {
			if x.Family == t.family {
				complete, forward = x.Complete, x.Forward
			}
		}
		ways := addressed(s, t.flow, t.asked)
		fits := union(s, ways)
		var among []solver.Set
		switch p.Verdict {
		case trace.Allow:
			for _, w := range ways { // the direct way says most
				if len(w.through) == 0 {
					among = append(among, s.Intersect(complete.Must, w.set))
				}
			}
			among = append(among, complete.Must)
		case trace.Unknown:
			among = []solver.Set{s.Difference(complete.May, complete.Must)}
		case trace.Deny, trace.VerdictInvalid:
			among = []solver.Set{s.Difference(forward.Must, complete.May), s.Difference(fits, complete.May), s.Difference(t.asked, complete.May)}
		}
		for _, set := range among {
			h, ok, err := s.Witness(set, privately(s, p.From, t.flow))
			if err == nil && !ok {
				h, ok, err = s.Witness(set)
			}
			if err != nil || !ok {
				continue
			}
			query := trace.Query{From: p.From.Interface, To: p.To.Interface, Header: h}
			shown := &Shown{From: p.From, To: p.To, Header: h, Result: trace.Run(m.Net, query)}
			if !t.flow.FixedFrom {
				shown.Floating = append(shown.Floating, p.From.Interface.Resource)
			}
			if !t.flow.FixedTo {
				shown.Floating = append(shown.Floating, p.To.Interface.Resource)
			}
			return shown
		}
	}
	return nil
}

// privateAddresses are those that VPCs have as a rule. [RFC 1918, RFC 6598]
var privateAddresses = [...]netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
}

// privately is the headers that an interface would send from a private address,
// where nothing tells which: an internet address would be taken for its public
// one, which it never sends from.
func privately(s *solver.Space, from endpoint.End, flow reach.Flow) solver.Set {
	if from.Interface == nil || flow.FixedFrom || s.Family() != packet.IPv4 {
		return s.All()
	}
	var ranges []netipx.IPRange
	for _, p := range privateAddresses {
		ranges = append(ranges, netipx.RangeOfPrefix(p))
	}
	return addresses(s, packet.FieldSrc, ranges...)
}

// mostRepairs is for how many pairs a repair is looked for.
const mostRepairs = 64

// Blocker is what stops everything between two ends.
type Blocker struct {
	reach.Stage
	// Like is how many more there are of the same place in the input: the
	// other interfaces that one block makes.
	Like int
}

// Repair is the least that would have to change so that something flows between
// the ends of a pair.
type Repair struct {
	Pair   *Pair
	Family packet.Family
	Ways   []WayRepair // the one with the fewest changes first
	// Passed are the filters on the first way that let Header through already.
	Header packet.Header
	Passed []Passed
	last   []reach.Change // of the first way
}

// WayRepair is a way with the changes that would open it.
type WayRepair struct {
	Via     string
	Through []*ir.Interface // load balancers
	Changes []Change
	way     reach.Way
}

// same reports whether two ways, through different subnets, take the same.
func (w WayRepair) same(o WayRepair) bool {
	return w.Via == o.Via && slices.Equal(w.Through, o.Through) && len(w.Changes) == len(o.Changes)
}

// Change is a stage that has to let more through, and a part of what it stops.
type Change struct {
	reach.Stage
	Let Row
	// From and To are the addresses of Let in words: of an interface whose address
	// AWS picks, its subnets; nil for hosts outside.
	From, To []string
}

// whose says addresses in words; of an interface whose address AWS picks, its
// subnets, and nothing of hosts outside: they are called as the question does.
func whose(m *reach.Model, f packet.Family, end endpoint.End, ps []netip.Prefix) []string {
	switch {
	case end.Interface == nil:
		return nil
	case len(ps) == 1 && ps[0].IsSingleIP():
		return addressNames(m, held(m.Net), f, end, ps)
	}
	var names []string
	for _, s := range end.Interface.Subnet.Of {
		c := s.IPv4
		if f == packet.IPv6 {
			c = s.IPv6
		}
		if !c.Known() || !c.V.IsValid() || !c.V.Contains(ps[0].Addr()) {
			continue
		}
		names = append(names, c.V.String())
	}
	if len(names) > 0 {
		return names
	}
	return addressNames(m, held(m.Net), f, end, ps)
}

// Passed is a filter that lets a header through, with the line that does.
type Passed struct {
	reach.Stage
	Entry *ir.Entry // of an ACL
	Rule  *ir.Rule  // of a group
}

// repair finds the repair for a denied pair with the fewest changes.
func (a *Answer) repair(m *reach.Model, p *Pair) *Repair {
	var best *Repair
	for _, t := range p.tried {
		ways := m.Repairs(t.family, t.flow, t.asked)
		if len(ways) == 0 || best != nil && len(best.Ways[0].Changes) <= len(ways[0].Changes) {
			continue
		}
		best = &Repair{Pair: p, Family: t.family}
		for _, w := range ways {
			r := WayRepair{Via: w.Way.Via, Through: w.Way.Through, way: w.Way}
			for _, c := range w.Changes {
				let := rowOf(t.family, c.Let)
				r.Changes = append(r.Changes, Change{c.Stage, let, whose(m, t.family, p.From, let.Src), whose(m, t.family, p.To, let.Dst)})
			}
			if !slices.ContainsFunc(best.Ways, r.same) {
				best.Ways = append(best.Ways, r)
			}
		}
		best.last = ways[0].Changes[max(len(ways[0].Changes)-1, 0):]
	}
	if best != nil {
		best.pass(m)
	}
	return best
}

// pass lists what lets a packet of the repair through already.
func (r *Repair) pass(m *reach.Model) {
	s, way := m.Space(r.Family), r.Ways[0]
	changes := func(st reach.Stage) bool {
		return slices.ContainsFunc(way.Changes, func(c Change) bool { return c.Message == st.Message && c.Reply == st.Reply })
	}
	left := s.All()
	for _, c := range r.last {
		left = s.Of(c.Let)
	}
	for _, st := range way.way.Stages {
		if narrowed := s.Intersect(left, st.Band.Must); !changes(st) && narrowed != solver.Empty {
			left = narrowed
		}
	}
	h, ok, err := s.Witness(left)
	if err != nil || !ok {
		return
	}
	r.Header = h
	for _, st := range way.way.Stages {
		if in, err := s.Contains(st.Band.Must, h); err != nil || !in || changes(st) {
			continue
		}
		switch st.Kind {
		case reach.KindACLIn, reach.KindACLOut:
			r.Passed = append(r.Passed, Passed{Stage: st, Entry: deciding(s, st, h)})
		case reach.KindGroupIn, reach.KindGroupOut:
			r.Passed = append(r.Passed, Passed{Stage: st, Rule: letting(s, st, h)})
		case reach.KindAddress, reach.KindRoute, reach.KindGateway, reach.KindBPA, reach.KindLink, reach.KindService, reach.KindOutside,
			reach.KindAppliance, reach.KindTranslate:
		}
	}
}

// deciding is the entry of an ACL stage that first matches a header, when it
// sees the header as it is stated.
func deciding(s *solver.Space, st reach.Stage, h packet.Header) *ir.Entry {
	if st.ACL == nil {
		return nil
	}
	egress := st.Kind == reach.KindACLOut
	view := reach.RequestView(egress)
	if st.Reply {
		view = reach.ReplyView(egress)
	}
	for _, e := range reach.Entries(st.ACL, egress) {
		if in, err := s.Contains(reach.EntryBand(s, view, e).Must, h); err == nil && in {
			return e
		}
	}
	return nil
}

// letting is a rule of a group stage that lets a header through.
func letting(s *solver.Space, st reach.Stage, h packet.Header) *ir.Rule {
	if st.Interface == nil {
		return nil
	}
	egress := st.Kind == reach.KindGroupOut
	for _, g := range st.Interface.Groups.Sure {
		rs := g.Rules(egress)
		for k := range rs {
			if in, err := s.Contains(reach.RuleBand(s, reach.RequestView(egress), &rs[k], nil).Must, h); err == nil && in {
				return &rs[k]
			}
		}
	}
	return nil
}

// block gathers what stops everything, for the pairs that nothing flows
// between.
func (a *Answer) block(m *reach.Model, q Question) {
	some := func(p Pair) bool {
		return slices.ContainsFunc(p.Sets, func(x Sets) bool { return x.Complete.May != solver.Empty })
	}
	if a.Verdict != trace.Deny || q.All && slices.ContainsFunc(a.Pairs, some) {
		return
	}
	for i := range a.Pairs {
		if r := a.repair(m, &a.Pairs[i]); r != nil && (a.Repair == nil || len(r.Ways[0].Changes) < len(a.Repair.Ways[0].Changes)) {
			a.Repair = r
		}
		if i >= mostRepairs {
			break
		}
	}
	seen := map[string]bool{}
	for i := range a.Pairs {
		for _, t := range a.Pairs[i].tried {
			for _, st := range m.Blockers(t.family, t.flow, t.asked) {
				if key := fmt.Sprint(st.Kind, st.Reply, st.Component, st.Message); seen[key] {
					continue
				} else {
					seen[key] = true
				}
				if k := slices.IndexFunc(a.Blockers, func(b Blocker) bool { return b.like(st) }); k >= 0 {
					a.Blockers[k].Like++
					continue
				}
				a.Blockers = append(a.Blockers, Blocker{Stage: st})
			}
		}
	}
}

// like reports whether another stage is of the same line of the input.
func (b Blocker) like(s reach.Stage) bool {
	return b.Kind == s.Kind && b.Reply == s.Reply && b.Code == s.Code && !s.Place.Range.IsZero() && b.Place.Range == s.Place.Range
}
