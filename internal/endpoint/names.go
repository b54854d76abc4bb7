package endpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/internal/nearest"
	"github.com/postern-dev/postern/ir"
)

// Name is something that an endpoint can be called.
type Name struct {
	Name string
	Kind string // "interface", "security group", "subnet", "vpc"
	Note string // what tells it apart: "subnet app, group web"
}

// Names lists what the networks hold, by kind and then by name, without
// repetitions.
func Names(nets ...*ir.Network) []Name {
	var names []Name
	for _, n := range nets {
		names = append(names, interfaceNames(n)...)
		for _, g := range n.SecurityGroups {
			members := 0
			for _, nic := range n.Interfaces {
				if slices.Contains(nic.Groups.Sure, g) {
					members++
				}
			}
			names = append(names, Name{cmp.Or(g.Origin.Address, g.ID, g.Name), "security group", count(members, "interface")})
		}
		for _, s := range n.Subnets {
			note := "no IPv4 CIDR"
			switch {
			case !s.IPv4.Known():
				note = "CIDR not known"
			case s.IPv4.V.IsValid():
				note = s.IPv4.V.String()
			}
			names = append(names, Name{cmp.Or(s.Origin.Address, s.ID, s.Name), "subnet", note})
		}
		for _, v := range n.VPCs {
			var cidrs []string
			for _, c := range v.IPv4 {
				if c.Known() {
					cidrs = append(cidrs, c.V.String())
				}
			}
			names = append(names, Name{cmp.Or(v.Origin.Address, v.ID, v.Name), "vpc", strings.Join(cidrs, ", ")})
		}
	}
	names = slices.DeleteFunc(names, func(n Name) bool { return n.Name == "" })
	slices.SortFunc(names, func(a, b Name) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), strings.Compare(a.Name, b.Name), strings.Compare(a.Note, b.Note))
	})
	return slices.CompactFunc(names, func(a, b Name) bool { return a.Name == b.Name && a.Kind == b.Kind })
}

func rank(kind string) int {
	return slices.Index([]string{"interface", "security group", "subnet", "vpc"}, kind)
}

// interfaceNames names each resource once, however many interfaces it has.
func interfaceNames(n *ir.Network) []Name {
	var order []string
	subnets, groups := map[string][]string{}, map[string][]string{}
	for _, nic := range n.Interfaces {
		if nic.Hypothetical {
			continue
		}
		name := InterfaceName(nic)
		if _, seen := subnets[name]; !seen {
			order = append(order, name)
		}
		subnets[name] = append(subnets[name], "")
		for _, s := range nic.Subnet.Of {
			subnets[name] = append(subnets[name], short(s.Origin.Address, s.Name, s.ID))
		}
		for _, g := range nic.Groups.Sure {
			groups[name] = append(groups[name], short(g.Origin.Address, g.Name, g.ID))
		}
	}
	var names []Name
	for _, name := range order {
		note := strings.Join(nonEmpty(list("subnet", subnets[name]), list("group", groups[name])), ", ")
		names = append(names, Name{name, "interface", note})
	}
	return names
}

// InterfaceName is what people call an interface.
func InterfaceName(nic *ir.Interface) string {
	return cmp.Or(nic.Resource, nic.Origin.Address, nic.ID)
}

// short is how a note calls a thing: its label with its index, or its name.
func short(address, name, id string) string {
	if ss := steps(address); len(ss) >= 2 {
		last := ss[len(ss)-1]
		if last.indexed {
			return last.name + "[" + last.index + "]"
		}
		return last.name
	}
	return cmp.Or(name, id)
}

func list(noun string, names []string) string {
	names = nonEmpty(names...)
	slices.Sort(names)
	names = slices.Compact(names)
	switch len(names) {
	case 0:
		return ""
	case 1:
		return noun + " " + names[0]
	}
	return noun + "s " + strings.Join(names, " and ")
}

func nonEmpty(ss ...string) []string {
	return slices.DeleteFunc(slices.Clone(ss), func(s string) bool { return s == "" })
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// NotFoundError says that a term of an endpoint names nothing in the input.
type NotFoundError struct {
	Term    string
	Message string // "nothing here is called aws_instance.wbe"
	Near    []Name // what it may have been meant to be
	Values  []Name // the values that a tag has
	Key     string // the tag's key
}

func (e *NotFoundError) Error() string { return e.Message }

// Check returns a *NotFoundError for the first term that names nothing in any
// of the networks, and nil when all are found.
func (e Expr) Check(nets ...*ir.Network) error {
	for _, t := range e.root.terms() {
		if !slices.ContainsFunc(nets, t.found) {
			return t.notFound(nets)
		}
	}
	return nil
}

// In reports whether every term of the endpoint names something in a network.
func (e Expr) In(n *ir.Network) bool {
	return !slices.ContainsFunc(e.root.terms(), func(t term) bool { return !t.found(n) })
}

func (nd node) terms() []term {
	if nd.op == leaf {
		return []term{nd.term}
	}
	var ts []term
	for _, a := range nd.args {
		ts = append(ts, a.terms()...)
	}
	return ts
}

// found reports whether a term names something in a network. Addresses always
// do; a group or a subnet does though nothing may be in it.
func (t term) found(n *ir.Network) bool {
	switch t.kind {
	case kindAny, kindInternet, kindPrefix:
		return true
	case kindInvalid:
		return false
	case kindName, kindGroup, kindSubnet, kindVPC, kindTag, kindType, kindGlob, kindAccount, kindRegion:
	}
	named := t.objects(n)
	return !named.empty() || slices.ContainsFunc(n.Interfaces, func(nic *ir.Interface) bool { return t.selects(nic, named) })
}

func (t term) notFound(nets []*ir.Network) *NotFoundError {
	e := &NotFoundError{Term: t.text}
	switch t.kind {
	case kindTag:
		e.Message = fmt.Sprintf("no interface has the tag %s=%s", t.key, t.value)
		e.Key, e.Values = t.key, tagValues(t.key, nets)
		if len(e.Values) == 0 {
			e.Near = near(t.key, tagKeys(nets))
		}
	case kindGroup:
		e.Message = "no security group is called " + t.value
		e.Near = nearLabels(t.value, "security group", nets)
	case kindSubnet:
		e.Message = "no subnet is called " + t.value
		e.Near = nearLabels(t.value, "subnet", nets)
	case kindVPC:
		e.Message = "no VPC is called " + t.value
		e.Near = nearLabels(t.value, "vpc", nets)
	case kindType:
		e.Message = "no interface belongs to a " + t.value
		e.Near = near(t.value, interfaceFacts(nets, Type))
	case kindGlob:
		e.Message = "no interface has a name like " + t.value
		e.Near = near(t.value, interfaceFacts(nets, func(nic *ir.Interface) string { return Label(nic.Resource) }))
	case kindAccount:
		e.Message = "no interface is in the account " + t.value
		e.Near = near(t.value, interfaceFacts(nets, func(nic *ir.Interface) string { return nic.Home.Account }))
	case kindRegion:
		e.Message = "no interface is in the Region " + t.value
		e.Near = near(t.value, interfaceFacts(nets, func(nic *ir.Interface) string { return nic.Home.Region }))
	case kindName, kindAny, kindInternet, kindPrefix, kindInvalid:
		e.Message = "nothing here is called " + t.text
		e.Near = near(t.text, append(Names(nets...), words()...))
	}
	return e
}

// words are the places of the language, which can be mistyped too.
func words() []Name {
	return []Name{{Name: "internet", Note: "everybody"}, {Name: "internet4"}, {Name: "internet6"}, {Name: "any"}}
}

// near returns the names that are close to what was typed.
func near(typed string, names []Name) []Name {
	var ns []string
	notes := map[string]Name{}
	for _, n := range names {
		if _, ok := notes[n.Name]; !ok {
			notes[n.Name] = n
			ns = append(ns, n.Name)
		}
	}
	var out []Name
	for _, n := range nearest.Of(typed, ns, 3) {
		out = append(out, notes[n])
	}
	return out
}

func nearLabels(typed, kind string, nets []*ir.Network) []Name {
	var names []Name
	for _, n := range Names(nets...) {
		if n.Kind == kind {
			names = append(names, Name{Name: cmp.Or(Label(n.Name), n.Name), Note: n.Name}, n)
		}
	}
	return near(typed, names)
}

func interfaceFacts(nets []*ir.Network, fact func(*ir.Interface) string) []Name {
	times := map[string]int{}
	for _, n := range nets {
		for _, nic := range n.Interfaces {
			if f := fact(nic); f != "" {
				times[f]++
			}
		}
	}
	return counted(times)
}

func tagValues(key string, nets []*ir.Network) []Name {
	return interfaceFacts(nets, func(nic *ir.Interface) string { return nic.Tags[key] })
}

func tagKeys(nets []*ir.Network) []Name {
	times := map[string]int{}
	for _, n := range nets {
		for _, nic := range n.Interfaces {
			for k := range nic.Tags {
				times[k]++
			}
		}
	}
	return counted(times)
}

func counted(times map[string]int) []Name {
	var names []Name
	for k, n := range times {
		names = append(names, Name{Name: k, Note: count(n, "interface")})
	}
	slices.SortFunc(names, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	return names
}
