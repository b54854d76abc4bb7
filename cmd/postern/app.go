package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/report"
)

// streams is everything that the program has to do with the outside, the files
// that it reads apart.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // out is one
	environ  []string
}

func isTerminal(f *os.File) bool {
	return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd())
}

// getenv returns a variable of the environment, or "".
func (s streams) getenv(name string) string {
	for _, e := range slices.Backward(s.environ) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// run does what the arguments say and returns the exit status.
func run(ctx context.Context, s streams, argv []string) int {
	app := newApp(s)
	args, err := arrange(app, argv)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	var status statusError
	switch {
	case err == nil && len(argv) < 2:
		return statusUsage // the help says what is missing
	case err == nil:
		return statusOK
	case errors.As(err, &status):
		return int(status)
	}
	printError(s.err, err)
	return statusUsage
}

func newApp(s streams) *cli.App {
	app := &cli.App{
		Name:      "postern",
		Usage:     "prove what security groups, network ACLs and routes let through",
		UsageText: "postern VERB [flags] [PATH...]",
		Description: "Reads Terraform configurations, plans, states and AWS exports; needs no credentials and no network.\n" +
			"Exit status: 0 nothing to object to, 1 findings, 2 the question or the input is at fault, 3 postern is.",
		Writer: s.out, ErrWriter: s.err, Reader: s.in,
		Commands:                  []*cli.Command{checkCommand(s), reachCommand(s), traceCommand(s), showCommand(s), evalCommand(s), rulesCommand(s), verifyCommand(s), versionCommand(s)},
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return badUsage(err) },
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return badUsage(err) }
	}
	return app
}

// badUsage is what the flag package finds wrong, in our words.
func badUsage(err error) error {
	value, rest, ok := strings.Cut(strings.TrimPrefix(err.Error(), `invalid value "`), `" for flag -`)
	flag, reason, isValue := strings.Cut(rest, ": ")
	if !ok || !isValue {
		return &usageError{message: err.Error()}
	}
	switch flag {
	case "timeout":
		reason = "expected a time with its unit, as 30s or 5m"
	case "source-port":
		reason = "expected 0 to 65535"
	}
	return &usageError{message: fmt.Sprintf("--%s %s: %s", flag, value, reason)}
}

// The groups that a verb's help shows its flags in.
const (
	inputFlags  = "INPUT"
	outputFlags = "OUTPUT"
)

// loadFlags are the flags of every verb that reads an input.
func loadFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "var", Usage: "value of a root variable, `NAME=VALUE`; -var works too", Category: inputFlags},
		&cli.StringSliceFlag{Name: "var-file", Usage: "`FILE` of variable values", Category: inputFlags},
		&cli.StringFlag{Name: "workspace", Usage: "the Terraform workspace, `NAME`", Category: inputFlags},
		&cli.StringSliceFlag{Name: "with", Usage: "a `PATH` that lends facts and is not checked itself: a root, state, plan or export; NAME=PATH names a terraform_remote_state", Category: inputFlags},
		&cli.StringSliceFlag{Name: "data", Usage: "`FILE` that says what data sources find", Category: inputFlags},
		&cli.StringFlag{Name: "source", Usage: "the `DIR` of the root module that a plan or state was made from", Category: inputFlags},
		&cli.StringFlag{Name: "boundary", Usage: "read nothing outside this `DIR`", Category: inputFlags},
		&cli.DurationFlag{Name: "timeout", Usage: "stop after this `TIME`, as 30s or 5m", Category: inputFlags, DefaultText: "no limit"},
	}
}

// printFlags are the flags of every verb that prints text.
func printFlags(formats ...string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "the `FORMAT` of the answer: " + list(formats), Category: outputFlags},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the answer to `FILE`", Category: outputFlags},
		&cli.BoolFlag{Name: "no-color", Aliases: []string{"no-colour"}, Usage: "no colours; NO_COLOR does the same", Category: outputFlags, DisableDefaultText: true},
	}
}

// looks says how text is printed.
func (s streams) looks(c *cli.Context) report.Options {
	colour := s.terminal && !c.Bool("no-color") && c.String("output") == "" && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
	return report.Options{Colour: colour}
}

// print writes the answer to where it was asked for.
func (s streams) print(c *cli.Context, answer string) error {
	name := c.String("output")
	if name == "" || name == "-" {
		_, err := io.WriteString(s.out, answer)
		return err
	}
	if err := os.WriteFile(name, []byte(answer), 0o644); err != nil {
		return &usageError{message: fmt.Sprintf("--output %s: cannot be written: %s", name, reason(err))}
	}
	return nil
}

// reason is what went wrong with a file, without its name.
func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
