package rules

import (
	"fmt"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// category is what one internet-* rule looks for: services that the whole
// internet must not reach.
type category struct {
	rule     string
	severity diag.Severity
	// verb and noun make the sentence: "anyone on the internet may {verb} X".
	verb string
	// whole: every port of a protocol must be open, not just one of them.
	whole    bool
	services []service
	fix      string // with the peer to replace as %s
}

// service is an interval of ports of one protocol, and what usually answers.
type service struct {
	protocol uint8
	lo, hi   uint16
	name     string
}

func tcp(lo, hi uint16, name string) service { return service{packet.TCP, lo, hi, name} }
func udp(lo, hi uint16, name string) service { return service{packet.UDP, lo, hi, name} }

// categories lists the exposures, worst first: a line of code that belongs to
// several is reported as the first of them.
func categories() []category {
	return []category{
		{
			rule: "internet-all-traffic", severity: diag.Critical, verb: "send anything to", whole: true,
			services: []service{tcp(0, 65535, "every TCP port"), udp(0, 65535, "every UDP port")},
			fix:      "list the ports that it serves, and the addresses that need them instead of %s",
		},
		{
			rule: "internet-database", severity: diag.Critical, verb: "connect to the database port of",
			services: []service{
				tcp(1433, 1434, "SQL Server"), udp(1434, 1434, "SQL Server Browser"), tcp(1521, 1521, "Oracle"), tcp(2483, 2484, "Oracle"),
				tcp(3306, 3306, "MySQL"), tcp(4333, 4333, "mSQL"), tcp(5432, 5432, "PostgreSQL"), tcp(5601, 5601, "Kibana"),
				tcp(6379, 6379, "Redis"), tcp(7000, 7001, "Cassandra"), tcp(7199, 7199, "Cassandra JMX"), tcp(9042, 9042, "Cassandra CQL"),
				tcp(9160, 9160, "Cassandra Thrift"), tcp(9200, 9300, "Elasticsearch"), tcp(11211, 11211, "Memcached"), udp(11211, 11211, "Memcached"),
				tcp(27017, 27019, "MongoDB"),
			},
			fix: "name the security group of the application that uses the database instead of %s",
		},
		{
			rule: "internet-ssh", severity: diag.High, verb: "ssh to",
			services: []service{tcp(22, 22, "ssh")},
			fix:      "put your own addresses in place of %s, or close the port and use Session Manager",
		},
		{
			rule: "internet-rdp", severity: diag.High, verb: "open a remote desktop on",
			services: []service{tcp(3389, 3389, "RDP"), udp(3389, 3389, "RDP")},
			fix:      "put your own addresses in place of %s, or close the port and use Session Manager",
		},
		{
			rule: "internet-admin", severity: diag.High, verb: "reach the administration port of",
			services: []service{
				tcp(23, 23, "Telnet"), tcp(135, 135, "Windows RPC"), tcp(137, 139, "NetBIOS"), udp(137, 138, "NetBIOS"), tcp(445, 445, "SMB"),
				tcp(2375, 2376, "Docker"), tcp(5500, 5500, "VNC"), tcp(5800, 5800, "VNC"), tcp(5900, 5900, "VNC"),
				tcp(5985, 5986, "WinRM"), tcp(6443, 6443, "Kubernetes"), tcp(10250, 10250, "kubelet"),
			},
			fix: "put the addresses of those who administer it in place of %s",
		},
	}
}

func categoryOf(rule string) category {
	for _, c := range categories() {
		if c.rule == rule {
			return c
		}
	}
	return category{}
}

// set returns the headers of the category's services.
func (c category) set(s *solver.Space) solver.Set {
	var boxes []solver.Box
	for _, v := range c.services {
		boxes = append(boxes, v.box(s.Family()))
	}
	return s.Of(boxes...)
}

func (v service) box(f packet.Family) solver.Box {
	b := solver.Everything(f)
	b.Protocol = solver.Interval{Lo: uint16(v.protocol), Hi: uint16(v.protocol)}
	b.DstPort = solver.Interval{Lo: v.lo, Hi: v.hi}
	return b
}

// name returns what usually answers at a header's port: "PostgreSQL".
func (c category) name(h packet.Header) string {
	for _, v := range c.services {
		if v.protocol == h.Protocol && v.lo <= h.DstPort && h.DstPort <= v.hi {
			return v.name
		}
	}
	return ""
}

// serviceOf prints the service of a header: "tcp/22", "icmp/8/0", "50".
func serviceOf(h packet.Header) string {
	name := packet.ProtocolName(int16(h.Protocol))
	switch h.Kind() {
	case packet.Ported:
		return fmt.Sprintf("%s/%d", name, h.DstPort)
	case packet.Typed:
		return fmt.Sprintf("%s/%d/%d", name, h.Type(), h.Code())
	case packet.Plain, packet.KindInvalid:
	}
	return name
}
