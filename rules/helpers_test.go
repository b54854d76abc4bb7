package rules

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// line is a stretch of a line of a file, as long as text.
func line(file string, n int, text string) diag.Range {
	return diag.Range{
		File:  file,
		Start: diag.Pos{Line: n, Column: 17, Byte: 100 * n},
		End:   diag.Pos{Line: n, Column: 17 + len(text), Byte: 100*n + len(text)},
	}
}

func unknown(name string) *ir.Unknown {
	return &ir.Unknown{Term: name, Cause: diag.Cause{Code: diag.NoValue, Message: name + " has no value", Address: name, Range: line("vars.tf", 1, name)}}
}

// parseMatch reads "tcp/22 10.0.0.0/8": a protocol with ports, or type and code
// as one number, and a CIDR. A question mark is an unknown value.
func parseMatch(t testing.TB, protocol, peer string) ir.Match {
	t.Helper()
	name, ports, ported := strings.Cut(protocol, "/")
	m := ir.Match{Ports: ir.Known(ir.AllPorts)}
	switch name {
	case "all":
		m.Protocol = ir.Known[int16](-1)
	case "tcp":
		m.Protocol = ir.Known[int16](packet.TCP)
	case "udp":
		m.Protocol = ir.Known[int16](packet.UDP)
	case "icmp":
		m.Protocol = ir.Known[int16](packet.ICMP)
	case "icmpv6":
		m.Protocol = ir.Known[int16](packet.ICMPv6)
	case "?":
		m.Protocol = ir.NotKnown[int16](unknown("var.protocol"))
	default:
		n, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		m.Protocol = ir.Known(int16(n))
	}
	if ported {
		lo, hi, ranged := strings.Cut(ports, "-")
		if !ranged {
			hi = lo
		}
		a, err1 := strconv.Atoi(lo)
		b, err2 := strconv.Atoi(hi)
		if err1 != nil || err2 != nil {
			t.Fatalf("ports %q", ports)
		}
		m.Ports = ir.Known(ir.Ports{Lo: uint16(a), Hi: uint16(b)})
	}
	switch peer {
	case "?":
		m.Peer = ir.Peer{Unknown: unknown("var.cidr")}
	case "?4":
		m.Peer = ir.Peer{Unknown: unknown("var.cidr"), Family: packet.IPv4}
	default:
		m.Peer = ir.Peer{CIDR: netip.MustParsePrefix(peer)}
	}
	return m
}

// parseEntry reads "in 100 allow tcp/22 10.0.0.0/8", with "maybe" at the end
// for an entry that may not be there.
func parseEntry(t testing.TB, s string, at int) ir.Entry {
	t.Helper()
	w := strings.Fields(s)
	e := ir.Entry{Match: parseMatch(t, w[3], w[4]), Egress: w[0] == "out"}
	if w[1] == "?" {
		e.Number = ir.NotKnown[uint16](unknown("var.number"))
	} else {
		n, err := strconv.Atoi(w[1])
		if err != nil {
			t.Fatal(err)
		}
		e.Number = ir.Known(uint16(n))
	}
	switch w[2] {
	case "allow", "deny":
		e.Allow = ir.Known(w[2] == "allow")
	default:
		e.Allow = ir.NotKnown[bool](unknown("var.action"))
	}
	if len(w) > 5 {
		e.Maybe = unknown("var.entries")
	}
	e.Origin = ir.Origin{
		Address: "aws_network_acl.t", Range: line("acl.tf", at, w[2]), Block: line("acl.tf", at, s),
		Fields: map[ir.Field]diag.Range{ir.FieldNumber: line("acl.tf", at, w[1])},
	}
	return e
}

func parseACL(t testing.TB, entries ...string) *ir.NetworkACL {
	t.Helper()
	acl := &ir.NetworkACL{Origin: ir.Origin{Address: "aws_network_acl.t", Range: line("acl.tf", 1, "x")}}
	for k, s := range entries {
		acl.Entries = append(acl.Entries, parseEntry(t, s, 10+k))
	}
	return acl
}

// aclNetwork is a VPC with one subnet that uses the ACL.
func aclNetwork(acl *ir.NetworkACL) *ir.Network {
	vpc := &ir.VPC{
		ID: "vpc-1", Seen: true,
		IPv4: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("10.0.0.0/16"))},
		IPv6: []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("2001:db8:1::/56"))},
	}
	acl.VPC = ir.One(vpc)
	subnet := &ir.Subnet{
		ID: "subnet-1", VPC: ir.One(vpc), ACL: ir.One(acl),
		IPv4:   ir.Known(netip.MustParsePrefix("10.0.20.0/24")),
		IPv6:   ir.Known(netip.MustParsePrefix("2001:db8:1:1::/64")),
		Origin: ir.Origin{Address: "aws_subnet.t", Range: line("net.tf", 5, "x")},
	}
	return &ir.Network{Root: "root", VPCs: []*ir.VPC{vpc}, Subnets: []*ir.Subnet{subnet}, NetworkACLs: []*ir.NetworkACL{acl}}
}

// run checks one network with some rules, and fails on any disagreement.
func run(t testing.TB, n *ir.Network, only ...string) Answer {
	t.Helper()
	return runAll(t, Settings{Only: only}, n)
}

func runAll(t testing.TB, s Settings, nets ...*ir.Network) Answer {
	t.Helper()
	a, err := Check(context.Background(), nets, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range a.Disagreements {
		t.Errorf("disagreement: %v", d)
	}
	for _, d := range a.Diagnostics {
		t.Errorf("diagnostic: %v", d.Message)
	}
	return a
}

// messages lists findings one a line.
func messages(fs []diag.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "%s:%d %s", f.Place.Range.File, f.Place.Range.Start.Line, f.Message)
		if f.Certainty != diag.Definite {
			fmt.Fprintf(&b, " (%s)", f.Certainty)
		}
		if f.Suppressed != nil {
			b.WriteString(" (suppressed)")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
