package record

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// flowRow is a row as AWS writes it to S3. [VPC flow-logs-s3.md]
type flowRow struct {
	Version     int32   `parquet:"version"`
	InterfaceID string  `parquet:"interface_id"`
	Src         *string `parquet:"srcaddr,optional"`
	Dst         *string `parquet:"dstaddr,optional"`
	SrcPort     *int32  `parquet:"srcport,optional"`
	DstPort     *int32  `parquet:"dstport,optional"`
	Protocol    *int64  `parquet:"protocol,optional"`
	Bytes       int64   `parquet:"bytes"`
	Action      string  `parquet:"action"`
	Status      string  `parquet:"log_status"`
	Flags       int32   `parquet:"tcp_flags"`
}

func text(s string) *string { return &s }

func number32(n int32) *int32 { return &n }

func number64(n int64) *int64 { return &n }

// parquetFile writes rows, in groups of at most so many.
func parquetFile(t testing.TB, rows []flowRow, group int64, o ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[flowRow](&b, append(o, parquet.MaxRowsPerRowGroup(group))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquet(t *testing.T) {
	row := flowRow{5, "eni-1", text("10.0.0.1"), text("10.0.0.2"), number32(40000), number32(443), number64(6), 99, "ACCEPT", "OK", 2}
	none := flowRow{Version: 5, InterfaceID: "eni-1", Action: "-", Status: "NODATA"}
	odd := row
	odd.Src = text("10.0.0.1 x\n")
	var rows []flowRow
	var want []string
	for range 700 {
		rows = append(rows, row, none, odd)
		want = append(want, "tcp 10.0.0.1:40000 > 10.0.0.2:443 at eni-1 row accepted flags 2", "no data", "! the source address is no IPv4 or IPv6 address")
	}
	for name, o := range map[string]parquet.WriterOption{"snappy": parquet.Compression(&parquet.Snappy), "zstd": parquet.Compression(&parquet.Zstd), "plain": parquet.Compression(&parquet.Uncompressed)} {
		file := parquetFile(t, rows, 1000, o)
		s, err := Open(bytes.NewReader(file), bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(want, describe(t, s)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		for _, f := range s.Layout.columns {
			if f == Ignored {
				t.Errorf("%s: reads columns that do not count", name)
			}
		}
	}
}

// A file that is cut or damaged anywhere is an error or other rows, and no
// crash.
func TestBrokenParquet(t *testing.T) {
	row := flowRow{5, "eni-1", text("10.0.0.1"), text("10.0.0.2"), number32(40000), number32(443), number64(6), 99, "ACCEPT", "OK", 2}
	file := parquetFile(t, []flowRow{row, row, row}, 2)
	refused := 0
	for at := range file {
		for _, damaged := range [][]byte{file[:at], flip(file, at)} {
			if len(damaged) < 4 || string(damaged[:4]) != "PAR1" {
				continue
			}
			s, err := Open(bytes.NewReader(damaged), bytes.NewReader(damaged), int64(len(damaged)))
			if err != nil {
				refused++
				continue
			}
			buf := make([]byte, ChunkSize)
			for k := 0; ; k++ {
				if _, _, err := s.Next(buf); err != nil {
					break
				}
				if k > 1000 {
					t.Fatalf("damage at %d: endless", at)
				}
			}
		}
	}
	if refused < len(file) {
		t.Errorf("only %d damaged files refused", refused)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x15
	return b
}
