package awsapi

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

const (
	// genevePort is where a Gateway Load Balancer sends packets, whatever they are.
	genevePort = 6081
	// preserveKey is the attribute of a target group that decides whether targets
	// see the addresses of clients. [botocore elbv2 TargetGroupAttribute]
	preserveKey = "preserve_client_ip.enabled"
)

// forwarding is a forward that waits for its targets.
type forwarding struct {
	object  *object // the listener, or the classic load balancer
	classic value   // the classic load balancer's listener
	service *serviceKind
	to      *ir.Forward
}

// maxTargets bounds the targets of all listeners together: a group counts once
// for each listener that sends to it.
const maxTargets = 1_000_000

// targetGroup is a target group with what other calls tell about it.
type targetGroup struct {
	object     *object
	health     []value // lists of targets
	attributes []value
	cut        *ir.Unknown
	used       bool // a listener sends to it
}

// forwarder finds where listeners send flows.
type forwarder struct {
	b         *builder
	groups    map[string]*targetGroup // by ARN
	named     map[string]*targetGroup // by name, and by the end of the ARN; nil for several
	targets   int                     // so far
	rules     map[string][]*object    // by the listener's ARN, without its resource type
	byAddress map[netip.Addr][]*ir.Interface
}

// buildForwards finds where listeners send flows. It needs all interfaces.
func (b *builder) buildForwards() {
	x := &forwarder{b: b, groups: map[string]*targetGroup{}, named: map[string]*targetGroup{}, rules: map[string][]*object{}, byAddress: map[netip.Addr][]*ir.Interface{}}
	for _, o := range b.objects[recordTargetGroup] {
		g := &targetGroup{object: o}
		x.groups[o.id] = g
		for _, name := range []string{strings.ToLower(g.name()), o.id[strings.LastIndexByte(o.id, '/')+1:]} {
			if other, taken := x.named[name]; taken && other != g {
				x.named[name] = nil
				continue
			}
			x.named[name] = g
		}
	}
	for _, o := range b.objects[recordListenerRule] {
		listener := o.id[:max(strings.LastIndexByte(o.id, '/'), 0)]
		listener = strings.Replace(listener, ":listener-rule/", ":listener/", 1)
		x.rules[listener] = append(x.rules[listener], o)
	}
	for _, i := range b.net.Interfaces {
		for _, a := range i.Addresses {
			if a.Private.Known() {
				x.byAddress[a.Private.V] = append(x.byAddress[a.Private.V], i)
			}
		}
	}
	x.readLists()
	for _, f := range b.forwards {
		if f.classic.ok() {
			x.classic(f)
			continue
		}
		x.listener(f)
	}
	x.leftOver()
}

// leftOver speaks of groups and listeners that belong to load balancers which
// the input does not hold. A group that no load balancer uses does nothing.
func (x *forwarder) leftOver() {
	for _, o := range x.b.objects[recordTargetGroup] {
		used := o.get("LoadBalancerArns")
		if !x.groups[o.id].used && hasItems(used) {
			x.b.omit(o.id, used, "which listeners send to this target group is not in the input")
		}
	}
	for _, o := range x.b.objects[recordListener] {
		if ref := o.get("LoadBalancerArn"); ref.str() != "" {
			if _, ok := x.b.balancerNICs.find(ref.str(), o.home); !ok {
				x.b.omit(o.id, ref, "a listener of "+ref.str()+", which is not in the input")
			}
		}
	}
}

// readLists gives target groups the lists that do not name them: a wrapper or
// the file's name does.
func (x *forwarder) readLists() {
	for _, g := range x.groups {
		g.add(g.object.get("TargetHealthDescriptions"), &g.health)
		g.add(g.object.get("Attributes"), &g.attributes)
	}
	for _, kind := range []recordKind{recordTargetHealth, recordTargetAttributes} {
		for _, o := range x.b.objects[kind] {
			r := o.parts[0]
			g := x.groupOf(r)
			switch {
			case g == nil && r.of != "":
				x.b.omit(r.of, r.value, plural(o.list.noun)+" of a target group that is not in the input")
			case g == nil:
				x.b.omit(o.list.name, r.value, plural(o.list.noun)+" of a target group that is not named: put its name, or the end of its ARN, into the file name")
			case kind == recordTargetAttributes:
				g.add(r.value, &g.attributes)
			default:
				g.add(r.value, &g.health)
				if r.partial {
					g.cut = x.b.missing(ir.KindInvalid, "the rest of the targets of "+g.name(), o.home, r.value)
				}
			}
		}
	}
}

func (g *targetGroup) add(list value, to *[]value) {
	if list.isArray() {
		*to = append(*to, list)
	}
}

func (g *targetGroup) name() string {
	if n := g.object.get("TargetGroupName").str(); n != "" {
		return n
	}
	return g.object.id
}

// groupOf finds the target group that a list belongs to.
func (x *forwarder) groupOf(r record) *targetGroup {
	if r.of != "" {
		return x.groups[r.of]
	}
	base := strings.ToLower(strings.TrimSuffix(baseName(r.d.file), ".json"))
	for _, word := range []string{"elbv2", "describe", "target-health", "target_health", "targethealth", "target-group-attributes", "target_group_attributes", "targetgroupattributes"} {
		base = strings.Trim(strings.TrimPrefix(base, word), "-_. ")
	}
	if g := x.named[base]; g != nil {
		return g
	}
	for _, word := range strings.FieldsFunc(r.d.file, func(r rune) bool { return r > 'z' || r < '0' || r > '9' && r < 'a' }) {
		if g := x.named[word]; g != nil && len(word) >= 16 && strings.HasSuffix(g.object.id, "/"+word) {
			return g
		}
	}
	return nil
}

// classic reads the instances of a classic load balancer.
// [botocore elb LoadBalancerDescription]
func (x *forwarder) classic(f forwarding) {
	port := x.port(f.classic.get("InstancePort"), f.object)
	instances := f.object.get("Instances")
	if !instances.isArray() {
		f.to.Open = notSaid(f.object, "its instances")
	}
	for i := range instances.items() {
		x.target(f.to, f.object, valueOf(i.get("InstanceId"), i), port)
	}
}

func (x *forwarder) port(v value, o *object) ir.Value[uint16] {
	n, ok := v.int()
	if !ok || n < 1 || n > 65535 {
		return ir.NotKnown[uint16](notSaid(o, "the port of its targets"))
	}
	return ir.Known(uint16(n))
}

// listener reads the actions of a listener and of its rules. Which flows a rule
// takes is a matter of what is in them.
func (x *forwarder) listener(f forwarding) {
	s := sent{forwarding: f}
	actions := []value{f.object.get("DefaultActions")}
	if rules := x.rules[f.object.id]; len(rules) > 0 {
		for _, r := range rules {
			actions = append(actions, r.get("Actions"))
		}
	} else if f.service == &balancerService {
		f.to.Open = notSaid(f.object, "its rules")
	}
	if !actions[0].isArray() {
		f.to.Open = notSaid(f.object, "its default action")
	}
	for _, list := range actions {
		for a := range list.items() {
			if typ := a.get("Type").peek(); typ != "forward" && typ != "" {
				continue
			}
			if ref := a.get("TargetGroupArn"); ref.str() != "" {
				x.group(&s, ref)
			}
			for g := range a.at("ForwardConfig", "TargetGroups").items() {
				ref := g.get("TargetGroupArn")
				if w, ok := g.get("Weight").int(); ok && w == 0 {
					if idle := x.groups[ref.str()]; idle != nil {
						idle.used = true // registered, and sent nothing
					}
					continue
				}
				x.group(&s, ref)
			}
		}
	}
	if f.service != &networkBalancerService {
		f.to.PreserveClient = ir.Known(false)
	} else if !s.said && f.to.Open != nil {
		f.to.PreserveClient = ir.NotKnown[bool](f.to.Open)
	}
}

// sent is a forward with the groups that it goes to.
type sent struct {
	forwarding
	groups []string
	said   bool // whether targets see clients
}

func (x *forwarder) group(s *sent, ref value) {
	arn := ref.str()
	if arn == "" || slices.Contains(s.groups, arn) {
		return
	}
	s.groups = append(s.groups, arn)
	g := x.groups[arn]
	if g == nil {
		s.to.Open = x.b.missing(ir.KindInvalid, arn, s.object.home, ref)
		return
	}
	g.used = true
	if len(s.groups) == 1 {
		s.to.Place = g.object.origin().Place("the target group")
	}
	if g.object.get("TargetType").peek() == "lambda" {
		return // functions are called and not sent to
	}
	keep := g.preservesClient()
	switch {
	case !s.said:
		s.to.PreserveClient, s.said = keep, true
	case s.to.PreserveClient.Known() && keep.Known() && s.to.PreserveClient.V != keep.V:
		s.to.PreserveClient = ir.NotKnown[bool](&ir.Unknown{Term: s.object.id + " preserve_client_ip", Cause: diag.Cause{
			Code: diag.NotModelled, Message: "some target groups see the client's address and others do not", Address: s.object.id, Range: ref.place(),
		}})
	case s.to.PreserveClient.Known():
		s.to.PreserveClient = keep
	}
	if len(g.health) == 0 {
		s.to.Open = notSaid(g.object, "its targets")
	}
	if g.cut != nil {
		s.to.Open = g.cut
	}
	for _, list := range g.health {
		if x.targets > maxTargets {
			x.limit(s.to, g.object)
			break
		}
		for h := range list.items() {
			if h.at("TargetHealth", "State").peek() != "draining" { // on its way out: nothing new is sent there
				t := h.get("Target")
				x.target(s.to, g.object, t.get("Id"), x.port(valueOf(t.get("Port"), g.object.get("Port")), g.object))
			}
		}
	}
}

// preservesClient reports whether targets see the addresses of clients, behind
// a network load balancer. [ELB network edit-target-group-attributes]
func (g *targetGroup) preservesClient() ir.Value[bool] {
	if slices.Contains(listenerProtocols(g.object.get("Protocol").peek()), packet.UDP) {
		return ir.Known(true) // and cannot be switched off
	}
	for _, list := range g.attributes {
		for a := range list.items() {
			if a.get("Key").peek() == preserveKey {
				return ir.Known(a.get("Value").yes())
			}
		}
	}
	return ir.NotKnown[bool](notSaid(g.object, "its attributes"))
}

// target adds what an id or address names. o is what registers it.
func (x *forwarder) target(f *ir.Forward, o *object, ref value, port ir.Value[uint16]) {
	if x.targets++; x.targets > maxTargets {
		x.limit(f, o)
		return
	}
	t := ir.ForwardTarget{Port: port, Place: diag.Place{Address: o.id, Message: "registers the target", Range: ref.place()}}
	id := ref.str()
	if a, err := netip.ParseAddr(id); err == nil && a.Zone() == "" {
		x.address(f, o, a.Unmap(), t)
		return
	}
	if i, ok := x.b.interfaces.find(id, o.home); ok {
		t.Interface = i
		f.Targets = append(f.Targets, t)
		return
	}
	if nics, ok := x.b.balancerNICs.find(id, o.home); ok {
		for _, i := range nics {
			t.Interface = i
			f.Targets = append(f.Targets, t)
		}
		return
	}
	f.Open = x.b.missing(ir.KindInterface, id, o.home, ref)
}

// limit says that there are more targets than are read.
func (x *forwarder) limit(f *ir.Forward, o *object) {
	f.Open = &ir.Unknown{Term: "further targets", Cause: diag.Cause{
		Code: diag.Limit, Message: "the listeners have more targets than postern reads", Address: o.id, Range: o.main().place(),
	}}
}

// address adds the interface that holds an address in the target group's VPC.
func (x *forwarder) address(f *ir.Forward, o *object, a netip.Addr, t ir.ForwardTarget) {
	t.Address = a
	vpc := o.get("VpcId").str()
	var holders []*ir.Interface
	for _, i := range x.byAddress[a] {
		s, ok := i.Subnet.Known()
		v, placed := (*ir.VPC)(nil), false
		if ok {
			v, placed = s.VPC.Known()
		}
		if compatible(i.Home, o.home) && (!placed || vpc == "" || v.ID == vpc) {
			holders = append(holders, i)
		}
	}
	if len(holders) == 0 {
		f.Targets = append(f.Targets, t)
		return
	}
	if len(holders) > 1 {
		t.Maybe = &ir.Unknown{Term: "holder of " + a.String() + " in " + o.id, Cause: diag.Cause{
			Code: diag.NotInInput, Message: "several interfaces may hold " + a.String(), Address: o.id, Range: t.Place.Range,
		}}
	}
	for _, i := range holders {
		t.Interface = i
		f.Targets = append(f.Targets, t)
	}
}
