package reach

import (
	"context"
	"errors"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Way is one way from end to end: inside a VPC, through a link, or through an
// internet gateway. Its request and reply stages all have to agree.
type Way struct {
	Via     string
	Stages  []Stage
	Forward Band
	Reply   Band
	// From and To are where the ends stand; nil outside.
	FromVPC, ToVPC *ir.VPC
}

// Flow is what flows from one end to another, in one family.
type Flow struct {
	From, To *ir.Interface // nil: a host outside every VPC
	Ways     []Way
	// Forward holds the headers that arrive; Complete those of them whose
	// reply arrives too, or that need none.
	Forward, Complete Band
	// FixedFrom and FixedTo report that the end's own addresses are known. If
	// not, its address field ranges over the addresses that AWS may pick, and a
	// claim about the interface holds for all of them (must) or some (may).
	FixedFrom, FixedTo bool
}

// ErrSelf: traffic from an interface to itself is not a flow.
var ErrSelf = errors.New("an interface does not send to itself through the network")

// Flow computes what flows between two ends. A nil end is a host outside every
// VPC of the network; at least one end is an interface.
func (m *Model) Flow(ctx context.Context, from, to *ir.Interface, f packet.Family) (Flow, error) {
	if err := ctx.Err(); err != nil {
		return Flow{}, err
	}
	if from == to {
		return Flow{}, ErrSelf
	}
	e := m.engines[f]
	flow := Flow{From: from, To: to, FixedFrom: true, FixedTo: true}
	var forwards, completes []placed
	for _, a := range endPlaces(from) {
		for _, b := range endPlaces(to) {
			ways := e.ways(from, to, a, b)
			forward, complete := make([]Band, len(ways)), make([]Band, len(ways))
			for i := range ways {
				w := &ways[i]
				e.compose(w)
				forward[i] = w.Forward
				complete[i] = all(e.Space, w.Forward, w.Reply)
			}
			flow.Ways = append(flow.Ways, ways...)
			fits := e.fits(from, to, a, b)
			forwards = append(forwards, placed{anyOf(e.Space, forward...), fits})
			completes = append(completes, placed{anyOf(e.Space, complete...), fits})
			if from != nil {
				flow.FixedFrom = flow.FixedFrom && e.addresses(from, a).fixed
			}
			if to != nil {
				flow.FixedTo = flow.FixedTo && e.addresses(to, b).fixed
			}
		}
	}
	flow.Forward = e.wherever(forwards)
	flow.Complete = e.wherever(completes)
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
	set := e.All()
	if from != nil {
		set = e.Intersect(set, e.from(packet.FieldSrc, e.addresses(from, a).may))
	}
	if to != nil {
		private := e.from(packet.FieldDst, e.addresses(to, b).may)
		public, _, _ := e.publics(to, b)
		set = e.Intersect(set, e.Union(private, e.from(packet.FieldDst, public)))
	}
	return set
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

// compose intersects the stages of a way.
func (e *engine) compose(w *Way) {
	var request, reply []Band
	for _, s := range w.Stages {
		if s.Reply {
			reply = append(reply, s.Band)
		} else {
			request = append(request, s.Band)
		}
	}
	w.Forward = all(e.Space, request...)
	w.Reply = anyOf(e.Space, all(e.Space, reply...), exactly(e.noReply))
}

// ways lists the ways between two ends at given places.
func (e *engine) ways(from, to *ir.Interface, a, b place) []Way {
	switch {
	case from == nil:
		return e.inbound(to, b)
	case to == nil:
		return e.outbound(from, a)
	case a.subnet == nil || b.subnet == nil || a.vpc == nil || b.vpc == nil:
		return []Way{e.somewhere(from, to, a, b)}
	}
	var ways []Way
	switch sameVPC(a.vpc, b.vpc) {
	case yes:
		ways = append(ways, e.inside(from, to, a, b))
	case maybe:
		return []Way{e.somewhere(from, to, a, b)}
	case no:
		ways = append(ways, e.linked(from, to, a, b)...)
	}
	return append(ways, e.aroundPublic(from, to, a, b)...)
}

// base starts a way between two interfaces: their addresses, groups and
// services. tell says how identity survives on the way; see refs.
func (e *engine) base(via string, from, to *ir.Interface, a, b place, in, out truth) Way {
	w := Way{Via: via, FromVPC: a.vpc, ToVPC: b.vpc}
	w.Stages = append(w.Stages, e.addressStage(from, a, packet.FieldSrc), e.addressStage(to, b, packet.FieldDst))
	w.Stages = append(w.Stages, e.exists(from)...)
	w.Stages = append(w.Stages, e.exists(to)...)
	w.Stages = append(w.Stages,
		e.groupStage(from, true, e.refs(to, b, out)),
		e.groupStage(to, false, e.refs(from, a, in)),
		e.serviceStage(to),
	)
	return w
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
