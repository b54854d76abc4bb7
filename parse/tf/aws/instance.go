package aws

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// maxAddresses bounds the addresses made for a count: AWS allows 50.
const maxAddresses = 50

// makeInstance makes the primary interface of an instance, unless one of its
// own is given to it.
func makeInstance(v view) {
	for _, typ := range []string{"primary_network_interface", "network_interface"} {
		blocks, _ := v.nested(typ)
		for _, n := range blocks {
			if i, set := n.integer("device_index"); set && i.Known() && i.V != 0 {
				continue
			}
			for _, e := range n.single("network_interface_id") {
				for _, k := range v.keys("id", "primary_network_interface_id", "spot_instance_id") {
					v.b.alias[k] = refOf(e).key
				}
				return
			}
		}
	}
	o := &ir.Interface{
		Resource: v.in.Address, Kind: ir.InterfaceInstance, Maybe: v.in.Maybe, Home: v.home(), Tags: v.tags(),
		Aliases: ids(v.id(), v.text("arn")),
	}
	register(v, v.b.interfaces, o, "id", "primary_network_interface_id", "spot_instance_id")
	v.b.net.Interfaces = append(v.b.net.Interfaces, o)
}

// ids keeps the names that are there.
func ids(names ...string) []string {
	var out []string
	for _, n := range names {
		if n != "" && !contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func linkInstance(v view) {
	own := v.b.interfaces[tf.Symbol(v.in.Address, "id")]
	if own == nil {
		v.linkGivenInterfaces()
		return
	}
	n := nic{kind: ir.InterfaceInstance, launch: true, fields: v.nicFields("vpc_security_group_ids", "security_groups")}
	n.groups, n.named = v.groupSet("vpc_security_group_ids")
	if !n.named {
		n.groups, n.named = v.groupSet("security_groups")
	}
	n.public, n.publicSet = v.boolean("associate_public_ip_address", false)
	n.publicAt = v.at("associate_public_ip_address")
	subnets := v.single("subnet_id")
	if lt, ok := v.one("launch_template"); ok {
		subnets = lt.fromTemplate(&n, subnets)
	}
	v.fill(own, n, v.instanceSubnet(subnets))
	v.readAddresses(own, "private_ip", "secondary_private_ips", "")
	own.SourceDestCheck, _ = v.boolean("source_dest_check", true)
	windows, _ := v.boolean("get_password_data", false)
	own.Windows = windows.V
	v.readPublicIP(own)
	v.b.later(func() { v.linkGivenInterfaces() })
}

func (v view) nicFields(groups ...string) map[ir.Field]diag.Range {
	names := map[string]ir.Field{"subnet_id": ir.FieldSubnet, "associate_public_ip_address": ir.FieldPublic}
	for _, g := range groups {
		if v.has(g) {
			names[g] = ir.FieldGroups
			break
		}
	}
	return v.fields(names)
}

// instanceSubnet is the subnet of an instance. Without one it is a subnet of
// the default VPC, which gives public addresses unless it was changed.
func (v view) instanceSubnet(es []elem) ir.Choice[*ir.Subnet] {
	if len(es) > 0 {
		return v.subnetChoice(es[0])
	}
	return ir.One(v.b.defaultSubnet(v))
}

// defaultSubnet is the subnet of the default VPC that AWS picks.
func (b *builder) defaultSubnet(v view) *ir.Subnet {
	vpc := b.defaultVPC(v)
	key := "subnet of " + vpc.Origin.Address
	if s := b.subnets[key]; s != nil {
		return s
	}
	s := b.unseenSubnet("", key, func(what string) *ir.Unknown { return notInInput(key, what, v.at()) }, ir.Origin{Address: key, Range: v.at(), Implicit: true})
	s.VPC = ir.One(vpc)
	b.subnets[key] = s
	return s
}

// readPublicIP reads the public address that a state shows.
func (v view) readPublicIP(o *ir.Interface) {
	a := primaryAddress(o, ir.Value[netip.Addr]{})
	val, set := v.str("public_ip")
	if a == nil || !v.in.Existing || !set || !val.Known() || tf.HasSymbol(val.V) {
		return
	}
	a.Public.Exists = ir.Known(val.V != "")
	if val.V != "" {
		a.Public.Addr = v.addr(elem{s: val.V, at: v.at("public_ip")}, packet.IPv4)
	}
}

// readAddresses reads the addresses that an interface writes itself.
func (v view) readAddresses(o *ir.Interface, primary, secondary, list string) {
	if es := v.single(primary); len(es) > 0 {
		v.setPrimary(o, v.addr(es[0], packet.IPv4))
	}
	if list != "" {
		es, _ := v.list(list)
		for i, e := range es {
			switch {
			case i == 0 && e.many == nil && !v.has(primary):
				v.setPrimary(o, v.addr(e, packet.IPv4))
			case e.s != "" && primaryIs(o, e.s):
			default:
				v.addAddress(o, e, packet.IPv4)
			}
		}
	}
	if secondary != "" {
		es, _ := v.list(secondary)
		for _, e := range es {
			v.addAddress(o, e, packet.IPv4)
		}
	}
	v.readIPv6Addresses(o)
}

func primaryIs(o *ir.Interface, s string) bool {
	a := primaryAddress(o, ir.Value[netip.Addr]{})
	return a != nil && a.Private.Known() && a.Private.V.String() == s
}

func (v view) setPrimary(o *ir.Interface, addr ir.Value[netip.Addr]) {
	if a := primaryAddress(o, ir.Value[netip.Addr]{}); a != nil {
		a.Private = addr
		return
	}
	o.Addresses = append([]ir.Address{{Family: packet.IPv4, Private: addr, Public: ir.Public{Exists: ir.Known(false)}}}, o.Addresses...)
}

func (v view) addAddress(o *ir.Interface, e elem, f packet.Family) {
	o.Addresses = append(o.Addresses, ir.Address{
		Family: f, Private: v.addr(e, f), Maybe: e.many,
		Public: ir.Public{Exists: ir.Known(false), Place: diag.Place{Address: v.in.Address, Message: "a secondary address", Range: e.at}},
	})
}

// readIPv6Addresses reads the addresses that are written or counted; they take
// the place of what the subnet assigns.
func (v view) readIPv6Addresses(o *ir.Interface) {
	es, _ := v.list("ipv6_addresses")
	count, set := v.integer("ipv6_address_count")
	if len(es) == 0 && !set {
		return
	}
	var kept []ir.Address
	for _, a := range o.Addresses {
		if a.Family == packet.IPv4 {
			kept = append(kept, a)
		}
	}
	o.Addresses = kept
	for _, e := range es {
		v.addAddress(o, e, packet.IPv6)
	}
	switch {
	case len(es) > 0:
	case !count.Known():
		o.Addresses = append(o.Addresses, ir.Address{Family: packet.IPv6, Private: ir.NotKnown[netip.Addr](part(count.Why, "ipv6_address")), Maybe: count.Why})
	case count.V < 0 || count.V > maxAddresses:
		v.invalid(v.at("ipv6_address_count"), "an interface has from 0 to 50 IPv6 addresses", "write a smaller number")
	default:
		for i := range count.V {
			u := v.computed("ipv6_addresses", "are picked by AWS")
			u.Term += string(rune('a' + i%26))
			o.Addresses = append(o.Addresses, ir.Address{Family: packet.IPv6, Private: ir.NotKnown[netip.Addr](u)})
		}
	}
}

// linkGivenInterfaces names an instance's address on the interfaces that it is
// given.
func (v view) linkGivenInterfaces() {
	for _, typ := range []string{"primary_network_interface", "network_interface"} {
		blocks, _ := v.nested(typ)
		for _, n := range blocks {
			for _, e := range n.single("network_interface_id") {
				v.b.attach(v, v.b.iface(v, e), v.in.Address, v.id())
			}
		}
	}
}

// attach says which instance an interface belongs to.
func (b *builder) attach(v view, o *ir.Interface, resource, id string) {
	if o.Resource == resource {
		return
	}
	o.Aliases = append(o.Aliases, ids(o.Resource, id)...)
	o.Resource, o.Kind = resource, ir.InterfaceInstance
}

func makeNetworkInterface(v view) {
	o := &ir.Interface{
		ID: v.id(), Resource: v.in.Address, Kind: ir.InterfaceOther, Maybe: v.in.Maybe, Home: v.home(), Tags: v.tags(),
	}
	register(v, v.b.interfaces, o, "id")
	v.b.net.Interfaces = append(v.b.net.Interfaces, o)
}

func linkNetworkInterface(v view) {
	o := v.b.interfaces[tf.Symbol(v.in.Address, "id")]
	n := nic{kind: o.Kind, launch: true, publicSet: true, publicAt: v.at(), fields: v.nicFields("security_groups")}
	n.groups, n.named = v.groupSet("security_groups")
	es := v.single("subnet_id")
	subnet := ir.Another[*ir.Subnet](nil)
	if len(es) > 0 {
		subnet = v.subnetChoice(es[0])
	} else {
		subnet.Open = v.invalid(v.at(), "subnet_id is required", "name the subnet")
	}
	v.fill(o, n, subnet)
	v.readAddresses(o, "private_ip", "", "private_ips")
	o.SourceDestCheck, _ = v.boolean("source_dest_check", true)
	v.readPrefixes(o, "ipv4_prefixes", packet.IPv4)
	v.readPrefixes(o, "ipv6_prefixes", packet.IPv6)
	attachments, _ := v.nested("attachment")
	v.b.later(func() {
		for _, n := range attachments {
			for _, e := range n.single("instance") {
				v.b.attachTo(v, o, e)
			}
		}
	})
}

func (v view) readPrefixes(o *ir.Interface, attr string, f packet.Family) {
	es, _ := v.list(attr)
	for _, e := range es {
		if p := v.cidr(e, f, hostBitsMasked); p.Known() {
			o.Prefixes = append(o.Prefixes, p.V)
		}
	}
}

// attachTo attaches an interface to the instance that an element names.
func (b *builder) attachTo(v view, o *ir.Interface, e elem) {
	if e.unknown() != nil {
		return
	}
	r := refOf(e)
	b.attach(v, o, r.name, r.id)
}

func linkInterfaceAttachment(v view) {
	instances, nics := v.single("instance_id"), v.single("network_interface_id")
	if len(instances) == 0 || len(nics) == 0 {
		v.invalid(v.at(), "instance_id and network_interface_id are required", "name both")
		return
	}
	v.b.later(func() { v.b.attachTo(v, v.b.iface(v, nics[0]), instances[0]) })
}

// template is a launch template or configuration.
type template struct {
	v    view
	used bool
}

func makeTemplate(v view) {
	t := &template{v: v}
	for _, k := range v.keys("id", "name") {
		if v.b.templates[k] == nil {
			v.b.templates[k] = t
		}
	}
	v.b.later(func() {
		if !t.used {
			t.alone()
		}
	})
}

// alone makes the interface of a template that nothing here launches.
func (t *template) alone() {
	n := nic{kind: ir.InterfaceInstance, launch: true}
	subnets := t.apply(&n, nil)
	if !n.named {
		return
	}
	for _, o := range t.v.spread(n, subnets, false) {
		if o.Maybe == nil {
			o.Maybe = notInInput(t.v.in.Address, "launch", t.v.at())
		}
	}
}

// fromTemplate reads a launch_template block: what the resource does not say,
// the template does.
func (v view) fromTemplate(n *nic, subnets []elem) []elem {
	for _, attr := range []string{"id", "name", "launch_template_id", "launch_template_name"} {
		for _, e := range v.single(attr) {
			if t := v.b.templates[refOf(e).key]; t != nil {
				t.used = true
				return t.apply(n, subnets)
			}
			if !n.named {
				n.named, n.groups.Open = true, refOf(e).unseen("vpc_security_group_ids")
			}
		}
	}
	return subnets
}

func (t *template) apply(n *nic, subnets []elem) []elem {
	named := n.named
	if !named {
		n.groups, n.named = t.v.groupSet("vpc_security_group_ids", "security_groups", "security_group_names")
	}
	if !n.publicSet {
		n.public, n.publicSet = t.v.boolean("associate_public_ip_address", false)
		n.publicAt = t.v.at("associate_public_ip_address")
	}
	nics, _ := t.v.nested("network_interfaces")
	for _, x := range nics {
		if !named {
			more, ok := x.groupSet("security_groups")
			n.groups, n.named = union(n.groups, more), n.named || ok
		}
		if !n.publicSet {
			n.public, n.publicSet = x.boolean("associate_public_ip_address", false)
			n.publicAt = x.at("associate_public_ip_address")
		}
		if c, set := x.integer("ipv6_address_count"); set {
			n.dual = ir.Value[bool]{V: c.V > 0, Why: c.Why}
		}
		if len(subnets) == 0 {
			subnets = x.single("subnet_id")
		}
	}
	return subnets
}

// linkAutoscaling makes the interfaces of a group of instances: some in each of
// its subnets.
func linkAutoscaling(v view) {
	n := nic{kind: ir.InterfaceInstance, launch: true, fields: v.fields(map[string]ir.Field{"vpc_zone_identifier": ir.FieldSubnet})}
	subnets, _ := v.list("vpc_zone_identifier")
	for _, e := range v.single("launch_configuration") {
		subnets = v.launchConfiguration(e, &n, subnets)
	}
	specs, _ := v.nested("launch_template")
	if policy, ok := v.one("mixed_instances_policy"); ok {
		if lt, ok := policy.one("launch_template"); ok {
			more, _ := lt.nested("launch_template_specification")
			specs = append(specs, more...)
		}
	}
	for _, lt := range specs {
		subnets = lt.fromTemplate(&n, subnets)
	}
	v.registerScaled(v.placed(n, subnets, true))
}

func (v view) launchConfiguration(e elem, n *nic, subnets []elem) []elem {
	if t := v.b.templates[refOf(e).key]; t != nil {
		t.used = true
		return t.apply(n, subnets)
	}
	if !n.named {
		n.named, n.groups.Open = true, refOf(e).unseen("security_groups")
	}
	return subnets
}
