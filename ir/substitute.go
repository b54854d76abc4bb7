package ir

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-dev/postern/packet"
)

// Substitute returns a copy of the network in which the unknowns whose term is
// a key of values have the value that stands there; SiteKind says how values
// are written. Terms without a value, unknowns without a term, and values that
// cannot be read stay unknown. What the copy's objects point at are objects of
// the copy.
func Substitute(n *Network, values map[string]string) *Network {
	m, _ := SubstituteMapped(n, values)
	return m
}

// SubstituteMapped is Substitute that also tells where interfaces went: it maps
// those of n to those of the copy. Interfaces that turn out not to exist are
// not in it.
func SubstituteMapped(n *Network, values map[string]string) (*Network, map[*Interface]*Interface) {
	c := newCopier(values)
	m := c.network(n)
	for i := range c.gone {
		delete(c.interfaces, i)
	}
	return m, c.interfaces
}

// copier copies a network and everything it reaches, each object once.
type copier struct {
	values map[string]string
	named  map[string]any // objects of the original by id and address

	collect bool
	sites   []Site
	owner   *Origin
	id      string

	vpcs       map[*VPC]*VPC
	subnets    map[*Subnet]*Subnet
	groups     map[*SecurityGroup]*SecurityGroup
	acls       map[*NetworkACL]*NetworkACL
	lists      map[*PrefixList]*PrefixList
	tables     map[*RouteTable]*RouteTable
	interfaces map[*Interface]*Interface
	gateways   map[*Gateway]*Gateway
	peerings   map[*Peering]*Peering
	transits   map[*TransitGateway]*TransitGateway
	attached   map[*Attachment]*Attachment
	gone       map[*Interface]bool
}

func newCopier(values map[string]string) *copier {
	return &copier{
		values: values, named: map[string]any{},
		vpcs: map[*VPC]*VPC{}, subnets: map[*Subnet]*Subnet{}, groups: map[*SecurityGroup]*SecurityGroup{},
		acls: map[*NetworkACL]*NetworkACL{}, lists: map[*PrefixList]*PrefixList{}, tables: map[*RouteTable]*RouteTable{},
		interfaces: map[*Interface]*Interface{}, gateways: map[*Gateway]*Gateway{}, peerings: map[*Peering]*Peering{},
		transits: map[*TransitGateway]*TransitGateway{}, attached: map[*Attachment]*Attachment{}, gone: map[*Interface]bool{},
	}
}

// of tells whose attributes are copied next.
func (c *copier) of(o *Origin, id string) { c.owner, c.id = o, id }

// value notes an unknown and returns what stands for it.
func (c *copier) value(why *Unknown, kind SiteKind, field Field) (string, bool) {
	return c.valueAt(why, Site{Kind: kind, Field: field})
}

func (c *copier) valueAt(why *Unknown, s Site) (string, bool) {
	if why == nil {
		return "", false
	}
	if c.collect {
		s.Unknown, s.Owner, s.Range = why, c.id, why.Cause.Range
		if c.owner != nil {
			s.Range = c.owner.At(s.Field)
			if c.owner.Address != "" {
				s.Owner = c.owner.Address
			}
		}
		c.sites = append(c.sites, s)
	}
	if why.Term == "" {
		return "", false
	}
	v, ok := c.values[why.Term]
	return v, ok
}

// fill gives an unknown value the one that stands for its term, if it can be
// read.
func fill[T any](c *copier, v Value[T], s Site, read func(string) (T, bool)) Value[T] {
	if text, ok := c.valueAt(v.Why, s); ok {
		if t, ok := read(text); ok {
			return Known(t)
		}
	}
	return v
}

func (c *copier) boolean(v Value[bool], f Field) Value[bool] {
	return fill(c, v, Site{Kind: SiteBool, Field: f}, readBool)
}

func (c *copier) cidr(v Value[netip.Prefix], f packet.Family) Value[netip.Prefix] {
	return fill(c, v, Site{Kind: SiteCIDR, Family: f}, readCIDR)
}

func readBool(s string) (bool, bool) {
	b, err := strconv.ParseBool(s)
	return b, err == nil
}

func readCIDR(s string) (netip.Prefix, bool) {
	if s == "" {
		return netip.Prefix{}, true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func readAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

func readProtocol(s string) (int16, bool) {
	p, err := strconv.ParseInt(s, 10, 16)
	return int16(p), err == nil && p >= -1 && p <= 255
}

func readNumber(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

func readPorts(s string) (Ports, bool) {
	from, to, two := strings.Cut(s, "-")
	lo, ok := readNumber(from)
	hi, also := lo, ok
	if two {
		hi, also = readNumber(to)
	}
	return Ports{lo, hi}, ok && also && lo <= hi
}

func readBPA(s string) (BPA, bool) {
	k := slices.Index([]string{"off", "ingress", "bidirectional"}, s)
	return BPA(max(k, 0)), k >= 0
}

func readExclusion(s string) (Exclusion, bool) {
	k := slices.Index([]string{"none", "bidirectional", "egress"}, s)
	return Exclusion(max(k, 0)), k >= 0
}

func readServices(s string) ([]Service, bool) {
	var all []Service
	for _, e := range elements(s) {
		protocol, ports, _ := strings.Cut(e, "/")
		p, ok := readProtocol(protocol)
		r, also := readPorts(ports)
		if !ok || p < 0 || !also {
			return nil, false
		}
		all = append(all, Service{Protocol: uint8(p), Ports: r})
	}
	return all, true
}

// elements splits a list.
func elements(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// maxCopies bounds what one value makes of a placeholder.
const maxCopies = 64

// copies returns how many a placeholder stands for, and what remains unknown.
func (c *copier) copies(maybe *Unknown) (int, *Unknown) {
	if text, ok := c.value(maybe, SiteExists, FieldExists); ok {
		if k, err := strconv.Atoi(text); err == nil && k >= 0 {
			return min(k, maxCopies), nil
		}
	}
	return 1, maybe
}

// pick resolves a choice whose deciding term has a value: an index among the
// candidates, or the name of an object.
func pick[T any](c *copier, from Choice[T], f Field, copied func(T) T) Choice[T] {
	to := Choice[T]{Why: from.Why, Open: from.Open}
	for _, v := range from.Of {
		to.Of = append(to.Of, copied(v))
	}
	if text, ok := c.valueAt(from.Why, Site{Kind: SiteChoice, Field: f, Candidates: len(from.Of)}); ok {
		if k, err := strconv.Atoi(text); err == nil && k >= 0 && k < len(to.Of) {
			return One(to.Of[k])
		}
	}
	if text, ok := c.valueAt(from.Open, Site{Kind: SiteChoice, Field: f, Candidates: len(from.Of), Object: kindOf[T]()}); ok {
		if k, err := strconv.Atoi(text); err == nil && k >= 0 && k < len(to.Of) {
			return One(to.Of[k])
		}
		if o, ok := c.named[text].(T); ok {
			return One(copied(o))
		}
	}
	return to
}

// kindOf is the word for a type of object.
func kindOf[T any]() Kind {
	var zero T
	switch any(zero).(type) {
	case *VPC:
		return KindVPC
	case *Subnet:
		return KindSubnet
	case *NetworkACL:
		return KindNetworkACL
	case *RouteTable:
		return KindRouteTable
	default:
		return KindInvalid
	}
}

// objects finds the objects of a kind that a list names; false when one is
// unknown.
func objects[T any](c *copier, text string) ([]T, bool) {
	var all []T
	for _, e := range elements(text) {
		o, ok := c.named[e].(T)
		if !ok {
			return nil, false
		}
		all = append(all, o)
	}
	return all, true
}

// copiesOf is copies for what has a peer. A list that is unknown as a whole makes
// one rule, which may not be and whose peer is unknown by the same term: its value
// is the list, and there are as many rules as the list has elements.
func (c *copier) copiesOf(maybe *Unknown, p *Peer) (int, *Unknown) {
	count, left := c.copies(maybe)
	if left == nil || left.Term == "" || p.Unknown == nil || p.Unknown.Term != left.Term {
		return count, left
	}
	if text, ok := c.values[left.Term]; ok {
		if _, ok := c.readPeers(text); ok {
			return 1, nil
		}
	}
	return count, left
}

// peers turns a peer into the ones that it stands for.
func (c *copier) peers(p Peer) []Peer {
	switch {
	case p.Group != nil:
		p.Group = c.group(p.Group)
	case p.PrefixList != nil:
		p.PrefixList = c.list(p.PrefixList)
	}
	if text, ok := c.valueAt(p.Unknown, Site{Kind: SitePeer, Field: FieldPeer, Family: p.Family}); ok {
		if all, ok := c.readPeers(text); ok {
			return all
		}
	}
	return []Peer{p}
}

func (c *copier) readPeers(text string) ([]Peer, bool) {
	var all []Peer
	for _, e := range elements(text) {
		switch o := c.named[e].(type) {
		case *SecurityGroup:
			all = append(all, Peer{Group: c.group(o)})
		case *PrefixList:
			all = append(all, Peer{PrefixList: c.list(o)})
		default:
			cidr, ok := readCIDR(e)
			if !ok {
				return nil, false
			}
			all = append(all, Peer{CIDR: cidr})
		}
	}
	return all, true
}

// matches copies a match, once for every peer that it stands for.
func (c *copier) matches(m Match) []Match {
	m.Protocol = fill(c, m.Protocol, Site{Kind: SiteProtocol, Field: FieldProtocol}, readProtocol)
	m.Ports = fill(c, m.Ports, Site{Kind: SitePorts, Field: FieldPorts, Ports: m.Ports.V}, readPorts)
	var all []Match
	for _, p := range c.peers(m.Peer) {
		m.Peer = p
		all = append(all, m)
	}
	return all
}
