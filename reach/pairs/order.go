package pairs

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
)

// run is a range of indices of vertices, its end excluded.
type run struct{ lo, hi uint32 }

// order is vertices sorted so that every CIDR holds one run of them a layer.
// VPCs whose addresses do not overlap share a layer, in the order of their
// addresses; a VPC that overlaps another stands in the next one. So the
// interfaces of a subnet are neighbours even where all VPCs have one CIDR.
// Vertices without an address come last, in no layer.
type order struct {
	family packet.Family
	keys   []key
	layers []run
}

// sortVertices brings vertices into that order.
func sortVertices(f packet.Family, vs []Vertex) order {
	type extent struct {
		vpc      *ir.VPC
		min, max key
		rank     int
	}
	extents := map[*ir.VPC]*extent{}
	var all []*extent
	for k := range vs {
		v := &vs[k]
		if !v.Addr.IsValid() {
			continue
		}
		e, ok := extents[v.vpc]
		if !ok {
			e = &extent{vpc: v.vpc, min: v.key, max: v.key, rank: len(all)}
			extents[v.vpc], all = e, append(all, e)
		}
		if v.key.less(e.min) {
			e.min = v.key
		}
		if e.max.less(v.key) {
			e.max = v.key
		}
	}
	slices.SortFunc(all, func(a, b *extent) int { return cmp.Or(a.min.compare(b.min), cmp.Compare(a.rank, b.rank)) })
	layer := map[*ir.VPC]int{}
	var ends []key
	for _, e := range all {
		at := slices.IndexFunc(ends, func(k key) bool { return k.less(e.min) })
		if at < 0 {
			at = len(ends)
			ends = append(ends, key{})
		}
		ends[at], layer[e.vpc] = e.max, at
	}
	layerOf := func(v *Vertex) int {
		if !v.Addr.IsValid() {
			return len(ends)
		}
		return layer[v.vpc]
	}
	slices.SortStableFunc(vs, func(a, b Vertex) int {
		return cmp.Or(cmp.Compare(layerOf(&a), layerOf(&b)), a.key.compare(b.key))
	})
	o := order{family: f, keys: make([]key, len(vs)), layers: make([]run, len(ends))}
	for k := range vs {
		o.keys[k] = vs[k].key
		if l := layerOf(&vs[k]); l < len(ends) {
			if o.layers[l].hi == 0 {
				o.layers[l].lo = uint32(k)
			}
			o.layers[l].hi = uint32(k) + 1
		}
	}
	return o
}

// runs calls visit for the runs of a CIDR, one a layer, empty ones left out.
func (o *order) runs(p netip.Prefix, visit func(run)) {
	if p.Bits() == 0 {
		for _, l := range o.layers {
			visit(l)
		}
		return
	}
	first, last := span(p)
	for _, l := range o.layers {
		if r := o.between(l, first, last); r.lo < r.hi {
			visit(r)
		}
	}
}

// between is the run of addresses from first to last in a layer.
func (o *order) between(l run, first, last key) run {
	keys := o.keys[l.lo:l.hi]
	lo := sort.Search(len(keys), func(k int) bool { return !keys[k].less(first) })
	hi := lo
	if lo < len(keys) && !last.less(keys[lo]) {
		hi = lo + sort.Search(len(keys)-lo, func(k int) bool { return last.less(keys[lo+k]) })
	}
	return run{l.lo + uint32(lo), l.lo + uint32(hi)}
}

// deepest returns for every vertex the innermost of the runs that hold it, by
// its place in sorted order, or -1. Runs of CIDRs never cross, so that vertices
// with one innermost run lie in exactly the same CIDRs.
func deepest(n int, runs map[run]struct{}) []int32 {
	sorted := make([]run, 0, len(runs))
	for r := range runs {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b run) int { return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(b.hi, a.hi)) })
	in := make([]int32, n)
	var stack []int32
	next := 0
	for v := range n {
		for len(stack) > 0 && sorted[stack[len(stack)-1]].hi <= uint32(v) {
			stack = stack[:len(stack)-1]
		}
		for next < len(sorted) && sorted[next].lo == uint32(v) {
			stack = append(stack, int32(next))
			next++
		}
		in[v] = -1
		if len(stack) > 0 {
			in[v] = stack[len(stack)-1]
		}
	}
	return in
}
