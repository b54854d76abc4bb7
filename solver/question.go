package solver

import (
	"math/big"

	"github.com/postern-dev/postern/packet"
)

// test answers subset and meets without building anything. The answer means
// nothing once the budget is exceeded.
func (d *diagram[K]) test(o op, a, b id) bool {
	switch {
	case a == none:
		return o == subset
	case a == b, b == permit:
		return true
	case b == none:
		return false
	case a == permit:
		return o == meets
	}
	if a > b && o == meets {
		a, b = b, a
	}
	if r := d.recall(o, a, b); r != invalid {
		return r == permit
	}
	r := d.testNodes(o, a, b)
	if d.over {
		return false
	}
	answer := none
	if r {
		answer = permit
	}
	d.remember(o, a, b, answer)
	return r
}

// testNodes looks below: sets meet when they do in some interval, one is a
// subset when it is so in every interval.
func (d *diagram[K]) testNodes(o op, a, b id) bool {
	decisive := o == meets
	la, lb := d.level(a), d.level(b)
	var as, bs []edge[K]
	var whole [1]edge[K] // stands for a set that does not look at this level
	if la <= lb {
		as = d.out(a)
	} else {
		whole[0] = edge[K]{d.max[lb], a}
		as = whole[:]
	}
	if lb <= la {
		bs = d.out(b)
	} else {
		whole[0] = edge[K]{d.max[la], b}
		bs = whole[:]
	}
	if d.step(len(as) + len(bs)) {
		return false
	}
	for i, j := 0, 0; i < len(as); {
		x, y := as[i], bs[j]
		if d.test(o, x.to, y.to) == decisive {
			return decisive
		}
		hi := min(x.hi, y.hi)
		if x.hi == hi {
			i++
		}
		if y.hi == hi {
			j++
		}
	}
	return !decisive
}

// values spells a header out, level by level; false when it is of another
// family or not well-formed.
func (d *diagram[K]) values(h packet.Header) (v [maxLevels]K, ok bool) {
	v4 := d.family == packet.IPv4
	if !h.Src.IsValid() || !h.Dst.IsValid() || h.Src.Is4() != v4 || h.Dst.Is4() != v4 {
		return v, false
	}
	s, t := wordOf(h.Src), wordOf(h.Dst)
	if v4 {
		return [maxLevels]K{K(h.Protocol), K(s.lo), K(t.lo), K(h.SrcPort), K(h.DstPort)}, true
	}
	return [maxLevels]K{K(h.Protocol), K(s.hi), K(s.lo), K(t.hi), K(t.lo), K(h.SrcPort), K(h.DstPort)}, true
}

// header is the inverse of values.
func (d *diagram[K]) header(v *[maxLevels]K) packet.Header {
	at := func(field int) word {
		l := d.start[field]
		if d.levels[l].upper {
			return word{uint64(v[l]), uint64(v[l+1])}
		}
		return word{lo: uint64(v[l])}
	}
	return packet.Header{
		Protocol: uint8(at(protocol).lo),
		Src:      at(src).addr(d.family),
		Dst:      at(dst).addr(d.family),
		SrcPort:  uint16(at(srcPort).lo),
		DstPort:  uint16(at(dstPort).lo),
	}
}

func (d *diagram[K]) contains(a id, h packet.Header) bool {
	v, ok := d.values(h)
	if !ok {
		return false
	}
	for a >= ends {
		es := d.out(a)
		a = es[seek(es, v[d.level(a)])].to
	}
	return a == permit
}

// count counts headers. Below is the number of bits of the levels from a
// node's own one on: a node that skips levels stands for every value of them.
func (d *diagram[K]) count(a id) *big.Int {
	var below [maxLevels + 1]uint
	for l := len(d.levels) - 1; l >= 0; l-- {
		below[l] = below[l+1] + uint(d.levels[l].bits)
	}
	one := big.NewInt(1)
	memo := map[id]*big.Int{none: new(big.Int), permit: one}
	var count func(a id) *big.Int
	count = func(a id) *big.Int {
		if n, ok := memo[a]; ok {
			return n
		}
		sum, n, width := new(big.Int), new(big.Int), new(big.Int)
		l := d.level(a)
		var lo K
		for _, e := range d.out(a) {
			if e.to != none {
				width.SetUint64(uint64(e.hi - lo))
				width.Add(width, one)
				n.Mul(count(e.to), width)
				sum.Add(sum, n.Lsh(n, below[l+1]-below[d.level(e.to)]))
			}
			lo = e.hi + 1
		}
		memo[a] = sum
		return sum
	}
	return new(big.Int).Lsh(count(a), below[0]-below[d.level(a)])
}

// chosen is the header that the last witness found.
func (d *diagram[K]) chosen() packet.Header { return d.header(&d.choice) }

// importFrom copies a set of another diagram of the same family.
func (d *diagram[K]) importFrom(from engine, a id) id {
	f, ok := from.(*diagram[K])
	if !ok {
		return invalid
	}
	return d.copyFrom(f, a, map[id]id{})
}

// copyFrom brings a set of another diagram over.
func (d *diagram[K]) copyFrom(from *diagram[K], a id, done map[id]id) id {
	if a < ends {
		return a
	}
	if r, ok := done[a]; ok {
		return r
	}
	es := from.out(a)
	base := len(d.stack)
	for _, e := range es {
		to := d.copyFrom(from, e.to, done)
		if to == invalid {
			return invalid
		}
		d.push(base, e.hi, to)
	}
	r := d.make(from.level(a), base)
	done[a] = r
	return r
}
