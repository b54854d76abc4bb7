package awsapi

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-dev/postern/diag"
)

// FuzzRead: no input crashes; what is read is what encoding/json takes for
// JSON; all places are inside the file; the same bytes give the same network.
func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		`{"status_code":200,"data":{"Subnets":[{"SubnetId":"s","CidrBlock":"10.0.0.0/24"}],"ResponseMetadata":{}}}`,
		`{"configurationItems":[{"resourceType":"AWS::EC2::VPC","configuration":"{\"vpcId\":\"v\"}"}]}`,
		`[{"Vpcs":[],"NextToken":"x"},{"Routes":[{"Type":"static"}]}]`, "\ufeff{}", "\xff\xfe", `{"a":"\ud83d"}`, `{"Vpcs":[{"VpcId":"v","VpcId":"w"}]} [1] {}`,
		"An error occurred (X) when calling the DescribeVpcs operation", `{"SecurityGroupRules":[{"GroupId":"sg-1","IsEgress":true}]}`,
	} {
		f.Add([]byte(s))
	}
	for _, c := range pathSeeds() {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Detect(data)
		r := NewReader()
		_, ok := r.Add("us-east-1/x.json", data)
		n, ds := r.Network()
		if _, err := parse("x", string(data)); (err == nil) != validJSON(data) && (err == nil || !strings.Contains(err.message, "nested deeper")) {
			t.Errorf("is JSON: %t, encoding/json says %t", err == nil, validJSON(data))
		}
		if ok && ds.Errors() && len(n.SecurityGroups) > 0 && !validJSON(data) {
			t.Error("read in spite of errors")
		}
		for _, d := range append(ds, n.Problems...) {
			withinFile(t, d.Range, len(data))
		}
		for _, g := range n.SecurityGroups {
			withinFile(t, g.Origin.Range, len(data))
			for _, rule := range append(g.Ingress[:len(g.Ingress):len(g.Ingress)], g.Egress...) {
				withinFile(t, rule.Origin.Range, len(data))
				if p := rule.Ports.V; p.Lo > p.Hi {
					t.Errorf("ports %v", p)
				}
			}
		}
		again := NewReader()
		again.Add("us-east-1/x.json", data)
		m, es := again.Network()
		kinds := []string{"sg", "acl", "subnet", "eni", "route", "gateway", "pl", "omitted", "edge", "transit", "forward"}
		if describe(n, kinds...) != describe(m, kinds...) || messages(ds) != messages(es) || messages(n.Problems) != messages(m.Problems) {
			t.Error("not the same twice")
		}
	})
}

func withinFile(t *testing.T, r diag.Range, size int) {
	t.Helper()
	if r.Start.Byte < 0 || r.End.Byte > size || r.Start.Byte > r.End.Byte || !r.IsZero() && (r.Start.Line < 1 || r.Start.Column < 1) {
		t.Errorf("a place outside of the file: %+v", r)
	}
}

// validJSON: a sequence of values of which all but the first are containers.
func validJSON(data []byte) bool {
	text := string(data)
	if len(text) >= 3 && text[:3] == byteOrderMark {
		text = text[3:]
	}
	d := json.NewDecoder(strings.NewReader(text))
	n := 0
	for {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err.Error() == "EOF" && n > 0
		}
		if c := v[0]; n > 0 && c != '{' && c != '[' {
			return false
		}
		n++
	}
}
