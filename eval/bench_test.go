package eval

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// BenchmarkAnswer is a verdict from interface to interface, both ways, for a
// packet of a class that has been met, and how many times as long a walk takes.
// BenchmarkMiss is one for a class that has not.
func BenchmarkAnswer(b *testing.B) {
	n := shop()
	j := NewJudge(n, Options{})
	var rs []record.Record
	var qs []trace.Query
	r := rng(1)
	for range 512 {
		from, to := n.Interfaces[r.IntN(400)], n.Interfaces[r.IntN(400)]
		if from == to {
			continue
		}
		rec := record.Record{Src: from.Addresses[0].Private.V, Dst: to.Addresses[0].Private.V, Protocol: packet.TCP, SrcPort: uint16(40000 + r.IntN(999)), DstPort: 443}
		rs = append(rs, rec)
		qs = append(qs, trace.Query{From: from, To: to, Header: rec.Header()})
		j.Answer(&rec)
	}
	walks := time.Now()
	for range 100 {
		for k := range qs {
			trace.Decide(n, qs[k])
		}
	}
	walk := float64(time.Since(walks)) / float64(100*len(qs))
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		if k++; k == len(rs) {
			k = 0
		}
		j.Answer(&rs[k])
	}
	b.ReportMetric(walk/(float64(b.Elapsed())/float64(b.N)), "walk/answer")
}

// BenchmarkWitness is what checks a finding's packet: a walk, there and back
// between two subnets, that keeps no texts.
func BenchmarkWitness(b *testing.B) {
	n := shop()
	var qs []trace.Query
	for _, t := range talks(n, rng(2), 600) {
		q := t.query()
		if a, b := t.from.Subnet.Of[0], t.to.Subnet.Of[0]; a != b && trace.Decide(n, q) == trace.Allow {
			qs = append(qs, q)
		}
	}
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		if k++; k == len(qs) {
			k = 0
		}
		if trace.Decide(n, qs[k]) != trace.Allow {
			b.Fatal("a packet that passed does not")
		}
	}
}

// benchmarkLog judges a million rows. Beside it stands what a million walks
// cost, which is what no classes would come to.
func benchmarkLog(b *testing.B, write func(testing.TB, []row) []byte) {
	n := shop()
	log := write(b, rows(n, 200_000))
	const repeat = 5
	lines := 0
	for b.Loop() {
		j := NewJudge(n, Options{})
		for range repeat {
			source, err := record.Open(bytes.NewReader(log), bytes.NewReader(log), int64(len(log)))
			if err != nil {
				b.Fatal(err)
			}
			s, err := j.Run(b.Context(), Task{Source: source})
			if err != nil {
				b.Fatal(err)
			}
			lines += s.Lines
		}
	}
	b.SetBytes(int64(len(log) * repeat))
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys), "peak-B")
	ts := talks(n, rng(1), 1000)
	walks := time.Now()
	for _, t := range ts {
		trace.Run(n, t.query())
	}
	b.ReportMetric(float64(time.Since(walks))/float64(len(ts))*float64(lines)/float64(b.Elapsed()), "walk/this")
}

// BenchmarkRows is a million rows of the default format; the others are of the
// other formats.
func BenchmarkRows(b *testing.B) { benchmarkLog(b, defaultLog) }

func BenchmarkRowsFlags(b *testing.B)   { benchmarkLog(b, flagsLog) }
func BenchmarkRowsGzip(b *testing.B)    { benchmarkLog(b, gzipLog) }
func BenchmarkRowsParquet(b *testing.B) { benchmarkLog(b, parquetLog) }
func BenchmarkRowsCSV(b *testing.B)     { benchmarkLog(b, csvLog) }
func BenchmarkRowsJSON(b *testing.B)    { benchmarkLog(b, jsonLog) }

// BenchmarkParse is one row.
func BenchmarkParse(b *testing.B) {
	text := defaultLog(b, rows(shop(), 1))
	source, err := record.Open(bytes.NewReader(text), nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	var r record.Record
	b.ReportAllocs()
	for b.Loop() {
		source.Layout.Parse(text[:len(text)-1], &r)
	}
}

// BenchmarkMiss is a row of a class that has not been met.
func BenchmarkMiss(b *testing.B) {
	n := shop()
	source, err := record.Open(bytes.NewReader(defaultLog(b, rows(n, 1000))), nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, record.ChunkSize)
	lines, _, _ := source.Next(buf)
	j := NewJudge(n, Options{})
	var rs []record.Record
	for len(lines) > 0 {
		k := 0
		for lines[k] != '\n' {
			k++
		}
		var r record.Record
		if kind, _ := source.Layout.Parse(lines[:k], &r); kind == record.Packet {
			rs = append(rs, r)
		}
		lines = lines[k+1:]
	}
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		if k++; k == len(rs) {
			k = 0
		}
		at, _ := j.key(&rs[k], j.began(&rs[k]))
		j.judge(at, &rs[k])
	}
}
