package awsapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-dev/postern/ir"
)

const oneGroup = `{"GroupId":"sg-1","GroupName":"web","VpcId":"vpc-1","IpPermissions":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"IpRanges":[{"CidrIp":"0.0.0.0/0"}]}],"IpPermissionsEgress":[]}`

const oneGroupRead = "sg sg-1 vpc-1\n  in  6 443-443 0.0.0.0/0"

// Every envelope around the same group gives the same group.
func TestEnvelopes(t *testing.T) {
	config := `{\"groupId\":\"sg-1\",\"groupName\":\"web\",\"vpcId\":\"vpc-1\",\"ipPermissions\":[{\"ipProtocol\":\"tcp\",\"fromPort\":443,\"toPort\":443,\"ipRanges\":[\"0.0.0.0/0\"],\"ipv4Ranges\":[{\"cidrIp\":\"0.0.0.0/0\"}]}],\"ipPermissionsEgress\":[]}`
	plain := strings.ReplaceAll(config, `\"`, `"`)
	for _, c := range []struct {
		name, text, kind string
		closed           bool
	}{
		{"cli", `{"SecurityGroups":[` + oneGroup + `]}`, "SecurityGroups", true},
		{"byte order mark", "\ufeff" + `{"SecurityGroups":[` + oneGroup + `]}`, "SecurityGroups", true},
		{"several lists", `{"Vpcs":[],"SecurityGroups":[` + oneGroup + `]}`, "Vpcs, SecurityGroups", true},
		{"snake case", `{"provider":"aws","security_groups":[` + oneGroup + `],"instances":null}`, "SecurityGroups", true},
		{"placebo", `{"status_code":200,"data":{"SecurityGroups":[` + oneGroup + `],"ResponseMetadata":{}}}`, "SecurityGroups", true},
		{"array of documents", `[{"Vpcs":[]},{"SecurityGroups":[` + oneGroup + `]}]`, "Vpcs, SecurityGroups", true},
		{"documents one after another", `{"Vpcs":[]}` + "\n" + `{"SecurityGroups":[` + oneGroup + `]}`, "Vpcs, SecurityGroups", true},
		{"under a Region", `{"eu-west-1":{"SecurityGroups":[` + oneGroup + `]}}`, "SecurityGroups", true},
		{"query", `[` + oneGroup + `]`, "SecurityGroups", false},
		{"one object", oneGroup, "SecurityGroups", false},
		{"config string", `{"configurationItems":[{"resourceType":"AWS::EC2::SecurityGroup","resourceId":"sg-1","configuration":"` + config + `"}]}`, "configurationItems, SecurityGroups", false},
		{"config batch", `{"baseConfigurationItems":[{"resourceType":"AWS::EC2::SecurityGroup","resourceId":"sg-1","configuration":"` + config + `"}],"unprocessedResourceKeys":[]}`, "configurationItems, SecurityGroups", false},
		{"config object", `{"fileVersion":"1.0","configurationItems":[{"resourceType":"AWS::EC2::SecurityGroup","configuration":` + plain + `}]}`, "configurationItems, SecurityGroups", false},
		{"config select", `{"Results":["{\"configuration\":` + config + `}"],"QueryInfo":{}}`, "Results, SecurityGroups", false},
		{"config event", `{"invokingEvent":"{\"configurationItem\":{\"resourceType\":\"AWS::EC2::SecurityGroup\",\"configuration\":` + config + `}}"}`, "invokingEvent, configurationItem, SecurityGroups", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReader()
			kind, ok := r.Add("export.json", []byte(c.text))
			if !ok || kind != c.kind {
				t.Errorf("Add: %q, %t; want %q", kind, ok, c.kind)
			}
			if !Detect([]byte(c.text)) {
				t.Error("not detected")
			}
			n, ds := r.Network()
			same(t, "groups", describe(n, "sg"), oneGroupRead)
			same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
			closed := false
			for s := range n.Closed {
				closed = closed || s.Kind == ir.KindSecurityGroup
			}
			if closed != c.closed {
				t.Errorf("closed: %t", closed)
			}
		})
	}
}

// What belongs to others is not claimed, and nothing is recorded of it.
func TestNotOurs(t *testing.T) {
	for _, text := range []string{
		`{"format_version":"1.2","planned_values":{"root_module":{}},"resource_changes":[{"SecurityGroups":[]}]}`,
		`{"version":4,"terraform_version":"1.9.0","serial":1,"resources":[{"type":"aws_security_group","instances":[]}]}`,
		`{"resource":{"aws_security_group":{"a":{"SecurityGroups":[]}}}}`,
		`{"AWSTemplateFormatVersion":"2010-09-09","Resources":{"A":{"Properties":{"SecurityGroups":["sg-1"]}}}}`,
		`{"name":"left-pad","version":"1.0.0","tags":["a"],"keys":[{"a":1}]}`,
		`[1,2,3]`, `[]`, `{}`, `[[[]]]`, `# Notes`, `"SecurityGroups"`,
	} {
		r := NewReader()
		if kind, ok := r.Add("x", []byte(text)); ok || Detect([]byte(text)) {
			t.Errorf("claimed as %q: %s", kind, text)
		}
		n, ds := r.Network()
		if len(ds)+len(n.Problems)+len(n.NotAnalysed)+len(n.SecurityGroups) > 0 {
			t.Errorf("something was recorded of %s", text)
		}
	}
}

func permission(fields string) file {
	return file{"sg.json", `{"SecurityGroups":[{"GroupId":"sg-1","VpcId":"vpc-1","IpPermissions":[{` + fields + `}]}]}`}
}

// Every form of protocol, ports and peer.
func TestPermissions(t *testing.T) {
	const any4 = `"IpRanges":[{"CidrIp":"0.0.0.0/0"}]`
	for _, c := range []struct{ name, fields, want, diagnostics string }{
		{"tcp", `"IpProtocol":"tcp","FromPort":80,"ToPort":90,` + any4, "6 80-90 0.0.0.0/0", ""},
		{"number", `"IpProtocol":"17","FromPort":53,"ToPort":53,` + any4, "17 53-53 0.0.0.0/0", ""},
		{"numbers as strings and floats", `"IpProtocol":6,"FromPort":"22","ToPort":22.0,` + any4, "6 22-22 0.0.0.0/0", ""},
		{"any order", any4 + `,"ToPort":443,"IpProtocol":"tcp","FromPort":443`, "6 443-443 0.0.0.0/0", ""},
		{"nulls", `"FromPort":null,"IpProtocol":"-1","ToPort":null,"Ipv6Ranges":null,"PrefixListIds":null,` + any4, "-1 0-65535 0.0.0.0/0", ""},
		{"ports of a protocol without", `"IpProtocol":"50","FromPort":0,"ToPort":0,` + any4, "50 0-65535 0.0.0.0/0", ""},
		{"port 0", `"IpProtocol":"udp","FromPort":0,"ToPort":0,` + any4, "17 0-0 0.0.0.0/0", ""},
		{"icmp type and code", `"IpProtocol":"icmp","FromPort":3,"ToPort":4,` + any4, "1 772-772 0.0.0.0/0", ""},
		{"icmp type only", `"IpProtocol":"icmp","FromPort":8,"ToPort":-1,` + any4, "1 2048-2303 0.0.0.0/0", ""},
		{"icmp is no interval", `"IpProtocol":"icmp","FromPort":8,"ToPort":0,` + any4, "1 2048-2048 0.0.0.0/0", ""},
		{"icmpv6 without ports", `"IpProtocol":"icmpv6","Ipv6Ranges":[{"CidrIpv6":"::/0"}]`, "58 0-65535 ::/0", ""},
		{"host bits", `"IpProtocol":"-1","IpRanges":[{"CidrIp":"100.68.0.18/18"}]`, "-1 0-65535 100.68.0.0/18", ""},
		{"self", `"IpProtocol":"-1","UserIdGroupPairs":[{"GroupId":"sg-1","UserId":"1"}]`, "-1 0-65535 sg-1", ""},
		{"other account", `"IpProtocol":"-1","UserIdGroupPairs":[{"GroupId":"222233334444/sg-1"}]`, "-1 0-65535 sg-1", ""},
		{
			"tcp without ports", `"IpProtocol":"tcp",` + any4, "6 0-65535 0.0.0.0/0",
			"sg.json:1:71: note: sg-1/ingress/1 is for tcp or udp and has no ports",
		},
		{
			"tcp with -1", `"IpProtocol":"tcp","FromPort":-1,"ToPort":-1,` + any4, "6 0-65535 0.0.0.0/0",
			"sg.json:1:102: note: sg-1/ingress/1 is for tcp or udp and has no ports",
		},
		{
			"reversed", `"IpProtocol":"tcp","FromPort":90,"ToPort":80,` + any4, "6 0-65535? 0.0.0.0/0",
			"sg.json:1:102: invalid-value: the ports are reversed: 90 to 80",
		},
		{
			"port too big", `"IpProtocol":"tcp","FromPort":1,"ToPort":99999999999999999999,` + any4, "6 0-65535? 0.0.0.0/0",
			"sg.json:1:113: invalid-value: 99999999999999999999 is no port",
		},
		{"half a range", `"IpProtocol":"tcp","FromPort":1,` + any4, "6 0-65535? 0.0.0.0/0", "sg.json:1:71: invalid-value: the range lacks one of its ports"},
		{"icmp type", `"IpProtocol":"icmp","FromPort":300,"ToPort":0,` + any4, "1 0-65535? 0.0.0.0/0", "sg.json:1:103: invalid-value: 300 is no ICMP type"},
		{"protocol", `"IpProtocol":"tpc",` + any4, "? 0-65535 0.0.0.0/0", `sg.json:1:86: invalid-value: "tpc" is no protocol`},
		{"no protocol", any4, "? 0-65535 0.0.0.0/0", "sg.json:1:71: invalid-value: there is no protocol"},
		{"bad cidr", `"IpProtocol":"-1","IpRanges":[{"CidrIp":"10.0.0.0/33"}]`, "-1 0-65535 ?ipv4", `sg.json:1:113: invalid-value: "10.0.0.0/33" is no CIDR`},
		{
			"no length", `"IpProtocol":"-1","IpRanges":[{"CidrIp":"10.0.0.1"}]`, "-1 0-65535 ?ipv4",
			`sg.json:1:113: invalid-value: "10.0.0.1" is no CIDR: the prefix length is missing (10.0.0.1/32?)`,
		},
		{"wrong family", `"IpProtocol":"-1","IpRanges":[{"CidrIp":"::/0"}]`, "-1 0-65535 ?ipv4", `sg.json:1:113: invalid-value: "::/0" is no IPv4 CIDR`},
		{"no cidr", `"IpProtocol":"-1","IpRanges":[{"CidrIp":7}]`, "-1 0-65535 ?ipv4", `sg.json:1:112: invalid-value: "7" is no CIDR`},
		{"no group", `"IpProtocol":"-1","UserIdGroupPairs":[{"UserId":"1"}]`, "-1 0-65535 ?both", `sg.json:1:110: invalid-value: a reference without a GroupId`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, ds := read(t, permission(c.fields))
			if d := messages(append(ds, n.Problems...)); strings.TrimSpace(d) != c.diagnostics {
				t.Errorf("diagnostics %s\nwant        %s", d, c.diagnostics)
			}
			if got := match(n.SecurityGroups[0].Ingress[0].Match); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestUnknownsHaveCauses(t *testing.T) {
	n, _ := read(t, permission(`"IpProtocol":"tcp","FromPort":9,"ToPort":8,"IpRanges":[{"CidrIp":"x"}]`))
	r := n.SecurityGroups[0].Ingress[0]
	if r.Ports.Why.Cause.Code != "not-valid" || r.Peer.Unknown.Cause.Code != "not-valid" || r.Ports.Why.Term == r.Peer.Unknown.Term {
		t.Errorf("%+v, %+v", r.Ports.Why, r.Peer.Unknown)
	}
}

// Rules from both calls are the same rules, under the id that only one tells.
func TestFlatRules(t *testing.T) {
	flat := func(rules ...string) file {
		return file{"rules.json", `{"SecurityGroupRules":[` + strings.Join(rules, ",") + `]}`}
	}
	groups := file{"groups.json", `{"SecurityGroups":[` + oneGroup + `]}`}
	in := `{"SecurityGroupRuleId":"sgr-9","GroupId":"sg-1","IsEgress":false,"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIpv4":"0.0.0.0/0"}`
	out := `{"SecurityGroupRuleId":"sgr-8","GroupId":"sg-1","IsEgress":true,"IpProtocol":"-1","FromPort":-1,"ToPort":-1,"CidrIpv6":"::/0"}`
	ref := `{"SecurityGroupRuleId":"sgr-7","GroupId":"sg-1","IsEgress":false,"IpProtocol":"-1","FromPort":-1,"ToPort":-1,"ReferencedGroupInfo":{"GroupId":"sg-2","UserId":"1"}}`
	list := `{"SecurityGroupRuleId":"sgr-6","GroupId":"sg-1","IsEgress":false,"IpProtocol":"udp","FromPort":53,"ToPort":53,"PrefixListId":"pl-1"}`
	none := `{"SecurityGroupRuleId":"sgr-5","GroupId":"sg-1","IsEgress":false,"IpProtocol":"udp","FromPort":53,"ToPort":53}`

	n, ds := read(t, flat(in, out, ref, list, none))
	same(t, "alone", describe(n, "sg"), `
sg sg-1 vpc?
  in  6 443-443 0.0.0.0/0
  in  -1 0-65535 sg-2
  in  17 53-53 pl-1
  in  17 53-53 ?both
  out -1 0-65535 ::/0
sg sg-2 vpc? open`)
	same(t, "alone", messages(append(ds, n.Problems...)), "rules.json:1:584: invalid-value: a rule without a source")
	if got := n.SecurityGroups[0].Egress[0].Origin.Address; got != "sg-1/egress/sgr-8" {
		t.Error(got)
	}

	for _, order := range [][]file{{groups, flat(in)}, {flat(in), groups}} {
		n, ds = read(t, order...)
		same(t, "merged", describe(n, "sg"), oneGroupRead)
		same(t, "merged", messages(append(ds, n.Problems...)), "")
		if got := n.SecurityGroups[0].Ingress[0].Origin.Address; got != "sg-1/ingress/sgr-9" {
			t.Error(got)
		}
	}

	n, ds = read(t, groups, flat(in, out))
	same(t, "differing", describe(n, "sg"), oneGroupRead+"\n  out -1 0-65535 ::/0 open")
	same(t, "differing", messages(ds), "rules.json:1:280: note: 1 rule of sg-1 in the list of rules, and not in the description of the group")
}

func TestMergeGroups(t *testing.T) {
	a := file{"a.json", `{"SecurityGroups":[` + oneGroup + `]}`}
	b := file{"b.json", `{"SecurityGroups":[` + strings.ReplaceAll(oneGroup, "0.0.0.0/0", "10.0.0.0/8") + `]}`}
	n, ds := read(t, a, a)
	same(t, "the same twice", describe(n, "sg"), oneGroupRead)
	same(t, "the same twice", messages(ds), "")
	n, ds = read(t, a, b)
	same(t, "different", describe(n, "sg"), "sg sg-1 vpc-1\n  in  6 443-443 0.0.0.0/0 open\n  in  6 443-443 10.0.0.0/8 open")
	same(t, "different", messages(ds), "b.json:1:89: note: sg-1 is described twice, with different rules")
	// Another Region's group of the same id is another group.
	n, _ = read(t, file{"us-east-1/a.json", a.text}, file{"eu-west-1/a.json", b.text})
	if len(n.SecurityGroups) != 2 {
		t.Errorf("%d groups", len(n.SecurityGroups))
	}
}

func TestConfigHistoryTakesTheNewest(t *testing.T) {
	item := func(second int, cidr string) string {
		return fmt.Sprintf(`{"configurationItemCaptureTime":{"__class__":"datetime","year":2026,"month":11,"day":2,"hour":1,"minute":9,"second":%d},
			"resourceType":"AWS::EC2::SecurityGroup","resourceId":"sg-1","awsRegion":"eu-west-1","accountId":"111122223333",
			"configuration":{"groupId":"sg-1","vpcId":"vpc-1","ipPermissions":[{"ipProtocol":"-1","ipRanges":["%s"]}]}}`, second, cidr)
	}
	for _, items := range []string{item(3, "10.0.0.0/8") + "," + item(20, "0.0.0.0/0"), item(20, "0.0.0.0/0") + "," + item(3, "10.0.0.0/8")} {
		n, ds := read(t, file{"history.json", `{"configurationItems":[` + items + `],"nextToken":"x"}`})
		same(t, "groups", describe(n, "sg"), "sg sg-1 vpc-1\n  in  -1 0-65535 0.0.0.0/0")
		same(t, "diagnostics", messages(ds), "")
		if h := n.SecurityGroups[0].Home; h != (ir.Home{Account: "111122223333", Region: "eu-west-1"}) {
			t.Error(h)
		}
	}
}

func TestConfigStringThatIsNoJSON(t *testing.T) {
	n, _ := read(t, file{"c.json", `{"configurationItems":[{"resourceType":"AWS::EC2::VPC","resourceId":"vpc-1","configuration":"{\"vpcId\":"}]}`})
	same(t, "problems", messages(n.Problems), "c.json:1:94: not-analysed: the string is no JSON inside: expected a value, found the end of the file")
	same(t, "omitted", describe(n, "omitted"), "AWS::EC2::VPC: its configuration is no JSON")
}

func TestStaleAndAssociatedGroups(t *testing.T) {
	n, _ := read(t, file{"a.json", `{"SecurityGroups":[{"GroupId":"sg-1","GroupName":"default","VpcId":"vpc-1","IpPermissions":[
			{"IpProtocol":"tcp","FromPort":1,"ToPort":1,"UserIdGroupPairs":[{"GroupId":"sg-9","VpcId":"vpc-9","VpcPeeringConnectionId":"pcx-1","PeeringStatus":"deleted"}]}]}],
		"StaleSecurityGroupSet":[{"GroupId":"sg-1","VpcId":"vpc-1","StaleIpPermissions":[{"FromPort":1,"UserIdGroupPairs":[{"GroupId":"sg-9","VpcId":"vpc-9"}]}]}],
		"SecurityGroupVpcAssociations":[{"GroupId":"sg-1","VpcId":"vpc-2","State":"associated"},{"GroupId":"sg-1","VpcId":"vpc-3","State":"disassociated"}]}`})
	same(t, "groups", describe(n, "sg"), "sg sg-1 vpc-1 default\n  in  6 1-1 sg-9\nsg sg-9 no-vpc")
	same(t, "problems", messages(n.Problems), "a.json:3:130: sg-rule-never-matches: a rule of sg-1 refers to sg-9, which is gone: it matches nothing")
	if g := n.SecurityGroups[0]; len(g.Associated) != 1 || g.Associated[0].ID != "vpc-2" {
		t.Errorf("associated with %v", g.Associated)
	}
}

func TestClassicGroupAndReferencesByName(t *testing.T) {
	n, ds := read(t, file{"a.json", `{"SecurityGroups":[
		{"GroupId":"sg-1","GroupName":"old","IpPermissions":[{"IpProtocol":"-1","UserIdGroupPairs":[{"GroupName":"old"},{"GroupName":"amazon-elb-sg","UserId":"amazon-elb"}]}]}]}`})
	same(t, "groups", describe(n, "sg"), "sg sg-1 vpc?\n  in  -1 0-65535 sg-1\n  in  -1 0-65535 amazon-elb/amazon-elb-sg\nsg amazon-elb/amazon-elb-sg vpc? open")
	same(t, "diagnostics", messages(ds), "a.json:2:15: note: sg-1 has no VPC: an EC2-Classic group, which AWS no longer runs")
}
