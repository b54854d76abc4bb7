package endpoint

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func origin(address string) ir.Origin { return ir.Origin{Address: address} }

func prefix(s string) ir.Value[netip.Prefix] { return ir.Known(netip.MustParsePrefix(s)) }

// network is a VPC with a web server of known address, a database in two
// subnets whose addresses are not known, and an exported instance.
func network() *ir.Network {
	n := &ir.Network{}
	vpc := &ir.VPC{Name: "main", IPv4: []ir.Value[netip.Prefix]{prefix("10.0.0.0/16")}, IPv6: []ir.Value[netip.Prefix]{prefix("2600:1f00::/56")}, Origin: origin("aws_vpc.main")}
	app := &ir.Subnet{VPC: ir.One(vpc), IPv4: prefix("10.0.10.0/24"), Origin: origin("aws_subnet.app")}
	data0 := &ir.Subnet{VPC: ir.One(vpc), IPv4: prefix("10.0.20.0/24"), Origin: origin("aws_subnet.data[0]")}
	data1 := &ir.Subnet{VPC: ir.One(vpc), IPv4: prefix("10.0.21.0/24"), Origin: origin("aws_subnet.data[1]")}
	other := &ir.Subnet{ID: "subnet-9", Name: "other"}
	web := &ir.SecurityGroup{Name: "web-sg", Origin: origin("aws_security_group.web")}
	orders := &ir.SecurityGroup{Origin: origin("aws_security_group.orders")}
	exported := &ir.SecurityGroup{ID: "sg-9", Name: "blue"}
	unknown := func() ir.Value[netip.Addr] {
		return ir.NotKnown[netip.Addr](&ir.Unknown{Cause: diag.Cause{Code: diag.Computed}})
	}
	db := func(s *ir.Subnet) *ir.Interface {
		return &ir.Interface{
			Resource: `module.db["eu"].aws_db_instance.this`, Kind: ir.InterfaceDatabase,
			Subnet: ir.One(s), Groups: ir.All(orders), Addresses: []ir.Address{{Private: unknown(), Family: packet.IPv4}},
			Tags: map[string]string{"tier": "data"},
		}
	}
	n.VPCs = []*ir.VPC{vpc}
	n.Subnets = []*ir.Subnet{app, data0, data1, other}
	n.SecurityGroups = []*ir.SecurityGroup{web, orders, exported}
	n.Interfaces = []*ir.Interface{
		{
			Resource: "aws_instance.web", Kind: ir.InterfaceInstance, Subnet: ir.One(app), Groups: ir.All(web),
			Addresses: []ir.Address{{
				Private: ir.Known(netip.MustParseAddr("10.0.10.10")), Family: packet.IPv4,
				Public: ir.Public{Exists: ir.Known(true), Addr: ir.Known(netip.MustParseAddr("203.0.113.12"))},
			}},
			Tags: map[string]string{"tier": "app", "Name": "web, blue"},
		},
		db(data0), db(data1),
		{
			ID: "eni-9", Resource: "i-9", Aliases: []string{"arn:aws:ec2:eu-west-1:111122223333:instance/i-9"}, Kind: ir.InterfaceInstance,
			Subnet: ir.One(other), Groups: ir.Many[*ir.SecurityGroup]{Maybe: []ir.Possible[*ir.SecurityGroup]{{V: exported}}},
			Home: ir.Home{Account: "111122223333", Region: "eu-west-1"},
		},
	}
	return n
}

func TestSelect(t *testing.T) {
	const (
		web = "aws_instance.web"
		db  = `module.db["eu"].aws_db_instance.this`
	)
	tests := []struct {
		text       string
		interfaces []string
		holds      string // an address that is selected as such
		lacks      string // one that is not
	}{
		{text: "internet", holds: "203.0.113.10", lacks: "10.1.2.3"},
		{text: "internet", holds: "2001:db8::1", lacks: "2600:1f00::1"},
		{text: "internet4", holds: "8.8.8.8", lacks: "2001:db8::1"},
		{text: "internet6", holds: "2001:db8::1", lacks: "8.8.8.8"},
		{text: "any", interfaces: []string{web, db, db, "i-9"}, holds: "10.1.2.3", lacks: ""},
		{text: "10.0.10.10", interfaces: []string{web}, holds: "10.0.10.10", lacks: "10.0.10.11"},
		{text: "203.0.113.12", interfaces: []string{web}, holds: "203.0.113.12"},
		{text: "::ffff:10.0.10.10", interfaces: []string{web}, holds: "10.0.10.10"},
		{text: "10.0.20.0/24", interfaces: []string{db}, holds: "10.0.20.7", lacks: "10.0.21.7"},
		{text: "10.0.20.0/23", interfaces: []string{db, db}},
		{text: "10.0.20.0/25"}, // the database may have another address of its subnet
		{text: "aws_instance.web", interfaces: []string{web}, lacks: "10.0.10.10"},
		{text: "module.db.aws_db_instance.this", interfaces: []string{db, db}},
		{text: "module.db[*].aws_db_instance.this", interfaces: []string{db, db}},
		{text: `module.db["eu"].aws_db_instance.*`, interfaces: []string{db, db}},
		{text: `module.db["us"].aws_db_instance.this`},
		{text: "aws_subnet.data", interfaces: []string{db, db}},
		{text: "aws_subnet.data[1]", interfaces: []string{db}},
		{text: "aws_security_group.orders", interfaces: []string{db, db}},
		{text: "aws_vpc.main", interfaces: []string{web, db, db}},
		{text: "sg:web", interfaces: []string{web}},
		{text: "sg:web-sg", interfaces: []string{web}},
		{text: "sg:sg-9", interfaces: []string{"i-9"}}, // possible members too
		{text: "subnet:data", interfaces: []string{db, db}},
		{text: "vpc:main", interfaces: []string{web, db, db}},
		{text: "tag:tier=data", interfaces: []string{db, db}},
		{text: `tag:Name="web, blue"`, interfaces: []string{web}},
		{text: "type:aws_db_instance", interfaces: []string{db, db}},
		{text: "type:aws_instance", interfaces: []string{web, "i-9"}},
		{text: "name:w*", interfaces: []string{web}},
		{text: "acct:111122223333", interfaces: []string{"i-9"}},
		{text: "region:eu-west-1", interfaces: []string{"i-9"}},
		{text: "i-9", interfaces: []string{"i-9"}},
		{text: "eni-9", interfaces: []string{"i-9"}},
		{text: "arn:aws:ec2:eu-west-1:111122223333:instance/i-9", interfaces: []string{"i-9"}},
		{text: "aws_instance.web,i-9", interfaces: []string{web, "i-9"}},
		{text: "vpc:main+!type:aws_db_instance", interfaces: []string{web}},
		{text: "vpc:main+!type:aws_db_instance,i-9", interfaces: []string{web, "i-9"}},
		{text: "internet+!203.0.113.0/24", holds: "8.8.8.8", lacks: "203.0.113.10"},
		{text: "!!i-9", interfaces: []string{"i-9"}},
		{text: "!any"},
	}
	n := network()
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			e, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			s := e.Select(n)
			var got []string
			for _, nic := range s.Interfaces {
				got = append(got, InterfaceName(nic))
			}
			if diff := cmp.Diff(tt.interfaces, got); diff != "" {
				t.Error(diff)
			}
			if tt.holds != "" && !s.Addresses.Contains(netip.MustParseAddr(tt.holds)) {
				t.Errorf("%s is not selected", tt.holds)
			}
			if tt.lacks != "" && s.Addresses.Contains(netip.MustParseAddr(tt.lacks)) {
				t.Errorf("%s is selected", tt.lacks)
			}
			if got, want := s.Empty(), len(tt.interfaces) == 0 && tt.holds == ""; got != want && tt.text != "10.0.20.0/25" {
				t.Errorf("Empty() = %v", got)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "something is missing beside"},
		{"a,,b", "something is missing beside"},
		{"a+", "something is missing beside"},
		{"!", "something is missing beside"},
		{"db.example.com", "looks like a host name"},
		{"example.com", "looks like a host name"},
		{"10.0.0.256", "neither an address nor a CIDR"},
		{"10.0.0.0/33", "neither an address nor a CIDR"},
		{"::ffff:10.0.0.0/104", "IPv4-mapped"},
		{"tag:tier", "tag:KEY=VALUE"},
		{"sg:", "missing after the colon"},
		{`aws_instance.web["a`, "not closed"},
		{"aws_instance.web[0", "not closed"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			_, err := Parse(tt.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a *SyntaxError", err)
			}
			if !cmp.Equal(true, contains(err.Error(), tt.want)) {
				t.Errorf("got %q, want something with %q", err, tt.want)
			}
		})
	}
}

func contains(s, part string) bool { return Glob("*"+part+"*", s) }

func TestCheck(t *testing.T) {
	tests := []struct {
		text, message string
		near          []Name
		values        []Name
	}{
		{"aws_instance.wbe", "nothing here is called aws_instance.wbe", []Name{{"aws_instance.web", "interface", "subnet app, group web"}}, nil},
		{"internt", "nothing here is called internt", []Name{{Name: "internet", Note: "everybody"}, {Name: "internet4"}, {Name: "internet6"}}, nil},
		{"tag:tier=dta", "no interface has the tag tier=dta", nil, []Name{{Name: "app", Note: "1 interface"}, {Name: "data", Note: "2 interfaces"}}},
		{"tag:teir=data", "no interface has the tag teir=data", []Name{{Name: "tier", Note: "3 interfaces"}}, nil},
		{"sg:wbe", "no security group is called wbe", []Name{{Name: "web", Kind: "", Note: "aws_security_group.web"}, {Name: "blue", Note: "blue"}}, nil},
		{"type:aws_instanc", "no interface belongs to a aws_instanc", []Name{{Name: "aws_instance", Note: "2 interfaces"}}, nil},
		{"aws_instance.web,nowhere_at.all", "nothing here is called nowhere_at.all", nil, nil},
	}
	n := network()
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			e, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var missing *NotFoundError
			if !errors.As(e.Check(n), &missing) {
				t.Fatalf("Check() = %v, want a *NotFoundError", e.Check(n))
			}
			if missing.Message != tt.message {
				t.Errorf("got %q, want %q", missing.Message, tt.message)
			}
			if len(tt.near) > 0 {
				if len(missing.Near) == 0 || missing.Near[0] != tt.near[0] {
					t.Errorf("nearest: got %v, want %v first", missing.Near, tt.near[0])
				}
			}
			if diff := cmp.Diff(tt.values, missing.Values); diff != "" {
				t.Error(diff)
			}
			if e.In(n) {
				t.Error("In() says that it is there")
			}
		})
	}
	for _, found := range []string{"aws_instance.web", "sg:orders", "10.9.9.9", "any", "subnet-9"} {
		e, err := Parse(found)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Check(&ir.Network{}, n); err != nil {
			t.Errorf("%s: %v", found, err)
		}
	}
}

func TestNames(t *testing.T) {
	want := []Name{
		{"aws_instance.web", "interface", "subnet app, group web"},
		{"i-9", "interface", "subnet other"},
		{`module.db["eu"].aws_db_instance.this`, "interface", "subnets data[0] and data[1], group orders"},
		{"aws_security_group.orders", "security group", "2 interfaces"},
		{"aws_security_group.web", "security group", "1 interface"},
		{"sg-9", "security group", "0 interfaces"},
		{"aws_subnet.app", "subnet", "10.0.10.0/24"},
		{"aws_subnet.data[0]", "subnet", "10.0.20.0/24"},
		{"aws_subnet.data[1]", "subnet", "10.0.21.0/24"},
		{"subnet-9", "subnet", "no IPv4 CIDR"},
		{"aws_vpc.main", "vpc", "10.0.0.0/16"},
	}
	if diff := cmp.Diff(want, Names(network())); diff != "" {
		t.Error(diff)
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"*", "", true},
		{"web", "web", true},
		{"w*b", "web", true},
		{"w?b", "web", true},
		{"w?b", "wb", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b", "xxaxxbxx", false},
		{"we", "web", false},
	}
	for _, tt := range tests {
		if got := Glob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("Glob(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"internet", "a+!b,c", `module.x["a.b"].y_z.w[*]`, `tag:"k"="v"`, "10.0.0.0/8", "[\\", `"\`} {
		f.Add(s)
	}
	n := network()
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			return
		}
		if e.In(n) != (e.Check(n) == nil) {
			t.Errorf("%q: In and Check differ", s)
		}
		e.Select(n)
	})
}
