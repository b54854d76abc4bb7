package rules

import (
	"context"
	"slices"

	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// boxes is what the match of an entry is in the list's family.
func (l *aclList) boxes(e *ir.Entry, b reach.Bound) []solver.Box {
	return reach.Boxes(l.space.Family(), reach.RequestView(l.egress), e.Match, b, nil)
}

// add adds a line to matches; what it surely matches is left out when it does
// not surely stand in the list.
func (l *aclList) add(m *matches, o *aclLine) {
	var lo []solver.Box
	if o.must != solver.Empty {
		lo = l.boxes(o.entry, reach.Lo)
	}
	action := solver.DecisionInvalid
	switch {
	case o.allows():
		action = solver.Permit
	case o.denies():
		action = solver.Deny
	}
	m.add(&o.entry.Match, lo, l.boxes(o.entry, reach.Hi), action)
}

func (l *aclList) newMatches() *matches {
	return &matches{family: l.space.Family(), egress: l.egress}
}

// certify returns what proves a ruling about line i: entries that match all of
// its packets, none of which can be left out. Those that make the ruling true
// come first: they do the opposite of a thwarted entry, the same as a redundant
// one.
func (l *aclList) certify(ctx context.Context, i int, r ruling) ([]*ir.Entry, *CoverProof, error) {
	m, lines := l.known, l.lines[:i]
	if r.supposed {
		m, lines = l.supposed()
	} else if m == nil {
		m = l.newMatches()
		for k := range l.lines {
			l.add(m, &l.lines[k])
		}
		l.known = m
	}
	e := &l.lines[i]
	thwarted := r.fate != fateTwin
	var by []int
	for _, turn := range []bool{true, false} {
		for k := range lines {
			if o := &lines[k]; k != i && o.must != solver.Empty && (o.does(e) != thwarted) == turn && (!r.supposed || mayPrecede(&l.lines[k], e)) {
				by = append(by, k)
			}
		}
	}
	chosen, proof, err := m.cover(ctx, i, by)
	if err == nil && proof == nil {
		err = errJudges
	}
	if err != nil {
		return nil, nil, err
	}
	return inOrder(lines, chosen), proof, nil
}

// supposed is the list if all entries are there that may be: their lines, and
// their matches.
func (l *aclList) supposed() (*matches, []aclLine) {
	m, lines := l.newMatches(), slices.Clone(l.lines)
	for k := range lines {
		o := &lines[k]
		if o.must = o.shape; !o.entry.Allow.Known() {
			o.must = solver.Empty
		}
		var lo []solver.Box
		if o.must != solver.Empty {
			lo = l.boxes(o.entry, reach.Lo)
		}
		m.add(&o.entry.Match, lo, l.boxes(o.entry, reach.Hi), solver.DecisionInvalid)
	}
	return m, lines
}

// inOrder returns the entries of some lines by number.
func inOrder(lines []aclLine, chosen []int) []*ir.Entry {
	var es []*ir.Entry
	for _, k := range chosen {
		es = append(es, lines[k].entry)
	}
	slices.SortStableFunc(es, func(a, b *ir.Entry) int { return int(a.Number.V) - int(b.Number.V) })
	return es
}
