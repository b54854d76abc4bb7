package smt

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/postern-dev/postern/packet"
)

// FuzzAnswer reads what a solver might write. Whatever it is, the parser stops
// within its bounds, and a model that it accepts has a value for every variable
// that fits it.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"sat", "unsat\n", "; comment\n(error \"line 3: \"\"x\"\"\")",
		"((src #x0a000001) (dport #b0000000110111011) (p true))", "((src (_ bv3 32)) (dport #x01bb) (|p| false))",
		"((src #x0a00000g) (dport #x01bb) (p true))", "((src #x0a000001) (src #x01bb) (p true))", "(((((", ")", "|", "\"", "((x 1) 2 (3)) 4",
	} {
		f.Add(s)
	}
	b := NewBuilder()
	h := b.Header(packet.IPv4)
	p := b.Bool("p", "")
	formula := Formula{Builder: b, Header: h, Assert: []Term{
		b.Or(p, b.Inside(h.Src, netip.MustParsePrefix("10.0.0.0/8"))), b.Ule(h.DstPort, b.Constant(Number(1023), 16)),
	}}
	prog, err := formula.program()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := bufio.NewReader(strings.NewReader(text))
		for {
			e, err := Parse(r)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, ErrAnswer) {
					t.Fatalf("%v", err)
				}
				return
			}
			values, err := prog.values(e)
			if err != nil {
				if !errors.Is(err, ErrAnswer) {
					t.Fatalf("%v", err)
				}
				continue
			}
			for _, v := range prog.vars {
				if val, ok := values[v]; !ok || !val.fits(max(1, b.Width(v))) {
					t.Fatalf("%q: value %v of %s", text, val, prog.nodes[v].name)
				}
			}
		}
	})
}
