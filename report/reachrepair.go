package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/query"
)

// blockers says what stops everything: on the way that needs the fewest changes,
// and on how many others.
func (p *printer) blockers(r Reach) {
	fix := r.Answer.Repair
	if fix == nil {
		return
	}
	way := fix.Ways[0]
	p.WriteByte('\n')
	stop := "1 setting stops it"
	if n := len(way.Changes); n > 1 {
		stop = fmt.Sprintf("%s stop it; all of them would have to change", count(n, "setting"))
	}
	if len(r.Answer.Pairs) > 1 {
		stop += fmt.Sprintf(" for %s to reach %s", endOr(fix.Pair.From.Interface, askedName(r.From)), endOr(fix.Pair.To.Interface, askedName(r.To)))
	}
	p.linef("%s", clean(stop))
	var cells [][]string
	for i, c := range way.Changes {
		cells = append(cells, []string{fmt.Sprint(i + 1), clean(c.Message + replyMark(c.Stage)), clean(c.Place.Range.Line())})
	}
	for _, line := range table(cells) {
		p.linef("  %s", line)
	}
	if cells = passedCells(fix); len(cells) > 0 {
		p.WriteByte('\n')
		p.linef("these would let %s through already", packetWord(fix.Header))
		for _, line := range table(cells) {
			p.linef("     %s", line)
		}
	}
	if n := len(fix.Ways) - 1; n > 0 {
		p.WriteByte('\n')
		p.linef("%s", clean(otherWays(fix.Ways[1:])))
	}
	if lines := r.repairLines(way); len(lines) > 0 {
		p.WriteByte('\n')
		p.sections("  ", []section{{"fix", mapped(lines, clean)}})
	}
}

func endOr(i *ir.Interface, name string) string {
	if i == nil {
		return name
	}
	return nicName(i)
}

func replyMark(s reach.Stage) string {
	if s.Reply && s.Kind != reach.KindRoute {
		return " (replies)"
	}
	return ""
}

// passedCells lists the filters that are open already.
func passedCells(fix *query.Repair) [][]string {
	var cells [][]string
	for _, s := range fix.Passed {
		word, at, what := "", s.Place.Range.Line(), ""
		switch {
		case s.Entry != nil:
			what, at = entryText(*s.Entry), s.Entry.Origin.Range.Line()
		case s.Rule != nil:
			what, at = serviceName(s.Rule.Match)+", "+peerName(s.Rule.Peer), s.Rule.Origin.Range.Line()
		}
		switch s.Kind {
		case reach.KindACLIn:
			word = "nacl in"
		case reach.KindACLOut:
			word = "nacl out"
		case reach.KindGroupIn:
			word = "sg in"
		case reach.KindGroupOut:
			word = "sg out"
		case reach.KindAddress, reach.KindRoute, reach.KindGateway, reach.KindBPA, reach.KindLink, reach.KindService, reach.KindOutside,
			reach.KindAppliance, reach.KindTranslate:
		}
		if at == "" {
			at = "(not in the configuration)"
		}
		if s.Reply {
			at += "   (replies)"
		}
		cells = append(cells, []string{clean(s.Component), word, clean(what), clean(at)})
	}
	return cells
}

// packetWord names the service of a header that has ports or types.
func packetWord(h packet.Header) string {
	name := packet.ProtocolName(int16(h.Protocol))
	switch h.Kind() {
	case packet.Ported:
		return fmt.Sprintf("%s/%d", name, h.DstPort)
	case packet.Typed:
		return fmt.Sprintf("%s/%d", name, h.Type())
	case packet.Plain, packet.KindInvalid:
	}
	return "packets"
}

// otherWays says what the ways would take that need more.
func otherWays(ways []query.WayRepair) string {
	var parts []string
	for _, w := range ways[:min(len(ways), 3)] {
		via := w.Via
		for _, lb := range w.Through {
			via = "through " + nicName(lb)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", via, count(len(w.Changes), "change")))
	}
	text := "other ways: " + strings.Join(parts, ", ")
	if n := len(ways) - 3; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// repairLines say what to add so that something of what was asked for flows on a
// way.
func (r Reach) repairLines(way query.WayRepair) []string {
	var lines []string
	for _, c := range way.Changes {
		service, src, dst := "what is needed", cmp.Or(addressList(c.From), askedName(r.From)), cmp.Or(addressList(c.To), askedName(r.To))
		if r.Service != "" {
			service = serviceWord(c.Let)
		}
		switch c.Kind {
		case reach.KindGroupIn:
			lines = append(lines, fmt.Sprintf("let %s in from %s by a group of %s", service, src, c.Component))
		case reach.KindGroupOut:
			lines = append(lines, fmt.Sprintf("let %s out to %s by a group of %s", service, dst, c.Component))
		case reach.KindACLIn, reach.KindACLOut:
			verb, peer := "in from", src
			if c.Kind == reach.KindACLOut {
				verb, peer = "out to", dst
			}
			if c.Reply { // from the service to the client's port
				service = "the replies, to the client's port,"
				if verb, peer = "in from", dst; c.Kind == reach.KindACLOut {
					verb, peer = "out to", src
				}
			}
			lines = append(lines, fmt.Sprintf("allow %s %s %s in %s", service, verb, peer, cmp.Or(stageACL(c.Stage), c.Component)))
		case reach.KindAddress, reach.KindRoute, reach.KindGateway, reach.KindBPA, reach.KindLink, reach.KindService, reach.KindOutside,
			reach.KindAppliance, reach.KindTranslate:
		}
	}
	return lines
}

func stageACL(s reach.Stage) string {
	if s.ACL == nil {
		return ""
	}
	return shownACL(s.ACL)
}

// blockerMark says what a blocker's sentence leaves out.
func blockerMark(b query.Blocker) string {
	text := replyMark(b.Stage)
	if b.Like > 0 {
		text += fmt.Sprintf(" (and %d like it)", b.Like)
	}
	return text
}
