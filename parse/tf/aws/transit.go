package aws

import (
	"net/netip"

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
	// byDefault is the table that it is made with; associating and propagating
	// are those that attachments go to by default, byDefault unless changed.
	byDefault, associating, propagating *ir.TransitTable
}

type attachmentState struct{ associates, propagates ir.Value[bool] }

func (b *builder) transitOf(o *ir.TransitGateway) *transitState {
	s := b.transitState[o]
	if s == nil {
		s = &transitState{
			associates: ir.NotKnown[bool](o.Open), propagates: ir.NotKnown[bool](o.Open),
			attachments: map[*ir.Attachment]attachmentState{},
			byDefault:   &ir.TransitTable{Origin: ir.Origin{Address: o.Origin.Address + ".default_route_table", Range: o.Origin.Range, Implicit: true}},
		}
		s.associating, s.propagating = s.byDefault, s.byDefault
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
	for _, k := range v.keys("association_default_route_table_id", "propagation_default_route_table_id") {
		v.b.defaultTransit[k] = o
	}
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
	v.join(v.b.transit(v, es[0]), o, true)
}

// join attaches to a gateway. Peerings announce no routes.
func (v view) join(gw *ir.TransitGateway, o *ir.Attachment, announces bool) {
	if u := v.maybe(); u != nil {
		gw.Open = u
		return
	}
	gw.Attachments = append(gw.Attachments, o)
	state := attachmentState{}
	state.associates, _ = v.boolean("transit_gateway_default_route_table_association", true)
	state.propagates, _ = v.boolean("transit_gateway_default_route_table_propagation", announces)
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
	gw, t := v.b.transit(v, es[0]), v.b.transTable[tf.Symbol(v.in.Address, "id")]
	gw.Tables = append(gw.Tables, t)
	v.b.transitOf(gw).explicit = true
	v.b.transitWith[t] = gw
}

// transitTable returns the table that an element names, nil when none of the
// input is meant: one from elsewhere.
func (v view) transitTable(attr string) *ir.TransitTable {
	for _, e := range v.single(attr) {
		key := refOf(e).key
		if t := v.b.transTable[key]; t != nil {
			return t
		}
		if gw := v.b.defaultTransit[key]; gw != nil {
			s := v.b.transitOf(gw)
			s.explicit, v.b.transitWith[s.byDefault] = true, gw
			return s.byDefault
		}
	}
	v.omit(v.at(attr), "the transit gateway route table is not in the input")
	return nil
}

// attachment returns the attachment that the view names, as the gateway of a
// table sees it: a peering has two ends.
func (v view) attachment(t *ir.TransitTable) *ir.Attachment {
	es := v.single("transit_gateway_attachment_id")
	if len(es) == 0 {
		return nil
	}
	a, gw := v.b.attached[refOf(es[0]).key], v.b.transitWith[t]
	if a == nil || gw == nil || contains(gw.Attachments, a) {
		return a
	}
	if far := v.b.farEnds[a]; far != nil && contains(gw.Attachments, far) {
		return far
	}
	if v.b.adrift[a] { // found, and not said where
		gw.Attachments = append(gw.Attachments, a)
		why := notInInput(a.Origin.Address, "default route table", a.Origin.Range)
		v.b.transitOf(gw).attachments[a] = attachmentState{ir.NotKnown[bool](why), ir.NotKnown[bool](why)}
	}
	return a
}

// attachedTo reports whether an attachment is surely with the gateway of a
// table.
func (b *builder) attachedTo(t *ir.TransitTable, a *ir.Attachment) bool {
	gw := b.transitWith[t]
	return gw != nil && contains(gw.Attachments, a)
}

// linkTransitRoute waits until every attachment is with its gateway; so do
// associations and propagations.
func linkTransitRoute(v view) {
	v.b.later(func() {
		if t := v.transitTable("transit_gateway_route_table_id"); t != nil {
			v.transitRoute(t)
		}
	})
}

func (v view) transitRoute(t *ir.TransitTable) {
	if u := v.maybe(); u != nil {
		t.Open = u
		return
	}
	r := ir.TransitRoute{Origin: v.origin(v.at("destination_cidr_block", "prefix_list_id"), nil)}
	for _, e := range v.single("destination_cidr_block") {
		p := v.cidr(e, packet.FamilyInvalid, hostBitsMasked)
		r.Destination = ir.Peer{CIDR: p.V, Unknown: p.Why}
		if p.Why != nil {
			r.Destination.CIDR = netip.Prefix{}
		}
	}
	for _, e := range v.single("prefix_list_id") { // of a reference to a list
		r.Destination = ir.Peer{PrefixList: v.b.prefixList(v, e)}
	}
	if r.Destination == (ir.Peer{}) {
		r.Destination.Unknown = v.invalid(v.at(), "this route has no destination", "write the CIDR")
	}
	switch blackhole, _ := v.boolean("blackhole", false); {
	case !blackhole.Known():
		r.Attachment.Open = blackhole.Why
	case !blackhole.V:
		if a := v.attachment(t); a != nil {
			r.Attachment = ir.One(a)
		} else {
			r.Attachment = ir.Another[*ir.Attachment](notInInput(v.in.Address, "attachment", v.at("transit_gateway_attachment_id")))
		}
	}
	t.Routes = append(t.Routes, r)
}

func linkTransitAssociation(v view) {
	v.b.later(func() {
		if t := v.transitTable("transit_gateway_route_table_id"); t != nil {
			if a := v.attachment(t); v.b.attachedTo(t, a) && v.maybe() == nil {
				t.Associated = append(t.Associated, a)
				v.b.associations[a] = true
				return
			}
			t.Open = v.openTable()
		}
	})
}

func linkTransitPropagation(v view) {
	v.b.later(func() {
		if t := v.transitTable("transit_gateway_route_table_id"); t != nil {
			if a := v.attachment(t); v.b.attachedTo(t, a) && v.maybe() == nil {
				t.Propagated = append(t.Propagated, a)
				return
			}
			t.Open = v.openTable()
		}
	})
}

// linkDefaultTransit changes where attachments go by default.
func linkDefaultTransit(v view) {
	es := v.single("transit_gateway_id")
	if len(es) == 0 {
		v.invalid(v.at(), "transit_gateway_id is required", "name the transit gateway")
		return
	}
	gw := v.b.transit(v, es[0])
	v.b.later(func() {
		t, s := v.transitTable("transit_gateway_route_table_id"), v.b.transitOf(gw)
		switch u := v.maybe(); {
		case t == nil || u != nil:
			s.byDefault.Open, s.explicit = v.openTable(), true
		case v.in.Type == "aws_ec2_transit_gateway_default_route_table_propagation":
			s.propagating = t
		default:
			s.associating = t
		}
	})
}

// openTable is why a table may hold more than is seen.
func (v view) openTable() *ir.Unknown {
	if u := v.maybe(); u != nil {
		return u
	}
	return notInInput(v.in.Address, "attachment", v.at("transit_gateway_attachment_id"))
}

// finishTransit puts attachments into the tables that they go to by default, and
// makes the default table of each gateway whose attachments do not all simply
// use it.
func (b *builder) finishTransit() {
	for _, gw := range b.net.TransitGateways {
		s := b.transitState[gw]
		if s == nil || !s.explicit && !b.unusual(gw, s) {
			continue
		}
		for _, a := range gw.Attachments {
			state := s.attachments[a]
			for _, use := range []struct {
				gateway, own ir.Value[bool]
				table        *ir.TransitTable
				list         *[]*ir.Attachment
				moved        bool
			}{
				{s.associates, state.associates, s.associating, &s.associating.Associated, b.associations[a]},
				{s.propagates, state.propagates, s.propagating, &s.propagating.Propagated, false},
			} {
				switch {
				case use.moved || contains(*use.list, a):
				case use.gateway.Why != nil:
					use.table.Open = use.gateway.Why
				case use.own.Why != nil:
					use.table.Open = use.own.Why
				case use.gateway.V && use.own.V:
					*use.list = append(*use.list, a)
				}
			}
		}
		gw.Tables = append(gw.Tables, s.byDefault)
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
	return s.associating != s.byDefault || s.propagating != s.byDefault
}
