package aws

import (
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse/tf"
)

// Nested blocks of some types may be written as an attribute that holds a list
// of objects. Terraform then wants every argument of every object, and no
// blocks beside it. [developer.hashicorp.com/terraform/language/attr-as-blocks]
var (
	groupArguments = []string{"cidr_blocks", "description", "from_port", "ipv6_cidr_blocks", "prefix_list_ids", "protocol", "security_groups", "self", "to_port"}
	entryArguments = []string{"action", "cidr_block", "from_port", "icmp_code", "icmp_type", "ipv6_cidr_block", "protocol", "rule_no", "to_port"}
	// routeArguments are those that every version of the provider has.
	routeArguments = []string{
		"cidr_block", "egress_only_gateway_id", "gateway_id", "ipv6_cidr_block", "nat_gateway_id", "network_interface_id", "transit_gateway_id", "vpc_peering_connection_id",
	}
	listedArguments = map[string]map[string][]string{
		"aws_security_group":         {"ingress": groupArguments, "egress": groupArguments},
		"aws_default_security_group": {"ingress": groupArguments, "egress": groupArguments},
		"aws_network_acl":            {"ingress": entryArguments, "egress": entryArguments},
		"aws_default_network_acl":    {"ingress": entryArguments, "egress": entryArguments},
		"aws_route_table":            {"route": routeArguments},
		"aws_default_route_table":    {"route": routeArguments},
	}
)

// checkLists reports blocks written as lists that Terraform refuses. They are
// read all the same.
func (b *builder) checkLists() {
	for _, in := range b.instances {
		if in.Data {
			continue
		}
		v := view{b, in, in.Body}
		for _, typ := range []string{"ingress", "egress", "route"} {
			if arguments := listedArguments[in.Type][typ]; arguments != nil {
				v.checkList(typ, arguments)
			}
		}
	}
}

func (v view) checkList(typ string, arguments []string) {
	a, ok := v.blk.Attrs[typ]
	// JSON has one way to write both, and documents of Terraform's own making
	// show blocks as lists.
	if !ok || a.Range.IsZero() || strings.HasSuffix(a.Range.File, ".json") || strings.HasSuffix(a.Range.File, ".tfstate") {
		return
	}
	listed, _ := (&tf.Block{Attrs: map[string]tf.Attr{typ: a}}).Nested(typ)
	if blocks := v.blk.Blocks; len(listed) > 0 {
		if i := slices.IndexFunc(blocks, func(n *tf.Block) bool { return n.Type == typ }); i >= 0 {
			v.problem(ruleInvalid, blocks[i].Range, typ+" is written as an attribute and as a block; terraform refuses the block", "write all of them as blocks")
		}
	}
	said := map[diag.Range]bool{}
	for _, n := range listed {
		if n.Maybe != nil || said[n.Range] {
			continue
		}
		var missing []string
		for _, name := range arguments {
			if _, ok := n.Attrs[name]; !ok {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			said[n.Range] = true
			v.problem(ruleInvalid, n.Range, typ+" is written as an attribute, whose objects need every argument; missing: "+strings.Join(missing, ", "),
				"write blocks ("+typ+" { ... }), or null for what does not apply")
		}
	}
}
