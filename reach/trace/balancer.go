package trace

import (
	"fmt"
	"net/netip"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// passage is a load balancer that holds the query's destination in place of the
// far end.
type passage struct {
	balancer *ir.Interface
	slot     slot
}

// passages finds the load balancers that an address may be of: those that
// surely hold it, else those that may and that send to the far end.
func (w *walk) passages(a netip.Addr) []passage {
	var sure, maybe []passage
	for _, i := range w.n.Interfaces {
		if i == w.q.From || i == w.q.To || !balances(i) {
			continue
		}
		s, ok := holds(w.n, i, a)
		switch {
		case !ok:
		case s.maybe == nil && writtenDown(&s, a):
			sure = append(sure, passage{i, s})
		case serves(i, w.q.To):
			maybe = append(maybe, passage{i, s})
		}
	}
	if len(sure) > 0 {
		return sure[:1]
	}
	return maybe
}

// writtenDown: the input fixes the address, rather than leaves it open.
func writtenDown(s *slot, a netip.Addr) bool {
	if s.addr == nil {
		return true
	}
	if s.public {
		return told(&s.addr.Public) && s.addr.Public.Addr.V == a
	}
	return s.addr.Private.Known()
}

func balances(i *ir.Interface) bool {
	if i.Services == nil {
		return false
	}
	for k := range i.Services.Ports {
		if i.Services.Ports[k].Forward != nil {
			return true
		}
	}
	return false
}

// serves reports whether a load balancer sends, or may send, to an interface.
func serves(i, to *ir.Interface) bool {
	for k := range i.Services.Ports {
		f := i.Services.Ports[k].Forward
		if f == nil {
			continue
		}
		if f.Open != nil {
			return true
		}
		for j := range f.Targets {
			if f.Targets[j].Interface == to {
				return true
			}
		}
	}
	return i.Services.Open != nil
}

// balanced walks to the load balancer, and from there on: see forward.
func (w *walk) balanced(e *ends) bool {
	b := w.branches()
	for k := range e.through {
		p := &e.through[k]
		if b.try(w.through(e, p)) {
			break
		}
	}
	return b.end()
}

func (w *walk) through(e *ends, p *passage) bool {
	if !w.exists(p.balancer) || !w.held(p.balancer, p.slot) || !w.exists(w.q.To) {
		return false
	}
	return w.places(w.q.From, e.from, w.q.Header.Src, func(a place) bool {
		return w.places(p.balancer, p.slot, e.dst, func(b place) bool {
			return w.start(e, node{iface: w.q.From, at: a, slot: e.from}, node{iface: p.balancer, at: b, slot: p.slot}, p)
		})
	})
}

// forward is what the load balancer does with a packet that has arrived: it
// sends it on to the query's far end, if that is a target of the listener.
func (w *walk) forward(t *trip) bool {
	s := listener(t.goal.iface, &t.s)
	switch {
	case s == nil:
		return w.unread(t, t.goal.iface.Services.Open)
	case s.Forward == nil:
		return w.unread(t, notModelled(&t.goal.iface.Origin, "what "+interfaceName(t.goal.iface)+" does with "+packetText(&t.s)+" is not in the input"))
	}
	f := s.Forward
	if len(f.Targets) == 0 && f.Open == nil {
		return w.refuseForward(t, s, "the listener on "+packetText(&t.s)+" has no targets", "ELBV2_LISTENER_HAS_NO_TG")
	}
	o := w.options()
	for k := range f.Targets {
		if f.Targets[k].Interface == w.q.To && o.open() && o.try(w.toTarget(t, f, &f.Targets[k])) {
			return o.end()
		}
	}
	switch {
	case f.Open != nil:
		if o.open() {
			o.try(w.unread(t, f.Open))
		}
	case o.next == 0:
		o.try(w.refuseForward(t, s, interfaceName(w.q.To)+" is no target of the listener on "+packetText(&t.s), "TARGET_ADDRESS_RESTRICTION"))
	}
	return o.end()
}

// listener is the service of a load balancer that takes a packet.
func listener(i *ir.Interface, s *segment) *ir.Service {
	for k := range i.Services.Ports {
		v := &i.Services.Ports[k]
		if v.Protocol == s.protocol && v.Ports.Contains(s.dport) {
			return v
		}
	}
	return nil
}

func (w *walk) refuseForward(t *trip, s *ir.Service, message, code string) bool {
	if w.recording(t) {
		p := cmpPlace(s.Place, t.goal.iface.Origin.Place(""))
		if s.Forward.Place.Range.Line() != "" {
			p = s.Forward.Place
		}
		w.note(t, Hop{Stage: StageLoadBalancer, Component: interfaceName(t.goal.iface), Verdict: Deny, Message: message, Code: code, Place: p})
	}
	return false
}

// unread: whether the load balancer sends to the far end, and how, is not in the
// input.
func (w *walk) unread(t *trip, why *ir.Unknown) bool {
	if w.m == pessimist {
		return false
	}
	u := w.secondLeg(t)
	u.s.src, u.s.srcIn, u.s.dst, u.s.dstIn, u.s.anyPort = netip.Addr{}, nil, netip.Addr{}, nil, true
	u.goal = node{iface: w.q.To}
	return w.opaque(&u, t.goal.at, why)
}

// secondLeg begins the trip from the load balancer on.
func (w *walk) secondLeg(t *trip) trip {
	first := *t
	u := trip{s: t.s, src: node{iface: t.goal.iface, at: t.goal.at}, fresh: true, known: plain(), through: t.through, first: &first}
	u.s.dport = 0
	return u
}

func (w *walk) toTarget(t *trip, f *ir.Forward, to *ir.ForwardTarget) bool {
	if to.Maybe != nil && !w.bare && w.m == pessimist {
		return false
	}
	if f.PreserveClient.Known() {
		return w.sendOn(t, f, to, f.PreserveClient.V)
	}
	b := w.branches()
	w.divided(f.PreserveClient.Why)
	if b.try(w.sendOn(t, f, to, true)) {
		return b.end()
	}
	b.try(w.sendOn(t, f, to, false))
	return b.end()
}

// sendOn sends the packet to a target, with the client's address or with the
// load balancer's. [ELB network edit-target-group-attributes; load-balancer-security-groups]
func (w *walk) sendOn(t *trip, f *ir.Forward, to *ir.ForwardTarget, keep bool) bool {
	u := w.secondLeg(t)
	u.classic = f.Classic
	a := addressAt(w.q.To, to)
	if a != nil && a.Maybe != nil && !w.bare && w.m == pessimist {
		return false
	}
	u.goal = node{iface: w.q.To, slot: slot{addr: a}}
	family := packet.FamilyOf(to.Address)
	if !to.Address.IsValid() && a != nil {
		family = a.Family
	}
	if u.kept = keep && family == t.s.family; !u.kept && !w.asBalancer(&u, family) {
		return w.refuseForward(t, listener(t.goal.iface, &t.s), "it has no "+family.String()+" address, and the target "+interfaceName(w.q.To)+" no other", "ELBV2_LISTENER_REQUIRES_TG_ACCEPT")
	}
	u.s.family, u.s.kind = family, packet.KindOf(family, t.s.protocol)
	u.s.dport, u.s.anyPort = to.Port.V, !to.Port.Known()
	if u.s.anyPort {
		u.s.dport = 0
	}
	dst := to.Address
	if !dst.IsValid() && a != nil && a.Private.Known() {
		dst = a.Private.V
	}
	return w.places(w.q.To, u.goal.slot, dst, func(p place) bool {
		v := u
		v.goal.at, v.s.dst, v.s.dstIn = p, dst, nil
		if !dst.IsValid() {
			v.s.dstIn = boundOf(p.subnet, family)
		}
		w.noteForward(t, &v, f, to)
		return w.depart(&v, v.src.at)
	})
}

// addressAt is the address of an interface that a target names.
func addressAt(i *ir.Interface, to *ir.ForwardTarget) *ir.Address {
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if !to.Address.IsValid() || a.Private.Known() && a.Private.V == to.Address {
			return a
		}
	}
	return nil
}

// asBalancer puts the load balancer's first address of a family into the source.
func (w *walk) asBalancer(u *trip, family packet.Family) bool {
	i := u.src.iface
	for k := range i.Addresses {
		a := &i.Addresses[k]
		if a.Family != family || a.Maybe != nil && w.m == pessimist {
			continue
		}
		u.src.slot.addr = a
		u.s.src, u.s.srcIn = a.Private.V, nil
		if !a.Private.Known() {
			u.s.src, u.s.srcIn = netip.Addr{}, boundOf(u.src.at.subnet, family)
		}
		if u.s.kind == packet.Ported {
			u.s.sport = max(w.q.NATPort, 1024)
		}
		return true
	}
	return false
}

// boundOf is the CIDR that an address of a subnet surely lies in; nil when that
// is not known.
func boundOf(s *ir.Subnet, family packet.Family) *netip.Prefix {
	if s == nil {
		return nil
	}
	v := &s.IPv4
	if family == packet.IPv6 {
		v = &s.IPv6
	}
	if !v.Known() || !v.V.IsValid() {
		return nil
	}
	return &v.V
}

// keeps decides about a preserved source that a route leads out of the VPC.
// done is false when the way goes on as usual.
func (w *walk) keeps(t *trip, at place, c choice, target ir.Target) (ok, done bool) {
	switch {
	case t.src.iface.Kind == ir.InterfaceConnectEndpoint:
		return w.refuse(t, StageEndpoint, interfaceName(t.src.iface), "with the client's address preserved it reaches its own VPC only", ""), true
	case target.Kind == ir.TargetPeering:
		return false, false
	default:
		return w.opaque(t, at, notModelled(&c.route.Origin, "no client's address is preserved by way of "+targetName(target))), true
	}
}

// noteForward tells of the translation between the two legs.
func (w *walk) noteForward(t, u *trip, f *ir.Forward, to *ir.ForwardTarget) {
	if !w.recording(u) {
		return
	}
	h := Hop{Stage: StageLoadBalancer, Component: interfaceName(t.goal.iface), Verdict: Allow, Place: to.Place}
	if h.Place.Range.Line() == "" {
		h.Place = cmpPlace(f.Place, t.goal.iface.Origin.Place(""))
	}
	from := "the client's address"
	if !u.kept {
		from = "its own address"
	}
	h.Message = fmt.Sprintf("sends on to %s from %s", socketText(u.s.dst, u.s.dstIn, u.s.dport, u.s.anyPort), from)
	h.Because = unknowns(to.Maybe, to.Port.Why, f.PreserveClient.Why)
	if len(h.Because) > 0 && w.m == optimist {
		h.Verdict = Unknown
	}
	w.noteChange(u, &t.s, h)
}

func socketText(a netip.Addr, in *netip.Prefix, port uint16, any bool) string {
	host := "an address that is not known"
	switch a = shown(a, in); {
	case a.Is6():
		host = "[" + a.String() + "]"
	case a.IsValid():
		host = a.String()
	}
	if any {
		return host + ", a port that is not known,"
	}
	return fmt.Sprintf("%s:%d", host, port)
}
