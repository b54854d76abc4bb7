package aws

import (
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/postern-dev/postern/parse/tf"
)

// zoneLists are the lists of the zones of a Region: no two zones have the same
// name or id. [BC AvailabilityZone]
var zoneLists = &tf.Schema{Lists: []string{"names", "zone_ids"}}

// DataSchemas returns what is known of a type of data source in a Region (""
// when it is not known) without asking AWS, or nil.
func DataSchemas(dataType, region string) *tf.Schema {
	switch dataType {
	case "aws_availability_zones":
		return zoneLists
	case "aws_region":
		if region != "" {
			return texts(map[string]string{"name": region, "region": region, "id": region})
		}
	case "aws_partition":
		if p, ok := partitionOf(region); ok {
			return texts(map[string]string{"partition": p.name, "id": p.name, "dns_suffix": p.suffix})
		}
	}
	return nil
}

type partition struct{ prefix, name, suffix string }

// partitions are those that are not told by anything but the Region's name.
// [docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html]
var partitions = []partition{
	{"cn-", "aws-cn", "amazonaws.com.cn"},
	{"us-gov-", "aws-us-gov", "amazonaws.com"},
}

// commercial are the beginnings of the names of Regions of the partition aws.
var commercial = []string{"us-east-", "us-west-", "eu-", "ap-", "ca-", "sa-", "me-", "af-", "il-", "mx-"}

// partitionOf is the partition of a Region; ok is false for those of which the
// name does not surely tell.
func partitionOf(region string) (p partition, ok bool) {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p, true
		}
	}
	for _, c := range commercial {
		if strings.HasPrefix(region, c) && !strings.Contains(region, "-iso") {
			return partition{name: "aws", suffix: "amazonaws.com"}, true
		}
	}
	return partition{}, false
}

func texts(values map[string]string) *tf.Schema {
	s := &tf.Schema{Defaults: map[string]cty.Value{}}
	for name, v := range values {
		s.Defaults[name] = cty.StringVal(v)
	}
	return s
}

// zone is the zone of a subnet: its name, or the symbol of an element of a list
// of zones; "" when it is not known.
func (v view) zone() string {
	z, set := v.str("availability_zone")
	if _, element := tf.IsElement(z.V); !set || !z.Known() || tf.HasSymbol(z.V) && !element {
		return ""
	}
	return z.V
}

// settleZones keeps the zones that can be compared: names, or elements of one
// list. Elements of several lists, or one and a name, may be the same zone.
func (b *builder) settleZones() {
	lists := map[string]bool{}
	for _, s := range b.net.Subnets {
		if s.Zone != "" {
			list, _ := tf.IsElement(s.Zone)
			lists[list] = true
		}
	}
	for _, s := range b.net.Subnets {
		if _, element := tf.IsElement(s.Zone); element && len(lists) > 1 {
			s.Zone = ""
		}
		s.Zone = tf.Readable(s.Zone)
	}
}
