package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// RuleText writes the documentation of a rule for a terminal.
func RuleText(r Rule, o Options) string {
	p := &printer{Options: o}
	p.linef("%s  %s", p.look(r.ID, bold), p.look(severityWords(r), severityLook(r.Severity)))
	p.linef("%s", r.Title)
	for _, part := range []struct{ label, text string }{{"", r.What}, {"Why: ", r.Why}, {"Fix: ", r.Fix}} {
		if strings.TrimSpace(part.text) == "" {
			continue
		}
		p.linef("")
		for _, paragraph := range paragraphs(part.label + part.text) {
			for _, l := range wrap(paragraph, p.width()) {
				p.linef("%s", l)
			}
		}
	}
	p.code("Reported:", r.Bad)
	p.code("Silent:", r.Good)
	if len(r.References) > 0 {
		p.linef("")
		for _, l := range wrap("Known elsewhere as: "+strings.Join(r.References, "; "), p.width()) {
			p.linef("%s", l)
		}
	}
	return p.String()
}

func (p *printer) code(label, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	p.linef("")
	p.linef("%s", label)
	for _, l := range strings.Split(strings.Trim(text, "\n"), "\n") {
		p.linef("    %s", expand(l))
	}
}

func severityWords(r Rule) string {
	if r.Off {
		return r.Severity.String() + ", off unless it is enabled"
	}
	return r.Severity.String()
}

// paragraphs joins the lines of a text that belong together: a blank line and
// an indented line stand for themselves.
func paragraphs(text string) []string {
	var ps []string
	open := false
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		switch {
		case strings.TrimSpace(l) == "":
			ps, open = append(ps, ""), false
		case strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t"):
			ps, open = append(ps, l), false
		case open:
			ps[len(ps)-1] += " " + l
		default:
			ps, open = append(ps, l), true
		}
	}
	return ps
}

// RuleMarkdown writes the documentation of a rule as Markdown, without its
// title: code scanning shows that above.
func RuleMarkdown(r Rule) string {
	var b strings.Builder
	write := func(label, text string) {
		if strings.TrimSpace(text) == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(label + strings.Join(paragraphs(text), "\n"))
	}
	write("", cmp.Or(r.What, r.Title))
	write("**Why**: ", r.Why)
	write("**Fix**: ", r.Fix)
	fenced := func(label, text string) {
		if strings.TrimSpace(text) != "" {
			b.WriteString("\n\n" + label + "\n\n```terraform\n" + strings.Trim(text, "\n") + "\n```")
		}
	}
	fenced("Reported:", r.Bad)
	fenced("Silent:", r.Good)
	if len(r.References) > 0 {
		b.WriteString("\n\nKnown elsewhere as: " + strings.Join(r.References, "; "))
	}
	return b.String() + "\n"
}

// RulesMarkdown writes the documentation of rules as one page.
func RulesMarkdown(rules []Rule) string {
	var b strings.Builder
	for i, r := range rules {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("## " + r.ID + "\n\n" + r.Title + ". Severity: " + severityWords(r) + ".\n\n" + RuleMarkdown(r))
	}
	return b.String()
}

// RuleList writes the catalogue, the worst first, one line a rule.
func RuleList(rules []Rule, o Options) string {
	p := &printer{Options: o}
	rules = slices.Clone(rules)
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(boolRank(a.Off), boolRank(b.Off)), cmp.Compare(a.ID, b.ID))
	})
	rows := make([][]string, len(rules))
	off := 0
	for i, r := range rules {
		severity := r.Severity.String()
		if r.Off {
			severity += ", off"
			off++
		}
		rows[i] = []string{r.ID, severity, r.Title}
	}
	for _, l := range table(rows) {
		p.linef("%s", l)
	}
	p.linef("")
	total := count(len(rules), "rule")
	if off > 0 {
		total += fmt.Sprintf(", %d of them off unless `--enable RULE` says otherwise", off)
	}
	p.linef("%s. `postern rules RULE` explains one.", total)
	return p.String()
}

type jsonRule struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	Off        bool     `json:"off"`
	What       string   `json:"what"`
	Why        string   `json:"why"`
	Fix        string   `json:"fix"`
	Bad        string   `json:"bad"`
	Good       string   `json:"good"`
	References []string `json:"references"`
}

// RulesJSON writes the catalogue as postern/rules/v1.
func RulesJSON(rules []Rule) (string, error) {
	return encode(struct {
		Schema string     `json:"schema"`
		Rules  []jsonRule `json:"rules"`
	}{"postern/rules/v1", mapped(rules, func(r Rule) jsonRule {
		return jsonRule{
			r.ID, r.Title, r.Severity.String(), r.Off, r.What, r.Why, r.Fix, r.Bad, r.Good,
			mapped(r.References, func(s string) string { return s }),
		}
	})})
}
