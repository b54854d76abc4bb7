package ir_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func unknown(term string) *ir.Unknown { return &ir.Unknown{Term: term} }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func origin(address string, line int) ir.Origin {
	return ir.Origin{Address: address, Range: diag.Range{File: "main.tf", Start: diag.Pos{Line: line, Column: 1}}}
}

// sample is a network with an unknown of every kind.
func sample() *ir.Network {
	v := &ir.VPC{ID: "vpc-1", IPv4: []ir.Value[netip.Prefix]{ir.NotKnown[netip.Prefix](unknown("vpc.cidr"))}, More: unknown("vpc.more")}
	v.BPA, v.Exclusion = ir.NotKnown[ir.BPA](unknown("bpa")), ir.NotKnown[ir.Exclusion](unknown("exclusion"))
	list := &ir.PrefixList{ID: "pl-1", Family: packet.IPv4, CIDRs: []netip.Prefix{prefix("10.1.0.0/16")}, Open: unknown("list")}
	known := &ir.SecurityGroup{ID: "sg-1", Ingress: []ir.Rule{{Match: match(22)}}}
	symbol := &ir.SecurityGroup{Term: unknown("sg"), Open: unknown("sg.rules")}
	web := &ir.SecurityGroup{ID: "sg-web", Open: unknown("web.rules"), Origin: origin("aws_security_group.web", 3), Ingress: []ir.Rule{
		{Match: ir.Match{Protocol: ir.NotKnown[int16](unknown("protocol")), Ports: ir.Value[ir.Ports]{V: ir.AllPorts, Why: unknown("ports")}, Peer: ir.Peer{Unknown: unknown("peer")}}, Origin: origin("aws_security_group.web", 5)},
		{Match: match(443), Maybe: unknown("count")},
		{Match: ir.Match{Protocol: ir.Known[int16](-1), Peer: ir.Peer{Group: symbol}}},
	}}
	acl := &ir.NetworkACL{ID: "acl-1", Open: unknown("entries"), Entries: []ir.Entry{{
		Match: match(80), Number: ir.NotKnown[uint16](unknown("number")), Allow: ir.NotKnown[bool](unknown("action")), Maybe: unknown("entry"),
	}}}
	other := &ir.NetworkACL{ID: "acl-2", Entries: []ir.Entry{{Match: match(81), Number: ir.Known[uint16](7), Allow: ir.Known(true)}}}
	table := &ir.RouteTable{ID: "rtb-1", Open: unknown("routes")}
	second := &ir.RouteTable{ID: "rtb-2", Routes: []ir.Route{{Destination: ir.Peer{PrefixList: list}, Target: ir.One(ir.Target{Kind: ir.TargetLocal})}}}
	s := &ir.Subnet{
		ID: "subnet-1", VPC: ir.One(v), IPv4: ir.Known(prefix("10.0.1.0/24")),
		ACL:        ir.Choice[*ir.NetworkACL]{Of: []*ir.NetworkACL{acl, other}, Why: unknown("acl")},
		RouteTable: ir.Choice[*ir.RouteTable]{Of: []*ir.RouteTable{table}, Open: unknown("table")},
	}
	i := &ir.Interface{
		ID: "eni-1", Subnet: ir.Another[*ir.Subnet](unknown("subnet")), Maybe: unknown("exists"),
		SourceDestCheck: ir.NotKnown[bool](unknown("check")), Services: &ir.Services{Open: unknown("services")},
		Groups: ir.Many[*ir.SecurityGroup]{Sure: []*ir.SecurityGroup{web}, Maybe: []ir.Possible[*ir.SecurityGroup]{{V: symbol, Why: unknown("member")}}, Open: unknown("groups")},
		Addresses: []ir.Address{{
			Private: ir.NotKnown[netip.Addr](unknown("private")), Family: packet.IPv4,
			Public: ir.Public{Exists: ir.NotKnown[bool](unknown("public")), Addr: ir.NotKnown[netip.Addr](unknown("eip"))},
		}, {Private: ir.Known(netip.MustParseAddr("2001:db8::1")), Family: packet.IPv6, Maybe: unknown("ipv6")}},
	}
	table.Routes = []ir.Route{{Destination: ir.Peer{Unknown: unknown("destination")}, Target: ir.One(ir.Target{Kind: ir.TargetInterface, Interface: i}), Blackhole: ir.Known(false)}}
	return &ir.Network{
		VPCs: []*ir.VPC{v}, Subnets: []*ir.Subnet{s}, SecurityGroups: []*ir.SecurityGroup{known, symbol, web},
		NetworkACLs: []*ir.NetworkACL{acl, other}, RouteTables: []*ir.RouteTable{table, second}, PrefixLists: []*ir.PrefixList{list}, Interfaces: []*ir.Interface{i},
	}
}

func match(port uint16) ir.Match {
	return ir.Match{Protocol: ir.Known[int16](packet.TCP), Ports: ir.Known(ir.Ports{Lo: port, Hi: port}), Peer: ir.Peer{CIDR: prefix("0.0.0.0/0")}}
}

func TestSubstitute(t *testing.T) {
	for _, c := range []struct {
		term, value string
		check       func(m *ir.Network) any
		want        any
	}{
		{"vpc.cidr", "10.0.0.0/16", func(m *ir.Network) any { return m.VPCs[0].IPv4[0].V.String() }, "10.0.0.0/16"},
		{"vpc.cidr", "", func(m *ir.Network) any { return len(m.VPCs[0].IPv4) }, 0},
		{"vpc.more", "10.9.0.0/16,fd00::/56", func(m *ir.Network) any { return len(m.VPCs[0].IPv4)*10 + len(m.VPCs[0].IPv6) }, 21},
		{"bpa", "ingress", func(m *ir.Network) any { return m.VPCs[0].BPA.V }, ir.BPAIngress},
		{"exclusion", "egress", func(m *ir.Network) any { return m.VPCs[0].Exclusion.V }, ir.ExclusionEgress},
		{"list", "10.2.0.0/16", func(m *ir.Network) any { return len(m.PrefixLists[0].CIDRs) }, 2},
		{"protocol", "17", func(m *ir.Network) any { return m.SecurityGroups[2].Ingress[0].Protocol.V }, int16(17)},
		{"ports", "22-80", func(m *ir.Network) any { return m.SecurityGroups[2].Ingress[0].Ports.V }, ir.Ports{Lo: 22, Hi: 80}},
		{"ports", "80-22", func(m *ir.Network) any { return m.SecurityGroups[2].Ingress[0].Ports.Known() }, false},
		{"peer", "10.0.0.0/8,sg-1,pl-1", func(m *ir.Network) any { return len(m.SecurityGroups[2].Ingress) }, 5},
		{"peer", "sg-1", func(m *ir.Network) any { return m.SecurityGroups[2].Ingress[0].Peer.Group == m.SecurityGroups[0] }, true},
		{"peer", "", func(m *ir.Network) any { return len(m.SecurityGroups[2].Ingress) }, 2},
		{"peer", "nonsense", func(m *ir.Network) any { return m.SecurityGroups[2].Ingress[0].Peer.Unknown.Term }, "peer"},
		{"count", "2", func(m *ir.Network) any { return len(m.SecurityGroups[2].Ingress) }, 4},
		{"count", "0", func(m *ir.Network) any { return len(m.SecurityGroups[2].Ingress) }, 2},
		{"web.rules", "sg-1", func(m *ir.Network) any { return len(m.SecurityGroups[2].Ingress) }, 4},
		{"sg", "sg-1", func(m *ir.Network) any { return m.SecurityGroups[1].Ingress[2].Peer.Group == m.SecurityGroups[0] }, true},
		{"number", "120", func(m *ir.Network) any { return m.NetworkACLs[0].Entries[0].Number.V }, uint16(120)},
		{"action", "true", func(m *ir.Network) any { return m.NetworkACLs[0].Entries[0].Allow.V }, true},
		{"entry", "0", func(m *ir.Network) any { return len(m.NetworkACLs[0].Entries) }, 0},
		{"entries", "acl-2", func(m *ir.Network) any { return len(m.NetworkACLs[0].Entries) }, 2},
		{"entries", "", func(m *ir.Network) any { return m.NetworkACLs[0].Open == nil }, true},
		{"routes", "rtb-2", func(m *ir.Network) any { return len(m.RouteTables[0].Routes) }, 2},
		{"destination", "10.7.0.0/16", func(m *ir.Network) any { return m.RouteTables[0].Routes[0].Destination.CIDR.String() }, "10.7.0.0/16"},
		{"acl", "1", func(m *ir.Network) any { a, _ := m.Subnets[0].ACL.Known(); return a == m.NetworkACLs[1] }, true},
		{"acl", "2", func(m *ir.Network) any { return len(m.Subnets[0].ACL.Of) }, 2},
		{"table", "rtb-2", func(m *ir.Network) any { r, _ := m.Subnets[0].RouteTable.Known(); return r == m.RouteTables[1] }, true},
		{"subnet", "subnet-1", func(m *ir.Network) any { s, _ := m.Interfaces[0].Subnet.Known(); return s == m.Subnets[0] }, true},
		{"exists", "1", func(m *ir.Network) any { return m.Interfaces[0].Maybe == nil }, true},
		{"exists", "0", func(m *ir.Network) any { return len(m.Interfaces) == 0 && m.RouteTables[0].Routes[0].Blackhole.V }, true},
		{"check", "false", func(m *ir.Network) any { return m.Interfaces[0].SourceDestCheck.Known() }, true},
		{"services", "6/443,17/53", func(m *ir.Network) any { return len(m.Interfaces[0].Services.Ports) }, 2},
		{"member", "1", func(m *ir.Network) any { return m.Interfaces[0].Groups.Sure[1] == m.SecurityGroups[1] }, true},
		{"member", "0", func(m *ir.Network) any { return len(m.Interfaces[0].Groups.Maybe) }, 0},
		{"groups", "sg-1,sg-web", func(m *ir.Network) any { return len(m.Interfaces[0].Groups.Sure) }, 2},
		{"private", "10.0.1.9", func(m *ir.Network) any { return m.Interfaces[0].Addresses[0].Private.V.String() }, "10.0.1.9"},
		{"public", "false", func(m *ir.Network) any { return m.Interfaces[0].Addresses[0].Public.Exists.Known() }, true},
		{"eip", "198.51.100.1", func(m *ir.Network) any { return m.Interfaces[0].Addresses[0].Public.Addr.V.String() }, "198.51.100.1"},
		{"ipv6", "0", func(m *ir.Network) any { return len(m.Interfaces[0].Addresses) }, 1},
	} {
		t.Run(c.term+"="+c.value, func(t *testing.T) {
			n := sample()
			m := ir.Substitute(n, map[string]string{c.term: c.value})
			if d := cmp.Diff(c.want, c.check(m)); d != "" {
				t.Error(d)
			}
			if !slices.Equal(terms(n), terms(sample())) {
				t.Error("the original changed")
			}
		})
	}
}

// A list that is unknown as a whole stands in two places of one rule: whether it
// is there, and its peer.
func TestSubstituteList(t *testing.T) {
	list := unknown("var.cidrs")
	m := match(22)
	m.Peer = ir.Peer{Unknown: list, Family: packet.IPv4}
	n := &ir.Network{
		SecurityGroups: []*ir.SecurityGroup{{ID: "sg-1", Ingress: []ir.Rule{{Match: m, Maybe: list}}}},
		NetworkACLs:    []*ir.NetworkACL{{ID: "acl-1", Entries: []ir.Entry{{Match: m, Number: ir.Known[uint16](1), Allow: ir.Known(true), Maybe: list}}}},
		RouteTables:    []*ir.RouteTable{{ID: "rtb-1", Routes: []ir.Route{{Destination: m.Peer, Maybe: list, Blackhole: ir.Known(false), Target: ir.One(ir.Target{Kind: ir.TargetLocal})}}}},
	}
	for value, want := range map[string][]string{
		"":                         nil,
		"10.0.0.0/8":               {"10.0.0.0/8"},
		"10.0.0.0/8,192.0.2.0/24":  {"10.0.0.0/8", "192.0.2.0/24"},
		"0":                        nil,
		"2":                        {"unknown", "unknown"},
		"10.0.0.0/8,not an object": {"unknown, maybe"},
	} {
		c := ir.Substitute(n, map[string]string{"var.cidrs": value})
		var rules, entries, routes []string
		for _, r := range c.SecurityGroups[0].Ingress {
			rules = append(rules, peerText(r.Peer, r.Maybe))
		}
		for _, e := range c.NetworkACLs[0].Entries {
			entries = append(entries, peerText(e.Peer, e.Maybe))
		}
		for _, r := range c.RouteTables[0].Routes {
			routes = append(routes, peerText(r.Destination, r.Maybe))
		}
		for _, got := range [][]string{rules, entries, routes} {
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%q: %s", value, d)
			}
		}
	}
}

func peerText(p ir.Peer, maybe *ir.Unknown) string {
	text := "unknown"
	if p.Unknown == nil {
		text = p.CIDR.String()
	}
	if maybe != nil {
		text += ", maybe"
	}
	return text
}

func terms(n *ir.Network) []string {
	var ts []string
	for _, s := range ir.Terms(n) {
		ts = append(ts, s.Unknown.Term)
	}
	slices.Sort(ts)
	return ts
}

func TestTerms(t *testing.T) {
	n := sample()
	want := strings.Fields(`vpc.cidr vpc.more bpa exclusion list sg sg.rules web.rules protocol ports peer count
		number action entry entries routes destination acl table subnet exists check services member groups private public eip ipv6`)
	slices.Sort(want)
	if d := cmp.Diff(want, terms(n)); d != "" {
		t.Error(d)
	}
	for _, s := range ir.Terms(n) {
		if s.Unknown.Term == "peer" && (s.Kind != ir.SitePeer || s.Owner != "aws_security_group.web" || s.Range.Line() != "main.tf:5") {
			t.Errorf("the peer stands at %+v", s)
		}
		if s.Kind == ir.SiteInvalid {
			t.Errorf("no kind: %+v", s)
		}
	}
}

// The copy is whole: nothing of it is an object of the original.
func TestCopyIsWhole(t *testing.T) {
	n := sample()
	m, to := ir.SubstituteMapped(n, nil)
	i := m.Interfaces[0]
	if i == n.Interfaces[0] || to[n.Interfaces[0]] != i {
		t.Error("the interface is not the copy's")
	}
	if i.Groups.Sure[0] != m.SecurityGroups[2] || i.Groups.Maybe[0].V != m.SecurityGroups[1] {
		t.Error("the interface's groups are not the copy's")
	}
	if r := m.RouteTables[0].Routes[0].Target.Of[0]; r.Interface != i {
		t.Error("the route's target is not the copy's")
	}
	if m.Subnets[0].VPC.Of[0] != m.VPCs[0] || m.SecurityGroups[2].Ingress[2].Peer.Group != m.SecurityGroups[1] {
		t.Error("pointers lead out of the copy")
	}
	if d := cmp.Diff(terms(n), terms(m)); d != "" {
		t.Error(d)
	}
}
