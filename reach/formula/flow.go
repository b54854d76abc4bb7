package formula

import (
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// Flow is what is true of a header that goes from one end to another.
type Flow struct {
	// Fits: the ends stand where they can have the header's addresses. An address
	// that AWS picks is not unknown in this sense: the header says which it is.
	Fits smt.Term
	// Somewhere: there is a place for each end where the addresses fit, whichever
	// the ends turn out to stand at.
	Somewhere smt.Term
	Forward   smt.Term // the request arrives
	Complete  smt.Term // and so does the reply, where one is needed
}

// way is one way for a request: what it meets, and what its reply meets.
type way struct{ forward, reply smt.Term }

// Flow encodes the flow between two ends; nil is a host outside every VPC of
// the network, and one end at least is an interface of it.
func (e *Encoder) Flow(from, to *ir.Interface) Flow {
	var fits, somewhere, forward, complete []smt.Term
	strangers := smt.True
	if from == nil {
		strangers = e.notOurs(e.header.Src)
	} else if to == nil {
		strangers = e.notOurs(e.header.Dst)
	}
	for _, a := range e.places(from) {
		for _, b := range e.places(to) {
			fit := e.And(e.fitsSource(from, a), e.fitsDestination(to, b))
			at := e.And(a.is, b.is, fit, strangers)
			fits, somewhere = append(fits, at), append(somewhere, fit)
			for _, w := range e.ways(from, to, a, b) {
				f := e.And(at, w.forward)
				forward = append(forward, f)
				complete = append(complete, e.And(f, e.Or(e.noReply(), w.reply)))
			}
		}
	}
	return Flow{e.Or(fits...), e.Or(somewhere...), e.Or(forward...), e.Or(complete...)}
}

func (e *Encoder) fitsSource(i *ir.Interface, p place) smt.Term {
	if i == nil {
		return smt.True // see notOurs, and outside where it matters
	}
	fits, _ := e.holds(i, p, e.header.Src)
	return fits
}

func (e *Encoder) fitsDestination(i *ir.Interface, p place) smt.Term {
	if i == nil {
		return smt.True
	}
	private, _ := e.holds(i, p, e.header.Dst)
	public, _ := e.public(i, p, e.header.Dst)
	return e.Or(private, public)
}

func (e *Encoder) ways(from, to *ir.Interface, a, b place) []way {
	switch {
	case from == nil:
		return e.inbound(to, b)
	case to == nil:
		return e.outbound(from, a)
	case !a.shown() || !b.shown():
		return []way{e.unseen(from, to, a, b, smt.True)}
	}
	same := e.sameVPC(a.vpc, b.vpc)
	switch same {
	case smt.True:
		return append(e.under(same, e.inside(from, to, a, b)), e.byInternet(from, to, a, b, true)...)
	case smt.False:
		ways := e.linked(from, to, a, b)
		return append(ways, e.byInternet(from, to, a, b, false)...)
	}
	return []way{e.unseen(from, to, a, b, smt.True)}
}

func (e *Encoder) under(condition smt.Term, w way) []way {
	return []way{{e.And(condition, w.forward), w.reply}}
}

// ends are what the two ends of a private way ask for: that they are there,
// their groups, and something that listens. in and out say whether references
// to groups are recognised at the receiver and at the sender.
func (e *Encoder) ends(from, to *ir.Interface, a, b place, in, out smt.Term) smt.Term {
	s := e.request()
	_, src := e.holds(from, a, s.src)
	_, dst := e.holds(to, b, s.dst)
	return e.And(
		src, dst, e.exists(from.Maybe), e.exists(to.Maybe),
		e.groups(from, true, s, far{to, out}), e.groups(to, false, s, far{from, in}), e.listens(to, s),
	)
}

// listens is whether something behind an interface answers.
func (e *Encoder) listens(i *ir.Interface, s segment) smt.Term {
	switch {
	case i.NoInbound:
		return smt.False
	case i.Services == nil:
		return smt.True
	}
	var on []smt.Term
	for _, v := range i.Services.Ports {
		port := smt.True
		if packet.KindOf(e.family, v.Protocol) == packet.Ported {
			port = e.Between(s.dport, smt.Number(uint64(v.Ports.Lo)), smt.Number(uint64(v.Ports.Hi)))
		}
		on = append(on, e.And(e.protocolIs(s, uint64(v.Protocol)), port))
	}
	if i.Services.Open != nil {
		on = append(on, e.free(key{kind: "service", of: i}, "something listens on "+i.Resource+": "+label(i.Services.Open)))
	}
	return e.Or(on...)
}

// subnetACL is whether the ACL of a subnet lets a segment through.
func (e *Encoder) subnetACL(n *ir.Subnet, egress bool, s segment) smt.Term {
	return choose(e, n.ACL, n, "network ACL", func(a *ir.NetworkACL) smt.Term { return e.acl(a, egress, s) }, func() smt.Term {
		return e.free(key{kind: "hidden ACL", of: n, with: egress, at: s.peer(egress), at2: s.dport}, "an ACL of "+n.Origin.Address+" that is not shown lets it pass")
	})
}

// unseen is the way between ends of which one stands where the input does not
// show: what is between them may let it pass.
func (e *Encoder) unseen(from, to *ir.Interface, a, b place, when smt.Term) way {
	known := e.free(key{kind: "identity", of: from, with: to}, "references are recognised on the way")
	return way{
		e.And(when, e.ends(from, to, a, b, known, known), e.free(key{kind: "unseen", of: from, with: to}, "what lies between is not shown: there")),
		e.free(key{kind: "unseen back", of: from, with: to}, "what lies between is not shown: back"),
	}
}

// inside is the way within a VPC. Inside a subnet there are neither ACLs nor
// routes. [VPC vpc-network-acls.md]
func (e *Encoder) inside(from, to *ir.Interface, a, b place) way {
	s := e.request()
	ends := e.ends(from, to, a, b, smt.True, smt.True)
	if a.subnet == b.subnet {
		return way{ends, smt.True}
	}
	r := e.reply(s)
	return way{
		e.And(ends, e.subnetACL(a.subnet, true, s), e.subnetRoutes(a.subnet, s.dst, e.local()), e.subnetACL(b.subnet, false, s)),
		e.And(e.subnetACL(b.subnet, true, r), e.subnetRoutes(b.subnet, r.dst, e.local()), e.subnetACL(a.subnet, false, r)),
	}
}

// inbound are the ways of a request from a host outside: by the internet gateway,
// from behind a virtual private gateway, and by services that bring traffic to
// private addresses.
func (e *Encoder) inbound(to *ir.Interface, b place) []way {
	s := e.request()
	r := e.reply(s)
	_, public := e.public(to, b, s.dst)
	_, private := e.holds(to, b, s.dst)
	start := e.And(e.outside(s.src), e.exists(to.Maybe), e.groups(to, false, s, nobody()), e.listens(to, s))
	ways := e.brought(to, e.And(start, private))
	if !b.shown() {
		there := e.free(key{kind: "unseen", with: to}, "what lies between is not shown: there")
		back := e.free(key{kind: "unseen back", with: to}, "what lies between is not shown: back")
		return append(ways, way{e.And(start, public, smt.Of(!to.DenyIGW), there), back})
	}
	filters := e.subnetACL(b.subnet, false, s)
	ways = append(ways, way{
		e.And(start, public, e.arrives(to, b, s.src, true), filters),
		e.And(e.subnetACL(b.subnet, true, r), e.subnetRoutes(b.subnet, r.dst, e.gateway(ir.InternetGateway, b.vpc))),
	})
	// What comes in from there is answered there: the subnet's routes lead to it.
	for _, g := range e.net.Gateways {
		if g.Kind != ir.VirtualPrivateGateway {
			continue
		}
		here := e.And(e.isVPC(g.VPC, b.vpc, g), e.subnetRoutes(b.subnet, s.src, leads{g, func(t ir.Target) smt.Term {
			return smt.Of(t.Kind == ir.TargetGateway && t.Gateway == g)
		}}))
		there := e.free(key{kind: "behind", of: g}, "what lies behind "+g.Origin.Address+": there")
		back := e.free(key{kind: "behind back", of: g}, "what lies behind "+g.Origin.Address+": back")
		ways = append(ways, way{e.And(start, private, here, there, filters), e.And(e.subnetACL(b.subnet, true, r), back)})
	}
	return ways
}

// brought are the ways by services outside the route tables, which may hand an
// interface what comes from the internet. Which do, and what their own filters
// and the subnet's let pass then, is not modelled. [global-accelerator
// about-endpoints; CloudFront private-content-vpc-origins]
func (e *Encoder) brought(to *ir.Interface, start smt.Term) []way {
	if len(e.net.Indirect) == 0 {
		return nil
	}
	by := e.net.Indirect[0].Address
	there := e.free(key{kind: "brought", of: to}, by+" brings it in")
	back := e.free(key{kind: "brought back", of: to}, by+" takes the reply")
	return []way{{e.And(start, there), back}}
}

// attachesOutside reports whether something of a transit gateway may lead to a
// network that is not in the input.
func attachesOutside(g *ir.TransitGateway) bool {
	return g == nil || g.Open != nil || slices.ContainsFunc(g.Attachments, func(a *ir.Attachment) bool { return len(a.VPC.Of) == 0 || a.VPC.Open != nil })
}

// arrives is whether an internet gateway hands what comes from an address to an
// interface. request: it begins a flow, which the internet does not where the
// way back is an egress-only gateway. [VPC egress-only-internet-gateway.md]
func (e *Encoder) arrives(to *ir.Interface, b place, from smt.Term, request bool) smt.Term {
	if to.DenyIGW { // [botocore ec2 NetworkInterface DenyAllIgwTraffic]
		return smt.False
	}
	lets := []smt.Term{e.hasInternet(b.vpc)}
	if request {
		lets = append(lets, e.publicAccess(b, true, false))
		if e.family == packet.IPv6 {
			lets = append(lets, e.Not(e.subnetRoutes(b.subnet, from, e.gateway(ir.EgressOnlyGateway, nil))))
		}
	}
	return e.And(lets...)
}

// outbound is the way of a request to a host outside.
func (e *Encoder) outbound(from *ir.Interface, a place) []way {
	s := e.request()
	r := e.reply(s)
	_, src := e.holds(from, a, s.src)
	here := e.And(src, e.exists(from.Maybe))
	service := way{e.And(here, e.exempt(a, s.dst)), smt.True}
	start := e.And(here, e.outside(s.dst), e.groups(from, true, s, nobody()))
	if !a.shown() {
		there := e.free(key{kind: "unseen", of: from}, "what lies between is not shown: there")
		back := e.free(key{kind: "unseen back", of: from}, "what lies between is not shown: back")
		return []way{{e.And(start, there), back}, service}
	}
	start = e.And(start, e.subnetACL(a.subnet, true, s))
	end := e.subnetACL(a.subnet, false, r)
	_, has := e.seenAs(from, a, s.src)
	ways := []way{{
		e.And(start, e.leaves(a, s.dst, ir.InternetGateway), has, e.publicAccess(a, false, false)),
		e.And(end, e.arrives(from, a, r.src, false)),
	}}
	if e.family == packet.IPv6 {
		ways = append(ways, way{e.And(start, e.leaves(a, s.dst, ir.EgressOnlyGateway), has, e.publicAccess(a, false, true)), end})
	}
	unknown := leads{"outside", func(t ir.Target) smt.Term {
		if t.Kind == ir.TargetTransitGateway && attachesOutside(t.TransitGateway) {
			return e.free(key{kind: "opaque", of: t, with: "outside"}, "an attachment that is not shown leads there")
		}
		return e.passesOpaque(t, "outside")
	}}
	return append(ways, way{e.And(start, e.subnetRoutes(a.subnet, s.dst, unknown)), end}, service)
}

// leaves is whether a subnet's routes lead to a gateway of its VPC.
func (e *Encoder) leaves(a place, to smt.Term, kind ir.GatewayKind) smt.Term {
	return e.subnetRoutes(a.subnet, to, e.gateway(kind, a.vpc))
}

// byInternet is the way between two interfaces by the public address of the
// second: out through one gateway and in through another. The second sees the
// public address of the first, so that no reference to a group matches.
func (e *Encoder) byInternet(from, to *ir.Interface, a, b place, sameVPC bool) []way {
	if e.family == packet.IPv6 && sameVPC {
		return nil // local
	}
	s := e.request()
	_, src := e.holds(from, a, s.src)
	_, public := e.public(to, b, s.dst)
	seen, has := e.seenAs(from, a, s.src)
	t := s
	t.src = seen
	r := e.reply(t)
	home := e.reply(s)
	begin := e.And(src, public, e.exists(from.Maybe), e.exists(to.Maybe), has, e.groups(from, true, s, nobody()), e.subnetACL(a.subnet, true, s))
	arrive := e.And(e.arrives(to, b, t.src, true), e.subnetACL(b.subnet, false, t), e.groups(to, false, t, nobody()), e.listens(to, t))
	back := e.And(e.subnetACL(b.subnet, true, r), e.subnetACL(a.subnet, false, home))
	returns := e.And(back, e.subnetRoutes(b.subnet, r.dst, e.gateway(ir.InternetGateway, b.vpc)))
	ways := []way{{
		e.And(begin, e.leaves(a, s.dst, ir.InternetGateway), e.publicAccess(a, false, false), arrive),
		e.And(returns, e.arrives(from, a, r.src, false)),
	}}
	if e.family == packet.IPv6 {
		ways = append(ways, way{e.And(begin, e.leaves(a, s.dst, ir.EgressOnlyGateway), e.publicAccess(a, false, true), arrive), returns})
	}
	return ways
}

// ACL is whether a network ACL lets the header through in one direction.
func (e *Encoder) ACL(a *ir.NetworkACL, egress bool) smt.Term { return e.acl(a, egress, e.request()) }

// Groups is whether the groups of an interface let the header through as a
// request, with another interface, or nobody, at the other end. Fits and
// Somewhere are true.
func (e *Encoder) Groups(i *ir.Interface, egress bool, other *ir.Interface) smt.Term {
	s := e.request()
	var passes []smt.Term
	for _, p := range e.places(i) {
		pass := smt.False
		if other == nil {
			pass = e.groups(i, egress, s, nobody())
		} else {
			var with []smt.Term
			for _, q := range e.places(other) {
				known := e.recognised(p.vpc, q.vpc, egress)
				_, there := e.holds(other, q, s.peer(egress))
				with = append(with, e.And(q.is, e.groups(i, egress, s, far{other, e.And(known, there)})))
			}
			pass = e.Or(with...)
		}
		if egress {
			pass = e.Or(pass, e.exempt(p, s.dst))
		}
		passes = append(passes, e.And(p.is, pass))
	}
	return e.Or(passes...)
}
