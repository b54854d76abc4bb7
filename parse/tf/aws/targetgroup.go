package aws

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// targetGroup is what a load balancer sends flows to: a target group, or the
// instances of a classic load balancer. One with targets in the input is taken
// to be whole; of one without, it is not known who registers.
type targetGroup struct {
	v             view
	registrations []registration
	// serverless: its targets are functions, which are called and not sent to.
	serverless bool
	settled    *settledGroup
}

// registration puts targets into a group.
type registration struct {
	v view
	// e names an instance, an address or a load balancer; for interfaces that
	// are of the registering resource itself it is empty.
	e    elem
	nics []*ir.Interface
	// unseen: there are targets of which nothing is known.
	unseen *ir.Unknown
	port   ir.Value[uint16] // 0: the group's
	maybe  *ir.Unknown
	at     diag.Range
}

// settledGroup is a group whose targets were looked up.
type settledGroup struct {
	targets []ir.ForwardTarget
	open    *ir.Unknown
}

func makeTargetGroup(v view) {
	g := &targetGroup{v: v, serverless: v.text("target_type") == "lambda"}
	register(v, v.b.targetGroups, g, "id", "arn")
	v.b.groupsOfTargets = append(v.b.groupsOfTargets, g)
}

// registerWith adds to the group that an element names. One that is not known
// may be any of its candidates.
func (v view) registerWith(e elem, r registration) {
	r.v, r.at = v, e.at
	if g := v.b.targetGroups[refOf(e).key]; g != nil {
		g.registrations = append(g.registrations, r)
		return
	}
	r.maybe = e.unknown()
	for _, g := range standIns(v, e, v.b.targetGroups, v.b.groupsOfTargets) {
		g.registrations = append(g.registrations, r)
	}
}

// linkTargetAttachment reads one target of one group.
func linkTargetAttachment(v view) {
	groups, ids := v.single("target_group_arn"), v.single("target_id")
	if len(groups) == 0 || len(ids) == 0 {
		v.invalid(v.at(), "target_group_arn and target_id are required", "name both")
		return
	}
	r := registration{e: ids[0], port: v.port("port"), maybe: v.maybe()}
	v.registerWith(groups[0], r)
}

// port reads a port that may be left out.
func (v view) port(attr string) ir.Value[uint16] {
	n, set := v.integer(attr)
	switch {
	case !set:
		return ir.Value[uint16]{}
	case !n.Known():
		return ir.NotKnown[uint16](n.Why)
	case n.V < 0 || n.V > 65535:
		return ir.NotKnown[uint16](v.invalid(v.at(attr), attr+" must be from 1 to 65535", "write a port number"))
	}
	return ir.Known(uint16(n.V))
}

// linkClassicAttachment registers an instance with a classic load balancer.
func linkClassicAttachment(v view) {
	balancers, instances := v.single("elb"), v.single("instance")
	if len(balancers) == 0 || len(instances) == 0 {
		v.invalid(v.at(), "elb and instance are required", "name both")
		return
	}
	v.registerWith(balancers[0], registration{e: instances[0], maybe: v.maybe()})
}

// registerScaled registers the instances of an autoscaling group.
func (v view) registerScaled(made []*ir.Interface) {
	for _, k := range v.keys("id", "name") {
		v.b.scaled[k] = made
	}
	for _, attr := range []string{"target_group_arns", "load_balancers"} {
		es, _ := v.list(attr)
		for _, e := range es {
			v.registerWith(e, registration{nics: made})
		}
	}
	sources, _ := v.nested("traffic_source")
	for _, s := range sources {
		for _, e := range s.single("identifier") {
			s.registerWith(e, registration{nics: made, maybe: s.maybeBlock()})
		}
	}
}

// linkScalingAttachment registers an autoscaling group from outside of it. It
// waits until the interfaces of every group are made.
func linkScalingAttachment(v view) {
	var to []elem
	for _, attr := range []string{"lb_target_group_arn", "alb_target_group_arn", "elb"} {
		to = append(to, v.single(attr)...)
	}
	sources, _ := v.nested("traffic_source")
	for _, s := range sources {
		to = append(to, s.single("identifier")...)
	}
	names := v.single("autoscaling_group_name")
	if len(names) == 0 || len(to) == 0 {
		v.invalid(v.at(), "an attachment names an autoscaling group and a target group", "name both")
		return
	}
	v.b.later(func() {
		r := registration{maybe: v.maybe()}
		if r.nics = v.b.scaled[refOf(names[0]).key]; r.nics == nil {
			r.unseen = refOf(names[0]).unseen("instances")
		}
		for _, e := range to {
			v.registerWith(e, r)
		}
	})
}

// registerContainers registers the tasks of a container service. Those without
// interfaces of their own share the one of the instance that they run on.
func (v view) registerContainers(made []*ir.Interface) {
	blocks, _ := v.nested("load_balancer")
	for _, n := range blocks {
		r := registration{nics: made, port: n.port("container_port"), maybe: n.maybeBlock()}
		if len(made) == 0 {
			r.unseen = &ir.Unknown{Term: n.fresh("container instances of"), Cause: diag.Cause{
				Code: diag.NotInInput, Message: v.in.Address + " has no interfaces of its own: which instances its tasks run on, and on which ports, is decided by ECS",
				Address: v.in.Address, Range: n.at("target_group_arn", "elb_name"),
			}}
		}
		to := append(n.single("target_group_arn"), n.single("elb_name")...)
		if more, ok := n.one("advanced_configuration"); ok {
			to = append(to, more.single("alternate_target_group_arn")...)
		}
		for _, e := range to {
			n.registerWith(e, r)
		}
	}
}

// settle looks up the targets of a group. It runs when all interfaces are made.
func (g *targetGroup) settle(x *targetIndex) *settledGroup {
	if g.settled != nil {
		return g.settled
	}
	g.settled = &settledGroup{}
	if g.serverless {
		return g.settled
	}
	port := g.ownPort()
	for _, r := range g.registrations {
		if r.port == ir.Known[uint16](0) {
			r.port = port
		}
		g.settled.add(x, r, g.vpc())
	}
	if len(g.registrations) == 0 {
		g.settled.open = &ir.Unknown{Term: "targets of " + g.v.in.Address, Cause: diag.Cause{
			Code: diag.NotInInput, Message: "nothing in the input registers targets with " + g.v.in.Address, Address: g.v.in.Address, Range: g.v.at(),
		}}
	}
	return g.settled
}

// ownPort is the port of targets that are registered without one.
func (g *targetGroup) ownPort() ir.Value[uint16] {
	if g.v.text("protocol") == "GENEVE" {
		return ir.Known[uint16](genevePort)
	}
	p := g.v.port("port")
	if p == ir.Known[uint16](0) {
		return ir.NotKnown[uint16](notInInput(g.v.in.Address, "port", g.v.at()))
	}
	return p
}

// vpc is the VPC that addresses of targets are in.
func (g *targetGroup) vpc() *ir.VPC {
	for _, e := range g.v.single("vpc_id") {
		return g.v.b.vpcs[refOf(e).key]
	}
	return nil
}

func (s *settledGroup) add(x *targetIndex, r registration, vpc *ir.VPC) {
	place := diag.Place{Address: r.v.in.Address, Message: "registers the target", Range: r.at}
	put := func(t ir.ForwardTarget, maybe *ir.Unknown) {
		if t.Maybe == nil {
			t.Maybe = maybe
		}
		t.Port, t.Place = r.port, place
		s.targets = append(s.targets, t)
	}
	for _, nic := range r.nics {
		put(ir.ForwardTarget{Interface: nic}, r.maybe)
	}
	if r.unseen != nil {
		s.open = r.unseen
	}
	if r.nics != nil || r.unseen != nil {
		return
	}
	place.Range = cmpOr(r.e.at, r.at)
	found, open := x.find(r.v, r.e, vpc)
	for _, t := range found {
		put(t, r.maybe)
	}
	if open != nil {
		s.open = open
	}
}

func cmpOr(a, b diag.Range) diag.Range {
	if a.IsZero() {
		return b
	}
	return a
}

// targetIndex finds the interfaces that targets name.
type targetIndex struct {
	b         *builder
	byAddress map[netip.Addr][]*ir.Interface
	byOwner   map[string][]*ir.Interface // the address of the resource
	targets   int                        // that listeners have so far
}

// maxTargets bounds the targets of all listeners together: a group counts once
// for each listener that sends to it.
const maxTargets = 1_000_000

// addTargets adds the targets of a group to a forward.
func (x *targetIndex) addTargets(f *ir.Forward, g *targetGroup, change func(*ir.ForwardTarget)) {
	have := g.settle(x)
	if have.open != nil {
		f.Open = have.open
	}
	if x.targets += len(have.targets); x.targets > maxTargets {
		f.Open = &ir.Unknown{Term: "further targets", Cause: diag.Cause{
			Code: diag.Limit, Message: "the listeners have more targets than postern reads", Address: g.v.in.Address, Range: g.v.at(),
		}}
		return
	}
	for _, t := range have.targets {
		change(&t)
		f.Targets = append(f.Targets, t)
	}
}

func newTargetIndex(b *builder) *targetIndex {
	x := &targetIndex{b: b, byAddress: map[netip.Addr][]*ir.Interface{}, byOwner: map[string][]*ir.Interface{}}
	for _, o := range b.net.Interfaces {
		x.byOwner[o.Origin.Address] = append(x.byOwner[o.Origin.Address], o)
		for _, a := range o.Addresses {
			if a.Private.Known() && a.Private.V.IsValid() {
				x.byAddress[a.Private.V] = append(x.byAddress[a.Private.V], o)
			}
		}
	}
	return x
}

// find returns what an id or address names, and why there may be others.
func (x *targetIndex) find(v view, e elem, vpc *ir.VPC) ([]ir.ForwardTarget, *ir.Unknown) {
	if e.unknown() != nil {
		return x.unknown(v, e)
	}
	if a, err := netip.ParseAddr(strings.TrimSpace(e.s)); err == nil && a.Zone() == "" {
		return x.address(v, a.Unmap(), vpc, e), nil
	}
	r := refOf(e)
	if o := x.iface(r.key); o != nil {
		return []ir.ForwardTarget{{Interface: o}}, nil
	}
	if address, attr, ok := tf.ParseSymbol(r.key); ok && attr == "private_ip" {
		if o := x.iface(tf.Symbol(address, "id")); o != nil {
			return []ir.ForwardTarget{{Interface: o}}, nil
		}
	}
	if lb := x.b.balancers[r.key]; lb != nil {
		var out []ir.ForwardTarget
		for _, o := range x.byOwner[lb.address] {
			out = append(out, ir.ForwardTarget{Interface: o})
		}
		return out, nil
	}
	return nil, r.unseen("interface")
}

func (x *targetIndex) iface(key string) *ir.Interface {
	if k, ok := x.b.alias[key]; ok {
		key = k
	}
	return x.b.interfaces[key]
}

// unknown finds the instance whose address an expression is, or what else an id
// that is not known may name.
func (x *targetIndex) unknown(v view, e elem) ([]ir.ForwardTarget, *ir.Unknown) {
	why := e.unknown()
	var out []ir.ForwardTarget
	if address, ok := strings.CutSuffix(why.Cause.Address, ".private_ip"); ok && e.why != nil {
		switch o := x.iface(tf.Symbol(address, "id")); {
		case o == nil:
		case !derived(why):
			return []ir.ForwardTarget{{Interface: o}}, nil
		default: // it is made of that address
			out = append(out, ir.ForwardTarget{Interface: o, Maybe: why})
		}
	}
	for _, o := range standIns(v, e, x.b.interfaces, x.b.net.Interfaces) {
		out = append(out, ir.ForwardTarget{Interface: o, Maybe: why})
	}
	if len(out) > 0 && e.among != nil && !e.among.Open && e.many == nil {
		return out, nil
	}
	return out, why
}

// address finds the interface that holds an address, in the VPC of the group.
func (x *targetIndex) address(v view, a netip.Addr, vpc *ir.VPC, e elem) []ir.ForwardTarget {
	var holders []*ir.Interface
	for _, o := range x.byAddress[a] {
		if vpc == nil || mayBeIn(o, vpc) {
			holders = append(holders, o)
		}
	}
	if len(holders) == 0 {
		return []ir.ForwardTarget{{Address: a}}
	}
	var out []ir.ForwardTarget
	for _, o := range holders {
		t := ir.ForwardTarget{Interface: o, Address: a}
		if len(holders) > 1 {
			t.Maybe = &ir.Unknown{Term: v.in.Address + " holder of " + a.String(), Cause: diag.Cause{
				Code: diag.NotInInput, Message: plural(len(holders), "interface") + " may hold " + a.String(), Address: v.in.Address, Range: e.at,
			}}
		}
		out = append(out, t)
	}
	return out
}

// mayBeIn reports whether an interface may be in a VPC.
func mayBeIn(o *ir.Interface, vpc *ir.VPC) bool {
	return o.Subnet.Open != nil || slices.ContainsFunc(o.Subnet.Of, func(s *ir.Subnet) bool {
		return s.VPC.Open != nil || slices.Contains(s.VPC.Of, vpc)
	})
}
