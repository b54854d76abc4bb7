package report

import (
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

type jsonTrace struct {
	Schema         string       `json:"schema"`
	Verdict        string       `json:"verdict"`
	Header         jsonHeader   `json:"header"`
	Forward        jsonLeg      `json:"forward"`
	Reply          jsonLeg      `json:"reply"`
	From           string       `json:"from"`
	To             string       `json:"to"`
	Representative []string     `json:"representative"`
	Because        []jsonCause  `json:"because"`
	Settled        *jsonSettled `json:"settled"` // null unless the verdict is unknown
}

// jsonSettled are values of what is unknown with which the packet passes and
// with which it does not, null where none were found.
type jsonSettled struct {
	Allow  map[string]string `json:"allow"`
	Deny   map[string]string `json:"deny"`
	Never  bool              `json:"never"`
	Always bool              `json:"always"`
}

// jsonLeg is one direction. Its verdict is null when the question does not
// arise: the reply to a request that does not arrive.
type jsonLeg struct {
	Verdict *string       `json:"verdict"`
	Needed  bool          `json:"needed"`
	Header  *jsonHeader   `json:"header"`
	Hops    []jsonHopStep `json:"hops"`
}

type jsonHopStep struct {
	Stage     string        `json:"stage"`
	Component string        `json:"component"`
	Verdict   string        `json:"verdict"`
	Rule      *string       `json:"rule"`
	Code      *string       `json:"code"`
	Message   string        `json:"message"`
	Location  *jsonLocation `json:"location"`
	Because   []jsonCause   `json:"because"`
	// Header is what leaves the hop, and Was what came to it where it changes
	// the packet; null where an address is not known, or nothing changed.
	Header *jsonHeader    `json:"header"`
	Was    *jsonHeader    `json:"was"`
	Passed []jsonOverStep `json:"passed_over,omitempty"`
}

// jsonOverStep is a rule, an entry, a route or a listener that did not take the
// packet; only with --verbose.
type jsonOverStep struct {
	Message  string        `json:"message"`
	Reason   string        `json:"reason"`
	Code     *string       `json:"code"`
	Location *jsonLocation `json:"location"`
}

// TraceJSON writes the walk as postern/trace/v1.
func TraceJSON(t Trace) (string, error) {
	r := t.Result
	var settled *jsonSettled
	if r.Verdict == trace.Unknown {
		settled = &jsonSettled{t.Settled.Allow, t.Settled.Deny, t.Settled.Never, t.Settled.Always}
	}
	return encode(jsonTrace{
		Schema: traceSchema, Verdict: r.Verdict.String(), Header: headerOf(r.Header),
		Forward: legOf(r.Forward), Reply: legOf(r.Reply), From: t.From, To: t.To,
		Representative: mapped(slices.Concat(t.Representative, standIns(r)), func(s string) string { return strings.TrimPrefix(s, "representative: ") }),
		Because:        mapped(r.Because, causeOfUnknown),
		Settled:        settled,
	})
}

func causeOfUnknown(u *ir.Unknown) jsonCause { return causeOf(u.Cause) }

func legOf(l trace.Leg) jsonLeg {
	j := jsonLeg{Needed: !l.NotNeeded, Hops: []jsonHopStep{}}
	if l.Verdict != trace.VerdictInvalid {
		j.Verdict = orNull(l.Verdict.String())
	}
	j.Header = headerOrNull(l.Header)
	for _, h := range l.Hops {
		j.Hops = append(j.Hops, jsonHopStep{
			h.Stage.String(), h.Component, h.Verdict.String(), orNull(h.Rule), orNull(h.Code), h.Message,
			locationOf(h.Place.Range), mapped(h.Because, causeOfUnknown), headerOrNull(h.Header), headerOrNull(h.Was),
			mapped(h.Over, func(o trace.Over) jsonOverStep {
				return jsonOverStep{o.Message, o.Reason, orNull(o.Code), locationOf(o.Place.Range)}
			}),
		})
	}
	return j
}

func headerOrNull(h packet.Header) *jsonHeader {
	if !h.Src.IsValid() || !h.Dst.IsValid() {
		return nil
	}
	j := headerOf(h)
	return &j
}
