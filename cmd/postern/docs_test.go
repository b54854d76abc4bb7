package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentation runs every command of the documentation, in order, at the
// top of the repository. Commands stand in fenced blocks of the kind "console",
// after "$ "; what follows is what they print, both streams together. The flag
// -update writes that anew.
func TestDocumentation(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, name := range append(files, "README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, n := rerun(t, name, string(text))
		commands += n
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (-written +printed; -update accepts it)\n%s", name, diff)
		}
	}
	if commands < 5 {
		t.Errorf("only %d commands in the documentation", commands)
	}
}

// TestRulePage compares docs/rules.md with the catalogue: every rule's anchor is
// where SARIF sends readers. The flag -update writes it anew.
func TestRulePage(t *testing.T) {
	printed, status, err := execute(t, "postern rules --format markdown")
	if err != nil || status != statusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	name := filepath.Join("..", "..", "docs", "rules.md")
	want := "# Rules\n\nWhat `postern rules --format markdown` prints.\n\n" + printed
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("%s (-written +printed; -update accepts it)\n%s", name, diff)
	}
}

// rerun returns a text with every command's output replaced by what it prints
// now, and the number of commands.
func rerun(t *testing.T, name, text string) (string, int) {
	t.Helper()
	var out strings.Builder
	inside, status, commands := false, 0, 0
	for i, line := range strings.SplitAfter(text, "\n") {
		bare := strings.TrimRight(line, "\n")
		command, isCommand := strings.CutPrefix(bare, "$ ")
		switch {
		case !inside:
			inside = bare == "```console"
			out.WriteString(line)
		case bare == "```":
			inside = false
			out.WriteString(line)
		case isCommand:
			out.WriteString(line)
			commands++
			if command == "echo $?" {
				fmt.Fprintln(&out, status)
				continue
			}
			printed, code, err := execute(t, command)
			if err != nil {
				t.Errorf("%s:%d: %v", name, i+1, err)
			}
			status = code
			out.WriteString(printed)
		}
	}
	if inside {
		t.Errorf("%s: a console block does not end", name)
	}
	return out.String(), commands
}

// execute runs one command line of ours. "< FILE" is the only thing that it
// takes from a shell, next to single quotes.
func execute(t *testing.T, command string) (string, int, error) {
	t.Helper()
	argv, err := splitWords(command)
	if err != nil {
		return "", 0, err
	}
	if argv[0] != "postern" {
		return "", 0, fmt.Errorf("%q: only postern runs here; other commands belong in a block of another kind", command)
	}
	in := strings.NewReader("")
	if n := len(argv); n > 2 && argv[n-2] == "<" {
		text, err := os.ReadFile(argv[n-1])
		if err != nil {
			return "", 0, err
		}
		in, argv = strings.NewReader(string(text)), argv[:n-2]
	}
	var out bytes.Buffer
	status := run(t.Context(), streams{in: in, out: &out, err: &out}, argv)
	if printed := out.String(); printed != "" && !strings.HasSuffix(printed, "\n") {
		out.WriteByte('\n')
	}
	return out.String(), status, nil
}

// splitWords splits a command line at spaces that are not in single quotes.
func splitWords(line string) ([]string, error) {
	var argv []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimLeft(rest, " ") {
		if quoted, ok := strings.CutPrefix(rest, "'"); ok {
			word, after, ok := strings.Cut(quoted, "'")
			if !ok || after != "" && after[0] != ' ' {
				return nil, fmt.Errorf("%q: a quote does not end with its word", line)
			}
			argv, rest = append(argv, word), after
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		argv, rest = append(argv, word), after
	}
	if len(argv) == 0 {
		return nil, fmt.Errorf("an empty command")
	}
	return argv, nil
}

func TestRerun(t *testing.T) {
	text := "before\n```sh\n$ rm -r x\n```\n```console\n$ postern rules nonsense\nwrong\n$ echo $?\n9\n```\nafter"
	got, n := rerun(t, "x.md", text)
	if n != 2 {
		t.Errorf("%d commands, want 2", n)
	}
	if strings.Contains(got, "wrong") || !strings.Contains(got, "nonsense") || !strings.Contains(got, "$ echo $?\n2\n```\nafter") || !strings.Contains(got, "$ rm -r x\n```") {
		t.Errorf("got\n%s", got)
	}
	if argv, err := splitWords("postern trace 'a b' c"); err != nil || cmp.Diff([]string{"postern", "trace", "a b", "c"}, argv) != "" {
		t.Errorf("%q, %v", argv, err)
	}
}
