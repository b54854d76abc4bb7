package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

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
