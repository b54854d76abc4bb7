package hcl

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/postern-dev/postern/diag"
)

// Who calls whom is asked about every directory of a repository before any of
// them is evaluated, and most of them are only asked about, or evaluated much
// later. So a survey parses only the files that can hold module blocks, and
// decodes none; what it has parsed is kept for the one who decodes the
// directory.

// tree is the syntax tree of a file.
type tree struct {
	body   *hclsyntax.Body // what could be parsed; may be nil
	tokens hclsyntax.Tokens
	diags  diag.List
}

// calling matches the beginning of a module block in either syntax. It may
// match more than that, in comments and strings.
var calling = regexp.MustCompile(`\bmodule"?\s*[:"A-Za-z_/#]`)

// Calls returns the directories of the local modules that a directory calls.
func (f *Files) Calls(dir string) []string {
	dir, _ = inside(dir)
	d := &directory{path: dir, calls: map[string]*call{}, names: map[string]bool{}}
	main, override := f.list(dir)
	for i, p := range append(main, override...) {
		s, err := f.read(p)
		if err != nil || !calling.Match(s.data) {
			continue
		}
		for _, b := range f.moduleBlocks(d, s) {
			if b.typ == "module" && len(b.labels) == 1 {
				d.addCall(f, b, i >= len(main))
			}
		}
	}
	var dirs []string
	for _, c := range d.callOrder {
		if f.source(d, c); c.dir != "" && !slices.Contains(dirs, c.dir) {
			dirs = append(dirs, c.dir)
		}
	}
	return dirs
}

// moduleBlocks returns the module blocks of a file, with nothing but their
// sources. The expressions are as parsed.
func (f *Files) moduleBlocks(d *directory, s *source) []*block {
	if strings.HasSuffix(s.path, ".json") {
		bs, _ := f.parseJSON(s, d.names)
		return bs
	}
	body, tokens, ds := f.parseHCL(s)
	f.mu.Lock()
	f.trees[s.path] = tree{body, tokens, ds}
	f.mu.Unlock()
	if body == nil {
		return nil
	}
	var out []*block
	for _, b := range body.Blocks {
		if b.Type != "module" {
			continue
		}
		m := &block{typ: b.Type, labels: b.Labels, attrs: map[string]*attribute{}}
		if a := b.Body.Attributes["source"]; a != nil {
			m.attrs["source"] = &attribute{name: a.Name, expr: a.Expr, raw: a.Expr, rng: a.SrcRange}
		}
		out = append(out, m)
	}
	return out
}

// take returns the syntax tree of a file to the one who will change it.
func (f *Files) take(s *source) tree {
	f.mu.Lock()
	t, ok := f.trees[s.path]
	delete(f.trees, s.path)
	f.mu.Unlock()
	if !ok {
		t.body, t.tokens, t.diags = f.parseHCL(s)
	}
	return t
}

// Forget frees what was made of a directory that nobody will evaluate again.
// The texts of its files stay.
func (f *Files) Forget(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.dirs, path.Clean(dir))
}
