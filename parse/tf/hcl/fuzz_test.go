package hcl_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

// small keeps each input of a fuzzer cheap.
var small = hcl.Limits{FileSize: 1 << 16, Nesting: 100, Instances: 100, Modules: 20, Depth: 2_000, Value: 2_000, String: 1 << 16, Steps: 10_000}

func seeds(f *testing.F, add func(name string, data []byte)) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			add(file.Name, file.Data)
		}
	}
}

// sound checks what holds of every root: ranges lie within the texts, and the
// same text gives the same root.
func sound(t *testing.T, fsys fstest.MapFS) {
	t.Helper()
	run := func() string {
		f := hcl.NewFiles(fsys, func(p string) string { return p }, small)
		r := hcl.Evaluate(context.Background(), f, ".", hcl.Options{Schemas: schemas})
		sources := f.Sources()
		for _, i := range r.Instances {
			if b := i.Body.Range; b.End.Byte < b.Start.Byte || b.End.Byte > len(sources[b.File]) {
				t.Errorf("%s lies at %+v", i.Address, b)
			}
		}
		return describe(r)
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

func FuzzHCL(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if ext := filepath.Ext(name); ext == ".tf" || ext == ".tofu" || ext == ".json" {
			f.Add(data, ext == ".json")
		}
	})
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		name := "main.tf"
		if json {
			name = "main.tf.json"
		}
		sound(t, fstest.MapFS{
			name:        {Data: data},
			"m/main.tf": {Data: []byte("variable \"a\" {\n  default = 1\n}\noutput \"a\" {\n  value = var.a\n}\nresource \"aws_vpc\" \"v\" {\n  a = var.a\n}\n")},
			"t":         {Data: data},
		})
	})
}

func FuzzTfvars(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if filepath.Ext(name) == ".tfvars" || filepath.Base(name) == "x.auto.tfvars.json" {
			f.Add(string(data), "", filepath.Ext(name) == ".json")
		}
	})
	f.Add("v = 1", "[1, 2]", false)
	f.Fuzz(func(t *testing.T, file, flag string, json bool) {
		name := "terraform.tfvars"
		if json {
			name += ".json"
		}
		fsys := fstest.MapFS{
			"main.tf": {Data: []byte("variable \"a\" {\n  type = list(string)\n}\nvariable \"b\" {\n  type = map(object({x = optional(number, 3)}))\n}\nvariable \"c\" {}\noutput \"o\" {\n  value = [var.a, var.b, var.c]\n}\n")},
			name:      {Data: []byte(file)},
		}
		sound(t, fsys)
		r := hcl.Evaluate(context.Background(), hcl.NewFiles(fsys, func(p string) string { return p }, small), ".", hcl.Options{Vars: map[string]string{"a": flag, "c": flag}})
		if len(r.Outputs) != 1 {
			t.Errorf("outputs: %v", r.Outputs)
		}
	})
}

// A root of 100 files: modules, loops, rules that refer to groups.
func BenchmarkEvaluate(b *testing.B) {
	dir := b.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	write("m/main.tf", `
variable "name" {}
variable "cidrs" { type = list(string) }
resource "aws_security_group" "this" {
  name = var.name
  dynamic "ingress" {
    for_each = var.cidrs
    content {
      from_port   = 443
      to_port     = 443
      protocol    = "tcp"
      cidr_blocks = [ingress.value]
    }
  }
}
output "id" { value = aws_security_group.this.id }
`)
	for i := range 100 {
		write(fmt.Sprintf("f%d.tf", i), fmt.Sprintf(`
locals {
  nets%[1]d = [for n in range(10) : cidrsubnet("10.%[1]d.0.0/16", 8, n)]
}
module "m%[1]d" {
  source   = "./m"
  for_each = toset(["a", "b"])
  name     = "${each.key}-%[1]d"
  cidrs    = local.nets%[1]d
}
resource "aws_security_group" "g%[1]d" {
  count = 5
  name  = "g${count.index}"
  ingress {
    from_port       = 80 + count.index
    to_port         = 80 + count.index
    protocol        = "tcp"
    security_groups = [for k in ["a", "b"] : module.m%[1]d[k].id]
    cidr_blocks     = slice(local.nets%[1]d, 0, count.index + 1)
  }
}
resource "aws_security_group_rule" "r%[1]d" {
  for_each                 = { for i, n in local.nets%[1]d : n => i }
  type                     = "ingress"
  security_group_id        = aws_security_group.g%[1]d[each.value %% 5].id
  source_security_group_id = element(aws_security_group.g%[1]d[*].id, each.value + 1)
  from_port                = each.value
  to_port                  = each.value
  protocol                 = "tcp"
}
`, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		f := files(os.DirFS(dir))
		r := hcl.Evaluate(context.Background(), f, ".", hcl.Options{Schemas: schemas})
		if len(r.Instances) != 1700 || len(r.Diagnostics) > 0 {
			b.Fatal(len(r.Instances), r.Diagnostics)
		}
	}
}
