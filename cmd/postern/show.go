package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/postern-dev/postern/internal/endpoint"
	"github.com/postern-dev/postern/parse"
	"github.com/postern-dev/postern/report"
)

var showFormats = []string{"text", "json"}

func showCommand(s streams) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "the network as postern sees it, and what it could not resolve", ArgsUsage: "[PATH...]",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "names", Usage: "only the names that questions can use", DisableDefaultText: true},
		}, loadFlags(), printFlags(showFormats...)),
		Action: s.show,
	}
}

func (s streams) show(c *cli.Context) error {
	format := c.String("format")
	if format == "" {
		format = "text"
	}
	if err := choose("format", format, showFormats); err != nil {
		return err
	}
	ctx, cancel := deadline(c)
	defer cancel()
	in, err := s.load(ctx, c, c.Args().Slice())
	if err != nil {
		return err
	}
	list := allDiagnostics(in)
	fmt.Fprint(s.err, report.Diagnostics(list, in.Sources, report.Options{}))
	text, err := s.showText(c, format, in, !list.Errors())
	if err != nil {
		return err
	}
	if err := s.print(c, text); err != nil {
		return err
	}
	if list.Errors() {
		return ended(statusUsage)
	}
	return nil
}

func (s streams) showText(c *cli.Context, format string, in *parse.Result, complete bool) (string, error) {
	switch {
	case c.Bool("names"):
		var names []report.Name
		for _, n := range endpoint.Names(in.Networks...) {
			names = append(names, report.Name(n))
		}
		return report.Names(names, s.looks(c)), nil
	case format == "json":
		return report.ShowJSON(in.Networks, coverage(in), complete)
	}
	return report.Show(in.Networks, coverage(in), s.looks(c)), nil
}
