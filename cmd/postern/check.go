package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/diag"
	"github.com/postern-dev/postern/internal/nearest"
	"github.com/postern-dev/postern/report"
	"github.com/postern-dev/postern/rules"
)

var checkFormats = []string{"full", "concise", "json", "sarif", "github", "markdown"}

func checkCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "findings of the rules", ArgsUsage: "[PATH...]",
		Description: "PATH is a directory of Terraform, a plan or state as JSON, or AWS exports (a file or a directory); - is standard input, and no PATH is the current directory.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "fail-on", Value: "high", Usage: "the mildest `SEVERITY` that gives exit status 1: " + list(failOn)},
			&cli.BoolFlag{Name: "strict", Usage: "what is unknown or was not analysed gives exit status 1 as well", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "rule", Aliases: []string{"only"}, Usage: "run this `RULE` and no other"},
			&cli.StringSliceFlag{Name: "enable", Usage: "run this `RULE`, which is off"},
			&cli.StringSliceFlag{Name: "disable", Usage: "do not run this `RULE`"},
			&cli.BoolFlag{Name: "changed", Usage: "the paths are changed files: check the root modules that they belong to", Category: inputFlags, DisableDefaultText: true},
			&cli.StringFlag{Name: "emit-smt", Usage: "write the query of each finding, for any SMT solver, into `DIR`", Category: outputFlags},
		}, loadFlags(), printFlags(checkFormats...)),
		Action: s.check,
	}
}

func (s streams) check(c *cli.Context) error {
	format := c.String("format")
	if format != "" {
		if err := choose("format", format, checkFormats); err != nil {
			return err
		}
	}
	g := gate{failOn: c.String("fail-on"), strict: c.Bool("strict")}
	if err := choose("fail-on", g.failOn, failOn); err != nil {
		return err
	}
	settings, err := checkSettings(c)
	if err != nil {
		return err
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, c.Args().Slice())
	if err != nil {
		return err
	}
	found, err := rules.Check(ctx, in.Networks, settings)
	if errors.Is(err, context.DeadlineExceeded) {
		found, err = rules.Answer{Diagnostics: diag.List{unfinished(c)}}, nil
	}
	if err != nil {
		return err
	}
	answer := report.Check{
		Findings: found.Findings, Diagnostics: append(in.Diagnostics, found.Diagnostics...).Sort(),
		Coverage: coverage(in), Rules: catalogue(rules.All()), Sources: in.Sources, Version: version(), Changed: c.Bool("changed"),
	}
	answer.Exit = g.exit(answer.Findings, answer.Diagnostics, answer.Coverage, len(found.Disagreements))
	for _, d := range found.Disagreements {
		fmt.Fprintf(s.err, "postern: internal error: %s\n", report.Clean(d.Error()))
	}
	if err := emitSMT(c.String("emit-smt"), in.Networks, answer.Findings); err != nil {
		return err
	}
	text, err := s.write(c, format, answer)
	if err != nil {
		return err
	}
	if err := s.print(c, text); err != nil {
		return err
	}
	if c.String("output") != "" {
		fmt.Fprintln(s.err, answer.Exit.Words)
	}
	return ended(answer.Exit.Status)
}

// unfinished says that the rules were stopped: what was read is still shown.
func unfinished(c *cli.Context) diag.Diagnostic {
	return diag.Diagnostic{
		Error: true, Message: "not done after --timeout " + c.Duration("timeout").String(),
		Fix: tooLate, Note: "no rule's findings are shown, since some are missing",
	}
}

// ended turns a status into what an action returns.
func ended(status int) error {
	if status == statusOK {
		return nil
	}
	return statusError(status)
}

func (s streams) write(c *cli.Context, format string, answer report.Check) (string, error) {
	switch format {
	case "json":
		return report.JSON(answer)
	case "sarif":
		return report.SARIF(answer, repositoryPrefix())
	case "github":
		return report.GitHub(answer, repositoryPrefix()), nil
	case "markdown":
		return report.Markdown(answer), nil
	case "full":
		return report.Full(answer, s.looks(c)), nil
	case "concise":
		return report.Concise(answer, s.looks(c)), nil
	}
	return report.Text(answer, s.looks(c)), nil
}

// checkSettings reads the flags that choose rules. Each takes several names,
// with commas or by repetition.
func checkSettings(c *cli.Context) (rules.Settings, error) {
	settings := rules.Settings{Now: time.Now(), Partial: c.Bool("changed")}
	for _, f := range []struct {
		flag string
		to   *[]string
	}{{"rule", &settings.Only}, {"enable", &settings.Enable}, {"disable", &settings.Disable}} {
		for _, value := range c.StringSlice(f.flag) {
			for _, id := range strings.Split(value, ",") {
				id = strings.TrimSpace(id)
				if rules.Find(id) == nil {
					return settings, unknownRule(id)
				}
				*f.to = append(*f.to, id)
			}
		}
	}
	return settings, nil
}

func unknownRule(id string) error {
	e := &usageError{message: "no rule is called " + id}
	if near := nearest.One(id, rules.Names()); near != "" {
		e.message += "; did you mean " + near + "?"
	} else {
		e.hints = []hint{{"every rule", "postern rules", ""}}
	}
	return e
}

// catalogue is the rules as reports show them.
func catalogue(rs []*rules.Rule) []report.Rule {
	var out []report.Rule
	for _, r := range rs {
		out = append(out, report.Rule{
			ID: r.ID, Title: r.Title, Severity: r.Severity, Off: r.Off,
			What: r.Doc.What, Why: r.Doc.Why, Fix: r.Doc.Fix, Bad: r.Doc.Bad, Good: r.Doc.Good, References: r.Doc.References,
		})
	}
	return out
}
