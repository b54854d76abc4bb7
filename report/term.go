package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"

	"github.com/postern-dev/postern/diag"
)

// Options say how text looks.
type Options struct {
	Colour bool
	// Width is where running text is wrapped, in terminal columns; 0 means 128.
	Width int
}

func (o Options) width() int {
	if o.Width <= 0 {
		return 128
	}
	return max(o.Width, 40)
}

// tab is how many columns a tab is shown as.
const tab = 4

// The looks of text on a terminal, as the parameters of ANSI's SGR sequence.
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	yellow = "33"
	blue   = "34"
	cyan   = "36"
)

// printer puts text together.
type printer struct {
	strings.Builder
	Options
	files map[string]*lineFinder // see finder
}

// linef adds a line. Its arguments must be clean.
func (p *printer) linef(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	p.WriteString(line)
	p.WriteByte('\n')
}

// look gives text a look; it must be clean.
func (p *printer) look(text, look string) string {
	if !p.Colour || look == plain || text == "" {
		return text
	}
	return "\x1b[" + look + "m" + text + "\x1b[0m"
}

func severityLook(s diag.Severity) string {
	switch s {
	case diag.Critical, diag.High:
		return bold + ";" + red
	case diag.Medium:
		return bold + ";" + yellow
	case diag.Low:
		return cyan
	case diag.Info, diag.SeverityInvalid:
	}
	return blue
}

// clean makes text that comes from the input harmless on a terminal: control
// characters and the ones that reverse the direction of writing are shown as
// their code points, line ends as spaces.
func clean(text string) string {
	if strings.IndexFunc(text, hostile) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r == '\r':
		case hostile(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Clean makes text that comes from the input harmless on a terminal.
func Clean(text string) string { return clean(text) }

// hostile reports whether a rune could act on a terminal or deceive its reader.
func hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}

// widths measures text the same way in every locale.
var widths = &runewidth.Condition{StrictEmojiNeutral: true}

// columns is how many columns clean text takes on a terminal.
func columns(text string) int { return widths.StringWidth(text) }

// pad fills clean text with spaces up to a number of columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-columns(text)))
}

// wrap breaks text at spaces so that lines fit into width where words do. Line
// ends of the text are kept, and so are spaces at the start of a line.
func wrap(text string, width int) []string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		paragraph = strings.TrimRight(clean(paragraph), " ")
		if columns(paragraph) <= width {
			lines = append(lines, paragraph)
			continue
		}
		indent := paragraph[:len(paragraph)-len(strings.TrimLeft(paragraph, " "))]
		line := indent
		for i, word := range strings.Fields(paragraph) {
			switch {
			case i == 0:
				line += word
			case columns(line)+1+columns(word) > width:
				lines = append(lines, line)
				line = indent + word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// section is a labelled part of an answer: "why   because ...".
type section struct {
	label string
	lines []string // clean
}

// sections prints labelled parts with their texts aligned.
func (p *printer) sections(indent string, ss []section) {
	width := 4
	for _, s := range ss {
		width = max(width, columns(s.label))
	}
	for _, s := range ss {
		label := s.label
		for _, line := range s.lines {
			shown := p.look(label, bold) + strings.Repeat(" ", width-columns(label)+2)
			p.linef("%s%s%s", indent, shown, line)
			label = ""
		}
	}
}

// table aligns the cells of rows; the last cell of a row is not padded. All
// cells must be clean.
func table(rows [][]string) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 {
				widths[i] = max(widths[i], columns(cell))
			}
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				cell = pad(cell, widths[i]) + "  "
			}
			b.WriteString(cell)
		}
		lines[r] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// count prints a number of things: "1 rule", "2,308 rules".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return thousands(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	return thousands(n) + " " + noun + "s"
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
