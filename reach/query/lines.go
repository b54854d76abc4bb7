package query

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"github.com/postern-dev/postern/internal/endpoint"
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
	for i := range a.Pairs {
		p := &a.Pairs[i]
		for _, x := range p.Sets {
			s := m.Space(x.Family)
			t.Must = append(t.Must, p.lines(m, x.Family, x.Complete.Must)...)
			t.May = append(t.May, p.lines(m, x.Family, s.Difference(x.Complete.May, x.Complete.Must))...)
			t.Blocked = append(t.Blocked, p.lines(m, x.Family, x.Blocked.Must)...)
		}
	}
	return Table{joinLines(t.Must), joinLines(t.May), joinLines(t.Blocked)}
}

// lines writes one set of a pair.
func (p *Pair) lines(m *reach.Model, f packet.Family, set solver.Set) []Line {
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
			part, among, from := named(s, part, fit.set, packet.FieldSrc, p.From, t.flow.FixedFrom)
			part, _, to := named(s, part, among, packet.FieldDst, p.To, t.flow.FixedTo && len(fit.through) == 0)
			for _, r := range rows(s, part) {
				l := Line{Row: r, From: []string{from}, To: []string{to}}
				if from == "" {
					l.From = addressNames(m, f, p.From, r.Src)
				}
				if to == "" {
					l.To = addressNames(m, f, p.To, r.Dst)
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

// addressNames says addresses in words where there are any.
func addressNames(m *reach.Model, f packet.Family, end endpoint.End, ps []netip.Prefix) []string {
	if end.Interface == nil {
		if services(ps) {
			return []string{"AWS's own services (DNS, metadata, time)"}
		}
		if word := outsideName(m, f, ps); word != "" {
			return []string{word}
		}
	}
	var names []string
	for _, p := range ps {
		names = append(names, addressName(p))
	}
	return names
}

// ownServices are the link-local addresses of what groups and ACLs do not filter.
// [VPC VPC_Security.md]
var ownServices = [...]netip.Prefix{netip.MustParsePrefix("169.254.169.0/24"), netip.MustParsePrefix("169.254.170.2/32"), netip.MustParsePrefix("fd00:ec2::/32")}

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
func outsideName(m *reach.Model, f packet.Family, ps []netip.Prefix) string {
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
	case err != nil || err2 != nil, slices.ContainsFunc(missing.Ranges(), func(r netipx.IPRange) bool { return r.From() != r.To() }):
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
		return cmp.Or(slices.Compare(a.To, b.To), slices.Compare(a.From, b.From), cmp.Compare(a.Protocols.Lo, b.Protocols.Lo), cmp.Compare(a.DstPort.Lo, b.DstPort.Lo), cmp.Compare(a.SrcPort.Lo, b.SrcPort.Lo))
	})
	return ls
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
	}
	return out
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
	if i := strings.LastIndexByte(name, '['); i > 0 && strings.HasSuffix(name, "]") {
		name = name[:i] + "[*]"
	}
	if ok {
		name += " through " + through
	}
	return name
}
