package pairs

import (
	"encoding/binary"
	"net/netip"

	"github.com/postern-dev/postern/ir"
)

// maxAlternatives bounds the classes of alternatives: all pairs of so many take
// some seconds.
const maxAlternatives = 20_000

// narrow makes one vague vertex of the alternatives of addresses that have the
// most of them, until there are no more than a bound. Nothing surely flows from
// or to a vague vertex, and possibly what groups let pass: it keeps the work on
// a network bounded whose rules name thousands of single addresses in subnets in
// which AWS picks.
func narrow(vs []Vertex, most int) []Vertex {
	if len(vs) <= most {
		return vs
	}
	type class struct {
		subnet *ir.Subnet
		groups string
		addr   netip.Addr
	}
	numbers := map[*ir.SecurityGroup]uint64{}
	groups, classes, sizes := map[*ir.Interface]string{}, map[class]bool{}, map[slot]int{}
	for k := range vs {
		v := &vs[k]
		if !v.Picked {
			continue
		}
		key, ok := groups[v.Interface]
		if !ok {
			key = groupKey(v.Interface, numbers)
			groups[v.Interface] = key
		}
		classes[class{v.subnet, key, v.Addr}] = true
		sizes[slot{v.Interface, v.Slot}]++
	}
	if len(classes) <= most {
		return vs
	}
	limit := maxPicked
	for ; limit > 1; limit /= 2 {
		total := 0
		for _, n := range sizes {
			if n <= limit {
				total += n
			}
		}
		if total <= most {
			break
		}
	}
	out := vs[:0]
	for k := range vs {
		v := vs[k]
		s := slot{v.Interface, v.Slot}
		if v.Picked && sizes[s] > limit {
			// The first of them stands for all.
			v.Addr, v.key, v.subnet, v.vpc = netip.Addr{}, key{}, nil, nil
			v.odd, v.vague, v.maybe = true, true, true
			sizes[s] = 0
		} else if v.Picked && sizes[s] == 0 {
			continue
		}
		out = append(out, v)
	}
	return out
}

// groupKey tells the groups of interfaces apart.
func groupKey(i *ir.Interface, numbers map[*ir.SecurityGroup]uint64) string {
	var b []byte
	add := func(g *ir.SecurityGroup) {
		n, ok := numbers[g]
		if !ok {
			n = uint64(len(numbers))
			numbers[g] = n
		}
		b = binary.AppendUvarint(b, n)
	}
	for _, g := range i.Groups.Sure {
		add(g)
	}
	b = append(b, 0)
	for _, g := range i.Groups.Maybe {
		add(g.V)
	}
	return string(b)
}
