package aws

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// attrNames are names that decoders read; which type reads which does not
// matter to the test.
var attrNames = strings.Fields(`vpc_id subnet_id subnet_ids subnets security_groups security_group_ids vpc_security_group_ids
security_group_id cidr_block cidr_blocks ipv6_cidr_block ipv6_cidr_blocks prefix_list_ids prefix_list_id self protocol ip_protocol
from_port to_port type cidr_ipv4 cidr_ipv6 referenced_security_group_id source_security_group_id rule_no rule_number action rule_action
egress ingress icmp_type icmp_code network_acl_id default_network_acl_id default_route_table_id route_table_id route_table_ids route
gateway_id nat_gateway_id transit_gateway_id vpc_peering_connection_id network_interface_id instance_id destination_cidr_block
destination_prefix_list_id propagating_vgws peer_vpc_id peer_region auto_accept private_ip private_ips secondary_private_ips
ipv6_addresses ipv6_address_count associate_public_ip_address source_dest_check network_interface primary_network_interface attachment
instance allocation_id public_ip load_balancer_arn load_balancer_type internal ip_address_type subnet_mapping port listener lb_port
engine db_subnet_group_name cluster_identifier publicly_accessible network_type vpc_config network_configuration vpc_options
launch_template network_interfaces mixed_instances_policy launch_configuration vpc_zone_identifier name id arn tags region owner_id
assign_generated_ipv6_cidr_block ipv6_native map_public_ip_on_launch entry cidr max_entries address_family vpc_endpoint_type
service_name internet_gateway_block_mode internet_gateway_exclusion_mode transit_gateway_attachment_id blackhole ingress_rule_ids
transit_gateway_route_table_id default_route_table_association entries connectivity_type value parameters instance_type
target_group_arn target_group_arns target_id target_type preserve_client_ip listener_arn default_action action forward target_group weight
autoscaling_group_name lb_target_group_arn elb instances load_balancers traffic_source identifier load_balancer container_port elb_name
advanced_configuration alternate_target_group_arn instance_port availability_mode availability_zone_address allocation_ids
secondary_allocation_ids secondary_private_ip_addresses regional_nat_gateway_address vpn_gateway_id vpn_connection_id static_routes_only
associated_gateway_id dx_gateway_id peer_transit_gateway_id vpc_identifier origin vpc_origin_config vpc_endpoint_id`)

// blockNames are names of nested blocks.
var blockNames = strings.Fields(`ingress egress route network_interface primary_network_interface attachment launch_template network_interfaces
mixed_instances_policy launch_template_specification subnet_mapping listener vpc_config vpc_options network_configuration
broker_node_group_info entry entries default_action action forward target_group traffic_source load_balancer advanced_configuration
availability_zone_address regional_nat_gateway_address origin vpc_origin_config`)

type monkey struct {
	r     *rand.Rand
	types []string
	root  *tf.Root
}

func (m *monkey) pick(of []string) string { return of[m.r.IntN(len(of))] }

func (m *monkey) text() string {
	in := m.pick(m.types)
	return m.pick([]string{
		"", "-1", "all", "tcp", "ICMPv6", "58", "300", "10.0.0.0/8", "10.0.0.1/8", "::/0", "::ffff:1.2.3.4/128", "10.0.0.1", "fe80::1%eth0",
		"sg-1", "sg-", "123456789012/sg-1", "subnet-1", "vpc-1", "acl-1", "rtb-1", "igw-1", "pl-1", "local", "allow", "DENY", "ingress", "default",
		"enable", "network", "Interface", "ipv4", "gateway", "forward", "TLS", "TCP_UDP", "GENEVE", "alb", "lambda", "regional", "GatewayLoadBalancer", "80", "tgw-1", "\x00\uE000", "a/b/c/", strings.Repeat("x", 300),
		tf.Symbol(in+".x", m.pick([]string{
			"id", "arn", "name", "default_network_acl_id", "default_security_group_id", "route_table_id", "transit_gateway_attachment_id",
			"association_default_route_table_id", "private_ip", "nonsense",
		})),
		"1/" + tf.Symbol(in+".x", "id"), tf.Symbol(in+".x", "id") + "/32",
	})
}

func (m *monkey) value(depth int) cty.Value {
	v := m.bare(depth)
	if v != cty.NilVal && m.r.IntN(4) == 0 {
		v = tf.Mark(v, &ir.Unknown{Term: m.pick([]string{"", "var.a", "var.b"}), Cause: diag.Cause{Code: diag.NoValue, Message: "no value"}})
	}
	if v != cty.NilVal && m.r.IntN(9) == 0 {
		v = tf.MarkSensitive(v)
	}
	return v
}

func (m *monkey) bare(depth int) cty.Value {
	n := 17
	if depth <= 0 {
		n = 11
	}
	switch m.r.IntN(n) {
	case 0:
		return cty.NullVal(cty.DynamicPseudoType)
	case 1:
		return cty.NullVal(cty.List(cty.String))
	case 2:
		return cty.DynamicVal
	case 3:
		return cty.UnknownVal(cty.String)
	case 4:
		return cty.UnknownVal(cty.List(cty.String))
	case 5:
		return cty.NumberIntVal(int64(m.r.IntN(70000) - 2))
	case 6:
		return cty.NumberFloatVal(1e300)
	case 7:
		return cty.BoolVal(m.r.IntN(2) == 0)
	case 8:
		return cty.NilVal
	case 9, 10:
		return cty.StringVal(m.text())
	case 11:
		return cty.SetVal([]cty.Value{cty.StringVal(m.text()), cty.UnknownVal(cty.String)})
	case 12:
		return cty.MapVal(map[string]cty.Value{"Name": cty.StringVal(m.text()), "x": cty.UnknownVal(cty.String)})
	case 13:
		return cty.ListVal([]cty.Value{cty.StringVal(m.text()), cty.StringVal(m.text())})
	case 14:
		return cty.UnknownVal(cty.Object(map[string]cty.Type{"a": cty.String}))
	case 15:
		return cty.ObjectVal(map[string]cty.Value{m.pick(attrNames): m.some(depth - 1), m.pick(attrNames): m.some(depth - 1)})
	default:
		return cty.TupleVal([]cty.Value{m.some(depth - 1), m.some(depth - 1)})
	}
}

// some is a value that can stand inside another one.
func (m *monkey) some(depth int) cty.Value {
	if v := m.value(depth); v != cty.NilVal {
		return v
	}
	return cty.NullVal(cty.String)
}

func (m *monkey) block(typ string, depth int) *tf.Block {
	b := &tf.Block{Type: typ, Attrs: map[string]tf.Attr{}, Range: diag.Range{File: "m.tf", Start: diag.Pos{Line: 1 + m.r.IntN(99)}}}
	for range m.r.IntN(25) {
		b.Attrs[m.pick(attrNames)] = tf.Attr{Value: m.value(3), Range: b.Range, Elems: make([]diag.Range, m.r.IntN(2))}
	}
	if m.r.IntN(6) == 0 {
		b.Maybe = &ir.Unknown{Term: "var.dynamic"}
	}
	for range depth * m.r.IntN(3) {
		b.Blocks = append(b.Blocks, m.block(m.pick(blockNames), depth-1))
	}
	return b
}

func (m *monkey) makeRoot() *tf.Root {
	m.root = &tf.Root{}
	for range 30 {
		typ := m.pick(m.types)
		in := &tf.Instance{Address: typ + "." + m.pick([]string{"x", "y"}), Type: typ, Name: "x", Body: m.block("", 3), Data: m.r.IntN(8) == 0, Existing: m.r.IntN(3) == 0}
		if m.r.IntN(6) == 0 {
			in.Maybe = &ir.Unknown{Term: "var.count"}
		}
		if m.r.IntN(50) == 0 {
			in.Body = nil
		}
		m.root.Instances = append(m.root.Instances, in)
	}
	m.root.Outputs = []tf.Output{{Name: "output.o", Value: m.value(3)}}
	return m.root
}

// TestRandomValues feeds values that no schema would allow to every decoder:
// whatever comes, there is a network, and it keeps its own rules.
func TestRandomValues(t *testing.T) {
	types := []string{"aws_unheard_of", "vendor_thing", "aws_ssm_parameter"}
	for typ := range decoders {
		types = append(types, typ)
	}
	for typ := range shapes {
		types = append(types, typ)
	}
	slices.Sort(types)
	rounds := 600
	if testing.Short() {
		rounds = 100
	}
	for seed := range rounds {
		m := &monkey{r: rand.New(rand.NewPCG(uint64(seed), 7)), types: types}
		if seed%3 == 0 { // few types, so that symbols meet their resources
			for len(m.types) > 6 {
				i := m.r.IntN(len(m.types))
				m.types = slices.Delete(slices.Clone(m.types), i, i+1)
			}
		}
		root := m.makeRoot()
		n := Build(root)
		if err := check(n); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if a, b := dump(n), dump(Build(root)); a != b {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// check looks for what no network may hold.
func check(n *ir.Network) error {
	groups, vpcs, subnets := map[*ir.SecurityGroup]bool{}, map[*ir.VPC]bool{}, map[*ir.Subnet]bool{}
	for _, g := range n.SecurityGroups {
		groups[g] = true
	}
	for _, v := range n.VPCs {
		vpcs[v] = true
	}
	for _, s := range n.Subnets {
		subnets[s] = true
	}
	for _, g := range n.SecurityGroups {
		for _, r := range slices.Concat(g.Ingress, g.Egress) {
			if err := checkMatch(r.Match, groups); err != nil {
				return fmt.Errorf("rule of %s: %w", g.Origin.Address, err)
			}
		}
		if err := checkChoice(g.VPCs, vpcs); err != nil {
			return fmt.Errorf("VPC of %s: %w", g.Origin.Address, err)
		}
	}
	for _, a := range n.NetworkACLs {
		for _, e := range a.Entries {
			if err := checkMatch(e.Match, groups); err != nil || e.Peer.Group != nil || e.Peer.PrefixList != nil {
				return fmt.Errorf("entry of %s: %w", a.Origin.Address, err)
			}
			if e.Number.Known() && (e.Number.V == 0 || e.Number.V >= firstReserved) {
				return fmt.Errorf("entry number %d", e.Number.V)
			}
		}
	}
	for _, s := range n.Subnets {
		if err := checkChoice(s.VPC, vpcs); err != nil {
			return fmt.Errorf("VPC of %s: %w", s.Origin.Address, err)
		}
		if len(s.ACL.Of) == 0 && s.ACL.Open == nil || len(s.RouteTable.Of) == 0 && s.RouteTable.Open == nil {
			return fmt.Errorf("%s has no ACL or route table, and no reason for that", s.Origin.Address)
		}
	}
	for _, o := range n.Interfaces {
		if err := checkChoice(o.Subnet, subnets); err != nil {
			return fmt.Errorf("subnet of %s: %w", o.Resource, err)
		}
		for _, g := range o.Groups.Sure {
			if !groups[g] {
				return fmt.Errorf("%s has a group that is not in the network", o.Resource)
			}
		}
		for _, a := range o.Addresses {
			if a.Private.Known() && packet.FamilyOf(a.Private.V) != a.Family {
				return fmt.Errorf("%s: %s is not %s", o.Resource, a.Private.V, a.Family)
			}
		}
	}
	if err := checkPaths(n, groups); err != nil {
		return err
	}
	for _, p := range n.Problems {
		if p.Message == "" {
			return fmt.Errorf("a problem without words: %+v", p)
		}
	}
	return nil
}

// checkPaths looks at what leads from one thing to another.
func checkPaths(n *ir.Network, groups map[*ir.SecurityGroup]bool) error {
	nics, tables := map[*ir.Interface]bool{}, map[*ir.RouteTable]bool{}
	for _, o := range n.Interfaces {
		nics[o] = true
	}
	for _, t := range n.RouteTables {
		tables[t] = true
	}
	for _, o := range n.Interfaces {
		if o.Services == nil {
			continue
		}
		for _, s := range o.Services.Ports {
			if s.Forward == nil {
				continue
			}
			for _, t := range s.Forward.Targets {
				if t.Interface == nil && !t.Address.IsValid() || t.Interface != nil && !nics[t.Interface] || t.Port.Known() && t.Port.V == 0 {
					return fmt.Errorf("%s sends to %+v", o.Resource, t)
				}
			}
		}
	}
	for _, g := range n.Gateways {
		for _, t := range g.RouteTable.Of {
			if !tables[t] {
				return fmt.Errorf("%s has a table that is not in the network", g.Origin.Address)
			}
		}
	}
	for _, v := range n.VPCs {
		if v.Lattice != nil && slices.ContainsFunc(v.Lattice.Groups.Sure, func(g *ir.SecurityGroup) bool { return !groups[g] }) {
			return fmt.Errorf("%s has an association with a group that is not in the network", v.Origin.Address)
		}
	}
	for _, g := range n.TransitGateways {
		for _, a := range g.Attachments {
			if a.Outside == (len(a.VPC.Of) > 0 || a.VPC.Open != nil) {
				return fmt.Errorf("%s is outside and in a VPC, or neither: %+v", a.Origin.Address, a)
			}
		}
		for _, t := range g.Tables {
			for _, a := range slices.Concat(t.Associated, t.Propagated) {
				if !slices.Contains(g.Attachments, a) {
					return fmt.Errorf("a table of %s has %s, which is not attached to it", g.Origin.Address, a.Origin.Address)
				}
			}
		}
	}
	return nil
}

func checkChoice[T comparable](c ir.Choice[T], in map[T]bool) error {
	if len(c.Of) == 0 && c.Open == nil {
		return fmt.Errorf("no candidate and no reason")
	}
	for _, x := range c.Of {
		if !in[x] {
			return fmt.Errorf("a candidate that is not in the network")
		}
	}
	if len(c.Of) > 1 && c.Why == nil && c.Open == nil {
		return fmt.Errorf("several candidates and no reason")
	}
	return nil
}

func checkMatch(m ir.Match, groups map[*ir.SecurityGroup]bool) error {
	set := 0
	for _, is := range []bool{m.Peer.CIDR.IsValid(), m.Peer.Group != nil, m.Peer.PrefixList != nil, m.Peer.Unknown != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("%d peers: %+v", set, m.Peer)
	case m.Peer.Group != nil && !groups[m.Peer.Group]:
		return fmt.Errorf("a group that is not in the network")
	case m.Peer.CIDR.IsValid() && m.Peer.CIDR != m.Peer.CIDR.Masked():
		return fmt.Errorf("host bits in %s", m.Peer.CIDR)
	case m.Ports.V.Lo > m.Ports.V.Hi:
		return fmt.Errorf("ports %v", m.Ports.V)
	case m.Protocol.Known() && (m.Protocol.V < -1 || m.Protocol.V > 255):
		return fmt.Errorf("protocol %d", m.Protocol.V)
	}
	return nil
}

// TestHugeList reads a rule with a hundred thousand sources.
func TestHugeList(t *testing.T) {
	const n = 100_000
	cidrs := make([]cty.Value, n)
	for i := range cidrs {
		cidrs[i] = cty.StringVal(fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255))
	}
	body := &tf.Block{Attrs: map[string]tf.Attr{
		"vpc_id": {Value: cty.StringVal("vpc-1")},
		"ingress": {Value: cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{
			"protocol": cty.StringVal("tcp"), "from_port": cty.NumberIntVal(22), "to_port": cty.NumberIntVal(22), "cidr_blocks": cty.ListVal(cidrs),
		})})},
	}}
	start := time.Now()
	net := Build(&tf.Root{Instances: []*tf.Instance{{Address: "aws_security_group.g", Type: "aws_security_group", Name: "g", Body: body}}})
	if got := len(net.SecurityGroups[0].Ingress); got != n {
		t.Errorf("%d rules, want %d", got, n)
	}
	if d := time.Since(start); d > 2*time.Minute {
		t.Errorf("took %s", d)
	}
}

// TestManyTargets: many listeners that send to one large group.
func TestManyTargets(t *testing.T) {
	const n = 2000
	text := func(s string) tf.Attr { return tf.Attr{Value: cty.StringVal(s)} }
	id := func(typ string) tf.Attr { return text(tf.Symbol(typ+".x", "arn")) }
	root := &tf.Root{}
	add := func(typ, name string, attrs map[string]tf.Attr, blocks ...*tf.Block) {
		root.Instances = append(root.Instances, &tf.Instance{Address: typ + "." + name, Type: typ, Name: name, Body: &tf.Block{Attrs: attrs, Blocks: blocks}})
	}
	add("aws_lb", "x", map[string]tf.Attr{"load_balancer_type": text("network"), "subnets": {Value: cty.ListVal([]cty.Value{cty.StringVal("subnet-1")})}})
	add("aws_lb_target_group", "x", map[string]tf.Attr{"port": text("80"), "protocol": text("TCP"), "target_type": text("ip")})
	for i := range n {
		add("aws_lb_target_group_attachment", fmt.Sprint("a", i), map[string]tf.Attr{"target_group_arn": id("aws_lb_target_group"), "target_id": text(fmt.Sprintf("10.0.%d.%d", i>>8, i&255))})
		add("aws_lb_listener", fmt.Sprint("l", i), map[string]tf.Attr{"load_balancer_arn": id("aws_lb"), "port": text(fmt.Sprint(i + 1)), "protocol": text("TCP")},
			&tf.Block{Type: "default_action", Attrs: map[string]tf.Attr{"type": text("forward"), "target_group_arn": id("aws_lb_target_group")}})
	}
	total, limited := 0, 0
	for _, s := range Build(root).Interfaces[0].Services.Ports {
		total += len(s.Forward.Targets)
		if u := s.Forward.Open; u != nil && u.Cause.Code == diag.Limit {
			limited++
		}
	}
	if total != maxTargets || limited != n-maxTargets/n {
		t.Errorf("%d targets and %d listeners that say there are more", total, limited)
	}
}

// FuzzBuild evaluates and reads arbitrary text.
func FuzzBuild(f *testing.F) {
	f.Add(`resource "aws_security_group" "g" { ingress = 1 }`)
	f.Add(`resource "aws_instance" "i" { vpc_security_group_ids = [null, {}] }`)
	golden, err := filepath.Glob("testdata/golden/*.tf")
	if err != nil || len(golden) == 0 {
		f.Fatal("no golden files", err)
	}
	for _, p := range golden {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := check(Build(evaluate(t, text))); err != nil {
			t.Error(err)
		}
	})
}
