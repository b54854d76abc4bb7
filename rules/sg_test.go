package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// sgWorld is a VPC with the groups a, b and c in it, d in an unknown one.
type sgWorld struct {
	vpc    *ir.VPC
	groups map[string]*ir.SecurityGroup
}

func newSGWorld(cidrs ...string) *sgWorld {
	w := &sgWorld{
		vpc:    &ir.VPC{ID: "vpc-1", Seen: true, Origin: ir.Origin{Address: "aws_vpc.one"}},
		groups: map[string]*ir.SecurityGroup{},
	}
	for _, c := range cidrs {
		p := netip.MustParsePrefix(c)
		if p.Addr().Is4() {
			w.vpc.IPv4 = append(w.vpc.IPv4, ir.Known(p))
		} else {
			w.vpc.IPv6 = append(w.vpc.IPv6, ir.Known(p))
		}
	}
	for k, name := range []string{"a", "b", "c", "d"} {
		g := &ir.SecurityGroup{ID: "sg-" + name, VPCs: ir.One(w.vpc), Origin: ir.Origin{Address: "aws_security_group." + name, Range: line("sg.tf", k+1, "x")}}
		if name == "d" {
			g.VPCs = ir.Another[*ir.VPC](unknown("var.vpc"))
		}
		w.groups[name] = g
	}
	return w
}

// rule reads "tcp/22 10.0.0.0/8", "tcp/22 a" for a reference, and "tcp/22
// pl:10.0.0.0/8,10.1.0.0/16" for a prefix list; with "maybe" at the end the
// rule may not be there.
func (w *sgWorld) rule(t testing.TB, s string, at int) ir.Rule {
	t.Helper()
	f := strings.Fields(s)
	peer, cidr := ir.Peer{}, f[1]
	if g, ok := w.groups[f[1]]; ok {
		peer, cidr = ir.Peer{Group: g}, "?"
	} else if list, ok := strings.CutPrefix(f[1], "pl:"); ok {
		l := &ir.PrefixList{ID: "pl-1", Family: packet.IPv4}
		for _, c := range strings.Split(list, ",") {
			if c == "open" {
				l.Open = unknown("var.entries")
			} else {
				l.CIDRs = append(l.CIDRs, netip.MustParsePrefix(c))
			}
		}
		peer, cidr = ir.Peer{PrefixList: l}, "?"
	}
	r := ir.Rule{Match: parseMatch(t, f[0], cidr)}
	if peer != (ir.Peer{}) {
		r.Peer = peer
	}
	if len(f) > 2 {
		r.Maybe = unknown("var.rules")
	}
	r.Origin = ir.Origin{Address: "aws_security_group.a", Range: line("sg.tf", at, f[1]), Block: line("sg.tf", at, s)}
	return r
}

func (w *sgWorld) network(t testing.TB, rules ...string) *ir.Network {
	t.Helper()
	g := w.groups["a"]
	for k, s := range rules {
		g.Ingress = append(g.Ingress, w.rule(t, s, 10+k))
	}
	n := &ir.Network{Root: "root", VPCs: []*ir.VPC{w.vpc}}
	for _, name := range []string{"a", "b", "c", "d"} {
		n.SecurityGroups = append(n.SecurityGroups, w.groups[name])
	}
	return n
}

func TestRuleRedundant(t *testing.T) {
	tests := []struct {
		name  string
		rules []string
		want  string // rule n stands on line 10+n
	}{
		{
			"a smaller CIDR",
			[]string{"tcp/443 10.0.0.0/16", "tcp/443 10.0.1.0/24"},
			"sg.tf:11 this rule adds nothing: tcp/443 from 10.0.0.0/16 (sg.tf:10) covers tcp/443 from 10.0.1.0/24\n",
		},
		{
			"two halves",
			[]string{"tcp 0.0.0.0/1", "tcp 128.0.0.0/1", "tcp/22 0.0.0.0/0"},
			"sg.tf:12 this rule adds nothing: tcp from 0.0.0.0/1 (sg.tf:10) and tcp from 128.0.0.0/1 (sg.tf:11) together cover tcp/22 from 0.0.0.0/0\n",
		},
		{
			"two equal ones, of which one can go",
			[]string{"tcp/443 10.0.0.0/16", "tcp/443 10.0.0.0/16"},
			"sg.tf:11 this rule is there twice: tcp/443 from 10.0.0.0/16 (sg.tf:10) says the same\n",
		},
		{
			"three in a ring of equals",
			[]string{"tcp/20-25 10.0.0.0/16", "tcp/22-30 10.0.0.0/16", "tcp/20-30 10.0.0.0/16"},
			"sg.tf:11 this rule adds nothing: tcp/20-30 from 10.0.0.0/16 (sg.tf:12) covers tcp/22-30 from 10.0.0.0/16\n" +
				"sg.tf:10 this rule adds nothing: tcp/20-30 from 10.0.0.0/16 (sg.tf:12) covers tcp/20-25 from 10.0.0.0/16\n",
		},
		{"families do not mix", []string{"tcp/443 0.0.0.0/0", "tcp/443 ::/0"}, ""},
		{"only IPv6", []string{"tcp/443 ::/0"}, ""},
		{"protocols do not mix", []string{"tcp/53 0.0.0.0/0", "udp/53 0.0.0.0/0", "50 0.0.0.0/0"}, ""},
		{
			"everything covers ESP",
			[]string{"all 0.0.0.0/0", "50 10.0.0.0/8"},
			"sg.tf:11 this rule adds nothing: everything from 0.0.0.0/0 (sg.tf:10) covers 50 from 10.0.0.0/8\n",
		},
		{
			"a CIDR that holds the VPC makes a reference pointless",
			[]string{"tcp/443 10.0.0.0/8", "tcp/443 b"},
			"sg.tf:11 the CIDR 10.0.0.0/8 makes the reference to aws_security_group.b pointless\n",
		},
		{"a CIDR that holds a part of the VPC does not", []string{"tcp/443 10.0.0.0/17", "tcp/443 b"}, ""},
		{"IPv4 alone does not, when members may be anywhere", []string{"tcp/443 0.0.0.0/0", "tcp/443 d"}, ""},
		{
			"the whole of both families does",
			[]string{"tcp/443 0.0.0.0/0", "tcp/443 ::/0", "tcp/443 d"},
			"sg.tf:12 the CIDRs 0.0.0.0/0 and ::/0 make the reference to aws_security_group.d pointless\n",
		},
		{"a reference never covers a CIDR", []string{"tcp/443 b", "tcp/443 10.0.1.0/24"}, ""},
		{"one group's reference never covers another's", []string{"tcp b", "tcp/443 c"}, ""},
		{
			"a wider reference to the same group does",
			[]string{"tcp b", "tcp/443 b"},
			"sg.tf:11 this rule adds nothing: tcp from aws_security_group.b (sg.tf:10) covers tcp/443 from aws_security_group.b\n",
		},
		{
			"a group's reference to itself",
			[]string{"all a", "tcp/443 a"},
			"sg.tf:11 this rule adds nothing: everything from aws_security_group.a (sg.tf:10) covers tcp/443 from aws_security_group.a\n",
		},
		{
			"a prefix list in a CIDR",
			[]string{"tcp/443 10.0.0.0/8", "tcp/443 pl:10.1.0.0/16,10.2.0.0/16"},
			"sg.tf:11 this rule adds nothing: tcp/443 from 10.0.0.0/8 (sg.tf:10) covers tcp/443 from pl-1\n",
		},
		{
			"a CIDR in a prefix list",
			[]string{"tcp/443 pl:10.1.0.0/16,10.2.0.0/16", "tcp/443 10.1.1.0/24"},
			"sg.tf:11 this rule adds nothing: tcp/443 from pl-1 (sg.tf:10) covers tcp/443 from 10.1.1.0/24\n",
		},
		{"a list that may hold more", []string{"tcp/443 10.0.0.0/8", "tcp/443 pl:10.1.0.0/16,open"}, ""},
		{"an unknown rule covers nothing", []string{"tcp/443 ?", "tcp/443 10.0.0.0/8"}, ""},
		{
			"an unknown CIDR in everything",
			[]string{"all 0.0.0.0/0", "tcp/443 ?4"},
			"sg.tf:11 this rule adds nothing: everything from 0.0.0.0/0 (sg.tf:10) covers tcp/443 from var.cidr\n",
		},
		{"a rule that may not be there covers nothing", []string{"tcp/443 10.0.0.0/8 maybe", "tcp/443 10.0.1.0/24"}, ""},
		{"a rule that no packet matches is another fault", []string{"all ::/0", "icmp ::/0"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := run(t, newSGWorld("10.0.0.0/16").network(t, test.rules...), "sg-rule-redundant")
			if d := cmp.Diff(test.want, inOrderOf(test.want, messages(a.Findings))); d != "" {
				t.Error(d)
			}
		})
	}
}

// Members of a group may have IPv6 addresses where their VPC has some.
func TestReferenceInDualStackVPC(t *testing.T) {
	rules := []string{"icmp 10.0.0.0/8", "icmp b", "tcp/443 10.0.0.0/8", "tcp/443 b"}
	a := run(t, newSGWorld("10.0.0.0/16", "2001:db8::/56").network(t, rules...), "sg-rule-redundant")
	want := "sg.tf:11 the CIDR 10.0.0.0/8 makes the reference to aws_security_group.b pointless\n"
	if d := cmp.Diff(want, messages(a.Findings)); d != "" {
		t.Errorf("only ICMP is IPv4 alone: %s", d)
	}
}

// let reports whether known rules let a packet of a member of some groups in.
func let(rules []ir.Rule, member map[*ir.SecurityGroup]bool, h packet.Header) bool {
	return slices.ContainsFunc(rules, func(r ir.Rule) bool {
		if !r.MatchesService(h) {
			return false
		}
		if r.Peer.Group != nil {
			return member[r.Peer.Group]
		}
		return r.Peer.CIDR.Contains(h.Src)
	})
}

// Removing everything that is called redundant changes nothing, whoever is in
// which group; and of what is left nothing more can go.
func TestRedundantRulesAgainstPackets(t *testing.T) {
	hs := corners()
	peers := append([]string{"a", "b", "c"}, someCIDRs...)
	rapid.Check(t, func(rt *rapid.T) {
		w := newSGWorld("10.0.0.0/8", "2001:db8::/33")
		var text []string
		for range rapid.IntRange(1, 8).Draw(rt, "rules") {
			text = append(text, rapid.SampledFrom(someTypes).Draw(rt, "protocol")+" "+rapid.SampledFrom(peers).Draw(rt, "peer"))
		}
		n := w.network(t, text...)
		a := run(t, n, "sg-rule-redundant", "sg-rule-never-matches")
		gone := linesOf(a.Findings, "sg-rule-redundant")
		rules := w.groups["a"].Ingress
		lessThan := func(lines map[int]bool) []ir.Rule {
			return slices.DeleteFunc(slices.Clone(rules), func(r ir.Rule) bool { return lines[r.Origin.Range.Start.Line] })
		}
		same := func(less []ir.Rule) bool {
			for set := range 8 {
				member := map[*ir.SecurityGroup]bool{w.groups["a"]: set&1 != 0, w.groups["b"]: set&2 != 0, w.groups["c"]: set&4 != 0}
				for _, h := range hs {
					inVPC := netip.MustParsePrefix("10.0.0.0/8").Contains(h.Src) || netip.MustParsePrefix("2001:db8::/33").Contains(h.Src)
					sent := h.Protocol != packet.ICMP && h.Protocol != packet.ICMPv6 || h.Kind() == packet.Typed
					if (inVPC || set == 0) && sent && let(rules, member, h) != let(less, member, h) {
						return false
					}
				}
			}
			return true
		}
		if !same(lessThan(gone)) {
			rt.Errorf("removing the rules on %v changes something\n%s", gone, strings.Join(text, "\n"))
		}
		never := linesOf(a.Findings, "sg-rule-never-matches")
		for _, r := range rules {
			at := r.Origin.Range.Start.Line
			if gone[at] || never[at] {
				continue
			}
			gone[at] = true
			if same(lessThan(gone)) {
				rt.Errorf("rule %d could be removed too\n%s", at-10, strings.Join(text, "\n"))
			}
			delete(gone, at)
		}
	})
}

func TestRuleNeverMatches(t *testing.T) {
	two := &ir.VPC{ID: "vpc-2", Seen: true, Origin: ir.Origin{Address: "aws_vpc.two"}}
	away := func(n *ir.Network, w *sgWorld) {
		w.groups["b"].VPCs = ir.One(two)
		n.VPCs = append(n.VPCs, two)
	}
	closeAll := func(n *ir.Network) {
		n.Closed = map[ir.Scope]bool{{Kind: ir.KindPeering}: true, {Kind: ir.KindTransitGateway}: true, {Kind: ir.KindSecurityGroup}: true}
	}
	unconnected := "sg.tf:10 no packet matches this rule: nothing connects aws_vpc.two, where aws_security_group.b is, with aws_vpc.one"
	tests := []struct {
		name   string
		rule   string
		change func(*ir.Network, *sgWorld)
		want   string
	}{
		{"icmp in IPv6", "icmp ::/0", nil, "sg.tf:10 no packet matches this rule: protocol icmp is ICMP for IPv4, and ::/0 is IPv6\n"},
		{"icmpv6 in IPv4", "icmpv6 10.0.0.0/8", nil, "sg.tf:10 no packet matches this rule: protocol icmpv6 belongs to IPv6, and 10.0.0.0/8 is IPv4\n"},
		{"icmp in IPv4", "icmp 10.0.0.0/8", nil, ""},
		{"everything in IPv6", "all ::/0", nil, ""},
		{"icmpv6 from somebody", "icmpv6 ?", nil, ""},
		{"icmpv6 from a group without IPv6", "icmpv6 b", nil, ""},
		{"a group of the same VPC", "tcp/22 b", nil, ""},
		{"a VPC that nothing connects, as far as seen", "tcp/22 b", away, unconnected + " (possible)\n"},
		{"a VPC that nothing connects", "tcp/22 b", func(n *ir.Network, w *sgWorld) { away(n, w); closeAll(n) }, unconnected + "\n"},
		{"a peering", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			away(n, w)
			n.Peerings = []*ir.Peering{{Requester: ir.One(two), Accepter: ir.One(w.vpc), Active: ir.Known(true), SameRegion: ir.Known(true)}}
		}, ""},
		{"a peering that is gone", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			away(n, w)
			closeAll(n)
			n.Peerings = []*ir.Peering{{Requester: ir.One(two), Accepter: ir.One(w.vpc), Active: ir.Known(false), SameRegion: ir.Known(true)}}
		}, unconnected + "\n"},
		{"a peering with somebody", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			away(n, w)
			n.Peerings = []*ir.Peering{{Requester: ir.One(two), Accepter: ir.Another[*ir.VPC](unknown("x")), Active: ir.Known(true), SameRegion: ir.Known(true)}}
		}, ""},
		{"a transit gateway", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			away(n, w)
			n.TransitGateways = []*ir.TransitGateway{{Attachments: []*ir.Attachment{{VPC: ir.One(two)}, {VPC: ir.One(w.vpc)}}}}
		}, ""},
		{"an association", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			away(n, w)
			w.groups["b"].Associated = []*ir.VPC{w.vpc}
		}, ""},
		{"a VPC that is only named", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			w.groups["b"].VPCs = ir.One(&ir.VPC{ID: "vpc-3"})
			closeAll(n)
		}, ""},
		{"a group that is missing", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			closeAll(n)
			n.SecurityGroups = slices.DeleteFunc(n.SecurityGroups, func(g *ir.SecurityGroup) bool { return g == w.groups["b"] })
		}, "sg.tf:10 no packet matches this rule: group aws_security_group.b does not exist\n"},
		{"a group that is gone", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			closeAll(n)
			w.groups["b"].VPCs = ir.Choice[*ir.VPC]{}
		}, "sg.tf:10 no packet matches this rule: group aws_security_group.b does not exist\n"},
		{"a group that is gone and that AWS lists itself", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			closeAll(n)
			w.groups["b"].VPCs = ir.Choice[*ir.VPC]{}
			n.Problems = diag.List{{Rule: "sg-rule-never-matches", Message: "stale", Address: "sg-a", Range: line("stale.json", 3, "x")}}
		}, "stale.json:3 stale\n"},
		{"a group that an interface carries", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			closeAll(n)
			w.groups["b"].VPCs = ir.Choice[*ir.VPC]{}
			n.Interfaces = []*ir.Interface{{Groups: ir.All(w.groups["b"])}}
		}, ""},
		{"a group that may be elsewhere", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			n.SecurityGroups = slices.DeleteFunc(n.SecurityGroups, func(g *ir.SecurityGroup) bool { return g == w.groups["b"] })
		}, ""},
		{"a group of another account", "tcp/22 b", func(n *ir.Network, w *sgWorld) {
			closeAll(n)
			w.groups["b"].Home = ir.Home{Account: "111122223333"}
			n.SecurityGroups = slices.DeleteFunc(n.SecurityGroups, func(g *ir.SecurityGroup) bool { return g == w.groups["b"] })
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newSGWorld("10.0.0.0/16")
			n := w.network(t, test.rule)
			if test.change != nil {
				test.change(n, w)
			}
			if d := cmp.Diff(test.want, messages(run(t, n, "sg-rule-never-matches").Findings)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Rules that count makes from one line are one finding.
func TestRedundantRulesFold(t *testing.T) {
	w := newSGWorld("10.0.0.0/16")
	n := w.network(t, "all 10.0.0.0/8")
	for k := range 5 {
		r := w.rule(t, "tcp/443 10.0.1.0/24", 20)
		r.Origin.Address = fmt.Sprintf("aws_security_group_rule.r[%d]", k)
		w.groups["a"].Ingress = append(w.groups["a"].Ingress, r)
	}
	a := run(t, n, "sg-rule-redundant")
	if len(a.Findings) != 1 || !strings.HasSuffix(a.Findings[0].Message, "(and 4 more from this line)") {
		t.Fatalf("want one finding with 4 more:\n%s", messages(a.Findings))
	}
	if got := len(a.Findings[0].Related); got != 5 {
		t.Errorf("%d related places, want the cover and four rules", got)
	}
	if a.Findings[0].Severity != diag.Low {
		t.Errorf("severity %s", a.Findings[0].Severity)
	}
}

// A list that is far longer than AWS allows is not compared pair by pair; the
// others of the network are.
func TestRulesTooManyToCompare(t *testing.T) {
	w := newSGWorld("10.0.0.0/16")
	n := w.network(t, "tcp/443 10.0.0.0/16", "tcp/443 10.0.1.0/24")
	flood := w.groups["b"]
	for len(flood.Ingress)*len(flood.Ingress) <= maxSGPairs {
		flood.Ingress = append(flood.Ingress, w.rule(t, "tcp/22 10.0.0.0/8", 10))
	}
	a, err := Check(t.Context(), []*ir.Network{n}, Settings{Only: []string{"sg-rule-redundant"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := messages(a.Findings); !strings.Contains(got, "sg.tf:11 this rule adds nothing") {
		t.Errorf("findings:\n%s", got)
	}
	if len(a.Diagnostics) != 1 || !strings.Contains(a.Diagnostics[0].Message, "aws_security_group.b has 14143 rules, more than can be compared") {
		t.Errorf("diagnostics: %v", a.Diagnostics)
	}
}
