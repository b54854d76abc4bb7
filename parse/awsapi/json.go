package awsapi

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on one file. An export of a whole large account is a few hundred
// megabytes and some twenty levels deep.
const (
	maxBytes = 1 << 30
	maxDepth = 200
)

type valueKind uint8

const (
	absentValue valueKind = iota
	nullValue
	boolValue
	numberValue
	stringValue
	arrayValue
	objectValue
)

// node is one JSON value or member name. A document keeps its nodes in the
// order of the text, so that a container is followed by what it holds: an array
// by its elements, an object by name, value, name, value.
type node struct {
	start, end uint32 // bytes; a string's includes its quotes
	next       uint32 // the node after this one and all it holds
	kind       valueKind
	escaped    bool // a string that is not its text between the quotes
}

// document is one parsed file, or the JSON inside a string of one.
type document struct {
	text  string
	nodes []node
	roots []uint32 // a file may hold several values one after another
	dups  []uint32 // names that an object repeats
	// bad is where the first byte that is not UTF-8 stands, -1 for nowhere.
	bad   int
	names map[string]string // interned strings
	places
}

type parser struct {
	*document
	at  int
	err *syntaxError
}

// parse reads JSON text. On an error the document holds what came before it.
func parse(file, text string) (*document, *syntaxError) {
	d := &document{text: text, bad: -1, names: map[string]string{}, places: newPlaces(file, text)}
	d.nodes = make([]node, 0, len(text)/12+8)
	p := &parser{document: d, at: d.bom}
	if len(text) > maxBytes {
		p.fail(0, 0, "the file is larger than 1 GiB", "", "export one Region at a time")
		return d, p.err
	}
	p.space()
	if p.at == len(text) {
		p.expected("a value", "")
	}
	for p.err == nil && p.at < len(text) {
		if len(d.roots) > 0 && text[p.at] != '{' && text[p.at] != '[' {
			p.expected("the end of the file", "")
			break
		}
		d.roots = append(d.roots, uint32(len(d.nodes)))
		p.value("", false, 0)
		p.space()
	}
	if p.err != nil {
		return d, p.err
	}
	return d, nil
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// value reads one value; name is that of the member that it is, or of the list
// that it is an element of.
func (p *parser) value(name string, inList bool, depth int) bool {
	if p.at >= len(p.text) {
		return p.expectedValue(name, inList)
	}
	if depth > maxDepth {
		return p.fail(p.at, p.at+1, "not an export: nested deeper than "+strconv.Itoa(maxDepth)+" levels", "", "")
	}
	switch c := p.text[p.at]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(name, depth)
	case c == '"':
		return p.str(stringValue)
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case strings.HasPrefix(p.text[p.at:], "true"):
		return p.literal(boolValue, 4)
	case strings.HasPrefix(p.text[p.at:], "false"):
		return p.literal(boolValue, 5)
	case strings.HasPrefix(p.text[p.at:], "null"):
		return p.literal(nullValue, 4)
	}
	return p.expectedValue(name, inList)
}

func (p *parser) expectedValue(name string, inList bool) bool {
	if inList {
		return p.expected(element(name), "")
	}
	return p.expected("a value", "")
}

func (p *parser) literal(k valueKind, n int) bool {
	p.leaf(k, p.at, p.at+n, false)
	p.at += n
	if p.at < len(p.text) && isWord(p.text[p.at]) {
		return p.expected("a value", "")
	}
	return true
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func (p *parser) leaf(k valueKind, start, end int, escaped bool) {
	p.nodes = append(p.nodes, node{uint32(start), uint32(end), uint32(len(p.nodes) + 1), k, escaped})
}

func (p *parser) close(i, end int) {
	p.nodes[i].end = uint32(end)
	p.nodes[i].next = uint32(len(p.nodes))
}

func (p *parser) array(list string, depth int) bool {
	me := len(p.nodes)
	p.leaf(arrayValue, p.at, p.at, false)
	p.at++
	p.space()
	if p.at < len(p.text) && p.text[p.at] == ']' {
		p.at++
		p.close(me, p.at)
		return true
	}
	for {
		if !p.value(list, true, depth+1) {
			return false
		}
		p.space()
		switch {
		case p.at < len(p.text) && p.text[p.at] == ',':
			comma := p.at
			p.at++
			p.space()
			if p.at < len(p.text) && p.text[p.at] == ']' {
				return p.trailing(comma, element(list))
			}
		case p.at < len(p.text) && p.text[p.at] == ']':
			p.at++
			p.close(me, p.at)
			return true
		default:
			return p.expected("',' or ']'", element(list))
		}
	}
}

func (p *parser) object(depth int) bool {
	me := len(p.nodes)
	p.leaf(objectValue, p.at, p.at, false)
	p.at++
	p.space()
	if p.at < len(p.text) && p.text[p.at] == '}' {
		p.at++
		p.close(me, p.at)
		return true
	}
	var seen nameSet
	for {
		if p.at >= len(p.text) || p.text[p.at] != '"' {
			return p.expected("a name in double quotes", "")
		}
		name := uint32(len(p.nodes))
		if !p.str(stringValue) {
			return false
		}
		key := p.string(name)
		if seen.add(key) {
			p.dups = append(p.dups, name)
		}
		p.space()
		if p.at >= len(p.text) || p.text[p.at] != ':' {
			return p.expected("':'", quoteName(key))
		}
		p.at++
		p.space()
		if !p.value(key, false, depth+1) {
			return false
		}
		p.space()
		switch {
		case p.at < len(p.text) && p.text[p.at] == ',':
			comma := p.at
			p.at++
			p.space()
			if p.at < len(p.text) && p.text[p.at] == '}' {
				return p.trailing(comma, "a name in double quotes")
			}
		case p.at < len(p.text) && p.text[p.at] == '}':
			p.at++
			p.close(me, p.at)
			return true
		default:
			return p.expected("',' or '}'", quoteName(key))
		}
	}
}

func (p *parser) str(k valueKind) bool {
	start, escaped := p.at, false
	for i := start + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.leaf(k, start, i+1, escaped)
			p.at = i + 1
			return true
		case c == '\\':
			escaped = true
			n := escapeLength(p.text[i:])
			if n == 0 {
				p.at = i
				return p.fail(i, i+2, "not JSON: "+strconv.Quote(clip(p.text[i:], 2))+" is no escape sequence", "a backslash is written \\\\", "")
			}
			i += n - 1
		case c < 0x20:
			p.at = i
			if c == '\n' || c == '\r' {
				return p.fail(start, i, "not JSON: a string ends with its line, without a closing quote", "a quote is missing in this line", "")
			}
			return p.fail(i, i+1, "not JSON: a control character in a string", "write it as \\t or \\u00XX", "")
		case c >= 0x80:
			r, n := utf8.DecodeRuneInString(p.text[i:])
			if r == utf8.RuneError && n <= 1 {
				escaped = true
				if p.bad < 0 {
					p.bad = i
				}
			}
			i += max(n, 1) - 1
		}
	}
	p.at = len(p.text)
	return p.expected("a closing quote", "")
}

// escapeLength returns the length of the escape sequence at the start of s, 0
// for none.
func escapeLength(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) < 6 {
			return 0
		}
		for _, c := range []byte(s[2:6]) {
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (p *parser) number() bool {
	start, i := p.at, p.at
	if p.text[i] == '-' {
		i++
	}
	for i < len(p.text) && strings.IndexByte("0123456789+-.eE", p.text[i]) >= 0 {
		i++
	}
	if !validNumber(p.text[start:i]) || i < len(p.text) && isWord(p.text[i]) {
		return p.fail(start, i, "not JSON: "+strconv.Quote(clip(p.text[start:i], 24))+" is not a number", "", "")
	}
	p.leaf(numberValue, start, i, false)
	p.at = i
	return true
}

func validNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// nameSet finds names that an object repeats. Objects have few names as a rule,
// hostile ones have millions.
type nameSet struct {
	few  [24]string
	n    int
	many map[string]bool
}

func (s *nameSet) add(name string) (repeated bool) {
	if s.many != nil {
		repeated = s.many[name]
		s.many[name] = true
		return repeated
	}
	for _, f := range s.few[:s.n] {
		if f == name {
			return true
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return false
	}
	s.many = make(map[string]bool, 2*len(s.few))
	for _, f := range s.few {
		s.many[f] = true
	}
	s.many[name] = true
	return false
}
