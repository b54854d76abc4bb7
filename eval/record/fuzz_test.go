package record

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/postern-dev/postern/packet"
)

const (
	jsonSeed = `{"src":"10.0.0.1","dst":"10.0.0.2","protocol":"tcp","sport":40000,"dport":443}` + "\n" +
		`{"src":"2001:db8::1","dst":"2001:db8::2","protocol":58,"icmp_type":128,"x":[{"a":"\"}"}],"from":"a\u0041\n"}` + "\n"
	csvSeed  = "src,dst,protocol,sport,dport,from\r\n10.0.0.1,10.0.0.2,tcp,1,2,\"web \"\"a\"\", b\"\r\n"
	flowSeed = "version interface-id srcaddr dstaddr srcport dstport protocol action log-status flow-direction pkt-srcaddr pkt-dstaddr\n" +
		"5 eni-1 10.0.0.1 10.0.0.2 1 2 6 ACCEPT OK ingress 10.0.0.1 10.0.0.3\n5 eni-1 - - - - - - NODATA - - -\n"
	defaultSeed = "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
)

// check reads an input to its end and holds every record against what records
// promise.
func check(t *testing.T, in io.Reader, at io.ReaderAt, size int64) {
	s, err := Open(in, at, size)
	if err != nil {
		return
	}
	var r Record
	buf := make([]byte, ChunkSize)
	next := 1
	for {
		lines, first, err := s.Next(buf)
		if len(lines) > 0 && first != next {
			t.Fatalf("chunk begins at line %d, want %d", first, next)
		}
		for line := range bytes.SplitSeq(bytes.TrimSuffix(lines, newline), newline) {
			next++
			switch kind, fault := s.Layout.Parse(line, &r); kind {
			case Packet:
				if h := r.Header(); !h.Valid() || fault.What != NoFault {
					t.Fatalf("%q: %v, %v", line, h, fault)
				}
				if r.AnyType && r.Header().Kind() != packet.Typed {
					t.Fatalf("%q: any type of what has none", line)
				}
			case Faulty:
				if fault.What == NoFault {
					t.Fatalf("%q: faulty without a fault", line)
				}
			case Nothing, NoData, SkipData:
			case KindInvalid:
				t.Fatalf("%q: no kind", line)
			}
		}
		if err != nil {
			return
		}
	}
}

func fuzzText(f *testing.F, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, bytes.NewReader([]byte(text)), nil, 0) })
}

func FuzzJSONLines(f *testing.F) { fuzzText(f, jsonSeed, "{}", `{"src":1}`) }

func FuzzCSV(f *testing.F) { fuzzText(f, csvSeed, "src,dst,protocol\n\"") }

func FuzzFlowLog(f *testing.F) {
	fuzzText(f, flowSeed, defaultSeed, "2019-08-10T00:00:00.000Z "+defaultSeed)
}

func FuzzGzip(f *testing.F) {
	for _, seed := range []string{jsonSeed, flowSeed} {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, seed); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		f.Add(append(b.Bytes(), b.Bytes()...))
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, bytes.NewReader(b), nil, 0) })
}

// Gzip is unpacked, several members one after the other, and a file that is cut
// gives what it has and an error.
func TestGzip(t *testing.T) {
	var b bytes.Buffer
	for range 2 {
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, flowSeed); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(bytes.NewReader(b.Bytes()), nil, 0)
	if err != nil || !s.Compressed {
		t.Fatal(err, s)
	}
	if got := describe(t, s); len(got) != 6 || got[3] != "nothing" || got[4] != got[1] {
		t.Errorf("%q", got)
	}
	s, err = Open(bytes.NewReader(b.Bytes()[:b.Len()-9]), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	lines, _, err := s.Next(make([]byte, ChunkSize))
	if len(lines) == 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%q, %v", lines, err)
	}
}

// Chunks end where lines do, and a line that fits in none is one broken line.
func TestChunks(t *testing.T) {
	line := []byte(defaultSeed)
	var b bytes.Buffer
	for b.Len() < 3*ChunkSize {
		b.Write(line)
	}
	whole := bytes.Count(b.Bytes(), newline)
	b.Write(bytes.Repeat([]byte{'x'}, 2*ChunkSize+7))
	b.WriteByte('\n')
	b.Write(line[:len(line)-1])
	s, err := Open(bytes.NewReader(b.Bytes()), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := describe(t, s)
	if len(got) != whole+2 || got[whole] != "! it has not as many fields as the header" || got[whole+1] != got[0] || got[whole-1] != got[0] {
		t.Errorf("%d lines, want %d; the last are %q", len(got), whole+2, got[len(got)-3:])
	}
}
