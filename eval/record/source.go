package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

// ChunkSize is the size of a chunk, and the longest line, in bytes.
const ChunkSize = 256 << 10

// Source is an input, cut into chunks of whole lines.
type Source struct {
	Layout *Layout
	// Compressed: the input was unpacked on the way.
	Compressed bool
	in         io.Reader
	rest       []byte
	line       int
	done       bool
}

// FormatError says that an input is nothing that packets are read from.
type FormatError struct{ Message string }

func (e *FormatError) Error() string { return e.Message }

// Open finds out what an input is. at and size are those of a file, which
// Parquet needs; at is nil for a stream. Errors are *FormatError, and those of
// reading.
func Open(in io.Reader, at io.ReaderAt, size int64) (*Source, error) {
	s := &Source{line: 1}
	b := bufio.NewReaderSize(in, 64<<10)
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &FormatError{"the gzip header is broken"}
		}
		s.Compressed, at = true, nil
		b = bufio.NewReaderSize(z, 64<<10)
	}
	if magic, _ := b.Peek(4); string(magic) == "PAR1" {
		if at == nil {
			return nil, &FormatError{"Parquet is read from a file of its own, not from a stream or from inside gzip"}
		}
		p, err := openParquet(at, size)
		if err != nil {
			return nil, err
		}
		s.Layout, s.in = p.layout, p
		return s, nil
	}
	if bom, _ := b.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	head, err := b.Peek(64 << 10)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) { // else what there is comes first
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	s.in = b
	s.Layout, err = layoutOf(head)
	return s, err
}

// Next fills a buffer of ChunkSize with the next whole lines and returns them
// and the number of the first one, from 1. At the end it returns io.EOF; what
// was read before another error is returned with it.
func (s *Source) Next(buf []byte) (lines []byte, first int, err error) {
	first = s.line
	n := copy(buf, s.rest)
	s.rest = s.rest[:0]
	for !s.done && n < len(buf) {
		m, e := s.in.Read(buf[n:])
		n += m
		if e != nil {
			s.done = true
			if !errors.Is(e, io.EOF) {
				err = fmt.Errorf("cannot be read to the end: %w", e)
			}
		}
	}
	if n == 0 && err == nil {
		return nil, first, io.EOF
	}
	if s.done {
		s.line += bytes.Count(buf[:n], newline)
		return buf[:n], first, err
	}
	cut := bytes.LastIndexByte(buf[:n], '\n') + 1
	if cut == 0 {
		return s.tooLong(buf, first)
	}
	s.rest = append(s.rest, buf[cut:n]...)
	s.line += bytes.Count(buf[:cut], newline)
	return buf[:cut], first, nil
}

var newline = []byte{'\n'}

// tooLong passes a line that is longer than a chunk, and returns one that is
// broken in every format in its place.
func (s *Source) tooLong(buf []byte, first int) ([]byte, int, error) {
	for {
		n, err := s.in.Read(buf)
		if cut := bytes.IndexByte(buf[:n], '\n'); cut >= 0 {
			s.rest = append(s.rest, buf[cut+1:n]...)
			break
		}
		if err != nil {
			s.done = true
			break
		}
	}
	s.line++
	buf[0] = 0
	return buf[:1], first, nil
}

// defaultFields is the default format of flow logs, which CloudWatch Logs
// delivers without a header. [VPC flow-log-records.md, version 2]
const defaultFields = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// layoutOf finds the layout from the beginning of an input.
func layoutOf(head []byte) (*Layout, error) {
	line := head
	for len(line) > 0 && line[0] <= ' ' {
		line = line[1:]
	}
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	line = bytes.TrimRight(line, "\r")
	switch {
	case len(line) == 0:
		return nil, &FormatError{"there is nothing in it"}
	case line[0] == '{':
		return &Layout{Format: JSONLines, Name: "JSON Lines"}, nil
	case line[0] == '[':
		return nil, &FormatError{"a JSON list: write one object a line (jq -c '.[]')"}
	case bytes.IndexByte(line, ',') >= 0:
		return csvLayout(line)
	}
	return flowLayout(line)
}

const wanted = "expected JSON Lines, CSV with a header line, or a VPC flow log"

func csvLayout(line []byte) (*Layout, error) {
	l := &Layout{Format: CSV, Name: "CSV", header: bytes.Clone(line)}
	var r Record
	for rest, more := line, true; more; {
		var name []byte
		var ok bool
		if name, rest, more, ok = cell(rest, &r); !ok {
			return nil, &FormatError{"the header line has a quote that does not end"}
		}
		l.column(name)
	}
	return l, l.check()
}

// column adds a column by its name.
func (l *Layout) column(name []byte) {
	f, flow := fieldOf(bytes.ToLower(name))
	l.columns = append(l.columns, f)
	l.flow = l.flow || flow
	if f != Ignored {
		l.last = len(l.columns)
	}
}

// check refuses columns that make no packet.
func (l *Layout) check() error {
	seen := map[Field]bool{}
	for _, f := range l.columns {
		if f != Ignored && seen[f] {
			return &FormatError{fmt.Sprintf("two columns hold the %s", f)}
		}
		seen[f] = true
	}
	own := seen[PacketSrc] && seen[PacketDst]
	for _, f := range []Field{Src, Dst, Protocol} {
		if !seen[f] && (f == Protocol || !own) {
			return &FormatError{fmt.Sprintf("no column holds the %s: %s", f, wanted)}
		}
	}
	return nil
}

// flowLayout reads the header of a flow log, or takes a first row of the
// default format for what it is.
func flowLayout(line []byte) (*Layout, error) {
	l := &Layout{Format: FlowLog, Name: "VPC flow log", flow: true}
	fields := bytes.Fields(line)
	if len(fields) > 1 && stamp(fields[0]) {
		fields, l.stamped = fields[1:], true
	}
	header := fields
	if len(fields) == 14 && string(fields[0]) == "2" {
		header = bytes.Fields([]byte(defaultFields))
	} else {
		l.header = bytes.Clone(line)
	}
	for _, f := range header {
		l.column(f)
	}
	if l.check() != nil {
		return nil, &FormatError{"neither a header nor a row of the default format: " + wanted}
	}
	return l, nil
}

// stamp reports whether a word is a time as CloudWatch Logs writes it.
func stamp(word []byte) bool {
	_, err := time.Parse(time.RFC3339, string(word))
	return err == nil
}
