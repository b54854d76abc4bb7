package verify

import (
	"fmt"
	"iter"
	"strings"

	"github.com/postern-dev/postern/ir"
)

// member is an interface that stands for a class, and another of the class, if
// there is one.
type member struct{ first, other *ir.Interface }

// classes picks two interfaces of each class that a description tells apart.
func classes(all []*ir.Interface, describe func(*ir.Interface) string) []member {
	seen := map[string]int{}
	var ms []member
	for _, i := range all {
		d := describe(i)
		k, ok := seen[d]
		switch {
		case !ok:
			seen[d] = len(ms)
			ms = append(ms, member{first: i})
		case ms[k].other == nil:
			ms[k].other = i
		}
	}
	return ms
}

// pairs yields the pairs of ends: each with hosts outside, then each with another
// of its own class and with those of other classes. The order is the same every
// time; where it is cut off no class has been favoured.
func pairs(ms []member) iter.Seq2[*ir.Interface, *ir.Interface] {
	return func(yield func(from, to *ir.Interface) bool) {
		for _, m := range ms {
			if !yield(nil, m.first) || !yield(m.first, nil) {
				return
			}
		}
		total := len(ms) * len(ms)
		step := stride(total)
		for k, at := 0, 0; k < total; k, at = k+1, (at+step)%total {
			from, to := ms[at/len(ms)].first, ms[at%len(ms)].first
			if from == to {
				to = ms[at%len(ms)].other // in one subnet, or in two that are alike
			}
			if to != nil && !yield(from, to) {
				return
			}
		}
	}
}

// stride is a step that visits each of n places once before it repeats, spread over
// all of them.
func stride(n int) int {
	step := max(1, n*382/1000)
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// groupClass describes what the groups of an interface are asked about.
func groupClass(i *ir.Interface) string {
	return fmt.Sprintf("%d %s %s", i.Kind, carried(i), where(i))
}

// class describes what decides about an interface's flows, its own address apart:
// its groups, what its subnets' boundaries and routes are, what listens, whether it
// is there and has public addresses. Equal descriptions may still differ in what
// rules say about their addresses.
func class(i *ir.Interface) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %t %t %t %v %v;", groupClass(i), i.DenyIGW, i.NoInbound, i.Maybe != nil, plain(i.SourceDestCheck), plain(i.PreserveClient))
	fmt.Fprintf(&b, "%d prefixes;", min(len(i.Prefixes), 1))
	for _, a := range i.Addresses {
		fmt.Fprintf(&b, "%d %t %v %t %t;", a.Family, a.Private.Known(), plain(a.Public.Exists), a.Public.Addr.Known(), a.Maybe != nil)
	}
	if i.Services != nil {
		fmt.Fprintf(&b, "open %t", i.Services.Open != nil)
		for _, v := range i.Services.Ports {
			fmt.Fprintf(&b, ",%d %v %p", v.Protocol, v.Ports, v.Forward)
		}
	}
	return b.String()
}

// plain is a truth without what it waits for.
func plain(v ir.Value[bool]) string {
	if !v.Known() {
		return "?"
	}
	return fmt.Sprint(v.V)
}

func carried(i *ir.Interface) string {
	var b strings.Builder
	for _, g := range i.Groups.Sure {
		fmt.Fprintf(&b, "%p ", g)
	}
	for _, g := range i.Groups.Maybe {
		fmt.Fprintf(&b, "?%p ", g.V)
	}
	fmt.Fprintf(&b, "%t", i.Groups.Open != nil)
	return b.String()
}

// where describes the subnets that an interface may stand in. Subnets with the same
// ACL and routes are alike.
func where(i *ir.Interface) string {
	var b strings.Builder
	for _, s := range i.Subnet.Of {
		fmt.Fprintf(&b, "[%v %t %v %t %v %t %s %v %t %t]", s.VPC.Of, s.VPC.Open != nil, s.ACL.Of, s.ACL.Open != nil, s.RouteTable.Of, s.RouteTable.Open != nil,
			s.Zone, s.Exclusion.V, s.IPv4.Known(), s.IPv6.Known() && s.IPv6.V.IsValid())
	}
	fmt.Fprintf(&b, "%t", i.Subnet.Open != nil)
	return b.String()
}
