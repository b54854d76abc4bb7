package awsapi

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/postern-dev/postern/diag"
)

// syntaxError is where JSON text stops being JSON.
type syntaxError struct {
	start, end int // bytes
	message    string
	label, fix string
}

func (p *parser) fail(start, end int, message, label, fix string) bool {
	if p.err == nil {
		p.err = &syntaxError{start: start, end: min(max(end, start), len(p.text)), message: message, label: label, fix: fix}
	}
	return false
}

// expected fails at the current place: what should be there, and after what.
func (p *parser) expected(what, after string) bool {
	if after != "" {
		after = " after " + after
	}
	found, end := p.found()
	message := "not JSON: expected " + what + after + ", found " + found
	label := p.hint(strings.HasPrefix(what, "','"))
	return p.fail(p.at, end, message, label, "")
}

// trailing fails at a bracket that follows a comma.
func (p *parser) trailing(comma int, what string) bool {
	return p.fail(p.at, p.at+1, "not JSON: expected "+what+" after ',', found '"+p.text[p.at:p.at+1]+"'",
		"there is a comma too many before this", "remove the comma of "+p.span(comma, comma+1).Line())
}

// found names what stands at the current place.
func (p *parser) found() (string, int) {
	if p.at >= len(p.text) {
		return "the end of the file", p.at
	}
	rest := p.text[p.at:]
	if n := wordLength(rest); n > 1 {
		return strconv.Quote(clip(rest[:n], 24)), p.at + n
	}
	if rest[0] == '"' {
		if end := strings.IndexAny(rest[1:], "\"\n"); end >= 0 && rest[1+end] == '"' {
			return clip(rest[:end+2], 40), p.at + end + 2
		}
	}
	r, n := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError || r < ' ' {
		return "byte " + strconv.Quote(rest[:n]), p.at + n
	}
	return "'" + rest[:n] + "'", p.at + n
}

func wordLength(s string) int {
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return n
}

// hint guesses what went wrong, for the words under the caret.
func (p *parser) hint(comma bool) string {
	if p.at >= len(p.text) {
		return "the file is cut here"
	}
	rest := p.text[p.at:]
	switch c := rest[0]; {
	case c == '\'':
		return "JSON takes double quotes; this looks like a printed Python object"
	case c == '/' || c == '#':
		return "JSON has no comments"
	case strings.HasPrefix(rest, "<<<<<<<"), strings.HasPrefix(rest, "======="), strings.HasPrefix(rest, ">>>>>>>"):
		return "a merge conflict was left in the file"
	case strings.HasPrefix(rest, "None"), strings.HasPrefix(rest, "True"), strings.HasPrefix(rest, "False"):
		return "this looks like a printed Python object"
	case comma && strings.IndexByte("{[\"-0123456789tfn", c) >= 0:
		return "a comma is missing before this"
	case strings.HasPrefix(rest, "..."):
		return "a part was left out here"
	case c == '}' || c == ']':
		return "there is a closing bracket too many, or an opening one is missing"
	}
	return ""
}

func quoteName(key string) string { return strconv.Quote(clip(key, 40)) }

// element names an element of a list: "a security group", "a value".
func element(list string) string {
	if l, ok := listOf(list); ok && l.noun != "" {
		return article(l.noun)
	}
	return "a value"
}

func article(noun string) string {
	if strings.IndexByte("aeioAEIO", noun[0]) >= 0 {
		return "an " + noun
	}
	return "a " + noun
}

// broken is the diagnostic of a file that is not JSON.
func (d *document) broken(e *syntaxError, l *list, region string) diag.Diagnostic {
	fix := e.fix
	again := exportAgain(l, region, d.file)
	switch {
	case fix == "":
		fix = "export it again, whole" + again
	case again != "":
		fix += ", or export it again" + again
	}
	return diag.Diagnostic{Error: true, Message: e.message, Label: e.label, Fix: fix, Range: d.span(e.start, e.end)}
}

// exportAgain is the command that writes a file, on a line of its own.
func exportAgain(l *list, region, file string) string {
	if l == nil || l.command == "" {
		return ""
	}
	if region != "" {
		region = " --region " + region
	}
	return ":\naws " + l.command + region + " --output json > " + baseName(file)
}

func baseName(file string) string { return file[strings.LastIndexByte(file, '/')+1:] }
