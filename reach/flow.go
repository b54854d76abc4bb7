package reach

import (
	"context"
	"errors"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Question asks what flows between two ends. A nil end is a host outside every
// VPC of the network.
type Question struct {
	From, To *ir.Interface
	Family   packet.Family
	// NATPort is the port that NAT gateways and load balancers pick, 1024-65535;
	// 0: any of these, so that what surely passes does with every one of them.
	NATPort uint16
	// Direct leaves out the flows that a load balancer sends on to the second end.
	Direct bool
}

// Flow is what flows from one end to another, in one family.
type Flow struct {
	Question
	// Ways are those by which something may flow.
	Ways []Way
	// Forward holds the headers that arrive; Complete those of them whose
	// reply arrives too, or that need none. Headers to the second end's own
	// addresses go there directly; those to a load balancer's listener go through
	// it.
	Forward, Complete Band
	// Addressed are the headers whose addresses the two ends can have.
	Addressed solver.Set
	// FixedFrom and FixedTo report that the end's own addresses are known. If
	// not, its address field ranges over the addresses that AWS may pick, and a
	// claim about the interface holds for all of them (must) or some (may).
	FixedFrom, FixedTo bool
}

// ErrSelf: traffic from an interface to itself is not a flow.
var ErrSelf = errors.New("an interface does not send to itself through the network")

// ErrOutside: what flows between two hosts outside is not the network's to say.
var ErrOutside = errors.New("neither end is in the network")

// Flow computes what flows between two ends, load balancers included; see Ask.
func (m *Model) Flow(ctx context.Context, from, to *ir.Interface, f packet.Family) (Flow, error) {
	return m.Ask(ctx, Question{From: from, To: to, Family: f})
}

// Ask answers a question. The errors are ErrSelf, ErrOutside, ErrBudget of
// package solver, and the context's.
func (m *Model) Ask(ctx context.Context, q Question) (Flow, error) {
	switch err := ctx.Err(); {
	case err != nil:
		return Flow{}, err
	case q.From == nil && q.To == nil:
		return Flow{}, ErrOutside
	case q.From == q.To:
		return Flow{}, ErrSelf
	}
	e := m.engines[q.Family]
	w := &walker{e: e, q: q, asked: e.All()}
	flow := Flow{Question: q, FixedFrom: true, FixedTo: true, Addressed: solver.Empty}
	var forwards, completes []placed
	for _, a := range endPlaces(q.From) {
		for _, b := range endPlaces(q.To) {
			o := w.between(q.From, q.To, a, b)
			fits := e.fits(q.From, q.To, a, b)
			forwards = append(forwards, placed{o.forward, fits})
			completes = append(completes, placed{o.complete, fits})
			flow.Addressed = e.Union(flow.Addressed, fits)
			if q.From != nil {
				flow.FixedFrom = flow.FixedFrom && e.stands(q.From, a).fixed
			}
			if q.To != nil {
				flow.FixedTo = flow.FixedTo && e.stands(q.To, b).fixed
			}
		}
	}
	flow.Forward, flow.Complete = e.wherever(forwards), e.wherever(completes)
	if !q.Direct && q.To != nil && len(m.relays[q.To]) > 0 {
		o := w.through(m, q.From, q.To)
		// What names an address of the end's own goes there, not through.
		own := exactly(e.Complement(flow.Addressed))
		flow.Forward = anyOf(e.Space, flow.Forward, all(e.Space, o.forward, own))
		flow.Complete = anyOf(e.Space, flow.Complete, all(e.Space, o.complete, own))
	}
	flow.Ways = w.ways
	return flow, e.Err()
}

// placed is the band of a flow whose ends stand at certain places, with the
// headers whose addresses fit those places.
type placed struct {
	band Band
	fits solver.Set
}

// fits returns the headers whose addresses the ends may have at given places. A
// public IPv4 address does not tell where its holder stands.
func (e *engine) fits(from, to *ir.Interface, a, b place) solver.Set {
	src, dst := e.outsideSrc, e.outsideDst
	if from != nil {
		if src = e.stands(from, a).src.May; from.Kind == ir.InterfaceConnectEndpoint && known(from.PreserveClient) != no {
			src = e.All()
		}
	}
	if to != nil {
		s := e.stands(to, b)
		dst = e.Union(s.dst.May, s.dstPublic)
		if from != nil && e.nats && e.Family() == packet.IPv6 {
			private, public := e.embeddedDst(to, b)
			dst = e.Union(dst, private, public)
		}
	} else {
		dst = e.Union(dst, e.from(packet.FieldDst, e.exempt(a)), e.latticeDst)
	}
	return e.Intersect(src, dst)
}

// wherever joins the bands of all places where the ends may stand. A header
// says which addresses it is about, and so rules out the places that they do
// not fit: it must pass at all others.
func (e *engine) wherever(ps []placed) Band {
	if len(ps) == 1 {
		return ps[0].band
	}
	bands := make([]Band, len(ps))
	must := make([]solver.Set, len(ps))
	for i, p := range ps {
		bands[i] = p.band
		must[i] = e.Union(p.band.Must, e.Complement(p.fits))
	}
	b := anyOf(e.Space, bands...)
	b.Must = e.Intersect(append(must, b.Must)...)
	return b
}

// endPlaces is places, with one empty place for an end outside.
func endPlaces(i *ir.Interface) []place {
	if i == nil {
		return []place{{}}
	}
	return places(i)
}

// refs is the Members of the interface at the other end. ok tells whether a
// reference to a group identifies its members on this way.
func (e *engine) refs(other *ir.Interface, p place, ok truth) Members {
	set := e.addresses(other, p).may
	return func(g *ir.SecurityGroup, b Bound) []netipx.IPRange {
		t, evidence := member(other, g)
		switch t = and(t, ok); b {
		case Lo:
			if t < yes {
				return nil
			}
		case Ground:
			if t == no || !evidence {
				return nil
			}
		case Hi:
			if t == no {
				return nil
			}
		}
		return set.Ranges()
	}
}

// Every returns the headers, all but the given address, for which the set holds
// whatever that address is among the candidates.
func Every(s *solver.Space, a solver.Set, field packet.Field, among solver.Set) solver.Set {
	return s.Difference(s.All(), s.Project(s.Difference(among, a), field))
}

// Groups returns what the groups of an interface let through as a request in
// one direction, with another interface, or nobody, at the other end. A
// reference to a group identifies its members as far as the connection between
// the two VPCs carries identity.
func (m *Model) Groups(f packet.Family, i *ir.Interface, egress bool, other *ir.Interface) Band {
	e := m.engines[f]
	var bands []Band
	for _, p := range endPlaces(i) {
		members := []Members{nobody}
		if other != nil {
			members = nil
			for _, q := range endPlaces(other) {
				members = append(members, e.refs(other, q, e.identity(p.vpc, q.vpc, egress)))
			}
		}
		for _, ms := range members {
			b := GroupsBand(e.Space, i, egress, ms)
			if egress {
				b = anyOf(e.Space, b, exactly(e.from(packet.FieldDst, e.exempt(p))))
			}
			bands = append(bands, b)
		}
	}
	return oneOf(e.Space, bands...)
}

// identity tells whether references to groups work between two VPCs.
func (e *engine) identity(a, b *ir.VPC, egress bool) truth {
	t := sameVPC(a, b)
	if t != no {
		return t
	}
	for _, l := range e.links(a, b) {
		t = max(t, l.identity(egress))
	}
	return t
}
