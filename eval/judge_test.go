package eval

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/postern-dev/postern/eval/record"
	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// named is a record that names its ends.
func named(q netgen.Question) record.Record {
	h := q.Header
	r := record.Record{Src: h.Src, Dst: h.Dst, Protocol: h.Protocol, SrcPort: h.SrcPort, DstPort: h.DstPort, From: []byte("outside"), To: []byte("outside")}
	if q.From != nil {
		r.From = []byte(q.From.ID)
	}
	if q.To != nil {
		r.To = []byte(q.To.ID)
	}
	return r
}

// nearby changes a header within and beyond what the network can tell apart:
// addresses to others of the corners or to those that AWS keeps, ports to the
// ends of intervals.
func nearby(r *rand.Rand, corners []packet.Header, h packet.Header) packet.Header {
	move := func(a netip.Addr) netip.Addr {
		if c := corners[r.IntN(len(corners))].Src; r.IntN(2) == 0 && c.Is4() == a.Is4() {
			return c
		}
		b := a.AsSlice()
		b[len(b)-1] = []byte{b[len(b)-1] + byte(r.IntN(7)) - 3, 0, 1, 2, 3, 4, 17, 18, 200, 255}[r.IntN(10)]
		a, _ = netip.AddrFromSlice(b)
		return a
	}
	port := func() uint16 {
		return []uint16{uint16(r.IntN(1 << 16)), 0, 21, 22, 23, 442, 443, 444, 1023, 1024, 32767, 32768, 60999, 61000, 65535}[r.IntN(15)]
	}
	switch r.IntN(6) {
	case 0:
		h.Src = move(h.Src)
	case 1:
		h.Dst = move(h.Dst)
	case 2, 3:
		if h.Kind() == packet.Ported {
			h.SrcPort = port()
		}
	default:
		switch h.Kind() {
		case packet.Ported:
			h.DstPort = port()
		case packet.Typed:
			h.DstPort = packet.TypeCode([]uint8{0, 3, 8, 128, 129, uint8(r.IntN(256))}[r.IntN(6)], uint8(r.IntN(6)))
		case packet.Plain, packet.KindInvalid:
		}
	}
	return h
}

// Every packet has the verdict that a walk of its own gives, and the rule that
// decides, whatever packets were judged before it.
func TestExact(t *testing.T) {
	networks := 800
	if testing.Short() {
		networks = 100
	}
	counts, walks, packets := map[trace.Verdict]int{}, 0, 0
	for seed := range uint64(networks) {
		r := rng(seed)
		o := netgen.All
		if seed%6 == 1 {
			o = netgen.Whole
		}
		o.Unknowns = []int{0, 0, 5, 20}[seed%4]
		o.Zones = seed%5 == 0
		n := netgen.New(r, o)
		j := NewJudge(n, Options{})
		corners := netgen.Corners(n, r, 20)
		for _, q := range netgen.Questions(n, r, 25) {
			q.NATPort = 0
			first := q.Header
			for range 12 {
				rec := named(q)
				before := j.memory.now.Load().count
				got, fault := j.Answer(&rec)
				if fault.What != record.NoFault {
					t.Fatalf("seed %d: %v", seed, fault)
				}
				walks += j.memory.now.Load().count - before
				packets++
				if q.From == nil && q.To == nil {
					if got.Verdict != trace.Unknown {
						t.Fatalf("seed %d, %v: %v of a packet between strangers", seed, q.Header, got.Verdict)
					}
					break
				}
				want := trace.Run(n, trace.Query{From: q.From, To: q.To, Header: q.Header})
				counts[want.Verdict]++
				reason := reasonOf(&want)
				if want.Verdict == trace.Unknown {
					// What is waited for may stand in several places; one is told.
					reason.Cause, reason.Message = got.Cause, got.Message
				}
				if got.Reason != reason {
					t.Fatalf("seed %d, %v from %s to %s:\n%+v\n%+v", seed, q.Header, rec.From, rec.To, got.Reason, reason)
				}
				q.Header = nearby(r, corners, first)
				if r.IntN(2) == 0 {
					q.Header = nearby(r, corners, q.Header)
				}
			}
		}
	}
	t.Logf("%v, %d packets, %d of them met a new class", counts, packets, walks)
	if counts[trace.Allow] < 500 || counts[trace.Deny] < 500 || counts[trace.Unknown] < 500 {
		t.Errorf("the networks test too little: %v", counts)
	}
	if walks*10 > packets*9 {
		t.Errorf("of %d packets %d were walked: classes are too fine to test anything", packets, walks)
	}
}

// What is known costs no memory.
func TestAllocations(t *testing.T) {
	n := netgen.New(rng(3), netgen.All)
	j := NewJudge(n, Options{})
	q := netgen.Questions(n, rng(4), 1)[0]
	r := named(q)
	if _, fault := j.Answer(&r); fault.What != record.NoFault {
		t.Fatal(fault)
	}
	if got := testing.AllocsPerRun(100, func() { j.Answer(&r) }); got != 0 {
		t.Errorf("%v allocations for a packet that is known", got)
	}
}
