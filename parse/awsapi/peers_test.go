package awsapi

import (
	"testing"

	"github.com/postern-dev/postern/ir"
)

// An ENI whose group is not in the file, a rule whose group is gone: both stay.
func TestMissingGroups(t *testing.T) {
	n, ds := read(t, readFile(t, "testdata/peers/missing-group.json"))
	same(t, "groups", describe(n, "sg"), `
sg sg-1 vpc-1
  in  6 80-80 sg-gone
sg sg-absent vpc? open
sg sg-gone no-vpc`)
	same(t, "interfaces", describe(n, "eni"), `eni eni-1 eni-1 kind=12 subnet-1 sg-1 sg-absent 10.0.0.5`)
	same(t, "diagnostics", messages(ds), `missing-group.json:4:150: note: sg-absent is carried here and is not in the list of security groups`)
}

// A rule with only ::/0, a prefix list, a group of a peer, a protocol without ports.
func TestEverySourceIsARule(t *testing.T) {
	n, ds := read(t, readFile(t, "testdata/peers/open-ipv6-only.json"))
	same(t, "groups", describe(n, "sg", "pl"), `
sg sg-six vpc-1
  in  6 22-22 ::/0
  in  6 443-443 pl-0aa
  in  6 5432-5432 sg-peer
  out 50 0-65535 10.0.0.0/8
sg sg-peer vpc-9 open
pl pl-0aa both [] open`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), "")
}

// An elastic address in a subnet that maps none.
func TestElasticAddress(t *testing.T) {
	n, _ := read(t, readFile(t, "testdata/peers/elastic-address.json"))
	same(t, "interfaces", describe(n, "eni"), `eni eni-1 i-1 kind=1 subnet-1 sg-1 10.0.0.5=203.0.113.9`)
	if n.Subnets[0].PublicOnLaunch.V {
		t.Error("the subnet maps no public addresses")
	}
}

// Entries 32767 and 32768 are implicit, order is by number, port 0 is a port,
// ICMP without a type code stays, associations belong to the ACL around them.
func TestACL(t *testing.T) {
	n, ds := read(t, readFile(t, "testdata/peers/acl.json"))
	same(t, "entries", describe(n, "acl", "subnet"), `
acl acl-1 vpc-1
  in  200 deny -1 0-65535 0.0.0.0/0
  in  100 allow 6 0-0 0.0.0.0/0
  in  110 allow 1 0-65535 10.0.0.0/8
  in  120 allow 1 2048-2303 10.0.0.0/8
  in  130 allow 1 0-65535 10.0.0.0/8
  in  140 allow 58 32768-32768 2001:db8::/32
  out 150 allow 58 0-65535 10.0.0.0/8
  out 160 deny 132 0-65535 10.0.0.0/8
subnet subnet-1 vpc-1 invalid Prefix invalid Prefix acl-1 ?`)
	same(t, "diagnostics", messages(append(ds, n.Problems...)), `acl.json:8:5: note: acl-1/ingress/110 is for ICMP and has no type`)
	e := n.NetworkACLs[0].Entries[1]
	if got := e.Origin.Range.String(); got != "acl.json:7:74" {
		t.Errorf("the entry stands at %s", got)
	}
	if got := e.Origin.At(ir.FieldNumber).String(); got != "acl.json:7:20" {
		t.Errorf("the number stands at %s", got)
	}
}
