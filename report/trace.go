package report

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
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
