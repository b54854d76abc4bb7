package rules

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/reach"
	"github.com/postern-dev/postern/solver"
)

// repair suggests a number for an entry that its cover keeps from taking
// effect. A deny gets an edit when the algebra shows what the move does; an
// allow only gets words, for moving it would open something.
func (b *aclBoth) repair(i int, t *thwarted, taken map[uint16]bool) (diag.Fix, error) {
	e := t.entry
	general := diag.Fix{Text: "give it a number below " + entryNames(t.cover) + ", or remove it"}
	if t.fate != fateThwarted || !e.Number.Known() || len(b[0].lines) > longestList {
		return general, nil
	}
	number, ok := b.freeNumber(t.cover, taken)
	if !ok {
		return general, nil
	}
	moved, err := b.moved(e, number)
	if err != nil {
		return general, err
	}
	fits, err := b.fits(i, moved)
	if err != nil || !fits {
		return general, err
	}
	if e.Allow.V {
		general.Text = fmt.Sprintf("give it number %d to let its packets through, or remove it", number)
		return general, nil
	}
	effect, proved, err := b.effect(i, moved)
	if err != nil || !proved {
		return general, err
	}
	taken[number] = true
	fix := diag.Fix{Text: fmt.Sprintf("number %d instead of %d %s and changes nothing else (proved)", number, e.Number.V, effect)}
	if r, ok := e.Origin.Fields[ir.FieldNumber]; ok && isLiteral(r, e.Number.V) {
		fix.Edits = []diag.Edit{{Range: r, NewText: strconv.Itoa(int(number))}}
	}
	return fix, nil
}

// isLiteral reports whether a place is as long as a number written out: an
// expression that gives the number is longer.
func isLiteral(r diag.Range, number uint16) bool {
	return !r.IsZero() && r.Start.Line > 0 && r.Start.Line == r.End.Line &&
		r.End.Byte-r.Start.Byte == len(strconv.Itoa(int(number)))
}

// freeNumber looks for a number between the first entry of a cover and the one
// before it, so that the order of everything else stays. Both families share
// the numbers.
func (b *aclBoth) freeNumber(cover []*ir.Entry, taken map[uint16]bool) (uint16, bool) {
	if slices.ContainsFunc(cover, func(e *ir.Entry) bool { return !e.Number.Known() }) {
		return 0, false
	}
	first := cover[0].Number.V
	for _, e := range cover {
		first = min(first, e.Number.V)
	}
	var before uint16
	for _, l := range b[0].lines {
		if l.entry.Number.Known() && l.entry.Number.V < first {
			before = max(before, l.entry.Number.V)
		}
	}
	for n := range taken {
		if n < first {
			before = max(before, n)
		}
	}
	number := before + (first-before)/2
	if first >= 5 && first-5 > before {
		number = first - 5 // people leave gaps of ten
	}
	return number, number > before
}

// moved analyses the list with the entry under another number.
func (b *aclBoth) moved(e *ir.Entry, number uint16) (aclBoth, error) {
	acl := *b[0].acl
	acl.Entries = slices.Clone(acl.Entries)
	for k := range acl.Entries {
		if &b[0].acl.Entries[k] == e {
			acl.Entries[k].Number = ir.Known(number)
		}
	}
	var spaces [len(packet.Families)]*solver.Space
	for k, l := range b {
		spaces[k] = l.space
	}
	both := newACLBoth(spaces, &acl, b[0].egress)
	for _, s := range spaces {
		if err := s.Err(); err != nil {
			return both, err
		}
	}
	return both, nil
}

// fits reports whether the moved entry takes effect and no other entry loses
// its own by the move.
func (b *aclBoth) fits(i int, moved aclBoth) (bool, error) {
	old := map[uint16]fate{}
	for k, l := range b[0].lines {
		if k == i || !l.entry.Number.Known() {
			continue
		}
		v, err := b.judge(k)
		if err != nil {
			return false, err
		}
		old[l.entry.Number.V] = v.fate
	}
	for k, l := range moved[0].lines {
		if !l.entry.Number.Known() {
			continue
		}
		v, err := moved.judge(k)
		if err != nil {
			return false, err
		}
		// The moved entry has no old fate under its new number.
		if v.fate > fateAbsent && old[l.entry.Number.V] <= fateAbsent {
			return false, nil
		}
	}
	return true, nil
}

// effect says what moving a deny closes. It is proved when both lists are
// wholly known, nothing opens, and all that closes is named by the entry.
func (b *aclBoth) effect(i int, moved aclBoth) (words string, proved bool, err error) {
	for k, l := range b {
		e, s := &l.lines[i], l.space
		v := reach.RequestView(l.egress)
		before := reach.ACLBand(s, v, l.acl, l.egress)
		after := reach.ACLBand(s, v, moved[k].acl, l.egress)
		if !before.Exact() || !after.Exact() {
			return "", false, nil
		}
		closed := s.Difference(before.Must, after.Must)
		if s.Difference(after.Must, before.Must) != solver.Empty {
			return "", false, s.Err()
		}
		if named, err := s.Subset(closed, e.may); err != nil || !named {
			return "", false, err
		}
		if e.may != solver.Empty {
			words = l.closedWords(e, closed, s.Intersect(e.may, after.Must))
		}
	}
	return words, words != "", nil
}

// closedWords says what is closed of the packets that an entry names, and what
// of them stays open.
func (l *aclList) closedWords(e *aclLine, closed, open solver.Set) string {
	service := serviceWords(&e.entry.Match)
	if open == solver.Empty {
		if closed == e.may {
			return "closes " + matchWords(&e.entry.Match, l.egress)
		}
		return "closes what is open of " + matchWords(&e.entry.Match, l.egress)
	}
	if peers, ok := l.peersOf(e, open); ok {
		return fmt.Sprintf("closes %s to all but %s", service, listWords(peers, 3))
	}
	return fmt.Sprintf("closes %s but for what earlier entries allow", matchWords(&e.entry.Match, l.egress))
}

// peersOf names the CIDRs to which a part of an entry's packets is limited,
// when it is limited by them only and they are few.
func (l *aclList) peersOf(e *aclLine, part solver.Set) ([]string, bool) {
	const most = 4
	s := l.space
	var names []string
	var boxes []solver.Box
	for b := range s.Boxes(part) {
		peer := b.Src
		only := solver.Everything(s.Family())
		if l.egress {
			peer = b.Dst
			only.Dst = peer
		} else {
			only.Src = peer
		}
		for _, c := range solver.CIDRs(peer) {
			if !slices.Contains(names, c.String()) {
				names = append(names, c.String())
			}
		}
		boxes = append(boxes, only)
		if len(names) > most || len(boxes) > 2*most {
			return nil, false
		}
	}
	return names, s.Intersect(e.may, s.Of(boxes...)) == part
}
