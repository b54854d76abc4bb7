package endpoint

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func TestParseService(t *testing.T) {
	tests := []struct {
		text     string
		protocol uint8
		lo, hi   uint16
		one      string // what One says is missing; "" when nothing is
	}{
		{"tcp/443", 6, 443, 443, ""},
		{"TCP/0", 6, 0, 0, ""},
		{"udp/53", 17, 53, 53, ""},
		{"6/22", 6, 22, 22, ""},
		{"tcp/8000-8100", 6, 8000, 8100, "is many packets; say one, as tcp/8000"},
		{"tcp", 6, 0, 65535, "is many packets; say one, as tcp/1"},
		{"icmp/8", 1, 8 << 8, 8<<8 | 255, ""},
		{"icmp/3/4", 1, 3<<8 | 4, 3<<8 | 4, ""},
		{"icmpv6/128", 58, 128 << 8, 128<<8 | 255, ""},
		{"icmp", 1, 0, 65535, "is every type; say one, as icmp/8"},
		{"icmpv6", 58, 0, 65535, "is every type; say one, as icmpv6/128"},
		{"esp", 50, 0, 65535, ""},
		{"50", 50, 0, 65535, ""},
		{"0", 0, 0, 65535, ""},
		{"all", 0, 0, 65535, "is every packet; say one, as tcp/443"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			s, err := ParseService(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if s.Protocol != tt.protocol || s.Lo != tt.lo || s.Hi != tt.hi || s.All != (tt.text == "all") {
				t.Errorf("got %+v", s)
			}
			_, _, err = s.One()
			switch {
			case tt.one == "" && err != nil:
				t.Errorf("One(): %v", err)
			case tt.one != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.one)):
				t.Errorf("One() = %v, want %q", err, tt.one)
			}
		})
	}
	for _, bad := range []string{"", "tcp/", "tcp/65536", "tcp/-1", "tcp/9-8", "tcp/http", "icmp/256", "icmp/8/256", "icmp/8/0/1", "esp/1", "256", "-1", "http", "./dir"} {
		if s, err := ParseService(bad); err == nil {
			t.Errorf("ParseService(%q) = %+v", bad, s)
		}
	}
}

func ask(t *testing.T, from, to, service string) Ask {
	t.Helper()
	var a Ask
	var err error
	if a.From, err = Parse(from); err != nil {
		t.Fatal(err)
	}
	if a.To, err = Parse(to); err != nil {
		t.Fatal(err)
	}
	if a.Service, err = ParseService(service); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFlows(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		name              string
		from, to, service string
		change            func(*Ask)
		headers           []string
		representative    string // part of the notes
	}{
		{name: "the internet speaks to the public address", from: "internet", to: "aws_instance.web", service: "tcp/22", headers: []string{"tcp 203.0.113.10:32768 > 203.0.113.12:22"}, representative: "203.0.113.10 stands for any address of the internet"},
		{name: "an address of one's own choice", from: "8.8.8.8", to: "aws_instance.web", service: "udp/53", headers: []string{"udp 8.8.8.8:32768 > 203.0.113.12:53"}},
		{name: "from inside by the private one", from: "aws_instance.web", to: "internet", service: "tcp/443", headers: []string{"tcp 10.0.10.10:32768 > 203.0.113.10:443"}},
		{name: "a sender is private even when it is named by its public address", from: "203.0.113.12", to: "8.8.8.8", service: "tcp/443", headers: []string{"tcp 10.0.10.10:32768 > 8.8.8.8:443"}},
		{name: "a host on premises speaks to the private address", from: "192.168.1.0/24", to: "aws_instance.web", service: "tcp/22", headers: []string{"tcp 192.168.1.1:32768 > 10.0.10.10:22"}, representative: "192.168.1.1 stands for any address of 192.168.1.0/24"},
		{name: "every interface of one resource", from: "aws_instance.web", to: "module.db.aws_db_instance.this", service: "tcp/5432", headers: []string{"tcp 10.0.10.10:32768 > 10.0.20.4:5432", "tcp 10.0.10.10:32768 > 10.0.21.4:5432"}, representative: "10.0.20.4 stands for any address of 10.0.20.0/24"},
		{name: "given addresses", from: "aws_instance.web", to: "aws_subnet.data[0]", service: "tcp/5432", change: func(a *Ask) { a.Dst = addr("10.0.20.9") }, headers: []string{"tcp 10.0.10.10:32768 > 10.0.20.9:5432"}},
		{name: "a given source port, 0 included", from: "internet", to: "aws_instance.web", service: "tcp/22", change: func(a *Ask) { a.SourcePortSet = true }, headers: []string{"tcp 203.0.113.10:0 > 203.0.113.12:22"}},
		{name: "echo request", from: "internet", to: "aws_instance.web", service: "icmp/8", headers: []string{"icmp 203.0.113.10 > 203.0.113.12 type 8 code 0"}},
		{name: "no ports", from: "internet", to: "aws_instance.web", service: "esp", headers: []string{"50 203.0.113.10 > 203.0.113.12"}},
		{name: "no public address", from: "internet", to: "aws_subnet.data[0]", service: "tcp/22", headers: []string{"tcp 203.0.113.10:32768 > 198.51.100.1:22"}, representative: "198.51.100.1"},
		{name: "an address of the VPC that nothing is known to have", from: "aws_instance.web", to: "10.0.10.77", service: "tcp/22", headers: []string{"tcp 10.0.10.10:32768 > 10.0.10.77:22"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ask(t, tt.from, tt.to, tt.service)
			if tt.change != nil {
				tt.change(&a)
			}
			flows, err := Flows(network(), a)
			if err != nil {
				t.Fatal(err)
			}
			var got, notes []string
			for _, f := range flows {
				got = append(got, f.Header.String())
				notes = append(notes, f.Representative...)
				if !f.Header.Valid() {
					t.Errorf("%s is no header", f.Header)
				}
			}
			if diff := cmp.Diff(tt.headers, got); diff != "" {
				t.Error(diff)
			}
			if all := strings.Join(notes, "\n"); !strings.Contains(all, tt.representative) || tt.representative == "" && strings.Contains(all, "10.0.10.10") {
				t.Errorf("notes: %q", all)
			}
		})
	}
}

// TestNobodyHasIt checks what an address of a VPC is that no interface is known
// to have: nothing where all interfaces are seen, something unknown elsewhere.
func TestNobodyHasIt(t *testing.T) {
	n := network()
	a := ask(t, "aws_instance.web", "10.0.10.77", "tcp/22")
	flows, err := Flows(n, a)
	if err != nil {
		t.Fatal(err)
	}
	if to := flows[0].To; to == nil || !to.Hypothetical || to.Groups.Open == nil || flows[0].Nowhere.IsValid() {
		t.Errorf("open world: %+v", flows[0])
	}
	if s, ok := flows[0].To.Subnet.Known(); !ok || s.Origin.Address != "aws_subnet.app" {
		t.Error("the subnet of the address is not taken")
	}
	n.Closed = map[ir.Scope]bool{{Kind: ir.KindInterface}: true}
	if flows, err = Flows(n, a); err != nil {
		t.Fatal(err)
	}
	if flows[0].To != nil || flows[0].Nowhere != netip.MustParseAddr("10.0.10.77") {
		t.Errorf("closed world: %+v", flows[0])
	}
}

func TestFlowsSkipsTaken(t *testing.T) {
	n := network()
	n.Interfaces[0].Addresses[0].Private = ir.Known(netip.MustParseAddr("10.0.20.4"))
	n.Interfaces[3].Prefixes = []netip.Prefix{netip.MustParsePrefix("10.0.20.5/32")}
	flows, err := Flows(n, ask(t, "i-9", "aws_subnet.data[0]", "tcp/1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := flows[0].Header.Dst.String(); got != "10.0.20.6" {
		t.Errorf("picked %s, which is taken or not the first free address", got)
	}
}

func TestFlowErrors(t *testing.T) {
	n := network()
	n.SecurityGroups = append(n.SecurityGroups, &ir.SecurityGroup{Name: "empty"})
	var ambiguous *AmbiguousError
	if _, err := Flows(n, ask(t, "internet", "aws_vpc.main", "tcp/1")); !errors.As(err, &ambiguous) || len(ambiguous.Names) != 2 {
		t.Errorf("two resources: %v", err)
	}
	if _, err := Flows(n, ask(t, "internet", "10.0.0.0/16", "tcp/1")); !errors.As(err, &ambiguous) {
		t.Errorf("interfaces and addresses: %v", err)
	}
	var empty *EmptyError
	if _, err := Flows(n, ask(t, "internet", "sg:empty", "tcp/1")); !errors.As(err, &empty) {
		t.Errorf("nothing in it: %v", err)
	}
	var syntax *SyntaxError
	if _, err := Flows(n, ask(t, "internet", "aws_instance.web", "all")); !errors.As(err, &syntax) {
		t.Errorf("many packets: %v", err)
	}
	if _, err := Flows(n, ask(t, "internet6", "aws_instance.web", "tcp/1")); !errors.As(err, &syntax) {
		t.Errorf("two families: %v", err)
	}
	if _, err := Flows(n, ask(t, "internet", "aws_instance.web", "icmpv6/128")); !errors.As(err, &syntax) {
		t.Errorf("a protocol of another family: %v", err)
	}
}

func TestInternet(t *testing.T) {
	four, six := Internet(network(), packet.IPv4), Internet(network(), packet.IPv6)
	for a, want := range map[string]bool{"1.1.1.1": true, "198.51.100.1": true, "10.0.0.1": false, "100.64.0.1": false, "224.0.0.1": false, "2001:db8::1": false} {
		if got := four.Contains(netip.MustParseAddr(a)); got != want {
			t.Errorf("IPv4: %s: %v", a, got)
		}
	}
	for a, want := range map[string]bool{"2001:db8::1": true, "2600:1f00::5": false, "2600:1f00:0:100::5": true, "fd00::1": false, "1.1.1.1": false} {
		if got := six.Contains(netip.MustParseAddr(a)); got != want {
			t.Errorf("IPv6: %s: %v", a, got)
		}
	}
}
