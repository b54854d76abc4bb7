package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/aws"
	"github.com/postern-dev/postern/parse/tf/plan"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func root(t testing.TB, data []byte, o plan.Options) *tf.Root {
	t.Helper()
	d, err := plan.Parse("plan.json", data)
	if err != nil {
		t.Fatal(err)
	}
	o.Schemas = aws.Schemas
	return d.Root(o)
}

func network(t testing.TB, data []byte) *ir.Network {
	t.Helper()
	return aws.Build(root(t, data, plan.Options{}))
}

// TestFacts: what real plans look like, a small plan for each fact, and the
// rules that are in it.
func TestFacts(t *testing.T) {
	names, err := filepath.Glob("testdata/facts/*.rows.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no facts: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".rows.json"), func(t *testing.T) {
			n := network(t, read(t, strings.TrimSuffix(name, ".rows.json")+".json"))
			v := compare(expectedRows(t, read(t, name)), shownRows(t, n))
			v.report(t)
			if v.count[vaguer]+v.count[sharper] > 0 {
				t.Errorf("rows differ in what is known: %v", v.count)
			}
		})
	}
}

func fact(t *testing.T, name string) *ir.Network {
	t.Helper()
	return network(t, read(t, "testdata/facts/"+name+".json"))
}

func groupOf(t *testing.T, n *ir.Network, address string) *ir.SecurityGroup {
	t.Helper()
	i := slices.IndexFunc(n.SecurityGroups, func(g *ir.SecurityGroup) bool { return g.Origin.Address == address })
	if i < 0 {
		t.Fatalf("no group %s", address)
	}
	return n.SecurityGroups[i]
}

func interfaceOf(t *testing.T, n *ir.Network, resource string) *ir.Interface {
	t.Helper()
	i := slices.IndexFunc(n.Interfaces, func(o *ir.Interface) bool { return o.Resource == resource })
	if i < 0 {
		t.Fatalf("no interface of %s", resource)
	}
	return n.Interfaces[i]
}

// TestErasedListsMayHoldMore: a list that is erased holds what it refers to for
// certain, and perhaps ids that are written out.
func TestErasedListsMayHoldMore(t *testing.T) {
	n := fact(t, "1-erased-lists")
	g := groupOf(t, n, "aws_security_group.groups")
	if len(g.Ingress) != 2 {
		t.Fatalf("%d rules, want the one that is referred to and one for what is not shown", len(g.Ingress))
	}
	sure, more := g.Ingress[0], g.Ingress[1]
	if sure.Maybe != nil || sure.Peer.Group != groupOf(t, n, "aws_security_group.a") || sure.Origin.Aside {
		t.Errorf("the rule that is referred to: %+v", sure)
	}
	if more.Maybe == nil || more.Peer.Unknown == nil || !more.Origin.Aside || more.Ports != sure.Ports {
		t.Errorf("the rules that may be beside it: %+v", more)
	}
	web := interfaceOf(t, n, "aws_instance.web").Groups
	if len(web.Sure) != 2 || web.Open == nil {
		t.Errorf("groups of the instance: %+v", web)
	}
}

// TestCandidates: an id that may be one of several is none of them for certain,
// and may be each.
func TestCandidates(t *testing.T) {
	n := fact(t, "candidates")
	for _, a := range []string{"aws_security_group.a[0]", "aws_security_group.a[1]"} {
		g := groupOf(t, n, a)
		if len(g.Ingress) != 1 || g.Ingress[0].Maybe == nil || !g.Ingress[0].Origin.Aside || g.Ingress[0].Peer.Group != g {
			t.Errorf("%s: %+v", a, g.Ingress)
		}
	}
	var ours []*ir.Subnet
	for _, s := range n.Subnets {
		if strings.HasPrefix(s.Origin.Address, "aws_subnet.s[") {
			ours = append(ours, s)
			if len(s.ACL.Of) != 2 || s.ACL.Why == nil {
				t.Errorf("%s has the ACLs %+v: it may have the one that is associated, or the default", s.Origin.Address, s.ACL)
			}
			if _, ok := s.VPC.Known(); !ok {
				t.Errorf("%s has the VPC %+v", s.Origin.Address, s.VPC)
			}
		}
	}
	web := interfaceOf(t, n, "aws_instance.web[0]")
	if len(ours) != 2 || !slices.Equal(web.Subnet.Of, ours) || web.Subnet.Open != nil || web.Subnet.Why == nil {
		t.Errorf("the instance is in %+v, want one of %v", web.Subnet, ours)
	}
	if len(web.Groups.Sure) != 0 || len(web.Groups.Maybe) != 2 || web.Groups.Open == nil {
		t.Errorf("the instance has %+v", web.Groups)
	}
}

// TestOmitted: what is left out of a new group is not there.
func TestOmitted(t *testing.T) {
	n := fact(t, "5-omitted")
	for _, a := range []string{"aws_security_group.omitted", "aws_security_group.emptied"} {
		if g := groupOf(t, n, a); len(g.Ingress)+len(g.Egress) != 0 || g.Open != nil {
			t.Errorf("%s: %+v %+v, open: %v", a, g.Ingress, g.Egress, g.Open)
		}
	}
	i := slices.IndexFunc(n.NetworkACLs, func(a *ir.NetworkACL) bool { return a.Default })
	if i < 0 || len(n.NetworkACLs[i].Entries) != 0 || n.NetworkACLs[i].Open != nil {
		t.Errorf("the default ACL is not emptied")
	}
	old := groupOf(t, n, "aws_security_group.old")
	if len(old.Egress) != 1 || !old.Egress[0].Origin.Implicit {
		t.Errorf("what nobody says of a group that exists is not known: %+v", old.Egress)
	}
}

// TestReplacedIsNew: only what stays is taken as existing.
func TestReplacedIsNew(t *testing.T) {
	want := map[string]bool{
		"aws_security_group.g": true, "aws_security_group_rule.kept": true, "aws_security_group_rule.replaced": false, "aws_security_group_rule.swapped": false,
		"aws_security_group_rule.forgotten": true, "aws_security_group_rule.updated": true, "aws_security_group_rule.targeted": true, "data.aws_vpc.later": false,
	}
	got := map[string]bool{}
	for _, in := range root(t, read(t, "testdata/facts/changes.json"), plan.Options{}).Instances {
		got[in.Address] = in.Existing
	}
	for a, existing := range want {
		if e, ok := got[a]; !ok || e != existing {
			t.Errorf("%s: there %t, existing %t, want %t", a, ok, e, existing)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d instances, want %d", len(got), len(want))
	}
}

// TestFailed: a plan that failed is read, and not taken as whole.
func TestFailed(t *testing.T) {
	r := root(t, read(t, "testdata/facts/7-failed.json"), plan.Options{})
	if len(r.Omissions) != 1 || len(r.Diagnostics) != 1 || r.Diagnostics[0].Rule != "not-analysed" || r.Diagnostics[0].Range.Start.Line < 2 {
		t.Errorf("omissions %+v, diagnostics %+v", r.Omissions, r.Diagnostics)
	}
}

// TestRegion: provider configurations name the Region.
func TestRegion(t *testing.T) {
	for _, in := range root(t, read(t, "testdata/facts/rule-resources.json"), plan.Options{}).Instances {
		if in.Region != "eu-west-1" {
			t.Errorf("%s is in %q", in.Address, in.Region)
		}
	}
}

// TestStates: the three ways in which states are written show one network.
func TestStates(t *testing.T) {
	want := expectedRows(t, []byte(`{"rules": [
		{"address":"aws_security_group.web","kind":"sg","owner":"aws_security_group.web","direction":"ingress","protocol":"tcp","from":443,"to":443,"source":{"kind":"cidr4","value":"0.0.0.0/0"}},
		{"address":"aws_security_group.web","kind":"sg","owner":"aws_security_group.web","direction":"egress","protocol":"-1","source":{"kind":"cidr4","value":"0.0.0.0/0"}},
		{"address":"aws_security_group_rule.db","kind":"sg","owner":"aws_security_group.db","direction":"ingress","protocol":"tcp","from":5432,"to":5432,"source":{"kind":"sg","ref":"aws_security_group.web"}},
		{"address":"aws_vpc_security_group_egress_rule.s3","kind":"sg","owner":"aws_security_group.db","direction":"egress","protocol":"tcp","from":443,"to":443,"source":{"kind":"prefix_list","ref":"data.aws_prefix_list.s3"}},
		{"address":"aws_network_acl.n","kind":"nacl","owner":"aws_network_acl.n","direction":"ingress","protocol":"tcp","from":0,"to":65535,"rule_no":100,"action":"allow","source":{"kind":"cidr4","value":"10.0.0.0/16"}}
	]}`))
	for _, name := range []string{"v3", "v4", "show"} {
		t.Run(name, func(t *testing.T) {
			n := network(t, read(t, "testdata/states/"+name+".json"))
			v := compare(want, shownRows(t, n))
			v.report(t)
			if v.count[same] != len(want) {
				t.Errorf("not all the same: %v", v.count)
			}
			web := interfaceOf(t, n, "aws_instance.web")
			a := web.Addresses[0]
			if s, ok := web.Subnet.Known(); !ok || s.Origin.Address != "module.net.aws_subnet.s[0]" || s.ID != "subnet-1" {
				t.Errorf("subnet %+v", web.Subnet)
			}
			if len(web.Groups.Sure) != 1 || web.Groups.Open != nil || a.Private.V.String() != "10.0.1.10" || a.Public.Addr.V.String() != "198.51.100.7" {
				t.Errorf("interface %+v", web)
			}
			for _, s := range n.Subnets {
				acl, ok := s.ACL.Known()
				if want := map[string]string{"subnet-1": "acl-d", "subnet-2": "acl-1"}[s.ID]; !ok || acl.ID != want {
					t.Errorf("%s has the ACL %+v, want %s", s.ID, s.ACL, want)
				}
			}
			if g := groupOf(t, n, "aws_security_group.web"); len(g.Exported) != 1 {
				t.Errorf("an output carries the group away: %+v", g.Exported)
			}
			for _, d := range n.Problems {
				t.Errorf("problem: %s", d.Message)
			}
		})
	}
}

// TestUnknownCondition: what is not known may choose an id that is written out.
func TestUnknownCondition(t *testing.T) {
	group := func(name string) string {
		return `{"address":"aws_security_group.` + name + `","change":{"actions":["create"],"before":null,"after":{},"after_unknown":{"id":true,"ingress":true,"egress":true}}}`
	}
	text := `{"format_version":"1.2","resource_changes":[` + group("a") + `,
		{"address":"aws_eip.e","change":{"actions":["create"],"before":null,"after":{},"after_unknown":{"domain":true}}},
		{"address":"aws_vpc_security_group_ingress_rule.r","change":{"actions":["create"],"before":null,"after":{"ip_protocol":"-1","cidr_ipv4":"0.0.0.0/0"},"after_unknown":{"security_group_id":true}}},
		{"address":"aws_instance.web","change":{"actions":["create"],"before":null,"after":{},"after_unknown":{"vpc_security_group_ids":true}}}],
		"configuration":{"root_module":{"resources":[{"address":"aws_security_group.a"},{"address":"aws_eip.e"},
		{"address":"aws_vpc_security_group_ingress_rule.r","expressions":{"security_group_id":{"references":["aws_eip.e.domain","aws_eip.e","aws_security_group.a.id","aws_security_group.a"]}}},
		{"address":"aws_instance.web","expressions":{"vpc_security_group_ids":{"references":["aws_eip.e.domain","aws_eip.e","aws_security_group.a.id","aws_security_group.a"]}}}]}}}`
	n := network(t, []byte(text))
	g := groupOf(t, n, "aws_security_group.a")
	if len(g.Ingress) != 1 || g.Ingress[0].Maybe == nil {
		t.Errorf("the rule is perhaps the group's: %+v", g.Ingress)
	}
	if gs := interfaceOf(t, n, "aws_instance.web").Groups; len(gs.Sure) != 0 || len(gs.Maybe) != 1 || gs.Open == nil {
		t.Errorf("the instance perhaps has the group: %+v", gs)
	}
}
