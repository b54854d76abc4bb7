package rulelist

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/postern-dev/postern/packet"
	"github.com/postern-dev/postern/solver"
)

// Difference is what changes between two versions of an ordered list.
type Difference struct {
	Opened Side // let through by the new list only
	Closed Side // let through by the old list only
}

// Side is a set of headers.
type Side struct {
	// Boxes are disjoint boxes of the set, the largest first, at most
	// ShownBoxes; More is how many others there are.
	Boxes []solver.Box
	More  int
	// Count is the exact number of headers of the whole set.
	Count *big.Int
}

// ShownBoxes bounds the boxes of a Side.
const ShownBoxes = 64

// Compare finds the difference of two lists of one family. otherwise is what
// becomes of headers that no line matches.
//
// Headers that meet none of the lines which were added, removed or moved get
// the same from both lists. So only those lines are looked at, each with the
// lines that meet it. The time depends on what has changed, apart from one
// index of all lines.
func Compare(f packet.Family, before, after []solver.Line, otherwise solver.Decision) (*Difference, error) {
	partner := partners(before, after)
	most := len(before) + len(after)
	entries, boxes := make([]Entry, 0, most), make([]solver.Box, 0, most)
	add := func(l *solver.Line) {
		boxes = append(boxes, l.Box)
		entries = append(entries, Known(l.Decision, boxes[len(boxes)-1:]...))
	}
	d := comparison{}
	var changed []int
	common := make([]bool, len(after))
	for i, k := range partner {
		add(&before[i])
		if d.place = append(d.place, k); k < 0 {
			changed = append(changed, i)
		} else {
			common[k] = true
		}
	}
	for k := range after {
		if !common[k] {
			changed = append(changed, len(entries))
			add(&after[k])
			d.place = append(d.place, k)
		}
	}
	x := NewIndex(f, entries, otherwise)
	d.x, d.in, d.middle = x, x.lookups(), int(x.start[len(before)])
	for _, i := range changed {
		for _, t := range x.targets(i) {
			if !d.target(&t) {
				return compareSets(f, before, after, otherwise)
			}
		}
	}
	s := solver.New(f, solver.Options{})
	return difference(s, s.Of(d.opened...), s.Of(d.closed...))
}

// partners returns, for each line of the first list, the index of the line of
// the second that it is the same as, -1 if it is removed or moved. That is so
// for the longest sequence of lines of the first list whose equals in the
// second are in order as well.
func partners(before, after []solver.Line) []int {
	type line struct {
		line  solver.Line
		count int
	}
	at := make(map[line]int, len(after))
	seen := make(map[solver.Line]int, len(after))
	for k, l := range after {
		at[line{l, seen[l]}] = k
		seen[l]++
	}
	clear(seen)
	partner := make([]int, len(before))
	var tails, from []int // the lines that end the best sequences by length; what each follows
	for i, l := range before {
		k, ok := at[line{l, seen[l]}]
		seen[l]++
		from = append(from, -1)
		if partner[i] = k; !ok {
			partner[i] = -1
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, k, func(t, k int) int { return cmp.Compare(partner[t], k) })
		if n > 0 {
			from[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	common := make([]bool, len(before))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = from[i] {
			common[i] = true
		}
	}
	for i := range partner {
		if !common[i] {
			partner[i] = -1
		}
	}
	return partner
}

// comparison collects the parts of lines for which two lists differ.
type comparison struct {
	search
	place          []int // of each entry in the second list, -1 where it is not in it
	middle         int   // the first piece that is not in the first list
	done           []piece
	opened, closed []solver.Box
}

// target compares the lists for a box, without what has been compared before;
// false when that takes too many steps.
func (d *comparison) target(t *piece) bool {
	parts := []piece{*t}
	for k := range d.done {
		if d.done[k].meets(t) {
			parts = cutOut(parts, &d.done[k])
		}
	}
	d.done = append(d.done, *t)
	d.steps = maxSteps
	for k := range parts {
		p := &parts[k]
		var olds, news []candidate
		d.x.meeting(p, 0, len(d.x.pieces), func(k int) bool {
			c := candidate{piece: d.x.pieces[k], by: d.x.of[k]}
			if k < d.middle {
				olds = append(olds, c)
			}
			if d.place[c.by] >= 0 {
				news = append(news, c)
			}
			return true
		})
		slices.SortStableFunc(news, func(a, b candidate) int { return cmp.Compare(d.place[a.by], d.place[b.by]) })
		if !d.compare(p, olds, news) {
			return false
		}
	}
	return true
}

// compare compares for a box, with the lines of both lists that meet it: it
// cuts the box by the first line of either list until one line decides in each.
func (d *comparison) compare(b *piece, olds, news []candidate) bool {
	if d.steps -= len(olds) + len(news) + 1; d.steps < 0 {
		return false
	}
	was, decided := d.decision(b, olds)
	cut := olds
	if decided {
		var is solver.Decision
		if is, decided = d.decision(b, news); decided {
			switch {
			case was == is:
			case is == solver.Permit:
				d.opened = append(d.opened, d.x.solverBox(b))
			default:
				d.closed = append(d.closed, d.x.solverBox(b))
			}
			return true
		}
		cut = news
	}
	var room [2*fields + 1]piece
	parts := append(cutOne(room[:0], *b, &cut[0].piece), b.clip(&cut[0].piece))
	for k := range parts {
		p := &parts[k]
		base := len(d.cands)
		d.meet(p, olds)
		middle := len(d.cands)
		d.meet(p, news)
		ok := d.compare(p, d.cands[base:middle], d.cands[middle:])
		d.cands = d.cands[:base]
		if !ok {
			return false
		}
	}
	return true
}

// meet puts the candidates that meet a box on the stack, up to one that
// contains it.
func (d *comparison) meet(b *piece, cands []candidate) {
	for k := range cands {
		if cands[k].meets(b) {
			d.cands = append(d.cands, cands[k])
			if b.within(&cands[k].piece) {
				return
			}
		}
	}
}

// decision is what a list does with all headers of a box, if it does the same.
func (d *comparison) decision(b *piece, cands []candidate) (solver.Decision, bool) {
	if len(cands) == 0 {
		return d.x.otherwise, true
	}
	first := d.x.actions[cands[0].by]
	if b.within(&cands[0].piece) {
		return first, true
	}
	// Whichever of several lines decides, they may agree.
	for k := range cands {
		if d.x.actions[cands[k].by] != first {
			return 0, false
		}
		if b.within(&cands[k].piece) {
			return first, true
		}
	}
	return first, first == d.x.otherwise
}

// compareSets is Compare by the packet sets of the whole lists.
func compareSets(f packet.Family, before, after []solver.Line, otherwise solver.Decision) (*Difference, error) {
	s := solver.New(f, solver.Options{})
	was, is := s.FirstMatchBoxes(before, otherwise), s.FirstMatchBoxes(after, otherwise)
	return difference(s, s.Difference(is, was), s.Difference(was, is))
}

func difference(s *solver.Space, opened, closed solver.Set) (*Difference, error) {
	if opened == solver.Invalid || closed == solver.Invalid {
		return nil, solver.ErrBudget
	}
	return &Difference{sideOf(s, opened), sideOf(s, closed)}, nil
}

// sideOf chooses the boxes that are shown: the largest, the first ones where
// they are alike.
func sideOf(s *solver.Space, a solver.Set) Side {
	side := Side{Count: s.Count(a)}
	var sizes []float64 // of the boxes so far, descending
	for b := range s.Boxes(a) {
		size := sizeOf(&b)
		k, _ := slices.BinarySearchFunc(sizes, size, func(have, size float64) int {
			if have >= size {
				return -1
			}
			return 1
		})
		if len(sizes) == ShownBoxes {
			if side.More++; k == ShownBoxes {
				continue
			}
			sizes, side.Boxes = sizes[:ShownBoxes-1], side.Boxes[:ShownBoxes-1]
		}
		sizes, side.Boxes = slices.Insert(sizes, k, size), slices.Insert(side.Boxes, k, b)
	}
	return side
}

// sizeOf is about how many headers a box holds, to order boxes by.
func sizeOf(b *solver.Box) float64 {
	width := func(i interval) float64 {
		return float64(i.hi.Hi-i.lo.Hi)*(1<<64) + float64(i.hi.Lo) - float64(i.lo.Lo) + 1
	}
	return width(small(b.Protocol)) * width(addresses(b.Src)) * width(addresses(b.Dst)) * width(small(b.SrcPort)) * width(small(b.DstPort))
}
