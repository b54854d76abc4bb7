package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/reach/trace"
)

// Reach is the answer about all packets between two ends.
type Reach struct {
	From, To string // what the ends are called
	Service  string // the word that narrows the question; "" when none does
	Answer   *query.Answer
	Lists    query.Lists
	Table    query.Table
	Links    []query.Link
	Sources  map[string][]byte
	// Notes are said about the question: what it leaves out.
	Notes []string
	All   bool // the verdict is about every packet asked for
	Exit  Exit
}

// mostReachRows is how many lines of packets text shows; JSON has all.
const mostReachRows = 24

// ReachText writes what flows between two ends, or what stops it.
func ReachText(r Reach, o Options) string {
	p := &printer{Options: o}
	a := r.Answer
	p.linef("%s: %s", p.look(a.Verdict.String(), verdictLook(a.Verdict)), clean(r.sentence()))
	if pairs := r.pairs(); pairs != "" {
		p.linef("%s", clean(pairs))
	}
	if a.Verdict == trace.Deny {
		p.blockers(r)
	}
	p.reachLines("", r.Table.Must)
	p.reachLines("perhaps", r.Table.May)
	if r.showsBlocked() {
		p.reachLines("arrives, and its replies are dropped", r.Table.Blocked)
	}
	p.reachShown(r)
	for _, n := range r.notes() {
		p.WriteByte('\n')
		p.linef("%s", clean(n))
	}
	if r.Exit.Status != 0 {
		p.WriteByte('\n')
		p.linef("%s", clean(r.Exit.Words))
	}
	return p.String()
}

// sentence says the answer in one line.
func (r Reach) sentence() string {
	what, from, to := "packet", askedName(r.From), askedName(r.To)
	if r.Service != "" {
		what = r.Service + " packet"
	}
	switch r.Answer.Verdict {
	case trace.Allow:
		if r.All {
			return fmt.Sprintf("every %s from %s reaches %s, and its reply comes back", what, from, to)
		}
		if n := len(r.Table.Must); n > 1 {
			return fmt.Sprintf("%d kinds of packets flow from %s to %s, and so do their replies", n, from, to)
		}
		return fmt.Sprintf("1 kind of packet flows from %s to %s, and so do its replies", from, to)
	case trace.Deny:
		switch {
		case r.All && len(r.Lists.Complete.Must)+len(r.Lists.Complete.May) > 0:
			return fmt.Sprintf("not every %s from %s reaches %s and is answered", what, from, to)
		case len(r.Lists.Forward.Must) > 0:
			return fmt.Sprintf("packets from %s reach %s, and every reply is dropped", from, to)
		}
		return fmt.Sprintf("no %s from %s reaches %s", what, from, to)
	case trace.Unknown, trace.VerdictInvalid:
	}
	return fmt.Sprintf("it cannot be told whether a %s from %s reaches %s and is answered", what, from, to)
}

// askedName is what a sentence calls an end that the question names.
func askedName(name string) string {
	if name == "internet" {
		return "the internet"
	}
	return name
}

// pairs counts the pairs of interfaces when there are several.
func (r Reach) pairs() string {
	if len(r.Answer.Pairs) < 2 {
		return ""
	}
	counts := map[trace.Verdict]int{}
	for _, p := range r.Answer.Pairs {
		counts[p.Verdict]++
	}
	return fmt.Sprintf("of %d pairs of ends %d allow, %d deny, %d unknown", len(r.Answer.Pairs), counts[trace.Allow], counts[trace.Deny], counts[trace.Unknown])
}

// notes are what the answer rests on and what it leaves out.
func (r Reach) notes() []string {
	notes := slices.Clone(r.Notes)
	a := r.Answer
	if low := r.lowPorts(); low != "" {
		notes = append(notes, low)
	}
	if !slices.ContainsFunc(a.Pairs, query.Pair.Met) && len(a.Pairs) > 0 {
		notes = append(notes, unmet(a.Pairs))
	} else if a.Verdict == trace.Deny && !r.All {
		notes = append(notes, "Proved for every IPv4 and IPv6 packet asked for.")
	}
	return notes
}

// unmet says why nothing can flow between ends of which none has an address to
// send to.
func unmet(pairs []query.Pair) string {
	for _, p := range pairs {
		for _, a := range []netip.Addr{p.From.Nowhere, p.To.Nowhere} {
			if a.IsValid() {
				return fmt.Sprintf("No interface has the address %s.", a)
			}
		}
	}
	return "The two ends have no addresses of one family."
}

// lowPorts explains client ports that begin at 1024.
func (r Reach) lowPorts() string {
	for _, row := range r.Table.Must {
		if !row.Any && row.SrcPort.Lo == 1024 && row.SrcPort.Hi == 65535 {
			return "Client ports 0-1023 get no reply; no client picks them by itself."
		}
	}
	return ""
}

// showsBlocked: packets whose replies are dropped are worth a table where nothing
// else flows, or where everything should.
func (r Reach) showsBlocked() bool {
	return len(r.Table.Must)+len(r.Table.May) == 0 || r.All
}

// reachLines prints lines of packets as a table.
func (p *printer) reachLines(title string, rows []query.Line) {
	if len(rows) == 0 {
		return
	}
	p.WriteByte('\n')
	if title != "" {
		p.linef("  %s", p.look(title, bold))
	}
	cells := [][]string{{"protocol", "from", "to", "port", "client ports"}}
	for _, r := range rows[:min(len(rows), mostReachRows)] {
		cells = append(cells, lineCells(r))
	}
	for i, line := range table(cells) {
		if i == 0 {
			line = p.look(line, dim)
		}
		p.linef("  %s", line)
	}
	if n := len(rows) - mostReachRows; n > 0 {
		p.linef("  and %s; --format json lists them all", count(n, "more line"))
	}
}

// lineCells are the columns of a line of packets.
func lineCells(l query.Line) []string {
	protocol, port, client := serviceCells(l.Row)
	return []string{protocol, addressList(l.From), addressList(l.To), port, client}
}

// serviceCells are the protocol, the port and the client ports of a line.
func serviceCells(r query.Row) (protocol, port, client string) {
	switch protocolsKind(r) {
	case packet.Ported:
		port, client = portRange(r.DstPort), portRange(r.SrcPort)
	case packet.Typed:
		port = strings.TrimPrefix(portsName(int16(r.Protocols.Lo), r.DstPort), packet.ProtocolName(int16(r.Protocols.Lo)))
		port = strings.TrimPrefix(port, "/")
	case packet.Plain, packet.KindInvalid:
	}
	return protocolsName(r), port, client
}

// protocolsKind is the kind of a row of one protocol, KindInvalid for others.
func protocolsKind(r query.Row) packet.Kind {
	if r.Protocols.Lo != r.Protocols.Hi {
		return packet.KindInvalid
	}
	return packet.KindOf(r.Family, uint8(r.Protocols.Lo))
}

func protocolsName(r query.Row) string {
	switch {
	case r.Any:
		return "all"
	case r.Others:
		return "other protocols"
	case r.Protocols.Lo == r.Protocols.Hi:
		return packet.ProtocolName(int16(r.Protocols.Lo))
	}
	return fmt.Sprintf("%d-%d", r.Protocols.Lo, r.Protocols.Hi)
}

func portRange(p ir.Ports) string {
	switch {
	case p == ir.AllPorts:
		return "all"
	case p.Lo == p.Hi:
		return fmt.Sprint(p.Lo)
	}
	return fmt.Sprintf("%d-%d", p.Lo, p.Hi)
}

// mostAddresses is how many addresses or names a cell shows, and widestAddresses
// in how many columns, if that is more than one.
const mostAddresses, widestAddresses = 3, 72

func addressList(names []string) string {
	text := ""
	for i, n := range names {
		longer := clean(n)
		if i > 0 {
			longer = text + ", " + longer
		}
		if i == mostAddresses || i > 0 && columns(longer) > widestAddresses {
			return fmt.Sprintf("%s and %d more", text, len(names)-i)
		}
		text = longer
	}
	return text
}

// reachShown prints the packet that shows the answer, and what lets it through
// or what it waits for.
func (p *printer) reachShown(r Reach) {
	s := r.Answer.Shown
	if s == nil {
		return
	}
	var ss []section
	if r.Answer.Verdict == trace.Allow || len(r.Lists.Blocked.Must) > 0 {
		ss = append(ss, section{"by", byLines(s.Result)})
	}
	if waits := waitLines(s.Result.Because); len(waits) > 0 {
		ss = append(ss, section{"because", waits})
	}
	ss = append(ss, section{"e.g.", p.example(s)})
	p.WriteByte('\n')
	p.sections("  ", ss)
}

// example is the packet shown, and what its addresses stand for: on the same
// line where that fits.
func (p *printer) example(s *query.Shown) []string {
	header := s.Header.String()
	if len(s.Floating) == 0 {
		return []string{header}
	}
	slices.Sort(s.Floating)
	note := "any address of " + strings.Join(slices.Compact(s.Floating), " and ") + "; the input does not fix them"
	if columns(header)+columns(note)+15 <= p.width() {
		return []string{header + "   " + clean(note)}
	}
	return append([]string{header}, wrap(note, p.width()-12)...)
}

// byLines are the things that judged a packet, and their rules.
func byLines(r trace.Result) []string {
	var cells [][]string
	for i, l := range []trace.Leg{r.Forward, r.Reply} {
		for _, h := range l.Hops {
			if i == 1 && (h.Stage == trace.StageSGEgress || h.Stage == trace.StageSGIngress || h.Stage == trace.StageService) {
				continue // groups keep state
			}
			word := clean(h.Message)
			if h.Verdict == trace.Deny {
				word = "DENY " + word
			}
			at := clean(hopPlace(h))
			if i == 1 {
				at = strings.TrimSpace(at + "   (replies)")
			}
			cells = append(cells, []string{clean(h.Component), stageName(h.Stage), word, at})
		}
	}
	return table(cells)
}

// waitLines are the causes that a verdict waits for.
func waitLines(us []*ir.Unknown) []string {
	var lines []string
	for _, u := range us {
		if line := clean(causeLine(u.Cause)); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
