package verify

import (
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
	ends := classes(s.n.Interfaces, class)
	if s.o.Done == 0 {
		s.r.Ends, s.r.Interfaces = s.r.Ends+len(ends), s.r.Interfaces+len(s.n.Interfaces)
	}
	done := 0
	for from, to := range pairs(ends) {
		if done++; done > s.o.MaxFlows {
			if s.o.Done == 0 {
				s.r.LeftOut++
			}
			continue
		}
		if s.skips() {
			continue
		}
		for _, f := range packet.Families {
			if err := s.flow(from, to, f); err != nil {
				return err
			}
		}
		s.r.Flows++
	}
	return nil
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
		q.ask = func(n *ir.Network, h packet.Header, port uint16, m mapping) (trace.Verdict, bool) {
			return ask(e, n, trace.Query{From: from, To: to, Header: h, NATPort: port}, m, c.complete)
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
func ask(e *formula.Encoder, n *ir.Network, q trace.Query, m mapping, complete bool) (trace.Verdict, bool) {
	if q.From == nil && !e.Outside(q.Header, false) || q.To == nil && !e.Outside(q.Header, true) {
		return trace.VerdictInvalid, false
	}
	var ok, also bool
	q.From, ok = m.of(q.From)
	q.To, also = m.of(q.To)
	if !ok || !also {
		return trace.Deny, true // nobody is there to send or to receive
	}
	r := trace.Run(n, q)
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
	f := e.Formula(q.fits, q.term, e.Not(must), e.Likely(), e.Shown())
	if !e.Settled(f) {
		return nil
	}
	m, err := s.solve(f)
	if err != nil || m == nil {
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
