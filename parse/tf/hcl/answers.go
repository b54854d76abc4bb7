package hcl

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
)

// Given is what a file of answers says of one data source, or of several.
type Given struct {
	Pattern string // the address, see Answers
	Range   diag.Range
	typ     string
	pattern []string
	values  map[string]cty.Value
	length  int // of lists of which only the length is told; -1 when it is not
	used    atomic.Bool
}

// Used reports whether a data source had the address.
func (g *Given) Used() bool { return g.used.Load() }

// Answers are what the files of --data say. They are read first; then they are
// safe for concurrent use.
//
// A file holds blocks, in HCL or in JSON:
//
//	data "aws_vpc" "main" {                          # of the root module
//	  id         = "vpc-0abc"
//	  cidr_block = "10.0.0.0/16"
//	}
//	answer "module.net[0].data.aws_subnet.a[1]" {    # any address
//	  id = "subnet-1"
//	}
//
// In an address, * stands for the name of a module or data source, *. in front
// for any module, the root included, and an index that is left out for all. Of several
// answers the one with the fewest wildcards counts, attribute by attribute, and
// of equals the last. Values are written out: nothing is evaluated.
type Answers struct{ all []*Given }

// All lists the answers in the order they were read.
func (a *Answers) All() []*Given { return a.all }

var answersSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "answer", LabelNames: []string{"address"}},
}}

// Read adds a file of answers.
func (a *Answers) Read(f *Files, path string) diag.List {
	s, err := f.read(path)
	if err != nil {
		return diag.List{{
			Error: true, Message: "this file of answers cannot be read: " + err.Error(), Range: diag.Range{File: f.name(path)}, Fix: "check the path; what it answers is unknown",
		}}
	}
	var body hcl.Body
	var list diag.List
	if isJSON(s.data) {
		if at, deep := tooDeepJSON(s.data, f.limits.Nesting); deep {
			return diag.List{f.deepProblem(s.span(at, at+1))}
		}
		file, ds := json.Parse(s.data, s.path)
		list = f.diagnose(ds, true)
		if file != nil {
			body = file.Body
		}
	} else {
		native, _, ds := f.parseHCL(s)
		list = ds
		if native != nil {
			body = native
		}
	}
	if body == nil {
		return list
	}
	content, ds := body.Content(answersSchema)
	list = append(list, f.answerProblems(ds)...)
	if content == nil {
		return list
	}
	for _, b := range content.Blocks {
		g, ds := f.given(b)
		list = append(list, ds...)
		if g != nil {
			a.all = append(a.all, g)
		}
	}
	return list
}

func isJSON(data []byte) bool {
	text := strings.TrimLeft(strings.TrimPrefix(string(data[:min(len(data), 4096)]), "\uFEFF"), " \t\r\n")
	return strings.HasPrefix(text, "{")
}

// answerProblems are problems of a file of answers.
func (f *Files) answerProblems(ds hcl.Diagnostics) diag.List {
	out := f.diagnose(ds, true)
	for i := range out {
		out[i].Fix = `write data "TYPE" "NAME" { ATTRIBUTE = VALUE }, or answer "ADDRESS" { ... } for other modules`
		out[i].Note = "what it answers is unknown"
	}
	return out
}

func (f *Files) given(b *hcl.Block) (*Given, diag.List) {
	g := &Given{Pattern: "data." + strings.Join(b.Labels, "."), Range: f.place(b.DefRange), values: map[string]cty.Value{}, length: -1}
	if b.Type == "answer" {
		g.Pattern = b.Labels[0]
	}
	g.pattern = segments(g.Pattern)
	n := len(g.pattern)
	if n < 3 || g.pattern[n-3] != "data" || !validModules(g.pattern[:n-3]) {
		return nil, diag.List{{
			Error: true, Message: "this is not the address of a data source", Label: "no such address", Range: g.Range,
			Fix: "write module.NAME.data.TYPE.NAME, with module. parts for each module around it, or *.data.TYPE.NAME for all modules",
		}}
	}
	g.typ = g.pattern[n-2]
	attrs, ds := b.Body.JustAttributes()
	list := f.answerProblems(ds)
	for _, name := range sortedKeys(attrs) {
		v, ds := attrs[name].Expr.Value(nil)
		if ds.HasErrors() || !v.IsWhollyKnown() {
			list = append(list, diag.Diagnostic{
				Error: true, Message: "the answer for " + name + " is not written out", Label: "not a plain value", Range: f.place(attrs[name].Expr.Range()),
				Fix: "write a text, a number, true, false, null, or a list or object of these", Note: "the attribute is unknown",
			})
			continue
		}
		if inspect(v, f.limits).huge {
			list = append(list, diag.Diagnostic{Error: true, Message: "the answer for " + name + " is too large", Range: f.place(attrs[name].Range), Fix: "shorten it"})
			continue
		}
		if name == "length" && g.typ == "aws_availability_zones" {
			if n, err := wholeNumber(v); err == nil && n >= 0 && n <= maxSliced {
				g.length = n
				continue
			}
			list = append(list, diag.Diagnostic{
				Error: true, Message: fmt.Sprintf("the number of zones is a whole number from 0 to %d", maxSliced), Range: f.place(attrs[name].Expr.Range()), Fix: "write length = 3",
			})
			continue
		}
		g.values[name] = v
	}
	return g, list
}

// validModules reports whether the parts of a pattern before the data source
// name modules.
func validModules(parts []string) bool {
	if len(parts) > 0 && parts[0] == "*" {
		parts = parts[1:]
	}
	for i, p := range parts {
		if i%2 == 0 && p != "module" {
			return false
		}
	}
	return len(parts)%2 == 0
}

// Find returns what is said of the data source with an address.
func (a *Answers) Find(address, typ string) map[string]cty.Value {
	var fits []*Given
	var parts []string
	for _, g := range a.all {
		if g.typ != typ {
			continue
		}
		if parts == nil {
			parts = segments(address)
		}
		if g.matches(parts) {
			g.used.Store(true)
			fits = append(fits, g)
		}
	}
	slices.SortStableFunc(fits, func(x, y *Given) int { return y.wildcards() - x.wildcards() })
	var out map[string]cty.Value
	for _, g := range fits {
		if out == nil {
			out = map[string]cty.Value{}
		}
		if g.length >= 0 {
			for _, list := range []string{"names", "zone_ids"} {
				out[list] = elementSymbols(address, list, g.length)
			}
		}
		for name, v := range g.values {
			out[name] = v
		}
	}
	return out
}

func elementSymbols(address, list string, n int) cty.Value {
	if n == 0 {
		return cty.ListValEmpty(cty.String)
	}
	vs := make([]cty.Value, n)
	for i := range vs {
		vs[i] = cty.StringVal(tf.ElementSymbol(address, list, i))
	}
	return cty.ListVal(vs)
}

// segments splits an address at the dots outside of index brackets.
func segments(address string) []string {
	var out []string
	start, quoted, depth := 0, false, 0
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '.' && depth == 0:
			out = append(out, address[start:i])
			start = i + 1
		}
	}
	return append(out, address[min(start, len(address)):])
}

func (g *Given) matches(address []string) bool {
	p := g.pattern
	if p[0] == "*" {
		p = p[1:]
		if len(address) < len(p) {
			return false
		}
		address = address[len(address)-len(p):]
	}
	if len(p) != len(address) {
		return false
	}
	for i := range p {
		if !segmentMatches(p[i], address[i]) {
			return false
		}
	}
	return true
}

func segmentMatches(p, a string) bool {
	name, index, indexed := strings.Cut(p, "[")
	have, at, _ := strings.Cut(a, "[")
	return (name == have || name == "*") && (!indexed || index == "*]" || index == at)
}

// wildcards counts what a pattern leaves open; any module most of all.
func (g *Given) wildcards() int {
	n := 0
	for i, p := range g.pattern {
		switch {
		case p == "*" && i == 0:
			n += 100
		case strings.HasPrefix(p, "*"):
			n += 10
		case strings.HasSuffix(p, "[*]") || i%2 == 1 && !strings.Contains(p, "["):
			n++
		}
	}
	return n
}
