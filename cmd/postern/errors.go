package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/reach/query"
	"github.com/postern-dev/postern/report"
)

// How the program speaks of mistakes: on standard error, "postern: " and one
// sentence without a capital or a full stop, and below it, indented, what to do
// instead.

// hint is a line below a mistake: "did you mean   aws_instance.web   group web".
type hint struct{ label, what, note string }

// usageError is a question that cannot be answered as it was asked.
type usageError struct {
	message string
	hints   []hint
}

func (e *usageError) Error() string { return e.message }

// printError says what is wrong.
func printError(w io.Writer, err error) {
	e := explain(err)
	fmt.Fprintf(w, "postern: %s\n", report.Clean(e.message))
	label, what := 0, 0
	for _, h := range e.hints {
		label, what = max(label, len(h.label)), max(what, len(h.what))
	}
	last := ""
	for _, h := range e.hints {
		shown := h.label
		if shown == last {
			shown = ""
		}
		last = h.label
		line := fmt.Sprintf("  %-*s   %-*s   %s", label, shown, what, report.Clean(h.what), report.Clean(h.note))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// explain adds to the errors of the packages what a person can do.
func explain(err error) *usageError {
	var (
		usage     *usageError
		path      *parse.UsageError
		missing   *endpoint.NotFoundError
		ambiguous *endpoint.AmbiguousError
		many      *query.TooManyError
	)
	switch {
	case errors.As(err, &usage):
		return usage
	case errors.As(err, &path):
		e := &usageError{message: path.Error()}
		if path.Hint != "" {
			e.hints = []hint{{"hint", path.Hint, ""}}
		}
		return e
	case errors.As(err, &many):
		return &usageError{message: many.Error(), hints: []hint{{"all at once", "postern reach --by group", "or interface, subnet, vpc, tag:KEY"}}}
	case errors.As(err, &missing):
		return explainMissing(missing)
	case errors.As(err, &ambiguous):
		e := &usageError{message: ambiguous.Error()}
		const most = 8
		for _, n := range ambiguous.Names[:min(len(ambiguous.Names), most)] {
			e.hints = append(e.hints, hint{"one of", n.Name, n.Note})
		}
		if n := len(ambiguous.Names) - most; n > 0 {
			e.hints = append(e.hints, hint{"", fmt.Sprintf("and %d more", n), ""})
		}
		return e
	}
	return &usageError{message: err.Error()}
}

func explainMissing(missing *endpoint.NotFoundError) *usageError {
	e := &usageError{message: missing.Message}
	if len(missing.Values) > 0 {
		var values []string
		const most = 8
		for i, v := range missing.Values[:min(len(missing.Values), most)] {
			note := strings.Fields(v.Note)[0]
			if i == 0 {
				note = v.Note
			}
			values = append(values, fmt.Sprintf("%s (%s)", v.Name, note))
		}
		if n := len(missing.Values) - most; n > 0 {
			values = append(values, fmt.Sprintf("and %d more", n))
		}
		e.hints = append(e.hints, hint{missing.Key + " is one of", strings.Join(values, ", "), ""})
		return e
	}
	for _, n := range missing.Near {
		e.hints = append(e.hints, hint{"did you mean", n.Name, n.Note})
	}
	e.hints = append(e.hints, hint{"every name", "postern show --names", ""})
	return e
}
