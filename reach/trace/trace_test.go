package trace_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/internal/microcase"
	"github.com/postern-dev/postern/internal/netgen"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach/trace"
)

func TestReplyHeader(t *testing.T) {
	v4 := func(protocol uint8, sport, dport uint16) packet.Header {
		return packet.Header{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), Protocol: protocol, SrcPort: sport, DstPort: dport}
	}
	v6 := func(protocol uint8, dport uint16) packet.Header {
		return packet.Header{Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), Protocol: protocol, DstPort: dport}
	}
	for _, c := range []struct {
		name   string
		h      packet.Header
		sport  uint16
		dport  uint16
		needed bool
	}{
		{"tcp", v4(packet.TCP, 40000, 443), 443, 40000, true},
		{"udp from port 0", v4(packet.UDP, 0, 53), 53, 0, true},
		{"echo", v4(packet.ICMP, 0, packet.TypeCode(8, 3)), 0, packet.TypeCode(0, 3), true},
		{"timestamp", v4(packet.ICMP, 0, packet.TypeCode(13, 0)), 0, packet.TypeCode(14, 0), true},
		{"information", v4(packet.ICMP, 0, packet.TypeCode(15, 0)), 0, packet.TypeCode(16, 0), true},
		{"address mask", v4(packet.ICMP, 0, packet.TypeCode(17, 0)), 0, packet.TypeCode(18, 0), true},
		{"echo reply sent first", v4(packet.ICMP, 0, packet.TypeCode(0, 0)), 0, 0, false},
		{"unreachable", v4(packet.ICMP, 0, packet.TypeCode(3, 4)), 0, 0, false},
		{"type 128 is no echo in IPv4", v4(packet.ICMP, 0, packet.TypeCode(128, 0)), 0, 0, false},
		{"echo, IPv6", v6(packet.ICMPv6, packet.TypeCode(128, 1)), 0, packet.TypeCode(129, 1), true},
		{"type 8 is no echo in IPv6", v6(packet.ICMPv6, packet.TypeCode(8, 0)), 0, 0, false},
		{"neighbour solicitation", v6(packet.ICMPv6, packet.TypeCode(135, 0)), 0, 0, false},
		{"esp", v4(50, 0, 0), 0, 0, true},
		{"ICMPv6 in IPv4 is plain", v4(packet.ICMPv6, 0, 0), 0, 0, true},
		{"ICMP in IPv6 is plain", v6(packet.ICMP, 0), 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, needed := trace.ReplyHeader(c.h)
			if needed != c.needed {
				t.Fatalf("needed: %v", needed)
			}
			want := packet.Header{}
			if needed {
				want = packet.Header{Src: c.h.Dst, Dst: c.h.Src, Protocol: c.h.Protocol, SrcPort: c.sport, DstPort: c.dport}
			}
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if needed && !got.Valid() {
				t.Errorf("%v is no header", got)
			}
		})
	}
}

func line(address string, number int) ir.Origin {
	at := func(n int) diag.Range {
		return diag.Range{File: "main.tf", Start: diag.Pos{Line: n, Column: 5}, End: diag.Pos{Line: n, Column: 9}}
	}
	return ir.Origin{Address: address, Range: at(number), Block: at(number)}
}

// reports is a network whose request arrives and whose reply is dropped.
func reports() (*ir.Network, trace.Query) {
	v := &ir.VPC{Seen: true, Origin: line("aws_vpc.main", 1), IPv4: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("10.0.0.0/16"))}}
	all := ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}}
	open := &ir.NetworkACL{Default: true, VPC: ir.One(v)}
	for _, egress := range []bool{false, true} {
		open.Entries = append(open.Entries, ir.Entry{Match: all, Egress: egress, Number: ir.Known[uint16](100), Allow: ir.Known(true), Origin: ir.Origin{Implicit: true}})
	}
	tcp := func(port uint16, p ir.Peer) ir.Match {
		return ir.Match{Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: port, Hi: port}), Peer: p}
	}
	cidr := func(s string) ir.Peer { return ir.Peer{CIDR: netip.MustParsePrefix(s)} }
	closed := &ir.NetworkACL{VPC: ir.One(v), Origin: line("aws_network_acl.reports", 15), Entries: []ir.Entry{
		{Match: tcp(5432, cidr("10.0.10.0/24")), Number: ir.Known[uint16](100), Allow: ir.Known(true), Origin: line("aws_network_acl.reports", 20)},
		{Match: tcp(443, cidr("0.0.0.0/0")), Egress: true, Number: ir.Known[uint16](100), Allow: ir.Known(true), Origin: line("aws_network_acl.reports", 27)},
	}}
	table := &ir.RouteTable{Main: true, VPC: ir.One(v), Origin: ir.Origin{Implicit: true}, Routes: []ir.Route{
		{Destination: cidr("10.0.0.0/16"), Target: ir.One(ir.Target{Kind: ir.TargetLocal}), Blackhole: ir.Known(false), Origin: ir.Origin{Implicit: true}},
	}}
	app := &ir.SecurityGroup{Origin: line("aws_security_group.app", 37)}
	app.Egress = []ir.Rule{{Match: tcp(5432, cidr("10.0.0.0/16")), Origin: line("aws_security_group.app", 44)}}
	app.Egress[0].Origin.Description = "databases"
	db := &ir.SecurityGroup{Origin: line("aws_security_group.reports", 48)}
	db.Ingress = []ir.Rule{{Match: tcp(5432, ir.Peer{Group: app}), Origin: line("aws_security_group.reports", 55)}}
	db.Ingress[0].Origin.Description = "app"
	n := &ir.Network{VPCs: []*ir.VPC{v}, SecurityGroups: []*ir.SecurityGroup{app, db}, NetworkACLs: []*ir.NetworkACL{open, closed}, RouteTables: []*ir.RouteTable{table}}
	instance := func(name, net, ip string, a *ir.NetworkACL, g *ir.SecurityGroup) *ir.Interface {
		s := &ir.Subnet{VPC: ir.One(v), IPv4: ir.Known(netip.MustParsePrefix(net)), ACL: ir.One(a), RouteTable: ir.One(table), Origin: line("aws_subnet."+name, 5)}
		i := &ir.Interface{
			Resource: "aws_instance." + name, Kind: ir.InterfaceInstance, Subnet: ir.One(s), Groups: ir.All(g), SourceDestCheck: ir.Known(true),
			Addresses: []ir.Address{{Private: ir.Known(netip.MustParseAddr(ip)), Family: packet.IPv4}}, Origin: line("aws_instance."+name, 60),
		}
		n.Subnets, n.Interfaces = append(n.Subnets, s), append(n.Interfaces, i)
		return i
	}
	from := instance("app", "10.0.10.0/24", "10.0.10.10", open, app)
	to := instance("reports", "10.0.30.0/24", "10.0.30.10", closed, db)
	h := packet.Header{Src: netip.MustParseAddr("10.0.10.10"), Dst: netip.MustParseAddr("10.0.30.10"), Protocol: packet.TCP, SrcPort: 32768, DstPort: 5432}
	return n, trace.Query{From: from, To: to, Header: h}
}

func TestHops(t *testing.T) {
	n, q := reports()
	r := trace.Run(n, q)
	want := `deny
request allow tcp 10.0.10.10:32768 > 10.0.30.10:5432
  allow   aws_instance.app     sg-egress       5432 to 10.0.0.0/16 "databases"  main.tf:44
  allow   aws_subnet.app       nacl-egress     default ACL, entry 100: all   (not in the configuration)
  allow   aws_subnet.app       route           10.0.0.0/16 > local   (main route table)
  allow   aws_subnet.reports   nacl-ingress    entry 100: 5432 from 10.0.10.0/24  main.tf:20
  allow   aws_instance.reports sg-ingress      5432 from group app "app"  main.tf:55
reply deny tcp 10.0.30.10:5432 > 10.0.10.10:32768
  allow   aws_instance.reports sg-egress       answers an allowed request  
  deny    aws_subnet.reports   nacl-egress     entry *: nothing else matches  main.tf:27 [SUBNET_ACL_RESTRICTION]
`
	if d := cmp.Diff(want, dump(r)); d != "" {
		t.Error(d)
	}
	last := r.Reply.Hops[1]
	if last.Entry != nil || len(last.Passed) != 1 || last.Rule != "aws_network_acl.reports/egress/*" {
		t.Errorf("the implicit entry decides, after one that was passed over; got %+v", last)
	}
	if r.Forward.Hops[0].SGRule != &q.From.Groups.Sure[0].Egress[0] || r.Forward.Hops[2].Route == nil {
		t.Error("hops do not point at what decided")
	}
}

func TestNotAFlow(t *testing.T) {
	n, q := reports()
	for _, c := range []struct {
		name string
		edit func(*trace.Query)
		want string
	}{
		{"to itself", func(q *trace.Query) { q.To = q.From }, "sends to itself"},
		{"from nowhere to nowhere", func(q *trace.Query) { q.From, q.To = nil, nil }, "neither end"},
		{"foreign source", func(q *trace.Query) { q.Header.Src = netip.MustParseAddr("10.0.10.11") }, "10.0.10.11 is no address of aws_instance.app"},
		{"foreign destination", func(q *trace.Query) { q.Header.Dst = netip.MustParseAddr("10.0.30.11") }, "10.0.30.11 is no address of aws_instance.reports"},
		{"two families", func(q *trace.Query) { q.Header.Dst = netip.MustParseAddr("::1") }, "not a header"},
		{"from the internet to a public address that is none", func(q *trace.Query) {
			q.From, q.Header.Src, q.Header.Dst = nil, netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("198.51.100.1")
		}, "has no public IPv4 address"},
		{"to a free address of the VPC", func(q *trace.Query) { q.To = nil }, "inside the VPC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := q
			c.edit(&q)
			r := trace.Run(n, q)
			checkShape(t, r)
			if r.Verdict != trace.Deny || !strings.Contains(dump(r), c.want) {
				t.Errorf("want a denial that says %q\n%s", c.want, dump(r))
			}
		})
	}
}

func TestNoReplyNeeded(t *testing.T) {
	n, q := reports()
	q.Header.Protocol, q.Header.SrcPort, q.Header.DstPort = packet.ICMP, 0, packet.TypeCode(3, 4)
	for _, i := range n.Interfaces {
		g := i.Groups.Sure[0]
		g.Egress = append(g.Egress, ir.Rule{Match: n.NetworkACLs[0].Entries[0].Match})
		g.Ingress = append(g.Ingress, ir.Rule{Match: n.NetworkACLs[0].Entries[0].Match})
	}
	n.NetworkACLs[1].Entries[0].Match = n.NetworkACLs[0].Entries[0].Match
	r := trace.Run(n, q)
	if r.Verdict != trace.Allow || !r.Reply.NotNeeded || r.Reply.Verdict != trace.Allow || len(r.Reply.Hops) != 0 {
		t.Errorf("an ICMP error needs no reply\n%s", dump(r))
	}
}

// What the model has no words for is named, and neither allowed nor denied.
func TestNotModelled(t *testing.T) {
	for _, kind := range []ir.GatewayKind{ir.OtherGateway} {
		n, q := reports()
		g := &ir.Gateway{Kind: kind, Origin: line("aws_vpn_gateway.main", 70)}
		n.Gateways = append(n.Gateways, g)
		everyone := ir.Peer{CIDR: netip.MustParsePrefix("0.0.0.0/0")}
		n.RouteTables[0].Routes = append(n.RouteTables[0].Routes, ir.Route{
			Destination: everyone, Target: ir.One(ir.Target{Kind: ir.TargetGateway, Gateway: g}), Blackhole: ir.Known(false),
		})
		q.From.Groups.Sure[0].Egress[0].Peer = everyone
		q.To, q.Header.Dst = nil, netip.MustParseAddr("192.168.1.1")
		r := trace.Run(n, q)
		if r.Verdict != trace.Unknown || len(r.Because) != 1 || r.Because[0].Cause.Code != diag.NotModelled || r.Because[0].Cause.Range.Line() != "main.tf:70" {
			t.Errorf("kind %d\n%s", kind, dump(r))
		}
		// A host behind the gateway may begin a flow, too.
		q.From, q.To = nil, n.Interfaces[1]
		q.Header.Src, q.Header.Dst = q.Header.Dst, netip.MustParseAddr("10.0.30.10")
		q.To.Groups.Sure[0].Ingress[0].Peer = everyone
		if r := trace.Run(n, q); r.Verdict != trace.Unknown {
			t.Errorf("from behind kind %d\n%s", kind, dump(r))
		}
	}
}

func TestHolds(t *testing.T) {
	n, q := reports()
	i := q.From
	i.Addresses = append(i.Addresses, ir.Address{Private: ir.NotKnown[netip.Addr](&ir.Unknown{Term: "ip"}), Family: packet.IPv4})
	i.Prefixes = []netip.Prefix{netip.MustParsePrefix("10.0.40.16/28")}
	for a, want := range map[string]trace.Verdict{
		"10.0.10.10":   trace.Allow, // written down
		"10.0.10.11":   trace.Allow, // free
		"10.0.10.3":    trace.Deny,  // reserved
		"10.0.10.4":    trace.Allow,
		"10.0.10.255":  trace.Deny, // reserved
		"10.0.30.10":   trace.Deny, // of another subnet
		"10.0.40.17":   trace.Allow,
		"10.0.40.32":   trace.Deny,
		"198.51.100.1": trace.Deny, // no public address
	} {
		if got := trace.Holds(n, i, netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v, want %v", a, got, want)
		}
	}
	i.Addresses[1].Public = ir.Public{Exists: ir.NotKnown[bool](&ir.Unknown{Term: "public"}), Addr: ir.NotKnown[netip.Addr](&ir.Unknown{Term: "eip"})}
	if got := trace.Holds(n, i, netip.MustParseAddr("198.51.100.1")); got != trace.Unknown {
		t.Errorf("a public address that may exist: %v", got)
	}
}

// The leg and the verdicts of every case agree with each other, and walking
// leaves the network as it was.
func TestShapes(t *testing.T) {
	for _, name := range []string{"microcases.json", "unknown.json"} {
		for _, c := range load(t, name) {
			if c.Check != microcase.Packet && c.Check != microcase.Flow {
				continue
			}
			before := ir.Substitute(c.Network, nil)
			_, r := answer(c)
			checkShape(t, r)
			if d := trace.Decide(c.Network, trace.Query{From: c.From, To: c.To, Header: c.Header, NATPort: c.NATPort}); d != r.Verdict {
				t.Errorf("%s: Decide says %v, Run %v", c.ID, d, r.Verdict)
			}
			if len(ir.Terms(before)) != len(ir.Terms(c.Network)) {
				t.Errorf("%s: the network changed", c.ID)
			}
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	n, q := reports()
	for b.Loop() {
		trace.Decide(n, q)
	}
}

func BenchmarkRun(b *testing.B) {
	n, q := reports()
	for b.Loop() {
		trace.Run(n, q)
	}
}

// BenchmarkDecideRandom is a mixture of networks of every kind.
func BenchmarkDecideRandom(b *testing.B) {
	r := rng(3)
	n := netgen.New(r, netgen.All)
	qs := slices.Collect(func(yield func(trace.Query) bool) {
		for _, q := range netgen.Questions(n, r, 200) {
			if !yield(query(q)) {
				return
			}
		}
	})
	k := 0
	for b.Loop() {
		trace.Decide(n, qs[k%len(qs)])
		k++
	}
}

// A million samples a second are checked this way.
func TestDecideAllocatesNothing(t *testing.T) {
	n, q := reports()
	if a := testing.AllocsPerRun(100, func() { trace.Decide(n, q) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
