package hcl

import (
	"crypto/md5"  //nolint:gosec // Terraform has this function
	"crypto/sha1" //nolint:gosec // Terraform has this function
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/ir"
)

type sumFunc func([]byte) []byte

func md5Sum(b []byte) []byte    { s := md5.Sum(b); return s[:] }  //nolint:gosec // as above
func sha1Sum(b []byte) []byte   { s := sha1.Sum(b); return s[:] } //nolint:gosec // as above
func sha256Sum(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func sha512Sum(b []byte) []byte { s := sha512.Sum512(b); return s[:] }

func base64Text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func hashed(sum sumFunc, text func([]byte) string) function.Function {
	return onText(cty.String, func(a []string) (cty.Value, error) { return cty.StringVal(text(sum([]byte(a[0])))), nil }, "str")
}

// fileFunctions are the functions that read files. All of them read through
// the file system of Files, so nothing outside the boundary is seen.
func fileFunctions() map[string]builtin {
	content := func(f func([]byte) (cty.Value, error)) builtin {
		return builtin{params: 1, scoped: func(s *scope, args []cty.Value) (cty.Value, error) {
			p, unknown, err := s.filePath(args[0])
			if err != nil || unknown != cty.NilVal {
				return unknown, err
			}
			src, err := s.ev.files.read(p)
			if err != nil {
				return cty.NilVal, fmt.Errorf("%s cannot be read: %w", s.ev.files.name(p), err)
			}
			return f(src.data)
		}, traits: moves}
	}
	hash := func(sum sumFunc, text func([]byte) string) builtin {
		return content(func(b []byte) (cty.Value, error) { return cty.StringVal(text(sum(b))), nil })
	}
	return map[string]builtin{
		"file": content(func(b []byte) (cty.Value, error) {
			if !utf8.Valid(b) {
				return cty.NilVal, errors.New("the file is not UTF-8 text; use filebase64")
			}
			return cty.StringVal(string(b)), nil
		}),
		"filebase64":       content(func(b []byte) (cty.Value, error) { return cty.StringVal(base64Text(b)), nil }),
		"filemd5":          hash(md5Sum, hex.EncodeToString),
		"filesha1":         hash(sha1Sum, hex.EncodeToString),
		"filesha256":       hash(sha256Sum, hex.EncodeToString),
		"filesha512":       hash(sha512Sum, hex.EncodeToString),
		"filebase64sha256": hash(sha256Sum, base64Text),
		"filebase64sha512": hash(sha512Sum, base64Text),
		"fileexists":       {scoped: fileExists, params: 1, traits: moves},
		"fileset":          {scoped: fileSet, params: 2, traits: moves},
		"basename":         {fn: onText(cty.String, func(a []string) (cty.Value, error) { return cty.StringVal(path.Base(a[0])), nil }, "path")},
		"dirname":          {fn: onText(cty.String, func(a []string) (cty.Value, error) { return cty.StringVal(path.Dir(a[0])), nil }, "path"), traits: moves},
		"abspath":          {scoped: machinePath, params: 1, traits: moves},
		"pathexpand":       {scoped: machinePath, params: 1, traits: moves},
		"templatefile":     {scoped: templateFile, params: 2, traits: moves},
		"templatestring":   {scoped: templateString, params: 2, traits: moves, toil: textToil},
	}
}

// filePath turns an argument into a path of the file system. unknown is set
// when the argument is not known.
func (s *scope) filePath(v cty.Value) (p string, unknown cty.Value, err error) {
	bare, ms := v.Unmark()
	t, err := convert.Convert(bare, cty.String)
	switch {
	case err != nil || t.IsNull():
		return "", cty.NilVal, errors.New("the path must be a string")
	case !t.IsKnown():
		return "", cty.DynamicVal.WithMarks(ms), nil
	}
	name := pathCwd(t.AsString())
	if x := s.opaque(cty.StringVal(name)); !x.IsKnown() {
		return "", x, nil
	}
	s.ev.steps -= fileSteps
	if path.IsAbs(name) {
		return "", cty.NilVal, fmt.Errorf("%s: %w; use a path relative to path.module", name, errOutside)
	}
	p, ok := inside(path.Join(s.ev.root.dir.path, name))
	if !ok {
		return "", cty.NilVal, fmt.Errorf("%s: %w", name, errOutside)
	}
	return p, cty.NilVal, nil
}

// machinePath is an absolute path, known only when it was given as one.
func machinePath(s *scope, args []cty.Value) (cty.Value, error) {
	if p, ok := knownText(args[0]); ok && path.IsAbs(p) {
		return cty.StringVal(path.Clean(p)), nil
	}
	u := &ir.Unknown{Cause: diag.Cause{Code: diag.Function, Message: "an absolute path depends on the machine that runs terraform", Address: s.name, Range: s.place}}
	return s.fresh(cty.UnknownVal(cty.String), []*ir.Unknown{u}), nil
}

func fileExists(s *scope, args []cty.Value) (cty.Value, error) {
	p, unknown, err := s.filePath(args[0])
	if err != nil || unknown != cty.NilVal {
		return unknown, err
	}
	info, err := fs.Stat(s.ev.files.fsys, p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return cty.False, nil
	case err != nil:
		return cty.NilVal, fmt.Errorf("%s: %w", s.ev.files.name(p), plainError(err))
	case !info.Mode().IsRegular():
		return cty.NilVal, fmt.Errorf("%s is not a regular file", s.ev.files.name(p))
	}
	return cty.True, nil
}

func fileSet(s *scope, args []cty.Value) (cty.Value, error) {
	p, unknown, err := s.filePath(args[0])
	if err != nil || unknown != cty.NilVal {
		return unknown, err
	}
	pattern, ms := args[1].Unmark()
	switch {
	case pattern.Type() != cty.String || pattern.IsNull():
		return cty.NilVal, errors.New("the pattern must be a string")
	case !pattern.IsKnown():
		return cty.UnknownVal(cty.Set(cty.String)).WithMarks(ms), nil
	}
	sub, err := fs.Sub(s.ev.files.fsys, p)
	if err != nil {
		return cty.NilVal, err
	}
	var vs []cty.Value
	err = doublestar.GlobWalk(countedFS{sub, s}, path.Clean(pattern.AsString()), func(name string, d fs.DirEntry) error {
		if s.ev.ctx.Err() != nil || len(vs) > s.ev.limits.Value {
			return errGrows
		}
		if d.Type().IsRegular() {
			vs = append(vs, cty.StringVal(name))
		}
		return nil
	})
	switch {
	case errors.Is(err, errGrows):
		return cty.NilVal, err
	case err != nil:
		return cty.NilVal, fmt.Errorf("this pattern cannot be matched: %w", plainError(err))
	case len(vs) == 0:
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(vs), nil
}

// template is a parsed template file.
type template struct{ expr hclsyntax.Expression }

func (f *Files) parseTemplate(text []byte, name string) (*template, error) {
	if tooDeepTemplate(text, f.limits.Nesting) {
		return nil, fmt.Errorf("the template nests deeper than %d levels, more than postern follows", f.limits.Nesting)
	}
	e, ds := hclsyntax.ParseTemplate(text, name, hcl.InitialPos)
	if ds.HasErrors() {
		return nil, fmt.Errorf("the template cannot be parsed: %s", message(ds[0]))
	}
	return &template{instrument(e, map[string]bool{})}, nil
}

func (f *Files) template(p string) (*template, error) {
	src, err := f.read(p)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", f.name(p), err)
	}
	l := entry(f, f.plates, p)
	l.once.Do(func() { l.v, l.err = f.parseTemplate(src.data, src.path) })
	return l.v, l.err
}

func templateFile(s *scope, args []cty.Value) (cty.Value, error) {
	p, unknown, err := s.filePath(args[0])
	if err != nil || unknown != cty.NilVal {
		return unknown, err
	}
	t, err := s.ev.files.template(p)
	if err != nil {
		return cty.NilVal, err
	}
	return s.render(t, args[1])
}

func templateString(s *scope, args []cty.Value) (cty.Value, error) {
	text, ms := s.opaque(args[0]).Unmark()
	switch {
	case text.Type() != cty.String || text.IsNull():
		return cty.NilVal, errors.New("the template must be a string")
	case !text.IsKnown():
		return text.WithMarks(ms), nil
	}
	t, err := s.ev.files.parseTemplate([]byte(text.AsString()), "")
	if err != nil {
		return cty.NilVal, err
	}
	return s.render(t, args[1])
}

// maxTemplates bounds templates that render templates.
const maxTemplates = 16

// render evaluates a template with nothing in sight but its variables.
func (s *scope) render(t *template, vars cty.Value) (cty.Value, error) {
	bare, ms := vars.Unmark()
	switch {
	case bare.IsNull() || bare.IsKnown() && !bare.Type().IsObjectType() && !bare.Type().IsMapType():
		return cty.NilVal, errors.New("the variables must be an object or a map")
	case !bare.IsKnown():
		return cty.DynamicVal.WithMarks(ms), nil
	case s.templates >= maxTemplates:
		return cty.NilVal, errors.New("templates render each other without end")
	}
	inner := *s
	inner.closed = "a template"
	inner.templates++
	ctx := inner.context()
	for it := bare.ElementIterator(); it.Next(); {
		k, v := it.Element()
		if k.AsString() != scopeName {
			ctx.Variables[k.AsString()] = v
		}
	}
	v, ds := t.expr.Value(ctx)
	s.uncertain = inner.uncertain
	if ds.HasErrors() {
		return cty.NilVal, errors.New(message(ds[0]))
	}
	return v.WithMarks(ms), nil
}
