package plan

import "strings"

// idKind is what an id names.
type idKind uint8

const (
	idOther idKind = iota // of a kind that is not told apart
	idGroup
	idVPC
	idSubnet
	idTable
	idACL
	idGateway
	idInterface
	idPrefixList
	idTargetGroup
	idListener
	idBalancer
	idClassicBalancer // its name
)

// idKindOf is the kind of id that an attribute holds, by its name.
func idKindOf(attr string) idKind {
	one := strings.TrimSuffix(attr, "s")
	switch {
	case strings.Contains(attr, "security_group"):
		if strings.Contains(attr, "rule") || strings.Contains(attr, "name") {
			return idOther
		}
		return idGroup
	case strings.HasSuffix(attr, "vpc_id"):
		return idVPC
	case one == "subnet" || one == "client_subnet" || strings.HasSuffix(one, "subnet_id") || attr == "vpc_zone_identifier":
		return idSubnet
	case strings.HasSuffix(one, "route_table_id") && !strings.HasPrefix(attr, "transit_"):
		return idTable
	case strings.HasSuffix(attr, "network_acl_id"):
		return idACL
	case attr == "gateway_id" || attr == "nat_gateway_id" || attr == "egress_only_gateway_id" || attr == "internet_gateway_id" || attr == "vpn_gateway_id":
		return idGateway
	case strings.HasSuffix(one, "network_interface_id") || attr == "instance_id" || one == "instance":
		return idInterface
	case strings.HasSuffix(one, "target_group_arn"):
		return idTargetGroup
	case attr == "listener_arn":
		return idListener
	case attr == "load_balancer_arn":
		return idBalancer
	case attr == "load_balancers":
		return idClassicBalancer
	case strings.HasSuffix(one, "prefix_list_id"):
		return idPrefixList
	}
	return idOther
}

// listedBy is what the ids are that a data source lists.
var listedBy = map[string]idKind{
	"aws_subnets": idSubnet, "aws_subnet_ids": idSubnet, "aws_security_groups": idGroup, "aws_vpcs": idVPC, "aws_route_tables": idTable,
}

// manyIDs reports whether an attribute of a kind holds a list.
func manyIDs(attr string) bool {
	return strings.HasSuffix(attr, "s") || attr == "vpc_zone_identifier"
}

// makers lists the attributes that hold ids which AWS makes up, by kind and
// resource type. A value of a kind that is not known yet comes from one of them.
var makers = map[idKind]map[string][]string{
	idGroup: {
		"aws_security_group": {"id"}, "aws_default_security_group": {"id"}, "aws_vpc": {"default_security_group_id"},
		"aws_default_vpc": {"default_security_group_id"}, "aws_elb": {"source_security_group_id"},
	},
	idVPC:    {"aws_vpc": {"id"}, "aws_default_vpc": {"id"}},
	idSubnet: {"aws_subnet": {"id"}, "aws_default_subnet": {"id"}},
	idTable: {
		"aws_route_table": {"id"}, "aws_default_route_table": {"id"}, "aws_vpc": {"main_route_table_id"}, "aws_default_vpc": {"main_route_table_id"},
	},
	idACL: {
		"aws_network_acl": {"id"}, "aws_default_network_acl": {"id"}, "aws_vpc": {"default_network_acl_id"}, "aws_default_vpc": {"default_network_acl_id"},
	},
	idGateway: {
		"aws_internet_gateway": {"id"}, "aws_nat_gateway": {"id"}, "aws_egress_only_internet_gateway": {"id"}, "aws_vpn_gateway": {"id"},
		"aws_vpc_endpoint": {"id"},
	},
	idInterface: {
		"aws_network_interface": {"id"}, "aws_instance": {"id", "primary_network_interface_id"},
		"aws_spot_instance_request": {"spot_instance_id", "primary_network_interface_id"}, "aws_nat_gateway": {"network_interface_id"},
	},
	idPrefixList:      {"aws_ec2_managed_prefix_list": {"id"}, "aws_vpc_endpoint": {"prefix_list_id"}},
	idTargetGroup:     {"aws_lb_target_group": {"arn", "id"}, "aws_alb_target_group": {"arn", "id"}},
	idListener:        {"aws_lb_listener": {"arn", "id"}, "aws_alb_listener": {"arn", "id"}},
	idBalancer:        {"aws_lb": {"arn", "id"}, "aws_alb": {"arn", "id"}},
	idClassicBalancer: {"aws_elb": {"name", "id"}},
}

// makes reports whether an attribute is one of the makers of a kind.
func makes(k idKind, typ, attr string) bool {
	for _, a := range makers[k][typ] {
		if a == attr {
			return true
		}
	}
	return false
}

// makesOther reports whether an attribute holds ids of another kind.
func makesOther(k idKind, typ, attr string) bool {
	for other := range makers {
		if other != k && makes(other, typ, attr) {
			return true
		}
	}
	return false
}

// generic lists resource types whose attributes may hold anything at all.
var generic = map[string]bool{
	"aws_cloudformation_stack": true, "aws_cloudformation_stack_set_instance": true, "aws_cloudcontrolapi_resource": true,
	"aws_lambda_invocation": true, "aws_servicecatalog_provisioned_product": true, "aws_proton_service": true, "aws_directory_service_directory": true,
	"aws_workspaces_directory": true, "aws_emr_cluster": true, "aws_eks_cluster": true, "aws_redshift_cluster": true,
}

// holdsNoID reports whether what a resource type makes up is never the id of a
// network object: AWS's resources name such ids in attributes that say so, and
// providers like random know none.
func holdsNoID(typ string, data bool) bool {
	if data {
		switch typ {
		case "aws_iam_policy_document", "aws_caller_identity", "aws_region", "aws_partition", "aws_availability_zones", "aws_ami", "aws_route53_zone":
			return true
		}
		return false
	}
	for _, p := range []string{"random_", "tls_", "time_", "archive_"} {
		if strings.HasPrefix(typ, p) {
			return true
		}
	}
	return strings.HasPrefix(typ, "aws_") && !generic[typ]
}
