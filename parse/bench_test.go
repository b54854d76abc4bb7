package parse

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkLoad reads a repository of 50 roots, each a copy of the example.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	for i := range 50 {
		if err := os.CopyFS(filepath.Join(dir, "r"+strconv.Itoa(i)), os.DirFS(filepath.Join("..", "examples", "three-tier-fixed"))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Load(b.Context(), nil, Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Networks) != 50 {
			b.Fatalf("%d networks", len(r.Networks))
		}
	}
}
