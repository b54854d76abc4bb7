package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/postern-dev/postern/diag"
)

// must is the text of a writer that can fail.
func must(t *testing.T) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// broken is the answer about an input that could not be read as a whole.
func broken() Check {
	at := func(line, column int) diag.Range {
		p := diag.Pos{Line: line, Column: column}
		return diag.Range{File: "exports/eu-west-1/security-groups.json", Start: p, End: diag.Pos{Line: line, Column: column + 1}}
	}
	return Check{
		Diagnostics: diag.List{
			{
				Rule: "not-analysed", Message: "the list is cut: it ends with a NextToken", Range: diag.Range{File: "exports/us-east-1/security-groups.json", Start: diag.Pos{Line: 9120, Column: 3}, End: diag.Pos{Line: 9120, Column: 14}},
				Fix: "run the command without --max-items and --no-paginate", Note: "a group that is missing here is unknown, never absent",
			},
			{
				Error: true, Message: "not JSON: expected ',' or ']' after a security group, found '{'", Label: "a comma is missing before this",
				Range: at(3, 5),
				Fix:   "export it again, whole:\naws ec2 describe-security-groups --region eu-west-1 --output json > security-groups.json",
				Note:  "the other 11 files were read. 37 interfaces name groups of this file: what they let through is unknown",
			},
		},
		Coverage: Coverage{Rules: 3, Resolved: 3, Interfaces: 37, Inputs: []Input{{"exports/us-east-1/security-groups.json", "aws-export", "b1"}}},
		Sources:  map[string][]byte{"exports/eu-west-1/security-groups.json": []byte("{\"SecurityGroups\": [\n    }\n    {\n")},
		Exit:     Exit{Status: 2, Words: "Exit status 2: 1 of 12 files could not be read; the findings above come from the rest."},
	}
}

func TestFormats(t *testing.T) {
	c := example(t)
	golden(t, "check.json", must(t)(JSON(c)))
	golden(t, "check.sarif", must(t)(SARIF(c, "infra/live env")))
	golden(t, "github.txt", GitHub(c, "infra"))
	golden(t, "summary.md", Markdown(c))
	golden(t, "broken.txt", Full(broken(), Options{}))
	golden(t, "broken.json", must(t)(JSON(broken())))
	golden(t, "broken.sarif", must(t)(SARIF(broken(), "")))
	golden(t, "broken-github.txt", GitHub(broken(), ""))
	golden(t, "broken.md", Markdown(broken()))
	golden(t, "rule.txt", RuleText(c.Rules[0], Options{}))
	golden(t, "rule.md", RuleMarkdown(c.Rules[0]))
	golden(t, "rules.txt", RuleList(c.Rules, Options{}))
	golden(t, "rules.json", must(t)(RulesJSON(c.Rules)))
}

// TestWritersArePure checks that no writer changes or depends on the order of
// what it is given.
func TestWritersArePure(t *testing.T) {
	c := example(t)
	c.Diagnostics = broken().Diagnostics
	write := func() []string {
		return []string{
			Full(c, Options{}), Concise(c, Options{}), must(t)(JSON(c)), must(t)(SARIF(c, "")), GitHub(c, ""), Markdown(c),
		}
	}
	first := write()
	for i, j := 0, len(c.Findings)-1; i < j; i, j = i+1, j-1 {
		c.Findings[i], c.Findings[j] = c.Findings[j], c.Findings[i]
	}
	c.Diagnostics[0], c.Diagnostics[1] = c.Diagnostics[1], c.Diagnostics[0]
	if diff := cmp.Diff(first, write()); diff != "" {
		t.Errorf("the order of the findings shows:\n%s", diff)
	}
}

// keys lists the keys of an object in the order in which they stand.
func keys(t *testing.T, object json.RawMessage) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(object)))
	var ks []string
	depth := 0
	for {
		token, err := d.Token()
		if err != nil {
			return ks
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '{' || delim == '[' {
				depth++
			} else {
				depth--
			}
			continue
		}
		if k, ok := token.(string); ok && depth == 1 {
			ks = append(ks, k)
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestJSONContract holds the keys and their order against the documented ones.
func TestJSONContract(t *testing.T) {
	var doc struct {
		Findings []json.RawMessage
		Coverage json.RawMessage
	}
	text := must(t)(JSON(example(t)))
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		object     json.RawMessage
	}{
		{"check", "schema findings diagnostics coverage summary", json.RawMessage(text)},
		{"coverage", "complete rules resolved unknown not_analysed inputs roots", doc.Coverage},
		{"finding", "rule severity certainty message why fix resource root variant account region vpc family location related path blockers cover witness because fingerprint", doc.Findings[1]},
		{"suppressed finding", "rule severity certainty message why fix resource root variant account region vpc family location related path blockers cover witness because suppressed fingerprint", doc.Findings[0]},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(strings.Fields(tt.want), keys(t, tt.object)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	var finding struct {
		Witness, Location, Fix json.RawMessage
	}
	if err := json.Unmarshal(doc.Findings[1], &finding); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, finding.Witness); strings.Join(got, " ") != "src dst protocol sport dport src_of dst_of representative" {
		t.Errorf("witness: %v", got)
	}
	if got := keys(t, finding.Location); strings.Join(got, " ") != "file line column end_line end_column" {
		t.Errorf("location: %v", got)
	}
}

// TestSARIFSchema holds the output against the published schema, which is not
// part of this repository: POSTERN_SCHEMAS names the folder that has it.
func TestSARIFSchema(t *testing.T) {
	dir := os.Getenv("POSTERN_SCHEMAS")
	if dir == "" {
		t.Skip("POSTERN_SCHEMAS is not set")
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(dir, "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	hostile := example(t)
	hostile.Findings = append(hostile.Findings, hostileFinding())
	for name, c := range map[string]Check{"example": example(t), "broken": broken(), "empty": {}, "hostile": hostile} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(must(t)(SARIF(c, "x"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSARIFForGitHub checks what code scanning needs and no schema asks for.
func TestSARIFForGitHub(t *testing.T) {
	c := example(t)
	c.Findings = append(c.Findings, hostileFinding())
	var log sarifLog
	if err := json.Unmarshal([]byte(must(t)(SARIF(c, "infra"))), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != len(c.Findings) {
		t.Fatalf("%d results of %d findings", len(run.Results), len(c.Findings))
	}
	links := regexp.MustCompile(`\]\((\d+)\)`)
	seen := map[string]bool{}
	for _, r := range run.Results {
		l := r.Locations[0].PhysicalLocation
		if l.Region == nil || l.Region.StartLine < 1 || l.ArtifactLocation.URI == "" {
			t.Errorf("%s has no place that code scanning accepts", r.RuleID)
		}
		if base := l.ArtifactLocation.URIBaseID; base != srcRoot {
			t.Errorf("%s: base %q", r.RuleID, base)
		}
		if got := len(links.FindAllString(r.Message.Text, -1)); got != len(r.RelatedLocations) {
			t.Errorf("%s: %d links to %d related places", r.RuleID, got, len(r.RelatedLocations))
		}
		for i, rel := range r.RelatedLocations {
			if rel.ID != i+1 {
				t.Errorf("%s: related place %d has id %d", r.RuleID, i, rel.ID)
			}
		}
		fp := r.PartialFingerprints[fingerprintKey]
		if len(fp) != 32 || seen[fp] {
			t.Errorf("%s: fingerprint %q", r.RuleID, fp)
		}
		seen[fp] = true
		if got, want := len(r.Suppressions), boolRank(r.RuleID == "internet-admin"); got != want {
			t.Errorf("%s: %d suppressions", r.RuleID, got)
		}
		if r.RuleIndex >= 0 && run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s: rule index %d is another rule", r.RuleID, r.RuleIndex)
		}
		uri := run.Artifacts[*l.ArtifactLocation.Index].Location.URI
		if uri != l.ArtifactLocation.URI {
			t.Errorf("%s: artifact %d is %s", r.RuleID, *l.ArtifactLocation.Index, uri)
		}
	}
	for _, rule := range run.Tool.Driver.Rules {
		security := len(rule.Properties.Tags) > 0 && rule.Properties.Tags[0] == "security"
		if security != (rule.Properties.SecuritySeverity != "") {
			t.Errorf("%s: tags %v with severity %q", rule.ID, rule.Properties.Tags, rule.Properties.SecuritySeverity)
		}
	}
}

// TestSARIFTellsApart: two findings that differ in nothing but their place are
// two alerts.
func TestSARIFTellsApart(t *testing.T) {
	f := diag.Finding{Rule: "r", Severity: diag.Low, Key: "k"}
	var log sarifLog
	if err := json.Unmarshal([]byte(must(t)(SARIF(Check{Findings: []diag.Finding{f, f, f}}, ""))), &log); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range log.Runs[0].Results {
		got = append(got, strings.TrimPrefix(r.PartialFingerprints[fingerprintKey], Fingerprint(f)))
	}
	if diff := cmp.Diff([]string{"", ":2", ":3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFileURI(t *testing.T) {
	tests := []struct{ file, prefix, uri, base string }{
		{"main.tf", "", "main.tf", srcRoot},
		{"main.tf", "infra/live", "infra/live/main.tf", srcRoot},
		{"../modules/a.tf", "infra/live", "infra/modules/a.tf", srcRoot},
		{"a b/ü#?.tf", "", "a%20b/%C3%BC%23%3F.tf", srcRoot},
		{"100%.tf", "", "100%25.tf", srcRoot},
		{"c:x.tf", "", "c%3Ax.tf", srcRoot},
		{"/tmp/a b.tf", "infra", "file:///tmp/a%20b.tf", ""},
	}
	for _, tt := range tests {
		uri, base := fileURI(tt.file, tt.prefix)
		if uri != tt.uri || base != tt.base {
			t.Errorf("fileURI(%q, %q) = %q, %q; want %q, %q", tt.file, tt.prefix, uri, base, tt.uri, tt.base)
		}
	}
}

// hostileFinding tries to break out of every format.
func hostileFinding() diag.Finding {
	return diag.Finding{
		Rule: "internet-ssh", Severity: diag.High, Certainty: diag.Possible,
		Message: "a\x1b[2Jb ](x) %0A::error::c\n::stop-commands::d |e| <script>`f` @g \u202e",
		Why:     "[h](https://example.com)", Key: "k",
		Place:   diag.Place{Address: "aws_instance.x[\"]:,%\n\"]"},
		Related: []diag.Place{{Message: "a ] and [ \\", Range: diag.Range{File: "x:y,z%.tf", Start: diag.Pos{Line: 1, Column: 1}, End: diag.Pos{Line: 1, Column: 2}}}},
		Path:    []diag.Hop{{From: "a", To: "b", Protocol: "tcp", Places: []diag.Place{{Range: diag.Range{File: "x:y,z%.tf"}}}}},
	}
}

func TestHostileText(t *testing.T) {
	c := Check{Findings: []diag.Finding{hostileFinding()}, Exit: Exit{Status: 1, Words: "Exit status 1."}}
	for name, text := range map[string]string{
		"full": Full(c, Options{}), "concise": Concise(c, Options{}), "github": GitHub(c, ""), "markdown": Markdown(c),
	} {
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && hostile(r) }); i >= 0 {
			t.Errorf("%s: control character %q gets through", name, text[i])
		}
		for _, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "::stop-commands") {
				t.Errorf("%s: a command gets through: %q", name, line)
			}
		}
	}
	if n := strings.Count(GitHub(c, ""), "\n::"); n != 0 {
		t.Errorf("one finding makes %d further commands", n)
	}
	md := Markdown(c)
	for _, bad := range []string{"<script>", " [h](", "://", " @g"} {
		if strings.Contains(md, bad) {
			t.Errorf("markdown lets %q through", bad)
		}
	}
}

func TestFingerprint(t *testing.T) {
	f := diag.Finding{Rule: "r", Root: "a", Place: diag.Place{Address: "x"}, Key: "k"}
	same := f
	same.Place.Range = diag.Range{File: "moved.tf", Start: diag.Pos{Line: 9}}
	same.Message, same.Severity = "said otherwise", diag.High
	if Fingerprint(f) != Fingerprint(same) {
		t.Error("lines and words change the fingerprint")
	}
	for _, change := range []func(*diag.Finding){
		func(f *diag.Finding) { f.Rule = "q" },
		func(f *diag.Finding) { f.Root = "b" },
		func(f *diag.Finding) { f.Place.Address = "y" },
		func(f *diag.Finding) { f.Key = "l" },
		func(f *diag.Finding) { f.Rule, f.Root = "ra", "" },
	} {
		other := f
		change(&other)
		if Fingerprint(f) == Fingerprint(other) {
			t.Errorf("%+v has the same fingerprint", other)
		}
	}
}
