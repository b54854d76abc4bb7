package rules

import (
	"context"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// The analysis of ordered lists that the rules about ACL entries share.
//
// An entry is dead when every packet that it may match is surely matched by
// entries that surely stand before it. What a dead entry is called depends on
// what those do with its packets: when they surely do the opposite with some,
// the entry does not have the effect that its author wanted; otherwise it is
// merely redundant. A packet set of what entries surely match only holds
// entries of which everything is known, so that a verdict about a dead entry
// holds whatever the unknown values turn out to be.

// highestNumber is the last number that people can give. AWS keeps those above
// for the implicit entries, 32767 and 32768, which lists leave out.
// [VPC amazon-vpc-limits.md]
const highestNumber = 32766

// aclLine is one entry in the eyes of one family.
type aclLine struct {
	entry *ir.Entry
	must  solver.Set // what it surely matches
	may   solver.Set // what it may match
	// shape is what it matches if it is there, wherever that is: all but its
	// existence and number are known. Otherwise it is empty.
	shape    solver.Set
	numbered bool // the number is known and nobody else's
}

func (l *aclLine) allows() bool { return l.entry.Allow.Known() && l.entry.Allow.V }
func (l *aclLine) denies() bool { return l.entry.Allow.Known() && !l.entry.Allow.V }

// does reports whether the entry has the same known action as another.
func (l *aclLine) does(o *aclLine) bool {
	return l.entry.Allow.Known() && o.entry.Allow.Known() && l.entry.Allow.V == o.entry.Allow.V
}

// aclList is one direction of an ACL in one family, in the order in which AWS
// evaluates it, entries of unknown number last.
type aclList struct {
	space  *solver.Space
	acl    *ir.NetworkACL
	egress bool
	lines  []aclLine
	before []aclPrefix // what holds before each line
	exact  bool        // order and existence of all entries are known
	known  *matches    // of the lines, by what they surely match; made when it is needed
}

// aclPrefix is what the numbered entries before a line do.
type aclPrefix struct {
	covered        solver.Set // surely matched
	allows, denies solver.Set // surely matched by one that allows, or denies
	allowed        solver.Set // surely let through
	maybe          solver.Set // possibly let through
}

func newACLList(s *solver.Space, acl *ir.NetworkACL, egress bool) *aclList {
	l := &aclList{space: s, acl: acl, egress: egress, exact: acl.Open == nil}
	entries := slices.DeleteFunc(reach.Entries(acl, egress), func(e *ir.Entry) bool {
		return e.Number.Known() && e.Number.V > highestNumber
	})
	numbers := map[uint16]int{}
	for _, e := range entries {
		if e.Number.Known() {
			numbers[e.Number.V]++
		}
	}
	v := reach.RequestView(egress)
	for _, e := range entries {
		band := reach.EntryBand(s, v, e)
		line := aclLine{entry: e, must: band.Must, may: band.May, shape: solver.Empty}
		line.numbered = e.Number.Known() && numbers[e.Number.V] == 1
		if e.Protocol.Known() && e.Ports.Known() && e.Peer.CIDR.IsValid() {
			line.shape = band.May
		}
		if e.Number.Known() && !line.numbered {
			line.must = solver.Empty // AWS takes one of the two, and it is not said which
		}
		l.exact = l.exact && line.numbered && e.Maybe == nil
		l.lines = append(l.lines, line)
	}
	l.walk()
	return l
}

// walk fills in before. It is first match, entry by entry: the pessimist takes
// an allow for what it surely matches and a deny for what it may, the optimist
// the other way round; entries of unknown number come first where that hurts.
func (l *aclList) walk() {
	s := l.space
	p := aclPrefix{solver.Empty, solver.Empty, solver.Empty, solver.Empty, solver.Empty}
	feared, hoped := solver.Empty, solver.Empty // what the pessimist and the optimist have decided
	for k := range l.lines {
		if e := &l.lines[k]; !e.numbered {
			if !e.allows() {
				feared = s.Union(feared, e.may)
			}
			if !e.denies() {
				p.maybe = s.Union(p.maybe, e.may)
			}
		}
	}
	for k := range l.lines {
		e := &l.lines[k]
		l.before = append(l.before, p)
		if !e.numbered {
			continue
		}
		p.covered = s.Union(p.covered, e.must)
		switch {
		case e.allows():
			p.allows = s.Union(p.allows, e.must)
			p.allowed = s.Union(p.allowed, s.Difference(e.must, feared))
			p.maybe = s.Union(p.maybe, s.Difference(e.may, hoped))
			feared, hoped = s.Union(feared, e.must), s.Union(hoped, e.may)
		case e.denies():
			p.denies = s.Union(p.denies, e.must)
			feared, hoped = s.Union(feared, e.may), s.Union(hoped, e.must)
		default:
			p.maybe = s.Union(p.maybe, s.Difference(e.may, hoped))
			feared, hoped = s.Union(feared, e.may), s.Union(hoped, e.may)
		}
	}
}

// fate is what becomes of an entry's packets before they get to it.
type fate uint8

// The fates, in the order in which the worse of two families counts.
const (
	fateInvalid  fate = iota
	fateAlive         // some of its packets may get to it
	fateAbsent        // it matches nothing in this family
	fateTwin          // dead, and nothing is lost by that
	fateThwarted      // dead, and the entries before do the opposite with some of its packets
	fatePerhaps       // thwarted, if the entries before are there and in that order
)

// ruling is the fate of an entry in one family.
type ruling struct {
	fate fate
	// wrong: the packets of a thwarted entry with which the opposite happens.
	wrong solver.Set
	// wholly: the opposite happens with all of them.
	wholly bool
	// supposed: the fate depends on the existence or order of other entries.
	supposed bool
}

// longestList is how many entries of one direction are looked at closely: AWS
// allows 40 in each family. In longer lists, entries that are possibly dead are
// not looked for, and no repairs are.
// [VPC amazon-vpc-limits.md]
const longestList = 256

// judge decides the fate of line i.
func (l *aclList) judge(i int) (ruling, error) {
	e, s, b := &l.lines[i], l.space, &l.before[i]
	switch {
	case e.may == solver.Empty:
		return ruling{fate: fateAbsent}, nil
	case !e.entry.Allow.Known() || l.isStyle(i):
		return ruling{fate: fateAlive}, nil
	}
	dead, err := s.Subset(e.may, b.covered)
	if err != nil {
		return ruling{}, err
	}
	if !dead || !e.numbered {
		return l.judgePossible(i)
	}
	wrong, twins := l.opposite(i, b), b.allows
	if e.denies() {
		twins = b.denies
	}
	if wrong == solver.Invalid {
		return ruling{}, solver.ErrBudget
	}
	twin, err := s.Subset(e.may, twins)
	if err != nil {
		return ruling{}, err
	}
	wholly := wrong == e.may
	thwarted := wrong != solver.Empty && (wholly || !twin)
	out := ruling{fate: fateTwin, wrong: wrong, wholly: wholly}
	if thwarted {
		out.fate = fateThwarted
		if l.acl.Open != nil {
			out.fate = fatePerhaps // an entry that is not seen may come first
		}
	}
	return out, nil
}

// opposite returns the packets of line i with which the entries before surely
// do the opposite of what it says.
func (l *aclList) opposite(i int, b *aclPrefix) solver.Set {
	e, s := &l.lines[i], l.space
	if e.denies() {
		return s.Intersect(e.may, b.allowed)
	}
	return s.Difference(s.Intersect(e.may, b.covered), b.maybe)
}

// judgePossible asks whether line i is thwarted if all entries are there that
// may be, and stand where they may stand.
func (l *aclList) judgePossible(i int) (ruling, error) {
	e, s := &l.lines[i], l.space
	if l.exact || e.shape == solver.Empty || len(l.lines) > longestList {
		return ruling{fate: fateAlive}, nil
	}
	var opposite, twins []solver.Set
	for k := range l.lines {
		o := &l.lines[k]
		switch {
		case !mayPrecede(o, e) || !o.entry.Allow.Known():
		case o.does(e):
			twins = append(twins, o.shape)
		default:
			opposite = append(opposite, o.shape)
		}
	}
	thwarted, err := s.Subset(e.may, s.Union(slices.Concat(twins, opposite)...))
	if err != nil || !thwarted {
		return ruling{fate: fateAlive}, err
	}
	if twin, err := s.Subset(e.may, s.Union(twins...)); err != nil || twin {
		return ruling{fate: fateAlive}, err
	}
	return ruling{fate: fatePerhaps, supposed: true}, nil
}

// mayPrecede reports whether o may stand before e.
func mayPrecede(o, e *aclLine) bool {
	return o != e && (!o.entry.Number.Known() || !e.entry.Number.Known() || o.entry.Number.V <= e.entry.Number.V)
}

// isStyle reports whether line i says what the implicit entry says anyway: it
// denies everything, and nothing else comes after it. People write it for the
// reader.
func (l *aclList) isStyle(i int) bool {
	for k := i; k < len(l.lines); k++ {
		e := &l.lines[k]
		if e.may == solver.Empty {
			continue
		}
		if !e.denies() || !e.numbered || e.must != l.space.All() {
			return false
		}
	}
	return true
}

// aclBoth is one direction of an ACL in both families: the same entries under
// the same indexes.
type aclBoth [len(packet.Families)]*aclList

// verdict is the fate of an entry in both families together: it is dead only
// where it is dead in both.
type verdict struct {
	ruling            // of the family that is worse off
	list     *aclList // that family
	families [len(packet.Families)]ruling
}

// judge decides the fate of an entry.
func (b *aclBoth) judge(i int) (verdict, error) {
	v := verdict{ruling: ruling{fate: fateAbsent}, list: b[0]}
	for k, l := range b {
		r, err := l.judge(i)
		if err != nil {
			return verdict{}, err
		}
		v.families[k] = r
		if r.fate == fateAlive {
			return verdict{ruling: r, list: l}, nil
		}
		if r.fate > v.fate {
			v.ruling, v.list = r, l
		}
	}
	return v, nil
}

// certify returns the cover of a dead entry in both families, and its proofs.
func (b *aclBoth) certify(ctx context.Context, i int, v verdict) ([]*ir.Entry, []CoverProof, error) {
	var cover []*ir.Entry
	var proofs []CoverProof
	for k, l := range b {
		if v.families[k].fate <= fateAbsent {
			continue
		}
		part, proof, err := l.certify(ctx, i, v.families[k])
		if err != nil {
			return nil, nil, err
		}
		proofs = append(proofs, *proof)
		for _, e := range part {
			if !slices.Contains(cover, e) {
				cover = append(cover, e)
			}
		}
	}
	return cover, proofs, nil
}

// newACLBoth analyses one direction of an ACL.
func newACLBoth(spaces [len(packet.Families)]*solver.Space, acl *ir.NetworkACL, egress bool) aclBoth {
	var both aclBoth
	for k := range packet.Families {
		both[k] = newACLList(spaces[k], acl, egress)
	}
	return both
}

// eachList calls a function for every direction of every ACL that has entries.
// The spaces are shared by the ACLs of a network and replaced when they fill up.
func eachList(ctx context.Context, n *ir.Network, visit func(aclBoth) error) error {
	var spaces [len(packet.Families)]*solver.Space
	for _, acl := range n.NetworkACLs {
		for _, egress := range []bool{false, true} {
			if err := ctx.Err(); err != nil {
				return err
			}
			for k, f := range packet.Families {
				if spaces[k] == nil || spaces[k].Edges() > freshAfter {
					spaces[k] = solver.New(f, solver.Options{})
				}
			}
			both := newACLBoth(spaces, acl, egress)
			if len(both[0].lines) == 0 {
				continue
			}
			if err := visit(both); err != nil {
				return err
			}
		}
	}
	return nil
}

// freshAfter is how much of a space may be in use before the next filter gets
// a new one.
const freshAfter = 1 << 20
