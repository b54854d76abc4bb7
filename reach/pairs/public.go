package pairs

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// MaxPublic bounds how many pairs of kinds package reach is asked about for
// their public addresses. One takes a millisecond or less.
const MaxPublic = 2000

// Public is what flows between interfaces by way of public IPv4 addresses: out
// by an internet gateway or a NAT gateway, and in again by another one.
type Public struct {
	// Kinds are interfaces that send, and receive, the same that way; those that
	// do neither are in none.
	Kinds [][]*ir.Interface
	// Flows are the pairs of kinds between which something may flow. A kind and
	// itself are a pair when it has several interfaces: what flows between two.
	Flows []PublicFlow
	// Left counts the pairs of kinds that were not asked about.
	Left int
}

// PublicFlow is what a client of one kind can complete at a public address of
// another one.
type PublicFlow struct {
	From, To int // of Kinds
	Complete Band
}

// Public finds what flows to public addresses, of up to MaxPublic pairs of kinds
// of interfaces, in the order of the network. What a search, when it is not
// nil, does not look for may be left out. The error is the context's.
func (x *Index) Public(ctx context.Context, search *Search) (*Public, error) {
	p := &Public{}
	t := x.tables[packet.IPv4]
	if t == nil {
		return p, nil
	}
	from, to := t.publicKinds(p, search)
	if len(from) == 0 || len(to) == 0 {
		return &Public{}, nil
	}
	a := newAsker(t)
	asked := 0
	for _, s := range from {
		for _, d := range to {
			if s == d && len(p.Kinds[s]) < 2 {
				continue
			}
			if asked++; asked > MaxPublic {
				p.Left++
				continue
			}
			b, err := a.public(ctx, p.Kinds[s][0], p.Kinds[d][len(p.Kinds[d])-1])
			if err != nil {
				return nil, err
			}
			if !b.May.Empty() {
				p.Flows = append(p.Flows, PublicFlow{s, d, b})
			}
		}
	}
	return p, nil
}

// Relation is what flows to public addresses as one of units, which are the
// kinds; see Table.Relation.
func (p *Public) Relation(search *Search) *Relation {
	r := newRelation(len(p.Kinds), search != nil)
	for _, is := range p.Kinds {
		r.Units = append(r.Units, Unit{Interfaces: is})
	}
	for _, f := range p.Flows {
		r.set(Possible, int32(f.From), int32(f.To))
		if f.Complete.Must.Empty() {
			continue
		}
		r.set(Sure, int32(f.From), int32(f.To))
		if search != nil && search.Marked(f.Complete.Must) {
			r.set(Marked, int32(f.From), int32(f.To))
		}
	}
	return r
}

// publicKinds sorts the interfaces that may send to a public address, and those
// that may receive at one.
func (t *Table) publicKinds(p *Public, search *Search) (from, to []int) {
	var keys map[*ir.Interface][]byte
	var sends, receives []bool
	kinds := map[string]int{}
	leaves := map[*ir.Subnet]bool{}
	for _, i := range t.net.Interfaces {
		enters := hasPublic(i) && !i.NoInbound && namesPublic(i, ingress)
		exits := leavesFrom(leaves, i) && namesPublic(i, egress)
		if search != nil {
			known := i.Maybe == nil && stands(i) != nil
			enters, exits = enters && known, exits && known && search.From(i)
		}
		if !enters && !exits {
			continue
		}
		if keys == nil {
			keys = t.keys()
		}
		key, ok := keys[i]
		if !ok {
			continue // it has no address of IPv4
		}
		at, ok := kinds[string(key)]
		if !ok {
			at = len(p.Kinds)
			kinds[string(key)] = at
			p.Kinds = append(p.Kinds, nil)
			sends, receives = append(sends, false), append(receives, false)
		}
		p.Kinds[at] = append(p.Kinds[at], i)
		sends[at], receives[at] = sends[at] || exits, receives[at] || enters
	}
	for k := range p.Kinds {
		if sends[k] {
			from = append(from, k)
		}
		if receives[k] {
			to = append(to, k)
		}
	}
	return from, to
}

// Kinds numbers the interfaces that have an address of the family: those of one
// number exchange the same with hosts outside, and by public addresses with other
// interfaces.
func (t *Table) Kinds() map[*ir.Interface]int {
	numbers, kinds := map[string]int{}, map[*ir.Interface]int{}
	for i, key := range t.keys() {
		n, ok := numbers[string(key)]
		if !ok {
			n = len(numbers)
			numbers[string(key)] = n
		}
		kinds[i] = n
	}
	return kinds
}

// keys tells interfaces apart by all that routes, groups and ACLs read of them:
// the classes of their addresses, and in which CIDRs their public ones are.
func (t *Table) keys() map[*ir.Interface][]byte {
	cuts := &assigner{family: t.family, net: t.net}
	cuts.gather()
	keys := map[*ir.Interface][]byte{}
	for v := range t.Vertices {
		x := &t.Vertices[v]
		b, ok := keys[x.Interface]
		if !ok {
			b = publicKey(x.Interface, cuts.cuts)
		}
		b = binary.AppendVarint(b, int64(x.Slot))
		keys[x.Interface] = binary.AppendVarint(b, int64(t.ofVertex[v]))
	}
	return keys
}

func publicKey(i *ir.Interface, cuts []key) []byte {
	b := []byte{byte(i.Kind)}
	for k := range i.Addresses {
		d := &i.Addresses[k].Public
		b = append(b, byte(truthOf(&d.Exists)))
		if !d.Addr.Known() || !d.Addr.V.Is4() {
			b = append(b, '?')
			continue
		}
		at, found := slices.BinarySearchFunc(cuts, keyOf(d.Addr.V), key.compare)
		if found {
			at++
		}
		b = binary.AppendVarint(b, int64(at))
	}
	return b
}

// hasPublic reports whether an interface may have a public IPv4 address.
func hasPublic(i *ir.Interface) bool {
	return slices.ContainsFunc(i.Addresses, func(d ir.Address) bool {
		return d.Family != packet.IPv6 && truthOf(&d.Public.Exists) != no && !(d.Private.Known() && d.Private.V.Is6())
	})
}

// namesPublic reports whether some rule of an interface's groups may name a public
// IPv4 address. References to groups name none.
func namesPublic(i *ir.Interface, dir int) bool {
	if i.Groups.Open != nil || len(i.Groups.Sure)+len(i.Groups.Maybe) == 0 {
		return true
	}
	some := func(g *ir.SecurityGroup) bool {
		return g.Open != nil || slices.ContainsFunc(g.Rules(dir == egress), func(r ir.Rule) bool { return mayBePublic(&r.Peer) })
	}
	return slices.ContainsFunc(i.Groups.Sure, some) ||
		slices.ContainsFunc(i.Groups.Maybe, func(p ir.Possible[*ir.SecurityGroup]) bool { return some(p.V) })
}

// mayBePublic reports whether a peer may be a public IPv4 address.
func mayBePublic(p *ir.Peer) bool {
	switch {
	case p.CIDR.IsValid():
		return packet.FamilyOfPrefix(p.CIDR) == packet.IPv4 && !inPrivate(p.CIDR)
	case p.PrefixList != nil:
		return true
	}
	return p.Unknown != nil && p.Family != packet.IPv6
}

// inPrivate reports whether a CIDR holds only addresses of RFC 1918.
func inPrivate(c netip.Prefix) bool {
	for _, p := range [...]string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} {
		if private := netip.MustParsePrefix(p); private.Bits() <= c.Bits() && private.Contains(c.Addr()) {
			return true
		}
	}
	return false
}

// leavesFrom reports whether some route of where an interface may stand may lead
// a packet to a public address out of the VPC. It remembers subnets.
func leavesFrom(known map[*ir.Subnet]bool, i *ir.Interface) bool {
	if i.Subnet.Open != nil {
		return true
	}
	for _, s := range i.Subnet.Of {
		is, ok := known[s]
		if !ok {
			is = s.RouteTable.Open != nil || slices.ContainsFunc(s.RouteTable.Of, leadsOut)
			known[s] = is
		}
		if is {
			return true
		}
	}
	return false
}

func leadsOut(t *ir.RouteTable) bool {
	return t.Open != nil || slices.ContainsFunc(t.Routes, func(r ir.Route) bool {
		target, ok := r.Target.Known()
		return mayBePublic(&r.Destination) && (!ok || target.Kind != ir.TargetLocal)
	})
}

// public asks what a client on one interface can complete at a public address of
// another. The first header that surely flows shows a service, whichever address
// AWS picks.
func (a *asker) public(ctx context.Context, from, to *ir.Interface) (Band, error) {
	u := a.t.Universe
	must, may := u.empty(), u.empty()
	flow, s, err := a.flow(ctx, from, to)
	if errors.Is(err, solver.ErrBudget) {
		return Band{May: a.t.sets.of(u.all)}, nil
	}
	if err != nil {
		return Band{}, err
	}
	q := asking{a: a, s: s, u: &Vertex{Interface: from}, v: &Vertex{Interface: to}}
	among := s.Difference(flow.Addressed, s.Of(q.own()...))
	possible := s.Intersect(flow.Complete.May, among)
	bad := s.Difference(among, flow.Complete.Must)
	if !flow.FixedFrom {
		among, bad = s.Project(among, packet.FieldSrc), s.Project(bad, packet.FieldSrc)
	}
	if slices.ContainsFunc(to.Addresses, func(d ir.Address) bool { return truthOf(&d.Public.Exists) != no && !d.Public.Addr.Known() }) {
		among, bad = s.Project(among, packet.FieldDst), s.Project(bad, packet.FieldDst)
	}
	sure := s.Difference(among, bad)
	for k := range u.Atoms {
		boxes := q.boxes(k)
		if !q.some(boxes, possible) {
			continue
		}
		set(may, k)
		if q.some(boxes, sure) {
			set(must, k)
		}
	}
	return Band{a.t.sets.of(must), a.t.sets.of(may)}, q.err
}
