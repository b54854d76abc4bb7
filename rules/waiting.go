package rules

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// waiting is an attribute that is not known, and what it belongs to.
type waiting struct {
	address   string
	attribute string
	place     diag.Range
	why       *ir.Unknown

	group  *ir.SecurityGroup // with rule and egress: a rule of it
	rule   *ir.Rule
	egress bool
	acl    *ir.NetworkACL // with entry: an entry of it
	entry  *ir.Entry
	iface  *ir.Interface // the groups that it carries
	route  *ir.Route
}

// gaps lists everything about filters, routes and membership that is not
// known, in the order of the network. Filters and route tables that nothing
// uses decide nothing, so that further rules of theirs do not count.
func gaps(n *ir.Network) []waiting {
	var ws []waiting
	used := usedBy(n)
	for _, g := range n.SecurityGroups {
		for _, egress := range []bool{false, true} {
			rules := g.Rules(egress)
			for k := range rules {
				r := &rules[k]
				ws = matchGaps(ws, waiting{group: g, rule: r, egress: egress}, &r.Match, r.Maybe, &r.Origin)
			}
		}
		if used[g] {
			ws = waiting{address: groupName(g), attribute: "rules", place: g.Origin.Range, group: g}.when(ws, g.Open)
		}
	}
	for _, a := range n.NetworkACLs {
		for k := range a.Entries {
			e := &a.Entries[k]
			w := waiting{acl: a, entry: e, egress: e.Egress}
			ws = matchGaps(ws, w, &e.Match, e.Maybe, &e.Origin)
			w.address = e.Origin.Address
			w.attribute, w.place = "number", e.Origin.At(ir.FieldNumber)
			ws = w.when(ws, e.Number.Why)
			w.attribute, w.place = "action", e.Origin.At(ir.FieldAction)
			ws = w.when(ws, e.Allow.Why)
		}
		if used[a] {
			ws = waiting{address: aclName(a), attribute: "entries", place: a.Origin.Range, acl: a}.when(ws, a.Open)
		}
	}
	for _, t := range n.RouteTables {
		for k := range t.Routes {
			r := &t.Routes[k]
			if r.Origin.Implicit {
				continue
			}
			w := waiting{address: r.Origin.Address, route: r}
			w.attribute, w.place = "destination", r.Origin.At(ir.FieldPeer)
			ws = w.when(ws, r.Destination.Unknown)
			w.attribute, w.place = "target", r.Origin.At(ir.FieldTarget)
			for _, u := range r.Target.Unknowns() {
				ws = w.when(ws, u)
			}
			w.attribute, w.place = "exists", r.Origin.At(ir.FieldExists)
			ws = w.when(ws, r.Maybe)
		}
		if used[t] {
			ws = waiting{address: firstOf(t.Origin.Address, t.ID), attribute: "routes", place: t.Origin.Range}.when(ws, t.Open)
		}
	}
	for _, i := range n.Interfaces {
		w := waiting{address: i.Origin.Address, attribute: "groups", place: i.Origin.At(ir.FieldGroups), iface: i}
		for _, p := range i.Groups.Maybe {
			ws = w.when(ws, p.Why)
		}
		ws = w.when(ws, i.Groups.Open)
	}
	return ws
}

// usedBy holds the groups that an interface may carry, and the ACLs and route
// tables that a subnet may have.
func usedBy(n *ir.Network) map[any]bool {
	used := map[any]bool{}
	for _, i := range n.Interfaces {
		for _, g := range i.Groups.Sure {
			used[g] = true
		}
		for _, g := range i.Groups.Maybe {
			used[g.V] = true
		}
	}
	for _, s := range n.Subnets {
		for _, a := range s.ACL.Of {
			used[a] = true
		}
		for _, t := range s.RouteTable.Of {
			used[t] = true
		}
	}
	return used
}

// when adds the gap if there is one.
func (w waiting) when(ws []waiting, why *ir.Unknown) []waiting {
	if why == nil {
		return ws
	}
	w.why = why
	return append(ws, w)
}

func matchGaps(ws []waiting, w waiting, m *ir.Match, maybe *ir.Unknown, o *ir.Origin) []waiting {
	w.address = o.Address
	add := func(attribute string, f ir.Field, why *ir.Unknown) {
		w.attribute, w.place = attribute, o.At(f)
		ws = w.when(ws, why)
	}
	add("exists", ir.FieldExists, maybe)
	add("protocol", ir.FieldProtocol, m.Protocol.Why)
	add("ports", ir.FieldPorts, m.Ports.Why)
	add("peer", ir.FieldPeer, m.Peer.Unknown)
	if l := m.Peer.PrefixList; l != nil {
		add("prefix list", ir.FieldPeer, l.Open)
	}
	return ws
}
