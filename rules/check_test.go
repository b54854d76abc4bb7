package rules

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// stub is a rule that reports what it is told to.
func stub(id string, fs ...diag.Finding) *Rule {
	return &Rule{ID: id, Severity: diag.High, Local: true, Run: func(p *Pass) error {
		for _, f := range fs {
			p.Report(f)
		}
		return nil
	}}
}

func TestSettings(t *testing.T) {
	off := stub("off")
	off.Off = true
	catalogue := []*Rule{stub("one"), stub("two"), off}
	tests := []struct {
		name string
		s    Settings
		want []string
	}{
		{"as it comes", Settings{}, []string{"one", "two"}},
		{"only", Settings{Only: []string{"two"}}, []string{"two"}},
		{"only one that is off", Settings{Only: []string{"off"}}, []string{"off"}},
		{"enabled", Settings{Enable: []string{"off"}}, []string{"one", "two", "off"}},
		{"disabled", Settings{Disable: []string{"one"}}, []string{"two"}},
		{"disabled after all", Settings{Only: []string{"one", "two"}, Enable: []string{"off"}, Disable: []string{"one"}}, []string{"two"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chosen, err := test.s.choose(catalogue)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range chosen {
				got = append(got, r.ID)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	var unknown *UnknownRuleError
	if _, err := Check(t.Context(), nil, Settings{Disable: []string{"internet-shh"}}); !errors.As(err, &unknown) || unknown.ID != "internet-shh" {
		t.Errorf("error %v, want one about internet-shh", err)
	}
}

func TestIgnores(t *testing.T) {
	place := func(n int) diag.Place {
		return diag.Place{Address: fmt.Sprintf(`module.net["a].b"].module.x.aws_security_group.g[%d]`, n), Range: line("a.tf", n, "value")}
	}
	hop := diag.Finding{Message: "path", Place: place(50), Path: []diag.Hop{{Places: []diag.Place{place(60)}}, {Places: []diag.Place{place(61)}}}}
	fs := []diag.Finding{{Message: "eleven", Place: place(11)}, {Message: "twelve", Place: place(12)}, hop}
	comment := func(at int, rules ...string) diag.Ignore {
		return diag.Ignore{Rules: rules, Reason: "why", Range: line("a.tf", at, "# postern:ignore")}
	}
	onto := func(g diag.Ignore, from, to int) diag.Ignore {
		g.Scope = diag.Range{File: "a.tf", Start: diag.Pos{Line: from, Column: 1}, End: diag.Pos{Line: to, Column: 20}}
		return g
	}
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ends := onto(comment(10, "one"), 11, 11)
	ends.Until = day("2027-01-31")
	silent := onto(comment(10, "one"), 11, 11)
	silent.Reason = ""
	module := comment(3, "one")
	module.Module = "module.net.module.x"
	other := comment(3, "one")
	other.Module = "module.ne"
	short := diag.Ignore{Rules: []string{"one"}, Reason: "why", Range: line("a.tf", 10, "#"), Scope: line("a.tf", 11, "x")}
	elsewhere := short
	elsewhere.Scope.Start.Byte, elsewhere.Scope.End.Byte = 1, 2

	tests := []struct {
		name    string
		ignores []diag.Ignore
		now     time.Time
		want    string
	}{
		{
			"a line",
			[]diag.Ignore{onto(comment(10, "one"), 11, 11)},
			time.Time{},
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"a block",
			[]diag.Ignore{onto(comment(10, "one"), 10, 12)},
			time.Time{},
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve (suppressed)\na.tf:50 path\n",
		},
		{
			"a hop of a path",
			[]diag.Ignore{onto(comment(10, "one"), 61, 61)},
			time.Time{},
			"a.tf:11 eleven\na.tf:12 twelve\na.tf:50 path (suppressed)\n",
		},
		{
			"a module, whatever its indexes",
			[]diag.Ignore{module},
			time.Time{},
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve (suppressed)\na.tf:50 path (suppressed)\n",
		},
		{
			"another module",
			[]diag.Ignore{other},
			time.Time{},
			"a.tf:3 this ignore silences nothing: one finds nothing here\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"another rule",
			[]diag.Ignore{onto(comment(10, "two"), 11, 11)},
			time.Time{},
			"a.tf:10 this ignore silences nothing: two finds nothing here\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"one of two rules",
			[]diag.Ignore{onto(comment(10, "one", "two"), 11, 11)},
			time.Time{},
			"a.tf:10 this ignore silences nothing: two finds nothing here\na.tf:11 eleven (suppressed)\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"a rule that did not run",
			[]diag.Ignore{onto(comment(10, "off"), 11, 11)},
			time.Time{},
			"a.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"a rule that does not exist",
			[]diag.Ignore{onto(comment(10, "thre"), 11, 11)},
			time.Time{},
			"a.tf:10 this ignore names thre, and no rule is called so\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"the last day",
			[]diag.Ignore{ends},
			day("2027-01-31").Add(23 * time.Hour),
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"the day after",
			[]diag.Ignore{ends},
			day("2027-02-01"),
			"a.tf:10 this ignore of one ended on 2027-01-31\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"without a clock nothing ends",
			[]diag.Ignore{ends},
			time.Time{},
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"no reason",
			[]diag.Ignore{silent},
			time.Time{},
			"a.tf:10 this ignore gives no reason, so it silences nothing\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"a part of a line",
			[]diag.Ignore{short},
			time.Time{},
			"a.tf:11 eleven (suppressed)\na.tf:12 twelve\na.tf:50 path\n",
		},
		{
			"another part of the line",
			[]diag.Ignore{elsewhere},
			time.Time{},
			"a.tf:10 this ignore silences nothing: one finds nothing here\na.tf:11 eleven\na.tf:12 twelve\na.tf:50 path\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			off := stub("off")
			off.Off = true
			catalogue := []*Rule{stub("one", fs...), stub("two"), off, unusedIgnore}
			a, err := check(t.Context(), catalogue, []*ir.Network{{Root: "r", Ignores: test.ignores}}, Settings{Now: test.now})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, messages(a.Findings)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A comment in a module that two roots share is in use when one of them needs it.
func TestIgnoreOfSeveralRoots(t *testing.T) {
	c := diag.Ignore{Rules: []string{"one"}, Reason: "why", Range: line("m.tf", 4, "#"), Scope: line("m.tf", 5, "value")}
	r := &Rule{ID: "one", Severity: diag.High, Local: true, Run: func(p *Pass) error {
		if p.Net.Root == "b" {
			p.Report(diag.Finding{Message: "found", Place: diag.Place{Range: line("m.tf", 5, "value")}})
		}
		return nil
	}}
	nets := []*ir.Network{{Root: "a", Ignores: []diag.Ignore{c}}, {Root: "b", Ignores: []diag.Ignore{c}}}
	a, err := check(t.Context(), []*Rule{r, unusedIgnore}, nets, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("m.tf:5 found (suppressed)\n", messages(a.Findings)); d != "" {
		t.Error(d)
	}
	a, err = check(t.Context(), []*Rule{r, unusedIgnore}, nets[:1], Settings{Partial: true})
	if err != nil || len(a.Findings) != 0 {
		t.Errorf("a partial run says nothing: %s %v", messages(a.Findings), err)
	}
}

func TestFold(t *testing.T) {
	door := diag.Place{Address: "aws_security_group.edge", Range: line("a.tf", 5, "0.0.0.0/0")}
	ssh := stub("ssh", diag.Finding{Message: "ssh is open", Place: door})
	ssh.Exposure = true
	chain := diag.Finding{Message: "leads to the database", Severity: diag.Critical, Place: door, Path: []diag.Hop{{Places: []diag.Place{door}}, {}}}
	redundant := stub("redundant", diag.Finding{Message: "adds nothing", Place: door})
	catalogue := []*Rule{ssh, stub("path", chain), redundant, unusedIgnore}
	ignored := func(rule string) []diag.Ignore {
		return []diag.Ignore{{Rules: []string{rule}, Reason: "why", Range: line("a.tf", 4, "#"), Scope: line("a.tf", 5, "0.0.0.0/0")}}
	}
	tests := []struct {
		name    string
		ignores []diag.Ignore
		want    string
	}{
		{"the path tells the door", nil, "a.tf:5 leads to the database\na.tf:5 adds nothing\n"},
		{"an ignored door hides no path", ignored("ssh"), "a.tf:5 leads to the database\na.tf:5 adds nothing\na.tf:5 ssh is open (suppressed)\n"},
		{"an ignored path hides no door", ignored("path"), "a.tf:5 leads to the database (suppressed)\na.tf:5 adds nothing\na.tf:5 ssh is open\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := check(t.Context(), catalogue, []*ir.Network{{Ignores: test.ignores}}, Settings{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, messages(a.Findings)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestProblemsBecomeFindings(t *testing.T) {
	cause := diag.Cause{Code: diag.NotModelled, Message: "not known", Address: "aws_x.y", Range: line("a.tf", 7, "x")}
	n := &ir.Network{
		Root: "r",
		Problems: diag.List{
			{Rule: "invalid-value", Message: "10.0.0.0/40 is no CIDR", Label: "here", Fix: "write another", Note: "refused", Address: "aws_x.z", Range: line("a.tf", 3, "x")},
			{Rule: "not-analysed", Message: "not known", Range: line("a.tf", 7, "x"), Cause: cause},
			{Message: "only a note", Range: line("a.tf", 9, "x")},
		},
		NotAnalysed: []ir.Omission{{Address: "aws_x.y", Cause: cause}},
	}
	a, err := Check(t.Context(), []*ir.Network{n}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	want := "a.tf:3 10.0.0.0/40 is no CIDR\na.tf:7 aws_x.y was not analysed: not known\n"
	if d := cmp.Diff(want, messages(a.Findings)); d != "" {
		t.Error(d)
	}
	if len(a.Diagnostics) != 1 || a.Diagnostics[0].Message != "only a note" {
		t.Errorf("diagnostics %+v", a.Diagnostics)
	}
	f := a.Findings[0]
	if f.Severity != diag.High || f.Why != "refused" || f.Fix.Text != "write another" || f.Place.Message != "here" || f.Root != "r" || f.Certainty != diag.Definite {
		t.Errorf("finding %+v", f)
	}
	if a, _ := Check(t.Context(), []*ir.Network{n}, Settings{Disable: []string{"invalid-value"}}); len(a.Findings) != 1 {
		t.Errorf("a disabled rule's problems are dropped: %s", messages(a.Findings))
	}
}

// What the concrete evaluator does not confirm is no finding.
func TestDisagreement(t *testing.T) {
	acl := parseACL(t, "in 100 allow tcp/22 10.0.0.0/8")
	h := packet.Header{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.20.9"), Protocol: packet.TCP, SrcPort: 40000, DstPort: 22}
	claim := func(v trace.Verdict) *Rule {
		return &Rule{ID: "one", Severity: diag.High, Local: true, Run: func(p *Pass) error {
			p.Prove(diag.Finding{Message: "claim"}, Proof{ACL: &ACLProof{ACL: acl, Header: h, Expect: v}})
			return nil
		}}
	}
	a, err := check(t.Context(), []*Rule{claim(trace.Allow)}, []*ir.Network{aclNetwork(acl)}, Settings{})
	if err != nil || len(a.Findings) != 1 || len(a.Disagreements) != 0 {
		t.Errorf("a true claim: %+v %v", a, err)
	}
	a, err = check(t.Context(), []*Rule{claim(trace.Deny)}, []*ir.Network{aclNetwork(acl)}, Settings{})
	if err != nil || len(a.Findings) != 0 || len(a.Disagreements) != 1 {
		t.Errorf("a false claim: %+v %v", a, err)
	}
}

// A rule that goes over its budget leaves a diagnostic, and the others run.
func TestRuleGivesUp(t *testing.T) {
	broken := &Rule{ID: "broken", Local: true, Run: func(*Pass) error { return solver.ErrBudget }}
	ignore := diag.Ignore{Rules: []string{"broken"}, Reason: "why", Range: line("a.tf", 4, "#")}
	n := &ir.Network{Root: "r", Ignores: []diag.Ignore{ignore}}
	a, err := check(t.Context(), []*Rule{broken, stub("one", diag.Finding{Message: "found"}), unusedIgnore}, []*ir.Network{n}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Findings) != 1 || len(a.Diagnostics) != 1 || !a.Diagnostics.Errors() {
		t.Errorf("findings %s, diagnostics %+v", messages(a.Findings), a.Diagnostics)
	}
	if !strings.Contains(a.Diagnostics[0].Message, "broken") {
		t.Errorf("diagnostic %q does not name the rule", a.Diagnostics[0].Message)
	}
}

func TestCheckEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, []*ir.Network{{}}, Settings{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// The answer does not depend on how the networks are spread over processors.
func TestDeterminism(t *testing.T) {
	var nets []*ir.Network
	for k := range 20 {
		n := aclNetwork(parseACL(t, "in 100 allow tcp 0.0.0.0/0", "in 110 deny tcp/22 0.0.0.0/0", "in 120 allow udp ?", "in 130 allow udp/53 ?4"))
		n.Root = fmt.Sprintf("root%02d", k)
		nets = append(nets, n)
	}
	first := runAll(t, Settings{}, nets...)
	for range 5 {
		again := runAll(t, Settings{}, nets...)
		if d := cmp.Diff(first, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b error) bool { return a == b })); d != "" {
			t.Fatal(d)
		}
	}
}

func TestUnknownValues(t *testing.T) {
	carrier := func(w *sgWorld, n *ir.Network, name string) {
		n.Interfaces = append(n.Interfaces, &ir.Interface{Resource: name, Groups: ir.All(w.groups["a"]), Origin: ir.Origin{Address: name}})
	}
	t.Run("one rule", func(t *testing.T) {
		w := newSGWorld("10.0.0.0/16")
		n := w.network(t, "tcp/22 ?")
		carrier(w, n, "aws_instance.web")
		fs := run(t, n, "unknown-value").Findings
		if d := cmp.Diff("sg.tf:10 cannot tell who may ssh to aws_instance.web: var.cidr has no value\n", messages(fs)); d != "" {
			t.Fatal(d)
		}
		got := []string{fs[0].Place.Message, fs[0].Fix.Text, fs[0].Why, fs[0].Key}
		want := []string{
			"declared at vars.tf:1, no default, not in a tfvars file",
			"postern check -var var.cidr=CIDR    (or --var-file FILE, or check the plan instead)",
			"it could open tcp/22 to anyone", "var.cidr",
		}
		want[1] = strings.Replace(want[1], "var.cidr", "cidr", 1)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("two members", func(t *testing.T) {
		w := newSGWorld("10.0.0.0/16")
		n := w.network(t, "tcp/8080 ?")
		carrier(w, n, "aws_instance.web")
		carrier(w, n, "aws_instance.other")
		want := "sg.tf:10 cannot tell who may send tcp/8080 to aws_security_group.a: var.cidr has no value\n"
		if d := cmp.Diff(want, messages(run(t, n, "unknown-value").Findings)); d != "" {
			t.Error(d)
		}
	})
	t.Run("one cause, one finding", func(t *testing.T) {
		w := newSGWorld("10.0.0.0/16")
		n := w.network(t, "tcp/22 ?", "tcp/3389 ?", "?/80 ?4", "tcp/443 10.0.0.0/8")
		n.NetworkACLs = []*ir.NetworkACL{parseACL(t, "in 100 allow tcp ?")}
		fs := run(t, n, "unknown-value").Findings
		want := "sg.tf:12 cannot tell what var.cidr may send to aws_security_group.a: var.protocol has no value\n" +
			"vars.tf:1 3 rules and 1 ACL entry wait for a value: var.cidr has no value\n"
		if d := cmp.Diff(want, messages(fs)); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff("it could open an unknown protocol, tcp/22 and tcp/3389 to anyone", fs[1].Why); d != "" {
			t.Error(d)
		}
		if len(fs[1].Related) != 4 {
			t.Errorf("%d related places, want 4", len(fs[1].Related))
		}
	})
	t.Run("what is told otherwise", func(t *testing.T) {
		w := newSGWorld("10.0.0.0/16")
		n := w.network(t, "tcp/22 ?", "tcp/23 ?")
		bad := &ir.Unknown{Cause: diag.Cause{Code: diag.NotValid, Message: "no CIDR"}}
		left := &ir.Unknown{Cause: diag.Cause{Code: diag.NotInstalled, Message: "module.net is not installed", Address: "module.net"}}
		w.groups["a"].Ingress[0].Peer = ir.Peer{Unknown: bad}
		w.groups["a"].Ingress[1].Peer = ir.Peer{Unknown: left}
		n.NotAnalysed = []ir.Omission{{Address: "module.net", Cause: left.Cause}, {Address: "module.net.x", Cause: left.Cause}}
		want := " module.net and 1 more were not analysed: module.net is not installed\n"
		got := messages(run(t, n, "unknown-value", "not-analysed").Findings)
		if d := cmp.Diff(":0"+want, got); d != "" {
			t.Error(d)
		}
	})
	t.Run("a list that nobody uses", func(t *testing.T) {
		w := newSGWorld("10.0.0.0/16")
		n := w.network(t)
		w.groups["b"].Open = unknown("sg-b")
		if fs := run(t, n, "unknown-value").Findings; len(fs) != 0 {
			t.Errorf("findings:\n%s", messages(fs))
		}
	})
}

// Every cause has words of its own, or says that nothing helps.
func TestRemedies(t *testing.T) {
	codes := []diag.Code{diag.NoValue, diag.DataSource, diag.Computed, diag.NotInstalled, diag.Sensitive, diag.Function, diag.Truncated, diag.Limit, diag.NotInInput, diag.NotModelled, diag.NotValid}
	for _, c := range codes {
		if remedy(diag.Cause{Code: c}, "peer") == "" {
			t.Errorf("%s has no remedy", c)
		}
	}
	if got := remedy(diag.Cause{Code: diag.DataSource, Address: "data.terraform_remote_state.net"}, "peer"); !strings.Contains(got, "--with") {
		t.Errorf("a remote state is lent: %q", got)
	}
}

func TestCatalogue(t *testing.T) {
	names := Names()
	for _, r := range All() {
		if Find(r.ID) == nil {
			t.Errorf("%s is not found", r.ID)
		}
		if r.Title == "" || r.Severity == diag.SeverityInvalid {
			t.Errorf("%s lacks a title or a severity", r.ID)
		}
		for part, text := range map[string]string{"what": r.Doc.What, "why": r.Doc.Why, "fix": r.Doc.Fix, "bad": r.Doc.Bad, "good": r.Doc.Good} {
			if text == "" {
				t.Errorf("%s does not say: %s", r.ID, part)
			}
		}
		if r.Doc.Bad == r.Doc.Good {
			t.Errorf("%s: the good example is the bad one", r.ID)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(All()) {
		t.Error("two rules have one name")
	}
	if Find("internet-shh") != nil {
		t.Error("found a rule that does not exist")
	}
}
