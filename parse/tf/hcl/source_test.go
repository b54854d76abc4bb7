//go:build unix

package hcl_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

// To open a pipe that nobody writes to waits for ever.
func TestPipesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pipe.tf", "terraform.tfvars", "x.auto.tfvars", "text"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip(err)
		}
	}
	text := "output \"x\" {\n  value = file(\"text\")\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() { done <- said(hcl.Evaluate(context.Background(), files(os.DirFS(dir)), ".", hcl.Options{})) }()
	select {
	case text := <-done:
		if n := strings.Count(text, "not a regular file"); n < 4 {
			t.Errorf("%d files are said not to be regular:\n%s", n, text)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a pipe was opened")
	}
}
