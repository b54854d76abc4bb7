package smt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postern-dev/postern/packet"
)

// solvers runs a test with every solver that is there. Where one is missing the
// test says so, and in CI it fails.
func solvers(t *testing.T, test func(*testing.T, Solver)) {
	t.Helper()
	for _, argv := range [][]string{{"z3", "-in"}, {"cvc5", "--lang", "smt2", "--incremental", "--produce-models"}} {
		t.Run(argv[0], func(t *testing.T) {
			test(t, start(t, argv...))
		})
	}
	t.Run("in process", func(t *testing.T) {
		s, err := InProcess()
		if errors.Is(err, ErrNotBuilt) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closed(t, s) })
		test(t, s)
	})
}

func start(t *testing.T, argv ...string) *Process {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed; make z3 installs it", argv[0])
		}
		t.Skipf("NOT COMPARED: %s is not installed; make z3 installs it", argv[0])
	}
	p, err := Start(context.Background(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, p) })
	return p
}

func closed(t *testing.T, s Solver) {
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func solve(t *testing.T, s Solver, f Formula) *Model {
	t.Helper()
	m, err := s.Solve(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModel(t *testing.T) {
	solvers(t, func(t *testing.T, s Solver) {
		b := NewBuilder()
		h := b.Header(packet.IPv6)
		x, p := b.Vector("x", "", 3), b.Bool("p", "a note")
		f := Formula{Builder: b, Header: h, Assert: []Term{
			b.Inside(h.Src, netip.MustParsePrefix("2001:db8::1/128")),
			b.Inside(h.Dst, netip.MustParsePrefix("fd00::/8")),
			b.Eq(h.Protocol, b.Constant(Number(packet.TCP), 8)),
			b.Between(h.DstPort, Number(443), Number(443)),
			b.Eq(h.SrcPort, b.Concat(b.Constant(Number(0x12), 8), b.Extract(7, 0, h.DstPort))),
			b.Eq(x, b.Constant(Number(5), 3)), b.Not(p),
		}}
		for range 3 { // the same solver answers again
			m := solve(t, s, f)
			if m == nil {
				t.Fatal("no model")
			}
			want := packet.Header{Src: netip.MustParseAddr("2001:db8::1"), Dst: m.Header.Dst, Protocol: packet.TCP, SrcPort: 0x12bb, DstPort: 443}
			if m.Header != want || m.Header.Dst.As16()[0] != 0xfd || m.Value(x) != Number(5) || m.Bool(p) {
				t.Errorf("%v, x %v, p %v", m.Header, m.Value(x), m.Bool(p))
			}
			if got := solve(t, s, Formula{Builder: b, Header: h, Assert: append(f.Assert, p)}); got != nil {
				t.Errorf("a model of a contradiction: %v", got)
			}
		}
	})
}

// rule is a rule of a random first-match list.
type rule struct {
	src    netip.Prefix
	lo, hi uint16
	allow  bool
}

func randomRules(rng *rand.Rand, n int) []rule {
	rs := make([]rule, n)
	for k := range rs {
		lo := uint16(rng.IntN(40))
		rs[k] = rule{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rng.IntN(4))}), 8+rng.IntN(9)).Masked(), lo, lo + uint16(rng.IntN(40)), rng.IntN(2) == 0}
	}
	return rs
}

func (r rule) matches(h packet.Header) bool {
	return r.src.Contains(h.Src) && r.lo <= h.DstPort && h.DstPort <= r.hi
}

func first(rs []rule, h packet.Header) bool {
	for _, r := range rs {
		if r.matches(h) {
			return r.allow
		}
	}
	return false
}

func list(b *Builder, h Header, rs []rule) Term {
	a := False
	for k := len(rs) - 1; k >= 0; k-- {
		r := rs[k]
		match := b.And(b.Inside(h.Src, r.src), b.Between(h.DstPort, Number(uint64(r.lo)), Number(uint64(r.hi))))
		a = b.Define(b.Ite(match, Of(r.allow), a), fmt.Sprintf("from rule %d on", k))
	}
	return a
}

// TestFirstMatch asks for a header that two random lists treat differently, and
// holds the answer against a linear scan.
func TestFirstMatch(t *testing.T) {
	solvers(t, func(t *testing.T, s Solver) {
		rng := rand.New(rand.NewPCG(3, 4))
		differ := 0
		for range 40 {
			rs := randomRules(rng, 6)
			other := append([]rule{}, rs...)
			k := rng.IntN(len(other))
			other[k].allow = !other[k].allow
			b := NewBuilder()
			h := b.Header(packet.IPv4)
			m := solve(t, s, Formula{Builder: b, Header: h, Assert: []Term{b.Xor(list(b, h, rs), list(b, h, other))}})
			if m != nil {
				differ++
				if first(rs, m.Header) == first(other, m.Header) {
					t.Fatalf("%v is treated alike by %v and %v", m.Header, rs, other)
				}
				continue
			}
			for a := range 4 { // small enough to look everywhere
				for p := range uint16(90) {
					h := packet.Header{Src: netip.AddrFrom4([4]byte{10, byte(a), 1, 1}), DstPort: p}
					if first(rs, h) != first(other, h) {
						t.Fatalf("no model, and %v is treated differently", h)
					}
				}
			}
		}
		if differ == 0 || differ == 40 {
			t.Errorf("%d of 40 lists differ: the test proves too little", differ)
		}
	})
}

// long is a formula with more text than a pipe holds.
func long() Formula {
	b := NewBuilder()
	x, y := b.Vector("x", "", 64), b.Vector("y", "", 64)
	sum := b.Eq(x, y)
	for k := range 4000 {
		sum = b.Xor(sum, b.Ule(b.Extract(k%60+3, k%60, x), b.Extract((k*7)%60+3, (k*7)%60, y)))
	}
	return Formula{Builder: b, Assert: []Term{sum}}
}

func TestKilledInQuery(t *testing.T) {
	for _, how := range []string{"context", "process"} {
		t.Run(how, func(t *testing.T) {
			// It reads the query and answers never.
			p, err := Start(context.Background(), "sh", "-c", "sleep 60 & cat >/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			time.AfterFunc(50*time.Millisecond, func() {
				if how == "context" {
					cancel()
				} else {
					_ = p.cmd.Process.Kill()
				}
			})
			begin := time.Now()
			_, err = p.Solve(ctx, long())
			want := ErrEnded
			if how == "context" {
				want = context.Canceled
			}
			if !errors.Is(err, want) || time.Since(begin) > time.Minute {
				t.Errorf("%v after %v, want %v", err, time.Since(begin), want)
			}
			if _, again := p.Solve(context.Background(), long()); again == nil {
				t.Error("a solver that is gone answers")
			}
			closed(t, p)
		})
	}
}

func TestEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p, err := Start(ctx, "sh", "-c", "sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-p.answers: // its end
	case <-time.After(5 * time.Second):
		t.Fatal("the process outlives its context")
	}
	closed(t, p)
}

func TestBadSolvers(t *testing.T) {
	var refused *RefusedError
	for _, c := range []struct {
		script string
		is     error
		as     any
	}{
		{script: "exit 1", is: ErrEnded},
		{script: "echo broken >&2; exit 1", is: ErrEnded},
		{script: "echo '(error \"line 1: unknown logic\")'; cat >/dev/null", as: &refused},
		{script: "echo maybe; cat >/dev/null", is: ErrAnswer},
		{script: "echo ')'; cat >/dev/null", is: ErrAnswer},
		{script: "echo unknown; cat >/dev/null", is: ErrUndecided},
		{script: "echo sat; echo '((x #x0))'; cat >/dev/null", is: ErrAnswer},
		{script: "yes '(((('", is: ErrAnswer},
		{script: "yes | tr -d '\\n'", is: ErrAnswer},
	} {
		t.Run(c.script, func(t *testing.T) {
			p := start(t, "sh", "-c", c.script)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, err := p.Solve(ctx, long())
			if c.is != nil && !errors.Is(err, c.is) || c.as != nil && !errors.As(err, c.as) {
				t.Errorf("got %v, want %v", err, c.is)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q is more than a line", err)
			}
		})
	}
	if _, err := Start(context.Background(), "/no/such/solver"); err == nil {
		t.Error("a program that is not there is started")
	}
}

func TestWrongTerms(t *testing.T) {
	b := NewBuilder()
	x := b.Vector("x", "", 8)
	if b.And(x, True) != 0 {
		t.Error("a vector is taken for a Boolean")
	}
	f := Formula{Builder: b, Assert: []Term{True}}
	if _, err := f.Script(); !errors.Is(err, errTerm) {
		t.Errorf("%v", err)
	}
}

func TestScript(t *testing.T) {
	b := NewBuilder()
	h := b.Header(packet.IPv4)
	rs := []rule{{netip.MustParsePrefix("10.0.0.0/8"), 22, 22, false}, {netip.MustParsePrefix("0.0.0.0/0"), 0, 65535, true}}
	f := Formula{Builder: b, Header: h, Assert: []Term{list(b, h, rs)}}
	got, err := f.Script("two\nlines", "expect sat")
	if err != nil {
		t.Fatal(err)
	}
	want := `; two lines
; expect sat
(set-option :produce-models true)
(set-logic QF_BV)
(declare-fun src () (_ BitVec 32)) ; source address
(declare-fun dport () (_ BitVec 16)) ; destination port; ICMP: type*256+code
(declare-fun d1 () Bool) ; from rule 0 on
(assert (= d1 (not (and (= ((_ extract 31 24) src) #x0a) (= dport #x0016)))))
(assert d1)
(check-sat)
`
	if got != want {
		t.Errorf("got\n%s", got)
	}
}
