// Package microcase reads the cases that pin the semantics of AWS networking
// (testdata/semantics) and builds each one's network. It runs nothing: the
// concrete evaluator, the symbolic engine and the SMT encoder each do that in
// their own tests.
//
// The schema is written down in the files themselves, under their key "schema".
// A string that begins with "?" stands for a value that is not known; what
// follows is its term.
package microcase

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// Check says what a case asks.
type Check string

// The checks.
const (
	// Groups: the groups of At, in direction Egress, about a first packet.
	Groups Check = "sg"
	// ACL: the network ACL, in direction Egress, about one packet.
	ACL Check = "nacl"
	// Packet: the way of the first packet from From to To.
	Packet Check = "packet"
	// Flow: the first packet and its reply.
	Flow Check = "flow"
)

// Case is one case, with its network built.
type Case struct {
	ID, Title, Because string
	Check              Check
	Expect             string // allow, deny or unknown
	Confidence         string // documented, derived or unconfirmed
	// Terms are terms that an unknown answer has to name among its reasons.
	Terms []string

	// Code is the explanation code that a case about one expects: at a hop of
	// Stage of Leg (forward or reply) that Component is responsible for, or, with
	// Passed, at something that this hop passes over.
	Code, Leg, Stage, Component string
	Passed                      bool

	Network  *ir.Network
	From, To *ir.Interface // nil: a host outside every VPC
	Header   packet.Header
	NATPort  uint16

	At     *ir.Interface // of a Groups check
	Peer   *ir.Interface // the interface at the other end, when references may see it
	ACL    *ir.NetworkACL
	Egress bool
}

// Load reads the cases of one file.
func Load(fsys fs.FS, name string) ([]*Case, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var file struct{ Cases []map[string]any }
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cases := make([]*Case, 0, len(file.Cases))
	whole := map[any]map[string]any{}
	for _, m := range file.Cases {
		raw, err := inherit(m, whole)
		if err != nil {
			return nil, fmt.Errorf("%s: %v: %w", name, m["id"], err)
		}
		c, err := build(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, raw.ID, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// inherit reads a case. One that is "like" an earlier one says only what differs:
// objects are merged, null removes, and everything else replaces. [RFC 7396]
func inherit(m map[string]any, whole map[any]map[string]any) (*rawCase, error) {
	if like, ok := m["like"]; ok {
		from := whole[like]
		if from == nil {
			return nil, fmt.Errorf("like %v, which is no case before it", like)
		}
		m = merge(from, m)
	}
	whole[m["id"]] = m
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	raw := &rawCase{}
	return raw, json.Unmarshal(text, raw)
}

func merge(base, patch map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, base)
	for k, v := range patch {
		from, isMap := out[k].(map[string]any)
		to, also := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap && also:
			out[k] = merge(from, to)
		case also:
			out[k] = merge(nil, to)
		default:
			out[k] = v
		}
	}
	return out
}

func build(raw *rawCase) (*Case, error) {
	c := &Case{
		ID: raw.ID, Title: raw.Title, Because: raw.Because, Check: Check(raw.Check), Expect: raw.Expect,
		Confidence: raw.Confidence, Terms: raw.Terms, Egress: raw.Direction == "egress",
		Code: raw.Code, Leg: raw.Leg, Stage: raw.Stage, Component: raw.Component, Passed: raw.Passed,
	}
	b := newBuilder(raw)
	b.all()
	if b.err != nil {
		return nil, b.err
	}
	c.Network = b.n
	h, err := raw.Packet.header()
	if err != nil {
		return nil, err
	}
	c.Header = h
	for _, id := range sortedKeys(raw.NATs) {
		c.NATPort = raw.NATs[id].Sport
	}
	for _, id := range sortedKeys(raw.LBs) {
		c.NATPort = raw.LBs[id].Sport
	}
	switch c.Check {
	case Groups:
		c.At = b.interfaces[raw.At]
		if c.At == nil {
			return nil, fmt.Errorf("no interface %q", raw.At)
		}
		if raw.Packet.Via == "" {
			c.Peer = b.privateHolder(other(h, c.Egress))
		}
	case ACL:
		s := b.subnets[raw.At]
		if s == nil {
			return nil, fmt.Errorf("no subnet %q", raw.At)
		}
		c.ACL, _ = s.ACL.Known()
	case Packet, Flow:
		c.From, c.To = b.end(raw.From, h.Src, false), b.end(raw.To, h.Dst, true)
		for _, id := range sortedKeys(raw.LBs) {
			if l := raw.LBs[id]; raw.To == "" && c.To == b.interfaces[l.ENI] {
				c.To = b.interfaces[l.targets()[0].ENI] // a flow to its address is one through it
			}
		}
	default:
		return nil, fmt.Errorf("no check %q", raw.Check)
	}
	return c, nil
}

func other(h packet.Header, egress bool) netip.Addr {
	if egress {
		return h.Dst
	}
	return h.Src
}

// end finds the interface at one end of a packet: the one that the case names,
// or the one that surely holds the address.
func (b *builder) end(id string, a netip.Addr, public bool) *ir.Interface {
	if id != "" {
		return b.interfaces[id]
	}
	if i := b.privateHolder(a); i != nil || !public {
		return i
	}
	for _, i := range b.n.Interfaces {
		for _, d := range i.Addresses {
			if d.Public.Exists.V && d.Public.Addr.V == a {
				return i
			}
		}
	}
	return nil
}

func (b *builder) privateHolder(a netip.Addr) *ir.Interface {
	for _, i := range b.n.Interfaces {
		for _, d := range i.Addresses {
			if d.Private.Known() && d.Private.V == a {
				return i
			}
		}
		if slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return i
		}
	}
	return nil
}

func (p *rawPacket) header() (packet.Header, error) {
	h := packet.Header{Protocol: p.Proto, SrcPort: p.Sport, DstPort: p.Dport}
	var err error
	if h.Src, err = netip.ParseAddr(p.Src); err != nil {
		return h, err
	}
	if h.Dst, err = netip.ParseAddr(p.Dst); err != nil {
		return h, err
	}
	if h.Kind() == packet.Typed {
		h.DstPort = packet.TypeCode(p.ICMPType, p.ICMPCode)
	}
	if !h.Valid() {
		return h, fmt.Errorf("%v is no header", h)
	}
	return h, nil
}
