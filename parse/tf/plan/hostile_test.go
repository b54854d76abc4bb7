package plan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
	"github.com/postern-dev/postern/parse/tf/plan"
)

// change is a plan of one resource.
func change(address, after, unknown, expressions string) string {
	return fmt.Sprintf(`{"format_version":"1.2","resource_changes":[{"address":%q,"change":{"actions":["create"],"before":null,"after":%s,"after_unknown":%s}}],
	"configuration":{"root_module":{"resources":[{"address":%q,"expressions":%s}]}}}`, address, after, unknown, address, expressions)
}

// TestHostile: what strangers may write ends, soon, and without a crash.
func TestHostile(t *testing.T) {
	deep := strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000)
	var names []string
	for i := range 20_000 {
		names = append(names, fmt.Sprintf(`"k%d":true`, i))
	}
	wide := "{" + strings.Join(names, ",") + "}"
	circle := `{"format_version":"1.2","resource_changes":[
		{"address":"module.a.aws_security_group_rule.r","change":{"actions":["create"],"after":{"type":"ingress","protocol":"tcp","from_port":1,"to_port":1},"after_unknown":{"security_group_id":true,"cidr_blocks":true}}},
		{"address":"module.b.aws_security_group_rule.r","change":{"actions":["create"],"after":{"type":"ingress","protocol":"tcp","from_port":1,"to_port":1,"self":true},"after_unknown":{"security_group_id":true}}}],
		"configuration":{"root_module":{"module_calls":{
			"a":{"expressions":{"x":{"references":["module.b.y","local.z"]}},"module":{"outputs":{"y":{"expression":{"references":["var.x"]}}},
				"resources":[{"address":"aws_security_group_rule.r","expressions":{"security_group_id":{"references":["var.x","local.q"]},"cidr_blocks":{"references":["var.x"]}}}]}},
			"b":{"expressions":{"x":{"references":["module.a.y"]}},"module":{"outputs":{"y":{"expression":{"references":["var.x","var.x","var.x"]}}},
				"resources":[{"address":"aws_security_group_rule.r","expressions":{"security_group_id":{"references":["var.x"]}}}]}}}}}}`
	for name, text := range map[string]string{
		"deep":                change("aws_security_group.g", `{"ingress":`+deep+`}`, `{}`, `{}`),
		"deep unknown":        change("aws_security_group.g", `{}`, `{"ingress":`+deep+`}`, `{}`),
		"deep configuration":  change("aws_security_group.g", `{}`, `{"ingress":true}`, `{"ingress":`+deep+`}`),
		"wide":                change("aws_vpc.v", wide, wide, wide),
		"circles":             circle,
		"numbers":             change("aws_security_group_rule.r", `{"type":"ingress","protocol":"tcp","from_port":1e999999999,"to_port":`+strings.Repeat("9", 5000)+`,"security_group_id":"sg-1","cidr_blocks":["10.0.0.0/8"]}`, `{}`, `{}`),
		"no objects":          `{"format_version":"1.2","resource_changes":[null,1,"x",[],{},{"address":"x"},{"address":"module.a"},{"address":"aws_vpc.v","change":7}]}`,
		"flat state":          `{"version":3,"terraform_version":"0.11.0","modules":[{"path":["root"],"resources":{"aws_security_group.g":{"primary":{"attributes":{"ingress.#":"1000000000","ingress.7.from_port":"1","ingress.#.x":"1","a..b":"1","":"1"}}}}}]}`,
		"state without parts": `{"version":4,"resources":[{"mode":"managed","type":"aws_vpc","name":"v","instances":[{"attributes":null},{"index_key":{},"attributes":[]},{"index_key":1e99}]}]}`,
		"strange version":     `{"version":"x","terraform_version":1,"resources":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(text)) {
				t.Fatal("this is not JSON")
			}
			began := time.Now()
			_ = network(t, []byte(text))
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
		})
	}
}

// TestWrongTypes puts every other kind of value into every place of the plans
// and states of the tests.
func TestWrongTypes(t *testing.T) {
	names, _ := filepath.Glob("testdata/*/*.json")
	if len(names) == 0 {
		t.Fatal("no documents")
	}
	others := []any{nil, true, 7.0, "x", []any{}, []any{map[string]any{}}, map[string]any{}, map[string]any{"references": []any{"local.x", 1.0}}}
	for _, name := range names {
		if strings.HasSuffix(name, ".rows.json") {
			continue
		}
		var doc any
		if err := json.Unmarshal(read(t, name), &doc); err != nil {
			t.Fatal(err)
		}
		n := 0
		replaceEach(doc, func() {
			if n++; n%7 != 0 { // seven is coprime to the number of others: each gets its places
				return
			}
			text, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if d, err := plan.Parse(name, text); err == nil {
				_ = aws.Build(d.Root(plan.Options{Schemas: aws.Schemas}))
			}
		}, others)
	}
}

// replaceEach calls f with each part of a value replaced by each of others.
func replaceEach(v any, f func(), others []any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			old := v[k]
			for _, o := range others {
				v[k] = o
				f()
			}
			v[k] = old
			replaceEach(old, f, others)
		}
	case []any:
		for i, old := range v {
			for _, o := range others {
				v[i] = o
				f()
			}
			v[i] = old
			replaceEach(old, f, others)
		}
	}
}

func sortedKeys(m map[string]any) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// TestNoJSON: what is no JSON is refused with a reason.
func TestNoJSON(t *testing.T) {
	for _, s := range []string{"", "{", `{"a":1,}`, "\x00"} {
		if _, err := plan.Parse("plan.json", []byte(s)); err == nil {
			t.Errorf("%q is read", s)
		}
	}
	if _, err := plan.Parse("plan.json", []byte("\xef\xbb\xbf{\"format_version\":\"1.2\"}")); err != nil {
		t.Errorf("a byte order mark: %v", err)
	}
}

// TestNoFakeSymbols: strings of a plan cannot pass for ids that AWS will assign.
func TestNoFakeSymbols(t *testing.T) {
	fake := tf.Symbol("aws_security_group.other", "id")
	text := change("aws_vpc_security_group_ingress_rule.r", `{"security_group_id":"`+fake+`","ip_protocol":"tcp","from_port":1,"to_port":1,"cidr_ipv4":"10.0.0.0/8"}`, `{}`, `{}`)
	for _, in := range root(t, []byte(text), plan.Options{}).Instances {
		if v := in.Body.Attrs["security_group_id"].Value; tf.HasSymbol(v.AsString()) {
			t.Errorf("%q is a symbol", v.AsString())
		}
	}
}

// TestSensitive: sensitive values are marked, and known to the analysis.
func TestSensitive(t *testing.T) {
	text := `{"format_version":"1.2","resource_changes":[{"address":"aws_security_group_rule.r","change":{"actions":["create"],"before":null,
		"after":{"type":"ingress","protocol":"tcp","from_port":1,"to_port":1,"security_group_id":"sg-1","cidr_blocks":["10.0.0.0/8"],"description":"hidden"},
		"after_unknown":{},"after_sensitive":{"cidr_blocks":[true],"description":true}}}]}`
	in := root(t, []byte(text), plan.Options{}).Instances[0]
	for name, want := range map[string]bool{"cidr_blocks": true, "description": true, "protocol": false} {
		if got := tf.IsSensitive(in.Body.Attrs[name].Value); got != want {
			t.Errorf("%s is sensitive: %t", name, got)
		}
	}
	n := network(t, []byte(text))
	r := n.SecurityGroups[0].Ingress[0]
	if r.Peer.CIDR.String() != "10.0.0.0/8" || r.Origin.Description != "" {
		t.Errorf("%+v", r)
	}
}

// TestPlaces: lines and columns are of the values, on one line as on many.
func TestPlaces(t *testing.T) {
	long := strings.Repeat("é", 5000)
	text := `{"format_version":"1.2","x":"` + long + `","resource_changes":[{"address":"aws_vpc.v","change":{"actions":["create"],"after":{"cidr_block":"10.0.0.0/16"},"after_unknown":{}}}]}`
	for name, c := range map[string]struct {
		text         string
		line, column int
	}{
		"one line":   {text, 1, 1 + len([]rune(text[:strings.Index(text, `"10.0.0.0`)]))},
		"many lines": {strings.ReplaceAll(text, `"after":`, "\r\n\n\t\"after\":"), 3, 24},
	} {
		a := root(t, []byte(c.text), plan.Options{}).Instances[0].Body.Attrs["cidr_block"].Range
		if a.Start.Line != c.line || a.Start.Column != c.column || a.End.Column-a.Start.Column != len(`"10.0.0.0/16"`) || a.File != "plan.json" {
			t.Errorf("%s: %+v, want %d:%d", name, a, c.line, c.column)
		}
	}
}

// sourceOf evaluates a configuration.
func sourceOf(t *testing.T, text string, d *plan.Document) *tf.Root {
	t.Helper()
	files := hcl.NewFiles(fstest.MapFS{"main.tf": {Data: []byte(text)}}, func(p string) string { return p }, hcl.Limits{})
	return hcl.Evaluate(context.Background(), files, ".", hcl.Options{Schemas: aws.Schemas, Vars: d.Variables()})
}

// TestSource: the configuration shows what a plan erases, and where it stands.
func TestSource(t *testing.T) {
	d, err := plan.Parse("plan.json", read(t, "testdata/facts/1-erased-lists.json"))
	if err != nil {
		t.Fatal(err)
	}
	source := sourceOf(t, `resource "aws_vpc" "v" {
  cidr_block = "10.99.0.0/16" # the plan's value counts
}
resource "aws_eip" "e" {}
resource "aws_security_group" "a" {
  vpc_id = aws_vpc.v.id
}
resource "aws_security_group" "cidrs" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "TCP"
    cidr_blocks = ["${aws_eip.e.public_ip}/32", "10.0.0.0/8"]
  }
}
resource "aws_security_group" "groups" {
  vpc_id = aws_vpc.v.id
  ingress {
    from_port       = 443
    to_port         = 443
    protocol        = "tcp"
    security_groups = [aws_security_group.a.id, "sg-0123456789abcdef0"]
  }
}
`, d)
	n := aws.Build(d.Root(plan.Options{Schemas: aws.Schemas, Source: source}))
	cidrs := groupOf(t, n, "aws_security_group.cidrs").Ingress
	if len(cidrs) != 2 || cidrs[0].Peer.Unknown == nil || cidrs[0].Maybe != nil || cidrs[1].Peer.CIDR.String() != "10.0.0.0/8" {
		t.Errorf("one CIDR is known, and one more is there: %+v", cidrs)
	}
	groups := groupOf(t, n, "aws_security_group.groups").Ingress
	if len(groups) != 2 || groups[0].Peer.Group != groupOf(t, n, "aws_security_group.a") || groups[1].Peer.Group.ID != "sg-0123456789abcdef0" {
		t.Fatalf("the list is whole: %+v", groups)
	}
	if at := groups[1].Origin.Range; at.File != "main.tf" || at.Start.Line != 23 {
		t.Errorf("the literal stands at %s", at)
	}
	if at := groups[1].Origin.At(ir.FieldPorts); at.File != "main.tf" || at.Start.Line != 20 {
		t.Errorf("the port stands at %s", at)
	}
	if got := n.VPCs[0].IPv4[0].V.String(); got != "10.0.0.0/16" {
		t.Errorf("the VPC has %s", got)
	}
}

// seeds are the documents of the tests.
func seeds(f *testing.F, pattern string) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		f.Fatal("no documents")
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".rows.json") {
			f.Add(read(f, name))
		}
	}
}

// check reads a document twice: the same bytes give the same network.
func check(t *testing.T, data []byte) {
	d, err := plan.Parse("x.json", data)
	if err != nil {
		return
	}
	var rows []string
	for range 2 {
		n := aws.Build(d.Root(plan.Options{Schemas: aws.Schemas}))
		var all []string
		for _, r := range shownRows(t, n) {
			all = append(all, r.String())
		}
		rows = append(rows, strings.Join(all, "\n"))
	}
	if rows[0] != rows[1] {
		t.Errorf("two readings differ:\n%s\n\n%s", rows[0], rows[1])
	}
}

func FuzzPlan(f *testing.F) {
	seeds(f, "testdata/facts/*.json")
	f.Fuzz(check)
}

func FuzzState(f *testing.F) {
	seeds(f, "testdata/states/*.json")
	f.Fuzz(check)
}
