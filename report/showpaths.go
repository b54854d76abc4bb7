package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-dev/postern/ir"
)

// What leads from one thing to another, in postern show: the targets of load
// balancers, gateways and transit gateways.

type jsonVPC struct {
	Address string  `json:"address"`
	ID      *string `json:"id"`
	Name    *string `json:"name"`
	// IPv4 and IPv6 list the CIDRs that are known.
	IPv4     []string      `json:"ipv4"`
	IPv6     []string      `json:"ipv6"`
	Default  bool          `json:"default"`
	Lattice  *jsonLattice  `json:"lattice,omitempty"` // its association with a service network
	Location *jsonLocation `json:"location"`
	Root     string        `json:"root,omitempty"`
}

type jsonLattice struct {
	Address  string        `json:"address"`
	Groups   []string      `json:"security_groups"`
	Open     *jsonCause    `json:"open,omitempty"`
	Location *jsonLocation `json:"location"`
}

// jsonListener is a port of a load balancer and where it sends flows.
type jsonListener struct {
	Service string `json:"service"`
	// Ends: the load balancer opens another connection to the target.
	Ends bool `json:"ends"`
	// PreservesClient is true, false or "unknown".
	PreservesClient any           `json:"preserves_client_ip"`
	Targets         []jsonTarget  `json:"targets"`
	Open            *jsonCause    `json:"open,omitempty"` // other targets may exist
	TargetGroup     *string       `json:"target_group"`
	Location        *jsonLocation `json:"location"`
}

type jsonTarget struct {
	Interface *string       `json:"interface"` // null: an address that no interface of the input has
	Address   *string       `json:"address"`   // null: the first one of the interface
	Port      *int          `json:"port"`
	Exists    any           `json:"exists"`
	Location  *jsonLocation `json:"location"`
}

type jsonGateway struct {
	Address    string        `json:"address"`
	ID         *string       `json:"id"`
	Kind       string        `json:"kind"`
	VPC        *string       `json:"vpc"`
	Subnet     *string       `json:"subnet"`
	RouteTable *string       `json:"route_table"` // its own
	Addresses  []jsonAddress `json:"addresses"`
	Location   *jsonLocation `json:"location"`
	Root       string        `json:"root,omitempty"`
}

type jsonTransit struct {
	Address     string             `json:"address"`
	ID          *string            `json:"id"`
	Attachments []jsonAttachment   `json:"attachments"`
	Tables      []jsonTransitTable `json:"route_tables"`   // none: all attachments reach each other
	Open        *jsonCause         `json:"open,omitempty"` // other attachments may exist
	Location    *jsonLocation      `json:"location"`
	Root        string             `json:"root,omitempty"`
}

type jsonAttachment struct {
	Address  string        `json:"address"`
	ID       *string       `json:"id"`
	Outside  bool          `json:"outside"` // it leads to a network that is not in the input
	VPC      *string       `json:"vpc"`
	Subnets  []string      `json:"subnets"`
	Location *jsonLocation `json:"location"`
}

type jsonTransitTable struct {
	Address    string             `json:"address"`
	ID         *string            `json:"id"`
	Associated []string           `json:"associated"`
	Propagated []string           `json:"propagated"`
	Routes     []jsonTransitRoute `json:"routes"`
	Open       *jsonCause         `json:"open,omitempty"` // more may be in it
}

type jsonTransitRoute struct {
	Destination jsonPeer      `json:"destination"`
	Attachment  *string       `json:"attachment"`
	Blackhole   any           `json:"blackhole"` // true, false or "unknown"
	Location    *jsonLocation `json:"location"`
}

func vpcOf(v *ir.VPC, root string) jsonVPC {
	j := jsonVPC{
		Address: v.Origin.Address, ID: orNull(v.ID), Name: orNull(v.Name), IPv4: []string{}, IPv6: []string{}, Default: v.Default,
		Location: locationOf(v.Origin.Range), Root: root,
	}
	for _, c := range v.IPv4 {
		if s := cidrOf(c); s != nil {
			j.IPv4 = append(j.IPv4, *s)
		}
	}
	for _, c := range v.IPv6 {
		if s := cidrOf(c); s != nil {
			j.IPv6 = append(j.IPv6, *s)
		}
	}
	if l := v.Lattice; l != nil {
		j.Lattice = &jsonLattice{l.Origin.Address, mapped(l.Groups.Sure, groupName), openOf(l.Groups.Open), locationOf(l.Origin.Range)}
	}
	return j
}

func listenersOf(i *ir.Interface) []jsonListener {
	if i.Services == nil {
		return nil
	}
	var js []jsonListener
	for _, s := range i.Services.Ports {
		f := s.Forward
		if f == nil {
			continue
		}
		j := jsonListener{
			Service: portsName(int16(s.Protocol), s.Ports), Ends: f.Ends, PreservesClient: trueFalse(f.PreserveClient), Targets: []jsonTarget{},
			Open: openOf(f.Open), TargetGroup: orNull(f.Place.Address), Location: locationOf(s.Place.Range),
		}
		for _, t := range f.Targets {
			jt := jsonTarget{Exists: exists(t.Maybe), Location: locationOf(t.Place.Range)}
			if t.Interface != nil {
				jt.Interface = orNull(nicName(t.Interface))
			}
			if t.Address.IsValid() {
				jt.Address = orNull(t.Address.String())
			}
			if t.Port.Known() {
				jt.Port = number(int(t.Port.V))
			}
			j.Targets = append(j.Targets, jt)
		}
		js = append(js, j)
	}
	return js
}

func gatewayName(g *ir.Gateway) string { return cmp.Or(g.Origin.Address, g.ID, g.Name) }

func gatewayKind(k ir.GatewayKind) string {
	switch k {
	case ir.InternetGateway:
		return "internet"
	case ir.EgressOnlyGateway:
		return "egress-only"
	case ir.NATGateway:
		return "nat"
	case ir.VirtualPrivateGateway:
		return "virtual-private"
	case ir.VPCEndpoint:
		return "endpoint"
	case ir.LoadBalancerEndpoint:
		return "load-balancer-endpoint"
	case ir.OtherGateway, ir.GatewayInvalid:
	}
	return "other"
}

func gatewayOf(g *ir.Gateway, root string) jsonGateway {
	return jsonGateway{
		Address: g.Origin.Address, ID: orNull(g.ID), Kind: gatewayKind(g.Kind), VPC: chosen(g.VPC, vpcName), Subnet: chosen(g.Subnet, subnetName),
		RouteTable: chosen(g.RouteTable, routeTableName), Addresses: addressesOf(g.Addresses), Location: locationOf(g.Origin.Range), Root: root,
	}
}

func addressesOf(as []ir.Address) []jsonAddress {
	js := []jsonAddress{}
	for _, a := range as {
		j := jsonAddress{Family: a.Family.String(), Public: trueFalse(a.Public.Exists)}
		if a.Private.Known() && a.Private.V.IsValid() {
			j.Private = orNull(a.Private.V.String())
		}
		if a.Public.Exists.Known() && a.Public.Exists.V && a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
			j.PublicAddress = orNull(a.Public.Addr.V.String())
		}
		js = append(js, j)
	}
	return js
}

func attachmentName(a *ir.Attachment) string { return cmp.Or(a.Origin.Address, a.ID) }

func transitOf(g *ir.TransitGateway, root string) jsonTransit {
	j := jsonTransit{
		Address: g.Origin.Address, ID: orNull(g.ID), Attachments: []jsonAttachment{}, Tables: []jsonTransitTable{}, Open: openOf(g.Open),
		Location: locationOf(g.Origin.Range), Root: root,
	}
	for _, a := range g.Attachments {
		j.Attachments = append(j.Attachments, jsonAttachment{
			a.Origin.Address, orNull(a.ID), a.Outside, chosen(a.VPC, vpcName), mapped(a.Subnets.Sure, subnetName), locationOf(a.Origin.Range),
		})
	}
	for _, t := range g.Tables {
		jt := jsonTransitTable{
			t.Origin.Address, orNull(t.ID), mapped(t.Associated, attachmentName), mapped(t.Propagated, attachmentName), []jsonTransitRoute{}, openOf(t.Open),
		}
		for _, r := range t.Routes {
			jr := jsonTransitRoute{peerOf(r.Destination), chosen(r.Attachment, attachmentName), len(r.Attachment.Of) == 0, locationOf(r.Origin.Range)}
			if r.Attachment.Open != nil {
				jr.Blackhole = "unknown"
			}
			jt.Routes = append(jt.Routes, jr)
		}
		j.Tables = append(j.Tables, jt)
	}
	return j
}

// edgeOf lists the gateways whose own table this one is.
func edgeOf(n *ir.Network, t *ir.RouteTable) []string {
	var names []string
	for _, g := range n.Gateways {
		if own, ok := g.RouteTable.Known(); ok && own == t {
			names = append(names, gatewayName(g))
		}
	}
	return names
}

// manyTargets is how many targets a line of text names.
const manyTargets = 8

// targetsName says where a port of a load balancer sends flows. Targets that are
// called alike, the interfaces of one resource, are said once.
func targetsName(f *ir.Forward) string {
	var names []string
	for _, t := range f.Targets {
		if name := targetText(t); !slices.Contains(names, name) {
			if names = append(names, name); len(names) > manyTargets {
				names[manyTargets] = "more"
				break
			}
		}
	}
	switch {
	case f.Open == nil:
	case len(names) == 0:
		names = []string{"? (" + f.Open.Cause.Message + ")"}
	default:
		names = append(names, "perhaps others ("+f.Open.Cause.Message+")")
	}
	seen := ""
	switch {
	case len(names) == 0:
	case !f.PreserveClient.Known():
		seen = "; they may see the client's address (" + f.PreserveClient.Why.Cause.Message + ")"
	case f.PreserveClient.V:
		seen = "; they see the client's address"
	}
	return cmp.Or(strings.Join(names, ", "), "nobody") + seen
}

func targetText(t ir.ForwardTarget) string {
	name := t.Address.String()
	if t.Interface != nil {
		name = nicName(t.Interface)
	}
	if t.Port.Known() {
		name += fmt.Sprintf(" port %d", t.Port.V)
	}
	if t.Maybe != nil {
		name += " (perhaps: " + t.Maybe.Cause.Message + ")"
	}
	return name
}

func (p *printer) showTransits(n *ir.Network) {
	for _, g := range n.TransitGateways {
		var rows [][]string
		for _, a := range g.Attachments {
			to := "a network outside"
			if !a.Outside {
				to = choiceName(a.VPC, vpcName)
			}
			rows = append(rows, []string{clean(attachmentName(a)), clean("> " + to), clean(lineOf(a.Origin))})
		}
		if g.Open != nil {
			rows = append(rows, []string{"?", "other attachments may exist: " + clean(g.Open.Cause.Message)})
		}
		p.thing("transit gateway", cmp.Or(g.Origin.Address, g.ID), "", rows)
	}
}
