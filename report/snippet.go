package report

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postern-dev/postern/diag"
)

// mark points at a stretch of a file in a snippet.
type mark struct {
	diag.Range
	label   string // clean
	primary bool
	bare    bool // show the line and point at nothing
}

// maxMarks bounds how many places a snippet shows; the rest is counted.
const maxMarks = 6

// longLine is from how many columns on a source line is cut around its mark;
// hugeLine, from how many bytes on it is not shown.
const (
	longLine = 200
	hugeLine = 1 << 16
)

// snippet prints the marked lines of one file with their numbers. It prints
// nothing and returns false when the text of the file is not at hand. closed
// adds a last empty line to the gutter, as findings have it.
func (p *printer) snippet(file string, source []byte, marks []mark, look string, closed bool) bool {
	shown := p.locate(file, source, marks)
	if len(shown) == 0 {
		return false
	}
	digits := len(fmt.Sprint(shown[len(shown)-1].Start.Line))
	gutter := func(number string) string {
		return p.look(fmt.Sprintf("%*s |", digits, number), dim)
	}
	p.linef("%s", gutter(""))
	last, text := 0, ""
	for _, s := range shown {
		n := s.Start.Line
		if last != n || text != s.text {
			if last > 0 && n > last+1 {
				p.linef("%s %s...", gutter(""), s.indent)
			}
			p.linef("%s %s", gutter(fmt.Sprint(n)), s.text)
		}
		last, text = n, s.text
		if s.bare {
			continue
		}
		sign, markLook := "-", dim
		if s.primary {
			sign, markLook = "^", look
		}
		under := strings.Repeat(sign, s.width)
		if s.label != "" {
			under += " " + s.label
		}
		p.linef("%s %s%s", gutter(""), strings.Repeat(" ", s.column), p.look(under, markLook))
	}
	if closed {
		p.linef("%s", gutter(""))
	}
	return true
}

// shownMark is a mark with its line, ready to print.
type shownMark struct {
	mark
	text, indent  string
	column, width int // in terminal columns
}

// locate finds the lines of the marks, in order of place. When there are too
// many, the finding's own and the first others are kept.
func (p *printer) locate(file string, source []byte, marks []mark) []shownMark {
	slices.SortStableFunc(marks, func(a, b mark) int { return cmp.Compare(boolRank(b.primary), boolRank(a.primary)) })
	marks = slices.Clone(marks[:min(len(marks), maxMarks)])
	slices.SortStableFunc(marks, func(a, b mark) int { return a.Range.Compare(b.Range) })
	var shown []shownMark
	lines := p.finder(file, source)
	for _, m := range marks {
		line, ok := lines.line(m.Start.Line)
		if !ok {
			continue
		}
		shown = append(shown, layOut(m, line))
	}
	return shown
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// layOut expands tabs, makes the line harmless, and finds the terminal columns
// of the mark, which counts code points.
func layOut(m mark, line string) shownMark {
	s := shownMark{mark: m}
	from, to := m.Start.Column, m.End.Column
	if m.End.Line > m.Start.Line {
		to = utf8.RuneCountInString(strings.TrimRight(line, " \t")) + 1
	}
	var b strings.Builder
	start, end, at := -1, -1, 1
	for _, r := range line {
		if at == from {
			start = b.Len()
		}
		if at == to {
			end = b.Len()
		}
		b.WriteString(glyph(r))
		at++
	}
	s.text = b.String()
	if start < 0 {
		start = len(s.text)
	}
	if end < start {
		end = len(s.text)
	}
	s.column = columns(s.text[:start])
	s.width = max(1, columns(s.text[start:end]))
	s.indent = s.text[:len(s.text)-len(strings.TrimLeft(s.text, " "))]
	if columns(s.text) > longLine {
		s.cut()
	}
	return s
}

// glyph is how a rune of a source line is shown.
func glyph(r rune) string {
	switch {
	case r == '\t':
		return strings.Repeat(" ", tab)
	case hostile(r):
		return fmt.Sprintf("\\u%04x", r)
	}
	return string(r)
}

// cut keeps the surroundings of the mark of a line that is too long to show.
func (s *shownMark) cut() {
	const before, after = 40, 120
	from := max(0, s.column-before)
	var b strings.Builder
	at, start := 0, -1
	for _, r := range s.text {
		w := widths.RuneWidth(r)
		if at >= from && at+w <= from+before+after {
			if start < 0 {
				start = at
			}
			b.WriteRune(r)
		}
		at += w
	}
	head, tail := "", ""
	if from > 0 {
		head = "... "
	}
	if from+before+after < at {
		tail = " ..."
	}
	s.text, s.indent = head+b.String()+tail, ""
	s.column += len(head) - max(start, 0)
	s.width = max(1, min(s.width, before+after-(s.column-len(head))))
}

// lineFinder finds lines by number.
type lineFinder struct {
	source []byte
	starts []int // of each line
}

// finder returns the lines of a file, which are looked for once.
func (p *printer) finder(file string, source []byte) *lineFinder {
	if f, ok := p.files[file]; ok {
		return f
	}
	if p.files == nil {
		p.files = map[string]*lineFinder{}
	}
	f := &lineFinder{source: bytes.TrimPrefix(source, []byte("\ufeff")), starts: []int{0}}
	for at := 0; ; {
		i := bytes.IndexByte(f.source[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		f.starts = append(f.starts, at)
	}
	p.files[file] = f
	return f
}

// line returns a line without its end; ok is false when there is none, or it
// is too long to show.
func (f *lineFinder) line(n int) (string, bool) {
	if n < 1 || n > len(f.starts) || f.starts[n-1] == len(f.source) {
		return "", false
	}
	end := len(f.source)
	if n < len(f.starts) {
		end = f.starts[n] - 1
	}
	line := f.source[f.starts[n-1]:end]
	if len(line) > hugeLine {
		return "", false
	}
	return strings.ToValidUTF8(strings.TrimSuffix(string(line), "\r"), "\ufffd"), true
}
