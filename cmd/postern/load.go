package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/report"
)

// deadline bounds a command by its --timeout.
func deadline(c *cli.Context) (context.Context, context.CancelFunc) {
	if d := c.Duration("timeout"); d > 0 {
		return context.WithTimeout(c.Context, d)
	}
	return context.WithCancel(c.Context)
}

// load reads the paths as the flags say.
func (s streams) load(ctx context.Context, c *cli.Context, paths []string) (*parse.Result, error) {
	in, err := parse.Load(ctx, paths, parse.Options{
		Boundary: c.String("boundary"), With: c.StringSlice("with"), Data: c.StringSlice("data"), Source: c.String("source"), Vars: c.StringSlice("var"), VarFiles: c.StringSlice("var-file"),
		Environ: s.environ, Workspace: c.String("workspace"), Stdin: s.in, Changed: c.Bool("changed"),
	})
	return in, late(c, err)
}

// tooLate is what to do when the time is up.
const tooLate = "give it more time, or check parts of it on their own"

// late says in words that the time was up.
func late(c *cli.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &usageError{
			message: "not done after --timeout " + c.Duration("timeout").String(),
			hints:   []hint{{"hint", tooLate, ""}},
		}
	}
	return err
}

// coverage counts what was read.
func coverage(in *parse.Result) report.Coverage {
	var inputs []report.Input
	for _, i := range in.Inputs {
		inputs = append(inputs, report.Input(i))
	}
	return report.Cover(in.Networks, inputs, in.Roots+in.Libraries)
}

// allDiagnostics are the problems of the input for verbs that run no rules: those
// of the reading and those of single objects.
func allDiagnostics(in *parse.Result) diag.List {
	list := append(diag.List{}, in.Diagnostics...)
	for _, n := range in.Networks {
		list = append(list, n.Problems...)
	}
	return list.Sort()
}

// repositoryPrefix leads from the root of the git work tree that the program
// runs in to the current directory, as slashes; "" at the root and outside.
func repositoryPrefix() string {
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			rel, err := filepath.Rel(dir, here)
			if err != nil || rel == "." {
				return ""
			}
			return filepath.ToSlash(rel)
		} else if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// exists reports whether there is a file or directory of a name.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
