package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// ignores keeps account of what the ignore comments of a run silence. One
// comment may stand in a module that several roots and variants use: it is
// unused only when it is so in all of them.
type ignores struct {
	catalogue []*Rule
	now       time.Time
	seen      map[diag.Range]*ignoreUse
}

// ignoreUse is one comment, whichever network it was read for.
type ignoreUse struct {
	ignore  diag.Ignore
	root    string
	variant string
	used    map[string]bool // by rule id
	over    map[string]bool // would have been used, had it not ended
}

func newIgnores(catalogue []*Rule, now time.Time) *ignores {
	return &ignores{catalogue: catalogue, now: now, seen: map[diag.Range]*ignoreUse{}}
}

// apply marks the findings of a network that its comments silence.
func (i *ignores) apply(n *ir.Network, findings []diag.Finding) {
	for k := range n.Ignores {
		c := &n.Ignores[k]
		use := i.seen[c.Range]
		if use == nil {
			use = &ignoreUse{ignore: *c, root: n.Root, variant: n.Variant, used: map[string]bool{}, over: map[string]bool{}}
			i.seen[c.Range] = use
		}
		for f := range findings {
			f := &findings[f]
			if !slices.Contains(c.Rules, f.Rule) || !covers(c, f) {
				continue
			}
			switch {
			case i.ended(c):
				use.over[f.Rule] = true
			case c.Reason != "":
				use.used[f.Rule] = true
				if f.Suppressed == nil {
					f.Suppressed = c
				}
			}
		}
	}
}

// ended reports whether a comment's time is over: it is good for the whole of
// the day that it names.
func (i *ignores) ended(c *diag.Ignore) bool {
	return !c.Until.IsZero() && !i.now.IsZero() && !i.now.Before(c.Until.AddDate(0, 0, 1))
}

// covers reports whether a comment covers a finding: by the line of its place
// or of any hop of its path, or by the module that it was found in.
func covers(c *diag.Ignore, f *diag.Finding) bool {
	if c.Module != "" && within(f.Place.Address, c.Module) || onLine(c.Scope, f.Place.Range) {
		return true
	}
	for _, h := range f.Path {
		for _, p := range h.Places {
			if onLine(c.Scope, p.Range) {
				return true
			}
		}
	}
	return false
}

// onLine reports whether a place begins on one of the lines of a scope. Where
// a file has everything on one line, it must begin within the scope.
func onLine(scope, place diag.Range) bool {
	if scope.IsZero() || scope.File != place.File || place.Start.Line == 0 {
		return false
	}
	if scope.Start.Line == scope.End.Line && scope.End.Byte > scope.Start.Byte {
		return scope.Start.Byte <= place.Start.Byte && place.Start.Byte < scope.End.Byte
	}
	last := scope.End.Line
	if scope.End.Column == 1 && last > scope.Start.Line {
		last-- // the end is exclusive
	}
	return scope.Start.Line <= place.Start.Line && place.Start.Line <= max(last, scope.Start.Line)
}

// within reports whether an address lies in a module. A module path without
// indexes covers all instances of the call.
func within(address, module string) bool {
	if !strings.ContainsRune(module, '[') {
		address = withoutIndexes(address)
	}
	rest, ok := strings.CutPrefix(address, module)
	return ok && strings.HasPrefix(rest, ".")
}

// withoutIndexes drops [0] and ["key"] from an address; a key may itself hold
// brackets.
func withoutIndexes(address string) string {
	var b strings.Builder
	depth, quoted, escaped := 0, false, false
	for _, r := range address {
		switch {
		case escaped:
			escaped = false
			continue
		case quoted && r == '\\':
			escaped = true
		case depth > 0 && r == '"':
			quoted = !quoted
		case quoted:
		case r == '[':
			depth++
		case r == ']' && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unused returns a finding for every comment that silences nothing. Nothing is
// said of rules that did not run.
func (i *ignores) unused(ran func(string) bool) []diag.Finding {
	var findings []diag.Finding
	for _, use := range i.seen {
		var idle, over, missing []string
		for _, id := range use.ignore.Rules {
			switch {
			case use.over[id]:
				over = append(over, id)
			case use.used[id]:
			case !slices.ContainsFunc(i.catalogue, func(r *Rule) bool { return r.ID == id }):
				missing = append(missing, id)
			case ran(id):
				idle = append(idle, id)
			}
		}
		if f, ok := use.finding(idle, over, missing); ok {
			findings = append(findings, f)
		}
	}
	slices.SortFunc(findings, func(a, b diag.Finding) int {
		return cmp.Or(a.Place.Range.Compare(b.Place.Range), cmp.Compare(a.Message, b.Message))
	})
	return findings
}

func (u *ignoreUse) finding(idle, over, missing []string) (diag.Finding, bool) {
	f := diag.Finding{
		Root: u.root, Variant: u.variant, Certainty: diag.Definite,
		Place: diag.Place{Range: u.ignore.Range},
		Key:   strings.Join(u.ignore.Rules, ","),
	}
	switch {
	case len(over) > 0:
		f.Message = fmt.Sprintf("this ignore of %s ended on %s", listWords(over, 3), u.ignore.Until.Format(time.DateOnly))
		f.Fix.Text = "repair what it hid, or give it a new until="
	case len(missing) > 0:
		f.Message = fmt.Sprintf("this ignore names %s, and no rule is called so", listWords(missing, 3))
		f.Fix.Text = "postern rules lists the names"
	case u.ignore.Reason == "":
		f.Message = "this ignore gives no reason, so it silences nothing"
		f.Fix.Text = "add -- and why"
	case len(idle) > 0:
		f.Message = fmt.Sprintf("this ignore silences nothing: %s finds nothing here", listWords(idle, 3))
		f.Fix.Text = "remove it"
		if len(idle) < len(u.ignore.Rules) {
			f.Fix.Text = "remove " + listWords(idle, 3) + " from it"
		}
	default:
		return f, false
	}
	return complete(f, unusedIgnore, &ir.Network{Root: u.root, Variant: u.variant}), true
}

var unusedIgnore = &Rule{
	ID: "unused-ignore", Title: "An ignore comment that ignores nothing", Severity: diag.Info, Local: true,
	Doc: Doc{
		What: "A `# postern:ignore` comment that silences no finding in any root and variant of the run, that has ended, that gives no reason, or that names a rule which does not exist.",
		Why:  "A comment that outlives its finding hides the next one on the same line.",
		Fix:  "Remove the comment, or correct the rule's name.",
		Bad: `resource "aws_security_group" "web" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"] # postern:ignore sg-rule-never-matches -- never true of ssh
  }
}
`,
		Good: `resource "aws_security_group" "web" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
}
`,
	},
}
