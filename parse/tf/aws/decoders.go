package aws

// decoder reads one resource type. Either half may be nil.
type decoder struct {
	make func(view)
	link func(view)
}

// decoders lists the resource types that have a decoder of their own. A type
// that is in neither this table nor in shapes is searched for groups: see
// other.go.
var decoders = map[string]decoder{
	"aws_vpc":                               {makeVPC, nil},
	"aws_default_vpc":                       {makeDefaultVPC, nil},
	"aws_vpc_ipv4_cidr_block_association":   {nil, linkVPCCIDR},
	"aws_vpc_ipv6_cidr_block_association":   {nil, linkVPCCIDR},
	"aws_vpc_block_public_access_options":   {nil, linkBPAOptions},
	"aws_vpc_block_public_access_exclusion": {nil, linkBPAExclusion},

	"aws_subnet":         {makeSubnet, linkSubnet},
	"aws_default_subnet": {makeDefaultSubnet, linkSubnet},

	"aws_security_group":                     {makeGroup, linkGroup},
	"aws_default_security_group":             {makeDefaultGroup, linkGroup},
	"aws_security_group_rule":                {nil, linkRule},
	"aws_vpc_security_group_ingress_rule":    {nil, linkIngressRule},
	"aws_vpc_security_group_egress_rule":     {nil, linkEgressRule},
	"aws_vpc_security_group_vpc_association": {nil, linkGroupVPC},
	"aws_vpc_security_group_rules_exclusive": {nil, linkExclusive},

	"aws_ec2_managed_prefix_list":       {makePrefixList, nil},
	"aws_ec2_managed_prefix_list_entry": {nil, linkPrefixListEntry},

	"aws_network_acl":             {makeACL, linkACL},
	"aws_default_network_acl":     {makeDefaultACL, linkACL},
	"aws_network_acl_rule":        {nil, linkACLRule},
	"aws_network_acl_association": {nil, linkACLAssociation},

	"aws_route_table":                   {makeRouteTable, linkRouteTable},
	"aws_default_route_table":           {makeDefaultRouteTable, linkRouteTable},
	"aws_route":                         {nil, linkRoute},
	"aws_route_table_association":       {nil, linkRouteTableAssociation},
	"aws_main_route_table_association":  {nil, linkMainRouteTable},
	"aws_vpn_gateway_route_propagation": {nil, linkPropagation},

	"aws_internet_gateway":             {makeInternetGateway, linkGatewayVPC},
	"aws_internet_gateway_attachment":  {nil, linkGatewayAttachment},
	"aws_egress_only_internet_gateway": {makeEgressOnlyGateway, linkGatewayVPC},
	"aws_vpn_gateway":                  {makeVPNGateway, linkGatewayVPC},
	"aws_vpn_gateway_attachment":       {nil, linkGatewayAttachment},
	"aws_nat_gateway":                  {makeNATGateway, linkNATGateway},

	"aws_vpc_peering_connection":          {makePeering, linkPeering},
	"aws_vpc_peering_connection_accepter": {nil, linkPeeringAccepter},

	"aws_ec2_transit_gateway":                         {makeTransitGateway, nil},
	"aws_ec2_transit_gateway_vpc_attachment":          {makeAttachment, linkAttachment},
	"aws_ec2_transit_gateway_route_table":             {makeTransitTable, linkTransitTable},
	"aws_ec2_transit_gateway_route":                   {nil, linkTransitRoute},
	"aws_ec2_transit_gateway_route_table_association": {nil, linkTransitAssociation},
	"aws_ec2_transit_gateway_route_table_propagation": {nil, linkTransitPropagation},

	"aws_ec2_transit_gateway_prefix_list_reference":           {nil, linkTransitRoute},
	"aws_ec2_transit_gateway_default_route_table_association": {nil, linkDefaultTransit},
	"aws_ec2_transit_gateway_default_route_table_propagation": {nil, linkDefaultTransit},
	"aws_ec2_transit_gateway_vpc_attachment_accepter":         {nil, linkAttachmentAccepter},
	"aws_ec2_transit_gateway_peering_attachment":              {makeTransitPeering, linkTransitPeering},
	"aws_ec2_transit_gateway_peering_attachment_accepter":     {nil, linkAttachmentAccepter},
	"aws_ec2_transit_gateway_connect":                         {makeConnect, linkConnect},
	"aws_vpn_connection":                                      {makeVPNConnection, linkVPNConnection},
	"aws_vpn_connection_route":                                {nil, linkVPNRoute},
	"aws_dx_gateway_association":                              {makeDirectConnect, linkDirectConnect},

	"aws_vpc_endpoint":                            {makeEndpoint, linkEndpoint},
	"aws_vpc_endpoint_route_table_association":    {nil, linkEndpointRouteTable},
	"aws_vpc_endpoint_security_group_association": {nil, linkEndpointGroup},
	"aws_vpc_endpoint_subnet_association":         {nil, linkEndpointSubnet},

	"aws_instance":                        {makeInstance, linkInstance},
	"aws_spot_instance_request":           {makeInstance, linkInstance},
	"aws_network_interface":               {makeNetworkInterface, linkNetworkInterface},
	"aws_network_interface_attachment":    {nil, linkInterfaceAttachment},
	"aws_network_interface_sg_attachment": {nil, linkGroupAttachment},
	"aws_eip":                             {makeEIP, linkEIP},
	"aws_eip_association":                 {nil, linkEIPAssociation},
	"aws_launch_template":                 {makeTemplate, nil},
	"aws_launch_configuration":            {makeTemplate, nil},
	"aws_autoscaling_group":               {nil, linkAutoscaling},

	"aws_lb":  {makeLoadBalancer, linkLoadBalancer},
	"aws_alb": {makeLoadBalancer, linkLoadBalancer},
	"aws_elb": {makeClassicLoadBalancer, linkClassicLoadBalancer},

	"aws_lb_listener":                           {makeListener, linkListener},
	"aws_alb_listener":                          {makeListener, linkListener},
	"aws_lb_listener_rule":                      {nil, linkListenerRule},
	"aws_alb_listener_rule":                     {nil, linkListenerRule},
	"aws_lb_target_group":                       {makeTargetGroup, nil},
	"aws_alb_target_group":                      {makeTargetGroup, nil},
	"aws_lb_target_group_attachment":            {nil, linkTargetAttachment},
	"aws_alb_target_group_attachment":           {nil, linkTargetAttachment},
	"aws_elb_attachment":                        {nil, linkClassicAttachment},
	"aws_autoscaling_attachment":                {nil, linkScalingAttachment},
	"aws_autoscaling_traffic_source_attachment": {nil, linkScalingAttachment},

	"aws_rds_cluster":              {makeCluster, nil},
	"aws_docdb_cluster":            {makeCluster, nil},
	"aws_neptune_cluster":          {makeCluster, nil},
	"aws_rds_cluster_instance":     {nil, linkClusterInstance},
	"aws_docdb_cluster_instance":   {nil, linkClusterInstance},
	"aws_neptune_cluster_instance": {nil, linkClusterInstance},

	"aws_eks_cluster": {makeEKSCluster, nil},

	"aws_db_subnet_group":              {makeSubnetGroup, nil},
	"aws_elasticache_subnet_group":     {makeSubnetGroup, nil},
	"aws_redshift_subnet_group":        {makeSubnetGroup, nil},
	"aws_memorydb_subnet_group":        {makeSubnetGroup, nil},
	"aws_neptune_subnet_group":         {makeSubnetGroup, nil},
	"aws_docdb_subnet_group":           {makeSubnetGroup, nil},
	"aws_dax_subnet_group":             {makeSubnetGroup, nil},
	"aws_dms_replication_subnet_group": {makeSubnetGroup, nil},

	"aws_vpclattice_service_network_vpc_association": {nil, linkLattice},

	"aws_globalaccelerator_accelerator":                   {nil, linkIndirect},
	"aws_globalaccelerator_custom_routing_accelerator":    {nil, linkIndirect},
	"aws_globalaccelerator_endpoint_group":                {nil, linkIndirect},
	"aws_globalaccelerator_custom_routing_endpoint_group": {nil, linkIndirect},
	"aws_globalaccelerator_listener":                      {nil, linkIndirect},
	"aws_globalaccelerator_custom_routing_listener":       {nil, linkIndirect},
	"aws_cloudfront_vpc_origin":                           {nil, linkIndirect},
	"aws_cloudfront_distribution":                         {nil, linkDistribution},
}
