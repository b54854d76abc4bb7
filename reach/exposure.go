package reach

import (
	"context"
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Exposure is what the internet can do to an interface, in one family.
type Exposure struct {
	Flow Flow
	// Open holds the requests that count: for TCP those that a client on the
	// internet can complete from some source port, for every other protocol
	// those that arrive. Source ports are forgotten: an attacker picks his own.
	Open Band
	// Mostly is Open.Must with AWS's own prefix lists taken as empty. A gateway
	// endpoint draws a route for the addresses of one service, which are not in
	// the input; they are a small part of the internet, so that what is open to
	// most of it stays so.
	Mostly solver.Set
}

type exposureKey struct {
	to *ir.Interface
	f  packet.Family
}

// Exposure computes what the internet can do to an interface. Answers are kept.
func (m *Model) Exposure(ctx context.Context, to *ir.Interface, f packet.Family) (*Exposure, error) {
	key := exposureKey{to, f}
	if x, ok := m.exposures[key]; ok {
		return x, nil
	}
	flow, err := m.Ask(ctx, Question{To: to, Family: f, Direct: true})
	if err != nil {
		return nil, err
	}
	e := m.engines[f]
	x := &Exposure{Flow: flow}
	x.Open = Band{
		Must:   e.exposed(flow.Forward.Must, flow.Complete.Must),
		Ground: e.exposed(flow.Forward.Ground, flow.Complete.Ground),
		May:    e.exposed(flow.Forward.May, flow.Complete.May),
	}
	x.Mostly = x.Open.Must
	if e.serviceLists {
		e.ignoreLists = true
		most, err := m.Ask(ctx, Question{To: to, Family: f, Direct: true})
		e.ignoreLists = false
		if err != nil {
			return nil, err
		}
		x.Mostly = e.exposed(most.Forward.Must, most.Complete.Must)
	}
	m.exposures[key] = x
	return x, e.Err()
}

func (e *engine) exposed(forward, complete solver.Set) solver.Set {
	box := solver.Everything(e.Family())
	box.Protocol = protocol(packet.TCP)
	tcp := e.Of(box)
	counts := e.Union(e.Intersect(complete, tcp), e.Difference(forward, tcp))
	return e.Project(e.Intersect(counts, e.inet), packet.FieldSrcPort)
}

// Everyone returns the services that a set opens to every address of the
// internet: the set's headers with the source forgotten.
func (m *Model) Everyone(f packet.Family, a solver.Set) solver.Set {
	e := m.engines[f]
	return Every(e.Space, e.Project(a, packet.FieldDst), packet.FieldSrc, e.inet)
}

// Share returns the part of the internet, from 0 to 1, from which one service
// is open in a set.
func (m *Model) Share(f packet.Family, a solver.Set, service solver.Box) float64 {
	e := m.engines[f]
	at := e.Of(service)
	open := e.Count(e.Project(e.Project(e.Project(e.Intersect(a, at, e.inet), packet.FieldDst), packet.FieldSrcPort), packet.FieldDstPort))
	whole := e.Count(e.Project(e.Project(e.Project(e.Intersect(e.inet, at), packet.FieldDst), packet.FieldSrcPort), packet.FieldDstPort))
	if whole.Sign() == 0 {
		return 0
	}
	o, _ := open.Float64()
	w, _ := whole.Float64()
	return o / w
}

// CoversInternet reports whether a peer's addresses include all of the
// internet of a family.
func CoversInternet(f packet.Family, p ir.Peer) bool {
	set := Internet(f)
	for _, r := range Peers(f, p, Lo, nil) {
		covered := true
		for _, i := range set.Ranges() {
			covered = covered && r.From().Compare(i.From()) <= 0 && i.To().Compare(r.To()) <= 0
		}
		if covered {
			return true
		}
	}
	return false
}

// Carriers lists the interfaces that surely or possibly carry a group.
func (m *Model) Carriers(g *ir.SecurityGroup) []*ir.Interface {
	var is []*ir.Interface
	for _, i := range m.Net.Interfaces {
		if t, evidence := member(i, g); t == yes || evidence {
			is = append(is, i)
		}
	}
	return is
}

// Hypothetical makes the interface on which a group is judged that something
// outside the input may carry: that group and maybe others, at any address of
// any subnet of its VPC.
func Hypothetical(g *ir.SecurityGroup, why *ir.Unknown) *ir.Interface {
	return &ir.Interface{
		Resource: "whatever carries " + g.Origin.Address,
		Kind:     ir.InterfaceOther,
		Subnet:   ir.Another[*ir.Subnet](why),
		Groups:   ir.Many[*ir.SecurityGroup]{Sure: []*ir.SecurityGroup{g}, Open: why},
		Addresses: []ir.Address{
			{Private: ir.NotKnown[netip.Addr](why), Family: packet.IPv4, Public: ir.Public{Exists: ir.NotKnown[bool](why), Addr: ir.NotKnown[netip.Addr](why)}},
			{Private: ir.NotKnown[netip.Addr](why), Family: packet.IPv6},
		},
		Hypothetical: true,
		Home:         g.Home,
		Origin:       g.Origin,
	}
}
