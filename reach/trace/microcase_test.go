package trace_test

import (
	"os"
	"slices"
	"testing"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/reach/trace"
)

const semantics = "../../testdata/semantics"

func load(t testing.TB, name string) []*microcase.Case {
	t.Helper()
	cases, err := microcase.Load(os.DirFS(semantics), name)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// answer runs the check of a case.
func answer(c *microcase.Case) (trace.Verdict, trace.Result) {
	q := trace.Query{From: c.From, To: c.To, Header: c.Header, NATPort: c.NATPort}
	switch c.Check {
	case microcase.Groups:
		return trace.Groups(c.Network, c.At, c.Egress, c.Header, c.Peer), trace.Result{}
	case microcase.ACL:
		return trace.ACL(c.ACL, c.Egress, c.Header), trace.Result{}
	case microcase.Packet:
		r := trace.Run(c.Network, q)
		return r.Forward.Verdict, r
	case microcase.Flow:
		r := trace.Run(c.Network, q)
		return r.Verdict, r
	}
	return trace.VerdictInvalid, trace.Result{}
}

func TestMicrocases(t *testing.T) {
	for _, c := range load(t, "microcases.json") {
		t.Run(c.ID, func(t *testing.T) {
			if got, r := answer(c); got.String() != c.Expect {
				t.Errorf("%s\ngot %v, want %s: %s\n%s", c.Title, got, c.Expect, c.Because, dump(r))
			}
		})
	}
}

// What is not known, and what docs/topology.md decides.
func TestFurtherCases(t *testing.T) {
	unknown, topology := load(t, "unknown.json"), load(t, "topology.json")
	if len(unknown) < 20 || len(topology) < 70 {
		t.Errorf("only %d and %d cases", len(unknown), len(topology))
	}
	for _, c := range append(unknown, topology...) {
		t.Run(c.ID, func(t *testing.T) {
			got, r := answer(c)
			if got.String() != c.Expect {
				t.Errorf("%s\ngot %v, want %s: %s\n%s", c.Title, got, c.Expect, c.Because, dump(r))
			}
			var terms []string
			for _, u := range r.Because {
				terms = append(terms, u.Term)
			}
			for _, want := range c.Terms {
				if !slices.Contains(terms, want) {
					t.Errorf("%s\nwaits for %q, want also %q\n%s", c.Title, terms, want, dump(r))
				}
			}
		})
	}
}
