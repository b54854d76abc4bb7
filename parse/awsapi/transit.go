package awsapi

import (
	"slices"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// buildTransits reads transit gateways, what is attached to them, and their
// route tables.
func (b *builder) buildTransits() {
	for _, o := range b.objects[recordTransitGateway] {
		if ended(o.get("State").peek()) {
			continue
		}
		t := &ir.TransitGateway{ID: o.id, Home: o.home, Origin: o.origin()}
		switch v := o.get("Options").get("SecurityGroupReferencingSupport"); v.peek() {
		case "enable":
			t.GroupReferences = ir.Known(true)
		default:
			t.GroupReferences = ir.Known(false)
		}
		// The list of VPC attachments leaves the others out.
		switch {
		case b.sees("TransitGatewayAttachments"):
		case b.sees("TransitGatewayVpcAttachments"):
			t.Open = notSaid(o, "what is attached to it beside VPCs")
		default:
			t.Open = notSaid(o, "what is attached to it")
		}
		b.transits.add(t.ID, t.Home, t)
		b.net.TransitGateways = append(b.net.TransitGateways, t)
	}
	for _, o := range b.objects[recordTransitAttachment] {
		if !ended(o.get("State").peek()) {
			b.attachment(o)
		}
	}
	b.transitTables()
	for _, t := range b.net.TransitGateways {
		if len(t.Tables) == 0 {
			// Without its tables it is not known who reaches whom.
			why := &ir.Unknown{Term: "route tables of " + t.ID, Cause: diag.Cause{
				Code: diag.NotInInput, Message: "the route tables of " + t.ID + " are not in the input", Address: t.ID, Range: t.Origin.Range,
			}}
			t.Tables = []*ir.TransitTable{{Associated: t.Attachments, Open: why, Origin: ir.Origin{Address: t.ID, Range: t.Origin.Range}}}
		}
	}
}

// sees reports whether the input holds one of some lists, uncut.
func (b *builder) sees(names ...string) bool {
	for _, l := range b.reader.listings {
		for _, n := range names {
			if l.list.name == n && l.whole {
				return true
			}
		}
	}
	return false
}

// transit returns the transit gateway of an id, or one that is only named.
func (b *builder) transit(ref value, home ir.Home) *ir.TransitGateway {
	id := ref.str()
	if t, ok := b.transits.find(id, home); ok {
		return t
	}
	why := b.missing(ir.KindTransitGateway, id, home, ref)
	t := &ir.TransitGateway{ID: id, Home: home, GroupReferences: ir.NotKnown[bool](why), Open: why, Origin: ir.Origin{Address: id, Range: ref.place()}}
	b.transits.add(id, home, t)
	b.net.TransitGateways = append(b.net.TransitGateways, t)
	return t
}

// outsideTypes are the kinds of attachments that lead to networks outside.
// [botocore ec2 TransitGatewayAttachmentResourceType]
var outsideTypes = []string{"vpn", "vpn-concentrator", "client-vpn", "direct-connect-gateway", "connect", "peering", "tgw-peering"}

// attachment reads an attachment. A peering has two ends, which may both be in
// the input: each is an attachment of its own gateway.
func (b *builder) attachment(o *object) {
	var gateways []*ir.TransitGateway
	add := func(ref value, named bool) {
		if ref.str() == "" {
			return
		}
		t, ok := b.transits.find(ref.str(), o.home)
		if !ok && !named {
			return
		}
		if !ok {
			t = b.transit(ref, o.home)
		}
		if !slices.Contains(gateways, t) {
			gateways = append(gateways, t)
		}
	}
	for _, p := range o.parts {
		add(p.get("TransitGatewayId"), true)
	}
	ends := []value{o.get("RequesterTgwInfo").get("TransitGatewayId"), o.get("AccepterTgwInfo").get("TransitGatewayId")}
	for _, named := range []bool{false, true} {
		for _, e := range ends {
			if !named || len(gateways) == 0 {
				add(e, named)
			}
		}
	}
	for _, t := range gateways {
		a := b.newAttachment(o)
		t.Attachments = append(t.Attachments, a)
		b.attachments.add(t.ID+"/"+a.ID, o.home, a)
		b.attachments.add(a.ID, o.home, a)
	}
}

func (b *builder) newAttachment(o *object) *ir.Attachment {
	a := &ir.Attachment{ID: o.id, Origin: o.origin()}
	typ := o.get("ResourceType").peek()
	if slices.Contains(outsideTypes, typ) || o.get("TransportTransitGatewayAttachmentId").ok() || o.get("RequesterTgwInfo").ok() {
		a.Outside = true
		return a
	}
	a.GroupReferences = ir.Known(true)
	switch {
	case o.get("VpcId").str() != "":
		a.VPC = ir.One(b.vpc(o.get("VpcId"), o.home))
	case typ == "vpc" && o.get("ResourceId").str() != "":
		a.VPC = ir.One(b.vpc(o.get("ResourceId"), o.home))
	default:
		a.VPC = ir.Another[*ir.VPC](&ir.Unknown{Term: "what " + a.ID + " attaches", Cause: diag.Cause{
			Code: diag.NotModelled, Message: a.ID + " attaches a " + typ + ", which is not modelled", Address: a.ID, Range: a.Origin.Range,
		}})
	}
	subnets := o.get("SubnetIds")
	if !subnets.isArray() {
		a.Subnets.Open = notSaid(o, "its subnets")
	}
	vpc := o.get("VpcId")
	for s := range subnets.items() {
		a.Subnets.Sure = append(a.Subnets.Sure, b.subnet(s, vpc, o.home))
	}
	switch o.get("Options").get("SecurityGroupReferencingSupport").peek() {
	case "disable":
		a.GroupReferences = ir.Known(false)
	case "":
		if !o.get("Options").ok() {
			a.GroupReferences = ir.NotKnown[bool](notSaid(o, "whether it passes group references"))
		}
	}
	return a
}

// attachmentOf finds an attachment as the gateway of a table sees it.
func (b *builder) attachmentOf(t *ir.TransitTable, id string, home ir.Home) (*ir.Attachment, bool) {
	if g := b.transitWith[t]; g != nil {
		if a, ok := b.attachments.find(g.ID+"/"+id, home); ok {
			return a, true
		}
	}
	return b.attachments.find(id, home)
}

// undone reports whether an association or a propagation holds no longer.
// [botocore ec2 TransitGatewayAssociationState, TransitGatewayPropagationState]
func undone(state string) bool {
	switch state {
	case "disassociating", "disassociated", "disabling", "disabled":
		return true
	}
	return false
}

// transitTables reads route tables. Their routes, associations and propagations
// come from calls of their own, whose answers do not name the table: a file
// name or a wrapper does.
func (b *builder) transitTables() {
	tables := index[*ir.TransitTable]{}
	find := func(id string, home ir.Home, ref value) *ir.TransitTable {
		if t, ok := tables.find(id, home); ok {
			return t
		}
		t := &ir.TransitTable{ID: id, Origin: ir.Origin{Address: id, Range: ref.place()}}
		t.Open = b.missing(ir.KindInvalid, "the routes of "+id, home, ref)
		tables.add(id, home, t)
		return t
	}
	for _, o := range b.objects[recordTransitTable] {
		if ended(o.get("State").peek()) {
			continue
		}
		t := find(o.id, o.home, o.main())
		t.Origin = o.origin()
		g := b.transit(o.get("TransitGatewayId"), o.home)
		g.Tables = append(g.Tables, t)
		b.transitWith[t] = g
	}
	associated := map[*ir.Attachment]bool{}
	associate := func(t *ir.TransitTable, a *ir.Attachment) {
		if !associated[a] {
			associated[a] = true
			t.Associated = append(t.Associated, a)
		}
	}
	for _, o := range b.objects[recordTransitAttachment] {
		for _, p := range o.parts {
			ref := p.get("Association").get("TransitGatewayRouteTableId")
			if ref.str() == "" || undone(p.at("Association", "State").peek()) {
				continue
			}
			t := find(ref.str(), o.home, ref)
			if a, ok := b.attachmentOf(t, o.id, o.home); ok {
				associate(t, a)
			}
		}
	}
	for _, kind := range []recordKind{recordTransitAssociations, recordTransitPropagations, recordTransitRoutes} {
		for _, o := range b.objects[kind] {
			r := o.parts[0]
			id := r.of
			if id == "" {
				id = r.hint.id
			}
			if id == "" {
				b.omit(o.list.name, r.value, plural(o.list.noun)+" of a transit gateway route table that is not named: put its id (tgw-rtb-...) into the file name")
				continue
			}
			t := find(id, o.home, r.value)
			if kind == recordTransitRoutes {
				b.transitRoutes(t, r, o.home)
				continue
			}
			for item := range r.items() {
				if undone(item.get("State").peek()) {
					continue
				}
				ref := item.get("TransitGatewayAttachmentId")
				if a, ok := b.attachmentOf(t, ref.str(), o.home); !ok {
					t.Open = b.missing(ir.KindTransitGateway, ref.str(), o.home, valueOf(ref, item))
				} else if kind == recordTransitAssociations {
					associate(t, a)
				} else {
					t.Propagated = append(t.Propagated, a)
				}
			}
		}
	}
}

// transitRoutes reads the answer of a search. It lists propagated routes as
// well, so the table is whole when the answer is. [botocore ec2 TransitGatewayRoute]
func (b *builder) transitRoutes(t *ir.TransitTable, r record, home ir.Home) {
	t.Open = nil
	if r.partial {
		t.Open = b.missing(ir.KindInvalid, "the rest of the routes of "+t.ID, home, r.value)
	}
	for v := range r.items() {
		dst, list := v.get("DestinationCidrBlock"), v.get("PrefixListId")
		address := t.ID + "/" + dst.str() + list.str()
		route := ir.TransitRoute{Origin: ir.Origin{Address: address, Range: valueOf(dst, valueOf(list, v)).place(), Block: v.place()}}
		switch {
		case dst.str() != "":
			route.Destination = b.cidr(dst, guessFamily(dst.peek()), address)
		case list.str() != "":
			route.Destination = b.prefixList(list, home, address)
		default:
			route.Destination = ir.Peer{Family: packet.FamilyInvalid, Unknown: b.invalid(v, address, "a route without a destination", "where the route leads is unknown", "")}
		}
		if v.get("State").peek() != "blackhole" {
			for at := range v.get("TransitGatewayAttachments").items() {
				ref := at.get("TransitGatewayAttachmentId")
				a, ok := b.attachmentOf(t, ref.str(), home)
				if !ok {
					route.Attachment.Open = b.missing(ir.KindTransitGateway, ref.str(), home, valueOf(ref, at))
					continue
				}
				route.Attachment.Of = append(route.Attachment.Of, a)
			}
			if len(route.Attachment.Of) == 0 && route.Attachment.Open == nil {
				route.Attachment.Open = b.missing(ir.KindTransitGateway, "the attachment of "+address, home, v)
			}
			if len(route.Attachment.Of) > 1 {
				route.Attachment.Why = &ir.Unknown{Term: "attachment of " + address, Cause: diag.Cause{
					Code: diag.NotModelled, Message: "the route leads to several attachments", Address: address, Range: v.place(),
				}}
			}
		}
		t.Routes = append(t.Routes, route)
	}
}
