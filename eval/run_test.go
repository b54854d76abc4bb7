package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/reach/trace"
)

func runText(t *testing.T, j *Judge, in string, workers int) (lines string, s *Summary) {
	t.Helper()
	source, err := record.Open(strings.NewReader(in), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s, err = j.Run(t.Context(), Task{Source: source, Out: &out, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), s
}

// However the work is divided, the output is the same, in the order of the
// input, to the last byte.
func TestOrder(t *testing.T) {
	n := shop()
	text := string(flagsLog(t, rows(n, 12_000))) + "nonsense\n" + strings.Repeat("5 1 eni-1 - - - - - - - 1 1 - NODATA - -\n", 3)
	text = strings.Replace(text, " ACCEPT ", " REJECT ", 40)
	text = strings.Replace(text, " ACCEPT ", " DROPPED ", 15)
	var lines, summary string
	for _, workers := range []int{1, 2, 7} {
		for range 3 {
			out, s := runText(t, NewJudge(n, Options{}), text, workers)
			said := s.Text(20) + string(s.JSON(20))
			if lines == "" {
				lines, summary = out, said
			}
			if out != lines {
				t.Fatalf("%d workers: other lines\n%s", workers, cmp.Diff(strings.Split(lines, "\n"), strings.Split(out, "\n")))
			}
			if diff := cmp.Diff(summary, said); diff != "" {
				t.Fatalf("%d workers: another summary\n%s", workers, diff)
			}
			if s.Of(record.Packet) != 12_000-15 || s.Of(record.NoData) != 3 || s.Of(record.Faulty) != 16 || len(s.Faults) != 10 || s.Lines != 12_005 {
				t.Fatalf("%d packets, %d without data, %d faulty, %d told, of %d", s.Of(record.Packet), s.Of(record.NoData), s.Of(record.Faulty), len(s.Faults), s.Lines)
			}
		}
	}
	number := 1 // the header is line 1
	for line := range strings.Lines(lines) {
		number++
		if !strings.HasPrefix(line, fmt.Sprintf(`{"line":%d,`, number)) {
			t.Fatalf("line %d is %s", number, line)
		}
	}
	if !strings.Contains(summary, "Would now pass") || !strings.Contains(summary, "the action is neither ACCEPT nor REJECT") {
		t.Error(summary)
	}
}

// failing fails after some bytes.
type failing struct{ left int }

var errDisk = errors.New("disk full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

type cut struct{ io.Reader }

func (c cut) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

// What goes wrong outside ends a run, and is told.
func TestFailures(t *testing.T) {
	n := shop()
	text := flagsLog(t, rows(n, 50_000))
	open := func(in io.Reader) *record.Source {
		s, err := record.Open(in, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := NewJudge(n, Options{}).Run(t.Context(), Task{Source: open(bytes.NewReader(text)), Out: &failing{left: 1 << 20}}); !errors.Is(err, errDisk) {
		t.Errorf("writing: %v", err)
	}
	s, err := NewJudge(n, Options{}).Run(t.Context(), Task{Source: open(cut{bytes.NewReader(text)})})
	if !errors.Is(err, errDisk) || s.Of(record.Packet) != 50_000 {
		t.Errorf("reading: %v after %d packets", err, s.Of(record.Packet))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewJudge(n, Options{}).Run(ctx, Task{Source: open(bytes.NewReader(text))}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A memory that is full forgets, and answers as before.
func TestForget(t *testing.T) {
	n := shop()
	j := NewJudge(n, Options{})
	full := newAnswers(mostSlots)
	full.count = mostSlots / 2
	j.memory.now.Store(full)
	r := record.Record{Src: n.Interfaces[0].Addresses[0].Private.V, Dst: n.Interfaces[77].Addresses[0].Private.V, Protocol: 6, SrcPort: 40000, DstPort: 443}
	first, _ := j.Answer(&r)
	if got := j.memory.now.Load().count; got != 1 {
		t.Errorf("%d answers in a memory that was full, want 1", got)
	}
	j.memory.now.Store(newAnswers(fewSlots))
	if got, _ := j.Answer(&r); *got != *first {
		t.Errorf("%+v, want %+v", got, first)
	}
}

// Answers survive the growth of the memory.
func TestGrow(t *testing.T) {
	var m memory
	m.now.Store(newAnswers(fewSlots))
	const count = 10 * fewSlots
	kept := make([]*Answer, count)
	for k := range kept {
		kept[k] = m.keep(key{uint64(k % 7), uint64(k) << 48, uint64(k)}, &Answer{})
	}
	for k := range kept {
		if m.find(key{uint64(k % 7), uint64(k) << 48, uint64(k)}) != kept[k] {
			t.Fatalf("the answer of key %d is lost", k)
		}
	}
	if again := m.keep(key{0, 0, 0}, &Answer{Reply: true}); again != kept[0] {
		t.Error("an answer that is kept was replaced")
	}
}

// Who has an address, and what becomes of rows whose ends are not plain.
func TestEnds(t *testing.T) {
	n := shop()
	j := NewJudge(n, Options{})
	const header = "version interface-id vpc-id srcaddr dstaddr srcport dstport protocol tcp-flags action\n"
	tests := []struct {
		name, row string
		verdict   trace.Verdict
		message   string
		from, to  string
	}{
		{"by the public address", "5 - - 203.0.113.9 10.0.0.10 40000 443 6 2 ACCEPT", trace.Deny, "no rule of its groups allows it", "outside", "i-0-0"},
		{"out to the internet", "5 - - 10.0.0.10 203.0.113.9 40000 443 6 2 ACCEPT", trace.Allow, "all to 0.0.0.0/0", "i-0-0", "outside"},
		{"the reply of it", "5 - - 203.0.113.9 10.0.0.10 443 40000 6 18 ACCEPT", trace.Allow, "all to 0.0.0.0/0", "outside", "i-0-0"},
		{"no public address", "5 - - 203.0.113.9 10.0.1.10 40000 443 6 2 ACCEPT", trace.Deny, "no public IPv4 address: the internet does not route to the destination", "outside", "i-1-0"},
		{"strangers", "5 - - 203.0.113.9 203.0.113.10 40000 443 6 2 ACCEPT", trace.Unknown, absent.Message, "outside", "outside"},
		{"another VPC", "5 - vpc-2 203.0.113.9 10.0.0.10 40000 443 6 2 ACCEPT", trace.Unknown, other.Message, "outside", "i-0-0"},
		{"on its way", "5 eni-00070007 - 10.0.0.10 203.0.113.9 40000 443 6 2 ACCEPT", trace.Unknown, onWay.Message, "i-0-0", "outside"},
		{"inside a VPC, held by none, in a closed world", "5 - - 10.0.0.10 10.0.0.99 40000 443 6 2 ACCEPT", trace.Deny, "no interface has the destination", "i-0-0", "nothing in vpc-1"},
		{"inside a VPC, held by none that is seen", "5 eni-00000000 - 10.0.0.10 10.0.0.99 40000 443 6 2 ACCEPT", trace.Unknown, "which interface has this address is not in the input", "i-0-0", "something in subnet-0"},
		{"nobody tells who began", "5 - - 10.0.0.10 203.0.113.9 40000 443 6 0 ACCEPT", trace.Unknown, begins.Message, "i-0-0", "outside"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, err := record.Open(strings.NewReader(header+tt.row), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			j := j
			if strings.HasSuffix(tt.name, "that is seen") {
				open := *n
				open.Closed = nil
				j = NewJudge(&open, Options{})
			}
			var r record.Record
			if kind, fault := source.Layout.Parse([]byte(tt.row), &r); kind != record.Packet {
				t.Fatal(fault)
			}
			a, _ := j.Answer(&r)
			if a.Verdict != tt.verdict || a.sentence() != tt.message || a.From.Text != tt.from || a.To.Text != tt.to {
				t.Errorf("%v: %s (%+v), from %s to %s", a.Verdict, a.sentence(), a.Reason, a.From.Text, a.To.Text)
			}
		})
	}
}

func TestReplaceWord(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1 is in 10.0.0.1/32, not 10.0.0.10 or 110.0.0.1": "X is in 10.0.0.1/32, not 10.0.0.10 or 110.0.0.1",
		"to 10.0.0.1": "to X", "nothing": "nothing",
	} {
		if got := replaceWord(text, "10.0.0.1", "X"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
