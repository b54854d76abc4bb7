package report

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// Notes on what reads SARIF.
//
// GitHub code scanning shows message.text, keeps links of the form [text](id)
// to related locations, and shows those locations in no other way: so every
// related place is linked from the message. It takes severities from the
// rule's property security-severity, and only for rules with the tag
// "security". It tells alerts apart by partialFingerprints, ignores
// suppressions and refuses a result without a location.
//
// VS Code's viewer shows code flows, related locations and suppressions.

const (
	sarifSchema    = "https://json.schemastore.org/sarif-2.1.0.json"
	fingerprintKey = "posternFingerprint/v1"
	srcRoot        = "%SRCROOT%"
	homePage       = "https://github.com/postern-dev/postern"
)

// SARIF writes a check as SARIF 2.1.0. prefix leads from the root of the
// repository to the directory that file names are relative to; "" when they
// are the same.
func SARIF(c Check, prefix string) (string, error) {
	s := sarifWriter{prefix: prefix, rules: map[string]int{}, artifacts: map[string]int{}}
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: "postern", InformationURI: homePage, SemanticVersion: semver(c.Version), Version: c.Version,
		}},
		ColumnKind:         "unicodeCodePoints",
		OriginalURIBaseIDs: map[string]sarifArtifactLocation{srcRoot: {Description: &sarifMessage{Text: "the root of the repository"}}},
		Results:            []sarifResult{},
	}
	for i, r := range c.Rules {
		s.rules[r.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r))
	}
	fs := slices.Clone(c.Findings)
	diag.SortFindings(fs)
	s.fallback = "."
	if len(c.Coverage.Inputs) > 0 {
		s.fallback = c.Coverage.Inputs[0].Path
	}
	for _, f := range fs {
		run.Results = append(run.Results, s.result(f))
	}
	tellApart(run.Results)
	inv := sarifInvocation{ExecutionSuccessful: !c.Diagnostics.Errors(), ExitCode: c.Exit.Status, Notifications: []sarifNotification{}}
	for _, d := range sorted(c.Diagnostics) {
		inv.Notifications = append(inv.Notifications, s.notification(d))
	}
	run.Invocations = []sarifInvocation{inv}
	run.Artifacts = s.files
	return encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// semver is the version when it is a semantic one.
func semver(v string) string {
	v = strings.TrimPrefix(v, "v")
	if strings.Count(strings.SplitN(v, "-", 2)[0], ".") != 2 {
		return ""
	}
	return v
}

func sarifLevel(s diag.Severity) string {
	switch s {
	case diag.Critical, diag.High:
		return "error"
	case diag.Medium:
		return "warning"
	case diag.Low, diag.Info, diag.SeverityInvalid:
	}
	return "note"
}

// securitySeverity is the score by which GitHub sorts alerts: over 9 critical,
// from 7 high, from 4 medium, below low.
func securitySeverity(s diag.Severity) string {
	switch s {
	case diag.Critical:
		return "9.5"
	case diag.High:
		return "8.0"
	case diag.Medium:
		return "5.5"
	case diag.Low:
		return "3.0"
	case diag.Info, diag.SeverityInvalid:
	}
	return ""
}

func sarifRuleOf(r Rule) sarifRule {
	tags := []string{"network"}
	if securitySeverity(r.Severity) != "" {
		tags = []string{"security", "network"}
	}
	return sarifRule{
		ID:                   r.ID,
		ShortDescription:     sarifMessage{Text: cmp.Or(r.Title, r.ID)},
		FullDescription:      sarifMessage{Text: cmp.Or(flat(r.What), r.Title, r.ID)},
		HelpURI:              homePage + "/blob/main/docs/rules.md#" + r.ID,
		Help:                 sarifMessage{Text: RuleText(r, Options{Width: 80}), Markdown: RuleMarkdown(r)},
		DefaultConfiguration: sarifConfiguration{Level: sarifLevel(r.Severity), Enabled: !r.Off},
		Properties: sarifRuleProperties{
			Tags: unique(append(tags, r.References...)), Precision: "very-high",
			SecuritySeverity: securitySeverity(r.Severity), ProblemSeverity: problemSeverity(r.Severity),
		},
	}
}

// problemSeverity is what GitHub shows of a rule without a security severity.
func problemSeverity(s diag.Severity) string {
	if securitySeverity(s) != "" {
		return ""
	}
	return "recommendation"
}

// sarifWriter gathers what results refer to by index.
type sarifWriter struct {
	prefix    string
	fallback  string // where a finding is shown that is in no file
	rules     map[string]int
	artifacts map[string]int
	files     []sarifArtifact
}

func (s *sarifWriter) result(f diag.Finding) sarifResult {
	r := sarifResult{
		RuleID: f.Rule, RuleIndex: s.ruleIndex(f.Rule), Kind: "fail", Level: sarifLevel(f.Severity),
		Locations:           []sarifLocation{s.location(f.Place, f.Place.Message)},
		PartialFingerprints: map[string]string{fingerprintKey: Fingerprint(f)},
		Suppressions:        []sarifSuppression{},
		Properties:          sarifResultProperties{Severity: f.Severity.String(), Certainty: f.Certainty.String()},
	}
	text := strings.Builder{}
	text.WriteString(plainText(f.Message) + ".")
	if f.Certainty == diag.Possible {
		text.WriteString(" Possible, not certain.")
	}
	if f.Why != "" {
		text.WriteString("\n\n" + plainText(flat(f.Why)))
	}
	for _, p := range s.related(f) {
		p.ID = len(r.RelatedLocations) + 1
		fmt.Fprintf(&text, "\n\n[%s](%d)", linkText(p.Message.Text), p.ID)
		r.RelatedLocations = append(r.RelatedLocations, p)
	}
	if f.Fix.Text != "" {
		text.WriteString("\n\nFix: " + plainText(flat(f.Fix.Text)))
	}
	r.Message = sarifMessage{Text: text.String()}
	r.CodeFlows = s.codeFlows(f.Path)
	r.Fixes = s.fixes(f.Fix)
	if ig := f.Suppressed; ig != nil {
		sup := sarifSuppression{Kind: "inSource", Status: "accepted", Justification: ig.Reason}
		if !ig.Range.IsZero() {
			l := s.location(diag.Place{Range: ig.Range}, "")
			sup.Location = &l
		} else {
			sup.Kind = "external"
		}
		r.Suppressions = []sarifSuppression{sup}
	}
	return r
}

// tellApart numbers results of one fingerprint that stand in different places:
// code scanning would take them for one.
func tellApart(results []sarifResult) {
	times := map[string]int{}
	for i := range results {
		p := results[i].PartialFingerprints
		fp := p[fingerprintKey]
		times[fp]++
		if n := times[fp]; n > 1 {
			p[fingerprintKey] = fmt.Sprintf("%s:%d", fp, n)
		}
	}
}

func (s *sarifWriter) ruleIndex(id string) int {
	if i, ok := s.rules[id]; ok {
		return i
	}
	return -1
}

// related lists the other places of a finding: those that it names, what
// blocks, what covers, and why it is not certain.
func (s *sarifWriter) related(f diag.Finding) []sarifLocation {
	var ls []sarifLocation
	seen := map[diag.Range]bool{f.Place.Range: true}
	add := func(p diag.Place, message string) {
		if p.Range.IsZero() || seen[p.Range] {
			return
		}
		seen[p.Range] = true
		message = cmp.Or(message, p.Address, p.Range.Line())
		ls = append(ls, s.location(p, message))
	}
	for _, p := range f.Related {
		add(p, p.Message)
	}
	for _, b := range f.Blockers {
		add(b.Place, b.Message)
	}
	for _, p := range f.Cover {
		add(p, p.Message)
	}
	for _, c := range f.Because {
		add(diag.Place{Range: c.Range}, c.Message)
	}
	return ls
}

func (s *sarifWriter) codeFlows(hops []diag.Hop) []sarifCodeFlow {
	var steps []sarifThreadFlowLocation
	for _, h := range hops {
		service := h.Protocol
		if h.Port != "" {
			service += "/" + h.Port
		}
		for _, p := range h.Places {
			if p.Range.IsZero() {
				continue
			}
			text := fmt.Sprintf("%s > %s %s", h.From, h.To, service)
			if p.Message != "" {
				text += ": " + p.Message
			}
			steps = append(steps, sarifThreadFlowLocation{Location: s.location(p, text)})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return []sarifCodeFlow{{ThreadFlows: []sarifThreadFlow{{Locations: steps}}}}
}

func (s *sarifWriter) fixes(f diag.Fix) []sarifFix {
	var changes []sarifArtifactChange
	for _, e := range f.Edits {
		if e.Range.Start.Line == 0 {
			continue
		}
		change := sarifArtifactChange{
			ArtifactLocation: s.artifact(e.Range.File),
			Replacements:     []sarifReplacement{{DeletedRegion: *region(e.Range), InsertedContent: sarifContent{Text: e.NewText}}},
		}
		if i := slices.IndexFunc(changes, func(c sarifArtifactChange) bool { return c.ArtifactLocation.URI == change.ArtifactLocation.URI }); i >= 0 {
			changes[i].Replacements = append(changes[i].Replacements, change.Replacements...)
			continue
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return nil
	}
	return []sarifFix{{Description: sarifMessage{Text: cmp.Or(f.Text, "the repair")}, ArtifactChanges: changes}}
}

func (s *sarifWriter) notification(d diag.Diagnostic) sarifNotification {
	text := plainText(d.Message)
	for _, more := range []string{d.Fix, d.Note} {
		if more != "" {
			text += "\n\n" + plainText(flat(more))
		}
	}
	n := sarifNotification{Level: "warning", Message: sarifMessage{Text: text}}
	if d.Error {
		n.Level = "error"
	}
	if !d.Range.IsZero() {
		n.Locations = []sarifLocation{s.location(diag.Place{Address: d.Address, Range: d.Range}, "")}
	}
	return n
}

// location is a place as SARIF has it. Every location has a region, since
// GitHub refuses a result without one.
func (s *sarifWriter) location(p diag.Place, message string) sarifLocation {
	l := sarifLocation{PhysicalLocation: sarifPhysicalLocation{ArtifactLocation: s.artifact(cmp.Or(p.Range.File, s.fallback)), Region: region(p.Range)}}
	if message != "" {
		l.Message = &sarifMessage{Text: plainText(message)}
	}
	if p.Address != "" {
		l.LogicalLocations = []sarifLogicalLocation{{FullyQualifiedName: p.Address, Kind: "resource"}}
	}
	return l
}

func region(r diag.Range) *sarifRegion {
	if r.Start.Line == 0 {
		return &sarifRegion{StartLine: 1}
	}
	reg := &sarifRegion{StartLine: r.Start.Line, StartColumn: max(r.Start.Column, 1)}
	if r.End.Line > r.Start.Line || r.End.Line == r.Start.Line && r.End.Column >= r.Start.Column {
		reg.EndLine, reg.EndColumn = r.End.Line, max(r.End.Column, 1)
	}
	return reg
}

// artifact returns the location of a file, and puts it on the list of files.
func (s *sarifWriter) artifact(file string) sarifArtifactLocation {
	uri, base := fileURI(file, s.prefix)
	i, ok := s.artifacts[uri]
	if !ok {
		i = len(s.files)
		s.artifacts[uri] = i
		s.files = append(s.files, sarifArtifact{Location: sarifArtifactLocation{URI: uri, URIBaseID: base}})
	}
	return sarifArtifactLocation{URI: uri, URIBaseID: base, Index: &i}
}

// fileURI returns the reference to a file, percent-encoded, relative to the
// root of the repository where it is inside.
func fileURI(file, prefix string) (uri, base string) {
	if path.IsAbs(file) {
		return (&url.URL{Scheme: "file", Path: file}).String(), ""
	}
	clean := path.Join(prefix, file)
	// A colon in the first segment would read as a scheme.
	return strings.ReplaceAll((&url.URL{Path: clean}).EscapedPath(), ":", "%3A"), srcRoot
}

// flat makes one paragraph of a text: GitHub turns every line end into a break.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// plainText escapes what SARIF would take for a link in a message: a closing
// bracket followed by a parenthesis.
func plainText(s string) string { return strings.ReplaceAll(s, "](", "] (") }

// linkText escapes the text of a link.
func linkText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "\n", " ").Replace(s)
}

// unique drops repetitions and keeps the order.
func unique(ss []string) []string {
	var out []string
	for _, s := range ss {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
