package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
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
	what := "packet"
	if r.Service != "" {
		what = r.Service + " packet"
	}
	switch r.Answer.Verdict {
	case trace.Allow:
		if r.All {
			return fmt.Sprintf("every %s from %s reaches %s, and its reply comes back", what, r.From, r.To)
		}
		if n := len(r.Table.Must); n > 1 {
			return fmt.Sprintf("%d kinds of packets flow from %s to %s, and so do their replies", n, r.From, r.To)
		}
		return fmt.Sprintf("1 kind of packet flows from %s to %s, and so do its replies", r.From, r.To)
	case trace.Deny:
		switch {
		case r.All:
			return fmt.Sprintf("not every %s from %s reaches %s and is answered", what, r.From, r.To)
		case len(r.Lists.Forward.Must) > 0:
			return fmt.Sprintf("packets from %s reach %s, and every reply is dropped", r.From, r.To)
		}
		return fmt.Sprintf("no %s from %s reaches %s", what, r.From, r.To)
	case trace.Unknown, trace.VerdictInvalid:
	}
	return fmt.Sprintf("it cannot be told whether a %s from %s reaches %s and is answered", what, r.From, r.To)
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
	if a.Verdict == trace.Deny && len(r.Lists.Complete.May) == 0 {
		notes = append(notes, "Proved for every IPv4 and IPv6 packet asked for.")
	}
	return notes
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

// mostAddresses is how many addresses a cell shows.
const mostAddresses = 3

func addressList(names []string) string {
	text := clean(strings.Join(names[:min(len(names), mostAddresses)], ", "))
	if n := len(names) - mostAddresses; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// blockers lists what would have to change.
func (p *printer) blockers(r Reach) {
	bs := r.Answer.Blockers
	if len(bs) == 0 {
		return
	}
	p.WriteByte('\n')
	if len(bs) == 1 {
		p.linef("1 setting stops it")
	} else {
		p.linef("%s stop it; all of them would have to change", count(len(bs), "setting"))
	}
	var cells [][]string
	for i, b := range bs {
		cells = append(cells, []string{fmt.Sprint(i + 1), clean(b.Message + blockerMark(b)), clean(b.Place.Range.Line())})
	}
	for _, line := range table(cells) {
		p.linef("  %s", line)
	}
}

func blockerMark(b query.Blocker) string {
	text := ""
	if b.Reply && b.Kind != reach.KindRoute {
		text = " (replies)"
	}
	if b.Like > 0 {
		text += fmt.Sprintf(" (and %d like it)", b.Like)
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
	example := s.Header.String()
	if len(s.Floating) > 0 {
		slices.Sort(s.Floating)
		example += "   any address of " + strings.Join(slices.Compact(s.Floating), " and ") + "; the input does not fix them"
	}
	ss = append(ss, section{"e.g.", wrap(example, p.width()-12)})
	p.WriteByte('\n')
	p.sections("  ", ss)
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

type jsonReach struct {
	Schema    string          `json:"schema"`
	Verdict   string          `json:"verdict"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Forward   jsonBand        `json:"forward"`
	Complete  jsonBand        `json:"complete"`
	Blocked   jsonBand        `json:"blocked_replies"`
	Witness   *jsonWitnessOf  `json:"witness"`
	Blockers  []jsonStage     `json:"blockers"`
	Because   []jsonCause     `json:"because"`
	Pairs     []jsonReachPair `json:"pairs"`
	Notes     []string        `json:"notes"`
	Disagreed []string        `json:"disagreements,omitempty"`
}

type jsonBand struct {
	Must []jsonBox `json:"must"`
	May  []jsonBox `json:"may"`
}

type jsonBox struct {
	Src      []string   `json:"src"`
	Dst      []string   `json:"dst"`
	Protocol string     `json:"protocol"`
	SrcPort  *jsonPorts `json:"sport"`
	DstPort  *jsonPorts `json:"dport"`
	ICMPType *jsonPorts `json:"icmp_type,omitempty"`
	ICMPCode *jsonPorts `json:"icmp_code,omitempty"`
}

type jsonPorts struct {
	From int `json:"from"`
	To   int `json:"to"`
}

type jsonWitnessOf struct {
	jsonHeader
	SrcOf    string   `json:"src_of"`
	DstOf    string   `json:"dst_of"`
	Floating []string `json:"representative"`
	Verdict  string   `json:"verdict"`
}

type jsonStage struct {
	Stage     string        `json:"stage"`
	Component string        `json:"component"`
	Code      *string       `json:"code"`
	Message   string        `json:"message"`
	Reply     bool          `json:"reply"`
	Location  *jsonLocation `json:"location"`
}

// jsonReachPair is one pair of ends, with the services that flow: "tcp/443".
type jsonReachPair struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Verdict string   `json:"verdict"`
	Must    []string `json:"must"`
	May     []string `json:"may"`
}

// ReachJSON writes what flows between two ends as postern/reach/v1. May lists
// everything that may flow, what surely does included.
func ReachJSON(r Reach) (string, error) {
	a := r.Answer
	j := jsonReach{
		Schema: reachSchema, Verdict: a.Verdict.String(), From: r.From, To: r.To,
		Forward: bandOf(r.Lists.Forward), Complete: bandOf(r.Lists.Complete), Blocked: bandOf(r.Lists.Blocked),
		Blockers: mapped(a.Blockers, stageOf), Because: []jsonCause{}, Notes: mapped(r.Notes, func(s string) string { return s }),
		Pairs: mapped(r.Links, func(l query.Link) jsonReachPair {
			return jsonReachPair{endName(l.From), endName(l.To), l.Verdict.String(), words(l.Must), words(slices.Concat(l.Must, l.May))}
		}),
		Disagreed: a.Disagreements,
	}
	if s := a.Shown; s != nil {
		j.Witness = &jsonWitnessOf{
			jsonHeader: headerOf(s.Header), SrcOf: endName(s.From.Interface), DstOf: endName(s.To.Interface),
			Floating: mapped(s.Floating, func(s string) string { return s }), Verdict: s.Result.Verdict.String(),
		}
		j.Because = mapped(s.Result.Because, causeOfUnknown)
	}
	return encode(j)
}

// outsideName is the name of a host outside every VPC.
const outsideName = "outside"

func endName(i *ir.Interface) string {
	if i == nil {
		return outsideName
	}
	return nicName(i)
}

func stageOf(s query.Blocker) jsonStage {
	return jsonStage{string(s.Kind), s.Component, orNull(s.Code), s.Message, s.Reply, locationOf(s.Place.Range)}
}

func bandOf(r query.Rows) jsonBand {
	return jsonBand{Must: mapped(r.Must, boxOf), May: mapped(slices.Concat(r.Must, r.May), boxOf)}
}

func boxOf(r query.Row) jsonBox {
	text := func(p netip.Prefix) string { return p.String() }
	b := jsonBox{Src: mapped(r.Src, text), Dst: mapped(r.Dst, text), Protocol: protocolsName(r)}
	switch protocolsKind(r) {
	case packet.Ported:
		b.SrcPort, b.DstPort = rangeOf(r.SrcPort), rangeOf(r.DstPort)
	case packet.Typed:
		types, codes := ir.Ports{Lo: r.DstPort.Lo >> 8, Hi: r.DstPort.Hi >> 8}, ir.Ports{Lo: 0, Hi: 255}
		if types.Lo == types.Hi {
			codes = ir.Ports{Lo: r.DstPort.Lo & 255, Hi: r.DstPort.Hi & 255}
		}
		b.ICMPType, b.ICMPCode = rangeOf(types), rangeOf(codes)
	case packet.Plain, packet.KindInvalid:
	}
	return b
}

func rangeOf(p ir.Ports) *jsonPorts { return &jsonPorts{int(p.Lo), int(p.Hi)} }
