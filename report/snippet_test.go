package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-dev/postern/diag"
)

// TestSnippetColumns checks that carets stand under the text that they mean,
// however wide its characters are. Columns count code points.
func TestSnippetColumns(t *testing.T) {
	tests := []struct {
		name, source     string
		line, start, end int
		want             string
	}{
		{"plain", "a = \"x\"\n", 1, 5, 8, "  |\n1 | a = \"x\"\n  |     ^^^\n"},
		{"tabs", "\tcidr\t= \"x\"\n", 1, 9, 10, "  |\n1 |     cidr    = \"x\"\n  |               ^\n"},
		{"wide runes", "n = \"日本\" # x\n", 1, 5, 9, "  |\n1 | n = \"日本\" # x\n  |     ^^^^^^\n"},
		{"after wide runes", "日本 = 1\n", 1, 6, 7, "  |\n1 | 日本 = 1\n  |        ^\n"},
		{"emoji of several code points", "a = \"👩‍👩‍👧\" + b\n", 1, 13, 14, "  |\n1 | a = \"👩‍👩‍👧\" + b\n  |          ^\n"},
		{"combining mark", "e\u0301 = 1\n", 1, 6, 7, "  |\n1 | e\u0301 = 1\n  |     ^\n"},
		{"CRLF", "a = 1\r\nb = 22\r\n", 2, 5, 7, "  |\n2 | b = 22\n  |     ^^\n"},
		{"byte order mark", "\ufeffa = 1\n", 1, 5, 6, "  |\n1 | a = 1\n  |     ^\n"},
		{"no line end", "a = 1", 1, 5, 6, "  |\n1 | a = 1\n  |     ^\n"},
		{"beyond the end of the line", "a\n", 1, 9, 12, "  |\n1 | a\n  |  ^\n"},
		{"nothing to underline", "a = 1\n", 1, 5, 5, "  |\n1 | a = 1\n  |     ^\n"},
		{"escape sequence", "a = \"\x1b[2J\" b\n", 1, 12, 13, "  |\n1 | a = \"\\u001b[2J\" b\n  |                 ^\n"},
		{"not UTF-8", "a = \"\xff\" b\n", 1, 9, 10, "  |\n1 | a = \"\\ufffd\" b\n  |              ^\n"},
		{"text that turns around", "a = \u202e1\n", 1, 6, 7, "  |\n1 | a = \\u202e1\n  |           ^\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &printer{}
			r := diag.Range{Start: diag.Pos{Line: tt.line, Column: tt.start}, End: diag.Pos{Line: tt.line, Column: tt.end}}
			p.snippet("f", []byte(tt.source), []mark{{Range: r, primary: true}}, plain, false)
			if diff := cmp.Diff(tt.want, p.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSnippetLines(t *testing.T) {
	source := []byte(strings.Repeat("line\n", 8) + "  nine\n  ten\n  eleven\n" + strings.Repeat("x", hugeLine+1) + "\n")
	at := func(line, start, end int) diag.Range {
		return diag.Range{Start: diag.Pos{Line: line, Column: start}, End: diag.Pos{Line: line, Column: end}}
	}
	many := diag.Range{Start: diag.Pos{Line: 9, Column: 3}, End: diag.Pos{Line: 11, Column: 2}}
	tests := []struct {
		name  string
		marks []mark
		want  string
	}{
		{"two on a line", []mark{{Range: at(10, 5, 6), primary: true, label: "b"}, {Range: at(10, 3, 4), label: "a"}}, `
   |
10 |   ten
   |   - a
   |     ^ b
`},
		{"neighbours need no dots", []mark{{Range: at(9, 3, 7), bare: true}, {Range: at(10, 3, 6), primary: true}}, `
   |
 9 |   nine
10 |   ten
   |   ^^^
`},
		{"over several lines", []mark{{Range: many, primary: true, label: "here"}}, `
  |
9 |   nine
  |   ^^^^ here
`},
		{"lines that are not there", []mark{{Range: at(40, 1, 2), primary: true}}, ""},
		{"lines that are too long", []mark{{Range: at(12, 1, 2), primary: true}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &printer{}
			ok := p.snippet("f", source, tt.marks, plain, false)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), p.String()); diff != "" {
				t.Error(diff)
			}
			if ok != (tt.want != "") {
				t.Errorf("snippet() = %v", ok)
			}
		})
	}
}

func TestSnippetCutsLongLines(t *testing.T) {
	line := strings.Repeat("a", 300) + "HERE" + strings.Repeat("b", 300)
	p := &printer{}
	p.snippet("f", []byte(line), []mark{{Range: diag.Range{Start: diag.Pos{Line: 1, Column: 301}, End: diag.Pos{Line: 1, Column: 305}}, primary: true}}, plain, false)
	lines := strings.Split(p.String(), "\n")
	if columns(lines[1]) > longLine {
		t.Errorf("%d columns", columns(lines[1]))
	}
	if got, want := strings.Index(lines[2], "^^^^"), strings.Index(lines[1], "HERE"); got != want {
		t.Errorf("the caret is in column %d, the text in column %d:\n%s", got, want, p.String())
	}
}

// TestApply checks how edits are shown.
func TestApply(t *testing.T) {
	source := []byte("one\n  two = 2\nthree\n")
	at := func(l1, c1, l2, c2 int) diag.Range {
		return diag.Range{File: "f", Start: diag.Pos{Line: l1, Column: c1}, End: diag.Pos{Line: l2, Column: c2}}
	}
	tests := []struct {
		name string
		edit diag.Edit
		old  []string
		new  []string
		ok   bool
	}{
		{"replace", diag.Edit{Range: at(2, 9, 2, 10), NewText: "22"}, []string{"  two = 2"}, []string{"  two = 22"}, true},
		{"remove a line", diag.Edit{Range: at(2, 1, 2, 10)}, []string{"  two = 2"}, nil, true},
		{"insert a line", diag.Edit{Range: at(2, 10, 2, 10), NewText: "\n  more = 3"}, nil, []string{"  more = 3"}, true},
		{"beyond the file", diag.Edit{Range: at(9, 1, 9, 1)}, nil, nil, false},
		{"no place", diag.Edit{}, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			old, changed, ok := apply((&printer{}).finder("f", source), tt.edit)
			if ok != tt.ok {
				t.Fatalf("apply() = %v", ok)
			}
			if diff := cmp.Diff([][]string{tt.old, tt.new}, [][]string{old, changed}, cmp.Comparer(func(a, b []string) bool {
				return strings.Join(a, "\n") == strings.Join(b, "\n") && len(a) == len(b)
			})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"one  two", 20, []string{"one  two"}},
		{"one\n  two three", 7, []string{"one", "  two", "  three"}},
		{"averyverylongword x", 5, []string{"averyverylongword", "x"}},
		{"日本 日本 日本", 9, []string{"日本 日本", "日本"}},
		{"", 5, []string{""}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, wrap(tt.text, tt.width)); diff != "" {
			t.Errorf("wrap(%q, %d): %s", tt.text, tt.width, diff)
		}
	}
}

// FuzzText feeds sources and words that nobody wrote for a terminal.
func FuzzText(f *testing.F) {
	f.Add("a = \"x\"\n", "message", 1, 5, 1, 8)
	f.Add("\xff\x1b[2J\t日本\r\n", "\u202e\n::error::", 1, 2, 9, 1)
	f.Add("\ufeff", "", -1, 0, 0, -5)
	f.Fuzz(func(t *testing.T, source, words string, l1, c1, l2, c2 int) {
		r := diag.Range{File: "f", Start: diag.Pos{Line: l1, Column: c1}, End: diag.Pos{Line: l2, Column: c2}}
		finding := diag.Finding{
			Rule: "r", Severity: diag.Low, Certainty: diag.Possible, Message: words, Why: words, Place: diag.Place{Message: words, Range: r},
			Related: []diag.Place{{Message: words, Range: r}, {Range: r}}, Fix: diag.Fix{Text: words, Edits: []diag.Edit{{Range: r, NewText: words}}},
		}
		c := Check{Findings: []diag.Finding{finding}, Diagnostics: diag.List{{Message: words, Label: words, Range: r}}, Sources: map[string][]byte{"f": []byte(source)}}
		for _, text := range []string{Full(c, Options{}), Concise(c, Options{}), GitHub(c, words), Markdown(c)} {
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && hostile(r) }); i >= 0 {
				t.Errorf("%q gets through", text[i:min(i+8, len(text))])
			}
		}
		if _, err := SARIF(c, words); err != nil {
			t.Error(err)
		}
	})
}
