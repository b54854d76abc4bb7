package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// Markdown writes a check as the summary of a CI job: a table of findings, and
// below it the details of each.
func Markdown(c Check) string {
	p := &printer{}
	js := join(worstFirst(c.active()))
	p.linef("### postern: %s", markdownTitle(c, js))
	p.linef("")
	for _, d := range sorted(c.Diagnostics) {
		word := "warning"
		if d.Error {
			word = "error"
		}
		p.linef("- **%s** %s %s", word, code(diagnosticPlace(d)), escape(d.Message))
	}
	if len(c.Diagnostics) > 0 {
		p.linef("")
	}
	p.markdownTable(js)
	sum := &printer{}
	sum.summary(c, js)
	for i, l := range strings.Split(strings.TrimSpace(sum.String()), "\n") {
		if i > 0 {
			p.linef(">")
		}
		p.linef("> %s", escape(strings.TrimSpace(l)))
	}
	return p.String()
}

func markdownTitle(c Check, js []joined) string {
	fs := c.active()
	switch {
	case len(fs) > 0:
		return strings.TrimSuffix(tally(c, fs, js), ".")
	case c.Diagnostics.Errors() || !c.Coverage.Complete():
		return "no findings in what could be read"
	default:
		return "no findings"
	}
}

// mostRows keeps a summary below the size that GitHub accepts (1 MiB).
const mostRows = 500

func (p *printer) markdownTable(js []joined) {
	if len(js) == 0 {
		return
	}
	p.linef("| | where | what |")
	p.linef("|---|---|---|")
	for _, j := range js[:min(len(js), mostRows)] {
		severity := j.Severity.String()
		if j.Severity >= diag.High {
			severity = "**" + severity + "**"
		}
		if j.Certainty == diag.Possible {
			severity += ", possible"
		}
		more := ""
		if len(j.also) > 0 {
			more = fmt.Sprintf(", and %s more from this line", count(len(j.also), "time"))
		}
		p.linef("| %s | %s | %s %s%s |", severity, code(cmp.Or(j.Place.Range.Line(), place(j.Place))), escape(j.Message), code(j.Rule), more)
	}
	if n := len(js) - mostRows; n > 0 {
		p.linef("| | | and %s more |", count(n, "finding"))
	}
	p.linef("")
	for _, j := range js[:min(len(js), mostRows)] {
		p.markdownDetails(j)
	}
}

func (p *printer) markdownDetails(j joined) {
	if j.Why == "" && j.Fix.Text == "" && len(j.Path) == 0 {
		return
	}
	p.linef("<details><summary>%s: %s</summary>", j.Severity, escapeHTML(j.Message))
	p.linef("")
	for _, h := range j.Path {
		service := h.Protocol
		if h.Port != "" {
			service += "/" + h.Port
		}
		p.linef("1. %s > %s %s %s", code(h.From), code(h.To), escape(service), escape(placesOf(h.Places, "")))
	}
	if len(j.Path) > 0 {
		p.linef("")
	}
	for _, part := range []struct{ label, text string }{
		{"Why", j.Why}, {"Note", strings.Join(becauseLines(j.Finding, 1<<16), " ")}, {"Fix", j.Fix.Text},
	} {
		if part.text != "" {
			p.linef("**%s**: %s", part.label, escape(flat(part.text)))
			p.linef("")
		}
	}
	p.linef("</details>")
	p.linef("")
}

// escapeHTML is escape for text between HTML tags, where Markdown is not read.
func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@\u200b").Replace(clean(s))
}

// escape makes text that comes from the input say itself in Markdown: no
// markup, no HTML, no mention of a person, one line.
func escape(s string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`,
		"#", `\#`, "~", `\~`, "@", "@\u200b", "://", ":\u200b//",
	).Replace(clean(s))
}

// code shows text in a code span, which no backtick of its own can end.
func code(s string) string {
	s = strings.ReplaceAll(clean(s), "|", `\|`)
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	return "`" + strings.ReplaceAll(s, "`", "'") + "`"
}
