// Package endpoint reads the language in which questions and policies name the
// two ends of a flow.
//
//	internet, internet4, internet6, any    places
//	10.0.0.5, 10.0.0.0/16, 2001:db8::/32   addresses
//	aws_instance.web, module.db[*].aws_db_instance.this
//	                                       Terraform addresses; * and a missing index mean all
//	i-0abc, eni-0abc, arn:aws:...          AWS ids and ARNs
//	sg:NAME, subnet:NAME, vpc:NAME         members of a group, everything in a subnet or a VPC
//	tag:KEY=VALUE, type:TYPE, name:GLOB, acct:ACCOUNT, region:REGION
//	a,b   a+b   !a                         or, and, not; "not" binds closest, then "and"
//
// A term is either a set of interfaces or a set of addresses, so the meaning of
// an expression in a network is a pair of both: see Selection. What an address
// means that lies in a VPC is not decided here.
//
// Quotes protect the separators: tag:Name="web, blue". Nothing is looked up, so
// host names are refused.
package endpoint

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Expr is a parsed endpoint.
type Expr struct {
	text string
	root node
}

// String returns the endpoint as it was typed.
func (e Expr) String() string { return e.text }

// operator is what a node does with its operands.
type operator uint8

const (
	operatorInvalid operator = iota
	leaf
	or
	and
	not
)

// node is a term or an operator with its operands.
type node struct {
	op   operator
	args []node
	term term
}

// kind is what a term selects by.
type kind uint8

const (
	kindInvalid kind = iota
	kindAny
	kindInternet // with the families in term.v4 and term.v6
	kindPrefix
	kindName // Terraform address, AWS id, ARN
	kindGroup
	kindSubnet
	kindVPC
	kindTag
	kindType
	kindGlob
	kindAccount
	kindRegion
)

// term is one word of the language.
type term struct {
	kind   kind
	text   string // as typed
	value  string // behind the prefix, without quotes
	key    string // of a tag
	prefix netip.Prefix
	v4, v6 bool
}

// maxTerms bounds an expression.
const maxTerms = 1000

// SyntaxError says what cannot be understood in an endpoint.
type SyntaxError struct {
	Text string // the endpoint or the term
	Why  string
}

func (e *SyntaxError) Error() string {
	if e.Text == "" {
		return e.Why
	}
	return e.Text + ": " + e.Why
}

// Parse reads an endpoint. Errors are *SyntaxError.
func Parse(text string) (Expr, error) {
	words, err := split(text)
	if err != nil {
		return Expr{}, err
	}
	root, err := alternatives(text, words)
	if err != nil {
		return Expr{}, err
	}
	return Expr{text: text, root: root}, nil
}

// word is a term or one of the separators , + and !.
type word struct {
	text      string
	separator bool
}

// split cuts an endpoint at the separators that stand outside quotes and
// brackets.
func split(text string) ([]word, error) {
	var words []word
	start, depth, quoted := 0, 0, false
	flush := func(end int) {
		if s := strings.TrimSpace(text[start:end]); s != "" {
			words = append(words, word{text: s})
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth > 0:
		case c == ',' || c == '+' || c == '!' && strings.TrimSpace(text[start:i]) == "":
			flush(i)
			words = append(words, word{text: string(c), separator: true})
			start = i + 1
		}
	}
	switch {
	case quoted:
		return nil, &SyntaxError{Text: text, Why: "a quote is not closed"}
	case depth != 0:
		return nil, &SyntaxError{Text: text, Why: "a bracket is not closed"}
	}
	flush(len(text))
	if len(words) > maxTerms {
		return nil, &SyntaxError{Why: fmt.Sprintf("an endpoint has at most %d terms", maxTerms)}
	}
	return words, nil
}

func alternatives(text string, words []word) (node, error) {
	n := node{op: or}
	for _, part := range cut(words, ",") {
		all := node{op: and}
		for _, factor := range cut(part, "+") {
			f, err := negation(text, factor)
			if err != nil {
				return node{}, err
			}
			all.args = append(all.args, f)
		}
		n.args = append(n.args, all.only())
	}
	return n.only(), nil
}

// only drops an operator that has one operand.
func (n node) only() node {
	if len(n.args) == 1 {
		return n.args[0]
	}
	return n
}

func cut(words []word, separator string) [][]word {
	parts := [][]word{nil}
	for _, w := range words {
		if w.separator && w.text == separator {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], w)
	}
	return parts
}

func negation(text string, words []word) (node, error) {
	negate := false
	for len(words) > 0 && words[0].separator {
		negate, words = !negate, words[1:]
	}
	if len(words) != 1 {
		return node{}, &SyntaxError{Text: text, Why: "something is missing beside , + or !; an endpoint is like internet, 10.0.0.0/16 or aws_instance.web"}
	}
	t, err := parseTerm(words[0].text)
	if err != nil {
		return node{}, err
	}
	n := node{op: leaf, term: t}
	if negate {
		n = node{op: not, args: []node{n}}
	}
	return n, nil
}

// prefixes are the words before a colon that choose what a term selects by.
var prefixes = map[string]kind{
	"sg": kindGroup, "subnet": kindSubnet, "vpc": kindVPC, "tag": kindTag, "type": kindType,
	"name": kindGlob, "acct": kindAccount, "region": kindRegion,
}

var (
	hostName = regexp.MustCompile(`^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.[a-zA-Z]{2,}\.?$`)
	// dotted finds what was meant as an IPv4 address and is none.
	dotted = regexp.MustCompile(`^[0-9.]+(/[0-9]+)?$`)
)

func parseTerm(text string) (term, error) {
	t := term{text: text}
	switch text {
	case "any":
		t.kind = kindAny
		return t, nil
	case "internet":
		t.kind, t.v4, t.v6 = kindInternet, true, true
		return t, nil
	case "internet4":
		t.kind, t.v4 = kindInternet, true
		return t, nil
	case "internet6":
		t.kind, t.v6 = kindInternet, true
		return t, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		t.kind, t.prefix = kindPrefix, netip.PrefixFrom(a, a.BitLen())
		return t, nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() {
			return term{}, &SyntaxError{Text: text, Why: "an IPv4-mapped range; write it as IPv4"}
		}
		t.kind, t.prefix = kindPrefix, p.Masked()
		return t, nil
	}
	if dotted.MatchString(text) {
		return term{}, &SyntaxError{Text: text, Why: "neither an address nor a CIDR"}
	}
	if before, after, ok := strings.Cut(text, ":"); ok {
		if k, known := prefixes[before]; known {
			return prefixed(t, k, after)
		}
	}
	if hostName.MatchString(text) {
		return term{}, &SyntaxError{Text: text, Why: "looks like a host name, and postern looks nothing up; give its address"}
	}
	t.kind, t.value = kindName, text
	return t, nil
}

func prefixed(t term, k kind, value string) (term, error) {
	t.kind, t.value = k, value
	if k == kindTag {
		key, v, ok := strings.Cut(value, "=")
		if !ok || key == "" {
			return term{}, &SyntaxError{Text: t.text, Why: "a tag is chosen as tag:KEY=VALUE"}
		}
		t.key, t.value = unquote(key), v
	}
	t.value = unquote(t.value)
	if t.value == "" && k != kindTag {
		return term{}, &SyntaxError{Text: t.text, Why: "something is missing after the colon"}
	}
	return t, nil
}

// unquote takes the quotes off a value that stands in quotes.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}
