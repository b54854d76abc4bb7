package aws

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/awsapi"
	"github.com/postern-dev/postern/parse/tf"
	"github.com/postern-dev/postern/parse/tf/hcl"
)

const linked = `
provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias  = "other"
  region = "eu-west-1"
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "main", Team = "net", Self = data.aws_vpc.by_tag.tags["Name"] }
}
resource "aws_vpc" "spare" {
  cidr_block = "10.1.0.0/16"
  tags       = { Name = "spare", Team = "net" }
}
resource "aws_vpc" "maybe" {
  count      = data.aws_vpc.two.enable_dns_support ? 1 : 0
  cidr_block = "10.2.0.0/16"
  tags       = { Name = "maybe" }
}
resource "aws_subnet" "a" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
  tags       = { Name = "a" }
}
resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.main.id
}
resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}
data "aws_vpc" "by_tag" {
  tags = { Name = "main" }
}
data "aws_vpc" "by_filter" {
  filter {
    name   = "tag:Name"
    values = ["?pa*"]
  }
}
data "aws_vpc" "elsewhere" {
  provider = aws.other
  tags     = { Name = "main" }
}
data "aws_vpc" "two" {
  tags = { Team = "net" }
}
data "aws_vpc" "may_not_be" {
  tags = { Name = "maybe" }
}
data "aws_vpc" "odd" {
  tags = { Name = "main" }
  filter {
    name   = "dhcp-options-id"
    values = ["dopt-1"]
  }
}
data "aws_subnet" "a" {
  vpc_id = data.aws_vpc.by_tag.id
}
data "aws_internet_gateway" "main" {
  filter {
    name   = "attachment.vpc-id"
    values = [data.aws_vpc.by_tag.id]
  }
}
data "aws_security_groups" "web" {
  filter {
    name   = "group-name"
    values = ["web"]
  }
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }
}
data "aws_subnets" "all" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }
}
data "aws_vpc" "peer" {
  tags = { Name = "peer" }
}
data "aws_vpcs" "all" {
  tags = { Team = "sec" }
}
data "aws_vpcs" "none" {
  tags = { Team = "none" }
}
data "aws_vpc" "default" {
  default = true
}
data "aws_ssm_parameter" "one" {
  name = "office"
}
data "aws_ssm_parameter" "again" {
  name = "office"
}
data "aws_ssm_parameter" "other" {
  name = "home"
}
data "aws_eks_cluster_auth" "one" {
  name = "a"
}
data "aws_eks_cluster_auth" "again" {
  name = "a"
}
`

const peers = `{"Vpcs": [
  {"VpcId": "vpc-9", "OwnerId": "111122223333", "CidrBlock": "10.9.0.0/16", "IsDefault": false, "Tags": [{"Key": "Name", "Value": "peer"}, {"Key": "Team", "Value": "sec"}]},
  {"VpcId": "vpc-8", "OwnerId": "111122223333", "CidrBlock": "10.8.0.0/16", "IsDefault": false, "Tags": [{"Key": "Team", "Value": "sec"}]},
  {"VpcId": "vpc-7", "OwnerId": "111122223333", "CidrBlock": "10.7.0.0/16", "IsDefault": false, "Tags": [{"Key": "Name", "Value": "main"}]},
  {"VpcId": "vpc-1", "OwnerId": "111122223333", "CidrBlock": "172.31.0.0/16", "IsDefault": true, "Tags": []}]}`

func exportOf(t *testing.T, text string) *ir.Network {
	t.Helper()
	r := awsapi.NewReader()
	if _, ok := r.Add("vpcs.json", []byte(text)); !ok {
		t.Fatal("no export")
	}
	n, ds := r.Network()
	if ds.Errors() {
		t.Fatal(ds)
	}
	return n
}

// What is sure is found: one object of the root that fits, through other data
// sources too; else one of the export; else what an equal question finds.
func TestFind(t *testing.T) {
	inv := NewInventory()
	inv.AddExport("vpcs.json", exportOf(t, peers))
	fsys := fstest.MapFS{"main.tf": {Data: []byte(linked)}}
	found := map[string]*tf.Answer{}
	files := hcl.NewFiles(fsys, func(p string) string { return p }, hcl.Limits{})
	root := hcl.Evaluate(context.Background(), files, ".", hcl.Options{Schemas: Schemas, Data: DataSchemas, Question: Question, Answers: func(ins []*tf.Instance) map[string]*tf.Answer {
		more := Find(ins, inv)
		for address, a := range more {
			if found[address] == nil {
				found[address] = a
			}
		}
		return more
	}})
	if len(root.Diagnostics) > 0 {
		t.Error(root.Diagnostics)
	}
	got := map[string]string{}
	for address, a := range found {
		text := a.Object
		for _, name := range []string{"id", "ids"} {
			if v, ok := a.Values[name]; ok {
				text += describeIDs(v)
			}
		}
		got[strings.TrimPrefix(address, "data.")] = text
	}
	want := map[string]string{
		"aws_vpc.by_tag": "aws_vpc.main", "aws_vpc.by_filter": "aws_vpc.spare", "aws_vpc.elsewhere": "vpc-7", "aws_vpc.peer": "vpc-9",
		"aws_vpc.default": "vpc-1", "aws_vpcs.all": "vpc-8 vpc-9", "aws_vpcs.none": "", "aws_subnet.a": "aws_subnet.a",
		"aws_internet_gateway.main": "aws_internet_gateway.main", "aws_security_groups.web": "aws_security_group.web.id",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !inv.Used("vpcs.json") {
		t.Error("the export was of use")
	}
	net := Build(root)
	for _, s := range net.Subnets {
		if strings.HasPrefix(s.Origin.Address, "data.") {
			t.Errorf("%s is the subnet that the root makes", s.Origin.Address)
		}
	}
}

func describeIDs(v cty.Value) string {
	if v.Type() == cty.String {
		return tf.Readable(v.AsString())
	}
	var parts []string
	for _, e := range v.AsValueSlice() {
		parts = append(parts, tf.Readable(e.AsString()))
	}
	return strings.Join(parts, " ")
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"*", "", true},
		{"*", "abc", true},
		{"a*c", "abc", true},
		{"a*c", "abd", false},
		{"?", "é", true},
		{"?", "", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b*", "xxbxxaxx", false},
		{"abc", "ab", false},
		{"ab", "abc", false},
		{"a**", "a", true},
	} {
		if got := glob(c.pattern, c.text); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
	if glob(strings.Repeat("*a", 2_000)+"b", strings.Repeat("a", 20_000)) {
		t.Error("there is no b")
	}
}

func TestPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-iso-east-1": "", "eu-isoe-west-1": "", "": "", "eusc-de-east-1": "",
	} {
		p, ok := partitionOf(region)
		if got := fmt.Sprint(p.name); got != want || ok != (want != "") {
			t.Errorf("partitionOf(%q) = %q, %v", region, got, ok)
		}
	}
}
