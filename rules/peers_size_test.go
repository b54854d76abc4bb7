package rules_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/rules"
)

// manyInterfaces is an export of a size at which other tools give up: one
// public subnet, an ACL of that many entries, and interfaces in groups of their
// own, each with ssh open to the internet and every other one with a public
// address.
func manyInterfaces(tb testing.TB, interfaces, entries int) string {
	tb.Helper()
	type object = map[string]any
	doc := object{
		"Vpcs":    []object{{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}},
		"Subnets": []object{{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/17"}},
		"RouteTables": []object{{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": []object{{"Main": true}}, "Routes": []object{
			{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
			{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
		}}},
		"InternetGateways": []object{{"InternetGatewayId": "igw-1", "Attachments": []object{{"State": "available", "VpcId": "vpc-1"}}}},
	}
	var acl, groups, enis []object
	for k := range entries {
		acl = append(acl, object{
			"RuleNumber": k + 1, "Egress": k%2 == 0, "Protocol": "6", "RuleAction": "allow",
			"CidrBlock": fmt.Sprintf("%d.%d.0.0/16", 11+k%60, k), "PortRange": object{"From": k, "To": k + 200},
		})
	}
	for _, egress := range []bool{false, true} {
		acl = append(acl, object{"RuleNumber": 30000, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"})
	}
	for k := range interfaces {
		groups = append(groups, object{"GroupId": fmt.Sprintf("sg-%d", k), "VpcId": "vpc-1", "IpPermissions": []object{
			{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": []object{{"CidrIp": "0.0.0.0/0"}}},
		}})
		address := object{"PrivateIpAddress": fmt.Sprintf("10.0.%d.%d", 1+k/200, 10+k%200), "Primary": true}
		if k%2 == 0 {
			address["Association"] = object{"PublicIp": fmt.Sprintf("198.51.%d.%d", 100+k/200, 10+k%200)}
		}
		enis = append(enis, object{
			"NetworkInterfaceId": fmt.Sprintf("eni-%d", k), "SubnetId": "subnet-1", "VpcId": "vpc-1",
			"Groups": []object{{"GroupId": fmt.Sprintf("sg-%d", k)}}, "PrivateIpAddresses": []object{address},
		})
	}
	doc["NetworkAcls"] = []object{{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": true, "Associations": []object{{"SubnetId": "subnet-1"}}, "Entries": acl}}
	doc["SecurityGroups"], doc["NetworkInterfaces"] = groups, enis
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "export.json"), text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func checkDir(tb testing.TB, dir string) rules.Answer {
	tb.Helper()
	in, err := parse.Load(tb.Context(), []string{"."}, parse.Options{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	a, err := rules.Check(tb.Context(), in.Networks, rules.Settings{})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// TestManyInterfaces: every open door of 400 interfaces is told, exposed and
// latent ones apart.
func TestManyInterfaces(t *testing.T) {
	a := checkDir(t, manyInterfaces(t, 400, 500))
	count := map[string]int{}
	for _, f := range a.Findings {
		count[f.Rule]++
	}
	if count["internet-ssh"] != 200 || count["latent-exposure"] != 200 || len(a.Disagreements) > 0 {
		t.Errorf("findings %v, disagreements %v", count, a.Disagreements)
	}
}

func BenchmarkCheckInterfaces(b *testing.B) {
	for _, n := range []int{200, 400, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := manyInterfaces(b, n, 500)
			for b.Loop() {
				checkDir(b, dir)
			}
		})
	}
}
