package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/packet"
)

// Task is an input to judge.
type Task struct {
	Source *record.Source
	// Out gets a line of JSON for every packet and for every line that makes no
	// sense, in the order of the input; nil: none.
	Out io.Writer
	// Progress is called from time to time with the number of lines that are
	// done; nil: never.
	Progress func(lines int)
	// Workers judge side by side; 0 stands for one a processor.
	Workers int
}

// job is a chunk on its way from the reader to a worker to the collector, which
// takes the jobs in the order in which they were read.
type job struct {
	buf, lines, out []byte
	first           int // number of its first line
	err             error
	done            chan struct{}
	chunk
}

// Run judges every line of an input. The summary holds what was judged before
// an error, too.
func (j *Judge) Run(ctx context.Context, t Task) (*Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := t.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	count := 3 * workers
	free, work, order := make(chan *job, count), make(chan *job, count), make(chan *job, count)
	for range count {
		free <- &job{buf: make([]byte, record.ChunkSize)}
	}
	go read(ctx, t.Source, free, work, order)
	c := merger{s: newSummary(t.Source.Layout.Name), flows: map[flowKey]*Flow{}}
	c.s.Recorded = j.was != nil
	counts := make([][]int, workers)
	var all sync.WaitGroup
	for k := range workers {
		all.Go(func() { counts[k] = j.work(t, work) })
	}
	var failed error
	for b := range order {
		<-b.done
		if failed == nil {
			if failed = c.take(t, b); failed != nil {
				cancel()
			}
		}
		free <- b
	}
	all.Wait()
	j.finish(c.s, c.flows, counts)
	if failed == nil {
		failed = context.Cause(ctx)
	}
	return c.s, failed
}

// read cuts the source into jobs until it ends, fails or the context does.
func read(ctx context.Context, s *record.Source, free <-chan *job, work, order chan<- *job) {
	defer close(work)
	defer close(order)
	for ctx.Err() == nil {
		b := <-free
		*b = job{buf: b.buf, out: b.out[:0], done: make(chan struct{}), chunk: b.emptied()}
		var err error
		b.lines, b.first, err = s.Next(b.buf)
		if errors.Is(err, io.EOF) {
			return
		}
		b.err = err
		work <- b
		order <- b
		if err != nil {
			return
		}
	}
}

// work judges jobs, and returns how often each decision was met.
func (j *Judge) work(t Task, work <-chan *job) []int {
	w := worker{judge: j, layout: t.Source.Layout, write: t.Out != nil}
	for b := range work {
		w.chunk(b)
		close(b.done)
	}
	return w.counts
}

type worker struct {
	judge  *Judge
	layout *record.Layout
	write  bool
	counts []int // by decision
	r      record.Record
}

// chunk is what a worker finds in a job, beside what it writes.
type chunk struct {
	kinds  [record.Faulty + 1]int
	replay [Unclear + 1]int
	before int // rows that the recorded configuration does not explain
	faults []BadLine
	flows  map[flowKey]*Flow
}

// emptied keeps the memory of what has been taken.
func (c *chunk) emptied() chunk {
	clear(c.flows)
	return chunk{faults: c.faults[:0], flows: c.flows}
}

// mostFaults is how many lines that make no sense are told, of an input.
const mostFaults = 10

func (w *worker) chunk(b *job) {
	line := b.first
	for rest := b.lines; len(rest) > 0; line++ {
		text := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			text, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		w.line(b, line, text)
	}
}

func (w *worker) line(b *job, number int, text []byte) {
	kind, fault := w.layout.Parse(text, &w.r)
	if kind == record.Packet {
		var a *Answer
		if a, fault = w.judge.Answer(&w.r); fault.What == record.NoFault {
			b.kinds[kind]++
			w.answered(b, number, a)
			return
		}
		kind = record.Faulty
	}
	b.kinds[kind]++
	if kind != record.Faulty {
		return
	}
	if len(b.faults) < mostFaults {
		b.faults = append(b.faults, BadLine{number, fault.String()})
	}
	if w.write {
		b.out = fmt.Appendf(b.out, "{\"line\":%d,\"error\":%s}\n", number, plainJSON(fault.String()))
	}
}

func (w *worker) answered(b *job, number int, a *Answer) {
	for a.ID >= len(w.counts) {
		w.counts = append(w.counts, make([]int, 64+len(w.counts))...)
	}
	w.counts[a.ID]++
	replay := a.Replay(&w.r)
	var was *Decision
	if replay == Breaks || replay == Opens {
		var before Replay
		if was, before = w.judge.before(&w.r); before == replay {
			replay = Unclear // whatever changed, it is not that
			b.before++
		}
	}
	b.replay[replay]++
	if replay == Breaks || replay == Opens {
		if b.flows == nil {
			b.flows = map[flowKey]*Flow{}
		}
		k := keyOf(&w.r, a, was, replay)
		f := b.flows[k]
		if f == nil {
			f = &Flow{First: number, Example: w.r.Header()}
			b.flows[k] = f
		}
		f.Count++
	}
	if w.write {
		b.out = appendLine(b.out, number, &w.r, a, replay)
	}
}

// merger joins the jobs in their order.
type merger struct {
	s     *Summary
	flows map[flowKey]*Flow
}

// mostFlows bounds how many flows are told apart in a replay.
const mostFlows = 100_000

func (c *merger) take(t Task, b *job) error {
	if len(b.out) > 0 {
		if _, err := t.Out.Write(b.out); err != nil {
			return err
		}
	}
	s := c.s
	lines := 0
	for k, n := range b.kinds {
		s.kinds[k] += n
		lines += n
	}
	s.Lines += lines
	for k, n := range b.replay {
		s.replay[k] += n
	}
	s.Before += b.before
	s.Faults = append(s.Faults, b.faults[:min(len(b.faults), mostFaults-len(s.Faults))]...)
	for k, f := range b.flows {
		switch old := c.flows[k]; {
		case old != nil:
			old.Count += f.Count
		case len(c.flows) < mostFlows:
			c.flows[k] = f
		default:
			s.MoreFlows += f.Count
		}
	}
	if t.Progress != nil {
		t.Progress(s.Lines)
	}
	return b.err
}

// appendLine writes one verdict as a line of JSON.
func appendLine(b []byte, number int, r *record.Record, a *Answer, replay Replay) []byte {
	b = strconv.AppendInt(append(b, `{"line":`...), int64(number), 10)
	b = r.Src.AppendTo(append(b, `,"src":"`...))
	b = r.Dst.AppendTo(append(b, `","dst":"`...))
	b = appendProtocol(append(b, `","protocol":"`...), r.Protocol)
	b = append(b, '"')
	switch h := r.Header(); h.Kind() {
	case packet.Ported:
		b = strconv.AppendUint(append(b, `,"sport":`...), uint64(r.SrcPort), 10)
		b = strconv.AppendUint(append(b, `,"dport":`...), uint64(r.DstPort), 10)
	case packet.Typed:
		if !r.AnyType {
			b = strconv.AppendUint(append(b, `,"icmp_type":`...), uint64(h.Type()), 10)
			b = strconv.AppendUint(append(b, `,"icmp_code":`...), uint64(h.Code()), 10)
		}
	case packet.Plain, packet.KindInvalid:
	}
	b = append(append(b, `,"from":`...), a.From.json...)
	b = append(append(b, `,"to":`...), a.To.json...)
	b = append(append(b, ','), a.json...)
	if r.Flow {
		b = append(append(append(b, `,"replay":"`...), replay.String()...), '"')
	}
	return append(b, '}', '\n')
}

func appendProtocol(b []byte, p uint8) []byte {
	switch p {
	case packet.TCP:
		return append(b, "tcp"...)
	case packet.UDP:
		return append(b, "udp"...)
	case packet.ICMP:
		return append(b, "icmp"...)
	case packet.ICMPv6:
		return append(b, "icmpv6"...)
	}
	return strconv.AppendUint(b, uint64(p), 10)
}

// flowKey is what rows of a replay are counted together by.
type flowKey struct {
	from, to *Label
	decision *Decision
	was      *Decision
	replay   Replay
	protocol uint8
	port     uint16
	ipv4     bool
}

func keyOf(r *record.Record, a *Answer, was *Decision, replay Replay) flowKey {
	k := flowKey{a.From, a.To, a.Decision, was, replay, r.Protocol, r.DstPort, r.Src.Is4()}
	if a.Reply {
		k.from, k.to = a.To, a.From
		if packet.KindOf(packet.FamilyOf(r.Src), r.Protocol) == packet.Ported {
			k.port = r.SrcPort
		}
	}
	return k
}
