package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/formula"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver/smt"
)

// Settlement says with which values of what is unknown a packet passes.
type Settlement struct {
	// Allow and Deny are values with which the packet and its reply pass, and
	// with which they do not, by term, written as ir.Substitute reads them; nil
	// where none were found. Package trace walks the packet with either, and
	// agrees.
	Allow, Deny map[string]string
	// Never: no values let it pass. Always: none keep it from passing.
	Never, Always bool
}

// Bounds of the search without a solver.
const (
	maxCases      = 64 // 2^maxSplit
	maxCandidates = 4  // of a choice
)

// Settle looks for values that decide about a packet whose verdict is unknown.
// First it tries what is likely to decide, term by term, with the walk as the
// judge: both values of a Boolean, all addresses and none for a peer. What that
// leaves open the solver is asked, unless it is nil; one constant a term, so that
// rules which wait for the same value have the same.
func Settle(ctx context.Context, n *ir.Network, q trace.Query, s smt.Solver) (Settlement, error) {
	t := &settling{n: n, q: q}
	if err := t.cases(ctx, trace.Run(n, q).Because); err != nil {
		return t.Settlement, err
	}
	if s == nil || (t.Allow != nil || t.Never) && (t.Deny != nil || t.Always) {
		return t.Settlement, nil
	}
	e := formula.New(n, q.Header.Family())
	g := e.Flow(q.From, q.To)
	is := e.And(e.Is(q.Header), g.Fits, e.Picks(q.NATPort))
	for _, ask := range []struct {
		found *map[string]string
		none  *bool
		want  trace.Verdict
		term  smt.Term
	}{{&t.Allow, &t.Never, trace.Allow, g.Complete}, {&t.Deny, &t.Always, trace.Deny, e.Not(g.Complete)}} {
		if *ask.found != nil || *ask.none {
			continue
		}
		f := e.Formula(is, ask.term)
		m, err := s.Solve(ctx, f)
		switch {
		case errors.Is(err, smt.ErrUndecided):
			continue
		case err != nil:
			return t.Settlement, err
		case m == nil:
			*ask.none = true
			continue
		}
		if values := e.Values(f, m); len(values) > 0 && t.walk(values).Verdict == ask.want {
			*ask.found = t.least(values, ask.want)
		}
	}
	return t.Settlement, nil
}

type settling struct {
	Settlement
	n *ir.Network
	q trace.Query
}

// walk traces the packet with values.
func (t *settling) walk(values map[string]string) trace.Result {
	with, moved := ir.SubstituteMapped(t.n, values)
	q := t.q
	var from, to bool
	q.From, from = mapping(moved).of(t.q.From)
	q.To, to = mapping(moved).of(t.q.To)
	if !from || !to {
		return trace.Result{Verdict: trace.Deny} // nobody is there to send or to receive
	}
	return trace.Run(with, q)
}

// least leaves out the values that the verdict does not need.
func (t *settling) least(values map[string]string, want trace.Verdict) map[string]string {
	for _, term := range slices.Sorted(maps.Keys(values)) {
		fewer := maps.Clone(values)
		delete(fewer, term)
		if len(fewer) > 0 && t.walk(fewer).Verdict == want {
			values = fewer
		}
	}
	return values
}

// cases tries values of what the verdict waits for. With some values it may wait
// for more.
func (t *settling) cases(ctx context.Context, because []*ir.Unknown) error {
	sites := map[string][]ir.Site{}
	for _, s := range ir.Terms(t.n) {
		sites[s.Unknown.Term] = append(sites[s.Unknown.Term], s)
	}
	var terms []string
	for more := because; len(more) > 0; {
		before := len(terms)
		for _, u := range more {
			if u.Term != "" && len(terms) < maxSplit && !slices.Contains(terms, u.Term) && len(t.candidates(sites[u.Term])) > 0 {
				terms = append(terms, u.Term)
			}
		}
		if len(terms) == before {
			return nil
		}
		var err error
		if more, err = t.try(ctx, terms, sites); err != nil {
			return err
		}
	}
	return nil
}

// try walks every combination of values, and returns what still is waited for.
func (t *settling) try(ctx context.Context, terms []string, sites map[string][]ir.Site) ([]*ir.Unknown, error) {
	cases := []map[string]string{{}}
	whole := true // every value that the terms can have is tried
	for _, term := range terms {
		values := t.candidates(sites[term])
		if len(values)*len(cases) > maxCases {
			whole = false
			break
		}
		whole = whole && boolean(sites[term])
		var next []map[string]string
		for _, c := range cases {
			for _, v := range values {
				d := maps.Clone(c)
				d[term] = v
				next = append(next, d)
			}
		}
		cases = next
	}
	var waits []*ir.Unknown
	counts := map[trace.Verdict]int{}
	for _, values := range cases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := t.walk(values)
		counts[r.Verdict]++
		switch {
		case r.Verdict == trace.Allow && t.Allow == nil:
			t.Allow = t.least(values, trace.Allow)
		case r.Verdict == trace.Deny && t.Deny == nil:
			t.Deny = t.least(values, trace.Deny)
		case r.Verdict == trace.Unknown:
			waits = append(waits, r.Because...)
		}
		if t.Allow != nil && t.Deny != nil {
			return nil, nil
		}
	}
	if whole {
		t.Never, t.Always = counts[trace.Deny] == len(cases), counts[trace.Allow] == len(cases)
	}
	return waits, nil
}

// boolean reports whether a term has two values only.
func boolean(sites []ir.Site) bool {
	return !slices.ContainsFunc(sites, func(s ir.Site) bool { return s.Kind != ir.SiteBool || s.Field == ir.FieldGroups })
}

// candidates are values of a term that are likely to decide, the most open first.
func (t *settling) candidates(sites []ir.Site) []string {
	var all []string
	for _, s := range sites {
		if s.Kind == ir.SiteExists && slices.ContainsFunc(sites, func(o ir.Site) bool { return o.Kind == ir.SitePeer }) {
			continue // a list: its elements say how many there are
		}
		for _, v := range t.likely(s) {
			if !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

func (t *settling) likely(s ir.Site) []string {
	h := t.q.Header
	everywhere := "0.0.0.0/0"
	if h.Family() == packet.IPv6 {
		everywhere = "::/0"
	}
	switch s.Kind {
	case ir.SitePeer, ir.SiteCIDRs:
		return []string{everywhere, ""}
	case ir.SiteProtocol:
		return []string{"-1", fmt.Sprint(h.Protocol), fmt.Sprint(h.Protocol ^ 1)}
	case ir.SitePorts:
		return ports(s.Ports, h)
	case ir.SiteNumber:
		return []string{"1", "32766"}
	case ir.SiteBool:
		return []string{"true", "false"}
	case ir.SiteExists:
		return []string{"1", "0"}
	case ir.SiteChoice:
		var each []string
		for k := range min(s.Candidates, maxCandidates) {
			each = append(each, fmt.Sprint(k))
		}
		return each
	case ir.SiteBPA:
		return []string{"off", "bidirectional"}
	case ir.SiteExclusion:
		return []string{"bidirectional", "none"}
	case ir.SiteServices:
		return []string{fmt.Sprintf("%d/%d", h.Protocol, h.DstPort), ""}
	case ir.SiteGroups, ir.SiteRules, ir.SiteEntries, ir.SiteRoutes, ir.SiteOther:
		return []string{""}
	case ir.SiteInvalid, ir.SiteCIDR, ir.SiteAddress, ir.SiteIdentity:
	}
	return nil
}

// ports are the widest interval, and one that holds no port of the packet.
func ports(widest ir.Ports, h packet.Header) []string {
	if widest == (ir.Ports{}) {
		widest = ir.AllPorts
	}
	all := []string{fmt.Sprintf("%d-%d", widest.Lo, widest.Hi)}
	for p := int(widest.Lo); p <= int(widest.Hi); p++ {
		if p != int(h.SrcPort) && p != int(h.DstPort) {
			return append(all, fmt.Sprint(p))
		}
	}
	return all
}
