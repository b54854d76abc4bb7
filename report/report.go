// Package report turns what postern found into what people and machines read:
// text for terminals, JSON, SARIF, GitHub annotations and Markdown. One file a
// format; every writer is a pure function of its arguments, so the same answer
// always gives the same bytes.
//
// Names and texts that come from the input are hostile: they reach a terminal
// only through clean, GitHub only through its escapes, Markdown only through
// its own.
package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// Check is the answer of a check.
type Check struct {
	// Findings are all of them, suppressed ones included, in any order.
	Findings    []diag.Finding
	Diagnostics diag.List
	Coverage    Coverage
	Rules       []Rule            // the rules that ran
	Sources     map[string][]byte // the text of the files, by their shown names
	Exit        Exit
	Version     string // of postern
	Changed     bool   // only what some changed files belong to was read
}

// Exit is the exit status in a number and in words.
type Exit struct {
	Status int
	// Words is the last line: "Exit status 1: 1 finding at or above high.".
	Words string
	// Quiet: the status says nothing that the summary has not said.
	Quiet bool
}

// Rule is what a report says about a rule of the catalogue.
type Rule struct {
	ID       string
	Title    string
	Severity diag.Severity
	Off      bool
	What     string
	Why      string
	Fix      string
	Bad      string // Terraform that it reports
	Good     string // Terraform on which it is silent
	// References are the rule's names in other catalogues.
	References []string
}

// Fingerprint identifies a finding across changes that move lines: the first
// 32 hexadecimal digits of the SHA-256 of rule, root, resource and the rule's
// own match, each ended by a zero byte.
func Fingerprint(f diag.Finding) string {
	h := sha256.New()
	for _, part := range []string{f.Rule, f.Root, f.Place.Address, f.Key} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// active returns the findings that are not suppressed.
func (c Check) active() []diag.Finding {
	return slices.DeleteFunc(slices.Clone(c.Findings), func(f diag.Finding) bool { return f.Suppressed != nil })
}

// worstFirst orders findings by severity, the definite ones of a severity
// first, and then by place.
func worstFirst(fs []diag.Finding) []diag.Finding {
	fs = slices.Clone(fs)
	diag.SortFindings(fs)
	slices.SortStableFunc(fs, func(a, b diag.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Certainty, b.Certainty))
	})
	return fs
}

// joined is findings that come from one line: one rule, one place, one match,
// seen in several roots or several instances of a module.
type joined struct {
	diag.Finding
	also []diag.Finding
}

// join puts findings together that come from one line. Order is kept.
func join(fs []diag.Finding) []joined {
	type key struct {
		rule, match string
		place       diag.Range
		severity    diag.Severity
		certainty   diag.Certainty
	}
	at := map[key]int{}
	var js []joined
	for _, f := range fs {
		k := key{f.Rule, f.Key, f.Place.Range, f.Severity, f.Certainty}
		if i, ok := at[k]; ok && !f.Place.Range.IsZero() && f.Place.Range.Start.Line > 0 {
			js[i].also = append(js[i].also, f)
			continue
		}
		at[k] = len(js)
		js = append(js, joined{Finding: f})
	}
	return js
}

// origins says where else a joined finding was seen: roots where they differ,
// resources otherwise.
func (j joined) origins() []string {
	var roots, resources []string
	for _, f := range j.also {
		if r := rootName(f); r != rootName(j.Finding) {
			roots = append(roots, r)
		}
		if f.Place.Address != j.Place.Address {
			resources = append(resources, f.Place.Address)
		}
	}
	names := roots
	if len(names) == 0 {
		names = resources
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func rootName(f diag.Finding) string {
	root := cmp.Or(f.Root, ".")
	if f.Variant != "" {
		root += " (" + f.Variant + ")"
	}
	return root
}

// place returns file:line:column of a finding for people and editors. A file
// without a line is shown from its start; what is in no file goes by its
// address.
func place(p diag.Place) string {
	switch {
	case p.Range.IsZero():
		return cmp.Or(p.Address, "(not in a file)")
	case p.Range.Start.Line == 0:
		return shownFile(p.Range.File) + ":1:1"
	}
	r := p.Range
	r.File = shownFile(r.File)
	return r.String()
}

// shownFile keeps a file name at the start of a line from being taken for a
// command by a CI runner that reads standard output ("::error").
func shownFile(name string) string {
	if strings.HasPrefix(name, ":") || strings.HasPrefix(name, "#") {
		return "./" + name
	}
	return name
}
