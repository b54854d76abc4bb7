package nearest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOf(t *testing.T) {
	severities := []string{"critical", "high", "medium", "low", "info", "never"}
	tests := []struct {
		name       string
		typed      string
		candidates []string
		want       []string
	}{
		{"cut short", "crit", severities, []string{"critical"}},
		{"swapped", "aws_instance.wbe", []string{"aws_instance.app", "aws_instance.web"}, []string{"aws_instance.web", "aws_instance.app"}},
		{"misspelt", "internet-shh", []string{"internet-ssh", "internet-rdp"}, []string{"internet-ssh", "internet-rdp"}},
		{"case", "HIGH", severities, []string{"high"}},
		{"nothing near", "sarif", severities, nil},
		{"one letter", "x", []string{"o", "xy"}, nil},
		{"empty", "", severities, nil},
		{"empty candidates are never offered", "ab", []string{"", "abc"}, []string{"abc"}},
		{"repeated candidates are offered once", "hihg", []string{"high", "high"}, []string{"high"}},
		{"too long to compare", strings.Repeat("a", 300), []string{strings.Repeat("a", 299)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Of(tt.typed, tt.candidates, 2)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOne(t *testing.T) {
	if got := One("telent", []string{"telnet", "talent"}); got != "talent" {
		t.Errorf("equally near names: got %q, want the first in the alphabet", got)
	}
	if got := One("zzz", []string{"telnet"}); got != "" {
		t.Errorf("got %q for a name that is near to nothing", got)
	}
}

// TestEdits holds the three rolling rows against the textbook recursion.
func TestEdits(t *testing.T) {
	letters := rapid.SliceOfN(rapid.RuneFrom([]rune("abc")), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		x, y := letters.Draw(t, "x"), letters.Draw(t, "y")
		if got, want := edits(x, y), slow(x, y); got != want {
			t.Fatalf("edits(%q, %q) = %d, want %d", string(x), string(y), got, want)
		}
	})
}

func slow(x, y []rune) int {
	if len(x) == 0 || len(y) == 0 {
		return len(x) + len(y)
	}
	i, j := len(x)-1, len(y)-1
	same := 1
	if x[i] == y[j] {
		same = 0
	}
	d := min(slow(x[:i], y[:j])+same, slow(x[:i], y)+1, slow(x, y[:j])+1)
	if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
		d = min(d, slow(x[:i-1], y[:j-1])+1)
	}
	return d
}
