package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// The alphabet of the random lists, and headers at every corner of everything
// that can be made of it.
var (
	someCIDRs = []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.0.1.0/24", "10.0.1.5/32", "::/0", "2001:db8::/32", "2001:db8::/33"}
	someTypes = []string{"all", "tcp", "udp", "icmp", "tcp/22", "tcp/0-1023", "tcp/1024-65535", "tcp/20-30", "50", "icmp/2048-2303", "icmp/2048", "icmpv6", "58/32768"}
)

func corners() []packet.Header {
	var hs []packet.Header
	peers := []string{"0.0.0.0", "9.255.255.255", "10.0.0.0", "10.0.1.0", "10.0.1.4", "10.0.1.5", "10.0.1.6", "10.0.2.0", "10.128.0.0", "11.0.0.0", "128.0.0.0", "255.255.255.255", "::", "2001:db8::", "2001:db8:8000::", "2001:db9::"}
	for _, p := range peers {
		src := netip.MustParseAddr(p)
		dst := netip.MustParseAddr("10.0.20.9")
		if src.Is6() {
			dst = netip.MustParseAddr("2001:db8:1:1::9")
		}
		for _, protocol := range []uint8{0, packet.ICMP, packet.TCP, packet.UDP, 50, packet.ICMPv6, 255} {
			h := packet.Header{Src: src, Dst: dst, Protocol: protocol}
			switch h.Kind() {
			case packet.Plain, packet.KindInvalid:
				hs = append(hs, h)
			case packet.Ported:
				for _, port := range []uint16{0, 19, 20, 22, 23, 30, 31, 1023, 1024, 65535} {
					h.SrcPort, h.DstPort = 40000, port
					hs = append(hs, h)
				}
			case packet.Typed:
				for _, port := range []uint16{0, 2047, 2048, 2049, 2303, 2304, 32767, 32768, 32769, 65535} {
					h.DstPort = port
					hs = append(hs, h)
				}
			}
		}
	}
	return hs
}

// drawEntries makes a list with distinct numbers.
func drawEntries(t *rapid.T, odd bool) []string {
	n := rapid.IntRange(1, 7).Draw(t, "entries")
	numbers := rapid.Permutation([]int{10, 20, 30, 40, 50, 60, 70}).Draw(t, "numbers")
	var out []string
	for k := range n {
		number := fmt.Sprint(numbers[k])
		action := rapid.SampledFrom([]string{"allow", "deny"}).Draw(t, "action")
		cidr := rapid.SampledFrom(someCIDRs).Draw(t, "cidr")
		protocol := rapid.SampledFrom(someTypes).Draw(t, "protocol")
		suffix := ""
		if odd {
			switch rapid.IntRange(0, 9).Draw(t, "odd") {
			case 0:
				number = "?"
			case 1:
				cidr = "?4"
			case 2:
				protocol = "?"
			case 3:
				suffix = " maybe"
			case 4:
				action = "?"
			}
		}
		out = append(out, fmt.Sprintf("in %s %s %s %s%s", number, action, protocol, cidr, suffix))
	}
	return out
}

// matchesKnown is the meaning of a known entry, written down once more.
func matchesKnown(e *ir.Entry, h packet.Header) bool {
	return e.Peer.CIDR.Contains(h.Src) && e.MatchesService(h)
}

// inNumberOrder returns the entries in the order in which AWS looks at them.
func inNumberOrder(acl *ir.NetworkACL) []*ir.Entry {
	var es []*ir.Entry
	for k := range acl.Entries {
		es = append(es, &acl.Entries[k])
	}
	slices.SortFunc(es, func(a, b *ir.Entry) int { return int(a.Number.V) - int(b.Number.V) })
	return es
}

// bruteThwarted decides by the packets alone whether entry i is dead and the
// opposite of what it says happens.
func bruteThwarted(es []*ir.Entry, i int, hs []packet.Header) bool {
	any, opposite, all, twin := false, false, true, true
	for _, h := range hs {
		if !matchesKnown(es[i], h) {
			continue
		}
		any = true
		first, byTwin := -1, false
		for k := range i {
			if matchesKnown(es[k], h) {
				if first < 0 {
					first = k
				}
				byTwin = byTwin || es[k].Allow.V == es[i].Allow.V
			}
		}
		if first < 0 {
			return false // some of it gets there
		}
		differs := es[first].Allow.V != es[i].Allow.V
		opposite, all, twin = opposite || differs, all && differs, twin && byTwin
	}
	return any && opposite && (all || !twin)
}

// bruteStyle: a deny of everything after which nothing else comes.
func bruteStyle(es []*ir.Entry, i int) bool {
	full := es[i].Protocol.V == -1 && es[i].Peer.CIDR.Bits() == 0 && !es[i].Allow.V
	for _, e := range es[i+1:] {
		same := packet.FamilyOfPrefix(e.Peer.CIDR) == packet.FamilyOfPrefix(es[i].Peer.CIDR)
		if same && (e.Allow.V || e.Protocol.V != -1 || e.Peer.CIDR.Bits() != 0) {
			return false
		}
	}
	return full
}

func verdicts(acl *ir.NetworkACL, hs []packet.Header) []trace.Verdict {
	var vs []trace.Verdict
	for _, h := range hs {
		vs = append(vs, trace.ACL(acl, false, h))
	}
	return vs
}

// linesOf returns the lines that findings of a rule stand on.
func linesOf(fs []diag.Finding, rules ...string) map[int]bool {
	lines := map[int]bool{}
	for _, f := range fs {
		if slices.Contains(rules, f.Rule) && f.Certainty == diag.Definite {
			lines[f.Place.Range.Start.Line] = true
		}
	}
	return lines
}

// without returns the ACL without the entries on some lines.
func withoutLines(acl *ir.NetworkACL, lines map[int]bool) *ir.NetworkACL {
	c := *acl
	c.Entries = slices.DeleteFunc(slices.Clone(acl.Entries), func(e ir.Entry) bool { return lines[e.Origin.Range.Start.Line] })
	return &c
}

func TestEntriesAgainstPackets(t *testing.T) {
	hs := corners()
	rapid.Check(t, func(rt *rapid.T) {
		text := drawEntries(rt, false)
		acl := parseACL(t, text...)
		a := run(t, aclNetwork(acl), entryRules...)
		dead := linesOf(a.Findings, "nacl-deny-ineffective", "nacl-allow-ineffective")
		es := inNumberOrder(acl)
		for i, e := range es {
			want := bruteThwarted(es, i, hs) && !bruteStyle(es, i)
			if got := dead[e.Origin.Range.Start.Line]; got != want {
				rt.Errorf("entry %s is ineffective: %t, want %t\n%s", numberWord(e), got, want, strings.Join(text, "\n"))
			}
		}
		gone := linesOf(a.Findings, "nacl-entry-redundant")
		less := withoutLines(acl, gone)
		before := verdicts(acl, hs)
		if after := verdicts(less, hs); !slices.Equal(before, after) {
			rt.Errorf("removing the entries on %v changes something\n%s", gone, strings.Join(text, "\n"))
		}
		if len(dead) > 0 {
			return
		}
		rest := inNumberOrder(less)
		for i, e := range rest {
			one := withoutLines(less, map[int]bool{e.Origin.Range.Start.Line: true})
			if slices.Equal(before, verdicts(one, hs)) && !bruteStyle(rest, i) {
				rt.Errorf("entry %s could be removed too\n%s", numberWord(e), strings.Join(text, "\n"))
			}
		}
	})
}

// settle replaces what is unknown about a list by values.
func settle(t *rapid.T, acl *ir.NetworkACL) *ir.NetworkACL {
	c := *acl
	c.Entries = nil
	for k := range acl.Entries {
		e := acl.Entries[k]
		if e.Maybe != nil && rapid.Bool().Draw(t, "absent") {
			continue
		}
		e.Maybe = nil
		if !e.Number.Known() {
			e.Number = ir.Known(uint16(rapid.IntRange(0, 7).Draw(t, "number")*10 + 5))
		}
		if !e.Allow.Known() {
			e.Allow = ir.Known(rapid.Bool().Draw(t, "allow"))
		}
		if e.Peer.Unknown != nil {
			e.Peer = ir.Peer{CIDR: netip.MustParsePrefix(rapid.SampledFrom(someCIDRs[:8]).Draw(t, "peer"))}
		}
		if !e.Protocol.Known() {
			e.Protocol = ir.Known(rapid.SampledFrom([]int16{-1, packet.TCP, packet.UDP, 50}).Draw(t, "protocol"))
		}
		c.Entries = append(c.Entries, e)
	}
	return &c
}

// Whatever the unknown values turn out to be: a definite finding about a dead
// entry holds, and what is called redundant can go.
func TestEntriesUnderUnknowns(t *testing.T) {
	hs := corners()
	rapid.Check(t, func(rt *rapid.T) {
		text := drawEntries(rt, true)
		acl := parseACL(t, text...)
		a := run(t, aclNetwork(acl), entryRules...)
		dead := linesOf(a.Findings, "nacl-deny-ineffective", "nacl-allow-ineffective")
		gone := linesOf(a.Findings, "nacl-entry-redundant")
		real := settle(rt, acl)
		before := verdicts(real, hs)
		for name, lines := range map[string]map[int]bool{"dead": dead, "redundant": gone} {
			if !slices.Equal(before, verdicts(withoutLines(real, lines), hs)) {
				rt.Errorf("removing the %s entries on %v changes something\n%s", name, lines, strings.Join(text, "\n"))
			}
		}
	})
}

// The repair of a dead deny does what its text claims: packets that it names,
// and no others, are judged differently, and all of them are denied then.
func TestRepairsAgainstPackets(t *testing.T) {
	hs := corners()
	rapid.Check(t, func(rt *rapid.T) {
		text := drawEntries(rt, false)
		acl := parseACL(t, text...)
		a := run(t, aclNetwork(acl), "nacl-deny-ineffective")
		for _, f := range a.Findings {
			if len(f.Fix.Edits) == 0 {
				continue
			}
			moved := *acl
			moved.Entries = slices.Clone(acl.Entries)
			var entry *ir.Entry
			for k := range moved.Entries {
				if e := &moved.Entries[k]; e.Origin.Range == f.Place.Range {
					var n uint16
					if _, err := fmt.Sscan(f.Fix.Edits[0].NewText, &n); err != nil {
						rt.Fatal(err)
					}
					e.Number = ir.Known(n)
					entry = e
				}
			}
			changed := 0
			for _, h := range hs {
				was, is := trace.ACL(acl, false, h), trace.ACL(&moved, false, h)
				if was == is {
					continue
				}
				changed++
				if !matchesKnown(entry, h) || is != trace.Deny {
					rt.Errorf("%s: %s becomes %s\n%s", f.Fix.Text, h, is, strings.Join(text, "\n"))
				}
			}
			if changed == 0 {
				rt.Errorf("%s: nothing changes\n%s", f.Fix.Text, strings.Join(text, "\n"))
			}
		}
	})
}
