package trace_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
	"go4.org/netipx"
)

// drawMatch draws a match of which everything is known, among few addresses and
// ports, so that some are covered by others.
func drawMatch(r *rand.Rand) ir.Match {
	m := ir.Match{Protocol: ir.Known(int16(-1)), Ports: ir.Known(ir.AllPorts)}
	switch r.IntN(5) {
	case 0:
		m.Protocol.V = packet.ICMP
		m.Ports.V = ir.ICMPPorts(r.IntN(3)-1, r.IntN(2)-1)
	case 1, 2:
		m.Protocol.V = packet.TCP
		lo := uint16(r.IntN(3))
		m.Ports.V = ir.Ports{Lo: lo, Hi: []uint16{lo, lo + 1, 65535}[r.IntN(3)]}
	case 3:
		m.Protocol.V = 47
		m.Ports.V = ir.Ports{Lo: 5, Hi: 9} // not looked at
	}
	cidr := func() netip.Prefix {
		bits := []int{0, 1, 8, 30, 31, 32}[r.IntN(6)]
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(4))}), bits).Masked()
	}
	m.Peer.CIDR = cidr()
	if r.IntN(4) == 0 {
		m.Peer = ir.Peer{PrefixList: &ir.PrefixList{Family: packet.IPv4, CIDRs: []netip.Prefix{cidr(), cidr()}}}
	}
	return m
}

// boxesOf is what reach makes of a match.
func boxesOf(m *ir.Match, egress bool) []solver.Box {
	b := solver.Everything(packet.IPv4)
	if p := m.Protocol.V; p != -1 {
		b.Protocol = solver.Port(uint16(p))
		if packet.KindOf(packet.IPv4, uint8(p)) != packet.Plain {
			b.DstPort = solver.Interval{Lo: m.Ports.V.Lo, Hi: m.Ports.V.Hi}
		}
	}
	var set netipx.IPSetBuilder
	if m.Peer.PrefixList == nil {
		set.AddPrefix(m.Peer.CIDR)
	} else {
		for _, c := range m.Peer.PrefixList.CIDRs {
			set.AddPrefix(c)
		}
	}
	ranges, _ := set.IPSet()
	var out []solver.Box
	for _, r := range ranges.Ranges() {
		part := b
		if part.Src = r; egress {
			part.Src, part.Dst = b.Src, r
		}
		out = append(out, part)
	}
	return out
}

// TestCheckCover checks that the covers which the first judge finds convince
// the second, and that hardly any other does.
func TestCheckCover(t *testing.T) {
	covers, refused, kept := 0, 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		egress := seed%2 == 0
		matches := make([]ir.Match, 12)
		var entries []rulelist.Entry
		var rules []*ir.Match
		for i := range matches {
			matches[i] = drawMatch(r)
			rules = append(rules, &matches[i])
			entries = append(entries, rulelist.Known(solver.Permit, boxesOf(&matches[i], egress)...))
		}
		all, err := rulelist.NewIndex(packet.IPv4, entries, solver.Deny).Analyse(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range all {
			cover := a.Shadowed.Cover
			if cover == nil {
				continue
			}
			covers++
			claim := &trace.Claim{Family: packet.IPv4, Egress: egress, Target: &matches[i], Rules: rules[:i]}
			if err := trace.CheckCover(claim, cover); err != nil {
				t.Fatalf("seed %d, match %d: %v", seed, i, err)
			}
			// Without one of the rules the same cover proves nothing.
			for _, gone := range a.Shadowed.Rules {
				empty := matches[gone]
				empty.Peer = ir.Peer{CIDR: netip.MustParsePrefix("192.0.2.0/32")}
				with := append([]*ir.Match{}, rules[:i]...)
				with[gone] = &empty
				claim.Rules = with
				if trace.CheckCover(claim, cover) == nil {
					t.Errorf("seed %d, match %d: the cover holds without %d", seed, i, gone)
				}
			}
			// A cover of something else proves nothing, unless it does.
			for k := range matches {
				claim := &trace.Claim{Family: packet.IPv4, Egress: egress, Target: &matches[k], Rules: rules[:i]}
				s := solver.New(packet.IPv4, solver.Options{})
				var by []solver.Box
				for _, m := range rules[:i] {
					by = append(by, boxesOf(m, egress)...)
				}
				covered, _ := s.Subset(s.Of(boxesOf(&matches[k], egress)...), s.Of(by...))
				if err := trace.CheckCover(claim, cover); err != nil {
					refused++
				} else if kept++; !covered {
					t.Errorf("seed %d: a cover of match %d is taken for one of %d", seed, i, k)
				}
			}
		}
	}
	if covers < 100 || refused < 100 || kept < 100 {
		t.Errorf("only %d covers, %d refused, %d kept", covers, refused, kept)
	}
}

// TestCheckCoverRefuses checks what is no proof at all.
func TestCheckCoverRefuses(t *testing.T) {
	tcp := func(port uint16, cidr string) *ir.Match {
		return &ir.Match{
			Protocol: ir.Known(int16(packet.TCP)), Ports: ir.Known(ir.Ports{Lo: port, Hi: port}),
			Peer: ir.Peer{CIDR: netip.MustParsePrefix(cidr)},
		}
	}
	target := tcp(22, "10.0.0.0/9")
	wide := &ir.Match{Protocol: ir.Known(int16(-1)), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}}
	why := &ir.Unknown{Term: "var.x"}
	unknown := *wide
	unknown.Protocol = ir.NotKnown[int16](why)
	noPorts := *wide
	noPorts.Ports = ir.NotKnown[ir.Ports](why)
	somebody := *wide
	somebody.Peer = ir.Peer{Unknown: why}
	group := *wide
	group.Peer = ir.Peer{Group: &ir.SecurityGroup{Name: "web"}}
	leaf := func(by int) *packet.Cover { return &packet.Cover{By: by} }
	deep := leaf(0)
	for range 5000 {
		deep = &packet.Cover{Field: packet.FieldSrc, At: packet.Value{Lo: 1}, Below: deep, Above: leaf(0)}
	}
	// No list of AWS's own holds documentation networks; another list may.
	listed, theirs := *wide, *wide
	listed.Peer = ir.Peer{PrefixList: &ir.PrefixList{Family: packet.IPv4, Open: why, AWS: true}}
	theirs.Peer = ir.Peer{PrefixList: &ir.PrefixList{Family: packet.IPv4, Open: why}}
	around := &packet.Cover{
		Field: packet.FieldSrc, At: packet.Value{Lo: 0xC0000200}, Below: leaf(0),
		Above: &packet.Cover{Field: packet.FieldSrc, At: packet.Value{Lo: 0xC0000300}, Below: leaf(packet.Outside), Above: leaf(0)},
	}
	for name, c := range map[string]struct {
		target, rule *ir.Match
		cover        *packet.Cover
		ok           bool
	}{
		"one rule":         {target, wide, leaf(0), true},
		"a list of AWS":    {&listed, wide, around, true},
		"another list":     {&theirs, wide, around, false},
		"no leaf":          {target, wide, nil, false},
		"half a node":      {target, wide, &packet.Cover{Field: packet.FieldSrc, At: packet.Value{Lo: 1}, Below: leaf(0)}, false},
		"no such field":    {target, wide, &packet.Cover{Field: 9, At: packet.Value{Lo: 1}, Below: leaf(0), Above: leaf(0)}, false},
		"no such rule":     {target, wide, leaf(1), false},
		"no rule":          {target, wide, leaf(packet.Otherwise), false},
		"not outside":      {target, wide, leaf(packet.Outside), false},
		"too deep":         {target, wide, deep, false},
		"unknown protocol": {target, &unknown, leaf(0), false},
		"unknown ports":    {target, &noPorts, leaf(0), false},
		"unknown peer":     {target, &somebody, leaf(0), false},
		"group":            {target, &group, leaf(0), false},
		"may be anything":  {&unknown, wide, leaf(0), true},
		"may be anybody":   {&somebody, wide, leaf(0), true},
		"target is group":  {&group, wide, leaf(0), false},
	} {
		err := trace.CheckCover(&trace.Claim{Family: packet.IPv4, Target: c.target, Rules: []*ir.Match{c.rule}}, c.cover)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkCheckCover checks a cover of some thousand leaves; an operation is
// one leaf.
func BenchmarkCheckCover(b *testing.B) {
	var matches []ir.Match
	var entries []rulelist.Entry
	for i := range 1024 {
		m := ir.Match{
			Protocol: ir.Known(int16(packet.TCP)), Ports: ir.Known(ir.AllPorts),
			Peer: ir.Peer{CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 2), byte(i << 6)}), 26)},
		}
		matches = append(matches, m)
		entries = append(entries, rulelist.Known(solver.Permit, boxesOf(&m, false)...))
	}
	target := matches[0]
	target.Peer.CIDR = netip.MustParsePrefix("10.0.0.0/16")
	entries = append(entries, rulelist.Known(solver.Permit, boxesOf(&target, false)...))
	v, err := rulelist.NewIndex(packet.IPv4, entries, solver.Deny).Shadowed(context.Background(), len(matches), nil)
	if err != nil || v.Cover == nil {
		b.Fatal(v, err)
	}
	claim := &trace.Claim{Family: packet.IPv4, Target: &target}
	for i := range matches {
		claim.Rules = append(claim.Rules, &matches[i])
	}
	leaves := v.Cover.Leaves()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += leaves {
		if err := trace.CheckCover(claim, v.Cover); err != nil {
			b.Fatal(err)
		}
	}
}
