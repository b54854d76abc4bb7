package aws

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// vpcDefaults are the objects that AWS makes with every VPC, or what adopts
// them.
type vpcDefaults struct {
	group *ir.SecurityGroup
	acl   *ir.NetworkACL
	table *ir.RouteTable // the main one
	// mains are route tables that an association makes the main one.
	mains []assigned[*ir.RouteTable]
}

func (b *builder) defaultsOf(v *ir.VPC) *vpcDefaults {
	d := b.defaults[v]
	if d == nil {
		d = &vpcDefaults{}
		b.defaults[v] = d
	}
	return d
}

func defaultVPCCIDR() []ir.Value[netip.Prefix] {
	return []ir.Value[netip.Prefix]{ir.Known(netip.MustParsePrefix("172.31.0.0/16"))}
}

// The attributes of a VPC that name the objects that come with it.
var defaultAttrs = []string{"default_security_group_id", "default_network_acl_id", "default_route_table_id", "main_route_table_id"}

func makeVPC(v view) {
	o := &ir.VPC{
		ID: v.id(), Name: v.tags()["Name"], Home: v.home(), Tags: v.tags(), Seen: true,
		BPA: ir.Known(ir.BPAOff), Exclusion: ir.Known(ir.ExclusionNone),
		Origin: v.origin(v.at("cidr_block", "ipv4_ipam_pool_id"), nil),
	}
	switch p, set := v.cidrAttr("cidr_block", packet.IPv4, hostBitsRefused); {
	case set:
		o.IPv4 = append(o.IPv4, p)
	case v.has("ipv4_ipam_pool_id") || v.has("ipv4_netmask_length"):
		o.IPv4 = append(o.IPv4, ir.NotKnown[netip.Prefix](v.computed("cidr_block", "is taken from an address pool")))
	default:
		o.IPv4 = append(o.IPv4, ir.NotKnown[netip.Prefix](v.invalid(v.at(), "a VPC needs cidr_block or ipv4_ipam_pool_id", "add cidr_block")))
	}
	v.readIPv6(o)
	v.addVPC(o)
}

// readIPv6 reads the IPv6 CIDR of a VPC. That one is assigned may itself be
// unknown: the VPC then may have one.
func (v view) readIPv6(o *ir.VPC) {
	if p, set := v.cidrAttr("ipv6_cidr_block", packet.IPv6, hostBitsRefused); set {
		o.IPv6 = append(o.IPv6, p)
		return
	}
	assign, _ := v.boolean("assign_generated_ipv6_cidr_block", false)
	switch {
	case !assign.Known():
		o.More = assign.Why
		v.b.ipv6Seen[o] = &assign
	case assign.V:
		o.IPv6 = append(o.IPv6, ir.NotKnown[netip.Prefix](v.computed("ipv6_cidr_block", "is assigned by AWS")))
	case v.has("ipv6_ipam_pool_id"):
		o.IPv6 = append(o.IPv6, ir.NotKnown[netip.Prefix](v.computed("ipv6_cidr_block", "is taken from an address pool")))
	}
}

// computed is why an attribute that AWS decides is not known.
func (v view) computed(attr, why string) *ir.Unknown {
	name := v.in.Address + "." + attr
	return &ir.Unknown{Term: name, Cause: diag.Cause{Code: diag.Computed, Message: name + " " + why, Address: name, Range: v.at(attr)}}
}

// makeDefaultVPC adopts the default VPC of the Region. It was there before, so
// the objects that came with it may have been changed.
func makeDefaultVPC(v view) {
	o := &ir.VPC{
		ID: v.id(), Name: v.tags()["Name"], Home: v.home(), Tags: v.tags(), Seen: true, Default: true, IPv4: defaultVPCCIDR(),
		BPA: ir.Known(ir.BPAOff), Exclusion: ir.Known(ir.ExclusionNone), Origin: v.origin(v.at(), nil),
	}
	o.More = notInInput(v.in.Address, "CIDRs", v.at())
	v.readIPv6(o)
	if key := "default VPC of " + o.Home.Region; v.b.vpcs[key] == nil {
		v.b.vpcs[key] = o
	}
	v.b.existing[o] = true
	v.addVPC(o)
}

func (v view) addVPC(o *ir.VPC) {
	register(v, v.b.vpcs, o, "id")
	v.b.vpcInstances[o] = v.in
	for _, attr := range defaultAttrs {
		for _, k := range v.keys(attr) {
			v.b.defaultIDs[k] = o
		}
	}
	v.b.net.VPCs = append(v.b.net.VPCs, o)
}

// adoptedVPC finds the VPC whose own object an id names: the id is an attribute
// of the VPC. Without one the object belongs to a VPC that is not known.
func (v view) adoptedVPC(attr string) (ir.Choice[*ir.VPC], string) {
	es := v.single(attr)
	if len(es) == 0 {
		return ir.One(v.b.defaultVPC(v)), ""
	}
	r := refOf(es[0])
	if o := v.b.defaultIDs[r.key]; o != nil {
		return choice(v.b, o), r.key
	}
	return ir.Another[*ir.VPC](r.unseen("vpc_id")), r.key
}

func linkVPCCIDR(v view) {
	es := v.single("vpc_id")
	if len(es) == 0 {
		v.invalid(v.at(), "vpc_id is required", "name the VPC")
		return
	}
	o := v.b.vpc(v, es[0])
	f, attr := packet.IPv4, "cidr_block"
	if v.in.Type == "aws_vpc_ipv6_cidr_block_association" {
		f, attr = packet.IPv6, "ipv6_cidr_block"
	}
	p, set := v.cidrAttr(attr, f, hostBitsRefused)
	if !set {
		p = ir.NotKnown[netip.Prefix](v.computed(attr, "is assigned by AWS"))
	}
	if u := v.maybe(); u != nil {
		o.More = u
		if f == packet.IPv6 {
			unsure := ir.NotKnown[bool](u)
			v.b.ipv6Seen[o] = &unsure
		}
		return
	}
	if f == packet.IPv4 {
		o.IPv4 = append(o.IPv4, p)
	} else {
		o.IPv6 = append(o.IPv6, p)
	}
}

// hasIPv6 says whether a VPC has IPv6 CIDRs.
func (b *builder) hasIPv6(o *ir.VPC) ir.Value[bool] {
	switch u := b.ipv6Seen[o]; {
	case len(o.IPv6) > 0:
		return ir.Known(true)
	case u != nil:
		return *u
	case !o.Seen:
		return ir.NotKnown[bool](o.More)
	}
	return ir.Known(false)
}

// makeImplicit makes what AWS makes with every VPC and nothing adopts: the
// default group, the default ACL and the main route table. Their rules wait
// for the VPC's CIDRs: see finishVPCs.
func (b *builder) makeImplicit() {
	for _, o := range b.net.VPCs {
		if o.Seen {
			b.implicitGroup(o)
			b.implicitACL(o)
			b.implicitTable(o)
		}
	}
}

func implicitOrigin(o *ir.VPC, what string) ir.Origin {
	return ir.Origin{Address: o.Origin.Address + "." + what, Range: o.Origin.Range, Implicit: true}
}

// changed is why the rules of a VPC's own object are not known when the VPC was
// there before anything here was.
func (b *builder) changed(o *ir.VPC, what string) *ir.Unknown {
	if o.Default {
		return notInInput(o.Origin.Address, what, o.Origin.Range)
	}
	return nil
}

func (b *builder) implicitGroup(o *ir.VPC) {
	d := b.defaultsOf(o)
	if d.group == nil {
		d.group = &ir.SecurityGroup{
			Name: "default", Home: o.Home, VPCs: ir.One(o), Default: true, Open: b.changed(o, "default group's rules"),
			Origin: implicitOrigin(o, "default_security_group"),
		}
		b.net.SecurityGroups = append(b.net.SecurityGroups, d.group)
		d.group.ID = idOf(b, o, "default_security_group_id")
	}
	nameByDefault(b, o, b.groups, d.group, "default_security_group_id")
}

func (b *builder) implicitACL(o *ir.VPC) {
	d := b.defaultsOf(o)
	if d.acl == nil {
		d.acl = &ir.NetworkACL{
			Name: "default", Home: o.Home, VPC: ir.One(o), Default: true, Open: b.changed(o, "default ACL's entries"),
			Origin: implicitOrigin(o, "default_network_acl"),
		}
		b.net.NetworkACLs = append(b.net.NetworkACLs, d.acl)
		d.acl.ID = idOf(b, o, "default_network_acl_id")
	}
	nameByDefault(b, o, b.acls, d.acl, "default_network_acl_id")
}

func (b *builder) implicitTable(o *ir.VPC) {
	d := b.defaultsOf(o)
	if d.table == nil {
		d.table = &ir.RouteTable{
			Name: "main", Home: o.Home, VPC: ir.One(o), Main: true, Open: b.changed(o, "main table's routes"),
			Origin: implicitOrigin(o, "main_route_table"),
		}
		b.net.RouteTables = append(b.net.RouteTables, d.table)
		d.table.ID = idOf(b, o, "default_route_table_id")
	}
	nameByDefault(b, o, b.tables, d.table, "default_route_table_id")
	nameByDefault(b, o, b.tables, d.table, "main_route_table_id")
}

// nameByDefault registers a VPC's own object under the VPC's attribute that
// names it.
func nameByDefault[T any](b *builder, o *ir.VPC, m map[string]*T, obj *T, attr string) {
	k := tf.Symbol(o.Origin.Address, attr)
	if m[k] == nil {
		m[k] = obj
	}
	if in := b.instanceOf(o); in != nil {
		for _, k := range (view{b, in, in.Body}).keys(attr) {
			if m[k] == nil {
				m[k] = obj
			}
		}
	}
	if u := b.maybe[o]; u != nil {
		b.maybe[obj] = u
	}
	if u := b.unsure[o]; u != nil {
		b.unsure[obj] = u
	}
}

// idOf is the id that a state or plan shows for a VPC's own object.
func idOf(b *builder, o *ir.VPC, attr string) string {
	in := b.instanceOf(o)
	if in == nil {
		return ""
	}
	if s, set := (view{b, in, in.Body}).str(attr); set && s.Known() && !tf.HasSymbol(s.V) {
		return s.V
	}
	return ""
}

// instanceOf finds the instance that made a VPC.
func (b *builder) instanceOf(o *ir.VPC) *tf.Instance { return b.vpcInstances[o] }

// finishVPCs gives the implicit objects the rules that AWS gives them.
// [VPC default-security-group.md, vpc-network-acls.md]
func (b *builder) finishVPCs() {
	b.applyBPA()
	for _, o := range b.net.VPCs {
		d := b.defaults[o]
		if d == nil {
			continue
		}
		v6 := b.hasIPv6(o)
		if g := d.group; g != nil && g.Origin.Implicit {
			origin := ir.Origin{Address: g.Origin.Address, Implicit: true}
			all := ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts)}
			in, out, out6 := all, all, all
			in.Peer.Group, out.Peer.CIDR, out6.Peer.CIDR = g, anyIPv4, anyIPv6
			g.Ingress = append(g.Ingress, ir.Rule{Match: in, Origin: origin})
			g.Egress = append(g.Egress, ir.Rule{Match: out, Origin: origin})
			if !v6.Known() || v6.V {
				g.Egress = append(g.Egress, ir.Rule{Match: out6, Maybe: v6.Why, Origin: origin})
			}
		}
		if a := d.acl; a != nil && a.Origin.Implicit {
			for _, egress := range []bool{false, true} {
				a.Entries = append(a.Entries, defaultEntry(a, egress, 100, anyIPv4, nil))
				if !v6.Known() || v6.V {
					a.Entries = append(a.Entries, defaultEntry(a, egress, 101, anyIPv6, v6.Why))
				}
			}
		}
	}
}

var (
	anyIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	anyIPv6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

func defaultEntry(a *ir.NetworkACL, egress bool, number uint16, cidr netip.Prefix, maybe *ir.Unknown) ir.Entry {
	return ir.Entry{
		Match:  ir.Match{Protocol: ir.Known[int16](-1), Ports: ir.Known(ir.AllPorts), Peer: ir.Peer{CIDR: cidr}},
		Egress: egress, Number: ir.Known(number), Allow: ir.Known(true), Maybe: maybe,
		Origin: ir.Origin{Address: a.Origin.Address, Implicit: true},
	}
}
