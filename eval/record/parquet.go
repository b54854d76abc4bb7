package record

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// parquetReader writes the rows of a Parquet file as lines of a flow log,
// reading the columns that count and no others.
type parquetReader struct {
	file   *parquet.File
	layout *Layout
	leaves []int // by column of the layout, the file's column
	group  int   // the next row group
	left   int64 // rows of the current one
	pages  []*column
	out    []byte
	at     int
}

// column is one column of a row group, read value by value.
type column struct {
	pages  parquet.Pages
	values parquet.ValueReader
	buf    [256]parquet.Value
	have   int
	next   int
}

var errParquet = errors.New("the Parquet file is broken")

// openParquet reads the footer of a file.
func openParquet(at io.ReaderAt, size int64) (p *parquetReader, err error) {
	defer broken(&err)
	f, err := parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, &FormatError{"a Parquet file that is broken"}
	}
	p = &parquetReader{file: f, layout: &Layout{Format: FlowLog, Name: "VPC flow log in Parquet", flow: true}}
	for _, c := range f.Root().Columns() {
		if !c.Leaf() || c.Repeated() {
			continue
		}
		if field, _ := fieldOf([]byte(c.Name())); field != Ignored {
			p.layout.column([]byte(c.Name()))
			p.leaves = append(p.leaves, c.Index())
		}
	}
	return p, p.layout.check()
}

// broken turns a panic of the library, which does not expect hostile files,
// into an error.
func broken(err *error) {
	if r := recover(); r != nil {
		*err = errParquet
	}
}

// Read writes lines.
func (p *parquetReader) Read(b []byte) (n int, err error) {
	defer broken(&err)
	for p.at == len(p.out) {
		p.out, p.at = p.out[:0], 0
		if p.left == 0 {
			if p.group == len(p.file.RowGroups()) {
				return 0, io.EOF
			}
			p.open(p.file.RowGroups()[p.group])
			p.group++
			continue
		}
		if err := p.rows(min(p.left, 512)); err != nil {
			return 0, err
		}
	}
	n = copy(b, p.out[p.at:])
	p.at += n
	return n, nil
}

func (p *parquetReader) open(g parquet.RowGroup) {
	p.left, p.pages = g.NumRows(), p.pages[:0]
	chunks := g.ColumnChunks()
	for _, leaf := range p.leaves {
		p.pages = append(p.pages, &column{pages: chunks[leaf].Pages()})
	}
}

// rows writes the next rows, a line each.
func (p *parquetReader) rows(count int64) error {
	for range count {
		for k, c := range p.pages {
			v, err := c.value()
			if err != nil {
				return err
			}
			if k > 0 {
				p.out = append(p.out, ' ')
			}
			p.out = appendValue(p.out, v)
		}
		p.out = append(p.out, '\n')
	}
	if p.left -= count; p.left > 0 {
		return nil
	}
	for _, c := range p.pages {
		if err := c.pages.Close(); err != nil {
			return fmt.Errorf("%w: %w", errParquet, err)
		}
	}
	return nil
}

// value returns the column's next value.
func (c *column) value() (parquet.Value, error) {
	for c.next == c.have {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return parquet.Value{}, errParquet // a row group has as many values as rows
			}
			c.values = page.Values()
		}
		n, err := c.values.ReadValues(c.buf[:])
		c.have, c.next = n, 0
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return parquet.Value{}, fmt.Errorf("%w: %w", errParquet, err)
		case err != nil, n == 0:
			c.values = nil
		}
	}
	v := c.buf[c.next]
	c.next++
	return v, nil
}

// appendValue writes a value as a flow log would. What would break the line
// makes it faulty.
func appendValue(b []byte, v parquet.Value) []byte {
	switch {
	case v.IsNull():
		return append(b, '-')
	case v.Kind() == parquet.Int32:
		return strconv.AppendInt(b, int64(v.Int32()), 10)
	case v.Kind() == parquet.Int64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case v.Kind() == parquet.ByteArray, v.Kind() == parquet.FixedLenByteArray:
		text := v.ByteArray()
		if len(text) == 0 {
			return append(b, '-')
		}
		for _, c := range text {
			if c <= ' ' {
				c = '?'
			}
			b = append(b, c)
		}
		return b
	}
	return append(b, '?')
}
