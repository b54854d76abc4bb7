package record

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Format is how lines are written.
type Format uint8

// The formats.
const (
	FormatInvalid Format = iota
	JSONLines
	CSV
	FlowLog // fields between spaces
)

// Layout is what the lines of an input look like. It is not changed by
// parsing, and may be used by several goroutines.
type Layout struct {
	Format Format
	// Name says what it is: "JSON Lines", "CSV", "VPC flow log".
	Name    string
	columns []Field // of CSV and flow logs
	last    int     // one past the last column that counts
	flow    bool    // the names are those of a flow log
	header  []byte  // the header line; repeated ones are skipped
	// stamped: CloudWatch Logs has put the time of each event in front.
	stamped bool
}

// Parse reads one line, without its line end. The record's names stay valid
// until the next call with the same record, or until the line changes.
func (l *Layout) Parse(line []byte, r *Record) (Kind, Fault) {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) == 0 {
		return Nothing, Fault{}
	}
	r.reset()
	r.Flow = l.flow
	var status []byte
	var f Fault
	switch l.Format {
	case JSONLines:
		if len(bytes.TrimSpace(line)) == 0 {
			return Nothing, Fault{}
		}
		status, f = l.parseJSON(line, r)
	case CSV:
		if line[0] == l.header[0] && bytes.Equal(line, l.header) {
			return Nothing, Fault{}
		}
		status, f = l.parseCSV(line, r)
	case FlowLog, FormatInvalid:
		if len(l.header) > 0 && line[0] == l.header[0] && bytes.Equal(line, l.header) {
			return Nothing, Fault{}
		}
		status, f = l.parseFlowLog(line, r)
	}
	switch {
	case f.What == Columns, f.What == NotJSON, f.What == NotQuoted:
		return Faulty, f
	case len(status) == 0 || string(status) == "OK" || len(status) == 1 && status[0] == '-':
	case string(status) == "NODATA":
		return NoData, Fault{}
	case string(status) == "SKIPDATA":
		return SkipData, Fault{}
	default:
		return Faulty, Fault{Status, NotStatus}
	}
	if f.What == NoFault {
		f = r.finish()
	}
	if f.What != NoFault {
		return Faulty, f
	}
	return Packet, Fault{}
}

// parseFlowLog reads fields between single spaces.
func (l *Layout) parseFlowLog(line []byte, r *Record) (status []byte, first Fault) {
	if l.stamped {
		_, rest, ok := bytes.Cut(line, space)
		if !ok {
			return nil, Fault{Ignored, Columns}
		}
		line = rest
	}
	rest := line
	for k, f := range l.columns[:l.last] {
		end := 0
		for end < len(rest) && rest[end] != ' ' {
			end++
		}
		if end == 0 {
			return nil, Fault{Ignored, Columns}
		}
		text := rest[:end]
		if end < len(rest) {
			rest = rest[end+1:]
		} else if rest = nil; k+1 < len(l.columns) {
			return nil, Fault{Ignored, Columns}
		}
		if f == Status {
			status = text
		} else if fault := r.set(f, text); fault.What != NoFault && first.What == NoFault {
			first = fault
		}
	}
	if left := len(l.columns) - l.last; left == 0 && rest != nil || left > 0 && bytes.Count(rest, space) != left-1 {
		return nil, Fault{Ignored, Columns}
	}
	return status, first
}

var space = []byte{' '}

// parseCSV reads fields between commas, quoted or not. [RFC 4180]
func (l *Layout) parseCSV(line []byte, r *Record) (status []byte, first Fault) {
	rest, more := line, true
	for _, f := range l.columns {
		if !more {
			return nil, Fault{Ignored, Columns}
		}
		var text []byte
		var ok bool
		if text, rest, more, ok = cell(rest, r); !ok {
			return nil, Fault{Ignored, NotQuoted}
		}
		if f == Status {
			status = text
		} else if fault := r.set(f, text); fault.What != NoFault && first.What == NoFault {
			first = fault
		}
	}
	if more {
		return nil, Fault{Ignored, Columns}
	}
	return status, first
}

// cell takes the next field off a line of CSV.
func cell(line []byte, r *Record) (text, rest []byte, more, ok bool) {
	if len(line) == 0 || line[0] != '"' {
		end := bytes.IndexByte(line, ',')
		if end < 0 {
			return bytes.TrimSpace(line), nil, false, true
		}
		return bytes.TrimSpace(line[:end]), line[end+1:], true, true
	}
	start := len(r.scratch)
	for k := 1; k < len(line); k++ {
		switch {
		case line[k] != '"':
			r.scratch = append(r.scratch, line[k])
		case k+1 < len(line) && line[k+1] == '"':
			r.scratch = append(r.scratch, '"')
			k++
		case k+1 == len(line):
			return r.scratch[start:], nil, false, true
		case line[k+1] == ',':
			return r.scratch[start:], line[k+2:], true, true
		default:
			return nil, nil, false, false
		}
	}
	return nil, nil, false, false
}

// parseJSON reads one object. Keys that mean nothing here are skipped with
// whatever they hold.
func (l *Layout) parseJSON(line []byte, r *Record) (status []byte, first Fault) {
	p := jsonText{b: line}
	broken := Fault{Ignored, NotJSON}
	if !p.take('{') {
		return nil, broken
	}
	if p.take('}') {
		return nil, p.atEnd(broken)
	}
	for {
		key, ok := p.str(r)
		if !ok || !p.take(':') {
			return nil, broken
		}
		f, flow := fieldOf(key)
		text, ok := p.value(r)
		if !ok {
			return nil, broken
		}
		r.Flow = r.Flow || flow
		if f == Status {
			status = text
		} else if fault := r.set(f, text); fault.What != NoFault && first.What == NoFault {
			first = fault
		}
		switch {
		case p.take(','):
		case p.take('}'):
			if fault := p.atEnd(broken); fault.What != NoFault {
				return nil, fault
			}
			return status, first
		default:
			return nil, broken
		}
	}
}

// jsonText is what is left of a line of JSON.
type jsonText struct{ b []byte }

// take takes one character, after white space.
func (p *jsonText) take(c byte) bool {
	for len(p.b) > 0 && (p.b[0] == ' ' || p.b[0] == '\t' || p.b[0] == '\r') {
		p.b = p.b[1:]
	}
	if len(p.b) == 0 || p.b[0] != c {
		return false
	}
	p.b = p.b[1:]
	return true
}

func (p *jsonText) atEnd(broken Fault) Fault {
	if len(bytes.TrimSpace(p.b)) > 0 {
		return broken
	}
	return Fault{}
}

// str takes a string. One with escapes is written out in the record's scratch.
func (p *jsonText) str(r *Record) ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	for k, c := range p.b {
		switch {
		case c == '"':
			s := p.b[:k]
			p.b = p.b[k+1:]
			return s, true
		case c == '\\':
			return p.escaped(r)
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func (p *jsonText) escaped(r *Record) ([]byte, bool) {
	start := len(r.scratch)
	for len(p.b) > 0 {
		c := p.b[0]
		p.b = p.b[1:]
		switch {
		case c == '"':
			return r.scratch[start:], true
		case c < ' ':
			return nil, false
		case c != '\\':
			r.scratch = append(r.scratch, c)
			continue
		}
		if len(p.b) == 0 {
			return nil, false
		}
		e := p.b[0]
		p.b = p.b[1:]
		switch e {
		case '"', '\\', '/':
			r.scratch = append(r.scratch, e)
		case 'b', 'f', 'n', 'r', 't':
			r.scratch = append(r.scratch, ' ') // no name has a control character
		case 'u':
			if len(p.b) < 4 {
				return nil, false
			}
			n, err := strconv.ParseUint(string(p.b[:4]), 16, 16)
			if err != nil {
				return nil, false
			}
			r.scratch, p.b = utf8.AppendRune(r.scratch, rune(n)), p.b[4:]
		default:
			return nil, false
		}
	}
	return nil, false
}

// value takes any value and returns the text of a string or a number; null,
// false, true, lists and objects have none.
func (p *jsonText) value(r *Record) ([]byte, bool) {
	p.blank()
	if len(p.b) == 0 {
		return nil, false
	}
	switch p.b[0] {
	case '"':
		return p.str(r)
	case '{', '[':
		return nil, p.skip()
	}
	end := 0
	for end < len(p.b) && p.b[end] != ',' && p.b[end] != '}' && p.b[end] != ']' && p.b[end] > ' ' {
		end++
	}
	text := p.b[:end]
	p.b = p.b[end:]
	switch string(text) {
	case "null", "true", "false":
		return nil, true
	}
	return text, end > 0 && (text[0] == '-' && end > 1 || '0' <= text[0] && text[0] <= '9')
}

func (p *jsonText) blank() {
	for len(p.b) > 0 && p.b[0] <= ' ' {
		p.b = p.b[1:]
	}
}

// skip passes a list or an object.
func (p *jsonText) skip() bool {
	depth := 0
	for k := 0; k < len(p.b); k++ {
		switch p.b[k] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				p.b = p.b[k+1:]
				return true
			}
		case '"':
			for k++; k < len(p.b) && p.b[k] != '"'; k++ {
				if p.b[k] == '\\' {
					k++
				}
			}
		}
	}
	return false
}
