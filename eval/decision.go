package eval

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach/trace"
)

// Reason is a verdict and what decided it. Reasons are comparable, and the same
// for every packet of a class.
type Reason struct {
	Verdict trace.Verdict
	// Reply: it was decided on the way back.
	Reply     bool
	Stage     trace.Stage // the zero one where nothing in the network decided
	Component string      // whose rule it was
	Rule      string      // address or id of the rule, entry or route
	Code      string      // explanation code of Reachability Analyzer
	Message   string
	Place     diag.Place
	Cause     diag.Cause // of an unknown verdict: what it waits for
}

// Decision is a reason that has been met, with a number.
type Decision struct {
	Reason
	ID   int
	json []byte // the members of a JSON object, from "verdict" on
}

// decision numbers a reason.
func (j *Judge) decision(r Reason) *Decision {
	j.mu.Lock()
	defer j.mu.Unlock()
	d, ok := j.decisions[r]
	if !ok {
		d = &Decision{Reason: r, ID: len(j.decisions)}
		d.json = d.members()
		j.decisions[r] = d
	}
	return d
}

// reasonOf takes from a walk what decided it.
func reasonOf(r *trace.Result) Reason {
	out := Reason{Verdict: r.Verdict}
	h, reply, ok := deciding(r)
	switch {
	case ok:
		out.Reply, out.Stage, out.Component = reply, h.Stage, h.Component
		out.Rule, out.Code, out.Place, out.Message = h.Rule, h.Code, h.Place, sentence(h)
	case r.Verdict == trace.Deny:
		out.Reply, out.Message = true, "no way lets both the request and its reply pass"
	}
	if len(r.Because) > 0 {
		out.Cause = r.Because[0].Cause
	}
	return out
}

// deciding finds the hop that decided: the one that denies, the first that is
// not known, or the rule that admits the packet at its receiver, else the last
// rule on its way.
func deciding(r *trace.Result) (hop *trace.Hop, reply, ok bool) {
	switch r.Verdict {
	case trace.Deny, trace.Unknown:
		for k, l := range []*trace.Leg{&r.Forward, &r.Reply} {
			for i := range l.Hops {
				if l.Hops[i].Verdict == r.Verdict {
					return &l.Hops[i], k == 1, true
				}
			}
		}
	case trace.Allow, trace.VerdictInvalid:
		for _, only := range []bool{true, false} {
			for i := range slices.Backward(r.Forward.Hops) {
				h := &r.Forward.Hops[i]
				if h.SGRule != nil || !only && (h.Entry != nil || h.Stage == trace.StageExempt) {
					return h, false, true
				}
			}
		}
		if n := len(r.Forward.Hops); n > 0 {
			return &r.Forward.Hops[n-1], false, true
		}
	}
	return nil, false, false
}

// sentence is what a hop says, without what is of this packet alone: the same
// reason stands for all packets of a class.
func sentence(h *trace.Hop) string {
	if h.SGRule != nil || h.Entry != nil || h.Route != nil || strings.HasSuffix(h.Rule, "/*") {
		return h.Message
	}
	if h.Verdict == trace.Deny {
		switch h.Stage {
		case trace.StageSGEgress, trace.StageSGIngress:
			return "no rule of its groups allows it"
		case trace.StageRoute:
			if h.Code == "NO_ROUTE_TO_DESTINATION" {
				return "no route to the destination"
			}
		case trace.StageInvalid, trace.StageEndpoint, trace.StageNACLEgress, trace.StageNACLIngress, trace.StageService, trace.StageGateway,
			trace.StagePeering, trace.StageTransitGateway, trace.StageLoadBalancer, trace.StageBPA, trace.StageExempt:
		}
	}
	if h.Stage == trace.StageService {
		switch {
		case h.Verdict != trace.Deny:
			return "not known whether something listens"
		case h.Code != "" || !strings.HasPrefix(h.Message, "accepts no"):
			return "nothing listens there"
		}
	}
	text := h.Message
	if h.Header.Dst.IsValid() && (h.Header.Dst != h.Header.Src || h.Code != spoofed) {
		text = replaceWord(text, h.Header.Dst.String(), "the destination")
	}
	if h.Header.Src.IsValid() {
		text = replaceWord(text, h.Header.Src.String(), "the source")
	}
	return text
}

// spoofed is the code of a denial that is about the source.
const spoofed = "ENI_ADDRESS_RESTRICTION"

// replaceWord replaces an address in a text, unless it is a part of a longer
// one.
func replaceWord(text, word, with string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, word)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(word)
		if end < len(text) && strings.IndexByte("0123456789abcdef.:/", text[end]) >= 0 || at > 0 && strings.IndexByte("0123456789abcdef.:", text[at-1]) >= 0 {
			b.WriteString(text[:end])
		} else {
			b.WriteString(text[:at] + with)
		}
		text = text[end:]
	}
}

// use is a rule or an entry, and whether a packet has met it.
type use struct {
	Address string // of the rule, or of the entry with its ACL
	Place   diag.Place
}

// list numbers the rules and entries that somebody wrote.
func (j *Judge) list() {
	for _, g := range j.n.SecurityGroups {
		for _, egress := range []bool{false, true} {
			for k := range g.Rules(egress) {
				r := &g.Rules(egress)[k]
				if !r.Origin.Implicit && !r.Origin.Aside {
					j.rules[r] = j.enter(&r.Origin, cmp.Or(r.Origin.Address, g.Origin.Address, g.ID))
				}
			}
		}
	}
	for _, a := range j.n.NetworkACLs {
		for k := range a.Entries {
			e := &a.Entries[k]
			if !e.Origin.Implicit && !e.Origin.Aside {
				j.entries[e] = j.enter(&e.Origin, cmp.Or(e.Origin.Address, a.Origin.Address, a.ID))
			}
		}
	}
}

func (j *Judge) enter(o *ir.Origin, address string) int {
	j.uses, j.used = append(j.uses, use{Address: address, Place: o.Place("")}), append(j.used, false)
	return len(j.uses) - 1
}

// mark notes the rules and entries that a walk needed.
func (j *Judge) mark(r *trace.Result) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range []*trace.Leg{&r.Forward, &r.Reply} {
		for k := range l.Hops {
			if i, ok := j.rules[l.Hops[k].SGRule]; ok {
				j.used[i] = true
			}
			if i, ok := j.entries[l.Hops[k].Entry]; ok {
				j.used[i] = true
			}
		}
	}
}

// jsonReason is a reason as it is printed.
type jsonReason struct {
	Verdict   string        `json:"verdict"`
	Leg       *string       `json:"leg"`
	Stage     *string       `json:"stage"`
	Component *string       `json:"component"`
	Rule      *string       `json:"rule"`
	Code      *string       `json:"code"`
	Message   string        `json:"message"`
	Location  *jsonLocation `json:"location"`
	Because   []jsonCause   `json:"because"`
}

type jsonLocation struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

type jsonCause struct {
	Code     string        `json:"code"`
	Message  string        `json:"message"`
	Address  string        `json:"address"`
	Location *jsonLocation `json:"location"`
}

func locationOf(r diag.Range) *jsonLocation {
	if r.IsZero() {
		return nil
	}
	return &jsonLocation{r.File, r.Start.Line, r.Start.Column, r.End.Line, r.End.Column}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (r *Reason) leg() string {
	switch {
	case r.Stage == trace.StageInvalid && r.Verdict != trace.Deny:
		return ""
	case r.Reply:
		return "reply"
	}
	return "request"
}

func (r *Reason) json() jsonReason {
	j := jsonReason{
		Verdict: r.Verdict.String(), Leg: orNull(r.leg()), Component: orNull(r.Component), Rule: orNull(r.Rule), Code: orNull(r.Code),
		Message: r.Message, Location: locationOf(r.Place.Range), Because: []jsonCause{},
	}
	if r.Stage != trace.StageInvalid {
		j.Stage = orNull(r.Stage.String())
	}
	if c := r.Cause; c != (diag.Cause{}) {
		j.Because = append(j.Because, jsonCause{string(c.Code), c.Message, c.Address, locationOf(c.Range)})
		if j.Message == "" {
			j.Message = c.Message
		}
	}
	return j
}

// members is the reason's JSON without its braces.
func (r *Reason) members() []byte {
	text := plainJSON(r.json())
	return text[1 : len(text)-1]
}

// plainJSON is a value as JSON on one line.
func plainJSON(v any) []byte { return bytes.TrimRight(encode(v, ""), "\n") }

// indented is a value as JSON for people.
func indented(v any) []byte { return encode(v, "  ") }

// encode writes what holds strings, numbers and Booleans only, which always can
// be written.
func encode(v any, indent string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return []byte("{}\n")
	}
	return b.Bytes()
}
