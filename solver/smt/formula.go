package smt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/packet"
)

// Formula is what has to hold, about one header.
type Formula struct {
	Builder *Builder
	Header  Header
	Assert  []Term
}

// Model is a header, and values of the other variables, for which a formula
// holds.
type Model struct {
	Header packet.Header
	values map[Term]Value
}

// Value returns the value of a variable. Of one that the formula does not
// depend on it is 0.
func (m *Model) Value(t Term) Value { return m.values[t] }

// Bool returns the value of a Boolean variable.
func (m *Model) Bool(t Term) bool { return m.values[t] != Value{} }

// program is a formula as commands, ready to be written or handed over.
type program struct {
	*Builder
	vars    []Term // in the order of their making
	defined []Term // terms with a name of their own, each after those it is built on
	assert  []Term
}

// deepest is how far a term may be nested in the text before it gets a name.
const deepest = 24

// program orders what the formula is built of.
func (f *Formula) program() (*program, error) {
	b := f.Builder
	if b.err != nil {
		return nil, b.err
	}
	p := &program{Builder: b}
	used := make([]int, len(b.nodes))
	for _, t := range f.Assert {
		if !b.has(0, t) {
			return nil, b.err
		}
		used[t]++
		p.assert = append(p.assert, t)
	}
	// Arguments are older than what is built on them.
	for t := len(b.nodes) - 1; t > 0; t-- {
		if used[t] > 0 {
			for _, a := range b.nodes[t].args {
				used[a]++
			}
		}
	}
	depth := make([]int, len(b.nodes))
	for t := 1; t < len(b.nodes); t++ {
		n := &b.nodes[t]
		if used[t] == 0 {
			continue
		}
		if n.op == opVar {
			p.vars = append(p.vars, Term(t))
		}
		for _, a := range n.args {
			depth[t] = max(depth[t], depth[a]+1)
		}
		if len(n.args) > 0 && (n.named || used[t] > 1 && n.op != opNot && n.op != opExtract || depth[t] >= deepest) {
			p.defined = append(p.defined, Term(t))
			depth[t] = 0
		}
	}
	return p, nil
}

func sort(width int) string {
	if width == 0 {
		return "Bool"
	}
	return fmt.Sprintf("(_ BitVec %d)", width)
}

// commands writes declarations and assertions.
func (p *program) commands(w *strings.Builder) {
	for _, t := range p.vars {
		n := &p.nodes[t]
		fmt.Fprintf(w, "(declare-fun %s () %s)%s\n", n.name, sort(n.width), comment(n.note))
	}
	names := make(map[Term]string, len(p.defined))
	for k, t := range p.defined {
		n := &p.nodes[t]
		name := fmt.Sprintf("d%d", k+1)
		fmt.Fprintf(w, "(declare-fun %s () %s)%s\n(assert (= %s ", name, sort(n.width), comment(n.note), name)
		p.write(w, t, names)
		w.WriteString("))\n")
		names[t] = name
	}
	for _, t := range p.assert {
		w.WriteString("(assert ")
		p.write(w, t, names)
		w.WriteString(")\n")
	}
}

// comment makes one line of a note.
func comment(s string) string {
	if s == "" {
		return ""
	}
	return " ; " + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func (p *program) write(w *strings.Builder, t Term, names map[Term]string) {
	if name, ok := names[t]; ok {
		w.WriteString(name)
		return
	}
	n := &p.nodes[t]
	word := ""
	switch n.op {
	case opTrue:
		w.WriteString("true")
		return
	case opFalse:
		w.WriteString("false")
		return
	case opVar:
		w.WriteString(n.name)
		return
	case opNumber:
		w.WriteString(n.value.text(n.width))
		return
	case opNot:
		word = "not"
	case opAnd:
		word = "and"
	case opOr:
		word = "or"
	case opIte:
		word = "ite"
	case opEq:
		word = "="
	case opUle:
		word = "bvule"
	case opExtract:
		word = fmt.Sprintf("(_ extract %d %d)", n.hi, n.lo)
	case opConcat:
		word = "concat"
	case opNone:
	}
	w.WriteString("(" + word)
	for _, a := range n.args {
		w.WriteByte(' ')
		p.write(w, a, names)
	}
	w.WriteByte(')')
}

// Script is the formula as a file that every SMT-LIB 2 solver answers. The
// lines of the heading become comments.
func (f *Formula) Script(heading ...string) (string, error) {
	p, err := f.program()
	if err != nil {
		return "", err
	}
	var w strings.Builder
	for _, line := range heading {
		w.WriteString(strings.TrimPrefix(comment(line), " ") + "\n")
	}
	w.WriteString("(set-option :produce-models true)\n(set-logic QF_BV)\n")
	p.commands(&w)
	w.WriteString("(check-sat)\n")
	return w.String(), nil
}

// read makes a model of the values of a program's variables.
func (f *Formula) read(values map[Term]Value) (*Model, error) {
	m := &Model{values: values}
	h := f.Header
	if h.Src == 0 {
		return m, nil
	}
	w := AddressWidth(h.Family)
	m.Header = packet.Header{
		Src: values[h.Src].Address(w), Dst: values[h.Dst].Address(w), Protocol: uint8(values[h.Protocol].Lo),
		SrcPort: uint16(values[h.SrcPort].Lo), DstPort: uint16(values[h.DstPort].Lo),
	}
	return m, nil
}

// Variables lists the variables that the formula is built of.
func (f *Formula) Variables() []Term {
	p, err := f.program()
	if err != nil {
		return nil
	}
	return slices.Clone(p.vars)
}

// Note returns what a variable stands for.
func (b *Builder) Note(t Term) string {
	if int(t) >= len(b.nodes) {
		return ""
	}
	return b.nodes[t].note
}

// Assume is the model in which the header variables are a header's and every
// other variable is 0.
func (h Header) Assume(p packet.Header) *Model {
	return &Model{Header: p, values: map[Term]Value{
		h.Src: AddressValue(p.Src), h.Dst: AddressValue(p.Dst), h.Protocol: Number(uint64(p.Protocol)),
		h.SrcPort: Number(uint64(p.SrcPort)), h.DstPort: Number(uint64(p.DstPort)),
	}}
}

// Take gives a variable a value in the model.
func (m *Model) Take(t Term, v Value) { m.values[t] = v }

// Evaluate computes a term's value in a model.
func (b *Builder) Evaluate(t Term, m *Model) Value {
	done := map[Term]Value{}
	// Arguments are older than what is built on them: a stack of what is left to
	// do takes the place of recursion.
	for todo := []Term{t}; len(todo) > 0; {
		last := todo[len(todo)-1]
		if _, ok := done[last]; ok || int(last) >= len(b.nodes) {
			todo = todo[:len(todo)-1]
			continue
		}
		n := &b.nodes[last]
		ready := true
		for _, a := range n.args {
			if _, ok := done[a]; !ok {
				todo, ready = append(todo, a), false
			}
		}
		if ready {
			done[last] = b.compute(n, last, done, m)
			todo = todo[:len(todo)-1]
		}
	}
	return done[t]
}

func (b *Builder) compute(n *node, t Term, done map[Term]Value, m *Model) Value {
	arg := func(k int) Value { return done[n.args[k]] }
	truth := func(is bool) Value {
		if is {
			return Number(1)
		}
		return Value{}
	}
	isTrue := func(a Term) bool { return done[a] != Value{} }
	switch n.op {
	case opVar:
		return m.values[t]
	case opNumber:
		return n.value
	case opTrue:
		return Number(1)
	case opNot:
		return truth(arg(0) == Value{})
	case opAnd:
		return truth(!slices.ContainsFunc(n.args, func(a Term) bool { return !isTrue(a) }))
	case opOr:
		return truth(slices.ContainsFunc(n.args, isTrue))
	case opIte:
		if isTrue(n.args[0]) {
			return arg(1)
		}
		return arg(2)
	case opEq:
		return truth(arg(0) == arg(1))
	case opUle:
		return truth(arg(0).Compare(arg(1)) <= 0)
	case opExtract:
		return arg(0).slice(n.hi, n.lo)
	case opConcat:
		v, low := arg(0), b.nodes[n.args[1]].width
		for range low {
			v = Value{v.Hi<<1 | v.Lo>>63, v.Lo << 1}
		}
		return Value{v.Hi | arg(1).Hi, v.Lo | arg(1).Lo}
	case opFalse, opNone:
	}
	return Value{}
}
