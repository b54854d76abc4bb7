package hcl

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

// What the closer look finds too deep, the quick one never lets pass.
func TestQuickLookAtNestingMissesNothing(t *testing.T) {
	parts := []string{
		"a", " = ", "{", "}", "(", ")", "[", "]", `"`, "${", "%{", "%{ if true }", "<<A\n", "\nA\n", "\n", ",", "!", "-", "==", "!=", "<=", ">",
		"&&", "||", "?", ":", "for x in y : ", "=>", "...", ".b", "# c\n", "/*", "*/", `\"`, "$${",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 60).Draw(t, "parts"), "")
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		tokens, _ := hclsyntax.LexConfig([]byte(text), "", hcl.InitialPos)
		if _, deep := tooDeep(tokens, limit); deep && !mayNest([]byte(text), limit) {
			t.Fatalf("%q nests deeper than %d", text, limit)
		}
	})
}
