package hcl_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

// Expressions over values that are known after apply, as the real Terraform
// plans them: what it knows we know, and the same; what it refuses we refuse.
func TestUnknownsAgainstTerraform(t *testing.T) {
	data, err := os.ReadFile(corpus(t, "terraform-truth/unknown-functions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Config string
		Rows   []struct {
			Expr    string
			After   any
			Unknown any `json:"after_unknown"`
			Error   bool
		}
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	if len(truth.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range truth.Rows {
		fsys := config(map[string]string{"main.tf": truth.Config + "\noutput \"x\" {\n  value = " + r.Expr + "\n}\n"})
		root := hcl.Evaluate(context.Background(), files(fsys), ".", hcl.Options{Schemas: aws.Schemas, Region: "us-east-1"})
		if r.Error {
			if len(root.Diagnostics) == 0 {
				t.Errorf("%s: terraform refuses it", r.Expr)
			}
			continue
		}
		for _, d := range root.Diagnostics {
			t.Errorf("%s: %s", r.Expr, d.Message)
		}
		v, _ := root.Outputs[0].Value.UnmarkDeep()
		compareKnown(t, r.Expr, v, r.After, r.Unknown)
	}
}

// compareKnown compares what is known of a value on both sides. What only we
// know is sharper: ids that merely move, bounds of numbers.
func compareKnown(t *testing.T, what string, v cty.Value, after, unknown any) {
	t.Helper()
	if unknown == true {
		return
	}
	switch a := after.(type) {
	case map[string]any:
		us, _ := unknown.(map[string]any)
		if !v.IsKnown() || !v.CanIterateElements() || v.Type().IsSetType() {
			t.Errorf("%s: %#v, want an object", what, v)
			return
		}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			if w, ok := a[k.AsString()]; ok || us[k.AsString()] != nil {
				compareKnown(t, what+"."+k.AsString(), e, w, us[k.AsString()])
			}
		}
		return
	case []any:
		us, _ := unknown.([]any)
		if !v.IsKnown() || !v.CanIterateElements() || v.LengthInt() != len(a) {
			t.Errorf("%s: %#v, want %d elements", what, v, len(a))
			return
		}
		if us == nil || v.Type().IsSetType() {
			break
		}
		for i, e := range v.AsValueSlice() {
			if i < len(us) {
				compareKnown(t, what+"[]", e, a[i], us[i])
			}
		}
		return
	}
	if !v.IsWhollyKnown() {
		if unknown == false {
			t.Errorf("%s: unknown, want %v", what, after)
		}
		return
	}
	got, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(tf.Readable(string(got)), "aws_") {
		return // an id
	}
	if diff := cmp.Diff(after, decode(t, got)); diff != "" {
		t.Errorf("%s -terraform +ours:\n%s", what, diff)
	}
}
