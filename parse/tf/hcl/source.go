package hcl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/postern-dev/postern/diag"
)

// runeStride is the distance of the checkpoints that code points are counted
// from.
const runeStride = 1024

// source is the text of one file.
type source struct {
	path  string // in the file system
	shown string // what the user would type
	data  []byte
	lines []int // byte offset of each line
	// runes counts the code points before every runeStride-th byte; nil in a
	// file that is all ASCII.
	runes []int
}

func newSource(p, shown string, data []byte) *source {
	s := &source{path: p, shown: shown, data: data, lines: []int{0}}
	for i, b := range data {
		if b == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	if bytes.IndexFunc(data, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return s
	}
	n := 0
	for i, b := range data {
		if i%runeStride == 0 {
			s.runes = append(s.runes, n)
		}
		if b&0xC0 != 0x80 {
			n++
		}
	}
	return s
}

func (s *source) runesBefore(off int) int {
	if s.runes == nil {
		return off
	}
	if len(s.runes) == 0 {
		return 0
	}
	block := min(off/runeStride, len(s.runes)-1)
	n := s.runes[block]
	for _, b := range s.data[block*runeStride : off] {
		if b&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// pos is the place of a byte, with its column in code points; hcl's own column
// counts grapheme clusters.
func (s *source) pos(off int) diag.Pos {
	off = max(0, min(off, len(s.data)))
	line := sort.SearchInts(s.lines, off+1) - 1
	start := s.lines[line]
	if line == 0 && bytes.HasPrefix(s.data, []byte("\uFEFF")) {
		start = min(3, off)
	}
	return diag.Pos{Line: line + 1, Column: s.runesBefore(off) - s.runesBefore(start) + 1, Byte: off}
}

func (s *source) span(from, to int) diag.Range {
	return diag.Range{File: s.shown, Start: s.pos(from), End: s.pos(to)}
}

// Files holds parsed files, shared by all roots of a run: each module
// directory is parsed once. It is safe for concurrent use.
type Files struct {
	fsys   fs.FS
	name   func(string) string
	limits Limits

	mu      sync.Mutex
	sources map[string]*loaded[*source]
	dirs    map[string]*loaded[*directory]
	plates  map[string]*loaded[*template]
	trees   map[string]tree // parsed by a survey, not yet decoded; by path

	documents documents
}

// loaded is a thing that is made once, by whoever comes first.
type loaded[T any] struct {
	once sync.Once
	v    T
	err  error
}

// NewFiles reads from fsys, which is rooted at the boundary: nothing outside
// it is ever read. name maps a path in fsys to what the user would type.
func NewFiles(fsys fs.FS, name func(path string) string, limits Limits) *Files {
	return &Files{
		fsys: fsys, name: name, limits: limits.orDefault(),
		sources: map[string]*loaded[*source]{},
		dirs:    map[string]*loaded[*directory]{},
		plates:  map[string]*loaded[*template]{},
		trees:   map[string]tree{},
	}
}

// Sources returns the texts that were read, by shown name.
func (f *Files) Sources() map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]byte{}
	for _, l := range f.sources {
		if l.v != nil {
			out[l.v.shown] = l.v.data
		}
	}
	return out
}

func entry[T any](f *Files, m map[string]*loaded[T], key string) *loaded[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := m[key]
	if l == nil {
		l = &loaded[T]{}
		m[key] = l
	}
	return l
}

var (
	errOutside = errors.New("it lies outside the directories that postern may read")
	errTooBig  = errors.New("it is larger than postern reads")
)

// inside cleans a path and says whether it stays within the boundary.
func inside(p string) (string, bool) {
	if path.IsAbs(p) {
		return p, false
	}
	p = path.Clean(p)
	return p, fs.ValidPath(p)
}

// read reads a file once.
func (f *Files) read(p string) (*source, error) {
	p, ok := inside(p)
	if !ok {
		return nil, errOutside
	}
	l := entry(f, f.sources, p)
	l.once.Do(func() {
		data, err := f.readBytes(p)
		if err != nil {
			l.err = err
			return
		}
		s := newSource(p, f.name(p), data)
		f.mu.Lock()
		l.v = s
		f.mu.Unlock()
	})
	return l.v, l.err
}

func (f *Files) readBytes(p string) ([]byte, error) {
	// Opening a pipe waits for whoever writes to it, so this comes first.
	info, err := fs.Stat(f.fsys, p)
	if err != nil {
		return nil, plainError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := f.fsys.Open(p)
	if err != nil {
		return nil, plainError(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, f.limits.FileSize+1))
	if err != nil {
		return nil, plainError(err)
	}
	if int64(len(data)) > f.limits.FileSize {
		return nil, fmt.Errorf("%w: %d bytes at most", errTooBig, f.limits.FileSize)
	}
	return data, nil
}

// escapes is what an os.Root says of a link that leads out of it; the error has
// no name.
const escapes = "path escapes from parent"

// plainError takes the operation and path off an error: messages name the path
// as the user knows it.
func plainError(err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case errors.As(err, &pe) && pe.Err.Error() == escapes:
		return errOutside
	case errors.As(err, &pe):
		return pe.Err
	}
	return err
}

// place converts a range of hcl's. Ranges in texts that are not files (a -var
// flag) have no place.
func (f *Files) place(r hcl.Range) diag.Range {
	f.mu.Lock()
	l := f.sources[r.Filename]
	f.mu.Unlock()
	if l == nil || l.v == nil {
		return diag.Range{}
	}
	return l.v.span(r.Start.Byte, r.End.Byte)
}

// names lists the files of a directory in order of name.
func (f *Files) names(dir string) []string {
	dir, ok := inside(dir)
	if !ok {
		return nil
	}
	entries, err := fs.ReadDir(f.fsys, dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}
