package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Name is something that a question can be asked about.
type Name struct {
	Name string
	Kind string
	Note string
}

// Names writes what the input holds, one name a line, by kind.
func Names(names []Name, o Options) string {
	p := &printer{Options: o}
	kind := ""
	for i := 0; i < len(names); {
		end := i
		for end < len(names) && names[end].Kind == names[i].Kind {
			end++
		}
		if kind != "" {
			p.linef("")
		}
		kind = names[i].Kind
		p.linef("%s", p.look(plural(kind), bold))
		var rows [][]string
		for _, n := range names[i:end] {
			rows = append(rows, []string{clean(n.Name), clean(n.Note)})
		}
		for _, l := range table(rows) {
			p.linef("  %s", l)
		}
		i = end
	}
	if len(names) == 0 {
		p.linef("No names: the input holds no interfaces, groups, subnets or VPCs.")
	}
	return p.String()
}

func plural(kind string) string {
	switch kind {
	case "vpc":
		return "VPCs"
	case "":
		return "Others"
	}
	return strings.ToUpper(kind[:1]) + kind[1:] + "s"
}

// Show writes networks in their normal form: every source of a rule by itself,
// access lists in the order in which they are looked at.
func Show(nets []*ir.Network, c Coverage, o Options) string {
	p := &printer{Options: o}
	for _, n := range nets {
		if len(nets) > 1 {
			p.linef("%s", p.look("# "+clean(networkName(n)), bold))
			p.linef("")
		}
		p.showGroups(n)
		p.showACLs(n)
		p.showSubnets(n)
		p.showRouteTables(n)
		p.showTransits(n)
		p.showInterfaces(n)
	}
	p.showUnknown(c)
	if c.empty() {
		p.linef("No security groups, network ACLs or routes in %s. Is this the right directory?", count(len(c.Inputs), "file"))
		return p.String()
	}
	p.linef("%s", counts(c))
	return p.String()
}

func networkName(n *ir.Network) string {
	name := cmp.Or(n.Root, "exports")
	if n.Variant != "" {
		name += " (" + n.Variant + ")"
	}
	return name
}

// thing prints the line above the parts of a thing, and its parts as a table.
func (p *printer) thing(kind, name, note string, rows [][]string) {
	head := p.look(clean(kind), dim) + " " + p.look(clean(name), bold)
	if note != "" {
		head += "  " + clean(note)
	}
	p.linef("%s", head)
	for _, l := range table(rows) {
		p.linef("  %s", l)
	}
	p.linef("")
}

func (p *printer) showGroups(n *ir.Network) {
	for _, g := range n.SecurityGroups {
		var rows [][]string
		for _, egress := range []bool{false, true} {
			direction, word := "in", "from "
			if egress {
				direction, word = "out", "to "
			}
			for _, r := range g.Rules(egress) {
				rows = append(rows, []string{direction, clean(serviceName(r.Match)), clean(word + peerName(r.Peer)), clean(marked(lineOf(r.Origin), r.Maybe))})
			}
		}
		if len(rows) == 0 && g.Open == nil {
			rows = [][]string{{"no rules: nothing comes in, nothing goes out"}}
		}
		if g.Open != nil {
			rows = append(rows, []string{"?", "other rules may exist: " + clean(g.Open.Cause.Message)})
		}
		note := "in " + choiceName(g.VPCs, vpcName)
		if g.Name != "" {
			note = fmt.Sprintf("%q ", g.Name) + note
		}
		p.thing("security group", groupName(g), note, rows)
	}
}

func (p *printer) showACLs(n *ir.Network) {
	for _, a := range n.NetworkACLs {
		var rows [][]string
		for _, egress := range []bool{false, true} {
			direction, word := "in", "from "
			if egress {
				direction, word = "out", "to "
			}
			for _, e := range inOrder(a, egress) {
				number, action := "?", "?"
				if e.Number.Known() {
					number = fmt.Sprint(e.Number.V)
				}
				if e.Allow.Known() {
					action = map[bool]string{true: "allow", false: "deny"}[e.Allow.V]
				}
				rows = append(rows, []string{direction, number, action, clean(serviceName(e.Match)), clean(word + peerName(e.Peer)), clean(marked(lineOf(e.Origin), e.Maybe))})
			}
			rows = append(rows, []string{direction, "*", "deny", "all", word + "anywhere"})
		}
		if a.Open != nil {
			rows = append(rows, []string{"?", "other entries may exist: " + clean(a.Open.Cause.Message)})
		}
		var subnets []string
		for _, s := range subnetsOf(n, a) {
			subnets = append(subnets, subnetName(s))
		}
		note := "of " + cmp.Or(strings.Join(subnets, ", "), "no subnet")
		if a.Default && shownACL(a) != "the default ACL" {
			note = "the default ACL, " + note
		}
		p.thing("network ACL", shownACL(a), note, rows)
	}
}

// inOrder returns the entries of a direction by number, those whose number is
// not known last.
func inOrder(a *ir.NetworkACL, egress bool) []ir.Entry {
	var es []ir.Entry
	for _, e := range a.Entries {
		if e.Egress == egress {
			es = append(es, e)
		}
	}
	slices.SortStableFunc(es, func(x, y ir.Entry) int {
		return cmp.Or(cmp.Compare(boolRank(!x.Number.Known()), boolRank(!y.Number.Known())), cmp.Compare(x.Number.V, y.Number.V))
	})
	return es
}

func (p *printer) showSubnets(n *ir.Network) {
	for _, s := range n.Subnets {
		rows := [][]string{
			{"network ACL", clean(choiceName(s.ACL, shownACL))},
			{"route table", clean(choiceName(s.RouteTable, shownTable))},
		}
		var cidrs []string
		for _, c := range []ir.Value[netip.Prefix]{s.IPv4, s.IPv6} {
			switch {
			case !c.Known():
				cidrs = append(cidrs, "? ("+c.Why.Cause.Message+")")
			case c.V.IsValid():
				cidrs = append(cidrs, c.V.String())
			}
		}
		p.thing("subnet", subnetName(s), strings.Join(cidrs, ", ")+" in "+choiceName(s.VPC, vpcName), rows)
	}
}

func (p *printer) showRouteTables(n *ir.Network) {
	for _, t := range n.RouteTables {
		var rows [][]string
		for _, r := range t.Routes {
			rows = append(rows, []string{clean(peerName(r.Destination)), clean("> " + routeTarget(r)), clean(marked(lineOf(r.Origin), r.Maybe))})
		}
		if t.Open != nil {
			rows = append(rows, []string{"?", "other routes may exist: " + clean(t.Open.Cause.Message)})
		}
		note := "in " + choiceName(t.VPC, vpcName)
		if t.Main && shownTable(t) != "the main route table" {
			note = "main, " + note
		}
		if edge := edgeOf(n, t); len(edge) > 0 {
			note = "of " + strings.Join(edge, ", ") + ", " + note
		}
		p.thing("route table", shownTable(t), note, rows)
	}
}

func (p *printer) showInterfaces(n *ir.Network) {
	for _, i := range n.Interfaces {
		if i.Hypothetical {
			continue
		}
		groups := mapped(i.Groups.Sure, groupName)
		for _, g := range i.Groups.Maybe {
			groups = append(groups, groupName(g.V)+" (perhaps: "+g.Why.Cause.Message+")")
		}
		if i.Groups.Open != nil {
			groups = append(groups, "perhaps others ("+i.Groups.Open.Cause.Message+")")
		}
		rows := [][]string{
			{"subnet", clean(choiceName(i.Subnet, subnetName))},
			{"groups", clean(cmp.Or(strings.Join(groups, ", "), "none"))},
		}
		if as := addressNames(i); as != "" {
			rows = append(rows, []string{"addresses", clean(as)})
		}
		if i.Services != nil {
			rows = append(rows, []string{"answers on", clean(serviceNames(i.Services))})
			for _, s := range i.Services.Ports {
				if s.Forward != nil {
					rows = append(rows, []string{"sends " + portsName(int16(s.Protocol), s.Ports), clean("to " + targetsName(s.Forward))})
				}
			}
		}
		p.thing("interface", nicName(i), marked("", i.Maybe), rows)
	}
}

func addressNames(i *ir.Interface) string {
	var as []string
	for _, a := range i.Addresses {
		text := "?"
		if a.Private.Known() {
			text = a.Private.V.String()
		} else if a.Family != packet.FamilyInvalid {
			text = "an " + map[packet.Family]string{packet.IPv4: "IPv4", packet.IPv6: "IPv6"}[a.Family] + " address of its subnet"
		}
		switch pub := a.Public; {
		case !pub.Exists.Known():
			text += ", perhaps public"
		case pub.Exists.V && pub.Addr.Known() && pub.Addr.V.IsValid():
			text += ", public " + pub.Addr.V.String()
		case pub.Exists.V:
			text += ", public"
		}
		as = append(as, text)
	}
	for _, pr := range i.Prefixes {
		as = append(as, pr.String())
	}
	return strings.Join(as, "; ")
}

func serviceNames(s *ir.Services) string {
	var names []string
	for _, port := range s.Ports {
		names = append(names, portsName(int16(port.Protocol), port.Ports))
	}
	if s.Open != nil {
		names = append(names, "perhaps more ("+s.Open.Cause.Message+")")
	}
	return cmp.Or(strings.Join(names, ", "), "nothing")
}

func (p *printer) showUnknown(c Coverage) {
	if len(c.Unknown) > 0 {
		p.linef("%s", p.look("Unknown", bold))
		var rows [][]string
		for _, u := range c.Unknown {
			rows = append(rows, []string{clean(u.Address), clean(u.Attribute), clean(causeLine(u.Cause))})
		}
		for _, l := range table(rows) {
			p.linef("  %s", l)
		}
		p.linef("")
	}
	if len(c.NotAnalysed) > 0 {
		p.linef("%s", p.look("Not analysed", bold))
		var rows [][]string
		for _, o := range c.NotAnalysed {
			rows = append(rows, []string{clean(o.Address), clean(causeLine(o.Cause))})
		}
		for _, l := range table(rows) {
			p.linef("  %s", l)
		}
		p.linef("")
	}
}

func causeLine(c diag.Cause) string {
	if at := c.Range.Line(); at != "" {
		return c.Message + ", " + at
	}
	return c.Message
}
