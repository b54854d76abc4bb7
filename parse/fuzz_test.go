package parse

import (
	"bytes"
	"testing"
)

// FuzzStdin reads anything at all from standard input: whatever it is, the
// answer is a network or an error in words, and the same one twice.
func FuzzStdin(f *testing.F) {
	for _, s := range []string{"", " ", "{}", "[]", "{", aPlan, aState, vpcs, subnets, `{"SecurityGroups":[{"GroupId":"sg-1","IpPermissions":[{}]}]}`, "\xef\xbb\xbf{}", "resource {}"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		load := func() *Result {
			r, err := Load(t.Context(), []string{"-"}, Options{Dir: dir, Stdin: bytes.NewReader(data)})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first, second := load(), load()
		if len(first.Networks) == 0 && len(first.Diagnostics) == 0 {
			t.Error("nothing is read and nothing is said")
		}
		if said(first) != said(second) {
			t.Errorf("says\n%s\nand then\n%s", said(first), said(second))
		}
	})
}
