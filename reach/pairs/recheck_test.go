package pairs

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// vertexPair is a pair of vertices.
type vertexPair struct{ from, to int32 }

// checked is an answer and what its bits mean.
type checked struct {
	answer   *Answer
	universe *Universe
}

// TestRecheck changes one rule of a random network and holds the answers for
// the pairs that it touches against those of the changed network, compiled
// anew. All other pairs must be as they were.
func TestRecheck(t *testing.T) {
	networks := 600
	if testing.Short() {
		networks = 100
	}
	touched, anew := 0, 0
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 41))
		o := drawOptions(rng)
		if seed%3 == 0 {
			o.Unknowns = 1 + rng.IntN(6)
		}
		n := netgen.New(rng, o)
		opt := options{noClasses: seed%2 == 0}
		x, err := compileWith(context.Background(), n, opt)
		if err != nil {
			t.Fatal(err)
		}
		c := drawChange(n, rng)
		answers := map[packet.Family]map[vertexPair]checked{}
		for _, f := range packet.Families {
			if table := x.Table(f); table != nil {
				if answers[f], err = recheck(table, c); err != nil {
					break
				}
			}
		}
		if errors.Is(err, ErrAnew) {
			anew++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		apply(c)
		y, err := compileWith(context.Background(), n, opt)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range packet.Families {
			if x.Table(f) == nil {
				continue
			}
			touched += len(answers[f])
			sameAnswers(t, x.Table(f), y.Table(f), answers[f])
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, c)
		}
	}
	t.Logf("%d pairs of vertices touched, %d changes take compiling anew", touched, anew)
	if touched < networks || anew*2 > networks {
		t.Error("the changes prove too little")
	}
}

// drawChange takes a rule away, or adds one of another group, or both.
func drawChange(n *ir.Network, rng *rand.Rand) Change {
	for k := 0; ; k++ {
		c := Change{Group: n.SecurityGroups[rng.IntN(len(n.SecurityGroups))], Egress: rng.IntN(2) == 0}
		own := c.Group.Rules(c.Egress)
		if len(own) > 0 && rng.IntN(3) > 0 {
			c.Old = &own[rng.IntN(len(own))]
		}
		if g := n.SecurityGroups[rng.IntN(len(n.SecurityGroups))]; rng.IntN(3) > 0 {
			if others := g.Rules(rng.IntN(2) == 0); len(others) > 0 {
				rule := others[rng.IntN(len(others))]
				if rng.IntN(2) == 0 && rule.Protocol.Known() && rule.Ports.Known() {
					rule.Protocol = ir.Known([]int16{packet.TCP, packet.ICMP, packet.ICMPv6, 47, -1}[rng.IntN(5)])
					rule.Ports.V.Lo = uint16(rng.IntN(4000))
					rule.Ports.V.Hi = rule.Ports.V.Lo + uint16(rng.IntN(4000))
				}
				c.New = &rule
			}
		}
		if c.Old == nil && c.New == nil && k > 100 { // there are no rules at all
			c.New = &ir.Rule{Match: ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{Group: c.Group}}}
		}
		if c.Old != nil || c.New != nil {
			return c
		}
	}
}

// apply makes a change in the network.
func apply(c Change) {
	own := c.Group.Rules(c.Egress)
	var rules []ir.Rule
	for k := range own {
		if &own[k] != c.Old {
			rules = append(rules, own[k])
		}
	}
	if c.New != nil {
		rules = append(rules, *c.New)
	}
	if c.Egress {
		c.Group.Egress = rules
	} else {
		c.Group.Ingress = rules
	}
}

func recheck(t *Table, c Change) (map[vertexPair]checked, error) {
	out := map[vertexPair]checked{}
	u, err := NewRechecker(t).Recheck(context.Background(), c, func(p *Touched) error {
		a := newAnswer(len(p.Answer.Must.Forward))
		for to, from := range map[*Sets]*Sets{&a.Must: &p.Answer.Must, &a.May: &p.Answer.May} {
			copy(to.Forward, from.Forward)
			copy(to.Reply, from.Reply)
		}
		mine, peers := t.Classes[p.From].Vertices, t.Classes[p.To].Vertices
		if !c.Egress {
			mine, peers = peers, mine
		}
		if p.Peers != nil {
			peers = p.Peers
		}
		for _, m := range mine {
			for _, o := range peers {
				pair := vertexPair{m, o}
				if !c.Egress {
					pair = vertexPair{o, m}
				}
				out[pair] = checked{answer: a}
			}
		}
		return nil
	})
	for k, v := range out {
		out[k] = checked{v.answer, u}
	}
	return out, err
}

// sameAnswers compares every pair of vertices of a table, with what was checked
// again in place of its own answers, with that of another.
func sameAnswers(t *testing.T, x, y *Table, again map[vertexPair]checked) {
	t.Helper()
	xs, ys := gridOf(t, x), gridOf(t, y)
	for from := range x.Vertices {
		for to := range x.Vertices {
			u, v := &x.Vertices[from], &x.Vertices[to]
			if u.Interface == v.Interface {
				continue
			}
			got, ok := again[vertexPair{int32(from), int32(to)}]
			if !ok {
				got = checked{xs[[2]int32{x.ofVertex[from], x.ofVertex[to]}], x.Universe}
			}
			f, e := findVertex(y, u), findVertex(y, v)
			if f < 0 || e < 0 {
				continue
			}
			want := ys[[2]int32{y.ofVertex[f], y.ofVertex[e]}]
			sameAnswer(t, got, checked{want, y.Universe}, u, v, ok)
		}
	}
}

func findVertex(t *Table, v *Vertex) int {
	return slices.IndexFunc(t.Vertices, func(o Vertex) bool {
		return o.Interface == v.Interface && o.Slot == v.Slot && o.Addr == v.Addr && o.subnet == v.subnet
	})
}

// sameAnswer compares two answers at the ends of the atoms of both universes.
func sameAnswer(t *testing.T, a, b checked, u, v *Vertex, again bool) {
	t.Helper()
	for _, of := range []*Universe{a.universe, b.universe} {
		for k := range of.Atoms {
			for _, p := range append([]ir.Ports{{}}, of.Atoms[k].Ports...) {
				protocol := uint8(of.Atoms[k].Protocol)
				if of.Atoms[k].Protocol == -1 {
					protocol = 255
				}
				ka, kb := a.universe.atomOf(protocol, p.Lo), b.universe.atomOf(protocol, p.Lo)
				if has(a.answer.Must.Forward, ka) != has(b.answer.Must.Forward, kb) || has(a.answer.May.Forward, ka) != has(b.answer.May.Forward, kb) {
					t.Errorf("%s to %s, protocol %d port %d (checked again: %v): must %v may %v, anew must %v may %v", u.Addr, v.Addr, protocol, p.Lo, again,
						has(a.answer.Must.Forward, ka), has(a.answer.May.Forward, ka), has(b.answer.Must.Forward, kb), has(b.answer.May.Forward, kb))
				}
				if has(a.answer.May.Forward, ka) && a.universe.holds(&a.answer.May, ka, ka) != b.universe.holds(&b.answer.May, kb, kb) {
					t.Errorf("%s to %s, protocol %d port %d: another reply", u.Addr, v.Addr, protocol, p.Lo)
				}
			}
		}
	}
}
