package report

import (
	"cmp"
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
			return jsonReachPair{endName(l.From), linkEnd(l), l.Verdict.String(), words(l.Must), words(slices.Concat(l.Must, l.May))}
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

// linkEnd is what the receiver of a pair is called: AWS's own services are no
// way out of the network.
func linkEnd(l query.Link) string {
	if l.Own {
		return "AWS's own services"
	}
	return endName(l.To)
}

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
