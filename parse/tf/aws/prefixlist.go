package aws

import (
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// makePrefixList reads a managed list: a family, and entries inside it or
// beside it.
func makePrefixList(v view) {
	o := &ir.PrefixList{ID: v.id(), Name: v.text("name"), Home: v.home(), Origin: v.origin(v.at("entry"), nil)}
	switch v.text("address_family") {
	case "IPv4":
		o.Family = packet.IPv4
	case "IPv6":
		o.Family = packet.IPv6
	}
	if n, set := v.integer("max_entries"); set && n.Known() && n.V > 0 {
		o.Max = n.V
	}
	entries, set := v.nested("entry")
	for _, n := range entries {
		n.addListEntry(o)
	}
	if !set && v.in.Existing {
		o.Open = notInInput(v.in.Address, "entries", v.at())
	}
	register(v, v.b.lists, o, "id")
	v.b.net.PrefixLists = append(v.b.net.PrefixLists, o)
}

func (v view) addListEntry(o *ir.PrefixList) {
	if u := v.maybe(); u != nil && u != v.in.Maybe {
		o.Open = u
		return
	}
	p, set := v.cidrAttr("cidr", o.Family, hostBitsMasked)
	switch {
	case !set:
		o.Open = v.invalid(v.at(), "an entry needs a cidr", "write the CIDR")
	case !p.Known():
		o.Open = p.Why
	case !contains(o.CIDRs, p.V):
		o.CIDRs = append(o.CIDRs, p.V)
	}
}

func linkPrefixListEntry(v view) {
	es := v.single("prefix_list_id")
	if len(es) == 0 {
		v.invalid(v.at(), "prefix_list_id is required", "name the list")
		return
	}
	o := v.b.prefixList(v, es[0])
	if v.in.Maybe != nil {
		o.Open = v.in.Maybe
		return
	}
	v.addListEntry(o)
}
