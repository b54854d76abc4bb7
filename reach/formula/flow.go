package formula

import (
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
			if from != nil && (from.Kind == ir.InterfaceEndpoint || from.Kind == ir.InterfaceConnectEndpoint) {
				continue // the one begins no flows, the other continues those of people: see proxies
			}
			for _, w := range e.ways(from, to, a, b) {
				f := e.And(at, w.forward)
				forward = append(forward, f)
				complete = append(complete, e.And(f, e.Or(e.noReply(), w.reply)))
			}
		}
	}
	for _, by := range e.proxies(from, to) {
		fits, somewhere = append(fits, by), append(somewhere, by)
		forward, complete = append(forward, by), append(complete, by)
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
	case i.NoInbound, i.Kind == ir.InterfaceConnectEndpoint:
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
	starts := e.And(src, public, e.exists(from.Maybe), e.exists(to.Maybe), e.groups(from, true, s, nobody()), e.subnetACL(a.subnet, true, s))
	begin := e.And(starts, has)
	arrive := e.And(e.arrives(to, b, t.src, true), e.subnetACL(b.subnet, false, t), e.groups(to, false, t, nobody()), e.listens(to, t))
	back := e.And(e.subnetACL(b.subnet, true, r), e.subnetACL(a.subnet, false, home))
	returns := e.And(back, e.leaves(b, r.dst, ir.InternetGateway))
	ways := []way{{
		e.And(begin, e.leaves(a, s.dst, ir.InternetGateway), e.publicAccess(a, false, false), arrive),
		e.And(returns, e.arrives(from, a, r.src, false)),
	}}
	// A NAT gateway or an appliance on the way gives it another source.
	through := e.subnetRoutes(a.subnet, s.dst, leads{"the internet", func(t ir.Target) smt.Term { return e.passesOpaque(t, "the internet") }})
	if through != smt.False {
		ways = append(ways, way{
			e.And(starts, through, e.listens(to, s)),
			e.unmodelled(key{kind: "internet back", of: from, with: to}, "what is not modelled takes the reply"),
		})
	}
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
