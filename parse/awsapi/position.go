package awsapi

import (
	"sort"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// places turns byte offsets into lines and columns.
//
// A column counts code points. An export may be one line of 50 MB, so columns
// are not counted from the start of the line: every 1024 bytes the table keeps
// how many bytes before continue a code point rather than start one.
type places struct {
	file  string
	text  string
	bom   int      // bytes of a byte order mark: before line 1, column 1
	lines []uint32 // where each line starts
	more  []uint32 // continuation bytes before each block; nil: the text is ASCII
	last  int      // the line found last: most questions are about the same one
	// fixed is the place of everything in a document that came out of a string
	// of another one.
	fixed *diag.Range
}

const blockBits = 10

const byteOrderMark = "\uFEFF"

func newPlaces(file, text string) places {
	p := places{file: file, text: text}
	if strings.HasPrefix(text, byteOrderMark) {
		p.bom = len(byteOrderMark)
	}
	p.lines = make([]uint32, 1, len(text)/40+1)
	p.lines[0] = uint32(p.bom)
	for at := 0; ; {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
		p.lines = append(p.lines, uint32(at))
	}
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			p.countMore()
			break
		}
	}
	return p
}

func (p *places) countMore() {
	p.more = make([]uint32, len(p.text)>>blockBits+1)
	n := uint32(0)
	for i := 0; i < len(p.text); i++ {
		if i&(1<<blockBits-1) == 0 {
			p.more[i>>blockBits] = n
		}
		if continues(p.text[i]) {
			n++
		}
	}
	if len(p.text)&(1<<blockBits-1) == 0 {
		p.more[len(p.text)>>blockBits] = n
	}
}

func continues(c byte) bool { return c&0xC0 == 0x80 }

// moreBefore counts the bytes before an offset that continue a code point.
func (p *places) moreBefore(at int) int {
	n := int(p.more[at>>blockBits])
	for _, c := range []byte(p.text[at&^(1<<blockBits-1) : at]) {
		if continues(c) {
			n++
		}
	}
	return n
}

// pos returns the place of a byte.
func (p *places) pos(at int) diag.Pos {
	at = max(p.bom, min(at, len(p.text)))
	line := p.last
	if !p.inLine(line, at) {
		line = sort.Search(len(p.lines), func(i int) bool { return int(p.lines[i]) > at }) - 1
		p.last = line
	}
	start := int(p.lines[line])
	column := at - start + 1
	if p.more != nil {
		column -= p.moreBefore(at) - p.moreBefore(start)
	}
	return diag.Pos{Line: line + 1, Column: column, Byte: at}
}

func (p *places) inLine(line, at int) bool {
	return int(p.lines[line]) <= at && (line+1 == len(p.lines) || at < int(p.lines[line+1]))
}

// span returns the place of the bytes from start to end.
func (p *places) span(start, end int) diag.Range {
	if p.fixed != nil {
		return *p.fixed
	}
	return diag.Range{File: p.file, Start: p.pos(start), End: p.pos(end)}
}
