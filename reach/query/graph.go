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
// them can reach next. It keeps a bit for each pair of classes of interfaces.
type Graph struct {
	model  *reach.Model
	nodes  []*ir.Interface
	number map[*ir.Interface]int
	layers []layer // one for each family
}

// layer is the flows of one family, between classes.
type layer struct {
	table     *pairs.Table
	classes   [][]int // by interface
	members   [][]int // by class
	must, may []bitset
	notable   []bitset // of must: those that are asked for by the graph's maker
}

type bitset []uint64

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// NewGraph computes which flows there are, and which of the sure ones are
// notable, when that is not nil. The error is the context's.
func NewGraph(ctx context.Context, m *reach.Model, notable func(pairs.Services) bool) (*Graph, error) {
	g := &Graph{model: m, nodes: m.Net.Interfaces, number: map[*ir.Interface]int{}}
	for i, nic := range g.nodes {
		g.number[nic] = i
	}
	index, err := pairs.Compile(ctx, m.Net)
	if err != nil {
		return nil, err
	}
	at := map[*pairs.Table]*layer{}
	class := map[*pairs.Class]int{}
	for _, f := range packet.Families {
		t := index.Table(f)
		if t == nil {
			continue
		}
		g.layers = append(g.layers, g.newLayer(t, class))
	}
	for i := range g.layers {
		at[g.layers[i].table] = &g.layers[i]
	}
	for p, err := range index.Pairs(ctx) {
		if err != nil {
			return nil, err
		}
		l, from, to := at[p.Table], class[p.From], class[p.To]
		if !p.Complete.Must.Empty() {
			l.must[from].set(to)
			if notable != nil && notable(p.Complete.Must) {
				l.notable[from].set(to)
			}
		}
		if !p.Complete.May.Empty() {
			l.may[from].set(to)
		}
	}
	return g, nil
}

func (g *Graph) newLayer(t *pairs.Table, class map[*pairs.Class]int) layer {
	l := layer{table: t, classes: make([][]int, len(g.nodes)), members: make([][]int, len(t.Classes))}
	words := (len(t.Classes) + 63) / 64
	for k := range t.Classes {
		c := &t.Classes[k]
		class[c] = k
		l.must, l.may, l.notable = append(l.must, make(bitset, words)), append(l.may, make(bitset, words)), append(l.notable, make(bitset, words))
		for _, v := range c.Vertices {
			i := g.number[t.Vertices[v].Interface]
			if !slices.Contains(l.classes[i], k) {
				l.classes[i], l.members[k] = append(l.classes[i], k), append(l.members[k], i)
			}
		}
	}
	return l
}

// flows chooses which flows a walk follows.
type flows uint8

const (
	possible flows = iota
	sure
	notable // sure ones
)

// next calls visit for everything that a flow can be opened to from an
// interface, in the order of classes; done are classes that it may leave out.
func (g *Graph) next(from int, which flows, done map[int]bitset, visit func(to int)) {
	for k := range g.layers {
		l := &g.layers[k]
		for _, c := range l.classes[from] {
			for w, word := range [...][]bitset{l.may, l.must, l.notable}[which][c] {
				word &^= done[k][w]
				for word != 0 {
					to := w*64 + bits.TrailingZeros64(word)
					word &= word - 1
					// In its own class a member does not reach itself: another one may
					// have to come for it.
					if !l.holds(to, from) {
						done[k].set(to)
					}
					for _, i := range l.members[to] {
						if i != from {
							visit(i)
						}
					}
				}
			}
		}
	}
}

func (l *layer) holds(class, nic int) bool { return slices.Contains(l.members[class], nic) }

func (g *Graph) fresh() map[int]bitset {
	done := map[int]bitset{}
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
	var to []int
	if lb.Services == nil {
		return nil, nil
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
