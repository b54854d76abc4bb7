package report

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// Trace is the answer about one packet.
type Trace struct {
	Result  trace.Result
	From    string // what the ends are called
	To      string
	Advice  Advice
	Sources map[string][]byte
	// Representative says which addresses the input does not fix.
	Representative []string
	// Note is said first: which of several interfaces this is about.
	Note string
	// Onward says where a load balancer at the far end sends what it takes.
	Onward []string
	// Settled says which values would decide an unknown verdict.
	Settled Settled
	// Verbose shows the entries that were looked at and did not match.
	Verbose bool
	Exit    Exit
}

// Settled are values of what is unknown, by term, with which the packet passes
// and with which it does not; nil where none were found. Never says that none let
// it pass, Always that none stop it.
type Settled struct {
	Allow, Deny   map[string]string
	Never, Always bool
}

// sentences say which values decide.
func (s Settled) sentences() []string {
	var all []string
	switch {
	case s.Allow != nil:
		all = append(all, "it passes with "+values(s.Allow))
	case s.Never:
		all = append(all, "no values let it pass")
	}
	switch {
	case s.Deny != nil:
		all = append(all, "it does not with "+values(s.Deny))
	case s.Always:
		all = append(all, "no values stop it")
	}
	return all
}

// values is "var.a = 0.0.0.0/0, var.b = 1".
func values(of map[string]string) string {
	var parts []string
	for _, term := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, term+" = "+cmp.Or(of[term], "nothing"))
	}
	return strings.Join(parts, ", ")
}

// Advice is what to look at and what to do when a packet does not pass.
type Advice struct {
	Place    diag.Place // what decided; without a file: none
	Sentence string
	Why      string
	Fix      []string // lines; those that start with + are new code
}

// TraceText writes the walk of one packet.
func TraceText(t Trace, o Options) string {
	p := &printer{Options: o}
	verdict := t.Result.Verdict.String()
	p.linef("%s: %s", p.look(verdict, verdictLook(t.Result.Verdict)), clean(traceSentence(t.Result)))
	if t.Note != "" {
		p.linef("%s", clean(t.Note))
	}
	for _, sentence := range t.Settled.sentences() {
		p.linef("%s", clean(sentence))
	}
	if by := byWayOf(t.Result); len(by) > 0 {
		p.linef("by way of %s", clean(strings.Join(by, ", ")))
	}
	p.WriteByte('\n')
	widths := legWidths(t.Result.Forward, t.Result.Reply)
	p.leg("request", t.Result.Forward, t.Result.Header, widths, t.Verbose)
	switch {
	case len(t.Result.Reply.Hops) > 0:
		p.WriteByte('\n')
		p.leg("reply", t.Result.Reply, t.Result.Reply.Header, widths, t.Verbose)
	case t.Result.Reply.NotNeeded:
		p.WriteByte('\n')
		p.linef("reply     none is needed")
	}
	for i, r := range slices.Concat(t.Representative, standIns(t.Result), t.Onward) {
		if i == 0 {
			p.WriteByte('\n')
		}
		p.linef("%s", clean(r))
	}
	p.advice(t)
	if t.Exit.Status != 0 {
		p.WriteByte('\n')
		p.linef("%s", clean(t.Exit.Words))
	}
	return p.String()
}

func verdictLook(v trace.Verdict) string {
	switch v {
	case trace.Allow:
		return bold + ";32"
	case trace.Deny:
		return bold + ";" + red
	case trace.Unknown, trace.VerdictInvalid:
	}
	return bold + ";" + yellow
}

// traceSentence says what happens, and what decides.
func traceSentence(r trace.Result) string {
	switch r.Verdict {
	case trace.Allow:
		if r.Reply.NotNeeded {
			return "the request arrives, and needs no reply"
		}
		return "the request arrives, and so does its reply"
	case trace.Deny:
		if r.Forward.Verdict == trace.Deny {
			return "the request is dropped" + droppedBy(r.Forward)
		}
		if r.Forward.Verdict == trace.Unknown {
			return "the request may arrive, the reply is dropped" + droppedBy(r.Reply)
		}
		return "the request arrives, the reply is dropped" + droppedBy(r.Reply)
	case trace.Unknown, trace.VerdictInvalid:
	}
	waits := ""
	if len(r.Because) > 0 {
		waits = ": " + r.Because[0].Cause.Message
		if n := len(r.Because) - 1; n > 0 {
			waits += fmt.Sprintf(", and %s more", count(n, "cause"))
		}
	}
	if r.Forward.Verdict == trace.Allow {
		return "the request arrives; it cannot be told whether its reply does" + waits
	}
	return "it cannot be told whether the request arrives" + waits
}

// droppedBy names the thing whose rule drops the packet.
func droppedBy(l trace.Leg) string {
	h, ok := Deciding(l)
	if !ok {
		return ""
	}
	switch h.Stage {
	case trace.StageNACLEgress, trace.StageNACLIngress:
		return " by " + cmp.Or(owner(h), h.Component)
	case trace.StageSGEgress, trace.StageSGIngress:
		return " by the groups of " + h.Component
	case trace.StageInvalid, trace.StageEndpoint, trace.StageRoute, trace.StageService, trace.StageGateway,
		trace.StagePeering, trace.StageTransitGateway, trace.StageBPA, trace.StageExempt, trace.StageLoadBalancer:
	}
	return ": " + h.Message
}

// owner is the ACL or group behind a hop, rather than the subnet or interface
// that it guards.
func owner(h trace.Hop) string {
	switch h.Stage {
	case trace.StageNACLEgress, trace.StageNACLIngress:
		return strings.TrimSuffix(h.Place.Address, entrySuffix(h))
	case trace.StageInvalid, trace.StageEndpoint, trace.StageSGEgress, trace.StageRoute, trace.StageSGIngress, trace.StageService,
		trace.StageGateway, trace.StagePeering, trace.StageTransitGateway, trace.StageBPA, trace.StageExempt, trace.StageLoadBalancer:
	}
	return h.Component
}

// entrySuffix is what the address of an exported entry adds to its ACL's.
func entrySuffix(h trace.Hop) string {
	if i := strings.IndexByte(h.Place.Address, '/'); i >= 0 && strings.HasPrefix(h.Place.Address, "acl-") {
		return h.Place.Address[i:]
	}
	return ""
}

// Deciding returns the hop at which a leg ends in anything but a pass.
func Deciding(l trace.Leg) (trace.Hop, bool) {
	for _, h := range l.Hops {
		if h.Verdict == trace.Deny {
			return h, true
		}
	}
	for _, h := range l.Hops {
		if h.Verdict == trace.Unknown {
			return h, true
		}
	}
	return trace.Hop{}, false
}

// legWidths makes the columns of both legs equal.
func legWidths(legs ...trace.Leg) [3]int {
	var w [3]int
	for _, l := range legs {
		for _, h := range l.Hops {
			for i, cell := range hopCells(h) {
				w[i] = max(w[i], columns(cell))
			}
		}
	}
	return w
}

func hopCells(h trace.Hop) [3]string {
	return [3]string{clean(h.Component), stageName(h.Stage), clean(h.Message)}
}

// leg prints one direction: a line a hop, and beneath a hop what belongs to it.
func (p *printer) leg(label string, l trace.Leg, header packet.Header, w [3]int, verbose bool) {
	p.linef("%s%s", p.look(pad(label, 10), bold), headerText(cmp.Or(l.Header, header)))
	last := cmp.Or(l.Header, header)
	for _, h := range l.Hops {
		if h.Was == (packet.Header{}) && h.Header != last && h.Header.Src.IsValid() && h.Header.Dst.IsValid() {
			p.linef("  %s%s", pad("as", 8), headerText(h.Header))
		}
		p.hop(h, w)
		if verbose {
			for _, o := range h.Over {
				p.under(overText(o))
			}
		}
		if h.Verdict == trace.Deny && h.Code != "" {
			p.under("AWS calls it " + h.Code)
		}
		var said []string
		for _, u := range h.Because {
			if line := causeLine(u.Cause); !slices.Contains(said, line) {
				said = append(said, line)
				p.under("waits for: " + line)
			}
		}
		if h.Was != (packet.Header{}) {
			p.changed(h)
		}
		last = h.Header
	}
}

func (p *printer) hop(h trace.Hop, w [3]int) {
	line := ""
	switch h.Verdict {
	case trace.Deny:
		line = p.look("DENY", bold+";"+red) + "    "
	case trace.Unknown:
		line = p.look("unknown", bold+";"+yellow) + " "
	case trace.Allow, trace.VerdictInvalid:
		line = pad(h.Verdict.String(), 8)
	}
	for i, cell := range hopCells(h) {
		line += pad(cell, w[i]) + "  "
		if i == 0 {
			line += " "
		}
	}
	p.linef("  %s %s", line, clean(hopPlace(h)))
}

// under prints what belongs to the hop above.
func (p *printer) under(text string) { p.linef("  %s%s", pad("", 8), clean(text)) }

// changed prints the header that leaves a hop, and what it was before. A load
// balancer's is that of another leg.
func (p *printer) changed(h trace.Hop) {
	label := "  now     "
	if h.Stage == trace.StageLoadBalancer {
		p.WriteByte('\n')
		label = p.look(pad("onward", 10), bold)
	}
	p.linef("%s%s  %s", label, headerText(h.Header), clean("("+changeText(h.Was, h.Header)+")"))
}

// changeText says which end of a header is another one, and what it was.
func changeText(was, now packet.Header) string {
	var parts []string
	if end := socketText(was, was.Src, was.SrcPort); end != socketText(now, now.Src, now.SrcPort) {
		parts = append(parts, "source was "+end)
	}
	if end := socketText(was, was.Dst, was.DstPort); end != socketText(now, now.Dst, now.DstPort) {
		parts = append(parts, "destination was "+end)
	}
	if was.Protocol != now.Protocol {
		parts = append(parts, "protocol was "+packet.ProtocolName(int16(was.Protocol)))
	}
	return strings.Join(parts, ", ")
}

// socketText is one end of a header; an address that nothing fixes has no
// digits.
func socketText(h packet.Header, a netip.Addr, port uint16) string {
	switch {
	case !a.IsValid():
		return "(unknown)"
	case h.Kind() == packet.Ported:
		return netip.AddrPortFrom(a, port).String()
	default:
		return a.String()
	}
}

// overText says why a rule, an entry, a route or a listener did not take the
// packet.
func overText(o trace.Over) string {
	text := "passed over: " + o.Message + ": " + o.Reason
	if at := o.Place.Range.Line(); at != "" {
		text += "  " + at
	}
	return text
}

// byWayOf lists what a packet passes between its two ends, subnets apart.
func byWayOf(r trace.Result) []string {
	var by []string
	add := func(name string) {
		if name != "" && !slices.Contains(by, name) {
			by = append(by, name)
		}
	}
	for _, h := range r.Forward.Hops {
		switch h.Stage {
		case trace.StageGateway, trace.StageTransitGateway, trace.StageLoadBalancer, trace.StagePeering:
			add(h.Component)
		case trace.StageRoute:
			if h.Route == nil {
				continue
			}
			switch t, _ := h.Route.Target.Known(); t.Kind {
			case ir.TargetPeering:
				add(cmp.Or(t.Peering.Origin.Address, t.Peering.ID))
			case ir.TargetInterface:
				add(nicName(t.Interface))
			case ir.TargetInvalid, ir.TargetLocal, ir.TargetGateway, ir.TargetTransitGateway, ir.TargetOther:
			}
		case trace.StageInvalid, trace.StageEndpoint, trace.StageSGEgress, trace.StageNACLEgress, trace.StageNACLIngress,
			trace.StageSGIngress, trace.StageService, trace.StageBPA, trace.StageExempt:
		}
	}
	return by
}

// standIns says which addresses on the way stand for any of a subnet.
func standIns(r trace.Result) []string {
	var said []string
	add := func(a netip.Addr, in netip.Prefix) {
		if !in.IsValid() {
			return
		}
		if line := fmt.Sprintf("representative: %s stands for any address of %s", a, in); !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	for _, h := range slices.Concat(r.Forward.Hops, r.Reply.Hops) {
		add(h.Header.Src, h.SrcIn)
		add(h.Header.Dst, h.DstIn)
	}
	return said
}

// Onward says where a load balancer at the far end of a query sends what it
// takes, and how to follow it there.
func Onward(q trace.Query) []string {
	if q.To == nil || q.To.Services == nil {
		return nil
	}
	for _, s := range q.To.Services.Ports {
		if s.Forward == nil || s.Protocol != q.Header.Protocol || !s.Ports.Contains(q.Header.DstPort) {
			continue
		}
		var names []string
		for _, t := range s.Forward.Targets {
			if t.Interface != nil && !slices.Contains(names, nicName(t.Interface)) {
				names = append(names, nicName(t.Interface))
			}
		}
		if len(names) == 0 {
			return nil
		}
		more := ""
		if len(names) > 3 {
			names, more = names[:3], fmt.Sprintf(" and %d more", len(names)-3)
		}
		return []string{fmt.Sprintf("%s sends on to %s%s: name one of them as B, with --through %s, to follow it there",
			nicName(q.To), strings.Join(names, ", "), more, nicName(q.To))}
	}
	return nil
}

// headerText prints a header; an address that nothing fixes is a question mark.
func headerText(h packet.Header) string {
	return strings.ReplaceAll(h.String(), "invalid IP", "?")
}

func hopPlace(h trace.Hop) string {
	if at := h.Place.Range.Line(); at != "" {
		return at
	}
	if h.Place.Message != "" {
		return "(" + h.Place.Message + ")"
	}
	return ""
}

func entryText(e ir.Entry) string {
	number := "?"
	if e.Number.Known() {
		number = fmt.Sprint(e.Number.V)
	}
	action := "?"
	if e.Allow.Known() {
		action = map[bool]string{true: "allow", false: "deny"}[e.Allow.V]
	}
	return fmt.Sprintf("entry %s: %s %s, %s", number, action, serviceName(e.Match), peerName(e.Peer))
}

// stageName is how a stage is called for people.
func stageName(s trace.Stage) string {
	switch s {
	case trace.StageSGEgress:
		return "sg out"
	case trace.StageSGIngress:
		return "sg in"
	case trace.StageNACLEgress:
		return "nacl out"
	case trace.StageNACLIngress:
		return "nacl in"
	case trace.StageTransitGateway:
		return "transit"
	case trace.StageLoadBalancer:
		return "balancer"
	case trace.StageEndpoint, trace.StageRoute, trace.StageService, trace.StageGateway, trace.StagePeering,
		trace.StageBPA, trace.StageExempt, trace.StageInvalid:
	}
	return s.String()
}

func (p *printer) advice(t Trace) {
	a := t.Advice
	if a.Sentence == "" && a.Why == "" && len(a.Fix) == 0 {
		return
	}
	p.WriteByte('\n')
	if a.Sentence != "" {
		p.linef("%s: %s", p.look(clean(place(a.Place)), bold), clean(a.Sentence))
		if a.Place.Range.Start.Line > 0 {
			p.snippet(a.Place.Range.File, t.Sources[a.Place.Range.File], []mark{{Range: a.Place.Range, primary: true}}, verdictLook(t.Result.Verdict), true)
		}
	}
	var ss []section
	if a.Why != "" {
		ss = append(ss, section{"why", wrap(a.Why, p.width()-8)})
	}
	if len(a.Fix) > 0 {
		ss = append(ss, section{"fix", mapped(a.Fix, clean)})
	}
	p.sections("  ", ss)
}

// Nowhere is the answer about a packet of an address inside a VPC that no
// interface has.
func Nowhere(h packet.Header, address netip.Addr) trace.Result {
	hop := trace.Hop{
		Stage: trace.StageEndpoint, Component: address.String(), Verdict: trace.Deny, Code: "NO_POSSIBLE_DESTINATION", Header: h,
		Message: "no interface has this address",
	}
	return trace.Result{Verdict: trace.Deny, Header: h, Forward: trace.Leg{Verdict: trace.Deny, Header: h, Hops: []trace.Hop{hop}}}
}

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
