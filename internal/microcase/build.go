package microcase

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// builder turns the JSON form into a network. The first error sticks.
type builder struct {
	raw *rawCase
	n   *ir.Network
	err error

	vpcs       map[string]*ir.VPC
	lists      map[string]*ir.PrefixList
	groups     map[string]*ir.SecurityGroup
	acls       map[string]*ir.NetworkACL
	subnets    map[string]*ir.Subnet
	interfaces map[string]*ir.Interface
	targets    map[string]ir.Target // by name, and "igw@vpc", "eigw@vpc"
}

func newBuilder(raw *rawCase) *builder {
	return &builder{
		raw: raw, n: &ir.Network{Closed: map[ir.Scope]bool{}},
		vpcs: map[string]*ir.VPC{}, lists: map[string]*ir.PrefixList{}, groups: map[string]*ir.SecurityGroup{},
		acls: map[string]*ir.NetworkACL{}, subnets: map[string]*ir.Subnet{}, interfaces: map[string]*ir.Interface{},
		targets: map[string]ir.Target{"local": {Kind: ir.TargetLocal}},
	}
}

func (b *builder) all() {
	for _, id := range sortedKeys(b.raw.VPCs) {
		b.vpc(id)
	}
	for _, id := range sortedKeys(b.raw.PrefixLists) {
		b.list(id)
	}
	for _, id := range sortedKeys(b.raw.SGs) {
		b.group(id)
	}
	for _, id := range sortedKeys(b.raw.SGs) {
		g := b.raw.SGs[id]
		b.groups[id].Ingress = b.rules(id, g.Ingress)
		b.groups[id].Egress = b.rules(id, g.Egress)
	}
	for _, id := range sortedKeys(b.raw.NACLs) {
		b.acl(id)
	}
	for _, id := range sortedKeys(b.raw.Subnets) {
		b.subnet(id)
	}
	for _, id := range sortedKeys(b.raw.ENIs) {
		b.iface(id)
	}
	for _, id := range sortedKeys(b.raw.LBs) {
		b.balancer(id)
	}
	for _, id := range sortedKeys(b.raw.Gateways) {
		b.special(id)
	}
	for _, id := range sortedKeys(b.raw.NATs) {
		b.nat(id)
	}
	for _, id := range sortedKeys(b.raw.Endpoints) {
		b.gateway(id, &ir.Gateway{ID: id, Kind: ir.VPCEndpoint, Origin: origin(id)})
	}
	for k := range b.raw.Links {
		b.link(&b.raw.Links[k])
	}
	for _, id := range sortedKeys(b.raw.Subnets) {
		b.tables(id)
	}
	b.edges()
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func origin(address string) ir.Origin { return ir.Origin{Address: address} }

// unknown makes the unknown of a term; the empty term is none.
func unknown(t string) *ir.Unknown {
	if t == "" {
		return nil
	}
	t = strings.TrimPrefix(t, "?")
	return &ir.Unknown{Term: t, Cause: diag.Cause{Code: diag.NoValue, Message: t + " has no value", Address: t}}
}

// value parses a scalar that may be unknown.
func value[T any](b *builder, s string, parse func(string) (T, error)) ir.Value[T] {
	if t, ok := term(s); ok {
		return ir.NotKnown[T](unknown(t))
	}
	v, err := parse(s)
	if err != nil {
		b.fail("%q: %v", s, err)
	}
	return ir.Known(v)
}

func (b *builder) prefix(s string) netip.Prefix {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		b.fail("%v", err)
		return netip.Prefix{}
	}
	return p.Masked()
}

func (b *builder) boolean(s *text, otherwise bool) ir.Value[bool] {
	if s == nil || *s == "" {
		return ir.Known(otherwise)
	}
	return value(b, string(*s), strconv.ParseBool)
}

// choice resolves the names of a choice.
func choice[T any](c choiceOf, find func(string) T) ir.Choice[T] {
	r := ir.Choice[T]{Why: unknown(c.Why), Open: unknown(c.Open)}
	for _, name := range c.Of {
		r.Of = append(r.Of, find(name))
	}
	return r
}

// vpcOf finds a VPC; one that is only named gets an object that is not seen.
func (b *builder) vpcOf(id string) *ir.VPC {
	v := b.vpcs[id]
	if v == nil {
		v = &ir.VPC{ID: id, Origin: origin(id)}
		b.vpcs[id], b.n.VPCs = v, append(b.n.VPCs, v)
	}
	return v
}

func (b *builder) vpc(id string) {
	raw := b.raw.VPCs[id]
	v := b.vpcOf(id)
	v.Seen = !raw.Unseen
	for _, c := range append([]string{raw.CIDR}, raw.Secondary...) {
		if c != "" {
			v.IPv4 = append(v.IPv4, value(b, c, netip.ParsePrefix))
		}
	}
	if raw.CIDR6 != "" {
		v.IPv6 = append(v.IPv6, value(b, raw.CIDR6, netip.ParsePrefix))
	}
	v.BPA = value(b, raw.BPA, parseBPA)
	v.Exclusion = value(b, raw.BPAExclusion, parseExclusion)

	igw := &ir.Gateway{ID: "igw of " + id, Kind: ir.InternetGateway, Origin: origin("igw of " + id)}
	if t, ok := term(string(raw.IGW)); ok {
		igw.VPC = ir.Another[*ir.VPC](unknown(t))
	} else if raw.IGW == "true" {
		igw.VPC = ir.One(v)
	}
	b.gateway("igw@"+id, igw)
	b.gateway("eigw@"+id, &ir.Gateway{ID: "eigw of " + id, Kind: ir.EgressOnlyGateway, VPC: ir.One(v), Origin: origin("eigw of " + id)})
}

func parseBPA(s string) (ir.BPA, error) {
	switch s {
	case "", "off":
		return ir.BPAOff, nil
	case "block-ingress":
		return ir.BPAIngress, nil
	case "block-bidirectional":
		return ir.BPABidirectional, nil
	}
	return 0, fmt.Errorf("no mode of Block Public Access")
}

func parseExclusion(s string) (ir.Exclusion, error) {
	switch s {
	case "":
		return ir.ExclusionNone, nil
	case "allow-bidirectional":
		return ir.ExclusionBidirectional, nil
	case "allow-egress":
		return ir.ExclusionEgress, nil
	}
	return 0, fmt.Errorf("no exclusion of Block Public Access")
}

func (b *builder) gateway(name string, g *ir.Gateway) {
	b.n.Gateways = append(b.n.Gateways, g)
	b.targets[name] = ir.Target{Kind: ir.TargetGateway, Gateway: g}
}

func (b *builder) list(id string) {
	raw := b.raw.PrefixLists[id]
	l := &ir.PrefixList{ID: id, Open: unknown(raw.Open), Family: packet.IPv4, Origin: origin(id)}
	for _, c := range raw.CIDRs {
		p := b.prefix(c)
		l.CIDRs, l.Family = append(l.CIDRs, p), packet.FamilyOfPrefix(p)
	}
	b.lists[id], b.n.PrefixLists = l, append(b.n.PrefixLists, l)
}

// group makes a group, without its rules: they may name groups that follow.
func (b *builder) group(id string) *ir.SecurityGroup {
	raw := b.raw.SGs[id]
	g := &ir.SecurityGroup{ID: id, Name: id, Open: unknown(raw.Open), Term: unknown(raw.Term), Origin: origin(id)}
	if len(b.n.VPCs) > 0 {
		g.VPCs = ir.One(b.n.VPCs[0])
	}
	b.groups[id], b.n.SecurityGroups = g, append(b.n.SecurityGroups, g)
	return g
}

func (b *builder) groupOf(id string) *ir.SecurityGroup {
	if g := b.groups[id]; g != nil {
		return g
	}
	return b.group(id) // a rule may name a group that is nowhere
}

func (b *builder) rules(id string, raws []rawRule) []ir.Rule {
	var rs []ir.Rule
	for _, raw := range raws {
		r := ir.Rule{Maybe: unknown(raw.Exists), Origin: origin(id)}
		r.Protocol = value(b, raw.Proto, parseProtocol)
		r.Ports = b.rulePorts(raw.Proto, raw.From, raw.To)
		switch p := raw.Peer; {
		case p.SG != "":
			r.Peer.Group = b.groupOf(p.SG)
		case p.PL != "":
			r.Peer.PrefixList = b.listOf(p.PL)
		case p.Unknown != "":
			r.Peer = ir.Peer{Unknown: unknown(p.Unknown), Family: family(p.Family)}
		default:
			r.Peer.CIDR = b.prefix(p.CIDR)
		}
		rs = append(rs, r)
	}
	return rs
}

func (b *builder) listOf(id string) *ir.PrefixList {
	l := b.lists[id]
	if l == nil {
		b.fail("no prefix list %q", id)
	}
	return l
}

func family(s string) packet.Family {
	switch s {
	case "ipv4":
		return packet.IPv4
	case "ipv6":
		return packet.IPv6
	default:
		return packet.FamilyInvalid
	}
}

func parseProtocol(s string) (int16, error) {
	switch s {
	case "tcp":
		return packet.TCP, nil
	case "udp":
		return packet.UDP, nil
	case "icmp":
		return packet.ICMP, nil
	case "icmpv6":
		return packet.ICMPv6, nil
	}
	p, err := strconv.ParseInt(s, 10, 16)
	return int16(p), err
}

// rulePorts reads from and to: a range of ports, or a type and a code; absent
// and -1 mean any.
func (b *builder) rulePorts(proto string, from, to *text) ir.Value[ir.Ports] {
	if from == nil {
		return ir.Known(ir.AllPorts)
	}
	if t, ok := term(string(*from)); ok {
		return ir.Value[ir.Ports]{V: ir.AllPorts, Why: unknown(t)}
	}
	lo, err := strconv.Atoi(string(*from))
	if err != nil {
		b.fail("%v", err)
	}
	hi := lo
	if to != nil {
		if t, ok := term(string(*to)); ok {
			return ir.Value[ir.Ports]{V: ir.Ports{Lo: uint16(lo), Hi: 65535}, Why: unknown(t)}
		}
		if hi, err = strconv.Atoi(string(*to)); err != nil {
			b.fail("%v", err)
		}
	}
	p, _ := parseProtocol(proto)
	switch {
	case p == packet.ICMP || p == packet.ICMPv6:
		return ir.Known(ir.ICMPPorts(lo, hi))
	case lo < 0 || p == -1:
		return ir.Known(ir.AllPorts)
	default:
		return ir.Known(ir.Ports{Lo: uint16(lo), Hi: uint16(hi)})
	}
}
