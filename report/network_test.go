package report

import (
	"net/netip"
	"os"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

// two is the network of testdata/src/main.tf: an application that asks for
// reports, in a subnet whose ACL does not let the answers out.
func two(t *testing.T) (*ir.Network, map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/src/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	src := map[string][]byte{"main.tf": text}
	cidr := func(s string) ir.Value[netip.Prefix] { return ir.Known(netip.MustParsePrefix(s)) }
	tcp := func(lo, hi uint16, p ir.Peer) ir.Match {
		return ir.Match{Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: lo, Hi: hi}), Peer: p}
	}
	all := func(p string) ir.Match {
		return ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: netip.MustParsePrefix(p)}}
	}
	from := func(address string, line int, text string) ir.Origin {
		return ir.Origin{Address: address, Range: at(t, src, "main.tf", line, text)}
	}
	vpc := &ir.VPC{Name: "main", IPv4: []ir.Value[netip.Prefix]{cidr("10.0.0.0/16")}, Seen: true, Origin: from("aws_vpc.main", 1, "aws_vpc")}
	byDefault := &ir.NetworkACL{
		VPC: ir.One(vpc), Default: true, Name: "default", Origin: ir.Origin{Implicit: true},
		Entries: []ir.Entry{
			{Match: all("0.0.0.0/0"), Number: ir.Known[uint16](100), Allow: ir.Known(true), Origin: ir.Origin{Implicit: true}},
			{Match: all("0.0.0.0/0"), Number: ir.Known[uint16](100), Allow: ir.Known(true), Egress: true, Origin: ir.Origin{Implicit: true}},
		},
	}
	out := from("aws_network_acl.reports", 29, `"allow"`)
	out.Fields = map[ir.Field]diag.Range{ir.FieldPorts: at(t, src, "main.tf", 31, "443")}
	reports := &ir.NetworkACL{
		VPC: ir.One(vpc), Origin: from("aws_network_acl.reports", 15, "aws_network_acl"),
		Entries: []ir.Entry{
			{Match: tcp(443, 443, ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}), Number: ir.Known[uint16](100), Allow: ir.Known(true), Egress: true, Origin: out},
			{Match: tcp(5432, 5432, ir.Peer{CIDR: netip.MustParsePrefix("10.0.10.0/24")}), Number: ir.Known[uint16](100), Allow: ir.Known(true), Origin: from("aws_network_acl.reports", 21, `"allow"`)},
		},
	}
	local := ir.Route{Destination: ir.Peer{CIDR: netip.MustParsePrefix("10.0.0.0/16")}, Target: ir.One(ir.Target{Kind: ir.TargetLocal}), Blackhole: ir.Known(false), Origin: ir.Origin{Implicit: true}}
	table := &ir.RouteTable{VPC: ir.One(vpc), Main: true, Routes: []ir.Route{local}, Origin: ir.Origin{Implicit: true}}
	subnet := func(address, p string, line int, acl *ir.NetworkACL) *ir.Subnet {
		return &ir.Subnet{
			VPC: ir.One(vpc), IPv4: cidr(p), IPv6: ir.Known(netip.Prefix{}), ACL: ir.One(acl), RouteTable: ir.One(table),
			PublicOnLaunch: ir.Known(false), Origin: from(address, line, "aws_subnet"),
		}
	}
	appNet := subnet("aws_subnet.app", "10.0.10.0/24", 5, byDefault)
	reportsNet := subnet("aws_subnet.reports", "10.0.30.0/24", 10, reports)
	app := &ir.SecurityGroup{VPCs: ir.One(vpc), Origin: from("aws_security_group.app", 37, "aws_security_group")}
	rule := from("aws_security_group.app", 44, "10.0.0.0/16")
	rule.Description = "databases"
	app.Egress = []ir.Rule{{Match: tcp(5432, 5432, ir.Peer{CIDR: netip.MustParsePrefix("10.0.0.0/16")}), Origin: rule}}
	accept := from("aws_security_group.reports", 55, "aws_security_group.app.id")
	accept.Description = "app"
	group := &ir.SecurityGroup{
		VPCs: ir.One(vpc), Origin: from("aws_security_group.reports", 48, "aws_security_group"),
		Ingress: []ir.Rule{{Match: tcp(5432, 5432, ir.Peer{Group: app}), Origin: accept}},
	}
	instance := func(address, a string, line int, s *ir.Subnet, g *ir.SecurityGroup) *ir.Interface {
		return &ir.Interface{
			Resource: address, Kind: ir.InterfaceInstance, Subnet: ir.One(s), Groups: ir.All(g), SourceDestCheck: ir.Known(true),
			Addresses: []ir.Address{{Private: ir.Known(netip.MustParseAddr(a)), Family: packet.IPv4, Public: ir.Public{Exists: ir.Known(false)}}},
			Origin:    from(address, line, "aws_instance"),
		}
	}
	n := &ir.Network{
		VPCs: []*ir.VPC{vpc}, Subnets: []*ir.Subnet{appNet, reportsNet}, RouteTables: []*ir.RouteTable{table},
		NetworkACLs: []*ir.NetworkACL{byDefault, reports}, SecurityGroups: []*ir.SecurityGroup{app, group},
		Interfaces: []*ir.Interface{
			instance("aws_instance.app", "10.0.10.10", 59, appNet, app), instance("aws_instance.reports", "10.0.30.10", 67, reportsNet, group),
		},
	}
	return n, src
}

// question is what the application asks for.
func question(n *ir.Network, port uint16) trace.Query {
	return trace.Query{From: n.Interfaces[0], To: n.Interfaces[1], Header: packet.Header{
		Src: netip.MustParseAddr("10.0.10.10"), Dst: netip.MustParseAddr("10.0.30.10"), Protocol: packet.TCP, SrcPort: 32768, DstPort: port,
	}}
}

func traced(n *ir.Network, src map[string][]byte, q trace.Query) Trace {
	r := trace.Run(n, q)
	return Trace{Result: r, From: "aws_instance.app", To: "aws_instance.reports", Advice: Advise(n, q, r), Sources: src}
}

func TestTrace(t *testing.T) {
	n, src := two(t)
	blocked := traced(n, src, question(n, 5432))
	golden(t, "trace-reply.txt", TraceText(blocked, Options{}))
	golden(t, "trace-reply.json", must(t)(TraceJSON(blocked)))

	refused := traced(n, src, question(n, 22))
	refused.Verbose = true
	golden(t, "trace-group.txt", TraceText(refused, Options{}))

	acl := n.NetworkACLs[1]
	acl.Entries = append(acl.Entries, ir.Entry{
		Match:  ir.Match{Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: 1024, Hi: 65535}), Peer: ir.Peer{CIDR: netip.MustParsePrefix("10.0.10.0/24")}},
		Number: ir.Known[uint16](110), Allow: ir.Known(true), Egress: true, Origin: ir.Origin{Address: "aws_network_acl.reports"},
	})
	golden(t, "trace-allow.txt", TraceText(traced(n, src, question(n, 5432)), Options{}))

	why := &ir.Unknown{Term: "var.action", Cause: diag.Cause{Code: diag.NoValue, Message: "var.action has no value", Address: "var.action", Range: at(t, src, "main.tf", 29, `"allow"`)}}
	acl.Entries[2].Allow = ir.NotKnown[bool](why)
	unknown := traced(n, src, question(n, 5432))
	golden(t, "trace-unknown.txt", TraceText(unknown, Options{}))
	golden(t, "trace-unknown.json", must(t)(TraceJSON(unknown)))

	h := question(n, 5432).Header
	h.Dst = netip.MustParseAddr("10.0.30.99")
	golden(t, "trace-nowhere.txt", TraceText(Trace{Result: Nowhere(h, h.Dst)}, Options{}))
}

func TestShow(t *testing.T) {
	n, _ := two(t)
	why := &ir.Unknown{Term: "var.peer", Cause: diag.Cause{Code: diag.NoValue, Message: "var.peer has no value", Address: "var.peer", Range: diag.Range{File: "main.tf", Start: diag.Pos{Line: 3, Column: 1}}}}
	g := n.SecurityGroups[1]
	g.Ingress = append(g.Ingress,
		ir.Rule{Match: ir.Match{Protocol: ir.Known[int16](packet.ICMP), Ports: ir.Known(ir.ICMPPorts(8, -1)), Peer: ir.Peer{CIDR: netip.MustParsePrefix("10.0.0.0/8")}}, Origin: ir.Origin{Address: "aws_security_group.reports"}},
		ir.Rule{Match: ir.Match{Protocol: ir.Known[int16](50), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{Unknown: why}}, Maybe: why, Origin: ir.Origin{Address: "aws_security_group.reports"}},
	)
	n.NetworkACLs[1].Entries = append(n.NetworkACLs[1].Entries, ir.Entry{
		Match:  ir.Match{Protocol: ir.Known[int16](packet.ICMP), Ports: ir.Known(ir.ICMPPorts(3, 4)), Peer: ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}},
		Number: ir.NotKnown[uint16](why), Allow: ir.NotKnown[bool](why), Origin: ir.Origin{Address: "aws_network_acl.reports"},
	})
	n.NotAnalysed = []ir.Omission{{Address: "module.far", Cause: diag.Cause{Code: diag.NotInstalled, Message: "the module is not installed", Address: "module.far"}}}
	c := Cover([]*ir.Network{n}, []Input{{"main.tf", "terraform", "aa"}}, 1)
	golden(t, "show.txt", Show([]*ir.Network{n}, c, Options{}))
	golden(t, "show.json", must(t)(ShowJSON([]*ir.Network{n}, c, true)))
	if c.Rules != 4 || c.Entries != 3 || c.Resolved != 5 || c.Complete() {
		t.Errorf("coverage: %d rules, %d entries, %d resolved, complete %v", c.Rules, c.Entries, c.Resolved, c.Complete())
	}
	if !t.Run("two networks", func(t *testing.T) {
		a, b := &ir.Network{Root: "a", SecurityGroups: n.SecurityGroups}, &ir.Network{Root: "b", Variant: "dev"}
		golden(t, "show-two.txt", Show([]*ir.Network{a, b}, Cover([]*ir.Network{a, b}, nil, 2), Options{}))
	}) {
		return
	}
	golden(t, "names.txt", Names([]Name{{"aws_instance.web", "interface", "subnet app"}, {"aws_db_instance.x", "interface", ""}, {"aws_vpc.main", "vpc", "10.0.0.0/16"}}, Options{}))
	golden(t, "show-nothing.txt", Show(nil, Coverage{Inputs: []Input{{}, {}}}, Options{}))
}

func TestPortsName(t *testing.T) {
	tests := []struct {
		protocol int16
		ports    ir.Ports
		want     string
	}{
		{6, ir.AllPorts, "tcp"},
		{6, ir.Ports{Lo: 0, Hi: 0}, "tcp/0"},
		{17, ir.Ports{Lo: 53, Hi: 54}, "udp/53-54"},
		{1, ir.AllPorts, "icmp"},
		{1, ir.ICMPPorts(8, -1), "icmp/8"},
		{58, ir.ICMPPorts(128, 0), "icmpv6/128/0"},
		{1, ir.Ports{Lo: 5, Hi: 600}, "icmp/5-600"},
		{50, ir.Ports{}, "50"},
		{-1, ir.Ports{}, "all"},
	}
	for _, tt := range tests {
		if got := portsName(tt.protocol, tt.ports); got != tt.want {
			t.Errorf("portsName(%d, %v) = %s, want %s", tt.protocol, tt.ports, got, tt.want)
		}
	}
}
