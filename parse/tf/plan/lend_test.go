package plan_test

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/plan"
)

func TestOutputs(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"state 4", `{"version": 4, "terraform_version": "1.11.0", "outputs": {"a": {"value": {"cidrs": ["10.0.0.0/8"], "n": 3, "on": true, "no": null}, "sensitive": true}}, "resources": []}`},
		{"state 3", `{"version": 3, "terraform_version": "0.11.0", "modules": [{"path": ["root"], "outputs": {"a": {"value": {"cidrs": ["10.0.0.0/8"], "n": 3, "on": true, "no": null}, "sensitive": true}}, "resources": {}}]}`},
		{"shown state", `{"format_version": "1.0", "values": {"outputs": {"a": {"value": {"cidrs": ["10.0.0.0/8"], "n": 3, "on": true, "no": null}, "sensitive": true}}, "root_module": {}}}`},
		{"plan", `{"format_version": "1.2", "planned_values": {"outputs": {"a": {"value": {"cidrs": ["10.0.0.0/8"], "n": 3, "on": true, "no": null}, "sensitive": true}, "b": {"sensitive": false}}, "root_module": {}},
			"output_changes": {"a": {"actions": ["create"], "after_unknown": false}, "b": {"actions": ["create"], "after_unknown": true}, "c": {"actions": ["delete"], "after_unknown": false},
			"d": {"actions": ["create"], "after_unknown": {"id": true}}}}`},
	} {
		d, err := plan.Parse("x.json", []byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		out := d.Outputs()
		want := cty.ObjectVal(map[string]cty.Value{
			"cidrs": cty.TupleVal([]cty.Value{cty.StringVal("10.0.0.0/8")}), "n": cty.NumberIntVal(3), "on": cty.True, "no": cty.NullVal(cty.DynamicPseudoType),
		})
		if got, _ := out["a"].Unmark(); !got.RawEquals(want) || !tf.IsSensitive(out["a"]) {
			t.Errorf("%s: a = %#v", c.name, out["a"])
		}
		if c.name != "plan" {
			continue
		}
		if b, _ := out["b"].Unmark(); b.IsKnown() || tf.Why(out["b"]).Term != "output.b" {
			t.Errorf("b = %#v", out["b"])
		}
		if id := out["d"].GetAttr("id"); tf.Why(id).Term != "output.d.id" {
			t.Errorf("d = %#v", out["d"])
		}
		if _, ok := out["c"]; ok {
			t.Error("c is deleted")
		}
	}
}
