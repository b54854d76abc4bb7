package formula

import (
	"cmp"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// far is the interface at the other end of a segment, and whether references to
// its groups are recognised there.
type far struct {
	iface *ir.Interface
	known smt.Term
}

// nobody is an end that no reference matches.
func nobody() far { return far{known: smt.False} }

// allAs is the value of a protocol variable that stands for all protocols.
const allAs = 256

// scope tells what is unknown within a placeholder from what it is for another
// packet; nil where it is the same for all.
type scope struct {
	thing any
	s     segment
}

// scopeOf returns the scope of the unknowns of a match. A list of CIDRs that is
// unknown makes a rule that may not be and whose peer is unknown by the same
// term: that is one unknown set.
func scopeOf(thing any, maybe *ir.Unknown, m *ir.Match, s segment) any {
	if maybe == nil || isList(maybe, m) {
		return nil
	}
	return scope{thing, s}
}

func isList(maybe *ir.Unknown, m *ir.Match) bool {
	return m.Peer.Unknown != nil && maybe.Term != "" && m.Peer.Unknown.Term == maybe.Term
}

// takes is whether a rule or an entry is there and matches a segment.
func (e *Encoder) takes(thing any, maybe *ir.Unknown, m *ir.Match, s segment, egress bool, f far) smt.Term {
	in := scopeOf(thing, maybe, m, s)
	match := e.And(e.service(m, s, in), e.peerMatches(&m.Peer, s.peer(egress), f, in))
	if maybe == nil || isList(maybe, m) {
		return match
	}
	return e.And(e.exists(maybe), match)
}

// service compares protocol and ports. Ports are ignored for protocol -1 and
// for headers that have none. [botocore ec2 IpPermission, CreateNetworkAclEntryRequest]
func (e *Encoder) service(m *ir.Match, s segment, in any) smt.Term {
	if m.Protocol.Known() {
		switch p := m.Protocol.V; {
		case p == -1:
			return smt.True
		case p < 0 || p > 255:
			return smt.False
		case packet.KindOf(e.familyOf(s.src), uint8(p)) == packet.Plain:
			return e.protocolIs(s, uint64(p))
		default:
			return e.And(e.protocolIs(s, uint64(p)), e.portsMatch(m, s, in))
		}
	}
	why := m.Protocol.Why
	p := e.variable(key{kind: "protocol", of: of(why), scope: in}, 9, "protocol, 256 is all: "+label(why), func(t smt.Term) smt.Term {
		return e.Ule(t, e.number(allAs, 9))
	})
	if in == nil {
		e.at(p, site{kind: siteProtocol, why: why})
	}
	plain := e.Not(e.Or(e.ported(s), e.typed(s)))
	return e.Or(
		e.Eq(p, e.number(allAs, 9)),
		e.And(e.Eq(p, e.Concat(e.number(0, 1), s.protocol)), e.Or(plain, e.portsMatch(m, s, in))),
	)
}

func (e *Encoder) portsMatch(m *ir.Match, s segment, in any) smt.Term {
	v := m.Ports.V
	if m.Ports.Known() {
		return e.Between(s.dport, smt.Number(uint64(v.Lo)), smt.Number(uint64(v.Hi)))
	}
	if v == (ir.Ports{}) {
		v = ir.AllPorts
	}
	why := m.Ports.Why
	k := key{kind: "from port", of: of(why), scope: in, bounds: v}
	lo := e.variable(k, 16, "from port: "+label(why), func(t smt.Term) smt.Term {
		return e.Between(t, smt.Number(uint64(v.Lo)), smt.Number(uint64(v.Hi)))
	})
	k.kind = "to port"
	hi := e.variable(k, 16, "to port: "+label(why), func(t smt.Term) smt.Term {
		return e.And(e.Ule(lo, t), e.Ule(t, e.number(uint64(v.Hi), 16)))
	})
	if in == nil {
		e.at(lo, site{kind: sitePorts, why: why, other: hi})
	}
	return e.And(e.Ule(lo, s.dport), e.Ule(s.dport, hi))
}

func (e *Encoder) peerMatches(p *ir.Peer, a smt.Term, f far, in any) smt.Term {
	switch {
	case p.Unknown != nil:
		if p.Family != packet.FamilyInvalid && p.Family != e.familyOf(a) {
			return smt.False
		}
		if p.Family == packet.FamilyInvalid {
			// It may be a group, which sees who is there and not the address.
			return e.free(key{kind: "any peer", of: of(p.Unknown), with: f.iface, scope: in, at: a, at2: f.known}, "peer: "+label(p.Unknown))
		}
		return e.within(key{kind: "peer", of: of(p.Unknown), scope: in}, a, p.Unknown)
	case p.Group != nil:
		if f.iface == nil || f.known == smt.False {
			return smt.False
		}
		return e.And(f.known, e.member(f.iface, p.Group))
	case p.PrefixList != nil:
		return e.listed(p.PrefixList, a)
	default:
		return e.Inside(a, p.CIDR)
	}
}

// within is whether an address lies in a set of CIDRs that is not known: free,
// but the same for equal addresses.
func (e *Encoder) within(k key, a smt.Term, why *ir.Unknown) smt.Term {
	k.position = e.Width(a) // it has addresses of both families, which never meet
	one := k
	one.at = a
	if t, ok := e.vars[one]; ok {
		return t
	}
	t := e.free(one, "an address is in "+label(why))
	for _, o := range e.asked[k] {
		e.side = append(e.side, e.Implies(e.Eq(a, o.address), e.Eq(t, o.in)))
	}
	e.asked[k] = append(e.asked[k], asked{a, t})
	if k.scope == nil {
		e.at(t, site{kind: sitePeer, why: why, other: a})
	}
	return t
}

func (e *Encoder) listed(l *ir.PrefixList, a smt.Term) smt.Term {
	var in []smt.Term
	for _, c := range l.CIDRs {
		in = append(in, e.Inside(a, c))
	}
	if l.Open != nil && (l.Family == packet.FamilyInvalid || l.Family == e.familyOf(a)) {
		more := e.within(key{kind: "list", of: l}, a, l.Open)
		if l.AWS {
			for _, c := range ir.Documentation() {
				more = e.And(more, e.Not(e.Inside(a, c)))
			}
		}
		in = append(in, more)
	}
	return e.Or(in...)
}

// member is whether an interface carries a group.
func (e *Encoder) member(i *ir.Interface, g *ir.SecurityGroup) smt.Term {
	var is []smt.Term
	for _, o := range i.Groups.Sure {
		is = append(is, e.sameGroup(o, g))
	}
	for _, p := range i.Groups.Maybe {
		is = append(is, e.And(e.carried(i, p), e.sameGroup(p.V, g)))
	}
	if i.Groups.Open != nil {
		is = append(is, e.free(key{kind: "carries", of: i, with: g}, i.Resource+" carries "+g.Origin.Address+": "+label(i.Groups.Open)))
	}
	return e.Or(is...)
}

// carried is whether an interface carries one of the groups that it may.
func (e *Encoder) carried(i *ir.Interface, p ir.Possible[*ir.SecurityGroup]) smt.Term {
	k := key{kind: "carried", of: i, with: p.V}
	if p.Why != nil {
		k.of = of(p.Why)
	}
	t := e.free(k, i.Resource+" carries "+p.V.Origin.Address+": "+label(p.Why))
	e.at(t, site{kind: siteExists, why: p.Why})
	return t
}

// sameGroup is whether two groups are one; see ir.SecurityGroup.Term.
func (e *Encoder) sameGroup(a, b *ir.SecurityGroup) smt.Term {
	switch {
	case a == b:
		return smt.True
	case a.Term == nil && b.Term == nil:
		return smt.False
	}
	return e.Eq(e.identity(a), e.identity(b))
}

// identity is a number for a group: its own, or the number of whichever its
// term turns out to be.
func (e *Encoder) identity(g *ir.SecurityGroup) smt.Term {
	if g.Term != nil {
		return e.variable(key{kind: "group", of: of(g.Term)}, 32, "group "+label(g.Term), nil)
	}
	id, ok := e.ids[g]
	if !ok {
		id = uint64(len(e.ids))
		e.ids[g] = id
	}
	return e.number(id, 32)
}

// groups is whether an interface's groups let a request through.
func (e *Encoder) groups(i *ir.Interface, egress bool, s segment, f far) smt.Term {
	g := &i.Groups
	if len(g.Sure) == 0 && len(g.Maybe) == 0 && g.Open == nil {
		return smt.True // nothing filters it
	}
	var passes, carried []smt.Term
	for _, sg := range g.Sure {
		passes = append(passes, e.group(sg, egress, s, f))
	}
	for _, p := range g.Maybe {
		c := e.carried(i, p)
		carried = append(carried, c)
		passes = append(passes, e.And(c, e.group(p.V, egress, s, f)))
	}
	others := smt.False
	if g.Open != nil {
		others = e.free(key{kind: "other groups", of: i}, i.Resource+" carries other groups: "+label(g.Open))
		passes = append(passes, e.And(others, e.free(key{kind: "other groups pass", of: i, with: egress, at: s.peer(egress), at2: s.dport}, "other groups of "+i.Resource+" let it pass")))
	}
	switch some := e.Or(append(carried, others)...); {
	case len(g.Sure) > 0:
	case alwaysHasGroup(i.Kind):
		e.side = append(e.side, some)
	default:
		passes = append(passes, e.Not(some))
	}
	return e.Or(passes...)
}

// alwaysHasGroup: these get their VPC's default group when they name none.
func alwaysHasGroup(k ir.InterfaceKind) bool {
	switch k {
	case ir.InterfaceInstance, ir.InterfaceLoadBalancer, ir.InterfaceDatabase, ir.InterfaceCache, ir.InterfaceFunction, ir.InterfaceContainer, ir.InterfaceConnectEndpoint:
		return true
	case ir.InterfaceNetworkLoadBalancer, ir.InterfaceNATGateway, ir.InterfaceTransitGateway, ir.InterfaceEndpoint, ir.InterfaceOther, ir.InterfaceInvalid:
	}
	return false
}

// group is whether one group's rules let a request through.
func (e *Encoder) group(g *ir.SecurityGroup, egress bool, s segment, f far) smt.Term {
	var passes []smt.Term
	rules := g.Rules(egress)
	for k := range rules {
		r := &rules[k]
		passes = append(passes, e.takes(r, r.Maybe, &r.Match, s, egress, f))
	}
	if g.Open != nil {
		passes = append(passes, e.free(key{kind: "other rules", of: g, with: egress, scope: f, at: s.peer(egress), at2: s.dport}, "other rules of "+g.Origin.Address+": "+label(g.Open)))
	}
	return e.Define(e.Or(passes...), g.Origin.Address)
}

// acl is whether a network ACL lets a segment through: the entry with the
// lowest number that matches decides, and nothing matching is a denial.
func (e *Encoder) acl(a *ir.NetworkACL, egress bool, s segment) smt.Term {
	if a.Open != nil {
		return e.free(key{kind: "other entries", of: a, with: egress, at: s.peer(egress), at2: s.dport}, "other entries of "+a.Origin.Address+": "+label(a.Open))
	}
	var fixed, floating []*ir.Entry
	for k := range a.Entries {
		switch en := &a.Entries[k]; {
		case en.Egress != egress:
		case en.Number.Known():
			fixed = append(fixed, en)
		default:
			floating = append(floating, en)
		}
	}
	slices.SortStableFunc(fixed, func(a, b *ir.Entry) int { return cmp.Compare(a.Number.V, b.Number.V) })
	if len(floating) > 0 {
		return e.unordered(append(fixed, floating...), egress, s)
	}
	passes := smt.False
	for _, en := range slices.Backward(fixed) {
		passes = e.Define(e.Ite(e.takes(en, en.Maybe, &en.Match, s, egress, nobody()), e.allows(en), passes), en.Origin.Address)
	}
	return passes
}

func (e *Encoder) allows(en *ir.Entry) smt.Term { return e.truth(en.Allow) }

// unordered is a list in which some numbers are not known: it passes when an
// allow matches and everything that matches and denies stands behind it.
func (e *Encoder) unordered(entries []*ir.Entry, egress bool, s segment) smt.Term {
	takes := make([]smt.Term, len(entries))
	numbers := make([]smt.Term, len(entries))
	for k, en := range entries {
		takes[k] = e.Define(e.takes(en, en.Maybe, &en.Match, s, egress, nobody()), en.Origin.Address)
		numbers[k] = e.entryNumber(en, s)
	}
	var passes []smt.Term
	for k, en := range entries {
		first := []smt.Term{takes[k], e.allows(en)}
		for j, o := range entries {
			if j == k {
				continue
			}
			before := e.Not(e.Ule(numbers[k], numbers[j]))
			if o.Number.Known() && en.Number.Known() {
				before = smt.Of(j < k)
			}
			first = append(first, e.Not(e.And(takes[j], e.Not(e.allows(o)), before)))
		}
		passes = append(passes, e.And(first...))
	}
	return e.Or(passes...)
}

// entryNumber is the number of an entry. Numbers are unique: no two unknown
// ones are asked to differ, since an entry that stands for several has several.
func (e *Encoder) entryNumber(en *ir.Entry, s segment) smt.Term {
	if en.Number.Known() {
		return e.number(uint64(en.Number.V), 16)
	}
	k := key{kind: "number", of: of(en.Number.Why), scope: scopeOf(en, en.Maybe, &en.Match, s)}
	t := e.variable(k, 16, "number of "+en.Origin.Address, func(t smt.Term) smt.Term {
		return e.Between(t, smt.Number(1), smt.Number(32766)) // [botocore ec2 CreateNetworkAclEntryRequest]
	})
	if k.scope == nil {
		e.at(t, site{kind: siteNumber, why: en.Number.Why})
	}
	return t
}

// Matches is whether a rule or an entry of a direction matches the header;
// references to groups match nobody.
func (e *Encoder) Matches(m *ir.Match, egress bool) smt.Term {
	return e.takes(m, nil, m, e.request(), egress, nobody())
}
