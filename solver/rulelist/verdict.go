package rulelist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// State is what is found about an entry.
type State uint8

// The states.
const (
	StateInvalid State = iota
	Absent             // the entry matches no header of the family
	Alive              // not covered: the verdict has a witness
	Covered            // covered: the verdict says by what
	Undecided          // no step could tell
)

func (s State) String() string {
	switch s {
	case Absent:
		return "absent"
	case Alive:
		return "alive"
	case Covered:
		return "covered"
	case Undecided:
		return "undecided"
	case StateInvalid:
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Tier is the step that found a verdict; see the package comment.
type Tier uint8

// The steps, in the order in which they are tried.
const (
	TierInvalid Tier = iota
	TierPair
	TierWalk
	TierSubtraction
	TierDiagram
	TierExact
)

func (t Tier) String() string {
	switch t {
	case TierPair:
		return "pair"
	case TierWalk:
		return "walk"
	case TierSubtraction:
		return "subtraction"
	case TierDiagram:
		return "diagram"
	case TierExact:
		return "exact"
	case TierInvalid:
	}
	return fmt.Sprintf("tier(%d)", uint8(t))
}

// Verdict is the answer about one entry.
type Verdict struct {
	State State
	// Tier is the last step that was needed.
	Tier Tier
	// Witness is, when Alive, a header that the entry may match and that is not
	// accounted for.
	Witness packet.Header
	// Rules are, when Covered, entries that together account for all that the
	// entry may match, in order.
	Rules []int
	// Irreducible: none of Rules can be left out.
	Irreducible bool
	// Cover proves a Covered verdict; its leaves name entries of the list. It
	// is nil when only TierDiagram or TierExact could tell, and when it would
	// have too many leaves.
	Cover *packet.Cover
	// Why is, when Undecided, what kept the last step from telling; nil when
	// there was none.
	Why error
}

// Exact is a solver that answers what the steps of this package could not.
// Package smt has one.
type Exact interface {
	// Covered reports whether every well-formed header of a region is in one of
	// others; when not, it returns a header that is in none. The error says why
	// it cannot tell.
	Covered(ctx context.Context, f packet.Family, target packet.Region, others []packet.Region) (bool, packet.Header, error)
}

// maxSteps bounds the candidates that subtraction looks at for one box.
const maxSteps = 1 << 21

// maxDiagram bounds the edges of the diagram of one box.
const maxDiagram = 1 << 20

// errWitness says that an Exact is wrong.
var errWitness = errors.New("rulelist: the header that the solver found is covered, or not in question")

// Shadowed reports whether all that entry i may match is surely matched by
// entries before it. last may be nil. The error is that of ctx.
func (x *Index) Shadowed(ctx context.Context, i int, last Exact) (Verdict, error) {
	s := newSearch(x)
	j := judge{s: s, i: i, last: last}
	err := j.run(ctx)
	return j.shadowed, err
}

// Redundant reports whether the list without entry i would do the same with
// every header: each that the entry may match is surely matched before it, or
// surely gets the same from what comes after it. An entry whose action is not
// known is Undecided.
func (x *Index) Redundant(ctx context.Context, i int, last Exact) (Verdict, error) {
	s := newSearch(x)
	j := judge{s: s, i: i, last: last, both: true}
	err := j.run(ctx)
	return j.redundant, err
}

// judge finds the verdicts about one entry, target by target.
type judge struct {
	s    *search
	i    int
	last Exact
	both bool // the second verdict is wanted as well

	shadowed, redundant Verdict
}

func (j *judge) run(ctx context.Context) error {
	x := j.s.x
	targets := x.targets(j.i)
	if len(targets) == 0 {
		j.shadowed = Verdict{State: Absent, Tier: TierPair}
		j.redundant = j.shadowed
		return ctx.Err()
	}
	j.shadowed = Verdict{State: Covered, Tier: TierPair}
	j.redundant = j.shadowed
	if x.actions[j.i] == solver.DecisionInvalid {
		j.redundant.State = Undecided
	}
	for k := range targets {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.target(ctx, int(x.hi[j.i])+k); err != nil {
			return err
		}
		if j.shadowed.State != Covered && (!j.both || j.redundant.State != Covered) {
			break
		}
	}
	if j.shadowed.State == Covered {
		j.shadowed.certify(j.s, j.i, false)
		j.redundant = j.shadowed
	} else if j.both && j.redundant.State == Covered {
		j.redundant.certify(j.s, j.i, true)
	}
	return nil
}

// merge adds what was found about one more target to a verdict.
func (v *Verdict) merge(o Verdict) {
	v.Tier = max(v.Tier, o.Tier)
	switch {
	case v.State == Alive:
	case o.State != Covered:
		v.State, v.Witness, v.Why = o.State, o.Witness, o.Why
	case v.State == Covered:
		v.Rules, v.Cover = append(v.Rules, o.Rules...), o.Cover
	}
}

// target decides one target, and adds it to the verdicts.
func (j *judge) target(ctx context.Context, k int) error {
	s := j.s
	t := &s.x.pieces[k]
	if by := s.container(k); by >= 0 {
		v := Verdict{State: Covered, Tier: TierPair, Rules: []int{int(s.x.of[by])}}
		j.shadowed.merge(v)
		j.redundant.merge(v)
		return nil
	}
	v, err := j.decide(ctx, t, false)
	if err != nil {
		return err
	}
	j.shadowed.merge(v)
	if v.State == Covered || !j.both || j.redundant.State != Covered {
		if v.State == Covered {
			j.redundant.merge(v)
		}
		return nil
	}
	if v, err = j.decide(ctx, t, true); err != nil {
		return err
	}
	j.redundant.merge(v)
	return nil
}

// before gathers the pieces before entry i that surely match something of a
// box.
func (s *search) before(t *piece, i int) {
	in := s.in
	in.meeting(t, 0, int(in.start[i]), func(k int) bool {
		if in.sure[k] {
			s.cands = append(s.cands, candidate{in.pieces[k], in.of[k], settles})
		}
		return true
	})
}

// behind adds the pieces after entry i to the candidates.
func (s *search) behind(t *piece, i int) {
	in := s.in
	base := len(s.cands)
	add := func(p *piece, by int32, sure bool) {
		if s.x.actions[by] != s.x.actions[i] {
			s.cands = append(s.cands, candidate{*p, by, opposes})
		} else if sure {
			s.cands = append(s.cands, candidate{*p, by, agrees})
		}
	}
	in.meeting(t, int(in.start[i+1]), len(in.pieces), func(k int) bool {
		add(&in.pieces[k], in.of[k], in.sure[k])
		return true
	})
	hidden := s.hiddenOf(i)
	if len(hidden) == 0 {
		return
	}
	for _, k := range hidden {
		if p := &s.x.pieces[k]; p.meets(t) {
			add(p, s.x.of[k], s.x.sure[k])
		}
	}
	slices.SortStableFunc(s.cands[base:], func(a, b candidate) int { return cmp.Compare(a.by, b.by) })
}

// decide tries the steps after the first on one target.
func (j *judge) decide(ctx context.Context, t *piece, after bool) (Verdict, error) {
	s := j.s
	s.open = after && s.x.actions[j.i] == s.x.otherwise
	if s.walk(t, j.i, after) || after && s.walkOpposed(t, j.i) {
		return Verdict{State: Alive, Tier: TierWalk, Witness: s.x.header(&s.left)}, nil
	}
	s.gather(t, j.i, nil, after)
	s.build = len(s.x.targets(j.i)) == 1 // the proof of the only target is the certificate
	return s.settle(ctx, t, j.last)
}

// settle tries the steps after the walk on one target, with the candidates that
// were gathered.
func (s *search) settle(ctx context.Context, t *piece, last Exact) (Verdict, error) {
	defer func() { s.build = false }()
	cands := s.cands
	s.steps = s.x.mostSteps
	clear(s.leaf)
	if proved := s.prove(t, cands); proved != nil {
		v := Verdict{State: Covered, Tier: TierSubtraction}
		if s.build {
			v.Cover = s.around(t, proved, s.leafOf(packet.Outside))
		}
		return v, nil
	}
	if !s.over() {
		return Verdict{State: Alive, Tier: TierSubtraction, Witness: s.x.header(&s.left)}, nil
	}
	if v := s.diagram(t, cands); v.State != Undecided {
		return v, nil
	}
	if last == nil {
		return Verdict{State: Undecided, Tier: TierDiagram}, nil
	}
	return s.ask(ctx, last, t, cands)
}

// diagram decides a target with packet sets of its candidates.
func (s *search) diagram(t *piece, cands []candidate) Verdict {
	sp := solver.New(s.x.family, solver.Options{MaxEdges: s.x.mostEdges})
	otherwise := solver.Deny
	if s.open {
		otherwise = solver.Permit
	}
	var list []solver.Entry
	for k := range cands {
		c := cands[k].clip(t)
		e := solver.Entry{Match: sp.Of(s.x.solverBox(&c)), Decision: solver.Permit}
		if cands[k].role == opposes {
			e.Decision = solver.Deny
		}
		list = append(list, e)
	}
	left := sp.Difference(sp.Of(s.x.solverBox(t)), sp.FirstMatch(list, otherwise))
	h, ok, err := sp.Witness(left)
	switch {
	case err != nil:
		return Verdict{State: Undecided, Tier: TierDiagram}
	case ok:
		return Verdict{State: Alive, Tier: TierDiagram, Witness: h}
	}
	return Verdict{State: Covered, Tier: TierDiagram}
}

// ask decides a target by questions to another solver, one for each candidate
// that opposes and one for what no candidate takes. What it cannot tell is
// Undecided; only the end of ctx is an error.
func (s *search) ask(ctx context.Context, last Exact, t *piece, cands []candidate) (Verdict, error) {
	var others []packet.Region
	question := func(b *piece) (Verdict, error) {
		target := s.x.region(b)
		ok, h, err := last.Covered(ctx, s.x.family, target, others)
		switch {
		case ctx.Err() != nil:
			return Verdict{}, ctx.Err()
		case err == nil && ok:
			return Verdict{State: Covered, Tier: TierExact}, nil
		case err == nil && (!h.Valid() || !target.Contains(h) || slices.ContainsFunc(others, func(r packet.Region) bool { return r.Contains(h) })):
			err = errWitness
		}
		if err != nil {
			return Verdict{State: Undecided, Tier: TierExact, Why: err}, nil
		}
		return Verdict{State: Alive, Tier: TierExact, Witness: h}, nil
	}
	for k := range cands {
		c := cands[k].clip(t)
		if cands[k].role == opposes {
			if v, err := question(&c); err != nil || v.State != Covered {
				return v, err
			}
		}
		others = append(others, s.x.region(&c))
	}
	if s.open {
		return Verdict{State: Covered, Tier: TierExact}, nil
	}
	return question(t)
}
