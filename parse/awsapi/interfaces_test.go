package awsapi

import (
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
)

// What stands behind an interface, from its type and description.
func TestRecognise(t *testing.T) {
	for _, c := range []struct{ name, fields, want string }{
		{"instance", `"InterfaceType":"interface","Attachment":{"InstanceId":"i-1"}`, "eni e i-1 kind=1 s"},
		{"unattached", `"InterfaceType":"interface","Status":"available"`, "eni e e kind=12 s"},
		{"application load balancer", `"Description":"ELB app/edge/0123","RequesterManaged":true`, "eni e app/edge/0123 kind=2 s services?"},
		{"classic load balancer", `"Description":"ELB edge","RequesterId":"amazon-elb"`, "eni e edge kind=2 s services?"},
		{"network load balancer", `"Description":"ELB net/edge/0123","InterfaceType":"network_load_balancer"`, "eni e net/edge/0123 kind=3 s services?"},
		{"gateway load balancer", `"Description":"ELB gwy/edge/0123","InterfaceType":"gateway_load_balancer"`, "eni e gwy/edge/0123 kind=12 s"},
		{"database", `"Description":"RDSNetworkInterface","RequesterManaged":true`, "eni e e kind=4 s services?"},
		{"cache", `"Description":"ElastiCache sessions-001","RequesterManaged":true`, "eni e sessions-001 kind=5 s services?"},
		{"function", `"Description":"AWS Lambda VPC ENI-f-8c7ac78b-e11d-4dea-8a47-ab2bd1ea2f6c","InterfaceType":"lambda"`, "eni e e kind=6 s no-inbound"},
		{"NAT gateway", `"Description":"Interface for NAT Gateway nat-1","InterfaceType":"nat_gateway","RequesterManaged":true`, "eni e nat-1 kind=8 s no-inbound"},
		{"NAT gateway by words", `"Description":"Interface for NAT Gateway nat-1","InterfaceType":"interface","RequesterManaged":true`, "eni e nat-1 kind=8 s no-inbound"},
		{"endpoint", `"Description":"VPC Endpoint Interface vpce-1","InterfaceType":"vpc_endpoint"`, "eni e vpce-1 kind=10 s"},
		{"transit gateway", `"Description":"Network Interface for Transit Gateway Attachment tgw-attach-1","InterfaceType":"transit_gateway"`, "eni e tgw-attach-1 kind=9 s"},
		{"container", `"Description":"arn:aws:ecs:us-east-1:1:attachment/x","RequesterManaged":true`, "eni e e kind=7 s"},
		{"mount target", `"Description":"EFS mount target for fs-1 (fsmt-1)","InterfaceType":"efs","RequesterManaged":true`, "eni e fs-1 kind=12 s :6/2049"},
		{"instance connect endpoint", `"InterfaceType":"ec2_instance_connect_endpoint"`, "eni e e kind=11 s no-inbound"},
		{"words by a person", `"Description":"ELB like thing","RequesterManaged":false,"Attachment":{"InstanceId":"i-1"}`, "eni e i-1 kind=1 s"},
		{"flags", `"SourceDestCheck":false,"DenyAllIgwTraffic":true`, "eni e e kind=12 s forwards deny-igw"},
		{
			"addresses", `"PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.5","Primary":true,"Association":{"PublicIp":"203.0.113.1"}},{"PrivateIpAddress":"10.0.0.6"}],"Ipv6Addresses":[{"Ipv6Address":"2001:db8::5"}],"Ipv4Prefixes":[{"Ipv4Prefix":"10.0.0.16/28"}],"Ipv6Prefixes":[{"Ipv6Prefix":"2001:db8::/80"}]`,
			"eni e e kind=12 s 10.0.0.5=203.0.113.1 10.0.0.6 2001:db8::5 10.0.0.16/28 2001:db8::/80",
		},
		{"bad address", `"PrivateIpAddress":"345.1.1.1"`, "eni e e kind=12 s ?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, _ := read(t, file{"a.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"e","SubnetId":"s","VpcId":"v","Groups":[],` + c.fields + `}]}`})
			same(t, "interface", describe(n, "eni"), c.want)
		})
	}
}

func TestInstances(t *testing.T) {
	reservations := file{"b.json", `{"Reservations":[{"ReservationId":"r","Instances":[
{"InstanceId":"i-1","State":{"Name":"running"},"Platform":"windows","SubnetId":"s","VpcId":"v","Tags":[{"Key":"Name","Value":"web"}],"SecurityGroups":[{"GroupId":"sg-1"}],
 "NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","SubnetId":"s","Groups":[{"GroupId":"sg-1"}],"Attachment":{"DeviceIndex":0},"PrivateIpAddress":"10.0.0.1","SourceDestCheck":true},
  {"NetworkInterfaceId":"eni-2","SubnetId":"s2","Groups":[{"GroupId":"sg-2"}],"Attachment":{"DeviceIndex":1},"PrivateIpAddress":"10.0.0.2"}]},
{"InstanceId":"i-2","State":{"Name":"stopped"},"SubnetId":"s","VpcId":"v","SecurityGroups":[{"GroupId":"sg-1"}],"PrivateIpAddress":"10.0.0.3","PublicIpAddress":"203.0.113.3","SourceDestCheck":false},
{"InstanceId":"i-3","State":{"Name":"terminated"},"SecurityGroups":[],"NetworkInterfaces":[]},
{"InstanceId":"i-4","State":{"Name":"running"},"SubnetId":"s","VpcId":"v"}]}]}`}
	n, ds := read(t, reservations)
	same(t, "instances alone", describe(n, "eni"), `
eni eni-1 i-1 kind=1 s sg-1 10.0.0.1 windows
eni eni-2 i-1 kind=1 s2 sg-2 10.0.0.2 windows
eni  i-2 kind=1 s sg-1 10.0.0.3=203.0.113.3 forwards
eni  i-4 kind=1 s open ?`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
	if n.Interfaces[0].Tags["Name"] != "web" {
		t.Errorf("tags %v", n.Interfaces[0].Tags)
	}
	// The list of interfaces tells more, and what differs is said.
	n, ds = read(t, reservations, file{"a.json", `{"NetworkInterfaces":[
{"NetworkInterfaceId":"eni-1","SubnetId":"s","VpcId":"v","Groups":[{"GroupId":"sg-1"},{"GroupId":"sg-7"}],"Attachment":{"InstanceId":"i-1","DeviceIndex":0},"PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.1","Association":{"PublicIp":"203.0.113.1"}}]},
{"NetworkInterfaceId":"eni-2","SubnetId":"s2","VpcId":"v","Groups":[{"GroupId":"sg-2","GroupName":"x"}],"Attachment":{"InstanceId":"i-1","DeviceIndex":1},"PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.2"}]}]}`})
	same(t, "both", describe(n, "eni"), `
eni eni-1 i-1 kind=1 s sg-1 sg-7 10.0.0.1=203.0.113.1 windows
eni eni-2 i-1 kind=1 s2 sg-2 10.0.0.2 windows
eni  i-2 kind=1 s sg-1 10.0.0.3=203.0.113.3 forwards
eni  i-4 kind=1 s open ?`)
	same(t, "both", messages(ds), "b.json:3:77: note: eni-1 is described twice, with different Groups")
}

func TestElasticAddresses(t *testing.T) {
	n, _ := read(t, file{"a.json", `{"Addresses":[{"AllocationId":"eip-1","PublicIp":"203.0.113.7","NetworkInterfaceId":"e","PrivateIpAddress":"10.0.0.6"},{"AllocationId":"eip-2","PublicIp":"203.0.113.8","NetworkInterfaceId":"gone"},{"PublicIp":"203.0.113.9"}],
"NetworkInterfaces":[{"NetworkInterfaceId":"e","SubnetId":"s","PrivateIpAddresses":[{"PrivateIpAddress":"10.0.0.5"},{"PrivateIpAddress":"10.0.0.6"}],"Groups":[]}]}`})
	same(t, "interface", describe(n, "eni"), "eni e e kind=12 s 10.0.0.5 10.0.0.6=203.0.113.7")
	same(t, "omitted", describe(n, "omitted"), "eip-2: an address of gone, which is not in the input")
}

// Resources whose interfaces are not listed get some that stand for them.
func TestServices(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{
			"application load balancer", `{"LoadBalancers":[{"LoadBalancerArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/edge/1","Type":"application","Scheme":"internet-facing","VpcId":"v","SecurityGroups":["sg-1"],"AvailabilityZones":[{"SubnetId":"a"},{"SubnetId":"b"}]}],
			"Listeners":[{"ListenerArn":"l","LoadBalancerArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/edge/1","Port":443,"Protocol":"HTTPS"}]}`,
			"eni  app/edge/1 kind=2 a sg-1 ?=? :6/443\neni  app/edge/1 kind=2 b sg-1 ?=? :6/443",
		},
		{
			"network load balancer without groups or listeners", `{"LoadBalancers":[{"LoadBalancerArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/edge/1","Type":"network","Scheme":"internal","IpAddressType":"dualstack","AvailabilityZones":[{"SubnetId":"a"}]}]}`,
			"eni  net/edge/1 kind=3 a ? ? services?",
		},
		{
			"classic load balancer", `{"LoadBalancerDescriptions":[{"LoadBalancerName":"old","Scheme":"internet-facing","Subnets":["a"],"SecurityGroups":["sg-1"],"VPCId":"v","ListenerDescriptions":[{"Listener":{"LoadBalancerPort":80,"Protocol":"HTTP"}}]}]}`,
			"eni  old kind=2 a sg-1 ?=? :6/80",
		},
		{
			"database", `{"DBInstances":[{"DBInstanceIdentifier":"db","AvailabilityZone":"eu-west-1b","Endpoint":{"Port":5432},"PubliclyAccessible":true,"VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],
			"DBSubnetGroup":{"VpcId":"v","Subnets":[{"SubnetIdentifier":"a","SubnetAvailabilityZone":{"Name":"eu-west-1a"}},{"SubnetIdentifier":"b","SubnetAvailabilityZone":{"Name":"eu-west-1b"}}]}}]}`,
			"eni  db kind=4 b sg-1 ?=? :6/5432",
		},
		{
			"database in some zone", `{"DBInstances":[{"DBInstanceIdentifier":"db","VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBSubnetGroup":{"Subnets":[{"SubnetIdentifier":"a"},{"SubnetIdentifier":"b"}]}}]}`,
			"eni  db kind=4 a|b sg-1 ? services?",
		},
		{
			"cluster and its members", `{"DBClusters":[{"DBClusterIdentifier":"c","Port":3306,"VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBClusterMembers":[{"DBInstanceIdentifier":"db"}]}],
			"DBInstances":[{"DBInstanceIdentifier":"db","Endpoint":{"Port":3306},"VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBSubnetGroup":{"Subnets":[{"SubnetIdentifier":"a"}]}}]}`,
			"eni  db kind=4 a sg-1 ? :6/3306",
		},
		{"cluster alone", `{"DBClusters":[{"DBClusterIdentifier":"c","Port":3306,"VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBSubnetGroup":"g"}]}`, "eni  c kind=4 ? sg-1 ? :6/3306"},
		{
			"subnet group by name", `{"Clusters":[{"ClusterIdentifier":"r","ClusterSubnetGroupName":"g","VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"Endpoint":{"Port":5439}}],"ClusterSubnetGroups":[{"ClusterSubnetGroupName":"g","Subnets":[{"SubnetIdentifier":"a"}]}]}`,
			"eni  r kind=4 a sg-1 ? :6/5439",
		},
		{"proxy", `{"DBProxies":[{"DBProxyName":"p","VpcSecurityGroupIds":["sg-1"],"VpcSubnetIds":["a"]}]}`, "eni  p kind=4 a sg-1 ? services?"},
		{"function", `{"Functions":[{"FunctionArn":"f","FunctionName":"f","VpcConfig":{"SubnetIds":["a","b"],"SecurityGroupIds":["sg-1"],"VpcId":"v"}},{"FunctionArn":"out","VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}}]}`, "eni  f kind=6 a sg-1 ? no-inbound\neni  f kind=6 b sg-1 ? no-inbound"},
		{"cache", `{"CacheClusters":[{"CacheClusterId":"c","SecurityGroups":[{"SecurityGroupId":"sg-1"}],"CacheSubnetGroupName":"g","CacheNodes":[{"Endpoint":{"Port":6379}}]}]}`, "eni  c kind=5 ? sg-1 ? :6/6379"},
		{"search", `{"DomainStatusList":[{"DomainName":"d","VPCOptions":{"SecurityGroupIds":["sg-1"],"SubnetIds":["a"],"VPCId":"v"}},{"DomainName":"public"}]}`, "eni  d kind=4 a sg-1 ? :6/443"},
		{"kafka", `{"ClusterInfoList":[{"ClusterArn":"k","BrokerNodeGroupInfo":{"ClientSubnets":["a"],"SecurityGroups":["sg-1"]}}]}`, "eni  k kind=12 a sg-1 ?"},
		{"container service", `{"services":[{"serviceArn":"s","networkConfiguration":{"awsvpcConfiguration":{"subnets":["a"],"securityGroups":["sg-1"],"assignPublicIp":"ENABLED"}}}]}`, "eni  s kind=7 a sg-1 ?=?"},
		{"endpoint", `{"VpcEndpoints":[{"VpcEndpointId":"vpce-1","VpcEndpointType":"Interface","VpcId":"v","SubnetIds":["a"],"Groups":[{"GroupId":"sg-1"}]},{"VpcEndpointId":"vpce-2","VpcEndpointType":"Gateway","VpcId":"v"}]}`, "eni  vpce-1 kind=10 a sg-1 ?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, ds := read(t, file{"a.json", c.text})
			same(t, "interfaces", describe(n, "eni"), c.want)
			same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
			for _, i := range n.Interfaces {
				if i.Origin.Range.IsZero() || i.Kind == ir.InterfaceInvalid {
					t.Errorf("%+v", i)
				}
			}
		})
	}
}

// Resources whose interfaces are listed are told apart by what those say.
func TestAdopt(t *testing.T) {
	const balancer = `"LoadBalancers":[{"LoadBalancerArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/edge/1","Type":"application","Scheme":"internal","SecurityGroups":["sg-1"],"AvailabilityZones":[{"SubnetId":"s"}]}],
"LoadBalancerDescriptions":[{"LoadBalancerName":"old","Scheme":"internal","Subnets":["s"],"ListenerDescriptions":[{"Listener":{"LoadBalancerPort":25,"Protocol":"TCP"}}]}],
"Listeners":[{"ListenerArn":"l","LoadBalancerArn":"arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/edge/1","Port":443,"Protocol":"HTTPS"}],`
	interfaces := func(list ...string) string {
		for i, d := range list {
			list[i] = `{"NetworkInterfaceId":"e` + string(rune('1'+i)) + `","SubnetId":"s","RequesterManaged":true,"Groups":[{"GroupId":"sg-1"}],"Description":"` + d + `"}`
		}
		return `"NetworkInterfaces":[` + strings.Join(list, ",") + "]}"
	}
	database := func(id, port string) string {
		return `{"DBInstanceIdentifier":"` + id + `","Endpoint":{"Port":` + port + `},"VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"DBSubnetGroup":{"Subnets":[{"SubnetIdentifier":"s"}]}}`
	}
	for _, c := range []struct{ name, text, want string }{
		{
			"load balancers", "{" + balancer + interfaces("ELB app/edge/1", "ELB old", "ELB app/other/2"),
			"eni e1 app/edge/1 kind=2 s sg-1 :6/443\neni e2 old kind=2 s sg-1 :6/25\neni e3 app/other/2 kind=2 s sg-1 services?",
		},
		{"one database", `{"DBInstances":[` + database("db", "5432") + "]," + interfaces("RDSNetworkInterface"), "eni e1 db kind=4 s sg-1 :6/5432"},
		{
			"databases of one port", `{"DBInstances":[` + database("a", "5432") + "," + database("b", "5432") + "]," + interfaces("RDSNetworkInterface", "RDSNetworkInterface"),
			"eni e1 a kind=4 s sg-1 :6/5432\neni e2 a kind=4 s sg-1 :6/5432",
		},
		{
			"databases of two ports", `{"DBInstances":[` + database("a", "5432") + "," + database("b", "3306") + "]," + interfaces("RDSNetworkInterface", "RDSNetworkInterface"),
			"eni e1 a kind=4 s sg-1 services?\neni e2 a kind=4 s sg-1 services?",
		},
		{
			"functions", `{"Functions":[{"FunctionArn":"arn:f","FunctionName":"my-f","VpcConfig":{"SubnetIds":["s"],"SecurityGroupIds":["sg-9"]}}],` + interfaces("AWS Lambda VPC ENI-my-f-8c7ac78b-e11d-4dea-8a47-ab2bd1ea2f6c"),
			"eni e1 arn:f kind=6 s sg-1 no-inbound",
		},
		{
			"caches", `{"CacheClusters":[{"CacheClusterId":"c","SecurityGroups":[{"SecurityGroupId":"sg-1"}],"CacheNodes":[{"Endpoint":{"Port":6379}}]}],` + interfaces("ElastiCache c-0001-001"),
			"eni e1 c kind=5 s sg-1 :6/6379",
		},
		{
			"endpoint by id", `{"VpcEndpoints":[{"VpcEndpointId":"vpce-1","VpcEndpointType":"Interface","SubnetIds":["s"],"NetworkInterfaceIds":["e1"]}],` + interfaces("x"),
			"eni e1 vpce-1 kind=10 s sg-1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, _ := read(t, file{"a.json", c.text})
			same(t, "interfaces", describe(n, "eni"), c.want)
		})
	}
}
