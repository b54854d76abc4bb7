package plan

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postern-dev/postern/diag"
)

// kind is the type of a JSON value.
type kind uint8

const (
	kindInvalid kind = iota
	kindNull
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
	kindTooDeep // nested beyond maxDepth, and not read
)

// maxDepth bounds how deep values are read: no provider nests its blocks a
// tenth of it.
const maxDepth = 128

// node is a JSON value and where it stands. A nil node is an absent value: all
// its methods work and find nothing.
type node struct {
	kind       kind
	start, end int    // bytes of the document
	text       string // of a string, or a number as it is written
	truth      bool
	keys       []string // of an object, in order; a repeated key counts once, with its last value
	items      []*node  // of an array, or the values of keys
	index      map[string]int
}

// indexed is the size from which objects get an index.
const indexed = 12

// get returns a member of an object.
func (n *node) get(key string) *node {
	if n == nil || n.kind != kindObject {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return n.items[i]
		}
		return nil
	}
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.items[i]
	}
	return nil
}

// at follows a path of keys.
func (n *node) at(keys ...string) *node {
	for _, k := range keys {
		n = n.get(k)
	}
	return n
}

// has reports whether an object has a member, null or not.
func (n *node) has(key string) bool { return n.get(key) != nil }

// list returns the elements of an array.
func (n *node) list() []*node {
	if n == nil || n.kind != kindArray {
		return nil
	}
	return n.items
}

// elem returns an element of an array.
func (n *node) elem(i int) *node {
	if l := n.list(); i < len(l) {
		return l[i]
	}
	return nil
}

// members returns the keys of an object.
func (n *node) members() []string {
	if n == nil || n.kind != kindObject {
		return nil
	}
	return n.keys
}

// str returns the text of a string, "" for everything else.
func (n *node) str() string {
	if n == nil || n.kind != kindString {
		return ""
	}
	return n.text
}

// isTrue reports whether the value is the literal true.
func (n *node) isTrue() bool { return n != nil && n.kind == kindBool && n.truth }

// isNull reports whether the value is absent or null.
func (n *node) isNull() bool { return n == nil || n.kind == kindNull }

// is reports whether the value is there and of a kind.
func (n *node) is(k kind) bool { return n != nil && n.kind == k }

// holdsTrue reports whether a literal true stands anywhere in the value.
func (n *node) holdsTrue() bool {
	return n.isTrue() || n != nil && slices.ContainsFunc(n.items, (*node).holdsTrue)
}

// SyntaxError is the answer to what is no JSON document.
type SyntaxError struct {
	Offset  int // bytes of the document before the place
	Message string
}

func (e *SyntaxError) Error() string { return e.Message }

// parseJSON reads a document.
func parseJSON(data []byte) (*node, error) {
	if !json.Valid(data) {
		return nil, syntaxError(data)
	}
	r := reader{data: data}
	return r.value(0), nil
}

// syntaxError says where a document stops being JSON.
func syntaxError(data []byte) *SyntaxError {
	var raw json.RawMessage
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(data, &raw); {
	case !errors.As(err, &syntax):
		return &SyntaxError{0, "it is not JSON"}
	case strings.Contains(syntax.Error(), "max depth"):
		return &SyntaxError{int(syntax.Offset) - 1, "it nests deeper than any plan"}
	case int(syntax.Offset) >= len(data):
		return &SyntaxError{len(data), "the file ends in the middle"}
	}
	return &SyntaxError{max(0, int(syntax.Offset)-1), syntax.Error()}
}

// reader reads a document that is known to be valid.
type reader struct {
	data []byte
	pos  int
}

func (r *reader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.pos++
		default:
			return
		}
	}
}

func (r *reader) value(depth int) *node {
	r.space()
	n := &node{start: r.pos}
	switch c := r.data[r.pos]; c {
	case '{', '[':
		if depth >= maxDepth {
			r.skip()
			n.kind = kindTooDeep
			break
		}
		r.composite(n, c == '{', depth)
	case '"':
		n.kind, n.text = kindString, r.text()
	case 't', 'f':
		n.kind, n.truth = kindBool, c == 't'
		r.word()
	case 'n':
		n.kind = kindNull
		r.word()
	default:
		n.kind = kindNumber
		r.word()
		n.text = string(r.data[n.start:r.pos])
	}
	n.end = r.pos
	return n
}

func (r *reader) composite(n *node, object bool, depth int) {
	n.kind = kindArray
	closing := byte(']')
	if object {
		n.kind, closing = kindObject, '}'
	}
	for r.pos++; ; {
		r.space()
		if r.data[r.pos] == closing {
			r.pos++
			return
		}
		if !object {
			n.items = append(n.items, r.value(depth+1))
			continue
		}
		key := r.text()
		n.set(key, r.value(depth+1))
	}
}

// set adds a member.
func (n *node) set(key string, v *node) {
	switch {
	case n.index != nil:
		if i, ok := n.index[key]; ok {
			n.items[i] = v
			return
		}
		n.index[key] = len(n.keys)
	default:
		if i := slices.Index(n.keys, key); i >= 0 {
			n.items[i] = v
			return
		}
	}
	n.keys, n.items = append(n.keys, key), append(n.items, v)
	if n.index == nil && len(n.keys) > indexed {
		n.index = make(map[string]int, 2*len(n.keys))
		for i, k := range n.keys {
			n.index[k] = i
		}
	}
}

func (r *reader) text() string {
	start, plain := r.pos, true
	for r.pos++; r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			plain = false
			r.pos++
		}
	}
	r.pos++
	if raw := r.data[start+1 : r.pos-1]; plain && utf8.Valid(raw) {
		return string(raw)
	}
	var s string
	if json.Unmarshal(r.data[start:r.pos], &s) != nil {
		return ""
	}
	return s
}

// word passes over a literal or a number.
func (r *reader) word() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\r', '\n', ',', ':', ']', '}':
			return
		}
		r.pos++
	}
}

// skip passes over an object or array.
func (r *reader) skip() {
	for depth := 0; ; {
		switch r.data[r.pos] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			r.text()
			continue
		}
		r.pos++
		if depth == 0 {
			return
		}
	}
}

// stride is how far apart the counted places of a document are. Plans are
// often one long line, in which columns must not be counted from the start.
const stride = 2048

// places turns bytes of a document into places.
type places struct {
	file  string
	data  []byte
	lines []int // where each line starts
	runes []int // code points before byte i*stride
}

func newPlaces(file string, data []byte) *places {
	p := &places{file: file, data: data, lines: []int{0}}
	n := 0
	for i, c := range data {
		if i%stride == 0 {
			p.runes = append(p.runes, n)
		}
		if utf8.RuneStart(c) {
			n++
		}
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

func (p *places) pos(at int) diag.Pos {
	line, exact := slices.BinarySearch(p.lines, at)
	if !exact {
		line--
	}
	return diag.Pos{Line: line + 1, Column: p.before(at) - p.before(p.lines[line]) + 1, Byte: at}
}

// before counts the code points before a byte.
func (p *places) before(at int) int {
	block := min(at/stride, len(p.runes)-1)
	if block < 0 {
		return 0
	}
	n := p.runes[block]
	for _, c := range p.data[block*stride : min(at, len(p.data))] {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// of is the place of a value; that of an absent one is the file.
func (p *places) of(n *node) diag.Range {
	if n == nil {
		return diag.Range{File: p.file}
	}
	return diag.Range{File: p.file, Start: p.pos(n.start), End: p.pos(n.end)}
}
