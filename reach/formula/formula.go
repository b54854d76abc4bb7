// Package formula says what AWS does with packets as formulas for an SMT
// solver. It is the third judge, beside the packet sets of package reach and the
// walk of package trace, and shares no code with either: it reads the network
// model anew.
//
// A flow becomes one Boolean term over the five fields of a header, as the
// initiator sends it, and over what is not known. Every unknown is a variable,
// one for each term of the model, so that two rules which wait for
// var.office_cidr wait for the same thing: what bounds from below and from above
// lose, one formula keeps. "May it pass?" is whether some values of all variables
// make the flow true, "must it?" whether none make it false, and the model that
// a solver finds names the values: see Encoder.Values.
//
// What an unknown can be:
//   - whether something exists: a Boolean for each term;
//   - ports: two numbers of 16 bits, the first not above the second; a protocol:
//     nine bits, of which 256 stands for all;
//   - the number of an entry: 16 bits, and the entry stands where that puts it;
//   - which of several candidates a choice is: an index;
//   - the CIDRs of a peer: one Boolean for each address that is asked about, equal
//     for equal addresses. A flow shows any rule two addresses at most, and for
//     any two the four possible answers are each what some CIDR gives; so nothing
//     is lost against a base address and a length, and lists of CIDRs are the same;
//   - an address that AWS picks for something on the way: a vector within its
//     subnet; the port that a NAT gateway or a load balancer picks: see Encoder.Port;
//   - a part of the way that the input does not show (appliances behind an endpoint,
//     routes of another root): a Boolean for each thing, see Encoder.Shown.
//
// The ways are found by a walk over places (walk.go and the files that it leads to):
// subnets, gateways, links, load balancers, first of the request and then of its
// reply from where it arrived. At each place the route table divides the headers
// among its targets; only the header stays symbolic, and where the input fixes an
// address it is a constant, so that most of the routes fold away. docs/topology.md
// decides what each place does.
//
// Not modelled are ways of more than a few thousand steps, targets of a load
// balancer that no list shows, and the DNS server and router of a network whose
// CIDR is not known: each is a marked variable, see Encoder.Least.
//
// A thing that may stand for several (a rule with Maybe) may differ in each of
// them, so that what is unknown within it is a variable of its own for every
// packet that it sees.
package formula

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver/smt"
)

// Encoder makes the formulas about one network in one family. It is not safe
// for concurrent use.
type Encoder struct {
	*smt.Builder
	net    *ir.Network
	family packet.Family
	header smt.Header

	vars  map[key]smt.Term
	sites map[smt.Term]site
	made  []smt.Term // variables with a site, in the order of their making
	side  []smt.Term // what holds of the variables whatever the question
	asked map[key][]asked
	ids   map[*ir.SecurityGroup]uint64
	doors map[*ir.VPC]*ir.Interface
	far   []smt.Term // variables that stand for what is not modelled
	dark  []smt.Term // and for what the input does not show of a way
	draws []smt.Term // and for addresses that AWS picks
}

// key tells variables apart. Its parts are terms or pointers.
type key struct {
	kind     string
	of       any
	with     any
	scope    any
	at, at2  smt.Term
	bounds   ir.Ports
	position int
}

// asked is an address that an unknown set of CIDRs was asked about.
type asked struct{ address, in smt.Term }

// New prepares the formulas about a network in a family.
func New(n *ir.Network, f packet.Family) *Encoder {
	b := smt.NewBuilder()
	return &Encoder{
		Builder: b, net: n, family: f, header: b.Header(f),
		vars: map[key]smt.Term{}, sites: map[smt.Term]site{}, asked: map[key][]asked{}, ids: map[*ir.SecurityGroup]uint64{}, doors: map[*ir.VPC]*ir.Interface{},
	}
}

// Formula is the question whether all of the terms can hold of one well-formed
// header and of some values of what is unknown.
func (e *Encoder) Formula(ts ...smt.Term) smt.Formula {
	return smt.Formula{Builder: e.Builder, Header: e.header, Assert: slices.Concat([]smt.Term{e.wellFormed()}, e.side, ts)}
}

// Holds computes a term for one header, where nothing that is unknown matters: for
// one port that is picked on the way, and with all or none of the Booleans true
// that stand for what is not known.
func (e *Encoder) Holds(t smt.Term, h packet.Header, port uint16, rest bool) bool {
	m := e.header.Assume(h)
	m.Take(e.Port(), smt.Number(uint64(max(port, 1024))))
	if rest {
		for _, v := range e.vars {
			if e.Width(v) == 0 {
				m.Take(v, smt.Number(1))
			}
		}
	}
	return e.Evaluate(t, m) != smt.Value{}
}

// Picks is true where a port is picked on the way; 0 stands for 1024.
func (e *Encoder) Picks(port uint16) smt.Term {
	return e.Eq(e.Port(), e.number(uint64(max(port, 1024)), 16))
}

// Is is true of one header.
func (e *Encoder) Is(h packet.Header) smt.Term {
	if h.Family() != e.family {
		return smt.False
	}
	g := e.header
	return e.And(
		e.Eq(g.Src, e.address(h.Src)), e.Eq(g.Dst, e.address(h.Dst)), e.Eq(g.Protocol, e.number(uint64(h.Protocol), 8)),
		e.Eq(g.SrcPort, e.number(uint64(h.SrcPort), 16)), e.Eq(g.DstPort, e.number(uint64(h.DstPort), 16)),
	)
}

// Box is a set of headers: intervals of each field, both ends included.
type Box struct {
	SrcFrom, SrcTo, DstFrom, DstTo netip.Addr
	Protocol                       [2]uint8
	SrcPort, DstPort               [2]uint16
}

// In is true of the headers of a list of boxes.
func (e *Encoder) In(boxes []Box) smt.Term {
	g := e.header
	in := make([]smt.Term, 0, len(boxes))
	for _, b := range boxes {
		in = append(in, e.And(
			e.between(g.Src, b.SrcFrom, b.SrcTo), e.between(g.Dst, b.DstFrom, b.DstTo),
			e.Between(g.Protocol, smt.Number(uint64(b.Protocol[0])), smt.Number(uint64(b.Protocol[1]))),
			e.Between(g.SrcPort, smt.Number(uint64(b.SrcPort[0])), smt.Number(uint64(b.SrcPort[1]))),
			e.Between(g.DstPort, smt.Number(uint64(b.DstPort[0])), smt.Number(uint64(b.DstPort[1]))),
		))
	}
	return e.Or(in...)
}

func (e *Encoder) between(x smt.Term, lo, hi netip.Addr) smt.Term {
	return e.Between(x, smt.AddressValue(lo), smt.AddressValue(hi))
}

func (e *Encoder) number(n uint64, width int) smt.Term { return e.Constant(smt.Number(n), width) }

func (e *Encoder) address(a netip.Addr) smt.Term {
	return e.Constant(smt.AddressValue(a), smt.AddressWidth(packet.FamilyOf(a)))
}

// is compares an address with a fixed one, which may be of the other family.
func (e *Encoder) is(x smt.Term, a netip.Addr) smt.Term {
	if packet.FamilyOf(a) != e.familyOf(x) {
		return smt.False
	}
	return e.Eq(x, e.address(a.Unmap()))
}

// familyOf is the family of an address.
func (e *Encoder) familyOf(x smt.Term) packet.Family {
	if e.Width(x) == smt.AddressWidth(packet.IPv4) {
		return packet.IPv4
	}
	return packet.IPv6
}

// variable makes the variable of a key, once. What is known of it is added to
// the side conditions by known.
func (e *Encoder) variable(k key, width int, note string, known func(smt.Term) smt.Term) smt.Term {
	if t, ok := e.vars[k]; ok {
		return t
	}
	name := fmt.Sprintf("u%d", len(e.vars)+1)
	t := smt.Term(0)
	if width == 0 {
		t = e.Bool(name, note)
	} else {
		t = e.Vector(name, note, width)
	}
	e.vars[k] = t
	if known != nil {
		e.side = append(e.side, known(t))
	}
	return t
}

// free is a Boolean of which nothing is known.
func (e *Encoder) free(k key, note string) smt.Term { return e.variable(k, 0, note, nil) }

// unmodelled is a Boolean for something that this package does not model: whether
// it lets a packet pass. It stands where more of it lets more pass.
func (e *Encoder) unmodelled(k key, note string) smt.Term {
	t := e.free(k, note)
	if !slices.Contains(e.far, t) {
		e.far = append(e.far, t)
	}
	return t
}

// behind is a Boolean for a part of a way that the input does not show: whether
// it lets a packet pass.
func (e *Encoder) behind(k key, note string) smt.Term {
	t := e.free(k, note)
	if !slices.Contains(e.dark, t) {
		e.dark = append(e.dark, t)
	}
	return t
}

// Least is true where nothing that is not modelled lets a packet pass, and Most
// where all of it does: what holds with Least happens, what fails with Most does
// not.
func (e *Encoder) Least() smt.Term { return e.And(e.none(e.far)...) }

// Most is the opposite of Least.
func (e *Encoder) Most() smt.Term { return e.And(e.far...) }

// Shown is true where no packet passes by a way that the input does not show, or
// that is not modelled.
func (e *Encoder) Shown() smt.Term { return e.And(append(e.none(e.dark), e.Least())...) }

func (e *Encoder) none(ts []smt.Term) []smt.Term {
	not := make([]smt.Term, len(ts))
	for k, t := range ts {
		not[k] = e.Not(t)
	}
	return not
}

// Modelled reports whether a term depends on nothing that is not modelled.
func (e *Encoder) Modelled(t smt.Term) bool {
	f := e.Formula(t)
	return !slices.ContainsFunc(f.Variables(), func(v smt.Term) bool { return slices.Contains(e.far, v) })
}

// of is what tells an unknown apart: its term, or itself when it has none.
func of(u *ir.Unknown) any {
	if u.Term != "" {
		return u.Term
	}
	return u
}

func label(u *ir.Unknown) string {
	if u == nil {
		return ""
	}
	if u.Term != "" {
		return u.Term
	}
	return u.Cause.Message
}

// exists is whether there is at least one of something.
func (e *Encoder) exists(maybe *ir.Unknown) smt.Term {
	if maybe == nil {
		return smt.True
	}
	t := e.free(key{kind: "exists", of: of(maybe)}, label(maybe)+" exists")
	e.at(t, site{kind: siteExists, why: maybe})
	return t
}

// truth is a Boolean value.
func (e *Encoder) truth(v ir.Value[bool]) smt.Term {
	if v.Known() {
		return smt.Of(v.V)
	}
	t := e.free(key{kind: "bool", of: of(v.Why)}, label(v.Why))
	e.at(t, site{kind: siteBool, why: v.Why})
	return t
}

// alternatives are the conditions under which a choice is each of its
// candidates, and under which it is another.
func (e *Encoder) alternatives(n int, why, open *ir.Unknown, owner any, kind string) (each []smt.Term, other smt.Term) {
	switch {
	case n == 0 && open != nil:
		return nil, smt.True
	case n == 1 && open == nil:
		return []smt.Term{smt.True}, smt.False
	case n == 0:
		return nil, smt.False
	}
	decides := open
	if n > 1 && why != nil {
		decides = why
	}
	k := key{kind: "choice of " + kind, of: owner, position: n}
	if decides != nil {
		k.of = of(decides)
	}
	index := e.variable(k, 8, "which "+kind+": "+label(decides), func(t smt.Term) smt.Term {
		if open != nil {
			return smt.True
		}
		return e.Ule(t, e.number(uint64(n-1), 8))
	})
	if open == nil {
		e.at(index, site{kind: siteChoice, why: decides})
	}
	known := make([]smt.Term, n)
	for i := range n {
		known[i] = e.Eq(index, e.number(uint64(i), 8))
	}
	if open != nil {
		other = e.Not(e.Or(known...))
	} else {
		other = smt.False
	}
	return known, other
}

// choose is f of the candidate that a choice is, or what another would do.
func choose[T any](e *Encoder, c ir.Choice[T], owner any, kind string, f func(T) smt.Term, other func() smt.Term) smt.Term {
	each, open := e.alternatives(len(c.Of), c.Why, c.Open, owner, kind)
	ways := make([]smt.Term, 0, len(each)+1)
	for i, is := range each {
		ways = append(ways, e.And(is, f(c.Of[i])))
	}
	if open != smt.False {
		ways = append(ways, e.And(open, other()))
	}
	return e.Or(ways...)
}
