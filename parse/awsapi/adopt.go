package awsapi

import (
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// interfacesOf finds the interfaces of a resource among those that are listed:
// by their ids, by the name in their description, or, for services that write
// no name, by subnet and groups.
func (b *builder) interfacesOf(c carrier) []*ir.Interface {
	var out []*ir.Interface
	o := c.object
	for _, member := range []string{"NetworkInterfaceIds", "NetworkInterfaceId"} {
		m := o.get(member)
		if m.kind() == stringValue {
			if i, ok := b.interfaces.find(m.str(), o.home); ok {
				out = append(out, i)
			}
		}
		for ref := range m.items() {
			if i, ok := b.interfaces.find(ref.str(), o.home); ok {
				out = append(out, i)
			}
		}
	}
	if len(out) > 0 || c.service.prefix == "" {
		return out
	}
	b.nameInterfaces()
	for _, name := range interfaceNames(c) {
		for _, i := range b.named[name] {
			if compatible(i.Home, o.home) {
				out = append(out, i)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	switch c.service {
	case &databaseService, &clusterService, &functionService:
		for _, i := range b.named[c.service.prefix+" "+groupsKey(c.groups)] {
			// Interfaces and resources that all look alike would make this
			// quadratic.
			if b.comparisons++; b.comparisons > maxComparisons {
				break
			}
			if compatible(i.Home, o.home) && b.sameSubnet(i, c) {
				out = append(out, i)
			}
		}
	}
	return out
}

const maxComparisons = 20_000_000

// described are the services whose interfaces carry a name or at least a sign
// of the service in their description.
var described = []*serviceKind{
	&databaseService, &cacheService, &functionService, &clusterService, &searchService, &mountService, &balancerService, &endpointService,
}

// nameInterfaces indexes the listed interfaces by what their description says,
// and by their groups where it names no resource.
func (b *builder) nameInterfaces() {
	if b.named != nil {
		return
	}
	b.named = map[string][]*ir.Interface{}
	for _, i := range b.net.Interfaces {
		for _, k := range described {
			rest, ok := strings.CutPrefix(i.Origin.Description, k.prefix)
			if !ok || i.ID == "" {
				continue
			}
			names := []string{k.prefix + rest}
			switch k {
			case &cacheService: // "name", "name-0001-001"
				for at, c := range rest {
					if c == '-' && len(names) < 8 {
						names = append(names, k.prefix+rest[:at])
					}
				}
			case &mountService: // "fs-1 (fsmt-1)"
				for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
					names = append(names, k.prefix+word)
				}
			case &functionService: // "-name-<uuid>"
				const uuid = len("-8c7ac78b-e11d-4dea-8a47-ab2bd1ea2f6c")
				if strings.HasPrefix(rest, "-") && len(rest) > uuid {
					names = append(names, k.prefix+rest[:len(rest)-uuid])
				}
				names = append(names, k.prefix+" "+carriedKey(i))
			case &databaseService, &clusterService:
				names = append(names, k.prefix+" "+carriedKey(i))
			}
			for _, n := range names {
				b.named[n] = append(b.named[n], i)
			}
		}
	}
}

// interfaceNames are the descriptions that interfaces of a resource have.
func interfaceNames(c carrier) []string {
	p := c.service.prefix
	switch c.service {
	case &functionService:
		return []string{p + "-" + c.object.get("FunctionName").str()}
	case &searchService:
		return []string{p + c.object.get("DomainName").str()}
	case &databaseService, &clusterService:
		return nil
	}
	return []string{p + c.resource}
}

func groupsKey(refs []value) string {
	var ids []string
	for _, g := range refs {
		ids = append(ids, groupID(g))
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func carriedKey(i *ir.Interface) string {
	var ids []string
	for _, g := range i.Groups.Sure {
		ids = append(ids, g.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// sameSubnet reports whether an interface is in one of a resource's subnets.
func (b *builder) sameSubnet(i *ir.Interface, c carrier) bool {
	s, ok := i.Subnet.Known()
	return ok && (len(c.subnets) == 0 || slices.ContainsFunc(c.subnets, func(r value) bool { return r.peek() == s.ID }))
}

// adopt tells a listed interface what stands behind it. Several resources that
// cannot be told apart leave open which of them it is.
func (b *builder) adopt(i *ir.Interface, c carrier) {
	if others := b.adopted[i]; len(others) > 0 {
		switch len(others) {
		case 1, 2:
			b.adopted[i] = append(others, c.resource)
		case 3:
			b.adopted[i] = append(others, "others")
		default:
			return
		}
		if !sameServices(i.Services, c.services) {
			message := "the interface may be that of " + strings.Join(b.adopted[i], " or ")
			i.Services = &ir.Services{
				Open:  &ir.Unknown{Term: "resource behind " + i.ID, Cause: diag.Cause{Code: diag.NotInInput, Message: message, Address: i.ID, Range: i.Origin.Range}},
				Place: i.Origin.Place(message),
			}
		}
		i.Aliases = appendNew(i.Aliases, c.resource)
		return
	}
	b.adopted[i] = []string{c.resource}
	i.Kind, i.Resource, i.NoInbound, i.PreserveClient = c.kind, c.resource, i.NoInbound || c.service.noInbound, c.preserve
	i.Aliases = appendNew(i.Aliases, c.resource)
	for _, a := range arnAliases(c.object, c.resource) {
		i.Aliases = appendNew(i.Aliases, a)
	}
	if c.services != nil {
		i.Services = c.services
	}
	for k, v := range tags(c.object) {
		if i.Tags == nil {
			i.Tags = map[string]string{}
		}
		if _, ok := i.Tags[k]; !ok {
			i.Tags[k] = v
		}
	}
}

func sameServices(x, y *ir.Services) bool {
	if x == nil || y == nil || x.Open != nil || y.Open != nil {
		return x == nil && y == nil
	}
	return slices.EqualFunc(x.Ports, y.Ports, func(p, q ir.Service) bool { return p.Protocol == q.Protocol && p.Ports == q.Ports })
}

// unnamedServices leaves open what answers behind an interface of a load
// balancer, database or cache that the input does not describe.
func (b *builder) unnamedServices(i *ir.Interface) {
	if i.Services != nil || len(b.adopted[i]) > 0 {
		return
	}
	switch i.Kind {
	case ir.InterfaceLoadBalancer, ir.InterfaceNetworkLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache:
		message := "what answers behind " + i.Resource + " is not in the input"
		i.Services = &ir.Services{
			Open:  &ir.Unknown{Term: "services of " + i.Resource, Cause: diag.Cause{Code: diag.NotInInput, Message: message, Address: i.ID, Range: i.Origin.Range}},
			Place: i.Origin.Place(message),
		}
	case ir.InterfaceInvalid, ir.InterfaceInstance, ir.InterfaceFunction, ir.InterfaceContainer, ir.InterfaceNATGateway,
		ir.InterfaceTransitGateway, ir.InterfaceEndpoint, ir.InterfaceConnectEndpoint, ir.InterfaceOther:
	}
}
