package aws

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// values are the attributes of an instance as a state or plan shows them.
type values map[string]cty.Value

func instance(address string, existing bool, vs values) *tf.Instance {
	typ, name, _ := strings.Cut(address, ".")
	body := &tf.Block{Attrs: map[string]tf.Attr{}, Range: diag.Range{File: "state"}}
	for k, v := range vs {
		body.Attrs[k] = tf.Attr{Value: v}
	}
	return &tf.Instance{Address: address, Type: typ, Name: name, Body: body, Existing: existing}
}

func str(s string) cty.Value { return cty.StringVal(s) }

func strs(ss ...string) cty.Value {
	if len(ss) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	vs := make([]cty.Value, len(ss))
	for i, s := range ss {
		vs[i] = str(s)
	}
	return cty.ListVal(vs)
}

func num(n int64) cty.Value { return cty.NumberIntVal(n) }

func ruleObject(port int64, cidrs ...string) cty.Value {
	return cty.ObjectVal(values{
		"from_port": num(port), "to_port": num(port), "protocol": str("tcp"), "cidr_blocks": strs(cidrs...), "ipv6_cidr_blocks": strs(),
		"prefix_list_ids": strs(), "security_groups": strs(), "self": cty.False, "description": str(""),
	})
}

// afterApply is what a plan shows for an attribute that nobody wrote.
func unwritten(address, attr string, t cty.Type) cty.Value {
	return tf.Mark(cty.UnknownVal(t), &ir.Unknown{
		Term: address + "." + attr, Cause: diag.Cause{Code: diag.Computed, Message: "known after apply", Address: address + "." + attr},
	})
}

// TestStateRepeatsRules: a state shows the rules that standalone resources
// manage in their group too. They are the same rules, and no conflict.
func TestStateRepeatsRules(t *testing.T) {
	n := Build(&tf.Root{Instances: []*tf.Instance{
		instance("aws_security_group.g", true, values{
			"id": str("sg-1"), "vpc_id": str("vpc-1"), "egress": cty.ListValEmpty(cty.DynamicPseudoType),
			"ingress": cty.TupleVal([]cty.Value{ruleObject(22, "10.0.0.0/8"), ruleObject(443, "0.0.0.0/0")}),
		}),
		instance("aws_security_group_rule.ssh", true, values{
			"id": str("sgrule-1"), "security_group_id": str("sg-1"), "type": str("ingress"), "protocol": str("tcp"),
			"from_port": num(22), "to_port": num(22), "cidr_blocks": strs("10.0.0.0/8"), "self": cty.False,
			"source_security_group_id": cty.NullVal(cty.String),
		}),
		instance("aws_network_acl.n", true, values{
			"id": str("acl-1"), "vpc_id": str("vpc-1"), "subnet_ids": strs("subnet-1"), "egress": cty.EmptyTupleVal,
			"ingress": cty.TupleVal([]cty.Value{cty.ObjectVal(values{
				"rule_no": num(100), "action": str("allow"), "protocol": str("6"), "from_port": num(80), "to_port": num(80),
				"cidr_block": str("0.0.0.0/0"), "ipv6_cidr_block": str(""), "icmp_type": num(0), "icmp_code": num(0),
			})}),
		}),
		instance("aws_network_acl_rule.r", true, values{
			"network_acl_id": str("acl-1"), "rule_number": num(100), "egress": cty.False, "rule_action": str("allow"), "protocol": str("6"),
			"from_port": num(80), "to_port": num(80), "cidr_block": str("0.0.0.0/0"), "ipv6_cidr_block": cty.NullVal(cty.String),
		}),
		instance("aws_route_table.t", true, values{
			"id": str("rtb-1"), "vpc_id": str("vpc-1"),
			"route": cty.TupleVal([]cty.Value{cty.ObjectVal(values{"cidr_block": str("0.0.0.0/0"), "gateway_id": str("igw-1"), "nat_gateway_id": str("")})}),
		}),
		instance("aws_route.r", true, values{"route_table_id": str("rtb-1"), "destination_cidr_block": str("0.0.0.0/0"), "gateway_id": str("igw-1")}),
	}})
	if len(n.Problems) > 0 {
		t.Errorf("problems: %v", n.Problems)
	}
	g := n.SecurityGroups[0]
	if len(g.Ingress) != 2 || len(g.Egress) != 0 || g.Open != nil {
		t.Errorf("group:\n%s", dump(n))
	}
	if got := g.Ingress[0].Origin.Address; got != "aws_security_group_rule.ssh" {
		t.Errorf("the rule belongs to %s", got)
	}
	if es := n.NetworkACLs[0].Entries; len(es) != 1 || es[0].Maybe != nil || es[0].Origin.Address != "aws_network_acl_rule.r" {
		t.Errorf("ACL:\n%s", dump(n))
	}
	if rs := n.RouteTables[0].Routes; rs[0].Origin.Address != "aws_route.r" || len(rs[0].Target.Of) != 1 {
		t.Errorf("route table:\n%s", dump(n))
	}
}

// TestExistingUnmanaged: what an existing object leaves out is unmanaged, what
// a new one leaves out is not there.
func TestExistingUnmanaged(t *testing.T) {
	const address = "aws_security_group.g"
	for _, c := range []struct {
		name     string
		existing bool
		vs       values
		open     bool
		in, out  int // rules that stand for unmanaged ones
	}{
		{"new, nothing written", false, values{}, false, 0, 0},
		{"new, as a plan shows it", false, values{
			"ingress": unwritten(address, "ingress", cty.Set(cty.DynamicPseudoType)), "egress": unwritten(address, "egress", cty.Set(cty.DynamicPseudoType)),
		}, false, 0, 0},
		{"existing, nothing written", true, values{}, true, 0, 0},
		{"existing, ingress emptied", true, values{"ingress": cty.EmptyTupleVal}, false, 0, 1},
		{"existing, both emptied", true, values{"ingress": cty.EmptyTupleVal, "egress": cty.EmptyTupleVal}, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := Build(&tf.Root{Instances: []*tf.Instance{instance(address, c.existing, c.vs)}}).SecurityGroups[0]
			if (g.Open != nil) != c.open || len(g.Ingress) != c.in || len(g.Egress) != c.out {
				t.Errorf("open %v, %d in, %d out", g.Open, len(g.Ingress), len(g.Egress))
			}
		})
	}
	acl := Build(&tf.Root{Instances: []*tf.Instance{instance("aws_network_acl.n", true, values{"vpc_id": str("vpc-1")})}}).NetworkACLs[0]
	if acl.Open == nil {
		t.Error("an existing ACL without entries may have some")
	}
	acl = Build(&tf.Root{Instances: []*tf.Instance{instance("aws_default_network_acl.n", true, values{"default_network_acl_id": str("acl-1")})}}).NetworkACLs[0]
	if acl.Open != nil {
		t.Error("an adopted default ACL has the entries that it names, and no others")
	}
}

// TestStateIDs: ids that a state shows name the objects of its resources.
func TestStateIDs(t *testing.T) {
	n := Build(&tf.Root{Instances: []*tf.Instance{
		instance("aws_instance.i", true, values{
			"id": str("i-1"), "subnet_id": str("subnet-1"), "vpc_security_group_ids": strs("sg-default"), "private_ip": str("10.0.0.5"),
			"public_ip": str("198.51.100.9"), "primary_network_interface_id": str("eni-1"), "associate_public_ip_address": cty.True,
		}),
		instance("aws_subnet.s", true, values{"id": str("subnet-1"), "vpc_id": str("vpc-1"), "cidr_block": str("10.0.0.0/24")}),
		instance("aws_vpc.v", true, values{
			"id": str("vpc-1"), "cidr_block": str("10.0.0.0/16"), "default_security_group_id": str("sg-default"),
			"default_network_acl_id": str("acl-default"), "default_route_table_id": str("rtb-main"), "main_route_table_id": str("rtb-main"),
		}),
		instance("aws_route.r", true, values{"route_table_id": str("rtb-main"), "destination_cidr_block": str("0.0.0.0/0"), "network_interface_id": str("eni-1")}),
	}})
	if len(n.VPCs) != 1 || len(n.Subnets) != 1 || len(n.Interfaces) != 1 || len(n.SecurityGroups) != 1 || len(n.RouteTables) != 1 {
		t.Fatalf("ids make objects of their own:\n%s", dump(n))
	}
	i := n.Interfaces[0]
	if i.Groups.Sure[0].ID != "sg-default" || !i.Groups.Sure[0].Default {
		t.Errorf("groups %v", i.Groups)
	}
	if a := i.Addresses[0]; a.Private.V.String() != "10.0.0.5" || a.Public.Addr.V.String() != "198.51.100.9" || !a.Public.Exists.V {
		t.Errorf("address %+v", a)
	}
	if target := n.RouteTables[0].Routes[0].Target.Of[0]; target.Interface != i {
		t.Errorf("the route leads to %+v", target)
	}
	if acl, ok := n.Subnets[0].ACL.Known(); !ok || acl.ID != "acl-default" {
		t.Errorf("ACL %+v", n.Subnets[0].ACL)
	}
}

// TestUnwrittenInPlan: a plan shows attributes that nobody wrote as known after
// apply; they are read as not written.
func TestUnwrittenInPlan(t *testing.T) {
	const address = "aws_instance.i"
	n := Build(&tf.Root{Instances: []*tf.Instance{
		instance("aws_vpc.v", false, values{"cidr_block": str("10.0.0.0/16")}),
		instance("aws_subnet.s", false, values{"vpc_id": str(tf.Symbol("aws_vpc.v", "id")), "cidr_block": str("10.0.0.0/24")}),
		instance(address, false, values{
			"subnet_id":                   str(tf.Symbol("aws_subnet.s", "id")),
			"vpc_security_group_ids":      unwritten(address, "vpc_security_group_ids", cty.Set(cty.String)),
			"security_groups":             unwritten(address, "security_groups", cty.Set(cty.String)),
			"associate_public_ip_address": unwritten(address, "associate_public_ip_address", cty.Bool),
			"ipv6_addresses":              unwritten(address, "ipv6_addresses", cty.List(cty.String)),
			"private_ip":                  unwritten(address, "private_ip", cty.String),
		}),
	}})
	i := n.Interfaces[0]
	if len(i.Groups.Sure) != 1 || !i.Groups.Sure[0].Default || i.Groups.Open != nil {
		t.Errorf("groups:\n%s", dump(n))
	}
	if len(i.Addresses) != 1 || i.Addresses[0].Private.Known() || i.Addresses[0].Public.Exists != ir.Known(false) {
		t.Errorf("addresses %+v", i.Addresses)
	}
}

// TestACLProtocols: the names and numbers that network ACLs take.
func TestACLProtocols(t *testing.T) {
	for s, want := range map[string]int16{
		"all": -1, "-1": -1, "tcp": 6, "17": 17, "ipv6-icmp": 58, "58": 58, "esp": 50, "sctp": 132, "rohc": 142, "hopopt": 0, "0": 0, "61": 61,
		"ipv6-opts": 60, "encap": 98, "99": 99, "gmtp": 100, "pgm": 113, "l2tp": 115, "254": 254, "srp": 119, "uti": 120, "wesp": 141, "hip": 139,
	} {
		if got, ok := aclProtocolNumber(s); !ok || got != want {
			t.Errorf("%s: %d %t, want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"icmpv6", "TCP", "57", "143", "252", "255", "256", "-2", "skip", "!", "-", "", "1.5"} {
		if n, ok := aclProtocolNumber(s); ok {
			t.Errorf("%q is taken as %d", s, n)
		}
	}
}
