package hcl

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postern-dev/postern/diag"
)

// ignore is a comment that silences rules.
type ignore struct {
	diag.Ignore
	call string // the module call that it stands above
}

const ignoreWord = "postern:ignore"

const ignoreSpelling = "write # postern:ignore RULE[,RULE] [until=YYYY-MM-DD] -- REASON"

// parseIgnore reads the text of a comment, without the signs around it. ok is
// false for comments of other kinds.
func parseIgnore(text string, r diag.Range) (g diag.Ignore, problem string, ok bool) {
	text = strings.TrimSpace(text)
	rest, ok := strings.CutPrefix(text, ignoreWord)
	if !ok {
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(text, " ", "")), ignoreWord) {
			return g, "this comment is not spelt as postern reads it, and silences nothing", true
		}
		return g, "", false
	}
	g.Range = r
	head, reason, found := strings.Cut(rest, "--")
	g.Reason = strings.TrimSpace(reason)
	for word := range strings.FieldsSeq(head) {
		if date, ok := strings.CutPrefix(word, "until="); ok {
			t, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return g, "the date " + date + " is not a day, as in 2027-01-31; the comment silences nothing", true
			}
			g.Until = t
			continue
		}
		for rule := range strings.SplitSeq(word, ",") {
			if rule != "" {
				g.Rules = append(g.Rules, rule)
			}
		}
	}
	switch {
	case rest != "" && !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "\t"):
		return g, "this comment is not spelt as postern reads it, and silences nothing", true
	case len(g.Rules) == 0:
		return g, "this comment names no rule, and silences nothing", true
	case !found || g.Reason == "":
		return g, "this comment gives no reason, and silences nothing", true
	}
	return g, "", true
}

func (d *directory) addIgnore(g ignore, problem string, r diag.Range) {
	if problem != "" {
		d.diags = append(d.diags, diag.Diagnostic{Message: problem, Label: "not obeyed", Range: r, Fix: ignoreSpelling})
		return
	}
	d.ignores = append(d.ignores, g)
}

// span is a stretch of a file that a comment above it covers.
type span struct {
	from, to int // bytes
	call     string
}

// spans lists the attributes and blocks of a body, outermost first.
func spans(b *hclsyntax.Body, top bool) []span {
	var out []span
	for _, a := range b.Attributes {
		out = append(out, span{from: a.SrcRange.Start.Byte, to: a.SrcRange.End.Byte})
	}
	for _, n := range b.Blocks {
		s := span{from: n.TypeRange.Start.Byte, to: n.CloseBraceRange.End.Byte}
		if top && n.Type == "module" && len(n.Labels) == 1 {
			s.call = n.Labels[0]
		}
		out = append(out, s)
		out = append(out, spans(n.Body, false)...)
	}
	return out
}

// mentionsIgnore reports whether a file may hold comments that silence rules,
// or that were meant to.
func mentionsIgnore(text []byte) bool {
	return bytes.Contains(bytes.ToLower(text), []byte("postern"))
}

// nativeIgnores reads the comments of a file. At the end of a line a comment
// covers that line; on a line of its own, the next attribute or block.
func (f *Files) nativeIgnores(d *directory, s *source, tokens hclsyntax.Tokens, body *hclsyntax.Body) {
	if !mentionsIgnore(s.data) {
		return
	}
	var all []span
	if body != nil {
		all = spans(body, true)
		slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	}
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenComment {
			continue
		}
		from, to := t.Range.Start.Byte, t.Range.Start.Byte+len(bytes.TrimRight(t.Bytes, "\r\n"))
		r := s.span(from, to)
		g, problem, ok := parseIgnore(commentText(string(t.Bytes)), r)
		if !ok {
			continue
		}
		ig := ignore{Ignore: g}
		line := s.lines[r.Start.Line-1]
		if len(bytes.TrimSpace(bytes.TrimPrefix(s.data[line:from], []byte("\uFEFF")))) > 0 {
			ig.Scope = s.span(line, to)
			d.addIgnore(ig, problem, r)
			continue
		}
		next, found := nextSpan(s, all, to)
		if !found && problem == "" {
			problem = "nothing stands below this comment, so it silences nothing"
		}
		ig.Scope, ig.call = s.span(next.from, next.to), next.call
		d.addIgnore(ig, problem, r)
	}
}

// nextSpan finds the attribute or block that follows a comment, with nothing
// but comments and space between.
func nextSpan(s *source, all []span, from int) (span, bool) {
	i, _ := slices.BinarySearchFunc(all, from, func(a span, at int) int { return a.from - at })
	if i == len(all) {
		return elementSpan(s, from)
	}
	next := all[i]
	if onlyComments(s.data[from:next.from]) {
		return next, true
	}
	return elementSpan(s, from)
}

// elementSpan covers the next line that holds more than comments: an element
// of a list, an argument of an object.
func elementSpan(s *source, from int) (span, bool) {
	rest := s.data[from:]
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		text := bytes.TrimSpace(line)
		start := len(s.data) - len(rest)
		if len(text) > 0 && text[0] != '#' && !bytes.HasPrefix(text, []byte("//")) {
			if text[0] == ']' || text[0] == '}' || text[0] == ')' {
				return span{}, false
			}
			return span{from: start, to: start + len(line)}, true
		}
		rest = after
	}
	return span{}, false
}

func onlyComments(text []byte) bool {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		default:
			return false
		}
	}
	return true
}

// commentText takes the signs off a comment.
func commentText(s string) string {
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "#"):
		return strings.TrimLeft(s, "#")
	case strings.HasPrefix(s, "//"):
		return s[2:]
	case strings.HasPrefix(s, "/*"):
		return strings.TrimSuffix(s[2:], "*/")
	}
	return s
}

// jsonIgnores reads the "//" keys of a JSON configuration; each covers the
// object that it stands in.
func (f *Files) jsonIgnores(d *directory, s *source) {
	if !bytes.Contains(s.data, []byte(`"//"`)) {
		return
	}
	if _, deep := tooDeepJSON(s.data, f.limits.Nesting); deep {
		return
	}
	j := &jsonWalk{d: d, s: s, dec: json.NewDecoder(bytes.NewReader(s.data))}
	j.value(nil)
}

type jsonWalk struct {
	d   *directory
	s   *source
	dec *json.Decoder
}

// value reads one value; path is the keys that lead to it.
func (j *jsonWalk) value(path []string) {
	t, err := j.dec.Token()
	if err != nil {
		return // the parser reports it
	}
	switch t {
	case json.Delim('['):
		for j.dec.More() {
			at := j.dec.InputOffset()
			j.value(path)
			if j.dec.InputOffset() == at {
				return
			}
		}
		_, _ = j.dec.Token()
	case json.Delim('{'):
		j.object(path, int(j.dec.InputOffset())-1)
	}
}

func (j *jsonWalk) object(path []string, from int) {
	type comment struct {
		text     string
		from, to int
	}
	var comments []comment
	for j.dec.More() {
		t, err := j.dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return
		}
		if key != "//" {
			j.value(append(slices.Clone(path), key))
			continue
		}
		var v any
		before := int(j.dec.InputOffset())
		if j.dec.Decode(&v) != nil {
			return
		}
		if text, ok := v.(string); ok {
			comments = append(comments, comment{text, before, int(j.dec.InputOffset())})
		}
	}
	if _, err := j.dec.Token(); err != nil {
		return
	}
	for _, c := range comments {
		start := c.from + max(0, bytes.IndexByte(j.s.data[c.from:c.to], '"'))
		r := j.s.span(start, c.to)
		g, problem, ok := parseIgnore(c.text, r)
		if !ok {
			continue
		}
		ig := ignore{Ignore: g}
		ig.Scope = j.s.span(from, int(j.dec.InputOffset()))
		if len(path) == 2 && path[0] == "module" {
			ig.call = path[1]
		}
		j.d.addIgnore(ig, problem, r)
	}
}
