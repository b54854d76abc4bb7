package awsapi

import (
	"strings"
	"testing"
)

// The answers of all calls about transit gateways together, under the names
// that people give their files.
func TestTransitGateway(t *testing.T) {
	n, ds := read(t,
		file{"tgw/transit-gateways.json", `{"TransitGateways":[{"TransitGatewayId":"tgw-1","State":"available","Options":{"AssociationDefaultRouteTableId":"tgw-rtb-0a"}}]}`},
		file{"tgw/attachments.json", `{"TransitGatewayAttachments":[
{"TransitGatewayAttachmentId":"tgw-attach-1","TransitGatewayId":"tgw-1","ResourceType":"vpc","ResourceId":"vpc-1","State":"available","Association":{"TransitGatewayRouteTableId":"tgw-rtb-0a","State":"associated"}},
{"TransitGatewayAttachmentId":"tgw-attach-2","TransitGatewayId":"tgw-1","ResourceType":"vpn","ResourceId":"vpn-1","State":"available"},
{"TransitGatewayAttachmentId":"tgw-attach-3","TransitGatewayId":"tgw-1","ResourceType":"direct-connect-gateway","ResourceId":"dx-1","State":"available"},
{"TransitGatewayAttachmentId":"tgw-attach-4","TransitGatewayId":"tgw-1","ResourceType":"connect","ResourceId":"tgw-attach-1","State":"available"},
{"TransitGatewayAttachmentId":"tgw-attach-5","TransitGatewayId":"tgw-1","ResourceType":"peering","ResourceId":"tgw-2","State":"available"},
{"TransitGatewayAttachmentId":"tgw-attach-6","TransitGatewayId":"tgw-1","ResourceType":"network-function","ResourceId":"fw-1","State":"available"},
{"TransitGatewayAttachmentId":"tgw-attach-7","TransitGatewayId":"tgw-1","ResourceType":"vpn","ResourceId":"vpn-2","State":"deleted"}]}`},
		file{"tgw/vpc-attachments.json", `{"TransitGatewayVpcAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-1","TransitGatewayId":"tgw-1","VpcId":"vpc-1","SubnetIds":["s1"],"State":"available"}]}`},
		file{"tgw/route-tables.json", `{"TransitGatewayRouteTables":[{"TransitGatewayRouteTableId":"tgw-rtb-0a","TransitGatewayId":"tgw-1","State":"available","DefaultAssociationRouteTable":true},
{"TransitGatewayRouteTableId":"tgw-rtb-0b","TransitGatewayId":"tgw-1","State":"available"}]}`},
		file{"tgw/search-routes-tgw-rtb-0a.json", `{"Routes":[
{"DestinationCidrBlock":"10.0.0.0/16","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-1","ResourceType":"vpc","ResourceId":"vpc-1"}],"Type":"propagated","State":"active"},
{"DestinationCidrBlock":"192.168.0.0/16","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-2","ResourceType":"vpn"},{"TransitGatewayAttachmentId":"tgw-attach-3","ResourceType":"direct-connect-gateway"}],"Type":"propagated","State":"active"},
{"DestinationCidrBlock":"0.0.0.0/0","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-5"}],"Type":"static","State":"active"},
{"PrefixListId":"pl-1","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-4"}],"Type":"static","State":"active"},
{"DestinationCidrBlock":"10.9.0.0/16","Type":"static","State":"blackhole"}],"AdditionalRoutesAvailable":false}`},
		file{"tgw/tgw-rtb-0b/associations.json", `{"TransitGatewayRouteTableId":"tgw-rtb-0b","Associations":[{"TransitGatewayAttachmentId":"tgw-attach-2","ResourceId":"vpn-1","ResourceType":"vpn","State":"associated"},{"TransitGatewayAttachmentId":"tgw-attach-7","State":"disassociated"}]}`},
		file{"tgw/propagations-tgw-rtb-0b.json", `{"TransitGatewayRouteTablePropagations":[{"TransitGatewayAttachmentId":"tgw-attach-1","ResourceId":"vpc-1","ResourceType":"vpc","State":"enabled"},{"TransitGatewayAttachmentId":"tgw-attach-3","State":"disabled"}]}`},
		file{"tgw/search-routes-tgw-rtb-0b.json", `{"Routes":[],"AdditionalRoutesAvailable":true}`},
	)
	same(t, "gateways", describe(n, "transit"), `
transit tgw-1
  tgw-attach-1 vpc-1
  tgw-attach-2 outside
  tgw-attach-3 outside
  tgw-attach-4 outside
  tgw-attach-5 outside
  tgw-attach-6 vpc?
  table tgw-rtb-0a associated=[tgw-attach-1] propagated=[]
    10.0.0.0/16 > [tgw-attach-1]
    192.168.0.0/16 > [tgw-attach-2 tgw-attach-3]
    0.0.0.0/0 > [tgw-attach-5]
    pl-1 > [tgw-attach-4]
    10.9.0.0/16 > []
  table tgw-rtb-0b associated=[tgw-attach-2] propagated=[tgw-attach-1] open`)
	same(t, "omitted", describe(n, "omitted"), "Routes: the list is cut: it ends with AdditionalRoutesAvailable")
	same(t, "diagnostics", messages(ds), "")
}

// A peering between two gateways of the input is an attachment of each, whether
// one list has both ends or the lists of two Regions one each.
func TestTransitPeering(t *testing.T) {
	table := func(gateway, id string) string {
		return `{"TransitGatewayRouteTableId":"tgw-rtb-` + id + `","TransitGatewayId":"` + gateway + `","State":"available"}`
	}
	route := func(id string) string {
		return `{"TransitGatewayRouteTableId":"tgw-rtb-` + id + `","Routes":[{"DestinationCidrBlock":"0.0.0.0/0","TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-5"}],"Type":"static","State":"active"}]}`
	}
	want := `
transit tgw-1%
  tgw-attach-5 outside
  table tgw-rtb-0a associated=[] propagated=[]
    0.0.0.0/0 > [tgw-attach-5]
transit tgw-2%
  tgw-attach-5 outside
  table tgw-rtb-0b associated=[] propagated=[]
    0.0.0.0/0 > [tgw-attach-5]`
	gateways := `"TransitGateways":[{"TransitGatewayId":"tgw-1","State":"available"},{"TransitGatewayId":"tgw-2","State":"available"}],"TransitGatewayRouteTables":[` + table("tgw-1", "0a") + "," + table("tgw-2", "0b") + `]`
	peering := `{"TransitGatewayAttachmentId":"tgw-attach-5","RequesterTgwInfo":{"TransitGatewayId":"tgw-1","Region":"eu-west-1"},"AccepterTgwInfo":{"TransitGatewayId":"tgw-2","Region":"eu-west-1"},"State":"available"}`
	for _, c := range []struct {
		name, open string
		files      []file
	}{
		{"the list of peerings", " open", []file{{"a.json", `{` + gateways + `,"TransitGatewayPeeringAttachments":[` + peering + `]}`}, {"r.json", route("0a")}, {"s.json", route("0b")}}},
		{"the list of attachments", "", []file{
			{"a.json", `{` + gateways + `,"TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-5","TransitGatewayId":"tgw-1","ResourceType":"peering","ResourceId":"tgw-2","State":"available"},
				{"TransitGatewayAttachmentId":"tgw-attach-5","TransitGatewayId":"tgw-2","ResourceType":"peering","ResourceId":"tgw-1","State":"available"}]}`}, {"r.json", route("0a")}, {"s.json", route("0b")},
		}},
		{"two Regions", "", []file{
			{"eu-west-1/a.json", `{"TransitGateways":[{"TransitGatewayId":"tgw-1","State":"available"}],"TransitGatewayRouteTables":[` + table("tgw-1", "0a") + `],"TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-5","TransitGatewayId":"tgw-1","ResourceType":"peering","ResourceId":"tgw-2","State":"available"}]}`},
			{"eu-west-1/r.json", route("0a")},
			{"us-east-1/a.json", `{"TransitGateways":[{"TransitGatewayId":"tgw-2","State":"available"}],"TransitGatewayRouteTables":[` + table("tgw-2", "0b") + `],"TransitGatewayAttachments":[{"TransitGatewayAttachmentId":"tgw-attach-5","TransitGatewayId":"tgw-2","ResourceType":"peering","ResourceId":"tgw-1","State":"available"}]}`},
			{"us-east-1/s.json", route("0b")},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, _ := read(t, c.files...)
			same(t, "gateways", describe(n, "transit"), strings.ReplaceAll(want, "%", c.open))
		})
	}
}
