package query

import (
	"context"
	"math/bits"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/pairs"
	"github.com/postern-dev/postern/solver"
)

// Graph knows which interface can open a flow to which: what somebody on one of
// them can reach next. It keeps bits for each pair of units of package pairs:
// interfaces that nothing tells apart are one.
type Graph struct {
	model  *reach.Model
	nodes  []*ir.Interface
	number map[*ir.Interface]int
	layers []layer // one for each family, and one of public addresses
	sent   map[sending][]int
}

// sending is what forwards depends on.
type sending struct {
	lb    int
	which flows
}

// layer is the flows of one kind of addresses.
type layer struct {
	*pairs.Relation
	units   [][]int32 // by interface
	members [][]int32 // by unit
}

// bitset is numbers below a bound.
type bitset []uint64

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }

// NewGraph computes which flows there are, surely and possibly; with notable,
// which surely, and which of these are notable, from interfaces that somebody
// can go on from. What is sure holds for every address, and every subnet, that
// the two interfaces may turn out to have. It takes two bits for each two units.
// What flows to public addresses is there as far as Index.Public of package pairs
// asks. The error is the context's.
func NewGraph(ctx context.Context, m *reach.Model, notable func(pairs.Services) bool) (*Graph, error) {
	g := &Graph{model: m, nodes: m.Net.Interfaces, number: map[*ir.Interface]int{}, sent: map[sending][]int{}}
	for i, nic := range g.nodes {
		g.number[nic] = i
	}
	var search *pairs.Search
	if notable != nil {
		search = &pairs.Search{From: carries, Marked: notable}
	}
	index, err := pairs.Compile(ctx, m.Net)
	if err != nil {
		return nil, err
	}
	for _, f := range packet.Families {
		t := index.Table(f)
		if t == nil {
			continue
		}
		r, err := t.Relation(ctx, search)
		if err != nil {
			return nil, err
		}
		g.layers = append(g.layers, g.newLayer(r))
	}
	public, err := index.Public(ctx, search)
	if err != nil {
		return nil, err
	}
	if len(public.Flows) > 0 {
		g.layers = append(g.layers, g.newLayer(public.Relation(search)))
	}
	return g, nil
}

func (g *Graph) newLayer(r *pairs.Relation) layer {
	l := layer{Relation: r, units: make([][]int32, len(g.nodes)), members: make([][]int32, len(r.Units))}
	for u := range r.Units {
		for _, nic := range r.Units[u].Interfaces {
			i := g.number[nic]
			l.units[i], l.members[u] = append(l.units[i], int32(u)), append(l.members[u], int32(i))
		}
	}
	return l
}

// flows chooses which flows a walk follows.
type flows = pairs.Certainty

const (
	possible = pairs.Possible
	sure     = pairs.Sure
	notable  = pairs.Marked
)

// next calls visit for everything that a flow can be opened to from an
// interface, in the order of units; done are units that it may leave out.
func (g *Graph) next(from int, which flows, done []bitset, visit func(to int)) {
	for k := range g.layers {
		l := &g.layers[k]
		for _, u := range l.units[from] {
			for w, word := range l.Row(which, int(u)) {
				word &^= done[k][w]
				for word != 0 {
					to := w*64 + bits.TrailingZeros64(word)
					word &= word - 1
					// In its own unit a member does not reach itself: another one may have
					// to come for it.
					own := false
					for _, i := range l.members[to] {
						if int(i) == from {
							own = true
						} else {
							visit(int(i))
						}
					}
					if !own {
						done[k].set(to)
					}
				}
			}
		}
	}
}

func (g *Graph) fresh() []bitset {
	done := make([]bitset, len(g.layers))
	for k := range g.layers {
		done[k] = make(bitset, (len(g.layers[k].members)+63)/64)
	}
	return done
}

// carries reports whether somebody who has got to an interface can go on from
// it: machines can, what AWS runs behind one (databases, caches, endpoints,
// gateways) does not open flows for its clients.
func carries(i *ir.Interface) bool {
	switch i.Kind {
	case ir.InterfaceInstance, ir.InterfaceContainer, ir.InterfaceFunction, ir.InterfaceOther, ir.InterfaceInvalid, ir.InterfaceConnectEndpoint:
		return true
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache, ir.InterfaceNATGateway,
		ir.InterfaceTransitGateway, ir.InterfaceEndpoint:
	}
	return false
}

// forwards are the targets that a load balancer sends flows to.
func (g *Graph) forwards(ctx context.Context, lb *ir.Interface, which flows) ([]int, error) {
	key := sending{g.number[lb], which}
	to, ok := g.sent[key]
	if ok || lb.Services == nil {
		return to, nil
	}
	for _, s := range lb.Services.Ports {
		if s.Forward == nil {
			continue
		}
		for _, t := range s.Forward.Targets {
			if t.Interface == nil || t.Interface == lb || which != possible && t.Maybe != nil {
				continue
			}
			i, ok := g.number[t.Interface]
			if !ok || slices.Contains(to, i) {
				continue
			}
			open, err := g.opens(ctx, lb, t, s.Protocol, which)
			if err != nil {
				return nil, err
			}
			if open {
				to = append(to, i)
			}
		}
	}
	g.sent[key] = to
	return to, nil
}

// opens reports whether the flow of a load balancer to a target passes.
func (g *Graph) opens(ctx context.Context, lb *ir.Interface, t ir.ForwardTarget, protocol uint8, which flows) (bool, error) {
	for _, f := range packet.Families {
		flow, err := g.model.Flow(ctx, lb, t.Interface, f)
		if err != nil {
			return false, err
		}
		s := g.model.Space(f)
		b := solver.Everything(f)
		b.Protocol = solver.Port(uint16(protocol))
		if t.Port.Known() {
			b.DstPort = solver.Port(t.Port.V)
		}
		set := flow.Complete.Must
		if which == possible {
			set = flow.Complete.May
		}
		if apart, err := s.Disjoint(set, s.Of(b)); err != nil || !apart {
			return err == nil, err
		}
	}
	return false, nil
}
