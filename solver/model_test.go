package solver

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/postern-dev/postern/packet"
	"go4.org/netipx"
)

// universe cuts every field into a few atoms. A box that begins and ends where
// atoms do holds an atom wholly or not at all, so a set is a list of bits, one
// for each combination of atoms.
type universe struct {
	family packet.Family
	atoms  [fields][]span

	// By combination: its atoms, its first header, whether that is well-formed
	// (then all of its headers are), and how many headers it has.
	cells   []cell
	headers []packet.Header
	formed  []bool
	sizes   []*big.Int
}

// model is a set of combinations of atoms.
type model []bool

func word64(v uint64) word { return word{lo: v} }

// cut makes atoms that begin at the given values.
func cut(last word, begins ...word) []span {
	var out []span
	for i, b := range begins {
		end := last
		if i+1 < len(begins) {
			end = begins[i+1]
			end.lo--
			if begins[i+1].lo == 0 {
				end.hi--
			}
		}
		out = append(out, span{b, end})
	}
	return out
}

func smallCuts(last uint64, begins ...uint64) []span {
	var ws []word
	for _, b := range begins {
		ws = append(ws, word64(b))
	}
	return cut(word64(last), ws...)
}

// universes are costly to make and never change.
var universes = map[packet.Family]func() *universe{
	packet.IPv4: sync.OnceValue(func() *universe { return newUniverse(packet.IPv4) }),
	packet.IPv6: sync.OnceValue(func() *universe { return newUniverse(packet.IPv6) }),
}

func newUniverse(f packet.Family) *universe {
	u := &universe{family: f}
	u.cut()
	for i := range u.size() {
		c, _ := u.at(i)
		h := packet.Header{
			Protocol: uint8(c[protocol].lo.lo), Src: c[src].lo.addr(f), Dst: c[dst].lo.addr(f),
			SrcPort: uint16(c[srcPort].lo.lo), DstPort: uint16(c[dstPort].lo.lo),
		}
		u.cells, u.headers = append(u.cells, c), append(u.headers, h)
		u.formed, u.sizes = append(u.formed, h.Valid()), append(u.sizes, c.count())
	}
	return u
}

func (u *universe) cut() {
	u.atoms[protocol] = smallCuts(255, 0, 1, 2, 6, 7, 17, 18, 58, 59)
	u.atoms[srcPort] = smallCuts(65535, 0, 1, 1024)
	u.atoms[dstPort] = smallCuts(65535, 0, 1, 22, 2048)
	if u.family == packet.IPv4 {
		u.atoms[src] = smallCuts(1<<32-1, 0, 0x0a000000, 0x0a000001, 0xcb007100)
		u.atoms[dst] = smallCuts(1<<32-1, 0, 0x0a000000, 0xffffffff)
		return
	}
	all := ^uint64(0)
	u.atoms[src] = cut(word{all, all}, word{}, word{0x20010db8 << 32, 0}, word{0x20010db8 << 32, 7}, word{0x20010db8<<32 + 2, 9}, word{0xfd << 56, 0})
	u.atoms[dst] = cut(word{all, all}, word{}, word{5, all}, word{7, 0})
}

func (u *universe) size() int {
	n := 1
	for _, a := range u.atoms {
		n *= len(a)
	}
	return n
}

// at returns the atoms of a combination.
func (u *universe) at(i int) (c cell, index [fields]int) {
	for f := fields - 1; f >= 0; f-- {
		index[f] = i % len(u.atoms[f])
		c[f] = u.atoms[f][index[f]]
		i /= len(u.atoms[f])
	}
	return c, index
}

func (u *universe) index(at [fields]int) int {
	i := 0
	for f := range at {
		i = i*len(u.atoms[f]) + at[f]
	}
	return i
}

// where evaluates a predicate of combinations; ill-formed ones are never in.
func (u *universe) where(f func(i int) bool) model {
	m := make(model, u.size())
	for i := range m {
		m[i] = u.formed[i] && f(i)
	}
	return m
}

func (u *universe) of(boxes []Box) model {
	var cells []cell
	for _, b := range boxes {
		if c, ok := cellOf(u.family, &b); ok {
			cells = append(cells, c)
		}
	}
	return u.where(func(i int) bool {
		return slices.ContainsFunc(cells, func(c cell) bool { return inside(&u.cells[i], &c) })
	})
}

// inside reports whether a cell lies in another.
func inside(a, b *cell) bool {
	for f := range a {
		if a[f].lo.compare(b[f].lo) < 0 || a[f].hi.compare(b[f].hi) > 0 {
			return false
		}
	}
	return true
}

// absent reports whether the header of a combination lacks a field.
func (u *universe) absent(i, field int) bool {
	k := u.headers[i].Kind()
	return field == srcPort && k != packet.Ported || field == dstPort && k == packet.Plain
}

// changes lists the well-formed combinations that a field of i can be given,
// within a box.
func (u *universe) changes(i, field int, over Box) []int {
	within, ok := spanOf(u.family, &over, field)
	if !ok {
		return nil
	}
	_, at := u.at(i)
	var out []int
	for v, s := range u.atoms[field] {
		at[field] = v
		j := u.index(at)
		if s.lo.compare(within.lo) >= 0 && s.hi.compare(within.hi) <= 0 && u.formed[j] {
			out = append(out, j)
		}
	}
	return out
}

func (u *universe) some(m model, field int, over Box) model {
	return u.where(func(i int) bool {
		if u.absent(i, field) {
			return m[i]
		}
		return slices.ContainsFunc(u.changes(i, field, over), func(j int) bool { return m[j] })
	})
}

func (u *universe) every(m model, field int, over Box) model {
	return u.where(func(i int) bool {
		if u.absent(i, field) {
			return m[i]
		}
		js := u.changes(i, field, over)
		return len(js) > 0 && !slices.ContainsFunc(js, func(j int) bool { return !m[j] })
	})
}

func (u *universe) assign(m model, field int, to Box) model {
	out := make(model, len(m))
	for i := range m {
		switch {
		case !m[i]:
		case u.absent(i, field):
			out[i] = true
		default:
			for _, j := range u.changes(i, field, to) {
				out[j] = true
			}
		}
	}
	return out
}

func (u *universe) count(m model) *big.Int {
	sum := new(big.Int)
	for i := range m {
		if m[i] {
			sum.Add(sum, u.sizes[i])
		}
	}
	return sum
}

func (c *cell) count() *big.Int {
	n := big.NewInt(1)
	for _, s := range c {
		lo, hi := s.lo.big(), s.hi.big()
		n.Mul(n, hi.Add(hi.Sub(hi, lo), big.NewInt(1)))
	}
	return n
}

func (a word) big() *big.Int {
	n := new(big.Int).SetUint64(a.hi)
	return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(a.lo))
}

// box makes a box of the universe out of bytes; it may come out empty.
func (u *universe) box(next func() byte) Box {
	var c cell
	var empty Interval
	for f := range c {
		atoms := u.atoms[f]
		b := int(next())
		switch {
		case b >= 192: // the whole field
			c[f] = span{atoms[0].lo, atoms[len(atoms)-1].hi}
		default:
			i, j := b%len(atoms), b/16%len(atoms)
			if b >= 160 {
				j = i
			}
			c[f] = span{atoms[min(i, j)].lo, atoms[max(i, j)].hi}
		}
	}
	out := c.box(u.family)
	if next() == 0 {
		empty = Interval{7, 6}
		out.DstPort = empty
	}
	return out
}

// check compares a set with its model in every respect.
func (u *universe) check(t testing.TB, s *Space, a Set, m model) {
	t.Helper()
	if a == Invalid {
		t.Fatal("invalid set")
	}
	for i := range m {
		if got, err := s.Contains(a, u.headers[i]); err != nil || got != m[i] {
			t.Fatalf("contains %v: got %v, %v, want %v", u.headers[i], got, err, m[i])
		}
	}
	if got, want := s.Count(a), u.count(m); got.Cmp(want) != 0 {
		t.Fatalf("count: got %v, want %v", got, want)
	}
	checkBoxes(t, s, a)
	h, found, err := s.Witness(a)
	if err != nil || found != (a != Empty) {
		t.Fatalf("witness of set %d: %v, %v", a, found, err)
	}
	if in, _ := s.Contains(a, h); found && (!in || !h.Valid()) {
		t.Fatalf("witness %v is outside", h)
	}
}

// checkBoxes reassembles a set from its boxes, and demands that they are
// disjoint, ordered, and that no two could be one.
func checkBoxes(t testing.TB, s *Space, a Set) {
	t.Helper()
	boxes := slices.Collect(s.Boxes(a))
	if got := s.Of(boxes...); got != a {
		t.Fatalf("boxes %v make set %d, not %d", boxes, got, a)
	}
	cells := make([]cell, len(boxes))
	sum := new(big.Int)
	for i, b := range boxes {
		c, ok := cellOf(s.family, &b)
		if !ok {
			t.Fatalf("empty box %v", b)
		}
		cells[i] = c
		sum.Add(sum, c.count())
		if i > 0 && cells[i-1].compare(&c) >= 0 {
			t.Fatalf("boxes out of order: %v, %v", boxes[i-1], b)
		}
	}
	if sum.Cmp(s.Count(a)) != 0 {
		t.Fatalf("boxes %v hold %v headers, the set %v", boxes, sum, s.Count(a))
	}
	if len(cells) > 200 {
		return
	}
	for i := range cells {
		for j := range cells {
			if i != j && joinable(&cells[i], &cells[j]) {
				t.Fatalf("boxes %v and %v could be one", boxes[i], boxes[j])
			}
		}
	}
}

func joinable(a, b *cell) bool {
	touch := 0
	for f := range a {
		switch {
		case a[f] == b[f]:
		case a[f].hi.next() == b[f].lo && a[f].hi.compare(b[f].lo) < 0:
			touch++
		default:
			return false
		}
	}
	return touch == 1
}

// parseBox reads "tcp 10.0.0.0/8 0.0.0.0/0 0-65535 22-22".
func parseBox(t testing.TB, text string) Box {
	t.Helper()
	var proto, from, to string
	var b Box
	if _, err := fmt.Sscanf(text, "%s %s %s %d-%d %d-%d", &proto, &from, &to, &b.SrcPort.Lo, &b.SrcPort.Hi, &b.DstPort.Lo, &b.DstPort.Hi); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	b.Src, b.Dst = parseRange(from), parseRange(to)
	switch proto {
	case "all":
		b.Protocol = Interval{0, 255}
	case "tcp":
		b.Protocol = Port(packet.TCP)
	case "udp":
		b.Protocol = Port(packet.UDP)
	case "icmp":
		b.Protocol = Port(packet.ICMP)
	case "icmpv6":
		b.Protocol = Port(packet.ICMPv6)
	default:
		var p uint16
		if _, err := fmt.Sscan(proto, &p); err != nil {
			t.Fatal(err)
		}
		b.Protocol = Port(p)
	}
	return b
}

// parseRange reads a CIDR or "from-to".
func parseRange(text string) netipx.IPRange {
	if p, err := netip.ParsePrefix(text); err == nil {
		return netipx.RangeOfPrefix(p)
	}
	return netipx.MustParseIPRange(text)
}
