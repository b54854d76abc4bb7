package awsapi

import (
	"bytes"
	"fmt"
	"testing"
)

// export writes an export of security groups of about a size, indented as the
// CLI does.
func export(size int) []byte {
	var b bytes.Buffer
	b.WriteString("{\n    \"SecurityGroups\": [\n")
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "        {\n            \"Description\": \"group %d\",\n            \"GroupName\": \"g%d\",\n            \"IpPermissions\": [\n", i, i)
		for j := range 20 {
			if j > 0 {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, `                {
                    "FromPort": %d,
                    "IpProtocol": "tcp",
                    "IpRanges": [
                        {
                            "CidrIp": "10.%d.%d.0/24",
                            "Description": "rule %d"
                        }
                    ],
                    "Ipv6Ranges": [],
                    "PrefixListIds": [],
                    "ToPort": %d,
                    "UserIdGroupPairs": [
                        {
                            "GroupId": "sg-%08x",
                            "UserId": "111122223333"
                        }
                    ]
                }`, 1000+j, i%256, j, j, 1000+j, (i*7+j)%(i+1))
		}
		fmt.Fprintf(&b, "\n            ],\n            \"OwnerId\": \"111122223333\",\n            \"GroupId\": \"sg-%08x\",\n            \"IpPermissionsEgress\": [],\n            \"VpcId\": \"vpc-%08x\"\n        }", i, i%50)
	}
	b.WriteString("\n    ]\n}\n")
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	data := export(50 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader()
		if _, ok := r.Add("us-east-1/security-groups.json", data); !ok {
			b.Fatal("not read")
		}
		if n, _ := r.Network(); len(n.SecurityGroups) == 0 {
			b.Fatal("no groups")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	data := string(export(50 << 20))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse("a.json", data); err != nil {
			b.Fatal(err.message)
		}
	}
}
