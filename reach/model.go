package reach

import (
	"context"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Model answers questions about one network. It holds a packet space a family
// with everything that was compiled in it; it is not safe for concurrent use.
type Model struct {
	Net       *ir.Network
	engines   map[packet.Family]*engine
	exposures map[exposureKey]*Exposure
	relays    map[*ir.Interface][]*relay // by the interface that they send to
}

// engine is the part of a model that belongs to one family.
type engine struct {
	*solver.Space
	net  *ir.Network
	acls map[aclKey]Band
	// What was compiled of groups, route tables, places and translations.
	carries   map[*ir.Interface]*carry
	sets      map[string]*carry
	filters   map[groupKey]Band
	tables    map[tableKey]*partition
	standings map[standingKey]*standing
	lenses    map[lensKey]*lens
	transits  map[transitKey]transitEntry
	readings  map[reading]bool
	other     *engine // of the other family
	// held are the known private addresses, and public ones, of interfaces.
	held     map[*ir.VPC]*netipx.IPSet
	heldIn   map[*ir.Subnet]*netipx.IPSet // likewise, where the VPC is not known
	public   *netipx.IPSet
	vpcs     *netipx.IPSet // every VPC's CIDRs
	internet *netipx.IPSet
	inet     solver.Set // source is on the internet
	// serviceLists: the network has prefix lists of AWS's own whose CIDRs are not
	// known; ignoreLists takes them as empty for the moment. See Exposure.
	serviceLists, ignoreLists bool
	// outside are the headers whose source, or destination, no VPC holds.
	outsideSrc, outsideDst solver.Set
	// carried are those that internet gateways carry from and to the internet.
	carriedSrc, carriedDst [2]solver.Set
	// privateSrc come from where private links lead; lattice tells whether some
	// VPC is associated with VPC Lattice.
	privateSrc, globalSrc, latticeSrc, latticeDst, reservedDst solver.Set

	lattice, nats bool // nats: see mayHaveNAT
	noReply       solver.Set
}

type aclKey struct {
	acl    *ir.NetworkACL
	egress bool
	reply  bool
}

// Compile prepares a network for questions. The error is ErrBudget of package
// solver, or the context's.
func Compile(ctx context.Context, n *ir.Network) (*Model, error) {
	m := &Model{Net: n, engines: map[packet.Family]*engine{}, exposures: map[exposureKey]*Exposure{}}
	for _, f := range packet.Families {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := solver.New(f, solver.Options{})
		e := &engine{
			Space: s, net: n,
			acls:    map[aclKey]Band{},
			carries: map[*ir.Interface]*carry{}, sets: map[string]*carry{}, filters: map[groupKey]Band{},
			tables: map[tableKey]*partition{}, standings: map[standingKey]*standing{}, lenses: map[lensKey]*lens{}, transits: map[transitKey]transitEntry{}, readings: map[reading]bool{},
			held:    map[*ir.VPC]*netipx.IPSet{},
			heldIn:  map[*ir.Subnet]*netipx.IPSet{},
			noReply: noReply(s),
		}
		e.index()
		m.engines[f] = e
		if err := s.Err(); err != nil {
			return nil, err
		}
	}
	m.engines[packet.IPv4].other, m.engines[packet.IPv6].other = m.engines[packet.IPv6], m.engines[packet.IPv4]
	m.relays = relaysOf(n)
	return m, nil
}

// Space returns the packet space of a family, for questions of one's own about
// the sets that the model hands out.
func (m *Model) Space(f packet.Family) *solver.Space { return m.engines[f].Space }

// Internet returns the headers whose source is on the internet: everything
// that is routed there, less the network's own IPv6 CIDRs.
func (m *Model) Internet(f packet.Family) solver.Set { return m.engines[f].inet }

// index gathers the addresses that the network itself holds.
func (e *engine) index() {
	f := e.Family()
	e.serviceLists = slices.ContainsFunc(e.net.PrefixLists, func(l *ir.PrefixList) bool { return l.AWS && l.Open != nil })
	var vpcs, public netipx.IPSetBuilder
	held, heldIn := map[*ir.VPC]*netipx.IPSetBuilder{}, map[*ir.Subnet]*netipx.IPSetBuilder{}
	for _, v := range e.net.VPCs {
		for _, c := range cidrs(v, f) {
			if c.Known() && c.V.IsValid() {
				vpcs.AddPrefix(c.V)
			}
		}
	}
	for _, i := range e.net.Interfaces {
		subnet, _ := i.Subnet.Known()
		var vpc *ir.VPC
		if subnet != nil {
			vpc, _ = subnet.VPC.Known()
		}
		var b *netipx.IPSetBuilder
		if vpc != nil {
			b = builderOf(held, vpc)
		} else {
			b = builderOf(heldIn, subnet)
		}
		for _, a := range i.Addresses {
			if a.Private.Known() && packet.FamilyOf(a.Private.V) == f && i.Maybe == nil {
				b.Add(a.Private.V)
			}
			if p := a.Public; p.Exists.Known() && p.Exists.V && p.Addr.Known() && packet.FamilyOf(p.Addr.V) == f && i.Maybe == nil {
				public.Add(p.Addr.V)
			}
		}
	}
	e.vpcs, e.public = build(&vpcs), build(&public)
	for v, b := range held {
		e.held[v] = build(b)
	}
	delete(heldIn, nil) // those of interfaces whose subnet is not known
	for s, b := range heldIn {
		e.heldIn[s] = build(b)
	}
	var internet netipx.IPSetBuilder
	internet.AddSet(Internet(f))
	if f == packet.IPv6 {
		internet.RemoveSet(e.vpcs)
	}
	e.internet = build(&internet)
	e.inet = e.from(packet.FieldSrc, e.internet)
	e.ranges()
	e.nats = mayHaveNAT(e.net)
}

// ranges compiles the addresses that ways begin and end with.
func (e *engine) ranges() {
	f := e.Family()
	for k, set := range uncarried(f) {
		e.carriedSrc[k] = e.Complement(e.from(packet.FieldSrc, set))
		e.carriedDst[k] = e.Complement(e.from(packet.FieldDst, set))
	}
	e.globalSrc = e.from(packet.FieldSrc, Internet(f))
	e.privateSrc = e.from(packet.FieldSrc, privateSources(f))
	at := prefixSet(netip.MustParsePrefix(lattice[f]))
	e.latticeSrc, e.latticeDst = e.from(packet.FieldSrc, at), e.from(packet.FieldDst, at)
	e.reservedDst = e.from(packet.FieldDst, prefixSet(netip.MustParsePrefix(reserved[f])))
	if e.lattice = slices.ContainsFunc(e.net.VPCs, func(v *ir.VPC) bool { return v.Lattice != nil }); e.lattice {
		e.privateSrc = e.Difference(e.privateSrc, e.latticeSrc)
	}
	var others netipx.IPSetBuilder
	for _, r := range everyone(f) {
		others.AddRange(r)
	}
	others.RemoveSet(e.vpcs)
	others.RemoveSet(e.public)
	set := build(&others)
	e.outsideSrc, e.outsideDst = e.from(packet.FieldSrc, set), e.from(packet.FieldDst, set)
}

func builderOf[K comparable](of map[K]*netipx.IPSetBuilder, k K) *netipx.IPSetBuilder {
	if of[k] == nil {
		of[k] = &netipx.IPSetBuilder{}
	}
	return of[k]
}

// build returns the set of a builder that was only given valid ranges; such a
// builder has no error.
func build(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		return &netipx.IPSet{}
	}
	return set
}

// from returns the headers whose given address lies in a set.
func (e *engine) from(field packet.Field, set *netipx.IPSet) solver.Set {
	f := e.Family()
	var boxes []solver.Box
	for _, r := range set.Ranges() {
		if packet.FamilyOf(r.From()) != f {
			continue
		}
		b := solver.Everything(f)
		if field == packet.FieldSrc {
			b.Src = r
		} else {
			b.Dst = r
		}
		boxes = append(boxes, b)
	}
	return e.Of(boxes...)
}

func cidrs(v *ir.VPC, f packet.Family) []ir.Value[netip.Prefix] {
	if f == packet.IPv4 {
		return v.IPv4
	}
	return v.IPv6
}

// mayHaveNAT reports whether a network has NAT gateways, or parts that are not
// shown, where one may stand.
func mayHaveNAT(n *ir.Network) bool {
	hidden := func(c ir.Choice[ir.Target]) bool {
		return c.Open != nil || slices.ContainsFunc(c.Of, func(t ir.Target) bool {
			return t.Kind == ir.TargetOther || t.Kind == ir.TargetInvalid ||
				t.Kind == ir.TargetGateway && (t.Gateway.Kind == ir.OtherGateway || t.Gateway.Kind == ir.GatewayInvalid || t.Gateway.Kind == ir.LoadBalancerEndpoint)
		})
	}
	return slices.ContainsFunc(n.Gateways, func(g *ir.Gateway) bool { return g.Kind == ir.NATGateway }) ||
		slices.ContainsFunc(n.VPCs, func(v *ir.VPC) bool { return !v.Seen }) ||
		slices.ContainsFunc(n.Subnets, func(s *ir.Subnet) bool { return s.RouteTable.Open != nil || s.VPC.Open != nil }) ||
		slices.ContainsFunc(n.Interfaces, func(i *ir.Interface) bool { return i.Subnet.Open != nil }) ||
		slices.ContainsFunc(n.RouteTables, func(t *ir.RouteTable) bool {
			return t.Open != nil || slices.ContainsFunc(t.Routes, func(r ir.Route) bool { return hidden(r.Target) })
		})
}
