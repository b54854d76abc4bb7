package hcl

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postern-dev/postern/diag"
)

// nests is how many levels the token that begins with a byte can add: a brace
// encloses what stands in it and, as an interpolation, a quoted string in that.
var nests = [256]uint8{
	'{': 2, '(': 1, '[': 1, ']': 1, '<': 1, '>': 1, '!': 1, '+': 1, '-': 1, '*': 1, '/': 1, '%': 1, '&': 1, '|': 1, '?': 1,
}

// mayNest reports whether a text has as many signs that nest as the limit
// allows levels. Most files have not, and need no closer look.
func mayNest(text []byte, limit int) bool {
	levels, last := 1, byte(0) // a quoted string outside of all braces
	for _, b := range text {
		levels += int(nests[b])
		if b == '=' && last == '=' {
			levels++
		}
		last = b
	}
	return levels > limit
}

// tooDeep finds the place where brackets and operators nest deeper than the
// limit. The parser and the evaluator recurse over them, and the stack of a
// program cannot be bounded in any other way.
func tooDeep(tokens hclsyntax.Tokens, limit int) (hcl.Range, bool) {
	type frame struct {
		ops   int
		lines bool // a new line ends what stands in it
	}
	stack := []frame{{lines: true}}
	depth := 0
	top := func() *frame { return &stack[len(stack)-1] }
	reset := func() { depth -= top().ops; top().ops = 0 }
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace:
			isFor := i+1 < len(tokens) && string(tokens[i+1].Bytes) == "for"
			stack = append(stack, frame{lines: !isFor})
			depth++
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateInterp, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			stack = append(stack, frame{})
			depth++
		case hclsyntax.TokenTemplateControl:
			top().ops++ // a directive encloses what follows it
			stack = append(stack, frame{})
			depth += 2
		case hclsyntax.TokenCBrace, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if len(stack) == 1 {
				continue // unbalanced: the parser's to report
			}
			reset()
			stack = stack[:len(stack)-1]
			depth--
			if t.Type == hclsyntax.TokenCBrack {
				top().ops++ // an index encloses what stands before it
				depth++
			}
		case hclsyntax.TokenComma:
			reset()
		case hclsyntax.TokenNewline:
			if top().lines {
				reset()
			}
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
			hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
			hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenQuestion:
			top().ops++
			depth++
		}
		if depth > limit {
			return t.Range, true
		}
	}
	return hcl.Range{}, false
}

// tooDeepJSON does the same for JSON.
func tooDeepJSON(data []byte, limit int) (offset int, deep bool) {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return i, true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return 0, false
}

// tooDeepTemplate checks the text of a template.
func tooDeepTemplate(text []byte, limit int) bool {
	tokens, _ := hclsyntax.LexTemplate(text, "", hcl.InitialPos)
	_, deep := tooDeep(tokens, limit)
	return deep
}

// maxProblems bounds what is said about the syntax of one file.
const maxProblems = 20

// diagnose turns hcl's diagnostics into ours.
func (f *Files) diagnose(ds hcl.Diagnostics, syntax bool) diag.List {
	var out diag.List
	for _, d := range ds {
		if d.Severity != hcl.DiagError {
			continue
		}
		if syntax && len(out) == maxProblems {
			last := &out[len(out)-1]
			last.Message += fmt.Sprintf(" (and %d more in this file)", len(ds)-maxProblems)
			break
		}
		o := diag.Diagnostic{Error: syntax, Message: message(d)}
		if d.Subject != nil {
			o.Range = f.place(*d.Subject)
		}
		if syntax {
			o.Label = "not valid here"
			o.Fix = "correct the syntax; terraform fmt and terraform validate refuse the file as well"
			o.Note = "the parts of the file that could be parsed were analysed"
		}
		out = append(out, o)
	}
	return out
}

// message makes one sentence of hcl's summary and detail.
func message(d *hcl.Diagnostic) string {
	s := lowerFirst(strings.TrimSpace(d.Summary))
	detail := strings.Join(strings.Fields(d.Detail), " ")
	detail = strings.TrimSuffix(detail, ".")
	switch {
	case detail == "":
		return s
	case s == "":
		return lowerFirst(detail)
	}
	return s + ": " + lowerFirst(detail)
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// parseHCL parses a configuration in native syntax. The body holds what
// could be parsed; the tokens are nil where they can hold nothing of interest.
func (f *Files) parseHCL(s *source) (*hclsyntax.Body, hclsyntax.Tokens, diag.List) {
	var tokens hclsyntax.Tokens
	if mayNest(s.data, f.limits.Nesting) || mentionsIgnore(s.data) {
		tokens, _ = hclsyntax.LexConfig(s.data, s.path, hcl.InitialPos)
		if r, deep := tooDeep(tokens, f.limits.Nesting); deep {
			return nil, nil, diag.List{f.deepProblem(s.span(r.Start.Byte, r.End.Byte))}
		}
	}
	file, ds := hclsyntax.ParseConfig(s.data, s.path, hcl.InitialPos)
	list := f.diagnose(ds, true)
	if file == nil {
		return nil, tokens, list
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body, tokens, list
}

func (f *Files) deepProblem(r diag.Range) diag.Diagnostic {
	return diag.Diagnostic{
		Error: true, Range: r, Label: "too deep from here on",
		Message: fmt.Sprintf("this nests deeper than %d levels, more than postern follows", f.limits.Nesting),
		Fix:     "take parts of the expression out into local values",
		Note:    "nothing of this file was analysed",
		Cause:   diag.Cause{Code: diag.Limit, Message: "the file nests too deep", Range: r},
	}
}
