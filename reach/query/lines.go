package query

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// Line is a Row for people: its ends are called by their names where the row
// holds for every address that they have or may be given.
type Line struct {
	Row
	From, To []string
}

// Table is what an answer says line by line, pairs of which the same is true
// taken together.
type Table struct{ Must, May, Blocked []Line }

// Table writes the sets of an answer for people. May leaves out what surely
// flows; Blocked surely arrives, and its replies are dropped.
func (a *Answer) Table(m *reach.Model) Table {
	var t Table
	own := held(m.Net)
	manyFrom := slices.ContainsFunc(a.Pairs, func(p Pair) bool { return p.From.Interface != a.Pairs[0].From.Interface })
	manyTo := slices.ContainsFunc(a.Pairs, func(p Pair) bool { return p.To.Interface != a.Pairs[0].To.Interface })
	for i := range a.Pairs {
		p := &a.Pairs[i]
		lines := func(f packet.Family, set solver.Set) []Line { return p.lines(m, own, f, set, manyFrom, manyTo) }
		for _, x := range p.Sets {
			s := m.Space(x.Family)
			t.Must = append(t.Must, lines(x.Family, x.Complete.Must)...)
			t.May = append(t.May, lines(x.Family, s.Difference(x.Complete.May, x.Complete.Must))...)
			t.Blocked = append(t.Blocked, lines(x.Family, x.Blocked.Must)...)
		}
	}
	return Table{joinLines(t.Must), joinLines(t.May), joinLines(t.Blocked)}
}

// lines writes one set of a pair. Where an answer is about many senders or
// receivers, they are called by their names though their addresses be known.
func (p *Pair) lines(m *reach.Model, own *netipx.IPSet, f packet.Family, set solver.Set, manyFrom, manyTo bool) []Line {
	s := m.Space(f)
	var lines []Line
	for _, t := range p.tried {
		if t.family != f {
			continue
		}
		left := set
		for _, fit := range addressed(s, t.flow, t.asked) {
			part := s.Intersect(left, fit.set)
			left = s.Difference(left, fit.set)
			part, among, from := named(s, part, fit.set, packet.FieldSrc, p.From, t.flow.FixedFrom && !manyFrom)
			part, _, to := named(s, part, among, packet.FieldDst, p.To, t.flow.FixedTo && !manyTo && len(fit.through) == 0)
			for _, r := range rows(s, part) {
				l := Line{Row: r, From: []string{from}, To: []string{to}}
				if from == "" {
					l.From = addressNames(m, own, f, p.From, r.Src)
				}
				switch {
				case to == "":
					l.To = addressNames(m, own, f, p.To, r.Dst)
				case p.From.Interface != nil && t.flow.FixedTo && len(fit.through) == 0 && !private(s, p.To, fit.set):
					l.To = []string{to + " (public address)"}
				}
				for _, lb := range fit.through {
					l.To[0] += " through " + endpoint.InterfaceName(lb)
				}
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// private reports whether headers of a set name a private address of an
// interface.
func private(s *solver.Space, end endpoint.End, set solver.Set) bool {
	own := end.Interface.Prefixes
	for _, a := range end.Interface.Addresses {
		if a.Private.Known() {
			own = append(slices.Clip(own), netip.PrefixFrom(a.Private.V, a.Private.V.BitLen()))
		}
	}
	var ranges []netipx.IPRange
	for _, p := range own {
		ranges = append(ranges, netipx.RangeOfPrefix(p))
	}
	return s.Intersect(set, addresses(s, packet.FieldDst, ranges...)) != solver.Empty
}

// named forgets an address field that AWS fills in, of a set and of the headers
// that fit the ends, where the set holds whichever address it picks; it returns
// the interface's name instead.
func named(s *solver.Space, set, fit solver.Set, field packet.Field, end endpoint.End, fixed bool) (part, among solver.Set, name string) {
	if fixed || end.Interface == nil {
		return set, fit, ""
	}
	all := s.Project(set, field)
	if s.Intersect(all, fit) != set {
		return set, fit, ""
	}
	return all, s.Project(fit, field), endpoint.InterfaceName(end.Interface)
}

// held is the public addresses that interfaces have.
func held(n *ir.Network) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, i := range n.Interfaces {
		for _, a := range i.Addresses {
			if a.Public.Addr.Known() && a.Public.Addr.V.IsValid() {
				b.Add(a.Public.Addr.V)
			}
			if a.Family == packet.IPv6 && a.Private.Known() {
				b.Add(a.Private.V)
			}
		}
	}
	set, err := b.IPSet()
	if err != nil {
		return &netipx.IPSet{}
	}
	return set
}

// addressNames says addresses in words where there are any; own are those that
// the network's interfaces hold.
func addressNames(m *reach.Model, own *netipx.IPSet, f packet.Family, end endpoint.End, ps []netip.Prefix) []string {
	if end.Interface == nil {
		if services(ps) {
			return []string{ownServicesName}
		}
		if word := outsideName(m, own, f, ps); word != "" {
			return []string{word}
		}
	}
	if end.Interface != nil && len(ps) > mostOwnAddresses {
		return []string{endpoint.InterfaceName(end.Interface) + " (some of its possible addresses)"}
	}
	var names []string
	for _, p := range ps {
		names = append(names, addressName(p))
	}
	return names
}

// mostOwnAddresses is how many blocks of addresses of one interface are told.
const mostOwnAddresses = 4

// ownServices are the link-local addresses of what groups and ACLs do not filter.
// [VPC VPC_Security.md]
var ownServices = [...]netip.Prefix{netip.MustParsePrefix("169.254.169.0/24"), netip.MustParsePrefix("169.254.170.2/32"), netip.MustParsePrefix("fd00:ec2::/32")}

const ownServicesName = "AWS's own services (DNS, metadata, time)"

// services reports whether addresses are those of AWS's own services: link-local
// ones, and beside them some of the VPC's.
func services(ps []netip.Prefix) bool {
	local := false
	for _, p := range ps {
		if slices.ContainsFunc(ownServices[:], func(o netip.Prefix) bool { return o.Contains(p.Addr()) && o.Bits() <= p.Bits() }) {
			local = true
		} else if !p.IsSingleIP() {
			return false
		}
	}
	return local
}

// outsideName is what the hosts outside are called when they are all of the
// internet, or all there are: "" for some of them. Addresses of the network
// itself, which lie on the internet too, do not count.
func outsideName(m *reach.Model, own *netipx.IPSet, f packet.Family, ps []netip.Prefix) string {
	var left, more netipx.IPSetBuilder
	for b := range m.Space(f).Boxes(m.Internet(f)) {
		left.AddRange(b.Src)
		more.RemoveRange(b.Src)
	}
	for _, p := range ps {
		left.RemovePrefix(p)
		more.AddPrefix(p)
	}
	for b := range m.Space(f).Boxes(m.Internet(f)) {
		more.RemoveRange(b.Src)
	}
	missing, err := left.IPSet()
	beyond, err2 := more.IPSet()
	switch {
	case err != nil || err2 != nil, slices.ContainsFunc(missing.Ranges(), func(r netipx.IPRange) bool { return r.From() != r.To() && !own.ContainsRange(r) }):
		return ""
	case len(beyond.Ranges()) == 0:
		return "the internet"
	}
	return "everything outside"
}

// addressName is a CIDR, an address, or "any" address of a family.
func addressName(p netip.Prefix) string {
	switch {
	case p.Bits() == 0:
		return "any " + packet.FamilyOfPrefix(p).String()
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// joinLines takes lines together that differ in one end, or in the family.
func joinLines(ls []Line) []Line {
	ls = joinEnd(ls, func(l *Line) *[]string { return &l.To }, func(l *Line) []string { return l.From })
	ls = joinEnd(ls, func(l *Line) *[]string { return &l.From }, func(l *Line) []string { return l.To })
	slices.SortStableFunc(ls, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.ordinary(), b.ordinary()), slices.Compare(a.To, b.To), slices.Compare(a.From, b.From), cmp.Compare(a.Protocols.Lo, b.Protocols.Lo), cmp.Compare(a.DstPort.Lo, b.DstPort.Lo), cmp.Compare(a.SrcPort.Lo, b.SrcPort.Lo))
	})
	return ls
}

// ordinary puts what always flows after everything else.
func (l Line) ordinary() int {
	if slices.Equal(l.To, []string{ownServicesName}) {
		return 1
	}
	return 0
}

func joinEnd(ls []Line, end func(*Line) *[]string, other func(*Line) []string) []Line {
	var out []Line
	at := map[string]int{}
	for _, l := range ls {
		key := fmt.Sprint(l.Protocols, l.SrcPort, l.DstPort, other(&l))
		i, ok := at[key]
		if !ok {
			at[key] = len(out)
			out = append(out, l)
			continue
		}
		into := end(&out[i])
		for _, name := range *end(&l) {
			if !slices.Contains(*into, name) {
				*into = append(*into, name)
			}
		}
	}
	for i := range out {
		into := end(&out[i])
		*into = fold(*into)
		// "a through b, c" would read as if c were on the way as well.
		slices.SortStableFunc(*into, func(a, b string) int { return cmp.Compare(through(a), through(b)) })
	}
	return out
}

// through is the load balancer of a name that has one.
func through(name string) string {
	_, lb, _ := strings.Cut(name, " through ")
	return lb
}

// fold says web[0], web[1] as web[*].
func fold(names []string) []string {
	var out []string
	counts := map[string]int{}
	for _, n := range names {
		counts[unindexed(n)]++
	}
	for _, n := range names {
		if b := unindexed(n); counts[b] > 1 {
			n = b
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// unindexed is a name with every index in place of its last one: that of the
// block that makes the thing.
func unindexed(name string) string {
	name, through, ok := strings.Cut(name, " through ")
	mark := "["
	if strings.HasSuffix(name, `"]`) {
		mark = `["` // a key may hold brackets
	}
	if i := strings.LastIndex(name, mark); i > 0 && strings.HasSuffix(name, "]") {
		name = name[:i] + "[*]"
	}
	if ok {
		name += " through " + through
	}
	return name
}
