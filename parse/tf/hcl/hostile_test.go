package hcl_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

func config(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// Every one of these is short to write and endless to evaluate, or out of
// bounds; each must end soon, with an unknown value or a diagnostic.
func TestHostileInput(t *testing.T) {
	var yaml strings.Builder
	yaml.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&yaml, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	var chain, shared, bang strings.Builder
	chain.WriteString("locals {\n  v0 = 1\n")
	shared.WriteString("locals {\n  s0 = [1]\n")
	for i := 1; i < 8000; i++ {
		fmt.Fprintf(&chain, "  v%d = [for x in [local.v%d] : x][0]\n", i, i-1)
	}
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&shared, "  s%d = [local.s%d, local.s%d]\n", i, i-1, i-1)
	}
	chain.WriteString("}\noutput \"x\" {\n  value = local.v7999\n}\n")
	shared.WriteString("}\noutput \"x\" {\n  value = local.s59\n}\n")
	bang.WriteString("output \"x\" {\n  value = " + strings.Repeat("!", 200_000) + "true\n}\n")
	modules := map[string]string{"main.tf": "module \"a\" {\n  source = \"./m0\"\n}\nmodule \"b\" {\n  source = \"./m0\"\n}\n"}
	for i := range 40 {
		modules[fmt.Sprintf("m%d/main.tf", i)] = fmt.Sprintf("module \"a\" {\n  source = \"../m%d\"\n}\nmodule \"b\" {\n  source = \"../m%d\"\n}\n", i+1, i+1)
	}
	large := "locals {\n  large = [for i in range(150) : [for j in range(1000) : \"${i}-${j}\"]]\n  text = join(\"\", flatten(local.large))\n}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string // in a diagnostic, an omission, or the cause of output x
	}{
		{"yaml aliases", map[string]string{"main.tf": "output \"x\" {\n  value = yamldecode(file(\"y.yaml\"))\n}\n", "y.yaml": yaml.String()}, "too large"},
		{"a chain of locals", map[string]string{"main.tf": chain.String()}, "too long a chain"},
		{"shared structure", map[string]string{"main.tf": shared.String()}, "too large"},
		{"operators in a row", map[string]string{"main.tf": bang.String()}, "nests deeper"},
		{"operators on lines of their own", map[string]string{"main.tf": "output \"x\" {\n  value = (" + strings.Repeat("!\n", 200_000) + "true)\n}\n"}, "nests deeper"},
		{"brackets", map[string]string{"main.tf": "locals {\n  x = " + strings.Repeat("[", 100_000)}, "nests deeper"},
		{"indexes", map[string]string{"main.tf": "output \"x\" {\n  value = local.a" + strings.Repeat("[local.b]", 100_000) + "\n}\n"}, "nests deeper"},
		{"conditionals", map[string]string{"main.tf": "output \"x\" {\n  value = " + strings.Repeat("true ? 1 : ", 100_000) + "1\n}\n"}, "nests deeper"},
		{"sums", map[string]string{"main.tf": "output \"x\" {\n  value = 1" + strings.Repeat(" + 1", 100_000) + "\n}\n"}, "nests deeper"},
		{"template directives", map[string]string{"main.tf": "output \"x\" {\n  value = \"" + strings.Repeat("%{if true}", 100_000) + "\"\n}\n"}, "nests deeper"},
		{"JSON", map[string]string{"main.tf.json": strings.Repeat("[", 100_000)}, "nests deeper"},
		{"JSON templates", map[string]string{"main.tf.json": `{"output": {"x": {"value": "${` + strings.Repeat("(", 100_000) + `"}}}`}, "nests deeper"},
		{"variables", map[string]string{"main.tf": "variable \"v\" {}\n", "terraform.tfvars": "v = " + strings.Repeat("(", 100_000)}, "nests deeper"},
		{"loops in variables", map[string]string{"main.tf": "variable \"v\" {}\noutput \"x\" {\n  value = var.v\n}\n", "terraform.tfvars": "v = " + strings.Repeat("[for a in range(1000) : ", 8) + "1" + strings.Repeat("]", 8)}, "more steps"},
		{"templates", map[string]string{"main.tf": "output \"x\" {\n  value = templatefile(\"t\", {a = 1})\n}\n", "t": "${templatefile(\"t\", {a = a})}"}, "without end"},
		{"doubling modules", modules, "more than"},
		{"a module in itself", map[string]string{"main.tf": "module \"m\" {\n  source = \"./\"\n}\n"}, "a part of"},
		{"a large file", map[string]string{"main.tf": strings.Repeat("# comment\n", 600_000)}, "larger than"},
		{"huge numbers", map[string]string{"main.tf": "output \"x\" {\n  value = \"${pow(10, 300) * pow(10, 300) * 1e9000000000}\"\n}\n"}, "too large"},
		{"a type in JSON", map[string]string{"main.tf.json": `{"variable": {"v": {"type": "` + strings.Repeat("list(", 100_000) + `"}}}`}, "nests deeper"},
		{"a large value, often", map[string]string{"main.tf": large + "output \"x\" {\n  value = [for i in range(1000) : [for j in range(1000) : length(local.large)]]\n}\n"}, "more steps"},
		{"a large text, often", map[string]string{"main.tf": large + "output \"x\" {\n  value = [for i in range(1000) : [for j in range(1000) : sha256(local.text)]]\n}\n"}, "more steps"},
		{"large values compared, often", map[string]string{"main.tf": large + "output \"x\" {\n  value = [for i in range(1000) : [for j in range(1000) : local.large == [local.text]]]\n}\n"}, "more steps"},
		{"a large branch, often", map[string]string{"main.tf": large + "output \"x\" {\n  value = [for i in range(1000) : [for j in range(1000) : i > 5 ? local.large : []]]\n}\n"}, "more steps"},
		{"types that differ", map[string]string{"main.tf": "output \"x\" {\n  value = [toset([" + strings.Repeat(`1, "a", `, 20_000) + "]), var.none]\n}\nvariable \"none\" {}\n"}, "var.none has no value"},
		{"matches up to the end", map[string]string{"main.tf": "output \"x\" {\n  value = regexall(\"1|1*x\", file(\"t\"))\n}\n", "t": strings.Repeat("1", 20_000)}, "regexall would take too long"},
		{"listing a tree, often", map[string]string{"main.tf": "output \"x\" {\n  value = [for i in range(1000) : [for j in range(1000) : fileset(\".\", \"**\")]]\n}\n"}, "more steps"},
		{"dynamic blocks in each other", map[string]string{"main.tf": "resource \"aws_x\" \"y\" {\n" + strings.Repeat("  dynamic \"d\" {\n    for_each = range(1000)\n    content {\n", 4) + strings.Repeat("}\n}\n", 4) + "}\n"}, "more steps"},
		{"a workspace in many parts", map[string]string{"main.tf": workspaceInParts()}, "terraform.workspace is not given"},
		{"texts that double", map[string]string{"main.tf": "output \"x\" {\n  value = join(\"\", [for i in range(1000) : join(\"\", [for j in range(1000) : format(\"%01000d\", j)])])\n}\n"}, "more steps"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			f := hcl.NewFiles(config(tt.files), func(p string) string { return p }, hcl.Limits{Steps: 1_000_000, Modules: 500})
			root := hcl.Evaluate(context.Background(), f, ".", hcl.Options{})
			if took := time.Since(start); took > 2*time.Minute {
				t.Errorf("it took %v", took)
			}
			if !strings.Contains(said(root), tt.want) {
				t.Errorf("nothing said %q:\n%.500s", tt.want, said(root))
			}
		})
	}
}

// workspaceInParts looks up a key that is made of the workspace in as many ways
// as there are paths through 15 locals with 10 references each.
func workspaceInParts() string {
	var b strings.Builder
	b.WriteString("locals {\n  l15 = substr(terraform.workspace, 0, 0)\n")
	for i := range 15 {
		fmt.Fprintf(&b, "  l%d = \"%s\"\n", i, strings.Repeat(fmt.Sprintf("${local.l%d}", i+1), 10))
	}
	b.WriteString("}\noutput \"x\" {\n  value = { shop = 1 }[local.l0]\n}\n")
	return b.String()
}

// said is everything that a root says about itself.
func said(r *tf.Root) string {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		fmt.Fprintln(&b, d.Range, d.Message)
	}
	for _, o := range r.Omissions {
		fmt.Fprintln(&b, o.Address, o.Cause.Message)
	}
	for _, o := range r.Outputs {
		if bare, _ := o.Value.UnmarkDeep(); !bare.IsWhollyKnown() {
			fmt.Fprintln(&b, o.Name, tf.Why(o.Value).Cause.Message)
		}
	}
	return b.String()
}

func TestTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	text := "output \"x\" {\n  value = [for a in range(1000) : [for b in range(1000) : a]]\n}\n"
	root := hcl.Evaluate(ctx, files(config(map[string]string{"main.tf": text})), ".", hcl.Options{})
	why := tf.Why(root.Outputs[0].Value)
	if why.Cause.Code != diag.Limit || !strings.Contains(why.Cause.Message, "time is up") {
		t.Errorf("the value is unknown because of %+v", why.Cause)
	}
}

// A file outside the boundary is never opened, whatever leads there.
func TestNothingOutsideIsRead(t *testing.T) {
	fsys := &recorder{FS: config(map[string]string{
		"root/main.tf": `
module "a" { source = "../../a" }
module "b" { source = "/b" }
locals {
  x = [file("/etc/passwd"), file("../../x"), fileexists("../../y"), templatefile("../../z", {}), filebase64("../../../w"), fileset("../..", "**")]
}
output "x" { value = local.x }
`,
		"root/.terraform/modules/modules.json": `{"Modules":[{"Key":"b","Dir":"../../outside"}]}`,
	})}
	f := hcl.NewFiles(fsys, func(p string) string { return p }, hcl.Limits{})
	root := hcl.Evaluate(context.Background(), f, "root", hcl.Options{VarFiles: []string{"../v.tfvars"}})
	for _, name := range fsys.opened {
		if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "..") {
			t.Errorf("%s was opened", name)
		}
	}
	if len(root.Omissions) != 2 {
		t.Errorf("omissions: %v", root.Omissions)
	}
	for i, v := range root.Outputs[0].Value.AsValueSlice() {
		if bare, _ := v.Unmark(); bare.IsKnown() {
			t.Errorf("element %d is known: %#v", i, bare)
		}
	}
}

// Roots share parsed files and are evaluated at the same time.
func TestRootsShareFiles(t *testing.T) {
	m := map[string]string{
		"m/main.tf": "variable \"n\" {}\nresource \"aws_vpc\" \"v\" {\n  count = var.n\n  ids   = [for x in range(var.n) : \"${x}\"][*]\n}\noutput \"ids\" {\n  value = aws_vpc.v[*].id\n}\n",
	}
	for i := range 8 {
		m[fmt.Sprintf("r%d/main.tf", i)] = fmt.Sprintf("module \"m\" {\n  source = \"../m\"\n  n = %d\n}\noutput \"ids\" {\n  value = module.m.ids[*]\n}\n", i)
	}
	f := files(config(m))
	var wg sync.WaitGroup
	roots := make([]*tf.Root, 8)
	for i := range roots {
		wg.Go(func() {
			roots[i] = hcl.Evaluate(context.Background(), f, fmt.Sprintf("r%d", i), hcl.Options{Schemas: schemas})
		})
	}
	wg.Wait()
	for i, r := range roots {
		if len(r.Instances) != i || r.Outputs[0].Value.LengthInt() != i {
			t.Errorf("root %d has %d instances: %s", i, len(r.Instances), describe(r))
		}
	}
	if got := f.Calls("r3"); len(got) != 1 || got[0] != "m" {
		t.Errorf("r3 calls %v", got)
	}
	if len(f.Sources()) != 9 {
		t.Errorf("%d sources", len(f.Sources()))
	}
}

// Sets that are not known have no length to charge for.
func TestUnknownSets(t *testing.T) {
	root := hcl.Evaluate(t.Context(), files(config(map[string]string{"main.tf": `
variable "a" {
  type = set(string)
}
output "o" {
  value = [setunion(var.a, null == var.a ? [] : ["x"]), setintersection(var.a, var.a), contains(var.a, "x"), setproduct(var.a, ["x"]), setsubtract(["x"], var.a)]
}
`})), ".", hcl.Options{})
	if n := root.Outputs[0].Value.LengthInt(); n != 5 {
		t.Errorf("%d elements", n)
	}
}

// A loop ends once what it keeps is too large, and so does one that it stands
// in: neither costs what its turns would.
func TestLoopsThatKeepTooMuch(t *testing.T) {
	for name, expr := range map[string]string{
		"lists":     "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]",
		"objects":   "{for a in range(1000) : a => {for b in range(1000) : b => {for c in range(1000) : c => c}}}",
		"templates": "\"%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}xx%{endfor}%{endfor}%{endfor}\"",
	} {
		t.Run(name, func(t *testing.T) {
			f := hcl.NewFiles(config(map[string]string{"main.tf": "output \"x\" {\n  value = " + expr + "\n}\n"}), func(p string) string { return p },
				hcl.Limits{Value: 2_000, String: 4_000, Steps: 2_000_000})
			root := hcl.Evaluate(t.Context(), f, ".", hcl.Options{})
			text := said(root)
			if !strings.Contains(text, "too large") && !strings.Contains(show(root.Outputs[0].Value), "too large") || strings.Contains(text, "more steps") {
				t.Errorf("says %.300s", text)
			}
		})
	}
}

// Errors that repeat are not all told, and not all are compared with what is
// declared.
func TestManyErrors(t *testing.T) {
	zeros := hcl.Evaluate(t.Context(), files(config(map[string]string{"main.tf": strings.Repeat("\x00", 50_000)})), ".", hcl.Options{})
	if n := len(zeros.Diagnostics); n > 25 || !strings.Contains(said(zeros), "more in this file") {
		t.Errorf("%d diagnostics about a file of zeros: %.300s", n, said(zeros))
	}
	var text strings.Builder
	text.WriteString("locals {\n")
	for i := range 300 {
		fmt.Fprintf(&text, "  name%d = 1\n  use%d = local.nam%d\n", i, i, i)
	}
	text.WriteString("}\noutput \"x\" {\n  value = [")
	for i := range 300 {
		fmt.Fprintf(&text, "local.use%d, ", i)
	}
	text.WriteString("]\n}\n")
	root := hcl.Evaluate(t.Context(), files(config(map[string]string{"main.tf": text.String()})), ".", hcl.Options{})
	hints := 0
	for _, d := range root.Diagnostics {
		if strings.Contains(d.Message, "did you mean local.name") {
			hints++
		}
	}
	if len(root.Diagnostics) != 300 || hints != 100 {
		t.Errorf("%d errors, %d of them with a hint", len(root.Diagnostics), hints)
	}
}
