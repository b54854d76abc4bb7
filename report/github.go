package report

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// GitHub writes a check as workflow commands, which GitHub shows as annotations
// beside the lines of a change, followed by the summary. prefix is as for
// SARIF.
// [https://docs.github.com/actions/reference/workflow-commands-for-github-actions]
func GitHub(c Check, prefix string) string {
	p := &printer{}
	for _, d := range sorted(c.Diagnostics) {
		command := "warning"
		if d.Error {
			command = "error"
		}
		message := d.Message
		for _, more := range []string{d.Fix, d.Note} {
			if more != "" {
				message += "\n" + more
			}
		}
		p.annotation(command, "postern", d.Range, prefix, message)
	}
	js := join(worstFirst(c.active()))
	for _, j := range js {
		p.annotation(commandOf(j.Severity), fmt.Sprintf("postern: %s (%s)", j.Rule, j.Severity), j.Place.Range, prefix, annotationText(j))
	}
	p.summary(c, js)
	return p.String()
}

func commandOf(s diag.Severity) string {
	switch s {
	case diag.Critical, diag.High:
		return "error"
	case diag.Medium:
		return "warning"
	case diag.Low, diag.Info, diag.SeverityInvalid:
	}
	return "notice"
}

func annotationText(j joined) string {
	lines := []string{j.Message}
	if j.Place.Range.IsZero() && j.Place.Address != "" {
		lines[0] += " (" + j.Place.Address + ")"
	}
	lines = append(lines, pathLines(j.Path, "")...)
	for _, s := range []string{j.Why, strings.Join(becauseLines(j.Finding, 1<<16), "\n")} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	if j.Fix.Text != "" {
		lines = append(lines, "fix: "+j.Fix.Text)
	}
	return strings.Join(lines, "\n")
}

// annotation prints one workflow command. endColumn is only understood when
// the stretch is on one line.
func (p *printer) annotation(command, title string, r diag.Range, prefix, message string) {
	var properties []string
	add := func(name, value string) { properties = append(properties, name+"="+commandProperty(value)) }
	if !r.IsZero() {
		file := r.File
		if !path.IsAbs(file) {
			file = path.Join(prefix, file)
		}
		add("file", file)
		if r.Start.Line > 0 {
			add("line", strconv.Itoa(r.Start.Line))
			if r.End.Line > r.Start.Line {
				add("endLine", strconv.Itoa(r.End.Line))
			} else {
				add("col", strconv.Itoa(r.Start.Column))
				add("endLine", strconv.Itoa(r.Start.Line))
				add("endColumn", strconv.Itoa(max(r.End.Column, r.Start.Column)))
			}
		}
	}
	add("title", title)
	p.linef("::%s %s::%s", command, strings.Join(properties, ","), commandData(message))
}

// commandData escapes the message of a workflow command; its lines stay apart.
func commandData(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	s = strings.Join(lines, "\n")
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// commandProperty escapes a property of a workflow command.
func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", ",", "%2C").Replace(clean(s))
}
