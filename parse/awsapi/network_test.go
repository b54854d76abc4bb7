package awsapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
)

func scopes(n *ir.Network) string {
	var out []string
	for s := range n.Closed {
		if s.Kind == ir.KindInvalid {
			continue
		}
		out = append(out, fmt.Sprintf("%02d %s/%s", s.Kind, s.Account, s.Region))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// Where an object is at home, and of what everything is seen.
func TestHomes(t *testing.T) {
	vpc := func(more string) string { return `{"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16"` + more + `}]}` }
	for _, c := range []struct {
		name   string
		files  []file
		home   ir.Home
		closed string
	}{
		{"nothing told", []file{{"vpcs.json", vpc("")}}, ir.Home{}, "01 /"},
		{"directories", []file{{"x/accounts/111122223333/eu-west-1/vpcs.json", vpc("")}}, ir.Home{Account: "111122223333", Region: "eu-west-1"}, "01 111122223333/eu-west-1"},
		{"account directory alone", []file{{"111122223333/us-gov-west-1/v.json", vpc("")}}, ir.Home{Account: "111122223333", Region: "us-gov-west-1"}, "01 111122223333/us-gov-west-1"},
		{"file name", []file{{"vpcs-eu-west-1.json", vpc("")}}, ir.Home{Region: "eu-west-1"}, "01 /eu-west-1"},
		{"owner", []file{{"vpcs.json", vpc(`,"OwnerId":"111122223333"`)}}, ir.Home{Account: "111122223333"}, "01 111122223333/"},
		{"arn", []file{{"a.json", vpc(`,"VpcArn":"arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"`)}}, ir.Home{Account: "111122223333", Region: "eu-west-1"}, "01 111122223333/eu-west-1"},
		{"member", []file{{"a.json", vpc(`,"Region":"eu-north-1"`)}}, ir.Home{Region: "eu-north-1"}, "01 /eu-north-1"},
		{"wrapper", []file{{"a.json", `{"111122223333":{"eu-west-1":` + vpc("") + `}}`}}, ir.Home{Account: "111122223333", Region: "eu-west-1"}, "01 111122223333/eu-west-1"},
		{
			"zone of a subnet of it",
			[]file{{"a.json", vpc("")}, {"b.json", `{"Subnets":[{"SubnetId":"s","VpcId":"vpc-1","OwnerId":"111122223333","AvailabilityZone":"us-west-2-lax-1a"}]}`}},
			ir.Home{Account: "111122223333", Region: "us-west-2"},
			"01 111122223333/us-west-2, 02 111122223333/us-west-2",
		},
		{
			"caller",
			[]file{{"accounts/demo/us-east-1/vpcs.json", vpc("")}, {"accounts/demo/us-east-1/sts.json", `{"Account":"111122223333","Arn":"arn:aws:iam::111122223333:user/x","UserId":"AIDA"}`}},
			ir.Home{Account: "111122223333", Region: "us-east-1"},
			"01 111122223333/us-east-1",
		},
		{
			"shared with others",
			[]file{{"vpcs.json", vpc(`,"OwnerId":"111122223333"`)}, {"subnets.json", `{"Subnets":[{"SubnetId":"s","OwnerId":"222233334444"}]}`}},
			ir.Home{Account: "111122223333"},
			"01 /, 02 /",
		},
		{"cut", []file{{"vpcs.json", strings.TrimSuffix(vpc(""), "}") + `,"NextToken":"x"}`}}, ir.Home{}, ""},
		{"cut in another file", []file{{"a.json", vpc("")}, {"b.json", `{"Vpcs":[],"NextToken":"x"}`}}, ir.Home{}, ""},
		{"not cut", []file{{"vpcs.json", strings.TrimSuffix(vpc(""), "}") + `,"NextToken":null}`}}, ir.Home{}, "01 /"},
		{"another file is broken", []file{{"a.json", vpc("")}, {"b.json", `{"Vpcs":[`}}, ir.Home{}, ""},
		{"another file of another Region is broken", []file{{"eu-west-1/a.json", vpc("")}, {"us-east-1/b.json", `{"Vpcs":[`}}, ir.Home{Region: "eu-west-1"}, "01 /eu-west-1"},
		{"a created object", []file{{"a.json", `{"Vpc":{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16"}}`}}, ir.Home{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, _ := read(t, c.files...)
			if len(n.VPCs) != 1 || n.VPCs[0].Home != c.home {
				t.Errorf("%d VPCs, home %+v, want %+v", len(n.VPCs), n.VPCs[0].Home, c.home)
			}
			same(t, "closed", scopes(n), c.closed)
		})
	}
}

func TestCutList(t *testing.T) {
	n, _ := read(t, file{"sg.json", "{\"SecurityGroups\":[],\n  \"NextToken\": \"abc\"}"}, file{"eni.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"e","SubnetId":"s","Groups":[{"GroupId":"sg-7"}]}]}`})
	same(t, "problems", messages(n.Problems), "sg.json:2:17: not-analysed: the list is cut: it ends with a NextToken")
	p := n.Problems[0]
	same(t, "fix", p.Fix, "run the command without --max-items and --no-paginate")
	same(t, "note", p.Note, "a security group that is missing here is unknown, never absent")
	if g := n.SecurityGroups[0]; g.Open == nil || g.Open.Cause.Code != "truncated" || g.Open.Cause.Range.String() != "sg.json:2:17" {
		t.Errorf("%+v", g.Open)
	}
}

const vpcAndSubnets = `{"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16","CidrBlockAssociationSet":[
		{"CidrBlock":"10.0.0.0/16","CidrBlockState":{"State":"associated"}},{"CidrBlock":"10.1.0.0/16","CidrBlockState":{"State":"associated"}},{"CidrBlock":"10.2.0.0/16","CidrBlockState":{"State":"disassociated"}}],
		"Ipv6CidrBlockAssociationSet":[{"Ipv6CidrBlock":"2001:db8::/56","Ipv6CidrBlockState":{"State":"associated"},"Ipv6AddressAttribute":"private"}]}],
	"Subnets":[{"SubnetId":"subnet-1","VpcId":"vpc-1","CidrBlock":"10.0.1.0/24","Ipv6CidrBlockAssociationSet":[{"Ipv6CidrBlock":"2001:db8:0:1::/64","Ipv6CidrBlockState":{"State":"associated"}}]},
		{"SubnetId":"subnet-2","VpcId":"vpc-1","CidrBlock":"10.0.2.0/24"},{"SubnetId":"subnet-6","VpcId":"vpc-1","CidrBlock":"","Ipv6Native":true}],`

// Subnets fall to the default ACL and main table only when all are seen.
func TestSubnets(t *testing.T) {
	acls := `"NetworkAcls":[{"NetworkAclId":"acl-d","VpcId":"vpc-1","IsDefault":true,"Entries":[]},{"NetworkAclId":"acl-1","VpcId":"vpc-1","Entries":[],"Associations":[{"SubnetId":"subnet-1"}]}]`
	tables := `"RouteTables":[{"RouteTableId":"rtb-m","VpcId":"vpc-1","Associations":[{"Main":true}],"Routes":[]},{"RouteTableId":"rtb-1","VpcId":"vpc-1","Associations":[{"Main":false,"SubnetId":"subnet-1"}],"Routes":[]}]`
	n, _ := read(t, file{"a.json", vpcAndSubnets + acls + "," + tables + "}"})
	same(t, "closed", describe(n, "subnet"), `
subnet subnet-1 vpc-1 10.0.1.0/24 2001:db8:0:1::/64 acl-1 rtb-1
subnet subnet-2 vpc-1 10.0.2.0/24 invalid Prefix acl-d rtb-m
subnet subnet-6 vpc-1 invalid Prefix invalid Prefix acl-d rtb-m`)
	same(t, "local routes", describe(n, "route"), `
table rtb-m vpc-1 main
  10.0.0.0/16 > local
  10.1.0.0/16 > local
  2001:db8::/56 > local
table rtb-1 vpc-1
  10.0.0.0/16 > local
  10.1.0.0/16 > local
  2001:db8::/56 > local`)
	if v := n.VPCs[0]; len(v.PrivateIPv6) != 1 || len(v.IPv4) != 2 || !v.Seen {
		t.Errorf("%+v", v)
	}

	n, _ = read(t, file{"a.json", vpcAndSubnets + acls + `,"NextToken":"x"}`})
	s := n.Subnets[1]
	if len(s.ACL.Of) != 1 || s.ACL.Open == nil || len(s.RouteTable.Of) != 0 || s.RouteTable.Open == nil {
		t.Errorf("open world: %+v, %+v", s.ACL, s.RouteTable)
	}
	if a, ok := n.Subnets[0].ACL.Known(); !ok || a.ID != "acl-1" {
		t.Error("a subnet that an ACL names has that ACL")
	}
}

func TestACLConflictAndInvalidEntries(t *testing.T) {
	n, ds := read(t, file{"a.json", `{"NetworkAcls":[
{"NetworkAclId":"acl-1","VpcId":"v","Associations":[{"SubnetId":"s"}],"Entries":[
 {"RuleNumber":0,"Egress":false,"Protocol":"-1","RuleAction":"allow","CidrBlock":"10.0.0.0/8"},
 {"RuleNumber":1,"Egress":false,"Protocol":"-1","RuleAction":"permit","CidrBlock":"10.0.0.0/8"},
 {"RuleNumber":2,"Egress":false,"Protocol":"6","RuleAction":"allow","CidrBlock":"10.0.0.0/8","PortRange":{"From":9,"To":8}},
 {"RuleNumber":3,"Egress":false,"Protocol":"-1","RuleAction":"allow","CidrBlock":"10.0.0.0/8","Ipv6CidrBlock":"::/0"},
 {"RuleNumber":4,"Egress":false,"Protocol":"-1","RuleAction":"deny"},
 {"RuleNumber":32767,"Egress":false,"Protocol":"-1","RuleAction":"deny","CidrBlock":"0.0.0.0/0"}]},
{"NetworkAclId":"acl-2","VpcId":"v","Associations":[{"SubnetId":"s"}],"Entries":null}]}`})
	same(t, "problems", messages(append(ds, n.Problems...)), `
a.json:3:16: invalid-value: 0 is no rule number
a.json:4:63: invalid-value: "permit" is neither allow nor deny
a.json:5:114: invalid-value: the ports are reversed: 9 to 8
a.json:6:112: invalid-value: an IPv4 and an IPv6 CIDR in one entry
a.json:7:2: invalid-value: an entry without a CIDR
a.json:9:66: nacl-subnet-conflict: s is in two network ACLs, acl-1 and acl-2`)
	if got := len(n.NetworkACLs[0].Entries); got != 5 {
		t.Errorf("%d entries", got)
	}
	if n.NetworkACLs[1].Open == nil {
		t.Error("an ACL without entries in the input is open")
	}
}

// Every kind of route target.
func TestRoutes(t *testing.T) {
	route := func(dst, target string) string {
		return `{"DestinationCidrBlock":"` + dst + `",` + target + `,"State":"active"}`
	}
	routes := []string{
		route("10.0.0.0/16", `"GatewayId":"local","Origin":"CreateRouteTable"`), route("0.0.0.0/0", `"GatewayId":"igw-1"`),
		`{"DestinationIpv6CidrBlock":"::/0","EgressOnlyInternetGatewayId":"eigw-1","State":"active"}`,
		route("10.1.0.0/16", `"NatGatewayId":"nat-1"`), route("10.2.0.0/16", `"TransitGatewayId":"tgw-1"`),
		route("10.3.0.0/16", `"VpcPeeringConnectionId":"pcx-1"`), route("10.4.0.0/16", `"InstanceId":"i-1","InstanceOwnerId":"1","NetworkInterfaceId":"eni-1"`),
		route("10.5.0.0/16", `"GatewayId":"vgw-1","Origin":"EnableVgwRoutePropagation"`),
		`{"DestinationPrefixListId":"pl-1","GatewayId":"vpce-1","State":"active"}`,
		`{"DestinationCidrBlock":"10.6.0.0/16","NetworkInterfaceId":"eni-9","State":"blackhole"}`,
		route("10.7.0.0/16", `"CoreNetworkArn":"arn:aws:networkmanager::1:core-network/c"`), route("10.8.0.0/16", `"OdbNetworkArn":"arn:odb"`),
		route("10.9.0.0/16", `"CarrierGatewayId":"cagw-1"`), route("10.10.0.0/16", `"LocalGatewayId":"lgw-1"`), route("10.11.0.0/16", `"QuantumGatewayId":"qgw-1"`),
		route("10.12.0.0/16", `"Origin":"CreateRoute"`), `{"GatewayId":"igw-1"}`,
	}
	n, _ := read(t, file{"a.json", `{"RouteTables":[{"RouteTableId":"rtb-1","VpcId":"vpc-1","Associations":[{"Main":true,"AssociationState":{"State":"associated"}},{"GatewayId":"igw-1"}],"Routes":[` + strings.Join(routes, ",") + `]}],
		"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","SubnetId":"s"}],"PrefixLists":[{"PrefixListId":"pl-1","Cidrs":["192.0.2.0/24"]}]}`})
	same(t, "routes", describe(n, "route", "gateway"), `
table rtb-1 vpc-1 main
  10.0.0.0/16 > local
  0.0.0.0/0 > igw-1
  ::/0 > eigw-1
  10.1.0.0/16 > nat-1
  10.2.0.0/16 > tgw-1
  10.3.0.0/16 > pcx-1
  10.4.0.0/16 > eni-1(interface)
  10.5.0.0/16 > vgw-1 propagated
  pl-1 > vpce-1
  10.6.0.0/16 > eni-9(other) blackhole
  10.7.0.0/16 > arn:aws:networkmanager::1:core-network/c(other)
  10.8.0.0/16 > arn:odb(other)
  10.9.0.0/16 > cagw-1(other)
  10.10.0.0/16 > lgw-1(other)
  10.11.0.0/16 > qgw-1(other)
  10.12.0.0/16 > ?
  ?both > igw-1
gateway igw-1 1 vpc-1
gateway eigw-1 2 vpc-1
gateway nat-1 3 vpc-1
gateway vgw-1 4 vpc-1
gateway vpce-1 5 vpc-1`)
	same(t, "omitted", describe(n, "omitted"), "")
	if own, ok := n.Gateways[0].RouteTable.Known(); !ok || own != n.RouteTables[0] {
		t.Errorf("the gateway's own table is %+v", n.Gateways[0].RouteTable)
	}
	same(t, "problems", messages(n.Problems), "a.json:1:1611: invalid-value: a route without a destination")
}

func TestGateways(t *testing.T) {
	n, _ := read(t, file{"a.json", `{
"InternetGateways":[{"InternetGatewayId":"igw-1","Attachments":[{"State":"available","VpcId":"vpc-1"}]},{"InternetGatewayId":"igw-2","Attachments":[]}],
"EgressOnlyInternetGateways":[{"EgressOnlyInternetGatewayId":"eigw-1","Attachments":[{"State":"attached","VpcId":"vpc-1"}]}],
"VpnGateways":[{"VpnGatewayId":"vgw-1","State":"available","VpcAttachments":[{"State":"detached","VpcId":"vpc-1"}]},{"VpnGatewayId":"vgw-2","State":"deleted"}],
"NatGateways":[{"NatGatewayId":"nat-1","VpcId":"vpc-1","SubnetId":"s","State":"available","NatGatewayAddresses":[{"PrivateIp":"10.0.0.9","PublicIp":"198.51.100.2","NetworkInterfaceId":"eni-n"}]},
  {"NatGatewayId":"nat-2","State":"deleted","VpcId":"vpc-1","SubnetId":"s"},{"NatGatewayId":"nat-3","VpcId":"vpc-1","State":"available","ConnectivityType":"private","AvailabilityMode":"regional"}],
"CarrierGateways":[{"CarrierGatewayId":"cagw-1","VpcId":"vpc-1","State":"available"}],
"NetworkInterfaces":[{"NetworkInterfaceId":"eni-n","SubnetId":"s","VpcId":"vpc-1","Groups":[],"InterfaceType":"nat_gateway","PrivateIpAddress":"10.0.0.9"}]}`})
	same(t, "gateways", describe(n, "gateway"), `
gateway igw-1 1 vpc-1
gateway igw-2 1 no-vpc
gateway eigw-1 2 vpc-1
gateway vgw-1 4 no-vpc
gateway cagw-1 7 vpc-1
gateway nat-1 3 vpc-1
gateway nat-3 3 vpc-1`)
	same(t, "interface", describe(n, "eni"), "eni eni-n nat-1 kind=8 s 10.0.0.9 no-inbound")
	for _, g := range n.Gateways {
		switch g.ID {
		case "nat-1":
			if g.Private || len(g.Addresses) != 1 || g.Addresses[0].Public.Addr.V.String() != "198.51.100.2" {
				t.Errorf("%+v", g)
			}
		case "nat-3":
			if !g.Private || len(g.Subnet.Of) > 0 || g.Subnet.Open != nil || g.RouteTable.Open == nil {
				t.Errorf("%+v", g)
			}
		}
	}
}

func TestPrefixLists(t *testing.T) {
	lists := file{"lists.json", `{"PrefixLists":[{"PrefixListId":"pl-1","AddressFamily":"IPv4","MaxEntries":10},{"PrefixListId":"pl-2","AddressFamily":"IPv6"},{"PrefixListId":"pl-3","Cidrs":["192.0.2.0/24"]}]}`}
	n, _ := read(
		t, lists,
		file{"entries-pl-1.json", `{"Entries":[{"Cidr":"10.0.0.0/8","Description":"x"},{"Cidr":"10.1.0.0/16"}]}`},
		file{"wrapped.json", `{"PrefixListId":"pl-4","Entries":[{"Cidr":"2001:db8::/32"}]}`},
		file{"keyed.json", `{"pl-5":{"Entries":[{"Cidr":"192.0.2.1/32"}],"NextToken":"x"}}`},
		file{"nameless.json", `{"Entries":[{"Cidr":"10.0.0.0/8"}]}`},
	)
	same(t, "lists", describe(n, "pl"), `
pl pl-1 ipv4 [10.0.0.0/8 10.1.0.0/16]
pl pl-2 ipv6 [] open
pl pl-3 ipv4 [192.0.2.0/24]
pl pl-4 ipv6 [2001:db8::/32]
pl pl-5 ipv4 [192.0.2.1/32] open`)
	same(t, "omitted", describe(n, "omitted"), "Entries: the list is cut: it ends with a NextToken\nEntries: entries of a prefix list that is not named: put its id (pl-...) into the file name")
}

func TestPeerings(t *testing.T) {
	n, _ := read(t, file{"a.json", `{"VpcPeeringConnections":[
{"VpcPeeringConnectionId":"pcx-1","Status":{"Code":"active"},"RequesterVpcInfo":{"VpcId":"vpc-1","Region":"us-east-1","OwnerId":"1"},"AccepterVpcInfo":{"VpcId":"vpc-2","Region":"eu-west-1","OwnerId":"2","CidrBlock":"10.9.0.0/16","CidrBlockSet":[{"CidrBlock":"10.9.0.0/16"}]}},
{"VpcPeeringConnectionId":"pcx-2","Status":{"Code":"deleted"},"RequesterVpcInfo":{"VpcId":"vpc-1"},"AccepterVpcInfo":{}}]}`})
	p, q := n.Peerings[0], n.Peerings[1]
	if !p.Active.V || p.SameRegion.V || !p.SameRegion.Known() || q.Active.V || q.SameRegion.Known() || q.Accepter.Open == nil {
		t.Errorf("%+v\n%+v", p, q)
	}
	if v, _ := p.Accepter.Known(); v.Seen || v.More != nil || v.IPv4[0].V.String() != "10.9.0.0/16" || v.Home != (ir.Home{Account: "2", Region: "eu-west-1"}) {
		t.Errorf("%+v", v)
	}
}

func TestTransit(t *testing.T) {
	base := `{"TransitGateways":[{"TransitGatewayId":"tgw-1","State":"available","Options":{"SecurityGroupReferencingSupport":"enable"}}],
"TransitGatewayVpcAttachments":[{"TransitGatewayAttachmentId":"att-1","TransitGatewayId":"tgw-1","VpcId":"vpc-1","SubnetIds":["s"],"State":"available","Options":{"SecurityGroupReferencingSupport":"disable"}},
  {"TransitGatewayAttachmentId":"att-0","TransitGatewayId":"tgw-1","VpcId":"vpc-1","State":"deleted"}],
"TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"att-1","TransitGatewayId":"tgw-1","ResourceType":"vpc","ResourceId":"vpc-1","State":"available","Association":{"TransitGatewayRouteTableId":"tgw-rtb-1"}},
  {"TransitGatewayAttachmentId":"att-2","TransitGatewayId":"tgw-1","ResourceType":"vpn","ResourceId":"vpn-1","State":"available"}]`
	n, _ := read(t, file{"a.json", base + "}"})
	g := n.TransitGateways[0]
	if len(g.Attachments) != 2 || !g.GroupReferences.V || g.Open != nil || g.Attachments[0].GroupReferences.V || g.Attachments[0].Outside || !g.Attachments[1].Outside {
		t.Errorf("%+v", g)
	}
	if len(g.Tables) != 1 || g.Tables[0].Open == nil {
		t.Error("route tables that are not in the input are unknown, not absent")
	}
	n, _ = read(
		t, file{"a.json", base + `,"TransitGatewayRouteTables":[{"TransitGatewayRouteTableId":"tgw-rtb-1","TransitGatewayId":"tgw-1","State":"available"}]}`},
		file{"routes-tgw-rtb-1.json", `{"Routes":[{"DestinationCidrBlock":"10.0.0.0/16","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"att-1"}],"Type":"propagated","State":"active"},
			{"DestinationCidrBlock":"10.9.0.0/16","Type":"static","State":"blackhole"},{"DestinationCidrBlock":"10.8.0.0/16","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"att-9"}],"Type":"static","State":"active"}],"AdditionalRoutesAvailable":false}`},
		file{"p.json", `{"TransitGatewayRouteTableId":"tgw-rtb-1","TransitGatewayRouteTablePropagations":[{"TransitGatewayAttachmentId":"att-1","State":"enabled"}]}`},
	)
	table := n.TransitGateways[0].Tables[0]
	if len(table.Associated) != 1 || len(table.Propagated) != 1 || len(table.Routes) != 3 || table.Open != nil {
		t.Fatalf("%+v", table)
	}
	if a, ok := table.Routes[0].Attachment.Known(); !ok || a.ID != "att-1" {
		t.Errorf("%+v", table.Routes[0])
	}
	if c := table.Routes[1].Attachment; len(c.Of) != 0 || c.Open != nil {
		t.Errorf("a blackhole leads nowhere: %+v", c)
	}
	if table.Routes[2].Attachment.Open == nil {
		t.Error("an attachment that is not in the input is unknown")
	}
}

func TestBlockPublicAccess(t *testing.T) {
	n, _ := read(t, file{"us-east-1/a.json", vpcAndSubnets + `"VpcBlockPublicAccessOptions":{"AwsAccountId":"111122223333","State":"update-complete","InternetGatewayBlockMode":"block-bidirectional"},
"VpcBlockPublicAccessExclusions":[{"ExclusionId":"x-1","InternetGatewayExclusionMode":"allow-egress","ResourceArn":"arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1","State":"create-complete"},
{"ExclusionId":"x-2","InternetGatewayExclusionMode":"allow-bidirectional","ResourceArn":"arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1","State":"delete-complete"}]}`})
	if v := n.VPCs[0]; v.BPA.V != ir.BPABidirectional || v.Exclusion.V != ir.ExclusionNone || n.Subnets[0].Exclusion.V != ir.ExclusionEgress {
		t.Errorf("%+v %+v", v, n.Subnets[0])
	}
	n, _ = read(t, file{"a.json", `{"Vpcs":[{"VpcId":"v","CidrBlock":"10.0.0.0/16","BlockPublicAccessStates":{"InternetGatewayBlockMode":"block-ingress"}}],
		"Subnets":[{"SubnetId":"s","VpcId":"v","CidrBlock":"10.0.0.0/24","BlockPublicAccessStates":{"InternetGatewayBlockMode":"off"}}]}`})
	if n.VPCs[0].BPA.V != ir.BPAIngress || n.Subnets[0].Exclusion.V != ir.ExclusionBidirectional {
		t.Errorf("%+v %+v", n.VPCs[0], n.Subnets[0])
	}
}

func TestOmissions(t *testing.T) {
	n, ds := read(t, file{"a.json", `{"Vpcs":[],"FluxCapacitors":[{"FluxId":"f-1"},{"FluxId":"f-2"}],"KeyPairs":[{"KeyName":"k"}],"Volumes":[{}],"TargetGroups":[{"TargetGroupArn":"t"}],
"Widgets":[{"Name":"w","VpcSettings":{"SecurityGroupIds":["sg-0123abcd"],"SubnetIds":["subnet-1"]}}],
"Accelerators":[{"AcceleratorArn":"arn:ga","Name":"edge","Enabled":true},{"AcceleratorArn":"arn:off","Enabled":false}],"Subnets":[{"CidrBlock":"10.0.0.0/24"}]}`})
	same(t, "omitted", describe(n, "omitted"), `
FluxCapacitors: FluxCapacitors (2): postern does not know this list
Subnets: a subnet without SubnetId`)
	same(t, "interface", describe(n, "eni"), "eni  w kind=12 subnet-1 sg-0123abcd ?")
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "a.json:3:131: invalid-value: a subnet without SubnetId")
	if len(n.Indirect) != 1 || n.Indirect[0].Address != "arn:ga" {
		t.Errorf("%+v", n.Indirect)
	}
}

// What one description of an ACL has and another lacks may or may not be there.
func TestMergeACLs(t *testing.T) {
	acl := func(entries string) string {
		return `{"NetworkAcls":[{"NetworkAclId":"acl-1","VpcId":"v","Entries":[` + entries + `]}]}`
	}
	a := `{"RuleNumber":1,"Egress":false,"Protocol":"-1","RuleAction":"allow","CidrBlock":"10.0.0.0/8"}`
	b := strings.ReplaceAll(a, `"RuleNumber":1`, `"RuleNumber":2`)
	n, ds := read(t, file{"a.json", acl(a)}, file{"b.json", acl(a)})
	same(t, "the same", describe(n, "acl"), "acl acl-1 v\n  in  1 allow -1 0-65535 10.0.0.0/8")
	same(t, "the same", messages(ds), "")
	n, ds = read(t, file{"a.json", acl(a)}, file{"b.json", acl(b)})
	same(t, "different", describe(n, "acl"), "acl acl-1 v\n  in  1 allow -1 0-65535 10.0.0.0/8 open\n  in  2 allow -1 0-65535 10.0.0.0/8 open")
	same(t, "different", messages(ds), "b.json:1:17: note: acl-1 is described twice, with different entries")
}

// Differences in names and dates are no contradictions; in what decides they are.
func TestContradictions(t *testing.T) {
	subnet := func(more string) string {
		return `{"Subnets":[{"SubnetId":"s","VpcId":"v","CidrBlock":"10.0.0.0/24"` + more + `}]}`
	}
	_, ds := read(t, file{"a.json", subnet(`,"AvailableIpAddressCount":5,"Tags":[]`)}, file{"b.json", subnet(`,"AvailableIpAddressCount":9,"MapPublicIpOnLaunch":false`)})
	same(t, "harmless", messages(ds), "")
	n, ds := read(t, file{"a.json", subnet(`,"MapPublicIpOnLaunch":true`)}, file{"b.json", subnet(`,"MapPublicIpOnLaunch":false`)})
	same(t, "material", messages(ds), "b.json:1:89: note: s is described twice, with different MapPublicIpOnLaunch")
	if !n.Subnets[0].PublicOnLaunch.V || len(n.Subnets) != 1 {
		t.Error("the first description counts")
	}
	vpc := `{"Vpcs":[{"VpcId":"v","CidrBlock":"10.0.0.0/16","CidrBlockAssociationSet":[{"AssociationId":"x","CidrBlock":"10.0.0.0/16"}]}]}`
	_, ds = read(t, file{"a.json", vpc}, file{"b.json", strings.ReplaceAll(vpc, `"x"`, `"y"`)})
	same(t, "ids of associations", messages(ds), "")
}

// More descriptions of one group than any input has leave it open.
func TestTooManyDescriptions(t *testing.T) {
	group := `{"GroupId":"sg-1","VpcId":"v","IpPermissions":[]}`
	n, _ := read(t, file{"a.json", `{"SecurityGroups":[` + strings.Repeat(group+",", maxParts) + group + "]}"})
	if g := n.SecurityGroups[0]; g.Open == nil || g.Open.Cause.Code != "limit" || len(n.NotAnalysed) != 1 {
		t.Errorf("%+v, %v", g.Open, n.NotAnalysed)
	}
}

// An export that closes nothing is still no Terraform root.
func TestNeverTakenForTerraform(t *testing.T) {
	n, _ := read(t, file{"a.json", "[" + oneGroup + "]"})
	if len(n.Closed) == 0 || n.IsClosed(ir.KindSecurityGroup, ir.Home{}) {
		t.Errorf("closed: %v", n.Closed)
	}
}

func TestTagsInEveryForm(t *testing.T) {
	for _, tags := range []string{`"Tags":[{"Key":"Name","Value":"a"}]`, `"tags":[{"key":"Name","value":"a"}]`, `"Tags":{"Name":"a"}`, `"TagSet":[{"Key":"Name","Value":"a"}]`} {
		n, _ := read(t, file{"a.json", `{"Vpcs":[{"VpcId":"v","CidrBlock":"10.0.0.0/16",` + tags + `}]}`})
		if n.VPCs[0].Name != "a" {
			t.Errorf("%s: %v", tags, n.VPCs[0].Tags)
		}
	}
	for _, tags := range []string{`"Tags":null`, `"Tags":[]`, `"Tags":"x"`, `"x":1`} {
		n, _ := read(t, file{"a.json", `{"Vpcs":[{"VpcId":"v",` + tags + `}]}`})
		if len(n.VPCs[0].Tags) != 0 {
			t.Errorf("%s: %v", tags, n.VPCs[0].Tags)
		}
	}
}

func TestConfigTypes(t *testing.T) {
	n, _ := read(t, file{"snapshot.json", `{"configurationItems":[
{"resourceType":"AWS::EC2::NetworkAcl","resourceId":"acl-1","awsAccountId":"111122223333","awsRegion":"eu-west-1","configurationItemCaptureTime":"2026-01-02T00:00:00Z","configuration":{"networkAclId":"acl-1","vpcId":"vpc-1","isDefault":true,
 "associations":[{"subnetId":"subnet-1"}],"entries":[{"ruleNumber":100,"egress":false,"protocol":"6","ruleAction":"allow","cidrBlock":"0.0.0.0/0","portRange":{"from":443,"to":443}},{"ruleNumber":110,"protocol":"1","ruleAction":"allow","cidrBlock":"0.0.0.0/0","icmpTypeCode":{"type":8,"code":0}}]}},
{"resourceType":"AWS::EC2::NetworkAcl","resourceId":"acl-1","configurationItemCaptureTime":1502510556.1,"configuration":{"networkAclId":"acl-1"}},
{"resourceType":"AWS::EC2::Instance","resourceId":"i-1","configuration":{"instanceId":"i-1","state":{"name":"running"},"subnetId":"subnet-1","vpcId":"vpc-1","networkInterfaces":[{"networkInterfaceId":"eni-1","subnetId":"subnet-1","groups":[{"groupId":"sg-1"}],"privateIpAddress":"10.0.0.5"}]}},
{"resourceType":"AWS::RDS::DBInstance","resourceId":"db-X","configuration":{"dbinstanceIdentifier":"db","endpoint":{"port":5432},"vpcSecurityGroups":[{"vpcSecurityGroupId":"sg-1"}],"dbsubnetGroup":{"subnets":[{"subnetIdentifier":"subnet-1"}]}}},
{"resourceType":"AWS::EC2::Subnet","resourceId":"subnet-9","configurationItemStatus":"ResourceDeleted","configuration":null},
{"resourceType":"AWS::EC2::Teleporter","resourceId":"tp-1","configuration":{"id":"tp-1"}},
{"resourceType":"AWS::Mystery::Box","resourceId":"b","configuration":{"arn":"arn:b","vpcConfig":{"securityGroupIds":["sg-1"]}}},
{"resourceType":"AWS::S3::Bucket","resourceId":"bucket","configuration":{"name":"bucket"}}]}`})
	same(t, "network", describe(n, "acl", "eni", "omitted"), `
acl acl-1 vpc-1 default
  in  100 allow 6 443-443 0.0.0.0/0
  in  110 allow 1 2048-2048 0.0.0.0/0
eni eni-1 i-1 kind=1 subnet-1 sg-1 10.0.0.5
eni  db kind=4 subnet-1 sg-1 ? :6/5432
eni  arn:b kind=12 ? sg-1 ?
tp-1: AWS::EC2::Teleporter: postern does not know this type of resource`)
	if s := n.Subnets[0]; s.ACL.Of[0].ID != "acl-1" {
		t.Errorf("%+v", s)
	}
}
