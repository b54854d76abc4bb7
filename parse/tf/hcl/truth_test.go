package hcl_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

// corpus returns a path beside the corpus folder.
func corpus(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	p := filepath.Join(dir, "..", name)
	if _, err := os.Stat(p); err != nil {
		t.Skip(err)
	}
	return p
}

type plannedModule struct {
	Resources []struct {
		Address, Mode string
		Values        map[string]any
	}
	Modules []plannedModule `json:"child_modules"`
}

// What Terraform planned for small configurations: the same instances, and the
// same values wherever both know one.
func TestPlannedCases(t *testing.T) {
	base := corpus(t, "terraform-truth")
	paths, err := filepath.Glob(filepath.Join(base, "plans", "case_*.json"))
	if err != nil || len(paths) == 0 {
		t.Skip("no plans")
	}
	for _, p := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(p), "case_"), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			var plan struct {
				Planned struct {
					Root plannedModule `json:"root_module"`
				} `json:"planned_values"`
			}
			if err := json.Unmarshal(data, &plan); err != nil {
				t.Fatal(err)
			}
			root := hcl.Evaluate(context.Background(), files(os.DirFS(filepath.Join(base, "cases"))), name, hcl.Options{Schemas: schemas})
			ours := map[string]*tf.Instance{}
			for _, i := range root.Instances {
				ours[i.Address] = i
			}
			comparePlanned(t, plan.Planned.Root, ours)
			for address, i := range ours {
				if i.Maybe == nil {
					t.Errorf("%s is not planned", address)
				}
			}
		})
	}
}

func comparePlanned(t *testing.T, m plannedModule, ours map[string]*tf.Instance) {
	t.Helper()
	for _, c := range m.Modules {
		comparePlanned(t, c, ours)
	}
	for _, r := range m.Resources {
		i := ours[r.Address]
		if r.Mode != "managed" {
			continue
		}
		if i == nil {
			t.Errorf("%s is planned, and was not found", r.Address)
			continue
		}
		delete(ours, r.Address)
		for name, a := range i.Body.Attrs {
			v, _ := a.Value.UnmarkDeep()
			want := r.Values[name]
			if name == "protocol" || name == "ingress" || !v.IsWhollyKnown() || want == nil {
				continue // the provider normalises the first, and fills the second
			}
			text, err := ctyjson.Marshal(v, v.Type())
			if err != nil {
				t.Fatal(err)
			}
			if tf.HasSymbol(string(text)) {
				continue
			}
			got := decode(t, text)
			if s, ok := got.(string); ok {
				want = fmt.Sprint(want) // the provider converts "22" to a number
				got = s
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s.%s -planned +ours:\n%s", r.Address, name, diff)
			}
		}
	}
}

// The configurations of the test matrix evaluate without a complaint.
func TestMatrixConfigurations(t *testing.T) {
	data, err := os.ReadFile(corpus(t, "microcases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var matrix struct {
		Cases []struct{ ID, HCL string } `json:"tf_cases"`
	}
	if err := json.Unmarshal(data, &matrix); err != nil {
		t.Fatal(err)
	}
	if len(matrix.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range matrix.Cases {
		name := "main.tf"
		if strings.HasPrefix(strings.TrimSpace(c.HCL), "{") {
			name = "main.tf.json"
		}
		root := hcl.Evaluate(context.Background(), files(config(map[string]string{name: c.HCL})), ".", hcl.Options{Schemas: schemas})
		if len(root.Instances) == 0 {
			t.Errorf("%s: no instances", c.ID)
		}
		for _, d := range root.Diagnostics {
			t.Errorf("%s: %s: %s", c.ID, d.Range, d.Message)
		}
	}
}
