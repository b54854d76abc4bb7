package trace

import (
	"net/netip"

	"github.com/postern-dev/postern/ir"
)

// The link-local networks of VPC Lattice, and those that no route applies to.
// [vpc-lattice security-groups; VPC_Route_Tables.md]
var (
	lattice4  = netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 171}), 24)
	lattice6  = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 5: 0x80}), 64)
	reserved4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{169, 254, 168}), 22)
	reserved6 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2}), 32)
)

func isLattice(a netip.Addr) bool { return lattice4.Contains(a) || lattice6.Contains(a) }

func isReserved(a netip.Addr) bool { return reserved4.Contains(a) || reserved6.Contains(a) }

func (w *walk) usesLattice() bool {
	for _, v := range w.n.VPCs {
		if v.Lattice != nil {
			return true
		}
	}
	return false
}

// toLattice sends to a service of VPC Lattice: the sender's groups, its subnet's
// ACL and the groups of the VPC's association with the service network decide.
func (w *walk) toLattice(t *trip, at place) bool {
	switch {
	case at.vpc == nil:
		return w.opaque(t, at, at.why)
	case at.vpc.Lattice == nil && !at.vpc.Seen:
		return w.opaque(t, at, notSeen(at.vpc))
	case at.vpc.Lattice == nil:
		return w.groupsOut(t, plain()) && w.aclOut(t, at) &&
			w.refuse(t, StageRoute, placeName(at), vpcName(at.vpc)+" is associated with no service network of VPC Lattice", "NO_ROUTE_TO_DESTINATION")
	}
	if !w.groupsOut(t, plain()) || !w.aclOut(t, at) {
		return false
	}
	l := at.vpc.Lattice
	door := ir.Interface{Resource: nameOf(&l.Origin, "", "", "the service network of "+vpcName(at.vpc)), Kind: ir.InterfaceOther, Groups: l.Groups, Origin: l.Origin}
	if !w.groups(t, &door, false, t.farEnd(&t.src, t.known)) {
		return false
	}
	t.kept, t.exit = true, exit{kind: ir.VPCEndpoint}
	return w.deliver(t)
}

// fromLattice is what a service network forwards to a target.
func (w *walk) fromLattice(t *trip) bool {
	t.kept, t.known = true, identity{}
	return w.aclIn(t, t.goal.at) && w.deliver(t)
}
