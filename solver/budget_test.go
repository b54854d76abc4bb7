package solver

import (
	"errors"
	"slices"
	"testing"

	"github.com/postern-dev/postern/packet"
)

func TestBudget(t *testing.T) {
	for _, f := range packet.Families {
		s := New(f, Options{MaxEdges: 400})
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
		small := Everything(f)
		small.DstPort = Port(22)
		kept := s.Of(small)
		used := s.Edges()
		var boxes []Box
		for p := range uint16(300) {
			b := small
			b.DstPort = Port(2 * p)
			boxes = append(boxes, b)
		}
		big := s.Of(boxes...)
		if big != Invalid || !errors.Is(s.Err(), ErrBudget) {
			t.Fatalf("%v: set %d, error %v", f, big, s.Err())
		}
		if s.Edges() != used {
			t.Errorf("%v: an operation that failed left %d edges", f, s.Edges()-used)
		}
		if again := s.Of(small); again != kept {
			t.Errorf("%v: sets from before are lost: %d, %d", f, again, kept)
		}
		s.Reset()
		if s.Err() != nil || s.Edges() >= used || s.Of(small) == Invalid {
			t.Errorf("%v: after reset: %v, %d edges", f, s.Err(), s.Edges())
		}
	}
	if s := New(packet.IPv4, Options{MaxEdges: 3}); s.All() != Invalid || s.Of(Everything(packet.IPv4)) != Invalid {
		t.Error("a budget below the smallest set")
	}
}

// TestBudgetIsOfWhatIsNeeded compiles a list whose intermediate results do not
// fit into the budget all at once.
func TestBudgetIsOfWhatIsNeeded(t *testing.T) {
	g := newGenerator(8, .1)
	rules := g.list(400, g.five)
	free := New(packet.IPv4, Options{})
	want := free.FirstMatch(entries(free, rules), Deny)
	tight := New(packet.IPv4, Options{MaxEdges: free.Edges() * 2 / 3})
	got := tight.FirstMatch(entries(tight, rules), Deny)
	if got == Invalid || free.Import(tight, got) != want {
		t.Errorf("set %d, %v", got, tight.Err())
	}
}

func TestInvalidStaysInvalid(t *testing.T) {
	s := New(packet.IPv4, Options{})
	all, box := s.All(), Everything(packet.IPv4)
	for name, got := range map[string]Set{
		"union":      s.Union(all, Invalid),
		"intersect":  s.Intersect(Empty, Invalid),
		"difference": s.Difference(Empty, Invalid),
		"complement": s.Complement(Invalid),
		"symmetric":  s.SymmetricDifference(Invalid, Invalid),
		"project":    s.Project(Invalid, packet.FieldSrc),
		"all":        s.ProjectAll(Invalid, packet.FieldSrcPort, box),
		"some":       s.ProjectSome(Invalid, packet.FieldSrcPort, box),
		"assign":     s.Assign(Invalid, packet.FieldSrcPort, box),
		"list":       s.FirstMatch([]Entry{{Invalid, Permit}}, Deny),
		"decision":   s.FirstMatch([]Entry{{all, DecisionInvalid}}, Deny),
		"otherwise":  s.FirstMatch(nil, DecisionInvalid),
		"import":     s.Import(New(packet.IPv4, Options{}), Invalid),
		"family":     s.Import(New(packet.IPv6, Options{}), Empty),
		"stranger":   s.Union(Set(1 << 30)),
		"no family":  New(packet.FamilyInvalid, Options{}).All(),
	} {
		if got != Invalid {
			t.Errorf("%s: %d", name, got)
		}
	}
	_, err1 := s.Subset(all, Invalid)
	_, err2 := s.Disjoint(Empty, Invalid)
	_, err3 := s.Contains(Invalid, packet.Header{})
	_, _, err4 := s.Witness(all, Invalid)
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, ErrBudget) {
			t.Errorf("question %d: %v", i, err)
		}
	}
	if s.Count(Invalid) != nil || len(slices.Collect(s.Boxes(Invalid))) != 0 {
		t.Error("count or boxes of Invalid")
	}
}

// TestLongWalks takes the budget away after the sets were built, so that what
// follows needs no new edge and still must stop.
func TestLongWalks(t *testing.T) {
	s := New(packet.IPv4, Options{})
	g := newGenerator(5, .1)
	x := s.FirstMatch(entries(s, g.list(60, g.five)), Deny)
	y := s.FirstMatch(entries(s, g.list(60, g.five)), Deny)
	z := s.Complement(s.Intersect(x, y))
	s.engine.(*diagram[uint32]).maxEdges = 1
	if _, err := s.Disjoint(x, y, z); !errors.Is(err, ErrBudget) {
		t.Errorf("disjoint: %v", err)
	}
	if _, _, err := s.Witness(x, y, z); !errors.Is(err, ErrBudget) {
		t.Errorf("witness: %v", err)
	}
	if _, err := s.Subset(Empty, y); err != nil {
		t.Errorf("no walk: %v", err)
	}
	if _, err := s.Subset(z, s.All()); !errors.Is(err, ErrBudget) {
		t.Errorf("subset: %v", err)
	}
	if got := s.Project(x, packet.FieldSrc); got != Invalid {
		t.Errorf("project: %d", got)
	}
	if got := s.FirstMatch([]Entry{{x, Deny}}, Deny); got != Invalid {
		t.Errorf("first match: %d", got)
	}
	s.engine.(*diagram[uint32]).maxEdges = DefaultMaxEdges
	if apart, err := s.Disjoint(x, y, z); !apart || err != nil {
		t.Errorf("with the budget back: %v, %v", apart, err)
	}
}

func TestCollectedIsTheSame(t *testing.T) {
	g := newGenerator(6, .2)
	rules := g.list(300, g.five)
	s, tidy := New(packet.IPv4, Options{}), New(packet.IPv4, Options{})
	tidyAlways(tidy)
	before := tidy.Of(rules[7].box)
	a, b := s.FirstMatch(entries(s, rules), Permit), tidy.FirstMatch(entries(tidy, rules), Permit)
	if s.Import(tidy, b) != a {
		t.Error("another set")
	}
	if tidy.Edges() >= s.Edges()/2 {
		t.Errorf("%d edges are left of %d", tidy.Edges(), s.Edges())
	}
	if after := tidy.Of(rules[7].box); after != before {
		t.Errorf("a set from before has become %d, was %d", after, before)
	}
	if tidy.Difference(b, tidy.Complement(tidy.Complement(b))) != Empty {
		t.Error("the result cannot be used")
	}
}
