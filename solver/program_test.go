package solver

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/packet"
	"pgregory.net/rapid"
)

// machine runs a program of set operations, on diagrams and on the model.
type machine struct {
	t      testing.TB
	u      *universe
	s      *Space
	code   []byte
	sets   []Set
	models []model
	ids    map[string]Set // model -> set: canonical form
}

func newMachine(t testing.TB, f packet.Family, code []byte) *machine {
	m := &machine{t: t, u: universes[f](), s: New(f, Options{}), code: code, ids: map[string]Set{}}
	if len(code)%2 == 0 {
		tidyAlways(m.s)
	}
	m.record(Empty, make(model, m.u.size()))
	m.record(m.s.All(), m.u.where(func(int) bool { return true }))
	return m
}

// tidyAlways makes a space collect intermediate results at every chance.
func tidyAlways(s *Space) {
	switch d := s.engine.(type) {
	case *diagram[uint32]:
		d.litter = 0
	case *diagram[uint64]:
		d.litter = 0
	}
}

func (m *machine) next() byte {
	if len(m.code) == 0 {
		return 0
	}
	b := m.code[0]
	m.code = m.code[1:]
	return b
}

// operand picks an earlier set.
func (m *machine) operand() (Set, model) {
	i := int(m.next()) % len(m.sets)
	i = len(m.sets) - 1 - i
	return m.sets[i], m.models[i]
}

func (m *machine) record(a Set, want model) {
	m.t.Helper()
	m.u.check(m.t, m.s, a, want)
	key := make([]byte, len(want))
	for i, b := range want {
		if b {
			key[i] = 1
		}
	}
	if old, ok := m.ids[string(key)]; ok && old != a {
		m.t.Fatalf("one set has two ids, %d and %d", old, a)
	}
	m.ids[string(key)] = a
	m.sets, m.models = append(m.sets, a), append(m.models, want)
}

func zip(a, b model, f func(x, y bool) bool) model {
	out := make(model, len(a))
	for i := range a {
		out[i] = f(a[i], b[i])
	}
	return out
}

// run executes up to limit instructions.
func (m *machine) run(limit int) {
	m.t.Helper()
	for ; limit > 0 && len(m.code) > 0; limit-- {
		if code := m.next() % 12; code < 6 {
			m.algebra(code)
		} else {
			m.fields(code)
		}
	}
}

func (m *machine) algebra(code byte) {
	m.t.Helper()
	switch code {
	case 0:
		boxes := make([]Box, 1+m.next()%4)
		for i := range boxes {
			boxes[i] = m.u.box(m.next)
		}
		m.record(m.s.Of(boxes...), m.u.of(boxes))
	case 1:
		a, x := m.operand()
		b, y := m.operand()
		c, z := m.operand()
		m.record(m.s.Union(a, b, c), zip(zip(x, y, or), z, or))
		m.questions(a, b, c, x, y, z)
	case 2:
		a, x := m.operand()
		b, y := m.operand()
		c, z := m.operand()
		m.record(m.s.Intersect(a, b, c), zip(zip(x, y, and), z, and))
		m.questions(a, b, c, x, y, z)
	case 3:
		a, x := m.operand()
		b, y := m.operand()
		m.record(m.s.Difference(a, b), zip(x, y, func(p, q bool) bool { return p && !q }))
	case 4:
		a, x := m.operand()
		b, y := m.operand()
		m.record(m.s.SymmetricDifference(a, b), zip(x, y, func(p, q bool) bool { return p != q }))
	case 5:
		a, x := m.operand()
		m.record(m.s.Complement(a), m.u.where(func(i int) bool { return !x[i] }))
	}
}

func or(p, q bool) bool  { return p || q }
func and(p, q bool) bool { return p && q }

func (m *machine) fields(code byte) {
	m.t.Helper()
	if code == 10 {
		m.firstMatch()
		return
	}
	if code == 11 {
		a, x := m.operand()
		other := New(m.u.family, Options{})
		there := other.Import(m.s, a)
		m.u.check(m.t, other, there, x)
		m.record(m.s.Import(other, there), x)
		return
	}
	a, x := m.operand()
	f := int(m.next()) % fields
	field := packet.Field(f + 1)
	over := m.u.box(m.next)
	switch code {
	case 6:
		m.record(m.s.Project(a, field), m.u.some(x, f, Everything(m.u.family)))
	case 7:
		m.record(m.s.ProjectSome(a, field, over), m.u.some(x, f, over))
	case 8:
		m.record(m.s.ProjectAll(a, field, over), m.u.every(x, f, over))
	case 9:
		m.record(m.s.Assign(a, field, over), m.u.assign(x, f, over))
	}
}

// firstMatch compares with a linear scan of the list.
func (m *machine) firstMatch() {
	m.t.Helper()
	otherwise := Decision(1 + m.next()%2)
	entries := make([]Entry, m.next()%8)
	models := make([]model, len(entries))
	for i := range entries {
		entries[i].Match, models[i] = m.operand()
		entries[i].Decision = Decision(1 + m.next()%2)
	}
	want := m.u.where(func(h int) bool {
		for i, e := range entries {
			if models[i][h] {
				return e.Decision == Permit
			}
		}
		return otherwise == Permit
	})
	m.record(m.s.FirstMatch(entries, otherwise), want)
}

func (m *machine) questions(a, b, c Set, x, y, z model) {
	m.t.Helper()
	sub, err := m.s.Subset(a, b)
	if want := !slices.Contains(zip(x, y, func(p, q bool) bool { return p && !q }), true); err != nil || sub != want {
		m.t.Fatalf("subset: %v, %v, want %v", sub, err, want)
	}
	for _, q := range []struct {
		sets []Set
		both model
	}{
		{[]Set{a}, x},
		{[]Set{a, b}, zip(x, y, and)},
		{[]Set{a, b, c}, zip(zip(x, y, and), z, and)},
	} {
		want := !slices.Contains(q.both, true)
		if got, err := m.s.Disjoint(q.sets...); err != nil || got != want {
			m.t.Fatalf("disjoint: %v, %v, want %v", got, err, want)
		}
		h, found, err := m.s.Witness(q.sets...)
		if err != nil || found == want {
			m.t.Fatalf("witness: %v, %v, %v, want %v", h, found, err, !want)
		}
		for _, set := range q.sets {
			if in, _ := m.s.Contains(set, h); found && !in {
				m.t.Fatalf("witness %v is outside", h)
			}
		}
	}
}

func TestRandomPrograms(t *testing.T) {
	for _, f := range packet.Families {
		t.Run(f.String(), func(t *testing.T) {
			for seed := range uint64(25) {
				r := rand.New(rand.NewPCG(seed, 1))
				code := make([]byte, 400+seed%2)
				for i := range code {
					code[i] = byte(r.Uint32())
				}
				newMachine(t, f, code).run(30)
			}
		})
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 1, 255, 255, 255, 0x11, 1, 5, 0})
	f.Add([]byte{1, 0, 1, 0x33, 0, 255, 255, 0x12, 1, 6, 0, 2, 8, 0, 2, 255, 17, 18, 19, 20, 1})
	r := rand.New(rand.NewPCG(7, 7))
	for range 8 {
		code := make([]byte, 120)
		for i := range code {
			code[i] = byte(r.Uint32())
		}
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		family := packet.IPv4
		if len(code) > 0 && code[0]&1 == 1 {
			family = packet.IPv6
		}
		newMachine(t, family, code[min(1, len(code)):]).run(24)
	})
}

// TestLaws checks what no model is needed for, on boxes of arbitrary bounds.
func TestLaws(t *testing.T) {
	for _, f := range packet.Families {
		t.Run(f.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { laws(t, f) })
		})
	}
}

func laws(t *rapid.T, f packet.Family) {
	s := New(f, Options{})
	draw := func(name string) Set { return s.Of(rapid.SliceOfN(anyBox(f), 0, 4).Draw(t, name)...) }
	a, b, c := draw("a"), draw("b"), draw("c")
	same := func(law string, x, y Set) {
		if x != y || x == Invalid {
			t.Fatalf("%s: %d is not %d", law, x, y)
		}
	}
	not := s.Complement
	same("union commutes", s.Union(a, b), s.Union(b, a))
	same("union associates", s.Union(s.Union(a, b), c), s.Union(a, s.Union(b, c)))
	same("intersect distributes", s.Intersect(a, s.Union(b, c)), s.Union(s.Intersect(a, b), s.Intersect(a, c)))
	same("union distributes", s.Union(a, s.Intersect(b, c)), s.Intersect(s.Union(a, b), s.Union(a, c)))
	same("absorption", s.Union(a, s.Intersect(a, b)), a)
	same("de Morgan", not(s.Union(a, b)), s.Intersect(not(a), not(b)))
	same("double complement", not(not(a)), a)
	same("difference", s.Difference(a, b), s.Intersect(a, not(b)))
	same("symmetric", s.SymmetricDifference(a, b), s.Difference(s.Union(a, b), s.Intersect(a, b)))
	same("all", s.Union(a, not(a)), s.All())
	same("nothing", s.Intersect(a, not(a)), Empty)
	same("first match", s.FirstMatch([]Entry{{a, Deny}, {b, Permit}}, Deny), s.Difference(b, a))
	same("first match, open end", s.FirstMatch([]Entry{{a, Deny}, {b, Permit}}, Permit), not(a))

	if sub, _ := s.Subset(a, b); sub != (s.Difference(a, b) == Empty) {
		t.Fatalf("subset %v", sub)
	}
	if apart, _ := s.Disjoint(a, b, c); apart != (s.Intersect(a, b, c) == Empty) {
		t.Fatalf("disjoint %v", apart)
	}
	total := s.Count(s.Union(a, b))
	total.Add(total, s.Count(s.Intersect(a, b)))
	parts := s.Count(a)
	if parts.Add(parts, s.Count(b)).Cmp(total) != 0 {
		t.Fatalf("inclusion and exclusion: %v, %v", parts, total)
	}
	for field := packet.FieldProtocol; field <= packet.FieldDstPort; field++ {
		p := s.Project(a, field)
		same("project is idempotent", s.Project(p, field), p)
		same("project distributes over union", s.Project(s.Union(a, b), field), s.Union(p, s.Project(b, field)))
		if sub, _ := s.Subset(a, p); !sub {
			t.Fatal("project loses headers")
		}
		every := s.ProjectAll(a, field, Everything(f))
		if sub, _ := s.Subset(every, a); !sub {
			t.Fatal("project all gains headers")
		}
	}
	if h, ok, err := s.Witness(a, b); err != nil || ok != (s.Intersect(a, b) != Empty) {
		t.Fatalf("witness %v %v %v", h, ok, err)
	} else if in, _ := s.Contains(s.Intersect(a, b), h); ok && !in {
		t.Fatalf("witness %v outside", h)
	}
	if boxes := slices.Collect(s.Boxes(a)); s.Of(boxes...) != a {
		t.Fatalf("boxes %v are another set", boxes)
	}
}

// anyBox draws boxes whose bounds are anything, often extreme or shared.
func anyBox(f packet.Family) *rapid.Generator[Box] {
	return rapid.Custom(func(t *rapid.T) Box {
		var c cell
		for i := range c {
			most := word64(65535)
			switch {
			case i == protocol:
				most = word64(255)
			case (i == src || i == dst) && f == packet.IPv4:
				most = word64(1<<32 - 1)
			case i == src || i == dst:
				most = word{^uint64(0), ^uint64(0)}
			}
			lo, hi := anyWord(t, most), anyWord(t, most)
			if lo.compare(hi) > 0 {
				lo, hi = hi, lo
			}
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				lo, hi = word{}, most
			case 1:
				hi = lo
			}
			c[i] = span{lo, hi}
		}
		return c.box(f)
	})
}

func anyWord(t *rapid.T, most word) word {
	v := word{rapid.Uint64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}
	if rapid.Bool().Draw(t, "extreme") {
		v.lo = ^v.lo
	}
	if most.hi == 0 {
		return word64(v.lo % (most.lo + 1))
	}
	return v
}
