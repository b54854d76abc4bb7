package pairs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// tally counts what was compared.
type tally struct{ headers, flows, definite, unknown, asked int }

// agree compares the answers for all pairs of vertices with the concrete
// evaluator: one pair in some, services of any atoms, from client ports of any. exact: nothing about the
// network is unknown, so that an answer must not be either, where no plan asks.
func agree(t *testing.T, n *ir.Network, x *Index, rng *rand.Rand, exact bool, one int) (all tally) {
	t.Helper()
	for _, f := range packet.Families {
		table := x.Table(f)
		if table == nil {
			continue
		}
		grid := gridOf(t, table)
		p := newPoint(table)
		for from := range table.Vertices {
			for to := range table.Vertices {
				u, v := &table.Vertices[from], &table.Vertices[to]
				if rng.IntN(one) > 0 || u.Interface == v.Interface || !u.Addr.IsValid() || !v.Addr.IsValid() {
					continue
				}
				a := grid[[2]int32{table.ofVertex[from], table.ofVertex[to]}]
				comparePoint(t, p, table.ofVertex[from], table.ofVertex[to], a)
				asked := p.asks(table.ofVertex[from], table.ofVertex[to])
				for range 6 {
					compareHeader(t, n, table, a, u, v, rng, exact && !asked, &all)
				}
				if asked {
					all.asked++
				}
			}
		}
	}
	return all
}

// gridOf collects all tiles.
func gridOf(t *testing.T, table *Table) map[[2]int32]*Answer {
	t.Helper()
	grid := map[[2]int32]*Answer{}
	for from := range table.Classes {
		for to := range table.Classes {
			grid[[2]int32{int32(from), int32(to)}] = newAnswer(table.Universe.Words)
		}
	}
	w := newWorker(table)
	for block := 0; block*tileTo < len(table.Classes); block++ {
		err := w.block(context.Background(), block, func(tile *Tile) error {
			for to := tile.To; to < tile.ToEnd; to++ {
				for from := tile.From; from < tile.FromEnd; from++ {
					a := newAnswer(table.Universe.Words)
					tile.read(a, to, from, table.Universe.Words)
					grid[[2]int32{int32(from), int32(to)}] = a
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return grid
}

// comparePoint holds the answer for one pair against the tile's.
func comparePoint(t *testing.T, p *point, from, to int32, tile *Answer) {
	t.Helper()
	a, err := p.answer(context.Background(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	for k := range tile.Must.Forward {
		m, y := tile.Must.Forward[k], tile.May.Forward[k]
		if a.Must.Forward[k] != m || a.May.Forward[k] != y || !p.asks(from, to) && m != 0 && a.Must.Reply[k] != tile.Must.Reply[k] {
			t.Fatalf("%d to %d: tile %x %x, point %x %x", from, to, m, y, a.Must.Forward[k], a.May.Forward[k])
		}
		if m&^y != 0 {
			t.Fatalf("%d to %d: must %x is not inside may %x", from, to, m, y)
		}
	}
}

// compareHeader draws a header between two vertices and puts it to both.
func compareHeader(t *testing.T, n *ir.Network, table *Table, a *Answer, u, v *Vertex, rng *rand.Rand, exact bool, all *tally) {
	t.Helper()
	un := table.Universe
	h, atom, client := drawHeader(table, u, v, rng)
	r := trace.Run(n, trace.Query{From: u.Interface, To: v.Interface, Header: h})
	must, may := un.holds(&a.Must, atom, client), un.holds(&a.May, atom, client)
	all.headers++
	switch {
	case r.Verdict == trace.Allow:
		all.flows++
	}
	got := verdictOf(must, may)
	forward := verdictOf(has(a.Must.Forward, atom), has(a.May.Forward, atom))
	switch got {
	case trace.Unknown:
		all.unknown++
		if exact && r.Verdict != trace.Unknown {
			t.Errorf("%s: unknown, where the evaluator says %v", h, r.Verdict)
		}
	default:
		all.definite++
	}
	if contradict(got, r.Verdict) || contradict(forward, r.Forward.Verdict) {
		t.Fatalf("%s from %s to %s\npairs: forward %v complete %v\ntrace: forward %v complete %v\n%s", h, u.Interface.Resource, v.Interface.Resource, forward, got, r.Forward.Verdict, r.Verdict, hops(r))
	}
}

// drawHeader draws a header between two vertices, and the atoms that its
// service and its client port lie in.
func drawHeader(table *Table, u, v *Vertex, rng *rand.Rand) (h packet.Header, atom, client int) {
	un := table.Universe
	h = packet.Header{Src: u.Addr, Dst: v.Addr}
	atom, client = rng.IntN(len(un.Atoms)), rng.IntN(len(un.Atoms))
	h.Protocol, h.DstPort = draw(un, atom, rng)
	if packet.KindOf(table.family, h.Protocol) == packet.Ported {
		for un.Atoms[client].Protocol != int16(h.Protocol) {
			client = rng.IntN(len(un.Atoms))
		}
		_, h.SrcPort = draw(un, client, rng)
	}
	return h, atom, client
}

func verdictOf(must, may bool) trace.Verdict {
	switch {
	case must:
		return trace.Allow
	case !may:
		return trace.Deny
	}
	return trace.Unknown
}

func contradict(a, b trace.Verdict) bool {
	return a == trace.Allow && b == trace.Deny || a == trace.Deny && b == trace.Allow
}

func hops(r trace.Result) string {
	out := ""
	for _, leg := range []trace.Leg{r.Forward, r.Reply} {
		for _, h := range leg.Hops {
			out += "  " + h.Verdict.String() + " " + h.Stage.String() + " " + h.Component + ": " + h.Message + "\n"
		}
		out += "  --\n"
	}
	return out
}

// draw picks a service of an atom.
func draw(u *Universe, atom int, rng *rand.Rand) (protocol uint8, port uint16) {
	a := &u.Atoms[atom]
	if a.Protocol == -1 {
		for {
			p := uint8(rng.IntN(256))
			if u.atomOf(p, 0) == atom {
				return p, 0
			}
		}
	}
	if a.Ports == nil {
		return uint8(a.Protocol), 0
	}
	p := a.Ports[rng.IntN(len(a.Ports))]
	switch rng.IntN(3) {
	case 0:
		return uint8(a.Protocol), p.Lo
	case 1:
		return uint8(a.Protocol), p.Hi
	}
	return uint8(a.Protocol), p.Lo + uint16(rng.IntN(int(p.Hi-p.Lo)+1))
}

// drawOptions says what a network may hold of which everything is known; one in
// six may hold everything that decides in AWS.
func drawOptions(rng *rand.Rand) netgen.Options {
	o := netgen.Options{Transit: rng.IntN(2) == 0, BPA: rng.IntN(4) == 0, Services: rng.IntN(2) == 0, Zones: rng.IntN(2) == 0}
	if rng.IntN(6) == 0 {
		o = netgen.Whole
	}
	o.IPv6, o.VPCs, o.Interfaces = rng.IntN(2) == 0, 1+rng.IntN(3), 2+rng.IntN(6)
	return o
}

// TestKnownNetworks compares random networks of which everything is known with
// the concrete evaluator.
func TestKnownNetworks(t *testing.T) {
	networks := 700
	if testing.Short() {
		networks = 100
	}
	var all tally
	for seed := range networks {
		rng := rand.New(rand.NewPCG(uint64(seed), 31))
		n := netgen.New(rng, drawOptions(rng))
		if seed%4 == 3 {
			hideAddresses(n, rng)
		}
		if seed%7 == 2 {
			hideSubnets(n, rng)
		}
		if seed%5 == 0 {
			overlap(n)
		}
		x, err := compileWith(context.Background(), n, options{noClasses: seed%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		one := agree(t, n, x, rng, true, 1)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		all.add(one)
	}
	t.Logf("%+v", all)
	if all.flows*50 < all.headers {
		t.Errorf("only %d of %d headers flow: the networks prove too little", all.flows, all.headers)
	}
}

func (a *tally) add(b tally) {
	a.headers += b.headers
	a.flows += b.flows
	a.definite += b.definite
	a.unknown += b.unknown
	a.asked += b.asked
}

// hideAddresses leaves it to AWS to pick addresses of interfaces whose subnet is
// known.
func hideAddresses(n *ir.Network, rng *rand.Rand) {
	for _, i := range n.Interfaces {
		if _, ok := i.Subnet.Known(); !ok || rng.IntN(3) == 0 {
			continue
		}
		for k := range i.Addresses {
			i.Addresses[k].Private = ir.NotKnown[netip.Addr](&ir.Unknown{Term: fmt.Sprintf("%s.address[%d]", i.ID, k)})
		}
	}
}

// hideSubnets lets some interfaces stand in one of several subnets of their VPC.
func hideSubnets(n *ir.Network, rng *rand.Rand) {
	for _, i := range n.Interfaces {
		own, ok := i.Subnet.Known()
		if !ok || rng.IntN(2) == 0 {
			continue
		}
		c := ir.Choice[*ir.Subnet]{Of: []*ir.Subnet{own}, Why: &ir.Unknown{Term: i.ID + ".subnet"}}
		for _, s := range n.Subnets {
			vpc, _ := own.VPC.Known()
			if v, ok := s.VPC.Known(); ok && v == vpc && s != own && rng.IntN(2) == 0 {
				c.Of = append(c.Of, s)
			}
		}
		i.Subnet = c
		for k := range i.Addresses {
			i.Addresses[k].Private = ir.NotKnown[netip.Addr](&ir.Unknown{Term: fmt.Sprintf("%s.address[%d]", i.ID, k)})
		}
	}
}

// overlap gives every VPC the IPv4 addresses of the first.
func overlap(n *ir.Network) {
	first := n.VPCs[0].IPv4[0].V.Addr().As4()
	move := func(a netip.Addr) netip.Addr {
		b := a.As4()
		b[0], b[1] = first[0], first[1]
		return netip.AddrFrom4(b)
	}
	prefix := func(p *ir.Value[netip.Prefix]) {
		if p.Known() && p.V.IsValid() {
			p.V = netip.PrefixFrom(move(p.V.Addr()), p.V.Bits())
		}
	}
	for _, v := range n.VPCs {
		prefix(&v.IPv4[0])
	}
	for _, s := range n.Subnets {
		prefix(&s.IPv4)
	}
	for _, i := range n.Interfaces {
		for k := range i.Addresses {
			if p := &i.Addresses[k].Private; p.Known() && p.V.Is4() {
				p.V = move(p.V)
			}
		}
	}
}

// asks reports whether package reach answers for a pair.
func (p *point) asks(from, to int32) bool {
	return p.plans.of(p.t.cellOf[from], p.t.cellOf[to]).asked
}
