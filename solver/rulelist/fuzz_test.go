package rulelist_test

import (
	"context"
	"testing"

	"github.com/postern-dev/postern/internal/listgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
	"github.com/postern-dev/postern/solver/rulelist"
	"go4.org/netipx"
)

// tinyRules reads rules over the tiny universe from bytes, six a rule: each
// field is one of a few ranges.
func tinyRules(data []byte) []listgen.Rule {
	all := solver.Everything(packet.IPv4)
	protocols := []solver.Interval{all.Protocol, {Lo: 6, Hi: 6}, {Lo: 1, Hi: 1}, {Lo: 47, Hi: 47}, {Lo: 0, Hi: 6}, {Lo: 6, Hi: 255}}
	small := func(b byte, most uint16) solver.Interval {
		i := solver.Interval{Lo: uint16(b & 3), Hi: uint16(b >> 2 & 3)}
		if i.Hi == 3 {
			i.Hi = most
		}
		return i
	}
	addrs := func(b byte) netipx.IPRange {
		at := func(v byte) packet.Value { return packet.Value{Lo: uint64(v & 3)} }
		to := at(b >> 2)
		if to.Lo == 3 {
			to.Lo = 1<<32 - 1
		}
		return netipx.IPRangeFrom(at(b).Addr(packet.IPv4), to.Addr(packet.IPv4))
	}
	var rules []listgen.Rule
	for len(data) >= 6 && len(rules) < 24 {
		r := listgen.Rule{Decision: solver.Permit + solver.Decision(data[0]&1), Box: solver.Box{
			Protocol: protocols[int(data[1])%len(protocols)],
			Src:      addrs(data[2]), Dst: addrs(data[3]),
			SrcPort: small(data[4], 65535), DstPort: small(data[5], 65535),
		}}
		rules = append(rules, r)
		data = data[6:]
	}
	return rules
}

var universe = listgen.Universe(packet.IPv4)

// FuzzAnalyse compares the verdicts about small lists, and the classifier, with
// trying out all headers.
func FuzzAnalyse(f *testing.F) {
	f.Add([]byte("\x00\x01\x0c\x0c\x0c\x0c\x01\x00\x04\x0c\x0c\x0c\x00\x00\x0c\x0c\x0c\x0c"))
	f.Add([]byte("\x00\x02\x0c\x00\x0c\x05\x00\x02\x0c\x05\x0c\x05\x01\x04\x0c\x04\x0c\x05"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules := tinyRules(data)
		x := rulelist.NewIndex(packet.IPv4, known(rules), solver.Deny)
		holds, reached, matters := make([]bool, len(rules)), make([]bool, len(rules)), make([]bool, len(rules))
		for _, h := range universe {
			first := listgen.First(rules, h)
			if got := x.Classify(h); got != first {
				t.Fatalf("%v meets %d, want %d", h, got, first)
			}
			for i := range rules {
				holds[i] = holds[i] || listgen.Holds(&rules[i].Box, h)
			}
			if first >= 0 {
				reached[first] = true
				matters[first] = matters[first] || decision(rules, first, solver.Deny, h) != rules[first].Decision
			}
		}
		all, err := x.Analyse(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range all {
			want := func(alive bool) rulelist.State {
				switch {
				case !holds[i]:
					return rulelist.Absent
				case alive:
					return rulelist.Alive
				}
				return rulelist.Covered
			}
			if a.Shadowed.State != want(reached[i]) || a.Redundant.State != want(matters[i]) {
				t.Fatalf("rule %d: shadowed %v, redundant %v; want %v, %v", i, a.Shadowed.State, a.Redundant.State, want(reached[i]), want(matters[i]))
			}
		}
	})
}
