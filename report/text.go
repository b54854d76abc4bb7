package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// conciseFrom is the number of findings beyond which text gives each one line.
const conciseFrom = 20

// Text writes findings for people: in full, or with one line each when there
// are many.
func Text(c Check, o Options) string {
	if len(join(c.active())) > conciseFrom {
		return Concise(c, o)
	}
	return Full(c, o)
}

// Full writes every finding with its source, its path, the reason and the
// repair; the worst first.
func Full(c Check, o Options) string {
	p := &printer{Options: o}
	p.diagnostics(c.Diagnostics, c.Sources)
	js := join(worstFirst(c.active()))
	for _, j := range js {
		p.finding(j, c.Sources)
		p.WriteByte('\n')
	}
	p.summary(c, js)
	return p.String()
}

// Concise writes one line for each finding, in the order of the files, and one
// for each warning.
func Concise(c Check, o Options) string {
	p := &printer{Options: o}
	p.diagnosticLines(c.Diagnostics, c.Sources)
	fs := c.active()
	diag.SortFindings(fs)
	js := join(fs)
	for _, j := range js {
		p.headline(j)
	}
	p.shortSummary(c, js)
	return p.String()
}

// headline is the first line of a finding. Editors jump by it, so its form is
// always file:line:column: severity: sentence [rule].
func (p *printer) headline(j joined) {
	severity := p.look(j.Severity.String()+":", severityLook(j.Severity))
	p.linef("%s: %s %s %s", p.look(clean(place(j.Place)), bold), severity, p.look(clean(j.Message), bold), p.look("["+clean(j.Rule)+"]", dim))
}

func (p *printer) finding(j joined, sources map[string][]byte) {
	p.headline(j)
	marks, rest := marksOf(j.Finding)
	shown := p.snippet(j.Place.Range.File, sources[j.Place.Range.File], marks, severityLook(j.Severity), true)
	if !shown {
		rest = addressed(j.Related)
	}
	ss := p.findingSections(j, rest, sources)
	if a := j.Place.Address; !shown && a != "" && !strings.Contains(j.Message, a) {
		ss = append([]section{{"in", []string{clean(a)}}}, ss...)
	}
	p.sections("  ", ss)
}

// addressed says of places that no snippet shows what they are in: a plan is
// often one long line.
func addressed(places []diag.Place) []diag.Place {
	var out []diag.Place
	for _, pl := range places {
		if pl.Address != "" && pl.Message != "" && pl.Range.Start.Line > 0 && !strings.Contains(pl.Message, pl.Address) {
			pl.Message = pl.Address + ": " + pl.Message
		}
		out = append(out, pl)
	}
	return out
}

// marksOf divides what a finding points at into what its snippet shows, which
// is its own place and related ones of the same file, and the rest.
func marksOf(f diag.Finding) (marks []mark, rest []diag.Place) {
	if f.Place.Range.Start.Line == 0 {
		return nil, f.Related
	}
	marks = []mark{{Range: f.Place.Range, label: clean(f.Place.Message), primary: true}}
	for _, r := range f.Related {
		same := r.Range.File == f.Place.Range.File && r.Range.Start.Line > 0
		switch {
		case r.Range == f.Place.Range && (r.Message == "" || r.Message == f.Place.Message):
		case same && len(marks) < maxMarks:
			marks = append(marks, mark{Range: r.Range, label: clean(r.Message), bare: r.Message == ""})
		default:
			rest = append(rest, r)
		}
	}
	return marks, rest
}

func (p *printer) findingSections(j joined, rest []diag.Place, sources map[string][]byte) []section {
	width := p.width() - 8
	var ss []section
	add := func(label string, lines []string) {
		if len(lines) > 0 {
			ss = append(ss, section{label, lines})
		}
	}
	add("path", pathLines(j.Path, j.Place.Range.File))
	if j.Witness != nil && len(j.Path) == 0 && !strings.Contains(j.Why, j.Witness.Header.String()) {
		add("e.g.", []string{witnessLine(*j.Witness)})
	}
	if j.Why != "" {
		add("why", wrap(j.Why, width))
	} else {
		add("why", blockerLines(j.Blockers, j.Place.Range.File))
	}
	add("see", seeLines(rest, j.Place.Range.File))
	add("note", becauseLines(j.Finding, width))
	add("also", alsoLines(j, width))
	add("fix", p.fixLines(j.Finding, sources, width))
	return ss
}

// near names a place beside a finding: files in the finding's own directory
// by their names alone, since its first line says where they are.
func near(r diag.Range, file string) string {
	if dir, _ := path.Split(file); dir != "" {
		if d, name := path.Split(r.File); d == dir {
			r.File = name
		}
	}
	return clean(r.Line())
}

// pathLines shows the hops of a path as a table, beside a finding in file.
func pathLines(hops []diag.Hop, file string) []string {
	rows := make([][]string, len(hops))
	from := 0 // the widest source; the > stands two columns after it
	for _, h := range hops {
		from = max(from, columns(clean(h.From)))
	}
	for i, h := range hops {
		service := h.Protocol
		if h.Port != "" {
			service += "/" + h.Port
		}
		rows[i] = []string{pad(clean(h.From), from) + "  > " + clean(h.To), clean(service), placesOf(h.Places, file)}
	}
	return table(rows)
}

// placesOf lists places: "groups.tf:16, listener main.tf:19".
func placesOf(places []diag.Place, file string) string {
	var shown []string
	for _, pl := range places {
		shown = append(shown, strings.TrimSpace(clean(pl.Message)+" "+cmp.Or(near(pl.Range, file), clean(pl.Address))))
	}
	return strings.Join(unique(shown), ", ")
}

func witnessLine(w diag.Witness) string {
	line := w.Header.String()
	if w.Representative {
		line += "   representative: not all of its addresses are fixed"
	}
	return line
}

func blockerLines(bs []diag.Blocker, file string) []string {
	rows := make([][]string, len(bs))
	for i, b := range bs {
		rows[i] = []string{clean(b.Message), cmp.Or(near(b.Place.Range, file), clean(b.Place.Address))}
	}
	return table(rows)
}

// seeLines lists the related places that the snippet does not show.
func seeLines(places []diag.Place, file string) []string {
	var rows [][]string
	for _, r := range places {
		at := cmp.Or(near(r.Range, file), clean(r.Address))
		if what := cmp.Or(r.Message, r.Address); what != "" && at != "" {
			rows = append(rows, []string{at, clean(what)})
		}
	}
	const most = 8
	lines := table(rows[:min(len(rows), most)])
	if len(rows) > most {
		lines = append(lines, fmt.Sprintf("and %s more (--format json lists them)", thousands(len(rows)-most)))
	}
	return lines
}

// becauseLines says what a finding that is not certain waits for, and what a
// certain one could not see; not what its own sentences say already.
func becauseLines(f diag.Finding, width int) []string {
	var causes []string
	for _, c := range f.Because {
		text := c.Message
		if at := near(c.Range, f.Place.Range.File); at != "" {
			text += ", " + at
		}
		if f.Certainty == diag.Possible || !strings.Contains(f.Message+f.Why, c.Message) {
			causes = append(causes, text)
		}
	}
	if f.Certainty == diag.Possible {
		const doubt = "possible, not certain: "
		if len(causes) == 0 {
			causes = []string{"a part of the path lies outside the input"}
		}
		causes[0] = doubt + causes[0]
	}
	var lines []string
	for _, text := range causes {
		lines = append(lines, wrap(text, width)...)
	}
	return lines
}

func alsoLines(j joined, width int) []string {
	if len(j.also) == 0 {
		return nil
	}
	names := j.origins()
	const most = 3
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %s more", thousands(len(names)-most))
		names = names[:most]
	}
	text := count(len(j.also), "time") + " more from this line"
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ") + more
	}
	return wrap(text, width)
}

// fixLines shows a repair: its edits as changed lines, then its text.
func (p *printer) fixLines(f diag.Finding, sources map[string][]byte, width int) []string {
	var lines []string
	for _, e := range f.Fix.Edits {
		old, changed, ok := apply(p.finder(e.Range.File, sources[e.Range.File]), e)
		if !ok {
			continue
		}
		if e.Range.File != f.Place.Range.File {
			lines = append(lines, clean(e.Range.Line()))
		}
		for _, l := range old {
			lines = append(lines, "- "+expand(l))
		}
		for _, l := range changed {
			lines = append(lines, "+ "+expand(l))
		}
	}
	if f.Fix.Text != "" {
		lines = append(lines, wrap(f.Fix.Text, width)...)
	}
	return lines
}

// expand makes a source line harmless and its tabs spaces.
func expand(line string) string {
	var b strings.Builder
	for _, r := range line {
		b.WriteString(glyph(r))
	}
	return b.String()
}

// apply returns the lines that an edit touches, before and after it.
func apply(finder *lineFinder, e diag.Edit) (old, changed []string, ok bool) {
	last := e.Range.End.Line
	if e.Range.Start.Line < 1 || last < e.Range.Start.Line || last-e.Range.Start.Line > 200 {
		return nil, nil, false
	}
	for n := e.Range.Start.Line; n <= last; n++ {
		line, found := finder.line(n)
		if !found {
			return nil, nil, false
		}
		old = append(old, line)
	}
	head, _, ok1 := splitColumn(old[0], e.Range.Start.Column)
	_, tail, ok2 := splitColumn(old[len(old)-1], e.Range.End.Column)
	if !ok1 || !ok2 {
		return nil, nil, false
	}
	if after := head + strings.TrimSuffix(e.NewText, "\n") + tail; strings.TrimSpace(after) != "" {
		changed = strings.Split(after, "\n")
	}
	// What stays as it is needs no two lines.
	for len(old) > 0 && len(changed) > 0 && old[0] == changed[0] {
		old, changed = old[1:], changed[1:]
	}
	for len(old) > 0 && len(changed) > 0 && old[len(old)-1] == changed[len(changed)-1] {
		old, changed = old[:len(old)-1], changed[:len(changed)-1]
	}
	return old, changed, true
}

// splitColumn cuts a line before a column, which counts code points from 1.
func splitColumn(line string, column int) (before, after string, ok bool) {
	at := 1
	for i := range line {
		if at == column {
			return line[:i], line[i:], true
		}
		at++
	}
	return line, "", at == column
}

// diagnostics prints what is wrong with the input: what stops it from being
// read first, each with its place.
func (p *printer) diagnostics(list diag.List, sources map[string][]byte) {
	list = sorted(list)
	slices.SortStableFunc(list, func(a, b diag.Diagnostic) int { return cmp.Compare(boolRank(b.Error), boolRank(a.Error)) })
	for _, d := range list {
		p.diagnostic(d, sources)
	}
	if len(list) > 0 {
		p.WriteByte('\n')
	}
}

// diagnosticLines is diagnostics with one line for each warning.
func (p *printer) diagnosticLines(list diag.List, sources map[string][]byte) {
	var errors, warnings diag.List
	for _, d := range sorted(list) {
		if d.Error {
			errors = append(errors, d)
			continue
		}
		d.Label, d.Fix, d.Note = "", "", ""
		warnings = append(warnings, d)
	}
	p.diagnostics(slices.Concat(errors, warnings), sources)
}

// sorted returns the list in order, without repetitions.
func sorted(list diag.List) diag.List { return slices.Clone(list).Sort() }

// Diagnostics writes the problems of the input alone.
func Diagnostics(list diag.List, sources map[string][]byte, o Options) string {
	p := &printer{Options: o}
	p.diagnostics(list, sources)
	return p.String()
}

// diagnosticPlace is where a problem of the input is: a whole file or directory
// where it has no line.
func diagnosticPlace(d diag.Diagnostic) string {
	if !d.Range.IsZero() && d.Range.Start.Line == 0 {
		return shownFile(d.Range.File)
	}
	return place(diag.Place{Address: d.Address, Range: d.Range})
}

func (p *printer) diagnostic(d diag.Diagnostic, sources map[string][]byte) {
	word, look := "warning", bold+";"+yellow
	if d.Error {
		word, look = "error", bold+";"+red
	}
	at := diagnosticPlace(d)
	head := p.look(word+":", look) + " " + p.look(clean(d.Message), bold)
	if !d.Range.IsZero() || d.Address != "" {
		head = p.look(clean(at), bold) + ": " + head
	}
	if d.Rule != "" {
		head += " " + p.look("["+clean(d.Rule)+"]", dim)
	}
	p.linef("%s", head)
	if d.Range.Start.Line > 0 && d.Label != "" {
		p.snippet(d.Range.File, sources[d.Range.File], []mark{{Range: d.Range, label: clean(d.Label), primary: true}}, look, false)
	}
	width := p.width() - 8
	var ss []section
	if d.Fix != "" {
		ss = append(ss, section{"fix", wrap(d.Fix, width)})
	}
	if d.Note != "" {
		ss = append(ss, section{"note", wrap(d.Note, width)})
	}
	p.sections("  ", ss)
}
