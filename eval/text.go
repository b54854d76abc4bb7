package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/reach/trace"
)

// verdicts are in the order in which they are printed.
var verdicts = [...]trace.Verdict{trace.Allow, trace.Deny, trace.Unknown}

// Text is the summary for people; of every list it shows the top entries.
func (s *Summary) Text(top int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s of %s: %d allow, %d deny, %d unknown\n", count(s.Of(record.Packet), s.noun()), count(s.Lines, "line"), s.Input,
		s.Verdict(trace.Allow), s.Verdict(trace.Deny), s.Verdict(trace.Unknown))
	if n, m := s.Of(record.NoData), s.Of(record.SkipData); n+m > 0 {
		fmt.Fprintf(&b, "Not judged: %s without traffic, %s that AWS skipped\n", count(n, "row"), count(m, "row"))
	}
	if n := s.Of(record.Faulty); n > 0 {
		fmt.Fprintf(&b, "Not judged: %s without sense\n", count(n, "line"))
		for _, f := range s.Faults {
			fmt.Fprintf(&b, "  line %d: %s\n", f.Line, f.Message)
		}
		more(&b, n-len(s.Faults))
	}
	if s.NotBegun > 0 {
		hint := "--was PATH, the configuration under which they were recorded, may tell; --guess-initiator takes the lower port for the server's"
		if s.Recorded {
			hint = "--guess-initiator takes the lower port for the server's"
		}
		fmt.Fprintf(&b, "Of the unknown, %s: no TCP flags tell which end began. %s\n", count(s.NotBegun, "row"), hint)
	}
	s.decided(&b, top)
	s.replayed(&b, top)
	s.unused(&b, top)
	return b.String()
}

func (s *Summary) noun() string {
	if s.Observed() {
		return "row"
	}
	return "packet"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func contradict(n int) string {
	if n == 1 {
		return "1 row contradicts"
	}
	return fmt.Sprintf("%d rows contradict", n)
}

func more(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
}

// table writes rows with aligned columns.
func table(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for k, cell := range row {
			if k == len(widths) {
				widths = append(widths, 0)
			}
			widths[k] = max(widths[k], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		line := ""
		for k, cell := range row {
			pad := strings.Repeat(" ", widths[k]-len([]rune(cell)))
			if k == 0 {
				line += "  " + pad + cell // numbers
			} else {
				line += "  " + cell + pad
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func (s *Summary) decided(b *strings.Builder, top int) {
	all := s.ByRule()
	if len(all) == 0 {
		return
	}
	b.WriteString("\nDecided by\n")
	var rows [][]string
	for _, d := range all[:min(len(all), top)] {
		rows = append(rows, []string{fmt.Sprint(d.Count), d.Verdict.String(), cmp.Or(d.Component, owner(&d.Reason)), stageText(&d.Reason), d.sentence(), d.where()})
	}
	table(b, rows)
	more(b, len(all)-top)
}

// owner is whose rule decided for several.
func owner(r *Reason) string {
	if r.Rule == "" {
		return "several"
	}
	return r.Rule
}

func stageText(r *Reason) string {
	if r.Stage == trace.StageInvalid {
		return ""
	}
	if r.Reply {
		return r.Stage.String() + " (reply)"
	}
	return r.Stage.String()
}

func (r *Reason) sentence() string {
	switch {
	case r.Verdict == trace.Unknown && r.Cause.Message != "":
		return r.Cause.Message
	default:
		return r.Message
	}
}

func (r *Reason) where() string {
	if at := r.Place.Range.Line(); at != "" {
		return at
	}
	if r.Verdict == trace.Unknown {
		return r.Cause.Range.Line()
	}
	return ""
}

func (s *Summary) replayed(b *strings.Builder, top int) {
	if !s.Observed() {
		return
	}
	accepted := s.Replay(Holds) + s.Replay(Breaks)
	rejected := s.Replay(Stays) + s.Replay(Opens)
	fmt.Fprintf(b, "\nReplayed: of %d accepted %d hold and %d break; of %d rejected %d stay so and %d now pass; %d cannot be told\n",
		accepted, s.Replay(Holds), s.Replay(Breaks), rejected, s.Replay(Stays), s.Replay(Opens), s.Replay(Unclear))
	if s.Before > 0 {
		fmt.Fprintf(b, "Of these, %s the recorded configuration as well: no change is to blame\n", contradict(s.Before))
	}
	flows(b, "Would break", s.Breaking, top)
	flows(b, "Would now pass", s.Opening, top)
	if s.MoreFlows > 0 {
		fmt.Fprintf(b, "%s of further flows are not listed\n", count(s.MoreFlows, "row"))
	}
}

func flows(b *strings.Builder, title string, fs []Flow, top int) {
	if len(fs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	var rows [][]string
	for k := range fs[:min(len(fs), top)] {
		f := &fs[k]
		row := []string{
			fmt.Sprint(f.Count), f.From + " > " + f.To, f.Service, strings.TrimSpace(stageText(f.Reason) + " " + f.Reason.Component), f.Reason.sentence(),
			f.Reason.where(),
		}
		if f.Was != nil {
			row = append(row, strings.TrimSpace("was "+f.Was.sentence()+"  "+f.Was.where()))
		}
		rows = append(rows, append(row, fmt.Sprintf("line %d: %s", f.First, f.Example)))
	}
	table(b, rows)
	more(b, len(fs)-top)
}

func (s *Summary) unused(b *strings.Builder, top int) {
	if s.Rules == 0 || s.Of(record.Packet) == 0 {
		return
	}
	if len(s.Unused) == 0 {
		fmt.Fprintf(b, "\nEvery one of %s was needed\n", count(s.Rules, "rule"))
		return
	}
	fmt.Fprintf(b, "\nNeeded by no packet: %d of %s and ACL entries", len(s.Unused), count(s.Rules, "rule"))
	if n := s.Verdict(trace.Unknown); n > 0 {
		fmt.Fprintf(b, " (%d unknown may need some)", n)
	}
	b.WriteByte('\n')
	for _, u := range s.Unused[:min(len(s.Unused), top)] {
		fmt.Fprintf(b, "  %s\n", strings.TrimSpace(u.Address+"  "+u.Place.Range.Line()))
	}
	more(b, len(s.Unused)-top)
}

type jsonFlow struct {
	From    string     `json:"from"`
	To      string     `json:"to"`
	Service string     `json:"service"`
	Count   int        `json:"count"`
	Line    int        `json:"line"`
	Example string     `json:"example"`
	Decided jsonReason `json:"decided"`
	// Was is null without --was.
	Was *jsonReason `json:"was"`
}

type jsonDecided struct {
	Count int `json:"count"`
	jsonReason
}

type jsonUse struct {
	Address  string        `json:"resource"`
	Location *jsonLocation `json:"location"`
}

type jsonFault struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

type jsonReplay struct {
	Holds     int        `json:"holds"`
	Breaks    int        `json:"breaks"`
	Stays     int        `json:"stays"`
	Opens     int        `json:"opens"`
	Unclear   int        `json:"unclear"`
	Before    int        `json:"unclear_before"`
	Breaking  []jsonFlow `json:"breaking"`
	Opening   []jsonFlow `json:"opening"`
	MoreFlows int        `json:"rows_of_further_flows"`
}

type jsonSummary struct {
	Schema   string         `json:"schema"`
	Input    string         `json:"input"`
	Lines    int            `json:"lines"`
	Packets  int            `json:"packets"`
	NoData   int            `json:"no_data"`
	SkipData int            `json:"skip_data"`
	Faulty   int            `json:"faulty"`
	Faults   []jsonFault    `json:"faults"`
	NotBegun int            `json:"initiator_not_told"`
	Verdicts map[string]int `json:"verdicts"`
	Decided  []jsonDecided  `json:"decided"`
	Rules    int            `json:"rules"`
	Unused   []jsonUse      `json:"unused"`
	Replay   *jsonReplay    `json:"replay"`
}

// JSON is the summary as postern/eval/v1; of the lists of decisions and flows
// it has the top entries.
func (s *Summary) JSON(top int) []byte {
	j := jsonSummary{
		Schema: "postern/eval/v1", Input: s.Input, Lines: s.Lines, Packets: s.Of(record.Packet), NoData: s.Of(record.NoData), SkipData: s.Of(record.SkipData),
		Faulty: s.Of(record.Faulty), Faults: []jsonFault{}, NotBegun: s.NotBegun, Verdicts: map[string]int{}, Decided: []jsonDecided{}, Rules: s.Rules, Unused: []jsonUse{},
	}
	for _, v := range verdicts {
		j.Verdicts[v.String()] = s.Verdict(v)
	}
	for _, f := range s.Faults {
		j.Faults = append(j.Faults, jsonFault(f))
	}
	for _, d := range s.Decisions[:min(len(s.Decisions), top)] {
		j.Decided = append(j.Decided, jsonDecided{d.Count, d.json()})
	}
	for _, u := range s.Unused {
		j.Unused = append(j.Unused, jsonUse{u.Address, locationOf(u.Place.Range)})
	}
	if s.Observed() {
		j.Replay = &jsonReplay{
			s.Replay(Holds), s.Replay(Breaks), s.Replay(Stays), s.Replay(Opens), s.Replay(Unclear), s.Before, flowsJSON(s.Breaking, top), flowsJSON(s.Opening, top), s.MoreFlows,
		}
	}
	return indented(j)
}

func flowsJSON(fs []Flow, top int) []jsonFlow {
	out := []jsonFlow{}
	for f := range slices.Values(fs[:min(len(fs), top)]) {
		j := jsonFlow{f.From, f.To, f.Service, f.Count, f.First, f.Example.String(), f.Reason.json(), nil}
		if f.Was != nil {
			was := f.Was.json()
			j.Was = &was
		}
		out = append(out, j)
	}
	return out
}
