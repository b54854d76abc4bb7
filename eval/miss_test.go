package eval

import (
	"testing"

	"github.com/postern-dev/postern/eval/record"
)

// BenchmarkMiss is a row of a class that was not met before.
func BenchmarkMiss(b *testing.B) {
	n := shop()
	text := rows(n, 1000, false)
	source, err := record.Open(&again{text: text, left: 1}, nil, 0)
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
		at, _ := j.key(&rs[k])
		j.judge(at, &rs[k])
	}
}
