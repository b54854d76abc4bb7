package aws

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// elasticIP is a public address that is put on an interface.
type elasticIP struct {
	v      view
	target elem
	to     ir.Value[netip.Addr] // the private address it goes to; invalid: the primary one
	addr   ir.Value[netip.Addr]
	at     diag.Range
}

func makeEIP(v view) {
	addr := ir.NotKnown[netip.Addr](v.computed("public_ip", "is assigned by AWS"))
	for _, e := range v.single("public_ip") {
		addr = v.addr(e, packet.IPv4)
	}
	for _, k := range v.keys("id", "allocation_id") {
		v.b.eipAddrs[k] = addr
	}
}

func linkEIP(v view) {
	addr := v.b.eipAddrs[tf.Symbol(v.in.Address, "id")]
	for _, attr := range []string{"network_interface", "instance"} {
		for _, e := range v.single(attr) {
			v.b.eips = append(v.b.eips, elasticIP{v, e, v.eipTarget("associate_with_private_ip"), addr, e.at})
			return
		}
	}
}

func (v view) eipTarget(attr string) ir.Value[netip.Addr] {
	if e, ok := v.first(attr); ok {
		return v.addr(e, packet.IPv4)
	}
	return ir.Value[netip.Addr]{}
}

func linkEIPAssociation(v view) {
	target, ok := v.first("network_interface_id")
	if !ok {
		target, ok = v.first("instance_id")
	}
	if !ok {
		return
	}
	x := elasticIP{v: v, target: target, to: v.eipTarget("private_ip_address"), at: target.at}
	x.addr = ir.NotKnown[netip.Addr](v.computed("public_ip", "is assigned by AWS"))
	if a, ok := v.first("allocation_id"); ok {
		if known, ok := v.b.eipAddrs[refOf(a).key]; ok {
			x.addr = known
		}
	}
	if a, ok := v.first("public_ip"); ok {
		x.addr = v.addr(a, packet.IPv4)
	}
	v.b.eips = append(v.b.eips, x)
}

// applyEIPs puts elastic IPs on their interfaces.
func (b *builder) applyEIPs() {
	for _, x := range b.eips {
		for _, other := range standIns(x.v, x.target, b.interfaces, b.net.Interfaces) {
			if a := primaryAddress(other, x.to); a != nil && a.Public.Exists.Known() && !a.Public.Exists.V {
				a.Public.Exists = ir.NotKnown[bool](x.target.why)
			}
		}
		o := b.iface(x.v, x.target)
		a := primaryAddress(o, x.to)
		if a == nil {
			continue
		}
		place := diag.Place{Address: x.v.in.Address, Message: "gives the public address", Range: x.at}
		switch u := x.v.maybe(); {
		case u == nil:
			a.Public = ir.Public{Exists: ir.Known(true), Addr: x.addr, Place: place}
		case a.Public.Exists.Known() && !a.Public.Exists.V:
			a.Public = ir.Public{Exists: ir.NotKnown[bool](u), Addr: x.addr, Place: place}
		}
	}
}

// primaryAddress finds the IPv4 address that an elastic IP goes to.
func primaryAddress(o *ir.Interface, to ir.Value[netip.Addr]) *ir.Address {
	var first *ir.Address
	for i := range o.Addresses {
		a := &o.Addresses[i]
		if a.Family != packet.IPv4 {
			continue
		}
		if first == nil {
			first = a
		}
		if to.Known() && to.V.IsValid() && a.Private.Known() && a.Private.V == to.V {
			return a
		}
	}
	return first
}

// groupAttachment adds a group to an interface from outside.
type groupAttachment struct {
	v         view
	group, to elem
}

func linkGroupAttachment(v view) {
	groups, to := v.single("security_group_id"), v.single("network_interface_id")
	if len(groups) == 0 || len(to) == 0 {
		v.invalid(v.at(), "security_group_id and network_interface_id are required", "name both")
		return
	}
	v.b.attachments = append(v.b.attachments, groupAttachment{v, groups[0], to[0]})
}
