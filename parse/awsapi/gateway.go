package awsapi

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func (b *builder) buildGateways() {
	for _, k := range []struct {
		record      recordKind
		kind        ir.GatewayKind
		attachments string
	}{
		{recordInternetGateway, ir.InternetGateway, "Attachments"},
		{recordEgressGateway, ir.EgressOnlyGateway, "Attachments"},
		{recordVPNGateway, ir.VirtualPrivateGateway, "VpcAttachments"},
		{recordOtherGateway, ir.OtherGateway, ""},
	} {
		for _, o := range b.objects[k.record] {
			if ended(o.get("State").peek()) {
				continue
			}
			g := b.gateway(o, k.kind)
			if k.kind == ir.OtherGateway {
				g.VPC = b.vpcOf(o)
			}
			for a := range o.get(k.attachments).items() {
				switch a.get("State").peek() {
				case "detached", "detaching":
				default:
					if ref := a.get("VpcId"); ref.str() != "" {
						g.VPC = ir.One(b.vpc(ref, o.home))
					}
				}
			}
		}
	}
	for _, o := range b.objects[recordNATGateway] {
		if ended(o.get("State").peek()) {
			continue
		}
		b.natGateway(o)
	}
}

func (b *builder) gateway(o *object, kind ir.GatewayKind) *ir.Gateway {
	g := &ir.Gateway{ID: o.id, Name: tags(o)["Name"], Home: o.home, Kind: kind, Origin: o.origin()}
	b.gateways.add(g.ID, g.Home, g)
	b.net.Gateways = append(b.net.Gateways, g)
	return g
}

// natGateway reads a NAT gateway. A regional one stands in no subnet.
// [botocore ec2 NatGateway]
func (b *builder) natGateway(o *object) {
	g := b.gateway(o, ir.NATGateway)
	g.VPC = b.vpcOf(o)
	g.Private = o.get("ConnectivityType").peek() == "private"
	ref, table, mode := o.get("SubnetId"), o.get("RouteTableId"), o.get("AvailabilityMode").peek()
	switch {
	case mode == "regional" || ref.str() == "" && table.str() != "":
		b.regional[g] = table
	case ref.str() != "":
		g.Subnet = ir.One(b.subnet(ref, o.get("VpcId"), o.home))
	default:
		g.Subnet = ir.Another[*ir.Subnet](notSaid(o, "its subnet"))
	}
	for a := range o.get("NatGatewayAddresses").items() {
		if s := a.get("Status").peek(); s == "failed" || s == "disassociating" || s == "unassigning" {
			continue
		}
		private, public := a.get("PrivateIp"), a.get("PublicIp")
		if private.str() == "" {
			if public.str() != "" { // a regional one shows no private addresses
				g.Addresses = append(g.Addresses, ir.Address{
					Family: packet.IPv4, Public: publicAddress(b, public, a, g.ID), Private: ir.NotKnown[netip.Addr](&ir.Unknown{
						Term: "private address of " + g.ID + " for " + public.str(), Cause: diag.Cause{
							Code: diag.NotInInput, Message: g.ID + " does not say its private addresses", Address: g.ID, Range: a.place(),
						},
					}),
				})
			}
			continue
		}
		g.Addresses = append(g.Addresses, b.address(private, public, g.ID))
	}
}

// address reads a private address and its public one.
func (b *builder) address(private, public value, id string) ir.Address {
	a := ir.Address{Private: b.addr(private, id), Family: guessFamily(private.peek())}
	a.Public = publicAddress(b, public, private, id)
	return a
}

func (b *builder) addr(v value, id string) ir.Value[netip.Addr] {
	a, err := netip.ParseAddr(strings.TrimSpace(v.peek()))
	if err != nil || a.Zone() != "" {
		return ir.NotKnown[netip.Addr](b.invalid(v, id, v.text()+" is no address", "the address is unknown", ""))
	}
	return ir.Known(a.Unmap())
}

// publicAddress reads the public address that belongs to a private one;
// around is what lacks it.
func publicAddress(b *builder, public, around value, id string) ir.Public {
	p := ir.Public{Exists: ir.Known(false), Place: diag.Place{Address: id, Message: "no public address", Range: around.place()}}
	if public.str() == "" {
		return p
	}
	p.Exists, p.Addr = ir.Known(true), b.addr(public, id)
	p.Place = diag.Place{Address: id, Message: "public address " + public.str(), Range: public.place()}
	return p
}

func (b *builder) buildPeerings() {
	for _, o := range b.objects[recordPeering] {
		status := o.get("Status").get("Code").peek()
		if status == "" {
			status = o.get("Status").peek()
		}
		from, to := o.get("RequesterVpcInfo"), o.get("AccepterVpcInfo")
		p := &ir.Peering{
			ID: o.id, Requester: b.peer(from, o), Accepter: b.peer(to, o), Active: ir.Known(status == "active"), Origin: o.origin(),
		}
		if status == "" {
			p.Active = ir.NotKnown[bool](notSaid(o, "its status"))
		}
		x, y := from.get("Region").str(), to.get("Region").str()
		switch {
		case x != "" && y != "":
			p.SameRegion = ir.Known(x == y)
		default:
			p.SameRegion = ir.NotKnown[bool](notSaid(o, "the Regions of its VPCs"))
		}
		b.peerings.add(p.ID, o.home, p)
		b.net.Peerings = append(b.net.Peerings, p)
	}
}

func notSaid(o *object, what string) *ir.Unknown {
	return &ir.Unknown{Term: what + " of " + o.id, Cause: diag.Cause{
		Code: diag.NotInInput, Message: o.id + " does not say " + what, Address: o.id, Range: o.main().place(),
	}}
}

// peer returns one side of a peering. The connection lists the CIDRs of a VPC
// that the input does not hold.
func (b *builder) peer(info value, o *object) ir.Choice[*ir.VPC] {
	ref := info.get("VpcId")
	if ref.str() == "" {
		return ir.Another[*ir.VPC](notSaid(o, "its VPC"))
	}
	home := ir.Home{Account: info.get("OwnerId").str(), Region: info.get("Region").str()}
	if home.Account == "" {
		home.Account = o.home.Account
	}
	if home.Region == "" {
		home.Region = o.home.Region
	}
	v := b.vpc(ref, home)
	if v.Seen || len(v.IPv4)+len(v.IPv6) > 0 {
		return ir.One(v)
	}
	for _, s := range []struct {
		set, member string
		family      packet.Family
		to          *[]ir.Value[netip.Prefix]
	}{{"CidrBlockSet", "CidrBlock", packet.IPv4, &v.IPv4}, {"Ipv6CidrBlockSet", "Ipv6CidrBlock", packet.IPv6, &v.IPv6}} {
		for c := range info.get(s.set).items() {
			if len(*s.to) == maxCIDRs {
				return ir.One(v)
			}
			*s.to = append(*s.to, b.prefix(valueOf(c.get(s.member), c), s.family, v.ID))
		}
	}
	if c := info.get("CidrBlock"); len(v.IPv4) == 0 && c.str() != "" {
		v.IPv4 = append(v.IPv4, b.prefix(c, packet.IPv4, v.ID))
		return ir.One(v)
	}
	if info.get("CidrBlockSet").ok() {
		v.More = nil
	}
	return ir.One(v)
}

// buildIndirect lists what brings internet traffic to private interfaces.
// [Global Accelerator about-endpoints; CloudFront private-content-vpc-origins]
func (b *builder) buildIndirect() {
	add := func(o *object, noun, name string) {
		b.net.Indirect = append(b.net.Indirect, diag.Place{
			Address: o.id, Message: noun + " " + name + " may bring internet traffic to private interfaces", Range: o.origin().Range,
		})
	}
	for _, o := range b.objects[recordIndirect] {
		if e := o.get("Enabled"); e.ok() && !e.yes() || o.list.name == "DistributionList" && !insideVPC(o) {
			continue
		}
		name := o.get("Name").str()
		if name == "" {
			name = o.id
		}
		add(o, o.list.noun, name)
	}
	for _, o := range b.objects[recordListener] {
		if strings.Contains(o.id, ":globalaccelerator:") {
			add(o, "accelerator's listener", o.id)
		}
	}
}

// insideVPC reports whether a distribution has an origin in a VPC.
// [botocore cloudfront Origin.VpcOriginConfig]
func insideVPC(o *object) bool {
	for _, origins := range []value{o.get("Origins"), o.get("DistributionConfig").get("Origins")} {
		for origin := range origins.get("Items").items() {
			if origin.get("VpcOriginConfig").ok() {
				return true
			}
		}
	}
	return false
}

// buildLattice associates VPCs with service networks of VPC Lattice. The list of
// associations leaves out their groups. [botocore vpc-lattice
// GetServiceNetworkVpcAssociationResponse]
func (b *builder) buildLattice() {
	for _, o := range b.objects[recordLattice] {
		if strings.HasPrefix(o.get("Status").peek(), "DELETE") || o.get("Status").peek() == "CREATE_FAILED" {
			continue
		}
		l := &ir.Lattice{Origin: o.origin()}
		groups := o.get("SecurityGroupIds")
		if !groups.isArray() {
			l.Groups.Open = notSaid(o, "its groups")
		}
		for ref := range groups.items() {
			if g := b.carriedGroup(ref, o.home); !slices.Contains(l.Groups.Sure, g) {
				l.Groups.Sure = append(l.Groups.Sure, g)
			}
		}
		v := b.vpc(o.get("VpcId"), o.home)
		if v.Lattice != nil {
			b.note(diag.Diagnostic{
				Message: v.ID + " is associated with two service networks", Label: "the first one counts", Address: o.id, Range: o.main().place(),
				Fix: "give exports of one point in time",
			})
			continue
		}
		v.Lattice = l
	}
}
