package reach_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"testing"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// corners gathers the values at which any filter of a network changes its mind:
// the ends of every port interval and CIDR, and their neighbours.
type corners struct {
	ports []uint16
	addrs map[packet.Family][]netip.Addr
	ours  *netipx.IPSet // what the network holds: no host outside has such an address
}

func (c corners) outside(a netip.Addr) bool { return !c.ours.Contains(a) }

func cornersOf(n *ir.Network) corners {
	c := corners{addrs: map[packet.Family][]netip.Addr{
		packet.IPv4: {netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("169.254.169.254")},
		packet.IPv6: {netip.MustParseAddr("2001:db8:ffff::7"), netip.MustParseAddr("fd00:ec2::253")},
	}}
	c.ports = []uint16{0, 22, 443, 1023, 1024, 32768, 65535, 8 << 8, 3<<8 | 4, 128 << 8}
	match := func(m ir.Match) {
		if m.Ports.Known() {
			p := m.Ports.V
			c.ports = append(c.ports, p.Lo, p.Hi, p.Lo-1, p.Hi+1)
		}
		if p := m.Peer.CIDR; p.IsValid() {
			r := netipx.RangeOfPrefix(p)
			for _, a := range []netip.Addr{r.From(), r.To(), r.From().Prev(), r.To().Next()} {
				if a.IsValid() {
					c.addrs[packet.FamilyOf(a)] = append(c.addrs[packet.FamilyOf(a)], a)
				}
			}
		}
	}
	var ours netipx.IPSetBuilder
	for _, v := range n.VPCs {
		for _, p := range append(append([]ir.Value[netip.Prefix]{}, v.IPv4...), v.IPv6...) {
			if p.Known() && p.V.IsValid() {
				ours.AddPrefix(p.V)
			}
		}
	}
	for _, i := range n.Interfaces {
		for _, a := range i.Addresses {
			if a.Public.Exists.V && a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
				ours.Add(a.Public.Addr.V)
			}
		}
	}
	c.ours, _ = ours.IPSet()
	for _, g := range n.SecurityGroups {
		for _, r := range g.Ingress {
			match(r.Match)
		}
		for _, r := range g.Egress {
			match(r.Match)
		}
	}
	for _, a := range n.NetworkACLs {
		for _, e := range a.Entries {
			match(e.Match)
		}
	}
	for _, t := range n.RouteTables {
		for _, r := range t.Routes {
			match(ir.Match{Peer: r.Destination, Ports: ir.NotKnown[ir.Ports](&ir.Unknown{})})
		}
	}
	return c
}

// header draws a header between two ends: mostly to addresses that they hold.
func (c corners) header(rng *rand.Rand, f packet.Family, from, to *ir.Interface) (packet.Header, bool) {
	pick := func(i *ir.Interface, public bool) (netip.Addr, bool) {
		if i == nil || rng.IntN(12) == 0 {
			as := c.addrs[f]
			return as[rng.IntN(len(as))], true
		}
		var as []netip.Addr
		for _, a := range i.Addresses {
			if a.Private.Known() && packet.FamilyOf(a.Private.V) == f {
				as = append(as, a.Private.V)
				if public && a.Public.Exists.V && a.Public.Addr.Known() {
					as = append(as, a.Public.Addr.V, a.Public.Addr.V)
				}
			}
		}
		if len(as) == 0 {
			return netip.Addr{}, false
		}
		return as[rng.IntN(len(as))], true
	}
	port := func() uint16 { return c.ports[rng.IntN(len(c.ports))] }
	src, ok := pick(from, false)
	dst, ok2 := pick(to, true)
	if !ok || !ok2 {
		return packet.Header{}, false
	}
	protocols := []uint8{packet.TCP, packet.TCP, packet.TCP, packet.UDP, packet.ICMP, packet.ICMPv6, 50}
	h := packet.Header{Src: src, Dst: dst, Protocol: protocols[rng.IntN(len(protocols))]}
	switch packet.KindOf(f, h.Protocol) {
	case packet.Ported:
		h.SrcPort, h.DstPort = port(), port()
	case packet.Typed:
		h.DstPort = port()
	case packet.Plain, packet.KindInvalid:
	}
	return h, h.Valid() && (from != nil || c.outside(h.Src)) && (to != nil || c.outside(h.Dst))
}

// agree compares the packet sets of every pair of ends with the concrete
// evaluator on sampled headers, and returns how many headers it compared and
// how many of them flow. On a network without unknowns the two must say the
// same; with unknowns what must pass is allowed and what is denied may not.
func agree(t *testing.T, n *ir.Network, rng *rand.Rand, samples int) (compared, allowed int) {
	t.Helper()
	m, err := reach.Compile(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	c := cornersOf(n)
	ends := append([]*ir.Interface{nil}, n.Interfaces...)
	for _, from := range ends {
		for _, to := range ends {
			if from == to {
				continue
			}
			for _, f := range packet.Families {
				port := []uint16{1024, 5000, 40000}[rng.IntN(3)]
				flow, err := m.Ask(context.Background(), reach.Question{From: from, To: to, Family: f, NATPort: port})
				if err != nil {
					t.Fatal(err)
				}
				for range samples {
					h, ok := c.header(rng, f, from, to)
					if !ok {
						continue
					}
					r := trace.Run(n, trace.Query{From: from, To: to, Header: h, NATPort: port})
					compared++
					if r.Verdict == trace.Allow {
						allowed++
					}
					s := m.Space(f)
					forward := verdict(t, s, flow.Forward, h)
					complete := verdict(t, s, flow.Complete, h)
					if contradict(forward, r.Forward.Verdict) || contradict(complete, r.Verdict) {
						t.Fatalf("%s\nfrom %s to %s\nsets:  forward %v complete %v\ntrace: forward %v complete %v\n%s", h, name(from), name(to), forward, complete, r.Forward.Verdict, r.Verdict, hops(r))
					}
				}
			}
		}
	}
	return compared, allowed
}

func verdict(t *testing.T, s *solver.Space, b reach.Band, h packet.Header) trace.Verdict {
	t.Helper()
	must, err := s.Contains(b.Must, h)
	if err != nil {
		t.Fatal(err)
	}
	may, err := s.Contains(b.May, h)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case must && may:
		return trace.Allow
	case must:
		t.Fatalf("must is not inside may: %s", h)
	case !may:
		return trace.Deny
	}
	return trace.Unknown
}

// contradict: a definite answer meets the opposite one.
func contradict(a, b trace.Verdict) bool {
	return a == trace.Allow && b == trace.Deny || a == trace.Deny && b == trace.Allow
}

func name(i *ir.Interface) string {
	if i == nil {
		return "outside"
	}
	return i.Resource
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
