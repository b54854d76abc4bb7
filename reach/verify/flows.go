package verify

import (
	"fmt"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/formula"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver/smt"
)

// flows compares what flows between representatives of the interfaces, and
// between them and hosts outside.
func (s *session) flows() error {
	ends := []*ir.Interface{nil}
	ends = append(ends, s.representatives(func(i *ir.Interface) string {
		return fmt.Sprintf("%v %v %d %v %v %v %v %p", i.Subnet, i.Groups, i.Kind, i.DenyIGW, i.NoInbound, i.Maybe, publicness(i), i.Services)
	})...)
	// Hosts outside come first: they are what findings are about.
	done := 0
	for reach := range len(ends) {
		for other := range reach + 1 {
			for _, p := range [][2]*ir.Interface{{ends[other], ends[reach]}, {ends[reach], ends[other]}} {
				if p[0] == p[1] {
					continue
				}
				if done++; done > s.o.MaxFlows {
					s.r.LeftOut++
					continue
				}
				for _, f := range packet.Families {
					if err := s.flow(p[0], p[1], f); err != nil {
						return err
					}
				}
				s.r.Flows++
			}
		}
	}
	return nil
}

func publicness(i *ir.Interface) string {
	text := ""
	for _, a := range i.Addresses {
		text += fmt.Sprintf("%d %v %v;", a.Family, a.Public.Exists, a.Maybe)
	}
	return text
}

// flow compares a request, and the request with its reply.
func (s *session) flow(from, to *ir.Interface, f packet.Family) error {
	flow, err := s.model.Flow(s.ctx, from, to, f)
	if err != nil {
		return err
	}
	e, sp := formula.New(s.n, f), s.model.Space(f)
	g := e.Flow(from, to)
	what := name(from) + " to " + name(to)
	for _, c := range []struct {
		what     string
		band     reach.Band
		term     smt.Term
		complete bool
	}{{what + ", the request", flow.Forward, g.Forward, false}, {what, flow.Complete, g.Complete, true}} {
		q := question{
			what: c.what, encoder: e, space: sp, band: c.band, term: c.term, fits: g.Fits, anywhere: g.Somewhere,
			within: flow.Addressed, from: from, to: to,
		}
		q.ask = func(n *ir.Network, h packet.Header, m mapping) (trace.Verdict, bool) {
			return ask(e, n, h, m, from, to, c.complete)
		}
		if !c.band.Exact() && len(s.cases) > 0 {
			if q.band, err = s.split(c.band, from, to, f, c.complete); err != nil {
				return err
			}
		}
		if err := s.compare(q); err != nil {
			return err
		}
		if c.complete && from == nil && !q.band.Exact() {
			if err := s.opens(&q); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask has trace walk a header. False where the question makes no sense: an end
// outside has an address of the network's, an interface turned out not to be.
func ask(e *formula.Encoder, n *ir.Network, h packet.Header, m mapping, from, to *ir.Interface, complete bool) (trace.Verdict, bool) {
	if from == nil && !e.Outside(h, false) || to == nil && !e.Outside(h, true) {
		return trace.VerdictInvalid, false
	}
	a, ok := m.of(from)
	b, also := m.of(to)
	if !ok || !also {
		return trace.Deny, true // nobody is there to send or to receive
	}
	r := trace.Run(n, trace.Query{From: a, To: b, Header: h})
	if hops := r.Forward.Hops; m != nil && r.Forward.Verdict == trace.Deny && len(hops) > 0 && hops[len(hops)-1].Stage == trace.StageEndpoint {
		return trace.VerdictInvalid, false // the values gave the end another address
	}
	if complete {
		return r.Verdict, true
	}
	return r.Forward.Verdict, true
}

// opens looks for values that complete a flow from the internet.
func (s *session) opens(q *question) error {
	if len(s.r.Opens) >= maxOpens || s.o.Solver == nil {
		return nil
	}
	e := q.encoder
	must, ok := s.boxes(q, q.band.Must)
	if !ok {
		return nil
	}
	f := e.Formula(q.fits, q.term, e.Not(must), e.Likely(), e.Least())
	m, err := s.solve(f)
	if err != nil || m == nil || !e.Settled(f) {
		return err
	}
	if values := e.Values(f, m); len(values) > 0 {
		s.r.Opens = append(s.r.Opens, Opening{To: q.to, Header: m.Header, Values: values})
	}
	return nil
}

func name(i *ir.Interface) string {
	if i == nil {
		return "outside"
	}
	return i.Resource
}
