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
	for _, i := range b.byPrefix()[c.service.prefix] {
		if compatible(i.Home, o.home) && b.isInterfaceOf(i, c) {
			out = append(out, i)
		}
	}
	return out
}

// byPrefix groups the listed interfaces by the prefix of their description.
func (b *builder) byPrefix() map[string][]*ir.Interface {
	if b.prefixes == nil {
		b.prefixes = map[string][]*ir.Interface{}
		for _, i := range b.net.Interfaces {
			for _, k := range []*serviceKind{&databaseService, &cacheService, &functionService, &clusterService, &searchService, &mountService, &balancerService, &endpointService} {
				if i.ID != "" && strings.HasPrefix(i.Origin.Description, k.prefix) {
					b.prefixes[k.prefix] = append(b.prefixes[k.prefix], i)
				}
			}
		}
	}
	return b.prefixes
}

func (b *builder) isInterfaceOf(i *ir.Interface, c carrier) bool {
	rest := strings.TrimPrefix(i.Origin.Description, c.service.prefix)
	switch c.service {
	case &balancerService, &networkBalancerService, &gatewayBalancerService, &endpointService:
		return rest == c.resource
	case &cacheService:
		return rest == c.resource || strings.HasPrefix(rest, c.resource+"-")
	case &mountService:
		return strings.Contains(rest, c.resource)
	case &searchService:
		return rest == c.object.get("DomainName").str()
	case &functionService:
		name := c.object.get("FunctionName").str()
		return strings.HasPrefix(rest, "-"+name+"-") || rest == ": "+name || b.sameCarriers(i, c)
	}
	return b.sameCarriers(i, c)
}

// sameCarriers compares the groups of an interface, and its subnet, with those
// of a resource.
func (b *builder) sameCarriers(i *ir.Interface, c carrier) bool {
	var have, want []string
	for _, g := range i.Groups.Sure {
		have = append(have, g.ID)
	}
	for _, g := range c.groups {
		want = append(want, groupID(g))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return false
	}
	s, ok := i.Subnet.Known()
	return ok && (len(c.subnets) == 0 || slices.ContainsFunc(c.subnets, func(r value) bool { return r.peek() == s.ID }))
}

// adopt tells a listed interface what stands behind it. Several resources that
// cannot be told apart leave open which of them it is.
func (b *builder) adopt(i *ir.Interface, c carrier) {
	if others := b.adopted[i]; len(others) > 0 {
		b.adopted[i] = append(others, c.resource)
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
	i.Kind, i.Resource, i.NoInbound = c.kind, c.resource, i.NoInbound || c.service.noInbound
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
		ir.InterfaceTransitGateway, ir.InterfaceEndpoint, ir.InterfaceOther:
	}
}
