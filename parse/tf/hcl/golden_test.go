package hcl_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

var update = flag.Bool("update", false, "rewrite what the golden files want")

// schemas are a few schemas, enough to tell ids from what is computed.
func schemas(typ string) *tf.Schema {
	switch typ {
	case "aws_vpc":
		return &tf.Schema{IDs: []string{"id", "arn", "default_security_group_id"}, Defaults: map[string]cty.Value{"enable_dns_support": cty.True}}
	case "aws_subnet", "aws_instance", "aws_eip":
		return &tf.Schema{IDs: []string{"id", "arn"}}
	case "aws_security_group":
		return &tf.Schema{IDs: []string{"id", "arn"}, Blocks: []string{"ingress", "egress"}, Same: map[string]string{"group_id": "id"}}
	}
	return nil
}

// Each file of testdata is a module tree, the options it is evaluated with,
// and what comes out. A file called options has lines of "var NAME=TEXT",
// "var-file PATH", "env NAME=TEXT", "workspace NAME", "region NAME", "root DIR",
// "steps N", "nesting N".
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			fsys := fstest.MapFS{}
			o := hcl.Options{Schemas: schemas, Data: aws.DataSchemas, Vars: map[string]string{}}
			dir, want := ".", ""
			var limits hcl.Limits
			kept := a.Files[:0]
			for _, f := range a.Files {
				switch f.Name {
				case "want":
					want = string(f.Data)
					continue
				case "options":
					dir = readOptions(t, &o, &limits, string(f.Data))
				default:
					fsys[f.Name] = &fstest.MapFile{Data: f.Data}
				}
				kept = append(kept, f)
			}
			run := func() string {
				f := hcl.NewFiles(fsys, func(p string) string { return p }, limits)
				return describe(hcl.Evaluate(context.Background(), f, dir, o))
			}
			got, again := run(), run()
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("the second run differs (-first +second):\n%s", diff)
			}
			if *update {
				a.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(p, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func readOptions(t *testing.T, o *hcl.Options, l *hcl.Limits, text string) (dir string) {
	t.Helper()
	dir = "."
	for line := range strings.Lines(text) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "var":
			name, v, _ := strings.Cut(rest, "=")
			o.Vars[name] = v
		case "var-file":
			o.VarFiles = append(o.VarFiles, rest)
		case "env":
			o.Environ = append(o.Environ, rest)
		case "workspace":
			o.Workspace = rest
		case "region":
			o.Region = rest
		case "steps":
			l.Steps, _ = strconv.Atoi(rest)
		case "nesting":
			l.Nesting, _ = strconv.Atoi(rest)
		case "root":
			dir = rest
		default:
			t.Fatalf("options: %q", line)
		}
	}
	return dir
}

// describe writes a root as text.
func describe(r *tf.Root) string {
	var b strings.Builder
	if r.Library {
		fmt.Fprintln(&b, "library")
	}
	if len(r.Workspaces) > 0 {
		fmt.Fprintf(&b, "%s, of %s  %s\n", r.Variant, strings.Join(r.Workspaces, ", "), r.WorkspacesAt)
	}
	for _, i := range r.Instances {
		fmt.Fprintf(&b, "%s  %s", i.Address, i.Body.Range.Line())
		if i.Region != "" {
			fmt.Fprintf(&b, " in %s", i.Region)
		}
		if i.Maybe != nil {
			fmt.Fprintf(&b, " maybe (%s)", i.Maybe.Cause.Message)
		}
		fmt.Fprintln(&b)
		describeBlock(&b, i.Body, "  ")
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "%s = %s  %s\n", o.Name, show(o.Value), o.Range.Line())
	}
	for _, g := range r.Ignores {
		fmt.Fprintf(&b, "ignore %v %q lines %d-%d", g.Rules, g.Reason, g.Scope.Start.Line, g.Scope.End.Line)
		if !g.Until.IsZero() {
			fmt.Fprintf(&b, " until %s", g.Until.Format("2006-01-02"))
		}
		if g.Module != "" {
			fmt.Fprintf(&b, " module %s", g.Module)
		}
		fmt.Fprintln(&b)
	}
	for _, o := range r.Omissions {
		fmt.Fprintf(&b, "omitted %s: %s %s (%s)\n", o.Address, o.Cause.Code, o.Cause.Message, o.Cause.Range)
	}
	for _, d := range r.Diagnostics {
		kind := "note"
		if d.Error {
			kind = "error"
		}
		fmt.Fprintf(&b, "%s: %s: %s\n", d.Range, kind, d.Message)
	}
	return b.String()
}

func describeBlock(b *strings.Builder, k *tf.Block, indent string) {
	for _, name := range slices.Sorted(maps.Keys(k.Attrs)) {
		a := k.Attrs[name]
		fmt.Fprintf(b, "%s%s = %s  %s", indent, name, show(a.Value), where(a.Range))
		if a.Elems != nil {
			var es []string
			for _, e := range a.Elems {
				es = append(es, where(e))
			}
			fmt.Fprintf(b, " [%s]", strings.Join(es, " "))
		}
		for i, f := range a.Fields {
			for _, n := range slices.Sorted(maps.Keys(f)) {
				fmt.Fprintf(b, " %d.%s@%s", i, n, where(f[n]))
			}
		}
		fmt.Fprintln(b)
	}
	for _, n := range k.Blocks {
		fmt.Fprintf(b, "%s%s %s", indent, n.Type, n.Range.Line())
		if n.Maybe != nil {
			fmt.Fprintf(b, " maybe (%s)", n.Maybe.Cause.Message)
		}
		fmt.Fprintln(b)
		describeBlock(b, n, indent+"  ")
	}
}

func where(r diag.Range) string {
	if r.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%d:%d-%d", r.Start.Line, r.Start.Column, r.End.Column)
}

// show writes a value; an unknown one with its term and cause.
func show(v cty.Value) string {
	bare, _ := v.Unmark()
	s := ""
	if v.HasMark(tf.SensitiveMark{}) {
		s = "sensitive "
	}
	switch t := bare.Type(); {
	case bare.IsNull():
		return s + "null"
	case !bare.IsKnown():
		u := tf.Why(v)
		return s + fmt.Sprintf("?{%s: %s %s}", u.Term, u.Cause.Code, u.Cause.Message)
	case t == cty.String:
		return s + fmt.Sprintf("%q", tf.Readable(bare.AsString()))
	case t == cty.Number:
		return s + bare.AsBigFloat().Text('f', -1)
	case t == cty.Bool:
		return s + fmt.Sprint(bare.True())
	case t.IsObjectType() || t.IsMapType():
		var es []string
		for it := bare.ElementIterator(); it.Next(); {
			k, e := it.Element()
			es = append(es, tf.Readable(k.AsString())+"="+show(e))
		}
		return s + "{" + strings.Join(es, " ") + "}"
	default:
		var es []string
		for it := bare.ElementIterator(); it.Next(); {
			_, e := it.Element()
			es = append(es, show(e))
		}
		return s + "[" + strings.Join(es, " ") + "]"
	}
}
