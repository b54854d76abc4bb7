package plan_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/plan"
)

// corpus is the folder of public inputs.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("POSTERN_CORPUS")
	if dir == "" {
		t.Skip("POSTERN_CORPUS is not set")
	}
	return dir
}

// TestTruth compares plans of public root modules with the rules in them. No
// row may contradict. Names that the row lists take from a configuration are
// without indexes, and a known prefix list may stand beside a reference; both
// count as the same.
func TestTruth(t *testing.T) {
	base := filepath.Join(corpus(t), "..", "terraform-truth")
	plans, err := filepath.Glob(filepath.Join(base, "plans", "*.json"))
	if err != nil || len(plans) == 0 {
		t.Skip("no plans")
	}
	total := map[grade]int{}
	for _, name := range plans {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(base, "expected", filepath.Base(name)))
			if err != nil {
				t.Skip(err)
			}
			data := read(t, name)
			n := network(t, data)
			v := compare(expectedRows(t, want), shownRows(t, n))
			v.report(t)
			for g, c := range v.count {
				total[g] += c
			}
			accounted(t, root(t, data, plan.Options{}), n)
		})
	}
	t.Logf("%d rows the same, %d sharper, %d vaguer", total[same], total[sharper], total[vaguer])
	if total[vaguer]*20 > total[same] {
		t.Errorf("too much is vague: %v", total)
	}
}

// TestCorpus reads every plan and state there is; each network object in it is
// in the model, or named as a problem.
func TestCorpus(t *testing.T) {
	found := 0
	err := filepath.WalkDir(corpus(t), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".tfstate") {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text := string(data[:min(len(data), 4000)])
		if !strings.Contains(text, `"terraform_version"`) && !strings.Contains(text, `"format_version"`) {
			return nil
		}
		d, err := plan.Parse(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		found++
		r := d.Root(plan.Options{Schemas: aws.Schemas})
		accounted(t, r, aws.Build(r))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("%d plans and states found", found)
	}
}

// accounted checks that each network object of a document is somewhere.
func accounted(t *testing.T, r *tf.Root, n *ir.Network) {
	t.Helper()
	there := addresses(n)
	for _, in := range r.Instances {
		if network := networkTypes[in.Type]; network && !in.Data && !there[in.Address] && !empty(in) {
			t.Errorf("%s is not in the model, and nothing says so", in.Address)
		}
	}
}

// networkTypes lists the resources that filters and paths are made of.
var networkTypes = map[string]bool{
	"aws_vpc": true, "aws_subnet": true, "aws_security_group": true, "aws_security_group_rule": true, "aws_vpc_security_group_ingress_rule": true,
	"aws_vpc_security_group_egress_rule": true, "aws_network_acl": true, "aws_network_acl_rule": true, "aws_default_security_group": true,
	"aws_default_network_acl": true, "aws_route_table": true, "aws_route": true, "aws_instance": true, "aws_lb": true, "aws_nat_gateway": true,
	"aws_internet_gateway": true, "aws_network_interface": true,
}

// empty reports whether the document says nothing of an object's attributes.
func empty(in *tf.Instance) bool { return len(in.Body.Attrs)+len(in.Body.Blocks) == 0 }

// addresses are those of everything in a network, and of what is said about it.
func addresses(n *ir.Network) map[string]bool {
	m := map[string]bool{}
	for _, o := range n.VPCs {
		m[o.Origin.Address] = true
	}
	for _, o := range n.Subnets {
		m[o.Origin.Address] = true
	}
	for _, o := range n.SecurityGroups {
		m[o.Origin.Address] = true
		for _, egress := range []bool{false, true} {
			for _, r := range o.Rules(egress) {
				m[r.Origin.Address] = true
			}
		}
	}
	for _, o := range n.NetworkACLs {
		m[o.Origin.Address] = true
		for _, e := range o.Entries {
			m[e.Origin.Address] = true
		}
	}
	for _, o := range n.RouteTables {
		m[o.Origin.Address] = true
		for _, r := range o.Routes {
			m[r.Origin.Address] = true
		}
	}
	for _, o := range n.Interfaces {
		m[o.Origin.Address], m[o.Resource] = true, true
	}
	for _, o := range n.Gateways {
		m[o.Origin.Address] = true
	}
	for _, p := range n.Problems {
		m[p.Address] = true
	}
	for _, o := range n.NotAnalysed {
		m[o.Address] = true
	}
	return m
}
