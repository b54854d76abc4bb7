package main

import (
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/report"
)

func TestExit(t *testing.T) {
	high := diag.Finding{Rule: "internet-ssh", Severity: diag.High, Certainty: diag.Definite}
	low := diag.Finding{Rule: "latent-exposure", Severity: diag.Low, Certainty: diag.Definite}
	possible := diag.Finding{Rule: "internet-ssh", Severity: diag.High, Certainty: diag.Possible}
	unknown := diag.Finding{Rule: "unknown-value", Severity: diag.Info, Certainty: diag.Definite}
	ignored := diag.Finding{Rule: "internet-ssh", Severity: diag.High, Certainty: diag.Definite, Suppressed: &diag.Ignore{}}
	broken := diag.List{{Error: true, Range: diag.Range{File: "b.json"}}, {Error: true, Range: diag.Range{File: "b.json"}}}
	files := report.Coverage{Inputs: []report.Input{{Path: "a.json"}}}
	gap := report.Coverage{Unknown: []report.UnknownValue{{}}}
	tests := []struct {
		name          string
		gate          gate
		findings      []diag.Finding
		list          diag.List
		coverage      report.Coverage
		disagreements int
		status        int
		words         string
		quiet         bool
	}{
		{"clean", gate{failOn: "high"}, nil, nil, files, 0, 0, "Exit status 0: none at or above high.", true},
		{"below the gate", gate{failOn: "high"}, []diag.Finding{low}, nil, files, 0, 0, "Exit status 0: none at or above high.", false},
		{"at the gate", gate{failOn: "high"}, []diag.Finding{high, low}, nil, files, 0, 1, "Exit status 1: 1 finding at or above high.", false},
		{"above the gate", gate{failOn: "low"}, []diag.Finding{high, low}, nil, files, 0, 1, "Exit status 1: 2 findings at or above low.", false},
		{"a higher gate", gate{failOn: "critical"}, []diag.Finding{high}, nil, files, 0, 0, "Exit status 0: none at or above critical.", false},
		{"never", gate{failOn: "never", strict: true}, []diag.Finding{high}, nil, gap, 0, 0, "Exit status 0: with --fail-on never it always is.", false},
		{"suppressed", gate{failOn: "info"}, []diag.Finding{ignored}, nil, files, 0, 0, "Exit status 0: none at or above info.", false},
		{"possible counts", gate{failOn: "high"}, []diag.Finding{possible}, nil, files, 0, 1, "Exit status 1: 1 finding at or above high.", false},
		{"possible below the gate", gate{failOn: "critical"}, []diag.Finding{possible}, nil, files, 0, 0, "Exit status 0; with --strict it would be 1.", false},
		{"possible, strict", gate{failOn: "critical", strict: true}, []diag.Finding{possible}, nil, files, 0, 1, "Exit status 1: with --strict, 1 possible finding.", false},
		{"an unknown value is no finding of the gate", gate{failOn: "info"}, []diag.Finding{unknown}, nil, gap, 0, 0, "Exit status 0; with --strict it would be 1.", false},
		{"unknown, strict", gate{failOn: "critical", strict: true}, []diag.Finding{unknown}, nil, gap, 0, 1, "Exit status 1: with --strict, 1 unknown value.", false},
		{"unknown without a finding, strict", gate{failOn: "high", strict: true}, nil, nil, gap, 0, 1, "Exit status 1: with --strict, 1 unknown value.", false},
		{"broken input", gate{failOn: "high"}, []diag.Finding{high}, broken, files, 0, 2, "Exit status 2: 1 of 2 files could not be read; the findings above come from the rest.", false},
		{"broken input, never", gate{failOn: "never"}, nil, broken, files, 0, 2, "Exit status 2: 1 of 2 files could not be read; the rest was checked.", false},
		{"the only file is broken", gate{failOn: "high"}, nil, broken, report.Coverage{}, 0, 2, "Exit status 2: the file could not be read.", false},
		{"every file is broken", gate{failOn: "high"}, nil, append(diag.List{{Error: true, Range: diag.Range{File: "c.json"}}}, broken...), report.Coverage{}, 0, 2, "Exit status 2: none of 2 files could be read.", false},
		{"unknown values beside findings of the mildest gate", gate{failOn: "info"}, []diag.Finding{low, unknown}, nil, gap, 0, 1, "Exit status 1: 1 finding at or above info; unknown values count with --strict only.", false},
		{"an error about no file", gate{failOn: "high"}, nil, diag.List{{Error: true}}, files, 0, 2, "Exit status 2: the answer is not complete.", false},
		{"a bound that was reached", gate{failOn: "high"}, nil, diag.List{{Error: true, Range: diag.Range{File: "live"}, Cause: diag.Cause{Code: diag.Limit}}}, files, 0, 2, "Exit status 2: the answer is not complete.", false},
		{"warnings do not count", gate{failOn: "high"}, nil, diag.List{{Message: "odd"}}, files, 0, 0, "Exit status 0: none at or above high.", true},
		{"judges disagree", gate{failOn: "high"}, []diag.Finding{high}, broken, files, 1, 3, "Exit status 3: 1 answer that postern's own evaluator does not confirm; please report this.", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.gate.exit(tt.findings, tt.list, tt.coverage, tt.disagreements)
			if e.Status != tt.status || e.Words != tt.words || e.Quiet != tt.quiet {
				t.Errorf("got %+v, want status %d, %q, quiet %v", e, tt.status, tt.words, tt.quiet)
			}
		})
	}
}

func TestExpectation(t *testing.T) {
	tests := []struct {
		expect string
		got    trace.Verdict
		list   diag.List
		status int
		words  string
	}{
		{"", trace.Deny, nil, 0, ""},
		{"deny", trace.Deny, nil, 0, ""},
		{"allow", trace.Deny, nil, 1, "Exit status 1: expected allow, and it is deny."},
		{"allow", trace.Unknown, nil, 1, "Exit status 1: expected allow, and it is unknown."},
		{"deny", trace.Unknown, nil, 1, "Exit status 1: expected deny, and it is unknown."},
		{"deny", trace.Deny, diag.List{{Error: true}}, 2, "Exit status 2: a part of the input could not be read."},
	}
	for _, tt := range tests {
		if e := expectation(tt.expect, tt.got, tt.list); e.Status != tt.status || e.Words != tt.words {
			t.Errorf("expectation(%q, %s) = %+v", tt.expect, tt.got, e)
		}
	}
}
