package hcl

import (
	"io/fs"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Predictions of how many steps a function takes, for those that take much
// longer than to walk over what they are given.

// fileSteps is what it takes to look for a file.
const fileSteps = 8

// comparisons is how many elements are compared in the time of a step.
const comparisons = 64

func distinctToil(args []cty.Value) int {
	if len(args) == 0 {
		return 0
	}
	n := elements(args[0])
	return n * n / comparisons
}

func matchToil(args []cty.Value) int {
	if len(args) < 3 {
		return 0
	}
	return elements(args[1]) * elements(args[2]) / comparisons
}

// productToil counts the types that are compared to find one for all elements.
func productToil(args []cty.Value) int {
	n := 0
	for _, a := range args {
		if unmarked(a).Type().IsTupleType() {
			n += elements(a)
		}
	}
	return n * n / comparisons
}

func elements(v cty.Value) int {
	if v = unmarked(v); v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
		return v.LengthInt()
	}
	return 0
}

func splitSize(args []cty.Value) int {
	sep, text := unmarked(args[0]), unmarked(args[1])
	return strings.Count(text.AsString(), sep.AsString()) + 1
}

// textToil is for functions that parse a text.
func textToil(args []cty.Value) int {
	n := 0
	for _, a := range args {
		if a = unmarked(a); a.Type() == cty.String {
			n += len(a.AsString())
		}
	}
	return n / (stepBytes / 8)
}

func replaceToil(args []cty.Value) int {
	if len(args) < 2 {
		return 0
	}
	text, pattern := unmarked(args[0]), unmarked(args[1])
	if text.Type() != cty.String || pattern.Type() != cty.String || !isPattern(pattern.AsString()) {
		return 0
	}
	p := pattern.AsString()
	return matchingToil(p[1:len(p)-1], text.AsString())
}

func regexToil(args []cty.Value) int {
	if len(args) < 2 {
		return 0
	}
	pattern, text := unmarked(args[0]), unmarked(args[1])
	if text.Type() != cty.String || pattern.Type() != cty.String {
		return 0
	}
	return matchingToil(pattern.AsString(), text.AsString())
}

const (
	maxPattern = 10_000 // bytes of a pattern; it may unfold to a thousand times as much
	// maxMatching bounds the bytes that the matches of one call look at
	// together, times the size of the pattern.
	maxMatching = 1 << 27
	never       = 1 << 40 // steps that no root has
)

// matchingToil bounds what it takes to find all matches: each may look at the
// text up to its end, in every state of the pattern.
func matchingToil(pattern, text string) int {
	if len(pattern) > maxPattern {
		return never
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	states := 1 + len(prog.Inst)/16
	n := len(text) * states
	if n > maxMatching {
		return never
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return 0
	}
	for at := 0; at < len(text); {
		m := re.FindStringIndex(text[at:])
		if m == nil {
			break
		}
		at += max(m[1], 1)
		if n += (len(text) - at) * states; n > maxMatching {
			return never
		}
	}
	return len(prog.Inst) + n/stepBytes
}

// countedFS charges for the entries of the directories that are read.
type countedFS struct {
	fs.FS
	s *scope
}

func (l countedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	if _, ok := l.s.spend(len(entries) + 10); !ok {
		return nil, errGrows
	}
	return entries, err
}
