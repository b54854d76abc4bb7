package awsapi

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/postern-dev/postern/diag"
)

// value is a JSON value in its document. The zero value is an absent one.
type value struct {
	d *document
	i uint32
}

// root returns the values of a document, in order.
func (d *document) values() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, i := range d.roots {
			if !yield(value{d, i}) {
				return
			}
		}
	}
}

func (v value) kind() valueKind {
	if v.d == nil {
		return absentValue
	}
	return v.d.nodes[v.i].kind
}

// ok reports whether the value is there and not null: AWS and the collectors
// write null for what other tools leave out.
func (v value) ok() bool { return v.kind() > nullValue }

func (v value) isObject() bool { return v.kind() == objectValue }
func (v value) isArray() bool  { return v.kind() == arrayValue }

// place is where the value stands; a string's leaves out the quotes.
func (v value) place() diag.Range {
	if v.d == nil {
		return diag.Range{}
	}
	n := v.d.nodes[v.i]
	if n.kind == stringValue {
		return v.d.span(int(n.start)+1, int(n.end)-1)
	}
	return v.d.span(int(n.start), int(n.end))
}

// text is the value as it is written, for messages.
func (v value) text() string {
	if v.d == nil {
		return "nothing"
	}
	n := v.d.nodes[v.i]
	if n.kind == stringValue {
		return clip(v.str(), 80)
	}
	return clip(v.d.text[n.start:n.end], 80)
}

// str is the text of a string or number, "" for anything else.
func (v value) str() string {
	switch v.kind() {
	case stringValue:
		return v.d.intern(v.d.string(v.i))
	case numberValue:
		n := v.d.nodes[v.i]
		return v.d.intern(v.d.text[n.start:n.end])
	}
	return ""
}

// peek is str without a copy: for comparing, not for keeping.
func (v value) peek() string {
	if v.kind() == stringValue {
		return v.d.string(v.i)
	}
	return ""
}

// bool reads a boolean, or one that a tool wrote as a string.
func (v value) bool() (b, ok bool) {
	switch v.kind() {
	case boolValue:
		return v.d.text[v.d.nodes[v.i].start] == 't', true
	case stringValue:
		b, err := strconv.ParseBool(strings.ToLower(v.peek()))
		return b, err == nil
	}
	return false, false
}

// yes is true for a value that is there and true.
func (v value) yes() bool { b, _ := v.bool(); return b }

// int reads a whole number, written as 22, 22.0 or "22".
func (v value) int() (int, bool) {
	s := ""
	switch v.kind() {
	case numberValue:
		n := v.d.nodes[v.i]
		s = v.d.text[n.start:n.end]
	case stringValue:
		s = strings.TrimSpace(v.peek())
	default:
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return int(n), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != float64(int32(f)) {
		return 0, false
	}
	return int(int32(f)), true
}

// items are the elements of an array, and nothing for anything else.
func (v value) items() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.isArray() {
			return
		}
		end := v.d.nodes[v.i].next
		for i := v.i + 1; i < end; i = v.d.nodes[i].next {
			if !yield(value{v.d, i}) {
				return
			}
		}
	}
}

// len is the number of elements of an array.
func (v value) len() int {
	n := 0
	for range v.items() {
		n++
	}
	return n
}

// members are the names and values of an object, repeated names included.
func (v value) members() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		if !v.isObject() {
			return
		}
		end := v.d.nodes[v.i].next
		for i := v.i + 1; i < end; i = v.d.nodes[i+1].next {
			if !yield(v.d.string(i), value{v.d, i + 1}) {
				return
			}
		}
	}
}

// get returns a member by its CLI name. AWS Config writes the same names in its
// own case (groupId, dNSName) and collectors in snake case, so case and
// underscores do not count. A repeated name: the last one; null: absent.
func (v value) get(name string) value {
	if !v.isObject() {
		return value{}
	}
	var found value
	end := v.d.nodes[v.i].next
	for i := v.i + 1; i < end; i = v.d.nodes[i+1].next {
		if sameName(v.d.string(i), name) && v.d.nodes[i+1].kind != nullValue {
			found = value{v.d, i + 1}
			if len(v.d.dups) == 0 {
				return found
			}
		}
	}
	return found
}

// first returns the first of several members that is there.
func (v value) first(names ...string) value {
	for _, n := range names {
		if f := v.get(n); f.ok() {
			return f
		}
	}
	return value{}
}

// at follows a path of member names.
func (v value) at(path ...string) value {
	for _, name := range path {
		v = v.get(name)
	}
	return v
}

// sameName compares names without case and underscores.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) != len(b) && strings.IndexByte(a, '_') < 0 && strings.IndexByte(b, '_') < 0 {
		return false
	}
	i, j := 0, 0
	for {
		for i < len(a) && a[i] == '_' {
			i++
		}
		for j < len(b) && b[j] == '_' {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// foldName is the form of a name that tables are keyed by.
func foldName(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// string decodes a string node; the result may share the file's memory.
func (d *document) string(i uint32) string {
	n := d.nodes[i]
	raw := d.text[n.start+1 : n.end-1]
	if !n.escaped {
		return raw
	}
	var b strings.Builder
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\\' && raw[i+1] == 'u':
			r := hexRune(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if escapeLength(raw[i:]) == 6 {
					pair = utf16.DecodeRune(r, hexRune(raw[i+2:]))
				}
				if pair != utf8.RuneError {
					i += 6
				}
				r = pair
			}
			b.WriteRune(r)
		case c == '\\':
			b.WriteByte(unescape(raw[i+1]))
			i += 2
		default:
			r, n := utf8.DecodeRuneInString(raw[i:])
			b.WriteRune(r)
			i += n
		}
	}
	return b.String()
}

func hexRune(s string) rune {
	n, err := strconv.ParseUint(s[:4], 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// intern copies a string out of the file once, so that the model neither holds
// the file in memory nor one copy of an id for each use.
func (d *document) intern(s string) string {
	if len(s) > 256 {
		return strings.Clone(s)
	}
	if k, ok := d.names[s]; ok {
		return k
	}
	k := strings.Clone(s)
	d.names[k] = k
	return k
}

// clip shortens a text for a message, at a character's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
