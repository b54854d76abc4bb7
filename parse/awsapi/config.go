package awsapi

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// configTypes are the AWS Config resource types and the lists whose elements
// they are.
// [awslabs/aws-config-resource-schema config/properties/resource-types]
var configTypes = []struct{ typ, list string }{
	{"AWS::EC2::VPC", "Vpcs"},
	{"AWS::EC2::Subnet", "Subnets"},
	{"AWS::EC2::RouteTable", "RouteTables"},
	{"AWS::EC2::SecurityGroup", "SecurityGroups"},
	{"AWS::EC2::NetworkAcl", "NetworkAcls"},
	{"AWS::EC2::PrefixList", "PrefixLists"},
	{"AWS::EC2::NetworkInterface", "NetworkInterfaces"},
	{"AWS::EC2::Instance", "Instances"},
	{"AWS::EC2::EIP", "Addresses"},
	{"AWS::EC2::InternetGateway", "InternetGateways"},
	{"AWS::EC2::EgressOnlyInternetGateway", "EgressOnlyInternetGateways"},
	{"AWS::EC2::NatGateway", "NatGateways"},
	{"AWS::EC2::VPNGateway", "VpnGateways"},
	{"AWS::EC2::VPCEndpoint", "VpcEndpoints"},
	{"AWS::EC2::VPCPeeringConnection", "VpcPeeringConnections"},
	{"AWS::EC2::TransitGateway", "TransitGateways"},
	{"AWS::EC2::TransitGatewayAttachment", "TransitGatewayVpcAttachments"},
	{"AWS::EC2::TransitGatewayRouteTable", "TransitGatewayRouteTables"},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancers"},
	{"AWS::ElasticLoadBalancing::LoadBalancer", "LoadBalancerDescriptions"},
	{"AWS::ElasticLoadBalancingV2::Listener", "Listeners"},
	{"AWS::RDS::DBInstance", "DBInstances"},
	{"AWS::RDS::DBCluster", "DBClusters"},
	{"AWS::Lambda::Function", "Functions"},
	{"AWS::Redshift::Cluster", "Clusters"},
	{"AWS::Elasticsearch::Domain", "DomainStatusList"},
	{"AWS::OpenSearch::Domain", "DomainStatusList"},
	{"AWS::ElastiCache::CacheCluster", "CacheClusters"},
	{"AWS::ECS::Service", "Services"},
	{"AWS::RDS::DBSubnetGroup", "DBSubnetGroups"},
	{"AWS::GlobalAccelerator::Accelerator", "Accelerators"},
}

// openConfig takes AWS Config's envelopes off: answers of
// get-resource-config-history, batch-get-resource-config and
// select-resource-config, snapshots, single items, and rule events.
func (e *envelope) openConfig(v value, s scope) bool {
	if items := v.first("configurationItems", "baseConfigurationItems"); items.isArray() {
		e.claim("configurationItems")
		e.configItems(items, s)
		return true
	}
	if item := v.get("configurationItem"); item.isObject() {
		e.claim("configurationItem")
		e.configItem(item, s)
		return true
	}
	if event := v.get("invokingEvent"); event.kind() == stringValue {
		e.claim("invokingEvent")
		e.inner(event, "invokingEvent", func(inner value) { e.open(inner, s) })
		return true
	}
	if results := v.get("Results"); results.isArray() && v.get("QueryInfo").ok() {
		e.claim("Results")
		for r := range results.items() {
			e.inner(r, "Results", func(inner value) { e.configItem(inner, s) })
		}
		return true
	}
	if v.get("resourceType").ok() && v.get("configuration").ok() {
		e.claim("configurationItem")
		e.configItem(v, s)
		return true
	}
	return false
}

// configItems takes the newest item of each resource: a history lists all that
// a resource has been.
func (e *envelope) configItems(items value, s scope) {
	type key struct{ typ, id string }
	newest := map[key]value{}
	var order []key
	for item := range items.items() {
		k := key{item.get("resourceType").str(), item.first("resourceId", "arn").str()}
		old, seen := newest[k]
		if !seen {
			order = append(order, k)
		}
		if !seen || captured(item) > captured(old) {
			newest[k] = item
		}
	}
	for _, k := range order {
		e.configItem(newest[k], s)
	}
}

// captured is the time of an item in a form that sorts: dates come as ISO 8601,
// as seconds, and as objects of single numbers.
func captured(item value) string {
	t := item.get("configurationItemCaptureTime")
	if !t.isObject() {
		if f := t.str(); t.kind() == numberValue {
			whole, rest, _ := strings.Cut(f, ".")
			return fmt.Sprintf("%020s.%s", whole, rest)
		}
		return t.peek()
	}
	var b strings.Builder
	for _, part := range []string{"year", "month", "day", "hour", "minute", "second", "microsecond"} {
		n, _ := t.get(part).int()
		fmt.Fprintf(&b, "%06d ", n)
	}
	return b.String()
}

func (e *envelope) configItem(item value, s scope) {
	s.whole = false
	if strings.HasPrefix(item.get("configurationItemStatus").peek(), "ResourceDeleted") {
		return
	}
	if a := item.first("accountId", "awsAccountId"); a.ok() {
		s.account = a.str()
	}
	if r := item.get("awsRegion").peek(); regionName.MatchString(r) {
		s.region = item.get("awsRegion").str()
	}
	typ := item.get("resourceType").str()
	configuration := item.get("configuration")
	read := func(c value) { e.configured(typ, item, c, s) }
	switch configuration.kind() {
	case stringValue:
		if configuration.peek() == "" {
			return
		}
		e.inner(configuration, typ, read)
	case objectValue:
		read(configuration)
	}
}

// configured records what an item says a resource is.
func (e *envelope) configured(typ string, item, c value, s scope) {
	for _, t := range configTypes {
		if t.typ == typ {
			l, _ := listOf(t.list)
			e.element(l, c, s, true)
			return
		}
	}
	if l := bareBy(func(name string) bool { return c.get(name).ok() }); l != nil {
		e.element(l, c, s, true)
		return
	}
	if carriesGroups(c) {
		e.records = append(e.records, record{list: &unknownService, value: c, hint: s.hint, partial: true})
		return
	}
	if networkType(typ) {
		name := item.first("resourceId", "arn", "resourceName").str()
		e.omit(name, c, typ+": postern does not know this type of resource")
	}
}

// networkType tells types that may decide about packets from those that cannot.
func networkType(typ string) bool {
	for _, p := range []string{"AWS::EC2::", "AWS::ElasticLoadBalancing", "AWS::NetworkFirewall::", "AWS::GlobalAccelerator::", "AWS::NetworkManager::"} {
		if strings.HasPrefix(typ, p) {
			return typ != "AWS::EC2::Volume" && typ != "AWS::EC2::FlowLog" && typ != "AWS::EC2::DHCPOptions" && typ != "AWS::EC2::CustomerGateway"
		}
	}
	return false
}

// inner parses the JSON in a string. Everything in it stands where the string
// stands: escapes make finer places guesswork.
func (e *envelope) inner(v value, name string, read func(value)) {
	doc, err := parse(e.doc.file, v.str())
	at := v.place()
	if err != nil {
		e.problems = append(e.problems, diag.Diagnostic{
			Rule: "not-analysed", Message: "the string is no JSON inside: " + strings.TrimPrefix(err.message, "not JSON: "), Range: at, Address: name,
			Fix:   "export it again",
			Cause: diag.Cause{Code: diag.NotValid, Message: "the configuration of " + name + " is no JSON", Address: name, Range: at},
		})
		e.omissions = append(e.omissions, ir.Omission{Address: name, Cause: diag.Cause{Code: diag.NotValid, Message: "its configuration is no JSON", Address: name, Range: at}})
		return
	}
	doc.fixed = &at
	for root := range doc.values() {
		read(root)
	}
}
