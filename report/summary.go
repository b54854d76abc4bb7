package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
)

// summary prints the last lines of a text answer: how many findings, what they
// rest on, and the exit status in words.
func (p *printer) summary(c Check, js []joined) {
	fs := c.active()
	files := count(len(c.Coverage.Inputs), "file")
	cov := c.Coverage
	suppressed := ""
	if n := len(c.Findings) - len(fs); n > 0 {
		suppressed = " " + count(n, "finding") + " suppressed."
	}
	switch {
	case len(fs) > 0:
		p.linef("%s", p.look(tally(c, fs, js), bold))
		for _, line := range heaviest(js) {
			p.linef("%s", line)
		}
		rest := counts(cov)
		if c.Diagnostics.Errors() {
			rest = afterErrors(cov)
		}
		p.linef("%s%s", rest, suppressed)
		p.unknowns(cov)
	case c.Diagnostics.Errors() && cov.empty():
		p.linef("Nothing could be checked.")
	case c.Diagnostics.Errors():
		p.linef("No findings in what could be read.%s %s", suppressed, afterErrors(cov))
		p.unknowns(cov)
	case cov.empty() && c.Changed && len(cov.Inputs) == 0:
		p.linef("None of the changed files belongs to anything that can be checked.")
	case cov.empty():
		p.linef("No security groups, network ACLs or routes in %s. Is this the right directory?", files)
	case cov.Complete():
		p.linef("No findings.%s %s; nothing unknown, nothing left out.", suppressed, strings.TrimSuffix(counted(cov), "."))
	default:
		p.linef("No findings in what could be read.%s %s", suppressed, counts(cov))
		p.unknowns(cov)
	}
	if !c.Exit.Quiet {
		p.linef("%s", clean(c.Exit.Words))
	}
}

// shortSummary is the summary without what the answer rests on, unless there
// is nothing else to say or parts were left out.
func (p *printer) shortSummary(c Check, js []joined) {
	fs := c.active()
	if len(fs) == 0 {
		p.summary(c, js)
		return
	}
	p.linef("%s", p.look(tally(c, fs, js), bold))
	for _, line := range heaviest(js) {
		p.linef("%s", line)
	}
	if len(c.Coverage.NotAnalysed) > 0 {
		p.linef("%s", leftOut(c.Coverage))
	}
	p.linef("%s", clean(c.Exit.Words))
}

func (c Coverage) empty() bool {
	return c.Rules+c.Entries+c.Interfaces+c.Routes == 0 && c.Complete()
}

// tally counts findings by severity, and says how they spread over many roots.
func tally(c Check, fs []diag.Finding, js []joined) string {
	if len(js) < len(fs) && c.Coverage.Roots > 1 {
		roots := map[string]bool{}
		for _, f := range fs {
			roots[f.Root] = true
		}
		return fmt.Sprintf("%s in %s of %s, %s after joining those that come from one line.",
			count(len(fs), "finding"), thousands(len(roots)), count(c.Coverage.Roots, "root module"), thousands(len(js)))
	}
	return count(len(fs), "finding") + ": " + bySeverity(fs)
}

func bySeverity(fs []diag.Finding) string {
	var parts []string
	for _, s := range diag.Severities {
		n := 0
		for _, f := range fs {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", thousands(n), s))
		}
	}
	return strings.Join(parts, ", ")
}

// heaviest names the line that alone accounts for a third of the findings or
// more, when there are many.
func heaviest(js []joined) []string {
	total := 0
	var most joined
	for _, j := range js {
		total += 1 + len(j.also)
		if len(j.also) > len(most.also) {
			most = j
		}
	}
	n := 1 + len(most.also)
	if total <= conciseFrom || 3*n < total {
		return nil
	}
	return []string{fmt.Sprintf("%s alone accounts for %s of them.", clean(most.Place.Range.Line()), thousands(n))}
}

// counted says what the answer rests on: "9 rules, 4 ACL entries, ... in 4 files.".
func counted(c Coverage) string {
	entries := thousands(c.Entries) + " ACL entries"
	if c.Entries == 1 {
		entries = "1 ACL entry"
	}
	text := fmt.Sprintf("%s, %s, %s in %s", count(c.Rules, "rule"), entries, count(c.Interfaces, "interface"), count(len(c.Inputs), "file"))
	if c.Roots > 1 {
		text += " of " + count(c.Roots, "root module")
	}
	return text + "."
}

// counts adds what is unknown and what was left out.
func counts(c Coverage) string {
	text := counted(c) + " Unknown: "
	values := c.wanted()
	waiting := c.Rules + c.Entries - c.Resolved
	switch {
	case waiting > 0:
		text += fmt.Sprintf("%s, for want of %s.", count(waiting, "rule"), count(len(values), "value"))
	case len(c.Unknown) > 0:
		text += "no rule, " + count(len(c.Unknown), "other thing") + "."
	default:
		text += "nothing."
	}
	return text + " " + leftOut(c)
}

// afterErrors is counts without a claim that nothing was left out: what could
// not be read was.
func afterErrors(c Coverage) string {
	if len(c.NotAnalysed) > 0 {
		return counts(c)
	}
	return strings.TrimSuffix(counts(c), " "+leftOut(c))
}

// leftOut says which parts of the input were not analysed.
func leftOut(c Coverage) string {
	modules := 0
	for _, o := range c.NotAnalysed {
		if o.Cause.Code == diag.NotInstalled {
			modules++
		}
	}
	switch n := len(c.NotAnalysed); {
	case n == 0:
		return "Left out: nothing."
	case modules == n:
		return fmt.Sprintf("INCOMPLETE: %s not installed (run `terraform init`).", are(n, "module"))
	case modules > 0:
		return fmt.Sprintf("INCOMPLETE: %s not analysed; %s not installed (run `terraform init`).", are(n-modules, "part"), are(modules, "module"))
	default:
		return fmt.Sprintf("INCOMPLETE: %s not analysed.", are(n, "part"))
	}
}

func are(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " is"
	}
	return count(n, noun) + " are"
}

// unknowns lists the values that most rules wait for, when there are so many
// that their findings do not show it.
func (p *printer) unknowns(c Coverage) {
	const from, most = 4, 6
	values := c.wanted()
	if len(values) < from {
		return
	}
	widest := 0
	for _, v := range values[:min(len(values), most)] {
		widest = max(widest, len(thousands(v.rules)))
	}
	var rows [][]string
	for _, v := range values[:min(len(values), most)] {
		row := []string{fmt.Sprintf("%*s", widest, thousands(v.rules)), clean(cmp.Or(v.Cause.Address, v.Cause.Message))}
		if c.Roots > 1 {
			row = append(row, count(v.roots, "root"))
		}
		rows = append(rows, append(row, remedy(v.Cause)))
	}
	for _, line := range table(rows) {
		p.linef("  %s", line)
	}
	if n := len(values) - most; n > 0 {
		p.linef("  and %s more (postern show lists them)", count(n, "value"))
	}
}

// remedy says what would make a value known.
func remedy(c diag.Cause) string {
	switch c.Code {
	case diag.NoValue:
		if c.Address == "terraform.workspace" {
			return "--workspace NAME gives it"
		}
		return "-var or --var-file gives it"
	case diag.DataSource:
		if strings.HasPrefix(c.Address, "data.terraform_remote_state.") {
			return "--with STATE answers it"
		}
		return "--data FILE answers it"
	case diag.Computed:
		return "known after apply"
	case diag.NotInstalled:
		return "terraform init installs it"
	case diag.Sensitive, diag.Function, diag.Truncated, diag.Limit, diag.NotInInput, diag.NotModelled, diag.NotValid:
	}
	return clean(c.Message)
}

// severityCounts counts findings by severity, in the order of diag.Severities.
func severityCounts(fs []diag.Finding) []int {
	ns := make([]int, len(diag.Severities))
	for _, f := range fs {
		if i := slices.Index(diag.Severities[:], f.Severity); i >= 0 {
			ns[i]++
		}
	}
	return ns
}
