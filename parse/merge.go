package parse

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// Exports and states describe what exists, and name it by the ids of AWS. So
// those of one run are one network: a group that a state manages stands on the
// interface that an export shows.
//
// What several of them describe is one object. An export is AWS's own word, so
// its description counts; a state fills in what the export leaves open, and
// gives the object the name that people know it by, its Terraform address. What
// only one of them describes is taken from there. Places stay those of the
// description that counts.

// described is a network that is made of one kind of input.
type described struct {
	shown  string
	net    *ir.Network
	export bool
}

// merger joins networks.
type merger struct {
	out   *ir.Network
	same  map[any]any // an object to the one that stands for it
	found map[name][]any
	twice []pair
}

// name is what an object is found by.
type name struct {
	kind reflect.Type
	id   string
}

// pair is an object that an export and a state describe.
type pair struct {
	object, state any
	shown         string
}

// joined makes one network of all, the exports first. A single one stays as it
// is.
func joined(all []described) *ir.Network {
	if len(all) == 1 {
		return all[0].net
	}
	tellApart(all)
	m := &merger{out: &ir.Network{Closed: map[ir.Scope]bool{}}, same: map[any]any{}, found: map[name][]any{}}
	var roots []string
	for _, d := range all {
		if !d.export {
			roots = append(roots, d.shown)
		}
		m.add(d)
	}
	if !all[0].export {
		m.out.Root = strings.Join(roots, " + ")
	}
	r := rewriter{same: m.same, done: map[any]bool{}}
	r.value(reflect.ValueOf(m.out).Elem())
	for _, p := range m.twice {
		r.value(reflect.ValueOf(p.state).Elem())
	}
	m.settleHomes()
	m.reportDrift()
	m.out.Problems = m.out.Problems.Sort()
	return m.out
}

// add joins the objects of a network to those that are there.
func (m *merger) add(d described) {
	n, o := d.net, m.out
	o.VPCs = join(m, d, o.VPCs, n.VPCs)
	o.Subnets = join(m, d, o.Subnets, n.Subnets)
	o.RouteTables = join(m, d, o.RouteTables, n.RouteTables)
	o.SecurityGroups = join(m, d, o.SecurityGroups, n.SecurityGroups)
	o.NetworkACLs = join(m, d, o.NetworkACLs, n.NetworkACLs)
	o.PrefixLists = join(m, d, o.PrefixLists, n.PrefixLists)
	o.Gateways = join(m, d, o.Gateways, n.Gateways)
	o.Peerings = join(m, d, o.Peerings, n.Peerings)
	o.TransitGateways = join(m, d, o.TransitGateways, n.TransitGateways)
	m.interfaces(d)
	for s, closed := range n.Closed {
		o.Closed[s] = o.Closed[s] || closed
	}
	o.Indirect = append(o.Indirect, n.Indirect...)
	o.Problems = append(o.Problems, n.Problems...)
	o.NotAnalysed = append(o.NotAnalysed, n.NotAnalysed...)
	o.Ignores = append(o.Ignores, n.Ignores...)
}

// join adds the objects of one kind.
func join[T any](m *merger, d described, to, from []*T) []*T {
	for _, o := range from {
		id, home := identity(o)
		key := name{reflect.TypeFor[T](), id}
		var known *T
		for _, c := range m.found[key] {
			if _, at := identity(c); id != "" && (at.Account == home.Account || at.Account == "" || home.Account == "") &&
				(at.Region == home.Region || at.Region == "" || home.Region == "") {
				known, _ = c.(*T)
			}
		}
		if known == nil {
			m.found[key] = append(m.found[key], o)
			to = append(to, o)
			continue
		}
		m.same[o] = known
		m.unite(d, known, o)
	}
	return to
}

// unite makes one object of two. The one that is described counts; the other
// one fills in what that leaves open.
func (m *merger) unite(d described, known, other any) {
	k, o := reflect.ValueOf(known).Elem(), reflect.ValueOf(other).Elem()
	copied := reflect.New(o.Type()).Elem()
	copied.Set(o)
	switch {
	case !isDescribed(known) && isDescribed(other):
		named := reflect.New(k.Type()).Elem()
		named.Set(k)
		k.Set(copied)
		copied = named
	case isDescribed(known) && isDescribed(other) && !d.export:
		to, _ := k.FieldByName("Origin").Addr().Interface().(*ir.Origin)
		if from, _ := copied.FieldByName("Origin").Interface().(ir.Origin); !from.Implicit {
			m.twice = append(m.twice, pair{known, copied.Addr().Interface(), d.shown})
			to.Address = from.Address
		}
	}
	fill(k, copied)
	if known, ok := known.(*ir.TransitGateway); ok {
		m.uniteTransit(d, known, other.(*ir.TransitGateway))
	}
}

// uniteTransit joins what belongs to a transit gateway.
func (m *merger) uniteTransit(d described, known, other *ir.TransitGateway) {
	if known.Attachments != nil && len(other.Attachments) > 0 {
		known.Attachments = join(m, d, slices.Clone(known.Attachments), other.Attachments)
	}
	if known.Tables != nil && len(other.Tables) > 0 {
		known.Tables = join(m, d, slices.Clone(known.Tables), other.Tables)
	}
}

// interfaces adds the interfaces of a network. A state knows the resources that
// they belong to and rarely their ids.
func (m *merger) interfaces(d described) {
	before := len(m.out.Interfaces)
	for _, i := range d.net.Interfaces {
		var fits []*ir.Interface
		for _, k := range m.out.Interfaces[:before] {
			if sameInterface(k, i) {
				fits = append(fits, k)
			}
		}
		if len(fits) == 0 {
			m.out.Interfaces = append(m.out.Interfaces, i)
			continue
		}
		m.same[i] = fits[0]
		for _, k := range fits {
			for _, a := range append([]string{i.Resource, i.Origin.Address}, i.Aliases...) {
				if a != "" && a != k.Resource && !slices.Contains(k.Aliases, a) {
					k.Aliases = append(k.Aliases, a)
				}
			}
			if k.Resource != "" && k.Resource != i.Resource && !slices.Contains(k.Aliases, k.Resource) {
				k.Aliases = append(k.Aliases, k.Resource)
			}
			k.Resource = i.Resource
		}
		if len(fits) == 1 {
			fill(reflect.ValueOf(fits[0]).Elem(), reflect.ValueOf(i).Elem())
		}
	}
}

// sameInterface reports whether two descriptions are of one interface, or of
// interfaces of one resource.
func sameInterface(a, b *ir.Interface) bool {
	if a.ID != "" && b.ID != "" {
		return a.ID == b.ID
	}
	names := append([]string{a.ID, a.Resource}, a.Aliases...)
	return slices.ContainsFunc(append([]string{b.ID, b.Resource}, b.Aliases...), func(n string) bool { return n != "" && slices.Contains(names, n) })
}

// identity is what AWS calls an object, and where it is. Two homes that do not
// differ may be one.
func identity(o any) (id string, home ir.Home) {
	switch o := o.(type) {
	case *ir.VPC:
		return o.ID, o.Home
	case *ir.Subnet:
		return o.ID, ir.Home{}
	case *ir.SecurityGroup:
		if o.Term != nil {
			return "", o.Home
		}
		return o.ID, o.Home
	case *ir.NetworkACL:
		return o.ID, o.Home
	case *ir.RouteTable:
		return o.ID, o.Home
	case *ir.PrefixList:
		return o.ID, o.Home
	case *ir.Gateway:
		return o.ID, o.Home
	case *ir.Peering:
		return o.ID, ir.Home{}
	case *ir.TransitGateway:
		return o.ID, o.Home
	case *ir.Attachment:
		return o.ID, ir.Home{}
	case *ir.TransitTable:
		return o.ID, ir.Home{}
	}
	return "", ir.Home{}
}

// isDescribed reports whether an input shows an object, and does not only name
// it by its id.
func isDescribed(o any) bool {
	switch o := o.(type) {
	case *ir.VPC:
		return o.Seen
	case *ir.Subnet:
		return o.IPv4.Known() || o.IPv6.Known()
	case *ir.SecurityGroup:
		_, placed := o.VPCs.Known()
		return o.Open == nil || placed || len(o.Ingress)+len(o.Egress) > 0
	case *ir.NetworkACL:
		return o.Open == nil || len(o.Entries) > 0
	case *ir.RouteTable:
		return o.Open == nil || len(o.Routes) > 0
	case *ir.PrefixList:
		return o.Open == nil || len(o.CIDRs) > 0
	}
	return true
}

// describes reports whether a network shows the rules of a group.
func describes(n *ir.Network, id string) bool {
	return slices.ContainsFunc(n.SecurityGroups, func(g *ir.SecurityGroup) bool { return g.ID == id && g.Open == nil })
}

// settleHomes gives groups of which a state does not tell the account and Region
// those of their VPC.
func (m *merger) settleHomes() {
	for _, g := range m.out.SecurityGroups {
		if v, ok := g.VPCs.Known(); ok && v != nil && (g.Home.Account == "" || g.Home.Region == "") {
			g.Home = v.Home
		}
	}
}

// reportDrift says which groups and ACLs are not in AWS as a state has them.
func (m *merger) reportDrift() {
	for _, p := range m.twice {
		var ours, theirs []string
		var at ir.Origin
		id, _ := identity(p.object)
		what := "rules"
		switch o := p.object.(type) {
		case *ir.SecurityGroup:
			s, _ := p.state.(*ir.SecurityGroup)
			ours, theirs, at = ruleKeys(o), ruleKeys(s), o.Origin
			if o.Open != nil || s.Open != nil {
				continue
			}
		case *ir.NetworkACL:
			s, _ := p.state.(*ir.NetworkACL)
			ours, theirs, at, what = entryKeys(o), entryKeys(s), o.Origin, "entries"
			if o.Open != nil || s.Open != nil {
				continue
			}
		default:
			continue
		}
		if slices.Equal(ours, theirs) {
			continue
		}
		m.out.Problems = append(m.out.Problems, diag.Diagnostic{
			Message: fmt.Sprintf("%s has other %s in AWS than in %s", at.Address, what, p.shown), Label: id + ", as AWS has it", Range: at.Range, Address: at.Address,
			Note: "what AWS has was analysed", Fix: "export both at the same time, or look for changes that were made by hand: terraform plan -refresh-only",
		})
	}
}
