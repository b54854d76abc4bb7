package report

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares an output with a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", path, diff)
	}
}

// sources reads the files of testdata/src.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	for _, name := range []string{"groups.tf", "nacl.tf"} {
		b, err := os.ReadFile(filepath.Join("testdata", "src", name))
		if err != nil {
			t.Fatal(err)
		}
		m[name] = b
	}
	return m
}

// at is the range of a text on a line of a source.
func at(t *testing.T, src map[string][]byte, file string, line int, text string) diag.Range {
	t.Helper()
	lines := strings.Split(string(src[file]), "\n")
	i := strings.Index(lines[line-1], text)
	if i < 0 {
		t.Fatalf("%s:%d has no %q", file, line, text)
	}
	column := len([]rune(lines[line-1][:i])) + 1
	return diag.Range{
		File:  file,
		Start: diag.Pos{Line: line, Column: column},
		End:   diag.Pos{Line: line, Column: column + len([]rune(text))},
	}
}

func line(file string, n int) diag.Range {
	return diag.Range{File: file, Start: diag.Pos{Line: n, Column: 1}, End: diag.Pos{Line: n, Column: 2}}
}

// example is the answer about a small application: one finding of each kind.
func example(t *testing.T) Check {
	t.Helper()
	src := sources(t)
	chain := diag.Finding{
		Rule: "path-to-data", Severity: diag.Critical, Certainty: diag.Definite, Family: packet.IPv4,
		Message: "ssh from the internet leads to database aws_db_instance.orders in 3 hops",
		Why:     "whoever logs in to web stands next to the database; no ACL or route on the way says no, in either direction",
		Fix:     diag.Fix{Text: "remove listener aws_lb_listener.ssh and this rule, or put your own addresses in place of 0.0.0.0/0"},
		Place:   diag.Place{Address: "aws_security_group.edge", Message: "anyone on IPv4 may send tcp/22 to aws_lb.edge", Range: at(t, src, "groups.tf", 16, "0.0.0.0/0")},
		Related: []diag.Place{{Range: at(t, src, "groups.tf", 12, `description = "temporary, for the migration"`)}},
		Path: []diag.Hop{
			{From: "internet", To: "aws_lb.edge", Protocol: "tcp", Port: "22", Places: []diag.Place{{Range: line("groups.tf", 16)}, {Message: "listener", Range: line("main.tf", 19)}}},
			{From: "aws_lb.edge", To: "aws_instance.web", Protocol: "tcp", Port: "22", Places: []diag.Place{{Range: line("groups.tf", 39)}}},
			{From: "aws_instance.web", To: "aws_db_instance.orders", Protocol: "tcp", Port: "5432", Places: []diag.Place{{Range: line("groups.tf", 63)}}},
		},
		Witness: &diag.Witness{
			Header: packet.Header{Src: netip.MustParseAddr("203.0.113.10"), Dst: netip.MustParseAddr("198.51.100.1"), Protocol: packet.TCP, SrcPort: 32768, DstPort: 22},
			SrcOf:  "internet", DstOf: "aws_lb.edge", Representative: true,
		},
		Key: "ingress tcp/22 0.0.0.0/0",
	}
	deny := diag.Finding{
		Rule: "nacl-deny-ineffective", Severity: diag.Medium, Certainty: diag.Definite, Family: packet.IPv4,
		Message: "this deny stops nothing: entry 100 allows every packet it names first",
		Why: "an ACL stops at its first match, in ascending order. Nothing is exposed by it today:\n" +
			"aws_security_group.orders still admits only web (groups.tf:63)",
		Fix: diag.Fix{
			Text:  "closes tcp/5432 to all but 10.0.10.0/24 and changes nothing else (proved)",
			Edits: []diag.Edit{{Range: at(t, src, "nacl.tf", 22, "110"), NewText: "95"}},
		},
		Place:   diag.Place{Address: "aws_network_acl.data", Message: "entry 110, tcp/5432 from 0.0.0.0/0, is never reached", Range: at(t, src, "nacl.tf", 23, `"deny"`)},
		Related: []diag.Place{{Message: "allows tcp/1024-65535 from 0.0.0.0/0; 5432 is in there", Range: at(t, src, "nacl.tf", 14, "100")}},
		Cover:   []diag.Place{{Address: "aws_network_acl.data", Range: at(t, src, "nacl.tf", 14, "100")}},
		Key:     "ingress 110",
	}
	latent := diag.Finding{
		Rule: "latent-exposure", Severity: diag.Low, Certainty: diag.Definite,
		Message: "tcp/6379 is open to the internet, but no packet gets there",
		Why: "two things stand in the way: cache has no public address (main.tf:63), and\n" +
			"aws_route_table.data has no route to an internet gateway (network.tf:43).\n" +
			"Without them this is internet-database, critical",
		Fix:   diag.Fix{Text: "name the group that uses the cache instead of 0.0.0.0/0"},
		Place: diag.Place{Address: "aws_security_group.cache", Message: "aws_instance.cache, 1 member", Range: at(t, src, "groups.tf", 74, "0.0.0.0/0")},
		Blockers: []diag.Blocker{
			{Code: "NO_PUBLIC_ADDRESS", Message: "aws_instance.cache has no public address", Place: diag.Place{Range: line("main.tf", 63)}},
			{Message: "no route to an internet gateway", Place: diag.Place{Address: "aws_route_table.data", Range: line("network.tf", 43)}},
		},
		Key: "ingress tcp/6379 0.0.0.0/0",
	}
	unknown := diag.Finding{
		Rule: "unknown-value", Severity: diag.Info, Certainty: diag.Definite,
		Message: "cannot tell who may ssh to aws_instance.web: var.office_cidr has no value",
		Fix:     diag.Fix{Text: "postern check -var office_cidr=CIDR    (or --var-file FILE, or check the plan instead)"},
		Place:   diag.Place{Address: "aws_security_group.web", Message: "declared at network.tf:1, no default, not in a tfvars file", Range: at(t, src, "groups.tf", 46, "var.office_cidr")},
		Key:     "var.office_cidr",
	}
	ignored := diag.Finding{
		Rule: "internet-admin", Severity: diag.High, Certainty: diag.Possible, Message: "telnet is open",
		Place:   diag.Place{Address: "aws_security_group.edge", Range: at(t, src, "groups.tf", 9, "0.0.0.0/0")},
		Because: []diag.Cause{{Code: diag.DataSource, Message: "data.aws_subnet.edge is not read", Address: "data.aws_subnet.edge", Range: line("main.tf", 3)}},
		Suppressed: &diag.Ignore{
			Rules: []string{"internet-admin"}, Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), Reason: "a honeypot", Range: line("groups.tf", 7),
		},
		Key: "ingress tcp/23 0.0.0.0/0",
	}
	office := diag.Cause{Code: diag.NoValue, Message: "var.office_cidr has no value", Address: "var.office_cidr", Range: line("network.tf", 1)}
	return Check{
		Findings: []diag.Finding{unknown, ignored, latent, deny, chain},
		Coverage: Coverage{
			Rules: 9, Entries: 4, Interfaces: 4, Resolved: 12, Roots: 1,
			Unknown: []UnknownValue{{Address: "aws_security_group.web", Attribute: "peer", Cause: office, filter: 1}},
			Inputs: []Input{
				{"groups.tf", "terraform", "a1"}, {"main.tf", "terraform", "a2"}, {"nacl.tf", "terraform", "a3"}, {"network.tf", "terraform", "a4"},
			},
		},
		Rules:   rulesOf("path-to-data", diag.Critical, "internet-admin", diag.High, "nacl-deny-ineffective", diag.Medium, "latent-exposure", diag.Low, "unknown-value", diag.Info),
		Sources: src,
		Exit:    Exit{Status: 1, Words: "Exit status 1: 1 finding at or above high."},
		Version: "1.2.3",
	}
}

// rulesOf makes catalogue entries of pairs of id and severity.
func rulesOf(pairs ...any) []Rule {
	var rs []Rule
	for i := 0; i < len(pairs); i += 2 {
		id := pairs[i].(string)
		rs = append(rs, Rule{
			ID: id, Title: "Title of " + id, Severity: pairs[i+1].(diag.Severity),
			What: "What " + id + " finds.", Why: "Why it matters.", Fix: "What to do.",
			Bad: "cidr_blocks = [\"0.0.0.0/0\"]\n", Good: "cidr_blocks = [\"10.0.0.0/8\"]\n",
			References: []string{"CIS AWS Foundations v5 5.3", "Security Hub EC2.13"},
		})
	}
	return rs
}

func TestText(t *testing.T) {
	golden(t, "full.txt", Full(example(t), Options{}))
	golden(t, "concise.txt", Concise(example(t), Options{}))
	golden(t, "full-colour.txt", Full(example(t), Options{Colour: true}))
	golden(t, "full-narrow.txt", Full(example(t), Options{Width: 72}))
}

// TestRelated: what the snippet cannot show is listed below it, and only that.
func TestRelated(t *testing.T) {
	c := example(t)
	f := c.Findings[0]
	f.Fix, f.Place.Message = diag.Fix{}, "own"
	f.Related = []diag.Place{
		{Message: "elsewhere", Range: line("main.tf", 3)},
		{Address: "aws_default_network_acl.x"},
		{Message: "here too", Range: at(t, c.Sources, "groups.tf", 43, "from_port")},
		{Message: "own", Range: f.Place.Range},
	}
	for n := 1; n <= 9; n++ {
		f.Related = append(f.Related, diag.Place{Message: "more", Range: line("groups.tf", n)})
	}
	c.Findings = []diag.Finding{f}
	golden(t, "related.txt", Full(c, Options{}))
	c.Sources = nil
	golden(t, "related-unread.txt", Full(c, Options{}))
}

// TestSummaries holds the last lines against what a person has to know.
func TestSummaries(t *testing.T) {
	office := diag.Cause{Code: diag.NoValue, Message: "var.office_cidr has no value", Address: "var.office_cidr"}
	full := Coverage{Rules: 9, Entries: 4, Interfaces: 4, Resolved: 13, Roots: 1, Inputs: []Input{{}, {}, {}, {}}}
	part := full
	for range 3 {
		part.NotAnalysed = append(part.NotAnalysed, ir.Omission{Cause: diag.Cause{Code: diag.NotInstalled}})
	}
	part.NotAnalysed = append(part.NotAnalysed, ir.Omission{Cause: diag.Cause{Code: diag.Truncated}})
	wide := Coverage{Rules: 2308, Roots: 300, Inputs: make([]Input, 2000)}
	for i, n := range []int{96, 61, 24, 5, 4, 3, 2} {
		cause := office
		cause.Address += strings.Repeat("x", i)
		if i == 0 {
			cause = diag.Cause{Code: diag.DataSource, Address: "data.terraform_remote_state.network"}
		}
		for range n {
			wide.Unknown = append(wide.Unknown, UnknownValue{Cause: cause, filter: len(wide.Unknown) + 1, root: strings.Repeat("r", len(wide.Unknown)%38)})
		}
	}
	wide.Resolved = wide.Rules - len(wide.Unknown)
	var many []diag.Finding
	for i := range 30 {
		root := string(rune('a' + i%10))
		f := diag.Finding{Rule: "internet-ssh", Severity: diag.High, Certainty: diag.Definite, Root: root, Message: "ssh", Key: "k", Place: diag.Place{Range: line("modules/service/sg.tf", 14)}}
		if i%3 == 0 {
			f.Place.Range = line("other.tf", i)
		}
		many = append(many, f)
	}
	none := Exit{Words: "Exit status 0: none at or above high."}
	quiet := Exit{Words: "never shown", Quiet: true}
	strict := Exit{Words: "Exit status 0; with --strict it would be 1."}
	low := []diag.Finding{{Rule: "r", Severity: diag.Low, Certainty: diag.Definite, Message: "m", Place: diag.Place{Range: line("a.tf", 1)}}}
	var b strings.Builder
	for _, c := range []struct {
		name  string
		check Check
	}{
		{"clean", Check{Coverage: full, Exit: quiet}},
		{"below the gate", Check{Findings: low, Coverage: full, Exit: none}},
		{"incomplete", Check{Coverage: part, Exit: strict}},
		{"nothing to check", Check{Coverage: Coverage{Inputs: make([]Input, 12)}, Exit: quiet}},
		{"nothing changed", Check{Changed: true, Exit: quiet}},
		{"unknown, grouped", Check{Coverage: wide, Exit: strict}},
		{"many roots", Check{Findings: many, Coverage: Coverage{Rules: 1, Resolved: 1, Roots: 300}, Exit: Exit{Status: 1, Words: "Exit status 1: 30 findings at or above high."}}},
	} {
		b.WriteString("# " + c.name + "\n" + Text(c.check, Options{}) + "\n")
	}
	golden(t, "summaries.txt", b.String())
}
