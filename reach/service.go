package reach

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// exemptWay is the way to the services of AWS that neither groups nor ACLs
// filter.
func (w *walker) exemptWay(t trip, a place) outcome {
	e := w.e
	s := Stage{Kind: KindOutside, Component: "AWS service", Band: exactly(e.from(packet.FieldDst, e.exempt(a))), via: "AWS service"}
	if w.hope || !w.push(&t, s) || t.s.from.iface.Maybe != nil && !w.push(&t, e.exists(t.s.from.iface)) {
		return nothing()
	}
	o := outcome{forward: w.all(e, t.path)}
	o.complete = o.forward
	if o.forward.May != solver.Empty {
		w.found(t, o, nil)
	}
	return o
}

// lattice are the addresses of VPC Lattice. [vpc-lattice security-groups]
var lattice = map[packet.Family]string{packet.IPv4: "169.254.171.0/24", packet.IPv6: "fd00:ec2:80::/64"}

// reserved are the addresses to which no route applies. [VPC VPC_Route_Tables.md]
var reserved = map[packet.Family]string{packet.IPv4: "169.254.168.0/22", packet.IPv6: "fd00:ec2::/32"}

// toLattice is the way to VPC Lattice: by the groups of the sender, its subnet's
// ACL, and those of the VPC's association. No route is looked up.
func (w *walker) toLattice(t trip, a place) outcome {
	if a.vpc == nil || a.subnet == nil || a.vpc.Lattice == nil && a.vpc.Seen || w.hope {
		return nothing()
	}
	e := w.e
	s := Stage{Kind: KindAddress, Component: "VPC Lattice", Band: exactly(e.latticeDst), via: "VPC Lattice"}
	if a.vpc.Lattice == nil { // the VPC is only named: it may be associated
		s.Band.Must, s.Band.Ground = solver.Empty, solver.Empty
		s.because(&ir.Unknown{Cause: diag.Cause{
			Code: diag.NotInInput, Message: "whether " + a.vpc.Origin.Address + " is associated with VPC Lattice is not in the input",
			Address: a.vpc.Origin.Address, Range: a.vpc.Origin.Range,
		}})
	}
	if !w.push(&t, s) || !w.sender(&t, no) || !w.border(&t, a, true) {
		return nothing()
	}
	if l := a.vpc.Lattice; l != nil {
		front := &ir.Interface{Resource: l.Origin.Address, Groups: l.Groups, Kind: ir.InterfaceOther, Origin: l.Origin}
		if !w.push(&t, e.groupStage(front, false, requestIn, t.s.from.iface, yes)) {
			return nothing()
		}
	}
	t.door = door{kind: doorService}
	return w.arrived(t)
}

// fromLattice is the way from VPC Lattice to a target of it.
func (w *walker) fromLattice(to *ir.Interface, b place, next *relay) outcome {
	e := w.e
	if !e.lattice || w.hope {
		return nothing()
	}
	t := w.arriving(to, b, false, next)
	dst := e.addressStage(to, b, packet.FieldDst)
	if !w.push(&t, Stage{Kind: KindAddress, Component: "VPC Lattice", Band: exactly(e.latticeSrc), via: "VPC Lattice"}) || !w.push(&t, dst) || !w.border(&t, b, false) {
		return nothing()
	}
	if !w.push(&t, e.groupStage(to, false, requestIn, nil, no)) || !w.push(&t, e.serviceStage(to)) {
		return nothing()
	}
	f := w.all(e, t.path)
	if next != nil { // what the load balancer sends on is not followed from here
		f.Must, f.Ground = solver.Empty, solver.Empty
	}
	r := trip{s: t.s, reply: true}
	reply, backs := w.walked(func() outcome {
		w.border(&r, b, true)
		return w.deliver(r)
	})
	o := outcome{f, all(e.Space, f, anyOf(e.Space, reply, exactly(e.noReply)))}
	if f.May != solver.Empty {
		w.found(t, o, backs)
	}
	return o
}

// indirect is the way of services that bring internet traffic to interfaces
// without a route: Global Accelerator, CloudFront VPC origins. They ask for an
// internet gateway only, and what the interface's groups see is not known.
func (w *walker) indirect(to *ir.Interface, b place) outcome {
	e := w.e
	if len(e.net.Indirect) == 0 || w.hope || b.vpc == nil {
		return nothing()
	}
	_, ok := e.gatewayOf(b.vpc)
	if and(ok, passesBPA(b, true, false)) == no {
		return nothing()
	}
	t := w.arriving(to, b, false, nil)
	dst := e.addressStage(to, b, packet.FieldDst)
	dst.Band.May = e.Union(dst.Band.May, e.stands(to, b).dstPublic)
	p := e.net.Indirect[0]
	s := Stage{Kind: KindOutside, Component: p.Address, Place: p, Band: Band{solver.Empty, solver.Empty, e.All()}, via: p.Address}
	s.because(&ir.Unknown{Cause: diag.Cause{Code: diag.NotModelled, Message: p.Address + " may bring internet traffic to private interfaces", Address: p.Address, Range: p.Range}})
	groups := e.groupStage(to, false, requestIn, nil, no)
	groups.Band = Band{solver.Empty, solver.Empty, e.Project(groups.Band.May, packet.FieldSrc)}
	if !w.push(&t, dst) || !w.push(&t, s) || !w.push(&t, groups) || !w.push(&t, e.serviceStage(to)) {
		return nothing()
	}
	o := outcome{forward: w.all(e, t.path)}
	o.complete = o.forward
	if o.forward.May != solver.Empty {
		w.found(t, o, nil)
	}
	return o
}
