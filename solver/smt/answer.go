package smt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Expr is one expression of a solver's answer: a word, or a list.
type Expr struct {
	Word   string
	Quoted bool // the word was a string literal
	List   []Expr
	IsList bool
}

// Bounds of an answer.
const (
	maxAnswer = 4 << 20 // bytes of one expression
	maxDepth  = 64
	maxItems  = 1 << 18
)

// ErrAnswer says that a solver wrote something that is no answer.
var ErrAnswer = errors.New("smt: the solver's answer cannot be read")

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrAnswer, fmt.Sprintf(format, args...))
}

// parser reads expressions of one answer within the bounds.
type parser struct {
	r     *bufio.Reader
	left  int
	items int
}

// Parse reads the next expression. It returns io.EOF when there is none, and
// ErrAnswer when what is there breaks off, is too large or too deep.
func Parse(r *bufio.Reader) (Expr, error) {
	p := parser{r: r, left: maxAnswer, items: maxItems}
	c, err := p.next()
	if err != nil {
		return Expr{}, err
	}
	e, err := p.expr(c, 0)
	if errors.Is(err, io.EOF) {
		err = unreadable("it breaks off")
	}
	return e, err
}

func (p *parser) byte() (byte, error) {
	if p.left--; p.left < 0 {
		return 0, unreadable("longer than %d bytes", maxAnswer)
	}
	return p.r.ReadByte()
}

// next skips white space and comments.
func (p *parser) next() (byte, error) {
	for {
		c, err := p.byte()
		switch {
		case err != nil:
			return 0, err
		case c == ';':
			for c != '\n' {
				if c, err = p.byte(); err != nil {
					return 0, err
				}
			}
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return c, nil
		}
	}
}

func (p *parser) expr(c byte, depth int) (Expr, error) {
	if p.items--; p.items < 0 || depth > maxDepth {
		return Expr{}, unreadable("too many parts")
	}
	switch c {
	case ')':
		return Expr{}, unreadable("a parenthesis that nothing opens")
	case '"', '|':
		word, err := p.quoted(c)
		return Expr{Word: word, Quoted: c == '"'}, err
	case '(':
	default:
		word, err := p.word(c)
		return Expr{Word: word}, err
	}
	e := Expr{IsList: true}
	for {
		c, err := p.next()
		if err != nil || c == ')' {
			return e, err
		}
		item, err := p.expr(c, depth+1)
		if err != nil {
			return e, err
		}
		e.List = append(e.List, item)
	}
}

// quoted reads up to the closing quote; a string holds one when it is doubled.
func (p *parser) quoted(quote byte) (string, error) {
	var w strings.Builder
	for {
		c, err := p.byte()
		if err != nil {
			return "", err
		}
		if c == quote {
			if quote == '|' {
				return w.String(), nil
			}
			if after, err := p.r.Peek(1); err != nil || after[0] != '"' {
				return w.String(), nil
			}
			if _, err := p.byte(); err != nil {
				return "", err
			}
		}
		w.WriteByte(c)
	}
}

func (p *parser) word(c byte) (string, error) {
	var w strings.Builder
	for {
		if c < '!' || c > '~' {
			return "", unreadable("byte %d", c)
		}
		w.WriteByte(c)
		after, err := p.r.Peek(1)
		if err != nil || strings.IndexByte(" \t\r\n();\"|", after[0]) >= 0 {
			return w.String(), nil
		}
		if c, err = p.byte(); err != nil {
			return "", err
		}
	}
}

// values reads the answer to get-value: one pair for every variable, in any
// order, each of its variable's width.
func (p *program) values(e Expr) (map[Term]Value, error) {
	if !e.IsList || len(e.List) != len(p.vars) {
		return nil, unreadable("%d values for %d variables", len(e.List), len(p.vars))
	}
	values := make(map[Term]Value, len(p.vars))
	for _, pair := range e.List {
		if len(pair.List) != 2 || pair.List[0].IsList {
			return nil, unreadable("a value without a variable")
		}
		t, ok := p.Builder.vars[pair.List[0].Word]
		if !ok {
			return nil, unreadable("a value of %q, which is no variable", pair.List[0].Word)
		}
		v, err := literal(pair.List[1], p.nodes[t].width)
		if err != nil {
			return nil, err
		}
		values[t] = v
	}
	for _, t := range p.vars {
		if _, ok := values[t]; !ok {
			return nil, unreadable("no value of %s", p.nodes[t].name)
		}
	}
	return values, nil
}

// literal reads true, false, #x0a, #b01 or (_ bv10 8).
func literal(e Expr, width int) (Value, error) {
	if len(e.List) == 3 && e.List[0].Word == "_" && strings.HasPrefix(e.List[1].Word, "bv") && width > 0 && width <= 64 {
		n, err := strconv.ParseUint(e.List[1].Word[2:], 10, 64)
		if err == nil && e.List[2].Word == strconv.Itoa(width) && Number(n).fits(width) {
			return Number(n), nil
		}
	}
	word := e.Word
	switch {
	case e.IsList || e.Quoted:
	case width == 0 && word == "true":
		return Number(1), nil
	case width == 0 && word == "false":
		return Value{}, nil
	case strings.HasPrefix(word, "#x") && 4*(len(word)-2) == width:
		return digits(word[2:], 4)
	case strings.HasPrefix(word, "#b") && len(word)-2 == width && width > 0:
		return digits(word[2:], 1)
	}
	return Value{}, unreadable("a value that has not %d bits", width)
}

// digits reads up to 128 bits, so many for each digit.
func digits(s string, bits int) (Value, error) {
	var v Value
	for half := range 2 {
		part := s[:max(0, len(s)-64/bits)]
		if half == 1 {
			part = s[len(part):]
		}
		if part == "" {
			continue
		}
		n, err := strconv.ParseUint(part, 1<<bits, 64)
		if err != nil {
			return Value{}, unreadable("%q is no number", s)
		}
		if half == 0 {
			v.Hi = n
		} else {
			v.Lo = n
		}
	}
	return v, nil
}
