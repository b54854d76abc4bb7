package awsapi

import (
	"strings"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

const (
	elb = "arn:aws:elasticloadbalancing:us-east-1:111122223333:"
	// Two instances in vpc-1, one of which another VPC's interface shares an
	// address with.
	behind = `"Subnets":[{"SubnetId":"s1","VpcId":"vpc-1","CidrBlock":"10.0.0.0/24"},{"SubnetId":"s2","VpcId":"vpc-2","CidrBlock":"10.0.0.0/24"}],
"NetworkInterfaces":[
{"NetworkInterfaceId":"eni-1","SubnetId":"s1","VpcId":"vpc-1","Groups":[],"PrivateIpAddress":"10.0.0.5","Attachment":{"InstanceId":"i-1","DeviceIndex":0}},
{"NetworkInterfaceId":"eni-2","SubnetId":"s1","VpcId":"vpc-1","Groups":[],"PrivateIpAddress":"10.0.0.6","Attachment":{"InstanceId":"i-2","DeviceIndex":0}},
{"NetworkInterfaceId":"eni-3","SubnetId":"s2","VpcId":"vpc-2","Groups":[],"PrivateIpAddress":"10.0.0.5","Attachment":{"InstanceId":"i-3","DeviceIndex":0}}],
"Reservations":[{"ReservationId":"r","Instances":[{"InstanceId":"i-1","State":{"Name":"running"}},{"InstanceId":"i-2","State":{"Name":"running"}},{"InstanceId":"i-3","State":{"Name":"running"}}]}]`
)

// long writes ARNs out: app:x is the load balancer app/x, tg:x the target group x.
func long(text string) string {
	return strings.NewReplacer(
		`"app:`, `"`+elb+`loadbalancer/app/`, `"net:`, `"`+elb+`loadbalancer/net/`, `"gwy:`, `"`+elb+`loadbalancer/gwy/`,
		`"tg:`, `"`+elb+`targetgroup/`, `"listener:`, `"`+elb+`listener/app/edge/1/`, `"rule:`, `"`+elb+`listener-rule/app/edge/1/`,
	).Replace(text)
}

func balancers(balancer, listeners, groups string) file {
	return file{"a.json", long(`{` + behind + `,"LoadBalancers":[` + balancer + `],"Listeners":[` + listeners + `],"TargetGroups":[` + groups + `]}`)}
}

const (
	edge = `{"LoadBalancerArn":"app:edge/1","LoadBalancerName":"edge","Type":"application","Scheme":"internal","VpcId":"vpc-1","SecurityGroups":["sg-1"],"AvailabilityZones":[{"SubnetId":"s1"}]}`
	net  = `{"LoadBalancerArn":"net:front/1","LoadBalancerName":"front","Type":"network","Scheme":"internal","VpcId":"vpc-1","AvailabilityZones":[{"SubnetId":"s1"}]}`
	web  = `{"TargetGroupArn":"tg:web/00000000000000aa","TargetGroupName":"web","Protocol":"HTTP","Port":8080,"TargetType":"instance","VpcId":"vpc-1"}`
	api  = `{"TargetGroupArn":"tg:api/00000000000000bb","TargetGroupName":"api","Protocol":"HTTP","Port":8081,"TargetType":"ip","VpcId":"vpc-1"}`
)

// pathSeeds are inputs that lead from one thing to another.
func pathSeeds() []file {
	return []file{
		balancers(edge+","+net, `{"ListenerArn":"listener:l1","LoadBalancerArn":"app:edge/1","Port":443,"Protocol":"HTTPS","DefaultActions":[{"Type":"forward","TargetGroupArn":"tg:web/00000000000000aa"}]}`, web+","+api),
		{"targets", long(`[{"TargetGroupArn":"tg:web/1","TargetHealthDescriptions":[{"Target":{"Id":"10.0.0.5","Port":80},"TargetHealth":{"State":"draining"}}]},{"Rules":[{"RuleArn":"rule:l1/r1","Actions":[{"Type":"forward","ForwardConfig":{"TargetGroups":[{"TargetGroupArn":"tg:web/1","Weight":0}]}}]}]},
			{"TargetGroupArn":"tg:web/1","Attributes":[{"Key":"preserve_client_ip.enabled","Value":"true"}]}]`)},
		{"gateways", `{"RouteTables":[{"RouteTableId":"rtb-1","VpcId":"vpc-1","Associations":[{"GatewayId":"igw-1"}],"Routes":[{"DestinationCidrBlock":"10.0.0.0/24","GatewayId":"vpce-1","State":"active"}]}],
			"NatGateways":[{"NatGatewayId":"nat-1","AvailabilityMode":"regional","RouteTableId":"rtb-1","NatGatewayAddresses":[{"PublicIp":"198.51.100.2"}]}],"InstanceConnectEndpoints":[{"InstanceConnectEndpointId":"e","SecurityGroupIds":["sg-1"]}]}`},
		{"transit", `[{"TransitGateways":[{"TransitGatewayId":"tgw-1"}],"TransitGatewayPeeringAttachments":[{"TransitGatewayAttachmentId":"a","RequesterTgwInfo":{"TransitGatewayId":"tgw-1"},"AccepterTgwInfo":{"TransitGatewayId":"tgw-2"}}]},
			{"TransitGatewayRouteTableId":"tgw-rtb-1","Routes":[{"PrefixListId":"pl-1","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"a"}],"Type":"static"}]}]`},
		{"beside", `[{"items":[{"arn":"arn:snva","serviceNetworkArn":"arn:sn","vpcId":"vpc-1"}]},{"VpcOriginList":{"Items":[{"Id":"vo_1"}]}},{"DistributionList":{"Items":[{"Id":"E1","Origins":{"Items":[{"VpcOriginConfig":{}}]}}]}}]`},
	}
}

func TestApplicationLoadBalancer(t *testing.T) {
	n, ds := read(t,
		balancers(edge, `{"ListenerArn":"listener:l1","LoadBalancerArn":"app:edge/1","Port":443,"Protocol":"HTTPS","DefaultActions":[{"Type":"authenticate-oidc"},{"Type":"forward","TargetGroupArn":"tg:web/00000000000000aa",
			"ForwardConfig":{"TargetGroups":[{"TargetGroupArn":"tg:web/00000000000000aa","Weight":1}]}}]},
		{"ListenerArn":"listener:l2","LoadBalancerArn":"app:edge/1","Port":80,"Protocol":"HTTP","DefaultActions":[{"Type":"redirect","RedirectConfig":{"Port":"443"}}]},
		{"ListenerArn":"listener:l3","LoadBalancerArn":"app:edge/1","Port":81,"Protocol":"HTTP","DefaultActions":[{"Type":"forward","TargetGroupArn":"tg:gone/00000000000000cc"}]}`, web+","+api),
		file{"rules.json", long(`{"Rules":[{"RuleArn":"rule:l1/r1","Priority":"1","Conditions":[],"Actions":[{"Type":"forward","ForwardConfig":{"TargetGroups":[{"TargetGroupArn":"tg:api/00000000000000bb","Weight":9},{"TargetGroupArn":"tg:gone/00000000000000cc","Weight":0}]}}]},
			{"RuleArn":"rule:l1/r2","Priority":"default","IsDefault":true,"Actions":[{"Type":"forward","TargetGroupArn":"tg:web/00000000000000aa"}]},
			{"RuleArn":"rule:l3/r2","Priority":"default","IsDefault":true,"Actions":[]}]}`)},
		file{"target-health-web.json", `{"TargetHealthDescriptions":[{"Target":{"Id":"i-1","Port":8080},"TargetHealth":{"State":"healthy"}},{"Target":{"Id":"i-2","Port":9000},"TargetHealth":{"State":"unhealthy"}},
			{"Target":{"Id":"i-3","Port":8080},"TargetHealth":{"State":"draining"}}]}`},
		file{"x/00000000000000bb/health.json", `{"TargetHealthDescriptions":[{"Target":{"Id":"10.0.0.5","Port":8081}},{"Target":{"Id":"192.168.0.9","Port":8082}}]}`})
	same(t, "forwards", describe(n, "forward"), `
app/edge/1 :6/443 ends shows balancer
  i-1 :8080
  i-2 :9000
  i-1 10.0.0.5 :8081
  nobody 192.168.0.9 :8082
app/edge/1 :6/80 ends shows balancer open
app/edge/1 :6/81 ends shows balancer open`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
	same(t, "omitted", describe(n, "omitted"), "")
	f := n.Interfaces[3].Services.Ports[0].Forward
	if got := f.Targets[0].Place.Range.String(); got != "target-health-web.json:1:47" {
		t.Errorf("the target stands at %s", got)
	}
	if f.Place.Address != elb+"targetgroup/web/00000000000000aa" {
		t.Errorf("the group is %s", f.Place.Address)
	}
}

// What the targets of a network load balancer see depends on the group.
func TestNetworkLoadBalancer(t *testing.T) {
	group := func(name, protocol, typ string) string {
		return `{"TargetGroupArn":"tg:` + name + `/1","TargetGroupName":"` + name + `","Protocol":"` + protocol + `","Port":9,"TargetType":"` + typ + `","VpcId":"vpc-1"}`
	}
	listener := func(port, protocol, name string) string {
		return `{"ListenerArn":"l` + port + `","LoadBalancerArn":"net:front/1","Port":` + port + `,"Protocol":"` + protocol + `","DefaultActions":[{"Type":"forward","TargetGroupArn":"tg:` + name + `/1"}]}`
	}
	n, _ := read(t,
		balancers(net+","+edge,
			strings.Join([]string{listener("1", "UDP", "udp"), listener("2", "TCP_UDP", "both"), listener("3", "TCP", "off"), listener("4", "TLS", "on"), listener("5", "TCP", "silent"), listener("6", "TCP", "alb"), listener("7", "TCP", "function")}, ","),
			strings.Join([]string{group("udp", "UDP", "ip"), group("both", "TCP_UDP", "instance"), group("off", "TCP", "instance"), group("on", "TLS", "ip"), group("silent", "TCP", "ip"), group("alb", "TCP", "alb"), group("function", "TCP", "lambda")}, ",")),
		file{"wrapped.json", long(`{"tg:off/1":{"TargetHealthDescriptions":[{"Target":{"Id":"i-1","Port":22}}],"Attributes":[{"Key":"preserve_client_ip.enabled","Value":"false"}]},
			"tg:both/1":{"TargetHealthDescriptions":[{"Target":{"Id":"i-9","Port":53}}]}}`)},
		file{"beside.json", long(`[{"TargetGroupArn":"tg:on/1","TargetHealthDescriptions":[{"Target":{"Id":"10.0.0.6"}}]},{"TargetGroupArn":"tg:on/1","Attributes":[{"Key":"preserve_client_ip.enabled","Value":"true"}]},
			{"TargetGroupArn":"tg:alb/1","TargetHealthDescriptions":[{"Target":{"Id":"app:edge/1","Port":80}}]}]`)})
	same(t, "forwards", describe(n, "forward"), `
net/front/1 :17/1 shows client open
net/front/1 :6/2 shows client open
net/front/1 :17/2 shows client open
net/front/1 :6/3 shows balancer
  i-1 :22
net/front/1 :6/4 ends shows client
  i-2 10.0.0.6 :9
net/front/1 :6/5 shows ? open
net/front/1 :6/6 shows ?
  app/edge/1 :80
net/front/1 :6/7 shows balancer`)
	for _, s := range n.Interfaces[3].Services.Ports {
		if u := s.Forward.Open; u != nil && (u.Cause.Message == "" || u.Cause.Range.IsZero()) {
			t.Errorf("port %d is open without saying why: %+v", s.Ports.Lo, u)
		}
	}
}

func TestGatewayLoadBalancer(t *testing.T) {
	n, _ := read(t,
		balancers(`{"LoadBalancerArn":"gwy:fw/1","Type":"gateway","VpcId":"vpc-1","AvailabilityZones":[{"SubnetId":"s1"}]}`,
			`{"ListenerArn":"l","LoadBalancerArn":"gwy:fw/1","DefaultActions":[{"Type":"forward","TargetGroupArn":"tg:fw/1"}]}`,
			`{"TargetGroupArn":"tg:fw/1","TargetGroupName":"fw","Protocol":"GENEVE","Port":6081,"TargetType":"instance","VpcId":"vpc-1"}`),
		file{"target-health-fw.json", `{"TargetHealthDescriptions":[{"Target":{"Id":"i-2","Port":6081}}]}`})
	same(t, "forwards", describe(n, "forward"), `
gwy/fw/1 :17/6081 ends shows balancer
  i-2 :6081`)
}

func TestClassicLoadBalancer(t *testing.T) {
	n, _ := read(t, file{"a.json", `{` + behind + `,"LoadBalancerDescriptions":[
{"LoadBalancerName":"old","Scheme":"internal","Subnets":["s1"],"SecurityGroups":["sg-1"],"VPCId":"vpc-1","Instances":[{"InstanceId":"i-2"},{"InstanceId":"i-9"}],
 "ListenerDescriptions":[{"Listener":{"LoadBalancerPort":80,"Protocol":"HTTP","InstancePort":8080,"InstanceProtocol":"HTTP"}},{"Listener":{"LoadBalancerPort":443,"Protocol":"SSL","InstancePort":8443,"InstanceProtocol":"TCP"}}]},
{"LoadBalancerName":"idle","Scheme":"internal","Subnets":["s1"],"SecurityGroups":["sg-1"],"VPCId":"vpc-1","Instances":[],
 "ListenerDescriptions":[{"Listener":{"LoadBalancerPort":80,"Protocol":"HTTP","InstancePort":8080}}]}]}`})
	same(t, "forwards", describe(n, "forward"), `
old :6/80 ends shows balancer open
  i-2 :8080
old :6/443 ends shows balancer open
  i-2 :8443
idle :6/80 ends shows balancer`)
}

// A list of targets or attributes that does not say whose it is helps nobody.
func TestUnnamedTargets(t *testing.T) {
	n, _ := read(t, balancers(edge, `{"ListenerArn":"listener:l1","LoadBalancerArn":"app:edge/1","Port":443,"Protocol":"HTTPS","DefaultActions":[{"Type":"forward","TargetGroupArn":"tg:web/00000000000000aa"}]}`, web),
		file{"target-health.json", `{"TargetHealthDescriptions":[{"Target":{"Id":"i-1","Port":8080}}]}`},
		file{"other.json", `{"TargetGroupArn":"tg-2","TargetHealthDescriptions":[{"Target":{"Id":"i-1","Port":8080}}]}`},
		file{"attributes.json", `{"Attributes":[{"Key":"preserve_client_ip.enabled","Value":"true"}]}`})
	same(t, "forwards", describe(n, "forward"), "app/edge/1 :6/443 ends shows balancer open")
	same(t, "omitted", describe(n, "omitted"), `
Attributes: attributes of a target group that is not named: put its name, or the end of its ARN, into the file name
tg-2: targets of a target group that is not in the input
TargetHealthDescriptions: targets of a target group that is not named: put its name, or the end of its ARN, into the file name`)
	f := n.Interfaces[3].Services.Ports[0].Forward
	if f.Open.Cause.Code != diag.NotInInput {
		t.Errorf("%+v", f.Open)
	}
}

// Gateways have route tables of their own; endpoints of appliances and regional
// NAT gateways say where they stand.
func TestEdgeTables(t *testing.T) {
	n, ds := read(t, file{"a.json", `{
"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16"}],
"InternetGateways":[{"InternetGatewayId":"igw-1","Attachments":[{"State":"available","VpcId":"vpc-1"}]},{"InternetGatewayId":"igw-2","Attachments":[{"State":"available","VpcId":"vpc-2"}]}],
"VpnGateways":[{"VpnGatewayId":"vgw-1","State":"available","VpcAttachments":[{"State":"attached","VpcId":"vpc-1"}]}],
"VpcEndpoints":[{"VpcEndpointId":"vpce-1","VpcEndpointType":"GatewayLoadBalancer","VpcId":"vpc-1","State":"available","SubnetIds":["s1"]},
  {"VpcEndpointId":"vpce-2","VpcEndpointType":"Gateway","VpcId":"vpc-1","State":"available","ServiceName":"com.amazonaws.us-east-1.s3"},
  {"VpcEndpointId":"vpce-3","VpcEndpointType":"Interface","VpcId":"vpc-1","State":"available","SubnetIds":["s1"],"Groups":[]}],
"NatGateways":[{"NatGatewayId":"nat-1","VpcId":"vpc-1","State":"available","AvailabilityMode":"regional","RouteTableId":"rtb-nat","NatGatewayAddresses":[{"AllocationId":"a","PublicIp":"198.51.100.2"}]},
  {"NatGatewayId":"nat-2","VpcId":"vpc-1","State":"available","AvailabilityMode":"regional","RouteTableId":"rtb-gone"}],
"RouteTables":[
 {"RouteTableId":"rtb-edge","VpcId":"vpc-1","Associations":[{"GatewayId":"igw-1","AssociationState":{"State":"associated"}}],"Routes":[{"DestinationCidrBlock":"10.0.0.0/24","GatewayId":"vpce-1","State":"active"}]},
 {"RouteTableId":"rtb-vpn","VpcId":"vpc-1","Associations":[{"GatewayId":"vgw-1"},{"GatewayId":"igw-1"},{"GatewayId":"igw-2","AssociationState":{"State":"disassociated"}}],"Routes":[]},
 {"RouteTableId":"rtb-nat","VpcId":"vpc-1","Associations":[],"Routes":[{"DestinationCidrBlock":"0.0.0.0/0","GatewayId":"igw-1","State":"active"},{"DestinationCidrBlock":"192.0.2.0/24","GatewayId":"vpce-9","State":"active"}]}]}`})
	same(t, "gateways", describe(n, "edge"), `
gateway igw-1 1 no subnet rtb-edge
gateway igw-2 1 no subnet no table
gateway vgw-1 4 no subnet rtb-vpn
gateway nat-1 3 no subnet rtb-nat
gateway nat-2 3 no subnet table?
gateway vpce-1 6 s1 no table
gateway vpce-2 5 no subnet no table
gateway vpce-9 6 subnet? no table`)
	same(t, "routes", describe(n, "route"), `
table rtb-edge vpc-1
  10.0.0.0/24 > vpce-1
  10.0.0.0/16 > local
table rtb-vpn vpc-1
  10.0.0.0/16 > local
table rtb-nat vpc-1
  0.0.0.0/0 > igw-1
  192.0.2.0/24 > vpce-9
  10.0.0.0/16 > local`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "a.json:12:96: note: igw-1 has two route tables, rtb-edge and rtb-vpn")
	if a := n.Gateways[3].Addresses; len(a) != 1 || a[0].Private.Known() || a[0].Public.Addr.V.String() != "198.51.100.2" {
		t.Errorf("addresses %+v", a)
	}
}

// While route tables may be missing, a gateway may have one.
func TestEdgeTablesUnseen(t *testing.T) {
	n, _ := read(t, file{"a.json", `{"InternetGateways":[{"InternetGatewayId":"igw-1","Attachments":[{"State":"available","VpcId":"vpc-1"}]}]}`})
	if g := n.Gateways[0]; g.Kind != ir.InternetGateway || g.RouteTable.Open == nil {
		t.Errorf("%+v", g)
	}
}

// Parts of load balancers that the input does not hold.
func TestLeftOver(t *testing.T) {
	n, _ := read(t, file{"a.json", long(`{"Listeners":[{"ListenerArn":"listener:l1","LoadBalancerArn":"app:edge/1","Port":443,"Protocol":"HTTPS","DefaultActions":[]}],
"TargetGroups":[{"TargetGroupArn":"tg:web/1","LoadBalancerArns":["app:edge/1"],"Protocol":"HTTP","Port":80,"TargetType":"ip"},
{"TargetGroupArn":"tg:idle/1","LoadBalancerArns":[],"Protocol":"HTTP","Port":80,"TargetType":"ip"}]}`)})
	same(t, "omitted", describe(n, "omitted"), `
`+elb+`listener/app/edge/1/l1: a listener of `+elb+`loadbalancer/app/edge/1, which is not in the input
`+elb+`targetgroup/web/1: which listeners send to this target group is not in the input`)
}
