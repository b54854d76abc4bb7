package awsapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is said about files that are not JSON: place, message, label, fix.
func TestBroken(t *testing.T) {
	for _, c := range []struct{ name, text, at, message, label string }{
		{"comma between elements", "{\"SecurityGroups\": [\n  {\"GroupId\": \"sg-1\"}\n  {\"GroupId\": \"sg-2\"}\n]}", "3:3", "not JSON: expected ',' or ']' after a security group, found '{'", "a comma is missing before this"},
		{"comma between members", "{\"Vpcs\": []\n \"Subnets\": []}", "2:2", `not JSON: expected ',' or '}' after "Vpcs", found "Subnets"`, "a comma is missing before this"},
		{"trailing comma in a list", `{"Subnets": [{}, ]}`, "1:18", "not JSON: expected a subnet after ',', found ']'", "there is a comma too many before this"},
		{"trailing comma in an object", "{\"Vpcs\": [],\n}", "2:1", "not JSON: expected a name in double quotes after ',', found '}'", "there is a comma too many before this"},
		{"cut in a list", `{"NetworkAcls": [{"Entries": [`, "1:31", "not JSON: expected an entry, found the end of the file", "the file is cut here"},
		{"cut after an element", `{"NetworkAcls": [{}`, "1:20", "not JSON: expected ',' or ']' after a network ACL, found the end of the file", "the file is cut here"},
		{"cut in a string", `{"Vpcs": [{"VpcId": "vpc-`, "1:26", "not JSON: expected a closing quote, found the end of the file", "the file is cut here"},
		{"single quotes", `{'Vpcs': []}`, "1:2", "not JSON: expected a name in double quotes, found '''", "JSON takes double quotes; this looks like a printed Python object"},
		{"python", `{"Vpcs": None}`, "1:10", `not JSON: expected a value, found "None"`, "this looks like a printed Python object"},
		{"comment", "{\n// groups\n\"Vpcs\": []}", "2:1", "not JSON: expected a name in double quotes, found '/'", "JSON has no comments"},
		{"conflict", "{\"Vpcs\": [\n<<<<<<< HEAD\n]}", "2:1", "not JSON: expected a VPC, found '<'", "a merge conflict was left in the file"},
		{"left out", `{"Vpcs": [...]}`, "1:11", "not JSON: expected a VPC, found '.'", "a part was left out here"},
		{"bracket too many", `{"Vpcs": []}}`, "1:13", "not JSON: expected the end of the file, found '}'", "there is a closing bracket too many, or an opening one is missing"},
		{"no colon", `{"Vpcs" []}`, "1:9", `not JSON: expected ':' after "Vpcs", found '['`, ""},
		{"line end in a string", "{\"Vpcs\": [\"a\n\"]}", "1:11", "not JSON: a string ends with its line, without a closing quote", "a quote is missing in this line"},
		{"escape", `{"a": "C:\dir"}`, "1:10", `not JSON: "\\d..." is no escape sequence`, `a backslash is written \\`},
		{"number", `{"a": 01}`, "1:7", `not JSON: "01" is not a number`, ""},
		{"wide characters", "{\"Vpcs\": [\"\u00e4\U0001F600\" x]}", "1:16", `not JSON: expected ',' or ']' after a VPC, found 'x'`, ""},
		{"word", `nothing at all`, "1:1", `not JSON: expected a value, found "nothing"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReader()
			if _, ok := r.Add("out/x.json", []byte(c.text)); ok {
				t.Fatal("read")
			}
			_, ds := r.Network()
			if len(ds) != 1 || !ds[0].Error || ds[0].Fix == "" {
				t.Fatalf("%+v", ds)
			}
			d := ds[0]
			if got := d.Range.String(); got != "out/x.json:"+c.at {
				t.Errorf("at %s, want %s", got, c.at)
			}
			same(t, "message", d.Message, c.message)
			same(t, "label", d.Label, c.label)
			if json.Valid([]byte(c.text)) {
				t.Error("it is valid JSON")
			}
		})
	}
}

// The fix names the command, and the note says what follows.
func TestBrokenAmongOthers(t *testing.T) {
	n, ds := read(
		t,
		file{"exports/eu-west-1/security-groups.json", "{\n  \"SecurityGroups\": [\n    {\"GroupId\": \"sg-1\"}\n    {\"GroupId\": \"sg-2\"}\n]}"},
		file{"exports/eu-west-1/vpcs.json", `{"Vpcs":[]}`},
		file{"exports/eu-west-1/enis.json", `{"NetworkInterfaces":[{"NetworkInterfaceId":"eni-1","SubnetId":"subnet-1","Groups":[{"GroupId":"sg-1"}]}]}`},
	)
	d := ds[0]
	same(t, "fix", d.Fix, "export it again, whole:\naws ec2 describe-security-groups --region eu-west-1 --output json > security-groups.json")
	same(t, "note", d.Note, "the other 2 files were read. 1 interface names groups of this file: what they let through is unknown")
	same(t, "groups", describe(n, "sg"), "sg sg-1 vpc? open")
	if got := n.SecurityGroups[0].Open.Cause.Message; got != "sg-1 is not in the input: exports/eu-west-1/security-groups.json could not be read" {
		t.Error(got)
	}
}

func TestForeign(t *testing.T) {
	for _, c := range []struct{ name, text, message, fix string }{
		{"empty", "", "the file is empty; the command that wrote it printed nothing", "run the command again and look at what it says on standard error"},
		{"blank", "\n \r\n", "the file is empty; the command that wrote it printed nothing", "run the command again and look at what it says on standard error"},
		{"unauthorized", "\nAn error occurred (UnauthorizedOperation) when calling the DescribeNetworkAcls operation: You are not authorized", `this is an AWS CLI error message, not an export: "UnauthorizedOperation"`, "the reader's role needs ec2:DescribeNetworkAcls"},
		{"other service", "An error occurred (AccessDenied) when calling the DescribeLoadBalancers operation: no", `this is an AWS CLI error message, not an export: "AccessDenied"`, "the reader's role needs elasticloadbalancing:DescribeLoadBalancers"},
		{"expired", "An error occurred (ExpiredToken) when calling the DescribeVpcs operation: x", `this is an AWS CLI error message, not an export: "ExpiredToken"`, "log in again and run the command again"},
		{"credentials", "Unable to locate credentials. You can configure them by running \"aws configure\".", `this is an AWS CLI error message, not an export: "Unable to locate credentials. You can configure them by running "aws configure"."`, "put that right and run the command again"},
		{"table", "-------------------------\n|     DescribeVpcs      |\n+-----------------------+\n", "this is a table, not JSON", "add --output json"},
		{"text", "SECURITYGROUPS\tdefault\tsg-1\n", "this is the CLI's text output, not JSON", "add --output json"},
		{"yaml", "SecurityGroups:\n- GroupId: sg-1\n", "this is YAML, not JSON", "add --output json"},
		{"gzip", "\x1f\x8b\x08\x00", "this is compressed with gzip, not JSON", "gunzip it first"},
		{"utf16", "\xff\xfe{\x00}\x00", "this is UTF-16, not UTF-8: PowerShell's > writes it", "write it with: | Out-File -Encoding utf8 FILE"},
		{"json error", `{"Error":{"Code":"UnauthorizedOperation","Message":"You are not authorized"}}`, `this is an AWS CLI error message, not an export: "UnauthorizedOperation"`, "the reader's role needs the permission for this call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ds := read(t, file{"x.json", c.text})
			if len(ds) != 1 || !ds[0].Error || ds[0].Range.File != "x.json" {
				t.Fatalf("%+v", ds)
			}
			same(t, "message", ds[0].Message, c.message)
			same(t, "fix", ds[0].Fix, c.fix)
		})
	}
}

func TestOddText(t *testing.T) {
	_, ds := read(t, file{"a.json", `{"Vpcs":[{"VpcId":"vpc-1","VpcId":"vpc-2"}],"Subnets":[],"Subnets":[]}`}, file{"b.json", "{\"Vpcs\":[],\"Note\":\"a\xffb\"}"})
	same(t, "diagnostics", messages(ds), "a.json:1:28: note: VpcId stands twice in one object\na.json:1:59: note: Subnets stands twice in one object\nb.json:1:21: note: this byte is not UTF-8")
	n, _ := read(t, file{"a.json", `{"Vpcs":[{"VpcId":"vpc-1","VpcId":"vpc-2"}]}`})
	if n.VPCs[0].ID != "vpc-2" {
		t.Errorf("the last one counts, not %s", n.VPCs[0].ID)
	}
}

// Lines and columns count code points, whatever the line ends are.
func TestPositions(t *testing.T) {
	rule := `"IpPermissions":[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"10.0.0.0/8"}]}]`
	for _, c := range []struct{ name, before, at string }{
		{"plain", `{"SecurityGroups":[{"GroupId":"sg-1","VpcId":"v",`, "1:109"},
		{"tabs", "{\n\t\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"VpcId\":\"v\",\n\t\t", "3:62"},
		{"crlf", "{\r\n\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"VpcId\":\"v\",\r\n", "3:60"},
		{"emoji before it in the line", "{\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"VpcId\":\"v\",\n\"GroupName\":\"\U0001F600\u00e4\u4e2d\",", "2:78"},
		{"byte order mark", "\ufeff{\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"VpcId\":\"v\",", "1:109"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.before + rule + "}]}"
			n, _ := read(t, file{"x.json", text})
			r := n.SecurityGroups[0].Ingress[0].Origin.Range
			if got := r.String(); got != "x.json:"+c.at {
				t.Errorf("at %s, want %s", got, c.at)
			}
			if got := text[r.Start.Byte:r.End.Byte]; got != "10.0.0.0/8" {
				t.Errorf("the bytes are %q", got)
			}
			if got := r.End.Column - r.Start.Column; got != len("10.0.0.0/8") {
				t.Errorf("%d columns wide", got)
			}
		})
	}
}

// Places far into one long line of wide characters agree with counting.
func TestLongLine(t *testing.T) {
	text := "[" + strings.Repeat("\"\u4e2d\u6587 \U0001F600 x\",", 4000) + "1]\n[2]"
	p := newPlaces("x", text)
	for at := 0; at <= len(text); at += 997 {
		for at < len(text) && continues(text[at]) {
			at++
		}
		want := len([]rune(text[strings.LastIndexByte(text[:at], '\n')+1:at])) + 1
		if got := p.pos(at); got.Column != want || got.Line != strings.Count(text[:at], "\n")+1 {
			t.Fatalf("byte %d is at %+v, want column %d", at, got, want)
		}
	}
}

// The decoder agrees with encoding/json about what is JSON and what it means.
func TestAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{"a":"\u00e4\n\t\"\\\/\ud83d\ude00"}`, `{"a":"\ud83d x \ude00 \ud83d\ud83d\ude00"}`, `{"a":-0.5e+3,"b":[true,false,null,{}],"":{"":[]}}`,
		`{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":1e}`, `{"a":+1}`, `{"a":tru}`, `{"a":truex}`, `{"a":nulll}`, `{"a":"\u12"}`, "{\"a\":\"\x01\"}", `{"a" 1}`, `{,}`, `[1,,2]`, `[1 2]`, `{"a":1 "b":2}`,
	} {
		doc, err := parse("x", text)
		var want any
		if wantErr := json.Unmarshal([]byte(text), &want); (wantErr == nil) != (err == nil) {
			t.Errorf("%s: %v, encoding/json says %v", text, err, wantErr)
			continue
		}
		if err == nil {
			same(t, text, fmt.Sprint(plainValue(value{doc, doc.roots[0]})), fmt.Sprint(want))
		}
	}
}

func plainValue(v value) any {
	switch v.kind() {
	case objectValue:
		m := map[string]any{}
		for k, x := range v.members() {
			m[k] = plainValue(x)
		}
		return m
	case arrayValue:
		l := []any{}
		for x := range v.items() {
			l = append(l, plainValue(x))
		}
		return l
	case stringValue:
		return v.str()
	case numberValue:
		var f float64
		if err := json.Unmarshal([]byte(v.text()), &f); err != nil {
			return err
		}
		return f
	case boolValue:
		return v.yes()
	}
	return nil
}

// Hostile files end soon, with a word.
func TestHostile(t *testing.T) {
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f(i))
		}
		return b.String()
	}
	for _, c := range []struct{ name, text string }{
		{"deep arrays", repeat("[", 1_000_000)},
		{"deep objects", repeat(`{"a":`, 1_000_000)},
		{"deep and closed", `{"SecurityGroups":` + repeat("[", 1000) + repeat("]", 1000) + "}"},
		{"one group many times", `{"SecurityGroups":[` + many(100_000, func(int) string { return `{"GroupId":"sg-1","VpcId":"v"}` }) + `]}`},
		{"one id in many accounts", `{"SecurityGroups":[` + many(50_000, func(i int) string { return fmt.Sprintf(`{"GroupId":"sg-1","OwnerId":"%d"}`, i) }) + `]}`},
		{"many names", `{"SecurityGroups":[{"GroupId":"sg-1",` + many(200_000, func(i int) string { return fmt.Sprintf(`"n%d":1`, i) }) + `}]}`},
		{"many lists", `{` + many(100_000, func(i int) string { return fmt.Sprintf(`"N%d":[{"Arn":"arn:aws:x"}]`, i) }) + `}`},
		{"many CIDRs of many VPCs", `{"Vpcs":[{"VpcId":"v","CidrBlockAssociationSet":[` + many(20_000, func(i int) string { return fmt.Sprintf(`{"CidrBlock":"10.%d.%d.0/24"}`, i/256, i%256) }) + `]}],"RouteTables":[` +
			many(3000, func(i int) string { return fmt.Sprintf(`{"RouteTableId":"r%d","VpcId":"v","Routes":[]}`, i) }) + `]}`},
		{"many references by name", `{"SecurityGroups":[{"GroupId":"sg-1","IpPermissions":[{"IpProtocol":"-1","UserIdGroupPairs":[` +
			many(50_000, func(i int) string { return fmt.Sprintf(`{"GroupName":"n%d"}`, i) }) + `]}]}]}`},
		{"many groups of many subnets", `{"DBInstances":[{"DBInstanceIdentifier":"d","VpcSecurityGroups":[` + many(20_000, func(i int) string { return fmt.Sprintf(`{"VpcSecurityGroupId":"sg-%d"}`, i) }) + `]}],"LoadBalancers":[{"LoadBalancerArn":"a","Subnets":[` +
			many(20_000, func(i int) string { return fmt.Sprintf(`"s%d"`, i) }) + `],"SecurityGroups":[` + many(20_000, func(i int) string { return fmt.Sprintf(`"sg-%d"`, i) }) + `]}]}`},
		{"databases and interfaces alike", `{"DBInstances":[` + many(6000, func(i int) string {
			return fmt.Sprintf(`{"DBInstanceIdentifier":"d%d","VpcSecurityGroups":[{"VpcSecurityGroupId":"sg-1"}],"Endpoint":{"Port":%d}}`, i, i+1)
		}) + `],"NetworkInterfaces":[` + many(6000, func(i int) string {
			return fmt.Sprintf(`{"NetworkInterfaceId":"e%d","SubnetId":"s","Description":"RDSNetworkInterface","RequesterManaged":true,"Groups":[{"GroupId":"sg-1"}]}`, i)
		}) + `]}`},
		{"many listeners of one large group", `{"LoadBalancers":[{"LoadBalancerArn":"lb","Type":"network"}],"Listeners":[` + many(5000, func(i int) string {
			return fmt.Sprintf(`{"ListenerArn":"l%d","LoadBalancerArn":"lb","Port":%d,"Protocol":"TCP","DefaultActions":[{"Type":"forward","TargetGroupArn":"t"}]}`, i, i+1)
		}) + `],"TargetGroups":[{"TargetGroupArn":"t","Protocol":"TCP","TargetHealthDescriptions":[` + many(5000, func(i int) string { return fmt.Sprintf(`{"Target":{"Id":"10.0.%d.%d","Port":1}}`, i>>8, i&255) }) + `]}]}`},
		{"huge number", `{"NetworkAcls":[{"NetworkAclId":"a","Entries":[{"RuleNumber":1` + repeat("0", 100_000) + `,"Protocol":1e400}]}]}`},
		{"nested strings", `{"invokingEvent":"{\"invokingEvent\":\"{}\"}"}`},
		{"wrong types", `{"Vpcs":{"a":1},"Subnets":[1,[],null,"x",{"SubnetId":{}}],"SecurityGroups":[{"GroupId":["x"],"IpPermissions":7}],"NetworkAcls":[{"NetworkAclId":"a","Entries":{"x":1},"Associations":"y"}],"RouteTables":[{"RouteTableId":"r","Routes":[1,[]],"Associations":[null]}],"Reservations":[{"Instances":{"a":1}}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			r := NewReader()
			r.Add("x.json", []byte(c.text))
			r.Network()
			if d := time.Since(start); d > 2*time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
}
