package aws

import (
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/parse/tf"
)

// ref is what an attribute that holds an id names.
type ref struct {
	key     string // under which objects are registered: the symbol, the id, "?" and a term
	id      string // an id that is written out
	account string // in front of a group's id
	name    string // as people would write it
	address string // of the resource, when the id is a symbol
	why     *ir.Unknown
	at      diag.Range
}

// refOf reads an element as an id. An element that stands for any number makes
// no reference: see elem.many.
func refOf(e elem) ref {
	if u := e.unknown(); u != nil {
		return ref{key: "?" + u.Term, name: u.Term, why: u, at: e.at}
	}
	account, s := splitAccount(e.s)
	if address, attr, ok := tf.ParseSymbol(s); ok {
		name := address
		if attr != "id" {
			name += "." + attr
		}
		return ref{key: s, account: account, name: name, address: address, at: e.at}
	}
	if tf.HasSymbol(s) {
		u := afterApply(e)
		return ref{key: "?" + u.Term, name: u.Term, why: u, at: e.at}
	}
	if e.secret {
		return ref{key: s, name: "the sensitive id at " + e.at.Line(), at: e.at}
	}
	return ref{key: s, id: s, account: account, name: e.s, at: e.at}
}

// splitAccount takes the account off "123456789012/sg-1"; the group may be a
// symbol, and symbols may hold slashes.
func splitAccount(s string) (account, id string) {
	if _, _, ok := tf.ParseSymbol(s); ok {
		return "", s
	}
	head, tail, ok := strings.Cut(s, "/")
	if !ok || tf.HasSymbol(head) {
		return "", s
	}
	if _, _, symbol := tf.ParseSymbol(tail); symbol || strings.HasPrefix(tail, "sg-") {
		return head, tail
	}
	return "", s
}

// unseen is why nothing is known of what a reference names.
func (r ref) unseen(what string) *ir.Unknown {
	if r.why != nil {
		return part(r.why, what)
	}
	return notInInput(r.name, what, r.at)
}

// keys are the keys that a resource's object is registered under: the symbols
// of the named attributes, and the ids that a state or plan shows for them.
func (v view) keys(attrs ...string) []string {
	var ks []string
	for _, attr := range attrs {
		ks = append(ks, tf.Symbol(v.in.Address, attr))
		if s, set := v.str(attr); set && s.Known() && s.V != "" && !tf.HasSymbol(s.V) {
			ks = append(ks, s.V)
		}
	}
	return ks
}

// register files an object under its keys. The first object keeps a key.
func register[T any](v view, m map[string]*T, obj *T, attrs ...string) {
	for _, k := range v.keys(attrs...) {
		if m[k] == nil {
			m[k] = obj
		}
	}
	v.noteMaybe(obj)
	if v.in.Existing {
		v.b.existing[obj] = true
	}
	v.b.moduleOf[obj] = v.in.Module
}

// noteMaybe notes that an object may not be there, or stands for any number.
func (v view) noteMaybe(obj any) {
	if v.in.Maybe == nil {
		return
	}
	v.b.unsure[obj] = v.in.Maybe
	if strings.Contains(v.in.Address, "[*]") {
		v.b.maybe[obj] = v.in.Maybe
	}
}

// candidates are the objects of the root that an unknown id may name, as far as
// the input says so.
func candidates[T any](b *builder, e elem, named map[string]*T) []*T {
	var out []*T
	if e.among == nil {
		return nil
	}
	for _, id := range e.among.Of {
		if k, ok := b.alias[id]; ok {
			id = k
		}
		if o := named[id]; o != nil && !contains(out, o) {
			out = append(out, o)
		}
	}
	return out
}

// choiceAmong is the choice of what an element names. One that is not known is
// one of its candidates, or another.
func choiceAmong[T any](b *builder, e elem, named map[string]*T, another func() *T) ir.Choice[*T] {
	of := candidates(b, e, named)
	if len(of) == 0 {
		return choice(b, another())
	}
	out := ir.Choice[*T]{Of: of, Why: e.unknown()}
	if e.among.Open {
		out.Open = e.unknown()
	}
	return out
}

// standIns are the objects that an unknown id may name although the root makes
// them: its candidates, and those that may not be there, in a module around the
// reference.
func standIns[T any](v view, e elem, named map[string]*T, all []*T) []*T {
	if of := candidates(v.b, e, named); len(of) > 0 || e.why == nil || !derived(e.why) {
		return of
	}
	var out []*T
	for _, o := range all {
		module, made := v.b.moduleOf[o]
		if made && v.b.unsure[o] != nil && (strings.HasPrefix(module, v.in.Module) || strings.HasPrefix(v.in.Module, module)) {
			out = append(out, o)
		}
	}
	return out
}

// derived reports whether an unknown value was made of others, so that ids of
// the root may be in it: it is not itself what its cause says is missing.
func derived(u *ir.Unknown) bool {
	return u.Cause.Address == "" || !strings.Contains(u.Term, u.Cause.Address)
}

// choice is the choice of one object, or of it and others like it when it
// stands for any number.
func choice[T any](b *builder, obj *T) ir.Choice[*T] {
	return ir.Choice[*T]{Of: []*T{obj}, Open: b.maybe[obj]}
}

// named is the origin of an object that the input only names.
func (r ref) named() ir.Origin { return ir.Origin{Address: r.name, Range: r.at, Block: r.at} }

// vpc returns the VPC that a reference names.
func (b *builder) vpc(v view, e elem) *ir.VPC {
	r := refOf(e)
	if o := b.vpcs[r.key]; o != nil {
		return o
	}
	o := &ir.VPC{
		ID: r.id, Name: r.name, Home: v.home(), More: r.unseen("CIDRs"),
		BPA: ir.Known(ir.BPAOff), Exclusion: ir.NotKnown[ir.Exclusion](r.unseen("exclusion")), Origin: r.named(),
	}
	b.vpcs[r.key] = o
	b.net.VPCs = append(b.net.VPCs, o)
	return o
}

// vpcChoice reads an attribute that names a VPC; unwritten, it is the default
// VPC of the Region.
func (v view) vpcChoice(attr string) ir.Choice[*ir.VPC] {
	es := v.single(attr)
	if len(es) == 0 {
		return ir.One(v.b.defaultVPC(v))
	}
	return choiceAmong(v.b, es[0], v.b.vpcs, func() *ir.VPC { return v.b.vpc(v, es[0]) })
}

// subnetChoice is the subnet that an element names.
func (v view) subnetChoice(e elem) ir.Choice[*ir.Subnet] {
	return choiceAmong(v.b, e, v.b.subnets, func() *ir.Subnet { return v.b.subnet(v, e) })
}

// defaultVPC returns the default VPC of the view's Region. Its CIDR is always
// 172.31.0.0/16 [VPC default-vpc.md]. Nobody writes it: its place is that of the
// first thing that is in it.
func (b *builder) defaultVPC(v view) *ir.VPC {
	key := "default VPC of " + v.home().Region
	if o := b.vpcs[key]; o != nil {
		return o
	}
	name := "default VPC"
	o := &ir.VPC{
		Name: name, Home: v.home(), Default: true, IPv4: defaultVPCCIDR(),
		More: notInInput(name, "CIDRs", v.at()), BPA: ir.Known(ir.BPAOff),
		Origin: ir.Origin{Address: name, Range: v.at(), Implicit: true},
	}
	b.vpcs[key] = o
	b.net.VPCs = append(b.net.VPCs, o)
	return o
}

// subnet returns the subnet that a reference names.
func (b *builder) subnet(v view, e elem) *ir.Subnet {
	r := refOf(e)
	if o := b.subnets[r.key]; o != nil {
		return o
	}
	o := b.unseenSubnet(r.id, r.name, r.unseen, r.named())
	b.subnets[r.key] = o
	return o
}

func (b *builder) unseenSubnet(id, name string, unseen func(string) *ir.Unknown, origin ir.Origin) *ir.Subnet {
	o := newUnseenSubnet(unseen)
	o.ID, o.Name, o.Origin = id, name, origin
	b.net.Subnets = append(b.net.Subnets, o)
	return o
}

// group returns the security group that a reference names.
func (b *builder) group(v view, e elem) *ir.SecurityGroup {
	r := refOf(e)
	o := b.groups[r.key]
	if o == nil {
		o = &ir.SecurityGroup{
			ID: r.id, Name: r.name, Home: v.home(), VPCs: ir.Another[*ir.VPC](r.unseen("vpc_id")), Open: r.unseen("rules"), Origin: r.named(),
		}
		b.groups[r.key] = o
		b.net.SecurityGroups = append(b.net.SecurityGroups, o)
	}
	if r.account != "" && o.Home.Account == "" {
		o.Home.Account = r.account
	}
	return o
}

// groupPeer is a rule's reference to a group. A group that stands for any
// number of groups is no single peer: which of them is meant is not known.
func (b *builder) groupPeer(v view, e elem) ir.Peer {
	if len(candidates(b, e, b.groups)) > 0 {
		return ir.Peer{Unknown: e.unknown()}
	}
	g := b.group(v, e)
	if u := b.maybe[g]; u != nil {
		one := *u
		one.Term = v.fresh("one of " + g.Origin.Address + " for")
		return ir.Peer{Unknown: &one}
	}
	return ir.Peer{Group: g}
}

// acl returns the network ACL that a reference names.
func (b *builder) acl(v view, e elem) *ir.NetworkACL {
	r := refOf(e)
	if o := b.acls[r.key]; o != nil {
		return o
	}
	o := &ir.NetworkACL{
		ID: r.id, Name: r.name, Home: v.home(), VPC: ir.Another[*ir.VPC](r.unseen("vpc_id")), Open: r.unseen("entries"), Origin: r.named(),
	}
	b.acls[r.key] = o
	b.net.NetworkACLs = append(b.net.NetworkACLs, o)
	return o
}

// table returns the route table that a reference names.
func (b *builder) table(v view, e elem) *ir.RouteTable {
	r := refOf(e)
	if o := b.tables[r.key]; o != nil {
		return o
	}
	o := &ir.RouteTable{
		ID: r.id, Name: r.name, Home: v.home(), VPC: ir.Another[*ir.VPC](r.unseen("vpc_id")), Open: r.unseen("routes"), Origin: r.named(),
	}
	b.tables[r.key] = o
	b.net.RouteTables = append(b.net.RouteTables, o)
	return o
}

// prefixList returns the prefix list that a reference names.
func (b *builder) prefixList(v view, e elem) *ir.PrefixList {
	r := refOf(e)
	if o := b.lists[r.key]; o != nil {
		return o
	}
	o := &ir.PrefixList{ID: r.id, Name: r.name, Home: v.home(), Open: r.unseen("CIDRs"), Origin: r.named()}
	b.lists[r.key] = o
	b.net.PrefixLists = append(b.net.PrefixLists, o)
	return o
}

// gateway returns the gateway that a reference names.
func (b *builder) gateway(v view, e elem, kind ir.GatewayKind) *ir.Gateway {
	r := refOf(e)
	if o := b.gateways[r.key]; o != nil {
		return o
	}
	o := &ir.Gateway{
		ID: r.id, Name: r.name, Home: v.home(), Kind: kind, VPC: ir.Another[*ir.VPC](r.unseen("vpc_id")), Origin: r.named(),
	}
	if kind == ir.NATGateway || kind == ir.LoadBalancerEndpoint {
		o.Subnet = ir.Another[*ir.Subnet](r.unseen("subnet_id"))
	}
	b.gateways[r.key] = o
	b.net.Gateways = append(b.net.Gateways, o)
	return o
}

// peering returns the peering connection that a reference names.
func (b *builder) peering(e elem) *ir.Peering {
	r := refOf(e)
	if o := b.peerings[r.key]; o != nil {
		return o
	}
	o := &ir.Peering{
		ID: r.id, Requester: ir.Another[*ir.VPC](r.unseen("vpc_id")), Accepter: ir.Another[*ir.VPC](r.unseen("peer_vpc_id")),
		Active: ir.NotKnown[bool](r.unseen("status")), SameRegion: ir.NotKnown[bool](r.unseen("peer_region")), Origin: r.named(),
	}
	b.peerings[r.key] = o
	b.net.Peerings = append(b.net.Peerings, o)
	return o
}

// transit returns the transit gateway that a reference names.
func (b *builder) transit(v view, e elem) *ir.TransitGateway {
	r := refOf(e)
	if o := b.transits[r.key]; o != nil {
		return o
	}
	o := &ir.TransitGateway{
		ID: r.id, Home: v.home(), GroupReferences: ir.NotKnown[bool](r.unseen("security_group_referencing_support")),
		Open: r.unseen("attachments"), Origin: r.named(),
	}
	b.transits[r.key] = o
	b.net.TransitGateways = append(b.net.TransitGateways, o)
	return o
}

// iface returns the interface that a reference names, an instance's id
// included. An interface that the input only names stands alone.
func (b *builder) iface(v view, e elem) *ir.Interface {
	r := refOf(e)
	key := r.key
	if k, ok := b.alias[key]; ok {
		key = k
	}
	if o := b.interfaces[key]; o != nil {
		return o
	}
	subnet := b.unseenSubnet("", "subnet of "+r.name, func(what string) *ir.Unknown { return r.unseen("subnet " + what) }, r.named())
	o := &ir.Interface{
		ID: r.id, Resource: r.name, Kind: ir.InterfaceOther, Subnet: ir.One(subnet), Groups: ir.Many[*ir.SecurityGroup]{Open: r.unseen("security_groups")},
		Addresses:       []ir.Address{unseenAddress(r.unseen)},
		SourceDestCheck: ir.NotKnown[bool](r.unseen("source_dest_check")), Home: v.home(), Origin: r.named(),
	}
	b.interfaces[key] = o
	b.net.Interfaces = append(b.net.Interfaces, o)
	return o
}
