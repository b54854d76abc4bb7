package hcl_test

import (
	"context"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

func TestAnswerAddresses(t *testing.T) {
	for _, c := range []struct {
		pattern, address string
		want             bool
	}{
		{`data.aws_vpc.a`, `data.aws_vpc.a`, true},
		{`data.aws_vpc.a`, `data.aws_vpc.b`, false},
		{`data.aws_vpc.a`, `data.aws_vpc.a[0]`, true},
		{`data.aws_vpc.a`, `module.net.data.aws_vpc.a`, false},
		{`data.aws_vpc.*`, `data.aws_vpc.a["x.y"]`, true},
		{`data.aws_vpc.a[0]`, `data.aws_vpc.a[0]`, true},
		{`data.aws_vpc.a[0]`, `data.aws_vpc.a[1]`, false},
		{`data.aws_vpc.a[*]`, `data.aws_vpc.a[1]`, true},
		{`module.net.data.aws_vpc.a`, `module.net["eu"].data.aws_vpc.a`, true},
		{`module.net["eu"].data.aws_vpc.a`, `module.net["us"].data.aws_vpc.a`, false},
		{`module.*.data.aws_vpc.a`, `module.net.data.aws_vpc.a`, true},
		{`module.*.data.aws_vpc.a`, `data.aws_vpc.a`, false},
		{`module.*.data.aws_vpc.a`, `module.net.module.sub.data.aws_vpc.a`, false},
		{`*.data.aws_vpc.a`, `data.aws_vpc.a`, true},
		{`*.data.aws_vpc.a`, `module.net.module.sub.data.aws_vpc.a`, true},
		{`*.module.sub.data.aws_vpc.a`, `module.net["a.b"].module.sub[1].data.aws_vpc.a`, true},
		{`*.module.sub.data.aws_vpc.a`, `module.net.data.aws_vpc.a`, false},
	} {
		var a hcl.Answers
		text := "answer \"" + strings.ReplaceAll(c.pattern, `"`, `\"`) + "\" {\n  id = \"vpc-1\"\n}\n"
		if ds := a.Read(files(config(map[string]string{"a.hcl": text})), "a.hcl"); len(ds) > 0 {
			t.Fatal(c.pattern, ds)
		}
		got := a.Find(c.address, "aws_vpc")["id"]
		if (got != cty.NilVal) != c.want || a.All()[0].Used() != c.want {
			t.Errorf("%s for %s: %#v", c.pattern, c.address, got)
		}
		if a.Find(c.address, "aws_subnet") != nil {
			t.Errorf("%s answers another type", c.pattern)
		}
	}
}

// The narrowest answer counts, attribute by attribute; of equals the last.
func TestAnswersTogether(t *testing.T) {
	var a hcl.Answers
	f := files(config(map[string]string{
		"a.hcl": `
data "aws_vpc" "a" {
  id = "exact"
}
answer "*.data.aws_vpc.a" {
  id         = "any"
  cidr_block = "10.0.0.0/8"
  tags       = { Name = "x" }
}
`,
		"b.json": `{"data": {"aws_vpc": {"a": {"cidr_block": "10.1.0.0/16", "default": false}}}, "answer": {"data.aws_vpc.*": {"id": "some", "state": "available"}}}`,
	}))
	for _, name := range []string{"a.hcl", "b.json"} {
		if ds := a.Read(f, name); len(ds) > 0 {
			t.Fatal(ds)
		}
	}
	got := cty.ObjectVal(a.Find("data.aws_vpc.a", "aws_vpc"))
	want := cty.ObjectVal(map[string]cty.Value{
		"id": cty.StringVal("exact"), "cidr_block": cty.StringVal("10.1.0.0/16"), "default": cty.False, "state": cty.StringVal("available"),
		"tags": cty.ObjectVal(map[string]cty.Value{"Name": cty.StringVal("x")}),
	})
	if !got.RawEquals(want) {
		t.Errorf("got %#v", got)
	}
}

func TestAnswersRefused(t *testing.T) {
	for text, want := range map[string]string{
		`data "aws_vpc" {}`:                                 "missing name for data",
		`data "aws_vpc" "a" { id = var.x }`:                 "the answer for id is not written out",
		`data "aws_vpc" "a" { id = file("/etc") }`:          "the answer for id is not written out",
		`answer "aws_vpc.a" {}`:                             "not the address of a data source",
		`answer "module.data.aws_vpc.a" {}`:                 "not the address of a data source",
		`answer "*" {}`:                                     "not the address of a data source",
		`resource "aws_vpc" "a" {}`:                         "unsupported block type",
		"data \"aws_vpc\" \"a\" {\n  filter {}\n}":          "unexpected",
		`data "aws_availability_zones" "a" { length = -1 }`: "a whole number from 0",
		`data "aws_vpc" "a" {`:                              "",
		`{"data": {"aws_vpc": ["a"]}}`:                      "",
		strings.Repeat("[", 10_000):                         "",
		`{"data": ` + strings.Repeat("[", 10_000):           "nests deeper",
	} {
		var a hcl.Answers
		ds := a.Read(files(config(map[string]string{"a": text})), "a")
		if !ds.Errors() {
			t.Errorf("%.60q is accepted", text)
			continue
		}
		if !strings.Contains(ds[0].Message, want) {
			t.Errorf("%.60q: %s", text, ds[0].Message)
		}
	}
	var a hcl.Answers
	if ds := a.Read(files(config(nil)), "../a"); !ds.Errors() {
		t.Error("a file outside is read")
	}
}

// A number of zones makes their list known, and what is made of it.
func TestNumberOfZones(t *testing.T) {
	var a hcl.Answers
	f := files(config(map[string]string{
		"a.hcl": "data \"aws_availability_zones\" \"z\" {\n  length = 3\n}\n",
		"main.tf": `
data "aws_availability_zones" "z" {}
output "n" {
  value = length(data.aws_availability_zones.z.names)
}
output "last" {
  value = element(data.aws_availability_zones.z.names, 4) == data.aws_availability_zones.z.names[1]
}
`,
	}))
	if ds := a.Read(f, "a.hcl"); len(ds) > 0 {
		t.Fatal(ds)
	}
	rounds := 0
	root := hcl.Evaluate(context.Background(), f, ".", hcl.Options{Data: aws.DataSchemas, Answers: func(ins []*tf.Instance) map[string]*tf.Answer {
		rounds++
		out := map[string]*tf.Answer{}
		for _, in := range ins {
			out[in.Address] = &tf.Answer{Values: a.Find(in.Address, in.Type)}
		}
		return out
	}})
	if n := root.Outputs[0].Value; !n.RawEquals(cty.NumberIntVal(3)) {
		t.Errorf("%#v", n)
	}
	if same := root.Outputs[1].Value; !same.RawEquals(cty.True) {
		t.Errorf("%#v", same)
	}
	if rounds != 2 {
		t.Errorf("%d rounds", rounds)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add("data \"aws_vpc\" \"a\" {\n  id = \"vpc-1\"\n}\nanswer \"*.module.x[\\\"a\\\"].data.aws_vpc.a[*]\" {\n  tags = { a = [1, true, null] }\n}\n", "module.x.data.aws_vpc.a[0]")
	f.Add(`{"data": {"aws_availability_zones": {"a": {"length": 3}}}, "answer": {"module.*.data.a.b": {"x": "${y}"}}}`, `module.x["]."].data.a.b`)
	f.Fuzz(func(t *testing.T, text, address string) {
		var a hcl.Answers
		_ = a.Read(files(config(map[string]string{"a": text})), "a")
		for _, g := range a.All() {
			_ = g.Used()
		}
		for _, typ := range []string{"aws_vpc", "aws_availability_zones", "a"} {
			for name, v := range a.Find(address, typ) {
				if !v.IsWhollyKnown() {
					t.Errorf("%s is not known", name)
				}
			}
		}
	})
}
