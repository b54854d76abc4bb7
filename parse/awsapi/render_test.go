package awsapi

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// file is a name and a text.
type file struct{ name, text string }

func read(t testing.TB, files ...file) (*ir.Network, diag.List) {
	t.Helper()
	r := NewReader()
	for _, f := range files {
		r.Add(f.name, []byte(f.text))
	}
	return r.Network()
}

func readFile(t testing.TB, path string) file {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file{path[strings.LastIndexByte(path, '/')+1:], string(data)}
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// messages are the diagnostics, one a line.
func messages(ds diag.List) string {
	var b strings.Builder
	for _, d := range ds {
		word := "note"
		if d.Error {
			word = "error"
		} else if d.Rule != "" {
			word = d.Rule
		}
		fmt.Fprintf(&b, "%s: %s: %s\n", d.Range, word, d.Message)
	}
	return b.String()
}

// describe renders parts of a network: the kinds that are named.
func describe(n *ir.Network, kinds ...string) string {
	var b strings.Builder
	for _, k := range kinds {
		switch k {
		case "sg":
			for _, g := range n.SecurityGroups {
				fmt.Fprintf(&b, "sg %s %s%s%s\n", g.ID, vpcs(g.VPCs), open(g.Open), word(g.Default, " default"))
				for _, r := range g.Ingress {
					fmt.Fprintf(&b, "  in  %s%s\n", match(r.Match), open(r.Maybe))
				}
				for _, r := range g.Egress {
					fmt.Fprintf(&b, "  out %s%s\n", match(r.Match), open(r.Maybe))
				}
			}
		case "acl":
			for _, a := range n.NetworkACLs {
				fmt.Fprintf(&b, "acl %s %s%s\n", a.ID, vpcs(a.VPC), word(a.Default, " default"))
				for _, e := range a.Entries {
					fmt.Fprintf(&b, "  %s %d %s %s%s\n", pick(e.Egress, "out", "in "), e.Number.V, pick(e.Allow.V, "allow", "deny"), match(e.Match), open(e.Maybe))
				}
			}
		case "subnet":
			for _, s := range n.Subnets {
				acl, table := "?", "?"
				if a, ok := s.ACL.Known(); ok {
					acl = a.ID
				}
				if r, ok := s.RouteTable.Known(); ok {
					table = r.ID
				}
				fmt.Fprintf(&b, "subnet %s %s %s %s %s %s\n", s.ID, vpcs(s.VPC), s.IPv4.V, s.IPv6.V, acl, table)
			}
		case "eni":
			for _, i := range n.Interfaces {
				b.WriteString(eni(i))
			}
		case "route":
			for _, r := range n.RouteTables {
				fmt.Fprintf(&b, "table %s %s%s\n", r.ID, vpcs(r.VPC), word(r.Main, " main"))
				for _, x := range r.Routes {
					fmt.Fprintf(&b, "  %s > %s%s%s\n", peer(x.Destination), target(x.Target), word(x.Blackhole.V, " blackhole"), word(x.Propagated, " propagated"))
				}
			}
		case "gateway":
			for _, g := range n.Gateways {
				fmt.Fprintf(&b, "gateway %s %d %s\n", g.ID, g.Kind, vpcs(g.VPC))
			}
		case "edge":
			for _, g := range n.Gateways {
				table, subnet := "no table", "no subnet"
				if t, ok := g.RouteTable.Known(); ok {
					table = t.ID
				} else if g.RouteTable.Open != nil {
					table = "table?"
				}
				if s, ok := g.Subnet.Known(); ok {
					subnet = s.ID
				} else if g.Subnet.Open != nil {
					subnet = "subnet?"
				}
				fmt.Fprintf(&b, "gateway %s %d %s %s\n", g.ID, g.Kind, subnet, table)
			}
		case "transit":
			for _, g := range n.TransitGateways {
				b.WriteString(transit(g))
			}
		case "forward":
			for _, i := range n.Interfaces {
				if i.Services != nil {
					b.WriteString(forwards(i))
				}
			}
		case "pl":
			for _, l := range n.PrefixLists {
				fmt.Fprintf(&b, "pl %s %s %v%s\n", l.ID, l.Family, l.CIDRs, open(l.Open))
			}
		case "omitted":
			for _, o := range n.NotAnalysed {
				fmt.Fprintf(&b, "%s: %s\n", o.Address, o.Cause.Message)
			}
		}
	}
	return b.String()
}

func eni(i *ir.Interface) string {
	var b strings.Builder
	subnet := "?"
	var names []string
	for _, s := range i.Subnet.Of {
		names = append(names, s.ID)
	}
	if len(names) > 0 {
		subnet = strings.Join(names, "|")
	}
	fmt.Fprintf(&b, "eni %s %s kind=%d %s", i.ID, i.Resource, i.Kind, subnet)
	for _, g := range i.Groups.Sure {
		b.WriteString(" " + g.ID)
	}
	b.WriteString(open(i.Groups.Open))
	for _, a := range i.Addresses {
		private := "?"
		if a.Private.Known() {
			private = a.Private.V.String()
		}
		if a.Public.Exists.V {
			private += "=" + strings.ReplaceAll(a.Public.Addr.V.String(), "invalid IP", "?")
		}
		b.WriteString(" " + private)
	}
	for _, p := range i.Prefixes {
		b.WriteString(" " + p.String())
	}
	if i.Services != nil {
		for _, s := range i.Services.Ports {
			fmt.Fprintf(&b, " :%d/%d", s.Protocol, s.Ports.Lo)
		}
		b.WriteString(strings.ReplaceAll(open(i.Services.Open), "open", "services?"))
	}
	b.WriteString(word(i.NoInbound, " no-inbound") + word(i.Windows, " windows") + word(!i.SourceDestCheck.V, " forwards") + word(i.DenyIGW, " deny-igw"))
	return b.String() + "\n"
}

func transit(g *ir.TransitGateway) string {
	var b strings.Builder
	fmt.Fprintf(&b, "transit %s%s\n", g.ID, open(g.Open))
	for _, a := range g.Attachments {
		fmt.Fprintf(&b, "  %s %s\n", a.ID, pick(a.Outside, "outside", vpcs(a.VPC)))
	}
	ids := func(as []*ir.Attachment) string {
		var names []string
		for _, a := range as {
			names = append(names, a.ID+word(!slices.Contains(g.Attachments, a), " of another"))
		}
		return "[" + strings.Join(names, " ") + "]"
	}
	for _, t := range g.Tables {
		fmt.Fprintf(&b, "  table %s associated=%s propagated=%s%s\n", t.ID, ids(t.Associated), ids(t.Propagated), open(t.Open))
		for _, r := range t.Routes {
			fmt.Fprintf(&b, "    %s > %s%s\n", peer(r.Destination), ids(r.Attachment.Of), open(r.Attachment.Open))
		}
	}
	return b.String()
}

// forwards renders where the services of an interface send flows.
func forwards(i *ir.Interface) string {
	var b strings.Builder
	for _, s := range i.Services.Ports {
		f := s.Forward
		if f == nil {
			continue
		}
		keep := "?"
		if f.PreserveClient.Known() {
			keep = pick(f.PreserveClient.V, "client", "balancer")
		}
		fmt.Fprintf(&b, "%s :%d/%d%s shows %s%s\n", i.Resource, s.Protocol, s.Ports.Lo, word(f.Ends, " ends"), keep, open(f.Open))
		for _, t := range f.Targets {
			name := "nobody"
			if t.Interface != nil {
				name = t.Interface.Resource
			}
			fmt.Fprintf(&b, "  %s%s :%s%s\n", name, word(t.Address.IsValid(), " "+t.Address.String()), pick(t.Port.Known(), fmt.Sprint(t.Port.V), "?"), word(t.Maybe != nil, " maybe"))
		}
	}
	return b.String()
}

func vpcs(c ir.Choice[*ir.VPC]) string {
	if v, ok := c.Known(); ok {
		return v.ID
	}
	return pick(c.Open != nil, "vpc?", "no-vpc")
}

func match(m ir.Match) string {
	protocol := "?"
	if m.Protocol.Known() {
		protocol = fmt.Sprint(m.Protocol.V)
	}
	return fmt.Sprintf("%s %d-%d%s %s", protocol, m.Ports.V.Lo, m.Ports.V.Hi, word(!m.Ports.Known(), "?"), peer(m.Peer))
}

func peer(p ir.Peer) string {
	switch {
	case p.Group != nil:
		return p.Group.ID
	case p.PrefixList != nil:
		return p.PrefixList.ID
	case p.Unknown != nil:
		return "?" + p.Family.String()
	}
	return p.CIDR.String()
}

func target(c ir.Choice[ir.Target]) string {
	t, ok := c.Known()
	if !ok {
		return "?"
	}
	switch t.Kind {
	case ir.TargetLocal:
		return "local"
	case ir.TargetGateway:
		return t.Gateway.ID
	case ir.TargetPeering:
		return t.Peering.ID
	case ir.TargetTransitGateway:
		return t.TransitGateway.ID
	case ir.TargetInterface:
		return t.Interface.ID + "(interface)"
	case ir.TargetOther:
		return t.ID + "(other)"
	case ir.TargetInvalid:
	}
	return "invalid"
}

func open(u *ir.Unknown) string { return word(u != nil, " open") }

func word(b bool, s string) string { return pick(b, s, "") }

func pick(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
