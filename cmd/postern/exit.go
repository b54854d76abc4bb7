package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/report"
)

// The exit statuses. A higher one wins.
const (
	statusOK       = 0
	statusFindings = 1 // findings at or above the gate; a packet that goes another way than expected
	statusUsage    = 2 // the question or the input is at fault
	statusInternal = 3 // postern is: two of its judges disagree
)

// statusError ends the program with a status when everything has been said.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// failOn are the values of --fail-on, worst first.
var failOn = []string{"critical", "high", "medium", "low", "info", "never"}

// gate is what decides the status of a check.
type gate struct {
	failOn string // one of failOn
	strict bool   // what is unknown counts as well
}

// threshold is the mildest severity that counts.
func (g gate) threshold() (diag.Severity, bool) {
	for _, s := range diag.Severities {
		if s.String() == g.failOn {
			return s, true
		}
	}
	return diag.SeverityInvalid, false
}

// exit decides the status of a check and says it in words.
func (g gate) exit(fs []diag.Finding, list diag.List, cov report.Coverage, disagreements int) report.Exit {
	if disagreements > 0 {
		return words(statusInternal, fmt.Sprintf("%s that postern's own evaluator does not confirm; please report this", count(disagreements, "answer")))
	}
	switch broken := brokenFiles(list); {
	case broken == 0 && list.Errors():
		return words(statusUsage, "the answer is not complete")
	case broken > 0:
		return words(statusUsage, unread(broken, total(list, cov), len(fs) > 0))
	}
	counted := g.counted(fs)
	ignorance := ignorance(fs, cov)
	switch {
	case g.failOn == "never":
		return words(statusOK, "with --fail-on never it always is")
	case counted > 0:
		why := fmt.Sprintf("%s at or above %s", count(counted, "finding"), g.failOn)
		if !g.strict && g.failOn == diag.Info.String() && slices.ContainsFunc(fs, waits) {
			why += "; unknown values count with --strict only"
		}
		return words(statusFindings, why)
	case g.strict && ignorance != "":
		return words(statusFindings, "with --strict, "+ignorance)
	case ignorance != "":
		return report.Exit{Status: statusOK, Words: "Exit status 0; with --strict it would be 1."}
	}
	e := words(statusOK, "none at or above "+g.failOn)
	e.Quiet = len(fs) == 0
	return e
}

// unread says how many files could not be read, and what that leaves.
func unread(broken, of int, found bool) string {
	switch {
	case of == 1:
		return "the file could not be read"
	case broken == of:
		return fmt.Sprintf("none of %s could be read", count(of, "file"))
	case found:
		return fmt.Sprintf("%d of %s could not be read; the findings above come from the rest", broken, count(of, "file"))
	}
	return fmt.Sprintf("%d of %s could not be read; the rest was checked", broken, count(of, "file"))
}

// expectation decides the status of a trace: a verdict is no failure unless
// another one was expected.
func expectation(expect string, got trace.Verdict, list diag.List) report.Exit {
	switch {
	case list.Errors():
		return words(statusUsage, "a part of the input could not be read")
	case expect != "" && got.String() != expect:
		return words(statusFindings, fmt.Sprintf("expected %s, and it is %s", expect, got))
	}
	return report.Exit{Status: statusOK, Quiet: true}
}

func words(status int, why string) report.Exit {
	return report.Exit{Status: status, Words: fmt.Sprintf("Exit status %d: %s.", status, why)}
}

// unknownValue is the rule whose findings count only with --strict: they say
// what is not known, whatever their severity.
const unknownValue = "unknown-value"

// waits reports whether a finding says what is not known.
func waits(f diag.Finding) bool { return f.Rule == unknownValue && f.Suppressed == nil }

// counted is the number of findings at or above the gate.
func (g gate) counted(fs []diag.Finding) int {
	threshold, ok := g.threshold()
	if !ok {
		return 0
	}
	n := 0
	for _, f := range fs {
		if f.Suppressed == nil && f.Severity >= threshold && f.Rule != unknownValue {
			n++
		}
	}
	return n
}

// ignorance says what keeps an answer from being the whole truth, or "".
func ignorance(fs []diag.Finding, cov report.Coverage) string {
	unknown, possible := 0, 0
	for _, f := range fs {
		switch {
		case f.Suppressed != nil:
		case f.Certainty == diag.Possible:
			possible++
		case f.Rule == unknownValue:
			unknown++
		}
	}
	var parts []string
	switch {
	case unknown > 0:
		parts = append(parts, count(unknown, "unknown value"))
	case len(cov.Unknown) > 0:
		parts = append(parts, count(len(cov.Unknown), "unknown value"))
	}
	if n := len(cov.NotAnalysed); n > 0 {
		parts = append(parts, count(n, "part")+" not analysed")
	}
	if possible > 0 {
		parts = append(parts, count(possible, "possible finding"))
	}
	return strings.Join(parts, ", ")
}

// brokenFiles counts the files that could not be read: those that an error is
// about, unless it is that a bound of postern's own was reached.
func brokenFiles(list diag.List) int { return len(errorFiles(list)) }

func errorFiles(list diag.List) map[string]bool {
	files := map[string]bool{}
	for _, d := range list {
		if d.Error && !d.Range.IsZero() && d.Cause.Code != diag.Limit {
			files[d.Range.File] = true
		}
	}
	return files
}

// total counts the files that were read and those that could not be.
func total(list diag.List, cov report.Coverage) int {
	files := errorFiles(list)
	for _, i := range cov.Inputs {
		files[i.Path] = true
	}
	return len(files)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
