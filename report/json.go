package report

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/packet"
)

// The versions of the JSON outputs. A version never changes what a key means;
// new keys may be added.
const (
	checkSchema  = "postern/check/v1"
	traceSchema  = "postern/trace/v1"
	showSchema   = "postern/show/v1"
	reachSchema  = "postern/reach/v1"
	matrixSchema = "postern/matrix/v1"
	chainsSchema = "postern/chains/v1"
)

// encode writes a document as JSON with keys in the order of the fields.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// mapped applies a function to every element; the result is never null.
func mapped[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// orNull is a string that is null when it is empty: not known, or none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// jsonLocation is a stretch of a file; line and columns are 0 when only the
// file is known. A location that is in no file is null.
type jsonLocation struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

func locationOf(r diag.Range) *jsonLocation {
	if r.IsZero() {
		return nil
	}
	return &jsonLocation{r.File, r.Start.Line, r.Start.Column, r.End.Line, r.End.Column}
}

type jsonCause struct {
	Code     string        `json:"code"`
	Message  string        `json:"message"`
	Address  string        `json:"address"`
	Location *jsonLocation `json:"location"`
}

func causeOf(c diag.Cause) jsonCause {
	return jsonCause{string(c.Code), c.Message, c.Address, locationOf(c.Range)}
}

type jsonPlace struct {
	Message  string        `json:"message"`
	Resource string        `json:"resource"`
	Location *jsonLocation `json:"location"`
}

func placeOf(p diag.Place) jsonPlace {
	return jsonPlace{p.Message, p.Address, locationOf(p.Range)}
}

type jsonEdit struct {
	Location *jsonLocation `json:"location"`
	NewText  string        `json:"new_text"`
}

type jsonFix struct {
	Text  string     `json:"text"`
	Edits []jsonEdit `json:"edits"`
}

type jsonHop struct {
	From      string          `json:"from"`
	To        string          `json:"to"`
	Protocol  string          `json:"protocol"`
	Port      *string         `json:"port"`
	Locations []*jsonLocation `json:"locations"`
}

type jsonBlocker struct {
	Code     *string       `json:"code"`
	Message  string        `json:"message"`
	Location *jsonLocation `json:"location"`
}

type jsonCover struct {
	Resource string        `json:"resource"`
	Location *jsonLocation `json:"location"`
}

// jsonHeader is a packet: ports for TCP and UDP, type and code for ICMP, and
// neither for the rest.
type jsonHeader struct {
	Src      string `json:"src"`
	Dst      string `json:"dst"`
	Protocol string `json:"protocol"`
	SrcPort  *int   `json:"sport,omitempty"`
	DstPort  *int   `json:"dport,omitempty"`
	ICMPType *int   `json:"icmp_type,omitempty"`
	ICMPCode *int   `json:"icmp_code,omitempty"`
}

func headerOf(h packet.Header) jsonHeader {
	j := jsonHeader{Src: h.Src.String(), Dst: h.Dst.String(), Protocol: packet.ProtocolName(int16(h.Protocol))}
	number := func(n int) *int { return &n }
	switch h.Kind() {
	case packet.Ported:
		j.SrcPort, j.DstPort = number(int(h.SrcPort)), number(int(h.DstPort))
	case packet.Typed:
		j.ICMPType, j.ICMPCode = number(int(h.Type())), number(int(h.Code()))
	case packet.Plain, packet.KindInvalid:
	}
	return j
}

type jsonWitness struct {
	jsonHeader
	SrcOf          string `json:"src_of"`
	DstOf          string `json:"dst_of"`
	Representative bool   `json:"representative"`
}

type jsonIgnore struct {
	Rules    []string      `json:"rules"`
	Reason   string        `json:"reason"`
	Until    *string       `json:"until"`
	Location *jsonLocation `json:"location"`
}

type jsonFinding struct {
	Rule        string        `json:"rule"`
	Severity    string        `json:"severity"`
	Certainty   string        `json:"certainty"`
	Message     string        `json:"message"`
	Why         string        `json:"why"`
	Fix         jsonFix       `json:"fix"`
	Resource    string        `json:"resource"`
	Root        string        `json:"root"`
	Variant     string        `json:"variant"`
	Account     string        `json:"account"`
	Region      string        `json:"region"`
	VPC         string        `json:"vpc"`
	Family      string        `json:"family"`
	Location    *jsonLocation `json:"location"`
	Related     []jsonPlace   `json:"related"`
	Path        []jsonHop     `json:"path"`
	Blockers    []jsonBlocker `json:"blockers"`
	Cover       []jsonCover   `json:"cover"`
	Witness     *jsonWitness  `json:"witness"`
	Because     []jsonCause   `json:"because"`
	Suppressed  *jsonIgnore   `json:"suppressed,omitempty"`
	Fingerprint string        `json:"fingerprint"`
}

func findingOf(f diag.Finding) jsonFinding {
	j := jsonFinding{
		Rule: f.Rule, Severity: f.Severity.String(), Certainty: f.Certainty.String(), Message: f.Message, Why: f.Why,
		Fix: jsonFix{f.Fix.Text, mapped(f.Fix.Edits, func(e diag.Edit) jsonEdit {
			return jsonEdit{locationOf(e.Range), e.NewText}
		})},
		Resource: f.Place.Address, Root: f.Root, Variant: f.Variant, Account: f.Account, Region: f.Region, VPC: f.VPC,
		Family: f.Family.String(), Location: locationOf(f.Place.Range),
		Related: mapped(f.Related, placeOf),
		Path: mapped(f.Path, func(h diag.Hop) jsonHop {
			return jsonHop{h.From, h.To, h.Protocol, orNull(h.Port), mapped(h.Places, func(p diag.Place) *jsonLocation { return locationOf(p.Range) })}
		}),
		Blockers: mapped(f.Blockers, func(b diag.Blocker) jsonBlocker {
			return jsonBlocker{orNull(b.Code), b.Message, locationOf(b.Place.Range)}
		}),
		Cover:       mapped(f.Cover, func(p diag.Place) jsonCover { return jsonCover{p.Address, locationOf(p.Range)} }),
		Because:     mapped(f.Because, causeOf),
		Fingerprint: Fingerprint(f),
	}
	if w := f.Witness; w != nil {
		j.Witness = &jsonWitness{headerOf(w.Header), w.SrcOf, w.DstOf, w.Representative}
	}
	if s := f.Suppressed; s != nil {
		j.Suppressed = &jsonIgnore{mapped(s.Rules, func(r string) string { return r }), s.Reason, date(s.Until), locationOf(s.Range)}
	}
	return j
}

func date(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return orNull(t.Format(time.DateOnly))
}

type jsonDiagnostic struct {
	Severity string        `json:"severity"` // error, warning
	Rule     *string       `json:"rule"`
	Message  string        `json:"message"`
	Label    string        `json:"label"`
	Fix      string        `json:"fix"`
	Note     string        `json:"note"`
	Resource string        `json:"resource"`
	Location *jsonLocation `json:"location"`
	Cause    *jsonCause    `json:"cause"`
}

func diagnosticOf(d diag.Diagnostic) jsonDiagnostic {
	j := jsonDiagnostic{
		Severity: "warning", Rule: orNull(d.Rule), Message: d.Message, Label: d.Label, Fix: d.Fix, Note: d.Note,
		Resource: d.Address, Location: locationOf(d.Range),
	}
	if d.Error {
		j.Severity = "error"
	}
	if d.Cause != (diag.Cause{}) {
		c := causeOf(d.Cause)
		j.Cause = &c
	}
	return j
}

type jsonUnknown struct {
	Address   string    `json:"address"`
	Attribute string    `json:"attribute"`
	Cause     jsonCause `json:"cause"`
}

type jsonOmission struct {
	Address string    `json:"address"`
	Cause   jsonCause `json:"cause"`
}

type jsonInput struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256"`
}

// jsonCoverage counts security group rules and ACL entries together: rules is
// how many there are, resolved how many are wholly known.
type jsonCoverage struct {
	Complete    bool           `json:"complete"`
	Rules       int            `json:"rules"`
	Resolved    int            `json:"resolved"`
	Unknown     []jsonUnknown  `json:"unknown"`
	NotAnalysed []jsonOmission `json:"not_analysed"`
	Inputs      []jsonInput    `json:"inputs"`
	Roots       int            `json:"roots"`
}

func coverageOf(c Coverage, complete bool) jsonCoverage {
	j := jsonCoverage{
		Complete: complete && c.Complete(), Rules: c.Rules + c.Entries, Resolved: c.Resolved,
		Unknown: mapped(c.Unknown, func(u UnknownValue) jsonUnknown {
			return jsonUnknown{u.Address, u.Attribute, causeOf(u.Cause)}
		}),
		NotAnalysed: []jsonOmission{}, Roots: c.Roots,
		Inputs: mapped(c.Inputs, func(i Input) jsonInput { return jsonInput(i) }),
	}
	for _, o := range c.NotAnalysed {
		j.NotAnalysed = append(j.NotAnalysed, jsonOmission{o.Address, causeOf(o.Cause)})
	}
	return j
}

// jsonSummary counts the findings that are not suppressed.
type jsonSummary struct {
	Findings   int `json:"findings"`
	Critical   int `json:"critical"`
	High       int `json:"high"`
	Medium     int `json:"medium"`
	Low        int `json:"low"`
	Info       int `json:"info"`
	Possible   int `json:"possible"`
	Suppressed int `json:"suppressed"`
	Rules      int `json:"rules"`
	ACLEntries int `json:"acl_entries"`
	Interfaces int `json:"interfaces"`
	Files      int `json:"files"`
	ExitStatus int `json:"exit_status"`
}

func summaryOf(c Check) jsonSummary {
	fs := c.active()
	ns := severityCounts(fs)
	s := jsonSummary{
		Findings: len(fs), Critical: ns[0], High: ns[1], Medium: ns[2], Low: ns[3], Info: ns[4],
		Suppressed: len(c.Findings) - len(fs), Rules: c.Coverage.Rules, ACLEntries: c.Coverage.Entries,
		Interfaces: c.Coverage.Interfaces, Files: len(c.Coverage.Inputs), ExitStatus: c.Exit.Status,
	}
	for _, f := range fs {
		if f.Certainty == diag.Possible {
			s.Possible++
		}
	}
	return s
}

type jsonCheck struct {
	Schema      string           `json:"schema"`
	Findings    []jsonFinding    `json:"findings"`
	Diagnostics []jsonDiagnostic `json:"diagnostics"`
	Coverage    jsonCoverage     `json:"coverage"`
	Summary     jsonSummary      `json:"summary"`
}

// JSON writes a check as postern/check/v1.
func JSON(c Check) (string, error) {
	fs := append([]diag.Finding{}, c.Findings...)
	diag.SortFindings(fs)
	list := sorted(c.Diagnostics)
	return encode(jsonCheck{
		Schema: checkSchema, Findings: mapped(fs, findingOf), Diagnostics: mapped(list, diagnosticOf),
		Coverage: coverageOf(c.Coverage, !list.Errors()), Summary: summaryOf(c),
	})
}
