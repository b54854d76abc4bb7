package awsapi

import (
	"github.com/postern-dev/postern/ir"
)

// recordKind is what a JSON object describes.
type recordKind uint8

const (
	recordInvalid recordKind = iota
	recordVPC
	recordSubnet
	recordRouteTable
	recordGroup
	recordGroupRule
	recordGroupVPC
	recordStaleGroup
	recordACL
	recordPrefixList
	recordPrefixEntries // a whole list of entries is one record
	recordInterface
	recordReservation
	recordInstance
	recordAddress
	recordInternetGateway
	recordEgressGateway
	recordNATGateway
	recordVPNGateway
	recordOtherGateway
	recordPeering
	recordTransitGateway
	recordTransitAttachment
	recordTransitTable
	recordTransitRoutes       // a whole list
	recordTransitAssociations // a whole list
	recordTransitPropagations // a whole list
	recordEndpoint
	recordBlockOptions
	recordBlockExclusion
	recordLoadBalancer
	recordListener
	recordListenerRule
	recordTargetGroup
	recordTargetHealth     // a whole list
	recordTargetAttributes // a whole list
	recordLattice
	recordService // carries groups; see services.go
	recordSubnetGroup
	recordIndirect
)

// list is a list that an AWS call returns.
type list struct {
	name    string // as the CLI writes it
	kind    recordKind
	noun    string // one element
	id      string // the member that holds an element's id
	command string // aws ...
	closes  ir.Kind
	// single is the name that a call on one object gives its element.
	single string
	// service tells how to read an element that carries groups.
	service *serviceKind
}

// lists are the lists that become a part of the model. [botocore ec2, elb,
// elbv2, rds, lambda, elasticache, redshift, es, opensearch, kafka, ecs, efs]
var lists = []list{
	{name: "Vpcs", kind: recordVPC, noun: "VPC", id: "VpcId", command: "ec2 describe-vpcs", closes: ir.KindVPC, single: "Vpc"},
	{name: "Subnets", kind: recordSubnet, noun: "subnet", id: "SubnetId", command: "ec2 describe-subnets", closes: ir.KindSubnet, single: "Subnet"},
	{name: "RouteTables", kind: recordRouteTable, noun: "route table", id: "RouteTableId", command: "ec2 describe-route-tables", closes: ir.KindRouteTable, single: "RouteTable"},
	{name: "SecurityGroups", kind: recordGroup, noun: "security group", id: "GroupId", command: "ec2 describe-security-groups", closes: ir.KindSecurityGroup},
	{name: "SecurityGroupRules", kind: recordGroupRule, noun: "security group rule", id: "SecurityGroupRuleId", command: "ec2 describe-security-group-rules"},
	{name: "SecurityGroupVpcAssociations", kind: recordGroupVPC, noun: "association", id: "GroupId", command: "ec2 describe-security-group-vpc-associations"},
	{name: "StaleSecurityGroupSet", kind: recordStaleGroup, noun: "stale security group", id: "GroupId", command: "ec2 describe-stale-security-groups"},
	{name: "NetworkAcls", kind: recordACL, noun: "network ACL", id: "NetworkAclId", command: "ec2 describe-network-acls", closes: ir.KindNetworkACL, single: "NetworkAcl"},
	{name: "PrefixLists", kind: recordPrefixList, noun: "prefix list", id: "PrefixListId", command: "ec2 describe-managed-prefix-lists", closes: ir.KindPrefixList, single: "PrefixList"},
	{name: "Entries", kind: recordPrefixEntries, noun: "entry", command: "ec2 get-managed-prefix-list-entries"},
	{name: "NetworkInterfaces", kind: recordInterface, noun: "network interface", id: "NetworkInterfaceId", command: "ec2 describe-network-interfaces", closes: ir.KindInterface, single: "NetworkInterface"},
	{name: "Reservations", kind: recordReservation, noun: "reservation", id: "ReservationId", command: "ec2 describe-instances"},
	{name: "Instances", kind: recordInstance, noun: "instance", id: "InstanceId", command: "ec2 describe-instances"},
	{name: "Addresses", kind: recordAddress, noun: "address", id: "AllocationId", command: "ec2 describe-addresses"},
	{name: "InternetGateways", kind: recordInternetGateway, noun: "internet gateway", id: "InternetGatewayId", command: "ec2 describe-internet-gateways", closes: ir.KindInternetGateway, single: "InternetGateway"},
	{name: "EgressOnlyInternetGateways", kind: recordEgressGateway, noun: "egress-only internet gateway", id: "EgressOnlyInternetGatewayId", command: "ec2 describe-egress-only-internet-gateways", single: "EgressOnlyInternetGateway"},
	{name: "NatGateways", kind: recordNATGateway, noun: "NAT gateway", id: "NatGatewayId", command: "ec2 describe-nat-gateways", closes: ir.KindNATGateway, single: "NatGateway"},
	{name: "VpnGateways", kind: recordVPNGateway, noun: "virtual private gateway", id: "VpnGatewayId", command: "ec2 describe-vpn-gateways", single: "VpnGateway"},
	{name: "CarrierGateways", kind: recordOtherGateway, noun: "carrier gateway", id: "CarrierGatewayId", command: "ec2 describe-carrier-gateways"},
	{name: "LocalGateways", kind: recordOtherGateway, noun: "local gateway", id: "LocalGatewayId", command: "ec2 describe-local-gateways"},
	{name: "VpcPeeringConnections", kind: recordPeering, noun: "peering connection", id: "VpcPeeringConnectionId", command: "ec2 describe-vpc-peering-connections", closes: ir.KindPeering, single: "VpcPeeringConnection"},
	{name: "TransitGateways", kind: recordTransitGateway, noun: "transit gateway", id: "TransitGatewayId", command: "ec2 describe-transit-gateways", closes: ir.KindTransitGateway, single: "TransitGateway"},
	{name: "TransitGatewayVpcAttachments", kind: recordTransitAttachment, noun: "attachment", id: "TransitGatewayAttachmentId", command: "ec2 describe-transit-gateway-vpc-attachments", single: "TransitGatewayVpcAttachment"},
	{name: "TransitGatewayAttachments", kind: recordTransitAttachment, noun: "attachment", id: "TransitGatewayAttachmentId", command: "ec2 describe-transit-gateway-attachments"},
	{name: "TransitGatewayPeeringAttachments", kind: recordTransitAttachment, noun: "attachment", id: "TransitGatewayAttachmentId", command: "ec2 describe-transit-gateway-peering-attachments", single: "TransitGatewayPeeringAttachment"},
	{name: "TransitGatewayConnects", kind: recordTransitAttachment, noun: "attachment", id: "TransitGatewayAttachmentId", command: "ec2 describe-transit-gateway-connects", single: "TransitGatewayConnect"},
	{name: "TransitGatewayRouteTables", kind: recordTransitTable, noun: "transit gateway route table", id: "TransitGatewayRouteTableId", command: "ec2 describe-transit-gateway-route-tables", single: "TransitGatewayRouteTable"},
	{name: "Routes", kind: recordTransitRoutes, noun: "route", command: "ec2 search-transit-gateway-routes"},
	{name: "Associations", kind: recordTransitAssociations, noun: "association", command: "ec2 get-transit-gateway-route-table-associations"},
	{name: "TransitGatewayRouteTablePropagations", kind: recordTransitPropagations, noun: "propagation", command: "ec2 get-transit-gateway-route-table-propagations"},
	{name: "VpcEndpoints", kind: recordEndpoint, noun: "VPC endpoint", id: "VpcEndpointId", command: "ec2 describe-vpc-endpoints", closes: ir.KindEndpoint, single: "VpcEndpoint"},
	{name: "VpcBlockPublicAccessOptions", kind: recordBlockOptions, noun: "option", command: "ec2 describe-vpc-block-public-access-options", single: "VpcBlockPublicAccessOptions"},
	{name: "VpcBlockPublicAccessExclusions", kind: recordBlockExclusion, noun: "exclusion", id: "ExclusionId", command: "ec2 describe-vpc-block-public-access-exclusions"},
	{name: "LoadBalancers", kind: recordLoadBalancer, noun: "load balancer", id: "LoadBalancerArn", command: "elbv2 describe-load-balancers", closes: ir.KindLoadBalancer},
	{name: "LoadBalancerDescriptions", kind: recordLoadBalancer, noun: "load balancer", id: "LoadBalancerName", command: "elb describe-load-balancers"},
	{name: "Rules", kind: recordListenerRule, noun: "rule", id: "RuleArn", command: "elbv2 describe-rules"},
	{name: "TargetGroups", kind: recordTargetGroup, noun: "target group", id: "TargetGroupArn", command: "elbv2 describe-target-groups"},
	{name: "TargetHealthDescriptions", kind: recordTargetHealth, noun: "target", command: "elbv2 describe-target-health"},
	{name: "Attributes", kind: recordTargetAttributes, noun: "attribute", command: "elbv2 describe-target-group-attributes"},
	{name: "Listeners", kind: recordListener, noun: "listener", id: "ListenerArn", command: "elbv2 describe-listeners"},
	{name: "DBInstances", kind: recordService, noun: "database", id: "DBInstanceIdentifier", command: "rds describe-db-instances", closes: ir.KindDatabase, single: "DBInstance", service: &databaseService},
	{name: "DBClusters", kind: recordService, noun: "database cluster", id: "DBClusterIdentifier", command: "rds describe-db-clusters", single: "DBCluster", service: &databaseService},
	{name: "DBProxies", kind: recordService, noun: "database proxy", id: "DBProxyName", command: "rds describe-db-proxies", service: &databaseService},
	{name: "CacheClusters", kind: recordService, noun: "cache", id: "CacheClusterId", command: "elasticache describe-cache-clusters --show-cache-node-info", single: "CacheCluster", service: &cacheService},
	{name: "Functions", kind: recordService, noun: "function", id: "FunctionArn", command: "lambda list-functions", service: &functionService},
	{name: "DomainStatusList", kind: recordService, noun: "search domain", id: "DomainName", command: "opensearch describe-domains", single: "DomainStatus", service: &searchService},
	{name: "ClusterInfoList", kind: recordService, noun: "Kafka cluster", id: "ClusterArn", command: "kafka list-clusters", service: &otherService},
	{name: "Services", kind: recordService, noun: "container service", id: "ServiceArn", command: "ecs describe-services", service: &containerService},
	{name: "MountTargets", kind: recordService, noun: "mount target", id: "MountTargetId", command: "efs describe-mount-targets", service: &mountService},
	{name: "Clusters", kind: recordService, noun: "cluster", id: "ClusterIdentifier", command: "redshift describe-clusters", service: &clusterService},
	{name: "ReplicationInstances", kind: recordService, noun: "replication instance", id: "ReplicationInstanceIdentifier", command: "dms describe-replication-instances", service: &otherService},
	{name: "DBSubnetGroups", kind: recordSubnetGroup, noun: "subnet group", id: "DBSubnetGroupName", command: "rds describe-db-subnet-groups"},
	{name: "CacheSubnetGroups", kind: recordSubnetGroup, noun: "subnet group", id: "CacheSubnetGroupName", command: "elasticache describe-cache-subnet-groups"},
	{name: "ClusterSubnetGroups", kind: recordSubnetGroup, noun: "subnet group", id: "ClusterSubnetGroupName", command: "redshift describe-cluster-subnet-groups"},
	{name: "Accelerators", kind: recordIndirect, noun: "accelerator", id: "AcceleratorArn", command: "globalaccelerator list-accelerators", single: "Accelerator"},
	{name: "EndpointGroups", kind: recordIndirect, noun: "accelerator's endpoint group", id: "EndpointGroupArn", command: "globalaccelerator list-endpoint-groups", single: "EndpointGroup"},
	{name: "VpcOriginList", kind: recordIndirect, noun: "CloudFront VPC origin", id: "Id", command: "cloudfront list-vpc-origins", single: "VpcOrigin"},
	{name: "DistributionList", kind: recordIndirect, noun: "CloudFront distribution", id: "Id", command: "cloudfront list-distributions", single: "Distribution"},
	{name: "InstanceConnectEndpoints", kind: recordService, noun: "instance connect endpoint", id: "InstanceConnectEndpointId", command: "ec2 describe-instance-connect-endpoints", single: "InstanceConnectEndpoint", service: &connectService},
	{name: "ServiceNetworkVpcAssociations", kind: recordLattice, noun: "association with a service network", id: "Arn", command: "vpc-lattice get-service-network-vpc-association"},
}

// asOne reports whether a whole list is one record: its elements have no ids,
// and belong to something that the answer does not name.
func (l *list) asOne() bool {
	switch l.kind {
	case recordPrefixEntries, recordTransitRoutes, recordTransitAssociations, recordTransitPropagations, recordTargetHealth, recordTargetAttributes:
		return true
	}
	return false
}

// listOf finds a list by the name that stands in a file.
func listOf(name string) (*list, bool) {
	for i := range lists {
		if sameName(name, lists[i].name) {
			return &lists[i], true
		}
	}
	return nil, false
}

// singleOf finds the list that a call on one object takes its element from.
func singleOf(name string) (*list, bool) {
	for i := range lists {
		if lists[i].single != "" && sameName(name, lists[i].single) {
			return &lists[i], true
		}
	}
	return nil, false
}

// irrelevant are lists that say nothing about what packets can do: names,
// images, keys, storage, logs, identities, and choices that are offered.
var irrelevant = []string{
	"AccountAttributes", "AvailabilityZones", "Regions", "Tags", "TagDescriptions", "ResourceTagMappingList", "KeyPairs", "Images", "Snapshots",
	"Volumes", "VolumesModifications", "InstanceTypes", "InstanceTypeOfferings", "InstanceStatuses", "InstanceCreditSpecifications",
	"InstanceInformationList", "IamInstanceProfileAssociations", "DhcpOptions", "FlowLogs", "VpcClassicLinks", "Hosts", "PlacementGroups",
	"ReservedInstances", "SpotInstanceRequests", "SpotPriceHistory", "ServiceNames", "ServiceDetails",
	"VpcEndpointConnections", "VpcEndpointConnectionNotifications", "CustomerGateways", "BundleTasks", "ConversionTasks", "ExportTasks",
	"NetworkInsightsPaths", "NetworkInsightsAnalyses", "NetworkInsightsAccessScopes", "Ipams", "IpamPools", "IpamScopes", "CoipPools",
	"SecurityGroupReferenceSet", "UnsuccessfulInstanceCreditSpecifications", "LoadBalancerAttributes", "Policies", "SslPolicies",
	"Certificates", "CertificateSummaryList", "TrustStores", "AccountLimits", "Limits", "DBParameterGroups", "DBSnapshots",
	"DBClusterSnapshots", "DBEngineVersions", "OptionGroupsList", "EventSubscriptionsList", "DBSecurityGroups", "CacheParameterGroups",
	"CacheSecurityGroups", "ClusterParameterGroups", "ClusterSecurityGroups", "Buckets", "QueueUrls", "Topics", "Subscriptions", "SecretList",
	"Keys", "Aliases", "TableNames", "Users", "Roles", "Groups", "UserDetailList", "GroupDetailList", "RoleDetailList", "SAMLProviderList",
	"OpenIDConnectProviderList", "ServerCertificateMetadataList", "InstanceProfiles", "MFADevices", "AccessKeyMetadata", "AccountAliases",
	"TrailList", "EventSelectors", "LogGroups", "MetricAlarms", "DetectorIds", "Analyzers", "Repositories", "HostedZones", "ResourceRecordSets",
	"StackSummaries", "Stacks", "ConfigurationRecorders", "DeliveryChannels", "ConfigRules", "AutoScalingInstances", "ScalingPolicies",
	"LaunchConfigurations", "DomainNames", "ClusterArns", "TaskArns", "ServiceArns", "TaskDefinitionArns", "Parameters", "Connections",
	"VpnConnections", "VirtualInterfaces", "VirtualGateways", "DirectConnectGateways", "DirectConnectGatewayAssociations",
	"DirectConnectGatewayAttachments", "Locations", "Lags", "PrefixListAssociations", "LaunchTemplates", "Attributes", "Results",
	"ReplicationGroups", "NetworkAclAssociations", "ManagedPolicies", "RelatedEvents", "Relationships", "SecurityGroupIds", "UnprocessedResourceKeys",
}

// notModelled are lists that matter to packets in ways that the model has no
// words for: each becomes one omission.
var notModelled = []struct{ name, message string }{
	{"Firewalls", "network firewalls are not modelled"},
	{"FirewallPolicies", "network firewalls are not modelled"},
	{"RuleGroups", "network firewalls are not modelled"},
	{"CoreNetworks", "Cloud WAN is not modelled"},
	{"VpcEndpointServicePermissions", "who may connect to an endpoint service is not modelled"},
	{"AutoScalingGroups", "the instances that an autoscaling group may start are not modelled; those that run are"},
	{"LaunchTemplateVersions", "the instances that a launch template may start are not modelled; those that run are"},
	{"TransitGatewayMulticastDomains", "multicast is not modelled"},
	{"LocalGatewayRoutes", "routes of local gateways are not modelled"},
	{"ClientVpnEndpoints", "client VPN endpoints are not modelled"},
	{"ServiceConfigurations", "what arrives at endpoints of a service in other VPCs goes to its load balancers: those paths are not modelled"},
	{"TrafficMirrorSessions", "traffic mirroring is not modelled"},
	{"VpcEncryptionControls", "encryption controls are not modelled"},
}

func isIrrelevant(name string) bool {
	for _, n := range irrelevant {
		if sameName(name, n) {
			return true
		}
	}
	return false
}

func notModelledBecause(name string) (string, bool) {
	for _, n := range notModelled {
		if sameName(name, n.name) {
			return n.message, true
		}
	}
	return "", false
}
