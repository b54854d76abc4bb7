package aws

import (
	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

// genevePort is where a Gateway Load Balancer sends packets, whatever they are.
// [botocore elbv2 TargetDescription]
const genevePort = 6081

// listener is a listener of a load balancer. Its rules are resources of their
// own.
type listener struct {
	v       view
	actions []action
	// forward is that of the listener's services; nil when it opens none here.
	forward *ir.Forward
	// network: it is a network load balancer's, which may show clients.
	network bool
}

// action is a block that says what to do with a flow.
type action struct {
	v     view
	maybe *ir.Unknown
}

func makeListener(v view) {
	l := &listener{v: v}
	blocks, _ := v.nested("default_action")
	for _, n := range blocks {
		l.actions = append(l.actions, action{n, n.maybeBlock()})
	}
	register(v, v.b.listeners, l, "id", "arn")
	v.b.allListeners = append(v.b.allListeners, l)
}

// linkListenerRule adds the actions of a rule to those of its listener. Which
// flows a rule takes is a matter of what is in them.
func linkListenerRule(v view) {
	es := v.single("listener_arn")
	if len(es) == 0 {
		v.invalid(v.at(), "listener_arn is required", "name the listener")
		return
	}
	maybe, to := v.maybe(), []*listener(nil)
	if l := v.b.listeners[refOf(es[0]).key]; l != nil {
		to = append(to, l)
	} else {
		to, maybe = standIns(v, es[0], v.b.listeners, v.b.allListeners), es[0].unknown()
	}
	blocks, _ := v.nested("action")
	for _, l := range to {
		for _, n := range blocks {
			a := action{n, n.maybeBlock()}
			if a.maybe == nil {
				a.maybe = maybe
			}
			l.actions = append(l.actions, a)
		}
	}
}

// finishForwards finds where listeners send flows, when all interfaces have
// their addresses.
func (b *builder) finishForwards() {
	x := newTargetIndex(b)
	for _, l := range b.allListeners {
		if l.forward != nil {
			l.settle(x)
		}
	}
	for _, c := range b.classic {
		c.settle(x)
	}
}

// sent gathers the groups that a listener sends flows to.
type sent struct {
	groups []*targetGroup
	out    ir.Forward
	said   bool // whether targets see clients
}

// action reads one block: only forwarding ends at targets.
func (s *sent) action(x *targetIndex, a action) {
	typ, set := a.v.str("type")
	switch {
	case a.v.maybeBlock() != nil && len(a.v.blk.Attrs) == 0:
		s.out.Open = a.v.blk.Maybe
		return
	case set && !typ.Known():
		a.maybe = typ.Why
	case set && typ.V != "forward":
		return
	}
	n := 0
	for _, e := range a.v.single("target_group_arn") {
		n++
		s.group(x, a, e)
	}
	forwards, _ := a.v.nested("forward")
	for _, f := range forwards {
		groups, _ := f.nested("target_group")
		for _, g := range groups {
			n++
			if u := g.maybeBlock(); u != nil && len(g.blk.Attrs) == 0 {
				s.out.Open = u
				continue
			}
			if w, set := g.integer("weight"); set && w == ir.Known(0) {
				continue // registered, and sent nothing
			}
			for _, e := range g.single("arn") {
				s.group(x, a, e)
			}
		}
	}
	if n == 0 {
		s.out.Open = notInInput(a.v.in.Address, "target group", a.v.at("type"))
		if a.maybe != nil {
			s.out.Open = a.maybe
		}
	}
}

// group adds the targets of the group that an element names.
func (s *sent) group(x *targetIndex, a action, e elem) {
	g := x.b.targetGroups[refOf(e).key]
	if g != nil {
		s.add(x, a, g, a.maybe)
		return
	}
	some := standIns(a.v, e, x.b.targetGroups, x.b.groupsOfTargets)
	for _, g := range some {
		s.add(x, a, g, e.unknown())
	}
	if len(some) == 0 || e.among == nil || e.among.Open {
		s.out.Open = refOf(e).unseen("targets")
	}
}

func (s *sent) add(x *targetIndex, a action, g *targetGroup, maybe *ir.Unknown) {
	if contains(s.groups, g) {
		return
	}
	s.groups = append(s.groups, g)
	if s.out.Place == (diag.Place{}) {
		s.out.Place = diag.Place{Address: g.v.in.Address, Message: "the target group", Range: g.v.at()}
	}
	x.addTargets(&s.out, g, func(t *ir.ForwardTarget) {
		if t.Maybe == nil {
			t.Maybe = maybe
		}
	})
	if g.serverless {
		return
	}
	switch keep := g.preservesClient(); {
	case !s.said:
		s.out.PreserveClient, s.said = keep, true
	case s.out.PreserveClient == keep || !s.out.PreserveClient.Known():
	case !keep.Known():
		s.out.PreserveClient = keep
	default:
		s.out.PreserveClient = ir.NotKnown[bool](&ir.Unknown{Term: a.v.in.Address + " preserve_client_ip", Cause: diag.Cause{
			Code: diag.NotModelled, Message: "some target groups of " + a.v.in.Address + " see the client's address and others do not",
			Address: g.v.in.Address, Range: g.v.at("preserve_client_ip"),
		}})
	}
}

// settle fills in the forward of a listener.
func (l *listener) settle(x *targetIndex) {
	var to sent
	for _, a := range l.actions {
		to.action(x, a)
	}
	if len(l.actions) == 0 {
		to.out.Open = notInInput(l.v.in.Address, "default action", l.v.at())
	}
	f := l.forward
	f.Targets, f.Open = to.out.Targets, to.out.Open
	if to.out.Place != (diag.Place{}) {
		f.Place = to.out.Place
	}
	switch {
	case !l.network:
	case to.said:
		f.PreserveClient = to.out.PreserveClient
	case f.Open != nil:
		f.PreserveClient = ir.NotKnown[bool](part(f.Open, "preserve_client_ip"))
	}
}

// preservesClient reports whether targets see the addresses of clients, behind
// a network load balancer. [ELB network edit-target-group-attributes]
func (g *targetGroup) preservesClient() ir.Value[bool] {
	switch p, _ := g.v.str("protocol"); {
	case !p.Known():
		return ir.NotKnown[bool](p.Why)
	case overUDP(p.V):
		return ir.Known(true) // and cannot be switched off
	}
	if s, set := g.v.str("preserve_client_ip"); set && (!s.Known() || s.V != "") {
		on, _ := g.v.boolean("preserve_client_ip", false)
		return on
	}
	typ, _ := g.v.str("target_type")
	return ir.Value[bool]{V: typ.V != "ip", Why: typ.Why}
}
