package aws

import (
	"net/netip"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/parse/tf"
)

// transitState is what the decoders of transit gateways collect until the
// tables can be made.
type transitState struct {
	associates, propagates ir.Value[bool] // with the default table
	attachments            map[*ir.Attachment]attachmentState
	explicit               bool // it has route tables of its own
}

type attachmentState struct{ associates, propagates ir.Value[bool] }

func (b *builder) transitOf(o *ir.TransitGateway) *transitState {
	s := b.transitState[o]
	if s == nil {
		s = &transitState{
			associates: ir.NotKnown[bool](o.Open), propagates: ir.NotKnown[bool](o.Open),
			attachments: map[*ir.Attachment]attachmentState{},
		}
		b.transitState[o] = s
	}
	return s
}

// enabled reads "enable" or "disable".
func (v view) enabled(attr string, unwritten bool) ir.Value[bool] {
	s, set := v.str(attr)
	switch {
	case !set:
		return ir.Known(unwritten)
	case !s.Known():
		return ir.NotKnown[bool](s.Why)
	case s.V == "enable":
		return ir.Known(true)
	case s.V == "disable":
		return ir.Known(false)
	}
	return ir.NotKnown[bool](v.invalid(v.at(attr), attr+" must be enable or disable", "write enable or disable"))
}

// makeTransitGateway reads a gateway. Other roots and accounts may attach to
// it, so there may always be attachments that are not seen.
func makeTransitGateway(v view) {
	o := &ir.TransitGateway{
		ID: v.id(), Home: v.home(), GroupReferences: v.enabled("security_group_referencing_support", false),
		Open: notInInput(v.in.Address, "further attachments", v.at()), Origin: v.origin(v.at(), nil),
	}
	register(v, v.b.transits, o, "id")
	v.b.net.TransitGateways = append(v.b.net.TransitGateways, o)
	s := v.b.transitOf(o)
	s.associates, s.propagates = v.enabled("default_route_table_association", true), v.enabled("default_route_table_propagation", true)
}

func makeAttachment(v view) {
	o := &ir.Attachment{ID: v.id(), Origin: v.origin(v.at("subnet_ids"), nil)}
	register(v, v.b.attached, o, "id")
}

func linkAttachment(v view) {
	o := v.b.attached[tf.Symbol(v.in.Address, "id")]
	o.VPC = v.vpcChoice("vpc_id")
	o.GroupReferences = v.enabled("security_group_referencing_support", true)
	subnets, _ := v.list("subnet_ids")
	for _, e := range subnets {
		switch {
		case e.many != nil:
			o.Subnets.Open = e.many
		default:
			o.Subnets.Sure = append(o.Subnets.Sure, v.b.subnet(v, e))
		}
	}
	es := v.single("transit_gateway_id")
	if len(es) == 0 {
		v.invalid(v.at(), "transit_gateway_id is required", "name the transit gateway")
		return
	}
	gw := v.b.transit(v, es[0])
	if u := v.maybe(); u != nil {
		gw.Open = u
		return
	}
	gw.Attachments = append(gw.Attachments, o)
	state := attachmentState{}
	state.associates, _ = v.boolean("transit_gateway_default_route_table_association", true)
	state.propagates, _ = v.boolean("transit_gateway_default_route_table_propagation", true)
	v.b.transitOf(gw).attachments[o] = state
}

func makeTransitTable(v view) {
	o := &ir.TransitTable{ID: v.id(), Origin: v.origin(v.at(), nil)}
	register(v, v.b.transTable, o, "id")
}

func linkTransitTable(v view) {
	es := v.single("transit_gateway_id")
	if len(es) == 0 {
		v.invalid(v.at(), "transit_gateway_id is required", "name the transit gateway")
		return
	}
	gw := v.b.transit(v, es[0])
	gw.Tables = append(gw.Tables, v.b.transTable[tf.Symbol(v.in.Address, "id")])
	v.b.transitOf(gw).explicit = true
}

// transitTable returns the table that an element names, nil when none of the
// input is meant: the default table, or one from elsewhere.
func (v view) transitTable(attr string) *ir.TransitTable {
	for _, e := range v.single(attr) {
		if t := v.b.transTable[refOf(e).key]; t != nil {
			return t
		}
	}
	v.omit(v.at(attr), "the transit gateway route table is not in the input")
	return nil
}

func (v view) attachment() *ir.Attachment {
	for _, e := range v.single("transit_gateway_attachment_id") {
		if a := v.b.attached[refOf(e).key]; a != nil {
			return a
		}
	}
	return nil
}

func linkTransitRoute(v view) {
	t := v.transitTable("transit_gateway_route_table_id")
	if t == nil {
		return
	}
	if u := v.maybe(); u != nil {
		t.Open = u
		return
	}
	r := ir.TransitRoute{Origin: v.origin(v.at("destination_cidr_block"), nil)}
	for _, e := range v.single("destination_cidr_block") {
		p := v.cidr(e, packet.FamilyInvalid, hostBitsMasked)
		r.Destination = ir.Peer{CIDR: p.V, Unknown: p.Why}
		if p.Why != nil {
			r.Destination.CIDR = netip.Prefix{}
		}
	}
	if !r.Destination.CIDR.IsValid() && r.Destination.Unknown == nil {
		r.Destination.Unknown = v.invalid(v.at(), "destination_cidr_block is required", "write the CIDR")
	}
	switch blackhole, _ := v.boolean("blackhole", false); {
	case !blackhole.Known():
		r.Attachment.Open = blackhole.Why
	case !blackhole.V:
		if a := v.attachment(); a != nil {
			r.Attachment = ir.One(a)
		} else {
			r.Attachment = ir.Another[*ir.Attachment](notInInput(v.in.Address, "attachment", v.at("transit_gateway_attachment_id")))
		}
	}
	t.Routes = append(t.Routes, r)
}

func linkTransitAssociation(v view) {
	t, a := v.transitTable("transit_gateway_route_table_id"), v.attachment()
	switch {
	case t == nil:
	case a == nil || v.maybe() != nil:
		t.Open = v.openTable()
	default:
		t.Associated = append(t.Associated, a)
		v.b.associations[a] = true
	}
}

func linkTransitPropagation(v view) {
	t, a := v.transitTable("transit_gateway_route_table_id"), v.attachment()
	switch {
	case t == nil:
	case a == nil || v.maybe() != nil:
		t.Open = v.openTable()
	default:
		t.Propagated = append(t.Propagated, a)
	}
}

// openTable is why a table may hold more than is seen.
func (v view) openTable() *ir.Unknown {
	if u := v.maybe(); u != nil {
		return u
	}
	return notInInput(v.in.Address, "attachment", v.at("transit_gateway_attachment_id"))
}

// finishTransit makes the default table of each gateway whose attachments do
// not all simply use it.
func (b *builder) finishTransit() {
	for _, gw := range b.net.TransitGateways {
		s := b.transitState[gw]
		if s == nil || !s.explicit && !b.unusual(gw, s) {
			continue
		}
		t := &ir.TransitTable{Origin: ir.Origin{Address: gw.Origin.Address + ".default_route_table", Implicit: true}}
		for _, a := range gw.Attachments {
			state := s.attachments[a]
			for _, use := range []struct {
				gateway, own ir.Value[bool]
				list         *[]*ir.Attachment
				moved        bool
			}{{s.associates, state.associates, &t.Associated, b.associations[a]}, {s.propagates, state.propagates, &t.Propagated, false}} {
				switch {
				case use.moved:
				case use.gateway.Why != nil:
					t.Open = use.gateway.Why
				case use.own.Why != nil:
					t.Open = use.own.Why
				case use.gateway.V && use.own.V:
					*use.list = append(*use.list, a)
				}
			}
		}
		gw.Tables = append(gw.Tables, t)
	}
}

// unusual reports whether an attachment stays away from the default table.
func (b *builder) unusual(gw *ir.TransitGateway, s *transitState) bool {
	usual := func(v ir.Value[bool]) bool { return v.Known() && v.V }
	if !usual(s.associates) || !usual(s.propagates) {
		return true
	}
	for _, a := range gw.Attachments {
		if st := s.attachments[a]; !usual(st.associates) || !usual(st.propagates) {
			return true
		}
	}
	return false
}

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

// linkIndirect notes what brings internet traffic to private interfaces.
// [Global Accelerator about-endpoints; CloudFront private-content-vpc-origins]
func linkIndirect(v view) {
	v.b.net.Indirect = append(v.b.net.Indirect, diag.Place{
		Address: v.in.Address, Message: "may bring internet traffic to interfaces without a public address", Range: v.blk.Range,
	})
}
