package query

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/reach/trace"
	"github.com/postern-dev/postern/solver"
)

// Row is a set of packets that can be written in one line: every source to
// every destination, with every value of the intervals.
type Row struct {
	Family    packet.Family
	Protocols ir.Ports // an interval of protocol numbers
	Src, Dst  []netip.Prefix
	SrcPort   ir.Ports
	DstPort   ir.Ports // ICMP type*256+code where the protocol is ICMP alone
	// Any: of all protocols, and so all ports, types and codes.
	Any bool
	// Others: of the protocols that no rule of the network names.
	Others bool
}

// Rows is a Band as lines, IPv4 first. May holds what may flow and does not
// surely.
type Rows struct{ Must, May []Row }

// Lists are the sets of an answer as lines.
type Lists struct{ Forward, Complete, Blocked Rows }

// Link is what flows between the two ends of a pair, by service alone.
type Link struct {
	From, To *ir.Interface // nil: outside
	Verdict  trace.Verdict
	// Must surely flows and is answered; May does perhaps.
	Must, May []Row
	// Own: To is AWS's own services alone, which nothing filters.
	Own bool
}

// Links says for each pair which services flow, addresses and client ports left
// out. Pairs between which nothing flows are among them.
func (a *Answer) Links(m *reach.Model) []Link {
	var links []Link
	for _, p := range a.Pairs {
		l := Link{From: p.From.Interface, To: p.To.Interface, Verdict: p.Verdict}
		for _, x := range p.Sets {
			s := m.Space(x.Family)
			must := serviceSet(s, x.Complete.Must)
			l.Must = append(l.Must, rows(s, must)...)
			l.May = append(l.May, rows(s, s.Difference(serviceSet(s, x.Complete.May), must))...)
		}
		l.Own = p.toOwnServices(m)
		links = append(links, l)
	}
	return links
}

// toOwnServices reports whether what a pair lets through goes to AWS's own
// services alone.
func (p *Pair) toOwnServices(m *reach.Model) bool {
	own := false
	for _, x := range p.Sets {
		s := m.Space(x.Family)
		if p.To.Interface != nil || x.Complete.May == solver.Empty {
			continue
		}
		to := x.Complete.May
		for _, f := range []packet.Field{packet.FieldProtocol, packet.FieldSrc, packet.FieldSrcPort, packet.FieldDstPort} {
			to = s.Project(to, f)
		}
		var ps []netip.Prefix
		for b := range s.Boxes(to) {
			ps = append(ps, solver.CIDRs(b.Dst)...)
		}
		if own = services(ps); !own {
			return false
		}
	}
	return own
}

// serviceSet forgets everything but protocol and destination port.
func serviceSet(s *solver.Space, a solver.Set) solver.Set {
	for _, f := range []packet.Field{packet.FieldSrc, packet.FieldDst, packet.FieldSrcPort} {
		a = s.Project(a, f)
	}
	return a
}

// Lists writes the sets of an answer as few disjoint lines. Client ports of
// which every one is in a set are not told apart.
func (a *Answer) Lists(m *reach.Model) Lists {
	var l Lists
	for _, x := range a.Sets {
		s := m.Space(x.Family)
		l.Forward.add(s, x.Forward)
		l.Complete.add(s, x.Complete)
		l.Blocked.add(s, x.Blocked)
	}
	return l
}

func (r *Rows) add(s *solver.Space, b reach.Band) {
	r.Must = append(r.Must, rows(s, b.Must)...)
	r.May = append(r.May, rows(s, s.Difference(b.May, b.Must))...)
}

// rows joins the boxes of a set that differ in one list of addresses only.
func rows(s *solver.Space, set solver.Set) []Row {
	var all []Row
	for b := range s.Boxes(set) {
		for _, ports := range byType(s.Family(), b) {
			r := rowOf(s.Family(), b)
			r.DstPort, r.Any = ports, false // see joinProtocols
			all = append(all, r)
		}
	}
	all = joinRows(all, func(r *Row) *[]netip.Prefix { return &r.Src }, func(r *Row) []netip.Prefix { return r.Dst })
	all = joinRows(all, func(r *Row) *[]netip.Prefix { return &r.Dst }, func(r *Row) []netip.Prefix { return r.Src })
	all = joinProtocols(all)
	slices.SortStableFunc(all, func(a, b Row) int {
		return cmp.Or(
			a.Src[0].Addr().Compare(b.Src[0].Addr()), a.Dst[0].Addr().Compare(b.Dst[0].Addr()),
			cmp.Compare(a.Protocols.Lo, b.Protocols.Lo), cmp.Compare(a.DstPort.Lo, b.DstPort.Lo), cmp.Compare(a.SrcPort.Lo, b.SrcPort.Lo),
		)
	})
	return all
}

// byType cuts an interval of ICMP type*256+code so that each piece is some codes
// of one type, or every code of some types.
func byType(f packet.Family, b solver.Box) []ir.Ports {
	p := ir.Ports(b.DstPort)
	if b.Protocol.Lo != b.Protocol.Hi || packet.KindOf(f, uint8(b.Protocol.Lo)) != packet.Typed {
		return []ir.Ports{p}
	}
	var ps []ir.Ports
	for lo := uint32(p.Lo); lo <= uint32(p.Hi); {
		end := lo | 255
		if lo&255 == 0 && lo|255 <= uint32(p.Hi) {
			end = (uint32(p.Hi)+1)&^255 - 1
		}
		end = min(end, uint32(p.Hi))
		ps = append(ps, ir.Ports{Lo: uint16(lo), Hi: uint16(end)})
		lo = end + 1
	}
	return ps
}

// rowOf writes one box.
func rowOf(f packet.Family, b solver.Box) Row {
	return Row{
		Family: f, Protocols: ir.Ports(b.Protocol), Src: solver.CIDRs(b.Src), Dst: solver.CIDRs(b.Dst),
		SrcPort: ir.Ports(b.SrcPort), DstPort: ir.Ports(b.DstPort), Any: b.Protocol.Lo == 0 && b.Protocol.Hi >= 255,
	}
}

// joinRows makes one row of those that are equal but for one list of addresses.
func joinRows(rs []Row, list func(*Row) *[]netip.Prefix, other func(*Row) []netip.Prefix) []Row {
	var out []Row
	at := map[string]int{}
	for _, r := range rs {
		key := fmt.Sprint(r.Protocols, r.SrcPort, r.DstPort, other(&r))
		i, ok := at[key]
		if !ok {
			at[key] = len(out)
			out = append(out, r)
			continue
		}
		into := list(&out[i])
		*into = append(*into, *list(&r)...)
	}
	for i := range out {
		into := list(&out[i])
		*into = tidy(*into)
	}
	return out
}

// joinProtocols makes one row of those that hold every packet of their
// protocols between the same addresses.
func joinProtocols(rs []Row) []Row {
	whole := map[string][]int{}
	for i, r := range rs {
		if r.whole() {
			key := fmt.Sprint(r.Src, r.Dst)
			whole[key] = append(whole[key], i)
		}
	}
	drop := map[int]bool{}
	for _, is := range whole {
		slices.SortFunc(is, func(a, b int) int { return cmp.Compare(rs[a].Protocols.Lo, rs[b].Protocols.Lo) })
		next := uint32(0)
		for _, i := range is {
			if uint32(rs[i].Protocols.Lo) == next {
				next = uint32(rs[i].Protocols.Hi) + 1
			}
		}
		if next < 256 {
			continue
		}
		first := &rs[is[0]]
		*first = Row{Family: first.Family, Protocols: ir.Ports{Lo: 0, Hi: 255}, Src: first.Src, Dst: first.Dst, SrcPort: ir.AllPorts, DstPort: ir.AllPorts, Any: true}
		for _, i := range is[1:] {
			drop[i] = true
		}
	}
	var out []Row
	for i, r := range rs {
		if !drop[i] {
			out = append(out, r)
		}
	}
	return out
}

// whole reports whether a row holds every packet of its protocols.
func (r Row) whole() bool {
	if r.Protocols.Lo != r.Protocols.Hi {
		return true // protocols without ports
	}
	switch packet.KindOf(r.Family, uint8(r.Protocols.Lo)) {
	case packet.Ported:
		return r.SrcPort == ir.AllPorts && r.DstPort == ir.AllPorts
	case packet.Typed:
		return r.DstPort == ir.AllPorts
	case packet.Plain, packet.KindInvalid:
	}
	return true
}

// tidy sorts CIDRs and joins neighbours.
func tidy(ps []netip.Prefix) []netip.Prefix {
	var b netipx.IPSetBuilder
	for _, p := range ps {
		b.AddPrefix(p)
	}
	set, err := b.IPSet()
	if err != nil {
		return ps
	}
	return set.Prefixes()
}
