package report

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// jsonShow is postern/show/v1. Everything that is not known is null; the
// coverage says why.
type jsonShow struct {
	Schema      string           `json:"schema"`
	Groups      []jsonGroup      `json:"security_groups"`
	ACLs        []jsonACL        `json:"network_acls"`
	Subnets     []jsonSubnet     `json:"subnets"`
	Interfaces  []jsonInterface  `json:"interfaces"`
	RouteTables []jsonRouteTable `json:"route_tables"`
	VPCs        []jsonVPC        `json:"vpcs"`
	Gateways    []jsonGateway    `json:"gateways"`
	Transits    []jsonTransit    `json:"transit_gateways"`
	Coverage    jsonCoverage     `json:"coverage"`
}

type jsonGroup struct {
	Address string  `json:"address"`
	ID      *string `json:"id"`
	Name    *string `json:"name"`
	VPC     *string `json:"vpc"`
	// Rules are those that somebody wrote, Implicit those that AWS adds.
	Rules    []jsonSG   `json:"rules"`
	Implicit []jsonSG   `json:"implicit_rules,omitempty"`
	Open     *jsonCause `json:"open,omitempty"` // other rules may exist
	Root     string     `json:"root,omitempty"`
}

type jsonSG struct {
	Direction string        `json:"direction"`
	Protocol  *string       `json:"protocol"`
	FromPort  *int          `json:"from_port"` // ICMP: the type, -1 for any
	ToPort    *int          `json:"to_port"`   // ICMP: the code, -1 for any
	Peer      jsonPeer      `json:"peer"`
	Exists    any           `json:"exists"` // true or "unknown"
	Address   string        `json:"address"`
	Location  *jsonLocation `json:"location"`
}

// jsonPeer has exactly one key.
type jsonPeer struct {
	CIDR          string     `json:"cidr,omitempty"`
	SecurityGroup string     `json:"security_group,omitempty"`
	PrefixList    string     `json:"prefix_list,omitempty"`
	Unknown       *jsonCause `json:"unknown,omitempty"`
}

type jsonACL struct {
	Address string   `json:"address"`
	ID      *string  `json:"id"`
	VPC     *string  `json:"vpc"`
	Default bool     `json:"default"`
	Subnets []string `json:"subnets"`
	// Entries are those that somebody wrote, Implicit those that AWS adds.
	Entries  []jsonEntry `json:"entries"`
	Implicit []jsonEntry `json:"implicit_entries,omitempty"`
	Open     *jsonCause  `json:"open,omitempty"` // other entries may exist
	Root     string      `json:"root,omitempty"`
}

type jsonEntry struct {
	Number   *int          `json:"number"`
	Egress   bool          `json:"egress"`
	Action   *string       `json:"action"`
	Protocol *string       `json:"protocol"`
	FromPort *int          `json:"from_port"`
	ToPort   *int          `json:"to_port"`
	ICMPType *int          `json:"icmp_type"`
	ICMPCode *int          `json:"icmp_code"`
	CIDR     *string       `json:"cidr"`
	Exists   any           `json:"exists"`
	Address  string        `json:"address"`
	Location *jsonLocation `json:"location"`
}

type jsonSubnet struct {
	Address    string        `json:"address"`
	ID         *string       `json:"id"`
	Name       *string       `json:"name"`
	VPC        *string       `json:"vpc"`
	IPv4       *string       `json:"ipv4"`
	IPv6       *string       `json:"ipv6"`
	NetworkACL *string       `json:"network_acl"`
	RouteTable *string       `json:"route_table"`
	Location   *jsonLocation `json:"location"`
	Root       string        `json:"root,omitempty"`
}

type jsonInterface struct {
	Address   string        `json:"address"`
	ID        *string       `json:"id"`
	Resource  string        `json:"resource"`
	Subnet    *string       `json:"subnet"`
	Groups    []string      `json:"security_groups"`
	Maybe     []string      `json:"maybe_security_groups"`
	Addresses []jsonAddress `json:"addresses"`
	Prefixes  []string      `json:"prefixes"`
	Services  []string      `json:"services"` // null: anything may answer
	// Listeners are the services of a load balancer, with where they send flows.
	Listeners []jsonListener `json:"listeners,omitempty"`
	// PreservesClient: what an Instance Connect endpoint sends carries the address
	// of the person that uses it; true, false or "unknown".
	PreservesClient any           `json:"preserves_client_ip,omitempty"`
	Exists          any           `json:"exists"`
	Location        *jsonLocation `json:"location"`
	Root            string        `json:"root,omitempty"`
}

type jsonAddress struct {
	Family  string  `json:"family"`
	Private *string `json:"private"`
	// Public is true, false or "unknown"; PublicAddress is the address.
	Public        any     `json:"public"`
	PublicAddress *string `json:"public_address"`
}

type jsonRouteTable struct {
	Address string      `json:"address"`
	ID      *string     `json:"id"`
	Name    *string     `json:"name"`
	VPC     *string     `json:"vpc"`
	Main    bool        `json:"main"`
	Routes  []jsonRoute `json:"routes"`
	// Gateways are those that route by this table what comes in by them.
	Gateways []string   `json:"gateways,omitempty"`
	Open     *jsonCause `json:"open,omitempty"` // other routes may exist
	Root     string     `json:"root,omitempty"`
}

type jsonRoute struct {
	Destination jsonPeer      `json:"destination"`
	Target      *string       `json:"target"`
	Blackhole   any           `json:"blackhole"` // true, false or "unknown"
	Exists      any           `json:"exists"`
	Address     string        `json:"address"`
	Location    *jsonLocation `json:"location"`
}

// ShowJSON writes networks as postern/show/v1. Where there are several, each
// thing says the root that it belongs to.
func ShowJSON(nets []*ir.Network, c Coverage, complete bool) (string, error) {
	doc := jsonShow{
		Schema: showSchema, Groups: []jsonGroup{}, ACLs: []jsonACL{}, Subnets: []jsonSubnet{},
		Interfaces: []jsonInterface{}, RouteTables: []jsonRouteTable{}, VPCs: []jsonVPC{}, Gateways: []jsonGateway{}, Transits: []jsonTransit{},
		Coverage: coverageOf(c, complete),
	}
	for _, n := range nets {
		root := ""
		if len(nets) > 1 {
			root = networkName(n)
		}
		for _, g := range n.SecurityGroups {
			doc.Groups = append(doc.Groups, groupOf(g, root))
		}
		for _, a := range n.NetworkACLs {
			doc.ACLs = append(doc.ACLs, aclOf(n, a, root))
		}
		for _, s := range n.Subnets {
			doc.Subnets = append(doc.Subnets, jsonSubnet{
				s.Origin.Address, orNull(s.ID), orNull(s.Name), chosen(s.VPC, vpcName), cidrOf(s.IPv4), cidrOf(s.IPv6),
				chosen(s.ACL, aclName), chosen(s.RouteTable, routeTableName), locationOf(s.Origin.Range), root,
			})
		}
		for _, i := range n.Interfaces {
			if !i.Hypothetical {
				doc.Interfaces = append(doc.Interfaces, interfaceOf(i, root))
			}
		}
		for _, t := range n.RouteTables {
			doc.RouteTables = append(doc.RouteTables, routeTableOf(n, t, root))
		}
		for _, v := range n.VPCs {
			doc.VPCs = append(doc.VPCs, vpcOf(v, root))
		}
		for _, g := range n.Gateways {
			doc.Gateways = append(doc.Gateways, gatewayOf(g, root))
		}
		for _, g := range n.TransitGateways {
			doc.Transits = append(doc.Transits, transitOf(g, root))
		}
	}
	return encode(doc)
}

func groupOf(g *ir.SecurityGroup, root string) jsonGroup {
	j := jsonGroup{
		Address: g.Origin.Address, ID: orNull(g.ID), Name: orNull(g.Name), VPC: chosen(g.VPCs, vpcName),
		Rules: []jsonSG{}, Open: openOf(g.Open), Root: root,
	}
	for _, egress := range []bool{false, true} {
		direction := map[bool]string{false: "ingress", true: "egress"}[egress]
		for _, r := range g.Rules(egress) {
			from, to := portsOf(r.Match)
			if typed(r.Match) {
				from, to = typeAndCode(r.Match)
			}
			rule := jsonSG{direction, protocolOf(r.Match), from, to, peerOf(r.Peer), exists(r.Maybe), r.Origin.Address, locationOf(r.Origin.Range)}
			if r.Origin.Implicit || r.Origin.Aside {
				j.Implicit = append(j.Implicit, rule)
				continue
			}
			j.Rules = append(j.Rules, rule)
		}
	}
	return j
}

func aclOf(n *ir.Network, a *ir.NetworkACL, root string) jsonACL {
	j := jsonACL{
		Address: a.Origin.Address, ID: orNull(a.ID), VPC: chosen(a.VPC, vpcName), Default: a.Default,
		Subnets: mapped(subnetsOf(n, a), subnetName), Entries: []jsonEntry{}, Open: openOf(a.Open), Root: root,
	}
	for _, egress := range []bool{false, true} {
		for _, e := range inOrder(a, egress) {
			entry := jsonEntry{Egress: egress, Protocol: protocolOf(e.Match), Exists: exists(e.Maybe), Address: e.Origin.Address, Location: locationOf(e.Origin.Range)}
			if e.Number.Known() {
				entry.Number = number(int(e.Number.V))
			}
			if e.Allow.Known() {
				entry.Action = orNull(map[bool]string{true: "allow", false: "deny"}[e.Allow.V])
			}
			if typed(e.Match) {
				entry.ICMPType, entry.ICMPCode = typeAndCode(e.Match)
			} else {
				entry.FromPort, entry.ToPort = portsOf(e.Match)
			}
			if e.Peer.CIDR.IsValid() {
				entry.CIDR = orNull(e.Peer.CIDR.String())
			}
			if e.Origin.Implicit || e.Origin.Aside {
				j.Implicit = append(j.Implicit, entry)
				continue
			}
			j.Entries = append(j.Entries, entry)
		}
	}
	return j
}

func interfaceOf(i *ir.Interface, root string) jsonInterface {
	j := jsonInterface{
		Address: i.Origin.Address, ID: orNull(i.ID), Resource: i.Resource, Subnet: chosen(i.Subnet, subnetName),
		Groups:    mapped(i.Groups.Sure, groupName),
		Maybe:     mapped(i.Groups.Maybe, func(g ir.Possible[*ir.SecurityGroup]) string { return groupName(g.V) }),
		Addresses: addressesOf(i.Addresses), Prefixes: mapped(i.Prefixes, netip.Prefix.String), Listeners: listenersOf(i),
		Exists: exists(i.Maybe), Location: locationOf(i.Origin.Range), Root: root,
	}
	if i.Kind == ir.InterfaceConnectEndpoint {
		j.PreservesClient = trueFalse(i.PreserveClient)
	}
	if i.Services != nil {
		j.Services = mapped(i.Services.Ports, func(s ir.Service) string { return portsName(int16(s.Protocol), s.Ports) })
	}
	return j
}

func routeTableOf(n *ir.Network, t *ir.RouteTable, root string) jsonRouteTable {
	j := jsonRouteTable{t.Origin.Address, orNull(t.ID), orNull(t.Name), chosen(t.VPC, vpcName), t.Main, []jsonRoute{}, edgeOf(n, t), openOf(t.Open), root}
	for _, r := range t.Routes {
		j.Routes = append(j.Routes, jsonRoute{
			peerOf(r.Destination), chosen(r.Target, targetName), trueFalse(r.Blackhole), exists(r.Maybe), r.Origin.Address, locationOf(r.Origin.Range),
		})
	}
	return j
}

// chosen names the only candidate of a choice; null when it is not known.
func chosen[T any](c ir.Choice[T], name func(T) string) *string {
	if v, ok := c.Known(); ok {
		return orNull(name(v))
	}
	return nil
}

func openOf(why *ir.Unknown) *jsonCause {
	if why == nil {
		return nil
	}
	c := causeOf(why.Cause)
	return &c
}

func exists(maybe *ir.Unknown) any {
	if maybe != nil {
		return "unknown"
	}
	return true
}

func trueFalse(v ir.Value[bool]) any {
	if !v.Known() {
		return "unknown"
	}
	return v.V
}

func cidrOf(v ir.Value[netip.Prefix]) *string {
	if !v.Known() || !v.V.IsValid() {
		return nil
	}
	return orNull(v.V.String())
}

func number(n int) *int { return &n }

func protocolOf(m ir.Match) *string {
	if !m.Protocol.Known() {
		return nil
	}
	return orNull(packet.ProtocolName(m.Protocol.V))
}

// typed reports whether a match is about ICMP types.
func typed(m ir.Match) bool {
	return m.Protocol.Known() && (m.Protocol.V == packet.ICMP || m.Protocol.V == packet.ICMPv6)
}

// portsOf returns the ports of a match; null where they do not narrow it.
func portsOf(m ir.Match) (from, to *int) {
	if !m.Protocol.Known() || !hasPorts(m.Protocol.V) || !m.Ports.Known() {
		return nil, nil
	}
	return number(int(m.Ports.V.Lo)), number(int(m.Ports.V.Hi))
}

func typeAndCode(m ir.Match) (icmpType, code *int) {
	if !m.Ports.Known() {
		return nil, nil
	}
	t, c, ok := icmp(m.Ports.V)
	if !ok {
		return nil, nil
	}
	return number(t), number(c)
}

func peerOf(p ir.Peer) jsonPeer {
	switch {
	case p.CIDR.IsValid():
		return jsonPeer{CIDR: p.CIDR.String()}
	case p.Group != nil:
		return jsonPeer{SecurityGroup: groupName(p.Group)}
	case p.PrefixList != nil:
		return jsonPeer{PrefixList: listName(p.PrefixList)}
	}
	return jsonPeer{Unknown: openOf(p.Unknown)}
}
