package aws

import (
	"sort"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// A leaf is a string, or something unknown, anywhere in a resource's body,
// with the name of the attribute that is nearest to it.
type leaf struct {
	attr string
	e    elem
}

// leaves calls f for the leaves of a block and of the blocks inside it, in a
// fixed order.
func (v view) leaves(w walk) {
	names := make([]string, 0, len(v.blk.Attrs))
	for name := range v.blk.Attrs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if a, ok := v.get(name); ok {
			w.value(v, name, a, a.Value, nil, a.Range)
		}
	}
	for _, n := range v.blk.Blocks {
		if n != nil {
			(view{v.b, v.in, n}).leaves(w)
		}
	}
}

// walk says what to do with leaves.
type walk struct {
	f         func(leaf)
	knownOnly bool
}

func (w walk) value(v view, attr string, a tf.Attr, val cty.Value, above cty.ValueMarks, at diag.Range) {
	raw, marks := val.Unmark()
	if len(marks) == 0 {
		marks = above
	}
	typ := raw.Type()
	switch {
	case raw.IsNull():
	case !raw.IsKnown():
		if !w.knownOnly {
			w.f(leaf{attr, unknownLeaf(v, raw, marks, at)})
		}
	case typ == cty.String:
		w.f(leaf{attr, elem{s: raw.AsString(), at: at}})
	case raw.CanIterateElements():
		i := 0
		for it := raw.ElementIterator(); it.Next(); i++ {
			k, ev := it.Element()
			name, place := attr, at
			if typ.IsObjectType() || typ.IsMapType() {
				name = k.AsString()
			} else if len(a.Elems) > 0 && at == a.Range {
				place = a.Elem(i)
			}
			w.value(v, name, tf.Attr{}, ev, marks, place)
		}
	}
}

func unknownLeaf(v view, raw cty.Value, marks cty.ValueMarks, at diag.Range) elem {
	why := v.cause(raw, marks, at)
	if t := raw.Type(); t == cty.String || t == cty.DynamicPseudoType {
		return elem{why: why, at: at}
	}
	return elem{many: why, at: at}
}

// plainName is an attribute's name as it is compared: securityGroupIds and
// security_group_ids are one.
func plainName(attr string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(attr, "_", ""), "-", ""))
}

// holdsGroups reports whether an attribute gives groups to something, by its
// name. One that only refers to the peer of a rule does not.
func holdsGroups(attr string) bool {
	p := plainName(attr)
	return strings.Contains(p, "securitygroup") && !refersToGroup(p)
}

func refersToGroup(plain string) bool {
	return strings.Contains(plain, "sourcesecuritygroup") || strings.Contains(plain, "referencedsecuritygroup") ||
		strings.Contains(plain, "securitygrouprule") || strings.Contains(plain, "securitygroupname")
}

func holdsSubnets(attr string) bool {
	p := plainName(attr)
	return strings.Contains(p, "subnet") && !strings.Contains(p, "subnetgroup")
}

// passive lists resource types that name subnets or groups without putting an
// interface into them.
var passive = map[string]bool{
	"aws_flow_log": true, "aws_ec2_tag": true, "aws_ec2_subnet_cidr_reservation": true, "aws_ram_resource_association": true,
	"aws_ssm_parameter": true, "null_resource": true, "terraform_data": true, "local_file": true, "aws_cloudformation_stack": true,
	"aws_eks_access_entry": true, "aws_config_config_rule": true, "aws_securityhub_finding_aggregator": true,
}

// unmodelled lists resource types that decide about packets in ways that the
// model has no words for. Each is named among what was not analysed.
var unmodelled = map[string]string{
	"aws_vpc_endpoint_service":                 "what arrives at endpoints of this service in other VPCs goes to its load balancers: those paths are not modelled",
	"aws_networkfirewall_firewall":             "what a network firewall lets through is not modelled",
	"aws_networkmanager_core_network":          "Cloud WAN is not modelled",
	"aws_networkmanager_vpc_attachment":        "Cloud WAN is not modelled",
	"aws_ec2_client_vpn_endpoint":              "what the clients of a client VPN endpoint reach is modelled by its interfaces only",
	"aws_ec2_transit_gateway_policy_table":     "policy tables of transit gateways are not modelled",
	"aws_ec2_transit_gateway_multicast_domain": "multicast is not modelled",
	"aws_ec2_local_gateway_route":              "routes of local gateways are not modelled",
	"aws_vpclattice_service":                   "where VPC Lattice sends packets is not modelled",
	"aws_vpclattice_resource_gateway":          "what VPC Lattice brings in by a resource gateway is modelled by its interfaces only",
	"aws_verifiedaccess_endpoint":              "what Verified Access brings in is modelled by its interfaces only",
	"aws_vpc_route_server_endpoint":            "the routes that a route server writes are not modelled",
	"aws_ec2_traffic_mirror_session":           "traffic mirroring is not modelled",
}

// linkOther searches a resource that has no decoder for groups and subnets. One
// that names groups has interfaces with these groups; where they are is known
// as far as it names subnets.
func (v view) linkOther() {
	if passive[v.in.Type] {
		return
	}
	if message := unmodelled[v.in.Type]; message != "" {
		v.omit(v.at(), message)
	}
	n := nic{kind: ir.InterfaceOther, fields: map[ir.Field]diag.Range{}}
	var subnets []elem
	v.leaves(walk{f: func(l leaf) {
		switch {
		case holdsGroups(l.attr) && v.isGroup(l.e):
			n.named = true
			v.addToSet(&n.groups, l.e, nil)
			if _, ok := n.fields[ir.FieldGroups]; !ok {
				n.fields[ir.FieldGroups] = l.e.at
			}
		case v.isSubnet(l):
			subnets = append(subnets, l.e)
			if _, ok := n.fields[ir.FieldSubnet]; !ok {
				n.fields[ir.FieldSubnet] = l.e.at
			}
		}
	}})
	switch {
	case !n.named && len(subnets) == 0:
		return
	case !n.named && !strings.HasPrefix(v.in.Type, "aws_"):
		return
	case !n.named:
		n.named, n.groups.Open = true, notInInput(v.in.Address, "groups", n.fields[ir.FieldSubnet])
	case len(subnets) == 0:
		v.omit(n.fields[ir.FieldGroups], v.in.Type+" holds security groups, and postern does not know where: it is taken to be anywhere in their VPC")
	}
	n.public = ir.NotKnown[bool](notInInput(v.in.Address, "public address", v.at()))
	n.launch, n.publicSet, n.publicAt = true, true, v.at()
	v.spread(n, subnets, true)
}

// isGroup reports whether a leaf names a group: by symbol, by id, or by being
// unknown where groups are expected.
func (v view) isGroup(e elem) bool {
	if e.unknown() != nil {
		return true
	}
	_, id := splitAccount(e.s)
	return v.b.groups[id] != nil || isGroupID(e.s) || strings.Contains(refOf(e).address, "aws_security_group.")
}

func (v view) isSubnet(l leaf) bool {
	switch {
	case l.e.unknown() != nil:
		return holdsSubnets(l.attr)
	case v.b.seenSubnets[v.b.subnets[l.e.s]]:
		return true
	}
	return holdsSubnets(l.attr) && (strings.HasPrefix(l.e.s, "subnet-") || strings.Contains(refOf(l.e).address, "aws_subnet."))
}

// finishExports finds the places where the id of a group leaves the root:
// outputs, and attributes that publish values.
func (b *builder) finishExports() {
	for _, out := range b.root.Outputs {
		v := view{b, &tf.Instance{Address: out.Name, Body: &tf.Block{}}, &tf.Block{Range: out.Range}}
		if out.Value == cty.NilVal {
			continue
		}
		w := walk{func(l leaf) { b.export(v, l, true) }, true}
		w.value(v, "", tf.Attr{Range: out.Range}, out.Value, nil, out.Range)
	}
	b.each(func(v view, _ decoder, _ bool) {
		if strings.Contains(v.in.Type, "security_group") {
			return
		}
		v.leaves(walk{func(l leaf) { b.export(v, l, false) }, true})
	})
}

// keepsID reports whether an attribute holds a group's id without giving it
// away: it attaches the group, or is the resource's own id.
func keepsID(attr string) bool {
	return attr == "id" || attr == "arn" || strings.Contains(plainName(attr), "securitygroup")
}

// export notes that a string carries ids of groups out: one of an output, or of
// an attribute that does more than hold them.
func (b *builder) export(v view, l leaf, output bool) {
	note := func(key string) {
		g := b.groups[key]
		if g == nil || !output && keepsID(l.attr) || g.Origin.Address == v.in.Address || exportedBy(g, v.in.Address) {
			return
		}
		g.Exported = append(g.Exported, diag.Place{Address: v.in.Address, Message: "carries the id of " + g.Origin.Address, Range: l.e.at})
	}
	if !tf.HasSymbol(l.e.s) {
		note(l.e.s)
		return
	}
	for _, s := range tf.Symbols(l.e.s) {
		note(s)
	}
}

// exportedBy looks at the last place only: an address is searched in one go.
func exportedBy(g *ir.SecurityGroup, address string) bool {
	n := len(g.Exported)
	return n > 0 && g.Exported[n-1].Address == address
}
