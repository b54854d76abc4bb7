package awsapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
)

// An endpoint that is described has the value given; one of which only the
// interface is seen may show clients or not.
func TestInstanceConnectEndpoints(t *testing.T) {
	n, ds := read(t, file{"a.json", `{
"InstanceConnectEndpoints":[
 {"InstanceConnectEndpointId":"eice-1","State":"create-complete","SubnetId":"s","VpcId":"v","NetworkInterfaceIds":["eni-1"],"PreserveClientIp":true,"SecurityGroupIds":["sg-1"]},
 {"InstanceConnectEndpointId":"eice-2","State":"create-complete","SubnetId":"s","VpcId":"v","NetworkInterfaceIds":[],"PreserveClientIp":false,"SecurityGroupIds":["sg-1"]},
 {"InstanceConnectEndpointId":"eice-3","State":"delete-complete","SubnetId":"s","VpcId":"v","SecurityGroupIds":["sg-1"]}],
"NetworkInterfaces":[
 {"NetworkInterfaceId":"eni-1","SubnetId":"s","VpcId":"v","Groups":[{"GroupId":"sg-1"}],"InterfaceType":"ec2_instance_connect_endpoint","PrivateIpAddress":"10.0.0.4"},
 {"NetworkInterfaceId":"eni-2","SubnetId":"s","VpcId":"v","Groups":[{"GroupId":"sg-1"}],"InterfaceType":"ec2_instance_connect_endpoint","PrivateIpAddress":"10.0.0.5"}]}`})
	same(t, "interfaces", describe(n, "eni"), `
eni eni-1 eice-1 kind=11 s sg-1 10.0.0.4 no-inbound
eni eni-2 eni-2 kind=11 s sg-1 10.0.0.5 no-inbound
eni  eice-2 kind=11 s sg-1 ? no-inbound`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
	var keeps []string
	for _, i := range n.Interfaces {
		keeps = append(keeps, fmt.Sprint(i.PreserveClient.V, i.PreserveClient.Known()))
	}
	same(t, "what targets see", strings.Join(keeps, "; "), "true true; false false; false true")
}

// The list of associations and the answer about one, together and alone.
func TestLattice(t *testing.T) {
	const (
		vpcs   = `{"Vpcs":[{"VpcId":"vpc-1","CidrBlock":"10.0.0.0/16"}]}`
		listed = `{"items":[{"arn":"arn:aws:vpc-lattice:us-east-1:111122223333:servicenetworkvpcassociation/snva-1","id":"snva-1","serviceNetworkArn":"arn:sn","serviceNetworkId":"sn-1","status":"ACTIVE","vpcId":"vpc-1"},
{"arn":"arn:aws:vpc-lattice:us-east-1:111122223333:servicenetworkvpcassociation/snva-2","id":"snva-2","serviceNetworkArn":"arn:sn","status":"DELETE_IN_PROGRESS","vpcId":"vpc-1"}]}`
		one = `{"arn":"arn:aws:vpc-lattice:us-east-1:111122223333:servicenetworkvpcassociation/snva-1","id":"snva-1","serviceNetworkArn":"arn:sn","securityGroupIds":["sg-1","sg-1"],"status":"ACTIVE","vpcId":"vpc-1"}`
	)
	for _, c := range []struct {
		name  string
		files []file
		want  string
	}{
		{"the list leaves groups out", []file{{"v.json", vpcs}, {"l.json", listed}}, "snva-1 [] open"},
		{"one", []file{{"v.json", vpcs}, {"o.json", one}}, "snva-1 [sg-1]"},
		{"both", []file{{"v.json", vpcs}, {"l.json", listed}, {"o.json", one}}, "snva-1 [sg-1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, _ := read(t, c.files...)
			l := n.VPCs[0].Lattice
			if l == nil {
				t.Fatalf("no association: %s", describe(n, "omitted"))
			}
			var ids []string
			for _, g := range l.Groups.Sure {
				ids = append(ids, g.ID)
			}
			same(t, "association", fmt.Sprint(l.Origin.Address[strings.LastIndexByte(l.Origin.Address, '/')+1:], " ", ids, open(l.Groups.Open)), c.want)
			if len(n.Interfaces) > 0 {
				t.Errorf("an association is no interface: %s", describe(n, "eni"))
			}
		})
	}
}

// Accelerators and origins of distributions bring internet traffic, in all the
// forms that their services write.
func TestIndirect(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"accelerators", `{"Accelerators":[{"AcceleratorArn":"arn:a","Enabled":true},{"AcceleratorArn":"arn:b","Enabled":false}]}`, "arn:a"},
		{"one accelerator", `{"Accelerator":{"AcceleratorArn":"arn:a","Enabled":true}}`, "arn:a"},
		{"endpoint groups", `{"EndpointGroups":[{"EndpointGroupArn":"arn:g","EndpointDescriptions":[{"EndpointId":"i-1"}]}]}`, "arn:g"},
		{"listeners of an accelerator", `{"Listeners":[{"ListenerArn":"arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l","PortRanges":[{"FromPort":80,"ToPort":80}],"Protocol":"TCP"}]}`, "arn:aws:globalaccelerator::111122223333:accelerator/a/listener/l"},
		{"VPC origins", `{"VpcOriginList":{"Marker":"","MaxItems":100,"IsTruncated":false,"Quantity":1,"Items":[{"Id":"vo_1","Name":"o","Status":"Deployed","Arn":"arn:o"}]}}`, "vo_1"},
		{"one VPC origin", `{"VpcOrigin":{"Id":"vo_1","Arn":"arn:o","Status":"Deployed"}}`, "vo_1"},
		{"distributions", `{"DistributionList":{"Quantity":2,"Items":[{"Id":"E1","ARN":"arn:1","Origins":{"Quantity":1,"Items":[{"Id":"a","VpcOriginConfig":{"VpcOriginId":"vo_1"}}]}},
{"Id":"E2","ARN":"arn:2","Origins":{"Quantity":1,"Items":[{"Id":"a","S3OriginConfig":{}}]}}]}}`, "E1"},
		{"one distribution", `{"Distribution":{"Id":"E1","ARN":"arn:1","DistributionConfig":{"Enabled":true,"Origins":{"Quantity":1,"Items":[{"Id":"a","VpcOriginConfig":{"VpcOriginId":"vo_1"}}]}}}}`, "E1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, ds := read(t, file{"a.json", c.text})
			var got []string
			for _, p := range n.Indirect {
				got = append(got, p.Address)
			}
			same(t, "indirect", strings.Join(got, " "), c.want)
			same(t, "omitted", describe(n, "omitted"), "")
			same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
		})
	}
}

func TestEndpointServices(t *testing.T) {
	n, _ := read(t, file{"a.json", `{"ServiceConfigurations":[{"ServiceId":"vpce-svc-1","ServiceName":"com.amazonaws.vpce.us-east-1.vpce-svc-1","NetworkLoadBalancerArns":["arn:lb"]}]}`})
	same(t, "omitted", describe(n, "omitted"), "ServiceConfigurations: what arrives at endpoints of a service in other VPCs goes to its load balancers: those paths are not modelled")
	if len(n.Interfaces) != 0 || n.IsClosed(ir.KindEndpoint, ir.Home{}) {
		t.Error("a service is no endpoint")
	}
}
