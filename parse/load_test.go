package parse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	vpc     = `resource "aws_vpc" "main" { cidr_block = "10.0.0.0/16" }` + "\n"
	aPlan   = `{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{"root_module":{}},"resource_changes":[]}`
	aState  = `{"version":4,"terraform_version":"1.9.0","serial":1,"lineage":"x","outputs":{},"resources":[]}`
	vpcs    = `{"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16","OwnerId":"111122223333"}]}`
	subnets = `{"Subnets":[{"SubnetId":"subnet-1","VpcId":"vpc-1","CidrBlock":"10.0.1.0/24"}]}`
)

func call(source string) string { return "module \"it\" {\n  source = \"" + source + "\"\n}\n" }

// lay writes files below a directory; a text that starts with "-> " is a link.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, full)
		} else {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// roots are the networks of a result, by their directories; "exports" is the
// one of the exports.
func roots(r *Result) []string {
	names := []string{}
	for _, n := range r.Networks {
		if n.Root == "" {
			names = append(names, "exports")
		} else {
			names = append(names, n.Root)
		}
	}
	return names
}

func said(r *Result) string {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		if d.Error {
			b.WriteString("error: ")
		}
		b.WriteString(d.Range.Line() + ": " + d.Message + "\n")
	}
	for _, n := range r.Networks {
		for _, o := range n.NotAnalysed {
			b.WriteString(o.Cause.Range.Line() + ": " + o.Address + ": " + o.Cause.Message + "\n")
		}
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	nested := map[string]string{
		"net/main.tf": vpc, "net/east/main.tf": vpc, "app/main.tofu": vpc, "json/main.tf.json": `{"resource":{"aws_vpc":{"main":{"cidr_block":"10.0.0.0/16"}}}}`,
		"net/.terraform/modules/x/main.tf": vpc, ".git/hooks/x.tf": vpc, "web/node_modules/y/main.tf": vpc, "docs/read.md": "# no",
	}
	modules := map[string]string{
		".git/HEAD": "ref", "envs/prod/main.tf": call("../../modules/net"), "envs/test/main.tf": call("../../modules/net"),
		"modules/net/main.tf": vpc + call("./inner"), "modules/net/inner/main.tf": vpc, "modules/lonely/main.tf": vpc,
		"envs/prod/files/rules.yaml": "a: 1", "envs/prod/prod.tfvars": "", "notes.txt": "",
	}
	tests := []struct {
		name  string
		files map[string]string
		paths []string
		o     Options
		want  []string // networks
		says  []string // parts of what is said; none: nothing is said
	}{
		{name: "every root below", files: nested, want: []string{"app", "json", "net", "net/east"}},
		{name: "one of them", files: nested, paths: []string{"net/east"}, want: []string{"net/east"}},
		{name: "twice is once", files: nested, paths: []string{"net/east", "net", "./net"}, want: []string{"net", "net/east"}},
		{name: "a file stands for its module", files: nested, paths: []string{"app/main.tofu"}, want: []string{"app"}},
		{name: "called modules are no roots", files: modules, want: []string{"envs/prod", "envs/test", "modules/lonely"}},
		{
			name: "called by a computed source", want: []string{"env", "other"},
			files: map[string]string{
				"env/main.tf":    "variable \"v\" {\n  default = \"2\"\n}\nmodule \"it\" {\n  source = \"../lib/v${var.v}\"\n}\n",
				"lib/v2/main.tf": vpc + "module \"in\" {\n  source = join(\"/\", [\"..\", \"in\"])\n}\n", "lib/in/main.tf": vpc, "other/main.tf": vpc,
			},
		},
		{
			name: "named, and called by a computed source", want: []string{"env", "lib"}, paths: []string{"env", "lib"},
			files: map[string]string{".git/HEAD": "", "env/main.tf": "locals {\n  at = \"../lib\"\n}\nmodule \"it\" {\n  source = local.at\n}\n", "lib/main.tf": vpc},
		},
		{
			name: "calling each other by computed sources", want: []string{"a", "b"}, says: []string{"a/main.tf", "b/main.tf"},
			files: map[string]string{
				"a/main.tf": "module \"it\" {\n  source = \"${\"../b\"}\"\n}\n", "b/main.tf": "module \"it\" {\n  source = \"${\"../a\"}\"\n}\n",
			},
		},
		{
			name: "called from outside the path", files: modules, paths: []string{"modules"}, want: []string{"modules/lonely"},
		},
		{
			name: "the path itself is called", files: modules, paths: []string{"modules/net"}, want: []string{"modules/net"},
			says: []string{"modules/net: modules/net is a module that envs/prod calls; it is checked here on its own"},
		},
		{
			name:  "only called modules",
			files: map[string]string{".git/HEAD": "", "env/main.tf": call("../lib/a"), "lib/a/main.tf": vpc}, paths: []string{"lib"}, want: []string{},
			says: []string{"lib: lib holds no root module: other modules call everything in it"},
		},
		{
			name:  "a circle",
			files: map[string]string{"a/main.tf": call("../b"), "b/main.tf": call("../a")}, want: []string{},
			says: []string{". holds no root module", "error: a: these modules call each other in a circle, so none of them can be used: a, b"},
		},
		{name: "a module that calls itself is a root", files: map[string]string{"a/main.tf": vpc + call("../a")}, want: []string{"a"}, says: []string{"a/main.tf"}},
		{name: "nothing", files: map[string]string{"read.me": ""}, want: []string{}},

		{name: "changed in a module", files: modules, o: Options{Changed: true}, paths: []string{"modules/net/inner/main.tf"}, want: []string{"envs/prod", "envs/test"}},
		{name: "changed in a root", files: modules, o: Options{Changed: true}, paths: []string{"envs/prod/prod.tfvars", "envs/prod/main.tf"}, want: []string{"envs/prod"}},
		{name: "changed beside a root", files: modules, o: Options{Changed: true}, paths: []string{"envs/prod/files/rules.yaml"}, want: []string{"envs/prod"}},
		{name: "changed and gone", files: modules, o: Options{Changed: true}, paths: []string{"modules/net/old.tf"}, want: []string{"envs/prod", "envs/test"}},
		{name: "changed elsewhere", files: modules, o: Options{Changed: true}, paths: []string{"notes.txt", "no/such/main.tf"}, want: []string{}},
		{name: "nothing changed", files: modules, o: Options{Changed: true}, want: []string{}},

		{name: "exports are one network", files: map[string]string{"east/vpcs.json": vpcs, "east/subnets.json": subnets}, want: []string{"exports"}},
		{name: "exports beside roots", files: map[string]string{"x/vpcs.json": vpcs, "x/package.json": `{"name":"x"}`, "net/main.tf": vpc, "web/tsconfig.json": "{ // no"}, want: []string{"exports", "net"}, says: []string{"x/package.json"}},
		{name: "JSON of other kinds", files: map[string]string{"net/main.tf": vpc, "web/package.json": `{"name":"x"}`, "web/broken.json": "{", "net/plan.json": aPlan, "net/terraform.tfstate": aState}, want: []string{"net"}},
		{name: "a broken export", files: map[string]string{"x/vpcs.json": vpcs, "x/subnets.json": subnets[:40]}, want: []string{"exports"}, says: []string{"error: x/subnets.json:1: not JSON"}},
		{name: "a plan", files: map[string]string{"plan.json": aPlan}, paths: []string{"plan.json"}, want: []string{"plan.json"}, says: []string{"plan.json: this plan has no configuration"}},
		{name: "a state", files: map[string]string{"terraform.tfstate": aState}, paths: []string{"terraform.tfstate"}, want: []string{"terraform.tfstate"}},
		{name: "a directory of plans", files: map[string]string{"p/a.json": aPlan}, want: []string{"p/a.json"}, says: []string{"p/a.json: this plan has no configuration"}},
		{name: "half a plan", files: map[string]string{"p/plan.json": aPlan[:60]}, want: []string{}, says: []string{"error: p/plan.json:1: this is a Terraform plan that cannot be read: the file ends in the middle"}},
		{name: "half a state, named", files: map[string]string{"s.tfstate": aState[:60]}, paths: []string{"s.tfstate"}, want: []string{}, says: []string{"error: s.tfstate:1: this is a Terraform state that cannot be read: the file ends in the middle"}},
		{name: "a plan without end", files: map[string]string{"p.json": `{"format_version":"1.2","planned_values":` + strings.Repeat("[", 100_000)}, paths: []string{"p.json"}, want: []string{}, says: []string{"error: p.json:1: this is a Terraform plan that cannot be read: it nests deeper than any plan"}},
		{name: "a directory of states", files: map[string]string{"s/terraform.tfstate": aState}, want: []string{"s/terraform.tfstate"}},
		{name: "states and exports are one network", files: map[string]string{"vpcs.json": vpcs, "s/a.tfstate": aState, "b.tfstate": aState}, paths: []string{"s", "vpcs.json", "b.tfstate"}, want: []string{"exports"}},
		{name: "states are one network", files: map[string]string{"s/a.tfstate": aState, "b.tfstate": aState}, paths: []string{"s", "b.tfstate"}, want: []string{"b.tfstate + s/a.tfstate"}},
		{name: "plans are not", files: map[string]string{"vpcs.json": vpcs, "s.tfstate": aState, "p.json": aPlan}, paths: []string{"vpcs.json", "p.json", "s.tfstate"}, want: []string{"exports", "p.json"}, says: []string{"p.json: this plan has no configuration"}},
		{name: "a state beside an export", files: map[string]string{"net/main.tf": vpc, "net/vpcs.json": vpcs, "net/terraform.tfstate": aState}, want: []string{"exports", "net"}},
		{name: "other JSON, named", files: map[string]string{"a.json": "{}"}, paths: []string{"a.json"}, want: []string{}, says: []string{"error: a.json: this JSON is neither an AWS export nor a Terraform plan or state"}},
		{name: "an answer of postern's own, named", files: map[string]string{"show.json": `{"schema": "postern/show/v1", "security_groups": []}`}, paths: []string{"show.json"}, want: []string{}, says: []string{"error: show.json: this is an answer of postern's own, not an input"}},
		{name: "no JSON, named", files: map[string]string{"a.md": "# hello"}, paths: []string{"a.md"}, want: []string{}, says: []string{"error: a.md: this is neither JSON nor Terraform"}},
		{name: "other JSON, in a directory", files: map[string]string{"a.json": "{}", "b.json": "[]"}, want: []string{}, says: []string{"a.json: no AWS export: a.json, b.json"}},

		{name: "an export on standard input", o: Options{Stdin: strings.NewReader(vpcs)}, paths: []string{"-"}, want: []string{"exports"}},
		{name: "a plan on standard input", o: Options{Stdin: strings.NewReader(aPlan)}, paths: []string{"-"}, want: []string{"-"}, says: []string{"-: this plan has no configuration"}},
		{name: "nothing on standard input", o: Options{Stdin: strings.NewReader("")}, paths: []string{"-"}, want: []string{}, says: []string{"error: -: standard input is empty"}},

		{name: "a link inside", files: map[string]string{".git/HEAD": "", "real/main.tf": vpc, "link": "-> real", "loop": "-> ."}, want: []string{"real"}},
		{name: "a called module behind a link", files: map[string]string{"real/net/main.tf": vpc, "env/mods": "-> ../real", "env/main.tf": call("./mods/net")}, want: []string{"env"}},
		{
			name: "a link to a file outside", files: map[string]string{"in/main.tf": vpc, "in/more.json": "-> ../../secret.json", "in/more.tf": "-> /etc/hosts"}, want: []string{"in"},
			says: []string{"in/more.json: this link leads outside the boundary, or nowhere; it is not read", "in/more.tf"},
		},
		{name: "a link to a directory outside", files: map[string]string{"in/main.tf": vpc, "in/out": "-> ../../.."}, want: []string{"in"}},
		{name: "facts that nobody asks for", files: map[string]string{"a/main.tf": vpc, "b/vpcs.json": vpcs}, paths: []string{"a"}, o: Options{With: []string{"b"}}, want: []string{"a"}, says: []string{"b: --with b answers nothing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			lay(t, dir, tt.files)
			tt.o.Dir = dir
			r, err := Load(t.Context(), tt.paths, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, roots(r)); diff != "" {
				t.Errorf("networks (-want +got)\n%s\n%s", diff, said(r))
			}
			text := said(r)
			for _, part := range tt.says {
				if !strings.Contains(text, part) {
					t.Errorf("does not say %q but\n%s", part, text)
				}
			}
			if tt.says == nil && text != "" {
				t.Errorf("says\n%s", text)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{
		"in/main.tf": vpc, "out/main.tf": vpc, "in/prod.tfvars": "", "out/prod.tfvars": "", "in/link": "-> ../out",
	})
	tests := []struct {
		name  string
		paths []string
		o     Options
		want  string
	}{
		{"no such path", []string{"nowhere"}, Options{}, "nowhere: there is no such file or directory"},
		{"a zero byte", []string{"a\x00b"}, Options{}, "a\x00b: a path cannot hold a zero byte"},
		{"outside the boundary", []string{"out"}, Options{Boundary: "in"}, "out: lies outside the boundary in"},
		{"outside by a link", []string{"in/link"}, Options{Boundary: "in"}, "in/link: lies outside the boundary in"},
		{"a boundary that is a file", []string{"in"}, Options{Boundary: "in/main.tf"}, "in/main.tf: the boundary must be a directory"},
		{"no such boundary", []string{"in"}, Options{Boundary: "up"}, "up: there is no such file or directory"},
		{"a file of variables", []string{"in/prod.tfvars"}, Options{}, "in/prod.tfvars: this is a file of variables"},
		{"no such file of variables", []string{"in"}, Options{VarFiles: []string{"x.tfvars"}}, "x.tfvars: there is no such file or directory"},
		{"a file of variables outside", []string{"in"}, Options{VarFiles: []string{"out/prod.tfvars"}}, "out/prod.tfvars: lies outside the boundary in"},
		{"a variable without a value", []string{"in"}, Options{Vars: []string{"a"}}, "--var a: expected NAME=VALUE"},
		{"no standard input", []string{"-"}, Options{}, "-: there is no standard input to read"},
		{"standard input twice", []string{"-", "-"}, Options{Stdin: strings.NewReader("")}, "-: standard input can be read only once"},
		{"no such facts", []string{"in"}, Options{With: []string{"x"}}, "x: there is no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Dir = dir
			_, err := Load(t.Context(), tt.paths, tt.o)
			var usage *UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestNames checks that places read as the user would type them, wherever
// postern runs.
func TestNames(t *testing.T) {
	top := t.TempDir()
	lay(t, top, map[string]string{".git/HEAD": "", "here/there/x": "", "net/main.tf": vpc, "ex/vpcs.json": vpcs})
	r, err := Load(t.Context(), []string{"../../net", "../../ex"}, Options{Dir: filepath.Join(top, "here", "there")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"../../ex/vpcs.json", "../../net/main.tf"}
	var got []string
	for _, in := range r.Inputs {
		got = append(got, in.Path)
		if string(r.Sources[in.Path]) == "" {
			t.Errorf("no text of %s", in.Path)
		}
		if len(in.SHA256) != 64 {
			t.Errorf("%s: sum %q", in.Path, in.SHA256)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got)\n%s", diff)
	}
	if r.Inputs[0].Kind != KindExport || r.Inputs[1].Kind != KindTerraform {
		t.Errorf("kinds %s, %s", r.Inputs[0].Kind, r.Inputs[1].Kind)
	}
}

// TestReadsNothingElse checks that a called module outside the boundary is not
// read.
func TestReadsNothingElse(t *testing.T) {
	top := t.TempDir()
	lay(t, top, map[string]string{"secret/main.tf": vpc, "in/main.tf": call("../secret")})
	r, err := Load(t.Context(), []string{"in"}, Options{Dir: top})
	if err != nil {
		t.Fatal(err)
	}
	for name := range r.Sources {
		if strings.Contains(name, "secret") {
			t.Errorf("%s was read", name)
		}
	}
	if len(r.Networks) != 1 || len(r.Networks[0].VPCs) != 0 {
		t.Errorf("networks %v", roots(r))
	}
	if text := said(r); !strings.Contains(text, "secret") {
		t.Errorf("nothing is said about the module: %q", text)
	}
}

func TestDeterministic(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"ex/vpcs.json": vpcs, "ex/z.json": "{"}
	for _, c := range "abcdefghij" {
		files[string(c)+"/main.tf"] = vpc + call("./missing") + "variable \"x\" {}\n"
	}
	lay(t, dir, files)
	var first *Result
	for range 5 {
		r, err := Load(t.Context(), nil, Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
			continue
		}
		if diff := cmp.Diff(said(first), said(r)); diff != "" {
			t.Errorf("diagnostics (-first +later)\n%s", diff)
		}
		if !slices.Equal(roots(first), roots(r)) || !slices.Equal(first.Inputs, r.Inputs) {
			t.Errorf("%v %v, then %v %v", roots(first), first.Inputs, roots(r), r.Inputs)
		}
	}
}

func TestLibraries(t *testing.T) {
	dir := t.TempDir()
	needs := "variable \"cidr\" {}\nresource \"aws_vpc\" \"main\" { cidr_block = var.cidr }\n"
	lay(t, dir, map[string]string{
		"lib/main.tf": needs, "root/main.tf": vpc, "east/main.tf": needs + "provider \"aws\" {\n  region = \"eu-west-1\"\n}\n",
		"west/main.tf": needs, "west/x.tf.json": `{"terraform":{"backend":{"s3":{}}}}`,
		"talk/main.tf": needs + "# provider \"aws\" {}\n",
	})
	r, err := Load(t.Context(), nil, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if r.Roots != 3 || r.Libraries != 2 || len(r.Networks) != 5 {
		t.Errorf("%d roots, %d libraries, %d networks", r.Roots, r.Libraries, len(r.Networks))
	}
	if text := said(r); !strings.Contains(text, "2 modules are libraries, checked as far as they are known: nothing here calls them, and variables that they require have no value: lib, talk") {
		t.Errorf("says %q", text)
	}
	r, err = Load(t.Context(), nil, Options{Dir: dir, Vars: []string{"cidr=10.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Roots != 5 || r.Libraries != 0 {
		t.Errorf("with the value: %d roots, %d libraries", r.Roots, r.Libraries)
	}
}

// TestWorkspace checks that a workspace that nobody gave is said to be taken
// for granted, once, and only where something asks for it.
func TestWorkspace(t *testing.T) {
	dir := t.TempDir()
	asks := "resource \"aws_vpc\" \"main\" {\n  count = terraform.workspace == \"live\" ? 1 : 0\n  cidr_block = \"10.0.0.0/16\"\n}\n"
	lay(t, dir, map[string]string{
		"a/main.tf": asks, "b/main.tf": asks, "c/main.tf": vpc, "d/main.tf": asks, "d/.terraform/environment": "live",
	})
	for _, c := range []struct {
		name  string
		o     Options
		roots string
		vpcs  int
	}{
		{"none", Options{}, "2 root modules ask for it: a, b", 2},
		{"flag", Options{Workspace: "live"}, "", 4},
		{"environment", Options{Environ: []string{"TF_WORKSPACE=live"}}, "", 4},
		{"flag first", Options{Workspace: "test", Environ: []string{"TF_WORKSPACE=live"}}, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = dir
			r, err := Load(t.Context(), nil, c.o)
			if err != nil {
				t.Fatal(err)
			}
			vpcs := 0
			for _, n := range r.Networks {
				vpcs += len(n.VPCs)
			}
			if vpcs != c.vpcs {
				t.Errorf("%d VPCs, want %d", vpcs, c.vpcs)
			}
			text := said(r)
			if !strings.Contains(text, c.roots) || strings.Contains(text, "taken to be default") != (c.roots != "") {
				t.Errorf("says %q", text)
			}
		})
	}
}

// TestOwnWorkspace checks that a root that cannot be in the workspace default is
// checked in one of its own, which the network says, and a line from where.
func TestOwnWorkspace(t *testing.T) {
	dir := t.TempDir()
	own := func(app string) string {
		return "locals {\n  cidrs = { test = \"10.1.0.0/16\", production = \"10.2.0.0/16\" }\n  env = trimprefix(terraform.workspace, \"" + app + "-\")\n}\n" +
			"resource \"aws_vpc\" \"main\" {\n  cidr_block = local.cidrs[local.env]\n}\n"
	}
	lay(t, dir, map[string]string{"shop/main.tf": own("shop"), "till/main.tf": own("till"), "vpc/main.tf": vpc})
	for _, c := range []struct {
		paths    []string
		o        Options
		variants []string
		say      string
	}{
		{nil, Options{}, []string{"workspace shop-production", "workspace till-production", ""}, "2 root modules cannot be in the workspace default, since they look up keys that it lacks; each was checked in a workspace that the keys name: shop in shop-production (shop/main.tf:6), till in till-production (till/main.tf:6)"},
		{[]string{"shop"}, Options{}, []string{"workspace shop-production"}, "shop cannot be in the workspace default, since it looks up keys that it lacks; it was checked in shop-production, which the keys name, as they do shop-test"},
		{[]string{"shop"}, Options{Workspace: "shop-test"}, []string{""}, ""},
		{[]string{"shop"}, Options{Environ: []string{"TF_WORKSPACE=default"}}, []string{""}, "not identify"},
	} {
		c.o.Dir = dir
		r, err := Load(t.Context(), c.paths, c.o)
		if err != nil {
			t.Fatal(err)
		}
		var variants []string
		for _, n := range r.Networks {
			variants = append(variants, n.Variant)
		}
		if diff := cmp.Diff(c.variants, variants); diff != "" {
			t.Errorf("%v: -want +got:\n%s", c.paths, diff)
		}
		if text := said(r); !strings.Contains(text, c.say) || strings.Contains(text, "workspace") != strings.Contains(c.say, "workspace") {
			t.Errorf("%v: says %q", c.paths, text)
		}
	}
}

// TestInputs checks that the inputs are what the roots are made of, and not
// what was looked at to find them.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{
		".git/HEAD": "", "a/main.tf": call("../lib") + "locals { x = file(\"${path.module}/x.txt\") }\n" + vpc, "a/terraform.tfvars": "", "a/x.txt": "x",
		"lib/main.tf": vpc + call("./inner"), "lib/inner/main.tf": vpc, "b/main.tf": vpc, "c/main.tf": call("../b"),
	})
	r, err := Load(t.Context(), []string{"a"}, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range r.Inputs {
		got = append(got, in.Path)
	}
	for _, name := range []string{"a/main.tf", "a/terraform.tfvars", "lib/inner/main.tf", "lib/main.tf"} {
		if !slices.Contains(got, name) {
			t.Errorf("%s is no input", name)
		}
	}
	if slices.Contains(got, "b/main.tf") || slices.Contains(got, "c/main.tf") {
		t.Errorf("files of other roots are inputs: %v", got)
	}
}

// TestEnds tells a time limit, which leaves a partial answer, from somebody who
// does not want one any more.
func TestEnds(t *testing.T) {
	dir := t.TempDir()
	lay(t, dir, map[string]string{"a/main.tf": vpc, "vpcs.json": vpcs})
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	r, err := Load(late, []string{"a/main.tf", "vpcs.json"}, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if text := said(r); !strings.Contains(text, "error: ") || !strings.Contains(text, "the time is up") {
		t.Errorf("says %q", text)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(gone, nil, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
