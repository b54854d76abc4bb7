package aws

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// nic is what the interfaces of one resource share.
type nic struct {
	kind   ir.InterfaceKind
	groups ir.Many[*ir.SecurityGroup]
	// named: groups are named. Without, the default group of the VPC applies,
	// unless bare: then nothing filters.
	named, bare bool
	// launch: the subnet decides about the public and the IPv6 address where
	// the resource does not.
	launch    bool
	public    ir.Value[bool]
	publicSet bool
	publicAt  diag.Range
	dual      ir.Value[bool] // has IPv6 addresses too
	services  *ir.Services
	noInbound bool
	preserve  ir.Value[bool] // see ir.Interface.PreserveClient
	fields    map[ir.Field]diag.Range
}

// wantedGroups is an interface that gets the default group of its VPC.
type wantedGroups struct {
	v view
	o *ir.Interface
}

// groupSet reads the groups of an interface; named is false when there are
// none.
func (v view) groupSet(attrs ...string) (m ir.Many[*ir.SecurityGroup], named bool) {
	for _, attr := range attrs {
		es, _ := v.list(attr)
		for _, e := range es {
			named = true
			v.addToSet(&m, e, v.maybeBlock())
		}
	}
	return m, named
}

// maybeBlock says why the block may not be there; the instance's own Maybe is
// the interface's.
func (v view) maybeBlock() *ir.Unknown {
	if v.blk != v.in.Body {
		return v.blk.Maybe
	}
	return nil
}

func (v view) addToSet(m *ir.Many[*ir.SecurityGroup], e elem, maybe *ir.Unknown) {
	switch {
	case e.unknown() != nil && len(candidates(v.b, e, v.b.groups)) > 0:
		for _, g := range candidates(v.b, e, v.b.groups) {
			addGroupTo(m, g, e.unknown())
		}
		// An id that is one of them is none beside them; a list may hold more
		// that is written out, and a plan does not show.
		if e.among.Open || e.many != nil {
			m.Open = e.unknown()
		}
		return
	case e.many != nil:
		m.Open = e.many
		return
	case e.why == nil && !tf.HasSymbol(e.s) && !isGroupID(e.s):
		if g := v.b.groupNames[e.s]; g != nil {
			addGroupTo(m, g, maybe)
			return
		}
		m.Open = v.invalid(e.at, "this is not the id of a security group", "use the group's id: ids begin with sg-")
		return
	case v.b.groupNames[e.s] != nil: // the symbol of a name
		addGroupTo(m, v.b.groupNames[e.s], maybe)
		return
	}
	g := v.b.group(v, e)
	if u := v.b.maybe[g]; u != nil && maybe == nil {
		maybe = u
	}
	addGroupTo(m, g, maybe)
}

func addGroupTo(m *ir.Many[*ir.SecurityGroup], g *ir.SecurityGroup, maybe *ir.Unknown) {
	if contains(m.Sure, g) {
		return
	}
	if maybe == nil {
		m.Sure = append(m.Sure, g)
		return
	}
	for _, p := range m.Maybe {
		if p.V == g {
			return
		}
	}
	m.Maybe = append(m.Maybe, ir.Possible[*ir.SecurityGroup]{V: g, Why: maybe})
}

// union joins two sets of groups.
func union(a, b ir.Many[*ir.SecurityGroup]) ir.Many[*ir.SecurityGroup] {
	for _, g := range b.Sure {
		addGroupTo(&a, g, nil)
	}
	for _, p := range b.Maybe {
		addGroupTo(&a, p.V, p.Why)
	}
	if a.Open == nil {
		a.Open = b.Open
	}
	return a
}

// spread adds the interfaces of a resource: one in each subnet when it has one
// in each, else one that is in any of them.
func (v view) spread(n nic, subnets []elem, each bool) []*ir.Interface {
	var of []*ir.Subnet
	var open *ir.Unknown
	for _, e := range subnets {
		if some := candidates(v.b, e, v.b.subnets); len(some) > 0 {
			of, each = append(of, some...), false
			if e.among.Open || e.many != nil {
				open = e.unknown()
			}
			continue
		}
		if e.many != nil {
			if !e.beside || !each {
				open = e.many
			}
			continue
		}
		s := v.b.subnet(v, e)
		if u := v.b.maybe[s]; u != nil && open == nil {
			open = u
		}
		of = append(of, s)
	}
	switch {
	case len(of) == 0 && open == nil:
		return []*ir.Interface{v.addInterface(n, ir.Another[*ir.Subnet](notInInput(v.in.Address, "subnet", v.at())))}
	case len(of) == 0:
		return []*ir.Interface{v.addInterface(n, ir.Another[*ir.Subnet](open))}
	case !each || open != nil:
		c := ir.Choice[*ir.Subnet]{Of: of, Open: open}
		if len(of) > 1 {
			c.Why = v.computed("subnet", "is one of several: AWS picks it")
		}
		return []*ir.Interface{v.addInterface(n, c)}
	}
	var out []*ir.Interface
	for _, s := range of {
		out = append(out, v.addInterface(n, ir.One(s)))
	}
	return out
}

// addInterface makes one interface.
func (v view) addInterface(n nic, subnet ir.Choice[*ir.Subnet]) *ir.Interface {
	o := &ir.Interface{Resource: v.in.Address, Maybe: v.in.Maybe, Home: v.home(), Tags: v.tags(), SourceDestCheck: ir.Known(true)}
	v.fill(o, n, subnet)
	v.b.net.Interfaces = append(v.b.net.Interfaces, o)
	return o
}

// fill sets what a nic says on an interface, with the addresses that AWS picks.
func (v view) fill(o *ir.Interface, n nic, subnet ir.Choice[*ir.Subnet]) {
	o.Kind, o.Subnet, o.Groups, o.Services, o.NoInbound = n.kind, subnet, n.groups, n.services, n.noInbound
	o.PreserveClient = n.preserve
	o.Origin = v.origin(v.blk.Range, n.fields)
	if !n.named && !n.bare {
		v.b.wanted = append(v.b.wanted, wantedGroups{v, o})
	}
	if a, ok := v.ownIPv4(subnet); ok {
		a.Public = v.ownPublic(n, subnet)
		o.Addresses = append(o.Addresses, a)
	}
	if a, ok := v.ownIPv6(n, subnet); ok {
		o.Addresses = append(o.Addresses, a)
	}
}

// ownIPv4 is the primary private address that AWS picks. A subnet for IPv6 only
// gives none.
func (v view) ownIPv4(subnet ir.Choice[*ir.Subnet]) (ir.Address, bool) {
	if s, ok := subnet.Known(); ok && s.IPv4.Known() && !s.IPv4.V.IsValid() {
		return ir.Address{}, false
	}
	return ir.Address{Family: packet.IPv4, Private: ir.NotKnown[netip.Addr](v.pickedBy("private_ip", subnet))}, true
}

// pickedBy names an address that AWS picks. Interfaces of one resource in
// several subnets have an address each.
func (v view) pickedBy(attr string, subnet ir.Choice[*ir.Subnet]) *ir.Unknown {
	u := v.computed(attr, "is picked by AWS")
	if s, ok := subnet.Known(); ok {
		u.Term += " in " + s.Origin.Address
	}
	return u
}

// ownIPv6 is the address that the resource or its subnet asks for.
func (v view) ownIPv6(n nic, subnet ir.Choice[*ir.Subnet]) (ir.Address, bool) {
	a := ir.Address{Family: packet.IPv6, Private: ir.NotKnown[netip.Addr](v.pickedBy("ipv6_address", subnet))}
	want := n.dual
	if n.launch && want.Known() && !want.V {
		want = v.subnetSays(subnet, func(s *ir.Subnet) ir.Value[bool] { return s.IPv6OnLaunch })
	}
	a.Maybe = want.Why
	return a, !want.Known() || want.V
}

// subnetSays asks the subnets that an interface may be in.
func (v view) subnetSays(subnet ir.Choice[*ir.Subnet], ask func(*ir.Subnet) ir.Value[bool]) ir.Value[bool] {
	if subnet.Open != nil || len(subnet.Of) == 0 {
		why := subnet.Open
		if why == nil {
			why = notInInput(v.in.Address, "subnet", v.at())
		}
		return ir.NotKnown[bool](why)
	}
	first := ask(subnet.Of[0])
	for _, s := range subnet.Of[1:] {
		next := ask(s)
		switch {
		case !first.Known():
			return first
		case !next.Known():
			return next
		case next.V != first.V:
			return ir.NotKnown[bool](subnet.Why)
		}
	}
	return first
}

// ownPublic decides about the public IPv4 address.
func (v view) ownPublic(n nic, subnet ir.Choice[*ir.Subnet]) ir.Public {
	p := ir.Public{Exists: n.public, Addr: ir.NotKnown[netip.Addr](v.pickedBy("public_ip", subnet))}
	switch {
	case n.publicSet:
		p.Place = diag.Place{Address: v.in.Address, Message: "decides about the public address", Range: n.publicAt}
	case n.launch:
		p.Exists = v.subnetSays(subnet, func(s *ir.Subnet) ir.Value[bool] { return s.PublicOnLaunch })
		p.Place = diag.Place{Address: v.in.Address, Message: "asks for no public address", Range: v.at()}
		if s, ok := subnet.Known(); ok {
			if r, written := s.Origin.Fields[ir.FieldPublic]; written {
				p.Place = diag.Place{Address: s.Origin.Address, Message: "decides about public addresses", Range: r}
			}
		}
	default:
		p.Place = diag.Place{Address: v.in.Address, Message: "has no public address", Range: v.at()}
	}
	return p
}

// unseenAddress is the address of an interface that the input only names.
func unseenAddress(unseen func(string) *ir.Unknown) ir.Address {
	return ir.Address{
		Family: packet.IPv4, Private: ir.NotKnown[netip.Addr](unseen("private_ip")),
		Public: ir.Public{Exists: ir.NotKnown[bool](unseen("public_ip")), Addr: ir.NotKnown[netip.Addr](unseen("public_ip address"))},
	}
}

// finishInterfaces gives interfaces the groups and addresses that other
// resources decide.
func (b *builder) finishInterfaces() {
	wants := map[*ir.Interface]bool{} // those that name no groups of their own
	for _, w := range b.wanted {
		wants[w.o] = true
		w.o.Groups = union(w.o.Groups, b.defaultGroups(w.v, w.o))
	}
	for _, x := range b.attachments {
		for _, other := range standIns(x.v, x.to, b.interfaces, b.net.Interfaces) {
			x.v.addToSet(&other.Groups, x.group, x.to.why)
		}
		o := b.iface(x.v, x.to)
		if !wants[o] {
			b.reportBothWays(x, o)
		}
		x.v.addToSet(&o.Groups, x.group, x.v.maybe())
	}
	b.applyEIPs()
}

func (b *builder) reportBothWays(x groupAttachment, o *ir.Interface) {
	if x.v.in.Existing || o.Origin.Address == "" || b.interfaces[refOf(x.to).key] == nil && b.alias[refOf(x.to).key] == "" {
		return
	}
	b.net.Problems = append(b.net.Problems, diag.Diagnostic{
		Message: fmt.Sprintf("%s names its groups, and %s adds one: each apply undoes the other", o.Resource, x.v.in.Address),
		Fix:     "name all groups in one place", Note: "the interface is taken to have all of them",
		Address: x.v.in.Address, Range: x.v.blk.Range,
	})
}

// defaultGroups are the groups that an interface without any gets: the default
// group of its VPC. [VPC default-security-group.md]
func (b *builder) defaultGroups(v view, o *ir.Interface) ir.Many[*ir.SecurityGroup] {
	var m ir.Many[*ir.SecurityGroup]
	var vpcs []*ir.VPC
	if o.Subnet.Open != nil {
		m.Open = o.Subnet.Open
	}
	for _, s := range o.Subnet.Of {
		if s.VPC.Open != nil && m.Open == nil {
			m.Open = s.VPC.Open
		}
		for _, vpc := range s.VPC.Of {
			if !contains(vpcs, vpc) {
				vpcs = append(vpcs, vpc)
			}
		}
	}
	for _, vpc := range vpcs {
		var maybe *ir.Unknown
		switch {
		case m.Open != nil:
			maybe = m.Open
		case len(vpcs) > 1:
			maybe = v.computed("subnet", "is in one of several VPCs")
		}
		addGroupTo(&m, b.defaultGroup(vpc), maybe)
	}
	if len(vpcs) == 0 && m.Open == nil {
		m.Open = notInInput(v.in.Address, "VPC", v.at())
	}
	return m
}

// defaultGroup is the default group of a VPC; that of a VPC which the input
// only names is a group of which nothing else is known.
func (b *builder) defaultGroup(vpc *ir.VPC) *ir.SecurityGroup {
	d := b.defaultsOf(vpc)
	if d.group == nil {
		origin := implicitOrigin(vpc, "default_security_group")
		origin.Implicit = true
		d.group = &ir.SecurityGroup{
			Name: "default", Home: vpc.Home, VPCs: ir.One(vpc), Default: true, Open: notInInput(vpc.Origin.Address, "default group", vpc.Origin.Range), Origin: origin,
		}
		b.net.SecurityGroups = append(b.net.SecurityGroups, d.group)
	}
	return d.group
}
