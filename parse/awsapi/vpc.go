package awsapi

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

func (b *builder) buildVPCs() {
	for _, o := range b.objects[recordVPC] {
		t := tags(o)
		v := &ir.VPC{
			ID: o.id, Name: t["Name"], Home: o.home, Default: o.get("IsDefault").yes(), Tags: t, Seen: true, Origin: o.origin(),
			BPA: ir.Known(blockMode(o.get("BlockPublicAccessStates"))), Exclusion: ir.Known(ir.ExclusionNone),
		}
		v.IPv4 = b.blocks(o, packet.IPv4, o.get("CidrBlock"), o.get("CidrBlockAssociationSet"), "CidrBlock", "CidrBlockState")
		v.IPv6 = b.blocks(o, packet.IPv6, value{}, o.get("Ipv6CidrBlockAssociationSet"), "Ipv6CidrBlock", "Ipv6CidrBlockState")
		for a := range o.get("Ipv6CidrBlockAssociationSet").items() {
			private := a.get("Ipv6AddressAttribute").peek() == "private" || a.get("IpSource").peek() == "none"
			if p, err := netip.ParsePrefix(a.get("Ipv6CidrBlock").peek()); err == nil && private && associated(a.get("Ipv6CidrBlockState")) {
				v.PrivateIPv6 = append(v.PrivateIPv6, p.Masked())
			}
		}
		if len(v.IPv4) == maxCIDRs || len(v.IPv6) == maxCIDRs {
			v.More = &ir.Unknown{Term: "CIDRs of " + v.ID, Cause: diag.Cause{
				Code: diag.Limit, Message: v.ID + " has more CIDRs than AWS allows", Address: v.ID, Range: v.Origin.Range,
			}}
		}
		b.vpcs.add(v.ID, v.Home, v)
		b.net.VPCs = append(b.net.VPCs, v)
	}
}

// blocks reads the CIDRs of a VPC: the primary one, then the associated ones.
func (b *builder) blocks(o *object, f packet.Family, primary, set value, name, state string) []ir.Value[netip.Prefix] {
	var out []ir.Value[netip.Prefix]
	add := func(v value) {
		if len(out) == maxCIDRs {
			return
		}
		c := b.prefix(v, f, o.id)
		if !c.Known() || !slices.ContainsFunc(out, func(k ir.Value[netip.Prefix]) bool { return k.Known() && k.V == c.V }) {
			out = append(out, c)
		}
	}
	if primary.ok() {
		add(primary)
	}
	for a := range set.items() {
		if c := a.get(name); c.ok() && associated(a.get(state)) {
			add(c)
		}
	}
	return out
}

// associated reports whether a CIDR is in use; without a state it is.
func associated(state value) bool {
	s := state.get("State").peek()
	return s == "" || s == "associated" || s == "associating"
}

// blockMode reads the mode of VPC Block Public Access that an object is under.
// [botocore ec2 BlockPublicAccessStates]
func blockMode(states value) ir.BPA {
	switch states.get("InternetGatewayBlockMode").peek() {
	case "block-bidirectional":
		return ir.BPABidirectional
	case "block-ingress":
		return ir.BPAIngress
	}
	return ir.BPAOff
}

// vpc returns the VPC of an id, or one that the input only names.
func (b *builder) vpc(ref value, home ir.Home) *ir.VPC {
	id := ref.str()
	if v, ok := b.vpcs.find(id, home); ok {
		return v
	}
	v := &ir.VPC{
		ID: id, Home: home, More: b.missing(ir.KindVPC, id, home, ref),
		Origin: ir.Origin{Address: id, Range: ref.place()},
	}
	b.vpcs.add(id, home, v)
	b.net.VPCs = append(b.net.VPCs, v)
	return v
}

// vpcOf returns the VPC that an object says it is in.
func (b *builder) vpcOf(o *object) ir.Choice[*ir.VPC] {
	if ref := o.get("VpcId"); ref.str() != "" {
		return ir.One(b.vpc(ref, o.home))
	}
	return ir.Another[*ir.VPC](&ir.Unknown{Term: "VPC of " + o.id, Cause: diag.Cause{
		Code: diag.NotInInput, Message: o.id + " names no VPC", Address: o.id, Range: o.main().place(),
	}})
}

func (b *builder) buildSubnets() {
	for _, o := range b.objects[recordSubnet] {
		t := tags(o)
		s := &ir.Subnet{
			ID: o.id, Name: t["Name"], VPC: b.vpcOf(o), Zone: o.get("AvailabilityZone").str(), Tags: t, Origin: o.origin(),
			PublicOnLaunch: b.flag(o, "MapPublicIpOnLaunch"), IPv6OnLaunch: b.flag(o, "AssignIpv6AddressOnCreation"),
			Exclusion: ir.Known(ir.ExclusionNone),
		}
		s.IPv4 = ir.Known(netip.Prefix{})
		if c := o.get("CidrBlock"); c.str() != "" {
			s.IPv4 = b.prefix(c, packet.IPv4, o.id)
		}
		s.IPv6 = ir.Known(netip.Prefix{})
		for a := range o.get("Ipv6CidrBlockAssociationSet").items() {
			if c := a.get("Ipv6CidrBlock"); c.ok() && associated(a.get("Ipv6CidrBlockState")) {
				s.IPv6 = b.prefix(c, packet.IPv6, o.id)
			}
		}
		s.Exclusion = ir.Known(subnetExclusion(s, o))
		b.subnets.add(s.ID, o.home, s)
		b.net.Subnets = append(b.net.Subnets, s)
	}
}

// subnetExclusion reads from the mode that a subnet is under what exempts it:
// less than its VPC's.
func subnetExclusion(s *ir.Subnet, o *object) ir.Exclusion {
	states := o.get("BlockPublicAccessStates")
	v, ok := s.VPC.Known()
	if !ok || !states.ok() || v.BPA.V == ir.BPAOff {
		return ir.ExclusionNone
	}
	switch mode := blockMode(states); {
	case mode == ir.BPAOff:
		return ir.ExclusionBidirectional
	case mode == ir.BPAIngress && v.BPA.V == ir.BPABidirectional:
		return ir.ExclusionEgress
	}
	return ir.ExclusionNone
}

func (b *builder) prefix(v value, f packet.Family, address string) ir.Value[netip.Prefix] {
	p := b.cidr(v, f, address)
	return ir.Value[netip.Prefix]{V: p.CIDR, Why: p.Unknown}
}

// flag reads a boolean that is false where it does not stand: AWS writes it in
// every description of a kind that has it.
func (b *builder) flag(o *object, name string) ir.Value[bool] { return ir.Known(o.get(name).yes()) }

// subnet returns the subnet of an id, or one that the input only names, in the
// VPC that the reference gives.
func (b *builder) subnet(ref, vpcRef value, home ir.Home) *ir.Subnet {
	id := ref.str()
	if s, ok := b.subnets.find(id, home); ok {
		return s
	}
	why := b.missing(ir.KindSubnet, id, home, ref)
	s := &ir.Subnet{
		ID: id, VPC: ir.Another[*ir.VPC](why), IPv4: ir.NotKnown[netip.Prefix](why), IPv6: ir.NotKnown[netip.Prefix](why),
		PublicOnLaunch: ir.NotKnown[bool](why), IPv6OnLaunch: ir.NotKnown[bool](why), Exclusion: ir.Known(ir.ExclusionNone),
		Origin: ir.Origin{Address: id, Range: ref.place()},
	}
	if vpcRef.str() != "" {
		s.VPC = ir.One(b.vpc(vpcRef, home))
	}
	b.subnets.add(id, home, s)
	b.net.Subnets = append(b.net.Subnets, s)
	return s
}

// attach gives every subnet its ACL and route table: the one that names it,
// else the default or main one of its VPC when no other can exist unseen.
// [VPC vpc-network-acls.md, VPC_Route_Tables.md]
func (b *builder) attach() {
	acls, tables := b.aclAssociations(), b.tableAssociations()
	defaults, mains := map[*ir.VPC]*ir.NetworkACL{}, map[*ir.VPC]*ir.RouteTable{}
	for _, a := range b.net.NetworkACLs {
		if v, ok := a.VPC.Known(); ok && a.Default {
			defaults[v] = a
		}
	}
	for _, t := range b.net.RouteTables {
		if v, ok := t.VPC.Known(); ok && t.Main {
			mains[v] = t
		}
	}
	for _, s := range b.net.Subnets {
		v, placed := s.VPC.Known()
		var home ir.Home
		if placed {
			home = v.Home
		}
		if a, ok := acls[s]; ok {
			s.ACL = ir.One(a)
		} else {
			s.ACL = fallback(defaults[v], b.net.IsClosed(ir.KindNetworkACL, home) && placed,
				b.unseen(ir.KindNetworkACL, home, "the network ACL of "+s.ID, "network ACL of "+s.ID))
		}
		if t, ok := tables[s]; ok {
			s.RouteTable = ir.One(t)
		} else {
			s.RouteTable = fallback(mains[v], b.net.IsClosed(ir.KindRouteTable, home) && placed,
				b.unseen(ir.KindRouteTable, home, "the route table of "+s.ID, "route table of "+s.ID))
		}
	}
}

// fallback is the choice of a subnet that nothing names.
func fallback[T comparable](deflt T, closed bool, why *ir.Unknown) ir.Choice[T] {
	var none T
	switch {
	case deflt == none:
		return ir.Another[T](why)
	case closed:
		return ir.One(deflt)
	}
	return ir.Choice[T]{Of: []T{deflt}, Open: why}
}

// buildBlocks applies the options and exclusions of VPC Block Public Access.
// [botocore ec2 VpcBlockPublicAccessOptions, VpcBlockPublicAccessExclusion]
func (b *builder) buildBlocks() {
	modes := map[ir.Home]ir.BPA{}
	for _, o := range b.objects[recordBlockOptions] {
		if o.get("State").peek() != "update-failed" {
			modes[o.home] = blockMode(o.main())
		}
	}
	for _, v := range b.net.VPCs {
		for _, h := range []ir.Home{v.Home, {Account: v.Home.Account}, {Region: v.Home.Region}, {}} {
			if mode, ok := modes[h]; ok {
				v.BPA = ir.Known(mode)
				break
			}
		}
	}
	for _, o := range b.objects[recordBlockExclusion] {
		if state := o.get("State").peek(); strings.HasPrefix(state, "delete-complete") || strings.HasSuffix(state, "-failed") {
			continue
		}
		mode := ir.ExclusionNone
		switch m := o.get("InternetGatewayExclusionMode"); m.peek() {
		case "allow-bidirectional":
			mode = ir.ExclusionBidirectional
		case "allow-egress":
			mode = ir.ExclusionEgress
		default:
			b.omit(o.id, o.main(), "an exclusion of mode "+m.text()+": postern does not know it")
			continue
		}
		b.exclude(o, ir.Known(mode))
	}
}

func (b *builder) exclude(o *object, mode ir.Value[ir.Exclusion]) {
	ref := o.get("ResourceArn")
	id := ref.str()[strings.LastIndexByte(ref.str(), '/')+1:]
	if v, ok := b.vpcs.find(id, o.home); ok {
		v.Exclusion = mode
		return
	}
	if s, ok := b.subnets.find(id, o.home); ok {
		s.Exclusion = mode
		return
	}
	b.omit(o.id, ref, "an exclusion of "+id+", which is not in the input")
}
