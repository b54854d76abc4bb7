package microcase_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/ir"
)

func TestLoad(t *testing.T) {
	for name, want := range map[string]int{"microcases.json": 176, "unknown.json": 59, "topology.json": 78, "codes.json": 53} {
		cases, err := microcase.Load(os.DirFS("../../testdata/semantics"), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(cases) != want {
			t.Errorf("%s: %d cases, want %d", name, len(cases), want)
		}
		ids := map[string]bool{}
		for _, c := range cases {
			if ids[c.ID] {
				t.Errorf("%s twice", c.ID)
			}
			ids[c.ID] = true
			if c.Title == "" || c.Because == "" || !c.Header.Valid() {
				t.Errorf("%s lacks a title, a reason or a header", c.ID)
			}
			switch known := len(ir.Terms(c.Network)) == 0; {
			case c.Expect != "allow" && c.Expect != "deny" && c.Expect != "unknown":
				t.Errorf("%s expects %q", c.ID, c.Expect)
			case known && c.Expect == "unknown" && name == "unknown.json":
				t.Errorf("%s expects unknown, and everything is known", c.ID)
			case !known && name == "microcases.json":
				t.Errorf("%s has unknowns", c.ID)
			}
			if c.Check == microcase.Flow && c.From == nil && c.To == nil {
				t.Errorf("%s has no end in the network", c.ID)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, text := range []string{
		`{`,
		`{"cases":[{"check":"flow","packet":{"src":"x","dst":"10.0.0.1"}}]}`,
		`{"cases":[{"check":"flow","packet":{"src":"10.0.0.1","dst":"::1"}}]}`,
		`{"cases":[{"check":"nothing","packet":{"src":"10.0.0.1","dst":"10.0.0.2"}}]}`,
		`{"cases":[{"check":"sg","at":"eni-x","packet":{"src":"10.0.0.1","dst":"10.0.0.2"}}]}`,
		`{"cases":[{"check":"nacl","at":"sub-x","packet":{"src":"10.0.0.1","dst":"10.0.0.2"}}]}`,
		`{"cases":[{"check":"flow","packet":{"src":"10.0.0.1","dst":"10.0.0.2"},"subnets":{"s":{"vpc":"v","nacl":"acl-x"}}}]}`,
		`{"cases":[{"check":"flow","packet":{"src":"10.0.0.1","dst":"10.0.0.2"},"vpcs":{"v":{"bpa":"maybe"}}}]}`,
	} {
		fsys := fstest.MapFS{"c.json": {Data: []byte(text)}}
		if _, err := microcase.Load(fsys, "c.json"); err == nil {
			t.Errorf("no error for %s", text)
		}
	}
	if _, err := microcase.Load(fstest.MapFS{}, "c.json"); err == nil {
		t.Error("no error for a file that is not there")
	}
}
