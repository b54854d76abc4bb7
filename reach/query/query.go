// Package query answers what flows between two ends of which each may be many
// interfaces and hosts: the sets of packets, in both directions, a packet that
// shows the answer, and what stands in the way where there is none.
//
// A question comes down to pairs of ends, one flow of package reach for each.
// The sets of the pairs are joined, in headers as the initiator sends them. The
// verdict of a pair is about all addresses that its ends may turn out to have:
// where AWS picks the address of an interface, "allow" holds whichever it picks.
//
// Every answer is shown by packets, and package trace judges each of them.
package query

import (
	"context"
	"errors"
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

// MaxPairs bounds the pairs of ends of one question.
const MaxPairs = 20_000

// Question asks what flows from any of some ends to any of others.
type Question struct {
	From, To []endpoint.End
	// Service narrows the question to packets of a protocol and port.
	Service endpoint.Service
	// Src and Dst narrow it to one address, as the initiator sends it; the zero
	// address does not.
	Src, Dst netip.Addr
	// SourcePort narrows it to one client port when SourcePortSet.
	SourcePort    uint16
	SourcePortSet bool
	// All asks for the verdict about every packet asked for, from the client
	// ports 1024-65535 where SourcePortSet is not: whether all of them flow.
	All bool
}

// Answer is what flows.
type Answer struct {
	// Verdict is allow when something surely flows and is answered (with All:
	// when everything does), deny when nothing can, unknown otherwise.
	Verdict trace.Verdict
	Pairs   []Pair
	// Sets joins the pairs, IPv4 first. A family that no pair has an address of
	// is left out.
	Sets []Sets
	// Shown is the pair and the packet that the answer is shown by: one that
	// flows, or may, or is stopped. Nil when no packet can be named.
	Shown *Shown
	// Blockers are what stops everything in every way of a pair that is denied,
	// for the pairs that deny, without repetitions.
	Blockers []Blocker
	// Repair is the least that would have to change where nothing flows; nil when
	// nothing is known that would help.
	Repair *Repair
	// Disagreements are answers that the concrete evaluator does not confirm:
	// faults of postern's own.
	Disagreements []string
}

// Pair is one pair of ends.
type Pair struct {
	From, To endpoint.End
	Verdict  trace.Verdict
	Sets     []Sets
	// tried are the flows of the families that both ends have addresses of.
	tried []tried
}

// Met reports whether both ends have addresses of one family.
func (p Pair) Met() bool { return len(p.tried) > 0 }

// tried is what was asked of package reach in one family.
type tried struct {
	family packet.Family
	asked  solver.Set
	flow   reach.Flow
}

// Sets is what flows in one family.
type Sets struct {
	Family packet.Family
	// Forward arrives; Complete is answered as well, or needs no reply; Blocked
	// arrives and its replies are dropped.
	Forward, Complete, Blocked reach.Band
}

// Shown is one packet between two ends.
type Shown struct {
	From, To endpoint.End
	Header   packet.Header
	Result   trace.Result
	// Floating names the ends whose address the input does not fix.
	Floating []string
}

// TooManyError says that a question comes down to more pairs than are asked.
type TooManyError struct{ From, To int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d ends and %d others are more than %d pairs; name fewer", e.From, e.To, MaxPairs)
}

// Run answers a question. The error is a *TooManyError, the context's, or
// package solver's.
func Run(ctx context.Context, m *reach.Model, q Question) (*Answer, error) {
	if len(q.From)*len(q.To) > MaxPairs {
		return nil, &TooManyError{len(q.From), len(q.To)}
	}
	a := &Answer{}
	for _, from := range q.From {
		for _, to := range q.To {
			p, err := pair(ctx, m, q, from, to)
			if errors.Is(err, reach.ErrSelf) {
				continue
			}
			if err != nil {
				return nil, err
			}
			a.Pairs = append(a.Pairs, p)
		}
	}
	a.join(m)
	a.Verdict = verdict(a.Pairs, q.All)
	a.show(m, q)
	a.block(m, q)
	return a, nil
}

// pair answers for one pair of ends.
func pair(ctx context.Context, m *reach.Model, q Question, from, to endpoint.End) (Pair, error) {
	p := Pair{From: from, To: to, Verdict: trace.Deny}
	if from.Interface == nil && to.Interface == nil {
		return p, nil // no VPC is on the way
	}
	var verdicts []trace.Verdict
	for _, f := range packet.Families {
		if from.Nowhere.IsValid() || to.Nowhere.IsValid() || !has(from, f) || !has(to, f) {
			continue
		}
		flow, err := m.Flow(ctx, from.Interface, to.Interface, f)
		if err != nil {
			return p, err
		}
		s := m.Space(f)
		asked := q.asked(s, from, to)
		p.tried = append(p.tried, tried{f, asked, flow})
		sets := Sets{Family: f, Forward: within(s, flow.Forward, asked), Complete: within(s, flow.Complete, asked)}
		sets.Blocked = reach.Band{
			Must:   s.Difference(sets.Forward.Must, sets.Complete.May),
			Ground: s.Difference(sets.Forward.Ground, sets.Complete.Must),
			May:    s.Difference(sets.Forward.May, sets.Complete.Must),
		}
		fits := addressed(s, flow, asked)
		if len(fits) == 0 {
			continue // no way has addresses for the packets asked about
		}
		verdicts = append(verdicts, judge(s, q, flow, sets.Complete, fits, asked))
		p.Sets = append(p.Sets, sets)
		if err := s.Err(); err != nil {
			return p, err
		}
	}
	p.Verdict = joined(verdicts, q.All)
	return p, nil
}

// has reports whether an end may have addresses of a family.
func has(e endpoint.End, f packet.Family) bool {
	if e.Interface == nil {
		return e.Addresses == nil || slices.ContainsFunc(e.Addresses.Ranges(), func(r netipx.IPRange) bool { return packet.FamilyOf(r.From()) == f })
	}
	return slices.ContainsFunc(e.Interface.Addresses, func(a ir.Address) bool {
		return a.Family == f || a.Family == packet.FamilyInvalid || a.Private.Known() && packet.FamilyOf(a.Private.V) == f
	}) || slices.ContainsFunc(e.Interface.Prefixes, func(p netip.Prefix) bool { return packet.FamilyOfPrefix(p) == f })
}

// asked is the set of headers that a question is about.
func (q Question) asked(s *solver.Space, from, to endpoint.End) solver.Set {
	f := s.Family()
	set := q.service(s)
	for _, end := range []struct {
		field packet.Field
		end   endpoint.End
		only  netip.Addr
	}{{packet.FieldSrc, from, q.Src}, {packet.FieldDst, to, q.Dst}} {
		if end.only.IsValid() {
			set = s.Intersect(set, addresses(s, end.field, solver.Address(end.only)))
		}
		if end.end.Interface == nil && end.end.Addresses != nil {
			set = s.Intersect(set, addresses(s, end.field, end.end.Addresses.Ranges()...))
		}
	}
	if q.SourcePortSet {
		b := solver.Everything(f)
		b.SrcPort = solver.Port(q.SourcePort)
		set = s.Intersect(set, s.Of(b))
	}
	return set
}

// service is the set of headers of the protocol and ports asked for.
func (q Question) service(s *solver.Space) solver.Set {
	b := solver.Everything(s.Family())
	if !q.Service.All && q.Service.Text != "" {
		b.Protocol = solver.Port(uint16(q.Service.Protocol))
		b.DstPort = solver.Interval{Lo: q.Service.Lo, Hi: q.Service.Hi}
	}
	return s.Of(b)
}

// joined is the verdict of several families or pairs.
func joined(vs []trace.Verdict, all bool) trace.Verdict {
	first, last := trace.Allow, trace.Deny
	if all { // one that fails is enough
		first, last = trace.Deny, trace.Allow
	}
	if len(vs) == 0 {
		return trace.Deny
	}
	v := last
	for _, w := range vs {
		if w == first {
			return first
		}
		if w == trace.Unknown {
			v = trace.Unknown
		}
	}
	return v
}

func verdict(ps []Pair, all bool) trace.Verdict {
	vs := make([]trace.Verdict, len(ps))
	for i, p := range ps {
		vs[i] = p.Verdict
	}
	return joined(vs, all)
}

// judge gives the verdict about one family of a pair. Of fits, see addressed.
func judge(s *solver.Space, q Question, flow reach.Flow, complete reach.Band, fits []fit, asked solver.Set) trace.Verdict {
	switch {
	case complete.May == solver.Empty:
		return trace.Deny
	case q.All:
		return judgeAll(s, q, complete, union(s, fits))
	}
	// Whatever address AWS picks for an end, some packet has to flow.
	if surely(s, flow, complete.Must, asked) != solver.Empty {
		return trace.Allow
	}
	return trace.Unknown
}

// every keeps the headers that are in a set whatever the field is among those
// that the end may have.
func every(s *solver.Space, a solver.Set, field packet.Field, fit solver.Set) solver.Set {
	among := s.Project(s.Project(s.Project(fit, packet.FieldSrcPort), packet.FieldDstPort), packet.FieldProtocol)
	return s.Intersect(reach.Every(s, a, field, among), s.Project(a, field), fit)
}

// judgeAll gives the verdict about all packets asked for.
func judgeAll(s *solver.Space, q Question, complete reach.Band, asked solver.Set) trace.Verdict {
	if !q.SourcePortSet {
		asked = s.Difference(asked, lowClients(s))
	}
	// They are asked for at the destinations that anything reaches, and from
	// every source: an end's private address, or its public one, as the way is.
	reached := complete.May
	for _, f := range []packet.Field{packet.FieldProtocol, packet.FieldSrc, packet.FieldSrcPort, packet.FieldDstPort} {
		reached = s.Project(reached, f)
	}
	asked = s.Intersect(asked, reached)
	if ok, err := s.Subset(asked, complete.Must); err == nil && ok {
		return trace.Allow
	}
	if ok, err := s.Subset(asked, complete.May); err == nil && !ok {
		return trace.Deny
	}
	return trace.Unknown
}

// lowClients are the headers of client ports that no client picks by itself.
func lowClients(s *solver.Space) solver.Set {
	var low []solver.Box
	for _, p := range []uint8{packet.TCP, packet.UDP} {
		b := solver.Everything(s.Family())
		b.Protocol, b.SrcPort = solver.Port(uint16(p)), solver.Interval{Lo: 0, Hi: 1023}
		low = append(low, b)
	}
	return s.Of(low...)
}

// fit is the headers asked about that go one kind of ways: to private addresses,
// to public ones, to those of a load balancer.
type fit struct {
	set     solver.Set
	through []*ir.Interface // load balancers
}

// addressed lists the headers asked about whose addresses the ends may have.
func addressed(s *solver.Space, flow reach.Flow, asked solver.Set) []fit {
	var fits []fit
	for _, w := range flow.Ways {
		f := fit{asked, w.Through}
		for _, st := range w.Stages {
			if st.Kind == reach.KindAddress && !st.Reply {
				f.set = s.Intersect(f.set, st.Band.May)
			}
		}
		if f.set != solver.Empty && !slices.ContainsFunc(fits, func(o fit) bool { return o.set == f.set }) {
			fits = append(fits, f)
		}
	}
	return fits
}

func union(s *solver.Space, fits []fit) solver.Set {
	var sets []solver.Set
	for _, f := range fits {
		sets = append(sets, f.set)
	}
	return s.Union(sets...)
}

func within(s *solver.Space, b reach.Band, a solver.Set) reach.Band {
	return reach.Band{Must: s.Intersect(b.Must, a), Ground: s.Intersect(b.Ground, a), May: s.Intersect(b.May, a)}
}

// addresses is the set of headers of which a field is one of some addresses.
func addresses(s *solver.Space, field packet.Field, rs ...netipx.IPRange) solver.Set {
	var boxes []solver.Box
	for _, r := range rs {
		if packet.FamilyOf(r.From()) != s.Family() {
			continue
		}
		b := solver.Everything(s.Family())
		if field == packet.FieldSrc {
			b.Src = r
		} else {
			b.Dst = r
		}
		boxes = append(boxes, b)
	}
	return s.Of(boxes...)
}
