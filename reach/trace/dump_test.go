package trace_test

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/reach/trace"
)

// dump prints a result the way the trace command would, roughly.
func dump(r trace.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n", r.Verdict)
	for k, l := range []trace.Leg{r.Forward, r.Reply} {
		fmt.Fprintf(&b, "%s %v %v\n", [...]string{"request", "reply"}[k], l.Verdict, l.Header)
		for _, h := range l.Hops {
			fmt.Fprintf(&b, "  %-7v %-20s %-15v %s  %s", h.Verdict, h.Component, h.Stage, h.Message, h.Place.Range.Line())
			if h.Place.Message != "" {
				fmt.Fprintf(&b, " (%s)", h.Place.Message)
			}
			if h.Code != "" {
				fmt.Fprintf(&b, " [%s]", h.Code)
			}
			for _, u := range h.Because {
				fmt.Fprintf(&b, " ?%s", u.Term)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
