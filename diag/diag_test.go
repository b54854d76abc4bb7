package diag_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/postern-dev/postern/diag"
)

func at(file string, line, column int) diag.Range {
	return diag.Range{File: file, Start: diag.Pos{Line: line, Column: column}}
}

func TestListSort(t *testing.T) {
	want := diag.List{
		{Message: "no place"},
		{Message: "x", Range: at("a.tf", 2, 9)},
		{Message: "a", Range: at("a.tf", 10, 1)},
		{Message: "b", Range: at("a.tf", 10, 1)},
		{Message: "a", Range: at("b.tf", 1, 1)},
	}
	shuffled := append(slices.Clone(want), want[2], want[4]) // the same thing said twice is said once
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if got := shuffled.Sort(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if want.Errors() || !append(want, diag.Diagnostic{Error: true}).Errors() {
		t.Error("Errors does not tell errors from the rest")
	}
}

func TestSortFindings(t *testing.T) {
	fs := []diag.Finding{
		{Rule: "b", Place: diag.Place{Range: at("a.tf", 1, 1)}},
		{Rule: "a", Place: diag.Place{Range: at("a.tf", 1, 1), Address: "y"}},
		{Rule: "z", Place: diag.Place{Range: at("a.tf", 1, 0)}},
		{Rule: "a", Place: diag.Place{Range: at("a.tf", 1, 1), Address: "x"}},
	}
	diag.SortFindings(fs)
	var got []string
	for _, f := range fs {
		got = append(got, f.Rule+f.Place.Address)
	}
	if want := []string{"z", "ax", "ay", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRangeText(t *testing.T) {
	for want, r := range map[string]diag.Range{"a.tf:3:7": at("a.tf", 3, 7), "a.tf": {File: "a.tf"}, "(not in a file)": {}} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
