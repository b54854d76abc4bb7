package aws

import (
	"fmt"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// dump writes a network as text, one line a thing, for golden files.
func dump(n *ir.Network) string {
	var d dumper
	for _, o := range n.VPCs {
		d.line("vpc %s%s seen=%t default=%t bpa=%s exclusion=%s%s", o.Origin.Address, id(o.ID), o.Seen, o.Default, value(o.BPA), value(o.Exclusion), maybe(" more", o.More))
		for _, c := range o.IPv4 {
			d.line("  ipv4 %s", value(c))
		}
		for _, c := range o.IPv6 {
			d.line("  ipv6 %s", value(c))
		}
		if o.Lattice != nil {
			d.line("  lattice %s groups=%s", o.Lattice.Origin.Address, many(o.Lattice.Groups, func(g *ir.SecurityGroup) string { return g.Origin.Address }))
		}
	}
	for _, o := range n.Subnets {
		d.line("subnet %s%s vpc=%s", o.Origin.Address, id(o.ID), vpcs(o.VPC))
		d.line("  ipv4=%s ipv6=%s public-on-launch=%s ipv6-on-launch=%s exclusion=%s", value(o.IPv4), value(o.IPv6), value(o.PublicOnLaunch), value(o.IPv6OnLaunch), value(o.Exclusion))
		d.line("  acl=%s", of(o.ACL, func(a *ir.NetworkACL) string { return a.Origin.Address }))
		d.line("  table=%s", of(o.RouteTable, func(a *ir.RouteTable) string { return a.Origin.Address }))
	}
	for _, o := range n.SecurityGroups {
		d.group(o)
	}
	for _, o := range n.NetworkACLs {
		d.line("acl %s%s vpc=%s default=%t%s", o.Origin.Address, id(o.ID), vpcs(o.VPC), o.Default, maybe(" open", o.Open))
		for _, e := range o.Entries {
			action := value(e.Allow)
			d.line("  %s %s allow=%s %s%s  @%s %s", direction(e.Egress), value(e.Number), action, match(e.Match), maybe(" maybe", e.Maybe), e.Origin.Range.Line(), e.Origin.Address)
		}
	}
	for _, o := range n.PrefixLists {
		d.line("list %s%s name=%q family=%s max=%d %v%s", o.Origin.Address, id(o.ID), o.Name, o.Family, o.Max, o.CIDRs, maybe(" open", o.Open))
	}
	for _, o := range n.Gateways {
		d.line("gateway %s%s kind=%d vpc=%s private=%t", o.Origin.Address, id(o.ID), o.Kind, vpcs(o.VPC), o.Private)
		if len(o.Subnet.Of) > 0 || o.Subnet.Open != nil {
			d.line("  subnet=%s", of(o.Subnet, subnetName))
		}
		if len(o.RouteTable.Of) > 0 || o.RouteTable.Open != nil {
			d.line("  table=%s", of(o.RouteTable, func(t *ir.RouteTable) string { return t.Origin.Address }))
		}
		d.addresses(o.Addresses)
	}
	for _, o := range n.Peerings {
		d.line("peering %s%s %s <> %s active=%s same-region=%s", o.Origin.Address, id(o.ID), vpcs(o.Requester), vpcs(o.Accepter), value(o.Active), value(o.SameRegion))
	}
	for _, o := range n.TransitGateways {
		d.transit(o)
	}
	for _, o := range n.RouteTables {
		d.line("table %s%s vpc=%s main=%t%s", o.Origin.Address, id(o.ID), vpcs(o.VPC), o.Main, maybe(" open", o.Open))
		for _, r := range o.Routes {
			d.line("  %s > %s propagated=%t%s  @%s", peer(r.Destination), of(r.Target, target), r.Propagated, maybe(" maybe", r.Maybe), r.Origin.Range.Line())
		}
	}
	for _, o := range n.Interfaces {
		d.iface(o)
	}
	for _, p := range n.Indirect {
		d.line("indirect %s", p.Address)
	}
	for _, o := range n.NotAnalysed {
		d.line("not analysed %s: %s", o.Address, o.Cause.Message)
	}
	for _, p := range n.Problems {
		d.problem(p)
	}
	return d.String()
}

type dumper struct{ strings.Builder }

func (d *dumper) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *dumper) problem(p diag.Diagnostic) {
	d.line("problem %s [%s] %s: %s (%s)", p.Range, p.Rule, p.Address, p.Message, p.Fix)
}

func (d *dumper) group(o *ir.SecurityGroup) {
	d.line("group %s%s vpc=%s default=%t%s", o.Origin.Address, id(o.ID), vpcs(o.VPCs), o.Default, maybe(" open", o.Open))
	for _, v := range o.Associated {
		d.line("  associated with %s", v.Origin.Address)
	}
	for _, p := range o.Exported {
		d.line("  exported by %s", p.Address)
	}
	for _, egress := range []bool{false, true} {
		for _, r := range o.Rules(egress) {
			d.line("  %s %s%s  @%s %s", direction(egress), match(r.Match), maybe(" maybe", r.Maybe), r.Origin.Range, r.Origin.Address)
		}
	}
}

func (d *dumper) transit(o *ir.TransitGateway) {
	name := func(a *ir.Attachment) string { return a.Origin.Address }
	d.line("transit %s%s references=%s%s", o.Origin.Address, id(o.ID), value(o.GroupReferences), maybe(" open", o.Open))
	for _, a := range o.Attachments {
		if a.Outside {
			d.line("  attachment %s%s outside", a.Origin.Address, id(a.ID))
			continue
		}
		d.line("  attachment %s vpc=%s references=%s subnets=%s", a.Origin.Address, vpcs(a.VPC), value(a.GroupReferences), many(a.Subnets, subnetName))
	}
	for _, t := range o.Tables {
		d.line("  table %s associated=%s propagated=%s%s", t.Origin.Address, list(t.Associated, name), list(t.Propagated, name), maybe(" open", t.Open))
		for _, r := range t.Routes {
			d.line("    %s > %s", peer(r.Destination), of(r.Attachment, name))
		}
	}
}

func (d *dumper) iface(o *ir.Interface) {
	d.line("interface %s%s kind=%d subnet=%s%s", o.Resource, id(o.ID), o.Kind, of(o.Subnet, subnetName), maybe(" maybe", o.Maybe))
	d.line("  groups=%s", many(o.Groups, func(g *ir.SecurityGroup) string { return g.Origin.Address }))
	d.addresses(o.Addresses)
	if o.Services != nil {
		for _, s := range o.Services.Ports {
			d.line("  answers %s %d-%d", packet.ProtocolName(int16(s.Protocol)), s.Ports.Lo, s.Ports.Hi)
			d.forward(s.Forward)
		}
		if o.Services.Open != nil {
			d.line("  answers%s", maybe(" open", o.Services.Open))
		}
	}
	if len(o.Prefixes) > 0 || o.NoInbound || o.Windows || len(o.Aliases) > 0 {
		d.line("  prefixes=%v no-inbound=%t windows=%t aliases=%v", o.Prefixes, o.NoInbound, o.Windows, o.Aliases)
	}
	if o.PreserveClient != ir.Known(false) {
		d.line("  preserve-client=%s", value(o.PreserveClient))
	}
	if o.SourceDestCheck != ir.Known(true) {
		d.line("  source-dest-check=%s", value(o.SourceDestCheck))
	}
}

func (d *dumper) forward(f *ir.Forward) {
	if f == nil {
		return
	}
	d.line("    ends=%t preserve-client=%s%s  @%s %s", f.Ends, value(f.PreserveClient), maybe(" open", f.Open), f.Place.Range.Line(), f.Place.Address)
	for _, t := range f.Targets {
		name := "nobody's"
		if t.Interface != nil {
			name = t.Interface.Resource + " in " + of(t.Interface.Subnet, subnetName)
		}
		if t.Address.IsValid() {
			name += " " + t.Address.String()
		}
		d.line("    to %s port %s%s  @%s %s", name, value(t.Port), maybe(" maybe", t.Maybe), t.Place.Range.Line(), t.Place.Address)
	}
}

func (d *dumper) addresses(as []ir.Address) {
	for _, a := range as {
		d.line("  %s %s public=%s %s%s  @%s %s", a.Family, value(a.Private), value(a.Public.Exists), value(a.Public.Addr), maybe(" maybe", a.Maybe), a.Public.Place.Range.Line(), a.Public.Place.Address)
	}
}

func subnetName(s *ir.Subnet) string { return s.Origin.Address }

func vpcs(c ir.Choice[*ir.VPC]) string {
	return of(c, func(v *ir.VPC) string { return v.Origin.Address })
}

func id(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func value[T any](v ir.Value[T]) string {
	if v.Known() {
		return fmt.Sprint(v.V)
	}
	return "?" + term(v.Why)
}

func term(u *ir.Unknown) string {
	if u.Term == "" {
		return fmt.Sprintf("{%s}", u.Cause.Code)
	}
	return fmt.Sprintf("{%s: %s}", u.Cause.Code, u.Term)
}

func maybe(what string, u *ir.Unknown) string {
	if u == nil {
		return ""
	}
	return what + "=" + term(u)
}

func list[T any](ts []T, name func(T) string) string {
	names := make([]string, 0, len(ts))
	for _, t := range ts {
		names = append(names, name(t))
	}
	return "[" + strings.Join(names, " ") + "]"
}

func of[T any](c ir.Choice[T], name func(T) string) string {
	if t, ok := c.Known(); ok {
		return name(t)
	}
	s := "one of " + list(c.Of, name)
	if len(c.Of) > 1 && c.Why != nil {
		s += " why=" + term(c.Why)
	}
	return s + maybe(" open", c.Open)
}

func many[T any](m ir.Many[T], name func(T) string) string {
	s := list(m.Sure, name)
	for _, p := range m.Maybe {
		s += " maybe " + name(p.V) + term(p.Why)
	}
	return s + maybe(" open", m.Open)
}

func peer(p ir.Peer) string {
	switch {
	case p.Group != nil:
		return "group " + p.Group.Origin.Address
	case p.PrefixList != nil:
		return "list " + p.PrefixList.Origin.Address
	case p.Unknown != nil:
		return fmt.Sprintf("?%s/%s", term(p.Unknown), p.Family)
	}
	return p.CIDR.String()
}

func match(m ir.Match) string {
	p := "?" + "protocol"
	if m.Protocol.Known() {
		p = packet.ProtocolName(m.Protocol.V)
	} else {
		p += term(m.Protocol.Why)
	}
	ports := fmt.Sprintf("%d-%d", m.Ports.V.Lo, m.Ports.V.Hi)
	if !m.Ports.Known() {
		ports += "?" + term(m.Ports.Why)
	}
	return p + " " + ports + " " + peer(m.Peer)
}

func target(t ir.Target) string {
	switch t.Kind {
	case ir.TargetLocal:
		return "local"
	case ir.TargetGateway:
		return t.Gateway.Origin.Address
	case ir.TargetPeering:
		return t.Peering.Origin.Address
	case ir.TargetTransitGateway:
		return t.TransitGateway.Origin.Address
	case ir.TargetInterface:
		return "interface of " + t.Interface.Resource
	case ir.TargetOther:
		return "other " + t.ID
	case ir.TargetInvalid:
	}
	return "invalid"
}
