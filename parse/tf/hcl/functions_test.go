package hcl_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

// The results that the real terraform console gives. Some cases are about the
// console itself, or about values that only it can print.
func TestFunctionsAgainstTerraform(t *testing.T) {
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "..", "terraform-functions.json"))
	if err != nil {
		t.Skip(err)
	}
	var cases []struct {
		Expr  string          `json:"expr"`
		Want  json.RawMessage `json:"want_json"`
		Error bool            `json:"error"`
		Type  string          `json:"type"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, c := range cases {
		fsys := fstest.MapFS{
			"main.tf": {Data: []byte("output \"x\" {\n  value = " + c.Expr + "\n}\n")},
			"f.txt":   {Data: []byte("hello\nworld\n")},
			"t.tpl":   {Data: []byte("Hi ${name}, ports: %{ for p in ports }${p} %{ endfor }")},
		}
		root := hcl.Evaluate(context.Background(), files(fsys), ".", hcl.Options{})
		if len(root.Outputs) != 1 {
			if c.Error {
				passed++
			} else {
				t.Logf("%s: no output; %v", c.Expr, root.Diagnostics)
			}
			continue
		}
		v, _ := root.Outputs[0].Value.UnmarkDeep()
		if c.Error {
			if len(root.Diagnostics) > 0 || !v.IsWhollyKnown() {
				passed++
			} else {
				t.Logf("%s: %#v, but terraform refuses it", c.Expr, v)
			}
			continue
		}
		if !v.IsWhollyKnown() {
			t.Logf("%s: unknown; %v", c.Expr, root.Diagnostics)
			continue
		}
		got, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			t.Logf("%s: %v", c.Expr, err)
			continue
		}
		if diff := cmp.Diff(decode(t, c.Want), decode(t, got)); diff != "" {
			t.Logf("%s: got %s, want %s", c.Expr, got, c.Want)
			continue
		}
		passed++
	}
	t.Logf("%d of %d expressions agree", passed, len(cases))
	if passed < len(cases)*95/100 {
		t.Errorf("only %d of %d expressions agree with terraform", passed, len(cases))
	}
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return string(b)
	}
	return v
}
