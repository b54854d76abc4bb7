package aws

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// subnetGroup is a named list of subnets.
type subnetGroup struct{ v view }

func makeSubnetGroup(v view) {
	g := &subnetGroup{v}
	keys := v.keys("id", "name", "replication_subnet_group_id")
	if name, set := v.str("name"); set && !name.Known() && name.Why.Term != "" {
		keys = append(keys, "?"+name.Why.Term) // equal terms are equal values; see refOf
	}
	for _, k := range keys {
		k = v.in.Type + " " + k
		if v.b.subnetGroups[k] == nil {
			v.b.subnetGroups[k] = g
		}
	}
}

// groupSubnets reads the subnets of the subnet group that an attribute names.
// Without one the resource is in the default VPC.
func (v view) groupSubnets(attr string) []elem {
	e, ok := v.first(attr)
	if !ok {
		return nil
	}
	if g := v.b.subnetGroups[subnetGroupType(v.in.Type, attr)+" "+refOf(e).key]; g != nil {
		es, _ := g.v.list("subnet_ids")
		return es
	}
	return []elem{{many: refOf(e).unseen("subnet_ids"), at: e.at}}
}

// subnetGroupType is the resource type that an attribute names: names are
// unique within a type only.
func subnetGroupType(typ, attr string) string {
	for _, t := range []struct{ prefix, group string }{
		{"aws_docdb_", "aws_docdb_subnet_group"},
		{"aws_neptune_", "aws_neptune_subnet_group"},
		{"aws_redshift_", "aws_redshift_subnet_group"},
		{"aws_elasticache_", "aws_elasticache_subnet_group"},
		{"aws_memorydb_", "aws_memorydb_subnet_group"},
		{"aws_dax_", "aws_dax_subnet_group"},
		{"aws_dms_", "aws_dms_replication_subnet_group"},
	} {
		if strings.HasPrefix(typ, t.prefix) {
			return t.group
		}
	}
	return "aws_db_subnet_group"
}

// enginePorts are the ports that databases listen on unless told otherwise.
// [Amazon RDS user guide, CreateDBInstance: Port]
var enginePorts = []struct {
	prefix string
	port   uint16
}{
	{"aurora-postgresql", 5432},
	{"postgres", 5432},
	{"aurora", 3306},
	{"mysql", 3306},
	{"mariadb", 3306},
	{"oracle", 1521},
	{"custom-oracle", 1521},
	{"sqlserver", 1433},
	{"custom-sqlserver", 1433},
	{"db2", 50000},
	{"docdb", 27017},
	{"neptune", 8182},
	{"memcached", 11211},
	{"redis", 6379},
	{"valkey", 6379},
}

// database is what databases and caches answer on: their port, or that of
// their engine.
func (v view) database(fixed uint16) *ir.Services {
	s := &ir.Services{Place: diag.Place{Address: v.in.Address, Message: "answers on its port", Range: v.at("port", "engine")}}
	add := func(p uint16) {
		s.Ports = []ir.Service{{Protocol: packet.TCP, Ports: ir.Ports{Lo: p, Hi: p}, Place: s.Place}}
	}
	port, set := v.integer("port")
	engine, engineSet := v.str("engine")
	switch {
	case set && !port.Known():
		s.Open = port.Why
	case set && port.V > 0 && port.V <= 65535:
		add(uint16(port.V))
	case set && port.V != 0:
		s.Open = v.invalid(v.at("port"), "a port is from 1 to 65535", "write a port number")
	case engineSet && !engine.Known():
		s.Open = engine.Why
	case engineSet && enginePort(engine.V) != 0:
		add(enginePort(engine.V))
	case fixed != 0:
		add(fixed)
	default:
		s.Open = notInInput(v.in.Address, "port", v.at("engine"))
	}
	return s
}

func enginePort(engine string) uint16 {
	for _, e := range enginePorts {
		if strings.HasPrefix(engine, e.prefix) {
			return e.port
		}
	}
	return 0
}

// cluster is a database cluster; its instances are resources of their own.
type cluster struct {
	v         view
	instances int
}

var clusterPorts = map[string]uint16{"aws_rds_cluster": 3306, "aws_docdb_cluster": 27017, "aws_neptune_cluster": 8182}

func makeCluster(v view) {
	c := &cluster{v: v}
	for _, k := range v.keys("id", "cluster_identifier") {
		v.b.clusters[k] = c
	}
	v.b.later(func() {
		if c.instances == 0 {
			v.clusterInterface(c, v)
		}
	})
}

func linkClusterInstance(v view) {
	e, ok := v.first("cluster_identifier")
	if !ok {
		v.invalid(v.at(), "cluster_identifier is required", "name the cluster")
		return
	}
	if c := v.b.clusters[refOf(e).key]; c != nil {
		c.instances++
		v.clusterInterface(c, v)
		return
	}
	o := v.addInterface(nic{
		kind: ir.InterfaceDatabase, named: true, groups: ir.Many[*ir.SecurityGroup]{Open: refOf(e).unseen("vpc_security_group_ids")},
		services: v.database(0), public: ir.Known(false),
	}, ir.Another[*ir.Subnet](refOf(e).unseen("subnet")))
	o.Aliases = ids(refOf(e).name)
}

// clusterInterface makes the interface of one instance of a cluster, with the
// cluster's groups.
func (v view) clusterInterface(c *cluster, own view) {
	n := nic{kind: ir.InterfaceDatabase, services: c.v.database(clusterPorts[c.v.in.Type]), fields: c.v.fields(map[string]ir.Field{
		"vpc_security_group_ids": ir.FieldGroups, "db_subnet_group_name": ir.FieldSubnet,
	})}
	n.groups, n.named = c.v.groupSet("vpc_security_group_ids")
	n.public, n.publicSet = own.boolean("publicly_accessible", false)
	n.publicAt = own.at("publicly_accessible")
	n.dual = c.v.isDualNetwork()
	attr := "db_subnet_group_name"
	if c.v.in.Type == "aws_neptune_cluster" {
		attr = "neptune_subnet_group_name"
	}
	for _, o := range own.placed(n, c.v.groupSubnets(attr), false) {
		if own.in != c.v.in {
			o.Aliases = ids(c.v.in.Address)
		}
	}
}

// isDualNetwork reads network_type, which is IPV4 unless written.
func (v view) isDualNetwork() ir.Value[bool] { return v.isDual("network_type") }

// placed spreads a nic over subnets, or puts it in the default VPC when none
// are named.
func (v view) placed(n nic, subnets []elem, each bool) []*ir.Interface {
	if len(subnets) == 0 {
		return []*ir.Interface{v.addInterface(n, ir.One(v.b.defaultSubnet(v)))}
	}
	return v.spread(n, subnets, each)
}
