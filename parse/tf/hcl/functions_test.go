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

// heldWrong are the expressions on which we differ from the console, and why.
var heldWrong = map[string]string{
	`element(["a", "b", "c"], -1)`: "OpenTofu counts from the end, and so does cty",
	`format("%v", null)`:           "the console has nothing to show for a value without a type; the function prints null",
	`bcrypt("x") != ""`:            "the console runs it; in a plan it is unknown",
	`uuid() != ""`:                 "the console runs it; in a plan it is unknown",
	`sensitive("a") == "a"`:        "the console does not print what is sensitive; it is no error",
	`true || null`:                 "Terraform 1.12 and later do not look at what cannot change the answer",
	`false && null`:                "Terraform 1.12 and later do not look at what cannot change the answer",
}

// The results that the real terraform console gives.
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
	for _, c := range cases {
		if heldWrong[c.Expr] != "" {
			continue
		}
		fsys := fstest.MapFS{
			"main.tf": {Data: []byte("output \"x\" {\n  value = " + c.Expr + "\n}\n")},
			"f.txt":   {Data: []byte("hello\nworld\n")},
			"t.tpl":   {Data: []byte("Hi ${name}, ports: %{ for p in ports }${p} %{ endfor }")},
		}
		root := hcl.Evaluate(context.Background(), files(fsys), ".", hcl.Options{})
		if len(root.Outputs) != 1 {
			if !c.Error {
				t.Errorf("%s: no output; %v", c.Expr, root.Diagnostics)
			}
			continue
		}
		v, _ := root.Outputs[0].Value.UnmarkDeep()
		if c.Error {
			if len(root.Diagnostics) == 0 && v.IsWhollyKnown() {
				t.Errorf("%s: %#v, but terraform refuses it", c.Expr, v)
			}
			continue
		}
		if !v.IsWhollyKnown() {
			t.Errorf("%s: unknown; %v", c.Expr, root.Diagnostics)
			continue
		}
		got, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			t.Errorf("%s: %v", c.Expr, err)
			continue
		}
		if diff := cmp.Diff(decode(t, c.Want), decode(t, got)); diff != "" {
			t.Errorf("%s: got %s, want %s", c.Expr, got, c.Want)
		}
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
