package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
)

var entryRules = []string{"nacl-deny-ineffective", "nacl-allow-ineffective", "nacl-entry-redundant"}

func TestEntries(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		want    string // a finding a line; entry n stands on line 10+n
	}{
		{"the database behind the reply range", []string{
			"in 90 allow tcp/5432 10.0.10.0/24",
			"in 100 allow tcp/1024-65535 0.0.0.0/0",
			"in 110 deny tcp/5432 0.0.0.0/0",
		}, "acl.tf:12 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"two halves of the internet together", []string{
			"in 90 allow tcp/22 0.0.0.0/1",
			"in 95 allow tcp/22 128.0.0.0/1",
			"in 100 deny tcp/22 0.0.0.0/0",
		}, "acl.tf:12 this deny stops nothing: entries 90 and 95 together allow every packet it names first\n"},
		{"a needless third is no part of the cover", []string{
			"in 80 allow tcp/22 10.0.0.0/8",
			"in 90 allow tcp/22 0.0.0.0/1",
			"in 95 allow tcp/22 128.0.0.0/1",
			"in 100 deny tcp/22 0.0.0.0/0",
		}, "acl.tf:13 this deny stops nothing: entries 90 and 95 together allow every packet it names first\n"},
		{"an allow and a deny together", []string{
			"in 90 allow tcp/22 0.0.0.0/1",
			"in 95 deny tcp/22 128.0.0.0/1",
			"in 100 deny tcp/22 0.0.0.0/0",
			"in 110 allow all 0.0.0.0/0",
		}, "acl.tf:12 this deny stops nothing: entries 90 and 95 together decide every packet it names first\n"},
		{"a deny covered in part is how lists are written", []string{
			"in 100 allow tcp/443 0.0.0.0/0",
			"in 200 deny all 0.0.0.0/0",
		}, ""},
		{"order is by number, not by place", []string{
			"in 110 deny tcp/5432 0.0.0.0/0",
			"in 100 allow tcp/1024-65535 0.0.0.0/0",
		}, "acl.tf:10 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"directions do not mix", []string{
			"out 100 allow tcp/1024-65535 0.0.0.0/0",
			"in 110 deny tcp/5432 0.0.0.0/0",
			"in 120 allow tcp 0.0.0.0/0",
		}, ""},
		{"families do not mix", []string{
			"in 100 allow all 0.0.0.0/0",
			"in 110 deny tcp/22 ::/0",
			"in 120 allow tcp ::/0",
		}, ""},
		{"IPv6 has the same fault", []string{
			"in 100 allow tcp ::/0",
			"in 110 deny tcp/22 2001:db8::/32",
		}, "acl.tf:11 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"every protocol is more than tcp, udp and icmp", []string{
			"in 100 allow tcp 0.0.0.0/0",
			"in 110 allow udp 0.0.0.0/0",
			"in 120 allow icmp 0.0.0.0/0",
			"in 130 deny all 10.0.0.0/8",
			"in 140 allow all 0.0.0.0/0",
		}, ""},
		{"port 0 is a port", []string{
			"in 100 allow tcp/1-65535 0.0.0.0/0",
			"in 110 deny tcp 10.0.0.0/8",
			"in 120 allow tcp 0.0.0.0/0",
		}, ""},
		{"the entries that AWS keeps", []string{
			"in 100 allow all 0.0.0.0/0",
			"in 32767 deny all 0.0.0.0/0",
			"in 101 allow all ::/0",
			"in 32768 deny all ::/0",
		}, ""},
		{"the entry that AWS keeps is the implicit one", []string{
			"in 100 deny tcp/22 10.0.0.0/8",
			"in 32767 deny all 0.0.0.0/0",
		}, "acl.tf:10 this deny changes nothing: the implicit * denies its packets anyway\n"},
		{"a last deny of everything is style", []string{
			"in 100 allow all 0.0.0.0/0",
			"in 200 deny all 0.0.0.0/0",
			"in 210 deny all ::/0",
		}, ""},
		{"an allow that comes too late", []string{
			"in 100 deny all 10.0.0.0/8",
			"in 200 allow tcp/443 10.0.1.0/24",
		}, "acl.tf:11 this allow lets nothing in: entry 100 denies every packet it names first\n"},
		{"an allow out that comes too late", []string{
			"out 100 deny all 10.0.0.0/8",
			"out 200 allow tcp/443 10.0.1.0/24",
		}, "acl.tf:11 this allow lets nothing out: entry 100 denies every packet it names first\n"},
		{"an entry that an earlier one contains", []string{
			"in 100 allow tcp/443 10.0.0.0/16",
			"in 110 allow tcp/443 10.0.1.0/24",
		}, "acl.tf:11 this allow changes nothing: entry 100 already allows every packet it names\n"},
		{"an entry that a later one contains", []string{
			"in 100 allow tcp/443 10.0.1.0/24",
			"in 110 allow tcp/443 10.0.0.0/16",
		}, "acl.tf:10 this allow changes nothing: entry 110 allows its packets anyway\n"},
		{"not when a deny stands between", []string{
			"in 100 allow tcp/443 10.0.1.0/24",
			"in 105 deny tcp 10.0.0.0/20",
			"in 110 allow tcp/443 10.0.0.0/16",
		}, ""},
		{"of equal ones the later goes", []string{
			"in 100 allow tcp/443 10.0.1.0/24",
			"in 110 allow tcp/443 10.0.1.0/24",
		}, "acl.tf:11 this allow changes nothing: entry 100 already allows every packet it names\n"},
		{"a deny that the implicit one repeats", []string{
			"in 100 allow tcp/443 0.0.0.0/0",
			"in 110 deny tcp/22 0.0.0.0/0",
		}, "acl.tf:11 this deny changes nothing: the implicit * denies its packets anyway\n"},
		{"earlier and later ones together", []string{
			"in 100 allow tcp/443 10.0.0.0/17",
			"in 110 allow tcp/443 10.0.0.0/16",
			"in 120 allow tcp/443 10.0.128.0/17",
		}, "acl.tf:12 this allow changes nothing: entry 110 already allows every packet it names\n" +
			"acl.tf:10 this allow changes nothing: entry 110 allows its packets anyway\n"},
		{"one deny repeats another, and the allow is an exception to both", []string{
			"in 100 allow tcp/443 0.0.0.0/0",
			"in 200 deny all 10.0.0.0/8",
			"in 300 deny tcp 10.0.0.0/8",
			"in 400 allow all 0.0.0.0/0",
		}, "acl.tf:12 this deny changes nothing: entry 200 already denies every packet it names\n"},
		{"what a dead deny is about is not called redundant", []string{
			"in 90 allow tcp/5432 10.0.10.0/24",
			"in 100 allow tcp/1024-65535 0.0.0.0/0",
			"in 110 deny tcp/5432 0.0.0.0/0",
			"in 120 allow udp/53 10.0.0.0/8",
		}, "acl.tf:12 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"unknown peer, covered whatever it is", []string{
			"in 100 allow all 0.0.0.0/0",
			"in 101 allow all ::/0",
			"in 110 deny tcp/22 ?",
			"in 120 deny tcp/22 ?4",
		}, "acl.tf:12 this deny stops nothing: entries 100 and 101 together allow every packet it names first\n" +
			"acl.tf:13 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"unknown peer, that may be of the other family", []string{
			"in 100 allow all 0.0.0.0/0",
			"in 110 deny tcp/22 ?",
			"in 120 allow all ::/0",
		}, ""},
		{"an unknown allow covers nothing", []string{
			"in 100 allow tcp/22 ?4",
			"in 110 deny tcp/22 10.0.0.0/8",
			"in 120 allow all 0.0.0.0/0",
		}, ""},
		{"an allow that may not be there", []string{
			"in 100 allow tcp 0.0.0.0/0 maybe",
			"in 110 deny tcp/22 10.0.0.0/8",
			"in 120 allow all 0.0.0.0/0",
		}, "acl.tf:11 this deny may stop nothing: entry 100 allows every packet it names, if it comes first (possible)\n"},
		{"a deny of unknown number", []string{
			"in 100 allow all 0.0.0.0/0",
			"in ? deny tcp/22 10.0.0.0/8",
		}, "acl.tf:11 this deny may stop nothing: entry 100 allows every packet it names, if it comes first (possible)\n"},
		{"a deny in between may save it", []string{
			"in 100 deny tcp/22 ?4",
			"in 110 allow tcp/22 10.0.0.0/8",
			"in 120 deny tcp/22 10.0.0.0/8",
			"in 130 allow all 0.0.0.0/0",
		}, "acl.tf:12 this deny changes nothing: entry 110 already decides every packet it names\n" +
			"acl.tf:11 this allow changes nothing: entry 130 allows its packets anyway\n"},
		{"ICMP types are what they are", []string{
			"in 100 allow icmp/2048-2303 0.0.0.0/0",
			"in 110 deny icmp/2048 10.0.0.0/8",
			"in 120 allow icmp 0.0.0.0/0",
		}, "acl.tf:11 this deny stops nothing: entry 100 allows every packet it names first\n"},
		{"ESP has no ports to differ by", []string{
			"in 100 allow 50/0-10 0.0.0.0/0",
			"in 110 deny 50/20-30 10.0.0.0/8",
		}, "acl.tf:11 this deny stops nothing: entry 100 allows every packet it names first\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := run(t, aclNetwork(parseACL(t, test.entries...)), entryRules...)
			if d := cmp.Diff(test.want, inOrderOf(test.want, messages(a.Findings))); d != "" {
				t.Error(d)
			}
		})
	}
}

// inOrderOf sorts the lines of got like those of want, as far as they are the
// same: the tables above list findings as a reader would.
func inOrderOf(want, got string) string {
	left := strings.SplitAfter(got, "\n")
	var out strings.Builder
	for _, w := range strings.SplitAfter(want, "\n") {
		for k, g := range left {
			if g == w {
				out.WriteString(g)
				left[k] = ""
				break
			}
		}
	}
	return out.String() + strings.Join(left, "")
}

func TestDenyIneffectiveInFull(t *testing.T) {
	n := aclNetwork(parseACL(t,
		"in 90 allow tcp/5432 10.0.10.0/24",
		"in 100 allow tcp/1024-65535 0.0.0.0/0",
		"in 110 deny tcp/5432 0.0.0.0/0",
	))
	a := run(t, n, "nacl-deny-ineffective")
	if len(a.Findings) != 1 {
		t.Fatalf("findings: %s", messages(a.Findings))
	}
	f := a.Findings[0]
	if f.Witness == nil {
		t.Fatal("no witness")
	}
	got := []string{
		f.Severity.String(), f.Place.Message, f.Related[0].Message, f.Cover[0].Message, f.Fix.Text, f.Fix.Edits[0].NewText,
		f.Fix.Edits[0].Range.Line(), f.Witness.Header.String(), f.Witness.SrcOf, f.Witness.DstOf, f.Key, f.Why,
	}
	want := []string{
		"medium",
		"entry 110, tcp/5432 from 0.0.0.0/0, is never reached",
		"allows tcp/1024-65535 from 0.0.0.0/0; 5432 is in there",
		"entry 100 allows tcp/1024-65535 from 0.0.0.0/0",
		"number 95 instead of 110 closes tcp/5432 to all but 10.0.10.0/24 and changes nothing else (proved)",
		"95", "acl.tf:12",
		"tcp 203.0.113.10:32768 > 10.0.20.10:5432", "internet", "aws_subnet.t",
		"ingress 110 deny tcp/5432 from 0.0.0.0/0",
		"an ACL stops at its first match, in ascending order; the packet shown gets in, though this entry denies it",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What the groups behind the ACL make of it is said when it is short.
func TestDenyIneffectiveBehind(t *testing.T) {
	tests := []struct{ name, rule, want string }{
		{"nobody", "tcp/443 0.0.0.0/0", "nothing is exposed by it today: no group behind it admits such a packet"},
		{"a group", "tcp/5432 b", "nothing is exposed by it today: aws_security_group.a admits only aws_security_group.b (sg.tf:10)"},
		{"a private range", "tcp/5432 10.0.0.0/8", "nothing is exposed by it today: aws_security_group.a admits only 10.0.0.0/8 (sg.tf:10)"},
		{"the internet", "tcp 0.0.0.0/0", "behind it aws_security_group.a admits 0.0.0.0/0 (sg.tf:10)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := aclNetwork(parseACL(t, "in 100 allow tcp 0.0.0.0/0", "in 110 deny tcp/5432 0.0.0.0/0"))
			w := newSGWorld("10.0.0.0/16")
			w.groups["a"].Ingress = []ir.Rule{w.rule(t, test.rule, 10)}
			n.Interfaces = []*ir.Interface{{Subnet: ir.One(n.Subnets[0]), Groups: ir.All(w.groups["a"])}}
			fs := run(t, n, "nacl-deny-ineffective").Findings
			if len(fs) != 1 || !strings.HasSuffix(fs[0].Why, "; "+test.want) {
				t.Errorf("got %+v", fs)
			}
			n.Interfaces[0].Subnet = ir.Another[*ir.Subnet](unknown("var.subnet"))
			if fs := run(t, n, "nacl-deny-ineffective").Findings; !strings.HasSuffix(fs[0].Why, "; "+test.want) {
				t.Errorf("in some subnet: %s", fs[0].Why)
			}
			w.groups["a"].Open = unknown("x")
			if fs := run(t, n, "nacl-deny-ineffective").Findings; strings.Contains(fs[0].Why, "behind it") || strings.Contains(fs[0].Why, "today") {
				t.Errorf("said although not known: %s", fs[0].Why)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		want    string
		edit    string
	}{
		{"no number is free", []string{
			"in 1 allow all 0.0.0.0/0", "in 2 deny tcp/22 0.0.0.0/0",
		}, "give it a number below entry 1, or remove it", ""},
		{"the cover would die instead", []string{
			"in 100 allow tcp/22 10.0.0.0/8", "in 110 deny tcp/22 10.0.0.0/8", "in 120 allow udp 10.0.0.0/8",
		}, "give it a number below entry 100, or remove it", ""},
		{"closes all of it", []string{
			"in 100 allow all 0.0.0.0/0", "in 110 deny tcp/22 10.0.0.0/8",
		}, "number 95 instead of 110 closes tcp/22 from 10.0.0.0/8 and changes nothing else (proved)", "95"},
		{"a narrow gap", []string{
			"in 98 allow udp 10.0.0.0/8", "in 100 allow all 0.0.0.0/0", "in 110 deny tcp/22 10.0.0.0/8",
		}, "number 99 instead of 110 closes tcp/22 from 10.0.0.0/8 and changes nothing else (proved)", "99"},
		{"outwards", []string{
			"out 100 allow all 0.0.0.0/0", "out 110 deny tcp/25 0.0.0.0/0",
		}, "number 95 instead of 110 closes tcp/25 to 0.0.0.0/0 and changes nothing else (proved)", "95"},
		{"nothing is proved beside an unknown entry", []string{
			"in 50 deny udp ?4", "in 100 allow all 0.0.0.0/0", "in 110 deny tcp/22 10.0.0.0/8",
		}, "give it a number below entry 100, or remove it", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := run(t, aclNetwork(parseACL(t, test.entries...)), "nacl-deny-ineffective")
			if len(a.Findings) != 1 {
				t.Fatalf("findings: %s", messages(a.Findings))
			}
			fix := a.Findings[0].Fix
			edit := ""
			if len(fix.Edits) > 0 {
				edit = fix.Edits[0].NewText
			}
			if fix.Text != test.want || edit != test.edit {
				t.Errorf("fix %q, edit %q\nwant %q, %q", fix.Text, edit, test.want, test.edit)
			}
		})
	}
}

func TestRepairsDoNotShareANumber(t *testing.T) {
	a := run(t, aclNetwork(parseACL(t,
		"in 100 allow all 0.0.0.0/0", "in 110 deny tcp/22 0.0.0.0/0", "in 120 deny tcp/3389 0.0.0.0/0",
	)), "nacl-deny-ineffective")
	seen := map[string]bool{}
	for _, f := range a.Findings {
		for _, e := range f.Fix.Edits {
			if seen[e.NewText] {
				t.Errorf("number %s is suggested twice", e.NewText)
			}
			seen[e.NewText] = true
		}
	}
	if len(seen) != 2 {
		t.Errorf("suggested %v, want two numbers", seen)
	}
}

// An expression that gives the number is not overwritten.
func TestRepairOfAnExpression(t *testing.T) {
	acl := parseACL(t, "in 100 allow all 0.0.0.0/0", "in 110 deny tcp/22 0.0.0.0/0")
	acl.Entries[1].Origin.Fields[ir.FieldNumber] = line("acl.tf", 11, "each.value.number")
	a := run(t, aclNetwork(acl), "nacl-deny-ineffective")
	if len(a.Findings) != 1 || len(a.Findings[0].Fix.Edits) != 0 {
		t.Errorf("want one finding without edits: %+v", a.Findings)
	}
}

func TestTroubledEntriesAreLeftAlone(t *testing.T) {
	n := aclNetwork(parseACL(t, "in 100 allow tcp 0.0.0.0/0", "in 110 deny tcp/0 0.0.0.0/0"))
	n.Problems = diag.List{{Rule: "nacl-port-zero", Message: "port 0", Range: n.NetworkACLs[0].Entries[1].Origin.Range}}
	a := run(t, n, append(entryRules, "nacl-port-zero")...)
	if d := cmp.Diff("acl.tf:11 port 0\n", messages(a.Findings)); d != "" {
		t.Error(d)
	}
}

func TestDefaultEmptied(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ir.Network, *ir.NetworkACL)
		want   string
	}{
		{
			"a new ACL without entries", func(*ir.Network, *ir.NetworkACL) {},
			"acl.tf:1 nothing gets in or out of aws_subnet.t: aws_network_acl.t has no entries\n",
		},
		{"AWS's own entries are none", func(_ *ir.Network, a *ir.NetworkACL) {
			a.Entries = []ir.Entry{parseEntry(t, "in 32767 deny all 0.0.0.0/0", 3)}
		}, "acl.tf:1 nothing gets in or out of aws_subnet.t: aws_network_acl.t has no entries\n"},
		{"nobody uses it", func(n *ir.Network, _ *ir.NetworkACL) { n.Subnets = nil }, ""},
		{"entries may be elsewhere", func(_ *ir.Network, a *ir.NetworkACL) { a.Open = unknown("x") }, ""},
		{"an entry", func(_ *ir.Network, a *ir.NetworkACL) {
			a.Entries = []ir.Entry{parseEntry(t, "in 100 allow all 0.0.0.0/0 maybe", 3)}
		}, ""},
		{"the subnet may have another", func(n *ir.Network, a *ir.NetworkACL) {
			n.Subnets[0].ACL = ir.Choice[*ir.NetworkACL]{Of: []*ir.NetworkACL{a}, Open: unknown("x")}
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			acl := parseACL(t)
			n := aclNetwork(acl)
			test.change(n, acl)
			if d := cmp.Diff(test.want, messages(run(t, n, "nacl-default-emptied").Findings)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Replies are looked for in the families that an ACL lets through in part:
// where it lets nothing through, or everything, there is nothing to lose.
func TestFilters(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		want    []packet.Family
	}{
		{"all of IPv4, nothing of IPv6", []string{"in 100 allow all 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"}, nil},
		{"all but one port", []string{"in 90 deny tcp/23 0.0.0.0/0", "in 100 allow all 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"}, []packet.Family{packet.IPv4}},
		{"in, but not out", []string{"in 100 allow all 0.0.0.0/0", "in 110 allow all ::/0"}, []packet.Family{packet.IPv4, packet.IPv6}},
		{"nothing", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			acl := parseACL(t, tt.entries...)
			n := aclNetwork(acl)
			m, err := reach.Compile(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, filters(&Pass{Context: t.Context(), Net: n, Model: m}, acl)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
