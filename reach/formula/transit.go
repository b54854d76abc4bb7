package formula

import (
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/solver/smt"
)

type attached struct {
	attachment *ir.Attachment
	is         smt.Term
}

// attachments lists a VPC's attachments to a gateway: those that are shown, and
// one (nil) that may not be. A VPC has one attachment to a gateway: where one
// surely is it, no other can be. [vpc/tgw tgw-vpc-attachments]
func (e *Encoder) attachments(g *ir.TransitGateway, v *ir.VPC) []attached {
	var as []attached
	var shown []smt.Term
	for _, t := range g.Attachments {
		switch is := e.attachedTo(t, v); is {
		case smt.False:
		case smt.True:
			return []attached{{t, is}}
		default:
			as, shown = append(as, attached{t, is}), append(shown, is)
		}
	}
	if g.Open != nil {
		as = append(as, attached{nil, e.And(e.Not(e.Or(shown...)), e.free(key{kind: "attachment", of: g, with: v}, "an attachment that is not shown"))})
	}
	return as
}

func (e *Encoder) attachedTo(t *ir.Attachment, v *ir.VPC) smt.Term {
	if v == nil {
		if t.Outside {
			return smt.False
		}
		return e.free(key{kind: "attached", of: t}, t.Origin.Address+" is of a VPC that is not shown")
	}
	return e.isVPC(t.VPC, v, t)
}

// transit crosses a transit gateway: from the subnet into the attachment of its
// VPC, by the gateway's tables to another attachment, and out of that one's
// subnet by the routes there. [vpc/tgw; tgw-nacls; tgw-vpc-attachments]
func (w *walk) transit(t trip, at place, g *ir.TransitGateway) {
	for _, a := range w.attachments(g, at.vpc) {
		u, ok := w.under(&t, a.is)
		switch {
		case !ok:
		case a.attachment == nil:
			w.opaque(u, at, g)
		default:
			// The ACL of the attachment's subnet sees it come in, even when that is
			// the sender's own.
			w.bySubnets(u, at.subnet, a.attachment, func(v trip, s *ir.Subnet) {
				if s == nil || w.acl(&v, place{subnet: s, vpc: at.vpc}, false) {
					w.transitNext(v, at, g, a.attachment)
				}
			})
		}
	}
}

// bySubnets tries the subnets by which a packet may pass an attachment: the one
// in the zone of another subnet, or any where that is not known. An attachment
// whose subnets the input does not list at all is passed without.
func (w *walk) bySubnets(t trip, near *ir.Subnet, a *ir.Attachment, f func(trip, *ir.Subnet)) {
	all := &a.Subnets
	if len(all.Sure) == 0 && len(all.Maybe) == 0 && all.Open == nil {
		f(t, nil)
		return
	}
	var in []*ir.Subnet
	for _, s := range all.Sure {
		if sameZone(near, s) {
			in = append(in, s)
		}
	}
	for _, m := range all.Maybe {
		if sameZone(near, m.V) {
			in = append(in, m.V)
		}
	}
	is, other := w.alternatives(len(in), nil, all.Open, attachmentAt{a, near}, "attachment subnet")
	for k, s := range in {
		if u, ok := w.under(&t, is[k]); ok {
			f(u, s)
		}
	}
	if u, ok := w.under(&t, other); ok {
		w.opaque(u, place{}, a)
	}
}

// attachmentAt is an attachment as it is met from a subnet.
type attachmentAt struct {
	attachment *ir.Attachment
	subnet     *ir.Subnet
}

func sameZone(a, b *ir.Subnet) bool {
	return a == nil || a == b || a.Zone == "" || b.Zone == "" || a.Zone == b.Zone
}

// transitNext finds the attachments that the gateway sends the packet to. Without
// tables each is associated with one that all propagate to.
func (w *walk) transitNext(t trip, at place, g *ir.TransitGateway, from *ir.Attachment) {
	tables := []*ir.TransitTable{{Propagated: g.Attachments, Open: g.Open}}
	var owner any = g
	if len(g.Tables) > 0 {
		tables, owner = nil, nil
		for _, table := range g.Tables {
			if slices.Contains(table.Associated, from) {
				tables = append(tables, table)
			}
		}
	}
	is, _ := w.alternatives(len(tables), nil, nil, from, "transit table")
	for k, table := range tables {
		of := owner
		if of == nil {
			of = table
		}
		if u, ok := w.under(&t, is[k]); ok {
			w.transitTable(u, at, g, from, table, of)
		}
	}
}

// transitTable does what a table says; key tells it apart from others.
func (w *walk) transitTable(t trip, at place, g *ir.TransitGateway, from *ir.Attachment, table *ir.TransitTable, owner any) {
	hidden := smt.False
	if table.Open != nil {
		hidden = w.free(key{kind: "hidden route", of: owner, at: t.s.dst}, "a route that is not shown takes it: "+label(table.Open))
		if u, ok := w.under(&t, hidden); ok {
			w.opaque(u, at, owner)
		}
	}
	var lines []line
	add := func(l line, number int) {
		l.number, l.note = number, g.Origin.Address
		lines = append(lines, l)
	}
	for k := range table.Routes {
		for _, l := range w.lines(&table.Routes[k].Destination, &table.Routes[k], classStatic, t.s.dst) {
			add(l, k)
		}
	}
	for k, a := range table.Propagated {
		for _, l := range w.propagated(g, a, t.s.dst) {
			add(l, len(table.Routes)+k)
		}
	}
	each, _ := w.longest(owner, lines, len(table.Routes)+len(table.Propagated))
	for k, when := range each {
		u, ok := w.under(&t, w.And(when, w.Not(hidden)))
		if !ok {
			continue
		}
		if k >= len(table.Routes) {
			w.transitTo(u, at, g, from, table.Propagated[k-len(table.Routes)])
			continue
		}
		r := &table.Routes[k] // without an attachment it is a blackhole
		is, other := w.alternatives(len(r.Attachment.Of), r.Attachment.Why, r.Attachment.Open, r, "attachment")
		for j, to := range r.Attachment.Of {
			if v, ok := w.under(&u, is[j]); ok {
				w.transitTo(v, at, g, from, to)
			}
		}
		if v, ok := w.under(&u, other); ok {
			w.opaque(v, at, r)
		}
	}
}

// propagated are the lines of an attachment's CIDRs. What comes from outside is
// not in the input, and takes nothing from the VPCs that are attached.
func (w *walk) propagated(g *ir.TransitGateway, a *ir.Attachment, dst smt.Term) []line {
	dark := func(owner any, note string) line {
		return line{takes: w.free(key{kind: "propagated", of: owner, with: a, at: dst}, note), bits: unknownBits}
	}
	if a.Outside {
		l := dark(a, "what "+a.Origin.Address+" propagates holds it")
		for _, o := range g.Attachments {
			if v, ok := o.VPC.Known(); ok {
				for _, c := range w.cidrs(v, w.familyOf(dst)) {
					if c.Known() {
						l.takes = w.And(l.takes, w.Not(w.Inside(dst, c.V)))
					}
				}
			}
		}
		return []line{l}
	}
	var lines []line
	is, other := w.alternatives(len(a.VPC.Of), a.VPC.Why, a.VPC.Open, a, "VPC")
	for k, v := range a.VPC.Of {
		for j, c := range append(slices.Clone(w.cidrs(v, w.familyOf(dst))), w.furtherCIDR(v, dst)...) {
			l := line{bits: c.V.Bits(), class: classPropagated}
			if c.Known() {
				l.takes = w.Inside(dst, c.V)
			} else {
				l = dark(key{of: v, position: j}, "a CIDR of "+v.Origin.Address+" that is not known")
			}
			l.takes = w.And(l.takes, is[k])
			lines = append(lines, l)
		}
	}
	if other != smt.False {
		l := dark(a, "a CIDR of a VPC that is not shown")
		l.takes = w.And(l.takes, other)
		lines = append(lines, l)
	}
	return lines
}

// furtherCIDR is an unknown CIDR where a VPC may have some that are not shown.
func (e *Encoder) furtherCIDR(v *ir.VPC, dst smt.Term) []ir.Value[netip.Prefix] {
	switch {
	case v.More != nil:
		return []ir.Value[netip.Prefix]{{Why: v.More}}
	case !v.Seen && len(e.cidrs(v, e.familyOf(dst))) == 0:
		return []ir.Value[netip.Prefix]{{Why: &ir.Unknown{}}}
	}
	return nil
}

// transitTo leaves by an attachment: the packet stands in its subnet, whose routes
// lead on.
func (w *walk) transitTo(t trip, at place, g *ir.TransitGateway, from, to *ir.Attachment) {
	switch {
	case to.Outside:
		w.transitAway(t, at, g, to)
		return
	case len(to.VPC.Of) == 0 && to.VPC.Open == nil:
		w.opaque(t, at, to)
		return
	}
	t.known = w.And(t.known, w.overTransit(g, from, to))
	is, other := w.alternatives(len(to.VPC.Of), to.VPC.Why, to.VPC.Open, to, "VPC")
	for k, v := range to.VPC.Of {
		u, ok := w.under(&t, is[k])
		if !ok {
			continue
		}
		w.bySubnets(u, nil, to, func(x trip, s *ir.Subnet) {
			switch {
			case s != nil:
				w.depart(x, place{subnet: s, vpc: v})
			case x.goal.outside() || x.goal.public:
				w.opaque(x, at, to)
			default:
				w.local(x, place{vpc: v})
			}
		})
	}
	if u, ok := w.under(&t, other); ok {
		w.opaque(u, at, to)
	}
}

// transitAway leaves by an attachment for a network outside.
func (w *walk) transitAway(t trip, at place, g *ir.TransitGateway, to *ir.Attachment) {
	switch {
	case !t.goal.outside():
		w.opaque(t, at, to)
	case t.reply && t.exit.transit != g:
		return // it has to leave by the gateway that the request came by
	default:
		if !t.reply {
			t.exit = exit{transit: g, by: to}
		}
		w.deliver(t)
	}
}
