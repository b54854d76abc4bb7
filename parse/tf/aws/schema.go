package aws

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
)

// Schemas returns what expressions may refer to beyond what a resource of a
// type writes, or nil when the type is not known here.
//
// Only ids that AWS makes up are symbols. A value that expressions look into (a
// public address, a zone) is unknown instead. An id that equals a written name
// is that name.
func Schemas(resourceType string) *tf.Schema {
	s, ok := schemas[resourceType]
	if !ok {
		return nil
	}
	out := &tf.Schema{IDs: s.ids, Same: s.same, Blocks: s.blocks, Defaults: map[string]cty.Value{"tags": cty.NullVal(cty.Map(cty.String))}}
	for _, name := range s.off {
		out.Defaults[name] = cty.False
	}
	for _, name := range s.on {
		out.Defaults[name] = cty.True
	}
	for _, name := range s.noString {
		out.Defaults[name] = cty.NullVal(cty.String)
	}
	for _, name := range s.noNumber {
		out.Defaults[name] = cty.NullVal(cty.Number)
	}
	for _, name := range s.noList {
		out.Defaults[name] = cty.NullVal(cty.List(cty.String))
	}
	for name, v := range s.text {
		out.Defaults[name] = cty.StringVal(v)
	}
	return out
}

// schema is tf.Schema in the shape of a table.
type schema struct {
	ids      []string
	same     map[string]string
	blocks   []string
	off, on  []string // bools that are false, true
	noString []string // null unless written
	noNumber []string
	noList   []string
	text     map[string]string
}

var (
	idOnly      = []string{"id"}
	idARN       = []string{"id", "arn"}
	named       = schema{ids: []string{"name", "arn"}, same: map[string]string{"id": "name"}}
	arnIsID     = schema{ids: []string{"arn"}, same: map[string]string{"id": "arn"}}
	ruleSources = []string{"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id", "description"}
	newRule     = schema{
		ids: []string{"id", "arn"}, same: map[string]string{"security_group_rule_id": "id"}, noString: ruleSources, noNumber: []string{"from_port", "to_port"},
	}
	clusterSchema = schema{
		ids: []string{"cluster_identifier", "arn", "cluster_resource_id"}, same: map[string]string{"id": "cluster_identifier"},
	}
	instanceOfCluster = schema{
		ids: []string{"identifier", "arn", "dbi_resource_id"}, same: map[string]string{"id": "identifier"}, off: []string{"publicly_accessible"},
	}
)

var schemas = map[string]schema{
	"aws_vpc": {
		ids: []string{
			"id", "arn", "default_security_group_id", "default_network_acl_id", "default_route_table_id", "main_route_table_id",
			"dhcp_options_id", "ipv6_association_id",
		},
		on: []string{"enable_dns_support"}, noString: []string{"ipv4_ipam_pool_id", "ipv6_ipam_pool_id"},
		noNumber: []string{"ipv4_netmask_length"}, text: map[string]string{"instance_tenancy": "default"},
	},
	"aws_default_vpc": {
		ids: []string{
			"id", "arn", "default_security_group_id", "default_network_acl_id", "default_route_table_id", "main_route_table_id", "dhcp_options_id",
		},
		on: []string{"enable_dns_support", "enable_dns_hostnames"}, text: map[string]string{"cidr_block": "172.31.0.0/16"},
	},
	"aws_vpc_ipv4_cidr_block_association": {ids: idOnly},
	"aws_vpc_ipv6_cidr_block_association": {ids: idOnly},
	"aws_subnet": {
		ids: idARN, off: []string{"map_public_ip_on_launch", "assign_ipv6_address_on_creation", "ipv6_native", "enable_dns64"},
		noString: []string{"ipv6_cidr_block", "outpost_arn"},
	},
	"aws_default_subnet": {ids: []string{"id", "arn", "vpc_id"}},

	"aws_security_group": {
		ids: []string{"id", "arn", "name"}, off: []string{"revoke_rules_on_delete"}, text: map[string]string{"description": "Managed by Terraform"},
	},
	"aws_default_security_group": {ids: idARN, text: map[string]string{"name": "default"}},
	"aws_security_group_rule": {
		ids: []string{"id", "security_group_rule_id"}, off: []string{"self"}, noString: []string{"description"},
		noList: []string{"cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids"},
	},
	"aws_vpc_security_group_ingress_rule": newRule,
	"aws_vpc_security_group_egress_rule":  newRule,
	"aws_ec2_managed_prefix_list":         {ids: idARN, blocks: []string{"entry"}},

	"aws_network_acl":             {ids: idARN},
	"aws_default_network_acl":     {ids: []string{"id", "arn", "vpc_id"}, blocks: []string{"ingress", "egress"}},
	"aws_network_acl_rule":        {ids: idOnly, off: []string{"egress"}, noString: []string{"cidr_block", "ipv6_cidr_block"}},
	"aws_network_acl_association": {ids: idOnly},

	"aws_route_table":                  {ids: idARN},
	"aws_default_route_table":          {ids: []string{"id", "arn", "vpc_id"}},
	"aws_route":                        {ids: idOnly},
	"aws_route_table_association":      {ids: idOnly, noString: []string{"subnet_id", "gateway_id"}},
	"aws_main_route_table_association": {ids: []string{"id", "original_route_table_id"}},
	"aws_internet_gateway":             {ids: idARN, noString: []string{"vpc_id"}},
	"aws_internet_gateway_attachment":  {ids: idOnly},
	"aws_egress_only_internet_gateway": {ids: idOnly},
	"aws_vpn_gateway":                  {ids: idARN},
	"aws_nat_gateway": {
		ids:  []string{"id", "network_interface_id", "association_id", "route_table_id"},
		text: map[string]string{"connectivity_type": "public", "availability_mode": "zonal"},
	},
	"aws_vpc_peering_connection":                          {ids: idOnly, blocks: []string{"accepter", "requester"}},
	"aws_vpc_peering_connection_accepter":                 {ids: idOnly},
	"aws_ec2_transit_gateway":                             {ids: []string{"id", "arn", "association_default_route_table_id", "propagation_default_route_table_id"}},
	"aws_ec2_transit_gateway_vpc_attachment":              {ids: idARN},
	"aws_ec2_transit_gateway_route_table":                 {ids: idARN},
	"aws_ec2_transit_gateway_vpc_attachment_accepter":     {ids: idOnly},
	"aws_ec2_transit_gateway_peering_attachment":          {ids: idARN},
	"aws_ec2_transit_gateway_peering_attachment_accepter": {ids: idOnly},
	"aws_ec2_transit_gateway_connect":                     {ids: idOnly},
	"aws_vpn_connection":                                  {ids: []string{"id", "arn", "transit_gateway_attachment_id"}, off: []string{"static_routes_only"}},
	"aws_vpn_connection_route":                            {ids: idOnly},
	"aws_dx_gateway":                                      {ids: idARN},
	"aws_dx_gateway_association":                          {ids: []string{"id", "dx_gateway_association_id", "transit_gateway_attachment_id"}},
	"aws_vpc_endpoint":                                    {ids: []string{"id", "arn", "prefix_list_id"}, text: map[string]string{"vpc_endpoint_type": "Gateway"}},

	"aws_instance": {
		ids: []string{"id", "arn", "primary_network_interface_id"}, on: []string{"source_dest_check"}, off: []string{"get_password_data"},
		blocks: []string{"launch_template"}, noString: []string{"iam_instance_profile"},
	},
	"aws_spot_instance_request":        {ids: []string{"id", "arn", "primary_network_interface_id", "spot_instance_id"}, on: []string{"source_dest_check"}},
	"aws_network_interface":            {ids: idARN, on: []string{"source_dest_check"}, blocks: []string{"attachment"}},
	"aws_network_interface_attachment": {ids: []string{"id", "attachment_id"}},
	"aws_eip":                          {ids: []string{"id", "arn", "association_id"}, same: map[string]string{"allocation_id": "id"}},
	"aws_eip_association":              {ids: idOnly},
	"aws_launch_template": {
		ids: []string{"id", "arn", "name"}, blocks: []string{"network_interfaces"}, noList: []string{"vpc_security_group_ids"},
	},
	"aws_launch_configuration": named,
	"aws_autoscaling_group":    named,

	"aws_lb":                                    arnIsID.with(schema{off: []string{"internal"}, ids: []string{"name"}}),
	"aws_alb":                                   arnIsID.with(schema{off: []string{"internal"}, ids: []string{"name"}}),
	"aws_elb":                                   named,
	"aws_lb_listener":                           arnIsID,
	"aws_alb_listener":                          arnIsID,
	"aws_lb_target_group":                       arnIsID.with(schema{ids: []string{"name"}}),
	"aws_alb_target_group":                      arnIsID.with(schema{ids: []string{"name"}}),
	"aws_lb_listener_rule":                      arnIsID,
	"aws_alb_listener_rule":                     arnIsID,
	"aws_lb_target_group_attachment":            {ids: idOnly, noNumber: []string{"port"}},
	"aws_alb_target_group_attachment":           {ids: idOnly, noNumber: []string{"port"}},
	"aws_elb_attachment":                        {ids: idOnly},
	"aws_autoscaling_attachment":                {ids: idOnly},
	"aws_autoscaling_traffic_source_attachment": {ids: idOnly},

	"aws_db_instance": {
		ids: []string{"identifier", "arn", "id"}, off: []string{"publicly_accessible", "multi_az"},
	},
	"aws_rds_cluster":              clusterSchema,
	"aws_docdb_cluster":            clusterSchema,
	"aws_neptune_cluster":          clusterSchema,
	"aws_rds_cluster_instance":     instanceOfCluster,
	"aws_docdb_cluster_instance":   instanceOfCluster,
	"aws_neptune_cluster_instance": instanceOfCluster,
	"aws_elasticache_cluster":      {ids: []string{"arn"}, same: map[string]string{"id": "cluster_id"}},
	"aws_elasticache_replication_group": {
		ids: []string{"arn"}, same: map[string]string{"id": "replication_group_id"},
	},
	"aws_redshift_cluster": {ids: []string{"arn"}, same: map[string]string{"id": "cluster_identifier"}},

	"aws_db_subnet_group":              named,
	"aws_elasticache_subnet_group":     named,
	"aws_redshift_subnet_group":        named,
	"aws_memorydb_subnet_group":        named,
	"aws_neptune_subnet_group":         named,
	"aws_docdb_subnet_group":           named,
	"aws_dax_subnet_group":             named,
	"aws_dms_replication_subnet_group": {ids: []string{"replication_subnet_group_id", "replication_subnet_group_arn"}, same: map[string]string{"id": "replication_subnet_group_id"}},

	"aws_lambda_function":                   {ids: []string{"arn"}, same: map[string]string{"id": "function_name"}},
	"aws_ecs_cluster":                       arnIsID.with(schema{ids: []string{"name"}}),
	"aws_ecs_service":                       arnIsID,
	"aws_eks_cluster":                       named,
	"aws_efs_file_system":                   {ids: idARN},
	"aws_efs_mount_target":                  {ids: []string{"id", "network_interface_id"}},
	"aws_vpc_block_public_access_exclusion": {ids: idARN},
}

// with adds ids and bools to a schema.
func (s schema) with(o schema) schema {
	s.ids = append(append([]string(nil), s.ids...), o.ids...)
	s.off = append(append([]string(nil), s.off...), o.off...)
	return s
}
