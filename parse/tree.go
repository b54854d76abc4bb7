package parse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/postern-dev/postern/parse/tf/hcl"
)

// tree is a directory outside of which nothing is read.
type tree struct {
	dir  string // absolute, links resolved
	root *os.Root
	fsys fs.FS
	show func(name string) string // a name in fsys as the user would type it

	files *hcl.Files // the configuration, parsed once for all roots
	graph *graph     // nil until it is needed
	// surveyed are the shown names of the files that were read for the graph.
	surveyed map[string]bool
}

// argument is a PATH with its links resolved.
type argument struct {
	given string
	abs   string // absolute, links resolved; "" for standard input
	isDir bool
	with  bool // lends facts only
	// lends is the NAME of --with NAME=PATH.
	lends string
	// answers: it says what data sources find.
	answers bool
	// source: it is the configuration of plans, and not checked itself.
	source bool
	tree   *tree
	name   string // in tree.fsys
}

type loader struct {
	o     Options
	dir   string // Options.Dir, absolute, links resolved
	args  []*argument
	trees []*tree // by directory
	out   *Result
	// source is the directory that Options.Source names, nil without.
	source *argument
	// lent is what other inputs tell about data sources; lenders are the roots
	// among them.
	lent    *lent
	lenders []module
	// flags is what became of the values of variables.
	flags flags
}

func newLoader(paths []string, o Options) (*loader, error) {
	l := &loader{o: o, out: &Result{Sources: map[string][]byte{}}}
	dir, err := resolve(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("the directory to start from: %w", err)
	}
	l.dir = dir
	if len(paths) == 0 && !o.Changed {
		paths = []string{"."}
	}
	for _, p := range paths {
		if err := l.argument(p, false); err != nil {
			return nil, err
		}
	}
	for _, p := range o.With {
		if err := l.argument(p, true); err != nil {
			return nil, err
		}
	}
	for _, p := range o.Data {
		if err := l.answersArgument(p); err != nil {
			return nil, err
		}
	}
	if err := l.sourceArgument(); err != nil {
		return nil, err
	}
	if err := l.plant(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// argument resolves one PATH.
func (l *loader) argument(given string, with bool) error {
	a := &argument{given: given, with: with}
	if name, p, ok := strings.Cut(given, "="); ok && with && lentName.MatchString(name) {
		if _, err := os.Lstat(l.join(given)); err != nil {
			a.lends, given = name, p
		}
	}
	if given == "-" {
		if l.o.Stdin == nil {
			return &UsageError{Path: given, Message: "there is no standard input to read"}
		}
		for _, b := range l.args {
			if b.abs == "" {
				return &UsageError{Path: given, Message: "standard input can be read only once"}
			}
		}
		l.args = append(l.args, a)
		return nil
	}
	if strings.ContainsRune(given, 0) {
		return &UsageError{Path: given, Message: "a path cannot hold a zero byte"}
	}
	full := l.join(given)
	abs, err := resolve(full)
	if errors.Is(err, fs.ErrNotExist) && l.o.Changed && !with {
		return l.removed(a, full)
	}
	if err != nil {
		return l.missing(given, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return l.missing(given, err)
	}
	a.abs, a.isDir = abs, info.IsDir()
	l.args = append(l.args, a)
	return nil
}

// answersArgument resolves a file of answers.
func (l *loader) answersArgument(given string) error {
	abs, err := resolve(l.join(given))
	if err != nil {
		return l.missing(given, err)
	}
	if info, err := os.Stat(abs); err != nil || !info.Mode().IsRegular() {
		return &UsageError{Path: given, Message: "--data takes a file", Hint: `it holds blocks like data "aws_vpc" "main" { cidr_block = "10.0.0.0/16" }`}
	}
	l.args = append(l.args, &argument{given: given, abs: abs, answers: true})
	return nil
}

// sourceArgument resolves the directory of Options.Source.
func (l *loader) sourceArgument() error {
	if l.o.Source == "" {
		return nil
	}
	abs, err := resolve(l.join(l.o.Source))
	if err != nil {
		return l.missing(l.o.Source, err)
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return &UsageError{Path: l.o.Source, Message: "--source must be a directory", Hint: "name the root module that the plan was made in"}
	}
	l.source = &argument{given: l.o.Source, abs: abs, isDir: true, source: true}
	l.args = append(l.args, l.source)
	return nil
}

// removed keeps a changed file that is gone as the directory that held it: the
// roots that it belonged to are what the change concerns.
func (l *loader) removed(a *argument, full string) error {
	parent, err := resolve(filepath.Dir(full))
	if err != nil {
		return nil //nolint:nilerr // its directory is gone too: nothing is left to analyse
	}
	a.abs = filepath.Join(parent, filepath.Base(full))
	l.args = append(l.args, a)
	return nil
}

func (l *loader) missing(given string, err error) error {
	e := &UsageError{Path: given, Message: "cannot be read: " + reason(err)}
	if errors.Is(err, fs.ErrNotExist) {
		e.Message = "there is no such file or directory"
	}
	return e
}

func (l *loader) join(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(l.dir, p)
}

// plant opens one tree for each boundary and finds each argument's name in it.
func (l *loader) plant() error {
	if l.o.Boundary != "" {
		return l.fence(l.o.Boundary)
	}
	var loose []*argument // in no work tree
	for _, a := range l.args {
		if a.abs == "" {
			continue
		}
		if top := workTree(a.home()); top != "" {
			if err := l.enter(a, top); err != nil {
				return err
			}
			continue
		}
		loose = append(loose, a)
	}
	if len(loose) == 0 {
		return nil
	}
	common := loose[0].home()
	for _, a := range loose[1:] {
		for !within(common, a.abs) {
			common = filepath.Dir(common)
		}
	}
	for _, a := range loose {
		if err := l.enter(a, common); err != nil {
			return err
		}
	}
	return nil
}

// fence makes the boundary that the user named the only tree.
func (l *loader) fence(boundary string) error {
	top, err := resolve(l.join(boundary))
	if err != nil {
		return l.missing(boundary, err)
	}
	if info, err := os.Stat(top); err != nil || !info.IsDir() {
		return &UsageError{Path: boundary, Message: "the boundary must be a directory"}
	}
	for _, a := range l.args {
		if a.abs == "" {
			continue
		}
		if !within(top, a.abs) {
			return &UsageError{
				Path: a.given, Message: "lies outside the boundary " + l.shown(top),
				Hint: "nothing outside the boundary is read; name a wider one with --boundary",
			}
		}
		if err := l.enter(a, top); err != nil {
			return err
		}
	}
	return nil
}

// enter puts an argument into the tree of a directory, opening it first if
// need be.
func (l *loader) enter(a *argument, top string) error {
	i := slices.IndexFunc(l.trees, func(t *tree) bool { return t.dir == top })
	if i < 0 {
		root, err := os.OpenRoot(top)
		if err != nil {
			return fmt.Errorf("the boundary cannot be opened: %w", err)
		}
		t := &tree{dir: top, root: root, fsys: root.FS()}
		t.show = func(name string) string { return l.shown(filepath.Join(top, filepath.FromSlash(name))) }
		t.files = hcl.NewFiles(t.fsys, t.show, hcl.Limits{})
		l.trees = append(l.trees, t)
		i = len(l.trees) - 1
	}
	a.tree = l.trees[i]
	rel, err := filepath.Rel(top, a.abs)
	if err != nil {
		return err
	}
	a.name = filepath.ToSlash(rel)
	return nil
}

func (l *loader) close() {
	for _, t := range l.trees {
		t.root.Close() //nolint:errcheck // it was only read from
	}
}

// home is the directory of an argument: itself, or what holds the file.
func (a *argument) home() string {
	if a.isDir {
		return a.abs
	}
	return filepath.Dir(a.abs)
}

// shown is an absolute path as the user would type it.
func (l *loader) shown(abs string) string {
	rel, err := filepath.Rel(l.dir, abs)
	if err != nil {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}

// inside resolves the links of a name in the tree; ok is false when it leads
// outside, nowhere, or round in a circle.
func (t *tree) inside(name string) (string, bool) {
	abs, err := filepath.EvalSymlinks(filepath.Join(t.dir, filepath.FromSlash(name)))
	if err != nil || !within(t.dir, abs) {
		return "", false
	}
	rel, err := filepath.Rel(t.dir, abs)
	if err != nil {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// workTree is the git work tree that holds a directory, or "".
func workTree(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// resolve makes a path absolute and follows its links.
func resolve(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// within reports whether a cleaned absolute path is a directory or lies below it.
func within(dir, p string) bool {
	rel, err := filepath.Rel(dir, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// below is within for names in a tree.
func below(dir, name string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// reason is the last part of an error of the operating system: "permission
// denied" without the path, which the message shows already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// parent is the directory of a name in a tree.
func parent(name string) string { return path.Dir(name) }
