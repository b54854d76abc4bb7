// Package nearest finds what somebody who mistyped a name probably meant.
//
// The distance between two names is the number of letters to put in, take out,
// replace, or swap with their neighbour. Names that start with what was typed
// count as one step away: people cut names short more often than they misspell
// them.
package nearest

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLength bounds the work for a pair of names; longer ones are never offered.
const maxLength = 256

// Of returns up to limit candidates that are close to name, nearest first;
// equally near ones stand in alphabetical order. It returns nothing when all
// of them are more than a third of the name away.
func Of(name string, candidates []string, limit int) []string {
	type scored struct {
		name     string
		distance int
	}
	length := utf8.RuneCountInString(name)
	if length < 2 || length > maxLength {
		return nil // every letter is as near to every other
	}
	most := max(1, length/3)
	var near []scored
	for _, c := range candidates {
		if d, ok := distance(name, c, most); ok {
			near = append(near, scored{c, d})
		}
	}
	slices.SortFunc(near, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.name, b.name))
	})
	near = slices.Compact(near)
	var names []string
	for _, s := range near[:min(limit, len(near))] {
		names = append(names, s.name)
	}
	return names
}

// One returns the nearest candidate, or "".
func One(name string, candidates []string) string {
	if ns := Of(name, candidates, 1); len(ns) == 1 {
		return ns[0]
	}
	return ""
}

// distance returns how far apart two names are, and whether that is at most
// most. Case does not count.
func distance(a, b string, most int) (int, bool) {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return 0, true
	}
	if len(a) >= 3 && strings.HasPrefix(b, a) {
		return 1, true
	}
	x, y := []rune(a), []rune(b)
	if len(y) == 0 || len(y) > maxLength || max(len(x)-len(y), len(y)-len(x)) > most {
		return 0, false
	}
	d := edits(x, y)
	return d, d <= most
}

// edits is the restricted Damerau-Levenshtein distance; three rows suffice,
// since a swap looks back two.
func edits(x, y []rune) int {
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			replace := last[j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
