package aws

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// newUnseenSubnet is a subnet of which nothing is known.
func newUnseenSubnet(unseen func(attr string) *ir.Unknown) *ir.Subnet {
	return &ir.Subnet{
		VPC:            ir.Another[*ir.VPC](unseen("vpc_id")),
		IPv4:           ir.NotKnown[netip.Prefix](unseen("cidr_block")),
		IPv6:           ir.NotKnown[netip.Prefix](unseen("ipv6_cidr_block")),
		PublicOnLaunch: ir.NotKnown[bool](unseen("map_public_ip_on_launch")),
		IPv6OnLaunch:   ir.NotKnown[bool](unseen("assign_ipv6_address_on_creation")),
		Exclusion:      ir.NotKnown[ir.Exclusion](unseen("exclusion")),
		ACL:            ir.Another[*ir.NetworkACL](unseen("network ACL")),
		RouteTable:     ir.Another[*ir.RouteTable](unseen("route table")),
	}
}

func makeSubnet(v view) {
	o := &ir.Subnet{
		ID: v.id(), Name: v.tags()["Name"], Tags: v.tags(), Zone: v.zone(), Exclusion: ir.Known(ir.ExclusionNone),
		Origin: v.origin(v.at("cidr_block", "ipv6_cidr_block"), v.fields(map[string]ir.Field{"map_public_ip_on_launch": ir.FieldPublic})),
	}
	native, _ := v.boolean("ipv6_native", false)
	switch p, set := v.cidrAttr("cidr_block", packet.IPv4, hostBitsRefused); {
	case set:
		o.IPv4 = p
	case !native.Known():
		o.IPv4.Why = native.Why
	case !native.V:
		o.IPv4.Why = v.computed("cidr_block", "is taken from an address pool")
	}
	if p, set := v.cidrAttr("ipv6_cidr_block", packet.IPv6, hostBitsRefused); set {
		o.IPv6 = p
	} else if v.has("ipv6_ipam_pool_id") || v.has("ipv6_netmask_length") || native.V {
		o.IPv6.Why = v.computed("ipv6_cidr_block", "is taken from an address pool")
	}
	o.PublicOnLaunch, _ = v.boolean("map_public_ip_on_launch", false)
	o.IPv6OnLaunch, _ = v.boolean("assign_ipv6_address_on_creation", false)
	v.addSubnet(o)
}

// makeDefaultSubnet adopts a subnet of the default VPC; those give public
// addresses. [VPC default-vpc.md]
func makeDefaultSubnet(v view) {
	o := newUnseenSubnet(func(attr string) *ir.Unknown { return notInInput(v.in.Address, attr, v.at()) })
	o.ID, o.Name, o.Tags, o.Zone = v.id(), v.tags()["Name"], v.tags(), v.zone()
	o.Origin = v.origin(v.at("availability_zone"), v.fields(map[string]ir.Field{"map_public_ip_on_launch": ir.FieldPublic}))
	o.VPC = ir.One(v.b.defaultVPC(v))
	o.IPv6OnLaunch, _ = v.boolean("assign_ipv6_address_on_creation", false)
	o.PublicOnLaunch, _ = v.boolean("map_public_ip_on_launch", true)
	if p, set := v.cidrAttr("cidr_block", packet.IPv4, hostBitsMasked); set {
		o.IPv4 = p
	}
	if p, set := v.cidrAttr("ipv6_cidr_block", packet.IPv6, hostBitsMasked); set {
		o.IPv6 = p
	} else {
		o.IPv6 = ir.Value[netip.Prefix]{}
	}
	v.addSubnet(o)
}

func (v view) addSubnet(o *ir.Subnet) {
	register(v, v.b.subnets, o, "id")
	v.b.seenSubnets[o] = true
	v.b.net.Subnets = append(v.b.net.Subnets, o)
}

func linkSubnet(v view) {
	o := v.b.subnets[v.keys("id")[0]]
	if v.in.Type == "aws_default_subnet" {
		return
	}
	o.VPC = v.vpcChoice("vpc_id")
}

// assigned is one association of a subnet (or, for main tables, of a VPC).
type assigned[T comparable] struct {
	to      T
	maybe   *ir.Unknown
	address string
	at      diag.Range
	// standIn: only subnets that stand for any number may be meant.
	standIn bool
	// written: only subnets whose id can be written out may be meant.
	written bool
}

// assignment collects which ACL or route table subnets are given.
type assignment[T comparable] struct {
	of map[*ir.Subnet][]assigned[T]
	// anywhere are associations of subnets that are not known: any subnet of
	// the object's VPC may be meant. Of those of one unknown id, only subnets
	// that stand for any number: other ids come from outside the root.
	anywhere []assigned[T]
}

// add notes that the subnet an element names is given an object.
func (a *assignment[T]) add(v view, e elem, to T) {
	one := assigned[T]{to: to, maybe: v.maybe(), address: v.in.Address, at: e.at}
	if of := candidates(v.b, e, v.b.subnets); len(of) > 0 {
		one.maybe = e.unknown()
		for _, s := range of {
			a.of[s] = append(a.of[s], one)
		}
		return
	}
	if e.many != nil {
		one.maybe = e.many
		one.written = e.beside
		a.anywhere = append(a.anywhere, one)
		return
	}
	s := v.b.subnet(v, e)
	if u := v.b.maybe[s]; u != nil {
		one.maybe = u
	}
	if e.why != nil && derived(e.why) {
		loose := one
		loose.maybe, loose.standIn = e.why, true
		a.anywhere = append(a.anywhere, loose)
	}
	a.of[s] = append(a.of[s], one)
}

// decide picks the object of a subnet: the one that is surely associated, else
// one of those that may be, else the one of the VPC. Several sure ones are a
// conflict: the last one applied wins, and which that is nobody can say.
func (a *assignment[T]) decide(s *ir.Subnet, standIn bool, mayBelong func(T) bool, fallback ir.Choice[T], clash func([]assigned[T]) *ir.Unknown) ir.Choice[T] {
	var sure, maybe []assigned[T]
	for _, x := range a.of[s] {
		switch {
		case x.maybe != nil:
			maybe = append(maybe, x)
		case !hasTarget(sure, x.to):
			sure = append(sure, x)
		}
	}
	switch len(sure) {
	case 0:
	case 1:
		return ir.One(sure[0].to)
	default:
		out := ir.Choice[T]{Why: clash(sure)}
		for _, x := range sure {
			out.Of = append(out.Of, x.to)
		}
		return out
	}
	for _, x := range a.anywhere {
		if (standIn || !x.standIn) && (s.ID != "" || !x.written) && mayBelong(x.to) {
			maybe = append(maybe, x)
		}
	}
	out := fallback
	for _, x := range maybe {
		if !contains(out.Of, x.to) {
			out.Of = append(append([]T(nil), out.Of...), x.to)
		}
		if out.Why == nil {
			out.Why = x.maybe
		}
	}
	return out
}

func hasTarget[T comparable](xs []assigned[T], to T) bool {
	for _, x := range xs {
		if x.to == to {
			return true
		}
	}
	return false
}

func contains[T comparable](xs []T, x T) bool {
	for _, y := range xs {
		if x == y {
			return true
		}
	}
	return false
}

// finishSubnets decides the ACL and route table of every subnet.
func (b *builder) finishSubnets() {
	for _, s := range b.net.Subnets {
		b.inferVPC(s)
	}
	b.inferVPCFromGroups()
	for _, s := range b.net.Subnets {
		s.ACL = b.aclOf.decide(s, b.unsure[s] != nil, func(a *ir.NetworkACL) bool { return b.shareVPC(s.VPC, a.VPC) },
			b.fallbackACL(s), func(xs []assigned[*ir.NetworkACL]) *ir.Unknown { return b.aclClash(s, xs) })
		s.RouteTable = b.tableOf.decide(s, b.unsure[s] != nil, func(t *ir.RouteTable) bool { return b.shareVPC(s.VPC, t.VPC) },
			b.fallbackTable(s), func(xs []assigned[*ir.RouteTable]) *ir.Unknown { return b.tableClash(s, xs) })
	}
}

// inferVPC finds the VPC of a subnet that the input only names: that of the
// ACL or route table that it is associated with.
func (b *builder) inferVPC(s *ir.Subnet) {
	if len(s.VPC.Of) > 0 {
		return
	}
	for _, x := range b.aclOf.of[s] {
		if vpc, ok := x.to.VPC.Known(); ok && x.maybe == nil {
			s.VPC = ir.One(vpc)
			return
		}
	}
	for _, x := range b.tableOf.of[s] {
		if vpc, ok := x.to.VPC.Known(); ok && x.maybe == nil {
			s.VPC = ir.One(vpc)
			return
		}
	}
}

// inferVPCFromGroups finds the VPC of a subnet that the input only names by the
// groups of the interfaces in it: AWS takes groups of the interface's VPC only,
// or ones that are associated with it.
func (b *builder) inferVPCFromGroups() {
	for _, o := range b.net.Interfaces {
		s, ok := o.Subnet.Known()
		if !ok || len(s.VPC.Of) > 0 {
			continue
		}
		for _, g := range o.Groups.Sure {
			if vpc, ok := g.VPCs.Known(); ok && len(g.Associated) == 0 {
				s.VPC = ir.One(vpc)
				break
			}
		}
	}
}

// shareVPC reports whether two things may be in one VPC.
func (b *builder) shareVPC(x, y ir.Choice[*ir.VPC]) bool {
	if x.Open != nil || y.Open != nil {
		return true
	}
	for _, v := range x.Of {
		if contains(y.Of, v) {
			return true
		}
	}
	return false
}

// fallbackACL is what a subnet without an association has: its VPC's default
// ACL. A subnet that the input only names may be associated elsewhere.
func (b *builder) fallbackACL(s *ir.Subnet) ir.Choice[*ir.NetworkACL] {
	out := ir.Choice[*ir.NetworkACL]{Open: s.ACL.Open}
	for _, vpc := range s.VPC.Of {
		if d := b.defaults[vpc]; d != nil && d.acl != nil {
			out.Of = append(out.Of, d.acl)
		} else if out.Open == nil {
			out.Open = notInInput(s.Origin.Address, "network ACL", s.Origin.Range)
		}
	}
	if out.Open == nil && s.VPC.Open != nil {
		out.Open = s.VPC.Open
	}
	if len(out.Of) > 1 {
		out.Why = s.VPC.Why
	}
	return out
}

func (b *builder) fallbackTable(s *ir.Subnet) ir.Choice[*ir.RouteTable] {
	out := ir.Choice[*ir.RouteTable]{Open: s.RouteTable.Open}
	for _, vpc := range s.VPC.Of {
		mains, open := b.mainTables(vpc)
		out.Of = append(out.Of, mains.Of...)
		if out.Why == nil {
			out.Why = mains.Why
		}
		if open && out.Open == nil {
			out.Open = notInInput(s.Origin.Address, "route table", s.Origin.Range)
		}
	}
	if out.Open == nil && s.VPC.Open != nil {
		out.Open = s.VPC.Open
	}
	return out
}

func (b *builder) aclClash(s *ir.Subnet, xs []assigned[*ir.NetworkACL]) *ir.Unknown {
	var names []string
	for _, x := range xs {
		names = append(names, x.to.Origin.Address)
	}
	return b.clash(s, ruleACLConflict, "network ACLs", names, xs[len(xs)-1].address, xs[len(xs)-1].at)
}

func (b *builder) tableClash(s *ir.Subnet, xs []assigned[*ir.RouteTable]) *ir.Unknown {
	var names []string
	for _, x := range xs {
		names = append(names, x.to.Origin.Address)
	}
	return b.clash(s, ruleInvalid, "route tables", names, xs[len(xs)-1].address, xs[len(xs)-1].at)
}

func (b *builder) clash(s *ir.Subnet, rule, what string, names []string, address string, at diag.Range) *ir.Unknown {
	message := fmt.Sprintf("%s is given %s at once: %s; a subnet has one, and the last one applied wins", s.Origin.Address, what, strings.Join(names, ", "))
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Rule: rule, Error: rule == ruleInvalid, Message: message, Fix: "keep one of them", Address: address, Range: at,
	})
	return &ir.Unknown{
		Term:  s.Origin.Address + " " + what,
		Cause: diag.Cause{Code: diag.NotValid, Message: message, Address: address, Range: at},
	}
}
